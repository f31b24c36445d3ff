// SPDX-License-Identifier: MIT
/*
 * TensorFlow Lite files with a state: variables with names, initialised by a graph
 * that is called once, and LSTM and SVDF, each of their operands wrong or left out
 * once. What comes of a sound one is computed; every other ends in an error that
 * says where.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "built_tflite.h"
#include "compiler/tnc.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static int open_graphs(const struct built_graph *graphs, int count,
		       struct tnc_graph **graph, struct tnc_error *error)
{
	uint8_t *bytes = malloc(BUILT_MAX);
	size_t size = built_tflite_write(graphs, count, bytes);
	struct tnc_options options;
	int status;

	tnc_options_init(&options);
	options.name = "built";
	options.memory_limit = (size_t)64 << 20;
	error->text[0] = 0;
	status = tnc_graph_open(bytes, size, &options, graph, error);
	free(bytes);
	return status;
}

static void refuse(const struct built_graph *graphs, int count,
		   const char *text)
{
	struct tnc_graph *graph;
	struct tnc_error error;

	assert_int_not_equal(open_graphs(graphs, count, &graph, &error), 0);
	if (!strstr(error.text, text))
		fail_msg("\"%s\" instead of \"%s\"", error.text, text);
}

/* --- Variables with names ---------------------------------------------------- */

#define MAP(t) { .type = (t), .rank = 1, .shape = { 4 }, .scale = 0.5f }
#define HANDLE { .type = BUILT_RESOURCE }

/* x, handle, sum, next */
static const struct built_tensor sum_tensors[] = {
	MAP(BUILT_INT8), HANDLE, MAP(BUILT_INT8), MAP(BUILT_INT8),
};

#define NAMED(n) \
	{ .builtin = 142, .options_type = 111, .output = 1, \
	  .fields = { { .number = 1, .text = n } }, .field_count = 1 }

static const struct built_op sum_ops[] = {
	{ .builtin = 129, .options_type = 103, .output = BUILT_NONE,
	  .fields = { { .number = 0, .size = 4, .value = 1 } },
	  .field_count = 1 },
	NAMED("sum"),
	{ .builtin = 143, .inputs = { 1 }, .input_count = 1, .output = 2 },
	{ .builtin = 0, .inputs = { 2, 0 }, .input_count = 2, .output = 3 },
	{ .builtin = 144, .inputs = { 1, 3 }, .input_count = 2,
	  .output = BUILT_NONE },
};

/* first values, handle */
static const struct built_tensor init_tensors[] = {
	{ .type = BUILT_INT8, .rank = 1, .shape = { 4 }, .scale = 0.5f,
	  .bytes = 4, .fill = 10 },
	HANDLE,
};

static const struct built_op init_ops[] = {
	NAMED("sum"),
	{ .builtin = 144, .inputs = { 1, 0 }, .input_count = 2,
	  .output = BUILT_NONE },
};

static const struct built_graph sum_graphs[] = {
	BUILT_GRAPH(sum_tensors, COUNT(sum_tensors), sum_ops, COUNT(sum_ops), 0,
		    3),
	BUILT_GRAPH(init_tensors, COUNT(init_tensors), init_ops,
		    COUNT(init_ops), BUILT_NONE, BUILT_NONE),
};

static void test_variables_with_names(void **state)
{
	static const int8_t x[4] = { 1, 2, 3, -100 };
	static const int8_t sums[2][4] = { { 11, 13, 15, -87 },
					   { 12, 15, 18, -128 } };
	struct tnc_graph *graph;
	struct tnc_error error;
	const void *in = x;
	int8_t y[4];
	void *out = y;

	if (open_graphs(sum_graphs, 2, &graph, &error))
		fail_msg("%s", error.text);
	tnc_graph_keep_state(graph, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tnc_graph_run(graph, &in, &out, &error), 0);
		assert_memory_equal(y, sums[i], 4);
	}
	tnc_graph_close(graph);
}

/* The sum's graphs with one operator changed. */
static void refuse_sum(int graph, int number, struct built_op op,
		       const char *text)
{
	struct built_graph graphs[] = { sum_graphs[0], sum_graphs[1] };
	struct built_op ops[COUNT(sum_ops)];

	memcpy(ops, graphs[graph].ops,
	       graphs[graph].op_count * sizeof(ops[0]));
	ops[number] = op;
	graphs[graph].ops = ops;
	refuse(graphs, 2, text);
}

