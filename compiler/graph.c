// SPDX-License-Identifier: MIT
/*
 * Tensors, operators and the small questions about them that several passes
 * ask. Sizes asked here are those the verifier has bounded.
 */
#include <errno.h>
#include <string.h>

#include "ir.h"

const struct tnc_op_info tnc_op_info[TNC_OP_KINDS] = {
#define X(op, name, least, most, attrs, list0, list1) \
	[TNC_##op] = { name, #op, least, most, attrs, { list0, list1 } },
	TNC_OPS(X)
#undef X
};

const struct tnc_type_info tnc_type_info[TNC_TYPES] = {
	[TNC_INT8] = { "int8", 1, INT8_MIN, INT8_MAX },
	[TNC_INT32] = { "int32", 4, INT32_MIN, INT32_MAX },
	[TNC_UINT8] = { "uint8", 1, 0, UINT8_MAX },
	[TNC_INT16] = { "int16", 2, INT16_MIN, INT16_MAX },
	[TNC_INT64] = { "int64", 8, 0, 0 },
	[TNC_BOOL] = { "bool", 1, 0, 0 },
	[TNC_FLOAT32] = { "float32", 4, 0, 0 },
};

const char *const tnc_mode_name[TNC_MODE_BITS] = {
#define X(mode, name) [TNC_MODE_BIT_##mode] = name,
	TNC_MODES(X)
#undef X
};

/* Returns NULL when there is no tensor @id. */
struct tnc_tensor *tnc_tensor_get(struct tnc *c, int id)
{
	return id >= 0 && id < c->tensors ? c->tensor[id] : NULL;
}

/* Numbers below @count stay free for tensors that are added by number. */
void tnc_tensors_reserve(struct tnc *c, size_t count)
{
	if (count > TNC_TENSORS_MAX)
		tnc_error(c, -EOPNOTSUPP, "unsupported: %zu tensors, at most %d",
			  count, TNC_TENSORS_MAX);
	c->tensor = tnc_alloc(c, TNC_TENSORS_MAX, sizeof(*c->tensor));
	c->tensors = count;
}

struct tnc_tensor *tnc_tensor_add(struct tnc *c, int id)
{
	struct tnc_tensor *t;

	if (id < 0 || id >= TNC_TENSORS_MAX)
		tnc_error(c, -EINVAL, "tensor number %d is not in 0..%d", id,
			  TNC_TENSORS_MAX - 1);
	if (!c->tensor)
		c->tensor = tnc_alloc(c, TNC_TENSORS_MAX, sizeof(*c->tensor));
	if (c->tensor[id])
		tnc_error(c, -EINVAL, "tensor %d is defined twice", id);
	t = tnc_alloc(c, 1, sizeof(*t));
	t->id = id;
	t->alias = -1;
	t->name = "";
	c->tensor[id] = t;
	if (id >= c->tensors)
		c->tensors = id + 1;
	return t;
}

/* A new tensor with the next free number; a copy of @like but for data. */
struct tnc_tensor *tnc_tensor_new(struct tnc *c, const struct tnc_tensor *like)
{
	int id = c->tensors;
	struct tnc_tensor *t = tnc_tensor_add(c, id);

	*t = *like;
	t->id = id;
	t->data = NULL;
	t->value = NULL;
	t->alias = -1;
	t->is_view = false;
	return t;
}

/* The tensor that owns the bytes. */
const struct tnc_tensor *tnc_tensor_root(const struct tnc *c, int id)
{
	while (c->tensor[id]->alias >= 0)
		id = c->tensor[id]->alias;
	return c->tensor[id];
}

int64_t tnc_tensor_elements(const struct tnc_tensor *t)
{
	int64_t elements = 1;

	for (int i = 0; i < t->rank; i++)
		elements *= t->shape[i];
	return elements;
}

size_t tnc_tensor_bytes(const struct tnc_tensor *t)
{
	return tnc_tensor_elements(t) * tnc_type_info[t->type].size;
}

/* Element @index of a constant of int32 or int64. */
int64_t tnc_tensor_integer(const struct tnc_tensor *t, int64_t index)
{
	int16_t small;
	int32_t narrow;
	int64_t wide;

	switch (t->type) {
	case TNC_INT8:
		return (int8_t)t->data[index];
	case TNC_INT16:
		memcpy(&small, t->data + index * 2, 2);
		return small;
	case TNC_INT64:
		memcpy(&wide, t->data + index * 8, 8);
		return wide;
	default:
		memcpy(&narrow, t->data + index * 4, 4);
		return narrow;
	}
}

/*
 * Dimension @dim of a tensor among others of @rank dimensions, which is at least
 * its own: those it does not have come first and are 1.
 */
int tnc_tensor_dim(const struct tnc_tensor *t, int rank, int dim)
{
	int own = dim - (rank - t->rank);

	return own < 0 ? 1 : t->shape[own];
}

/* After this, sizes computed from the shape cannot overflow. */
void tnc_tensor_check_shape(struct tnc *c, const struct tnc_tensor *t)
{
	int64_t elements = 1;

	for (int i = 0; i < t->rank; i++) {
		if (t->shape[i] < 1 || t->shape[i] > TNC_DIM_MAX)
			tnc_error(c, -EINVAL, "dimension %d is %d", i,
				  t->shape[i]);
		elements *= t->shape[i];
		if (elements > TNC_ELEMENTS_MAX)
			tnc_error(c, -EINVAL, "more than %d elements",
				  TNC_ELEMENTS_MAX);
	}
}

/* An operator that is made already comes last. */
void tnc_op_push(struct tnc *c, struct tnc_op *op)
{
	if (c->ops == TNC_OPS_MAX)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: more than %d operators", TNC_OPS_MAX);
	c->op = tnc_grow(c, c->op, c->ops, &c->ops_room, sizeof(*c->op));
	c->op[c->ops++] = op;
}

struct tnc_op *tnc_op_append(struct tnc *c, enum tnc_op_kind kind)
{
	struct tnc_op *op = tnc_alloc(c, 1, sizeof(*op));

	op->kind = kind;
	op->origin = kind;
	op->source = c->ops;
	op->output = -1;
	op->stride = (struct tnc_hw){ 1, 1 };
	op->dilation = (struct tnc_hw){ 1, 1 };
	op->window = (struct tnc_hw){ 1, 1 };
	op->beta = 1.0f;
	tnc_op_push(c, op);
	return op;
}

void tnc_list_append(struct tnc *c, struct tnc_list *list, int id)
{
	list->id = tnc_grow(c, list->id, list->count, &list->room, sizeof(int));
	list->id[list->count++] = id;
}

void tnc_op_add_input(struct tnc *c, struct tnc_op *op, int id)
{
	if (op->inputs == TNC_INPUTS_MAX)
		tnc_error(c, -EOPNOTSUPP, "unsupported: more than %d inputs",
			  TNC_INPUTS_MAX);
	op->input = tnc_grow(c, op->input, op->inputs, &op->inputs_room,
			     sizeof(*op->input));
	op->input[op->inputs++] = id;
}

const char *tnc_op_title(const struct tnc_op *op)
{
	return tnc_op_info[op->origin].title;
}

bool tnc_op_is_move(const struct tnc_op *op)
{
	return tnc_op_info[op->kind].attrs & TNC_IS_MOVE;
}

bool tnc_op_is_binary(const struct tnc_op *op)
{
	return tnc_op_info[op->kind].attrs & TNC_IS_BINARY;
}

/*
 * Has an operator with weights 64-bit biases and sums? int16 inputs have, but
 * where the bias says otherwise.
 */
bool tnc_op_is_wide(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *bias = tnc_op_input(c, op, 2);

	if (op->mode & TNC_MODE_ONNX)
		return false;
	return tnc_op_input(c, op, 0)->type == TNC_INT16 &&
	       (!bias || bias->type == TNC_INT64);
}

bool tnc_op_has_weight_zeros(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_quant *q = &tnc_op_input(c, op, 1)->quant;

	for (int i = 0; i < q->count; i++)
		if (q->zero_point[i])
			return true;
	return false;
}

/* NULL for one that was left out. */
struct tnc_tensor *tnc_op_input(const struct tnc *c, const struct tnc_op *op,
				int index)
{
	if (index >= op->inputs || op->input[index] == TNC_INPUT_NONE)
		return NULL;
	return c->tensor[op->input[index]];
}

struct tnc_tensor *tnc_op_output(const struct tnc *c, const struct tnc_op *op)
{
	return c->tensor[op->output];
}

/* What it multiplies with weights for: its output, before anything is added. */
struct tnc_tensor *tnc_op_product(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_op *sum = op->sum;

	if (!sum)
		return tnc_op_output(c, op);
	return c->tensor[sum->input[sum->input[0] ==
				    op->input[TNC_INPUT_SECOND]]];
}

/* Rows and columns the operator looks at, without dilation. */
struct tnc_hw tnc_op_window(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *weights = tnc_op_input(c, op, 1);

	if (op->kind == TNC_CONV_2D || op->kind == TNC_DEPTHWISE_CONV_2D ||
	    op->kind == TNC_CONV_INTEGER || op->kind == TNC_TRANSPOSE_CONV)
		return (struct tnc_hw){ weights->shape[1], weights->shape[2] };
	return op->window;
}

/* Padding needed so that @out positions exist; the odd cell goes last. */
static void pad_same(int in, int window, int stride, int *first, int *last)
{
	int out = (in + stride - 1) / stride;
	int64_t total = (int64_t)(out - 1) * stride + window - in;

	if (total < 0)
		total = 0;
	*first = total / 2;
	*last = total - *first;
}

/* Rows and columns of padding around the input, whatever the form. */
struct tnc_pads tnc_op_pads(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	struct tnc_hw window = tnc_op_window(c, op);
	struct tnc_pads pads = { 0 };

	/* A transposed convolution's window moves over its output. */
	if (op->kind == TNC_TRANSPOSE_CONV)
		in = tnc_op_output(c, op);

	if (op->pad == TNC_PAD_EXPLICIT)
		return op->pads;
	if (op->pad == TNC_PAD_VALID)
		return pads;
	pad_same(in->shape[1], (window.h - 1) * op->dilation.h + 1,
		 op->stride.h, &pads.top, &pads.bottom);
	pad_same(in->shape[2], (window.w - 1) * op->dilation.w + 1,
		 op->stride.w, &pads.left, &pads.right);
	return pads;
}

struct tnc_variable *tnc_variable_append(struct tnc *c, int read, int kept,
					 int init)
{
	struct tnc_variable *v;

	if (c->variables == TNC_VARIABLES_MAX)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: more than %d variables",
			  TNC_VARIABLES_MAX);
	c->variable = tnc_grow(c, c->variable, c->variables,
			       &c->variables_room, sizeof(*c->variable));
	v = &c->variable[c->variables++];
	*v = (struct tnc_variable){ .read = read, .kept = kept, .init = init };
	return v;
}

