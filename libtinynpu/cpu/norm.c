// SPDX-License-Identifier: MIT
/*
 * Operators that scale elements by what all of a row or more are: SOFTMAX,
 * L2_NORMALIZATION, LAYER_NORM.
 */
#include "kernels.h"

#include <math.h>

static const char *check_floats(const struct cpu_op *op)
{
	if (!is_float(op->in[0]) || !is_float(op->out))
		return "not of this type";
	return is_same_shape(op->in[0], op->out) ? NULL : "shapes differ";
}

/* --- SOFTMAX --------------------------------------------------------------- */

/* Attributes: axis, beta, 1 for the logarithm. */
static const char *check_softmax(const struct cpu_op *op)
{
	if (!is_axis(op->in[0], op->attr[0].i))
		return "no such axis";
	return check_floats(op);
}

static void softmax_line(const float *in, float *out, uint64_t step,
			 uint64_t count, float beta, bool is_log)
{
	float max = in[0];
	double sum = 0;
	uint64_t i;

	for (i = 1; i < count; i++)
		max = fmaxf(max, in[i * step]);
	for (i = 0; i < count; i++) {
		float x = (in[i * step] - max) * beta, e = expf(x);

		out[i * step] = is_log ? x : e;
		sum += e;
	}
	for (i = 0; i < count; i++) {
		if (is_log)
			out[i * step] -= (float)log(sum);
		else
			out[i * step] /= (float)sum;
	}
}

static const char *run_softmax(const struct cpu_op *op, void *scratch)
{
	struct cpu_axis axis = axis_of(op->in[0], op->attr[0].i);
	const float *in = op->in[0]->data;
	float *out = op->out->data;
	uint64_t outer, inner;

	for (outer = 0; outer < axis.outer; outer++)
		for (inner = 0; inner < axis.inner; inner++) {
			uint64_t at = outer * axis.length * axis.inner + inner;

			softmax_line(in + at, out + at, axis.inner, axis.length,
				     op->attr[1].f, op->attr[2].i);
		}
	return NULL;
}

const struct cpu_kernel cpu_softmax = {
	.check = check_softmax,
	.run = run_softmax,
};

/* --- L2_NORMALIZATION ------------------------------------------------------ */

/* Along the last dimension. Attribute: the least divisor. */
static const char *check_l2(const struct cpu_op *op)
{
	return op->in[0]->rank ? check_floats(op) : "no dimension";
}

static const char *run_l2(const struct cpu_op *op, void *scratch)
{
	struct cpu_axis axis = axis_of(op->in[0], op->in[0]->rank - 1);
	const float *in = op->in[0]->data;
	float *out = op->out->data;
	uint64_t row, i;

	for (row = 0; row < axis.outer; row++) {
		double sum = 0;
		float norm;

		for (i = 0; i < axis.length; i++)
			sum += (double)in[i] * in[i];
		norm = fmaxf(sqrtf((float)sum), op->attr[0].f);
		for (i = 0; i < axis.length; i++)
			out[i] = in[i] / norm;
		in += axis.length;
		out += axis.length;
	}
	return NULL;
}

const struct cpu_kernel cpu_l2_normalization = {
	.check = check_l2,
	.run = run_l2,
};

/* --- LAYER_NORM ------------------------------------------------------------ */

/* Over the dimensions from @axis on. Attributes: axis, epsilon. */
static const char *check_layer_norm(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0];
	struct cpu_axis axis;
	uint32_t i;

	if (!is_axis(in, op->attr[0].i))
		return "no such axis";
	axis = axis_of(in, op->attr[0].i);
	for (i = 1; i < 3; i++) {
		const struct cpu_tensor *t = input(op, i);

		if (t && (!is_float(t) ||
			  t->elements != axis.length * axis.inner))
			return "scale or bias";
	}
	return check_floats(op);
}

static const char *run_layer_norm(const struct cpu_op *op, void *scratch)
{
	struct cpu_axis axis = axis_of(op->in[0], op->attr[0].i);
	const float *in = op->in[0]->data;
	const float *scale = floats(op, 1), *bias = floats(op, 2);
	uint64_t count = axis.length * axis.inner, row, i;
	float *out = op->out->data;

	for (row = 0; row < axis.outer; row++, in += count, out += count) {
		double mean = 0, variance = 0, factor;

		for (i = 0; i < count; i++)
			mean += in[i];
		mean /= count;
		for (i = 0; i < count; i++)
			variance += (in[i] - mean) * (in[i] - mean);
		factor = 1 / sqrt(variance / count + op->attr[1].f);
		for (i = 0; i < count; i++)
			out[i] = (in[i] - mean) * factor *
				 (scale ? scale[i] : 1) + (bias ? bias[i] : 0);
	}
	return NULL;
}

const struct cpu_kernel cpu_layer_norm = {
	.check = check_layer_norm,
	.run = run_layer_norm,
};
