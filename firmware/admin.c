// SPDX-License-Identifier: MIT
/*
 * Admin commands: one function for each, and a table. Called by sched.c once a
 * round. Commands are executed in order, each is answered by one event.
 */
#include "fw.h"
#include "io.h"

/* What a command is given, and where its answer goes. */
struct call {
	struct fw *fw;
	uint32_t seq;
	const uint64_t *args;
	uint64_t answer[3];
};

static enum npu_admin_status ping(struct call *call)
{
	return NPU_ADMIN_OK;
}

static bool is_bus_address(uint64_t address)
{
	return !(address >> 56) && !(address % 4096);
}

static enum npu_admin_status context_set(struct call *call)
{
	uint64_t context = call->args[0];

	if (context >= call->fw->context_count ||
	    !is_bus_address(call->args[1]))
		return NPU_ADMIN_BAD_ARG;
	if (call->fw->has_context[context])
		return NPU_ADMIN_BAD_STATE;
	call->fw->has_context[context] = true;
	account_forget_context(call->fw, context);
	line_forget_client(call->fw, context);
	engine_set_root(context, call->args[1]);
	return NPU_ADMIN_OK;
}

static bool is_context_used(const struct fw *fw, uint32_t context)
{
	uint32_t i;

	for (i = 0; i < fw->queue_count; i++)
		if (fw->queues[i].state != FW_QUEUE_FREE &&
		    fw->queues[i].context == context)
			return true;
	return false;
}

static enum npu_admin_status context_clear(struct call *call)
{
	uint64_t context = call->args[0];

	if (context >= call->fw->context_count)
		return NPU_ADMIN_BAD_ARG;
	if (!call->fw->has_context[context] ||
	    is_context_used(call->fw, context))
		return NPU_ADMIN_BAD_STATE;
	call->fw->has_context[context] = false;
	engine_clear_root(context);
	return NPU_ADMIN_OK;
}

static enum npu_admin_status invalidate(struct call *call)
{
	uint64_t context = call->args[0];
	uint64_t address = call->args[1];
	uint64_t size = call->args[2];

	if (context >= call->fw->context_count || address + size < address)
		return NPU_ADMIN_BAD_ARG;
	if (!call->fw->has_context[context])
		return NPU_ADMIN_BAD_STATE;
	engine_invalidate(context, address, size);
	return NPU_ADMIN_OK;
}

/* Where rings of user-mode queues can be: below the middle of Sv39. */
static bool is_user_address(uint64_t address)
{
	return address < 1ull << 38 && !(address % 4096);
}

static bool is_queue_valid(const struct fw *fw,
			   const struct npu_admin_queue *arg)
{
	return arg->queue < fw->queue_count &&
	       arg->context < fw->context_count &&
	       arg->priority < NPU_PRIORITIES && arg->entries >= 2 &&
	       arg->entries <= NPU_QUEUE_ENTRIES_MAX &&
	       !(arg->entries & (arg->entries - 1)) &&
	       arg->watchdog_ns &&
	       (fw->abi >= 2 || !arg->deadline_ns) &&
	       !arg->reserved[0] && !arg->reserved[1];
}

static enum npu_admin_status add_queue(struct call *call, bool is_user)
{
	const struct npu_admin_queue *arg = (const void *)call->args;
	struct fw_queue *queue;

	if (!is_queue_valid(call->fw, arg) ||
	    !(is_user ? is_user_address : is_bus_address)(arg->ring))
		return NPU_ADMIN_BAD_ARG;
	queue = &call->fw->queues[arg->queue];
	if (queue->state != FW_QUEUE_FREE ||
	    !call->fw->has_context[arg->context])
		return NPU_ADMIN_BAD_STATE;
	*queue = (struct fw_queue){
		.state = FW_QUEUE_ACTIVE,
		.priority = arg->priority,
		.context = arg->context,
		.core = FW_NONE,
		.next = FW_NONE,
		.is_user = is_user,
		.entries = arg->entries,
		.ring = arg->ring,
		.watchdog_ns = arg->watchdog_ns,
		.deadline_ns = arg->deadline_ns ? arg->deadline_ns : FW_NEVER,
	};
	if (is_user)
		user_ring_open(queue);
	account_forget_queue(call->fw, arg->queue);
	line_join(call->fw, arg->queue);
	log_print(call->fw, NPU_LOG_DEBUG,
		  "queue %u: created, context %u, priority %u", arg->queue,
		  arg->context, arg->priority);
	return NPU_ADMIN_OK;
}

