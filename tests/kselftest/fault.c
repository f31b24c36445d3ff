// SPDX-License-Identifier: MIT
/*
 * Faults: each is told exactly, in QUEUE_STATE and in the result record, to who
 * caused it, and nobody else notices.
 */
#include "npu.h"

#include "kselftest_harness.h"

#include <sys/wait.h>

#define ADDR 0x40000000ull

FIXTURE(fault)
{
	struct npu_client client;
	struct drm_tnpu_queue_state state;
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
}

FIXTURE_TEARDOWN(fault)
{
	npu_client_close(&self->client);
}

/* Run commands with region 1 at @addr; the state afterwards is in @state. */
static int run_at(struct npu_client *client, const union npu_cmd *commands,
		  __u32 count, __u64 addr, struct drm_tnpu_queue_state *state)
{
	struct drm_tnpu_submit job = npu_job(client, count);
	int ret;

	memcpy(npu_commands(client), commands, count * sizeof(*commands));
	npu_regions(client)[1] = (struct npu_region){ addr, 1 << 20 };
	job.region_count = 2;
	ret = npu_run(client, &job);
	if (npu_queue_state(client->fd, client->queue, state))
		return -ENOENT;
	return ret;
}

#define EXPECT_FAULT(code, unit, cmd, addr) do {			\
		EXPECT_EQ(DRM_TNPU_QUEUE_BANNED, self->state.status);	\
		EXPECT_EQ(DRM_TNPU_REASON_FAULT, self->state.reason);	\
		EXPECT_EQ(code, self->state.fault_code);		\
		EXPECT_EQ(unit, self->state.fault_unit);		\
		EXPECT_EQ(cmd, self->state.fault_cmd);			\
		EXPECT_EQ(addr, self->state.fault_addr);		\
	} while (0)

#define EXPECT_RESULT(code, unit, cmd, addr) do {			\
		volatile struct npu_job_result *result =		\
			npu_result(&self->client);			\
		EXPECT_EQ(NPU_JOB_FAULT, result->status);		\
		EXPECT_EQ(code, result->fault_code);			\
		EXPECT_EQ(unit, result->fault_unit);			\
		EXPECT_EQ(cmd, result->fault_cmd);			\
		EXPECT_EQ(addr, result->fault_addr);			\
	} while (0)

TEST_F(fault, reading_an_unmapped_address)
{
	const union npu_cmd commands[] = {
		npu_nop(1), npu_copy(0, 0, 1, 0x123, 16),
	};

	EXPECT_EQ(-EFAULT, run_at(&self->client, commands, 2, NPU_NOWHERE,
				  &self->state));
	EXPECT_FAULT(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_DMA, 1,
		     NPU_NOWHERE + 0x123);
	EXPECT_RESULT(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_DMA, 1,
		      NPU_NOWHERE + 0x123);
	EXPECT_EQ(1, npu_result(&self->client)->commands);
	EXPECT_EQ(1, self->state.fault_job);
}

TEST_F(fault, writing_an_unmapped_address)
{
	const union npu_cmd command = npu_fill(1, 0x7f0, 16, 1);

	EXPECT_EQ(-EFAULT, run_at(&self->client, &command, 1, NPU_NOWHERE,
				  &self->state));
	EXPECT_FAULT(NPU_FAULT_PAGE_WRITE, NPU_FAULT_UNIT_DMA, 0,
		     NPU_NOWHERE + 0x7f0);
	EXPECT_RESULT(NPU_FAULT_PAGE_WRITE, NPU_FAULT_UNIT_DMA, 0,
		      NPU_NOWHERE + 0x7f0);
}

/* The first byte that could not be accessed, not where the access began. */
TEST_F(fault, running_off_the_end_of_a_mapping)
{
	const union npu_cmd command = npu_fill(1, 0xf00, 0x3000, 0x66);
	__u32 handle;
	__u8 *bytes;

	ASSERT_EQ(0, npu_bo_create(self->client.fd, 2 * NPU_PAGE, &handle));
	bytes = npu_bo_mmap(self->client.fd, handle, 2 * NPU_PAGE);
	ASSERT_NE(MAP_FAILED, bytes);
	ASSERT_EQ(0, npu_map(self->client.fd, handle, ADDR, 2 * NPU_PAGE, 0,
			     0));
	EXPECT_EQ(-EFAULT, run_at(&self->client, &command, 1, ADDR,
				  &self->state));
	EXPECT_FAULT(NPU_FAULT_PAGE_WRITE, NPU_FAULT_UNIT_DMA, 0,
		     ADDR + 2 * NPU_PAGE);
	EXPECT_EQ(0, bytes[0xeff]);
}

