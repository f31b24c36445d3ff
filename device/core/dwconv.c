// SPDX-License-Identifier: MIT
/*
 * DWCONV, where dwconv_wide.c can't do it faster: block by block of 16 output
 * channels, row by row, in runs of pixels.
 * For each run the cells under its windows are gathered into a strip: rows two
 * by two, interleaved (as multiply-add instructions want them), less the zero
 * point, so that cells outside the input are zeros. With a multiplier above 1
 * the cell of an input channel is gathered once for each of its outputs.
 *
 * A kernel greater than the strip is worked through in pieces, which add to the
 * same sums. All buffers are on the stack, below 64 KiB.
 *
 * Called by mac.c for commands that passed their checks.
 */
#include "mac.h"

#include "operands.h"

#define STRIP_PAIRS 4
#define STRIP_COLUMNS 96
#define STRIP_TAPS 16
#define STRIP_PIXELS 64
#define CELL (2 * KERNEL_BLOCK) /* elements of one column of a pair of rows */

/* A rectangle of taps. */
struct piece {
	uint32_t row, rows; /* at most 2 x STRIP_PAIRS */
	uint32_t tap, taps; /* at most STRIP_TAPS */
};

struct dwconv {
	const struct npu_cmd_conv *cmd;
	const struct kernels *kernels;
	const uint8_t *sram_end;
	uint8_t *sram;
	uint32_t first; /* channel of the block */
	uint32_t count;
	const int8_t *block; /* its weights */
	struct mac_output output;
	struct piece piece;
	int16_t weights[STRIP_PAIRS * STRIP_TAPS * CELL]; /* of the piece */
	int16_t strip[STRIP_PAIRS * STRIP_COLUMNS * CELL];
	int32_t sums[STRIP_PIXELS * KERNEL_BLOCK];
};

/* A row of cells or weights, 16 channels wide, as the loops read it. */
struct row {
	const int8_t *cells;
	uint32_t step; /* to the next column */
	int8_t spread[STRIP_COLUMNS * KERNEL_BLOCK];
};

static uint32_t piece_pairs(const struct piece *piece)
{
	return (piece->rows + 1) / 2;
}

static uint32_t piece_columns(const struct npu_cmd_conv *cmd,
			      const struct piece *piece, uint32_t pixels)
{
	return (pixels - 1) * cmd->stride_x +
	       (piece->taps - 1) * cmd->dilation_x + 1;
}

/*
 * True if the loops may read @columns cells of 16 channels where they are: less
 * than 16 channels are followed by those of other pixels, whose sums are thrown
 * away, but the last must not reach beyond SRAM.
 */
static bool row_is_readable(const struct dwconv *dw, const int8_t *from,
			    uint32_t step, uint32_t columns)
{
	size_t left = dw->sram_end - (const uint8_t *)from;

	return (size_t)(columns - 1) * step + KERNEL_BLOCK <= left;
}

static void row_repeat(struct row *row, int8_t value)
{
	memset(row->spread, value, KERNEL_BLOCK);
	row->cells = row->spread;
	row->step = 0;
}

/*
 * Weights of one row of the piece; zeros below the last one. Less than 16 channels
 * are copied: what follows the last of the block is nobody's.
 */
static void row_of_weights(const struct dwconv *dw, struct row *row,
			   const struct piece *piece, uint32_t y)
{
	const int8_t *from;
	uint32_t tap;

	if (y >= piece->row + piece->rows) {
		row_repeat(row, 0);
		return;
	}
	from = dw->block + (y * dw->cmd->kernel_w + piece->tap) * dw->count;
	row->cells = from;
	row->step = dw->count;
	if (dw->count == KERNEL_BLOCK)
		return;
	row->cells = row->spread;
	row->step = KERNEL_BLOCK;
	memset(row->spread, 0, piece->taps * KERNEL_BLOCK);
	for (tap = 0; tap < piece->taps; tap++, from += dw->count)
		memcpy(row->spread + tap * KERNEL_BLOCK, from, dw->count);
}

/*
 * Subtract the weights' zero points: those of a column, in the order of the
 * loops, from each column of the piece.
 */
