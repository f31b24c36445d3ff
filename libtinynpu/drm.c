// SPDX-License-Identifier: MIT
/*
 * The "drm" backend: a TinyNPU behind /dev/accel, through the kernel's driver.
 * Each context is an open file of its own, because the driver gives each file
 * its own address space; a buffer stays bound until its file is closed. The end
 * of a job is a point of a timeline syncobj.
 */
#include "backend.h"
#include "error.h"

#include <drm/tinynpu_accel.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#define DRIVER_NAME "tinynpu"

#ifndef DRM_IOCTL_SYNCOBJ_EVENTFD /* of Linux 6.6, younger than Debian's libdrm */
struct drm_syncobj_eventfd {
	__u32 handle;
	__u32 flags;
	__u64 point;
	__s32 fd;
	__u32 pad;
};
#define DRM_IOCTL_SYNCOBJ_EVENTFD DRM_IOWR(0xCF, struct drm_syncobj_eventfd)
#endif

struct drm_device {
	char node[32];
	struct drm_tnpu_query_device query;
};

/* What has to be unmapped; GEM handles end with the file. */
struct drm_mapping {
	struct drm_mapping *next;
	void *map;
	size_t size_bytes;
};

struct drm_context {
	int fd;
	uint32_t queue;
	uint32_t syncobj;
	uint64_t point; /* of the last job submitted */
	_Atomic uint64_t job; /* its number on the queue, or 0 */
	int event_fd; /* -1 until asked for */
	bool is_pending; /* nobody has waited for the last job */
	bool is_armed; /* event_fd becomes readable when it ends */
	struct drm_mapping *mappings;
};

static int drm_fail(struct tinynpu_error *error, const char *what)
{
	int err = -errno;

	return tinynpu_error_set(error, err, "%s: %s", what,
				 strerrordesc_np(-err));
}

/* --- Devices --------------------------------------------------------------- */

static bool is_our_driver(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool is_ours = version && !strcmp(version->name, DRIVER_NAME);

	drmFreeVersion(version);
	return is_ours;
}

