/* SPDX-License-Identifier: MIT */
/*
 * The hazard checker: a command that touches a range of SRAM which another unit's
 * command writes, or writes bytes which it reads, must be ordered behind it by
 * waits. job.c asks before it executes a command and records it afterwards.
 *
 * Order is known from vector clocks: for each command, how many commands of
 * each unit are certainly finished when it starts. They follow from the order
 * within a unit, from waits, and from the depth of the queues: when command n
 * of a unit is issued, its command n - NPU_QUEUE_DEPTH has finished. Therefore
 * no more than the last NPU_QUEUE_DEPTH commands of each unit need be kept.
 */
#ifndef NPU_HAZARD_H
#define NPU_HAZARD_H

#include "unit.h"

#include <npu/cost.h>

struct hazard_clock {
	uint64_t done[NPU_UNIT_COUNT];
};

/* @writes and @all lie around what a command writes, and touches; or are empty. */
struct hazard_record {
	struct unit_range writes;
	struct unit_range all;
	struct unit_access access;
	struct hazard_clock end;	/* what is finished when it is */
	uint32_t index;			/* of the command in its job */
};

struct hazard {
	struct hazard_record recent[NPU_UNIT_COUNT][NPU_QUEUE_DEPTH];
	struct hazard_clock fetcher;	/* finished, by the depth of queues */
};

void hazard_start(struct hazard *hazard);

/*
 * Place the next command, of @unit, behind what it waits for and record it.
 * @timeline is as before the command's issue. Returns 0, or -1 if it conflicts
 * with an earlier one; then *@culprit is the index of the first such and *@addr
 * the first byte in common, and nothing is recorded.
 */
int hazard_check(struct hazard *hazard, const struct npu_timeline *timeline,
		 const struct npu_cmd_hdr *hdr, unsigned int unit,
		 const struct unit_access *access, uint32_t index,
		 uint32_t *culprit, uint64_t *addr);

#endif
