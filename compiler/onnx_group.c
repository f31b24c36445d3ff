// SPDX-License-Identifier: MIT
/*
 * Models with QuantizeLinear and DequantizeLinear: what stands between them is
 * float in the file and meant to be computed on bytes. Done once, at the end of the
 * import. A DEQUANTIZE moves down through operators that only move elements, a
 * QUANTIZE up; where the two meet they vanish, and where an operator is left between
 * them that can be computed on bytes (mode "onnx"), it is. Others stay as they are.
 */
#include <math.h>
#include <string.h>

#include "onnx.h"
#include "pass.h"

#define CHAIN_MAX 8

struct group {
	struct tnc *c;
	int tensors;		/* those that the graph had before */
	struct tnc_op **by;	/* what writes a tensor */
	int *bytes;		/* the quantised tensor that it was made of, or -1 */
	int *uses;
	int *same;		/* the tensor that is read instead */
	struct tnc_op **op;	/* the new list */
	int ops;
	int room;
};

static bool is_old(const struct group *g, int id)
{
	return id >= 0 && id < g->tensors;
}

static bool is_byte(const struct tnc_tensor *t)
{
	return t->type == TNC_INT8 || t->type == TNC_UINT8;
}

static bool same_quant(const struct tnc_tensor *a, const struct tnc_tensor *b)
{
	return a->type == b->type && a->quant.count == 1 &&
	       b->quant.count == 1 &&
	       a->quant.scale[0] == b->quant.scale[0] &&
	       a->quant.zero_point[0] == b->quant.zero_point[0];
}

/* The bytes that a float tensor was made of, scaled as a whole, or NULL. */
static struct tnc_tensor *bytes_of(const struct group *g, int id)
{
	struct tnc_tensor *t;

	if (!is_old(g, id) || g->bytes[id] < 0)
		return NULL;
	t = g->c->tensor[g->bytes[id]];
	return is_byte(t) && t->quant.count == 1 ? t : NULL;
}

static void keep(struct group *g, struct tnc_op *op)
{
	g->op = tnc_grow(g->c, g->op, g->ops, &g->room, sizeof(*g->op));
	g->op[g->ops++] = op;
	if (is_old(g, op->output))
		g->by[op->output] = op;
}

/* A new operator, kept; its inputs are still to come. */
static struct tnc_op *emit(struct group *g, const struct tnc_op *like,
			   enum tnc_op_kind kind, int output)
{
	struct tnc_op *op = tnc_op_append(g->c, kind);

	op->source = like->source;
	op->output = output;
	keep(g, op);
	return op;
}

static struct tnc_op *copy(struct group *g, const struct tnc_op *from, int output)
{
	struct tnc_op *op = emit(g, from, from->kind, output);
	struct tnc_op fresh = *op;

	*op = *from;
	op->output = output;
	op->input = fresh.input;
	op->inputs = 0;
	op->inputs_room = fresh.inputs_room;
	return op;
}

static bool is_output(const struct group *g, int id)
{
	for (int i = 0; i < g->c->outputs.count; i++)
		if (g->c->outputs.id[i] == id)
			return true;
	return false;
}

/* --- Elements that only move ---------------------------------------------- */

/* How many of its inputs are moved; others say where to. */
static int moved_inputs(const struct tnc_op *op)
{
	if (op->kind == TNC_CONCATENATION)
		return op->inputs;
	switch (op->kind) {
	case TNC_RESHAPE:
	case TNC_TRANSPOSE:
	case TNC_SLICE:
	case TNC_MIRROR_PAD:
	case TNC_TILE:
	case TNC_BROADCAST_TO:
	case TNC_SPACE_TO_DEPTH:
	case TNC_DEPTH_TO_SPACE:
	case TNC_GATHER:
	case TNC_MAX_POOL_2D:
	case TNC_RESIZE_NEAREST_NEIGHBOR:
		return 1;
	default:
		return 0;
	}
}

static int dequantise(struct group *g, const struct tnc_op *like, int bytes,
		      int real)
{
	struct tnc_op *op = emit(g, like, TNC_DEQUANTIZE, real);

	op->mode = TNC_MODE_ONNX;
	tnc_op_add_input(g->c, op, bytes);
	g->bytes[real] = bytes;
	return real;
}

