// SPDX-License-Identifier: MIT
/*
 * Programs that run on the machine and on the CPU: published models with float
 * tensors, random graphs of both kinds against the reference executor, and what
 * the machine refuses.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <tinynpu.h>

#include "against.h"
#include "compiled.h"
#include "models.h"

static const struct npu_machine machine = NPU_MACHINE_DEFAULT;

/* A program in a session of its own, and what the compiler said of it. */
struct made {
	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_program_info info;
	char *partition;
};

static int make(struct made *made, const void *model, size_t size,
		struct tnc_error *error)
{
	struct tnc_options options;
	size_t length, program_size;
	struct tinynpu_error why;
	void *program;
	int status;

	memset(made, 0, sizeof(*made));
	tnc_options_init(&options);
	options.name = "model";
	options.partition_to = open_memstream(&made->partition, &length);
	status = tnc_compile(model, size, &options, &program, &program_size,
			     error);
	fclose(options.partition_to);
	if (status)
		return status;
	if (tinynpu_device_open("sim", NULL, &made->device, &why) ||
	    tinynpu_program_read(program, program_size, "x", &made->program,
				 &why) ||
	    tinynpu_session_create(made->device, made->program, &made->session,
				   &why))
		fail_msg("%s", why.text);
	tinynpu_program_info(made->program, &made->info, sizeof(made->info));
	free(program);
	return 0;
}

static void run(struct made *made)
{
	struct tinynpu_error error;

	if (tinynpu_session_run(made->session, &error))
		fail_msg("%s", error.text);
}

static void drop(struct made *made)
{
	tinynpu_session_destroy(made->session);
	tinynpu_program_close(made->program);
	tinynpu_device_close(made->device);
	free(made->partition);
}

static void *tensor(const struct made *made, int index)
{
	return tinynpu_session_tensor(made->session, index);
}

static size_t tensor_bytes(const struct made *made, int index)
{
	struct tinynpu_tensor_info info;

	assert_int_equal(tinynpu_program_tensor(made->program, index, &info,
						sizeof(info)), 0);
	return info.size;
}

static void make_model(struct made *made, const char *model, const char *name)
{
	struct model_file file = models_read(model, name);
	struct tnc_error error;

	if (make(made, file.bytes, file.size, &error))
		fail_msg("%s", error.text);
	models_free(&file);
}

/* --- Published models ------------------------------------------------------ */

static void test_float_ends_are_all_that_runs_on_the_cpu(void **state)
{
	struct model_file in, out;
	struct made made;
	char name[64];

	if (!models_have("blazeface_128"))
		skip();
	make_model(&made, "blazeface_128", "model.tflite");
	in = models_read("blazeface_128", "inputs/photos4.bin");
	assert_int_equal(made.info.segments, 3);
	assert_int_equal(made.info.cpu_ops, 5);
	assert_non_null(strstr(made.partition, "op 0 QUANTIZE"));
	for (int i = 0; i < 4; i++) {
		size_t bytes = tensor_bytes(&made, 0);

		memcpy(tensor(&made, 0), in.bytes + i * bytes, bytes);
		run(&made);
		for (int k = 0; k < made.info.outputs; k++) {
			snprintf(name, sizeof(name), "golden/photos4.out%d.bin",
				 k);
			out = models_read("blazeface_128", name);
			bytes = tensor_bytes(&made, 1 + k);
			assert_memory_equal(tensor(&made, 1 + k),
					    out.bytes + i * bytes, bytes);
			models_free(&out);
		}
	}
	models_free(&in);
	drop(&made);
}

static void test_a_float_transformer_runs_on_the_cpu(void **state)
{
	struct model_file in, golden;
	struct made made;

	if (!models_have("kwt1_fp32"))
		skip();
	make_model(&made, "kwt1_fp32", "model.tflite");
	in = models_read("kwt1_fp32", "inputs/wav6.bin");
	golden = models_read("kwt1_fp32", "golden/wav6.bin");
	assert_int_equal(made.info.segments, 1);
	assert_int_equal(made.info.commands, 0);
	for (int i = 0; i < 6; i++) {
		const float *wanted = (const float *)golden.bytes + i * 12;
		const float *found = tensor(&made, 1);

		memcpy(tensor(&made, 0), in.bytes + i * in.size / 6,
		       in.size / 6);
		run(&made);
		for (int k = 0; k < 12; k++)
			assert_true(fabsf(found[k] - wanted[k]) <
				    1e-5f * fmaxf(1, fabsf(wanted[k])));
	}
	models_free(&in);
	models_free(&golden);
	drop(&made);
}

static void test_float_models_run(void **state)
{
	static const char *const models[] = { "kws01", "vww01", "ic01", "ad01" };

	for (int i = 0; i < 4; i++) {
		struct model_file file;
		struct made made;

		if (!models_have(models[i]))
			skip();
		make_model(&made, models[i], "model_fp32.tflite");
		assert_int_equal(made.info.segments, 1);
		drop(&made);
		file = models_read(models[i], "model_fp32.tflite");
		compiled_compare((const char *)file.bytes, file.size, &machine);
		models_free(&file);
	}
}

