// SPDX-License-Identifier: MIT
/*
 * Operators of all families in one graph: random chains of one to five of them
 * with side branches, on random machines from 16 KiB of SRAM on, against the
 * reference executor. What works alone has to work beside the others: views of
 * what programs write, bands through pools, tables behind reductions. And longer
 * chains whose maps are too large for the SRAM, of which windows pass through it.
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

#define MAPS_MAX 24

struct map {
	int id;
	int h, w, c;
	double scale;
	int zero;
	bool is_used;
};

struct maker {
	uint64_t seed;
	struct map map[MAPS_MAX];
	int maps;
	int ids;
	FILE *head;
	FILE *ops;
	FILE *data;
};

static int pick(struct maker *m, int least, int most)
{
	return against_random(&m->seed, least, most);
}

/* Declares an activation; its number is the next one. */
static struct map *declare(struct maker *m, struct map map)
{
	struct map *to = &m->map[m->maps++];

	*to = map;
	to->id = m->ids++;
	to->is_used = false;
	fprintf(m->head,
		"tensor %%%d int8 [1,%d,%d,%d] q=[%.9g:%d] name=\"m%d\"\n",
		to->id, to->h, to->w, to->c, to->scale, to->zero, to->id);
	return to;
}

static struct map scaled(struct maker *m, struct map map)
{
	map.scale = pick(m, 20, 1000) / 5000.0;
	map.zero = pick(m, -128, 127);
	return map;
}

/* The line of an operator on @from that makes a map like @to, up to its attributes. */
static struct map *begin(struct maker *m, const char *name, struct map *from,
			 struct map to)
{
	struct map *made = declare(m, to);

	from->is_used = true;
	fprintf(m->ops, "%s %%%d = %%%d", name, made->id, from->id);
	return made;
}

/* A constant of @outer x kh x kw x @inner, scaled along @axis; its number. */
static int weights(struct maker *m, int outer, int kh, int kw, int inner,
		   int axis)
{
	int channels = axis ? inner : outer, bytes = outer * kh * kw * inner;

	fprintf(m->head, "const %%%d int8 [%d,%d,%d,%d] axis=%d q=[", m->ids,
		outer, kh, kw, inner, axis);
	for (int i = 0; i < channels; i++)
		fprintf(m->head, "%s%.9g:0", i ? " " : "",
			pick(m, 1, 100) / 10000.0);
	fprintf(m->head, "] name=\"w\"\n");
	fprintf(m->data, "data %%%d\n", m->ids);
	for (int i = 0; i < bytes; i++)
		fprintf(m->data, "%02x", pick(m, 0, 255));
	fputs("\nend\n", m->data);
	return m->ids++;
}

static void unary(struct maker *m, struct map *from)
{
	static const char *const names[] = {
		"relu", "relu6", "relu_n1_to_1", "leaky_relu", "hard_swish",
		"abs", "neg", "elu", "gelu", "exp", "square", "quantize",
	};
	int kind = pick(m, 0, 11);

	begin(m, names[kind], from, scaled(m, *from));
	fputs(kind == 3 || kind == 7 ? " alpha=0.3\n" : "\n", m->ops);
}

/* Those whose output has a scale of its own. */
static void fixed(struct maker *m, struct map *from)
{
	static const struct {
		const char *name;
		double scale;
		int zero;
	} kinds[] = {
		{ "logistic", 1 / 256.0, -128 },
		{ "tanh", 1 / 128.0, 0 },
		{ "softmax", 1 / 256.0, -128 },
		{ "log_softmax", 16 / 256.0, 127 },
		{ "l2_normalization", 1 / 128.0, 0 },
	};
	int kind = pick(m, 0, 4);
	struct map to = *from;

	to.scale = kinds[kind].scale;
	to.zero = kinds[kind].zero;
	begin(m, kinds[kind].name, from, to);
	fputs(kind == 2 ? " beta=1\n" : "\n", m->ops);
}

