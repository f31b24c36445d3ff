// SPDX-License-Identifier: MIT
/*
 * ONNX operators that become several of the graph, or graphs within it: results of
 * the reference executor and of the program against numbers that another
 * implementation (numpy, from the operators' definitions) worked out.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiled.h"
#include "compiler/tnc.h"
#include "tiny_onnx.h"

#define OPERANDS 4
#define TOLERANCE 2e-5

static const struct row {
	const char *name;
	const char *model;
	const char *in[OPERANDS];
	const char *out[OPERANDS];
} rows[] = {
#include "onnx_more_rows.h"
};

/* Element @index as a number. */
static double value_of(const char *type, const void *bytes, size_t index)
{
	if (!strcmp(type, "float32"))
		return ((const float *)bytes)[index];
	if (!strcmp(type, "int64"))
		return ((const int64_t *)bytes)[index];
	assert_string_equal(type, "bool");
	return ((const uint8_t *)bytes)[index];
}

static void set_value(const char *type, void *bytes, size_t index, double value)
{
	if (!strcmp(type, "float32"))
		((float *)bytes)[index] = value;
	else if (!strcmp(type, "int64"))
		((int64_t *)bytes)[index] = value;
	else
		((uint8_t *)bytes)[index] = value;
}

static size_t element_bytes(const char *type)
{
	return !strcmp(type, "float32") ? 4 : !strcmp(type, "int64") ? 8 : 1;
}

static void *input_of(const struct tnc_tensor_info *info, const char *text)
{
	size_t count = info->size_bytes / element_bytes(info->type);
	void *bytes = malloc(info->size_bytes);
	char *end = (char *)text;

	for (size_t i = 0; i < count; i++) {
		set_value(info->type, bytes, i, strtod(end, &end));
		end += *end == ',';
	}
	assert_int_equal(*end, 0);
	return bytes;
}

static void compare(const struct tnc_tensor_info *info, const void *bytes,
		    const char *text, const char *who)
{
	size_t count = info->size_bytes / element_bytes(info->type);
	char *end = (char *)text;

	for (size_t i = 0; i < count; i++) {
		double wanted = strtod(end, &end);
		double is = value_of(info->type, bytes, i);

		if (!(fabs(is - wanted) <= TOLERANCE * (1 + fabs(wanted))))
			fail_msg("%s: %s[%zu] is %g instead of %g", who,
				 info->name, i, is, wanted);
		end += *end == ',';
	}
	assert_int_equal(*end, 0);
}

static struct tnc_graph *open_graph(const uint8_t *model, size_t size)
{
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;

	tnc_options_init(&options);
	if (tnc_graph_open(model, size, &options, &graph, &error))
		fail_msg("%s", error.text);
	return graph;
}

static void run_reference(struct tnc_graph *graph, const struct row *row,
			  const void *const *inputs)
{
	struct tnc_tensor_info info;
	void *outputs[OPERANDS];
	struct tnc_error error;

	for (int i = 0; i < tnc_graph_outputs(graph); i++) {
		tnc_graph_output(graph, i, &info);
		outputs[i] = malloc(info.size_bytes);
	}
	if (tnc_graph_run(graph, inputs, outputs, &error))
		fail_msg("%s", error.text);
	for (int i = 0; i < tnc_graph_outputs(graph); i++) {
		tnc_graph_output(graph, i, &info);
		compare(&info, outputs[i], row->out[i], "executor");
		free(outputs[i]);
	}
}

static void test_row(void **state)
{
	const struct row *row = *state;
	uint8_t model[TINY_ONNX_MAX];
	size_t size = tiny_onnx_write(row->model, model);
	const struct npu_machine machine = NPU_MACHINE_DEFAULT;
	struct compiled *compiled = compiled_create(model, size, row->name,
						    &machine);
	struct tnc_graph *graph = open_graph(model, size);
	const void *inputs[OPERANDS] = { NULL };
	struct tnc_tensor_info info;

	for (int i = 0; i < tnc_graph_inputs(graph); i++) {
		tnc_graph_input(graph, i, &info);
		inputs[i] = input_of(&info, row->in[i]);
	}
	run_reference(graph, row, inputs);
	compiled_run(compiled, inputs);
	for (int i = 0; i < tnc_graph_outputs(graph); i++) {
		tnc_graph_output(graph, i, &info);
		compare(&info, compiled_output(compiled, i), row->out[i],
			"program");
	}
	for (int i = 0; i < tnc_graph_inputs(graph); i++)
		free((void *)inputs[i]);
	tnc_graph_close(graph);
	compiled_destroy(compiled);
}

#define ROWS (sizeof(rows) / sizeof(rows[0]))

int main(void)
{
	struct CMUnitTest tests[ROWS];

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = test_row,
			.initial_state = (void *)&rows[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
