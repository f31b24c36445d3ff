// SPDX-License-Identifier: MIT
/*
 * A trap is a bug or a broken machine: leave a crash record where the host can
 * read it and stop. Called by start.S on a stack of its own.
 */
#include "io.h"

#include <npu/ring.h>

void trap_crash(uint32_t ra, uint32_t sp);

static void record(uint32_t scratch, uint32_t value)
{
	io_sys_write(NPU_SYS_SCRATCH(scratch), value);
}

/* @ra and @sp are those of the code that trapped. */
void trap_crash(uint32_t ra, uint32_t sp)
{
	uint32_t mcause, mepc, mtval;

	__asm__ volatile("csrr %0, mcause" : "=r"(mcause));
	__asm__ volatile("csrr %0, mepc" : "=r"(mepc));
	__asm__ volatile("csrr %0, mtval" : "=r"(mtval));
	record(NPU_FW_SCRATCH_MCAUSE, mcause);
	record(NPU_FW_SCRATCH_MEPC, mepc);
	record(NPU_FW_SCRATCH_MTVAL, mtval);
	record(NPU_FW_SCRATCH_RA, ra);
	record(NPU_FW_SCRATCH_SP, sp);
	io_fence();
	record(NPU_FW_SCRATCH_STATE, NPU_FW_CRASHED);
	__asm__ volatile("csrw mie, zero");
	for (;;)
		io_wait();
}
