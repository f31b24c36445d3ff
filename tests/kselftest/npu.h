/* SPDX-License-Identifier: MIT */
/*
 * What all tests of the driver share: a client with a buffer and a queue, the
 * driver's calls as functions that return 0 or -errno, and a few commands.
 *
 * The client's buffer is mapped at NPU_BASE in its address space and holds, in
 * this order: commands, the region table, the result record, data. Region 0 is
 * the data.
 */
#ifndef NPU_SELFTEST_H
#define NPU_SELFTEST_H

#include <drm/tinynpu_accel.h>
#include <npu/isa.h>
#include <npu/job.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sync_file.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NPU_PAGE 4096ull
#define NPU_BASE 0x10000000ull
#define NPU_COMMANDS NPU_BASE
#define NPU_REGIONS (NPU_BASE + 0x10000)
#define NPU_RESULT (NPU_BASE + 0x11000)
#define NPU_DATA (NPU_BASE + 0x20000)
#define NPU_DATA_SIZE 0x20000u
#define NPU_BUFFER_SIZE 0x40000u
#define NPU_NOWHERE 0x2000000000ull /* nothing is ever mapped there */

#define NPU_NO_QUEUE UINT32_MAX
#define NPU_PATIENCE_S 300 /* longer than anything that is well takes */

/**
 * struct npu_client - an open device with one buffer and one queue
 * @fd: file
 * @handle: of the buffer
 * @buffer: the buffer here
 * @queue: number of the queue
 */
struct npu_client {
	int fd;
	__u32 handle;
	__u8 *buffer;
	__u32 queue;
};

static inline int npu_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

/* --- Devices ----------------------------------------------------------------- */

static inline bool npu_is_ours(int fd)
{
	char name[16] = "";
	struct drm_version version = {
		.name = name, .name_len = sizeof(name) - 1,
	};

	return !npu_ioctl(fd, DRM_IOCTL_VERSION, &version) &&
	       !strcmp(name, "tinynpu");
}

/* The TinyNPU that NPU_NODE names, else the first; or -errno. */
static inline int npu_open(void)
{
	const char *node = getenv("NPU_NODE");
	char path[32];
	int i, fd;

	if (node) {
		fd = open(node, O_RDWR | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (npu_is_ours(fd))
			return fd;
		close(fd);
	}
	return -ENODEV;
}

static inline int npu_query(int fd, struct drm_tnpu_query_device *info)
{
	struct drm_tnpu_query query = {
		.kind = DRM_TNPU_QUERY_DEVICE,
		.size = sizeof(*info),
		.data = (uintptr_t)info,
	};

	return npu_ioctl(fd, DRM_IOCTL_TNPU_QUERY, &query);
}

/* --- Buffers and addresses --------------------------------------------------- */

static inline int npu_bo_create(int fd, __u64 size, __u32 *handle)
{
	struct drm_tnpu_bo_create create = { .size = size };
	int ret = npu_ioctl(fd, DRM_IOCTL_TNPU_BO_CREATE, &create);

	*handle = create.handle;
	return ret;
}

static inline int npu_bo_close(int fd, __u32 handle)
{
	struct drm_gem_close args = { .handle = handle };

	return npu_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &args);
}

static inline int npu_bo_offset(int fd, __u32 handle, __u64 *offset)
{
	struct drm_tnpu_bo_mmap_offset args = { .handle = handle };
	int ret = npu_ioctl(fd, DRM_IOCTL_TNPU_BO_MMAP_OFFSET, &args);

	*offset = args.offset;
	return ret;
}

/* The buffer here, or MAP_FAILED. */
static inline void *npu_bo_mmap(int fd, __u32 handle, __u64 size)
{
	__u64 offset;

	if (npu_bo_offset(fd, handle, &offset))
		return MAP_FAILED;
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

static inline int npu_map(int fd, __u32 handle, __u64 addr, __u64 size,
			  __u64 bo_offset, __u32 flags)
{
	struct drm_tnpu_vm_bind bind = {
		.op = DRM_TNPU_VM_BIND_MAP,
		.flags = flags,
		.handle = handle,
		.addr = addr,
		.size = size,
		.bo_offset = bo_offset,
	};

	return npu_ioctl(fd, DRM_IOCTL_TNPU_VM_BIND, &bind);
}

static inline int npu_unmap(int fd, __u64 addr, __u64 size)
{
	struct drm_tnpu_vm_bind bind = {
		.op = DRM_TNPU_VM_BIND_UNMAP,
		.addr = addr,
		.size = size,
	};

	return npu_ioctl(fd, DRM_IOCTL_TNPU_VM_BIND, &bind);
}

/* --- Queues ------------------------------------------------------------------ */

static inline int npu_queue_create(int fd, __u32 priority, __u32 *queue)
{
	struct drm_tnpu_queue_create create = { .priority = priority };
	int ret = npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &create);

	*queue = create.queue;
	return ret;
}

