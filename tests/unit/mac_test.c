// SPDX-License-Identifier: MIT
/*
 * CONV and DWCONV: vectors by hand, random shapes against the formulas of the
 * manual in the plainest form, with each set of loops that this processor can
 * run, and every rule of the checks broken alone.
 */
#include "engine.h"
#include "formulas.h"
#include "mac.h"

#include <npu/cost.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CONV npu_cmd_conv
#define BIG_SRAM (256u * 1024)
#define RANDOM_SHAPES 300

/* --- The formulas of the manual -------------------------------------------- */

/* As the block has them: bit 31 ignored, shifts clamped. */
static int32_t ref_scale_block(int32_t x, uint32_t mult, int shift)
{
	shift = shift < -31 ? -31 : shift > 30 ? 30 : shift;
	return ref_scale(x, mult & 0x7fffffff, shift);
}

/* A float32's bits, and its rounding as the manual says it. */
static int32_t ref_float(int32_t x, uint32_t bits,
			 const struct npu_cmd_conv *cmd)
{
	int16_t min = (int16_t)cmd->act_min, max = (int16_t)cmd->act_max;
	float f, v;
	double rest;
	int32_t n;

	memcpy(&f, &bits, sizeof(f));
	v = (float)x * f;
	if (!(v > (float)(min - cmd->ofm_zp)))
		return min;
	if (v >= (float)(max - cmd->ofm_zp))
		return max;
	n = (int32_t)v;
	rest = (double)v - n;
	if (rest > 0.5 || (rest == 0.5 && n % 2))
		n++;
	if (rest < -0.5 || (rest == -0.5 && n % 2))
		n--;
	return n + cmd->ofm_zp;
}

static int32_t ref_wide(int64_t x, uint32_t mult, int shift)
{
	uint64_t reduced;
	int64_t product;

	shift = shift < -31 ? -31 : shift > 7 ? 7 : shift;
	mult &= 0x7fffffff;
	reduced = mult < 0x7fff0000 ? (mult + 0x8000) / 0x10000 : 0x7fff;
	product = (int64_t)((uint64_t)x * reduced + (1ull << (14 - shift)));
	return ref_wrap(product >> (15 - shift));
}

/* A layer with its parameters in the plainest order. */
struct layer {
	struct npu_cmd_conv cmd;
	int64_t *bias;
	uint32_t *mult;
	int8_t *shift;
	int8_t *zero;
	int8_t *weights; /* [o][ky][kx][c], DWCONV: [o][ky][kx] */
};

static uint32_t layer_depth(const struct npu_cmd_conv *cmd)
{
	uint32_t taps = cmd->kernel_h * cmd->kernel_w;

	return cmd->hdr.op == NPU_OP_CONV ? taps * cmd->ifm_c : taps;
}

static uint32_t ifm_size(const struct npu_cmd_conv *cmd)
{
	return cmd->format & NPU_CONV_IFM16 ? 2 : 1;
}

static uint32_t ofm_size(const struct npu_cmd_conv *cmd)
{
	return cmd->format & NPU_CONV_OFM32 ? 4 :
	       cmd->format & NPU_CONV_OFM16 ? 2 : 1;
}

static int32_t ref_cell(const struct npu_cmd_conv *cmd, const uint8_t *sram,
			int y, int x, int c)
{
	const uint8_t *at = sram + cmd->ifm.addr + y * cmd->ifm.row_pitch +
			    x * cmd->ifm.pixel_pitch + c * (int)ifm_size(cmd);

	if (y < 0 || y >= cmd->ifm_h || x < 0 || x >= cmd->ifm_w)
		return cmd->ifm_zp;
	if (ifm_size(cmd) == 2)
		return (int16_t)(at[0] | at[1] << 8);
	return (int8_t)*at;
}

static int64_t ref_sum(const struct layer *l, const uint8_t *sram, int oy,
		       int ox, int o)
{
	const struct npu_cmd_conv *cmd = &l->cmd;
	bool is_dw = cmd->hdr.op == NPU_OP_DWCONV;
	const int8_t *w = l->weights + (size_t)o * layer_depth(cmd);
	int32_t zero = cmd->format & NPU_CONV_WEIGHT_ZP ? l->zero[o] : 0;
	uint64_t sum = (uint64_t)l->bias[o];
	int ky, kx, c;

	for (ky = 0; ky < cmd->kernel_h; ky++) {
		for (kx = 0; kx < cmd->kernel_w; kx++) {
			int y = oy * cmd->stride_y + ky * cmd->dilation_y -
				cmd->pad_top;
			int x = ox * cmd->stride_x + kx * cmd->dilation_x -
				cmd->pad_left;

			for (c = 0; c < (is_dw ? 1 : cmd->ifm_c); c++)
				sum += (int64_t)(ref_cell(cmd, sram, y, x,
						is_dw ? o / cmd->multiplier :
							c) -
					cmd->ifm_zp) * (*w++ - zero);
		}
	}
	return (int64_t)sum;
}

static int32_t ref_result(const struct layer *l, int64_t sum, int o)
{
	const struct npu_cmd_conv *cmd = &l->cmd;
	int16_t min = (int16_t)cmd->act_min, max = (int16_t)cmd->act_max;
	int32_t v;

	if (cmd->format & NPU_CONV_OFM32)
		return ref_wrap(sum);
	if (cmd->format & NPU_CONV_FLOAT)
		return ref_float(ref_wrap(sum), l->mult[o], cmd);
	if (cmd->format & NPU_CONV_WIDE)
		v = ref_wide(sum, l->mult[o], l->shift[o]);
	else
		v = ref_scale_block(ref_wrap(sum), l->mult[o], l->shift[o]);
	v = (int32_t)((uint32_t)v + (uint32_t)cmd->ofm_zp);
	return v < min ? min : v > max ? max : v;
}

