// SPDX-License-Identifier: MIT
/*
 * User-mode queues in the firmware: their rings are memory of a process, which
 * may hold anything, change at any time, or not be there. Ends are told in the
 * ring, wakes as wished, and whatever a ring is like, only its own queue suffers.
 */
#include "firmware_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull
#define RING 0x11000u /* where the queue's context has the ring */
#define NOWHERE 0x100000u
#define ENTRIES 4
#define USER 0 /* the user-mode queue, */
#define OTHER 1 /* and another one that has to be well */

static struct npu_queue_ring *ring(void)
{
	return (void *)(board.results + RING - BOARD_RESULTS);
}

static uint32_t create_user(uint64_t address)
{
	struct npu_admin_cmd cmd = {
		.op = NPU_ADMIN_USER_QUEUE_CREATE,
		.seq = ++board.admin_seq,
	};
	struct npu_admin_queue arg = {
		.queue = USER,
		.context = 1,
		.entries = ENTRIES,
		.ring = address,
		.watchdog_ns = SECOND,
	};
	struct npu_event event = { 0 };

	memcpy(cmd.args, &arg, sizeof(arg));
	board_admin_write(&cmd);
	assert_true(board_run());
	assert_true(board_event(&event));
	assert_int_equal(event.type, NPU_EVENT_ADMIN_DONE);
	return event.status;
}

static void setup(void)
{
	board_boot(1);
	assert_int_equal(board_admin(NPU_ADMIN_CONTEXT_SET, 1, 0x5000, 0,
				     NULL), NPU_ADMIN_OK);
	assert_int_equal(board_queue_create(OTHER, 1, 0, ENTRIES, SECOND),
			 NPU_ADMIN_OK);
}

static void setup_user(void)
{
	setup();
	assert_int_equal(create_user(RING), NPU_ADMIN_OK);
	assert_int_equal(ring()->armed, 1);
}

static void put(const struct npu_job *job)
{
	ring()->jobs[ring()->tail % ENTRIES] = *job;
	ring()->tail++;
}

static void ring_doorbell(void)
{
	board.doorbells |= 1ull << NPU_DOORBELL_QUEUE(USER);
	assert_true(board_run());
}

static void submit(uint64_t cookie)
{
	struct npu_job job = board_job(cookie);

	put(&job);
	ring_doorbell();
}

static void finish(uint64_t cookie, enum npu_core_state state)
{
	assert_int_equal(board_running(0), cookie);
	board_finish(0, state, 3);
	assert_true(board_run());
}

static void assert_no_event(void)
{
	struct npu_event event;

	assert_false(board_event(&event));
}

static struct npu_event next_event(enum npu_event_type type)
{
	struct npu_event event = { 0 };

	assert_true(board_event(&event));
	assert_int_equal(event.type, type);
	assert_int_equal(event.queue, USER);
	return event;
}

/* Somebody else's queue works as ever. */
static void assert_other_is_well(void)
{
	struct npu_job job = board_job(77);
	struct npu_event event = { 0 };

	board_submit(OTHER, &job);
	assert_true(board_run());
	finish(77, NPU_CORE_DONE);
	assert_true(board_event(&event));
	assert_int_equal(event.type, NPU_EVENT_JOB_DONE);
	assert_int_equal(event.id, 77);
	assert_int_equal(event.status, NPU_JOB_OK);
}

static void ends_are_told_in_the_ring_alone(void **state)
{
	uint64_t cookie;

	setup_user();
	for (cookie = 1; cookie <= 9; cookie++) {
		submit(cookie);
		assert_int_equal(ring()->head, cookie);
		assert_int_equal(ring()->completed, cookie - 1);
		finish(cookie, NPU_CORE_DONE);
		assert_int_equal(ring()->completed, cookie);
		assert_int_equal(ring()->armed, 1);
	}
	assert_int_equal(ring()->status, 0);
	assert_no_event();
}

static void the_owner_is_woken_once_where_it_wants(void **state)
{
	struct npu_event event;
	uint64_t cookie;

	setup_user();
	ring()->wake_at = 3;
	ring()->wake_armed = 1;
	for (cookie = 1; cookie <= 5; cookie++) {
		submit(cookie);
		assert_no_event();
		finish(cookie, NPU_CORE_DONE);
		if (cookie != 3)
			continue;
		event = next_event(NPU_EVENT_USER_WAKE);
		assert_int_equal(event.status, NPU_JOB_OK);
	}
	assert_no_event();
	ring()->wake_armed = 2; /* what it waits for has passed */
	submit(6);
	finish(6, NPU_CORE_DONE);
	next_event(NPU_EVENT_USER_WAKE);
	ring()->wake_armed = 0;
	submit(7);
	finish(7, NPU_CORE_DONE);
	assert_no_event();
}

