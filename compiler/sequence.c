// SPDX-License-Identifier: MIT
/*
 * What LSTM and SVDF come down to in integers, exactly as TensorFlow Lite Micro
 * prepares them: which product is formed in single and which in double precision
 * is part of the contract. For the verifier, the reference executor and the pass
 * that takes these operators apart.
 */
#include <math.h>

#include "sequence.h"

#define GATE_SCALE (1.0 / 4096)
#define UNIT_SCALE (1.0 / 32768)	/* of what lies within -1..1 */
#define TANH_STEPS_LOG2 12

static float scale_of(const struct tnc *c, const struct tnc_op *op, int input)
{
	return tnc_op_input(c, op, input)->quant.scale[0];
}

/* As of a fully connected layer with one scale: the product is single. */
static struct tnc_factor gate_factor(float in, float weights)
{
	float product = in * weights;

	return tnc_factor_of((double)product / GATE_SCALE);
}

static void lstm_sizes(const struct tnc *c, const struct tnc_op *op,
		       struct tnc_lstm *lstm)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, TNC_LSTM_INPUT);
	const struct tnc_tensor *weights = tnc_op_input(c, op,
							TNC_LSTM_WEIGHTS);

	lstm->is_time_major = op->mode & TNC_MODE_TIME_MAJOR;
	lstm->batches = in->shape[lstm->is_time_major ? 1 : 0];
	lstm->steps = in->shape[lstm->is_time_major ? 0 : 1];
	lstm->depth = in->shape[2];
	lstm->cells = weights->shape[0];
}

void tnc_lstm_of(const struct tnc *c, const struct tnc_op *op,
		 struct tnc_lstm *lstm)
{
	const struct tnc_tensor *hidden = tnc_op_input(c, op, TNC_LSTM_HIDDEN);
	double cell = scale_of(c, op, TNC_LSTM_CELL_STATE);
	float in = scale_of(c, op, TNC_LSTM_INPUT);
	float out = hidden->quant.scale[0];

	lstm_sizes(c, op, lstm);
	for (int gate = 0; gate < TNC_GATES; gate++) {
		lstm->input[gate] = gate_factor(
			in, scale_of(c, op, TNC_LSTM_WEIGHTS + gate));
		lstm->recurrent[gate] = gate_factor(
			out, scale_of(c, op, TNC_LSTM_RECURRENT + gate));
	}
	lstm->forget = tnc_factor_of(UNIT_SCALE * cell / cell);
	lstm->update = tnc_factor_of(UNIT_SCALE * UNIT_SCALE / cell);
	lstm->output = tnc_factor_of(UNIT_SCALE * UNIT_SCALE / (double)out);
	lstm->hidden_zero = hidden->quant.zero_point[0];
	lstm->clip = -1;
	if (op->alpha > 0)
		lstm->clip = fmin(op->alpha / cell, INT16_MAX);
	lstm->tanh_shift = (int)lround(log2(cell)) + TANH_STEPS_LOG2;
}

void tnc_svdf_of(const struct tnc *c, const struct tnc_op *op,
		 struct tnc_svdf *svdf)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, TNC_SVDF_INPUT);
	const struct tnc_tensor *state = tnc_op_input(c, op,
						      TNC_SVDF_STATE_IN);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	const struct tnc_tensor *time = tnc_op_input(c, op, TNC_SVDF_TIME);
	float feature = in->quant.scale[0] * scale_of(c, op, TNC_SVDF_FEATURE) /
			state->quant.scale[0];
	float output = state->quant.scale[0] * time->quant.scale[0] /
		       out->quant.scale[0];

	*svdf = (struct tnc_svdf){
		.batches = in->shape[0],
		.depth = in->shape[1],
		.filters = time->shape[0],
		.memory = time->shape[1],
		.rank = op->list[0].id[0],
		.feature = tnc_factor_of(feature),
		.output = tnc_factor_of(output),
		.input_zero = in->quant.zero_point[0],
		.state_zero = state->quant.zero_point[0],
		.output_zero = out->quant.zero_point[0],
	};
}

/*
 * TensorFlow Lite's table for int16: rounded to the nearest, but for some entries
 * that are one more.
 */
int tnc_sigmoid_entry(int index)
{
	static const uint32_t is_one_more[] = {
		0xfa7bd110, 0xc0467bae, 0x20440005, 0x00110090,
		0x00000080, 0x00000000, 0x00000000, 0x80000000,
	};

	return lround(65536 / (1 + exp(-index / 24.0))) +
	       (is_one_more[index / 32] >> (index % 32) & 1);
}
