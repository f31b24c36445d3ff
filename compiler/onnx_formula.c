// SPDX-License-Identifier: MIT
/*
 * ONNX operators that are formulas of others, where the graph has none of their
 * own: they are rare, and float.
 */
#include <errno.h>
#include <stdlib.h>

#include "onnx_ops.h"

static int plus(struct tnc_onnx *im, int a, float b)
{
	return tnc_onnx_binary(im, TNC_ADD, a, tnc_onnx_float(im, b));
}

static int times(struct tnc_onnx *im, int a, float b)
{
	return tnc_onnx_binary(im, TNC_MUL, a, tnc_onnx_float(im, b));
}

static int elu(struct tnc_onnx *im, int x, float alpha)
{
	int out = tnc_onnx_unary(im, TNC_ELU, x);

	im->c->op[im->c->ops - 1]->alpha = alpha;
	return out;
}

static int choose(struct tnc_onnx *im, int condition, int yes, int no)
{
	int out = tnc_onnx_like(im, condition, tnc_onnx_tensor(im, yes)->type);

	tnc_onnx_op(im, TNC_SELECT, out, 3, condition, yes, no);
	return out;
}

/* max(0, x) + min(0, alpha x (e^(x / alpha) - 1)), which is alpha x Elu(x / alpha) */
void tnc_onnx_celu(struct tnc_onnx *im, int kind)
{
	float alpha = tnc_onnx_attr_float(im, "alpha", 1.0f);
	int x = times(im, tnc_onnx_input(im, 0), 1 / alpha);

	tnc_onnx_output(im, 0, times(im, elu(im, x, 1.0f), alpha));
}

void tnc_onnx_selu(struct tnc_onnx *im, int kind)
{
	float alpha = tnc_onnx_attr_float(im, "alpha", 1.67326319217681884765625f);
	float gamma = tnc_onnx_attr_float(im, "gamma", 1.05070102214813232421875f);

	tnc_onnx_output(im, 0, times(im, elu(im, tnc_onnx_input(im, 0), alpha),
				     gamma));
}

/* x tanh(log(1 + e^x)) */
void tnc_onnx_mish(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	int y = tnc_onnx_unary(im, TNC_SOFTPLUS, x);

	y = tnc_onnx_unary(im, TNC_TANH, y);
	tnc_onnx_output(im, 0, tnc_onnx_binary(im, kind, x, y));
}

/* Nothing between -lambd and lambd; outside, towards 0 by the bias. */
void tnc_onnx_shrink(struct tnc_onnx *im, int kind)
{
	float bias = tnc_onnx_attr_float(im, "bias", 0.0f);
	float lambd = tnc_onnx_attr_float(im, "lambd", 0.5f);
	int x = tnc_onnx_input(im, 0), zero = tnc_onnx_float(im, 0.0f);
	int low = tnc_onnx_binary(im, TNC_LESS, x, tnc_onnx_float(im, -lambd));
	int high = tnc_onnx_binary(im, TNC_GREATER, x,
				   tnc_onnx_float(im, lambd));
	int y = choose(im, high, plus(im, x, -bias), zero);

	tnc_onnx_output(im, 0, choose(im, low, plus(im, x, bias), y));
}

void tnc_onnx_thresholded(struct tnc_onnx *im, int kind)
{
	float alpha = tnc_onnx_attr_float(im, "alpha", 1.0f);
	int x = tnc_onnx_input(im, 0);
	int is_above = tnc_onnx_binary(im, TNC_GREATER, x,
				       tnc_onnx_float(im, alpha));

	tnc_onnx_output(im, 0, choose(im, is_above, x,
				      tnc_onnx_float(im, 0.0f)));
}

void tnc_onnx_tan(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);

	tnc_onnx_output(im, 0, tnc_onnx_binary(
		im, kind, tnc_onnx_unary(im, TNC_SIN, x),
		tnc_onnx_unary(im, TNC_COS, x)));
}

/* (e^x + or - e^-x) / 2 */
void tnc_onnx_hyperbolic(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	int up = tnc_onnx_unary(im, TNC_EXP, x);
	int down = tnc_onnx_unary(im, TNC_EXP, tnc_onnx_unary(im, TNC_NEG, x));

	tnc_onnx_output(im, 0, times(im, tnc_onnx_binary(im, kind, up, down),
				     0.5f));
}

void tnc_onnx_xor(struct tnc_onnx *im, int kind)
{
	int is_same = tnc_onnx_binary(im, kind, tnc_onnx_input(im, 0),
				      tnc_onnx_input(im, 1));

	tnc_onnx_output(im, 0, tnc_onnx_unary(im, TNC_LOGICAL_NOT, is_same));
}

/* Only what is no number differs from itself. */
void tnc_onnx_is_nan(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);

	tnc_onnx_output(im, 0, tnc_onnx_binary(im, kind, x, x));
}

/* --- Normalisations -------------------------------------------------------- */

static int power(struct tnc_onnx *im, int x, float exponent)
{
	return tnc_onnx_binary(im, TNC_POW, x, tnc_onnx_float(im, exponent));
}