/* --- Random graphs --------------------------------------------------------- */

static unsigned int seed;

#define TENSORS 24
#define ROUNDS 150

struct random {
	FILE *to;
	FILE *ops;
	bool is_float[TENSORS];
	int tensors;
};

static void add_tensor(struct random *r, bool is_float)
{
	fprintf(r->to, "tensor %%%d %s [1,4,5,6] %sname=\"t%d\"\n", r->tensors,
		is_float ? "float32" : "int8", is_float ? "" : "q=[0.05:3] ",
		r->tensors);
	r->is_float[r->tensors++] = is_float;
}

/* A tensor of the kind; the first two are one of each. */
static int pick(const struct random *r, bool is_float)
{
	int id;

	do
		id = rand_r(&seed) % r->tensors;
	while (r->is_float[id] != is_float);
	return id;
}

static void add_op(struct random *r, int source)
{
	static const char *const floats[] = { "tanh", "abs", "neg", "logistic",
					      "relu", "reshape" };
	int a = pick(r, true), b = pick(r, false), out = r->tensors;

	switch (rand_r(&seed) % 6) {
	case 0:
		fprintf(r->ops, "%s %%%d = %%%d", floats[rand_r(&seed) % 6],
			out, a);
		add_tensor(r, true);
		break;
	case 1:
		fprintf(r->ops, "add %%%d = %%%d %%%d act=relu", out, a,
			pick(r, true));
		add_tensor(r, true);
		break;
	case 2:
		fprintf(r->ops, "quantize %%%d = %%%d", out, a);
		add_tensor(r, false);
		break;
	case 3:
		fprintf(r->ops, "dequantize %%%d = %%%d", out, b);
		add_tensor(r, true);
		break;
	case 4:
		fprintf(r->ops, "add %%%d = %%%d %%%d act=none", out, b,
			pick(r, false));
		add_tensor(r, false);
		break;
	case 5:
		fprintf(r->ops, "max_pool_2d %%%d = %%%d stride=1x1 "
			"window=3x3 pad=same act=none", out, b);
		add_tensor(r, false);
	}
	fprintf(r->ops, " source=%d\n", source);
}

/* What is asked for: the last tensor, and any others, even inputs. */
static void add_outputs(struct random *r)
{
	fprintf(r->ops, "output %%%d\n", r->tensors - 1);
	for (int i = 0; i < r->tensors - 1; i++)
		if (rand_r(&seed) % 4 == 0)
			fprintf(r->ops, "output %%%d\n", i);
	if (rand_r(&seed) % 4 == 0)
		fprintf(r->ops, "output %%%d\n", r->tensors - 1);
}

static void test_random_graphs_agree_with_the_reference(void **state)
{
	for (int round = 0; round < ROUNDS; round++) {
		char *text = NULL, *ops = NULL;
		size_t size, ops_size;
		struct random r = { .to = open_memstream(&text, &size),
				    .ops = open_memstream(&ops, &ops_size) };
		int count;

		seed = round + 1;
		count = 1 + rand_r(&seed) % (TENSORS - 3);
		fprintf(r.to, "tnc 1\nmodel \"random\"\n");
		add_tensor(&r, true);
		add_tensor(&r, false);
		for (int i = 0; i < count; i++)
			add_op(&r, i);
		add_outputs(&r);
		fclose(r.ops);
		fprintf(r.to, "input %%0\ninput %%1\n%s", ops);
		fclose(r.to);
		compiled_compare(text, size, &machine);
		free(text);
		free(ops);
	}
}

/* A float variable and one of int8, read and kept on both sides. */
static void test_variables_go_through_all_segments(void **state)
{
	static const char text[] =
		"tnc 1\nmodel \"m\"\n"
		"tensor %0 float32 [1,4,5,6] name=\"x\"\n"
		"tensor %1 float32 [1,4,5,6] name=\"before\"\n"
		"tensor %2 float32 [1,4,5,6] name=\"sum\"\n"
		"tensor %3 float32 [1,4,5,6] name=\"after\"\n"
		"tensor %4 int8 [1,4,5,6] q=[0.05:3] name=\"q\"\n"
		"tensor %5 int8 [1,4,5,6] q=[0.05:3] name=\"most before\"\n"
		"tensor %6 int8 [1,4,5,6] q=[0.05:3] name=\"most\"\n"
		"tensor %7 float32 [1,4,5,6] name=\"y\"\n"
		"input %0\n"
		"variable %1 = %3\n"
		"variable %5 = %6\n"
		"add %2 = %0 %1 act=none source=0\n"
		"tanh %3 = %2 source=1\n"
		"quantize %4 = %3 source=2\n"
		"maximum %6 = %4 %5 act=none source=3\n"
		"dequantize %7 = %6 source=4\n"
		"output %7\n"
		"output %1\n";
	uint64_t stream_seed = 3;

	against_stream(text, strlen(text), &machine, 4, &stream_seed);
}

/* --- What the machine refuses ---------------------------------------------- */

