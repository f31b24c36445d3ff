// SPDX-License-Identifier: MIT
/*
 * The firmware's admin commands and its scheduler, compiled for the host:
 * every refusal of a command, priorities and turns, how jobs end, the watchdog,
 * stopping, and queues destroyed at the worst moment.
 */
#include "firmware_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull

/* A context and @queues queues of @entries, priorities all 0. */
static void make_queues(uint32_t cores, uint32_t queues, uint32_t entries)
{
	uint32_t i;

	board_boot(cores);
	assert_int_equal(board_admin(NPU_ADMIN_CONTEXT_SET, 1, 0x5000, 0,
				     NULL), NPU_ADMIN_OK);
	for (i = 0; i < queues; i++)
		assert_int_equal(board_queue_create(i, 1, 0, entries, SECOND),
				 NPU_ADMIN_OK);
}

static void submit(uint32_t queue, uint64_t cookie)
{
	struct npu_job job = board_job(cookie);

	board_submit(queue, &job);
}

/* The next event has to be the end of that job. */
static struct npu_event job_event(uint64_t cookie, enum npu_job_status status)
{
	struct npu_event event = { 0 };

	assert_true(board_event(&event));
	assert_int_equal(event.type, NPU_EVENT_JOB_DONE);
	assert_int_equal(event.id, cookie);
	assert_int_equal(event.status, status);
	return event;
}

static void assert_no_event(void)
{
	struct npu_event event;

	assert_false(board_event(&event));
}

/* The next event has to tell that a core was reset for that job. */
static void core_reset_event(uint64_t cookie, uint32_t core)
{
	struct npu_event event = { 0 };

	assert_true(board_event(&event));
	assert_int_equal(event.type, NPU_EVENT_CORE_RESET);
	assert_int_equal(event.id, cookie);
	assert_int_equal(event.core, core);
}

/* --- Admin commands ---------------------------------------------------------------- */

static void contexts_come_and_go(void **state)
{
	board_boot(1);
	assert_int_equal(board_admin(NPU_ADMIN_CONTEXT_SET, 63,
				     0x123456789000, 0, NULL), NPU_ADMIN_OK);
	assert_int_equal(board.roots[126], 0x56789000 | NPU_MMU_ROOT_VALID);
	assert_int_equal(board.roots[127], 0x1234);
	assert_int_equal(board.inv_command, NPU_MMU_INV_CONTEXT | 63 << 8);
	assert_int_equal(board_admin(NPU_ADMIN_INVALIDATE, 63, 0x7000, 0x2000,
				     NULL), NPU_ADMIN_OK);
	assert_int_equal(board.inv_command, NPU_MMU_INV_RANGE | 63 << 8);
	assert_int_equal(board.inv_address, 0x7000);
	assert_int_equal(board.inv_size, 0x2000);
	assert_int_equal(board_admin(NPU_ADMIN_INVALIDATE, 63, 0, 0, NULL),
			 NPU_ADMIN_OK);
	assert_int_equal(board.inv_command, NPU_MMU_INV_CONTEXT | 63 << 8);
	assert_int_equal(board_admin(NPU_ADMIN_CONTEXT_CLEAR, 63, 0, 0, NULL),
			 NPU_ADMIN_OK);
	assert_int_equal(board.roots[126], 0);
}

