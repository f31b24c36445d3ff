// SPDX-License-Identifier: MIT
/*
 * ONNX's recurrent layers: RNN, GRU and LSTM, step by step. What the inputs
 * contribute to all steps is one product; a step is a product with what the one
 * before put out, and the gates. Layout: [time, batch, values], or batch first.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "onnx_ops.h"

#define STEPS_MAX 4096
#define GATES_MAX 4
#define FUNCTIONS_MAX 3	/* of one direction */

/* An activation function with what it takes for alpha and beta. */
struct function {
	enum tnc_op_kind kind;
	float alpha;
	float beta;
};

static const struct {
	const char *name;
	struct function function;
} functions[] = {
	{ "Sigmoid", { TNC_LOGISTIC, 0, 0 } },
	{ "Tanh", { TNC_TANH, 0, 0 } },
	{ "Relu", { TNC_RELU, 0, 0 } },
	{ "LeakyRelu", { TNC_LEAKY_RELU, 0.01f, 0 } },
	{ "Elu", { TNC_ELU, 1.0f, 0 } },
	{ "HardSigmoid", { TNC_HARD_SIGMOID, 0.2f, 0.5f } },
	{ "Softplus", { TNC_SOFTPLUS, 0, 0 } },
};

/* A layer while it is built. */
struct layer {
	struct tnc_onnx *im;
	int gates;		/* per value of the hidden state */
	int hidden;
	int steps;
	int batch;
	bool is_batch_first;
	int directions;
	struct function function[2 * FUNCTIONS_MAX];
	float clip;		/* of what goes into a function; 0: none */
	int x;			/* [time, batch, values] */
};

/* One direction of it. */
struct direction {
	int number;
	bool is_backward;
	const struct function *function;
	int input;	/* [time, batch, gates x hidden]: products and biases */
	int recurrent;	/* [hidden, gates x hidden] */
	int bias;	/* of the hidden state's products, or TNC_INPUT_NONE */
	int peephole;	/* [1, 3 x hidden], or TNC_INPUT_NONE */
	int h, cell;	/* [batch, hidden] */
};

static int add(struct tnc_onnx *im, int a, int b)
{
	return tnc_onnx_binary(im, TNC_ADD, a, b);
}

static int mul(struct tnc_onnx *im, int a, int b)
{
	return tnc_onnx_binary(im, TNC_MUL, a, b);
}

/* Part @index of dimension @axis, which goes. */
static int part(struct tnc_onnx *im, int id, int axis, int index)
{
	const struct tnc_tensor *t;
	int32_t shape[TNC_RANK_MAX];
	int rank = 0;

	id = tnc_onnx_slice(im, id, axis, index, 1);
	t = tnc_onnx_tensor(im, id);
	for (int d = 0; d < t->rank; d++)
		if (d != axis)
			shape[rank++] = t->shape[d];
	return tnc_onnx_reshape(im, id, rank, shape);
}

static int gate(const struct layer *l, int id, int number)
{
	int axis = tnc_onnx_tensor(l->im, id)->rank - 1;

	return tnc_onnx_slice(l->im, id, axis, number * l->hidden, l->hidden);
}

static int clipped(const struct layer *l, int id)
{
	if (!(l->clip > 0))
		return id;
	id = tnc_onnx_binary(l->im, TNC_MINIMUM, id,
			     tnc_onnx_float(l->im, l->clip));
	return tnc_onnx_binary(l->im, TNC_MAXIMUM, id,
			       tnc_onnx_float(l->im, -l->clip));
}

static int apply(const struct layer *l, const struct function *f, int id)
{
	int out = tnc_onnx_unary(l->im, f->kind, clipped(l, id));
	struct tnc_op *op = l->im->c->op[l->im->c->ops - 1];

	op->alpha = f->alpha;
	op->beta = f->beta;
	return out;
}

/* What the hidden state adds to all gates. */
static int from_hidden(const struct layer *l, const struct direction *d, int h)
{
	struct tnc_quant none = { 0 };

	return tnc_onnx_product(l->im, h, d->recurrent, TNC_FLOAT32, none, none);
}

static int with_peephole(const struct layer *l, const struct direction *d,
			 int value, int cell, int number)
{
	if (d->peephole == TNC_INPUT_NONE)
		return value;
	return add(l->im, value, mul(l->im, cell, gate(l, d->peephole, number)));
}

static void step_rnn(const struct layer *l, struct direction *d, int x)
{
	x = add(l->im, x, from_hidden(l, d, d->h));
	d->h = apply(l, &d->function[0], x);
}

