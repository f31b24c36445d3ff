/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of the units, once for each kind of host processor; all of
 * them compute the same bytes. Called by mac.c with pieces of a command that
 * has passed its checks: pointers and counts here are ours, only the values
 * behind them are a stranger's. Nothing here knows commands or SRAM.
 */
#ifndef NPU_KERNELS_H
#define NPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Output channels that lie side by side in a weight block. */
#define KERNEL_BLOCK 16

/* Most of the depth in one call: no sum of products leaves an int32. */
#define KERNEL_MAX_DEPTH 16384

/**
 * struct kernel_dot - dot products of some pixels with some output channels
 * @sums: of channel c of pixel p at p x @sum_pitch + c; added to, modulo 2^32,
 *	or set if @first is 0. Whole blocks of channels are touched, up to the
 *	next multiple of 16
 * @sum_pitch: a multiple of 16
 * @windows: where the first of each pixel's operands is, made by
 *	->make_operand()
 * @pixels: at least 1
 * @rows: of operands in a window
 * @row_depth: operands side by side in a row: a multiple of 4, but any number
 *	for ->add_cells()
 * @row_step: operands from a row to the next
 * @weights: of the first channel's first depth: a block's first
 * @channels: at least 1
 * @depth: of the whole dot product: a multiple of 4
 * @first: where in it the windows start, a multiple of 4. They have @rows x
 *	@row_depth of it, at most KERNEL_MAX_DEPTH
 */
struct kernel_dot {
	int32_t *sums;
	uint32_t sum_pitch;
	const void *const *windows;
	uint32_t pixels;
	uint32_t rows;
	uint32_t row_depth;
	uint32_t row_step;
	const int8_t *weights;
	uint32_t channels;
	uint32_t depth;
	uint32_t first;
};

/**
 * struct kernel_taps - what some taps add to a row of pixels of one block
 * @sums: 16 channels of each pixel, one pixel behind the other, modulo 2^32
 * @is_first: the sums are set, not added to
 * @cells: two rows of cells, column by column, made by ->interleave(): values
 *	from -255 to 255
 * @weights: two rows of taps, likewise
 * @pixels: at least 1
 * @pixel_step: columns to the next pixel's first tap
 * @taps: per row, at least 1
 * @tap_step: columns to the next tap
 * @pairs: of rows, at least 1
 * @columns: to the next pair of rows
 */
struct kernel_taps {
	int32_t *sums;
	bool is_first;
	const int16_t *cells;
	const int16_t *weights;
	uint32_t pixels;
	uint32_t pixel_step;
	uint32_t taps;
	uint32_t tap_step;
	uint32_t pairs;
	uint32_t columns;
};

/**
 * struct kernel_rows - two rows of cells to be interleaved
 * @to: 32 elements for each column, in an order that is the loops' own
 * @upper: 16 channels of the first column's upper cell
 * @lower: likewise
 * @upper_step: bytes to the next column; 0 repeats the first one
 * @lower_step: likewise
 * @columns: how many
 * @zero: subtracted from each
 */
struct kernel_rows {
	int16_t *to;
	const int8_t *upper;
	const int8_t *lower;
	uint32_t upper_step;
	uint32_t lower_step;
	uint32_t columns;
	int32_t zero;
};

/**
 * struct kernel_output - the output stage of some channels of some pixels
 * @out: the first pixel's first channel
 * @out_step: bytes to the next pixel
 * @sums: the first pixel's first channel
 * @sum_pitch: to the next pixel, a multiple of 16
 * @pixels: at least 1
 * @channels: at least 1; what follows is there up to a multiple of 16
 * @cells: of each pixel; NULL if all are 0
 * @weight_zero: of each channel, times @cells subtracted from the sums
 * @offset: added to the sums
 * @factor: scales the sums if not NULL, as NPU_CONV_FLOAT says; else
 * @mult: 0..2^31 - 1
 * @left: 0..30
 * @right: 0..31
 * @zero: the zero point, added to the scaled sum
 * @min: smallest result, at least -128
 * @max: greatest result, at most 127
 */
struct kernel_output {
	int8_t *out;
	uint32_t out_step;
	const int32_t *sums;
	uint32_t sum_pitch;
	uint32_t pixels;
	uint32_t channels;
	const int32_t *cells;
	const int32_t *weight_zero;
	const int32_t *offset;
	const float *factor;
	const int32_t *mult;
	const int32_t *left;
	const int32_t *right;
	int32_t zero;
	int32_t min;
	int32_t max;
};

