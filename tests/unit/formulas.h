/* SPDX-License-Identifier: MIT */
/*
 * The manual's formulas (uapi/README.md, Numbers), written for tests alone from
 * what it says: the engines have versions of their own, which these judge.
 */
#ifndef FORMULAS_H
#define FORMULAS_H

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

#endif
