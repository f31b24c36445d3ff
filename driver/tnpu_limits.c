// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of power and clock: kept by the driver, which tells each new firmware, and
 * enforced by that. Called by tnpu_hwmon.c and tnpu_netlink.c, and by tnpu_device.c
 * when firmware has booted.
 */
#include "tnpu_limits.h"

#include <drm/drm_managed.h>

#include "tnpu_device.h"
#include "tnpu_netlink.h"
#include "tnpu_trace.h"

#define TNPU_LIMITS_ABI 3 /* of the firmware, and of the machine: */
#define TNPU_LIMITS_HW_MINOR 2

int tnpu_limits_init(struct tnpu_device *tdev)
{
	return drmm_mutex_init(&tdev->drm, &tdev->limits.lock);
}

/**
 * tnpu_limits_are_there() - whether machine and firmware know limits and temperature
 * @tdev: device whose firmware has booted once
 *
 * Return: true if they do.
 */
bool tnpu_limits_are_there(const struct tnpu_device *tdev)
{
	return tdev->fw.abi >= TNPU_LIMITS_ABI &&
	       (tdev->config.version & 0xffff) >= TNPU_LIMITS_HW_MINOR;
}

static void tnpu_limits_keep(struct tnpu_limits *limits, u32 power_cap_uw,
			     u32 clock_khz)
{
	WRITE_ONCE(limits->power_cap_uw, power_cap_uw);
	WRITE_ONCE(limits->clock_khz, clock_khz);
}

static int tnpu_limits_tell(struct tnpu_device *tdev)
{
	return tnpu_ring_call(tdev, NPU_ADMIN_LIMITS_SET,
			      READ_ONCE(tdev->limits.power_cap_uw),
			      READ_ONCE(tdev->limits.clock_khz), 0, NULL);
}

/**
 * tnpu_limits_set() - change limits, now and for all firmware to come
 * @tdev: device, inside drm_dev_enter(); its reset_sem is not held
 * @power_cap_uw: NPU_POWER_CAP_MIN_UW to NPU_POWER_CAP_MAX_UW, 0 for none, or NULL:
 *	as before
 * @clock_khz: highest clock, 0 for none, or NULL
 *
 * Does not wake up a device that sleeps. If the firmware refuses them those of before
 * hold; if it does not answer, the recovery tells them.
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP (machine or firmware without limits), -EIO (refused,
 * or the device is lost) or -ENODEV.
 */
int tnpu_limits_set(struct tnpu_device *tdev, const u32 *power_cap_uw,
		    const u32 *clock_khz)
{
	struct tnpu_limits *limits = &tdev->limits;
	u32 old_cap_uw, old_clock_khz, recoveries;
	int ret = 0;

	if (!tnpu_limits_are_there(tdev))
		return -EOPNOTSUPP;
	if (power_cap_uw && *power_cap_uw &&
	    (*power_cap_uw < NPU_POWER_CAP_MIN_UW ||
	     *power_cap_uw > NPU_POWER_CAP_MAX_UW))
		return -EINVAL;
	mutex_lock(&limits->lock);
	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	old_cap_uw = limits->power_cap_uw;
	old_clock_khz = limits->clock_khz;
	tnpu_limits_keep(limits, power_cap_uw ? *power_cap_uw : old_cap_uw,
			 clock_khz ? *clock_khz : old_clock_khz);
	if (tdev->state == TNPU_UP)
		ret = tnpu_limits_tell(tdev);
	if (ret == -EIO)
		tnpu_limits_keep(limits, old_cap_uw, old_clock_khz);
	up_read(&tdev->reset_sem);
	mutex_unlock(&limits->lock);
	ret = tnpu_recover_settle(tdev, recoveries, ret);
	if (!ret)
		tnpu_netlink_tell_power(tdev);
	return ret;
}

/**
 * tnpu_limits_restore() - tell new firmware
 * @tdev: device; its reset_sem is held
 *
 * Firmware that may have spoken a newer protocol before, when the limits were set, is not
 * to run without them.
 *
 * Return: 0, -EOPNOTSUPP or -errno of tnpu_ring_call().
 */
int tnpu_limits_restore(struct tnpu_device *tdev)
{
	if (!READ_ONCE(tdev->limits.power_cap_uw) &&
	    !READ_ONCE(tdev->limits.clock_khz))
		return 0; /* how it begins */
	if (!tnpu_limits_are_there(tdev))
		return -EOPNOTSUPP;
	return tnpu_limits_tell(tdev);
}

/**
 * tnpu_limits_event() - the firmware slows down, or no longer
 * @tdev: device
 * @event: NPU_EVENT_POWER, a copy
 */
void tnpu_limits_event(struct tnpu_device *tdev, const struct npu_event *event)
{
	u32 throttle = le32_to_cpu(event->status);
	u32 clock_khz = le64_to_cpu(event->args[0]);
	s32 temperature_mc = le64_to_cpu(event->args[1]);

	trace_tnpu_throttle(tdev, throttle, clock_khz, temperature_mc);
	tnpu_netlink_tell_throttle(tdev, throttle, clock_khz, temperature_mc);
}
