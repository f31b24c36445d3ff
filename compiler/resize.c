// SPDX-License-Identifier: MIT
/*
 * Resizing in numbers: which rows and columns of the input a tile of the output
 * needs, by the positions that the machine's manual defines.
 */
#include <math.h>
#include <string.h>

#include "plan.h"

#define ONE 1024		/* a pixel of a bilinear position */

static uint32_t scale_of(const struct tnc_op *op, int in, int out)
{
	bool is_aligned = op->mode & TNC_MODE_ALIGN_CORNERS && out > 1;
	int from = is_aligned ? in - 1 : in, to = is_aligned ? out - 1 : out;
	float real = from / (float)to;
	uint32_t bits;

	memcpy(&bits, &real, sizeof(bits));
	return op->kind == TNC_RESIZE_BILINEAR ? (ONE * from + to / 2) / to :
						 bits;
}

struct tnc_resize tnc_resize_of(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_resize r = { .is_there = true };

	for (int d = 0; d < 2; d++) {
		r.size[d] = in->shape[1 + d];
		r.scale[d] = scale_of(op, in->shape[1 + d], out->shape[1 + d]);
	}
	if (op->mode & TNC_MODE_HALF_PIXEL)
		r.flags |= NPU_RESIZE_HALF_PIXEL;
	if (op->kind == TNC_RESIZE_BILINEAR)
		return r;
	r.flags |= NPU_RESIZE_NEAREST;
	if (op->mode & TNC_MODE_ALIGN_CORNERS)
		r.flags |= NPU_RESIZE_ROUND;
	return r;
}

/* The first and the last row, or column, that one of the output looks at. */
static void ends(const struct tnc_resize *r, int dim, int index, int *low,
		 int *high)
{
	int last = r->size[dim] - 1;
	bool is_half = r->flags & NPU_RESIZE_HALF_PIXEL;
	int64_t at = (int64_t)index * r->scale[dim];

	if (r->flags & NPU_RESIZE_NEAREST) {
		float scale, real;

		memcpy(&scale, &r->scale[dim], sizeof(scale));
		real = ((float)index + (is_half ? 0.5f : 0.0f)) * scale;
		real = r->flags & NPU_RESIZE_ROUND ? roundf(real) :
						     floorf(real);
		*low = real < last ? (int)real : last;
		*high = *low;
		return;
	}
	if (is_half)
		at += (int64_t)r->scale[dim] / 2 - ONE / 2;
	if (at < 0)
		at = 0;
	*low = at / ONE < last ? at / ONE : last;
	*high = (at + ONE - 1) / ONE < last ? (at + ONE - 1) / ONE : last;
}

/* Rows (0) or columns (1) for @count ones of the output from @first on. */
void tnc_resize_range(const struct tnc_resize *r, int dim, int first, int count,
		      int *from, int *cells)
{
	int unused, end;

	ends(r, dim, first, from, &unused);
	ends(r, dim, first + count - 1, &unused, &end);
	*cells = end - *from + 1;
}

/* Most of them that any so many may need. */
int tnc_resize_most(const struct tnc_resize *r, int dim, int count)
{
	float scale = r->scale[dim] / (float)ONE;

	if (r->flags & NPU_RESIZE_NEAREST)
		memcpy(&scale, &r->scale[dim], sizeof(scale));
	scale = (count - 1) * scale + 3;
	return scale < r->size[dim] ? (int)scale : r->size[dim];
}
