// SPDX-License-Identifier: MIT
/*
 * ONNX operators that move elements. What opset 13
 * (or 10, or 11) turned from an attribute into an input is read from either.
 */
#include <errno.h>
#include <string.h>

#include "onnx_ops.h"

/* A list that is an attribute in old models and input @index in new ones. */
static struct tnc_onnx_ints list_of(struct tnc_onnx *im, const char *name,
				    int index)
{
	if (tnc_onnx_has_input(im, index))
		return tnc_onnx_input_ints(im, index);
	return tnc_onnx_attr_ints(im, name);
}

/* What does nothing: the tensor goes by one more name. */
void tnc_onnx_same(struct tnc_onnx *im, int kind)
{
	tnc_onnx_attr_float(im, "ratio", 0);
	tnc_onnx_attr_int(im, "seed", 0);
	if (tnc_onnx_has_output(im, 1))
		tnc_error(im->c, -EOPNOTSUPP, "unsupported second output");
	tnc_onnx_output(im, 0, tnc_onnx_input(im, 0));
}

void tnc_onnx_reshape_node(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), unknown = -1;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	struct tnc_onnx_ints list = tnc_onnx_input_ints(im, 1);
	bool zero_is_zero = tnc_onnx_attr_int(im, "allowzero", 0);
	int64_t known = 1, all = tnc_tensor_elements(in);
	int32_t shape[TNC_RANK_MAX];

	if (list.count > TNC_RANK_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: %d dimensions",
			  list.count);
	for (int d = 0; d < list.count; d++) {
		int64_t size = list.at[d];

		if (size == 0 && !zero_is_zero && d < in->rank)
			size = in->shape[d];
		if (size == -1 && unknown < 0) {
			unknown = d;
			continue;
		}
		shape[d] = tnc_onnx_size(im, size);
		known *= shape[d];
		if (known > all)
			break;
	}
	if (!known || all % known || (unknown < 0 && known != all))
		tnc_error(im->c, -EINVAL, "%lld elements do not fit the shape",
			  (long long)all);
	if (unknown >= 0)
		shape[unknown] = all / known;
	tnc_onnx_output(im, 0, tnc_onnx_reshape(im, x, list.count, shape));
}

void tnc_onnx_flatten(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int64_t axis = tnc_onnx_attr_int(im, "axis", 1);
	int32_t shape[2] = { 1, 1 };

	if (axis < -in->rank || axis > in->rank)
		tnc_error(im->c, -EINVAL, "axis %lld of %d dimensions",
			  (long long)axis, in->rank);
	axis += axis < 0 ? in->rank : 0;
	for (int d = 0; d < in->rank; d++)
		shape[d >= axis] *= in->shape[d];
	tnc_onnx_output(im, 0, tnc_onnx_reshape(im, x, 2, shape));
}

void tnc_onnx_squeeze(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), rank = 0;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	struct tnc_onnx_ints axes = list_of(im, "axes", 1);
	bool goes[TNC_RANK_MAX] = { false };
	int32_t shape[TNC_RANK_MAX];

	for (int d = 0; d < in->rank; d++)
		goes[d] = !axes.count && in->shape[d] == 1;
	for (int i = 0; i < axes.count; i++)
		goes[tnc_onnx_axis(im, axes.at[i], in->rank)] = true;
	for (int d = 0; d < in->rank; d++) {
		if (!goes[d])
			shape[rank++] = in->shape[d];
		else if (in->shape[d] != 1)
			tnc_error(im->c, -EINVAL, "dimension %d is %d, not 1",
				  d, in->shape[d]);
	}
	tnc_onnx_output(im, 0, tnc_onnx_reshape(im, x, rank, shape));
}

