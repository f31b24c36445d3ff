// SPDX-License-Identifier: MIT
/*
 * DMA_DECODE and the compiler's encoder: the tables against the manual's
 * formula, a stream by hand, random bytes there and back, every rule of the
 * checks broken alone, and streams that are cut or changed.
 */
#include "engine.h"

#include "compiler/code.h"
#include "compiler/ir.h"
#include "dma_memo.h"
#include "kernels/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DECODE npu_cmd_decode
#define REGION 1 /* of the stream; 32 KiB */
#define MEMORY_LIMIT ((size_t)64 << 20)
#define RAW_MAX 12000
#define ROUND_TRIPS 400
#define STATES 2 /* behind one entry */

struct decode_test {
	struct engine *engine;
	struct tnc_arena *arena;
	const struct tnc_coder *coder;
	struct dma_memo memo;
	uint8_t *store;
	uint8_t raw[RAW_MAX];
	uint8_t before[ENGINE_SRAM];
};

static int setup(void **state)
{
	struct decode_test *t = calloc(1, sizeof(*t));
	void *engine;

	if (!t || engine_setup(&engine))
		return -1;
	t->engine = engine;
	t->arena = tnc_arena_create(MEMORY_LIMIT, 0);
	t->coder = t->arena ? tnc_coder_create(t->arena) : NULL;
	*state = t;
	return t->coder ? 0 : -1;
}

/* The same, with a memory of what was decoded. */
static int setup_memo(void **state)
{
	struct decode_test *t;

	if (setup(state))
		return -1;
	t = *state;
	t->store = malloc(DMA_MEMO_SIZE);
	if (!t->store)
		return -1;
	dma_memo_init(&t->memo, t->store);
	t->engine->ctx.memo = &t->memo;
	return 0;
}

static int teardown(void **state)
{
	struct decode_test *t = *state;
	void *engine = t->engine;

	free(t->store);

	engine_teardown(&engine);
	tnc_arena_destroy(t->arena);
	free(t);
	return 0;
}

/* Where a stream begins in memory: at the end of its region. */
static uint8_t *stream_at(struct engine *e, uint32_t size)
{
	return e->memory + (e->regions[REGION].base - ENGINE_BASE) +
	       e->regions[REGION].size - size;
}

/* The command that decodes a stream, which goes to the end of the region. */
static union npu_cmd command_for(struct engine *e,
				 const struct tnc_coded *coded)
{
	union npu_cmd cmd = { .decode = {
		.hdr.op = NPU_OP_DMA_DECODE,
		.src = e->regions[REGION].size - coded->size,
		.coded = coded->size,
		.src_region = REGION,
		.palette = coded->palette,
	} };

	memcpy(cmd.decode.section, coded->section,
	       sizeof(cmd.decode.section));
	memcpy(stream_at(e, coded->size), coded->bytes, coded->size);
	return cmd;
}

static uint32_t size_of(const struct npu_code_section *section)
{
	union npu_cmd cmd = { 0 };

	memcpy(cmd.decode.section, section, sizeof(cmd.decode.section));
	return npu_decode_bytes(&cmd.decode);
}

/* --- Tables ---------------------------------------------------------------- */

static void test_classes_have_each_value_once(void **state)
{
	uint32_t seen[256] = { 0 }, k, i;

	(void)state;
	for (k = 0; k < NPU_CODE_CLASSES; k++)
		for (i = 0; i < 1u << npu_code_class_bits(k); i++)
			seen[(uint8_t)(npu_code_class_low(k) + i)]++;
	for (i = 0; i < 256; i++)
		assert_int_equal(seen[i], 1);
}

static uint64_t weight_of(uint32_t table, uint32_t k)
{
	uint64_t weight = 0;
	int32_t i;

	if (k == NPU_CODE_CLASSES - 1)
		return 0;
	for (i = 0; i < 1 << npu_code_class_bits(k); i++) {
		int64_t v = npu_code_class_low(k) + i;
		uint64_t s = (UINT64_C(1) << table / 2) + v * v;

		weight += (UINT64_C(1) << 60) / (s * s * s);
	}
	return weight;
}

