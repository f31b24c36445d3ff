/* SPDX-License-Identifier: MIT */
/*
 * The agreement between the driver (or the in-process board, which plays the
 * driver) and the firmware: software protocol in memory, of which the hardware
 * knows nothing. Memory is the driver's, at bus addresses; each field has one
 * writer. The manual tells the story, this file the layout.
 *
 * Order: who fills a ring writes the entries, then (after a write barrier) the
 * tail; who empties it reads the tail, then (after a read barrier) the entries,
 * then (after a full barrier) writes the head. Who goes to sleep sets its armed
 * flag, then (after a full barrier) looks at the tail once more; who fills looks
 * at the armed flag after the tail (and a full barrier), and if it is set wakes
 * the other: by doorbell or interrupt. Aligned 4- and 8-byte accesses are atomic.
 */
#ifndef NPU_RING_H
#define NPU_RING_H

#include <npu/job.h> /* limits of jobs, enum npu_job_status */
#include <npu/power.h> /* limits and reasons */
#include <npu/queue.h> /* the queues' rings */
#include <npu/types.h>

#define NPU_RING_ABI_MIN 1 /* versions that this header describes */
#define NPU_RING_ABI_MAX 3

#define NPU_MAX_QUEUES 63
#define NPU_DOORBELL_ADMIN 0 /* queue q rings doorbell page q + 1 */
#define NPU_DOORBELL_QUEUE(q) ((q) + 1)
#define NPU_VECTOR_EVENTS 0 /* the event ring wants a look */

#define NPU_ADMIN_ENTRIES 64
#define NPU_EVENT_ENTRIES 8192 /* > queues x (entries + 1) + admin entries */
#define NPU_LOG_SIZE 16384 /* a power of two */
#define NPU_PRIORITIES 4 /* 0 is the least urgent */

/* --- The init block: its bus address is the boot argument ---------------- */

#define NPU_INIT_MAGIC 0x494e5054 /* "TPNI" */

/**
 * struct npu_init - what both sides know of each other
 *
 * Written by the driver before boot:
 * @magic: NPU_INIT_MAGIC
 * @abi_min: lowest version of this protocol that the driver speaks
 * @abi_max: highest
 * @admin_ring: bus address of NPU_ADMIN_ENTRIES struct npu_admin_cmd
 * @event_ring: bus address of NPU_EVENT_ENTRIES struct npu_event
 * @log: bus address of NPU_LOG_SIZE bytes of text
 *
 * Written by the driver at any time:
 * @admin_tail: admin commands written so far, modulo 2^32
 * @event_head: events read so far
 * @event_armed: not 0: raise NPU_VECTOR_EVENTS with the next event, or a little
 *	later if its queue has more jobs; the firmware clears nothing, the driver
 *	does when it wakes
 *
 * Written by the firmware:
 * @abi: the chosen version, the highest in common
 * @admin_head: admin commands taken so far
 * @admin_armed: not 0: ring NPU_DOORBELL_ADMIN for new commands
 * @event_tail: events written so far
 * @log_tail: bytes of log written so far; the last NPU_LOG_SIZE are there
 * @heartbeat: rises while the firmware is well, at least every
 *	NPU_HEARTBEAT_NS as long as a job runs or an admin command is due
 * @jobs_done: jobs ended since boot
 */
struct npu_init {
	npu_le32 magic;
	npu_le16 abi_min;
	npu_le16 abi_max;
	npu_le64 admin_ring;
	npu_le64 event_ring;
	npu_le64 log;
	uint8_t reserved0[32];

	npu_le32 admin_tail;
	npu_le32 event_head;
	npu_le32 event_armed;
	uint8_t reserved1[52];

	npu_le16 abi;
	npu_le16 reserved2;
	npu_le32 admin_head;
	npu_le32 admin_armed;
	npu_le32 event_tail;
	npu_le32 log_tail;
	npu_le32 heartbeat;
	npu_le64 jobs_done;
	uint8_t reserved3[32];
};

NPU_ASSERT_SIZE(struct npu_init, 192);
NPU_ASSERT_OFFSET(struct npu_init, admin_tail, 64);
NPU_ASSERT_OFFSET(struct npu_init, abi, 128);

#define NPU_HEARTBEAT_NS 100000000ull

/* The firmware's state, in NPU_REG_SCRATCH() registers. */
#define NPU_FW_SCRATCH_STATE 0 /* enum npu_fw_state */
#define NPU_FW_SCRATCH_REASON 1 /* REFUSED: enum npu_fw_refusal */
#define NPU_FW_SCRATCH_MCAUSE 2 /* CRASHED: of the trap; likewise the next */
#define NPU_FW_SCRATCH_MEPC 3
#define NPU_FW_SCRATCH_MTVAL 4
#define NPU_FW_SCRATCH_RA 5
#define NPU_FW_SCRATCH_SP 6

