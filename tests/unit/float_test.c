// SPDX-License-Identifier: MIT
/*
 * Float models on the reference executor: published results within a tolerance,
 * known classes, and refusals.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/tnc.h"
#include "models.h"

#define KWT_CLASSES 12

static int open_text(const char *text, struct tnc_graph **graph,
		     struct tnc_error *error)
{
	struct tnc_options options;

	tnc_options_init(&options);
	return tnc_graph_open(text, strlen(text), &options, graph, error);
}

static struct tnc_graph *open_model(const char *model, const char *name)
{
	struct model_file file = models_read(model, name);
	struct tnc_options options;
	struct tnc_error error = { "" };
	struct tnc_graph *graph;

	tnc_options_init(&options);
	if (tnc_graph_open(file.bytes, file.size, &options, &graph, &error))
		fail_msg("%s: %s", model, error.text);
	models_free(&file);
	return graph;
}

static void run(struct tnc_graph *graph, const void *input, void *output)
{
	struct tnc_error error;

	if (tnc_graph_run(graph, &input, &output, &error))
		fail_msg("%s", error.text);
}

static void test_transformer(void **state)
{
	struct model_file in, golden;
	struct tnc_graph *graph;
	struct tnc_error error;

	if (!models_have("kwt1_fp32"))
		skip();
	graph = open_model("kwt1_fp32", "model.tflite");
	in = models_read("kwt1_fp32", "inputs/wav6.bin");
	golden = models_read("kwt1_fp32", "golden/wav6.bin");
	if (tnc_graph_pass(graph, 'f', &error))
		fail_msg("%s", error.text);
	assert_int_equal(golden.size, 6 * KWT_CLASSES * sizeof(float));
	for (int i = 0; i < 6; i++) {
		const float *expected = (float *)golden.bytes + i * KWT_CLASSES;
		float logits[KWT_CLASSES];

		run(graph, in.bytes + i * in.size / 6, logits);
		for (int k = 0; k < KWT_CLASSES; k++)
			assert_true(fabsf(logits[k] - expected[k]) < 1e-4f);
	}
	models_free(&in);
	models_free(&golden);
	tnc_graph_close(graph);
}

/* Its weights are of int8, its activations float. */
static void test_dynamic_range(void **state)
{
	struct model_file in, labels;
	struct tnc_graph *graph;
	int right = 0;
	char *next;

	if (!models_have("kws01"))
		skip();
	graph = open_model("kws01", "model_fp32.tflite");
	in = models_read("kws01", "inputs/cfu12.bin");
	labels = models_read("kws01", "inputs/cfu12.labels.txt");
	assert_int_equal(in.size, 12 * 490);
	next = (char *)labels.bytes;
	for (int n = 0; n < 12; n++) {
		const int8_t *q = (int8_t *)in.bytes + n * 490;
		float real[490], scores[12];
		int best = 0;

		for (int i = 0; i < 490; i++)
			real[i] = (q[i] - 83) * 0.58470291f;
		run(graph, real, scores);
		for (int k = 1; k < 12; k++)
			best = scores[k] > scores[best] ? k : best;
		right += best == strtol(next, &next, 10);
	}
	assert_int_equal(right, 12);
	models_free(&in);
	models_free(&labels);
	tnc_graph_close(graph);
}

/* Text between those of the interface and the operator. */
#define GRAPH(tensors, op) \
	"tnc 1\nmodel \"m\"\n" tensors "input %0\n" op " source=0\noutput %1\n"

static void test_refusals(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{ GRAPH("tensor %0 float32 [2,3] name=\"\"\n"
			"tensor %1 float32 [2,2] name=\"\"\n",
			"exp %1 = %0"), "input and output differ" },
		{ GRAPH("tensor %0 float32 [2,3] name=\"\"\n"
			"tensor %1 int32 [2,3] name=\"\"\n",
			"exp %1 = %0"), "input and output differ" },
		{ GRAPH("tensor %0 float32 [1,4,4,1] name=\"\"\n"
			"tensor %1 float32 [1,3,4,1] name=\"\"\n",
			"max_pool_2d %1 = %0 stride=1x1 window=1x1 pad=valid act=none"),
		  "dimension 1 is 3, must be 4" },
		{ GRAPH("tensor %0 float32 [1,4,4,1] name=\"\"\n"
			"tensor %1 float32 [1,4,4,1] name=\"\"\n",
			"max_pool_2d %1 = %0 stride=0x1 window=1x1 pad=valid act=none"),
		  "size of window" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tnc_graph *graph;
		struct tnc_error error;

		assert_true(open_text(cases[i].text, &graph, &error) < 0);
		if (!strstr(error.text, cases[i].message))
			fail_msg("case %zu: %s", i, error.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transformer),
		cmocka_unit_test(test_dynamic_range),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
