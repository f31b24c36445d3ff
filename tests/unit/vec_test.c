// SPDX-License-Identifier: MIT
/*
 * NOP, pools, ADD and its like, SOFTMAX: vectors by hand, random shapes against the
 * formulas of the manual in the plainest form, stored tensors of published
 * models, and every rule of the checks broken alone.
 */
#include "engine.h"
#include "formulas.h"
#include "kernels/kernels.h"
#include "models.h"
#include "vec.h"

#include <npu/cost.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POOL npu_cmd_pool
#define ADD npu_cmd_binary
#define SOFTMAX npu_cmd_softmax
#define BIG_SRAM (1024u * 1024)
#define RANDOM_SHAPES 400
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void *allocate(size_t size)
{
	void *p = calloc(1, size);

	assert_non_null(p);
	return p;
}

/* --- The formulas of the manual -------------------------------------------- */

static int8_t ref_clamp(int32_t x, npu_le16 min, npu_le16 max)
{
	if (x < (int16_t)min)
		return (int8_t)min;
	return x > (int16_t)max ? (int8_t)max : (int8_t)x;
}

static uint32_t ref_place(const struct npu_surface *s, int y, int x, int c)
{
	return s->addr + y * s->row_pitch + x * s->pixel_pitch + c;
}

static int ref_pool_element(const struct npu_cmd_pool *p, const uint8_t *sram,
			    int y, int x, int c)
{
	const struct npu_surface *s = &p->ifm;
	const uint8_t *cell = sram + s->addr + y * s->row_pitch +
			      x * s->pixel_pitch;

	return p->flags & NPU_POOL_S16 ?
		(int16_t)(cell[2 * c] | cell[2 * c + 1] << 8) : (int8_t)cell[c];
}

static int ref_pool_cell(const struct npu_cmd_pool *p, const uint8_t *sram,
			 int oy, int ox, int c)
{
	int sum = 0, max = -100000, min = 100000, count = 0;
	int ky, kx, v;

	for (ky = 0; ky < p->kernel_h; ky++) {
		for (kx = 0; kx < p->kernel_w; kx++) {
			int y = oy * p->stride_y + ky - p->pad_top;
			int x = ox * p->stride_x + kx - p->pad_left;

			if (y < 0 || y >= p->ifm_h || x < 0 || x >= p->ifm_w)
				continue;
			v = ref_pool_element(p, sram, y, x, c);
			sum += v;
			count++;
			max = v > max ? v : max;
			min = v < min ? v : min;
		}
	}
	v = p->flags & NPU_POOL_MIN ? min : max;
	if (p->hdr.op == NPU_OP_POOL_AVG)
		v = (int)lround((double)sum / count);
	if (v < (int16_t)p->act_min)
		return (int16_t)p->act_min;
	return v > (int16_t)p->act_max ? (int16_t)p->act_max : v;
}

static void ref_pool_pixel(const struct npu_cmd_pool *p, const uint8_t *sram,
			   uint8_t *to, int y, int x)
{
	int c;

	for (c = 0; c < p->channels; c++) {
		int v = ref_pool_cell(p, sram, y, x, c);

		*to++ = (uint8_t)v;
		if (p->flags & NPU_POOL_S16)
			*to++ = (uint8_t)(v >> 8);
	}
}

static void ref_pool(const struct npu_cmd_pool *p, const uint8_t *sram,
		     uint8_t *result)
{
	int y, x;

	for (y = 0; y < p->ofm_h; y++)
		for (x = 0; x < p->ofm_w; x++)
			ref_pool_pixel(p, sram,
				       result + ref_place(&p->ofm, y, x, 0), y,
				       x);
}

static int32_t ref_sum(const struct npu_cmd_binary *c, int8_t first,
		       int8_t second)
{
	int64_t one = 1ll << c->left_shift;
	int64_t x = ref_scale(ref_wrap((first - c->a_zp) * one), c->a_mult,
			      c->a_shift);
	int64_t y = ref_scale(ref_wrap((second - c->b_zp) * one), c->b_mult,
			      c->b_shift);

	return ref_wrap(c->hdr.op == NPU_OP_ADD ? x + y : x - y);
}

static int8_t ref_binary_cell(const struct npu_cmd_binary *c, int8_t first,
			      int8_t second)
{
	bool is_first_more = first > second;
	int32_t value = 0;

	switch (c->hdr.op) {
	case NPU_OP_ADD:
	case NPU_OP_SUB:
		value = ref_sum(c, first, second);
		break;
	case NPU_OP_MUL:
		value = (first - c->a_zp) * (second - c->b_zp);
		break;
	case NPU_OP_MAX:
		return ref_clamp(is_first_more ? first : second, c->act_min,
				 c->act_max);
	case NPU_OP_MIN:
		return ref_clamp(is_first_more ? second : first, c->act_min,
				 c->act_max);
	}
	value = ref_scale(value, c->ofm_mult, c->ofm_shift);
	return ref_clamp(ref_wrap((int64_t)value + c->ofm_zp), c->act_min,
			 c->act_max);
}

static void ref_binary(const struct npu_cmd_binary *a, const uint8_t *sram,
		       uint8_t *result)
{
	int y, x, c;

	for (y = 0; y < a->height; y++)
		for (x = 0; x < a->width; x++)
			for (c = 0; c < a->channels; c++)
				result[ref_place(&a->ofm, y, x, c)] =
					(uint8_t)ref_binary_cell(a,
					(int8_t)sram[ref_place(&a->a, y, x, c)],
					(int8_t)sram[ref_place(&a->b, y, x, c)]);
}

static int32_t ref_softmax_exp(const struct npu_cmd_softmax *s, int d)
{
	return ref_exp(ref_srdhm(ref_wrap((int64_t)d * (1ll << s->shift)),
				 (int32_t)s->mult));
}

