/* SPDX-License-Identifier: MIT */
/*
 * Every ioctl of the driver as a row: arguments that are right, and what about
 * each of their fields is refused, or just allowed. Tests take from it what they
 * need: a call, and that nothing of it remains.
 */
#ifndef NPU_CALLS_H
#define NPU_CALLS_H

#include "npu.h"

#include <sys/eventfd.h>

#define CALLS_ADDR 0x40000000ull /* where calls map something */
#define CALLS_RING (NPU_DATA + 0x10000)
#define CALLS_NUMBERS 24 /* more than any file has queues, address spaces, buffers */
#define CALLS_VA_BITS (~((1ull << DRM_TNPU_VA_BITS) - 1))

/* Of the world's memory, each between pages that can't be accessed. */
enum calls_page {
	CALLS_ARGS,
	CALLS_INS, /* struct drm_tnpu_sync[DRM_TNPU_MAX_SYNCS] */
	CALLS_OUTS, /* likewise */
	CALLS_ANSWER,
	CALLS_USER,
	CALLS_PAGES
};

/**
 * struct calls_world - a client with something to be named of each kind
 * @client: client, of whose queue one job has ended
 * @full: syncobj that has signalled
 * @out: another
 * @event: eventfd
 * @memory: pages, below 2 GiB
 */
struct calls_world {
	struct npu_client client;
	__u32 full;
	__u32 out;
	int event;
	__u8 *memory;
};

/**
 * struct calls_rule - what becomes of a call if one field changes
 * @page: of the field
 * @offset: of the field from where the struct begins
 * @size: bytes of the field
 * @value: the field's value, or bits
 * @is_bits: each bit of @value alone is flipped, and has that effect
 * @error: errno, or 0
 */
struct calls_rule {
	enum calls_page page;
	__u32 offset;
	__u32 size;
	__u64 value;
	bool is_bits;
	int error;
};

/**
 * struct calls_row - an ioctl
 * @name: of the call
 * @request: its number
 * @prepare: has what the arguments name, and writes them; 0 or -errno
 * @error: errno of the call as prepared, or 0
 * @rules: ended by one without a size
 */
struct calls_row {
	const char *name;
	unsigned long request;
	int (*prepare)(struct calls_world *world, void *args);
	int error;
	const struct calls_rule *rules;
};

static inline void *calls_page(const struct calls_world *world,
			       enum calls_page page)
{
	return world->memory + (2 * page + 1) * NPU_PAGE;
}

/* --- Right arguments --------------------------------------------------------- */

static int calls_query(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_query *)args = (struct drm_tnpu_query){
		.size = sizeof(struct drm_tnpu_query_device),
		.data = (uintptr_t)calls_page(world, CALLS_ANSWER),
	};
	return 0;
}

static int calls_bo_create(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_bo_create *)args = (struct drm_tnpu_bo_create){
		.size = NPU_PAGE,
	};
	return 0;
}

static int calls_bo_mmap_offset(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_bo_mmap_offset *)args =
		(struct drm_tnpu_bo_mmap_offset){
			.handle = world->client.handle,
		};
	return 0;
}

static int calls_bo_info(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_bo_info *)args = (struct drm_tnpu_bo_info){
		.handle = world->client.handle,
	};
	return 0;
}

static int calls_bo_userptr(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_bo_userptr *)args = (struct drm_tnpu_bo_userptr){
		.addr = (uintptr_t)calls_page(world, CALLS_USER),
		.size = NPU_PAGE,
	};
	return 0;
}

static int calls_map(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_vm_bind *)args = (struct drm_tnpu_vm_bind){
		.op = DRM_TNPU_VM_BIND_MAP,
		.handle = world->client.handle,
		.addr = CALLS_ADDR,
		.size = NPU_PAGE,
	};
	return 0;
}

static int calls_unmap(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_vm_bind *)args = (struct drm_tnpu_vm_bind){
		.op = DRM_TNPU_VM_BIND_UNMAP,
		.addr = CALLS_ADDR,
		.size = NPU_PAGE,
	};
	return npu_map(world->client.fd, world->client.handle, CALLS_ADDR,
		       2 * NPU_PAGE, 0, 0);
}

