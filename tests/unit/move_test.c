// SPDX-License-Identifier: MIT
/*
 * Operators that move bytes, in random graphs of one to five of them with sums,
 * maxima and convolutions between: joined, sliced, padded and turned tensors of
 * up to six dimensions, in place where that is possible. And a convolution's
 * padding with its PAD absorbed, and what must not cost a command.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "against.h"
#include "graphs.h"

#define RANK_MAX 6
#define TENSORS_MAX 40
#define ELEMENTS_MAX 40000

struct tensor {
	int rank;
	int shape[RANK_MAX];
	bool is_used;
};

/* Elements; those that are quantised, or can be compared, take part in more. */
static const struct type {
	const char *name;
	bool is_quantised;
	bool is_compared;
} types[] = {
	{ "int8", true, true }, { "int16", true, true },
	{ "int32", false, true }, { "bool", false, false },
	{ "float32", false, false }, { "int64", false, false },
};

#define TYPES ((int)(sizeof(types) / sizeof(types[0])))

struct maker {
	uint64_t seed;
	const struct type *type;
	int zero;
	struct tensor tensor[TENSORS_MAX];
	int tensors;
	FILE *head;
	FILE *ops;
	FILE *data;
};

static int pick(struct maker *m, int least, int most)
{
	return against_random(&m->seed, least, most);
}

static int64_t elements(const struct tensor *t)
{
	int64_t count = 1;

	for (int d = 0; d < t->rank; d++)
		count *= t->shape[d];
	return count;
}

/* Declares a tensor of that shape; returns its number, -1: too large. */
static int declare(struct maker *m, const struct tensor *shape)
{
	struct tensor *t = &m->tensor[m->tensors];

	if (m->tensors == TENSORS_MAX || elements(shape) > ELEMENTS_MAX)
		return -1;
	*t = *shape;
	t->is_used = false;
	fprintf(m->head, "tensor %%%d %s [", m->tensors, m->type->name);
	for (int d = 0; d < t->rank; d++)
		fprintf(m->head, "%s%d", d ? "," : "", t->shape[d]);
	fputs("]", m->head);
	if (m->type->is_quantised)
		fprintf(m->head, " q=[0.5:%d]", m->zero);
	fprintf(m->head, " name=\"t%d\"\n", m->tensors);
	return m->tensors++;
}

static void list(struct maker *m, const char *name, const int *values,
		 int count)
{
	fprintf(m->ops, " %s=", name);
	for (int i = 0; i < count; i++)
		fprintf(m->ops, "%s%d", i ? "," : "", values[i]);
}

/* Begins the line of an operator on one tensor; false: it would be too large. */
static bool begin(struct maker *m, const char *name, int from,
		  const struct tensor *shape)
{
	int to = declare(m, shape);

	if (to < 0)
		return false;
	m->tensor[from].is_used = true;
	fprintf(m->ops, "%s %%%d = %%%d", name, to, from);
	return true;
}

static void transpose(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	struct tensor out = *in;
	int perm[RANK_MAX];

	for (int d = 0; d < in->rank; d++)
		perm[d] = d;
	for (int d = in->rank - 1; d > 0; d--) {
		int other = pick(m, 0, d), kept = perm[d];

		perm[d] = perm[other];
		perm[other] = kept;
	}
	for (int d = 0; d < in->rank; d++)
		out.shape[d] = in->shape[perm[d]];
	if (begin(m, "transpose", from, &out))
		list(m, "perm", perm, in->rank);
}

static void slice(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	bool is_plain = pick(m, 0, 1);
	int first[RANK_MAX], step[RANK_MAX];
	struct tensor out = *in;

	for (int d = 0; d < in->rank; d++) {
		int room;

		step[d] = is_plain ? 1 : pick(m, 1, 3);
		first[d] = pick(m, 0, in->shape[d] - 1);
		if (!is_plain && !pick(m, 0, 3))
			step[d] = -step[d];
		room = step[d] > 0 ? in->shape[d] - first[d] : first[d] + 1;
		out.shape[d] = pick(m, 1, (room + abs(step[d]) - 1) /
						  abs(step[d]));
		if (is_plain && pick(m, 0, 1)) {
			first[d] = 0;
			out.shape[d] = in->shape[d];
		}
	}
	if (!begin(m, "slice", from, &out))
		return;
	list(m, "begin", first, in->rank);
	list(m, "step", step, in->rank);
}

