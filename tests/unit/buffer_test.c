// SPDX-License-Identifier: MIT
/*
 * The weight buffer: what DMA commands write there and CONV and DWCONV read, that
 * nobody else reaches it, its borders, and what its use costs.
 */
#include "engine.h"

#include <npu/cost.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BUFFER 6144u /* of 32 multipliers */
#define BASE NPU_WEIGHT_BASE

static int setup(void **state)
{
	return engine_setup(state) ||
	       engine_setup_buffer(*state, BUFFER) ? -1 : 0;
}

static uint8_t *buffer(const struct engine *e)
{
	return e->ctx.sram + ENGINE_SRAM;
}

/* 5 x 5 pixels, 24 channels to 20, of 3 x 3 taps: its weights take 4500 bytes. */
static union npu_cmd conv_with(uint8_t op, uint32_t weights)
{
	bool is_dw = op == NPU_OP_DWCONV;
	uint16_t ofm_c = is_dw ? 24 : 20;

	return (union npu_cmd){ .conv = {
		.hdr.op = op,
		.ifm = { .addr = 0, .row_pitch = 120, .pixel_pitch = 24 },
		.ofm = { .addr = 1024, .row_pitch = 5 * ofm_c,
			 .pixel_pitch = ofm_c },
		.weights = weights,
		.ifm_h = 5, .ifm_w = 5, .ifm_c = 24,
		.ofm_h = 5, .ofm_w = 5, .ofm_c = ofm_c,
		.kernel_h = 3, .kernel_w = 3,
		.stride_y = 1, .stride_x = 1,
		.dilation_y = 1, .dilation_x = 1,
		.pad_top = 1, .pad_left = 1,
		.act_min = (npu_le16)-128, .act_max = 127,
		.multiplier = is_dw,
	} };
}

static union npu_cmd copy_of(uint8_t src_region, uint32_t src, uint32_t dst,
			     uint32_t run)
{
	return (union npu_cmd){ .copy = {
		.hdr.op = NPU_OP_DMA_COPY,
		.src = src, .dst = dst,
		.src_region = src_region, .dst_region = NPU_REGION_SRAM,
		.n = { 1, 1, 1 }, .run = run,
	} };
}

static union npu_cmd fill_of(uint32_t dst, uint32_t run)
{
	return (union npu_cmd){ .fill = {
		.hdr.op = NPU_OP_DMA_FILL,
		.dst = dst, .dst_region = NPU_REGION_SRAM, .value = 0x5a,
		.n = { 1, 1, 1 }, .run = run,
	} };
}

/* --- What goes there ---------------------------------------------------------- */

static void test_dma_writes_there(void **state)
{
	struct engine *e = *state;
	union npu_cmd copy = copy_of(0, 100, BASE + 8, 600);
	union npu_cmd fill = fill_of(BASE + BUFFER - 50, 50);
	uint8_t sram[ENGINE_SRAM], before[BUFFER];

	memcpy(sram, e->ctx.sram, sizeof(sram));
	memcpy(before, buffer(e), sizeof(before));
	engine_run(e, &copy);
	engine_run(e, &fill);
	memcpy(before + 8, e->memory + 100, 600);
	memset(before + BUFFER - 50, 0x5a, 50);
	assert_memory_equal(buffer(e), before, sizeof(before));
	assert_memory_equal(e->ctx.sram, sram, sizeof(sram));

	/* From SRAM, too, column by column. */
	copy = copy_of(NPU_REGION_SRAM, 16, BASE, 1);
	copy.copy.n[0] = 4;
	copy.copy.src_stride[0] = 10;
	copy.copy.dst_stride[0] = 3;
	engine_run(e, &copy);
	assert_int_equal(buffer(e)[9], sram[46]);
}

static void test_gather_writes_there(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = { .gather = {
		.hdr.op = NPU_OP_DMA_GATHER,
		.src = 0, .dst = BASE + 32, .index = 64,
		.src_region = 0, .dst_region = NPU_REGION_SRAM,
		.index_region = NPU_REGION_SRAM, .index_size = 1,
		.n = { 2, 1, 1 }, .rows = 8, .run = 16,
		.src_stride = { 16 }, .dst_stride = { 16 },
	} };

	e->ctx.sram[64] = 5;
	e->ctx.sram[65] = 2;
	engine_run(e, &cmd);
	assert_memory_equal(buffer(e) + 32, e->memory + 80, 16);
	assert_memory_equal(buffer(e) + 48, e->memory + 32, 16);
	cmd.gather.dst = BASE + BUFFER - 31;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
}