static int open_node(const char *node, int *fd, struct tinynpu_error *error)
{
	*fd = open(node, O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		return drm_fail(error, node);
	if (!is_our_driver(*fd)) {
		close(*fd);
		return tinynpu_error_set(error, -ENODEV, "%s: not a TinyNPU",
					 node);
	}
	return 0;
}

static int parse_options(const char *options, int *number,
			 struct tinynpu_error *error)
{
	char rest;

	if (!*options) {
		*number = tinynpu_device_next(-1);
		if (*number < 0)
			return tinynpu_error_set(error, -ENODEV,
				"no TinyNPU below /dev/accel");
		return 0;
	}
	if (sscanf(options, "device=%d%c", number, &rest) != 1 || *number < 0)
		return tinynpu_error_set(error, -EINVAL,
			"options of drm: device=N, not '%s'", options);
	return 0;
}

static int drm_device_open(const char *options, void **device,
			   struct tinynpu_error *error)
{
	struct drm_tnpu_query query = { .kind = DRM_TNPU_QUERY_DEVICE };
	struct drm_device *dev;
	int number, fd, err;

	err = parse_options(options, &number, error);
	if (err)
		return err;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	snprintf(dev->node, sizeof(dev->node), "/dev/accel/accel%d", number);
	err = open_node(dev->node, &fd, error);
	if (err)
		goto err_free;
	query.size = sizeof(dev->query);
	query.data = (uintptr_t)&dev->query;
	if (drmIoctl(fd, DRM_IOCTL_TNPU_QUERY, &query))
		err = drm_fail(error, dev->node);
	close(fd);
	if (err)
		goto err_free;
	*device = dev;
	return 0;

err_free:
	free(dev);
	return err;
}

static void drm_device_close(void *device)
{
	free(device);
}

static void drm_device_info(void *device, struct tinynpu_device_info *info)
{
	const struct drm_device *dev = device;
	const struct drm_tnpu_query_device *query = &dev->query;

	*info = (struct tinynpu_device_info){
		.backend = "drm",
		.hw_version = query->hw_version,
		.firmware_abi = query->firmware_abi,
		.cores = query->cores,
		.macs = query->macs,
		.sram_size = query->sram_size,
		.clock_khz = query->clock_khz,
		.sram_bw = query->sram_bw,
		.sram_latency = query->sram_latency,
		.mem_bw = query->mem_bw,
		.mem_latency = query->mem_latency,
		.job_timeout_ms = query->job_timeout_ms,
		.reset_count = query->reset_count,
		.restricted = query->restricted,
	};
	snprintf(info->name, sizeof(info->name), "%s", dev->node);
	memcpy(info->firmware, query->firmware_name,
	       sizeof(info->firmware) - 1);
}

/* --- Contexts and buffers -------------------------------------------------- */

static int create_queue(struct drm_context *ctx, struct tinynpu_error *error)
{
	struct drm_tnpu_queue_create create = { .priority = 1 };

	if (drmIoctl(ctx->fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &create))
		return drm_fail(error, "the driver gave no queue");
	ctx->queue = create.queue;
	if (drmSyncobjCreate(ctx->fd, 0, &ctx->syncobj))
		return drm_fail(error, "the driver gave no syncobj");
	return 0;
}

static int drm_context_create(void *device, void **context,
			      struct tinynpu_error *error)
{
	struct drm_device *dev = device;
	struct drm_context *ctx;
	int err;

	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	ctx->event_fd = -1;
	err = open_node(dev->node, &ctx->fd, error);
	if (err)
		goto err_free;
	err = create_queue(ctx, error);
	if (err)
		goto err_close;
	*context = ctx;
	return 0;

err_close:
	close(ctx->fd);
err_free:
	free(ctx);
	return err;
}

/* Queue, syncobj and buffers end with the file. */
static void drm_context_destroy(void *context)
{
	struct drm_context *ctx = context;
	struct drm_mapping *mapping;

	while ((mapping = ctx->mappings)) {
		ctx->mappings = mapping->next;
		munmap(mapping->map, mapping->size_bytes);
		free(mapping);
	}
	close(ctx->fd);
	if (ctx->event_fd >= 0)
		close(ctx->event_fd);
	free(ctx);
}

static size_t round_up_page(uint64_t size_bytes)
{
	return (size_bytes + BACKEND_PAGE_SIZE - 1) &
	       ~(uint64_t)(BACKEND_PAGE_SIZE - 1);
}

static int bind_buffer(struct drm_context *ctx, uint32_t handle,
		       uint64_t offset, const struct backend_buffer *buffer,
		       struct tinynpu_error *error)
{
	struct drm_tnpu_vm_bind bind = {
		.op = DRM_TNPU_VM_BIND_MAP,
		.flags = buffer->is_readonly ? DRM_TNPU_VM_BIND_READONLY : 0,
		.handle = handle,
		.addr = buffer->address,
		.size = round_up_page(buffer->size_bytes),
		.bo_offset = offset,
	};

	if (drmIoctl(ctx->fd, DRM_IOCTL_TNPU_VM_BIND, &bind))
		return drm_fail(error, "the driver binds no buffer");
	return 0;
}

/* Maps a part of a file until the context is destroyed. */
static int map_file(struct drm_context *ctx, int fd, uint64_t offset,
		    size_t bytes, void **map, struct tinynpu_error *error)
{
	struct drm_mapping *mapping;

	mapping = malloc(sizeof(*mapping));
	if (!mapping)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	mapping->size_bytes = bytes;
	mapping->map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    fd, offset);
	if (mapping->map == MAP_FAILED) {
		free(mapping);
		return drm_fail(error, "mapping a buffer");
	}
	mapping->next = ctx->mappings;
	ctx->mappings = mapping;
	*map = mapping->map;
	return 0;
}

/* Ends a mapping early, if it is one of a file. */
static void unmap_file(struct drm_context *ctx, const void *map)
{
	struct drm_mapping **link, *mapping;

	for (link = &ctx->mappings; (mapping = *link); link = &mapping->next) {
		if (mapping->map != map)
			continue;
		*link = mapping->next;
		munmap(mapping->map, mapping->size_bytes);
		free(mapping);
		return;
	}
}

static int map_buffer(struct drm_context *ctx, uint32_t handle, size_t bytes,
		      void **map, struct tinynpu_error *error)
{
	struct drm_tnpu_bo_mmap_offset offset = { .handle = handle };

	if (drmIoctl(ctx->fd, DRM_IOCTL_TNPU_BO_MMAP_OFFSET, &offset))
		return drm_fail(error, "the driver maps no buffer");
	return map_file(ctx, ctx->fd, offset.offset, bytes, map, error);
}

