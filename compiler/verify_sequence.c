// SPDX-License-Identifier: MIT
/*
 * What the verifier asks of LSTM and SVDF. As in TensorFlow Lite Micro there are
 * no peepholes, projections, normalised or coupled gates. Called by verify.c.
 */
#include <errno.h>
#include <math.h>

#include "sequence.h"
#include "verify.h"

#define TANH_SHIFT_LEAST (-30)
#define SHIFT_MOST 30
#define TANH_SHIFT_MOST 14	/* a cell times 3, shifted left, fits 32 bits */

/* Needs input @index; of @type, with one scale. */
static const struct tnc_tensor *need_input(struct tnc *c,
					   const struct tnc_op *op, int index,
					   enum tnc_type type)
{
	const struct tnc_tensor *t = tnc_op_input(c, op, index);

	if (!t)
		tnc_error(c, -EINVAL, "input %d is missing", index);
	tnc_place_tensor(c, t->id);
	if (t->type != type)
		tnc_error(c, -EOPNOTSUPP, "unsupported %s, must be %s",
			  tnc_type_info[t->type].name,
			  tnc_type_info[type].name);
	if (type != TNC_INT32 && type != TNC_INT64 && t->quant.count != 1)
		tnc_error(c, -EINVAL, "has %d scales, needs 1",
			  t->quant.count);
	tnc_place_tensor(c, -1);
	return t;
}

static void need_zero(struct tnc *c, const struct tnc_tensor *t)
{
	tnc_place_tensor(c, t->id);
	if (t->quant.zero_point[0])
		tnc_error(c, -EOPNOTSUPP, "unsupported zero point %d",
			  t->quant.zero_point[0]);
	tnc_place_tensor(c, -1);
}

static void need_constant(struct tnc *c, const struct tnc_tensor *t)
{
	tnc_place_tensor(c, t->id);
	if (!t->data)
		tnc_error(c, -EOPNOTSUPP, "unsupported: must be constant");
	tnc_place_tensor(c, -1);
}

static void need_matrix(struct tnc *c, const struct tnc_tensor *t, int rows,
			int columns)
{
	need_zero(c, t);
	need_constant(c, t);
	tnc_need_rank(c, t, 2);
	tnc_need_size(c, t, 0, rows);
	tnc_need_size(c, t, 1, columns);
}

static void need_elements(struct tnc *c, const struct tnc_tensor *t,
			  int64_t elements)
{
	tnc_place_tensor(c, t->id);
	if (tnc_tensor_elements(t) != elements)
		tnc_error(c, -EINVAL, "%lld elements, must be %lld",
			  (long long)tnc_tensor_elements(t),
			  (long long)elements);
	tnc_place_tensor(c, -1);
}

/* As the arithmetic applies it: what is shifted left has to keep its bits. */
static void need_factor(struct tnc *c, struct tnc_factor factor, int most)
{
	if (factor.shift > most)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported ratio of scales (%d * 2^%d)",
			  factor.multiplier, factor.shift - 31);
}

static void verify_gates(struct tnc *c, const struct tnc_op *op,
			 enum tnc_type type, int depth, int cells)
{
	for (int i = 0; i < TNC_GATES; i++) {
		const struct tnc_tensor *bias =
			need_input(c, op, TNC_LSTM_BIAS + i,
				   type == TNC_INT16 ? TNC_INT64 : TNC_INT32);

		need_matrix(c, need_input(c, op, TNC_LSTM_WEIGHTS + i,
					  TNC_INT8), cells, depth);
		need_matrix(c, need_input(c, op, TNC_LSTM_RECURRENT + i,
					  TNC_INT8), cells, cells);
		need_constant(c, bias);
		need_elements(c, bias, cells);
	}
}

static void verify_lstm_factors(struct tnc *c, const struct tnc_op *op,
				const struct tnc_lstm *lstm)
{
	/* 64-bit sums are multiplied with fewer bits. */
	int most = tnc_op_input(c, op, 0)->type == TNC_INT16 ? 7 : SHIFT_MOST;

	for (int i = 0; i < TNC_GATES; i++) {
		need_factor(c, lstm->input[i], most);
		need_factor(c, lstm->recurrent[i], most);
	}
	need_factor(c, lstm->update, SHIFT_MOST);
	need_factor(c, lstm->output, SHIFT_MOST);
	if (lstm->tanh_shift < TANH_SHIFT_LEAST ||
	    lstm->tanh_shift > TANH_SHIFT_MOST)
		tnc_error(c, -EOPNOTSUPP, "unsupported scale %g of the cells",
			  tnc_op_input(c, op, TNC_LSTM_CELL_STATE)->quant.scale[0]);
	if (!isfinite(op->alpha))
		tnc_error(c, -EINVAL, "cells are clipped at %g", op->alpha);
}

/* int8, or int16 with biases and sums of 64 bits. */
static enum tnc_type activation_type(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, TNC_LSTM_INPUT);

	return in && in->type == TNC_INT16 ? TNC_INT16 : TNC_INT8;
}