static void calls_fill_syncs(struct calls_world *world)
{
	struct drm_tnpu_sync *ins = calls_page(world, CALLS_INS);
	struct drm_tnpu_sync *outs = calls_page(world, CALLS_OUTS);
	int i;

	for (i = 0; i < DRM_TNPU_MAX_SYNCS; i++) {
		ins[i] = (struct drm_tnpu_sync){ .handle = world->full };
		outs[i] = (struct drm_tnpu_sync){ .handle = world->out };
	}
}

static int calls_map_async(struct calls_world *world, void *args)
{
	struct drm_tnpu_vm_bind *bind = args;

	calls_fill_syncs(world);
	calls_map(world, bind);
	bind->flags = DRM_TNPU_VM_BIND_ASYNC;
	bind->in_syncs = (uintptr_t)calls_page(world, CALLS_INS);
	bind->out_syncs = (uintptr_t)calls_page(world, CALLS_OUTS);
	bind->in_sync_count = 1;
	bind->out_sync_count = 1;
	return 0;
}

static int calls_queue_create(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_queue_create *)args =
		(struct drm_tnpu_queue_create){ 0 };
	return 0;
}

static int calls_queue_create_user(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_queue_create *)args = (struct drm_tnpu_queue_create){
		.flags = DRM_TNPU_QUEUE_USER | DRM_TNPU_QUEUE_EVENT_FD,
		.event_fd = world->event,
		.entries = 2,
		.ring = CALLS_RING,
	};
	memset(world->client.buffer + (CALLS_RING - NPU_BASE), 0, 0x2000);
	return 0;
}

static int calls_queue_map(struct calls_world *world, void *args)
{
	struct drm_tnpu_queue_create create;
	int ret;

	calls_queue_create_user(world, &create);
	ret = npu_ioctl(world->client.fd, DRM_IOCTL_TNPU_QUEUE_CREATE,
			&create);
	*(struct drm_tnpu_queue_map *)args = (struct drm_tnpu_queue_map){
		.queue = create.queue,
	};
	return ret;
}

static int calls_queue_destroy(struct calls_world *world, void *args)
{
	struct drm_tnpu_queue_destroy *destroy = args;

	destroy->pad = 0;
	return npu_queue_create(world->client.fd, 0, &destroy->queue);
}

static int calls_queue_state(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_queue_state *)args = (struct drm_tnpu_queue_state){
		.queue = world->client.queue,
	};
	return 0;
}

/* To a queue of its own, since what is allowed need not be good for it. */
static int calls_submit(struct calls_world *world, void *args)
{
	struct drm_tnpu_submit *submit = args;

	calls_fill_syncs(world);
	*submit = npu_job(&world->client, 1);
	submit->in_syncs = (uintptr_t)calls_page(world, CALLS_INS);
	submit->out_syncs = (uintptr_t)calls_page(world, CALLS_OUTS);
	submit->in_sync_count = 1;
	submit->out_sync_count = 1;
	return npu_queue_create(world->client.fd, 0, &submit->queue);
}

static int calls_vm_create(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_vm_create *)args = (struct drm_tnpu_vm_create){ 0 };
	return 0;
}

static int calls_vm_destroy(struct calls_world *world, void *args)
{
	struct drm_tnpu_vm_destroy *destroy = args;

	destroy->pad = 0;
	return npu_vm_create(world->client.fd, &destroy->vm);
}

static int calls_job_cancel(struct calls_world *world, void *args)
{
	*(struct drm_tnpu_job_cancel *)args = (struct drm_tnpu_job_cancel){
		.queue = world->client.queue, .job = 1,
	};
	return 0;
}

/* --- The table ----------------------------------------------------------------- */

