// SPDX-License-Identifier: MIT
/*
 * Operations on two int8 tensors, element by element: ADD, SUB and MUL, whose
 * tensors have scales of their own, MAX and MIN. Called by vec.c.
 */
#include "vec.h"

#include "fixed_point.h"
#include "kernels/kernels.h"
#include "operands.h"

#include <string.h>

#define MAX_LEFT_SHIFT 20
#define RUN 512 /* elements at a time */

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
		RANGE(left_shift, 0, (scaled) * MAX_LEFT_SHIFT),            \
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

static void add(int32_t *sums, const int32_t *a, const uint8_t *x,
		const int32_t *b, const uint8_t *y, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		sums[i] = fixed_add(a[x[i]], b[y[i]]);
}

static void subtract(int32_t *sums, const int32_t *a, const uint8_t *x,
		     const int32_t *b, const uint8_t *y, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		sums[i] = fixed_sub(a[x[i]], b[y[i]]);
}

/* At most 255 x 255 in size. */
static void multiply(int32_t *sums, const int32_t *a, const uint8_t *x,
		     const int32_t *b, const uint8_t *y, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		sums[i] = a[x[i]] * b[y[i]];
}

static void maximum(int32_t *sums, const int32_t *a, const uint8_t *x,
		    const int32_t *b, const uint8_t *y, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		sums[i] = a[x[i]] > b[y[i]] ? a[x[i]] : b[y[i]];
}

static void minimum(int32_t *sums, const int32_t *a, const uint8_t *x,
		    const int32_t *b, const uint8_t *y, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		sums[i] = a[x[i]] < b[y[i]] ? a[x[i]] : b[y[i]];
}

/*
 * What differs between the operations: ranges of fields, and how @count pairs
 * of elements are combined, each looked up in its input's table. Sums are left
 * to the loops for the host if these have some.
 */
static const struct binary_op {
	const struct operand_range *ranges;
	void (*combine)(int32_t *sums, const int32_t *a, const uint8_t *x,
			const int32_t *b, const uint8_t *y, uint32_t count);
} binary_ops[UINT8_MAX + 1] = {
	[NPU_OP_ADD] = { sum_ranges, add },
	[NPU_OP_SUB] = { sum_ranges, subtract },
	[NPU_OP_MUL] = { product_ranges, multiply },
	[NPU_OP_MAX] = { selection_ranges, maximum },
	[NPU_OP_MIN] = { selection_ranges, minimum },
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
	const struct npu_cmd_binary *c = &cmd->binary;

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_binary, reserved) ||
	    UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_binary, reserved1) ||
	    operands_check_ranges(ctx, cmd, binary_ops[cmd->hdr.op].ranges,
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
	    check_input(ctx, &c->a, &a, OFFSET(a), &c->ofm, &ofm))
		return -1;
	return check_input(ctx, &c->b, &b, OFFSET(b), &c->ofm, &ofm);
}

static bool is_sum(const struct npu_cmd_binary *c)
{
	return binary_ops[c->hdr.op].ranges == sum_ranges;
}

/*
 * What an input's elements stand for: there are only 256 of them. Scaled for
 * sums; less the zero point, which MAX and MIN don't have, for the others.
 */
static void input_table(int32_t table[256], const struct npu_cmd_binary *c,
			int8_t zero, uint32_t mult, int shift)
{
	struct fixed_scale scale = fixed_scale(mult, shift);
	int32_t value;

	for (value = INT8_MIN; value <= INT8_MAX; value++)
		table[(uint8_t)value] = !is_sum(c) ? value - zero :
			fixed_rescale(fixed_shift_left(value - zero,
						       c->left_shift), &scale);
}

static struct kernel_term input_term(const struct npu_cmd_binary *c,
				     int8_t zero, uint32_t mult, int shift)
{
	struct fixed_scale scale = fixed_scale(mult, shift);

	return (struct kernel_term){
		.zero = zero,
		.left = c->left_shift + scale.left,
		.mult = scale.mult,
		.right = scale.right,
	};
}

/* MAX and MIN have no factor: 1/2 x 2 leaves all as it is. */
static struct fixed_scale output_scale(const struct npu_cmd_binary *c)
{
	if (binary_ops[c->hdr.op].ranges == selection_ranges)
		return fixed_scale(1u << 30, 1);
	return fixed_scale(c->ofm_mult, c->ofm_shift);
}

/* What all elements have in common: the inputs and the output stage. */
struct binary {
	const struct binary_op *op;
	const struct kernels *kernels;
	bool is_summed; /* by the loops for the host, from terms; or by tables */
	struct kernel_sum sum;
	int32_t a[256];
	int32_t b[256];
	int32_t offset[KERNEL_BLOCK];
	int32_t mult[KERNEL_BLOCK];
	int32_t left[KERNEL_BLOCK];
	int32_t right[KERNEL_BLOCK];
	int32_t sums[RUN];
	struct kernel_output stage;
};

static void make_inputs(struct binary *b, const struct npu_cmd_binary *c)
{
	b->is_summed = is_sum(c) && b->kernels->sum;
	if (b->is_summed) {
		b->sum.a = input_term(c, c->a_zp, c->a_mult, c->a_shift);
		b->sum.b = input_term(c, c->b_zp, c->b_mult, c->b_shift);
		b->sum.is_difference = c->hdr.op == NPU_OP_SUB;
		return;
	}
	input_table(b->a, c, c->a_zp, c->a_mult, c->a_shift);
	input_table(b->b, c, c->b_zp, c->b_mult, c->b_shift);
}

