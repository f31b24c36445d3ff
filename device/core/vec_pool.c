// SPDX-License-Identifier: MIT
/*
 * POOL_AVG and POOL_MAX over the cells of each window that are inside the
 * input, int8 or int16. Called by vec.c.
 */
#include "vec.h"

#include "operands.h"

#include <string.h>

/* Channels at a time; their values are on the stack. */
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
	OPERAND_RANGE(npu_cmd_pool, act_min, INT16_MIN, INT16_MAX),
	OPERAND_RANGE(npu_cmd_pool, act_max, INT16_MIN, INT16_MAX),
	OPERAND_RANGE(npu_cmd_pool, flags, 0, NPU_POOL_FLAGS),
};

static const struct operand_range int8_ranges[] = {
	OPERAND_RANGE(npu_cmd_pool, act_min, INT8_MIN, INT8_MAX),
	OPERAND_RANGE(npu_cmd_pool, act_max, INT8_MIN, INT8_MAX),
};

static bool is_wide(const struct npu_cmd_pool *pool)
{
	return pool->flags & NPU_POOL_S16;
}

static uint32_t pixel_bytes(const struct npu_cmd_pool *pool)
{
	return is_wide(pool) ? 2 * pool->channels : pool->channels;
}

static int check_fields(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct npu_cmd_pool *pool = &cmd->pool;

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_pool, reserved) ||
	    operands_check_ranges(ctx, cmd, pool_ranges,
				  OPERAND_ARRAY_SIZE(pool_ranges)))
		return -1;
	if (pool->hdr.op == NPU_OP_POOL_AVG && pool->flags & NPU_POOL_MIN)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_pool, flags);
	return is_wide(pool) ? 0 :
	       operands_check_ranges(ctx, cmd, int8_ranges,
				     OPERAND_ARRAY_SIZE(int8_ranges));
}

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

	if (check_fields(ctx, cmd) || check_windows(ctx, pool) ||
	    operands_check_clamp(ctx, pool->act_min, pool->act_max,
				 OFFSET(act_max)) ||
	    operands_check_output(ctx, &pool->ofm, OFFSET(ofm), pool->ofm_h,
				  pool->ofm_w, pixel_bytes(pool)) ||
	    operands_check_work(ctx, NPU_MAX_CMD_STEPS, steps,
				OPERAND_ARRAY_SIZE(steps)))
		return -1;
	ifm = unit_extent_surface(&pool->ifm, pool->ifm_h, pool->ifm_w,
				  pixel_bytes(pool));
	ofm = unit_extent_surface(&pool->ofm, pool->ofm_h, pool->ofm_w,
				  pixel_bytes(pool));
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

/* Some channels of a window's first cell, and where the result goes. */
struct pool_part {
	const struct npu_cmd_pool *pool;
	const uint8_t *ifm; /* of the tile's first pixel */
	uint8_t *out;
	uint32_t channels;
	struct window window;
};

/* Reads each cell's channels as int32 and does @result to what is there. */
#define WINDOW_LOOP(name, type, result)                                      \
	static void name(int32_t *restrict to, const struct pool_part *p)    \
	{                                                                    \
		const struct window *w = &p->window;                         \
		uint32_t y, x, c;                                            \
									     \
		for (y = w->y; y < w->y_end; y++) {                          \
			for (x = w->x; x < w->x_end; x++) {                  \
				const uint8_t *cell = p->ifm +               \
					y * p->pool->ifm.row_pitch +         \
					x * p->pool->ifm.pixel_pitch;        \
									     \
				for (c = 0; c < p->channels; c++) {          \
					type v;                              \
									     \
					memcpy(&v, cell + c * sizeof(v),     \
					       sizeof(v));                   \
					to[c] = result;                      \
				}                                            \
			}                                                    \
		}                                                            \
	}

/* At most 255 x 255 cells of at most 2^15: no sum overflows. */
WINDOW_LOOP(sum8, int8_t, to[c] + v)
WINDOW_LOOP(sum16, int16_t, to[c] + v)
WINDOW_LOOP(max8, int8_t, v > to[c] ? v : to[c])
WINDOW_LOOP(max16, int16_t, v > to[c] ? v : to[c])
WINDOW_LOOP(min8, int8_t, v < to[c] ? v : to[c])
WINDOW_LOOP(min16, int16_t, v < to[c] ? v : to[c])

/* A kind of pool: what a window starts with, and its loops by element size. */
static const struct pool_kind {
	int32_t start;
	void (*loop[2])(int32_t *restrict to, const struct pool_part *p);
} average = { 0, { sum8, sum16 } },
  maximum = { INT16_MIN, { max8, max16 } },
  minimum = { INT16_MAX, { min8, min16 } };

static const struct pool_kind *kind_of(const struct npu_cmd_pool *pool)
{
	if (pool->hdr.op == NPU_OP_POOL_AVG)
		return &average;
	return pool->flags & NPU_POOL_MIN ? &minimum : &maximum;
}

/* Halves away from zero */
static void divide(int32_t *sums, const struct pool_part *p)
{
	const struct window *w = &p->window;
	int32_t count = (w->y_end - w->y) * (w->x_end - w->x);
	uint32_t c;

	for (c = 0; c < p->channels; c++) {
		int32_t half = sums[c] < 0 ? -(count / 2) : count / 2;

		sums[c] = (sums[c] + half) / count;
	}
}

static void put(const int32_t *values, const struct pool_part *p)
{
	int32_t min = (int16_t)p->pool->act_min;
	int32_t max = (int16_t)p->pool->act_max;
	uint32_t c;

	for (c = 0; c < p->channels; c++) {
		int32_t v = values[c] < min ? min :
			    values[c] > max ? max : values[c];
		int16_t wide = (int16_t)v;

		if (is_wide(p->pool))
			memcpy(p->out + 2 * c, &wide, sizeof(wide));
		else
			p->out[c] = (uint8_t)v;
	}
}

static void pool_channels(const struct pool_kind *kind,
			  const struct pool_part *p)
{
	int32_t values[CHANNELS];
	uint32_t c;

	for (c = 0; c < p->channels; c++)
		values[c] = kind->start;
	kind->loop[is_wide(p->pool)](values, p);
	if (kind == &average)
		divide(values, p);
	put(values, p);
}

static void pool_pixel(uint8_t *sram, const struct npu_cmd_pool *pool,
		       uint32_t y, uint32_t x)
{
	uint32_t size = is_wide(pool) ? 2 : 1, c;
	struct pool_part part = {
		.pool = pool,
		.window = window_of(pool, y, x),
	};

	for (c = 0; c < pool->channels; c += part.channels) {
		part.ifm = sram + pool->ifm.addr + c * size;
		part.out = sram + operands_pixel(&pool->ofm, y, x) + c * size;
		part.channels = pool->channels - c;
		if (part.channels > CHANNELS)
			part.channels = CHANNELS;
		pool_channels(kind_of(pool), &part);
	}
}

void vec_pool_execute(uint8_t *sram, const union npu_cmd *cmd)
{
	uint32_t y, x;

	for (y = 0; y < cmd->pool.ofm_h; y++)
		for (x = 0; x < cmd->pool.ofm_w; x++)
			pool_pixel(sram, &cmd->pool, y, x);
}
