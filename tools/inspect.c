// SPDX-License-Identifier: MIT
/*
 * `tinynpu inspect`: what is in a program: tensors, memory, operators with their
 * costs, and the commands; or in the dump of a device.
 */
#include "../compiler/tnc.h"
#include "dump.h"
#include "model.h"
#include "tool.h"

#include <npu/dump.h>

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- For people ------------------------------------------------------------ */

static void print_summary(const char *path,
			  const struct tinynpu_program_info *info)
{
	uint64_t ns = tool_cycles_ns(info->cycles, info->clock_khz);
	size_t i;

	printf("%s: format %u.%u, for machine version %u.%u\n", path,
	       info->version >> 16, info->version & 0xffff, info->hw_major,
	       info->hw_minor);
	printf("  compiled for  %u MACs per cycle, %g MHz\n", info->macs,
	       info->clock_khz / 1e3);
	printf("                SRAM: %u bytes per cycle, latency %u\n",
	       info->sram_bw, info->sram_latency);
	printf("                memory: %u bytes per cycle, latency %u\n",
	       info->mem_bw, info->mem_latency);
	printf("  estimate      %s cycles, %s, %s\n",
	       tool_count(info->cycles).text, tool_time(ns).text,
	       tool_energy(info->energy_fj).text);
	if (info->loops)
		printf("                without the turns of %u loops\n",
		       info->loops);
	printf("  MACs          %s, %.1f per cycle\n",
	       tool_count(info->mac_ops).text,
	       info->cycles ? (double)info->mac_ops / info->cycles : 0.0);
	printf("  model         SHA-256 ");
	for (i = 0; i < sizeof(info->model_digest); i++)
		printf("%02x", info->model_digest[i]);
	putchar('\n');
}

static void print_source(const char *source)
{
	const char *end;

	for (; *source; source = *end ? end + 1 : end) {
		end = strchrnul(source, '\n');
		printf("  %.*s\n", (int)(end - source), source);
	}
}

static void print_tensors(const struct tinynpu_program *program,
			  const struct tinynpu_program_info *info)
{
	struct tinynpu_tensor_info tensor;
	char type[128];
	unsigned int i;

	puts("\nTensors");
	for (i = 0; !tinynpu_program_tensor(program, i, &tensor,
					    sizeof(tensor)); i++) {
		tool_tensor_type(&tensor, type, sizeof(type));
		printf("  %-6s %u  %-24s scale %.9g, zero point %d  '%s'\n",
		       tensor.is_output ? "output" : "input",
		       tensor.is_output ? i - info->inputs : i, type,
		       tensor.scale, tensor.zero_point, tensor.name);
	}
}

static void print_region(unsigned int region, uint64_t size, const char *access,
			 const char *what)
{
	printf("  region %-3u %10s  %-10s  %s\n", region,
	       tool_bytes(size).text, access, what);
}

static void print_memory(const struct tinynpu_program *program,
			 const struct tinynpu_program_info *info)
{
	struct tinynpu_tensor_info tensor;
	unsigned int i;

	puts("\nMemory");
	printf("  commands   %10s  read-only   %s of 64 bytes\n",
	       tool_bytes(info->commands * 64ull).text,
	       tool_count(info->commands).text);
	print_region(0, info->constants_size, "read-only", "constants");
	print_region(1, info->scratch_size, "read-write", "scratch");
	for (i = 0; !tinynpu_program_tensor(program, i, &tensor,
					    sizeof(tensor)); i++)
		print_region(i + 2, tensor.size,
			     tensor.is_output ? "read-write" : "read-only",
			     tensor.name);
	if (info->variables_size)
		print_region(i + 2, info->variables_size, "read-write",
			     "variables");
	printf("  SRAM       %10s  at most\n",
	       tool_bytes(info->sram_size).text);
	printf("  buffer     %10s  at most, for weights\n",
	       tool_bytes(info->weight_buffer).text);
}

