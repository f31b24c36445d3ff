// SPDX-License-Identifier: MIT
/*
 * Jobs' fences in all forms that DRM and sync_file have for them: exported,
 * imported, merged, transferred, waited for before they exist, one of many or all
 * of them, with timeouts, and until somebody loses patience.
 */
#include "gate.h"
#include "npu.h"

#include "kselftest_harness.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#ifndef DRM_IOCTL_SYNCOBJ_EVENTFD /* of Linux 6.6, younger than some libdrm */
struct drm_syncobj_eventfd {
	__u32 handle;
	__u32 flags;
	__u64 point;
	__s32 fd;
	__u32 pad;
};

#define DRM_IOCTL_SYNCOBJ_EVENTFD DRM_IOWR(0xCF, struct drm_syncobj_eventfd)
#endif

FIXTURE(sync)
{
	struct npu_client client;
	struct gate gate;
	int fd;
	__u32 shut; /* waits for the gate */
};

FIXTURE_SETUP(sync)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
	self->fd = self->client.fd;
	self->shut = npu_syncobj(self->fd);
	npu_commands(&self->client)[0] = npu_nop(1);
	npu_commands(&self->client)[1] = npu_fill(9, 0, 1, 1); /* a fault */
	if (gate_create(&self->gate, NPU_PAGE))
		SKIP(return, "needs vgem");
	ASSERT_EQ(0, gate_shut(&self->gate, self->fd, self->shut));
}

FIXTURE_TEARDOWN(sync)
{
	npu_client_close(&self->client);
	gate_destroy(&self->gate);
}

/* A job that waits for @in (unless 0) and signals @out at @point. */
static int submit(const struct npu_client *client, __u32 in, __u32 out,
		  __u64 point)
{
	struct drm_tnpu_sync in_sync = { .handle = in };
	struct drm_tnpu_sync out_sync = { .handle = out, .point = point };
	struct drm_tnpu_submit job = npu_job(client, 1);

	job.in_syncs = (uintptr_t)&in_sync;
	job.in_sync_count = !!in;
	job.out_syncs = (uintptr_t)&out_sync;
	job.out_sync_count = 1;
	return npu_submit(client, &job);
}

static int to_sync_file(int fd, __u32 syncobj)
{
	struct drm_syncobj_handle export = {
		.handle = syncobj,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &export);

	return ret ? ret : export.fd;
}

static int from_sync_file(int fd, __u32 syncobj, int sync_file)
{
	struct drm_syncobj_handle import = {
		.handle = syncobj,
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
		.fd = sync_file,
	};

	return npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import);
}

/* 1: signalled; 0: not yet; or the error. */
static int sync_file_status(int sync_file)
{
	struct sync_file_info info = { 0 };
	int ret = npu_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);

	return ret ? ret : info.status;
}

static bool is_ready(int fd, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, timeout_ms) == 1;
}

static int wait_many(int fd, const __u32 *handles, const __u64 *points,
		     __u32 count, __u32 flags, __s64 until, __u32 *first)
{
	struct drm_syncobj_timeline_wait wait = {
		.handles = (uintptr_t)handles,
		.points = (uintptr_t)points,
		.timeout_nsec = until,
		.count_handles = count,
		.flags = flags,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &wait);

	*first = wait.first_signaled;
	return ret;
}

TEST_F(sync, a_sync_file_is_polled)
{
	__u32 out = npu_syncobj(self->fd);
	int file;

	ASSERT_EQ(0, submit(&self->client, self->shut, out, 0));
	file = to_sync_file(self->fd, out);
	ASSERT_GE(file, 0);
	EXPECT_EQ(0, sync_file_status(file));
	EXPECT_FALSE(is_ready(file, 0));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_TRUE(is_ready(file, NPU_PATIENCE_S * 1000));
	EXPECT_EQ(1, sync_file_status(file));
	close(file);
}

TEST_F(sync, a_sync_file_tells_the_error)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 2);
	__u32 out = npu_syncobj(self->fd);
	int file;

	ASSERT_EQ(0, npu_submit_out(&self->client, &job, out, 0));
	file = to_sync_file(self->fd, out);
	ASSERT_GE(file, 0);
	EXPECT_TRUE(is_ready(file, NPU_PATIENCE_S * 1000));
	EXPECT_EQ(-EFAULT, sync_file_status(file));
	close(file);
}

