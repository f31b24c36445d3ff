// SPDX-License-Identifier: MIT
/*
 * The machine's way to memory: an address of a context goes through the MMU,
 * page by page, to the host's bus. Used by jobs (job.c), windows (controller.c)
 * and the boot ROM (boot.c).
 */
#include "machine.h"

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

static void dma_leave(struct npu_core *core)
{
	atomic_store(&core->host.is_in_dma, false);
}

int machine_dma_read(struct npu_core *core, uint64_t address, void *buffer,
		     size_t size)
{
	int failed;

	if (!dma_enter(core))
		return -1;
	failed = core->ops->dma_read(core->opaque, address, buffer, size);
	dma_leave(core);
	return failed ? -1 : 0;
}

int machine_dma_write(struct npu_core *core, uint64_t address,
		      const void *buffer, size_t size)
{
	int failed;

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

/* In pages also within a superpage: so a refusal has an address. */
int memory_access(struct npu_core *core, uint32_t context, uint64_t address,
		  void *buffer, uint32_t size, bool is_write,
		  struct unit_fault *fault)
{
	const struct mmu_port port = { read_entry, core };
	struct mmu_span span;
	uint32_t part;
	int failed;

	for (; size; size -= part, address += part, buffer += part) {
		*fault = (struct unit_fault){ .addr = address };
		fault->code = mmu_translate(&core->mmu, &port, context,
					    address, is_write, &span);
		if (fault->code)
			return -1;
		part = MMU_PAGE_SIZE - address % MMU_PAGE_SIZE;
		part = part < size ? part : size;
		failed = is_write ?
			machine_dma_write(core, span.phys, buffer, part) :
			machine_dma_read(core, span.phys, buffer, part);
		if (failed) {
			fault->code = NPU_FAULT_BUS;
			return -1;
		}
	}
	return 0;
}
