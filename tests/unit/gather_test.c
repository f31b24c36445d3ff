// SPDX-License-Identifier: MIT
/*
 * DMA_GATHER: a vector by hand, random lists between SRAM and regions against a loop
 * over bytes, indices that name no row, and every rule of the checks broken alone.
 */
#include "engine.h"

#include <npu/cost.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GATHER npu_cmd_gather
#define SRAM NPU_REGION_SRAM
#define RANDOM_LISTS 2000

/* Three indices at 0 of the SRAM, four rows of two bytes at 100, to 200. */
static union npu_cmd valid(void)
{
	return (union npu_cmd){ .gather = {
		.hdr.op = NPU_OP_DMA_GATHER,
		.src = 100,
		.dst = 200,
		.src_region = SRAM,
		.dst_region = SRAM,
		.index_region = SRAM,
		.index_size = 1,
		.n = { 3, 1, 1 },
		.rows = 4,
		.run = 2,
		.src_stride = { 2 },
		.dst_stride = { 2 },
	} };
}

static uint8_t *place(struct engine *e, uint8_t region, uint64_t offset)
{
	if (region == SRAM)
		return e->ctx.sram + offset;
	return e->memory + (e->regions[region].base - ENGINE_BASE) + offset;
}

static void test_by_hand(void **state)
{
	static const uint8_t table[] = { 10, 11, 20, 21, 30, 31, 40, 41 };
	struct engine *e = *state;
	union npu_cmd cmd = valid();

	memcpy(e->ctx.sram + 100, table, sizeof(table));
	memcpy(e->ctx.sram, (int8_t[]){ 2, -1, 0, 1, 1, -4 }, 6);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 200,
			    ((uint8_t[]){ 30, 31, 40, 41, 10, 11 }), 6);

	/* Dimension 2: other columns of the same rows; 3: the second list. */
	cmd.gather.run = 1;
	cmd.gather.n[1] = cmd.gather.n[2] = 2;
	cmd.gather.src_stride[1] = 1;
	cmd.gather.dst_stride[0] = 1;
	cmd.gather.dst_stride[1] = 3;
	cmd.gather.dst_stride[2] = 6;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 200,
			    ((uint8_t[]){ 30, 40, 10, 31, 41, 11,
					  20, 20, 10, 21, 21, 11 }), 12);
}

static void put_index(struct engine *e, const struct npu_cmd_gather *g,
		      uint32_t number, int64_t index)
{
	memcpy(place(e, g->index_region, g->index + number * g->index_size),
	       &index, g->index_size);
}

static void test_indices_of_all_sizes(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid();
	uint32_t size;

	e->ctx.sram[106] = 77;
	e->ctx.sram[107] = 78;
	for (size = 1; size <= 8; size *= 2) {
		cmd.gather.index_size = size;
		put_index(e, &cmd.gather, 0, -1);
		put_index(e, &cmd.gather, 1, 3);
		put_index(e, &cmd.gather, 2, -1);
		memset(e->ctx.sram + 200, 0, 6);
		engine_run(e, &cmd);
		assert_memory_equal(e->ctx.sram + 200,
				    ((uint8_t[]){ 77, 78, 77, 78, 77, 78 }), 6);
	}
}

static bool fits(int64_t index, uint32_t bits)
{
	uint64_t limit = 1ull << (bits - 1);

	return bits == 64 || (uint64_t)index + limit < 2 * limit;
}

static void test_indices_that_name_no_row(void **state)
{
	static const int64_t bad[] = { 4, -5, 127, -128, 300, 1 << 30,
				       INT64_MIN, INT64_MAX, 1ll << 32 };
	struct engine *e = *state;
	uint32_t size, i;

	for (size = 1; size <= 8; size *= 2)
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			union npu_cmd cmd = valid();
			int64_t index = bad[i];

			cmd.gather.index_size = size;
			if (!fits(index, 8 * size))
				continue;
			put_index(e, &cmd.gather, 0, 1);
			put_index(e, &cmd.gather, 1, 2);
			put_index(e, &cmd.gather, 2, index);
			assert_int_equal(engine_check(e, &cmd), 0);
			assert_int_equal(engine_execute(e, &cmd), -1);
			assert_int_equal(e->ctx.fault.code, NPU_FAULT_INDEX);
			assert_int_equal(e->ctx.fault.info, 2);
			assert_true(e->ctx.fault.addr == (uint64_t)index);
		}
}

