// SPDX-License-Identifier: MIT
/*
 * Convolutions of float32 pictures. The windows of some pixels are copied side
 * by side, so that a convolution is a product of matrices.
 */
#include "kernels.h"

#include <string.h>

#define PIXELS 64 /* whose windows are copied at a time */

static const char *check_types(const struct cpu_op *op, int64_t channels)
{
	const struct cpu_tensor *bias = input(op, 2);

	if (!is_float(op->in[0]) || !is_float(op->in[1]) ||
	    !is_float(op->out) || (bias && !is_float(bias)))
		return "not of this type";
	if (op->in[1]->rank != 4)
		return "weights have four dimensions";
	if (bias && bias->elements != channels)
		return "length of the bias";
	return NULL;
}

static const char *check_work(const struct cpu_op *op, int64_t each)
{
	return each > NPU_CPU_MAX_WORK / op->out->elements ? "too much work" :
							     NULL;
}

/* --- CONV ------------------------------------------------------------------ */

/*
 * Weights are [channel, y, x, depth]. Attributes: stride, dilation, padding
 * before, groups, bounds.
 */
static const char *check_conv(const struct cpu_op *op)
{
	const struct cpu_tensor *weights = op->in[1];
	int64_t groups = op->attr[6].i;
	struct cpu_window w;
	const char *bad = cpu_window_init(&w, op->in[0], op->out, op->attr);

	if (!bad)
		bad = check_types(op, w.out_c);
	if (bad)
		return bad;
	if (groups < 1 || w.in_c % groups || w.out_c % groups ||
	    weights->shape[0] != w.out_c ||
	    weights->shape[3] != w.in_c / groups)
		return "channels do not fit the weights";
	if (!are_bounds(op->attr[7], op->attr[8]))
		return "bounds";
	return check_work(op, weights->elements / w.out_c);
}

static uint64_t scratch_conv(const struct cpu_op *op)
{
	uint64_t depth = op->in[1]->elements / op->in[1]->shape[0];

	return depth * (CPU_PANEL + PIXELS) * sizeof(float);
}

/* The window of one pixel, @depth channels of each cell from @channel on. */
static void copy_window(const struct cpu_window *w, const float *in, int64_t y,
			int64_t x, int64_t depth, float *to)
{
	uint64_t size = depth * sizeof(float);
	int64_t ky, kx;

	for (ky = 0; ky < w->h; ky++)
	for (kx = 0; kx < w->w; kx++, to += depth) {
		int64_t cell_y = y + ky * w->dilation_h;
		int64_t cell_x = x + kx * w->dilation_w;

		if (cell_y < 0 || cell_y >= w->in_h || cell_x < 0 ||
		    cell_x >= w->in_w)
			memset(to, 0, size);
		else
			memcpy(to, in + (cell_y * w->in_w + cell_x) * w->in_c,
			       size);
	}
}

/* @count pixels from number @first of picture @batch on. */
static void conv_pixels(const struct cpu_op *op, const struct cpu_window *w,
			int64_t batch, int64_t first, int64_t count,
			float *scratch)
{
	int64_t groups = op->attr[6].i, depth = w->in_c / groups, i, g;
	float *windows = scratch + w->h * w->w * depth * CPU_PANEL;
	const float *in = (const float *)op->in[0]->data +
			  batch * w->in_h * w->in_w * w->in_c;
	struct cpu_product p = {
		.a = windows,
		.rows = count,
		.columns = w->out_c / groups,
		.depth = w->h * w->w * depth,
		.a_row = w->h * w->w * depth,
		.a_depth = 1,
		.b_column = w->h * w->w * depth,
		.b_depth = 1,
		.out_row = w->out_c,
		.low = op->attr[7].f,
		.high = op->attr[8].f,
	};

	for (g = 0; g < groups; g++) {
		int64_t channel = g * p.columns;

		for (i = 0; i < count; i++)
			copy_window(w, in + g * depth,
				    (first + i) / w->out_w * w->stride_h -
				    w->pad_top,
				    (first + i) % w->out_w * w->stride_w -
				    w->pad_left, depth, windows + i * p.depth);
		p.b = (const float *)op->in[1]->data + channel * p.depth;
		p.bias = input(op, 2) ? floats(op, 2) + channel : NULL;
		p.out = (float *)op->out->data + channel +
			(batch * w->out_h * w->out_w + first) * w->out_c;
		cpu_product(&p, scratch);
	}
}