static void ref_softmax_row(const struct npu_cmd_softmax *s, const int8_t *in,
			    uint8_t *out)
{
	int max = -128, zeros = 0, i;
	uint32_t sum = 0;
	int32_t inverse;

	for (i = 0; i < s->depth; i++)
		max = in[i] > max ? in[i] : max;
	for (i = 0; i < s->depth; i++)
		if (in[i] - max >= (int32_t)s->diff_min)
			sum += ref_rdivp(ref_softmax_exp(s, in[i] - max), 12);
	while (!(sum << zeros >> 31))
		zeros++;
	inverse = ref_inverse((int32_t)((sum << zeros) - (1u << 31)));
	for (i = 0; i < s->depth; i++) {
		int32_t v = ref_srdhm(inverse,
				      ref_softmax_exp(s, in[i] - max));

		v = ref_rdivp(v, 12 - zeros + 31 - 8) - 128;
		v = v > 127 ? 127 : v;
		out[i] = (uint8_t)(in[i] - max >= (int32_t)s->diff_min ? v :
									 -128);
	}
}

static void ref_softmax(const struct npu_cmd_softmax *s, const uint8_t *sram,
			uint8_t *result)
{
	uint32_t row;

	for (row = 0; row < s->rows; row++)
		ref_softmax_row(s,
				(const int8_t *)sram + s->ifm +
					row * s->ifm_pitch,
				result + s->ofm + row * s->ofm_pitch);
}

/* --- NOP ---------------------------------------------------------------------- */

static void test_nop(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = { .nop = { .hdr.op = NPU_OP_NOP, .cycles = 1 } };
	uint8_t sram[ENGINE_SRAM];

	memcpy(sram, e->ctx.sram, ENGINE_SRAM);
	engine_run(e, &cmd);
	assert_memory_equal(sram, e->ctx.sram, ENGINE_SRAM);
	assert_int_equal(e->access.read_count + e->access.write_count, 0);
	cmd.nop.cycles = 1 << 24;
	engine_run(e, &cmd);
	engine_refuse_all(e, &cmd, (struct engine_bad[]){
		ENGINE_BAD(npu_cmd_nop, cycles, 0, FIELD),
		ENGINE_BAD(npu_cmd_nop, cycles, (1 << 24) + 1, FIELD),
		ENGINE_BAD(npu_cmd_nop, cycles, UINT32_MAX, FIELD),
	}, 3);
	engine_refuse_reserved(e, &cmd,
		__builtin_offsetof(struct npu_cmd_nop, reserved), 52);
}

static void test_unknown_opcodes(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = { .nop.cycles = 1 };
	uint32_t op;

	for (op = 0; op < 256; op++) {
		cmd.hdr.op = (uint8_t)op;
		if (op == NPU_OP_NOP ||
		    (op >= NPU_OP_POOL_AVG && op <= NPU_OP_RESIZE))
			continue;
		assert_int_equal(npu_vec_check(&e->ctx, &cmd, &e->access), -1);
		assert_int_equal(e->ctx.fault.code, NPU_FAULT_OPCODE);
	}
}

/* --- Pools --------------------------------------------------------------------- */

static union npu_cmd small_pool(uint8_t op)
{
	return (union npu_cmd){ .pool = {
		.hdr.op = op,
		.ifm = { .addr = 0, .row_pitch = 3, .pixel_pitch = 1 },
		.ofm = { .addr = 64, .row_pitch = 2, .pixel_pitch = 1 },
		.ifm_h = 3, .ifm_w = 3, .channels = 1,
		.ofm_h = 2, .ofm_w = 2,
		.kernel_h = 2, .kernel_w = 2,
		.stride_y = 2, .stride_x = 2,
		.act_min = (npu_le16)-128, .act_max = 127,
	} };
}

static void test_pools_by_hand(void **state)
{
	static const int8_t cells[9] = { 1,  2,  -3,
					 4,  -6, -4,
					 -5, 8,  9 };
	struct engine *e = *state;
	union npu_cmd cmd = small_pool(NPU_OP_POOL_AVG);

	/*
	 * Windows 1 2 4 -6: 1/4 = 0.25; -3 -4: -3.5, away from zero;
	 * -5 8: 1.5, away; 9.
	 */
	memcpy(e->ctx.sram, cells, 9);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64, ((int8_t[]){ 0, -4, 2, 9 }), 4);

	cmd.hdr.op = NPU_OP_POOL_MAX;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64, ((int8_t[]){ 4, -3, 8, 9 }), 4);

	cmd.pool.act_min = (npu_le16)-2;
	cmd.pool.act_max = 5;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64, ((int8_t[]){ 4, -2, 5, 5 }), 4);

	/* Padded by one: windows 1; 2 -3; 4 -5; -6 -4 8 9. */
	cmd = small_pool(NPU_OP_POOL_AVG);
	cmd.pool.pad_top = cmd.pool.pad_left = 1;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64, ((int8_t[]){ 1, -1, -1, 2 }), 4);
}

/* Pitches with gaps of random size, at @addr. */
static struct npu_surface random_surface(uint32_t addr, uint32_t w, uint32_t c)
{
	uint32_t pixel = c + (engine_random() % 3 ? 0 : engine_between(1, 9));
	uint32_t row = w * pixel +
		       (engine_random() % 3 ? 0 : engine_between(1, 9));

	return (struct npu_surface){ addr, (npu_le16)row, (npu_le16)pixel };
}

/* Execute; SRAM has to be what a reference makes of it. */
static void compare(struct engine *e, const union npu_cmd *cmd,
		    void (*ref)(const union npu_cmd *cmd, const uint8_t *sram,
				uint8_t *result))
{
	uint32_t size = e->ctx.sram_size;
	uint8_t *result = allocate(size);

	memcpy(result, e->ctx.sram, size);
	ref(cmd, e->ctx.sram, result);
	engine_run(e, cmd);
	assert_memory_equal(e->ctx.sram, result, size);
	free(result);
}

static void ref_pool_cmd(const union npu_cmd *cmd, const uint8_t *sram,
			 uint8_t *result)
{
	ref_pool(&cmd->pool, sram, result);
}

static void ref_binary_cmd(const union npu_cmd *cmd, const uint8_t *sram,
			uint8_t *result)
{
	ref_binary(&cmd->binary, sram, result);
}

static void ref_softmax_cmd(const union npu_cmd *cmd, const uint8_t *sram,
			    uint8_t *result)
{
	ref_softmax(&cmd->softmax, sram, result);
}

