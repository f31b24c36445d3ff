// SPDX-License-Identifier: MIT
/*
 * Operating points, gates, the meter and the temperature of the machine, against
 * figures computed here by hand from section 17 of the manual.
 */
#include "board.h"

#include <npu/inject.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SYS(reg) (NPU_SYS_BASE + (reg))
#define CORE(reg) (NPU_CORE_BASE(0) + (reg))
#define ROOT_LO (NPU_MMU_BASE + NPU_MMU_ROOT_LO(1))
#define SECOND 1000000000ull
#define KIB 64u

/* Its idle clock takes 128 x 30 fJ x 200 MHz = 768 uW, its leakage 5,248 nW. */
#define CLOCK_NW 768000ull
#define LEAKING_KIB (KIB + 24) /* the weight buffer, too */
#define LEAK_NW (82ull * LEAKING_KIB)
static const struct npu_machine machine = {
	.cores = 1, .macs = 128, .sram_size = KIB * 1024, .clock_khz = 200000,
	.sram_bw = 8, .sram_latency = 32, .mem_bw = 1, .mem_latency = 64,
	.ambient_c = 20, .thermal_resistance = 40000,
};

static int setup(void **state)
{
	board_make(&machine);
	assert_null(npu_core_inject(board.core, "on"));
	board_boot_agent();
	board_poke(ROOT_LO, (BOARD_BASE + AT_ROOT) | NPU_MMU_ROOT_VALID);
	return 0;
}

static int teardown(void **state)
{
	board_free();
	return 0;
}

static union npu_cmd *command(uint32_t index)
{
	return (union npu_cmd *)(board.memory + AT_COMMANDS) + index;
}

static void put_nop(uint32_t index, uint32_t cycles, uint8_t flags)
{
	command(index)->nop = (struct npu_cmd_nop){
		.hdr = { .op = NPU_OP_NOP, .flags = flags }, .cycles = cycles };
}

/* 64 bytes between the region and address 0 of SRAM. */
static void put_copy(uint32_t index, uint8_t from, uint8_t to)
{
	*command(index) = (union npu_cmd){ .copy = {
		.hdr.op = NPU_OP_DMA_COPY, .src_region = from,
		.dst_region = to, .run = 64, .n = { 1, 1, 1 } } };
}

static uint32_t run_job(uint32_t count)
{
	struct npu_region *region = (void *)(board.memory + AT_REGIONS);

	*region = (struct npu_region){ AT_DATA, 0x1000 };
	board_poke(CORE(NPU_CORE_CONTEXT), 1);
	board_poke(CORE(NPU_CORE_CMD_LO), AT_COMMANDS);
	board_poke(CORE(NPU_CORE_CMD_COUNT), count);
	board_poke(CORE(NPU_CORE_REGION_LO), AT_REGIONS);
	board_poke(CORE(NPU_CORE_REGION_COUNT), 1);
	board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_START);
	return board_peek(CORE(NPU_CORE_STATUS));
}

static void measure(void)
{
	board_peek(SYS(NPU_SYS_METER_NS_LO));
}

/* --- Operating points --------------------------------------------------------- */

static void test_points_have_the_manuals_clocks(void **state)
{
	static const uint32_t khz[] = { 200000, 150000, 100000, 50000 };
	uint32_t i, trap;

	for (i = 0; i < NPU_OPP_COUNT; i++)
		assert_int_equal(board_peek(SYS(NPU_SYS_OPP_KHZ(i))), khz[i]);
	board_load(SYS(NPU_SYS_OPP_KHZ(NPU_OPP_COUNT)), 4, &trap);
	assert_int_not_equal(trap, 0);
	board_store(SYS(NPU_SYS_TEMP), 4, 0, &trap);
	assert_int_not_equal(trap, 0);
}

/* 1,128 cycles: 64 of latency, 64 of fetch, 1,000 of the NOP. */
static void test_a_point_changes_time_and_energy_alone(void **state)
{
	static const struct {
		uint32_t permille;
		uint64_t leak_fj; /* 82 nW x leak x 1,128 cycles, whole fJ */
	} rows[] = {
		{ 1000, 1128ull * 1000 * 82 / 200000 },
		{ 750, 1128ull * 889 * 82 / 150000 },
		{ 500, 1128ull * 778 * 82 / 100000 },
		{ 250, 1128ull * 667 * 82 / 50000 },
	};
	uint32_t i;

	put_nop(0, 1000, 0);
	for (i = 0; i < NPU_OPP_COUNT; i++) {
		board_poke(SYS(NPU_SYS_OPP), i);
		assert_int_equal(board_peek(SYS(NPU_SYS_OPP)), i);
		assert_int_equal(run_job(1), NPU_CORE_DONE);
		assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), 1128);
		assert_int_equal(board_peek(CORE(NPU_CORE_CLOCK)),
				 rows[i].permille);
		assert_int_equal(board_peek64(CORE(NPU_CORE_ENERGY_FJ)),
				 64 * 163000 + LEAKING_KIB * rows[i].leak_fj);
	}
	board_poke(SYS(NPU_SYS_OPP), NPU_OPP_COUNT);
	assert_int_equal(board_peek(SYS(NPU_SYS_OPP)), NPU_OPP_COUNT - 1);
}

