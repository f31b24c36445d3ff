// SPDX-License-Identifier: MIT
/*
 * Plans a program: tries with everything resident and tiles as large as can
 * be, and gives up something for good each time it does not fit, until it does
 * or there is nothing left to give up.
 */
#include <errno.h>

#include "plan.h"

/* A block that operators have in common is in one place. */
static bool has_buffered(const struct tnc_plan *p, int number)
{
	const struct tnc_op_plan *op = &p->op[number];
	int in_sram = p->hint[op->twin].in_sram;

	return op->geometry.has_weights &&
	       in_sram < (p->op[op->twin].is_shared ? 1 : op->geometry.out_c);
}

static void plan_start(struct tnc_plan *p)
{
	struct tnc *c = p->c;

	p->op = tnc_alloc(c, c->ops + 1, sizeof(*p->op));
	for (int i = 0; i < c->ops; i++) {
		p->op[i].geometry = c->geometry[i];
		p->op[i].cap = UINT64_MAX;
	}
	tnc_share_find(p);
	for (int i = 0; i < c->ops; i++)
		p->op[i].is_buffered = has_buffered(p, i);
	tnc_maps_create(p);
	tnc_yield_spill(p);
	tnc_roll_find(p);
}

static void attempt_start(struct tnc_plan *p)
{
	p->buffer = NULL;
	p->step = NULL;
	p->load = NULL;
	p->store = NULL;
	p->buffers = p->buffers_room = 0;
	p->steps = p->steps_room = 0;
	p->loads = p->loads_room = 0;
	p->stores = p->stores_room = 0;
	p->constants_size = p->c->constants_base;
	for (int i = 0; i < p->c->ops; i++)
		p->op[i].shared_buffer = -1;
	for (int i = 0; i < p->maps; i++) {
		p->map[i].buffer = -1;
		p->map[i].writer = -1;
	}
}

static bool give_up_something(struct tnc_plan *p, int number)
{
	p->failed_op = number;
	if (tnc_tile_shrink(p, number))
		return true;
	if (tnc_maps_spill(p, number)) {
		tnc_tile_restart(p, number);
		return true;
	}
	return tnc_tile_last_resort(p, number);
}

/*
 * A tile for each operator. A map that was spilled for a later operator leaves
 * more room to the earlier ones: the second round is for these.
 */
static bool choose_tiles(struct tnc_plan *p)
{
	for (int i = 0; i < p->c->ops; i++)
		while (!tnc_tile_choose(p, i))
			if (!give_up_something(p, i))
				return false;
	for (int i = 0; i < p->c->ops; i++)
		tnc_tile_choose(p, i);
	return true;
}

/*
 * Needs: a legal graph, and for each of its operators a hint. Leaves: in @p,
 * everything that tnc_emit() needs. Returns whether that fits into the SRAM.
 */
bool tnc_plan_make(struct tnc_plan *p, struct tnc *c,
		   const struct tnc_hint *hint)
{
	struct tnc_arena_mark mark;

	*p = (struct tnc_plan){
		.c = c,
		.machine = &c->options.machine,
		.hint = hint,
	};
	plan_start(p);
	mark = tnc_arena_mark(c->arena);
	while (choose_tiles(p)) {
		attempt_start(p);
		if (!tnc_roll_holds(p))
			return false;
		tnc_steps_create(p);
		p->work += p->steps + c->ops;
		if (tnc_place(p))
			return true;
		tnc_arena_rewind(c->arena, mark);
		if (!give_up_something(p, p->failed_op))
			break;
	}
	return false;
}

/* Says why, after tnc_plan_make() has found nothing to give up any more. */
_Noreturn void tnc_plan_does_not_fit(struct tnc_plan *p)
{
	int number = p->failed_op;
	const struct tnc_geometry *g = &p->op[number].geometry;
	struct tnc_tile tile = { 1, 1, g->channel_unit, true };
	uint64_t bytes = tnc_geometry_out_bytes(g, &tile) +
			 tnc_geometry_chunk_bytes(g, tile.c);

	for (int i = 0; i < g->inputs; i++)
		bytes += tnc_geometry_in_bytes(g, &tile, i);
	tnc_place_op(p->c, p->c->op[number]);
	tnc_error(p->c, -ENOSPC,
		  "needs %llu bytes of SRAM for its smallest tile, the machine has %u",
		  (unsigned long long)bytes, p->machine->sram_size);
}
