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
#include <string.h>

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
	struct placed maps;	/* that are resident */
	struct placed tiles;	/* and windows, in the order of their steps */
	struct placed loads;	/* to SRAM, in the order in which they are issued */
	int tiles_begun;	/* that begin before the buffer at hand ends */
	int loads_begun;	/* likewise */
	struct placed live;	/* whose time is not over, in the order of addresses */
};

static void placed_add(struct tnc_plan *p, struct placed *list, int buffer)
{
	list->buffer = tnc_grow(p->c, list->buffer, list->count, &list->room,
				sizeof(int));
	list->buffer[list->count++] = buffer;
}

static void add_live(struct placer *pl, int number)
{
	const struct tnc_buffer *buffer = pl->p->buffer;
	struct placed *live = &pl->live;
	int low = 0, high = live->count;

	while (low < high) {
		int middle = (low + high) / 2;

		if (buffer[live->buffer[middle]].addr <= buffer[number].addr)
			low = middle + 1;
		else
			high = middle;
	}
	placed_add(pl->p, live, number);
	memmove(&live->buffer[low + 1], &live->buffer[low],
		(live->count - 1 - low) * sizeof(*live->buffer));
	live->buffer[low] = number;
}

/* Those from number @begun on that begin while @b is there. */
static void begin(struct placer *pl, const struct placed *list, int *begun,
		  const struct tnc_buffer *b)
{
	for (; *begun < list->count; ++*begun) {
		int number = list->buffer[*begun];

		if (pl->p->buffer[number].first > b->last)
			break;
		add_live(pl, number);
	}
}

/* Forgets what is over before step @first. */
static void drop_over(struct placer *pl, int first)
{
	struct placed *live = &pl->live;
	int kept = 0;

	for (int i = 0; i < live->count; i++)
		if (pl->p->buffer[live->buffer[i]].last >= first)
			live->buffer[kept++] = live->buffer[i];
	live->count = kept;
}

static void sort(struct placer *pl, struct placed *list,
		 int (*compare)(const void *a, const void *b, void *context))
{
	if (list->count)
		qsort_r(list->buffer, list->count, sizeof(int), compare,
			pl->p->buffer);
}

