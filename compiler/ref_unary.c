// SPDX-License-Identifier: MIT
/*
 * The reference executor's operators on one tensor of int8 or int16: what they
 * do to each value there is, as a table. Some are fixed-point functions of
 * gemmlowp, some are computed in float32 as TensorFlow Lite computes its own
 * tables. Passes use the table of an int8 operator, too.
 */
#include <errno.h>
#include <math.h>

#include "ref.h"

/* What all values of an operator have in common. */
struct unary {
	const struct tnc_op *op;
	struct tnc_factor factor[2];
	float in_scale, out_scale;
	int in_zero, out_zero;
	int min, max;		/* of the output's type */
	int16_t lines[513];	/* of EXP of int16 */
};

static int requantised(const struct unary *u, int x, struct tnc_factor factor)
{
	struct tnc_factor size = factor;

	if (factor.multiplier >= 0)
		return ref_scale(x, factor) + u->out_zero;
	size.multiplier = -factor.multiplier;
	return u->out_zero - ref_scale(x, size);
}

/* The value of the output next to a real number. */
static int quantised(const struct unary *u, float real)
{
	int64_t q = u->out_zero + (int64_t)roundf(real / u->out_scale);

	return ref_clamp(q, u->min, u->max);
}

static int relu(const struct unary *u, int x)
{
	int q = requantised(u, x - u->in_zero, u->factor[0]);

	switch (u->op->kind) {
	case TNC_RELU:
		return ref_clamp(q, quantised(u, 0), u->max);
	case TNC_RELU_N1_TO_1:
		return ref_clamp(q, quantised(u, -1), quantised(u, 1));
	default:
		return ref_clamp(q, quantised(u, 0), quantised(u, 1));
	}
}

/* Of the input's own scale: nothing is scaled. */
static int relu6(const struct unary *u, int x)
{
	float six = roundf(6.0f / u->in_scale) + u->in_zero;

	return ref_clamp(x, u->in_zero, six < u->max ? six : u->max);
}

static int leaky_relu(const struct unary *u, int x)
{
	x -= u->in_zero;
	return ref_clamp(requantised(u, x, u->factor[x < 0]), u->min, u->max);
}

static int absolute(const struct unary *u, int x)
{
	x = x < u->in_zero ? u->in_zero - x : x - u->in_zero;
	if (u->in_scale == u->out_scale)
		return ref_clamp(x + u->out_zero, u->min, u->max);
	return ref_clamp(requantised(u, x, u->factor[0]), u->min, u->max);
}

static int rsqrt(const struct unary *u, int x)
{
	struct tnc_factor root, last = u->factor[0];
	int32_t y;

	x -= u->in_zero;
	if (x <= 0)
		return u->max;
	root = tnc_ref_rsqrt(x);
	root.shift += 20;	/* for 20 bits of fraction */
	y = ref_scale(1, root);
	last.shift -= 20;
	if (last.shift < -31)
		return u->out_zero;
	return ref_clamp(requantised(u, y, last), u->min, u->max);
}

static int exp16(const struct unary *u, int x)
{
	return tnc_ref_look_up(x, u->lines);
}

/* Q4.27 of the input, or the end of its range. */
static bool is_beyond(const struct unary *u, int x, int32_t *q4)
{
	struct tnc_factor factor = tnc_factor_of((double)u->in_scale *
						 134217728.0);
	double radius = floor(15.0 * 134217728.0 / ldexp(1, factor.shift));

	x -= u->in_zero;
	if (x <= -radius || x >= radius)
		return true;
	*q4 = ref_scale(x, factor);
	return false;
}

static int logistic8(const struct unary *u, int x)
{
	int32_t q4;

	if (is_beyond(u, x, &q4))
		return x < u->in_zero ? -128 : 127;
	return ref_clamp(ref_shift_right(tnc_ref_logistic(q4), 23) - 128, -128,
			 127);
}

static int tanh8(const struct unary *u, int x)
{
	int32_t q4;

	if (is_beyond(u, x, &q4))
		return x < u->in_zero ? -128 : 127;
	return ref_clamp(ref_shift_right(tnc_ref_tanh(q4), 24), -128, 127);
}

/* Multiplier and right shift that bring int16 to Q4.11 times 3 / 4. */
struct tnc_factor tnc_ref_sigmoid_factor(const struct tnc_op *op, float scale)
{
	struct tnc_factor factor = { 0 };
	double multiplier = (double)scale * 4096.0 * 3.0;
	/* As the reference looks whether it is a power of two. */
	float power = logf(scale) * (1.0f / logf(2.0f));
	int shift = (int)roundf(power) + 12;

