// SPDX-License-Identifier: MIT
/*
 * RESIZE: nearest neighbours by float32 positions, bilinear interpolation by
 * positions of 1/1024, both as TensorFlow Lite's reference has them. Called by
 * vec.c.
 */
#include "vec.h"

#include "operands.h"

#include <string.h>

#define ONE 1024 /* a pixel, bilinear */
#define MAX_SCALE (1 << 26) /* of the largest picture to one pixel */
#define RESIZE_WORK 4 /* per element */

#define OFFSET(member) __builtin_offsetof(struct npu_cmd_resize, member)
#define RANGE(member, least, most) \
	OPERAND_RANGE(npu_cmd_resize, member, least, most)

static const struct operand_range resize_ranges[] = {
	RANGE(ifm_h, 1, UINT16_MAX),
	RANGE(ifm_w, 1, UINT16_MAX),
	RANGE(channels, 1, UINT16_MAX),
	RANGE(ofm_h, 1, UINT16_MAX),
	RANGE(ofm_w, 1, UINT16_MAX),
	RANGE(full_h, 1, UINT16_MAX),
	RANGE(full_w, 1, UINT16_MAX),
	RANGE(flags, 0, NPU_RESIZE_FLAGS),
	RANGE(type, NPU_TYPE_S8, NPU_TYPE_S16),
};

/* A row or a column of the output: what it is made of. */
struct position {
	uint32_t low, high; /* of the whole input */
	int32_t share; /* of @high, in 1/1024; may be negative at the edges */
};

/* One direction of a command: rows or columns. */
struct axis {
	uint32_t ifm, full, ifm_origin, ofm, ofm_origin;
	uint32_t scale;
	uint8_t flags;
};

static struct axis rows_of(const struct npu_cmd_resize *c)
{
	return (struct axis){ c->ifm_h, c->full_h, c->ifm_y, c->ofm_h, c->ofm_y,
			      c->scale_y, c->flags };
}

static struct axis columns_of(const struct npu_cmd_resize *c)
{
	return (struct axis){ c->ifm_w, c->full_w, c->ifm_x, c->ofm_w, c->ofm_x,
			      c->scale_x, c->flags };
}

/* @x is not negative and below 2^62. */
static float floor_of(float x)
{
	return x < 0x1p31f ? (float)(uint32_t)x : x;
}

static struct position nearest(const struct axis *axis, uint32_t index)
{
	float offset = axis->flags & NPU_RESIZE_HALF_PIXEL ? 0.5f : 0.0f;
	float scale, at, whole;
	uint32_t low = axis->full - 1;

	memcpy(&scale, &axis->scale, sizeof(scale));
	at = ((float)(axis->ofm_origin + index) + offset) * scale;
	whole = floor_of(at);
	if (axis->flags & NPU_RESIZE_ROUND && at - whole >= 0.5f)
		whole += 1.0f;
	if (whole < (float)low)
		low = (uint32_t)whole;
	return (struct position){ low, low, 0 };
}

static struct position bilinear(const struct axis *axis, uint32_t index)
{
	int64_t at = (int64_t)(axis->ofm_origin + index) * axis->scale;
	int64_t last = axis->full - 1, low, high, share;

	if (axis->flags & NPU_RESIZE_HALF_PIXEL)
		at += (int64_t)axis->scale / 2 - ONE / 2;
	low = at < 0 ? 0 : at / ONE;
	high = at < 0 ? 0 : (at + ONE - 1) / ONE;
	low = low < last ? low : last;
	high = high < last ? high : last;
	share = at - low * ONE;
	return (struct position){ low, high, share < ONE ? share : ONE };
}

static struct position position_of(const struct axis *axis, uint32_t index)
{
	return axis->flags & NPU_RESIZE_NEAREST ? nearest(axis, index) :
						  bilinear(axis, index);
}

/* Positions rise with the index: all lie in the tile if first and last do. */
static bool is_in_tile(const struct axis *axis)
{
	return position_of(axis, 0).low >= axis->ifm_origin &&
	       position_of(axis, axis->ofm - 1).high <
		       axis->ifm_origin + axis->ifm;
}

/* A factor of pixels, or the bits of a float that is one. */
static bool is_scale(const struct axis *axis)
{
	float scale;

	if (!(axis->flags & NPU_RESIZE_NEAREST))
		return axis->scale <= MAX_SCALE;
	memcpy(&scale, &axis->scale, sizeof(scale));
	return !(axis->scale >> 31) && scale <= UINT16_MAX;
}

static int check_fields(struct unit_ctx *ctx, const struct npu_cmd_resize *c)
{
	struct axis rows = rows_of(c), columns = columns_of(c);

	if (!is_scale(&rows))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_resize, scale_y);
	if (!is_scale(&columns))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_resize, scale_x);
	if (c->flags & NPU_RESIZE_ROUND && !(c->flags & NPU_RESIZE_NEAREST))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_resize, flags);
	if (c->ifm_y + c->ifm_h > c->full_h)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_resize, full_h);
	if (c->ifm_x + c->ifm_w > c->full_w)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_resize, full_w);
	if (!is_in_tile(&rows))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_resize, ifm_y);
	if (!is_in_tile(&columns))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_resize, ifm_x);
	return operands_check_output(ctx, &c->ofm, OFFSET(ofm), c->ofm_h,
				     c->ofm_w,
				     c->channels * npu_type_size(c->type));
}

