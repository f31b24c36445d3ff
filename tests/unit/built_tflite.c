// SPDX-License-Identifier: MIT
/* TFLite files of several graphs, for tests; see built_tflite.h. */
#include <string.h>

#include "built_tflite.h"
#include "flat_writer.h"

/* @count references or numbers of four bytes; returns where they are. */
static size_t words(struct out *o, size_t from, const int *values, int count)
{
	size_t at;

	refer(o, from);
	put(o, count, 4);
	at = o->size;
	for (int i = 0; i < count; i++)
		put(o, values ? values[i] : 0, 4);
	return at;
}

/* @first, if it is not BUILT_NONE, and more. */
static void numbers(struct out *o, size_t from, int first, const int *more,
		    int count)
{
	int all[1 + BUILT_MORE], n = 0;

	if (first != BUILT_NONE)
		all[n++] = first;
	for (int i = 0; i < count; i++)
		all[n++] = more[i];
	words(o, from, all, n);
}

static void text(struct out *o, size_t from, const char *text)
{
	refer(o, from);
	put(o, strlen(text), 4);
	while (*text)
		put(o, *text++, 1);
	put(o, 0, 1);
}

static void quantisation(struct out *o, size_t from, float scale, int64_t zero)
{
	const struct field fields[] = { { 2, 4, 0 }, { 3, 4, 0 } };
	size_t at[2];
	int bits;

	memcpy(&bits, &scale, sizeof(bits));
	table(o, from, fields, 2, at);
	words(o, at[0], &bits, 1);
	refer(o, at[1]);
	put(o, 1, 4);
	put(o, zero, 8);
}

static void tensor(struct out *o, size_t from, const struct built_tensor *t,
		   int buffer)
{
	const struct field fields[] = {
		{ 0, 4, 0 }, { 1, 1, t->type }, { 2, 4, t->bytes ? buffer : 0 },
		{ 4, t->scale != 0 ? 4 : 0, 0 }, { 5, 1, t->is_variable },
	};
	size_t at[5];

	table(o, from, fields, 5, at);
	words(o, at[0], t->shape, t->rank);
	if (t->scale != 0)
		quantisation(o, at[3], t->scale, t->zero);
}

static void options(struct out *o, size_t from, const struct built_op *op)
{
	struct field fields[BUILT_FIELDS];
	size_t at[BUILT_FIELDS];

	for (int i = 0; i < op->field_count; i++)
		fields[i] = (struct field){
			op->fields[i].number,
			op->fields[i].text ? 4 : op->fields[i].size,
			op->fields[i].value,
		};
	table(o, from, fields, op->field_count, at);
	for (int i = 0; i < op->field_count; i++)
		if (op->fields[i].text)
			text(o, at[i], op->fields[i].text);
}

static void operator(struct out *o, size_t from, const struct built_op *op,
		     int code)
{
	const struct field fields[] = {
		{ 0, 4, code }, { 1, 4, 0 }, { 2, 4, 0 },
		{ 3, 1, op->options_type }, { 4, 4, 0 },
		{ 5, op->custom_options ? 4 : 0, 0 },
	};
	size_t at[6];

	table(o, from, fields, 6, at);
	words(o, at[1], op->inputs, op->input_count);
	numbers(o, at[2], op->output, op->more_outputs, op->more_output_count);
	options(o, at[4], op);
	if (op->custom_options)
		text(o, at[5], op->custom_options);
}

/* Operator codes and buffers are numbered through all graphs. */
static void graph(struct out *o, size_t from, const struct built_graph *g,
		  int first_code, int first_buffer)
{
	const struct field fields[] = { { 0, 4, 0 }, { 1, 4, 0 }, { 2, 4, 0 },
					{ 3, 4, 0 } };
	size_t at[4], list;

	table(o, from, fields, 4, at);
	list = words(o, at[0], NULL, g->tensor_count);
	for (int i = 0; i < g->tensor_count; i++)
		tensor(o, list + 4 * i, &g->tensors[i], first_buffer + i);
	numbers(o, at[1], g->input, g->more_inputs, g->more_input_count);
	numbers(o, at[2], g->output, g->more_outputs, g->more_output_count);
	list = words(o, at[3], NULL, g->op_count);
	for (int i = 0; i < g->op_count; i++)
		operator(o, list + 4 * i, &g->ops[i], first_code + i);
}

static void code(struct out *o, size_t from, const struct built_op *op)
{
	const struct field fields[] = {
		{ 0, 1, op->builtin < 127 ? op->builtin : 127 },
		{ 3, 4, op->builtin }, { 1, op->custom ? 4 : 0, 0 },
	};
	size_t at[3];

	table(o, from, fields, 3, at);
	if (op->custom)
		text(o, at[2], op->custom);
}

static void buffer(struct out *o, size_t from, const struct built_tensor *t)
{
	const struct field field = { 0, 4, 0 };
	size_t at;

	table(o, from, &field, t && t->bytes, &at);
	if (!t || !t->bytes)
		return;
	refer(o, at);
	put(o, t->bytes, 4);
	for (int i = 0; i < t->bytes; i++)
		put(o, t->is_number ? (i ? 0 : t->fill) : t->fill + i, 1);
}

size_t built_tflite_write(const struct built_graph *graphs, int count,
			  uint8_t bytes[BUILT_MAX])
{
	const struct field fields[] = { { 0, 4, 3 }, { 1, 4, 0 }, { 2, 4, 0 },
					{ 4, 4, 0 } };
	struct out o = { .bytes = bytes, .room = BUILT_MAX };
	size_t at[4], codes, list, buffers;
	int tensors = 0, ops = 0;

	for (int i = 0; i < count; i++) {
		tensors += graphs[i].tensor_count;
		ops += graphs[i].op_count;
	}
	put(&o, 0, 4);
	put(&o, 'T' | 'F' << 8 | 'L' << 16 | '3' << 24, 4);
	table(&o, 0, fields, 4, at);
	codes = words(&o, at[1], NULL, ops);
	list = words(&o, at[2], NULL, count);
	buffers = words(&o, at[3], NULL, tensors + 1);
	buffer(&o, buffers, NULL);
	tensors = 1;
	ops = 0;
	for (int i = 0; i < count; i++) {
		const struct built_graph *g = &graphs[i];

		graph(&o, list + 4 * i, g, ops, tensors);
		for (int k = 0; k < g->op_count; k++)
			code(&o, codes + 4 * ops++, &g->ops[k]);
		for (int k = 0; k < g->tensor_count; k++)
			buffer(&o, buffers + 4 * tensors++, &g->tensors[k]);
	}
	return o.size;
}