static void test_tables_follow_the_formula(void **state)
{
	uint32_t t, k;

	(void)state;
	for (t = 2; t < NPU_CODE_TABLES; t++) {
		uint64_t all = 0, unit;
		uint32_t others = 0;

		for (k = 0; k < NPU_CODE_CLASSES; k++)
			all += weight_of(t, k);
		unit = all * (t % 2 ? 5 : 1) / 976 + 1;
		for (k = 1; k < NPU_CODE_CLASSES; k++) {
			assert_int_equal(npu_code_frequency(t, k),
					 1 + weight_of(t, k) / unit);
			others += npu_code_frequency(t, k);
		}
		assert_int_equal(npu_code_frequency(t, 0),
				 NPU_CODE_TOTAL - others);
	}
	for (k = 0; k < NPU_CODE_CLASSES; k++) {
		assert_int_equal(npu_code_frequency(0, k),
				 k ? 0 : NPU_CODE_TOTAL);
		assert_int_equal(npu_code_frequency(1, k),
				 4u << npu_code_class_bits(k));
	}
}

/* --- By hand ---------------------------------------------------------------- */

/* 33 bytes: a 1 by table 2, then what the last states say. */
static struct tnc_coded by_hand(npu_le32 words[STATES + NPU_CODE_LANES])
{
	uint32_t i;

	memset(words, 0, (STATES + NPU_CODE_LANES) * sizeof(*words));
	((uint8_t *)words)[2] = 2;
	for (i = 0; i < NPU_CODE_LANES; i++)
		words[1 + i] = NPU_CODE_STATE_MIN | 0x201 * i;
	words[1] = 390735;
	return (struct tnc_coded){
		.bytes = (uint8_t *)words + 2,
		.size = 2 + NPU_CODE_HEAD,
		.palette = 1,
		.section = { { .bytes = 33, .width = 1, .unit = 1 } },
	};
}

static void test_example_of_the_manual(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	npu_le32 words[STATES + NPU_CODE_LANES];
	struct tnc_coded coded = by_hand(words);
	union npu_cmd cmd = command_for(e, &coded);
	uint32_t i;

	cmd.decode.dst = 77;
	engine_run(e, &cmd);
	assert_int_equal(e->access.write_count, 1);
	assert_int_equal(e->access.read_count, 0);
	assert_int_equal(e->access.writes[0].low, 77);
	assert_int_equal(e->access.writes[0].high, 77 + 33);
	assert_int_equal(e->ctx.sram[77], 1);
	for (i = 0; i < NPU_CODE_LANES; i++) {
		assert_int_equal(e->ctx.sram[78 + 2 * i], i);
		assert_int_equal(e->ctx.sram[79 + 2 * i], 2 * i);
	}
}

/* --- There and back ----------------------------------------------------------- */

static struct npu_code_section random_section(uint32_t bytes)
{
	return (struct npu_code_section){
		.bytes = bytes,
		.rows = engine_random() % 2 ? 0 : engine_between(1, 300),
		.width = engine_between(1, NPU_CODE_WIDTH_MAX),
		.unit = 1u << engine_between(0, 2),
	};
}

static void random_sections(struct npu_code_section *section)
{
	uint32_t count = engine_between(1, NPU_CODE_SECTIONS), i;

	for (i = 0; i < NPU_CODE_SECTIONS; i++) {
		uint32_t most = engine_random() % 2 ? 60 :
						      RAW_MAX / NPU_CODE_SECTIONS;

		section[i] = (struct npu_code_section){ 0 };
		if (i < count)
			section[i] = random_section(engine_between(1, most));
	}
}

/* Even, all alike, or around a centre, the nearer the likelier. */
static void random_raw(uint8_t *raw, uint32_t size)
{
	uint32_t kind = engine_random() % 4, i;
	int32_t centre = engine_int8(), width = engine_between(1, 60);

	for (i = 0; i < size; i++) {
		if (kind == 0)
			raw[i] = engine_random();
		else if (kind == 1)
			raw[i] = i < size / 2 ? 0 : centre;
		else
			raw[i] = centre + engine_between(-width, width) *
					  engine_between(0, width) / 40;
	}
}

static void encode(struct decode_test *t, struct tnc_coded *coded)
{
	assert_true(tnc_encode(t->coder, t->arena, t->raw, coded));
}