static const char *run_conv(const struct cpu_op *op, void *scratch)
{
	struct cpu_window w;
	int64_t batch, first, pixels;

	cpu_window_init(&w, op->in[0], op->out, op->attr);
	w.h = op->in[1]->shape[1];
	w.w = op->in[1]->shape[2];
	pixels = w.out_h * w.out_w;
	for (batch = 0; batch < w.batch; batch++)
		for (first = 0; first < pixels; first += PIXELS)
			conv_pixels(op, &w, batch, first,
				    pixels - first < PIXELS ? pixels - first :
							      PIXELS,
				    scratch);
	return NULL;
}

const struct cpu_kernel cpu_conv = {
	.check = check_conv,
	.scratch = scratch_conv,
	.run = run_conv,
};

/* --- DEPTHWISE_CONV -------------------------------------------------------- */

/*
 * Weights are [1, y, x, channel]; channel o reads channel o / multiplier.
 * Attributes: stride, dilation, padding before, bounds.
 */
static const char *check_depthwise(const struct cpu_op *op)
{
	const struct cpu_tensor *weights = op->in[1];
	struct cpu_window w;
	const char *bad = cpu_window_init(&w, op->in[0], op->out, op->attr);

	if (!bad)
		bad = check_types(op, w.out_c);
	if (bad)
		return bad;
	if (w.out_c % w.in_c || weights->shape[0] != 1 ||
	    weights->shape[3] != w.out_c)
		return "channels do not fit the weights";
	if (!are_bounds(op->attr[6], op->attr[7]))
		return "bounds";
	return check_work(op, weights->elements / w.out_c);
}

static void add_cell(float *out, const float *in, const float *weights,
		     int64_t channels, int64_t multiplier)
{
	int64_t i;

	if (multiplier == 1)
		for (i = 0; i < channels; i++)
			out[i] += in[i] * weights[i];
	else
		for (i = 0; i < channels; i++)
			out[i] += in[i / multiplier] * weights[i];
}

static void depthwise_pixel(const struct cpu_op *op,
			    const struct cpu_window *w, const float *in,
			    int64_t y, int64_t x, float *out)
{
	const float *weights = op->in[1]->data, *bias = floats(op, 2);
	int64_t ky, kx, i;

	for (i = 0; i < w->out_c; i++)
		out[i] = bias ? bias[i] : 0;
	for (ky = 0; ky < w->h; ky++)
	for (kx = 0; kx < w->w; kx++, weights += w->out_c) {
		int64_t cell_y = y + ky * w->dilation_h;
		int64_t cell_x = x + kx * w->dilation_w;

		if (cell_y >= 0 && cell_y < w->in_h && cell_x >= 0 &&
		    cell_x < w->in_w)
			add_cell(out,
				 in + (cell_y * w->in_w + cell_x) * w->in_c,
				 weights, w->out_c, w->out_c / w->in_c);
	}
	for (i = 0; i < w->out_c; i++)
		out[i] = clamp(out[i], op->attr[6].f, op->attr[7].f);
}

