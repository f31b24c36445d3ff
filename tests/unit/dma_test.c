// SPDX-License-Identifier: MIT
/*
 * DMA_COPY and DMA_FILL: a vector by hand, random transfers between SRAM and
 * regions against a loop over bytes, faults of memory to the byte, and every
 * rule of the checks broken alone.
 */
#include "engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COPY npu_cmd_copy
#define FILL npu_cmd_fill
#define SRAM NPU_REGION_SRAM
#define RANDOM_TRANSFERS 2000

static const uint32_t region_size[ENGINE_REGIONS] = { 16384, 32768, 16384 };

static union npu_cmd copy_of(uint8_t src_region, uint32_t src,
			     uint8_t dst_region, uint32_t dst, uint32_t run)
{
	return (union npu_cmd){ .copy = {
		.hdr.op = NPU_OP_DMA_COPY,
		.src = src,
		.dst = dst,
		.src_region = src_region,
		.dst_region = dst_region,
		.n = { 1, 1, 1 },
		.run = run,
	} };
}

static union npu_cmd fill_of(uint8_t region, uint32_t dst, uint32_t run,
			     uint8_t value)
{
	return (union npu_cmd){ .fill = {
		.hdr.op = NPU_OP_DMA_FILL,
		.dst = dst,
		.dst_region = region,
		.value = value,
		.n = { 1, 1, 1 },
		.run = run,
	} };
}

static uint8_t *place(struct engine *e, uint8_t region, uint64_t offset)
{
	if (region == SRAM)
		return e->ctx.sram + offset;
	return e->memory + (e->regions[region].base - ENGINE_BASE) + offset;
}

static void test_transpose_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = copy_of(0, 100, SRAM, 200, 1);

	/* (1 2 3 / 4 5 6) in memory, row by row, becomes columns in SRAM. */
	memcpy(place(e, 0, 100), (uint8_t[]){ 1, 2, 3, 4, 5, 6 }, 6);
	cmd.copy.n[0] = 3;
	cmd.copy.n[1] = 2;
	cmd.copy.src_stride[0] = 1;
	cmd.copy.src_stride[1] = 3;
	cmd.copy.dst_stride[0] = 2;
	cmd.copy.dst_stride[1] = 1;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 200,
			    ((uint8_t[]){ 1, 4, 2, 5, 3, 6 }), 6);
}

static void test_destinations_that_overlap(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = copy_of(0, 0, SRAM, 300, 2);

	/* Runs 1 2, 3 4, 5 6 one byte apart, in order: 1 3 5 6. */
	memcpy(place(e, 0, 0), (uint8_t[]){ 1, 2, 3, 4, 5, 6 }, 6);
	cmd.copy.n[2] = 3;
	cmd.copy.src_stride[2] = 2;
	cmd.copy.dst_stride[2] = 1;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 300, ((uint8_t[]){ 1, 3, 5, 6 }), 4);

	/* All to one place: the last one stays. */
	cmd.copy.dst_stride[2] = 0;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 300, ((uint8_t[]){ 5, 6, 5, 6 }), 4);
}

static void test_fill_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = fill_of(SRAM, 10, 2, 0xab);

	memset(e->ctx.sram, 0, 32);
	cmd.fill.n[0] = 3;
	cmd.fill.dst_stride[0] = 4;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 8,
			    ((uint8_t[]){ 0, 0, 0xab, 0xab, 0, 0, 0xab, 0xab,
					  0, 0, 0xab, 0xab, 0, 0 }), 14);
}

/* --- Random transfers ------------------------------------------------------- */

/* The command in the plainest form; places as the manual defines them. */
static void ref_transfer(struct engine *e, const union npu_cmd *cmd)
{
	bool is_copy = cmd->hdr.op == NPU_OP_DMA_COPY;
	const npu_le16 *n = is_copy ? cmd->copy.n : cmd->fill.n;
	const npu_le32 *stride = is_copy ? cmd->copy.dst_stride :
					   cmd->fill.dst_stride;
	uint32_t run = is_copy ? cmd->copy.run : cmd->fill.run;
	uint64_t k;

	for (k = 0; k < (uint64_t)run * n[0] * n[1] * n[2]; k++) {
		uint32_t i = k % run, i1 = k / run % n[0];
		uint32_t i2 = k / run / n[0] % n[1];
		uint32_t i3 = k / run / n[0] / n[1];
		uint64_t dst = (uint64_t)i1 * stride[0] +
			       (uint64_t)i2 * stride[1] +
			       (uint64_t)i3 * stride[2] + i;
		uint64_t src = i;

		if (!is_copy) {
			*place(e, cmd->fill.dst_region, cmd->fill.dst + dst) =
				cmd->fill.value;
			continue;
		}
		src += (uint64_t)i1 * cmd->copy.src_stride[0] +
		       (uint64_t)i2 * cmd->copy.src_stride[1] +
		       (uint64_t)i3 * cmd->copy.src_stride[2];
		*place(e, cmd->copy.dst_region, cmd->copy.dst + dst) =
			*place(e, cmd->copy.src_region, cmd->copy.src + src);
	}
}