static void pad(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	int before[RANK_MAX], after[RANK_MAX];
	struct tensor out = *in;

	for (int d = 0; d < in->rank; d++) {
		before[d] = pick(m, 0, 3) ? 0 : pick(m, 0, 3);
		after[d] = pick(m, 0, 2) ? 0 : pick(m, 0, 3);
		out.shape[d] += before[d] + after[d];
	}
	if (!begin(m, "pad", from, &out))
		return;
	list(m, "before", before, in->rank);
	list(m, "after", after, in->rank);
}

static void mirror_pad(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	int before[RANK_MAX], after[RANK_MAX];
	bool is_symmetric = pick(m, 0, 1);
	struct tensor out = *in;

	for (int d = 0; d < in->rank; d++) {
		int most = in->shape[d] - !is_symmetric;

		most = most > 3 ? 3 : most;
		before[d] = pick(m, 0, 2) ? 0 : pick(m, 0, most);
		after[d] = pick(m, 0, 2) ? 0 : pick(m, 0, most);
		out.shape[d] += before[d] + after[d];
	}
	if (!begin(m, "mirror_pad", from, &out))
		return;
	list(m, "before", before, in->rank);
	list(m, "after", after, in->rank);
	fputs(is_symmetric ? " mode=symmetric" : "", m->ops);
}

static void tile(struct maker *m, int from)
{
	struct tensor out = m->tensor[from];

	for (int d = 0; d < out.rank; d++)
		out.shape[d] *= pick(m, 1, 2);
	begin(m, "tile", from, &out);
}

static void reverse(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	int axis = pick(m, 0, in->rank - 1);

	if (begin(m, "reverse", from, in))
		list(m, "axes", &axis, 1);
}

/* A dimension of one element in front is repeated; so it needs one more. */
static void broadcast(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	struct tensor out = *in;

	if (in->rank == RANK_MAX)
		return;
	memcpy(out.shape + 1, in->shape, in->rank * sizeof(int));
	out.shape[0] = pick(m, 1, 3);
	out.rank++;
	begin(m, "broadcast_to", from, &out);
}

static void depth(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	struct tensor out = *in;
	int block = pick(m, 2, 3);

	if (in->rank != 4)
		return;
	if (in->shape[1] % block == 0 && in->shape[2] % block == 0) {
		out.shape[1] /= block;
		out.shape[2] /= block;
		out.shape[3] *= block * block;
		if (begin(m, "space_to_depth", from, &out))
			list(m, "block", &block, 1);
	} else if (in->shape[3] % (block * block) == 0) {
		out.shape[1] *= block;
		out.shape[2] *= block;
		out.shape[3] /= block * block;
		if (begin(m, "depth_to_space", from, &out))
			list(m, "block", &block, 1);
		fputs(pick(m, 0, 1) ? " mode=onnx" : "", m->ops);
	}
}

static void space_to_batch(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	int block[2], before[2];
	struct tensor out = *in;

	if (in->rank < 3)
		return;
	for (int d = 0; d < 2; d++) {
		block[d] = pick(m, 1, 3);
		before[d] = pick(m, 0, 2);
		out.shape[d + 1] = (in->shape[d + 1] + before[d] + block[d] -
				    1) / block[d];
		out.shape[0] *= block[d];
	}
	if (!begin(m, "space_to_batch_nd", from, &out))
		return;
	list(m, "block", block, 2);
	list(m, "before", before, 2);
}

static void batch_to_space(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	int block[2] = { pick(m, 1, 2), pick(m, 1, 2) }, before[2];
	struct tensor out = *in;

	if (in->rank < 3 || in->shape[0] % (block[0] * block[1]))
		return;
	out.shape[0] /= block[0] * block[1];
	for (int d = 0; d < 2; d++) {
		int room = in->shape[d + 1] * block[d];

		before[d] = pick(m, 0, room > 2 ? 1 : 0);
		out.shape[d + 1] = room - before[d] -
				   (room > 2 ? pick(m, 0, 1) : 0);
	}
	if (!begin(m, "batch_to_space_nd", from, &out))
		return;
	list(m, "block", block, 2);
	list(m, "before", before, 2);
}

