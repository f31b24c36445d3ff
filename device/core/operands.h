/* SPDX-License-Identifier: MIT */
/*
 * Checks that the commands of several units have in common. Each returns 0, or
 * -1 with the fault filled in. Checks of a command come in this order: reserved
 * fields, fields alone, fields against each other, work, extents, overlaps.
 */
#ifndef NPU_OPERANDS_H
#define NPU_OPERANDS_H

#include "unit.h"

/* One field of a command and the values it may have. */
struct operand_range {
	uint8_t offset;
	uint8_t size; /* bytes */
	bool is_signed;
	int32_t min;
	int64_t max;
};

#define OPERAND_RANGE(layout, member, least, most)                       \
	{                                                                \
		.offset = __builtin_offsetof(struct layout, member),     \
		.size = sizeof(((struct layout *)0)->member),            \
		.is_signed = (least) < 0, .min = (least), .max = (most), \
	}

#define OPERAND_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Fields one by one, in the order of the table. NPU_FAULT_FIELD */
int operands_check_ranges(struct unit_ctx *ctx, const union npu_cmd *cmd,
			  const struct operand_range *ranges, uint32_t count);

/*
 * The product of the factors, at least 1 each, against a limit below 2^32.
 * NPU_FAULT_WORK
 */
int operands_check_work(struct unit_ctx *ctx, uint64_t limit,
			const uint32_t *factors, uint32_t count);

/*
 * The clamping range of an output: within int8 by operands_check_ranges(),
 * here: not empty. NPU_FAULT_FIELD at @max_offset
 */
int operands_check_clamp(struct unit_ctx *ctx, npu_le16 min, npu_le16 max,
			 uint32_t max_offset);

/*
 * An output surface, whose field is at byte @offset of the command: its pixels
 * must not overlap, since the order of writing is not defined.
 * NPU_FAULT_FIELD at the pitch that is too small
 */
int operands_check_output(struct unit_ctx *ctx,
			  const struct npu_surface *surface, uint32_t offset,
			  uint32_t height, uint32_t width, uint32_t channels);

/*
 * An input whose field is at byte @offset must not share a byte with the
 * output. NPU_FAULT_OVERLAP, info: @offset, addr: the input's address
 */
int operands_check_overlap(struct unit_ctx *ctx,
			   const struct unit_extent *input, uint32_t offset,
			   const struct unit_extent *output);

/*
 * Likewise of one that is read before its place is written, element by element: it
 * may be exactly the output's surface.
 */
int operands_check_in_place(struct unit_ctx *ctx,
			    const struct npu_surface *input,
			    const struct unit_extent *extent, uint32_t offset,
			    const struct npu_surface *output,
			    const struct unit_extent *output_extent);

/* Where a pixel of a surface lies in SRAM, from the surface's address on. */
static inline uint32_t operands_pixel(const struct npu_surface *surface,
				      uint32_t y, uint32_t x)
{
	return surface->addr + y * surface->row_pitch +
	       x * surface->pixel_pitch;
}

#endif
