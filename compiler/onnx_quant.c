// SPDX-License-Identifier: MIT
/*
 * ONNX operators on quantised elements. In ONNX, scales and zero points are
 * inputs of operators; in the graph they belong to tensors. Where they are
 * constants, as nearly always, the operator becomes the ordinary one, computed
 * as ONNX Runtime does (mode "onnx"). Otherwise it becomes one that takes them
 * as tensors.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "onnx_ops.h"

static const struct tnc_quant no_quant;

/* Two quantisations mean the same. */
static bool same(const struct tnc_quant *a, const struct tnc_quant *b)
{
	if (a->count != b->count || (a->count > 1 && a->axis != b->axis))
		return false;
	for (int i = 0; i < a->count; i++)
		if (a->scale[i] != b->scale[i] ||
		    a->zero_point[i] != b->zero_point[i])
			return false;
	return true;
}

/* Reads scales and zero points; false if they are not constants. */
static bool read_quant(struct tnc_onnx *im, int scale, int zero,
		       struct tnc_quant *q)
{
	const struct tnc_tensor *s = tnc_onnx_tensor(
		im, tnc_onnx_input(im, scale));
	const struct tnc_tensor *z = NULL;
	int64_t count = tnc_tensor_elements(s);

	if (tnc_onnx_has_input(im, zero))
		z = tnc_onnx_tensor(im, tnc_onnx_input(im, zero));
	if (s->type != TNC_FLOAT32 || (z && z->type == TNC_FLOAT32))
		tnc_error(im->c, -EINVAL, "scale of %s, zero point of %s",
			  tnc_type_info[s->type].name,
			  z ? tnc_type_info[z->type].name : "none");
	if (z && tnc_tensor_elements(z) != count)
		tnc_error(im->c, -EINVAL, "%lld scales, but %lld zero points",
			  (long long)count,
			  (long long)tnc_tensor_elements(z));
	if (!s->data || (z && !z->data))
		return false;
	*q = (struct tnc_quant){
		.count = count,
		.scale = tnc_alloc(im->c, count, sizeof(float)),
		.zero_point = tnc_alloc(im->c, count, sizeof(int32_t)),
	};
	for (int i = 0; i < q->count; i++) {
		q->scale[i] = tnc_onnx_float_of(s, i);
		q->zero_point[i] = z ? tnc_onnx_int_of(z, i) : 0;
	}
	return true;
}

/* One scale for all elements. */
static bool read_one(struct tnc_onnx *im, int scale, int zero,
		     struct tnc_quant *q)
{
	if (!read_quant(im, scale, zero, q))
		return false;
	if (q->count != 1)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: %d scales of an activation", q->count);
	return true;
}

/*
 * A tensor whose elements are those of @id and mean what @q says: @id itself,
 * unless another operator understood it in another way.
 */
int tnc_onnx_with_quant(struct tnc_onnx *im, int id, struct tnc_quant q)
{
	struct tnc_tensor *t = tnc_onnx_tensor(im, id), *copy;

	if (same(&t->quant, &q))
		return id;
	if (t->quant.count && !t->data) {
		id = tnc_onnx_like(im, id, t->type);
		tnc_onnx_tensor(im, id)->quant = q;
		tnc_onnx_op(im, TNC_RESHAPE, id, 1, t->id);
		return id;
	}
	if (t->quant.count) {
		copy = tnc_tensor_new(im->c, t);
		copy->data = t->data;
		t = copy;
	}
	t->quant = q;
	return t->id;
}

/* An activation, input @index, with its quantisation. */
static int activation(struct tnc_onnx *im, int index, struct tnc_quant q)
{
	int id = tnc_onnx_input(im, index);
	enum tnc_type type = tnc_onnx_tensor(im, id)->type;

	if (type != TNC_INT8 && type != TNC_UINT8)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: input %d of %s",
			  index, tnc_type_info[type].name);
	return tnc_onnx_with_quant(im, id, q);
}

/* Constant weights as int8, which uint8 become by a shift of their range. */
static int weights(struct tnc_onnx *im, int id, struct tnc_quant *q)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	struct tnc_tensor *copy;
	size_t bytes = tnc_tensor_bytes(t);

	if (t->type == TNC_INT8)
		return id;
	if (t->type != TNC_UINT8)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported weights of %s",
			  tnc_type_info[t->type].name);
	copy = tnc_tensor_new(im->c, t);
	copy->type = TNC_INT8;
	copy->quant = no_quant;
	copy->data = tnc_alloc(im->c, 1, bytes);
	for (size_t i = 0; i < bytes; i++)
		copy->data[i] = t->data[i] ^ 0x80;
	for (int i = 0; i < q->count; i++)
		q->zero_point[i] -= 128;
	return copy->id;
}

