// SPDX-License-Identifier: MIT
/*
 * The reference executor's LSTM and SVDF, as TensorFlow Lite Micro computes them.
 * What LSTM and SVDF leave behind are results of operators of their own, which
 * compute the same again. Called by ref.c.
 */
#include <stdlib.h>
#include <string.h>

#include "ref.h"
#include "sequence.h"

/* The table at @x / 2^@shift, in between in proportion, times 2^@shift. */
static int32_t sigmoid_between(int x, int shift)
{
	int index = x >> shift;
	int low, high;

	if (index >= TNC_SIGMOID_ENTRIES - 1)
		return -1;
	low = tnc_sigmoid_entry(index);
	high = tnc_sigmoid_entry(index + 1);
	return (low << shift) + (x & ((1 << shift) - 1)) * (high - low);
}

/* From steps of 2^-12 to steps of 2^-15. */
static int16_t sigmoid(int16_t gate)
{
	int x = gate * 3;
	int32_t result = sigmoid_between(abs(x), 9);

	if (result < 0)
		result = INT16_MAX << 10;
	result = x >= 0 ? result + (1 << 9) :
			  (1 << 25) - result + (1 << 9) - 1;
	return result >> 10;
}

/* tanh(x) = 2 sigmoid(2 x) - 1; see tnc_lstm for the shift. */
static int16_t hyperbolic_tangent(int16_t value, int shift)
{
	int x = shift >= 0 ? value * (3 << shift) :
			     (value * 3 + (1 << (-shift - 1))) >> -shift;
	int32_t result = sigmoid_between(abs(x), 8);

	if (result < 0)
		result = UINT16_MAX << 8;
	result = x >= 0 ? result - (1 << 23) + (1 << 7) :
			  (1 << 23) - result + (1 << 7) - 1;
	return result >> 8;
}

static int16_t clamp16(int32_t x)
{
	return ref_clamp(x, INT16_MIN, INT16_MAX);
}

static int32_t element(enum tnc_type type, const void *bytes, size_t index)
{
	return type == TNC_INT16 ? ((const int16_t *)bytes)[index] :
				   ((const int8_t *)bytes)[index];
}

/* Of @count elements from @at on, of int8 or int16. */
static int64_t dot(enum tnc_type type, const void *in, size_t at, int zero,
		   const int8_t *weights, int count)
{
	int64_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += (element(type, in, at + i) - zero) * weights[i];
	return sum;
}

struct lstm_run {
	struct tnc *c;
	const struct tnc_op *op;
	struct tnc_lstm lstm;
	enum tnc_type type;	/* of inputs, hidden states and outputs */
	int size;		/* of such an element */
	size_t row;		/* of the input and output at this step */
	int8_t *hidden;
	int16_t *cell;
	int8_t *out;		/* of all steps */
};

static const int8_t *bytes_of(const struct lstm_run *run, int input)
{
	return tnc_ref_value(run->c, run->op->input[input]);
}

static int zero_of(const struct lstm_run *run, int input)
{
	return tnc_op_input(run->c, run->op, input)->quant.zero_point[0];
}

/* Of int16 the sums have 64 bits, the factors fewer. */
static int16_t gate_part(const struct lstm_run *run, int64_t sum,
			 struct tnc_factor factor)
{
	return clamp16(run->type == TNC_INT16 ? ref_scale_wide(sum, factor) :
						ref_scale(sum, factor));
}

static int64_t bias_of(const struct lstm_run *run, int input, int index)
{
	const int8_t *bias = bytes_of(run, input);
	int32_t narrow;
	int64_t wide;

	memcpy(&narrow, bias + (size_t)index * 4, 4);
	if (run->type != TNC_INT16)
		return narrow;
	memcpy(&wide, bias + (size_t)index * 8, 8);
	return wide;
}