/* Decodes, and looks that nothing around the result was touched. */
static void expect_result(struct decode_test *t, union npu_cmd cmd)
{
	struct engine *e = t->engine;
	uint32_t size = npu_decode_bytes(&cmd.decode);
	uint32_t dst = engine_between(0, ENGINE_SRAM - size);

	cmd.decode.dst = dst;
	memcpy(t->before, e->ctx.sram, ENGINE_SRAM);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + dst, t->raw, size);
	assert_memory_equal(e->ctx.sram, t->before, dst);
	assert_memory_equal(e->ctx.sram + dst + size, t->before + dst + size,
			    ENGINE_SRAM - dst - size);
}

/* Twice: the second time it may come from memory. */
static void expect_round_trip(struct decode_test *t,
			      const struct tnc_coded *coded)
{
	union npu_cmd cmd = command_for(t->engine, coded);

	expect_result(t, cmd);
	expect_result(t, cmd);
}

static void test_random_bytes_come_back(void **state)
{
	struct decode_test *t = *state;
	uint32_t i;

	for (i = 0; i < ROUND_TRIPS; i++) {
		struct tnc_arena_mark mark = tnc_arena_mark(t->arena);
		struct tnc_coded coded = { 0 };
		uint32_t size;

		random_sections(coded.section);
		size = size_of(coded.section);
		random_raw(t->raw, size);
		encode(t, &coded);
		if (size < NPU_CODE_TAIL)
			assert_int_equal(coded.size, 0);
		else
			expect_round_trip(t, &coded);
		tnc_arena_rewind(t->arena, mark);
	}
}

/* What can't be coded shorter grows by the head alone. */
static void test_even_bytes_grow_by_the_head(void **state)
{
	struct decode_test *t = *state;
	uint32_t size;

	for (size = NPU_CODE_TAIL; size < RAW_MAX; size = size * 3 / 2) {
		struct tnc_arena_mark mark = tnc_arena_mark(t->arena);
		struct tnc_coded coded = {
			.section = { { .bytes = size, .width = 1, .unit = 1 } },
		};
		uint32_t i;

		for (i = 0; i < size; i++)
			t->raw[i] = engine_random();
		encode(t, &coded);
		assert_true(coded.size <= size + 2 + NPU_CODE_HEAD -
						  NPU_CODE_TAIL +
						  NPU_CODE_LANES);
		expect_round_trip(t, &coded);
		tnc_arena_rewind(t->arena, mark);
	}
}

/* Columns that differ get tables of their own. */
static void test_columns_are_told_apart(void **state)
{
	struct decode_test *t = *state;
	struct tnc_coded coded = { .section = {
		{ .bytes = 8192, .rows = 128, .width = 16, .unit = 4 },
	} };
	uint32_t i;

	for (i = 0; i < 8192; i++)
		t->raw[i] = i / 4 % 16 < 12 ? 0 : engine_random();
	encode(t, &coded);
	/* A quarter is even; the rest costs nothing but its numbers. */
	assert_true(coded.size < 2048 + 128);
	assert_true(coded.palette > 1);
	expect_round_trip(t, &coded);
}

/* --- Memory of what was decoded ------------------------------------------------- */

/* Twice, so that the second time may be from memory. */
static void expect_byte(struct engine *e, union npu_cmd *cmd, uint32_t at,
			uint8_t value)
{
	uint32_t i;

	for (i = 0; i < 2; i++) {
		cmd->decode.dst = engine_between(0, ENGINE_SRAM - 33);
		engine_randomise(e->ctx.sram, ENGINE_SRAM);
		engine_run(e, cmd);
		assert_int_equal(e->ctx.sram[cmd->decode.dst], 1);
		assert_int_equal(e->ctx.sram[cmd->decode.dst + at], value);
	}
}

/* Any byte of a stream that changes between two commands counts. */
static void test_changes_are_seen(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	npu_le32 words[STATES + NPU_CODE_LANES];
	struct tnc_coded coded = by_hand(words);
	union npu_cmd cmd = command_for(e, &coded);
	uint32_t lane, i;

	for (i = 0; i < 100; i++) {
		for (lane = 1; lane < NPU_CODE_LANES; lane++) {
			uint8_t value = engine_random();

			stream_at(e, coded.size)[2 + 4 * lane] = value;
			expect_byte(e, &cmd, 1 + 2 * lane, value);
		}
	}
	assert_true(t->memo.used > 0);
}

