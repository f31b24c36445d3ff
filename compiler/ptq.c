// SPDX-License-Identifier: MIT
/*
 * Pass 'q': post-training quantisation of what is float.
 *
 * Needs: a folded graph; calibration inputs, else it does nothing.
 * Leaves: the graph in int8 where int8 can hold what is computed, in float elsewhere,
 * with QUANTIZE and DEQUANTIZE between the two.
 *
 * The order: ranges of all activations on the calibration inputs; groups of those
 * that have to share a scale; what int8 would ruin stays float. Then there are
 * several ways to make scales of ranges: each is built and measured, the best one
 * stays. Then biases are corrected. If the outputs are still far off, it is tried
 * with more operators in float, and all that is done again.
 */
#include <errno.h>
#include <math.h>

#include "ptq.h"

#define SENSITIVE_DB 10.0	/* less than that of a tensor says nothing */
#define SENSITIVE_STEP_DB 3.0
#define SENSITIVE_MOST_DB 31.0
#define GOOD_DB 25.0		/* of the outputs: no need to look for more */
#define USELESS_DB 15.0		/* of the outputs */
#define WORTH_DB 6.0		/* that more float has to gain */
#define TRIAL_INPUTS 16
#define INPUTS 32

static const char *const method_name[TNC_PTQ_METHODS] = {
	[TNC_PTQ_MSE] = "least square error",
	[TNC_PTQ_PERCENTILE] = "percentile",
	[TNC_PTQ_MINMAX] = "minimum and maximum",
};

struct tnc_ptq_graph tnc_ptq_leave(const struct tnc *c)
{
	return (struct tnc_ptq_graph){
		.tensor = c->tensor,
		.tensors = c->tensors,
		.op = c->op,
		.ops = c->ops,
		.ops_room = c->ops_room,
		.inputs = c->inputs,
		.outputs = c->outputs,
		.variable = c->variable,
		.variables = c->variables,
		.variables_room = c->variables_room,
	};
}

void tnc_ptq_enter(struct tnc *c, const struct tnc_ptq_graph *graph)
{
	c->tensor = graph->tensor;
	c->tensors = graph->tensors;
	c->op = graph->op;
	c->ops = graph->ops;
	c->ops_room = graph->ops_room;
	c->inputs = graph->inputs;
	c->outputs = graph->outputs;
	c->variable = graph->variable;
	c->variables = graph->variables;
	c->variables_room = graph->variables_room;
}

static void start_op(struct tnc_ptq *p, int index)
{
	struct tnc *c = p->c;
	const struct tnc_op *op = p->real.op[index];
	struct tnc_ptq_op *info = &p->op[index];

	info->rule = tnc_ptq_rule_of(c, op);
	info->is_refused = info->rule.form == TNC_PTQ_NONE;
	if (info->is_refused)
		snprintf(info->reason, sizeof(info->reason), "%s has no int8 form",
			 tnc_op_title(op));
	if (info->rule.form != TNC_PTQ_WEIGHTED)
		return;
	info->channels = tnc_op_input(c, op, 1)->shape[
		tnc_ptq_channel_axis(op)];
	info->error = tnc_alloc(c, info->channels, sizeof(double));
	info->correction = tnc_alloc(c, info->channels, sizeof(double));
	info->before = tnc_alloc(c, info->channels, sizeof(double));
}

static void start_interface(struct tnc_ptq *p)
{
	struct tnc *c = p->c;

	p->in = tnc_alloc(c, c->inputs.count + 1, sizeof(*p->in));
	p->steps = tnc_alloc(c, c->inputs.count + 1, sizeof(*p->steps));
	p->out = tnc_alloc(c, c->outputs.count + 1, sizeof(*p->out));
	for (int i = 0; i < c->inputs.count; i++)
		p->steps[i] = tnc_alloc(c, 1, tnc_tensor_elements(
			c->tensor[c->inputs.id[i]]));
	for (int i = 0; i < c->outputs.count; i++)
		p->out[i] = tnc_alloc(c, 1, tnc_tensor_bytes(
			c->tensor[c->outputs.id[i]]));
}

static void start(struct tnc_ptq *p, struct tnc *c)
{
	*p = (struct tnc_ptq){
		.c = c,
		.options = c->options.quantise,
		.real = tnc_ptq_leave(c),
	};
	p->tensor = tnc_alloc(c, c->tensors + 1, sizeof(*p->tensor));
	p->op = tnc_alloc(c, c->ops + 1, sizeof(*p->op));
	for (int i = 0; i < c->tensors; i++) {
		const struct tnc_tensor *t = c->tensor[i];

		p->tensor[i].group = i;
		p->tensor[i].is_activation =
			t && t->type == TNC_FLOAT32 && !t->data;
	}
	for (int i = 0; i < c->ops; i++)
		start_op(p, i);
	start_interface(p);
}