/* --- Who reads there ------------------------------------------------------------ */

static void test_weights_are_the_same_anywhere(void **state)
{
	static const uint8_t ops[] = { NPU_OP_CONV, NPU_OP_DWCONV };
	struct engine *e = *state;
	uint32_t i, format;

	for (i = 0; i < 2; i++) {
		for (format = 0; format < 2; format++) {
			union npu_cmd there = conv_with(ops[i], BASE + 1600);
			union npu_cmd here = conv_with(ops[i], 4096);
			uint32_t ofm = 5 * 5 * here.conv.ofm_c, size;
			uint8_t result[5 * 5 * 24];

			here.conv.format = there.conv.format =
				format ? NPU_CONV_WEIGHT_ZP : 0;
			size = npu_conv_block_size(&here.conv);
			/* It ends where the buffer does. */
			there.conv.weights = BASE + BUFFER - size;
			engine_randomise(e->ctx.sram + 4096, size);
			memcpy(buffer(e) + BUFFER - size, e->ctx.sram + 4096,
			       size);
			engine_run(e, &here);
			memcpy(result, e->ctx.sram + 1024, ofm);
			memset(e->ctx.sram + 1024, 0, ofm);
			engine_run(e, &there);
			assert_memory_equal(e->ctx.sram + 1024, result, ofm);
		}
	}
}

static void test_access_is_in_the_buffer(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = conv_with(NPU_OP_CONV, BASE + 4);

	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(e->access.read_count, 2);
	assert_int_equal(e->access.reads[1].low, BASE + 4);
	assert_int_equal(e->access.reads[1].high,
			 BASE + 4 + npu_conv_block_size(&cmd.conv));
	cmd = fill_of(BASE + 7, 9);
	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(e->access.writes[0].low, BASE + 7);
	assert_int_equal(e->access.writes[0].high, BASE + 16);
}

static void refuse_at(struct engine *e, const union npu_cmd *cmd, uint64_t addr)
{
	engine_refuse(e, cmd, NPU_FAULT_SRAM, 0);
	assert_int_equal(e->ctx.fault.addr, addr);
}

static void test_borders(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = conv_with(NPU_OP_CONV, 0);
	uint32_t block = npu_conv_block_size(&cmd.conv);

	cmd.conv.weights = BASE + BUFFER - block;
	assert_int_equal(engine_check(e, &cmd), 0);
	cmd.conv.weights += 4;
	refuse_at(e, &cmd, BASE + BUFFER);
	cmd.conv.weights = BASE - 4;
	refuse_at(e, &cmd, BASE - 4);
	cmd.conv.weights = ENGINE_SRAM - 4;
	refuse_at(e, &cmd, ENGINE_SRAM);

	cmd = fill_of(BASE + BUFFER - 16, 16);
	engine_run(e, &cmd);
	cmd.fill.dst++;
	refuse_at(e, &cmd, BASE + BUFFER);
	cmd = fill_of(BASE - 1, 2);
	refuse_at(e, &cmd, BASE - 1);
	cmd = copy_of(0, 0, BASE + BUFFER - 1, 2);
	refuse_at(e, &cmd, BASE + BUFFER);

	/* A machine whose buffer is smaller. */
	assert_int_equal(engine_setup_buffer(e, 0), 0);
	cmd = fill_of(BASE, 1);
	refuse_at(e, &cmd, BASE);
}

static void test_nobody_else_reaches_it(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = conv_with(NPU_OP_CONV, BASE);

	cmd.conv.ifm.addr = BASE;
	refuse_at(e, &cmd, BASE);
	cmd = conv_with(NPU_OP_CONV, BASE);
	cmd.conv.ofm.addr = BASE;
	refuse_at(e, &cmd, BASE);
	cmd = copy_of(NPU_REGION_SRAM, BASE, 0, 4);
	refuse_at(e, &cmd, BASE);
	cmd = (union npu_cmd){ .binary = {
		.hdr.op = NPU_OP_MAX, .a.addr = BASE, .b.addr = 64,
		.ofm.addr = 128, .height = 1, .width = 1, .channels = 1,
		.act_min = (npu_le16)-128, .act_max = 127,
	} };
	refuse_at(e, &cmd, BASE);
	cmd.binary.a.addr = 0;
	cmd.binary.ofm.addr = BASE;
	refuse_at(e, &cmd, BASE);
}

