/* SPDX-License-Identifier: GPL-2.0-only */
/* Queues of jobs: their life, their rings, and what became of them. */
#ifndef TNPU_QUEUE_H
#define TNPU_QUEUE_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <drm/gpu_scheduler.h>
#include <drm/tinynpu_accel.h>
#include <npu/ring.h>

struct drm_device;
struct drm_file;
struct eventfd_ctx;
struct tnpu_device;
struct tnpu_file;
struct tnpu_job;
struct tnpu_userq;
struct tnpu_vm;

#define TNPU_QUEUE_ENTRIES NPU_QUEUE_ENTRIES_MAX

/**
 * struct tnpu_queue - a queue of jobs
 *
 * References: one of the file it belongs to, given up by destruction; one of
 * each job. The queue has one of the device.
 *
 * @kref: references
 * @tdev: device
 * @tfile: whose it is; valid until the queue has left its slot
 * @slot: its number for the firmware
 * @vm: whose memory its jobs work on; likewise
 * @context: number of @vm for the device
 * @priority: as in DRM_TNPU_QUEUE_CREATE
 * @deadline_ms: likewise; 0: none
 * @event: eventfd to signal when jobs end, or NULL
 * @user: of a user-mode queue: what it has besides, else NULL
 * @entity: where jobs wait for their dependencies
 * @submit_lock: jobs get their sequence number and are pushed in this order
 * @is_closed: takes no more jobs; guarded by @submit_lock
 * @fence_context: of the jobs' fences
 * @seqno: of the last job's fence; guarded by @submit_lock
 * @ring: memory shared with the firmware, NULL for a user-mode queue; this and
 *	all below guarded by tnpu_device.job_lock
 * @ring_dma: its bus address
 * @tail: jobs written into @ring
 * @is_on_device: the firmware knows the queue
 * @is_suspect: one of its jobs did not obey, see tnpu_queue_lose_running()
 * @jobs: jobs that have not ended, in order
 * @handed: jobs that the scheduler has handed over and not freed
 * @idle: wakes who waits for @handed to become 0
 * @state: what user space is told
 */
struct tnpu_queue {
	struct kref kref;
	struct tnpu_device *tdev;
	struct tnpu_file *tfile;
	struct tnpu_vm *vm;
	u32 slot;
	u32 context;
	u32 priority;
	u32 deadline_ms;
	struct eventfd_ctx *event;
	struct tnpu_userq *user;
	struct drm_sched_entity entity;

	struct mutex submit_lock; /* order of jobs */
	bool is_closed;
	u64 fence_context;
	u64 seqno;

	struct npu_queue_ring *ring;
	dma_addr_t ring_dma;
	u32 tail;
	bool is_on_device;
	bool is_suspect;
	struct list_head jobs;
	u32 handed;
	wait_queue_head_t idle;
	struct drm_tnpu_queue_state state;
};

int tnpu_queue_init_slots(struct tnpu_device *tdev);

extern unsigned int tnpu_queue_max_deadline_ms;

u32 tnpu_queue_max_priority(void);
struct tnpu_queue *tnpu_queue_get(struct tnpu_queue *queue);
void tnpu_queue_put(struct tnpu_queue *queue);
struct tnpu_queue *tnpu_queue_find(struct tnpu_file *tfile, u32 number);
void tnpu_queue_destroy_all(struct tnpu_file *tfile);

void tnpu_queue_write_locked(struct tnpu_queue *queue, struct tnpu_job *job);
void tnpu_queue_ban_locked(struct tnpu_queue *queue,
			   enum drm_tnpu_queue_reason reason,
			   struct list_head *ended);

void tnpu_queue_cancel_locked(struct tnpu_queue *queue, struct tnpu_job *job);
void tnpu_queue_end_cancelled_locked(struct tnpu_queue *queue,
				     struct list_head *ended);

bool tnpu_queue_is_any_busy(struct tnpu_device *tdev);
void tnpu_queue_lose_running(struct tnpu_device *tdev);
int tnpu_queue_restore_all(struct tnpu_device *tdev);
void tnpu_queue_resume_all(struct tnpu_device *tdev);
void tnpu_queue_end_all(struct tnpu_device *tdev, int error);
void tnpu_queue_free_rings(struct tnpu_device *tdev);

int tnpu_queue_create_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *file);
int tnpu_queue_destroy_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file);
int tnpu_queue_state_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file);

#endif
