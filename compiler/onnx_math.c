// SPDX-License-Identifier: MIT
/*
 * ONNX operators that compute each element on its own, of one, two or any
 * number of inputs.
 */
#include <errno.h>
#include <float.h>
#include <string.h>

#include "onnx_ops.h"

/* Elements of 8 bits that nobody quantised mean what they are. */
static int with_scale(struct tnc_onnx *im, int id)
{
	struct tnc_tensor *t = tnc_onnx_tensor(im, id);

	if (t->quant.count || (t->type != TNC_INT8 && t->type != TNC_UINT8))
		return id;
	t->quant.count = 1;
	t->quant.scale = tnc_alloc(im->c, 1, sizeof(float));
	t->quant.zero_point = tnc_alloc(im->c, 1, sizeof(int32_t));
	t->quant.scale[0] = 1.0f;
	return id;
}

int tnc_onnx_number(struct tnc_onnx *im, int index)
{
	return with_scale(im, tnc_onnx_input(im, index));
}

void tnc_onnx_one(struct tnc_onnx *im, int kind)
{
	int out = tnc_onnx_unary(im, kind, tnc_onnx_number(im, 0));

	tnc_onnx_output(im, 0, with_scale(im, out));
}

void tnc_onnx_two(struct tnc_onnx *im, int kind)
{
	int out = tnc_onnx_binary(im, kind, tnc_onnx_number(im, 0),
				  tnc_onnx_number(im, 1));

	tnc_onnx_output(im, 0, with_scale(im, out));
}

void tnc_onnx_many(struct tnc_onnx *im, int kind)
{
	int out = tnc_onnx_number(im, 0);

	if (im->node->n_input > TNC_INPUTS_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: %zu inputs",
			  im->node->n_input);
	for (size_t i = 1; i < im->node->n_input; i++)
		out = with_scale(im, tnc_onnx_binary(im, kind, out,
						     tnc_onnx_number(im, i)));
	tnc_onnx_output(im, 0, out);
}

void tnc_onnx_mean(struct tnc_onnx *im, int kind)
{
	int out = tnc_onnx_input(im, 0);

	for (size_t i = 1; i < im->node->n_input && i < TNC_INPUTS_MAX; i++)
		out = tnc_onnx_binary(im, TNC_ADD, out, tnc_onnx_input(im, i));
	tnc_onnx_output(im, 0, tnc_onnx_binary(
		im, kind, out, tnc_onnx_float(im, im->node->n_input)));
}

/* x / (1 + |x|) */
void tnc_onnx_softsign(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	int size = tnc_onnx_unary(im, TNC_ABS, x);

	size = tnc_onnx_binary(im, TNC_ADD, size, tnc_onnx_float(im, 1.0f));
	tnc_onnx_output(im, 0, tnc_onnx_binary(im, kind, x, size));
}

/* LeakyRelu and Elu, which differ in what they take for alpha. */
void tnc_onnx_with_alpha(struct tnc_onnx *im, int kind)
{
	float alpha = tnc_onnx_attr_float(im, "alpha",
					  kind == TNC_ELU ? 1.0f : 0.01f);

	tnc_onnx_one(im, kind);
	im->c->op[im->c->ops - 1]->alpha = alpha;
}

void tnc_onnx_hard_sigmoid(struct tnc_onnx *im, int kind)
{
	float alpha = tnc_onnx_attr_float(im, "alpha", 0.2f);
	float beta = tnc_onnx_attr_float(im, "beta", 0.5f);

	tnc_onnx_one(im, kind);
	im->c->op[im->c->ops - 1]->alpha = alpha;
	im->c->op[im->c->ops - 1]->beta = beta;
}

void tnc_onnx_gelu(struct tnc_onnx *im, int kind)
{
	const char *how = tnc_onnx_attr_string(im, "approximate", "none");

	if (strcmp(how, "none") && strcmp(how, "tanh"))
		tnc_error(im->c, -EINVAL, "unknown approximation %.32s", how);
	tnc_onnx_one(im, kind);
	if (!strcmp(how, "tanh"))
		im->c->op[im->c->ops - 1]->mode |= TNC_MODE_APPROXIMATE;
}

