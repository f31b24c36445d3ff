// SPDX-License-Identifier: MIT
/*
 * The DMA unit: strided copies and fills between SRAM and the regions of a job;
 * coded streams are dma_decode.c's, rows by index dma_gather.c's. The only unit that
 * reaches memory, hence the only one whose execution can fail. The machine (job.c)
 * calls npu_dma_check() and npu_dma_execute().
 */
#include "dma.h"
#include "operands.h"

#include <string.h>

/* On the way from memory to memory, and what is filled with: a page. */
#define BOUNCE_SIZE 4096

/* Bytes up to which looking for a run's page takes longer than copying it. */
#define SHORT_RUN 64

/* A side of a transfer: where dimension 1..3 begin, and how far apart. */
struct side {
	uint8_t region;
	uint32_t offset;
	npu_le32 stride[3];
};

/* A command, with dimensions that lie back to back on all sides made one. */
struct transfer {
	uint32_t run;
	uint32_t n[3];
	bool has_src;
	struct side src;
	struct side dst;
	uint8_t value; /* without a source */
};

static const struct operand_range copy_ranges[] = {
	OPERAND_RANGE(npu_cmd_copy, n[0], 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_copy, n[1], 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_copy, n[2], 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_copy, run, 1, UINT32_MAX),
};

static const struct operand_range fill_ranges[] = {
	OPERAND_RANGE(npu_cmd_fill, n[0], 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_fill, n[1], 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_fill, n[2], 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_fill, run, 1, UINT32_MAX),
};

static struct side side_make(uint8_t region, uint32_t offset,
			     const npu_le32 stride[3])
{
	return (struct side){
		.region = region,
		.offset = offset,
		.stride = { stride[0], stride[1], stride[2] },
	};
}

static struct transfer transfer_make(const union npu_cmd *cmd)
{
	const struct npu_cmd_copy *copy = &cmd->copy;
	const struct npu_cmd_fill *fill = &cmd->fill;

	if (cmd->hdr.op == NPU_OP_DMA_COPY)
		return (struct transfer){
			.run = copy->run,
			.n = { copy->n[0], copy->n[1], copy->n[2] },
			.has_src = true,
			.src = side_make(copy->src_region, copy->src,
					 copy->src_stride),
			.dst = side_make(copy->dst_region, copy->dst,
					 copy->dst_stride),
		};
	return (struct transfer){
		.run = fill->run,
		.n = { fill->n[0], fill->n[1], fill->n[2] },
		.dst = side_make(fill->dst_region, fill->dst,
				 fill->dst_stride),
		.value = fill->value,
	};
}

static struct unit_extent side_extent(const struct transfer *t,
				      const struct side *side)
{
	struct unit_extent extent = { .addr = side->offset, .run = t->run };

	memcpy(extent.n, t->n, sizeof(extent.n));
	memcpy(extent.stride, side->stride, sizeof(extent.stride));
	return extent;
}

int dma_check_side(struct unit_ctx *ctx, uint8_t region,
		   const struct unit_extent *extent, bool is_write,
		   struct unit_access *access)
{
	if (region != NPU_REGION_SRAM)
		return unit_check_region(ctx, region, extent->addr,
					 unit_extent_end(extent) -
						 extent->addr);
	return is_write ? unit_access_write_weights(ctx, access, extent) :
			  unit_access_read(ctx, access, extent);
}

static int check_transfer(struct unit_ctx *ctx, const struct transfer *t,
			  struct unit_access *access)
{
	struct unit_extent src = side_extent(t, &t->src);
	struct unit_extent dst = side_extent(t, &t->dst);
	const uint32_t bytes[] = { t->run, t->n[0], t->n[1], t->n[2] };

