/* SPDX-License-Identifier: MIT */
/*
 * For tests: writes a TensorFlow Lite model from a description of its graphs,
 * sound or not.
 */
#ifndef TESTS_UNIT_BUILT_TFLITE_H
#define TESTS_UNIT_BUILT_TFLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILT_MAX 32768
#define BUILT_OPERANDS 24
#define BUILT_FIELDS 4
#define BUILT_MORE 4
#define BUILT_NONE (-1)

/* As the schema numbers them. */
enum {
	BUILT_FLOAT32 = 0,
	BUILT_INT32 = 2,
	BUILT_BOOL = 6,
	BUILT_INT16 = 7,
	BUILT_INT8 = 9,
	BUILT_RESOURCE = 13,
};

struct built_tensor {
	int type;
	int rank;
	int shape[3];
	float scale;
	int zero;
	int bytes;		/* of its data, if it is a constant */
	uint8_t fill;		/* first byte; others count up */
	bool is_number;		/* ... or are 0 */
	bool is_variable;
};

/* A field of the options: @size bytes, or a text. */
struct built_field {
	int number;
	int size;
	uint64_t value;
	const char *text;
};

struct built_op {
	int builtin;
	int options_type;
	int inputs[BUILT_OPERANDS];
	int input_count;
	int output;		/* or BUILT_NONE */
	int more_outputs[BUILT_MORE];
	int more_output_count;
	const char *custom;	/* name of a custom operator (builtin 32) */
	const char *custom_options;
	struct built_field fields[BUILT_FIELDS];
	int field_count;
};

struct built_graph {
	const struct built_tensor *tensors;
	int tensor_count;
	const struct built_op *ops;
	int op_count;
	int input;		/* of the graph, or BUILT_NONE */
	int output;
	int more_inputs[BUILT_MORE];
	int more_input_count;
	int more_outputs[BUILT_MORE];
	int more_output_count;
};

/* One with an input and an output. */
#define BUILT_GRAPH(graph_tensors, tensors_count, graph_ops, ops_count, in, out) \
	{                                                                       \
		.tensors = (graph_tensors), .tensor_count = (tensors_count),    \
		.ops = (graph_ops), .op_count = (ops_count), .input = (in),     \
		.output = (out),                                                \
	}

/* Returns the size. */
size_t built_tflite_write(const struct built_graph *graphs, int count,
			  uint8_t bytes[BUILT_MAX]);

#endif
