// SPDX-License-Identifier: MIT
/*
 * Jobs that never end: a command waits for another that never comes. They are
 * timed out, their queue is banned with the reason, the device goes on.
 */
#include "npu.h"

#include "kselftest_harness.h"

#define TIMEOUT_S 300

FIXTURE(hang)
{
	struct npu_client client;
	struct npu_client other;
	struct drm_tnpu_query_device info;
};

FIXTURE_SETUP(hang)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
	ASSERT_EQ(0, npu_client_open(&self->other));
	ASSERT_EQ(0, npu_query(self->client.fd, &self->info));
}

FIXTURE_TEARDOWN(hang)
{
	npu_client_close(&self->client);
	npu_client_close(&self->other);
}

/* Submit a job of one good command and one that never starts. */
static int submit_hang(const struct npu_client *client, __u32 sync)
{
	struct drm_tnpu_submit job = npu_job(client, 2);

	npu_commands(client)[0] = npu_nop(1);
	npu_commands(client)[1] = npu_never();
	return npu_submit_out(client, &job, sync, 0);
}

TEST_F_TIMEOUT(hang, a_job_is_timed_out_and_its_queue_banned, TIMEOUT_S)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	volatile struct npu_job_result *result = npu_result(&self->client);
	struct drm_tnpu_queue_state state;
	struct drm_tnpu_query_device info;
	int fd = self->client.fd;
	__u32 first = npu_syncobj(fd), second = npu_syncobj(fd);

	ASSERT_EQ(0, submit_hang(&self->client, first));
	ASSERT_EQ(0, npu_submit_out(&self->client, &job, second, 0));
	EXPECT_EQ(-ETIMEDOUT, npu_outcome(fd, first));
	EXPECT_EQ(-ECANCELED, npu_outcome(fd, second));
	ASSERT_EQ(0, npu_queue_state(fd, self->client.queue, &state));
	EXPECT_EQ(DRM_TNPU_QUEUE_BANNED, state.status);
	EXPECT_EQ(DRM_TNPU_REASON_TIMEOUT, state.reason);
	EXPECT_EQ(1, state.fault_job);
	EXPECT_EQ(NPU_FAULT_NONE, state.fault_code);
	EXPECT_EQ(1, state.fault_cmd); /* where it hangs */
	EXPECT_EQ(2, state.submitted);
	EXPECT_EQ(2, state.completed);
	EXPECT_EQ(NPU_JOB_TIMEOUT, result->status);
	EXPECT_EQ(1, result->commands);
	EXPECT_EQ(-ECANCELED, npu_submit(&self->client, &job));
	/* That took no reset: nobody else lost anything. */
	ASSERT_EQ(0, npu_query(fd, &info));
	EXPECT_EQ(self->info.reset_count, info.reset_count);
	EXPECT_EQ(0, npu_run_command(&self->other, npu_nop(1)));
}

TEST_F_TIMEOUT(hang, others_get_their_turn_afterwards, TIMEOUT_S)
{
	struct drm_tnpu_submit job = npu_job(&self->other, 1);
	__u32 hung = npu_syncobj(self->client.fd);
	__u32 sync = npu_syncobj(self->other.fd);
	int i;

	npu_commands(&self->other)[0] = npu_nop(1);
	ASSERT_EQ(0, submit_hang(&self->client, hung));
	for (i = 1; i <= 100; i++)
		ASSERT_EQ(0, npu_submit_out(&self->other, &job, sync, i));
	EXPECT_EQ(0, npu_wait(self->other.fd, sync, 100));
	EXPECT_EQ(NPU_JOB_OK, npu_result(&self->other)->status);
	EXPECT_EQ(-ETIMEDOUT, npu_outcome(self->client.fd, hung));
	ASSERT_EQ(0, npu_client_new_queue(&self->client));
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

TEST_F_TIMEOUT(hang, every_core_can_hang_at_once, TIMEOUT_S)
{
	__u32 queues[4], syncs[4];
	__u32 i;

	for (i = 0; i < self->info.cores; i++) {
		ASSERT_EQ(0, npu_queue_create(self->client.fd, 0, &queues[i]));
		syncs[i] = npu_syncobj(self->client.fd);
		self->client.queue = queues[i];
		ASSERT_EQ(0, submit_hang(&self->client, syncs[i]));
	}
	EXPECT_EQ(0, npu_run_command(&self->other, npu_nop(1)));
	for (i = 0; i < self->info.cores; i++)
		EXPECT_EQ(-ETIMEDOUT, npu_outcome(self->client.fd, syncs[i]));
}

TEST_F_TIMEOUT(hang, destroying_the_queue_ends_it_without_waiting, TIMEOUT_S)
{
	__u32 sync = npu_syncobj(self->client.fd);

	ASSERT_EQ(0, submit_hang(&self->client, sync));
	ASSERT_EQ(0, npu_client_new_queue(&self->client));
	EXPECT_EQ(-ECANCELED, npu_outcome(self->client.fd, sync));
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

TEST_HARNESS_MAIN
