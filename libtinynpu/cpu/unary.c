// SPDX-License-Identifier: MIT
/*
 * UNARY: functions of one element, in float32; those that integers have, too.
 */
#include "kernels.h"

#include <math.h>

static float gelu(float x)
{
	return 0.5f * x * (1 + erff(x * 0.70710678f));
}

static float gelu_tanh(float x)
{
	return 0.5f * x *
	       (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
}

static float logistic(float x)
{
	return 1 / (1 + expf(-x));
}

static float softplus(float x)
{
	return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x)));
}

static float sign(float x)
{
	return x > 0 ? 1 : x < 0 ? -1 : x;
}

/* out[i] = VALUE of x = in[i], with parameters a and b */
#define EACH(name, value) \
	static void name(const float *in, float *out, uint64_t count, \
			 float a, float b) \
	{ \
		uint64_t i; \
		for (i = 0; i < count; i++) { \
			float x = in[i]; \
			out[i] = (value); \
		} \
	}

EACH(each_clamp, clamp(x, a, b))
EACH(each_leaky_relu, x >= 0 ? x : x * a)
EACH(each_elu, x >= 0 ? x : a * expm1f(x))
EACH(each_selu, x > 0 ? b * x : b * a * expm1f(x))
EACH(each_celu, x >= 0 ? x : a * expm1f(x / a))
EACH(each_thresholded_relu, x > a ? x : 0)
EACH(each_hard_swish, x * clamp(x + 3, 0, 6) / 6)
EACH(each_hard_sigmoid, clamp(a * x + b, 0, 1))
EACH(each_logistic, logistic(x))
EACH(each_silu, x *logistic(x))
EACH(each_mish, x *tanhf(softplus(x)))
EACH(each_tanh, tanhf(x))
EACH(each_gelu, gelu(x))
EACH(each_gelu_tanh, gelu_tanh(x))
EACH(each_softplus, softplus(x))
EACH(each_softsign, x / (1 + fabsf(x)))
EACH(each_erf, erff(x))
EACH(each_exp, expf(x))
EACH(each_log, logf(x))
EACH(each_sqrt, sqrtf(x))
EACH(each_rsqrt, 1 / sqrtf(x))
EACH(each_reciprocal, 1 / x)
EACH(each_square, x *x)
EACH(each_abs, fabsf(x))
EACH(each_neg, -x)
EACH(each_sign, sign(x))
EACH(each_sin, sinf(x))
EACH(each_cos, cosf(x))
EACH(each_tan, tanf(x))
EACH(each_asin, asinf(x))
EACH(each_acos, acosf(x))
EACH(each_atan, atanf(x))
EACH(each_sinh, sinhf(x))
EACH(each_cosh, coshf(x))
EACH(each_asinh, asinhf(x))
EACH(each_acosh, acoshf(x))
EACH(each_atanh, atanhf(x))
EACH(each_floor, floorf(x))
EACH(each_ceil, ceilf(x))
EACH(each_round, rintf(x))
EACH(each_trunc, truncf(x))

