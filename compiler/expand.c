// SPDX-License-Identifier: MIT
/*
 * Pass 'e': expand.
 *
 * Needs: a sound graph.
 * Leaves: windows that move over one picture each, one picture to resize, and no
 * TRANSPOSE_CONV. A batch of pictures is as many operators on views. A transposed
 * convolution is a plain
 * one for each phase of its stride: of every stride-th row and column of the
 * output, with every stride-th tap of the weights, from last to first.
 */
#include <string.h>

#include "cpu.h"
#include "pass.h"
#include "view.h"

/* A view of all of @id, of which the caller makes what it wants. */
static struct tnc_tensor *view_of(struct tnc *c, int id)
{
	struct tnc_tensor *t = c->tensor[id];
	struct tnc_layout layout = tnc_layout_of(t);
	struct tnc_tensor *view = tnc_tensor_new(c, t);

	view->alias = t->is_view ? t->alias : id;
	view->is_view = true;
	view->offset = layout.offset;
	memcpy(view->stride, layout.stride, sizeof(view->stride));
	return view;
}

static struct tnc_op *copy_of(struct tnc *c, const struct tnc_op *op)
{
	struct tnc_op *copy = tnc_alloc(c, 1, sizeof(*copy));

	*copy = *op;
	copy->input = NULL;
	copy->inputs = copy->inputs_room = 0;
	for (int i = 0; i < op->inputs; i++)
		tnc_op_add_input(c, copy, op->input[i]);
	return copy;
}

static void append(struct tnc *c, struct tnc_op *op)
{
	c->op = tnc_grow(c, c->op, c->ops, &c->ops_room, sizeof(*c->op));
	c->op[c->ops++] = op;
}

/* --- Transposed convolutions ---------------------------------------------- */

/* Along one axis: what a phase of the output needs. */
struct phase {
	int first;		/* output position, and every stride-th */
	int count;
	int tap;		/* first of the taps, and every stride-th */
	int taps;		/* 0: none reaches it */
	int in_first;		/* input positions */
	int in_count;
	int before;		/* padding */
	int after;
};

static struct phase phase_of(int first, int out, int in, int stride, int kernel,
			     int pad)
{
	struct phase p = {
		.first = first,
		.count = (out - first + stride - 1) / stride,
		.tap = (first + pad) % stride,
	};
	/* Where the input lies below the tap, for the first output. */
	int at = (first + pad) / stride, begin, end;

	if (p.tap >= kernel)
		return p;
	p.taps = (kernel - p.tap + stride - 1) / stride;
	begin = at - (p.taps - 1);
	end = at + p.count;
	p.before = begin < 0 ? -begin : 0;
	p.after = end > in ? end - in : 0;
	p.in_first = begin < 0 ? 0 : begin;
	p.in_count = (end > in ? in : end) - p.in_first;
	return p;
}

/* The taps of a phase, the last one first. */
static int phase_weights(struct tnc *c, const struct tnc_op *op,
			 const struct phase *y, const struct phase *x)
{
	const struct tnc_tensor *all = tnc_op_input(c, op, 1);
	struct tnc_tensor *some = tnc_tensor_new(c, all);
	int depth = all->shape[3];
	uint8_t *to;

	some->shape[1] = y->taps && x->taps ? y->taps : 1;
	some->shape[2] = y->taps && x->taps ? x->taps : 1;
	some->data = tnc_alloc(c, 1, tnc_tensor_bytes(some));
	to = some->data;
	if (!y->taps || !x->taps) {
		for (int64_t i = 0; i < tnc_tensor_elements(some); i++)
			to[i] = some->quant.zero_point[0];
		return some->id;
	}
	for (int o = 0; o < all->shape[0]; o++)
	for (int ky = y->taps - 1; ky >= 0; ky--)
	for (int kx = x->taps - 1; kx >= 0; kx--) {
		int row = y->tap + ky * op->stride.h;
		int column = x->tap + kx * op->stride.w;

		memcpy(to, all->data +
			       (((int64_t)o * all->shape[1] + row) *
					all->shape[2] + column) * depth, depth);
		to += depth;
	}
	return some->id;
}

