// SPDX-License-Identifier: MIT
/*
 * How much of the signal is left if only one thing is quantised: an activation, or
 * the weights of an operator. What int8 can't hold often shows later only: energies
 * of a spectrum look fine until their logarithm is taken. So each is followed
 * through the operators behind it, and the worst place counts.
 */
#include <math.h>
#include <string.h>

#include "ptq.h"

#define HORIZON 16	/* operators in a row behind what is quantised */
#define INPUTS 2

/* The real graph once more, whose values differ where something was quantised. */
struct shadow {
	struct tnc_ptq *p;
	struct tnc_ptq_graph graph;
	uint8_t **own;		/* each activation's value if it differs */
	int *depth;		/* operators since what was quantised, 0: equal */
};

static void start(struct shadow *s, struct tnc_ptq *p)
{
	struct tnc *c = p->c;

	*s = (struct shadow){ .p = p, .graph = p->real };
	s->graph.tensor = tnc_alloc(c, TNC_TENSORS_MAX,
				    sizeof(*s->graph.tensor));
	s->own = tnc_alloc(c, p->real.tensors, sizeof(*s->own));
	s->depth = tnc_alloc(c, p->real.tensors, sizeof(*s->depth));
	for (int i = 0; i < p->real.tensors; i++) {
		struct tnc_tensor *t;

		if (!p->real.tensor[i])
			continue;
		t = tnc_alloc(c, 1, sizeof(*t));
		*t = *p->real.tensor[i];
		s->graph.tensor[i] = t;
		if (t->value)
			s->own[i] = tnc_alloc(c, 1, tnc_tensor_bytes(t));
	}
}

/* All values as in the real graph again. */
static void reset(struct shadow *s)
{
	for (int i = 0; i < s->graph.tensors; i++) {
		s->depth[i] = 0;
		if (s->graph.tensor[i])
			s->graph.tensor[i]->value = s->p->real.tensor[i]->value;
	}
}

static uint8_t *own_value(struct shadow *s, int id)
{
	return s->graph.tensor[id]->value = s->own[id];
}

static double snr_of(const struct shadow *s, int id)
{
	const struct tnc_tensor *t = s->graph.tensor[id];
	const float *real = (const float *)s->p->real.tensor[id]->value;
	const float *value = (const float *)t->value;
	int64_t elements = tnc_tensor_elements(t);
	double signal = 0, noise = 0;

	for (int64_t i = 0; i < elements; i++) {
		double error = value[i] - real[i];

		if (!isfinite(real[i]))
			continue;
		signal += (double)real[i] * real[i];
		noise += isfinite(error) ? error * error : (double)real[i] * real[i];
	}
	return tnc_ptq_decibel(signal, noise);
}

/* How many operators lie between the operator's output and what was quantised. */
static int depth_behind(const struct shadow *s, const struct tnc_op *op)
{
	int depth = 0;

	for (int i = 0; i < op->inputs; i++)
		if (op->input[i] != TNC_INPUT_NONE &&
		    s->depth[op->input[i]] > depth)
			depth = s->depth[op->input[i]];
	return depth ? depth + 1 : 0;
}

/* The least SNR from operator @first on. */
static double follow(struct shadow *s, int first)
{
	double least = TNC_PTQ_NO_NOISE;

	for (int i = first; i < s->graph.ops; i++) {
		struct tnc_op *op = s->graph.op[i];
		int depth = depth_behind(s, op);
		double snr;

		if (!depth || depth > HORIZON)
			continue;
		own_value(s, op->output);
		tnc_ref_op(s->p->c, op);
		if (!s->p->tensor[op->output].is_activation)
			continue;
		s->depth[op->output] = depth;
		snr = snr_of(s, op->output);
		least = snr < least ? snr : least;
	}
	return least;
}

static float in_steps(float value, float scale, int zero_point)
{
	float q = fminf(fmaxf(roundf(value / scale) + zero_point, -128), 127);

	return (q - zero_point) * scale;
}

