// SPDX-License-Identifier: MIT
/*
 * Firmware that does not do what it should, for tests/hostile/hostile.sh: what
 * the driver has to live with. One image for each behaviour, which BEHAVIOUR
 * names; beside it, all but the last ones are well enough to boot and to answer.
 */
#include "../../firmware/io.h"

#include <npu/ring.h>

#include <stdbool.h>
#include <stddef.h>

enum behaviour {
	SILENT, /* says that it is ready, and nothing more */
	REFUSING, /* answers every command with an error */
	FORGETFUL, /* takes jobs, ends none */
	PRETENDING, /* likewise, and says that the job has done much */
	BABBLING, /* ends and answers what there is not, then all twice */
	CONFUSED, /* ends jobs in a way that there is not */
	CORRUPTING, /* writes an impossible tail */
	RUNAHEAD, /* takes more jobs than there are */
	CRASHING, /* crashes at the first job */
	STORMING, /* raises interrupts without end at the first job */
	DEAF, /* ends its job when the queue is reset, not when it is to stop */
	NUMB, /* when the core is reset, and not before */
	STILLBORN, /* crashes at the first job, and in the next boot */
	BLAMING, /* queue 0 hangs, 1 runs, 2 waits; after the next boot all is well */
	COMPLAINING, /* finds the ring corrupt at the first job */
	LAWLESS, /* takes limits once a boot, then refuses them in no known way */
	STUNNED, /* limits silence it; after the next boot it takes them */
	STUBBORN, /* limits silence it in each boot */
	FICKLE, /* takes limits, refuses them in the next boot, takes them again */
	SENILE, /* takes limits, and after the next boot has never heard of them */
	DECLINING, /* does not want to run, and says why */
	DAWDLING, /* never gets ready */
	FOREIGN, /* chooses a version of the protocol that it was not offered */
};

/* Windows: what is behind them. */
enum {
	INIT,
	ADMIN,
	EVENTS,
	QUEUE, /* and those behind it */
};

#define QUEUES 3

#define INIT_FIELD(field) (NPU_WINDOW(INIT) + offsetof(struct npu_init, field))
#define QUEUE_FIELD(q, field) \
	(NPU_WINDOW(QUEUE + (q)) + offsetof(struct npu_queue_ring, field))

/* The end of the event ring, which outlives resets: the driver does not clear it. */
#define PAST (NPU_WINDOW(EVENTS) + (NPU_EVENT_ENTRIES - 1) * \
	      (uint32_t)sizeof(struct npu_event))

static const enum behaviour behaviour = BEHAVIOUR;
static uint32_t event_tail;
static uint32_t admin_head;
static uint32_t queue_heads[QUEUES];
static bool has_queue[QUEUES];
static uint32_t past; /* what the boot before has left there */
static bool is_reformed; /* a BLAMING one that was booted anew */
static uint64_t running;

void trap_crash(void);
int main(void);

static void open_window(uint32_t n, uint32_t low, uint32_t high)
{
	io_write32(NPU_ATU_BASE + NPU_ATU_BASE_LO(n), low);
	io_write32(NPU_ATU_BASE + NPU_ATU_BASE_HI(n), high);
	io_write32(NPU_ATU_BASE + NPU_ATU_LIMIT(n), NPU_WINDOW_SIZE);
	io_write32(NPU_ATU_BASE + NPU_ATU_CTRL(n), NPU_ATU_ENABLE);
}

static void set_state(enum npu_fw_state state)
{
	io_sys_write(NPU_SYS_SCRATCH(NPU_FW_SCRATCH_STATE), state);
}

static void send_event(enum npu_event_type type, uint32_t queue,
		       uint32_t status, uint64_t id, uint64_t arg0,
		       uint32_t arg1)
{
	const uint32_t words[] = {
		type | queue << 16, status, id, id >> 32, arg0, arg0 >> 32, arg1,
	};
	uint32_t entry = NPU_WINDOW(EVENTS) +
			 event_tail % NPU_EVENT_ENTRIES * sizeof(struct npu_event);
	uint32_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		io_write32(entry + 4 * i, words[i]);
	io_fence();
	io_write32(INIT_FIELD(event_tail), ++event_tail);
	io_fence();
	io_sys_write(NPU_SYS_HOST_IRQ, NPU_VECTOR_EVENTS);
}

static void fall_silent(void)
{
	for (;;)
		io_wait();
}

/* Also how it crashes on purpose. */
void trap_crash(void)
{
	io_sys_write(NPU_SYS_SCRATCH(NPU_FW_SCRATCH_MCAUSE), 2);
	set_state(NPU_FW_CRASHED);
	fall_silent();
}

