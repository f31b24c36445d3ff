// SPDX-License-Identifier: MIT
/*
 * DMA_GATHER: rows of a table to places one after the other, as a list of indices
 * says. The list is data, a stranger's like all data: an index is looked at once, when
 * its row is moved.
 */
#include "dma.h"
#include "operands.h"

#include <string.h>

#define LIST_SIZE 1024 /* bytes of the list that are read at once */

static const struct operand_range ranges[] = {
	OPERAND_RANGE(npu_cmd_gather, index_size, 1, 8),
	OPERAND_RANGE(npu_cmd_gather, n[0], 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_gather, n[1], 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_gather, n[2], 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_gather, rows, 1, INT32_MAX),
	OPERAND_RANGE(npu_cmd_gather, run, 1, UINT32_MAX),
};

static int check_fields(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	uint32_t size = cmd->gather.index_size;

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_gather, reserved) ||
	    operands_check_ranges(ctx, cmd, ranges,
				  OPERAND_ARRAY_SIZE(ranges)))
		return -1;
	if (size & (size - 1))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_gather, index_size);
	return 0;
}

int dma_gather_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access)
{
	const struct npu_cmd_gather *g = &cmd->gather;
	const uint32_t bytes[] = { g->run, g->n[0], g->n[1], g->n[2] };
	struct unit_extent src = {
		g->src, g->run, { g->rows, g->n[1], g->n[2] },
		{ g->src_stride[0], g->src_stride[1], g->src_stride[2] },
	};
	struct unit_extent dst = {
		g->dst, g->run, { g->n[0], g->n[1], g->n[2] },
		{ g->dst_stride[0], g->dst_stride[1], g->dst_stride[2] },
	};
	struct unit_extent index = {
		.addr = g->index,
		.run = g->n[0] * g->index_size,
		.n = { g->n[2], 1, 1 },
		.stride = { g->n[0] * g->index_size },
	};

	if (check_fields(ctx, cmd) ||
	    operands_check_work(ctx, NPU_MAX_CMD_BYTES, bytes,
				OPERAND_ARRAY_SIZE(bytes)) ||
	    dma_check_side(ctx, g->src_region, &src, false, access) ||
	    dma_check_side(ctx, g->dst_region, &dst, true, access) ||
	    dma_check_side(ctx, g->index_region, &index, false, access))
		return -1;
	if (g->dst_region != NPU_REGION_SRAM)
		return 0;
	if (g->src_region == NPU_REGION_SRAM &&
	    operands_check_overlap(ctx, &src,
			__builtin_offsetof(struct npu_cmd_gather, src), &dst))
		return -1;
	if (g->index_region == NPU_REGION_SRAM)
		return operands_check_overlap(ctx, &index,
			__builtin_offsetof(struct npu_cmd_gather, index), &dst);
	return 0;
}

/* Little-endian, sign-extended. */
static int64_t index_at(const uint8_t *bytes, uint32_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes, size);
	return (int64_t)(value << (64 - 8 * size)) >> (64 - 8 * size);
}

/* Part of a list, and where rows of it go. */
struct part {
	uint32_t first; /* number in the command's lists */
	uint32_t count;
	uint64_t src;
	uint64_t dst;
};

static int move_rows(struct unit_ctx *ctx, const struct npu_cmd_gather *g,
		     const struct part *part, const uint8_t *list)
{
	uint32_t i;

	for (i = 0; i < part->count; i++) {
		int64_t index = index_at(list + i * g->index_size,
					 g->index_size);
		int64_t row = index < 0 ? index + g->rows : index;

		if (row < 0 || row >= g->rows)
			return unit_fault(ctx, NPU_FAULT_INDEX,
					  part->first + i, index);
		if (dma_copy_run(ctx, g->src_region,
				 part->src + (uint64_t)row * g->src_stride[0],
				 g->dst_region,
				 part->dst + (uint64_t)i * g->dst_stride[0],
				 g->run))
			return -1;
	}
	return 0;
}

static int read_list(struct unit_ctx *ctx, const struct npu_cmd_gather *g,
		     const struct part *part, uint8_t *list)
{
	uint64_t offset = g->index + (uint64_t)part->first * g->index_size;
	uint32_t size = part->count * g->index_size;

	if (g->index_region != NPU_REGION_SRAM)
		return unit_region_read(ctx, g->index_region, offset, list,
					size);
	memcpy(list, ctx->sram + offset, size);
	return 0;
}

static int gather_list(struct unit_ctx *ctx, const struct npu_cmd_gather *g,
		       uint32_t i2, uint32_t i3)
{
	uint32_t most = LIST_SIZE / g->index_size, done;
	uint32_t dst = g->dst_region == NPU_REGION_SRAM ?
			       unit_place(ctx, g->dst) : g->dst;
	uint8_t list[LIST_SIZE];

	for (done = 0; done < g->n[0]; done += most) {
		uint32_t left = g->n[0] - done;
		struct part part = {
			.first = i3 * g->n[0] + done,
			.count = left < most ? left : most,
			.src = g->src + (uint64_t)i2 * g->src_stride[1] +
			       (uint64_t)i3 * g->src_stride[2],
			.dst = dst + (uint64_t)done * g->dst_stride[0] +
			       (uint64_t)i2 * g->dst_stride[1] +
			       (uint64_t)i3 * g->dst_stride[2],
		};

		if (read_list(ctx, g, &part, list) ||
		    move_rows(ctx, g, &part, list))
			return -1;
	}
	return 0;
}

int dma_gather_execute(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct npu_cmd_gather *g = &cmd->gather;
	uint32_t i2, i3;

	for (i3 = 0; i3 < g->n[2]; i3++)
		for (i2 = 0; i2 < g->n[1]; i2++)
			if (gather_list(ctx, g, i2, i3))
				return -1;
	return 0;
}
