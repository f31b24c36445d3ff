// SPDX-License-Identifier: MIT
/*
 * The text form of graphs: what is printed reads back and prints the same, and
 * text that is no graph is refused with its line.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/tnc.h"
#include "models.h"

static int open_graph(const void *bytes, size_t size, struct tnc_graph **graph,
		      struct tnc_error *error)
{
	struct tnc_options options;

	tnc_options_init(&options);
	options.name = "text";
	options.memory_limit = (size_t)256 << 20;
	error->text[0] = 0;
	return tnc_graph_open(bytes, size, &options, graph, error);
}

static char *print(struct tnc_graph *graph, size_t *size)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, size);

	assert_int_equal(tnc_graph_print(graph, to), 0);
	fclose(to);
	return text;
}

static void check_round_trip(struct tnc_graph *graph)
{
	size_t size, again_size;
	char *text = print(graph, &size), *again;
	struct tnc_graph *copy;
	struct tnc_error error;

	if (open_graph(text, size, &copy, &error))
		fail_msg("%s", error.text);
	again = print(copy, &again_size);
	assert_string_equal(text, again);
	tnc_graph_close(copy);
	free(text);
	free(again);
}

static void test_round_trip(void **state)
{
	static const char *const models[] = { "kws01", "ad01", "vww01",
					      "ic01", "mnist_lstm" };

	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		struct tnc_graph *graph;
		struct model_file file;
		struct tnc_error error;

		if (!models_have(models[i]))
			skip();
		file = models_read(models[i], "model.tflite");
		if (open_graph(file.bytes, file.size, &graph, &error))
			fail_msg("%s", error.text);
		check_round_trip(graph);
		for (const char *p = tnc_pass_letters(); *p; p++) {
			if (tnc_graph_pass(graph, *p, &error))
				fail_msg("%s", error.text);
			check_round_trip(graph);
		}
		tnc_graph_close(graph);
		models_free(&file);
	}
}

/* A sum of all that came so far, and a variable that nothing updates. */
static void test_variables(void **state)
{
	static const char text[] =
		"tnc 1\nmodel \"sum\"\n"
		"tensor %0 int8 [4] q=[0.5:0] name=\"x\"\n"
		"tensor %1 int8 [4] q=[0.5:0] name=\"sum\"\n"
		"tensor %2 int8 [4] q=[0.5:0] name=\"next\"\n"
		"const %3 int8 [4] q=[0.5:0] name=\"begin\"\n"
		"tensor %4 int8 [4] q=[0.5:0] name=\"bias\"\n"
		"tensor %5 int8 [4] q=[0.5:0] name=\"y\"\n"
		"input %0\n"
		"variable %1 = %2 init=%3\n"
		"variable %4 = %4\n"
		"add %2 = %1 %0 act=none source=0\n"
		"add %5 = %2 %4 act=none source=1\n"
		"output %5\n"
		"data %3\n  01020380\nend\n";
	static const int8_t x[4] = { 1, 10, 100, -1 };
	static const int8_t after[3][4] = {
		{ 2, 12, 103, -128 },
		{ 3, 22, 127, -128 },
		{ 4, 32, 127, -128 },
	};
	const void *in = x;
	struct tnc_graph *graph;
	struct tnc_error error;
	int8_t y[4];
	void *out = y;

	if (open_graph(text, sizeof(text), &graph, &error))
		fail_msg("%s", error.text);
	check_round_trip(graph);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tnc_graph_run(graph, &in, &out, &error), 0);
		assert_memory_equal(y, after[0], 4);
	}
	tnc_graph_keep_state(graph, 1);
	assert_int_equal(tnc_graph_reset_state(graph, &error), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tnc_graph_run(graph, &in, &out, &error), 0);
		assert_memory_equal(y, after[i], 4);
	}
	assert_int_equal(tnc_graph_reset_state(graph, &error), 0);
	assert_int_equal(tnc_graph_run(graph, &in, &out, &error), 0);
	assert_memory_equal(y, after[0], 4);
	tnc_graph_close(graph);
}

#define HEAD "tnc 1\nmodel \"m\"\n"
#define X "tensor %0 int8 [4] q=[0.5:1] name=\"x\"\n"
#define Y "tensor %1 int8 [4] q=[0.5:1] name=\"y\"\n"
#define Z "tensor %2 int8 [5] q=[0.5:1] name=\"z\"\n"
#define ADD "add %1 = %0 %0 act=none source=0\n"
#define IN "input %0\n"
#define OUT "output %1\n"
#define PICTURES \
	"tensor %0 int8 [1,1,1,4] q=[0.5:1] name=\"x\"\n" \
	"tensor %1 int8 [1,1,1,4] q=[0.5:1] name=\"y\"\n"
