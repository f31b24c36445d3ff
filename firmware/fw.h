/* SPDX-License-Identifier: MIT */
/*
 * The firmware's state and what its files do for each other. All state is in
 * one struct fw, so that tests can make as many as they like; there is no heap.
 *
 * A round (fw_round() in sched.c) does everything that can be done now and is
 * bounded: at most NPU_ADMIN_ENTRIES admin commands, one look at each core,
 * FW_TAKES at queues for each idle one, and one at each queue that waits.
 * Between rounds the controller sleeps. What wakes it are levels (doorbells, core
 * events, the timer), so nothing can slip through.
 *
 * Whatever stands in memory is read once, bounded, then used.
 */
#ifndef FW_H
#define FW_H

#include <npu/job.h>
#include <npu/power.h>
#include <npu/regs.h>
#include <npu/ring.h>
#include <npu/types.h>

#include <stdbool.h>

#define FW_NAME "tinynpu 1.0"

/* The highest protocol that it speaks: less in an image that tests drivers. */
#ifndef FW_ABI_MAX
#define FW_ABI_MAX NPU_RING_ABI_MAX
#endif

/* A core that does not stop within this time is reset. */
#define FW_STOP_NS 200000000ull
/* Events that nobody is in a hurry for: how many and how long to interrupt once. */
#define FW_EVENTS_BATCH 16
#define FW_EVENTS_NS 250000ull
/* How often to look for room in a full event ring. */
#define FW_RETRY_NS 1000000ull

/* How many queues and jobs in vain to look at for a core in one round. */
#define FW_TAKES (NPU_MAX_QUEUES + NPU_QUEUE_ENTRIES_MAX)

/* How often to look at power and heat, and how long a reason to be slow stays. */
#define FW_LOOK_NS 5000000ull
#define FW_REASON_NS 100000000ull
/* The power cap holds over this time; no job waits longer than the other. */
#define FW_CREDIT_NS 50000000ll
#define FW_HOLD_NS 500000000ull
/* A core without a job at more looks in a row is switched off. */
#define FW_IDLE_LOOKS 2

#define FW_NONE 0xff /* no queue, no core */
#define FW_NEVER UINT64_MAX

/* Address of a member of the init block. */
#define FW_INIT(member) \
	(NPU_WINDOW(FW_WINDOW_INIT) + \
	 (uint32_t)__builtin_offsetof(struct npu_init, member))

/* Address of a member of the ring that queue_show() has shown. */
#define FW_RING(member) \
	(NPU_WINDOW(FW_WINDOW_QUEUE) + \
	 (uint32_t)__builtin_offsetof(struct npu_queue_ring, member))

/* Windows, by what they show. */
enum fw_window {
	FW_WINDOW_INIT,
	FW_WINDOW_ADMIN,
	FW_WINDOW_EVENTS,
	FW_WINDOW_LOG,
	FW_WINDOW_QUEUE, /* of the queue at hand */
	FW_WINDOW_RESULT, /* of the job that ends */
	FW_WINDOW_COUNTERS,
	FW_WINDOW_COUNT
};

enum fw_queue_state {
	FW_QUEUE_FREE = 0,
	FW_QUEUE_ACTIVE,
	FW_QUEUE_HALTED, /* a job did not end well */
	FW_QUEUE_DYING, /* QUEUE_DESTROY or QUEUE_RESET is on its way */
};

/**
 * struct fw_queue - a queue of jobs
 * @state: enum fw_queue_state
 * @priority: index of its line
 * @context: of its jobs
 * @core: that runs its job, or FW_NONE
 * @next: in the line, or FW_NONE
 * @is_waiting: is in the line, see line.c
 * @has_jobs: the line knows that it has
 * @is_parked: its job was preempted, and waits in the slot of its number
 * @is_armed: what the ring's armed flag says
 * @is_user: a user-mode queue; likewise all that user_ring.c alone uses:
 * @is_lost: it had a job when the firmware was restarted
 * @fault: of the last look at the ring, enum npu_fault
 * @wake_seen: what wake_armed was when the owner was woken last
 * @completed: jobs ended, as the ring says
 * @entries: of the ring
 * @head: jobs taken
 * @remaining: of a dying queue: jobs still to be cancelled
 * @ring: bus address, or the context's
 * @watchdog_ns: how long a job may be without progress
 * @deadline_ns: how long it may run, or FW_NEVER
 * @jobs_ended: so far
 * @job: that a core runs, or that is parked
 * @end_status: how a parked job has to end, or NPU_JOB_PENDING: it goes on
 * @left_ns: of @deadline_ns for a parked job
 * @result: of a parked job, so far
 */