static const char *run_depthwise(const struct cpu_op *op, void *scratch)
{
	float *out = op->out->data;
	struct cpu_window w;
	int64_t n, y, x;

	cpu_window_init(&w, op->in[0], op->out, op->attr);
	w.h = op->in[1]->shape[1];
	w.w = op->in[1]->shape[2];
	for (n = 0; n < w.batch; n++)
	for (y = 0; y < w.out_h; y++)
	for (x = 0; x < w.out_w; x++, out += w.out_c)
		depthwise_pixel(op, &w, (const float *)op->in[0]->data +
				n * w.in_h * w.in_w * w.in_c,
				y * w.stride_h - w.pad_top,
				x * w.stride_w - w.pad_left, out);
	return NULL;
}

const struct cpu_kernel cpu_depthwise_conv = {
	.check = check_depthwise,
	.run = run_depthwise,
};

/* --- TRANSPOSE_CONV -------------------------------------------------------- */

/*
 * Each pixel of the input adds a window to the output. Weights are [channel, y,
 * x, depth]. Attributes: stride, padding before, bounds.
 */
static const char *window_of(const struct cpu_op *op, struct cpu_window *w)
{
	union cpu_word attr[6] = { op->attr[0], op->attr[1], { 1 }, { 1 },
				   op->attr[2], op->attr[3] };
	const char *bad = cpu_window_init(w, op->in[0], op->out, attr);

	if (op->in[1]->rank == 4) {
		w->h = op->in[1]->shape[1];
		w->w = op->in[1]->shape[2];
	}
	return bad;
}

static const char *check_transpose(const struct cpu_op *op)
{
	const struct cpu_tensor *weights = op->in[1];
	struct cpu_window w;
	const char *bad = window_of(op, &w);

	if (!bad)
		bad = check_types(op, w.out_c);
	if (bad)
		return bad;
	if (weights->shape[0] != w.out_c || weights->shape[3] != w.in_c)
		return "channels do not fit the weights";
	if (!are_bounds(op->attr[4], op->attr[5]))
		return "bounds";
	if (weights->elements >
	    NPU_CPU_MAX_WORK / (op->in[0]->elements / w.in_c))
		return "too much work";
	return NULL;
}

static float dot(const float *a, const float *b, int64_t count)
{
	float sum = 0;
	int64_t i;

	for (i = 0; i < count; i++)
		sum += a[i] * b[i];
	return sum;
}

/* What the pixel at @in adds to the picture @out; (y, x) is its first cell. */
static void add_window(const struct cpu_op *op, const struct cpu_window *w,
		       const float *in, int64_t y, int64_t x, float *out)
{
	const float *weights = op->in[1]->data;
	int64_t ky, kx, o;

	for (ky = 0; ky < w->h; ky++)
	for (kx = 0; kx < w->w; kx++) {
		float *to = out + ((y + ky) * w->out_w + x + kx) * w->out_c;

		if (y + ky < 0 || y + ky >= w->out_h || x + kx < 0 ||
		    x + kx >= w->out_w)
			continue;
		for (o = 0; o < w->out_c; o++)
			to[o] += dot(in, weights + ((o * w->h + ky) * w->w +
						    kx) * w->in_c, w->in_c);
	}
}

static const char *run_transpose(const struct cpu_op *op, void *scratch)
{
	const float *in = op->in[0]->data, *bias = floats(op, 2);
	float *out = op->out->data;
	struct cpu_window w;
	int64_t n, y, x;
	uint64_t i;

	window_of(op, &w);
	for (i = 0; i < op->out->elements; i++)
		out[i] = bias ? bias[i % w.out_c] : 0;
	for (n = 0; n < w.batch; n++)
	for (y = 0; y < w.in_h; y++)
	for (x = 0; x < w.in_w; x++, in += w.in_c)
		add_window(op, &w, in, y * w.stride_h - w.pad_top,
			   x * w.stride_w - w.pad_left,
			   out + n * w.out_h * w.out_w * w.out_c);
	for (i = 0; i < op->out->elements; i++)
		out[i] = clamp(out[i], op->attr[4].f, op->attr[5].f);
	return NULL;
}

const struct cpu_kernel cpu_transpose_conv = {
	.check = check_transpose,
	.run = run_transpose,
};
