/* SPDX-License-Identifier: MIT */
/*
 * Functions of fixed-point numbers as gemmlowp and TensorFlow Lite's reference
 * compute them: SOFTMAX and instructions of VPROG. A number written Qm.n has m
 * integer and n fraction bits beside its sign: with value raw / 2^n. Multiplying
 * Qa by Qb with fixed_high_mul() gives Q(a + b).
 *
 * None has undefined behaviour, whatever the value; what comes of values outside
 * the stated range is what the steps make of them.
 */
#ifndef NPU_FIXED_FUNCTIONS_H
#define NPU_FIXED_FUNCTIONS_H

#include "fixed_point.h"

#include <stddef.h>

#define FIXED_ONE_Q0 INT32_MAX /* the greatest Q0.31 stands for one */

/* x * 2^bits, saturating, 0 <= bits <= 30 */
static inline int32_t fixed_shift_saturating(int32_t x, uint32_t bits)
{
	int64_t wide = (int64_t)x * (1 << bits);

	return wide > INT32_MAX ? INT32_MAX :
	       wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

static inline uint32_t fixed_leading_zeros(int32_t x)
{
	return x ? (uint32_t)__builtin_clz((uint32_t)x) : 32;
}

/* exp(a) of Q0.31 in [-1/4, 0): Taylor's series around -1/8, to the fourth. */
static inline int32_t fixed_exp_quarter(int32_t a)
{
	const int32_t exp_minus_eighth = 1895147668, third = 715827883;
	int32_t x = fixed_add(a, 1 << 28);
	int32_t x2 = fixed_high_mul(x, x);
	int32_t x3 = fixed_high_mul(x2, x);
	int32_t x4_4 = fixed_shift_right(fixed_high_mul(x2, x2), 2);
	int32_t high = fixed_add(fixed_high_mul(fixed_add(x4_4, x3), third),
				 x2);

	x = fixed_add(x, fixed_shift_right(high, 1));
	return fixed_add(exp_minus_eighth, fixed_high_mul(exp_minus_eighth, x));
}

/*
 * exp(a) of Q5.26, a <= 0, as Q0.31: that of a modulo 1/4, times a constant
 * exp(-2^i) for each bit set in the rest.
 */
static inline int32_t fixed_exp_negative(int32_t a)
{
	static const int32_t exps[] = {
		1672461947, 1302514674, 790015084, 290630308, 39332535,
		720401, 242,
	};
	const int32_t quarter = 1 << 24;
	int32_t fraction = (a & (quarter - 1)) - quarter;
	uint32_t rest = (uint32_t)fixed_sub(fraction, a) >> 24, i;
	int32_t result = fixed_exp_quarter(fixed_shift_saturating(fraction, 5));

	if (!a)
		return FIXED_ONE_Q0;
	for (i = 0; i < sizeof(exps) / sizeof(exps[0]); i++)
		if (rest >> i & 1)
			result = fixed_high_mul(result, exps[i]);
	return result;
}

/* 1 / (1 + a) of Q0.31 in [0, 1), by three steps of Newton and Raphson. */
static inline int32_t fixed_reciprocal(int32_t a)
{
	const int32_t c48_17 = 1515870810, c32_17 = -1010580540; /* Q2.29 */
	const int32_t one = 1 << 29;
	int32_t half = (int32_t)(((int64_t)a + FIXED_ONE_Q0 + 1) / 2);
	int32_t x = fixed_add(c48_17, fixed_high_mul(half, c32_17));
	int i;

	for (i = 0; i < 3; i++) {
		int32_t error = fixed_sub(one, fixed_high_mul(half, x));

		x = fixed_add(x,
			      fixed_shift_saturating(fixed_high_mul(x, error),
						     2));
	}
	return fixed_shift_saturating(x, 1);
}

/* Constants of the logarithm, Q0.31 */
#define FIXED_LOG_2 1488522236
#define FIXED_SQRT_HALF 1518500250
#define FIXED_ROOT4_HALF 1805811301 /* (1/2)^(1/4) */
#define FIXED_ALPHA_N 117049297 /* 11/240 x 2^(1/4) */
#define FIXED_ALPHA_D 127690142 /* 1/20 x 2^(1/4) */
#define FIXED_ALPHA_I 1057819769 /* 2 / 2^(1/4) - 2^(1/4) */
#define FIXED_ALPHA_F 638450708 /* 1/4 x 2^(1/4) */
#define FIXED_LOG_INTEGER_BITS 12

/* log(r) + log(2) / 4 of Q0.31 within [1/2, 1) or so, as Q6.25 */
static inline int32_t fixed_log_rational(int32_t r)
{
	int32_t p = (int32_t)(((int64_t)r + FIXED_ROOT4_HALF + 1) / 2);
	int32_t half_q = fixed_sub(r, FIXED_ROOT4_HALF);
	int32_t q = fixed_add(half_q, half_q);
	int32_t square = fixed_high_mul(q, q);
	int32_t above = fixed_add(fixed_high_mul(q, r),
				  fixed_high_mul(fixed_high_mul(q, square),
						 FIXED_ALPHA_N));
	int32_t below = fixed_add(fixed_add(FIXED_ALPHA_I, q),
				  fixed_high_mul(FIXED_ALPHA_D, square));

	below = fixed_add(fixed_high_mul(p, below),
			  fixed_high_mul(FIXED_ALPHA_F, q));
	return fixed_high_mul(fixed_shift_right(above, 6),
			      fixed_reciprocal(below));
}

/*
 * log(a) of Q12.19, a >= 1, as Q5.26: the greater of two ways to write a as a
 * power of two times a number around (1/2)^(1/4). It is 0 for a <= 0.
 */
static inline int32_t fixed_log(int32_t a)
{
	const int32_t quarter = 1 << 23; /* Q6.25 */
	int32_t head, power_a, power_b, r_a, r_b, b;

	if (a <= 0)
		return 0;
	head = (int32_t)fixed_leading_zeros(a);
	r_a = fixed_shift_saturating(a, (uint32_t)head - 1);
	r_a = fixed_shift_saturating(fixed_high_mul(r_a, FIXED_SQRT_HALF), 1);
	power_a = (FIXED_LOG_INTEGER_BITS - head) * (1 << 25) + quarter;

	b = fixed_high_mul(a, FIXED_SQRT_HALF);
	head = (int32_t)fixed_leading_zeros(b) - 1;
	r_b = fixed_shift_saturating(a, (uint32_t)head);
	power_b = (FIXED_LOG_INTEGER_BITS - head) * (1 << 25) - quarter;

	power_a = power_a > power_b ? power_a : power_b;
	r_a = r_a < r_b ? r_a : r_b;
	return fixed_shift_saturating(
		fixed_add(fixed_high_mul(power_a, FIXED_LOG_2),
			  fixed_log_rational(r_a)), 1);
}

/* A factor: mult / 2^(31 + shift); shift is not negative. */
struct fixed_root {
	int32_t mult;
	int32_t shift;
};

/*
 * 1 / sqrt(a): a is normalised by pairs of bits, the root found by five steps
 * of Newton and Raphson in Q3.28. Up to 1 it is nearly 1.
 */
static inline struct fixed_root fixed_rsqrt(int32_t a)
{
	const int32_t half_three = (1 << 28) + (1 << 27);
	struct fixed_root root = { INT32_MAX, 0 };
	int32_t half, x = 1 << 28;
	uint32_t pairs;
	int i;

	if (a <= 1)
		return root;
	root.shift = 11;
	while (a >= 1 << 29) {
		a /= 4;
		root.shift++;
	}
	pairs = (fixed_leading_zeros(a) - 1) / 2 - 1;
	root.shift -= (int32_t)pairs;
	a = fixed_shift_left(a, 2 * pairs);
	half = fixed_shift_right(a >> 1, 1);
	for (i = 0; i < 5; i++) {
		int32_t cube = fixed_high_mul(fixed_high_mul(x, x), x);

		cube = fixed_shift_saturating(cube, 6);
		x = fixed_sub(fixed_high_mul(half_three, x),
			      fixed_high_mul(half, cube));
		x = fixed_shift_saturating(x, 3);
	}
	root.mult = fixed_high_mul(x, FIXED_SQRT_HALF);
	if (root.shift < 0) {
		root.mult = fixed_shift_left(root.mult,
					     (uint32_t)-root.shift);
		root.shift = 0;
	}
	return root;
}

#endif