	if (operands_check_work(ctx, NPU_MAX_CMD_BYTES, bytes,
				OPERAND_ARRAY_SIZE(bytes)))
		return -1;
	if (t->has_src &&
	    dma_check_side(ctx, t->src.region, &src, false, access))
		return -1;
	if (dma_check_side(ctx, t->dst.region, &dst, true, access))
		return -1;
	if (t->has_src && t->src.region == NPU_REGION_SRAM &&
	    t->dst.region == NPU_REGION_SRAM)
		return operands_check_overlap(ctx, &src,
			__builtin_offsetof(struct npu_cmd_copy, src), &dst);
	return 0;
}

int npu_dma_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		  struct unit_access *access)
{
	struct transfer t;

	if (cmd->hdr.op == NPU_OP_DMA_COPY) {
		if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_copy, reserved) ||
		    operands_check_ranges(ctx, cmd, copy_ranges,
					  OPERAND_ARRAY_SIZE(copy_ranges)))
			return -1;
	} else if (cmd->hdr.op == NPU_OP_DMA_FILL) {
		if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_fill, reserved) ||
		    operands_check_ranges(ctx, cmd, fill_ranges,
					  OPERAND_ARRAY_SIZE(fill_ranges)))
			return -1;
	} else if (cmd->hdr.op == NPU_OP_DMA_DECODE) {
		return dma_decode_check(ctx, cmd, access);
	} else if (cmd->hdr.op == NPU_OP_DMA_GATHER) {
		return dma_gather_check(ctx, cmd, access);
	} else {
		return unit_fault(ctx, NPU_FAULT_OPCODE, cmd->hdr.op, 0);
	}
	t = transfer_make(cmd);
	return check_transfer(ctx, &t, access);
}

/*
 * Make long runs of short ones. A dimension of one is dropped; the innermost is
 * joined to the run if it continues it on both sides.
 */
static void transfer_join(struct transfer *t)
{
	uint32_t i, dims = 0;

	for (i = 0; i < 3; i++) {
		if (t->n[i] == 1)
			continue;
		if (!dims && t->dst.stride[i] == t->run &&
		    (!t->has_src || t->src.stride[i] == t->run)) {
			t->run *= t->n[i];
			continue;
		}
		t->n[dims] = t->n[i];
		t->src.stride[dims] = t->src.stride[i];
		t->dst.stride[dims++] = t->dst.stride[i];
	}
	for (; dims < 3; dims++)
		t->n[dims] = 1;
}

static int copy_bounced(struct unit_ctx *ctx, uint8_t src_region, uint64_t src,
			uint8_t dst_region, uint64_t dst, uint32_t size)
{
	uint8_t bounce[BOUNCE_SIZE];
	uint32_t done, part;

	for (done = 0; done < size; done += part) {
		part = size - done;
		if (part > sizeof(bounce))
			part = sizeof(bounce);
		if (unit_region_read(ctx, src_region, src + done, bounce,
				     part) ||
		    unit_region_write(ctx, dst_region, dst + done, bounce,
				      part))
			return -1;
	}
	return 0;
}

int dma_copy_run(struct unit_ctx *ctx, uint8_t src_region, uint64_t src,
		 uint8_t dst_region, uint64_t dst, uint32_t size)
{
	bool is_src_sram = src_region == NPU_REGION_SRAM;
	bool is_dst_sram = dst_region == NPU_REGION_SRAM;

	if (is_src_sram && is_dst_sram) {
		memcpy(ctx->sram + dst, ctx->sram + src, size);
		return 0;
	}
	if (is_dst_sram)
		return unit_region_read(ctx, src_region, src, ctx->sram + dst,
					size);
	if (is_src_sram)
		return unit_region_write(ctx, dst_region, dst, ctx->sram + src,
					 size);
	return copy_bounced(ctx, src_region, src, dst_region, dst, size);
}

static int copy_run(struct unit_ctx *ctx, const struct transfer *t,
		    uint64_t src, uint64_t dst)
{
	return dma_copy_run(ctx, t->src.region, src, t->dst.region, dst,
			    t->run);
}

