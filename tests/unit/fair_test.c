// SPDX-License-Identifier: MIT
/*
 * Whose turn it is: the firmware's scheduler on cores whose jobs take modelled
 * cycles and have marks at which they can be preempted. Clients of one priority
 * get equal shares however many queues they have and however long their jobs
 * are, urgent jobs don't wait for others, and nobody is forgotten.
 */
#include "firmware_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull
#define DEPTH 4
#define JOBS 1000

/* A client: jobs of @cycles, a mark every @step cycles (0: none). */
struct client {
	uint32_t queues;
	uint32_t priority;
	uint64_t cycles;
	uint64_t step;
};

#define CLIENTS_MAX 6

/* The test's view; a cookie is the client's number + 1. */
static struct {
	struct client clients[CLIENTS_MAX];
	uint32_t client_count;
	uint32_t queue_count;
	uint32_t client_of[NPU_MAX_QUEUES];
	uint32_t submitted[NPU_MAX_QUEUES];
	uint32_t ended[NPU_MAX_QUEUES];
	uint64_t clock;
} run;

static void setup_clients(uint32_t cores, const struct client *clients,
			  uint32_t count)
{
	uint32_t i, k;

	memset(&run, 0, sizeof(run));
	memcpy(run.clients, clients, count * sizeof(*clients));
	run.client_count = count;
	board_boot(cores);
	for (i = 0; i < count; i++) {
		assert_int_equal(board_admin(NPU_ADMIN_CONTEXT_SET, i + 1,
					     0x5000, 0, NULL), NPU_ADMIN_OK);
		for (k = 0; k < clients[i].queues; k++) {
			run.client_of[run.queue_count] = i;
			assert_int_equal(
				board_queue_create(run.queue_count++, i + 1,
						   clients[i].priority, 16,
						   1000 * SECOND),
				NPU_ADMIN_OK);
		}
	}
}

static void submit(uint32_t queue)
{
	struct npu_job job = board_job(run.client_of[queue] + 1);

	run.submitted[queue]++;
	board_submit(queue, &job);
}

/* Keep DEPTH jobs waiting or running on each queue of a client. */
static void fill_client(uint32_t client)
{
	uint32_t q;

	for (q = 0; q < run.queue_count; q++)
		while (run.client_of[q] == client &&
		       run.submitted[q] - run.ended[q] < DEPTH)
			submit(q);
}

static void fill_all(void)
{
	uint32_t i;

	for (i = 0; i < run.client_count; i++)
		fill_client(i);
}

static uint64_t cycles_of(uint32_t core)
{
	const uint32_t *regs = board.cores[core].regs;

	return (uint64_t)regs[NPU_CORE_CYCLES / 4 + 1] << 32 |
	       regs[NPU_CORE_CYCLES / 4];
}

/* How far the job on the core is from its next mark or its end. */
static uint64_t distance(uint32_t core)
{
	const struct client *client =
		&run.clients[board_running(core) - 1];
	uint64_t done = cycles_of(core);
	uint64_t next = client->cycles;

	if (client->step && (done / client->step + 1) * client->step < next)
		next = (done / client->step + 1) * client->step;
	return next - done;
}

/* The job on the core gets so far: it ends, is preempted, or goes on. */
static void advance(uint32_t core, uint64_t cycles)
{
	const struct client *client =
		&run.clients[board_running(core) - 1];
	uint64_t done = cycles_of(core) + cycles;
	bool is_mark = client->step && done % client->step == 0;

	board.cores[core].regs[NPU_CORE_CYCLES / 4] = (uint32_t)done;
	board.cores[core].regs[NPU_CORE_CYCLES / 4 + 1] = done >> 32;
	if (done == client->cycles)
		board_finish(core, NPU_CORE_DONE, 3);
	else if (is_mark)
		board_preempt(core, 1, done);
}

/* Let the cores work until one comes to something; count ended jobs. */
static uint32_t step(uint32_t cores)
{
	uint64_t least = UINT64_MAX;
	struct npu_event event;
	uint32_t i, ended = 0;

	for (i = 0; i < cores; i++)
		if (board_running(i) && distance(i) < least)
			least = distance(i);
	assert_true(least != UINT64_MAX);
	for (i = 0; i < cores; i++)
		if (board_running(i))
			advance(i, least);
	run.clock += least;
	assert_true(board_advance(5 * least));
	while (board_event(&event)) {
		assert_int_equal(event.type, NPU_EVENT_JOB_DONE);
		assert_int_equal(event.status, NPU_JOB_OK);
		run.ended[event.queue]++;
		ended++;
	}
	return ended;
}

static uint64_t used_by(uint32_t client)
{
	return board_fw.counters.context[client + 1].cycles;
}

