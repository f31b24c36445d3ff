// SPDX-License-Identifier: MIT
/*
 * examples/digits through the importer and the reference executor. The model
 * file and the expected outputs come from a writer and an executor in Python
 * that share no code with the compiler. Run from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "compiler/tnc.h"

#define DIGITS "examples/digits/"
#define FILE_MAX 65536
#define PIXELS 64
#define CLASSES 10

struct file {
	unsigned char bytes[FILE_MAX];
	size_t size;
};

static void read_file(const char *path, struct file *file)
{
	FILE *stream = fopen(path, "rb");

	if (!stream)
		fail_msg("%s cannot be opened", path);
	file->size = fread(file->bytes, 1, FILE_MAX, stream);
	fclose(stream);
	assert_in_range(file->size, 1, FILE_MAX - 1);
}

static int open_digits(void **state)
{
	static struct file model;
	struct tnc_options options;
	struct tnc_error error;
	struct tnc_graph *graph;

	read_file(DIGITS "digits.tflite", &model);
	tnc_options_init(&options);
	options.name = "digits.tflite";
	if (tnc_graph_open(model.bytes, model.size, &options, &graph, &error))
		fail_msg("%s", error.text);
	*state = graph;
	return 0;
}

static int close_digits(void **state)
{
	tnc_graph_close(*state);
	return 0;
}

static void run_passes(struct tnc_graph *graph)
{
	struct tnc_error error;

	for (const char *letter = tnc_pass_letters(); *letter; letter++)
		if (tnc_graph_pass(graph, *letter, &error))
			fail_msg("pass %c: %s", *letter, error.text);
}

/* Every input of the file gives its golden output. */
static void check_outputs(struct tnc_graph *graph, const char *inputs,
			  const char *golden, size_t count)
{
	static struct file in, want;
	struct tnc_error error;

	read_file(inputs, &in);
	read_file(golden, &want);
	assert_int_equal(in.size, count * PIXELS);
	assert_int_equal(want.size, count * CLASSES);
	for (size_t i = 0; i < count; i++) {
		const void *input = in.bytes + i * PIXELS;
		int8_t scores[CLASSES];
		void *output = scores;

		if (tnc_graph_run(graph, &input, &output, &error))
			fail_msg("inference %zu: %s", i, error.text);
		assert_memory_equal(scores, want.bytes + i * CLASSES, CLASSES);
	}
}

static void test_shape_and_quantisation_are_as_documented(void **state)
{
	struct tnc_tensor_info info;

	assert_int_equal(tnc_graph_inputs(*state), 1);
	assert_int_equal(tnc_graph_outputs(*state), 1);
	tnc_graph_input(*state, 0, &info);
	assert_int_equal(info.size_bytes, PIXELS);
	assert_int_equal(info.zero_point, -128);
	assert_true(info.scale == 1.0f / 255);
	tnc_graph_output(*state, 0, &info);
	assert_int_equal(info.size_bytes, CLASSES);
	assert_int_equal(info.zero_point, -128);
	assert_true(info.scale == 1.0f / 256);
}

static void test_imported_graph_gives_the_expected_outputs(void **state)
{
	check_outputs(*state, DIGITS "test.bin", DIGITS "test.golden.bin", 200);
}

static void test_passes_keep_the_outputs(void **state)
{
	run_passes(*state);
	check_outputs(*state, DIGITS "test.bin", DIGITS "test.golden.bin", 200);
}

static void test_shown_digits_give_the_expected_outputs(void **state)
{
	run_passes(*state);
	check_outputs(*state, DIGITS "digits.bin", DIGITS "digits.golden.bin",
		      12);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(test_##name, open_digits, close_digits)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shape_and_quantisation_are_as_documented),
		TEST(imported_graph_gives_the_expected_outputs),
		TEST(passes_keep_the_outputs),
		TEST(shown_digits_give_the_expected_outputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