TEST_F(fault, writing_a_readonly_address)
{
	const union npu_cmd command = npu_fill(1, 0x40, 16, 1);
	__u32 handle;
	__u8 *bytes;

	ASSERT_EQ(0, npu_bo_create(self->client.fd, NPU_PAGE, &handle));
	bytes = npu_bo_mmap(self->client.fd, handle, NPU_PAGE);
	ASSERT_NE(MAP_FAILED, bytes);
	ASSERT_EQ(0, npu_map(self->client.fd, handle, ADDR, NPU_PAGE, 0,
			     DRM_TNPU_VM_BIND_READONLY));
	EXPECT_EQ(-EFAULT, run_at(&self->client, &command, 1, ADDR,
				  &self->state));
	EXPECT_FAULT(NPU_FAULT_PAGE_WRITE, NPU_FAULT_UNIT_DMA, 0, ADDR + 0x40);
	EXPECT_EQ(0, bytes[0x40]);
}

TEST_F(fault, commands_that_are_not_there)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 2);

	job.commands = NPU_NOWHERE + 0x40;
	EXPECT_EQ(-EFAULT, npu_run(&self->client, &job));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->client.queue,
				     &self->state));
	EXPECT_FAULT(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_FETCH, 0,
		     NPU_NOWHERE + 0x40);
	EXPECT_RESULT(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_FETCH, 0,
		      NPU_NOWHERE + 0x40);
}

TEST_F(fault, a_region_table_that_is_not_there)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);

	npu_commands(&self->client)[0] = npu_nop(1);
	job.regions = NPU_NOWHERE;
	EXPECT_EQ(-EFAULT, npu_run(&self->client, &job));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->client.queue,
				     &self->state));
	EXPECT_FAULT(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_FETCH, 0,
		     NPU_NOWHERE);
}

TEST_F(fault, a_result_that_cannot_be_written)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);

	npu_commands(&self->client)[0] = npu_nop(1);
	job.result = NPU_NOWHERE + 8;
	EXPECT_EQ(-EFAULT, npu_run(&self->client, &job));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->client.queue,
				     &self->state));
	EXPECT_FAULT(NPU_FAULT_PAGE_WRITE, NPU_FAULT_UNIT_FETCH, 0,
		     NPU_NOWHERE + 8);
}

TEST_F(fault, an_unknown_command)
{
	union npu_cmd commands[] = { npu_nop(1), npu_nop(1), npu_nop(1) };

	commands[2].hdr.op = 0xff;
	EXPECT_EQ(-EFAULT, run_at(&self->client, commands, 3, NPU_DATA,
				  &self->state));
	EXPECT_EQ(NPU_FAULT_OPCODE, self->state.fault_code);
	EXPECT_EQ(2, self->state.fault_cmd);
	EXPECT_EQ(2, npu_result(&self->client)->commands);
}

TEST_F(fault, a_reserved_field)
{
	union npu_cmd command = npu_nop(1);

	command.bytes[63] = 1;
	EXPECT_EQ(-EFAULT, run_at(&self->client, &command, 1, NPU_DATA,
				  &self->state));
	EXPECT_EQ(NPU_FAULT_RESERVED, self->state.fault_code);
}

TEST_F(fault, a_range_beyond_its_region)
{
	const union npu_cmd command = npu_fill(0, NPU_DATA_SIZE - 8, 16, 1);

	EXPECT_EQ(-EFAULT, run_at(&self->client, &command, 1, NPU_DATA,
				  &self->state));
	EXPECT_FAULT(NPU_FAULT_REGION, NPU_FAULT_UNIT_DMA, 0, NPU_DATA_SIZE);
	EXPECT_EQ(0, npu_data(&self->client)[NPU_DATA_SIZE - 8]);
}