/* Around each channel the squares of @size of them, as pictures of an average pool. */
void tnc_onnx_lrn(struct tnc_onnx *im, int kind)
{
	float alpha = tnc_onnx_attr_float(im, "alpha", 1e-4f);
	float beta = tnc_onnx_attr_float(im, "beta", 0.75f);
	float bias = tnc_onnx_attr_float(im, "bias", 1.0f);
	int64_t size = tnc_onnx_attr_int(im, "size", 0);
	int x = tnc_onnx_input(im, 0), sum = -1, squares;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int before = (size - 1) / 2, channels;

	if (in->rank < 2 || size < 1 || size > TNC_WINDOW_MAX)
		tnc_error(im->c, -EINVAL, "a size of %lld", (long long)size);
	channels = in->shape[1];
	squares = tnc_onnx_unary(im, TNC_SQUARE, x);
	for (int i = 0; i < size; i++) {
		int shift = i - before, out;
		int from = shift > 0 ? shift : 0, gone = abs(shift);
		struct tnc_op *op;

		if (gone >= channels)
			continue;
		out = tnc_onnx_like(im, x, in->type);
		op = tnc_onnx_op(im, TNC_PAD, out, 1, tnc_onnx_slice(
			im, squares, 1, from, channels - gone));
		for (int d = 0; d < in->rank; d++) {
			tnc_list_append(im->c, &op->list[0],
					d == 1 && shift < 0 ? gone : 0);
			tnc_list_append(im->c, &op->list[1],
					d == 1 && shift > 0 ? gone : 0);
		}
		sum = sum < 0 ? out : tnc_onnx_binary(im, TNC_ADD, sum, out);
	}
	sum = plus(im, times(im, sum, alpha / size), bias);
	tnc_onnx_output(im, 0, tnc_onnx_binary(im, kind, x,
					       power(im, sum, beta)));
}

void tnc_onnx_lp_normalization(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), size;
	int64_t p = tnc_onnx_attr_int(im, "p", 2);
	bool axes[TNC_RANK_MAX] = { false };

	if (p != 1 && p != 2)
		tnc_error(im->c, -EINVAL, "a norm of %lld", (long long)p);
	axes[tnc_onnx_axis(im, tnc_onnx_attr_int(im, "axis", -1),
			   tnc_onnx_tensor(im, x)->rank)] = true;
	size = tnc_onnx_unary(im, p == 1 ? TNC_ABS : TNC_SQUARE, x);
	size = tnc_onnx_reduce(im, TNC_SUM, size, axes, true);
	if (p == 2)
		size = tnc_onnx_unary(im, TNC_SQRT, size);
	tnc_onnx_output(im, 0, tnc_onnx_binary(im, kind, x, size));
}

/* Without their mean, and divided by their deviation. */
static int normalised(struct tnc_onnx *im, int x, const bool *axes,
		      float epsilon)
{
	int mean = tnc_onnx_reduce(im, TNC_MEAN, x, axes, true);
	int factor = tnc_onnx_binary(im, TNC_SQUARED_DIFFERENCE, x, mean);

	factor = tnc_onnx_reduce(im, TNC_MEAN, factor, axes, true);
	factor = tnc_onnx_unary(im, TNC_RSQRT, plus(im, factor, epsilon));
	x = tnc_onnx_binary(im, TNC_SUB, x, mean);
	return tnc_onnx_binary(im, TNC_MUL, x, factor);
}

void tnc_onnx_mean_variance(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	struct tnc_onnx_ints list = tnc_onnx_attr_ints(im, "axes");
	int rank = tnc_onnx_tensor(im, x)->rank;
	bool axes[TNC_RANK_MAX] = { false };

	for (int d = 0; d < rank; d++)
		axes[d] = !list.count && d != 1;
	for (int i = 0; i < list.count; i++)
		axes[tnc_onnx_axis(im, list.at[i], rank)] = true;
	tnc_onnx_output(im, 0, normalised(im, x, axes, 1e-9f));
}

/* Of each picture, groups of channels; then a factor and a sum by channel. */
void tnc_onnx_group_norm(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), part[2];
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int64_t groups = tnc_onnx_attr_int(im, "num_groups", 0);
	float epsilon = tnc_onnx_attr_float(im, "epsilon", 1e-5f);
	int32_t grouped[3], shape[TNC_RANK_MAX];
	const bool axes[TNC_RANK_MAX] = { false, false, true };

	tnc_onnx_attr_int(im, "stash_type", 1);
	if (in->rank < 3 || groups < 1 || in->shape[1] % groups)
		tnc_error(im->c, -EINVAL, "%lld groups of %d dimensions",
			  (long long)groups, in->rank);
	grouped[0] = in->shape[0];
	grouped[1] = groups;
	grouped[2] = tnc_tensor_elements(in) / grouped[0] / groups;
	for (int d = 0; d < in->rank - 1; d++)
		shape[d] = d ? 1 : in->shape[1];
	for (int i = 0; i < 2; i++) {
		const struct tnc_tensor *t;

		part[i] = tnc_onnx_input(im, i + 1);
		t = tnc_onnx_tensor(im, part[i]);
		/* By group before opset 21. */
		if (tnc_tensor_elements(t) == groups &&
		    groups != in->shape[1]) {
			int32_t one[2] = { groups, 1 };
			int32_t all[2] = { groups, in->shape[1] / groups };
			int out = tnc_onnx_new(im, t->type, 2, all);

			tnc_onnx_op(im, TNC_BROADCAST_TO, out, 1,
				    tnc_onnx_reshape(im, part[i], 2, one));
			part[i] = out;
		}
		part[i] = tnc_onnx_reshape(im, part[i], in->rank - 1, shape);
	}
	x = normalised(im, tnc_onnx_reshape(im, x, 3, grouped), axes, epsilon);
	x = tnc_onnx_reshape(im, x, in->rank, in->shape);
	x = tnc_onnx_binary(im, TNC_MUL, x, part[0]);
	tnc_onnx_output(im, 0, tnc_onnx_binary(im, kind, x, part[1]));
}
