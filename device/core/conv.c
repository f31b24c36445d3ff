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
 * Where weights have zero points, too, the sum of x - zero over a pixel's cells,
 * times the weights' zero point, is less.
 *
 * Called by mac.c for commands that passed their checks: each address below is
 * within SRAM and depth x channels is at most 2^28.
 */
#include "mac.h"

#include "operands.h"

#define TILE_PIXELS 32
#define TILE_VALUES (8 * KERNEL_MAX_DEPTH) /* and a pixel of zero points */
#define TILE_SIZE (TILE_VALUES + KERNEL_MAX_DEPTH)

struct conv {
	const struct npu_cmd_conv *cmd;
	const struct kernels *kernels;
	uint8_t *sram;
	uint32_t row_depth; /* of one row of taps */
	uint32_t depth; /* of the whole window */
	uint32_t padded_depth; /* multiple of four, as the weights have it */
	bool is_gathered; /* windows lie side by side in the input */
	bool is_dense; /* the cells of a row of taps do */
};

struct tile {
	uint32_t y, x; /* of the first pixel */
	uint32_t pixels;
	bool has_zero_pixel;
	int32_t cells[TILE_PIXELS]; /* of each pixel the sum of x - zero */
	int32_t sums[(TILE_PIXELS + 1) * MAC_CHANNELS];
	int8_t values[TILE_SIZE];
	int16_t operands[TILE_SIZE];
};

/* The part [first, first + count) of a pixel's window. */
struct patch {
	uint32_t first;
	uint32_t count;
	int8_t *values;
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
	int8_t *to;

	if (end > last)
		end = last;
	if (begin >= end)
		return;
	to = patch->values + (begin - patch->first);
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
	if (conv->is_dense) {
		patch_put(patch, at, inside * size, from, 0);
		return;
	}
	step *= cmd->ifm.pixel_pitch;
	for (tap = 0; tap < inside; tap++, at += size, from += step)
		patch_put(patch, at, size, from, 0);
}

/* The frequent case: a whole window, all inside, rows in one piece. */
static void patch_copy(const struct conv *conv, struct patch *patch,
		       const struct mac_window *w)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	const uint8_t *from = conv->sram +
			      operands_pixel(&cmd->ifm, w->y, w->x);
	uint32_t step = cmd->dilation_y * cmd->ifm.row_pitch;
	int8_t *to = patch->values;
	uint32_t row;

	for (row = 0; row < cmd->kernel_h; row++) {
		memcpy(to, from, conv->row_depth);
		to += conv->row_depth;
		from += step;
	}
	for (row = conv->depth; row < conv->padded_depth; row++)
		*to++ = cmd->ifm_zp;
}

static void patch_gather(const struct conv *conv, struct patch *patch,
			 const struct mac_window *w)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t row = patch->first / conv->row_depth;
	uint32_t at = row * conv->row_depth;

	for (; row < cmd->kernel_h && at < patch->first + patch->count; row++) {
		if (row < w->rows.first || row >= w->rows.end)
			patch_put(patch, at, conv->row_depth, NULL,
				  cmd->ifm_zp);
		else
			patch_put_row(conv, patch, at,
				      w->y + (int32_t)(row * cmd->dilation_y),
				      w->x, w->taps);
		at += conv->row_depth;
	}
	patch_put(patch, conv->depth, conv->padded_depth - conv->depth, NULL,
		  cmd->ifm_zp);
}

static bool is_whole(const struct conv *conv, const struct patch *patch,
		     const struct mac_window *w)
{
	return conv->is_dense && patch->count == conv->padded_depth &&
	       w->rows.end - w->rows.first == conv->cmd->kernel_h &&
	       w->taps.end - w->taps.first == conv->cmd->kernel_w;
}

/* All pixels of the tile at once, row by row. */
static void tile_gather_rows(const struct conv *conv, struct tile *tile)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t y = tile->y, x = tile->x, done, count;

	for (done = 0; done < tile->pixels; done += count) {
		uint32_t at = operands_pixel(&cmd->ifm, y * cmd->stride_y, x);

		count = least(cmd->ofm_w - x, tile->pixels - done);
		memcpy(tile->values + done * conv->depth, conv->sram + at,
		       count * conv->depth);
		x = 0;
		y++;
	}
}

/* [first, first + count) of the tile's pixels, one by one. */
static void tile_gather_pixels(const struct conv *conv, struct tile *tile,
			       uint32_t first, uint32_t count)
{
	struct patch patch = { first, count, tile->values };
	uint32_t y = tile->y, x = tile->x, i;

	for (i = 0; i < tile->pixels; i++, patch.values += count) {
		struct mac_window w = mac_window(conv->cmd, y, x);

		if (is_whole(conv, &patch, &w))
			patch_copy(conv, &patch, &w);
		else
			patch_gather(conv, &patch, &w);
		if (++x == conv->cmd->ofm_w) {
			x = 0;
			y++;
		}
	}
}

