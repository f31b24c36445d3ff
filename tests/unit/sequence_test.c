// SPDX-License-Identifier: MIT
/*
 * Random LSTM and SVDF on random machines, several runs of a stream each: what
 * the compiled program computes and keeps is what the reference executor computes
 * and keeps. A time the state is kept, a time it is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "against.h"
#include "graphs.h"

#define RUNS 2

struct maker {
	uint64_t seed;
	FILE *tensors;		/* text before and after the operators */
	FILE *ops;
	int ids;
};

static int random_in(struct maker *m, int least, int most)
{
	return against_random(&m->seed, least, most);
}

/* Mostly small, sometimes up to @most. */
static int size_in(struct maker *m, int most)
{
	return random_in(m, 0, 3) ? random_in(m, 1, most / 4 + 1) :
				    random_in(m, 1, most);
}

static double scale_in(struct maker *m, double least, double most)
{
	return least + (most - least) * random_in(m, 0, 1000) / 1000;
}

static int tensor(struct maker *m, const char *type, const char *shape,
		  double scale, int zero)
{
	fprintf(m->tensors, "tensor %%%d %s [%s] q=[%.9g:%d] name=\"t%d\"\n",
		m->ids, type, shape, scale, zero, m->ids);
	return m->ids++;
}

static int constant(struct maker *m, const char *type, int rows, int columns,
		    int bytes, double scale)
{
	fprintf(m->tensors, "const %%%d %s [%d,%d] q=[%.9g:0] name=\"c%d\"\n",
		m->ids, type, rows, columns, scale, m->ids);
	fprintf(m->ops, "data %%%d\n", m->ids);
	for (int i = 0; i < rows * columns * bytes; i++)
		fprintf(m->ops, "%02x%s", random_in(m, 0, 255),
			i % 32 == 31 ? "\n" : "");
	fputs("\nend\n", m->ops);
	return m->ids++;
}

/* Of 16 bits: what lies above is their sign. */
static int bias(struct maker *m, int count, bool is_wide)
{
	fprintf(m->tensors, "const %%%d %s [%d] name=\"b%d\"\n", m->ids,
		is_wide ? "int64" : "int32", count, m->ids);
	fprintf(m->ops, "data %%%d\n", m->ids);
	for (int i = 0; i < count; i++) {
		int value = random_in(m, -20000, 20000);
		const char *sign = value < 0 ? "ffff" : "0000";

		fprintf(m->ops, "%02x%02x%s%s%s\n", value & 0xff,
			value >> 8 & 0xff, sign, is_wide ? sign : "",
			is_wide ? sign : "");
	}
	fputs("end\n", m->ops);
	return m->ids++;
}

static void begin(struct maker *m, char **text, size_t *size, char **ops,
		  size_t *ops_size)
{
	m->ids = 0;
	m->tensors = open_memstream(text, size);
	m->ops = open_memstream(ops, ops_size);
	fputs("tnc 1\nmodel \"random\"\n", m->tensors);
}

static void check(struct maker *m, char **text, size_t *size, char **ops,
		  int input, int output)
{
	struct npu_machine machine = against_machine(&m->seed);

	fclose(m->ops);
	fprintf(m->tensors, "input %%%d\n%soutput %%%d\n", input, *ops, output);
	fclose(m->tensors);
	against_stream(*text, *size, &machine, RUNS, &m->seed);
	free(*text);
	free(*ops);
}

struct lstm {
	int batches, steps, depth, cells;
	bool is_time_major;
	bool is_wide;		/* int16 */
	char operands[512];
	char clip[32];
};

static char *shape3(char *shape, int a, int b, int c)
{
	sprintf(shape, "%d,%d,%d", a, b, c);
	return shape;
}

/* Weights, recurrent weights and biases of the four gates, and the states. */
static void lstm_operands(struct maker *m, struct lstm *l, int input,
			  int hidden, int cell)
{
	FILE *to = fmemopen(l->operands, sizeof(l->operands), "w");

	fprintf(to, "%%%d", input);
	for (int i = 0; i < 4; i++)
		fprintf(to, " %%%d", constant(m, "int8", l->cells, l->depth, 1,
					      scale_in(m, 0.0005, 0.005)));
	for (int i = 0; i < 4; i++)
		fprintf(to, " %%%d", constant(m, "int8", l->cells, l->cells, 1,
					      scale_in(m, 0.0005, 0.005)));
	fputs(" - - -", to);
	for (int i = 0; i < 4; i++)
		fprintf(to, " %%%d", bias(m, l->cells, l->is_wide));
	fprintf(to, " - - %%%d %%%d", hidden, cell);
	fclose(to);
}

