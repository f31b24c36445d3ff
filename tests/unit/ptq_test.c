// SPDX-License-Identifier: MIT
/*
 * Post-training quantisation: rules on small graphs, then published float models
 * against the int8 models that were published beside them. What is quantised also has
 * to give the same bytes in the simulator.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiled.h"
#include "float_graph.h"
#include "models.h"

/* --- Rules ----------------------------------------------------------------- */

#define PIXELS (4 * 4)
#define CALIBRATION 8

static float calibration[CALIBRATION][PIXELS * 3];
static const void *calibration_inputs[CALIBRATION];

/* The graph's text compiles, and the simulator computes what the reference does. */
static void check_simulator(struct tnc_graph *graph)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	size_t size;
	char *text = float_graph_text(graph, &size);

	compiled_compare(text, size, &machine);
	free(text);
}

static struct tnc_quantise quantise_small(struct float_graph *g)
{
	for (int i = 0; i < CALIBRATION; i++) {
		calibration_inputs[i] = calibration[i];
		for (int k = 0; k < PIXELS * 3; k++)
			calibration[i][k] = float_graph_real(g, -1, 3);
	}
	return (struct tnc_quantise){
		.inputs = calibration_inputs,
		.count = CALIBRATION,
		.int8_interface = 1,
	};
}

static void activation(struct float_graph *g, int id, const char *shape)
{
	float_graph_say(g, "tensor %%%d float32 [%s] name=\"\"", id, shape);
}

static void conv(struct float_graph *g, int out, int in, int weights)
{
	float_graph_say(g, "conv_2d %%%d = %%%d %%%d stride=1x1 dilation=1x1 "
			"pad=same act=none source=0",
			out, in, weights);
}

/* The quantisation of tensor @id as the text says it. */
static void quant_of(const char *text, int id, char quant[64])
{
	char start[32];
	const char *at;

	snprintf(start, sizeof(start), "tensor %%%d int8 ", id);
	at = strstr(text, start);
	if (!at)
		fail_msg("tensor %d is not int8:\n%s", id, text);
	at = strstr(at, "q=[");
	snprintf(quant, 64, "%.*s", (int)strcspn(at, "]"), at);
}

static void assert_alike(const char *text, int a, int b)
{
	char x[64], y[64];

	quant_of(text, a, x);
	quant_of(text, b, y);
	assert_string_equal(x, y);
}

static void assert_quant(const char *text, int id, const char *expected)
{
	char quant[64];

	quant_of(text, id, quant);
	assert_string_equal(quant, expected);
}

static void test_shared_scales(void **state)
{
	struct float_graph g;
	struct tnc_quantise quantise;
	struct tnc_graph *graph;
	size_t size;
	char *text;

	float_graph_start(&g, 1);
	activation(&g, 0, "1,4,4,3");
	for (int id = 1; id < 3; id++)
		activation(&g, id, "1,4,4,3");
	activation(&g, 3, "1,4,4,6");
	activation(&g, 4, "1,2,2,6");
	activation(&g, 5, "1,4,4,6");
	activation(&g, 6, "1,16,6");
	float_graph_constant(&g, 7, "3,1,1,3", 9, -1, 1);
	float_graph_constant(&g, 8, "3,1,1,3", 9, -9, 9);
	float_graph_say(&g, "input %%0");
	conv(&g, 1, 0, 7);
	conv(&g, 2, 0, 8);
	float_graph_say(&g, "concatenation %%3 = %%1 %%2 act=none axis=3 source=1");
	float_graph_say(&g, "max_pool_2d %%4 = %%3 stride=2x2 window=2x2 "
			"pad=valid act=none source=2");
	float_graph_say(&g, "pad %%5 = %%4 before=0,1,1,0 after=0,1,1,0 source=3");
	float_graph_say(&g, "reshape %%6 = %%5 source=4");
	float_graph_say(&g, "output %%6");
	quantise = quantise_small(&g);
	graph = float_graph_open(&g, &quantise);
	float_graph_pass(graph, "fnq");
	text = float_graph_text(graph, &size);
	for (int id = 1; id < 6; id++)
		assert_alike(text, id, 6);
	assert_int_equal(float_graph_count(text, "quantize %"), 0);
	free(text);
	tnc_graph_close(graph);
	float_graph_free(&g);
}

