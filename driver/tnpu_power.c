// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power management: the device sleeps when nobody has needed it for a while, and
 * when the system does. Called by who needs it awake, and by the PM core.
 */

/**
 * DOC: sleep
 *
 * A device that is asleep is in reset, and below that in whatever state the PCI
 * core puts it: nothing in it survives but what the driver's tables say. They are
 * what new firmware is told when it wakes up, as after a recovery (tnpu_recover.c);
 * who changes them in between has nobody to tell. Waking up is no recovery: none is
 * counted, and no job is lost.
 *
 * It is kept awake by each job from SUBMIT to its end, by user-mode queues, since
 * their doorbells are rung without the driver's knowledge, and by calls that need
 * answers or registers. tnpu_power_get() wakes it up, which takes as long as a boot,
 * and is called where that can be waited for: never for a fence.
 *
 * Before the system sleeps no more jobs are handed over, and those that the firmware
 * has get some time to end. What runs for longer is lost, as in a recovery; what
 * waits runs when the system is awake again.
 *
 * reset_sem makes all this exclude recoveries, resets by others and removal. A
 * device that doesn't stop or doesn't wake up is left to recovery.
 */

#include "tnpu_power.h"

#include <linux/dma-fence.h>
#include <linux/interrupt.h>
#include <linux/iopoll.h>
#include <linux/pm_runtime.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "tnpu_device.h"
#include "tnpu_netlink.h"
#include "tnpu_queue.h"

#define TNPU_POWER_IDLE_MS 1000
#define TNPU_POWER_PATIENCE_US (2 * USEC_PER_SEC)
#define TNPU_POWER_POLL_US (2 * USEC_PER_MSEC)

/**
 * tnpu_power_get() - have the device awake
 * @tdev: device, inside drm_dev_enter()
 *
 * Sleeps until the firmware has booted, if need be. May not be called while
 * anything is locked that signalling fences needs.
 *
 * Return: 0 (the device is awake, or lost, until tnpu_power_put()) or -EIO.
 */
int tnpu_power_get(struct tnpu_device *tdev)
{
	int ret = pm_runtime_resume_and_get(tdev->drm.dev);

	if (ret >= 0)
		return 0;
	drm_dbg(&tdev->drm, "cannot wake up: %pe\n", ERR_PTR(ret));
	return -EIO;
}

/**
 * tnpu_power_hold() - keep a device awake that is so
 * @tdev: device that the caller has had from tnpu_power_get(), or recovers
 *
 * Until a tnpu_power_put() of its own. In any context.
 */
void tnpu_power_hold(struct tnpu_device *tdev)
{
	pm_runtime_get_noresume(tdev->drm.dev);
}

/**
 * tnpu_power_put() - need the device no longer
 * @tdev: device
 *
 * In any context: it goes to sleep later, by the PM core's work.
 */
void tnpu_power_put(struct tnpu_device *tdev)
{
	pm_runtime_mark_last_busy(tdev->drm.dev);
	pm_runtime_put_autosuspend(tdev->drm.dev);
}

/**
 * tnpu_power_enter() - begin what needs the device's registers
 * @tdev: device
 * @idx: set: for tnpu_power_exit(), for which removal waits
 *
 * Return: 0, -ENODEV (it was removed) or -EIO.
 */
int tnpu_power_enter(struct tnpu_device *tdev, int *idx)
{
	int ret;

	if (!drm_dev_enter(&tdev->drm, idx))
		return -ENODEV;
	ret = tnpu_power_get(tdev);
	if (ret)
		drm_dev_exit(*idx);
	return ret;
}

void tnpu_power_exit(struct tnpu_device *tdev, int idx)
{
	tnpu_power_put(tdev);
	drm_dev_exit(idx);
}

/*
 * Stops a device that nobody talks to any more, whose interrupt is enabled. One that
 * can't be stopped is not to sleep: it may be awake without our knowledge.
 */
