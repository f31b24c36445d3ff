// SPDX-License-Identifier: MIT
/*
 * Fuzzing of all that the firmware reads from others' memory: admin commands,
 * jobs, tails, heads, doorbells at any moment, cores that end in any way. The
 * input is a little program; see the table at the end. Whatever it does, the
 * firmware touches only what is there, goes to sleep, and keeps its books.
 */
#include "fuzz.h"

#include "../unit/firmware_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ACCESSES 2000000 /* per run: a bound on the firmware's loops */

/* What is left of the input; reads as zeros when it is used up. */
struct input {
	const uint8_t *data;
	size_t size;
};

static void take(struct input *in, void *dest, size_t size)
{
	size_t have = size < in->size ? size : in->size;

	memset(dest, 0, size);
	memcpy(dest, in->data, have);
	in->data += have;
	in->size -= have;
}

static uint8_t take8(struct input *in)
{
	uint8_t value;

	take(in, &value, 1);
	return value;
}

static uint32_t take32(struct input *in)
{
	uint32_t value;

	take(in, &value, 4);
	return value;
}

#define require(fact)                                                   \
	do {                                                            \
		if (!(fact)) {                                          \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #fact);                       \
			abort();                                        \
		}                                                       \
	} while (0)

/* --- The firmware's books --------------------------------------------------------------- */

static void check_lists(void)
{
	uint32_t i, priority, waiting = 0;

	for (i = 0; i < NPU_MAX_QUEUES; i++)
		waiting += board_fw.queues[i].is_waiting;
	for (priority = 0; priority < NPU_PRIORITIES; priority++) {
		uint32_t last = FW_NONE;

		for (i = board_fw.lines[priority].first; i != FW_NONE;
		     i = board_fw.queues[i].next) {
			const struct fw_queue *queue = &board_fw.queues[i];

			require(waiting-- && queue->is_waiting &&
				queue->priority == priority &&
				queue->state == FW_QUEUE_ACTIVE &&
				queue->core == FW_NONE);
			last = i;
		}
		require(board_fw.lines[priority].last == last);
	}
	require(!waiting);
}

static void check_cores(void)
{
	uint32_t i, running = 0;

	for (i = 0; i < board_fw.core_count; i++) {
		const struct fw_core *core = &board_fw.cores[i];

		if (core->state == FW_CORE_IDLE)
			continue;
		require(board_fw.queues[core->queue].core == i);
		running++;
	}
	for (i = 0; i < NPU_MAX_QUEUES; i++)
		if (board_fw.queues[i].state != FW_QUEUE_FREE &&
		    board_fw.queues[i].core != FW_NONE)
			running--;
	require(!running);
}

/* A preempted job is in its slot, and its queue waits or has to end it. */
static void check_parked(void)
{
	uint32_t i;

	for (i = 0; i < NPU_MAX_QUEUES; i++) {
		const struct fw_queue *queue = &board_fw.queues[i];

		if (!queue->is_parked)
			continue;
		require(board.slots[i].is_full && queue->core == FW_NONE);
		require(queue->is_waiting || board_fw.dying == i);
	}
}

static void run(struct input *in)
{
	uint64_t before = board.accesses;

	require(board_run());
	require(board.accesses - before < MAX_ACCESSES);
	require(board_fw.event_tail == board_fw.event_published);
	require(board_fw.event_tail - board_fw.event_head <=
			NPU_EVENT_ENTRIES ||
		!event_has_room(&board_fw));
	check_lists();
	check_cores();
	check_parked();
}

/* --- What the input can do ------------------------------------------------------------- */

static void admin(struct input *in)
{
	struct npu_admin_cmd cmd = { .op = take8(in) };
	uint8_t context = take8(in);

	take(in, cmd.args, sizeof(cmd.args));
	if (context & 1) /* something that may well succeed */
		cmd.args[0] %= NPU_MAX_QUEUES;
	board_admin_write(&cmd);
}

static void create(struct input *in)
{
	struct npu_admin_cmd cmd = { .op = NPU_ADMIN_QUEUE_CREATE };
	uint8_t queue = take8(in) % NPU_MAX_QUEUES;
	const struct npu_admin_queue arg = {
		.queue = queue,
		.context = take8(in) % 2,
		.priority = take8(in) % NPU_PRIORITIES,
		.entries = 2u << take8(in) % 6,
		.ring = BOARD_QUEUE(queue),
		.watchdog_ns = 1 + take32(in),
	};

	memcpy(cmd.args, &arg, sizeof(arg));
	board_admin_write(&cmd);
}

/* User-mode queues: rings in the contexts' memory, or beyond it. */
static void create_user(struct input *in)
{
	struct npu_admin_cmd cmd = { .op = NPU_ADMIN_USER_QUEUE_CREATE };
	const struct npu_admin_queue arg = {
		.queue = take8(in) % NPU_MAX_QUEUES,
		.context = take8(in) % 2,
		.priority = take8(in) % NPU_PRIORITIES,
		.entries = 2u << take8(in) % 6,
		.ring = BOARD_RESULTS + take8(in) % 5 * 0x1000,
		.watchdog_ns = 1 + take32(in),
	};

	memcpy(cmd.args, &arg, sizeof(arg));
	board_admin_write(&cmd);
}

