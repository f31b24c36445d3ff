// SPDX-License-Identifier: MIT
/*
 * RESIZE: the manual's example, random pictures against the formulas of
 * TensorFlow Lite's reference kernels on whole pictures, in parts as well, and
 * every rule of the checks broken alone.
 */
#include "engine.h"

#include <npu/cost.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CMD npu_cmd_resize
#define OFFSET(member) __builtin_offsetof(struct CMD, member)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OUT 0x10000u
#define PICTURES 600

/* A whole picture and what it is to become, as a model says it. */
struct picture {
	int in_h, in_w, out_h, out_w, channels, size;
	bool is_nearest, is_half_pixel, is_aligned;
};

/* --- The reference's formulas -------------------------------------------------- */

static int scale_10(const struct picture *p, int in, int out)
{
	if (p->is_aligned && out > 1)
		return (1024 * (in - 1) + (out - 1) / 2) / (out - 1);
	return (1024 * in + out / 2) / out;
}

static float scale_float(const struct picture *p, int in, int out)
{
	if (p->is_aligned && out > 1)
		return (in - 1) / (float)(out - 1);
	return in / (float)out;
}

static int nearest(const struct picture *p, int o, int in, int out)
{
	float at = (o + (p->is_half_pixel ? 0.5f : 0.0f)) *
		   scale_float(p, in, out);
	int index = (int)(p->is_aligned ? roundf(at) : floorf(at));

	return index < in - 1 ? index : in - 1;
}

static void ends(const struct picture *p, int o, int in, int out, int *at,
		 int *low, int *high)
{
	int scale = scale_10(p, in, out);

	*at = o * scale + (p->is_half_pixel ? scale / 2 - 512 : 0);
	*low = *at / 1024 > 0 ? *at / 1024 : 0;
	*low = *low < in - 1 ? *low : in - 1;
	*high = (*at + 1023) / 1024 < in - 1 ? (*at + 1023) / 1024 : in - 1;
}

static int element(const struct picture *p, const uint8_t *in, int y, int x,
		   int c)
{
	const uint8_t *at = in + ((y * p->in_w + x) * p->channels + c) *
				 p->size;

	return p->size == 1 ? (int8_t)at[0] : (int16_t)(at[0] | at[1] << 8);
}

static int ref_bilinear(const struct picture *p, const uint8_t *in, int y,
			int x, int c)
{
	int at_y, y0, y1, at_x, x0, x1;
	double dy, dx, sum;

	ends(p, y, p->in_h, p->out_h, &at_y, &y0, &y1);
	ends(p, x, p->in_w, p->out_w, &at_x, &x0, &x1);
	dy = at_y - 1024 * y0;
	dx = at_x - 1024 * x0;
	sum = element(p, in, y0, x0, c) * (1024 - dy) * (1024 - dx) +
	      element(p, in, y1, x0, c) * dy * (1024 - dx) +
	      element(p, in, y0, x1, c) * (1024 - dy) * dx +
	      element(p, in, y1, x1, c) * dy * dx;
	return (int)round(sum / 1048576);
}

static int ref_element(const struct picture *p, const uint8_t *in, int y, int x,
		       int c)
{
	if (!p->is_nearest)
		return ref_bilinear(p, in, y, x, c);
	return element(p, in, nearest(p, y, p->in_h, p->out_h),
		       nearest(p, x, p->in_w, p->out_w), c);
}

static void ref_resize(const struct picture *p, const uint8_t *in, uint8_t *out)
{
	int y, x, c;

	for (y = 0; y < p->out_h; y++) {
		for (x = 0; x < p->out_w; x++) {
			for (c = 0; c < p->channels; c++) {
				int v = ref_element(p, in, y, x, c);

				*out++ = (uint8_t)v;
				if (p->size == 2)
					*out++ = (uint8_t)(v >> 8);
			}
		}
	}
}

/* --- Commands --------------------------------------------------------------------- */

static uint32_t scale_bits(const struct picture *p, int in, int out)
{
	float scale = scale_float(p, in, out);
	uint32_t bits;

	memcpy(&bits, &scale, sizeof(bits));
	return p->is_nearest ? bits : (uint32_t)scale_10(p, in, out);
}

/* All of a picture at 0, dense, to OUT. */
static union npu_cmd whole(const struct picture *p)
{
	uint32_t pixel = p->channels * p->size;