static union npu_cmd random_pool(void)
{
	union npu_cmd cmd = { .pool = {
		.hdr.op = engine_random() % 2 ? NPU_OP_POOL_AVG :
						NPU_OP_POOL_MAX,
		.ifm_h = engine_between(1, 12),
		.ifm_w = engine_between(1, 12),
		.channels = engine_random() % 8 ? engine_between(1, 40) :
						  engine_between(250, 600),
		.ofm_h = engine_between(1, 8),
		.ofm_w = engine_between(1, 8),
		.kernel_h = engine_between(1, 12),
		.kernel_w = engine_between(1, 12),
		.stride_y = engine_between(1, 3),
		.stride_x = engine_between(1, 3),
		.pad_top = engine_between(0, 3),
		.pad_left = engine_between(0, 3),
		.act_min = (npu_le16)engine_between(-128, 0),
		.act_max = (npu_le16)engine_between(0, 127),
	} };
	uint32_t size = 1;

	if (engine_random() % 4) {
		cmd.pool.act_min = (npu_le16)-128;
		cmd.pool.act_max = 127;
	}
	if (cmd.hdr.op == NPU_OP_POOL_MAX && engine_random() % 2)
		cmd.pool.flags |= NPU_POOL_MIN;
	if (engine_random() % 3 == 0) {
		cmd.pool.flags |= NPU_POOL_S16;
		cmd.pool.act_min = (npu_le16)engine_between(-32768, -10000);
		cmd.pool.act_max = (npu_le16)engine_between(-10000, 32767);
		size = 2;
	}
	cmd.pool.ifm = random_surface(engine_between(0, 99), cmd.pool.ifm_w,
				      size * cmd.pool.channels);
	cmd.pool.ofm = random_surface(400000 + engine_between(0, 99),
				      cmd.pool.ofm_w,
				      size * cmd.pool.channels);
	return cmd;
}

static void test_random_pools(void **state)
{
	struct engine *e = *state;
	uint32_t done = 0;

	assert_int_equal(engine_setup_sram(e, BIG_SRAM), 0);
	while (done < RANDOM_SHAPES) {
		union npu_cmd cmd = random_pool();

		if (engine_check(e, &cmd)) { /* an empty window, surely */
			assert_int_equal(e->ctx.fault.code, NPU_FAULT_FIELD);
			continue;
		}
		compare(e, &cmd, ref_pool_cmd);
		done++;
	}
}

static void test_greatest_window(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_pool(NPU_OP_POOL_AVG);
	uint32_t i;

	/* 255 x 255 cells of -128 */
	assert_int_equal(engine_setup_sram(e, BIG_SRAM), 0);
	cmd.pool.ifm_h = cmd.pool.ifm_w = 255;
	cmd.pool.kernel_h = cmd.pool.kernel_w = 255;
	cmd.pool.ofm_h = cmd.pool.ofm_w = 1;
	cmd.pool.ifm.row_pitch = 255;
	cmd.pool.ofm.addr = 255 * 255;
	memset(e->ctx.sram, 0x80, 255 * 255);
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[255 * 255], -128);

	/* The same of -2^15 */
	cmd.pool.flags = NPU_POOL_S16;
	cmd.pool.ifm.pixel_pitch = 2;
	cmd.pool.ifm.row_pitch = 510;
	cmd.pool.ofm.addr = 2 * 255 * 255;
	cmd.pool.act_min = (npu_le16)INT16_MIN;
	for (i = 0; i < 2 * 255 * 255; i++)
		e->ctx.sram[i] = i % 2 ? 0x80 : 0;
	engine_run(e, &cmd);
	assert_int_equal(e->ctx.sram[2 * 255 * 255 + 1], 0x80);
	assert_int_equal(e->ctx.sram[2 * 255 * 255], 0);
}

static void test_bad_pools(void **state)
{
	static const struct engine_bad bad[] = {
		ENGINE_BAD(POOL, ifm_h, 0, FIELD),
		ENGINE_BAD(POOL, ifm_w, 0, FIELD),
		ENGINE_BAD(POOL, channels, 0, FIELD),
		ENGINE_BAD(POOL, ofm_h, 0, FIELD),
		ENGINE_BAD(POOL, ofm_w, 0, FIELD),
		ENGINE_BAD(POOL, kernel_h, 0, FIELD),
		ENGINE_BAD(POOL, kernel_w, 0, FIELD),
		ENGINE_BAD(POOL, stride_y, 0, FIELD),
		ENGINE_BAD(POOL, stride_x, 0, FIELD),
		ENGINE_BAD(POOL, act_min, -129, FIELD),
		ENGINE_BAD(POOL, act_min, 128, FIELD),
		ENGINE_BAD(POOL, act_max, -129, FIELD),
		ENGINE_BAD(POOL, act_max, 128, FIELD),
		/* A window of two rows, two of them before the input */
		ENGINE_BAD(POOL, pad_top, 2, FIELD),
		ENGINE_BAD(POOL, pad_left, 2, FIELD),
		/* The third window begins behind the last row. */
		ENGINE_BAD(POOL, ofm_h, 3, FIELD),
		ENGINE_BAD(POOL, ofm_w, 3, FIELD),
		ENGINE_BAD(POOL, ofm_h, UINT16_MAX, FIELD),
		ENGINE_BAD(POOL, ofm.pixel_pitch, 0, FIELD),
		ENGINE_BAD(POOL, ofm.row_pitch, 1, FIELD),
		ENGINE_BAD(POOL, flags, 4, FIELD),
	};
	struct engine *e = *state;
	union npu_cmd avg = small_pool(NPU_OP_POOL_AVG);
	union npu_cmd max = small_pool(NPU_OP_POOL_MAX);

	engine_refuse_all(e, &avg, bad, COUNT(bad));
	engine_refuse_all(e, &max, bad, COUNT(bad));
	engine_refuse_reserved(e, &max,
			       __builtin_offsetof(struct POOL, reserved), 19);
	avg.pool.act_min = 5;
	avg.pool.act_max = 4;
	engine_refuse(e, &avg, NPU_FAULT_FIELD,
		      __builtin_offsetof(struct POOL, act_max));
	avg = small_pool(NPU_OP_POOL_AVG);
	avg.pool.flags = NPU_POOL_MIN;
	engine_refuse(e, &avg, NPU_FAULT_FIELD,
		      __builtin_offsetof(struct POOL, flags));
}

