/* SPDX-License-Identifier: MIT */
/*
 * Commands of the DMA unit that have a file of their own. dma.c finds them by
 * opcode; each check and execution is as unit.h says for the whole unit.
 */
#ifndef NPU_DMA_H
#define NPU_DMA_H

#include "unit.h"

int dma_decode_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access);
int dma_decode_execute(struct unit_ctx *ctx, const union npu_cmd *cmd);

#endif
