// SPDX-License-Identifier: MIT
/*
 * Random graphs on random machines: what the compiled program computes in the
 * simulator is what the reference executor computes, for every output. Graphs
 * are chains with side branches, of all operators, with odd shapes; small SRAM
 * makes the planner spill and tile.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiled.h"

#define GRAPHS 150
#define MAPS_MAX 16

struct map {
	int id;
	int h, w, c;
};

struct maker {
	uint64_t seed;
	FILE *tensors;		/* text before and after the operators */
	FILE *ops;
	int ids;
	struct map map[MAPS_MAX];
	int maps;
};

static int random_in(struct maker *m, int least, int most)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) +
		  1442695040888963407;
	return least + (m->seed >> 33) % (most - least + 1);
}

static double random_scale(struct maker *m)
{
	return random_in(m, 20, 1000) / 10000.0;
}

static void data(struct maker *m, int id, int bytes, bool is_bias)
{
	fprintf(m->ops, "data %%%d\n", id);
	for (int i = 0; i < bytes; i++) {
		int value = random_in(m, 0, 255);

		/* Biases of 16 bits: the two high bytes are the sign. */
		if (is_bias && i % 4 >= 2)
			value = 0;
		fprintf(m->ops, "%02x%s", value, i % 32 == 31 ? "\n" : "");
	}
	fputs("\nend\n", m->ops);
}

static int activation(struct maker *m, int h, int w, int c, double scale,
		      int zero)
{
	fprintf(m->tensors,
		"tensor %%%d int8 [1,%d,%d,%d] q=[%.9g:%d] name=\"m%d\"\n",
		m->ids, h, w, c, scale, zero, m->ids);
	return m->ids++;
}

static int weights(struct maker *m, const int shape[4], int axis)
{
	int per_channel = random_in(m, 0, 3);

	fprintf(m->tensors, "const %%%d int8 [%d,%d,%d,%d] axis=%d q=[", m->ids,
		shape[0], shape[1], shape[2], shape[3], axis);
	for (int i = 0; i < (per_channel ? shape[axis] : 1); i++)
		fprintf(m->tensors, "%s%.9g:0", i ? " " : "",
			random_scale(m) / 20);
	fprintf(m->tensors, "] name=\"w%d\"\n", m->ids);
	data(m, m->ids, shape[0] * shape[1] * shape[2] * shape[3], false);
	return m->ids++;
}

static int bias(struct maker *m, int channels)
{
	fprintf(m->tensors, "const %%%d int32 [%d] q=[1:0] name=\"b%d\"\n",
		m->ids, channels, m->ids);
	data(m, m->ids, 4 * channels, true);
	return m->ids++;
}

static const char *act(struct maker *m)
{
	static const char *const names[] = { "none", "relu", "relu6",
					     "relu_n1_to_1" };

	return names[random_in(m, 0, 3)];
}

static void keep(struct maker *m, int id, int h, int w, int c)
{
	m->map[m->maps++] = (struct map){ id, h, w, c };
}

static int positions(int in, int span, int stride, bool same)
{
	return same ? (in + stride - 1) / stride : (in - span) / stride + 1;
}

static void conv(struct maker *m, const struct map *in, bool is_depthwise)
{
	int kh = random_in(m, 1, 4), kw = random_in(m, 1, 4);
	int sh = random_in(m, 1, 2), sw = random_in(m, 1, 3);
	int dilation = random_in(m, 0, 4) ? 1 : 2;
	bool same = random_in(m, 0, 1);
	int multiplier = is_depthwise ? random_in(m, 1, 3) : 0;
	int out_c = is_depthwise ? in->c * multiplier : random_in(m, 1, 70);
	const int shape[4] = { is_depthwise ? 1 : out_c, kh, kw,
			       is_depthwise ? out_c : in->c };
	int h, w, wid, bid, out;

	if ((kh - 1) * dilation + 1 > in->h || (kw - 1) * dilation + 1 > in->w)
		same = true;
	h = positions(in->h, (kh - 1) * dilation + 1, sh, same);
	w = positions(in->w, (kw - 1) * dilation + 1, sw, same);
	wid = weights(m, shape, is_depthwise ? 3 : 0);
	bid = bias(m, out_c);
	out = activation(m, h, w, out_c, random_scale(m) * 4,
			 random_in(m, -128, 127));
	fprintf(m->ops, "%s %%%d = %%%d %%%d",
		is_depthwise ? "depthwise_conv_2d" : "conv_2d", out, in->id,
		wid);
	if (random_in(m, 0, 4))
		fprintf(m->ops, " %%%d", bid);
	fprintf(m->ops, " stride=%dx%d dilation=%dx%d pad=%s act=%s\n", sh, sw,
		dilation, dilation, same ? "same" : "valid", act(m));
	keep(m, out, h, w, out_c);
}

