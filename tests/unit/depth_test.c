// SPDX-License-Identifier: MIT
/*
 * Layers so deep that the weights of one output channel exceed the SRAM: cut along
 * their input channels they run on the machine, wholly, and the bytes are those of
 * the reference executor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "against.h"
#include "graphs.h"

#define LAYERS (GRAPHS / 8)

struct layer {
	int h, w, depth, channels, kernel;
	bool is_matrix;
	bool is_onnx;
	bool is_per_channel;
};

static struct layer random_layer(uint64_t *seed)
{
	struct layer l = {
		.is_matrix = !against_random(seed, 0, 3),
		.is_onnx = !against_random(seed, 0, 2),
		.is_per_channel = against_random(seed, 0, 1),
		.channels = against_random(seed, 1, 5),
		.kernel = against_random(seed, 1, 3),
		.h = against_random(seed, 1, 5),
		.w = against_random(seed, 1, 5),
	};
	int taps = l.kernel * l.kernel;

	l.depth = against_random(seed, 15000 / taps, 40000 / taps);
	if (l.is_matrix)
		l.depth = against_random(seed, 15000, 80000);
	return l;
}

static void put_quant(FILE *to, const struct layer *l, uint64_t *seed)
{
	for (int i = 0; i < (l->is_per_channel ? l->channels : 1); i++)
		fprintf(to, "%s%.9g:%d", i ? " " : "",
			against_random(seed, 1, 100) / 100000.0,
			l->is_onnx ? against_random(seed, -20, 20) : 0);
}

static char *make_graph(const struct layer *l, uint64_t *seed, size_t *size)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, size);
	int in_zero = against_random(seed, -128, 127);
	int out_zero = against_random(seed, -128, 127);
	int bytes = l->channels * l->depth * (l->is_matrix ? 1 : l->kernel *
							      l->kernel);

	fputs("tnc 1\nmodel \"deep\"\n", to);
	if (l->is_matrix) {
		fprintf(to, "tensor %%0 int8 [1,%d] q=[0.05:%d] name=\"x\"\n",
			l->depth, in_zero);
		fprintf(to, "const %%1 int8 [%d,%d] axis=0 q=[", l->channels,
			l->depth);
	} else {
		fprintf(to, "tensor %%0 int8 [1,%d,%d,%d] q=[0.05:%d] name=\"x\"\n",
			l->h, l->w, l->depth, in_zero);
		fprintf(to, "const %%1 int8 [%d,%d,%d,%d] axis=0 q=[",
			l->channels, l->kernel, l->kernel, l->depth);
	}
	put_quant(to, l, seed);
	fputs("] name=\"w\"\n", to);
	fprintf(to, "const %%2 int32 [%d] name=\"b\"\n", l->channels);
	if (l->is_matrix)
		fprintf(to, "tensor %%3 int8 [1,%d] q=[0.5:%d] name=\"y\"\n"
			"input %%0\nfully_connected %%3 = %%0 %%1 %%2 act=relu%s\n",
			l->channels, out_zero, l->is_onnx ? " mode=onnx" : "");
	else
		fprintf(to, "tensor %%3 int8 [1,%d,%d,%d] q=[0.5:%d] name=\"y\"\n"
			"input %%0\nconv_2d %%3 = %%0 %%1 %%2 stride=1x1 pad=same "
			"act=none%s\n", l->h, l->w, l->channels, out_zero,
			l->is_onnx ? " mode=onnx" : "");
	fputs("output %3\ndata %1\n", to);
	for (int i = 0; i < bytes; i++)
		fprintf(to, "%02x", against_random(seed, 0, 255));
	fputs("\nend\ndata %2\n", to);
	for (int i = 0; i < 4 * l->channels; i++)
		fprintf(to, "%02x", i % 4 < 2 ? against_random(seed, 0, 255) : 0);
	fputs("\nend\n", to);
	fclose(to);
	return text;
}

/* Nothing may be left to the CPU. */
static void need_machine(const char *text, size_t size,
			 const struct npu_machine *machine)
{
	struct tnc_options options;
	struct tnc_error error;
	size_t program_size;
	void *program;

	tnc_options_init(&options);
	options.machine = *machine;
	options.no_fallback = true;
	if (tnc_compile(text, size, &options, &program, &program_size, &error))
		fail_msg("%s", error.text);
	free(program);
}

static void test_deep_layers(void **state)
{
	uint64_t seed = 20261126;

	for (int i = 0; i < LAYERS; i++) {
		struct npu_machine machine = against_machine(&seed);
		struct layer l = random_layer(&seed);
		size_t size;
		char *text = make_graph(&l, &seed, &size);

		machine.sram_size = 16 * 1024;
		need_machine(text, size, &machine);
		against_reference(text, size, &machine, &seed);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deep_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
