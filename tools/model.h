/* SPDX-License-Identifier: MIT */
/* Models and programs by their path. */
#ifndef MODEL_H
#define MODEL_H

#include "../compiler/tnc.h"

#include <stddef.h>

struct known;
struct tinynpu_device_info;
struct tinynpu_program;

/**
 * model_compile() - compile a model file
 * @path: the model
 * @options: how; its name becomes @path
 * @program: set: the program file's bytes; free() them
 * @size: set
 * @graph: set: what was compiled, to compare with; NULL: not asked for
 *
 * Return: an enum tool_exit; what is wrong was said.
 */
int model_compile(const char *path, struct tnc_options *options, void **program,
		  size_t *size, struct tnc_graph **graph);

/* What a device is, to compile for it. */
struct npu_machine model_machine(const struct tinynpu_device_info *device);

/**
 * model_load() - read a program, or compile a model
 * @path: either; a program is an ELF file
 * @machine: to compile for
 * @hw_version: its version, major << 16 | minor
 * @known: what is known of the model's inputs, or NULL
 * @program: set
 *
 * Return: an enum tool_exit; what is wrong was said.
 */
int model_load(const char *path, const struct npu_machine *machine,
	       uint32_t hw_version, const struct known *known,
	       struct tinynpu_program **program);

#endif
