// SPDX-License-Identifier: MIT
/*
 * Hostile model files: every rule broken on its own, every prefix, ten
 * thousand random mutations, every allocation failing. Whatever comes in, an
 * error says where, or a program comes out; nothing else happens.
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

#include "compiler/tnc.h"
#include "models.h"
#include "tiny_tflite.h"

#define MUTATIONS 10000
#define MEMORY_LIMIT ((size_t)64 << 20)

static int compile_as(const uint8_t *bytes, size_t size,
		      struct tnc_options *options, struct tnc_error *error)
{
	size_t program_size;
	void *program;
	int status;

	options->name = "tiny";
	options->memory_limit = MEMORY_LIMIT;
	error->text[0] = 0;
	status = tnc_compile(bytes, size, options, &program, &program_size,
			     error);
	if (status) {
		assert_null(program);
		assert_memory_equal(error->text, "tiny: ", 6);
	} else {
		assert_non_null(program);
		free(program);
	}
	return status;
}

static int compile_limited(const uint8_t *bytes, size_t size,
			   uint64_t fail_allocation, struct tnc_error *error)
{
	struct tnc_options options;

	tnc_options_init(&options);
	options.fail_allocation = fail_allocation;
	return compile_as(bytes, size, &options, error);
}

static int compile(const uint8_t *bytes, size_t size, struct tnc_error *error)
{
	return compile_limited(bytes, size, 0, error);
}

/* For the machine or not at all. */
static int compile_strictly(const uint8_t *bytes, size_t size,
			    struct tnc_error *error)
{
	struct tnc_options options;

	tnc_options_init(&options);
	options.no_fallback = true;
	return compile_as(bytes, size, &options, error);
}

/* One wrong field in a model that is sound otherwise. */
#define WRONG(name, status, text, ...)                               \
	{ name, status, text,                                        \
	  { .version = 3, .subgraphs = 1, .builtin = 3,              \
	    .options_type = 1, .stride = 1, .dilation = 1,           \
	    .in_type = 9, .in_shape = { 1, 4, 4, 2 }, .in_rank = 4,  \
	    .in_scale = 0.5f, .in_zero = -3, .in_scales = 1,         \
	    .weights_type = 9, .weights_shape = { 3, 3, 3, 2 },      \
	    .weights_bytes = 54, .weights_buffer = 1,                \
	    .weights_scale = 0.01f, .weights_scales = 3,             \
	    .biases = 3, .out_shape = { 1, 4, 4, 3 },                \
	    .out_scale = 0.25f, .graph_output = 3, __VA_ARGS__ } }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif
