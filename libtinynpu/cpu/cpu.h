/* SPDX-License-Identifier: MIT */
/*
 * Operators on the CPU, as npu/cpu.h numbers them. The library runs those of a
 * program with it, and the compiler, which links the same objects, computes
 * float tensors. Plain data in, plain data out: nothing here allocates, keeps
 * state or knows what a program or a graph is.
 *
 * An operator is checked once with cpu_op_check(): from its types, shapes and
 * attributes follows every address that it touches, but for indices that are
 * data, which are checked as they are read.
 */
#ifndef TINYNPU_CPU_H
#define TINYNPU_CPU_H

#include <npu/cpu.h>
#include <npu/program.h>

#include <stddef.h>

union cpu_word {
	int32_t i;
	float f;
};

/**
 * struct cpu_tensor - an operand; elements lie dense
 * @dtype: enum npu_program_dtype
 * @rank: 0..NPU_PROGRAM_MAX_RANK
 * @shape: outermost first
 * @elements: their product, set by cpu_tensor_init()
 * @quants: number of entries in @scale and @zero_point: 0, 1, or the length of
 *	dimension @quant_axis
 * @data: aligned to the element's size; not looked at by cpu_op_check()
 */
struct cpu_tensor {
	uint32_t dtype;
	uint32_t rank;
	uint32_t shape[NPU_PROGRAM_MAX_RANK];
	uint64_t elements;
	uint32_t quants;
	uint32_t quant_axis;
	const float *scale;
	const int32_t *zero_point;
	void *data;
};

/**
 * struct cpu_op - an operator
 * @kind: enum npu_cpu_kind
 * @inputs: entries of @in, of which NULL ones are left out
 * @attrs: entries of @attr
 */
struct cpu_op {
	uint32_t kind;
	uint32_t inputs;
	uint32_t attrs;
	const struct cpu_tensor *out;
	const struct cpu_tensor *const *in;
	const union cpu_word *attr;
};

/**
 * cpu_element_bytes() - bytes of an element
 * @dtype: enum npu_program_dtype
 *
 * Return: 0 if there is no such type.
 */
uint32_t cpu_element_bytes(uint32_t dtype);

/**
 * cpu_tensor_init() - check type, shape and quantisation, and count elements
 * @tensor: to complete
 *
 * Return: NULL, or what is wrong.
 */
const char *cpu_tensor_init(struct cpu_tensor *tensor);

/**
 * cpu_op_name() - what an operator is called
 * @kind: enum npu_cpu_kind
 *
 * Return: NULL if there is no such operator.
 */
const char *cpu_op_name(uint32_t kind);

/**
 * cpu_op_check() - whether an operator can be run
 * @op: its tensors have gone through cpu_tensor_init()
 *
 * Return: NULL, or why not.
 */
const char *cpu_op_check(const struct cpu_op *op);

/**
 * struct cpu_custom - what a CUSTOM operator is
 * @name: not terminated
 * @name_size: bytes of it
 * @options: as they were in the model
 * @options_size: bytes of them
 * @result: which of its outputs is computed
 * @results: how many it has
 */
struct cpu_custom {
	const char *name;
	size_t name_size;
	const void *options;
	size_t options_size;
	uint32_t result;
	uint32_t results;
};

/**
 * cpu_custom_of() - take a CUSTOM operator apart
 * @op: a checked operator of that kind
 */
struct cpu_custom cpu_custom_of(const struct cpu_op *op);

/**
 * cpu_op_scratch() - bytes of memory that cpu_op_run() needs besides
 * @op: a checked operator
 */
uint64_t cpu_op_scratch(const struct cpu_op *op);

/**
 * cpu_op_run() - compute
 * @op: a checked operator
 * @scratch: cpu_op_scratch() bytes, aligned to 64
 *
 * Return: NULL, or which input can't be used, as an index out of range.
 */
const char *cpu_op_run(const struct cpu_op *op, void *scratch);

#endif
