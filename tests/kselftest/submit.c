// SPDX-License-Identifier: MIT
/*
 * SUBMIT: every rule of the struct, one at a time, and that a refused job leaves
 * no trace; synchronisation by binary and timeline syncobjs; the result record.
 */
#include "npu.h"

#include "kselftest_harness.h"

FIXTURE(submit)
{
	struct npu_client client;
	__u32 sync;
};

FIXTURE_SETUP(submit)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
	self->sync = npu_syncobj(self->client.fd);
	ASSERT_NE(0, self->sync);
	npu_commands(&self->client)[0] = npu_nop(1);
}

FIXTURE_TEARDOWN(submit)
{
	npu_client_close(&self->client);
}

/* Is there a fence in a syncobj? */
static bool has_fence(int fd, __u32 syncobj)
{
	struct drm_syncobj_handle export = {
		.handle = syncobj,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};

	if (npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &export))
		return false;
	close(export.fd);
	return true;
}

static __u64 jobs_submitted(const struct npu_client *client)
{
	struct drm_tnpu_queue_state state;

	if (npu_queue_state(client->fd, client->queue, &state))
		return UINT64_MAX;
	return state.submitted;
}

TEST_F(submit, each_rule_is_kept)
{
	struct drm_tnpu_sync ins[DRM_TNPU_MAX_SYNCS + 1];
	struct drm_tnpu_sync outs[DRM_TNPU_MAX_SYNCS + 1];
	struct drm_tnpu_submit good = npu_job(&self->client, 1);
	struct drm_tnpu_submit bad;
	__u32 full = npu_syncobj(self->client.fd);
	__u32 empty = npu_syncobj(self->client.fd);
	int i;

	ASSERT_EQ(0, npu_submit_out(&self->client, &good, full, 0));
	ASSERT_EQ(0, npu_outcome(self->client.fd, full));
	good.in_syncs = (uintptr_t)ins;
	good.out_syncs = (uintptr_t)outs;
	good.in_sync_count = 1;
	good.out_sync_count = 1;

#define REFUSED(error, change) do {					\
		for (i = 0; i <= DRM_TNPU_MAX_SYNCS; i++) {		\
			ins[i] = (struct drm_tnpu_sync){ .handle = full }; \
			outs[i] = (struct drm_tnpu_sync){		\
				.handle = self->sync };			\
		}							\
		bad = good;						\
		change;							\
		EXPECT_EQ(-(error), npu_submit(&self->client, &bad));	\
	} while (0)

	REFUSED(ENOENT, bad.queue++);
	REFUSED(ENOENT, bad.queue = UINT32_MAX);
	REFUSED(EINVAL, bad.flags = 1);
	REFUSED(EINVAL, bad.flags = 1u << 31);
	REFUSED(EINVAL, bad.commands += 32);
	REFUSED(EINVAL, bad.regions += 8);
	REFUSED(EINVAL, bad.result += 4);
	REFUSED(EINVAL, bad.command_count = 0);
	REFUSED(EINVAL, bad.command_count = NPU_MAX_COMMANDS + 1);
	REFUSED(EINVAL, bad.region_count = NPU_MAX_REGIONS + 1);
	REFUSED(EINVAL, bad.in_sync_count = DRM_TNPU_MAX_SYNCS + 1);
	REFUSED(EINVAL, bad.out_sync_count = DRM_TNPU_MAX_SYNCS + 1);
	REFUSED(EINVAL, ins[0].flags = 1);
	REFUSED(EINVAL, outs[0].flags = 1);
	REFUSED(ENOENT, ins[0].handle = 0);
	REFUSED(ENOENT, outs[0].handle = 0);
	REFUSED(ENOENT, outs[0].handle = 999);
	REFUSED(EINVAL, ins[0].handle = empty);
	REFUSED(EFAULT, bad.in_syncs = 8);
	REFUSED(EFAULT, bad.out_syncs = 8);
#undef REFUSED

	EXPECT_FALSE(has_fence(self->client.fd, self->sync));
	EXPECT_EQ(1, jobs_submitted(&self->client));
	ins[0] = (struct drm_tnpu_sync){ .handle = full };
	outs[0] = (struct drm_tnpu_sync){ .handle = self->sync };
	EXPECT_EQ(0, npu_submit(&self->client, &good));
	EXPECT_EQ(0, npu_outcome(self->client.fd, self->sync));
	EXPECT_EQ(2, jobs_submitted(&self->client));
}

