// SPDX-License-Identifier: MIT
/*
 * The verifier: what every pass may rely on. Runs after the importer, where it
 * judges the model, and after each pass, where it judges the pass.
 *
 * A sound graph: every tensor is written once (by the model's interface, as a
 * constant, or by one operator), and before it is read; shapes, types and
 * quantisation of each operator's tensors fit together; attributes are within
 * the arithmetic's limits. Batches are of one.
 */
#include <errno.h>
#include <math.h>

#include "ir.h"

/* The sum of so many exponentials fits Q12.19. */
#define SOFTMAX_DEPTH_MAX 4095

static void verify_quant(struct tnc *c, const struct tnc_tensor *t)
{
	const struct tnc_quant *q = &t->quant;

	if (q->count > 1 &&
	    (q->axis < 0 || q->axis >= t->rank ||
	     t->shape[q->axis] != q->count))
		tnc_error(c, -EINVAL, "%d scales do not fit dimension %d",
			  q->count, q->axis);
	for (int i = 0; i < q->count; i++) {
		if (!isnormal(q->scale[i]) || q->scale[i] <= 0)
			tnc_error(c, -EINVAL, "scale %d is %g", i,
				  q->scale[i]);
		if (t->type == TNC_INT8 &&
		    (q->zero_point[i] < -128 || q->zero_point[i] > 127))
			tnc_error(c, -EINVAL, "zero point %d is %d", i,
				  q->zero_point[i]);
	}
}

static void verify_alias(struct tnc *c, const struct tnc_tensor *t)
{
	const struct tnc_tensor *of;
	int steps = 0;

	if (t->alias < 0)
		return;
	for (of = t; of->alias >= 0; of = tnc_tensor_get(c, of->alias))
		if (steps++ > c->tensors || !tnc_tensor_get(c, of->alias))
			tnc_error(c, -EINVAL, "alias leads nowhere");
	if (t->data || tnc_tensor_bytes(t) != tnc_tensor_bytes(of))
		tnc_error(c, -EINVAL, "alias differs in size from tensor %d",
			  of->id);
}

static void verify_tensors(struct tnc *c)
{
	for (int i = 0; i < c->tensors; i++) {
		struct tnc_tensor *t = c->tensor[i];

		if (!t)
			continue;
		tnc_place_tensor(c, i);
		tnc_tensor_check_shape(c, t);
		verify_quant(c, t);
		verify_alias(c, t);
	}
	tnc_place_none(c);
}

/* Activations: int8, one scale. */
static void need_activation(struct tnc *c, const struct tnc_tensor *t)
{
	tnc_place_tensor(c, t->id);
	if (t->type != TNC_INT8)
		tnc_error(c, -EOPNOTSUPP, "unsupported %s, must be int8",
			  tnc_type_info[t->type].name);
	if (t->quant.count != 1)
		tnc_error(c, -EINVAL, "has %d scales, needs 1",
			  t->quant.count);
	tnc_place_tensor(c, -1);
}

static void need_rank(struct tnc *c, const struct tnc_tensor *t, int rank)
{
	tnc_place_tensor(c, t->id);
	if (t->rank != rank)
		tnc_error(c, -EINVAL, "has %d dimensions, needs %d", t->rank,
			  rank);
	tnc_place_tensor(c, -1);
}

static void need_size(struct tnc *c, const struct tnc_tensor *t, int dim,
		      int64_t size)
{
	tnc_place_tensor(c, t->id);
	if (t->shape[dim] != size)
		tnc_error(c, -EINVAL, "dimension %d is %d, must be %lld", dim,
			  t->shape[dim], (long long)size);
	tnc_place_tensor(c, -1);
}

static void need_same_quant(struct tnc *c, const struct tnc_tensor *a,
			    const struct tnc_tensor *b)
{
	if (a->quant.scale[0] != b->quant.scale[0] ||
	    a->quant.zero_point[0] != b->quant.zero_point[0])
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: output quantised unlike the input");
}

/* Weights: constant, int8, zero point 0, scaled per tensor or channel. */
static void need_weights(struct tnc *c, const struct tnc_op *op, int axis)
{
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);
	const struct tnc_tensor *bias = tnc_op_input(c, op, 2);

	tnc_place_tensor(c, w->id);
	if (!w->data)
		tnc_error(c, -EOPNOTSUPP, "unsupported: weights must be constant");
	if (w->type != TNC_INT8)
		tnc_error(c, -EOPNOTSUPP, "unsupported weights of type %s",
			  tnc_type_info[w->type].name);
	if (w->quant.count < 1 || (w->quant.count > 1 && w->quant.axis != axis))
		tnc_error(c, -EINVAL, "weights need scales along dimension %d",
			  axis);
	for (int i = 0; i < w->quant.count; i++)
		if (w->quant.zero_point[i])
			tnc_error(c, -EINVAL, "weights have zero point %d",
				  w->quant.zero_point[i]);
	tnc_place_tensor(c, -1);
	if (!bias)
		return;
	tnc_place_tensor(c, bias->id);
	if (!bias->data || bias->type != TNC_INT32)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: bias must be a constant of int32");
	if (tnc_tensor_elements(bias) != w->shape[axis])
		tnc_error(c, -EINVAL, "%lld biases for %d channels",
			  (long long)tnc_tensor_elements(bias),
			  w->shape[axis]);
	tnc_place_tensor(c, -1);
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