static void ref_layer(const struct layer *l, const uint8_t *sram,
		      uint8_t *result)
{
	const struct npu_cmd_conv *cmd = &l->cmd;
	uint32_t y, x, o, size = ofm_size(cmd);

	for (y = 0; y < cmd->ofm_h; y++) {
		for (x = 0; x < cmd->ofm_w; x++) {
			for (o = 0; o < cmd->ofm_c; o++) {
				int64_t sum = ref_sum(l, sram, y, x, o);
				int32_t v = ref_result(l, sum, o);

				memcpy(result + cmd->ofm.addr +
				       y * cmd->ofm.row_pitch +
				       x * cmd->ofm.pixel_pitch + o * size,
				       &v, size);
			}
		}
	}
}

/* The weight block, in the words of npu/isa.h. */
static uint32_t layer_pack(const struct layer *l, uint8_t *block)
{
	uint32_t n = l->cmd.ofm_c, depth = layer_depth(&l->cmd);
	uint32_t unit = l->cmd.hdr.op == NPU_OP_CONV ? 4 : 1;
	uint32_t bias_size = l->cmd.format & NPU_CONV_WIDE ? 8 : 4;
	uint8_t *at = block;
	uint32_t first, k, o, i;

	for (o = 0; o < n; o++, at += bias_size)
		memcpy(at, &l->bias[o], bias_size);
	for (o = 0; o < n; o++, at += 4)
		memcpy(at, &l->mult[o], 4);
	for (o = 0; o < n; o++)
		*at++ = (uint8_t)l->shift[o];
	while ((at - block) % 4)
		*at++ = (uint8_t)engine_random(); /* padding is not looked at */
	for (o = 0; o < n && l->cmd.format & NPU_CONV_WEIGHT_ZP; o++)
		*at++ = (uint8_t)l->zero[o];
	while ((at - block) % 4)
		*at++ = (uint8_t)engine_random();
	for (first = 0; first < n; first += 16)
		for (k = 0; k < depth; k += unit)
			for (o = first; o < n && o < first + 16; o++)
				for (i = k; i < k + unit; i++)
					*at++ = i < depth ?
						(uint8_t)l->weights[o * depth +
								    i] :
						(uint8_t)engine_random();
	while ((at - block) % 4)
		*at++ = (uint8_t)engine_random();
	return (uint32_t)(at - block);
}

/* --- Vectors by hand ------------------------------------------------------- */

static union npu_cmd small_conv(void)
{
	return (union npu_cmd){ .conv = {
		.hdr.op = NPU_OP_CONV,
		.ifm = { .addr = 0, .row_pitch = 2, .pixel_pitch = 1 },
		.ofm = { .addr = 64, .row_pitch = 2, .pixel_pitch = 1 },
		.weights = 128,
		.ifm_h = 2, .ifm_w = 2, .ifm_c = 1,
		.ofm_h = 2, .ofm_w = 2, .ofm_c = 1,
		.kernel_h = 1, .kernel_w = 1,
		.stride_y = 1, .stride_x = 1,
		.dilation_y = 1, .dilation_x = 1,
		.act_min = (npu_le16)-128, .act_max = 127,
	} };
}

/* Bias, multiplier, shift and weights of one output channel at 128. */
static void put_block(struct engine *e, int32_t bias, uint32_t mult, int shift,
		      const int8_t *weights, uint32_t count)
{
	memcpy(e->ctx.sram + 128, &bias, 4);
	memcpy(e->ctx.sram + 132, &mult, 4);
	e->ctx.sram[136] = (uint8_t)shift;
	memcpy(e->ctx.sram + 140, weights, count);
}

static void test_dot_product_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_conv();

	/*
	 * One pixel of two channels, 10 and -3, zero point 2: 8 and -5.
	 * 7 + 8 * 3 + -5 * -5 = 56. Times 0.5 * 2^1, plus -1: 55.
	 */
	cmd.conv.ifm_h = cmd.conv.ifm_w = 1;
	cmd.conv.ofm_h = cmd.conv.ofm_w = 1;
	cmd.conv.ifm_c = 2;
	cmd.conv.ifm_zp = 2;
	cmd.conv.ofm_zp = -1;
	memcpy(e->ctx.sram, (int8_t[]){ 10, -3 }, 2);
	put_block(e, 7, 1u << 30, 1, (int8_t[]){ 3, -5 }, 2);
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 55);

	/* Times 0.5 * 2^-2: 28, then 28 / 4 = 7; 7 - 1 = 6. */
	put_block(e, 7, 1u << 30, -2, (int8_t[]){ 3, -5 }, 2);
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 6);

	/* Clamped: 55 to 50, 6 to 8. */
	cmd.conv.act_max = 50;
	put_block(e, 7, 1u << 30, 1, (int8_t[]){ 3, -5 }, 2);
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 50);
	cmd.conv.act_min = 8;
	put_block(e, 7, 1u << 30, -2, (int8_t[]){ 3, -5 }, 2);
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 8);
}

static void test_rounding_by_hand(void **state)
{
	static const struct {
		int32_t sum;
		uint32_t mult;
		int shift;
		int8_t result;
	} vectors[] = {
		/* The manual's example: 12345 * 0.0005 = 6.17 */
		{ 12345, 1099511628, -10, 6 },
		/* 1 * 0.5 = 0.5, up: 1. Then 1 / 2 = 0.5, away: 1. */
		{ 1, 1u << 30, -1, 1 },
		/* -1 * 0.5 = -0.5, up: 0. */
		{ -1, 1u << 30, -1, 0 },
		/* -3 * 0.5 = -1.5, up: -1. Then -0.5, away: -1. */
		{ -3, 1u << 30, -1, -1 },
		/* 5 * 0.5 = 2.5, up: 3. Then 3 / 4 = 0.75: 1. */
		{ 5, 1u << 30, -2, 1 },
		/* 2^31 - 1 times almost 1 is 2^31 - 2; 2^-31 of it: 1. */
		{ INT32_MAX, INT32_MAX, -31, 1 },
		/* -2^31 times almost 1 is -2^31 + 1: -0.99: -1. */
		{ INT32_MIN, INT32_MAX, -31, -1 },
		/* 2^30 * 2^2 leaves 32 bits: 0. */
		{ 1 << 30, 1u << 30, 2, 0 },
		/* 2^29 * 2^2 is -2^31 modulo 2^32: half of it, clamped. */
		{ 1 << 29, 1u << 30, 2, -128 },
		/* Bit 31 of the multiplier is ignored: 100 * 0.5 */
		{ 100, 3u << 30, 0, 50 },
		/* A shift of 31 counts as 30: 1 * 2^30 * 2^-31 rounds up. */
		{ 1, 1, 31, 1 },
		/* One of -100 counts as -31. */
		{ INT32_MIN, INT32_MAX, -100, -1 },
	};
	struct engine *e = *state;
	union npu_cmd cmd = small_conv();
	uint32_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		put_block(e, vectors[i].sum, vectors[i].mult,
			  vectors[i].shift, (int8_t[]){ 0 }, 1);
		engine_run(e, &cmd);
		assert_int_equal((int8_t)e->ctx.sram[64], vectors[i].result);
	}
}

