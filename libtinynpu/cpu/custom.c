// SPDX-License-Identifier: MIT
/*
 * CUSTOM: an operator that the model's author made up. What it computes is known to
 * whoever runs the program, so here is only how its record is read.
 */
#include "kernels.h"

#include <string.h>

static uint64_t words_of(int32_t bytes)
{
	return ((uint64_t)bytes + 3) / 4;
}

static const char *check_name(const char *name, int32_t size)
{
	for (int32_t i = 0; i < size; i++)
		if (name[i] < ' ' || name[i] > '~')
			return "a name that is not printable";
	return NULL;
}

static const char *check(const struct cpu_op *op)
{
	int32_t result = op->attr[NPU_CPU_CUSTOM_RESULT].i;
	int32_t results = op->attr[NPU_CPU_CUSTOM_RESULTS].i;
	int32_t name = op->attr[NPU_CPU_CUSTOM_NAME_SIZE].i;
	int32_t options = op->attr[NPU_CPU_CUSTOM_OPTIONS_SIZE].i;

	if (results < 1 || results > NPU_CPU_CUSTOM_MAX_RESULTS ||
	    result < 0 || result >= results)
		return "no such output";
	if (name < 1 || options < 0 ||
	    op->attrs != NPU_CPU_CUSTOM_WORDS + words_of(name) +
				 words_of(options))
		return "name and options do not fit the attributes";
	return check_name((const char *)(op->attr + NPU_CPU_CUSTOM_WORDS),
			  name);
}

struct cpu_custom cpu_custom_of(const struct cpu_op *op)
{
	const union cpu_word *name = op->attr + NPU_CPU_CUSTOM_WORDS;
	int32_t size = op->attr[NPU_CPU_CUSTOM_NAME_SIZE].i;

	return (struct cpu_custom){
		.name = (const char *)name,
		.name_size = size,
		.options = name + words_of(size),
		.options_size = op->attr[NPU_CPU_CUSTOM_OPTIONS_SIZE].i,
		.result = op->attr[NPU_CPU_CUSTOM_RESULT].i,
		.results = op->attr[NPU_CPU_CUSTOM_RESULTS].i,
	};
}

/* Whoever has a function runs that instead. */
static const char *run(const struct cpu_op *op, void *scratch)
{
	return "nobody knows what this operator computes";
}

const struct cpu_kernel cpu_custom = { .check = check, .run = run };