static void counts_wrap(void **state)
{
	setup();
	ring()->head = ring()->tail = UINT32_MAX;
	ring()->completed = 0x5ffffffffull;
	ring()->wake_at = 1;
	ring()->wake_armed = 7;
	assert_int_equal(create_user(RING), NPU_ADMIN_OK);
	submit(1);
	finish(1, NPU_CORE_DONE);
	assert_int_equal(ring()->completed, 0x600000000ull);
	assert_no_event();
	submit(2);
	finish(2, NPU_CORE_DONE);
	assert_int_equal(ring()->completed, 0x600000001ull);
	assert_int_equal(ring()->head, 1);
	next_event(NPU_EVENT_USER_WAKE);
}

static void a_bad_job_halts_its_queue(void **state)
{
	struct npu_event event;

	setup_user();
	submit(1);
	submit(2);
	board.cores[0].regs[NPU_CORE_FAULT_CODE / 4] = NPU_FAULT_SRAM;
	board.cores[0].regs[NPU_CORE_FAULT_ADDR_LO / 4] = 0x1234;
	finish(1, NPU_CORE_FAULTED);
	event = next_event(NPU_EVENT_USER_HALT);
	assert_int_equal(event.status, NPU_JOB_FAULT);
	assert_int_equal(event.id, 1);
	assert_int_equal(event.fault_code, NPU_FAULT_SRAM);
	assert_int_equal(event.fault_addr, 0x1234);
	assert_int_equal(ring()->completed, 1);
	assert_int_equal(ring()->status, NPU_JOB_FAULT);
	ring_doorbell();
	assert_int_equal(board_running(0), 0);
	assert_no_event();
	assert_other_is_well();
}

static void the_watchdog_ends_a_stuck_job(void **state)
{
	struct npu_event event;

	setup_user();
	submit(5);
	assert_true(board_advance(SECOND + 1));
	assert_true(board_run());
	event = next_event(NPU_EVENT_USER_HALT);
	assert_int_equal(event.status, NPU_JOB_TIMEOUT);
	assert_int_equal(event.id, 5);
	assert_int_equal(ring()->status, NPU_JOB_TIMEOUT);
	assert_other_is_well();
}

/* A ring spoiled in one way, and how the queue ends. */
static const struct {
	const char *what;
	size_t offset;
	uint32_t value;
	enum npu_fault code;
	uint32_t info;
} bad_rings[] = {
	{ "a tail too far ahead", offsetof(struct npu_queue_ring, tail),
	  ENTRIES + 1, NPU_FAULT_FIELD, 7 },
	{ "a tail behind", offsetof(struct npu_queue_ring, tail), UINT32_MAX,
	  NPU_FAULT_FIELD, 7 },
	{ "misaligned commands",
	  offsetof(struct npu_queue_ring, jobs[0].commands), 0x20,
	  NPU_FAULT_FIELD, 1 },
	{ "no commands",
	  offsetof(struct npu_queue_ring, jobs[0].command_count), 0,
	  NPU_FAULT_FIELD, 2 },
	{ "too many commands",
	  offsetof(struct npu_queue_ring, jobs[0].command_count), 1u << 31,
	  NPU_FAULT_FIELD, 2 },
	{ "misaligned regions",
	  offsetof(struct npu_queue_ring, jobs[0].regions), 8,
	  NPU_FAULT_FIELD, 3 },
	{ "too many regions",
	  offsetof(struct npu_queue_ring, jobs[0].region_count), 65,
	  NPU_FAULT_FIELD, 4 },
	{ "a misaligned result",
	  offsetof(struct npu_queue_ring, jobs[0].result), 4,
	  NPU_FAULT_FIELD, 5 },
	{ "no cookie", offsetof(struct npu_queue_ring, jobs[0].cookie), 0,
	  NPU_FAULT_FIELD, 6 },
	{ "unknown flags", offsetof(struct npu_queue_ring, jobs[0].flags), 2,
	  NPU_FAULT_FIELD, 8 },
	{ "a reserved byte",
	  offsetof(struct npu_queue_ring, jobs[0].reserved), 1,
	  NPU_FAULT_RESERVED, 44 },
};