static void reshape(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	struct tensor out = *in;

	for (int d = 1; d < in->rank; d++) {
		if (pick(m, 0, 1))
			continue;
		out.shape[d - 1] *= out.shape[d];
		memmove(out.shape + d, out.shape + d + 1,
			(out.rank - d - 1) * sizeof(int));
		out.rank--;
		break;
	}
	begin(m, "reshape", from, &out);
}

static void maximum(struct maker *m, int from)
{
	if (m->type->is_compared &&
	    begin(m, "maximum", from, &m->tensor[from]))
		fprintf(m->ops, " %%%d act=none", from);
}

/* With itself, and with others of a fitting shape. */
static void concatenation(struct maker *m, int from)
{
	struct tensor in = m->tensor[from], out = in;
	int axis = pick(m, 0, in.rank - 1), count = pick(m, 1, 3);
	int parts[4] = { from };
	int found = 1;

	for (int i = 0; i < m->tensors && found <= count; i++) {
		struct tensor *t = &m->tensor[i];
		bool fits = t->rank == in.rank;

		for (int d = 0; fits && d < in.rank; d++)
			fits = d == axis || t->shape[d] == in.shape[d];
		if (fits && (i != from || !pick(m, 0, 2)))
			parts[found++] = i;
	}
	out.shape[axis] = 0;
	for (int i = 0; i < found; i++)
		out.shape[axis] += m->tensor[parts[i]].shape[axis];
	if (!begin(m, "concatenation", from, &out))
		return;
	for (int i = 1; i < found; i++) {
		fprintf(m->ops, " %%%d", parts[i]);
		m->tensor[parts[i]].is_used = true;
	}
	fprintf(m->ops, " axis=%d act=none", axis);
}

/* By constant indices, of which some are in a row. */
static void gather(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	int axis = pick(m, 0, in->rank - 1), count = pick(m, 1, 6);
	struct tensor out = *in;
	int value = 0, indices;

	if (m->tensors > TENSORS_MAX - 2)
		return;
	out.shape[axis] = count;
	indices = m->tensors;
	m->tensor[m->tensors++] = (struct tensor){ .is_used = true };
	fprintf(m->head, "const %%%d int32 [%d] name=\"i\"\n", indices, count);
	fprintf(m->data, "data %%%d\n", indices);
	for (int i = 0; i < count; i++) {
		if (value >= in->shape[axis] || pick(m, 0, 1))
			value = pick(m, 0, in->shape[axis] - 1);
		fprintf(m->data, "%02x%02x0000", value & 255, value >> 8);
		value++;
	}
	fputs("\nend\n", m->data);
	if (begin(m, "gather", from, &out))
		fprintf(m->ops, " %%%d axis=%d batch_dims=0", indices, axis);
}

/* Of one pixel: operands with strides of their own for a command. */
static void conv(struct maker *m, int from)
{
	const struct tensor *in = &m->tensor[from];
	struct tensor out = *in;
	int weights;

	if (m->type != types || in->rank != 4 || in->shape[0] != 1 ||
	    in->shape[3] > 64 || m->tensors > TENSORS_MAX - 2)
		return;
	out.shape[3] = pick(m, 1, 20);
	weights = m->tensors;
	m->tensor[m->tensors++] = (struct tensor){ .is_used = true };
	fprintf(m->head, "const %%%d int8 [%d,1,1,%d] q=[0.01:0] name=\"w\"\n",
		weights, out.shape[3], in->shape[3]);
	fprintf(m->data, "data %%%d\n", weights);
	for (int i = 0; i < out.shape[3] * in->shape[3]; i++)
		fprintf(m->data, "%02x", pick(m, 0, 255));
	fputs("\nend\n", m->data);
	if (begin(m, "conv_2d", from, &out))
		fprintf(m->ops, " %%%d act=none", weights);
}

static void (*const makers[])(struct maker *m, int from) = {
	transpose, slice, pad, mirror_pad, tile, reverse, broadcast, depth,
	space_to_batch, batch_to_space, reshape, maximum, concatenation,
	conv, gather,
};

