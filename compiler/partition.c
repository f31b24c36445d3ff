// SPDX-License-Identifier: MIT
/*
 * Pass 'c': which operators run on the CPU.
 *
 * Needs: a sound graph.
 * Leaves: operators that the machine does not run marked (mode cpu): those that do not
 * compute with quantised numbers, and those that a later pass has refused in an
 * earlier attempt. The latter compute with float numbers if they compute, between
 * operators that convert. Operators stand in an order in which few segments, runs of
 * one kind, follow each other; what only moves elements without a scale goes with
 * what is beside it.
 */
#include <errno.h>
#include <string.h>

#include "cpu.h"
#include "pass.h"
#include "sequence.h"
#include "vector.h"

const char *tnc_refusal_of(const struct tnc *c, const struct tnc_op *op)
{
	for (int i = 0; i < c->refusals; i++)
		if (c->refusal[i].source == op->source)
			return c->refusal[i].error.text + c->refusal[i].why;
	return NULL;
}

/* Types of quantised numbers: what the machine's operators are defined for. */
static bool is_small(enum tnc_type type)
{
	return type == TNC_INT8 || type == TNC_UINT8 || type == TNC_INT16;
}

/* Elements of any type may be moved, on the CPU without a look at them. */
static bool is_blind(const struct tnc_op *op)
{
	return tnc_op_info[op->kind].attrs & TNC_IS_MOVE ||
	       op->kind == TNC_GATHER || op->kind == TNC_GATHER_ND ||
	       op->kind == TNC_ONE_HOT || op->kind == TNC_SELECT;
}

/* Whether it computes, so that numbers have to be float ones on the CPU. */
bool tnc_partition_is_real(const struct tnc_op *op)
{
	return !(op->mode & TNC_MODE_CPU) && !is_blind(op) &&
	       op->kind != TNC_CUSTOM && op->kind != TNC_WHILE &&
	       op->kind != TNC_CAST && op->kind != TNC_QUANTIZE &&
	       op->kind != TNC_DEQUANTIZE;
}

/* Reshapes cost nothing and go with what is beside them. */
static bool is_reshape(const struct tnc_op *op)
{
	return op->kind == TNC_RESHAPE;
}

/* --- Operators in float ---------------------------------------------------- */

static struct tnc_tensor *real_tensor(struct tnc *c, const struct tnc_tensor *t)
{
	struct tnc_tensor *real = tnc_tensor_new(c, t);

	real->type = TNC_FLOAT32;
	real->quant = (struct tnc_quant){ 0 };
	return real;
}

static int64_t integer_at(const struct tnc_tensor *t, int64_t i)
{
	int64_t value = 0;

	switch (t->type) {
	case TNC_INT8:
		return ((const int8_t *)t->data)[i];
	case TNC_UINT8:
		return t->data[i];
	case TNC_INT16:
		return ((const int16_t *)t->data)[i];
	case TNC_INT32:
		return ((const int32_t *)t->data)[i];
	default:
		memcpy(&value, t->data + i * sizeof(value), sizeof(value));
		return value;
	}
}

/* Elements between one index of the scales' dimension and the next. */
static int64_t inner_size(const struct tnc_tensor *t)
{
	int64_t size = 1;

	for (int d = t->quant.axis + 1; d < t->rank; d++)
		size *= t->shape[d];
	return size;
}

/* A constant as the numbers that it stands for. */
static int real_constant(struct tnc *c, const struct tnc_tensor *t,
			 const struct tnc_quant *quant)
{
	int64_t elements = tnc_tensor_elements(t);
	struct tnc_tensor *real = real_tensor(c, t);
	float *to = tnc_alloc(c, elements, sizeof(*to));
	int64_t inner = quant->count > 1 && t->rank > 1 ? inner_size(t) : 1;

	for (int64_t i = 0; i < elements; i++) {
		int k = quant->count > 1 ? i / inner % quant->count : 0;

		to[i] = (integer_at(t, i) - quant->zero_point[k]) *
			quant->scale[k];
	}
	real->data = (uint8_t *)to;
	return real->id;
}

/* The weights that input @index is the bias of, or -1. */
static int weights_of(const struct tnc_op *op, int index)
{
	switch (op->kind) {
	case TNC_CONV_2D:
	case TNC_DEPTHWISE_CONV_2D:
	case TNC_TRANSPOSE_CONV:
	case TNC_FULLY_CONNECTED:
		return index == 2 ? 1 : -1;
	case TNC_LSTM:
	case TNC_LSTM_CELL:
		return index >= TNC_LSTM_BIAS &&
		       index < TNC_LSTM_BIAS + TNC_GATES ?
			       index - TNC_LSTM_BIAS + TNC_LSTM_WEIGHTS : -1;
	default:
		return -1;
	}
}

