/* SPDX-License-Identifier: MIT */
/*
 * Memory on the simulated bus: blocks of zeroed pages at bus addresses that are
 * never used twice, so that a stale address finds nothing. Blocks may also be
 * lent by the application. The machine's DMA ends here and is checked against the
 * blocks.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_MEMORY_RECENT 64

struct sim_block {
	uint64_t bus;
	uint64_t size_bytes;
	uint8_t *host;
	const void *owner;
	bool is_lent; /* not ours to unmap */
	uint64_t seal; /* no other block's; 0: it may be written */
};

struct sim_memory {
	struct sim_block *blocks; /* by ascending bus address */
	size_t count;
	size_t room;
	/* Which blocks were used last, by the address; may be beyond @count */
	_Atomic uint32_t recent[SIM_MEMORY_RECENT];
	uint64_t next_bus;
	uint64_t seals; /* numbers given */
};

void sim_memory_init(struct sim_memory *memory);
void sim_memory_fini(struct sim_memory *memory);

/*
 * A new block. Sets @bus; returns where the process sees it, or NULL. It lives
 * until its owner's blocks are freed.
 */
void *sim_memory_alloc(struct sim_memory *memory, uint64_t size_bytes,
		       const void *owner, uint64_t *bus);

/*
 * A block of memory that is there, in whole pages; it is unmapped with the block
 * unless it is lent. Returns its bus address, or 0.
 */
uint64_t sim_memory_add(struct sim_memory *memory, void *host,
			uint64_t size_bytes, const void *owner, bool is_lent);

/*
 * Nobody writes the block at @bus any more, neither the machine nor the process. It
 * is not sealed if the kernel can't see to that.
 */
void sim_memory_seal(struct sim_memory *memory, uint64_t bus);

/* The seal of the block that has all these bytes, or 0. Threads as below. */
uint64_t sim_memory_seal_of(struct sim_memory *memory, uint64_t bus,
			    uint64_t size_bytes);

/* Ends the block at @bus. */
void sim_memory_free(struct sim_memory *memory, uint64_t bus);
void sim_memory_free_owned(struct sim_memory *memory, const void *owner);

/*
 * Where @size_bytes from @bus are, or NULL if they are not all of one block. Several
 * threads may ask at the same time.
 */
void *sim_memory_at(struct sim_memory *memory, uint64_t bus,
		    uint64_t size_bytes);

#endif