static int tnpu_power_stop(struct tnpu_device *tdev)
{
	lockdep_assert_held_write(&tdev->reset_sem);
	disable_irq(tdev->irq);
	if (!tnpu_device_halt(tdev)) {
		tnpu_ring_drain(tdev);
		tnpu_queue_lose_running(tdev);
		return 0;
	}
	tnpu_device_set_state(tdev, TNPU_STARTING);
	tnpu_recover_need(tdev, "the device does not go to sleep");
	return -EBUSY;
}

static int tnpu_power_suspend(struct device *dev)
{
	struct tnpu_device *tdev = dev_get_drvdata(dev);
	int ret = 0;

	tnpu_telemetry_keep(tdev);
	down_write(&tdev->reset_sem);
	if (tdev->state == TNPU_STARTING) {
		ret = -EBUSY; /* a recovery is under way */
	} else if (tdev->state == TNPU_UP) {
		tnpu_device_set_state(tdev, TNPU_ASLEEP);
		ret = tnpu_power_stop(tdev);
		tnpu_netlink_tell_power(tdev);
	}
	up_write(&tdev->reset_sem);
	return ret; /* the end of the recovery will try again */
}

/*
 * The system goes to sleep: user space is frozen, the schedulers are not. reset_sem
 * is held while jobs end, so that nobody believes that the device is in reset yet.
 */
static int tnpu_power_sleep(struct device *dev)
{
	struct tnpu_device *tdev = dev_get_drvdata(dev);
	bool cookie, is_busy;
	int ret = 0;

	tnpu_telemetry_keep(tdev);
	flush_workqueue(tdev->reset_wq);
	cookie = dma_fence_begin_signalling();
	down_write(&tdev->reset_sem);
	if (tdev->state == TNPU_STARTING) {
		ret = -EBUSY;
	} else if (tdev->state == TNPU_UP) {
		tnpu_device_set_state(tdev, TNPU_ASLEEP);
		read_poll_timeout(tnpu_queue_is_any_busy, is_busy, !is_busy,
				  TNPU_POWER_POLL_US, TNPU_POWER_PATIENCE_US,
				  false, tdev);
		ret = tnpu_power_stop(tdev);
		tnpu_netlink_tell_power(tdev);
	}
	up_write(&tdev->reset_sem);
	dma_fence_end_signalling(cookie);
	return ret;
}

/*
 * Also the end of the system's sleep: jobs may wait. Says that all is well even if
 * it isn't, since the PM core would never try again: the device's state says more.
 */
static int tnpu_power_resume(struct device *dev)
{
	struct tnpu_device *tdev = dev_get_drvdata(dev);
	bool cookie = dma_fence_begin_signalling();
	int ret = 0;

	down_write(&tdev->reset_sem);
	if (tdev->state == TNPU_ASLEEP) {
		ret = tnpu_device_bring_up(tdev);
		if (ret) {
			tnpu_device_set_state(tdev, TNPU_STARTING);
			tnpu_recover_need(tdev, "the device does not wake up");
		}
		tnpu_netlink_tell_power(tdev);
	}
	up_write(&tdev->reset_sem);
	dma_fence_end_signalling(cookie);
	if (ret)
		flush_work(&tdev->recovery.work);
	return 0;
}

const struct dev_pm_ops tnpu_power_ops = {
	SYSTEM_SLEEP_PM_OPS(tnpu_power_sleep, tnpu_power_resume)
	RUNTIME_PM_OPS(tnpu_power_suspend, tnpu_power_resume, NULL)
};

/**
 * tnpu_power_init() - let the device sleep from now on
 * @tdev: device that is up; the PCI core keeps it awake while it is probed
 */
void tnpu_power_init(struct tnpu_device *tdev)
{
	struct device *dev = tdev->drm.dev;

	pm_runtime_set_autosuspend_delay(dev, TNPU_POWER_IDLE_MS);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_allow(dev);
	tnpu_power_put(tdev);
}

/**
 * tnpu_power_fini() - let it sleep no more
 * @tdev: device that is about to be removed; the PCI core has woken it up
 */
void tnpu_power_fini(struct tnpu_device *tdev)
{
	struct device *dev = tdev->drm.dev;

	pm_runtime_get_noresume(dev);
	pm_runtime_forbid(dev);
	pm_runtime_dont_use_autosuspend(dev);
}
