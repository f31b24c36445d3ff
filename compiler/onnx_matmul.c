// SPDX-License-Identifier: MIT
/*
 * ONNX's matrix products. One with a constant matrix is a fully connected
 * layer, whose weights the graph has by output: [outputs][inputs].
 */
#include <errno.h>
#include <string.h>

#include "onnx_ops.h"

static int transposed(struct tnc_onnx *im, int id)
{
	int rank = tnc_onnx_tensor(im, id)->rank;
	int perm[TNC_RANK_MAX];

	for (int d = 0; d < rank; d++)
		perm[d] = d < rank - 2 ? d : 2 * rank - 3 - d;
	return tnc_onnx_transpose(im, id, perm);
}

/* A constant, or what dequantised bytes of one are. */
static bool is_fixed(const struct tnc_onnx *im, int id)
{
	const struct tnc *c = im->c;

	if (c->tensor[id]->data)
		return true;
	for (int i = c->ops - 1; i >= 0; i--)
		if (c->op[i]->output == id)
			return c->op[i]->kind == TNC_DEQUANTIZE &&
			       c->op[i]->inputs == 1 &&
			       tnc_op_input(c, c->op[i], 0)->data;
	return false;
}

static int fully_connected(struct tnc_onnx *im, int a, int w, int bias,
			   enum tnc_type type, struct tnc_quant out_quant)
{
	const struct tnc_tensor *x = tnc_onnx_tensor(im, a);
	const struct tnc_tensor *weights = tnc_onnx_tensor(im, w);
	int32_t shape[TNC_RANK_MAX];
	struct tnc_op *op;
	int out;

	if (x->shape[x->rank - 1] != weights->shape[1])
		tnc_error(im->c, -EINVAL, "%d columns times %d rows",
			  x->shape[x->rank - 1], weights->shape[1]);
	for (int d = 0; d < x->rank; d++)
		shape[d] = x->shape[d];
	shape[x->rank - 1] = weights->shape[0];
	out = tnc_onnx_new(im, type, x->rank, shape);
	tnc_onnx_tensor(im, out)->quant = out_quant;
	op = tnc_onnx_op(im, TNC_FULLY_CONNECTED, out, 2, a, w);
	if (bias != TNC_INPUT_NONE)
		tnc_op_add_input(im->c, op, bias);
	if (out_quant.count)
		op->mode |= TNC_MODE_ONNX;
	return out;
}

static int batched(struct tnc_onnx *im, int a, int b, enum tnc_type type,
		   struct tnc_quant out_quant)
{
	const struct tnc_tensor *x = tnc_onnx_tensor(im, a);
	const struct tnc_tensor *y = tnc_onnx_tensor(im, b);
	int rank = x->rank > y->rank ? x->rank : y->rank;
	int32_t shape[TNC_RANK_MAX];
	struct tnc_op *op;
	int out;

	if (x->shape[x->rank - 1] != y->shape[y->rank - 2])
		tnc_error(im->c, -EINVAL, "%d columns times %d rows",
			  x->shape[x->rank - 1], y->shape[y->rank - 2]);
	for (int d = 0; d < rank - 2; d++) {
		int p = tnc_tensor_dim(x, rank, d);
		int q = tnc_tensor_dim(y, rank, d);

		if (p != q && p != 1 && q != 1)
			tnc_error(im->c, -EINVAL, "%d times %d matrices", p, q);
		shape[d] = p == 1 ? q : p;
	}
	shape[rank - 2] = x->shape[x->rank - 2];
	shape[rank - 1] = y->shape[y->rank - 1];
	out = tnc_onnx_new(im, type, rank, shape);
	tnc_onnx_tensor(im, out)->quant = out_quant;
	op = tnc_onnx_op(im, TNC_BATCH_MATMUL, out, 2, a, b);
	if (out_quant.count)
		op->mode |= TNC_MODE_ONNX;
	return out;
}

/*
 * A times B, of at least two dimensions each. Weights that are quantised bring
 * their scales, which lie along B's columns.
 */
static int product(struct tnc_onnx *im, int a, int b, enum tnc_type type,
		   struct tnc_quant weights, struct tnc_quant out)
{
	const struct tnc_tensor *y = tnc_onnx_tensor(im, b);

	if (y->rank == 2 && is_fixed(im, b)) {
		b = transposed(im, b);
		weights.axis = 0;
		if (weights.count)
			tnc_onnx_tensor(im, b)->quant = weights;
		return fully_connected(im, a, b, TNC_INPUT_NONE, type, out);
	}
	if (weights.count > 1)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: scales per column of a matrix that is not constant");
	if (weights.count)
		tnc_onnx_tensor(im, b)->quant = weights;
	return batched(im, a, b, type, out);
}