static void test_wrong_variables(void **state)
{
	struct built_op op = sum_ops[0];

	op.fields[0].value = 2;
	refuse_sum(0, 0, op, "graph 2 of 2");
	op.fields[0].value = -1;
	refuse_sum(0, 0, op, "graph -1 of 2");
	op.fields[0].value = 0;
	refuse_sum(0, 0, op, "graph 0 of 2");
	op = sum_ops[2];
	op.inputs[0] = 0;
	refuse_sum(0, 2, op, "input 0 is no variable");
	op.input_count = 0;
	refuse_sum(0, 2, op, "input 0 is no variable");
	op = sum_ops[4];
	op.inputs[1] = 1;
	refuse_sum(0, 4, op, "operand 1 is no tensor");
	op.input_count = 1;
	refuse_sum(0, 4, op, "operand 1 is no tensor");
	op = sum_ops[3];
	op.inputs[0] = 1;
	refuse_sum(0, 3, op, "unsupported tensor type resource");
	op = sum_ops[1];
	op.output = BUILT_NONE;
	refuse_sum(0, 1, op, "0 outputs instead of 1");
	op = sum_ops[1];
	op.output = 9;
	refuse_sum(0, 1, op, "tensor 9 of 4");
	refuse_sum(1, 1, sum_ops[0], "calls another");
	op = sum_ops[2];
	op.output = 0;
	refuse_sum(1, 1, op, "read in a graph that is called once");
}

/* --- LSTM -------------------------------------------------------------------- */

#define CELLS 2
#define DEPTH 3
#define STEPS 2

/* Tensors by operand, then the output. */
struct lstm {
	struct built_tensor tensors[BUILT_OPERANDS + 1];
	struct built_op op;
	struct built_graph graph;
};

static struct built_tensor constant(int type, int rows, int columns, int size)
{
	return (struct built_tensor){
		.type = type, .rank = columns ? 2 : 1,
		.shape = { rows, columns }, .scale = 0.01f,
		.bytes = rows * (columns ? columns : 1) * size, .fill = 3,
	};
}

static void make_lstm(struct lstm *l)
{
	*l = (struct lstm){ .op = {
		.builtin = 44, .options_type = 71,
		.input_count = BUILT_OPERANDS, .output = BUILT_OPERANDS,
		.fields = { { .number = 0, .size = 1, .value = 4 },
			    { .number = 1, .size = 4, .value = 0x41200000 } },
		.field_count = 2,
	} };
	for (int i = 0; i < BUILT_OPERANDS; i++)
		l->op.inputs[i] = (i >= 9 && i < 12) || i == 16 || i == 17 ||
				  i >= 20 ? BUILT_NONE : i;
	l->tensors[0] = (struct built_tensor){
		.type = BUILT_INT8, .rank = 3, .shape = { 1, STEPS, DEPTH },
		.scale = 0.02f, .zero = -3,
	};
	for (int i = 1; i < 9; i++)
		l->tensors[i] = constant(BUILT_INT8, CELLS,
					 i < 5 ? DEPTH : CELLS, 1);
	for (int i = 9; i < 18; i++)
		l->tensors[i] = constant(BUILT_INT32, CELLS, 0, 4);
	l->tensors[18] = (struct built_tensor){
		.type = BUILT_INT8, .rank = 2, .shape = { 1, CELLS },
		.scale = 0.008f, .zero = 5, .is_variable = true,
	};
	l->tensors[19] = (struct built_tensor){
		.type = BUILT_INT16, .rank = 2, .shape = { 1, CELLS },
		.scale = 1.0f / 2048, .is_variable = true,
	};
	for (int i = 20; i < BUILT_OPERANDS; i++)
		l->tensors[i] = constant(BUILT_INT16, CELLS, 0, 2);
	l->tensors[BUILT_OPERANDS] = (struct built_tensor){
		.type = BUILT_INT8, .rank = 3, .shape = { 1, STEPS, CELLS },
		.scale = 0.008f, .zero = 5,
	};
	l->graph = (struct built_graph)BUILT_GRAPH(
		l->tensors, BUILT_OPERANDS + 1, &l->op, 1, 0, BUILT_OPERANDS);
}

