// SPDX-License-Identifier: MIT
/*
 * CONV: the cells that a tile of output pixels looks at are gathered side by
 * side, which makes the command a matrix product of tiles and weights:
 *
 *	for each chunk of output channels
 *		for each tile of output pixels
 *			for each chunk of the depth
 *				gather, multiply, add to the sums
 *			output stage
 *
 * All buffers are on the stack, below 64 KiB. Cells outside the input are
 * gathered as zero points. Zero points are subtracted at the end: the sum of
 * (x - zero) * w is the sum of x * w less that of zero * w, which is the dot
 * product of one more pixel made of zero points, computed in the first tile.
 *
 * Called by mac.c for commands that passed their checks: each address below is
 * within SRAM and depth x channels is at most 2^28.
 */
#include "mac.h"

#include "operands.h"

#define TILE_PIXELS 32
#define TILE_OPERANDS 16384

struct conv {
	const struct npu_cmd_conv *cmd;
	const struct kernels *kernels;
	uint8_t *sram;
	uint32_t row_depth; /* of one row of taps */
	uint32_t depth; /* of the whole window */
	uint32_t padded_depth; /* multiple of four, as the weights have it */
	bool is_gathered;
};

struct tile {
	uint32_t y, x; /* of the first pixel */
	uint32_t pixels;
	bool has_zero_pixel;
	int32_t sums[(TILE_PIXELS + 1) * MAC_CHANNELS];
	int16_t operands[TILE_OPERANDS + KERNEL_MAX_DEPTH];
};

/* The part [first, first + count) of a pixel's window. */
struct patch {
	uint32_t first;
	uint32_t count;
	int8_t values[KERNEL_MAX_DEPTH];
};

/*
 * Put what of [at, at + size) of the window is wanted: copied from @from, or
 * zero points if that is NULL.
 */
static void patch_put(struct patch *patch, uint32_t at, uint32_t size,
		      const uint8_t *from, int8_t zero)
{
	uint32_t end = at + size, last = patch->first + patch->count;
	uint32_t begin = at > patch->first ? at : patch->first;
	int8_t *to = patch->values + (begin - patch->first);

	if (end > last)
		end = last;
	if (begin >= end)
		return;
	if (from)
		memcpy(to, from + (begin - at), end - begin);
	else
		memset(to, zero, end - begin);
}

/* One row of taps, which starts at window depth @at and input cell (y, x). */
static void patch_put_row(const struct conv *conv, struct patch *patch,
			  uint32_t at, uint32_t y, int32_t x,
			  struct mac_taps taps)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t size = cmd->ifm_c, step = cmd->dilation_x, tap;
	uint32_t inside = taps.end - taps.first;
	const uint8_t *from;

	patch_put(patch, at, taps.first * size, NULL, cmd->ifm_zp);
	patch_put(patch, at + taps.end * size,
		  conv->row_depth - taps.end * size, NULL, cmd->ifm_zp);
	if (!inside)
		return;
	from = conv->sram +
	       operands_pixel(&cmd->ifm, y, x + (int32_t)(taps.first * step));
	at += taps.first * size;
	step *= cmd->ifm.pixel_pitch;
	if (step == size) {
		patch_put(patch, at, inside * size, from, 0);
		return;
	}
	for (tap = 0; tap < inside; tap++, at += size, from += step)
		patch_put(patch, at, size, from, 0);
}

static void patch_gather(const struct conv *conv, struct patch *patch,
			 uint32_t out_y, uint32_t out_x)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	int32_t y = (int32_t)(out_y * cmd->stride_y) - cmd->pad_top;
	int32_t x = (int32_t)(out_x * cmd->stride_x) - cmd->pad_left;
	struct mac_taps rows = mac_taps_inside(y, cmd->kernel_h,
					       cmd->dilation_y, cmd->ifm_h);
	struct mac_taps taps = mac_taps_inside(x, cmd->kernel_w,
					       cmd->dilation_x, cmd->ifm_w);
	uint32_t row = patch->first / conv->row_depth;
	uint32_t at = row * conv->row_depth;

	for (; row < cmd->kernel_h && at < patch->first + patch->count; row++) {
		if (row < rows.first || row >= rows.end)
			patch_put(patch, at, conv->row_depth, NULL,
				  cmd->ifm_zp);
		else
			patch_put_row(conv, patch, at,
				      y + (int32_t)(row * cmd->dilation_y), x,
				      taps);
		at += conv->row_depth;
	}
	patch_put(patch, conv->depth, conv->padded_depth - conv->depth, NULL,
		  cmd->ifm_zp);
}

/* True if the windows of a row of pixels lie side by side in the input. */
static bool is_gathered(const struct npu_cmd_conv *cmd)
{
	return cmd->kernel_h == 1 && cmd->kernel_w == 1 &&
	       cmd->stride_x == 1 && cmd->pad_left == 0 && cmd->pad_top == 0 &&
	       cmd->ifm_c % 4 == 0 && cmd->ifm.pixel_pitch == cmd->ifm_c &&
	       cmd->ofm_w <= cmd->ifm_w &&
	       (cmd->ofm_h - 1) * cmd->stride_y < cmd->ifm_h;
}

/* All pixels of the tile, row by row. */
static void tile_gather_rows(const struct conv *conv, struct tile *tile)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	size_t size = (size_t)conv->depth * conv->kernels->operand_size;
	uint8_t *operand = (uint8_t *)tile->operands;
	uint32_t y = tile->y, x = tile->x, done, count;

	for (done = 0; done < tile->pixels; done += count) {
		uint32_t at = operands_pixel(&cmd->ifm, y * cmd->stride_y, x);

		count = cmd->ofm_w - x;
		if (count > tile->pixels - done)
			count = tile->pixels - done;
		conv->kernels->make_operand(operand,
					    (const int8_t *)conv->sram + at,
					    count * conv->depth);
		operand += count * size;
		x = 0;
		y++;
	}
}