/* It outlives the file that it is from, and another's job waits for it. */
TEST_F(sync, a_sync_file_passes_between_files)
{
	__u32 in, out = npu_syncobj(self->fd);
	struct npu_client other;
	int file;

	ASSERT_EQ(0, npu_client_open(&other));
	npu_commands(&other)[0] = npu_nop(1);
	ASSERT_EQ(0, submit(&self->client, self->shut, out, 0));
	file = to_sync_file(self->fd, out);
	ASSERT_GE(file, 0);
	in = npu_syncobj(other.fd);
	ASSERT_EQ(0, from_sync_file(other.fd, in, file));
	out = npu_syncobj(other.fd);
	ASSERT_EQ(0, submit(&other, in, out, 0));
	npu_client_close(&self->client);
	EXPECT_EQ(0, npu_outcome(other.fd, out));
	EXPECT_EQ(-ECANCELED, sync_file_status(file));
	close(file);
	npu_client_close(&other);
}

TEST_F(sync, merged_files_wait_for_all)
{
	struct sync_merge_data merge = { .name = "both" };
	__u32 out = npu_syncobj(self->fd);
	int first, second;

	ASSERT_EQ(0, submit(&self->client, 0, out, 0));
	ASSERT_EQ(0, npu_outcome(self->fd, out));
	first = to_sync_file(self->fd, out);
	second = to_sync_file(self->fd, self->shut);
	ASSERT_GE(first, 0);
	ASSERT_GE(second, 0);
	merge.fd2 = second;
	ASSERT_EQ(0, npu_ioctl(first, SYNC_IOC_MERGE, &merge));
	EXPECT_EQ(1, sync_file_status(first));
	EXPECT_EQ(0, sync_file_status(merge.fence));
	/* A job waits for what was merged. */
	ASSERT_EQ(0, from_sync_file(self->fd, out, merge.fence));
	ASSERT_EQ(0, submit(&self->client, out, out, 0));
	EXPECT_FALSE(is_ready(merge.fence, 0));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, npu_outcome(self->fd, out));
	EXPECT_EQ(1, sync_file_status(merge.fence));
	close(first);
	close(second);
	close(merge.fence);
}

/* Two jobs of one queue: the later one stands for both. */
TEST_F(sync, merging_drops_no_fence_of_a_queue)
{
	struct sync_merge_data merge = { .name = "both" };
	__u32 outs[2] = { npu_syncobj(self->fd), npu_syncobj(self->fd) };
	int files[2], i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, submit(&self->client, i ? self->shut : 0, outs[i],
				    0));
		files[i] = to_sync_file(self->fd, outs[i]);
		ASSERT_GE(files[i], 0);
	}
	merge.fd2 = files[0];
	ASSERT_EQ(0, npu_ioctl(files[1], SYNC_IOC_MERGE, &merge));
	EXPECT_EQ(0, npu_outcome(self->fd, outs[0]));
	EXPECT_EQ(0, sync_file_status(merge.fence));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_TRUE(is_ready(merge.fence, NPU_PATIENCE_S * 1000));
	for (i = 0; i < 2; i++)
		close(files[i]);
	close(merge.fence);
}

TEST_F(sync, waiting_for_one_of_many_and_for_all)
{
	__u32 handles[3] = { npu_syncobj(self->fd), self->shut,
			     npu_syncobj(self->fd) };
	const __u64 points[3] = { 4, 0, 9 };
	__u32 first;

	ASSERT_EQ(0, submit(&self->client, 0, handles[0], 4));
	ASSERT_EQ(0, npu_wait(self->fd, handles[0], 4));
	ASSERT_EQ(0, submit(&self->client, self->shut, handles[2], 9));
	EXPECT_EQ(0, wait_many(self->fd, handles, points, 3, 0,
			       npu_patience_end(), &first));
	EXPECT_EQ(0, first);
	EXPECT_EQ(-ETIME, wait_many(self->fd, handles, points, 3,
				    DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL, 0,
				    &first));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, wait_many(self->fd, handles, points, 3,
			       DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL,
			       npu_patience_end(), &first));
}