/*
 * The store fills up, and is begun anew when nothing in it has been of use for
 * long: a stream at another place is another one.
 */
static void test_store_is_bounded(void **state)
{
	struct decode_test *t = *state;
	struct tnc_coded coded = { .section = {
		{ .bytes = RAW_MAX, .width = 1, .unit = 1 },
	} };
	uint32_t i, begun = 0, before;
	union npu_cmd cmd;

	for (i = 0; i < RAW_MAX; i++)
		t->raw[i] = engine_random();
	encode(t, &coded);
	cmd = command_for(t->engine, &coded);
	for (i = 0; i < 4500; i++) {
		uint8_t *stream = stream_at(t->engine, coded.size + i);

		memmove(stream, stream + (i > 0), coded.size);
		cmd.decode.src = t->engine->regions[REGION].size - coded.size -
				 i;
		before = t->memo.used;
		expect_result(t, cmd);
		assert_true(t->memo.used <= DMA_MEMO_SIZE);
		begun += t->memo.used < before;
	}
	assert_int_equal(begun, 1);
}

/* What is remembered is found, and what can't be read faults all the same. */
static void test_memory_faults_though_remembered(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	npu_le32 words[STATES + NPU_CODE_LANES];
	struct tnc_coded coded = by_hand(words);
	union npu_cmd cmd = command_for(e, &coded);

	engine_run(e, &cmd);
	e->bad = e->regions[REGION].base + cmd.decode.src + 40;
	e->bad_end = e->bad + 1;
	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(engine_execute(e, &cmd), -1);
	assert_int_equal(e->ctx.fault.code, NPU_FAULT_PAGE_READ);
	assert_int_equal(e->ctx.fault.addr, e->bad);
}

/* --- What is owed to SRAM ---------------------------------------------------------- */

#define STREAMS 4
#define DEBT_ROUNDS 20000

/* Streams of several sizes that are known, each at a place of its own. */
struct streams {
	union npu_cmd cmd[STREAMS];
	uint8_t raw[STREAMS][RAW_MAX];
};

static void learn_streams(struct decode_test *t, struct streams *s)
{
	uint32_t region = t->engine->regions[REGION].size, i;

	for (i = 0; i < STREAMS; i++) {
		struct tnc_coded coded = { .section = {
			{ .bytes = 50 << 2 * i, .width = 1, .unit = 1 },
		} };

		random_raw(t->raw, coded.section[0].bytes);
		memcpy(s->raw[i], t->raw, coded.section[0].bytes);
		encode(t, &coded);
		s->cmd[i] = command_for(t->engine, &coded);
		s->cmd[i].decode.src = i * 4096;
		memcpy(stream_at(t->engine, region - i * 4096),
		       stream_at(t->engine, coded.size), coded.size);
		expect_result(t, s->cmd[i]);
	}
}

static struct unit_range any_range(uint32_t most)
{
	uint32_t size = engine_between(1, most);
	uint32_t low = engine_between(0, ENGINE_SRAM - size);

	return (struct unit_range){ low, low + size };
}

static void recall_somewhere(struct engine *e, struct streams *s, uint8_t *want)
{
	uint32_t i = engine_between(0, STREAMS - 1);
	uint32_t size = npu_decode_bytes(&s->cmd[i].decode);
	uint32_t dst = engine_between(0, ENGINE_SRAM - size);

	s->cmd[i].decode.dst = dst;
	assert_int_equal(npu_dma_execute(&e->ctx, &s->cmd[i]), 0);
	memcpy(want + dst, s->raw[i], size);
}

