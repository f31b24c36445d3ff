// SPDX-License-Identifier: MIT
/*
 * DWCONV: block by block of 16 output channels and row by row of pixels. Pixels
 * whose windows lie inside the input from left to right are computed in runs,
 * the others one by one with the taps that are inside.
 *
 * With a multiplier above 1 several output channels look at the same input
 * channel: the cells of a window are then spread out first, one per output
 * channel, so that the loops see the same picture as with a multiplier of 1.
 *
 * Called by mac.c for commands that passed their checks.
 */
#include "mac.h"

#include "operands.h"

/* Pixels at a time; taps at a time where cells are spread out. */
#define RUN_PIXELS 64
#define SPREAD_TAPS 64

struct dwconv {
	const struct npu_cmd_conv *cmd;
	const struct kernels *kernels;
	uint8_t *sram;
	struct mac_output output;
	const int8_t *weights; /* of the block */
	uint32_t first; /* channel of the block */
	uint32_t count;
};

/* Where a run of pixels and the taps inside lie. */
struct run {
	int32_t y, x; /* input cell of the first pixel's tap (0, 0) */
	struct mac_taps rows, taps;
	uint32_t pixels;
};

static void run_direct(const struct dwconv *dw, const struct run *run,
		       int32_t *sums)
{
	const struct npu_cmd_conv *cmd = dw->cmd;
	uint32_t y = run->y + (int32_t)(run->rows.first * cmd->dilation_y);
	uint32_t x = run->x + (int32_t)(run->taps.first * cmd->dilation_x);
	uint32_t tap = run->rows.first * cmd->kernel_w + run->taps.first;
	struct kernel_taps taps = {
		.ifm = (const int8_t *)dw->sram +
		       operands_pixel(&cmd->ifm, y, x) + dw->first,
		.pixel_step = cmd->stride_x * cmd->ifm.pixel_pitch,
		.row_step = cmd->dilation_y * cmd->ifm.row_pitch,
		.tap_step = cmd->dilation_x * cmd->ifm.pixel_pitch,
		.weights = dw->weights + tap * dw->count,
		.weight_row = cmd->kernel_w * dw->count,
		.rows = run->rows.end - run->rows.first,
		.taps = run->taps.end - run->taps.first,
		.channels = dw->count,
		.pixels = run->pixels,
		.zero = cmd->ifm_zp,
		.sums = sums,
	};

	dw->kernels->taps(&taps);
}

/* Some taps of one row of one pixel. */
static void spread_taps(const struct dwconv *dw, const int8_t *cells,
			const int8_t *weights, uint32_t count, int32_t *sums)
{
	uint32_t step = dw->cmd->dilation_x * dw->cmd->ifm.pixel_pitch;
	uint32_t rest = dw->first % dw->cmd->multiplier, t, c;
	int8_t spread[SPREAD_TAPS * KERNEL_BLOCK];
	int32_t part[KERNEL_BLOCK];
	struct kernel_taps taps = {
		.ifm = spread,
		.tap_step = dw->count,
		.weights = weights,
		.rows = 1,
		.taps = count,
		.channels = dw->count,
		.pixels = 1,
		.zero = dw->cmd->ifm_zp,
		.sums = part,
	};

	for (t = 0; t < count; t++)
		for (c = 0; c < dw->count; c++)
			spread[t * dw->count + c] =
				cells[(size_t)t * step +
				      (rest + c) / dw->cmd->multiplier];
	dw->kernels->taps(&taps);
	for (c = 0; c < dw->count; c++)
		sums[c] = fixed_add(sums[c], part[c]);
}

static void pixel_spread(const struct dwconv *dw, const struct run *run,
			 int32_t *sums)
{
	const struct npu_cmd_conv *cmd = dw->cmd;
	uint32_t row, tap, count;

	memset(sums, 0, KERNEL_BLOCK * sizeof(*sums));
	for (row = run->rows.first; row < run->rows.end; row++) {
		for (tap = run->taps.first; tap < run->taps.end; tap += count) {
			uint32_t y = run->y + (int32_t)(row * cmd->dilation_y);
			uint32_t x = run->x + (int32_t)(tap * cmd->dilation_x);

			count = run->taps.end - tap;
			if (count > SPREAD_TAPS)
				count = SPREAD_TAPS;
			spread_taps(dw,
				    (const int8_t *)dw->sram +
					    operands_pixel(&cmd->ifm, y, x) +
					    dw->first / cmd->multiplier,
				    dw->weights + (row * cmd->kernel_w + tap) *
							  dw->count,
				    count, sums);
		}
	}
}