	return (union npu_cmd){ .resize = {
		.hdr.op = NPU_OP_RESIZE,
		.ifm = { 0, (npu_le16)(pixel * p->in_w), (npu_le16)pixel },
		.ofm = { OUT, (npu_le16)(pixel * p->out_w), (npu_le16)pixel },
		.ifm_h = p->in_h, .ifm_w = p->in_w, .channels = p->channels,
		.ofm_h = p->out_h, .ofm_w = p->out_w,
		.full_h = p->in_h, .full_w = p->in_w,
		.flags = (p->is_nearest ? NPU_RESIZE_NEAREST : 0) |
			 (p->is_half_pixel ? NPU_RESIZE_HALF_PIXEL : 0) |
			 (p->is_nearest && p->is_aligned ? NPU_RESIZE_ROUND :
							   0),
		.type = p->size == 1 ? NPU_TYPE_S8 : NPU_TYPE_S16,
		.scale_y = scale_bits(p, p->in_h, p->out_h),
		.scale_x = scale_bits(p, p->in_w, p->out_w),
	} };
}

/* Without the rows before @y and behind it, as far as they are not needed. */
static void run_in_rows(struct engine *e, const union npu_cmd *all)
{
	uint32_t y;

	for (y = 0; y < all->resize.ofm_h; y++) {
		union npu_cmd cmd = *all;
		struct npu_cmd_resize *r = &cmd.resize;

		r->ofm_h = 1;
		r->ofm_y = (npu_le16)y;
		r->ofm.addr += y * r->ofm.row_pitch;
		while (r->ifm_h > 1) {
			union npu_cmd old = cmd;

			r->ifm_h--;
			if (!engine_check(e, &cmd))
				continue;
			assert_int_equal(e->ctx.fault.info, OFFSET(ifm_y));
			cmd = old;
			r->ifm_h--;
			r->ifm_y++;
			r->ifm.addr += r->ifm.row_pitch;
			if (!engine_check(e, &cmd))
				continue;
			cmd = old;
			break;
		}
		assert_true(r->ifm_h <= 2);
		engine_run(e, &cmd);
	}
}

static struct picture random_picture(void)
{
	struct picture p = {
		.in_h = engine_between(1, 20), .in_w = engine_between(1, 20),
		.out_h = engine_between(1, 30), .out_w = engine_between(1, 30),
		.channels = engine_between(1, 9),
		.size = engine_between(1, 2),
		.is_nearest = engine_random() % 2,
	};

	p.is_half_pixel = engine_random() % 2;
	p.is_aligned = engine_random() % 2 &&
		       (p.is_nearest || !p.is_half_pixel);
	return p;
}

static int setup(void **state)
{
	return engine_setup(state) || engine_setup_sram(*state, 256 * 1024);
}

static void test_random_pictures(void **state)
{
	struct engine *e = *state;
	uint32_t i;

	for (i = 0; i < PICTURES; i++) {
		struct picture p = random_picture();
		union npu_cmd cmd = whole(&p);
		uint8_t *result = malloc(e->ctx.sram_size);

		assert_non_null(result);
		engine_randomise(e->ctx.sram, 9000);
		memcpy(result, e->ctx.sram, e->ctx.sram_size);
		ref_resize(&p, e->ctx.sram, result + OUT);
		engine_run(e, &cmd);
		assert_memory_equal(e->ctx.sram, result, e->ctx.sram_size);
		memset(e->ctx.sram + OUT, 0x55, 0x10000);
		run_in_rows(e, &cmd);
		assert_memory_equal(e->ctx.sram + OUT, result + OUT,
				    p.out_h * p.out_w * p.channels * p.size);
		free(result);
	}
}

/* Every pair of sizes: float positions are those of the reference. */
static void test_all_nearest_rows(void **state)
{
	struct engine *e = *state;
	int in, out, y;

	for (in = 1; in < 100; in++) {
		for (out = 1; out < 200; out += 1 + in % 3) {
			struct picture p = { in, 1, out, 1, 1, 1, true,
					     out & 2, out & 4 };
			union npu_cmd cmd = whole(&p);

			for (y = 0; y < in; y++)
				e->ctx.sram[y] = (uint8_t)y;
			engine_run(e, &cmd);
			for (y = 0; y < out; y++)
				assert_int_equal(e->ctx.sram[OUT + y],
						 nearest(&p, y, in, out));
		}
	}
}

static void test_by_hand(void **state)
{
	struct picture p = { 2, 1, 4, 1, 1, 1, false, false, false };
	struct engine *e = *state;
	union npu_cmd cmd = whole(&p);

	assert_int_equal(cmd.resize.scale_y, 512);
	e->ctx.sram[0] = 10;
	e->ctx.sram[1] = 20;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + OUT,
			    ((uint8_t[]){ 10, 15, 20, 20 }), 4);
	cmd.resize.flags = NPU_RESIZE_HALF_PIXEL;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + OUT,
			    ((uint8_t[]){ 10, 13, 18, 20 }), 4);
}

