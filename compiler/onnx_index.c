// SPDX-License-Identifier: MIT
/*
 * ONNX operators that pick elements by index, or put them where indices say. Of
 * elements that lie along one axis (GatherElements and its like) the place in the
 * flat tensor is computed: index times stride, plus what follows from the element's
 * own position, which is a constant.
 */
#include <errno.h>
#include <string.h>

#include "onnx_ops.h"

static int int64_of(struct tnc_onnx *im, int64_t value)
{
	return tnc_onnx_int64s(im, 0, NULL, &value);
}

static int choose(struct tnc_onnx *im, int condition, int yes, int no)
{
	const struct tnc_tensor *like = tnc_onnx_tensor(im, yes);
	int out;

	if (tnc_tensor_elements(tnc_onnx_tensor(im, no)) >
	    tnc_tensor_elements(like))
		like = tnc_onnx_tensor(im, no);
	out = tnc_onnx_new(im, like->type, like->rank, like->shape);
	tnc_onnx_tensor(im, out)->quant = like->quant;
	tnc_onnx_op(im, TNC_SELECT, out, 3, condition, yes, no);
	return out;
}

/* Indices as int64, those below 0 counted from the end of @size places. */
static int from_begin(struct tnc_onnx *im, int indices, int size)
{
	int below, moved;

	indices = tnc_onnx_cast(im, indices, TNC_INT64);
	below = tnc_onnx_binary(im, TNC_LESS, indices, int64_of(im, 0));
	moved = tnc_onnx_binary(im, TNC_ADD, indices, int64_of(im, size));
	return choose(im, below, moved, indices);
}

static int flat(struct tnc_onnx *im, int id)
{
	return tnc_onnx_reshape(im, id, 1,
				(const int32_t[]){ tnc_tensor_elements(
					tnc_onnx_tensor(im, id)) });
}

/* --- Along one axis -------------------------------------------------------- */

/*
 * Where in the flat @data the elements lie that @indices name along @axis; where
 * they lie in the other dimensions is where the indices do.
 */
static int flat_places(struct tnc_onnx *im, int data, int indices, int axis)
{
	const struct tnc_tensor *x = tnc_onnx_tensor(im, data);
	const struct tnc_tensor *t = tnc_onnx_tensor(im, indices);
	int64_t count = tnc_tensor_elements(t);
	int64_t *base = tnc_alloc(im->c, count, sizeof(*base));
	int64_t stride[TNC_RANK_MAX], inner = 1;
	int places;

	for (int d = x->rank - 1; d >= 0; d--) {
		stride[d] = inner;
		inner *= x->shape[d];
	}
	for (int64_t i = 0; i < count; i++) {
		int64_t rest = i;

		for (int d = t->rank - 1; d >= 0; d--) {
			if (d != axis)
				base[i] += rest % t->shape[d] * stride[d];
			rest /= t->shape[d];
		}
	}
	places = from_begin(im, indices, x->shape[axis]);
	places = tnc_onnx_binary(im, TNC_MUL, places,
				 int64_of(im, stride[axis]));
	return tnc_onnx_binary(im, TNC_ADD, places,
			       tnc_onnx_int64s(im, t->rank, t->shape, base));
}

static int axis_of(struct tnc_onnx *im, int data, int indices)
{
	const struct tnc_tensor *x = tnc_onnx_tensor(im, data);
	const struct tnc_tensor *t = tnc_onnx_tensor(im, indices);
	int axis = tnc_onnx_axis(im, tnc_onnx_attr_int(im, "axis", 0), x->rank);

	if (t->rank != x->rank)
		tnc_error(im->c, -EINVAL, "indices of %d dimensions for %d",
			  t->rank, x->rank);
	for (int d = 0; d < x->rank; d++)
		if (d != axis && t->shape[d] > x->shape[d])
			tnc_error(im->c, -EINVAL,
				  "dimension %d: indices for %d of %d places",
				  d, t->shape[d], x->shape[d]);
	return axis;
}

