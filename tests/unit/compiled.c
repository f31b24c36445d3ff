// SPDX-License-Identifier: MIT
/* Compiles and runs models for tests; see compiled.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <npu/program.h>
#include <tinynpu.h>

#include "compiled.h"

struct compiled {
	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_program_info info;
};

/* The bound on placement: something wherever SRAM is used, and no more than that. */
static void check_live(const struct tinynpu_program_info *info)
{
	const char *at = strstr(info->source, "\nsram_live=");
	unsigned long long live;

	assert_non_null(at);
	live = strtoull(at + strlen("\nsram_live="), NULL, 10);
	assert_true(live <= info->sram_size);
	assert_int_equal(live > 0, info->sram_size > 0);
}

static void open_device(struct compiled *compiled,
			const struct npu_machine *m)
{
	struct tinynpu_error error = { "" };
	char options[256];

	snprintf(options, sizeof(options),
		 "cores=%u,macs=%u,sram=%u,clock=%u000,sram-bw=%u,"
		 "sram-latency=%u,mem-bw=%u,mem-latency=%u",
		 m->cores, m->macs, m->sram_size, m->clock_khz, m->sram_bw,
		 m->sram_latency, m->mem_bw, m->mem_latency);
	if (tinynpu_device_open("sim", options, &compiled->device, &error))
		fail_msg("%s", error.text);
}

struct compiled *compiled_create_with(const void *model, size_t size,
				      const struct tnc_options *options)
{
	struct compiled *compiled = calloc(1, sizeof(*compiled));
	struct tinynpu_error error = { "" };
	struct tnc_error why = { "" };
	size_t program_size;
	void *program;

	if (tnc_compile(model, size, options, &program, &program_size, &why))
		fail_msg("%s", why.text);
	open_device(compiled, &options->machine);
	if (tinynpu_program_read(program, program_size, options->name,
				 &compiled->program, &error))
		fail_msg("%s", error.text);
	free(program);
	tinynpu_program_info(compiled->program, &compiled->info,
			     sizeof(compiled->info));
	check_live(&compiled->info);
	if (tinynpu_session_create(compiled->device, compiled->program,
				   &compiled->session, &error))
		fail_msg("%s", error.text);
	return compiled;
}

struct compiled *compiled_create(const void *model, size_t size,
				 const char *name,
				 const struct npu_machine *machine)
{
	struct tnc_options options;

	tnc_options_init(&options);
	options.name = name;
	options.machine = *machine;
	options.no_fallback = true;
	return compiled_create_with(model, size, &options);
}

void compiled_destroy(struct compiled *compiled)
{
	tinynpu_session_destroy(compiled->session);
	tinynpu_program_close(compiled->program);
	tinynpu_device_close(compiled->device);
	free(compiled);
}

static void run(struct compiled *compiled)
{
	struct tinynpu_error error = { "" };
	struct tinynpu_fault fault;

	if (!tinynpu_session_run(compiled->session, &error))
		return;
	tinynpu_session_fault(compiled->session, &fault, sizeof(fault));
	fail_msg("%s (command %u: %s, info %u, address %#llx)", error.text,
		 fault.command, fault.name, fault.info,
		 (unsigned long long)fault.address);
}

void compiled_run(struct compiled *compiled, const void *const *inputs)
{
	struct tinynpu_stats stats;

	for (uint32_t i = 0; i < compiled->info.inputs; i++) {
		struct tinynpu_tensor_info info;

		tinynpu_program_tensor(compiled->program, i, &info,
				       sizeof(info));
		memcpy(tinynpu_session_tensor(compiled->session, i), inputs[i],
		       info.size);
	}
	run(compiled);
	tinynpu_session_stats(compiled->session, &stats, sizeof(stats));
	if (compiled->info.loops)
		return;
	assert_int_equal(stats.cycles, compiled->info.cycles);
	assert_int_equal(stats.energy_fj, compiled->info.energy_fj);
	assert_int_equal(stats.mac_ops, compiled->info.mac_ops);
	assert_int_equal(stats.commands, compiled->info.commands);
}

void compiled_keep_state(struct compiled *compiled, int keep)
{
	tinynpu_session_keep_state(compiled->session, keep);
}

void compiled_reset_state(struct compiled *compiled)
{
	assert_int_equal(tinynpu_session_reset_state(compiled->session, NULL),
			 0);
}

const void *compiled_output(struct compiled *compiled, int index)
{
	return tinynpu_session_tensor(compiled->session,
				      compiled->info.inputs + index);
}

uint64_t compiled_cycles(const struct compiled *compiled)
{
	return compiled->info.cycles;
}

/* Floats of a size that computing leaves as it is, rather than random bits. */
static void make_floats(uint8_t *bytes, size_t size_bytes)
{
	for (size_t i = 0; i + 4 <= size_bytes; i += 4) {
		float value = (int8_t)bytes[i] / 32.0f;

		memcpy(bytes + i, &value, sizeof(value));
	}
}

static void *random_input(const struct tnc_graph *graph, int index,
			  uint64_t *seed)
{
	struct tnc_tensor_info info;
	uint8_t *input;

	tnc_graph_input(graph, index, &info);
	input = malloc(info.size_bytes);
	for (size_t i = 0; i < info.size_bytes; i++) {
		*seed = *seed * UINT64_C(6364136223846793005) +
			1442695040888963407;
		input[i] = *seed >> 33;
		if (!strcmp(info.type, "bool"))
			input[i] &= 1;
	}
	if (!strcmp(info.type, "float32"))
		make_floats(input, info.size_bytes);
	return input;
}

static void compare_outputs(struct compiled *compiled,
			    const struct tnc_graph *graph, void **outputs)
{
	for (int i = 0; i < tnc_graph_outputs(graph); i++) {
		struct tnc_tensor_info info;

		tnc_graph_output(graph, i, &info);
		assert_memory_equal(compiled_output(compiled, i), outputs[i],
				    info.size_bytes);
		free(outputs[i]);
	}
}

void compiled_compare(const char *text, size_t size,
		      const struct npu_machine *machine)
{
	struct compiled *compiled = compiled_create(text, size, "compare",
						    machine);
	void *outputs[NPU_PROGRAM_MAX_TENSORS], *inputs[NPU_PROGRAM_MAX_TENSORS];
	struct tnc_tensor_info info;
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;
	uint64_t seed = size;

	tnc_options_init(&options);
	assert_int_equal(tnc_graph_open(text, size, &options, &graph, &error),
			 0);
	for (int i = 0; i < tnc_graph_inputs(graph); i++)
		inputs[i] = random_input(graph, i, &seed);
	for (int i = 0; i < tnc_graph_outputs(graph); i++) {
		tnc_graph_output(graph, i, &info);
		outputs[i] = malloc(info.size_bytes);
	}
	assert_int_equal(tnc_graph_run(graph, (const void **)inputs, outputs,
				       &error), 0);
	compiled_run(compiled, (const void **)inputs);
	compare_outputs(compiled, graph, outputs);
	for (int i = 0; i < tnc_graph_inputs(graph); i++)
		free(inputs[i]);
	tnc_graph_close(graph);
	compiled_destroy(compiled);
}
