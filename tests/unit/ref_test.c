// SPDX-License-Identifier: MIT
/*
 * The importer and the reference executor against the published models: every
 * inference of every case, every intermediate tensor, byte for byte, on the
 * graph as imported and as the passes leave it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/tnc.h"
#include "models.h"

#define MAX_OUTPUTS 64

static struct tnc_graph *open_graph(const char *model, const char *name)
{
	struct model_file file = models_read(model, name);
	struct tnc_options options;
	struct tnc_error error = { "" };
	struct tnc_graph *graph;
	int status;

	tnc_options_init(&options);
	options.name = name;
	status = tnc_graph_open(file.bytes, file.size, &options, &graph,
				&error);
	models_free(&file);
	if (status)
		fail_msg("%s: %s", model, error.text);
	return graph;
}

static void run_passes(struct tnc_graph *graph)
{
	struct tnc_error error;

	for (const char *p = tnc_pass_letters(); *p; p++)
		if (tnc_graph_pass(graph, *p, &error))
			fail_msg("pass %c: %s", *p, error.text);
}

/* Runs inference @n of @in; outputs are malloc'ed. */
static void infer(struct tnc_graph *graph, const struct model_file *in, int n,
		  void *outputs[MAX_OUTPUTS])
{
	struct tnc_tensor_info info;
	struct tnc_error error;
	const void *input;

	assert_int_equal(tnc_graph_inputs(graph), 1);
	tnc_graph_input(graph, 0, &info);
	assert_true((n + 1) * info.size_bytes <= in->size);
	input = in->bytes + n * info.size_bytes;
	for (int i = 0; i < tnc_graph_outputs(graph); i++) {
		tnc_graph_output(graph, i, &info);
		outputs[i] = malloc(info.size_bytes);
	}
	if (tnc_graph_run(graph, &input, outputs, &error))
		fail_msg("%s", error.text);
}

static void free_outputs(struct tnc_graph *graph, void *outputs[MAX_OUTPUTS])
{
	for (int i = 0; i < tnc_graph_outputs(graph); i++)
		free(outputs[i]);
}

static void check_case(const char *model, struct tnc_graph *graph,
		       json_t *kase, int most)
{
	int n = json_integer_value(json_object_get(kase, "n"));
	struct model_file in = models_read(model, json_string_value(
		json_array_get(json_object_get(kase, "inputs"), 0)));
	struct model_file golden = models_read(model, json_string_value(
		json_array_get(json_object_get(kase, "outputs"), 0)));
	struct tnc_tensor_info info;

	tnc_graph_output(graph, 0, &info);
	assert_int_equal(golden.size, n * info.size_bytes);
	for (int i = 0; i < n && i < most; i++) {
		void *outputs[MAX_OUTPUTS];

		infer(graph, &in, i, outputs);
		assert_memory_equal(outputs[0],
				    golden.bytes + i * info.size_bytes,
				    info.size_bytes);
		free_outputs(graph, outputs);
	}
	models_free(&in);
	models_free(&golden);
}

static void check_cases(const char *model, struct tnc_graph *graph, int most)
{
	json_t *manifest = models_manifest(model), *kase;
	size_t i;

	json_array_foreach(json_object_get(manifest, "cases"), i, kase)
		check_case(model, graph, kase, most);
	json_decref(manifest);
}

/* "tensors" hold what each operator computes in the first case's first run. */
static int check_values(const char *model, struct tnc_graph *graph)
{
	json_t *manifest = models_manifest(model);
	json_t *kase = json_array_get(json_object_get(manifest, "cases"), 0);
	struct model_file in = models_read(model, json_string_value(
		json_array_get(json_object_get(kase, "inputs"), 0)));
	void *outputs[MAX_OUTPUTS];
	int found = 0;

	infer(graph, &in, 0, outputs);
	for (int id = 0; id < 1000; id++) {
		char name[32];
		struct model_file golden;
		size_t size;
		const void *value = tnc_graph_value(graph, id, &size);

		if (!value)
			continue;
		snprintf(name, sizeof(name), "tensors/t%03d.bin", id);
		golden = models_read(model, name);
		if (golden.size) {
			assert_int_equal(golden.size, size);
			assert_memory_equal(value, golden.bytes, size);
			found++;
		}
		models_free(&golden);
	}
	free_outputs(graph, outputs);
	models_free(&in);
	json_decref(manifest);
	return found;
}