static void test_a_sound_lstm_is_read(void **state)
{
	struct tnc_graph *graph;
	struct tnc_error error;
	struct lstm l;

	make_lstm(&l);
	if (open_graphs(&l.graph, 1, &graph, &error))
		fail_msg("%s", error.text);
	tnc_graph_close(graph);
}

static void test_operands_of_an_lstm_left_out(void **state)
{
	struct lstm l;

	for (int i = 0; i < 20; i++) {
		make_lstm(&l);
		if (l.op.inputs[i] == BUILT_NONE) {
			l.op.inputs[i] = i;
			refuse(&l.graph, 1, i < 16 ? "peepholes" : "projection");
		} else {
			l.op.inputs[i] = BUILT_NONE;
			refuse(&l.graph, 1, "operator 0 (");
		}
	}
	make_lstm(&l);
	l.op.inputs[22] = 22;
	refuse(&l.graph, 1, "layer normalisation");
	make_lstm(&l);
	l.op.input_count = 19;
	refuse(&l.graph, 1, "19 inputs, needs 20");
}

static void test_operands_of_an_lstm_of_another_shape(void **state)
{
	struct lstm l;

	for (int i = 0; i <= BUILT_OPERANDS; i++) {
		if (i < BUILT_OPERANDS &&
		    (make_lstm(&l), l.op.inputs[i] == BUILT_NONE))
			continue;
		make_lstm(&l);
		l.tensors[i].shape[l.tensors[i].rank - 1]++;
		l.tensors[i].bytes = 0;
		refuse(&l.graph, 1, "operator 0 (");
		make_lstm(&l);
		l.tensors[i].rank--;
		l.tensors[i].bytes = 0;
		refuse(&l.graph, 1, "operator 0 (");
	}
}

static void test_an_lstm_of_another_kind(void **state)
{
	struct lstm l;

	make_lstm(&l);
	l.op.fields[0].value = 1;
	refuse(&l.graph, 1, "unsupported activation 1 of cells");
	make_lstm(&l);
	l.op.fields[1].value = 0x7fc00000;
	refuse(&l.graph, 1, "cells are clipped at");
	make_lstm(&l);
	l.tensors[18].is_variable = false;
	refuse(&l.graph, 1, "input 18 is no variable");
	make_lstm(&l);
	l.tensors[19].scale = 1e-20f;
	refuse(&l.graph, 1, "unsupported");
	make_lstm(&l);
	l.tensors[19].zero = 1;
	refuse(&l.graph, 1, "unsupported zero point 1");
	make_lstm(&l);
	l.tensors[6].zero = 1;
	refuse(&l.graph, 1, "unsupported zero point 1");
	make_lstm(&l);
	l.tensors[0].scale = 1e20f;
	refuse(&l.graph, 1, "unsupported ratio of scales");
	make_lstm(&l);
	l.tensors[19].type = BUILT_INT8;
	refuse(&l.graph, 1, "unsupported int8, must be int16");
}

/* --- SVDF -------------------------------------------------------------------- */

struct svdf {
	struct built_tensor tensors[6];
	struct built_op op;
	struct built_graph graph;
};

static void make_svdf(struct svdf *s)
{
	*s = (struct svdf){
		.tensors = {
			{ .type = BUILT_INT8, .rank = 2, .shape = { 1, DEPTH },
			  .scale = 0.02f, .zero = -3 },
			constant(BUILT_INT8, 4, DEPTH, 1),
			constant(BUILT_INT16, 4, 3, 2),
			constant(BUILT_INT32, 2, 0, 4),
			{ .type = BUILT_INT16, .rank = 2, .shape = { 1, 12 },
			  .scale = 0.001f, .is_variable = true },
			{ .type = BUILT_INT8, .rank = 2, .shape = { 1, 2 },
			  .scale = 0.1f, .zero = 5 },
		},
		.op = { .builtin = 27, .options_type = 6,
			.inputs = { 0, 1, 2, 3, 4 }, .input_count = 5,
			.output = 5,
			.fields = { { .number = 0, .size = 4, .value = 2 } },
			.field_count = 1 },
	};
	s->graph = (struct built_graph)BUILT_GRAPH(s->tensors, 6, &s->op, 1, 0,
						      5);
}

