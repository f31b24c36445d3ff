// SPDX-License-Identifier: MIT
/*
 * Pass 'n': float operators merged where one can do the work of several.
 *
 * Needs: a folded graph. Leaves: the same values but for rounding, with less to
 * compute and fewer tensors that quantisation would round: what multiplies or adds a
 * constant per channel behind a convolution (a batch normalisation, say) is part of
 * its weights and bias; activation functions are fused; and see float_fuse.c.
 */
#include <string.h>

#include "float_fuse.h"

/* Which operators hand their result to one reader only, and who wrote a tensor. */
static struct tnc_writers writers_of(struct tnc *c)
{
	struct tnc_writers w = {
		.op = tnc_alloc(c, c->tensors + 1, sizeof(*w.op)),
		.reads = tnc_alloc(c, c->tensors + 1, sizeof(*w.reads)),
	};

	for (int i = 0; i < c->ops; i++) {
		w.op[c->op[i]->output] = c->op[i];
		for (int k = 0; k < c->op[i]->inputs; k++)
			if (c->op[i]->input[k] != TNC_INPUT_NONE)
				w.reads[c->op[i]->input[k]]++;
	}
	for (int i = 0; i < c->outputs.count; i++)
		w.reads[c->outputs.id[i]]++;
	for (int i = 0; i < c->variables; i++)
		w.reads[c->variable[i].kept]++;
	return w;
}

static bool is_float_constant(const struct tnc_tensor *t)
{
	return t && t->data && t->type == TNC_FLOAT32;
}

static bool has_constant_weights(const struct tnc *c, const struct tnc_op *op)
{
	if (op->kind != TNC_CONV_2D && op->kind != TNC_DEPTHWISE_CONV_2D &&
	    op->kind != TNC_TRANSPOSE_CONV && op->kind != TNC_FULLY_CONNECTED)
		return false;
	return is_float_constant(tnc_op_input(c, op, 1)) &&
	       (!tnc_op_input(c, op, 2) ||
		is_float_constant(tnc_op_input(c, op, 2)));
}

/* Which take an activation function that was an operator of its own. */
static bool has_room_for_act(const struct tnc_op *op)
{
	switch (op->kind) {
	case TNC_CONV_2D:
	case TNC_DEPTHWISE_CONV_2D:
	case TNC_TRANSPOSE_CONV:
	case TNC_FULLY_CONNECTED:
	case TNC_ADD:
	case TNC_SUB:
	case TNC_MUL:
	case TNC_DIV:
	case TNC_AVERAGE_POOL_2D:
	case TNC_MAX_POOL_2D:
		return true;
	default:
		return false;
	}
}

static bool is_same_shape(const struct tnc_tensor *a, const struct tnc_tensor *b)
{
	return a->rank == b->rank &&
	       !memcmp(a->shape, b->shape, a->rank * sizeof(*a->shape));
}

/* One value for all channels or one for each. */
static bool is_per_channel(const struct tnc_tensor *t, int channels)
{
	int64_t elements = tnc_tensor_elements(t);

	return elements == 1 || (elements == channels &&
				 t->shape[t->rank - 1] == channels);
}

static float value_at(const struct tnc_tensor *t, int channel)
{
	return ((const float *)t->data)[tnc_tensor_elements(t) == 1 ? 0 : channel];
}

/* The operator's own bias, which may be changed. */
static float *own_bias(struct tnc *c, struct tnc_op *op, int channels)
{
	const struct tnc_tensor *old = tnc_op_input(c, op, 2);
	struct tnc_tensor *bias = tnc_tensor_new(c, tnc_op_input(c, op, 1));

	bias->name = old ? old->name : "";
	bias->rank = 1;
	bias->shape[0] = channels;
	bias->data = tnc_alloc(c, channels, sizeof(float));
	if (old)
		memcpy(bias->data, old->data, tnc_tensor_bytes(bias));
	if (op->inputs < 3)
		tnc_op_add_input(c, op, bias->id);
	else
		op->input[2] = bias->id;
	return (float *)bias->data;
}

