// SPDX-License-Identifier: MIT
/*
 * BINARY and SELECT: functions of two or three elements, of which any may be
 * repeated along dimensions.
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

static float floor_mod(float a, float b)
{
	float rest = fmodf(a, b);

	return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static float squared_difference(float a, float b)
{
	return (a - b) * (a - b);
}

/* One row; strides are 0 or 1. The common cases are loops without strides. */
#define EACH(name, type, value) \
	static void name(const float *x, int64_t x_step, const float *y, \
			 int64_t y_step, type *out, uint32_t count) \
	{ \
		uint32_t i; \
		if (x_step && y_step) { \
			for (i = 0; i < count; i++) { \
				float a = x[i], b = y[i]; \
				out[i] = (value); \
			} \
		} else { \
			for (i = 0; i < count; i++) { \
				float a = x[i * x_step], b = y[i * y_step]; \
				out[i] = (value); \
			} \
		} \
	}

EACH(each_add, float, a + b)
EACH(each_sub, float, a - b)
EACH(each_mul, float, a *b)
EACH(each_div, float, a / b)
EACH(each_pow, float, powf(a, b))
EACH(each_maximum, float, a > b || isnan(a) ? a : b)
EACH(each_minimum, float, a < b || isnan(a) ? a : b)
EACH(each_squared_difference, float, squared_difference(a, b))
EACH(each_floor_div, float, floorf(a / b))
EACH(each_floor_mod, float, floor_mod(a, b))
EACH(each_trunc_mod, float, fmodf(a, b))
EACH(each_prelu, float, a >= 0 ? a : a * b)
EACH(each_equal, uint8_t, a == b)
EACH(each_not_equal, uint8_t, a != b)
EACH(each_less, uint8_t, a < b)
EACH(each_less_equal, uint8_t, a <= b)
EACH(each_greater, uint8_t, a > b)
EACH(each_greater_equal, uint8_t, a >= b)

static void (*const float_rows[])(const float *x, int64_t x_step,
				  const float *y, int64_t y_step, float *out,
				  uint32_t count) = {
	[NPU_CPU_ADD] = each_add,
	[NPU_CPU_SUB] = each_sub,
	[NPU_CPU_MUL] = each_mul,
	[NPU_CPU_DIV] = each_div,
	[NPU_CPU_POW] = each_pow,
	[NPU_CPU_MAXIMUM] = each_maximum,
	[NPU_CPU_MINIMUM] = each_minimum,
	[NPU_CPU_SQUARED_DIFFERENCE] = each_squared_difference,
	[NPU_CPU_FLOOR_DIV] = each_floor_div,
	[NPU_CPU_FLOOR_MOD] = each_floor_mod,
	[NPU_CPU_TRUNC_MOD] = each_trunc_mod,
	[NPU_CPU_PRELU] = each_prelu,
};

static void (*const compare_rows[])(const float *x, int64_t x_step,
				    const float *y, int64_t y_step,
				    uint8_t *out, uint32_t count) = {
	[NPU_CPU_EQUAL] = each_equal,
	[NPU_CPU_NOT_EQUAL] = each_not_equal,
	[NPU_CPU_LESS] = each_less,
	[NPU_CPU_LESS_EQUAL] = each_less_equal,
	[NPU_CPU_GREATER] = each_greater,
	[NPU_CPU_GREATER_EQUAL] = each_greater_equal,
};

static bool is_logical(int32_t function)
{
	return function == NPU_CPU_AND || function == NPU_CPU_OR ||
	       function == NPU_CPU_XOR;
}