static void test_svdf(void **state)
{
	struct tnc_graph *graph;
	struct tnc_error error;
	struct svdf s;

	for (int left_out = 0; left_out < 2; left_out++) {
		make_svdf(&s);
		s.op.inputs[3] = left_out ? BUILT_NONE : 3;
		if (open_graphs(&s.graph, 1, &graph, &error))
			fail_msg("%s", error.text);
		tnc_graph_close(graph);
	}
	for (int rank = -1; rank < 4; rank += 1 + (rank == 0) * 2) {
		make_svdf(&s);
		s.op.fields[0].value = rank;
		refuse(&s.graph, 1, "4 filters of rank");
	}
	for (int i = 0; i < 6; i++) {
		make_svdf(&s);
		s.tensors[i].shape[s.tensors[i].rank - 1]++;
		s.tensors[i].bytes = 0;
		refuse(&s.graph, 1, "operator 0 (SVDF)");
		make_svdf(&s);
		s.tensors[i].type = BUILT_INT32;
		s.tensors[i].bytes = i == 3 ? 4 : 0;
		refuse(&s.graph, 1, i == 3 ? "its buffer" : "operator 0 (SVDF)");
		if (i == 3 || i == 5)
			continue;
		make_svdf(&s);
		s.op.inputs[i] = BUILT_NONE;
		refuse(&s.graph, 1, "operator 0 (SVDF)");
	}
}

/* --- Branches ---------------------------------------------------------------- */

struct branches {
	struct built_tensor main_tensors[3];	/* condition, x, y */
	struct built_tensor tensors[2];		/* of both branches: x, y */
	struct built_op main_op;
	struct built_op ops[2];			/* x + x, x - x */
	struct built_graph graphs[3];
};

/* The condition is a constant, or the input; then x is a constant. */
static void make_branches(struct branches *b, bool is_constant, bool is_true)
{
	const struct built_tensor map = {
		.type = BUILT_INT8, .rank = 1, .shape = { 4 }, .scale = 0.5f,
	};

	*b = (struct branches){
		.main_tensors = {
			{ .type = BUILT_BOOL, .rank = 1, .shape = { 1 },
			  .bytes = is_constant, .fill = is_true },
			map, map,
		},
		.tensors = { map, map },
		.main_op = { .builtin = 118, .options_type = 92,
			     .inputs = { 0, 1 }, .input_count = 2, .output = 2,
			     .fields = { { .number = 0, .size = 4, .value = 1 },
					 { .number = 1, .size = 4,
					   .value = 2 } },
			     .field_count = 2 },
		.ops = { { .builtin = 0, .inputs = { 0, 0 }, .input_count = 2,
			   .output = 1 },
			 { .builtin = 41, .inputs = { 0, 0 }, .input_count = 2,
			   .output = 1 } },
	};
	if (!is_constant) {
		b->main_tensors[1].bytes = 4;
		b->main_tensors[1].fill = 5;
	}
	b->graphs[0] = (struct built_graph)BUILT_GRAPH(
		b->main_tensors, 3, &b->main_op, 1, is_constant, 2);
	for (int i = 0; i < 2; i++)
		b->graphs[1 + i] = (struct built_graph)BUILT_GRAPH(
			b->tensors, 2, &b->ops[i], 1, 0, 1);
}

static void check_branch(const struct branches *b, const void *in, bool is_sum)
{
	static const int8_t sum[4] = { 10, 12, 14, 16 }, difference[4];
	struct tnc_graph *graph;
	struct tnc_error error;
	int8_t y[4];
	void *out = y;

	if (open_graphs(b->graphs, 3, &graph, &error))
		fail_msg("%s", error.text);
	if (tnc_graph_run(graph, &in, &out, &error))
		fail_msg("%s", error.text);
	assert_memory_equal(y, is_sum ? sum : difference, 4);
	tnc_graph_close(graph);
}

static void test_branches(void **state)
{
	static const int8_t x[4] = { 5, 6, 7, 8 };
	struct branches b;

	for (uint8_t is_true = 0; is_true < 2; is_true++) {
		make_branches(&b, true, is_true);
		check_branch(&b, x, is_true);
		make_branches(&b, false, false);
		check_branch(&b, &is_true, is_true);
	}
}

