// SPDX-License-Identifier: MIT
/*
 * Builds the quantised graph: each operator of the real one in int8 if the verifier
 * accepts it there and the reference executor has it, else as it was. Between the
 * two, and where scales differ, tensors are converted once.
 */
#include <errno.h>
#include <string.h>

#include "ptq.h"

/* A tensor of the real graph, in the graph that is built. */
static struct tnc_tensor *copy_tensor(struct tnc_ptq *p, int id, bool keeps_id)
{
	struct tnc *c = p->c;
	const struct tnc_tensor *from = p->real.tensor[id];
	struct tnc_tensor *t;

	if (keeps_id) {
		t = tnc_tensor_add(c, id);
		*t = *from;
		t->value = NULL;
	} else {
		t = tnc_tensor_new(c, from);
	}
	return t;
}

static void convert(struct tnc_ptq *p, enum tnc_op_kind kind, int source,
		    int from, int to)
{
	struct tnc_op *op = tnc_op_append(p->c, kind);

	op->source = source;
	tnc_op_add_input(p->c, op, from);
	op->output = to;
}

/* Real tensor @id as it was: float, or no number that is quantised. */
static int as_real(struct tnc_ptq *p, int id, int source)
{
	struct tnc_ptq_place *place = &p->place[id];
	struct tnc_tensor *t;

	if (place->real >= 0)
		return place->real;
	t = copy_tensor(p, id, place->int8 < 0);
	place->real = t->id;
	if (place->int8 >= 0)
		convert(p, TNC_DEQUANTIZE, source, place->int8, t->id);
	return t->id;
}

/* A new int8 tensor for activation @id with its group's scale. */
static int new_int8(struct tnc_ptq *p, int id)
{
	const struct tnc_ptq_tensor *first =
		&p->tensor[tnc_ptq_first(p, id)];
	struct tnc_tensor *t = copy_tensor(p, id, p->place[id].real < 0);

	t->type = TNC_INT8;
	tnc_ptq_set_quant(p->c, t, first->scale, first->zero_point);
	p->place[id].int8 = t->id;
	return t->id;
}

static int as_int8(struct tnc_ptq *p, int id, int source)
{
	struct tnc_ptq_place *place = &p->place[id];

	if (place->int8 >= 0)
		return place->int8;
	new_int8(p, id);
	convert(p, TNC_QUANTIZE, source, place->real, place->int8);
	return place->int8;
}

/* Activation @id with another scale than its own, if need be. */
static int as_scaled(struct tnc_ptq *p, int id, int source,
		     const struct tnc_quant *quant)
{
	int own = as_int8(p, id, source);
	const struct tnc_tensor *t = p->c->tensor[own];
	struct tnc_tensor *other;

	if (t->quant.scale[0] == quant->scale[0] &&
	    t->quant.zero_point[0] == quant->zero_point[0])
		return own;
	other = tnc_tensor_new(p->c, t);
	other->quant = *quant;
	convert(p, TNC_QUANTIZE, source, own, other->id);
	return other->id;
}

static int constant(struct tnc_ptq *p, const struct tnc_tensor *from,
		    const struct tnc_quant *alike)
{
	const float *value = (const float *)from->data;
	float low = 0, high = 0, scale;
	int zero_point;

	if (alike) {
		scale = alike->scale[0];
		zero_point = alike->zero_point[0];
		return tnc_ptq_constant(p->c, from, scale, zero_point)->id;
	}
	for (int64_t i = 0; i < tnc_tensor_elements(from); i++) {
		low = value[i] < low ? value[i] : low;
		high = value[i] > high ? value[i] : high;
	}
	tnc_ptq_scale_of(low, high, &scale, &zero_point);
	return tnc_ptq_constant(p->c, from, scale, zero_point)->id;
}

/* Input @id of an operator in int8; with the scale of @alike if that is there. */
static int int8_input(struct tnc_ptq *p, int id, int source,
		      const struct tnc_quant *alike)
{
	const struct tnc_tensor *from;

	if (id == TNC_INPUT_NONE)
		return id;
	from = p->real.tensor[id];
	if (from->type != TNC_FLOAT32)
		return as_real(p, id, source);
	if (from->data)
		return constant(p, from, alike);
	return alike ? as_scaled(p, id, source, alike) :
		       as_int8(p, id, source);
}

