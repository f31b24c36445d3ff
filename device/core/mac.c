// SPDX-License-Identifier: MIT
/*
 * The MAC unit: checks of CONV and DWCONV, and the way to what executes them.
 * The machine (job.c) calls npu_mac_check() and npu_mac_execute().
 */
#include "mac.h"

#include "dma_memo.h"
#include "operands.h"

#define OFFSET(member) __builtin_offsetof(struct npu_cmd_conv, member)

static const struct operand_range conv_ranges[] = {
	OPERAND_RANGE(npu_cmd_conv, ifm_h, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_conv, ifm_w, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_conv, ifm_c, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_conv, ofm_h, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_conv, ofm_w, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_conv, ofm_c, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_conv, kernel_h, 1, UINT8_MAX),
	OPERAND_RANGE(npu_cmd_conv, kernel_w, 1, UINT8_MAX),
	OPERAND_RANGE(npu_cmd_conv, stride_y, 1, UINT8_MAX),
	OPERAND_RANGE(npu_cmd_conv, stride_x, 1, UINT8_MAX),
	OPERAND_RANGE(npu_cmd_conv, dilation_y, 1, UINT8_MAX),
	OPERAND_RANGE(npu_cmd_conv, dilation_x, 1, UINT8_MAX),
};

static const struct operand_range int32_ranges[] = {
	OPERAND_RANGE(npu_cmd_conv, ofm_zp, 0, 0),
	OPERAND_RANGE(npu_cmd_conv, act_min, 0, 0),
	OPERAND_RANGE(npu_cmd_conv, act_max, 0, 0),
};

static const struct operand_range int8_ranges[] = {
	OPERAND_RANGE(npu_cmd_conv, act_min, INT8_MIN, INT8_MAX),
	OPERAND_RANGE(npu_cmd_conv, act_max, INT8_MIN, INT8_MAX),
};

/* Elements of @size bytes; see struct npu_surface. */
static int check_aligned(struct unit_ctx *ctx,
			 const struct npu_surface *surface, uint32_t offset,
			 uint32_t size)
{
	if (surface->addr % size)
		return unit_fault_field(ctx, offset);
	if (surface->row_pitch % size)
		return unit_fault_field(ctx, offset +
			__builtin_offsetof(struct npu_surface, row_pitch));
	if (surface->pixel_pitch % size)
		return unit_fault_field(ctx, offset +
			__builtin_offsetof(struct npu_surface, pixel_pitch));
	return 0;
}

/* Elements of two bytes, without a zero point. */
static int check_int16(struct unit_ctx *ctx, const struct npu_surface *surface,
		       uint32_t offset, int8_t zero, uint32_t zero_offset)
{
	if (check_aligned(ctx, surface, offset, 2))
		return -1;
	return zero ? unit_fault_field(ctx, zero_offset) : 0;
}

static int check_format(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct npu_cmd_conv *conv = &cmd->conv;
	uint8_t format = conv->format;

	if ((format & NPU_CONV_WIDE) &&
	    (format & (NPU_CONV_IFM16 | NPU_CONV_FLOAT)) != NPU_CONV_IFM16)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_conv, format);
	if ((format & NPU_CONV_OFM32) &&
	    (format & (NPU_CONV_OFM16 | NPU_CONV_FLOAT | NPU_CONV_WIDE)))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_conv, format);
	if ((format & NPU_CONV_ADD) &&
	    (format & (NPU_CONV_IFM16 | NPU_CONV_OFM16 | NPU_CONV_OFM32)))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_conv, format);
	if ((format & NPU_CONV_IFM16) &&
	    check_int16(ctx, &conv->ifm, OFFSET(ifm), conv->ifm_zp,
			OFFSET(ifm_zp)))
		return -1;
	if (format & NPU_CONV_OFM16)
		return check_int16(ctx, &conv->ofm, OFFSET(ofm), conv->ofm_zp,
				   OFFSET(ofm_zp));
	if (format & NPU_CONV_OFM32)
		return check_aligned(ctx, &conv->ofm, OFFSET(ofm), 4) ||
		       operands_check_ranges(ctx, cmd, int32_ranges,
					OPERAND_ARRAY_SIZE(int32_ranges)) ?
			       -1 : 0;
	return operands_check_ranges(ctx, cmd, int8_ranges,
				     OPERAND_ARRAY_SIZE(int8_ranges));
}

/* Of a pixel. */
static uint32_t ifm_bytes(const struct npu_cmd_conv *conv)
{
	return conv->format & NPU_CONV_IFM16 ? 2 * conv->ifm_c : conv->ifm_c;
}