static void binary_make(struct binary *b, const struct npu_cmd_binary *c,
			const struct kernels *kernels)
{
	struct fixed_scale scale = output_scale(c);
	uint32_t i;

	b->op = &binary_ops[c->hdr.op];
	b->kernels = kernels;
	make_inputs(b, c);
	for (i = 0; i < KERNEL_BLOCK; i++) {
		b->offset[i] = 0;
		b->mult[i] = scale.mult;
		b->left[i] = scale.left;
		b->right[i] = scale.right;
	}
	memset(b->sums, 0, sizeof(b->sums));
	b->stage = (struct kernel_output){
		.out_step = KERNEL_BLOCK,
		.sum_pitch = KERNEL_BLOCK,
		.offset = b->offset,
		.mult = b->mult,
		.left = b->left,
		.right = b->right,
		.zero = c->ofm_zp,
		.min = (int16_t)c->act_min,
		.max = (int16_t)c->act_max,
	};
}

/* To @sums, what @count elements of both inputs make. */
static void combine(struct binary *b, int32_t *sums, const uint8_t *x,
		    const uint8_t *y, uint32_t count)
{
	if (!b->is_summed) {
		b->op->combine(sums, b->a, x, b->b, y, count);
		return;
	}
	b->sum.sums = sums;
	b->sum.x = (const int8_t *)x;
	b->sum.y = (const int8_t *)y;
	b->sum.count = count;
	b->kernels->sum(&b->sum);
}

/* The @count sums so far, contiguous in the output; a block is like a pixel. */
static void binary_output(struct binary *b, uint8_t *ofm, uint32_t count)
{
	uint32_t blocks = count / KERNEL_BLOCK;

	b->stage.sums = b->sums;
	b->stage.out = (int8_t *)ofm;
	b->stage.pixels = blocks;
	b->stage.channels = KERNEL_BLOCK;
	if (blocks)
		b->kernels->output(&b->stage);
	b->stage.sums += blocks * KERNEL_BLOCK;
	b->stage.out += blocks * KERNEL_BLOCK;
	b->stage.pixels = 1;
	b->stage.channels = count % KERNEL_BLOCK;
	if (b->stage.channels)
		b->kernels->output(&b->stage);
}

/* One pixel of any number of channels. */
static void binary_pixel(struct binary *b, const uint8_t *x, const uint8_t *y,
			 uint8_t *ofm, uint32_t channels)
{
	uint32_t done, count;

	for (done = 0; done < channels; done += count) {
		count = channels - done < RUN ? channels - done : RUN;
		combine(b, b->sums, x + done, y + done, count);
		binary_output(b, ofm + done, count);
	}
}

/* @pixels that are contiguous in the output and, together, no more than RUN. */
static void binary_pixels(struct binary *b, const struct npu_cmd_binary *c,
			  const uint8_t *x, const uint8_t *y, uint8_t *ofm,
			  uint32_t pixels)
{
	uint32_t i;

	for (i = 0; i < pixels; i++)
		combine(b, b->sums + i * c->channels,
			x + i * c->a.pixel_pitch, y + i * c->b.pixel_pitch,
			c->channels);
	binary_output(b, ofm, pixels * c->channels);
}

static void binary_row(struct binary *b, const struct npu_cmd_binary *c,
		       const uint8_t *x, const uint8_t *y, uint8_t *ofm)
{
	bool is_dense = c->ofm.pixel_pitch == c->channels;
	uint32_t most = is_dense && c->channels < RUN ? RUN / c->channels : 1;
	uint32_t done, count;

	if (is_dense && c->a.pixel_pitch == c->channels &&
	    c->b.pixel_pitch == c->channels) {
		binary_pixel(b, x, y, ofm, c->width * c->channels);
		return;
	}
	for (done = 0; done < c->width; done += count) {
		count = c->width - done < most ? c->width - done : most;
		if (count == 1)
			binary_pixel(b, x + done * c->a.pixel_pitch,
				     y + done * c->b.pixel_pitch,
				     ofm + done * c->ofm.pixel_pitch,
				     c->channels);
		else
			binary_pixels(b, c, x + done * c->a.pixel_pitch,
				      y + done * c->b.pixel_pitch,
				      ofm + done * c->ofm.pixel_pitch, count);
	}
}

void vec_binary_compute(uint8_t *sram, const union npu_cmd *cmd,
			const struct kernels *kernels)
{
	const struct npu_cmd_binary *c = &cmd->binary;
	struct binary b;
	uint32_t y;

	binary_make(&b, c, kernels);
	for (y = 0; y < c->height; y++)
		binary_row(&b, c, sram + operands_pixel(&c->a, y, 0),
			   sram + operands_pixel(&c->b, y, 0),
			   sram + operands_pixel(&c->ofm, y, 0));
}

void vec_binary_execute(uint8_t *sram, const union npu_cmd *cmd)
{
	vec_binary_compute(sram, cmd, npu_kernels_best());
}