#define MATRICES(a, b, y) \
	HEAD "tensor %0 int8 [" a "] q=[0.5:1] name=\"a\"\n" \
	"tensor %1 int8 [" b "] q=[0.5:1] name=\"b\"\n" \
	"tensor %2 int8 [" y "] q=[0.5:1] name=\"y\"\n" \
	"input %0\ninput %1\noutput %2\n" \
	"batch_matmul %2 = %0 %1 act=none\n"
#define VECTOR "vector %1 = %0 %2\noutput %1\n"

static const struct {
	const char *text;
	const char *error;
} wrong[] = {
	{ HEAD "tensors %0\n", "line 3: unknown word \"tensors\"" },
	{ HEAD "tensor 0 int8 [4]\n", "line 3: expected % at" },
	{ HEAD "tensor %x int8 [4]\n", "line 3: expected a number" },
	{ HEAD "tensor %99999999999 int8 [4]\n", "a number of 32 bits" },
	{ HEAD "tensor %65536 int8 [4]\n", "tensor number 65536" },
	{ HEAD X X, "tensor 0 is defined twice" },
	{ HEAD "tensor %0 int9 [4]\n", "line 3: expected a type" },
	{ HEAD "tensor %0 int8 [4\n", "line 3: expected ," },
	{ HEAD "tensor %0 int8 [1,1,1,1,1,1,1]\n", "fewer dimensions" },
	{ HEAD "tensor %0 int8 [16777216,16777216]\n", "elements" },
	{ HEAD "tensor %0 int8 [4] q=[0.5]\n", "expected scale:zero_point" },
	{ HEAD "tensor %0 int8 [4] q=[x:1]\n", "expected a number" },
	{ HEAD "tensor %0 int8 [4] name=\"x\n", "a closing quote" },
	{ HEAD "tensor %0 int8 [4] name=\"\\xg0\"\n", "hexadecimal" },
	{ HEAD "tensor %0 int8 [4] colour=7\n", "the end of the line" },
	{ HEAD X "data %0\n 01\nend\n", "data of a constant" },
	{ HEAD "const %0 int8 [2]\ndata %0\n 01\nend\n", "more data" },
	{ HEAD "const %0 int8 [1]\ndata %0\n 0102\nend\n", "\"end\"" },
	{ HEAD "const %0 int8 [1]\ndata %0\n 0", "hexadecimal" },
	{ HEAD X Y IN "add %1 = %0 %0 %0 act=none\n" OUT, "fewer inputs" },
	{ HEAD X Y IN ADD "variable %0 = %1\n" OUT, "0 is written twice" },
	{ HEAD X Y IN ADD "variable %2 = %1\n" OUT, "no tensor 2" },
	{ HEAD X Y IN ADD Z "variable %2 = %3\n" OUT, "no tensor 3" },
	{ HEAD X Y IN ADD Z "variable %2 = %1\n" OUT,
	  "variable 2 keeps tensor 1, which differs" },
	{ HEAD X Y IN ADD Z "variable %2 = %2 init=%1\n" OUT,
	  "variable 2 needs a constant" },
	{ HEAD X Y IN ADD Z "variable %2 %1\n" OUT, "line 8: expected =" },
	{ HEAD X Y IN "add %1 = %0 act=none\n" OUT, "(ADD): 1 inputs" },
	{ HEAD X Y IN "add %1 = %0 %0 act=tanh\n" OUT, "an activation" },
	{ HEAD X Y IN "add %1 = %0 %0 stride=1x1\n" OUT, "end of the line" },
	{ HEAD X Y IN "add %1 = %0 %0 clamp=5..4\n" OUT, "clamp to 5..4" },
	{ HEAD X Y IN "add %1 = %0 %0 clamp=-129..4\n" OUT, "clamp to -129" },
	{ HEAD X Y IN "add %1 = %0 %0 factors=[1:0]\n" OUT, "1 factors" },
	{ HEAD X Y IN "add %1 = %0 %0 factors=[1:0 1:0 1:1]\n" OUT,
	  "ratio of scales" },
	{ HEAD X Y IN "add %1 = %0 %0 factors=[-1:0 1:0 1:0]\n" OUT,
	  "ratio of scales" },
	{ HEAD X Y IN "add %1 = %0 %0 origin=nothing\n" OUT, "an operator" },
	{ HEAD X Y IN "add %1 = %0 %7 act=none\n" OUT,
	  "there is no tensor 7" },
	{ HEAD X Y ADD OUT, "tensor 0 is read before it is written" },
	{ HEAD X Y IN IN ADD OUT, "tensor 0 is written twice" },
	{ HEAD X Y IN ADD ADD OUT, "tensor 1 is written twice" },
	{ HEAD X Y IN ADD, "1 inputs and 0 outputs" },
	{ HEAD X Y ADD "output %9\n", "tensor 0 is read before" },
	{ HEAD X Y IN ADD "output %9\n", "there is no tensor 9" },
	{ HEAD X "tensor %1 int8 [4] q=[0.5:1] alias=%1 name=\"y\"\n" IN
	  "output %1\n", "alias leads nowhere" },
	{ HEAD X "tensor %1 int8 [5] q=[0.5:1] alias=%0 name=\"y\"\n" IN
	  "output %1\n", "alias differs in size from tensor 0" },
	{ HEAD X Y "tensor %2 int8 [4] q=[0.5:1] alias=%0 name=\"a\"\n" IN
	  "add %2 = %0 %0 act=none\noutput %2\n", "tensor 2 is an alias" },
	{ HEAD X "tensor %1 int32 [4] q=[0.5:1] name=\"y\"\n" IN ADD OUT,
	  "output of int32 from input of int8" },
	{ HEAD X "tensor %1 int8 [2,2] q=[0.5:1] name=\"y\"\n" IN ADD OUT,
	  "tensor 1: has 2 dimensions, needs 1" },
	{ HEAD X "tensor %1 int8 [4] q=[0.5:1] name=\"y\"\n" IN
	  "softmax %1 = %0 beta=1\n" OUT, "scale 1/256" },
	{ HEAD X "tensor %1 int8 [4] q=[0.00390625:-128] name=\"y\"\n" IN
	  "softmax %1 = %0 beta=-1\n" OUT, "beta is -1" },
	{ MATRICES("3", "3,5", "5"), "matrices of 1 and 2 dimensions" },
	{ MATRICES("2,3", "4,5", "2,5"),
	  "the second input's rows are 4, must be 3" },
	{ MATRICES("2,3", "3,5", "4,5"), "output's rows are 4, must be 2" },
	{ MATRICES("2,3", "3,5", "2,6"), "output's columns are 6, must be 5" },
	{ MATRICES("2,3", "3,5", "1,2,5"), "has 3 dimensions, needs 2" },
	{ MATRICES("2,2,3", "3,3,5", "3,2,5"),
	  "batches of 2 and 3 in dimension 0" },
	{ MATRICES("2,2,3", "3,5", "1,2,5"),
	  "output's batches are 1, must be 2" },
	{ MATRICES("1,6,1,3", "1,6,1,5", "1,5,1,5"),
	  "the second input's rows are 1, must be 3" },
	{ HEAD "tensor %0 int8 [1,2] q=[0.5:1] name=\"x\"\n"
	  "tensor %1 int8 [2,2] axis=0 q=[0.5:0 0.5:0] name=\"w\"\n"
	  "tensor %2 int8 [1,2] q=[0.5:1] name=\"y\"\n" IN OUT
	  "input %1\nfully_connected %2 = %0 %1 act=none\n",
	  "tensor 1: has 2 scales, needs 1" },
	{ HEAD PICTURES "const %2 uint8 [8] name=\"p\"\n" IN VECTOR
	  "data %2\n0102030405060708\nend\n", "that does not end" },
	{ HEAD PICTURES "const %2 uint8 [8] name=\"p\"\n" IN VECTOR
	  "data %2\nff02030405060708\nend\n", "with instruction 0xff" },
	{ HEAD PICTURES "const %2 int8 [8] name=\"p\"\n" IN VECTOR
	  "data %2\n0202030405060708\nend\n", "must be uint8" },
	{ HEAD PICTURES "tensor %2 uint8 [8] name=\"p\"\n" IN
	  "input %2\n" VECTOR, "must be constant bytes" },
};

