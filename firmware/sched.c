// SPDX-License-Identifier: MIT
/*
 * The scheduler: which job runs on which core, how jobs are preempted and end,
 * and the round that the main loop repeats (fw.h tells its rules). Called by
 * main.c and admin.c.
 *
 * A core that has nothing to do takes the queue whose turn it is (line.c) and
 * goes on with its preempted job, or starts the next one. While others wait that
 * are as urgent, a job is preempted after a slice; while somebody more urgent
 * waits, at its next mark. A queue stops waiting without a job only when its
 * ring was found empty and armed.
 */
#include "fw.h"
#include "io.h"

#define FAULT_INFO_CORRUPT 7 /* section 10 of the manual */
#define FAULT_INFO_FLAGS 8

void sched_init(struct fw *fw)
{
	fw->dying = FW_NONE;
	fw->is_admin_pending = true;
	fw->timer = FW_NEVER;
}

/* --- How jobs end ---------------------------------------------------------- */

/* What ends when a ring can't be used: nobody's work. */
static const struct npu_job no_job;

/*
 * Whoever has more jobs under way is in no hurry to hear of one that is done:
 * an interrupt for each would cost more than small jobs do.
 */
static void report(struct fw *fw, uint32_t index, const struct npu_job *job,
		   const struct npu_job_result *result)
{
	struct fw_queue *queue = &fw->queues[index];
	struct npu_event event = {
		.type = NPU_EVENT_JOB_DONE,
		.queue = index,
		.status = result->status,
		.id = job->cookie,
		.cycles = result->cycles,
		.energy_fj = result->energy_fj,
		.fault_addr = result->fault_addr,
		.fault_cmd = result->fault_cmd,
		.fault_info = result->fault_info,
		.fault_code = result->fault_code,
		.fault_unit = result->fault_unit,
		.core = result->core,
	};

	if (!queue->is_user)
		event_put(fw, &event, result->status != NPU_JOB_OK ||
					      !queue_count_jobs(queue));
	if (result->status == NPU_JOB_OK)
		return;
	log_print(fw, NPU_LOG_INFO,
		  "queue %u: job %x: status %u, fault %u, unit %u, "
		  "command %u, info %u, address %x",
		  index, job->cookie, result->status, result->fault_code,
		  result->fault_unit, result->fault_cmd, result->fault_info,
		  result->fault_addr);
}

/*
 * The last thing that happens to a job; there is room for its event. A record
 * that can't be written is a fault of a job that was well; of any other the
 * first cause counts.
 */
static void end_job(struct fw *fw, uint32_t index, const struct npu_job *job,
		    struct npu_job_result *result)
{
	struct fw_queue *queue = &fw->queues[index];
	bool has_record = job->result && !(job->result % NPU_RESULT_ALIGN);

	if (result->status == NPU_JOB_TIMEOUT)
		result->fault_cmd = result->commands;
	if (has_record &&
	    !engine_write_result(queue->context, job->result, result) &&
	    result->status == NPU_JOB_OK) {
		result->status = NPU_JOB_FAULT;
		result->fault_code = NPU_FAULT_PAGE_WRITE;
		result->fault_unit = NPU_FAULT_UNIT_FETCH;
		result->fault_addr = job->result;
	}
	if (queue->is_user)
		user_ring_end(fw, index, job->cookie, result);
	if (job != &no_job)
		account_end(fw, index, queue->core, result->status);
	queue->core = FW_NONE;
	queue->jobs_ended++;
	fw->jobs_done++;
	report(fw, index, job, result);
	if (queue->state != FW_QUEUE_ACTIVE)
		return;
	if (result->status == NPU_JOB_OK || result->status == NPU_JOB_CANCELLED)
		line_return(fw, index, false);
	else
		queue->state = FW_QUEUE_HALTED;
}

