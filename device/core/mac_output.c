// SPDX-License-Identifier: MIT
/*
 * The MAC unit's output stage: reads a command's factors from its weight block,
 * and turns sums into results. int8 results, by far the most frequent, are left
 * to the loops for the host; the other formats are here in plain C, sixteen
 * channels at a time. What is added to results is so by the VEC unit's arithmetic.
 * Called by conv.c, dwconv.c, conv16.c.
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

/* Any bytes of a block are a valid command: see the manual. */
static struct npu_cmd_binary addition(const struct npu_conv_add *add,
				      const struct npu_cmd_conv *cmd)
{
	return (struct npu_cmd_binary){
		.hdr.op = NPU_OP_ADD,
		.b = cmd->second,
		.ofm = cmd->ofm,
		.height = 1,
		.a_zp = cmd->ofm_zp,
		.b_zp = add->b_zp,
		.ofm_zp = add->ofm_zp,
		.left_shift = least(add->left_shift, BINARY_MAX_LEFT_SHIFT),
		.a_mult = add->a_mult,
		.b_mult = add->b_mult,
		.ofm_mult = add->ofm_mult,
		.a_shift = add->a_shift,
		.b_shift = add->b_shift,
		.ofm_shift = add->ofm_shift,
		.act_min = (npu_le16)add->act_min,
		.act_max = (npu_le16)(add->act_max < add->act_min ?
					      add->act_min : add->act_max),
	};
}

void mac_output_load_addition(struct mac_output *output, const uint8_t *block,
			      const struct npu_cmd_conv *cmd,
			      const struct kernels *kernels)
{
	uint32_t channels = output->stage.channels;
	struct npu_cmd_binary binary;
	struct npu_conv_add add;

	if (!(cmd->format & NPU_CONV_ADD))
		return;
	memcpy(&add, block + npu_conv_add_offset(cmd->format, cmd->ofm_c),
	       sizeof(add));
	binary = addition(&add, cmd);
	binary.channels = (npu_le16)channels;
	binary.a.pixel_pitch = (npu_le16)channels;
	binary_make(&output->addition, &binary, kernels);
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

/* So many pixels at a time as there is room for what is added to. */
static void put_added(struct mac_output *output,
		      const struct kernel_output *stage, const uint8_t *second,
		      const struct kernels *kernels)
{
	struct npu_cmd_binary *cmd = &output->addition.cmd;
	struct kernel_output part = *stage;
	uint8_t *out = (uint8_t *)stage->out;
	uint32_t done;

	part.out = output->summands;
	part.out_step = stage->channels;
	part.pixels = MAC_SUMMANDS / stage->channels;
	for (done = 0; done < stage->pixels; done += part.pixels) {
		part.pixels = least(part.pixels, stage->pixels - done);
		kernels->output(&part);
		cmd->width = (npu_le16)part.pixels;
		binary_row(&output->addition, (uint8_t *)output->summands,
			   second + done * cmd->b.pixel_pitch,
			   out + done * cmd->ofm.pixel_pitch);
		part.sums += part.pixels * part.sum_pitch;
		if (part.cells)
			part.cells += part.pixels;
	}
}

void mac_output_put(struct mac_output *output,
		    const struct kernel_output *stage, const uint8_t *second,
		    const struct kernels *kernels)
{
	const int32_t *sums = stage->sums;
	uint8_t *out = (uint8_t *)stage->out;
	int32_t results[KERNEL_BLOCK];
	uint32_t p, c;

	if (output->format & NPU_CONV_ADD) {
		put_added(output, stage, second, kernels);
		return;
	}
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
