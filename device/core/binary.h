/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on two int8 tensors, element by element: of the VEC unit's ADD and its
 * like (vec_binary.c), and of an addition in the MAC unit's output stage
 * (mac_output.c).
 */
#ifndef NPU_BINARY_H
#define NPU_BINARY_H

#include "fixed_point.h"
#include "kernels/kernels.h"

#include <npu/isa.h>

#define BINARY_MAX_LEFT_SHIFT 20
#define BINARY_RUN 512 /* elements at a time */

struct binary_op;

/* What all elements have in common: the inputs and the output stage. */
struct binary {
	struct npu_cmd_binary cmd;
	const struct binary_op *op;
	const struct kernels *kernels;
	bool is_summed; /* by the loops for the host, from terms; or by tables */
	struct kernel_sum sum;
	int32_t a[256];
	int32_t b[256];
	int32_t offset[KERNEL_BLOCK];
	int32_t mult[KERNEL_BLOCK];
	int32_t left[KERNEL_BLOCK];
	int32_t right[KERNEL_BLOCK];
	int32_t sums[BINARY_RUN];
	struct kernel_output stage;
};

/* @c: a valid command */
void binary_make(struct binary *b, const struct npu_cmd_binary *c,
		 const struct kernels *kernels);

/* A row of the command's width; @x, @y and @ofm are its first pixels. */
void binary_row(struct binary *b, const uint8_t *x, const uint8_t *y,
		uint8_t *ofm);

#endif
