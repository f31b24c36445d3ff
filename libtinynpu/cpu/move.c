// SPDX-License-Identifier: MIT
/*
 * Operators that only move elements, of any type. Each is a map from indices of
 * the output to places in the input: separate for each dimension, where it is
 * not a walk with strides.
 */
#include "kernels.h"

#include <string.h>

/* Copies a row of @count elements of @size bytes, @step elements apart. */
static void copy_row(uint8_t *to, const uint8_t *from, uint32_t count,
		     int64_t step, uint32_t size)
{
	uint32_t i;

	if (step == 1) {
		memcpy(to, from, (uint64_t)count * size);
		return;
	}
	for (i = 0; i < count; i++) {
		memcpy(to, from, size);
		to += size;
		from += step * size;
	}
}

/* out = in, read with @walk's strides of operand 0 from element @start on. */
static void gather_walk(const struct cpu_op *op, struct cpu_walk *walk,
			int64_t start)
{
	uint32_t size = cpu_element_bytes(op->out->dtype);
	uint32_t row = walk_row(walk);
	const uint8_t *from = op->in[0]->data;
	uint8_t *to = op->out->data;

	do {
		copy_row(to, from + (start + walk->at[0]) * size, row,
			 walk_stride(walk, 0), size);
		to += (uint64_t)row * size;
	} while (cpu_walk_next_row(walk));
}

static bool is_same_type(const struct cpu_op *op)
{
	return op->in[0]->dtype == op->out->dtype;
}

/* --- RESHAPE --------------------------------------------------------------- */

static const char *check_reshape(const struct cpu_op *op)
{
	return is_same_type(op) && op->in[0]->elements == op->out->elements ?
		NULL : "input and output differ";
}

static const char *run_reshape(const struct cpu_op *op, void *scratch)
{
	memcpy(op->out->data, op->in[0]->data,
	       op->out->elements * cpu_element_bytes(op->out->dtype));
	return NULL;
}

const struct cpu_kernel cpu_reshape = {
	.check = check_reshape,
	.run = run_reshape,
};

/* --- TRANSPOSE ------------------------------------------------------------- */

static const char *check_transpose(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	uint32_t seen = 0, i;

	if (!is_same_type(op) || in->rank != out->rank ||
	    op->attrs != in->rank)
		return "types or ranks differ";
	for (i = 0; i < in->rank; i++) {
		if (!is_axis(in, op->attr[i].i) ||
		    seen & 1u << op->attr[i].i)
			return "no permutation";
		seen |= 1u << op->attr[i].i;
		if (out->shape[i] != in->shape[op->attr[i].i])
			return "shape of the output";
	}
	return NULL;
}

static const char *run_transpose(const struct cpu_op *op, void *scratch)
{
	int64_t stride[MAX_RANK];
	struct cpu_walk walk;
	uint32_t i;

	cpu_broadcast_strides(op->in[0], op->in[0], stride);
	cpu_walk_init(&walk, op->out);
	for (i = 0; i < walk.rank; i++)
		walk.stride[0][i] = stride[op->attr[i].i];
	gather_walk(op, &walk, 0);
	return NULL;
}

const struct cpu_kernel cpu_transpose = {
	.check = check_transpose,
	.run = run_transpose,
};

/* --- CONCATENATION --------------------------------------------------------- */

static const char *check_concatenation(const struct cpu_op *op)
{
	const struct cpu_tensor *out = op->out;
	int32_t axis = op->attr[0].i;
	uint64_t length = 0;
	uint32_t i, k;

	if (!is_axis(out, axis))
		return "no such axis";
	for (i = 0; i < op->inputs; i++) {
		const struct cpu_tensor *in = op->in[i];

		if (!in || in->dtype != out->dtype || in->rank != out->rank)
			return "types or ranks differ";
		for (k = 0; k < in->rank; k++)
			if (k != axis && in->shape[k] != out->shape[k])
				return "shapes differ";
		length += in->shape[axis];
	}
	return length == out->shape[axis] ? NULL : "shape of the output";
}

static const char *run_concatenation(const struct cpu_op *op, void *scratch)
{
	struct cpu_axis all = axis_of(op->out, op->attr[0].i);
	uint64_t size = all.inner * cpu_element_bytes(op->out->dtype), outer;
	uint8_t *to = op->out->data;
	uint32_t i;

	for (outer = 0; outer < all.outer; outer++)
	for (i = 0; i < op->inputs; i++) {
		uint64_t run = op->in[i]->shape[op->attr[0].i] * size;

		memcpy(to, (const uint8_t *)op->in[i]->data + outer * run, run);
		to += run;
	}
	return NULL;
}

