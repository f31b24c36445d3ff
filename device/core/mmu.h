/* SPDX-License-Identifier: MIT */
/*
 * The memory management unit: a page table per context in RISC-V Sv39 format
 * and a TLB tagged with the context's number. The machine (core.c) translates
 * every access of a job through it, and the controller's windows if asked.
 *
 * Rules for an entry, where the RISC-V manual speaks of processors:
 * - a leaf needs V and R to be read, and W to be written; W without R and any
 *   of bits 63:54 are reserved and fault;
 * - a pointer to a table has R, W and X clear, and A, D and U too;
 * - in a leaf U, A, D, G and X are ignored; with X alone nobody may read it;
 * - a superpage that is not aligned to its size faults, so does an address
 *   whose bits 63:39 are not copies of bit 38.
 *
 * The TLB keeps what a walk found until it is invalidated. A refusal is never
 * kept: an access that an entry does not allow walks again.
 */
#ifndef NPU_MMU_H
#define NPU_MMU_H

#include <npu/job.h>
#include <npu/regs.h>

#include <stdbool.h>

#define MMU_PAGE_SIZE 4096u
#define MMU_TLB_SETS 64
#define MMU_TLB_WAYS 4

struct mmu_entry {
	uint64_t virt;		/* of the page's first byte, sign-extended */
	uint64_t phys;
	uint8_t context;
	uint8_t level;		/* 0: 4 KiB, 1: 2 MiB, 2: 1 GiB */
	bool is_valid;
	bool is_writable;
};

struct mmu {
	uint64_t roots[NPU_MAX_CONTEXTS];	/* as in NPU_MMU_ROOT */
	struct mmu_entry tlb[MMU_TLB_SETS][MMU_TLB_WAYS];
	uint8_t victim[MMU_TLB_SETS];
	uint32_t hits;
	uint32_t misses;
};

/* How the walker reads an entry of a table; returns 0 or non-zero to refuse. */
struct mmu_port {
	int (*read_entry)(void *opaque, uint64_t address, uint64_t *entry);
	void *opaque;
};

/* Where an address leads: valid for @size bytes from there. */
struct mmu_span {
	uint64_t phys;
	uint64_t size;
};

/* Write a context's root, as in NPU_MMU_ROOT; the TLB forgets the context. */
void mmu_set_root(struct mmu *mmu, uint32_t context, uint64_t root);

/* No roots, an empty TLB. */
void mmu_reset(struct mmu *mmu);

/*
 * Translate @address of @context for reading or writing. Returns 0 and fills
 * @span, or why not: NPU_FAULT_CONTEXT, NPU_FAULT_PAGE_READ,
 * NPU_FAULT_PAGE_WRITE, or NPU_FAULT_BUS when a table could not be read.
 */
enum npu_fault mmu_translate(struct mmu *mmu, const struct mmu_port *port,
			     uint32_t context, uint64_t address, bool is_write,
			     struct mmu_span *span);

void mmu_invalidate_all(struct mmu *mmu);
void mmu_invalidate_context(struct mmu *mmu, uint32_t context);

/* Drop what touches @size bytes from @address; past the end it stops there. */
void mmu_invalidate_range(struct mmu *mmu, uint32_t context, uint64_t address,
			  uint64_t size);

#endif