/* Pools keep the quantisation, which the maker gives to every map then. */
static void pool(struct maker *m, const struct map *in, double scale, int zero)
{
	int kh = random_in(m, 1, in->h < 5 ? in->h : 5);
	int kw = random_in(m, 1, in->w < 5 ? in->w : 5);
	int sh = random_in(m, 1, 3), sw = random_in(m, 1, 3);
	bool same = random_in(m, 0, 1);
	int h = positions(in->h, kh, sh, same);
	int w = positions(in->w, kw, sw, same);
	int out = activation(m, h, w, in->c, scale, zero);

	fprintf(m->ops, "%s %%%d = %%%d stride=%dx%d window=%dx%d pad=%s act=%s\n",
		random_in(m, 0, 1) ? "max_pool_2d" : "average_pool_2d", out,
		in->id, sh, sw, kh, kw, same ? "same" : "valid", act(m));
	keep(m, out, h, w, in->c);
}

/* A pool of what a convolution makes just for it, with a known scale. */
static void conv_and_pool(struct maker *m, const struct map *in)
{
	double scale = random_scale(m) * 4;
	int zero = random_in(m, -128, 127), c = random_in(m, 1, 40);
	const int shape[4] = { c, 1, 1, in->c };
	int wid = weights(m, shape, 0);
	struct map map = { activation(m, in->h, in->w, c, scale, zero), in->h,
			   in->w, c };

	fprintf(m->ops, "conv_2d %%%d = %%%d %%%d pad=valid act=none\n",
		map.id, in->id, wid);
	pool(m, &map, scale, zero);
}

/* A constant, each dimension as in the map or 1, leading ones left out. */
static int repeated_constant(struct maker *m, const struct map *like,
			     double scale, int zero)
{
	int shape[4] = { 1, like->h, like->w, like->c };
	int first = random_in(m, 0, 4), bytes = 1;

	fprintf(m->tensors, "const %%%d int8 [", m->ids);
	for (int d = first; d < 4; d++) {
		int size = random_in(m, 0, 1) ? shape[d] : 1;

		fprintf(m->tensors, "%s%d", d > first ? "," : "", size);
		bytes *= size;
	}
	fprintf(m->tensors, "] q=[%.9g:%d] name=\"k%d\"\n", scale, zero,
		m->ids);
	data(m, m->ids, bytes, false);
	return m->ids++;
}

static int pointwise(struct maker *m, const struct map *in, int channels,
		     double scale, int zero)
{
	const int shape[4] = { channels, 1, 1, in->c };
	int wid = weights(m, shape, 0);
	int out = activation(m, in->h, in->w, channels, scale, zero);

	fprintf(m->ops, "conv_2d %%%d = %%%d %%%d pad=valid act=none\n", out,
		in->id, wid);
	return out;
}

/* Of the map, with as many rows, columns and channels. */
static int branch(struct maker *m, const struct map *in)
{
	bool is_depthwise = random_in(m, 0, 2) == 0;
	int size = random_in(m, 0, 1) ? 1 : 3;
	const int conv[4] = { in->c, size, size, in->c };
	const int depthwise[4] = { 1, size, size, in->c };
	int wid = is_depthwise ? weights(m, depthwise, 3) :
				 weights(m, conv, 0);
	int out = activation(m, in->h, in->w, in->c, random_scale(m) * 4,
			     random_in(m, -128, 127));

	fprintf(m->ops, "%s %%%d = %%%d %%%d pad=same act=%s\n",
		is_depthwise ? "depthwise_conv_2d" : "conv_2d", out, in->id,
		wid, act(m));
	return out;
}

/*
 * Adds a convolution of a map to that, as residual blocks do, or to another of it,
 * which nobody reads later. Something else may come between.
 */
