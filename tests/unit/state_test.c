// SPDX-License-Identifier: MIT
/*
 * Streaming models: what a compiled program keeps from one run to the next is
 * what the reference executor keeps, be the maps in SRAM or moved in tiles, and is
 * gone when the stream begins anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "against.h"

#define RUNS 3

/* Shapes that fit into 16 KiB, and that do not. */
static const char *const shapes[] = { "1,4", "1,9,7,5", "1,60,40,16" };

/* A graph whose %s are shapes. */
static void check(const char *format, const char *shape)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	char *text = NULL;
	uint64_t seed = 5;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	for (const char *f = format; *f; f++) {
		if (*f == '@')
			fputs(shape, to);
		else
			putc(*f, to);
	}
	fclose(to);
	for (int kib = 16; kib <= 256; kib *= 16) {
		machine.sram_size = kib * 1024;
		against_stream(text, size, &machine, RUNS, &seed);
	}
	free(text);
}

static void check_all(const char *format)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		check(format, shapes[i]);
}

static void test_a_sum_of_all_runs(void **state)
{
	check_all("tnc 1\n"
		  "tensor %0 int8 [@] q=[0.5:-3] name=\"x\"\n"
		  "tensor %1 int8 [@] q=[0.5:7] name=\"sum\"\n"
		  "tensor %2 int8 [@] q=[0.5:7] name=\"next\"\n"
		  "input %0\n"
		  "variable %1 = %2\n"
		  "add %2 = %1 %0 act=none\n"
		  "output %2\n");
}

/* What a run keeps is needed before and after it is known. */
static void test_what_was_before_is_read_last(void **state)
{
	check_all("tnc 1\n"
		  "tensor %0 int8 [@] q=[0.5:-3] name=\"x\"\n"
		  "tensor %1 int8 [@] q=[0.5:7] name=\"before\"\n"
		  "tensor %2 int8 [@] q=[0.5:7] name=\"next\"\n"
		  "tensor %3 int8 [@] q=[0.5:9] name=\"y\"\n"
		  "tensor %4 int8 [@] q=[0.7:9] name=\"z\"\n"
		  "input %0\n"
		  "variable %1 = %2\n"
		  "add %2 = %0 %0 act=none\n"
		  "mul %3 = %2 %0 act=none\n"
		  "sub %4 = %3 %1 act=none\n"
		  "output %4\n");
}

/* Variables that keep the input, an output nobody computes, and a constant. */
static void test_what_no_operator_writes_is_kept(void **state)
{
	check_all("tnc 1\n"
		  "tensor %0 int8 [@] q=[0.5:-3] name=\"x\"\n"
		  "tensor %1 int8 [@] q=[0.5:7] name=\"before\"\n"
		  "tensor %2 int8 [@] q=[0.5:7] name=\"never\"\n"
		  "tensor %3 int8 [@] q=[0.5:9] name=\"y\"\n"
		  "input %0\n"
		  "variable %1 = %0\n"
		  "variable %2 = %2\n"
		  "add %3 = %1 %2 act=none\n"
		  "output %3\n"
		  "output %1\n");
}

/* A delay line, and two variables that change places. */
static void test_variables_keep_each_other(void **state)
{
	check_all("tnc 1\n"
		  "tensor %0 int8 [@] q=[0.5:-3] name=\"x\"\n"
		  "tensor %1 int8 [@] q=[0.5:7] name=\"first\"\n"
		  "tensor %2 int8 [@] q=[0.5:7] name=\"second\"\n"
		  "tensor %3 int8 [@] q=[0.5:7] name=\"third\"\n"
		  "tensor %4 int8 [@] q=[0.5:9] name=\"y\"\n"
		  "tensor %5 int8 [@] q=[0.5:7] name=\"a\"\n"
		  "tensor %6 int8 [@] q=[0.5:7] name=\"b\"\n"
		  "tensor %7 int8 [@] q=[0.5:7] name=\"c\"\n"
		  "tensor %8 int8 [@] q=[0.5:7] name=\"z\"\n"
		  "input %0\n"
		  "variable %1 = %0\n"
		  "variable %2 = %1\n"
		  "variable %3 = %2\n"
		  "variable %5 = %7\n"
		  "variable %6 = %5\n"
		  "sub %4 = %3 %2 act=none\n"
		  "add %7 = %6 %0 act=none\n"
		  "sub %8 = %5 %4 act=none\n"
		  "output %8\n");
}

static void test_initial_values(void **state)
{
	check("tnc 1\n"
	      "tensor %0 int8 [@] q=[0.5:-3] name=\"x\"\n"
	      "tensor %1 int8 [@] q=[0.5:7] name=\"before\"\n"
	      "const %2 int8 [@] q=[0.5:7] name=\"begin\"\n"
	      "tensor %3 int8 [@] q=[0.5:7] name=\"next\"\n"
	      "input %0\n"
	      "variable %1 = %3 init=%2\n"
	      "add %3 = %1 %0 act=none\n"
	      "output %3\n"
	      "data %2\n 01fe0380\nend\n", "1,4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sum_of_all_runs),
		cmocka_unit_test(test_what_was_before_is_read_last),
		cmocka_unit_test(test_what_no_operator_writes_is_kept),
		cmocka_unit_test(test_variables_keep_each_other),
		cmocka_unit_test(test_initial_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
