// SPDX-License-Identifier: MIT
/*
 * DWCONV for hosts whose loops work on 64 lanes at a time (struct kernel_wide):
 * up to 64 channels of a pixel, or of 8, 16 or 32 channels several pixels side by
 * side. What lies below an area of output pixels is made into operands once, in
 * a strip of rows that have the cells outside the input, too. If windows are more
 * than one column apart, the columns that are a stride apart lie side by side, so
 * that one tap of neighbouring pixels always does.
 *
 *	for each area of output pixels
 *		make its strip
 *		for each row of it
 *			add up taps, output stage
 *
 * Operands are cells + 128; sums are greater than they should be by (zero point +
 * 128) times those of the weights, which is subtracted with the biases. Weights
 * less their zero points may need more than 8 bits: then a second set has the
 * rest. All buffers are on the stack, below 64 KiB.
 *
 * Called by dwconv.c for commands that passed their checks.
 */
#include "mac.h"

#include "operands.h"

#define STRIP_BYTES (28 * 1024)
#define SLACK (2 * KERNEL_WIDE) /* bytes that may be read behind a strip */
#define ALIGNED __attribute__((aligned(KERNEL_WIDE)))
#define STEPS 48
#define PIECES 2
#define PIECE_WEIGHTS (KERNEL_WIDE_TAPS * KERNEL_WIDE_ROWS * KERNEL_WIDE)

/* Weights of some rows and columns of taps, those of a column side by side. */
struct piece {
	uint32_t row, rows;
	uint32_t tap, taps;
	int8_t weights[PIECE_WEIGHTS] ALIGNED;
	int8_t rest[PIECE_WEIGHTS] ALIGNED;
};

/* A rectangle of output pixels. */
struct area {
	uint32_t y, x, h, w;
};

/* The factors of each lane, in the order of sums. */
struct factors {
	int32_t bias[KERNEL_WIDE] ALIGNED;
	int32_t mult[KERNEL_WIDE];
	int32_t left[KERNEL_WIDE];
	int32_t right[KERNEL_WIDE];
	float factor[KERNEL_WIDE];
};

struct wide {
	const struct npu_cmd_conv *cmd;
	const struct kernels *kernels;
	uint8_t *sram;
	const uint8_t *block; /* of all weights */
	uint32_t first, count; /* channels */
	const int8_t *blocks[KERNEL_WIDE / KERNEL_BLOCK]; /* of weights */
	uint32_t block_channels[KERNEL_WIDE / KERNEL_BLOCK];
	uint32_t cell; /* bytes from a pixel to the next: 8, 16, 32 or 64 */
	uint8_t outside;
	bool has_rest;
	uint32_t area_h, area_w;
	uint32_t column_pitch; /* of columns that are a stride apart */
	uint32_t row_pitch;
	struct kernel_output stage;
	struct factors factors;
	uint32_t piece_count;
	struct piece pieces[PIECES];
	int32_t sums[STEPS * KERNEL_WIDE] ALIGNED;
	int8_t line[STEPS * KERNEL_WIDE];
	uint8_t strip[STRIP_BYTES + SLACK] ALIGNED;
};

/* --- Before the first pixel --------------------------------------------------- */

static uint32_t strip_rows(const struct npu_cmd_conv *cmd, uint32_t h)
{
	return (h - 1) * cmd->stride_y +
	       (cmd->kernel_h - 1) * cmd->dilation_y + 1;
}

static uint32_t strip_columns(const struct npu_cmd_conv *cmd, uint32_t w)
{
	return w + (cmd->kernel_w - 1) * cmd->dilation_x / cmd->stride_x;
}

static uint64_t strip_row_pitch(const struct wide *wide, uint32_t w)
{
	return (uint64_t)strip_columns(wide->cmd, w) * wide->cell *
	       wide->cmd->stride_x;
}

