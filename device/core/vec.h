/* SPDX-License-Identifier: MIT */
/*
 * The commands of the VEC unit, one file each. vec.c finds them by opcode; each
 * check and execution is as unit.h says for the whole unit, except that an
 * execution has nothing to report.
 */
#ifndef NPU_VEC_H
#define NPU_VEC_H

#include "unit.h"

struct kernels;

int vec_pool_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		   struct unit_access *access);
void vec_pool_execute(uint8_t *sram, const union npu_cmd *cmd);

int vec_binary_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		  struct unit_access *access);
void vec_binary_execute(uint8_t *sram, const union npu_cmd *cmd);
/* With loops that a test chooses. */
void vec_binary_compute(uint8_t *sram, const union npu_cmd *cmd,
			const struct kernels *kernels);

int vec_softmax_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		      struct unit_access *access);
void vec_softmax_execute(uint8_t *sram, const union npu_cmd *cmd);

int vec_program_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		      struct unit_access *access);
void vec_program_execute(uint8_t *sram, const union npu_cmd *cmd);

int vec_resize_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access);
void vec_resize_execute(uint8_t *sram, const union npu_cmd *cmd);

#endif