struct fw_queue {
	uint8_t state;
	uint8_t priority;
	uint8_t context;
	uint8_t core;
	uint8_t next;
	bool is_waiting;
	bool has_jobs;
	bool is_parked;
	bool is_armed;
	bool is_user;
	bool is_lost;
	uint8_t fault;
	uint32_t wake_seen;
	uint64_t completed;
	uint32_t entries;
	uint32_t head;
	uint32_t remaining;
	uint64_t ring;
	uint64_t watchdog_ns;
	uint64_t deadline_ns;
	uint64_t jobs_ended;
	struct npu_job job;
	uint32_t end_status;
	uint64_t left_ns;
	struct npu_job_result result;
};

enum fw_core_state {
	FW_CORE_IDLE = 0,
	FW_CORE_RUNNING,
	FW_CORE_STOPPING,
	FW_CORE_ENDED, /* the result is in its registers; no event yet */
};

/* What a core's job has used, when last looked. */
struct fw_usage {
	uint64_t time_ns;
	uint64_t cycles;
	uint64_t energy_fj;
};

/**
 * struct fw_core - a core and its job
 * @state: enum fw_core_state
 * @queue: whose job it runs
 * @is_reset: it was reset and has no result
 * @stop_status: how the job ends if it is stopped, enum npu_job_status
 * @commands: that were finished when last looked
 * @deadline: RUNNING: when the watchdog bites; STOPPING: when patience ends
 * @end: RUNNING: when the job has run for too long
 * @slice: what its register says
 * @gate: likewise
 * @idle_looks: at how many it had no job
 * @used: what counters know of
 */
struct fw_core {
	uint8_t state;
	uint8_t queue;
	bool is_reset;
	uint32_t stop_status;
	uint32_t commands;
	uint64_t deadline;
	uint64_t end;
	uint32_t slice;
	uint8_t gate;
	uint8_t idle_looks;
	struct fw_usage used;
};

/**
 * struct fw_line - queues of a priority that wait for a core
 * @first: of them, or FW_NONE
 * @last: likewise
 * @slice: cycles that a job may run while others wait
 * @served: what the client had used that was served last, at most
 */
struct fw_line {
	uint8_t first;
	uint8_t last;
	uint32_t slice;
	uint64_t served;
};

/* The bits of NPU_THROTTLE_*, by number. */
enum fw_reason {
	FW_REASON_TEMPERATURE,
	FW_REASON_POWER,
	FW_REASON_CLOCK,
	FW_REASONS
};

/**
 * struct fw_power - clocks, power and heat; all zero if the machine can't
 * @is_there: the machine has the registers
 * @khz: of its operating points
 * @opp: that is in force: the slowest of the next three
 * @limit_opp: of the highest clock that is allowed
 * @heat_opp: that the temperature asks for
 * @cap_opp: that the power cap asks for
 * @cap_uw: power cap, or 0
 * @credit_fj: what may be used before jobs have to wait
 * @meter_ns: the meter when it was read last; likewise the next
 * @meter_fj: its energy
 * @idle_before: energy of idle cores when the firmware was started
 * @temperature_mc: when last looked
 * @is_looking: looks are due: a core is on, or a reason to be slow is there
 * @look_due: when to look
 * @held_until: until then no job is started; 0: they are
 * @throttle: reasons, NPU_THROTTLE_*
 * @told: those that the driver knows
 * @last: when each was there last
 */
struct fw_power {
	bool is_there;
	uint32_t khz[NPU_OPP_COUNT];
	uint8_t opp;
	uint8_t limit_opp;
	uint8_t heat_opp;
	uint8_t cap_opp;
	uint32_t cap_uw;
	int64_t credit_fj;
	uint64_t meter_ns;
	uint64_t meter_fj;
	uint64_t idle_before;
	int32_t temperature_mc;
	bool is_looking;
	uint64_t look_due;
	uint64_t held_until;
	uint32_t throttle;
	uint32_t told;
	uint64_t last[FW_REASONS];
};

