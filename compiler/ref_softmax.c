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

#define DIFF_INTEGER_BITS 5
#define SUM_INTEGER_BITS 12

static bool exp_of_diff(int diff, struct tnc_factor factor, int32_t *result)
{
	/* Below this the rescaled difference would leave Q5.26. */
	int64_t most = (INT64_C(31) << (31 - DIFF_INTEGER_BITS)) >>
		       factor.shift;

	if (-diff > most)
		return false;
	*result = tnc_ref_exp(ref_multiply_high((uint32_t)diff << factor.shift,
						factor.multiplier),
			      DIFF_INTEGER_BITS);
	return true;
}

/*
 * Of more than 4095 elements the sum may leave Q12.19: as an unsigned number, modulo
 * 2^32. What the reference kernels do then is not defined; most rows do not get there.
 */
void tnc_ref_softmax_row(const int8_t *in, int8_t *out, int count,
			 struct tnc_factor factor)
{
	int32_t reciprocal, e;
	int max = -128, headroom;
	uint32_t sum = 0;

	for (int i = 0; i < count; i++)
		if (in[i] > max)
			max = in[i];
	for (int i = 0; i < count; i++)
		if (exp_of_diff(in[i] - max, factor, &e))
			sum += ref_shift_right(e, SUM_INTEGER_BITS);
	headroom = sum ? __builtin_clz(sum) : 0;
	reciprocal = tnc_ref_reciprocal((sum << headroom) -
					(UINT32_C(1) << 31));
	for (int i = 0; i < count; i++) {
		int exponent = SUM_INTEGER_BITS - headroom + 31 - 8;

		if (!exp_of_diff(in[i] - max, factor, &e)) {
			out[i] = -128;
			continue;
		}
		e = exponent > 31 ? 0 :
		    ref_shift_right(ref_multiply_high(reciprocal, e), exponent);
		out[i] = ref_clamp(e - 128, -128, 127);
	}
}