/* A process writes to its memory, or takes it away. */
static void poke_user(struct input *in)
{
	uint32_t offset = (take8(in) % 4 * 0x1000 + take8(in) * 4) %
			  (BOARD_RESULTS_SIZE - 256);
	uint8_t how = take8(in);

	board.is_context_gone = how & 0x40;
	board.is_context_readonly = how & 0x80;
	take(in, board.results + offset, how % 64);
}

static void submit(struct input *in)
{
	uint8_t queue = take8(in) % NPU_MAX_QUEUES;
	struct npu_job job = board_job(1 + take8(in));

	if (!board_fw.queues[queue].entries)
		return;
	if (take8(in) & 1)
		take(in, &job, sizeof(job));
	else
		job.result = take32(in) & ~7u;
	board_submit(queue, &job);
}

/* The driver's or a submitter's words become anything. */
static void poke(struct input *in)
{
	uint8_t queue = take8(in);
	uint32_t value = take32(in);
	struct npu_init *init = board_init_block();

	if (queue < NPU_MAX_QUEUES)
		board_queue(queue)->tail = value;
	else if (queue & 1)
		init->admin_tail = value;
	else if (queue & 2)
		init->event_head = value;
	else
		init->event_armed = value;
}

static void ring(struct input *in)
{
	board.doorbells |= (uint64_t)take32(in) << (take8(in) & 32);
}

static void finish(struct input *in)
{
	static const enum npu_core_state ends[] = {
		NPU_CORE_DONE, NPU_CORE_FAULTED, NPU_CORE_STOPPED,
	};
	uint8_t core = take8(in) % NPU_MAX_CORES;

	board.cores[core].is_deaf = take8(in) & 1;
	if (board_running(core))
		board_finish(core, ends[take8(in) % 3], take32(in));
}

static void preempt(struct input *in)
{
	uint8_t core = take8(in) % NPU_MAX_CORES;
	uint32_t commands = take32(in);

	if (board_running(core) &&
	    board.cores[core].regs[NPU_CORE_STATUS / 4] == NPU_CORE_RUNNING)
		board_preempt(core, commands,
			      board.cores[core].begun + (1u << take8(in) % 32));
}

/*
 * Somebody writes while the firmware reads: rings never get empty, events are
 * always read. One round has to end all the same.
 */
static struct {
	uint32_t period, left;
	uint32_t queue, flags;
} racer;

static void race_on_access(void)
{
	struct npu_queue_ring *ring = board_queue(racer.queue);
	struct npu_init *init = board_init_block();
	uint32_t i;

	if (racer.left--)
		return;
	racer.left = racer.period;
	for (i = 0; i < NPU_QUEUE_ENTRIES_MAX; i++) {
		ring->jobs[i].cookie = 1;
		ring->jobs[i].flags = racer.flags;
	}
	ring->tail = board_fw.queues[racer.queue].head + 1;
	init->admin_tail = board_fw.admin_head + 1;
	init->event_head = init->event_tail;
}

static void race(struct input *in)
{
	uint64_t before = board.accesses;
	struct npu_init *init = board_init_block();

	racer.queue = take8(in) % NPU_MAX_QUEUES;
	racer.flags = take8(in) % 3;
	racer.left = racer.period = take8(in);
	board.on_access = race_on_access;
	board.doorbells |= 1ull << NPU_DOORBELL_QUEUE(racer.queue) | 1;
	fw_round(&board_fw);
	board.on_access = NULL;
	require(board.accesses - before < MAX_ACCESSES / 10);
	board_queue(racer.queue)->tail = board_fw.queues[racer.queue].head;
	init->admin_tail = board_fw.admin_head;
	board.events_read = init->event_tail;
	init->event_head = init->event_tail;
}

static void pass_time(struct input *in)
{
	board.now += (uint64_t)take32(in) << take8(in) % 8;
}

static void read_events(struct input *in)
{
	struct npu_event event;
	uint8_t n = take8(in);

	while (n-- && board_event(&event))
		require(event.type == NPU_EVENT_ADMIN_DONE ||
			event.type == NPU_EVENT_JOB_DONE ||
			event.type == NPU_EVENT_USER_WAKE ||
			event.type == NPU_EVENT_USER_HALT ||
			event.type == NPU_EVENT_CORE_RESET);
}

static void (*const deeds[])(struct input *in) = {
	run, admin, create, submit, poke, ring, finish, pass_time, read_events,
	preempt, race, create_user, poke_user,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint32_t context;

	board_boot(1 + take8(&in) % NPU_MAX_CORES);
	for (context = 0; context < 2; context++)
		require(!board_admin(NPU_ADMIN_CONTEXT_SET, context, 0x1000, 0,
				     NULL));
	while (in.size)
		deeds[take8(&in) % (sizeof(deeds) / sizeof(*deeds))](&in);
	run(&in);
	return 0;
}