static void test_borders_of_pools(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_pool(NPU_OP_POOL_AVG);

	cmd.pool.ifm.addr = ENGINE_SRAM - 9;
	engine_run(e, &cmd);
	assert_int_equal(e->access.read_count, 1);
	assert_int_equal(e->access.reads[0].low, ENGINE_SRAM - 9);
	assert_int_equal(e->access.reads[0].high, ENGINE_SRAM);
	assert_int_equal(e->access.write_count, 1);
	assert_int_equal(e->access.writes[0].low, 64);
	assert_int_equal(e->access.writes[0].high, 68);
	cmd.pool.ifm.addr++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd = small_pool(NPU_OP_POOL_AVG);
	cmd.pool.ofm.addr = ENGINE_SRAM - 4;
	engine_run(e, &cmd);
	cmd.pool.ofm.addr++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd.pool.ofm.addr = 9;
	engine_run(e, &cmd);
	cmd.pool.ofm.addr--;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct POOL, ifm));
	cmd.pool.ofm.addr = cmd.pool.ifm.addr;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct POOL, ifm));
}

static void test_too_much_pooling(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_pool(NPU_OP_POOL_AVG);

	/* 2^10 pixels of 2^8 channels and windows of 2^8 cells: 2^26 */
	assert_int_equal(engine_setup_sram(e, BIG_SRAM), 0);
	cmd.pool.ifm_h = cmd.pool.ifm_w = 40;
	cmd.pool.ifm.pixel_pitch = cmd.pool.ifm.row_pitch = 0;
	cmd.pool.ofm_h = cmd.pool.ofm_w = 32;
	cmd.pool.stride_y = cmd.pool.stride_x = 1;
	cmd.pool.kernel_h = cmd.pool.kernel_w = 16;
	cmd.pool.channels = 256;
	cmd.pool.ofm = (struct npu_surface){ 1024, 32 * 256, 256 };
	assert_int_equal(engine_check(e, &cmd), 0);
	cmd.pool.ofm_h++;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
}

/* --- ADD and its like ---------------------------------------------------------------------- */

static union npu_cmd small_binary(uint8_t op)
{
	union npu_cmd cmd = { .binary = {
		.hdr.op = op,
		.a = { .addr = 0, .row_pitch = 4, .pixel_pitch = 2 },
		.b = { .addr = 16, .row_pitch = 4, .pixel_pitch = 2 },
		.ofm = { .addr = 32, .row_pitch = 4, .pixel_pitch = 2 },
		.height = 2, .width = 2, .channels = 2,
		.left_shift = 20,
		.a_mult = 1 << 30, .b_mult = 1 << 30, .ofm_mult = 1 << 30,
		.ofm_shift = -18,
		.act_min = (npu_le16)-128, .act_max = 127,
	} };

	if (op != NPU_OP_ADD && op != NPU_OP_SUB) {
		cmd.binary.left_shift = 0;
		cmd.binary.a_mult = cmd.binary.b_mult = 0;
	}
	if (op == NPU_OP_MAX || op == NPU_OP_MIN)
		cmd.binary.ofm_mult = cmd.binary.ofm_shift = 0;
	return cmd;
}

/* a is -128 and b is 127, but for 10 and 7 in place 5. */
static void set_by_hand(struct engine *e)
{
	memset(e->ctx.sram, 0x80, 8);
	memset(e->ctx.sram + 16, 127, 8);
	e->ctx.sram[5] = 10;
	e->ctx.sram[16 + 5] = 7;
}

static void test_add_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_binary(NPU_OP_ADD);

	/*
	 * (10 + 1) * 2^20 / 2 + (7 - 3) * 2^20 / 2 / 2 = 6.5 * 2^20, half of
	 * it 3.25 * 2^20 = 13 * 2^18; / 2^18 = 13; 13 - 5 = 8. And for the
	 * others: (-128 + 1) / 2 + (127 - 3) / 4 = -32.5: -65 - 5 = -70.
	 */
	cmd.binary.a_zp = -1;
	cmd.binary.b_zp = 3;
	cmd.binary.b_shift = -1;
	cmd.binary.ofm_zp = -5;
	set_by_hand(e);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 32,
			    ((int8_t[]){ -70, -70, -70, -70, -70, 8, -70,
					 -70 }), 8);
	cmd.binary.act_min = (npu_le16)-60;
	cmd.binary.act_max = 7;
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[32], -60);
	assert_int_equal((int8_t)e->ctx.sram[37], 7);
}

/*
 * One value of MUL, MAX and MIN, whose unused fields are zero: (10 + 1) x (7 -
 * 3) = 44, SRDHM with 2^30: 22, / 2^2 = 5.5: 6, - 5 = 1. And (-128 + 1) x (127
 * - 3) = -15748: -7874, -1968.5: -1969, clamped.
 */
static void test_others_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_binary(NPU_OP_MUL);

	cmd.binary.a_zp = -1;
	cmd.binary.b_zp = 3;
	cmd.binary.ofm_zp = -5;
	cmd.binary.ofm_shift = -2;
	set_by_hand(e);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 32,
			    ((int8_t[]){ -128, -128, -128, -128, -128, 1, -128,
					 -128 }), 8);
	cmd = small_binary(NPU_OP_MAX);
	cmd.binary.act_max = 100;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 32,
			    ((int8_t[]){ 100, 100, 100, 100, 100, 10, 100,
					 100 }), 8);
	cmd.hdr.op = NPU_OP_MIN;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 32,
			    ((int8_t[]){ -128, -128, -128, -128, -128, 7, -128,
					 -128 }), 8);
	/* As in the addition by hand: (5.5 - 1) x 2^20, half of it, / 2^18. */
	cmd = small_binary(NPU_OP_SUB);
	cmd.binary.a_zp = -1;
	cmd.binary.b_zp = 3;
	cmd.binary.b_shift = -1;
	cmd.binary.ofm_zp = -5;
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[32 + 5], 9 - 5);
	cmd.binary.act_min = cmd.binary.act_max = 0;
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[32 + 5], 0);
}

/* Fields that the operation has no use for. */
static void clear_unused(struct npu_cmd_binary *c)
{
	if (c->hdr.op == NPU_OP_ADD || c->hdr.op == NPU_OP_SUB)
		return;
	c->left_shift = 0;
	c->a_mult = c->b_mult = 0;
	c->a_shift = c->b_shift = 0;
	if (c->hdr.op == NPU_OP_MUL) {
		c->ofm_shift += 10;
		return;
	}
	c->a_zp = c->b_zp = c->ofm_zp = 0;
	c->ofm_mult = 0;
	c->ofm_shift = 0;
}

