// SPDX-License-Identifier: MIT
/*
 * Two processes at the same time, 1,000 jobs each: all end well, each did its
 * own work, in its own memory, in its own order.
 */
#include "npu.h"

#include "kselftest_harness.h"

#include <sys/wait.h>

#define TIMEOUT_S 600
#define JOBS 1000
#define BATCH 100 /* jobs in flight */
#define SLOT 64 /* bytes of data that one job writes */

/* What job @i of worker @who writes, different for each pair. */
static __u8 pattern(__u32 who, __u32 i, __u32 half)
{
	return (__u8)(who * 101 + i * 7 + half * 53 + 1);
}

/* Fill the first half of a slot and copy it, through SRAM, to the second. */
static void write_job(struct npu_client *client, __u32 who, __u32 i)
{
	union npu_cmd *commands = npu_commands(client) + i % BATCH * 4;
	__u32 slot = i * SLOT;

	commands[0] = npu_fill(0, slot, SLOT / 2, pattern(who, i, 0));
	commands[1] = npu_copy(NPU_REGION_SRAM, 0, 0, slot, SLOT / 2);
	commands[2] = npu_copy(0, slot + SLOT / 2, NPU_REGION_SRAM, 0,
			       SLOT / 2);
	commands[3] = npu_fill(0, slot + SLOT - 1, 1, pattern(who, i, 1));
}

static bool is_done_right(const struct npu_client *client, __u32 who, __u32 i)
{
	const __u8 *slot = npu_data(client) + i * SLOT;
	__u32 b;

	for (b = 0; b < SLOT - 1; b++)
		if (slot[b] != pattern(who, i, 0))
			return false;
	return slot[SLOT - 1] == pattern(who, i, 1);
}

static int submit_batch(struct npu_client *client, __u32 who, __u32 sync,
			__u32 first)
{
	struct drm_tnpu_submit job = npu_job(client, 4);
	__u32 i;
	int ret;

	for (i = first; i < first + BATCH; i++) {
		write_job(client, who, i);
		job.commands = NPU_COMMANDS + i % BATCH * 4 * NPU_CMD_SIZE;
		ret = npu_submit_out(client, &job, sync, i + 1);
		if (ret)
			return ret;
	}
	return npu_wait(client->fd, sync, first + BATCH);
}

/* Returns an exit status: 0, or which step failed. */
static int worker(__u32 who, __u32 priority, int ready, int go)
{
	struct drm_tnpu_queue_state state;
	struct npu_client client;
	__u32 i, sync;
	char c = 0;

	_Static_assert(JOBS * SLOT <= NPU_DATA_SIZE, "each job has a slot");
	if (npu_client_open(&client) ||
	    npu_queue_create(client.fd, priority, &client.queue))
		return 1;
	sync = npu_syncobj(client.fd);
	if (write(ready, &c, 1) != 1 || read(go, &c, 1) != 1)
		return 2;
	for (i = 0; i < JOBS; i += BATCH)
		if (submit_batch(&client, who, sync, i))
			return 3;
	for (i = 0; i < JOBS; i++)
		if (!is_done_right(&client, who, i))
			return 4;
	if (npu_queue_state(client.fd, client.queue, &state) ||
	    state.submitted != JOBS || state.completed != JOBS ||
	    state.status != DRM_TNPU_QUEUE_OK)
		return 5;
	return 0;
}

/* Start the workers, let them go together, and collect their statuses. */
static int run_workers(__u32 count, const __u32 *priorities, int *statuses)
{
	int ready[2], go[2], status;
	pid_t children[8];
	char c[8] = "";
	__u32 i;

	if (pipe(ready) || pipe(go))
		return -1;
	for (i = 0; i < count; i++) {
		children[i] = fork();
		if (!children[i])
			_exit(worker(i, priorities[i], ready[1], go[0]));
	}
	close(ready[1]);
	for (i = 0; i < count; i++)
		if (read(ready[0], c, 1) != 1)
			break;
	if (write(go[1], c, count) != count)
		return -1;
	for (i = 0; i < count; i++) {
		if (waitpid(children[i], &status, 0) != children[i])
			return -1;
		statuses[i] = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}
	return 0;
}

FIXTURE(parallel)
{
	int statuses[4];
};

FIXTURE_SETUP(parallel)
{
}

FIXTURE_TEARDOWN(parallel)
{
}

TEST_F_TIMEOUT(parallel, two_processes_with_1000_jobs_each, TIMEOUT_S)
{
	const __u32 priorities[] = { 0, 0 };

	ASSERT_EQ(0, run_workers(2, priorities, self->statuses));
	EXPECT_EQ(0, self->statuses[0]);
	EXPECT_EQ(0, self->statuses[1]);
}

TEST_F_TIMEOUT(parallel, four_processes_of_different_priorities, TIMEOUT_S)
{
	const __u32 priorities[] = { 0, 1, 1, 0 };
	int i;

	ASSERT_EQ(0, run_workers(4, priorities, self->statuses));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, self->statuses[i]);
}

TEST_HARNESS_MAIN
