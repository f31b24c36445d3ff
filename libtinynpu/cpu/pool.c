// SPDX-License-Identifier: MIT
/*
 * POOL: windows over pictures, in float32, and maxima of bytes.
 */
#include "kernels.h"

#include <math.h>

/*
 * Attributes: function, window, stride, dilation, padding before and behind
 * (height before width each), bounds.
 */
static const char *window_of(const struct cpu_op *op, struct cpu_window *w)
{
	union cpu_word attr[6] = { op->attr[3], op->attr[4], op->attr[5],
				   op->attr[6], op->attr[7], op->attr[8] };
	const char *bad = cpu_window_init(w, op->in[0], op->out, attr);

	w->h = op->attr[1].i;
	w->w = op->attr[2].i;
	return bad;
}

static const char *check(const struct cpu_op *op)
{
	int32_t function = op->attr[0].i;
	struct cpu_window w;
	const char *bad;

	if (function < 0 || function >= NPU_CPU_POOL_COUNT)
		return "no such function";
	bad = window_of(op, &w);
	if (bad)
		return bad;
	if (w.h < 1 || w.w < 1 || op->attr[9].i < 0 || op->attr[10].i < 0)
		return "window or padding";
	if (w.in_c != w.out_c || op->in[0]->dtype != op->out->dtype)
		return "input and output differ";
	if (!is_float(op->out) &&
	    !(is_byte(op->out) && function == NPU_CPU_POOL_MAX))
		return "not of this type";
	if (!are_bounds(op->attr[11], op->attr[12]))
		return "bounds";
	if (w.h * w.w > NPU_CPU_MAX_WORK / op->out->elements)
		return "too much work";
	return NULL;
}

/* Cells of a dimension that lie inside: [*first, *end) of @length ones. */
static void inside(int64_t start, int64_t dilation, int64_t cells,
		   int64_t length, int64_t *first, int64_t *end)
{
	*first = start < 0 ? (-start + dilation - 1) / dilation : 0;
	*end = length <= start ? 0 : (length - start + dilation - 1) / dilation;
	if (*end > cells)
		*end = cells;
	if (*first > *end)
		*first = *end;
}

/* The window at one pixel of the output. */
struct place {
	const struct cpu_window *w;
	int64_t batch, y, x; /* of its first cell, perhaps outside */
	int64_t y_first, y_end, x_first, x_end; /* cells inside */
	int64_t padded; /* cells inside of picture and padding */
};

static uint64_t cell_at(const struct place *p, int64_t ky, int64_t kx)
{
	const struct cpu_window *w = p->w;

	return ((p->batch * w->in_h + p->y + ky * w->dilation_h) * w->in_w +
		p->x + kx * w->dilation_w) * w->in_c;
}

static void pool_floats(const struct cpu_op *op, const struct place *p,
			float *out)
{
	int32_t function = op->attr[0].i;
	float count = (p->y_end - p->y_first) * (p->x_end - p->x_first);
	int64_t ky, kx, c;

	for (c = 0; c < p->w->in_c; c++)
		out[c] = function == NPU_CPU_POOL_MAX ? -INFINITY : 0;
	for (ky = p->y_first; ky < p->y_end; ky++)
	for (kx = p->x_first; kx < p->x_end; kx++) {
		const float *in = (const float *)op->in[0]->data +
				  cell_at(p, ky, kx);

		for (c = 0; c < p->w->in_c; c++)
			out[c] = function == NPU_CPU_POOL_MAX ?
				(in[c] > out[c] ? in[c] : out[c]) :
				function == NPU_CPU_POOL_L2 ?
				out[c] + in[c] * in[c] : out[c] + in[c];
	}
	if (function == NPU_CPU_POOL_AVERAGE_PADDED)
		count = p->padded;
	for (c = 0; c < p->w->in_c; c++) {
		if (function != NPU_CPU_POOL_MAX && count)
			out[c] /= count;
		if (function == NPU_CPU_POOL_L2)
			out[c] = sqrtf(out[c]);
		out[c] = clamp(out[c], op->attr[11].f, op->attr[12].f);
	}
}

static void pool_bytes(const struct cpu_op *op, const struct place *p,
		       uint64_t out)
{
	int64_t low, high, ky, kx, c;

	cpu_type_range(op->out->dtype, &low, &high);
	for (c = 0; c < p->w->in_c; c++) {
		int64_t max = low;

		for (ky = p->y_first; ky < p->y_end; ky++)
		for (kx = p->x_first; kx < p->x_end; kx++) {
			int64_t x = cpu_load(op->in[0], cell_at(p, ky, kx) + c);

			max = x > max ? x : max;
		}
		cpu_store(op->out, out + c, max);
	}
}

/* Cells of the window that lie in the picture or its padding. */
static int64_t padded_cells(int64_t start, int64_t dilation, int64_t cells,
			    int64_t before, int64_t length)
{
	int64_t first, end;

	inside(start + before, dilation, cells, length, &first, &end);
	return end - first;
}

static void place_at(struct place *p, const struct cpu_op *op, int64_t oy,
		     int64_t ox)
{
	const struct cpu_window *w = p->w;

	p->y = oy * w->stride_h - w->pad_top;
	p->x = ox * w->stride_w - w->pad_left;
	inside(p->y, w->dilation_h, w->h, w->in_h, &p->y_first, &p->y_end);
	inside(p->x, w->dilation_w, w->w, w->in_w, &p->x_first, &p->x_end);
	p->padded = padded_cells(p->y, w->dilation_h, w->h, w->pad_top,
				 w->pad_top + w->in_h + op->attr[9].i) *
		    padded_cells(p->x, w->dilation_w, w->w, w->pad_left,
				 w->pad_left + w->in_w + op->attr[10].i);
}

static const char *run(const struct cpu_op *op, void *scratch)
{
	struct cpu_window w;
	struct place p = { .w = &w };
	uint64_t to = 0;
	int64_t oy, ox;

	window_of(op, &w);
	for (p.batch = 0; p.batch < w.batch; p.batch++)
	for (oy = 0; oy < w.out_h; oy++)
	for (ox = 0; ox < w.out_w; ox++, to += w.out_c) {
		place_at(&p, op, oy, ox);
		if (is_float(op->out))
			pool_floats(op, &p, (float *)op->out->data + to);
		else
			pool_bytes(op, &p, to);
	}
	return NULL;
}

const struct cpu_kernel cpu_pool = { .check = check, .run = run };
