// SPDX-License-Identifier: MIT
/*
 * What the units share: faults, checks of fields and places, and the ranges
 * that a command touches. Called by dma.c, mac.c, vec.c and hazard.c.
 */
#include "unit.h"

int unit_fault(struct unit_ctx *ctx, enum npu_fault code, uint32_t info,
	       uint64_t addr)
{
	ctx->fault = (struct unit_fault){
		.code = code,
		.info = info,
		.addr = addr,
	};
	return -1;
}

int unit_fault_field(struct unit_ctx *ctx, uint32_t offset)
{
	return unit_fault(ctx, NPU_FAULT_FIELD, offset, 0);
}

int unit_check_reserved(struct unit_ctx *ctx, const union npu_cmd *cmd,
			uint32_t offset, uint32_t size)
{
	uint32_t i;

	for (i = offset; i < offset + size; i++)
		if (cmd->bytes[i])
			return unit_fault(ctx, NPU_FAULT_RESERVED, i, 0);
	return 0;
}

uint64_t unit_extent_end(const struct unit_extent *extent)
{
	uint64_t end = (uint64_t)extent->addr + extent->run;
	uint32_t i;

	for (i = 0; i < 3; i++)
		end += (uint64_t)(extent->n[i] - 1) * extent->stride[i];
	return end;
}

static uint64_t first_beyond(uint64_t start, uint64_t size)
{
	return start > size ? start : size;
}

/* In [0, @limit) of SRAM addresses, whole. */
static int access_add(struct unit_ctx *ctx, struct unit_range *list,
		      uint32_t *count, const struct unit_extent *extent,
		      uint32_t limit)
{
	uint64_t end = unit_extent_end(extent);

	if (end > limit)
		return unit_fault(ctx, NPU_FAULT_SRAM, 0,
				  first_beyond(extent->addr, limit));
	list[(*count)++] = (struct unit_range){ extent->addr, end };
	return 0;
}

int unit_access_read(struct unit_ctx *ctx, struct unit_access *access,
		     const struct unit_extent *extent)
{
	return access_add(ctx, access->reads, &access->read_count, extent,
			  ctx->sram_size);
}

int unit_access_write(struct unit_ctx *ctx, struct unit_access *access,
		      const struct unit_extent *extent)
{
	return access_add(ctx, access->writes, &access->write_count, extent,
			  ctx->sram_size);
}

/* Where the memory that the extent begins in ends. */
static uint32_t weights_limit(const struct unit_ctx *ctx,
			      const struct unit_extent *extent)
{
	return extent->addr < NPU_WEIGHT_BASE ?
		       ctx->sram_size : NPU_WEIGHT_BASE + ctx->buffer_size;
}

int unit_access_read_weights(struct unit_ctx *ctx, struct unit_access *access,
			     const struct unit_extent *extent)
{
	access->has_weights = true;
	return access_add(ctx, access->reads, &access->read_count, extent,
			  weights_limit(ctx, extent));
}

int unit_access_write_weights(struct unit_ctx *ctx, struct unit_access *access,
			      const struct unit_extent *extent)
{
	return access_add(ctx, access->writes, &access->write_count, extent,
			  weights_limit(ctx, extent));
}

uint32_t unit_place(const struct unit_ctx *ctx, uint32_t addr)
{
	return addr < NPU_WEIGHT_BASE ?
		       addr : ctx->sram_size + (addr - NPU_WEIGHT_BASE);
}

struct unit_extent unit_extent_surface(const struct npu_surface *surface,
				       uint32_t height, uint32_t width,
				       uint32_t channels)
{
	return (struct unit_extent){
		.addr = surface->addr,
		.run = channels,
		.n = { width, height, 1 },
		.stride = { surface->pixel_pitch, surface->row_pitch, 0 },
	};
}

int unit_check_region(struct unit_ctx *ctx, uint8_t region, uint64_t offset,
		      uint64_t size)
{
	const struct npu_region *r;

	if (region >= ctx->region_count)
		return unit_fault(ctx, NPU_FAULT_REGION, region, 0);
	r = &ctx->regions[region];
	if (offset > r->size || size > r->size - offset)
		return unit_fault(ctx, NPU_FAULT_REGION, region,
				  first_beyond(offset, r->size));
	return 0;
}

int unit_region_read(struct unit_ctx *ctx, uint8_t region, uint64_t offset,
		     void *buffer, uint32_t size)
{
	if (unit_check_region(ctx, region, offset, size))
		return -1;
	return ctx->memory(ctx->opaque, ctx->regions[region].base + offset,
			   buffer, size, false, &ctx->fault);
}

int unit_region_write(struct unit_ctx *ctx, uint8_t region, uint64_t offset,
		      const void *buffer, uint32_t size)
{
	if (unit_check_region(ctx, region, offset, size))
		return -1;
	return ctx->memory(ctx->opaque, ctx->regions[region].base + offset,
			   (void *)buffer, size, true, &ctx->fault);
}

bool unit_extents_overlap(const struct unit_extent *a,
			  const struct unit_extent *b)
{
	return a->addr < unit_extent_end(b) && b->addr < unit_extent_end(a);
}