void tnc_onnx_gather_elements(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_number(im, 0), indices = tnc_onnx_input(im, 1), out;
	const struct tnc_tensor *t = tnc_onnx_tensor(im, indices);
	int places = flat_places(im, x, indices, axis_of(im, x, indices));
	struct tnc_op *op;

	x = flat(im, x);
	out = tnc_onnx_new(im, tnc_onnx_tensor(im, x)->type, t->rank, t->shape);
	tnc_onnx_tensor(im, out)->quant = tnc_onnx_tensor(im, x)->quant;
	op = tnc_onnx_op(im, kind, out, 2, x, places);
	op->axis = 0;
	tnc_list_append(im->c, &op->list[0], 0);
	tnc_onnx_output(im, 0, out);
}

/* --- By whole indices ------------------------------------------------------ */

/* Before each index the numbers of the batches that it is in. */
static int with_batches(struct tnc_onnx *im, int indices, int batch_dims)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, indices);
	int32_t shape[TNC_RANK_MAX];
	int64_t rows = 1, *value;
	int part[2], last = t->rank - 1;

	for (int d = 0; d < last; d++)
		rows *= shape[d] = t->shape[d];
	shape[last] = batch_dims;
	value = tnc_alloc(im->c, rows * batch_dims, sizeof(*value));
	for (int64_t i = 0; i < rows; i++) {
		int64_t rest = i;

		for (int d = last - 1; d >= 0; d--) {
			if (d < batch_dims)
				value[i * batch_dims + d] = rest % t->shape[d];
			rest /= t->shape[d];
		}
	}
	part[0] = tnc_onnx_int64s(im, t->rank, shape, value);
	part[1] = tnc_onnx_cast(im, indices, TNC_INT64);
	return tnc_onnx_join(im, part, 2, last);
}

void tnc_onnx_gather_nd(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_number(im, 0), indices = tnc_onnx_input(im, 1), out;
	int64_t batch_dims = tnc_onnx_attr_int(im, "batch_dims", 0);
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x), *t;
	int32_t shape[TNC_RANK_MAX];
	int depth, rank = 0;

	t = tnc_onnx_tensor(im, indices);
	if (!t->rank || batch_dims < 0 || batch_dims >= t->rank ||
	    batch_dims >= in->rank)
		tnc_error(im->c, -EINVAL, "%lld batch dimensions of %d and %d",
			  (long long)batch_dims, in->rank, t->rank);
	if (batch_dims)
		indices = with_batches(im, indices, batch_dims);
	t = tnc_onnx_tensor(im, indices);
	depth = t->shape[t->rank - 1];
	if (depth > in->rank || t->rank - 1 + in->rank - depth > TNC_RANK_MAX)
		tnc_error(im->c, -EINVAL, "indices of %d places for %d dimensions",
			  depth, in->rank);
	for (int d = 0; d < t->rank - 1; d++)
		shape[rank++] = t->shape[d];
	for (int d = depth; d < in->rank; d++)
		shape[rank++] = in->shape[d];
	out = tnc_onnx_new(im, in->type, rank, shape);
	tnc_onnx_tensor(im, out)->quant = in->quant;
	tnc_onnx_op(im, kind, out, 2, x, indices);
	tnc_onnx_output(im, 0, out);
}

/*
 * @data where no index points to, else the update: zeros with the updates in their
 * places, chosen by ones in the same places. What is written twice has no meaning
 * in ONNX.
 */
static int scatter(struct tnc_onnx *im, int data, int indices, int updates)
{
	const struct tnc_tensor *x = tnc_onnx_tensor(im, data);
	const struct tnc_tensor *u = tnc_onnx_tensor(im, updates);
	int64_t count = tnc_tensor_elements(u);
	int32_t *one = tnc_alloc(im->c, count, sizeof(*one));
	int placed = tnc_onnx_new(im, u->type, x->rank, x->shape);
	int marks = tnc_onnx_new(im, TNC_INT32, x->rank, x->shape), ones;

	if (x->type != u->type)
		tnc_error(im->c, -EINVAL, "updates of %s for %s",
			  tnc_type_info[u->type].name,
			  tnc_type_info[x->type].name);
	for (int64_t i = 0; i < count; i++)
		one[i] = 1;
	ones = tnc_onnx_int32s(im, u->rank, u->shape, one);
	tnc_onnx_tensor(im, placed)->quant = x->quant;
	tnc_onnx_op(im, TNC_SCATTER_ND, placed, 2, indices, updates);
	tnc_onnx_op(im, TNC_SCATTER_ND, marks, 2, indices, ones);
	marks = tnc_onnx_binary(im, TNC_GREATER, marks,
				tnc_onnx_int32s(im, 0, NULL,
						&(const int32_t){ 0 }));
	return choose(im, marks, placed, data);
}