static uint32_t ofm_bytes(const struct npu_cmd_conv *conv)
{
	return npu_conv_ofm_size(conv->format) * conv->ofm_c;
}

static int check_fields(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct npu_cmd_conv *conv = &cmd->conv;
	bool is_dw = conv->hdr.op == NPU_OP_DWCONV;

	if (!(conv->format & NPU_CONV_ADD) &&
	    UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_conv, second))
		return -1;
	if (conv->format & ~NPU_CONV_FORMATS)
		return unit_fault(ctx, NPU_FAULT_RESERVED, OFFSET(format), 0);
	if (conv->weights % 4)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_conv, weights);
	if (operands_check_ranges(ctx, cmd, conv_ranges,
				  OPERAND_ARRAY_SIZE(conv_ranges)) ||
	    check_format(ctx, cmd))
		return -1;
	if (is_dw != (conv->multiplier > 0))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_conv, multiplier);
	if (is_dw && conv->ofm_c != conv->ifm_c * conv->multiplier)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_conv, ofm_c);
	if (operands_check_clamp(ctx, conv->act_min, conv->act_max,
				 OFFSET(act_max)))
		return -1;
	return operands_check_output(ctx, &conv->ofm, OFFSET(ofm), conv->ofm_h,
				     conv->ofm_w, ofm_bytes(conv));
}

/* What is written may be what is added, but nothing else that is read. */
static int check_overlaps(struct unit_ctx *ctx, const struct npu_cmd_conv *conv,
			  const struct unit_extent *ifm,
			  const struct unit_extent *second,
			  const struct unit_extent *weights,
			  const struct unit_extent *ofm)
{
	if (operands_check_overlap(ctx, ifm, OFFSET(ifm), ofm) ||
	    ((conv->format & NPU_CONV_ADD) &&
	     operands_check_in_place(ctx, &conv->second, second, OFFSET(second),
				     &conv->ofm, ofm)))
		return -1;
	return operands_check_overlap(ctx, weights, OFFSET(weights), ofm);
}

int npu_mac_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		  struct unit_access *access)
{
	const struct npu_cmd_conv *conv = &cmd->conv;
	const uint32_t macs[] = {
		conv->ofm_h, conv->ofm_w, conv->ofm_c,
		conv->kernel_h, conv->kernel_w,
		conv->hdr.op == NPU_OP_DWCONV ? 1 : conv->ifm_c,
	};
	struct unit_extent ifm, ofm, second, weights;

	if (cmd->hdr.op != NPU_OP_CONV && cmd->hdr.op != NPU_OP_DWCONV)
		return unit_fault(ctx, NPU_FAULT_OPCODE, cmd->hdr.op, 0);
	if (check_fields(ctx, cmd) ||
	    operands_check_work(ctx, NPU_MAX_CMD_MACS, macs,
				OPERAND_ARRAY_SIZE(macs)))
		return -1;
	ifm = unit_extent_surface(&conv->ifm, conv->ifm_h, conv->ifm_w,
				  ifm_bytes(conv));
	ofm = unit_extent_surface(&conv->ofm, conv->ofm_h, conv->ofm_w,
				  ofm_bytes(conv));
	second = unit_extent_surface(&conv->second, conv->ofm_h, conv->ofm_w,
				     conv->ofm_c);
	/* The limit on work keeps the block's size below 2^31. */
	weights = (struct unit_extent){
		.addr = conv->weights,
		.run = (uint32_t)npu_conv_block_size(conv),
		.n = { 1, 1, 1 },
	};
	if (unit_access_read(ctx, access, &ifm) ||
	    unit_access_write(ctx, access, &ofm) ||
	    ((conv->format & NPU_CONV_ADD) &&
	     unit_access_read(ctx, access, &second)) ||
	    unit_access_read_weights(ctx, access, &weights))
		return -1;
	return check_overlaps(ctx, conv, &ifm, &second, &weights, &ofm);
}

int npu_mac_execute(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct kernels *kernels = npu_kernels_best();
	const struct npu_cmd_conv *conv = &cmd->conv;
	const uint8_t *block = dma_memo_place(ctx, &(struct unit_range){
		.low = conv->weights,
		.high = conv->weights + (uint32_t)npu_conv_block_size(conv),
	});

	if (conv->format & NPU_CONV_IFM16)
		mac_conv16(ctx->sram, block, conv, kernels);
	else if (conv->hdr.op == NPU_OP_DWCONV)
		mac_dwconv(ctx->sram, ctx->sram_size, block, conv, kernels);
	else
		mac_conv(ctx->sram, block, conv, kernels);
	return 0;
}