/* 64 bytes read from and written to SRAM of 64 KiB at 3,448 fJ, if at 0.9 V. */
static void test_what_is_switched_costs_less_at_less_voltage(void **state)
{
	static const uint32_t permille[] = { 1000, 790, 605, 444 };
	uint64_t leak, energy;
	uint32_t i;

	put_copy(0, NPU_REGION_SRAM, NPU_REGION_SRAM);
	command(0)->copy.dst = 0x1000;
	for (i = 0; i < NPU_OPP_COUNT; i++) {
		board_poke(SYS(NPU_SYS_OPP), i);
		assert_int_equal(run_job(1), NPU_CORE_DONE);
		leak = npu_energy_leak(&machine, i,
				       board_peek64(CORE(NPU_CORE_CYCLES)));
		energy = board_peek64(CORE(NPU_CORE_ENERGY_FJ));
		assert_int_equal(energy - leak - 64 * 163000,
				 128 * 3448 * permille[i] / 1000);
	}
}

/* Two pieces of a job at two points: its clock is the average over its time. */
static void test_a_job_may_change_points(void **state)
{
	put_nop(0, 1000, 0);
	put_nop(1, 2000, NPU_CMD_SRAM_DEAD);
	board_poke(CORE(NPU_CORE_SLICE), 1);
	assert_int_equal(run_job(2), NPU_CORE_PREEMPTED);
	board_poke(SYS(NPU_SYS_OPP), 3);
	board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_RESUME);
	assert_int_equal(board_peek(CORE(NPU_CORE_STATUS)), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), 3128);
	/* 1,128 cycles and four times 2,000: 9,128 of the faster clock. */
	assert_int_equal(board_peek(CORE(NPU_CORE_CLOCK)),
			 (3128 * 1000 + 9128 / 2) / 9128);
	measure();
	assert_int_equal(board_peek64(SYS(NPU_SYS_METER_NS_LO)),
			 1128 * 5 + 2000 * 20);
}

/* --- Gates -------------------------------------------------------------------- */

static uint64_t idle_fj_of_a_second(void)
{
	uint64_t before;

	measure();
	before = board_peek64(SYS(NPU_SYS_IDLE_FJ_LO));
	board.now += SECOND;
	measure();
	return board_peek64(SYS(NPU_SYS_IDLE_FJ_LO)) - before;
}

static void test_gates_save_what_the_manual_says(void **state)
{
	/* A nanowatt for a second is 10^6 fJ. */
	assert_int_equal(board_peek(CORE(NPU_CORE_GATE)), NPU_GATE_CLOCK);
	assert_int_equal(idle_fj_of_a_second(), LEAK_NW * 1000000);
	board_poke(CORE(NPU_CORE_GATE), NPU_GATE_NONE);
	assert_int_equal(idle_fj_of_a_second(), (LEAK_NW + CLOCK_NW) * 1000000);
	board_poke(SYS(NPU_SYS_OPP), 2);
	assert_int_equal(idle_fj_of_a_second(),
			 (LEAK_NW * 778 / 1000 + CLOCK_NW / 2 * 605 / 1000) *
				 1000000);
	board_poke(CORE(NPU_CORE_GATE), NPU_GATE_POWER);
	assert_int_equal(idle_fj_of_a_second(), 0);
	board_poke(CORE(NPU_CORE_GATE), NPU_GATE_COUNT);
	assert_int_equal(board_peek(CORE(NPU_CORE_GATE)), NPU_GATE_POWER);
}

static void test_who_is_switched_off_loses_its_sram(void **state)
{
	uint8_t *data = board.memory + AT_DATA;
	uint32_t gate;

	for (gate = NPU_GATE_NONE; gate < NPU_GATE_COUNT; gate++) {
		memset(data, 0x5a, 64);
		put_copy(0, 0, NPU_REGION_SRAM);
		assert_int_equal(run_job(1), NPU_CORE_DONE);
		board_poke(CORE(NPU_CORE_GATE), gate);
		memset(data, 1, 64);
		put_copy(0, NPU_REGION_SRAM, 0);
		assert_int_equal(run_job(1), NPU_CORE_DONE);
		assert_int_equal(data[63], gate == NPU_GATE_POWER ? 0 : 0x5a);
	}
}

/* --- The meter ---------------------------------------------------------------- */

