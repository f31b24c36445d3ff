// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery: called by whoever finds that the firmware does not answer or does
 * not obey, and when somebody else resets the function. The rungs that the
 * firmware itself climbs (a job, a queue, a core) are asked for in tnpu_job.c.
 */

/**
 * DOC: recovery
 *
 * The driver's tables (contexts, slots) say what the device should be. Who
 * changes them tells the firmware while holding reset_sem for reading. If there
 * is no answer the device is recovered: under reset_sem for writing it is reset,
 * the firmware is booted again and told what the tables say. So a change that
 * was not answered has been made when the recovery is over, and an invalidation
 * or a stop has happened too, since a reset leaves neither translations nor
 * running jobs. tnpu_recover_settle() waits for that.
 *
 * Jobs that were running are lost: their fences fail with EIO and their queues
 * are banned. Jobs that waited in a ring are written into the new one.
 *
 * What is done is a ladder, enum tnpu_rung: each rung is climbed when the one
 * below did not help, and each is counted, traced and logged. If the machine's
 * own reset does not bring it back its function is reset; if that does not, or
 * there were too many recoveries of late, the device is lost until it is bound
 * anew.
 */

#include "tnpu_recover.h"

#include <linux/dma-fence.h>
#include <linux/interrupt.h>
#include <linux/iopoll.h>
#include <linux/kobject.h>
#include <linux/pci.h>
#include <linux/timekeeping.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "tnpu_device.h"
#include "tnpu_netlink.h"
#include "tnpu_power.h"
#include "tnpu_queue.h"
#include "tnpu_trace.h"

#define TNPU_CONFIG_TIMEOUT_US (100 * USEC_PER_MSEC)

const char *const tnpu_rung_names[TNPU_RUNG_COUNT] = {
	[TNPU_RUNG_JOB] = "job stop",
	[TNPU_RUNG_QUEUE] = "queue reset",
	[TNPU_RUNG_CORE] = "core reset",
	[TNPU_RUNG_FIRMWARE] = "firmware restart",
	[TNPU_RUNG_FUNCTION] = "function reset",
	[TNPU_RUNG_WEDGED] = "wedged",
};

static void tnpu_recover_work(struct work_struct *work)
{
	struct tnpu_device *tdev =
		container_of(work, struct tnpu_device, recovery.work);

	tnpu_recover_device(tdev, READ_ONCE(tdev->recovery.why));
}

/**
 * tnpu_recover_init() - prepare for the worst
 * @tdev: device
 */
void tnpu_recover_init(struct tnpu_device *tdev)
{
	init_waitqueue_head(&tdev->recovery.done);
	INIT_WORK(&tdev->recovery.work, tnpu_recover_work);
	tdev->recovery.first = TNPU_RUNG_FIRMWARE;
}

/**
 * tnpu_recover_note() - a rung of the ladder was climbed
 * @tdev: device
 * @rung: which one
 * @error: 0, or -errno why it did not help
 */
void tnpu_recover_note(struct tnpu_device *tdev, enum tnpu_rung rung, int error)
{
	atomic_inc(&tdev->recovery.rungs[rung]);
	trace_tnpu_recovery(tdev, rung, error);
	tnpu_netlink_tell_reset(tdev, rung, error);
	if (error)
		drm_err_ratelimited(&tdev->drm, "recovery: %s failed: %pe\n",
				    tnpu_rung_names[rung], ERR_PTR(error));
	else
		dev_notice_ratelimited(tdev->drm.dev, "recovery: %s\n",
				       tnpu_rung_names[rung]);
}

/**
 * tnpu_recover_request() - have the device recovered, soon
 * @tdev: device
 * @why: a sentence for the log, which stays valid
 */
void tnpu_recover_request(struct tnpu_device *tdev, const char *why)
{
	WRITE_ONCE(tdev->recovery.why, why);
	queue_work(tdev->reset_wq, &tdev->recovery.work);
}

/**
 * tnpu_recover_need() - leave a device to recovery that is not up, nor asleep
 * @tdev: device whose reset_sem is held for writing, with its interrupt disabled
 * @why: a sentence for the log, which stays valid
 */
void tnpu_recover_need(struct tnpu_device *tdev, const char *why)
{
	lockdep_assert_held_write(&tdev->reset_sem);
	tdev->recovery.is_reset = true;
	tnpu_recover_request(tdev, why);
}

