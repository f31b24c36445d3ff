/* SPDX-License-Identifier: MIT */
/*
 * Commands of the DMA unit that have a file of their own, and what all of them
 * share. dma.c finds them by opcode; each check and execution is as unit.h says for
 * the whole unit.
 */
#ifndef NPU_DMA_H
#define NPU_DMA_H

#include "unit.h"

int dma_decode_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access);
int dma_decode_execute(struct unit_ctx *ctx, const union npu_cmd *cmd);

int dma_gather_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access);
int dma_gather_execute(struct unit_ctx *ctx, const union npu_cmd *cmd);

/*
 * dma.c: an operand's place in SRAM, which is added to @access, or in a region; -1
 * with the fault filled in.
 */
int dma_check_side(struct unit_ctx *ctx, uint8_t region,
		   const struct unit_extent *extent, bool is_write,
		   struct unit_access *access);

/* @size bytes, between places that have been checked. */
int dma_copy_run(struct unit_ctx *ctx, uint8_t src_region, uint64_t src,
		 uint8_t dst_region, uint64_t dst, uint32_t size);

#endif