static void subtract_zeros(struct dwconv *dw, const struct piece *piece)
{
	uint32_t columns = piece_pairs(piece) * piece->taps, i, c;
	int8_t zeros[KERNEL_BLOCK];
	int16_t column[CELL];

	for (c = 0; c < KERNEL_BLOCK; c++)
		zeros[c] = (int8_t)dw->output.zero[c];
	dw->kernels->interleave(&(struct kernel_rows){
		.to = column, .upper = zeros, .lower = zeros, .columns = 1,
	});
	for (i = 0; i < columns; i++)
		for (c = 0; c < CELL; c++)
			dw->weights[i * CELL + c] -= column[c];
}

static void load_weights(struct dwconv *dw, const struct piece *piece)
{
	struct row upper, lower;
	uint32_t y;

	for (y = 0; y < piece->rows; y += 2) {
		row_of_weights(dw, &upper, piece, piece->row + y);
		row_of_weights(dw, &lower, piece, piece->row + y + 1);
		dw->kernels->interleave(&(struct kernel_rows){
			.to = dw->weights + y / 2 * piece->taps * CELL,
			.upper = upper.cells,
			.lower = lower.cells,
			.upper_step = upper.step,
			.lower_step = lower.step,
			.columns = piece->taps,
		});
	}
	if (dw->cmd->format & NPU_CONV_WEIGHT_ZP)
		subtract_zeros(dw, piece);
	dw->piece = *piece;
}

/* Columns [first, end) of the strip that lie inside the input. */
static struct mac_taps columns_inside(const struct npu_cmd_conv *cmd, int32_t x,
				      uint32_t columns)
{
	return mac_taps_inside(x, columns, 1, cmd->ifm_w);
}

/* A row of cells of the block from input cell (y, x) on. */
static void row_of_cells(const struct dwconv *dw, struct row *row, int32_t y,
			 int32_t x, uint32_t columns)
{
	const struct npu_cmd_conv *cmd = dw->cmd;
	const int8_t *from;
	uint32_t i, c;

	if (y < 0 || y >= cmd->ifm_h) {
		row_repeat(row, cmd->ifm_zp);
		return;
	}
	from = (const int8_t *)dw->sram + operands_pixel(&cmd->ifm, y, x) +
	       dw->first / cmd->multiplier;
	row->step = cmd->ifm.pixel_pitch;
	if (cmd->multiplier == 1 &&
	    row_is_readable(dw, from, row->step, columns)) {
		row->cells = from;
		return;
	}
	row->cells = row->spread;
	row->step = KERNEL_BLOCK;
	memset(row->spread, cmd->ifm_zp, columns * KERNEL_BLOCK);
	for (i = 0; i < columns; i++, from += cmd->ifm.pixel_pitch) {
		int8_t *to = row->spread + i * KERNEL_BLOCK;

		if (cmd->multiplier == 1) {
			memcpy(to, from, dw->count);
			continue;
		}
		for (c = 0; c < dw->count; c++)
			to[c] = from[(dw->first % cmd->multiplier + c) /
				     cmd->multiplier];
	}
}

/* One pair of rows of the strip, which starts at input cell (y, x). */
static void strip_gather_pair(struct dwconv *dw, uint32_t pair, int32_t y,
			      int32_t x, uint32_t columns)
{
	struct mac_taps inside = columns_inside(dw->cmd, x, columns);
	uint32_t count = inside.end - inside.first;
	int16_t *to = dw->strip + pair * columns * CELL;
	bool has_lower = 2 * pair + 1 < dw->piece.rows;
	int32_t next = has_lower ? y + dw->cmd->dilation_y : -1;
	struct row upper, lower;

	memset(to, 0, inside.first * CELL * sizeof(*to));
	memset(to + inside.end * CELL, 0,
	       (columns - inside.end) * CELL * sizeof(*to));
	if (!count)
		return;
	x += (int32_t)inside.first;
	row_of_cells(dw, &upper, y, x, count);
	row_of_cells(dw, &lower, next, x, count);
	dw->kernels->interleave(&(struct kernel_rows){
		.to = to + inside.first * CELL,
		.upper = upper.cells,
		.lower = lower.cells,
		.upper_step = upper.step,
		.lower_step = lower.step,
		.columns = count,
		.zero = dw->cmd->ifm_zp,
	});
}