/* The operator moves bytes, which are dequantised behind it. */
static bool moves_bytes(struct group *g, const struct tnc_op *op)
{
	const struct tnc_tensor *first = NULL;
	struct tnc_tensor *out;
	struct tnc_op *new;
	int moved = moved_inputs(op);

	for (int i = 0; i < moved; i++) {
		const struct tnc_tensor *t = bytes_of(g, op->input[i]);

		if (!t || (first && !same_quant(first, t)))
			return false;
		first = t;
	}
	if (!first)
		return false;
	out = tnc_tensor_new(g->c, tnc_op_output(g->c, op));
	out->type = first->type;
	out->quant = first->quant;
	new = copy(g, op, out->id);
	for (int i = 0; i < op->inputs; i++)
		tnc_op_add_input(g->c, new,
				 i < moved ? g->bytes[op->input[i]] :
					     op->input[i]);
	tnc_fold_op(g->c, new);
	if (out->data)
		g->ops--;
	dequantise(g, op, out->id, op->output);
	return true;
}

/*
 * Constant weights with a scale for each channel: moved at once, since moving them
 * is no operator's business.
 */
static bool moves_channels(struct group *g, struct tnc_op *op)
{
	const struct tnc_tensor *from, *out = tnc_op_output(g->c, op);
	struct tnc_tensor *plain, *to;
	struct tnc_op *move;
	int axis;

	if ((op->kind != TNC_TRANSPOSE && op->kind != TNC_RESHAPE) ||
	    !is_old(g, op->input[0]) || g->bytes[op->input[0]] < 0)
		return false;
	from = g->c->tensor[g->bytes[op->input[0]]];
	axis = from->quant.axis;
	if (!from->data || from->quant.count < 2)
		return false;
	if (op->kind == TNC_RESHAPE &&
	    (axis != 0 || !out->rank || out->shape[0] != from->shape[0]))
		return false;
	for (int d = 0; op->kind == TNC_TRANSPOSE && d < out->rank; d++)
		if (op->list[0].id[d] == from->quant.axis)
			axis = d;
	plain = tnc_tensor_new(g->c, from);
	plain->data = from->data;
	plain->quant.count = 0;
	to = tnc_tensor_new(g->c, out);
	to->type = from->type;
	move = tnc_op_append(g->c, op->kind);
	move->list[0] = op->list[0];
	move->output = to->id;
	tnc_op_add_input(g->c, move, plain->id);
	tnc_fold_op(g->c, move);
	to->quant = from->quant;
	to->quant.axis = axis;
	dequantise(g, op, to->id, op->output);
	return true;
}

/* --- Operators on bytes --------------------------------------------------- */

/* Integers for a bias, in steps of input scale times weights' scale. */
static int bias_in_steps(struct group *g, const struct tnc_op *op, int id,
			 const struct tnc_tensor *x, const struct tnc_tensor *w)
{
	const struct tnc_tensor *real = g->c->tensor[id], *from = NULL;
	struct tnc_tensor *bias;
	int64_t count = tnc_tensor_elements(real);

	if (is_old(g, id) && g->bytes[id] >= 0)
		from = g->c->tensor[g->bytes[id]];
	if (real->rank != 1 || (from ? !from->data || from->type != TNC_INT32 :
				       !real->data))
		return -1;
	if ((w->quant.count > 1 && w->quant.count != count) ||
	    (from && from->quant.count > 1 && from->quant.count != count))
		return -1;
	bias = tnc_tensor_new(g->c, real);
	bias->type = TNC_INT32;
	bias->quant.count = 0;
	bias->data = tnc_alloc(g->c, count, sizeof(int32_t));
	for (int64_t i = 0; i < count; i++) {
		const struct tnc_quant *q = from ? &from->quant : NULL;
		float step = x->quant.scale[0] *
			     w->quant.scale[w->quant.count > 1 ? i : 0];
		int k = q && q->count > 1 ? i : 0;
		int32_t value;
		double steps;

		if (from) {
			value = tnc_onnx_int_of(from, i) - q->zero_point[k];
			steps = value * ((double)q->scale[k] / step);
			/* The usual case: the very integers. */
			if (fabs(q->scale[k] / step - 1) < 1e-5)
				steps = value;
		} else {
			steps = tnc_onnx_float_of(real, i) / (double)step;
		}
		value = steps > INT32_MAX ? INT32_MAX :
			steps < INT32_MIN ? INT32_MIN : rint(steps);
		memcpy(bias->data + i * 4, &value, 4);
	}
	return bias->id;
}

static struct tnc_tensor *weights_of(const struct group *g, int id, int axis)
{
	struct tnc_tensor *w;

	if (!is_old(g, id) || g->bytes[id] < 0)
		return NULL;
	w = g->c->tensor[g->bytes[id]];
	if (!w->data || !is_byte(w) || w->quant.count < 1 ||
	    (w->quant.count > 1 && w->quant.axis != axis))
		return NULL;
	return w;
}