static int fill_run(struct unit_ctx *ctx, const struct transfer *t,
		    uint64_t dst)
{
	uint8_t values[BOUNCE_SIZE];
	uint32_t done, size = t->run;

	if (t->dst.region == NPU_REGION_SRAM) {
		memset(ctx->sram + dst, t->value, t->run);
		return 0;
	}
	if (size > sizeof(values))
		size = sizeof(values);
	memset(values, t->value, size);
	for (done = 0; done < t->run; done += size) {
		if (size > t->run - done)
			size = t->run - done;
		if (unit_region_write(ctx, t->dst.region, dst + done, values,
				      size))
			return -1;
	}
	return 0;
}

/* Where the innermost dimension begins. */
static uint64_t side_address(const struct side *side, uint32_t i2, uint32_t i3)
{
	return side->offset + (uint64_t)i2 * side->stride[1] +
	       (uint64_t)i3 * side->stride[2];
}

/*
 * How many of the innermost dimension's runs from @src on lie in one page of
 * memory: one access brings them all, and can't bring more faults. 0 if that is of
 * no use.
 */
static uint32_t runs_of_page(const struct unit_ctx *ctx,
			     const struct transfer *t, uint64_t src,
			     uint32_t most)
{
	uint64_t address = ctx->regions[t->src.region].base + src;
	uint32_t left = BOUNCE_SIZE - address % BOUNCE_SIZE, count;

	if (t->run > left || t->run > SHORT_RUN || !t->src.stride[0])
		return 0;
	count = (left - t->run) / t->src.stride[0] + 1;
	return count < most ? count : most;
}

/* Short runs of a page of memory, to SRAM. */
static int scatter(struct unit_ctx *ctx, const struct transfer *t, uint64_t src,
		   uint64_t dst, uint32_t count)
{
	uint32_t span = (count - 1) * t->src.stride[0] + t->run, i, k;
	uint8_t bounce[BOUNCE_SIZE], *to = ctx->sram + dst;
	const uint8_t *from = bounce;

	if (unit_region_read(ctx, t->src.region, src, bounce, span))
		return -1;
	for (i = 0; i < count; i++) {
		for (k = 0; k < t->run; k++)
			to[k] = from[k];
		from += t->src.stride[0];
		to += t->dst.stride[0];
	}
	return 0;
}

/* All runs of the innermost dimension. */
static int execute_row(struct unit_ctx *ctx, const struct transfer *t,
		       uint64_t src, uint64_t dst)
{
	bool is_load = t->has_src && t->src.region != NPU_REGION_SRAM &&
		       t->dst.region == NPU_REGION_SRAM;
	uint32_t i, count;

	for (i = 0; i < t->n[0]; i += count) {
		uint64_t from = src + (uint64_t)i * t->src.stride[0];
		uint64_t to = dst + (uint64_t)i * t->dst.stride[0];

		count = is_load ? runs_of_page(ctx, t, from, t->n[0] - i) : 0;
		if (count > 1) {
			if (scatter(ctx, t, from, to, count))
				return -1;
			continue;
		}
		count = 1;
		if (t->has_src ? copy_run(ctx, t, from, to) :
				 fill_run(ctx, t, to))
			return -1;
	}
	return 0;
}

static int execute_transfer(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	struct transfer t = transfer_make(cmd);
	uint32_t i2, i3;

	if (t.dst.region == NPU_REGION_SRAM)
		t.dst.offset = unit_place(ctx, t.dst.offset);
	transfer_join(&t);
	for (i3 = 0; i3 < t.n[2]; i3++)
		for (i2 = 0; i2 < t.n[1]; i2++)
			if (execute_row(ctx, &t,
					side_address(&t.src, i2, i3),
					side_address(&t.dst, i2, i3)))
				return -1;
	return 0;
}

int npu_dma_execute(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	if (cmd->hdr.op == NPU_OP_DMA_DECODE)
		return dma_decode_execute(ctx, cmd);
	if (cmd->hdr.op == NPU_OP_DMA_GATHER)
		return dma_gather_execute(ctx, cmd);
	return execute_transfer(ctx, cmd);
}
