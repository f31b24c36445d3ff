// SPDX-License-Identifier: MIT
/*
 * ADD of two int8 tensors with scales of their own. Called by vec.c.
 */
#include "vec.h"

#include "fixed_point.h"
#include "kernels/kernels.h"
#include "operands.h"

#include <string.h>

#define MAX_LEFT_SHIFT 20
#define RUN 128 /* elements at a time */

#define OFFSET(member) __builtin_offsetof(struct npu_cmd_binary, member)
#define SHIFT_RANGE(member) \
	OPERAND_RANGE(npu_cmd_binary, member, FIXED_SHIFT_MIN, FIXED_SHIFT_MAX)

static const struct operand_range add_ranges[] = {
	OPERAND_RANGE(npu_cmd_binary, height, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_binary, width, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_binary, channels, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_binary, left_shift, 0, MAX_LEFT_SHIFT),
	OPERAND_RANGE(npu_cmd_binary, a_mult, 0, INT32_MAX),
	OPERAND_RANGE(npu_cmd_binary, b_mult, 0, INT32_MAX),
	OPERAND_RANGE(npu_cmd_binary, ofm_mult, 0, INT32_MAX),
	SHIFT_RANGE(a_shift),
	SHIFT_RANGE(b_shift),
	SHIFT_RANGE(ofm_shift),
	OPERAND_RANGE(npu_cmd_binary, act_min, INT8_MIN, INT8_MAX),
	OPERAND_RANGE(npu_cmd_binary, act_max, INT8_MIN, INT8_MAX),
};

/* An input is read before its place is written: it may be the output's. */
static int check_input(struct unit_ctx *ctx, const struct npu_surface *input,
		       const struct unit_extent *extent, uint32_t offset,
		       const struct npu_surface *output,
		       const struct unit_extent *output_extent)
{
	if (!memcmp(input, output, sizeof(*input)))
		return 0;
	return operands_check_overlap(ctx, extent, offset, output_extent);
}

static int check_fields(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct npu_cmd_binary *add = &cmd->binary;

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_binary, reserved) ||
	    UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_binary, reserved1) ||
	    operands_check_ranges(ctx, cmd, add_ranges,
				  OPERAND_ARRAY_SIZE(add_ranges)) ||
	    operands_check_clamp(ctx, add->act_min, add->act_max,
				 OFFSET(act_max)))
		return -1;
	return operands_check_output(ctx, &add->ofm, OFFSET(ofm), add->height,
				     add->width, add->channels);
}

int vec_binary_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		  struct unit_access *access)
{
	const struct npu_cmd_binary *add = &cmd->binary;
	const uint32_t steps[] = { add->height, add->width, add->channels };
	struct unit_extent a, b, ofm;

	if (check_fields(ctx, cmd) ||
	    operands_check_work(ctx, NPU_MAX_CMD_STEPS, steps,
				OPERAND_ARRAY_SIZE(steps)))
		return -1;
	a = unit_extent_surface(&add->a, add->height, add->width,
				add->channels);
	b = unit_extent_surface(&add->b, add->height, add->width,
				add->channels);
	ofm = unit_extent_surface(&add->ofm, add->height, add->width,
				  add->channels);
	if (unit_access_read(ctx, access, &a) ||
	    unit_access_read(ctx, access, &b) ||
	    unit_access_write(ctx, access, &ofm) ||
	    check_input(ctx, &add->a, &a, OFFSET(a), &add->ofm, &ofm))
		return -1;
	return check_input(ctx, &add->b, &b, OFFSET(b), &add->ofm, &ofm);
}

/* Scaled inputs: there are only 256 of them. */
static void scale_table(int32_t table[256], int8_t zero, uint32_t left_shift,
			uint32_t mult, int shift)
{
	struct fixed_scale scale = fixed_scale(mult, shift);
	int32_t value;

	for (value = INT8_MIN; value <= INT8_MAX; value++)
		table[(uint8_t)value] = fixed_rescale(
			fixed_shift_left(value - zero, left_shift), &scale);
}

/* What all elements have in common: scaled inputs and the output stage. */
struct add {
	int32_t a_scaled[256];
	int32_t b_scaled[256];
	int32_t offset[RUN];
	int32_t mult[RUN];
	int32_t left[RUN];
	int32_t right[RUN];
	struct kernel_output stage;
	const struct kernels *kernels;
};

static void add_make(struct add *add, const struct npu_cmd_binary *cmd)
{
	struct fixed_scale scale = fixed_scale(cmd->ofm_mult, cmd->ofm_shift);
	uint32_t i;

	scale_table(add->a_scaled, cmd->a_zp, cmd->left_shift, cmd->a_mult,
		    cmd->a_shift);
	scale_table(add->b_scaled, cmd->b_zp, cmd->left_shift, cmd->b_mult,
		    cmd->b_shift);
	for (i = 0; i < RUN; i++) {
		add->offset[i] = 0;
		add->mult[i] = scale.mult;
		add->left[i] = scale.left;
		add->right[i] = scale.right;
	}
	add->kernels = npu_kernels_best();
	add->stage = (struct kernel_output){
		.pixels = 1,
		.offset = add->offset,
		.mult = add->mult,
		.left = add->left,
		.right = add->right,
		.zero = cmd->ofm_zp,
		.min = (int16_t)cmd->act_min,
		.max = (int16_t)cmd->act_max,
	};
}

/* @count elements that are contiguous in all three. */
static void add_elements(const struct add *add, const uint8_t *a,
			 const uint8_t *b, uint8_t *ofm, uint32_t count)
{
	struct kernel_output stage = add->stage;
	int32_t sums[RUN] = { 0 };
	uint32_t done, i;

	stage.sums = sums;
	for (done = 0; done < count; done += stage.channels) {
		stage.channels = count - done < RUN ? count - done : RUN;
		for (i = 0; i < stage.channels; i++)
			sums[i] = fixed_add(add->a_scaled[a[done + i]],
					    add->b_scaled[b[done + i]]);
		stage.out = (int8_t *)ofm + done;
		add->kernels->output(&stage);
	}
}

void vec_binary_execute(uint8_t *sram, const union npu_cmd *cmd)
{
	const struct npu_cmd_binary *c = &cmd->binary;
	bool is_dense = c->a.pixel_pitch == c->channels &&
			c->b.pixel_pitch == c->channels &&
			c->ofm.pixel_pitch == c->channels;
	uint32_t width = is_dense ? 1 : c->width;
	uint32_t count = is_dense ? c->width * c->channels : c->channels;
	struct add add;
	uint32_t y, x;

	add_make(&add, c);
	for (y = 0; y < c->height; y++)
		for (x = 0; x < width; x++)
			add_elements(&add, sram + operands_pixel(&c->a, y, x),
				     sram + operands_pixel(&c->b, y, x),
				     sram + operands_pixel(&c->ofm, y, x),
				     count);
}