#define MAKERS ((int)(sizeof(makers) / sizeof(makers[0])))

static struct tensor some_shape(struct maker *m)
{
	struct tensor t = { .rank = pick(m, 1, 5) };
	int most = t.rank < 3 ? 60 : t.rank == 3 ? 24 : t.rank == 4 ? 12 : 6;

	for (int d = 0; d < t.rank; d++)
		t.shape[d] = pick(m, 1, most);
	return t;
}

/* A graph of up to five operators; @kind is among them if that is possible. */
static char *make_graph(struct maker *m, int kind, size_t *size)
{
	char *ops = NULL, *data = NULL, *text = NULL;
	struct tensor shape = some_shape(m);
	size_t ops_size, data_size;
	int wanted = pick(m, 1, 5);

	m->tensors = 0;
	m->type = &types[pick(m, 0, 1) ? pick(m, 0, TYPES - 1) : 0];
	m->zero = m->type == types ? pick(m, -128, 127) : 0;
	m->head = open_memstream(&text, size);
	m->ops = open_memstream(&ops, &ops_size);
	m->data = open_memstream(&data, &data_size);
	fputs("tnc 1\nmodel \"moves\"\n", m->head);
	declare(m, &shape);
	for (int i = 0; i < wanted; i++) {
		int before = m->tensors;
		int from = pick(m, 0, 1) ? m->tensors - 1 :
					   pick(m, 0, m->tensors - 1);

		while (!m->tensor[from].rank)
			from--;
		makers[i == wanted / 2 ? kind : pick(m, 0, MAKERS - 1)](m,
								       from);
		if (m->tensors > before)
			fputs("\n", m->ops);
	}
	fclose(m->ops);
	fclose(m->data);
	fprintf(m->head, "input %%0\n%s", ops);
	for (int i = 0; i < m->tensors; i++)
		if (m->tensor[i].rank &&
		    (!m->tensor[i].is_used || (i && !pick(m, 0, 5))))
			fprintf(m->head, "output %%%d\n", i);
	fputs(data, m->head);
	fclose(m->head);
	free(data);
	free(ops);
	return text;
}

static void test_random(void **state)
{
	struct maker m = { .seed = 20261125 };

	for (int kind = 0; kind < MAKERS; kind++) {
		for (int i = 0; i < GRAPHS; i++) {
			struct npu_machine machine = against_machine(&m.seed);
			size_t size;
			char *text = make_graph(&m, kind, &size);

			against_reference(text, size, &machine, &m.seed);
			free(text);
		}
	}
}

/* A sum must not be written over a map of which it reads another part again. */
static void test_sum_of_map_and_its_row(void **state)
{
	static const char text[] =
		"tnc 1\nmodel \"row\"\n"
		"tensor %0 int8 [1,4,4,8] q=[0.5:3] name=\"x\"\n"
		"tensor %1 int8 [1,4,4,8] q=[0.5:3] name=\"map\"\n"
		"tensor %2 int8 [1,1,4,8] q=[0.5:3] name=\"row\"\n"
		"tensor %3 int8 [1,4,4,8] q=[0.7:1] name=\"sum\"\n"
		"input %0\n"
		"maximum %1 = %0 %0 act=none\n"
		"slice %2 = %1 begin=0,2,0,0 step=1,1,1,1\n"
		"add %3 = %1 %2 act=none\n"
		"output %3\n";
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	uint64_t seed = 1;

	against_reference(text, strlen(text), &machine, &seed);
}

/* Longer than a command can count, a prime number of times. */
static void test_long_dimension(void **state)
{
	static const char text[] =
		"tnc 1\nmodel \"long\"\n"
		"tensor %0 int16 [3,70001] q=[0.5:0] name=\"x\"\n"
		"tensor %1 int16 [70001,3] q=[0.5:0] name=\"y\"\n"
		"input %0\n"
		"transpose %1 = %0 perm=1,0\n"
		"output %1\n";
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	uint64_t seed = 1;

	against_reference(text, strlen(text), &machine, &seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_sum_of_map_and_its_row),
		cmocka_unit_test(test_long_dimension),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
