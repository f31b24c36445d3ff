// SPDX-License-Identifier: MIT
/*
 * Functions of fixed-point numbers for the reference executor, as gemmlowp and
 * TensorFlow Lite have them. Qm.n below is a 32-bit number with m integer bits
 * and n fraction bits beside the sign.
 */
#include <math.h>

#include "ref.h"

#define Q0_ONE INT32_MAX

/* x * 2^shift, saturated. */
int32_t tnc_ref_shift_left(int32_t x, int shift)
{
	int64_t wide = (int64_t)x * (INT64_C(1) << shift);

	return wide > INT32_MAX ? INT32_MAX :
	       wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* exp(x) for x in [-1/4, 0), Q0.31: Taylor series around -1/8. */
static int32_t exp_small(int32_t a)
{
	const int32_t exp_minus_eighth = 1895147668;
	const int32_t third = 715827883;
	int32_t x = a + (1 << 28);
	int32_t x2 = ref_multiply_high(x, x);
	int32_t x3 = ref_multiply_high(x2, x);
	int32_t x4 = ref_multiply_high(x2, x2);
	int32_t x4_4 = ref_shift_right(x4, 2);
	int32_t tail = ref_shift_right(
		ref_multiply_high(x4_4 + x3, third) + x2, 1);

	return exp_minus_eighth + ref_multiply_high(exp_minus_eighth, x + tail);
}

/*
 * exp(x) for x <= 0 with so many integer bits, at most 5; the result is in
 * Q0.31.
 */
int32_t tnc_ref_exp(int32_t a, int integer_bits)
{
	/* exp(-1/4), exp(-1/2), exp(-1), ... exp(-16) */
	static const int32_t power[] = {
		1672461947, 1302514674, 790015084, 290630308, 39332535, 720401,
		242,
	};
	const int fraction_bits = 31 - integer_bits;
	const int32_t quarter = 1 << (fraction_bits - 2);
	int32_t within = (a & (quarter - 1)) - quarter;
	int32_t remainder = within - a;
	int32_t result;

	if (a == 0)
		return Q0_ONE;
	result = exp_small(tnc_ref_shift_left(within, integer_bits));
	for (int i = 0; i < integer_bits + 2; i++)
		if (remainder & (1 << (fraction_bits - 2 + i)))
			result = ref_multiply_high(result, power[i]);
	return result;
}

/* 1 / x for x in [1/2, 1], Q0.31; the result is in Q2.29. */
static int32_t inverse_of_half(int32_t half)
{
	const int32_t q2_48_17 = 1515870810;
	const int32_t q2_minus_32_17 = -1010580540;
	const int32_t q2_one = 1 << 29;
	int32_t x = q2_48_17 + ref_multiply_high(half, q2_minus_32_17);

	for (int i = 0; i < 3; i++) {
		int32_t error = q2_one - ref_multiply_high(half, x);

		x += tnc_ref_shift_left(ref_multiply_high(x, error), 2);
	}
	return x;
}

/* 1 / (1 + x) for x in [0, 1), Q0.31. */
int32_t tnc_ref_reciprocal(int32_t a)
{
	int32_t half = ((int64_t)a + Q0_ONE + 1) / 2;

	return tnc_ref_shift_left(inverse_of_half(half), 1);
}

/* (1 - x) / (1 + x) for x in [0, 1), Q0.31. */
static int32_t minus_over_plus(int32_t a)
{
	const int32_t q2_one = 1 << 29;
	int32_t half = ((int64_t)a + Q0_ONE + 1) / 2;

	return tnc_ref_shift_left(inverse_of_half(half) - q2_one, 2);
}

/* Both take Q4.27 and give Q0.31. */
int32_t tnc_ref_logistic(int32_t a)
{
	int32_t result;

	if (a == 0)
		return 1 << 30;
	result = tnc_ref_reciprocal(tnc_ref_exp(a < 0 ? a : -a, 4));
	return a < 0 ? Q0_ONE - result : result;
}

int32_t tnc_ref_tanh(int32_t a)
{
	int32_t result;

	if (a == 0)
		return 0;
	result = minus_over_plus(tnc_ref_exp(a < 0 ? a : -a, 5));
	return a < 0 ? -result : result;
}

/* A constant below 1 as Q0.31. */
static int32_t constant(double x)
{
	return (int32_t)llround(x * 2147483648.0);
}

/*
 * log(x) for x >= 1 in Q12.19; the result is in Q5.26. x is a power of two times
 * r, chosen in two ways so that r is near the fourth root of 1/2, around which a
 * rational function is good.
 */
int32_t tnc_ref_log(int32_t a)
{
	const double root = sqrt(sqrt(2.0));
	int32_t half_root = constant(sqrt(0.5)), middle = constant(1 / root);
	int zeros = __builtin_clz((uint32_t)a);
	int32_t b = ref_multiply_high(a, half_root);
	int zeros_b = __builtin_clz((uint32_t)b) - 1;
	int32_t r = ref_multiply_high(a << (zeros - 1), half_root);
	int32_t other = tnc_ref_shift_left(a, zeros_b);
	int32_t power = (12 - zeros) * (1 << 25) + (1 << 23);
	int32_t other_power = (12 - zeros_b) * (1 << 25) - (1 << 23);
	int32_t p, q, square, above, below;

	r = tnc_ref_shift_left(r, 1);
	r = r < other ? r : other;
	power = power > other_power ? power : other_power;
	p = ((int64_t)r + middle + 1) / 2;
	q = 2 * (r - middle);
	square = ref_multiply_high(q, q);
	above = ref_multiply_high(q, r) +
		ref_multiply_high(ref_multiply_high(q, square),
				  constant(11 / 240.0 * root));
	below = constant(2 / root - root) + q +
		ref_multiply_high(constant(root / 20), square);
	below = ref_multiply_high(p, below) +
		ref_multiply_high(constant(root / 4), q);
	return tnc_ref_shift_left(
		ref_multiply_high(power, constant(log(2.0))) +
			ref_multiply_high(ref_shift_right(above, 6),
					  tnc_ref_reciprocal(below)), 1);
}

/* 1 / sqrt(a) as a factor, whose shift is not positive; a > 0. */
struct tnc_factor tnc_ref_rsqrt(int32_t a)
{
	struct tnc_factor factor = { INT32_MAX, 0 };
	int32_t x = 1 << 28, half, cube;
	int right = 11;

	if (a <= 1)
		return factor;
	for (; a >= 1 << 29; right++)
		a /= 4;
	for (; a < 1 << 27; right--)
		a *= 4;
	half = ref_shift_right(a >> 1, 1);
	for (int i = 0; i < 5; i++) {
		cube = ref_multiply_high(ref_multiply_high(x, x), x);
		x = ref_multiply_high((1 << 28) + (1 << 27), x) -
		    ref_multiply_high(half, tnc_ref_shift_left(cube, 6));
		x = tnc_ref_shift_left(x, 3);
	}
	factor.multiplier = ref_multiply_high(x, constant(sqrt(0.5)));
	if (right < 0)
		factor.multiplier = (uint32_t)factor.multiplier << -right;
	else
		factor.shift = -right;
	return factor;
}
