// SPDX-License-Identifier: MIT
/*
 * The memory management unit: TLB lookup, the Sv39 walk and invalidation.
 * Called by core.c; see mmu.h for the rules.
 */
#include "mmu.h"

#include <string.h>

#define ENTRY_V (1ull << 0)
#define ENTRY_R (1ull << 1)
#define ENTRY_W (1ull << 2)
#define ENTRY_X (1ull << 3)
#define ENTRY_U (1ull << 4)
#define ENTRY_A (1ull << 6)
#define ENTRY_D (1ull << 7)
#define ENTRY_RESERVED (~0ull << 54)
#define ENTRY_PPN_SHIFT 10
#define ENTRY_PPN_MASK ((1ull << 44) - 1)

#define LEVELS 3

static uint64_t page_size(uint32_t level)
{
	return (uint64_t)MMU_PAGE_SIZE << (9 * level);
}

static bool is_canonical(uint64_t address)
{
	uint64_t high = address >> 38;

	return high == 0 || high == (1u << 26) - 1;
}

static struct mmu_entry *tlb_set(struct mmu *mmu, uint64_t virt,
				 uint32_t level, uint8_t **victim)
{
	uint32_t set = (virt / page_size(level)) % MMU_TLB_SETS;

	*victim = &mmu->victim[set];
	return mmu->tlb[set];
}

static struct mmu_entry *tlb_find(struct mmu *mmu, uint32_t context,
				  uint64_t address)
{
	struct mmu_entry *set;
	uint32_t level, way;
	uint8_t *victim;
	uint64_t virt;

	for (level = 0; level < LEVELS; level++) {
		virt = address & ~(page_size(level) - 1);
		set = tlb_set(mmu, virt, level, &victim);
		for (way = 0; way < MMU_TLB_WAYS; way++)
			if (set[way].is_valid && set[way].virt == virt &&
			    set[way].level == level &&
			    set[way].context == context)
				return &set[way];
	}
	return NULL;
}

/* A free way, or else the ways of a set in turn. */
static struct mmu_entry *tlb_place(struct mmu *mmu, uint64_t virt,
				   uint32_t level)
{
	struct mmu_entry *set;
	uint8_t *victim;
	uint32_t way;

	set = tlb_set(mmu, virt, level, &victim);
	for (way = 0; way < MMU_TLB_WAYS; way++)
		if (!set[way].is_valid)
			return &set[way];
	way = *victim;
	*victim = (way + 1) % MMU_TLB_WAYS;
	return &set[way];
}

static bool is_leaf(uint64_t entry)
{
	return entry & (ENTRY_R | ENTRY_W | ENTRY_X);
}

static bool is_valid_entry(uint64_t entry)
{
	if (!(entry & ENTRY_V) || (entry & ENTRY_RESERVED))
		return false;
	if (!is_leaf(entry))
		return !(entry & (ENTRY_A | ENTRY_D | ENTRY_U));
	return (entry & ENTRY_R) || !(entry & ENTRY_W);
}

static uint64_t entry_address(uint64_t entry)
{
	return ((entry >> ENTRY_PPN_SHIFT) & ENTRY_PPN_MASK) * MMU_PAGE_SIZE;
}

/* Find the leaf of @address; @page_fault is what to report if there is none. */
static enum npu_fault walk(const struct mmu_port *port, uint64_t root,
			   uint64_t address, enum npu_fault page_fault,
			   uint64_t *leaf, uint32_t *level)
{
	uint64_t table = root & ~(uint64_t)(MMU_PAGE_SIZE - 1);
	uint64_t entry, index;
	uint32_t i;

	for (i = LEVELS; i-- > 0;) {
		index = (address >> (12 + 9 * i)) & 511;
		if (port->read_entry(port->opaque, table + 8 * index, &entry))
			return NPU_FAULT_BUS;
		if (!is_valid_entry(entry))
			return page_fault;
		table = entry_address(entry);
		if (!is_leaf(entry))
			continue;
		if (table & (page_size(i) - 1))
			return page_fault;
		*leaf = entry;
		*level = i;
		return NPU_FAULT_NONE;
	}
	return page_fault;
}

static void span_of(const struct mmu_entry *entry, uint64_t address,
		    struct mmu_span *span)
{
	uint64_t offset = address - entry->virt;

	span->phys = entry->phys + offset;
	span->size = page_size(entry->level) - offset;
}

/* Walk and remember; an entry that refused this access is replaced. */
static enum npu_fault refill(struct mmu *mmu, const struct mmu_port *port,
			     uint32_t context, uint64_t address, bool is_write,
			     struct mmu_entry **found)
{
	enum npu_fault page_fault = is_write ? NPU_FAULT_PAGE_WRITE :
					       NPU_FAULT_PAGE_READ;
	struct mmu_entry *entry;
	enum npu_fault fault;
	uint64_t leaf, virt;
	uint32_t level;

	if (!is_canonical(address))
		return page_fault;
	if (*found)
		(*found)->is_valid = false;
	fault = walk(port, mmu->roots[context], address, page_fault, &leaf,
		     &level);
	if (fault)
		return fault;
	if (!(leaf & (is_write ? ENTRY_W : ENTRY_R)))
		return page_fault;
	virt = address & ~(page_size(level) - 1);
	entry = tlb_place(mmu, virt, level);
	*entry = (struct mmu_entry){
		.virt = virt,
		.phys = entry_address(leaf),
		.context = context,
		.level = level,
		.is_valid = true,
		.is_writable = leaf & ENTRY_W,
	};
	*found = entry;
	return NPU_FAULT_NONE;
}

enum npu_fault mmu_translate(struct mmu *mmu, const struct mmu_port *port,
			     uint32_t context, uint64_t address, bool is_write,
			     struct mmu_span *span)
{
	struct mmu_entry *entry;
	enum npu_fault fault;

	if (context >= NPU_MAX_CONTEXTS ||
	    !(mmu->roots[context] & NPU_MMU_ROOT_VALID))
		return NPU_FAULT_CONTEXT;
	entry = tlb_find(mmu, context, address);
	if (entry && (entry->is_writable || !is_write)) {
		mmu->hits++;
	} else {
		mmu->misses++;
		fault = refill(mmu, port, context, address, is_write, &entry);
		if (fault)
			return fault;
	}
	span_of(entry, address, span);
	return NPU_FAULT_NONE;
}

void mmu_set_root(struct mmu *mmu, uint32_t context, uint64_t root)
{
	mmu->roots[context] = root;
	mmu_invalidate_context(mmu, context);
}

void mmu_reset(struct mmu *mmu)
{
	memset(mmu, 0, sizeof(*mmu));
}

void mmu_invalidate_all(struct mmu *mmu)
{
	memset(mmu->tlb, 0, sizeof(mmu->tlb));
}

void mmu_invalidate_context(struct mmu *mmu, uint32_t context)
{
	mmu_invalidate_range(mmu, context, 0, UINT64_MAX);
}

void mmu_invalidate_range(struct mmu *mmu, uint32_t context, uint64_t address,
			  uint64_t size)
{
	uint64_t last = address + size - 1;
	struct mmu_entry *entry;
	uint32_t set, way;

	if (!size)
		return;
	if (last < address)
		last = UINT64_MAX;
	for (set = 0; set < MMU_TLB_SETS; set++) {
		for (way = 0; way < MMU_TLB_WAYS; way++) {
			entry = &mmu->tlb[set][way];
			if (entry->context == context && entry->virt <= last &&
			    entry->virt + page_size(entry->level) - 1 >=
				    address)
				entry->is_valid = false;
		}
	}
}
