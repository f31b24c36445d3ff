// SPDX-License-Identifier: MIT
/*
 * JOB_CANCEL: one job ends, wherever it is, and its queue goes on.
 */
#include "gate.h"
#include "npu.h"

#include "kselftest_harness.h"

FIXTURE(cancel)
{
	struct npu_client client;
	struct drm_tnpu_submit job;
	int fd;
	__u32 syncs[4];
};

FIXTURE_SETUP(cancel)
{
	int i;

	ASSERT_EQ(0, npu_client_open(&self->client));
	self->fd = self->client.fd;
	self->job = npu_job(&self->client, 1);
	for (i = 0; i < 4; i++)
		self->syncs[i] = npu_syncobj(self->fd);
	npu_commands(&self->client)[0] = npu_nop(1);
	npu_commands(&self->client)[1] = npu_never();
}

FIXTURE_TEARDOWN(cancel)
{
	npu_client_close(&self->client);
}

static int cancel(int fd, __u32 queue, __u64 job)
{
	struct drm_tnpu_job_cancel args = { .queue = queue, .job = job };

	return npu_ioctl(fd, DRM_IOCTL_TNPU_JOB_CANCEL, &args);
}

/* Submit a job that ends, or never does; returns its number or -errno. */
static __s64 submit(struct npu_client *client, bool is_endless, __u32 in,
		    __u32 out)
{
	struct drm_tnpu_sync syncs[] = { { .handle = in }, { .handle = out } };
	struct drm_tnpu_submit job = npu_job(client, is_endless ? 2 : 1);
	int ret;

	job.result = 0;
	job.in_syncs = (uintptr_t)&syncs[0];
	job.in_sync_count = !!in;
	job.out_syncs = (uintptr_t)&syncs[1];
	job.out_sync_count = 1;
	ret = npu_ioctl(client->fd, DRM_IOCTL_TNPU_SUBMIT, &job);
	return ret ? ret : (__s64)job.job;
}

TEST_F(cancel, each_rule_is_kept)
{
	struct drm_tnpu_job_cancel bad = { .queue = self->client.queue,
					   .pad = 1, .job = 1 };
	__u32 queue = self->client.queue;

	ASSERT_EQ(1, submit(&self->client, false, 0, self->syncs[0]));
	ASSERT_EQ(2, submit(&self->client, false, 0, self->syncs[0]));
	ASSERT_EQ(0, npu_outcome(self->fd, self->syncs[0]));
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_TNPU_JOB_CANCEL,
				     &bad));
	EXPECT_EQ(-ENOENT, cancel(self->fd, queue + 1, 1));
	EXPECT_EQ(-ENOENT, cancel(self->fd, queue, 0));
	EXPECT_EQ(-ENOENT, cancel(self->fd, queue, 3));
	EXPECT_EQ(-ENOENT, cancel(self->fd, queue, UINT64_MAX));
	EXPECT_EQ(-EALREADY, cancel(self->fd, queue, 1));
	EXPECT_EQ(-EALREADY, cancel(self->fd, queue, 2));
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

TEST_F(cancel, a_running_job)
{
	struct drm_tnpu_queue_state state;
	__u32 queue = self->client.queue;

	ASSERT_EQ(1, submit(&self->client, true, 0, self->syncs[0]));
	ASSERT_EQ(2, submit(&self->client, false, 0, self->syncs[1]));
	ASSERT_EQ(0, cancel(self->fd, queue, 1));
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, self->syncs[0]));
	EXPECT_EQ(0, npu_outcome(self->fd, self->syncs[1]));
	ASSERT_EQ(0, npu_queue_state(self->fd, queue, &state));
	EXPECT_EQ(DRM_TNPU_QUEUE_OK, state.status);
	EXPECT_EQ(DRM_TNPU_REASON_NONE, state.reason);
	EXPECT_EQ(2, state.completed);
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

TEST_F(cancel, jobs_in_the_ring)
{
	__u32 queue = self->client.queue;

	ASSERT_EQ(1, submit(&self->client, true, 0, self->syncs[0]));
	ASSERT_EQ(2, submit(&self->client, true, 0, self->syncs[1]));
	ASSERT_EQ(3, submit(&self->client, true, 0, self->syncs[2]));
	ASSERT_EQ(4, submit(&self->client, false, 0, self->syncs[3]));
	ASSERT_EQ(0, cancel(self->fd, queue, 3));
	ASSERT_EQ(0, cancel(self->fd, queue, 2));
	ASSERT_EQ(0, cancel(self->fd, queue, 2)); /* again does no harm */
	ASSERT_EQ(0, cancel(self->fd, queue, 1));
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, self->syncs[0]));
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, self->syncs[1]));
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, self->syncs[2]));
	EXPECT_EQ(0, npu_outcome(self->fd, self->syncs[3]));
}

