/* SPDX-License-Identifier: MIT */
/*
 * What the files that read a program share: program.c, which finds the sections,
 * program_cpu.c, which reads those of operators on the CPU, and program_loop.c,
 * which reads loops.
 */
#ifndef TINYNPU_READER_H
#define TINYNPU_READER_H

#include "internal.h"

#include <libelf.h>

/* What a reader passes along: where to complain, and of what. */
struct reader {
	struct tinynpu_program *prog;
	const char *name;
	struct tinynpu_error *error;
	Elf *elf;
	unsigned int depth; /* of loops around the program */
};

#define malformed(reader, format, ...)                                        \
	tinynpu_error_set((reader)->error, -EINVAL, "%s: " format,            \
			  (reader)->name, ##__VA_ARGS__)

/* A section that is an array of records, and how many; none if it is missing. */
int reader_find_records(const struct reader *r, const char *wanted,
			size_t record_size, uint64_t max_count,
			const void **data, uint32_t *count);

/* Operators on the CPU and segments: checks them. */
int reader_read_cpu(const struct reader *r);

/* Loops, and the programs that they are made of: likewise. */
int reader_read_loops(const struct reader *r);
/* Operator @index, a LOOP: whether there is such a loop, for such operands. */
int reader_check_loop(const struct reader *r, uint32_t index,
		      const struct cpu_op *op);

#endif
