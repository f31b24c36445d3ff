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

#include <float.h>
#include <string.h>

#define KERNEL_INLINE static inline __attribute__((always_inline))

KERNEL_INLINE void generic_widen(void *operand, const int8_t *values,
				 uint32_t count, int32_t zero)
{
	int16_t *wide = operand;
	uint32_t i;

	for (i = 0; i < count; i++)
		wide[i] = (int16_t)(values[i] - zero);
}

KERNEL_INLINE uint32_t generic_block(uint32_t channels, uint32_t first)
{
	uint32_t left = channels - first;

	return left < KERNEL_BLOCK ? left : KERNEL_BLOCK;
}

/* One pixel, one whole block of channels: what a row of operands adds. */
KERNEL_INLINE void generic_dot_row(int32_t *s, const int16_t *x,
				   const int8_t *w, uint32_t count)
{
	uint32_t k, c;

	for (k = 0; k < count; k += 4, w += 4 * KERNEL_BLOCK)
		for (c = 0; c < KERNEL_BLOCK; c++)
			s[c] += x[k] * w[4 * c] + x[k + 1] * w[4 * c + 1] +
				x[k + 2] * w[4 * c + 2] +
				x[k + 3] * w[4 * c + 3];
}

/* The weights of the block of @n channels that starts at channel @first. */
KERNEL_INLINE const int8_t *generic_weights(const struct kernel_dot *dot,
					    uint32_t first, uint32_t n)
{
	return dot->weights + (size_t)first * dot->depth +
	       (size_t)dot->first * n;
}

/* All pixels, one whole block of channels. */
KERNEL_INLINE void generic_dot_pixels(const struct kernel_dot *dot,
				      uint32_t first)
{
	int32_t *sums = dot->sums + first;
	uint32_t p, r, c;

	for (p = 0; p < dot->pixels; p++, sums += dot->sum_pitch) {
		const int8_t *w = generic_weights(dot, first, KERNEL_BLOCK);
		const int16_t *x = dot->windows[p];
		int32_t s[KERNEL_BLOCK] = { 0 };

		for (r = 0; r < dot->rows; r++) {
			generic_dot_row(s, x, w, dot->row_depth);
			x += dot->row_step;
			w += (size_t)KERNEL_BLOCK * dot->row_depth;
		}
		for (c = 0; c < KERNEL_BLOCK; c++)
			sums[c] = dot->first ? fixed_add(sums[c], s[c]) : s[c];
	}
}

/* Depth whose weights are laid out anew at a time; for so many pixels it pays. */
#define GENERIC_PART 256
#define GENERIC_PIXELS 4

/* Weights of @count depth, of @n channels of a block, one channel behind the other. */
KERNEL_INLINE void generic_part_channels(int16_t to[][GENERIC_PART],
					 const int8_t *w, uint32_t count,
					 uint32_t n)
{
	uint32_t c, k, i;

	for (k = 0; k < count; k += 4)
		for (c = 0; c < n; c++)
			for (i = 0; i < 4; i++)
				to[c][k + i] = *w++;
}

KERNEL_INLINE int32_t generic_dot_line(const int16_t *x, const int16_t *w,
				       uint32_t count)
{
	int32_t sum = 0;
	uint32_t k;

	for (k = 0; k < count; k++)
		sum += x[k] * w[k];
	return sum;
}

/*
 * One block of @n channels: products of a channel's weights that lie
 * side by side are what compilers have good instructions for.
 */
KERNEL_INLINE void generic_dot_channels(const struct kernel_dot *dot,
					uint32_t first, uint32_t n)
{
	const int8_t *w = generic_weights(dot, first, n);
	int16_t part[KERNEL_BLOCK][GENERIC_PART];
	bool is_first = !dot->first;
	uint32_t r, k, p, c, count;

	for (r = 0; r < dot->rows; r++) {
		for (k = 0; k < dot->row_depth; k += count, w += count * n) {
			count = dot->row_depth - k;
			count = count < GENERIC_PART ? count : GENERIC_PART;
			generic_part_channels(part, w, count, n);
			for (p = 0; p < dot->pixels; p++) {
				const int16_t *x = dot->windows[p];
				int32_t *sums = dot->sums + first +
						(size_t)p * dot->sum_pitch;

				x += (size_t)r * dot->row_step + k;
				for (c = 0; c < n; c++) {
					int32_t sum = generic_dot_line(
						x, part[c], count);

					sums[c] = is_first ? sum :
						fixed_add(sums[c], sum);
				}
			}
			is_first = false;
		}
	}
}

