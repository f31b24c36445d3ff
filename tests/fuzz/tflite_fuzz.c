// SPDX-License-Identifier: MIT
/*
 * Fuzzing of the compiler: the input is a model file, or the text form of a
 * graph. It is compiled for a machine so small that most has to be tiled, and
 * what comes out has to be a program; sanitizers watch.
 */
#include "fuzz.h"

#include "compiler/tnc.h"

#include <stdlib.h>

#define MEMORY_LIMIT ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tnc_options options;
	struct tnc_error error;
	size_t program_size;
	void *program;
	int status;

	tnc_options_init(&options);
	options.machine.sram_size = NPU_SRAM_MIN;
	options.memory_limit = MEMORY_LIMIT;
	status = tnc_compile(data, size, &options, &program, &program_size,
			     &error);
	if (!status && !program_size)
		abort();
	free(program);
	return 0;
}
