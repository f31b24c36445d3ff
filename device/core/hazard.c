// SPDX-License-Identifier: MIT
/*
 * The hazard checker; see hazard.h. Called by job.c for each command.
 */
#include "hazard.h"

#define NO_CONFLICT UINT64_MAX

static void clock_join(struct hazard_clock *clock,
		       const struct hazard_clock *other)
{
	unsigned int u;

	for (u = 0; u < NPU_UNIT_COUNT; u++)
		clock->done[u] = npu_max64(clock->done[u], other->done[u]);
}

/* The record of command @number (from 1) of a unit; the last ones are kept. */
static struct hazard_record *record_of(struct hazard *hazard,
				       unsigned int unit, uint64_t number)
{
	return &hazard->recent[unit][(number - 1) % NPU_QUEUE_DEPTH];
}

/* The first byte that two lists of ranges share, or @addr if that is lower. */
static uint64_t first_common(const struct unit_range *a, uint32_t a_count,
			     const struct unit_range *b, uint32_t b_count,
			     uint64_t addr)
{
	uint64_t low;
	uint32_t i, j;

	for (i = 0; i < a_count; i++) {
		for (j = 0; j < b_count; j++) {
			if (!unit_ranges_overlap(&a[i], &b[j]))
				continue;
			low = npu_max64(a[i].low, b[j].low);
			addr = low < addr ? low : addr;
		}
	}
	return addr;
}

static void widen(struct unit_range *around, const struct unit_range *ranges,
		  uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (ranges[i].low < around->low)
			around->low = ranges[i].low;
		if (ranges[i].high > around->high)
			around->high = ranges[i].high;
	}
}

/* All but its clock. */
static struct hazard_record make_record(const struct unit_access *access,
					uint32_t index)
{
	struct hazard_record record = {
		.writes = { UINT32_MAX, 0 },
		.access = *access,
		.index = index,
	};

	widen(&record.writes, access->writes, access->write_count);
	record.all = record.writes;
	widen(&record.all, access->reads, access->read_count);
	return record;
}

/* Most commands are far apart. */
static bool may_conflict(const struct hazard_record *a,
			 const struct hazard_record *b)
{
	return unit_ranges_overlap(&a->writes, &b->all) ||
	       unit_ranges_overlap(&a->all, &b->writes);
}

/* The first byte for which the order of two commands matters. */
static uint64_t conflict(const struct unit_access *a,
			 const struct unit_access *b)
{
	uint64_t addr = NO_CONFLICT;

	addr = first_common(a->writes, a->write_count, b->writes,
			    b->write_count, addr);
	addr = first_common(a->writes, a->write_count, b->reads,
			    b->read_count, addr);
	return first_common(a->reads, a->read_count, b->writes,
			    b->write_count, addr);
}

/* What is finished when the command starts. */
static void start_clock(struct hazard *hazard,
			const struct npu_timeline *timeline,
			const struct npu_cmd_hdr *hdr, unsigned int unit,
			struct hazard_clock *clock)
{
	uint64_t issued = timeline->issued[unit];
	int64_t awaited;
	unsigned int u;

	*clock = hazard->fetcher;
	if (issued)
		clock_join(clock, &record_of(hazard, unit, issued)->end);
	for (u = 0; u < NPU_UNIT_COUNT; u++) {
		if (!(hdr->flags & NPU_CMD_WAIT(u)))
			continue;
		awaited = npu_timeline_awaited(timeline, u, hdr->wait[u]);
		if (awaited > 0)
			clock_join(clock, &record_of(hazard, u, awaited)->end);
	}
}

/* Of the records only those are looked at that the job has written. */
void hazard_start(struct hazard *hazard)
{
	hazard->fetcher = (struct hazard_clock){ 0 };
}

int hazard_check(struct hazard *hazard, const struct npu_timeline *timeline,
		 const struct npu_cmd_hdr *hdr, unsigned int unit,
		 const struct unit_access *access, uint32_t index,
		 uint32_t *culprit, uint64_t *addr)
{
	uint64_t number = timeline->issued[unit] + 1;
	struct hazard_record new = make_record(access, index);
	struct hazard_record *record = record_of(hazard, unit, number);
	struct hazard_record *other;
	struct hazard_clock clock;
	uint64_t i, first;
	unsigned int u;

	if (number > NPU_QUEUE_DEPTH)
		clock_join(&hazard->fetcher, &record->end);
	start_clock(hazard, timeline, hdr, unit, &clock);
	*culprit = UINT32_MAX;
	for (u = 0; u < NPU_UNIT_COUNT; u++) {
		for (i = clock.done[u] + 1; i <= timeline->issued[u]; i++) {
			other = record_of(hazard, u, i);
			if (!may_conflict(&new, other))
				continue;
			first = conflict(access, &other->access);
			if (first == NO_CONFLICT || other->index > *culprit)
				continue;
			*culprit = other->index;
			*addr = first;
		}
	}
	if (*culprit != UINT32_MAX)
		return -1;
	clock.done[unit] = number;
	*record = new;
	record->end = clock;
	return 0;
}