/* The lowest free address for the time that @b has, where it has to be. */
static bool place_buffer(struct placer *pl, struct tnc_buffer *b)
{
	struct tnc_plan *p = pl->p;
	uint64_t base = b->is_buffered ? NPU_WEIGHT_BASE : 0;
	uint64_t size = b->is_buffered ? npu_machine_weight_buffer(p->machine) :
					 p->machine->sram_size;
	uint32_t *used = b->is_buffered ? &p->buffer_used : &p->sram_used;
	uint64_t addr = base;

	begin(pl, &pl->tiles, &pl->tiles_begun, b);
	begin(pl, &pl->loads, &pl->loads_begun, b);
	for (int i = 0; i < pl->live.count; i++) {
		const struct tnc_buffer *o = &p->buffer[pl->live.buffer[i]];
		uint64_t end = (uint64_t)o->addr + o->size;

		if (o->first > b->last || b->first > o->last ||
		    o->is_buffered != b->is_buffered)
			continue;
		if (addr + b->size <= o->addr)
			break;
		if (end > addr)
			addr = end;
	}
	if (addr + b->size > base + size) {
		p->failed_op = b->op;
		return false;
	}
	b->addr = addr;
	b->is_placed = true;
	if (addr + b->size - base > *used)
		*used = addr + b->size - base;
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
			placed_add(p, &pl->maps, p->map[i].buffer);
	sort(pl, &pl->maps, larger_first);
	for (int i = 0; i < pl->maps.count; i++) {
		int number = pl->maps.buffer[i];

		if (p->buffer[number].is_loaded)
			continue;
		if (!place_buffer(pl, &p->buffer[number]))
			return false;
		add_live(pl, number);
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
		drop_over(pl, b->first);
		if (!place_buffer(pl, b))
			return false;
		placed_add(p, &pl->tiles, i);
	}
	return true;
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* From the first step on again: all maps, and tiles as they begin. */
static void start_again(struct placer *pl)
{
	pl->tiles_begun = 0;
	pl->loads_begun = 0;
	pl->live.count = 0;
	for (int i = 0; i < pl->maps.count; i++)
		if (pl->p->buffer[pl->maps.buffer[i]].is_placed)
			add_live(pl, pl->maps.buffer[i]);
}

/*
 * As early as can be, but not before step @first. Weights for which the weight buffer
 * has no room at all go to SRAM.
 */
static bool place_load(struct placer *pl, const struct tnc_transfer *load,
		       int first)
{
	struct tnc_buffer *b = &pl->p->buffer[load->buffer];

	for (b->first = first; b->first <= load->step; b->first++)
		if (place_buffer(pl, b))
			return true;
	if (!b->is_buffered)
		return false;
	b->is_buffered = pl->p->op[b->op].is_buffered = false;
	return place_load(pl, load, first);
}

/* The earliest step for a load, if the one before it is issued at @first. */
static int earliest(const struct tnc_plan *p, const struct tnc_transfer *load,
		    int first)
{
	int late = p->hint[load->op].late;

	first = most(first, tnc_yield_floor(p, load->op));
	if (p->buffer[load->buffer].is_placed) /* the next part of a map */
		return most(first, p->buffer[load->buffer].first);
	first = most(first, load->ready);
	return late ? most(first, load->step - late) : first;
}

/* In the order of need, all but those that may overtake others. */
static bool place_loads(struct placer *pl)
{
	struct tnc_plan *p = pl->p;
	int recent[LOADS_AHEAD] = { 0 }, first = 0, count = 0;

	start_again(pl);
	for (int i = 0; i < p->loads; i++) {
		struct tnc_transfer *load = &p->load[i];
		struct tnc_buffer *b = &p->buffer[load->buffer];

		if (load->is_ahead)
			continue;
		first = most(first, recent[count % LOADS_AHEAD]);
		recent[count++ % LOADS_AHEAD] = load->step;
		first = earliest(p, load, first);
		drop_over(pl, first);
		if (!b->is_placed) {
			if (!place_load(pl, load, first))
				return false;
			first = b->first;
			add_live(pl, load->buffer);
			if (!b->is_buffered)
				placed_add(p, &pl->loads, load->buffer);
		}
		load->at = first;
	}
	return true;
}

/*
 * Weights that lie in SRAM though there is a buffer for them: the DMA unit brings
 * them, one chunk a step, when it has nothing else to do, since what is needed
 * sooner waits for room in the weight buffer.
 */
static bool place_loads_ahead(struct placer *pl)
{
	struct tnc_plan *p = pl->p;
	int first = 0;

	start_again(pl);
	for (int i = 0; i < p->loads; i++) {
		struct tnc_transfer *load = &p->load[i];

		if (!load->is_ahead)
			continue;
		first = earliest(p, load, first);
		drop_over(pl, first);
		if (!place_load(pl, load, first))
			return false;
		load->at = p->buffer[load->buffer].first;
		first = least(load->at + 1, load->step);
		add_live(pl, load->buffer);
	}
	return true;
}

static int load_order(const void *a, const void *b)
{
	const struct tnc_transfer *x = a, *y = b;

	if (x->at != y->at)
		return x->at - y->at;
	if (x->is_ahead != y->is_ahead)
		return x->is_ahead ? 1 : -1;
	return x->number - y->number;
}

static void sort_loads(struct tnc_plan *p)
{
	for (int i = 0; i < p->loads; i++)
		p->load[i].number = i;
	if (p->loads)
		qsort(p->load, p->loads, sizeof(*p->load), load_order);
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
	p->buffer_used = 0;
	if (!place_maps(&pl) || !place_tiles(&pl) || !place_loads(&pl) ||
	    !place_loads_ahead(&pl))
		return false;
	sort_loads(p);
	return true;
}
