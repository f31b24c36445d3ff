// SPDX-License-Identifier: MIT
/*
 * Page tables of the simulated board's contexts, in Sv39 format (the manual's
 * section 5). Pages are added or replaced: a context's tables end with it.
 */
#include "sim.h"

#include <errno.h>

#define PAGE_BYTES 4096
#define LEVELS 3
#define PTE_VALID (1ull << 0)
#define PTE_READ (1ull << 1)
#define PTE_WRITE (1ull << 2)

static uint64_t make_entry(uint64_t bus, uint64_t flags)
{
	return bus >> 12 << 10 | flags | PTE_VALID;
}

/* The table below @entry, made if there is none yet; NULL: out of memory. */
static uint64_t *next_table(struct sim_context *ctx, uint64_t *entry)
{
	struct sim_memory *memory = &ctx->board->memory;
	uint64_t bus, *table;

	if (*entry & PTE_VALID)
		return sim_memory_at(memory, *entry >> 10 << 12, PAGE_BYTES);
	table = sim_memory_alloc(memory, PAGE_BYTES, ctx, &bus);
	if (table)
		*entry = make_entry(bus, 0);
	return table;
}

static int map_page(struct sim_context *ctx, uint64_t address, uint64_t bus,
		    uint64_t flags)
{
	uint64_t *table = sim_memory_at(&ctx->board->memory, ctx->root,
					PAGE_BYTES);
	int level;

	for (level = LEVELS - 1; table && level > 0; level--)
		table = next_table(ctx, &table[address >> (12 + 9 * level) &
					       511]);
	if (!table)
		return -ENOMEM;
	table[address >> 12 & 511] = make_entry(bus, flags);
	return 0;
}

int sim_pagetable_map(struct sim_context *ctx, uint64_t address, uint64_t bus,
		      uint64_t size_bytes, bool is_writable)
{
	uint64_t flags = PTE_READ | (is_writable ? PTE_WRITE : 0);
	uint64_t offset;
	int err = 0;

	for (offset = 0; !err && offset < size_bytes; offset += PAGE_BYTES)
		err = map_page(ctx, address + offset, bus + offset, flags);
	return err;
}
