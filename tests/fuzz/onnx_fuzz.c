// SPDX-License-Identifier: MIT
/*
 * Fuzzing of the ONNX importer: the input is the rest of a model file, behind the
 * two bytes that say that it is one. What comes in is read, its layout settled
 * and its constants folded; sanitizers watch.
 */
#include "fuzz.h"

#include "compiler/tnc.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY_LIMIT ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *model = malloc(size + 2);
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;

	if (!model)
		return 0;
	memcpy(model, "\x08\x08", 2);
	if (size)
		memcpy(model + 2, data, size);
	tnc_options_init(&options);
	options.memory_limit = MEMORY_LIMIT;
	if (!tnc_graph_open(model, size + 2, &options, &graph, &error)) {
		/* What it was read as has to be sound after each pass. */
		if (!tnc_graph_pass(graph, 't', &error))
			tnc_graph_pass(graph, 'f', &error);
		tnc_graph_close(graph);
	}
	free(model);
	return 0;
}
