// SPDX-License-Identifier: MIT
/*
 * The reference executor's RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR of int8
 * and int16, as TensorFlow Lite Micro computes them. Called by ref.c.
 */
#include <math.h>
#include <string.h>

#include "ref.h"

/* One direction: sizes, and what the operator says. */
struct axis {
	int in, out;
	bool is_aligned, is_half_pixel;
};

static int nearest(const struct axis *a, int o)
{
	float scale = a->is_aligned && a->out > 1 ?
			      (a->in - 1) / (float)(a->out - 1) :
			      a->in / (float)a->out;
	float at = (o + (a->is_half_pixel ? 0.5f : 0.0f)) * scale;
	int index = (int)(a->is_aligned ? roundf(at) : floorf(at));

	return index < a->in - 1 ? index : a->in - 1;
}

/* Position in 1/1024 of a pixel; the pixels below and above. */
static int64_t between(const struct axis *a, int o, int *low, int *high)
{
	int64_t scale = (INT64_C(1024) * a->in + a->out / 2) / a->out, at;

	if (a->is_aligned && a->out > 1)
		scale = (INT64_C(1024) * (a->in - 1) + (a->out - 1) / 2) /
			(a->out - 1);
	at = o * scale + (a->is_half_pixel ? scale / 2 - 512 : 0);
	*low = at / 1024 > 0 ? at / 1024 : 0;
	*low = *low < a->in - 1 ? *low : a->in - 1;
	*high = (at + 1023) / 1024 < a->in - 1 ? (at + 1023) / 1024 : a->in - 1;
	at -= INT64_C(1024) * *low;
	return at < 1024 ? at : 1024;
}

struct picture {
	const void *value;
	bool is_wide;
	int w, c;
};

static int64_t cell(const struct picture *p, int y, int x, int k)
{
	int64_t i = ((int64_t)y * p->w + x) * p->c + k;

	return p->is_wide ? ((const int16_t *)p->value)[i] :
			    ((const int8_t *)p->value)[i];
}

static int bilinear(const struct picture *p, const struct axis *rows,
		    const struct axis *columns, int y, int x, int k)
{
	int y0, y1, x0, x1;
	int64_t v = between(rows, y, &y0, &y1), h = between(columns, x, &x0, &x1);
	int64_t sum = cell(p, y0, x0, k) * (1024 - v) * (1024 - h) +
		      cell(p, y1, x0, k) * v * (1024 - h) +
		      cell(p, y0, x1, k) * (1024 - v) * h +
		      cell(p, y1, x1, k) * v * h;

	return (sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20);
}

void tnc_ref_resize(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	bool is_aligned = op->mode & TNC_MODE_ALIGN_CORNERS;
	bool is_half = op->mode & TNC_MODE_HALF_PIXEL;
	struct axis rows = { in->shape[1], out->shape[1], is_aligned, is_half };
	struct axis columns = { in->shape[2], out->shape[2], is_aligned,
				is_half };
	struct picture p = { tnc_ref_value(c, in->id), in->type == TNC_INT16,
			     in->shape[2], in->shape[3] };
	int64_t i = 0, picture = (int64_t)rows.in * p.w * p.c;

	for (int batch = 0; batch < out->shape[0]; batch++,
	     p.value = (const int8_t *)p.value + picture * (p.is_wide ? 2 : 1))
	for (int y = 0; y < rows.out; y++)
	for (int x = 0; x < columns.out; x++)
	for (int k = 0; k < p.c; k++) {
		int v = op->kind == TNC_RESIZE_BILINEAR ?
			bilinear(&p, &rows, &columns, y, x, k) :
			(int)cell(&p, nearest(&rows, y), nearest(&columns, x),
				  k);

		if (p.is_wide)
			((int16_t *)out->value)[i++] = v;
		else
			((int8_t *)out->value)[i++] = v;
	}
}