/* [first, first + count) of the tile's pixels, one by one. */
static void tile_gather_pixels(const struct conv *conv, struct tile *tile,
			       uint32_t first, uint32_t count)
{
	size_t size = (size_t)count * conv->kernels->operand_size;
	uint8_t *operand = (uint8_t *)tile->operands;
	uint32_t y = tile->y, x = tile->x, i;
	struct patch patch;

	patch.first = first;
	patch.count = count;
	for (i = 0; i < tile->pixels; i++, operand += size) {
		patch_gather(conv, &patch, y, x);
		conv->kernels->make_operand(operand, patch.values, count);
		if (++x == conv->cmd->ofm_w) {
			x = 0;
			y++;
		}
	}
}

static void tile_gather(const struct conv *conv, struct tile *tile,
			uint32_t first, uint32_t count)
{
	int8_t zeros[KERNEL_MAX_DEPTH];

	if (conv->is_gathered && count == conv->depth)
		tile_gather_rows(conv, tile);
	else
		tile_gather_pixels(conv, tile, first, count);
	if (!tile->has_zero_pixel)
		return;
	memset(zeros, conv->cmd->ifm_zp, count);
	conv->kernels->make_operand((uint8_t *)tile->operands +
					    (size_t)tile->pixels * count *
						    conv->kernels->operand_size,
				    zeros, count);
}

/* Sums of all the tile's pixels with channels [first, first + count). */
static void tile_multiply(const struct conv *conv, struct tile *tile,
			  uint32_t first, uint32_t count)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	struct kernel_dot dot = {
		.sums = tile->sums,
		.sum_pitch = MAC_CHANNELS,
		.operands = tile->operands,
		.pixels = tile->pixels + tile->has_zero_pixel,
		.weights = (const int8_t *)conv->sram + cmd->weights +
			   npu_conv_weight_offset(cmd->ofm_c) +
			   npu_conv_weight_index(cmd->ofm_c, conv->depth,
						 first, 0),
		.channels = count,
		.depth = conv->padded_depth,
	};

	memset(tile->sums, 0,
	       dot.pixels * MAC_CHANNELS * sizeof(tile->sums[0]));
	for (; dot.first < dot.depth; dot.first += dot.count) {
		dot.count = dot.depth - dot.first;
		if (dot.count > KERNEL_MAX_DEPTH)
			dot.count = KERNEL_MAX_DEPTH;
		tile_gather(conv, tile, dot.first, dot.count);
		conv->kernels->dot(&dot);
	}
}

/* Output of the tile's pixels; leaves the place of the next tile. */
static void tile_output(const struct conv *conv, struct tile *tile,
			const struct mac_output *output, uint32_t first)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	struct kernel_output stage = output->stage;
	uint32_t done;

	stage.sum_pitch = MAC_CHANNELS;
	for (done = 0; done < tile->pixels; done += stage.pixels) {
		stage.pixels = cmd->ofm_w - tile->x;
		if (stage.pixels > tile->pixels - done)
			stage.pixels = tile->pixels - done;
		stage.sums = tile->sums + done * MAC_CHANNELS;
		stage.out = (int8_t *)conv->sram + first +
			    operands_pixel(&cmd->ofm, tile->y, tile->x);
		conv->kernels->output(&stage);
		tile->x += stage.pixels;
		if (tile->x == cmd->ofm_w) {
			tile->x = 0;
			tile->y++;
		}
	}
}

static uint32_t pixels_per_tile(const struct conv *conv)
{
	uint32_t pixels = TILE_OPERANDS / conv->padded_depth & ~7u;

	if (pixels > TILE_PIXELS)
		return TILE_PIXELS;
	return pixels ? pixels : TILE_OPERANDS / KERNEL_MAX_DEPTH;
}

static void conv_channels(const struct conv *conv, uint32_t first,
			  uint32_t count)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t left = (uint32_t)cmd->ofm_h * cmd->ofm_w;
	struct tile tile;
	struct mac_output output;
	uint32_t c;

	tile.y = tile.x = 0;
	tile.pixels = pixels_per_tile(conv);
	tile.has_zero_pixel = true;
	mac_output_load(&output, conv->sram, cmd, first, count);
	for (; left; left -= tile.pixels) {
		if (tile.pixels > left)
			tile.pixels = left;
		tile_multiply(conv, &tile, first, count);
		if (tile.has_zero_pixel) {
			const int32_t *zero = tile.sums +
					      tile.pixels * MAC_CHANNELS;

			for (c = 0; c < count; c++)
				output.bias[c] = fixed_sub(output.bias[c],
							   zero[c]);
			tile.has_zero_pixel = false;
		}
		tile_output(conv, &tile, &output, first);
	}
}

void mac_conv(uint8_t *sram, const struct npu_cmd_conv *cmd,
	      const struct kernels *kernels)
{
	struct conv conv = {
		.cmd = cmd,
		.kernels = kernels,
		.sram = sram,
		.row_depth = (uint32_t)cmd->kernel_w * cmd->ifm_c,
	};
	uint32_t c, count;

	conv.depth = cmd->kernel_h * conv.row_depth;
	conv.padded_depth = npu_round_up4(conv.depth);
	conv.is_gathered = is_gathered(cmd);
	for (c = 0; c < cmd->ofm_c; c += count) {
		count = cmd->ofm_c - c;
		if (count > MAC_CHANNELS)
			count = MAC_CHANNELS;
		conv_channels(&conv, c, count);
	}
}
