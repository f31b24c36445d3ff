// SPDX-License-Identifier: MIT
/*
 * Pass 'u': unroll.
 *
 * Needs: a sound graph.
 * Leaves: no LSTM and no SVDF, but operators that the machine has. What two
 * operators of the same inputs compute both, as those of one operator of the model
 * do, is computed once.
 */
#include <string.h>

#include "pass.h"
#include "sequence.h"
#include "unroll.h"
#include "vector.h"

int tnc_unroll_tensor(struct tnc *c, const struct tnc_tensor *like,
		      const int32_t *shape, int rank)
{
	struct tnc_tensor *t = tnc_tensor_new(c, like);

	t->rank = rank;
	memcpy(t->shape, shape, rank * sizeof(*shape));
	return t->id;
}

int tnc_unroll_picture(struct tnc *c, int like, const struct tnc_tensor *type,
		       int channels)
{
	int32_t shape[4];

	memcpy(shape, c->tensor[like]->shape, sizeof(shape));
	shape[3] = channels;
	return tnc_unroll_tensor(c, type, shape, 4);
}

struct tnc_op *tnc_unroll_append(struct tnc *c, const struct tnc_op *from,
				 enum tnc_op_kind kind, int input, int output)
{
	struct tnc_op *op = tnc_op_append(c, kind);

	op->source = from->source;
	op->origin = from->origin;
	if (input != TNC_INPUT_NONE)
		tnc_op_add_input(c, op, input);
	op->output = output;
	return op;
}

int tnc_unroll_reshape(struct tnc *c, const struct tnc_op *from, int input,
		       const int32_t *shape, int rank)
{
	int output = tnc_unroll_tensor(c, c->tensor[input], shape, rank);

	tnc_unroll_append(c, from, TNC_RESHAPE, input, output);
	return output;
}

int tnc_unroll_slice(struct tnc *c, const struct tnc_op *from, int input,
		     int axis, int begin, int size)
{
	const struct tnc_tensor *in = c->tensor[input];
	struct tnc_tensor *out = tnc_tensor_new(c, in);
	struct tnc_op *op = tnc_unroll_append(c, from, TNC_SLICE, input,
					      out->id);

	out->shape[axis] = size;
	for (int d = 0; d < in->rank; d++) {
		tnc_list_append(c, &op->list[0], d == axis ? begin : 0);
		tnc_list_append(c, &op->list[1], 1);
	}
	return out->id;
}

int tnc_unroll_pointwise(struct tnc *c, const struct tnc_op *from, int input,
			 int weights, int bias, struct tnc_factor *factor,
			 const struct tnc_tensor *type)
{
	int channels = c->tensor[weights]->shape[0];
	int output = tnc_unroll_picture(c, input, type, channels);
	struct tnc_op *op = tnc_unroll_append(c, from, TNC_CONV_2D, input,
					      output);

	tnc_op_add_input(c, op, weights);
	if (bias != TNC_INPUT_NONE)
		tnc_op_add_input(c, op, bias);
	op->pad = TNC_PAD_VALID;
	op->factors = channels;
	op->factor = factor;
	return output;
}

/* --- SVDF ------------------------------------------------------------------- */

struct svdf {
	struct tnc *c;
	const struct tnc_op *op;
	struct tnc_svdf s;
	const struct tnc_tensor *state;
};

/* A constant's bytes in another shape. */
static int constant_as(struct tnc *c, const struct tnc_tensor *t,
		       const int32_t shape[4])
{
	int id = tnc_unroll_tensor(c, t, shape, 4);

	c->tensor[id]->data = t->data;
	return id;
}

static struct tnc_factor *repeat(struct tnc *c, struct tnc_factor factor,
				 int count)
{
	struct tnc_factor *all = tnc_alloc(c, count, sizeof(*all));

	for (int i = 0; i < count; i++)
		all[i] = factor;
	return all;
}