	if (fabsf(power - roundf(power)) < 1e-3f && shift >= 0 &&
	    shift <= (op->kind == TNC_TANH)) {
		factor.multiplier = 3 << shift;
		return factor;
	}
	for (; multiplier <= 32767.0 / 2.0 && factor.shift <= 30; factor.shift++)
		multiplier *= 2.0;
	factor.multiplier = multiplier;
	return factor;
}

/*
 * sigmoid(i / 24) x 2^16, a little more than that, so that lines between
 * entries err to both sides alike.
 */
int tnc_ref_sigmoid(int i)
{
	double y[3];

	for (int k = 0; k < 3; k++)
		y[k] = 65536 / (1 + exp(-(i + k / 2.0) / 24));
	if (i == 255)
		return 65535;
	return lround(y[0] + (y[1] - (y[0] + y[2]) / 2) / 2);
}

static int logistic16(const struct unary *u, int x)
{
	struct tnc_factor factor = tnc_ref_sigmoid_factor(u->op, u->in_scale);
	int32_t round = factor.shift ? 1 << (factor.shift - 1) : 0;
	int32_t q = (x * factor.multiplier + round) >> factor.shift;
	int32_t size = q < 0 ? -q : q, result = 0x7fff << 10;
	int i = size >> 9;

	if (i < 255)
		result = (tnc_ref_sigmoid(i) << 9) +
			 (size & 511) * (tnc_ref_sigmoid(i + 1) -
					 tnc_ref_sigmoid(i));
	result = q >= 0 ? result + 512 : (1 << 25) - result + 511;
	return result >> 10;
}

static int tanh16(const struct unary *u, int x)
{
	struct tnc_factor factor = tnc_ref_sigmoid_factor(u->op, u->in_scale);
	int32_t round = factor.shift ? 1 << (factor.shift - 1) : 0;
	int32_t q = (x * factor.multiplier + round) >> factor.shift;
	int32_t size = q < 0 ? -q : q, result = 0xffff << 8;
	int i = size >> 8;

	if (i < 255)
		result = (tnc_ref_sigmoid(i) << 8) +
			 (size & 255) * (tnc_ref_sigmoid(i + 1) -
					 tnc_ref_sigmoid(i));
	result = q >= 0 ? result - (1 << 23) + 128 : (1 << 23) - result + 127;
	return result >> 8;
}

/* High half of twice the product of int16, rounded or truncated. */
static int16_t multiply_high16(int a, int b, bool is_rounded)
{
	int product = a * b, nudge = product >= 0 ? 1 << 14 : 1 - (1 << 14);

	if (a == INT16_MIN && b == INT16_MIN)
		return INT16_MAX;
	return (product + (is_rounded ? nudge : 0)) / (1 << 15);
}

static int16_t shift_left16(int x, int shift)
{
	return ref_clamp(tnc_ref_shift_left(x, shift), INT16_MIN, INT16_MAX);
}

static int16_t multiplier16(int32_t multiplier)
{
	return multiplier >= INT32_MAX - (1 << 15) ? INT16_MAX :
	       (multiplier + (1 << 15)) >> 16;
}

static int hard_swish8(const struct unary *u, int x)
{
	float fine = (1.0f / 128.0f) * u->in_scale;
	struct tnc_factor out = tnc_factor_of((double)(fine / u->out_scale));
	struct tnc_factor gate = tnc_factor_of((double)(fine /
							(3.0f / 32768.0f)));
	int16_t value = (x - u->in_zero) * 128;
	int16_t scaled = multiply_high16(value, multiplier16(out.multiplier),
					 true);
	int16_t relu = value;

	if (gate.shift > 0)
		relu = shift_left16(relu, gate.shift - 1);
	relu = multiply_high16(relu, multiplier16(gate.multiplier), true);
	if (gate.shift > 0)
		relu = shift_left16(relu, 1);
	if (gate.shift < 0)
		relu = ref_shift_right(relu, -gate.shift);
	relu = (relu + (1 << 15)) >> 1;
	scaled = multiply_high16(relu, scaled, false);
	return ref_clamp((int16_t)(ref_shift_right(scaled, -out.shift) +
				   u->out_zero), -128, 127);
}

static float real_gelu(const struct tnc_op *op, float x)
{
	const float root = (float)(M_2_SQRTPI * M_SQRT1_2);

	if (op->mode & TNC_MODE_APPROXIMATE)
		return 0.5f * x * (1.f + tanhf(root * x *
					       (1.f + 0.044715f * x * x)));
	return 0.5f * x * erfcf(x * (float)-M_SQRT1_2);
}