enum npu_fw_state {
	NPU_FW_NONE = 0,
	NPU_FW_STARTING = 1,
	NPU_FW_READY = 2,
	NPU_FW_REFUSED = 3, /* does not want to run with this driver */
	NPU_FW_CRASHED = 4,
};

enum npu_fw_refusal {
	NPU_FW_REFUSAL_NONE = 0,
	NPU_FW_REFUSAL_INIT = 1, /* init block unreadable or without magic */
	NPU_FW_REFUSAL_ABI = 2, /* no version in common */
	NPU_FW_REFUSAL_RING = 3, /* a ring's address is unusable */
};

/* --- Admin commands ------------------------------------------------------ */

enum npu_admin_op {
	NPU_ADMIN_PING = 1,
	/* args[0]: context, args[1]: bus address of its Sv39 root table */
	NPU_ADMIN_CONTEXT_SET = 2,
	/* args[0]: context; no queue may use it */
	NPU_ADMIN_CONTEXT_CLEAR = 3,
	/* args[0]: context, args[1]: address, args[2]: bytes, 0 means all */
	NPU_ADMIN_INVALIDATE = 4,
	/* struct npu_admin_queue in args */
	NPU_ADMIN_QUEUE_CREATE = 5,
	/*
	 * args[0]: queue. Stops its job, ends all that it holds as cancelled
	 * (an event each), then forgets it. The event's args, since version 2:
	 * as of QUEUE_WORK.
	 */
	NPU_ADMIN_QUEUE_DESTROY = 6,
	/*
	 * args[0]: queue. The event's args[0]: cookie of the running job or 0,
	 * args[1]: its finished commands, args[2]: jobs ended on this queue.
	 */
	NPU_ADMIN_QUEUE_PROGRESS = 7,
	/* args[0]: queue, args[1]: cookie. Ends that job as timed out. */
	NPU_ADMIN_JOB_STOP = 8,
	/* args[0]: enum npu_log_level */
	NPU_ADMIN_LOG_LEVEL = 9,
	/*
	 * args[0]: bus address, a multiple of 64, args[1]: bytes there, a
	 * multiple of 8. Writes as much of struct npu_counters as fits; the
	 * event's args[0]: bytes written. Since version 2.
	 */
	NPU_ADMIN_COUNTERS = 10,
	/*
	 * args[0]: queue, args[1]: cookie. If that job runs it is stopped, and
	 * ends as cancelled. Since version 2, as is NPU_JOB_CANCEL.
	 */
	NPU_ADMIN_JOB_CANCEL = 16,
	/*
	 * struct npu_admin_queue in args, whose ring is an address of the
	 * context: a user-mode queue (section 10 of the manual), new or not.
	 * Since version 2, as is the next.
	 */
	NPU_ADMIN_USER_QUEUE_CREATE = 20,
	/*
	 * args[0]: queue. The event's args[0]: jobs ended since it was created,
	 * args[1]: their cycles, args[2]: their energy in fJ; the running one's
	 * included.
	 */
	NPU_ADMIN_QUEUE_WORK = 21,
	/*
	 * args[0]: power cap in microwatts, NPU_POWER_CAP_*_UW, or 0; args[1]:
	 * highest clock in kHz, or 0. The last ones count. Since version 3.
	 */
	NPU_ADMIN_LIMITS_SET = 24,
	/*
	 * args[0]: queue. Ends all that it holds: what runs or was preempted as
	 * timed out, what waits as cancelled. The queue is halted then, which is
	 * when the answer comes. Since version 2, as is the next.
	 */
	NPU_ADMIN_QUEUE_RESET = 28,
	/*
	 * args[0]: queue, args[1]: cookie. Resets the core that runs that job,
	 * which ends as timed out (as what it is being stopped for, if it is).
	 */
	NPU_ADMIN_CORE_RESET = 29,
};

enum npu_log_level {
	NPU_LOG_ERROR = 0,
	NPU_LOG_INFO = 1,
	NPU_LOG_DEBUG = 2,
};

/* How an admin command ended */
enum npu_admin_status {
	NPU_ADMIN_OK = 0,
	NPU_ADMIN_BAD_OP = 1,
	NPU_ADMIN_BAD_ARG = 2, /* out of range, or misaligned */
	NPU_ADMIN_BAD_STATE = 3, /* exists already, does not exist, in use */
};

/**
 * struct npu_admin_cmd - an entry of the admin ring
 * @op: enum npu_admin_op
 * @reserved: zero
 * @seq: comes back in the event
 * @args: as enum npu_admin_op says, the rest zero
 */
struct npu_admin_cmd {
	npu_le16 op;
	npu_le16 reserved;
	npu_le32 seq;
	npu_le64 args[7];
};

NPU_ASSERT_SIZE(struct npu_admin_cmd, 64);

