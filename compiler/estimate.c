// SPDX-License-Identifier: MIT
/*
 * What the machine will count when it runs the program: the formulas and the
 * timeline of npu/cost.h applied to each command in turn.
 */
#include "plan.h"

/* The unit that executes commands with that code. */
enum npu_unit tnc_estimate_unit(uint8_t op)
{
	switch ((enum npu_op)op) {
#define X(name, code, unit, layout, text) \
	case NPU_OP_##name:               \
		return unit;
	NPU_OPS(X)
#undef X
	}
	return NPU_UNIT_VEC;
}

static void add_to_layer(struct npu_program_layer *layer, enum npu_unit unit,
			 const struct npu_cost *cost, uint64_t busy)
{
	layer->mac_ops += cost->mac_ops;
	if (unit == NPU_UNIT_MAC)
		layer->mac_busy += busy;
	else if (unit == NPU_UNIT_DMA)
		layer->dma_busy += busy;
	else
		layer->vec_busy += busy;
}

/* Needs: commands. Leaves: totals and figures of each layer. */
void tnc_estimate(struct tnc_plan *p, struct tnc_program *program)
{
	const struct npu_machine *m = p->machine;
	struct tnc_estimate *estimate = &program->estimate;
	struct npu_totals totals = { 0 };
	struct npu_timeline timeline;

	program->layer = tnc_alloc(p->c, p->c->ops + 1,
				   sizeof(*program->layer));
	npu_timeline_start(&timeline, m);
	for (int i = 0; i < program->cmds; i++) {
		const union npu_cmd *cmd = &program->cmd[i];
		enum npu_unit unit = tnc_estimate_unit(cmd->hdr.op);
		uint64_t busy = timeline.busy[unit], start;
		struct npu_cost cost;

		npu_cost(m, cmd, &cost);
		npu_timeline_issue(&timeline, m, &cmd->hdr, unit, &cost,
				   &start);
		npu_totals_add(&totals, m, 0, &cost, timeline.end_of_all);
		if (program->cmd_op[i] >= 0)
			add_to_layer(&program->layer[program->cmd_op[i]], unit,
				     &cost, timeline.busy[unit] - busy);
	}
	estimate->cycles = timeline.end_of_all;
	estimate->energy_fj = npu_totals_energy(&totals, m);
	estimate->mac_ops = totals.mac_ops;
	estimate->mem_bytes = totals.mem_read + totals.mem_written;
	for (int u = 0; u < NPU_UNIT_COUNT; u++)
		estimate->busy[u] = timeline.busy[u];
}