static void test_the_meter_counts_jobs_and_idle_cores(void **state)
{
	uint64_t before, job;

	measure();
	before = board_peek64(SYS(NPU_SYS_METER_FJ_LO));
	put_nop(0, 1000, 0);
	run_job(1);
	job = board_peek64(CORE(NPU_CORE_ENERGY_FJ));
	board.now += SECOND;
	measure();
	assert_int_equal(board_peek64(SYS(NPU_SYS_METER_FJ_LO)) - before,
			 job + LEAK_NW * 1000000);
}

/* The board's time stands still: what passes is the jobs' own. */
static void test_the_meters_time_is_the_longer_one(void **state)
{
	uint64_t before;

	measure();
	before = board_peek64(SYS(NPU_SYS_METER_NS_LO));
	put_nop(0, 1000, 0);
	run_job(1);
	measure();
	assert_int_equal(board_peek64(SYS(NPU_SYS_METER_NS_LO)) - before,
			 1128 * 5);
	run_job(1);
	board.now += 10000;
	measure();
	assert_int_equal(board_peek64(SYS(NPU_SYS_METER_NS_LO)) - before,
			 1128 * 5 + 10000);
}

static void test_the_meter_outlasts_resets(void **state)
{
	uint64_t before, after;

	board_poke(SYS(NPU_SYS_OPP), 3);
	board_poke(CORE(NPU_CORE_GATE), NPU_GATE_NONE);
	put_nop(0, 1000, 0);
	run_job(1);
	measure();
	before = board_peek64(SYS(NPU_SYS_METER_FJ_LO));
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	board_boot_agent();
	assert_int_equal(board_peek(SYS(NPU_SYS_OPP)), 0);
	assert_int_equal(board_peek(CORE(NPU_CORE_GATE)), NPU_GATE_CLOCK);
	measure();
	after = board_peek64(SYS(NPU_SYS_METER_FJ_LO));
	assert_true(before > 0 && after >= before);
}

/* --- Temperature ------------------------------------------------------------- */

static uint32_t temperature(void)
{
	measure();
	return board_peek(SYS(NPU_SYS_TEMP));
}

/* 775,216 nW x 40,000 K/W = 31.01 K; 63.2 % of it after a time constant. */
static void test_a_die_warms_up_and_cools_down(void **state)
{
	uint32_t i;

	assert_int_equal(temperature(), 20000);
	board_poke(CORE(NPU_CORE_GATE), NPU_GATE_NONE);
	measure();
	for (i = 0; i < 100; i++) {
		board.now += SECOND / 100;
		measure();
	}
	assert_in_range(temperature(), 20000 + 31009 * 62 / 100,
			20000 + 31009 * 64 / 100);
	board.now += 100 * SECOND;
	assert_in_range(temperature(), 50980, 51010);
	board_poke(CORE(NPU_CORE_GATE), NPU_GATE_POWER);
	board.now += SECOND;
	assert_in_range(temperature(), 20000 + 31009 * 36 / 100,
			20000 + 31009 * 38 / 100);
	board.now += 100 * SECOND;
	assert_int_equal(temperature(), 20000);
}

static void test_a_sensor_can_be_made_to_lie(void **state)
{
	board_write(NPU_REG_INJECT_KIND, NPU_INJECT_HOT);
	board_write(NPU_REG_INJECT_COUNT, 2);
	board_write(NPU_REG_INJECT_AFTER, 1);
	board_write(NPU_REG_INJECT_PARAM, 99000);
	board_write(NPU_REG_INJECT_ARM, 1);
	assert_int_equal(temperature(), 20000);
	assert_int_equal(temperature(), 99000);
	assert_int_equal(temperature(), 99000);
	assert_int_equal(temperature(), 20000);
}

/* Such heat that no number may overflow. */
static void test_no_heat_is_too_much(void **state)
{
	struct npu_machine hottest = machine;

	board_free();
	hottest.thermal_resistance = 100000;
	hottest.macs = 1024;
	hottest.clock_khz = 4000000;
	hottest.ambient_c = 125;
	board_make(&hottest);
	board_boot_agent();
	board_poke(CORE(NPU_CORE_GATE), NPU_GATE_NONE);
	board.now += 1000000 * SECOND;
	assert_int_equal(temperature(), 125000 + 250000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_points_have_the_manuals_clocks),
		TEST(test_a_point_changes_time_and_energy_alone),
		TEST(test_what_is_switched_costs_less_at_less_voltage),
		TEST(test_a_job_may_change_points),
		TEST(test_gates_save_what_the_manual_says),
		TEST(test_who_is_switched_off_loses_its_sram),
		TEST(test_the_meter_counts_jobs_and_idle_cores),
		TEST(test_the_meters_time_is_the_longer_one),
		TEST(test_the_meter_outlasts_resets),
		TEST(test_a_die_warms_up_and_cools_down),
		TEST(test_a_sensor_can_be_made_to_lie),
		TEST(test_no_heat_is_too_much),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
