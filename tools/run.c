// SPDX-License-Identifier: MIT
/*
 * `tinynpu run`: a model or program on a device, once for each set of input
 * tensors in the files given.
 */
#include "run.h"

#include "image.h"
#include "model.h"
#include "plugin.h"
#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- Arguments ------------------------------------------------------------- */

enum {
	KEY_BACKEND = 0x100,
	KEY_DEVICE,
	KEY_SIM,
	KEY_IMAGE,
	KEY_LABELS,
	KEY_TOP,
	KEY_JSON,
	KEY_KEEP_STATE,
	KEY_PLUGIN,
};

static const struct argp_option options[] = {
	{ "input", 'i', "FILE", 0,
	  "Raw little-endian tensors of the next input, once for each input of "
	  "the model; N of them back to back mean N inferences", 0 },
	{ "output", 'o', "FILE", 0,
	  "Where the tensors of the next output go, once for each output", 0 },
	{ "image", KEY_IMAGE, "FILE.png", 0,
	  "A picture as input; several mean several inferences. It is scaled to "
	  "the input's size; a value v of 0..255 means v/255, or v if the "
	  "input's scale is 1", 0 },
	{ "keep-state", KEY_KEEP_STATE, NULL, 0,
	  "Let the model's variables keep their values from one inference to the "
	  "next; else each begins with the initial ones", 0 },
	{ "plugin", KEY_PLUGIN, "FILE.so", 0,
	  "Functions of custom operators that the model has: see struct "
	  "tinynpu_custom in tinynpu.h", 0 },
	{ "labels", KEY_LABELS, "FILE", 0, "Names of the classes, one a line", 1 },
	{ "top", KEY_TOP, "K", 0,
	  "Show the K best classes (default 5 with --image or --labels)", 1 },
	{ "json", KEY_JSON, NULL, 0, "Print figures for programs", 1 },
	{ "backend", KEY_BACKEND, "NAME", 0,
	  "drm (a device behind /dev/accel) or sim (the simulator); default: "
	  "drm if there is one", 2 },
	{ "device", KEY_DEVICE, "N", 0, "/dev/accel/accelN (implies drm)", 2 },
	{ "sim", KEY_SIM, "TEXT", 0,
	  "The simulated machine (implies sim): a128, a256 or a512, and "
	  "properties such as cores=2,macs=256,sram=64K", 2 },
	{ 0 },
};

static void add_file(struct argp_state *state, const char **files,
		     size_t *count, const char *path)
{
	if (*count == RUN_MAX_FILES)
		argp_error(state, "more than %d files", RUN_MAX_FILES);
	files[(*count)++] = path;
}

static void set_device(struct argp_state *state, const char *backend,
		       const char *option)
{
	struct run_arguments *args = state->input;

	if (args->device || (args->backend && strcmp(args->backend, backend)))
		argp_error(state, "one device at a time");
	args->backend = backend;
	args->device = option;
}

static void set_device_number(struct argp_state *state, const char *number)
{
	static char text[32];

	if (!*number || number[strspn(number, "0123456789")] ||
	    strlen(number) > 9)
		argp_error(state, "--device: '%s' is no number", number);
	snprintf(text, sizeof(text), "device=%s", number);
	set_device(state, "drm", text);
}

static void set_top(struct argp_state *state, const char *text)
{
	struct run_arguments *args = state->input;
	char *end;
	long top = strtol(text, &end, 10);

	if (*end || end == text || top < 1 || top > 1000)
		argp_error(state, "--top: 1 to 1000, not '%s'", text);
	args->top = top;
}

static void add_image(struct argp_state *state, const char *path)
{
	struct run_arguments *args = state->input;
	const char **images;

	images = reallocarray(args->images, args->image_count + 1,
			      sizeof(*images));
	if (!images)
		argp_failure(state, TOOL_FAILED, ENOMEM, "--image");
	args->images = images;
	args->images[args->image_count++] = path;
}