/* An input that is repeated in one direction or in both. */
static void repeat(struct npu_surface *input)
{
	switch (engine_random() % 4) {
	case 0:
		input->row_pitch = 0;
		break;
	case 1:
		input->pixel_pitch = 0;
		break;
	case 2:
		input->row_pitch = input->pixel_pitch = 0;
		break;
	}
}

static union npu_cmd random_binary(void)
{
	static const uint8_t ops[] = { NPU_OP_ADD, NPU_OP_SUB, NPU_OP_MUL,
				       NPU_OP_MAX, NPU_OP_MIN };
	bool is_wild = engine_random() % 8 == 0;
	union npu_cmd cmd = { .binary = {
		.hdr.op = ops[engine_random() % COUNT(ops)],
		.height = engine_between(1, 9),
		.width = engine_between(1, 40),
		.channels = engine_between(1, engine_random() % 2 ? 9 : 200),
		.a_zp = engine_int8(),
		.b_zp = engine_int8(),
		.ofm_zp = engine_int8(),
		.left_shift = is_wild ? engine_between(0, 20) : 20,
		.a_mult = (uint32_t)engine_between(1 << 30, INT32_MAX),
		.b_mult = (uint32_t)engine_between(1 << 30, INT32_MAX),
		.ofm_mult = (uint32_t)engine_between(1 << 30, INT32_MAX),
		.a_shift = engine_between(-4, 0),
		.b_shift = engine_between(-4, 0),
		.ofm_shift = engine_between(-20, -17),
		.act_min = (npu_le16)engine_between(-128, 0),
		.act_max = (npu_le16)engine_between(0, 127),
	} };

	if (is_wild) {
		cmd.binary.a_mult = engine_random() & INT32_MAX;
		cmd.binary.ofm_mult = engine_random() & INT32_MAX;
		cmd.binary.a_shift = engine_between(-31, 30);
		cmd.binary.b_shift = engine_between(-31, 30);
		cmd.binary.ofm_shift = engine_between(-31, 20);
	}
	clear_unused(&cmd.binary);
	cmd.binary.a = random_surface(engine_between(0, 99), cmd.binary.width,
				   cmd.binary.channels);
	cmd.binary.b = random_surface(100000, cmd.binary.width, cmd.binary.channels);
	cmd.binary.ofm = random_surface(200000, cmd.binary.width, cmd.binary.channels);
	switch (engine_random() % 6) {
	case 0:
		cmd.binary.ofm = cmd.binary.a;
		break;
	case 1:
		cmd.binary.ofm = cmd.binary.b;
		break;
	case 2:
		cmd.binary.ofm = cmd.binary.b = cmd.binary.a;
		break;
	case 3:
		repeat(&cmd.binary.a);
		repeat(&cmd.binary.b);
		break;
	}
	return cmd;
}

/* What the loops of each kind of processor make of it: the same SRAM. */
static void compare_kernels(struct engine *e, const union npu_cmd *cmd)
{
	const struct kernels *const *k;
	uint32_t size = e->ctx.sram_size;
	uint8_t *before = allocate(size), *after = allocate(size);

	memcpy(before, e->ctx.sram, size);
	memcpy(after, e->ctx.sram, size);
	ref_binary_cmd(cmd, before, after);
	for (k = npu_kernels_all; *k; k++) {
		if (!(*k)->is_supported())
			continue;
		memcpy(e->ctx.sram, before, size);
		vec_binary_compute(e->ctx.sram, cmd, *k);
		assert_memory_equal(e->ctx.sram, after, size);
	}
	memcpy(e->ctx.sram, before, size);
	free(before);
	free(after);
}

static void test_random_binaries(void **state)
{
	struct engine *e = *state;
	uint32_t i;

	assert_int_equal(engine_setup_sram(e, BIG_SRAM), 0);
	for (i = 0; i < RANDOM_SHAPES; i++) {
		union npu_cmd cmd = random_binary();

		engine_randomise(e->ctx.sram, 1000);
		compare_kernels(e, &cmd);
		compare(e, &cmd, ref_binary_cmd);
	}
}

static void test_bad_additions(void **state)
{
	static const struct engine_bad bad[] = {
		ENGINE_BAD(ADD, height, 0, FIELD),
		ENGINE_BAD(ADD, width, 0, FIELD),
		ENGINE_BAD(ADD, channels, 0, FIELD),
		ENGINE_BAD(ADD, left_shift, 21, FIELD),
		ENGINE_BAD(ADD, left_shift, 255, FIELD),
		ENGINE_BAD(ADD, a_mult, 0x80000000, FIELD),
		ENGINE_BAD(ADD, b_mult, 0x80000000, FIELD),
		ENGINE_BAD(ADD, ofm_mult, 0xffffffff, FIELD),
		ENGINE_BAD(ADD, a_shift, -32, FIELD),
		ENGINE_BAD(ADD, a_shift, 31, FIELD),
		ENGINE_BAD(ADD, b_shift, -32, FIELD),
		ENGINE_BAD(ADD, b_shift, 31, FIELD),
		ENGINE_BAD(ADD, ofm_shift, -32, FIELD),
		ENGINE_BAD(ADD, ofm_shift, 31, FIELD),
		ENGINE_BAD(ADD, act_min, -129, FIELD),
		ENGINE_BAD(ADD, act_min, 128, FIELD),
		ENGINE_BAD(ADD, act_max, -129, FIELD),
		ENGINE_BAD(ADD, act_max, 128, FIELD),
		ENGINE_BAD(ADD, ofm.pixel_pitch, 1, FIELD),
		ENGINE_BAD(ADD, ofm.row_pitch, 3, FIELD),
		ENGINE_BAD(ADD, reserved1, 1, RESERVED),
	};
	struct engine *e = *state;
	union npu_cmd cmd = small_binary(NPU_OP_ADD);

	engine_refuse_all(e, &cmd, bad, COUNT(bad));
	engine_refuse_reserved(e, &cmd,
			       __builtin_offsetof(struct ADD, reserved), 2);
	cmd.hdr.op = NPU_OP_SUB;
	engine_refuse_all(e, &cmd, bad, COUNT(bad));
	cmd.binary.act_min = 1;
	cmd.binary.act_max = 0;
	engine_refuse(e, &cmd, NPU_FAULT_FIELD,
		      __builtin_offsetof(struct ADD, act_max));
}