/* What a BLAMING one says of its queues: two jobs run, one makes progress. */
static uint64_t blame(uint32_t queue, uint32_t *commands)
{
	static uint32_t progress;

	if (queue > 1)
		return 0;
	*commands = queue ? ++progress : 1;
	return io_read64(QUEUE_FIELD(queue, jobs));
}

static void remember(uint32_t what)
{
	io_write32(PAST, what);
	io_fence();
}

/* What it says to LIMITS_SET, if it does. */
static uint32_t take_limits(void)
{
	static bool has_limits;
	bool had_limits = has_limits;

	has_limits = true;
	remember(past + 1);
	if (behaviour == STUBBORN || (behaviour == STUNNED && !past))
		fall_silent();
	if (behaviour == LAWLESS && had_limits)
		return 77;
	if (behaviour == FICKLE && is_reformed)
		return NPU_ADMIN_BAD_STATE;
	return NPU_ADMIN_OK;
}

static void answer(uint32_t op, uint32_t queue, uint32_t seq)
{
	uint32_t status = behaviour == REFUSING ? NPU_ADMIN_BAD_STATE :
						  NPU_ADMIN_OK;
	uint64_t cookie = running;
	uint32_t commands = 0;

	if (op == NPU_ADMIN_LIMITS_SET && behaviour != REFUSING)
		status = take_limits();
	if (op == NPU_ADMIN_QUEUE_RESET && behaviour == NUMB)
		status = NPU_ADMIN_BAD_STATE;
	if (op == NPU_ADMIN_QUEUE_PROGRESS && behaviour == PRETENDING) {
		cookie = io_read64(QUEUE_FIELD(queue, jobs));
		commands = (1u << 30) + event_tail;
	}
	if (op == NPU_ADMIN_QUEUE_PROGRESS && behaviour == BLAMING)
		cookie = blame(queue, &commands);
	send_event(NPU_EVENT_ADMIN_DONE, 0, status, seq, cookie, commands);
	if (behaviour == BABBLING) {
		send_event(NPU_EVENT_ADMIN_DONE, 0, status, seq, 0, 0);
		send_event(NPU_EVENT_ADMIN_DONE, 0, status,
			   (uint64_t)5 << 32 | seq, 0, 0);
		send_event(77, 3, status, seq, 0, 0);
		send_event(NPU_EVENT_POWER, 0xffff, UINT32_MAX, UINT64_MAX,
			   UINT64_MAX, 0x80000000);
	}
}

/* What a command that shall end the job does. */
static void end_running(uint32_t op)
{
	bool is_core = behaviour == NUMB && op == NPU_ADMIN_CORE_RESET;

	if (!running || !(is_core || (behaviour == DEAF &&
				      op == NPU_ADMIN_QUEUE_RESET)))
		return;
	if (is_core)
		send_event(NPU_EVENT_CORE_RESET, 0, 0, running, 0, 0);
	send_event(NPU_EVENT_JOB_DONE, 0, NPU_JOB_TIMEOUT, running, 0, 0);
	running = 0;
}

static void take_admin_command(void)
{
	uint32_t command = NPU_WINDOW(ADMIN) + admin_head % NPU_ADMIN_ENTRIES *
					sizeof(struct npu_admin_cmd);
	uint32_t op = io_read32(command) & 0xffff;
	uint32_t args = command + offsetof(struct npu_admin_cmd, args);
	uint32_t ring = args + offsetof(struct npu_admin_queue, ring);
	uint32_t queue = io_read32(args) % QUEUES;

	if (op == NPU_ADMIN_QUEUE_CREATE && !has_queue[queue]) {
		open_window(QUEUE + queue, io_read32(ring),
			    io_read32(ring + 4));
		queue_heads[queue] = 0;
		has_queue[queue] = true;
	}
	if (op == NPU_ADMIN_QUEUE_DESTROY)
		has_queue[queue] = false;
	end_running(op);
	io_write32(INIT_FIELD(admin_head), ++admin_head);
	answer(op, queue, io_read32(command + offsetof(struct npu_admin_cmd, seq)));
}

