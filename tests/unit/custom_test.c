// SPDX-License-Identifier: MIT
/*
 * Custom operators: from a TensorFlow Lite file with one that nobody knows to a run
 * with the user's function; without it, or with one that fails, an error that says
 * which.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "built_tflite.h"
#include "compiler/tnc.h"
#include "tiny_onnx.h"
#include <tinynpu.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define CUSTOM 32
#define RELU 19
#define VALUES 4

static const char *program_dir; /* of this program */

/* x, made of it twice, and the second result without what is below 0 */
static const struct built_tensor tensors[] = {
	{ .type = BUILT_FLOAT32, .rank = 1, .shape = { VALUES } },
	{ .type = BUILT_FLOAT32, .rank = 1, .shape = { VALUES } },
	{ .type = BUILT_FLOAT32, .rank = 1, .shape = { VALUES } },
	{ .type = BUILT_FLOAT32, .rank = 1, .shape = { VALUES } },
};

static const struct built_op ops[] = {
	{ .builtin = CUSTOM, .inputs = { 0, BUILT_NONE }, .input_count = 2,
	  .output = 1, .more_outputs = { 2 }, .more_output_count = 1,
	  .custom = "Split", .custom_options = "half" },
	{ .builtin = RELU, .inputs = { 2 }, .input_count = 1, .output = 3 },
};

static const struct built_graph split_graph = {
	.tensors = tensors, .tensor_count = COUNT(tensors),
	.ops = ops, .op_count = COUNT(ops),
	.input = 0, .output = 1, .more_outputs = { 3 }, .more_output_count = 1,
};

static const struct built_op cube_op = {
	.builtin = CUSTOM, .inputs = { 0 }, .input_count = 1, .output = 1,
	.custom = "Cube",
};

static const struct built_graph cube_graph = {
	.tensors = tensors, .tensor_count = 2, .ops = &cube_op, .op_count = 1,
	.input = 0, .output = 1,
};

static void *compile(const struct built_graph *graph, size_t *size)
{
	uint8_t model[BUILT_MAX];
	size_t model_size = built_tflite_write(graph, 1, model);
	struct tnc_options options;
	struct tnc_error error;
	void *program;

	tnc_options_init(&options);
	if (tnc_compile(model, model_size, &options, &program, size, &error))
		fail_msg("%s", error.text);
	return program;
}

static struct tinynpu_program *read_program(const struct built_graph *graph)
{
	struct tinynpu_program *program;
	struct tinynpu_error error;
	size_t size;
	void *bytes = compile(graph, &size);

	if (tinynpu_program_read(bytes, size, "built", &program, &error))
		fail_msg("%s", error.text);
	free(bytes);
	return program;
}

static struct tinynpu_device *open_device(void)
{
	struct tinynpu_device *device;
	struct tinynpu_error error;

	if (tinynpu_device_open("sim", NULL, &device, &error))
		fail_msg("%s", error.text);
	return device;
}

/* Half of x, and x without that half and 1. */
static int split(const struct tinynpu_custom_call *call)
{
	const float *x = call->input[0]->data;
	float *y = call->output->data;
	int *calls = call->data;

	assert_string_equal(call->name, "Split");
	assert_int_equal(call->options_size, 4);
	assert_memory_equal(call->options, "half", 4);
	assert_int_equal(call->results, 2);
	assert_int_equal(call->inputs, 2);
	assert_null(call->input[1]);
	assert_int_equal(call->input[0]->size, VALUES * sizeof(float));
	assert_int_equal(call->output->dtype, TINYNPU_FLOAT32);
	for (int i = 0; i < VALUES; i++)
		y[i] = call->result ? x[i] / 2 - 1 : x[i] / 2;
	++*calls;
	return 0;
}

static int refuse(const struct tinynpu_custom_call *call)
{
	return -EDOM;
}

static void test_function_of_the_users(void **state)
{
	static const float x[VALUES] = { 1, 2, 3, 8 };
	static const float halves[VALUES] = { 0.5f, 1, 1.5f, 4 };
	static const float rests[VALUES] = { 0, 0, 0.5f, 3 };
	struct tinynpu_program *program = read_program(&split_graph);
	struct tinynpu_device *device = open_device();
	struct tinynpu_session *session;
	struct tinynpu_error error;
	int calls = 0;

	assert_string_equal(tinynpu_program_custom(program, 0), "Split");
	assert_null(tinynpu_program_custom(program, 1));
	assert_int_equal(tinynpu_program_set_custom(program, "Split", split,
						    &calls, &error), 0);
	if (tinynpu_session_create(device, program, &session, &error))
		fail_msg("%s", error.text);
	memcpy(tinynpu_session_tensor(session, 0), x, sizeof(x));
	if (tinynpu_session_run(session, &error))
		fail_msg("%s", error.text);
	assert_int_equal(calls, 2);
	assert_memory_equal(tinynpu_session_tensor(session, 1), halves,
			    sizeof(halves));
	assert_memory_equal(tinynpu_session_tensor(session, 2), rests,
			    sizeof(rests));
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
	tinynpu_device_close(device);
}

