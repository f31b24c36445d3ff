// SPDX-License-Identifier: MIT
/*
 * CONV's operands, see conv.h. The strip costs each cell of the input one copy,
 * and windows that overlap share it. Only windows that are too great for it, or
 * dilated along rows, are gathered tap by tap.
 *
 * Called by conv.c; addresses are within SRAM, as mac.c has checked.
 */
#include "conv.h"

#include "operands.h"

#define PIECE_DEPTH 1536 /* of a window without a strip */

/* Bytes that are copied at a time, and so written behind the end. */
#define COPY 16

/* --- Strips ------------------------------------------------------------------ */

static uint32_t strip_rows(const struct conv *conv, uint32_t h)
{
	const struct npu_cmd_conv *cmd = conv->cmd;

	return (h - 1) * (cmd->stride_y / conv->step_y) +
	       (cmd->kernel_h - 1) * cmd->dilation_y + 1;
}

static uint32_t strip_columns(const struct conv *conv, uint32_t w)
{
	const struct npu_cmd_conv *cmd = conv->cmd;

	return (w - 1) * (cmd->stride_x / conv->step_x) + cmd->kernel_w;
}

static uint64_t strip_bytes(const struct conv *conv, uint32_t h, uint32_t w)
{
	return (uint64_t)strip_rows(conv, h) * strip_columns(conv, w) *
	       conv->cmd->ifm_c * conv->size;
}

/* The greatest count up to @most whose strip fits; 0 if none does. */
static uint32_t most_fitting(const struct conv *conv, bool is_rows, uint32_t most)
{
	uint32_t low = 0, high = most;

	while (low < high) {
		uint32_t n = low + (high - low + 1) / 2;
		uint64_t bytes = is_rows ? strip_bytes(conv, n, conv->area_w) :
					   strip_bytes(conv, 1, n);

		if (bytes <= CONV_STRIP_BYTES - COPY)
			low = n;
		else
			high = n - 1;
	}
	return low;
}

void conv_plan(struct conv *conv)
{
	const struct npu_cmd_conv *cmd = conv->cmd;

	conv->is_direct = conv->row_depth % 4 == 0;
	conv->wide_row = npu_round_up4(conv->row_depth);
	conv->is_spaced = !conv->is_direct &&
			  cmd->kernel_h * conv->wide_row *
					  least(cmd->ofm_c, MAC_CHANNELS) <=
				  CONV_PATCH_BYTES;
	conv->step_y = cmd->kernel_h == 1 ? cmd->stride_y : 1;
	conv->step_x = cmd->kernel_w == 1 ? cmd->stride_x : 1;
	conv->area_w = most_fitting(conv, false, cmd->ofm_w);
	conv->has_strip = (cmd->kernel_w == 1 || cmd->dilation_x == 1) &&
			  conv->area_w && conv->padded_depth <= KERNEL_MAX_DEPTH;
	if (!conv->is_direct && !conv->is_spaced &&
	    conv->padded_depth * conv->size > CONV_PATCH_BYTES - COPY)
		conv->has_strip = false;
	if (!conv->has_strip) {
		conv->is_spaced = false;
		conv->area_w = cmd->ofm_w;
	}
	conv->area_h = conv->has_strip ? most_fitting(conv, true, cmd->ofm_h) :
					 cmd->ofm_h;
}

/* Cells [x, x + count x step) of an input row, all inside. */
static void copy_cells(const struct conv *conv, uint8_t *to, uint32_t y,
		       uint32_t x, uint32_t count)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t step = conv->step_x * cmd->ifm.pixel_pitch, i;
	const int8_t *from = (const int8_t *)conv->sram +
			     operands_pixel(&cmd->ifm, y, x);

	if (step == cmd->ifm_c || count == 1) {
		conv->kernels->make_operand(to, from, count * cmd->ifm_c,
					    cmd->ifm_zp);
		return;
	}
	for (i = 0; i < count; i++) {
		conv->kernels->make_operand(to, from, cmd->ifm_c, cmd->ifm_zp);
		to += cmd->ifm_c * conv->size;
		from += step;
	}
}