/* What type a zero point says the output has; uint8 without one. */
static enum tnc_type type_of(struct tnc_onnx *im, int zero)
{
	if (!tnc_onnx_has_input(im, zero))
		return TNC_UINT8;
	return tnc_onnx_tensor(im, tnc_onnx_input(im, zero))->type;
}

static int optional(struct tnc_onnx *im, int index)
{
	return tnc_onnx_has_input(im, index) ? tnc_onnx_input(im, index) :
					       TNC_INPUT_NONE;
}

/* An axis is only there where there are several scales. */
static int read_axis(struct tnc_onnx *im, int rank, int64_t scales)
{
	int64_t axis = tnc_onnx_attr_int(im, "axis", 1);

	return scales > 1 ? tnc_onnx_axis(im, axis, rank) : 0;
}

static int64_t scales_of(struct tnc_onnx *im, int index)
{
	return tnc_tensor_elements(tnc_onnx_tensor(im,
						   tnc_onnx_input(im, index)));
}

void tnc_onnx_quantize(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), out;
	enum tnc_type type = type_of(im, 2);
	int64_t to = tnc_onnx_attr_int(im, "output_dtype", 0);
	int axis = read_axis(im, tnc_onnx_tensor(im, x)->rank,
			     scales_of(im, 1));
	struct tnc_quant q;
	struct tnc_op *op;

	tnc_onnx_need_int(im, "block_size", 0);
	tnc_onnx_attr_int(im, "saturate", 1);
	if (to > 0 && to < INT32_MAX && !tnc_onnx_has_input(im, 2))
		type = tnc_onnx_type(im, "output", to);
	out = tnc_onnx_like(im, x, type);
	op = tnc_onnx_op(im, kind, out, 1, x);
	op->mode |= TNC_MODE_ONNX;
	op->axis = axis;
	if (read_quant(im, 1, 2, &q)) {
		q.axis = axis;
		tnc_onnx_tensor(im, out)->quant = q;
	} else {
		tnc_op_add_input(im->c, op, tnc_onnx_input(im, 1));
		tnc_op_add_input(im->c, op, optional(im, 2));
	}
	tnc_onnx_output(im, 0, out);
}

void tnc_onnx_dequantize(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), out;
	int axis = read_axis(im, tnc_onnx_tensor(im, x)->rank,
			     scales_of(im, 1));
	struct tnc_quant q;
	struct tnc_op *op;

	tnc_onnx_need_int(im, "block_size", 0);
	out = tnc_onnx_like(im, x, TNC_FLOAT32);
	if (read_quant(im, 1, 2, &q)) {
		q.axis = axis;
		x = tnc_onnx_with_quant(im, x, q);
		op = tnc_onnx_op(im, kind, out, 1, x);
	} else {
		op = tnc_onnx_op(im, kind, out, 3, x, tnc_onnx_input(im, 1),
				 optional(im, 2));
		op->axis = axis;
	}
	op->mode |= TNC_MODE_ONNX;
	tnc_onnx_output(im, 0, out);
}

/* Values, scale and zero point, each by an operator of its own. */
void tnc_onnx_dynamic_quantize(struct tnc_onnx *im, int kind)
{
	static const enum tnc_type type[] = { TNC_UINT8, TNC_FLOAT32,
					      TNC_UINT8 };
	int x = tnc_onnx_input(im, 0);

	for (int i = 0; i < 3; i++) {
		struct tnc_op *op;
		int out;

		if (!tnc_onnx_has_output(im, i))
			continue;
		out = i ? tnc_onnx_new(im, type[i], 0, NULL) :
			  tnc_onnx_like(im, x, type[i]);
		op = tnc_onnx_op(im, kind, out, 1, x);
		tnc_list_append(im->c, &op->list[0], i);
		tnc_onnx_output(im, i, out);
	}
}

/* Where QLinearConv and QLinearMatMul have their inputs. */
enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, C_SCALE, C_ZERO, BIAS };

static void add_dynamic(struct tnc_onnx *im, int *extra)
{
	static const int order[] = { A_ZERO, B_ZERO, A_SCALE, B_SCALE,
				     C_SCALE, C_ZERO, BIAS };

	for (int i = 0; i < TNC_ARRAY_SIZE(order); i++)
		extra[i] = optional(im, order[i]);
}

