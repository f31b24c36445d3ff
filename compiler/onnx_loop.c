// SPDX-License-Identifier: MIT
/*
 * ONNX's Loop where it can't be written out. Its values, all of which body and
 * condition have as inputs, are the number of the turn, the most turns there may be,
 * whether it goes on, the states, and what the body reads of the graphs around it.
 */
#include <errno.h>
#include <string.h>

#include "onnx_ops.h"
#include "pass.h"

enum { TURN, LIMIT, TRUTH, STATES };

struct loop {
	struct tnc_onnx *im;
	const Onnx__GraphProto *body;
	struct tnc_list value;	/* tensors of the graph that has the loop */
	const char **name;	/* by value: of those that the body reads, or NULL */
	int states;
};

/* Input @index of the node as a single element, or @absent. */
static int scalar_input(struct tnc_onnx *im, int index, enum tnc_type type,
			int64_t absent)
{
	const struct tnc_tensor *t;

	if (!tnc_onnx_has_input(im, index))
		return tnc_onnx_integer(im, type, absent);
	t = tnc_onnx_tensor(im, tnc_onnx_input(im, index));
	if (t->type != type || tnc_tensor_elements(t) != 1)
		tnc_error(im->c, -EINVAL, "input %d is no single %s", index,
			  tnc_type_info[type].name);
	return t->rank ? tnc_onnx_reshape(im, t->id, 0, NULL) : t->id;
}

static bool has_name(const struct loop *l, const char *name)
{
	for (int i = STATES + l->states; i < l->value.count; i++)
		if (!strcmp(l->name[i], name))
			return true;
	return false;
}

/* What graphs around the body yield, and is no constant: those are copied. */
static void add_captured(struct loop *l)
{
	struct tnc_onnx_needs needs = tnc_onnx_inner_needs(l->im);

	l->name = tnc_alloc(l->im->c, l->value.count + needs.count + 1,
			    sizeof(*l->name));
	for (size_t i = 0; i < needs.count; i++) {
		const struct tnc_onnx_value *v =
			tnc_onnx_find(l->im, needs.name[i]);

		if (!v || v->tensor < 0 ||
		    tnc_onnx_tensor(l->im, v->tensor)->data ||
		    has_name(l, v->name))
			continue;
		l->name[l->value.count] = v->name;
		tnc_list_append(l->im->c, &l->value, v->tensor);
	}
}

/* --- The parts ------------------------------------------------------------- */

/* Inputs of a part, one for each value. */
static void add_inputs(const struct loop *l, struct tnc *part)
{
	for (int i = 0; i < l->value.count; i++) {
		struct tnc_tensor *t = tnc_tensor_new(
			part, tnc_onnx_tensor(l->im, l->value.id[i]));

		if (!*t->name)
			t->name = "value";
		tnc_list_append(part, &part->inputs, t->id);
	}
}

/* An output is a tensor of its own. */
static void add_output(struct tnc_onnx *part, int id)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(part, id);

	id = tnc_onnx_reshape(part, id, t->rank, t->shape);
	if (!*tnc_onnx_tensor(part, id)->name)
		tnc_onnx_tensor(part, id)->name = "result";
	tnc_list_append(part->c, &part->c->outputs, id);
}

/* The importer of a part: the same node, of another graph. */
static struct tnc_onnx importer_of(const struct loop *l, struct tnc *part)
{
	struct tnc_onnx im = *l->im;

	im.c = part;
	return im;
}

static void read_condition(struct tnc *part, void *from)
{
	const struct loop *l = from;
	struct tnc_onnx im = importer_of(l, part);
	int less;

	add_inputs(l, part);
	less = tnc_onnx_binary(&im, TNC_LESS, part->inputs.id[TURN],
			       part->inputs.id[LIMIT]);
	add_output(&im, tnc_onnx_binary(&im, TNC_LOGICAL_AND, less,
					part->inputs.id[TRUTH]));
}

/* What the body sees around it: captured values are inputs, constants are copied. */
static struct tnc_onnx_value *around(const struct loop *l, struct tnc *part)
{
	const struct tnc_onnx *im = l->im;
	struct tnc_onnx_value *v = tnc_alloc(part, im->values + 1, sizeof(*v));