static void test_fixed_scales(void **state)
{
	struct float_graph g;
	struct tnc_quantise quantise;
	struct tnc_graph *graph;
	size_t size;
	char *text;

	float_graph_start(&g, 2);
	for (int id = 0; id < 3; id++)
		activation(&g, id, "1,4,4,3");
	activation(&g, 3, "16,3");
	float_graph_constant(&g, 4, "3,1,1,3", 9, -1, 1);
	float_graph_say(&g, "input %%0");
	conv(&g, 1, 0, 4);
	float_graph_say(&g, "softmax %%2 = %%1 beta=1 source=1");
	float_graph_say(&g, "reshape %%3 = %%2 source=2");
	float_graph_say(&g, "output %%3");
	quantise = quantise_small(&g);
	graph = float_graph_open(&g, &quantise);
	float_graph_pass(graph, "fnq");
	text = float_graph_text(graph, &size);
	assert_quant(text, 2, "q=[0.00390625:-128");
	assert_quant(text, 3, "q=[0.00390625:-128");
	free(text);
	tnc_graph_close(graph);
	float_graph_free(&g);
}

/* A fused RELU leaves no room for what is below 0. */
static void test_fused_activation(void **state)
{
	struct float_graph g;
	struct tnc_quantise quantise;
	struct tnc_graph *graph;
	char quant[64], *text;
	size_t size;

	float_graph_start(&g, 3);
	for (int id = 0; id < 3; id++)
		activation(&g, id, "1,4,4,3");
	float_graph_constant(&g, 4, "3,1,1,3", 9, -1, 1);
	float_graph_say(&g, "input %%0");
	conv(&g, 1, 0, 4);
	float_graph_say(&g, "relu %%2 = %%1 source=1");
	float_graph_say(&g, "output %%2");
	quantise = quantise_small(&g);
	graph = float_graph_open(&g, &quantise);
	float_graph_pass(graph, "fnq");
	text = float_graph_text(graph, &size);
	assert_int_equal(float_graph_count(text, "act=relu"), 1);
	quant_of(text, 2, quant);
	assert_non_null(strstr(quant, ":-128"));
	free(text);
	tnc_graph_close(graph);
	float_graph_free(&g);
}

/* Needs int8_interface. Mean over calibration inputs of int8 minus float. */
static float mean_error(struct float_graph *g, struct tnc_graph *graph)
{
	struct tnc_graph *real = float_graph_open(g, NULL);
	struct tnc_tensor_info in, out;
	struct tnc_error error;
	double sum = 0;

	tnc_graph_input(graph, 0, &in);
	tnc_graph_output(graph, 0, &out);
	for (int i = 0; i < CALIBRATION; i++) {
		int8_t steps[PIXELS * 3], result[PIXELS * 3];
		float expected[PIXELS * 3];
		const void *from = steps;
		void *to = result;

		for (int k = 0; k < PIXELS * 3; k++)
			steps[k] = (int8_t)fmaxf(-128, fminf(127,
				roundf(calibration[i][k] / in.scale) +
				in.zero_point));
		assert_int_equal(tnc_graph_run(graph, &from, &to, &error), 0);
		from = calibration[i];
		to = expected;
		assert_int_equal(tnc_graph_run(real, &from, &to, &error), 0);
		for (int k = 0; k < PIXELS; k++)
			sum += (result[k] - out.zero_point) * out.scale -
			       expected[k];
	}
	tnc_graph_close(real);
	return (float)(sum / (CALIBRATION * PIXELS) / out.scale);
}

/*
 * One large weight takes the scale; the others are far from a step, so their errors
 * add up to many steps of the output, always on the same side.
 */
static void test_bias_correction(void **state)
{
	struct float_graph g;
	struct tnc_quantise quantise;
	struct tnc_graph *graph;

	float_graph_start(&g, 4);
	activation(&g, 0, "1,4,4,3");
	activation(&g, 1, "1,4,4,1");
	float_graph_say(&g, "const %%2 float32 [1,1,1,3] name=\"\"");
	/* 1.27, and twice 0.0046: not half a step of 0.01 */
	float_graph_say(&g, "data %%2\n  5c8fa23f 99bb963b 99bb963b\nend");
	float_graph_say(&g, "input %%0");
	conv(&g, 1, 0, 2);
	float_graph_say(&g, "output %%1");
	quantise = quantise_small(&g);
	for (int i = 0; i < CALIBRATION; i++)
		for (int k = 0; k < PIXELS * 3; k++)
			calibration[i][k] = k % 3 ?
				float_graph_real(&g, 9, 10) :
				float_graph_real(&g, 0, 0.5f);
	graph = float_graph_open(&g, &quantise);
	float_graph_pass(graph, "fnq");
	assert_true(fabsf(mean_error(&g, graph)) < 0.5f);
	tnc_graph_close(graph);
	float_graph_free(&g);
}

