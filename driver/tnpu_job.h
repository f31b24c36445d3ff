/* SPDX-License-Identifier: GPL-2.0-only */
/* Jobs: from SUBMIT to the signal of their fence. */
#ifndef TNPU_JOB_H
#define TNPU_JOB_H

#include <linux/kref.h>
#include <linux/list.h>
#include <drm/gpu_scheduler.h>
#include <drm/tinynpu_accel.h>
#include <npu/ring.h>

struct drm_device;
struct drm_file;
struct tnpu_device;
struct tnpu_fence;
struct tnpu_queue;

/*
 * The firmware's watchdog ends jobs without progress; the scheduler's timeout
 * looks whether the firmware itself is well, and may take its time.
 */
extern unsigned int tnpu_job_timeout_ms;
#define TNPU_JOB_BACKSTOP_MS (2 * tnpu_job_timeout_ms + 1000)

/**
 * struct tnpu_job - a job
 *
 * References: one of the scheduler, given up in free_job; one of the queue's
 * list and the device's index of cookies, which goes to whoever ends the job
 * (tnpu_job_end_locked()) and is given up by tnpu_job_signal().
 *
 * @base: the scheduler's part
 * @kref: references
 * @queue: queue, with a reference
 * @fence: what others wait for, with a reference
 * @number: of the job on its queue, from 1
 * @entry: what is written into the ring; the lower half of its cookie is the key
 *	in tnpu_device.jobs
 * @link: in tnpu_queue.jobs, or in a list of ended jobs; this and all below are
 *	guarded by tnpu_device.job_lock, except those of the timeout handler
 * @is_handed: the scheduler has handed it over
 * @is_pushed: the firmware may know it
 * @is_cancelled: it was cancelled, but has not ended for that yet
 * @is_ended: its end is decided
 * @error: for its fence; 0 or -errno
 * @position: of its entry in the ring; where the tail is: it has none yet
 * @commands: the timeout handler's: finished commands when it last looked
 * @progress: likewise: tnpu_device.progress
 * @strikes: likewise: how often in a row nothing had moved
 * @looks: likewise: how often it looked while the job was waiting
 * @rung: likewise: what was done to make it end, see tnpu_job_climb()
 */
struct tnpu_job {
	struct drm_sched_job base;
	struct kref kref;
	struct tnpu_queue *queue;
	struct tnpu_fence *fence;
	u64 number;
	struct npu_job entry;

	struct list_head link;
	bool is_handed;
	bool is_pushed;
	bool is_cancelled;
	bool is_ended;
	int error;
	u32 position;

	u64 commands;
	u64 progress;
	unsigned int strikes;
	unsigned int looks;
	unsigned int rung;
};

extern const struct drm_sched_backend_ops tnpu_job_sched_ops;

void tnpu_job_end_locked(struct tnpu_job *job, int error,
			 struct list_head *ended);
void tnpu_job_signal(struct list_head *ended);
enum drm_tnpu_queue_reason tnpu_job_reason(const struct npu_event *event);
void tnpu_job_record_fault_locked(struct tnpu_queue *queue, u64 number,
				  const struct npu_event *event);
void tnpu_job_event(struct tnpu_device *tdev, const struct npu_event *event);
int tnpu_job_submit_ioctl(struct drm_device *drm, void *data,
			  struct drm_file *file);
int tnpu_job_cancel_ioctl(struct drm_device *drm, void *data,
			  struct drm_file *file);

#endif
