/* SPDX-License-Identifier: GPL-2.0-only */
/* Power management: who needs the device awake, and how it sleeps. */
#ifndef TNPU_POWER_H
#define TNPU_POWER_H

#include <linux/pm.h>

struct tnpu_device;

extern const struct dev_pm_ops tnpu_power_ops;

void tnpu_power_init(struct tnpu_device *tdev);
void tnpu_power_fini(struct tnpu_device *tdev);
int tnpu_power_get(struct tnpu_device *tdev);
void tnpu_power_hold(struct tnpu_device *tdev);
void tnpu_power_put(struct tnpu_device *tdev);
int tnpu_power_enter(struct tnpu_device *tdev, int *idx);
void tnpu_power_exit(struct tnpu_device *tdev, int idx);

#endif