/* What goes into a gate's sigmoid or tanh. */
static int16_t gate(const struct lstm_run *run, enum tnc_gate g, int cell)
{
	const struct tnc_lstm *l = &run->lstm;
	const int8_t *weights = bytes_of(run, TNC_LSTM_WEIGHTS + g);
	const int8_t *recurrent = bytes_of(run, TNC_LSTM_RECURRENT + g);
	uint64_t from_input = dot(run->type, bytes_of(run, TNC_LSTM_INPUT),
				  run->row * l->depth,
				  zero_of(run, TNC_LSTM_INPUT),
				  weights + (size_t)cell * l->depth, l->depth);
	int64_t from_hidden = dot(run->type, run->hidden, 0, l->hidden_zero,
				  recurrent + (size_t)cell * l->cells,
				  l->cells);

	from_input += bias_of(run, TNC_LSTM_BIAS + g, cell);
	return clamp16(gate_part(run, from_input, l->input[g]) +
		       gate_part(run, from_hidden, l->recurrent[g]));
}

static void put_hidden(const struct lstm_run *run, int index, int32_t value)
{
	size_t at = run->row * run->lstm.cells + index;

	value += run->lstm.hidden_zero;
	if (run->type == TNC_INT16)
		((int16_t *)run->out)[at] = clamp16(value);
	else
		run->out[at] = ref_clamp(value, -128, 127);
}

/* All gates look at the hidden state before any of it changes. */
static void lstm_step(struct lstm_run *run)
{
	const struct tnc_lstm *l = &run->lstm;

	for (int i = 0; i < l->cells; i++) {
		int forget = sigmoid(gate(run, TNC_GATE_FORGET, i));
		int input = sigmoid(gate(run, TNC_GATE_INPUT, i));
		int update = hyperbolic_tangent(gate(run, TNC_GATE_CELL, i),
						0);
		int output = sigmoid(gate(run, TNC_GATE_OUTPUT, i));
		int cell = clamp16(ref_scale(forget * run->cell[i],
					     l->forget));

		cell = clamp16(cell + clamp16(ref_scale(input * update,
							l->update)));
		if (l->clip >= 0)
			cell = ref_clamp(cell, -l->clip, l->clip);
		run->cell[i] = cell;
		update = hyperbolic_tangent(cell, l->tanh_shift);
		put_hidden(run, i, ref_scale(update * output, l->output));
	}
	memcpy(run->hidden, run->out + run->row * l->cells * run->size,
	       (size_t)l->cells * run->size);
}

/* Fills in @out of all steps and @cells of all batches. */
static void run_lstm(struct tnc *c, const struct tnc_op *op, int8_t *out,
		     int16_t *cells)
{
	struct lstm_run run = { .c = c, .op = op, .out = out };
	const struct tnc_lstm *l = &run.lstm;
	size_t states, bytes;

	tnc_lstm_of(c, op, &run.lstm);
	run.type = tnc_op_input(c, op, TNC_LSTM_INPUT)->type;
	run.size = tnc_type_info[run.type].size;
	bytes = (size_t)l->cells * run.size;
	states = (size_t)l->batches * l->cells;
	memcpy(cells, bytes_of(&run, TNC_LSTM_CELL_STATE), 2 * states);
	run.hidden = tnc_alloc(c, 1, bytes);
	for (int b = 0; b < l->batches; b++) {
		run.cell = cells + (size_t)b * l->cells;
		memcpy(run.hidden, bytes_of(&run, TNC_LSTM_HIDDEN) + b * bytes,
		       bytes);
		for (int t = 0; t < l->steps; t++) {
			run.row = l->is_time_major ?
				(size_t)t * l->batches + b :
				(size_t)b * l->steps + t;
			lstm_step(&run);
		}
	}
}

void tnc_ref_lstm(struct tnc *c, struct tnc_op *op)
{
	struct tnc_arena_mark mark = tnc_arena_mark(c->arena);
	const struct tnc_tensor *cell = tnc_op_input(c, op,
						     TNC_LSTM_CELL_STATE);

	run_lstm(c, op, (int8_t *)tnc_op_output(c, op)->value,
		 tnc_alloc(c, tnc_tensor_elements(cell), 2));
	tnc_arena_rewind(c->arena, mark);
}