/* An LSTM of @input, its variables, and what they keep; returns its output. */
static int lstm(struct maker *m, struct lstm *l, int input)
{
	int zero = l->is_wide ? 0 : random_in(m, -20, 20);
	int power = random_in(m, 8, 13);
	const char *type = l->is_wide ? "int16" : "int8";
	int d0 = l->is_time_major ? l->steps : l->batches;
	int d1 = l->is_time_major ? l->batches : l->steps;
	const char *mode = l->is_time_major ? "mode=time_major" : "";
	double scale = scale_in(m, 0.004, 0.02) / (l->is_wide ? 256 : 1);
	double cell_scale = 1.0 / (1 << power);
	int hidden, cell, kept, out, last, next;
	char shape[64];

	sprintf(shape, "%d,%d", l->batches, l->cells);
	hidden = tensor(m, type, shape, scale, zero);
	cell = tensor(m, "int16", shape, cell_scale, 0);
	kept = tensor(m, "int16", shape, cell_scale, 0);
	next = tensor(m, type, shape, scale, zero);
	out = tensor(m, type, shape3(shape, d0, d1, l->cells), scale, zero);
	if (l->is_time_major)
		shape3(shape, 1, d1, l->cells);
	else
		shape3(shape, d0, 1, l->cells);
	last = tensor(m, type, shape, scale, zero);
	fprintf(m->tensors, "variable %%%d = %%%d\nvariable %%%d = %%%d\n",
		hidden, next, cell, kept);
	lstm_operands(m, l, input, hidden, cell);
	fprintf(m->ops, "unidirectional_sequence_lstm %%%d = %s %s %s\n", out,
		l->operands, l->clip, mode);
	fprintf(m->ops, "slice %%%d = %%%d begin=%d,%d,0 step=1,1,1\n", last,
		out, l->is_time_major ? l->steps - 1 : 0,
		l->is_time_major ? 0 : l->steps - 1);
	fprintf(m->ops, "reshape %%%d = %%%d\n", next, last);
	fprintf(m->ops, "unidirectional_sequence_lstm_cell %%%d = %s %s %s\n",
		kept, l->operands, l->clip, mode);
	return out;
}

static void test_lstm(void **state)
{
	struct maker m = { .seed = 20261125 };

	for (int i = 0; i < GRAPHS; i++) {
		struct lstm l = {
			.batches = random_in(&m, 0, 2) ? 1 :
							 random_in(&m, 1, 3),
			.steps = random_in(&m, 1, 6),
			.depth = size_in(&m, 80),
			.cells = size_in(&m, 80),
			.is_time_major = random_in(&m, 0, 1),
			.is_wide = !random_in(&m, 0, 2),
		};
		char *text = NULL, *ops = NULL, shape[64];
		size_t size, ops_size;
		int input, output;

		begin(&m, &text, &size, &ops, &ops_size);
		if (!random_in(&m, 0, 2))
			sprintf(l.clip, "alpha=%d", random_in(&m, 1, 4));
		shape3(shape, l.is_time_major ? l.steps : l.batches,
		       l.is_time_major ? l.batches : l.steps, l.depth);
		input = tensor(&m, l.is_wide ? "int16" : "int8", shape,
			       scale_in(&m, 0.004, 0.02) /
				       (l.is_wide ? 256 : 1),
			       l.is_wide ? 0 : random_in(&m, -128, 127));
		output = lstm(&m, &l, input);
		if (!random_in(&m, 0, 3)) {
			l.depth = l.cells;
			l.cells = size_in(&m, 40);
			output = lstm(&m, &l, output);
		}
		check(&m, &text, &size, &ops, input, output);
	}
}

/* An SVDF of @input, its variable, and what that keeps; returns its output. */
static int svdf(struct maker *m, int input, int batches, int depth)
{
	int units = size_in(m, 40), rank = random_in(m, 1, 3);
	int filters = units * rank, memory = size_in(m, 24);
	bool is_wide = random_in(m, 0, 1);
	const char *type = is_wide ? "int16" : "int8";
	int state_zero = is_wide ? 0 : random_in(m, -20, 20);
	double scale = scale_in(m, 0.02, 0.1) / (is_wide ? 128 : 1);
	int state, kept, out, feature, time;
	char shape[64], operands[128];

	sprintf(shape, "%d,%d", batches, filters * memory);
	state = tensor(m, type, shape, scale, state_zero);
	kept = tensor(m, type, shape, scale, state_zero);
	sprintf(shape, "%d,%d", batches, units);
	out = tensor(m, "int8", shape, scale_in(m, 0.02, 0.2),
		     random_in(m, -128, 127));
	feature = constant(m, "int8", filters, depth, 1,
			   scale_in(m, 0.001, 0.01));
	time = constant(m, type, filters, memory, is_wide ? 2 : 1,
			scale_in(m, 0.001, 0.01) / (is_wide ? 256 : 1));
	fprintf(m->tensors, "variable %%%d = %%%d\n", state, kept);
	sprintf(operands, "%%%d %%%d %%%d ", input, feature, time);
	if (random_in(m, 0, 3))
		sprintf(strchr(operands, 0), "%%%d", bias(m, units, false));
	else
		strcat(operands, "-");
	sprintf(strchr(operands, 0), " %%%d rank=%d", state, rank);
	fprintf(m->ops, "svdf %%%d = %s\nsvdf_state %%%d = %s\n", out, operands,
		kept, operands);
	return out;
}

static void test_svdf(void **state)
{
	struct maker m = { .seed = 20261126 };

	for (int i = 0; i < GRAPHS; i++) {
		int batches = random_in(&m, 0, 2) ? 1 : random_in(&m, 1, 3);
		int depth = size_in(&m, 120), input, output;
		char *text = NULL, *ops = NULL, shape[64];
		size_t size, ops_size;

		begin(&m, &text, &size, &ops, &ops_size);
		sprintf(shape, "%d,%d", batches, depth);
		input = tensor(&m, "int8", shape, scale_in(&m, 0.01, 0.1),
			       random_in(&m, -128, 127));
		output = svdf(&m, input, batches, depth);
		check(&m, &text, &size, &ops, input, output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lstm),
		cmocka_unit_test(test_svdf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
