/* SPDX-License-Identifier: MIT */
/*
 * A user-mode queue of a test's client: its ring behind the client's buffer, its
 * doorbell, and an eventfd. See "User-mode queues" in the hardware manual.
 */
#ifndef NPU_USERQ_H
#define NPU_USERQ_H

#include "npu.h"

#include <npu/queue.h>

#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#define NPU_RING (NPU_BASE + 0x100000)
#define NPU_RING_SIZE 0x2000u
#define NPU_RING_ENTRIES 64

struct npu_userq {
	__u32 number;
	__u32 handle; /* of the ring's buffer */
	volatile struct npu_queue_ring *ring;
	volatile __u32 *doorbell;
	int event;
	__u64 submitted;
};

static inline struct drm_tnpu_queue_create npu_userq_args(int event)
{
	return (struct drm_tnpu_queue_create){
		.flags = DRM_TNPU_QUEUE_USER | DRM_TNPU_QUEUE_EVENT_FD,
		.event_fd = event,
		.entries = NPU_RING_ENTRIES,
		.ring = NPU_RING,
	};
}

/* The page of the device's file that is the queue's doorbell, or MAP_FAILED. */
static inline void *npu_userq_map_doorbell(int fd, __u32 number)
{
	struct drm_tnpu_queue_map map = { .queue = number };

	if (npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_MAP, &map))
		return MAP_FAILED;
	return mmap(NULL, NPU_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    map.offset);
}

static inline int npu_userq_map_ring(struct npu_userq *userq, int fd)
{
	int ret = npu_bo_create(fd, NPU_RING_SIZE, &userq->handle);

	if (ret)
		return ret;
	userq->ring = npu_bo_mmap(fd, userq->handle, NPU_RING_SIZE);
	if (userq->ring == MAP_FAILED)
		return -errno;
	return npu_map(fd, userq->handle, NPU_RING, NPU_RING_SIZE, 0, 0);
}

/* Everything ends with the client's file, but for these mappings. */
static inline void npu_userq_close(struct npu_userq *userq)
{
	if (userq->ring != MAP_FAILED)
		munmap((void *)userq->ring, NPU_RING_SIZE);
	if (userq->doorbell != MAP_FAILED)
		munmap((void *)userq->doorbell, NPU_PAGE);
	close(userq->event);
	userq->ring = MAP_FAILED;
	userq->doorbell = MAP_FAILED;
	userq->event = -1;
}

static inline int npu_userq_open(struct npu_userq *userq, int fd)
{
	struct drm_tnpu_queue_create create;
	int ret;

	*userq = (struct npu_userq){
		.ring = MAP_FAILED,
		.doorbell = MAP_FAILED,
		.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	ret = npu_userq_map_ring(userq, fd);
	if (ret)
		return ret;
	create = npu_userq_args(userq->event);
	ret = npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &create);
	if (ret)
		return ret;
	userq->number = create.queue;
	userq->doorbell = npu_userq_map_doorbell(fd, create.queue);
	return userq->doorbell == MAP_FAILED ? -errno : 0;
}

/* The first @count commands of the client's buffer. */
static inline struct npu_job npu_userq_job(__u64 cookie, __u32 count)
{
	return (struct npu_job){
		.cookie = cookie,
		.commands = NPU_COMMANDS,
		.regions = NPU_REGIONS,
		.result = NPU_RESULT,
		.command_count = count,
		.region_count = 1,
	};
}

static inline void npu_userq_put(struct npu_userq *userq,
				 const struct npu_job *job)
{
	__u32 place = userq->submitted++ % NPU_RING_ENTRIES;

	memcpy((void *)&userq->ring->jobs[place], job, sizeof(*job));
	atomic_thread_fence(memory_order_release);
	userq->ring->tail = userq->submitted;
}

static inline void npu_userq_ring(struct npu_userq *userq)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (userq->ring->armed)
		*userq->doorbell = 1;
}

static inline void npu_userq_submit(struct npu_userq *userq,
				    const struct npu_job *job)
{
	npu_userq_put(userq, job);
	npu_userq_ring(userq);
}

/* Sleep until @count jobs have ended; -ECANCELED if the queue is halted. */
static inline int npu_userq_wait(struct npu_userq *userq, __u64 count)
{
	struct pollfd poller = { .fd = userq->event, .events = POLLIN };
	eventfd_t events;

	for (;;) {
		userq->ring->wake_at = count;
		atomic_thread_fence(memory_order_release);
		userq->ring->wake_armed++;
		atomic_thread_fence(memory_order_seq_cst);
		if (userq->ring->completed >= count)
			return userq->ring->status ? -ECANCELED : 0;
		if (userq->ring->status)
			return -ECANCELED;
		if (poll(&poller, 1, NPU_PATIENCE_S * 1000) != 1)
			return -ETIMEDOUT;
		eventfd_read(userq->event, &events);
	}
}

static inline int npu_userq_run(struct npu_userq *userq,
				const struct npu_job *job)
{
	npu_userq_submit(userq, job);
	return npu_userq_wait(userq, userq->submitted);
}

#endif