static void babble(uint64_t cookie)
{
	send_event(NPU_EVENT_JOB_DONE, 0, NPU_JOB_OK, cookie + 1, 1, 0);
	send_event(NPU_EVENT_JOB_DONE, 0, NPU_JOB_OK, (uint32_t)cookie, 1, 0);
	send_event(NPU_EVENT_JOB_DONE, 5, NPU_JOB_OK, cookie, 1, 0);
	send_event(NPU_EVENT_JOB_DONE, 0xffff, NPU_JOB_OK, UINT64_MAX, 1, 0);
	send_event(NPU_EVENT_JOB_DONE, 0, NPU_JOB_FAULT,
		   (uint64_t)1 << 63 | cookie, 1, 0);
	/* A corrupt ring of no queue; user-mode queues that are none. */
	send_event(NPU_EVENT_JOB_DONE, 5, NPU_JOB_FAULT, 0, 1, 0);
	send_event(NPU_EVENT_JOB_DONE, 0xffff, NPU_JOB_FAULT, 0, 1, 0);
	send_event(NPU_EVENT_USER_WAKE, 0, 0, 0, 0, 0);
	send_event(NPU_EVENT_USER_HALT, 0xffff, NPU_JOB_FAULT, cookie, 0, 0);
	send_event(NPU_EVENT_JOB_DONE, 0, NPU_JOB_OK, cookie, 1000, 0);
	send_event(NPU_EVENT_JOB_DONE, 0, NPU_JOB_OK, cookie, 1000, 0);
}

static void take_job(uint32_t queue)
{
	uint64_t cookie = io_read64(
		QUEUE_FIELD(queue, jobs) +
		queue_heads[queue] % NPU_QUEUE_ENTRIES_MAX *
			sizeof(struct npu_job));

	if (behaviour == BLAMING && !is_reformed && queue > 1)
		return;
	io_write32(QUEUE_FIELD(queue, head), ++queue_heads[queue]);
	switch (behaviour) {
	case BABBLING:
		babble(cookie);
		break;
	case CONFUSED:
		send_event(NPU_EVENT_JOB_DONE, 0, 77, cookie, 1000, 0);
		break;
	case CORRUPTING:
		io_write32(INIT_FIELD(event_tail), event_tail + 100000);
		io_sys_write(NPU_SYS_HOST_IRQ, NPU_VECTOR_EVENTS);
		break;
	case RUNAHEAD:
		io_write32(QUEUE_FIELD(queue, head),
			   queue_heads[queue] + 12345);
		break;
	case COMPLAINING:
		send_event(NPU_EVENT_JOB_DONE, queue, NPU_JOB_FAULT, 0, 0, 0);
		break;
	case CRASHING:
		trap_crash();
		break;
	case STILLBORN:
		remember(1);
		trap_crash();
		break;
	case BLAMING:
		remember(1);
		if (is_reformed)
			send_event(NPU_EVENT_JOB_DONE, queue, NPU_JOB_OK,
				   cookie, 1000, 0);
		break;
	case DEAF:
	case NUMB:
		running = cookie;
		break;
	case STORMING:
		for (;;)
			io_sys_write(NPU_SYS_HOST_IRQ, NPU_VECTOR_EVENTS);
	default:
		break;
	}
}

/* What does not even boot ends here. */
static void get_ready(void)
{
	if (behaviour == STILLBORN && is_reformed) {
		remember(2);
		trap_crash();
	}
	if (behaviour == DECLINING) {
		io_sys_write(NPU_SYS_SCRATCH(NPU_FW_SCRATCH_REASON),
			     NPU_FW_REFUSAL_RING);
		set_state(NPU_FW_REFUSED);
	}
	if (behaviour == DECLINING || behaviour == DAWDLING)
		fall_silent();
	io_write32(INIT_FIELD(abi), NPU_RING_ABI_MAX + (behaviour == FOREIGN) -
				    (behaviour == SENILE && past));
	set_state(NPU_FW_READY);
}

int main(void)
{
	uint32_t heartbeat = 0;
	uint32_t queue;

	open_window(INIT, io_sys_read(NPU_SYS_ARG_LO),
		    io_sys_read(NPU_SYS_ARG_HI));
	open_window(ADMIN, io_read32(INIT_FIELD(admin_ring)),
		    io_read32(INIT_FIELD(admin_ring) + 4));
	open_window(EVENTS, io_read32(INIT_FIELD(event_ring)),
		    io_read32(INIT_FIELD(event_ring) + 4));
	past = io_read32(PAST);
	is_reformed = past == 1;
	get_ready();
	for (;;) {
		if (behaviour == SILENT)
			continue;
		io_write32(INIT_FIELD(heartbeat), ++heartbeat);
		if (admin_head != io_read32(INIT_FIELD(admin_tail)))
			take_admin_command();
		for (queue = 0; queue < QUEUES; queue++)
			if (has_queue[queue] && queue_heads[queue] !=
						io_read32(QUEUE_FIELD(queue, tail)))
				take_job(queue);
	}
}