/* End a job that no core has seen. */
static void refuse_job(struct fw *fw, uint32_t index,
		       const struct npu_job *job, enum npu_fault code,
		       uint32_t info)
{
	struct npu_job_result result = {
		.status = NPU_JOB_FAULT,
		.fault_code = code,
		.fault_unit = NPU_FAULT_UNIT_FETCH,
		.fault_info = info,
	};

	end_job(fw, index, job, &result);
}

static void cancel_job(struct fw *fw, uint32_t index,
		       const struct npu_job *job)
{
	struct npu_job_result result = { .status = NPU_JOB_CANCELLED };

	end_job(fw, index, job, &result);
}

/* --- Cores ----------------------------------------------------------------- */

static uint64_t after(uint64_t now, uint64_t ns)
{
	return now + ns < now ? FW_NEVER : now + ns;
}

/* Ask core @number to end its job as @status; its interrupt follows. */
static void stop_core(struct fw *fw, uint32_t number,
		      enum npu_job_status status)
{
	struct fw_core *core = &fw->cores[number];

	core->state = FW_CORE_STOPPING;
	core->stop_status = status;
	core->deadline = after(io_time_ns(), FW_STOP_NS);
	engine_stop(number);
}

/*
 * Have the queue's job end as @status, if it is the one that @cookie names and it
 * is on a core or was preempted there; else returns false.
 */
bool sched_stop_job(struct fw *fw, uint32_t index, uint64_t cookie,
		    enum npu_job_status status)
{
	struct fw_queue *queue = &fw->queues[index];

	if (queue->job.cookie != cookie)
		return false;
	if (queue->core != FW_NONE &&
	    fw->cores[queue->core].state == FW_CORE_RUNNING) {
		stop_core(fw, queue->core, status);
		return true;
	}
	if (!queue->is_parked || queue->end_status != NPU_JOB_PENDING)
		return false;
	queue->end_status = status;
	fw->is_ending = true;
	return true;
}

/*
 * Have the core reset that runs the queue's job, if that is the one that @cookie
 * names; else returns false. The look at the core, later in this round, does it.
 */
bool sched_reset_core(struct fw *fw, uint32_t index, uint64_t cookie)
{
	struct fw_queue *queue = &fw->queues[index];
	struct fw_core *core;

	if (queue->core == FW_NONE || queue->job.cookie != cookie)
		return false;
	core = &fw->cores[queue->core];
	if (core->state == FW_CORE_RUNNING)
		core->stop_status = NPU_JOB_TIMEOUT;
	core->state = FW_CORE_STOPPING;
	core->deadline = 0;
	return true;
}

/* A core's job was preempted: its queue waits for another turn. */
static void park_job(struct fw *fw, uint32_t number, uint64_t now)
{
	struct fw_core *core = &fw->cores[number];
	struct fw_queue *queue = &fw->queues[core->queue];
	bool was_in_the_way = core->slice == 1;

	engine_read_result(number, NPU_CORE_PREEMPTED, &core->used,
			   &queue->result);
	account_preemption(fw, number);
	core->state = FW_CORE_IDLE;
	queue->core = FW_NONE;
	queue->is_parked = true;
	queue->end_status = NPU_JOB_PENDING;
	queue->left_ns = FW_NEVER;
	if (core->end != FW_NEVER)
		queue->left_ns = core->end > now ? core->end - now : 0;
	log_print(fw, NPU_LOG_DEBUG, "queue %u: job %x: preempted, command %u",
		  core->queue, queue->job.cookie, queue->result.commands);
	line_return(fw, core->queue, was_in_the_way);
}

/* End a preempted job; there is room for its event. */
static void end_parked_job(struct fw *fw, uint32_t index,
			   enum npu_job_status status)
{
	struct fw_queue *queue = &fw->queues[index];

	line_leave(fw, index);
	queue->is_parked = false;
	queue->result.status = status;
	end_job(fw, index, &queue->job, &queue->result);
}