static void test_without_a_function(void **state)
{
	struct tinynpu_program *program = read_program(&split_graph);
	struct tinynpu_device *device = open_device();
	struct tinynpu_session *session;
	struct tinynpu_error error;

	assert_int_equal(tinynpu_program_set_custom(program, "Other", split,
						    NULL, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no custom operator 'Other'"));
	assert_int_equal(tinynpu_session_create(device, program, &session,
						&error), -ENOSYS);
	assert_non_null(strstr(error.text, "custom operator 'Split'"));
	tinynpu_program_close(program);
	tinynpu_device_close(device);
}

static void test_function_that_fails(void **state)
{
	struct tinynpu_program *program = read_program(&split_graph);
	struct tinynpu_device *device = open_device();
	struct tinynpu_session *session;
	struct tinynpu_error error;

	tinynpu_program_set_custom(program, "Split", refuse, NULL, NULL);
	assert_int_equal(tinynpu_session_create(device, program, &session,
						&error), 0);
	assert_int_equal(tinynpu_session_run(session, &error), -EFAULT);
	assert_non_null(strstr(error.text, "op 0 CUSTOM"));
	assert_non_null(strstr(error.text, "function"));
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
	tinynpu_device_close(device);
}

/* The compiler has no function either, and says so. */
static void test_executor_refuses(void **state)
{
	uint8_t model[BUILT_MAX];
	size_t size = built_tflite_write(&split_graph, 1, model);
	float x[VALUES] = { 0 }, y[VALUES], z[VALUES];
	const void *inputs[] = { x };
	void *outputs[] = { y, z };
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;

	tnc_options_init(&options);
	assert_int_equal(tnc_graph_open(model, size, &options, &graph, &error),
			 0);
	assert_int_equal(tnc_graph_run(graph, inputs, outputs, &error),
			 -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "operator 0 (CUSTOM)"));
	tnc_graph_close(graph);
}

/* Of ONNX a node of another domain is one, if its result is described. */
static int add_one(const struct tinynpu_custom_call *call)
{
	const float *x = call->input[0]->data;

	assert_string_equal(call->name, "my.own:Mine");
	assert_non_null(memmem(call->options, call->options_size, "speed", 5));
	for (int i = 0; i < VALUES; i++)
		((float *)call->output->data)[i] = x[i] + 1;
	return 0;
}

static void test_onnx(void **state)
{
	static const float x[VALUES] = { 1, 2, 3, 4 }, y[VALUES] = { 2, 3, 4, 5 };
	struct tinynpu_device *device = open_device();
	struct tinynpu_session *session;
	struct tinynpu_program *program;
	uint8_t model[TINY_ONNX_MAX];
	struct tnc_options options;
	struct tinynpu_error error;
	struct tnc_error wrong;
	const struct tnc_dim dim = { "length", VALUES };
	void *bytes;
	size_t size;

	tnc_options_init(&options);
	options.dims = &dim;
	options.dims_count = 1;
	size = tiny_onnx_write("opset 13; input x f32 1,length;"
			       "node Mine@my.own x m speed=5;"
			       "value m f32 1,length; node Relu m y; output y",
			       model);
	if (tnc_compile(model, size, &options, &bytes, &size, &wrong))
		fail_msg("%s", wrong.text);
	assert_int_equal(tinynpu_program_read(bytes, size, "onnx", &program,
					      &error), 0);
	free(bytes);
	assert_int_equal(tinynpu_program_set_custom(program, "my.own:Mine",
						    add_one, NULL, &error), 0);
	assert_int_equal(tinynpu_session_create(device, program, &session,
						&error), 0);
	memcpy(tinynpu_session_tensor(session, 0), x, sizeof(x));
	assert_int_equal(tinynpu_session_run(session, &error), 0);
	assert_memory_equal(tinynpu_session_tensor(session, 1), y, sizeof(y));
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
	tinynpu_device_close(device);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* As a user would: the example plugin and the command. */
static void test_plugin(void **state)
{
	static const float x[VALUES] = { 1, -2, 3, 0.5f };
	static const float cubes[VALUES] = { 1, -8, 27, 0.125f };
	char dir[] = "/tmp/custom_test.XXXXXX", command[4096];
	float y[VALUES];
	size_t size;
	void *bytes = compile(&cube_graph, &size);
	FILE *file;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	write_file("cube.tnp", bytes, size);
	write_file("x.bin", x, sizeof(x));
	free(bytes);
	snprintf(command, sizeof(command),
		 "%s/../../tools/tinynpu run --backend sim cube.tnp -i x.bin -o y.bin "
		 "--plugin %s/../../examples/plugin.so >out 2>&1",
		 program_dir, program_dir);
	assert_int_equal(system(command), 0);
	file = fopen("y.bin", "rb");
	assert_non_null(file);
	assert_int_equal(fread(y, 1, sizeof(y), file), sizeof(y));
	fclose(file);
	assert_memory_equal(y, cubes, sizeof(y));

	snprintf(command, sizeof(command),
		 "%s/../../tools/tinynpu run --backend sim cube.tnp -i x.bin >out 2>&1",
		 program_dir);
	assert_int_equal(WEXITSTATUS(system(command)), 2);
	assert_int_equal(system("grep -q \"custom operator 'Cube'\" out"), 0);
	assert_int_equal(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_function_of_the_users),
		cmocka_unit_test(test_without_a_function),
		cmocka_unit_test(test_function_that_fails),
		cmocka_unit_test(test_executor_refuses),
		cmocka_unit_test(test_onnx),
		cmocka_unit_test(test_plugin),
	};
	char *path = realpath(argv[0], NULL);

	*strrchr(path, '/') = 0;
	program_dir = path;
	argc = cmocka_run_group_tests(tests, NULL, NULL);
	free(path);
	return argc;
}