static inline int npu_queue_destroy(int fd, __u32 queue)
{
	struct drm_tnpu_queue_destroy destroy = { .queue = queue };

	return npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_DESTROY, &destroy);
}

static inline int npu_queue_state(int fd, __u32 queue,
				  struct drm_tnpu_queue_state *state)
{
	*state = (struct drm_tnpu_queue_state){ .queue = queue };
	return npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_STATE, state);
}

/* --- Synchronisation --------------------------------------------------------- */

static inline __u32 npu_syncobj(int fd)
{
	struct drm_syncobj_create create = { 0 };

	return npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &create) ?
		       0 : create.handle;
}

static inline void npu_syncobj_destroy(int fd, __u32 handle)
{
	struct drm_syncobj_destroy destroy = { .handle = handle };

	npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
}

static inline __s64 npu_patience_end(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec + NPU_PATIENCE_S) * 1000000000ll;
}

/* Wait for a point of a timeline, or for a binary syncobj if it is 0. */
static inline int npu_wait(int fd, __u32 handle, __u64 point)
{
	struct drm_syncobj_timeline_wait wait = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.timeout_nsec = npu_patience_end(),
		.count_handles = 1,
	};

	return npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &wait);
}

/* Whether a binary syncobj is signalled by now. */
static inline bool npu_is_signalled(int fd, __u32 handle)
{
	struct drm_syncobj_wait wait = {
		.handles = (uintptr_t)&handle,
		.count_handles = 1,
	};

	return !npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait);
}

/* Wait for a binary syncobj; returns how what it stood for ended: 0, -errno. */
static inline int npu_outcome(int fd, __u32 handle)
{
	struct drm_syncobj_handle export = {
		.handle = handle,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	struct sync_file_info info = { 0 };
	int ret = npu_wait(fd, handle, 0);

	if (!ret)
		ret = npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &export);
	if (ret)
		return ret;
	ret = npu_ioctl(export.fd, SYNC_IOC_FILE_INFO, &info);
	close(export.fd);
	if (ret)
		return ret;
	return info.status < 0 ? info.status : 0;
}

/* --- Commands ---------------------------------------------------------------- */

static inline union npu_cmd npu_nop(__u32 cycles)
{
	return (union npu_cmd){ .nop = {
		.hdr.op = NPU_OP_NOP,
		.cycles = cycles,
	} };
}

/* Waits for a command of the MAC unit, of which there is none: never starts. */
static inline union npu_cmd npu_never(void)
{
	union npu_cmd cmd = npu_nop(1);

	cmd.hdr.flags = NPU_CMD_WAIT(NPU_UNIT_MAC);
	cmd.hdr.wait[NPU_UNIT_MAC] = 1;
	return cmd;
}

static inline union npu_cmd npu_fill(__u8 region, __u32 offset, __u32 bytes,
				     __u8 value)
{
	return (union npu_cmd){ .fill = {
		.hdr.op = NPU_OP_DMA_FILL,
		.dst = offset,
		.dst_region = region,
		.value = value,
		.n = { 1, 1, 1 },
		.run = bytes,
	} };
}

static inline union npu_cmd npu_copy(__u8 to, __u32 dst, __u8 from, __u32 src,
				     __u32 bytes)
{
	return (union npu_cmd){ .copy = {
		.hdr.op = NPU_OP_DMA_COPY,
		.src = src,
		.dst = dst,
		.src_region = from,
		.dst_region = to,
		.n = { 1, 1, 1 },
		.run = bytes,
	} };
}

/* --- Address spaces ----------------------------------------------------------- */

static inline int npu_vm_create(int fd, __u32 *vm)
{
	struct drm_tnpu_vm_create create = { 0 };
	int ret = npu_ioctl(fd, DRM_IOCTL_TNPU_VM_CREATE, &create);

	*vm = create.vm;
	return ret;
}

static inline int npu_vm_destroy(int fd, __u32 vm)
{
	struct drm_tnpu_vm_destroy destroy = { .vm = vm };

	return npu_ioctl(fd, DRM_IOCTL_TNPU_VM_DESTROY, &destroy);
}

/* --- Clients ----------------------------------------------------------------- */

static inline union npu_cmd *npu_commands(const struct npu_client *client)
{
	return (void *)(client->buffer + (NPU_COMMANDS - NPU_BASE));
}

static inline struct npu_region *npu_regions(const struct npu_client *client)
{
	return (void *)(client->buffer + (NPU_REGIONS - NPU_BASE));
}

static inline volatile struct npu_job_result *
npu_result(const struct npu_client *client)
{
	return (void *)(client->buffer + (NPU_RESULT - NPU_BASE));
}

static inline __u8 *npu_data(const struct npu_client *client)
{
	return client->buffer + (NPU_DATA - NPU_BASE);
}