static void test_unused_fields(void **state)
{
	static const struct engine_bad of_products[] = {
		ENGINE_BAD(ADD, left_shift, 1, FIELD),
		ENGINE_BAD(ADD, a_mult, 1, FIELD),
		ENGINE_BAD(ADD, b_mult, 0x40000000, FIELD),
		ENGINE_BAD(ADD, a_shift, -1, FIELD),
		ENGINE_BAD(ADD, b_shift, 1, FIELD),
		ENGINE_BAD(ADD, ofm_mult, 0x80000000, FIELD),
		ENGINE_BAD(ADD, ofm_shift, 31, FIELD),
		ENGINE_BAD(ADD, channels, 0, FIELD),
		ENGINE_BAD(ADD, act_max, 128, FIELD),
		ENGINE_BAD(ADD, ofm.pixel_pitch, 1, FIELD),
	};
	static const struct engine_bad of_selections[] = {
		ENGINE_BAD(ADD, a_zp, 1, FIELD),
		ENGINE_BAD(ADD, b_zp, -1, FIELD),
		ENGINE_BAD(ADD, ofm_zp, -128, FIELD),
		ENGINE_BAD(ADD, left_shift, 20, FIELD),
		ENGINE_BAD(ADD, a_mult, 1, FIELD),
		ENGINE_BAD(ADD, b_mult, 1, FIELD),
		ENGINE_BAD(ADD, ofm_mult, 1, FIELD),
		ENGINE_BAD(ADD, a_shift, 1, FIELD),
		ENGINE_BAD(ADD, b_shift, -1, FIELD),
		ENGINE_BAD(ADD, ofm_shift, 1, FIELD),
	};
	struct engine *e = *state;
	union npu_cmd mul = small_binary(NPU_OP_MUL);
	union npu_cmd max = small_binary(NPU_OP_MAX);
	union npu_cmd min = small_binary(NPU_OP_MIN);

	engine_refuse_all(e, &mul, of_products, COUNT(of_products));
	engine_refuse_all(e, &max, of_selections, COUNT(of_selections));
	engine_refuse_all(e, &min, of_selections, COUNT(of_selections));
}

/* What a pitch of zero repeats is read once, also by the cost's account. */
static void test_cost_of_repetition(void **state)
{
	static const struct npu_machine machine = NPU_MACHINE_DEFAULT;
	union npu_cmd cmd = small_binary(NPU_OP_MUL);
	struct npu_cost cost;

	npu_cost(&machine, &cmd, &cost);
	assert_int_equal(cost.sram_read, 16);
	assert_int_equal(cost.sram_written, 8);
	assert_int_equal(cost.steps, 16);
	cmd.binary.b.row_pitch = 0;
	npu_cost(&machine, &cmd, &cost);
	assert_int_equal(cost.sram_read, 12);
	cmd.binary.b.pixel_pitch = 0;
	npu_cost(&machine, &cmd, &cost);
	assert_int_equal(cost.sram_read, 10);
}

/* macs / 192 elements per cycle, by the same steps. */
static void test_cost_of_restricted_additions(void **state)
{
	static struct npu_machine machine = NPU_MACHINE_DEFAULT;
	union npu_cmd add = small_binary(NPU_OP_ADD);
	union npu_cmd mul = small_binary(NPU_OP_MUL);
	struct npu_cost cost;

	machine.restricted = 1;
	npu_cost(&machine, &add, &cost);
	assert_int_equal(cost.bound[NPU_BOUND_STEPS], 8 * 192 / 128);
	assert_int_equal(cost.steps, 32);
	npu_cost(&machine, &mul, &cost);
	assert_int_equal(cost.bound[NPU_BOUND_STEPS], 2);
}

static void test_borders_of_additions(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_binary(NPU_OP_ADD);
	struct npu_surface *surfaces[] = { &cmd.binary.a, &cmd.binary.b,
					   &cmd.binary.ofm };
	uint32_t i;

	for (i = 0; i < 3; i++) {
		cmd = small_binary(NPU_OP_ADD);
		surfaces[i]->addr = ENGINE_SRAM - 8;
		engine_run(e, &cmd);
		surfaces[i]->addr++;
		engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	}
	cmd = small_binary(NPU_OP_ADD);
	cmd.binary.ofm.addr = cmd.binary.a.addr + 8;
	engine_run(e, &cmd);
	cmd.binary.ofm.addr--;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct ADD, a));
	cmd = small_binary(NPU_OP_ADD);
	cmd.binary.ofm.addr = cmd.binary.b.addr + 7;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct ADD, b));
	/* In place is the same place with the same pitches. */
	cmd = small_binary(NPU_OP_ADD);
	cmd.binary.ofm = cmd.binary.b;
	engine_run(e, &cmd);
	cmd.binary.b.row_pitch = 0;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct ADD, b));
}

static void test_too_much_adding(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_binary(NPU_OP_ADD);

	/* 2^13 * 2^3 * 2^10 = 2^26: allowed, but not in this SRAM */
	cmd.binary.height = 1 << 13;
	cmd.binary.width = 1 << 3;
	cmd.binary.channels = 1 << 10;
	cmd.binary.ofm.row_pitch = 1 << 13;
	cmd.binary.ofm.pixel_pitch = 1 << 10;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd.binary.height++;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
}

/* --- SOFTMAX -------------------------------------------------------------------- */

/* The parameters that a scale of the input gives, beta 1. */
static void softmax_scale(struct npu_cmd_softmax *s, double scale)
{
	int shift;
	double q = frexp(scale * (1 << 26), &shift);
	int64_t mult = llround(q * (1ll << 31));
	double radius;

	if (mult == 1ll << 31) {
		mult /= 2;
		shift++;
	}
	radius = floor(31.0 * (1 << 26) / (double)(1ll << shift));
	s->mult = (uint32_t)mult;
	s->shift = (int8_t)shift;
	s->diff_min = (npu_le32)(radius > 255 ? -255 : -(int32_t)radius);
}