/* A row of @columns cells of the strip, the first one at input (y, x). */
static void make_row(const struct conv *conv, uint8_t *to, int32_t y, int32_t x,
		     uint32_t columns)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t cell = cmd->ifm_c * conv->size;
	struct mac_taps inside = mac_taps_inside(x, columns, conv->step_x,
						 cmd->ifm_w);

	if (y < 0 || y >= cmd->ifm_h || inside.first == inside.end) {
		memset(to, conv->outside, columns * cell);
		return;
	}
	memset(to, conv->outside, inside.first * cell);
	copy_cells(conv, to + inside.first * cell, y,
		   x + (int32_t)(inside.first * conv->step_x),
		   inside.end - inside.first);
	memset(to + inside.end * cell, conv->outside,
	       (columns - inside.end) * cell);
}

void conv_make_strip(const struct conv *conv, struct conv_operands *operands,
		     const struct conv_area *area)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t columns = strip_columns(conv, area->w);
	uint32_t rows = strip_rows(conv, area->h), i;
	int32_t y = (int32_t)(area->y * cmd->stride_y) - cmd->pad_top;
	int32_t x = (int32_t)(area->x * cmd->stride_x) - cmd->pad_left;
	uint8_t *to = operands->cells;

	operands->area = *area;
	operands->pitch = columns * cmd->ifm_c;
	if (x == 0 && y == 0 && conv->step_x == 1 && columns <= cmd->ifm_w &&
	    cmd->ifm.pixel_pitch == cmd->ifm_c &&
	    conv->step_y * cmd->ifm.row_pitch == operands->pitch &&
	    (rows - 1) * conv->step_y < cmd->ifm_h) {
		conv->kernels->make_operand(to, (int8_t *)conv->sram +
						    cmd->ifm.addr,
					    rows * operands->pitch,
					    cmd->ifm_zp);
		return;
	}
	for (i = 0; i < rows; i++) {
		make_row(conv, to, y, x, columns);
		to += operands->pitch * conv->size;
		y += (int32_t)conv->step_y;
	}
}

static void point_windows(const struct conv *conv,
			  struct conv_operands *operands, uint32_t first,
			  uint32_t count)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	uint32_t w = operands->area.w, y = first / w, x = first % w, i;
	size_t down = (size_t)cmd->stride_y / conv->step_y * operands->pitch *
		      conv->size;
	size_t right = (size_t)cmd->stride_x / conv->step_x * cmd->ifm_c *
		       conv->size;
	const uint8_t *row = operands->cells + y * down;

	for (i = 0; i < count; i++) {
		operands->windows[i] = row + x * right;
		if (++x == w) {
			x = 0;
			row += down;
		}
	}
}

/* Copies a multiple of 16 bytes: what is behind @size may be spoiled. */
static inline void copy_roughly(uint8_t *to, const uint8_t *from, uint32_t size)
{
	uint32_t i;

	for (i = 0; i < size; i += COPY)
		memcpy(to + i, from + i, COPY);
}

/* Windows of the strip, row after row; padded with what makes no difference. */
static void copy_windows(const struct conv *conv,
			 struct conv_operands *operands, uint32_t count)
{
	const uint32_t row_bytes = conv->row_depth * conv->size;
	const size_t step = (size_t)conv->cmd->dilation_y * operands->pitch *
			    conv->size;
	uint8_t *to = operands->patches;
	uint32_t i, r;

	for (i = 0; i < count; i++) {
		const uint8_t *from = operands->windows[i];
		uint8_t *at = to;

		for (r = 0; r < conv->cmd->kernel_h; r++) {
			copy_roughly(at, from, row_bytes);
			at += row_bytes;
			from += step;
		}
		operands->windows[i] = to;
		to += conv->padded_depth * conv->size;
		memset(at, conv->outside, to - at);
	}
}

/*
 * Four weights of channel @c of a block of @n, from depth @k on, of which the
 * first @count are wanted.
 */
