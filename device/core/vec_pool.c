// SPDX-License-Identifier: MIT
/*
 * POOL_AVG and POOL_MAX over the cells of each window that are inside the
 * input. Called by vec.c.
 */
#include "vec.h"

#include "fixed_point.h"
#include "operands.h"

#include <string.h>

/* Channels at a time; their sums are on the stack. */
#define CHANNELS 256

#define OFFSET(member) __builtin_offsetof(struct npu_cmd_pool, member)

static const struct operand_range pool_ranges[] = {
	OPERAND_RANGE(npu_cmd_pool, ifm_h, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_pool, ifm_w, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_pool, channels, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_pool, ofm_h, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_pool, ofm_w, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_pool, kernel_h, 1, UINT8_MAX),
	OPERAND_RANGE(npu_cmd_pool, kernel_w, 1, UINT8_MAX),
	OPERAND_RANGE(npu_cmd_pool, stride_y, 1, UINT8_MAX),
	OPERAND_RANGE(npu_cmd_pool, stride_x, 1, UINT8_MAX),
	OPERAND_RANGE(npu_cmd_pool, act_min, INT8_MIN, INT8_MAX),
	OPERAND_RANGE(npu_cmd_pool, act_max, INT8_MIN, INT8_MAX),
};

/*
 * Windows move from before the input to behind it: if the first ends inside and
 * the last begins inside, none is empty.
 */
static int check_windows(struct unit_ctx *ctx, const struct npu_cmd_pool *pool)
{
	if ((pool->ofm_h - 1) * pool->stride_y - pool->pad_top >= pool->ifm_h)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_pool, ofm_h);
	if ((pool->ofm_w - 1) * pool->stride_x - pool->pad_left >= pool->ifm_w)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_pool, ofm_w);
	if (pool->pad_top >= pool->kernel_h)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_pool, pad_top);
	if (pool->pad_left >= pool->kernel_w)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_pool, pad_left);
	return 0;
}

int vec_pool_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		   struct unit_access *access)
{
	const struct npu_cmd_pool *pool = &cmd->pool;
	const uint32_t steps[] = {
		pool->ofm_h, pool->ofm_w, pool->channels,
		pool->kernel_h, pool->kernel_w,
	};
	struct unit_extent ifm, ofm;

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_pool, reserved) ||
	    operands_check_ranges(ctx, cmd, pool_ranges,
				  OPERAND_ARRAY_SIZE(pool_ranges)) ||
	    check_windows(ctx, pool) ||
	    operands_check_clamp(ctx, pool->act_min, pool->act_max,
				 OFFSET(act_max)) ||
	    operands_check_output(ctx, &pool->ofm, OFFSET(ofm), pool->ofm_h,
				  pool->ofm_w, pool->channels) ||
	    operands_check_work(ctx, NPU_MAX_CMD_STEPS, steps,
				OPERAND_ARRAY_SIZE(steps)))
		return -1;
	ifm = unit_extent_surface(&pool->ifm, pool->ifm_h, pool->ifm_w,
				  pool->channels);
	ofm = unit_extent_surface(&pool->ofm, pool->ofm_h, pool->ofm_w,
				  pool->channels);
	if (unit_access_read(ctx, access, &ifm) ||
	    unit_access_write(ctx, access, &ofm))
		return -1;
	return operands_check_overlap(ctx, &ifm, OFFSET(ifm), &ofm);
}

/* Rows [y, y_end) and columns [x, x_end) of the input. */
struct window {
	uint32_t y, y_end;
	uint32_t x, x_end;
};

static void clip(int32_t origin, uint32_t kernel, uint32_t size,
		 uint32_t *first, uint32_t *end)
{
	int32_t last = origin + (int32_t)kernel;

	*first = origin < 0 ? 0 : origin;
	*end = last > (int32_t)size ? (int32_t)size : last;
}

static struct window window_of(const struct npu_cmd_pool *pool, uint32_t y,
			       uint32_t x)
{
	struct window w;

	clip((int32_t)(y * pool->stride_y) - pool->pad_top, pool->kernel_h,
	     pool->ifm_h, &w.y, &w.y_end);
	clip((int32_t)(x * pool->stride_x) - pool->pad_left, pool->kernel_w,
	     pool->ifm_w, &w.x, &w.x_end);
	return w;
}

/* At most 255 x 255 cells of at most 128: no sum overflows. */
static void average(const int8_t *ifm, const struct npu_cmd_pool *pool,
		    const struct window *w, uint32_t channels, int8_t *out)
{
	int32_t count = (w->y_end - w->y) * (w->x_end - w->x);
	int32_t min = (int16_t)pool->act_min, max = (int16_t)pool->act_max;
	int32_t sums[CHANNELS] = { 0 };
	uint32_t y, x, c;

	for (y = w->y; y < w->y_end; y++) {
		for (x = w->x; x < w->x_end; x++) {
			const int8_t *cell = ifm +
					     y * pool->ifm.row_pitch +
					     x * pool->ifm.pixel_pitch;

			for (c = 0; c < channels; c++)
				sums[c] += cell[c];
		}
	}
	for (c = 0; c < channels; c++) {
		int32_t half = sums[c] < 0 ? -(count / 2) : count / 2;

		out[c] = fixed_clamp((sums[c] + half) / count, min, max);
	}
}

static void maximum(const int8_t *ifm, const struct npu_cmd_pool *pool,
		    const struct window *w, uint32_t channels, int8_t *out)
{
	int32_t min = (int16_t)pool->act_min, max = (int16_t)pool->act_max;
	int8_t most[CHANNELS];
	uint32_t y, x, c;

	memset(most, INT8_MIN, channels);
	for (y = w->y; y < w->y_end; y++) {
		for (x = w->x; x < w->x_end; x++) {
			const int8_t *cell = ifm +
					     y * pool->ifm.row_pitch +
					     x * pool->ifm.pixel_pitch;

			for (c = 0; c < channels; c++)
				most[c] = cell[c] > most[c] ? cell[c] : most[c];
		}
	}
	for (c = 0; c < channels; c++)
		out[c] = fixed_clamp(most[c], min, max);
}

static void pool_pixel(uint8_t *sram, const union npu_cmd *cmd, uint32_t y,
		       uint32_t x)
{
	const struct npu_cmd_pool *pool = &cmd->pool;
	const int8_t *ifm = (const int8_t *)sram + pool->ifm.addr;
	int8_t *out = (int8_t *)sram + operands_pixel(&pool->ofm, y, x);
	struct window w = window_of(pool, y, x);
	uint32_t c, count;

	for (c = 0; c < pool->channels; c += count) {
		count = pool->channels - c;
		if (count > CHANNELS)
			count = CHANNELS;
		if (pool->hdr.op == NPU_OP_POOL_AVG)
			average(ifm + c, pool, &w, count, out + c);
		else
			maximum(ifm + c, pool, &w, count, out + c);
	}
}

void vec_pool_execute(uint8_t *sram, const union npu_cmd *cmd)
{
	uint32_t y, x;

	for (y = 0; y < cmd->pool.ofm_h; y++)
		for (x = 0; x < cmd->pool.ofm_w; x++)
			pool_pixel(sram, cmd, y, x);
}
