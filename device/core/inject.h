/* SPDX-License-Identifier: MIT */
/*
 * Error injection, section 15 of the manual: what the files of the machine ask at
 * the occasions that it names. Where injection is not allowed nothing is armed.
 */
#ifndef NPU_CORE_INJECT_H
#define NPU_CORE_INJECT_H

#include <npu/inject.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct npu_core;

/* Armed by any thread; who takes one counts it down. */
struct inject_error {
	_Atomic uint32_t left, after, param, done;
};

struct inject {
	bool is_allowed; /* never changes once the machine runs */
	/* What the host wrote, by number of the register. */
	_Atomic uint32_t regs[(NPU_REG_INJECT_LEFT(0) - NPU_REG_INJECT) / 4];
	struct inject_error errors[NPU_INJECT_COUNT];
	_Atomic bool is_dead;
	_Atomic uint32_t resets; /* of the function that don't help */

	/* The runner's; zero after a reset. */
	struct inject_run {
		bool is_hung;
		uint32_t again; /* vectors to be raised once more */
		uint32_t skew; /* events in the ring less those written */
		bool is_late;
		uint32_t late_tail;
		uint64_t late_until;
	} run;
	uint32_t noise;
};

/* The registers, any thread. @offset is below NPU_REG_INJECT_END. */
uint32_t inject_read(struct npu_core *core, uint32_t offset);
void inject_write(struct npu_core *core, uint32_t offset, uint32_t value);

/* The host accesses the machine: is it dead, or does it die of that? */
bool inject_is_dead(struct npu_core *core);
/* The function was reset: is the machine there again, or still? */
bool inject_revives(struct npu_core *core);

/* An occasion for an error of this kind: does it happen? */
bool inject_takes(struct npu_core *core, enum npu_inject_kind kind);
void inject_noise(struct npu_core *core, void *bytes, size_t size);

/*
 * What is due without any other occasion: interrupts, events that were late.
 * Returns the time at which to come again, or UINT64_MAX.
 */
uint64_t inject_run(struct npu_core *core);

/*
 * The controller reads or writes @size bytes at a bus address, which may change,
 * as may the value. False: it does not get there.
 */
void inject_sees_read(struct npu_core *core, uint64_t address, uint32_t *value);
bool inject_lets_write(struct npu_core *core, uint64_t *address,
		       uint32_t *value);

#endif