/* Gates: update, reset, new. */
static void step_gru(const struct layer *l, struct direction *d, int x)
{
	struct tnc_onnx *im = l->im;
	bool is_linear = tnc_onnx_attr_int(im, "linear_before_reset", 0);
	int h = from_hidden(l, d, d->h), update, reset, new, rest;

	update = apply(l, &d->function[0], add(im, gate(l, x, 0), gate(l, h, 0)));
	reset = apply(l, &d->function[0], add(im, gate(l, x, 1), gate(l, h, 1)));
	if (is_linear) {
		new = gate(l, h, 2);
		if (d->bias != TNC_INPUT_NONE)
			new = add(im, new, gate(l, d->bias, 2));
		new = mul(im, reset, new);
	} else {
		new = gate(l, from_hidden(l, d, mul(im, reset, d->h)), 2);
		if (d->bias != TNC_INPUT_NONE)
			new = add(im, new, gate(l, d->bias, 2));
	}
	new = apply(l, &d->function[1], add(im, gate(l, x, 2), new));
	rest = tnc_onnx_binary(im, TNC_SUB, tnc_onnx_float(im, 1.0f), update);
	d->h = add(im, mul(im, rest, new), mul(im, update, d->h));
}

/* Gates: input, output, forget, cell. */
static void step_lstm(const struct layer *l, struct direction *d, int x)
{
	struct tnc_onnx *im = l->im;
	int in, out, forget, cell;

	x = add(im, x, from_hidden(l, d, d->h));
	in = apply(l, &d->function[0],
		   with_peephole(l, d, gate(l, x, 0), d->cell, 0));
	if (tnc_onnx_attr_int(im, "input_forget", 0))
		forget = tnc_onnx_binary(im, TNC_SUB, tnc_onnx_float(im, 1.0f),
					 in);
	else
		forget = apply(l, &d->function[0],
			       with_peephole(l, d, gate(l, x, 2), d->cell, 2));
	cell = apply(l, &d->function[1], gate(l, x, 3));
	d->cell = add(im, mul(im, forget, d->cell), mul(im, in, cell));
	out = apply(l, &d->function[0],
		    with_peephole(l, d, gate(l, x, 1), d->cell, 1));
	d->h = mul(im, out, apply(l, &d->function[2], d->cell));
}

static const struct kind {
	const char *name;
	int gates;
	int functions;
	struct function otherwise[FUNCTIONS_MAX];
	void (*step)(const struct layer *l, struct direction *d, int x);
} kinds[] = {
	[TNC_ONNX_RNN] = { "RNN", 1, 1, { { TNC_TANH, 0, 0 } }, step_rnn },
	[TNC_ONNX_GRU] = { "GRU", 3, 2,
			   { { TNC_LOGISTIC, 0, 0 }, { TNC_TANH, 0, 0 } },
			   step_gru },
	[TNC_ONNX_LSTM] = { "LSTM", 4, 3,
			    { { TNC_LOGISTIC, 0, 0 }, { TNC_TANH, 0, 0 },
			      { TNC_TANH, 0, 0 } }, step_lstm },
};

/* --- What the node says ---------------------------------------------------- */

static struct function function_of(struct tnc_onnx *im,
				   const ProtobufCBinaryData *name)
{
	for (int i = 0; i < TNC_ARRAY_SIZE(functions); i++)
		if (name->len == strlen(functions[i].name) &&
		    !memcmp(name->data, functions[i].name, name->len))
			return functions[i].function;
	tnc_error(im->c, -EOPNOTSUPP, "unsupported activation \"%.*s\"",
		  name->len < 32 ? (int)name->len : 32,
		  name->data ? (const char *)name->data : "");
}

/* Alphas and betas are for those functions that take one, in their order. */
static void read_functions(struct layer *l, const struct kind *kind)
{
	struct tnc_onnx *im = l->im;
	int count = l->directions * kind->functions, named, a = 0, b = 0;
	const ProtobufCBinaryData *name;
	const float *alpha = NULL, *beta = NULL;
	int alphas = tnc_onnx_attr_floats(im, "activation_alpha", &alpha);
	int betas = tnc_onnx_attr_floats(im, "activation_beta", &beta);

	for (int i = 0; i < count; i++)
		l->function[i] = kind->otherwise[i % kind->functions];
	named = tnc_onnx_attr_strings(im, "activations", &name);
	if (named && named != count)
		tnc_error(im->c, -EINVAL, "%d activations, needs %d", named,
			  count);
	for (int i = 0; i < named; i++) {
		struct function *f = &l->function[i];

		*f = function_of(im, &name[i]);
		if (f->alpha != 0 && a < alphas)
			f->alpha = alpha[a++];
		if (f->beta != 0 && b < betas)
			f->beta = beta[b++];
	}
}

