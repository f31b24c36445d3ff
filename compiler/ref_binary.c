// SPDX-License-Identifier: MIT
/*
 * The reference executor's operators on two tensors, element by element. A
 * dimension that one of them has only one of is repeated. Called by ref.c.
 */
#include "ref.h"

/* What all elements of an operator have in common. */
struct binary {
	const struct tnc_factor *factor;
	int a_zero, b_zero, out_zero;
	int min, max;
};

/* Both inputs in units of 2^-20 of twice the larger scale. */
static uint32_t scaled(int x, int zero, struct tnc_factor factor)
{
	return ref_scale((x - zero) * (1 << 20), factor);
}

static int8_t sum(const struct binary *b, int x, int y)
{
	return ref_requantise(scaled(x, b->a_zero, b->factor[0]) +
				      scaled(y, b->b_zero, b->factor[1]),
			      b->factor[2], b->out_zero, b->min, b->max);
}

static int8_t difference(const struct binary *b, int x, int y)
{
	return ref_requantise(scaled(x, b->a_zero, b->factor[0]) -
				      scaled(y, b->b_zero, b->factor[1]),
			      b->factor[2], b->out_zero, b->min, b->max);
}

static int8_t product(const struct binary *b, int x, int y)
{
	return ref_requantise((x - b->a_zero) * (y - b->b_zero), b->factor[0],
			      b->out_zero, b->min, b->max);
}

static int8_t larger(const struct binary *b, int x, int y)
{
	return ref_clamp(x > y ? x : y, b->min, b->max);
}

static int8_t smaller(const struct binary *b, int x, int y)
{
	return ref_clamp(x < y ? x : y, b->min, b->max);
}

static int8_t (*const combine[TNC_OP_KINDS])(const struct binary *b, int x,
					     int y) = {
	[TNC_ADD] = sum,
	[TNC_SUB] = difference,
	[TNC_MUL] = product,
	[TNC_MAXIMUM] = larger,
	[TNC_MINIMUM] = smaller,
};

/* Where in an input row @row of the output finds its elements. */
static int64_t place(const struct tnc_tensor *in, const struct tnc_tensor *out,
		     int64_t row)
{
	int64_t offset = 0, stride = 1;

	if (out->rank)
		stride = tnc_tensor_dim(in, out->rank, out->rank - 1);
	for (int d = out->rank - 2; d >= 0; d--) {
		int size = tnc_tensor_dim(in, out->rank, d);

		if (size > 1)
			offset += row % out->shape[d] * stride;
		row /= out->shape[d];
		stride *= size;
	}
	return offset;
}

void tnc_ref_binary(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *a = tnc_op_input(c, op, 0);
	const struct tnc_tensor *b = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int depth = out->rank ? out->shape[out->rank - 1] : 1;
	int64_t rows = tnc_tensor_elements(out) / depth;
	bool is_a_row = a->rank && a->shape[a->rank - 1] > 1;
	bool is_b_row = b->rank && b->shape[b->rank - 1] > 1;
	int8_t *to = (int8_t *)out->value;
	struct binary all = {
		.factor = tnc_op_factor_count(c, op) ? tnc_ref_factors(c, op) :
						       NULL,
		.a_zero = a->quant.zero_point[0],
		.b_zero = b->quant.zero_point[0],
		.out_zero = out->quant.zero_point[0],
	};

	tnc_op_clamp(c, op, &all.min, &all.max);
	for (int64_t row = 0; row < rows; row++) {
		const int8_t *x = tnc_ref_value(c, a->id) + place(a, out, row);
		const int8_t *y = tnc_ref_value(c, b->id) + place(b, out, row);

		for (int i = 0; i < depth; i++)
			*to++ = combine[op->kind](&all, x[is_a_row ? i : 0],
						  y[is_b_row ? i : 0]);
	}
}