static void test_padding_by_hand(void **state)
{
	static const int8_t ones[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	struct engine *e = *state;
	union npu_cmd cmd = small_conv();

	/*
	 * Windows of 3 x 3 ones around each cell of (1 2 / 3 4) see all four
	 * cells and five outside, which are zero points and add nothing:
	 * (1 + 2 + 3 + 4) - 4 * 5 = -10 everywhere.
	 */
	cmd.conv.kernel_h = cmd.conv.kernel_w = 3;
	cmd.conv.pad_top = cmd.conv.pad_left = 1;
	cmd.conv.ifm_zp = 5;
	memcpy(e->ctx.sram, (int8_t[]){ 1, 2, 3, 4 }, 4);
	put_block(e, 0, 1u << 30, 1, ones, 9);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64,
			    ((int8_t[]){ -10, -10, -10, -10 }), 4);

	/* Dilated by 2, only the middle tap is inside: cell - 5. */
	cmd.conv.dilation_y = cmd.conv.dilation_x = 2;
	cmd.conv.pad_top = cmd.conv.pad_left = 2;
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64, ((int8_t[]){ -4, -3, -2, -1 }),
			    4);
}

static void test_depthwise_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_conv();
	uint8_t *block = e->ctx.sram + 128;

	/*
	 * One pixel (3, -4), multiplier 2, one tap; weights 1, 2, 3, 4:
	 * 3 * 1, 3 * 2, -4 * 3, -4 * 4; with biases 0, 1, 2, 3: 3 7 -10 -13.
	 */
	cmd.conv.hdr.op = NPU_OP_DWCONV;
	cmd.conv.ifm_h = cmd.conv.ifm_w = 1;
	cmd.conv.ofm_h = cmd.conv.ofm_w = 1;
	cmd.conv.ifm_c = 2;
	cmd.conv.ofm_c = 4;
	cmd.conv.multiplier = 2;
	memcpy(e->ctx.sram, (int8_t[]){ 3, -4 }, 2);
	memcpy(block, (int32_t[]){ 0, 1, 2, 3 }, 16);
	memcpy(block + 16,
	       (uint32_t[]){ 1u << 30, 1u << 30, 1u << 30, 1u << 30 }, 16);
	memcpy(block + 32, (int8_t[]){ 1, 1, 1, 1 }, 4);
	memcpy(block + 36, (int8_t[]){ 1, 2, 3, 4 }, 4);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64, ((int8_t[]){ 3, 7, -10, -13 }),
			    4);
}

static void test_formats_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_conv();
	const float tenth = 0.1f;
	uint32_t bits;

	/* The manual's example: -25 * 0.1, three ways. */
	cmd.conv.ofm_zp = 3;
	put_block(e, -25, 1717986918, -3, (int8_t[]){ 0 }, 1);
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 0);

	memcpy(&bits, &tenth, sizeof(bits));
	put_block(e, -25, bits, 77, (int8_t[]){ 0 }, 1);
	cmd.conv.format = NPU_CONV_FLOAT;
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 1);

	put_block(e, -25, -1u, 0, (int8_t[]){ 0 }, 1);
	memcpy(e->ctx.sram + 136, (uint32_t[]){ 1717986918, 0xfd, 0 }, 12);
	cmd.conv.format = NPU_CONV_IFM16 | NPU_CONV_WIDE;
	cmd.conv.ifm.row_pitch = 4;
	cmd.conv.ifm.pixel_pitch = 2;
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 1);
}

static void test_int16_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_conv();

	/*
	 * 1000 and -20000 times 3 and -5, of which 1 is the zero point: 1000 * 2
	 * + -20000 * -6 = 122000; half of that, then a quarter: 15250.
	 */
	cmd.conv.format = NPU_CONV_IFM16 | NPU_CONV_OFM16 | NPU_CONV_WEIGHT_ZP;
	cmd.conv.ifm_h = cmd.conv.ifm_w = 1;
	cmd.conv.ofm_h = cmd.conv.ofm_w = 1;
	cmd.conv.ifm_c = 2;
	cmd.conv.ifm.pixel_pitch = cmd.conv.ofm.pixel_pitch = 4;
	cmd.conv.act_max = 20000;
	memcpy(e->ctx.sram, (int16_t[]){ 1000, -20000 }, 4);
	put_block(e, 0, 1u << 30, -2, (int8_t[]){ 1, 0, 0, 0, 3, -5 }, 6);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64, (int16_t[]){ 15250 }, 2);
}

static void test_sums_by_hand(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_conv();

	/* 7 + (10 - 2) * 3 + (-3 - 2) * -5 = 56, whatever the factor. */
	cmd.conv.format = NPU_CONV_OFM32;
	cmd.conv.ifm_h = cmd.conv.ifm_w = 1;
	cmd.conv.ofm_h = cmd.conv.ofm_w = 1;
	cmd.conv.ifm_c = 2;
	cmd.conv.ifm_zp = 2;
	cmd.conv.ofm.row_pitch = cmd.conv.ofm.pixel_pitch = 4;
	cmd.conv.act_min = cmd.conv.act_max = 0;
	memcpy(e->ctx.sram, (int8_t[]){ 10, -3 }, 2);
	put_block(e, 7, 12345, 17, (int8_t[]){ 3, -5 }, 2);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 64, (int32_t[]){ 56 }, 4);
}