static void run_sums(const struct dwconv *dw, const struct run *run,
		     int32_t *sums)
{
	struct run pixel = *run;

	if (run->rows.first == run->rows.end ||
	    run->taps.first == run->taps.end) {
		memset(sums, 0, run->pixels * KERNEL_BLOCK * sizeof(*sums));
		return;
	}
	if (dw->cmd->multiplier == 1) {
		run_direct(dw, run, sums);
		return;
	}
	for (; pixel.pixels; pixel.pixels--) {
		pixel_spread(dw, &pixel, sums);
		pixel.x += dw->cmd->stride_x;
		sums += KERNEL_BLOCK;
	}
}

/* Pixels from @x on, at most RUN_PIXELS, that have all taps of a row inside. */
static uint32_t pixels_inside(const struct npu_cmd_conv *cmd, uint32_t x)
{
	int32_t origin = (int32_t)(x * cmd->stride_x) - cmd->pad_left;
	int32_t last = origin + (cmd->kernel_w - 1) * cmd->dilation_x;
	uint32_t pixels;

	if (origin < 0 || last >= cmd->ifm_w)
		return 0;
	pixels = (cmd->ifm_w - 1 - last) / cmd->stride_x + 1;
	if (pixels > cmd->ofm_w - x)
		pixels = cmd->ofm_w - x;
	return pixels < RUN_PIXELS ? pixels : RUN_PIXELS;
}

static void dwconv_row(const struct dwconv *dw, uint32_t y)
{
	const struct npu_cmd_conv *cmd = dw->cmd;
	struct run run = {
		.y = (int32_t)(y * cmd->stride_y) - cmd->pad_top,
	};
	int32_t sums[RUN_PIXELS * KERNEL_BLOCK];
	uint32_t x, i;

	run.rows = mac_taps_inside(run.y, cmd->kernel_h, cmd->dilation_y,
				   cmd->ifm_h);
	for (x = 0; x < cmd->ofm_w; x += run.pixels) {
		run.x = (int32_t)(x * cmd->stride_x) - cmd->pad_left;
		run.taps = mac_taps_inside(run.x, cmd->kernel_w,
					   cmd->dilation_x, cmd->ifm_w);
		run.pixels = pixels_inside(cmd, x);
		if (!run.pixels)
			run.pixels = 1;
		run_sums(dw, &run, sums);
		for (i = 0; i < run.pixels; i++)
			dw->kernels->output(
				(int8_t *)dw->sram + dw->first +
					operands_pixel(&cmd->ofm, y, x + i),
				sums + i * KERNEL_BLOCK, &dw->output.stage);
	}
}

void mac_dwconv(uint8_t *sram, const struct npu_cmd_conv *cmd,
		const struct kernels *kernels)
{
	uint32_t taps = (uint32_t)cmd->kernel_h * cmd->kernel_w;
	const int8_t *weights = (const int8_t *)sram + cmd->weights +
				npu_conv_weight_offset(cmd->ofm_c);
	struct dwconv dw = { .cmd = cmd, .kernels = kernels, .sram = sram };
	uint32_t y;

	for (; dw.first < cmd->ofm_c; dw.first += dw.count) {
		dw.count = cmd->ofm_c - dw.first;
		if (dw.count > KERNEL_BLOCK)
			dw.count = KERNEL_BLOCK;
		dw.weights = weights +
			     npu_dwconv_weight_index(cmd->ofm_c, taps,
						     dw.first, 0);
		mac_output_load(&dw.output, sram, cmd, dw.first, dw.count);
		for (y = 0; y < cmd->ofm_h; y++)
			dwconv_row(&dw, y);
	}
}