static void residual(struct maker *m, const struct map *in)
{
	int other = random_in(m, 0, 1) ? in->id : branch(m, in);
	int last = branch(m, in), out;
	bool is_turned = random_in(m, 0, 1);

	if (random_in(m, 0, 3) == 0)
		keep(m, branch(m, in), in->h, in->w, in->c);
	out = activation(m, in->h, in->w, in->c, random_scale(m) * 8,
			 random_in(m, -128, 127));
	fprintf(m->ops, "add %%%d = %%%d %%%d act=%s\n", out,
		is_turned ? last : other, is_turned ? other : last, act(m));
	keep(m, out, in->h, in->w, in->c);
}

/* A tensor computed from the map: rows, columns or channels may be only one. */
static int repeated_map(struct maker *m, const struct map *in, double scale,
			int zero)
{
	int c = random_in(m, 0, 1) ? in->c : 1;
	int kh = random_in(m, 0, 1) ? in->h : 1;
	int kw = random_in(m, 0, 1) || (c == 1 && kh > 1) ? in->w : 1;
	int full = pointwise(m, in, c, scale, zero);
	int out = activation(m, in->h - kh + 1, in->w - kw + 1, c, scale, zero);

	fprintf(m->ops,
		"average_pool_2d %%%d = %%%d window=%dx%d pad=valid act=none\n",
		out, full, kh, kw);
	return out;
}

/* A sum or its like of two tensors, one of which may be repeated. */
static void elementwise(struct maker *m, const struct map *in)
{
	static const char *const names[] = { "add", "sub", "mul", "maximum",
					     "minimum" };
	int kind = random_in(m, 0, 4), zero = random_in(m, -128, 127);
	bool is_selection = kind >= 3, is_turned = random_in(m, 0, 1);
	double scale = random_scale(m) * 4;
	struct map map = { 0, in->h, in->w, random_in(m, 1, 40) };
	int other, out;

	map.id = pointwise(m, in, map.c, scale, zero);
	if (random_in(m, 0, 1))
		other = repeated_map(m, &map, scale, zero);
	else
		other = repeated_constant(m, &map, scale, zero);
	if (!is_selection) {
		scale = random_scale(m) * 8;
		zero = random_in(m, -128, 127);
	}
	out = activation(m, map.h, map.w, map.c, scale, zero);
	fprintf(m->ops, "%s %%%d = %%%d %%%d act=%s\n", names[kind], out,
		is_turned ? other : map.id, is_turned ? map.id : other,
		act(m));
	keep(m, out, map.h, map.w, map.c);
}

static void fully_connected(struct maker *m, const struct map *in)
{
	int depth = in->h * in->w * in->c, channels = random_in(m, 1, 40);
	int out, wid, soft;

	if (depth > 4000)
		return;
	wid = m->ids++;
	fprintf(m->tensors, "const %%%d int8 [%d,%d] q=[%.9g:0] name=\"fc\"\n",
		wid, channels, depth, random_scale(m) / 20);
	data(m, wid, channels * depth, false);
	out = m->ids++;
	fprintf(m->tensors, "tensor %%%d int8 [1,%d] q=[%.9g:%d] name=\"f\"\n",
		out, channels, random_scale(m) * 4, random_in(m, -128, 127));
	soft = m->ids++;
	fprintf(m->tensors,
		"tensor %%%d int8 [1,%d] q=[0.00390625:-128] name=\"s\"\n",
		soft, channels);
	fprintf(m->ops, "fully_connected %%%d = %%%d %%%d act=%s\n", out,
		in->id, wid, act(m));
	fprintf(m->ops, "softmax %%%d = %%%d beta=%d\n", soft, out,
		random_in(m, 1, 3));
	keep(m, out, 1, 1, -1);
	keep(m, soft, 1, 1, -1);
}

static void some_op(struct maker *m)
{
	const struct map in = m->map[random_in(m, m->maps > 2 ? m->maps - 2 : 0,
					 m->maps - 1)];

	switch (random_in(m, 0, 6)) {
	case 0:
	case 1:
		conv(m, &in, false);
		break;
	case 2:
		if (in.c <= 64)
			conv(m, &in, true);
		break;
	case 3:
		conv_and_pool(m, &in);
		break;
	case 4:
		residual(m, &in);
		break;
	default:
		elementwise(m, &in);
		break;
	}
}

