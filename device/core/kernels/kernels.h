/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of the MAC unit, once for each kind of host processor; all of
 * them compute the same bytes. Called by mac.c with pieces of a command that
 * has passed its checks: pointers and counts here are ours, only the values
 * behind them are a stranger's. Nothing here knows commands or SRAM.
 */
#ifndef NPU_KERNELS_H
#define NPU_KERNELS_H

#include <stdint.h>

/* Output channels that lie side by side in a weight block. */
#define KERNEL_BLOCK 16

/* Most of the depth in one call: no sum of products leaves an int32. */
#define KERNEL_MAX_DEPTH 2048

/**
 * struct kernel_dot - dot products of some pixels with some output channels
 * @sums: of channel c of pixel p at p x @sum_pitch + c; added to, modulo 2^32.
 *	Whole blocks of channels are touched, up to the next multiple of 16
 * @sum_pitch: a multiple of 16
 * @operands: of pixel p from element p x @count on, made by ->make_operand()
 * @pixels: at least 1
 * @weights: of the first channel's first depth: a block's first
 * @channels: at least 1
 * @depth: of the whole dot product: a multiple of 4
 * @first: where in it @operands starts, a multiple of 4
 * @count: how much of it @operands has, a multiple of 4, <= KERNEL_MAX_DEPTH
 */
struct kernel_dot {
	int32_t *sums;
	uint32_t sum_pitch;
	const void *operands;
	uint32_t pixels;
	const int8_t *weights;
	uint32_t channels;
	uint32_t depth;
	uint32_t first;
	uint32_t count;
};

/**
 * struct kernel_taps - a run of pixels of up to 16 channels, for DWCONV
 * @ifm: the first tap of the first pixel, first channel
 * @pixel_step: bytes to the next pixel's first tap
 * @row_step: bytes to the next row of taps
 * @tap_step: bytes to the next tap of a row
 * @weights: of the first tap, first channel
 * @weight_row: weights to the next row of taps; taps are @channels apart
 * @rows: of taps, at least 1
 * @taps: per row, at least 1
 * @channels: 1..16
 * @pixels: at least 1
 * @zero: the zero point
 * @sums: 16 per pixel, one behind the other; set, not added to
 */
struct kernel_taps {
	const int8_t *ifm;
	uint32_t pixel_step;
	uint32_t row_step;
	uint32_t tap_step;
	const int8_t *weights;
	uint32_t weight_row;
	uint32_t rows;
	uint32_t taps;
	uint32_t channels;
	uint32_t pixels;
	int32_t zero;
	int32_t *sums;
};

/**
 * struct kernel_output - the output stage of up to @count channels
 * @offset: added to the sums; this and the next three up to a multiple of 16
 * @mult: 0..2^31 - 1
 * @left: 0..30
 * @right: 0..31
 * @count: channels
 * @zero: the zero point, added to the scaled sum
 * @min: smallest result, at least -128
 * @max: greatest result, at most 127
 */
struct kernel_output {
	const int32_t *offset;
	const int32_t *mult;
	const uint32_t *left;
	const uint32_t *right;
	uint32_t count;
	int32_t zero;
	int32_t min;
	int32_t max;
};

/**
 * struct kernels - the loops for one kind of processor
 * @name: what people call it
 * @is_supported: whether this processor has it
 * @operand_size: bytes of an operand's element: 1 or 2
 * @make_operand: operands from @count values, a multiple of 4. They may be off
 *	by a constant, the same for all values: dot products are meant for
 *	subtracting that of an operand made of zero points
 * @dot: see struct kernel_dot
 * @taps: see struct kernel_taps
 * @output: sums of a pixel's channels to its bytes
 */
struct kernels {
	const char *name;
	int (*is_supported)(void);
	uint32_t operand_size;
	void (*make_operand)(void *operand, const int8_t *values,
			     uint32_t count);
	void (*dot)(const struct kernel_dot *dot);
	void (*taps)(const struct kernel_taps *taps);
	void (*output)(int8_t *out, const int32_t *sums,
		       const struct kernel_output *output);
};

extern const struct kernels npu_kernels_portable;
#ifdef __x86_64__
extern const struct kernels npu_kernels_avx2;
extern const struct kernels npu_kernels_avx512;
#endif

/* All that were built, best first; the last one runs everywhere. NULL ends. */
extern const struct kernels *const npu_kernels_all[];

/* The best for this processor. */
const struct kernels *npu_kernels_best(void);

#endif