/* Areas whose strips fit. Returns whether there are any. */
static bool plan_areas(struct wide *wide)
{
	const struct npu_cmd_conv *cmd = wide->cmd;
	uint32_t least_rows = strip_rows(cmd, 1);
	uint32_t w = least(cmd->ofm_w, STEPS * KERNEL_WIDE / wide->cell);

	while (strip_row_pitch(wide, w) * least_rows > STRIP_BYTES) {
		if (w == 1)
			return false;
		w = (w + 1) / 2;
	}
	wide->area_w = w;
	wide->column_pitch = strip_columns(cmd, w) * wide->cell;
	wide->row_pitch = (uint32_t)strip_row_pitch(wide, w);
	wide->area_h = (STRIP_BYTES / wide->row_pitch - least_rows) /
			       cmd->stride_y + 1;
	wide->area_h = least(wide->area_h, cmd->ofm_h);
	return true;
}

/* Words for each channel become words for each lane, behind the last @fill. */
static void spread(const struct wide *wide, int32_t *to, const void *from,
		   int32_t fill)
{
	int32_t lanes[KERNEL_WIDE] ALIGNED;
	uint32_t i;

	memcpy(lanes, from, wide->count * sizeof(*lanes));
	for (i = wide->count; i < wide->cell; i++)
		lanes[i] = fill;
	for (; i < KERNEL_WIDE; i += wide->cell)
		memcpy(lanes + i, lanes, wide->cell * sizeof(*lanes));
	wide->kernels->wide->order(to, lanes);
}

/* The weights of one tap for each lane. */
static void tap_weights(const struct wide *wide, int8_t *to, uint32_t tap)
{
	const int8_t *from[KERNEL_WIDE / KERNEL_BLOCK];
	uint32_t i;

	for (i = 0; i < KERNEL_WIDE / KERNEL_BLOCK; i++)
		from[i] = wide->blocks[i] + tap * wide->block_channels[i];
	wide->kernels->wide->spread_weights(to, from, wide->count, wide->cell);
}

/* Where the blocks' weights are; those that are not there are the first one's. */
static void find_blocks(struct wide *wide)
{
	const struct npu_cmd_conv *cmd = wide->cmd;
	const int8_t *weights = (const int8_t *)wide->block +
				npu_conv_weight_offset(cmd->format, cmd->ofm_c);
	uint32_t taps = (uint32_t)cmd->kernel_h * cmd->kernel_w, i;

	for (i = 0; i < KERNEL_WIDE / KERNEL_BLOCK; i++) {
		uint32_t c = i * KERNEL_BLOCK < wide->count ? i * KERNEL_BLOCK :
							      0;

		wide->blocks[i] = weights +
				  npu_dwconv_weight_index(cmd->ofm_c, taps,
							  wide->first + c, 0);
		wide->block_channels[i] = least(wide->count - c, KERNEL_BLOCK);
	}
}

/* One column of a piece. */
static bool mix_column(struct wide *wide, struct piece *piece, uint32_t tap,
		       const int8_t *zero)
{
	const struct kernel_wide *kernels = wide->kernels->wide;
	int8_t weights[KERNEL_WIDE_ROWS * KERNEL_WIDE] ALIGNED;
	int8_t rest[KERNEL_WIDE_ROWS * KERNEL_WIDE] ALIGNED;
	uint32_t place = tap * KERNEL_WIDE_ROWS * KERNEL_WIDE;
	uint32_t used = piece->rows * KERNEL_WIDE, r;

	for (r = 0; r < piece->rows; r++)
		tap_weights(wide, weights + r * KERNEL_WIDE,
			    (piece->row + r) * wide->cmd->kernel_w +
				    piece->tap + tap);
	memset(weights + used, 0, sizeof(weights) - used);
	if (zero) {
		memset(rest, 0, sizeof(rest));
		for (r = 0; r < used; r += KERNEL_WIDE)
			if (!kernels->subtract(weights + r, rest + r, zero,
					       &wide->has_rest))
				return false;
		kernels->mix_weights(piece->rest + place, rest);
	}
	kernels->mix_weights(piece->weights + place, weights);
	return true;
}

/* The zero points of weights for each lane, or NULL if there are none. */
static const int8_t *load_zeros(const struct wide *wide, int8_t *zero,
				const struct mac_output *output)
{
	int32_t some = 0;
	uint32_t i;

	if (!(wide->cmd->format & NPU_CONV_WEIGHT_ZP))
		return NULL;
	for (i = 0; i < KERNEL_WIDE; i++) {
		uint32_t c = i & (wide->cell - 1);

		zero[i] = c < wide->count ? (int8_t)output->zero[c] : 0;
		some |= zero[i];
	}
	return some ? zero : NULL;
}

