// SPDX-License-Identifier: MIT
/* A TFLite file of one operator, with what a test wants wrong; see tiny_tflite.h. */
#include <string.h>

#include "flat_writer.h"
#include "tiny_tflite.h"

#define FIELDS_MAX 8

const struct tiny_tflite tiny_tflite = {
	.version = 3,
	.subgraphs = 1,
	.builtin = 3,
	.options_type = 1,
	.stride = 1,
	.dilation = 1,
	.in_type = 9,
	.in_shape = { 1, 4, 4, 2 },
	.in_rank = 4,
	.in_scale = 0.5f,
	.in_zero = -3,
	.in_scales = 1,
	.weights_type = 9,
	.weights_shape = { 3, 3, 3, 2 },
	.weights_bytes = 54,
	.weights_buffer = 1,
	.weights_scale = 0.01f,
	.weights_scales = 3,
	.biases = 3,
	.out_shape = { 1, 4, 4, 3 },
	.out_scale = 0.25f,
	.graph_output = 3,
};

static uint32_t bits(float value)
{
	uint32_t b;

	memcpy(&b, &value, sizeof(b));
	return b;
}

static size_t vector(struct out *o, size_t from, int count)
{
	refer(o, from);
	put(o, count, 4);
	return o->size;
}

static void vector_of_ints(struct out *o, size_t from, const int *values,
			   int count)
{
	vector(o, from, count);
	for (int i = 0; i < count; i++)
		put(o, values[i], 4);
}

static void quantisation(struct out *o, size_t from, float scale, int64_t zero,
			 int count, int axis)
{
	const struct field fields[] = { { 2, 4, 0 }, { 3, 4, 0 },
					{ 6, 4, axis } };
	size_t at[3];

	table(o, from, fields, 3, at);
	vector(o, at[0], count);
	for (int i = 0; i < count; i++)
		put(o, bits(scale), 4);
	vector(o, at[1], count);
	for (int i = 0; i < count; i++)
		put(o, zero, 8);
}

static void tensor(struct out *o, size_t from, const int *shape, int rank,
		   int type, int buffer, float scale, int64_t zero, int scales,
		   int axis)
{
	const struct field fields[] = { { 0, 4, 0 }, { 1, 1, type },
					{ 2, 4, buffer }, { 3, 4, 0 },
					{ 4, 4, 0 } };
	size_t at[5];

	table(o, from, fields, 5, at);
	vector_of_ints(o, at[0], shape, rank);
	vector(o, at[3], 4);
	put(o, 't' | 'n' << 8 | 's' << 16 | 'r' << 24, 4);
	quantisation(o, at[4], scale, zero, scales, axis);
}

static void tensors(struct out *o, size_t from, const struct tiny_tflite *t)
{
	size_t list = vector(o, from, 4);

	for (int i = 0; i < 4; i++)
		put(o, 0, 4);
	tensor(o, list, t->in_shape, t->in_rank, t->in_type, 0, t->in_scale,
	       t->in_zero, t->in_scales, 0);
	tensor(o, list + 4, t->weights_shape, 4, t->weights_type,
	       t->weights_buffer, t->weights_scale, t->weights_zero,
	       t->weights_scales, t->weights_axis);
	tensor(o, list + 8, &t->biases, 1, 2, 2, 0.005f, 0, 1, 0);
	tensor(o, list + 12, t->out_shape, 4, 9, 0, t->out_scale, 5, 1, 0);
}

static void operators(struct out *o, size_t from, const struct tiny_tflite *t)
{
	const struct field fields[] = { { 0, 4, t->opcode_index },
					{ 1, 4, 0 }, { 2, 4, 0 },
					{ 3, 1, t->options_type },
					{ 4, 4, 0 } };
	const struct field options[] = { { 0, 1, t->padding },
					 { 1, 4, t->stride },
					 { 2, 4, t->stride },
					 { 3, 1, t->activation },
					 { 4, 4, t->dilation },
					 { 5, 4, t->dilation },
					 { 6, 1, t->bias_type } };
	const int inputs[] = { t->operator_input, 1, 2 }, output = 3;
	size_t at[FIELDS_MAX], list = vector(o, from, 1);

	put(o, 0, 4);
	table(o, list, fields, 5, at);
	vector_of_ints(o, at[1], inputs, t->bias_type ? 2 : 3);
	vector_of_ints(o, at[2], &output, 1);
	from = at[4];
	table(o, from, options, t->bias_type ? 7 : 6, at);
}

static void subgraph(struct out *o, size_t from, const struct tiny_tflite *t)
{
	const struct field fields[] = { { 0, 4, 0 }, { 1, 4, 0 }, { 2, 4, 0 },
					{ 3, 4, 0 } };
	const int input = 0;
	size_t at[4];

	table(o, from, fields, 4, at);
	tensors(o, at[0], t);
	vector_of_ints(o, at[1], &input, 1);
	vector_of_ints(o, at[2], &t->graph_output, 1);
	operators(o, at[3], t);
}

static void opcodes(struct out *o, size_t from, const struct tiny_tflite *t)
{
	const struct field fields[] = { { 0, 1, t->builtin & 0x7f },
					{ 3, 4, t->builtin }, { 1, 4, 0 } };
	size_t at[3], list = vector(o, from, 1);

	put(o, 0, 4);
	table(o, list, fields, t->custom ? 3 : 2, at);
	if (!t->custom)
		return;
	vector(o, at[2], strlen(t->custom));
	for (const char *c = t->custom; *c; c++)
		put(o, *c, 1);
}

static void buffers(struct out *o, size_t from, const struct tiny_tflite *t)
{
	const struct field fields[] = { { 0, 4, 0 } };
	size_t at, list = vector(o, from, 3);

	for (int i = 0; i < 3; i++)
		put(o, 0, 4);
	table(o, list, fields, 0, &at);
	table(o, list + 4, fields, 1, &at);
	vector(o, at, t->weights_bytes);
	for (int i = 0; i < t->weights_bytes; i++)
		put(o, 37 * i + 11, 1);
	table(o, list + 8, fields, 1, &at);
	vector(o, at, 12);
	for (int i = 0; i < 3; i++)
		put(o, 100 * i - 100, 4);
}

size_t tiny_tflite_write(const struct tiny_tflite *tiny,
			 uint8_t bytes[TINY_MAX])
{
	const struct field fields[] = { { 0, 4, tiny->version }, { 1, 4, 0 },
					{ 2, 4, 0 }, { 4, 4, 0 } };
	struct out o = { .bytes = bytes, .room = TINY_MAX };
	size_t at[4], list;

	put(&o, 0, 4);
	put(&o, 'T' | 'F' << 8 | 'L' << 16 | '3' << 24, 4);
	table(&o, 0, fields, 4, at);
	opcodes(&o, at[1], tiny);
	list = vector(&o, at[2], tiny->subgraphs);
	for (int i = 0; i < tiny->subgraphs; i++)
		put(&o, 0, 4);
	for (int i = 0; i < tiny->subgraphs; i++)
		subgraph(&o, list + 4 * i, tiny);
	buffers(&o, at[3], tiny);
	return o.size;
}