/**
 * struct npu_work - what was done since some point, jobs on cores included
 * @busy_ns: of the controller's time, with a job on a core
 * @cycles: modelled; likewise the next
 * @energy_fj: femtojoules; all of these wrap
 * @jobs: that ended, however
 * @faults: of these, ended as NPU_JOB_FAULT
 * @timeouts: likewise, as NPU_JOB_TIMEOUT
 * @cancelled: likewise, as NPU_JOB_CANCELLED
 * @preemptions: how often a job was taken off a core to go on later
 * @reserved: zero
 */
struct npu_work {
	npu_le64 busy_ns;
	npu_le64 cycles;
	npu_le64 energy_fj;
	npu_le64 jobs;
	npu_le32 faults;
	npu_le32 timeouts;
	npu_le32 cancelled;
	npu_le32 preemptions;
	npu_le64 reserved[2];
};

NPU_ASSERT_SIZE(struct npu_work, 64);

/**
 * struct npu_counters - what NPU_ADMIN_COUNTERS writes
 * @time_ns: the controller's clock when they were taken
 * @running: of each core the queue whose job it has, plus 1; 0: idle
 * @clock_khz: of all cores now; since version 3, as are the next four
 * @throttle: NPU_THROTTLE_*: why it is not the machine's, or jobs wait
 * @temperature_mc: of the die, thousandths of a degree Celsius, signed
 * @reserved0: zero
 * @idle_fj: femtojoules of cores without jobs since boot
 * @core: work of each core since boot
 * @context: of each context since its CONTEXT_SET
 * @queue: of each queue since its QUEUE_CREATE; the last one is none
 */
struct npu_counters {
	npu_le64 time_ns;
	npu_le32 running[4];
	npu_le32 clock_khz;
	npu_le32 throttle;
	npu_le32 temperature_mc;
	npu_le32 reserved0;
	npu_le64 idle_fj;
	npu_le64 reserved[2];
	struct npu_work core[4];
	struct npu_work context[64];
	struct npu_work queue[64];
};

NPU_ASSERT_OFFSET(struct npu_counters, core, 64);
NPU_ASSERT_SIZE(struct npu_counters, 8512);

/* args of NPU_ADMIN_QUEUE_CREATE and NPU_ADMIN_USER_QUEUE_CREATE */
struct npu_admin_queue {
	npu_le32 queue;
	npu_le32 context;
	npu_le32 priority; /* 0..NPU_PRIORITIES - 1 */
	npu_le32 entries; /* power of two, 2..NPU_QUEUE_ENTRIES_MAX */
	npu_le64 ring; /* struct npu_queue_ring: bus address, 4 KiB aligned */
	npu_le64 watchdog_ns; /* a job without progress for so long is ended */
	npu_le64 deadline_ns; /* since version 2: a job that runs longer, too; or 0 */
	npu_le64 reserved[2];
};

NPU_ASSERT_SIZE(struct npu_admin_queue, 56);

/* --- Events -------------------------------------------------------------- */

enum npu_event_type {
	NPU_EVENT_ADMIN_DONE = 1, /* id: seq, status: enum npu_admin_status */
	/*
	 * id: cookie, status: enum npu_job_status. After any other end than OK
	 * and CANCELLED the queue is halted: it starts no further job until it
	 * is destroyed.
	 */
	NPU_EVENT_JOB_DONE = 2,
	/* A user-mode queue has got to where its owner wants to be woken. */
	NPU_EVENT_USER_WAKE = 6,
	/*
	 * A user-mode queue is halted. id: cookie of the job or 0, status, and
	 * the fault as in JOB_DONE.
	 */
	NPU_EVENT_USER_HALT = 7,
	/*
	 * A core was reset, because its job did not stop or by CORE_RESET. id:
	 * cookie of the job, whose end follows. Since version 2.
	 */
	NPU_EVENT_CORE_RESET = 8,
	/*
	 * Reasons to be slower have come or gone. status: NPU_THROTTLE_*,
	 * args[0]: clock in kHz, args[1]: temperature, as in struct npu_counters.
	 * Since version 3.
	 */
	NPU_EVENT_POWER = 10,
};

/**
 * struct npu_event - an entry of the event ring
 * @type: enum npu_event_type
 * @queue: of a job
 * @status: how it ended
 * @id: which command or job
 * @args: of admin commands: as enum npu_admin_op says
 * @cycles: of jobs; likewise the rest, see struct npu_job_result
 */
struct npu_event {
	npu_le16 type;
	npu_le16 queue;
	npu_le32 status;
	npu_le64 id;
	union {
		npu_le64 args[3];
		struct {
			npu_le64 cycles;
			npu_le64 energy_fj;
			npu_le64 fault_addr;
		};
	};
	npu_le32 fault_cmd;
	npu_le32 fault_info;
	uint8_t fault_code;
	uint8_t fault_unit;
	uint8_t core;
	uint8_t reserved[13];
};

NPU_ASSERT_SIZE(struct npu_event, 64);

#endif
