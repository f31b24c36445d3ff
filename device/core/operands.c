// SPDX-License-Identifier: MIT
/*
 * Checks that the commands of several units have in common; see operands.h.
 */
#include "operands.h"

#include <string.h>

static int64_t field_value(const union npu_cmd *cmd,
			   const struct operand_range *range)
{
	uint32_t value = 0;

	memcpy(&value, cmd->bytes + range->offset, range->size);
	if (!range->is_signed)
		return value;
	switch (range->size) {
	case 1:
		return (int8_t)value;
	case 2:
		return (int16_t)value;
	default:
		return (int32_t)value;
	}
}

int operands_check_ranges(struct unit_ctx *ctx, const union npu_cmd *cmd,
			  const struct operand_range *ranges, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		int64_t value = field_value(cmd, &ranges[i]);

		if (value < ranges[i].min || value > ranges[i].max)
			return unit_fault_field(ctx, ranges[i].offset);
	}
	return 0;
}

int operands_check_work(struct unit_ctx *ctx, uint64_t limit,
			const uint32_t *factors, uint32_t count)
{
	uint64_t work = 1;
	uint32_t i;

	for (i = 0; i < count; i++) {
		work *= factors[i];
		if (work > limit)
			return unit_fault(ctx, NPU_FAULT_WORK, 0, 0);
	}
	return 0;
}

int operands_check_clamp(struct unit_ctx *ctx, npu_le16 min, npu_le16 max,
			 uint32_t max_offset)
{
	return (int16_t)min > (int16_t)max ? unit_fault_field(ctx, max_offset) :
					     0;
}

int operands_check_output(struct unit_ctx *ctx,
			  const struct npu_surface *surface, uint32_t offset,
			  uint32_t height, uint32_t width, uint32_t channels)
{
	uint64_t row = (uint64_t)(width - 1) * surface->pixel_pitch + channels;

	if (width > 1 && surface->pixel_pitch < channels)
		return unit_fault_field(ctx, offset +
			__builtin_offsetof(struct npu_surface, pixel_pitch));
	if (height > 1 && surface->row_pitch < row)
		return unit_fault_field(ctx, offset +
			__builtin_offsetof(struct npu_surface, row_pitch));
	return 0;
}

int operands_check_in_place(struct unit_ctx *ctx,
			    const struct npu_surface *input,
			    const struct unit_extent *extent, uint32_t offset,
			    const struct npu_surface *output,
			    const struct unit_extent *output_extent)
{
	if (!memcmp(input, output, sizeof(*input)))
		return 0;
	return operands_check_overlap(ctx, extent, offset, output_extent);
}

int operands_check_overlap(struct unit_ctx *ctx,
			   const struct unit_extent *input, uint32_t offset,
			   const struct unit_extent *output)
{
	if (!unit_extents_overlap(input, output))
		return 0;
	return unit_fault(ctx, NPU_FAULT_OVERLAP, offset, input->addr);
}
