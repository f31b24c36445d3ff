// SPDX-License-Identifier: MIT
/*
 * Finds each buffer its address, and each load the step before which it is
 * issued: as early as room in SRAM and the DMA unit's queue allow, so that
 * weights stream in while the array works.
 *
 * Resident maps come first, the largest first; then windows and output tiles in
 * their order; then the loads in the order in which they are needed. All take the
 * lowest address that is free throughout their time.
 */
#include <stdlib.h>

#include "plan.h"

/*
 * Loads that may be issued ahead of the step that waits for the first of them.
 * More would fill the DMA unit's queue, and the fetch of steps behind it waits.
 */
#define LOADS_AHEAD 12

/* Buffers that others have to keep clear of, by number. */
struct placed {
	int *buffer;
	int count;
	int room;
};

struct placer {
	struct tnc_plan *p;
	struct placed always;	/* resident maps */
	struct placed tiles;	/* and windows, in the order of their steps */
	int tiles_gone;		/* whose time is over for all loads to come */
	struct placed loads;	/* that are still in use */
	struct placed near;	/* those that matter for the buffer at hand */
};

static void placed_add(struct tnc_plan *p, struct placed *list, int buffer)
{
	list->buffer = tnc_grow(p->c, list->buffer, list->count, &list->room,
				sizeof(int));
	list->buffer[list->count++] = buffer;
}

static void add_if_near(struct placer *pl, const struct tnc_buffer *b,
			int other)
{
	const struct tnc_buffer *o = &pl->p->buffer[other];

	if (o->is_placed && o->first <= b->last && b->first <= o->last)
		placed_add(pl->p, &pl->near, other);
}

/* Collects the placed buffers whose time overlaps that of @b. */
static void find_near(struct placer *pl, const struct tnc_buffer *b)
{
	const struct tnc_buffer *buffer = pl->p->buffer;

	pl->near.count = 0;
	for (int i = 0; i < pl->always.count; i++)
		add_if_near(pl, b, pl->always.buffer[i]);
	for (int i = pl->tiles_gone; i < pl->tiles.count; i++) {
		if (buffer[pl->tiles.buffer[i]].first > b->last)
			break;
		add_if_near(pl, b, pl->tiles.buffer[i]);
	}
	for (int i = 0; i < pl->loads.count; i++)
		add_if_near(pl, b, pl->loads.buffer[i]);
}

static int by_address(const void *a, const void *b, void *context)
{
	const struct tnc_buffer *buffer = context;
	uint32_t x = buffer[*(const int *)a].addr;
	uint32_t y = buffer[*(const int *)b].addr;

	return x < y ? -1 : x > y;
}

static void sort(struct placer *pl, struct placed *list,
		 int (*compare)(const void *a, const void *b, void *context))
{
	if (list->count)
		qsort_r(list->buffer, list->count, sizeof(int), compare,
			pl->p->buffer);
}

/* The lowest free address for the time that @b has. */
static bool place_buffer(struct placer *pl, struct tnc_buffer *b)
{
	struct tnc_plan *p = pl->p;
	uint64_t addr = 0;

	find_near(pl, b);
	sort(pl, &pl->near, by_address);
	for (int i = 0; i < pl->near.count; i++) {
		const struct tnc_buffer *o = &p->buffer[pl->near.buffer[i]];
		uint64_t end = (uint64_t)o->addr + o->size;

		if (addr + b->size <= o->addr)
			break;
		if (end > addr)
			addr = end;
	}
	if (addr + b->size > p->machine->sram_size) {
		p->failed_op = b->op;
		return false;
	}
	b->addr = addr;
	b->is_placed = true;
	if (addr + b->size > p->sram_used)
		p->sram_used = addr + b->size;
	return true;
}

static int larger_first(const void *a, const void *b, void *context)
{
	const struct tnc_buffer *buffer = context;
	const struct tnc_buffer *x = &buffer[*(const int *)a];
	const struct tnc_buffer *y = &buffer[*(const int *)b];

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->first != y->first ? x->first - y->first : (int)(x - y);
}