/* It ends at once, though the fence it waits for has not signalled. */
TEST_F(cancel, a_job_that_waits_for_a_fence)
{
	__u32 shut = npu_syncobj(self->fd);
	struct gate gate;

	if (gate_create_lasting(&gate))
		SKIP(return, "needs vgem");
	ASSERT_EQ(0, gate_shut(&gate, self->fd, shut));
	ASSERT_EQ(1, submit(&self->client, true, shut, self->syncs[0]));
	ASSERT_EQ(2, submit(&self->client, false, 0, self->syncs[1]));
	ASSERT_EQ(0, cancel(self->fd, self->client.queue, 1));
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, self->syncs[0]));
	EXPECT_EQ(-EALREADY, cancel(self->fd, self->client.queue, 1));
	ASSERT_EQ(0, gate_open(&gate));
	EXPECT_EQ(0, npu_outcome(self->fd, self->syncs[1]));
	gate_destroy(&gate);
}

/* Fences of a queue signal in order, also those of cancelled jobs. */
TEST_F(cancel, its_fence_keeps_the_order)
{
	__u32 shut = npu_syncobj(self->fd);
	struct gate gate;

	if (gate_create_lasting(&gate))
		SKIP(return, "needs vgem");
	ASSERT_EQ(0, gate_shut(&gate, self->fd, shut));
	ASSERT_EQ(1, submit(&self->client, true, 0, self->syncs[0]));
	ASSERT_EQ(2, submit(&self->client, true, shut, self->syncs[1]));
	ASSERT_EQ(0, cancel(self->fd, self->client.queue, 2));
	ASSERT_EQ(0, cancel(self->fd, self->client.queue, 1));
	/* The second one's comes with the first one's. */
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, self->syncs[1]));
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, self->syncs[0]));
	ASSERT_EQ(0, gate_open(&gate));
	gate_destroy(&gate);
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

/* Whatever the moment: each job ends once, well or cancelled. */
TEST_F(cancel, at_any_moment)
{
	struct drm_tnpu_queue_state state;
	__u32 queue = self->client.queue;
	int i, ret, outcome, cancelled = 0;
	__s64 job;

	for (i = 0; i < 300; i++) {
		job = submit(&self->client, false, 0, self->syncs[i % 4]);
		ASSERT_EQ(i + 1, job);
		if (i % 7 == 6)
			npu_wait(self->fd, self->syncs[(i + 2) % 4], 0);
		ret = cancel(self->fd, queue, job - i % 3);
		ASSERT_TRUE(!ret || ret == -EALREADY ||
			    (ret == -ENOENT && job <= i % 3));
		if (i % 4 != 3)
			continue;
		outcome = npu_outcome(self->fd, self->syncs[3]);
		ASSERT_TRUE(!outcome || outcome == -ECANCELED);
		cancelled += !!outcome;
	}
	npu_commands(&self->client)[0] = npu_nop(1);
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	ASSERT_EQ(0, npu_queue_state(self->fd, queue, &state));
	EXPECT_EQ(DRM_TNPU_QUEUE_OK, state.status);
	EXPECT_EQ(301, state.submitted);
	EXPECT_EQ(301, state.completed);
}

/* Another queue has the core, so the job waits when the firmware is restarted. */
TEST_F(cancel, a_recovery_does_not_bring_it_back)
{
	__u32 queue = self->client.queue, other;
	int lost;

	ASSERT_EQ(0, npu_queue_create(self->fd, 1, &other));
	self->client.queue = other;
	ASSERT_EQ(1, submit(&self->client, true, 0, self->syncs[0]));
	self->client.queue = queue;
	ASSERT_EQ(1, submit(&self->client, true, 0, self->syncs[1]));
	ASSERT_EQ(2, submit(&self->client, false, 0, self->syncs[2]));
	ASSERT_EQ(0, cancel(self->fd, queue, 1));
	if (system("for file in /sys/kernel/debug/accel/*/recover; do "
		   "echo 1 >\"$file\"; done"))
		SKIP(return, "needs root and debugfs");
	lost = npu_outcome(self->fd, self->syncs[0]);
	EXPECT_TRUE(lost == -EIO || lost == -ETIMEDOUT);
	EXPECT_EQ(-ECANCELED, npu_outcome(self->fd, self->syncs[1]));
	EXPECT_EQ(0, npu_outcome(self->fd, self->syncs[2]));
}

TEST_HARNESS_MAIN
