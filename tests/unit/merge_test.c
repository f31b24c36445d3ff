// SPDX-License-Identifier: MIT
/*
 * Pass 'n' changes no value: random graphs give the same numbers before and after it
 * but for rounding, and have fewer operators.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "float_graph.h"

#define SIZE_MAX_FLOATS 4096

/* What counts is the last output. */
static void run(struct tnc_graph *graph, const float *input, float *output)
{
	static float other[SIZE_MAX_FLOATS];
	const void *in = input;
	void *out[2] = { other, other };
	struct tnc_error error = { "" };

	assert_true(tnc_graph_outputs(graph) <= 2);
	out[tnc_graph_outputs(graph) - 1] = output;
	if (tnc_graph_run(graph, &in, out, &error))
		fail_msg("%s", error.text);
}

/* Compares the graph as it is with what the pass makes of it; returns its text. */
static char *check(struct float_graph *g)
{
	struct tnc_graph *before = float_graph_open(g, NULL);
	struct tnc_graph *after = float_graph_open(g, NULL);
	static float in[SIZE_MAX_FLOATS], a[SIZE_MAX_FLOATS], b[SIZE_MAX_FLOATS];
	struct tnc_tensor_info info;
	size_t size, count;
	char *text;

	float_graph_pass(before, "f");
	float_graph_pass(after, "fn");
	tnc_graph_input(before, 0, &info);
	assert_true(info.size_bytes <= sizeof(in));
	for (size_t i = 0; i < info.size_bytes / sizeof(float); i++)
		in[i] = float_graph_real(g, -2, 2);
	tnc_graph_output(before, tnc_graph_outputs(before) - 1, &info);
	assert_true(info.size_bytes <= sizeof(a));
	count = info.size_bytes / sizeof(float);
	run(before, in, a);
	run(after, in, b);
	for (size_t i = 0; i < count; i++)
		assert_true(fabsf(a[i] - b[i]) <= 1e-4f * (1 + fabsf(a[i])));
	text = float_graph_text(after, &size);
	tnc_graph_close(before);
	tnc_graph_close(after);
	return text;
}

static void activation(struct float_graph *g, int id, int h, int w, int c)
{
	float_graph_say(g, "tensor %%%d float32 [1,%d,%d,%d] name=\"\"", id, h, w,
			c);
}

/* One of three operators with weights, from %0 to %1. */
static const char *weighted(struct float_graph *g, int kind, int in, int out,
			    int with_bias)
{
	static char op[160];
	char shape[64];

	snprintf(shape, sizeof(shape), "%d,3,3,%d", kind == 0 ? out : 1,
		 kind == 0 ? in : out);
	if (kind == 2)
		snprintf(shape, sizeof(shape), "%d,%d", out, in);
	float_graph_constant(g, 2, shape, kind == 0 ? out * 9 * in :
			     kind == 1 ? 9 * out : out * in, -1, 1);
	if (with_bias) {
		snprintf(shape, sizeof(shape), "%d", out);
		float_graph_constant(g, 3, shape, out, -1, 1);
	}
	snprintf(op, sizeof(op), "%s %%1 = %%0 %%2%s %sact=none source=0",
		 kind == 0 ? "conv_2d" : kind == 1 ? "depthwise_conv_2d" :
						     "fully_connected",
		 with_bias ? " %3" : "",
		 kind == 2 ? "" : "stride=1x1 dilation=1x1 pad=same ");
	return op;
}

/* Weights, then two operations with constants, then an activation function. */
static void check_chain(unsigned int seed)
{
	static const char *const kinds[] = { "mul", "add", "sub", "div" };
	static const char *const acts[] = { "relu", "relu6", "relu_n1_to_1" };
	struct float_graph g;
	int kind, out, in, first, second;
	const char *op;
	char *text, shape[16];

	float_graph_start(&g, seed);
	kind = float_graph_int(&g, 0, 2);
	out = float_graph_int(&g, 1, 9);
	in = kind == 1 ? out : float_graph_int(&g, 1, 7);
	first = float_graph_int(&g, 0, 3);
	second = float_graph_int(&g, 0, 3);
	activation(&g, 0, 4, 5, in);
	for (int id = 1; id < 8; id++)
		if (id == 1 || id > 4)
			activation(&g, id + (id == 4), 4, 5, out);
	op = weighted(&g, kind, in, out, float_graph_int(&g, 0, 1));
	snprintf(shape, sizeof(shape), "%d", out);
	float_graph_constant(&g, 8, shape, out, 0.5, 2);
	float_graph_constant(&g, 9, "1", 1, 0.5, 2);
	float_graph_say(&g, "input %%0");
	float_graph_say(&g, "%s", op);
	float_graph_say(&g, "%s %%5 = %%1 %%8 act=none source=1", kinds[first]);
	float_graph_say(&g, "%s %%6 = %%5 %%9 act=none source=2", kinds[second]);
	float_graph_say(&g, "%s %%7 = %%6 source=3",
			acts[float_graph_int(&g, 0, 2)]);
	float_graph_say(&g, "output %%7");
	text = check(&g);
	assert_int_equal(float_graph_count(text, " source="), 1);
	free(text);
	float_graph_free(&g);
}

static void test_chains(void **state)
{
	for (unsigned int seed = 0; seed < 200; seed++)
		check_chain(seed);
}