/* Times are of CLOCK_MONOTONIC, not from now on: the past is over at once. */
TEST_F(sync, timeouts_are_absolute)
{
	struct timespec now;
	__u64 point = 0;
	__u32 first;

	clock_gettime(CLOCK_MONOTONIC, &now);
	EXPECT_EQ(-ETIME, wait_many(self->fd, &self->shut, &point, 1, 0,
				    now.tv_sec * 1000000000ll - 1, &first));
	EXPECT_EQ(-ETIME, wait_many(self->fd, &self->shut, &point, 1, 0, 0,
				    &first));
	EXPECT_EQ(-ETIME, wait_many(self->fd, &self->shut, &point, 1, 0,
				    now.tv_sec * 1000000000ll + now.tv_nsec +
				    20000000, &first));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, wait_many(self->fd, &self->shut, &point, 1, 0, 0, &first));
}

struct early {
	int fd;
	__u32 syncobj;
	int ret;
};

static void *wait_early(void *arg)
{
	const __u64 point = 3;
	struct early *early = arg;
	__u32 first;

	early->ret = wait_many(early->fd, &early->syncobj, &point, 1,
			       DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
			       npu_patience_end(), &first);
	return NULL;
}

TEST_F(sync, waiting_before_it_is_submitted)
{
	struct early early = { self->fd, npu_syncobj(self->fd), 1 };
	const __u64 point = 3;
	pthread_t thread;
	__u32 first;

	EXPECT_EQ(-EINVAL, wait_many(self->fd, &early.syncobj, &point, 1, 0,
				     npu_patience_end(), &first));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_early, &early));
	ASSERT_EQ(0, submit(&self->client, 0, early.syncobj, 3));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, early.ret);
}

TEST_F(sync, points_are_transferred_and_queried)
{
	__u32 line = npu_syncobj(self->fd), other = npu_syncobj(self->fd);
	struct drm_syncobj_transfer transfer = {
		.src_handle = line, .dst_handle = other, .src_point = 5,
		.dst_point = 11,
	};
	__u64 value = 0;
	struct drm_syncobj_timeline_array query = {
		.handles = (uintptr_t)&other, .points = (uintptr_t)&value,
		.count_handles = 1,
	};
	__u32 out = npu_syncobj(self->fd);

	ASSERT_EQ(0, submit(&self->client, self->shut, line, 5));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_TRANSFER,
			       &transfer));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_QUERY, &query));
	EXPECT_EQ(0, value);
	/* Of a timeline into a binary one, for a job. */
	transfer.dst_handle = out;
	transfer.dst_point = 0;
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_TRANSFER,
			       &transfer));
	ASSERT_EQ(0, submit(&self->client, out, out, 0));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_EQ(0, npu_outcome(self->fd, out));
	EXPECT_EQ(0, npu_wait(self->fd, other, 11));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_QUERY, &query));
	EXPECT_EQ(11, value);
}

TEST_F(sync, an_eventfd_tells_of_a_point)
{
	struct drm_syncobj_eventfd arm = { .handle = npu_syncobj(self->fd),
					   .point = 2 };

	arm.fd = eventfd(0, EFD_CLOEXEC);
	ASSERT_GE(arm.fd, 0);
	ASSERT_EQ(0, submit(&self->client, 0, arm.handle, 1));
	ASSERT_EQ(0, submit(&self->client, self->shut, arm.handle, 2));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_EVENTFD, &arm));
	ASSERT_EQ(0, npu_wait(self->fd, arm.handle, 1));
	EXPECT_FALSE(is_ready(arm.fd, 0));
	ASSERT_EQ(0, gate_open(&self->gate));
	EXPECT_TRUE(is_ready(arm.fd, NPU_PATIENCE_S * 1000));
	close(arm.fd);
}

/* The syncobj of one file as a handle of another. */
static __u32 share(int from, __u32 syncobj, int to)
{
	struct drm_syncobj_handle pass = { .handle = syncobj, .fd = -1 };

	if (npu_ioctl(from, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &pass))
		return 0;
	pass.handle = 0;
	if (npu_ioctl(to, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &pass))
		return 0;
	close(pass.fd);
	return pass.handle;
}

