// SPDX-License-Identifier: MIT
/*
 * What the importers of ONNX operators build with: the node's inputs and
 * outputs as tensors of the graph, and new operators whose output's shape and
 * type follow from their inputs.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "onnx.h"
#include "pass.h"

static const char *input_name(const struct tnc_onnx *im, int index)
{
	const Onnx__NodeProto *node = im->node;

	return index < node->n_input ? node->input[index] : "";
}

bool tnc_onnx_has_input(const struct tnc_onnx *im, int index)
{
	return *input_name(im, index);
}

/* A constant without elements, which the graph does not have. */
bool tnc_onnx_is_empty(struct tnc_onnx *im, int index)
{
	const struct tnc_onnx_value *v =
		tnc_onnx_find(im, input_name(im, index));

	if (!v || !v->constant)
		return v && v->node >= 0 && v->tensor < 0;
	for (size_t i = 0; i < v->constant->n_dims; i++)
		if (!v->constant->dims[i])
			return true;
	return false;
}

int tnc_onnx_input(struct tnc_onnx *im, int index)
{
	if (!tnc_onnx_has_input(im, index))
		tnc_error(im->c, -EINVAL, "input %d is missing", index);
	return tnc_onnx_value_tensor(im, input_name(im, index));
}

struct tnc_onnx_ints tnc_onnx_input_ints(struct tnc_onnx *im, int index)
{
	return tnc_onnx_ints_of(im, tnc_onnx_input(im, index));
}

bool tnc_onnx_has_output(const struct tnc_onnx *im, int index)
{
	return index < im->node->n_output && *im->node->output[index];
}

/*
 * Names a tensor that has no name, and what the node only moves to make it: once
 * transpositions are gone, that is what is left.
 */
static void name_tensor(struct tnc_onnx *im, int id, const char *name)
{
	const struct tnc *c = im->c;

	if (!*c->tensor[id]->name)
		c->tensor[id]->name = name;
	for (int i = c->ops - 1; i >= 0 && c->op[i]->source == im->number; i--) {
		const struct tnc_op *op = c->op[i];

		if (op->output != id || (op->kind != TNC_TRANSPOSE &&
					 op->kind != TNC_RESHAPE))
			continue;
		id = op->input[0];
		if (!*c->tensor[id]->name)
			c->tensor[id]->name = name;
	}
}

/* Says that tensor @id is output @index of the node, if anyone wants it. */
void tnc_onnx_output(struct tnc_onnx *im, int index, int id)
{
	struct tnc_onnx_value *v;

	if (!tnc_onnx_has_output(im, index))
		return;
	v = tnc_onnx_find(im, im->node->output[index]);
	v->tensor = id;
	name_tensor(im, id, tnc_strndup(im->c, v->name, strlen(v->name)));
}

struct tnc_tensor *tnc_onnx_tensor(const struct tnc_onnx *im, int id)
{
	return im->c->tensor[id];
}

/* Negative axes count from the end. */
int tnc_onnx_axis(struct tnc_onnx *im, int64_t axis, int rank)
{
	if (axis < -rank || axis >= rank)
		tnc_error(im->c, -EINVAL, "axis %lld of %d dimensions",
			  (long long)axis, rank);
	return axis < 0 ? axis + rank : axis;
}

/* A size, stride or the like that has to be in range before it is used. */
int tnc_onnx_size(struct tnc_onnx *im, int64_t size)
{
	if (size < 0 || size > TNC_DIM_MAX)
		tnc_error(im->c, -EINVAL, "a size of %lld", (long long)size);
	return size;
}

/* @inputs tensors follow; TNC_INPUT_NONE is one that is left out. */
struct tnc_op *tnc_onnx_op(struct tnc_onnx *im, enum tnc_op_kind kind,
			   int output, int inputs, ...)
{
	struct tnc_op *op = tnc_op_append(im->c, kind);
	va_list ids;

	op->source = im->number;
	op->output = output;
	va_start(ids, inputs);
	for (int i = 0; i < inputs; i++)
		tnc_op_add_input(im->c, op, va_arg(ids, int));
	va_end(ids);
	return op;
}

int tnc_onnx_unary(struct tnc_onnx *im, enum tnc_op_kind kind, int id)
{
	int out = tnc_onnx_like(im, id, tnc_onnx_tensor(im, id)->type);

	tnc_onnx_op(im, kind, out, 1, id);
	return out;
}

static bool yields_bool(enum tnc_op_kind kind)
{
	return kind >= TNC_EQUAL && kind <= TNC_LOGICAL_OR;
}

