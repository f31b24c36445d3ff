/* SPDX-License-Identifier: GPL-2.0-only */
/* Telemetry over generic netlink; see uapi/netlink/tinynpu.yaml. */
#ifndef TNPU_NETLINK_H
#define TNPU_NETLINK_H

#include <linux/types.h>

struct tnpu_device;
struct tnpu_queue;

int tnpu_netlink_register(void);
void tnpu_netlink_unregister(void);
int tnpu_netlink_add(struct tnpu_device *tdev);
void tnpu_netlink_remove(struct tnpu_device *tdev);
void tnpu_netlink_tell_fault_locked(const struct tnpu_queue *queue, u32 status);
void tnpu_netlink_tell_reset(struct tnpu_device *tdev, u32 rung, int error);
void tnpu_netlink_tell_throttle(struct tnpu_device *tdev, u32 throttle,
				u32 clock_khz, s32 temperature_mc);
void tnpu_netlink_tell_power(struct tnpu_device *tdev);

#endif
