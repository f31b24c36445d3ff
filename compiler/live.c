// SPDX-License-Identifier: MIT
/*
 * What a plan's placement could not do without: the most bytes that are live at
 * once, in SRAM and in scratch memory. No placement needs less; how much more
 * first fit took is the gap that the report shows. Used by schedule.c.
 */
#include "plan.h"

/* Most bytes at one of @count times, from what comes and goes at each. */
static uint64_t peak(const int64_t *change, int count)
{
	int64_t now = 0, most = 0;

	for (int i = 0; i < count; i++) {
		now += change[i];
		most = now > most ? now : most;
	}
	return most;
}

static void note(int64_t *change, int first, int last, uint64_t bytes)
{
	change[first] += bytes;
	change[last + 1] -= bytes;
}

static uint64_t sram_live(const struct tnc_plan *p)
{
	int64_t *change = tnc_alloc(p->c, p->steps + 3, sizeof(*change));

	for (int i = 0; i < p->buffers; i++) {
		const struct tnc_buffer *b = &p->buffer[i];

		if (b->is_placed && !b->is_buffered)
			note(change, b->first, b->last, b->size);
	}
	return peak(change, p->steps + 3);
}

/* Times are operators here; maps that a run begins with come before the first. */
static uint64_t scratch_live(const struct tnc_plan *p)
{
	int64_t *change = tnc_alloc(p->c, p->c->ops + 3, sizeof(*change));

	for (int i = 0; i < p->maps; i++) {
		const struct tnc_map *map = &p->map[i];

		if (map->is_scratch && !map->is_resident)
			note(change, map->first_op + 1, map->last_op + 1,
			     map->size);
	}
	return peak(change, p->c->ops + 3);
}

/* Needs: a plan with addresses. Leaves: the bounds, beside what was used. */
void tnc_live(const struct tnc_plan *p, struct tnc_program *program)
{
	program->sram_live = sram_live(p);
	program->scratch_live = scratch_live(p) + p->c->scratch_base;
}