/* With itself, or with another of its shape. */
static void binary(struct maker *m, struct map *from)
{
	static const char *const names[] = {
		"add", "sub", "mul", "squared_difference", "maximum", "minimum",
	};
	int kind = pick(m, 0, 5), other = from->id;
	struct map to = scaled(m, *from);

	for (int i = 0; i < m->maps; i++) {
		struct map *map = &m->map[i];

		if (map->h == from->h && map->w == from->w &&
		    map->c == from->c && pick(m, 0, 1)) {
			other = map->id;
			map->is_used = true;
		}
	}
	begin(m, names[kind], from, to);
	fprintf(m->ops, " %%%d act=none\n", other);
}

static int positions(int in, int kernel, int stride, bool is_same)
{
	return is_same ? (in + stride - 1) / stride :
			 (in - kernel) / stride + 1;
}

enum { CONV, DEPTHWISE, MAX_POOL, AVERAGE_POOL };

static struct map *window(struct maker *m, struct map *from, int kind, int k,
			  int stride, int channels)
{
	static const char *const names[] = {
		[CONV] = "conv_2d",
		[DEPTHWISE] = "depthwise_conv_2d",
		[MAX_POOL] = "max_pool_2d",
		[AVERAGE_POOL] = "average_pool_2d",
	};
	bool is_same = k > from->h || k > from->w || pick(m, 0, 1);
	struct map to = kind < MAX_POOL ? scaled(m, *from) : *from, *made;
	int w = -1;

	to.h = positions(from->h, k, stride, is_same);
	to.w = positions(from->w, k, stride, is_same);
	if (kind == CONV) {
		to.c = channels;
		w = weights(m, to.c, k, k, from->c, 0);
	} else if (kind == DEPTHWISE) {
		w = weights(m, 1, k, k, from->c, 3);
	}
	made = begin(m, names[kind], from, to);
	if (w >= 0)
		fprintf(m->ops, " %%%d", w);
	else
		fprintf(m->ops, " window=%dx%d", k, k);
	fprintf(m->ops, " stride=%dx%d pad=%s act=none\n", stride, stride,
		is_same ? "same" : "valid");
	return made;
}

static void windowed(struct maker *m, struct map *from)
{
	window(m, from, pick(m, CONV, AVERAGE_POOL), pick(m, 1, 3),
	       pick(m, 1, 2), pick(m, 1, 40));
}

static void reduction(struct maker *m, struct map *from)
{
	static const char *const names[] = { "mean", "sum", "reduce_max",
					     "reduce_min" };
	int kind = pick(m, 0, 3), axis = pick(m, 1, 3);
	struct map to = kind < 2 ? scaled(m, *from) : *from;

	*(axis == 1 ? &to.h : axis == 2 ? &to.w : &to.c) = 1;
	begin(m, names[kind], from, to);
	fprintf(m->ops, " axes=%d\n", axis);
}

static void resize(struct maker *m, struct map *from)
{
	static const char *const names[] = { "resize_bilinear",
					     "resize_nearest_neighbor" };
	struct map to = *from;

	to.h = pick(m, 1, 2 * from->h);
	to.w = pick(m, 1, 2 * from->w);
	begin(m, names[pick(m, 0, 1)], from, to);
	fputs(pick(m, 0, 1) ? " mode=half_pixel\n" : "\n", m->ops);
}

static void moved(struct maker *m, struct map *from)
{
	struct map to = *from;
	int y = pick(m, 0, from->h - 1), c = pick(m, 0, from->c - 1);

	switch (pick(m, 0, 3)) {
	case 0:
		to.h = from->h - y;
		to.c = from->c - c;
		begin(m, "slice", from, to);
		fprintf(m->ops, " begin=0,%d,0,%d step=1,1,1,1\n", y, c);
		break;
	case 1:
		to.w += 2;
		to.c += c % 4;
		begin(m, "pad", from, to);
		fprintf(m->ops, " before=0,0,1,0 after=0,0,1,%d\n", c % 4);
		break;
	case 2:
		to.h = from->w;
		to.w = from->h;
		begin(m, "transpose", from, to);
		fputs(" perm=0,2,1,3\n", m->ops);
		break;
	default:
		to.c *= 2;
		begin(m, "concatenation", from, to);
		fprintf(m->ops, " %%%d axis=3 act=none\n", from->id);
	}
}