static void (*const functions[NPU_CPU_UNARY_COUNT])(const float *in, float *out,
						    uint64_t count, float a,
						    float b) = {
	[NPU_CPU_CLAMP] = each_clamp,
	[NPU_CPU_LEAKY_RELU] = each_leaky_relu,
	[NPU_CPU_ELU] = each_elu,
	[NPU_CPU_SELU] = each_selu,
	[NPU_CPU_CELU] = each_celu,
	[NPU_CPU_THRESHOLDED_RELU] = each_thresholded_relu,
	[NPU_CPU_HARD_SWISH] = each_hard_swish,
	[NPU_CPU_HARD_SIGMOID] = each_hard_sigmoid,
	[NPU_CPU_LOGISTIC] = each_logistic,
	[NPU_CPU_SILU] = each_silu,
	[NPU_CPU_MISH] = each_mish,
	[NPU_CPU_TANH] = each_tanh,
	[NPU_CPU_GELU] = each_gelu,
	[NPU_CPU_GELU_TANH] = each_gelu_tanh,
	[NPU_CPU_SOFTPLUS] = each_softplus,
	[NPU_CPU_SOFTSIGN] = each_softsign,
	[NPU_CPU_ERF] = each_erf,
	[NPU_CPU_EXP] = each_exp,
	[NPU_CPU_LOG] = each_log,
	[NPU_CPU_SQRT] = each_sqrt,
	[NPU_CPU_RSQRT] = each_rsqrt,
	[NPU_CPU_RECIPROCAL] = each_reciprocal,
	[NPU_CPU_SQUARE] = each_square,
	[NPU_CPU_ABS] = each_abs,
	[NPU_CPU_NEG] = each_neg,
	[NPU_CPU_SIGN] = each_sign,
	[NPU_CPU_SIN] = each_sin,
	[NPU_CPU_COS] = each_cos,
	[NPU_CPU_TAN] = each_tan,
	[NPU_CPU_ASIN] = each_asin,
	[NPU_CPU_ACOS] = each_acos,
	[NPU_CPU_ATAN] = each_atan,
	[NPU_CPU_SINH] = each_sinh,
	[NPU_CPU_COSH] = each_cosh,
	[NPU_CPU_ASINH] = each_asinh,
	[NPU_CPU_ACOSH] = each_acosh,
	[NPU_CPU_ATANH] = each_atanh,
	[NPU_CPU_FLOOR] = each_floor,
	[NPU_CPU_CEIL] = each_ceil,
	[NPU_CPU_ROUND] = each_round,
	[NPU_CPU_TRUNC] = each_trunc,
};

static bool has_integers(int32_t function)
{
	return function == NPU_CPU_ABS || function == NPU_CPU_NEG ||
	       function == NPU_CPU_SIGN || function == NPU_CPU_SQUARE ||
	       function == NPU_CPU_CLAMP;
}

static const char *check(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0];
	int32_t function = op->attr[0].i;

	if (function < 0 || function >= NPU_CPU_UNARY_COUNT)
		return "no such function";
	if (!is_same_shape(in, op->out) || in->dtype != op->out->dtype)
		return "input and output differ";
	if (function == NPU_CPU_NOT)
		return is_type(in, NPU_DTYPE_BOOL) ? NULL : "not of bool";
	if (!is_float(in) && !(is_integer(in) && has_integers(function)))
		return "not of this type";
	if (function == NPU_CPU_CLAMP && !are_bounds(op->attr[1], op->attr[2]))
		return "bounds";
	return NULL;
}

/* Wraps where the type ends. */
static int64_t of_integer(const struct cpu_op *op, int64_t x)
{
	switch (op->attr[0].i) {
	case NPU_CPU_NOT:
		return !x;
	case NPU_CPU_ABS:
		return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
	case NPU_CPU_NEG:
		return 0 - (uint64_t)x;
	case NPU_CPU_SIGN:
		return (x > 0) - (x < 0);
	case NPU_CPU_SQUARE:
		return (uint64_t)x * (uint64_t)x;
	default: /* CLAMP: bounds beyond the type bound nothing */
		if ((float)x < op->attr[1].f)
			return (int64_t)ceilf(op->attr[1].f);
		if ((float)x > op->attr[2].f)
			return (int64_t)floorf(op->attr[2].f);
		return x;
	}
}

static const char *run(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0];
	uint64_t i;

	if (is_float(in)) {
		functions[op->attr[0].i](in->data, op->out->data, in->elements,
					 op->attr[1].f, op->attr[2].f);
		return NULL;
	}
	for (i = 0; i < in->elements; i++)
		cpu_store(op->out, i, of_integer(op, cpu_load(in, i)));
	return NULL;
}

const struct cpu_kernel cpu_unary = { .check = check, .run = run };