static void a_bad_ring_halts_its_queue_only(void **state)
{
	struct npu_job job = board_job(1);
	struct npu_event event;
	uint32_t i;

	for (i = 0; i < sizeof(bad_rings) / sizeof(bad_rings[0]); i++) {
		print_message("%s\n", bad_rings[i].what);
		setup_user();
		put(&job);
		memcpy((uint8_t *)ring() + bad_rings[i].offset,
		       &bad_rings[i].value, 4);
		ring_doorbell();
		event = next_event(NPU_EVENT_USER_HALT);
		assert_int_equal(event.status, NPU_JOB_FAULT);
		assert_int_equal(event.fault_code, bad_rings[i].code);
		assert_int_equal(event.fault_info, bad_rings[i].info);
		assert_int_equal(ring()->status, NPU_JOB_FAULT);
		assert_int_equal(board_running(0), 0);
		assert_other_is_well();
	}
}

static void heads_and_flags_of_the_owner_mean_nothing(void **state)
{
	setup_user();
	submit(1);
	ring()->head = 1000;
	ring()->completed = UINT64_MAX;
	ring()->status = 9;
	ring()->armed = 0;
	finish(1, NPU_CORE_DONE);
	assert_int_equal(ring()->completed, 1);
	submit(2);
	finish(2, NPU_CORE_DONE);
	assert_int_equal(ring()->head, 2);
	assert_int_equal(ring()->completed, 2);
	assert_no_event();
}

static void a_ring_that_is_not_there_is_a_page_fault(void **state)
{
	struct npu_event event;

	setup();
	assert_int_equal(create_user(NOWHERE), NPU_ADMIN_OK);
	event = next_event(NPU_EVENT_USER_HALT);
	assert_int_equal(event.id, 0);
	assert_int_equal(event.fault_code, NPU_FAULT_PAGE_READ);
	assert_int_equal(event.fault_addr, NOWHERE);
	assert_int_equal(board_admin(NPU_ADMIN_QUEUE_WORK, USER, 0, 0, &event),
			 NPU_ADMIN_OK);
	assert_int_equal(event.args[0], 0);
	assert_other_is_well();
}

static void a_ring_that_goes_away_is_a_page_fault(void **state)
{
	struct npu_event event;

	setup_user();
	submit(1);
	board.is_context_gone = true;
	finish(1, NPU_CORE_DONE);
	event = next_event(NPU_EVENT_USER_HALT);
	assert_int_equal(event.id, 1);
	assert_int_equal(event.status, NPU_JOB_FAULT);
	assert_int_equal(event.fault_code, NPU_FAULT_PAGE_WRITE);
	assert_int_equal(event.fault_addr, RING);
	board.is_context_gone = false;
	assert_other_is_well();
}

static void a_readonly_ring_is_a_page_fault(void **state)
{
	struct npu_event event;

	setup();
	board.is_context_readonly = true;
	assert_int_equal(create_user(RING), NPU_ADMIN_OK);
	event = next_event(NPU_EVENT_USER_HALT);
	assert_int_equal(event.fault_code, NPU_FAULT_PAGE_WRITE);
	assert_int_equal(event.fault_addr, RING);
	board.is_context_readonly = false;
	assert_other_is_well();
}

static void a_new_firmware_goes_on_where_no_job_was_lost(void **state)
{
	struct npu_job job = board_job(6);
	struct npu_event event;

	setup();
	ring()->head = 5;
	ring()->tail = 5;
	ring()->completed = 5;
	put(&job);
	assert_int_equal(create_user(RING), NPU_ADMIN_OK);
	finish(6, NPU_CORE_DONE);
	assert_int_equal(ring()->completed, 6);
	assert_no_event();

	setup();
	ring()->head = 6;
	ring()->tail = 7;
	ring()->completed = 5;
	assert_int_equal(create_user(RING), NPU_ADMIN_OK);
	event = next_event(NPU_EVENT_USER_HALT);
	assert_int_equal(event.status, NPU_JOB_RESET);
	assert_int_equal(ring()->status, NPU_JOB_RESET);
	assert_int_equal(ring()->completed, 6);
	assert_int_equal(board_running(0), 0);
	assert_other_is_well();
}

static void jobs_are_cancelled_by_their_cookies(void **state)
{
	struct npu_job job = board_job(2);

	setup_user();
	submit(1);
	job.flags = NPU_JOB_CANCEL;
	put(&job);
	assert_int_equal(board_admin(NPU_ADMIN_JOB_CANCEL, USER, 1, 0, NULL),
			 NPU_ADMIN_OK);
	assert_true(board_run());
	assert_int_equal(ring()->completed, 2);
	assert_int_equal(ring()->status, 0);
	submit(3);
	assert_int_equal(board_admin(NPU_ADMIN_JOB_CANCEL, OTHER, 3, 0, NULL),
			 NPU_ADMIN_OK);
	finish(3, NPU_CORE_DONE);
	assert_int_equal(ring()->completed, 3);
	assert_no_event();
}