const struct cpu_kernel cpu_concatenation = {
	.check = check_concatenation,
	.run = run_concatenation,
};

/* --- SLICE ----------------------------------------------------------------- */

static const char *check_slice(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	uint32_t i;

	if (!is_same_type(op) || in->rank != out->rank ||
	    op->attrs != 2 * in->rank)
		return "types or ranks differ";
	for (i = 0; i < in->rank; i++) {
		int64_t first = op->attr[i].i;
		int64_t step = op->attr[in->rank + i].i;
		int64_t last = first + step * (out->shape[i] - (int64_t)1);

		if (first < 0 || first >= in->shape[i] || last < 0 ||
		    last >= in->shape[i])
			return "beyond the input";
	}
	return NULL;
}

static const char *run_slice(const struct cpu_op *op, void *scratch)
{
	struct cpu_walk walk;
	int64_t start = 0;
	uint32_t i;

	cpu_walk_init(&walk, op->out);
	memset(walk.stride[0], 0, sizeof(walk.stride[0]));
	cpu_broadcast_strides(op->in[0], op->in[0], walk.stride[0]);
	for (i = 0; i < walk.rank; i++) {
		start += op->attr[i].i * walk.stride[0][i];
		walk.stride[0][i] *= op->attr[walk.rank + i].i;
	}
	gather_walk(op, &walk, start);
	return NULL;
}

const struct cpu_kernel cpu_slice = { .check = check_slice, .run = run_slice };

/* --- PAD ------------------------------------------------------------------- */

static const char *check_pad(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	const struct cpu_tensor *value = input(op, 1);
	int32_t mode = op->attr[0].i;
	uint32_t i;

	if (mode < 0 || mode >= NPU_CPU_PAD_COUNT)
		return "no such mode";
	if (!is_same_type(op) || in->rank != out->rank ||
	    op->attrs != 1 + in->rank)
		return "types or ranks differ";
	if (value && (value->dtype != in->dtype || value->elements != 1))
		return "the value is not one of the input's";
	for (i = 0; i < in->rank; i++) {
		int64_t length = in->shape[i], before = op->attr[1 + i].i;
		int64_t after = (int64_t)out->shape[i] - length - before;
		int64_t most = mode == NPU_CPU_PAD_REFLECT ? length - 1 :
			       mode == NPU_CPU_PAD_SYMMETRIC ? length :
			       INT32_MAX;

		if (before < 0 || after < 0 || before > most || after > most)
			return "padding that can't be";
	}
	return NULL;
}

/* The index of the input that @i, counted from its first one, stands for. */
static int64_t mirror(int64_t i, int64_t length, int32_t mode)
{
	int64_t is_symmetric = mode == NPU_CPU_PAD_SYMMETRIC;

	if (mode == NPU_CPU_PAD_EDGE)
		return i < 0 ? 0 : i < length ? i : length - 1;
	if (i < 0)
		return -i - is_symmetric;
	return i < length ? i : 2 * length - 2 - i + is_symmetric;
}

static void fill(const struct cpu_op *op)
{
	const struct cpu_tensor *out = op->out, *value = input(op, 1);
	uint32_t size = cpu_element_bytes(out->dtype);
	uint8_t *to = out->data;
	uint64_t i;

	if (!value && out->quants) {
		for (i = 0; i < out->elements; i++)
			cpu_store(out, i, out->zero_point[0]);
		return;
	}
	for (i = 0; i < out->elements; i++, to += size) {
		if (value)
			memcpy(to, value->data, size);
		else
			memset(to, 0, size);
	}
}

/* Puts the input into the middle of what is filled. */
static void pad_constant(const struct cpu_op *op)
{
	uint32_t size = cpu_element_bytes(op->out->dtype), i;
	const uint8_t *from = op->in[0]->data;
	uint8_t *to = op->out->data;
	struct cpu_walk walk;

	fill(op);
	cpu_walk_init(&walk, op->in[0]);
	cpu_broadcast_strides(op->out, op->out, walk.stride[1]);
	for (i = 0; i < walk.rank; i++)
		to += op->attr[1 + i].i * walk.stride[1][i] * size;
	do {
		memcpy(to + walk.at[1] * size, from + walk.at[0] * size,
		       (uint64_t)walk_row(&walk) * size);
	} while (cpu_walk_next_row(&walk));
}

