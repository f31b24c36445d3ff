// SPDX-License-Identifier: MIT
/*
 * Queues: their limits, who may have which priority, what they tell.
 */
#include "npu.h"

#include "kselftest_harness.h"

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
	struct drm_tnpu_queue_create create = { .flags = 1 };
	struct drm_tnpu_queue_destroy destroy = { .queue = self->client.queue,
						  .pad = 1 };
	struct drm_tnpu_queue_state state = { .queue = self->client.queue,
					      .pad = 1 };
	int fd = self->client.fd;

	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &create));
	create.flags = 0;
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
