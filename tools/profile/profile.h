/* SPDX-License-Identifier: MIT */
/*
 * What `tinynpu profile` knows of one inference: each command in time, why it
 * started when it did, which ones the inference waited for, and what of it belongs
 * to which operator. record.c collects it, path.c and map.c work it out, the
 * others write it.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include "driver.h"

#include <npu/cost.h>

#include <stdbool.h>
#include <stdio.h>
#include <tinynpu.h>

/*
 * Why cycles of the critical path passed. The first ones are the bounds of
 * commands (enum npu_bound).
 */
enum profile_reason {
	REASON_MACS = NPU_BOUND_MACS,
	REASON_OUTPUT = NPU_BOUND_OUTPUT,
	REASON_STEPS = NPU_BOUND_STEPS,
	REASON_SRAM = NPU_BOUND_SRAM,
	REASON_MEMORY = NPU_BOUND_MEMORY,
	REASON_DMA = NPU_BOUND_DMA,
	REASON_FILL = NPU_BOUND_COUNT, /* decode, pipeline, latencies */
	REASON_FETCH, /* of commands */
	REASON_DEPENDENCY, /* the layer's main unit stood still for another */
	REASON_COUNT
};

/* Why a command did not start when its unit was free. */
enum profile_cause {
	CAUSE_NONE, /* it did */
	CAUSE_DMA, /* it waited for a command of that unit */
	CAUSE_MAC,
	CAUSE_VEC,
	CAUSE_FETCH, /* it was not fetched yet */
	CAUSE_QUEUE, /* nor could it be, as its unit's queue was full */
	CAUSE_COUNT
};

enum profile_part { /* of the energy */
	PART_MACS,
	PART_STEPS,
	PART_REQUANT,
	PART_DECODE,
	PART_SRAM,
	PART_MEMORY,
	PART_COMMANDS, /* fetching them */
	PART_LEAKAGE,
	PART_COUNT
};

#define NO_SPAN UINT32_MAX

/* A command in time; cycles count from the beginning of the inference. */
struct profile_span {
	uint32_t unit;
	uint32_t op;
	int layer; /* -1: of none */
	uint64_t start, end;
	uint64_t fetched; /* not before that could it start */
	struct npu_cost cost;
	uint64_t latency; /* of the DMA, in its time */
	uint64_t stolen; /* of the memory port by fetches, likewise */
	uint64_t stall; /* since its unit was free */
	enum profile_cause cause; /* of the stall */
	uint32_t before; /* the span whose end let it start; NO_SPAN: its fetch */
	uint32_t room; /* the span whose end let it be fetched, or NO_SPAN */
	bool is_critical;
	uint64_t critical_fetch; /* cycles of the path before it */
	uint32_t reads, writes;
	struct tinynpu_trace_range range[TINYNPU_TRACE_RANGES];
};

/* What an operator is charged; the last one is for commands of none. */
struct profile_layer {
	const char *name;
	uint32_t commands;
	uint32_t cpu_ops;
	uint64_t first, last; /* cycles between which its commands run */
	uint64_t busy[NPU_UNIT_COUNT];
	struct npu_cost cost; /* sums; cycles, fill and bounds aside */
	uint64_t lane_steps; /* those of @cost.steps that the VEC unit takes */
	uint64_t energy[PART_COUNT]; /* leakage aside */
	uint64_t path[NPU_UNIT_COUNT][REASON_COUNT]; /* critical cycles */
	uint64_t reason[REASON_COUNT]; /* they, seen by the layer's main unit */
	uint64_t cycles; /* their sum: those of all layers are the inference's */
	uint64_t floor; /* cycles that it would need at the roofline */
	enum profile_reason roof; /* MACS, STEPS or MEMORY: what the roof is of */
	enum profile_reason bound; /* the largest of @reason */
};

/* Bytes of SRAM from the command that wrote them to the last that read them. */
struct profile_block {
	uint32_t low, high;
	uint64_t start, end;
	int layer; /* that wrote them */
	uint32_t unit;
};

/* So many bytes live from a cycle on. */
struct profile_live {
	uint64_t cycle;
	uint64_t bytes;
};

/* A job of the machine; times are of this computer's clock. */
struct profile_job {
	uint32_t first, count; /* spans */
	uint64_t base, cycles; /* its first cycle in the inference */
	uint64_t wall_doorbell, wall_start, wall_end, wall_interrupt;
	uint64_t fw_doorbell, fw_start, fw_end, fw_interrupt; /* instructions */
};

struct profile {
	const char *path;
	char title[256]; /* the path as text that can stand anywhere */
	struct tinynpu_device_info device;
	struct tinynpu_program_info info;
	const struct tinynpu_program *program;
	struct npu_machine machine;
	struct profile_span *spans;
	uint32_t span_count;
	struct profile_job *jobs;
	uint32_t job_count;
	struct profile_layer *layers; /* info.layers + 1 */
	struct profile_block *blocks;
	uint32_t block_count, block_room;
	struct profile_live *live; /* by cycle */
	uint32_t live_count;
	uint64_t live_most; /* bytes of SRAM */
	uint64_t cycles;
	uint64_t energy[PART_COUNT];
	uint64_t stalls[NPU_UNIT_COUNT][CAUSE_COUNT];
	uint64_t idle[NPU_UNIT_COUNT]; /* behind their last commands */
	struct tinynpu_stats stats;
	uint64_t wall_submit, wall_submitted, wall_waited;
	bool is_driven; /* that wall time is of a device behind /dev/accel */
	struct driver_times driver;
};

extern const char *const profile_units[NPU_UNIT_COUNT];
extern const char *const profile_reasons[REASON_COUNT];
extern const char *const profile_causes[CAUSE_COUNT];
extern const char *const profile_parts[PART_COUNT];

/* The name of a command's code, as the disassembler has it. */
const char *profile_op_name(uint32_t op);

/* "op 3 CONV_2D 'conv1'", or what stands for no operator. */
const char *profile_layer_name(const struct profile *profile, int layer);

/* All the energy, femtojoules. */
uint64_t profile_energy(const uint64_t parts[PART_COUNT]);

/*
 * record.c: run the session once and fill in everything but what follows. Returns
 * an enum tool_exit; what is wrong was said.
 */
int profile_record(struct profile *profile, struct tinynpu_device *device,
		   struct tinynpu_session *session);

/*
 * record.c: run a session of a device behind /dev/accel once, whose wall time and
 * driver the profile then has, and which has to count what the simulator did.
 */
int profile_drive(struct profile *profile, struct tinynpu_session *session);
void profile_free(struct profile *profile);

/* path.c: the critical path, and what of it is whose. */
void profile_find_path(struct profile *profile);
void profile_sum_layers(struct profile *profile);

/* map.c: what lies where in the SRAM when. -1: out of memory. */
int profile_map_sram(struct profile *profile);

/* Make the title of the path. */
void profile_set_title(struct profile *profile);

/*
 * The writers. Errors of the stream show in the stream; else they return 0, or -1 if
 * memory ran out.
 */
void profile_print(const struct profile *profile, FILE *out);
int profile_write_json(const struct profile *profile, FILE *out);
int profile_write_svg(const struct profile *profile, FILE *out);
int profile_write_html(const struct profile *profile, FILE *out);
int profile_write_perfetto(const struct profile *profile, FILE *out);

#endif