static void pad_mirrored(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0];
	uint32_t size = cpu_element_bytes(in->dtype), i, k;
	uint8_t *to = op->out->data;
	int64_t stride[MAX_RANK];
	struct cpu_walk walk;

	cpu_broadcast_strides(in, in, stride);
	cpu_walk_init(&walk, op->out);
	do {
		for (i = 0; i < walk_row(&walk); i++, to += size) {
			int64_t at = 0;

			for (k = 0; k < walk.rank; k++) {
				int64_t index = k + 1 == walk.rank ?
					i : walk.index[k];

				at += mirror(index - op->attr[1 + k].i,
					     in->shape[k], op->attr[0].i) *
				      stride[k];
			}
			memcpy(to, (const uint8_t *)in->data + at * size, size);
		}
	} while (cpu_walk_next_row(&walk));
}

static const char *run_pad(const struct cpu_op *op, void *scratch)
{
	if (op->attr[0].i == NPU_CPU_PAD_CONSTANT)
		pad_constant(op);
	else
		pad_mirrored(op);
	return NULL;
}

const struct cpu_kernel cpu_pad = { .check = check_pad, .run = run_pad };

/* --- TILE ------------------------------------------------------------------ */

static const char *check_tile(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	uint32_t i;

	if (!is_same_type(op) || in->rank > out->rank)
		return "types or ranks differ";
	for (i = 0; i < in->rank; i++)
		if (out->shape[out->rank - 1 - i] %
		    in->shape[in->rank - 1 - i])
			return "no multiple of the input";
	return NULL;
}

static const char *run_tile(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0];
	uint32_t size = cpu_element_bytes(in->dtype), i, k;
	uint32_t row = in->rank ? in->shape[in->rank - 1] : 1;
	uint8_t *to = op->out->data;
	struct cpu_walk walk;

	cpu_walk_init(&walk, op->out);
	do {
		uint64_t at = 0;

		/* the row's place: indices modulo the input's lengths */
		for (k = 0; k + 1 < in->rank; k++)
			at = (at + walk.index[walk.rank - in->rank + k] %
				   in->shape[k]) * in->shape[k + 1];
		for (i = 0; i < walk_row(&walk); i += row) {
			copy_row(to, (const uint8_t *)in->data + at * size, row,
				 1, size);
			to += (uint64_t)row * size;
		}
	} while (cpu_walk_next_row(&walk));
	return NULL;
}

const struct cpu_kernel cpu_tile = { .check = check_tile, .run = run_tile };

/* --- Space, depth and batch ------------------------------------------------ */

/* Reads the input along six dimensions, and writes the output densely. */
static void walk_blocks(const struct cpu_op *op, const uint32_t shape[6],
			const int64_t stride[6])
{
	struct cpu_walk walk = { .rank = 6 };

	memcpy(walk.shape, shape, 6 * sizeof(shape[0]));
	memcpy(walk.stride[0], stride, 6 * sizeof(stride[0]));
	gather_walk(op, &walk, 0);
}

/* @deep has block x block times the channels of @wide. */
static const char *check_depth(const struct cpu_op *op,
			       const struct cpu_tensor *wide,
			       const struct cpu_tensor *deep)
{
	int64_t block = op->attr[0].i;

	if (!is_same_type(op) || wide->rank != 4 || deep->rank != 4)
		return "types, or no pictures";
	if (block < 1 || block > 1 << 14)
		return "block size";
	if (wide->shape[0] != deep->shape[0] ||
	    wide->shape[1] != deep->shape[1] * block ||
	    wide->shape[2] != deep->shape[2] * block ||
	    deep->shape[3] != wide->shape[3] * block * block)
		return "shape of the output";
	return NULL;
}

static const char *check_space_to_depth(const struct cpu_op *op)
{
	return check_depth(op, op->in[0], op->out);
}

static const char *run_space_to_depth(const struct cpu_op *op, void *scratch)
{
	const uint32_t *in = op->in[0]->shape, *out = op->out->shape;
	uint32_t block = op->attr[0].i;
	int64_t row = (int64_t)in[2] * in[3];
	uint32_t shape[6] = { out[0], out[1], out[2], block, block, in[3] };
	int64_t stride[6] = { in[1] * row, block * row,
			      (int64_t)block * in[3], row, in[3], 1 };

	walk_blocks(op, shape, stride);
	return NULL;
}

const struct cpu_kernel cpu_space_to_depth = {
	.check = check_space_to_depth,
	.run = run_space_to_depth,
};

