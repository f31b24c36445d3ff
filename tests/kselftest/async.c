// SPDX-License-Identifier: MIT
/*
 * Asynchronous binds: what they wait for, when they are seen, in which order they
 * are made, and what becomes of those that never are.
 */
#include "gate.h"
#include "npu.h"

#include "kselftest_harness.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define ADDR 0x40000000ull
#define SIZE (16 * NPU_PAGE)

FIXTURE(async)
{
	struct npu_client client;
	int fd;
	__u32 handle;
	__u8 *bytes;
	struct gate gate;
	__u32 shut; /* waits for the gate */
};

FIXTURE_SETUP(async)
{
	unsigned int i;

	ASSERT_EQ(0, npu_client_open(&self->client));
	self->fd = self->client.fd;
	ASSERT_EQ(0, npu_bo_create(self->fd, SIZE, &self->handle));
	self->bytes = npu_bo_mmap(self->fd, self->handle, SIZE);
	ASSERT_NE(MAP_FAILED, self->bytes);
	for (i = 0; i < SIZE / NPU_PAGE; i++)
		memset(self->bytes + i * NPU_PAGE, i + 1, NPU_PAGE);
	self->shut = npu_syncobj(self->fd);
	if (gate_create_lasting(&self->gate))
		SKIP(return, "needs vgem");
	ASSERT_EQ(0, gate_shut(&self->gate, self->fd, self->shut));
}

FIXTURE_TEARDOWN(async)
{
	npu_client_close(&self->client);
	gate_destroy(&self->gate);
}

static bool is_signalled(int fd, __u32 syncobj, __u64 point)
{
	struct drm_syncobj_timeline_wait wait = {
		.handles = (uintptr_t)&syncobj,
		.points = (uintptr_t)&point,
		.count_handles = 1,
	};

	return !npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &wait);
}

/* A bind that waits for @in and signals @out at @point. */
static int bind_after(int fd, struct drm_tnpu_vm_bind args, __u32 in,
		      __u32 out, __u64 point)
{
	struct drm_tnpu_sync in_sync = { .handle = in };
	struct drm_tnpu_sync out_sync = { .handle = out, .point = point };

	args.flags |= DRM_TNPU_VM_BIND_ASYNC;
	args.in_syncs = (uintptr_t)&in_sync;
	args.in_sync_count = !!in;
	args.out_syncs = (uintptr_t)&out_sync;
	args.out_sync_count = !!out;
	return npu_ioctl(fd, DRM_IOCTL_TNPU_VM_BIND, &args);
}

static struct drm_tnpu_vm_bind map(__u32 handle, __u64 addr, __u64 size,
				   __u64 bo_offset)
{
	return (struct drm_tnpu_vm_bind){
		.op = DRM_TNPU_VM_BIND_MAP, .handle = handle, .addr = addr,
		.size = size, .bo_offset = bo_offset,
	};
}

static struct drm_tnpu_vm_bind unmap(__u64 addr, __u64 size)
{
	return (struct drm_tnpu_vm_bind){
		.op = DRM_TNPU_VM_BIND_UNMAP, .addr = addr, .size = size,
	};
}

TEST_F(async, each_rule_of_syncs_is_kept)
{
	struct drm_tnpu_sync sync = { .handle = npu_syncobj(self->fd) };
	struct drm_tnpu_vm_bind good = map(self->handle, ADDR, SIZE, 0), bad;

	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	good.flags = DRM_TNPU_VM_BIND_ASYNC;
#define REFUSED(error, change) do {					\
		bad = good;						\
		change;							\
		EXPECT_EQ(-(error), npu_ioctl(self->fd,			\
					      DRM_IOCTL_TNPU_VM_BIND, &bad)); \
	} while (0)

	REFUSED(EINVAL, bad.in_sync_count = DRM_TNPU_MAX_SYNCS + 1);
	REFUSED(EINVAL, bad.out_sync_count = DRM_TNPU_MAX_SYNCS + 1);
	REFUSED(EINVAL, bad.in_sync_count = UINT32_MAX);
	REFUSED(EFAULT, bad.in_sync_count = 1);
	REFUSED(EFAULT, (bad.out_sync_count = 1, bad.out_syncs = 16));
	good.in_sync_count = 1;
	good.in_syncs = (uintptr_t)&sync;
	REFUSED(EINVAL, (void)0); /* it holds no fence */
	good.out_sync_count = 1;
	good.out_syncs = good.in_syncs;
	good.in_sync_count = 0;
	sync.flags = 1;
	REFUSED(EINVAL, (void)0);
	sync.flags = 0;
	sync.handle = 4711;
	REFUSED(ENOENT, (void)0);