static void scale_weights(struct tnc *c, struct tnc_op *op,
			  const struct tnc_tensor *by, bool divides)
{
	const struct tnc_tensor *old = tnc_op_input(c, op, 1);
	struct tnc_tensor *weights = tnc_tensor_new(c, old);
	int axis = op->kind == TNC_DEPTHWISE_CONV_2D ? 3 : 0;
	int channels = old->shape[axis];
	int64_t elements = tnc_tensor_elements(old), inner = 1;
	float *bias;

	for (int d = axis + 1; d < old->rank; d++)
		inner *= old->shape[d];
	weights->data = tnc_alloc(c, elements, sizeof(float));
	for (int64_t i = 0; i < elements; i++) {
		float factor = value_at(by, i / inner % channels);
		float value = ((const float *)old->data)[i];

		((float *)weights->data)[i] =
			divides ? value / factor : value * factor;
	}
	bias = tnc_op_input(c, op, 2) ? own_bias(c, op, channels) : NULL;
	for (int i = 0; bias && i < channels; i++)
		bias[i] = divides ? bias[i] / value_at(by, i) :
				    bias[i] * value_at(by, i);
	op->input[1] = weights->id;
}

static void shift_bias(struct tnc *c, struct tnc_op *op,
		       const struct tnc_tensor *by, float sign)
{
	int channels = tnc_op_input(c, op, 1)->shape[
		op->kind == TNC_DEPTHWISE_CONV_2D ? 3 : 0];
	float *bias = own_bias(c, op, channels);

	for (int i = 0; i < channels; i++)
		bias[i] += sign * value_at(by, i);
}

/* Arithmetic with a constant behind @op; only what leaves the constant last. */
static bool fold_constant(struct tnc *c, struct tnc_op *op,
			  const struct tnc_op *behind)
{
	bool is_swapped = behind->input[0] != op->output;
	const struct tnc_tensor *by = tnc_op_input(c, behind, !is_swapped);
	const struct tnc_tensor *out = tnc_op_output(c, behind);

	if (!has_constant_weights(c, op) || !is_float_constant(by) ||
	    !is_same_shape(out, tnc_op_output(c, op)) ||
	    !is_per_channel(by, out->shape[out->rank - 1]))
		return false;
	switch (behind->kind) {
	case TNC_MUL:
		scale_weights(c, op, by, false);
		break;
	case TNC_ADD:
		shift_bias(c, op, by, 1);
		break;
	case TNC_DIV:
		if (is_swapped)
			return false;
		scale_weights(c, op, by, true);
		break;
	case TNC_SUB:
		if (is_swapped)
			return false;
		shift_bias(c, op, by, -1);
		break;
	default:
		return false;
	}
	op->act = behind->act;
	return true;
}

static bool fold_activation(struct tnc_op *op, const struct tnc_op *behind)
{
	if (!has_room_for_act(op))
		return false;
	switch (behind->kind) {
	case TNC_RELU:
		op->act = TNC_ACT_RELU;
		return true;
	case TNC_RELU6:
		op->act = TNC_ACT_RELU6;
		return true;
	case TNC_RELU_N1_TO_1:
		op->act = TNC_ACT_RELU_N1_TO_1;
		return true;
	default:
		return false;
	}
}

/* The operator before that alone feeds one of the inputs of @op, and may grow. */
static struct tnc_op *before(const struct tnc *c, const struct tnc_writers *w,
			     const struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++) {
		int id = op->input[i];

		if (id == TNC_INPUT_NONE || w->reads[id] != 1 || !w->op[id] ||
		    w->op[id]->act != TNC_ACT_NONE ||
		    c->tensor[id]->type != TNC_FLOAT32)
			continue;
		return w->op[id];
	}
	return NULL;
}

static bool merge(struct tnc *c, struct tnc_writers *w, struct tnc_op *op)
{
	struct tnc_op *first = before(c, w, op);

	if (!first || (!fold_activation(first, op) &&
		       !(op->inputs == 2 && fold_constant(c, first, op))))
		return false;
	first->output = op->output;
	w->op[op->output] = first;
	return true;
}

void tnc_pass_merge(struct tnc *c)
{
	struct tnc_writers w = writers_of(c);
	int kept = 0;

	for (int i = 0; i < c->ops; i++) {
		tnc_float_fuse(c, &w, c->op[i]);
		if (!merge(c, &w, c->op[i]))
			c->op[kept++] = c->op[i];
	}
	c->ops = kept;
	tnc_drop_unused(c);
}