TEST_F(fault, the_queue_is_banned_and_its_jobs_cancelled)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	int fd = self->client.fd;
	__u32 syncs[8];
	int i;

	/* The first job is bad, but keeps the others waiting until it is. */
	npu_commands(&self->client)[0] = npu_nop(1);
	npu_commands(&self->client)[1] = npu_fill(9, 0, 1, 1);
	job.command_count = 2;
	for (i = 0; i < 8; i++) {
		syncs[i] = npu_syncobj(fd);
		ASSERT_NE(0, syncs[i]);
		/* A queue that is already banned takes no more. */
		if (npu_submit_out(&self->client, &job, syncs[i], 0))
			break;
		job.command_count = 1;
	}
	ASSERT_GE(i, 1);
	EXPECT_EQ(-EFAULT, npu_outcome(fd, syncs[0]));
	while (--i > 0)
		EXPECT_EQ(-ECANCELED, npu_outcome(fd, syncs[i]));
	EXPECT_EQ(-ECANCELED, npu_submit(&self->client, &job));
	ASSERT_EQ(0, npu_queue_state(fd, self->client.queue, &self->state));
	EXPECT_EQ(1, self->state.fault_job);
	EXPECT_EQ(self->state.submitted, self->state.completed);
	ASSERT_EQ(0, npu_client_new_queue(&self->client));
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

TEST_F(fault, other_queues_of_the_file_go_on)
{
	__u32 bad = self->client.queue;

	EXPECT_EQ(-EFAULT, npu_run_command(&self->client, npu_fill(9, 0, 1, 1)));
	ASSERT_EQ(0, npu_queue_create(self->client.fd, 0,
				      &self->client.queue));
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, bad, &self->state));
	EXPECT_EQ(DRM_TNPU_QUEUE_BANNED, self->state.status);
}

/* A neighbour: maps a secret at ADDR and runs jobs until it is told to stop. */
static int neighbour(int ready, int stop)
{
	struct npu_client client;
	__u32 handle;
	__u8 *secret;
	char c = 0;
	int jobs;

	if (npu_client_open(&client) ||
	    npu_bo_create(client.fd, NPU_PAGE, &handle))
		return 1;
	secret = npu_bo_mmap(client.fd, handle, NPU_PAGE);
	if (secret == MAP_FAILED ||
	    npu_map(client.fd, handle, ADDR, NPU_PAGE, 0, 0))
		return 2;
	memset(secret, 0x99, NPU_PAGE);
	if (fcntl(stop, F_SETFL, O_NONBLOCK) || write(ready, &c, 1) != 1)
		return 3;
	for (jobs = 0; jobs < 50 || read(stop, &c, 1) != 1; jobs++) {
		*npu_data(&client) = 0;
		if (npu_run_command(&client, npu_fill(0, 0, 1, jobs | 1)))
			return 4;
		if (*npu_data(&client) != (__u8)(jobs | 1))
			return 5;
	}
	for (jobs = 0; jobs < NPU_PAGE; jobs++)
		if (secret[jobs] != 0x99)
			return 6;
	return 0;
}

TEST_F(fault, a_foreign_address_is_not_there_and_its_owner_unaware)
{
	const union npu_cmd read_it = npu_copy(0, 0, 1, 0x10, 16);
	const union npu_cmd write_it = npu_fill(1, 0x20, 16, 1);
	int ready[2], stop[2], status, i;
	pid_t child;
	char c = 0;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(stop));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(neighbour(ready[1], stop[0]));
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &c, 1));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(-EFAULT, run_at(&self->client, &read_it, 1, ADDR,
					  &self->state));
		EXPECT_FAULT(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_DMA, 0,
			     ADDR + 0x10);
		ASSERT_EQ(0, npu_client_new_queue(&self->client));
		EXPECT_EQ(-EFAULT, run_at(&self->client, &write_it, 1, ADDR,
					  &self->state));
		EXPECT_FAULT(NPU_FAULT_PAGE_WRITE, NPU_FAULT_UNIT_DMA, 0,
			     ADDR + 0x20);
		ASSERT_EQ(0, npu_client_new_queue(&self->client));
	}
	ASSERT_EQ(1, write(stop[1], &c, 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
