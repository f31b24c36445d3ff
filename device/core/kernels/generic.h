/* SPDX-License-Identifier: MIT */
/*
 * The loops in plain C, to be inlined into functions that are compiled for one
 * kind of processor each. Inner loops run over a constant number of channels
 * and neither branch nor call, so that compilers turn them into vectors.
 */
#ifndef NPU_KERNELS_GENERIC_H
#define NPU_KERNELS_GENERIC_H

#include "fixed_point.h"
#include "kernels.h"

#include <string.h>

#define KERNEL_INLINE static inline __attribute__((always_inline))

KERNEL_INLINE void generic_widen(void *operand, const int8_t *values,
				 uint32_t count)
{
	int16_t *wide = operand;
	uint32_t i;

	for (i = 0; i < count; i++)
		wide[i] = values[i];
}

KERNEL_INLINE uint32_t generic_block(uint32_t channels, uint32_t first)
{
	uint32_t left = channels - first;

	return left < KERNEL_BLOCK ? left : KERNEL_BLOCK;
}

/* One pixel, one block of @n channels; the others' sums are anything. */
KERNEL_INLINE void generic_dot_block(int32_t *sums, bool is_first,
				     const int16_t *x, const int8_t *w,
				     uint32_t count, uint32_t n)
{
	int32_t s[KERNEL_BLOCK] = { 0 };
	uint32_t k, c;

	for (k = 0; k < count; k += 4, w += 4 * n)
		for (c = 0; c < n; c++)
			s[c] += x[k] * w[4 * c] + x[k + 1] * w[4 * c + 1] +
				x[k + 2] * w[4 * c + 2] +
				x[k + 3] * w[4 * c + 3];
	for (c = 0; c < KERNEL_BLOCK; c++)
		sums[c] = is_first ? s[c] : fixed_add(sums[c], s[c]);
}

/* The weights of the block of @n channels that starts at channel @first. */
KERNEL_INLINE const int8_t *generic_weights(const struct kernel_dot *dot,
					    uint32_t first, uint32_t n)
{
	return dot->weights + (size_t)first * dot->depth +
	       (size_t)dot->first * n;
}

/* All pixels, one block, any number of channels in it. */
KERNEL_INLINE void generic_dot_pixels(const struct kernel_dot *dot,
				      uint32_t first, uint32_t n)
{
	const int8_t *w = generic_weights(dot, first, n);
	const int16_t *x = dot->operands;
	int32_t *sums = dot->sums + first;
	uint32_t p;

	for (p = 0; p < dot->pixels; p++) {
		generic_dot_block(sums, !dot->first, x, w, dot->count, n);
		x += dot->count;
		sums += dot->sum_pitch;
	}
}

KERNEL_INLINE void generic_dot(const struct kernel_dot *dot)
{
	uint32_t c;

	for (c = 0; c < dot->channels; c += KERNEL_BLOCK) {
		uint32_t n = generic_block(dot->channels, c);

		if (n == KERNEL_BLOCK)
			generic_dot_pixels(dot, c, KERNEL_BLOCK);
		else
			generic_dot_pixels(dot, c, n);
	}
}

/* The order here: 16 upper cells, 16 lower ones. */
KERNEL_INLINE void generic_interleave(const struct kernel_rows *r)
{
	int16_t zero = (int16_t)r->zero;
	int16_t *to = r->to;
	const int8_t *upper = r->upper, *lower = r->lower;
	uint32_t i, c;

	for (i = 0; i < r->columns; i++) {
		for (c = 0; c < KERNEL_BLOCK; c++) {
			to[c] = upper[c] - zero;
			to[KERNEL_BLOCK + c] = lower[c] - zero;
		}
		to += 2 * KERNEL_BLOCK;
		upper += r->upper_step;
		lower += r->lower_step;
	}
}

/* One pixel: the cells and weights of one pair of rows. */
KERNEL_INLINE void generic_taps_row(int32_t *s, const int16_t *x,
				    const int16_t *w, uint32_t taps,
				    uint32_t tap_step)
{
	uint32_t t, c;

	for (t = 0; t < taps; t++) {
		for (c = 0; c < KERNEL_BLOCK; c++)
			s[c] = fixed_add(s[c], x[c] * w[c] +
					       x[KERNEL_BLOCK + c] *
						       w[KERNEL_BLOCK + c]);
		x += 2 * KERNEL_BLOCK * tap_step;
		w += 2 * KERNEL_BLOCK;
	}
}

KERNEL_INLINE void generic_taps(const struct kernel_taps *t)
{
	const uint32_t cell = 2 * KERNEL_BLOCK;
	uint32_t p, i;

	if (t->is_first)
		memset(t->sums, 0, t->pixels * KERNEL_BLOCK * sizeof(*t->sums));
	for (p = 0; p < t->pixels; p++)
		for (i = 0; i < t->pairs; i++)
			generic_taps_row(t->sums + p * KERNEL_BLOCK,
					 t->cells + (i * t->columns +
						     p * t->pixel_step) * cell,
					 t->weights + i * t->taps * cell,
					 t->taps, t->tap_step);
}

/* fixed_rescale() without its one special case, which mult >= 0 excludes. */
KERNEL_INLINE int32_t generic_rescale(int32_t x, int32_t mult, uint32_t left,
				      uint32_t right)
{
	int64_t product = (int64_t)fixed_shift_left(x, left) * mult;

	x = (int32_t)((uint64_t)(product + (1 << 30)) >> 31);
	return fixed_shift_right(x, right);
}

/* Sixteen channels; those behind the last are computed, too, for nothing. */
KERNEL_INLINE void generic_output_block(int8_t *out, const int32_t *sums,
					const struct kernel_output *o,
					uint32_t c)
{
	uint32_t i;

	for (i = 0; i < KERNEL_BLOCK; i++) {
		int32_t x = fixed_add(sums[c + i], o->offset[c + i]);

		x = generic_rescale(x, o->mult[c + i], o->left[c + i],
				    o->right[c + i]);
		out[i] = fixed_clamp(fixed_add(x, o->zero), o->min, o->max);
	}
}

KERNEL_INLINE void generic_output(const struct kernel_output *o)
{
	const int32_t *sums = o->sums;
	int8_t block[KERNEL_BLOCK], *out = o->out;
	uint32_t p, c;

	for (p = 0; p < o->pixels; p++) {
		for (c = 0; c < o->channels; c += KERNEL_BLOCK) {
			generic_output_block(block, sums, o, c);
			memcpy(out + c, block, generic_block(o->channels, c));
		}
		sums += o->sum_pitch;
		out += o->out_step;
	}
}

#endif
