// SPDX-License-Identifier: MIT
/*
 * What the verifier asks of operators that compute: types, shapes and
 * quantisation of their tensors, and the limits of their arithmetic. Called by
 * verify.c alone.
 */
#include <errno.h>
#include <math.h>

#include "verify.h"


#define WIDE_DEPTH_MAX 508 /* of int16 products: their halves' sums have 32 bits */

static void need_one_scale(struct tnc *c, const struct tnc_tensor *t)
{
	if (t->quant.count != 1)
		tnc_error(c, -EINVAL, "has %d scales, needs 1",
			  t->quant.count);
}

/* What is multiplied with weights, and what comes of it: int16, too. */
static void need_int8_or_int16(struct tnc *c, const struct tnc_tensor *t)
{
	tnc_place_tensor(c, t->id);
	if (t->type != TNC_INT8 && t->type != TNC_INT16)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported %s, must be int8 or int16",
			  tnc_type_info[t->type].name);
	need_one_scale(c, t);
	tnc_place_tensor(c, -1);
}

/* Activations: int8, one scale. */
void tnc_need_activation(struct tnc *c, const struct tnc_tensor *t)
{
	tnc_place_tensor(c, t->id);
	if (t->type != TNC_INT8)
		tnc_error(c, -EOPNOTSUPP, "unsupported %s, must be int8",
			  tnc_type_info[t->type].name);
	need_one_scale(c, t);
	tnc_place_tensor(c, -1);
}

void tnc_need_rank(struct tnc *c, const struct tnc_tensor *t, int rank)
{
	tnc_place_tensor(c, t->id);
	if (t->rank != rank)
		tnc_error(c, -EINVAL, "has %d dimensions, needs %d", t->rank,
			  rank);
	tnc_place_tensor(c, -1);
}

void tnc_need_size(struct tnc *c, const struct tnc_tensor *t, int dim,
		      int64_t size)
{
	tnc_place_tensor(c, t->id);
	if (t->shape[dim] != size)
		tnc_error(c, -EINVAL, "dimension %d is %d, must be %lld", dim,
			  t->shape[dim], (long long)size);
	tnc_place_tensor(c, -1);
}

void tnc_need_same_type(struct tnc *c, const struct tnc_tensor *a,
			const struct tnc_tensor *b)
{
	if (a->type != b->type)
		tnc_error(c, -EINVAL, "output of %s from input of %s",
			  tnc_type_info[b->type].name,
			  tnc_type_info[a->type].name);
}

void tnc_need_same_quant(struct tnc *c, const struct tnc_tensor *a,
			    const struct tnc_tensor *b)
{
	if (a->quant.scale[0] != b->quant.scale[0] ||
	    a->quant.zero_point[0] != b->quant.zero_point[0])
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: output quantised unlike the input");
}

/*
 * Zero points of weights: TensorFlow Lite Micro looks at one, and that in products
 * of matrices only; the others have to be 0 there.
 */
static void need_weight_zeros(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);
	bool is_any = op->mode & TNC_MODE_ONNX ||
		      ((op->origin == TNC_FULLY_CONNECTED ||
			op->origin == TNC_BATCH_MATMUL) &&
		       w->quant.count == 1);

	for (int i = 0; i < w->quant.count; i++)
		if (w->quant.zero_point[i] && !is_any)
			tnc_error(c, -EINVAL, "weights have zero point %d",
				  w->quant.zero_point[i]);
}

/* A constant of so many, of 32 bits, or of 64 where sums have them. */
static void need_bias(struct tnc *c, const struct tnc_op *op, int channels)
{
	const struct tnc_tensor *bias = tnc_op_input(c, op, 2);
	bool is_int16 = tnc_op_input(c, op, 0)->type == TNC_INT16;

	if (!bias)
		return;
	tnc_place_tensor(c, bias->id);
	if (!bias->data || (bias->type != TNC_INT32 &&
			    !(bias->type == TNC_INT64 && is_int16)))
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: bias must be a constant of %s",
			  is_int16 ? "int64 or int32" : "int32");
	if (tnc_tensor_elements(bias) != channels)
		tnc_error(c, -EINVAL, "%lld biases for %d channels",
			  (long long)tnc_tensor_elements(bias), channels);
	tnc_place_tensor(c, -1);
}

/*
 * Weights: int8, scaled per tensor or channel; constant, but for fully connected
 * layers.
 */
static void need_weights(struct tnc *c, const struct tnc_op *op, int axis)
{
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);

	tnc_place_tensor(c, w->id);
	if (!w->data && op->kind != TNC_FULLY_CONNECTED)
		tnc_error(c, -EOPNOTSUPP, "unsupported: weights must be constant");
	if (w->type != TNC_INT8)
		tnc_error(c, -EOPNOTSUPP, "unsupported weights of type %s",
			  tnc_type_info[w->type].name);
	if (!w->data)
		need_one_scale(c, w);
	if (w->quant.count < 1 || (w->quant.count > 1 && w->quant.axis != axis))
		tnc_error(c, -EINVAL, "weights need scales along dimension %d",
			  axis);
	need_weight_zeros(c, op);
	tnc_place_tensor(c, -1);
	need_bias(c, op, w->shape[axis]);
}

