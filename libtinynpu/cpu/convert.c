// SPDX-License-Identifier: MIT
/*
 * Conversions between types: quantisation with scales that are known or come as
 * tensors, and plain casts.
 */
#include "kernels.h"

#include <float.h>
#include <math.h>

/* Scale and zero point of each element: as far as they go, else repeated. */
struct quants {
	struct cpu_axis axis;
	uint64_t count;
	const float *scale;
	const int32_t *zero_point; /* or NULL: of @zero_tensor, or 0 */
	const struct cpu_tensor *zero_tensor;
};

/* Those of inputs 1 and 2 if there are any, along @axis, else @t's own. */
static struct quants quants_of(const struct cpu_op *op,
			       const struct cpu_tensor *t)
{
	const struct cpu_tensor *scale = input(op, 1);
	int32_t axis = op->attr[op->attrs - 1].i;

	if (!scale)
		return (struct quants){
			.axis = t->quants > 1 ? axis_of(t, t->quant_axis) :
				(struct cpu_axis){ 1, 1, t->elements },
			.count = t->quants,
			.scale = t->scale,
			.zero_point = t->zero_point,
		};
	return (struct quants){
		.axis = scale->elements > 1 ? axis_of(t, axis) :
			(struct cpu_axis){ 1, 1, t->elements },
		.count = scale->elements,
		.scale = scale->data,
		.zero_tensor = input(op, 2),
	};
}

static int64_t zero_point_of(const struct quants *q, uint64_t channel)
{
	if (q->zero_point)
		return q->zero_point[channel];
	return q->zero_tensor ? cpu_load(q->zero_tensor, channel) : 0;
}

/* @t is the tensor whose numbers the quantisation gives a meaning. */
static const char *check_quants(const struct cpu_op *op,
				const struct cpu_tensor *t)
{
	const struct cpu_tensor *scale = input(op, 1), *zero = input(op, 2);
	int32_t axis = op->attr[op->attrs - 1].i;

	if (!is_same_shape(op->in[0], op->out))
		return "shapes differ";
	if (!is_quantisable(t))
		return "quantised numbers are integers of at most 32 bits";
	if (!scale)
		return zero ? "a zero point without a scale" :
		       t->quants ? NULL : "a tensor without scale";
	if (!is_float(scale) || (zero && !is_quantisable(zero)))
		return "types of scale or zero point";
	if (scale->elements != 1 &&
	    (!is_axis(t, axis) || scale->elements != t->shape[axis]))
		return "scales do not fit the axis";
	if (zero && zero->elements != scale->elements)
		return "as many zero points as scales are needed";
	return NULL;
}

/* --- QUANTIZE -------------------------------------------------------------- */

static const char *check_quantize(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0];

	if (op->attr[0].i != NPU_CPU_HALF_AWAY &&
	    op->attr[0].i != NPU_CPU_HALF_EVEN)
		return "no such rounding";
	if (!is_float(in) && !(is_integer(in) && in->quants))
		return "neither float nor quantised";
	return check_quants(op, op->out);
}

static int64_t round_to(float x, int32_t rounding, int64_t zero, int64_t low,
			int64_t high)
{
	float rounded = rounding == NPU_CPU_HALF_EVEN ? rintf(x) : roundf(x);

	/* the bounds of int64 are none for a float: far inside is enough */
	if (!(rounded > -9e15f))
		return isnan(rounded) ? zero : low;
	if (rounded > 9e15f)
		return high;
	zero += (int64_t)rounded;
	return zero < low ? low : zero > high ? high : zero;
}

static float real_input(const struct cpu_tensor *in, uint64_t index,
			uint64_t channel)
{
	if (is_float(in))
		return ((const float *)in->data)[index];
	channel = in->quants > 1 ? channel : 0;
	return in->scale[channel] *
	       (float)(cpu_load(in, index) - in->zero_point[channel]);
}

/* What the frequent case, floats that become bytes, is the same for all of. */
struct byte_range {
	float low, high; /* before the zero point is added */
	int32_t zero;
};

/* Adding this much leaves no bits for fractions, so that it rounds: half to even */
#define ROUND (3 << 22)

/*
 * As round_to() has it, for results of one byte: clamping first makes no
 * difference where bounds are integers, and leaves what an int holds.
 */
static void quantize_bytes(const float *restrict in, uint8_t *restrict out,
			   uint64_t count, float scale, int32_t rounding,
			   const struct byte_range *range)
{
	const float low = range->low, high = range->high;
	const bool is_even = rounding == NPU_CPU_HALF_EVEN;
	uint64_t i;

	for (i = 0; i < count; i++) {
		float x = in[i] / scale, rest;
		int32_t even, n;

		x = x == x ? x : 0; /* not a number: the zero point */
		x = x > low ? x : low;
		x = x < high ? x : high;
		even = (int32_t)(x + ROUND) - ROUND;
		n = (int32_t)x;
		rest = x - (float)n;
		n += (rest >= 0.5f) - (rest <= -0.5f);
		out[i] = (uint8_t)((is_even ? even : n) + range->zero);
	}
}

