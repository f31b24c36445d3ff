// SPDX-License-Identifier: MIT
/*
 * The MAC unit: checks of CONV and DWCONV, and what both need to execute. The
 * machine (job.c) calls npu_mac_check() and npu_mac_execute().
 */
#include "mac.h"

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
	OPERAND_RANGE(npu_cmd_conv, act_min, INT8_MIN, INT8_MAX),
	OPERAND_RANGE(npu_cmd_conv, act_max, INT8_MIN, INT8_MAX),
};

static int check_fields(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct npu_cmd_conv *conv = &cmd->conv;
	bool is_dw = conv->hdr.op == NPU_OP_DWCONV;

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_conv, second) ||
	    UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_conv, format))
		return -1;
	if (conv->weights % 4)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_conv, weights);
	if (operands_check_ranges(ctx, cmd, conv_ranges,
				  OPERAND_ARRAY_SIZE(conv_ranges)))
		return -1;
	if (is_dw != (conv->multiplier > 0))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_conv, multiplier);
	if (is_dw && conv->ofm_c != conv->ifm_c * conv->multiplier)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_conv, ofm_c);
	if (operands_check_clamp(ctx, conv->act_min, conv->act_max,
				 OFFSET(act_max)))
		return -1;
	return operands_check_output(ctx, &conv->ofm, OFFSET(ofm), conv->ofm_h,
				     conv->ofm_w, conv->ofm_c);
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
	struct unit_extent ifm, ofm, weights;

	if (cmd->hdr.op != NPU_OP_CONV && cmd->hdr.op != NPU_OP_DWCONV)
		return unit_fault(ctx, NPU_FAULT_OPCODE, cmd->hdr.op, 0);
	if (check_fields(ctx, cmd) ||
	    operands_check_work(ctx, NPU_MAX_CMD_MACS, macs,
				OPERAND_ARRAY_SIZE(macs)))
		return -1;
	ifm = unit_extent_surface(&conv->ifm, conv->ifm_h, conv->ifm_w,
				  conv->ifm_c);
	ofm = unit_extent_surface(&conv->ofm, conv->ofm_h, conv->ofm_w,
				  conv->ofm_c);
	/* The limit on work keeps the block's size below 2^31. */
	weights = (struct unit_extent){
		.addr = conv->weights,
		.run = (uint32_t)npu_conv_block_size(conv),
		.n = { 1, 1, 1 },
	};
	if (unit_access_read(ctx, access, &ifm) ||
	    unit_access_write(ctx, access, &ofm) ||
	    unit_access_read(ctx, access, &weights) ||
	    operands_check_overlap(ctx, &ifm, OFFSET(ifm), &ofm))
		return -1;
	return operands_check_overlap(ctx, &weights, OFFSET(weights), &ofm);
}

int npu_mac_execute(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct kernels *kernels = npu_kernels_best();

	if (cmd->hdr.op == NPU_OP_DWCONV)
		mac_dwconv(ctx->sram, ctx->sram_size, &cmd->conv, kernels);
	else
		mac_conv(ctx->sram, &cmd->conv, kernels);
	return 0;
}

void mac_output_load(struct mac_output *output, const uint8_t *sram,
		     const struct npu_cmd_conv *cmd, uint32_t first,
		     uint32_t count)
{
	const uint8_t *block = sram + cmd->weights;
	const uint8_t *bias = block + 4 * first;
	const uint8_t *mult = bias + 4 * cmd->ofm_c;
	const int8_t *shift = (const int8_t *)block +
			      npu_conv_shift_offset(cmd->format, cmd->ofm_c) + first;
	uint32_t c;

	for (c = 0; c < count || c % KERNEL_BLOCK; c++) {
		struct fixed_scale scale = { 0 };
		uint32_t word;

		output->bias[c] = 0;
		if (c < count) {
			memcpy(&output->bias[c], bias + 4 * c, sizeof(word));
			memcpy(&word, mult + 4 * c, sizeof(word));
			scale = fixed_scale(word, shift[c]);
		}
		output->mult[c] = scale.mult;
		output->left[c] = scale.left;
		output->right[c] = scale.right;
	}
	output->stage = (struct kernel_output){
		.offset = output->bias,
		.mult = output->mult,
		.left = output->left,
		.right = output->right,
		.out_step = cmd->ofm.pixel_pitch,
		.channels = count,
		.zero = cmd->ofm_zp,
		.min = (int16_t)cmd->act_min,
		.max = (int16_t)cmd->act_max,
	};
}