void tnc_onnx_qlinear_conv(struct tnc_onnx *im, int kind)
{
	struct tnc_onnx_conv what = { .bias = optional(im, BIAS) };
	bool is_constant = tnc_onnx_tensor(im, tnc_onnx_input(im, B))->data;
	struct tnc_quant q;

	tnc_onnx_need_int(im, "channels_last", 0);
	what.type = type_of(im, C_ZERO);
	what.x = tnc_onnx_input(im, A);
	what.w = tnc_onnx_input(im, B);
	if (what.bias != TNC_INPUT_NONE)
		is_constant &= !!tnc_onnx_tensor(im, what.bias)->data;
	is_constant &= read_one(im, A_SCALE, A_ZERO, &q);
	is_constant &= read_quant(im, B_SCALE, B_ZERO, &what.weights);
	is_constant &= read_one(im, C_SCALE, C_ZERO, &what.out);
	if (is_constant) {
		what.x = activation(im, A, q);
		what.w = weights(im, what.w, &what.weights);
	} else {
		what.kind = TNC_CONV_INTEGER;
		what.weights = no_quant;
		what.out = no_quant;
		add_dynamic(im, what.extra);
	}
	tnc_onnx_output(im, 0, tnc_onnx_convolution(im, &what));
}

void tnc_onnx_conv_integer(struct tnc_onnx *im, int kind)
{
	struct tnc_onnx_conv what = {
		.x = tnc_onnx_input(im, 0),
		.w = tnc_onnx_input(im, 1),
		.bias = TNC_INPUT_NONE,
		.type = TNC_INT32,
		.kind = kind,
	};

	for (int i = 0; i < TNC_ONNX_EXTRA; i++)
		what.extra[i] = i < 2 ? optional(im, i + 2) : TNC_INPUT_NONE;
	tnc_onnx_output(im, 0, tnc_onnx_convolution(im, &what));
}

/* The product of integers, without weights by output. */
static int integer_product(struct tnc_onnx *im, int a, int b,
			   enum tnc_type type, const int *extra)
{
	const struct tnc_tensor *x = tnc_onnx_tensor(im, a);
	const struct tnc_tensor *y = tnc_onnx_tensor(im, b);
	int32_t shape[TNC_RANK_MAX];
	struct tnc_op *op;
	int out;

	if (x->rank < 2 || y->rank < 2 || (y->rank != 2 && y->rank != x->rank))
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: %d times %d dimensions", x->rank,
			  y->rank);
	if (x->shape[x->rank - 1] != y->shape[y->rank - 2])
		tnc_error(im->c, -EINVAL, "%d columns times %d rows",
			  x->shape[x->rank - 1], y->shape[y->rank - 2]);
	for (int d = 0; d < x->rank; d++)
		shape[d] = x->shape[d];
	shape[x->rank - 1] = y->shape[y->rank - 1];
	out = tnc_onnx_new(im, type, x->rank, shape);
	op = tnc_onnx_op(im, TNC_MATMUL_INTEGER, out, 2, a, b);
	for (int i = 0; i < TNC_ONNX_EXTRA - 1; i++)
		tnc_op_add_input(im->c, op, extra[i]);
	return out;
}

void tnc_onnx_matmul_integer(struct tnc_onnx *im, int kind)
{
	int extra[TNC_ONNX_EXTRA];

	for (int i = 0; i < TNC_ONNX_EXTRA; i++)
		extra[i] = i < 2 ? optional(im, i + 2) : TNC_INPUT_NONE;
	tnc_onnx_output(im, 0, integer_product(im, tnc_onnx_input(im, 0),
					       tnc_onnx_input(im, 1),
					       TNC_INT32, extra));
}

void tnc_onnx_qlinear_matmul(struct tnc_onnx *im, int kind)
{
	struct tnc_quant q, by_column, out;
	int a = tnc_onnx_input(im, A), b = tnc_onnx_input(im, B);
	enum tnc_type type = type_of(im, C_ZERO);
	int extra[TNC_ONNX_EXTRA];

	if (read_one(im, A_SCALE, A_ZERO, &q) &&
	    read_quant(im, B_SCALE, B_ZERO, &by_column) &&
	    read_one(im, C_SCALE, C_ZERO, &out)) {
		a = activation(im, A, q);
		if (tnc_onnx_tensor(im, b)->data)
			b = weights(im, b, &by_column);
		b = tnc_onnx_product(im, a, b, type, by_column, out);
	} else {
		add_dynamic(im, extra);
		b = integer_product(im, a, b, type, extra);
	}
	tnc_onnx_output(im, 0, b);
}

/* One scale and zero point, for operators that need constant ones. */
static struct tnc_quant constant_quant(struct tnc_onnx *im, int scale, int zero)
{
	struct tnc_quant q = no_quant;