/* What has no int8 form stays float, between conversions, and the report says so. */
static void count_float(void *context, const struct tnc_quantised_op *op)
{
	int *count = context;

	*count += op->kept_float != NULL;
}

static void test_float_island(void **state)
{
	struct float_graph g;
	struct tnc_quantise quantise;
	struct tnc_graph *graph;
	int kept = 0;
	size_t size;
	char *text;

	float_graph_start(&g, 5);
	for (int id = 0; id < 4; id++)
		activation(&g, id, "1,4,4,3");
	float_graph_constant(&g, 4, "3,1,1,3", 9, -1, 1);
	float_graph_say(&g, "input %%0");
	conv(&g, 1, 0, 4);
	float_graph_say(&g, "sin %%2 = %%1 source=1");
	conv(&g, 3, 2, 4);
	float_graph_say(&g, "output %%3");
	quantise = quantise_small(&g);
	quantise.report = count_float;
	quantise.context = &kept;
	graph = float_graph_open(&g, &quantise);
	float_graph_pass(graph, "fnq");
	text = float_graph_text(graph, &size);
	assert_int_equal(kept, 1);
	assert_int_equal(float_graph_count(text, "dequantize %"), 1);
	assert_int_equal(float_graph_count(text, "\nquantize %"), 1);
	check_simulator(graph);
	free(text);
	tnc_graph_close(graph);
	float_graph_free(&g);
}

/* What is int8 already stays as it is. */
static void test_int8_model(void **state)
{
	struct float_graph g;
	struct tnc_quantise quantise;
	struct tnc_graph *graph;
	char *before, *after;
	size_t size;
	int kept = 0;

	float_graph_start(&g, 7);
	for (int id = 0; id < 2; id++)
		float_graph_say(&g, "tensor %%%d int8 [1,4,4,3] q=[0.5:3] name=\"\"",
				id);
	float_graph_say(&g, "input %%0");
	float_graph_say(&g, "max_pool_2d %%1 = %%0 stride=1x1 window=1x1 "
			"pad=valid act=none source=0");
	float_graph_say(&g, "output %%1");
	quantise = quantise_small(&g);
	quantise.report = count_float;
	quantise.context = &kept;
	graph = float_graph_open(&g, &quantise);
	before = float_graph_text(graph, &size);
	float_graph_pass(graph, "fnq");
	after = float_graph_text(graph, &size);
	assert_string_equal(before, after);
	assert_int_equal(kept, 0);
	free(before);
	free(after);
	tnc_graph_close(graph);
	float_graph_free(&g);
}

/* --- What goes wrong -------------------------------------------------------- */

static void small_model(struct float_graph *g)
{
	float_graph_start(g, 6);
	for (int id = 0; id < 4; id++)
		activation(g, id, "1,4,4,3");
	float_graph_constant(g, 4, "3,1,1,3", 9, -1, 1);
	float_graph_say(g, "input %%0");
	conv(g, 1, 0, 4);
	float_graph_say(g, "sin %%2 = %%1 source=1");
	conv(g, 3, 2, 4);
	float_graph_say(g, "output %%3");
	fclose(g->to);
	g->to = NULL;
}

static int compile(const struct float_graph *g,
		   const struct tnc_quantise *quantise, uint64_t fail_allocation,
		   struct tnc_error *error)
{
	struct tnc_options options;
	void *program;
	size_t size;
	int status;

	tnc_options_init(&options);
	options.quantise = quantise;
	options.fail_allocation = fail_allocation;
	status = tnc_compile(g->text, g->size, &options, &program, &size, error);
	free(program);
	return status;
}

static void test_failing_allocations(void **state)
{
	struct float_graph g;
	struct tnc_quantise quantise;
	struct tnc_error error;
	uint64_t n = 1;
	int status;

	small_model(&g);
	quantise = quantise_small(&g);
	while ((status = compile(&g, &quantise, n, &error)) == -ENOMEM)
		n += 1 + n / 16;
	if (status)
		fail_msg("%s", error.text);
	assert_true(n > 100);
	float_graph_free(&g);
}