int vec_resize_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access)
{
	const struct npu_cmd_resize *c = &cmd->resize;
	const uint32_t steps[] = { c->ofm_h, c->ofm_w, c->channels,
				   RESIZE_WORK };
	struct unit_extent ifm, ofm;
	uint32_t bytes;

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_resize, reserved) ||
	    operands_check_ranges(ctx, cmd, resize_ranges,
				  OPERAND_ARRAY_SIZE(resize_ranges)) ||
	    check_fields(ctx, c) ||
	    operands_check_work(ctx, NPU_MAX_CMD_STEPS, steps,
				OPERAND_ARRAY_SIZE(steps)))
		return -1;
	bytes = c->channels * npu_type_size(c->type);
	ifm = unit_extent_surface(&c->ifm, c->ifm_h, c->ifm_w, bytes);
	ofm = unit_extent_surface(&c->ofm, c->ofm_h, c->ofm_w, bytes);
	if (unit_access_read(ctx, access, &ifm) ||
	    unit_access_write(ctx, access, &ofm))
		return -1;
	return operands_check_overlap(ctx, &ifm, OFFSET(ifm), &ofm);
}

/* What a pixel of the output is made of: rows and columns of the tile. */
struct corners {
	const uint8_t *low_low, *low_high; /* row, column */
	const uint8_t *high_low, *high_high;
	int32_t y_share, x_share;
};

static const uint8_t *cell(const uint8_t *sram, const struct npu_cmd_resize *c,
			   uint32_t y, uint32_t x)
{
	return sram + operands_pixel(&c->ifm, y - c->ifm_y, x - c->ifm_x);
}

static struct corners corners_of(const uint8_t *sram,
				 const struct npu_cmd_resize *c,
				 const struct position *y,
				 const struct position *x)
{
	return (struct corners){
		.low_low = cell(sram, c, y->low, x->low),
		.low_high = cell(sram, c, y->low, x->high),
		.high_low = cell(sram, c, y->high, x->low),
		.high_high = cell(sram, c, y->high, x->high),
		.y_share = y->share,
		.x_share = x->share,
	};
}

/*
 * Shares are -512..1024, so a row's sum is at most 128 x 2048 and the whole at
 * most 2^29. Nothing is rounded before the end: columns may come first.
 */
static void mix8(int8_t *to, const struct corners *from, uint32_t count)
{
	const int8_t *a = (const int8_t *)from->low_low;
	const int8_t *b = (const int8_t *)from->low_high;
	const int8_t *c = (const int8_t *)from->high_low;
	const int8_t *d = (const int8_t *)from->high_high;
	int32_t y = from->y_share, x = from->x_share;
	uint32_t i;

	for (i = 0; i < count; i++) {
		int32_t low = a[i] * (ONE - x) + b[i] * x;
		int32_t high = c[i] * (ONE - x) + d[i] * x;
		int32_t sum = low * (ONE - y) + high * y;

		sum += sum > 0 ? ONE * ONE / 2 : -(ONE * ONE / 2);
		to[i] = (int8_t)(sum / (ONE * ONE));
	}
}

static int64_t at16(const uint8_t *cells, uint32_t index)
{
	int16_t element;

	memcpy(&element, cells + 2 * index, sizeof(element));
	return element;
}

static void mix16(uint8_t *to, const struct corners *from, uint32_t count)
{
	int64_t y = from->y_share, x = from->x_share;
	uint32_t i;

	for (i = 0; i < count; i++) {
		int64_t low = at16(from->low_low, i) * (ONE - x) +
			      at16(from->low_high, i) * x;
		int64_t high = at16(from->high_low, i) * (ONE - x) +
			       at16(from->high_high, i) * x;
		int64_t sum = low * (ONE - y) + high * y;
		int16_t element;

		sum += sum > 0 ? ONE * ONE / 2 : -(ONE * ONE / 2);
		element = (int16_t)(sum / (ONE * ONE));
		memcpy(to + 2 * i, &element, sizeof(element));
	}
}

void vec_resize_execute(uint8_t *sram, const union npu_cmd *cmd)
{
	const struct npu_cmd_resize *c = &cmd->resize;
	struct axis rows = rows_of(c), columns = columns_of(c);
	uint32_t y, x;

	for (y = 0; y < c->ofm_h; y++) {
		struct position row = position_of(&rows, y);

		for (x = 0; x < c->ofm_w; x++) {
			struct position column = position_of(&columns, x);
			struct corners from = corners_of(sram, c, &row,
							 &column);
			uint8_t *to = sram + operands_pixel(&c->ofm, y, x);

			if (c->flags & NPU_RESIZE_NEAREST)
				memcpy(to, from.low_low,
				       c->channels * npu_type_size(c->type));
			else if (c->type == NPU_TYPE_S8)
				mix8((int8_t *)to, &from, c->channels);
			else
				mix16(to, &from, c->channels);
		}
	}
}