static void need_replacement(struct tnc_onnx *im)
{
	const char *how = tnc_onnx_attr_string(im, "reduction", "none");

	if (strcmp(how, "none"))
		tnc_error(im->c, -EOPNOTSUPP, "unsupported reduction %.32s", how);
}

void tnc_onnx_scatter_nd(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);

	need_replacement(im);
	tnc_onnx_output(im, 0, scatter(im, x, tnc_onnx_input(im, 1),
				       tnc_onnx_input(im, 2)));
}

void tnc_onnx_scatter_elements(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), indices = tnc_onnx_input(im, 1);
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int places = flat_places(im, x, indices, axis_of(im, x, indices));
	int32_t shape[2] = { tnc_tensor_elements(
				     tnc_onnx_tensor(im, indices)), 1 };
	int out;

	need_replacement(im);
	if (tnc_tensor_elements(tnc_onnx_tensor(im, tnc_onnx_input(im, 2))) !=
	    shape[0])
		tnc_error(im->c, -EINVAL, "other updates than indices");
	places = tnc_onnx_reshape(im, places, 2, shape);
	out = scatter(im, flat(im, x), places,
		      flat(im, tnc_onnx_input(im, 2)));
	tnc_onnx_output(im, 0, tnc_onnx_reshape(im, out, in->rank, in->shape));
}

/* --- What is largest, and what stands for a number ------------------------- */

/* Along the last axis, and back. */
static int swap_last(struct tnc_onnx *im, int id, int axis)
{
	int rank = tnc_onnx_tensor(im, id)->rank, perm[TNC_RANK_MAX];

	if (axis == rank - 1)
		return id;
	for (int d = 0; d < rank; d++)
		perm[d] = d == axis ? rank - 1 : d == rank - 1 ? axis : d;
	return tnc_onnx_transpose(im, id, perm);
}

/* The number of them was an attribute before opset 10. */
void tnc_onnx_topk(struct tnc_onnx *im, int kind)
{
	static const enum tnc_op_kind kinds[] = { TNC_TOPK_VALUES,
						  TNC_TOPK_INDICES };
	int x = tnc_onnx_number(im, 0), out[2];
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int axis = tnc_onnx_axis(im, tnc_onnx_attr_int(im, "axis", -1),
				 in->rank);
	bool is_largest = tnc_onnx_attr_int(im, "largest", 1);
	int64_t k = im->opset < 10 ? tnc_onnx_attr_int(im, "k", 0) : 0;
	int32_t shape[TNC_RANK_MAX];

	tnc_onnx_attr_int(im, "sorted", 1);
	if (im->opset >= 10) {
		struct tnc_onnx_ints list = tnc_onnx_input_ints(im, 1);

		k = list.count == 1 ? list.at[0] : 0;
	}
	if (k < 1 || k > in->shape[axis])
		tnc_error(im->c, -EINVAL, "%lld of %d", (long long)k,
			  in->shape[axis]);
	x = swap_last(im, x, axis);
	in = tnc_onnx_tensor(im, x);
	for (int d = 0; d < in->rank; d++)
		shape[d] = d == in->rank - 1 ? k : in->shape[d];
	for (int i = 0; i < 2; i++) {
		out[i] = tnc_onnx_new(im, i ? TNC_INT64 : in->type, in->rank,
				      shape);
		tnc_onnx_op(im, kinds[i], out[i], 1, x)->mode =
			is_largest ? 0 : TNC_MODE_REVERSED;
		if (!i)
			tnc_onnx_tensor(im, out[i])->quant = in->quant;
		tnc_onnx_output(im, i, swap_last(im, out[i], axis));
	}
}

