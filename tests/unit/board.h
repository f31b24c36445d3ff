/* SPDX-License-Identifier: MIT */
/*
 * A board for tests of the machine: host memory, and a firmware of a dozen
 * instructions, the agent, that does loads and stores for the test. The test
 * writes what it wants into a mailbox in host memory and rings doorbell 0; so
 * everything goes the way it goes in a real system, through the controller.
 *
 * Memory is BOARD_SIZE bytes at bus address BOARD_BASE. Context 1 sees the same
 * bytes at virtual addresses from 0, page by page; the last page is read-only.
 */
#ifndef TESTS_BOARD_H
#define TESTS_BOARD_H

#include "npu_core.h"

#define BOARD_BASE 0x80000000ull
#define BOARD_SIZE 0x100000u

/* Offsets in the memory */
#define AT_IMAGE 0x00000u
#define AT_MAILBOX 0x40000u
#define AT_ROOT 0x50000u	/* three tables of context 1 */
#define AT_LEAF 0x52000u
#define AT_ROOT2 0x53000u	/* and of context 2 */
#define AT_LEAF2 0x55000u
#define AT_COMMANDS 0x60000u
#define AT_REGIONS 0x70000u
#define AT_DATA 0x80000u
#define AT_READ_ONLY (BOARD_SIZE - 0x1000u)

struct board {
	struct npu_core *core;
	void *memory_of_core;
	uint8_t *memory;
	uint64_t now;
	uint32_t interrupts[NPU_MAX_VECTORS];
	_Atomic uint32_t wakes;
	uint32_t commands_traced;
	uint64_t last_start, last_end;
	uint64_t refused;	/* offset of a page that the bus refuses */
	void (*on_dma)(struct board *board);
	bool is_never_idle;	/* doorbells pending: the agent can't sleep */
	_Atomic uint32_t dmas;
};

extern struct board board;
/* Whether boards that are made have reach(): see npu_core.h. */
extern bool board_shows_memory;

void board_make(const struct npu_machine *machine);
void board_free(void);

uint32_t board_read(uint32_t reg);
void board_write(uint32_t reg, uint32_t value);

/* Run until the machine waits for a wake or the timer; returns until_ns. */
uint64_t board_run(void);

/* Put the header in front of @size bytes of payload in memory at AT_IMAGE. */
struct npu_image_header *board_make_image(const void *payload, uint32_t size);
/* Put the digest into the image at AT_IMAGE. */
void board_seal_image(void);
/* Boot what is at AT_IMAGE; returns BOOT_STATUS. */
uint32_t board_boot_image(uint32_t size);
/* Boot the agent and let it open window 0. */
void board_boot_agent(void);

struct board_access {
	uint32_t kind;		/* 0: end; 1, 2, 4: load; 0x11, 0x12, 0x14: store */
	uint32_t address;
	uint32_t value;
	uint32_t trap;		/* mcause + 1 if the access trapped */
};

/* Let the agent do one access; on a trap, *@trap is its mcause, else 0. */
uint32_t board_load(uint32_t address, uint32_t size, uint32_t *trap);
void board_store(uint32_t address, uint32_t size, uint32_t value,
		 uint32_t *trap);

/* Controller registers, which have to be there. */
uint32_t board_peek(uint32_t address);
void board_poke(uint32_t address, uint32_t value);
uint64_t board_peek64(uint32_t address);

#endif
