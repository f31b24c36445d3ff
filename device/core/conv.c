// SPDX-License-Identifier: MIT
/*
 * CONV: a matrix product of windows and weights, a few pixels at a time:
 *
 *	for each chunk of output channels
 *		for each area of output pixels
 *			make operands of what lies below it
 *			for each run of pixels
 *				multiply, output stage
 *
 * All buffers are on the stack, below 72 KiB. Cells outside the input are zero
 * points. Operands are cells less the zero point, or, if the loops want them
 * unsigned, plus 128; then sums are greater by (zero point + 128) times those of
 * the weights, which is subtracted with the biases. Where weights have zero
 * points, too, the sum of a window's cells less their zero point, times the
 * weights' zero point, is less.
 *
 * Called by mac.c for commands that passed their checks: each address below is
 * within SRAM, or the block of weights, and depth x channels is at most 2^28.
 */
#include "conv.h"

#include "operands.h"

/* A chunk of channels, and the pixels at work. */
struct work {
	const struct conv *conv;
	uint32_t first, count; /* channels */
	struct mac_output output;
	int32_t cells[CONV_PIXELS]; /* of each pixel the sum of x - zero */
	int32_t sums[CONV_PIXELS * MAC_CHANNELS];
	struct conv_operands operands;
};

static struct kernel_dot work_dot(const struct work *work)
{
	const struct conv *conv = work->conv;
	const struct npu_cmd_conv *cmd = conv->cmd;
	struct kernel_dot dot = {
		.sums = (int32_t *)work->sums,
		.sum_pitch = MAC_CHANNELS,
		.weights = (const int8_t *)conv->block +
			   npu_conv_weight_offset(cmd->format, cmd->ofm_c) +
			   npu_conv_weight_index(cmd->ofm_c, conv->depth,
						 work->first, 0),
		.channels = work->count,
		.depth = conv->padded_depth,
	};

	if (conv->is_spaced) {
		dot.weights = (const int8_t *)work->operands.patches;
		dot.depth = cmd->kernel_h * conv->wide_row;
	}
	return dot;
}

/* What an operand is greater than a cell less the zero point. */
static int32_t operand_excess(const struct conv *conv)
{
	return conv->kernels->is_unsigned ? conv->cmd->ifm_zp + 128 : 0;
}

/*
 * Subtract from the biases what operands are too great: the dot products of a
 * pixel whose operands all are the excess, as those outside the input.
 */
static void subtract_excess(struct work *work)
{
	const struct conv *conv = work->conv;
	uint8_t outside[4 * sizeof(int16_t)];
	const void *window = outside;
	struct kernel_dot dot = work_dot(work);
	uint32_t c;

	if (!operand_excess(conv))
		return;
	memset(outside, conv->outside, sizeof(outside));
	dot.windows = &window;
	dot.pixels = 1;
	dot.row_depth = 4; /* the same ones again and again */
	for (; dot.first < dot.depth; dot.first += 4 * dot.rows) {
		dot.rows = least(dot.depth - dot.first, KERNEL_MAX_DEPTH) / 4;
		conv->kernels->dot(&dot);
	}
	for (c = 0; c < work->count; c++)
		work->output.bias[c] = fixed_sub(work->output.bias[c],
						 work->sums[c]);
}

/* Sums of the pixels from @first of the area on with all channels. */
static void multiply(struct work *work, uint32_t first, uint32_t pixels)
{
	const struct conv *conv = work->conv;
	struct kernel_dot dot = work_dot(work);
	bool has_cells = conv->cmd->format & NPU_CONV_WEIGHT_ZP;
	uint32_t depth = conv->is_spaced ? conv->depth : conv->padded_depth, i;
	int32_t excess = operand_excess(conv) * (int32_t)depth;

	dot.pixels = pixels;
	if (has_cells)
		memset(work->cells, 0, sizeof(work->cells));
	for (; dot.first < dot.depth; dot.first += dot.rows * dot.row_depth) {
		conv_gather(conv, &work->operands, first, &dot);
		conv->kernels->dot(&dot);
		if (!has_cells)
			continue;
		if (conv->is_spaced) {
			struct kernel_dot cells = dot;

			cells.row_depth = conv->row_depth;
			conv->kernels->add_cells(&cells, work->cells);
			continue;
		}
		conv->kernels->add_cells(&dot, work->cells);
	}
	for (i = 0; has_cells && i < pixels; i++)
		work->cells[i] = fixed_sub(work->cells[i], excess);
}