static void test_wrong_branches(void **state)
{
	struct branches b;

	make_branches(&b, true, true);
	b.main_op.fields[0].value = 3;
	refuse(b.graphs, 3, "graph 3 of 3");
	make_branches(&b, true, true);
	b.ops[0] = b.main_op;
	b.ops[0].output = 1;
	refuse(b.graphs, 3, "the condition is no bool");
	b.tensors[0].type = BUILT_BOOL;
	b.tensors[0].shape[0] = 1;
	refuse(b.graphs, 3, "graphs within graphs, 33 deep");
	make_branches(&b, true, true);
	b.main_op.input_count = 1;
	refuse(b.graphs, 3, "graph 1 has 1 inputs, not 0");
	make_branches(&b, true, true);
	b.graphs[1].output = BUILT_NONE;
	refuse(b.graphs, 3, "branch has 0 results, not 1");
	make_branches(&b, true, true);
	b.main_op.output = BUILT_NONE;
	refuse(b.graphs, 3, "branch has 1 results, not 0");
	make_branches(&b, true, true);
	b.main_tensors[0].type = BUILT_INT8;
	refuse(b.graphs, 3, "the condition is no bool");
	make_branches(&b, false, false);
	b.tensors[0].is_variable = true;
	refuse(b.graphs, 3, "written twice");
	make_branches(&b, true, true);
	b.main_op.inputs[0] = BUILT_NONE;
	refuse(b.graphs, 3, "operand 0 is no tensor");
}

/* Of both branches one sets the variable, whose value is what comes out. */
static const struct built_tensor set_tensors[] = { MAP(BUILT_INT8), HANDLE,
						   MAP(BUILT_INT8) };
static const struct built_op set_ops[] = {
	NAMED("last"),
	{ .builtin = 144, .inputs = { 1, 0 }, .input_count = 2,
	  .output = BUILT_NONE },
	{ .builtin = 143, .inputs = { 1 }, .input_count = 1, .output = 2 },
};
static const struct built_op get_ops[] = {
	NAMED("last"),
	{ .builtin = 143, .inputs = { 1 }, .input_count = 1, .output = 2 },
};

static void test_branch_that_assigns(void **state)
{
	static const struct {
		uint8_t condition;
		int8_t y[4];
	} runs[] = {
		{ 0, { 0, 0, 0, 0 } },
		{ 1, { 5, 6, 7, 8 } },
		{ 0, { 5, 6, 7, 8 } },
	};
	struct tnc_graph *graph;
	struct tnc_error error;
	struct branches b;

	for (int set = 1; set < 3; set++) {
		make_branches(&b, false, false);
		b.graphs[set] = (struct built_graph)BUILT_GRAPH(
			set_tensors, 3, set_ops, 3, 0, 2);
		b.graphs[3 - set] = (struct built_graph)BUILT_GRAPH(
			set_tensors, 3, get_ops, 2, 0, 2);
		if (open_graphs(b.graphs, 3, &graph, &error))
			fail_msg("%s", error.text);
		tnc_graph_keep_state(graph, 1);
		for (int i = 0; i < COUNT(runs); i++) {
			uint8_t condition = runs[i].condition ^ (set == 2);
			const void *in = &condition;
			int8_t y[4];
			void *out = y;

			if (tnc_graph_run(graph, &in, &out, &error))
				fail_msg("%s", error.text);
			assert_memory_equal(y, runs[i].y, 4);
		}
		tnc_graph_close(graph);
	}
}

/* --- Loops --------------------------------------------------------------- */

#define WHILE 119
#define NUMBER(v)                                                       \
	{ .type = BUILT_INT32, .rank = 1, .shape = { 1 }, .bytes = 4,   \
	  .fill = (v), .is_number = true }
#define COUNTER { .type = BUILT_INT32, .rank = 1, .shape = { 1 } }
#define TRUTH { .type = BUILT_BOOL, .rank = 1, .shape = { 1 } }
#define REAL { .type = BUILT_FLOAT32, .rank = 1, .shape = { 4 } }

/* As long as a counter is below 3: y = y + y. */
struct loop {
	struct built_tensor main_tensors[4];	/* 0, x, counter, y */
	struct built_op main_op;
	struct built_tensor cond_tensors[4];	/* counter, y, 3, less */
	struct built_op cond_op;
	struct built_tensor body_tensors[5];	/* counter, y, 1, their sums */
	struct built_op body_ops[2];
	struct built_graph graphs[3];
};