static void test_calibration_of_nothing(void **state)
{
	struct float_graph g;
	struct tnc_quantise quantise;
	struct tnc_error error;

	small_model(&g);
	quantise = quantise_small(&g);
	quantise.count = 0;
	assert_int_equal(compile(&g, &quantise, 0, &error), -EINVAL);
	assert_non_null(strstr(error.text, "no calibration inputs"));
	float_graph_free(&g);
}

/* Inputs that are no numbers, and such that are all the same. */
static void test_odd_calibration(void **state)
{
	static const float odd[] = { NAN, INFINITY, -INFINITY, 0, 3e38f, 1e-40f };
	struct float_graph g;
	struct tnc_quantise quantise;
	struct tnc_error error = { "" };

	small_model(&g);
	quantise = quantise_small(&g);
	for (size_t n = 0; n < sizeof(odd) / sizeof(odd[0]); n++) {
		for (int i = 0; i < CALIBRATION; i++)
			for (int k = 0; k < PIXELS * 3; k++)
				calibration[i][k] = odd[n];
		if (compile(&g, &quantise, 0, &error))
			fail_msg("%g: %s", odd[n], error.text);
	}
	float_graph_free(&g);
}

/* --- Published models ------------------------------------------------------ */

#define MAX_CALIBRATION 64

/* A case of a model: inputs of its int8 model as real numbers, labels if there are. */
struct inputs {
	float *real;
	size_t elements;	/* of one */
	int count;
	int *label;
	double reference;	/* top-1 of the int8 model */
};

static json_t *case_of(json_t *manifest, const char *name)
{
	json_t *kase;
	size_t i;

	json_array_foreach(json_object_get(manifest, "cases"), i, kase)
		if (!strcmp(json_string_value(json_object_get(kase, "id")),
			    name))
			return kase;
	fail_msg("no case %s", name);
	return NULL;
}

static void read_labels(struct inputs *in, const char *model, json_t *kase)
{
	json_t *path = json_object_get(kase, "labels");
	struct model_file file;
	char *next;

	in->label = calloc(in->count, sizeof(*in->label));
	if (!path)
		return;
	file = models_read(model, json_string_value(path));
	next = (char *)file.bytes;
	for (int i = 0; i < in->count; i++)
		in->label[i] = strtol(next, &next, 10);
	models_free(&file);
}

static struct inputs read_inputs(const char *model, const char *name)
{
	json_t *manifest = models_manifest(model);
	json_t *tensor = json_array_get(json_object_get(manifest, "inputs"), 0);
	json_t *kase = case_of(manifest, name);
	double scale = json_number_value(json_object_get(tensor, "scale"));
	int zero = json_integer_value(json_object_get(tensor, "zero_point"));
	struct model_file file = models_read(model, json_string_value(
		json_array_get(json_object_get(kase, "inputs"), 0)));
	struct inputs in = {
		.count = json_integer_value(json_object_get(kase, "n")),
		.reference = json_number_value(
			json_object_get(kase, "reference_top1")),
	};

	assert_true(in.count && file.size);
	in.elements = file.size / in.count;
	in.real = calloc(file.size, sizeof(float));
	for (size_t i = 0; i < file.size; i++)
		in.real[i] = (float)((((int8_t *)file.bytes)[i] - zero) * scale);
	read_labels(&in, model, kase);
	models_free(&file);
	json_decref(manifest);
	return in;
}

static void free_inputs(struct inputs *in)
{
	free(in->real);
	free(in->label);
}

static struct tnc_graph *open_model(const char *model, const char *name,
				    const struct tnc_quantise *quantise)
{
	struct model_file file = models_read(model, name);
	struct tnc_options options;
	struct tnc_error error = { "" };
	struct tnc_graph *graph;

	tnc_options_init(&options);
	options.quantise = quantise;
	if (tnc_graph_open(file.bytes, file.size, &options, &graph, &error))
		fail_msg("%s: %s", model, error.text);
	models_free(&file);
	return graph;
}

/* @step: every so many-th input is one to calibrate with. */
static struct tnc_graph *quantise_model(const char *model, const char *name,
					const struct inputs *in, int step,
					bool is_int8)
{
	const void *inputs[MAX_CALIBRATION];
	struct tnc_quantise quantise = {
		.inputs = inputs,
		.int8_interface = is_int8,
	};
	struct tnc_graph *graph;

	for (int i = 0; i < in->count && quantise.count < MAX_CALIBRATION;
	     i += step)
		inputs[quantise.count++] = in->real + i * in->elements;
	graph = open_model(model, name, &quantise);
	float_graph_pass(graph, "fnq");
	return graph;
}