static bool convolves(struct group *g, const struct tnc_op *op, int output)
{
	int axis = op->kind == TNC_DEPTHWISE_CONV_2D ? 3 : 0, bias = -1;
	const struct tnc_tensor *x = bytes_of(g, op->input[0]);
	const struct tnc_tensor *w = weights_of(g, op->input[1], axis);
	struct tnc_op *new;

	if (!x || !w)
		return false;
	if (tnc_op_input(g->c, op, 2)) {
		bias = bias_in_steps(g, op, op->input[2], x, w);
		if (bias < 0)
			return false;
	}
	new = copy(g, op, output);
	new->mode |= TNC_MODE_ONNX;
	tnc_op_add_input(g->c, new, x->id);
	tnc_op_add_input(g->c, new, w->id);
	if (bias >= 0)
		tnc_op_add_input(g->c, new, bias);
	return true;
}

static bool is_on_bytes(const struct tnc_op *op)
{
	switch (op->kind) {
	case TNC_ADD:
	case TNC_SUB:
	case TNC_MUL:
	case TNC_DIV:
	case TNC_MAXIMUM:
	case TNC_MINIMUM:
	case TNC_MEAN:
	case TNC_BATCH_MATMUL:
	case TNC_RELU:
	case TNC_RELU6:
	case TNC_LEAKY_RELU:
	case TNC_ELU:
	case TNC_HARD_SWISH:
	case TNC_HARD_SIGMOID:
	case TNC_LOGISTIC:
	case TNC_TANH:
	case TNC_GELU:
	case TNC_SOFTPLUS:
	case TNC_EXP:
	case TNC_SQRT:
	case TNC_ABS:
	case TNC_NEG:
	case TNC_ERF:
		return true;
	default:
		return false;
	}
}

/* Computes operator @op on bytes into tensor @output, if that can be. */
static bool computes(struct group *g, const struct tnc_op *op, int output)
{
	const struct tnc_tensor *first;
	struct tnc_op *new;

	if (op->kind == TNC_CONV_2D || op->kind == TNC_DEPTHWISE_CONV_2D ||
	    op->kind == TNC_FULLY_CONNECTED)
		return convolves(g, op, output);
	if (!is_on_bytes(op))
		return false;
	for (int i = 0; i < op->inputs; i++)
		if (!bytes_of(g, op->input[i]))
			return false;
	first = bytes_of(g, op->input[0]);
	if (tnc_op_is_binary(op) && first->type != g->c->tensor[output]->type)
		return false;
	new = copy(g, op, output);
	new->mode |= TNC_MODE_ONNX;
	if (tnc_op_is_binary(op) && first->type == TNC_UINT8)
		new->mode |= TNC_MODE_UNSIGNED;
	for (int i = 0; i < op->inputs; i++)
		tnc_op_add_input(g->c, new, g->bytes[op->input[i]]);
	return true;
}

/* --- From a QUANTIZE upwards ---------------------------------------------- */

/* The one operator that computes what nobody but the QUANTIZE behind it reads. */
static struct tnc_op *only_writer(const struct group *g, int id)
{
	if (!is_old(g, id) || g->uses[id] != 1 || is_output(g, id))
		return NULL;
	return g->by[id];
}

/* Does it cut off below zero, and may that be done by the operator before it? */
static bool is_relu(const struct tnc_op *op)
{
	return op->kind == TNC_RELU || op->kind == TNC_RELU6;
}

static bool takes_act(const struct tnc_op *op)
{
	return op && (op->kind == TNC_CONV_2D ||
		      op->kind == TNC_DEPTHWISE_CONV_2D ||
		      op->kind == TNC_FULLY_CONNECTED) &&
	       op->act == TNC_ACT_NONE;
}

/* What lies between an operator and the QUANTIZE of its result. */
struct chain {
	const struct tnc_op *move[CHAIN_MAX];	/* the last one first */
	int moves;
	enum tnc_act act;
	struct tnc_op *top;			/* what computes */
};

static struct chain chain_of(const struct group *g, int id)
{
	struct chain chain = { .act = TNC_ACT_NONE };
	struct tnc_op *op = only_writer(g, id), *before;
	const struct tnc_op *relu = NULL;
	struct chain plain;

	for (;;) {
		while (op && chain.moves < CHAIN_MAX &&
		       (op->kind == TNC_TRANSPOSE || op->kind == TNC_RESHAPE)) {
			chain.move[chain.moves++] = op;
			op = only_writer(g, op->input[0]);
		}
		chain.top = op;
		if (!op || relu || !is_relu(op))
			break;
		/* Go on to see whether a convolution can take it over. */
		plain = chain;
		relu = op;
		op = only_writer(g, op->input[0]);
	}
	if (!relu)
		return chain;
	before = chain.top;
	if (!takes_act(before))
		return plain;
	chain.act = relu->kind == TNC_RELU ? TNC_ACT_RELU : TNC_ACT_RELU6;
	return chain;
}

