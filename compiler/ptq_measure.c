// SPDX-License-Identifier: MIT
/*
 * Runs the real and the quantised graph on the same calibration inputs and compares
 * each activation; and what follows from its mean errors: the correction of biases.
 */
#include <math.h>

#include "ptq.h"

#define CORRECTIONS 3

double tnc_ptq_decibel(double signal, double noise)
{
	if (noise <= 0)
		return TNC_PTQ_NO_NOISE;
	if (signal <= 0)
		return -TNC_PTQ_NO_NOISE;
	return 10 * log10(signal / noise);
}

static const void *input_of(const struct tnc_ptq *p, size_t number, int index)
{
	return p->options->inputs[number * p->real.inputs.count + index];
}

/* Leaves the real graph entered, with its values for that input. */
void tnc_ptq_run_real(struct tnc_ptq *p, size_t number)
{
	tnc_ptq_enter(p->c, &p->real);
	for (int i = 0; i < p->real.inputs.count; i++)
		p->in[i] = input_of(p, number, i);
	tnc_ref_run(p->c, p->in, p->out);
}

static void quantise(const struct tnc_tensor *t, const float *from, int8_t *to)
{
	int64_t elements = tnc_tensor_elements(t);

	for (int64_t i = 0; i < elements; i++) {
		double q = round(from[i] / t->quant.scale[0]) +
			   t->quant.zero_point[0];

		to[i] = (int8_t)fmin(fmax(q, -128), 127);
	}
}

/* Leaves the quantised graph entered, with its values for that input. */
static void run_quantised(struct tnc_ptq *p, size_t number)
{
	struct tnc *c = p->c;

	tnc_ptq_enter(c, &p->quantised);
	for (int i = 0; i < c->inputs.count; i++) {
		const struct tnc_tensor *t = c->tensor[c->inputs.id[i]];

		p->in[i] = input_of(p, number, i);
		if (t->type == p->real.tensor[p->real.inputs.id[i]]->type)
			continue;
		quantise(t, p->in[i], p->steps[i]);
		p->in[i] = p->steps[i];
	}
	tnc_ref_run(c, p->in, p->out);
}

static double real_of(const struct tnc_tensor *t, int64_t index)
{
	if (t->type == TNC_FLOAT32)
		return ((const float *)t->value)[index];
	return (((const int8_t *)t->value)[index] - t->quant.zero_point[0]) *
	       (double)t->quant.scale[0];
}

/* Adds what the output of operator @index differs by. */
static void compare(struct tnc_ptq *p, int index)
{
	struct tnc_ptq_op *op = &p->op[index];
	int id = p->real.op[index]->output;
	const struct tnc_tensor *real = p->real.tensor[id];
	const struct tnc_tensor *t = tnc_tensor_get(p->c, id);
	const float *value = (const float *)real->value;
	int64_t elements = tnc_tensor_elements(real);

	if (!t || !t->value || !p->tensor[id].is_activation)
		return;
	for (int64_t i = 0; i < elements; i++) {
		double error = real_of(t, i) - value[i];

		if (!isfinite(error))
			continue;
		op->noise.signal += (double)value[i] * value[i];
		op->noise.noise += error * error;
		if (op->channels)
			op->error[i % op->channels] += error;
	}
	if (op->channels)
		op->noise.pixels += elements / op->channels;
}

static void forget(struct tnc_ptq *p)
{
	for (int i = 0; i < p->real.ops; i++) {
		struct tnc_ptq_op *op = &p->op[i];

		op->noise = (struct tnc_ptq_noise){ 0 };
		for (int k = 0; k < op->channels; k++)
			op->error[k] = 0;
	}
}

static bool is_output(const struct tnc_ptq *p, int id)
{
	for (int i = 0; i < p->real.outputs.count; i++)
		if (p->real.outputs.id[i] == id)
			return true;
	return false;
}

/* Of all outputs together, in dB; what is no activation does not count. */
static double score(const struct tnc_ptq *p)
{
	double signal = 0, noise = 0;

	for (int i = 0; i < p->real.ops; i++) {
		if (!is_output(p, p->real.op[i]->output))
			continue;
		signal += p->op[i].noise.signal;
		noise += p->op[i].noise.noise;
	}
	return tnc_ptq_decibel(signal, noise);
}

/*
 * Compares on at most so many of the inputs, which lie evenly among them. Returns the
 * SNR of the outputs and leaves what was compared in each operator.
 */
double tnc_ptq_measure(struct tnc_ptq *p, size_t most)
{
	size_t count = p->options->count < most ? p->options->count : most;

	forget(p);
	for (size_t n = 0; n < count; n++) {
		size_t number = n * p->options->count / count;

		tnc_ptq_run_real(p, number);
		run_quantised(p, number);
		for (int i = 0; i < p->real.ops; i++)
			compare(p, i);
	}
	return score(p);
}

static bool has_error(const struct tnc_ptq_op *op)
{
	return op->is_int8 && op->noise.pixels;
}

/* Takes the mean error of each channel out of the bias. */
static void shift_biases(struct tnc_ptq *p)
{
	for (int i = 0; i < p->real.ops; i++) {
		struct tnc_ptq_op *op = &p->op[i];

		for (int k = 0; k < op->channels; k++) {
			op->before[k] = op->correction[k];
			if (has_error(op))
				op->correction[k] -=
					op->error[k] / op->noise.pixels;
		}
	}
}

static void shift_back(struct tnc_ptq *p)
{
	for (int i = 0; i < p->real.ops; i++)
		for (int k = 0; k < p->op[i].channels; k++)
			p->op[i].correction[k] = p->op[i].before[k];
}

/*
 * Needs: the quantised graph, measured with the result @snr. Leaves: one with
 * corrected biases, measured. All layers are corrected at once; as each sees the
 * corrections before it as well, that is done again while the outputs get better.
 */
double tnc_ptq_correct(struct tnc_ptq *p, size_t most, double snr)
{
	for (int i = 0; i < CORRECTIONS; i++) {
		double better;

		shift_biases(p);
		tnc_ptq_build(p);
		better = tnc_ptq_measure(p, most);
		if (better <= snr) {
			shift_back(p);
			tnc_ptq_build(p);
			return tnc_ptq_measure(p, most);
		}
		snr = better;
	}
	return snr;
}
