// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware's counters: read on request, through memory that is there for
 * that. Called by whoever tells people what the device does.
 */

#include "tnpu_counters.h"

#include <linux/dma-mapping.h>
#include <drm/drm_managed.h>

#include "tnpu_device.h"
#include "tnpu_power.h"

/**
 * tnpu_counters_init() - allocate where the firmware writes
 * @tdev: device
 *
 * Return: 0 or -errno.
 */
int tnpu_counters_init(struct tnpu_device *tdev)
{
	struct tnpu_counters *counters = &tdev->counters;
	int ret;

	ret = drmm_mutex_init(&tdev->drm, &counters->lock);
	if (ret)
		return ret;
	counters->memory = dmam_alloc_coherent(tdev->drm.dev,
					       sizeof(*counters->memory),
					       &counters->dma, GFP_KERNEL);
	return counters->memory ? 0 : -ENOMEM;
}

/* Asks the firmware; reset_sem is held. */
static int tnpu_counters_ask(struct tnpu_device *tdev)
{
	u64 results[TNPU_ADMIN_RESULTS];
	int ret;

	if (tdev->state != TNPU_UP)
		return tdev->state == TNPU_GONE ? -ENODEV : -EIO;
	if (tdev->fw.abi < 2)
		return -EOPNOTSUPP;
	ret = tnpu_ring_call(tdev, NPU_ADMIN_COUNTERS, tdev->counters.dma,
			     sizeof(*tdev->counters.memory), 0, results);
	if (!ret && results[0] != sizeof(*tdev->counters.memory))
		ret = -EIO;
	return ret;
}

static int tnpu_counters_copy(struct tnpu_device *tdev,
			      struct npu_counters *counters, u32 *recoveries)
{
	int ret;

	mutex_lock(&tdev->counters.lock);
	down_read(&tdev->reset_sem);
	*recoveries = tdev->recoveries;
	ret = tnpu_counters_ask(tdev);
	if (!ret)
		memcpy(counters, tdev->counters.memory, sizeof(*counters));
	up_read(&tdev->reset_sem);
	mutex_unlock(&tdev->counters.lock);
	return ret;
}

/**
 * tnpu_counters_peek() - the same of a device that is awake, if it is well
 * @tdev: device; its reset_sem is not held
 * @counters: a copy
 *
 * Neither wakes the device up nor has it recovered.
 *
 * Return: 0 or any error.
 */
int tnpu_counters_peek(struct tnpu_device *tdev, struct npu_counters *counters)
{
	u32 recoveries;

	return tnpu_counters_copy(tdev, counters, &recoveries);
}

/**
 * tnpu_counters_read() - ask the firmware what has been done
 * @tdev: device, inside drm_dev_enter(); its reset_sem is not held
 * @counters: a copy of what the firmware wrote, which may be anything
 *
 * Sleeps until the firmware has answered. The counters begin anew when the
 * device is recovered, or has slept.
 *
 * Return: 0, -EOPNOTSUPP (firmware without counters), -EIO or -ENODEV.
 */
int tnpu_counters_read(struct tnpu_device *tdev, struct npu_counters *counters)
{
	u32 recoveries;
	int ret;

	ret = tnpu_power_get(tdev);
	if (ret)
		return ret;
	ret = tnpu_counters_copy(tdev, counters, &recoveries);
	/* Whatever the recovery brings, what had been counted is lost. */
	if (ret)
		ret = tnpu_recover_settle(tdev, recoveries, ret) ?: -EIO;
	tnpu_power_put(tdev);
	return ret;
}