/* End the preempted jobs that have to, as far as there is room for events. */
static void end_parked_jobs(struct fw *fw)
{
	uint32_t i;

	if (!fw->is_ending)
		return;
	for (i = 0; i < fw->queue_count; i++) {
		struct fw_queue *queue = &fw->queues[i];

		if (!queue->is_parked || queue->end_status == NPU_JOB_PENDING)
			continue;
		if (!event_has_room(fw)) {
			fw->is_blocked = true;
			return;
		}
		end_parked_job(fw, i, queue->end_status);
	}
	fw->is_ending = false;
}

/* Reset a core whose job does not stop; it ends without a result. */
static void reset_core(struct fw *fw, uint32_t number, uint32_t commands)
{
	struct fw_core *core = &fw->cores[number];
	struct npu_event event = {
		.type = NPU_EVENT_CORE_RESET,
		.queue = core->queue,
		.id = fw->queues[core->queue].job.cookie,
		.core = number,
	};

	if (!event_has_room(fw)) {
		fw->is_blocked = true;
		return;
	}
	engine_reset(number);
	core->is_reset = true;
	core->slice = 0;
	core->commands = commands;
	core->state = FW_CORE_ENDED;
	if (fw->abi >= 2)
		event_put(fw, &event, true);
	log_print(fw, NPU_LOG_INFO, "core %u: reset, queue %u, job %x", number,
		  core->queue, event.id);
}

/* Has a core's job ended, or does it have to? */
static void watch_core(struct fw *fw, uint32_t number, uint64_t now)
{
	struct fw_core *core = &fw->cores[number];
	enum npu_core_state state = engine_state(number);
	uint32_t commands;

	account_core(fw, number, now);
	if (state != NPU_CORE_RUNNING) {
		engine_ack(number);
		if (state == NPU_CORE_PREEMPTED &&
		    core->state == FW_CORE_RUNNING)
			park_job(fw, number, now);
		else
			core->state = FW_CORE_ENDED;
		return;
	}
	commands = engine_commands(number);
	if (core->state == FW_CORE_STOPPING) {
		if (now >= core->deadline)
			reset_core(fw, number, commands);
	} else if (now >= core->end) {
		stop_core(fw, number, NPU_JOB_TIMEOUT);
	} else if (commands != core->commands) {
		core->commands = commands;
		core->deadline =
			after(now, fw->queues[core->queue].watchdog_ns);
	} else if (now >= core->deadline) {
		stop_core(fw, number, NPU_JOB_TIMEOUT);
	}
}

static void finish_core(struct fw *fw, uint32_t number)
{
	struct fw_core *core = &fw->cores[number];
	struct npu_job_result result;

	if (core->is_reset) {
		result = (struct npu_job_result){
			.core = number,
			.commands = core->commands,
			.status = core->stop_status,
		};
	} else {
		enum npu_core_state state = engine_state(number);

		engine_read_result(number, state, &core->used, &result);
		result.clock_permille = power_clock_permille(fw, number);
		switch (state) {
		case NPU_CORE_DONE:
			result.status = NPU_JOB_OK;
			break;
		case NPU_CORE_FAULTED:
			result.status = NPU_JOB_FAULT;
			break;
		default:
			result.status = core->stop_status;
		}
	}
	core->state = FW_CORE_IDLE;
	end_job(fw, core->queue, &fw->queues[core->queue].job, &result);
}

static void look_at_core(struct fw *fw, uint32_t number, uint64_t now)
{
	struct fw_core *core = &fw->cores[number];

	if (core->state == FW_CORE_RUNNING || core->state == FW_CORE_STOPPING)
		watch_core(fw, number, now);
	if (core->state != FW_CORE_ENDED)
		return;
	if (event_has_room(fw))
		finish_core(fw, number);
	else
		fw->is_blocked = true;
}

/* --- Starting jobs --------------------------------------------------------- */

static uint32_t known_flags(const struct fw *fw)
{
	return fw->abi >= 2 ? NPU_JOB_CANCEL : 0;
}