/* --- Random lists ------------------------------------------------------------ */

static void ref_gather(struct engine *e, const union npu_cmd *cmd)
{
	const struct npu_cmd_gather *g = &cmd->gather;

	for (uint32_t i3 = 0; i3 < g->n[2]; i3++)
	for (uint32_t i2 = 0; i2 < g->n[1]; i2++)
	for (uint32_t i1 = 0; i1 < g->n[0]; i1++) {
		uint32_t number = i3 * g->n[0] + i1;
		int8_t index = *place(e, g->index_region,
				      g->index + number * g->index_size);
		uint64_t row = index < 0 ? index + g->rows : index;

		memmove(place(e, g->dst_region,
			      g->dst + (uint64_t)i1 * g->dst_stride[0] +
			      i2 * g->dst_stride[1] + i3 * g->dst_stride[2]),
			place(e, g->src_region,
			      g->src + row * g->src_stride[0] +
			      i2 * g->src_stride[1] + i3 * g->src_stride[2]),
			g->run);
	}
}

static uint8_t random_region(void)
{
	int32_t region = engine_between(-1, ENGINE_REGIONS - 1);

	return region < 0 ? SRAM : region;
}

static union npu_cmd random_gather(void)
{
	union npu_cmd cmd = valid();
	struct npu_cmd_gather *g = &cmd.gather;
	uint32_t i;

	g->src_region = random_region();
	g->dst_region = random_region();
	g->index_region = random_region();
	g->index_size = 1 << engine_between(0, 3);
	g->src = engine_between(0, 4000);
	g->dst = engine_between(5000, 9000);
	g->index = engine_between(10000, 12000);
	g->rows = engine_between(1, 40);
	g->run = engine_between(1, 50);
	for (i = 0; i < 3; i++) {
		g->n[i] = engine_between(1, i ? 4 : 300);
		g->src_stride[i] = engine_between(0, 60);
		g->dst_stride[i] = engine_between(0, 60);
	}
	return cmd;
}

/* What is moved depends on the order then. */
static bool is_ambiguous(const struct npu_cmd_gather *g)
{
	return g->dst_region != SRAM && (g->dst_region == g->src_region ||
					 g->dst_region == g->index_region);
}

static void set_indices(struct engine *e, const struct npu_cmd_gather *g)
{
	uint32_t i;

	for (i = 0; i < (uint32_t)g->n[0] * g->n[2]; i++)
		put_index(e, g, i, engine_between(-(int)g->rows,
						  (int)g->rows - 1));
}

static void test_random_lists(void **state)
{
	struct engine *e = *state;
	uint32_t done = 0;

	while (done < RANDOM_LISTS) {
		union npu_cmd cmd = random_gather();

		if (is_ambiguous(&cmd.gather) || engine_check(e, &cmd))
			continue;
		set_indices(e, &cmd.gather);
		engine_compare(e, &cmd, ref_gather);
		done++;
	}
}

/* --- Checks ------------------------------------------------------------------- */

static void test_bad_fields(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid();

	engine_refuse_all(e, &cmd, (struct engine_bad[]){
		ENGINE_BAD(GATHER, index_size, 0, FIELD),
		ENGINE_BAD(GATHER, index_size, 3, FIELD),
		ENGINE_BAD(GATHER, index_size, 16, FIELD),
		ENGINE_BAD(GATHER, n[0], 0, FIELD),
		ENGINE_BAD(GATHER, n[1], 0, FIELD),
		ENGINE_BAD(GATHER, n[2], 0, FIELD),
		ENGINE_BAD(GATHER, rows, 0, FIELD),
		ENGINE_BAD(GATHER, rows, 1u << 31, FIELD),
		ENGINE_BAD(GATHER, run, 0, FIELD),
	}, 9);
	engine_refuse_reserved(e, &cmd,
			       __builtin_offsetof(struct GATHER, reserved), 2);
}

