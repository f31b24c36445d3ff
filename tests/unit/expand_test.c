// SPDX-License-Identifier: MIT
/*
 * Windows over batches, and transposed convolutions: random graphs of one to
 * three of them against the reference executor, from 16 KiB of SRAM on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "against.h"
#include "graphs.h"

struct map {
	int id;
	int n, h, w, c;
};

struct maker {
	uint64_t seed;
	int ids;
	FILE *head;
	FILE *ops;
	FILE *data;
};

static int pick(struct maker *m, int least, int most)
{
	return against_random(&m->seed, least, most);
}

static struct map activation(struct maker *m, struct map map, double scale,
			     int zero)
{
	map.id = m->ids++;
	fprintf(m->head,
		"tensor %%%d int8 [%d,%d,%d,%d] q=[%.9g:%d] name=\"m%d\"\n",
		map.id, map.n, map.h, map.w, map.c, scale, zero, map.id);
	return map;
}

static void bytes(struct maker *m, int id, int count, int step)
{
	fprintf(m->data, "data %%%d\n", id);
	for (int i = 0; i < count; i++)
		fprintf(m->data, "%02x", i % 4 < step ? pick(m, 0, 255) : 0);
	fputs("\nend\n", m->data);
}

/* Weights of @outer x kh x kw x @inner, scaled along @axis, and biases. */
static void weights(struct maker *m, int outer, int kh, int kw, int inner,
		    int axis)
{
	int channels = axis ? inner : outer;

	fprintf(m->head, "const %%%d int8 [%d,%d,%d,%d] axis=%d q=[", m->ids,
		outer, kh, kw, inner, axis);
	for (int i = 0; i < channels; i++)
		fprintf(m->head, "%s%.9g:0", i ? " " : "",
			pick(m, 1, 100) / 10000.0);
	fprintf(m->head, "] name=\"w\"\n");
	bytes(m, m->ids++, outer * kh * kw * inner, 4);
	fprintf(m->head, "const %%%d int32 [%d] q=[1:0] name=\"b\"\n", m->ids,
		channels);
	bytes(m, m->ids++, 4 * channels, 2);
}

static const char *act(struct maker *m)
{
	static const char *const names[] = { "none", "relu", "relu6" };

	return names[pick(m, 0, 2)];
}

static struct map scaled(struct maker *m, struct map map)
{
	return activation(m, map, pick(m, 20, 1000) / 5000.0,
			  pick(m, -128, 127));
}

static struct map transpose_conv(struct maker *m, struct map in)
{
	int kh = pick(m, 1, 5), kw = pick(m, 1, 5);
	int sh = pick(m, 1, 3), sw = pick(m, 1, 3);
	bool is_same = pick(m, 0, 1);
	struct map out = { 0, in.n, in.h * sh, in.w * sw, pick(m, 1, 20) };

	if (!is_same || kh < sh || kw < sw) {
		is_same = false;
		out.h = (in.h - 1) * sh + pick(m, 1, kh);
		out.w = (in.w - 1) * sw + pick(m, 1, kw);
	}
	weights(m, out.c, kh, kw, in.c, 0);
	out = scaled(m, out);
	fprintf(m->ops,
		"transpose_conv %%%d = %%%d %%%d %%%d stride=%dx%d pad=%s act=%s\n",
		out.id, in.id, out.id - 2, out.id - 1, sh, sw,
		is_same ? "same" : "valid", act(m));
	return out;
}

static int positions(int in, int kernel, int stride, bool is_same)
{
	return is_same ? (in + stride - 1) / stride :
			 (in - kernel) / stride + 1;
}

static struct map windowed(struct maker *m, struct map in)
{
	static const char *const names[] = { "conv_2d", "depthwise_conv_2d" };
	int kh = pick(m, 1, 3), kw = pick(m, 1, 3), stride = pick(m, 1, 2);
	bool is_same = kh > in.h || kw > in.w || pick(m, 0, 1);
	bool is_depthwise = pick(m, 0, 1);
	struct map out = { 0, in.n, positions(in.h, kh, stride, is_same),
			   positions(in.w, kw, stride, is_same),
			   is_depthwise ? in.c : pick(m, 1, 20) };

	if (is_depthwise)
		weights(m, 1, kh, kw, in.c, 3);
	else
		weights(m, out.c, kh, kw, in.c, 0);
	out = scaled(m, out);
	fprintf(m->ops,
		"%s %%%d = %%%d %%%d %%%d stride=%dx%d pad=%s act=%s\n",
		names[is_depthwise], out.id, in.id, out.id - 2, out.id - 1,
		stride, stride, is_same ? "same" : "valid", act(m));
	return out;
}

static char *make_graph(struct maker *m, bool has_transpose, size_t *size)
{
	char *ops = NULL, *data = NULL, *text = NULL;
	size_t ops_size, data_size;
	struct map map = { 0, pick(m, 1, 3), pick(m, 1, 14), pick(m, 1, 14),
			   pick(m, 1, 12) };
	int count = pick(m, 1, 3);

	m->ids = 0;
	m->head = open_memstream(&text, size);
	m->ops = open_memstream(&ops, &ops_size);
	m->data = open_memstream(&data, &data_size);
	fputs("tnc 1\nmodel \"windows\"\n", m->head);
	map = scaled(m, map);
	for (int i = 0; i < count; i++)
		map = has_transpose && (i == count / 2) ?
			      transpose_conv(m, map) : windowed(m, map);
	fclose(m->ops);
	fclose(m->data);
	fprintf(m->head, "input %%0\n%soutput %%%d\n%s", ops, map.id, data);
	fclose(m->head);
	free(ops);
	free(data);
	return text;
}

static void check(struct maker *m, bool has_transpose)
{
	for (int i = 0; i < GRAPHS; i++) {
		struct npu_machine machine = against_machine(&m->seed);
		size_t size;
		char *text = make_graph(m, has_transpose, &size);

		against_reference(text, size, &machine, &m->seed);
		free(text);
	}
}

static void test_batches(void **state)
{
	check(&(struct maker){ .seed = 1 }, false);
}

static void test_transpose_conv(void **state)
{
	check(&(struct maker){ .seed = 2 }, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_transpose_conv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