/* Whether input @index counts in steps of two scales, without one of its own. */
bool tnc_partition_is_bias(const struct tnc *c, const struct tnc_op *op,
			   int index)
{
	int weights = weights_of(op, index);

	return weights >= 0 && tnc_op_input(c, op, weights) &&
	       tnc_op_input(c, op, weights)->quant.count &&
	       tnc_op_input(c, op, 0)->quant.count;
}

/* Those steps are the input's scale times the weights'. */
static int real_bias(struct tnc *c, const struct tnc_op *op, int index)
{
	const struct tnc_quant *in = &tnc_op_input(c, op, 0)->quant;
	const struct tnc_quant *weights =
		&tnc_op_input(c, op, weights_of(op, index))->quant;
	struct tnc_quant quant = { .count = weights->count };

	quant.scale = tnc_alloc(c, weights->count, sizeof(float));
	quant.zero_point = tnc_alloc(c, weights->count, sizeof(int32_t));
	for (int i = 0; i < weights->count; i++)
		quant.scale[i] = in->scale[0] * weights->scale[i];
	return real_constant(c, tnc_op_input(c, op, index), &quant);
}

static struct tnc_op *convert(struct tnc *c, const struct tnc_op *op,
			      enum tnc_op_kind kind, int from, int to)
{
	struct tnc_op *new = tnc_op_append(c, kind);

	new->source = op->source;
	new->origin = op->origin;
	new->mode = TNC_MODE_CPU | (op->mode & TNC_MODE_ONNX);
	tnc_op_add_input(c, new, from);
	new->output = to;
	return new;
}

/* Input @index as float numbers; what is none of a quantity stays. */
static int real_input(struct tnc *c, const struct tnc_op *op, int index)
{
	const struct tnc_tensor *t = tnc_op_input(c, op, index);
	struct tnc_tensor *real;

	if (t && t->data && tnc_partition_is_bias(c, op, index))
		return real_bias(c, op, index);
	if (!t || !is_small(t->type) || !t->quant.count)
		return op->input[index];
	if (t->data)
		return real_constant(c, t, &t->quant);
	real = real_tensor(c, t);
	convert(c, op, TNC_DEQUANTIZE, t->id, real->id);
	return real->id;
}

/* Appends the operator with its conversions, which were not in the list yet. */
static void append_in_float(struct tnc *c, struct tnc_op *op)
{
	struct tnc_tensor *out = tnc_op_output(c, op), *real = NULL;
	int *input = tnc_alloc(c, op->inputs + 1, sizeof(*input));
	int old = op->output;

	for (int i = 0; i < op->inputs; i++)
		input[i] = op->input[i] == TNC_INPUT_NONE ? TNC_INPUT_NONE :
			   real_input(c, op, i);
	op->input = input;
	op->inputs_room = op->inputs;
	if (is_small(out->type) && out->quant.count) {
		real = real_tensor(c, out);
		op->output = real->id;
	}
	c->op = tnc_grow(c, c->op, c->ops, &c->ops_room, sizeof(*c->op));
	c->op[c->ops++] = op;
	if (real)
		convert(c, op, TNC_QUANTIZE, real->id, old);
}

/* --- Marks ----------------------------------------------------------------- */

static bool has_float(const struct tnc *c, const struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		if (op->input[i] != TNC_INPUT_NONE &&
		    tnc_op_input(c, op, i)->type == TNC_FLOAT32)
			return true;
	return tnc_op_output(c, op)->type == TNC_FLOAT32;
}

/* Why it does not run on the machine, or NULL. */
static const char *reason(struct tnc *c, const struct tnc_op *op)
{
	const char *why = tnc_refusal_of(c, op);

	if (is_reshape(op))
		return NULL;
	if (why)
		return why;
	if (tnc_lower_has(c, op))
		return NULL;
	if (!tnc_cpu_has(op->kind))
		return NULL;
	if (op->kind == TNC_CUSTOM)
		return "a custom operator";
	if (op->kind == TNC_WHILE)
		return "a loop whose end depends on what it computes";
	if (tnc_cpu_is(c, op) || !is_small(tnc_op_output(c, op)->type))
		return has_float(c, op) ? "float32" : "integers, not quantised";
	return NULL;
}

/* Elements of any type are bytes to whoever moves them, machine or CPU. */
static bool is_either(const struct tnc *c, const struct tnc_op *op)
{
	return tnc_op_info[op->kind].attrs & TNC_IS_MOVE &&
	       !is_small(tnc_op_output(c, op)->type) &&
	       !(op->mode & TNC_MODE_CPU) && !tnc_refusal_of(c, op);
}