/* Results of these pixels; what lies side by side in the output at once. */
static void put(struct work *work, uint32_t first, uint32_t pixels)
{
	const struct npu_cmd_conv *cmd = work->conv->cmd;
	const struct conv_area *area = &work->operands.area;
	struct kernel_output stage = work->output.stage;
	bool is_dense = area->w == cmd->ofm_w &&
			cmd->ofm.row_pitch == area->w * cmd->ofm.pixel_pitch &&
			cmd->second.row_pitch ==
				area->w * cmd->second.pixel_pitch;
	uint32_t y = first / area->w, x = first % area->w, done;
	uint8_t *out = work->conv->sram +
		       npu_conv_ofm_size(cmd->format) * work->first;

	stage.sum_pitch = MAC_CHANNELS;
	for (done = 0; done < pixels; done += stage.pixels) {
		stage.pixels = pixels - done;
		if (!is_dense)
			stage.pixels = least(area->w - x, stage.pixels);
		stage.sums = work->sums + done * MAC_CHANNELS;
		stage.cells = stage.weight_zero ? work->cells + done : NULL;
		stage.out = (int8_t *)out + operands_pixel(&cmd->ofm,
							   area->y + y,
							   area->x + x);
		mac_output_put(&work->output, &stage,
			       mac_second(work->conv->sram, cmd, area->y + y,
					  area->x + x, work->first),
			       work->conv->kernels);
		x = 0;
		y++;
	}
}

static void compute_area(struct work *work, const struct conv_area *area,
			 bool has_operands)
{
	const struct conv *conv = work->conv;
	uint32_t most = conv_pixels(conv), all = area->h * area->w;
	uint32_t first, count;

	if (conv->has_strip && !has_operands)
		conv_make_strip(conv, &work->operands, area);
	work->operands.area = *area;
	for (first = 0; first < all; first += count) {
		count = least(most, all - first);
		multiply(work, first, count);
		put(work, first, count);
	}
}

static void compute_channels(struct work *work)
{
	const struct conv *conv = work->conv;
	const struct npu_cmd_conv *cmd = conv->cmd;
	bool is_one = conv->area_h == cmd->ofm_h && conv->area_w == cmd->ofm_w;
	struct conv_area area;

	mac_output_load(&work->output, conv->block, cmd, work->first,
			work->count);
	mac_output_load_addition(&work->output, conv->block, cmd, conv->kernels);
	if (cmd->format & NPU_CONV_WEIGHT_ZP)
		work->output.stage.weight_zero = work->output.zero;
	if (conv->is_spaced)
		conv_space_weights(conv, &work->operands, work->first,
				   work->count);
	subtract_excess(work);
	for (area.y = 0; area.y < cmd->ofm_h; area.y += area.h) {
		area.h = least(cmd->ofm_h - area.y, conv->area_h);
		for (area.x = 0; area.x < cmd->ofm_w; area.x += area.w) {
			area.w = least(cmd->ofm_w - area.x, conv->area_w);
			compute_area(work, &area, is_one && work->first);
		}
	}
}

void mac_conv(uint8_t *sram, const uint8_t *block,
	      const struct npu_cmd_conv *cmd, const struct kernels *kernels)
{
	struct conv conv = {
		.cmd = cmd,
		.kernels = kernels,
		.sram = sram,
		.block = block,
		.size = kernels->operand_size,
		.outside = kernels->is_unsigned ? (uint8_t)(cmd->ifm_zp + 128) :
						  0,
		.row_depth = (uint32_t)cmd->kernel_w * cmd->ifm_c,
	};
	struct work work;

	conv.depth = cmd->kernel_h * conv.row_depth;
	conv.padded_depth = npu_round_up4(conv.depth);
	conv.is_dense = cmd->kernel_w == 1 ||
			cmd->dilation_x * cmd->ifm.pixel_pitch == cmd->ifm_c;
	conv_plan(&conv);
	work.conv = &conv;
	for (work.first = 0; work.first < cmd->ofm_c;
	     work.first += work.count) {
		work.count = least(cmd->ofm_c - work.first, MAC_CHANNELS);
		compute_channels(&work);
	}
}
