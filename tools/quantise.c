// SPDX-License-Identifier: MIT
/*
 * `tinynpu compile --quantize`: calibration inputs for the compiler, what it reports,
 * and how many predictions are right or kept.
 */
#include "quantise.h"

#include "samples.h"
#include "tool.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Arguments ------------------------------------------------------------- */

enum {
	KEY_QUANTIZE = 0x200,
	KEY_CALIBRATE,
	KEY_EVALUATE,
	KEY_LABELS,
	KEY_REPORT,
	KEY_IO,
};

static const struct argp_option options[] = {
	{ "quantize", KEY_QUANTIZE, NULL, 0,
	  "Make a float model one of int8; needs --calibrate", 3 },
	{ "calibrate", KEY_CALIBRATE, "FILE|DIR", 0,
	  "Inputs such as the model will see, once or more: raw tensors of "
	  "inferences back to back, a .png picture, or a directory of such "
	  "files. A value v of 0..255 of a picture means v/255", 3 },
	{ "evaluate", KEY_EVALUATE, "FILE|DIR", 0,
	  "Inputs to compare predictions on (default: those to calibrate with)",
	  3 },
	{ "labels", KEY_LABELS, "FILE", 0,
	  "The class of each of these inputs, a number a line", 3 },
	{ "report", KEY_REPORT, "FILE.json", 0,
	  "Write for each operator its error, scale, and why it stays float", 3 },
	{ "io", KEY_IO, "TYPE", 0,
	  "Type of the model's inputs and outputs: float (as they are, default) "
	  "or int8", 3 },
	{ 0 },
};