static const struct {
	const char *name;
	int status;
	const char *text;
	struct tiny_tflite tiny;
} wrong[] = {
	WRONG("version", -EINVAL, "schema version 4", .version = 4),
	WRONG("no graph", -EINVAL, "no graph", .subgraphs = 0),
	WRONG("operator", -EOPNOTSUPP,
	      "operator 0 (UNIQUE): unsupported operator UNIQUE", .builtin = 103),
	WRONG("new operator", -EOPNOTSUPP, "unsupported operator DILATE",
	      .builtin = 203),
	WRONG("operator code", -EINVAL, "unknown operator code 9999",
	      .builtin = 9999),
	WRONG("opcode index", -EINVAL, "operator code 1 of 1",
	      .opcode_index = 1),
	WRONG("tensor number", -EINVAL, "operator 0 (CONV_2D): tensor 7 of 4",
	      .operator_input = 7),
	WRONG("input left out", -EINVAL, "input 0 is missing",
	      .operator_input = -1),
	WRONG("output number", -EINVAL, "tensor 4 of 4", .graph_output = 4),
	WRONG("own output", -EINVAL, "tensor 3 is read before it is written",
	      .operator_input = 3),
	WRONG("options", -EINVAL, "options of type 9", .options_type = 9),
	WRONG("padding", -EINVAL, "unknown padding 2", .padding = 2),
	WRONG("stride", -EINVAL, "stride is 0x0", .stride = 0),
	WRONG("negative stride", -EINVAL, "stride is -1x-1", .stride = -1),
	WRONG("dilation", -EINVAL, "dilation is 0x0", .dilation = 0),
	WRONG("activation", -EOPNOTSUPP, "fused activation 4",
	      .activation = 4),
	WRONG("type", -EOPNOTSUPP, "tensor 0: unsupported tensor type float64",
	      .in_type = 10),
	WRONG("unknown type", -EINVAL, "unknown tensor type 99",
	      .in_type = 99),
	WRONG("rank", -EINVAL, "tensor 0: has 3 dimensions, needs 4",
	      .in_rank = 3),
	WRONG("zero dimension", -EINVAL, "tensor 0: dimension 2 is 0",
	      .in_shape = { 1, 4, 0, 2 }),
	WRONG("negative dimension", -EINVAL, "dimension 1 is -4",
	      .in_shape = { 1, -4, 4, 2 }),
	WRONG("huge dimension", -EINVAL, "dimension 1 is 2147483647",
	      .in_shape = { 1, 2147483647, 4, 2 }),
	WRONG("huge product", -EINVAL, "elements",
	      .in_shape = { 65536, 65536, 65536, 65536 }),
	WRONG("batch", -EINVAL, "dimension 0 is 1, must be 2",
	      .in_shape = { 2, 4, 4, 2 }),
	WRONG("no scale", -EINVAL, "tensor 0: has 0 scales, needs 1",
	      .in_scales = 0),
	WRONG("zero scale", -EINVAL, "scale 0 is 0", .in_scale = 0),
	WRONG("NaN", -EINVAL, "scale 0 is", .in_scale = __builtin_nanf("")),
	WRONG("infinite scale", -EINVAL, "scale 0 is inf",
	      .in_scale = __builtin_inff()),
	WRONG("negative scale", -EINVAL, "scale 0 is -1", .in_scale = -1),
	WRONG("ratio of scales", -EOPNOTSUPP, "ratio of scales",
	      .in_scale = 1e20f),
	WRONG("zero point", -EINVAL, "zero point 0 is 128", .in_zero = 128),
	WRONG("huge zero point", -EINVAL, "zero point 4294967296",
	      .in_zero = INT64_C(1) << 32),
	WRONG("float weights", -EOPNOTSUPP, "weights of type float32",
	      .weights_type = 0, .weights_bytes = 216),
	WRONG("weights' size", -EINVAL,
	      "shape needs 54 bytes, but its buffer holds 53",
	      .weights_bytes = 53),
	WRONG("int4 weights' size", -EINVAL,
	      "shape needs 27 bytes, but its buffer holds 28",
	      .weights_type = 17, .weights_bytes = 28),
	WRONG("int4 activations", -EOPNOTSUPP, "int4, must be constant",
	      .in_type = 17),
	WRONG("weights' buffer", -EINVAL, "buffer 3 of 3",
	      .weights_buffer = 3),
	WRONG("no weights", -EINVAL, "tensor 1 is read before it is written",
	      .weights_buffer = 0),
	WRONG("weights' depth", -EINVAL, "dimension 3 is 1, must be 2",
	      .weights_shape = { 3, 3, 6, 1 }),
	WRONG("weights' scales", -EINVAL, "2 scales do not fit dimension 0",
	      .weights_scales = 2),
	WRONG("weights' axis", -EINVAL, "scales along dimension 0",
	      .weights_axis = 1),
	WRONG("weights' axis range", -EINVAL, "do not fit dimension 9",
	      .weights_axis = 9),
	WRONG("weights' zero point", -EINVAL, "weights have zero point 1",
	      .weights_zero = 1),
	WRONG("biases", -EINVAL, "shape needs 16 bytes", .biases = 4),
	WRONG("output height", -EINVAL,
	      "tensor 3: dimension 1 is 5, must be 4",
	      .out_shape = { 1, 5, 4, 3 }),
	WRONG("output depth", -EINVAL, "dimension 3 is 4, must be 3",
	      .out_shape = { 1, 4, 4, 4 }),
};
#pragma GCC diagnostic pop

static void test_sound(void **state)
{
	uint8_t bytes[TINY_MAX];
	struct tnc_error error;

	if (compile(bytes, tiny_tflite_write(&tiny_tflite, bytes), &error))
		fail_msg("%s", error.text);
}

/* The graph of a sound model as text, to be freed. */
static char *print(const struct tiny_tflite *tiny)
{
	uint8_t bytes[TINY_MAX];
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	tnc_options_init(&options);
	if (tnc_graph_open(bytes, tiny_tflite_write(tiny, bytes), &options,
			   &graph, &error))
		fail_msg("%s", error.text);
	assert_int_equal(tnc_graph_print(graph, to), 0);
	fclose(to);
	tnc_graph_close(graph);
	return text;
}

/* Weights of four bits: 0x0b is -5 and 0, 0x30 is 0 and 3, and so on. */
static void test_int4(void **state)
{
	struct tiny_tflite tiny = tiny_tflite;
	char *text;

	tiny.weights_type = 17;
	tiny.weights_bytes = 27;
	text = print(&tiny);
	assert_non_null(strstr(text, "const %1 int8 [3,3,3,2]"));
	assert_non_null(strstr(text, "data %1\n  fb000003"));
	free(text);
}