/* Which field of the entry is bad, by the manual's number, or 0. */
static uint32_t find_bad_field(const struct fw *fw, const struct npu_job *job)
{
	if (job->commands % NPU_COMMAND_ALIGN)
		return 1;
	if (!job->command_count || job->command_count > NPU_MAX_COMMANDS)
		return 2;
	if (job->regions % NPU_REGION_TABLE_ALIGN)
		return 3;
	if (job->region_count > NPU_MAX_REGIONS)
		return 4;
	if (job->result % NPU_RESULT_ALIGN)
		return 5;
	if (!job->cookie)
		return 6;
	if (job->flags & ~known_flags(fw))
		return FAULT_INFO_FLAGS;
	return 0;
}

static bool has_reserved(const struct npu_job *job)
{
	const uint32_t *words = (const uint32_t *)job->reserved;
	uint32_t any = 0;
	uint32_t i;

	for (i = 0; i < sizeof(job->reserved) / sizeof(*words); i++)
		any |= words[i];
	return any;
}

/* Returns false and ends the job if its entry is bad, or it is cancelled. */
static bool check_job(struct fw *fw, uint32_t index, const struct npu_job *job)
{
	uint32_t field = find_bad_field(fw, job);

	if (field)
		refuse_job(fw, index, job, NPU_FAULT_FIELD, field);
	else if (has_reserved(job))
		refuse_job(fw, index, job, NPU_FAULT_RESERVED,
			   __builtin_offsetof(struct npu_job, reserved));
	else if (job->flags & NPU_JOB_CANCEL)
		cancel_job(fw, index, job);
	else
		return true;
	return false;
}

static void set_slice(struct fw *fw, uint32_t number, uint32_t cycles)
{
	if (fw->cores[number].slice == cycles)
		return;
	fw->cores[number].slice = cycles;
	engine_set_slice(number, cycles);
}

/* Start the queue's job, or go on with it if it was preempted. */
static void start_job(struct fw *fw, uint32_t index, uint32_t number,
		      uint64_t now)
{
	struct fw_queue *queue = &fw->queues[index];
	struct fw_core *core = &fw->cores[number];

	queue->core = number;
	core->state = FW_CORE_RUNNING;
	core->queue = index;
	core->is_reset = false;
	core->commands = queue->is_parked ? queue->result.commands : 0;
	core->stop_status = NPU_JOB_RESET;
	core->deadline = after(now, queue->watchdog_ns);
	core->end = after(now, queue->is_parked ? queue->left_ns :
						  queue->deadline_ns);
	set_slice(fw, number, 0);
	power_wake_core(fw, number);
	account_start(fw, number, now);
	if (queue->is_parked)
		engine_resume(number, index);
	else
		engine_start(number, queue->context, &queue->job, index);
	queue->is_parked = false;
}

/* The ring can't be used: no job is to blame. */
static void refuse_ring(struct fw *fw, uint32_t index)
{
	struct npu_job_result result = {
		.status = NPU_JOB_FAULT,
		.fault_code = NPU_FAULT_FIELD,
		.fault_unit = NPU_FAULT_UNIT_FETCH,
		.fault_info = FAULT_INFO_CORRUPT,
	};

	if (fw->queues[index].is_user)
		user_ring_blame(&fw->queues[index], &result);
	end_job(fw, index, &no_job, &result);
}

/* Whether the queue has a job to start; a bad one is ended here. */
static bool find_job(struct fw *fw, uint32_t index)
{
	struct fw_queue *queue = &fw->queues[index];

	if (queue->is_parked)
		return true;
	switch (queue_take(queue, &queue->job)) {
	case FW_TAKE_JOB:
		return check_job(fw, index, &queue->job);
	case FW_TAKE_CORRUPT:
		refuse_ring(fw, index);
		break;
	case FW_TAKE_NONE:
		break;
	}
	return false;
}