/* What somebody else reads as well, or is not one value per channel, stays. */
static void check_kept(const char *constant, int count, const char *statements)
{
	struct float_graph g;
	char *text;

	float_graph_start(&g, 1);
	activation(&g, 0, 4, 5, 3);
	for (int id = 1; id < 7; id++)
		if (id != 2 && id != 3)
			activation(&g, id, 4, 5, 3);
	float_graph_constant(&g, 2, "3,1,1,3", 9, -1, 1);
	float_graph_constant(&g, 3, constant, count, 0.5, 2);
	float_graph_say(&g, "input %%0");
	float_graph_say(&g, "conv_2d %%1 = %%0 %%2 stride=1x1 dilation=1x1 "
			"pad=same act=none source=0");
	float_graph_say(&g, "%s", statements);
	text = check(&g);
	assert_int_equal(float_graph_count(text, "mul %"), 1);
	free(text);
	float_graph_free(&g);
}

static void test_what_stays(void **state)
{
	check_kept("3", 3, "mul %4 = %1 %3 act=none source=1\n"
			   "add %5 = %4 %1 act=none source=2\noutput %5");
	check_kept("4,5,3", 60, "mul %4 = %1 %3 act=none source=1\noutput %4");
	check_kept("5,1", 5, "mul %4 = %1 %3 act=none source=1\noutput %4");
	check_kept("3", 3, "relu %4 = %1 source=1\n"
			   "mul %5 = %4 %3 act=none source=2\noutput %5");
	check_kept("3", 3, "mul %4 = %1 %3 act=none source=1\n"
			   "output %1\noutput %4");
}

static void scalar(struct float_graph *g, int id, float value)
{
	float_graph_constant(g, id, "", 1, value, value);
}

/* GELU as frameworks write it: 0.5 x (1 + tanh(...)), with all operands swapped. */
static void check_gelu(bool is_swapped)
{
	struct float_graph g;
	char *text;

	float_graph_start(&g, 3);
	for (int id = 0; id < 10; id++)
		float_graph_say(&g, "tensor %%%d float32 [7,9] name=\"\"", id);
	scalar(&g, 10, 3);
	scalar(&g, 11, 0.044715f);
	scalar(&g, 12, 0.7978846f);
	scalar(&g, 13, 1);
	scalar(&g, 14, 0.5f);
	float_graph_say(&g, "input %%0");
	float_graph_say(&g, "pow %%1 = %%0 %%10 source=0");
#define BINARY(op, out, a, b) \
	float_graph_say(&g, op " %%%d = %%%d %%%d act=none source=1", out, \
			is_swapped ? b : a, is_swapped ? a : b)
	BINARY("mul", 2, 1, 11);
	BINARY("add", 3, 0, 2);
	BINARY("mul", 4, 3, 12);
	float_graph_say(&g, "tanh %%5 = %%4 source=2");
	BINARY("add", 6, 5, 13);
	BINARY("mul", 7, 0, 14);
	BINARY("mul", 8, 7, 6);
#undef BINARY
	float_graph_say(&g, "output %%8");
	text = check(&g);
	assert_int_equal(float_graph_count(text, " source="), 1);
	assert_int_equal(float_graph_count(text, "gelu %8 = %0"), 1);
	free(text);
	float_graph_free(&g);
}

static void test_gelu(void **state)
{
	check_gelu(false);
	check_gelu(true);
}

static void test_layer_norm(void **state)
{
	struct float_graph g;
	char *text;

	float_graph_start(&g, 4);
	for (int id = 0; id < 11; id++) {
		bool is_row = id >= 1 && id <= 5 && id != 2;

		float_graph_say(&g, "tensor %%%d float32 [6,%d] name=\"\"", id,
				is_row ? 1 : 8);
	}
	float_graph_constant(&g, 11, "8", 8, 0.5, 2);
	float_graph_constant(&g, 12, "8", 8, -1, 1);
	scalar(&g, 13, 1e-3f);
	float_graph_say(&g, "input %%0");
	float_graph_say(&g, "mean %%1 = %%0 axes=1 source=0");
	float_graph_say(&g, "squared_difference %%2 = %%0 %%1 act=none source=1");
	float_graph_say(&g, "mean %%3 = %%2 axes=1 source=2");
	float_graph_say(&g, "add %%4 = %%3 %%13 act=none source=3");
	float_graph_say(&g, "rsqrt %%5 = %%4 source=4");
	float_graph_say(&g, "mul %%6 = %%5 %%11 act=none source=5");
	float_graph_say(&g, "mul %%7 = %%0 %%6 act=none source=6");
	float_graph_say(&g, "mul %%8 = %%1 %%6 act=none source=7");
	float_graph_say(&g, "sub %%9 = %%12 %%8 act=none source=8");
	float_graph_say(&g, "add %%10 = %%7 %%9 act=none source=9");
	float_graph_say(&g, "output %%10");
	text = check(&g);
	assert_int_equal(float_graph_count(text, " source="), 1);
	assert_int_equal(float_graph_count(text,
					   "layer_norm %10 = %0 %11 %12"), 1);
	free(text);
	float_graph_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_what_stays),
		cmocka_unit_test(test_gelu),
		cmocka_unit_test(test_layer_norm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
