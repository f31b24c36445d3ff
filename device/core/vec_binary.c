// SPDX-License-Identifier: MIT
/*
 * Operations on two int8 tensors, element by element: ADD, SUB and MUL, whose
 * tensors have scales of their own, MAX and MIN: their checks, and the way to what
 * computes them. Called by vec.c.
 */
#include "vec.h"

#include "binary.h"
#include "operands.h"

#define OFFSET(member) __builtin_offsetof(struct npu_cmd_binary, member)
#define RANGE(member, least, most) \
	OPERAND_RANGE(npu_cmd_binary, member, least, most)

/*
 * The fields in their order. What scales the inputs is nothing but zero where
 * @scaled is 0, what scales the output where @scales is 0.
 */
#define BINARY_RANGES(scaled, scales)                                       \
	{                                                                   \
		RANGE(height, 1, UINT16_MAX),                               \
		RANGE(width, 1, UINT16_MAX),                                \
		RANGE(channels, 1, UINT16_MAX),                             \
		RANGE(a_zp, (scales) * INT8_MIN, (scales) * INT8_MAX),      \
		RANGE(b_zp, (scales) * INT8_MIN, (scales) * INT8_MAX),      \
		RANGE(ofm_zp, (scales) * INT8_MIN, (scales) * INT8_MAX),    \
		RANGE(left_shift, 0, (scaled) * BINARY_MAX_LEFT_SHIFT),     \
		RANGE(a_mult, 0, (scaled) * INT32_MAX),                     \
		RANGE(b_mult, 0, (scaled) * INT32_MAX),                     \
		RANGE(ofm_mult, 0, (scales) * INT32_MAX),                   \
		RANGE(a_shift, (scaled) * FIXED_SHIFT_MIN,                  \
		      (scaled) * FIXED_SHIFT_MAX),                          \
		RANGE(b_shift, (scaled) * FIXED_SHIFT_MIN,                  \
		      (scaled) * FIXED_SHIFT_MAX),                          \
		RANGE(ofm_shift, (scales) * FIXED_SHIFT_MIN,                \
		      (scales) * FIXED_SHIFT_MAX),                          \
		RANGE(act_min, INT8_MIN, INT8_MAX),                         \
		RANGE(act_max, INT8_MIN, INT8_MAX),                         \
	}

static const struct operand_range sum_ranges[] = BINARY_RANGES(1, 1);
static const struct operand_range product_ranges[] = BINARY_RANGES(0, 1);
static const struct operand_range selection_ranges[] = BINARY_RANGES(0, 0);

/* By opcode. */
static const struct operand_range *const binary_ranges[UINT8_MAX + 1] = {
	[NPU_OP_ADD] = sum_ranges,
	[NPU_OP_SUB] = sum_ranges,
	[NPU_OP_MUL] = product_ranges,
	[NPU_OP_MAX] = selection_ranges,
	[NPU_OP_MIN] = selection_ranges,
};

static int check_fields(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct npu_cmd_binary *c = &cmd->binary;

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_binary, reserved) ||
	    UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_binary, reserved1) ||
	    operands_check_ranges(ctx, cmd, binary_ranges[cmd->hdr.op],
				  OPERAND_ARRAY_SIZE(sum_ranges)) ||
	    operands_check_clamp(ctx, c->act_min, c->act_max,
				 OFFSET(act_max)))
		return -1;
	return operands_check_output(ctx, &c->ofm, OFFSET(ofm), c->height,
				     c->width, c->channels);
}

int vec_binary_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		  struct unit_access *access)
{
	const struct npu_cmd_binary *c = &cmd->binary;
	const uint32_t steps[] = { c->height, c->width, c->channels };
	struct unit_extent a, b, ofm;

	if (check_fields(ctx, cmd) ||
	    operands_check_work(ctx, NPU_MAX_CMD_STEPS, steps,
				OPERAND_ARRAY_SIZE(steps)))
		return -1;
	a = unit_extent_surface(&c->a, c->height, c->width,
				c->channels);
	b = unit_extent_surface(&c->b, c->height, c->width,
				c->channels);
	ofm = unit_extent_surface(&c->ofm, c->height, c->width,
				  c->channels);
	if (unit_access_read(ctx, access, &a) ||
	    unit_access_read(ctx, access, &b) ||
	    unit_access_write(ctx, access, &ofm) ||
	    operands_check_in_place(ctx, &c->a, &a, OFFSET(a), &c->ofm, &ofm))
		return -1;
	return operands_check_in_place(ctx, &c->b, &b, OFFSET(b), &c->ofm,
				       &ofm);
}

void vec_binary_compute(uint8_t *sram, const union npu_cmd *cmd,
			const struct kernels *kernels)
{
	const struct npu_cmd_binary *c = &cmd->binary;
	struct binary b;
	uint32_t y;

	binary_make(&b, c, kernels);
	for (y = 0; y < c->height; y++)
		binary_row(&b, sram + operands_pixel(&c->a, y, 0),
			   sram + operands_pixel(&c->b, y, 0),
			   sram + operands_pixel(&c->ofm, y, 0));
}

void vec_binary_execute(uint8_t *sram, const union npu_cmd *cmd)
{
	vec_binary_compute(sram, cmd, npu_kernels_best());
}