/* --- Random shapes ---------------------------------------------------------- */

static uint32_t surface_end(const struct npu_surface *s, uint32_t h, uint32_t w,
			    uint32_t c)
{
	return s->addr + (h - 1) * s->row_pitch + (w - 1) * s->pixel_pitch + c;
}

/* Pitches with gaps of random size, in elements of @size bytes, at 0. */
static struct npu_surface random_surface(uint32_t w, uint32_t c, uint32_t size)
{
	uint32_t pixel = c + (engine_random() % 3 ? 0 : engine_between(1, 9));
	uint32_t row = w * pixel +
		       (engine_random() % 3 ? 0 : engine_between(1, 9));

	return (struct npu_surface){ 0, (npu_le16)(row * size),
				     (npu_le16)(pixel * size) };
}

/* Any format that is allowed, and what it asks of other fields. */
static void random_format(struct npu_cmd_conv *cmd)
{
	uint8_t f = engine_random() & NPU_CONV_FORMATS & ~NPU_CONV_ADD;

	if (!(f & NPU_CONV_IFM16) || (f & NPU_CONV_FLOAT))
		f &= ~NPU_CONV_WIDE;
	if (f & NPU_CONV_OFM32)
		f &= ~(NPU_CONV_OFM16 | NPU_CONV_FLOAT | NPU_CONV_WIDE);
	cmd->format = f;
	if (f & NPU_CONV_IFM16)
		cmd->ifm_zp = 0;
	if (f & NPU_CONV_OFM32)
		cmd->ofm_zp = cmd->act_min = cmd->act_max = 0;
	if (!(f & NPU_CONV_OFM16))
		return;
	cmd->ofm_zp = 0;
	cmd->act_min = (npu_le16)engine_between(INT16_MIN, 0);
	cmd->act_max = (npu_le16)engine_between(0, INT16_MAX);
}

/* Now and then, what takes another way through the unit. */
static void random_variant(struct npu_cmd_conv *cmd)
{
	switch (engine_random() % 8) {
	case 0: /* several chunks of depth */
		cmd->ifm_c = engine_between(500, 1200);
		cmd->ifm_h = cmd->ifm_w = 2;
		cmd->ofm_h = cmd->ofm_w = 2;
		cmd->ofm_c = engine_between(1, 20);
		break;
	case 1: /* several chunks of channels */
		cmd->ofm_c = engine_between(120, 300);
		cmd->ofm_h = cmd->ofm_w = 2;
		break;
	case 2: /* fully connected */
		cmd->ifm_h = cmd->ifm_w = cmd->ofm_h = cmd->ofm_w = 1;
		cmd->kernel_h = cmd->kernel_w = 1;
		cmd->pad_top = cmd->pad_left = 0;
		break;
	case 3: /* several tiles of pixels, several runs of a row */
		cmd->ifm_w = cmd->ofm_w = engine_between(60, 150);
		cmd->stride_x = 1;
		break;
	case 4: /* windows of one tap that lie side by side */
		cmd->kernel_h = cmd->kernel_w = 1;
		cmd->pad_top = cmd->pad_left = 0;
		cmd->stride_x = 1;
		cmd->ifm_c = 4 * engine_between(1, 10);
		cmd->ifm_w = engine_between(8, 12);
		cmd->ifm_h = engine_between(20, 24);
		break;
	case 5:
		cmd->act_min = (npu_le16)engine_between(-128, 0);
		cmd->act_max = (npu_le16)engine_between(0, 127);
		break;
	case 6: /* more of the input than is worked on at a time */
		cmd->ifm_c = engine_between(60, 160);
		cmd->ifm_w = engine_between(60, 100);
		cmd->ofm_w = engine_between(50, 100);
		cmd->ofm_h = engine_between(1, 3);
		cmd->ofm_c = engine_between(1, 4);
		break;
	}
}

static void random_geometry(struct npu_cmd_conv *cmd, bool is_dw)
{
	*cmd = (struct npu_cmd_conv){
		.hdr.op = is_dw ? NPU_OP_DWCONV : NPU_OP_CONV,
		.ifm_h = engine_between(1, 12),
		.ifm_w = engine_between(1, 12),
		.ifm_c = engine_between(1, 40),
		.ofm_h = engine_between(1, 8),
		.ofm_w = engine_between(1, 8),
		.ofm_c = engine_between(1, 40),
		.kernel_h = engine_between(1, 4),
		.kernel_w = engine_between(1, 4),
		.stride_y = engine_between(1, 3),
		.stride_x = engine_between(1, 3),
		.dilation_y = engine_between(1, 2),
		.dilation_x = engine_between(1, 2),
		.pad_top = engine_between(0, 3),
		.pad_left = engine_between(0, 3),
		.ifm_zp = engine_int8(),
		.ofm_zp = engine_int8(),
		.act_min = (npu_le16)-128,
		.act_max = 127,
	};
	random_variant(cmd);
	if (engine_random() % 4 == 0)
		cmd->ifm_zp = -128;
	if (engine_random() % 2) /* as after a ReLU */
		cmd->ofm_zp = (int8_t)cmd->act_min;
	if (!is_dw)
		return;
	if (cmd->ifm_c > 200)
		cmd->ifm_c = 200;
	cmd->multiplier = engine_random() % 2 ? 1 : engine_between(2, 20);
	cmd->ofm_c = cmd->ifm_c * cmd->multiplier;
}

static void *allocate(size_t size)
{
	void *p = calloc(1, size);

	assert_non_null(p);
	return p;
}