/* The last of several outs is bad: the others do not signal either. */
TEST_F(submit, a_refused_job_signals_nothing)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	struct drm_tnpu_sync outs[3] = {
		{ .handle = self->sync }, { .handle = self->sync, .point = 5 },
		{ .handle = 12345 },
	};

	job.out_syncs = (uintptr_t)outs;
	job.out_sync_count = 3;
	EXPECT_EQ(-ENOENT, npu_submit(&self->client, &job));
	EXPECT_FALSE(has_fence(self->client.fd, self->sync));
	EXPECT_EQ(0, jobs_submitted(&self->client));
}

TEST_F(submit, the_limits_themselves_are_allowed)
{
	struct drm_tnpu_sync ins[DRM_TNPU_MAX_SYNCS];
	struct drm_tnpu_sync outs[DRM_TNPU_MAX_SYNCS];
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	int fd = self->client.fd;
	int i;

	ASSERT_EQ(0, npu_submit_out(&self->client, &job, self->sync, 0));
	for (i = 0; i < DRM_TNPU_MAX_SYNCS; i++) {
		ins[i] = (struct drm_tnpu_sync){ .handle = self->sync };
		outs[i] = (struct drm_tnpu_sync){ .handle = npu_syncobj(fd) };
	}
	job.region_count = NPU_MAX_REGIONS;
	job.in_syncs = (uintptr_t)ins;
	job.out_syncs = (uintptr_t)outs;
	job.in_sync_count = DRM_TNPU_MAX_SYNCS;
	job.out_sync_count = DRM_TNPU_MAX_SYNCS;
	ASSERT_EQ(0, npu_submit(&self->client, &job));
	for (i = 0; i < DRM_TNPU_MAX_SYNCS; i++)
		EXPECT_EQ(0, npu_outcome(fd, outs[i].handle));
}

TEST_F(submit, a_job_needs_neither_syncs_nor_regions_nor_result)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);

	job.regions = 0;
	job.region_count = 0;
	job.result = 0;
	ASSERT_EQ(0, npu_submit(&self->client, &job));
	ASSERT_EQ(0, npu_run(&self->client, &job)); /* and is in order */
	EXPECT_EQ(2, jobs_submitted(&self->client));
	EXPECT_EQ(NPU_JOB_PENDING, npu_result(&self->client)->status);
}

TEST_F(submit, the_result_tells_what_happened)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 3);
	volatile struct npu_job_result *result = npu_result(&self->client);

	npu_commands(&self->client)[0] = npu_fill(0, 0, 1008, 0x11);
	npu_commands(&self->client)[1] = npu_copy(0, 5120, 0, 0, 512);
	npu_commands(&self->client)[2] = npu_nop(1234);
	ASSERT_EQ(0, npu_run(&self->client, &job));
	EXPECT_EQ(NPU_JOB_OK, result->status);
	EXPECT_EQ(NPU_FAULT_NONE, result->fault_code);
	EXPECT_EQ(3, result->commands);
	EXPECT_GT(result->cycles, 1234);
	EXPECT_GT(result->energy_fj, 0);
	EXPECT_EQ(0, result->mac_ops);
	EXPECT_EQ(1008 + 512, result->mem_written);
	EXPECT_EQ(512 + 3 * NPU_CMD_SIZE, result->mem_read);
	EXPECT_GT(result->busy[NPU_UNIT_DMA], 0);
	EXPECT_EQ(0, result->busy[NPU_UNIT_MAC]);
	EXPECT_GE(result->busy[NPU_UNIT_VEC], 1234);
	EXPECT_EQ(0x11, npu_data(&self->client)[5631]);
	EXPECT_EQ(0, npu_data(&self->client)[5632]);
}

TEST_F(submit, equal_jobs_take_equal_cycles)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 2);
	volatile struct npu_job_result *result = npu_result(&self->client);
	__u64 cycles, energy;
	int i;

	npu_commands(&self->client)[0] = npu_fill(0, 0, 3000, 0x11);
	npu_commands(&self->client)[1] = npu_nop(77);
	ASSERT_EQ(0, npu_run(&self->client, &job));
	cycles = result->cycles;
	energy = result->energy_fj;
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, npu_run(&self->client, &job));
		EXPECT_EQ(cycles, result->cycles);
		EXPECT_EQ(energy, result->energy_fj);
	}
}