static void test_borders(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid();

	/* The whole table counts, whatever the list says. */
	memset(e->ctx.sram, 0, 100);
	cmd.gather.src = ENGINE_SRAM - 8;
	engine_run(e, &cmd);
	cmd.gather.src++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	assert_int_equal(e->ctx.fault.addr, ENGINE_SRAM);
	cmd = valid();
	cmd.gather.rows = INT32_MAX;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd.gather.src_region = 1;
	cmd.gather.src_stride[0] = UINT32_MAX;
	engine_refuse(e, &cmd, NPU_FAULT_REGION, 1);
	cmd = valid();
	cmd.gather.index = ENGINE_SRAM - 3;
	memset(e->ctx.sram + ENGINE_SRAM - 3, 0, 3);
	engine_run(e, &cmd);
	cmd.gather.index++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd.gather.index_region = ENGINE_REGIONS;
	engine_refuse(e, &cmd, NPU_FAULT_REGION, ENGINE_REGIONS);
	cmd = valid();
	cmd.gather.dst = ENGINE_SRAM - 5;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd = valid();
	cmd.gather.run = 1 << 20;
	cmd.gather.n[0] = 17;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
}

static void test_overlaps(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid();

	memset(e->ctx.sram, 0, 100);
	cmd.gather.dst = 108;
	engine_run(e, &cmd);
	cmd.gather.dst--;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct GATHER, src));
	cmd.gather.dst = 3;
	engine_run(e, &cmd);
	cmd.gather.dst--;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct GATHER, index));
}

static void test_access(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid();

	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(e->access.read_count, 2);
	assert_int_equal(e->access.write_count, 1);
	assert_int_equal(e->access.reads[0].low, 100);
	assert_int_equal(e->access.reads[0].high, 108);
	assert_int_equal(e->access.reads[1].low, 0);
	assert_int_equal(e->access.reads[1].high, 3);
	assert_int_equal(e->access.writes[0].low, 200);
	assert_int_equal(e->access.writes[0].high, 206);
}

static void test_cost(void **state)
{
	const struct npu_machine m = NPU_MACHINE_DEFAULT;
	union npu_cmd cmd = valid();
	struct npu_cost cost;

	npu_cost(&m, &cmd, &cost);
	assert_int_equal(cost.sram_read, 3 + 6);
	assert_int_equal(cost.sram_written, 6);
	assert_int_equal(cost.cycles, 3);
	assert_int_equal(cost.latency, 2 * m.sram_latency);

	/* In memory, each row and each list is a burst of its own. */
	cmd.gather.src_region = cmd.gather.index_region = 0;
	cmd.gather.n[2] = 2;
	npu_cost(&m, &cmd, &cost);
	assert_int_equal(cost.mem_read, 2 * 16 + 6 * 16);
	assert_int_equal(cost.cycles, (2 * 16 + 6 * 16) / m.mem_bw);
	assert_int_equal(cost.latency, 2 * m.mem_latency);
}

static void test_faults_of_memory(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid();

	memset(e->ctx.sram, 0, 100);
	cmd.gather.src_region = 0;
	e->bad_code = NPU_FAULT_PAGE_READ;
	e->bad = e->regions[0].base + 100;
	e->bad_end = e->bad + 1;
	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(engine_execute(e, &cmd), -1);
	assert_int_equal(e->ctx.fault.code, NPU_FAULT_PAGE_READ);
	assert_int_equal(e->ctx.fault.addr, e->bad);
	cmd = valid();
	cmd.gather.index_region = 0;
	cmd.gather.index = 100;
	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(engine_execute(e, &cmd), -1);
	assert_int_equal(e->ctx.fault.addr, e->bad);
}

static void test_hostile_commands(void **state)
{
	union npu_cmd cmd = valid();

	engine_torture(*state, &cmd, 20000);
	cmd.gather.src_region = 0;
	cmd.gather.dst_region = 1;
	engine_torture(*state, &cmd, 20000);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, engine_setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_hand),
		TEST(test_indices_of_all_sizes),
		TEST(test_indices_that_name_no_row),
		TEST(test_random_lists),
		TEST(test_bad_fields),
		TEST(test_borders),
		TEST(test_overlaps),
		TEST(test_access),
		TEST(test_cost),
		TEST(test_faults_of_memory),
		TEST(test_hostile_commands),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