static void need_positive(struct tnc *c, struct tnc_hw hw, const char *what)
{
	if (hw.h < 1 || hw.w < 1 || hw.h > TNC_WINDOW_MAX ||
	    hw.w > TNC_WINDOW_MAX)
		tnc_error(c, -EINVAL, "%s is %dx%d", what, hw.h, hw.w);
}

/* Positions that a window has in @in cells with padding. */
static int64_t positions(int in, int before, int after, int window,
			 int dilation, int stride)
{
	int64_t span = (int64_t)(window - 1) * dilation + 1;
	int64_t room = (int64_t)in + before + after - span;

	return room < 0 ? 0 : room / stride + 1;
}

/* That the output is what a window over the input gives, whatever the type. */
void tnc_verify_window(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_hw window, span;
	struct tnc_pads p;

	tnc_need_rank(c, in, 4);
	tnc_need_rank(c, out, 4);
	need_positive(c, op->stride, "stride");
	need_positive(c, op->dilation, "dilation");
	window = tnc_op_window(c, op);
	need_positive(c, window, "window");
	p = tnc_op_pads(c, op);
	span.h = (window.h - 1) * op->dilation.h + 1;
	span.w = (window.w - 1) * op->dilation.w + 1;
	if (p.top < 0 || p.left < 0 || p.bottom < 0 || p.right < 0 ||
	    p.top >= span.h || p.bottom >= span.h || p.left >= span.w ||
	    p.right >= span.w)
		tnc_error(c, -EINVAL, "padding %d,%d,%d,%d is out of range",
			  p.top, p.left, p.bottom, p.right);
	tnc_need_size(c, out, 1, positions(in->shape[1], p.top, p.bottom, window.h,
				       op->dilation.h, op->stride.h));
	tnc_need_size(c, out, 2, positions(in->shape[2], p.left, p.right, window.w,
				       op->dilation.w, op->stride.w));
}

static void verify_window(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	tnc_verify_window(c, op);
	tnc_need_size(c, tnc_op_output(c, op), 0, in->shape[0]);
}

void tnc_verify_conv(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);

	need_int8_or_int16(c, tnc_op_input(c, op, 0));
	/* int32 is what pass 'd' makes: the sums. */
	if (tnc_op_output(c, op)->type != TNC_INT32)
		need_int8_or_int16(c, tnc_op_output(c, op));
	tnc_need_rank(c, w, 4);
	need_weights(c, op, 0);
	verify_window(c, op);
	tnc_need_size(c, w, 3, tnc_op_input(c, op, 0)->shape[3]);
	tnc_need_size(c, tnc_op_output(c, op), 3, w->shape[0]);
}

/* Along one axis: each output position has to be within reach of the input. */
static void need_reach(struct tnc *c, int in, int out, int stride, int kernel,
		       int pad)
{
	if ((int64_t)out + pad > (int64_t)(in - 1) * stride + kernel)
		tnc_error(c, -EINVAL,
			  "%d positions are more than %d with stride %d reach",
			  out, in, stride);
}

void tnc_verify_transpose_conv(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_pads pads;

	need_int8_or_int16(c, in);
	need_int8_or_int16(c, out);
	tnc_need_rank(c, in, 4);
	tnc_need_rank(c, out, 4);
	tnc_need_rank(c, w, 4);
	need_weights(c, op, 0);
	need_positive(c, op->stride, "stride");
	need_positive(c, tnc_op_window(c, op), "window");
	tnc_need_size(c, out, 0, in->shape[0]);
	tnc_need_size(c, w, 3, in->shape[3]);
	tnc_need_size(c, out, 3, w->shape[0]);
	pads = tnc_op_pads(c, op);
	need_reach(c, in->shape[1], out->shape[1], op->stride.h, w->shape[1],
		   pads.top);
	need_reach(c, in->shape[2], out->shape[2], op->stride.w, w->shape[2],
		   pads.left);
}

void tnc_verify_depthwise(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	need_int8_or_int16(c, tnc_op_input(c, op, 0));
	/* int32 is what pass 'l' makes of a reduction: the sums. */
	if (tnc_op_output(c, op)->type != TNC_INT32)
		need_int8_or_int16(c, tnc_op_output(c, op));
	tnc_need_rank(c, w, 4);
	need_weights(c, op, 3);
	verify_window(c, op);
	tnc_need_size(c, w, 0, 1);
	tnc_need_size(c, tnc_op_output(c, op), 3, w->shape[3]);
	if (w->shape[3] % in->shape[3])
		tnc_error(c, -EINVAL, "%d output channels from %d",
			  w->shape[3], in->shape[3]);
}

void tnc_verify_fully_connected(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int64_t rows;

	need_int8_or_int16(c, in);
	need_int8_or_int16(c, out);
	tnc_need_rank(c, w, 2);
	need_weights(c, op, 0);
	if (out->rank < 1 || tnc_tensor_elements(in) % w->shape[1])
		tnc_error(c, -EINVAL, "%lld elements in rows of %d",
			  (long long)tnc_tensor_elements(in), w->shape[1]);
	rows = tnc_tensor_elements(in) / w->shape[1];
	tnc_need_size(c, out, out->rank - 1, w->shape[0]);
	if (tnc_tensor_elements(out) != rows * w->shape[0])
		tnc_error(c, -EINVAL, "%lld outputs for %lld rows",
			  (long long)tnc_tensor_elements(out),
			  (long long)rows);
}

