// SPDX-License-Identifier: MIT
/*
 * Published ONNX models on the reference executor and in the simulator: the tests of
 * single nodes, models with QuantizeLinear and DequantizeLinear, and a network of
 * quantised operators, of which intermediate tensors are compared, too. Integers have
 * to be equal.
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

#include "compiled.h"
#include "models.h"

#define TENSORS_MAX 16

static const char *text(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* A model with the tensors of one test, all read. */
struct test {
	json_t *json;
	struct model_file model;
	struct model_file in[TENSORS_MAX];
	struct tnc_constant constants[TENSORS_MAX];
	const void *inputs[TENSORS_MAX];
	void *outputs[TENSORS_MAX];
	struct tnc_options options;
};

/*
 * Inputs on which shapes depend are constants here. Indices do not decide any, and
 * are read at run time.
 */
static bool is_constant(json_t *input)
{
	const char *name = text(input, "name");

	if (!strcmp(text(input, "dtype"), "int64"))
		return strcmp(name, "indices") != 0;
	return !strcmp(name, "scales") || !strcmp(name, "value");
}

static void open_test(struct test *t, const char *directory, json_t *json)
{
	int inputs = 0;
	json_t *input;
	size_t i;

	*t = (struct test){ .json = json };
	tnc_options_init(&t->options);
	t->options.name = text(json, "id");
	t->options.constants = t->constants;
	t->model = models_read(directory, text(json, "model"));
	json_array_foreach(json_object_get(json, "inputs"), i, input) {
		assert_true(i < TENSORS_MAX);
		t->in[i] = models_read(directory, text(input, "file"));
		if (!is_constant(input)) {
			t->inputs[inputs++] = t->in[i].bytes;
			continue;
		}
		t->constants[t->options.constants_count++] =
			(struct tnc_constant){ text(input, "name"),
					       t->in[i].bytes, t->in[i].size };
	}
}

static void close_test(struct test *t)
{
	models_free(&t->model);
	for (int i = 0; i < TENSORS_MAX; i++) {
		models_free(&t->in[i]);
		free(t->outputs[i]);
	}
}

static void compare(const char *name, const struct tnc_tensor_info *info,
		    const void *is, const struct model_file *golden,
		    float tolerance)
{
	const float *a = is, *b = (const float *)golden->bytes;

	if (info->size_bytes != golden->size)
		fail_msg("%s: %zu bytes, not %zu", name, info->size_bytes,
			 golden->size);
	if (strcmp(info->type, "float32")) {
		assert_memory_equal(is, golden->bytes, golden->size);
		return;
	}
	for (size_t i = 0; i < golden->size / 4; i++)
		if (!(fabsf(a[i] - b[i]) <= tolerance * fabsf(b[i]) + 1e-6f))
			fail_msg("%s: element %zu is %g, not %g", name, i, a[i],
				 b[i]);
}

static void run(struct test *t, const char *directory, const char *passes,
		float tolerance)
{
	struct tnc_graph *graph;
	struct tnc_error error;
	json_t *output;
	size_t i;

	if (tnc_graph_open(t->model.bytes, t->model.size, &t->options, &graph,
			   &error))
		fail_msg("%s", error.text);
	for (; *passes; passes++)
		if (tnc_graph_pass(graph, *passes, &error))
			fail_msg("%s", error.text);
	json_array_foreach(json_object_get(t->json, "outputs"), i, output) {
		struct tnc_tensor_info info;

		tnc_graph_output(graph, i, &info);
		free(t->outputs[i]);
		t->outputs[i] = malloc(info.size_bytes);
	}
	if (tnc_graph_run(graph, t->inputs, t->outputs, &error))
		fail_msg("%s", error.text);
	json_array_foreach(json_object_get(t->json, "outputs"), i, output) {
		struct model_file golden = models_read(directory,
						       text(output, "file"));
		struct tnc_tensor_info info;

		tnc_graph_output(graph, i, &info);
		compare(t->options.name, &info, t->outputs[i], &golden,
			tolerance);
		models_free(&golden);
	}
	tnc_graph_close(graph);
}

/* Compiled, in the simulator; float operators run on the CPU. */
static void run_compiled(struct test *t, const char *directory, float tolerance)
{
	struct compiled *compiled = compiled_create_with(
		t->model.bytes, t->model.size, &t->options);
	json_t *output;
	size_t i;

	compiled_run(compiled, t->inputs);
	json_array_foreach(json_object_get(t->json, "outputs"), i, output) {
		struct model_file golden = models_read(directory,
						       text(output, "file"));
		struct tnc_tensor_info info = {
			.type = text(output, "dtype"),
			.size_bytes = golden.size,
		};

		compare(t->options.name, &info, compiled_output(compiled, i),
			&golden, tolerance);
		models_free(&golden);
	}
	compiled_destroy(compiled);
}

