/* SPDX-License-Identifier: MIT */
/*
 * What the library's files share: the objects behind the public handles. Not
 * for users of the library, nor for its backends beyond the error helper.
 */
#ifndef TINYNPU_INTERNAL_H
#define TINYNPU_INTERNAL_H

#include "backend.h"
#include "error.h"
#include "tinynpu.h"

#include <npu/program.h>

#include <stdatomic.h>

/* A machine; sessions and the application each hold a reference. */
struct tinynpu_device {
	atomic_uint references;
	const struct backend *backend;
	void *handle; /* of the backend, owned */
};

/* A program file; read-only once it is made. */
struct tinynpu_program {
	atomic_uint references;
	char *bytes; /* the file, owned; all below points into it */
	size_t size_bytes;
	const struct npu_program_info *info;
	const void *commands;
	uint32_t command_count;
	const void *constants;
	uint64_t constants_size;
	const struct npu_program_tensor *tensors;
	uint32_t tensor_count;
	const char *names;
	uint64_t names_size;
	const struct npu_program_line *lines;
	uint32_t line_count;
	const struct npu_program_layer *layers;
	uint32_t layer_count;
	char *source; /* owned: NUL-terminated */
};

struct tinynpu_device *tinynpu_device_get(struct tinynpu_device *device);
struct tinynpu_program *tinynpu_program_get(struct tinynpu_program *program);

#endif
