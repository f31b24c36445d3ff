// SPDX-License-Identifier: MIT
/*
 * How the firmware keeps limits of clock, power and temperature, and switches idle
 * cores off: section 17 of the manual, on a board whose meter the tests turn.
 */
#include "firmware_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MS 1000000ull
#define SECOND (1000 * MS)
#define CAP_UW 1000ull
#define CREDIT_FJ (CAP_UW * FW_CREDIT_NS)

static void make_queue(void)
{
	assert_int_equal(board_admin(NPU_ADMIN_CONTEXT_SET, 1, 0x5000, 0, NULL),
			 NPU_ADMIN_OK);
	assert_int_equal(board_queue_create(0, 1, 0, 16, 100 * SECOND),
			 NPU_ADMIN_OK);
}

static int setup(void **state)
{
	board_boot(1);
	make_queue();
	return 0;
}

static uint32_t set_limits(uint64_t cap_uw, uint64_t khz)
{
	return board_admin(NPU_ADMIN_LIMITS_SET, cap_uw, khz, 0, NULL);
}

static void submit(uint64_t cookie)
{
	struct npu_job job = board_job(cookie);

	board_submit(0, &job);
	assert_true(board_run());
}

/* The running job ends, having used so much. */
static void finish(uint64_t energy_fj)
{
	board.meter_fj += energy_fj;
	board_finish(0, NPU_CORE_DONE, 1);
	assert_true(board_run());
}

/* The next event that is none of a job, or zeros. */
static struct npu_event power_event(void)
{
	struct npu_event event;

	while (board_event(&event))
		if (event.type == NPU_EVENT_POWER)
			return event;
	return (struct npu_event){ 0 };
}

static void assert_told(uint32_t reasons, uint32_t khz)
{
	struct npu_event event = power_event();

	assert_int_equal(event.type, NPU_EVENT_POWER);
	assert_int_equal(event.status, reasons);
	assert_int_equal(event.args[0], khz);
}

/* --- Clocks -------------------------------------------------------------------- */

static void limits_are_checked(void **state)
{
	static const uint64_t bad[][3] = {
		{ NPU_POWER_CAP_MIN_UW - 1 }, { 1 }, { NPU_POWER_CAP_MAX_UW + 1ull },
		{ UINT64_MAX }, { 0, 1ull << 32 }, { 0, 0, 1 },
	};
	uint32_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(board_admin(NPU_ADMIN_LIMITS_SET, bad[i][0],
					     bad[i][1], bad[i][2], NULL),
				 NPU_ADMIN_BAD_ARG);
	assert_int_equal(set_limits(NPU_POWER_CAP_MIN_UW, 0), NPU_ADMIN_OK);
	assert_int_equal(set_limits(NPU_POWER_CAP_MAX_UW, UINT32_MAX),
			 NPU_ADMIN_OK);
}

static void a_limit_chooses_the_fastest_point_below(void **state)
{
	static const uint32_t rows[][2] = {
		{ 200000, 0 }, { 199999, 1 }, { 150000, 1 }, { 100001, 2 },
		{ 50000, 3 }, { 1, 3 }, { 0, 0 },
	};
	uint32_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(set_limits(0, rows[i][0]), NPU_ADMIN_OK);
		assert_int_equal(board.opp, rows[i][1]);
		power_event();
	}
}

static void a_limit_is_a_reason(void **state)
{
	set_limits(0, 100000);
	assert_told(NPU_THROTTLE_CLOCK, 100000);
	board_advance(10 * SECOND);
	assert_int_equal(power_event().type, 0);
	set_limits(0, 0);
	board_advance(FW_REASON_NS);
	assert_told(0, 200000);
}

/* --- Temperature ----------------------------------------------------------------- */

static void heat_slows_down_by_steps(void **state)
{
	static const struct {
		uint32_t mc, opp;
	} rows[] = {
		{ 84999, 0 }, { 85000, 1 }, { 90000, 2 }, { 84000, 2 },
		{ 90000, 3 }, { 104999, 3 }, { 80000, 3 }, { 79999, 2 },
		{ 20000, 1 }, { 20000, 0 },
	};
	uint32_t i;

	submit(1);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		board.temperature_mc = rows[i].mc;
		board_advance(FW_LOOK_NS);
		assert_int_equal(board.opp, rows[i].opp);
	}
	assert_told(NPU_THROTTLE_TEMPERATURE, 150000);
	board_advance(FW_REASON_NS);
	assert_told(0, 200000);
}