/*
 * Find a job for an idle core. Each turn sends a queue away or ends a job that
 * can't run: after FW_TAKES the next round goes on, for who fills a ring with
 * such jobs while it is emptied must not keep the firmware here.
 */
static void feed_core(struct fw *fw, uint32_t number, uint64_t now)
{
	uint32_t index, i;

	for (i = 0; i < FW_TAKES && event_has_room(fw); i++) {
		index = line_next(fw);
		if (index == FW_NONE)
			return;
		if (find_job(fw, index)) {
			start_job(fw, index, number, now);
			return;
		}
	}
	if (i == FW_TAKES)
		fw->is_hungry = true;
	else
		fw->is_blocked = true;
}

/* See how long each core may go on, now that all are fed that can be. */
static void set_slices(struct fw *fw)
{
	uint32_t slices[NPU_PRIORITIES] = { 0 };
	uint32_t i;

	if (fw->waiting)
		line_find_slices(fw, slices);
	for (i = 0; i < fw->core_count; i++)
		if (fw->cores[i].state == FW_CORE_RUNNING)
			set_slice(fw, i,
				  slices[fw->queues[fw->cores[i].queue].priority]);
}

/* --- Ending queues --------------------------------------------------------- */

/*
 * Begin to end all that a queue holds, the job that is under way as @status;
 * end_dying() answers command @seq when that is done.
 */
static void begin_dying(struct fw *fw, uint32_t index, uint32_t seq,
			enum npu_job_status status)
{
	struct fw_queue *queue = &fw->queues[index];

	line_leave(fw, index);
	queue->state = FW_QUEUE_DYING;
	queue->remaining = queue->is_user ? 0 : queue_count_jobs(queue);
	if (queue->remaining == UINT32_MAX)
		queue->remaining = 0;
	if (queue->core != FW_NONE &&
	    fw->cores[queue->core].state == FW_CORE_RUNNING)
		stop_core(fw, queue->core, status);
	if (queue->is_parked && queue->end_status == NPU_JOB_PENDING)
		queue->end_status = status;
	fw->dying = index;
	fw->dying_seq = seq;
}

void sched_destroy(struct fw *fw, uint32_t index, uint32_t seq)
{
	fw->is_dying_kept = false;
	begin_dying(fw, index, seq, NPU_JOB_CANCELLED);
}

/* The queue stays, halted. */
void sched_reset_queue(struct fw *fw, uint32_t index, uint32_t seq)
{
	fw->is_dying_kept = true;
	begin_dying(fw, index, seq, NPU_JOB_TIMEOUT);
}

/* Go on with the dying queue, if any, as far as there is room for events. */
static void end_dying(struct fw *fw)
{
	uint64_t work[3];
	struct fw_queue *queue;
	struct npu_job job;

	if (fw->dying == FW_NONE)
		return;
	queue = &fw->queues[fw->dying];
	if (queue->core != FW_NONE)
		return;
	if (queue->is_parked && event_has_room(fw))
		end_parked_job(fw, fw->dying, queue->end_status);
	while (queue->remaining && event_has_room(fw)) {
		if (queue_take(queue, &job) != FW_TAKE_JOB) {
			queue->remaining = 0;
			break;
		}
		cancel_job(fw, fw->dying, &job);
		queue->remaining--;
	}
	if (!event_has_room(fw)) {
		fw->is_blocked = true;
		return;
	}
	queue_disarm(queue);
	queue->state = fw->is_dying_kept ? FW_QUEUE_HALTED : FW_QUEUE_FREE;
	log_print(fw, NPU_LOG_DEBUG, "queue %u: ended, state %u", fw->dying,
		  queue->state);
	account_read_queue(fw, fw->dying, work);
	admin_done(fw, fw->dying_seq, NPU_ADMIN_OK, work);
	fw->dying = FW_NONE;
}

/* --- The round ------------------------------------------------------------- */

