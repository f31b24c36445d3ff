/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the DMA, MAC and VEC units share: a core's SRAM with the
 * job's memory around it, random numbers, and a table-driven check that a field
 * at fault is found, named, and without effect.
 */
#ifndef TESTS_UNIT_ENGINE_H
#define TESTS_UNIT_ENGINE_H

#include "unit.h"

#include <stddef.h>

#define ENGINE_SRAM NPU_SRAM_MIN
#define ENGINE_REGIONS 3
#define ENGINE_MEMORY 65536
#define ENGINE_BASE 0x123456789000ull /* of the job's memory */

/*
 * SRAM and memory are allocated to the byte, so that a sanitizer sees what
 * reaches beyond. Addresses of memory in [bad, bad_end) fault.
 */
struct engine {
	struct unit_ctx ctx;
	struct unit_access access;
	struct npu_region regions[ENGINE_REGIONS];
	uint8_t *memory;
	uint64_t bad;
	uint64_t bad_end;
	enum npu_fault bad_code;
};

int engine_setup(void **state);
int engine_setup_sram(struct engine *e, uint32_t sram_size);
/* With a weight buffer, which there is none of else. */
int engine_setup_buffer(struct engine *e, uint32_t buffer_size);
int engine_teardown(void **state);

/*
 * Check or execute, by the unit that NPU_OPS names; 0 or -1 as unit.h says. Nothing is
 * owed to SRAM behind it, see dma_memo.h.
 */
int engine_check(struct engine *e, const union npu_cmd *cmd);
int engine_execute(struct engine *e, const union npu_cmd *cmd);

/* Check, which has to pass, and execute, which must not fail. */
void engine_run(struct engine *e, const union npu_cmd *cmd);

/* Likewise; @reference, from the same bytes on, has to leave the same ones. */
void engine_compare(struct engine *e, const union npu_cmd *cmd,
		    void (*reference)(struct engine *e,
				      const union npu_cmd *cmd));

/* Check, which has to fail, and leave SRAM and memory as they are. */
void engine_refuse(struct engine *e, const union npu_cmd *cmd,
		   enum npu_fault code, uint32_t info);

/* A field of a valid command set to a value, and what has to come of it. */
struct engine_bad {
	const char *name;
	uint32_t offset;
	uint32_t size;
	uint32_t value;
	enum npu_fault code;
	uint32_t info;
};

#define ENGINE_BAD(layout, member, value, code)                          \
	{                                                                \
		#member " = " #value,                                    \
		__builtin_offsetof(struct layout, member),               \
		sizeof(((struct layout *)0)->member), (uint32_t)(value), \
		NPU_FAULT_##code, __builtin_offsetof(struct layout, member) \
	}

void engine_refuse_all(struct engine *e, const union npu_cmd *valid,
		       const struct engine_bad *bad, uint32_t count);

/* Each byte from @offset on, set alone, is refused as reserved. */
void engine_refuse_reserved(struct engine *e, const union npu_cmd *valid,
			    uint32_t offset, uint32_t size);

/*
 * @rounds commands made of a valid one by random changes, and wholly random
 * ones: whatever comes, no access beyond SRAM, no undefined behaviour. Those
 * that pass are executed, if they are short.
 */
void engine_torture(struct engine *e, const union npu_cmd *valid,
		    uint32_t rounds);

/* --- Random numbers, the same in each run --------------------------------- */

uint32_t engine_random(void);
/* low..high, both included */
int32_t engine_between(int32_t low, int32_t high);
/* Any int8, corner values more often. */
int8_t engine_int8(void);
void engine_randomise(uint8_t *bytes, size_t size);

#endif