/* The output for real numbers that are quantised as the graph wants them. */
static void infer(struct tnc_graph *graph, const float *real, float *result)
{
	struct tnc_tensor_info in, out;
	struct tnc_error error;
	int8_t *steps, *output;
	const void *from;
	void *to;

	tnc_graph_input(graph, 0, &in);
	tnc_graph_output(graph, 0, &out);
	assert_string_equal(in.type, "int8");
	from = steps = malloc(in.size_bytes);
	to = output = malloc(out.size_bytes);
	for (size_t i = 0; i < in.size_bytes; i++)
		steps[i] = (int8_t)fmaxf(-128, fminf(127,
			roundf(real[i] / in.scale) + in.zero_point));
	if (tnc_graph_run(graph, &from, &to, &error))
		fail_msg("%s", error.text);
	for (size_t i = 0; i < out.size_bytes; i++)
		result[i] = (output[i] - out.zero_point) * out.scale;
	free(steps);
	free(output);
}

/* A graph whose interface is float. */
static void run(struct tnc_graph *graph, const float *input, float *result)
{
	const void *from = input;
	void *to = result;
	struct tnc_error error;

	if (tnc_graph_run(graph, &from, &to, &error))
		fail_msg("%s", error.text);
}

static int best_of(const float *scores, int count)
{
	int best = 0;

	for (int i = 1; i < count; i++)
		best = scores[i] > scores[best] ? i : best;
	return best;
}

static void check_top1(struct tnc_graph *graph, const char *model,
		       const struct inputs *in, int classes)
{
	double top1, right = 0;
	float scores[16];

	for (int i = 0; i < in->count; i++) {
		infer(graph, in->real + i * in->elements, scores);
		right += best_of(scores, classes) == in->label[i];
	}
	top1 = right / in->count;
	print_message("# %s: top-1 %.2f %%, of the published int8 model %.2f %%\n",
		      model, 100 * top1, 100 * in->reference);
	assert_true(top1 >= in->reference - 0.005);
}

static void check_classes(const char *model, const char *calibrate, int step,
			  const char *other, int classes)
{
	struct inputs in = read_inputs(model, calibrate), more;
	struct tnc_graph *graph = quantise_model(model, "model_fp32.tflite",
						 &in, step, true);

	check_top1(graph, model, &in, classes);
	more = read_inputs(model, other);
	check_top1(graph, model, &more, classes);
	check_simulator(graph);
	tnc_graph_close(graph);
	free_inputs(&more);
	free_inputs(&in);
}

static void test_kws01(void **state)
{
	if (!models_have("kws01"))
		skip();
	check_classes("kws01", "speech500", 10, "cfu12", 12);
}

static void test_ic01(void **state)
{
	if (!models_have("ic01"))
		skip();
	check_classes("ic01", "cifar200", 5, "cfu10", 10);
}

static void test_vww01(void **state)
{
	if (!models_have("vww01"))
		skip();
	check_classes("vww01", "photos10", 2, "cfu4", 2);
}

/*
 * The score of a recording is the mean squared difference of output and input over
 * all its windows.
 */
static double score_of(struct tnc_graph *graph, bool is_float, const char *name)
{
	struct inputs in = read_inputs("ad01", name);
	float *result = malloc(in.elements * sizeof(float));
	double sum = 0;

	for (int i = 0; i < in.count; i++) {
		const float *real = in.real + i * in.elements;

		if (is_float)
			run(graph, real, result);
		else
			infer(graph, real, result);
		for (size_t k = 0; k < in.elements; k++)
			sum += (real[k] - result[k]) * (real[k] - result[k]);
	}
	sum /= (double)in.count * in.elements;
	free(result);
	free_inputs(&in);
	return sum;
}

static double auc_of(const double score[4])
{
	double pairs = 0;

	for (int normal = 0; normal < 2; normal++)
		for (int anomaly = 2; anomaly < 4; anomaly++)
			pairs += score[anomaly] > score[normal];
	return pairs / 4;
}