/* Puts the queues whose doorbells are among these 32 in line. */
static void take_doorbell_word(struct fw *fw, uint32_t pending, uint32_t page)
{
	for (; pending; pending >>= 1, page++)
		if ((pending & 1) && page >= NPU_DOORBELL_QUEUE(0) &&
		    page < NPU_DOORBELL_QUEUE(fw->queue_count))
			line_join(fw, page - NPU_DOORBELL_QUEUE(0));
}

/* Forget the pending doorbells, then remember who rang. */
static void take_doorbells(struct fw *fw)
{
	uint32_t low = io_sys_read(NPU_SYS_DOORBELL_LO);
	uint32_t high = io_sys_read(NPU_SYS_DOORBELL_HI);

	if (low)
		io_sys_write(NPU_SYS_DOORBELL_LO, low);
	if (high)
		io_sys_write(NPU_SYS_DOORBELL_HI, high);
	io_fence(); /* with whoever wrote a tail and then rang */
	if (low & 1u << NPU_DOORBELL_ADMIN)
		fw->is_admin_pending = true;
	take_doorbell_word(fw, low, 0);
	take_doorbell_word(fw, high, 32);
}

/* Must another admin command be executed right away? */
static bool is_admin_due(const struct fw *fw)
{
	return fw->is_admin_pending && fw->dying == FW_NONE && !fw->is_blocked;
}

static bool is_working(const struct fw *fw)
{
	uint32_t i;

	for (i = 0; i < fw->core_count; i++)
		if (fw->cores[i].state != FW_CORE_IDLE)
			return true;
	return fw->is_admin_pending || fw->is_blocked || fw->dying != FW_NONE;
}

/* While there is work the heartbeat rises twice as often as promised. */
static void beat(struct fw *fw, uint64_t now)
{
	if (now < fw->heartbeat_due)
		return;
	fw->heartbeat++;
	fw->heartbeat_due = now + NPU_HEARTBEAT_NS / 2;
	io_write32(FW_INIT(heartbeat), fw->heartbeat);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void set_timer(struct fw *fw, uint64_t now, bool has_work)
{
	uint64_t timer = has_work ? fw->heartbeat_due : FW_NEVER;
	uint32_t i;

	for (i = 0; i < fw->core_count; i++) {
		if (fw->cores[i].state == FW_CORE_RUNNING)
			timer = earliest(timer, fw->cores[i].end);
		if (fw->cores[i].state == FW_CORE_RUNNING ||
		    fw->cores[i].state == FW_CORE_STOPPING)
			timer = earliest(timer, fw->cores[i].deadline);
	}
	if (fw->is_blocked)
		timer = earliest(timer, now + FW_RETRY_NS);
	if (fw->event_signalled != fw->event_tail)
		timer = earliest(timer, fw->event_due);
	timer = earliest(timer, power_due(fw));
	if (is_admin_due(fw) || fw->is_hungry)
		timer = now;
	if (timer == fw->timer)
		return;
	fw->timer = timer;
	io_write64(NPU_SYS_BASE + NPU_SYS_TIMECMP_LO, timer);
}

/* Do all that can be done now; the caller then sleeps. */
void fw_round(struct fw *fw)
{
	uint64_t now = io_time_ns();
	bool has_work;
	uint32_t i;

	fw->is_blocked = false;
	fw->is_hungry = false;
	take_doorbells(fw);
	if (fw->is_admin_pending)
		admin_run(fw);
	for (i = 0; i < fw->core_count; i++)
		look_at_core(fw, i, now);
	end_dying(fw);
	end_parked_jobs(fw);
	power_look(fw, now);
	for (i = 0; i < fw->core_count && power_lets_start(fw); i++)
		if (fw->cores[i].state == FW_CORE_IDLE)
			feed_core(fw, i, now);
	set_slices(fw);
	event_publish(fw, now);
	has_work = is_working(fw);
	if (has_work)
		beat(fw, now);
	set_timer(fw, now, has_work);
}