static void check(struct argp_state *state,
		  const struct quantise_arguments *args)
{
	if (args->is_wanted && !args->calibrate_count)
		argp_error(state, "--quantize needs --calibrate");
	if (!args->is_wanted &&
	    (args->calibrate_count || args->evaluate || args->labels ||
	     args->report || args->is_int8_interface))
		argp_error(state, "that goes with --quantize only");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct quantise_arguments *args = state->input;

	switch (key) {
	case KEY_QUANTIZE:
		args->is_wanted = true;
		return 0;
	case KEY_CALIBRATE:
		if (args->calibrate_count == QUANTISE_MAX_PATHS)
			argp_error(state, "--calibrate: more than %d",
				   QUANTISE_MAX_PATHS);
		args->calibrate[args->calibrate_count++] = arg;
		return 0;
	case KEY_EVALUATE:
		args->evaluate = arg;
		return 0;
	case KEY_LABELS:
		args->labels = arg;
		return 0;
	case KEY_REPORT:
		args->report = arg;
		return 0;
	case KEY_IO:
		args->is_int8_interface = !strcmp(arg, "int8");
		if (!args->is_int8_interface && strcmp(arg, "float"))
			argp_error(state, "--io: '%s' is neither float nor int8",
				   arg);
		return 0;
	case ARGP_KEY_END:
		check(state, args);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp quantise_argp = { .options = options, .parser = parse };

/* --- What the compiler tells ------------------------------------------------ */

struct quantise {
	const struct quantise_arguments *args;
	const char *path;
	const void *bytes;
	size_t size;
	struct samples calibration;
	struct samples evaluation;
	struct tnc_quantise options;
	json_t *operators;
	size_t int8;
	size_t kept_float;
	double snr_db;
	char ranges[64];
};

static void take_report(void *context, const struct tnc_quantised_op *op)
{
	struct quantise *q = context;

	if (op->source < 0) {
		q->snr_db = op->snr_db;
		snprintf(q->ranges, sizeof(q->ranges), "%s", op->tensor);
		return;
	}
	if (op->kept_float)
		q->kept_float++;
	else
		q->int8++;
	json_array_append_new(q->operators, json_pack(
		"{s:i, s:s, s:s%, s:f, s:f, s:i, s:s?}", "source", op->source,
		"operator", op->op, "tensor", op->tensor,
		strlen(op->tensor), "snr_db", op->snr_db, "scale",
		(double)op->scale, "zero_point", (int)op->zero_point,
		"kept_float", op->kept_float));
}

/* --- Predictions ------------------------------------------------------------ */

struct predictions {
	size_t count;
	size_t right_float;
	size_t right_int8;
	size_t same;
};

static int open_graph(const struct quantise *q,
		      const struct tnc_quantise *quantise,
		      struct tnc_graph **graph)
{
	struct tnc_options options;
	struct tnc_error error;
	int err;

	tnc_options_init(&options);
	options.name = q->path;
	options.quantise = quantise;
	err = tnc_graph_open(q->bytes, q->size, &options, graph, &error);
	for (const char *p = tnc_pass_letters(); !err && quantise && *p; p++) {
		err = tnc_graph_pass(*graph, *p, &error);
		if (*p == 'q')
			break;
	}
	if (!err)
		return TOOL_OK;
	return tool_complain(tool_file_status(err), "%s", error.text);
}

/* The class with the highest value of a graph whose output is float. */
static int predict(struct tnc_graph *graph, const void *const *inputs,
		   void *const *outputs, size_t *class)
{
	const float *score = outputs[0];
	struct tnc_tensor_info info;
	struct tnc_error error;
	int err = tnc_graph_run(graph, inputs, outputs, &error);

	if (err)
		return tool_complain(tool_file_status(err), "%s", error.text);
	tnc_graph_output(graph, 0, &info);
	*class = 0;
	for (size_t i = 1; i < info.size_bytes / sizeof(float); i++)
		if (score[i] > score[*class])
			*class = i;
	return TOOL_OK;
}

static void free_outputs(void **outputs, int count)
{
	for (int i = 0; outputs && i < count; i++)
		free(outputs[i]);
	free(outputs);
}

static void **new_outputs(const struct tnc_graph *graph)
{
	int count = tnc_graph_outputs(graph);
	void **outputs = calloc(count, sizeof(*outputs));

	for (int i = 0; outputs && i < count; i++) {
		struct tnc_tensor_info info;

		tnc_graph_output(graph, i, &info);
		outputs[i] = malloc(info.size_bytes);
		if (outputs[i])
			continue;
		free_outputs(outputs, count);
		return NULL;
	}
	return outputs;
}

/* Numbers of classes, one a line, as many as there are samples; NULL: none. */
static int read_labels(const struct quantise *q, size_t count, long **labels)
{
	FILE *file;
	size_t i;

	*labels = NULL;
	if (!q->args->labels)
		return TOOL_OK;
	file = fopen(q->args->labels, "r");
	if (!file)
		return tool_complain(TOOL_UNUSABLE, "%s: %m", q->args->labels);
	*labels = calloc(count, sizeof(**labels));
	for (i = 0; *labels && i < count; i++)
		if (fscanf(file, "%ld", &(*labels)[i]) != 1)
			break;
	fclose(file);
	if (!*labels)
		return tool_complain(TOOL_FAILED, "out of memory");
	if (i == count)
		return TOOL_OK;
	return tool_complain(TOOL_UNUSABLE, "%s: %zu numbers for %zu inputs",
			     q->args->labels, i, count);
}

static int compare(const struct quantise *q, struct tnc_graph *real,
		   struct tnc_graph *int8, const struct samples *samples,
		   const long *labels, struct predictions *found)
{
	void **outputs = new_outputs(real);
	int status = outputs ? TOOL_OK :
			       tool_complain(TOOL_FAILED, "out of memory");

	for (size_t i = 0; !status && i < samples->count; i++) {
		const void *const *in = (const void *const *)
			samples->tensor + i * samples->inputs;
		size_t a = 0, b = 0;

		status = predict(real, in, outputs, &a);
		if (!status)
			status = predict(int8, in, outputs, &b);
		found->count++;
		found->same += a == b;
		found->right_float += labels && labels[i] == (long)a;
		found->right_int8 += labels && labels[i] == (long)b;
	}
	free_outputs(outputs, tnc_graph_outputs(real));
	return status;
}

/* Is the first output a float for each class? */
static bool has_classes(const struct tnc_graph *graph)
{
	struct tnc_tensor_info info;

	tnc_graph_output(graph, 0, &info);
	return !strcmp(info.type, "float32");
}

/* The interface stays float here, whatever the program's is. */
static int evaluate(struct quantise *q, struct predictions *found)
{
	const struct samples *samples = q->args->evaluate ? &q->evaluation :
							    &q->calibration;
	struct tnc_quantise options = q->options;
	struct tnc_graph *real = NULL, *int8 = NULL;
	long *labels = NULL;
	int status;

	options.int8_interface = 0;
	options.report = NULL;
	status = read_labels(q, samples->count, &labels);
	if (!status)
		status = open_graph(q, NULL, &real);
	if (!status && has_classes(real)) {
		status = open_graph(q, &options, &int8);
		if (!status)
			status = compare(q, real, int8, samples, labels, found);
	}
	tnc_graph_close(real);
	tnc_graph_close(int8);
	free(labels);
	return status;
}

/* --- The report -------------------------------------------------------------- */

static void print(const struct quantise *q, const struct predictions *found)
{
	double percent = found->count ? 100.0 / found->count : 0;

	printf("%s: %zu operators in int8, %zu in float, from %zu inputs\n",
	       q->path, q->int8, q->kept_float, q->calibration.count);
	printf("  outputs    %.1f dB, scales by %s\n", q->snr_db, q->ranges);
	if (!found->count)
		return;
	printf("  classes    %.1f %% of %zu as in float\n",
	       found->same * percent, found->count);
	if (q->args->labels)
		printf("  top-1      %.1f %%, in float %.1f %%\n",
		       found->right_int8 * percent,
		       found->right_float * percent);
}

static int write_report(struct quantise *q, const struct predictions *found)
{
	json_t *json = json_pack("{s:s, s:I, s:s, s:f, s:I, s:I, s:O}",
		"model", q->path,
		"calibration_inputs", (json_int_t)q->calibration.count,
		"scales", q->ranges, "snr_db", q->snr_db,
		"int8_operators", (json_int_t)q->int8,
		"float_operators", (json_int_t)q->kept_float,
		"operators", q->operators);
	int status = TOOL_OK;

	if (json && found->count)
		json_object_set_new(json, "predictions", json_pack(
			"{s:I, s:I}", "count", (json_int_t)found->count,
			"same", (json_int_t)found->same));
	if (json && found->count && q->args->labels)
		json_object_set_new(json, "top1", json_pack(
			"{s:f, s:f}", "float",
			(double)found->right_float / found->count, "int8",
			(double)found->right_int8 / found->count));
	if (!json || json_dump_file(json, q->args->report, JSON_INDENT(1)))
		status = tool_complain(TOOL_FAILED, "%s: can't be written",
				       q->args->report);
	json_decref(json);
	return status;
}

/* --- The whole --------------------------------------------------------------- */

static int read_samples(struct quantise *q)
{
	const struct quantise_arguments *args = q->args;
	struct tnc_graph *graph;
	int status = open_graph(q, NULL, &graph);

	if (status)
		return status;
	for (size_t i = 0; !status && i < args->calibrate_count; i++)
		status = samples_add(&q->calibration, graph,
				     args->calibrate[i]);
	if (!status && args->evaluate)
		status = samples_add(&q->evaluation, graph, args->evaluate);
	tnc_graph_close(graph);
	return status;
}

int quantise_create(const struct quantise_arguments *args, const char *path,
		    const void *bytes, size_t size, struct quantise **quantise)
{
	struct quantise *q = *quantise = calloc(1, sizeof(*q));
	int status;

	if (!q)
		return tool_complain(TOOL_FAILED, "out of memory");
	q->args = args;
	q->path = path;
	q->bytes = bytes;
	q->size = size;
	q->operators = json_array();
	status = read_samples(q);
	q->options = (struct tnc_quantise){
		.inputs = (const void *const *)q->calibration.tensor,
		.count = q->calibration.count,
		.int8_interface = args->is_int8_interface,
		.report = take_report,
		.context = q,
	};
	return status;
}

const struct tnc_quantise *quantise_options(struct quantise *q)
{
	return &q->options;
}

int quantise_finish(struct quantise *q)
{
	struct predictions found = { 0 };
	int status = evaluate(q, &found);

	if (!status)
		print(q, &found);
	if (!status && q->args->report)
		status = write_report(q, &found);
	return status;
}

void quantise_destroy(struct quantise *q)
{
	if (!q)
		return;
	samples_free(&q->calibration);
	samples_free(&q->evaluation);
	json_decref(q->operators);
	free(q);
}