static double try_method(struct tnc_ptq *p, enum tnc_ptq_method method,
			 size_t most)
{
	tnc_ptq_choose(p, method);
	tnc_ptq_build(p);
	return tnc_ptq_measure(p, most);
}

/* Leaves the best graph built and measured; returns its SNR. */
static double best_graph(struct tnc_ptq *p, enum tnc_ptq_method *best)
{
	double most = -INFINITY, snr;

	for (int i = 0; i < p->real.ops; i++)
		for (int k = 0; k < p->op[i].channels; k++)
			p->op[i].correction[k] = 0;
	for (int i = 0; i < TNC_PTQ_METHODS; i++) {
		snr = try_method(p, i, TRIAL_INPUTS);
		if (snr > most) {
			most = snr;
			*best = i;
		}
	}
	snr = try_method(p, *best, INPUTS);
	return tnc_ptq_correct(p, INPUTS, snr);
}

/* The best graph in which all that leaves less than @least dB is float. */
static double quantise_above(struct tnc_ptq *p, double least,
			     enum tnc_ptq_method *method)
{
	tnc_ptq_keep_float(p, least);
	return best_graph(p, method);
}

/*
 * More float has to be worth it: by much more signal, or else by outputs that would
 * be useless.
 */
static double quantise(struct tnc_ptq *p, enum tnc_ptq_method *method)
{
	double least = SENSITIVE_DB, most, snr;

	/* The first graph shows what has no int8 form. */
	p->mark = tnc_arena_mark(p->c->arena);
	tnc_ptq_build(p);
	most = quantise_above(p, least, method);
	for (double next = least; most < GOOD_DB;) {
		next += SENSITIVE_STEP_DB;
		if (next > SENSITIVE_MOST_DB)
			return quantise_above(p, least, method);
		snr = quantise_above(p, next, method);
		if (snr < most + WORTH_DB && most >= USELESS_DB)
			return quantise_above(p, least, method);
		if (snr < most + WORTH_DB)
			continue;
		most = snr;
		least = next;
	}
	return most;
}

/* What is of integers already is no business of this pass. */
static bool touches_float(const struct tnc_ptq *p, const struct tnc_op *op)
{
	if (p->tensor[op->output].is_activation)
		return true;
	for (int i = 0; i < op->inputs; i++)
		if (op->input[i] != TNC_INPUT_NONE &&
		    p->tensor[op->input[i]].is_activation)
			return true;
	return false;
}

static void report_op(const struct tnc_ptq *p, int index)
{
	const struct tnc_ptq_op *op = &p->op[index];
	const struct tnc_op *real = p->real.op[index];
	const struct tnc_ptq_tensor *first =
		&p->tensor[tnc_ptq_first(p, real->output)];
	struct tnc_quantised_op line = {
		.source = real->source,
		.op = tnc_op_title(real),
		.tensor = p->real.tensor[real->output]->name,
		.snr_db = tnc_ptq_decibel(op->noise.signal, op->noise.noise),
		.kept_float = op->is_int8 ? NULL : op->reason,
	};

	if (op->is_int8 && p->tensor[real->output].is_activation) {
		line.scale = first->scale;
		line.zero_point = first->zero_point;
	}
	p->options->report(p->options->context, &line);
}

static void report(const struct tnc_ptq *p, enum tnc_ptq_method method,
		   double snr)
{
	struct tnc_quantised_op total = {
		.source = -1,
		.op = "total",
		.tensor = method_name[method],
		.snr_db = snr,
	};

	if (!p->options->report)
		return;
	for (int i = 0; i < p->real.ops; i++)
		if (touches_float(p, p->real.op[i]))
			report_op(p, i);
	p->options->report(p->options->context, &total);
}

void tnc_pass_quantise(struct tnc *c)
{
	enum tnc_ptq_method method = TNC_PTQ_MSE;
	struct tnc_ptq p;
	double snr;

	if (!c->options.quantise)
		return;
	if (!c->options.quantise->count)
		tnc_error(c, -EINVAL, "no calibration inputs");
	start(&p, c);
	tnc_ptq_scan(&p);
	tnc_ptq_group(&p);
	tnc_ptq_count(&p);
	tnc_ptq_choose(&p, method);
	tnc_ptq_sense(&p);
	snr = quantise(&p, &method);
	report(&p, method, snr);
	tnc_ptq_enter(c, &p.quantised);
}
