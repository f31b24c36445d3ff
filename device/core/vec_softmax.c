// SPDX-License-Identifier: MIT
/*
 * SOFTMAX in fixed point, as TensorFlow Lite's reference computes it. A number
 * written Qm.n has m integer and n fraction bits beside its sign: with value
 * raw / 2^n. Multiplying Qa by Qb with fixed_high_mul() gives Q(a + b).
 *
 * Called by vec.c.
 */
#include "vec.h"

#include "fixed_point.h"
#include "operands.h"

#include <string.h>

#define MAX_SHIFT 30
#define ONE_Q0 INT32_MAX /* the greatest Q0.31 stands for one */
#define SUM_INTEGER_BITS 12

static const struct operand_range softmax_ranges[] = {
	OPERAND_RANGE(npu_cmd_softmax, rows, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_softmax, depth, 1, UINT16_MAX),
	OPERAND_RANGE(npu_cmd_softmax, mult, 0, INT32_MAX),
	OPERAND_RANGE(npu_cmd_softmax, diff_min, -255, 0),
	OPERAND_RANGE(npu_cmd_softmax, shift, 0, MAX_SHIFT),
};

int vec_softmax_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		      struct unit_access *access)
{
	const struct npu_cmd_softmax *softmax = &cmd->softmax;
	const uint32_t steps[] = { softmax->rows, softmax->depth };
	struct unit_extent ifm = {
		.addr = softmax->ifm,
		.run = softmax->depth,
		.n = { softmax->rows, 1, 1 },
		.stride = { softmax->ifm_pitch },
	};
	struct unit_extent ofm = ifm;

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_softmax, reserved) ||
	    operands_check_ranges(ctx, cmd, softmax_ranges,
				  OPERAND_ARRAY_SIZE(softmax_ranges)))
		return -1;
	if (softmax->rows > 1 && softmax->ofm_pitch < softmax->depth)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_softmax, ofm_pitch);
	if (operands_check_work(ctx, NPU_MAX_CMD_STEPS, steps,
				OPERAND_ARRAY_SIZE(steps)))
		return -1;
	ofm.addr = softmax->ofm;
	ofm.stride[0] = softmax->ofm_pitch;
	if (unit_access_read(ctx, access, &ifm) ||
	    unit_access_write(ctx, access, &ofm))
		return -1;
	return operands_check_overlap(
		ctx, &ifm, __builtin_offsetof(struct npu_cmd_softmax, ifm),
		&ofm);
}

/* x * 2^bits, saturating */
static int32_t shift_left_saturating(int32_t x, uint32_t bits)
{
	int64_t wide = (int64_t)x * (1 << bits);

	return wide > INT32_MAX ? INT32_MAX :
	       wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* exp(a) of Q0.31 in [-1/4, 0): Taylor's series around -1/8, to the fourth. */
static int32_t exp_quarter(int32_t a)
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
static int32_t exp_negative(int32_t a)
{
	static const int32_t exps[] = {
		1672461947, 1302514674, 790015084, 290630308, 39332535,
		720401, 242,
	};
	const int32_t quarter = 1 << 24;
	int32_t fraction = (a & (quarter - 1)) - quarter;
	uint32_t rest = (uint32_t)fixed_sub(fraction, a) >> 24, i;
	int32_t result = exp_quarter(shift_left_saturating(fraction, 5));

	if (!a)
		return ONE_Q0;
	for (i = 0; i < OPERAND_ARRAY_SIZE(exps); i++)
		if (rest >> i & 1)
			result = fixed_high_mul(result, exps[i]);
	return result;
}

/* 1 / (1 + a) of Q0.31 in [0, 1), by three steps of Newton and Raphson. */
static int32_t reciprocal(int32_t a)
{
	const int32_t c48_17 = 1515870810, c32_17 = -1010580540; /* Q2.29 */
	const int32_t one = 1 << 29;
	int32_t half = (int32_t)(((int64_t)a + ONE_Q0 + 1) / 2);
	int32_t x = fixed_add(c48_17, fixed_high_mul(half, c32_17));
	int i;

	for (i = 0; i < 3; i++) {
		int32_t error = fixed_sub(one, fixed_high_mul(half, x));

		x = fixed_add(x, shift_left_saturating(fixed_high_mul(x, error),
						       2));
	}
	return shift_left_saturating(x, 1);
}

/* The exponential of the difference to the row's maximum, as Q0.31. */
static int32_t exp_difference(const struct npu_cmd_softmax *softmax,
			      int32_t difference)
{
	int32_t scaled = fixed_shift_left(difference, softmax->shift);

	return exp_negative(fixed_high_mul(scaled, (int32_t)softmax->mult));
}

/*
 * What exponentials are multiplied with to get results: @inverse as Q0.31,
 * followed by a right shift.
 */
struct divisor {
	int32_t inverse;
	uint32_t shift;
};

/*
 * The sum is Q12.19; rows of more than 4096 may need its sign bit, rows of
 * more than 8191 wrap. A sum that wraps to zero is none of a real network: it
 * counts as one so great that all results are zero.
 */
static struct divisor divisor_of(uint32_t sum)
{
	uint32_t zeros = sum ? (uint32_t)__builtin_clz(sum) : 0;

	return (struct divisor){
		.inverse = reciprocal((int32_t)((sum << zeros) - (1u << 31))),
		.shift = SUM_INTEGER_BITS - zeros + 31 - 8,
	};
}

static void softmax_row(const struct npu_cmd_softmax *softmax,
			const int8_t *in, int8_t *out)
{
	int32_t least = (int32_t)softmax->diff_min, max = INT8_MIN;
	struct divisor divisor;
	uint32_t sum = 0, i;

	for (i = 0; i < softmax->depth; i++)
		max = in[i] > max ? in[i] : max;
	for (i = 0; i < softmax->depth; i++)
		if (in[i] - max >= least)
			sum += fixed_shift_right(
				exp_difference(softmax, in[i] - max),
				SUM_INTEGER_BITS);
	divisor = divisor_of(sum);
	for (i = 0; i < softmax->depth; i++) {
		int32_t x = 0;

		if (in[i] - max >= least && divisor.shift <= 31)
			x = fixed_shift_right(
				fixed_high_mul(divisor.inverse,
					       exp_difference(softmax,
							      in[i] - max)),
				divisor.shift);
		out[i] = fixed_clamp(x + INT8_MIN, INT8_MIN, INT8_MAX);
	}
}

void vec_softmax_execute(uint8_t *sram, const union npu_cmd *cmd)
{
	const struct npu_cmd_softmax *softmax = &cmd->softmax;
	const int8_t *ifm = (const int8_t *)sram + softmax->ifm;
	int8_t *ofm = (int8_t *)sram + softmax->ofm;
	uint32_t row;

	for (row = 0; row < softmax->rows; row++)
		softmax_row(softmax, ifm + row * softmax->ifm_pitch,
			    ofm + row * softmax->ofm_pitch);
}