static void verify_lstm_inputs(struct tnc *c, const struct tnc_op *op,
			       struct tnc_lstm *lstm)
{
	enum tnc_type type = activation_type(c, op);
	const struct tnc_tensor *in = need_input(c, op, TNC_LSTM_INPUT, type);
	const struct tnc_tensor *hidden;
	const struct tnc_tensor *weights =
		need_input(c, op, TNC_LSTM_WEIGHTS, TNC_INT8);
	int64_t states;

	tnc_need_rank(c, in, 3);
	tnc_need_rank(c, weights, 2);
	for (int i = TNC_LSTM_PEEPHOLES; i < TNC_LSTM_BIAS; i++)
		if (tnc_op_input(c, op, i))
			tnc_error(c, -EOPNOTSUPP, "unsupported peepholes");
	for (int i = TNC_LSTM_PROJECTION; i < TNC_LSTM_HIDDEN; i++)
		if (tnc_op_input(c, op, i))
			tnc_error(c, -EOPNOTSUPP, "unsupported projection");
	verify_gates(c, op, type, in->shape[2], weights->shape[0]);
	hidden = need_input(c, op, TNC_LSTM_HIDDEN, type);
	if (type == TNC_INT16) {
		need_zero(c, in);
		need_zero(c, hidden);
	}
	need_zero(c, need_input(c, op, TNC_LSTM_CELL_STATE, TNC_INT16));
	tnc_lstm_of(c, op, lstm);
	states = (int64_t)lstm->batches * lstm->cells;
	need_elements(c, tnc_op_input(c, op, TNC_LSTM_HIDDEN), states);
	need_elements(c, tnc_op_input(c, op, TNC_LSTM_CELL_STATE), states);
	verify_lstm_factors(c, op, lstm);
}

void tnc_verify_lstm(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_lstm lstm;

	verify_lstm_inputs(c, op, &lstm);
	tnc_need_same_type(c, tnc_op_input(c, op, TNC_LSTM_INPUT), out);
	tnc_need_rank(c, out, 3);
	tnc_need_size(c, out, 0, tnc_op_input(c, op, 0)->shape[0]);
	tnc_need_size(c, out, 1, tnc_op_input(c, op, 0)->shape[1]);
	tnc_need_size(c, out, 2, lstm.cells);
}

/* The cells behind the last step: like the state that they begin as. */
void tnc_verify_lstm_cell(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_lstm lstm;

	verify_lstm_inputs(c, op, &lstm);
	tnc_need_same_type(c, tnc_op_input(c, op, TNC_LSTM_CELL_STATE), out);
	need_elements(c, out, (int64_t)lstm.batches * lstm.cells);
}

static void verify_svdf_inputs(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = need_input(c, op, TNC_SVDF_INPUT,
						 TNC_INT8);
	const struct tnc_tensor *feature = need_input(c, op, TNC_SVDF_FEATURE,
						      TNC_INT8);
	const struct tnc_tensor *time = tnc_op_input(c, op, TNC_SVDF_TIME);
	const struct tnc_tensor *bias = tnc_op_input(c, op, TNC_SVDF_BIAS);
	const struct tnc_tensor *state;
	int rank = op->list[0].count == 1 ? op->list[0].id[0] : 0;

	if (time->type != TNC_INT16)
		need_input(c, op, TNC_SVDF_TIME, TNC_INT8);
	need_input(c, op, TNC_SVDF_TIME, time->type);
	state = need_input(c, op, TNC_SVDF_STATE_IN, time->type);
	tnc_need_rank(c, in, 2);
	tnc_need_rank(c, feature, 2);
	tnc_need_rank(c, time, 2);
	need_matrix(c, feature, feature->shape[0], in->shape[1]);
	need_matrix(c, time, feature->shape[0], time->shape[1]);
	need_elements(c, state, (int64_t)in->shape[0] * feature->shape[0] *
				time->shape[1]);
	if (time->type == TNC_INT16)
		need_zero(c, state);
	if (rank < 1 || feature->shape[0] % rank)
		tnc_error(c, -EINVAL, "%d filters of rank %d",
			  feature->shape[0], rank);
	if (!bias)
		return;
	need_input(c, op, TNC_SVDF_BIAS, TNC_INT32);
	need_constant(c, bias);
	need_elements(c, bias, feature->shape[0] / rank);
}

void tnc_verify_svdf(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_svdf svdf;

	verify_svdf_inputs(c, op);
	tnc_need_activation(c, out);
	tnc_svdf_of(c, op, &svdf);
	need_factor(c, svdf.feature, SHIFT_MOST);
	need_factor(c, svdf.output, SHIFT_MOST);
	tnc_need_rank(c, out, 2);
	tnc_need_size(c, out, 0, svdf.batches);
	tnc_need_size(c, out, 1, svdf.filters / svdf.rank);
}

void tnc_verify_svdf_state(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *state = tnc_op_input(c, op,
						      TNC_SVDF_STATE_IN);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_svdf svdf;

	verify_svdf_inputs(c, op);
	tnc_need_same_type(c, state, out);
	need_elements(c, out, tnc_tensor_elements(state));
	if (out->quant.count != 1)
		tnc_error(c, -EINVAL, "has %d scales, needs 1",
			  out->quant.count);
	tnc_svdf_of(c, op, &svdf);
	need_factor(c, svdf.feature, SHIFT_MOST);
}
