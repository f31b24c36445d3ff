// SPDX-License-Identifier: MIT
/*
 * A layer as people write it down who want nothing but the result, a loop for each
 * index, and as compilers make it at -O3: what loops for no kind of processor have to
 * be measured by. Inputs and results are where kernels_bench.c has them; weights are
 * laid out as the loops go.
 */
#include "plain.h"

#include "fixed_point.h"

static int8_t result(const struct npu_cmd_conv *cmd, int32_t sum,
		     const struct fixed_scale *scale)
{
	return fixed_clamp(fixed_add(fixed_rescale(sum, scale), cmd->ofm_zp),
			   (int16_t)cmd->act_min, (int16_t)cmd->act_max);
}

static bool is_inside(const struct npu_cmd_conv *cmd, int y, int x)
{
	return y >= 0 && y < cmd->ifm_h && x >= 0 && x < cmd->ifm_w;
}

static int32_t sum_of(const int8_t *sram, const struct npu_cmd_conv *cmd,
		      const int8_t *weights, int out_y, int out_x, int channel)
{
	int32_t sum = 0;
	int ky, kx, c;

	for (ky = 0; ky < cmd->kernel_h; ky++) {
		for (kx = 0; kx < cmd->kernel_w; kx++) {
			int y = out_y * cmd->stride_y + ky - cmd->pad_top;
			int x = out_x * cmd->stride_x + kx - cmd->pad_left;
			const int8_t *in = sram + cmd->ifm.addr +
					   y * (int)cmd->ifm.row_pitch +
					   x * (int)cmd->ifm.pixel_pitch;
			const int8_t *w = weights +
					  ((channel * cmd->kernel_h + ky) *
						   cmd->kernel_w + kx) *
						  cmd->ifm_c;

			if (!is_inside(cmd, y, x))
				continue;
			for (c = 0; c < cmd->ifm_c; c++)
				sum += w[c] * (in[c] - cmd->ifm_zp);
		}
	}
	return sum;
}

static int32_t depthwise_sum_of(const int8_t *sram,
				const struct npu_cmd_conv *cmd,
				const int8_t *weights, int out_y, int out_x,
				int channel)
{
	int32_t sum = 0;
	int ky, kx;

	for (ky = 0; ky < cmd->kernel_h; ky++) {
		for (kx = 0; kx < cmd->kernel_w; kx++) {
			int y = out_y * cmd->stride_y + ky - cmd->pad_top;
			int x = out_x * cmd->stride_x + kx - cmd->pad_left;

			if (!is_inside(cmd, y, x))
				continue;
			sum += weights[(ky * cmd->kernel_w + kx) * cmd->ofm_c +
				       channel] *
			       (sram[cmd->ifm.addr +
				     y * (int)cmd->ifm.row_pitch +
				     x * (int)cmd->ifm.pixel_pitch + channel] -
				cmd->ifm_zp);
		}
	}
	return sum;
}

void plain_layer(uint8_t *sram, const struct npu_cmd_conv *cmd)
{
	const int8_t *in = (const int8_t *)sram;
	const int8_t *weights = in + cmd->weights;
	const struct fixed_scale scale = fixed_scale(0x5a000000, -7);
	bool is_dw = cmd->hdr.op == NPU_OP_DWCONV;
	int y, x, c;

	for (y = 0; y < cmd->ofm_h; y++) {
		for (x = 0; x < cmd->ofm_w; x++) {
			int8_t *out = (int8_t *)sram + cmd->ofm.addr +
				      y * cmd->ofm.row_pitch +
				      x * cmd->ofm.pixel_pitch;

			for (c = 0; c < cmd->ofm_c; c++)
				out[c] = result(cmd, is_dw ?
					depthwise_sum_of(in, cmd, weights, y,
							 x, c) :
					sum_of(in, cmd, weights, y, x, c),
					&scale);
		}
	}
}
