// SPDX-License-Identifier: MIT
/*
 * Convolution and matrix product of bytes as ONNX has them: exact sums in 32
 * bits, that are the output or are scaled in float32, rounded half to even.
 * Zero points and scales are tensors.
 */
#include "kernels.h"

#include <math.h>

/* Which inputs mean what; those from the scales on come together or not. */
struct roles {
	uint32_t a, b, a_zero, b_zero;
	uint32_t a_scale, b_scale, out_scale, out_zero;
	uint32_t bias;
};

static const struct roles conv_roles = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
static const struct roles matmul_roles = { 0, 1, 2, 3, 4, 5, 6, 7, 9 };

/* Of one element, or one for each of @channels. */
static bool is_per_channel(const struct cpu_tensor *t, int64_t channels)
{
	return t->elements == 1 || t->elements == channels;
}

static const char *check_scales(const struct cpu_op *op, const struct roles *r,
				int64_t channels)
{
	const struct cpu_tensor *a_scale = input(op, r->a_scale);
	const struct cpu_tensor *b_scale = input(op, r->b_scale);
	const struct cpu_tensor *scale = input(op, r->out_scale);
	const struct cpu_tensor *zero = input(op, r->out_zero);

	if (!a_scale && !b_scale && !scale && !zero)
		return is_type(op->out, NPU_DTYPE_INT32) ? NULL :
			"sums are int32";
	if (!a_scale || !b_scale || !scale || !is_byte(op->out))
		return "scales are missing, or the output is no byte";
	if (!is_float(a_scale) || !is_float(b_scale) || !is_float(scale) ||
	    a_scale->elements != 1 || scale->elements != 1 ||
	    !is_per_channel(b_scale, channels))
		return "types or lengths of scales";
	if (zero && (zero->dtype != op->out->dtype || zero->elements != 1))
		return "the output's zero point";
	return NULL;
}

static const char *check_common(const struct cpu_op *op, const struct roles *r,
				int64_t channels)
{
	const struct cpu_tensor *a_zero = input(op, r->a_zero);
	const struct cpu_tensor *b_zero = input(op, r->b_zero);
	const struct cpu_tensor *bias = input(op, r->bias);

	if (!is_byte(op->in[0]) || !is_byte(op->in[1]))
		return "not of bytes";
	if (a_zero && (a_zero->dtype != op->in[0]->dtype ||
		       a_zero->elements != 1))
		return "the first zero point";
	if (b_zero && (b_zero->dtype != op->in[1]->dtype ||
		       !is_per_channel(b_zero, channels)))
		return "the second zero point";
	if (bias && (!is_type(bias, NPU_DTYPE_INT32) ||
		     bias->elements != channels))
		return "the bias";
	return check_scales(op, r, channels);
}

/* Element @channel, or the only one, or @otherwise if there is no input. */
static int64_t integer_of(const struct cpu_op *op, uint32_t role,
			  int64_t channel)
{
	const struct cpu_tensor *t = input(op, role);

	return t ? cpu_load(t, t->elements > 1 ? channel : 0) : 0;
}

static float float_of(const struct cpu_op *op, uint32_t role, int64_t channel)
{
	const struct cpu_tensor *t = op->in[role];

	return ((const float *)t->data)[t->elements > 1 ? channel : 0];
}

static void finish(const struct cpu_op *op, const struct roles *r,
		   int64_t channel, uint32_t sum, uint64_t at)
{
	int64_t low, high, value;
	float factor;

	sum += (uint32_t)integer_of(op, r->bias, channel);
	if (!input(op, r->a_scale)) {
		cpu_store(op->out, at, (int32_t)sum);
		return;
	}
	factor = float_of(op, r->a_scale, 0) *
		 float_of(op, r->b_scale, channel) /
		 float_of(op, r->out_scale, 0);
	cpu_type_range(op->out->dtype, &low, &high);
	/* clamped first: what is no number, or too large, has no integer */
	value = (int64_t)clamp(rintf(isnan(factor) ? 0 : (int32_t)sum * factor),
			       -1024, 1024) + integer_of(op, r->out_zero, 0);
	cpu_store(op->out, at, value < low ? low : value > high ? high : value);
}

/* What a byte's bits are to be flipped and lowered by to be its value. */
static int32_t flip_of(const struct cpu_tensor *t)
{
	return is_type(t, NPU_DTYPE_INT8) ? 0x80 : 0;
}

/* sum over i of a[i] x (b[i x step] - zero) */
static uint32_t dot(const int32_t *a, const uint8_t *b, int64_t step,
		    int64_t count, int32_t flip, int32_t zero)
{
	uint32_t sum = 0;
	int64_t i;

	for (i = 0; i < count; i++)
		sum += (uint32_t)a[i] *
		       (uint32_t)((b[i * step] ^ flip) - flip - zero);
	return sum;
}

/* --- CONV_INTEGER ---------------------------------------------------------- */

/* Weights and attributes as of CONV, without bounds. */
static const char *check_conv(const struct cpu_op *op)
{
	const struct cpu_tensor *weights = op->in[1];
	int64_t groups = op->attr[6].i;
	struct cpu_window w;
	const char *bad = cpu_window_init(&w, op->in[0], op->out, op->attr);

	if (bad)
		return bad;
	if (weights->rank != 4 || groups < 1 || w.in_c % groups ||
	    w.out_c % groups || weights->shape[0] != w.out_c ||
	    weights->shape[3] != w.in_c / groups)
		return "channels do not fit the weights";
	if (weights->elements / w.out_c > NPU_CPU_MAX_WORK / op->out->elements)
		return "too much work";
	return check_common(op, &conv_roles, w.out_c);
}

