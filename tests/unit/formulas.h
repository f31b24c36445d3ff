/* SPDX-License-Identifier: MIT */
/*
 * The manual's formulas (uapi/README.md, Numbers), written for tests alone from
 * what it says: the engines have versions of their own, which these judge.
 */
#ifndef FORMULAS_H
#define FORMULAS_H

#include <math.h>
#include <stdint.h>

static inline int32_t ref_srdhm(int32_t a, int32_t b)
{
	int64_t p = (int64_t)a * b;
	int64_t n = p >= 0 ? 1ll << 30 : 1 - (1ll << 30);

	if (a == INT32_MIN && b == INT32_MIN)
		return INT32_MAX;
	return (int32_t)((p + n) / (1ll << 31));
}

static inline int32_t ref_rdivp(int32_t x, int e)
{
	int64_t unit = 1ll << e, half = unit / 2;
	int64_t size = x < 0 ? -(int64_t)x : x;
	int64_t result = e ? (size + half) / unit : size;

	return (int32_t)(x < 0 ? -result : result);
}

static inline int32_t ref_wrap(int64_t x)
{
	return (int32_t)(uint32_t)(uint64_t)x;
}

static inline int32_t ref_scale(int32_t x, uint32_t mult, int shift)
{
	if (shift > 0)
		x = ref_wrap((int64_t)x * (1ll << shift));
	x = ref_srdhm(x, (int32_t)mult);
	return shift < 0 ? ref_rdivp(x, -shift) : x;
}

/* Left shift by bits, or rounding right shift; saturating. */
static inline int32_t ref_rescale(int32_t x, int bits)
{
	int64_t wide = (int64_t)x * (1ll << (bits > 0 ? bits : 0));

	if (bits <= 0)
		return ref_rdivp(x, -bits);
	return wide > INT32_MAX ? INT32_MAX :
	       wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/*
 * gemmlowp's exp_on_negative_values for 5 integer bits, constant by constant:
 * the exponential of -1/8, 1/3, and of -1/4, -1/2, -1, -2, -4, -8, -16, all as
 * fractions of 2^31.
 */
static inline int32_t ref_exp(int32_t a)
{
	static const double powers[] = { .25, .5, 1, 2, 4, 8, 16 };
	const double one = 2147483648.0;
	int32_t c8 = (int32_t)lround(exp(-1 / 8.) * one);
	int32_t c3 = (int32_t)lround(one / 3);
	int32_t part = (a & 0xffffff) - 0x1000000;
	int32_t x = ref_wrap((int64_t)ref_rescale(part, 5) + (1 << 28));
	int32_t x2 = ref_srdhm(x, x), x3 = ref_srdhm(x2, x);
	int32_t x4 = ref_srdhm(x2, x2);
	int32_t sum = ref_wrap((int64_t)ref_rescale(x4, -2) + x3);
	uint32_t rest = (uint32_t)part - (uint32_t)a;
	int32_t result;
	unsigned int i;

	sum = ref_wrap((int64_t)ref_srdhm(sum, c3) + x2);
	sum = ref_wrap((int64_t)x + ref_rescale(sum, -1));
	result = ref_wrap((int64_t)c8 + ref_srdhm(c8, sum));
	for (i = 0; i < 7; i++)
		if (rest & (1u << (24 + i)))
			result = ref_srdhm(result,
				(int32_t)lround(exp(-powers[i]) * one));
	return a ? result : INT32_MAX;
}

/* gemmlowp's one_over_one_plus_x_for_x_in_0_1 */
static inline int32_t ref_inverse(int32_t a)
{
	int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
	int32_t x = ref_wrap(1515870810ll + ref_srdhm(half, -1010580540));
	int i;

	for (i = 0; i < 3; i++) {
		int32_t rest = ref_wrap((1ll << 29) - ref_srdhm(half, x));

		x = ref_wrap((int64_t)x + ref_rescale(ref_srdhm(x, rest), 2));
	}
	return ref_rescale(x, 1);
}

#endif