/* Inputs: indices, how many places there are, and the values for off and on. */
void tnc_onnx_one_hot(struct tnc_onnx *im, int kind)
{
	int indices = tnc_onnx_input(im, 0), values = tnc_onnx_input(im, 2);
	int depth = tnc_onnx_input(im, 1), out, on, off;
	const struct tnc_tensor *t = tnc_onnx_tensor(im, indices);
	const struct tnc_tensor *places = tnc_onnx_tensor(im, depth);
	int axis = tnc_onnx_axis(im, tnc_onnx_attr_int(im, "axis", -1),
				 t->rank + 1);
	int32_t shape[TNC_RANK_MAX + 1];
	int64_t size;

	if (!places->data || tnc_tensor_elements(places) != 1)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: the number of places must be constant");
	size = tnc_onnx_size(im, tnc_onnx_int_of(places, 0));
	if (tnc_tensor_elements(tnc_onnx_tensor(im, values)) != 2)
		tnc_error(im->c, -EINVAL, "needs two values, off and on");
	for (int d = 0; d <= t->rank; d++)
		shape[d] = d < axis ? t->shape[d] :
			   d > axis ? t->shape[d - 1] : size;
	indices = from_begin(im, indices, size);
	values = flat(im, values);
	off = tnc_onnx_reshape(im, tnc_onnx_slice(im, values, 0, 0, 1), 0, NULL);
	on = tnc_onnx_reshape(im, tnc_onnx_slice(im, values, 0, 1, 1), 0, NULL);
	out = tnc_onnx_new(im, tnc_onnx_tensor(im, values)->type, t->rank + 1,
			   shape);
	tnc_onnx_op(im, kind, out, 4, indices, depth, on, off)->axis = axis;
	tnc_onnx_output(im, 0, out);
}

/* The largest of each row is 1, the first one of equals; all others are 0. */
void tnc_onnx_hardmax(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), best, out;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int axis = tnc_onnx_axis(im, tnc_onnx_attr_int(im, "axis", -1),
				 in->rank);
	int32_t depth = in->shape[axis], shape[TNC_RANK_MAX];
	struct tnc_op *op;
	int rank = 0;

	for (int d = 0; d < in->rank; d++)
		if (d != axis)
			shape[rank++] = in->shape[d];
	best = tnc_onnx_new(im, TNC_INT64, rank, shape);
	tnc_onnx_op(im, TNC_ARG_MAX, best, 1, x)->axis = axis;
	out = tnc_onnx_like(im, x, in->type);
	op = tnc_onnx_op(im, kind, out, 4, best,
			 tnc_onnx_int32s(im, 0, NULL, &depth),
			 tnc_onnx_float(im, 1.0f), tnc_onnx_float(im, 0.0f));
	op->axis = axis;
	tnc_onnx_output(im, 0, out);
}

/* What lies above (or below) a diagonal, the rest zero. */
void tnc_onnx_trilu(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), mask, zero;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	bool is_upper = tnc_onnx_attr_int(im, "upper", 1);
	int64_t k = 0;
	int32_t shape[2], one = 0;

	if (tnc_onnx_has_input(im, 1)) {
		struct tnc_onnx_ints list = tnc_onnx_input_ints(im, 1);

		k = list.count == 1 ? list.at[0] : 0;
	}
	if (in->rank < 2)
		tnc_error(im->c, -EINVAL, "%d dimensions", in->rank);
	shape[0] = in->shape[in->rank - 2];
	shape[1] = in->shape[in->rank - 1];
	mask = tnc_onnx_new(im, TNC_BOOL, 2, shape);
	tnc_onnx_tensor(im, mask)->data =
		tnc_alloc(im->c, shape[0], shape[1]);
	for (int y = 0; y < shape[0]; y++)
		for (int z = 0; z < shape[1]; z++)
			tnc_onnx_tensor(im, mask)->data[y * shape[1] + z] =
				is_upper ? z >= y + k : z <= y + k;
	zero = tnc_onnx_cast(im, tnc_onnx_int32s(im, 0, NULL, &one), in->type);
	tnc_onnx_output(im, 0, choose(im, mask, x, zero));
}
