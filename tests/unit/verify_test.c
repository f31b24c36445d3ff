// SPDX-License-Identifier: MIT
/*
 * `tinynpu compile --verify`: it is content with a program and its own graph, and
 * says where the program of another one differs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tools/tool.h"
#include "../../tools/verify.h"

#define GRAPH(act) \
	"tnc 1\nmodel \"m\"\n" \
	"tensor %0 int8 [1,2,3,4] q=[0.5:-3] name=\"x\"\n" \
	"tensor %1 int8 [1,2,3,4] q=[0.5:-3] name=\"y\"\n" \
	"input %0\n" \
	"add %1 = %0 %0 act=" act " source=0\n" \
	"output %1\n"

static const struct npu_machine machine = NPU_MACHINE_DEFAULT;

/* Verifies the program of @text against the graph of @other; what it said. */
static int verify(const char *text, const char *other, char **said)
{
	struct verify_inputs inputs = { .random_count = 4 };
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;
	FILE *before = stderr;
	size_t size, length;
	void *program, *unused;
	int status;

	tnc_options_init(&options);
	assert_int_equal(tnc_compile(text, strlen(text), &options, &program,
				     &size, &error), 0);
	assert_int_equal(tnc_compile_to_graph(other, strlen(other), &options,
					      &unused, &length, &graph,
					      &error), 0);
	free(unused);
	stderr = open_memstream(said, &length);
	status = verify_program(graph, program, size, &machine, &inputs);
	fclose(stderr);
	stderr = before;
	tnc_graph_close(graph);
	free(program);
	return status;
}

static void test_a_program_agrees_with_its_graph(void **state)
{
	char *said = NULL;

	assert_int_equal(verify(GRAPH("none"), GRAPH("none"), &said), TOOL_OK);
	assert_string_equal(said, "");
	free(said);
}

static void test_a_difference_is_named(void **state)
{
	char *said = NULL;

	assert_int_equal(verify(GRAPH("none"), GRAPH("relu"), &said),
			 TOOL_FAILED);
	assert_non_null(strstr(said, "run 0, output 'y': element "));
	assert_non_null(strstr(said, ", but -3 by the reference"));
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_program_agrees_with_its_graph),
		cmocka_unit_test(test_a_difference_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