/* Without a bias int16 inputs have sums of 64 bits, unless the file says 32. */
static void test_sums_of_int16(void **state)
{
	struct tiny_tflite tiny = tiny_tflite;
	char *text;

	tiny.in_type = 7;
	tiny.in_zero = 0;
	tiny.bias_type = 4;
	text = print(&tiny);
	assert_non_null(strstr(text, "conv_2d %3 = %0 %1 stride"));
	free(text);
	tiny.bias_type = 2;
	text = print(&tiny);
	assert_non_null(strstr(text, "conv_2d %3 = %0 %1 %4 stride"));
	assert_non_null(strstr(text, "const %4 int32 [3]"));
	assert_non_null(strstr(text, "data %4\n  000000000000000000000000\n"));
	free(text);
	tiny.in_type = 9;
	text = print(&tiny);
	assert_non_null(strstr(text, "conv_2d %3 = %0 %1 stride"));
	free(text);
}

static void test_wrong(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t bytes[TINY_MAX];
		size_t size = tiny_tflite_write(&wrong[i].tiny, bytes);
		struct tnc_error error;
		int status = compile_strictly(bytes, size, &error);

		if (status != wrong[i].status ||
		    !strstr(error.text, wrong[i].text))
			fail_msg("%s: %d, \"%s\"", wrong[i].name, status,
				 error.text);
	}
}

static void test_not_a_model(void **state)
{
	struct tnc_error error;

	assert_int_equal(compile((uint8_t *)"", 0, &error), -EINVAL);
	assert_int_equal(compile((uint8_t *)"\4\0\0\0TFL", 7, &error), -EINVAL);
	assert_non_null(strstr(error.text, "not a TensorFlow Lite model"));
	assert_int_equal(compile((uint8_t *)"tnc 2\n", 6, &error), -EINVAL);
	assert_int_equal(compile((uint8_t *)"\x7f" "ELFTFL3", 8, &error),
			 -EINVAL);
}

static void check_prefixes(const uint8_t *bytes, size_t size)
{
	struct tnc_error error;

	for (size_t n = 0; n < size; n++) {
		/* Of its own size, so that a read beyond it is seen. */
		uint8_t *prefix = malloc(n + 1);

		memcpy(prefix, bytes, n);
		prefix = realloc(prefix, n ? n : 1);
		compile(prefix, n, &error);
		free(prefix);
	}
	assert_int_equal(compile(bytes, size, &error), 0);
}

static void test_prefixes(void **state)
{
	uint8_t bytes[TINY_MAX];

	check_prefixes(bytes, tiny_tflite_write(&tiny_tflite, bytes));
}

static uint32_t random_below(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (*seed >> 33) % below;
}

static void mutate(uint64_t *seed, uint8_t *bytes, size_t size)
{
	static const uint32_t nasty[] = {
		0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 0xfffffffc, 0x10000, 0x1000000,
	};
	int changes = 1 + random_below(seed, 4);

	for (int i = 0; i < changes; i++) {
		uint32_t at = random_below(seed, size);
		uint32_t word = nasty[random_below(
			seed, sizeof(nasty) / sizeof(nasty[0]))];

		if (random_below(seed, 2))
			bytes[at] ^= 1 << random_below(seed, 8);
		else if (at + 4 <= size)
			memcpy(bytes + (at & ~3u), &word, 4);
	}
}

static void check_mutations(const uint8_t *bytes, size_t size, int count,
			    int *accepted)
{
	uint64_t seed = 1;

	*accepted = 0;
	for (int i = 0; i < count; i++) {
		uint8_t *mutant = malloc(size);
		struct tnc_error error;

		memcpy(mutant, bytes, size);
		mutate(&seed, mutant, size);
		*accepted += !compile(mutant, size, &error);
		free(mutant);
	}
}

static void test_mutations(void **state)
{
	uint8_t bytes[TINY_MAX];
	size_t size = tiny_tflite_write(&tiny_tflite, bytes);
	int accepted;

	check_mutations(bytes, size, MUTATIONS, &accepted);
	/* Both ways have to be taken, or the test shows nothing. */
	assert_in_range(accepted, MUTATIONS / 100, MUTATIONS * 99 / 100);
}

static void test_published_mutations(void **state)
{
	struct model_file file;
	int accepted;

	if (!models_have("kws01"))
		skip();
	file = models_read("kws01", "model.tflite");
	check_mutations(file.bytes, file.size, 300, &accepted);
	models_free(&file);
}

static void test_allocations(void **state)
{
	uint8_t bytes[TINY_MAX];
	size_t size = tiny_tflite_write(&tiny_tflite, bytes);
	struct tnc_error error;
	uint64_t n = 1;
	int status;

	while ((status = compile_limited(bytes, size, n, &error))) {
		assert_int_equal(status, -ENOMEM);
		n++;
	}
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_int4),
		cmocka_unit_test(test_sums_of_int16),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_not_a_model),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_published_mutations),
		cmocka_unit_test(test_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