/* --- Sums of two tensors ------------------------------------------------------- */

/*
 * What an element stands for: (value - @zero) x 2^@left modulo 2^32, scaled as
 * outputs are; 0 <= @left <= 50.
 */
struct kernel_term {
	int32_t zero;
	uint32_t left;
	int32_t mult;
	uint32_t right;
};

/**
 * struct kernel_sum - sums of some elements of two tensors
 * @sums: results, modulo 2^32
 * @x: elements
 * @y: elements
 * @count: of each, any number
 * @a: of @x
 * @b: of @y
 * @is_difference: the second term is subtracted
 */
struct kernel_sum {
	int32_t *sums;
	const int8_t *x;
	const int8_t *y;
	uint32_t count;
	struct kernel_term a;
	struct kernel_term b;
	bool is_difference;
};

/* --- Depthwise convolution by lanes ------------------------------------------- */

/* Bytes that are worked on at a time, and as many sums. */
#define KERNEL_WIDE 64

/* Rows and columns of taps in one call. */
#define KERNEL_WIDE_ROWS 4
#define KERNEL_WIDE_TAPS 8

/**
 * struct kernel_lanes - what some taps add to a row of sums
 * @sums: KERNEL_WIDE for each step, in an order that is the loops' own
 * @is_first: sums begin with @bias, else they are added to
 * @bias: for each lane, in the order of sums; the same for each cell, as weights are
 * @rows: operands, as bytes: values + 128. Each step takes KERNEL_WIDE more of
 *	them; those of a step behind the last may be read, too
 * @row_count: of them, at least 1; weights of the others are 0
 * @taps: of each row, 1 to KERNEL_WIDE_TAPS
 * @offsets: where in a row each tap's operands are for the first step
 * @weights: as ->mix_weights() made them
 * @steps: at least 1
 */
struct kernel_lanes {
	int32_t *sums;
	bool is_first;
	const int32_t *bias;
	const uint8_t *rows[KERNEL_WIDE_ROWS];
	uint32_t row_count;
	uint32_t taps;
	const uint32_t *offsets;
	const int8_t *weights;
	uint32_t steps;
};

/**
 * struct kernel_cells - cells of some channels, laid side by side
 * @to: operands as for struct kernel_lanes
 * @from: the first cell
 * @step: bytes to the next cell
 * @size: bytes of a cell, at most KERNEL_WIDE
 * @pitch: to the next cell's operands, @size to KERNEL_WIDE; what is between
 *	is anything
 * @count: of cells
 */
struct kernel_cells {
	uint8_t *to;
	const int8_t *from;
	uint32_t step;
	uint32_t size;
	uint32_t pitch;
	uint32_t count;
};

/**
 * struct kernel_lines - rows of steps that are put out
 * @rows: at least 1
 * @row_step: bytes from a row's first result to the next row's
 * @count: bytes of a step
 * @last: bytes of a row's last step
 */
struct kernel_lines {
	uint32_t rows;
	size_t row_step;
	uint32_t count;
	uint32_t last;
};

/**
 * struct kernel_wide - loops for depthwise convolution by lanes
 * @put_cells: see struct kernel_cells
 * @order: put KERNEL_WIDE words, one for each lane, into the order of sums
 * @spread_weights: of @count channels, for each lane, @cell of them for each
 *	pixel; @from are blocks of up to KERNEL_BLOCK channels
 * @subtract: @zero from KERNEL_WIDE @weights; what leaves 8 bits goes to @rest
 *	and sets *@has_rest. Returns false if that leaves 8 bits, too
 * @mix_weights: of KERNEL_WIDE_ROWS rows of a tap: KERNEL_WIDE bytes each
 * @add: see struct kernel_lanes
 * @output: as in struct kernels, for rows of sums, one behind the other: @sum_pitch
 *	and @channels are KERNEL_WIDE; @pixels are a row's steps. Factors are in
 *	the order of sums, which the biases are in: neither @offset nor @cells
 *	counts
 */