static uint32_t random_factor(const struct npu_cmd_conv *cmd, bool is_wild)
{
	float f = (float)engine_between(1, 1000) / (1 << 18);
	uint32_t bits;

	if (is_wild)
		return engine_random();
	if (!(cmd->format & NPU_CONV_FLOAT))
		return (uint32_t)engine_between(1 << 30, INT32_MAX);
	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

/* Factors as networks have them; in half the layers one in eight of any kind. */
static void random_parameters(struct layer *l)
{
	uint32_t n = l->cmd.ofm_c, wild = engine_random() % 2, o;

	l->bias = allocate(n * sizeof(*l->bias));
	l->mult = allocate(4 * n);
	l->shift = allocate(n);
	l->zero = allocate(n);
	l->weights = allocate((size_t)n * layer_depth(&l->cmd));
	engine_randomise((uint8_t *)l->zero, n);
	engine_randomise((uint8_t *)l->weights,
			 (size_t)n * layer_depth(&l->cmd));
	for (o = 0; o < n; o++) {
		bool is_wild = wild && engine_random() % 8 == 0;

		l->bias[o] = is_wild ? (int64_t)((uint64_t)engine_random()
							 << 32 |
						 engine_random()) :
				       engine_between(-20000, 20000);
		l->mult[o] = random_factor(&l->cmd, is_wild);
		l->shift[o] = is_wild ? engine_int8() : engine_between(-12, -5);
	}
}

static void free_parameters(struct layer *l)
{
	free(l->bias);
	free(l->mult);
	free(l->shift);
	free(l->zero);
	free(l->weights);
}

/* Put a block of @size bytes at *@end. */
static uint32_t place(uint32_t *end, uint32_t size)
{
	uint32_t at = *end;

	*end += size;
	return at;
}

/*
 * A random layer. Its operands lie side by side; the input or the weights end
 * where SRAM ends, so that a sanitizer sees what reads beyond. Returns false if
 * it is too big.
 */
static bool random_layer(struct engine *e, struct layer *l, bool is_dw,
			 bool has_format)
{
	struct npu_cmd_conv *c = &l->cmd;
	uint32_t end = 4 * engine_between(0, 25), ifm, ofm, block;

	random_geometry(c, is_dw);
	if (has_format)
		random_format(c);
	if (c->ifm_w * (c->ifm_c + 10u) * ifm_size(c) > UINT16_MAX ||
	    c->ofm_w * (c->ofm_c + 10u) * ofm_size(c) > UINT16_MAX)
		return false; /* its pitch might not fit */
	block = (uint32_t)npu_conv_block_size(c);
	c->ifm = random_surface(c->ifm_w, c->ifm_c, ifm_size(c));
	c->ofm = random_surface(c->ofm_w, c->ofm_c, ofm_size(c));
	ifm = surface_end(&c->ifm, c->ifm_h, c->ifm_w, c->ifm_c * ifm_size(c));
	ofm = surface_end(&c->ofm, c->ofm_h, c->ofm_w, c->ofm_c * ofm_size(c));
	c->ofm.addr = place(&end, ofm);
	if (c->format & NPU_CONV_IFM16)
		end += end % 2;
	if (engine_random() % 2) {
		c->ifm.addr = place(&end, ifm);
		end = npu_round_up4(end);
		c->weights = place(&end, block);
	} else {
		end = npu_round_up4(end);
		c->weights = place(&end, block);
		c->ifm.addr = place(&end, ifm);
	}
	if (end > BIG_SRAM)
		return false;
	random_parameters(l);
	assert_int_equal(engine_setup_sram(e, end), 0);
	assert_int_equal(layer_pack(l, e->ctx.sram + c->weights), block);
	return true;
}

/* One layer with all loops there are: the same SRAM as the formulas make. */
static void compare_layer(struct engine *e, const struct layer *l)
{
	const struct kernels *const *k;
	union npu_cmd cmd = { .conv = l->cmd };
	uint32_t size = e->ctx.sram_size;
	const uint8_t *block = e->ctx.sram + l->cmd.weights;
	uint8_t *before = allocate(size), *after = allocate(size);

	memcpy(before, e->ctx.sram, size);
	memcpy(after, e->ctx.sram, size);
	ref_layer(l, before, after);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram, after, size);
	for (k = npu_kernels_all; *k; k++) {
		if (!(*k)->is_supported())
			continue;
		memcpy(e->ctx.sram, before, size);
		if (cmd.conv.format & NPU_CONV_IFM16)
			mac_conv16(e->ctx.sram, block, &cmd.conv, *k);
		else if (cmd.hdr.op == NPU_OP_CONV)
			mac_conv(e->ctx.sram, block, &cmd.conv, *k);
		else
			mac_dwconv(e->ctx.sram, size, block, &cmd.conv, *k);
		if (memcmp(e->ctx.sram, after, size))
			print_message("# %s\n", (*k)->name);
		assert_memory_equal(e->ctx.sram, after, size);
	}
	free(before);
	free(after);
}

static void compare_random_layers(struct engine *e, bool is_dw, bool has_format)
{
	uint32_t done = 0;
	struct layer l;

	while (done < RANDOM_SHAPES) {
		if (!random_layer(e, &l, is_dw, has_format))
			continue;
		compare_layer(e, &l);
		free_parameters(&l);
		done++;
	}
}

static void test_random_convolutions(void **state)
{
	compare_random_layers(*state, false, false);
}

static void test_random_depthwise(void **state)
{
	compare_random_layers(*state, true, false);
}

static void test_random_formats(void **state)
{
	compare_random_layers(*state, false, true);
}

static void test_random_depthwise_formats(void **state)
{
	compare_random_layers(*state, true, true);
}