int tnc_onnx_binary(struct tnc_onnx *im, enum tnc_op_kind kind, int a, int b)
{
	const struct tnc_tensor *x = tnc_onnx_tensor(im, a);
	const struct tnc_tensor *y = tnc_onnx_tensor(im, b);
	int rank = x->rank > y->rank ? x->rank : y->rank;
	int32_t shape[TNC_RANK_MAX];
	int out;

	if (x->type != y->type)
		tnc_error(im->c, -EINVAL, "%s and %s do not go together",
			  tnc_type_info[x->type].name,
			  tnc_type_info[y->type].name);
	for (int d = 0; d < rank; d++) {
		int p = tnc_tensor_dim(x, rank, d);
		int q = tnc_tensor_dim(y, rank, d);

		if (p != q && p != 1 && q != 1)
			tnc_error(im->c, -EINVAL,
				  "dimension %d is %d of one input, %d of the other",
				  d, p, q);
		shape[d] = p == 1 ? q : p;
	}
	out = tnc_onnx_new(im, yields_bool(kind) ? TNC_BOOL : x->type, rank,
			   shape);
	tnc_onnx_op(im, kind, out, 2, a, b);
	return out;
}

int tnc_onnx_cast(struct tnc_onnx *im, int id, enum tnc_type type)
{
	int out;

	if (tnc_onnx_tensor(im, id)->type == type)
		return id;
	out = tnc_onnx_like(im, id, type);
	tnc_onnx_op(im, TNC_CAST, out, 1, id);
	return out;
}

/* A tensor of the same elements, type and quantisation. */
static int moved(struct tnc_onnx *im, int id, int rank, const int32_t *shape)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int out = tnc_onnx_new(im, t->type, rank, shape);

	tnc_onnx_tensor(im, out)->quant = t->quant;
	return out;
}

int tnc_onnx_reshape(struct tnc_onnx *im, int id, int rank,
		     const int32_t *shape)
{
	int out = moved(im, id, rank, shape);

	if (tnc_tensor_elements(tnc_onnx_tensor(im, id)) !=
	    tnc_tensor_elements(tnc_onnx_tensor(im, out)))
		tnc_error(im->c, -EINVAL, "%lld elements reshaped to %lld",
			  (long long)tnc_tensor_elements(
				  tnc_onnx_tensor(im, id)),
			  (long long)tnc_tensor_elements(
				  tnc_onnx_tensor(im, out)));
	tnc_fold_op(im->c, tnc_onnx_op(im, TNC_RESHAPE, out, 1, id));
	return out;
}

int tnc_onnx_transpose(struct tnc_onnx *im, int id, const int *perm)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int32_t shape[TNC_RANK_MAX];
	struct tnc_op *op;
	int out;

	for (int d = 0; d < t->rank; d++)
		shape[d] = t->shape[perm[d]];
	out = moved(im, id, t->rank, shape);
	op = tnc_onnx_op(im, TNC_TRANSPOSE, out, 1, id);
	for (int d = 0; d < t->rank; d++)
		tnc_list_append(im->c, &op->list[0], perm[d]);
	tnc_fold_op(im->c, op);
	return out;
}

/* Pictures as the graph has them: channels last. */
int tnc_onnx_nhwc(struct tnc_onnx *im, int id)
{
	return tnc_onnx_transpose(im, id, (const int[]){ 0, 2, 3, 1 });
}

int tnc_onnx_nchw(struct tnc_onnx *im, int id)
{
	return tnc_onnx_transpose(im, id, (const int[]){ 0, 3, 1, 2 });
}

/* @size places of dimension @axis, from @begin on. */
int tnc_onnx_slice(struct tnc_onnx *im, int id, int axis, int begin, int size)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int32_t shape[TNC_RANK_MAX];
	struct tnc_op *op;
	int out;

	for (int d = 0; d < t->rank; d++)
		shape[d] = d == axis ? size : t->shape[d];
	out = moved(im, id, t->rank, shape);
	op = tnc_onnx_op(im, TNC_SLICE, out, 1, id);
	for (int d = 0; d < t->rank; d++) {
		tnc_list_append(im->c, &op->list[0], d == axis ? begin : 0);
		tnc_list_append(im->c, &op->list[1], 1);
	}
	tnc_fold_op(im->c, op);
	return out;
}

/* @axes says of each dimension whether it goes; to a size of 1 if @keep. */
int tnc_onnx_reduce(struct tnc_onnx *im, enum tnc_op_kind kind, int id,
		    const bool *axes, bool keep)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int32_t shape[TNC_RANK_MAX];
	struct tnc_op *op;
	int rank = 0, out;

	for (int d = 0; d < t->rank; d++)
		if (!axes[d] || keep)
			shape[rank++] = axes[d] ? 1 : t->shape[d];
	out = tnc_onnx_new(im, t->type, rank, shape);
	op = tnc_onnx_op(im, kind, out, 1, id);
	for (int d = 0; d < t->rank; d++)
		if (axes[d])
			tnc_list_append(im->c, &op->list[0], d);
	return out;
}