static const char *check_types(const struct cpu_op *op)
{
	int32_t function = op->attr[0].i;
	const struct cpu_tensor *a = op->in[0];

	if (a->dtype != op->in[1]->dtype)
		return "inputs of two types";
	if (function >= NPU_CPU_EQUAL ? !is_type(op->out, NPU_DTYPE_BOOL) :
					a->dtype != op->out->dtype)
		return "type of the output";
	if (is_logical(function) != is_type(a, NPU_DTYPE_BOOL) &&
	    function != NPU_CPU_EQUAL && function != NPU_CPU_NOT_EQUAL)
		return "not of this type";
	if (function == NPU_CPU_PRELU && !is_float(a))
		return "not of this type";
	return NULL;
}

static const char *check_binary(const struct cpu_op *op)
{
	struct cpu_walk walk;

	if (op->attr[0].i < 0 || op->attr[0].i >= NPU_CPU_BINARY_COUNT)
		return "no such function";
	if (!are_bounds(op->attr[1], op->attr[2]))
		return "bounds";
	if (!cpu_broadcast_strides(op->in[0], op->out, walk.stride[0]) ||
	    !cpu_broadcast_strides(op->in[1], op->out, walk.stride[1]))
		return "an input can't be repeated to the output's shape";
	return check_types(op);
}

/* --- Integers -------------------------------------------------------------- */

/* Wraps; a division by zero gives 0. */
static int64_t divide(int64_t a, int64_t b, bool is_floor, int64_t *rest)
{
	int64_t quotient;

	*rest = 0;
	if (!b)
		return 0;
	if (b == -1)
		return 0 - (uint64_t)a;
	quotient = a / b;
	*rest = a % b;
	if (is_floor && *rest && (*rest < 0) != (b < 0)) {
		*rest += b;
		quotient--;
	}
	return quotient;
}

static int64_t power(int64_t base, int64_t exponent)
{
	uint64_t result = 1, factor = base;

	if (exponent < 0)
		return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
	for (; exponent; exponent >>= 1, factor *= factor)
		if (exponent & 1)
			result *= factor;
	return result;
}

static int64_t compare(int32_t function, int64_t a, int64_t b)
{
	switch (function) {
	case NPU_CPU_EQUAL:
		return a == b;
	case NPU_CPU_NOT_EQUAL:
		return a != b;
	case NPU_CPU_LESS:
		return a < b;
	case NPU_CPU_LESS_EQUAL:
		return a <= b;
	case NPU_CPU_GREATER:
		return a > b;
	case NPU_CPU_GREATER_EQUAL:
		return a >= b;
	case NPU_CPU_AND:
		return a & b;
	case NPU_CPU_OR:
		return a | b;
	default:
		return a ^ b;
	}
}

static int64_t of_integers(int32_t function, int64_t a, int64_t b)
{
	uint64_t difference = (uint64_t)a - (uint64_t)b;
	int64_t rest;

	switch (function) {
	case NPU_CPU_ADD:
		return (uint64_t)a + (uint64_t)b;
	case NPU_CPU_SUB:
		return difference;
	case NPU_CPU_MUL:
		return (uint64_t)a * (uint64_t)b;
	case NPU_CPU_DIV:
		return divide(a, b, false, &rest);
	case NPU_CPU_POW:
		return power(a, b);
	case NPU_CPU_MAXIMUM:
		return a > b ? a : b;
	case NPU_CPU_MINIMUM:
		return a < b ? a : b;
	case NPU_CPU_SQUARED_DIFFERENCE:
		return difference * difference;
	case NPU_CPU_FLOOR_DIV:
		return divide(a, b, true, &rest);
	case NPU_CPU_FLOOR_MOD:
		divide(a, b, true, &rest);
		return rest;
	case NPU_CPU_TRUNC_MOD:
		divide(a, b, false, &rest);
		return rest;
	default:
		return compare(function, a, b);
	}
}

static void integer_row(const struct cpu_op *op, const struct cpu_walk *walk)
{
	int32_t function = op->attr[0].i;
	int64_t a = walk->at[0], b = walk->at[1];
	uint32_t i, count = walk_row(walk);

	for (i = 0; i < count; i++) {
		cpu_store(op->out, walk->at[2] + i,
			  of_integers(function, cpu_load(op->in[0], a),
				      cpu_load(op->in[1], b)));
		a += walk_stride(walk, 0);
		b += walk_stride(walk, 1);
	}
}