#define TWO_INPUTS \
	"tnc 1\nmodel \"m\"\n" \
	"tensor %0 int8 [1,1,1,4] q=[0.5:0] name=\"a\"\n" \
	"tensor %1 int8 [1,1,1,4] q=[0.25:0] name=\"b\"\n" \
	"tensor %2 int8 [1,1,1,4] q=[0.5:-2] name=\"y\"\n" \
	"input %0\ninput %1\n"

static void test_a_refused_operator_computes_with_floats(void **state)
{
	static const char text[] = TWO_INPUTS
		"pow %2 = %0 %1 source=7\noutput %2\n";
	static const int8_t a[4] = { 4, 6, 2, 100 }, b[4] = { 8, 4, -4, 100 };
	/* 2^2 = 4, 3^1 = 3, 1^-1 = 1, far too much */
	static const int8_t wanted[4] = { 6, 4, 0, 127 };
	struct tnc_error error;
	struct made made;

	if (make(&made, text, strlen(text), &error))
		fail_msg("%s", error.text);
	assert_non_null(strstr(made.partition, "op 7 POW"));
	memcpy(tensor(&made, 0), a, 4);
	memcpy(tensor(&made, 1), b, 4);
	run(&made);
	assert_memory_equal(tensor(&made, 2), wanted, 4);
	drop(&made);
}

static void test_what_nothing_computes_is_an_error_of_the_machine(void **state)
{
	static const char text[] = TWO_INPUTS
		"custom %2 = %0 %1 source=3\noutput %2\n";
	struct tnc_error error;
	struct made made;

	assert_true(make(&made, text, strlen(text), &error) < 0);
	assert_non_null(strstr(error.text, "operator 3 (CUSTOM)"));
	assert_non_null(strstr(error.text, "unsupported"));
	free(made.partition);
}

static void test_without_fallback_a_refusal_is_an_error(void **state)
{
	static const char text[] = TWO_INPUTS
		"pow %2 = %0 %1 source=7\noutput %2\n";
	struct tnc_options options;
	struct tnc_error error;
	void *program;
	size_t size;

	tnc_options_init(&options);
	options.no_fallback = true;
	assert_true(tnc_compile(text, strlen(text), &options, &program, &size,
				&error) < 0);
	assert_non_null(strstr(error.text, "operator 7 (POW)"));
}

/* Before a float's way to the machine, on int32 in the middle, behind its way back. */
static void test_moves_go_with_what_is_beside_them(void **state)
{
	static const char text[] =
		"tnc 1\nmodel \"moves\"\n"
		"tensor %0 float32 [1,2,3,4] name=\"x\"\n"
		"tensor %1 float32 [1,2,3,4] name=\"turned\"\n"
		"tensor %2 int8 [1,2,3,4] q=[0.5:0] name=\"q\"\n"
		"tensor %3 int32 [1,2,3] name=\"arg\"\n"
		"tensor %4 int32 [1,2,3] name=\"back\"\n"
		"tensor %5 int32 [1,2,3] name=\"greatest\"\n"
		"tensor %6 float32 [1,2,3] name=\"real\"\n"
		"tensor %7 float32 [1,4,3] name=\"twice\"\n"
		"input %0\n"
		"reverse %1 = %0 axes=1 source=0\n"
		"quantize %2 = %1 source=1\n"
		"arg_max %3 = %2 axis=3 source=2\n"
		"reverse %4 = %3 axes=1 source=3\n"
		"maximum %5 = %4 %4 act=none source=4\n"
		"cast %6 = %5 source=5\n"
		"tile %7 = %6 source=6\n"
		"output %7\n";
	static const float wanted[12] = { 3, 0, 2, 1, 1, 3, 3, 0, 2, 1, 1, 3 };
	static const int greatest[6] = { 3, 0, 2, 1, 1, 3 };
	struct tnc_error error;
	struct made made;
	float x[24] = { 0 };

	if (make(&made, text, strlen(text), &error))
		fail_msg("%s", error.text);
	assert_int_equal(made.info.segments, 3);
	assert_int_equal(made.info.cpu_ops, 4);
	assert_null(strstr(made.partition, "op 3 REVERSE"));
	for (int i = 0; i < 6; i++)
		x[4 * i + greatest[i]] = 1;
	memcpy(tensor(&made, 0), x, sizeof(x));
	run(&made);
	assert_memory_equal(tensor(&made, 1), wanted, sizeof(wanted));
	drop(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_float_ends_are_all_that_runs_on_the_cpu),
		cmocka_unit_test(test_a_float_transformer_runs_on_the_cpu),
		cmocka_unit_test(test_float_models_run),
		cmocka_unit_test(test_random_graphs_agree_with_the_reference),
		cmocka_unit_test(test_variables_go_through_all_segments),
		cmocka_unit_test(test_a_refused_operator_computes_with_floats),
		cmocka_unit_test(
			test_what_nothing_computes_is_an_error_of_the_machine),
		cmocka_unit_test(test_without_fallback_a_refusal_is_an_error),
		cmocka_unit_test(test_moves_go_with_what_is_beside_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
