// SPDX-License-Identifier: MIT
/*
 * Operators with a state, in float32, as TensorFlow Lite numbers their inputs.
 * The state before is an input, the one after another output: which of the two
 * is computed is an attribute, since an operator writes one tensor.
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

static float dot(const float *a, const float *b, int64_t count)
{
	float sum = 0;
	int64_t i;

	for (i = 0; i < count; i++)
		sum += a[i] * b[i];
	return sum;
}

static bool is_matrix(const struct cpu_tensor *t, int64_t rows, int64_t columns)
{
	return t && is_float(t) && t->rank == 2 && t->shape[0] == rows &&
	       t->shape[1] == columns;
}

static bool is_vector(const struct cpu_tensor *t, int64_t length)
{
	return is_float(t) && t->elements == length;
}

/* --- LSTM ------------------------------------------------------------------ */

enum { INPUT_GATE, FORGET_GATE, CELL_GATE, OUTPUT_GATE, GATES };
enum {
	LSTM_WEIGHTS = 1, /* of GATES gates, and so on */
	LSTM_RECURRENT = 5,
	LSTM_PEEPHOLES = 9,
	LSTM_BIASES = 12,
	LSTM_PROJECTION = 16,
	LSTM_OUTPUT_STATE = 18,
	LSTM_CELL_STATE = 19,
};

struct lstm {
	int64_t batches, times, depth, cells;
	bool is_time_major;
	bool is_cell; /* the output is the cells' state */
};

/* What a step works on. */
struct lstm_memory {
	float *gates;
	float *state; /* the output of the step before */
	float *cell;
};

static struct lstm lstm_of(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0];
	bool is_time_major = op->attr[0].i;

	return (struct lstm){
		.batches = in->shape[is_time_major ? 1 : 0],
		.times = in->shape[is_time_major ? 0 : 1],
		.depth = in->shape[2],
		.cells = op->out->shape[op->out->rank - 1],
		.is_time_major = is_time_major,
		.is_cell = op->attr[2].i,
	};
}

static const char *check_gates(const struct cpu_op *op, const struct lstm *l)
{
	int gate;

	for (gate = 0; gate < GATES; gate++) {
		const struct cpu_tensor *bias = op->in[LSTM_BIASES + gate];
		bool is_left_out = gate == INPUT_GATE &&
				   !op->in[LSTM_WEIGHTS] &&
				   !op->in[LSTM_RECURRENT];

		if (!is_left_out &&
		    (!is_matrix(op->in[LSTM_WEIGHTS + gate], l->cells,
				l->depth) ||
		     !is_matrix(op->in[LSTM_RECURRENT + gate], l->cells,
				l->cells)))
			return "weights of a gate";
		if (bias && !is_vector(bias, l->cells))
			return "bias of a gate";
	}
	return NULL;
}

static const char *check_lstm(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0];
	struct lstm l;
	int i;

	if (!in || !is_float(in) || !is_float(op->out) || in->rank != 3 ||
	    !op->out->rank)
		return "input or output";
	l = lstm_of(op);
	if (l.is_cell ? !is_matrix(op->out, l.batches, l.cells) :
			op->out->rank != 3 ||
			in->shape[0] != op->out->shape[0] ||
			in->shape[1] != op->out->shape[1])
		return "shape of the output";
	for (i = LSTM_PEEPHOLES; i < LSTM_BIASES; i++)
		if (op->in[i])
			return "peepholes";
	if (op->in[LSTM_PROJECTION] || op->in[LSTM_PROJECTION + 1])
		return "a projection";
	if (!is_matrix(op->in[LSTM_OUTPUT_STATE], l.batches, l.cells) ||
	    !is_matrix(op->in[LSTM_CELL_STATE], l.batches, l.cells))
		return "a state";
	if (!(op->attr[1].f >= 0))
		return "limit of the cells";
	if (l.depth + l.cells > NPU_CPU_MAX_WORK / in->elements / l.cells / GATES)
		return "too much work";
	return check_gates(op, &l);
}

static uint64_t scratch_lstm(const struct cpu_op *op)
{
	struct lstm l = lstm_of(op);

	return l.cells * (GATES + 2 * l.batches) * sizeof(float);
}

static float logistic(float x)
{
	return 1 / (1 + expf(-x));
}

static void lstm_gate(const struct cpu_op *op, const struct lstm *l, int gate,
		      const float *in, const float *state, float *to)
{
	const float *weights = floats(op, LSTM_WEIGHTS + gate);
	const float *recurrent = floats(op, LSTM_RECURRENT + gate);
	const float *bias = floats(op, LSTM_BIASES + gate);
	int64_t i;

	for (i = 0; i < l->cells; i++) {
		float x = (bias ? bias[i] : 0) +
			  dot(in, weights + i * l->depth, l->depth) +
			  dot(state, recurrent + i * l->cells, l->cells);

		to[i] = gate == CELL_GATE ? tanhf(x) : logistic(x);
	}
}

