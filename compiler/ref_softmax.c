// SPDX-License-Identifier: MIT
/*
 * Softmax of a row of int8, in fixed point. Qm.n below is a 32-bit number with
 * m integer bits and n fraction bits beside the sign.
 *
 * For each element: d = (x - max) * beta * scale in Q5.26, e = exp(d) in Q0.31.
 * The sum of all e is kept in Q12.19; its reciprocal comes from three Newton
 * steps; the result is e / sum in units of 1/256, minus 128.
 */
#include "ref.h"

#define Q0_ONE INT32_MAX
#define DIFF_INTEGER_BITS 5
#define SUM_INTEGER_BITS 12

/* x * 2^shift, saturated. */
static int32_t shift_left_saturated(int32_t x, int shift)
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

/* exp(x) for x <= 0 in Q5.26; the result is in Q0.31. */
static int32_t exp_negative(int32_t a)
{
	/* exp(-1/4), exp(-1/2), exp(-1), ... exp(-16) */
	static const int32_t power[] = {
		1672461947, 1302514674, 790015084, 290630308, 39332535, 720401,
		242,
	};
	const int fraction_bits = 31 - DIFF_INTEGER_BITS;
	const int32_t quarter = 1 << (fraction_bits - 2);
	int32_t within = (a & (quarter - 1)) - quarter;
	int32_t remainder = within - a;
	int32_t result;

	if (a == 0)
		return Q0_ONE;
	result = exp_small(shift_left_saturated(within, DIFF_INTEGER_BITS));
	for (int i = 0; i < TNC_ARRAY_SIZE(power); i++)
		if (remainder & (1 << (fraction_bits - 2 + i)))
			result = ref_multiply_high(result, power[i]);
	return result;
}

/* 1 / (1 + x) for x in [0, 1), Q0.31. */
static int32_t reciprocal_of_one_plus(int32_t a)
{
	const int32_t q2_48_17 = 1515870810;
	const int32_t q2_minus_32_17 = -1010580540;
	const int32_t q2_one = 1 << 29;
	int32_t half = ((int64_t)a + Q0_ONE + 1) / 2;
	int32_t x = q2_48_17 + ref_multiply_high(half, q2_minus_32_17);

	for (int i = 0; i < 3; i++) {
		int32_t error = q2_one - ref_multiply_high(half, x);

		x += shift_left_saturated(ref_multiply_high(x, error), 2);
	}
	return shift_left_saturated(x, 1);
}

static bool exp_of_diff(int diff, struct tnc_factor factor, int32_t *result)
{
	/* Below this the rescaled difference would leave Q5.26. */
	int64_t most = (INT64_C(31) << (31 - DIFF_INTEGER_BITS)) >>
		       factor.shift;

	if (-diff > most)
		return false;
	*result = exp_negative(ref_multiply_high(
		(uint32_t)diff << factor.shift, factor.multiplier));
	return true;
}

void tnc_ref_softmax_row(const int8_t *in, int8_t *out, int count,
			 struct tnc_factor factor)
{
	int32_t sum = 0, reciprocal, e;
	int max = -128, headroom;

	for (int i = 0; i < count; i++)
		if (in[i] > max)
			max = in[i];
	for (int i = 0; i < count; i++)
		if (exp_of_diff(in[i] - max, factor, &e))
			sum += ref_shift_right(e, SUM_INTEGER_BITS);
	headroom = __builtin_clz((uint32_t)sum);
	reciprocal = reciprocal_of_one_plus(
		((uint32_t)sum << headroom) - (UINT32_C(1) << 31));
	for (int i = 0; i < count; i++) {
		int exponent = SUM_INTEGER_BITS - headroom + 31 - 8;

		if (!exp_of_diff(in[i] - max, factor, &e)) {
			out[i] = -128;
			continue;
		}
		e = ref_shift_right(ref_multiply_high(reciprocal, e), exponent);
		out[i] = ref_clamp(e - 128, -128, 127);
	}
}