static bool place_maps(struct placer *pl)
{
	struct tnc_plan *p = pl->p;

	for (int i = 0; i < p->maps; i++)
		if (p->map[i].buffer >= 0 && !p->map[i].is_rolled)
			placed_add(p, &pl->always, p->map[i].buffer);
	sort(pl, &pl->always, larger_first);
	for (int i = 0; i < pl->always.count; i++) {
		struct tnc_buffer *b = &p->buffer[pl->always.buffer[i]];

		if (!b->is_loaded && !place_buffer(pl, b))
			return false;
	}
	return true;
}

/*
 * Windows, and output tiles: the buffers that stores empty and no map owns. Buffers
 * are in the order of their steps.
 */
static bool place_tiles(struct placer *pl)
{
	struct tnc_plan *p = pl->p;

	for (int i = 0; i < p->buffers; i++) {
		struct tnc_buffer *b = &p->buffer[i];

		if (b->is_placed || b->is_loaded)
			continue;
		while (pl->tiles_gone < pl->tiles.count &&
		       p->buffer[pl->tiles.buffer[pl->tiles_gone]].last <
			       b->first)
			pl->tiles_gone++;
		if (!place_buffer(pl, b))
			return false;
		placed_add(p, &pl->tiles, i);
	}
	pl->tiles_gone = 0;
	return true;
}

/* Forgets what is over before step @first. */
static void drop_gone(struct placer *pl, int first)
{
	const struct tnc_buffer *buffer = pl->p->buffer;
	int kept = 0;

	while (pl->tiles_gone < pl->tiles.count &&
	       buffer[pl->tiles.buffer[pl->tiles_gone]].last < first)
		pl->tiles_gone++;
	for (int i = 0; i < pl->loads.count; i++)
		if (buffer[pl->loads.buffer[i]].last >= first)
			pl->loads.buffer[kept++] = pl->loads.buffer[i];
	pl->loads.count = kept;
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

static bool place_loads(struct placer *pl)
{
	struct tnc_plan *p = pl->p;
	int first = 0;

	for (int i = 0; i < p->loads; i++) {
		struct tnc_transfer *load = &p->load[i];
		struct tnc_buffer *b = &p->buffer[load->buffer];
		int late = p->hint[load->op].late;

		if (i >= LOADS_AHEAD)
			first = most(first, p->load[i - LOADS_AHEAD].step);
		first = most(first, tnc_yield_floor(p, load->op));
		drop_gone(pl, first);
		if (b->is_placed) {
			/* The next part of a map. */
			load->at = first = most(first, b->first);
			continue;
		}
		b->first = most(first, load->ready);
		if (late)
			b->first = most(b->first, load->step - late);
		while (!place_buffer(pl, b))
			if (++b->first > load->step)
				return false;
		load->at = b->first;
		first = b->first;
		placed_add(p, &pl->loads, load->buffer);
	}
	return true;
}

static int store_order(const void *a, const void *b)
{
	const struct tnc_transfer *x = a, *y = b;

	if (x->at != y->at)
		return x->at - y->at;
	if (x->is_early != y->is_early)
		return x->is_early ? -1 : 1;
	return x->number - y->number;
}

/*
 * Stores are issued one step late, behind the next loads, which the DMA unit
 * can do while the step that makes the tile still runs; but at once where the
 * tile is the operator's last, as others wait for it, or room is short.
 */
static void schedule_stores(struct tnc_plan *p)
{
	for (int i = 0; i < p->stores; i++) {
		struct tnc_transfer *store = &p->store[i];
		const struct tnc_op_plan *op;
		struct tnc_buffer *b;

		store->at = store->step + 1;
		store->number = i;
		if (store->buffer < 0)
			continue;
		op = &p->op[store->op];
		store->is_early = op->level || store->step == op->last_step;
		b = &p->buffer[store->buffer];
		if (!store->is_early)
			b->last = most(b->last, store->at);
	}
	if (p->stores)
		qsort(p->store, p->stores, sizeof(*p->store), store_order);
}

/* Needs: steps. Leaves: addresses, and a place in the order for each load. */
bool tnc_place(struct tnc_plan *p)
{
	struct placer pl = { .p = p };

	schedule_stores(p);
	p->sram_used = 0;
	return place_maps(&pl) && place_tiles(&pl) && place_loads(&pl);
}
