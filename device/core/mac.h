/* SPDX-License-Identifier: MIT */
/*
 * The parts of the MAC unit: convolution and depthwise convolution, both of int16
 * inputs, and the output stage of all, each for a command that npu_mac_check()
 * has passed, with the loops to use. Called by mac.c; tests and benchmarks
 * choose the loops themselves.
 */
#ifndef NPU_MAC_H
#define NPU_MAC_H

#include "binary.h"
#include "fixed_point.h"
#include "kernels/kernels.h"
#include "operands.h"

#include <npu/isa.h>

#include <string.h>

/* Output channels that are worked on at a time: whole blocks of 16. */
#define MAC_CHANNELS 128

/* Results that are added to at a time; at least MAC_CHANNELS. */
#define MAC_SUMMANDS 1024

/* @block: the command's weight block, wherever the machine has it */
void mac_conv(uint8_t *sram, const uint8_t *block,
	      const struct npu_cmd_conv *cmd, const struct kernels *kernels);
void mac_dwconv(uint8_t *sram, uint32_t sram_size, const uint8_t *block,
		const struct npu_cmd_conv *cmd, const struct kernels *kernels);
/* Channels from @first on, a multiple of 16: how many it has done, or 0. */
uint32_t mac_dwconv_wide(uint8_t *sram, const uint8_t *block,
			 const struct npu_cmd_conv *cmd,
			 const struct kernels *kernels, uint32_t first);
/* Either command, with NPU_CONV_IFM16. */
void mac_conv16(uint8_t *sram, const uint8_t *block,
		const struct npu_cmd_conv *cmd, const struct kernels *kernels);

/*
 * The output stage for @count channels from @first on, read from a command's
 * weight block. What lies behind @count is set, too, to something harmless.
 * Where sums come from and results go is left to the caller.
 */
struct mac_output {
	struct kernel_output stage;
	int32_t bias[MAC_CHANNELS];
	int32_t mult[MAC_CHANNELS];
	int32_t left[MAC_CHANNELS];
	int32_t right[MAC_CHANNELS];
	uint8_t format; /* what follows is set if not 0 */
	int32_t zero[MAC_CHANNELS]; /* of the weights */
	float factor[MAC_CHANNELS]; /* instead of mult, left, right */
	int64_t wide_bias[MAC_CHANNELS]; /* instead of bias */
	/* With NPU_CONV_ADD: */
	struct binary addition;
	int8_t summands[MAC_SUMMANDS];
};

void mac_output_load(struct mac_output *output, const uint8_t *block,
		     const struct npu_cmd_conv *cmd, uint32_t first,
		     uint32_t count);

/* Likewise what NPU_CONV_ADD has, if the command has it. */
void mac_output_load_addition(struct mac_output *output, const uint8_t *block,
			      const struct npu_cmd_conv *cmd,
			      const struct kernels *kernels);

/*
 * Results of int32 sums. @stage: output->stage with sums, pixels and out set; @second:
 * what is added to the first of them, if anything
 */
void mac_output_put(struct mac_output *output,
		    const struct kernel_output *stage, const uint8_t *second,
		    const struct kernels *kernels);

/* Where the second operand of a result is. */
static inline const uint8_t *mac_second(const uint8_t *sram,
					const struct npu_cmd_conv *cmd,
					uint32_t y, uint32_t x,
					uint32_t channel)
{
	return sram + operands_pixel(&cmd->second, y, x) + channel;
}

/* Results of one pixel with NPU_CONV_WIDE. */
void mac_output_put_wide(const struct mac_output *output, const int64_t *sums,
			 uint8_t *out);

/* Taps [first, end) of a window's row or column that lie inside the input. */
struct mac_taps {
	uint32_t first;
	uint32_t end;
};

static inline uint32_t mac_div_up(uint32_t a, uint32_t b)
{
	return b == 1 ? a : (a + b - 1) / b;
}

static inline uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* @origin: where tap 0 lies, possibly before the input; @size: of the input */
static inline struct mac_taps mac_taps_inside(int32_t origin, uint32_t kernel,
					      uint32_t dilation, uint32_t size)
{
	uint32_t first = 0, end = 0;

	if (origin < 0)
		first = mac_div_up(-origin, dilation);
	if (origin < (int32_t)size)
		end = least(mac_div_up(size - origin, dilation), kernel);
	return (struct mac_taps){ .first = least(first, end), .end = end };
}

/* Where a window begins in the input, and which of its taps are inside. */
struct mac_window {
	int32_t y, x;
	struct mac_taps rows, taps;
};

static inline struct mac_window mac_window(const struct npu_cmd_conv *cmd,
					   uint32_t y, uint32_t x)
{
	struct mac_window w = {
		.y = (int32_t)(y * cmd->stride_y) - cmd->pad_top,
		.x = (int32_t)(x * cmd->stride_x) - cmd->pad_left,
	};

	w.rows = mac_taps_inside(w.y, cmd->kernel_h, cmd->dilation_y,
				 cmd->ifm_h);
	w.taps = mac_taps_inside(w.x, cmd->kernel_w, cmd->dilation_x,
				 cmd->ifm_w);
	return w;
}

#endif
