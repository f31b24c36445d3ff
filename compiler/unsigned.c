// SPDX-License-Identifier: MIT
/*
 * Quantised tensors of uint8 become int8: 128 less, and so is the zero point. Done
 * once, on what an importer leaves and before the verifier sees it; from there on
 * uint8 is what stands at the model's interface, where a QUANTIZE converts it, and
 * what operators read that take bytes as they are.
 */
#include <string.h>

#include "pass.h"

/* Operators to which a byte is a number, not a quantised one. */
static bool takes_raw(const struct tnc_op *op)
{
	switch (op->kind) {
	case TNC_CAST:
	case TNC_CONV_INTEGER:
	case TNC_MATMUL_INTEGER:
	case TNC_DYNAMIC_QUANTIZE:
	case TNC_CUSTOM:
	case TNC_WHILE:
		return true;
	case TNC_QUANTIZE:
	case TNC_DEQUANTIZE:
		return op->inputs > 1;
	default:
		return false;
	}
}

static bool is_unsigned(struct tnc *c, int id)
{
	const struct tnc_tensor *t = id == TNC_INPUT_NONE ? NULL :
				     tnc_tensor_get(c, id);

	return t && t->type == TNC_UINT8 && t->quant.count;
}

static void leave(struct tnc *c, bool *is_chosen, int id)
{
	if (is_unsigned(c, id))
		is_chosen[id] = false;
}

/*
 * The tensors that become int8: not those whose bytes are a state, nor outputs that
 * no operator writes.
 */
static bool *choose(struct tnc *c)
{
	bool *is_chosen = tnc_alloc(c, c->tensors + 1, sizeof(*is_chosen));
	bool *is_written = tnc_alloc(c, c->tensors + 1, sizeof(*is_written));

	for (int i = 0; i < c->tensors; i++)
		is_chosen[i] = is_unsigned(c, i);
	for (int i = 0; i < c->ops; i++)
		if (tnc_tensor_get(c, c->op[i]->output))
			is_written[c->op[i]->output] = true;
	for (int i = 0; i < c->outputs.count; i++)
		if (is_unsigned(c, c->outputs.id[i]) &&
		    !is_written[c->outputs.id[i]])
			is_chosen[c->outputs.id[i]] = false;
	for (int i = 0; i < c->variables; i++) {
		leave(c, is_chosen, c->variable[i].read);
		leave(c, is_chosen, c->variable[i].kept);
		leave(c, is_chosen, c->variable[i].init);
	}
	for (int i = 0; i < c->ops; i++) {
		const struct tnc_op *op = c->op[i];

		if (!takes_raw(op))
			continue;
		for (int k = 0; k < op->inputs; k++)
			leave(c, is_chosen, op->input[k]);
		leave(c, is_chosen, op->output);
	}
	return is_chosen;
}

static void make_signed(struct tnc *c, struct tnc_tensor *t)
{
	struct tnc_quant *q = &t->quant;
	int32_t *zero = tnc_alloc(c, q->count, sizeof(*zero));
	const uint8_t *data = t->data;

	t->type = TNC_INT8;
	for (int i = 0; i < q->count; i++)
		zero[i] = q->zero_point[i] - 128;
	q->zero_point = zero;
	if (!data)
		return;
	t->data = tnc_alloc(c, 1, tnc_tensor_bytes(t));
	for (size_t i = 0; i < tnc_tensor_bytes(t); i++)
		t->data[i] = data[i] ^ 0x80;
}

/* The interface keeps its tensors: operators get @inner instead. */
static void split_interface(struct tnc *c, const bool *is_chosen,
			    const struct tnc_list *list, int *inner)
{
	for (int i = 0; i < list->count; i++) {
		int id = list->id[i];

		if (!tnc_tensor_get(c, id) || !is_chosen[id] || inner[id] != id)
			continue;
		inner[id] = tnc_tensor_new(c, c->tensor[id])->id;
		c->tensor[inner[id]]->data = c->tensor[id]->data;
	}
}

static void convert(struct tnc *c, int from, int to)
{
	struct tnc_op *op = tnc_op_append(c, TNC_QUANTIZE);

	tnc_op_add_input(c, op, from);
	op->output = to;
	op->mode |= TNC_MODE_ONNX;
}

static void convert_all(struct tnc *c, const struct tnc_list *list, int first,
			const int *inner, bool is_input)
{
	bool *is_done = tnc_alloc(c, first + 1, sizeof(*is_done));

	for (int i = 0; i < list->count; i++) {
		int id = list->id[i];

		if (id < 0 || id >= first || inner[id] == id || is_done[id])
			continue;
		is_done[id] = true;
		if (is_input)
			convert(c, id, inner[id]);
		else
			convert(c, inner[id], id);
	}
}

/* Needs: a graph that is not verified yet. Leaves: no quantised uint8 inside. */
void tnc_make_signed(struct tnc *c)
{
	int first = c->tensors, ops = c->ops;
	struct tnc_op **op = c->op;
	bool *is_chosen = choose(c);
	int *inner = tnc_alloc(c, first + 1, sizeof(*inner));

	for (int i = 0; i < first; i++)
		inner[i] = i;
	split_interface(c, is_chosen, &c->inputs, inner);
	split_interface(c, is_chosen, &c->outputs, inner);
	for (int i = 0; i < first; i++)
		if (is_chosen[i])
			make_signed(c, c->tensor[inner[i]]);
	c->op = NULL;
	c->ops = 0;
	c->ops_room = 0;
	convert_all(c, &c->inputs, first, inner, true);
	for (int i = 0; i < ops; i++) {
		for (int k = 0; k < op[i]->inputs; k++)
			if (op[i]->input[k] >= 0 && op[i]->input[k] < first)
				op[i]->input[k] = inner[op[i]->input[k]];
		if (op[i]->output >= 0 && op[i]->output < first)
			op[i]->output = inner[op[i]->output];
		c->op = tnc_grow(c, c->op, c->ops, &c->ops_room,
				 sizeof(*c->op));
		c->op[c->ops++] = op[i];
	}
	convert_all(c, &c->outputs, first, inner, false);
}
