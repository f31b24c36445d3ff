// SPDX-License-Identifier: MIT
/*
 * Prints a graph after passes, for the golden tests:
 *
 *	pass LETTERS FILE
 *
 * LETTERS are those of tnc_pass_letters(), or 'p' for the commands of the whole
 * program, on a machine of 16 KiB. Errors go to standard output, too: they are
 * compared like results.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/tnc.h"

#define FILE_MAX (1 << 20)

static char bytes[FILE_MAX];

static int fail(const struct tnc_error *error)
{
	printf("error: %s\n", error->text);
	return 1;
}

static int print_program(size_t size, struct tnc_options *options)
{
	struct tnc_error error;
	size_t program_size;
	void *program;

	options->dump = "p";
	if (tnc_compile(bytes, size, options, &program, &program_size, &error))
		return fail(&error);
	free(program);
	return 0;
}

static int print_graph(size_t size, const struct tnc_options *options,
		       const char *letters)
{
	struct tnc_graph *graph;
	struct tnc_error error;
	int status = 0;

	if (tnc_graph_open(bytes, size, options, &graph, &error))
		return fail(&error);
	for (; *letters && !status; letters++)
		if (tnc_graph_pass(graph, *letters, &error))
			status = fail(&error);
	if (!status)
		status = tnc_graph_print(graph, stdout) != 0;
	tnc_graph_close(graph);
	return status;
}

int main(int argc, char **argv)
{
	struct tnc_options options;
	size_t size;
	FILE *file;

	if (argc != 3) {
		fprintf(stderr, "usage: pass LETTERS FILE\n");
		return 2;
	}
	file = fopen(argv[2], "rb");
	if (!file) {
		perror(argv[2]);
		return 2;
	}
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	tnc_options_init(&options);
	options.name = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 :
					       argv[2];
	options.machine.sram_size = NPU_SRAM_MIN;
	if (!strcmp(argv[1], "p"))
		return print_program(size, &options);
	return print_graph(size, &options, argv[1]);
}
