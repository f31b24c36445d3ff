// SPDX-License-Identifier: MIT
/* Compiled graphs beside the reference executor; see against.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "against.h"
#include "compiled.h"

#define TENSORS_MAX 64

int against_random(uint64_t *seed, int least, int most)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return least + (*seed >> 33) % ((uint64_t)most - least + 1);
}

struct npu_machine against_machine(uint64_t *seed)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;

	machine.sram_size = against_random(seed, 0, 2) ?
		1024 * against_random(seed, 16, 96) : 16 * 1024;
	machine.macs = 32 << against_random(seed, 0, 5);
	machine.mem_bw = against_random(seed, 1, 16);
	machine.sram_bw = against_random(seed, 1, 32);
	machine.mem_latency = against_random(seed, 0, 500);
	return machine;
}

static void *random_input(struct tnc_graph *graph, int index, uint64_t *seed)
{
	struct tnc_tensor_info info;
	uint8_t *input;

	tnc_graph_input(graph, index, &info);
	input = malloc(info.size_bytes);
	for (size_t i = 0; i < info.size_bytes; i++)
		input[i] = against_random(seed, 0, 255);
	return input;
}

static void compare(const struct tnc_tensor_info *info, int index,
		    const uint8_t *actual, const uint8_t *expected,
		    const char *text)
{
	for (size_t i = 0; i < info->size_bytes; i++) {
		if (actual[i] == expected[i])
			continue;
		print_error("%s\n", text);
		fail_msg("output %d, byte %zu of %zu: %d instead of %d", index,
			 i, info->size_bytes, actual[i], expected[i]);
	}
}

/* What the passes make of the graph computes the same. */
static void after_passes(struct tnc_graph *graph, void *inputs[],
			 void *outputs[], const char *text)
{
	void *again[TENSORS_MAX];
	struct tnc_tensor_info info;
	struct tnc_error error;
	int status;

	for (const char *p = tnc_pass_letters(); *p; p++)
		if (tnc_graph_pass(graph, *p, &error))
			fail_msg("pass %c: %s", *p, error.text);
	for (int i = 0; i < tnc_graph_outputs(graph); i++) {
		tnc_graph_output(graph, i, &info);
		again[i] = malloc(info.size_bytes);
	}
	status = tnc_graph_run(graph, (const void **)inputs, again, &error);
	/* The executor has no programs of the vector unit. */
	if (status && status != -EOPNOTSUPP)
		fail_msg("after the passes: %s", error.text);
	for (int i = 0; i < tnc_graph_outputs(graph); i++) {
		tnc_graph_output(graph, i, &info);
		if (!status)
			compare(&info, i, again[i], outputs[i], text);
		free(again[i]);
	}
}

/* A graph, its program, and room for what goes in and comes out. */
struct pair {
	const char *text;
	struct compiled *compiled;
	struct tnc_graph *graph;
	void *inputs[TENSORS_MAX];
	void *outputs[TENSORS_MAX];
};

static void pair_create(struct pair *p, const char *text, size_t size,
			const struct npu_machine *machine)
{
	struct tnc_tensor_info info;
	struct tnc_options options;
	struct tnc_error error;

	p->text = text;
	p->compiled = compiled_create(text, size, "random", machine);
	tnc_options_init(&options);
	assert_int_equal(tnc_graph_open(text, size, &options, &p->graph,
					&error), 0);
	for (int i = 0; i < tnc_graph_outputs(p->graph); i++) {
		tnc_graph_output(p->graph, i, &info);
		p->outputs[i] = malloc(info.size_bytes);
	}
}

static void free_inputs(struct pair *p)
{
	for (int i = 0; i < tnc_graph_inputs(p->graph); i++)
		free(p->inputs[i]);
}

static void pair_destroy(struct pair *p)
{
	for (int i = 0; i < tnc_graph_outputs(p->graph); i++)
		free(p->outputs[i]);
	tnc_graph_close(p->graph);
	compiled_destroy(p->compiled);
}

static void run_reference(struct pair *p, uint64_t *seed)
{
	struct tnc_error error;

	for (int i = 0; i < tnc_graph_inputs(p->graph); i++)
		p->inputs[i] = random_input(p->graph, i, seed);
	if (tnc_graph_run(p->graph, (const void **)p->inputs, p->outputs,
			  &error))
		fail_msg("%s", error.text);
}

static void run_compiled(struct pair *p)
{
	struct tnc_tensor_info info;

	compiled_run(p->compiled, (const void **)p->inputs);
	for (int i = 0; i < tnc_graph_outputs(p->graph); i++) {
		tnc_graph_output(p->graph, i, &info);
		compare(&info, i, compiled_output(p->compiled, i),
			p->outputs[i], p->text);
	}
}

void against_reference(const char *text, size_t size,
		       const struct npu_machine *machine, uint64_t *seed)
{
	struct pair p;

	pair_create(&p, text, size, machine);
	run_reference(&p, seed);
	after_passes(p.graph, p.inputs, p.outputs, text);
	run_compiled(&p);
	free_inputs(&p);
	pair_destroy(&p);
}

void against_stream(const char *text, size_t size,
		    const struct npu_machine *machine, int runs,
		    uint64_t *seed)
{
	struct tnc_error error;
	struct pair p;

	pair_create(&p, text, size, machine);
	for (int stream = 0; stream < 3; stream++) {
		tnc_graph_keep_state(p.graph, stream < 2);
		compiled_keep_state(p.compiled, stream < 2);
		assert_int_equal(tnc_graph_reset_state(p.graph, &error), 0);
		compiled_reset_state(p.compiled);
		for (int i = 0; i < runs; i++) {
			run_reference(&p, seed);
			run_compiled(&p);
			free_inputs(&p);
		}
	}
	pair_destroy(&p);
}