/* Strides that often continue the dimension within. */
static void random_strides(npu_le32 stride[3], uint32_t run,
			   const npu_le16 n[3])
{
	uint32_t next = run, i;

	for (i = 0; i < 3; i++) {
		stride[i] = engine_random() % 2 ? next :
						  (uint32_t)engine_between(0, 300);
		next = stride[i] * n[i];
	}
}

static uint8_t random_region(void)
{
	return engine_random() % 2 ? SRAM : engine_between(0, 2);
}

static union npu_cmd random_transfer(void)
{
	uint32_t run = engine_random() % 4 ? engine_between(1, 40) :
					     engine_between(1, 9000);
	union npu_cmd cmd = copy_of(random_region(), engine_between(0, 8000),
				    random_region(), engine_between(0, 8000),
				    run);
	uint32_t i;

	for (i = 0; i < 3; i++)
		cmd.copy.n[i] = engine_random() % 2 ? 1 : engine_between(1, 9);
	random_strides(cmd.copy.src_stride, run, cmd.copy.n);
	random_strides(cmd.copy.dst_stride, run, cmd.copy.n);
	if (engine_random() % 3)
		return cmd;
	return (union npu_cmd){ .fill = {
		.hdr.op = NPU_OP_DMA_FILL,
		.dst = cmd.copy.dst,
		.dst_region = cmd.copy.dst_region,
		.value = (uint8_t)engine_random(),
		.n = { cmd.copy.n[0], cmd.copy.n[1], cmd.copy.n[2] },
		.run = run,
		.dst_stride = { cmd.copy.dst_stride[0], cmd.copy.dst_stride[1],
				cmd.copy.dst_stride[2] },
	} };
}

/* Source and destination in one region: what is moved depends on the order. */
static bool is_ambiguous(const union npu_cmd *cmd)
{
	return cmd->hdr.op == NPU_OP_DMA_COPY &&
	       cmd->copy.src_region == cmd->copy.dst_region;
}

static void test_random_transfers(void **state)
{
	struct engine *e = *state;
	uint32_t done = 0;

	while (done < RANDOM_TRANSFERS) {
		union npu_cmd cmd = random_transfer();

		if (is_ambiguous(&cmd) || engine_check(e, &cmd))
			continue;
		engine_compare(e, &cmd, ref_transfer);
		done++;
	}
}

/* --- Checks ------------------------------------------------------------------ */

static void test_bad_fields(void **state)
{
	struct engine *e = *state;
	union npu_cmd copy = copy_of(0, 0, SRAM, 0, 16);
	union npu_cmd fill = fill_of(SRAM, 0, 16, 1);

	engine_refuse_all(e, &copy, (struct engine_bad[]){
		ENGINE_BAD(COPY, run, 0, FIELD),
		ENGINE_BAD(COPY, n[0], 0, FIELD),
		ENGINE_BAD(COPY, n[1], 0, FIELD),
		ENGINE_BAD(COPY, n[2], 0, FIELD),
	}, 4);
	engine_refuse_all(e, &fill, (struct engine_bad[]){
		ENGINE_BAD(FILL, run, 0, FIELD),
		ENGINE_BAD(FILL, n[0], 0, FIELD),
		ENGINE_BAD(FILL, n[1], 0, FIELD),
		ENGINE_BAD(FILL, n[2], 0, FIELD),
	}, 4);
	engine_refuse_reserved(e, &copy,
			       __builtin_offsetof(struct COPY, reserved), 12);
	engine_refuse_reserved(e, &fill,
			       __builtin_offsetof(struct FILL, reserved), 28);
}

static void test_regions_that_do_not_exist(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd;
	uint32_t region;

	for (region = ENGINE_REGIONS; region < SRAM; region++) {
		cmd = copy_of((uint8_t)region, 0, SRAM, 0, 1);
		engine_refuse(e, &cmd, NPU_FAULT_REGION, region);
		cmd = copy_of(SRAM, 0, (uint8_t)region, 0, 1);
		engine_refuse(e, &cmd, NPU_FAULT_REGION, region);
		cmd = fill_of((uint8_t)region, 0, 1, 0);
		engine_refuse(e, &cmd, NPU_FAULT_REGION, region);
	}
}

