// SPDX-License-Identifier: MIT
/* `tinynpu compile`: a model in, a program file and its figures out. */
#include "../device/sim/options.h"
#include "known.h"
#include "model.h"
#include "quantise.h"
#include "tool.h"
#include "verify.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_MACHINE = 0x100,
	KEY_CORES,
	KEY_MACS,
	KEY_SRAM,
	KEY_CLOCK,
	KEY_SRAM_BW,
	KEY_SRAM_LATENCY,
	KEY_MEM_BW,
	KEY_MEM_LATENCY,
	KEY_WEIGHTS,
	KEY_VERIFY,
	KEY_YIELD,
	KEY_VERSION,
};

#define RANDOM_RUNS 8
#define YIELD_MAX_US 1000000

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "Where the program goes (needed)", 0 },
	{ "machine", KEY_MACHINE, "TEXT", 0,
	  "The machine: a128, a256 or a512, and single properties, separated "
	  "by commas (default a128)", 1 },
	{ "cores", KEY_CORES, "N", 0, "Cores, 1 to 4", 1 },
	{ "macs", KEY_MACS, "N", 0, "Multipliers per core, 32 to 1024", 1 },
	{ "sram", KEY_SRAM, "BYTES", 0, "SRAM per core, such as 256K", 1 },
	{ "clock", KEY_CLOCK, "HZ", 0, "Clock, such as 200M", 1 },
	{ "sram-bw", KEY_SRAM_BW, "N", 0, "SRAM bytes per cycle", 1 },
	{ "sram-latency", KEY_SRAM_LATENCY, "N", 0, "SRAM latency, cycles", 1 },
	{ "mem-bw", KEY_MEM_BW, "N", 0, "Memory bytes per cycle", 1 },
	{ "mem-latency", KEY_MEM_LATENCY, "N", 0, "Memory latency, cycles", 1 },
	{ "hw-minor", KEY_VERSION, "N", 0,
	  "The machine's version is 1.N (default: the newest)",
	  1 },
	{ "weights", KEY_WEIGHTS, "FORM", 0,
	  "How weights lie in memory: raw, coded where that is shorter, or auto: "
	  "coded where they are loaded sooner then (default)", 2 },
	{ "yield-us", KEY_YIELD, "N", 0,
	  "Let urgent jobs interrupt the program every N microseconds, or as "
	  "often as layers end; what stays in SRAM otherwise has to leave it", 2 },
	{ "optimise", 'O', "LEVEL", 0,
	  "2 (default), or 3: search longer, for less of cycles times energy squared", 2 },
	{ "verify", KEY_VERIFY, NULL, 0,
	  "Run the program in the simulator and the model on the reference "
	  "executor, on random inputs and those given, and compare each output "
	  "byte for byte; where one differs no program is written", 3 },
	{ "input", 'i', "FILE", 0,
	  "For --verify: raw little-endian tensors of the next input, once for "
	  "each input of the model; N of them back to back mean N runs", 3 },
	{ 0 },
};

struct arguments {
	const char *model;
	const char *output;
	struct npu_machine machine;
	unsigned long hw_minor;
	enum tnc_weights weights;
	unsigned long yield_us;
	bool is_thorough;
	struct quantise_arguments quantise;
	struct known known;
	char *partition; /* what runs on the CPU, as text; owned */
	bool is_verified;
	struct tnc_graph *graph; /* what was compiled, if it is verified; owned */
	struct verify_inputs inputs;
};

static void set_machine(struct argp_state *state, const char *text)
{
	struct arguments *args = state->input;
	struct tinynpu_error error;

	if (sim_options_parse(text, &args->machine, &error))
		argp_error(state, "%s", error.text);
}

/* The options are named like the properties of the machine. */
static void set_property(struct argp_state *state, int key, const char *value)
{
	const struct argp_option *option = options;
	char text[64];

	while (option->key != key)
		option++;
	if (snprintf(text, sizeof(text), "%s=%s", option->name, value) >=
	    sizeof(text) || strchr(value, ','))
		argp_error(state, "--%s: '%s' is no number", option->name, value);
	set_machine(state, text);
}

static void set_level(struct argp_state *state, const char *arg)
{
	struct arguments *args = state->input;

	if (strcmp(arg, "2") && strcmp(arg, "3"))
		argp_error(state, "-O: '%s' is not 2 or 3", arg);
	args->is_thorough = *arg == '3';
}