static inline uint32_t four_weights(const int8_t *block, uint32_t n, uint32_t c,
				    uint32_t k, uint32_t count)
{
	const int8_t *from = block + (size_t)(k & ~3u) * n + 4 * c;
	uint32_t low, high = 0, shift = 8 * (k & 3);

	memcpy(&low, from, sizeof(low));
	if (shift) {
		if (k % 4 + count > 4)
			memcpy(&high, from + 4 * n, sizeof(high));
		low = low >> shift | high << (32 - shift);
	}
	return count < 4 ? low & ((1u << 8 * count) - 1) : low;
}

static void space_block(const struct conv *conv, int8_t *to, const int8_t *from,
			uint32_t n)
{
	uint32_t r, k, c;

	for (r = 0; r < conv->cmd->kernel_h; r++) {
		for (k = 0; k < conv->row_depth; k += 4) {
			uint32_t count = least(conv->row_depth - k, 4);

			for (c = 0; c < n; c++, to += 4) {
				uint32_t four = four_weights(
					from, n, c, r * conv->row_depth + k,
					count);

				memcpy(to, &four, sizeof(four));
			}
		}
	}
}

void conv_space_weights(const struct conv *conv,
			struct conv_operands *operands, uint32_t first,
			uint32_t count)
{
	const struct npu_cmd_conv *cmd = conv->cmd;
	const int8_t *from = (const int8_t *)conv->block +
			     npu_conv_weight_offset(cmd->format, cmd->ofm_c);
	uint32_t depth = cmd->kernel_h * conv->wide_row, c;

	for (c = 0; c < count; c += KERNEL_BLOCK)
		space_block(conv, (int8_t *)operands->patches + c * depth,
			    from + (first + c) * conv->padded_depth,
			    least(count - c, KERNEL_BLOCK));
}

/* --- Without a strip ---------------------------------------------------------- */

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

/* [dot->first, dot->first + count) of the windows, one by one. */
static void gather_pieces(const struct conv *conv,
			  struct conv_operands *operands, uint32_t first,
			  const struct kernel_dot *dot, uint32_t count)
{
	struct patch patch = {
		.first = dot->first,
		.count = count,
		.values = (int8_t *)operands->patches,
	};
	uint32_t y = first / conv->cmd->ofm_w, x = first % conv->cmd->ofm_w, i;

	for (i = 0; i < dot->pixels; i++, patch.values += count) {
		struct mac_window w = mac_window(conv->cmd, y, x);

		patch_gather(conv, &patch, &w);
		operands->windows[i] = operands->cells +
				       (size_t)i * count * conv->size;
		if (++x == conv->cmd->ofm_w) {
			x = 0;
			y++;
		}
	}
	conv->kernels->make_operand(operands->cells,
				    (const int8_t *)operands->patches,
				    dot->pixels * count, conv->cmd->ifm_zp);
}

/* --- Both --------------------------------------------------------------------- */

uint32_t conv_pixels(const struct conv *conv)
{
	uint32_t depth = conv->padded_depth * conv->size;

	if (conv->has_strip && (conv->is_direct || conv->is_spaced))
		return CONV_PIXELS;
	if (!conv->has_strip)
		depth = least(conv->padded_depth, PIECE_DEPTH) * conv->size;
	return least(CONV_PIXELS, (CONV_PATCH_BYTES - COPY) / depth);
}

void conv_gather(const struct conv *conv, struct conv_operands *operands,
		 uint32_t first, struct kernel_dot *dot)
{
	dot->windows = operands->windows;
	dot->rows = 1;
	if (!conv->has_strip) {
		dot->row_depth = least(dot->depth - dot->first, PIECE_DEPTH);
		gather_pieces(conv, operands, first, dot, dot->row_depth);
		return;
	}
	dot->row_depth = conv->padded_depth;
	point_windows(conv, operands, first, dot->pixels);
	if (!conv->is_direct && !conv->is_spaced) {
		copy_windows(conv, operands, dot->pixels);
		return;
	}
	dot->rows = conv->cmd->kernel_h;
	dot->row_depth = conv->wide_row;
	dot->row_step = conv->cmd->dilation_y * operands->pitch;
}
