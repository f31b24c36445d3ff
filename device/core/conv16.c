// SPDX-License-Identifier: MIT
/*
 * CONV and DWCONV of int16 inputs: pixel by pixel, in plain loops. Networks of
 * this kind are small, so it has to be fast enough, not fast. Sums are 64 bits
 * wide; whoever wants 32 of them takes the low ones.
 *
 * A window's cells are gathered side by side, a part of it at a time, so that
 * the sum of a part's products fits 32 bits; cells outside the input are 0, the
 * zero point. Zero points of weights are subtracted at the end of a part: the
 * sum of x * (w - zero) is that of x * w less zero times the sum of x.
 *
 * Called by mac.c for commands that passed their checks.
 */
#include "mac.h"

#include "operands.h"

#define PART 128 /* cells; times 2^15 times 2^8 no more than 2^31 */

struct conv16 {
	const struct npu_cmd_conv *cmd;
	const struct kernels *kernels;
	uint8_t *sram;
	const uint8_t *block; /* the command's weight block */
	const int8_t *weights; /* of the channels at work */
	uint32_t first; /* of them */
	uint32_t count;
	struct mac_output output;
	int64_t sums[MAC_CHANNELS];
};

/* The cell under a tap inside the input. */
static const uint8_t *cell_at(const struct conv16 *conv,
			      const struct mac_window *w, uint32_t row,
			      uint32_t tap)
{
	const struct npu_cmd_conv *cmd = conv->cmd;

	return conv->sram +
	       operands_pixel(&cmd->ifm,
			      w->y + (int32_t)(row * cmd->dilation_y),
			      w->x + (int32_t)(tap * cmd->dilation_x));
}

static bool is_inside(const struct mac_window *w, uint32_t row, uint32_t tap)
{
	return row >= w->rows.first && row < w->rows.end &&
	       tap >= w->taps.first && tap < w->taps.end;
}

/* --- CONV ------------------------------------------------------------------ */

/* Depth [first, first + count) of a window; zeros behind its end. */
static void gather(const struct conv16 *conv, const struct mac_window *w,
		   uint32_t first, uint32_t count, int16_t *cells)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t row = first / cmd->ifm_c / cmd->kernel_w;
	uint32_t tap = first / cmd->ifm_c % cmd->kernel_w;
	uint32_t c = first % cmd->ifm_c, n;

	memset(cells, 0, count * sizeof(*cells));
	for (; count && row < cmd->kernel_h; count -= n, cells += n) {
		n = least(cmd->ifm_c - c, count);
		if (is_inside(w, row, tap))
			memcpy(cells, cell_at(conv, w, row, tap) + 2 * c,
			       2 * n);
		c = 0;
		if (++tap == cmd->kernel_w) {
			tap = 0;
			row++;
		}
	}
}

/* Products of a part with a block of @n channels, from channel @c on. */
static inline void add_block(struct conv16 *conv, const int16_t *x,
			     const int8_t *w, uint32_t count, uint32_t c,
			     uint32_t n)
{
	int32_t s[KERNEL_BLOCK] = { 0 }, cells = 0;
	uint32_t k, i;

	for (k = 0; k < count; k += 4, w += 4 * n) {
		for (i = 0; i < n; i++)
			s[i] += x[k] * w[4 * i] + x[k + 1] * w[4 * i + 1] +
				x[k + 2] * w[4 * i + 2] +
				x[k + 3] * w[4 * i + 3];
		cells += x[k] + x[k + 1] + x[k + 2] + x[k + 3];
	}
	for (i = 0; i < n; i++)
		conv->sums[c + i] += s[i] -
			(int64_t)cells * conv->output.zero[c + i];
}

static void add_part(struct conv16 *conv, const int16_t *x, uint32_t first,
		     uint32_t count, uint32_t depth)
{
	uint32_t c;

	for (c = 0; c < conv->count; c += KERNEL_BLOCK) {
		uint32_t n = least(conv->count - c, KERNEL_BLOCK);
		const int8_t *w = conv->weights + (size_t)c * depth +
				  (size_t)first * n;

		if (n == KERNEL_BLOCK)
			add_block(conv, x, w, count, c, KERNEL_BLOCK);
		else
			add_block(conv, x, w, count, c, n);
	}
}

