// SPDX-License-Identifier: MIT
/*
 * The machine's way to memory: an address of a context goes through the MMU,
 * page by page, to the host's bus. Used by jobs (job.c), windows (controller.c)
 * and the boot ROM (boot.c).
 */
#include "machine.h"

#include <string.h>

/*
 * The host may ask for a reset at any moment. It believes that the old run's DMA
 * is over when BOOT_STATUS says so, and that is when is_in_dma is false after
 * the request was made: either the runner sees the request here, or the host
 * sees is_in_dma there (both are sequentially consistent).
 */
static bool dma_enter(struct npu_core *core)
{
	atomic_store(&core->host.is_in_dma, true);
	if (!(atomic_load(&core->host.requests) & NPU_CTRL_RESET) &&
	    !atomic_load(&core->inject.is_dead))
		return true;
	atomic_store(&core->host.is_in_dma, false);
	return false;
}

/* Nothing of the run comes behind it that must not be seen before it. */
static void dma_leave(struct npu_core *core)
{
	atomic_store_explicit(&core->host.is_in_dma, false,
			      memory_order_release);
}

void *machine_reach(struct npu_core *core, uint64_t address, size_t size,
		    bool is_write)
{
	if ((atomic_load(&core->host.requests) & NPU_CTRL_RESET) ||
	    atomic_load(&core->inject.is_dead))
		return NULL;
	return core->ops->reach(core->opaque, address, size, is_write);
}

int machine_dma_read(struct npu_core *core, uint64_t address, void *buffer,
		     size_t size)
{
	const void *source;
	int failed;

	if (core->ops->reach) {
		source = machine_reach(core, address, size, false);
		return source ? (memcpy(buffer, source, size), 0) : -1;
	}
	if (!dma_enter(core))
		return -1;
	failed = core->ops->dma_read(core->opaque, address, buffer, size);
	dma_leave(core);
	return failed ? -1 : 0;
}

int machine_dma_write(struct npu_core *core, uint64_t address,
		      const void *buffer, size_t size)
{
	void *target;
	int failed;

	if (core->ops->reach) {
		target = machine_reach(core, address, size, true);
		return target ? (memcpy(target, buffer, size), 0) : -1;
	}
	if (!dma_enter(core))
		return -1;
	failed = core->ops->dma_write(core->opaque, address, buffer, size);
	dma_leave(core);
	return failed ? -1 : 0;
}

static int read_entry(void *opaque, uint64_t address, uint64_t *entry)
{
	return machine_dma_read(opaque, address, entry, sizeof(*entry));
}

enum npu_fault memory_translate(struct npu_core *core, struct mmu *mmu,
				uint32_t context, uint64_t address,
				bool is_write, uint64_t *bus)
{
	const struct mmu_port port = { read_entry, core };
	struct mmu_span span;
	enum npu_fault fault;

	fault = mmu_translate(mmu, &port, context, address, is_write, &span);
	*bus = fault ? 0 : span.phys;
	return fault;
}

/* In pages also within a superpage: so a refusal has an address. */
int memory_access(struct npu_core *core, struct mmu *mmu, uint32_t context,
		  uint64_t address, void *buffer, uint32_t size, bool is_write,
		  struct unit_fault *fault)
{
	uint32_t part;
	uint64_t bus;
	int failed;

	for (; size; size -= part, address += part, buffer += part) {
		*fault = (struct unit_fault){ .addr = address };
		fault->code = memory_translate(core, mmu, context, address,
					       is_write, &bus);
		if (fault->code)
			return -1;
		part = MMU_PAGE_SIZE - address % MMU_PAGE_SIZE;
		part = part < size ? part : size;
		failed = is_write ?
			machine_dma_write(core, bus, buffer, part) :
			machine_dma_read(core, bus, buffer, part);
		if (failed) {
			fault->code = NPU_FAULT_BUS;
			return -1;
		}
	}
	return 0;
}