static void check_taps(const char *model, bool with_passes)
{
	struct tnc_graph *graph = open_graph(model, "model_taps.tflite");
	json_t *manifest = models_manifest(model), *output;
	json_t *taps = json_object_get(manifest, "taps");
	const char *kase = json_string_value(json_object_get(taps, "case"));
	int n = json_integer_value(json_object_get(taps, "n"));
	char name[128];
	struct model_file in;
	size_t k;

	if (with_passes)
		run_passes(graph);
	snprintf(name, sizeof(name), "inputs/%s.bin", kase);
	in = models_read(model, name);
	for (int i = 0; i < n; i++) {
		void *outputs[MAX_OUTPUTS];

		infer(graph, &in, i, outputs);
		json_array_foreach(json_object_get(taps, "outputs"), k,
				   output) {
			int number = json_integer_value(
				json_object_get(output, "output"));
			struct model_file golden = models_read(
				model, json_string_value(json_object_get(
					output, "golden")));
			struct tnc_tensor_info info;

			tnc_graph_output(graph, number, &info);
			assert_int_equal(golden.size, n * info.size_bytes);
			assert_memory_equal(outputs[number],
					    golden.bytes +
						    i * info.size_bytes,
					    info.size_bytes);
			models_free(&golden);
		}
		free_outputs(graph, outputs);
	}
	models_free(&in);
	json_decref(manifest);
	tnc_graph_close(graph);
}

static void test_cases(void **state)
{
	const char *model = *state;
	struct tnc_graph *graph;

	if (!models_have(model))
		skip();
	graph = open_graph(model, "model.tflite");
	assert_true(check_values(model, graph) >= 10);
	check_cases(model, graph, 1 << 20);
	tnc_graph_close(graph);
}

static void test_cases_after_passes(void **state)
{
	const char *model = *state;
	struct tnc_graph *graph;

	if (!models_have(model))
		skip();
	graph = open_graph(model, "model.tflite");
	run_passes(graph);
	assert_true(check_values(model, graph) >= 8);
	check_cases(model, graph, 4);
	tnc_graph_close(graph);
}

static void test_small_cases(void **state)
{
	const char *model = *state;
	struct tnc_graph *graph;

	if (!models_have(model))
		skip();
	graph = open_graph(model, "model.tflite");
	assert_int_equal(check_values(model, graph), 4);
	check_cases(model, graph, 1 << 20);
	tnc_graph_close(graph);
}

/* Larger models: every tensor once, and an inference of each case. */
static void test_tensors(void **state)
{
	const char *model = *state;
	struct tnc_graph *graph;

	if (!models_have(model))
		skip();
	graph = open_graph(model, "model.tflite");
	assert_true(check_values(model, graph) >= 60);
	check_cases(model, graph, 1);
	tnc_graph_close(graph);
}

static void test_taps(void **state)
{
	const char *model = *state;

	if (!models_have(model))
		skip();
	check_taps(model, false);
	check_taps(model, true);
}

static void test_small_taps(void **state)
{
	const char *model = *state;

	if (!models_have(model))
		skip();
	check_taps(model, false);
}

#define MODEL(name)                                                         \
	{ #name " every case", test_cases, NULL, NULL, #name },             \
	{ #name " after the passes", test_cases_after_passes, NULL, NULL,   \
	  #name },                                                          \
	{ #name " taps", test_taps, NULL, NULL, #name }

/* Of few operators, which become programs that the executor does not run. */
#define SMALL_MODEL(name)                                                   \
	{ #name " every case", test_small_cases, NULL, NULL, #name },       \
	{ #name " taps", test_small_taps, NULL, NULL, #name }

#define LARGE_MODEL(name)                                                   \
	{ #name " tensors", test_tensors, NULL, NULL, #name },              \
	{ #name " taps", test_taps, NULL, NULL, #name }

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL(kws01), MODEL(ad01), MODEL(vww01), MODEL(ic01),
		LARGE_MODEL(mnv2_160), LARGE_MODEL(ssd_slim),
		SMALL_MODEL(mnist_lstm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
