// SPDX-License-Identifier: MIT
/*
 * What the tests of the units share; see engine.h.
 */
#include "engine.h"

#include "dma_memo.h"

#include <npu/cost.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Multiply-accumulates, steps and bytes of a command that a test executes. */
#define TORTURE_WORK (1u << 16)

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

uint32_t engine_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 24);
}

int32_t engine_between(int32_t low, int32_t high)
{
	return low + (int32_t)(engine_random() % (uint32_t)(high - low + 1));
}

int8_t engine_int8(void)
{
	switch (engine_random() % 8) {
	case 0:
		return INT8_MIN;
	case 1:
		return INT8_MAX;
	default:
		return (int8_t)engine_random();
	}
}

void engine_randomise(uint8_t *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = (uint8_t)engine_int8();
}

static int memory_access(void *opaque, uint64_t address, void *buffer,
			 uint32_t size, bool is_write,
			 struct unit_fault *fault)
{
	struct engine *e = opaque;
	uint64_t end = address + size, first = end;

	if (address < ENGINE_BASE)
		first = address;
	else if (end > ENGINE_BASE + ENGINE_MEMORY)
		first = ENGINE_BASE + ENGINE_MEMORY;
	if (address < e->bad_end && end > e->bad)
		first = address > e->bad ? address : e->bad;
	if (is_write)
		memcpy(e->memory + (address - ENGINE_BASE), buffer,
		       first - address);
	else
		memcpy(buffer, e->memory + (address - ENGINE_BASE),
		       first - address);
	if (first == end)
		return 0;
	*fault = (struct unit_fault){ .code = e->bad_code, .addr = first };
	return -1;
}

static size_t store_size(const struct engine *e)
{
	return (size_t)e->ctx.sram_size + e->ctx.buffer_size;
}

int engine_setup_sram(struct engine *e, uint32_t sram_size)
{
	free(e->ctx.sram);
	e->ctx.sram_size = sram_size;
	e->ctx.sram = malloc(store_size(e));
	if (!e->ctx.sram)
		return -1;
	engine_randomise(e->ctx.sram, store_size(e));
	return 0;
}

int engine_setup_buffer(struct engine *e, uint32_t buffer_size)
{
	e->ctx.buffer_size = buffer_size;
	return engine_setup_sram(e, e->ctx.sram_size);
}

int engine_setup(void **state)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return -1;
	*state = e;
	e->memory = malloc(ENGINE_MEMORY);
	e->ctx.regions = e->regions;
	e->ctx.region_count = ENGINE_REGIONS;
	e->ctx.memory = memory_access;
	e->ctx.opaque = e;
	e->bad_code = NPU_FAULT_PAGE_READ;
	if (!e->memory || engine_setup_sram(e, ENGINE_SRAM))
		return -1;
	engine_randomise(e->memory, ENGINE_MEMORY);
	e->regions[0] = (struct npu_region){ ENGINE_BASE, 16384 };
	e->regions[1] = (struct npu_region){ ENGINE_BASE + 16384, 32768 };
	e->regions[2] = (struct npu_region){ ENGINE_BASE + 49152, 16384 };
	return 0;
}

int engine_teardown(void **state)
{
	struct engine *e = *state;

	free(e->ctx.sram);
	free(e->memory);
	free(e);
	return 0;
}

static const struct {
	int (*check)(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access);
	int (*execute)(struct unit_ctx *ctx, const union npu_cmd *cmd);
} units[NPU_UNIT_COUNT] = {
	[NPU_UNIT_DMA] = { npu_dma_check, npu_dma_execute },
	[NPU_UNIT_MAC] = { npu_mac_check, npu_mac_execute },
	[NPU_UNIT_VEC] = { npu_vec_check, npu_vec_execute },
};

static unsigned int unit_of(const union npu_cmd *cmd)
{
#define ROW(name, code, unit, layout, text) \
	case NPU_OP_##name:                 \
		return unit;
	switch (cmd->hdr.op) {
		NPU_OPS(ROW)
	}
#undef ROW
	fail_msg("opcode %u", cmd->hdr.op);
	return 0;
}

int engine_check(struct engine *e, const union npu_cmd *cmd)
{
	memset(&e->access, 0, sizeof(e->access));
	memset(&e->ctx.fault, 0, sizeof(e->ctx.fault));
	return units[unit_of(cmd)].check(&e->ctx, cmd, &e->access);
}

int engine_execute(struct engine *e, const union npu_cmd *cmd)
{
	const struct unit_range everything = { 0, UINT32_MAX };
	int err = units[unit_of(cmd)].execute(&e->ctx, cmd);

	dma_memo_pay(&e->ctx, &everything);
	return err;
}

