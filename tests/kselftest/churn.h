/* SPDX-License-Identifier: MIT */
/*
 * Random but repeatable use of a device, for churn and stress: address spaces, binds
 * that wait for jobs, jobs that wait for binds, cancellations, destruction.
 */
#ifndef NPU_CHURN_H
#define NPU_CHURN_H

#include "npu.h"

#define CHURN_ADDR 0x40000000ull
#define CHURN_PAGES 1024 /* of the buffer: two large leaves */

/**
 * struct churner - one who does random things
 * @client: with the file's buffer at NPU_BASE in address space 0
 * @handle: of a buffer of CHURN_PAGES
 * @vm: where it binds; 0 or one of its own
 * @queue: for its jobs, in address space 0
 * @sync: timeline of what it has submitted
 * @point: last one on it
 * @seed: of the next random number
 * @error: of a call that must not fail so
 */
struct churner {
	struct npu_client *client;
	__u32 handle;
	__u32 vm;
	__u32 queue;
	__u32 sync;
	__u64 point;
	__u32 seed;
	int error;
};

static inline __u32 roll(struct churner *churner, __u32 sides)
{
	churner->seed = churner->seed * 1664525u + 1013904223u;
	return (churner->seed >> 8) % sides;
}

/* Chains a call to the last one, half of the time. */
static inline void chain(struct churner *churner, struct drm_tnpu_sync *in,
		  __u32 *in_count, struct drm_tnpu_sync *out)
{
	*in = (struct drm_tnpu_sync){ .handle = churner->sync,
				      .point = churner->point };
	*in_count = churner->point && roll(churner, 2);
	*out = (struct drm_tnpu_sync){ .handle = churner->sync,
				       .point = churner->point + 1 };
}

static inline int do_bind(struct churner *churner)
{
	struct drm_tnpu_sync in, out;
	__u32 first = roll(churner, CHURN_PAGES), count = roll(churner, CHURN_PAGES) + 1;
	struct drm_tnpu_vm_bind bind = {
		.op = roll(churner, 3) ? DRM_TNPU_VM_BIND_MAP :
					 DRM_TNPU_VM_BIND_UNMAP,
		.flags = DRM_TNPU_VM_BIND_ASYNC,
		.vm = churner->vm,
		.addr = CHURN_ADDR + first * NPU_PAGE,
		.in_syncs = (uintptr_t)&in,
		.out_syncs = (uintptr_t)&out,
		.out_sync_count = 1,
	};
	int ret;

	if (count > CHURN_PAGES - first)
		count = CHURN_PAGES - first;
	bind.size = count * NPU_PAGE;
	if (bind.op == DRM_TNPU_VM_BIND_MAP) {
		bind.handle = churner->handle;
		/* Congruent, so that leaves may be large, or not at all. */
		bind.bo_offset = roll(churner, 2) ? first * NPU_PAGE : 0;
	}
	chain(churner, &in, &bind.in_sync_count, &out);
	ret = npu_ioctl(churner->client->fd, DRM_IOCTL_TNPU_VM_BIND, &bind);
	churner->point += !ret;
	return ret;
}

static inline int do_submit(struct churner *churner)
{
	struct drm_tnpu_submit job = npu_job(churner->client, 1);
	struct drm_tnpu_sync in, out;
	int ret;

	job.queue = churner->queue;
	job.result = 0;
	job.in_syncs = (uintptr_t)&in;
	job.out_syncs = (uintptr_t)&out;
	job.out_sync_count = 1;
	chain(churner, &in, &job.in_sync_count, &out);
	ret = npu_submit(churner->client, &job);
	churner->point += !ret;
	return ret;
}

static inline int do_cancel(struct churner *churner)
{
	struct drm_tnpu_job_cancel cancel = { .queue = churner->queue };
	struct drm_tnpu_queue_state state;
	int ret;

	ret = npu_queue_state(churner->client->fd, churner->queue, &state);
	if (ret || !state.submitted)
		return ret;
	cancel.job = state.submitted - roll(churner, 4) % state.submitted;
	ret = npu_ioctl(churner->client->fd, DRM_IOCTL_TNPU_JOB_CANCEL,
			&cancel);
	return ret == -EALREADY ? 0 : ret;
}

static inline int do_new_queue(struct churner *churner)
{
	int ret = npu_queue_destroy(churner->client->fd, churner->queue);

	return ret ? ret : npu_queue_create(churner->client->fd, 0,
					    &churner->queue);
}

static inline int do_new_vm(struct churner *churner)
{
	int ret;

	if (!churner->vm)
		return 0;
	ret = npu_vm_destroy(churner->client->fd, churner->vm);
	return ret ? ret : npu_vm_create(churner->client->fd, &churner->vm);
}

static inline int do_wait(struct churner *churner)
{
	return churner->point ? npu_wait(churner->client->fd, churner->sync,
					 churner->point) : 0;
}

static inline int churn_once(struct churner *churner)
{
	__u32 what = roll(churner, 100);

	if (what < 45)
		return do_bind(churner);
	if (what < 80)
		return do_submit(churner);
	if (what < 90)
		return do_cancel(churner);
	if (what < 93)
		return do_new_queue(churner);
	if (what < 96)
		return do_new_vm(churner);
	return do_wait(churner);
}

static inline int churner_init(struct churner *churner)
{
	int fd = churner->client->fd;
	int ret;

	ret = npu_bo_create(fd, CHURN_PAGES * NPU_PAGE, &churner->handle);
	if (!ret)
		ret = npu_queue_create(fd, 0, &churner->queue);
	if (!ret && churner->seed % 2)
		ret = npu_vm_create(fd, &churner->vm);
	churner->sync = npu_syncobj(fd);
	return ret ? ret : churner->sync ? 0 : -ENOMEM;
}

#endif