static const char *check_depth_to_space(const struct cpu_op *op)
{
	if (op->attr[1].i != 0 && op->attr[1].i != 1)
		return "no such mode";
	return check_depth(op, op->out, op->in[0]);
}

/* Channels are [y, x, channel], or in mode 1 [channel, y, x]. */
static const char *run_depth_to_space(const struct cpu_op *op, void *scratch)
{
	const uint32_t *in = op->in[0]->shape, *out = op->out->shape;
	int64_t block = op->attr[0].i, row = (int64_t)in[2] * in[3];
	bool is_channel_first = op->attr[1].i;
	int64_t step = is_channel_first ? 1 : out[3];
	uint32_t shape[6] = { in[0], in[1], block, in[2], block, out[3] };
	int64_t stride[6] = { in[1] * row, row, block * step, in[3], step,
			      is_channel_first ? block * block : 1 };

	walk_blocks(op, shape, stride);
	return NULL;
}

const struct cpu_kernel cpu_depth_to_space = {
	.check = check_depth_to_space,
	.run = run_depth_to_space,
};

/* Attributes: block height and width, rows and columns cut or added before. */
static const char *check_batch(const struct cpu_op *op,
			       const struct cpu_tensor *wide,
			       const struct cpu_tensor *many)
{
	int64_t h = op->attr[0].i, w = op->attr[1].i;

	if (!is_same_type(op) || wide->rank != 4 || many->rank != 4)
		return "types, or no pictures";
	if (h < 1 || w < 1 || h > 1 << 14 || w > 1 << 14 ||
	    op->attr[2].i < 0 || op->attr[3].i < 0)
		return "block size or padding";
	if (many->shape[0] != wide->shape[0] * h * w ||
	    many->shape[3] != wide->shape[3] ||
	    many->shape[1] * h < (int64_t)op->attr[2].i + wide->shape[1] ||
	    many->shape[2] * w < (int64_t)op->attr[3].i + wide->shape[2])
		return "shape of the output";
	return NULL;
}

/* Which pixel of the wide pictures one of the many is; -1 for padding. */
static int64_t wide_pixel(const struct cpu_op *op,
			  const struct cpu_tensor *wide, uint32_t batch,
			  uint32_t y, uint32_t x)
{
	int64_t h = op->attr[0].i, w = op->attr[1].i;
	int64_t part = batch / wide->shape[0];
	int64_t row = y * h + part / w - op->attr[2].i;
	int64_t column = x * w + part % w - op->attr[3].i;

	if (row < 0 || row >= wide->shape[1] || column < 0 ||
	    column >= wide->shape[2])
		return -1;
	return ((int64_t)(batch % wide->shape[0]) * wide->shape[1] + row) *
	       wide->shape[2] + column;
}

static const char *check_space_to_batch(const struct cpu_op *op)
{
	const struct cpu_tensor *value = input(op, 1);

	if (value && (value->dtype != op->out->dtype || value->elements != 1))
		return "the value is not one of the input's";
	return check_batch(op, op->in[0], op->out);
}

static const char *run_space_to_batch(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	uint64_t size = (uint64_t)in->shape[3] * cpu_element_bytes(in->dtype);
	uint8_t *to = out->data;
	uint32_t n, y, x;

	fill(op);
	for (n = 0; n < out->shape[0]; n++)
	for (y = 0; y < out->shape[1]; y++)
	for (x = 0; x < out->shape[2]; x++, to += size) {
		int64_t pixel = wide_pixel(op, in, n, y, x);

		if (pixel >= 0)
			memcpy(to, (const uint8_t *)in->data + pixel * size,
			       size);
	}
	return NULL;
}

const struct cpu_kernel cpu_space_to_batch = {
	.check = check_space_to_batch,
	.run = run_space_to_batch,
};

static const char *check_batch_to_space(const struct cpu_op *op)
{
	return check_batch(op, op->out, op->in[0]);
}

static const char *run_batch_to_space(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	uint64_t size = (uint64_t)in->shape[3] * cpu_element_bytes(in->dtype);
	const uint8_t *from = in->data;
	uint32_t n, y, x;

	for (n = 0; n < in->shape[0]; n++)
	for (y = 0; y < in->shape[1]; y++)
	for (x = 0; x < in->shape[2]; x++, from += size) {
		int64_t pixel = wide_pixel(op, out, n, y, x);

		if (pixel >= 0)
			memcpy((uint8_t *)out->data + pixel * size, from, size);
	}
	return NULL;
}

const struct cpu_kernel cpu_batch_to_space = {
	.check = check_batch_to_space,
	.run = run_batch_to_space,
};
