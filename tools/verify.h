/* SPDX-License-Identifier: MIT */
/* `tinynpu compile --verify`: a program against the reference executor. */
#ifndef VERIFY_H
#define VERIFY_H

#include "../compiler/tnc.h"

#include <stddef.h>

#define VERIFY_MAX_FILES 64

/**
 * struct verify_inputs - what to run both on
 * @files: raw tensors of each input in turn; n of them back to back mean n runs
 * @file_count: 0, or one for each input
 * @random_count: runs on random inputs besides
 */
struct verify_inputs {
	const char *files[VERIFY_MAX_FILES];
	size_t file_count;
	unsigned int random_count;
};

/**
 * verify_program() - run a program in the simulator and its graph on the
 * reference executor, and compare each output byte for byte
 * @graph: what was compiled
 * @program: the program file's bytes
 * @size: their number
 * @machine: to simulate
 * @inputs: to run on
 *
 * Return: an enum tool_exit; what differs, or is wrong, was said.
 */
int verify_program(struct tnc_graph *graph, const void *program, size_t size,
		   const struct npu_machine *machine,
		   const struct verify_inputs *inputs);

#endif
