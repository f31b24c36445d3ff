// SPDX-License-Identifier: MIT
/* ONNX operators whose results follow from shapes and constants alone. */
#include <errno.h>
#include <string.h>

#include "onnx_ops.h"

static int64_t limited(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

void tnc_onnx_shape(struct tnc_onnx *im, int kind)
{
	const struct tnc_tensor *in = tnc_onnx_tensor(im,
						      tnc_onnx_input(im, 0));
	int64_t start = tnc_onnx_attr_int(im, "start", 0);
	int64_t end = tnc_onnx_attr_int(im, "end", in->rank);
	int64_t size[TNC_RANK_MAX];
	int32_t count;

	start = limited(start + (start < 0 ? in->rank : 0), 0, in->rank);
	end = limited(end + (end < 0 ? in->rank : 0), 0, in->rank);
	count = end - start;
	if (count < 1)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported empty shape");
	for (int d = 0; d < count; d++)
		size[d] = in->shape[start + d];
	tnc_onnx_output(im, 0, tnc_onnx_int64s(im, 1, &count, size));
}

void tnc_onnx_constant_node(struct tnc_onnx *im, int kind)
{
	const Onnx__TensorProto *value = tnc_onnx_attr_tensor(im, "value");
	struct tnc_onnx_ints ints = tnc_onnx_attr_ints(im, "value_ints");
	const float *floats = NULL;
	int32_t count = tnc_onnx_attr_floats(im, "value_floats", &floats);
	int64_t one = tnc_onnx_attr_int(im, "value_int", 0);
	float f = tnc_onnx_attr_float(im, "value_float", 0);
	int id;

	if (value)
		id = tnc_onnx_constant(im, value, im->node->n_output ?
						   im->node->output[0] : "");
	else if (ints.count)
		id = tnc_onnx_int64s(im, 1, &ints.count, ints.at);
	else if (count)
		id = tnc_onnx_floats(im, 1, &count, floats);
	else if (tnc_onnx_has_attr(im, "value_int"))
		id = tnc_onnx_int64s(im, 0, NULL, &one);
	else if (tnc_onnx_has_attr(im, "value_float"))
		id = tnc_onnx_float(im, f);
	else
		tnc_error(im->c, -EOPNOTSUPP, "unsupported kind of constant");
	tnc_onnx_output(im, 0, id);
}

void tnc_onnx_constant_of_shape(struct tnc_onnx *im, int kind)
{
	const Onnx__TensorProto *from = tnc_onnx_attr_tensor(im, "value");
	struct tnc_onnx_ints list = tnc_onnx_input_ints(im, 0);
	int32_t shape[TNC_RANK_MAX];
	int one, out;

	if (list.count > TNC_RANK_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: %d dimensions",
			  list.count);
	for (int d = 0; d < list.count; d++)
		shape[d] = tnc_onnx_size(im, list.at[d]);
	one = from ? tnc_onnx_constant(im, from, "value") :
		     tnc_onnx_float(im, 0);
	if (tnc_tensor_elements(tnc_onnx_tensor(im, one)) != 1)
		tnc_error(im->c, -EINVAL, "\"value\" has several elements");
	one = tnc_onnx_reshape(im, one, 0, NULL);
	out = tnc_onnx_new(im, tnc_onnx_tensor(im, one)->type, list.count,
			   shape);
	tnc_onnx_op(im, kind, out, 1, one);
	tnc_onnx_output(im, 0, out);
}

void tnc_onnx_size_node(struct tnc_onnx *im, int kind)
{
	int64_t size = tnc_tensor_elements(
		tnc_onnx_tensor(im, tnc_onnx_input(im, 0)));

	tnc_onnx_output(im, 0, tnc_onnx_int64s(im, 0, NULL, &size));
}

/* A constant number, as double. */
static double number_of(struct tnc_onnx *im, int index)
{
	const struct tnc_tensor *t =
		tnc_onnx_tensor(im, tnc_onnx_input(im, index));
	int64_t wide;

	if (!t->data || tnc_tensor_elements(t) != 1)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: input %d must be a constant number",
			  index);
	if (t->type != TNC_INT64)
		return tnc_onnx_float_of(t, 0);
	memcpy(&wide, t->data, sizeof(wide));
	return wide;
}

void tnc_onnx_range(struct tnc_onnx *im, int kind)
{
	double start = number_of(im, 0), limit = number_of(im, 1);
	double delta = number_of(im, 2), steps;
	enum tnc_type type = tnc_onnx_tensor(im, tnc_onnx_input(im, 0))->type;
	int32_t count;
	int id;

	steps = delta != 0 ? (limit - start) / delta : 0;
	if (!(steps > 0) || steps > TNC_DIM_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: a range of %g values",
			  steps);
	count = steps;
	count += count < steps;
	if (type == TNC_FLOAT32) {
		float *value = tnc_alloc(im->c, count, sizeof(*value));

		for (int i = 0; i < count; i++)
			value[i] = start + i * delta;
		id = tnc_onnx_floats(im, 1, &count, value);
	} else {
		int64_t *value = tnc_alloc(im->c, count, sizeof(*value));

		for (int i = 0; i < count; i++)
			value[i] = start + i * delta;
		id = tnc_onnx_cast(im, tnc_onnx_int64s(im, 1, &count, value),
				   type);
	}
	tnc_onnx_output(im, 0, id);
}

void tnc_onnx_eye_like(struct tnc_onnx *im, int kind)
{
	const struct tnc_tensor *in =
		tnc_onnx_tensor(im, tnc_onnx_input(im, 0));
	int64_t k = tnc_onnx_attr_int(im, "k", 0);
	int64_t to = tnc_onnx_attr_int(im, "dtype", 0);
	enum tnc_type type = in->type;
	float *value;

	if (in->rank != 2)
		tnc_error(im->c, -EINVAL, "%d dimensions, needs 2", in->rank);
	if (to)
		type = tnc_onnx_type(im, in->name, limited(to, -1, INT32_MAX));
	value = tnc_alloc(im->c, tnc_tensor_elements(in), sizeof(*value));
	for (int y = 0; y < in->shape[0]; y++)
		for (int x = 0; x < in->shape[1]; x++)
			value[(int64_t)y * in->shape[1] + x] = x == y + k;
	tnc_onnx_output(im, 0, tnc_onnx_cast(
		im, tnc_onnx_floats(im, 2, in->shape, value), type));
}
