/* SPDX-License-Identifier: MIT */
/*
 * Memory on the simulated bus: blocks of zeroed pages at bus addresses that are
 * never used twice, so that a stale address finds nothing. The machine's DMA
 * ends here and is checked against the blocks.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct sim_block {
	uint64_t bus;
	uint64_t size_bytes;
	uint8_t *host;
	const void *owner;
};

struct sim_memory {
	struct sim_block *blocks; /* by ascending bus address */
	size_t count;
	size_t room;
	size_t last; /* index of the block that was used last */
	uint64_t next_bus;
};

void sim_memory_init(struct sim_memory *memory);
void sim_memory_fini(struct sim_memory *memory);

/*
 * A new block. Sets @bus; returns where the process sees it, or NULL. It lives
 * until its owner's blocks are freed.
 */
void *sim_memory_alloc(struct sim_memory *memory, uint64_t size_bytes,
		       const void *owner, uint64_t *bus);

void sim_memory_free_owned(struct sim_memory *memory, const void *owner);

/* Where @size_bytes from @bus are, or NULL if they are not all of one block. */
void *sim_memory_at(struct sim_memory *memory, uint64_t bus,
		    uint64_t size_bytes);

#endif