static void need_shape(struct tnc_onnx *im, int index, int rank,
		       const int32_t *shape)
{
	const struct tnc_tensor *t =
		tnc_onnx_tensor(im, tnc_onnx_input(im, index));
	bool fits = t->rank == rank && t->type == TNC_FLOAT32;

	for (int d = 0; fits && d < rank; d++)
		fits = t->shape[d] == shape[d];
	if (!fits)
		tnc_error(im->c, -EINVAL, "input %d does not fit", index);
}

/* All sequences have to be as long as the input. */
static void need_whole_sequences(struct layer *l)
{
	struct tnc_onnx_ints lengths;

	if (!tnc_onnx_has_input(l->im, 4))
		return;
	lengths = tnc_onnx_input_ints(l->im, 4);
	for (int i = 0; i < lengths.count; i++)
		if (lengths.at[i] != l->steps)
			tnc_error(l->im->c, -EOPNOTSUPP,
				  "unsupported: sequences of several lengths");
}

static void read_layer(struct layer *l, const struct kind *kind)
{
	struct tnc_onnx *im = l->im;
	const char *way = tnc_onnx_attr_string(im, "direction", "forward");
	const struct tnc_tensor *x;
	int gates = kind->gates;

	l->is_batch_first = tnc_onnx_attr_int(im, "layout", 0);
	l->clip = tnc_onnx_attr_float(im, "clip", 0.0f);
	l->directions = strcmp(way, "bidirectional") ? 1 : 2;
	if (l->directions == 1 && strcmp(way, "forward") &&
	    strcmp(way, "reverse"))
		tnc_error(im->c, -EINVAL, "unknown direction %.32s", way);
	l->x = tnc_onnx_input(im, 0);
	if (tnc_onnx_tensor(im, l->x)->rank != 3)
		tnc_error(im->c, -EINVAL, "%d dimensions, needs 3",
			  tnc_onnx_tensor(im, l->x)->rank);
	if (l->is_batch_first)
		l->x = tnc_onnx_transpose(im, l->x, (const int[]){ 1, 0, 2 });
	x = tnc_onnx_tensor(im, l->x);
	l->steps = x->shape[0];
	l->batch = x->shape[1];
	if (l->steps > STEPS_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: %d steps, at most %d",
			  l->steps, STEPS_MAX);
	if (tnc_onnx_tensor(im, tnc_onnx_input(im, 2))->rank != 3)
		tnc_error(im->c, -EINVAL, "input 2 does not fit");
	l->hidden = tnc_onnx_tensor(im, tnc_onnx_input(im, 2))->shape[2];
	l->gates = gates;
	tnc_onnx_need_int(im, "hidden_size", l->hidden);
	if (l->hidden > TNC_DIM_MAX / GATES_MAX)
		tnc_error(im->c, -EINVAL, "%d values", l->hidden);
	need_shape(im, 1, 3, (const int32_t[]){ l->directions,
						gates * l->hidden,
						x->shape[2] });
	need_shape(im, 2, 3, (const int32_t[]){ l->directions,
						gates * l->hidden, l->hidden });
	need_whole_sequences(l);
	read_functions(l, kind);
}

/* --- Building -------------------------------------------------------------- */

static int transposed(struct tnc_onnx *im, int id)
{
	return tnc_onnx_transpose(im, id, (const int[]){ 1, 0 });
}

/* State input @index of a direction; without one, zeros. */
static int state_of(const struct layer *l, int index, int number)
{
	struct tnc_onnx *im = l->im;
	int32_t shape[2] = { l->batch, l->hidden };

	if (!tnc_onnx_has_input(im, index))
		return tnc_onnx_floats(im, 2, shape,
				       tnc_alloc(im->c, l->batch,
						 l->hidden * sizeof(float)));
	if (l->is_batch_first) {
		need_shape(im, index, 3, (const int32_t[]){
			l->batch, l->directions, l->hidden });
		return part(im, tnc_onnx_input(im, index), 1, number);
	}
	need_shape(im, index, 3, (const int32_t[]){ l->directions, l->batch,
						    l->hidden });
	return part(im, tnc_onnx_input(im, index), 0, number);
}

/*
 * Biases are those of the inputs, then those of the hidden state. Both are added
 * to the inputs' product, but for the new gate of GRU.
 */
