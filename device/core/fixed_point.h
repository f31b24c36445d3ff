/* SPDX-License-Identifier: MIT */
/*
 * Fixed-point arithmetic as TensorFlow Lite's reference does it: a scaling
 * rounds twice, once in the multiplication and once in the shift. Used by every
 * command that rescales. All of it is defined for all values: sums and left
 * shifts are modulo 2^32, so that no command can bring the host to do what C
 * leaves undefined.
 */
#ifndef NPU_FIXED_POINT_H
#define NPU_FIXED_POINT_H

#include <stdint.h>

#define FIXED_SHIFT_MIN (-31)
#define FIXED_SHIFT_MAX 30

static inline int32_t fixed_add(int32_t a, int32_t b)
{
	return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t fixed_sub(int32_t a, int32_t b)
{
	return (int32_t)((uint32_t)a - (uint32_t)b);
}

/* x * 2^bits modulo 2^32, 0 <= bits <= 31 */
static inline int32_t fixed_shift_left(int32_t x, uint32_t bits)
{
	return (int32_t)((uint32_t)x << bits);
}

/*
 * a * b / 2^31, to the nearest, halves upwards, saturating. The reference adds
 * a nudge with the product's sign and truncates: the same value.
 */
static inline int32_t fixed_high_mul(int32_t a, int32_t b)
{
	if (a == INT32_MIN && b == INT32_MIN)
		return INT32_MAX;
	return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* x / 2^bits, to the nearest, halves away from zero, 0 <= bits <= 31 */
static inline int32_t fixed_shift_right(int32_t x, uint32_t bits)
{
	uint32_t mask = (1u << bits) - 1;
	uint32_t rest = (uint32_t)x & mask;

	return (x >> bits) + (rest > (mask >> 1) + (x < 0));
}

/* A factor mult * 2^(left - right - 31); one of left and right is zero. */
struct fixed_scale {
	int32_t mult;
	uint32_t left;
	uint32_t right;
};

/*
 * The factor that a command or weight block states. Fields of a command are
 * checked before; in a weight block bit 31 of the multiplier counts as zero and
 * a shift beyond the limits as the limit.
 */
static inline struct fixed_scale fixed_scale(uint32_t mult, int shift)
{
	if (shift < FIXED_SHIFT_MIN)
		shift = FIXED_SHIFT_MIN;
	if (shift > FIXED_SHIFT_MAX)
		shift = FIXED_SHIFT_MAX;
	return (struct fixed_scale){
		.mult = (int32_t)(mult & INT32_MAX),
		.left = shift > 0 ? shift : 0,
		.right = shift < 0 ? -shift : 0,
	};
}

static inline int32_t fixed_rescale(int32_t x, const struct fixed_scale *scale)
{
	x = fixed_high_mul(fixed_shift_left(x, scale->left), scale->mult);
	return fixed_shift_right(x, scale->right);
}

static inline int8_t fixed_clamp(int32_t x, int32_t min, int32_t max)
{
	return (int8_t)(x < min ? min : x > max ? max : x);
}

#endif
