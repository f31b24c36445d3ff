/* SPDX-License-Identifier: MIT */
/*
 * A board for the host-compiled firmware: registers, windows, memory and cores
 * that do what a test tells them, and the driver's ends of the rings. Used by
 * ring_test.c, firmware_test.c and the fuzzer of the rings.
 */
#ifndef FIRMWARE_BOARD_H
#define FIRMWARE_BOARD_H

#include "../../firmware/fw.h"

/* The board's memory, by bus address; far up, so that high halves count. */
#define BOARD_MEMORY 0x700000000ull
#define BOARD_MEMORY_SIZE 0x400000u
#define BOARD_INIT (BOARD_MEMORY + 0x1000)
#define BOARD_ADMIN (BOARD_MEMORY + 0x2000)
#define BOARD_LOG (BOARD_MEMORY + 0x8000)
#define BOARD_EVENTS (BOARD_MEMORY + 0x10000)
#define BOARD_COUNTERS (BOARD_MEMORY + 0x100000)
#define BOARD_QUEUE(q) (BOARD_MEMORY + 0x200000 + (q) * 0x2000ull)

/* Each context sees these addresses, all the same memory, writable. */
#define BOARD_RESULTS 0x10000u
#define BOARD_RESULTS_SIZE 0x4000u

struct board_core {
	uint32_t regs[0x100 / 4];
	bool has_interrupt;
	bool is_deaf; /* does not listen to STOP */
	uint32_t starts;
	uint32_t resumes;
	uint64_t begun; /* cycles of its job when it was started last */
};

struct board {
	uint8_t memory[BOARD_MEMORY_SIZE];
	uint8_t results[BOARD_RESULTS_SIZE];
	bool is_context_gone; /* contexts see nothing, */
	bool is_context_readonly; /* or can't write */
	struct {
		uint32_t base_lo, base_hi, limit, ctrl, fault;
	} windows[NPU_WINDOW_COUNT];
	uint32_t roots[2 * NPU_MAX_CONTEXTS];
	uint64_t inv_address, inv_size;
	uint32_t inv_command;
	uint32_t config[NPU_REG_CONFIG_END / 4];
	uint32_t scratch[NPU_SCRATCH_COUNT];
	uint64_t arg;
	uint64_t now;
	/* Of clocks and power, as the manual's section 17 */
	uint32_t opp;
	uint32_t temperature_mc;
	uint64_t meter_fj;
	uint64_t idle_fj;
	uint64_t timer;
	uint64_t doorbells;
	uint32_t host_irqs; /* interrupts raised so far */
	uint32_t rings; /* doorbells rung so far */
	uint64_t accesses; /* of the firmware, so far */
	struct board_core cores[NPU_MAX_CORES];
	struct board_slot {
		uint32_t regs[0x100 / 4];
		bool is_full;
	} slots[NPU_CORE_SLOTS];

	/* The driver's own counters */
	uint32_t admin_seq;
	uint32_t events_read;
	uint32_t queue_tails[NPU_MAX_QUEUES];

	/* Called before each access of the firmware, to race with it */
	void (*on_access)(void);
};

extern struct board board;
extern struct fw board_fw;

/* Memory with all rings, as a driver prepares it; @cores of them. */
void board_setup(uint32_t cores);
/* The same, and the firmware has booted on it. */
void board_boot(uint32_t cores);

struct npu_init *board_init_block(void);
struct npu_queue_ring *board_queue(uint32_t queue);
/* @size bytes at a bus address, or NULL. */
void *board_at(uint64_t address, uint32_t size);

/* Rounds until nothing would wake the firmware; false: it never sleeps. */
bool board_run(void);
/* Let time pass, then run. */
bool board_advance(uint64_t ns);

/* Write an admin command and ring, if the firmware asked for it. */
void board_admin_write(const struct npu_admin_cmd *cmd);
/* Its halves: with the tail written, and with the armed flag looked at. */
void board_admin_put(const struct npu_admin_cmd *cmd);
void board_admin_ring(void);
/* Likewise, run, and return the status of its event, which has to be next. */
uint32_t board_admin(uint32_t op, uint64_t a0, uint64_t a1, uint64_t a2,
		     struct npu_event *event);
uint32_t board_queue_create(uint32_t queue, uint32_t context,
			    uint32_t priority, uint32_t entries,
			    uint64_t watchdog_ns);

/* A job that nothing is wrong with. */
struct npu_job board_job(uint64_t cookie);
/* Write a job to a queue and ring, if the firmware asked for it. */
void board_submit(uint32_t queue, const struct npu_job *job);
/* Its halves: with the tail written, and with the armed flag looked at. */
void board_queue_put(uint32_t queue, const struct npu_job *job);
void board_queue_ring(uint32_t queue);
/* The core's job ends so, having finished @commands. */
void board_finish(uint32_t core, enum npu_core_state state, uint32_t commands);
/* The core's job is preempted, if its slice is over after @cycles; else false. */
bool board_preempt(uint32_t core, uint32_t commands, uint64_t cycles);
/* The cookie of the job that @core runs, 0 if none. */
uint64_t board_running(uint32_t core);

/* Read the next event; false if there is none. */
bool board_event(struct npu_event *event);

#endif