static void assert_equal_shares(uint32_t cores)
{
	uint64_t before[CLIENTS_MAX], total = 0, share;
	uint32_t i, ended = 0;

	for (i = 0; i < run.client_count; i++)
		before[i] = used_by(i);
	while (ended < JOBS) {
		fill_all();
		board_run();
		ended += step(cores);
	}
	for (i = 0; i < run.client_count; i++)
		total += used_by(i) - before[i];
	for (i = 0; i < run.client_count; i++) {
		share = used_by(i) - before[i];
		assert_in_range(share * run.client_count, total * 9 / 10,
				total * 11 / 10);
	}
}

static void clients_share_equally(void **state)
{
	static const struct client sets[][3] = {
		/* different numbers of queues */
		{ { 1, 1, 20000, 0 }, { 4, 1, 20000, 0 },
		  { 12, 1, 20000, 0 } },
		/* different lengths, none can be preempted */
		{ { 2, 1, 3000, 0 }, { 2, 1, 100000, 0 },
		  { 2, 1, 1700, 0 } },
		/* both, against each other */
		{ { 1, 1, 1000, 0 }, { 8, 1, 70000, 0 },
		  { 3, 1, 20000, 0 } },
		/* jobs much longer than a slice, which can be preempted */
		{ { 1, 1, 5000000, 20000 }, { 5, 1, 30000, 10000 },
		  { 2, 1, 900000, 900 } },
	};
	uint32_t i, cores;

	for (i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		setup_clients(1, sets[i], 3);
		assert_equal_shares(1);
	}
	/* More cores than one: whoever has queues for them all. */
	for (cores = 2; cores <= 4; cores++) {
		const struct client many[] = {
			{ 4, 1, 30000, 0 }, { 9, 1, 50000, 0 },
			{ 6, 1, 600000, 2000 },
		};

		setup_clients(cores, many, 3);
		assert_equal_shares(cores);
	}
}

static void who_was_idle_gets_no_arrears(void **state)
{
	const struct client two[] = {
		{ 1, 1, 10000, 0 }, { 2, 1, 10000, 0 },
	};
	uint32_t i;

	setup_clients(1, two, 2);
	for (i = 0; i < 2000; i++) {
		fill_client(0);
		board_run();
		step(1);
	}
	assert_equal_shares(1);
}

/* One job at a time: between two of them others are served, but no more. */
static void who_submits_one_by_one_gets_a_share(void **state)
{
	const struct client two[] = {
		{ 1, 1, 10000, 0 }, { 6, 1, 10000, 0 },
	};
	uint32_t i;

	setup_clients(1, two, 2);
	for (i = 0; i < JOBS; i++) {
		fill_client(1);
		board_run();
		step(1);
		if (run.submitted[0] == run.ended[0])
			submit(0);
	}
	assert_in_range(run.ended[0], JOBS * 45 / 100, JOBS * 55 / 100);
}

/* The urgent wait for a mark, not for an end, and get all that they want. */
static void the_urgent_wait_for_a_mark_only(void **state)
{
	const struct client two[] = {
		{ 3, 0, 10000000, 5000 }, { 1, 3, 2000, 0 },
	};
	uint64_t asked;
	uint32_t i;

	setup_clients(2, two, 2);
	for (i = 0; i < JOBS; i++) {
		fill_client(0);
		board_run();
		step(2);
		if (i % 10)
			continue;
		submit(3);
		board_run();
		for (asked = run.clock; run.submitted[3] != run.ended[3];) {
			assert_true(run.clock - asked <= 5000 + 2000);
			step(2);
		}
	}
	assert_true(board_fw.counters.context[1].preemptions >= 100);
	assert_int_equal(board_fw.counters.context[2].preemptions, 0);
	/* The others lose no more than what the urgent used. */
	assert_true(used_by(0) + used_by(1) + 2 * 5000 >= 2 * run.clock -
						       2 * 2000);
}

/* Each queue of a client gets its turns, slices or not. */
static void queues_of_a_client_take_turns(void **state)
{
	const struct client one = { 5, 2, 3000000, 1000 };
	uint64_t least = UINT64_MAX, most = 0, cycles;
	uint32_t i, ended = 0;

	setup_clients(1, &one, 1);
	while (ended < 52) {
		fill_all();
		board_run();
		ended += step(1);
	}
	for (i = 0; i < 5; i++) {
		cycles = board_fw.counters.queue[i].cycles;
		least = cycles < least ? cycles : least;
		most = cycles > most ? cycles : most;
	}
	assert_in_range(most - least, 0, 4000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_share_equally),
		cmocka_unit_test(who_was_idle_gets_no_arrears),
		cmocka_unit_test(who_submits_one_by_one_gets_a_share),
		cmocka_unit_test(the_urgent_wait_for_a_mark_only),
		cmocka_unit_test(queues_of_a_client_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