static void make_loop(struct loop *l)
{
	*l = (struct loop){
		.main_tensors = { NUMBER(0), REAL, COUNTER, REAL },
		.main_op = { .builtin = WHILE, .options_type = 93,
			     .inputs = { 0, 1 }, .input_count = 2, .output = 2,
			     .more_outputs = { 3 }, .more_output_count = 1,
			     .fields = { { .number = 0, .size = 4, .value = 1 },
					 { .number = 1, .size = 4,
					   .value = 2 } },
			     .field_count = 2 },
		.cond_tensors = { COUNTER, REAL, NUMBER(3), TRUTH },
		.cond_op = { .builtin = 58, .inputs = { 0, 2 },
			     .input_count = 2, .output = 3 },
		.body_tensors = { COUNTER, REAL, NUMBER(1), COUNTER, REAL },
		.body_ops = { { .builtin = 0, .inputs = { 0, 2 },
				.input_count = 2, .output = 3 },
			      { .builtin = 0, .inputs = { 1, 1 },
				.input_count = 2, .output = 4 } },
	};
	l->graphs[0] = (struct built_graph)BUILT_GRAPH(l->main_tensors, 4,
						       &l->main_op, 1, 1, 3);
	l->graphs[1] = (struct built_graph)BUILT_GRAPH(l->cond_tensors, 4,
						       &l->cond_op, 1, 0, 3);
	l->graphs[1].more_inputs[0] = 1;
	l->graphs[1].more_input_count = 1;
	l->graphs[2] = (struct built_graph)BUILT_GRAPH(l->body_tensors, 5,
						       l->body_ops, 2, 0, 3);
	l->graphs[2].more_inputs[0] = 1;
	l->graphs[2].more_input_count = 1;
	l->graphs[2].more_outputs[0] = 4;
	l->graphs[2].more_output_count = 1;
}

static void test_loop(void **state)
{
	static const float x[4] = { 1, -2, 3, 0.5f };
	static const float wanted[4] = { 8, -16, 24, 4 };
	struct tnc_graph *graph;
	struct tnc_error error;
	const void *in = x;
	float y[4];
	void *out = y;
	struct loop l;

	make_loop(&l);
	if (open_graphs(l.graphs, 3, &graph, &error))
		fail_msg("%s", error.text);
	if (tnc_graph_run(graph, &in, &out, &error))
		fail_msg("%s", error.text);
	assert_memory_equal(y, wanted, sizeof(y));
	tnc_graph_close(graph);
}

/* The counter is the model's input: how many turns there are is not known. */
static void test_loop_that_stays(void **state)
{
	static const struct {
		int32_t counter;
		float factor;
	} runs[] = { { 0, 8 }, { 2, 2 }, { 3, 1 }, { 100, 1 }, { -2, 32 } };
	static const float x[4] = { 1, -2, 3, 0.5f };
	struct tnc_graph *graph;
	struct tnc_error error;
	struct loop l;

	make_loop(&l);
	l.main_tensors[0].bytes = 0;
	l.graphs[0].more_inputs[0] = 0;
	l.graphs[0].more_input_count = 1;
	if (open_graphs(l.graphs, 3, &graph, &error))
		fail_msg("%s", error.text);
	for (int i = 0; i < COUNT(runs); i++) {
		const void *in[] = { x, &runs[i].counter };
		float y[4];
		void *out = y;

		if (tnc_graph_run(graph, in, &out, &error))
			fail_msg("%s", error.text);
		for (int k = 0; k < 4; k++)
			assert_true(y[k] == x[k] * runs[i].factor);
	}
	tnc_graph_close(graph);
}

static void test_wrong_loops(void **state)
{
	struct loop l;

	make_loop(&l);
	l.main_op.fields[1].value = 3;
	refuse(l.graphs, 3, "graph 3 of 3");
	make_loop(&l);
	l.main_op.more_output_count = 0;
	refuse(l.graphs, 3, "2 inputs, but 1 outputs");
	make_loop(&l);
	l.graphs[1].output = 0;
	refuse(l.graphs, 3, "the condition is no bool");
	make_loop(&l);
	l.graphs[2].more_output_count = 0;
	refuse(l.graphs, 3, "body has 1 results, not 2");
	/* Its end is not known, and a value becomes another type. */
	make_loop(&l);
	l.main_tensors[0].bytes = 0;
	l.graphs[0].input = 0;
	l.graphs[2].more_outputs[0] = 3;
	refuse(l.graphs, 3, "value 1 of a loop changes its type or size");
	make_loop(&l);
	l.main_tensors[0].bytes = 0;
	l.graphs[0].input = 0;
	l.body_tensors[1].is_variable = true;
	refuse(l.graphs, 3, "unsupported: a variable");
	/* The body is the loop itself. */
	make_loop(&l);
	l.body_ops[1] = l.main_op;
	l.body_ops[1].inputs[0] = 0;
	l.body_ops[1].inputs[1] = 1;
	l.body_ops[1].output = 3;
	l.body_ops[1].more_outputs[0] = 4;
	refuse(l.graphs, 3, "unsupported");
}