static void check_arguments(struct argp_state *state)
{
	struct run_arguments *args = state->input;

	if (!args->path)
		argp_error(state, "needs MODEL or PROGRAM");
	if (args->backend && !strcmp(args->backend, "drm") && args->device &&
	    strncmp(args->device, "device=", 7))
		argp_error(state, "--sim does not go with --backend drm");
	if (args->input_count && args->image_count)
		argp_error(state, "--input does not go with --image");
	if (!args->top && (args->labels || args->image_count))
		args->top = RUN_DEFAULT_TOP;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_arguments *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->known;
		return 0;
	case 'i':
		add_file(state, args->inputs, &args->input_count, arg);
		return 0;
	case 'o':
		add_file(state, args->outputs, &args->output_count, arg);
		return 0;
	case KEY_BACKEND:
		if (args->backend && strcmp(args->backend, arg))
			argp_error(state, "one backend at a time");
		args->backend = arg;
		return 0;
	case KEY_DEVICE:
		set_device_number(state, arg);
		return 0;
	case KEY_SIM:
		set_device(state, "sim", arg);
		return 0;
	case KEY_IMAGE:
		add_image(state, arg);
		return 0;
	case KEY_LABELS:
		args->labels = arg;
		return 0;
	case KEY_TOP:
		set_top(state, arg);
		return 0;
	case KEY_JSON:
		args->is_json = true;
		return 0;
	case KEY_PLUGIN:
		args->plugin = arg;
		return 0;
	case KEY_KEEP_STATE:
		args->keeps_state = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->path)
			argp_error(state, "one model at a time");
		args->path = arg;
		return 0;
	case ARGP_KEY_END:
		check_arguments(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* --- Files of tensors ------------------------------------------------------ */

/* What one `tinynpu run` holds. */
struct runner {
	struct run_arguments args;
	struct run_report report;
	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	void *plugin;
	FILE *inputs[RUN_MAX_FILES];
	FILE *outputs[RUN_MAX_FILES];
	size_t opened_outputs;
	uint64_t inferences;
};

static struct tinynpu_tensor_info tensor_of(const struct runner *runner,
					    size_t index)
{
	struct tinynpu_tensor_info info;

	tinynpu_program_tensor(runner->program, index, &info, sizeof(info));
	return info;
}

/* Opens an input and counts its tensors. */
static int open_input(struct runner *runner, size_t index)
{
	const char *path = runner->args.inputs[index];
	struct tinynpu_tensor_info info = tensor_of(runner, index);
	struct stat st;
	uint64_t count;

	runner->inputs[index] = fopen(path, "rb");
	if (!runner->inputs[index] || fstat(fileno(runner->inputs[index]), &st))
		return tool_complain(TOOL_UNUSABLE, "%s: %m", path);
	if (!S_ISREG(st.st_mode))
		return tool_complain(TOOL_UNUSABLE, "%s: not a file", path);
	if (!st.st_size || st.st_size % info.size)
		return tool_complain(TOOL_UNUSABLE,
			"%s: %lld bytes are no multiple of input '%s', %llu bytes",
			path, (long long)st.st_size, info.name,
			(unsigned long long)info.size);
	count = st.st_size / info.size;
	if (index && count != runner->inferences)
		return tool_complain(TOOL_UNUSABLE,
			"%s: %llu tensors, but %s has %llu", path,
			(unsigned long long)count, runner->args.inputs[0],
			(unsigned long long)runner->inferences);
	runner->inferences = count;
	return TOOL_OK;
}

static int open_inputs(struct runner *runner)
{
	uint32_t wanted = runner->report.program.inputs;
	int status = TOOL_OK;
	size_t i;

	if (runner->args.image_count) {
		if (wanted != 1)
			return tool_complain(TOOL_UNUSABLE,
				"--image: the model has %u inputs", wanted);
		runner->inferences = runner->args.image_count;
		return TOOL_OK;
	}
	if (runner->args.input_count != wanted)
		return tool_complain(TOOL_UNUSABLE,
			"the model has %u input%s, but --input is there %zu times",
			wanted, wanted == 1 ? "" : "s",
			runner->args.input_count);
	if (!wanted)
		runner->inferences = 1;
	for (i = 0; !status && i < wanted; i++)
		status = open_input(runner, i);
	return status;
}

/* Opening an output empties it, so it must not be what is read, or another. */
static bool is_in_use(const struct run_arguments *args, size_t output)
{
	const char *path = args->outputs[output];
	size_t i;

	for (i = 0; i < output; i++)
		if (tool_is_same_file(path, args->outputs[i]))
			return true;
	for (i = 0; i < args->input_count; i++)
		if (tool_is_same_file(path, args->inputs[i]))
			return true;
	for (i = 0; i < args->image_count; i++)
		if (tool_is_same_file(path, args->images[i]))
			return true;
	return tool_is_same_file(path, args->path);
}

static int open_outputs(struct runner *runner)
{
	uint32_t wanted = runner->report.program.outputs;
	size_t i;

	if (runner->args.output_count && runner->args.output_count != wanted)
		return tool_complain(TOOL_UNUSABLE,
			"the model has %u output%s, but --output is there %zu times",
			wanted, wanted == 1 ? "" : "s",
			runner->args.output_count);
	for (i = 0; i < runner->args.output_count; i++) {
		const char *path = runner->args.outputs[i];

		if (is_in_use(&runner->args, i))
			return tool_complain(TOOL_UNUSABLE,
				"%s: it is a file of this run already", path);
		runner->outputs[i] = fopen(path, "wb");
		if (!runner->outputs[i])
			return tool_complain(TOOL_FAILED, "%s: %m", path);
		runner->opened_outputs++;
	}
	return TOOL_OK;
}

static int close_files(struct runner *runner)
{
	int status = TOOL_OK;
	size_t i;

	for (i = 0; i < RUN_MAX_FILES; i++) {
		if (runner->outputs[i] && fclose(runner->outputs[i]))
			status = tool_complain(TOOL_FAILED, "%s: %m",
					       runner->args.outputs[i]);
		if (runner->inputs[i])
			fclose(runner->inputs[i]);
	}
	return status;
}

/* Half a result is none. */
static void remove_outputs(const struct runner *runner)
{
	size_t i;

	for (i = 0; i < runner->opened_outputs; i++)
		tool_remove_file(runner->args.outputs[i]);
}

/* --- Inferences ------------------------------------------------------------ */

static int fill_inputs(struct runner *runner, uint64_t number)
{
	size_t i;

	if (runner->args.image_count) {
		struct tinynpu_tensor_info info = tensor_of(runner, 0);

		return image_load(runner->args.images[number], &info,
				  tinynpu_session_tensor(runner->session, 0));
	}
	for (i = 0; i < runner->args.input_count; i++) {
		struct tinynpu_tensor_info info = tensor_of(runner, i);

		if (fread(tinynpu_session_tensor(runner->session, i), 1,
			  info.size, runner->inputs[i]) != info.size)
			return tool_complain(TOOL_FAILED, "%s: %s",
				runner->args.inputs[i],
				ferror(runner->inputs[i]) ? strerror(errno) :
							    "it shrank");
	}
	return TOOL_OK;
}

static int take_outputs(struct runner *runner)
{
	uint32_t first = runner->report.program.inputs;
	size_t i;

	for (i = 0; i < runner->args.output_count; i++) {
		struct tinynpu_tensor_info info = tensor_of(runner, first + i);

		if (fwrite(tinynpu_session_tensor(runner->session, first + i),
			   1, info.size, runner->outputs[i]) != info.size)
			return tool_complain(TOOL_FAILED, "%s: %m",
					     runner->args.outputs[i]);
	}
	return TOOL_OK;
}

static int infer(struct runner *runner, uint64_t number)
{
	const struct run_arguments *args = &runner->args;
	struct tinynpu_error error;
	struct tinynpu_stats stats;
	int status;

	status = fill_inputs(runner, number);
	if (status)
		return status;
	if (tinynpu_session_run(runner->session, &error))
		return tool_complain(TOOL_FAILED, "%s: inference %llu of %llu: %s",
				     args->path, (unsigned long long)number + 1,
				     (unsigned long long)runner->inferences,
				     error.text);
	status = take_outputs(runner);
	if (status)
		return status;
	tinynpu_session_stats(runner->session, &stats, sizeof(stats));
	return run_report_add(&runner->report,
			      args->image_count > 1 ? args->images[number] :
						      NULL,
			      tinynpu_session_tensor(runner->session,
				      runner->report.program.inputs),
			      &stats);
}

static int infer_all(struct runner *runner)
{
	int status = TOOL_OK;
	uint64_t i;

	for (i = 0; !status && i < runner->inferences; i++)
		status = infer(runner, i);
	return status;
}

/* --- The whole ------------------------------------------------------------- */

static int open_device(struct runner *runner)
{
	struct tinynpu_error error;
	int err;

	err = tinynpu_device_open(runner->args.backend, runner->args.device,
				  &runner->device, &error);
	if (err)
		return tool_complain(err == -EINVAL ? TOOL_UNUSABLE :
						      TOOL_FAILED,
				     "%s", error.text);
	tinynpu_device_info(runner->device, &runner->report.device,
			    sizeof(runner->report.device));
	return TOOL_OK;
}

static int load(struct runner *runner)
{
	struct run_report *report = &runner->report;
	struct npu_machine machine = model_machine(&report->device);
	int status;

	status = model_load(runner->args.path, &machine,
			    report->device.hw_version, &runner->args.known,
			    &runner->program);
	if (status)
		return status;
	tinynpu_program_info(runner->program, &report->program,
			     sizeof(report->program));
	if (!report->program.outputs)
		return tool_complain(TOOL_UNUSABLE, "%s: it has no output",
				     runner->args.path);
	report->output = tensor_of(runner, report->program.inputs);
	return TOOL_OK;
}

static int bind(struct runner *runner)
{
	struct tinynpu_error error;
	int err = 0;

	if (runner->args.plugin)
		err = plugin_load(runner->args.plugin, runner->program,
				  &runner->plugin);
	if (err)
		return err;
	err = tinynpu_session_create(runner->device, runner->program,
				     &runner->session, &error);
	if (!err) {
		tinynpu_session_keep_state(runner->session,
					   runner->args.keeps_state);
		return TOOL_OK;
	}
	return tool_complain(err == -ENOSPC || err == -EOPNOTSUPP ||
					     err == -ENOSYS ?
				     TOOL_UNUSABLE : TOOL_FAILED,
			     "%s: %s", runner->args.path, error.text);
}

static int prepare(struct runner *runner)
{
	int status = TOOL_OK;

	if (runner->args.labels)
		status = labels_load(&runner->report.labels,
				     runner->args.labels);
	if (!status)
		status = open_device(runner);
	if (!status)
		status = load(runner);
	if (!status)
		status = bind(runner);
	if (!status)
		status = open_inputs(runner);
	if (!status)
		status = open_outputs(runner);
	return status;
}

int command_run(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{ &known_argp, 0, NULL, 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.children = children,
		.options = options,
		.parser = parse,
		.args_doc = "MODEL|PROGRAM",
		.doc = "Run a program (.tnp), or a model (.tflite, .onnx) that is "
		       "compiled for the device at hand.",
	};
	struct runner *runner = calloc(1, sizeof(*runner));
	int status, closed;

	if (!runner)
		return tool_complain(TOOL_FAILED, "out of memory");
	argp_parse(&argp, argc, argv, 0, NULL, &runner->args);
	runner->report.args = &runner->args;
	if (runner->args.is_json)
		runner->report.runs = json_array();
	status = prepare(runner);
	if (!status)
		status = infer_all(runner);
	closed = close_files(runner);
	if (status || closed)
		remove_outputs(runner);
	if (!status && !closed)
		run_report_finish(&runner->report);
	else
		json_decref(runner->report.runs);
	tinynpu_session_destroy(runner->session);
	tinynpu_program_close(runner->program);
	tinynpu_device_close(runner->device);
	plugin_unload(runner->plugin);
	labels_free(&runner->report.labels);
	known_free(&runner->args.known);
	free(runner->args.images);
	free(runner);
	return status ? status : closed;
}