static double with_tensor(struct shadow *s, int id, int first)
{
	const struct tnc_ptq_tensor *info =
		&s->p->tensor[tnc_ptq_first(s->p, id)];
	const struct tnc_tensor *real = s->p->real.tensor[id];
	const float *value = (const float *)real->value;
	int64_t elements = tnc_tensor_elements(real);
	float *own;
	double snr, behind;

	reset(s);
	own = (float *)own_value(s, id);
	for (int64_t i = 0; i < elements; i++)
		own[i] = in_steps(value[i], info->scale, info->zero_point);
	s->depth[id] = 1;
	snr = snr_of(s, id);
	behind = follow(s, first);
	return snr < behind ? snr : behind;
}

/* What the weights of operator @index are in int8, as floats again. */
static uint8_t *weights_in_steps(struct shadow *s, int index)
{
	struct tnc *c = s->p->c;
	const struct tnc_op *op = s->graph.op[index];
	int64_t elements = tnc_tensor_elements(tnc_op_input(c, op, 1));
	int64_t inner = 1;
	const struct tnc_tensor *int8 = tnc_ptq_weights(c, op, 1.0f,
		tnc_alloc(c, s->p->op[index].channels, sizeof(double)));
	float *value = tnc_alloc(c, elements, sizeof(*value));

	for (int d = int8->quant.axis + 1; d < int8->rank; d++)
		inner *= int8->shape[d];
	for (int64_t i = 0; i < elements; i++)
		value[i] = ((int8_t *)int8->data)[i] *
			   int8->quant.scale[i / inner % int8->quant.count];
	return (uint8_t *)value;
}

static double with_weights(struct shadow *s, int index)
{
	struct tnc *c = s->p->c;
	struct tnc_arena_mark mark = tnc_arena_mark(c->arena);
	int id = s->graph.op[index]->input[1];
	struct tnc_tensor *weights = s->graph.tensor[id];
	uint8_t *data = weights->data;
	double snr;

	reset(s);
	weights->data = weights_in_steps(s, index);
	s->depth[id] = 1;
	snr = follow(s, index);
	weights->data = data;
	/* The tensor that the weights made comes and goes with its memory. */
	s->graph.tensor[s->graph.tensors] = NULL;
	tnc_ptq_enter(c, &s->graph);
	tnc_arena_rewind(c->arena, mark);
	return snr;
}

/* The first operator that reads @id; the graph's end if none does. */
static int reader_of(const struct tnc_ptq_graph *graph, int id)
{
	for (int i = 0; i < graph->ops; i++)
		for (int k = 0; k < graph->op[i]->inputs; k++)
			if (graph->op[i]->input[k] == id)
				return i;
	return graph->ops;
}

static void sense_input(struct shadow *s)
{
	struct tnc_ptq *p = s->p;
	double snr;

	for (int id = 0; id < p->real.tensors; id++) {
		struct tnc_ptq_tensor *first;

		if (!p->tensor[id].is_activation)
			continue;
		first = &p->tensor[tnc_ptq_first(p, id)];
		snr = with_tensor(s, id, reader_of(&s->graph, id));
		if (snr < first->tolerance)
			first->tolerance = snr;
	}
	for (int i = 0; i < s->graph.ops; i++) {
		if (!p->op[i].channels)
			continue;
		snr = with_weights(s, i);
		if (snr < p->op[i].tolerance)
			p->op[i].tolerance = snr;
	}
}

/*
 * Needs: scales. Leaves: the real graph entered; in the first tensor of each group,
 * and in each operator with weights, the least SNR that was found.
 */
void tnc_ptq_sense(struct tnc_ptq *p)
{
	size_t count = p->options->count < INPUTS ? p->options->count : INPUTS;
	struct shadow s;

	start(&s, p);
	for (int i = 0; i < p->real.tensors; i++)
		p->tensor[i].tolerance = TNC_PTQ_NO_NOISE;
	for (int i = 0; i < p->real.ops; i++)
		p->op[i].tolerance = TNC_PTQ_NO_NOISE;
	for (size_t n = 0; n < count; n++) {
		tnc_ptq_run_real(p, n * p->options->count / count);
		tnc_ptq_enter(p->c, &s.graph);
		sense_input(&s);
	}
	tnc_ptq_enter(p->c, &p->real);
}