static void admin_refuses_bad_operations_and_arguments(void **state)
{
	static const struct {
		uint32_t op;
		uint64_t args[3];
		enum npu_admin_status status;
	} cases[] = {
		{ 0, { 0 }, NPU_ADMIN_BAD_OP },
		{ NPU_ADMIN_COUNTERS + 1, { 0 }, NPU_ADMIN_BAD_OP },
		{ 0xffff, { 0 }, NPU_ADMIN_BAD_OP },
		{ NPU_ADMIN_PING, { 1 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_CONTEXT_SET, { 64, 0x1000 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_CONTEXT_SET, { 1ull << 32, 0x1000 },
		  NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_CONTEXT_SET, { 2, 0x1008 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_CONTEXT_SET, { 2, 1ull << 56 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_CONTEXT_SET, { 2, 0x1000, 1 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_CONTEXT_SET, { 1, 0x1000 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_CONTEXT_CLEAR, { 64 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_CONTEXT_CLEAR, { 2 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_CONTEXT_CLEAR, { 1 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_CONTEXT_CLEAR, { 2, 1 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_INVALIDATE, { 64, 0, 0 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_INVALIDATE, { 1, UINT64_MAX, 2 },
		  NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_INVALIDATE, { 2, 0, 0 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_QUEUE_DESTROY, { 63 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_QUEUE_DESTROY, { 1 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_QUEUE_PROGRESS, { 63 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_QUEUE_PROGRESS, { 1 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_JOB_STOP, { 63, 1 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_JOB_STOP, { 1, 1 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_JOB_STOP, { 0, 1 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_JOB_CANCEL, { 63, 1 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_JOB_CANCEL, { 1, 1 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_JOB_CANCEL, { 0, 1, 1 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_JOB_CANCEL, { 0, 1 }, NPU_ADMIN_OK },
		{ NPU_ADMIN_COUNTERS, { 0, 64 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_COUNTERS, { BOARD_COUNTERS + 8, 64 },
		  NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_COUNTERS, { BOARD_COUNTERS, 0 },
		  NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_COUNTERS, { BOARD_COUNTERS, 12 },
		  NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_COUNTERS, { BOARD_COUNTERS, 64, 1 },
		  NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_COUNTERS, { 1ull << 57, 64 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_COUNTERS, { 0x100000, 64 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_LOG_LEVEL, { NPU_LOG_DEBUG + 1 },
		  NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_LOG_LEVEL, { NPU_LOG_DEBUG }, NPU_ADMIN_OK },
	};
	uint32_t i;

	make_queues(1, 1, 4);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(board_admin(cases[i].op, cases[i].args[0],
					     cases[i].args[1],
					     cases[i].args[2], NULL),
				 cases[i].status);
	assert_no_event();
}

static void admin_refuses_reserved_bits(void **state)
{
	struct npu_admin_cmd cmd = {
		.op = NPU_ADMIN_PING, .reserved = 1, .seq = 9,
	};
	struct npu_event event;

	board_boot(1);
	board_admin_write(&cmd);
	assert_true(board_run());
	assert_true(board_event(&event));
	assert_int_equal(event.status, NPU_ADMIN_BAD_ARG);
}

static uint32_t create(const struct npu_admin_queue *arg)
{
	struct npu_admin_cmd cmd = { .op = NPU_ADMIN_QUEUE_CREATE, .seq = 4 };
	struct npu_event event;

	memcpy(cmd.args, arg, sizeof(*arg));
	board_admin_write(&cmd);
	assert_true(board_run());
	assert_true(board_event(&event));
	return event.status;
}

static void queue_create_refuses_bad_fields(void **state)
{
	const struct npu_admin_queue good = {
		.queue = 62, .context = 1, .priority = 3, .entries = 64,
		.ring = BOARD_QUEUE(62), .watchdog_ns = 1,
	};
	struct npu_admin_queue bad[] = {
		good, good, good, good, good, good, good, good, good, good,
	};
	uint32_t i;

	make_queues(1, 1, 4);
	bad[0].queue = 63;
	bad[1].context = 64;
	bad[2].priority = NPU_PRIORITIES;
	bad[3].entries = 1;
	bad[4].entries = 48;
	bad[5].entries = 128;
	bad[6].ring++;
	bad[7].watchdog_ns = 0;
	bad[8].reserved[1] = 1;
	bad[9].ring |= 1ull << 60;
	for (i = 0; i < 10; i++)
		assert_int_equal(create(&bad[i]), NPU_ADMIN_BAD_ARG);
	bad[0] = bad[1] = good;
	bad[0].queue = 0;
	bad[1].context = 2;
	assert_int_equal(create(&bad[0]), NPU_ADMIN_BAD_STATE);
	assert_int_equal(create(&bad[1]), NPU_ADMIN_BAD_STATE);
	assert_int_equal(create(&good), NPU_ADMIN_OK);
	assert_int_equal(create(&good), NPU_ADMIN_BAD_STATE);
}

static void progress_tells_the_running_job(void **state)
{
	struct npu_event event;

	make_queues(1, 1, 4);
	assert_int_equal(board_admin(NPU_ADMIN_QUEUE_PROGRESS, 0, 0, 0,
				     &event), NPU_ADMIN_OK);
	assert_int_equal(event.args[0], 0);
	submit(0, 11);
	assert_true(board_run());
	board.cores[0].regs[NPU_CORE_COMMANDS / 4] = 2;
	board_admin(NPU_ADMIN_QUEUE_PROGRESS, 0, 0, 0, &event);
	assert_int_equal(event.args[0], 11);
	assert_int_equal(event.args[1], 2);
	assert_int_equal(event.args[2], 0);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(11, NPU_JOB_OK);
	board_admin(NPU_ADMIN_QUEUE_PROGRESS, 0, 0, 0, &event);
	assert_int_equal(event.args[0], 0);
	assert_int_equal(event.args[2], 1);
}

/* --- Scheduling ----------------------------------------------------------------------- */

/* End the job on core 0 and return the cookie of the next one there. */
static uint64_t next_job(void)
{
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	return board_running(0);
}

static void equals_take_turns(void **state)
{
	static const uint64_t order[] = { 2, 3, 1, 2, 3, 1, 2, 3 };
	uint32_t i;

	make_queues(1, 3, 4);
	for (i = 0; i < 3; i++) {
		submit(0, 1);
		submit(1, 2);
		submit(2, 3);
	}
	assert_true(board_run());
	assert_int_equal(board_running(0), 1);
	for (i = 0; i < 8; i++)
		assert_int_equal(next_job(), order[i]);
	assert_int_equal(next_job(), 0);
}

static void the_urgent_go_first(void **state)
{
	uint32_t i;

	make_queues(1, 1, 4);
	for (i = 1; i < NPU_PRIORITIES; i++)
		assert_int_equal(board_queue_create(i, 1, i, 4, SECOND),
				 NPU_ADMIN_OK);
	submit(0, 100);
	assert_true(board_run());
	for (i = 0; i < NPU_PRIORITIES; i++) {
		submit(i, 10 + i);
		submit(i, 20 + i);
	}
	assert_int_equal(next_job(), 13);
	assert_int_equal(next_job(), 23);
	assert_int_equal(next_job(), 12);
	submit(3, 33); /* comes late and still goes first */
	assert_int_equal(next_job(), 33);
	assert_int_equal(next_job(), 22);
	assert_int_equal(next_job(), 11);
	assert_int_equal(next_job(), 21);
	assert_int_equal(next_job(), 10);
	assert_int_equal(next_job(), 20);
	assert_int_equal(next_job(), 0);
}

static void jobs_of_a_queue_run_one_at_a_time(void **state)
{
	make_queues(4, 2, 4);
	submit(0, 1);
	submit(0, 2);
	submit(1, 3);
	assert_true(board_run());
	assert_int_equal(board_running(0), 1);
	assert_int_equal(board_running(1), 3);
	assert_int_equal(board_running(2), 0);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	assert_int_equal(board_running(0), 2);
	assert_int_equal(board_running(2), 0);
}

static void a_job_gets_its_registers(void **state)
{
	struct npu_job job = {
		.cookie = 1, .commands = 0x3456789a40, .regions = 0x2345678910,
		.command_count = NPU_MAX_COMMANDS, .region_count = 64,
	};
	const uint32_t *regs = board.cores[0].regs;

	make_queues(1, 1, 4);
	board_submit(0, &job);
	assert_true(board_run());
	assert_int_equal(regs[NPU_CORE_CONTEXT / 4], 1);
	assert_int_equal(regs[NPU_CORE_CMD_LO / 4], 0x56789a40);
	assert_int_equal(regs[NPU_CORE_CMD_HI / 4], 0x34);
	assert_int_equal(regs[NPU_CORE_CMD_COUNT / 4], NPU_MAX_COMMANDS);
	assert_int_equal(regs[NPU_CORE_REGION_LO / 4], 0x45678910);
	assert_int_equal(regs[NPU_CORE_REGION_HI / 4], 0x23);
	assert_int_equal(regs[NPU_CORE_REGION_COUNT / 4], 64);
}

static void bad_entries_end_as_faults(void **state)
{
	static const uint32_t infos[] = { 1, 2, 3, 4, 5, 6, 44, 2, 8 };
	struct npu_job bad[9];
	struct npu_event event;
	uint32_t i;

	for (i = 0; i < 9; i++)
		bad[i] = board_job(i + 1);
	bad[0].commands += 32;
	bad[1].command_count = 0;
	bad[2].regions += 8;
	bad[3].region_count = NPU_MAX_REGIONS + 1;
	bad[4].result = 4;
	bad[5].cookie = 0;
	bad[6].reserved[19] = 1;
	bad[7].command_count = NPU_MAX_COMMANDS + 1;
	bad[8].flags = NPU_JOB_CANCEL << 1;
	for (i = 0; i < 9; i++) {
		make_queues(1, 2, 4);
		board_submit(0, &bad[i]);
		submit(1, 50);
		assert_true(board_run());
		event = job_event(bad[i].cookie, NPU_JOB_FAULT);
		assert_int_equal(event.fault_unit, NPU_FAULT_UNIT_FETCH);
		assert_int_equal(event.fault_code,
				 i == 6 ? NPU_FAULT_RESERVED : NPU_FAULT_FIELD);
		assert_int_equal(event.fault_info, infos[i]);
		assert_int_equal(board_fw.queues[0].state, FW_QUEUE_HALTED);
		assert_int_equal(board_running(0), 50); /* others go on */
	}
}

/* --- Results ---------------------------------------------------------------------------- */

static void set64(uint32_t reg, uint64_t value)
{
	board.cores[0].regs[reg / 4] = (uint32_t)value;
	board.cores[0].regs[reg / 4 + 1] = value >> 32;
}

static struct npu_job with_result(uint64_t cookie, uint64_t result)
{
	struct npu_job job = board_job(cookie);

	job.result = result;
	return job;
}

static void the_result_has_all_counters(void **state)
{
	const struct npu_job_result *result = (void *)(board.results + 8);
	struct npu_job job = with_result(7, BOARD_RESULTS + 8);
	struct npu_event event;

	make_queues(1, 1, 4);
	board_submit(0, &job);
	assert_true(board_run());
	set64(NPU_CORE_CYCLES, 0x100000002);
	set64(NPU_CORE_ENERGY_FJ, 0x300000004);
	set64(NPU_CORE_MAC_OPS, 5);
	set64(NPU_CORE_SRAM_READ, 6);
	set64(NPU_CORE_SRAM_WRITTEN, 7);
	set64(NPU_CORE_MEM_READ, 8);
	set64(NPU_CORE_MEM_WRITTEN, 9);
	set64(NPU_CORE_BUSY(0), 10);
	set64(NPU_CORE_BUSY(2), 12);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	event = job_event(7, NPU_JOB_OK);
	assert_int_equal(event.cycles, 0x100000002);
	assert_int_equal(event.energy_fj, 0x300000004);
	assert_int_equal(event.queue, 0);
	assert_int_equal(result->status, NPU_JOB_OK);
	assert_int_equal(result->commands, 3);
	assert_int_equal(result->cycles, 0x100000002);
	assert_int_equal(result->energy_fj, 0x300000004);
	assert_int_equal(result->mac_ops, 5);
	assert_int_equal(result->sram_read, 6);
	assert_int_equal(result->sram_written, 7);
	assert_int_equal(result->mem_read, 8);
	assert_int_equal(result->mem_written, 9);
	assert_int_equal(result->busy[0], 10);
	assert_int_equal(result->busy[1], 0);
	assert_int_equal(result->busy[2], 12);
}

static void a_fault_is_told_whole(void **state)
{
	const struct npu_job_result *result = (void *)board.results;
	struct npu_job job = with_result(7, BOARD_RESULTS);
	struct npu_event event;

	make_queues(1, 1, 4);
	board_submit(0, &job);
	submit(0, 8);
	assert_true(board_run());
	board.cores[0].regs[NPU_CORE_FAULT_CODE / 4] = NPU_FAULT_PAGE_READ;
	board.cores[0].regs[NPU_CORE_FAULT_UNIT / 4] = NPU_FAULT_UNIT_DMA;
	board.cores[0].regs[NPU_CORE_FAULT_CMD / 4] = 2;
	board.cores[0].regs[NPU_CORE_FAULT_INFO / 4] = 40;
	set64(NPU_CORE_FAULT_ADDR_LO, 0x123456789a);
	board_finish(0, NPU_CORE_FAULTED, 2);
	assert_true(board_run());
	event = job_event(7, NPU_JOB_FAULT);
	assert_int_equal(event.fault_code, NPU_FAULT_PAGE_READ);
	assert_int_equal(event.fault_cmd, 2);
	assert_int_equal(event.fault_info, 40);
	assert_int_equal(event.fault_addr, 0x123456789a);
	assert_int_equal(result->status, NPU_JOB_FAULT);
	assert_int_equal(result->fault_addr, 0x123456789a);
	assert_no_event();
	assert_int_equal(board_running(0), 0); /* the queue is halted */
	assert_int_equal(board_queue(0)->head, 1);
}

static void a_result_that_cannot_be_written_is_a_fault(void **state)
{
	static const uint64_t places[] = {
		0x1000, BOARD_RESULTS + BOARD_RESULTS_SIZE - 64,
		UINT64_MAX - 7,
	};
	struct npu_event event;
	struct npu_job job;
	uint32_t i;

	for (i = 0; i < 3; i++) {
		job = with_result(7, places[i]);
		make_queues(1, 2, 4);
		board_submit(0, &job);
		submit(1, 8);
		assert_true(board_run());
		assert_int_equal(next_job(), 8);
		event = job_event(7, NPU_JOB_FAULT);
		assert_int_equal(event.fault_code, NPU_FAULT_PAGE_WRITE);
		assert_int_equal(event.fault_unit, NPU_FAULT_UNIT_FETCH);
		assert_int_equal(event.fault_addr, places[i]);
		assert_int_equal(board_fw.queues[0].state, FW_QUEUE_HALTED);
	}
}

/* Also where only the address space is another one than the last job's. */
static void a_result_goes_to_its_owners_address_space(void **state)
{
	struct npu_job job = with_result(7, BOARD_RESULTS);
	uint32_t i;

	make_queues(1, 1, 4);
	assert_int_equal(board_admin(NPU_ADMIN_CONTEXT_SET, 2, 0x6000, 0,
				     NULL), NPU_ADMIN_OK);
	assert_int_equal(board_queue_create(1, 2, 0, 4, SECOND), NPU_ADMIN_OK);
	for (i = 0; i < 4; i++) {
		board_submit(i % 2, &job);
		assert_true(board_run());
		board_finish(0, NPU_CORE_DONE, 3);
		assert_true(board_run());
		assert_int_equal(board.windows[FW_WINDOW_RESULT].ctrl,
				 NPU_ATU_ENABLE | NPU_ATU_TRANSLATE |
					 NPU_ATU_CONTEXT(1 + i % 2));
	}
}

static void the_first_cause_counts(void **state)
{
	struct npu_job job = with_result(7, 0x1000);
	struct npu_event event;

	make_queues(1, 1, 4);
	board_submit(0, &job);
	assert_true(board_run());
	board.cores[0].regs[NPU_CORE_FAULT_CODE / 4] = NPU_FAULT_OPCODE;
	board_finish(0, NPU_CORE_FAULTED, 0);
	assert_true(board_run());
	event = job_event(7, NPU_JOB_FAULT);
	assert_int_equal(event.fault_code, NPU_FAULT_OPCODE);
}

/* --- Watchdog, deadline, stopping ---------------------------------------------------------- */

static void the_watchdog_ends_a_stuck_job(void **state)
{
	struct npu_event event;

	make_queues(1, 2, 4);
	submit(0, 1);
	submit(0, 2);
	submit(1, 3);
	assert_true(board_run());
	board.cores[0].regs[NPU_CORE_COMMANDS / 4] = 1;
	assert_true(board_advance(SECOND / 2)); /* sees progress */
	assert_true(board_advance(SECOND - 1));
	assert_no_event();
	assert_int_equal(board_running(0), 1);
	assert_true(board_advance(1));
	event = job_event(1, NPU_JOB_TIMEOUT);
	assert_int_equal(event.fault_cmd, 1);
	assert_no_event();
	assert_int_equal(board_fw.queues[0].state, FW_QUEUE_HALTED);
	assert_int_equal(board_running(0), 3);
}

static void a_deaf_core_is_reset(void **state)
{
	const struct npu_job_result *result = (void *)board.results;
	struct npu_job job = with_result(1, BOARD_RESULTS);

	make_queues(1, 2, 4);
	board.cores[0].is_deaf = true;
	board_submit(0, &job);
	submit(1, 2);
	assert_true(board_run());
	board.cores[0].regs[NPU_CORE_COMMANDS / 4] = 1;
	assert_true(board_advance(1));
	assert_true(board_advance(SECOND));
	assert_no_event(); /* patience */
	assert_true(board_advance(FW_STOP_NS));
	core_reset_event(1, 0);
	job_event(1, NPU_JOB_TIMEOUT);
	assert_int_equal(result->status, NPU_JOB_TIMEOUT);
	assert_int_equal(result->commands, 1);
	assert_int_equal(board_running(0), 2);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(2, NPU_JOB_OK);
}

static void an_endless_watchdog_never_bites(void **state)
{
	make_queues(1, 1, 4);
	assert_int_equal(board_queue_create(1, 1, 0, 4, UINT64_MAX),
			 NPU_ADMIN_OK);
	submit(1, 1);
	assert_true(board_run());
	assert_true(board_advance(1000 * SECOND));
	assert_no_event();
}

static void job_stop_ends_the_job_it_names(void **state)
{
	make_queues(1, 1, 4);
	submit(0, 5);
	assert_true(board_run());
	assert_int_equal(board_admin(NPU_ADMIN_JOB_STOP, 0, 6, 0, NULL),
			 NPU_ADMIN_BAD_STATE);
	assert_int_equal(board_admin(NPU_ADMIN_JOB_STOP, 0, 5, 0, NULL),
			 NPU_ADMIN_OK);
	job_event(5, NPU_JOB_TIMEOUT);
	assert_int_equal(board_admin(NPU_ADMIN_JOB_STOP, 0, 5, 0, NULL),
			 NPU_ADMIN_BAD_STATE);
}

/* Progress or not: what counts is the time on the core. */
static void a_deadline_ends_a_job_that_makes_progress(void **state)
{
	const struct npu_admin_queue arg = {
		.queue = 1, .context = 1, .entries = 4,
		.ring = BOARD_QUEUE(1), .watchdog_ns = SECOND,
		.deadline_ns = 3 * SECOND,
	};
	uint32_t i;

	make_queues(1, 1, 4);
	assert_int_equal(create(&arg), NPU_ADMIN_OK);
	submit(1, 1);
	submit(1, 2);
	assert_true(board_run());
	for (i = 1; i < 6; i++) {
		board.cores[0].regs[NPU_CORE_COMMANDS / 4] = i;
		assert_true(board_advance(SECOND / 2));
		assert_no_event();
	}
	assert_true(board_advance(SECOND / 2 - 1));
	assert_no_event();
	assert_true(board_advance(1));
	job_event(1, NPU_JOB_TIMEOUT);
	assert_int_equal(board_fw.queues[1].state, FW_QUEUE_HALTED);
}

/* --- Cancelling one job ------------------------------------------------------------------- */

static void cancel(uint32_t queue, uint64_t cookie)
{
	assert_int_equal(board_admin(NPU_ADMIN_JOB_CANCEL, queue, cookie, 0,
				     NULL), NPU_ADMIN_OK);
}

static void a_running_job_is_cancelled_and_its_queue_goes_on(void **state)
{
	const struct npu_job_result *result = (void *)board.results;
	struct npu_job job = with_result(1, BOARD_RESULTS);

	make_queues(1, 1, 4);
	board_submit(0, &job);
	submit(0, 2);
	assert_true(board_run());
	cancel(0, 1);
	job_event(1, NPU_JOB_CANCELLED);
	assert_int_equal(result->status, NPU_JOB_CANCELLED);
	assert_int_equal(board_running(0), 2);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(2, NPU_JOB_OK);
	submit(0, 3);
	assert_true(board_run());
	assert_int_equal(board_running(0), 3);
}

static void a_waiting_job_is_cancelled_when_its_turn_comes(void **state)
{
	make_queues(1, 1, 4);
	submit(0, 1);
	submit(0, 2);
	submit(0, 3);
	assert_true(board_run());
	board_queue(0)->jobs[1].flags = NPU_JOB_CANCEL;
	cancel(0, 2);
	assert_no_event();
	assert_int_equal(board_running(0), 1);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(1, NPU_JOB_OK);
	job_event(2, NPU_JOB_CANCELLED);
	assert_int_equal(board_running(0), 3);
}

static void cancelling_what_has_ended_does_nothing(void **state)
{
	make_queues(1, 1, 4);
	submit(0, 1);
	submit(0, 2);
	assert_true(board_run());
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(1, NPU_JOB_OK);
	cancel(0, 1);
	cancel(0, 77);
	assert_no_event();
	assert_int_equal(board_running(0), 2);
}

/* A timeout that is under way stays one. */
static void a_job_that_is_being_stopped_is_not_cancelled(void **state)
{
	make_queues(1, 1, 4);
	board.cores[0].is_deaf = true;
	submit(0, 1);
	assert_true(board_run());
	assert_true(board_advance(SECOND));
	assert_no_event();
	cancel(0, 1);
	assert_true(board_advance(FW_STOP_NS));
	core_reset_event(1, 0);
	job_event(1, NPU_JOB_TIMEOUT);
	assert_int_equal(board_fw.queues[0].state, FW_QUEUE_HALTED);
}

static void a_deaf_core_is_reset_to_cancel(void **state)
{
	make_queues(1, 1, 4);
	board.cores[0].is_deaf = true;
	submit(0, 1);
	submit(0, 2);
	assert_true(board_run());
	cancel(0, 1);
	assert_true(board_advance(FW_STOP_NS));
	core_reset_event(1, 0);
	job_event(1, NPU_JOB_CANCELLED);
	assert_int_equal(board_running(0), 2);
}

/* --- Resets ------------------------------------------------------------------------------ */

static void reset_queue(uint32_t queue)
{
	struct npu_admin_cmd cmd = {
		.op = NPU_ADMIN_QUEUE_RESET,
		.seq = 77,
		.args = { queue },
	};

	board_admin_write(&cmd);
	assert_true(board_run());
}

/* The next event has to be the answer of reset_queue(). */
static void reset_is_answered(void)
{
	struct npu_event event = { 0 };

	assert_true(board_event(&event));
	assert_int_equal(event.type, NPU_EVENT_ADMIN_DONE);
	assert_int_equal(event.status, NPU_ADMIN_OK);
	assert_int_equal(event.id, 77);
}

static void resets_refuse_bad_arguments(void **state)
{
	static const struct {
		uint32_t op;
		uint64_t args[3];
		enum npu_admin_status status;
	} cases[] = {
		{ NPU_ADMIN_QUEUE_RESET, { 63 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_QUEUE_RESET, { 1 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_QUEUE_RESET, { 0, 1 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_CORE_RESET, { 63, 1 }, NPU_ADMIN_BAD_ARG },
		{ NPU_ADMIN_CORE_RESET, { 1, 1 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_CORE_RESET, { 0, 1 }, NPU_ADMIN_BAD_STATE },
		{ NPU_ADMIN_CORE_RESET, { 0, 1, 1 }, NPU_ADMIN_BAD_ARG },
	};
	uint32_t i;

	make_queues(1, 1, 4);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(board_admin(cases[i].op, cases[i].args[0],
					     cases[i].args[1],
					     cases[i].args[2], NULL),
				 cases[i].status);
	assert_no_event();
}

static void resetting_a_queue_ends_all_of_it_and_nothing_else(void **state)
{
	make_queues(2, 2, 4);
	submit(0, 1);
	submit(0, 2);
	submit(0, 3);
	submit(1, 4);
	assert_true(board_run());
	reset_queue(0);
	job_event(1, NPU_JOB_TIMEOUT);
	job_event(2, NPU_JOB_CANCELLED);
	job_event(3, NPU_JOB_CANCELLED);
	reset_is_answered();
	assert_int_equal(board_fw.queues[0].state, FW_QUEUE_HALTED);
	submit(0, 5); /* in vain */
	assert_true(board_run());
	assert_int_equal(board_running(0), 0);
	assert_int_equal(board_running(1), 4);
	board_finish(1, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(4, NPU_JOB_OK);
	reset_queue(0);
	job_event(5, NPU_JOB_CANCELLED);
	reset_is_answered();
	assert_int_equal(board_admin(NPU_ADMIN_QUEUE_DESTROY, 0, 0, 0, NULL),
			 NPU_ADMIN_OK);
}

static void resetting_a_queue_waits_for_a_deaf_core(void **state)
{
	make_queues(1, 1, 4);
	board.cores[0].is_deaf = true;
	submit(0, 1);
	assert_true(board_run());
	reset_queue(0);
	assert_no_event();
	assert_true(board_advance(FW_STOP_NS));
	core_reset_event(1, 0);
	job_event(1, NPU_JOB_TIMEOUT);
	reset_is_answered();
}

static void a_core_is_reset_on_request_and_others_go_on(void **state)
{
	struct npu_event event;

	make_queues(2, 2, 4);
	board.cores[0].is_deaf = true;
	submit(0, 1);
	submit(1, 2);
	assert_true(board_run());
	assert_int_equal(board_admin(NPU_ADMIN_CORE_RESET, 0, 2, 0, &event),
			 NPU_ADMIN_BAD_STATE);
	assert_int_equal(board_admin(NPU_ADMIN_CORE_RESET, 0, 1, 0, &event),
			 NPU_ADMIN_OK);
	core_reset_event(1, 0);
	job_event(1, NPU_JOB_TIMEOUT);
	assert_no_event();
	assert_int_equal(board_fw.queues[0].state, FW_QUEUE_HALTED);
	assert_int_equal(board_running(1), 2);
	submit(1, 3);
	board_finish(1, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(2, NPU_JOB_OK);
}

/* A core that is being stopped need not be waited for. */
static void resetting_a_core_that_stops_keeps_the_reason(void **state)
{
	make_queues(1, 1, 4);
	board.cores[0].is_deaf = true;
	submit(0, 1);
	submit(0, 2);
	assert_true(board_run());
	cancel(0, 1);
	assert_no_event();
	assert_int_equal(board_admin(NPU_ADMIN_CORE_RESET, 0, 1, 0, NULL),
			 NPU_ADMIN_OK);
	core_reset_event(1, 0);
	job_event(1, NPU_JOB_CANCELLED);
	assert_int_equal(board_running(0), 2);
}

/* --- Counters ------------------------------------------------------------------------------ */

static const struct npu_counters *counters(void)
{
	struct npu_event event;

	assert_int_equal(board_admin(NPU_ADMIN_COUNTERS, BOARD_COUNTERS, 1 << 20,
				     0, &event), NPU_ADMIN_OK);
	assert_int_equal(event.args[0], sizeof(struct npu_counters));
	return board_at(BOARD_COUNTERS, sizeof(struct npu_counters));
}

/* The same work counts for the core, for the context and for the queue. */
static void assert_work(const struct npu_counters *c, uint64_t busy_ns,
			uint64_t cycles, uint64_t energy_fj, uint64_t jobs)
{
	const struct npu_work *work[] = {
		&c->core[0], &c->context[1], &c->queue[0],
	};
	uint32_t i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(work[i]->busy_ns, busy_ns);
		assert_int_equal(work[i]->cycles, cycles);
		assert_int_equal(work[i]->energy_fj, energy_fj);
		assert_int_equal(work[i]->jobs, jobs);
	}
}

static void counters_tell_work_while_it_is_done(void **state)
{
	make_queues(1, 2, 4);
	assert_work(counters(), 0, 0, 0, 0);
	submit(0, 1);
	submit(0, 2);
	assert_true(board_run());
	set64(NPU_CORE_CYCLES, 1000);
	set64(NPU_CORE_ENERGY_FJ, 77);
	board.now += 500;
	assert_work(counters(), 500, 1000, 77, 0);
	assert_int_equal(counters()->running[0], 1);
	set64(NPU_CORE_CYCLES, 0x100000000);
	board.now += 500;
	board_finish(0, NPU_CORE_DONE, 3);
	set64(NPU_CORE_ENERGY_FJ, 80);
	assert_true(board_run());
	job_event(1, NPU_JOB_OK);
	set64(NPU_CORE_CYCLES, 0); /* of the next job, which runs now */
	set64(NPU_CORE_ENERGY_FJ, 0);
	assert_work(counters(), 1000, 0x100000000, 80, 1);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(2, NPU_JOB_OK);
	board.now += 10000; /* idle */
	assert_work(counters(), 1000, 0x100000000, 80, 2);
	assert_int_equal(counters()->running[0], 0);
	assert_int_equal(counters()->queue[1].jobs, 0);
}

static void counters_tell_how_jobs_ended(void **state)
{
	const struct npu_counters *c;
	struct npu_job bad = board_job(2);

	make_queues(1, 3, 4);
	bad.command_count = 0;
	submit(0, 1);
	board_submit(1, &bad);
	submit(2, 3);
	assert_true(board_run());
	board_finish(0, NPU_CORE_FAULTED, 1);
	assert_true(board_run());
	job_event(1, NPU_JOB_FAULT);
	job_event(2, NPU_JOB_FAULT);
	assert_true(board_advance(SECOND));
	job_event(3, NPU_JOB_TIMEOUT);
	c = counters();
	assert_int_equal(c->core[0].faults, 1);
	assert_int_equal(c->core[0].jobs, 2);
	assert_int_equal(c->context[1].faults, 2);
	assert_int_equal(c->context[1].timeouts, 1);
	assert_int_equal(c->queue[1].faults, 1);
	assert_int_equal(c->queue[2].timeouts, 1);
	assert_int_equal(c->queue[2].busy_ns, SECOND);
}

static void counters_begin_anew_with_their_object(void **state)
{
	make_queues(1, 1, 4);
	submit(0, 1);
	assert_true(board_run());
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(1, NPU_JOB_OK);
	board_admin(NPU_ADMIN_QUEUE_DESTROY, 0, 0, 0, NULL);
	assert_int_equal(counters()->context[1].jobs, 1);
	board_queue_create(0, 1, 0, 4, SECOND);
	assert_int_equal(counters()->queue[0].jobs, 0);
	board_admin(NPU_ADMIN_QUEUE_DESTROY, 0, 0, 0, NULL);
	board_admin(NPU_ADMIN_CONTEXT_CLEAR, 1, 0, 0, NULL);
	board_admin(NPU_ADMIN_CONTEXT_SET, 1, 0x5000, 0, NULL);
	assert_int_equal(counters()->context[1].jobs, 0);
	assert_int_equal(counters()->core[0].jobs, 1);
}

/* A reader of an older, shorter struct gets what it knows, and no more. */
static void counters_are_cut_to_the_readers_size(void **state)
{
	struct npu_event event;
	uint8_t *memory;

	make_queues(1, 1, 4);
	memory = board_at(BOARD_COUNTERS, sizeof(struct npu_counters));
	memset(memory, 0xee, sizeof(struct npu_counters));
	assert_int_equal(board_admin(NPU_ADMIN_COUNTERS, BOARD_COUNTERS, 64, 0,
				     &event), NPU_ADMIN_OK);
	assert_int_equal(event.args[0], 64);
	assert_int_equal(memory[63], 0);
	assert_int_equal(memory[64], 0xee);
}

/* --- Preemption ---------------------------------------------------------------------------- */

static uint32_t slice(uint32_t core)
{
	return board.cores[core].regs[NPU_CORE_SLICE / 4];
}

/* A queue of priority 0 and one of 2, both of context 1. */
static void make_two_priorities(uint32_t cores)
{
	make_queues(cores, 1, 4);
	assert_int_equal(board_queue_create(1, 1, 2, 4, SECOND), NPU_ADMIN_OK);
}

/* Job 7 of queue 0 was preempted by job 8 of queue 1, after 1000 cycles. */
static void preempt_for_urgent_job(void)
{
	struct npu_job job = with_result(7, BOARD_RESULTS);

	make_two_priorities(1);
	board_submit(0, &job);
	assert_true(board_run());
	assert_int_equal(slice(0), 0);
	submit(1, 8);
	assert_true(board_run());
	assert_int_equal(slice(0), 1);
	assert_true(board_preempt(0, 2, 1000));
	assert_true(board_run());
	assert_int_equal(board_running(0), 8);
}

static void a_preempted_job_goes_on_and_ends_once(void **state)
{
	const struct npu_job_result *result = (void *)board.results;
	const struct npu_counters *c;
	struct npu_event event;

	preempt_for_urgent_job();
	assert_no_event();
	assert_int_equal(slice(0), 0);
	assert_int_equal(result->status, NPU_JOB_PENDING);
	set64(NPU_CORE_CYCLES, 300);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(8, NPU_JOB_OK);
	assert_int_equal(board_running(0), 7);
	assert_int_equal(board.cores[0].starts, 2);
	assert_int_equal(board.cores[0].resumes, 1);
	set64(NPU_CORE_CYCLES, 5000);
	board_finish(0, NPU_CORE_DONE, 9);
	assert_true(board_run());
	event = job_event(7, NPU_JOB_OK);
	assert_int_equal(event.cycles, 5000);
	assert_int_equal(result->commands, 9);
	c = counters();
	assert_int_equal(c->core[0].cycles, 5300);
	assert_int_equal(c->core[0].jobs, 2);
	assert_int_equal(c->core[0].preemptions, 1);
	assert_int_equal(c->queue[0].preemptions, 1);
	assert_int_equal(c->queue[0].cycles, 5000);
	assert_int_equal(c->queue[1].cycles, 300);
	assert_no_event();
}

static void equals_preempt_each_other_after_a_slice(void **state)
{
	uint32_t usual;

	make_queues(1, 2, 4);
	submit(0, 1);
	assert_true(board_run());
	assert_int_equal(slice(0), 0); /* alone */
	submit(1, 2);
	assert_true(board_run());
	usual = slice(0);
	assert_in_range(usual, 2, UINT32_MAX);
	assert_false(board_preempt(0, 1, usual - 1));
	assert_true(board_preempt(0, 2, usual));
	assert_true(board_run());
	assert_int_equal(board_running(0), 2);
	assert_int_equal(slice(0), usual);
	assert_true(board_preempt(0, 2, usual));
	assert_true(board_run());
	assert_int_equal(board_running(0), 1);
	assert_false(board_preempt(0, 3, 2 * usual - 1));
	assert_true(board_preempt(0, 4, 2 * usual));
	assert_true(board_run());
	assert_int_equal(board_running(0), 2);
	board_finish(0, NPU_CORE_DONE, 5);
	assert_true(board_run());
	job_event(2, NPU_JOB_OK);
	assert_int_equal(board_running(0), 1);
	assert_int_equal(slice(0), 0); /* alone again */
}

/* All that are in the way are asked, and the others may go on after all. */
static void the_first_core_that_can_makes_way(void **state)
{
	make_two_priorities(2);
	assert_int_equal(board_queue_create(2, 1, 0, 4, SECOND), NPU_ADMIN_OK);
	submit(0, 1);
	submit(2, 2);
	assert_true(board_run());
	submit(1, 3);
	assert_true(board_run());
	assert_int_equal(slice(0), 1);
	assert_int_equal(slice(1), 1);
	assert_true(board_preempt(1, 1, 100));
	assert_true(board_run());
	assert_int_equal(board_running(1), 3);
	assert_int_equal(slice(0), board_fw.lines[0].slice);
	assert_int_equal(slice(1), 0);
	/* The job goes on wherever there is room. */
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(1, NPU_JOB_OK);
	assert_int_equal(board_running(0), 2);
}

/* Doorbells of queues that are empty, or less urgent, disturb nobody. */
static void an_empty_queue_preempts_nobody(void **state)
{
	make_two_priorities(1);
	submit(0, 1);
	assert_true(board_run());
	board.doorbells |= 1ull << NPU_DOORBELL_QUEUE(1);
	assert_true(board_run());
	assert_int_equal(slice(0), 0);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(1, NPU_JOB_OK);
	submit(1, 2);
	assert_true(board_run());
	submit(0, 3);
	assert_true(board_run());
	assert_int_equal(board_running(0), 2);
	assert_int_equal(slice(0), 0);
}

static void a_preempted_job_can_be_ended(void **state)
{
	static const struct {
		uint32_t op, status;
	} ends[] = {
		{ NPU_ADMIN_JOB_CANCEL, NPU_JOB_CANCELLED },
		{ NPU_ADMIN_JOB_STOP, NPU_JOB_TIMEOUT },
		{ NPU_ADMIN_QUEUE_DESTROY, NPU_JOB_CANCELLED },
	};
	const struct npu_job_result *result = (void *)board.results;
	struct npu_event event;
	uint32_t i;

	for (i = 0; i < 3; i++) {
		struct npu_admin_cmd cmd = {
			.op = ends[i].op, .seq = 99,
			.args = { 0, ends[i].op == NPU_ADMIN_QUEUE_DESTROY ?
					     0 : 7 },
		};
		uint32_t k, seen = 0;

		preempt_for_urgent_job();
		board_admin_write(&cmd);
		assert_true(board_run());
		for (k = 0; k < 2; k++) {
			assert_true(board_event(&event));
			seen |= 1 << event.type;
			if (event.type == NPU_EVENT_JOB_DONE) {
				assert_int_equal(event.id, 7);
				assert_int_equal(event.status, ends[i].status);
				assert_int_equal(event.cycles, 1000);
			} else {
				assert_int_equal(event.status, NPU_ADMIN_OK);
			}
		}
		assert_int_equal(seen, 1 << NPU_EVENT_JOB_DONE |
					       1 << NPU_EVENT_ADMIN_DONE);
		assert_int_equal(result->status, ends[i].status);
		assert_int_equal(result->commands, 2);
		assert_int_equal(next_job(), 0);
		job_event(8, NPU_JOB_OK);
		assert_no_event();
	}
}

/* It does not run: neither watchdog nor deadline count, nor is it "running". */
static void a_preempted_job_has_time(void **state)
{
	const struct npu_admin_queue arg = {
		.queue = 2, .context = 1, .entries = 4,
		.ring = BOARD_QUEUE(2), .watchdog_ns = SECOND,
		.deadline_ns = 3 * SECOND / 2,
	};
	struct npu_event event;

	make_two_priorities(1);
	assert_int_equal(create(&arg), NPU_ADMIN_OK);
	submit(2, 1);
	assert_true(board_run());
	assert_int_equal(board_queue_create(3, 1, 3, 4, 1000 * SECOND),
			 NPU_ADMIN_OK);
	assert_true(board_advance(SECOND / 2));
	submit(3, 9);
	assert_true(board_run());
	assert_true(board_preempt(0, 1, 10));
	assert_true(board_run());
	assert_true(board_advance(100 * SECOND));
	assert_int_equal(board_admin(NPU_ADMIN_QUEUE_PROGRESS, 2, 0, 0,
				     &event), NPU_ADMIN_OK);
	assert_int_equal(event.args[0], 0);
	assert_int_equal(next_job(), 1);
	job_event(9, NPU_JOB_OK);
	board.cores[0].regs[NPU_CORE_COMMANDS / 4] = 2;
	assert_true(board_advance(SECOND - 1));
	assert_no_event();
	assert_true(board_advance(1));
	job_event(1, NPU_JOB_TIMEOUT);
}

/* The event ring is full: a core that is preempted is free all the same. */
static void preemption_needs_no_room_for_events(void **state)
{
	struct npu_admin_cmd ping = { .op = NPU_ADMIN_PING };
	struct npu_event event;
	uint32_t i;

	make_two_priorities(1);
	submit(0, 1);
	assert_true(board_run());
	submit(1, 2);
	assert_true(board_run());
	for (i = 0; i < NPU_EVENT_ENTRIES; i++) {
		board_admin_write(&ping);
		board_run();
	}
	assert_true(board_preempt(0, 1, 100));
	board_run();
	assert_int_equal(board_fw.cores[0].state, FW_CORE_IDLE);
	assert_true(board_fw.queues[0].is_parked);
	while (board_event(&event))
		assert_int_equal(event.type, NPU_EVENT_ADMIN_DONE);
	assert_true(board_advance(FW_RETRY_NS));
	assert_int_equal(board_running(0), 2);
	assert_int_equal(next_job(), 1);
}

/* Entries that end at once, refilled while they are read: rounds still end. */
static void keep_filling(void)
{
	struct npu_queue_ring *ring = board_queue(0);
	uint32_t i;

	for (i = 0; i < 4; i++) {
		ring->jobs[i] = board_job(5);
		ring->jobs[i].flags = NPU_JOB_CANCEL;
	}
	ring->tail = ring->head + 4;
}

static void a_ring_that_never_empties_does_not_hold_a_round(void **state)
{
	const struct npu_init *init = board_init_block();
	uint32_t before;

	make_queues(1, 2, 4);
	board.on_access = keep_filling;
	board.doorbells |= 1ull << NPU_DOORBELL_QUEUE(0);
	before = init->event_tail;
	fw_round(&board_fw);
	assert_int_equal(init->event_tail - before, FW_TAKES);
	assert_true(board.timer <= board.now); /* and goes on */
	board.on_access = NULL;
	assert_true(board_run());
}

/* --- Heartbeat ---------------------------------------------------------------------------- */

static void the_heart_beats_while_a_job_runs(void **state)
{
	const struct npu_init *init = board_init_block();
	uint32_t before, i;

	make_queues(1, 1, 4);
	assert_true(board_advance(10 * SECOND));
	before = init->heartbeat;
	assert_true(board_advance(10 * SECOND));
	assert_int_equal(init->heartbeat, before); /* idle: silence */
	assert_true(board.timer == UINT64_MAX);
	submit(0, 1);
	assert_true(board_run());
	for (i = 1; i < 9; i++) {
		before = init->heartbeat;
		assert_true(board.timer - board.now <= NPU_HEARTBEAT_NS);
		assert_true(board_advance(NPU_HEARTBEAT_NS));
		assert_true(init->heartbeat > before);
	}
}

/* --- Destroying queues --------------------------------------------------------------------- */

static void a_deep_queue_shares_interrupts(void **state)
{
	uint32_t before, i;

	make_queues(1, 2, 64);
	before = board.host_irqs;
	for (i = 1; i <= 40; i++)
		submit(0, i);
	assert_true(board_run());
	for (i = 1; i <= 40; i++) {
		board_finish(0, NPU_CORE_DONE, 3);
		assert_true(board_run());
		job_event(i, NPU_JOB_OK); /* told at once, if one looks */
		assert_int_equal(board.host_irqs - before,
				 i / FW_EVENTS_BATCH + (i == 40));
	}
}

static void an_interrupt_does_not_wait_for_long(void **state)
{
	uint32_t before;

	make_queues(1, 2, 64);
	before = board.host_irqs;
	submit(0, 1);
	submit(0, 2);
	submit(1, 3);
	assert_true(board_run());
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	assert_int_equal(board.host_irqs, before);
	assert_true(board_advance(FW_EVENTS_NS - 1));
	assert_int_equal(board.host_irqs, before);
	assert_true(board_advance(1));
	assert_int_equal(board.host_irqs, before + 1);
	/* The other queue's only job is waited for. */
	assert_int_equal(board_running(0), 3);
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	assert_int_equal(board.host_irqs, before + 2);
}

static void what_went_wrong_is_told_at_once(void **state)
{
	uint32_t before;

	make_queues(1, 1, 64);
	before = board.host_irqs;
	submit(0, 1);
	submit(0, 2);
	assert_true(board_run());
	board_finish(0, NPU_CORE_FAULTED, 0);
	assert_true(board_run());
	assert_int_equal(board.host_irqs, before + 1);
}

static void destroying_cancels_everything(void **state)
{
	const struct npu_job_result *result = (void *)(board.results + 0x100);
	struct npu_job last = with_result(3, BOARD_RESULTS + 0x100);
	struct npu_admin_cmd cmd = { .op = NPU_ADMIN_QUEUE_DESTROY, .seq = 9 };
	struct npu_event event;

	make_queues(1, 2, 4);
	submit(0, 1);
	submit(0, 2);
	submit(1, 4);
	assert_true(board_run());
	board_submit(0, &last);
	board_admin_write(&cmd);
	assert_true(board_run());
	job_event(1, NPU_JOB_CANCELLED);
	job_event(2, NPU_JOB_CANCELLED);
	job_event(3, NPU_JOB_CANCELLED);
	assert_true(board_event(&event));
	assert_int_equal(event.type, NPU_EVENT_ADMIN_DONE);
	assert_int_equal(event.id, 9);
	assert_int_equal(result->status, NPU_JOB_CANCELLED);
	assert_int_equal(board_running(0), 4);
	assert_int_equal(board_queue_create(0, 1, 0, 4, SECOND), NPU_ADMIN_OK);
}

static void destroying_waits_for_a_deaf_core(void **state)
{
	struct npu_admin_cmd destroy = {
		.op = NPU_ADMIN_QUEUE_DESTROY, .seq = 9,
	};
	struct npu_admin_cmd ping = { .op = NPU_ADMIN_PING, .seq = 10 };
	struct npu_event event;

	make_queues(1, 1, 4);
	board.cores[0].is_deaf = true;
	submit(0, 1);
	assert_true(board_run());
	board_admin_write(&destroy);
	board_admin_write(&ping);
	assert_true(board_run());
	assert_no_event(); /* in order */
	assert_true(board_advance(FW_STOP_NS));
	core_reset_event(1, 0);
	job_event(1, NPU_JOB_CANCELLED);
	assert_true(board_event(&event));
	assert_int_equal(event.id, 9);
	assert_true(board_event(&event));
	assert_int_equal(event.id, 10);
}

static void destroying_a_waiting_queue_keeps_the_list(void **state)
{
	uint32_t victim;

	for (victim = 1; victim < 4; victim++) {
		make_queues(1, 4, 4);
		submit(0, 100);
		assert_true(board_run());
		submit(1, 11);
		submit(2, 12);
		submit(3, 13);
		assert_true(board_run());
		/* Its job's event comes before the answer. */
		assert_int_equal(board_admin(NPU_ADMIN_QUEUE_DESTROY, victim,
					     0, 0, NULL), UINT32_MAX);
		assert_int_equal(next_job(), victim == 1 ? 12 : 11);
		assert_int_equal(next_job(), victim == 3 ? 12 : 13);
		assert_int_equal(next_job(), 0);
	}
}

static void destroying_a_corrupt_queue_ends(void **state)
{
	make_queues(1, 1, 4);
	submit(0, 1);
	assert_true(board_run());
	board_queue(0)->tail = 0x7fffffff;
	board_finish(0, NPU_CORE_DONE, 3);
	assert_true(board_run());
	job_event(1, NPU_JOB_OK);
	job_event(0, NPU_JOB_FAULT);
	assert_int_equal(board_admin(NPU_ADMIN_QUEUE_DESTROY, 0, 0, 0, NULL),
			 NPU_ADMIN_OK);
	assert_no_event();
}

/* A driver that reads slowly: 65 events pass through a ring with room for one. */
static void destroying_waits_for_room(void **state)
{
	struct npu_admin_cmd ping = { .op = NPU_ADMIN_PING };
	struct npu_admin_cmd destroy = {
		.op = NPU_ADMIN_QUEUE_DESTROY, .seq = 9,
	};
	const struct npu_init *init = board_init_block();
	struct npu_event event;
	uint32_t i, cancelled = 0;

	make_queues(1, 1, 64);
	for (i = 1; i <= 64; i++)
		submit(0, i);
	assert_true(board_run());
	submit(0, 65);
	while (init->event_tail - board.events_read < NPU_EVENT_ENTRIES - 3) {
		board_admin_write(&ping);
		assert_true(board_run());
	}
	board_admin_write(&destroy);
	for (i = 0; i < 3 * NPU_EVENT_ENTRIES; i++) {
		assert_true(board_advance(FW_RETRY_NS));
		assert_in_range(init->event_tail - board.events_read, 1,
				NPU_EVENT_ENTRIES);
		assert_true(board_event(&event));
		if (event.type == NPU_EVENT_JOB_DONE)
			assert_int_equal(event.id, ++cancelled);
		else if (event.id == 9)
			break;
	}
	assert_int_equal(cancelled, 65);
	assert_no_event();
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(contexts_come_and_go),
	cmocka_unit_test(admin_refuses_bad_operations_and_arguments),
	cmocka_unit_test(admin_refuses_reserved_bits),
	cmocka_unit_test(queue_create_refuses_bad_fields),
	cmocka_unit_test(progress_tells_the_running_job),
	cmocka_unit_test(equals_take_turns),
	cmocka_unit_test(the_urgent_go_first),
	cmocka_unit_test(jobs_of_a_queue_run_one_at_a_time),
	cmocka_unit_test(a_job_gets_its_registers),
	cmocka_unit_test(bad_entries_end_as_faults),
	cmocka_unit_test(the_result_has_all_counters),
	cmocka_unit_test(a_fault_is_told_whole),
	cmocka_unit_test(a_result_that_cannot_be_written_is_a_fault),
	cmocka_unit_test(a_result_goes_to_its_owners_address_space),
	cmocka_unit_test(the_first_cause_counts),
	cmocka_unit_test(the_watchdog_ends_a_stuck_job),
	cmocka_unit_test(a_deaf_core_is_reset),
	cmocka_unit_test(an_endless_watchdog_never_bites),
	cmocka_unit_test(job_stop_ends_the_job_it_names),
	cmocka_unit_test(a_deadline_ends_a_job_that_makes_progress),
	cmocka_unit_test(
		a_running_job_is_cancelled_and_its_queue_goes_on),
	cmocka_unit_test(
		a_waiting_job_is_cancelled_when_its_turn_comes),
	cmocka_unit_test(cancelling_what_has_ended_does_nothing),
	cmocka_unit_test(a_job_that_is_being_stopped_is_not_cancelled),
	cmocka_unit_test(a_deaf_core_is_reset_to_cancel),
	cmocka_unit_test(resets_refuse_bad_arguments),
	cmocka_unit_test(resetting_a_queue_ends_all_of_it_and_nothing_else),
	cmocka_unit_test(resetting_a_queue_waits_for_a_deaf_core),
	cmocka_unit_test(a_core_is_reset_on_request_and_others_go_on),
	cmocka_unit_test(resetting_a_core_that_stops_keeps_the_reason),
	cmocka_unit_test(a_preempted_job_goes_on_and_ends_once),
	cmocka_unit_test(equals_preempt_each_other_after_a_slice),
	cmocka_unit_test(the_first_core_that_can_makes_way),
	cmocka_unit_test(an_empty_queue_preempts_nobody),
	cmocka_unit_test(a_preempted_job_can_be_ended),
	cmocka_unit_test(a_preempted_job_has_time),
	cmocka_unit_test(preemption_needs_no_room_for_events),
	cmocka_unit_test(
		a_ring_that_never_empties_does_not_hold_a_round),
	cmocka_unit_test(counters_tell_work_while_it_is_done),
	cmocka_unit_test(counters_tell_how_jobs_ended),
	cmocka_unit_test(counters_begin_anew_with_their_object),
	cmocka_unit_test(counters_are_cut_to_the_readers_size),
	cmocka_unit_test(the_heart_beats_while_a_job_runs),
	cmocka_unit_test(a_deep_queue_shares_interrupts),
	cmocka_unit_test(an_interrupt_does_not_wait_for_long),
	cmocka_unit_test(what_went_wrong_is_told_at_once),
	cmocka_unit_test(destroying_cancels_everything),
	cmocka_unit_test(destroying_waits_for_a_deaf_core),
	cmocka_unit_test(destroying_a_waiting_queue_keeps_the_list),
	cmocka_unit_test(destroying_a_corrupt_queue_ends),
	cmocka_unit_test(destroying_waits_for_room),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
