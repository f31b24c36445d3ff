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

/* One pixel, one block of @n channels. */
KERNEL_INLINE void generic_dot_block(int32_t *sums, const int16_t *x,
				     const int8_t *w, uint32_t count,
				     uint32_t n)
{
	int32_t s[KERNEL_BLOCK] = { 0 };
	uint32_t k, c;

	for (k = 0; k < count; k += 4, w += 4 * n)
		for (c = 0; c < n; c++)
			s[c] += x[k] * w[4 * c] + x[k + 1] * w[4 * c + 1] +
				x[k + 2] * w[4 * c + 2] +
				x[k + 3] * w[4 * c + 3];
	for (c = 0; c < n; c++)
		sums[c] = fixed_add(sums[c], s[c]);
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
		generic_dot_block(sums, x, w, dot->count, n);
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

/* (x - zero) * w fits an int16: at most 255 * 128. */
KERNEL_INLINE void generic_taps_n(const struct kernel_taps *t, uint32_t n)
{
	int16_t zero = (int16_t)t->zero;
	uint32_t p, y, x, c;

	for (p = 0; p < t->pixels; p++) {
		int32_t s[KERNEL_BLOCK] = { 0 };

		for (y = 0; y < t->rows; y++) {
			const int8_t *in = t->ifm + (size_t)p * t->pixel_step +
					   (size_t)y * t->row_step;
			const int8_t *w = t->weights +
					  (size_t)y * t->weight_row;

			for (x = 0; x < t->taps; x++) {
				for (c = 0; c < n; c++)
					s[c] += (int16_t)((in[c] - zero) *
							  w[c]);
				in += t->tap_step;
				w += n;
			}
		}
		memcpy(t->sums + p * KERNEL_BLOCK, s, sizeof(s));
	}
}

KERNEL_INLINE void generic_taps(const struct kernel_taps *t)
{
	if (t->channels == KERNEL_BLOCK)
		generic_taps_n(t, KERNEL_BLOCK);
	else if (t->channels == KERNEL_BLOCK / 2)
		generic_taps_n(t, KERNEL_BLOCK / 2);
	else
		generic_taps_n(t, t->channels);
}

/* fixed_rescale() without its one special case, which mult >= 0 excludes. */
KERNEL_INLINE int32_t generic_rescale(int32_t x, int32_t mult, uint32_t left,
				      uint32_t right)
{
	int64_t product = (int64_t)fixed_shift_left(x, left) * mult;

	x = (int32_t)((uint64_t)(product + (1 << 30)) >> 31);
	return fixed_shift_right(x, right);
}

KERNEL_INLINE void generic_output(int8_t *out, const int32_t *sums,
				  const struct kernel_output *o)
{
	int8_t bytes[KERNEL_BLOCK];
	uint32_t c, i;

	for (c = 0; c < o->count; c += KERNEL_BLOCK) {
		uint32_t n = generic_block(o->count, c);

		for (i = 0; i < KERNEL_BLOCK; i++) {
			int32_t x = fixed_add(sums[c + i], o->offset[c + i]);

			x = generic_rescale(x, o->mult[c + i], o->left[c + i],
					    o->right[c + i]);
			x = fixed_add(x, o->zero);
			bytes[i] = fixed_clamp(x, o->min, o->max);
		}
		memcpy(out + c, bytes, n);
	}
}

#endif