/* All pixels, one block of @n channels. */
KERNEL_INLINE void generic_dot_block(const struct kernel_dot *dot, uint32_t c,
				     uint32_t n)
{
	if (n == KERNEL_BLOCK && dot->pixels < GENERIC_PIXELS)
		generic_dot_pixels(dot, c);
	else if (n == KERNEL_BLOCK)
		generic_dot_channels(dot, c, KERNEL_BLOCK);
	else
		generic_dot_channels(dot, c, n);
}

KERNEL_INLINE void generic_dot(const struct kernel_dot *dot)
{
	uint32_t c;

	for (c = 0; c < dot->channels; c += KERNEL_BLOCK)
		generic_dot_block(dot, c, generic_block(dot->channels, c));
}

KERNEL_INLINE void generic_add_cells(const struct kernel_dot *dot,
				     int32_t *cells)
{
	uint32_t p, r, k;

	for (p = 0; p < dot->pixels; p++) {
		const int16_t *x = dot->windows[p];

		for (r = 0; r < dot->rows; r++, x += dot->row_step) {
			int32_t sum = 0;

			for (k = 0; k < dot->row_depth; k++)
				sum += x[k];
			cells[p] = fixed_add(cells[p], sum);
		}
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

/*
 * One pixel: sums are here while they grow, so that compilers know that nothing else
 * changes them.
 */
KERNEL_INLINE void generic_taps_pixel(const struct kernel_taps *t,
				      int32_t *sums, const int16_t *cells)
{
	const uint32_t cell = 2 * KERNEL_BLOCK;
	const int16_t *w = t->weights;
	int32_t s[KERNEL_BLOCK] = { 0 };
	uint32_t i, k, c;

	if (!t->is_first)
		memcpy(s, sums, sizeof(s));
	for (i = 0; i < t->pairs; i++, cells += t->columns * cell) {
		const int16_t *x = cells;

		for (k = 0; k < t->taps; k++) {
			for (c = 0; c < KERNEL_BLOCK; c++)
				s[c] = fixed_add(s[c],
						 x[c] * w[c] +
						 x[KERNEL_BLOCK + c] *
							 w[KERNEL_BLOCK + c]);
			x += cell * t->tap_step;
			w += cell;
		}
	}
	memcpy(sums, s, sizeof(s));
}

KERNEL_INLINE void generic_taps(const struct kernel_taps *t)
{
	const uint32_t cell = 2 * KERNEL_BLOCK;
	uint32_t p;

	for (p = 0; p < t->pixels; p++)
		generic_taps_pixel(t, t->sums + p * KERNEL_BLOCK,
				   t->cells + (size_t)p * t->pixel_step * cell);
}

/* fixed_rescale() without its one special case, which mult >= 0 excludes. */
KERNEL_INLINE int32_t generic_rescale(int32_t x, int32_t mult, uint32_t left,
				      uint32_t right)
{
	int64_t product = (int64_t)fixed_shift_left(x, left) * mult;

	x = (int32_t)((uint64_t)(product + (1 << 30)) >> 31);
	return fixed_shift_right(x, right);
}

/*
 * A float32 this much greater has no bits for fractions, so adding it rounds,
 * half to even: for values of up to 2^22 either way.
 */
#define GENERIC_ROUND (3 << 22)

_Static_assert(FLT_EVAL_METHOD == 0, "float32 sums are rounded at once");

/* Sixteen sums of a pixel, with all that is added to them. */
KERNEL_INLINE void generic_output_sums(int32_t *x, const int32_t *sums,
				       const struct kernel_output *o,
				       uint32_t p, uint32_t c)
{
	uint32_t cell = o->cells ? (uint32_t)o->cells[p] : 0, i;

	for (i = 0; i < KERNEL_BLOCK; i++)
		x[i] = fixed_add(sums[c + i], o->offset[c + i]);
	for (i = 0; i < KERNEL_BLOCK && o->cells; i++)
		x[i] = (int32_t)((uint32_t)x[i] -
				 cell * (uint32_t)o->weight_zero[c + i]);
}

/* Bounds hold before the zero point is added. */
KERNEL_INLINE void generic_scale_float(int32_t *x,
				       const struct kernel_output *o,
				       uint32_t c)
{
	const float low = (float)(o->min - o->zero);
	const float high = (float)(o->max - o->zero);
	uint32_t i;

	for (i = 0; i < KERNEL_BLOCK; i++) {
		float v = (float)x[i] * o->factor[c + i];

		v = v > low ? v : low; /* not a number: low */
		v = v < high ? v : high;
		x[i] = (int32_t)(v + GENERIC_ROUND) - GENERIC_ROUND + o->zero;
	}
}

KERNEL_INLINE void generic_scale_fixed(int32_t *x,
				       const struct kernel_output *o,
				       uint32_t c)
{
	uint32_t i;

	for (i = 0; i < KERNEL_BLOCK; i++) {
		int32_t v = generic_rescale(x[i], o->mult[c + i],
					    o->left[c + i], o->right[c + i]);

		v = fixed_add(v, o->zero);
		v = v > o->min ? v : o->min;
		x[i] = v < o->max ? v : o->max;
	}
}

/* Sixteen channels; those behind the last are computed, too, for nothing. */
KERNEL_INLINE void generic_results(int32_t *results, const int32_t *sums,
				   const struct kernel_output *o, uint32_t p,
				   uint32_t c)
{
	generic_output_sums(results, sums, o, p, c);
	if (o->factor)
		generic_scale_float(results, o, c);
	else
		generic_scale_fixed(results, o, c);
}

KERNEL_INLINE void generic_output_block(int8_t *out, const int32_t *sums,
					const struct kernel_output *o,
					uint32_t p, uint32_t c)
{
	int32_t results[KERNEL_BLOCK];
	int8_t bytes[KERNEL_BLOCK];
	uint32_t i;

	generic_results(results, sums, o, p, c);
	for (i = 0; i < KERNEL_BLOCK; i++)
		bytes[i] = (int8_t)results[i];
	memcpy(out + c, bytes, generic_block(o->channels, c));
}

KERNEL_INLINE void generic_output(const struct kernel_output *o)
{
	const int32_t *sums = o->sums;
	int8_t *out = o->out;
	uint32_t p, c;

	for (p = 0; p < o->pixels; p++) {
		for (c = 0; c < o->channels; c += KERNEL_BLOCK)
			generic_output_block(out, sums, o, p, c);
		sums += o->sum_pitch;
		out += o->out_step;
	}
}

/*
 * Whether a lane takes a word is anybody's guess: no branch may depend on it.
 * Returns where the next round's words begin.
 */
KERNEL_INLINE const uint8_t *
generic_decode_round(const struct kernel_decode *d, uint8_t *out)
{
	const uint8_t *words = d->words;
	uint32_t i;

	for (i = 0; i < KERNEL_LANES; i++) {
		uint32_t x = d->state[i], mask, slot;
		uint16_t word;

		slot = d->slots[d->tables[d->place + i] +
				x % (1u << KERNEL_SLOT_BITS)];
		x = KERNEL_SLOT_FREQUENCY(slot) * (x >> KERNEL_SLOT_BITS) +
		    KERNEL_SLOT_PLACE(slot);
		mask = (1u << KERNEL_SLOT_VALUES(slot)) - 1;
		out[i] = (uint8_t)(KERNEL_SLOT_LOW(slot) + (x & mask));
		x >>= KERNEL_SLOT_VALUES(slot);
		memcpy(&word, words, sizeof(word));
		mask = 0u - (x < 1u << 16);
		d->state[i] = x << (mask & 16) | (word & mask);
		words += mask & 2;
	}
	return words;
}

KERNEL_INLINE void generic_decode(struct kernel_decode *d)
{
	uint32_t step = KERNEL_LANES % d->period;

	for (; d->rounds && d->words <= d->last; d->rounds--) {
		uint8_t out[KERNEL_LANES];

		d->words = generic_decode_round(d, out);
		memcpy(d->out, out, sizeof(out));
		d->out += KERNEL_LANES;
		d->place += step;
		if (d->place >= d->period)
			d->place -= d->period;
	}
}

#endif
