// SPDX-License-Identifier: MIT
/*
 * From a legal graph to the best program found: plans with weight chunks of
 * several sizes and keeps the one that the estimate says is fastest. Whole
 * chunks cost the fewest commands; small ones let the array begin before all of
 * a layer's weights are there.
 */
#include <errno.h>

#include "plan.h"

static struct tnc_program *try_plan(struct tnc *c, int chunk_channels)
{
	struct tnc_program *program = tnc_alloc(c, 1, sizeof(*program));
	struct tnc_plan plan;

	tnc_plan_make(&plan, c, chunk_channels);
	tnc_emit(&plan, program);
	tnc_estimate(&plan, program);
	tnc_pack(&plan, program);
	return program;
}

/* Needs: a legal graph. Leaves it alone; returns a program. */
struct tnc_program *tnc_schedule(struct tnc *c)
{
	static const int chunk_channels[] = { 0, 64 };
	struct tnc_program *best = NULL;
	int tensors = c->inputs.count + c->outputs.count;

	if (tensors > NPU_PROGRAM_MAX_TENSORS)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: %d inputs and outputs, at most %d",
			  tensors, NPU_PROGRAM_MAX_TENSORS);
	if (!c->ops)
		tnc_error(c, -EOPNOTSUPP, "unsupported: nothing to compute");
	for (int i = 0; i < TNC_ARRAY_SIZE(chunk_channels); i++) {
		struct tnc_program *program = try_plan(c, chunk_channels[i]);

		if (!best ||
		    program->estimate.cycles < best->estimate.cycles)
			best = program;
	}
	return best;
}
