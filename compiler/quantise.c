// SPDX-License-Identifier: MIT
/*
 * From real scales to the integers that the arithmetic uses, exactly as the
 * TensorFlow Lite Micro kernels prepare them: which product is formed in
 * single and which in double precision is part of the contract.
 */
#include <math.h>
#include <string.h>

#include "ir.h"

/* Real factor to a 31-bit multiplier and an exponent. */
struct tnc_factor tnc_factor_of(double real)
{
	struct tnc_factor factor = { 0 };
	int64_t fixed;
	int shift;

	if (real == 0.0)
		return factor;
	fixed = llround(frexp(real, &shift) * 2147483648.0);
	if (fixed == INT64_C(1) << 31) {
		fixed /= 2;
		shift++;
	}
	if (shift < -31)
		return factor;
	factor.multiplier = fixed;
	factor.shift = shift;
	return factor;
}

/* Numbers without scales: nothing is scaled. */
static bool is_plain(const struct tnc *c, const struct tnc_op *op)
{
	return !tnc_op_input(c, op, 0)->quant.count ||
	       !tnc_op_input(c, op, 1)->quant.count ||
	       !tnc_op_output(c, op)->quant.count;
}

int tnc_op_factor_count(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	switch (op->kind) {
	case TNC_CONV_2D:
	case TNC_DEPTHWISE_CONV_2D:
	case TNC_TRANSPOSE_CONV:
	case TNC_FULLY_CONNECTED:
		return out->type == TNC_INT32 ? 0 : out->shape[out->rank - 1];
	case TNC_ADD:
	case TNC_SUB:
		return is_plain(c, op) ? 0 : 3;
	case TNC_BATCH_MATMUL:
		return 1;
	case TNC_MUL:
		return is_plain(c, op) ? 0 : 1;
	case TNC_SOFTMAX:
		return 1;
	default:
		return tnc_vector_factor_count(op->kind);
	}
}

/* As ONNX Runtime forms them: in float32, from left to right. */
static void float_factors(struct tnc *c, const struct tnc_op *op,
			  struct tnc_factor *factor)
{
	const struct tnc_quant *w = &tnc_op_input(c, op, 1)->quant;
	float in_scale = tnc_op_input(c, op, 0)->quant.scale[0];
	float out_scale = tnc_op_output(c, op)->quant.scale[0];

	for (int i = 0; i < tnc_op_factor_count(c, op); i++) {
		float f = in_scale * w->scale[w->count > 1 ? i : 0];

		f /= out_scale;
		memcpy(&factor[i].multiplier, &f, sizeof(f));
		factor[i].shift = 0;
	}
}

/* One factor for each output channel: accumulator to output. */
static void conv_factors(struct tnc *c, const struct tnc_op *op,
			 struct tnc_factor *factor)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *weights = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int channels = tnc_op_factor_count(c, op);
	double in_scale = in->quant.scale[0];
	double out_scale = out->quant.scale[0];
	bool per_channel = weights->quant.count > 1;
	float product = in->quant.scale[0] * weights->quant.scale[0];
	bool is_matrix = op->kind == TNC_FULLY_CONNECTED ||
			 op->kind == TNC_BATCH_MATMUL;

	/* Products of matrices with one scale form that product in float. */
	if (is_matrix && !per_channel)
		for (int i = 0; i < channels; i++)
			factor[i] = tnc_factor_of(product / out_scale);
	else
		for (int i = 0; i < channels; i++)
			factor[i] = tnc_factor_of(
				in_scale *
				weights->quant.scale[per_channel ? i : 0] /
				out_scale);
}

/* First input, second input, output; see the reference executor. */
static void sum_factors(struct tnc *c, const struct tnc_op *op,
			struct tnc_factor *factor)
{
	double a = tnc_op_input(c, op, 0)->quant.scale[0];
	double b = tnc_op_input(c, op, 1)->quant.scale[0];
	double out = tnc_op_output(c, op)->quant.scale[0];
	double twice = 2 * (a > b ? a : b);
	double unit = tnc_op_output(c, op)->type == TNC_INT16 ? 32768 : 1048576;

	factor[0] = tnc_factor_of(a / twice);
	factor[1] = tnc_factor_of(b / twice);
	factor[2] = tnc_factor_of(twice / (unit * out));
}

/* Product of the inputs to output. */
static void product_factor(struct tnc *c, const struct tnc_op *op,
			   struct tnc_factor *factor)
{
	double a = tnc_op_input(c, op, 0)->quant.scale[0];
	double b = tnc_op_input(c, op, 1)->quant.scale[0];
	double out = tnc_op_output(c, op)->quant.scale[0];

	factor[0] = tnc_factor_of(a * b / out);
}

/* Input difference to Q5.26, of int16 to 65535ths of 10. */
static void softmax_factor(struct tnc *c, const struct tnc_op *op,
			   struct tnc_factor *factor)
{
	double scale = tnc_op_input(c, op, 0)->quant.scale[0];
	double real = op->beta * scale * 67108864.0;

	if (tnc_op_input(c, op, 0)->type == TNC_INT16)
		real = scale * (double)op->beta / (10.0 / 65535.0);
	factor[0] = tnc_factor_of(fmin(real, 2147483647.0));
}

void tnc_op_factors(struct tnc *c, const struct tnc_op *op,
		    struct tnc_factor *factor)
{
	switch (op->kind) {
	case TNC_CONV_2D:
	case TNC_DEPTHWISE_CONV_2D:
	case TNC_TRANSPOSE_CONV:
	case TNC_FULLY_CONNECTED:
	case TNC_BATCH_MATMUL:
		if (op->mode & TNC_MODE_ONNX)
			float_factors(c, op, factor);
		else
			conv_factors(c, op, factor);
		break;
	case TNC_ADD:
	case TNC_SUB:
		sum_factors(c, op, factor);
		break;
	case TNC_MUL:
		product_factor(c, op, factor);
		break;
	case TNC_SOFTMAX:
		softmax_factor(c, op, factor);
		break;
	default:
		if (tnc_vector_factor_count(op->kind))
			tnc_vector_factors(c, op, factor);
		break;
	}
}

static int quantise(const struct tnc_quant *quant, float real)
{
	float steps = roundf(real / quant->scale[0]);

	if (steps > 1e6f)
		steps = 1e6f;
	if (steps < -1e6f)
		steps = -1e6f;
	return quant->zero_point[0] + (int)steps;
}

static int clip(int q, const struct tnc_type_info *type)
{
	return q < type->min ? type->min : q > type->max ? type->max : q;
}

/* The range of output values that the activation leaves. */
void tnc_op_clamp(const struct tnc *c, const struct tnc_op *op, int *min,
		  int *max)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	const struct tnc_quant *quant = &out->quant;
	const struct tnc_type_info *type = &tnc_type_info[out->type];

	*min = type->min;
	*max = type->max;
	switch (op->act) {
	case TNC_ACT_NONE:
		break;
	case TNC_ACT_RELU:
		*min = clip(quantise(quant, 0.0f), type);
		break;
	case TNC_ACT_RELU_N1_TO_1:
		*min = clip(quantise(quant, -1.0f), type);
		*max = clip(quantise(quant, 1.0f), type);
		break;
	case TNC_ACT_RELU6:
		*min = clip(quantise(quant, 0.0f), type);
		*max = clip(quantise(quant, 6.0f), type);
		break;
	case TNC_ACT_CLAMP:
		*min = op->clamp_min;
		*max = op->clamp_max;
		break;
	}
}