#define CALLS_FIELD(type, field)                          \
	.page = CALLS_ARGS,                               \
	.offset = offsetof(struct drm_tnpu_##type, field), \
	.size = sizeof(((struct drm_tnpu_##type *)0)->field)

/* Each of the bits alone has this effect. */
#define CALLS_BITS(type, field, bits, errno_)                    \
	{ CALLS_FIELD(type, field), .value = (bits), .is_bits = true, \
	  .error = (errno_) }

/* This value has that effect. */
#define CALLS_VALUE(type, field, value_, errno_) \
	{ CALLS_FIELD(type, field), .value = (value_), .error = (errno_) }

/* Numbers that are nobody's. */
#define CALLS_NOBODY(type, field)                            \
	CALLS_VALUE(type, field, 4711, ENOENT),              \
	CALLS_VALUE(type, field, 1u << 31, ENOENT),          \
	CALLS_VALUE(type, field, INT32_MAX, ENOENT),         \
	CALLS_VALUE(type, field, UINT32_MAX, ENOENT)

/* A count that has a limit. */
#define CALLS_COUNT(type, field, max)                        \
	CALLS_VALUE(type, field, 1, 0),                      \
	CALLS_VALUE(type, field, max, 0),                    \
	CALLS_VALUE(type, field, (max) + 1, EINVAL),         \
	CALLS_VALUE(type, field, 1u << 31, EINVAL),          \
	CALLS_VALUE(type, field, UINT32_MAX / 16 + 2, EINVAL), \
	CALLS_VALUE(type, field, UINT32_MAX, EINVAL)

/* User pointers: NULL, low, another's half, not canonical, wrapping. */
#define CALLS_POINTER(type, field)                                   \
	CALLS_VALUE(type, field, 8, EFAULT),                         \
	CALLS_VALUE(type, field, 0x8000000000000000, EFAULT),        \
	CALLS_VALUE(type, field, 0xffff888000000000, EFAULT),        \
	CALLS_VALUE(type, field, 0xfffffffffffffff8, EFAULT)

/* Each array has one element. */
#define CALLS_SYNCS(type)                                            \
	CALLS_VALUE(type, in_sync_count, 0, 0),                      \
	CALLS_VALUE(type, out_sync_count, 0, 0),                     \
	CALLS_COUNT(type, in_sync_count, DRM_TNPU_MAX_SYNCS),        \
	CALLS_COUNT(type, out_sync_count, DRM_TNPU_MAX_SYNCS),       \
	CALLS_VALUE(type, in_syncs, 0, EFAULT),                      \
	CALLS_VALUE(type, out_syncs, 0, EFAULT),                     \
	CALLS_POINTER(type, in_syncs),                               \
	CALLS_POINTER(type, out_syncs),                              \
	{ .page = CALLS_INS, .offset = 0, .size = 4, .value = 0,     \
	  .error = ENOENT },                                         \
	{ .page = CALLS_INS, .offset = 4, .size = 4,                 \
	  .value = UINT32_MAX, .is_bits = true, .error = EINVAL },   \
	{ .page = CALLS_OUTS, .offset = 0, .size = 4,                \
	  .value = UINT32_MAX, .error = ENOENT },                    \
	{ .page = CALLS_OUTS, .offset = 4, .size = 4,                \
	  .value = UINT32_MAX, .is_bits = true, .error = EINVAL }

static const struct calls_rule calls_query_rules[] = {
	CALLS_BITS(query, kind, UINT32_MAX, EINVAL),
	CALLS_VALUE(query, size, 0, 0),
	CALLS_VALUE(query, size, 1, 0),
	CALLS_VALUE(query, size, NPU_PAGE, 0),
	CALLS_VALUE(query, size, NPU_PAGE + 1, EFAULT),
	CALLS_VALUE(query, size, UINT32_MAX, EFAULT),
	CALLS_VALUE(query, data, 0, 0),
	CALLS_POINTER(query, data),
	{ 0 }
};

static const struct calls_rule calls_bo_create_rules[] = {
	CALLS_BITS(bo_create, flags, ~(__u32)DRM_TNPU_BO_WC, EINVAL),
	CALLS_VALUE(bo_create, flags, DRM_TNPU_BO_WC, 0),
	CALLS_VALUE(bo_create, size, 0, EINVAL),
	CALLS_VALUE(bo_create, size, 1, 0),
	CALLS_VALUE(bo_create, size, NPU_PAGE + 1, 0),
	CALLS_VALUE(bo_create, size, DRM_TNPU_MAX_BO_SIZE, 0),
	CALLS_VALUE(bo_create, size, DRM_TNPU_MAX_BO_SIZE + 1, EINVAL),
	CALLS_VALUE(bo_create, size, 1ull << 63, EINVAL),
	CALLS_VALUE(bo_create, size, -NPU_PAGE, EINVAL),
	CALLS_VALUE(bo_create, size, UINT64_MAX, EINVAL),
	{ 0 }
};

static const struct calls_rule calls_bo_mmap_offset_rules[] = {
	CALLS_BITS(bo_mmap_offset, flags, UINT32_MAX, EINVAL),
	CALLS_VALUE(bo_mmap_offset, handle, 0, ENOENT),
	CALLS_NOBODY(bo_mmap_offset, handle),
	{ 0 }
};

static const struct calls_rule calls_bo_info_rules[] = {
	CALLS_BITS(bo_info, flags, UINT32_MAX, EINVAL),
	CALLS_VALUE(bo_info, handle, 0, ENOENT),
	CALLS_NOBODY(bo_info, handle),
	{ 0 }
};

static const struct calls_rule calls_bo_userptr_rules[] = {
	CALLS_BITS(bo_userptr, flags, ~(__u32)DRM_TNPU_BO_READONLY, EINVAL),
	CALLS_VALUE(bo_userptr, flags, DRM_TNPU_BO_READONLY, 0),
	CALLS_BITS(bo_userptr, addr, NPU_PAGE - 1, EINVAL),
	CALLS_VALUE(bo_userptr, addr, 0, EFAULT),
	CALLS_VALUE(bo_userptr, addr, 1ull << 63, EFAULT),
	CALLS_VALUE(bo_userptr, addr, 0xffff888000000000, EFAULT),
	CALLS_VALUE(bo_userptr, addr, -NPU_PAGE, EFAULT),
	CALLS_BITS(bo_userptr, size, NPU_PAGE - 1, EINVAL),
	CALLS_VALUE(bo_userptr, size, 0, EINVAL),
	CALLS_VALUE(bo_userptr, size, 2 * NPU_PAGE, EFAULT),
	CALLS_VALUE(bo_userptr, size, DRM_TNPU_MAX_BO_SIZE, ENOMEM),
	CALLS_VALUE(bo_userptr, size, DRM_TNPU_MAX_BO_SIZE + NPU_PAGE, EINVAL),
	CALLS_VALUE(bo_userptr, size, 1ull << 63, EINVAL),
	CALLS_VALUE(bo_userptr, size, -NPU_PAGE, EINVAL),
	{ 0 }
};

/* Of all binds */
#define CALLS_RANGE                                                       \
	CALLS_VALUE(vm_bind, op, 2, EINVAL),                              \
	CALLS_VALUE(vm_bind, op, UINT32_MAX, EINVAL),                     \
	CALLS_VALUE(vm_bind, vm, DRM_TNPU_MAX_VMS + 1, ENOENT),           \
	CALLS_NOBODY(vm_bind, vm),                                        \
	CALLS_BITS(vm_bind, addr, CALLS_VA_BITS | (NPU_PAGE - 1), EINVAL), \
	CALLS_VALUE(vm_bind, addr, 0, 0),                                 \
	CALLS_VALUE(vm_bind, addr, -CALLS_VA_BITS - NPU_PAGE, 0),         \
	CALLS_VALUE(vm_bind, addr, -CALLS_VA_BITS, EINVAL),               \
	CALLS_VALUE(vm_bind, addr, -NPU_PAGE, EINVAL),                    \
	CALLS_VALUE(vm_bind, size, 0, EINVAL),                            \
	CALLS_BITS(vm_bind, size, NPU_PAGE - 1, EINVAL),                  \
	CALLS_VALUE(vm_bind, size, -CALLS_VA_BITS - CALLS_ADDR + NPU_PAGE, \
		    EINVAL),                                              \
	CALLS_VALUE(vm_bind, size, 1ull << 63, EINVAL),                   \
	CALLS_VALUE(vm_bind, size, -CALLS_ADDR, EINVAL),                  \
	CALLS_VALUE(vm_bind, size, -NPU_PAGE, EINVAL)

/* Without ASYNC */
#define CALLS_NO_SYNCS                                               \
	CALLS_BITS(vm_bind, in_syncs, UINT64_MAX, EINVAL),           \
	CALLS_BITS(vm_bind, out_syncs, UINT64_MAX, EINVAL),          \
	CALLS_BITS(vm_bind, in_sync_count, UINT32_MAX, EINVAL),      \
	CALLS_BITS(vm_bind, out_sync_count, UINT32_MAX, EINVAL)

static const struct calls_rule calls_map_rules[] = {
	CALLS_RANGE,
	CALLS_NO_SYNCS,
	CALLS_BITS(vm_bind, flags, ~3u, EINVAL),
	CALLS_VALUE(vm_bind, flags, 3, 0),
	CALLS_VALUE(vm_bind, handle, 0, ENOENT),
	CALLS_NOBODY(vm_bind, handle),
	CALLS_VALUE(vm_bind, size, NPU_BUFFER_SIZE, 0),
	CALLS_VALUE(vm_bind, size, NPU_BUFFER_SIZE + NPU_PAGE, EINVAL),
	CALLS_BITS(vm_bind, bo_offset, NPU_PAGE - 1, EINVAL),
	CALLS_VALUE(vm_bind, bo_offset, NPU_BUFFER_SIZE - NPU_PAGE, 0),
	CALLS_VALUE(vm_bind, bo_offset, NPU_BUFFER_SIZE, EINVAL),
	CALLS_VALUE(vm_bind, bo_offset, 1ull << 63, EINVAL),
	CALLS_VALUE(vm_bind, bo_offset, -NPU_PAGE, EINVAL),
	{ 0 }
};

static const struct calls_rule calls_unmap_rules[] = {
	CALLS_RANGE,
	CALLS_NO_SYNCS,
	CALLS_BITS(vm_bind, flags, ~(__u32)DRM_TNPU_VM_BIND_ASYNC, EINVAL),
	CALLS_BITS(vm_bind, handle, UINT32_MAX, EINVAL),
	CALLS_BITS(vm_bind, bo_offset, UINT64_MAX, EINVAL),
	{ 0 }
};

static const struct calls_rule calls_map_async_rules[] = {
	CALLS_SYNCS(vm_bind),
	{ 0 }
};

#define CALLS_QUEUE_RULES                                            \
	CALLS_VALUE(queue_create, priority, 4, EINVAL),              \
	CALLS_VALUE(queue_create, priority, UINT32_MAX, EINVAL),     \
	CALLS_BITS(queue_create, flags, ~3u, EINVAL),                \
	CALLS_VALUE(queue_create, vm, DRM_TNPU_MAX_VMS + 1, ENOENT), \
	CALLS_NOBODY(queue_create, vm),                              \
	CALLS_BITS(queue_create, pad, UINT32_MAX, EINVAL)

static const struct calls_rule calls_queue_create_rules[] = {
	CALLS_QUEUE_RULES,
	CALLS_BITS(queue_create, event_fd, UINT32_MAX, EINVAL),
	CALLS_BITS(queue_create, entries, UINT32_MAX, EINVAL),
	CALLS_BITS(queue_create, ring, UINT64_MAX, EINVAL),
	CALLS_VALUE(queue_create, flags, DRM_TNPU_QUEUE_EVENT_FD, EINVAL),
	CALLS_VALUE(queue_create, flags, DRM_TNPU_QUEUE_USER, EINVAL),
	{ 0 }
};

static const struct calls_rule calls_queue_create_user_rules[] = {
	CALLS_QUEUE_RULES,
	CALLS_VALUE(queue_create, event_fd, UINT32_MAX, EBADF),
	CALLS_VALUE(queue_create, event_fd, INT32_MAX, EBADF),
	CALLS_VALUE(queue_create, event_fd, 0, EINVAL),
	CALLS_VALUE(queue_create, entries, 0, EINVAL),
	CALLS_VALUE(queue_create, entries, 1, EINVAL),
	CALLS_VALUE(queue_create, entries, 3, EINVAL),
	CALLS_VALUE(queue_create, entries, 63, EINVAL),
	CALLS_VALUE(queue_create, entries, 64, 0),
	CALLS_VALUE(queue_create, entries, 65, EINVAL),
	CALLS_VALUE(queue_create, entries, 128, EINVAL),
	CALLS_VALUE(queue_create, entries, 1u << 31, EINVAL),
	CALLS_VALUE(queue_create, entries, UINT32_MAX, EINVAL),
	CALLS_BITS(queue_create, ring, CALLS_VA_BITS | (NPU_PAGE - 1), EINVAL),
	CALLS_VALUE(queue_create, ring, -CALLS_VA_BITS - NPU_PAGE, EINVAL),
	CALLS_VALUE(queue_create, ring, -NPU_PAGE, EINVAL),
	{ 0 }
};

static const struct calls_rule calls_queue_map_rules[] = {
	CALLS_BITS(queue_map, flags, UINT32_MAX, EINVAL),
	CALLS_VALUE(queue_map, queue, 0, ENOENT),
	CALLS_NOBODY(queue_map, queue),
	{ 0 }
};

static const struct calls_rule calls_queue_destroy_rules[] = {
	CALLS_BITS(queue_destroy, pad, UINT32_MAX, EINVAL),
	CALLS_VALUE(queue_destroy, queue, 0, ENOENT),
	CALLS_NOBODY(queue_destroy, queue),
	{ 0 }
};

static const struct calls_rule calls_queue_state_rules[] = {
	CALLS_BITS(queue_state, pad, UINT32_MAX, EINVAL),
	CALLS_VALUE(queue_state, queue, 0, ENOENT),
	CALLS_NOBODY(queue_state, queue),
	{ 0 }
};

static const struct calls_rule calls_submit_rules[] = {
	CALLS_SYNCS(submit),
	CALLS_VALUE(submit, queue, 0, ENOENT),
	CALLS_NOBODY(submit, queue),
	CALLS_BITS(submit, flags, UINT32_MAX, EINVAL),
	CALLS_BITS(submit, commands, NPU_COMMAND_ALIGN - 1, EINVAL),
	CALLS_BITS(submit, regions, NPU_REGION_TABLE_ALIGN - 1, EINVAL),
	CALLS_BITS(submit, result, NPU_RESULT_ALIGN - 1, EINVAL),
	CALLS_VALUE(submit, result, 0, 0),
	CALLS_VALUE(submit, command_count, 0, EINVAL),
	CALLS_COUNT(submit, command_count, NPU_MAX_COMMANDS),
	CALLS_VALUE(submit, region_count, 0, 0),
	CALLS_COUNT(submit, region_count, NPU_MAX_REGIONS),
	{ 0 }
};

static const struct calls_rule calls_vm_create_rules[] = {
	CALLS_BITS(vm_create, flags, UINT32_MAX, EINVAL),
	{ 0 }
};

static const struct calls_rule calls_vm_destroy_rules[] = {
	CALLS_BITS(vm_destroy, pad, UINT32_MAX, EINVAL),
	CALLS_VALUE(vm_destroy, vm, 0, EINVAL),
	CALLS_VALUE(vm_destroy, vm, DRM_TNPU_MAX_VMS + 1, ENOENT),
	CALLS_NOBODY(vm_destroy, vm),
	{ 0 }
};

static const struct calls_rule calls_job_cancel_rules[] = {
	CALLS_BITS(job_cancel, pad, UINT32_MAX, EINVAL),
	CALLS_VALUE(job_cancel, queue, 0, ENOENT),
	CALLS_NOBODY(job_cancel, queue),
	CALLS_VALUE(job_cancel, job, 0, ENOENT),
	CALLS_VALUE(job_cancel, job, 2, ENOENT),
	CALLS_VALUE(job_cancel, job, UINT64_MAX, ENOENT),
	{ 0 }
};

#define CALLS_ROW(name_, ioctl, errno_)                               \
	{                                                             \
		.name = #name_, .request = DRM_IOCTL_TNPU_##ioctl,    \
		.prepare = calls_##name_, .error = (errno_),          \
		.rules = calls_##name_##_rules,                       \
	}

static const struct calls_row calls_table[] = {
	CALLS_ROW(query, QUERY, 0),
	CALLS_ROW(bo_create, BO_CREATE, 0),
	CALLS_ROW(bo_mmap_offset, BO_MMAP_OFFSET, 0),
	CALLS_ROW(map, VM_BIND, 0),
	CALLS_ROW(unmap, VM_BIND, 0),
	CALLS_ROW(map_async, VM_BIND, 0),
	CALLS_ROW(queue_create, QUEUE_CREATE, 0),
	CALLS_ROW(queue_create_user, QUEUE_CREATE, 0),
	CALLS_ROW(queue_destroy, QUEUE_DESTROY, 0),
	CALLS_ROW(queue_state, QUEUE_STATE, 0),
	CALLS_ROW(submit, SUBMIT, 0),
	CALLS_ROW(vm_create, VM_CREATE, 0),
	CALLS_ROW(vm_destroy, VM_DESTROY, 0),
	CALLS_ROW(bo_info, BO_INFO, 0),
	CALLS_ROW(bo_userptr, BO_USERPTR, 0),
	CALLS_ROW(job_cancel, JOB_CANCEL, EALREADY),
	CALLS_ROW(queue_map, QUEUE_MAP, 0),
};

#define CALLS_COUNT_ALL (sizeof(calls_table) / sizeof(calls_table[0]))

/* --- The world ----------------------------------------------------------------- */

/* Whatever calls have made. */
static inline void calls_sweep(struct calls_world *world)
{
	int fd = world->client.fd;
	__u32 i;

	for (i = 1; i <= CALLS_NUMBERS; i++) {
		if (i != world->client.queue)
			npu_queue_destroy(fd, i);
		if (i != world->client.handle)
			npu_bo_close(fd, i);
	}
	for (i = 1; i <= DRM_TNPU_MAX_VMS; i++)
		npu_vm_destroy(fd, i);
	npu_unmap(fd, CALLS_ADDR, NPU_BUFFER_SIZE);
}

static inline void calls_close(struct calls_world *world)
{
	if (world->client.fd >= 0)
		npu_client_close(&world->client);
	if (world->event >= 0)
		close(world->event);
	if (world->memory != MAP_FAILED)
		munmap(world->memory, (2 * CALLS_PAGES + 1) * NPU_PAGE);
}

static inline int calls_alloc(struct calls_world *world)
{
	int i;

	world->memory = mmap(NULL, (2 * CALLS_PAGES + 1) * NPU_PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (world->memory == MAP_FAILED)
		return -errno;
	for (i = 0; i < CALLS_PAGES; i++) {
		if (mprotect(calls_page(world, i), NPU_PAGE,
			     PROT_READ | PROT_WRITE))
			return -errno;
		/* There from now on: no call has to wait for it, or lacks it. */
		memset(calls_page(world, i), 0, NPU_PAGE);
	}
	return 0;
}

static inline int calls_open(struct calls_world *world)
{
	struct drm_tnpu_submit job;
	int ret;

	*world = (struct calls_world){
		.event = eventfd(0, EFD_CLOEXEC), .memory = MAP_FAILED,
		.client.fd = -1, .client.buffer = MAP_FAILED,
	};
	ret = calls_alloc(world);
	if (ret)
		return ret;
	ret = npu_client_open(&world->client);
	if (ret)
		return ret;
	world->full = npu_syncobj(world->client.fd);
	world->out = npu_syncobj(world->client.fd);
	npu_commands(&world->client)[0] = npu_nop(1);
	job = npu_job(&world->client, 1);
	ret = npu_submit_out(&world->client, &job, world->full, 0);
	return ret ? ret : npu_outcome(world->client.fd, world->full);
}

#endif