/* Writes a graph and returns its text. */
static char *make_graph(struct maker *m, size_t *size)
{
	char *ops = NULL, *text = NULL;
	size_t ops_size;
	struct map in = { 0 };

	m->ids = m->maps = 0;
	m->tensors = open_memstream(&text, size);
	m->ops = open_memstream(&ops, &ops_size);
	fputs("tnc 1\nmodel \"random\"\n", m->tensors);
	in = (struct map){ 0, random_in(m, 1, 40), random_in(m, 1, 40),
			   random_in(m, 1, 20) };
	in.id = activation(m, in.h, in.w, in.c, random_scale(m),
			   random_in(m, -128, 127));
	keep(m, in.id, in.h, in.w, in.c);
	for (int i = random_in(m, 1, 6); i > 0; i--)
		some_op(m);
	if (m->maps == 1)
		conv(m, &in, false);
	fully_connected(m, &m->map[m->maps - 1]);
	fclose(m->ops);
	fprintf(m->tensors, "input %%%d\n%s", in.id, ops);
	/* The last map, and some of those before it. */
	for (int i = 1; i < m->maps; i++)
		if (i == m->maps - 1 || !random_in(m, 0, 2))
			fprintf(m->tensors, "output %%%d\n", m->map[i].id);
	fclose(m->tensors);
	free(ops);
	return text;
}

static void test_random(void **state)
{
	struct maker m = { .seed = 20261123 };

	for (int i = 0; i < GRAPHS; i++) {
		struct npu_machine machine = NPU_MACHINE_DEFAULT;
		size_t size;
		char *text = make_graph(&m, &size);

		machine.sram_size = 1024 * random_in(&m, 20, 96);
		machine.macs = 32 << random_in(&m, 0, 5);
		machine.mem_bw = random_in(&m, 1, 16);
		machine.sram_bw = random_in(&m, 1, 32);
		machine.mem_latency = random_in(&m, 0, 500);
		compiled_compare(text, size, &machine);
		free(text);
	}
}

static void check_text(const char *text, uint32_t sram_kib)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;

	machine.sram_size = sram_kib * 1024;
	compiled_compare(text, strlen(text), &machine);
}

/* No weights at all: the program has no constants. */
static void test_no_constants(void **state)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %0 int8 [1,9,7,5] q=[0.5:-3] name=\"x\"\n"
		"tensor %1 int8 [1,9,7,5] q=[0.5:-3] name=\"y\"\n"
		"input %0\n"
		"average_pool_2d %1 = %0 window=3x3 pad=same act=none\n"
		"output %1\n";

	check_text(text, 16);
}

/* Rows longer than a pitch can say: moved in tiles, though there is room. */
/*
 * An input that takes as long to come in as the operators take to work: these
 * take turns, band by band, and begin with what is there.
 */
static void test_operators_take_turns(void **state)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %0 int8 [1,64,64,8] q=[0.5:-3] name=\"x\"\n"
		"tensor %1 int8 [1,64,64,8] q=[0.5:-3] name=\"a\"\n"
		"tensor %2 int8 [1,32,32,8] q=[0.5:-3] name=\"b\"\n"
		"tensor %3 int8 [1,32,32,8] q=[0.5:-3] name=\"c\"\n"
		"tensor %4 int8 [1,32,32,8] q=[0.7:9] name=\"y\"\n"
		"input %0\n"
		"max_pool_2d %1 = %0 window=3x3 pad=same act=none\n"
		"average_pool_2d %2 = %1 window=2x2 stride=2x2 pad=same act=none\n"
		"max_pool_2d %3 = %2 window=3x3 pad=same act=none\n"
		"add %4 = %3 %2 act=none\n"
		"output %4\n";
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	struct compiled *compiled;
	uint64_t work = (64 * 64 * 8 * 9 + 32 * 32 * 8 * (4 + 9 + 4)) / 8;

	compiled = compiled_create(text, strlen(text), "bands", &machine);
	assert_true(compiled_cycles(compiled) <
		    64 * 64 * 8 + 32 * 32 * 8 + work - 21000);
	compiled_destroy(compiled);
	for (uint32_t kib = 32; kib <= 256; kib *= 2)
		check_text(text, kib);
}

/*
 * What pruning leaves: output channels without weights, that are the zero point
 * (1) or something else (2), and weights that look at the one, which matter
 * not, or at the other, which do.
 */
