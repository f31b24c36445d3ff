// SPDX-License-Identifier: MIT
/*
 * Branches and loops of a TFLite file. A condition that is constant decides when the
 * file is read: so a loop is written out whose counter follows from constants. Other
 * loops stay. Of another condition both branches are computed, and their results
 * selected, also what they leave in variables.
 */
#include <errno.h>

#include "tflite.h"

#define TURNS_MAX 10000	/* of a loop that is written out */
#define OPS_MAX 4096	/* likewise */

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
	const int *before = tnc_tflite_state_save(from->c, from->state), *taken;
	struct tnc_list results[2] = { 0 };

	tnc_tflite_state_branch(from->state, 1);
	take_branch(from, 0, arguments, &results[0]);
	taken = tnc_tflite_state_restore(from->c, from->state, before);
	take_branch(from, 1, arguments, &results[1]);
	tnc_tflite_state_branch(from->state, -1);
	tnc_tflite_state_merge(from, condition, before, taken);
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

/* --- Loops ----------------------------------------------------------------- */

enum outlook { ENDS, GOES_ON, UNKNOWN };

/* Whether a loop goes on with the values that it has. */
static enum outlook look(const struct tnc_tflite_op *from,
			 const struct tnc_list *values)
{
	struct tnc_list results = { 0 };
	const struct tnc_tensor *t;

	tnc_tflite_subgraph(from, tnc_fb_i32(&from->options, 0, 0), values,
			    &results);
	t = results.count == 1 ? from->c->tensor[results.id[0]] : NULL;
	if (!t || t->type != TNC_BOOL || tnc_tensor_elements(t) != 1)
		tnc_error(from->c, -EINVAL, "the condition is no bool");
	return !t->data ? UNKNOWN : t->data[0] ? GOES_ON : ENDS;
}

/* Returns whether the loop could be written out; @values are its results then. */
static bool write_out(const struct tnc_tflite_op *from, struct tnc_list *values)
{
	int first = from->c->ops;
	enum outlook outlook;

	for (int turn = 0; (outlook = look(from, values)) == GOES_ON; turn++) {
		struct tnc_list results = { 0 };

		if (turn == TURNS_MAX || from->c->ops - first > OPS_MAX)
			return false;
		tnc_tflite_subgraph(from, tnc_fb_i32(&from->options, 1, 0),
				    values, &results);
		if (results.count != values->count)
			tnc_error(from->c, -EINVAL,
				  "body has %d results, not %d", results.count,
				  values->count);
		*values = results;
	}
	return outlook == ENDS;
}

/* Turn by turn, when the program runs. */
static void keep_loop(const struct tnc_tflite_op *from)
{
	struct tnc *c = from->c;
	int loop = tnc_loop_add(c);

	for (int part = 0; part < TNC_LOOP_PARTS; part++)
		tnc_tflite_loop_part(from, tnc_fb_i32(&from->options, part, 0),
				     loop, part);
	tnc_loop_verify(c, loop);
	for (int i = 0; i < from->out.count; i++) {
		struct tnc_op *op = tnc_op_append(c, TNC_WHILE);

		op->source = from->number;
		for (int k = 0; k < from->in.count; k++)
			tnc_op_add_input(c, op, from->in.id[k]);
		tnc_list_append(c, &op->list[0], loop);
		tnc_list_append(c, &op->list[1], i);
		op->output = from->out.id[i];
	}
}

void tnc_tflite_while(const struct tnc_tflite_op *from)
{
	struct tnc *c = from->c;
	const int *before = tnc_tflite_state_save(c, from->state);
	int ops = c->ops, loops = c->loops, variables = c->variables;
	struct tnc_list values = { 0 };

	need_tensors(from, &from->in);
	need_tensors(from, &from->out);
	if (from->in.count != from->out.count)
		tnc_error(c, -EINVAL, "%d inputs, but %d outputs",
			  from->in.count, from->out.count);
	for (int i = 0; i < from->in.count; i++)
		tnc_list_append(c, &values, from->in.id[i]);
	if (write_out(from, &values)) {
		for (int i = 0; i < from->out.count; i++)
			tnc_tflite_same(from, values.id[i], from->out.id[i]);
		return;
	}
	c->ops = ops;
	c->loops = loops;
	c->variables = variables;
	tnc_tflite_state_restore(c, from->state, before);
	keep_loop(from);
}

/* A graph in place of the operator. */
void tnc_tflite_call(const struct tnc_tflite_op *from)
{
	struct tnc_list results = { 0 };

	need_tensors(from, &from->in);
	need_tensors(from, &from->out);
	take_branch(from, 0, &from->in, &results);
	for (int i = 0; i < from->out.count; i++)
		tnc_tflite_same(from, results.id[i], from->out.id[i]);
}
