// SPDX-License-Identifier: MIT
/*
 * ONNX operators that look along dimensions: reductions, normalisations and
 * their like.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "onnx_ops.h"

/*
 * Which dimensions go: an attribute that became an input, for sums in opset 13,
 * for all others in opset 18. None means all, unless that is to mean nothing.
 */
static bool read_axes(struct tnc_onnx *im, int rank, bool *axes)
{
	struct tnc_onnx_ints list = tnc_onnx_attr_ints(im, "axes");
	bool none_is_none = tnc_onnx_attr_int(im, "noop_with_empty_axes", 0);

	if (tnc_onnx_has_input(im, 1))
		list = tnc_onnx_input_ints(im, 1);
	for (int d = 0; d < rank; d++)
		axes[d] = !list.count;
	for (int i = 0; i < list.count; i++)
		axes[tnc_onnx_axis(im, list.at[i], rank)] = true;
	return list.count || !none_is_none;
}

void tnc_onnx_reduction(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	bool keep = tnc_onnx_attr_int(im, "keepdims", 1);
	bool axes[TNC_RANK_MAX];

	if (read_axes(im, in->rank, axes))
		x = tnc_onnx_reduce(im, kind, x, axes, keep);
	else
		x = tnc_onnx_reshape(im, x, in->rank, in->shape);
	tnc_onnx_output(im, 0, x);
}

/*
 * Sums of magnitudes (ABS) or squares (SQUARE), or the root of the latter (SQRT);
 * the logarithm of a sum (LOG), of a sum of powers of e (EXP), which are those of
 * what lies below the largest.
 */
void tnc_onnx_norm(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), most = -1;
	bool keep = tnc_onnx_attr_int(im, "keepdims", 1);
	bool axes[TNC_RANK_MAX];

	if (!read_axes(im, tnc_onnx_tensor(im, x)->rank, axes))
		for (int d = 0; d < TNC_RANK_MAX; d++)
			axes[d] = false;
	if (kind == TNC_EXP) {
		most = tnc_onnx_reduce(im, TNC_REDUCE_MAX, x, axes, true);
		x = tnc_onnx_binary(im, TNC_SUB, x, most);
		most = tnc_onnx_reduce(im, TNC_SUM, most, axes, keep);
	}
	if (kind != TNC_LOG)
		x = tnc_onnx_unary(im, kind == TNC_SQRT ? TNC_SQUARE : kind, x);
	x = tnc_onnx_reduce(im, TNC_SUM, x, axes, keep);
	if (kind == TNC_SQRT)
		x = tnc_onnx_unary(im, TNC_SQRT, x);
	if (kind == TNC_LOG || kind == TNC_EXP)
		x = tnc_onnx_unary(im, TNC_LOG, x);
	if (kind == TNC_EXP)
		x = tnc_onnx_binary(im, TNC_ADD, x, most);
	tnc_onnx_output(im, 0, x);
}

void tnc_onnx_arg(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), out;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int axis = tnc_onnx_axis(im, tnc_onnx_attr_int(im, "axis", 0),
				 in->rank);
	bool keep = tnc_onnx_attr_int(im, "keepdims", 1);
	int32_t kept[TNC_RANK_MAX], gone[TNC_RANK_MAX];
	int rank = 0;

	tnc_onnx_need_int(im, "select_last_index", 0);
	for (int d = 0; d < in->rank; d++) {
		kept[d] = d == axis ? 1 : in->shape[d];
		if (d != axis)
			gone[rank++] = in->shape[d];
	}
	out = tnc_onnx_new(im, TNC_INT64, rank, gone);
	tnc_onnx_op(im, kind, out, 1, x)->axis = axis;
	if (keep)
		out = tnc_onnx_reshape(im, out, in->rank, kept);
	tnc_onnx_output(im, 0, out);
}

/*
 * The graph has softmax along the last dimension. Up to opset 12, all dimensions
 * from the axis on were one; since then it is the axis alone.
 */
void tnc_onnx_softmax(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int64_t axis = tnc_onnx_attr_int(im, "axis", im->opset < 13 ? 1 : -1);
	int rank = in->rank, at = tnc_onnx_axis(im, axis, rank ? rank : 1);
	int32_t flat[2] = { 1, 1 };
	int perm[TNC_RANK_MAX];

	if (im->opset < 13) {
		for (int d = 0; d < rank; d++)
			flat[d >= at] *= in->shape[d];
		x = tnc_onnx_reshape(im, x, 2, flat);
		x = tnc_onnx_unary(im, kind, x);
		tnc_onnx_output(im, 0, tnc_onnx_reshape(im, x, rank,
							in->shape));
		return;
	}
	/* The axis changes places with the last, and back: the same way. */
	for (int d = 0; d < rank; d++)
		perm[d] = d == at ? rank - 1 : d == rank - 1 ? at : d;
	if (at != rank - 1)
		x = tnc_onnx_transpose(im, x, perm);
	x = tnc_onnx_unary(im, kind, x);
	if (at != rank - 1)
		x = tnc_onnx_transpose(im, x, perm);
	tnc_onnx_output(im, 0, x);
}

/* Mean and deviation, should anyone ask for them, besides the result. */
static void add_moments(struct tnc_onnx *im, int x, const bool *axes,
			float epsilon)
{
	int mean, deviation;

	if (!tnc_onnx_has_output(im, 1) && !tnc_onnx_has_output(im, 2))
		return;
	mean = tnc_onnx_reduce(im, TNC_MEAN, x, axes, true);
	tnc_onnx_output(im, 1, mean);
	deviation = tnc_onnx_binary(im, TNC_SQUARED_DIFFERENCE, x, mean);
	deviation = tnc_onnx_reduce(im, TNC_MEAN, deviation, axes, true);
	deviation = tnc_onnx_binary(im, TNC_ADD, deviation,
				    tnc_onnx_float(im, epsilon));
	tnc_onnx_output(im, 2, tnc_onnx_unary(im, TNC_RSQRT, deviation));
}