static bool load_weights(struct wide *wide, const struct mac_output *output)
{
	const struct npu_cmd_conv *cmd = wide->cmd;
	int8_t zeros[KERNEL_WIDE];
	const int8_t *zero = load_zeros(wide, zeros, output);
	uint32_t row, tap, i;

	find_blocks(wide);
	for (row = 0; row < cmd->kernel_h; row += KERNEL_WIDE_ROWS) {
		for (tap = 0; tap < cmd->kernel_w; tap += KERNEL_WIDE_TAPS) {
			struct piece *p = &wide->pieces[wide->piece_count++];

			p->row = row;
			p->rows = least(cmd->kernel_h - row, KERNEL_WIDE_ROWS);
			p->tap = tap;
			p->taps = least(cmd->kernel_w - tap, KERNEL_WIDE_TAPS);
			for (i = 0; i < p->taps; i++)
				if (!mix_column(wide, p, i, zero))
					return false;
		}
	}
	return true;
}

/* Subtract from the biases what a window outside the input adds up to. */
static void subtract_excess(struct wide *wide)
{
	static const uint32_t offsets[KERNEL_WIDE_TAPS];
	static const int32_t no_bias[KERNEL_WIDE];
	uint8_t outside[SLACK];
	struct kernel_lanes lanes = {
		.sums = wide->sums,
		.bias = no_bias,
		.rows = { outside, outside, outside, outside },
		.offsets = offsets,
		.steps = 1,
	};
	uint32_t i;

	if (!wide->outside)
		return;
	memset(outside, wide->outside, sizeof(outside));
	for (i = 0; i < wide->piece_count; i++) {
		lanes.is_first = i == 0;
		lanes.row_count = wide->pieces[i].rows;
		lanes.taps = wide->pieces[i].taps;
		lanes.weights = wide->pieces[i].weights;
		wide->kernels->wide->add(&lanes);
		lanes.is_first = false;
		lanes.weights = wide->pieces[i].rest;
		if (wide->has_rest)
			wide->kernels->wide->add(&lanes);
	}
	for (i = 0; i < KERNEL_WIDE; i++)
		wide->factors.bias[i] = fixed_sub(wide->factors.bias[i],
						  wide->sums[i]);
}

/* Weights and factors of the channels; false if these loops can't have them. */
static bool load_channels(struct wide *wide)
{
	struct factors *factors = &wide->factors;
	struct mac_output output;

	mac_output_load(&output, wide->block, wide->cmd, wide->first,
			wide->count);
	if (!load_weights(wide, &output))
		return false;
	spread(wide, factors->bias, output.bias, 0);
	subtract_excess(wide);
	wide->stage = output.stage;
	wide->stage.factor = NULL;
	wide->stage.mult = factors->mult;
	wide->stage.left = factors->left;
	wide->stage.right = factors->right;
	wide->stage.sums = wide->sums;
	wide->stage.sum_pitch = KERNEL_WIDE;
	wide->stage.channels = KERNEL_WIDE;
	if (wide->cmd->format & NPU_CONV_FLOAT) {
		spread(wide, (int32_t *)factors->factor, output.factor, 0);
		wide->stage.factor = factors->factor;
		return true;
	}
	spread(wide, factors->mult, output.mult, 0);
	spread(wide, factors->left, output.left, 0);
	spread(wide, factors->right, output.right, 1);
	return true;
}

/* --- Strips -------------------------------------------------------------------- */

/* Cells that lie side by side on both sides are copied as fewer, greater ones. */
static void put_cells(const struct wide *wide, struct kernel_cells cells)
{
	uint32_t bytes = cells.count * cells.size;

	if (cells.step == cells.size && cells.pitch == cells.size) {
		cells.size = cells.step = cells.pitch = KERNEL_WIDE;
		cells.count = bytes / KERNEL_WIDE;
		wide->kernels->wide->put_cells(&cells);
		cells.to += bytes / KERNEL_WIDE * KERNEL_WIDE;
		cells.from += bytes / KERNEL_WIDE * KERNEL_WIDE;
		cells.size = cells.pitch = bytes % KERNEL_WIDE;
		cells.count = 1;
	}
	if (cells.size)
		wide->kernels->wide->put_cells(&cells);
}