static void verify_window(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_hw window, span;
	struct tnc_pads p;

	need_rank(c, in, 4);
	need_rank(c, out, 4);
	if (in->shape[0] != 1 || out->shape[0] != 1)
		tnc_error(c, -EOPNOTSUPP, "unsupported batch of %d",
			  in->shape[0]);
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
	need_size(c, out, 1, positions(in->shape[1], p.top, p.bottom, window.h,
				       op->dilation.h, op->stride.h));
	need_size(c, out, 2, positions(in->shape[2], p.left, p.right, window.w,
				       op->dilation.w, op->stride.w));
}

static void verify_conv(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);

	need_rank(c, w, 4);
	need_weights(c, op, 0);
	verify_window(c, op);
	need_size(c, w, 3, tnc_op_input(c, op, 0)->shape[3]);
	need_size(c, tnc_op_output(c, op), 3, w->shape[0]);
}

static void verify_depthwise(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	need_rank(c, w, 4);
	need_weights(c, op, 3);
	verify_window(c, op);
	need_size(c, w, 0, 1);
	need_size(c, tnc_op_output(c, op), 3, w->shape[3]);
	if (w->shape[3] % in->shape[3])
		tnc_error(c, -EINVAL, "%d output channels from %d",
			  w->shape[3], in->shape[3]);
}

static void verify_fully_connected(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *w = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int64_t rows;

	need_rank(c, w, 2);
	need_weights(c, op, 0);
	if (out->rank < 1 || tnc_tensor_elements(in) % w->shape[1])
		tnc_error(c, -EINVAL, "%lld elements in rows of %d",
			  (long long)tnc_tensor_elements(in), w->shape[1]);
	rows = tnc_tensor_elements(in) / w->shape[1];
	need_size(c, out, out->rank - 1, w->shape[0]);
	if (tnc_tensor_elements(out) != rows * w->shape[0])
		tnc_error(c, -EINVAL, "%lld outputs for %lld rows",
			  (long long)tnc_tensor_elements(out),
			  (long long)rows);
}

/* Dimensions of one input are those of the other, or 1 and repeated. */
static void need_broadcast(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *a = tnc_op_input(c, op, 0);
	const struct tnc_tensor *b = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int rank = a->rank > b->rank ? a->rank : b->rank;

	need_rank(c, out, rank);
	for (int d = 0; d < rank; d++) {
		int x = tnc_tensor_dim(a, rank, d);
		int y = tnc_tensor_dim(b, rank, d);

		if (x != y && x != 1 && y != 1)
			tnc_error(c, -EINVAL,
				  "dimension %d is %d of one input, %d of the other",
				  d, x, y);
		need_size(c, out, d, x == 1 ? y : x);
	}
}

static void verify_sum(struct tnc *c, const struct tnc_op *op)
{
	need_activation(c, tnc_op_input(c, op, 1));
	need_broadcast(c, op);
}

/* Bytes are compared, not values: all have to mean the same. */
static void verify_selection(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	verify_sum(c, op);
	need_same_quant(c, tnc_op_input(c, op, 0), out);
	need_same_quant(c, tnc_op_input(c, op, 1), out);
}

static void verify_pool(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	verify_window(c, op);
	need_size(c, out, 3, in->shape[3]);
	need_same_quant(c, in, out);
}

static void verify_reshape(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	if (tnc_tensor_elements(in) != tnc_tensor_elements(out))
		tnc_error(c, -EINVAL, "%lld elements reshaped to %lld",
			  (long long)tnc_tensor_elements(in),
			  (long long)tnc_tensor_elements(out));
}

static void verify_softmax(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	if (in->rank < 1)
		tnc_error(c, -EINVAL, "softmax of a scalar");
	if (in->shape[in->rank - 1] > SOFTMAX_DEPTH_MAX)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported softmax of %d elements, at most %d",
			  in->shape[in->rank - 1], SOFTMAX_DEPTH_MAX);
	need_rank(c, out, in->rank);
	for (int d = 0; d < in->rank; d++)
		need_size(c, out, d, in->shape[d]);
	if (out->quant.scale[0] != 1.0f / 256 ||
	    out->quant.zero_point[0] != -128)
		tnc_error(c, -EINVAL,
			  "output must have scale 1/256 and zero point -128");
	if (!isnormal(op->beta) || op->beta <= 0)
		tnc_error(c, -EINVAL, "beta is %g", op->beta);
}