void tnc_onnx_layer_norm(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), out;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int axis = tnc_onnx_axis(im, tnc_onnx_attr_int(im, "axis", -1),
				 in->rank);
	float epsilon = tnc_onnx_attr_float(im, "epsilon", 1e-5f);
	bool axes[TNC_RANK_MAX];
	struct tnc_op *op;

	tnc_onnx_need_int(im, "stash_type", 1);
	for (int d = 0; d < TNC_RANK_MAX; d++)
		axes[d] = d >= axis;
	out = tnc_onnx_like(im, x, in->type);
	op = tnc_onnx_op(im, kind, out, 2, x, tnc_onnx_input(im, 1));
	if (tnc_onnx_has_input(im, 2))
		tnc_op_add_input(im->c, op, tnc_onnx_input(im, 2));
	op->axis = axis;
	op->alpha = epsilon;
	tnc_onnx_output(im, 0, out);
	add_moments(im, x, axes, epsilon);
}

/* Each picture and channel on its own, then a factor and a sum by channel. */
void tnc_onnx_instance_norm(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), mean, factor, part[2];
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	float epsilon = tnc_onnx_attr_float(im, "epsilon", 1e-5f);
	int32_t shape[TNC_RANK_MAX];
	bool axes[TNC_RANK_MAX];

	if (in->rank < 3)
		tnc_error(im->c, -EINVAL, "%d dimensions", in->rank);
	for (int d = 0; d < TNC_RANK_MAX; d++) {
		axes[d] = d >= 2;
		shape[d] = d ? 1 : in->shape[1];
	}
	for (int i = 0; i < 2; i++)
		part[i] = tnc_onnx_reshape(im, tnc_onnx_input(im, i + 1),
					   in->rank - 1, shape);
	mean = tnc_onnx_reduce(im, TNC_MEAN, x, axes, true);
	factor = tnc_onnx_binary(im, TNC_SQUARED_DIFFERENCE, x, mean);
	factor = tnc_onnx_reduce(im, TNC_MEAN, factor, axes, true);
	factor = tnc_onnx_binary(im, TNC_ADD, factor,
				 tnc_onnx_float(im, epsilon));
	factor = tnc_onnx_unary(im, TNC_RSQRT, factor);
	x = tnc_onnx_binary(im, TNC_SUB, x, mean);
	x = tnc_onnx_binary(im, TNC_MUL, x, factor);
	x = tnc_onnx_binary(im, TNC_MUL, x, part[0]);
	tnc_onnx_output(im, 0, tnc_onnx_binary(im, kind, x, part[1]));
}

/* Of trained models all but the input are constants: a product and a sum. */
void tnc_onnx_batch_norm(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x), *p[4];
	float epsilon = tnc_onnx_attr_float(im, "epsilon", 1e-5f);
	int32_t shape[TNC_RANK_MAX];
	float *factor, *sum;
	int channels;

	tnc_onnx_attr_float(im, "momentum", 0);
	tnc_onnx_need_int(im, "training_mode", 0);
	tnc_onnx_need_int(im, "spatial", 1);
	if (in->rank < 2)
		tnc_error(im->c, -EINVAL, "%d dimensions", in->rank);
	channels = in->shape[1];
	for (int d = 0; d < in->rank - 1; d++)
		shape[d] = d ? 1 : channels;
	for (int i = 0; i < 4; i++) {
		p[i] = tnc_onnx_tensor(im, tnc_onnx_input(im, i + 1));
		if (!p[i]->data || p[i]->type != TNC_FLOAT32 ||
		    tnc_tensor_elements(p[i]) != channels)
			tnc_error(im->c, -EOPNOTSUPP,
				  "unsupported: input %d must be %d constants",
				  i + 1, channels);
	}
	factor = tnc_alloc(im->c, channels, sizeof(*factor));
	sum = tnc_alloc(im->c, channels, sizeof(*sum));
	for (int i = 0; i < channels; i++) {
		factor[i] = tnc_onnx_float_of(p[0], i) /
			    sqrtf(tnc_onnx_float_of(p[3], i) + epsilon);
		sum[i] = tnc_onnx_float_of(p[1], i) -
			 tnc_onnx_float_of(p[2], i) * factor[i];
	}
	x = tnc_onnx_binary(im, TNC_MUL, x,
			    tnc_onnx_floats(im, in->rank - 1, shape, factor));
	x = tnc_onnx_binary(im, kind, x,
			    tnc_onnx_floats(im, in->rank - 1, shape, sum));
	tnc_onnx_output(im, 0, x);
}

void tnc_onnx_cumsum(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), out;
	struct tnc_onnx_ints axis = tnc_onnx_input_ints(im, 1);
	struct tnc_op *op;

	if (axis.count != 1)
		tnc_error(im->c, -EINVAL, "%d axes", axis.count);
	out = tnc_onnx_like(im, x, tnc_onnx_tensor(im, x)->type);
	op = tnc_onnx_op(im, kind, out, 1, x);
	op->axis = tnc_onnx_axis(im, axis.at[0], tnc_onnx_tensor(im, x)->rank);
	if (tnc_onnx_attr_int(im, "exclusive", 0))
		op->mode |= TNC_MODE_EXCLUSIVE;
	if (tnc_onnx_attr_int(im, "reverse", 0))
		op->mode |= TNC_MODE_REVERSED;
	tnc_onnx_output(im, 0, out);
}