static void test_channels_without_effect(void **state)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %0 int8 [1,6,5,2] q=[0.5:-3] name=\"x\"\n"
		"const %1 int8 [4,1,1,2] axis=0 q=[0.01:0 0.02:0 0.03:0 0.02:0] name=\"w\"\n"
		"const %2 int32 [4] q=[0.005:0] name=\"b\"\n"
		"tensor %3 int8 [1,6,5,4] q=[0.05:-20] name=\"c\"\n"
		"const %4 int8 [1,3,3,4] axis=3 q=[0.01:0 0.02:0 0.03:0 0.02:0] name=\"dw\"\n"
		"const %5 int32 [4] q=[0.005:0] name=\"db\"\n"
		"tensor %6 int8 [1,6,5,4] q=[0.1:7] name=\"d\"\n"
		"const %7 int8 [3,1,1,4] axis=0 q=[0.01:0 0.02:0 0.03:0] name=\"v\"\n"
		"tensor %8 int8 [1,6,5,3] q=[0.05:-1] name=\"y\"\n"
		"input %0\n"
		"conv_2d %3 = %0 %1 %2 pad=valid act=relu\n"
		"depthwise_conv_2d %6 = %3 %4 %5 pad=same act=none\n"
		"conv_2d %8 = %6 %7 pad=valid act=none\n"
		"output %8\n"
		"output %6\n"
		"output %3\n"
		"data %1\n"
		"  05fb000000001020\n"
		"end\n"
		"data %2\n"
		"  0a00000018fcffffe80300001e000000\n"
		"end\n"
		"data %4\n"
		"  010203040506070809fafbfcfdfeff01020304f6f7f8f90102030a0b0c0d0e0f10ff\n"
		"  0102\n"
		"end\n"
		"data %5\n"
		"  0a00000000010000e8feffff1e000000\n"
		"end\n"
		"data %7\n"
		"  010203040005000000000000\n"
		"end\n";

	check_text(text, 16);
	check_text(text, 256);
}

static void test_long_rows(void **state)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %0 int8 [1,3,1024,80] q=[0.5:-3] name=\"x\"\n"
		"tensor %1 int8 [1,3,1024,80] q=[0.5:-3] name=\"m\"\n"
		"tensor %2 int8 [1,3,1024,80] q=[0.7:9] name=\"y\"\n"
		"input %0\n"
		"max_pool_2d %1 = %0 window=3x3 pad=same act=none\n"
		"add %2 = %1 %0 act=relu\n"
		"output %2\n"
		"output %1\n"
		"output %0\n";

	check_text(text, 1024);
	check_text(text, 32);
}

/* Any number of dimensions, in any of which an input may be repeated. */
static void test_broadcast(void **state)
{
	static const struct {
		const char *a, *b, *out;
	} shapes[] = {
		{ "5", "1", "5" },
		{ "7", "3,7", "3,7" },
		{ "2,4", "3,1,1", "3,2,4" },
		{ "2,1,4", "3,4", "2,3,4" },
		{ "2,3,4,5", "2,1,1,5", "2,3,4,5" },
		{ "1,2,3,4,5", "4,5", "1,2,3,4,5" },
		{ "2,1,3,1,5,7", "2,5,7", "2,1,3,2,5,7" },
		{ "1,300,1,2", "1,1,200,2", "1,300,200,2" },
		{ "70000", "70000", "70000" },
		{ "3,90000", "1,3,90000", "1,3,90000" },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 "tnc 1\n"
			 "tensor %%0 int8 [%s] q=[0.5:-3] name=\"a\"\n"
			 "tensor %%1 int8 [%s] q=[0.25:9] name=\"b\"\n"
			 "tensor %%2 int8 [%s] q=[0.75:7] name=\"y\"\n"
			 "input %%0\ninput %%1\n"
			 "sub %%2 = %%0 %%1 act=none\n"
			 "output %%2\n",
			 shapes[i].a, shapes[i].b, shapes[i].out);
		check_text(text, 16);
	}
}