static union npu_cmd small_softmax(void)
{
	union npu_cmd cmd = { .softmax = {
		.hdr.op = NPU_OP_SOFTMAX,
		.ifm = 0,
		.ofm = 64,
		.ifm_pitch = 4,
		.ofm_pitch = 4,
		.rows = 2,
		.depth = 4,
	} };

	softmax_scale(&cmd.softmax, 0.125);
	return cmd;
}

static void test_softmax_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_softmax();

	/*
	 * Scale 1/8. Four equal ones: 256 / 4 - 128 = -64 each. And 8, 0, -8,
	 * -128: exp(0, -1, -2, -17) = 1, .3679, .1353, 0; sum 1.5032; in 256th
	 * parts 170.3, 62.65, 23.05, 0; less 128.
	 */
	memcpy(e->ctx.sram, (int8_t[]){ 9, 9, 9, 9, 8, 0, -8, -128 }, 8);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64,
			    ((int8_t[]){ -64, -64, -64, -64, 42, -65, -105,
					 -128 }), 8);
	/* With all but the greatest below diff_min: 255 (256 is clamped). */
	cmd.softmax.diff_min = 0;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 68,
			    ((int8_t[]){ 127, -128, -128, -128 }), 4);
	assert_int_equal((int8_t)e->ctx.sram[64], -64);
}

static void test_softmax_is_near_the_real_one(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_softmax();
	const int8_t *in = (const int8_t *)e->ctx.sram;
	const int8_t *out = in + 1024;
	uint32_t round, i;

	cmd.softmax.rows = 1;
	cmd.softmax.ofm = 1024;
	for (round = 0; round < 200; round++) {
		double scale = engine_between(1, 1000) / 2000., sum = 0;

		cmd.softmax.depth = engine_between(1, 100);
		softmax_scale(&cmd.softmax, scale);
		engine_randomise(e->ctx.sram, cmd.softmax.depth);
		engine_run(e, &cmd);
		for (i = 0; i < cmd.softmax.depth; i++)
			sum += exp(scale * in[i]);
		for (i = 0; i < cmd.softmax.depth; i++) {
			double real = 256 * exp(scale * in[i]) / sum - 128;

			assert_true(fabs(real - out[i]) <= 1.01);
		}
	}
}

static void test_random_softmax(void **state)
{
	struct engine *e = *state;
	uint32_t i;

	assert_int_equal(engine_setup_sram(e, BIG_SRAM), 0);
	for (i = 0; i < RANDOM_SHAPES; i++) {
		union npu_cmd cmd = small_softmax();
		struct npu_cmd_softmax *s = &cmd.softmax;

		s->rows = engine_between(1, 6);
		s->depth = i % 16 ? engine_between(1, 60) :
				    engine_between(1000, 4096);
		s->ifm = engine_between(0, 99);
		s->ifm_pitch = s->depth + engine_between(0, 9);
		s->ofm = 100000;
		s->ofm_pitch = s->depth + engine_between(0, 9);
		softmax_scale(s, engine_between(1, 4000) / 4000.);
		if (i % 8 == 0) {
			s->mult = engine_random() & INT32_MAX;
			s->shift = engine_between(0, 31);
			s->diff_min = (npu_le32)engine_between(-255, 0);
		}
		engine_randomise(e->ctx.sram, 30000);
		compare(e, &cmd, ref_softmax_cmd);
	}
}

/* Equal ones: from 8192 on their sum wraps to zero; each is near 0. */
static void test_longest_rows(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_softmax();
	uint32_t depth, i;

	assert_int_equal(engine_setup_sram(e, BIG_SRAM), 0);
	cmd.softmax.rows = 1;
	cmd.softmax.ofm = 100000;
	memset(e->ctx.sram, 5, UINT16_MAX);
	for (depth = 4096; depth <= 32768; depth *= 2) {
		cmd.softmax.depth = (npu_le16)depth;
		engine_run(e, &cmd);
		for (i = 0; i < depth; i++)
			assert_int_equal((int8_t)e->ctx.sram[100000 + i],
					 -128);
	}
	cmd.softmax.depth = UINT16_MAX;
	engine_run(e, &cmd);
}

static void test_bad_softmax(void **state)
{
	static const struct engine_bad bad[] = {
		ENGINE_BAD(SOFTMAX, rows, 0, FIELD),
		ENGINE_BAD(SOFTMAX, depth, 0, FIELD),
		ENGINE_BAD(SOFTMAX, mult, 0x80000000, FIELD),
		ENGINE_BAD(SOFTMAX, diff_min, 1, FIELD),
		ENGINE_BAD(SOFTMAX, diff_min, -256, FIELD),
		ENGINE_BAD(SOFTMAX, diff_min, 0x80000000, FIELD),
		ENGINE_BAD(SOFTMAX, shift, -1, FIELD),
		ENGINE_BAD(SOFTMAX, shift, 32, FIELD),
		ENGINE_BAD(SOFTMAX, ofm_pitch, 3, FIELD),
	};
	struct engine *e = *state;
	union npu_cmd cmd = small_softmax();

	engine_refuse_all(e, &cmd, bad, COUNT(bad));
	engine_refuse_reserved(e, &cmd,
			       __builtin_offsetof(struct SOFTMAX, reserved),
			       31);
	/* Of a single row the pitch does not matter. */
	cmd.softmax.rows = 1;
	cmd.softmax.ofm_pitch = 0;
	engine_run(e, &cmd);
}

static void test_borders_of_softmax(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_softmax();

	cmd.softmax.ifm = ENGINE_SRAM - 8;
	engine_run(e, &cmd);
	cmd.softmax.ifm++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd = small_softmax();
	cmd.softmax.ofm = ENGINE_SRAM - 8;
	engine_run(e, &cmd);
	cmd.softmax.ofm++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd.softmax.ofm = 8;
	engine_run(e, &cmd);
	cmd.softmax.ofm--;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct SOFTMAX, ifm));
	cmd.softmax.ofm = cmd.softmax.ifm;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct SOFTMAX, ifm));
	cmd.softmax.rows = cmd.softmax.depth = cmd.softmax.ofm_pitch =
		UINT16_MAX;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
}