/* A run of @count elements from @at on, whose results share a scale. */
static void quantize_run(const struct cpu_op *op, uint64_t at, uint64_t count,
			 float scale, int64_t zero)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	struct cpu_axis from = { 1, 1, in->elements };
	int64_t low, high;
	uint64_t i;

	cpu_type_range(out->dtype, &low, &high);
	if (is_float(in) && high - low == UINT8_MAX && zero >= low &&
	    zero <= high) {
		struct byte_range range = { (float)(low - zero),
					    (float)(high - zero),
					    (int32_t)zero };

		quantize_bytes((const float *)in->data + at,
			       (uint8_t *)out->data + at, count, scale,
			       op->attr[0].i, &range);
		return;
	}
	if (in->quants > 1)
		from = axis_of(in, in->quant_axis);
	for (i = at; i < at + count; i++) {
		float real = real_input(in, i, i / from.inner % from.length);

		cpu_store(out, i, round_to(real / scale, op->attr[0].i, zero,
					   low, high));
	}
}

static const char *run_quantize(const struct cpu_op *op, void *scratch)
{
	struct quants q = quants_of(op, op->out);
	uint64_t outer, channel, at = 0;

	for (outer = 0; outer < q.axis.outer; outer++) {
		for (channel = 0; channel < q.axis.length; channel++) {
			quantize_run(op, at, q.axis.inner, q.scale[channel],
				     zero_point_of(&q, channel));
			at += q.axis.inner;
		}
	}
	return NULL;
}

const struct cpu_kernel cpu_quantize = {
	.check = check_quantize,
	.run = run_quantize,
};

/* --- DEQUANTIZE ------------------------------------------------------------ */

static const char *check_dequantize(const struct cpu_op *op)
{
	if (!is_float(op->out))
		return "the output is not float32";
	return check_quants(op, op->in[0]);
}

static const char *run_dequantize(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0];
	struct quants q = quants_of(op, in);
	float *out = op->out->data;
	uint64_t outer, channel, i, at = 0;

	for (outer = 0; outer < q.axis.outer; outer++)
	for (channel = 0; channel < q.axis.length; channel++) {
		float scale = q.scale[channel];
		int64_t zero = zero_point_of(&q, channel);

		for (i = 0; i < q.axis.inner; i++, at++)
			out[at] = (float)(cpu_load(in, at) - zero) * scale;
	}
	return NULL;
}

const struct cpu_kernel cpu_dequantize = {
	.check = check_dequantize,
	.run = run_dequantize,
};

/* --- CAST ------------------------------------------------------------------ */

static const char *check_cast(const struct cpu_op *op)
{
	return is_same_shape(op->in[0], op->out) ? NULL : "shapes differ";
}

/* As conversions in C where those are defined; beyond, the nearest number. */
static int64_t truncate(float x)
{
	if (isnan(x))
		return 0;
	return x >= 0x1p63f ? INT64_MAX : x < -0x1p63f ? INT64_MIN : (int64_t)x;
}

static const char *run_cast(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	const float *from = in->data;
	float *to = out->data;
	uint64_t i;

	for (i = 0; i < in->elements; i++) {
		if (is_float(in) && is_float(out))
			to[i] = from[i];
		else if (is_float(out))
			to[i] = cpu_load(in, i);
		else if (!is_float(in))
			cpu_store(out, i, cpu_load(in, i));
		else if (is_type(out, NPU_DTYPE_BOOL))
			cpu_store(out, i, from[i] != 0);
		else
			cpu_store(out, i, truncate(from[i]));
	}
	return NULL;
}

const struct cpu_kernel cpu_cast = { .check = check_cast, .run = run_cast };

/* --- DYNAMIC_QUANTIZE ------------------------------------------------------ */

enum { DYNAMIC_VALUES, DYNAMIC_SCALE, DYNAMIC_ZERO_POINT };

static const char *check_dynamic_quantize(const struct cpu_op *op)
{
	int32_t which = op->attr[0].i;
	uint32_t dtype = which == DYNAMIC_SCALE ? NPU_DTYPE_FLOAT32 :
						  NPU_DTYPE_UINT8;

	if (which < DYNAMIC_VALUES || which > DYNAMIC_ZERO_POINT)
		return "no such output";
	if (!is_float(op->in[0]) || !is_type(op->out, dtype))
		return "types";
	if (which == DYNAMIC_VALUES ? !is_same_shape(op->in[0], op->out) :
				      op->out->elements != 1)
		return "shapes differ";
	return NULL;
}

static const char *run_dynamic_quantize(const struct cpu_op *op, void *scratch)
{
	const float *in = op->in[0]->data;
	float low = 0, high = 0, scale, zero;
	uint64_t i;

	for (i = 0; i < op->in[0]->elements; i++) {
		low = in[i] < low ? in[i] : low;
		high = in[i] > high ? in[i] : high;
	}
	scale = high == low ? 1 : (high - low) / 255;
	/* Of infinite numbers there is no zero point. */
	zero = rintf(0 - low / scale);
	zero = isnan(zero) ? 0 : clamp(zero, 0, 255);
	if (op->attr[0].i == DYNAMIC_SCALE)
		*(float *)op->out->data = scale;
	else if (op->attr[0].i == DYNAMIC_ZERO_POINT)
		cpu_store(op->out, 0, (int64_t)zero);
	else
		for (i = 0; i < op->in[0]->elements; i++)
			cpu_store(op->out, i,
				  round_to(in[i] / scale, NPU_CPU_HALF_EVEN,
					   (int64_t)zero, 0, 255));
	return NULL;
}

const struct cpu_kernel cpu_dynamic_quantize = {
	.check = check_dynamic_quantize,
	.run = run_dynamic_quantize,
};
