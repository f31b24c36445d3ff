// SPDX-License-Identifier: MIT
/*
 * The firmware's handshake and its ends of the rings: wrap-around, full event
 * ring, tails and heads that can't be, bad addresses, and the armed protocol
 * under every interleaving of a submitter with the firmware's accesses.
 */
#include "firmware_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* --- Handshake ------------------------------------------------------------------ */

static void abi_is_the_highest_in_common(void **state)
{
	assert_int_equal(fw_abi_choose(1, 1, 1, 1), 1);
	assert_int_equal(fw_abi_choose(1, 5, 2, 3), 3);
	assert_int_equal(fw_abi_choose(2, 3, 1, 9), 3);
	assert_int_equal(fw_abi_choose(3, 7, 1, 3), 3);
	assert_int_equal(fw_abi_choose(4, 7, 1, 3), 0);
	assert_int_equal(fw_abi_choose(1, 2, 3, 4), 0);
	assert_int_equal(fw_abi_choose(7, 3, 1, 9), 0);
	assert_int_equal(fw_abi_choose(0, 0, 1, 1), 0);
}

static void boot_answers_in_the_init_block(void **state)
{
	struct npu_init *init;
	uint32_t i;

	board_setup(2);
	init = board_init_block();
	memset(&init->abi, 0xff, sizeof(*init) - offsetof(struct npu_init, abi));
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_NONE);
	assert_int_equal(init->abi, NPU_RING_ABI_MAX);
	assert_int_equal(init->admin_head, 0);
	assert_int_equal(init->event_tail, 0);
	assert_int_equal(init->jobs_done, 0);
	assert_memory_equal(board_at(BOARD_LOG, 64),
			    "[5.000] info: " FW_NAME ": protocol 3, 2 cores\n",
			    init->log_tail);
	assert_true(board_run());
	assert_int_equal(init->admin_armed, 1);
	for (i = 0; i <= FW_IDLE_LOOKS; i++)
		assert_true(board_advance(FW_LOOK_NS)); /* its cores are switched off */
	assert_true(board.timer == UINT64_MAX); /* it sleeps for good */
}

static void boot_refuses_a_bad_init_block(void **state)
{
	board_setup(1);
	board.arg = 0;
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_INIT);
	board.arg = BOARD_INIT + 4;
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_INIT);
	board.arg = 0x1000;
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_INIT);
	board.arg = BOARD_INIT;
	board_init_block()->magic++;
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_INIT);
	board_init_block()->magic--;
	board_init_block()->abi_min = NPU_RING_ABI_MAX + 1;
	board_init_block()->abi_max = NPU_RING_ABI_MAX + 9;
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_ABI);
	board_init_block()->abi_min = NPU_RING_ABI_MAX;
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_NONE);
}

static void boot_refuses_bad_ring_addresses(void **state)
{
	static const uint64_t bad[] = {
		0, BOARD_ADMIN + 2, 0x1000, BOARD_MEMORY + BOARD_MEMORY_SIZE,
		BOARD_MEMORY + BOARD_MEMORY_SIZE - 64, UINT64_MAX - 63,
	};
	uint64_t *fields[3];
	uint32_t i, j;

	board_setup(1);
	fields[0] = &board_init_block()->admin_ring;
	fields[1] = &board_init_block()->event_ring;
	fields[2] = &board_init_block()->log;
	for (i = 0; i < 3; i++) {
		for (j = 0; j < sizeof(bad) / sizeof(*bad); j++) {
			uint64_t good = *fields[i];

			*fields[i] = bad[j];
			assert_int_equal(fw_boot(&board_fw),
					 NPU_FW_REFUSAL_RING);
			*fields[i] = good;
		}
	}
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_NONE);
}

/* --- Admin ring ------------------------------------------------------------------ */

static void admin_ring_wraps(void **state)
{
	uint32_t i;

	board_boot(1);
	for (i = 0; i < 3 * NPU_ADMIN_ENTRIES + 1; i++)
		assert_int_equal(board_admin(NPU_ADMIN_PING, 0, 0, 0, NULL),
				 NPU_ADMIN_OK);
	assert_int_equal(board_init_block()->admin_head, i);
}

static void a_full_admin_ring_is_answered_in_order(void **state)
{
	struct npu_admin_cmd cmd = { .op = NPU_ADMIN_PING };
	struct npu_event event;
	uint32_t i;

	board_boot(1);
	for (i = 0; i < NPU_ADMIN_ENTRIES; i++) {
		cmd.seq = 1000 + i;
		board_admin_write(&cmd);
	}
	assert_true(board_run());
	for (i = 0; i < NPU_ADMIN_ENTRIES; i++) {
		assert_true(board_event(&event));
		assert_int_equal(event.id, 1000 + i);
	}
	assert_false(board_event(&event));
}

