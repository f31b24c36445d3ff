// SPDX-License-Identifier: MIT
/*
 * Queues: their limits, who may have which priority, what they tell.
 */
#include "npu.h"

#include "kselftest_harness.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

FIXTURE(queue)
{
	struct npu_client client;
};

FIXTURE_SETUP(queue)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
}

FIXTURE_TEARDOWN(queue)
{
	npu_client_close(&self->client);
}

TEST_F(queue, priorities_are_0_to_3)
{
	__u32 priority, queue;

	if (geteuid())
		SKIP(return, "needs root");
	for (priority = 0; priority < 4; priority++)
		EXPECT_EQ(0, npu_queue_create(self->client.fd, priority,
					      &queue));
	EXPECT_EQ(-EINVAL, npu_queue_create(self->client.fd, 4, &queue));
	EXPECT_EQ(-EINVAL, npu_queue_create(self->client.fd, UINT32_MAX,
					    &queue));
}

TEST_F(queue, high_priorities_need_a_privilege)
{
	int fd = self->client.fd;
	__u32 queue;

	if (geteuid())
		SKIP(return, "needs root, to give it up");
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(0, npu_queue_create(fd, 0, &queue));
	EXPECT_EQ(0, npu_queue_create(fd, 1, &queue));
	EXPECT_EQ(-EACCES, npu_queue_create(fd, 2, &queue));
	EXPECT_EQ(-EACCES, npu_queue_create(fd, 3, &queue));
	EXPECT_EQ(-EINVAL, npu_queue_create(fd, 4, &queue));
	ASSERT_EQ(0, seteuid(0));
}

TEST_F(queue, padding_and_flags_are_refused)
{
	struct drm_tnpu_queue_create create = { .flags = 2 };
	struct drm_tnpu_queue_destroy destroy = { .queue = self->client.queue,
						  .pad = 1 };
	struct drm_tnpu_queue_state state = { .queue = self->client.queue,
					      .pad = 1 };
	int fd = self->client.fd;

	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &create));
	create.flags = 0;
	create.event_fd = 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &create));
	create.event_fd = 0;
	create.vm = 1;
	EXPECT_EQ(-ENOENT, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &create));
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_DESTROY,
				     &destroy));
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_STATE, &state));
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

TEST_F(queue, unknown_numbers_are_refused)
{
	struct drm_tnpu_queue_state state;
	int fd = self->client.fd;
	__u32 queue = self->client.queue;

	EXPECT_EQ(-ENOENT, npu_queue_destroy(fd, queue + 1));
	EXPECT_EQ(-ENOENT, npu_queue_destroy(fd, UINT32_MAX));
	EXPECT_EQ(-ENOENT, npu_queue_state(fd, queue + 1, &state));
	ASSERT_EQ(0, npu_queue_destroy(fd, queue));
	EXPECT_EQ(-ENOENT, npu_queue_destroy(fd, queue));
	EXPECT_EQ(-ENOENT, npu_queue_state(fd, queue, &state));
}

TEST_F(queue, a_file_has_16)
{
	__u32 queues[DRM_TNPU_MAX_QUEUES], more;
	int fd = self->client.fd;
	int i;

	queues[0] = self->client.queue;
	for (i = 1; i < DRM_TNPU_MAX_QUEUES; i++)
		ASSERT_EQ(0, npu_queue_create(fd, 0, &queues[i]));
	EXPECT_EQ(-EMFILE, npu_queue_create(fd, 0, &more));
	ASSERT_EQ(0, npu_queue_destroy(fd, queues[7]));
	EXPECT_EQ(0, npu_queue_create(fd, 0, &more));
	EXPECT_EQ(-EMFILE, npu_queue_create(fd, 0, &more));
}

/* Fill the device; returns how many queues there were room for. */
static int fill_device(int *fds, int count)
{
	int i, total = 0;
	__u32 queue;

	for (i = 0; i < count; i++) {
		fds[i] = npu_open();
		while (fds[i] >= 0 && !npu_queue_create(fds[i], 0, &queue))
			total++;
	}
	return total;
}

