// SPDX-License-Identifier: MIT
/*
 * From real scales to integers for operators that become programs of the vector
 * unit. As in quantise.c, what is formed in single and what in double precision
 * is that of the TensorFlow Lite Micro kernels. Called by quantise.c.
 */
#include <math.h>

#include "ir.h"

int tnc_vector_factor_count(enum tnc_op_kind kind)
{
	switch (kind) {
	case TNC_RELU:
	case TNC_RELU_N1_TO_1:
	case TNC_RELU_0_TO_1:
	case TNC_ABS:
	case TNC_RSQRT:
	case TNC_QUANTIZE:
	case TNC_MEAN:
	case TNC_SUM:
		return 1;
	case TNC_LEAKY_RELU:
	case TNC_PRELU:
	case TNC_EQUAL:
	case TNC_NOT_EQUAL:
	case TNC_LESS:
	case TNC_LESS_EQUAL:
	case TNC_GREATER:
	case TNC_GREATER_EQUAL:
		return 2;
	case TNC_SQUARED_DIFFERENCE:
		return 3;
	default:
		return 0;
	}
}

static float scale_of(const struct tnc *c, const struct tnc_op *op, int input)
{
	const struct tnc_tensor *t = tnc_op_input(c, op, input);

	return t->quant.count ? t->quant.scale[0] : 1;
}

/* Both inputs to twice the larger scale, its square to the output. */
static void difference_factors(const struct tnc *c, const struct tnc_op *op,
			       double out, struct tnc_factor *factor)
{
	bool is_wide = tnc_op_input(c, op, 0)->type == TNC_INT16;
	float a = scale_of(c, op, 0), b = scale_of(c, op, 1);
	double twice = 2.0 * (double)(a > b ? a : b);
	/* The reference's product, in single precision. */
	double unit = (is_wide ? 1 : 16384) * (float)out;

	factor[0] = tnc_factor_of(a / twice);
	factor[1] = tnc_factor_of(b / twice);
	factor[2] = tnc_factor_of(twice * twice / unit);
}

/*
 * A mean is a sum whose multiplier is divided by the number of elements, which
 * is shifted first to lose little.
 */
static void reduce_factor(const struct tnc *c, const struct tnc_op *op,
			  double out, struct tnc_factor *factor)
{
	int64_t count = tnc_tensor_elements(tnc_op_input(c, op, 0)) /
			tnc_tensor_elements(tnc_op_output(c, op));
	int shift = 63 - __builtin_clzll(count);

	factor[0] = tnc_factor_of(scale_of(c, op, 0) / out);
	if (op->kind == TNC_SUM)
		return;
	if (shift > 31 + factor[0].shift)
		shift = 31 + factor[0].shift;
	factor[0].multiplier = ((int64_t)factor[0].multiplier << shift) / count;
	factor[0].shift -= shift;
}

void tnc_vector_factors(struct tnc *c, const struct tnc_op *op,
			struct tnc_factor *factor)
{
	const struct tnc_quant *quant = &tnc_op_output(c, op)->quant;
	float in = scale_of(c, op, 0), out = quant->count ? quant->scale[0] : 1;

	switch (op->kind) {
	case TNC_RELU:
	case TNC_RELU_N1_TO_1:
	case TNC_RELU_0_TO_1:
	case TNC_ABS:
		factor[0] = tnc_factor_of(in / out);
		break;
	case TNC_RSQRT:
		factor[0] = tnc_factor_of(1.0 / (double)(sqrtf(in) * out));
		break;
	case TNC_QUANTIZE:
		factor[0] = tnc_factor_of((double)in / (double)out);
		break;
	case TNC_LEAKY_RELU:
		factor[0] = tnc_factor_of(in / out);
		factor[1] = tnc_factor_of(in * op->alpha / out);
		break;
	case TNC_PRELU:
		factor[0] = tnc_factor_of((double)in / (double)out);
		factor[1] = tnc_factor_of((double)in *
					  (double)scale_of(c, op, 1) /
					  (double)out);
		break;
	case TNC_SQUARED_DIFFERENCE:
		difference_factors(c, op, out, factor);
		break;
	case TNC_MEAN:
	case TNC_SUM:
		reduce_factor(c, op, out, factor);
		break;
	default: /* comparisons */
		factor[0] = tnc_factor_of(in);
		factor[1] = tnc_factor_of(scale_of(c, op, 1));
		break;
	}
}
