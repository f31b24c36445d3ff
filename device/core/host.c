// SPDX-License-Identifier: MIT
/*
 * What the host sees: the registers of BAR0 and the doorbells. Any thread calls
 * these functions, also while the runner works; therefore they touch nothing
 * but the constants of the configuration and the atomics of struct host_side:
 *
 * requests	set by the host, cleared by the runner when it has done them
 * boot_status	written by the runner
 * is_in_dma	written by the runner, see memory.c
 * regs, boot	written by the host; the runner reads boot when it boots
 * scratch	written by the controller
 * doorbells	set by the host, cleared by the controller and by a reset's request
 * reads...	counted by whoever does it
 */
#include "machine.h"

#define REQUEST_BITS ((uint32_t)NPU_CTRL_RESET | NPU_CTRL_BOOT)
#define REQUEST_NUMBER (REQUEST_BITS + 1)

/*
 * After the write that asks for a reset the old run is over, but for one DMA
 * that may be on its way: until it is done the machine is not yet reset.
 */
static uint32_t boot_status(struct npu_core *core)
{
	uint32_t requests = atomic_load(&core->host.requests);
	uint32_t status = atomic_load(&core->host.boot_status);

	if (requests & NPU_CTRL_RESET)
		status = atomic_load(&core->host.is_in_dma) ? NPU_BOOT_LOADING :
							      NPU_BOOT_RESET;
	if ((requests & NPU_CTRL_BOOT) && status == NPU_BOOT_RESET)
		status = NPU_BOOT_LOADING;
	return status;
}

uint32_t host_config(const struct npu_core *core, uint32_t offset)
{
	const struct npu_machine *m = &core->config;
	const uint32_t values[NPU_REG_CONFIG_END / 4] = {
		[NPU_REG_ID / 4] = NPU_ID_MAGIC,
		[NPU_REG_VERSION / 4] = NPU_HW_VERSION_MAJOR << 16 |
					NPU_HW_VERSION_MINOR,
		[NPU_REG_CORES / 4] = m->cores,
		[NPU_REG_MACS / 4] = m->macs,
		[NPU_REG_SRAM_SIZE / 4] = m->sram_size,
		[NPU_REG_CLOCK_KHZ / 4] = m->clock_khz,
		[NPU_REG_SRAM_BW / 4] = m->sram_bw,
		[NPU_REG_SRAM_LATENCY / 4] = m->sram_latency,
		[NPU_REG_MEM_BW / 4] = m->mem_bw,
		[NPU_REG_MEM_LATENCY / 4] = m->mem_latency,
		[NPU_REG_TCM_SIZE / 4] = NPU_TCM_SIZE,
		[NPU_REG_DOORBELLS / 4] = NPU_MAX_DOORBELLS,
		[NPU_REG_CONTEXTS / 4] = NPU_MAX_CONTEXTS,
		[NPU_REG_VECTORS / 4] = NPU_MAX_VECTORS,
		[NPU_REG_MODE / 4] = m->restricted ? NPU_MODE_RESTRICTED : 0,
	};

	return values[offset / 4];
}

/* The registers that the host writes and reads back, or NULL. */
static _Atomic uint32_t *boot_register(struct npu_core *core, uint64_t offset)
{
	struct boot_registers *regs = &core->host.regs;

	switch (offset) {
	case NPU_REG_IMAGE_LO:
		return &regs->image_lo;
	case NPU_REG_IMAGE_HI:
		return &regs->image_hi;
	case NPU_REG_IMAGE_SIZE:
		return &regs->image_size;
	case NPU_REG_ARG_LO:
		return &regs->arg_lo;
	case NPU_REG_ARG_HI:
		return &regs->arg_hi;
	}
	return NULL;
}

static _Atomic uint32_t *access_counter(struct npu_core *core, uint64_t offset)
{
	switch (offset) {
	case NPU_REG_COUNT_READS:
		return &core->host.reads;
	case NPU_REG_COUNT_WRITES:
		return &core->host.writes;
	case NPU_REG_COUNT_DOORBELLS:
		return &core->host.rings;
	case NPU_REG_COUNT_INTERRUPTS:
		return &core->host.interrupts;
	}
	return NULL;
}

/* What firmware wrote before a reset is gone with the write that asks for it. */
static uint32_t read_scratch(struct npu_core *core, uint64_t offset)
{
	uint32_t value;

	offset = (offset - NPU_REG_SCRATCH(0)) / 4;
	value = atomic_load(&core->host.scratch[offset]);
	return atomic_load(&core->host.requests) & NPU_CTRL_RESET ? 0 : value;
}