static enum npu_admin_status queue_create(struct call *call)
{
	return add_queue(call, false);
}

static enum npu_admin_status user_queue_create(struct call *call)
{
	return add_queue(call, true);
}

/* The queue that args[0] names, or NULL and why there is none. */
static struct fw_queue *find_queue(struct call *call,
				   enum npu_admin_status *status)
{
	struct fw_queue *queue;

	if (call->args[0] >= call->fw->queue_count) {
		*status = NPU_ADMIN_BAD_ARG;
		return NULL;
	}
	queue = &call->fw->queues[call->args[0]];
	if (queue->state == FW_QUEUE_FREE) {
		*status = NPU_ADMIN_BAD_STATE;
		return NULL;
	}
	return queue;
}

/* Only begins here: sched.c answers when the queue is gone. */
static enum npu_admin_status queue_destroy(struct call *call)
{
	enum npu_admin_status status;

	if (!find_queue(call, &status))
		return status;
	sched_destroy(call->fw, call->args[0], call->seq);
	return NPU_ADMIN_OK;
}

/* Likewise. */
static enum npu_admin_status queue_reset(struct call *call)
{
	enum npu_admin_status status;

	if (!find_queue(call, &status))
		return status;
	sched_reset_queue(call->fw, call->args[0], call->seq);
	return NPU_ADMIN_OK;
}

static enum npu_admin_status core_reset(struct call *call)
{
	enum npu_admin_status status;

	if (!find_queue(call, &status))
		return status;
	if (!sched_reset_core(call->fw, call->args[0], call->args[1]))
		return NPU_ADMIN_BAD_STATE;
	return NPU_ADMIN_OK;
}

static enum npu_admin_status queue_progress(struct call *call)
{
	enum npu_admin_status status;
	struct fw_queue *queue = find_queue(call, &status);

	if (!queue)
		return status;
	if (queue->core != FW_NONE) {
		call->answer[0] = queue->job.cookie;
		call->answer[1] = engine_commands(queue->core);
	}
	call->answer[2] = queue->jobs_ended;
	return NPU_ADMIN_OK;
}

static enum npu_admin_status queue_work(struct call *call)
{
	enum npu_admin_status status;

	if (!find_queue(call, &status))
		return status;
	account_read_queue(call->fw, call->args[0], call->answer);
	return NPU_ADMIN_OK;
}

static enum npu_admin_status job_stop(struct call *call)
{
	enum npu_admin_status status;

	if (!find_queue(call, &status))
		return status;
	if (!sched_stop_job(call->fw, call->args[0], call->args[1],
			    NPU_JOB_TIMEOUT))
		return NPU_ADMIN_BAD_STATE;
	return NPU_ADMIN_OK;
}

/* If it is under way nowhere it has ended, or its entry says it. */
static enum npu_admin_status job_cancel(struct call *call)
{
	enum npu_admin_status status;

	if (!find_queue(call, &status))
		return status;
	sched_stop_job(call->fw, call->args[0], call->args[1],
		       NPU_JOB_CANCELLED);
	return NPU_ADMIN_OK;
}

static enum npu_admin_status log_level(struct call *call)
{
	if (call->args[0] > NPU_LOG_DEBUG)
		return NPU_ADMIN_BAD_ARG;
	call->fw->log_level = call->args[0];
	return NPU_ADMIN_OK;
}

static enum npu_admin_status counters(struct call *call)
{
	uint64_t address = call->args[0];
	uint64_t bytes = call->args[1];