/* One batch at one time. */
static void lstm_step(const struct cpu_op *op, const struct lstm *l,
		      const struct lstm_memory *m, int64_t batch,
		      const float *in)
{
	float *state = m->state + batch * l->cells;
	float *cell = m->cell + batch * l->cells;
	float limit = op->attr[1].f > 0 ? op->attr[1].f : INFINITY;
	bool has_input_gate = op->in[LSTM_WEIGHTS];
	int64_t i;
	int gate;

	for (gate = has_input_gate ? 0 : 1; gate < GATES; gate++)
		lstm_gate(op, l, gate, in, state, m->gates + gate * l->cells);
	for (i = 0; i < l->cells; i++) {
		float forget = m->gates[FORGET_GATE * l->cells + i];
		float enter = has_input_gate ? m->gates[i] : 1 - forget;

		cell[i] = clamp(forget * cell[i] +
				enter * m->gates[CELL_GATE * l->cells + i],
				-limit, limit);
		state[i] = m->gates[OUTPUT_GATE * l->cells + i] *
			   tanhf(cell[i]);
	}
}

static const char *run_lstm(const struct cpu_op *op, void *scratch)
{
	struct lstm l = lstm_of(op);
	uint64_t states = l.batches * l.cells;
	struct lstm_memory m = { .gates = scratch };
	float *out = op->out->data;
	int64_t batch, t;

	m.state = m.gates + GATES * l.cells;
	m.cell = m.state + states;
	memcpy(m.state, floats(op, LSTM_OUTPUT_STATE), states * sizeof(float));
	memcpy(m.cell, floats(op, LSTM_CELL_STATE), states * sizeof(float));
	for (t = 0; t < l.times; t++)
	for (batch = 0; batch < l.batches; batch++) {
		int64_t at = l.is_time_major ? t * l.batches + batch :
					       batch * l.times + t;

		lstm_step(op, &l, &m, batch, floats(op, 0) + at * l.depth);
		if (!l.is_cell)
			memcpy(out + at * l.cells, m.state + batch * l.cells,
			       l.cells * sizeof(float));
	}
	if (l.is_cell)
		memcpy(out, m.cell, states * sizeof(float));
	return NULL;
}

const struct cpu_kernel cpu_lstm = {
	.check = check_lstm,
	.scratch = scratch_lstm,
	.run = run_lstm,
};

/* --- SVDF ------------------------------------------------------------------ */

/* Attributes: rank, 1 for the new state, bounds. */
static const char *check_svdf(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0], *features = op->in[1];
	const struct cpu_tensor *times = op->in[2], *bias = op->in[3];
	int64_t rank = op->attr[0].i, filters, length;

	if (!in || !features || !times || in->rank != 2 || features->rank != 2 ||
	    times->rank != 2 || !is_float(in))
		return "input or weights";
	filters = features->shape[0];
	length = times->shape[1];
	if (rank < 1 || filters % rank ||
	    !is_matrix(features, filters, in->shape[1]) ||
	    !is_matrix(times, filters, length) ||
	    !is_matrix(op->in[4], in->shape[0], filters * length) ||
	    !is_matrix(op->out, in->shape[0],
		       op->attr[1].i ? filters * length : filters / rank))
		return "shapes do not fit";
	if (bias && !is_vector(bias, filters / rank))
		return "length of the bias";
	if (!are_bounds(op->attr[2], op->attr[3]))
		return "bounds";
	return NULL;
}

/* What a filter remembers: the oldest is forgotten, the input's part is new. */
struct svdf {
	int64_t filters, length, depth;
};

static float newest(const struct cpu_op *op, const struct svdf *s,
		    int64_t batch, int64_t filter)
{
	return dot(floats(op, 0) + batch * s->depth,
		   floats(op, 1) + filter * s->depth, s->depth);
}

static const float *memory(const struct cpu_op *op, const struct svdf *s,
			   int64_t batch, int64_t filter)
{
	return floats(op, 4) + (batch * s->filters + filter) * s->length;
}

static float svdf_filter(const struct cpu_op *op, const struct svdf *s,
			 int64_t batch, int64_t filter)
{
	const float *times = floats(op, 2) + filter * s->length;

	return dot(memory(op, s, batch, filter) + 1, times, s->length - 1) +
	       newest(op, s, batch, filter) * times[s->length - 1];
}

static void svdf_state(const struct cpu_op *op, const struct svdf *s,
		       int64_t batch, float *out)
{
	int64_t i;

	for (i = 0; i < s->filters; i++, out += s->length) {
		memcpy(out, memory(op, s, batch, i) + 1,
		       (s->length - 1) * sizeof(float));
		out[s->length - 1] = newest(op, s, batch, i);
	}
}

static void svdf_output(const struct cpu_op *op, const struct svdf *s,
			int64_t batch, float *out)
{
	int64_t rank = op->attr[0].i, i, k;

	for (i = 0; i < s->filters / rank; i++) {
		float sum = input(op, 3) ? floats(op, 3)[i] : 0;

		for (k = 0; k < rank; k++)
			sum += svdf_filter(op, s, batch, i * rank + k);
		out[i] = clamp(sum, op->attr[2].f, op->attr[3].f);
	}
}

static const char *run_svdf(const struct cpu_op *op, void *scratch)
{
	struct svdf s = { op->in[1]->shape[0], op->in[2]->shape[1],
			  op->in[0]->shape[1] };
	float *out = op->out->data;
	int64_t batch;

	for (batch = 0; batch < op->out->shape[0]; batch++) {
		if (op->attr[1].i)
			svdf_state(op, &s, batch, out);
		else
			svdf_output(op, &s, batch, out);
		out += op->out->shape[1];
	}
	return NULL;
}

const struct cpu_kernel cpu_svdf = { .check = check_svdf, .run = run_svdf };
