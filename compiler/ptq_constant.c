// SPDX-License-Identifier: MIT
/*
 * Float constants in int8 and int32: weights symmetric with a scale for each output
 * channel, along the axis where TFLite has them; biases in units of input scale x
 * weight scale; constants that stand in for activations.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "ptq.h"

#define BIAS_MAX 1e9	/* leaves room for the sum it is added to */

void tnc_ptq_set_quant(struct tnc *c, struct tnc_tensor *t, float scale,
		       int zero_point)
{
	t->quant = (struct tnc_quant){ .count = 1 };
	t->quant.scale = tnc_alloc(c, 1, sizeof(float));
	t->quant.zero_point = tnc_alloc(c, 1, sizeof(int32_t));
	t->quant.scale[0] = scale;
	t->quant.zero_point[0] = zero_point;
}

static int8_t steps(double value, int zero_point, int least)
{
	return (int8_t)fmin(fmax(round(value) + zero_point, least), 127);
}

/* @from, a float constant, in int8; a new tensor. */
struct tnc_tensor *tnc_ptq_constant(struct tnc *c, const struct tnc_tensor *from,
				    float scale, int zero_point)
{
	struct tnc_tensor *t = tnc_tensor_new(c, from);
	int64_t elements = tnc_tensor_elements(from);

	t->type = TNC_INT8;
	tnc_ptq_set_quant(c, t, scale, zero_point);
	t->data = tnc_alloc(c, elements, 1);
	for (int64_t i = 0; i < elements; i++)
		((int8_t *)t->data)[i] = steps(
			((const float *)from->data)[i] / (double)scale,
			zero_point, -128);
	return t;
}

/* The dimension of weights that is the output's channels. */
int tnc_ptq_channel_axis(const struct tnc_op *op)
{
	return op->kind == TNC_DEPTHWISE_CONV_2D ? 3 : 0;
}

static int64_t inner_of(const struct tnc_tensor *t, int axis)
{
	int64_t inner = 1;

	for (int i = axis + 1; i < t->rank; i++)
		inner *= t->shape[i];
	return inner;
}

/*
 * The largest magnitude of each channel becomes 127. A channel whose weights are so
 * small that its bias would not fit 32 bits gets a larger scale.
 */
static void channel_scales(struct tnc_tensor *t, const struct tnc_tensor *from,
			   float in_scale, const double *bias)
{
	int64_t inner = inner_of(from, t->quant.axis);
	int64_t elements = tnc_tensor_elements(from);

	for (int64_t i = 0; i < elements; i++) {
		float *most = &t->quant.scale[i / inner % t->quant.count];

		*most = fmaxf(*most, fabsf(((const float *)from->data)[i]));
	}
	for (int i = 0; i < t->quant.count; i++) {
		float least = (float)(fabs(bias[i]) / BIAS_MAX / in_scale);
		float scale = fmaxf(t->quant.scale[i] / 127, least);

		t->quant.scale[i] = isnormal(scale) &&
			isnormal(scale * in_scale) ? scale : 1.0f / 128;
	}
}

/* The weights of @op in int8, a new tensor; @bias is for each channel. */
struct tnc_tensor *tnc_ptq_weights(struct tnc *c, const struct tnc_op *op,
				   float in_scale, const double *bias)
{
	const struct tnc_tensor *from = tnc_op_input(c, op, 1);
	struct tnc_tensor *t = tnc_tensor_new(c, from);
	int64_t elements = tnc_tensor_elements(from), inner;

	t->type = TNC_INT8;
	t->quant.axis = tnc_ptq_channel_axis(op);
	t->quant.count = from->shape[t->quant.axis];
	t->quant.scale = tnc_alloc(c, t->quant.count, sizeof(float));
	t->quant.zero_point = tnc_alloc(c, t->quant.count, sizeof(int32_t));
	channel_scales(t, from, in_scale, bias);
	inner = inner_of(from, t->quant.axis);
	t->data = tnc_alloc(c, elements, 1);
	for (int64_t i = 0; i < elements; i++)
		((int8_t *)t->data)[i] = steps(
			((const float *)from->data)[i] /
			(double)t->quant.scale[i / inner % t->quant.count],
			0, -127);
	return t;
}

/* @bias in int32, a new tensor. */
struct tnc_tensor *tnc_ptq_bias(struct tnc *c, const struct tnc_tensor *weights,
				float in_scale, const double *bias)
{
	struct tnc_tensor *t = tnc_tensor_new(c, weights);
	int count = weights->quant.count;

	t->type = TNC_INT32;
	t->name = "";
	t->rank = 1;
	t->shape[0] = count;
	t->quant.axis = 0;
	t->quant.scale = tnc_alloc(c, count, sizeof(float));
	t->quant.zero_point = tnc_alloc(c, count, sizeof(int32_t));
	t->data = tnc_alloc(c, count, sizeof(int32_t));
	for (int i = 0; i < count; i++) {
		double unit = (double)in_scale * weights->quant.scale[i];
		double q = fmin(fmax(round(bias[i] / unit), -2e9), 2e9);

		t->quant.scale[i] = in_scale * weights->quant.scale[i];
		((int32_t *)t->data)[i] = (int32_t)q;
	}
	return t;
}