TEST_F(submit, timelines_are_signalled_point_by_point)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	struct drm_syncobj_timeline_array array = { .count_handles = 1 };
	int fd = self->client.fd;
	__u64 point, reached;

	for (point = 1; point <= 20; point++)
		ASSERT_EQ(0, npu_submit_out(&self->client, &job, self->sync,
					    10 * point));
	ASSERT_EQ(0, npu_wait(fd, self->sync, 50));
	ASSERT_EQ(0, npu_wait(fd, self->sync, 200));
	array.handles = (uintptr_t)&self->sync;
	array.points = (uintptr_t)&reached;
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_QUERY, &array));
	EXPECT_EQ(200, reached);
}

/*
 * Two queues pass a byte on, cell by cell, each waiting for the other: with the
 * odd jobs submitted first the bytes would be lost if they did not wait.
 */
static int pass_on(struct npu_client *client, __u32 queues[2], __u32 sync,
		   int i, bool is_timeline)
{
	struct drm_tnpu_submit job = npu_job(client, 1);
	struct drm_tnpu_sync in = { .handle = sync,
				    .point = is_timeline ? i : 0 };
	struct drm_tnpu_sync out = { .handle = sync,
				     .point = is_timeline ? i + 1 : 0 };

	npu_commands(client)[i] = npu_copy(0, i + 1, 0, i, 1);
	job.commands = NPU_COMMANDS + i * NPU_CMD_SIZE;
	job.queue = queues[i & 1];
	job.in_syncs = (uintptr_t)&in;
	job.in_sync_count = i ? 1 : 0;
	job.out_syncs = (uintptr_t)&out;
	job.out_sync_count = 1;
	return npu_submit(client, &job);
}

static int pass_on_all(struct npu_client *client, __u32 sync, bool is_timeline)
{
	__u32 queues[2] = { client->queue };
	int ret, i;

	ret = npu_queue_create(client->fd, 1, &queues[1]);
	memset(npu_data(client), 0, 101);
	npu_data(client)[0] = 0x42;
	for (i = 0; i < 100 && !ret; i++)
		ret = pass_on(client, queues, sync, i, is_timeline);
	if (ret)
		return ret;
	return npu_wait(client->fd, sync, is_timeline ? 100 : 0);
}

TEST_F(submit, queues_wait_for_binary_syncobjs)
{
	int i;

	ASSERT_EQ(0, pass_on_all(&self->client, self->sync, false));
	for (i = 0; i <= 100; i++)
		EXPECT_EQ(0x42, npu_data(&self->client)[i]);
}

TEST_F(submit, queues_wait_for_timelines)
{
	int i;

	ASSERT_EQ(0, pass_on_all(&self->client, self->sync, true));
	for (i = 0; i <= 100; i++)
		EXPECT_EQ(0x42, npu_data(&self->client)[i]);
}

TEST_F(submit, files_wait_for_each_other)
{
	struct drm_syncobj_handle handle = { .handle = self->sync };
	struct drm_tnpu_submit job = npu_job(&self->client, 2);
	struct drm_tnpu_sync in = { 0 };
	struct npu_client other;
	int i;

	ASSERT_EQ(0, npu_client_open(&other));
	ASSERT_EQ(0, npu_ioctl(self->client.fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD,
			       &handle));
	ASSERT_EQ(0, npu_ioctl(other.fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE,
			       &handle));
	close(handle.fd);
	npu_commands(&other)[0] = npu_nop(1);
	npu_commands(&self->client)[0] = npu_fill(0, 0, 0x10000, 1);
	npu_commands(&self->client)[1] = npu_fill(0, 0, 4, 0x33);
	for (i = 0; i < 20; i++) {
		npu_data(&self->client)[0] = 0;
		ASSERT_EQ(0, npu_submit_out(&self->client, &job, self->sync,
					    0));
		job = npu_job(&other, 1);
		in.handle = handle.handle;
		job.in_syncs = (uintptr_t)&in;
		job.in_sync_count = 1;
		ASSERT_EQ(0, npu_run(&other, &job));
		EXPECT_EQ(0x33, npu_data(&self->client)[0]);
		job = npu_job(&self->client, 2);
	}
	npu_client_close(&other);
}

/* More jobs than the ring has entries, none of which has waited. */
TEST_F(submit, a_queue_takes_more_jobs_than_its_ring)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	struct drm_tnpu_queue_state state;
	int i;

	for (i = 0; i < 500; i++)
		ASSERT_EQ(0, npu_submit_out(&self->client, &job, self->sync,
					    0));
	ASSERT_EQ(0, npu_outcome(self->client.fd, self->sync));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->client.queue,
				     &state));
	EXPECT_EQ(500, state.completed);
}

TEST_HARNESS_MAIN