/* A command that reads here and there, and weights from a third place. */
static void look_somewhere(struct engine *e, const uint8_t *want)
{
	struct unit_access access = {
		.reads = { any_range(300), any_range(3000), any_range(60) },
		.read_count = 3,
		.has_weights = engine_between(0, 1),
	};
	const uint8_t *place;
	uint32_t i;

	dma_memo_pay_for(&e->ctx, &access);
	for (i = 0; i < access.read_count; i++) {
		const struct unit_range *r = &access.reads[i];

		place = e->ctx.sram + r->low;
		if (i == 2 && access.has_weights)
			place = dma_memo_place(&e->ctx, r);
		assert_memory_equal(place, want + r->low, r->high - r->low);
	}
}

static void write_somewhere(struct engine *e, uint8_t *want)
{
	struct unit_access access = {
		.writes = { any_range(1000) },
		.write_count = 1,
	};
	const struct unit_range *w = access.writes;

	dma_memo_pay_for(&e->ctx, &access);
	engine_randomise(want + w->low, w->high - w->low);
	memcpy(e->ctx.sram + w->low, want + w->low, w->high - w->low);
}

/* Whoever looks sees SRAM as if results were copied there at once. */
static void test_debts_are_paid_before_anyone_looks(void **state)
{
	static struct streams streams;
	static uint8_t want[ENGINE_SRAM];
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	uint32_t round, most = 0;

	learn_streams(t, &streams);
	memcpy(want, e->ctx.sram, ENGINE_SRAM);
	for (round = 0; round < DEBT_ROUNDS; round++) {
		uint32_t kind = engine_between(0, 99);

		if (kind < 80) {
			recall_somewhere(e, &streams, want);
		} else if (kind < 90) {
			look_somewhere(e, want);
		} else if (kind < 99) {
			write_somewhere(e, want);
		} else {
			memset(e->ctx.sram, 0, ENGINE_SRAM);
			memset(want, 0, ENGINE_SRAM);
			dma_memo_forgive(&t->memo);
		}
		if (t->memo.debt_count > most)
			most = t->memo.debt_count;
	}
	assert_int_equal(most, DMA_MEMO_DEBTS);
	dma_memo_pay(&e->ctx, &(struct unit_range){ 0, UINT32_MAX });
	assert_memory_equal(e->ctx.sram, want, ENGINE_SRAM);
}

/* --- Sealed memory ------------------------------------------------------------------ */

static uint64_t seal;

static const uint8_t *show(void *opaque, uint64_t page, uint64_t *number)
{
	const struct engine *e = opaque;

	*number = seal;
	return e->memory + (page - ENGINE_BASE);
}

/* Under a seal bytes are looked at once; under another one, or none, again. */
static void test_sealed_streams_are_compared_once(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	npu_le32 words[STATES + NPU_CODE_LANES];
	struct tnc_coded coded = by_hand(words);
	union npu_cmd cmd = command_for(e, &coded);
	uint8_t *byte = stream_at(e, coded.size) + 2 + 4;

	e->ctx.show = show;
	seal = 0;
	*byte = 10;
	expect_byte(e, &cmd, 1 + 2, 10);
	*byte = 11;
	expect_byte(e, &cmd, 1 + 2, 11);
	seal = 1;
	expect_byte(e, &cmd, 1 + 2, 11);
	*byte = 12; /* nobody may do that */
	expect_byte(e, &cmd, 1 + 2, 11);
	seal = 2;
	expect_byte(e, &cmd, 1 + 2, 12);
	expect_byte(e, &cmd, 1 + 2, 12);
	seal = 0;
	*byte = 13;
	expect_byte(e, &cmd, 1 + 2, 13);
}

/* --- Loops ---------------------------------------------------------------------- */

#define LOOP_TABLES 3
#define LOOP_ROUNDS 40

struct loop {
	uint32_t state[NPU_CODE_LANES];
	uint32_t slots[LOOP_TABLES * NPU_CODE_TOTAL];
	uint32_t tables[64 + NPU_CODE_LANES];
	uint8_t words[LOOP_ROUNDS * NPU_CODE_TAIL];
	uint8_t out[LOOP_ROUNDS * NPU_CODE_LANES];
};