static void test_unknown_opcodes(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = copy_of(0, 0, SRAM, 0, 1);
	uint32_t op;

	for (op = 0; op < 256; op++) {
		cmd.hdr.op = (uint8_t)op;
		if (op == NPU_OP_DMA_COPY || op == NPU_OP_DMA_FILL ||
		    op == NPU_OP_DMA_DECODE || op == NPU_OP_DMA_GATHER)
			continue;
		assert_int_equal(npu_dma_check(&e->ctx, &cmd, &e->access), -1);
		assert_int_equal(e->ctx.fault.code, NPU_FAULT_OPCODE);
	}
}

static void test_borders(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd;
	uint32_t region;

	for (region = 0; region < ENGINE_REGIONS; region++) {
		uint32_t last = region_size[region] - 16;

		cmd = copy_of((uint8_t)region, last, SRAM, ENGINE_SRAM - 16,
			      16);
		engine_run(e, &cmd);
		cmd.copy.src++;
		engine_refuse(e, &cmd, NPU_FAULT_REGION, region);
		assert_int_equal(e->ctx.fault.addr, region_size[region]);
		cmd.copy.src = UINT32_MAX;
		engine_refuse(e, &cmd, NPU_FAULT_REGION, region);
		cmd.copy.src = last;
		cmd.copy.dst++;
		engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
		assert_int_equal(e->ctx.fault.addr, ENGINE_SRAM);

		cmd = copy_of(SRAM, ENGINE_SRAM - 16, (uint8_t)region, last,
			      16);
		engine_run(e, &cmd);
		cmd.copy.dst++;
		engine_refuse(e, &cmd, NPU_FAULT_REGION, region);
		cmd.copy.dst = last;
		cmd.copy.src++;
		engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);

		cmd = fill_of((uint8_t)region, last, 16, 7);
		engine_run(e, &cmd);
		cmd.fill.dst++;
		engine_refuse(e, &cmd, NPU_FAULT_REGION, region);
	}
	cmd = fill_of(SRAM, ENGINE_SRAM - 16, 16, 7);
	engine_run(e, &cmd);
	cmd.fill.dst++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
}

/* The last byte of three repetitions, 32-bit strides that would wrap. */
static void test_borders_of_strides(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = fill_of(SRAM, 0, 4, 7);
	uint32_t i;

	for (i = 0; i < 3; i++) {
		cmd = fill_of(SRAM, 4, 4, 7);
		cmd.fill.n[i] = 3;
		cmd.fill.dst_stride[i] = (ENGINE_SRAM - 8) / 2;
		engine_run(e, &cmd);
		cmd.fill.dst++;
		engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
		cmd.fill.dst = 4;
		cmd.fill.dst_stride[i] = UINT32_MAX;
		engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
		cmd.fill.dst_stride[i] = 1u << 31;
		engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
		cmd.fill.dst_region = 1;
		engine_refuse(e, &cmd, NPU_FAULT_REGION, 1);
	}
}

static void test_too_much_work(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = fill_of(SRAM, 0, 1u << 8, 7);

	/* 2^8 * 2^8 * 2^4 * 2^4 = 2^24 bytes, all to one place */
	cmd.fill.n[0] = 1 << 8;
	cmd.fill.n[1] = cmd.fill.n[2] = 1 << 4;
	engine_run(e, &cmd);
	cmd.fill.run++;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
	cmd = copy_of(0, 0, SRAM, 0, (1u << 24) + 1);
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
	cmd.copy.run = UINT32_MAX;
	cmd.copy.n[0] = cmd.copy.n[1] = cmd.copy.n[2] = UINT16_MAX;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
}

static void test_overlaps(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = copy_of(SRAM, 1000, SRAM, 1016, 16);

	engine_run(e, &cmd);
	cmd.copy.dst--;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct COPY, src));
	cmd.copy.dst = 984;
	engine_run(e, &cmd);
	cmd.copy.dst++;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct COPY, src));
	cmd.copy.dst = 1000;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct COPY, src));
}

static void test_access_names_sram_alone(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = copy_of(SRAM, 100, 0, 0, 8);

	cmd.copy.n[1] = 4;
	cmd.copy.src_stride[1] = 10;
	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(e->access.read_count, 1);
	assert_int_equal(e->access.write_count, 0);
	assert_int_equal(e->access.reads[0].low, 100);
	assert_int_equal(e->access.reads[0].high, 138);
	cmd = fill_of(SRAM, 50, 20, 0);
	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(e->access.read_count, 0);
	assert_int_equal(e->access.write_count, 1);
	assert_int_equal(e->access.writes[0].low, 50);
	assert_int_equal(e->access.writes[0].high, 70);
	cmd = copy_of(0, 0, 1, 0, 8);
	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(e->access.read_count + e->access.write_count, 0);
}