static uint64_t scratch_conv(const struct cpu_op *op)
{
	return op->in[1]->elements / op->in[1]->shape[0] * sizeof(int32_t);
}

/* The window's values less the zero point: 0 in the padding. */
static void copy_window(const struct cpu_op *op, const struct cpu_window *w,
			int64_t picture, int64_t y, int64_t x, int64_t channel,
			int32_t *to)
{
	int64_t depth = op->in[1]->shape[3], ky, kx, c;
	int32_t zero = integer_of(op, conv_roles.a_zero, 0);

	for (ky = 0; ky < w->h; ky++)
	for (kx = 0; kx < w->w; kx++)
	for (c = 0; c < depth; c++, to++) {
		int64_t cell_y = y + ky * w->dilation_h;
		int64_t cell_x = x + kx * w->dilation_w;

		*to = 0;
		if (cell_y >= 0 && cell_y < w->in_h && cell_x >= 0 &&
		    cell_x < w->in_w)
			*to = cpu_load(op->in[0],
				       ((picture * w->in_h + cell_y) * w->in_w +
					cell_x) * w->in_c + channel + c) - zero;
	}
}

static void conv_pixel(const struct cpu_op *op, const struct cpu_window *w,
		       int64_t picture, int64_t oy, int64_t ox,
		       int32_t *window)
{
	int64_t groups = op->attr[6].i, each = w->out_c / groups, g, o;
	int64_t count = w->h * w->w * op->in[1]->shape[3];
	uint64_t to = ((picture * w->out_h + oy) * w->out_w + ox) * w->out_c;
	const uint8_t *weights = op->in[1]->data;

	for (g = 0; g < groups; g++) {
		copy_window(op, w, picture, oy * w->stride_h - w->pad_top,
			    ox * w->stride_w - w->pad_left,
			    g * op->in[1]->shape[3], window);
		for (o = g * each; o < (g + 1) * each; o++)
			finish(op, &conv_roles, o,
			       dot(window, weights + o * count, 1, count,
				   flip_of(op->in[1]),
				   integer_of(op, conv_roles.b_zero, o)),
			       to + o);
	}
}

static const char *run_conv(const struct cpu_op *op, void *scratch)
{
	struct cpu_window w;
	int64_t n, y, x;

	cpu_window_init(&w, op->in[0], op->out, op->attr);
	w.h = op->in[1]->shape[1];
	w.w = op->in[1]->shape[2];
	for (n = 0; n < w.batch; n++)
		for (y = 0; y < w.out_h; y++)
			for (x = 0; x < w.out_w; x++)
				conv_pixel(op, &w, n, y, x, scratch);
	return NULL;
}

const struct cpu_kernel cpu_conv_integer = {
	.check = check_conv,
	.scratch = scratch_conv,
	.run = run_conv,
};

/* --- MATMUL_INTEGER -------------------------------------------------------- */

/* [..., rows, depth] x [depth, columns], or [..., depth, columns] with the same
 * dimensions before. */
static const char *check_matmul(const struct cpu_op *op)
{
	const struct cpu_tensor *a = op->in[0], *b = op->in[1], *out = op->out;
	uint32_t i;

	if (a->rank < 2 || b->rank < 2 || out->rank != a->rank ||
	    (b->rank != 2 && b->rank != a->rank))
		return "ranks";
	for (i = 0; i + 1 < a->rank; i++)
		if (a->shape[i] != out->shape[i])
			return "shape of the output";
	for (i = 0; b->rank > 2 && i + 2 < a->rank; i++)
		if (a->shape[i] != b->shape[i])
			return "batches differ";
	if (a->shape[a->rank - 1] != b->shape[b->rank - 2] ||
	    b->shape[b->rank - 1] != out->shape[out->rank - 1])
		return "shapes do not fit";
	if (a->shape[a->rank - 1] > NPU_CPU_MAX_WORK / out->elements)
		return "too much work";
	return check_common(op, &matmul_roles, out->shape[out->rank - 1]);
}

static uint64_t scratch_matmul(const struct cpu_op *op)
{
	return op->in[0]->shape[op->in[0]->rank - 1] * sizeof(int32_t);
}

static const char *run_matmul(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *a = op->in[0], *b = op->in[1];
	int64_t depth = a->shape[a->rank - 1], rows = a->shape[a->rank - 2];
	int64_t columns = b->shape[b->rank - 1], row, k, n;
	int32_t zero = integer_of(op, matmul_roles.a_zero, 0);
	int32_t *values = scratch;
	uint64_t to = 0;

	for (row = 0; row < a->elements / depth; row++) {
		int64_t batch = b->rank > 2 ? row / rows : 0;
		const uint8_t *from = (const uint8_t *)b->data +
				      batch * depth * columns;

		for (k = 0; k < depth; k++)
			values[k] = cpu_load(a, row * depth + k) - zero;
		for (n = 0; n < columns; n++)
			finish(op, &matmul_roles, n,
			       dot(values, from + n, columns, depth, flip_of(b),
				   integer_of(op, matmul_roles.b_zero, n)),
			       to++);
	}
	return NULL;
}

const struct cpu_kernel cpu_matmul_integer = {
	.check = check_matmul,
	.scratch = scratch_matmul,
	.run = run_matmul,
};