TEST_F(queue, the_device_has_63)
{
	__u32 queue;
	int fds[5];
	int i;

	ASSERT_EQ(0, npu_queue_destroy(self->client.fd, self->client.queue));
	EXPECT_EQ(63, fill_device(fds, 5));
	EXPECT_EQ(-ENOSPC, npu_queue_create(self->client.fd, 0, &queue));
	for (i = 0; i < 5; i++)
		close(fds[i]);
	EXPECT_EQ(0, npu_queue_create(self->client.fd, 0, &queue));
}

static int create(int fd, struct drm_tnpu_queue_create args, __u32 *queue)
{
	int ret = npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &args);

	*queue = args.queue;
	return ret;
}

/* How many queues user 65534 gets, by as many files as it takes; or < 0. */
static int count_as_nobody(void)
{
	int i, total = 0, fds[5];
	__u32 queue;

	if (setresuid(65534, 0, 0))
		return -1;
	for (i = 0; i < 5; i++)
		fds[i] = npu_open();
	if (setresuid(65534, 65534, 65534))
		return -2;
	for (i = 0; i < 5; i++)
		while (!npu_queue_create(fds[i], 0, &queue))
			total++;
	return npu_queue_create(fds[4], 0, &queue) == -EMFILE ? total : -3;
}

TEST_F(queue, a_user_cannot_have_all)
{
	struct drm_tnpu_query_device info;
	int status, i;
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root, to give it up");
	ASSERT_EQ(0, npu_query(self->client.fd, &info));
	EXPECT_GT(63, info.max_user_queues);
	/* Twice: what a user has had is given back. */
	for (i = 0; i < 2; i++) {
		child = fork();
		ASSERT_GE(child, 0);
		if (!child)
			_exit(count_as_nobody());
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		EXPECT_EQ(info.max_user_queues, WEXITSTATUS(status));
	}
}

TEST_F(queue, a_deadline_ends_a_job)
{
	const struct drm_tnpu_queue_create args = { .deadline_ms = 100 };
	struct drm_tnpu_submit job = npu_job(&self->client, 2);
	struct drm_tnpu_queue_state state;
	__u32 sync = npu_syncobj(self->client.fd);

	ASSERT_EQ(0, create(self->client.fd, args, &job.queue));
	npu_commands(&self->client)[0] = npu_nop(1);
	npu_commands(&self->client)[1] = npu_never();
	ASSERT_EQ(0, npu_submit_out(&self->client, &job, sync, 0));
	EXPECT_EQ(-ETIMEDOUT, npu_outcome(self->client.fd, sync));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, job.queue, &state));
	EXPECT_EQ(DRM_TNPU_REASON_TIMEOUT, state.reason);
	EXPECT_EQ(1, state.fault_job);
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

