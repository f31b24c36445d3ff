/* SPDX-License-Identifier: MIT */
/*
 * LSTM and SVDF in numbers: their inputs by name, sizes, and the integers that
 * TensorFlow Lite Micro's kernels prepare from scales. Of operators that the
 * verifier found sound.
 */
#ifndef TNC_SEQUENCE_H
#define TNC_SEQUENCE_H

#include "ir.h"

/* Inputs of LSTM; four gates each where a first one is named. */
enum {
	TNC_LSTM_INPUT = 0,
	TNC_LSTM_WEIGHTS = 1,
	TNC_LSTM_RECURRENT = 5,
	TNC_LSTM_PEEPHOLES = 9,	/* three */
	TNC_LSTM_BIAS = 12,
	TNC_LSTM_PROJECTION = 16, /* weights and bias */
	TNC_LSTM_HIDDEN = 18,
	TNC_LSTM_CELL_STATE = 19,
	TNC_LSTM_INPUTS = 20,
	TNC_LSTM_NORMS = 20,	/* in the file alone */
	TNC_LSTM_INPUTS_IN_FILE = 24,
};

enum tnc_gate {
	TNC_GATE_INPUT,
	TNC_GATE_FORGET,
	TNC_GATE_CELL,
	TNC_GATE_OUTPUT,
	TNC_GATES
};

/*
 * Gates come in steps of 2^-12, what sigmoid and tanh give in steps of 2^-15. A
 * cell is multiplied by 3 * 2^tanh_shift before tanh looks it up.
 */
struct tnc_lstm {
	bool is_time_major;
	int batches, steps, depth, cells;
	struct tnc_factor input[TNC_GATES];
	struct tnc_factor recurrent[TNC_GATES];
	struct tnc_factor forget;	/* forget gate x cell */
	struct tnc_factor update;	/* input gate x cell gate */
	struct tnc_factor output;	/* output gate x tanh(cell) */
	int hidden_zero;
	int clip;			/* of cells; -1: none */
	int tanh_shift;
};

enum {
	TNC_SVDF_INPUT,
	TNC_SVDF_FEATURE,
	TNC_SVDF_TIME,
	TNC_SVDF_BIAS,
	TNC_SVDF_STATE_IN,
	TNC_SVDF_INPUTS
};

struct tnc_svdf {
	int batches, depth, filters, memory, rank;
	struct tnc_factor feature;	/* to the state's steps */
	struct tnc_factor output;
	int input_zero, state_zero, output_zero;
};

#define TNC_SIGMOID_ENTRIES 256

void tnc_lstm_of(const struct tnc *c, const struct tnc_op *op,
		 struct tnc_lstm *lstm);
void tnc_svdf_of(const struct tnc *c, const struct tnc_op *op,
		 struct tnc_svdf *svdf);

/* sigmoid(index / 24) in units of 2^-16 */
int tnc_sigmoid_entry(int index);

#endif