static void add_biases(const struct layer *l, struct direction *d)
{
	struct tnc_onnx *im = l->im;
	int size = l->gates * l->hidden, both, of_input;

	d->bias = TNC_INPUT_NONE;
	if (!tnc_onnx_has_input(im, 3))
		return;
	need_shape(im, 3, 2, (const int32_t[]){ l->directions, 2 * size });
	both = part(im, tnc_onnx_input(im, 3), 0, d->number);
	of_input = tnc_onnx_slice(im, both, 0, 0, size);
	d->bias = tnc_onnx_slice(im, both, 0, size, size);
	d->input = add(im, d->input, of_input);
	if (l->gates == 3) {
		int zero = tnc_onnx_floats(im, 1, &l->hidden,
					   tnc_alloc(im->c, l->hidden,
						     sizeof(float)));
		int gates[2] = { tnc_onnx_slice(im, d->bias, 0, 0,
						2 * l->hidden), zero };

		d->input = add(im, d->input, tnc_onnx_join(im, gates, 2, 0));
	} else {
		d->input = add(im, d->input, d->bias);
	}
}

static void start(const struct layer *l, struct direction *d)
{
	struct tnc_onnx *im = l->im;
	struct tnc_quant none = { 0 };
	int w = part(im, tnc_onnx_input(im, 1), 0, d->number);
	int r = part(im, tnc_onnx_input(im, 2), 0, d->number);

	d->input = tnc_onnx_product(im, l->x, transposed(im, w), TNC_FLOAT32,
				    none, none);
	d->recurrent = transposed(im, r);
	add_biases(l, d);
	d->h = state_of(l, 5, d->number);
	d->peephole = TNC_INPUT_NONE;
	if (l->gates != 4)
		return;
	d->cell = state_of(l, 6, d->number);
	if (!tnc_onnx_has_input(im, 7))
		return;
	need_shape(im, 7, 2, (const int32_t[]){ l->directions, 3 * l->hidden });
	d->peephole = tnc_onnx_slice(im, tnc_onnx_input(im, 7), 0, d->number, 1);
}

/* With a dimension of 1 for the direction: [1, batch, hidden], or [1, 1, ...]. */
static int with_direction(const struct layer *l, int id, int rank)
{
	return tnc_onnx_reshape(l->im, id, rank,
				rank == 3 ?
					(const int32_t[]){ 1, l->batch,
							   l->hidden } :
					(const int32_t[]){ 1, 1, l->batch,
							   l->hidden });
}

/* All steps of one direction; @all: what each put out. */
static void run(const struct layer *l, const struct kind *kind,
		struct direction *d, int *all)
{
	for (int i = 0; i < l->steps; i++) {
		int at = d->is_backward ? l->steps - 1 - i : i;

		kind->step(l, d, part(l->im, d->input, 0, at));
		all[at] = with_direction(l, d->h, 4);
	}
}

static int joined(struct tnc_onnx *im, const int *id, int count, int axis)
{
	return count == 1 ? id[0] : tnc_onnx_join(im, id, count, axis);
}

/* Outputs have the batch first, if inputs do. */
static void put_out(const struct layer *l, int index, int id)
{
	static const int whole[] = { 2, 0, 1, 3 }, last[] = { 1, 0, 2 };

	if (l->is_batch_first)
		id = tnc_onnx_transpose(l->im, id, index ? last : whole);
	tnc_onnx_output(l->im, index, id);
}

void tnc_onnx_recurrent(struct tnc_onnx *im, int number)
{
	const struct kind *kind = &kinds[number];
	struct layer l = { .im = im };
	int whole[2], h[2], cell[2], *all;

	read_layer(&l, kind);
	all = tnc_alloc(im->c, l.steps, sizeof(*all));
	for (int i = 0; i < l.directions; i++) {
		struct direction d = {
			.number = i,
			.function = &l.function[i * kind->functions],
			.is_backward = i || !strcmp(
				tnc_onnx_attr_string(im, "direction", "forward"),
				"reverse"),
		};

		start(&l, &d);
		run(&l, kind, &d, all);
		whole[i] = joined(im, all, l.steps, 0);
		h[i] = with_direction(&l, d.h, 3);
		if (l.gates == 4)
			cell[i] = with_direction(&l, d.cell, 3);
	}
	put_out(&l, 0, joined(im, whole, l.directions, 1));
	put_out(&l, 1, joined(im, h, l.directions, 0));
	if (l.gates == 4)
		put_out(&l, 2, joined(im, cell, l.directions, 0));
}