static void set_yield(struct argp_state *state, const char *arg)
{
	struct arguments *args = state->input;
	char *end;

	args->yield_us = strtoul(arg, &end, 10);
	if (*end || !args->yield_us || args->yield_us > YIELD_MAX_US)
		argp_error(state, "--yield-us: '%s' is not 1 to %u", arg, YIELD_MAX_US);
}

static void set_weights(struct argp_state *state, const char *form)
{
	static const char *const forms[] = {
		[TNC_WEIGHTS_AUTO] = "auto",
		[TNC_WEIGHTS_RAW] = "raw",
		[TNC_WEIGHTS_CODED] = "coded",
	};
	struct arguments *args = state->input;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(form, forms[i]))
			continue;
		args->weights = i;
		return;
	}
	argp_error(state, "--weights: '%s' is neither auto, raw nor coded",
		   form);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;
	char *end;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->quantise;
		state->child_inputs[1] = &args->known;
		return 0;
	case 'o':
		args->output = arg;
		return 0;
	case KEY_MACHINE:
		set_machine(state, arg);
		return 0;
	case KEY_WEIGHTS:
		set_weights(state, arg);
		return 0;
	case KEY_YIELD:
		set_yield(state, arg);
		return 0;
	case 'O':
		set_level(state, arg);
		return 0;
	case KEY_VERSION:
		args->hw_minor = strtoul(arg, &end, 10);
		if (*end || args->hw_minor < NPU_HW_MINOR_WEIGHT_BUFFER ||
		    args->hw_minor > NPU_HW_VERSION_MINOR)
			argp_error(state, "--hw-minor: '%s' is not %u to %u", arg,
				   NPU_HW_MINOR_WEIGHT_BUFFER,
				   NPU_HW_VERSION_MINOR);
		return 0;
	case KEY_VERIFY:
		args->is_verified = true;
		args->inputs.random_count = RANDOM_RUNS;
		return 0;
	case 'i':
		if (args->inputs.file_count == VERIFY_MAX_FILES)
			argp_error(state, "more than %d files",
				   VERIFY_MAX_FILES);
		args->inputs.files[args->inputs.file_count++] = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (args->model)
			argp_error(state, "one model at a time");
		args->model = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->model || !args->output)
			argp_error(state, "needs MODEL and -o FILE");
		if (args->inputs.file_count && !args->is_verified)
			argp_error(state, "--input is for --verify");
		return 0;
	}
	if (key < KEY_CORES || key > KEY_MEM_LATENCY)
		return ARGP_ERR_UNKNOWN;
	set_property(state, key, arg);
	return 0;
}

static int write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");
	int err = 0;

	if (!file)
		return tool_complain(TOOL_FAILED, "%s: %m", path);
	if (fwrite(bytes, 1, size, file) != size)
		err = errno;
	if (fclose(file) && !err)
		err = errno;
	if (!err)
		return TOOL_OK;
	tool_remove_file(path);
	return tool_complain(TOOL_FAILED, "%s: %s", path, strerror(err));
}