void tnc_onnx_unsqueeze(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), from = 0;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	struct tnc_onnx_ints axes = list_of(im, "axes", 1);
	int64_t rank = in->rank + (int64_t)axes.count;
	bool is_new[TNC_RANK_MAX] = { false };
	int32_t shape[TNC_RANK_MAX];

	if (rank > TNC_RANK_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: %lld dimensions",
			  (long long)rank);
	for (int i = 0; i < axes.count; i++) {
		int axis = tnc_onnx_axis(im, axes.at[i], rank);

		if (is_new[axis])
			tnc_error(im->c, -EINVAL, "axis %d twice", axis);
		is_new[axis] = true;
	}
	for (int d = 0; d < rank; d++)
		shape[d] = is_new[d] ? 1 : in->shape[from++];
	tnc_onnx_output(im, 0, tnc_onnx_reshape(im, x, rank, shape));
}

void tnc_onnx_transpose_node(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	int rank = tnc_onnx_tensor(im, x)->rank;
	struct tnc_onnx_ints list = tnc_onnx_attr_ints(im, "perm");
	unsigned int seen = 0;
	int perm[TNC_RANK_MAX];

	if (list.count && list.count != rank)
		tnc_error(im->c, -EINVAL, "\"perm\" has %d entries, needs %d",
			  list.count, rank);
	for (int d = 0; d < rank; d++) {
		perm[d] = list.count ? tnc_onnx_axis(im, list.at[d], rank) :
				       rank - 1 - d;
		seen |= 1u << perm[d];
	}
	if (seen != (1u << rank) - 1)
		tnc_error(im->c, -EINVAL, "\"perm\" names a dimension twice");
	tnc_onnx_output(im, 0, tnc_onnx_transpose(im, x, perm));
}

/* Joins tensors along @axis; all have to be alike otherwise. */
int tnc_onnx_join(struct tnc_onnx *im, const int *id, int count, int64_t axis)
{
	const struct tnc_tensor *first = tnc_onnx_tensor(im, id[0]);
	int at = tnc_onnx_axis(im, axis, first->rank), out;
	int32_t shape[TNC_RANK_MAX];
	int64_t sum = 0;
	struct tnc_op *op;

	for (int i = 0; i < count; i++) {
		const struct tnc_tensor *t = tnc_onnx_tensor(im, id[i]);

		if (t->rank != first->rank || t->type != first->type)
			tnc_error(im->c, -EINVAL,
				  "input %d is not like the first", i);
		sum += t->shape[at];
	}
	for (int d = 0; d < first->rank; d++)
		shape[d] = d == at ? tnc_onnx_size(im, sum) : first->shape[d];
	out = tnc_onnx_new(im, first->type, first->rank, shape);
	tnc_onnx_tensor(im, out)->quant = first->quant;
	op = tnc_onnx_op(im, TNC_CONCATENATION, out, 0);
	for (int i = 0; i < count; i++)
		tnc_op_add_input(im->c, op, id[i]);
	op->axis = at;
	return out;
}

void tnc_onnx_concat(struct tnc_onnx *im, int kind)
{
	size_t count = im->node->n_input;
	int *id;

	if (!count || count > TNC_INPUTS_MAX)
		tnc_error(im->c, -EINVAL, "%zu inputs", count);
	id = tnc_alloc(im->c, count, sizeof(*id));
	for (size_t i = 0; i < count; i++)
		id[i] = tnc_onnx_input(im, i);
	tnc_onnx_output(im, 0, tnc_onnx_join(im, id, count,
					     tnc_onnx_attr_int(im, "axis", 1)));
}

/* Without sizes all parts are alike, but for a last one that may be smaller. */
void tnc_onnx_split(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int axis = tnc_onnx_axis(im, tnc_onnx_attr_int(im, "axis", 0),
				 in->rank);
	struct tnc_onnx_ints sizes = list_of(im, "split", 1);
	int parts = im->node->n_output, begin = 0;
	int even;

	if (parts < 1 || parts > in->shape[axis] ||
	    (sizes.count && sizes.count != parts))
		tnc_error(im->c, -EINVAL, "%d outputs of %d places", parts,
			  in->shape[axis]);
	tnc_onnx_need_int(im, "num_outputs", parts);
	even = (in->shape[axis] + parts - 1) / parts;
	for (int i = 0; i < parts; i++) {
		int rest = in->shape[axis] - begin;
		int64_t size = sizes.count ? sizes.at[i] :
			       even < rest ? even : rest;

		if (size < 1 || size > rest)
			tnc_error(im->c, -EINVAL, "part %d is %lld of %d", i,
				  (long long)size, rest);
		tnc_onnx_output(im, i, tnc_onnx_slice(im, x, axis, begin,
						      size));
		begin += size;
	}
}