/* Whatever slots, states and words are: a decoder makes no use of an order. */
static void random_loop(struct loop *loop, uint32_t period)
{
	uint32_t i;

	memset(loop, 0, sizeof(*loop));
	engine_randomise(loop->words, sizeof(loop->words));
	for (i = 0; i < NPU_CODE_LANES; i++)
		loop->state[i] = engine_random() ^ engine_random() << 16;
	for (i = 0; i < LOOP_TABLES * NPU_CODE_TOTAL; i++)
		loop->slots[i] = engine_random() ^ engine_random() << 16;
	for (i = 0; i < period + NPU_CODE_LANES; i++)
		loop->tables[i] = i < period ?
			engine_between(0, LOOP_TABLES - 1) * NPU_CODE_TOTAL :
			loop->tables[i - period];
}

/* Runs it on a copy, with words up to @words. */
static struct kernel_decode run_loop(const struct kernels *kernels,
				     const struct loop *given,
				     struct loop *loop, uint32_t period,
				     uint32_t words)
{
	struct kernel_decode decode = {
		.state = loop->state,
		.slots = loop->slots,
		.tables = loop->tables,
		.period = period,
		.place = words % period,
		.words = loop->words,
		.last = loop->words + words,
		.out = loop->out,
		.rounds = LOOP_ROUNDS,
	};

	*loop = *given;
	kernels->decode(&decode);
	return decode;
}

static void test_all_loops_agree(void **state)
{
	static struct loop given, plain, other;
	uint32_t i;

	(void)state;
	for (i = 0; i < 300; i++) {
		uint32_t period = engine_between(1, 64);
		uint32_t words = 2 * engine_between(0, 500);
		const struct kernels *const *k;
		struct kernel_decode a, b;

		random_loop(&given, period);
		a = run_loop(&npu_kernels_portable, &given, &plain, period,
			     words);
		for (k = npu_kernels_all; *k; k++) {
			if (!(*k)->is_supported())
				continue;
			b = run_loop(*k, &given, &other, period, words);
			assert_memory_equal(&other, &plain, sizeof(other));
			assert_int_equal(b.place, a.place);
			assert_int_equal(b.rounds, a.rounds);
			assert_int_equal(b.words - other.words,
					 a.words - plain.words);
			assert_int_equal(b.out - other.out,
					 a.out - plain.out);
		}
	}
}

/* --- Checks ------------------------------------------------------------------- */

static union npu_cmd valid_command(struct decode_test *t,
				   npu_le32 words[STATES + NPU_CODE_LANES])
{
	struct tnc_coded coded = by_hand(words);

	return command_for(t->engine, &coded);
}

static void test_bad_fields(void **state)
{
	struct decode_test *t = *state;
	npu_le32 words[STATES + NPU_CODE_LANES];
	union npu_cmd cmd = valid_command(t, words);

	engine_refuse_all(t->engine, &cmd, (struct engine_bad[]){
		ENGINE_BAD(DECODE, palette, 0, FIELD),
		ENGINE_BAD(DECODE, palette, 17, FIELD),
		ENGINE_BAD(DECODE, coded, 65, FIELD),
		ENGINE_BAD(DECODE, coded, 64, FIELD),
		ENGINE_BAD(DECODE, section[0].bytes, 0, FIELD),
		ENGINE_BAD(DECODE, section[0].bytes, 31, FIELD),
		ENGINE_BAD(DECODE, section[0].width, 0, FIELD),
		ENGINE_BAD(DECODE, section[0].width, 17, FIELD),
		ENGINE_BAD(DECODE, section[0].unit, 0, FIELD),
		ENGINE_BAD(DECODE, section[0].unit, 3, FIELD),
		ENGINE_BAD(DECODE, section[0].unit, 8, FIELD),
		ENGINE_BAD(DECODE, section[1].rows, 1, FIELD),
		ENGINE_BAD(DECODE, section[1].width, 1, FIELD),
		ENGINE_BAD(DECODE, section[3].unit, 1, FIELD),
		ENGINE_BAD(DECODE, section[2].bytes, 1, FIELD),
	}, 15);
	engine_refuse_reserved(t->engine, &cmd,
			       __builtin_offsetof(struct DECODE, reserved),
			       sizeof(cmd.decode.reserved));
}

