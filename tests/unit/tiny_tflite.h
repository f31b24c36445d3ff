/* SPDX-License-Identifier: MIT */
/*
 * Writes a small TensorFlow Lite model, one convolution, for tests: sound by
 * default, and wrong in one place when a test changes one field.
 */
#ifndef TESTS_UNIT_TINY_TFLITE_H
#define TESTS_UNIT_TINY_TFLITE_H

#include <stddef.h>
#include <stdint.h>

#define TINY_MAX 4096

struct tiny_tflite {
	int version;
	int subgraphs;
	int builtin;		/* the operator's code */
	const char *custom;
	int opcode_index;
	int operator_input;	/* tensor number of its first input */
	int bias_type;		/* if not 0: no bias, but sums of this type */
	int options_type;
	int padding;
	int stride;
	int activation;
	int dilation;
	int in_type;
	int in_shape[4];
	int in_rank;
	float in_scale;
	int64_t in_zero;
	int in_scales;
	int weights_type;
	int weights_shape[4];
	int weights_bytes;
	int weights_buffer;
	float weights_scale;
	int64_t weights_zero;
	int weights_scales;
	int weights_axis;
	int biases;
	int out_shape[4];
	float out_scale;
	int graph_output;	/* tensor number */
};

/* A 3x3 convolution of 1x4x4x2 to 1x4x4x3, per-channel scales. */
extern const struct tiny_tflite tiny_tflite;

/* Returns the size. */
size_t tiny_tflite_write(const struct tiny_tflite *tiny,
			 uint8_t bytes[TINY_MAX]);

#endif
