// SPDX-License-Identifier: MIT
/*
 * The loops for any processor.
 */
#include "generic.h"

static bool is_supported(void)
{
	return true;
}

static void make_operand(void *operand, const int8_t *values, uint32_t count)
{
	generic_widen(operand, values, count);
}

static void dot(const struct kernel_dot *dot)
{
	generic_dot(dot);
}

static void interleave(const struct kernel_rows *rows)
{
	generic_interleave(rows);
}

static void taps(const struct kernel_taps *taps)
{
	generic_taps(taps);
}

static void output(const struct kernel_output *output)
{
	generic_output(output);
}

const struct kernels npu_kernels_portable = {
	.name = "portable",
	.is_supported = is_supported,
	.operand_size = sizeof(int16_t),
	.make_operand = make_operand,
	.dot = dot,
	.interleave = interleave,
	.taps = taps,
	.output = output,
};