static void test_borders(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	npu_le32 words[STATES + NPU_CODE_LANES];
	union npu_cmd cmd = valid_command(t, words);

	cmd.decode.dst = ENGINE_SRAM - 33;
	engine_run(e, &cmd);
	cmd.decode.dst++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	assert_int_equal(e->ctx.fault.addr, ENGINE_SRAM);
	cmd.decode.dst = 0;
	cmd.decode.src++;
	engine_refuse(e, &cmd, NPU_FAULT_REGION, REGION);
	assert_int_equal(e->ctx.fault.addr, e->regions[REGION].size);
	cmd.decode.src--;
	cmd.decode.src_region = NPU_REGION_SRAM;
	engine_refuse(e, &cmd, NPU_FAULT_REGION, NPU_REGION_SRAM);
	cmd.decode.src_region = REGION;
	cmd.decode.coded = NPU_MAX_CMD_BYTES + 2;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
	cmd.decode.coded = 66;
	cmd.decode.section[0].bytes = UINT32_MAX;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
}

/* --- Streams that are none ------------------------------------------------------ */

static void expect_fault(struct engine *e, const union npu_cmd *cmd,
			 enum npu_fault code, uint32_t info, uint64_t addr)
{
	assert_int_equal(engine_check(e, cmd), 0);
	assert_int_equal(engine_execute(e, cmd), -1);
	assert_int_equal(e->ctx.fault.code, code);
	assert_int_equal(e->ctx.fault.info, info);
	assert_int_equal(e->ctx.fault.addr, addr);
}

static void test_faults_name_their_place(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	npu_le32 words[STATES + NPU_CODE_LANES];
	union npu_cmd cmd = valid_command(t, words);
	uint8_t *stream = stream_at(e, cmd.decode.coded);

	stream[0] = NPU_CODE_TABLES;
	expect_fault(e, &cmd, NPU_FAULT_DECODE, 1, cmd.decode.src);
	stream[0] = 2;
	/* The first state is too small: a word is needed, and there is none. */
	stream[4] = 0;
	expect_fault(e, &cmd, NPU_FAULT_DECODE, 2, cmd.decode.src + 66);
	stream[4] = 390735 >> 16;
	/* Another lane's last state. */
	stream[2 + 4 * 7 + 2] = 2;
	expect_fault(e, &cmd, NPU_FAULT_DECODE, 3, cmd.decode.src + 66);
	stream[2 + 4 * 7 + 2] = 1;
	engine_run(e, &cmd);
	/* A word too many. */
	memmove(stream - 2, stream, 66);
	cmd.decode.src -= 2;
	cmd.decode.coded += 2;
	expect_fault(e, &cmd, NPU_FAULT_DECODE, 3, cmd.decode.src + 66);
}

static void test_numbers_beyond_the_palette(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	npu_le32 words[STATES + NPU_CODE_LANES];
	union npu_cmd cmd = valid_command(t, words);
	uint8_t *stream = stream_at(e, cmd.decode.coded) - 6;

	/* Three entries, and a word that names the fourth. */
	memmove(stream + 4, stream + 6, 66);
	memcpy(stream, (uint8_t[]){ 2, 0, 2, 0, 2, 0 }, 6);
	stream[70] = 3;
	stream[71] = 0;
	cmd.decode.palette = 3;
	cmd.decode.src -= 6;
	cmd.decode.coded += 6;
	expect_fault(e, &cmd, NPU_FAULT_DECODE, 1, cmd.decode.src + 70);
	stream[70] = 2;
	engine_run(e, &cmd);
}

static struct tnc_coded some_stream(struct decode_test *t)
{
	struct tnc_coded coded = { .section = {
		{ .bytes = 128, .rows = 16, .width = 4, .unit = 1 },
		{ .bytes = 16, .width = 1, .unit = 1 },
		{ .bytes = 1600, .rows = 25, .width = 16, .unit = 4 },
	} };

	random_raw(t->raw, 144);
	for (uint32_t i = 144; i < 1744; i++)
		t->raw[i] = engine_between(-9, 9) * engine_between(0, 5);
	encode(t, &coded);
	return coded;
}