/* As imported, with transpositions and constants gone, and compiled. */
static void test_directory(void **state)
{
	const char *directory = *state;
	json_t *manifest, *json;
	size_t i;

	if (!models_have(directory))
		skip();
	manifest = models_manifest(directory);
	json_array_foreach(json_object_get(manifest, "tests"), i, json) {
		struct test t;

		open_test(&t, directory, json);
		run(&t, directory, "", 1e-5f);
		run(&t, directory, "tf", 1e-5f);
		run_compiled(&t, directory, 1e-5f);
		close_test(&t);
	}
	json_decref(manifest);
}

#define QLINEAR "mobilenet_v2_qlinear"

static struct tnc_graph *open_qlinear(const char *passes)
{
	struct model_file file = models_read(QLINEAR, "model.onnx");
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;

	tnc_options_init(&options);
	options.name = QLINEAR;
	if (tnc_graph_open(file.bytes, file.size, &options, &graph, &error))
		fail_msg("%s", error.text);
	for (; *passes; passes++)
		if (tnc_graph_pass(graph, *passes, &error))
			fail_msg("%s", error.text);
	models_free(&file);
	return graph;
}

static void run_qlinear(struct tnc_graph *graph, const void *input,
			void *output)
{
	struct tnc_error error;

	if (tnc_graph_run(graph, &input, &output, &error))
		fail_msg("%s", error.text);
}

/*
 * The first @most inferences of every case: floats come of bytes by one product
 * each, so they are equal.
 */
static void check_qlinear(const char *passes, int most)
{
	struct tnc_graph *graph = open_qlinear(passes);
	json_t *manifest = models_manifest(QLINEAR), *kase;
	struct tnc_tensor_info info;
	void *output;
	size_t k;

	tnc_graph_output(graph, 0, &info);
	output = malloc(info.size_bytes);
	json_array_foreach(json_object_get(manifest, "cases"), k, kase) {
		int n = json_integer_value(json_object_get(kase, "n"));
		struct model_file in = models_read(QLINEAR, json_string_value(
			json_array_get(json_object_get(kase, "inputs"), 0)));
		struct model_file golden = models_read(QLINEAR, json_string_value(
			json_array_get(json_object_get(kase, "outputs"), 0)));

		assert_int_equal(golden.size, n * info.size_bytes);
		for (int i = 0; i < n && i < most; i++) {
			run_qlinear(graph, in.bytes + i * (in.size / n),
				    output);
			assert_memory_equal(output,
					    golden.bytes + i * info.size_bytes,
					    info.size_bytes);
		}
		models_free(&in);
		models_free(&golden);
	}
	free(output);
	json_decref(manifest);
	tnc_graph_close(graph);
}

static void test_qlinear(void **state)
{
	if (!models_have(QLINEAR))
		skip();
	check_qlinear("tf", 1);
}

static void test_qlinear_compiled(void **state)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	struct model_file model, in, golden;
	struct compiled *compiled;
	const void *input;

	if (!models_have(QLINEAR))
		skip();
	model = models_read(QLINEAR, "model.onnx");
	in = models_read(QLINEAR, "inputs/random.bin");
	golden = models_read(QLINEAR, "golden/random.bin");
	compiled = compiled_create(model.bytes, model.size, QLINEAR, &machine);
	input = in.bytes;
	compiled_run(compiled, &input);
	assert_memory_equal(compiled_output(compiled, 0), golden.bytes,
			    golden.size);
	compiled_destroy(compiled);
	models_free(&model);
	models_free(&in);
	models_free(&golden);
}

/* Inside, bytes are signed. */
static void check_tap(struct tnc_graph *graph, json_t *tap)
{
	struct model_file golden = models_read(QLINEAR, text(tap, "golden"));
	size_t size = 0;
	const uint8_t *value = tnc_graph_value(
		graph, tnc_graph_find(graph, text(tap, "tensor")), &size);

	assert_non_null(value);
	assert_int_equal(size, golden.size);
	for (size_t i = 0; i < size; i++)
		if ((value[i] ^ 0x80) != golden.bytes[i])
			fail_msg("%s (%s): element %zu is %d, not %d",
				 text(tap, "tensor"), text(tap, "op_type"), i,
				 value[i] ^ 0x80, golden.bytes[i]);
	models_free(&golden);
}

static void test_taps(void **state)
{
	struct tnc_graph *graph;
	struct model_file in;
	json_t *manifest, *tap;
	float output[1000];
	size_t i;

	if (!models_have(QLINEAR))
		skip();
	graph = open_qlinear("");
	manifest = models_manifest(QLINEAR);
	in = models_read(QLINEAR, "inputs/photos.bin");
	run_qlinear(graph, in.bytes, output);
	json_array_foreach(json_object_get(json_object_get(manifest, "taps"),
					   "outputs"), i, tap)
		check_tap(graph, tap);
	models_free(&in);
	json_decref(manifest);
	tnc_graph_close(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "onnx_nodes", test_directory, NULL, NULL, "onnx_nodes" },
		{ "onnx_qdq", test_directory, NULL, NULL, "onnx_qdq" },
		cmocka_unit_test(test_qlinear),
		cmocka_unit_test(test_taps),
		cmocka_unit_test(test_qlinear_compiled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
