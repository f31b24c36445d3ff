// SPDX-License-Identifier: MIT
/*
 * Arithmetic on two int8 tensors, element by element; see binary.h.
 */
#include "binary.h"

#include <string.h>

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
 * What differs between the operations: how @count pairs of elements are combined,
 * each looked up in its input's table. Sums are left to the loops for the host if
 * these have some.
 */
static const struct binary_op {
	void (*combine)(int32_t *sums, const int32_t *a, const uint8_t *x,
			const int32_t *b, const uint8_t *y, uint32_t count);
	bool is_sum; /* inputs are scaled */
	bool is_scaled; /* the output is */
} binary_ops[UINT8_MAX + 1] = {
	[NPU_OP_ADD] = { add, true, true },
	[NPU_OP_SUB] = { subtract, true, true },
	[NPU_OP_MUL] = { multiply, false, true },
	[NPU_OP_MAX] = { maximum, false, false },
	[NPU_OP_MIN] = { minimum, false, false },
};

static bool is_sum(const struct npu_cmd_binary *c)
{
	return binary_ops[c->hdr.op].is_sum;
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
	if (!binary_ops[c->hdr.op].is_scaled)
		return fixed_scale(1u << 30, 1);
	return fixed_scale(c->ofm_mult, c->ofm_shift);
}

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

void binary_make(struct binary *b, const struct npu_cmd_binary *c,
		 const struct kernels *kernels)
{
	struct fixed_scale scale = output_scale(c);
	uint32_t i;

	b->cmd = *c;
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
		count = channels - done < BINARY_RUN ? channels - done : BINARY_RUN;
		combine(b, b->sums, x + done, y + done, count);
		binary_output(b, ofm + done, count);
	}
}

/* @pixels that are contiguous in the output and, together, no more than BINARY_RUN. */
static void binary_pixels(struct binary *b, const uint8_t *x, const uint8_t *y,
			  uint8_t *ofm, uint32_t pixels)
{
	const struct npu_cmd_binary *c = &b->cmd;
	uint32_t i;

	for (i = 0; i < pixels; i++)
		combine(b, b->sums + i * c->channels,
			x + i * c->a.pixel_pitch, y + i * c->b.pixel_pitch,
			c->channels);
	binary_output(b, ofm, pixels * c->channels);
}

void binary_row(struct binary *b, const uint8_t *x, const uint8_t *y,
		uint8_t *ofm)
{
	const struct npu_cmd_binary *c = &b->cmd;
	bool is_dense = c->ofm.pixel_pitch == c->channels;
	uint32_t most = is_dense && c->channels < BINARY_RUN ? BINARY_RUN / c->channels : 1;
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
			binary_pixels(b, x + done * c->a.pixel_pitch,
				      y + done * c->b.pixel_pitch,
				      ofm + done * c->ofm.pixel_pitch, count);
	}
}