static int drm_buffer_create(void *context, struct backend_buffer *buffer,
			     struct tinynpu_error *error)
{
	struct drm_context *ctx = context;
	struct drm_tnpu_bo_create create = { .size = buffer->size_bytes };
	size_t bytes = round_up_page(buffer->size_bytes);
	int err;

	if (drmIoctl(ctx->fd, DRM_IOCTL_TNPU_BO_CREATE, &create))
		return drm_fail(error, "the driver gave no buffer");
	err = bind_buffer(ctx, create.handle, 0, buffer, error);
	if (err)
		return err;
	buffer->handle = create.handle;
	return map_buffer(ctx, create.handle, bytes, &buffer->map, error);
}

static void close_handle(struct drm_context *ctx, uint32_t handle)
{
	struct drm_gem_close close = { .handle = handle };

	drmIoctl(ctx->fd, DRM_IOCTL_GEM_CLOSE, &close);
}

/* A handle for the process's memory, which is also its mapping. */
static int use_memory(struct drm_context *ctx, struct backend_buffer *buffer,
		      void *memory, struct tinynpu_error *error)
{
	struct drm_tnpu_bo_userptr userptr = {
		.addr = (uintptr_t)memory,
		.size = round_up_page(buffer->size_bytes),
		.flags = buffer->is_readonly ? DRM_TNPU_BO_READONLY : 0,
	};

	if (drmIoctl(ctx->fd, DRM_IOCTL_TNPU_BO_USERPTR, &userptr))
		return drm_fail(error, "the driver takes no such memory");
	buffer->handle = userptr.handle;
	buffer->map = memory;
	return 0;
}

static int use_file(struct drm_context *ctx, struct backend_buffer *buffer,
		    const struct backend_source *source,
		    struct tinynpu_error *error)
{
	if (drmPrimeFDToHandle(ctx->fd, source->fd, &buffer->handle))
		return drm_fail(error, "the driver imports no such file");
	return map_file(ctx, source->fd, source->offset,
			round_up_page(buffer->size_bytes), &buffer->map, error);
}

/* A binding keeps what it binds, so handles are needed to export only. */
static int drm_buffer_replace(void *context, struct backend_buffer *buffer,
			      const struct backend_source *source,
			      struct tinynpu_error *error)
{
	struct drm_context *ctx = context;
	struct backend_buffer new = *buffer;
	int err;

	new.handle = 0;
	if (source->memory)
		err = use_memory(ctx, &new, source->memory, error);
	else
		err = use_file(ctx, &new, source, error);
	if (!err)
		err = bind_buffer(ctx, new.handle,
				  source->memory ? 0 : source->offset, &new,
				  error);
	if (new.handle)
		close_handle(ctx, new.handle);
	if (err) {
		if (new.map != buffer->map)
			unmap_file(ctx, new.map);
		return err;
	}
	if (buffer->handle)
		close_handle(ctx, buffer->handle);
	unmap_file(ctx, buffer->map);
	new.handle = 0;
	*buffer = new;
	return 0;
}

static int drm_buffer_export(void *context, const struct backend_buffer *buffer,
			     struct tinynpu_error *error)
{
	struct drm_context *ctx = context;
	int fd;

	if (!buffer->handle)
		return tinynpu_error_set(error, -EOPNOTSUPP,
			"the tensor's memory is not the session's own");
	if (drmPrimeHandleToFD(ctx->fd, buffer->handle, DRM_CLOEXEC | DRM_RDWR,
			       &fd))
		return drm_fail(error, "the driver exports no buffer");
	return fd;
}

/* --- Jobs ------------------------------------------------------------------ */

/* Let the descriptor become readable at @point, which may be yet to come. */
static int arm_event(struct drm_context *ctx, uint64_t point)
{
	struct drm_syncobj_eventfd arm = {
		.handle = ctx->syncobj,
		.point = point,
		.fd = ctx->event_fd,
	};

	if (drmIoctl(ctx->fd, DRM_IOCTL_SYNCOBJ_EVENTFD, &arm))
		return -errno;
	ctx->is_armed = true;
	return 0;
}

