// SPDX-License-Identifier: MIT
/*
 * Part of pass 'l': reductions along axes. Sums and means become convolutions
 * whose weights are all one, maxima of pictures pools; what is left is a program
 * over rows of channels. Axes that do not lie together are brought to the back
 * by a TRANSPOSE first.
 */
#include <string.h>

#include "lower.h"
#include "pass.h"

#define WINDOW_MAX 255		/* rows and columns of a command's window */
#define WINDOW_PART_LEAST 64	/* pixels of a window, where one is of many */
#define WINDOW_PART_MAX 512
#define PART_MAX 4096		/* elements that are reduced at once, if possible */

/* A tensor as the reduction sees it; @inner elements lie between two that meet. */
struct shape3 {
	int64_t outer, reduced, inner;
};

bool tnc_lower_is_reduction(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	switch (op->kind) {
	case TNC_MEAN:
		return in->quant.count;
	case TNC_SUM:
		return in->quant.count || in->type == TNC_INT32;
	case TNC_REDUCE_MAX:
	case TNC_REDUCE_MIN:
	case TNC_REDUCE_ANY:
	case TNC_REDUCE_ALL:
		return tnc_vector_has(in->type);
	case TNC_ARG_MAX:
	case TNC_ARG_MIN:
		return tnc_vector_has(in->type) &&
		       tnc_op_output(c, op)->type == TNC_INT32;
	default:
		return false;
	}
}

static bool is_reduced(const struct tnc_op *op, int dim)
{
	if (op->kind == TNC_ARG_MAX || op->kind == TNC_ARG_MIN)
		return dim == op->axis;
	for (int i = 0; i < op->list[0].count; i++)
		if (op->list[0].id[i] == dim)
			return true;
	return false;
}

/* False if dimensions that stay lie between those that go. */
static bool shape3_of(const struct tnc *c, const struct tnc_op *op,
		      struct shape3 *s)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	*s = (struct shape3){ 1, 1, 1 };
	for (int d = 0; d < in->rank; d++) {
		if (in->shape[d] == 1)
			continue;
		if (!is_reduced(op, d)) {
			if (s->reduced > 1)
				s->inner *= in->shape[d];
			else
				s->outer *= in->shape[d];
		} else if (s->inner > 1) {
			return false;
		} else {
			s->reduced *= in->shape[d];
		}
	}
	return true;
}

/* The reduced elements as a window of rows and columns, if that can be. */
static bool window_of(int64_t reduced, struct tnc_hw *window)
{
	window->w = reduced < WINDOW_MAX ? reduced : WINDOW_MAX;
	while (reduced % window->w)
		window->w--;
	window->h = reduced / window->w;
	return window->h <= WINDOW_MAX && reduced <= PART_MAX;
}

static bool is_pool(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	return op->kind == TNC_REDUCE_MAX && in->quant.count &&
	       (in->type == TNC_INT8 || in->type == TNC_INT16);
}

/* Whether numbers with a scale are added. */
static bool is_sum(const struct tnc *c, const struct tnc_op *op)
{
	return (op->kind == TNC_MEAN || op->kind == TNC_SUM) &&
	       tnc_op_input(c, op, 0)->quant.count;
}

/* Can it be done as the elements lie? */
static bool is_in_order(const struct tnc *c, const struct tnc_op *op)
{
	struct tnc_hw window;
	struct shape3 s;

	if (!shape3_of(c, op, &s))
		return false;
	return s.inner == 1 || ((is_sum(c, op) || is_pool(c, op)) &&
				window_of(s.reduced, &window));
}

/* Brings the reduced dimensions to the back, before operator number @at. */
static void bring_to_back(struct tnc *c, int at)
{
	struct tnc_op *user = c->op[at];
	struct tnc_op *op = tnc_insert_before(c, at, 0, TNC_TRANSPOSE);
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	struct tnc_tensor *out = tnc_op_output(c, op);
	int kept = 0;

	for (int gone = 0; gone < 2; gone++) {
		for (int d = 0; d < in->rank; d++) {
			if (is_reduced(user, d) != gone)
				continue;
			out->shape[op->list[0].count] = in->shape[d];
			tnc_list_append(c, &op->list[0], d);
		}
		if (!gone)
			kept = op->list[0].count;
	}
	user->axis = in->rank - 1;
	for (int i = 0; i < user->list[0].count; i++)
		user->list[0].id[i] = kept + i;
}


/* Input and output as pictures: @h x @w pixels become @out_h x 1. */
static void view(struct tnc *c, struct tnc_op *op, int64_t h, int64_t w,
		 int64_t channels, int64_t out_h, int64_t out_channels)
{
	const int32_t in[4] = { 1, h, w, channels };
	const int32_t out[4] = { 1, out_h, 1, out_channels };

	op->input[0] = tnc_picture_view(c, op->input[0], in, false);
	op->output = tnc_picture_view(c, op->output, out, true);
}

/* A constant, all of whose elements are @value, with a scale of one. */
int tnc_lower_constant(struct tnc *c, enum tnc_type type, int rank,
		       const int32_t *shape, int value)
{
	static const float one = 1;
	static const int32_t zero;
	struct tnc_tensor *t = tnc_tensor_new(c, c->tensor[c->inputs.id[0]]);

	t->name = "ones";
	t->type = type;
	t->rank = rank;
	memcpy(t->shape, shape, rank * sizeof(*shape));
	t->quant.count = 1;
	t->quant.scale = tnc_alloc(c, 1, sizeof(one));
	t->quant.zero_point = tnc_alloc(c, 1, sizeof(zero));
	t->quant.scale[0] = one;
	t->data = tnc_alloc(c, 1, tnc_tensor_bytes(t));
	if (value)
		memset(t->data, value, tnc_tensor_bytes(t));
	return t->id;
}