struct kernel_wide {
	void (*put_cells)(const struct kernel_cells *cells);
	void (*order)(int32_t *to, const int32_t *from);
	void (*spread_weights)(int8_t *to, const int8_t *const *from,
			       uint32_t count, uint32_t cell);
	bool (*subtract)(int8_t *weights, int8_t *rest, const int8_t *zero,
			 bool *has_rest);
	void (*mix_weights)(int8_t *to, const int8_t *from);
	void (*add)(const struct kernel_lanes *lanes);
	void (*output)(const struct kernel_output *output,
		       const struct kernel_lines *lines);
};

/* --- Coded streams ------------------------------------------------------------- */

/* Lanes that are decoded side by side. */
#define KERNEL_LANES 16

/*
 * A slot of a table of a coded stream, found by the low bits of a lane's state:
 * what it takes to decode a byte.
 *
 *   bits 0..10	frequency of the class
 *   11..20	slots of the class before this one
 *   21..28	lowest value of the class, plus the centre
 *   29..31	bits that tell the class's values apart
 */
#define KERNEL_SLOT_BITS 10 /* of a slot's number */
#define KERNEL_SLOT_FREQUENCY(slot) ((slot) % 2048)
#define KERNEL_SLOT_PLACE(slot) ((slot) >> 11 & 1023)
#define KERNEL_SLOT_LOW(slot) ((slot) >> 21) /* its low byte */
#define KERNEL_SLOT_VALUES(slot) ((slot) >> 29)

/**
 * struct kernel_decode - rounds of a coded stream, a byte of each lane each
 * @state: of the lanes
 * @slots: of all tables
 * @tables: where in @slots the table of each byte of a period begins, and again
 *	the first KERNEL_LANES of them, over and over
 * @period: bytes after which tables repeat
 * @place: of the next round's first byte in the period; moves on
 * @words: 16-bit ones to be taken; moves on
 * @last: @words up to which as many are there as a round may take
 * @out: bytes; moves on
 * @rounds: at most so many; counts down
 */
struct kernel_decode {
	uint32_t *state;
	const uint32_t *slots;
	const uint32_t *tables;
	uint32_t period;
	uint32_t place;
	const uint8_t *words;
	const uint8_t *last;
	uint8_t *out;
	uint32_t rounds;
};

/**
 * struct kernels - the loops for one kind of processor
 * @name: what people call it
 * @is_supported: whether this processor has it
 * @operand_size: bytes of an operand's element: 1 or 2
 * @is_unsigned: operands are values + 128, not values less @zero
 * @make_operand: operands from @count values
 * @dot: see struct kernel_dot
 * @add_cells: to each pixel's cell what the operands of its window add up to,
 *	modulo 2^32
 * @interleave: see struct kernel_rows
 * @taps: see struct kernel_taps
 * @output: see struct kernel_output
 * @decode: see struct kernel_decode
 * @multiply_add: a x b + c, rounded once, of @count float32; results are never
 *	NaNs of another kind than @nan. NULL if there is none
 * @sum: see struct kernel_sum. NULL if there is none
 * @wide: NULL if there are none
 */
struct kernels {
	const char *name;
	bool (*is_supported)(void);
	uint32_t operand_size;
	bool is_unsigned;
	void (*make_operand)(void *operand, const int8_t *values,
			     uint32_t count, int32_t zero);
	void (*dot)(const struct kernel_dot *dot);
	void (*add_cells)(const struct kernel_dot *dot, int32_t *cells);
	void (*interleave)(const struct kernel_rows *rows);
	void (*taps)(const struct kernel_taps *taps);
	void (*output)(const struct kernel_output *output);
	void (*decode)(struct kernel_decode *decode);
	void (*multiply_add)(int32_t *to, const int32_t *c, const int32_t *a,
			     const int32_t *b, uint32_t count, int32_t nan);
	void (*sum)(const struct kernel_sum *sum);
	const struct kernel_wide *wide;
};

extern const struct kernels npu_kernels_portable;
#ifdef __aarch64__
extern const struct kernels npu_kernels_neon;
extern const struct kernels npu_kernels_neon_dot;
#endif
#ifdef __x86_64__
extern const struct kernels npu_kernels_avx2;
extern const struct kernel_wide npu_kernels_avx2_wide;
extern const struct kernels npu_kernels_avx512;
extern const struct kernel_wide npu_kernels_avx512_wide;
#endif

/* All that were built, best first; the last one runs everywhere. NULL ends. */
extern const struct kernels *const npu_kernels_all[];

/* The best for this processor. */
const struct kernels *npu_kernels_best(void);

#endif