/**
 * struct fw - everything
 * @abi: version of the protocol
 * @core_count: of this machine
 * @queue_count: queues that have a doorbell
 * @context_count: of this machine
 * @log_level: enum npu_log_level
 * @log_tail: bytes written
 * @has_context: that have a page table
 * @admin_head: admin commands taken
 * @is_admin_pending: the admin ring may hold commands
 * @is_admin_armed: what the init block's flag says
 * @is_blocked: something waits for room in the event ring
 * @is_hungry: an idle core may find a job if it goes on looking
 * @dying: queue that QUEUE_DESTROY or QUEUE_RESET is ending, or FW_NONE; no other
 *	admin command is taken until that is done
 * @dying_seq: of that command
 * @is_dying_kept: that command is QUEUE_RESET
 * @is_ending: a parked job has to end
 * @event_tail: events written, published or not
 * @event_published: events that the driver may see
 * @event_signalled: events that the driver was told of, if it wanted to be
 * @is_event_urgent: somebody waits for one of the others
 * @event_due: when to tell of them at the latest
 * @event_head: events that the driver has read, when last looked
 * @heartbeat: last written
 * @heartbeat_due: when to write the next
 * @timer: what the timer is set to
 * @jobs_done: jobs ended
 * @lines: by priority
 * @waiting: queues in all of them
 * @used: cycles of each context's jobs, by priority
 * @queues: all
 * @cores: all
 * @counters: what they did; all before the first core when asked
 * @power: how fast they may do it
 */
struct fw {
	uint32_t abi;
	uint32_t core_count;
	uint32_t queue_count;
	uint32_t context_count;

	uint32_t log_level;
	uint32_t log_tail;

	bool has_context[NPU_MAX_CONTEXTS];

	uint32_t admin_head;
	bool is_admin_pending;
	bool is_admin_armed;
	bool is_blocked;
	bool is_hungry;
	uint8_t dying;
	uint32_t dying_seq;
	bool is_dying_kept;
	bool is_ending;

	uint32_t event_tail;
	uint32_t event_published;
	uint32_t event_signalled;
	bool is_event_urgent;
	uint64_t event_due;
	uint32_t event_head;

	uint32_t heartbeat;
	uint64_t heartbeat_due;
	uint64_t timer;
	uint64_t jobs_done;

	struct fw_line lines[NPU_PRIORITIES];
	uint32_t waiting;
	uint64_t used[NPU_MAX_CONTEXTS][NPU_PRIORITIES];
	struct fw_queue queues[NPU_MAX_QUEUES];
	struct fw_core cores[NPU_MAX_CORES];
	struct npu_counters counters;
	struct fw_power power;
};

/* boot.c */
enum npu_fw_refusal fw_boot(struct fw *fw);
uint32_t fw_abi_choose(uint32_t min, uint32_t max, uint32_t own_min,
		       uint32_t own_max);

/* ring.c */
void windows_reset(void);
void window_map(enum fw_window window, uint64_t base, uint32_t size);
void window_map_context(enum fw_window window, uint64_t base, uint32_t size,
			uint32_t context);
enum npu_fault window_take_fault(enum fw_window window);
bool admin_take(struct fw *fw, struct npu_admin_cmd *cmd);
bool event_has_room(struct fw *fw);
void event_put(struct fw *fw, const struct npu_event *event, bool is_urgent);
void event_publish(struct fw *fw, uint64_t now);

/* What a look at a queue's ring found. */
enum fw_take {
	FW_TAKE_NONE,
	FW_TAKE_JOB,
	FW_TAKE_CORRUPT,
};

void queue_show(const struct fw_queue *queue);
enum fw_take queue_take(struct fw_queue *queue, struct npu_job *job);
bool queue_look(struct fw_queue *queue);
uint32_t queue_count_jobs(struct fw_queue *queue);
void queue_disarm(struct fw_queue *queue);

/* user_ring.c */
void user_ring_open(struct fw_queue *queue);
void user_ring_blame(const struct fw_queue *queue,
		     struct npu_job_result *result);
