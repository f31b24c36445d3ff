/* SPDX-License-Identifier: MIT */
/*
 * Clocks, power and heat: what machine, firmware and driver call the same. The
 * manual's section 17 tells what each does about them.
 */
#ifndef NPU_POWER_H
#define NPU_POWER_H

#include <npu/types.h>

/* Operating performance points; 0 is the fastest, and that after a reset. */
#define NPU_OPP_COUNT 4

/* What happens to a core while it has no job. */
enum npu_core_gate {
	NPU_GATE_NONE = 0, /* nothing */
	NPU_GATE_CLOCK = 1, /* its clock stands still; after a reset */
	NPU_GATE_POWER = 2, /* it is switched off, and its SRAM is lost */
	NPU_GATE_COUNT
};

/* Thousandths of a degree Celsius: the firmware slows down, and nearly stops. */
#define NPU_TEMP_HOT_MC 85000
#define NPU_TEMP_COOL_MC 80000 /* from here on it recovers */
#define NPU_TEMP_CRITICAL_MC 105000

/* Limits of the power cap, in microwatts. */
#define NPU_POWER_CAP_MIN_UW 1000u
#define NPU_POWER_CAP_MAX_UW 1000000000u

/* Why the cores are slower than they could be, or wait */
#define NPU_THROTTLE_TEMPERATURE (1u << 0)
#define NPU_THROTTLE_POWER (1u << 1) /* the cap */
#define NPU_THROTTLE_CLOCK (1u << 2) /* somebody has limited it */

#endif