/* --- BINARY ---------------------------------------------------------------- */

static void float_row(const struct cpu_op *op, const struct cpu_walk *walk)
{
	int32_t function = op->attr[0].i;
	const float *a = (const float *)op->in[0]->data + walk->at[0];
	const float *b = (const float *)op->in[1]->data + walk->at[1];
	float *out = (float *)op->out->data + walk->at[2];
	float low = op->attr[1].f, high = op->attr[2].f;
	uint32_t i, count = walk_row(walk);

	if (function >= NPU_CPU_EQUAL) {
		compare_rows[function](a, walk_stride(walk, 0), b,
				       walk_stride(walk, 1),
				       (uint8_t *)op->out->data + walk->at[2],
				       count);
		return;
	}
	float_rows[function](a, walk_stride(walk, 0), b, walk_stride(walk, 1),
			     out, count);
	if (low > -INFINITY || high < INFINITY)
		for (i = 0; i < count; i++)
			out[i] = clamp(out[i], low, high);
}

/* Tensors of one shape are one row. */
static void flatten(struct cpu_walk *walk, const struct cpu_tensor *out)
{
	walk->rank = 1;
	walk->shape[0] = out->elements;
	for (int i = 0; i < WALK_OPERANDS; i++)
		walk->stride[i][0] = 1;
}

static const char *run_binary(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *out = op->out;
	struct cpu_walk walk;

	cpu_walk_init(&walk, out);
	memcpy(walk.stride[2], walk.stride[0], sizeof(walk.stride[0]));
	cpu_broadcast_strides(op->in[0], out, walk.stride[0]);
	cpu_broadcast_strides(op->in[1], out, walk.stride[1]);
	if (op->in[0]->elements == out->elements &&
	    op->in[1]->elements == out->elements)
		flatten(&walk, out);
	do {
		if (is_float(op->in[0]))
			float_row(op, &walk);
		else
			integer_row(op, &walk);
	} while (cpu_walk_next_row(&walk));
	return NULL;
}

const struct cpu_kernel cpu_binary = {
	.check = check_binary,
	.run = run_binary,
};

/* --- SELECT ---------------------------------------------------------------- */

static const char *check_select(const struct cpu_op *op)
{
	int64_t stride[MAX_RANK];
	int i;

	if (!is_type(op->in[0], NPU_DTYPE_BOOL))
		return "the condition is not bool";
	if (op->in[1]->dtype != op->out->dtype ||
	    op->in[2]->dtype != op->out->dtype)
		return "types";
	for (i = 0; i < 3; i++)
		if (!cpu_broadcast_strides(op->in[i], op->out, stride))
			return "an input can't be repeated to the output's shape";
	return NULL;
}

static const char *run_select(const struct cpu_op *op, void *scratch)
{
	uint32_t size = cpu_element_bytes(op->out->dtype), i;
	const uint8_t *condition = op->in[0]->data;
	uint8_t *to = op->out->data;
	struct cpu_walk walk;
	int k;

	cpu_walk_init(&walk, op->out);
	for (k = 0; k < 3; k++)
		cpu_broadcast_strides(op->in[k], op->out, walk.stride[k]);
	do {
		for (i = 0; i < walk_row(&walk); i++, to += size) {
			k = condition[walk.at[0] + i * walk_stride(&walk, 0)] ?
				1 : 2;
			memcpy(to, (const uint8_t *)op->in[k]->data +
				   (walk.at[k] + i * walk_stride(&walk, k)) *
				   size, size);
		}
	} while (cpu_walk_next_row(&walk));
	return NULL;
}

const struct cpu_kernel cpu_select = {
	.check = check_select,
	.run = run_select,
};