/* Whether the device had to be recovered too often of late. */
static bool tnpu_recover_is_hopeless(struct tnpu_device *tdev)
{
	u32 i = tdev->recoveries % TNPU_RECOVERIES_MAX;
	time64_t *oldest = &tdev->recovery.times_s[i];
	time64_t now = ktime_get_seconds();
	bool is_hopeless = tdev->recoveries >= TNPU_RECOVERIES_MAX &&
			   now - *oldest < TNPU_RECOVERIES_S;

	*oldest = now;
	return is_hopeless;
}

/*
 * Function-level reset. Not by pci_reset_function(), which takes the device's
 * lock: who removes the device holds it while it waits for us. Likewise who
 * resets the function keeps others from its configuration space, and may wait
 * for us in tnpu_recover_reset_prepare(): so patience is short here.
 */
static int tnpu_recover_flr(struct tnpu_device *tdev)
{
	struct pci_dev *pdev = to_pci_dev(tdev->drm.dev);
	bool is_ours;
	int ret;

	if (!pci_device_is_present(pdev))
		return -ENODEV;
	ret = read_poll_timeout(pci_cfg_access_trylock, is_ours, is_ours,
				USEC_PER_MSEC, TNPU_CONFIG_TIMEOUT_US, false,
				pdev);
	if (ret)
		return ret;
	pci_save_state(pdev);
	ret = pcie_reset_flr(pdev, PCI_RESET_DO_RESET);
	pci_restore_state(pdev);
	pci_cfg_access_unlock(pdev);
	return ret;
}

/*
 * Without reset_sem, since restoring MSI-X takes the device's lock of interrupts,
 * under which others allocate. In between only removal can change the state.
 */
static int tnpu_recover_reset_function(struct tnpu_device *tdev)
{
	int ret;

	lockdep_assert_held_write(&tdev->reset_sem);
	up_write(&tdev->reset_sem);
	dma_fence_end_signalling(tdev->recovery.cookie);
	ret = tnpu_recover_flr(tdev);
	tdev->recovery.cookie = dma_fence_begin_signalling();
	down_write(&tdev->reset_sem);
	if (tdev->state == TNPU_GONE)
		return -ENODEV;
	return ret ?: tnpu_device_halt(tdev);
}

/* Stops the machine, if need be with its function. */
static int tnpu_recover_halt(struct tnpu_device *tdev)
{
	int ret = tnpu_device_halt(tdev);

	if (!ret)
		return 0;
	ret = tnpu_recover_reset_function(tdev);
	tnpu_recover_note(tdev, TNPU_RUNG_FUNCTION, ret);
	return ret;
}

/* Climbs the ladder from @first until the device is up; else it is in reset. */
static int tnpu_recover_restart(struct tnpu_device *tdev, u32 first)
{
	int ret = -EIO;

	if (tnpu_recover_is_hopeless(tdev)) {
		drm_err(&tdev->drm, "recovered %u times in less than %u s\n",
			TNPU_RECOVERIES_MAX, TNPU_RECOVERIES_S);
		return ret;
	}
	if (first <= TNPU_RUNG_FIRMWARE) {
		ret = tnpu_device_bring_up(tdev);
		tnpu_recover_note(tdev, TNPU_RUNG_FIRMWARE, ret);
	}
	if (ret && first <= TNPU_RUNG_FUNCTION) {
		ret = tnpu_recover_reset_function(tdev);
		if (!ret)
			ret = tnpu_device_bring_up(tdev);
		tnpu_recover_note(tdev, TNPU_RUNG_FUNCTION, ret);
	}
	return ret;
}

/* Takes a device that is up down; what its jobs do is over when it returns 0. */
static void tnpu_recover_take_down(struct tnpu_device *tdev)
{
	tnpu_fw_report(tdev);
	tnpu_device_set_state(tdev, TNPU_STARTING);
	disable_irq(tdev->irq);
}

static int tnpu_recover_once(struct tnpu_device *tdev)
{
	u32 first = READ_ONCE(tdev->recovery.first);
	int ret;

	ret = tnpu_recover_halt(tdev);
	if (!ret) {
		/* What had ended by then has ended; the rest is lost. */
		tnpu_ring_drain(tdev);
		tnpu_queue_lose_running(tdev);
		ret = tnpu_recover_restart(tdev, first);
	}
	if (ret && tdev->state != TNPU_GONE) {
		drm_err(&tdev->drm, "recovery failed: the device is lost\n");
		tnpu_device_give_up(tdev, TNPU_LOST, -EIO);
		tnpu_recover_note(tdev, TNPU_RUNG_WEDGED, 0);
	}
	WRITE_ONCE(tdev->recovery.first, TNPU_RUNG_FIRMWARE);
	return ret;
}

