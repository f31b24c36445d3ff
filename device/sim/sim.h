/* SPDX-License-Identifier: MIT */
/*
 * The board in the process: what the files of the simulator share. A board is
 * the machine (device/core), memory on a bus, the embedded firmware, and the
 * driver's part of npu/ring.h. The library reaches it through backend_sim.
 *
 * Locking: whoever touches the machine, the memory's table or the rings has the
 * board's turn (turn.h), which is given in the order of asking. Functions whose
 * comment says "with the turn" want the caller to have it. A machine of several
 * cores gives the turn away while it executes a command of one of them, so that the
 * threads that wait for jobs work side by side: see npu_core_share().
 */
#ifndef SIM_H
#define SIM_H

#include "memory.h"
#include "turn.h"

#include "../../libtinynpu/backend.h"

#include <npu/ring.h>
#include <npu_core.h>

#define SIM_CONTEXTS NPU_MAX_QUEUES
#define SIM_RING_ENTRIES 2 /* one job at a time; the least that there is */

struct sim_context;

/* A thread that lets the machine work. */
struct sim_driver {
	struct npu_share share;
	unsigned int tries; /* to find something to do, in vain */
};

struct sim_board {
	struct npu_machine machine;
	void *core_memory;
	struct npu_core *core;
	struct npu_host_ops ops; /* whose trace may change; with the turn */
	tinynpu_trace_fn trace; /* with the turn; so is: */
	void *trace_opaque;
	struct sim_memory memory;
	bool is_woken; /* by the machine's wake() */
	uint64_t now_ns; /* simulated */

	struct npu_init *init;
	struct npu_admin_cmd *admin;
	struct npu_event *events;
	struct npu_event admin_answer; /* the last one */
	uint32_t admin_seq;
	bool is_in_admin; /* one command at a time */
	uint64_t last_cookie;
	uint64_t last_end_ns; /* when a job ended, or the first one came */
	unsigned int jobs; /* that run */
	bool is_lost; /* the firmware is no more */
	char lost_why[96];

	struct turn turn;
	struct sim_context *contexts[SIM_CONTEXTS]; /* by queue */

	/* Threads with nothing to do wait until somebody tells of news */
	pthread_cond_t told;
	unsigned int idlers; /* with the turn; so are: */
	unsigned int drivers; /* threads that drive, as many as there are cores */
	unsigned int apart; /* of them those that the machine let go on alone */
	unsigned int quiet_wanted; /* by so many threads: nobody is to be apart */

	/* The threads that drive jobs nobody waits for; guarded by turn.lock */
	struct sim_worker {
		struct sim_board *board;
		unsigned int number;
		pthread_t thread;
	} workers[NPU_MAX_CORES];
	pthread_cond_t work; /* async_jobs or is_stopping changed */
	pthread_cond_t done; /* a job ended */
	unsigned int worker_count;
	bool is_stopping;
	unsigned int async_jobs;
};

/* A context of the machine, its one queue, and its job. */
struct sim_context {
	struct sim_board *board;
	unsigned int queue; /* its context of the machine is queue + 1 */
	uint64_t root; /* bus address of its page table */
	struct npu_queue_ring *ring;
	struct npu_event event; /* how the last job ended; with the turn */
	struct sim_driver driver; /* who waits for it */
	bool is_running; /* changes with the turn and turn.lock, read with one */
	bool is_async; /* likewise */
	bool is_unseen; /* ended, but nobody has waited; turn.lock */
	int event_fd; /* -1 until asked for; turn.lock */
};

/* The embedded firmware image, firmware.c */
extern const uint8_t sim_firmware[];
extern const uint8_t sim_firmware_end[];

/* board.c: the machine's life; create and destroy have the board to themselves */
int sim_board_create(const struct npu_machine *machine,
		     struct sim_board **board, struct tinynpu_error *error);
void sim_board_destroy(struct sim_board *board);

/*
 * Let the machine work for a slice and take its events. With the turn, which others
 * may have had in between. Returns whether it could go on; false: it will sleep for
 * ever.
 */
bool sim_board_step(struct sim_board *board, struct sim_driver *driver);

/* Whoever found nothing to do looks again. With the turn. */
void sim_board_tell(struct sim_board *board);

/*
 * Let the machine work until @is_over(@what) holds. With the turn, which others may
 * have had in between. If enough threads do that already the caller sleeps.
 */
void sim_board_drive(struct sim_board *board, struct sim_driver *driver,
		     bool (*is_over)(const void *what), const void *what);

/*
 * From here until the caller gives its turn no thread is within the machine, whose
 * memory and page tables may change. With the turn, which others may have had in
 * between.
 */
void sim_board_calm(struct sim_board *board);

/* Tell @fn what the machine does, or nobody. With the turn. */
void sim_board_trace(struct sim_board *board, tinynpu_trace_fn fn,
		     void *opaque);

/* The board is beyond use: end all jobs as lost. With the turn. */
void sim_board_lose(struct sim_board *board, const char *why);

/*
 * Send an admin command and wait for its answer. With the turn, which others may
 * have had in between. Returns 0, or -EIO with text.
 */
int sim_board_admin(struct sim_board *board, enum npu_admin_op op,
		    const uint64_t args[7], struct tinynpu_error *error);

/* jobs.c: a job's end came in. With the turn. */
void sim_job_done(struct sim_board *board, const struct npu_event *event);

/*
 * pagetable.c: map pages. With the turn. 0 or -ENOMEM. If they were mapped the
 * caller has the machine forget that.
 */
int sim_pagetable_map(struct sim_context *ctx, uint64_t address, uint64_t bus,
		      uint64_t size_bytes, bool is_writable);

#endif