static inline int npu_client_prepare(struct npu_client *client)
{
	int ret;

	ret = npu_bo_create(client->fd, NPU_BUFFER_SIZE, &client->handle);
	if (ret)
		return ret;
	client->buffer = npu_bo_mmap(client->fd, client->handle,
				     NPU_BUFFER_SIZE);
	if (client->buffer == MAP_FAILED)
		return -errno;
	ret = npu_map(client->fd, client->handle, NPU_BASE, NPU_BUFFER_SIZE, 0,
		      0);
	if (ret)
		return ret;
	npu_regions(client)[0] = (struct npu_region){ NPU_DATA,
						      NPU_DATA_SIZE };
	return npu_queue_create(client->fd, 0, &client->queue);
}

static inline void npu_client_close(struct npu_client *client)
{
	if (client->buffer != MAP_FAILED)
		munmap(client->buffer, NPU_BUFFER_SIZE);
	close(client->fd);
	client->buffer = MAP_FAILED;
	client->fd = -1;
}

/* 0 or -errno; whatever was opened is closed then. */
static inline int npu_client_open(struct npu_client *client)
{
	int ret;

	*client = (struct npu_client){
		.fd = npu_open(), .buffer = MAP_FAILED, .queue = NPU_NO_QUEUE,
	};
	if (client->fd < 0)
		return client->fd;
	ret = npu_client_prepare(client);
	if (ret)
		npu_client_close(client);
	return ret;
}

/* A new queue instead of the client's, which may be banned. */
static inline int npu_client_new_queue(struct npu_client *client)
{
	int ret = npu_queue_destroy(client->fd, client->queue);

	if (ret)
		return ret;
	return npu_queue_create(client->fd, 0, &client->queue);
}

/* A job of the first @count commands of the buffer, without syncs. */
static inline struct drm_tnpu_submit npu_job(const struct npu_client *client,
					     __u32 count)
{
	return (struct drm_tnpu_submit){
		.queue = client->queue,
		.commands = NPU_COMMANDS,
		.regions = NPU_REGIONS,
		.result = NPU_RESULT,
		.command_count = count,
		.region_count = 1,
	};
}

static inline int npu_submit(const struct npu_client *client,
			     const struct drm_tnpu_submit *job)
{
	struct drm_tnpu_submit copy = *job;

	return npu_ioctl(client->fd, DRM_IOCTL_TNPU_SUBMIT, &copy);
}

/* Submit a job that signals a syncobj, at a point or, if 0, as a binary one. */
static inline int npu_submit_out(const struct npu_client *client,
				 const struct drm_tnpu_submit *job,
				 __u32 syncobj, __u64 point)
{
	struct drm_tnpu_sync out = { .handle = syncobj, .point = point };
	struct drm_tnpu_submit copy = *job;

	copy.out_syncs = (uintptr_t)&out;
	copy.out_sync_count = 1;
	return npu_ioctl(client->fd, DRM_IOCTL_TNPU_SUBMIT, &copy);
}

/* Submit a job and wait for it; returns how it ended. */
static inline int npu_run(const struct npu_client *client,
			  const struct drm_tnpu_submit *job)
{
	__u32 syncobj = npu_syncobj(client->fd);
	int ret = syncobj ? 0 : -ENOMEM;

	if (!ret)
		ret = npu_submit_out(client, job, syncobj, 0);
	if (!ret)
		ret = npu_outcome(client->fd, syncobj);
	npu_syncobj_destroy(client->fd, syncobj);
	return ret;
}

/* What the device reads at an address: a byte, or -errno of the job. */
static inline int npu_peek(struct npu_client *client, __u64 addr)
{
	struct drm_tnpu_submit job;
	int ret;

	ret = npu_client_new_queue(client);
	if (ret)
		return ret;
	job = npu_job(client, 1);
	job.region_count = 2;
	npu_regions(client)[1] = (struct npu_region){ addr, 1 };
	npu_commands(client)[0] = npu_copy(0, 0, 1, 0, 1);
	ret = npu_run(client, &job);
	return ret ? ret : npu_data(client)[0];
}

/* Let the device write a byte; 0 or -errno of the job. */
static inline int npu_poke(struct npu_client *client, __u64 addr, __u8 value)
{
	struct drm_tnpu_submit job;
	int ret;

	ret = npu_client_new_queue(client);
	if (ret)
		return ret;
	job = npu_job(client, 1);
	job.region_count = 2;
	npu_regions(client)[1] = (struct npu_region){ addr, 1 };
	npu_commands(client)[0] = npu_fill(1, 0, 1, value);
	return npu_run(client, &job);
}

/* Run one command. */
static inline int npu_run_command(const struct npu_client *client,
				  union npu_cmd cmd)
{
	struct drm_tnpu_submit job = npu_job(client, 1);

	npu_commands(client)[0] = cmd;
	return npu_run(client, &job);
}

#endif