#undef REFUSED
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR));
}

TEST_F(async, the_out_sync_tells_when_it_is_made)
{
	__u32 out = npu_syncobj(self->fd);

	ASSERT_EQ(0, bind_after(self->fd, map(self->handle, ADDR, SIZE, 0), 0,
				out, 0));
	EXPECT_EQ(0, npu_outcome(self->fd, out));
	EXPECT_EQ(1, npu_peek(&self->client, ADDR));
	ASSERT_EQ(0, bind_after(self->fd, unmap(ADDR, NPU_PAGE), 0, out, 7));
	EXPECT_EQ(0, npu_wait(self->fd, out, 7));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR));
	EXPECT_EQ(2, npu_peek(&self->client, ADDR + NPU_PAGE));
}

TEST_F(async, it_waits_for_its_in_sync)
{
	__u32 out = npu_syncobj(self->fd);

	ASSERT_EQ(0, bind_after(self->fd, map(self->handle, ADDR, SIZE, 0),
				self->shut, out, 0));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR));
	EXPECT_FALSE(is_signalled(self->fd, out, 0));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, npu_outcome(self->fd, out));
	EXPECT_EQ(1, npu_peek(&self->client, ADDR));
}

/* Also one that waits for nothing is made after those before it. */
TEST_F(async, binds_are_made_in_order)
{
	__u32 out = npu_syncobj(self->fd);
	__u64 i;

	ASSERT_EQ(0, bind_after(self->fd, map(self->handle, ADDR, SIZE, 0),
				self->shut, out, 1));
	ASSERT_EQ(0, bind_after(self->fd, unmap(ADDR + 4 * NPU_PAGE,
						8 * NPU_PAGE), 0, out, 2));
	for (i = 6; i < 10; i++)
		ASSERT_EQ(0, bind_after(self->fd,
					map(self->handle, ADDR + i * NPU_PAGE,
					    NPU_PAGE, 15 * NPU_PAGE),
					0, out, i));
	EXPECT_FALSE(is_signalled(self->fd, out, 1));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, npu_wait(self->fd, out, 9));
	EXPECT_EQ(4, npu_peek(&self->client, ADDR + 3 * NPU_PAGE));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR + 5 * NPU_PAGE));
	EXPECT_EQ(16, npu_peek(&self->client, ADDR + 6 * NPU_PAGE));
	EXPECT_EQ(16, npu_peek(&self->client, ADDR + 9 * NPU_PAGE));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR + 10 * NPU_PAGE));
	EXPECT_EQ(13, npu_peek(&self->client, ADDR + 12 * NPU_PAGE));
}

struct waiter {
	struct npu_client *client;
	__u32 handle;
	int ret;
};

static void *bind_in_thread(void *arg)
{
	struct waiter *waiter = arg;

	waiter->ret = npu_map(waiter->client->fd, waiter->handle, ADDR,
			      NPU_PAGE, NPU_PAGE, 0);
	return NULL;
}

TEST_F(async, a_synchronous_bind_keeps_the_order)
{
	struct waiter waiter = { &self->client, self->handle, 1 };
	pthread_t thread;

	ASSERT_EQ(0, bind_after(self->fd, map(self->handle, ADDR, SIZE, 0),
				self->shut, 0, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, bind_in_thread, &waiter));
	ASSERT_EQ(0, gate_open(&self->gate));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, waiter.ret);
	EXPECT_EQ(2, npu_peek(&self->client, ADDR));
	EXPECT_EQ(2, npu_peek(&self->client, ADDR + NPU_PAGE));
}