static int write_limit(const char *text)
{
	int fd = open("/sys/module/tinynpu/parameters/max_deadline_ms",
		      O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	close(fd);
	return ret;
}

TEST_F(queue, deadlines_are_within_the_administrators_limit)
{
	const struct drm_tnpu_queue_create within = { .deadline_ms = 500 };
	const struct drm_tnpu_queue_create beyond = { .deadline_ms = 501 };
	const struct drm_tnpu_queue_create none = { 0 };
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	struct drm_tnpu_query_device info;
	__u32 sync = npu_syncobj(self->client.fd);
	int fd = self->client.fd;
	__u32 queue;

	if (write_limit("500"))
		SKIP(return, "needs root");
	ASSERT_EQ(0, npu_query(fd, &info));
	EXPECT_EQ(500, info.max_deadline_ms);
	EXPECT_EQ(-EINVAL, create(fd, beyond, &queue));
	EXPECT_EQ(0, create(fd, within, &queue));
	EXPECT_EQ(0, create(fd, none, &job.queue));
	ASSERT_EQ(0, write_limit("0"));
	EXPECT_EQ(0, create(fd, beyond, &queue));
	npu_commands(&self->client)[0] = npu_never();
	ASSERT_EQ(0, npu_submit_out(&self->client, &job, sync, 0));
	EXPECT_EQ(-ETIMEDOUT, npu_outcome(fd, sync));
}

/* Poll, with all the jobs that ended, also those that failed. */
TEST_F(queue, an_eventfd_tells_of_jobs_that_end)
{
	struct drm_tnpu_queue_create args = { .flags = DRM_TNPU_QUEUE_EVENT_FD };
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	struct pollfd pollfd = { .events = POLLIN };
	int i, fd = self->client.fd;
	__u64 count, total = 0;

	args.event_fd = 4711;
	EXPECT_EQ(-EBADF, create(fd, args, &job.queue));
	args.event_fd = fd;
	EXPECT_EQ(-EINVAL, create(fd, args, &job.queue));
	args.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_GE(args.event_fd, 0);
	ASSERT_EQ(0, create(fd, args, &job.queue));
	pollfd.fd = args.event_fd;
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	npu_commands(&self->client)[0] = npu_nop(1);
	npu_commands(&self->client)[1] = npu_fill(9, 0, 1, 1);
	for (i = 0; i < 5; i++) {
		job.command_count = i == 4 ? 2 : 1;
		ASSERT_EQ(0, npu_submit(&self->client, &job));
	}
	while (total < 5) {
		ASSERT_EQ(1, poll(&pollfd, 1, NPU_PATIENCE_S * 1000));
		ASSERT_EQ(sizeof(count), read(pollfd.fd, &count,
					      sizeof(count)));
		total += count;
	}
	EXPECT_EQ(5, total);
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	/* It is the queue's, too. */
	close(args.event_fd);
	ASSERT_EQ(0, npu_queue_destroy(fd, job.queue));
}

TEST_F(queue, the_state_counts)
{
	struct drm_tnpu_queue_state state;
	int fd = self->client.fd;
	__u32 i;

	ASSERT_EQ(0, npu_queue_state(fd, self->client.queue, &state));
	EXPECT_EQ(DRM_TNPU_QUEUE_OK, state.status);
	EXPECT_EQ(DRM_TNPU_REASON_NONE, state.reason);
	EXPECT_EQ(0, state.submitted);
	EXPECT_EQ(0, state.completed);
	EXPECT_EQ(0, state.cycles);
	for (i = 1; i <= 3; i++) {
		__u64 cycles = state.cycles, energy = state.energy_fj;

		ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1000 * i)));
		ASSERT_EQ(0, npu_queue_state(fd, self->client.queue, &state));
		EXPECT_EQ(i, state.submitted);
		EXPECT_EQ(i, state.completed);
		EXPECT_EQ(cycles + npu_result(&self->client)->cycles,
			  state.cycles);
		EXPECT_EQ(energy + npu_result(&self->client)->energy_fj,
			  state.energy_fj);
		EXPECT_GT(state.cycles - cycles, 1000 * i);
	}
	EXPECT_EQ(DRM_TNPU_QUEUE_OK, state.status);
}

TEST_F(queue, jobs_run_in_order)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	__u32 sync = npu_syncobj(self->client.fd);
	int i;

	/* Each copies its predecessor's byte one further. */
	for (i = 0; i < 200; i++)
		npu_commands(&self->client)[i] = npu_copy(0, i + 1, 0, i, 1);
	npu_data(&self->client)[0] = 0x77;
	job.result = 0;
	for (i = 0; i < 200; i++) {
		job.commands = NPU_COMMANDS + i * NPU_CMD_SIZE;
		ASSERT_EQ(0, npu_submit_out(&self->client, &job, sync, 0));
	}
	ASSERT_EQ(0, npu_outcome(self->client.fd, sync));
	for (i = 0; i <= 200; i++)
		EXPECT_EQ(0x77, npu_data(&self->client)[i]);
}

TEST_F(queue, destroying_cancels_what_has_not_ended)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	__u32 syncs[4];
	int i, outcome;

	npu_commands(&self->client)[0] = npu_never();
	for (i = 0; i < 4; i++) {
		syncs[i] = npu_syncobj(self->client.fd);
		ASSERT_EQ(0, npu_submit_out(&self->client, &job, syncs[i], 0));
	}
	ASSERT_EQ(0, npu_queue_destroy(self->client.fd, self->client.queue));
	for (i = 0; i < 4; i++) {
		outcome = npu_outcome(self->client.fd, syncs[i]);
		EXPECT_EQ(-ECANCELED, outcome);
	}
	ASSERT_EQ(0, npu_queue_create(self->client.fd, 0,
				      &self->client.queue));
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

TEST_HARNESS_MAIN