/* Sums that leave 32 bits: a deep window of greatest values, and a bias. */
static void test_sums_wrap(void **state)
{
	struct engine *e = *state;
	struct layer l = { .cmd = small_conv().conv };
	uint32_t depth = 60000;

	assert_int_equal(engine_setup_sram(e, BIG_SRAM), 0);
	l.cmd.ifm_h = l.cmd.ifm_w = l.cmd.ofm_h = l.cmd.ofm_w = 1;
	l.cmd.ifm_c = depth;
	l.cmd.ofm.addr = depth;
	l.cmd.weights = depth + 4;
	l.cmd.ifm_zp = 127;
	random_parameters(&l);
	l.bias[0] = INT32_MAX;
	l.mult[0] = 1u << 30;
	l.shift[0] = -23;
	memset(e->ctx.sram, 0x80, depth);
	memset(l.weights, 0x80, depth);
	layer_pack(&l, e->ctx.sram + l.cmd.weights);

	/* 255 * 128 * 60000 + 2^31 - 1 = 4105883647 = -189083649 mod 2^32;
	 * half of it / 2^23 = -11.27: -11 */
	compare_layer(e, &l);
	assert_int_equal((int8_t)e->ctx.sram[depth], -11);
	free_parameters(&l);
}

/* --- Checks ------------------------------------------------------------------ */

static union npu_cmd valid_conv(void)
{
	union npu_cmd cmd = small_conv();

	cmd.conv.ifm = (struct npu_surface){ 0, 5 * 24, 24 };
	cmd.conv.ofm = (struct npu_surface){ 1024, 5 * 20, 20 };
	cmd.conv.weights = 2048;
	cmd.conv.ifm_h = cmd.conv.ifm_w = 5;
	cmd.conv.ofm_h = cmd.conv.ofm_w = 5;
	cmd.conv.ifm_c = 24;
	cmd.conv.ofm_c = 20;
	cmd.conv.kernel_h = cmd.conv.kernel_w = 3;
	cmd.conv.pad_top = cmd.conv.pad_left = 1;
	return cmd;
}

static union npu_cmd valid_dwconv(void)
{
	union npu_cmd cmd = valid_conv();

	cmd.conv.hdr.op = NPU_OP_DWCONV;
	cmd.conv.ofm = (struct npu_surface){ 4096, 5 * 48, 48 };
	cmd.conv.ofm_c = 48;
	cmd.conv.multiplier = 2;
	return cmd;
}

static void test_bad_fields(void **state)
{
	static const struct engine_bad common[] = {
		ENGINE_BAD(CONV, ifm_h, 0, FIELD),
		ENGINE_BAD(CONV, ifm_w, 0, FIELD),
		ENGINE_BAD(CONV, ifm_c, 0, FIELD),
		ENGINE_BAD(CONV, ofm_h, 0, FIELD),
		ENGINE_BAD(CONV, ofm_w, 0, FIELD),
		ENGINE_BAD(CONV, ofm_c, 0, FIELD),
		ENGINE_BAD(CONV, kernel_h, 0, FIELD),
		ENGINE_BAD(CONV, kernel_w, 0, FIELD),
		ENGINE_BAD(CONV, stride_y, 0, FIELD),
		ENGINE_BAD(CONV, stride_x, 0, FIELD),
		ENGINE_BAD(CONV, dilation_y, 0, FIELD),
		ENGINE_BAD(CONV, dilation_x, 0, FIELD),
		ENGINE_BAD(CONV, weights, 2049, FIELD),
		ENGINE_BAD(CONV, weights, 2050, FIELD),
		ENGINE_BAD(CONV, act_min, -129, FIELD),
		ENGINE_BAD(CONV, act_min, 128, FIELD),
		ENGINE_BAD(CONV, act_max, -129, FIELD),
		ENGINE_BAD(CONV, act_max, 128, FIELD),
		ENGINE_BAD(CONV, format, 128, RESERVED),
		ENGINE_BAD(CONV, ofm.row_pitch, 99, FIELD),
		ENGINE_BAD(CONV, ofm.pixel_pitch, 19, FIELD),
		ENGINE_BAD(CONV, ofm.pixel_pitch, 0, FIELD),
	};
	const uint32_t count = sizeof(common) / sizeof(common[0]);
	struct engine *e = *state;
	union npu_cmd conv = valid_conv(), dw = valid_dwconv();

	engine_refuse_all(e, &conv, common, count);
	engine_refuse_all(e, &dw, common, count);
	engine_refuse_reserved(e, &conv,
			       __builtin_offsetof(struct CONV, second), 8);
	engine_refuse_all(e, &conv, (struct engine_bad[]){
		ENGINE_BAD(CONV, multiplier, 1, FIELD),
		ENGINE_BAD(CONV, multiplier, 255, FIELD),
	}, 2);
	engine_refuse_all(e, &dw, (struct engine_bad[]){
		ENGINE_BAD(CONV, multiplier, 0, FIELD),
		ENGINE_BAD(CONV, ofm_c, 47, FIELD),
		ENGINE_BAD(CONV, ofm_c, 24, FIELD),
	}, 3);
	conv.conv.act_min = 5;
	conv.conv.act_max = 4;
	engine_refuse(e, &conv, NPU_FAULT_FIELD,
		      __builtin_offsetof(struct CONV, act_max));
}

static union npu_cmd valid_int16(void)
{
	union npu_cmd cmd = valid_conv();

	cmd.conv.format = NPU_CONV_IFM16 | NPU_CONV_OFM16 | NPU_CONV_WIDE;
	cmd.conv.ifm = (struct npu_surface){ 0, 5 * 48, 48 };
	cmd.conv.ofm = (struct npu_surface){ 2048, 5 * 40, 40 };
	cmd.conv.weights = 4096;
	cmd.conv.act_min = (npu_le16)INT16_MIN;
	cmd.conv.act_max = INT16_MAX;
	return cmd;
}

