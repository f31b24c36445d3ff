// SPDX-License-Identifier: MIT
/*
 * The reference executor's functions of quantised numbers are near those of real
 * ones: within a step or so of what the C library's functions give in double
 * precision. So a formula that was misread shows, though executor and machine agree.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/tnc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void compute(const char *text, const void *in, void *out)
{
	const void *inputs[] = { in };
	void *outputs[] = { out };
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;

	tnc_options_init(&options);
	if (tnc_graph_open(text, strlen(text), &options, &graph, &error) ||
	    tnc_graph_run(graph, inputs, outputs, &error))
		fail_msg("%s", error.text);
	tnc_graph_close(graph);
}

static double logistic(double x)
{
	return 1 / (1 + exp(-x));
}

static double hard_swish(double x)
{
	return x * fmin(6, fmax(0, x + 3)) / 6;
}

static double rsqrt(double x)
{
	return x > 0 ? 1 / sqrt(x) : 1e9;
}

static double relu(double x)
{
	return fmax(x, 0);
}

static double leaky_relu(double x)
{
	return x < 0 ? 0.3 * x : x;
}

static double gelu(double x)
{
	return 0.5 * x * (1 + erf(x / sqrt(2)));
}

static double elu(double x)
{
	return x < 0 ? expm1(x) : x;
}

struct function {
	const char *op;
	double (*real)(double x);
	double in_scale;
	int in_zero;
	double out_scale;
	int out_zero;
	double error;		/* in steps of the output */
};

static void near(const struct function *f, int x, int y, int low, int high)
{
	double want = f->real(f->in_scale * (x - f->in_zero)) / f->out_scale +
		      f->out_zero;

	want = fmin(high, fmax(low, want));
	if (fabs(want - y) > f->error)
		fail_msg("%s of %d is %d, should be %g", f->op, x, y, want);
}

static char *graph_of(const struct function *f, const char *type, int count)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "tnc 1\n"
		 "tensor %%0 %s [%d] q=[%.9g:%d] name=\"x\"\n"
		 "tensor %%1 %s [%d] q=[%.9g:%d] name=\"y\"\n"
		 "input %%0\n%s\noutput %%1\n",
		 type, count, f->in_scale, f->in_zero, type, count,
		 f->out_scale, f->out_zero, f->op);
	return text;
}

static void test_int8(void **state)
{
	static const struct function functions[] = {
		{ "logistic %1 = %0", logistic, .05, -10, 1 / 256., -128, .6 },
		{ "tanh %1 = %0", tanh, .03, 5, 1 / 128., 0, .6 },
		{ "hard_swish %1 = %0", hard_swish, .05, 3, .04, -100, .6 },
		{ "rsqrt %1 = %0", rsqrt, .05, -128, .02, -128, .6 },
		{ "relu %1 = %0", relu, .05, 3, .04, -20, .6 },
		{ "leaky_relu %1 = %0 alpha=0.3", leaky_relu, .05, 3, .04, -20,
		  .8 },
		{ "gelu %1 = %0", gelu, .05, 3, .04, -100, .6 },
		{ "elu %1 = %0 alpha=1", elu, .05, 3, .04, -100, .6 },
		{ "abs %1 = %0", fabs, .05, 3, .04, -100, .6 },
		{ "exp %1 = %0", exp, .02, 3, .1, -128, .6 },
	};
	int8_t in[256], out[256];

	for (int i = 0; i < 256; i++)
		in[i] = i - 128;
	for (size_t k = 0; k < COUNT(functions); k++) {
		compute(graph_of(&functions[k], "int8", 256), in, out);
		for (int i = 0; i < 256; i++)
			near(&functions[k], in[i], out[i], -128, 127);
	}
}

static void test_int16(void **state)
{
	static const struct function functions[] = {
		{ "logistic %1 = %0", logistic, 1 / 4096., 0, 1 / 32768., 0,
		  2 },
		{ "logistic %1 = %0", logistic, 3e-4, 0, 1 / 32768., 0, 2 },
		{ "tanh %1 = %0", tanh, 1 / 2048., 0, 1 / 32768., 0, 3 },
		{ "tanh %1 = %0", tanh, 3e-4, 0, 1 / 32768., 0, 3 },
		{ "leaky_relu %1 = %0 alpha=0.3", leaky_relu, 1e-4, 0, 2e-4, 0,
		  1 },
		{ "abs %1 = %0", fabs, 1e-4, 0, 2e-4, 0, 1 },
		{ "rsqrt %1 = %0", rsqrt, 1e-3, 0, 1e-3, 0, 1 },
		{ "exp %1 = %0", exp, 1e-4, 0, 1e-3, 0, 4 },
	};
	static int16_t in[65536], out[65536];

	for (int i = 0; i < 65536; i++)
		in[i] = i - 32768;
	for (size_t k = 0; k < COUNT(functions); k++) {
		compute(graph_of(&functions[k], "int16", 65536), in, out);
		for (int i = 0; i < 65536; i++)
			near(&functions[k], in[i], out[i], -32768, 32767);
	}
}

static void row_near(double want, int y, double error)
{
	if (fabs(want - y) > error)
		fail_msg("%d, should be %g", y, want);
}

static void test_rows(void **state)
{
	static const char log_softmax[] =
		"tnc 1\n"
		"tensor %0 int8 [6] q=[0.1:0] name=\"x\"\n"
		"tensor %1 int8 [6] q=[0.0625:127] name=\"y\"\n"
		"input %0\nlog_softmax %1 = %0\noutput %1\n";
	static const char l2_normalization[] =
		"tnc 1\n"
		"tensor %0 int8 [6] q=[0.1:0] name=\"x\"\n"
		"tensor %1 int8 [6] q=[0.0078125:0] name=\"y\"\n"
		"input %0\nl2_normalization %1 = %0\noutput %1\n";
	static const char softmax[] =
		"tnc 1\n"
		"tensor %0 int16 [6] q=[0.001:0] name=\"x\"\n"
		"tensor %1 int16 [6] q=[3.0517578125e-05:0] name=\"y\"\n"
		"input %0\nsoftmax %1 = %0 beta=1\noutput %1\n";
	static const int8_t in[6] = { -20, 60, 35, 7, -70, 10 };
	static const int16_t wide[6] = { 1000, 2000, -3000, 500, 4000, 3900 };
	double exps = 0, squares = 0, wide_exps = 0;
	int8_t log_out[6], l2_out[6];
	int16_t wide_out[6];

	compute(log_softmax, in, log_out);
	compute(l2_normalization, in, l2_out);
	compute(softmax, wide, wide_out);
	for (int i = 0; i < 6; i++) {
		exps += exp(.1 * in[i]);
		squares += in[i] * in[i];
		wide_exps += exp(.001 * wide[i]);
	}
	for (int i = 0; i < 6; i++) {
		row_near((.1 * in[i] - log(exps)) * 16 + 127, log_out[i], 1);
		row_near(in[i] / sqrt(squares) * 128, l2_out[i], .6);
		row_near(exp(.001 * wide[i]) / wide_exps * 32768, wide_out[i],
			 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_int8),
		cmocka_unit_test(test_int16),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
