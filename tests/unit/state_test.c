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

#define QUARTERS_4 " 0000803e000080be0000803e0000803f\nend\n"
#define QUARTERS_2 " 0000803e000080be\nend\n"
#define MATRIX(n) "const %" n " float32 [2,2] name=\"w" n "\"\n"
#define VECTOR(n) "const %" n " float32 [2] name=\"b" n "\"\n"
#define WEIGHTS \
	MATRIX("11") MATRIX("12") MATRIX("13") MATRIX("14") MATRIX("15") \
	MATRIX("16") MATRIX("17") MATRIX("18") \
	VECTOR("19") VECTOR("20") VECTOR("21") VECTOR("22")
#define OPERANDS \
	"%1 %11 %12 %13 %14 %15 %16 %17 %18 - - - %19 %20 %21 %22 - - %2 %3"

/* On the CPU, between conversions. */
static void test_states_of_float_operators(void **state)
{
	check("tnc 1\n"
	      "tensor %0 int8 [1,2,2] q=[0.05:-3] name=\"x\"\n"
	      "tensor %1 float32 [1,2,2] name=\"f\"\n"
	      "tensor %2 float32 [1,2] name=\"hidden\"\n"
	      "tensor %3 float32 [1,2] name=\"cells\"\n"
	      "tensor %4 float32 [1,2,2] name=\"y\"\n"
	      "tensor %5 float32 [1,2] name=\"kept\"\n"
	      "tensor %6 float32 [1,1,2] name=\"last\"\n"
	      "tensor %7 float32 [1,2] name=\"next\"\n"
	      "tensor %8 int8 [1,2,2] q=[0.008:2] name=\"out\"\n"
	      "tensor %9 float32 [1,4] name=\"memory\"\n"
	      "tensor %10 float32 [1,4] name=\"later\"\n"
	      "tensor %23 float32 [1,2] name=\"z\"\n"
	      WEIGHTS
	      "input %0\n"
	      "variable %2 = %7\nvariable %3 = %5\nvariable %9 = %10\n"
	      "dequantize %1 = %0\n"
	      "unidirectional_sequence_lstm %4 = " OPERANDS " alpha=3\n"
	      "unidirectional_sequence_lstm_cell %5 = " OPERANDS " alpha=3\n"
	      "slice %6 = %4 begin=0,1,0 step=1,1,1\n"
	      "reshape %7 = %6\n"
	      "quantize %8 = %4\n"
	      "svdf %23 = %7 %11 %12 %19 %9 act=relu rank=1\n"
	      "svdf_state %10 = %7 %11 %12 %19 %9 rank=1\n"
	      "output %8\n"
	      "output %23\n"
	      "data %11\n" QUARTERS_4 "data %12\n" QUARTERS_4
	      "data %13\n" QUARTERS_4 "data %14\n" QUARTERS_4
	      "data %15\n" QUARTERS_4 "data %16\n" QUARTERS_4
	      "data %17\n" QUARTERS_4 "data %18\n" QUARTERS_4
	      "data %19\n" QUARTERS_2 "data %20\n" QUARTERS_2
	      "data %21\n" QUARTERS_2 "data %22\n" QUARTERS_2, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sum_of_all_runs),
		cmocka_unit_test(test_what_was_before_is_read_last),
		cmocka_unit_test(test_what_no_operator_writes_is_kept),
		cmocka_unit_test(test_variables_keep_each_other),
		cmocka_unit_test(test_initial_values),
		cmocka_unit_test(test_states_of_float_operators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