static void test_bad_formats(void **state)
{
	static const struct engine_bad bad[] = {
		ENGINE_BAD(CONV, format, 128 | 1, RESERVED),
		ENGINE_BAD(CONV, format, 16, FIELD),
		ENGINE_BAD(CONV, format, 16 | 2, FIELD),
		ENGINE_BAD(CONV, format, 16 | 8 | 1, FIELD),
		ENGINE_BAD(CONV, ifm, 1, FIELD),
		ENGINE_BAD(CONV, ifm.row_pitch, 241, FIELD),
		ENGINE_BAD(CONV, ifm.pixel_pitch, 47, FIELD),
		ENGINE_BAD(CONV, ofm, 2049, FIELD),
		ENGINE_BAD(CONV, ofm.row_pitch, 201, FIELD),
		ENGINE_BAD(CONV, ofm.row_pitch, 198, FIELD),
		ENGINE_BAD(CONV, ofm.pixel_pitch, 41, FIELD),
		ENGINE_BAD(CONV, ofm.pixel_pitch, 38, FIELD),
		ENGINE_BAD(CONV, ifm_zp, 1, FIELD),
		ENGINE_BAD(CONV, ofm_zp, -1, FIELD),
	};
	static const struct engine_bad int8_out[] = {
		ENGINE_BAD(CONV, act_min, -129, FIELD),
		ENGINE_BAD(CONV, act_max, 128, FIELD),
	};
	struct engine *e = *state;
	union npu_cmd cmd = valid_int16();

	engine_refuse_all(e, &cmd, bad, sizeof(bad) / sizeof(bad[0]));
	cmd.conv.act_min = 1;
	cmd.conv.act_max = 0;
	engine_refuse(e, &cmd, NPU_FAULT_FIELD,
		      __builtin_offsetof(struct CONV, act_max));

	/* int8 results of int16 inputs: odd pitches of those, and int8's range */
	cmd = valid_int16();
	cmd.conv.format &= ~NPU_CONV_OFM16;
	cmd.conv.ofm = (struct npu_surface){ 2049, 5 * 21, 21 };
	cmd.conv.ofm_zp = -7;
	cmd.conv.act_min = (npu_le16)-128;
	cmd.conv.act_max = 127;
	engine_refuse_all(e, &cmd, int8_out, 2);
}

static void test_bad_sums(void **state)
{
	static const struct engine_bad bad[] = {
		ENGINE_BAD(CONV, format, 32 | 2, FIELD),
		ENGINE_BAD(CONV, format, 32 | 8, FIELD),
		ENGINE_BAD(CONV, format, 32 | 16 | 1, FIELD),
		ENGINE_BAD(CONV, ofm, 2050, FIELD),
		ENGINE_BAD(CONV, ofm.row_pitch, 402, FIELD),
		ENGINE_BAD(CONV, ofm.pixel_pitch, 82, FIELD),
		ENGINE_BAD(CONV, ofm.pixel_pitch, 76, FIELD),
		ENGINE_BAD(CONV, ofm_zp, 1, FIELD),
		ENGINE_BAD(CONV, act_min, -1, FIELD),
		ENGINE_BAD(CONV, act_max, 1, FIELD),
	};
	struct engine *e = *state;
	union npu_cmd cmd = valid_int16();

	cmd.conv.format = NPU_CONV_IFM16 | NPU_CONV_OFM32;
	cmd.conv.ofm = (struct npu_surface){ 2048, 5 * 80, 80 };
	cmd.conv.act_min = cmd.conv.act_max = 0;
	engine_refuse_all(e, &cmd, bad, sizeof(bad) / sizeof(bad[0]));
}

static void test_unknown_opcodes(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid_conv();
	uint32_t op;

	for (op = 0; op < 256; op++) {
		cmd.hdr.op = (uint8_t)op;
		if (op == NPU_OP_CONV || op == NPU_OP_DWCONV)
			continue;
		assert_int_equal(npu_mac_check(&e->ctx, &cmd, &e->access), -1);
		assert_int_equal(e->ctx.fault.code, NPU_FAULT_OPCODE);
	}
}

static void test_too_much_work(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_conv();

	/* 2^14 * 2^7 pixels of 2^7 = 2^28: allowed, but not in this SRAM. */
	cmd.conv.ofm_h = 1 << 14;
	cmd.conv.ofm_w = 1 << 7;
	cmd.conv.ofm = (struct npu_surface){ 64, 1 << 14, 1 << 7 };
	cmd.conv.ofm_c = 1 << 7;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd.conv.ofm_h++;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
	cmd = small_conv();
	cmd.conv.ifm_c = UINT16_MAX;
	cmd.conv.ofm_c = UINT16_MAX;
	cmd.conv.ofm.row_pitch = cmd.conv.ofm.pixel_pitch = UINT16_MAX;
	cmd.conv.ofm_h = UINT16_MAX;
	cmd.conv.ofm_w = 1;
	cmd.conv.kernel_h = cmd.conv.kernel_w = 255;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
}

static void test_borders_of_sram(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid_conv();
	const uint32_t ifm = 5 * 5 * 24, ofm = 5 * 5 * 20;
	const uint32_t block = (uint32_t)npu_conv_block_size(&cmd.conv);

	cmd.conv.ifm.addr = ENGINE_SRAM - ifm;
	assert_int_equal(engine_check(e, &cmd), 0);
	cmd.conv.ifm.addr++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	assert_int_equal(e->ctx.fault.addr, ENGINE_SRAM);
	cmd.conv.ifm.addr = UINT32_MAX;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	assert_int_equal(e->ctx.fault.addr, UINT32_MAX);

	cmd = valid_conv();
	cmd.conv.ofm.addr = ENGINE_SRAM - ofm;
	assert_int_equal(engine_check(e, &cmd), 0);
	cmd.conv.ofm.addr++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);

	/* The block's size is a multiple of four, and so is the SRAM's. */
	cmd = valid_conv();
	cmd.conv.weights = ENGINE_SRAM - block;
	assert_int_equal(engine_check(e, &cmd), 0);
	engine_run(e, &cmd);
	cmd.conv.weights += 4;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd.conv.weights = UINT32_MAX - 3;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
}