void tnc_ref_lstm_cell(struct tnc *c, struct tnc_op *op)
{
	struct tnc_arena_mark mark = tnc_arena_mark(c->arena);
	struct tnc_lstm l;

	tnc_lstm_of(c, op, &l);
	/* Room for outputs of either type. */
	run_lstm(c, op, tnc_alloc(c, (size_t)l.batches * l.steps, 2 * l.cells),
		 (int16_t *)tnc_op_output(c, op)->value);
	tnc_arena_rewind(c->arena, mark);
}

/* What is newest in the state: the input's product with a filter. */
static int32_t feature(struct tnc *c, const struct tnc_op *op,
		       const struct tnc_svdf *s, int batch, int filter)
{
	const int8_t *in = tnc_ref_value(c, op->input[TNC_SVDF_INPUT]);
	const int8_t *weights = tnc_ref_value(c, op->input[TNC_SVDF_FEATURE]);
	bool is_wide = tnc_op_input(c, op, TNC_SVDF_STATE_IN)->type ==
		       TNC_INT16;
	int64_t sum = dot(TNC_INT8, in, (size_t)batch * s->depth,
			  s->input_zero, weights + (size_t)filter * s->depth,
			  s->depth);
	int32_t scaled = ref_scale(sum, s->feature);

	if (is_wide)
		return clamp16(scaled);
	/* As the reference does it: the zero point comes behind the clamp. */
	return (int8_t)(ref_clamp(scaled, -128, 127) + s->state_zero);
}

/* Element @at of the memory of a filter, after it moved on by one. */
static int32_t state_of(struct tnc *c, const struct tnc_op *op,
			const struct tnc_svdf *s, int batch, int filter,
			int at)
{
	const struct tnc_tensor *state = tnc_op_input(c, op,
						      TNC_SVDF_STATE_IN);
	size_t row = (size_t)batch * s->filters + filter;

	if (at == s->memory - 1)
		return feature(c, op, s, batch, filter);
	return element(state->type, tnc_ref_value(c, state->id),
		       row * s->memory + at + 1);
}

void tnc_ref_svdf_state(struct tnc *c, struct tnc_op *op)
{
	struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_svdf s;
	size_t i = 0;

	tnc_svdf_of(c, op, &s);
	for (int b = 0; b < s.batches; b++)
	for (int f = 0; f < s.filters; f++)
	for (int at = 0; at < s.memory; at++, i++) {
		int32_t value = state_of(c, op, &s, b, f, at);

		if (out->type == TNC_INT16)
			((int16_t *)out->value)[i] = value;
		else
			((int8_t *)out->value)[i] = value;
	}
}

static uint32_t filter_sum(struct tnc *c, const struct tnc_op *op,
			   const struct tnc_svdf *s, int batch, int filter)
{
	const struct tnc_tensor *time = tnc_op_input(c, op, TNC_SVDF_TIME);
	uint32_t sum = 0;

	for (int at = 0; at < s->memory; at++)
		sum += (uint32_t)element(time->type, time->data,
					 (size_t)filter * s->memory + at) *
		       (uint32_t)(state_of(c, op, s, batch, filter, at) -
				  s->state_zero);
	return sum;
}

void tnc_ref_svdf(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *bias = tnc_op_input(c, op, TNC_SVDF_BIAS);
	int8_t *out = (int8_t *)tnc_op_output(c, op)->value;
	struct tnc_svdf s;

	tnc_svdf_of(c, op, &s);
	for (int b = 0; b < s.batches; b++)
	for (int unit = 0; unit < s.filters / s.rank; unit++) {
		int32_t first = 0;
		uint32_t sum;

		if (bias)
			memcpy(&first, bias->data + (size_t)unit * 4, 4);
		sum = first;
		for (int r = 0; r < s.rank; r++)
			sum += filter_sum(c, op, &s, b, unit * s.rank + r);
		*out++ = ref_requantise(sum, s.output, s.output_zero, -128,
					127);
	}
}