static void mark(const struct tnc *c, bool *needed, int id)
{
	needed[id] = true;
	while (c->tensor[id]->alias >= 0) {
		id = c->tensor[id]->alias;
		needed[id] = true;
	}
}

/* Operators come after what they read, so one walk backwards is enough. */
static void mark_operators(const struct tnc *c, bool *needed)
{
	for (int i = c->ops - 1; i >= 0; i--) {
		const struct tnc_op *op = c->op[i];

		/* Who writes a part of what is needed is needed, too. */
		if (!needed[tnc_tensor_root(c, op->output)->id])
			continue;
		mark(c, needed, op->output);
		for (int k = 0; k < op->inputs; k++)
			if (op->input[k] != TNC_INPUT_NONE)
				mark(c, needed, op->input[k]);
	}
}

/* Marks what goes into variables that are read; false if that was no news. */
static bool mark_variables(const struct tnc *c, bool *needed)
{
	bool is_news = false;

	for (int i = 0; i < c->variables; i++) {
		const struct tnc_variable *v = &c->variable[i];

		if (!needed[v->read])
			continue;
		is_news |= !needed[v->kept];
		mark(c, needed, v->kept);
		if (v->init != TNC_INPUT_NONE)
			mark(c, needed, v->init);
	}
	return is_news;
}

static void drop_marked(struct tnc *c, const bool *needed)
{
	int kept = 0;

	for (int i = 0; i < c->ops; i++)
		if (needed[c->op[i]->output])
			c->op[kept++] = c->op[i];
	c->ops = kept;
	kept = 0;
	for (int i = 0; i < c->variables; i++)
		if (needed[c->variable[i].read])
			c->variable[kept++] = c->variable[i];
	c->variables = kept;
	for (int i = 0; i < c->tensors; i++)
		if (!needed[i])
			c->tensor[i] = NULL;
}

/*
 * Drops operators, variables and tensors that no output needs, be it in a later
 * run.
 */
void tnc_drop_unused(struct tnc *c)
{
	bool *needed = tnc_alloc(c, c->tensors + 1, sizeof(*needed));

	for (int i = 0; i < c->inputs.count; i++)
		mark(c, needed, c->inputs.id[i]);
	for (int i = 0; i < c->outputs.count; i++)
		mark(c, needed, c->outputs.id[i]);
	do
		mark_operators(c, needed);
	while (mark_variables(c, needed));
	drop_marked(c, needed);
}