/* The result's bytes may be anything; none around them changes. */
static void run_changed(struct decode_test *t, const union npu_cmd *cmd)
{
	struct engine *e = t->engine;
	uint32_t size = npu_decode_bytes(&cmd->decode), dst = cmd->decode.dst;

	memcpy(t->before, e->ctx.sram, ENGINE_SRAM);
	if (engine_check(e, cmd)) {
		assert_int_equal(e->ctx.fault.code, NPU_FAULT_FIELD);
		return;
	}
	if (engine_execute(e, cmd)) {
		assert_int_equal(e->ctx.fault.code, NPU_FAULT_DECODE);
		assert_in_range(e->ctx.fault.addr, cmd->decode.src,
				cmd->decode.src + cmd->decode.coded);
	}
	assert_memory_equal(e->ctx.sram, t->before, dst);
	assert_memory_equal(e->ctx.sram + dst + size, t->before + dst + size,
			    ENGINE_SRAM - dst - size);
}

/* The region ends where the stream does: an access beyond would fault there. */
static void test_every_prefix(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	struct tnc_coded coded = some_stream(t);
	uint32_t whole = coded.size;

	for (coded.size = 0; coded.size < whole; coded.size++) {
		union npu_cmd cmd = command_for(e, &coded);

		cmd.decode.dst = 100;
		if (!engine_check(e, &cmd))
			assert_int_equal(engine_execute(e, &cmd), -1);
		run_changed(t, &cmd);
	}
}

static void test_changed_streams(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	struct tnc_coded coded = some_stream(t);
	uint32_t i, changes;

	for (i = 0; i < 20000; i++) {
		union npu_cmd cmd = command_for(e, &coded);
		uint8_t *stream = stream_at(e, coded.size);

		for (changes = engine_between(1, 5); changes; changes--)
			stream[engine_random() % coded.size] = engine_random();
		cmd.decode.dst = 100;
		run_changed(t, &cmd);
	}
}

static void test_first_byte_of_memory_that_faults(void **state)
{
	struct decode_test *t = *state;
	struct engine *e = t->engine;
	struct tnc_coded coded = some_stream(t);
	union npu_cmd cmd = command_for(e, &coded);
	uint32_t i;

	e->bad_code = NPU_FAULT_PAGE_READ;
	for (i = 0; i < coded.size; i++) {
		e->bad = e->regions[REGION].base + cmd.decode.src + i;
		e->bad_end = e->bad + 1;
		expect_fault(e, &cmd, NPU_FAULT_PAGE_READ, 0, e->bad);
	}
}

static void test_hostile_commands(void **state)
{
	struct decode_test *t = *state;
	struct tnc_coded coded = some_stream(t);
	union npu_cmd cmd = command_for(t->engine, &coded);

	engine_torture(t->engine, &cmd, 20000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_MEMO(test) \
	{ #test ", with memory", test, setup_memo, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes_have_each_value_once),
		cmocka_unit_test(test_tables_follow_the_formula),
		TEST(test_example_of_the_manual),
		TEST(test_random_bytes_come_back),
		TEST(test_even_bytes_grow_by_the_head),
		TEST(test_columns_are_told_apart),
		cmocka_unit_test(test_all_loops_agree),
		TEST(test_bad_fields),
		TEST(test_borders),
		TEST(test_faults_name_their_place),
		TEST(test_numbers_beyond_the_palette),
		TEST(test_every_prefix),
		TEST(test_changed_streams),
		TEST(test_first_byte_of_memory_that_faults),
		TEST(test_hostile_commands),
		TEST_MEMO(test_example_of_the_manual),
		TEST_MEMO(test_random_bytes_come_back),
		TEST_MEMO(test_columns_are_told_apart),
		TEST_MEMO(test_bad_fields),
		TEST_MEMO(test_borders),
		TEST_MEMO(test_faults_name_their_place),
		TEST_MEMO(test_numbers_beyond_the_palette),
		TEST_MEMO(test_every_prefix),
		TEST_MEMO(test_changed_streams),
		TEST_MEMO(test_first_byte_of_memory_that_faults),
		TEST_MEMO(test_hostile_commands),
		TEST_MEMO(test_changes_are_seen),
		TEST_MEMO(test_memory_faults_though_remembered),
		TEST_MEMO(test_debts_are_paid_before_anyone_looks),
		TEST_MEMO(test_sealed_streams_are_compared_once),
		TEST_MEMO(test_store_is_bounded),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
