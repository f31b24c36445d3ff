// SPDX-License-Identifier: MIT
/*
 * SOFTMAX in fixed point, as TensorFlow Lite's reference computes it. Called by
 * vec.c.
 */
#include "vec.h"

#include "fixed_functions.h"
#include "operands.h"

#include <string.h>

#define MAX_SHIFT 31
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

/* The exponential of the difference to the row's maximum, as Q0.31. */
static int32_t exp_difference(const struct npu_cmd_softmax *softmax,
			      int32_t difference)
{
	int32_t scaled = fixed_shift_left(difference,
					  (uint32_t)softmax->shift);

	return fixed_exp_negative(fixed_high_mul(scaled,
						 (int32_t)softmax->mult));
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

	int32_t rest = (int32_t)((sum << zeros) - (1u << 31));

	return (struct divisor){
		.inverse = fixed_reciprocal(rest),
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