/* In a loop: mapped, used by a job that waits for that, unmapped after the job. */
TEST_F(async, jobs_and_binds_wait_for_each_other)
{
	struct drm_tnpu_sync in = { .handle = npu_syncobj(self->fd) };
	struct drm_tnpu_sync out = { .handle = in.handle };
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	__u64 i, point = 0;

	npu_commands(&self->client)[0] = npu_copy(0, 0, 1, 0, NPU_PAGE);
	npu_regions(&self->client)[1] = (struct npu_region){ ADDR, NPU_PAGE };
	job.region_count = 2;
	job.in_syncs = (uintptr_t)&in;
	job.out_syncs = (uintptr_t)&out;
	job.in_sync_count = 1;
	job.out_sync_count = 1;
	for (i = 0; i < 16; i++) {
		struct drm_tnpu_vm_bind bind = map(self->handle, ADDR, NPU_PAGE,
						   i * NPU_PAGE);

		ASSERT_EQ(0, bind_after(self->fd, bind, 0, in.handle,
					++point));
		in.point = point;
		out.point = ++point;
		ASSERT_EQ(0, npu_submit(&self->client, &job));
		bind = unmap(ADDR, NPU_PAGE);
		bind.flags = DRM_TNPU_VM_BIND_ASYNC;
		in.point = point;
		out.point = ++point;
		bind.in_syncs = (uintptr_t)&in;
		bind.out_syncs = (uintptr_t)&out;
		bind.in_sync_count = 1;
		bind.out_sync_count = 1;
		ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_TNPU_VM_BIND,
				       &bind));
	}
	ASSERT_EQ(0, npu_wait(self->fd, in.handle, point));
	EXPECT_EQ(16, npu_data(&self->client)[0]);
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR));
}

TEST_F(async, a_closed_buffer_stays_until_it_is_unmapped)
{
	__u32 out = npu_syncobj(self->fd);

	ASSERT_EQ(0, bind_after(self->fd, map(self->handle, ADDR, SIZE, 0),
				self->shut, out, 1));
	ASSERT_EQ(0, munmap(self->bytes, SIZE));
	ASSERT_EQ(0, npu_bo_close(self->fd, self->handle));
	ASSERT_EQ(0, gate_open(&self->gate));
	ASSERT_EQ(0, npu_wait(self->fd, out, 1));
	EXPECT_EQ(16, npu_peek(&self->client, ADDR + SIZE - 1));
}

TEST_F_TIMEOUT(async, so_many_may_wait, 300)
{
	__u32 out = npu_syncobj(self->fd);
	int i, ret = 0;

	for (i = 0; i < DRM_TNPU_MAX_BINDS && !ret; i++)
		ret = bind_after(self->fd, map(self->handle, ADDR, SIZE, 0),
				 self->shut, out, 0);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(-ENOSPC, bind_after(self->fd, unmap(ADDR, SIZE), self->shut,
				      out, 0));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, npu_outcome(self->fd, out));
	EXPECT_EQ(0, npu_unmap(self->fd, ADDR, SIZE));
}

TEST_F(async, binds_of_a_destroyed_address_space_are_cancelled)
{
	__u32 outs[2] = { npu_syncobj(self->fd), npu_syncobj(self->fd) };
	struct drm_tnpu_vm_bind bind = map(self->handle, ADDR, SIZE, 0);

	ASSERT_EQ(0, npu_vm_create(self->fd, &bind.vm));
	ASSERT_EQ(0, bind_after(self->fd, bind, self->shut, outs[0], 0));
	ASSERT_EQ(0, bind_after(self->fd, bind, 0, outs[1], 0));
	ASSERT_EQ(0, npu_vm_destroy(self->fd, bind.vm));
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, outs[0]));
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, outs[1]));
	EXPECT_FALSE(is_signalled(self->fd, self->shut, 0));
}

/* Killed while it waits in a synchronous bind behind one that waits. */
TEST_F(async, waiting_can_be_killed)
{
	int ready[2], status;
	pid_t child;
	char c = 0;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, bind_after(self->fd, map(self->handle, ADDR, SIZE, 0),
				self->shut, 0, 0));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		if (write(ready[1], &c, 1) != 1)
			_exit(1);
		npu_unmap(self->fd, ADDR, SIZE);
		_exit(2);
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_FALSE(is_signalled(self->fd, self->shut, 0));
	ASSERT_EQ(0, gate_open(&self->gate));
}

TEST_F(async, closing_the_file_ends_what_waits)
{
	__u32 out = npu_syncobj(self->fd);
	struct drm_syncobj_handle export = { .handle = out, .fd = -1 };
	struct drm_syncobj_handle import = { 0 };
	int other = npu_open();

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, bind_after(self->fd, map(self->handle, ADDR, SIZE, 0),
				self->shut, out, 0));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD,
			       &export));
	import.fd = export.fd;
	ASSERT_EQ(0, npu_ioctl(other, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE,
			       &import));
	ASSERT_EQ(0, munmap(self->bytes, SIZE)); /* which keeps the file open */
	npu_client_close(&self->client);
	EXPECT_EQ(-ECANCELED, npu_outcome(other, import.handle));
	close(other);
}

TEST_HARNESS_MAIN