static int64_t clip(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* Where a dimension's slice begins and how many places it has. */
static void slice_dim(struct tnc_onnx *im, int size, int64_t start,
		      int64_t end, int64_t step, int *begin, int32_t *count)
{
	int64_t places;

	if (step == 0 || step < -TNC_DIM_MAX || step > TNC_DIM_MAX)
		tnc_error(im->c, -EINVAL, "a step of %lld", (long long)step);
	start = clip(start, -(int64_t)size - 1, size);
	end = clip(end, -(int64_t)size - 1, size);
	start += start < 0 ? size : 0;
	end += end < 0 ? size : 0;
	start = step > 0 ? clip(start, 0, size) : clip(start, 0, size - 1);
	end = step > 0 ? clip(end, 0, size) : clip(end, -1, size - 1);
	places = step > 0 ? (end - start + step - 1) / step :
			    (start - end - step - 1) / -step;
	if (places < 1)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported empty slice");
	*begin = start;
	*count = places;
}

void tnc_onnx_slice_node(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), out;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	struct tnc_onnx_ints starts = list_of(im, "starts", 1);
	struct tnc_onnx_ints ends = list_of(im, "ends", 2);
	struct tnc_onnx_ints axes = list_of(im, "axes", 3);
	struct tnc_onnx_ints steps = list_of(im, "steps", 4);
	int begin[TNC_RANK_MAX] = { 0 }, step[TNC_RANK_MAX];
	int32_t shape[TNC_RANK_MAX];
	struct tnc_op *op;

	if (starts.count != ends.count ||
	    (axes.count && axes.count != starts.count) ||
	    (steps.count && steps.count != starts.count))
		tnc_error(im->c, -EINVAL, "%d starts, %d ends, %d axes",
			  starts.count, ends.count, axes.count);
	for (int d = 0; d < in->rank; d++) {
		shape[d] = in->shape[d];
		step[d] = 1;
	}
	for (int i = 0; i < starts.count; i++) {
		int d = tnc_onnx_axis(im, axes.count ? axes.at[i] : i,
				      in->rank);

		step[d] = steps.count ? clip(steps.at[i], INT32_MIN,
					     INT32_MAX) : 1;
		slice_dim(im, in->shape[d], starts.at[i], ends.at[i], step[d],
			  &begin[d], &shape[d]);
	}
	out = tnc_onnx_new(im, in->type, in->rank, shape);
	tnc_onnx_tensor(im, out)->quant = in->quant;
	op = tnc_onnx_op(im, kind, out, 1, x);
	for (int d = 0; d < in->rank; d++) {
		tnc_list_append(im->c, &op->list[0], begin[d]);
		tnc_list_append(im->c, &op->list[1], step[d]);
	}
	tnc_onnx_output(im, 0, out);
}

/* Cells to add before and after each dimension; negative ones go away. */
static void read_pads(struct tnc_onnx *im, int rank, int64_t *before,
		      int64_t *after)
{
	struct tnc_onnx_ints pads = list_of(im, "pads", 1);
	struct tnc_onnx_ints axes = { 0 };
	int count = rank;

	if (tnc_onnx_has_input(im, 3)) {
		axes = tnc_onnx_input_ints(im, 3);
		count = axes.count;
	}
	if (pads.count != 2 * count)
		tnc_error(im->c, -EINVAL, "\"pads\" has %d entries, needs %d",
			  pads.count, 2 * count);
	for (int d = 0; d < rank; d++)
		before[d] = after[d] = 0;
	for (int i = 0; i < count; i++) {
		int d = axes.count ? tnc_onnx_axis(im, axes.at[i], rank) : i;

		before[d] = clip(pads.at[i], -TNC_DIM_MAX, TNC_DIM_MAX);
		after[d] = clip(pads.at[count + i], -TNC_DIM_MAX,
				TNC_DIM_MAX);
	}
}