/*
 * The uevent of the DRM's documentation on wedged devices. The DRM's own function
 * sends it from the primary node, of which devices that only compute have none.
 */
static void tnpu_recover_tell_wedged(struct tnpu_device *tdev)
{
	char wedged[16] = "WEDGED=rebind";
	char *env[2] = { wedged };
	int idx;

	if (!tdev->drm.registered || !drm_dev_enter(&tdev->drm, &idx))
		return;
	kobject_uevent_env(&tdev->drm.accel->kdev->kobj, KOBJ_CHANGE, env);
	drm_dev_exit(idx);
}

/**
 * tnpu_recover_device() - reset the device and go on
 * @tdev: device
 * @why: a sentence for the log
 *
 * Does nothing if the device is lost or gone. Runs on reset_wq, hence never
 * beside itself, and is part of signalling fences.
 */
void tnpu_recover_device(struct tnpu_device *tdev, const char *why)
{
	bool is_lost = false;

	tnpu_power_hold(tdev); /* if it isn't awake there is nothing to do */
	/* Who waits for an answer holds reset_sem. */
	tnpu_ring_abort(tdev);
	tdev->recovery.cookie = dma_fence_begin_signalling();
	down_write(&tdev->reset_sem);
	if (tdev->state == TNPU_UP || tdev->recovery.is_reset) {
		drm_err(&tdev->drm, "%s: recovering\n", why);
		if (tdev->state == TNPU_UP) {
			tnpu_dump_take(tdev, why);
			tnpu_recover_take_down(tdev);
		}
		tdev->recovery.is_reset = false;
		is_lost = tnpu_recover_once(tdev);
	}
	WRITE_ONCE(tdev->recoveries, tdev->recoveries + 1);
	up_write(&tdev->reset_sem);
	dma_fence_end_signalling(tdev->recovery.cookie);
	wake_up_all(&tdev->recovery.done);
	if (is_lost)
		tnpu_recover_tell_wedged(tdev);
	tnpu_power_put(tdev);
}

/**
 * tnpu_recover_settle() - make sure that a change has reached the device
 * @tdev: device
 * @recoveries: tdev->recoveries when the firmware was told, read with reset_sem
 *	held
 * @error: what tnpu_ring_call() said
 *
 * Without an answer the device is recovered, which does what was asked for; if
 * somebody has taken it over that one does it. May not be called from reset_wq,
 * nor with reset_sem held.
 *
 * Return: 0, -EIO (the device is lost), or @error.
 */
int tnpu_recover_settle(struct tnpu_device *tdev, u32 recoveries, int error)
{
	if (error != -ETIMEDOUT && error != -ECANCELED)
		return error;
	if (error == -ETIMEDOUT && READ_ONCE(tdev->recoveries) == recoveries)
		tnpu_recover_request(tdev, "the firmware does not answer");
	wait_event(tdev->recovery.done,
		   READ_ONCE(tdev->recoveries) != recoveries);
	switch (READ_ONCE(tdev->state)) {
	case TNPU_LOST:
		return -EIO;
	case TNPU_GONE:
		return -ENODEV;
	default:
		return 0;
	}
}

/**
 * tnpu_recover_insist() - the same for what firmware has no right to refuse
 * @tdev: device
 * @recoveries: as for tnpu_recover_settle()
 * @error: likewise; after any other a reset does what was asked for
 *
 * Return: 0, -EIO or -ENODEV.
 */
int tnpu_recover_insist(struct tnpu_device *tdev, u32 recoveries, int error)
{
	if (error && error != -ECANCELED)
		error = -ETIMEDOUT;
	return tnpu_recover_settle(tdev, recoveries, error);
}

/**
 * tnpu_recover_reset_prepare() - somebody is about to reset the function
 * @tdev: device
 *
 * Until tnpu_recover_reset_done() neither registers nor DMA are used; jobs wait.
 */
void tnpu_recover_reset_prepare(struct tnpu_device *tdev)
{
	tnpu_ring_abort(tdev);
	down_write(&tdev->reset_sem);
	if (tdev->state == TNPU_UP) {
		tnpu_recover_take_down(tdev);
		tnpu_device_halt(tdev);
	}
	up_write(&tdev->reset_sem);
}

/**
 * tnpu_recover_reset_done() - the function was reset: the firmware is gone
 * @tdev: device
 */
void tnpu_recover_reset_done(struct tnpu_device *tdev)
{
	down_write(&tdev->reset_sem);
	tdev->recovery.is_reset = tdev->state == TNPU_STARTING;
	up_write(&tdev->reset_sem);
	tnpu_recover_request(tdev, "the PCI function was reset");
}