/* More multiplications than one command may do. */
static void test_much_work(void **state)
{
	struct maker m = { .seed = 7 };
	const int shape[4] = { 64, 3, 3, 32 };
	char *text = NULL, *ops = NULL;
	size_t size, ops_size;
	int in, out, wid;

	m.tensors = open_memstream(&text, &size);
	m.ops = open_memstream(&ops, &ops_size);
	fputs("tnc 1\n", m.tensors);
	in = activation(&m, 128, 128, 32, 0.01, 3);
	wid = weights(&m, shape, 0);
	out = activation(&m, 128, 128, 64, 1, -3);
	fprintf(m.ops, "conv_2d %%%d = %%%d %%%d pad=same act=none\n", out, in,
		wid);
	fclose(m.ops);
	fprintf(m.tensors, "input %%%d\n%soutput %%%d\n", in, ops, out);
	fclose(m.tensors);
	check_text(text, 4096);
	free(ops);
	free(text);
}

/* An input that is an output, and a constant that is one. */
static void test_outputs_nobody_computes(void **state)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %0 int8 [1,4] q=[0.5:-3] name=\"x\"\n"
		"const %1 int8 [1,4] q=[0.5:-3] name=\"c\"\n"
		"tensor %2 int8 [1,4] q=[0.5:7] name=\"y\"\n"
		"tensor %3 int8 [4] q=[0.5:-3] name=\"r\"\n"
		"input %0\n"
		"add %2 = %0 %1 act=none\n"
		"reshape %3 = %0\n"
		"output %2\n"
		"output %0\n"
		"output %1\n"
		"output %2\n"
		"output %3\n"
		"data %1\n 01020380\nend\n";

	check_text(text, 16);
}

/* Nothing to compute at all: copies, and constants. */
static void test_no_operators(void **state)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %0 int8 [1,4] q=[0.5:-3] name=\"x\"\n"
		"const %1 int8 [2,2] q=[0.5:-3] name=\"c\"\n"
		"tensor %2 int8 [2,1,2] q=[0.5:-3] name=\"y\"\n"
		"tensor %3 int8 [4] q=[0.5:-3] name=\"z\"\n"
		"input %0\n"
		"reshape %2 = %0\n"
		"reshape %3 = %1\n"
		"output %2\n"
		"output %3\n"
		"output %0\n"
		"data %1\n 01020380\nend\n";

	check_text(text, 16);
}

/* Names that no terminal should see, one of them cut within a character. */
static void test_names(void **state)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %%0 int8 [1,4] q=[0.5:-3] name=\"\xff\x1b[31m\xc2\x80\"\n"
		"tensor %%1 int8 [1,4] q=[0.5:-3] name=\"%sx%s\"\n"
		"input %%0\n"
		"add %%1 = %%0 %%0 act=none\n"
		"output %%1\n";
	char accents[301] = "", *full = NULL;

	for (int i = 0; i < 300; i += 2)
		memcpy(accents + i, "\xc3\xa9", 2);
	assert_true(asprintf(&full, text, accents, accents) > 0);
	check_text(full, 16);
	free(full);
}

/* The smallest tile is too large, and sums of 16x8 can't be cut: an error. */
static void test_does_not_fit(void **state)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %0 int16 [1,1,1,20000] q=[0.5:0] name=\"x\"\n"
		"const %1 int8 [1,1,1,20000] q=[0.5:0] name=\"w\"\n"
		"tensor %2 int16 [1,1,1,1] q=[0.5:0] name=\"y\"\n"
		"input %0\n"
		"conv_2d %2 = %0 %1 pad=valid act=none source=5\n"
		"output %2\n";
	struct tnc_options options;
	char *full = NULL;
	struct tnc_error error;
	size_t size, program_size;
	void *program;
	FILE *to = open_memstream(&full, &size);

	fprintf(to, "%sdata %%1\n", text);
	for (int i = 0; i < 20000; i++)
		fputs("01", to);
	fputs("\nend\n", to);
	fclose(to);
	tnc_options_init(&options);
	options.machine.sram_size = 32 * 1024;
	options.no_fallback = true;
	assert_int_equal(tnc_compile(full, size, &options, &program,
				     &program_size, &error), -ENOSPC);
	assert_non_null(strstr(error.text, "operator 5 (CONV_2D): needs 60018"));
	check_text(full, 64);
	free(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_no_constants),
		cmocka_unit_test(test_operators_take_turns),
		cmocka_unit_test(test_channels_without_effect),
		cmocka_unit_test(test_long_rows),
		cmocka_unit_test(test_broadcast),
		cmocka_unit_test(test_much_work),
		cmocka_unit_test(test_outputs_nobody_computes),
		cmocka_unit_test(test_no_operators),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