	for (int i = 0; i < im->values; i++) {
		const struct tnc_tensor *t = NULL;

		v[i] = im->value[i];
		v[i].tensor = -1;
		if (im->value[i].tensor >= 0)
			t = tnc_onnx_tensor(im, im->value[i].tensor);
		if (t && t->data) {
			v[i].tensor = tnc_tensor_new(part, t)->id;
			part->tensor[v[i].tensor]->data = t->data;
		}
		for (int k = STATES + l->states; k < l->value.count; k++)
			if (!strcmp(l->name[k], v[i].name))
				v[i].tensor = part->inputs.id[k];
	}
	return v;
}

static void read_body(struct tnc *part, void *from)
{
	const struct loop *l = from;
	struct tnc_onnx im = importer_of(l, part);
	int arguments = 2 + l->states, results = 1 + l->states;
	int *argument = tnc_alloc(part, arguments, sizeof(*argument));
	int *result = tnc_alloc(part, results, sizeof(*result));

	add_inputs(l, part);
	argument[0] = part->inputs.id[TURN];
	argument[1] = part->inputs.id[TRUTH];
	memcpy(argument + 2, part->inputs.id + STATES, l->states * sizeof(int));
	tnc_onnx_part(&im, l->body, around(l, part), l->im->values, argument,
		      arguments, result, results);
	part->at_op = -1;
	if (tnc_tensor_elements(tnc_onnx_tensor(&im, result[0])) != 1)
		tnc_error(part, -EINVAL, "the condition is no bool");
	add_output(&im, tnc_onnx_binary(&im, TNC_ADD, argument[0],
					tnc_onnx_integer(&im, TNC_INT64, 1)));
	add_output(&im, part->inputs.id[LIMIT]);
	for (int i = 0; i < results; i++)
		add_output(&im, result[i]);
	for (int i = STATES + l->states; i < l->value.count; i++)
		add_output(&im, part->inputs.id[i]);
	tnc_onnx_group(part);
	tnc_drop_unused(part);
}

/* --- The node -------------------------------------------------------------- */

/* Result @index of the loop as a tensor. */
static int result_of(const struct loop *l, int loop, int index)
{
	struct tnc_onnx *im = l->im;
	const struct tnc_tensor *value = tnc_onnx_tensor(im, l->value.id[index]);
	struct tnc_tensor *t = tnc_tensor_new(im->c, value);
	struct tnc_op *op = tnc_onnx_op(im, TNC_WHILE, t->id, 0);

	t->name = "";
	for (int i = 0; i < l->value.count; i++)
		tnc_op_add_input(im->c, op, l->value.id[i]);
	tnc_list_append(im->c, &op->list[0], loop);
	tnc_list_append(im->c, &op->list[1], index);
	return t->id;
}

void tnc_onnx_keep_loop(struct tnc_onnx *im, const Onnx__GraphProto *body,
			int states)
{
	static void (*const read[TNC_LOOP_PARTS])(struct tnc *part,
						  void *from) = {
		read_condition, read_body,
	};
	struct loop l = { .im = im, .body = body, .states = states };
	int loop = tnc_loop_add(im->c);

	tnc_list_append(im->c, &l.value, tnc_onnx_integer(im, TNC_INT64, 0));
	tnc_list_append(im->c, &l.value,
			scalar_input(im, 0, TNC_INT64, INT64_MAX));
	tnc_list_append(im->c, &l.value, scalar_input(im, 1, TNC_BOOL, 1));
	for (int i = 0; i < states; i++)
		tnc_list_append(im->c, &l.value, tnc_onnx_input(im, 2 + i));
	add_captured(&l);
	for (int part = 0; part < TNC_LOOP_PARTS; part++)
		tnc_loop_read(im->c, loop, part, read[part], &l);
	tnc_loop_verify(im->c, loop);
	for (int i = 0; i < states; i++)
		tnc_onnx_output(im, i, result_of(&l, loop, STATES + i));
}
