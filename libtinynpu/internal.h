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

#include <npu/cpu.h>
#include <npu/program.h>

#include <pthread.h>
#include <stdatomic.h>

/* A machine; sessions and the application each hold a reference. */
struct tinynpu_device {
	atomic_uint references;
	const struct backend *backend;
	void *handle; /* of the backend, owned */
};

struct cpu_op;
struct cpu_tensor;

/* What a program has run on the CPU: the records, checked. */
struct program_cpu {
	const struct npu_cpu_op *ops;
	uint32_t op_count;
	const struct npu_cpu_tensor *records;
	uint32_t tensor_count;
	const npu_le32 *words;
	uint32_t word_count;
	struct cpu_tensor *tensors; /* owned: one for each record, without data */
	uint32_t inputs_most; /* of one operator */
	uint64_t scratch_size; /* likewise */
};

/* A loop: programs of its own, owned. */
struct program_loop {
	struct tinynpu_program *part[NPU_LOOP_PARTS];
};

/* A custom operator that a program needs. */
struct program_custom {
	char *name; /* owned */
	tinynpu_custom_fn fn; /* NULL: nobody has brought one; guarded: */
	void *data;
};

/* A program file; read-only once it is made, functions of its users aside. */
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
	const struct npu_program_segment *segments;
	uint32_t segment_count; /* 0: one job of all commands */
	struct program_cpu cpu;
	struct program_loop *loops; /* owned */
	uint32_t loop_count;
	const void *variables; /* what they begin with */
	uint64_t variables_size; /* 0: there are none */
	char *source; /* owned: NUL-terminated */
	struct program_custom *customs; /* owned */
	uint32_t custom_count;
	pthread_mutex_t custom_lock; /* fn and data of @customs */
};

struct tinynpu_device *tinynpu_device_get(struct tinynpu_device *device);
struct tinynpu_program *tinynpu_program_get(struct tinynpu_program *program);

/* Segment number @index, of a program without any the one that it means. */
struct npu_program_segment
tinynpu_program_segment(const struct tinynpu_program *program, uint32_t index);

/* Operator @index of the program's on the CPU, on @tensors, with room for its
 * inputs in @in. */
struct cpu_op tinynpu_program_cpu_op(const struct tinynpu_program *program,
				     const struct cpu_tensor *tensors,
				     uint32_t index,
				     const struct cpu_tensor **in);

/* program.c: reads a program that lies within @depth others. */
int program_read_inner(const void *bytes, size_t size, const char *name,
		       unsigned int depth, struct tinynpu_program **program,
		       struct tinynpu_error *error);

/* program_loop.c */
void program_loops_fini(struct tinynpu_program *program);

/* custom.c: finds what a program needs, and gives it back. */
int program_custom_init(struct tinynpu_program *program,
			struct tinynpu_error *error);
void program_custom_fini(struct tinynpu_program *program);

#endif