static void print_layers(const struct tinynpu_program *program)
{
	struct tinynpu_layer_info layer;
	unsigned int i;

	puts("\nOperators, with the cycles in which each unit works for them");
	printf("  %8s %12s %10s %10s %10s\n", "commands", "MACs", "MAC", "DMA",
	       "VEC");
	for (i = 0; !tinynpu_program_layer(program, i, &layer, sizeof(layer));
	     i++)
		printf("  %8s %12s %10s %10s %10s  %s\n",
		       layer.cpu_ops ? "CPU" : tool_count(layer.commands).text,
		       tool_count(layer.mac_ops).text,
		       tool_count(layer.mac_busy).text,
		       tool_count(layer.dma_busy).text,
		       tool_count(layer.vec_busy).text, layer.name);
}

/* The commands, with a line where another operator begins. */
static void print_commands(const struct tinynpu_program *program,
			   const struct tinynpu_program_info *info)
{
	const char *commands = tinynpu_program_commands(program);
	struct tinynpu_layer_info layer;
	int current = -1;
	uint32_t i;

	puts("\nCommands");
	for (i = 0; i < info->commands; i++) {
		int index = tinynpu_program_layer_of(program, i);

		if (index != current && index >= 0) {
			tinynpu_program_layer(program, index, &layer,
					      sizeof(layer));
			printf("; %s\n", layer.name);
		}
		current = index;
		tnc_disassemble(commands + 64ull * i, 1, i, stdout);
	}
}

static void print_program(const char *path,
			  const struct tinynpu_program *program)
{
	struct tinynpu_program_info info;

	tinynpu_program_info(program, &info, sizeof(info));
	print_summary(path, &info);
	print_source(info.source);
	print_tensors(program, &info);
	print_memory(program, &info);
	print_layers(program);
	print_commands(program, &info);
}

/* --- For programs ---------------------------------------------------------- */

static json_t *tensor_json(const struct tinynpu_tensor_info *tensor)
{
	json_t *shape = json_array();
	char type[128];
	uint32_t i;

	tool_tensor_type(tensor, type, sizeof(type));
	*strchrnul(type, ' ') = '\0';
	for (i = 0; i < tensor->rank; i++)
		json_array_append_new(shape, json_integer(tensor->shape[i]));
	return json_pack("{s:s, s:b, s:s, s:o, s:I, s:f, s:i}", "name",
			 tensor->name, "is_output", (int)tensor->is_output,
			 "type", type, "shape", shape, "bytes",
			 (json_int_t)tensor->size, "scale",
			 (double)tensor->scale, "zero_point",
			 (int)tensor->zero_point);
}

static json_t *tensors_json(const struct tinynpu_program *program)
{
	struct tinynpu_tensor_info tensor;
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; !tinynpu_program_tensor(program, i, &tensor,
					    sizeof(tensor)); i++)
		json_array_append_new(list, tensor_json(&tensor));
	return list;
}

static json_t *layers_json(const struct tinynpu_program *program)
{
	struct tinynpu_layer_info layer;
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; !tinynpu_program_layer(program, i, &layer, sizeof(layer));
	     i++)
		json_array_append_new(list,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				  "name", layer.name,
				  "cpu_ops", (json_int_t)layer.cpu_ops,
				  "op", (json_int_t)layer.op,
				  "commands", (json_int_t)layer.commands,
				  "mac_ops", (json_int_t)layer.mac_ops,
				  "busy_mac", (json_int_t)layer.mac_busy,
				  "busy_dma", (json_int_t)layer.dma_busy,
				  "busy_vec", (json_int_t)layer.vec_busy));
	return list;
}