static void test_ad01(void **state)
{
	static const char *const names[] = { "normal_0", "normal_1", "anomaly_0",
					     "anomaly_1" };
	struct tnc_graph *graph, *real;
	double score[4], expected, published[4];
	json_t *manifest, *scores;
	struct inputs in;

	if (!models_have("ad01"))
		skip();
	in = read_inputs("ad01", "normal_0");
	graph = quantise_model("ad01", "model_fp32.tflite", &in, 4, true);
	real = open_model("ad01", "model_fp32.tflite", NULL);
	manifest = models_manifest("ad01");
	scores = json_object_get(manifest, "anomaly_scores");
	for (int i = 0; i < 4; i++) {
		score[i] = score_of(graph, false, names[i]);
		expected = score_of(real, true, names[i]);
		published[i] = json_number_value(json_object_get(scores,
								 names[i]));
		print_message("# ad01 %s: %.4f, float %.4f, published %.4f\n",
			      names[i], score[i], expected, published[i]);
	}
	assert_true(auc_of(score) >= auc_of(published) - 0.005);
	check_simulator(graph);
	json_decref(manifest);
	tnc_graph_close(graph);
	tnc_graph_close(real);
	free_inputs(&in);
}

/* --- A transformer --------------------------------------------------------- */

#define SAMPLES 16000
#define WAVS 6
#define KWT_CALIBRATION 6
#define KWT_INPUTS 48

/* A recording that was moved, made louder or quieter, and noisy. */
static void perturb(struct float_graph *random, const float *from, float *to)
{
	int shift = float_graph_int(random, -1600, 1600);
	float gain = float_graph_real(random, 0.5f, 1.5f);
	float noise = float_graph_real(random, 0, 0.005f);

	for (int i = 0; i < SAMPLES; i++) {
		int at = i - shift;
		float value = at >= 0 && at < SAMPLES ? from[at] : 0;

		to[i] = value * gain + float_graph_real(random, -noise, noise);
	}
}

static struct inputs read_kwt(void)
{
	struct model_file file = models_read("kwt1_fp32", "inputs/wav6.bin");
	struct float_graph random = { .seed = 1 };
	struct inputs in = {
		.elements = SAMPLES,
		.count = KWT_CALIBRATION + KWT_INPUTS,
	};

	assert_int_equal(file.size, WAVS * SAMPLES * sizeof(float));
	in.real = calloc(in.count * SAMPLES, sizeof(float));
	for (int i = 0; i < in.count; i++)
		perturb(&random, (float *)file.bytes + i % WAVS * SAMPLES,
			in.real + i * SAMPLES);
	models_free(&file);
	return in;
}

static int class_of(struct tnc_graph *graph, const float *input)
{
	float scores[12];

	run(graph, input, scores);
	return best_of(scores, 12);
}

static void test_kwt1(void **state)
{
	struct tnc_graph *real, *quantised;
	struct inputs in, calibration_part;
	int same = 0;

	if (!models_have("kwt1_fp32"))
		skip();
	in = read_kwt();
	calibration_part = in;
	calibration_part.count = KWT_CALIBRATION;
	quantised = quantise_model("kwt1_fp32", "model.tflite",
				   &calibration_part, 1, false);
	real = open_model("kwt1_fp32", "model.tflite", NULL);
	for (int i = KWT_CALIBRATION; i < in.count; i++)
		same += class_of(real, in.real + i * SAMPLES) ==
			class_of(quantised, in.real + i * SAMPLES);
	print_message("# kwt1_fp32: %d of %d predictions kept\n", same,
		      KWT_INPUTS);
	assert_true(same >= 0.97 * KWT_INPUTS);
	check_simulator(quantised);
	tnc_graph_close(real);
	tnc_graph_close(quantised);
	free_inputs(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared_scales),
		cmocka_unit_test(test_fixed_scales),
		cmocka_unit_test(test_fused_activation),
		cmocka_unit_test(test_bias_correction),
		cmocka_unit_test(test_float_island),
		cmocka_unit_test(test_int8_model),
		cmocka_unit_test(test_failing_allocations),
		cmocka_unit_test(test_calibration_of_nothing),
		cmocka_unit_test(test_odd_calibration),
		cmocka_unit_test(test_kws01),
		cmocka_unit_test(test_ic01),
		cmocka_unit_test(test_vww01),
		cmocka_unit_test(test_ad01),
		cmocka_unit_test(test_kwt1),
	};

	/* The last four run the same code again: what they add is figures. */
#ifdef __SANITIZE_ADDRESS__
	const size_t left_out = 4;
#else
	const size_t left_out = 0;
#endif

	return _cmocka_run_group_tests(
		"ptq", tests, sizeof(tests) / sizeof(tests[0]) - left_out, NULL,
		NULL);
}
