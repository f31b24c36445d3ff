/* SPDX-License-Identifier: MIT */
/*
 * Marks in the guest's instruction stream: no-operations whose operand names
 * them. driver_bench.c executes them, count_plugin.c writes down how many
 * instructions the guest had executed by then.
 */
#ifndef BENCH_MARKS_H
#define BENCH_MARKS_H

enum bench_mark {
	BENCH_BEGIN,
	BENCH_MIDDLE,
	BENCH_END,
};

#define BENCH_MARKS 3

/* nopl OPERAND(%rax): these bytes, the mark, BENCH_TAG */
#define BENCH_NOPL "\x0f\x1f\x80"
#define BENCH_TAG "NPU"
#define BENCH_OPERAND 0x55504e00 /* the tag, little-endian, above the mark */

#define bench_mark(mark)                    \
	asm volatile("nopl %c0(%%rax)"      \
		     :                      \
		     : "i"(BENCH_OPERAND | (mark)) \
		     : "memory")

#endif