static json_t *machine_json(const struct tinynpu_program_info *info)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "hw_major", (json_int_t)info->hw_major,
			 "hw_minor", (json_int_t)info->hw_minor,
			 "macs", (json_int_t)info->macs,
			 "clock_khz", (json_int_t)info->clock_khz,
			 "sram_bw", (json_int_t)info->sram_bw,
			 "sram_latency", (json_int_t)info->sram_latency,
			 "mem_bw", (json_int_t)info->mem_bw,
			 "mem_latency", (json_int_t)info->mem_latency);
}

static void print_json(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

static void print_program_json(const char *path,
			       const struct tinynpu_program *program)
{
	struct tinynpu_program_info info;
	json_t *json;

	tinynpu_program_info(program, &info, sizeof(info));
	json = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:s, s:o, s:o}",
			 "program", path, "machine", machine_json(&info),
			 "version", (json_int_t)info.version,
			 "cycles", (json_int_t)info.cycles,
			 "energy_fj", (json_int_t)info.energy_fj,
			 "mac_ops", (json_int_t)info.mac_ops,
			 "commands", (json_int_t)info.commands,
			 "sram_bytes", (json_int_t)info.sram_size,
			 "weight_buffer_bytes", (json_int_t)info.weight_buffer,
			 "constants_bytes", (json_int_t)info.constants_size,
			 "scratch_bytes", (json_int_t)info.scratch_size,
			 "variables_bytes", (json_int_t)info.variables_size,
			 "source", info.source,
			 "tensors", tensors_json(program),
			 "layers", layers_json(program));
	print_json(json);
}

/* --- Dumps ----------------------------------------------------------------- */

/*
 * The beginning of a file, if it is a dump: all of one that is not too large, and
 * one byte more of one that is. Not by the size that the system tells: that is 0
 * where the kernel leaves dumps. Returns bytes read, or 0.
 */
static size_t read_dump(const char *path, uint8_t bytes[NPU_DUMP_MAX_SIZE + 1])
{
	FILE *file = fopen(path, "re");
	size_t size;

	if (!file)
		return 0;
	size = fread(bytes, 1, sizeof(uint64_t), file);
	if (dump_is_one(bytes, size))
		size += fread(bytes + size, 1, NPU_DUMP_MAX_SIZE + 1 - size,
			      file);
	else
		size = 0;
	fclose(file);
	return size;
}

static int inspect_dump(const char *path, const uint8_t *bytes, size_t size,
			bool is_json)
{
	const char *fault = dump_find_fault(bytes, size);

	if (size > NPU_DUMP_MAX_SIZE)
		fault = "it is too large";
	if (fault)
		return tool_complain(TOOL_UNUSABLE, "%s: a dump, but %s", path,
				     fault);
	if (is_json)
		print_json(dump_json(bytes));
	else
		dump_print(bytes, stdout);
	return TOOL_OK;
}

/* --- The command ----------------------------------------------------------- */

struct arguments {
	const char *path;
	bool is_json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case 'j':
		args->is_json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->path)
			argp_error(state, "one program at a time");
		args->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->path)
			argp_error(state, "needs PROGRAM");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_inspect(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "json", 'j', NULL, 0, "For programs, without the commands", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "PROGRAM|MODEL|DUMP",
		.doc = "Show what is in a program (.tnp), or in that of a model "
		       "(.tflite, .onnx) compiled for the default machine: "
		       "tensors, memory, operators with their costs, and its "
		       "commands. Or show what a device that hung or crashed "
		       "left in /sys/class/devcoredump.",
	};
	static uint8_t dump[NPU_DUMP_MAX_SIZE + 1];
	struct arguments args = { 0 };
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	struct tinynpu_program *program;
	size_t size;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	size = read_dump(args.path, dump);
	if (size)
		return inspect_dump(args.path, dump, size, args.is_json);
	status = model_load(args.path, &machine, NPU_HW_VERSION_MINOR, NULL,
			    &program);
	if (status)
		return status;
	if (args.is_json)
		print_program_json(args.path, program);
	else
		print_program(args.path, program);
	tinynpu_program_close(program);
	return TOOL_OK;
}