uint64_t npu_core_mmio_read(struct npu_core *core, uint64_t offset,
			    unsigned int size)
{
	_Atomic uint32_t *word;

	atomic_fetch_add(&core->host.reads, 1);
	if (inject_is_dead(core))
		return size < 8 ? (1ull << (8 * size)) - 1 : UINT64_MAX;
	if (size != 4 || offset % 4)
		return 0;
	if (offset < NPU_REG_CONFIG_END)
		return host_config(core, offset);
	if (offset == NPU_REG_BOOT_STATUS)
		return boot_status(core);
	if (offset >= NPU_REG_SCRATCH(0) &&
	    offset < NPU_REG_SCRATCH(NPU_SCRATCH_COUNT))
		return read_scratch(core, offset);
	if (offset >= NPU_REG_INJECT && offset < NPU_REG_INJECT_END)
		return inject_read(core, (uint32_t)offset);
	word = boot_register(core, offset);
	if (!word)
		word = access_counter(core, offset);
	return word ? atomic_load(word) : 0;
}

static void copy_registers(struct boot_registers *to,
			   struct boot_registers *from)
{
	atomic_store(&to->image_lo, atomic_load(&from->image_lo));
	atomic_store(&to->image_hi, atomic_load(&from->image_hi));
	atomic_store(&to->image_size, atomic_load(&from->image_size));
	atomic_store(&to->arg_lo, atomic_load(&from->arg_lo));
	atomic_store(&to->arg_hi, atomic_load(&from->arg_hi));
}

static void clear_registers(struct boot_registers *regs)
{
	atomic_store(&regs->image_lo, 0);
	atomic_store(&regs->image_hi, 0);
	atomic_store(&regs->image_size, 0);
	atomic_store(&regs->arg_lo, 0);
	atomic_store(&regs->arg_hi, 0);
}

/* True if a machine that has done all it was asked for waits for BOOT. */
static bool can_boot(struct npu_core *core)
{
	uint32_t requests = atomic_load(&core->host.requests);

	if (requests & NPU_CTRL_BOOT)
		return false;
	return (requests & NPU_CTRL_RESET) ||
	       atomic_load(&core->host.boot_status) == NPU_BOOT_RESET;
}

/*
 * A reset takes back what was asked before it. Each has a number of its own, so
 * that host_finish() can tell what the runner has done from the same request
 * made again meanwhile.
 */
static void request(struct npu_core *core, uint32_t wanted)
{
	uint32_t old = atomic_load(&core->host.requests);
	uint32_t new;

	do {
		new = old | wanted;
		if (wanted & NPU_CTRL_RESET)
			new = (old & ~REQUEST_BITS) + REQUEST_NUMBER + wanted;
	} while (!atomic_compare_exchange_weak(&core->host.requests, &old,
					       new));
	core->ops->wake(core->opaque);
}

void host_write_ctrl(struct npu_core *core, uint32_t wanted)
{
	wanted &= REQUEST_BITS;
	if (wanted == NPU_CTRL_BOOT && !can_boot(core))
		return;
	if (wanted & NPU_CTRL_BOOT)
		copy_registers(&core->host.boot, &core->host.regs);
	if (wanted & NPU_CTRL_RESET) {
		clear_registers(&core->host.regs);
		atomic_store(&core->host.doorbells, 0);
	}
	if (wanted)
		request(core, wanted);
}

void host_finish(struct npu_core *core, uint32_t done)
{
	uint32_t old = atomic_load(&core->host.requests);
	uint32_t new;

	do {
		new = old;
		if ((old & ~REQUEST_BITS) == (done & ~REQUEST_BITS))
			new &= ~(done & REQUEST_BITS);
	} while (!atomic_compare_exchange_weak(&core->host.requests, &old,
					       new));
}

void npu_core_mmio_write(struct npu_core *core, uint64_t offset,
			 uint64_t value, unsigned int size)
{
	atomic_fetch_add(&core->host.writes, 1);
	if (inject_is_dead(core) || size != 4 || offset % 4)
		return;
	if (offset == NPU_REG_CTRL)
		host_write_ctrl(core, value);
	else if (offset >= NPU_REG_INJECT && offset < NPU_REG_INJECT_END)
		inject_write(core, (uint32_t)offset, value);
	else if (boot_register(core, offset))
		atomic_store(boot_register(core, offset), value);
	else if (access_counter(core, offset))
		atomic_store(access_counter(core, offset), 0);
}

void npu_core_doorbell(struct npu_core *core, unsigned int page)
{
	uint64_t bit, before;

	if (page >= NPU_MAX_DOORBELLS)
		return;
	bit = 1ull << page;
	atomic_fetch_add(&core->host.rings, 1);
	if (inject_is_dead(core))
		return;
	before = atomic_fetch_or(&core->host.doorbells, bit);
	if (!(before & bit))
		core->ops->wake(core->opaque);
}

void host_init(struct npu_core *core)
{
	atomic_store(&core->host.reads, 0);
	atomic_store(&core->host.writes, 0);
	atomic_store(&core->host.rings, 0);
	atomic_store(&core->host.interrupts, 0);
	host_reset(core);
}

void host_reset(struct npu_core *core)
{
	atomic_store(&core->host.requests, 0);
	atomic_store(&core->host.is_in_dma, false);
	atomic_store(&core->host.doorbells, 0);
	clear_registers(&core->host.regs);
	clear_registers(&core->host.boot);
}