	if (!address || address % 64 || address >> 56 || !bytes || bytes % 8)
		return NPU_ADMIN_BAD_ARG;
	call->answer[0] = account_write(call->fw, address, bytes);
	return call->answer[0] ? NPU_ADMIN_OK : NPU_ADMIN_BAD_ARG;
}

static enum npu_admin_status limits_set(struct call *call)
{
	if (!limits_accept(call->fw, call->args[0], call->args[1]))
		return NPU_ADMIN_BAD_ARG;
	return NPU_ADMIN_OK;
}

/* A command, how many arguments it has, and the protocol that has it. */
struct command {
	enum npu_admin_status (*run)(struct call *call);
	uint32_t arg_count;
	uint32_t abi;
};

static const struct command commands[] = {
	[NPU_ADMIN_PING] = { ping, 0, 1 },
	[NPU_ADMIN_CONTEXT_SET] = { context_set, 2, 1 },
	[NPU_ADMIN_CONTEXT_CLEAR] = { context_clear, 1, 1 },
	[NPU_ADMIN_INVALIDATE] = { invalidate, 3, 1 },
	[NPU_ADMIN_QUEUE_CREATE] = { queue_create, 7, 1 },
	[NPU_ADMIN_QUEUE_DESTROY] = { queue_destroy, 1, 1 },
	[NPU_ADMIN_QUEUE_PROGRESS] = { queue_progress, 1, 1 },
	[NPU_ADMIN_JOB_STOP] = { job_stop, 2, 1 },
	[NPU_ADMIN_LOG_LEVEL] = { log_level, 1, 1 },
	[NPU_ADMIN_COUNTERS] = { counters, 2, 2 },
	[NPU_ADMIN_JOB_CANCEL] = { job_cancel, 2, 2 },
	[NPU_ADMIN_USER_QUEUE_CREATE] = { user_queue_create, 7, 2 },
	[NPU_ADMIN_QUEUE_WORK] = { queue_work, 1, 2 },
	[NPU_ADMIN_LIMITS_SET] = { limits_set, 2, 3 },
	[NPU_ADMIN_QUEUE_RESET] = { queue_reset, 1, 2 },
	[NPU_ADMIN_CORE_RESET] = { core_reset, 2, 2 },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static enum npu_admin_status execute(struct call *call,
				     const struct npu_admin_cmd *cmd)
{
	const struct command *command;
	uint32_t i;

	if (cmd->op >= COMMAND_COUNT || !commands[cmd->op].run ||
	    commands[cmd->op].abi > call->fw->abi)
		return NPU_ADMIN_BAD_OP;
	command = &commands[cmd->op];
	if (cmd->reserved)
		return NPU_ADMIN_BAD_ARG;
	for (i = command->arg_count; i < 7; i++)
		if (cmd->args[i])
			return NPU_ADMIN_BAD_ARG;
	return command->run(call);
}

/* Answer a command; there is room for the event. */
void admin_done(struct fw *fw, uint32_t seq, enum npu_admin_status status,
		const uint64_t answer[3])
{
	struct npu_event event = {
		.type = NPU_EVENT_ADMIN_DONE,
		.status = status,
		.id = seq,
		.args = { answer[0], answer[1], answer[2] },
	};

	event_put(fw, &event, true);
}

/* Take and execute what is in the ring, one ring's worth at most. */
void admin_run(struct fw *fw)
{
	struct npu_admin_cmd cmd;
	enum npu_admin_status status;
	uint32_t i;

	for (i = 0; i < NPU_ADMIN_ENTRIES; i++) {
		struct call call = { .fw = fw, .args = cmd.args };

		if (!fw->is_admin_pending || fw->dying != FW_NONE)
			return;
		if (!event_has_room(fw)) {
			fw->is_blocked = true;
			return;
		}
		if (!admin_take(fw, &cmd))
			return;
		call.seq = cmd.seq;
		status = execute(&call, &cmd);
		if (status)
			log_print(fw, NPU_LOG_ERROR,
				  "admin command %u, op %u: status %u",
				  cmd.seq, cmd.op, status);
		if (fw->dying == FW_NONE)
			admin_done(fw, cmd.seq, status, call.answer);
	}
}