/* Operators keep their places, conversions come beside them. */
static void mark_all(struct tnc *c)
{
	struct tnc_op **old = c->op;
	int count = c->ops;

	c->op = NULL;
	c->ops = 0;
	c->ops_room = 0;
	for (int i = 0; i < count; i++) {
		struct tnc_op *op = old[i];
		bool is_cpu = reason(c, op) && !is_either(c, op);
		bool is_real = is_cpu && tnc_partition_is_real(op) &&
			       tnc_refusal_of(c, op);

		if (is_cpu)
			op->mode |= TNC_MODE_CPU;
		if (is_real) {
			append_in_float(c, op);
			continue;
		}
		c->op = tnc_grow(c, c->op, c->ops, &c->ops_room,
				 sizeof(*c->op));
		c->op[c->ops++] = op;
	}
}

/* --- Order ----------------------------------------------------------------- */

struct order {
	struct tnc *c;
	bool *written;		/* by tensor */
	bool *done;		/* by operator */
	bool *either;		/* likewise: any unit's */
	bool *on_cpu;		/* likewise: of those, the CPU's */
	struct tnc_op **op;
	int ops;
};

static void order_start(struct order *o)
{
	struct tnc *c = o->c;

	o->ops = 0;
	memset(o->done, 0, c->ops * sizeof(*o->done));
	for (int i = 0; i < c->tensors; i++)
		o->written[i] = c->tensor[i] && c->tensor[i]->data;
	for (int i = 0; i < c->inputs.count; i++)
		o->written[c->inputs.id[i]] = true;
	for (int i = 0; i < c->variables; i++)
		o->written[c->variable[i].read] = true;
}

static bool is_ready(const struct order *o, const struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		if (op->input[i] != TNC_INPUT_NONE &&
		    !o->written[tnc_tensor_root(o->c, op->input[i])->id])
			return false;
	return true;
}

/*
 * All that can run now on one unit, one after the other. As the operators are in
 * an order that works, one look at each is enough. Returns how many that are no
 * reshapes.
 */
static int order_segment(struct order *o, bool is_cpu)
{
	struct tnc *c = o->c;
	int count = 0;

	for (int i = 0; i < c->ops; i++) {
		struct tnc_op *op = c->op[i];

		if (o->done[i] || !is_ready(o, op) ||
		    (!is_reshape(op) && !o->either[i] &&
		     !(op->mode & TNC_MODE_CPU) == is_cpu))
			continue;
		o->done[i] = true;
		o->on_cpu[i] = o->either[i] && is_cpu;
		o->written[op->output] = true;
		o->op[o->ops++] = op;
		count += !is_reshape(op);
	}
	return count;
}

/* Returns the number of segments; INT32_MAX if the first one would be empty. */
static int order_all(struct order *o, bool is_cpu)
{
	int segments = 0;

	order_start(o);
	while (o->ops < o->c->ops) {
		if (!order_segment(o, is_cpu) && !segments)
			return INT32_MAX;
		segments++;
		is_cpu = !is_cpu;
	}
	return segments;
}

static void put_in_order(struct tnc *c)
{
	struct order o = { .c = c };
	bool is_cpu;

	o.written = tnc_alloc(c, c->tensors + 1, sizeof(*o.written));
	o.done = tnc_alloc(c, c->ops + 1, sizeof(*o.done));
	o.either = tnc_alloc(c, c->ops + 1, sizeof(*o.either));
	o.on_cpu = tnc_alloc(c, c->ops + 1, sizeof(*o.on_cpu));
	o.op = tnc_alloc(c, c->ops + 1, sizeof(*o.op));
	for (int i = 0; i < c->ops; i++)
		o.either[i] = is_either(c, c->op[i]);
	is_cpu = order_all(&o, true) < order_all(&o, false);
	if (order_all(&o, is_cpu) == INT32_MAX)
		return;
	for (int i = 0; i < c->ops; i++)
		if (o.on_cpu[i])
			c->op[i]->mode |= TNC_MODE_CPU;
	memcpy(c->op, o.op, c->ops * sizeof(*c->op));
}

static bool has_cpu(const struct tnc *c)
{
	for (int i = 0; i < c->ops; i++)
		if (c->op[i]->mode & TNC_MODE_CPU)
			return true;
	return false;
}

void tnc_pass_partition(struct tnc *c)
{
	mark_all(c);
	if (has_cpu(c))
		put_in_order(c);
}

/* --- What is said of it ---------------------------------------------------- */

/* Conversions beside an operator are its own matter. */
static bool is_beside(const struct tnc_op *op)
{
	return op->kind != op->origin &&
	       (op->kind == TNC_QUANTIZE || op->kind == TNC_DEQUANTIZE);
}

void tnc_partition_print(struct tnc *c, FILE *to)
{
	for (int i = 0; i < c->ops; i++) {
		const struct tnc_op *op = c->op[i];
		const char *why = reason(c, op);

		if (!(op->mode & TNC_MODE_CPU) || !why || is_beside(op))
			continue;
		fprintf(to, "  CPU        op %d %s '%.60s': %s\n", op->source,
			tnc_op_title(op), tnc_op_output(c, op)->name, why);
	}
}
