// SPDX-License-Identifier: MIT
/*
 * Branches of a TFLite file: IF. A condition that is constant decides when the file
 * is read; of another one both branches are computed, and their results selected,
 * which is the same as long as neither changes a variable.
 */
#include <errno.h>

#include "tflite.h"

void tnc_tflite_same(const struct tnc_tflite_op *from, int input, int output)
{
	struct tnc_op *op = tnc_op_append(from->c, TNC_RESHAPE);

	op->source = from->number;
	tnc_op_add_input(from->c, op, input);
	op->output = output;
}

static void take_branch(const struct tnc_tflite_op *from, int field,
			const struct tnc_list *arguments,
			struct tnc_list *results)
{
	tnc_tflite_subgraph(from, tnc_fb_i32(&from->options, field, 0),
			    arguments, results);
	if (results->count != from->out.count)
		tnc_error(from->c, -EINVAL, "branch has %d results, not %d",
			  results->count, from->out.count);
}

static void take_both(const struct tnc_tflite_op *from, int condition,
		      const struct tnc_list *arguments)
{
	struct tnc_list results[2] = { 0 };

	tnc_tflite_state_branch(from->state, 1);
	for (int i = 0; i < 2; i++)
		take_branch(from, i, arguments, &results[i]);
	tnc_tflite_state_branch(from->state, -1);
	for (int i = 0; i < from->out.count; i++) {
		struct tnc_op *op = tnc_op_append(from->c, TNC_SELECT);

		op->source = from->number;
		tnc_op_add_input(from->c, op, condition);
		tnc_op_add_input(from->c, op, results[0].id[i]);
		tnc_op_add_input(from->c, op, results[1].id[i]);
		op->output = from->out.id[i];
	}
}

/* Operands may be left out elsewhere, and may be variables; here they are not. */
static void need_tensors(const struct tnc_tflite_op *from,
			 const struct tnc_list *list)
{
	for (int i = 0; i < list->count; i++)
		if (!tnc_tensor_get(from->c, list->id[i]))
			tnc_error(from->c, -EINVAL, "operand %d is no tensor",
				  i);
}

void tnc_tflite_if(const struct tnc_tflite_op *from)
{
	struct tnc_list arguments = { 0 }, results = { 0 };
	const struct tnc_tensor *condition;

	need_tensors(from, &from->in);
	need_tensors(from, &from->out);
	condition = tnc_tflite_input(from, 0);
	if (condition->type != TNC_BOOL || tnc_tensor_elements(condition) != 1)
		tnc_error(from->c, -EINVAL, "the condition is no bool");
	for (int i = 1; i < from->in.count; i++)
		tnc_list_append(from->c, &arguments, from->in.id[i]);
	if (!condition->data) {
		take_both(from, condition->id, &arguments);
		return;
	}
	take_branch(from, condition->data[0] ? 0 : 1, &arguments, &results);
	for (int i = 0; i < from->out.count; i++)
		tnc_tflite_same(from, results.id[i], from->out.id[i]);
}
