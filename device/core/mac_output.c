// SPDX-License-Identifier: MIT
/*
 * The MAC unit's output stage: reads a command's factors from its weight block,
 * and turns sums into results. int8 results, by far the most frequent, are left
 * to the loops for the host; the other formats are here in plain C, sixteen
 * channels at a time. Called by conv.c, dwconv.c, conv16.c.
 */
#include "mac.h"

#include "kernels/generic.h"

/* What only some formats have; the block's mult is read as both. */
static void load_format(struct mac_output *output, const uint8_t *block,
			const struct npu_cmd_conv *cmd, uint32_t first,
			uint32_t count)
{
	uint8_t format = cmd->format;
	const uint8_t *mult = block + npu_conv_mult_offset(format, cmd->ofm_c);
	const uint8_t *zero = block + npu_conv_zero_offset(format, cmd->ofm_c);
	uint32_t c;

	memset(output->zero, 0, sizeof(output->zero));
	memset(output->factor, 0, sizeof(output->factor));
	memset(output->wide_bias, 0, sizeof(output->wide_bias));
	memcpy(output->factor, mult + 4 * first, 4 * count);
	if (format & NPU_CONV_WIDE)
		memcpy(output->wide_bias, block + 8 * first, 8 * count);
	for (c = 0; c < count && (format & NPU_CONV_WEIGHT_ZP); c++)
		output->zero[c] = (int8_t)zero[first + c];
}

void mac_output_load(struct mac_output *output, const uint8_t *block,
		     const struct npu_cmd_conv *cmd, uint32_t first,
		     uint32_t count)
{
	const uint8_t *mult = block + 4 * first +
			      npu_conv_mult_offset(cmd->format, cmd->ofm_c);
	const int8_t *shift = (const int8_t *)block + first +
			      npu_conv_shift_offset(cmd->format, cmd->ofm_c);
	uint32_t c;

	memcpy(output->bias, block + 4 * first, 4 * count);
	memcpy(output->mult, mult, 4 * count);
	for (c = 0; c < count; c++) {
		struct fixed_scale scale = fixed_scale(output->mult[c],
						       shift[c]);

		output->mult[c] = scale.mult;
		output->left[c] = scale.left;
		output->right[c] = scale.right;
	}
	for (; c % KERNEL_BLOCK; c++) {
		output->bias[c] = output->mult[c] = output->left[c] = 0;
		output->right[c] = 1;
	}
	output->format = cmd->format;
	if (cmd->format)
		load_format(output, block, cmd, first, count);
	output->stage = (struct kernel_output){
		.offset = output->bias,
		.factor = cmd->format & NPU_CONV_FLOAT ? output->factor : NULL,
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

static int32_t clamp(const struct kernel_output *stage, int32_t x)
{
	x = fixed_add(x, stage->zero);
	x = x > stage->min ? x : stage->min;
	return x < stage->max ? x : stage->max;
}

static void wide_block(const struct mac_output *o, const int64_t *sums,
		       uint32_t c, int32_t *results)
{
	uint32_t i;

	for (i = 0; i < KERNEL_BLOCK; i++) {
		int32_t mult = o->mult[c + i];
		int32_t reduced = mult < 0x7fff0000 ? (mult + (1 << 15)) >> 16 :
						      0x7fff;
		int32_t left = o->left[c + i] > 7 ? 7 : o->left[c + i];
		int32_t right = 15 - left + o->right[c + i];
		uint64_t sum = (uint64_t)sums[i] + (uint64_t)o->wide_bias[c + i];

		sum = sum * (uint64_t)reduced + (1ull << (right - 1));
		results[i] = clamp(&o->stage, (int32_t)((int64_t)sum >> right));
	}
}

/* The first @n of a block's results, from channel @c on. */
static void store(const struct mac_output *o, uint8_t *out, uint32_t c,
		  const int32_t *results, uint32_t n)
{
	int8_t bytes[KERNEL_BLOCK];
	int16_t words[KERNEL_BLOCK];
	uint32_t i;

	for (i = 0; i < KERNEL_BLOCK; i++) {
		bytes[i] = (int8_t)results[i];
		words[i] = (int16_t)results[i];
	}
	if (o->format & NPU_CONV_OFM32)
		memcpy(out + 4 * c, results, 4 * n);
	else if (o->format & NPU_CONV_OFM16)
		memcpy(out + 2 * c, words, 2 * n);
	else
		memcpy(out + c, bytes, n);
}

static uint32_t block_channels(const struct mac_output *o, uint32_t c)
{
	return least(o->stage.channels - c, KERNEL_BLOCK);
}

void mac_output_put(const struct mac_output *output,
		    const struct kernel_output *stage,
		    const struct kernels *kernels)
{
	const int32_t *sums = stage->sums;
	uint8_t *out = (uint8_t *)stage->out;
	int32_t results[KERNEL_BLOCK];
	uint32_t p, c;

	if (!(output->format & (NPU_CONV_OFM32 | NPU_CONV_OFM16))) {
		kernels->output(stage);
		return;
	}
	for (p = 0; p < stage->pixels; p++) {
		for (c = 0; c < stage->channels; c += KERNEL_BLOCK) {
			if (output->format & NPU_CONV_OFM32)
				generic_output_sums(results, sums, stage, p, c);
			else
				generic_results(results, sums, stage, p, c);
			store(output, out, c, results,
			      block_channels(output, c));
		}
		sums += stage->sum_pitch;
		out += stage->out_step;
	}
}

void mac_output_put_wide(const struct mac_output *output, const int64_t *sums,
			 uint8_t *out)
{
	int32_t results[KERNEL_BLOCK];
	uint32_t c;

	for (c = 0; c < output->stage.channels; c += KERNEL_BLOCK) {
		wide_block(output, sums + c, c, results);
		store(output, out, c, results, block_channels(output, c));
	}
}