/* --- All of them, damaged ---------------------------------------------------- */

#define MUTATIONS 1000

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *seed >> 33;
}

/* Opens a damaged file, and lets the passes have what is accepted. */
static int try_damaged(const uint8_t *bytes, size_t size)
{
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error = { "" };

	tnc_options_init(&options);
	options.name = "damaged";
	options.memory_limit = (size_t)64 << 20;
	if (tnc_graph_open(bytes, size, &options, &graph, &error)) {
		assert_memory_equal(error.text, "damaged: ", 9);
		return 0;
	}
	for (const char *p = tnc_pass_letters(); *p; p++)
		if (tnc_graph_pass(graph, *p, &error))
			break;
	tnc_graph_close(graph);
	return 1;
}

static void check_damaged(const struct built_graph *graphs, int count)
{
	uint8_t *bytes = malloc(BUILT_MAX), *damaged = malloc(BUILT_MAX);
	size_t size = built_tflite_write(graphs, count, bytes);
	uint64_t seed = 11;
	int accepted = 0;

	for (int i = 0; i < MUTATIONS; i++) {
		memcpy(damaged, bytes, size);
		for (int k = next_random(&seed) % 3; k >= 0; k--)
			damaged[next_random(&seed) % size] =
				next_random(&seed) % 3 ?
					next_random(&seed) % 32 :
					next_random(&seed);
		accepted += try_damaged(damaged, size);
	}
	assert_in_range(accepted, 1, MUTATIONS - 1);
	free(damaged);
	free(bytes);
}

static void test_damaged_files(void **state)
{
	struct branches b;
	struct loop loop;
	struct lstm l;
	struct svdf s;

	make_loop(&loop);
	loop.main_tensors[0].bytes = 0;
	loop.graphs[0].more_inputs[0] = 0;
	loop.graphs[0].more_input_count = 1;
	check_damaged(loop.graphs, 3);
	make_lstm(&l);
	make_svdf(&s);
	make_branches(&b, false, false);
	check_damaged(b.graphs, 3);
	make_branches(&b, true, true);
	check_damaged(b.graphs, 3);
	check_damaged(sum_graphs, 2);
	check_damaged(&l.graph, 1);
	check_damaged(&s.graph, 1);
}

static void test_allocations_of_an_lstm(void **state)
{
	uint8_t *bytes = malloc(BUILT_MAX);
	struct tnc_options options;
	struct tnc_error error;
	size_t size, program_size;
	struct lstm l;
	void *program;
	int status;

	make_lstm(&l);
	size = built_tflite_write(&l.graph, 1, bytes);
	tnc_options_init(&options);
	options.fail_allocation = 1;
	while ((status = tnc_compile(bytes, size, &options, &program,
				     &program_size, &error))) {
		assert_int_equal(status, -ENOMEM);
		options.fail_allocation += 7;
	}
	assert_true(options.fail_allocation > 500);
	free(program);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_variables_with_names),
		cmocka_unit_test(test_wrong_variables),
		cmocka_unit_test(test_a_sound_lstm_is_read),
		cmocka_unit_test(test_operands_of_an_lstm_left_out),
		cmocka_unit_test(test_operands_of_an_lstm_of_another_shape),
		cmocka_unit_test(test_an_lstm_of_another_kind),
		cmocka_unit_test(test_svdf),
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_wrong_branches),
		cmocka_unit_test(test_branch_that_assigns),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_loop_that_stays),
		cmocka_unit_test(test_wrong_loops),
		cmocka_unit_test(test_damaged_files),
		cmocka_unit_test(test_allocations_of_an_lstm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
