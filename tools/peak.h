/* SPDX-License-Identifier: MIT */
/* What this computer could do at most, to compare with. */
#ifndef PEAK_H
#define PEAK_H

#include <stdbool.h>

/**
 * struct peak - int8 multiply-accumulates of one thread
 * @instruction: the best that the processor has for them
 * @macs_per_ns: measured now, with operands in registers
 */
struct peak {
	const char *instruction;
	double macs_per_ns;
};

/* False: it is not known how to measure it on this kind of processor. */
bool peak_measure(struct peak *peak);

#endif