/* Adds the zero point to what has been clamped without it; that may wrap. */
static int add_state_zero(const struct svdf *u, int features)
{
	struct tnc *c = u->c;
	int output = tnc_unroll_picture(c, features, u->state,
					u->s.filters);
	struct tnc_op *op = tnc_unroll_append(c, u->op, TNC_VECTOR, features,
					      output);
	struct tnc_vector *v = tnc_alloc(c, 1, sizeof(*v));

	v->c = c;
	tnc_vector_load(v, 0, 0, -u->s.state_zero);
	tnc_vector_imm(v, NPU_VOP_SHL, 0, 0, 24);
	tnc_vector_imm(v, NPU_VOP_SHR, 0, 0, 24);
	tnc_vector_add(v, NPU_VOP_STORE, 0, 0, 0, 0);
	tnc_vector_finish(v, op);
	return output;
}

/* The input's product with each filter: [1, batches, 1, filters]. */
static int features_of(const struct svdf *u)
{
	struct tnc *c = u->c;
	const struct tnc_tensor *weights = tnc_op_input(c, u->op,
							TNC_SVDF_FEATURE);
	const int32_t in[4] = { 1, u->s.batches, 1, u->s.depth };
	const int32_t filters[4] = { u->s.filters, 1, 1, u->s.depth };
	struct tnc_tensor *type = tnc_tensor_new(c, u->state);
	int features;

	type->quant.zero_point = tnc_alloc(c, 1, sizeof(int32_t));
	features = tnc_unroll_pointwise(
		c, u->op,
		tnc_unroll_reshape(c, u->op, u->op->input[TNC_SVDF_INPUT], in,
				   4),
		constant_as(c, weights, filters), TNC_INPUT_NONE,
		repeat(c, u->s.feature, u->s.filters), type);
	return u->s.state_zero ? add_state_zero(u, features) : features;
}

/* The state, moved on by one, with the features at the end: [B, F, memory]. */
static int next_state(const struct svdf *u)
{
	struct tnc *c = u->c;
	const int32_t all[3] = { u->s.batches, u->s.filters, u->s.memory };
	const int32_t one[3] = { u->s.batches, u->s.filters, 1 };
	int newest = tnc_unroll_reshape(c, u->op, features_of(u), one, 3);
	struct tnc_op *join;
	int old;

	if (u->s.memory == 1)
		return newest;
	old = tnc_unroll_slice(c, u->op,
			       tnc_unroll_reshape(c, u->op, u->state->id, all,
						  3),
			       2, 1, u->s.memory - 1);
	join = tnc_unroll_append(c, u->op, TNC_CONCATENATION, old,
				 tnc_unroll_tensor(c, u->state, all, 3));
	tnc_op_add_input(c, join, newest);
	join->axis = 2;
	return join->output;
}

/* state x times, summed up over the memories of a unit's filters. */
static void write_sum(const struct svdf *u, struct tnc_vector *v, bool has_bias)
{
	tnc_vector_load(v, 0, 0, u->s.state_zero);
	tnc_vector_load(v, 1, 1, 0);
	tnc_vector_add(v, NPU_VOP_MUL, 0, 0, 1, 0);
	tnc_vector_add(v, NPU_VOP_RSUM, 0, 0, 0, 0);
	if (has_bias) {
		tnc_vector_load(v, 1, 2, 0);
		tnc_vector_add(v, NPU_VOP_ADD, 0, 0, 1, 0);
	}
	tnc_vector_scale(v, 0, 0, u->s.output);
	tnc_vector_add(v, NPU_VOP_STORE, 0, 0, 0, u->s.output_zero);
}

