/* SPDX-License-Identifier: MIT */
/*
 * What is known of commands that were met before. A model's commands are the same in
 * each inference, and so is what their checks find and what they cost: a function of
 * the command's bytes and the machine, for the DMA unit also of the job's regions.
 * job.c compares all of these, and only then goes by what it knew.
 */
#ifndef NPU_PLAN_H
#define NPU_PLAN_H

#include "unit.h"

#include <npu/cost.h>

#define PLAN_COUNT 4096 /* by the commands' addresses; a power of two */

/**
 * struct plan - a command and what follows from it
 * @cmd: it passed its checks
 * @regions: number of the regions with which it did
 * @access: what it touches in SRAM
 * @cost: what it costs
 * @energy_fj: likewise, at the first operating point
 */
struct plan {
	union npu_cmd cmd;
	uint64_t regions;
	struct unit_access access;
	struct npu_cost cost;
	uint64_t energy_fj;
};

#endif
