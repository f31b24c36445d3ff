// SPDX-License-Identifier: MIT
/*
 * Where the firmware begins: start.S calls main() with a stack and cleared
 * memory. It shakes hands with the driver, then serves it for ever.
 */
#include "fw.h"
#include "io.h"

void main(void);

#define MIE_TIMER (1u << 7)
#define MIE_EXTERNAL (1u << 11)

static struct fw fw;

static void set_state(enum npu_fw_state state)
{
	io_fence(); /* the host's between the state and what it stands for */
	io_sys_write(NPU_SYS_SCRATCH(NPU_FW_SCRATCH_STATE), state);
}

/*
 * Interrupts only end io_wait(); they are not taken, since mstatus.MIE stays
 * off. So there is no concurrency in here.
 */
static void enable_wakeups(void)
{
	uint32_t sources = NPU_IRQ_DOORBELL;
	uint32_t i;

	for (i = 0; i < fw.core_count; i++)
		sources |= NPU_IRQ_CORE(i);
	io_sys_write(NPU_SYS_IRQ_ENABLE, sources);
	__asm__ volatile("csrw mie, %0" ::"r"(MIE_TIMER | MIE_EXTERNAL));
}

static void refuse(enum npu_fw_refusal reason)
{
	io_sys_write(NPU_SYS_SCRATCH(NPU_FW_SCRATCH_REASON), reason);
	set_state(NPU_FW_REFUSED);
	for (;;)
		io_wait(); /* nothing is enabled: for ever */
}

void main(void)
{
	enum npu_fw_refusal refusal;

	set_state(NPU_FW_STARTING);
	refusal = fw_boot(&fw);
	if (refusal)
		refuse(refusal);
	enable_wakeups();
	set_state(NPU_FW_READY);
	for (;;) {
		fw_round(&fw);
		io_wait();
	}
}
