/* SPDX-License-Identifier: GPL-2.0-only */
/* Energy and power for the kernel's hardware monitoring. */
#ifndef TNPU_HWMON_H
#define TNPU_HWMON_H

#include <linux/kconfig.h>

struct tnpu_device;

#if IS_REACHABLE(CONFIG_HWMON)
int tnpu_hwmon_init(struct tnpu_device *tdev);
#else
static inline int tnpu_hwmon_init(struct tnpu_device *tdev)
{
	return 0;
}
#endif

#endif