/* Nobody has to come for it to be over. */
static void an_idle_machine_recovers_by_itself(void **state)
{
	uint32_t i;

	submit(1);
	board.temperature_mc = 90000;
	board_advance(FW_LOOK_NS);
	finish(0);
	board.temperature_mc = 30000;
	for (i = 0; i < 100 && board.timer != FW_NEVER; i++) {
		board.now = board.timer;
		assert_true(board_run());
	}
	assert_int_equal(board.timer, FW_NEVER);
	assert_int_equal(board.opp, 0);
	assert_told(NPU_THROTTLE_TEMPERATURE, 150000);
	assert_told(0, 200000);
}

static void critical_heat_holds_jobs_for_a_while(void **state)
{
	uint32_t i;

	board.temperature_mc = NPU_TEMP_CRITICAL_MC;
	board_advance(SECOND);
	for (i = 0; i < 3; i++) {
		submit(i + 1);
		assert_int_equal(board_running(0), 0);
		board_advance(FW_HOLD_NS - 1);
		assert_int_equal(board_running(0), 0);
		board_advance(1);
		assert_int_equal(board_running(0), i + 1);
		finish(0);
	}
	assert_told(NPU_THROTTLE_TEMPERATURE, 150000);
}

/* --- Power ----------------------------------------------------------------------- */

static void who_is_in_debt_waits(void **state)
{
	set_limits(CAP_UW, 0);
	submit(1);
	submit(2);
	board.now += FW_LOOK_NS;
	finish(CREDIT_FJ + 20 * MS * CAP_UW + FW_LOOK_NS * CAP_UW);
	assert_int_equal(board_running(0), 0);
	assert_int_equal(board.opp, 1);
	assert_told(NPU_THROTTLE_POWER, 150000);
	board_advance(20 * MS);
	assert_int_equal(board_running(0), 0);
	board_advance(1);
	assert_int_equal(board_running(0), 2);
}

static void a_debt_is_forgiven_in_the_end(void **state)
{
	set_limits(CAP_UW, 0);
	submit(1);
	submit(2);
	finish(1000 * CREDIT_FJ);
	board_advance(FW_HOLD_NS - 1);
	assert_int_equal(board_running(0), 0);
	board_advance(1);
	assert_int_equal(board_running(0), 2);
	finish(0);
	submit(3);
	assert_int_equal(board_running(0), 3);
}

/* Jobs of 1 ms that want four times what they may. */
static void a_cap_holds_on_average(void **state)
{
	uint64_t used = 0, begin, spent_ns;
	uint32_t i;

	set_limits(CAP_UW, 0);
	begin = board.now;
	for (i = 1; i <= 200; i++) {
		submit(i);
		if (!board_running(0)) {
			board.now = board.timer;
			assert_true(board_run());
		}
		while (!board_running(0))
			board_advance(FW_LOOK_NS);
		assert_true(board_advance(MS));
		finish(4 * MS * CAP_UW);
		used += 4 * MS * CAP_UW;
	}
	spent_ns = board.now - begin;
	assert_in_range(used, spent_ns * CAP_UW / 2,
			spent_ns * CAP_UW + CREDIT_FJ + 4 * MS * CAP_UW);
	set_limits(0, 0);
	assert_int_equal(board.opp, 0);
}

static void without_a_cap_nobody_waits(void **state)
{
	submit(1);
	submit(2);
	board.now += FW_LOOK_NS;
	finish(1000 * CREDIT_FJ);
	assert_int_equal(board_running(0), 2);
	assert_int_equal(board.opp, 0);
	assert_int_equal(power_event().type, 0);
}

/* --- Gates ------------------------------------------------------------------------ */

static uint32_t gate_of(uint32_t core)
{
	return board.cores[core].regs[NPU_CORE_GATE / 4];
}

static void look(uint32_t times)
{
	while (times--)
		assert_true(board_advance(FW_LOOK_NS));
}