static void an_impossible_admin_tail_is_ignored(void **state)
{
	struct npu_event event;

	board_boot(1);
	board_init_block()->admin_tail = NPU_ADMIN_ENTRIES + 1;
	board.doorbells |= 1;
	assert_true(board_run());
	assert_false(board_event(&event));
	assert_int_equal(board_init_block()->admin_head, 0);
	board_init_block()->admin_tail = 0;
	assert_int_equal(board_admin(NPU_ADMIN_PING, 0, 0, 0, NULL),
			 NPU_ADMIN_OK);
}

/* --- Event ring ------------------------------------------------------------------- */

static void interrupts_only_when_armed(void **state)
{
	uint32_t before;

	board_boot(1);
	board_init_block()->event_armed = 0;
	before = board.host_irqs;
	board_admin(NPU_ADMIN_PING, 0, 0, 0, NULL);
	assert_int_equal(board.host_irqs, before);
	board_init_block()->event_armed = 1;
	board_admin(NPU_ADMIN_PING, 0, 0, 0, NULL);
	assert_int_equal(board.host_irqs, before + 1);
}

/* Fill the event ring to the last entry with answers nobody reads. */
static void fill_events(void)
{
	struct npu_admin_cmd cmd = { .op = NPU_ADMIN_PING };
	struct npu_init *init = board_init_block();

	while (init->event_tail - board.events_read < NPU_EVENT_ENTRIES) {
		board_admin_write(&cmd);
		assert_true(board_run());
	}
}

static void a_full_event_ring_loses_nothing(void **state)
{
	struct npu_admin_cmd cmd = { .op = NPU_ADMIN_PING, .seq = 77 };
	struct npu_job job = board_job(5);
	struct npu_event event;
	uint32_t i, tail;

	board_boot(1);
	board_admin(NPU_ADMIN_CONTEXT_SET, 1, 0x1000, 0, NULL);
	board_queue_create(0, 1, 0, 4, 1000000000);
	board_submit(0, &job);
	board_run();
	assert_int_equal(board_running(0), 5);
	fill_events();
	tail = board_init_block()->event_tail;
	board_finish(0, NPU_CORE_DONE, 3);
	board_admin_write(&cmd);
	assert_true(board_run()); /* and sleeps, though both wait */
	assert_int_equal(board_init_block()->event_tail, tail);
	assert_true(board.timer - board.now <= FW_RETRY_NS);
	assert_true(board_event(&event)); /* room for one */
	assert_true(board_advance(FW_RETRY_NS));
	assert_int_equal(board_init_block()->event_tail, tail + 1);
	for (i = 0; i < NPU_EVENT_ENTRIES - 1; i++) {
		assert_true(board_event(&event));
		assert_int_equal(event.id, 0);
	}
	assert_true(board_advance(FW_RETRY_NS));
	assert_true(board_event(&event));
	assert_int_equal(event.id, 77);
	assert_true(board_event(&event));
	assert_int_equal(event.type, NPU_EVENT_JOB_DONE);
	assert_int_equal(event.id, 5);
	assert_false(board_event(&event));
}

static void an_impossible_event_head_counts_as_full(void **state)
{
	struct npu_admin_cmd cmd = { .op = NPU_ADMIN_PING };

	board_boot(1);
	fill_events();
	board_init_block()->event_head = board.events_read + 1000000;
	board_admin_write(&cmd);
	assert_true(board_run());
	assert_true(board_advance(FW_RETRY_NS));
	assert_int_equal(board_init_block()->event_tail, NPU_EVENT_ENTRIES);
	board_init_block()->event_head = 1;
	assert_true(board_advance(FW_RETRY_NS));
	assert_int_equal(board_init_block()->event_tail, NPU_EVENT_ENTRIES + 1);
}

/* --- Queue rings ------------------------------------------------------------------- */

static void make_queue(uint32_t entries)
{
	board_boot(1);
	assert_int_equal(board_admin(NPU_ADMIN_CONTEXT_SET, 1, 0x1000, 0,
				     NULL), NPU_ADMIN_OK);
	assert_int_equal(board_queue_create(0, 1, 0, entries, 1000000000),
			 NPU_ADMIN_OK);
}

static void queue_ring_wraps(void **state)
{
	struct npu_event event;
	struct npu_job job;
	uint64_t cookie;

	make_queue(2);
	for (cookie = 1; cookie <= 9; cookie++) {
		job = board_job(cookie);
		board_submit(0, &job);
		assert_true(board_run());
		assert_int_equal(board_running(0), cookie);
		assert_int_equal(board_queue(0)->head, cookie);
		board_finish(0, NPU_CORE_DONE, 3);
		assert_true(board_run());
		assert_true(board_event(&event));
		assert_int_equal(event.id, cookie);
		assert_int_equal(event.status, NPU_JOB_OK);
	}
}