static void append_output(const struct svdf *u, int state,
			  const struct tnc_op *out)
{
	struct tnc *c = u->c;
	const struct tnc_tensor *bias = tnc_op_input(c, u->op, TNC_SVDF_BIAS);
	int units = u->s.filters / u->s.rank, lanes = u->s.rank * u->s.memory;
	const int32_t rows[4] = { 1, u->s.batches, units, lanes };
	const int32_t row[4] = { 1, 1, units, lanes };
	const int32_t one[4] = { 1, 1, units, 1 };
	const int32_t sums[4] = { 1, u->s.batches, units, 1 };
	int output = tnc_unroll_tensor(c, tnc_op_output(c, out), sums, 4);
	int input = tnc_unroll_reshape(c, u->op, state, rows, 4);
	struct tnc_vector *v = tnc_alloc(c, 1, sizeof(*v));
	struct tnc_op *op = tnc_unroll_append(c, u->op, TNC_VECTOR, input,
					      output);

	tnc_op_add_input(c, op, constant_as(
		c, tnc_op_input(c, u->op, TNC_SVDF_TIME), row));
	if (bias)
		tnc_op_add_input(c, op, constant_as(c, bias, one));
	v->c = c;
	write_sum(u, v, bias);
	tnc_vector_finish(v, op);
	tnc_unroll_append(c, out, TNC_RESHAPE, output, out->output);
}

/* @out and @state have the same inputs; one may be NULL. */
static void unroll_svdf(struct tnc *c, const struct tnc_op *out,
			const struct tnc_op *state)
{
	struct svdf u = { .c = c, .op = out ? out : state };
	int next;

	u.state = tnc_op_input(c, u.op, TNC_SVDF_STATE_IN);
	tnc_svdf_of(c, u.op, &u.s);
	next = next_state(&u);
	if (state)
		tnc_unroll_append(c, state, TNC_RESHAPE, next, state->output);
	if (out)
		append_output(&u, next, out);
}

/* --- The pass --------------------------------------------------------------- */

static const struct {
	enum tnc_op_kind out, state;
	void (*unroll)(struct tnc *c, const struct tnc_op *out,
		       const struct tnc_op *state);
} kinds[] = {
	{ TNC_LSTM, TNC_LSTM_CELL, tnc_unroll_lstm },
	{ TNC_SVDF, TNC_SVDF_STATE, unroll_svdf },
};

static bool same_inputs(const struct tnc_op *a, const struct tnc_op *b)
{
	return a->inputs == b->inputs &&
	       !memcmp(a->input, b->input, a->inputs * sizeof(*a->input)) &&
	       a->mode == b->mode && a->alpha == b->alpha;
}

/* Takes the operator of @kind with the inputs of @op from the list, if any. */
static struct tnc_op *take_partner(struct tnc_op **list, int first, int count,
				   const struct tnc_op *op,
				   enum tnc_op_kind kind)
{
	for (int i = first; i < count; i++) {
		struct tnc_op *other = list[i];

		if (other && other->kind == kind && same_inputs(op, other)) {
			list[i] = NULL;
			return other;
		}
	}
	return NULL;
}

/* What stands for operator @index of the list; false: nothing does. */
static bool unroll(struct tnc *c, struct tnc_op **list, int index, int count)
{
	struct tnc_op *op = list[index];

	for (int i = 0; i < TNC_ARRAY_SIZE(kinds); i++) {
		if (op->kind != kinds[i].out && op->kind != kinds[i].state)
			continue;
		tnc_place_op(c, op);
		if (op->kind == kinds[i].out)
			kinds[i].unroll(c, op,
					take_partner(list, index + 1, count,
						     op, kinds[i].state));
		else
			kinds[i].unroll(c, take_partner(list, index + 1, count,
							op, kinds[i].out), op);
		tnc_place_none(c);
		return true;
	}
	return false;
}

void tnc_pass_unroll(struct tnc *c)
{
	struct tnc_op **list = c->op;
	int count = c->ops;

	c->op = NULL;
	c->ops = c->ops_room = 0;
	for (int i = 0; i < count; i++)
		if (list[i] && !unroll(c, list, i, count))
			tnc_op_push(c, list[i]);
}