/* What is padded: a constant of the tensor's type, 0 unless the node says so. */
static int padding(struct tnc_onnx *im, const struct tnc_tensor *in)
{
	static const int32_t zero[2];
	int id;

	if (tnc_onnx_has_input(im, 2))
		return tnc_onnx_input(im, 2);
	if (in->type == TNC_FLOAT32)
		return tnc_onnx_float(im, tnc_onnx_attr_float(im, "value", 0));
	id = tnc_onnx_new(im, in->type, 0, NULL);
	tnc_onnx_tensor(im, id)->data = tnc_alloc(
		im->c, 1, sizeof(zero));
	tnc_onnx_tensor(im, id)->quant = in->quant;
	return id;
}

static void pad_lists(struct tnc_onnx *im, struct tnc_op *op, int rank,
		      const int64_t *before, const int64_t *after)
{
	for (int d = 0; d < rank; d++) {
		tnc_list_append(im->c, &op->list[0],
				before[d] > 0 ? before[d] : 0);
		tnc_list_append(im->c, &op->list[1],
				after[d] > 0 ? after[d] : 0);
	}
}

void tnc_onnx_pad(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), out;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	const char *mode = tnc_onnx_attr_string(im, "mode", "constant");
	int64_t before[TNC_RANK_MAX], after[TNC_RANK_MAX];
	int32_t shape[TNC_RANK_MAX];
	struct tnc_op *op;

	read_pads(im, in->rank, before, after);
	for (int d = 0; d < in->rank; d++) {
		int64_t begin = before[d] < 0 ? -before[d] : 0;
		int64_t gone = begin + (after[d] < 0 ? -after[d] : 0);

		if (gone >= in->shape[d])
			tnc_error(im->c, -EINVAL, "dimension %d: no cell is left",
				  d);
		if (gone)
			x = tnc_onnx_slice(im, x, d, begin,
					   in->shape[d] - gone);
		shape[d] = tnc_onnx_size(im, in->shape[d] + before[d] +
						     after[d]);
	}
	out = tnc_onnx_new(im, in->type, in->rank, shape);
	tnc_onnx_tensor(im, out)->quant = in->quant;
	if (!strcmp(mode, "constant"))
		op = tnc_onnx_op(im, TNC_PAD, out, 2, x, padding(im, in));
	else if (!strcmp(mode, "reflect"))
		op = tnc_onnx_op(im, TNC_MIRROR_PAD, out, 1, x);
	else
		tnc_error(im->c, -EOPNOTSUPP, "unsupported mode %.32s", mode);
	pad_lists(im, op, in->rank, before, after);
	tnc_onnx_output(im, 0, out);
}

void tnc_onnx_expand(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), out;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	struct tnc_onnx_ints list = tnc_onnx_input_ints(im, 1);
	int rank = list.count > in->rank ? list.count : in->rank;
	int32_t shape[TNC_RANK_MAX];

	if (rank > TNC_RANK_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: %d dimensions",
			  rank);
	for (int d = 0; d < rank; d++) {
		int own = tnc_tensor_dim(in, rank, d);
		int at = d - (rank - list.count);
		int size = at < 0 ? 1 : tnc_onnx_size(im, list.at[at]);

		if (own != size && own != 1 && size != 1)
			tnc_error(im->c, -EINVAL, "dimension %d: %d from %d",
				  d, size, own);
		shape[d] = own == 1 ? size : own;
	}
	out = tnc_onnx_new(im, in->type, rank, shape);
	tnc_onnx_tensor(im, out)->quant = in->quant;
	tnc_onnx_op(im, kind, out, 1, x);
	tnc_onnx_output(im, 0, out);
}

void tnc_onnx_tile(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), out;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	struct tnc_onnx_ints times = tnc_onnx_input_ints(im, 1);
	int32_t shape[TNC_RANK_MAX];

	if (times.count != in->rank)
		tnc_error(im->c, -EINVAL, "%d repeats of %d dimensions",
			  times.count, in->rank);
	for (int d = 0; d < in->rank; d++) {
		int64_t size = (int64_t)tnc_onnx_size(im, times.at[d]) *
			       in->shape[d];

		shape[d] = tnc_onnx_size(im, size);
	}
	out = tnc_onnx_new(im, in->type, in->rank, shape);
	tnc_onnx_tensor(im, out)->quant = in->quant;
	tnc_onnx_op(im, kind, out, 1, x);
	tnc_onnx_output(im, 0, out);
}