/*
 * Both matrices of int16: sums have 40 bits, and what is made of them 32, as the
 * reference kernels expect.
 */
static void verify_wide_matmul(struct tnc *c, const struct tnc_op *op)
{
	int depth = tnc_matmul_of(c, op).k, bits = 0;
	struct tnc_factor factor;

	need_int8_or_int16(c, tnc_op_input(c, op, 0));
	need_int8_or_int16(c, tnc_op_input(c, op, 1));
	need_int8_or_int16(c, tnc_op_output(c, op));
	if (tnc_op_input(c, op, 0)->type != TNC_INT16 ||
	    tnc_op_output(c, op)->type != TNC_INT16 || op->inputs > 2 ||
	    op->mode & TNC_MODE_ONNX)
		tnc_error(c, -EOPNOTSUPP, "unsupported beside int16");
	if (depth > WIDE_DEPTH_MAX)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported depth of %d of int16, at most %d", depth,
			  WIDE_DEPTH_MAX);
	while (1 << bits < depth)
		bits++;
	tnc_op_factors(c, op, &factor);
	if (factor.shift > 1 - bits || factor.shift < -31)
		tnc_error(c, -EOPNOTSUPP, "unsupported ratio of scales");
}

void tnc_verify_batch_matmul(struct tnc *c, const struct tnc_op *op)
{
	if (tnc_op_input(c, op, 1)->type == TNC_INT16) {
		verify_wide_matmul(c, op);
		return;
	}
	need_int8_or_int16(c, tnc_op_input(c, op, 0));
	tnc_need_activation(c, tnc_op_input(c, op, 1));
	need_int8_or_int16(c, tnc_op_output(c, op));
	need_bias(c, op, tnc_matmul_of(c, op).n);
}

/* Dimensions of one input are those of the other, or 1 and repeated. */
void tnc_need_broadcast(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *a = tnc_op_input(c, op, 0);
	const struct tnc_tensor *b = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int rank = a->rank > b->rank ? a->rank : b->rank;

	tnc_need_rank(c, out, rank);
	for (int d = 0; d < rank; d++) {
		int x = tnc_tensor_dim(a, rank, d);
		int y = tnc_tensor_dim(b, rank, d);

		if (x != y && x != 1 && y != 1)
			tnc_error(c, -EINVAL,
				  "dimension %d is %d of one input, %d of the other",
				  d, x, y);
		tnc_need_size(c, out, d, x == 1 ? y : x);
	}
}

void tnc_verify_pool(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	need_int8_or_int16(c, in);
	tnc_need_same_type(c, in, out);
	need_int8_or_int16(c, out);
	verify_window(c, op);
	tnc_need_size(c, out, 3, in->shape[3]);
	tnc_need_same_quant(c, in, out);
}

void tnc_verify_reshape(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	tnc_need_same_type(c, in, out);
	if (tnc_tensor_elements(in) != tnc_tensor_elements(out))
		tnc_error(c, -EINVAL, "%lld elements reshaped to %lld",
			  (long long)tnc_tensor_elements(in),
			  (long long)tnc_tensor_elements(out));
}

void tnc_verify_softmax(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	if (in->type == TNC_INT16) {
		tnc_verify_softmax16(c, op);
		return;
	}
	tnc_need_activation(c, in);
	tnc_need_activation(c, out);
	if (in->rank < 1)
		tnc_error(c, -EINVAL, "softmax of a scalar");
	tnc_need_rank(c, out, in->rank);
	for (int d = 0; d < in->rank; d++)
		tnc_need_size(c, out, d, in->shape[d]);
	if (out->quant.scale[0] != 1.0f / 256 ||
	    out->quant.zero_point[0] != -128)
		tnc_error(c, -EINVAL,
			  "output must have scale 1/256 and zero point -128");
	if (!isnormal(op->beta) || op->beta <= 0)
		tnc_error(c, -EINVAL, "beta is %g", op->beta);
}

/* Dimensions that a reduction names go, altogether or to 1. */
void tnc_need_reduction(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	bool goes[TNC_RANK_MAX] = { false };
	int gone = 0, place = 0;

	for (int i = 0; i < op->list[0].count; i++) {
		int axis = op->list[0].id[i];

		if (axis < 0 || axis >= in->rank || goes[axis])
			tnc_error(c, -EINVAL, "axis %d of %d dimensions", axis,
				  in->rank);
		goes[axis] = true;
		gone++;
	}
	if (out->rank != in->rank)
		tnc_need_rank(c, out, in->rank - gone);
	for (int d = 0; d < in->rank; d++) {
		if (goes[d] && out->rank != in->rank)
			continue;
		tnc_need_size(c, out, place++, goes[d] ? 1 : in->shape[d]);
	}
}