static void test_hostile_commands(void **state)
{
	union npu_cmd conv = conv_with(NPU_OP_CONV, BASE);
	union npu_cmd dwconv = conv_with(NPU_OP_DWCONV, BASE);
	union npu_cmd copy = copy_of(0, 0, BASE, 16);
	union npu_cmd fill = fill_of(BASE, 16);

	engine_torture(*state, &conv, 3000);
	engine_torture(*state, &dwconv, 3000);
	engine_torture(*state, &copy, 10000);
	engine_torture(*state, &fill, 10000);
}

/* --- What it costs, in the manual's words ------------------------------------------ */

static void test_cost_of_weights(void **state)
{
	const struct npu_machine machine = NPU_MACHINE_DEFAULT;
	union npu_cmd cmd = conv_with(NPU_OP_CONV, 4096);
	uint32_t block = npu_conv_block_size(&cmd.conv);
	struct npu_cost here, there;

	(void)state;
	npu_cost(&machine, &cmd, &here);
	cmd.conv.weights = BASE;
	npu_cost(&machine, &cmd, &there);
	assert_int_equal(here.sram_read, there.sram_read + block);
	assert_int_equal(here.buffered, 0);
	assert_int_equal(there.buffered, block);
	assert_int_equal(there.bound[NPU_BOUND_SRAM],
			 npu_div_up(5 * 5 * 24 + 5 * 5 * 20, 8));

	/* 65 pixels are two passes over weights in SRAM. */
	cmd.conv.ofm_h = 13;
	cmd.conv.weights = 4096;
	npu_cost(&machine, &cmd, &here);
	cmd.conv.weights = BASE;
	npu_cost(&machine, &cmd, &there);
	assert_int_equal(here.sram_read, there.sram_read + 2 * block);
	assert_int_equal(there.buffered, block);
}

static void test_cost_of_transfers(void **state)
{
	const struct npu_machine machine = NPU_MACHINE_DEFAULT;
	union npu_cmd cmd = copy_of(NPU_REGION_SRAM, 0, BASE, 1000);
	struct npu_cost cost;

	(void)state;
	npu_cost(&machine, &cmd, &cost);
	assert_int_equal(cost.sram_read, 1000);
	assert_int_equal(cost.sram_written, 0);
	assert_int_equal(cost.buffered, 1000);
	assert_int_equal(cost.bound[NPU_BOUND_SRAM], 125);
	assert_int_equal(cost.bound[NPU_BOUND_DMA], 63);
	/* 24 KiB: half way between 16 and 32 KiB. */
	assert_int_equal(npu_energy(&machine, 0, &cost),
			 1000 * (npu_energy_sram_fj(256 * 1024) + 2156));

	cmd = (union npu_cmd){ .decode = {
		.hdr.op = NPU_OP_DMA_DECODE, .dst = BASE, .coded = 100,
		.palette = 1, .section[0] = { 320, 0, 1, 1 },
	} };
	npu_cost(&machine, &cmd, &cost);
	assert_int_equal(cost.buffered, 320);
	assert_int_equal(cost.sram_written, 0);
	assert_int_equal(cost.bound[NPU_BOUND_DMA], 20);
}

/* As many bytes more leak as the buffer has. */
static void test_buffer_leaks(void **state)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	uint64_t leak;

	(void)state;
	leak = npu_energy_leak(&machine, 0, 1000000);
	machine.sram_size -= 24 * 1024;
	machine.macs *= 2;
	assert_int_equal(npu_energy_leak(&machine, 0, 1000000), leak);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, engine_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_dma_writes_there),
		TEST(test_gather_writes_there),
		TEST(test_weights_are_the_same_anywhere),
		TEST(test_access_is_in_the_buffer),
		TEST(test_borders),
		TEST(test_nobody_else_reaches_it),
		TEST(test_hostile_commands),
		cmocka_unit_test(test_cost_of_weights),
		cmocka_unit_test(test_cost_of_transfers),
		cmocka_unit_test(test_buffer_leaks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