static void test_wrong(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct tnc_graph *graph;
		struct tnc_error error;
		int status = open_graph(wrong[i].text, strlen(wrong[i].text),
					&graph, &error);

		if (!status || !strstr(error.text, wrong[i].error))
			fail_msg("%s\n%d: %s", wrong[i].text, status,
				 error.text);
		assert_null(graph);
	}
}

static void test_prefixes(void **state)
{
	static const char text[] = HEAD X Y IN ADD OUT
		"const %2 int8 [2] axis=0 q=[1:0 1:0] name=\"c\"\n"
		"data %2\n 01ff\nend\n";
	struct tnc_graph *graph;
	struct tnc_error error;

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *prefix = malloc(n ? n : 1);

		memcpy(prefix, text, n);
		open_graph(prefix, n, &graph, &error);
		tnc_graph_close(graph);
		free(prefix);
	}
	if (open_graph(text, sizeof(text) - 1, &graph, &error))
		fail_msg("%s", error.text);
	tnc_graph_close(graph);
}

static void test_no_such_pass(void **state)
{
	static const char text[] = HEAD X Y IN ADD OUT;
	struct tnc_graph *graph;
	struct tnc_error error;

	assert_int_equal(open_graph(text, sizeof(text) - 1, &graph, &error),
			 0);
	assert_int_equal(tnc_graph_pass(graph, '?', &error), -EINVAL);
	assert_non_null(strstr(error.text, "there is no pass '?'"));
	tnc_graph_close(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_no_such_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