static void a_full_queue_ring_runs_in_order(void **state)
{
	struct npu_event event;
	struct npu_job job;
	uint64_t cookie;

	make_queue(64);
	for (cookie = 1; cookie <= 64; cookie++) {
		job = board_job(cookie);
		board_submit(0, &job);
	}
	for (cookie = 1; cookie <= 64; cookie++) {
		assert_true(board_run());
		assert_int_equal(board_running(0), cookie);
		board_finish(0, NPU_CORE_DONE, 3);
	}
	assert_true(board_run());
	for (cookie = 1; cookie <= 64; cookie++) {
		assert_true(board_event(&event));
		assert_int_equal(event.id, cookie);
	}
	assert_int_equal(board_init_block()->jobs_done, 64);
}

/* The queue halts with the fault that the manual gives. */
static void assert_corrupt(void)
{
	struct npu_event event;

	assert_true(board_run());
	assert_true(board_event(&event));
	assert_int_equal(event.type, NPU_EVENT_JOB_DONE);
	assert_int_equal(event.status, NPU_JOB_FAULT);
	assert_int_equal(event.id, 0);
	assert_int_equal(event.fault_code, NPU_FAULT_FIELD);
	assert_int_equal(event.fault_unit, NPU_FAULT_UNIT_FETCH);
	assert_int_equal(event.fault_info, 7);
	assert_int_equal(board_fw.queues[0].state, FW_QUEUE_HALTED);
	assert_int_equal(board.cores[0].starts, 0);
	assert_int_equal(board_queue(0)->head, 0);
}

static void an_impossible_tail_halts_the_queue(void **state)
{
	static const uint32_t tails[] = { 5, 1000, 0x80000000, UINT32_MAX };
	struct npu_event event;
	uint32_t i;

	for (i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		make_queue(4);
		board_queue(0)->tail = tails[i];
		board.doorbells |= 1ull << NPU_DOORBELL_QUEUE(0);
		assert_corrupt();
		board.doorbells |= 1ull << NPU_DOORBELL_QUEUE(0);
		assert_true(board_run());
		assert_false(board_event(&event));
		assert_int_equal(board_admin(NPU_ADMIN_QUEUE_DESTROY, 0, 0, 0,
					     NULL), NPU_ADMIN_OK);
	}
}

static void a_ring_that_is_not_there_halts_the_queue(void **state)
{
	make_queue(4);
	board_fw.queues[0].ring = 0x1000;
	board.doorbells |= 1ull << NPU_DOORBELL_QUEUE(0);
	assert_true(board_queue(0)->armed);
	assert_corrupt();
}

static void doorbells_are_asked_for_only_when_idle(void **state)
{
	struct npu_job job = board_job(1);
	struct npu_event event;
	uint32_t rings;

	make_queue(8);
	assert_int_equal(board_queue(0)->armed, 1);
	rings = board.rings;
	board_submit(0, &job);
	assert_true(board_run());
	assert_int_equal(board_queue(0)->armed, 0);
	board_submit(0, &job);
	board_submit(0, &job);
	assert_int_equal(board.rings, rings + 1);
	for (int i = 0; i < 3; i++) {
		board_finish(0, NPU_CORE_DONE, 3);
		assert_true(board_run());
		assert_true(board_event(&event));
	}
	assert_int_equal(board_queue(0)->armed, 1);
}

/* --- Races ----------------------------------------------------------------- */

/*
 * A submitter writes the tail before the firmware's access number tail_at and
 * looks at the armed flag before number look_at.
 */
static struct {
	uint64_t tail_at;
	uint64_t look_at;
	void (*put)(void);
	void (*ring)(void);
} racer;

static void race(void)
{
	if (board.accesses == racer.tail_at)
		racer.put();
	if (board.accesses == racer.look_at)
		racer.ring();
}

static void start_race(uint64_t access, uint64_t pause, void (*put)(void),
		       void (*ring)(void))
{
	racer.tail_at = board.accesses + access;
	racer.look_at = racer.tail_at + pause;
	racer.put = put;
	racer.ring = ring;
	board.on_access = race;
}

/*
 * True when the firmware slept before the race began. If it slept before its
 * end, the submitter looks now.
 */
static bool is_race_missed(void)
{
	board.on_access = NULL;
	if (board.accesses < racer.tail_at)
		return true;
	if (board.accesses < racer.look_at)
		racer.ring();
	return false;
}

static const uint64_t pauses[] = { 0, 1, 2, 3, 5, 9 };

static void put_job(void)
{
	const struct npu_job job = board_job(2);

	board_queue_put(0, &job);
}