void tnc_lower_set_window(struct tnc *c, struct tnc_op *op, struct tnc_hw window)
{
	const struct tnc_type_info *type =
		&tnc_type_info[tnc_op_output(c, op)->type];

	op->window = window;
	op->stride = window;
	op->dilation = (struct tnc_hw){ 1, 1 };
	op->pad = TNC_PAD_EXPLICIT;
	op->pads = (struct tnc_pads){ 0 };
	op->act = TNC_ACT_CLAMP;
	op->clamp_min = type->min;
	op->clamp_max = type->max;
	op->list[0].count = 0;
}

/* Biases of 32 bits, though they are 0: so the sums have 32 bits, too. */
static void sum_to_conv(struct tnc *c, struct tnc_op *op,
			const struct shape3 *s)
{
	struct tnc_hw window = { 1, 1 };
	int channels = s->inner;
	struct tnc_factor factor = { 0 };

	if (tnc_ref_onnx_is(c, op)) {
		float real = tnc_ref_onnx_mean_factor(c, op);

		memcpy(&factor.multiplier, &real, sizeof(real));
	} else {
		tnc_op_factors(c, op, &factor);
		op->mode = 0;
	}
	op->factor = tnc_alloc(c, channels, sizeof(factor));
	op->factors = channels;
	for (int i = 0; i < channels; i++)
		op->factor[i] = factor;
	if (s->inner == 1) {
		view(c, op, s->outer, 1, s->reduced, s->outer, 1);
		op->kind = TNC_CONV_2D;
		tnc_op_add_input(c, op, tnc_lower_constant(c, TNC_INT8, 4,
			(int32_t[]){ 1, 1, 1, s->reduced }, 1));
	} else {
		window_of(s->reduced, &window);
		view(c, op, s->outer * window.h, window.w, s->inner, s->outer,
		     s->inner);
		op->kind = TNC_DEPTHWISE_CONV_2D;
		tnc_op_add_input(c, op, tnc_lower_constant(c, TNC_INT8, 4,
			(int32_t[]){ 1, window.h, window.w, channels }, 1));
	}
	tnc_op_add_input(c, op, tnc_lower_constant(c, TNC_INT32, 1,
						   &(int32_t){ channels }, 0));
	tnc_lower_set_window(c, op, window);
}

static void extreme_to_pool(struct tnc *c, struct tnc_op *op,
			    const struct shape3 *s)
{
	struct tnc_hw window;

	window_of(s->reduced, &window);
	view(c, op, s->outer * window.h, window.w, s->inner, s->outer,
	     s->inner);
	op->kind = TNC_MAX_POOL_2D;
	tnc_lower_set_window(c, op, window);
}

static void to_program(struct tnc *c, struct tnc_op *op, const struct shape3 *s)
{
	struct lowering l = { .v.c = c, .op = op };

	if (op->kind == TNC_ARG_MAX || op->kind == TNC_ARG_MIN)
		tnc_lower_arg(&l);
	else
		tnc_lower_extreme(&l);
	view(c, op, s->outer, 1, s->reduced, s->outer, 1);
	tnc_vector_finish(&l.v, op);
}

bool tnc_lower_reduction(struct tnc *c, struct tnc_op *op)
{
	struct shape3 s;

	if (!tnc_lower_is_reduction(c, op) || !shape3_of(c, op, &s))
		return false;
	if (is_sum(c, op))
		sum_to_conv(c, op, &s);
	else if (s.inner > 1)
		extreme_to_pool(c, op, &s);
	else
		to_program(c, op, &s);
	return true;
}

/* As many elements as a window of one part has; 1 if no number will do. */
static int part_of(int64_t reduced, struct tnc_hw *window)
{
	int part = WINDOW_PART_MAX;

	while (part > 1 && (reduced % part || !window_of(part, window)))
		part--;
	return part;
}

/* Sums and maxima over more pixels than a window has: first in windows. */
static bool in_windows(struct tnc *c, int *at)
{
	struct tnc_op *op = c->op[*at];
	struct tnc_hw window;
	struct shape3 s;
	int part;

	if ((!is_sum(c, op) && !is_pool(c, op)) || !shape3_of(c, op, &s) ||
	    s.inner == 1 || window_of(s.reduced, &window))
		return false;
	part = part_of(s.reduced, &window);
	if (part < WINDOW_PART_LEAST)
		return false;
	*at = tnc_lower_windows(c, *at, (int64_t[]){ s.outer, s.reduced / part,
						     s.inner }, window);
	return true;
}

/*
 * Before the pass: each reduction gets its elements in an order it can take, and
 * no more of them than it can take.
 */
void tnc_legalise_reductions(struct tnc *c)
{
	for (int i = 0; i < c->ops; i++) {
		struct tnc_op *op = c->op[i];
		struct shape3 s;

		if (!tnc_lower_is_reduction(c, op) || in_windows(c, &i))
			continue;
		if (!is_in_order(c, op))
			bring_to_back(c, i++);
		if (!shape3_of(c, op, &s) || s.inner != 1)
			continue;
		if (op->kind == TNC_ARG_MAX || op->kind == TNC_ARG_MIN)
			i = tnc_lower_long_arg(c, i, s.reduced);
		else if (s.reduced > PART_MAX)
			i = tnc_lower_long_reduction(c, i, s.reduced);
	}
}