/* The operator's own copy, whose inputs are still to be added. */
static struct tnc_op *copy_op(struct tnc *c, const struct tnc_op *from)
{
	struct tnc_op *op = tnc_op_append(c, from->kind);

	*op = *from;
	op->input = NULL;
	op->inputs = 0;
	op->inputs_room = 0;
	return op;
}

/* Biases of @from, or zeros, with what the calibration adds to them. */
static double *biases(struct tnc_ptq *p, int index)
{
	const struct tnc_op *from = p->real.op[index];
	const struct tnc_tensor *bias = NULL;
	int axis = tnc_ptq_channel_axis(from);
	int count = p->real.tensor[from->input[1]]->shape[axis];
	double *sum = tnc_alloc(p->c, count, sizeof(*sum));

	if (from->inputs > 2 && from->input[2] != TNC_INPUT_NONE)
		bias = p->real.tensor[from->input[2]];
	for (int i = 0; i < count; i++) {
		sum[i] = bias ? ((const float *)bias->data)[i] : 0;
		if (p->op[index].correction)
			sum[i] += p->op[index].correction[i];
	}
	return sum;
}

static void add_weighted(struct tnc_ptq *p, struct tnc_op *op, int index)
{
	struct tnc *c = p->c;
	const struct tnc_op *from = p->real.op[index];
	int in = as_int8(p, from->input[0], from->source);
	float in_scale = c->tensor[in]->quant.scale[0];
	const double *bias = biases(p, index);
	struct tnc_tensor *weights;

	/* The copy in the real graph is what the weights are made of. */
	as_real(p, from->input[1], from->source);
	tnc_op_add_input(c, op, in);
	tnc_op_add_input(c, op, p->place[from->input[1]].real);
	weights = tnc_ptq_weights(c, op, in_scale, bias);
	op->input[1] = weights->id;
	tnc_op_add_input(c, op, tnc_ptq_bias(c, weights, in_scale, bias)->id);
}

static void add_int8(struct tnc_ptq *p, struct tnc_op *op, int index)
{
	const struct tnc_op *from = p->real.op[index];
	const struct tnc_tensor *real = p->real.tensor[from->output];
	const struct tnc_quant *alike = NULL;

	if (real->type == TNC_FLOAT32) {
		op->output = new_int8(p, from->output);
		if (p->op[index].rule.form == TNC_PTQ_ALIKE)
			alike = &p->c->tensor[op->output]->quant;
	} else {
		op->output = as_real(p, from->output, from->source);
	}
	if (p->op[index].rule.form == TNC_PTQ_WEIGHTED)
		add_weighted(p, op, index);
	else
		for (int i = 0; i < from->inputs; i++)
			tnc_op_add_input(p->c, op,
					 int8_input(p, from->input[i],
						    from->source, alike));
}

static bool verifies(struct tnc *c, const struct tnc_op *op)
{
	jmp_buf outer;
	bool is_sound;

	memcpy(&outer, &c->on_error, sizeof(outer));
	is_sound = !setjmp(c->on_error);
	if (is_sound)
		tnc_verify_op(c, op);
	memcpy(&c->on_error, &outer, sizeof(outer));
	tnc_place_none(c);
	if (!is_sound && c->status == -ENOMEM)
		longjmp(c->on_error, 1);
	return is_sound;
}

/*
 * Asks the verifier for the operator, the graph's last, and its conversions, which
 * begin at @first; what it says, but for the place, is the reason.
 */
static bool is_possible(struct tnc_ptq *p, int first,
			char reason[TNC_PTQ_REASON])
{
	struct tnc *c = p->c;
	const char *text = NULL, *behind;

	for (int i = c->ops - 1; !text && i >= first; i--) {
		if (verifies(c, c->op[i])) {
			text = tnc_ref_has(c, c->op[i]) ? NULL :
			       "not in the reference executor";
			continue;
		}
		behind = strstr(c->error.text, "): ");
		text = behind ? behind + 3 : c->error.text;
	}
	if (text)
		snprintf(reason, TNC_PTQ_REASON, "%.*s", TNC_PTQ_REASON - 1,
			 text);
	c->status = 0;
	return !text;
}