static void idle_cores_are_switched_off(void **state)
{
	board_boot(2);
	make_queue();
	submit(1);
	look(FW_IDLE_LOOKS + 1);
	assert_int_not_equal(gate_of(0), NPU_GATE_POWER);
	assert_int_equal(gate_of(1), NPU_GATE_POWER);
	finish(0);
	look(FW_IDLE_LOOKS);
	assert_int_not_equal(gate_of(0), NPU_GATE_POWER);
	look(1);
	assert_int_equal(gate_of(0), NPU_GATE_POWER);
	assert_int_equal(board.timer, FW_NEVER);
	submit(2);
	assert_int_equal(board_running(0), 2);
	assert_int_equal(gate_of(0), NPU_GATE_CLOCK);
}

/* --- What is told ------------------------------------------------------------------ */

static void counters_tell_it(void **state)
{
	const struct npu_counters *counters =
		board_at(BOARD_COUNTERS, sizeof(*counters));

	set_limits(0, 100000);
	power_event();
	board.temperature_mc = 31415;
	board.idle_fj = 1ull << 40;
	assert_int_equal(board_admin(NPU_ADMIN_COUNTERS, BOARD_COUNTERS,
				     sizeof(*counters), 0, NULL), NPU_ADMIN_OK);
	assert_int_equal(counters->clock_khz, 100000);
	assert_int_equal(counters->throttle, NPU_THROTTLE_CLOCK);
	assert_int_equal(counters->temperature_mc, 31415);
	assert_int_equal(counters->idle_fj, 1ull << 40);
}

static void a_result_tells_its_clock(void **state)
{
	static const uint32_t rows[][2] = { { 500, 500 }, { 1000, 0 } };
	const struct npu_job_result *result = (void *)board.results;
	struct npu_job job;
	uint32_t i;

	for (i = 0; i < 2; i++) {
		job = board_job(i + 1);
		job.result = BOARD_RESULTS;
		board_submit(0, &job);
		assert_true(board_run());
		board.cores[0].regs[NPU_CORE_CLOCK / 4] = rows[i][0];
		finish(0);
		assert_int_equal(result->clock_permille, rows[i][1]);
	}
}

/* --- Others ------------------------------------------------------------------------- */

static void older_drivers_are_not_told(void **state)
{
	const struct npu_counters *counters =
		board_at(BOARD_COUNTERS, sizeof(*counters));

	board_setup(1);
	board_init_block()->abi_max = 2;
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_NONE);
	make_queue();
	assert_int_equal(set_limits(CAP_UW, 0), NPU_ADMIN_BAD_OP);
	board.temperature_mc = 90000;
	submit(1);
	board_advance(FW_LOOK_NS);
	assert_int_not_equal(board.opp, 0);
	assert_int_equal(power_event().type, 0);
	assert_int_equal(board_admin(NPU_ADMIN_COUNTERS, BOARD_COUNTERS,
				     sizeof(*counters), 0, NULL), NPU_ADMIN_OK);
	assert_int_equal(counters->clock_khz, 0);
	assert_int_equal(counters->temperature_mc, 0);
}

static void older_machines_have_no_clocks(void **state)
{
	board_setup(1);
	board.config[NPU_REG_VERSION / 4] = NPU_HW_VERSION_MAJOR << 16 | 1;
	assert_int_equal(fw_boot(&board_fw), NPU_FW_REFUSAL_NONE);
	make_queue();
	assert_int_equal(set_limits(CAP_UW, 0), NPU_ADMIN_BAD_ARG);
	board.temperature_mc = 200000;
	submit(1);
	assert_int_equal(board_running(0), 1);
	finish(0);
	board_advance(SECOND);
	assert_int_equal(board.opp, 0);
	assert_int_equal(gate_of(0), NPU_GATE_NONE);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(limits_are_checked),
		TEST(a_limit_chooses_the_fastest_point_below),
		TEST(a_limit_is_a_reason),
		TEST(heat_slows_down_by_steps),
		TEST(an_idle_machine_recovers_by_itself),
		TEST(critical_heat_holds_jobs_for_a_while),
		TEST(who_is_in_debt_waits),
		TEST(a_debt_is_forgiven_in_the_end),
		TEST(a_cap_holds_on_average),
		TEST(without_a_cap_nobody_waits),
		TEST(idle_cores_are_switched_off),
		TEST(counters_tell_it),
		TEST(a_result_tells_its_clock),
		TEST(older_drivers_are_not_told),
		TEST(older_machines_have_no_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