/* What a piece of the kernel adds to a run of pixels from output (y, x) on. */
static void add_piece(struct dwconv *dw, const struct piece *piece,
		      uint32_t out_y, uint32_t out_x, uint32_t pixels)
{
	const struct npu_cmd_conv *cmd = dw->cmd;
	uint32_t columns = piece_columns(cmd, piece, pixels), pair;
	int32_t y = (int32_t)(out_y * cmd->stride_y +
			      piece->row * cmd->dilation_y) - cmd->pad_top;
	int32_t x = (int32_t)(out_x * cmd->stride_x +
			      piece->tap * cmd->dilation_x) - cmd->pad_left;

	if (memcmp(piece, &dw->piece, sizeof(*piece)))
		load_weights(dw, piece);
	for (pair = 0; pair < piece_pairs(piece); pair++)
		strip_gather_pair(dw, pair,
				  y + (int32_t)(2 * pair * cmd->dilation_y), x,
				  columns);
	dw->kernels->taps(&(struct kernel_taps){
		.sums = dw->sums,
		.is_first = !piece->row && !piece->tap,
		.cells = dw->strip,
		.weights = dw->weights,
		.pixels = pixels,
		.pixel_step = cmd->stride_x,
		.taps = piece->taps,
		.tap_step = cmd->dilation_x,
		.pairs = piece_pairs(piece),
		.columns = columns,
	});
}

/* A run of pixels, as many as fit a strip of @taps taps. Returns how many. */
static uint32_t compute_run(struct dwconv *dw, uint32_t y, uint32_t x,
			    uint32_t taps)
{
	const struct npu_cmd_conv *cmd = dw->cmd;
	uint32_t span = (taps - 1) * cmd->dilation_x + 1;
	uint32_t pixels = (STRIP_COLUMNS - span) / cmd->stride_x + 1;
	struct piece piece = { 0 };
	struct kernel_output stage = dw->output.stage;

	pixels = least(least(pixels, STRIP_PIXELS), cmd->ofm_w - x);
	for (; piece.row < cmd->kernel_h; piece.row += piece.rows) {
		piece.rows = least(cmd->kernel_h - piece.row, 2 * STRIP_PAIRS);
		for (piece.tap = 0; piece.tap < cmd->kernel_w;
		     piece.tap += piece.taps) {
			piece.taps = least(cmd->kernel_w - piece.tap, taps);
			add_piece(dw, &piece, y, x, pixels);
		}
	}
	stage.sums = dw->sums;
	stage.sum_pitch = KERNEL_BLOCK;
	stage.pixels = pixels;
	stage.out = (int8_t *)dw->sram + operands_pixel(&cmd->ofm, y, x) +
		    npu_conv_ofm_size(cmd->format) * dw->first;
	mac_output_put(&dw->output, &stage,
		       mac_second(dw->sram, cmd, y, x, dw->first), dw->kernels);
	return pixels;
}

/* Channels [first, first + count), a block. */
static __attribute__((noinline)) void
compute_block(uint8_t *sram, uint32_t sram_size, const uint8_t *block,
	      const struct npu_cmd_conv *cmd, const struct kernels *kernels,
	      uint32_t first, uint32_t count)
{
	uint32_t taps = (STRIP_COLUMNS - 1) / cmd->dilation_x + 1;
	struct dwconv dw;
	uint32_t y, x;

	dw.cmd = cmd;
	dw.kernels = kernels;
	dw.sram = sram;
	dw.sram_end = sram + sram_size;
	dw.first = first;
	dw.count = count;
	dw.block = (const int8_t *)block +
		   npu_conv_weight_offset(cmd->format, cmd->ofm_c) +
		   npu_dwconv_weight_index(cmd->ofm_c,
					   (uint32_t)cmd->kernel_h *
						   cmd->kernel_w, first, 0);
	taps = least(least(taps, STRIP_TAPS), cmd->kernel_w);
	dw.piece = (struct piece){ 0 };
	mac_output_load(&dw.output, block, cmd, first, count);
	mac_output_load_addition(&dw.output, block, cmd, kernels);
	for (y = 0; y < cmd->ofm_h; y++)
		for (x = 0; x < cmd->ofm_w;)
			x += compute_run(&dw, y, x, taps);
}

void mac_dwconv(uint8_t *sram, uint32_t sram_size, const uint8_t *block,
		const struct npu_cmd_conv *cmd, const struct kernels *kernels)
{
	uint32_t c, count;

	for (c = 0; c < cmd->ofm_c; c += count) {
		count = mac_dwconv_wide(sram, block, cmd, kernels, c);
		if (count)
			continue;
		count = least(cmd->ofm_c - c, KERNEL_BLOCK);
		compute_block(sram, sram_size, block, cmd, kernels, c, count);
	}
}