/* Constant indices become int32; those that count from the end are resolved. */
static int indices(struct tnc_onnx *im, int id, int size)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	struct tnc_onnx_ints list;
	int32_t *index;

	if (!t->data)
		return tnc_onnx_cast(im, id, TNC_INT32);
	list = tnc_onnx_ints_of(im, id);
	index = tnc_alloc(im->c, list.count, sizeof(*index));
	for (int i = 0; i < list.count; i++)
		index[i] = tnc_onnx_axis(im, list.at[i], size);
	return tnc_onnx_int32s(im, t->rank, t->shape, index);
}

/* The places along @axis that @index names. */
int tnc_onnx_pick(struct tnc_onnx *im, int x, int axis, int index)
{
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	const struct tnc_tensor *which = tnc_onnx_tensor(im, index);
	int32_t shape[2 * TNC_RANK_MAX];
	int rank = 0, out;

	for (int d = 0; d < axis; d++)
		shape[rank++] = in->shape[d];
	for (int d = 0; d < which->rank; d++)
		shape[rank++] = which->shape[d];
	for (int d = axis + 1; d < in->rank; d++)
		shape[rank++] = in->shape[d];
	out = tnc_onnx_new(im, in->type, rank, shape);
	tnc_onnx_tensor(im, out)->quant = in->quant;
	tnc_onnx_op(im, TNC_GATHER, out, 2, x, index)->axis = axis;
	return out;
}

void tnc_onnx_gather(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0), index = tnc_onnx_input(im, 1);
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	int axis = tnc_onnx_axis(im, tnc_onnx_attr_int(im, "axis", 0),
				 in->rank);

	index = indices(im, index, in->shape[axis]);
	tnc_onnx_output(im, 0, tnc_onnx_pick(im, x, axis, index));
}

/* DepthToSpace and SpaceToDepth. */
void tnc_onnx_depth(struct tnc_onnx *im, int kind)
{
	int64_t block = tnc_onnx_attr_int(im, "blocksize", 0);
	const char *mode = tnc_onnx_attr_string(im, "mode", "DCR");
	bool to_space = kind == TNC_DEPTH_TO_SPACE;
	const struct tnc_tensor *in;
	struct tnc_op *op;
	int32_t s[4];
	int x = tnc_onnx_input(im, 0), out;

	if (tnc_onnx_tensor(im, x)->rank != 4)
		tnc_error(im->c, -EINVAL, "%d dimensions, needs 4",
			  tnc_onnx_tensor(im, x)->rank);
	x = tnc_onnx_nhwc(im, x);
	in = tnc_onnx_tensor(im, x);
	if (block < 1 || block > TNC_WINDOW_MAX ||
	    in->shape[3] % (to_space ? block * block : 1) ||
	    in->shape[1] % (to_space ? 1 : block) ||
	    in->shape[2] % (to_space ? 1 : block))
		tnc_error(im->c, -EINVAL, "blocks of %lld do not fit",
			  (long long)block);
	s[0] = in->shape[0];
	for (int d = 1; d < 3; d++)
		s[d] = to_space ? tnc_onnx_size(im, in->shape[d] * block) :
				  in->shape[d] / block;
	s[3] = to_space ? in->shape[3] / (block * block) :
			  tnc_onnx_size(im, in->shape[3] * block * block);
	out = tnc_onnx_new(im, in->type, 4, s);
	tnc_onnx_tensor(im, out)->quant = in->quant;
	op = tnc_onnx_op(im, kind, out, 1, x);
	tnc_list_append(im->c, &op->list[0], block);
	if (!strcmp(mode, "CRD"))
		op->mode |= TNC_MODE_ONNX;
	tnc_onnx_output(im, 0, tnc_onnx_nchw(im, out));
}
