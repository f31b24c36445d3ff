// SPDX-License-Identifier: MIT
/*
 * The reference executor's operators that compute element by element on tensors
 * of any integer type, inputs being broadcast to the output: what int8 sums and
 * their like (ref_binary.c) and tables (ref_unary.c) do not cover. Called by
 * ref.c.
 */
#include <errno.h>

#include "ref.h"

#define INPUTS 3

/* What all elements of an operator have in common. */
struct elementwise {
	const struct tnc_op *op;
	struct tnc_factor factor[3];
	int zero[INPUTS], out_zero;
	int left_shift;
	int64_t min, max;
};

static int32_t wrap(int64_t x)
{
	return (int32_t)(uint32_t)x;
}

static int64_t limit(const struct elementwise *e, int64_t x)
{
	return x < e->min ? e->min : x > e->max ? e->max : x;
}

/* An input in units of its factor, with so many bits of fraction. */
static int32_t scaled(const struct elementwise *e, const int32_t *x, int input)
{
	return ref_scale((x[input] - e->zero[input]) * (1 << e->left_shift),
			 e->factor[input]);
}

static int64_t requantised(const struct elementwise *e, int32_t x, int factor)
{
	return limit(e, (int64_t)ref_scale(x, e->factor[factor]) + e->out_zero);
}

static int64_t sum(const struct elementwise *e, const int32_t *x)
{
	return requantised(e, wrap((int64_t)scaled(e, x, 0) + scaled(e, x, 1)),
			   2);
}

static int64_t difference(const struct elementwise *e, const int32_t *x)
{
	return requantised(e, wrap((int64_t)scaled(e, x, 0) - scaled(e, x, 1)),
			   2);
}

static int64_t product(const struct elementwise *e, const int32_t *x)
{
	return requantised(e, wrap((int64_t)(x[0] - e->zero[0]) *
				   (x[1] - e->zero[1])), 0);
}

static int64_t squared_difference(const struct elementwise *e, const int32_t *x)
{
	int64_t d = (int64_t)scaled(e, x, 0) - scaled(e, x, 1);

	return requantised(e, wrap(d * d), 2);
}

/* Plain numbers, modulo 2^32. */
static int64_t plain(const struct elementwise *e, const int32_t *x)
{
	int64_t a = x[0], b = x[1];

	switch (e->op->kind) {
	case TNC_ADD: return wrap(a + b);
	case TNC_SUB: return wrap(a - b);
	case TNC_MUL: return wrap(a * b);
	case TNC_SQUARED_DIFFERENCE:
		return wrap((int64_t)wrap(a - b) * wrap(a - b));
	case TNC_MAXIMUM: return limit(e, a > b ? a : b);
	case TNC_MINIMUM: return limit(e, a < b ? a : b);
	case TNC_LOGICAL_AND: return a && b;
	case TNC_LOGICAL_OR: return a || b;
	case TNC_LOGICAL_NOT: return !a;
	case TNC_SELECT: return a ? b : x[2];
	default: return a; /* CAST: what is written says the rest */
	}
}

static bool compare(enum tnc_op_kind kind, int32_t a, int32_t b)
{
	switch (kind) {
	case TNC_EQUAL: return a == b;
	case TNC_NOT_EQUAL: return a != b;
	case TNC_LESS: return a < b;
	case TNC_LESS_EQUAL: return a <= b;
	case TNC_GREATER: return a > b;
	default: return a >= b;
	}
}

/* Quantised numbers are compared by value, others as they are. */
static int64_t comparison(const struct elementwise *e, const int32_t *x)
{
	if (e->left_shift)
		return compare(e->op->kind, scaled(e, x, 0), scaled(e, x, 1));
	return compare(e->op->kind, x[0], x[1]);
}

static int64_t prelu(const struct elementwise *e, const int32_t *x)
{
	int32_t value = x[0] - e->zero[0];

	if (value >= 0)
		return requantised(e, value, 0);
	return requantised(e, wrap((int64_t)value * (x[1] - e->zero[1])), 1);
}

static int64_t quantize(const struct elementwise *e, const int32_t *x)
{
	return requantised(e, wrap((int64_t)x[0] - e->zero[0]), 0);
}

typedef int64_t function(const struct elementwise *e, const int32_t *x);