/* A figure of the program's provenance, 0 if it is not there. */
static uint64_t source_number(const char *source, const char *key)
{
	const char *at = strstr(source, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* What placing takes, beside what is live at once, which is the least. */
static void print_placed(const char *what, uint64_t bytes, uint64_t live)
{
	printf("  %-10s %s by first fit, %s live at once", what,
	       tool_bytes(bytes).text, tool_bytes(live).text);
	if (live && bytes > live)
		printf(" (%.1f %% more)", 100.0 * (bytes - live) / live);
	putchar('\n');
}

static void report(const char *path, size_t size,
		   const struct npu_machine *machine,
		   const struct tinynpu_program_info *info)
{
	double cycles = info->cycles ? info->cycles : 1;

	printf("%s: %s, for %u MACs per cycle, %s of SRAM, %g MHz\n", path,
	       tool_bytes(size).text, machine->macs,
	       tool_bytes(machine->sram_size).text, machine->clock_khz / 1e3);
	printf("  cycles     %s, %s\n", tool_count(info->cycles).text,
	       tool_time(tool_cycles_ns(info->cycles, info->clock_khz)).text);
	printf("  energy     %s\n", tool_energy(info->energy_fj).text);
	printf("  MACs       %s, %.1f per cycle\n",
	       tool_count(info->mac_ops).text, info->mac_ops / cycles);
	print_placed("SRAM", info->sram_size,
		     source_number(info->source, "\nsram_live="));
	if (info->weight_buffer)
		printf("  buffer     %s of the array's own for weights\n",
		       tool_bytes(info->weight_buffer).text);
	if (info->scratch_size)
		print_placed("scratch", info->scratch_size,
			     source_number(info->source, "\nscratch_live="));
	printf("  weights    %s, %s in memory\n",
	       tool_bytes(source_number(info->source, "\nweights=")).text,
	       tool_bytes(source_number(info->source,
					"\nweights_stored=")).text);
	printf("  memory     %s of constants, %s of scratch\n",
	       tool_bytes(info->constants_size).text,
	       tool_bytes(info->scratch_size).text);
	printf("  commands   %s for %u operators\n",
	       tool_count(info->commands).text, info->layers);
	if (info->cpu_ops)
		printf("  segments   %u, %u operators on the CPU\n",
		       info->segments, info->cpu_ops);
	if (info->loops)
		printf("  loops      %u, whose turns the estimate leaves out\n",
		       info->loops);
}

/* What the library reads of it is what the report says. */
static int finish(const struct arguments *args, const void *bytes, size_t size)
{
	struct tinynpu_program_info info;
	struct tinynpu_program *program;
	struct tinynpu_error error;
	int status;

	if (tinynpu_program_read(bytes, size, args->output, &program, &error))
		return tool_complain(TOOL_FAILED, "%s", error.text);
	status = write_file(args->output, bytes, size);
	if (!status) {
		tinynpu_program_info(program, &info, sizeof(info));
		report(args->output, size, &args->machine, &info);
		fputs(args->partition, stdout);
	}
	tinynpu_program_close(program);
	return status;
}

static int compile_with_partition(struct arguments *args,
				  const struct tnc_quantise *quantise,
				  void **bytes, size_t *size)
{
	struct tnc_options options;
	size_t length;
	FILE *text = open_memstream(&args->partition, &length);
	int status;

	if (!text)
		return tool_complain(TOOL_FAILED, "%s: %m", args->model);
	tnc_options_init(&options);
	options.machine = args->machine;
	options.weights = args->weights;
	options.hw_minor = args->hw_minor;
	options.yield_cycles = args->yield_us * args->machine.clock_khz / 1000;
	options.is_thorough = args->is_thorough;
	options.partition_to = text;
	options.quantise = quantise;
	known_apply(&args->known, &options);
	status = model_compile(args->model, &options, bytes, size,
			       args->is_verified ? &args->graph : NULL);
	if (fclose(text) && !status)
		status = tool_complain(TOOL_FAILED, "%s: %m", args->model);
	return status;
}

/* The float model is what predictions are compared with, so it is read, too. */
static int compile_quantised(struct arguments *args, void **bytes, size_t *size)
{
	struct quantise *quantise;
	size_t model_size;
	void *model;
	int status;

	status = tool_read_file(args->model, &model, &model_size);
	if (status)
		return tool_file_status(status);
	status = quantise_create(&args->quantise, args->model, model,
				 model_size, &quantise);
	if (!status)
		status = compile_with_partition(args, quantise_options(quantise),
						bytes, size);
	if (!status)
		status = quantise_finish(quantise);
	quantise_destroy(quantise);
	free(model);
	return status;
}

int command_compile(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{ &quantise_argp, 0, NULL, 0 },
		{ &known_argp, 0, NULL, 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "MODEL -o FILE",
		.children = children,
		.doc = "Compile MODEL (.tflite, .onnx) into a program (.tnp) and say "
		       "what it will cost.",
	};
	struct arguments args = {
		.machine = NPU_MACHINE_DEFAULT,
		.hw_minor = NPU_HW_VERSION_MINOR,
	};
	size_t size;
	void *bytes = NULL;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (tool_is_same_file(args.model, args.output))
		return tool_complain(TOOL_UNUSABLE, "%s: it is the model",
				     args.output);
	if (args.quantise.is_wanted)
		status = compile_quantised(&args, &bytes, &size);
	else
		status = compile_with_partition(&args, NULL, &bytes, &size);
	if (!status && args.is_verified)
		status = verify_program(args.graph, bytes, size, &args.machine,
					&args.inputs);
	if (!status)
		status = finish(&args, bytes, size);
	tnc_graph_close(args.graph);
	free(bytes);
	free(args.partition);
	known_free(&args.known);
	return status;
}