static void ring_queue(void)
{
	board_queue_ring(0);
}

/* While the firmware ends job 1, finds nothing and goes to sleep. */
static void a_job_is_never_overlooked(void **state)
{
	const struct npu_job job = board_job(1);
	struct npu_event event;
	uint32_t i, access;

	for (i = 0; i < sizeof(pauses) / sizeof(*pauses); i++) {
		for (access = 1; access < 1000; access++) {
			make_queue(4);
			board_submit(0, &job);
			assert_true(board_run());
			board_finish(0, NPU_CORE_DONE, 3);
			start_race(access, pauses[i], put_job, ring_queue);
			assert_true(board_run());
			if (is_race_missed())
				break;
			assert_true(board_run());
			assert_int_equal(board_running(0), 2);
			assert_true(board_event(&event));
			assert_int_equal(event.id, 1);
		}
		assert_in_range(access, 30, 999);
	}
}

static void put_ping(void)
{
	const struct npu_admin_cmd cmd = { .op = NPU_ADMIN_PING, .seq = 88 };

	board_admin_put(&cmd);
}

static void an_admin_command_is_never_overlooked(void **state)
{
	const struct npu_admin_cmd cmd = { .op = NPU_ADMIN_PING, .seq = 87 };
	struct npu_event event;
	uint32_t i, access;

	for (i = 0; i < sizeof(pauses) / sizeof(*pauses); i++) {
		for (access = 1; access < 1000; access++) {
			board_boot(1);
			board_admin_write(&cmd);
			start_race(access, pauses[i], put_ping,
				   board_admin_ring);
			assert_true(board_run());
			if (is_race_missed())
				break;
			assert_true(board_run());
			assert_true(board_event(&event));
			assert_int_equal(event.id, 87);
			assert_true(board_event(&event));
			assert_int_equal(event.id, 88);
		}
		assert_in_range(access, 30, 999);
	}
}

/* --- Log -------------------------------------------------------------------------------- */

static void the_log_wraps(void **state)
{
	const char *text = board_at(BOARD_LOG, NPU_LOG_SIZE);
	const struct npu_init *init = board_init_block();
	uint32_t i, lines = 0;

	board_boot(1);
	board_fw.log_level = NPU_LOG_INFO;
	log_print(&board_fw, NPU_LOG_DEBUG, "unwanted %u", 1);
	for (i = 0; init->log_tail < 2 * NPU_LOG_SIZE + 100; i++)
		log_print(&board_fw, NPU_LOG_INFO, "line %u of %x", i,
			  0xabcdef0123456789);
	for (i = init->log_tail - NPU_LOG_SIZE; i != init->log_tail; i++) {
		assert_int_not_equal(text[i % NPU_LOG_SIZE], 0);
		lines += text[i % NPU_LOG_SIZE] == '\n';
	}
	assert_int_equal(text[(init->log_tail - 1) % NPU_LOG_SIZE], '\n');
	assert_in_range(lines, NPU_LOG_SIZE / 50, NPU_LOG_SIZE / 40);
}

static void log_lines_are_text(void **state)
{
	const char *text = board_at(BOARD_LOG, NPU_LOG_SIZE);
	uint32_t start;

	board_boot(1);
	start = board_init_block()->log_tail;
	board.now = 12345678901ull;
	log_print(&board_fw, NPU_LOG_ERROR, "%u, %x, %u", 0, 0x2f,
		  18446744073709551615ull);
	assert_string_equal(text + start,
			    "[12.345] error: 0, 2f, 18446744073709551615\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(abi_is_the_highest_in_common),
		cmocka_unit_test(boot_answers_in_the_init_block),
		cmocka_unit_test(boot_refuses_a_bad_init_block),
		cmocka_unit_test(boot_refuses_bad_ring_addresses),
		cmocka_unit_test(admin_ring_wraps),
		cmocka_unit_test(a_full_admin_ring_is_answered_in_order),
		cmocka_unit_test(an_impossible_admin_tail_is_ignored),
		cmocka_unit_test(interrupts_only_when_armed),
		cmocka_unit_test(a_full_event_ring_loses_nothing),
		cmocka_unit_test(an_impossible_event_head_counts_as_full),
		cmocka_unit_test(queue_ring_wraps),
		cmocka_unit_test(a_full_queue_ring_runs_in_order),
		cmocka_unit_test(an_impossible_tail_halts_the_queue),
		cmocka_unit_test(a_ring_that_is_not_there_halts_the_queue),
		cmocka_unit_test(doorbells_are_asked_for_only_when_idle),
		cmocka_unit_test(a_job_is_never_overlooked),
		cmocka_unit_test(an_admin_command_is_never_overlooked),
		cmocka_unit_test(the_log_wraps),
		cmocka_unit_test(log_lines_are_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