static void (*const verify_kind[TNC_OP_KINDS])(struct tnc *c,
					       const struct tnc_op *op) = {
	[TNC_CONV_2D] = verify_conv,
	[TNC_DEPTHWISE_CONV_2D] = verify_depthwise,
	[TNC_FULLY_CONNECTED] = verify_fully_connected,
	[TNC_ADD] = verify_sum,
	[TNC_SUB] = verify_sum,
	[TNC_MUL] = verify_sum,
	[TNC_MAXIMUM] = verify_selection,
	[TNC_MINIMUM] = verify_selection,
	[TNC_AVERAGE_POOL_2D] = verify_pool,
	[TNC_MAX_POOL_2D] = verify_pool,
	[TNC_RESHAPE] = verify_reshape,
	[TNC_SOFTMAX] = verify_softmax,
};

/*
 * The arithmetic shifts 32-bit values left by a positive exponent: factors of
 * 2^30 and more have no meaning there, nor have those of an addition or of a
 * softmax outside their documented range.
 */
static void verify_factors(struct tnc *c, const struct tnc_op *op)
{
	int count = tnc_op_factor_count(c, op);
	struct tnc_factor *factor = op->factor;

	if (!count || !(tnc_op_info[op->kind].attrs & TNC_HAS_REQUANT))
		return;
	if (op->factors && op->factors != count)
		tnc_error(c, -EINVAL, "%d factors, needs %d", op->factors,
			  count);
	if (!op->factors) {
		factor = tnc_alloc(c, count, sizeof(*factor));
		tnc_op_factors(c, op, factor);
	}
	for (int i = 0; i < count; i++) {
		int least = op->kind == TNC_SOFTMAX ? 0 : -31;
		int most = op->kind == TNC_ADD || op->kind == TNC_SUB ? 0 : 30;

		if (factor[i].multiplier < 0 || factor[i].shift < least ||
		    factor[i].shift > most)
			tnc_error(c, -EOPNOTSUPP,
				  "unsupported ratio of scales (factor %d is %d * 2^%d)",
				  i, factor[i].multiplier,
				  factor[i].shift - 31);
	}
}

static void verify_op(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_op_info *info = &tnc_op_info[op->kind];

	tnc_place_op(c, op);
	if (op->inputs < info->inputs_min || op->inputs > info->inputs_max)
		tnc_error(c, -EINVAL, "%d inputs", op->inputs);
	need_activation(c, tnc_op_input(c, op, 0));
	need_activation(c, tnc_op_output(c, op));
	verify_kind[op->kind](c, op);
	if (op->act == TNC_ACT_CLAMP &&
	    (op->clamp_min < -128 || op->clamp_max > 127 ||
	     op->clamp_min > op->clamp_max))
		tnc_error(c, -EINVAL, "clamp to %d..%d", op->clamp_min,
			  op->clamp_max);
	verify_factors(c, op);
	tnc_place_none(c);
}

/* Is the tensor there when an operator or the interface reads it? */
static void need_written(struct tnc *c, const bool *written, int id)
{
	if (!tnc_tensor_get(c, id))
		tnc_error(c, -EINVAL, "there is no tensor %d", id);
	if (!written[tnc_tensor_root(c, id)->id])
		tnc_error(c, -EINVAL, "tensor %d is read before it is written",
			  id);
}

static void write_tensor(struct tnc *c, bool *written, int id)
{
	const struct tnc_tensor *t = tnc_tensor_get(c, id);

	if (!t)
		tnc_error(c, -EINVAL, "there is no tensor %d", id);
	if (t->alias >= 0)
		tnc_error(c, -EINVAL, "tensor %d is an alias", id);
	if (written[id])
		tnc_error(c, -EINVAL, "tensor %d is written twice", id);
	written[id] = true;
}

static void verify_order(struct tnc *c)
{
	bool *written = tnc_alloc(c, c->tensors + 1, sizeof(*written));

	for (int i = 0; i < c->tensors; i++)
		if (c->tensor[i] && c->tensor[i]->data)
			written[i] = true;
	for (int i = 0; i < c->inputs.count; i++)
		write_tensor(c, written, c->inputs.id[i]);
	for (int i = 0; i < c->ops; i++) {
		tnc_place_op(c, c->op[i]);
		for (int k = 0; k < c->op[i]->inputs; k++)
			need_written(c, written, c->op[i]->input[k]);
		write_tensor(c, written, c->op[i]->output);
	}
	tnc_place_none(c);
	if (!c->inputs.count || !c->outputs.count)
		tnc_error(c, -EINVAL, "%d inputs and %d outputs",
			  c->inputs.count, c->outputs.count);
	for (int i = 0; i < c->outputs.count; i++)
		need_written(c, written, c->outputs.id[i]);
}

/* Needs: nothing. Leaves the graph alone; returns only if it is sound. */
void tnc_verify(struct tnc *c)
{
	tnc_place_none(c);
	verify_tensors(c);
	verify_order(c);
	for (int i = 0; i < c->ops; i++)
		verify_op(c, c->op[i]);
}