/* A byte tensor of the shape of @like, quantised as @out is. */
static int byte_tensor(struct group *g, int like, const struct tnc_tensor *out)
{
	struct tnc_tensor *t = tnc_tensor_new(g->c, g->c->tensor[like]);

	t->type = out->type;
	t->quant = out->quant;
	return t->id;
}

/* The moves of the chain, on bytes, from @id to the QUANTIZE's own output. */
static void move_down(struct group *g, const struct chain *chain, int id,
		      const struct tnc_op *quantize)
{
	for (int i = chain->moves - 1; i >= 0; i--) {
		int to = i ? byte_tensor(g, chain->move[i]->output,
					 tnc_op_output(g->c, quantize)) :
			     quantize->output;

		tnc_op_add_input(g->c, copy(g, chain->move[i], to), id);
		id = to;
	}
}

static bool quantises_above(struct group *g, const struct tnc_op *op)
{
	struct tnc_tensor *out = tnc_op_output(g->c, op);
	struct chain chain = chain_of(g, op->input[0]);
	struct tnc_op top;
	int id;

	if (!chain.top || !is_byte(out) || out->quant.count != 1)
		return false;
	top = *chain.top;
	if (chain.act != TNC_ACT_NONE)
		top.act = chain.act;
	id = chain.moves ? byte_tensor(g, chain.top->output, out) : op->output;
	if (!computes(g, &top, id))
		return false;
	move_down(g, &chain, id, op);
	return true;
}

/* --- All operators -------------------------------------------------------- */

static bool is_static(const struct tnc_op *op)
{
	return op->inputs == 1 && op->mode & TNC_MODE_ONNX;
}

static void visit_quantize(struct group *g, struct tnc_op *op)
{
	const struct tnc_tensor *from = bytes_of(g, op->input[0]);
	const struct tnc_tensor *out = tnc_op_output(g->c, op);

	if (!from || !is_byte(out) || out->quant.count != 1) {
		if (!quantises_above(g, op))
			keep(g, op);
		return;
	}
	if (!same_quant(from, out))
		op->input[0] = from->id;
	else if (is_output(g, op->output))
		op = emit(g, op, TNC_RESHAPE, op->output);
	else {
		g->same[op->output] = from->id;
		return;
	}
	if (op->kind == TNC_QUANTIZE)
		keep(g, op);
	else
		tnc_op_add_input(g->c, op, from->id);
}

static void visit(struct group *g, struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		if (is_old(g, op->input[i]))
			op->input[i] = g->same[op->input[i]];
	if (op->kind == TNC_QUANTIZE && is_static(op)) {
		visit_quantize(g, op);
	} else if (op->kind == TNC_DEQUANTIZE && is_static(op)) {
		g->bytes[op->output] = op->input[0];
		keep(g, op);
	} else if (!moves_bytes(g, op) && !moves_channels(g, op)) {
		keep(g, op);
	}
}

static void count_uses(struct group *g)
{
	for (int i = 0; i < g->c->ops; i++)
		for (int k = 0; k < g->c->op[i]->inputs; k++)
			if (is_old(g, g->c->op[i]->input[k]))
				g->uses[g->c->op[i]->input[k]]++;
}

/* Needs: what the importer has made. Leaves: the same, on bytes where it was meant. */
void tnc_onnx_group(struct tnc *c)
{
	struct group g = { .c = c, .tensors = c->tensors };
	struct tnc_op **op = c->op;
	int ops = c->ops;

	g.by = tnc_alloc(c, c->tensors + 1, sizeof(*g.by));
	g.bytes = tnc_alloc(c, c->tensors + 1, sizeof(*g.bytes));
	g.uses = tnc_alloc(c, c->tensors + 1, sizeof(*g.uses));
	g.same = tnc_alloc(c, c->tensors + 1, sizeof(*g.same));
	for (int i = 0; i < c->tensors; i++) {
		g.bytes[i] = -1;
		g.same[i] = i;
	}
	count_uses(&g);
	/* What is made from here on goes through the new list. */
	c->op = NULL;
	c->ops = 0;
	c->ops_room = 0;
	for (int i = 0; i < ops; i++)
		visit(&g, op[i]);
	c->op = g.op;
	c->ops = g.ops;
	c->ops_room = g.room;
}