/* Is the bound there, and this very constant? */
static bool is_number(struct tnc_onnx *im, bool is_there, int id, float value)
{
	const struct tnc_tensor *t = is_there ? tnc_onnx_tensor(im, id) : NULL;

	return t && t->data && t->type == TNC_FLOAT32 &&
	       tnc_tensor_elements(t) == 1 && tnc_onnx_float_of(t, 0) == value;
}

/* Bounds were attributes before opset 11, later inputs that may be absent. */
void tnc_onnx_clip(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_number(im, 0), bound[2];
	bool has[2];

	if (im->opset < 11) {
		bound[0] = tnc_onnx_float(im, tnc_onnx_attr_float(im, "min",
								  -FLT_MAX));
		bound[1] = tnc_onnx_float(im, tnc_onnx_attr_float(im, "max",
								  FLT_MAX));
		has[0] = has[1] = true;
	} else {
		for (int i = 0; i < 2; i++) {
			has[i] = tnc_onnx_has_input(im, i + 1);
			bound[i] = has[i] ? tnc_onnx_number(im, i + 1) : -1;
		}
	}
	if (tnc_onnx_tensor(im, x)->type == TNC_FLOAT32 &&
	    is_number(im, has[0], bound[0], 0.0f) &&
	    (!has[1] || is_number(im, has[1], bound[1], 6.0f))) {
		x = tnc_onnx_unary(im, has[1] ? TNC_RELU6 : TNC_RELU, x);
		tnc_onnx_output(im, 0, x);
		return;
	}
	if (!has[0] && !has[1])
		x = tnc_onnx_reshape(im, x, tnc_onnx_tensor(im, x)->rank,
				     tnc_onnx_tensor(im, x)->shape);
	if (has[0])
		x = with_scale(im, tnc_onnx_binary(im, TNC_MAXIMUM, x,
						   bound[0]));
	if (has[1])
		x = with_scale(im, tnc_onnx_binary(im, TNC_MINIMUM, x,
						   bound[1]));
	tnc_onnx_output(im, 0, x);
}

void tnc_onnx_reciprocal(struct tnc_onnx *im, int kind)
{
	int one = tnc_onnx_float(im, 1.0f);

	tnc_onnx_output(im, 0, tnc_onnx_binary(im, kind, one,
					       tnc_onnx_input(im, 0)));
}

/* The sign is the divisor's, unless fmod is asked for. */
void tnc_onnx_mod(struct tnc_onnx *im, int kind)
{
	tnc_onnx_need_int(im, "fmod", 0);
	tnc_onnx_two(im, kind);
}

void tnc_onnx_where(struct tnc_onnx *im, int kind)
{
	int which = tnc_onnx_input(im, 0);
	int a = tnc_onnx_number(im, 1), b = tnc_onnx_number(im, 2);
	const struct tnc_tensor *in[3] = {
		tnc_onnx_tensor(im, which), tnc_onnx_tensor(im, a),
		tnc_onnx_tensor(im, b),
	};
	int32_t shape[TNC_RANK_MAX];
	int rank = 0, out;

	for (int i = 0; i < 3; i++)
		rank = in[i]->rank > rank ? in[i]->rank : rank;
	for (int d = 0; d < rank; d++) {
		shape[d] = 1;
		for (int i = 0; i < 3; i++)
			if (tnc_tensor_dim(in[i], rank, d) != 1)
				shape[d] = tnc_tensor_dim(in[i], rank, d);
	}
	out = tnc_onnx_new(im, in[1]->type, rank, shape);
	tnc_onnx_tensor(im, out)->quant = in[1]->quant;
	tnc_onnx_op(im, kind, out, 3, which, a, b);
	tnc_onnx_output(im, 0, out);
}

void tnc_onnx_cast_node(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	int64_t to = tnc_onnx_attr_int(im, "to", 0);

	tnc_onnx_attr_int(im, "saturate", 1);
	if (to < 0 || to > INT32_MAX)
		to = 0;
	tnc_onnx_output(im, 0, tnc_onnx_cast(im, x, tnc_onnx_type(
		im, tnc_onnx_tensor(im, x)->name, to)));
}