void user_ring_end(struct fw *fw, uint32_t queue, uint64_t cookie,
		   struct npu_job_result *result);

/* engine.c */
void engine_start(uint32_t core, uint32_t context, const struct npu_job *job,
		  uint32_t slot);
void engine_resume(uint32_t core, uint32_t slot);
void engine_set_slice(uint32_t core, uint32_t cycles);
void engine_stop(uint32_t core);
void engine_reset(uint32_t core);
void engine_ack(uint32_t core);
enum npu_core_state engine_state(uint32_t core);
void engine_set_gate(uint32_t core, enum npu_core_gate gate);
uint32_t engine_clock_permille(uint32_t core);
uint32_t engine_commands(uint32_t core);
void engine_read_usage(uint32_t core, uint64_t *cycles, uint64_t *energy_fj);
void engine_read_result(uint32_t core, enum npu_core_state state,
			const struct fw_usage *used,
			struct npu_job_result *result);
bool engine_write_result(uint32_t context, uint64_t address,
			 const struct npu_job_result *result);
void engine_set_root(uint32_t context, uint64_t table);
void engine_clear_root(uint32_t context);
void engine_invalidate(uint32_t context, uint64_t address, uint64_t size);

/* account.c */
void account_start(struct fw *fw, uint32_t core, uint64_t now);
void account_preemption(struct fw *fw, uint32_t core);
void account_core(struct fw *fw, uint32_t core, uint64_t now);
void account_end(struct fw *fw, uint32_t queue, uint32_t core,
		 enum npu_job_status status);
void account_forget_context(struct fw *fw, uint32_t context);
void account_forget_queue(struct fw *fw, uint32_t queue);
void account_read_queue(struct fw *fw, uint32_t queue, uint64_t work[3]);
uint32_t account_write(struct fw *fw, uint64_t address, uint64_t bytes);

/* admin.c */
void admin_run(struct fw *fw);
void admin_done(struct fw *fw, uint32_t seq, enum npu_admin_status status,
		const uint64_t args[3]);

/* line.c */
void line_init(struct fw *fw, uint32_t clock_khz);
void line_join(struct fw *fw, uint32_t queue);
void line_return(struct fw *fw, uint32_t queue, bool is_first);
void line_leave(struct fw *fw, uint32_t queue);
uint32_t line_next(struct fw *fw);
void line_find_slices(struct fw *fw, uint32_t slices[NPU_PRIORITIES]);
void line_charge(struct fw *fw, uint32_t queue, uint64_t cycles);
void line_forget_client(struct fw *fw, uint32_t context);

/* limits.c */
bool limits_accept(struct fw *fw, uint64_t cap_uw, uint64_t khz);
void limits_end_hold(struct fw *fw, uint64_t now);
void limits_look(struct fw *fw, uint64_t now, bool is_due);

/* power.c */
void power_init(struct fw *fw);
void power_look(struct fw *fw, uint64_t now);
bool power_lets_start(const struct fw *fw);
void power_wake_core(struct fw *fw, uint32_t core);
uint64_t power_due(const struct fw *fw);
void power_read(struct fw *fw, struct npu_counters *counters);
uint32_t power_clock_permille(const struct fw *fw, uint32_t core);

/* sched.c */
void fw_round(struct fw *fw);
void sched_init(struct fw *fw);
bool sched_stop_job(struct fw *fw, uint32_t queue, uint64_t cookie,
		    enum npu_job_status status);
bool sched_reset_core(struct fw *fw, uint32_t queue, uint64_t cookie);
void sched_destroy(struct fw *fw, uint32_t queue, uint32_t seq);
void sched_reset_queue(struct fw *fw, uint32_t queue, uint32_t seq);

/* log.c */
void log_write(struct fw *fw, enum npu_log_level level, const char *format,
	       const uint64_t *values, uint32_t count);

/*
 * Write a line, if its level is wanted: text in which each %u is the next value
 * in decimal and each %x in hexadecimal; there is at least one.
 */
#define log_print(fw, level, format, ...)                               \
	log_write(fw, level, format, (const uint64_t[]){ __VA_ARGS__ }, \
		  sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)

#endif
