// SPDX-License-Identifier: MIT
/*
 * Operators on bytes with ONNX Runtime's arithmetic, of random shapes, scales and
 * zero points: what the machine computes is what the reference executor does. The
 * latter's own results are checked against numbers worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compiled.h"
#include "graphs.h"

static uint64_t seed = 1;

static int between(int low, int high)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return low + (int)((seed >> 33) % (uint32_t)(high - low + 1));
}

static double scale(void)
{
	return between(1, 1 << 20) / (double)(1 << between(20, 26));
}

struct graph {
	char text[2048];
	size_t size;
};

static void add(struct graph *g, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct graph *g, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g->size += vsnprintf(g->text + g->size, sizeof(g->text) - g->size,
			     format, args);
	va_end(args);
	assert_true(g->size < sizeof(g->text));
}

static void add_tensor(struct graph *g, int id, const int *shape)
{
	add(g, "tensor %%%d int8 [%d,%d,%d,%d] q=[%.9g:%d] name=\"%d\"\n", id,
	    shape[0], shape[1], shape[2], shape[3], scale(),
	    between(-128, 127), id);
}

static void compare(struct graph *g)
{
	static const uint32_t kib[] = { 16, 32, 64, 256 };
	struct npu_machine machine = NPU_MACHINE_DEFAULT;

	machine.sram_size = kib[between(0, 3)] * 1024;
	machine.macs = 32u << between(0, 5);
	compiled_compare(g->text, g->size, &machine);
}

/* One input may have one row, column or channel for all. */
static void test_binary(void **state)
{
	static const char *const kind[] = {
		"add", "mul", "sub", "div", "maximum", "minimum",
	};

	for (int i = 0; i < GRAPHS; i++) {
		int which = between(0, 5);
		int shape[4] = { 1, between(1, 9), between(1, 9),
				 between(1, 40) };
		int other[4] = { 1, shape[1], shape[2], shape[3] };
		struct graph g = { .size = 0 };

		for (int d = 1; d < 4; d++)
			other[d] = between(0, 3) ? other[d] : 1;
		add(&g, "tnc 1\nmodel \"random\"\n");
		add_tensor(&g, 0, shape);
		add_tensor(&g, 1, other);
		add_tensor(&g, 2, shape);
		add(&g, "input %%0\ninput %%1\n");
		add(&g, "%s %%2 = %%0 %%1 act=none mode=onnx%s source=0\n",
		    kind[which],
		    which < 2 && between(0, 1) ? "+unsigned" : "");
		add(&g, "output %%2\n");
		compare(&g);
	}
}

static void test_mean(void **state)
{
	for (int i = 0; i < GRAPHS; i++) {
		int shape[4] = { 1, between(1, 9), between(1, 9),
				 between(1, 40) };
		int mean[4] = { 1, 1, 1, shape[3] };
		struct graph g = { .size = 0 };

		add(&g, "tnc 1\nmodel \"random\"\n");
		add_tensor(&g, 0, shape);
		add_tensor(&g, 1, mean);
		add(&g, "input %%0\n");
		add(&g, "mean %%1 = %%0 axes=1,2 mode=onnx source=0\n");
		add(&g, "output %%1\n");
		compare(&g);
	}
}

static void test_functions(void **state)
{
	static const char *const function[] = {
		"relu", "logistic", "tanh", "hard_swish", "gelu", "abs",
		"leaky_relu", "quantize", "exp",
	};

	for (int i = 0; i < GRAPHS; i++) {
		int shape[4] = { 1, between(1, 9), between(1, 9),
				 between(1, 40) };
		struct graph g = { .size = 0 };
		int which = between(0, 8);

		add(&g, "tnc 1\nmodel \"random\"\n");
		add_tensor(&g, 0, shape);
		add_tensor(&g, 1, shape);
		add(&g, "input %%0\n%s %%1 = %%0%s mode=onnx source=0\n",
		    function[which],
		    which == 6 ? " alpha=0.1" : which == 7 ? " axis=0" : "");
		add(&g, "output %%1\n");
		compare(&g);
	}
}

/* What the reference executor makes of one graph. */
static void run(const char *text, const int8_t *a, const int8_t *b, int8_t *out)
{
	const void *inputs[] = { a, b };
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;
	void *outputs[] = { out };

	tnc_options_init(&options);
	if (tnc_graph_open(text, strlen(text), &options, &graph, &error) ||
	    tnc_graph_run(graph, inputs, outputs, &error))
		fail_msg("%s", error.text);
	tnc_graph_close(graph);
}

#define PAIR(op)                                                        \
	"tnc 1\nmodel \"m\"\n"                                          \
	"tensor %0 int8 [1,4] q=[0.5:-128] name=\"a\"\n"                \
	"tensor %1 int8 [1,4] q=[0.25:-128] name=\"b\"\n"               \
	"tensor %2 int8 [1,4] q=[1:-127] name=\"y\"\n"                  \
	"input %0\ninput %1\n"                                          \
	op " %2 = %0 %1 act=none mode=onnx+unsigned source=0\noutput %2\n"

/*
 * As uint8, zero points are 0, 0 and 1. Sums: 0.5 a + 0.25 b + 1, of (1, 0) 1.5, of
 * (3, 0) 2.5: halves go to the even byte, zero point included. Products: a b / 8 + 1.
 * Others are rounded before the zero point comes.
 */
static void test_by_hand(void **state)
{
	static const int8_t a[] = { 1 - 128, 3 - 128, 4 - 128, 255 - 128 };
	static const int8_t b[] = { 0 - 128, 0 - 128, 3 - 128, 255 - 128 };
	static const int8_t sum[] = { 2 - 128, 2 - 128, 4 - 128, 192 - 128 };
	static const int8_t product[] = { 1 - 128, 1 - 128, 2 - 128,
					  255 - 128 };
	/* Of (3, 0) 1.5 goes to 2, then comes the zero point; 3 / 0 is infinite. */
	static const int8_t difference[] = { 0 + 1 - 128, 2 + 1 - 128,
					     1 + 1 - 128, 64 + 1 - 128 };
	static const int8_t quotient[] = { 127, 127, 3 + 1 - 128, 2 + 1 - 128 };
	static const int8_t larger[] = { 0 + 1 - 128, 2 + 1 - 128, 2 + 1 - 128,
					 128 + 1 - 128 };
	static const int8_t real[] = { -4, -1, 1, 127 };
	static const int8_t relu[] = { 3, 3, 3, 67 };
	int8_t out[4];

	run(PAIR("add"), a, b, out);
	assert_memory_equal(out, sum, sizeof(sum));
	run(PAIR("mul"), a, b, out);
	assert_memory_equal(out, product, sizeof(product));
	run(PAIR("sub"), a, b, out);
	assert_memory_equal(out, difference, sizeof(difference));
	run(PAIR("div"), a, b, out);
	assert_memory_equal(out, quotient, sizeof(quotient));
	run(PAIR("maximum"), a, b, out);
	assert_memory_equal(out, larger, sizeof(larger));
	/* Twice the scale: 0.5 goes to 0, 63.5 to 64, then comes the zero point. */
	run("tnc 1\nmodel \"m\"\ntensor %0 int8 [4] q=[0.5:0] name=\"x\"\n"
	    "tensor %1 int8 [4] q=[1:3] name=\"y\"\ninput %0\n"
	    "relu %1 = %0 mode=onnx source=0\noutput %1\n", real, NULL, out);
	assert_memory_equal(out, relu, sizeof(relu));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_mean),
		cmocka_unit_test(test_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