	if (!read_one(im, scale, zero, &q))
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: scales and zero points must be constant");
	return q;
}

/*
 * Sums and products: ONNX Runtime computes with the bytes as they come, so the
 * operator remembers that they were unsigned.
 */
void tnc_onnx_qlinear_binary(struct tnc_onnx *im, int kind)
{
	int a = activation(im, A, constant_quant(im, A_SCALE, A_ZERO));
	int b = activation(im, B, constant_quant(im, B_SCALE, B_ZERO));
	int out = tnc_onnx_binary(im, kind, a, b);
	struct tnc_op *op = im->c->op[im->c->ops - 1];

	tnc_onnx_tensor(im, out)->quant = constant_quant(im, C_SCALE, C_ZERO);
	op->mode |= TNC_MODE_ONNX;
	if (tnc_onnx_tensor(im, out)->type == TNC_UINT8)
		op->mode |= TNC_MODE_UNSIGNED;
	tnc_onnx_output(im, 0, out);
}

/* Input, its scale and zero point, then those of the output. */
static int unary_input(struct tnc_onnx *im, struct tnc_quant *out)
{
	*out = constant_quant(im, 3, 4);
	return activation(im, 0, constant_quant(im, 1, 2));
}

void tnc_onnx_qlinear_unary(struct tnc_onnx *im, int kind)
{
	struct tnc_quant q;
	int out = tnc_onnx_unary(im, kind, unary_input(im, &q));
	struct tnc_op *op = im->c->op[im->c->ops - 1];

	op->mode |= TNC_MODE_ONNX;
	op->alpha = tnc_onnx_attr_float(im, "alpha", 0.01f);
	tnc_onnx_tensor(im, out)->quant = q;
	tnc_onnx_output(im, 0, out);
}

void tnc_onnx_qlinear_global_pool(struct tnc_onnx *im, int kind)
{
	struct tnc_quant q;
	int x = unary_input(im, &q), out;
	bool axes[TNC_RANK_MAX];

	tnc_onnx_need_int(im, "channels_last", 0);
	for (int d = 0; d < TNC_RANK_MAX; d++)
		axes[d] = d >= 2;
	out = tnc_onnx_reduce(im, kind, x, axes, true);
	im->c->op[im->c->ops - 1]->mode |= TNC_MODE_ONNX;
	tnc_onnx_tensor(im, out)->quant = q;
	tnc_onnx_output(im, 0, out);
}

/* ONNX Runtime computes this one in float, and so does the graph. */
void tnc_onnx_qlinear_pool(struct tnc_onnx *im, int kind)
{
	struct tnc_quant q;
	int x = unary_input(im, &q), real, out;
	enum tnc_type type = tnc_onnx_tensor(im, x)->type;

	tnc_onnx_need_int(im, "channels_last", 0);
	real = tnc_onnx_like(im, x, TNC_FLOAT32);
	tnc_onnx_op(im, TNC_DEQUANTIZE, real, 1, x)->mode |= TNC_MODE_ONNX;
	real = tnc_onnx_pooled(im, kind, real, no_quant);
	out = tnc_onnx_like(im, real, type);
	tnc_onnx_tensor(im, out)->quant = q;
	tnc_onnx_op(im, TNC_QUANTIZE, out, 1, real)->mode |= TNC_MODE_ONNX;
	tnc_onnx_output(im, 0, out);
}

/* Each input comes with its own scale: what differs is quantised anew. */
void tnc_onnx_qlinear_concat(struct tnc_onnx *im, int kind)
{
	int count = ((int)im->node->n_input - 2) / 3;
	struct tnc_quant out;
	int *part;

	if (count < 1 || count > TNC_INPUTS_MAX)
		tnc_error(im->c, -EINVAL, "%zu inputs", im->node->n_input);
	out = constant_quant(im, 0, 1);
	part = tnc_alloc(im->c, count, sizeof(*part));
	for (int i = 0; i < count; i++) {
		int at = 2 + 3 * i;
		struct tnc_quant q = constant_quant(im, at + 1, at + 2);

		part[i] = activation(im, at, q);
		if (same(&q, &out))
			continue;
		part[i] = tnc_onnx_unary(im, TNC_QUANTIZE, part[i]);
		tnc_onnx_tensor(im, part[i])->quant = out;
		im->c->op[im->c->ops - 1]->mode |= TNC_MODE_ONNX;
	}
	tnc_onnx_output(im, 0, tnc_onnx_join(im, part, count,
					     tnc_onnx_attr_int(im, "axis", 1)));
}
