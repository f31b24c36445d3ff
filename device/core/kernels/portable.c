// SPDX-License-Identifier: MIT
/*
 * The loops for any processor.
 */
#include "generic.h"

static bool is_supported(void)
{
	return true;
}

static void make_operand(void *operand, const int8_t *values, uint32_t count,
			 int32_t zero)
{
	generic_widen(operand, values, count, zero);
}

static void dot(const struct kernel_dot *dot)
{
	generic_dot(dot);
}

static void add_cells(const struct kernel_dot *dot, int32_t *cells)
{
	generic_add_cells(dot, cells);
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

static void decode(struct kernel_decode *d)
{
	generic_decode(d);
}

const struct kernels npu_kernels_portable = {
	.name = "portable",
	.is_supported = is_supported,
	.operand_size = sizeof(int16_t),
	.make_operand = make_operand,
	.dot = dot,
	.add_cells = add_cells,
	.interleave = interleave,
	.taps = taps,
	.output = output,
	.decode = decode,
};