static int phase_input(struct tnc *c, const struct tnc_op *op,
		       const struct phase *y, const struct phase *x)
{
	struct tnc_tensor *in = view_of(c, op->input[0]);

	if (!y->taps || !x->taps) {
		/* Any pixel will do: its weights are zero. */
		in->shape[1] = y->count;
		in->shape[2] = x->count;
		in->stride[1] = in->stride[2] = 0;
		return in->id;
	}
	in->offset += y->in_first * in->stride[1] +
		      x->in_first * in->stride[2];
	in->shape[1] = y->in_count;
	in->shape[2] = x->in_count;
	return in->id;
}

static void append_phase(struct tnc *c, const struct tnc_op *op,
			 const struct phase *y, const struct phase *x)
{
	struct tnc_op *conv = copy_of(c, op);
	struct tnc_tensor *out = view_of(c, op->output);

	conv->kind = TNC_CONV_2D;
	conv->stride = (struct tnc_hw){ 1, 1 };
	conv->pad = TNC_PAD_EXPLICIT;
	conv->pads = (struct tnc_pads){ 0 };
	if (y->taps && x->taps)
		conv->pads = (struct tnc_pads){ y->before, x->before, y->after,
						x->after };
	conv->input[0] = phase_input(c, op, y, x);
	conv->input[1] = phase_weights(c, op, y, x);
	out->offset += y->first * out->stride[1] + x->first * out->stride[2];
	out->shape[1] = y->count;
	out->shape[2] = x->count;
	out->stride[1] *= op->stride.h;
	out->stride[2] *= op->stride.w;
	conv->output = out->id;
	append(c, conv);
}

static void expand_transpose_conv(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_hw window = tnc_op_window(c, op);
	struct tnc_pads pads = tnc_op_pads(c, op);

	for (int i = 0; i < op->stride.h && i < out->shape[1]; i++) {
		struct phase y = phase_of(i, out->shape[1], in->shape[1],
					  op->stride.h, window.h, pads.top);

		for (int k = 0; k < op->stride.w && k < out->shape[2]; k++) {
			struct phase x = phase_of(k, out->shape[2],
						  in->shape[2], op->stride.w,
						  window.w, pads.left);

			append_phase(c, op, &y, &x);
		}
	}
}

/* --- Batches ---------------------------------------------------------------- */

static int picture_of(struct tnc *c, int id, int batch)
{
	struct tnc_tensor *view = view_of(c, id);

	view->offset += batch * view->stride[0];
	view->shape[0] = 1;
	return view->id;
}

static void expand(struct tnc *c, struct tnc_op *op)
{
	if (op->kind == TNC_TRANSPOSE_CONV && !tnc_cpu_is(c, op))
		expand_transpose_conv(c, op);
	else
		append(c, op);
}

/* Does a command of it take one picture? */
static bool is_of_picture(const struct tnc_op *op)
{
	return tnc_op_info[op->kind].attrs & TNC_HAS_PAD ||
	       op->kind == TNC_RESIZE_BILINEAR ||
	       op->kind == TNC_RESIZE_NEAREST_NEIGHBOR;
}

void tnc_pass_expand(struct tnc *c)
{
	struct tnc_op **old = c->op;
	int count = c->ops;

	c->op = NULL;
	c->ops = c->ops_room = 0;
	for (int i = 0; i < count; i++) {
		struct tnc_op *op = old[i];
		int batches = is_of_picture(op) ?
				      tnc_op_output(c, op)->shape[0] : 1;

		if (batches == 1 || tnc_cpu_is(c, op)) {
			expand(c, op);
			continue;
		}
		for (int batch = 0; batch < batches; batch++) {
			struct tnc_op *one = copy_of(c, op);

			one->input[0] = picture_of(c, op->input[0], batch);
			one->output = picture_of(c, op->output, batch);
			expand(c, one);
		}
	}
}