static float real(const struct tnc_op *op, float x)
{
	switch (op->kind) {
	case TNC_ELU: return x < 0 ? expf(x) - 1.0f : x;
	case TNC_GELU: return real_gelu(op, x);
	case TNC_SOFTPLUS: return log1pf(expf(x));
	case TNC_HARD_SIGMOID:
		return fmaxf(0, fminf(1, op->alpha * x + op->beta));
	case TNC_EXP: return expf(x);
	case TNC_LOG: return logf(x);
	case TNC_SQRT: return sqrtf(x);
	case TNC_SQUARE: return x * x;
	case TNC_NEG: return -x;
	case TNC_SIGN: return (x > 0) - (x < 0);
	case TNC_SIN: return sinf(x);
	case TNC_COS: return cosf(x);
	case TNC_ERF: return erff(x);
	case TNC_FLOOR: return floorf(x);
	case TNC_CEIL: return ceilf(x);
	default: return rintf(x);
	}
}

/* A number that is none becomes the least, as one below all does. */
static int by_float(const struct unary *u, int x)
{
	float value = real(u->op, u->in_scale * (x - u->in_zero));
	float q = roundf(value * (1 / u->out_scale)) + u->out_zero;

	return !(q >= u->min) ? u->min : q >= u->max ? u->max : (int)q;
}

static int (*const int8_functions[TNC_OP_KINDS])(const struct unary *u,
						 int x) = {
	[TNC_RELU] = relu,
	[TNC_RELU_N1_TO_1] = relu,
	[TNC_RELU_0_TO_1] = relu,
	[TNC_RELU6] = relu6,
	[TNC_LEAKY_RELU] = leaky_relu,
	[TNC_ABS] = absolute,
	[TNC_RSQRT] = rsqrt,
	[TNC_LOGISTIC] = logistic8,
	[TNC_TANH] = tanh8,
	[TNC_HARD_SWISH] = hard_swish8,
	[TNC_ELU] = by_float,
	[TNC_GELU] = by_float,
	[TNC_SOFTPLUS] = by_float,
	[TNC_HARD_SIGMOID] = by_float,
	[TNC_EXP] = by_float,
	[TNC_LOG] = by_float,
	[TNC_SQRT] = by_float,
	[TNC_SQUARE] = by_float,
	[TNC_NEG] = by_float,
	[TNC_SIGN] = by_float,
	[TNC_SIN] = by_float,
	[TNC_COS] = by_float,
	[TNC_ERF] = by_float,
	[TNC_FLOOR] = by_float,
	[TNC_CEIL] = by_float,
	[TNC_ROUND] = by_float,
};

static int (*const int16_functions[TNC_OP_KINDS])(const struct unary *u,
						  int x) = {
	[TNC_RELU] = relu,
	[TNC_RELU_N1_TO_1] = relu,
	[TNC_RELU_0_TO_1] = relu,
	[TNC_RELU6] = relu6,
	[TNC_LEAKY_RELU] = leaky_relu,
	[TNC_ABS] = absolute,
	[TNC_RSQRT] = rsqrt,
	[TNC_EXP] = exp16,
	[TNC_LOGISTIC] = logistic16,
	[TNC_TANH] = tanh16,
};

bool tnc_ref_has_unary(enum tnc_op_kind kind, enum tnc_type type)
{
	return (type == TNC_INT8 && int8_functions[kind]) ||
	       (type == TNC_INT16 && int16_functions[kind]);
}

static struct unary unary_of(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct unary u = {
		.op = op,
		.in_scale = in->quant.scale[0],
		.out_scale = out->quant.scale[0],
		.in_zero = in->quant.zero_point[0],
		.out_zero = out->quant.zero_point[0],
		.min = tnc_type_info[out->type].min,
		.max = tnc_type_info[out->type].max,
	};

	tnc_op_factors(c, op, u.factor);
	if (op->kind == TNC_EXP && in->type == TNC_INT16)
		tnc_ref_lines(u.in_scale, 0, u.out_scale, expf, u.lines);
	return u;
}

/* The results for all int8 from -128 on. */
void tnc_ref_unary_table(struct tnc *c, const struct tnc_op *op,
			 int8_t table[256])
{
	struct unary u = unary_of(c, op);

	for (int x = -128; x < 128; x++)
		table[x + 128] = int8_functions[op->kind](&u, x);
}

void tnc_ref_unary(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	const int8_t *value = tnc_ref_value(c, op->input[0]);
	int64_t count = tnc_tensor_elements(out);
	struct unary u = unary_of(c, op);
	int8_t table[256];

	if (out->type == TNC_INT16) {
		for (int64_t i = 0; i < count; i++)
			((int16_t *)out->value)[i] = int16_functions[op->kind](
				&u, ((const int16_t *)value)[i]);
		return;
	}
	tnc_ref_unary_table(c, op, table);
	for (int64_t i = 0; i < count; i++)
		((int8_t *)out->value)[i] = table[value[i] + 128];
}
