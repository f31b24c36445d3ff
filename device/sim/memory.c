// SPDX-License-Identifier: MIT
/* Memory on the simulated bus, see memory.h. The board calls it. */
#include "memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096
#define FIRST_BUS 0x100000000ull /* beyond 32 bits, as on many real machines */

void sim_memory_init(struct sim_memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	memory->next_bus = FIRST_BUS;
}

static void end_block(struct sim_block *block)
{
	if (!block->is_lent)
		munmap(block->host, block->size_bytes);
}

void sim_memory_fini(struct sim_memory *memory)
{
	size_t i;

	for (i = 0; i < memory->count; i++)
		end_block(&memory->blocks[i]);
	free(memory->blocks);
}

static int make_room(struct sim_memory *memory)
{
	size_t room = memory->room ? 2 * memory->room : 64;
	struct sim_block *blocks;

	if (memory->count < memory->room)
		return 0;
	blocks = realloc(memory->blocks, room * sizeof(*blocks));
	if (!blocks)
		return -1;
	memory->blocks = blocks;
	memory->room = room;
	return 0;
}

uint64_t sim_memory_add(struct sim_memory *memory, void *host,
			uint64_t size_bytes, const void *owner, bool is_lent)
{
	struct sim_block *block;

	if (make_room(memory))
		return 0;
	block = &memory->blocks[memory->count++];
	*block = (struct sim_block){
		.bus = memory->next_bus,
		.size_bytes = size_bytes,
		.host = host,
		.owner = owner,
		.is_lent = is_lent,
	};
	/* a hole behind it: what runs over its end is refused */
	memory->next_bus += size_bytes + PAGE_BYTES;
	return block->bus;
}

void *sim_memory_alloc(struct sim_memory *memory, uint64_t size_bytes,
		       const void *owner, uint64_t *bus)
{
	void *host;

	size_bytes = (size_bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	host = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (host == MAP_FAILED)
		return NULL;
	*bus = sim_memory_add(memory, host, size_bytes, owner, false);
	if (*bus)
		return host;
	munmap(host, size_bytes);
	return NULL;
}

/* The number of the block at @bus, or of none. */
static size_t number_of(const struct sim_memory *memory, uint64_t bus)
{
	size_t i = 0;

	while (i < memory->count && memory->blocks[i].bus != bus)
		i++;
	return i;
}

void sim_memory_seal(struct sim_memory *memory, uint64_t bus)
{
	size_t i = number_of(memory, bus);
	struct sim_block *block = &memory->blocks[i];

	if (i < memory->count && !block->seal &&
	    !mprotect(block->host, block->size_bytes, PROT_READ))
		block->seal = ++memory->seals;
}

void sim_memory_free(struct sim_memory *memory, uint64_t bus)
{
	size_t i = number_of(memory, bus);

	if (i == memory->count)
		return;
	end_block(&memory->blocks[i]);
	memory->count--;
	memmove(&memory->blocks[i], &memory->blocks[i + 1],
		(memory->count - i) * sizeof(*memory->blocks));
}

void sim_memory_free_owned(struct sim_memory *memory, const void *owner)
{
	size_t kept = 0, i;

	for (i = 0; i < memory->count; i++) {
		struct sim_block *block = &memory->blocks[i];

		if (block->owner == owner)
			end_block(block);
		else
			memory->blocks[kept++] = *block;
	}
	memory->count = kept;
}

static int is_within(const struct sim_block *block, uint64_t bus,
		     uint64_t size_bytes)
{
	return bus >= block->bus && size_bytes <= block->size_bytes &&
	       bus - block->bus <= block->size_bytes - size_bytes;
}

static size_t find_block(const struct sim_memory *memory, uint64_t bus)
{
	size_t low = 0, high = memory->count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (memory->blocks[middle].bus <= bus)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The block that has all these bytes, or NULL. */
static const struct sim_block *block_of(struct sim_memory *memory, uint64_t bus,
					uint64_t size_bytes)
{
	_Atomic uint32_t *recent =
		&memory->recent[bus / PAGE_BYTES % SIM_MEMORY_RECENT];
	size_t i = atomic_load_explicit(recent, memory_order_relaxed);
	const struct sim_block *block;

	if (i >= memory->count ||
	    !is_within(&memory->blocks[i], bus, size_bytes)) {
		if (!memory->count)
			return NULL;
		i = find_block(memory, bus);
		atomic_store_explicit(recent, i, memory_order_relaxed);
	}
	block = &memory->blocks[i];
	return is_within(block, bus, size_bytes) ? block : NULL;
}

void *sim_memory_at(struct sim_memory *memory, uint64_t bus,
		    uint64_t size_bytes)
{
	const struct sim_block *block = block_of(memory, bus, size_bytes);

	return block ? block->host + (bus - block->bus) : NULL;
}

uint64_t sim_memory_seal_of(struct sim_memory *memory, uint64_t bus,
			    uint64_t size_bytes)
{
	const struct sim_block *block = block_of(memory, bus, size_bytes);

	return block ? block->seal : 0;
}