/* Every stride-th column of input row @y from column @x on. */
static void make_columns(const struct wide *wide, uint8_t *to, uint32_t y,
			 int32_t x)
{
	const struct npu_cmd_conv *cmd = wide->cmd;
	uint32_t columns = wide->column_pitch / wide->cell;
	struct mac_taps inside = mac_taps_inside(x, columns, cmd->stride_x,
						 cmd->ifm_w);
	struct kernel_cells cells = {
		.to = to + inside.first * wide->cell,
		.step = cmd->stride_x * cmd->ifm.pixel_pitch,
		.size = wide->count,
		.pitch = wide->cell,
		.count = inside.end > inside.first ? inside.end - inside.first :
						     0,
	};

	if (!cells.count) {
		memset(to, wide->outside, wide->column_pitch);
		return;
	}
	memset(to, wide->outside, inside.first * wide->cell);
	memset(to + inside.end * wide->cell, wide->outside,
	       (columns - inside.end) * wide->cell);
	x += (int32_t)(inside.first * cmd->stride_x);
	cells.from = (const int8_t *)wide->sram +
		     operands_pixel(&cmd->ifm, y, x) + wide->first;
	put_cells(wide, cells);
}

static void make_strip(struct wide *wide, const struct area *area)
{
	const struct npu_cmd_conv *cmd = wide->cmd;
	uint32_t rows = strip_rows(cmd, area->h), i, column;
	int32_t y = (int32_t)(area->y * cmd->stride_y) - cmd->pad_top;
	int32_t x = (int32_t)(area->x * cmd->stride_x) - cmd->pad_left;
	uint8_t *to = wide->strip;

	for (i = 0; i < rows; i++, y++, to += wide->row_pitch) {
		if (y < 0 || y >= cmd->ifm_h) {
			memset(to, wide->outside, wide->row_pitch);
			continue;
		}
		for (column = 0; column < cmd->stride_x; column++)
			make_columns(wide, to + column * wide->column_pitch, y,
				     x + (int32_t)column);
	}
}

/* --- Rows ---------------------------------------------------------------------- */

/* What a piece of the kernel adds to the sums of row @y of the strip's outputs. */
static void add_piece(struct wide *wide, const struct piece *piece, uint32_t y,
		      int32_t *sums, uint32_t steps)
{
	const struct npu_cmd_conv *cmd = wide->cmd;
	uint32_t offsets[KERNEL_WIDE_TAPS], i;
	struct kernel_lanes lanes = {
		.sums = sums,
		.is_first = piece == wide->pieces,
		.bias = wide->factors.bias,
		.row_count = piece->rows,
		.taps = piece->taps,
		.offsets = offsets,
		.weights = piece->weights,
		.steps = steps,
	};

	for (i = 0; i < piece->taps; i++) {
		uint32_t x = (piece->tap + i) * cmd->dilation_x;

		offsets[i] = x % cmd->stride_x * wide->column_pitch +
			     x / cmd->stride_x * wide->cell;
	}
	for (i = 0; i < KERNEL_WIDE_ROWS; i++) { /* weights are 0 below rows */
		uint32_t row = piece->row + least(i, piece->rows - 1);

		lanes.rows[i] = wide->strip + (y * cmd->stride_y +
					       row * cmd->dilation_y) *
						      wide->row_pitch;
	}
	wide->kernels->wide->add(&lanes);
	if (!wide->has_rest)
		return;
	lanes.is_first = false;
	lanes.weights = piece->rest;
	wide->kernels->wide->add(&lanes);
}

/* Row @y of the area; it is the @place-th of those that are at work. */
static void add_row(struct wide *wide, uint32_t y, uint32_t place,
		    uint32_t steps)
{
	int32_t *sums = wide->sums + place * steps * KERNEL_WIDE;
	uint32_t i;

	for (i = 0; i < wide->piece_count; i++)
		add_piece(wide, &wide->pieces[i], y, sums, steps);
}

