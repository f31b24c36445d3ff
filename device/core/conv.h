/* SPDX-License-Identifier: MIT */
/*
 * The two halves of CONV: conv_gather.c lays the operands of windows down as the
 * loops for the host read them, conv.c multiplies and puts results out.
 */
#ifndef NPU_CONV_H
#define NPU_CONV_H

#include "mac.h"

/* Pixels whose sums are there at a time. */
#define CONV_PIXELS 24

#define CONV_STRIP_BYTES (32 * 1024)
#define CONV_PATCH_BYTES (12 * 1024)

/* A rectangle of output pixels. */
struct conv_area {
	uint32_t y, x, h, w;
};

/* What is known of a command before its first pixel. */
struct conv {
	const struct npu_cmd_conv *cmd;
	const struct kernels *kernels;
	uint8_t *sram;
	const uint8_t *block; /* its weight block */
	uint32_t size; /* bytes of an operand */
	uint8_t outside; /* of each byte of an operand outside the input */
	uint32_t row_depth; /* of one row of taps */
	uint32_t depth; /* of the whole window */
	uint32_t padded_depth; /* multiple of four, as the weights have it */
	bool is_dense; /* the cells of a row of taps lie side by side */
	uint32_t wide_row; /* row_depth, as a multiple of four */
	bool is_direct; /* windows are read where they are in a strip */
	bool is_spaced; /* likewise, with weights for wide rows */
	/*
	 * Operands of an area are made once, in a strip: a picture of what is
	 * below the area's windows, with the cells outside the input. Rows and
	 * columns that no window looks at are left out: each of these is what
	 * one step in the strip is in the input.
	 */
	bool has_strip;
	uint32_t step_y, step_x;
	uint32_t area_h, area_w; /* of output pixels whose strip fits */
};

/*
 * Operands of some pixels. Without a strip, windows are gathered one by one into
 * @cells, with @patches for their values, a piece of the depth at a time. If a
 * row of taps is no multiple of four, @patches are the weights with zeros behind
 * each row, or, if these don't fit, windows copied from the strip, side by side.
 */
struct conv_operands {
	struct conv_area area;
	uint32_t pitch; /* operands of a row of the strip */
	const void *windows[CONV_PIXELS];
	uint8_t cells[CONV_STRIP_BYTES] __attribute__((aligned(64)));
	uint8_t patches[CONV_PATCH_BYTES] __attribute__((aligned(64)));
};

/* Decide on the way for the command; sets what is below @is_dense. */
void conv_plan(struct conv *conv);

/* How many pixels of an area fit at a time. */
uint32_t conv_pixels(const struct conv *conv);

/* Make the strip of an area. */
void conv_make_strip(const struct conv *conv, struct conv_operands *operands,
		     const struct conv_area *area);

/* If conv->is_spaced: lay down the weights of @count channels from @first on. */
void conv_space_weights(const struct conv *conv,
			struct conv_operands *operands, uint32_t first,
			uint32_t count);

/*
 * Point dot->windows at the pixels [first, first + dot->pixels) of the strip's
 * area, row by row, from depth dot->first on. Sets rows, row_depth and row_step.
 */
void conv_gather(const struct conv *conv, struct conv_operands *operands,
		 uint32_t first, struct kernel_dot *dot);

#endif