static void test_hostile_commands(void **state)
{
	union npu_cmd nop = { .nop = { .hdr.op = NPU_OP_NOP, .cycles = 1 } };
	union npu_cmd avg = small_pool(NPU_OP_POOL_AVG);
	union npu_cmd max = small_pool(NPU_OP_POOL_MAX);
	union npu_cmd add = small_binary(NPU_OP_ADD);
	union npu_cmd mul = small_binary(NPU_OP_MUL);
	union npu_cmd min = small_binary(NPU_OP_MIN);
	union npu_cmd softmax = small_softmax();

	engine_torture(*state, &nop, 1000);
	engine_torture(*state, &avg, 20000);
	engine_torture(*state, &max, 20000);
	engine_torture(*state, &add, 20000);
	engine_torture(*state, &mul, 20000);
	engine_torture(*state, &min, 20000);
	engine_torture(*state, &softmax, 20000);
}

/* --- Published models ------------------------------------------------------------ */

/* A pool over all of a stored tensor, or 2 x 2 with stride 2. */
static void test_pools_of_models(void **state)
{
	static const struct {
		const char *model, *from, *to;
		uint32_t height, width, channels;
		bool is_max;
	} pools[] = {
		{ "kws01", "t030", "t031", 25, 5, 64, false },
		{ "vww01", "t084", "t085", 3, 3, 256, false },
		{ "ic01", "t033", "t034", 8, 8, 64, false },
		{ "mnv2_160", "t173", "t174", 5, 5, 1280, false },
		{ "blazeface_128", "t090", "t093", 64, 64, 28, true },
		{ "blazeface_128", "t128", "t137", 16, 16, 88, true },
	};
	struct engine *e = *state;
	uint32_t i;

	assert_int_equal(engine_setup_sram(e, BIG_SRAM), 0);
	for (i = 0; i < COUNT(pools); i++) {
		uint32_t h = pools[i].height, w = pools[i].width;
		uint32_t c = pools[i].channels, out_w, out_h;
		union npu_cmd cmd = small_pool(pools[i].is_max ?
					       NPU_OP_POOL_MAX :
					       NPU_OP_POOL_AVG);
		struct model_file from, to;
		char name[64];

		if (!models_have(pools[i].model))
			skip();
		snprintf(name, sizeof(name), "tensors/%s.bin", pools[i].from);
		from = models_read(pools[i].model, name);
		snprintf(name, sizeof(name), "tensors/%s.bin", pools[i].to);
		to = models_read(pools[i].model, name);
		out_h = pools[i].is_max ? h / 2 : 1;
		out_w = pools[i].is_max ? w / 2 : 1;
		assert_int_equal(from.size, h * w * c);
		assert_int_equal(to.size, out_h * out_w * c);

		cmd.pool.ifm = (struct npu_surface){ 0, w * c, c };
		cmd.pool.ofm = (struct npu_surface){ from.size, out_w * c, c };
		cmd.pool.ifm_h = h;
		cmd.pool.ifm_w = w;
		cmd.pool.channels = c;
		cmd.pool.ofm_h = out_h;
		cmd.pool.ofm_w = out_w;
		if (!pools[i].is_max) {
			cmd.pool.kernel_h = h;
			cmd.pool.kernel_w = w;
		}
		memcpy(e->ctx.sram, from.bytes, from.size);
		engine_run(e, &cmd);
		assert_memory_equal(e->ctx.sram + from.size, to.bytes, to.size);
		models_free(&from);
		models_free(&to);
	}
}

/*
 * The last operator of these models: the first tap is its input, with its scale
 * in the manifest; the case's golden starts with its output.
 */
static void test_softmax_of_models(void **state)
{
	static const char *const models[] = { "kws01", "vww01", "ic01",
					      "mnv2_160" };
	struct engine *e = *state;
	uint32_t i;

	for (i = 0; i < COUNT(models); i++) {
		union npu_cmd cmd = small_softmax();
		struct model_file in, golden;
		json_t *manifest, *taps, *tap;
		char name[64];

		if (!models_have(models[i]))
			skip();
		manifest = models_manifest(models[i]);
		taps = json_object_get(manifest, "taps");
		tap = json_array_get(json_object_get(taps, "outputs"), 0);
		in = models_read(models[i],
				 json_string_value(json_object_get(tap,
								   "golden")));
		snprintf(name, sizeof(name), "golden/%s.bin",
			 json_string_value(json_object_get(taps, "case")));
		golden = models_read(models[i], name);
		cmd.softmax.rows =
			json_integer_value(json_object_get(taps, "n"));
		cmd.softmax.depth = in.size / cmd.softmax.rows;
		cmd.softmax.ifm_pitch = cmd.softmax.depth;
		cmd.softmax.ofm_pitch = cmd.softmax.depth;
		cmd.softmax.ofm = 8192;
		softmax_scale(&cmd.softmax, json_real_value(
			json_object_get(tap, "scale")));
		assert_in_range(in.size, 1, 8192);
		assert_true(golden.size >= in.size);
		memcpy(e->ctx.sram, in.bytes, in.size);
		engine_run(e, &cmd);
		assert_memory_equal(e->ctx.sram + 8192, golden.bytes, in.size);
		models_free(&in);
		models_free(&golden);
		json_decref(manifest);
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, engine_setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nop),
		TEST(test_unknown_opcodes),
		TEST(test_pools_by_hand),
		TEST(test_random_pools),
		TEST(test_greatest_window),
		TEST(test_bad_pools),
		TEST(test_borders_of_pools),
		TEST(test_too_much_pooling),
		TEST(test_add_by_hand),
		TEST(test_others_by_hand),
		TEST(test_random_binaries),
		TEST(test_bad_additions),
		TEST(test_unused_fields),
		TEST(test_cost_of_repetition),
		TEST(test_cost_of_restricted_additions),
		TEST(test_borders_of_additions),
		TEST(test_too_much_adding),
		TEST(test_softmax_by_hand),
		TEST(test_softmax_is_near_the_real_one),
		TEST(test_random_softmax),
		TEST(test_longest_rows),
		TEST(test_bad_softmax),
		TEST(test_borders_of_softmax),
		TEST(test_hostile_commands),
		TEST(test_pools_of_models),
		TEST(test_softmax_of_models),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vec", tests, NULL, NULL);
}