/* --- Faults of memory ------------------------------------------------------- */

static void expect_memory_fault(struct engine *e, const union npu_cmd *cmd)
{
	assert_int_equal(engine_check(e, cmd), 0);
	assert_int_equal(engine_execute(e, cmd), -1);
	assert_int_equal(e->ctx.fault.code, e->bad_code);
	assert_int_equal(e->ctx.fault.addr, e->bad);
}

static void test_first_byte_that_faults(void **state)
{
	static const enum npu_fault codes[] = {
		NPU_FAULT_PAGE_READ, NPU_FAULT_PAGE_WRITE, NPU_FAULT_BUS,
		NPU_FAULT_CONTEXT,
	};
	struct engine *e = *state;
	union npu_cmd read = copy_of(1, 5, SRAM, 0, 9000);
	union npu_cmd write = copy_of(SRAM, 0, 1, 5, 9000);
	union npu_cmd across = copy_of(0, 0, 1, 5, 9000);
	union npu_cmd fill = fill_of(1, 5, 9000, 7);
	uint32_t at, i;

	for (i = 0; i < 64; i++) {
		at = i ? engine_between(5, 9004) : 5;
		e->bad_code = codes[i % 4];
		e->bad = e->regions[1].base + at;
		e->bad_end = e->bad + 1;
		expect_memory_fault(e, &read);
		expect_memory_fault(e, &write);
		expect_memory_fault(e, &across);
		expect_memory_fault(e, &fill);
	}
	e->bad = e->regions[0].base + 4321;
	e->bad_end = e->bad + 1;
	expect_memory_fault(e, &across);
}

static void test_nothing_behind_a_fault(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = fill_of(0, 0, 4, 0xee);
	uint32_t i;

	/* Runs of four, sixteen apart; the third one can't be written. */
	memset(place(e, 0, 0), 0, 128);
	cmd.fill.n[1] = 5;
	cmd.fill.dst_stride[1] = 16;
	e->bad_code = NPU_FAULT_PAGE_WRITE;
	e->bad = e->regions[0].base + 32;
	e->bad_end = e->bad + 4;
	expect_memory_fault(e, &cmd);
	for (i = 0; i < 128; i++)
		assert_int_equal(*place(e, 0, i),
				 i / 16 < 2 && i % 16 < 4 ? 0xee : 0);
}

/* Runs of one page come with one access: the page before was there whole. */
static void test_short_runs_before_a_bad_page(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = copy_of(0, 4096 - 30, SRAM, 0, 1);
	uint32_t i;

	cmd.copy.n[0] = 20;
	cmd.copy.src_stride[0] = 3;
	cmd.copy.dst_stride[0] = 2;
	e->bad_code = NPU_FAULT_PAGE_READ;
	e->bad = e->regions[0].base + 4096;
	e->bad_end = e->bad + 4096;
	memset(e->ctx.sram, 0, 64);
	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(npu_dma_execute(&e->ctx, &cmd), -1);
	assert_int_equal(e->ctx.fault.code, NPU_FAULT_PAGE_READ);
	assert_int_equal(e->ctx.fault.addr, e->bad);
	for (i = 0; i < 32; i++)
		assert_int_equal(e->ctx.sram[2 * i],
				 i < 10 ? *place(e, 0, 4096 - 30 + 3 * i) : 0);
}

static void test_hostile_commands(void **state)
{
	union npu_cmd copy = copy_of(0, 0, SRAM, 0, 16);
	union npu_cmd across = copy_of(0, 0, 1, 0, 16);
	union npu_cmd fill = fill_of(SRAM, 0, 16, 1);

	engine_torture(*state, &copy, 20000);
	engine_torture(*state, &across, 20000);
	engine_torture(*state, &fill, 20000);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, engine_setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_transpose_by_hand),
		TEST(test_destinations_that_overlap),
		TEST(test_fill_by_hand),
		TEST(test_random_transfers),
		TEST(test_bad_fields),
		TEST(test_regions_that_do_not_exist),
		TEST(test_unknown_opcodes),
		TEST(test_borders),
		TEST(test_borders_of_strides),
		TEST(test_too_much_work),
		TEST(test_overlaps),
		TEST(test_access_names_sram_alone),
		TEST(test_first_byte_that_faults),
		TEST(test_nothing_behind_a_fault),
		TEST(test_short_runs_before_a_bad_page),
		TEST(test_hostile_commands),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("dma", tests, NULL, NULL);
}
