// SPDX-License-Identifier: MIT
/*
 * LOOP: programs that are run until one of them says that it is enough. Whoever has
 * the programs runs it, so here is only how its record is read.
 */
#include "kernels.h"

static const char *check(const struct cpu_op *op)
{
	int32_t number = op->attr[NPU_CPU_LOOP_NUMBER].i;
	int32_t result = op->attr[NPU_CPU_LOOP_RESULT].i;

	if (number < 0 || number >= NPU_CPU_MAX_LOOPS)
		return "no such loop";
	if (result < 0 || (uint32_t)result >= op->inputs)
		return "no such result";
	return NULL;
}

static const char *run(const struct cpu_op *op, void *scratch)
{
	return "its programs are not here";
}

const struct cpu_kernel cpu_loop = { .check = check, .run = run };
