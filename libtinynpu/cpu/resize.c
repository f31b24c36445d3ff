// SPDX-License-Identifier: MIT
/*
 * RESIZE: of the height and width of pictures, to the nearest pixel (any type)
 * or between four (float32).
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

/*
 * Attributes: function, coordinates, rounding of nearest ones, scale of height
 * and width (output / input; 0: from the shapes).
 */
static const char *check(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	int i;

	if (op->attr[0].i < 0 || op->attr[0].i >= NPU_CPU_RESIZE_COUNT ||
	    op->attr[1].i < 0 || op->attr[1].i >= NPU_CPU_COORDINATE_COUNT ||
	    op->attr[2].i < 0 || op->attr[2].i >= NPU_CPU_NEAREST_COUNT)
		return "no such function";
	for (i = 3; i < 5; i++)
		if (!(op->attr[i].f >= 0) || !isfinite(op->attr[i].f))
			return "scale";
	if (in->rank != 4 || out->rank != 4 || in->shape[0] != out->shape[0] ||
	    in->shape[3] != out->shape[3])
		return "shapes differ";
	if (in->dtype != out->dtype ||
	    (op->attr[0].i == NPU_CPU_RESIZE_BILINEAR && !is_float(in)))
		return "not of this type";
	return NULL;
}

/* The real place in the input of index @i of dimension 1 or 2. */
static float place(const struct cpu_op *op, int dim, uint32_t i)
{
	float in = op->in[0]->shape[dim], out = op->out->shape[dim];
	float scale = op->attr[2 + dim].f;

	/* in / out where the shapes say it: one rounding less */
	scale = scale > 0 ? 1 / scale : in / out;
	switch (op->attr[1].i) {
	case NPU_CPU_ALIGN_CORNERS:
		return out > 1 ? i * ((in - 1) / (out - 1)) : 0;
	case NPU_CPU_HALF_PIXEL:
		return (i + 0.5f) * scale - 0.5f;
	case NPU_CPU_PYTORCH_HALF_PIXEL:
		return out > 1 ? (i + 0.5f) * scale - 0.5f : 0;
	case NPU_CPU_TFLITE_HALF_PIXEL:
		return (i + 0.5f) * scale;
	default:
		return i * scale;
	}
}

static uint32_t bounded(float x, uint32_t length)
{
	return !(x > 0) ? 0 : x < length - 1.0f ? (uint32_t)x : length - 1;
}

static uint32_t nearest(const struct cpu_op *op, int dim, uint32_t i)
{
	float x = place(op, dim, i);

	switch (op->attr[2].i) {
	case NPU_CPU_NEAREST_CEIL:
		x = ceilf(x);
		break;
	case NPU_CPU_NEAREST_PREFER_FLOOR:
		x = ceilf(x - 0.5f);
		break;
	case NPU_CPU_NEAREST_PREFER_CEIL:
		x = floorf(x + 0.5f);
		break;
	default:
		x = floorf(x);
	}
	return bounded(x, op->in[0]->shape[dim]);
}

static const uint8_t *pixel(const struct cpu_tensor *t, uint32_t batch,
			    uint32_t y, uint32_t x)
{
	uint64_t index = ((uint64_t)batch * t->shape[1] + y) * t->shape[2] + x;

	return (const uint8_t *)t->data +
	       index * t->shape[3] * cpu_element_bytes(t->dtype);
}

/* Two neighbours and how far between them. */
struct between {
	uint32_t low, high;
	float part;
};

static struct between between(const struct cpu_op *op, int dim, uint32_t i)
{
	uint32_t length = op->in[0]->shape[dim];
	float x = place(op, dim, i);
	struct between b;

	x = x > 0 ? x : 0;
	b.low = bounded(floorf(x), length);
	b.high = b.low + 1 < length ? b.low + 1 : b.low;
	b.part = b.high == b.low ? 0 : x - b.low;
	return b;
}

static void bilinear(const struct cpu_op *op, uint32_t batch,
		     const struct between *y, const struct between *x,
		     float *out)
{
	const struct cpu_tensor *in = op->in[0];
	const float *a = (const float *)pixel(in, batch, y->low, x->low);
	const float *b = (const float *)pixel(in, batch, y->low, x->high);
	const float *c = (const float *)pixel(in, batch, y->high, x->low);
	const float *d = (const float *)pixel(in, batch, y->high, x->high);
	float py = y->part, px = x->part;
	uint32_t i;

	for (i = 0; i < in->shape[3]; i++)
		out[i] = a[i] * (1 - py) * (1 - px) + b[i] * (1 - py) * px +
			 c[i] * py * (1 - px) + d[i] * py * px;
}

static const char *run(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *out = op->out;
	uint64_t size = (uint64_t)out->shape[3] * cpu_element_bytes(out->dtype);
	uint8_t *to = out->data;
	uint32_t n, y, x;

	for (n = 0; n < out->shape[0]; n++)
	for (y = 0; y < out->shape[1]; y++) {
		struct between by = between(op, 1, y);
		uint32_t row = nearest(op, 1, y);

		for (x = 0; x < out->shape[2]; x++, to += size) {
			struct between bx = between(op, 2, x);

			if (op->attr[0].i == NPU_CPU_RESIZE_BILINEAR)
				bilinear(op, n, &by, &bx, (float *)to);
			else
				memcpy(to, pixel(op->in[0], n, row,
						 nearest(op, 2, x)), size);
		}
	}
	return NULL;
}

const struct cpu_kernel cpu_resize = { .check = check, .run = run };