/* Who waits for a job that will fail, in each way that there is. */
TEST_F(sync, a_failure_reaches_every_waiter)
{
	struct sync_merge_data merge = { .name = "both" };
	struct drm_syncobj_eventfd arm = { .handle = npu_syncobj(self->fd) };
	struct drm_syncobj_transfer transfer = { .src_handle = arm.handle };
	struct drm_tnpu_sync in = { .handle = self->shut };
	struct drm_tnpu_sync out = { .handle = arm.handle };
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	__u32 timeline = npu_syncobj(self->fd), after = npu_syncobj(self->fd);
	int status, sync_file, ended;
	struct npu_client other;
	__u32 shared;
	pid_t child;

	ASSERT_EQ(0, npu_client_open(&other));
	npu_commands(&other)[0] = npu_nop(1);
	job.commands += sizeof(union npu_cmd); /* the fault */
	job.in_syncs = (uintptr_t)&in;
	job.out_syncs = (uintptr_t)&out;
	job.in_sync_count = 1;
	job.out_sync_count = 1;
	ASSERT_EQ(0, npu_submit(&self->client, &job));

	sync_file = to_sync_file(self->fd, arm.handle);
	merge.fd2 = to_sync_file(self->fd, self->shut);
	ASSERT_EQ(0, npu_ioctl(sync_file, SYNC_IOC_MERGE, &merge));
	arm.fd = eventfd(0, EFD_CLOEXEC);
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_EVENTFD, &arm));
	transfer.dst_handle = timeline;
	transfer.dst_point = 3;
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_TRANSFER,
			       &transfer));
	shared = share(self->fd, arm.handle, other.fd);
	ASSERT_NE(0, shared);
	ASSERT_EQ(0, submit(&other, shared, share(self->fd, after, other.fd),
			    0));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(npu_outcome(other.fd, shared) != -EFAULT);
	ASSERT_EQ(0, gate_open(&self->gate));

	EXPECT_TRUE(is_ready(sync_file, NPU_PATIENCE_S * 1000));
	EXPECT_EQ(-EFAULT, sync_file_status(sync_file));
	EXPECT_TRUE(is_ready(merge.fence, NPU_PATIENCE_S * 1000));
	EXPECT_EQ(-EFAULT, sync_file_status(merge.fence));
	EXPECT_TRUE(is_ready(arm.fd, NPU_PATIENCE_S * 1000));
	EXPECT_EQ(0, npu_wait(self->fd, timeline, 3));
	EXPECT_EQ(-EFAULT, npu_outcome(self->fd, arm.handle));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	/* Another queue's job that waited is nobody's fault: it runs. */
	ended = npu_outcome(self->fd, after);
	EXPECT_EQ(0, ended);
	npu_client_close(&other);
	close(arm.fd);
	close(merge.fd2);
	close(merge.fence);
	close(sync_file);
}

static void do_nothing(int signal)
{
}

/* A signal ends a wait with EINTR, nothing is changed, and it may be repeated. */
TEST_F(sync, waiting_is_interrupted_and_killed)
{
	const struct sigaction action = { .sa_handler = do_nothing };
	struct drm_syncobj_wait wait = {
		.handles = (uintptr_t)&self->shut, .count_handles = 1,
		.timeout_nsec = npu_patience_end(),
	};
	const struct drm_syncobj_wait before = wait;
	int status, ready[2];
	pid_t child;
	char c = 0;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		if (write(ready[1], &c, 1) != 1 ||
		    !ioctl(self->fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait) ||
		    errno != EINTR || wait.handles != before.handles ||
		    wait.timeout_nsec != before.timeout_nsec ||
		    write(ready[1], &c, 1) != 1)
			_exit(1);
		npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait);
		_exit(2);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	/* Again and again: the first may come before the child waits. */
	while (!is_ready(ready[0], 1))
		ASSERT_EQ(0, kill(child, SIGUSR1));
	ASSERT_EQ(1, read(ready[0], &c, 1));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
}

TEST_HARNESS_MAIN