static void test_bad_commands(void **state)
{
	static const struct engine_bad bad[] = {
		ENGINE_BAD(CMD, ifm_h, 0, FIELD),
		ENGINE_BAD(CMD, ifm_w, 0, FIELD),
		ENGINE_BAD(CMD, channels, 0, FIELD),
		ENGINE_BAD(CMD, ofm_h, 0, FIELD),
		ENGINE_BAD(CMD, ofm_w, 0, FIELD),
		ENGINE_BAD(CMD, full_h, 0, FIELD),
		ENGINE_BAD(CMD, full_h, 3, FIELD),
		ENGINE_BAD(CMD, full_w, 3, FIELD),
		ENGINE_BAD(CMD, flags, 8, FIELD),
		ENGINE_BAD(CMD, flags, NPU_RESIZE_ROUND, FIELD),
		ENGINE_BAD(CMD, type, NPU_TYPE_NONE, FIELD),
		ENGINE_BAD(CMD, type, NPU_TYPE_S32, FIELD),
		ENGINE_BAD(CMD, scale_y, (1 << 26) + 1, FIELD),
		ENGINE_BAD(CMD, scale_x, UINT32_MAX, FIELD),
		ENGINE_BAD(CMD, ofm.pixel_pitch, 1, FIELD),
		ENGINE_BAD(CMD, ofm.row_pitch, 7, FIELD),
	};
	struct picture p = { 4, 4, 4, 4, 2, 1, false, false, false };
	struct engine *e = *state;
	union npu_cmd cmd = whole(&p);

	engine_refuse_all(e, &cmd, bad, COUNT(bad));
	engine_refuse_reserved(e, &cmd, OFFSET(reserved), 8);
	cmd.resize.ifm_h = 3;
	engine_refuse(e, &cmd, NPU_FAULT_FIELD, OFFSET(ifm_y));
	cmd = whole(&p);
	cmd.resize.ifm_w = 3;
	cmd.resize.ifm_x = 1;
	engine_refuse(e, &cmd, NPU_FAULT_FIELD, OFFSET(ifm_x));
	cmd = whole(&p);
	cmd.resize.flags = NPU_RESIZE_NEAREST;
	cmd.resize.scale_y = 0xbf800000; /* -1 */
	cmd.resize.scale_x = 0x3f800000;
	engine_refuse(e, &cmd, NPU_FAULT_FIELD, OFFSET(scale_y));
	cmd.resize.scale_y = 0x7fc00000; /* NaN */
	engine_refuse(e, &cmd, NPU_FAULT_FIELD, OFFSET(scale_y));
	cmd.resize.scale_y = 0x47800000; /* 65536 */
	engine_refuse(e, &cmd, NPU_FAULT_FIELD, OFFSET(scale_y));
	cmd.resize.scale_y = 0x3f800000;
	engine_run(e, &cmd);
}

static void test_ranges(void **state)
{
	struct picture p = { 4, 4, 8, 8, 2, 2, false, false, false };
	struct engine *e = *state;
	union npu_cmd cmd = whole(&p);

	engine_run(e, &cmd);
	assert_int_equal(e->access.read_count, 1);
	assert_int_equal(e->access.reads[0].high, 64);
	assert_int_equal(e->access.writes[0].low, OUT);
	assert_int_equal(e->access.writes[0].high, OUT + 256);
	cmd.resize.ofm.addr = e->ctx.sram_size - 255;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd.resize.ofm.addr = 63;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP, OFFSET(ifm));
	cmd = whole(&p);
	cmd.resize.scale_x = cmd.resize.scale_y = 0;
	cmd.resize.ofm_h = cmd.resize.ofm_w = 1025;
	cmd.resize.channels = 16;
	cmd.resize.ofm.pixel_pitch = 32;
	cmd.resize.ofm.row_pitch = 32 * 1025;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
}

static void test_cost(void **state)
{
	const struct npu_machine m = NPU_MACHINE_DEFAULT;
	struct picture p = { 4, 4, 8, 8, 2, 2, false, false, false };
	union npu_cmd cmd = whole(&p);
	struct npu_cost cost;

	(void)state;
	npu_cost(&m, &cmd, &cost);
	assert_int_equal(cost.steps, 4 * 128);
	assert_int_equal(cost.sram_read, 64);
	assert_int_equal(cost.sram_written, 256);
	assert_int_equal(cost.requants, 128);
	assert_int_equal(cost.cycles, 8 + 32 + 4 * 128 / 8);
	cmd.resize.flags = NPU_RESIZE_NEAREST;
	npu_cost(&m, &cmd, &cost);
	assert_int_equal(cost.steps, 128);
}

static void test_hostile_commands(void **state)
{
	struct picture p = { 4, 4, 8, 8, 2, 2, false, false, false };
	union npu_cmd cmd = whole(&p);

	engine_torture(*state, &cmd, 20000);
	p.is_nearest = true;
	cmd = whole(&p);
	engine_torture(*state, &cmd, 20000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_hand),
		TEST(test_random_pictures),
		TEST(test_all_nearest_rows),
		TEST(test_bad_commands),
		TEST(test_ranges),
		TEST(test_cost),
		TEST(test_hostile_commands),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