static int drm_submit(void *context, const struct backend_job *job,
		      bool is_waited, struct tinynpu_error *error)
{
	struct drm_context *ctx = context;
	struct drm_tnpu_sync out = {
		.handle = ctx->syncobj,
		.point = ctx->point + 1,
	};
	struct drm_tnpu_submit submit = {
		.queue = ctx->queue,
		.commands = job->commands,
		.regions = job->regions,
		.result = job->result,
		.command_count = job->command_count,
		.region_count = job->region_count,
		.out_syncs = (uintptr_t)&out,
		.out_sync_count = 1,
	};

	ctx->is_armed = false;
	if (ctx->event_fd >= 0 && !is_waited && arm_event(ctx, out.point))
		return drm_fail(error, "the driver arms no event");
	if (drmIoctl(ctx->fd, DRM_IOCTL_TNPU_SUBMIT, &submit))
		return drm_fail(error, "the driver refused the job");
	ctx->point = out.point;
	ctx->job = submit.job;
	ctx->is_pending = true;
	return 0;
}

static int drm_cancel(void *context, struct tinynpu_error *error)
{
	struct drm_context *ctx = context;
	struct drm_tnpu_job_cancel cancel = {
		.queue = ctx->queue,
		.job = ctx->job,
	};

	/* EALREADY: it has ended, ENOENT: there is none. */
	if (drmIoctl(ctx->fd, DRM_IOCTL_TNPU_JOB_CANCEL, &cancel) &&
	    errno != EALREADY && errno != ENOENT)
		return drm_fail(error, "the driver cancels no job");
	return 0;
}

/*
 * The point is signalled, the eventfd perhaps a moment later: the kernel may do
 * it from another CPU. So wait for it, or it would count for the next job.
 */
static void clear_event(struct drm_context *ctx)
{
	struct pollfd poller = { .fd = ctx->event_fd, .events = POLLIN };
	eventfd_t count;

	poll(&poller, 1, -1);
	eventfd_read(ctx->event_fd, &count);
	ctx->is_armed = false;
}

static int drm_wait(void *context, int64_t deadline_ns,
		    struct tinynpu_error *error)
{
	struct drm_context *ctx = context;
	int err;

	err = drmSyncobjTimelineWait(ctx->fd, &ctx->syncobj, &ctx->point, 1,
				     deadline_ns,
				     DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
				     NULL);
	if (err == -ETIME)
		return tinynpu_error_set(error, -EAGAIN,
					 "the job has not ended yet");
	if (err)
		return tinynpu_error_set(error, err, "waiting for the job: %s",
					 strerrordesc_np(-err));
	ctx->is_pending = false;
	if (ctx->is_armed)
		clear_event(ctx);
	return 0;
}

static int drm_end(void *context, struct backend_end *end,
		   struct tinynpu_error *error)
{
	static const uint32_t statuses[] = {
		[DRM_TNPU_REASON_NONE] = NPU_JOB_CANCELLED,
		[DRM_TNPU_REASON_FAULT] = NPU_JOB_FAULT,
		[DRM_TNPU_REASON_TIMEOUT] = NPU_JOB_TIMEOUT,
		[DRM_TNPU_REASON_RESET] = NPU_JOB_RESET,
	};
	struct drm_context *ctx = context;
	struct drm_tnpu_queue_state state = { .queue = ctx->queue };

	if (drmIoctl(ctx->fd, DRM_IOCTL_TNPU_QUEUE_STATE, &state))
		return drm_fail(error, "the driver does not say how the job ended");
	*end = (struct backend_end){
		.status = state.reason < 4 ? statuses[state.reason] :
					     NPU_JOB_RESET,
		.fault_code = state.fault_code,
		.fault_unit = state.fault_unit,
		.fault_cmd = state.fault_cmd,
		.fault_info = state.fault_info,
		.fault_addr = state.fault_addr,
	};
	return 0;
}

static int drm_fd(void *context)
{
	struct drm_context *ctx = context;
	int err;

	if (ctx->event_fd >= 0)
		return ctx->event_fd;
	ctx->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ctx->event_fd < 0)
		return -errno;
	err = ctx->is_pending ? arm_event(ctx, ctx->point) : 0;
	if (err) {
		close(ctx->event_fd);
		ctx->event_fd = -1;
		return err == -EINVAL ? -ENOSYS : err;
	}
	return ctx->event_fd;
}

const struct backend backend_drm = {
	.name = "drm",
	.device_open = drm_device_open,
	.device_close = drm_device_close,
	.device_info = drm_device_info,
	.context_create = drm_context_create,
	.context_destroy = drm_context_destroy,
	.buffer_create = drm_buffer_create,
	.buffer_replace = drm_buffer_replace,
	.buffer_export = drm_buffer_export,
	.submit = drm_submit,
	.wait = drm_wait,
	.cancel = drm_cancel,
	.end = drm_end,
	.fd = drm_fd,
};
