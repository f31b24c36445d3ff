// SPDX-License-Identifier: MIT
/*
 * What lies where in the SRAM, and how long: bytes live from the command that
 * writes them to the last one that reads them before they are written again.
 */
#include "profile.h"

#include <stdlib.h>

/* What lives while the commands are gone through. */
struct live {
	struct profile_block *blocks;
	uint32_t count, room;
};

static int append(struct profile_block **list, uint32_t *count, uint32_t *room,
		  const struct profile_block *block)
{
	struct profile_block *more;

	if (*count == *room) {
		*room = *room ? 2 * *room : 256;
		more = realloc(*list, *room * sizeof(**list));
		if (!more)
			return -1;
		*list = more;
	}
	(*list)[(*count)++] = *block;
	return 0;
}

static int keep(struct live *live, const struct profile_block *block)
{
	return append(&live->blocks, &live->count, &live->room, block);
}

static int emit(struct profile *p, const struct profile_block *block)
{
	return append(&p->blocks, &p->block_count, &p->block_room, block);
}

static bool overlaps(const struct profile_block *block,
		     const struct tinynpu_trace_range *range)
{
	return block->low < range->high && range->low < block->high;
}

/* Block @i shrinks to what lies within the range; what is beside it stays. */
static int shrink(struct live *live, uint32_t i,
		  const struct tinynpu_trace_range *range)
{
	struct profile_block left = live->blocks[i], right = left;
	int err = 0;

	if (left.low < range->low) {
		left.high = live->blocks[i].low = range->low;
		err |= keep(live, &left);
	}
	if (right.high > range->high) {
		right.low = live->blocks[i].high = range->high;
		err |= keep(live, &right);
	}
	return err;
}

static int read_range(struct live *live,
		      const struct tinynpu_trace_range *range, uint64_t end)
{
	uint32_t i, count = live->count;

	for (i = 0; i < count; i++) {
		if (!overlaps(&live->blocks[i], range) ||
		    live->blocks[i].end >= end)
			continue;
		if (shrink(live, i, range))
			return -1;
		live->blocks[i].end = end;
	}
	return 0;
}

/*
 * The part of block @i within the range is over: at the latest when the command
 * starts that writes there, which may have read it, too.
 */
static int cut(struct profile *p, struct live *live, uint32_t i,
	       const struct tinynpu_trace_range *range, uint64_t start)
{
	if (shrink(live, i, range))
		return -1;
	if (live->blocks[i].end > start)
		live->blocks[i].end = start;
	if (emit(p, &live->blocks[i]))
		return -1;
	live->blocks[i] = live->blocks[--live->count];
	return 0;
}

static int write_range(struct profile *p, struct live *live,
		       const struct tinynpu_trace_range *range,
		       const struct profile_span *span)
{
	struct profile_block block = {
		.low = range->low,
		.high = range->high,
		.start = span->start,
		.end = span->end,
		.layer = span->layer,
		.unit = span->unit,
	};
	uint32_t i;

	for (i = live->count; i-- > 0;)
		if (overlaps(&live->blocks[i], range) &&
		    cut(p, live, i, range, span->start))
			return -1;
	return keep(live, &block);
}

/* The weight buffer is a memory of its own. */
static bool is_buffer(const struct tinynpu_trace_range *range)
{
	return range->low >= NPU_WEIGHT_BASE;
}

static int map_span(struct profile *p, struct live *live,
		    const struct profile_span *span)
{
	uint32_t i;

	for (i = 0; i < span->reads; i++)
		if (!is_buffer(&span->range[i]) &&
		    read_range(live, &span->range[i], span->end))
			return -1;
	for (; i < span->reads + span->writes; i++)
		if (!is_buffer(&span->range[i]) &&
		    write_range(p, live, &span->range[i], span))
			return -1;
	return 0;
}

/* --- How much lives at once ------------------------------------------------ */

struct change {
	uint64_t cycle;
	int64_t bytes;
};

static int compare_changes(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return (x->cycle > y->cycle) - (x->cycle < y->cycle);
}

static struct change *list_changes(const struct profile *p)
{
	struct change *changes = calloc(2 * p->block_count + 1,
					sizeof(*changes));
	uint32_t i;

	for (i = 0; changes && i < p->block_count; i++) {
		int64_t size = p->blocks[i].high - p->blocks[i].low;

		changes[2 * i] = (struct change){ p->blocks[i].start, size };
		changes[2 * i + 1] = (struct change){ p->blocks[i].end, -size };
	}
	if (changes)
		qsort(changes, 2 * p->block_count, sizeof(*changes),
		      compare_changes);
	return changes;
}

/* One entry for each cycle in which something changes. */
static int sum_live(struct profile *p)
{
	struct change *changes = list_changes(p);
	uint32_t i, count = 2 * p->block_count;
	int64_t bytes = 0;

	p->live = calloc(count + 1, sizeof(*p->live));
	for (i = 0; changes && p->live && i < count; i++) {
		bytes += changes[i].bytes;
		if (i + 1 < count && changes[i + 1].cycle == changes[i].cycle)
			continue;
		p->live[p->live_count++] = (struct profile_live){
			changes[i].cycle, bytes };
		if (bytes > (int64_t)p->live_most)
			p->live_most = bytes;
	}
	free(changes);
	return changes && p->live ? 0 : -1;
}

/* Jobs find nothing of each other in the SRAM. */
int profile_map_sram(struct profile *p)
{
	struct live live = { 0 };
	uint32_t job, i;
	int err = 0;

	for (job = 0; !err && job < p->job_count; job++) {
		const struct profile_job *j = &p->jobs[job];

		for (i = j->first; !err && i < j->first + j->count; i++)
			err = map_span(p, &live, &p->spans[i]);
		for (i = 0; !err && i < live.count; i++)
			err = emit(p, &live.blocks[i]);
		live.count = 0;
	}
	free(live.blocks);
	return err ? err : sum_live(p);
}
