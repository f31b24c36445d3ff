// SPDX-License-Identifier: MIT
/* Memory on the simulated bus, see memory.h. The board calls it. */
#include "memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096
#define FIRST_BUS 0x100000000ull /* beyond 32 bits, as on many real machines */

void sim_memory_init(struct sim_memory *memory)
{
	*memory = (struct sim_memory){ .next_bus = FIRST_BUS };
}

void sim_memory_fini(struct sim_memory *memory)
{
	size_t i;

	for (i = 0; i < memory->count; i++)
		munmap(memory->blocks[i].host, memory->blocks[i].size_bytes);
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

void *sim_memory_alloc(struct sim_memory *memory, uint64_t size_bytes,
		       const void *owner, uint64_t *bus)
{
	struct sim_block *block;
	void *host;

	size_bytes = (size_bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	if (make_room(memory))
		return NULL;
	host = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (host == MAP_FAILED)
		return NULL;
	block = &memory->blocks[memory->count++];
	*block = (struct sim_block){
		.bus = memory->next_bus,
		.size_bytes = size_bytes,
		.host = host,
		.owner = owner,
	};
	/* a hole behind it: what runs over its end is refused */
	memory->next_bus += size_bytes + PAGE_BYTES;
	*bus = block->bus;
	return host;
}

void sim_memory_free_owned(struct sim_memory *memory, const void *owner)
{
	size_t kept = 0, i;

	for (i = 0; i < memory->count; i++) {
		struct sim_block *block = &memory->blocks[i];

		if (block->owner == owner)
			munmap(block->host, block->size_bytes);
		else
			memory->blocks[kept++] = *block;
	}
	memory->count = kept;
	memory->last = 0;
}

static int is_within(const struct sim_block *block, uint64_t bus,
		     uint64_t size_bytes)
{
	return bus >= block->bus && size_bytes <= block->size_bytes &&
	       bus - block->bus <= block->size_bytes - size_bytes;
}

void *sim_memory_at(struct sim_memory *memory, uint64_t bus,
		    uint64_t size_bytes)
{
	size_t low = 0, high = memory->count;

	if (!memory->count)
		return NULL;
	if (!is_within(&memory->blocks[memory->last], bus, size_bytes)) {
		while (high - low > 1) {
			size_t middle = (low + high) / 2;

			if (memory->blocks[middle].bus <= bus)
				low = middle;
			else
				high = middle;
		}
		if (!is_within(&memory->blocks[low], bus, size_bytes))
			return NULL;
		memory->last = low;
	}
	return memory->blocks[memory->last].host +
	       (bus - memory->blocks[memory->last].bus);
}