static void test_overlaps(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid_conv();
	const uint32_t ifm = 5 * 5 * 24, ofm = 5 * 5 * 20;

	cmd.conv.ofm.addr = ifm;
	assert_int_equal(engine_check(e, &cmd), 0);
	cmd.conv.ofm.addr--;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct CONV, ifm));
	cmd.conv.ofm.addr = cmd.conv.ifm.addr;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct CONV, ifm));

	cmd = valid_conv();
	cmd.conv.ofm.addr = cmd.conv.weights - ofm;
	assert_int_equal(engine_check(e, &cmd), 0);
	cmd.conv.ofm.addr++;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct CONV, weights));

	/* Both read: an input that looks at the weights is no error. */
	cmd = valid_conv();
	cmd.conv.ifm.addr = cmd.conv.weights;
	assert_int_equal(engine_check(e, &cmd), 0);
}

static void test_access_is_exact(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid_conv();

	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(e->access.read_count, 2);
	assert_int_equal(e->access.write_count, 1);
	assert_int_equal(e->access.reads[0].low, 0);
	assert_int_equal(e->access.reads[0].high, 5 * 5 * 24);
	assert_int_equal(e->access.reads[1].low, 2048);
	/* 20 biases, multipliers, shifts, and weights of depth 216 */
	assert_int_equal(e->access.reads[1].high,
			 2048 + 80 + 80 + 20 + 20 * 216);
	assert_int_equal(e->access.writes[0].low, 1024);
	assert_int_equal(e->access.writes[0].high,
			 1024 + 5 * 5 * 20);
}

static void test_access_of_int16_is_exact(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid_int16();

	cmd.conv.format |= NPU_CONV_WEIGHT_ZP;
	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(e->access.reads[0].high, 5 * 5 * 48);
	assert_int_equal(e->access.writes[0].high, 2048 + 5 * 5 * 40);
	/* 20 wide biases, multipliers, shifts, zero points, weights */
	assert_int_equal(e->access.reads[1].high,
			 4096 + 160 + 80 + 20 + 20 + 20 * 216);
}

/* The manual's words: bytes at the port, the array twice for int16 inputs. */
static void test_cost_of_int16(void **state)
{
	const struct npu_machine machine = NPU_MACHINE_DEFAULT;
	union npu_cmd narrow = valid_conv(), wide = valid_int16();
	struct npu_cost a, b;

	(void)state;
	wide.conv.format &= ~NPU_CONV_WIDE;
	npu_cost(&machine, &narrow, &a);
	npu_cost(&machine, &wide, &b);
	assert_int_equal(b.cycles - 40, 2 * (a.cycles - 40));
	assert_int_equal(b.sram_read - a.sram_read, 5 * 5 * 24);
	assert_int_equal(b.sram_written, 2 * 5 * 5 * 20);
	assert_int_equal(b.mac_ops, a.mac_ops);
	assert_int_equal(b.products, 2 * a.mac_ops);
}

/* By hand, as the manual says it: 5 x 5 pixels, 24 channels to 20, 3 x 3 taps. */
static void test_cost_of_a_restricted_machine(void **state)
{
	static const struct {
		uint32_t macs;
		uint64_t conv, dwconv, matmul, output;
	} cases[] = {
		/* 15 blocks of 2 x 1 x 8: a tap takes 3 cycles */
		{ 128, 15 * 27 * 3, 15 * 12 * 6, 32 * 4 * 2, 250 },
		/* 9 blocks of 2 x 2 x 8; weights come in no less than 32 cycles */
		{ 256, 32 * 9 * 3, 9 * 12 * 6, 32 * 4 * 2, 125 },
		/* 9 of 2 x 2 x 16 */
		{ 512, 32 * 9 * 2, 9 * 12 * 3, 32 * 4, 63 },
		/* 25 of 1 x 1 x 4 */
		{ 32, 25 * 27 * 5, 25 * 12 * 12, 16 * 4 * 4, 500 },
	};
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	union npu_cmd conv = valid_conv(), dwconv = valid_dwconv(), matmul;
	struct npu_cost cost;
	size_t i;

	(void)state;
	matmul = conv;
	matmul.conv.ofm_h = matmul.conv.ofm_w = 1;
	matmul.conv.kernel_h = matmul.conv.kernel_w = 1;
	matmul.conv.ifm_c = 128;
	matmul.conv.ofm_c = 16;
	machine.restricted = 1;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		machine.macs = cases[i].macs;
		npu_cost(&machine, &conv, &cost);
		assert_int_equal(cost.bound[NPU_BOUND_MACS], cases[i].conv);
		assert_int_equal(cost.bound[NPU_BOUND_OUTPUT], cases[i].output);
		npu_cost(&machine, &dwconv, &cost);
		assert_int_equal(cost.bound[NPU_BOUND_MACS], cases[i].dwconv);
		npu_cost(&machine, &matmul, &cost);
		assert_int_equal(cost.bound[NPU_BOUND_MACS], cases[i].matmul);
	}
}

static void test_hostile_commands(void **state)
{
	union npu_cmd conv = valid_conv(), dw = valid_dwconv();
	union npu_cmd int16 = valid_int16();

	engine_torture(*state, &conv, 20000);
	engine_torture(*state, &dw, 20000);
	engine_torture(*state, &int16, 20000);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, engine_setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dot_product_by_hand),
		TEST(test_rounding_by_hand),
		TEST(test_padding_by_hand),
		TEST(test_depthwise_by_hand),
		TEST(test_formats_by_hand),
		TEST(test_int16_by_hand),
		TEST(test_sums_by_hand),
		TEST(test_random_convolutions),
		TEST(test_random_depthwise),
		TEST(test_random_formats),
		TEST(test_random_depthwise_formats),
		TEST(test_sums_wrap),
		TEST(test_bad_fields),
		TEST(test_bad_formats),
		TEST(test_bad_sums),
		TEST(test_unknown_opcodes),
		TEST(test_too_much_work),
		TEST(test_borders_of_sram),
		TEST(test_overlaps),
		TEST(test_access_is_exact),
		TEST(test_access_of_int16_is_exact),
		TEST(test_cost_of_int16),
		TEST(test_cost_of_a_restricted_machine),
		TEST(test_hostile_commands),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mac", tests, NULL, NULL);
}
