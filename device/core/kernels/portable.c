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

/*
 * Whether a lane takes a word is anybody's guess: no branch may depend on it.
 * Returns where the next round's words begin.
 */
static const uint8_t *decode_round(const struct kernel_decode *d,
				   uint8_t *out)
{
	const uint8_t *words = d->words;
	uint32_t i;

	for (i = 0; i < KERNEL_LANES; i++) {
		uint32_t x = d->state[i], mask, slot;
		uint16_t word;

		slot = d->slots[d->tables[d->place + i] +
				x % (1u << KERNEL_SLOT_BITS)];
		x = KERNEL_SLOT_FREQUENCY(slot) * (x >> KERNEL_SLOT_BITS) +
		    KERNEL_SLOT_PLACE(slot);
		mask = (1u << KERNEL_SLOT_VALUES(slot)) - 1;
		out[i] = (uint8_t)(KERNEL_SLOT_LOW(slot) + (x & mask));
		x >>= KERNEL_SLOT_VALUES(slot);
		memcpy(&word, words, sizeof(word));
		mask = 0u - (x < 1u << 16);
		d->state[i] = x << (mask & 16) | (word & mask);
		words += mask & 2;
	}
	return words;
}

static void decode(struct kernel_decode *d)
{
	uint32_t step = KERNEL_LANES % d->period;

	for (; d->rounds && d->words <= d->last; d->rounds--) {
		uint8_t out[KERNEL_LANES];

		d->words = decode_round(d, out);
		memcpy(d->out, out, sizeof(out));
		d->out += KERNEL_LANES;
		d->place += step;
		if (d->place >= d->period)
			d->place -= d->period;
	}
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