static void destroying_stops_and_forgets(void **state)
{
	setup_user();
	submit(1);
	submit(2);
	assert_int_equal(board_admin(NPU_ADMIN_QUEUE_DESTROY, USER, 0, 0, NULL),
			 NPU_ADMIN_OK);
	assert_int_equal(board_running(0), 0);
	assert_no_event();
	ring_doorbell();
	assert_int_equal(board_running(0), 0);
	assert_other_is_well();
}

static void refill(void)
{
	ring()->tail = ring()->head + ENTRIES;
}

/* The owner fills the ring with cancelled jobs faster than it is emptied. */
static void an_endless_ring_holds_nobody_up(void **state)
{
	struct npu_job job = board_job(1);
	struct npu_job other = board_job(77);
	uint32_t i;

	setup_user();
	job.flags = NPU_JOB_CANCEL;
	for (i = 0; i < ENTRIES; i++)
		put(&job);
	board.on_access = refill;
	board.doorbells |= 1ull << NPU_DOORBELL_QUEUE(USER);
	board_submit(OTHER, &other);
	fw_round(&board_fw);
	fw_round(&board_fw);
	assert_int_equal(board_running(0), 77);
	board.on_access = NULL;
}

static void work_is_told_while_a_job_runs(void **state)
{
	struct npu_event event;

	setup_user();
	submit(1);
	board.cores[0].regs[NPU_CORE_CYCLES / 4] = 500;
	board.cores[0].regs[NPU_CORE_ENERGY_FJ / 4] = 9;
	assert_int_equal(board_admin(NPU_ADMIN_QUEUE_WORK, USER, 0, 0, &event),
			 NPU_ADMIN_OK);
	assert_int_equal(event.args[0], 0);
	assert_int_equal(event.args[1], 500);
	assert_int_equal(event.args[2], 9);
	board.cores[0].regs[NPU_CORE_CYCLES / 4] = 700;
	finish(1, NPU_CORE_DONE);
	assert_int_equal(board_admin(NPU_ADMIN_QUEUE_WORK, USER, 0, 0, &event),
			 NPU_ADMIN_OK);
	assert_int_equal(event.args[0], 1);
	assert_int_equal(event.args[1], 700);
}

static void creation_refuses_bad_addresses(void **state)
{
	setup();
	assert_int_equal(create_user(RING + 8), NPU_ADMIN_BAD_ARG);
	assert_int_equal(create_user(1ull << 38), NPU_ADMIN_BAD_ARG);
	assert_int_equal(create_user(UINT64_MAX << 12), NPU_ADMIN_BAD_ARG);
	assert_int_equal(create_user(RING), NPU_ADMIN_OK);
	assert_int_equal(create_user(RING), NPU_ADMIN_BAD_STATE);
}

static void old_drivers_have_no_user_queues(void **state)
{
	board_setup(1);
	board_init_block()->abi_max = 1;
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_NONE);
	assert_true(board_run());
	assert_int_equal(board_admin(NPU_ADMIN_CONTEXT_SET, 1, 0x5000, 0,
				     NULL), NPU_ADMIN_OK);
	assert_int_equal(create_user(RING), NPU_ADMIN_BAD_OP);
	assert_int_equal(board_admin(NPU_ADMIN_QUEUE_WORK, USER, 0, 0, NULL),
			 NPU_ADMIN_BAD_OP);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(ends_are_told_in_the_ring_alone),
	cmocka_unit_test(the_owner_is_woken_once_where_it_wants),
	cmocka_unit_test(counts_wrap),
	cmocka_unit_test(a_bad_job_halts_its_queue),
	cmocka_unit_test(the_watchdog_ends_a_stuck_job),
	cmocka_unit_test(a_bad_ring_halts_its_queue_only),
	cmocka_unit_test(heads_and_flags_of_the_owner_mean_nothing),
	cmocka_unit_test(a_ring_that_is_not_there_is_a_page_fault),
	cmocka_unit_test(a_ring_that_goes_away_is_a_page_fault),
	cmocka_unit_test(a_readonly_ring_is_a_page_fault),
	cmocka_unit_test(a_new_firmware_goes_on_where_no_job_was_lost),
	cmocka_unit_test(jobs_are_cancelled_by_their_cookies),
	cmocka_unit_test(destroying_stops_and_forgets),
	cmocka_unit_test(an_endless_ring_holds_nobody_up),
	cmocka_unit_test(work_is_told_while_a_job_runs),
	cmocka_unit_test(creation_refuses_bad_addresses),
	cmocka_unit_test(old_drivers_have_no_user_queues),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