/* @count more cells of each pixel. */
static void tile_sum_cells(const struct conv *conv, struct tile *tile,
			   uint32_t count)
{
	const int8_t *values = tile->values;
	uint32_t i, k;

	for (i = 0; i < tile->pixels; i++, values += count) {
		int32_t sum = 0;

		for (k = 0; k < count; k++)
			sum += values[k] - conv->cmd->ifm_zp;
		tile->cells[i] = fixed_add(tile->cells[i], sum);
	}
}

static void tile_gather(const struct conv *conv, struct tile *tile,
			uint32_t first, uint32_t count)
{
	uint32_t total = tile->pixels * count;

	if (conv->is_gathered && count == conv->depth)
		tile_gather_rows(conv, tile);
	else
		tile_gather_pixels(conv, tile, first, count);
	if (conv->cmd->format & NPU_CONV_WEIGHT_ZP)
		tile_sum_cells(conv, tile, count);
	if (tile->has_zero_pixel) {
		memset(tile->values + total, conv->cmd->ifm_zp, count);
		total += count;
	}
	conv->kernels->make_operand(tile->operands, tile->values, total);
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
			   npu_conv_weight_offset(cmd->format, cmd->ofm_c) +
			   npu_conv_weight_index(cmd->ofm_c, conv->depth,
						 first, 0),
		.channels = count,
		.depth = conv->padded_depth,
	};

	memset(tile->cells, 0, sizeof(tile->cells));
	for (; dot.first < dot.depth; dot.first += dot.count) {
		dot.count = least(dot.depth - dot.first, KERNEL_MAX_DEPTH);
		tile_gather(conv, tile, dot.first, dot.count);
		conv->kernels->dot(&dot);
	}
}

/* What the weights' zero points make the sums less. */
static void tile_subtract_zeros(struct tile *tile,
				const struct mac_output *output)
{
	int32_t *sums = tile->sums;
	uint32_t i, c;

	for (i = 0; i < tile->pixels; i++, sums += MAC_CHANNELS)
		for (c = 0; c < output->stage.channels; c++)
			sums[c] -= (uint32_t)tile->cells[i] *
				   (uint32_t)output->zero[c];
}

/* Output of the tile's pixels; leaves the place of the next tile. */
static void tile_output(const struct conv *conv, struct tile *tile,
			const struct mac_output *output, uint32_t first)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t size = npu_conv_ofm_size(cmd->format);
	struct kernel_output stage = output->stage;
	uint32_t done;

	stage.sum_pitch = MAC_CHANNELS;
	for (done = 0; done < tile->pixels; done += stage.pixels) {
		stage.pixels = least(cmd->ofm_w - tile->x,
				     tile->pixels - done);
		stage.sums = tile->sums + done * MAC_CHANNELS;
		stage.out = (int8_t *)conv->sram + first * size +
			    operands_pixel(&cmd->ofm, tile->y, tile->x);
		mac_output_put(output, &stage, conv->kernels);
		tile->x += stage.pixels;
		if (tile->x == cmd->ofm_w) {
			tile->x = 0;
			tile->y++;
		}
	}
}

/* Whole groups of eight, which the loops like best. */
static uint32_t pixels_per_tile(const struct conv *conv)
{
	uint32_t depth = least(conv->padded_depth, KERNEL_MAX_DEPTH);

	return least(TILE_VALUES / depth & ~7u, TILE_PIXELS);
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
		tile.pixels = least(tile.pixels, left);
		tile_multiply(conv, &tile, first, count);
		if (tile.has_zero_pixel) {
			const int32_t *zero = tile.sums +
					      tile.pixels * MAC_CHANNELS;

			for (c = 0; c < count; c++)
				output.bias[c] = fixed_sub(output.bias[c],
							   zero[c]);
			tile.has_zero_pixel = false;
		}
		if (cmd->format & NPU_CONV_WEIGHT_ZP)
			tile_subtract_zeros(&tile, &output);
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
	conv.is_dense = cmd->kernel_w == 1 ||
			cmd->dilation_x * cmd->ifm.pixel_pitch == cmd->ifm_c;
	conv.is_gathered = cmd->ifm.pixel_pitch == cmd->ifm_c &&
			   cmd->ifm_c % 4 == 0 && cmd->kernel_h == 1 &&
			   cmd->kernel_w == 1 && cmd->stride_x == 1 &&
			   cmd->pad_top == 0 && cmd->pad_left == 0 &&
			   cmd->ofm_w <= cmd->ifm_w &&
			   (cmd->ofm_h - 1) * cmd->stride_y < cmd->ifm_h;
	for (c = 0; c < cmd->ofm_c; c += count) {
		count = least(cmd->ofm_c - c, MAC_CHANNELS);
		conv_channels(&conv, c, count);
	}
}
