/* SPDX-License-Identifier: GPL-2.0-only */
/* Recovery: the ladder of what is done when something does not react. */
#ifndef TNPU_RECOVER_H
#define TNPU_RECOVER_H

#include <linux/atomic.h>
#include <linux/time64.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct tnpu_device;

#define TNPU_RECOVERIES_MAX 8 /* within TNPU_RECOVERIES_S; then it is lost */
#define TNPU_RECOVERIES_S 60

/**
 * enum tnpu_rung - what can be done, the least that hurts first
 * @TNPU_RUNG_JOB: ask the firmware to stop a job
 * @TNPU_RUNG_QUEUE: have it end all that the job's queue holds
 * @TNPU_RUNG_CORE: have the job's core reset
 * @TNPU_RUNG_FIRMWARE: reset the machine and boot the firmware anew
 * @TNPU_RUNG_FUNCTION: the same after a function-level reset
 * @TNPU_RUNG_WEDGED: give up, and tell user space
 */
enum tnpu_rung {
	TNPU_RUNG_JOB,
	TNPU_RUNG_QUEUE,
	TNPU_RUNG_CORE,
	TNPU_RUNG_FIRMWARE,
	TNPU_RUNG_FUNCTION,
	TNPU_RUNG_WEDGED,
};

#define TNPU_RUNG_COUNT (TNPU_RUNG_WEDGED + 1)

/**
 * struct tnpu_recovery - how a device is recovered
 * @work: does it, on tnpu_device.reset_wq
 * @why: for the log
 * @first: enum tnpu_rung to begin with; FIRMWARE but for tests
 * @is_reset: the device is down, and recovery has to bring it up: somebody else has
 *	reset the function, or it did not sleep or wake up; guarded by reset_sem
 * @cookie: of dma_fence_begin_signalling(), while it is under way
 * @done: wakes who waits for tnpu_device.recoveries to change
 * @times_s: when the last ones were, to see whether there are too many
 * @rungs: how often each was climbed
 */
struct tnpu_recovery {
	struct work_struct work;
	const char *why;
	u32 first;
	bool is_reset;
	bool cookie;
	wait_queue_head_t done;
	time64_t times_s[TNPU_RECOVERIES_MAX];
	atomic_t rungs[TNPU_RUNG_COUNT];
};

extern const char *const tnpu_rung_names[TNPU_RUNG_COUNT];

void tnpu_recover_init(struct tnpu_device *tdev);
void tnpu_recover_note(struct tnpu_device *tdev, enum tnpu_rung rung,
		       int error);
void tnpu_recover_request(struct tnpu_device *tdev, const char *why);
void tnpu_recover_need(struct tnpu_device *tdev, const char *why);
void tnpu_recover_device(struct tnpu_device *tdev, const char *why);
int tnpu_recover_settle(struct tnpu_device *tdev, u32 recoveries, int error);
int tnpu_recover_insist(struct tnpu_device *tdev, u32 recoveries, int error);
void tnpu_recover_reset_prepare(struct tnpu_device *tdev);
void tnpu_recover_reset_done(struct tnpu_device *tdev);

#endif