/* A vector is a matrix of one row before the product, of one column behind it. */
int tnc_onnx_product(struct tnc_onnx *im, int a, int b, enum tnc_type type,
		     struct tnc_quant weights, struct tnc_quant out)
{
	const struct tnc_tensor *x = tnc_onnx_tensor(im, a);
	const struct tnc_tensor *y = tnc_onnx_tensor(im, b), *z;
	bool is_row = x->rank == 1, is_column = y->rank == 1;
	int32_t shape[TNC_RANK_MAX];
	int rank = 0, id;

	if (!x->rank || !y->rank)
		tnc_error(im->c, -EINVAL, "product with a scalar");
	if (is_row)
		a = tnc_onnx_reshape(im, a, 2,
				     (const int32_t[]){ 1, x->shape[0] });
	if (is_column)
		b = tnc_onnx_reshape(im, b, 2,
				     (const int32_t[]){ y->shape[0], 1 });
	id = product(im, a, b, type, weights, out);
	if (!is_row && !is_column)
		return id;
	z = tnc_onnx_tensor(im, id);
	for (int d = 0; d < z->rank; d++)
		if (!(is_row && d == z->rank - 2) &&
		    !(is_column && d == z->rank - 1))
			shape[rank++] = z->shape[d];
	return tnc_onnx_reshape(im, id, rank, shape);
}

void tnc_onnx_matmul(struct tnc_onnx *im, int kind)
{
	int a = tnc_onnx_input(im, 0), b = tnc_onnx_input(im, 1);
	struct tnc_quant none = { 0 };

	tnc_onnx_output(im, 0, tnc_onnx_product(im, a, b,
						tnc_onnx_tensor(im, a)->type,
						none, none));
}

/* Is the addend of a product one constant for each column? */
static bool is_bias(const struct tnc_onnx *im, int id, int columns)
{
	const struct tnc_tensor *t = im->c->tensor[id];

	return is_fixed(im, id) && t->rank && t->shape[t->rank - 1] == columns &&
	       tnc_tensor_elements(t) == columns;
}

static int scaled(struct tnc_onnx *im, int id, float factor)
{
	if (factor == 1.0f)
		return id;
	return tnc_onnx_binary(im, TNC_MUL, id, tnc_onnx_float(im, factor));
}

void tnc_onnx_gemm(struct tnc_onnx *im, int kind)
{
	int a = tnc_onnx_input(im, 0), b = tnc_onnx_input(im, 1), c, out;
	float alpha = tnc_onnx_attr_float(im, "alpha", 1.0f);
	float beta = tnc_onnx_attr_float(im, "beta", 1.0f);
	bool is_constant = is_fixed(im, b);
	enum tnc_type type = tnc_onnx_tensor(im, a)->type;
	struct tnc_quant none = { 0 };
	bool by_output = tnc_onnx_attr_int(im, "transB", 0);

	if (tnc_onnx_tensor(im, a)->rank != 2 ||
	    tnc_onnx_tensor(im, b)->rank != 2)
		tnc_error(im->c, -EINVAL, "matrices of %d and %d dimensions",
			  tnc_onnx_tensor(im, a)->rank,
			  tnc_onnx_tensor(im, b)->rank);
	if (tnc_onnx_attr_int(im, "transA", 0))
		a = transposed(im, a);
	c = tnc_onnx_has_input(im, 2) ? tnc_onnx_input(im, 2) : TNC_INPUT_NONE;
	/* The graph wants constants by output, and others the usual way. */
	if (by_output != is_constant)
		b = transposed(im, b);
	if (is_constant && alpha == 1.0f && beta == 1.0f &&
	    c != TNC_INPUT_NONE &&
	    is_bias(im, c, tnc_onnx_tensor(im, b)->shape[0])) {
		if (tnc_onnx_tensor(im, c)->rank != 1)
			c = tnc_onnx_reshape(im, c, 1,
					     tnc_onnx_tensor(im, b)->shape);
		tnc_onnx_output(im, 0, fully_connected(im, a, b, c, type,
						       none));
		return;
	}
	out = is_constant ? fully_connected(im, a, b, TNC_INPUT_NONE, type,
					    none) :
			    batched(im, a, b, type, none);
	out = scaled(im, out, alpha);
	if (c != TNC_INPUT_NONE)
		out = tnc_onnx_binary(im, TNC_ADD, out, scaled(im, c, beta));
	tnc_onnx_output(im, 0, out);
}
