// SPDX-License-Identifier: MIT
/*
 * Points at which a job makes way for an urgent one: SRAM has to be empty there
 * (NPU_CMD_SRAM_DEAD), which it seldom is by itself, since maps stay in it and
 * weights come early. Who asks for such points (options.yield_cycles) gets them in
 * front of operators, as far apart as allowed, and there where the fewest bytes
 * have to go to memory and back. schedule.c calls.
 */
#include "plan.h"

/* First and last operator that has to do with a map. */
static void find_users(const struct tnc_plan *p, int *first, int *last)
{
	const struct tnc *c = p->c;

	for (int i = 0; i < p->maps; i++) {
		first[i] = p->map[i].first_op < 0 ? c->ops : p->map[i].first_op;
		last[i] = p->map[i].last_op;
	}
	for (int op = c->ops - 1; op >= 0; op--)
		for (int i = 0; i < p->op[op].geometry.inputs; i++) {
			int map = p->map_of[tnc_operand(
				c->op[op], &p->op[op].geometry, i)];

			if (first[map] > op)
				first[map] = op;
		}
}

/*
 * Needs: maps and shared blocks. Leaves: none of them in SRAM when an operator
 * begins of which that is asked.
 */
void tnc_yield_spill(struct tnc_plan *p)
{
	int *first = tnc_alloc(p->c, p->maps + 1, sizeof(*first));
	int *last = tnc_alloc(p->c, p->maps + 1, sizeof(*last));

	find_users(p, first, last);
	for (int op = 0; op < p->c->ops; op++) {
		if (!p->hint[op].yields)
			continue;
		for (int i = 0; i < p->maps; i++)
			if (first[i] < op && op <= last[i])
				p->map[i].is_resident = false;
		for (int i = 0; i < p->sharers; i++)
			if (p->sharer[i] < op &&
			    op <= p->op[p->sharer[i]].last_user)
				p->op[p->sharer[i]].is_shared = false;
	}
}

/* The step before which no load for operator @op may be issued. */
int tnc_yield_floor(const struct tnc_plan *p, int op)
{
	while (op > 0 && !p->hint[op].yields)
		op--;
	return op > 0 ? p->op[op].first_step : 0;
}

/* Cycle at which each operator begins: its first command but loads. */
static uint64_t *find_begins(const struct tnc_plan *p,
			     const struct tnc_program *program)
{
	uint64_t *begin = tnc_alloc(p->c, p->c->ops + 1, sizeof(*begin));
	bool *has_begun = tnc_alloc(p->c, p->c->ops + 1, sizeof(*has_begun));
	struct npu_timeline timeline;

	npu_timeline_start(&timeline, p->machine);
	for (int i = 0; i < program->cmds; i++) {
		const union npu_cmd *cmd = &program->cmd[i];
		enum npu_unit unit = tnc_estimate_unit(cmd->hdr.op);
		int op = program->cmd_op[i];
		struct npu_cost cost;
		uint64_t start;

		npu_cost(p->machine, cmd, &cost);
		npu_timeline_issue(&timeline, p->machine, &cmd->hdr, unit,
				   &cost, &start);
		if (op < 0 || has_begun[op] ||
		    (unit == NPU_UNIT_DMA && !p->op[op].geometry.is_move))
			continue;
		has_begun[op] = true;
		begin[op] = start;
	}
	return begin;
}

/* Bytes that would have to leave SRAM for operator @op to begin with none. */
static uint64_t crossing_bytes(const struct tnc_plan *p, const int *first,
			       const int *last, int op)
{
	uint64_t bytes = 0;

	for (int i = 0; i < p->maps; i++)
		if (p->map[i].is_resident && first[i] < op && op <= last[i])
			bytes += p->map[i].size;
	return bytes;
}

/*
 * Needs: a plan and its commands. Leaves: for each operator whether SRAM should be
 * empty when it begins, so that at most @cycles lie between two such, those among
 * them that the plan has already.
 */
void tnc_yield_find(const struct tnc_plan *p, const struct tnc_program *program,
		    uint64_t cycles, bool *yields)
{
	int *first = tnc_alloc(p->c, p->maps + 1, sizeof(*first));
	int *last = tnc_alloc(p->c, p->maps + 1, sizeof(*last));
	const uint64_t *begin = find_begins(p, program);
	uint64_t since = 0, bytes, least = UINT64_MAX;
	int best = -1;

	find_users(p, first, last);
	for (int op = 1; op < p->c->ops; op++) {
		if (best > 0 && begin[op] > since + cycles) {
			yields[best] = true;
			since = begin[best];
			op = best;
			best = -1;
			least = UINT64_MAX;
			continue;
		}
		if (p->hint[op].yields) {
			since = begin[op];
			best = -1;
			least = UINT64_MAX;
		}
		if (p->hint[op].joins || begin[op] < since + cycles / 2)
			continue;
		bytes = crossing_bytes(p, first, last, op);
		if (bytes <= least) {
			least = bytes;
			best = op;
		}
	}
	if (best > 0 && program->estimate.cycles > since + cycles)
		yields[best] = true;
}