/* Of int8 and int16 with scales, and of everything else. */
static const struct {
	function *quantised, *plain;
} functions[TNC_OP_KINDS] = {
	[TNC_ADD] = { sum, plain },
	[TNC_SUB] = { difference, plain },
	[TNC_MUL] = { product, plain },
	[TNC_MAXIMUM] = { plain, plain },
	[TNC_MINIMUM] = { plain, plain },
	[TNC_SQUARED_DIFFERENCE] = { squared_difference, plain },
	[TNC_EQUAL] = { comparison, comparison },
	[TNC_NOT_EQUAL] = { comparison, comparison },
	[TNC_LESS] = { comparison, comparison },
	[TNC_LESS_EQUAL] = { comparison, comparison },
	[TNC_GREATER] = { comparison, comparison },
	[TNC_GREATER_EQUAL] = { comparison, comparison },
	[TNC_LOGICAL_AND] = { plain, plain },
	[TNC_LOGICAL_OR] = { plain, plain },
	[TNC_LOGICAL_NOT] = { plain, plain },
	[TNC_SELECT] = { plain, plain },
	[TNC_PRELU] = { prelu, prelu },
	[TNC_QUANTIZE] = { quantize, quantize },
	[TNC_CAST] = { plain, plain },
};

static int32_t element(const void *value, enum tnc_type type, int64_t i)
{
	switch (type) {
	case TNC_INT8: return ((const int8_t *)value)[i];
	case TNC_INT16: return ((const int16_t *)value)[i];
	case TNC_INT32: return ((const int32_t *)value)[i];
	default: return ((const uint8_t *)value)[i];
	}
}

/* What a type can't hold is cut off; a bool is 0 or 1. */
static void put(void *value, enum tnc_type type, int64_t i, int64_t x)
{
	switch (type) {
	case TNC_INT16:
		((int16_t *)value)[i] = x;
		break;
	case TNC_INT32:
		((int32_t *)value)[i] = x;
		break;
	case TNC_BOOL:
		((uint8_t *)value)[i] = x != 0;
		break;
	default:
		((uint8_t *)value)[i] = x;
		break;
	}
}

/* Where in an input the output's element @i finds its own. */
static int64_t place(const struct tnc_tensor *in, const struct tnc_tensor *out,
		     int64_t i)
{
	int64_t offset = 0, stride = 1;

	for (int d = out->rank - 1; d >= 0; d--) {
		int size = tnc_tensor_dim(in, out->rank, d);

		if (size > 1)
			offset += i % out->shape[d] * stride;
		i /= out->shape[d];
		stride *= size;
	}
	return offset;
}

static int left_shift_of(const struct tnc_op *op, enum tnc_type type)
{
	bool is_wide = type == TNC_INT16;

	switch (op->kind) {
	case TNC_ADD:
	case TNC_SUB:
		return is_wide ? 15 : 20;
	case TNC_SQUARED_DIFFERENCE:
		return is_wide ? 0 : 7;
	default: /* comparisons */
		return type == TNC_INT8 ? 8 : 0;
	}
}

static bool is_quantised(const struct tnc_tensor *t)
{
	return t->quant.count && (t->type == TNC_INT8 || t->type == TNC_INT16);
}

static struct elementwise elementwise_of(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct elementwise e = {
		.op = op,
		.out_zero = out->quant.count ? out->quant.zero_point[0] : 0,
		.left_shift = is_quantised(in) ? left_shift_of(op, in->type) : 0,
		.min = tnc_type_info[out->type].min,
		.max = tnc_type_info[out->type].max,
	};
	int low, high;

	if (out->type == TNC_INT32) {
		e.min = INT32_MIN;
		e.max = INT32_MAX;
	} else if (is_quantised(out)) {
		tnc_op_clamp(c, op, &low, &high);
		e.min = low;
		e.max = high;
	}
	for (int i = 0; i < op->inputs; i++)
		if (tnc_op_input(c, op, i)->quant.count)
			e.zero[i] = tnc_op_input(c, op, i)->quant.zero_point[0];
	if (tnc_op_factor_count(c, op) && is_quantised(in))
		for (int i = 0; i < tnc_op_factor_count(c, op); i++)
			e.factor[i] = tnc_ref_factors(c, op)[i];
	else if (op->kind == TNC_QUANTIZE)
		e.factor[0] = tnc_ref_factors(c, op)[0];
	return e;
}

void tnc_ref_elementwise(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op), *in[INPUTS];
	struct elementwise e = elementwise_of(c, op);
	const void *value[INPUTS];
	int64_t count = tnc_tensor_elements(out);
	function *f;

	for (int k = 0; k < op->inputs; k++) {
		in[k] = tnc_op_input(c, op, k);
		value[k] = tnc_ref_value(c, op->input[k]);
	}
	f = is_quantised(in[0]) ? functions[op->kind].quantised :
				  functions[op->kind].plain;
	for (int64_t i = 0; i < count; i++) {
		int32_t x[INPUTS] = { 0 };

		for (int k = 0; k < op->inputs; k++)
			x[k] = element(value[k], in[k]->type,
				       place(in[k], out, i));
		put(out->value, out->type, i, f(&e, x));
	}
}
