/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of power and clock that an administrator sets. */
#ifndef TNPU_LIMITS_H
#define TNPU_LIMITS_H

#include <linux/mutex.h>
#include <linux/types.h>

struct npu_event;
struct tnpu_device;

/**
 * struct tnpu_limits - what the firmware has to keep
 * @lock: held by who changes them; taken before reset_sem
 * @power_cap_uw: highest power on average, or 0
 * @clock_khz: highest clock, or 0
 */
struct tnpu_limits {
	struct mutex lock; /* changes */
	u32 power_cap_uw;
	u32 clock_khz;
};

int tnpu_limits_init(struct tnpu_device *tdev);
bool tnpu_limits_are_there(const struct tnpu_device *tdev);
int tnpu_limits_set(struct tnpu_device *tdev, const u32 *power_cap_uw,
		    const u32 *clock_khz);
int tnpu_limits_restore(struct tnpu_device *tdev);
void tnpu_limits_event(struct tnpu_device *tdev, const struct npu_event *event);

#endif
