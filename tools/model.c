// SPDX-License-Identifier: MIT
/* Models and programs by their path; calls the compiler. */
#include "model.h"

#include "known.h"
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compile_bytes(const char *path, const void *model, size_t model_size,
			 struct tnc_options *options, void **program,
			 size_t *size, struct tnc_graph **graph)
{
	struct tnc_error error;
	int err;

	options->name = path;
	err = tnc_compile_to_graph(model, model_size, options, program, size,
				   graph, &error);
	if (err)
		return tool_complain(tool_file_status(err), "%s", error.text);
	return TOOL_OK;
}

int model_compile(const char *path, struct tnc_options *options, void **program,
		  size_t *size, struct tnc_graph **graph)
{
	size_t model_size;
	void *model;
	int status;

	status = tool_read_file(path, &model, &model_size);
	if (status)
		return tool_file_status(status);
	status = compile_bytes(path, model, model_size, options, program, size,
			       graph);
	free(model);
	return status;
}

static int read_program(const char *path, const void *bytes, size_t size,
			struct tinynpu_program **program)
{
	struct tinynpu_error error;
	int err = tinynpu_program_read(bytes, size, path, program, &error);

	if (err)
		return tool_complain(tool_file_status(err), "%s", error.text);
	return TOOL_OK;
}

struct npu_machine model_machine(const struct tinynpu_device_info *device)
{
	return (struct npu_machine){
		.cores = device->cores,
		.macs = device->macs,
		.sram_size = device->sram_size,
		.clock_khz = device->clock_khz,
		.sram_bw = device->sram_bw,
		.sram_latency = device->sram_latency,
		.mem_bw = device->mem_bw,
		.mem_latency = device->mem_latency,
		.restricted = device->restricted,
	};
}

int model_load(const char *path, const struct npu_machine *machine,
	       uint32_t hw_version, const struct known *known,
	       struct tinynpu_program **program)
{
	struct tnc_options options;
	void *bytes, *compiled;
	size_t size, compiled_size;
	int status;

	status = tool_read_file(path, &bytes, &size);
	if (status)
		return tool_file_status(status);
	if (size >= 4 && !memcmp(bytes, "\177ELF", 4)) {
		status = read_program(path, bytes, size, program);
	} else {
		tnc_options_init(&options);
		options.machine = *machine;
		options.hw_minor = hw_version & 0xffff;
		if (known)
			known_apply(known, &options);
		status = compile_bytes(path, bytes, size, &options, &compiled,
				       &compiled_size, NULL);
		if (!status) {
			status = read_program(path, compiled, compiled_size,
					      program);
			free(compiled);
		}
	}
	free(bytes);
	return status;
}