/*
 * An operator's conversions come before it. It was appended before it was known
 * which are needed, so it moves behind them.
 */
static void move_to_end(struct tnc *c, int from)
{
	struct tnc_op *op = c->op[from];

	for (int i = from; i + 1 < c->ops; i++)
		c->op[i] = c->op[i + 1];
	c->op[c->ops - 1] = op;
}

static bool build_int8(struct tnc_ptq *p, int index)
{
	struct tnc *c = p->c;
	const struct tnc_op *from = p->real.op[index];
	struct tnc_op *op = copy_op(c, from);
	int at = c->ops - 1;

	add_int8(p, op, index);
	move_to_end(c, at);
	if (is_possible(p, at, p->op[index].reason))
		return true;
	p->op[index].is_refused = true;
	/* Its conversions stay for others; if there are none, they are dropped. */
	c->ops--;
	c->tensor[op->output] = NULL;
	p->place[from->output] = (struct tnc_ptq_place){ -1, -1 };
	return false;
}

static void build_real(struct tnc_ptq *p, int index)
{
	struct tnc *c = p->c;
	const struct tnc_op *from = p->real.op[index];
	struct tnc_op *op = copy_op(c, from);
	int at = c->ops - 1;

	for (int i = 0; i < from->inputs; i++)
		tnc_op_add_input(c, op, from->input[i] == TNC_INPUT_NONE ?
				 TNC_INPUT_NONE :
				 as_real(p, from->input[i], from->source));
	op->output = as_real(p, from->output, from->source);
	move_to_end(c, at);
}

/*
 * At the interface the model has its own types, or int8 if that was asked for;
 * variables keep theirs.
 */
static void build_inputs(struct tnc_ptq *p)
{
	for (int i = 0; i < p->real.variables; i++) {
		const struct tnc_variable *v = &p->real.variable[i];
		int init = v->init == TNC_INPUT_NONE ? TNC_INPUT_NONE :
						       as_real(p, v->init, 0);

		tnc_variable_append(p->c, as_real(p, v->read, 0), v->kept,
				    init);
	}
	for (int i = 0; i < p->real.inputs.count; i++) {
		int id = p->real.inputs.id[i];
		bool is_int8 = p->options->int8_interface &&
			       p->tensor[id].is_activation;

		tnc_list_append(p->c, &p->c->inputs,
				is_int8 ? new_int8(p, id) : as_real(p, id, 0));
	}
}

static void build_outputs(struct tnc_ptq *p)
{
	for (int i = 0; i < p->real.variables; i++)
		p->c->variable[i].kept =
			as_real(p, p->real.variable[i].kept, 0);
	for (int i = 0; i < p->real.outputs.count; i++) {
		int id = p->real.outputs.id[i];
		bool is_int8 = p->options->int8_interface &&
			       p->tensor[id].is_activation;
		int source = p->real.ops ?
			     p->real.op[p->real.ops - 1]->source : 0;

		tnc_list_append(p->c, &p->c->outputs,
				is_int8 ? as_int8(p, id, source) :
					  as_real(p, id, source));
	}
}

/*
 * Needs: rules and scales; no reason where an operator shall be int8.
 * Leaves: the one before gone, the quantised graph entered; of each operator whether
 * it is int8.
 */
void tnc_ptq_build(struct tnc_ptq *p)
{
	struct tnc *c = p->c;

	tnc_arena_rewind(c->arena, p->mark);
	tnc_ptq_enter(c, &(struct tnc_ptq_graph){ 0 });
	tnc_tensors_reserve(c, p->real.tensors);
	p->place = tnc_alloc(c, p->real.tensors + 1, sizeof(*p->place));
	for (int i = 0; i < p->real.tensors; i++)
		p->place[i] = (struct tnc_ptq_place){ -1, -1 };
	build_inputs(p);
	for (int i = 0; i < p->real.ops; i++) {
		struct tnc_ptq_op *op = &p->op[i];

		op->is_int8 = !op->reason[0] && build_int8(p, i);
		if (!op->is_int8)
			build_real(p, i);
	}
	build_outputs(p);
	tnc_drop_unused(c);
	p->quantised = tnc_ptq_leave(c);
}