static void (*const families[])(struct maker *m, struct map *from) = {
	unary, fixed, binary, windowed, reduction, resize, moved,
};

#define FAMILIES ((int)(sizeof(families) / sizeof(families[0])))

/* One to five operators, one of them of @family. */
static void mix(struct maker *m, int family)
{
	int count = pick(m, 1, 5);

	for (int i = 0; i < count; i++) {
		int from = pick(m, 0, 3) ? m->maps - 1 :
					   pick(m, 0, m->maps - 1);

		families[i == count / 2 ? family :
					  pick(m, 0, FAMILIES - 1)](
			m, &m->map[from]);
	}
}

/* Blocks with a wide waist, and sums around them; now and then something else. */
static void cascade(struct maker *m, int count)
{
	struct map *from = &m->map[0], *wide;

	for (int i = 0; i < count; i++) {
		int stride = pick(m, 0, 3) ? 1 : 2;

		wide = window(m, from, CONV, 1, 1, pick(m, 20, 60));
		wide = window(m, wide, pick(m, DEPTHWISE, AVERAGE_POOL),
			      pick(m, 2, 5), stride, 0);
		from = window(m, wide, CONV, 1, 1, pick(m, 4, 12));
		if (pick(m, 0, 1))
			binary(m, from);
		if (!pick(m, 0, 3))
			unary(m, &m->map[m->maps - 1]);
		from = &m->map[m->maps - 1];
	}
}

/* One input, what @make adds to it, and outputs for all that nobody uses. */
static char *make_graph(struct maker *m, struct map input,
			void (*make)(struct maker *m, int argument),
			int argument, size_t *size)
{
	char *ops = NULL, *data = NULL, *text = NULL;
	size_t ops_size, data_size;

	m->ids = m->maps = 0;
	m->head = open_memstream(&text, size);
	m->ops = open_memstream(&ops, &ops_size);
	m->data = open_memstream(&data, &data_size);
	fputs("tnc 1\nmodel \"mixed\"\n", m->head);
	declare(m, scaled(m, input));
	make(m, argument);
	fclose(m->ops);
	fclose(m->data);
	fprintf(m->head, "input %%0\n%s", ops);
	for (int i = 1; i < m->maps; i++)
		if (!m->map[i].is_used || !pick(m, 0, 5))
			fprintf(m->head, "output %%%d\n", m->map[i].id);
	fputs(data, m->head);
	fclose(m->head);
	free(ops);
	free(data);
	return text;
}

static void test_mixed(void **state)
{
	struct maker m = { .seed = 20261126 };

	for (int family = 0; family < FAMILIES; family++) {
		for (int i = 0; i < GRAPHS; i++) {
			struct npu_machine machine = against_machine(&m.seed);
			size_t size;
			struct map input = { .h = pick(&m, 1, 24),
					     .w = pick(&m, 1, 24),
					     .c = pick(&m, 1, 24) };
			char *text = make_graph(&m, input, mix, family, &size);

			against_reference(text, size, &machine, &m.seed);
			free(text);
		}
	}
}

static void test_cascades(void **state)
{
	struct maker m = { .seed = 20261127 };

	for (int i = 0; i < GRAPHS; i++) {
		struct npu_machine machine = against_machine(&m.seed);
		struct map input = { .h = pick(&m, 40, 90),
				     .w = pick(&m, 10, 40),
				     .c = pick(&m, 4, 16) };
		size_t size;
		char *text = make_graph(&m, input, cascade, pick(&m, 1, 3),
					&size);

		machine.sram_size = 1024 * pick(&m, 16, 32);
		against_reference(text, size, &machine, &m.seed);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cascades),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