void engine_run(struct engine *e, const union npu_cmd *cmd)
{
	if (engine_check(e, cmd))
		fail_msg("fault %u info %u addr %#lx", e->ctx.fault.code,
			 e->ctx.fault.info, (unsigned long)e->ctx.fault.addr);
	assert_int_equal(engine_execute(e, cmd), 0);
}

static void swap(uint8_t *a, uint8_t *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = a[i];

		a[i] = b[i];
		b[i] = byte;
	}
}

void engine_compare(struct engine *e, const union npu_cmd *cmd,
		    void (*reference)(struct engine *e,
				      const union npu_cmd *cmd))
{
	uint8_t *sram = malloc(ENGINE_SRAM), *memory = malloc(ENGINE_MEMORY);

	assert_non_null(sram);
	assert_non_null(memory);
	memcpy(sram, e->ctx.sram, ENGINE_SRAM);
	memcpy(memory, e->memory, ENGINE_MEMORY);
	engine_run(e, cmd);
	swap(sram, e->ctx.sram, ENGINE_SRAM);
	swap(memory, e->memory, ENGINE_MEMORY);
	reference(e, cmd);
	assert_memory_equal(e->ctx.sram, sram, ENGINE_SRAM);
	assert_memory_equal(e->memory, memory, ENGINE_MEMORY);
	free(sram);
	free(memory);
}

void engine_refuse(struct engine *e, const union npu_cmd *cmd,
		   enum npu_fault code, uint32_t info)
{
	uint8_t *sram = malloc(store_size(e));
	uint8_t *memory = malloc(ENGINE_MEMORY);

	assert_non_null(sram);
	assert_non_null(memory);
	memcpy(sram, e->ctx.sram, store_size(e));
	memcpy(memory, e->memory, ENGINE_MEMORY);
	assert_int_equal(engine_check(e, cmd), -1);
	assert_int_equal(e->ctx.fault.code, code);
	assert_int_equal(e->ctx.fault.info, info);
	assert_memory_equal(sram, e->ctx.sram, store_size(e));
	assert_memory_equal(memory, e->memory, ENGINE_MEMORY);
	free(sram);
	free(memory);
}

void engine_refuse_all(struct engine *e, const union npu_cmd *valid,
		       const struct engine_bad *bad, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		union npu_cmd cmd = *valid;

		memcpy(cmd.bytes + bad[i].offset, &bad[i].value, bad[i].size);
		if (engine_check(e, valid))
			fail_msg("the valid command is refused: %u, %u",
				 e->ctx.fault.code, e->ctx.fault.info);
		if (!engine_check(e, &cmd) ||
		    e->ctx.fault.code != bad[i].code ||
		    e->ctx.fault.info != bad[i].info)
			print_message("# %s\n", bad[i].name);
		engine_refuse(e, &cmd, bad[i].code, bad[i].info);
	}
}

void engine_refuse_reserved(struct engine *e, const union npu_cmd *valid,
			    uint32_t offset, uint32_t size)
{
	uint32_t i;

	assert_int_equal(engine_check(e, valid), 0);
	for (i = offset; i < offset + size; i++) {
		union npu_cmd cmd = *valid;

		cmd.bytes[i] = (uint8_t)(1u << engine_between(0, 7));
		engine_refuse(e, &cmd, NPU_FAULT_RESERVED, i);
	}
}

static void torture(struct engine *e, const union npu_cmd *cmd)
{
	const struct npu_machine machine = NPU_MACHINE_DEFAULT;
	struct npu_cost cost;

	if (engine_check(e, cmd)) {
		assert_int_not_equal(e->ctx.fault.code, NPU_FAULT_NONE);
		assert_true(e->ctx.fault.code < NPU_FAULT_COUNT);
		return;
	}
	npu_cost(&machine, cmd, &cost);
	if (cost.mac_ops + cost.steps + cost.requants + cost.mem_read +
		    cost.mem_written + cost.sram_written <= TORTURE_WORK)
		engine_execute(e, cmd);
}

void engine_torture(struct engine *e, const union npu_cmd *valid,
		    uint32_t rounds)
{
	uint32_t i, changes;

	for (i = 0; i < rounds; i++) {
		union npu_cmd cmd = *valid;

		for (changes = engine_between(1, 4); changes; changes--) {
			uint8_t *byte = &cmd.bytes[engine_between(8, 63)];

			*byte = engine_random() % 2 ? engine_between(0, 8) :
						      engine_random();
		}
		torture(e, &cmd);
		engine_randomise(cmd.bytes + 8, sizeof(cmd.bytes) - 8);
		torture(e, &cmd);
	}
}