/* Results of rows of @w pixels each to @out, where they have gaps between them. */
static void put_lines(struct wide *wide, int8_t *out, uint32_t w, uint32_t rows)
{
	const uint32_t row_bytes = wide->stage.pixels * KERNEL_WIDE;
	uint32_t y, x;

	wide->stage.out = wide->line;
	wide->stage.out_step = KERNEL_WIDE;
	wide->kernels->wide->output(&wide->stage, &(struct kernel_lines){
		.rows = rows,
		.row_step = row_bytes,
		.count = KERNEL_WIDE,
		.last = KERNEL_WIDE,
	});
	for (y = 0; y < rows; y++, out += wide->cmd->ofm.row_pitch) {
		const int8_t *from = wide->line + y * row_bytes;
		int8_t *to = out;

		for (x = 0; x < w; x++, from += wide->cell) {
			if (wide->count == KERNEL_BLOCK)
				memcpy(to, from, KERNEL_BLOCK);
			else
				memcpy(to, from, wide->count);
			to += wide->cmd->ofm.pixel_pitch;
		}
	}
}

static void put_rows(struct wide *wide, uint32_t y, uint32_t rows, uint32_t x,
		     uint32_t w)
{
	const struct npu_cmd_conv *cmd = wide->cmd;
	int8_t *out = (int8_t *)wide->sram + operands_pixel(&cmd->ofm, y, x) +
		      wide->first;
	struct kernel_lines lines = {
		.rows = rows,
		.row_step = cmd->ofm.row_pitch,
		.count = wide->count,
		.last = wide->count,
	};

	wide->stage.out = out;
	wide->stage.out_step = cmd->ofm.pixel_pitch;
	if (wide->cell != KERNEL_WIDE) {
		if (wide->count != wide->cell ||
		    cmd->ofm.pixel_pitch != wide->cell) {
			put_lines(wide, out, w, rows);
			return;
		}
		wide->stage.out_step = KERNEL_WIDE;
		lines.count = KERNEL_WIDE;
		lines.last = w * wide->cell -
			     (wide->stage.pixels - 1) * KERNEL_WIDE;
	}
	wide->kernels->wide->output(&wide->stage, &lines);
}

/* Some rows of the area at a time, as many as have room for their sums. */
static void compute_area(struct wide *wide, const struct area *area)
{
	uint32_t steps = mac_div_up(area->w * wide->cell, KERNEL_WIDE);
	uint32_t y, rows, i;

	make_strip(wide, area);
	wide->stage.pixels = steps;
	for (y = 0; y < area->h; y += rows) {
		rows = least(area->h - y, STEPS / steps);
		for (i = 0; i < rows; i++)
			add_row(wide, y + i, i, steps);
		put_rows(wide, area->y + y, rows, area->x, area->w);
	}
}

static bool is_possible(const struct npu_cmd_conv *cmd,
			const struct kernels *kernels)
{
	return kernels->wide && cmd->multiplier == 1 &&
	       !(cmd->format &
		 (NPU_CONV_OFM16 | NPU_CONV_OFM32 | NPU_CONV_ADD)) &&
	       mac_div_up(cmd->kernel_h, KERNEL_WIDE_ROWS) *
			       mac_div_up(cmd->kernel_w, KERNEL_WIDE_TAPS) <=
		       PIECES;
}

uint32_t mac_dwconv_wide(uint8_t *sram, const uint8_t *block,
			 const struct npu_cmd_conv *cmd,
			 const struct kernels *kernels, uint32_t first)
{
	struct wide wide;
	struct area area;

	if (!is_possible(cmd, kernels))
		return 0;
	wide.cmd = cmd;
	wide.kernels = kernels;
	wide.sram = sram;
	wide.block = block;
	wide.first = first;
	wide.count = least(cmd->ofm_c - first, KERNEL_WIDE);
	wide.cell = wide.count > 32 ? 64 : wide.count > 16 ? 32 :
		    wide.count > 8 ? 16 : 8;
	wide.outside = (uint8_t)(cmd->ifm_zp + 128);
	wide.has_rest = false;
	wide.piece_count = 0;
	if (!plan_areas(&wide) || !load_channels(&wide))
		return 0;
	for (area.y = 0; area.y < cmd->ofm_h; area.y += area.h) {
		area.h = least(cmd->ofm_h - area.y, wide.area_h);
		for (area.x = 0; area.x < cmd->ofm_w; area.x += area.w) {
			area.w = least(cmd->ofm_w - area.x, wide.area_w);
			compute_area(&wide, &area);
		}
	}
	return wide.count;
}