static void sum_window(struct conv16 *conv, const struct mac_window *w)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t depth = npu_round_up4((uint32_t)cmd->kernel_h * cmd->kernel_w *
				       cmd->ifm_c);
	uint32_t first, count;
	int16_t cells[PART];

	for (first = 0; first < depth; first += count) {
		count = least(depth - first, PART);
		gather(conv, w, first, count, cells);
		add_part(conv, cells, first, count, depth);
	}
}

/* --- DWCONV ---------------------------------------------------------------- */

/* A tap's products with @n channels, up to a block, of which @c is the first. */
static void add_tap(struct conv16 *conv, const uint8_t *cells,
		    const int8_t *w, uint32_t c, uint32_t n)
{
	uint32_t channel = conv->first + c, multiplier = conv->cmd->multiplier;
	int16_t x[KERNEL_BLOCK] = { 0 };
	uint32_t i;

	if (multiplier == 1)
		memcpy(x, cells + 2 * channel, 2 * n);
	else
		for (i = 0; i < n; i++)
			memcpy(x + i, cells + (channel + i) / multiplier * 2,
			       sizeof(*x));
	for (i = 0; i < n; i++)
		conv->sums[c + i] += x[i] * (w[i] - conv->output.zero[c + i]);
}

static void sum_channels(struct conv16 *conv, const struct mac_window *w)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t taps = (uint32_t)cmd->kernel_h * cmd->kernel_w;
	uint32_t row, tap, c;

	for (c = 0; c < conv->count; c += KERNEL_BLOCK) {
		uint32_t n = least(conv->count - c, KERNEL_BLOCK);
		const int8_t *weights = conv->weights + (size_t)c * taps;

		for (row = w->rows.first; row < w->rows.end; row++)
			for (tap = w->taps.first; tap < w->taps.end; tap++)
				add_tap(conv, cell_at(conv, w, row, tap),
					weights + (row * cmd->kernel_w + tap) *
							  n, c, n);
	}
}

/* --- Both ------------------------------------------------------------------ */

static void put_sums(struct conv16 *conv, uint8_t *out)
{
	struct kernel_output stage = conv->output.stage;
	int32_t sums[MAC_CHANNELS];
	uint32_t c;

	if (conv->cmd->format & NPU_CONV_WIDE) {
		mac_output_put_wide(&conv->output, conv->sums, out);
		return;
	}
	for (c = 0; c < MAC_CHANNELS; c++)
		sums[c] = (int32_t)conv->sums[c];
	stage.sums = sums;
	stage.sum_pitch = MAC_CHANNELS;
	stage.pixels = 1;
	stage.out = (int8_t *)out;
	mac_output_put(&conv->output, &stage, NULL, conv->kernels);
}

static void conv_channels(struct conv16 *conv)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t size = npu_conv_ofm_size(cmd->format), y, x;

	mac_output_load(&conv->output, conv->block, cmd, conv->first,
			conv->count);
	for (y = 0; y < cmd->ofm_h; y++) {
		for (x = 0; x < cmd->ofm_w; x++) {
			struct mac_window w = mac_window(cmd, y, x);

			memset(conv->sums, 0, sizeof(conv->sums));
			if (cmd->hdr.op == NPU_OP_CONV)
				sum_window(conv, &w);
			else
				sum_channels(conv, &w);
			put_sums(conv, conv->sram + conv->first * size +
					       operands_pixel(&cmd->ofm, y, x));
		}
	}
}

void mac_conv16(uint8_t *sram, const uint8_t *block,
		const struct npu_cmd_conv *cmd, const struct kernels *kernels)
{
	const int8_t *weights = (const int8_t *)block +
				npu_conv_weight_offset(cmd->format, cmd->ofm_c);
	uint32_t taps = (uint32_t)cmd->kernel_h * cmd->kernel_w;
	uint32_t depth = npu_round_up4(taps * cmd->ifm_c);
	struct conv16 conv = {
		.cmd = cmd, .kernels = kernels, .sram = sram, .block = block,
	};

	if (cmd->hdr.op == NPU_OP_DWCONV)
		depth = taps;
	for (; conv.first < cmd->ofm_c; conv.first += conv.count) {
		conv.count = least(cmd->ofm_c - conv.first, MAC_CHANNELS);
		conv.weights = weights + (size_t)conv.first * depth;
		conv_channels(&conv);
	}
}
