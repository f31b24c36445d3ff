// SPDX-License-Identifier: MIT
/*
 * The generic netlink family, spoken to without a library: what it says of devices,
 * cores and clients, whom it lets ask, what it refuses, and what it tells by itself.
 */
#include "genl.h"
#include "npu.h"

#include "kselftest_harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

FIXTURE(netlink)
{
	struct npu_client client;
	__u32 id;
	struct genl genl;
};

FIXTURE_SETUP(netlink)
{
	struct stat stat;

	ASSERT_EQ(0, npu_client_open(&self->client));
	ASSERT_EQ(0, fstat(self->client.fd, &stat));
	self->id = minor(stat.st_rdev);
	ASSERT_EQ(0, genl_open(&self->genl));
}

FIXTURE_TEARDOWN(netlink)
{
	close(self->genl.fd);
	npu_client_close(&self->client);
}

/* --- Devices -------------------------------------------------------------------- */

struct device {
	__u64 id, cores, macs, clock_khz, state, jobs, clients, recoveries;
	char name[32];
};

static int take_device(const struct nlmsghdr *header, void *arg)
{
	struct device *device = arg;
	const char *name = genl_find(header, TNPU_A_DEVICE_NAME, 1);

	*device = (struct device){
		.id = genl_number(header, TNPU_A_DEVICE_ID, 4),
		.cores = genl_number(header, TNPU_A_DEVICE_CORES, 4),
		.macs = genl_number(header, TNPU_A_DEVICE_MACS, 4),
		.clock_khz = genl_number(header, TNPU_A_DEVICE_CLOCK_KHZ, 4),
		.state = genl_number(header, TNPU_A_DEVICE_STATE, 4),
		.jobs = genl_number(header, TNPU_A_DEVICE_JOBS, 8),
		.clients = genl_number(header, TNPU_A_DEVICE_CLIENTS, 4),
		.recoveries = genl_number(header, TNPU_A_DEVICE_RECOVERIES, 4),
	};
	snprintf(device->name, sizeof(device->name), "%s", name ? name : "");
	return 0;
}

static int get_device(FIXTURE_DATA(netlink) *self, struct device *device)
{
	struct genl_request request = genl_make(self->genl.family, TNPU_CMD_DEVICE_GET, 0);

	genl_put(&request, TNPU_A_DEVICE_ID, &self->id, 4);
	return genl_talk(self->genl.fd, &request, take_device, device);
}

TEST_F(netlink, a_device_is_what_the_driver_says_elsewhere)
{
	struct drm_tnpu_query_device info;
	struct device device;

	ASSERT_EQ(0, npu_query(self->client.fd, &info));
	ASSERT_EQ(0, get_device(self, &device));
	EXPECT_EQ(self->id, device.id);
	EXPECT_EQ(info.cores, device.cores);
	EXPECT_EQ(info.macs, device.macs);
	EXPECT_EQ(info.clock_khz, device.clock_khz);
	EXPECT_EQ(TNPU_STATE_UP, device.state);
	EXPECT_LE(1, device.clients);
	EXPECT_NE(0, strlen(device.name));
}

TEST_F(netlink, jobs_are_counted)
{
	struct device before, after;
	int i;

	ASSERT_EQ(0, get_device(self, &before));
	for (i = 0; i < 7; i++)
		ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	ASSERT_EQ(0, get_device(self, &after));
	EXPECT_EQ(before.jobs + 7, after.jobs);
}

static int count_items(const struct nlmsghdr *header, void *arg)
{
	++*(int *)arg;
	return 0;
}

TEST_F(netlink, every_core_is_told)
{
	struct genl_request request = genl_make(self->genl.family, TNPU_CMD_ENGINE_GET,
				      NLM_F_DUMP);
	struct device device;
	int count = 0;

	ASSERT_EQ(0, get_device(self, &device));
	genl_put(&request, TNPU_A_ENGINE_DEVICE, &self->id, 4);
	ASSERT_EQ(0, genl_talk(self->genl.fd, &request, count_items, &count));
	EXPECT_EQ(device.cores, count);
}

/* --- Clients -------------------------------------------------------------------- */

struct client {
	__u32 pid;
	int found;
	__u64 cycles, queues, memory;
	char comm[32];
};

static int take_client(const struct nlmsghdr *header, void *arg)
{
	struct client *client = arg;
	const char *comm = genl_find(header, TNPU_A_CLIENT_COMM, 1);

	if (genl_number(header, TNPU_A_CLIENT_PID, 4) != client->pid)
		return 0;
	client->found++;
	client->cycles = genl_number(header, TNPU_A_CLIENT_CYCLES, 8);
	client->queues = genl_number(header, TNPU_A_CLIENT_QUEUES, 4);
	client->memory = genl_number(header, TNPU_A_CLIENT_MEMORY, 8);
	snprintf(client->comm, sizeof(client->comm), "%s", comm ? comm : "");
	return 0;
}

static int dump_clients(int fd, int family, struct client *client)
{
	struct genl_request request = genl_make(family, TNPU_CMD_CLIENT_GET, NLM_F_DUMP);

	return genl_talk(fd, &request, take_client, client);
}

TEST_F(netlink, a_client_is_found_by_its_process)
{
	struct client before = { .pid = getpid() }, after = before;

	ASSERT_EQ(0, dump_clients(self->genl.fd, self->genl.family, &before));
	EXPECT_EQ(1, before.found);
	EXPECT_EQ(1, before.queues);
	EXPECT_EQ(NPU_BUFFER_SIZE, before.memory);
	EXPECT_STREQ("netlink", before.comm);
	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1000)));
	ASSERT_EQ(0, dump_clients(self->genl.fd, self->genl.family, &after));
	EXPECT_LE(before.cycles + 1000, after.cycles);
}

static void *come_and_go(void *arg)
{
	_Atomic int *must_stop = arg;

	while (!*must_stop) {
		int fds[8], i;

		for (i = 0; i < 8; i++)
			fds[i] = npu_open();
		for (i = 0; i < 8; i++)
			close(fds[i]);
	}
	return NULL;
}

TEST_F(netlink, clients_come_and_go_while_they_are_told)
{
	_Atomic int must_stop = 0;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &must_stop));
	for (i = 0; i < 200; i++) {
		struct client client = { .pid = getpid() };

		EXPECT_EQ(0, dump_clients(self->genl.fd, self->genl.family, &client));
		EXPECT_LE(1, client.found);
	}
	must_stop = 1;
	pthread_join(thread, NULL);
}

TEST_F(netlink, more_clients_than_a_message_holds)
{
	struct client client = { .pid = getpid() };
	int fds[400], i;

	for (i = 0; i < 400; i++) {
		fds[i] = npu_open();
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(0, dump_clients(self->genl.fd, self->genl.family, &client));
	EXPECT_EQ(401, client.found);
	for (i = 0; i < 400; i++)
		close(fds[i]);
}

TEST_F(netlink, everybody_may_ask)
{
	struct client client = { .pid = getpid() };
	int status;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	pid = fork();
	if (!pid) {
		status = setresuid(65534, 65534, 65534);
		if (!status)
			status = dump_clients(self->genl.fd, self->genl.family, &client);
		_exit(status || client.found != 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* --- Refusals -------------------------------------------------------------------- */

TEST_F(netlink, a_device_that_is_not_there)
{
	struct genl_request request = genl_make(self->genl.family, TNPU_CMD_DEVICE_GET, 0);
	__u32 id = 12345;
	int count = 0;

	genl_put(&request, TNPU_A_DEVICE_ID, &id, 4);
	EXPECT_EQ(-ENODEV, genl_talk(self->genl.fd, &request, NULL, NULL));
	request = genl_make(self->genl.family, TNPU_CMD_CLIENT_GET, NLM_F_DUMP);
	genl_put(&request, TNPU_A_CLIENT_DEVICE, &id, 4);
	EXPECT_EQ(0, genl_talk(self->genl.fd, &request, count_items, &count));
	EXPECT_EQ(0, count);
}

TEST_F(netlink, questions_that_are_none)
{
	struct genl_request request = genl_make(self->genl.family, TNPU_CMD_DEVICE_GET, 0);
	__u64 wide = self->id;

	EXPECT_EQ(-EINVAL, genl_talk(self->genl.fd, &request, NULL, NULL));
	genl_put(&request, TNPU_A_DEVICE_ID, &self->id, 2);
	EXPECT_GT(0, genl_talk(self->genl.fd, &request, NULL, NULL));
	request = genl_make(self->genl.family, TNPU_CMD_DEVICE_GET, 0);
	genl_put(&request, TNPU_A_DEVICE_ID, &self->id, 4);
	genl_put(&request, TNPU_A_DEVICE_CORES, &wide, 4);
	EXPECT_EQ(-EINVAL, genl_talk(self->genl.fd, &request, NULL, NULL));
	request = genl_make(self->genl.family, TNPU_CMD_DEVICE_GET, 0);
	genl_put(&request, TNPU_A_DEVICE_ID, &self->id, 4);
	((struct nlattr *)request.attrs)->nla_len = 100;
	EXPECT_GT(0, genl_talk(self->genl.fd, &request, NULL, NULL));
	request = genl_make(self->genl.family, TNPU_CMD_ENGINE_GET, 0);
	EXPECT_EQ(-EOPNOTSUPP, genl_talk(self->genl.fd, &request, NULL, NULL));
	request = genl_make(self->genl.family, TNPU_CMD_FAULT_NTF, 0);
	EXPECT_EQ(-EOPNOTSUPP, genl_talk(self->genl.fd, &request, NULL, NULL));
	request = genl_make(self->genl.family, 200, NLM_F_DUMP);
	EXPECT_EQ(-EOPNOTSUPP, genl_talk(self->genl.fd, &request, NULL, NULL));
}

/* --- Events ---------------------------------------------------------------------- */

TEST_F(netlink, a_fault_is_told)
{
	struct drm_tnpu_queue_state state;
	const struct nlmsghdr *event;
	char buffer[GENL_BUFFER];
	int fd = genl_listen(self->genl.group);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	ASSERT_EQ(-EFAULT, npu_poke(&self->client, NPU_NOWHERE, 1));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->client.queue,
				     &state));
	do {
		event = genl_next_event(fd, NPU_PATIENCE_S * 1000, buffer);
		ASSERT_NE(NULL, event);
	} while (genl_number(event, TNPU_A_EVENT_PID, 4) != getpid());
	EXPECT_EQ(TNPU_CMD_FAULT_NTF, genl_command(event));
	EXPECT_EQ(self->id, genl_number(event, TNPU_A_EVENT_DEVICE, 4));
	EXPECT_EQ(NPU_JOB_FAULT, genl_number(event, TNPU_A_EVENT_STATUS, 4));
	EXPECT_EQ(state.fault_code, genl_number(event, TNPU_A_EVENT_CODE, 4));
	EXPECT_EQ(state.fault_unit, genl_number(event, TNPU_A_EVENT_UNIT, 4));
	EXPECT_EQ(state.fault_cmd, genl_number(event, TNPU_A_EVENT_COMMAND, 4));
	EXPECT_EQ(state.fault_addr, genl_number(event, TNPU_A_EVENT_ADDR, 8));
	EXPECT_EQ(state.fault_job, genl_number(event, TNPU_A_EVENT_JOB, 8));
	close(fd);
}

/* Who does not read loses events, and nothing else happens. */
TEST_F(netlink, a_reader_who_sleeps)
{
	int fd = genl_listen(self->genl.group);
	int size = 1, i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	for (i = 0; i < 50; i++)
		EXPECT_EQ(-EFAULT, npu_poke(&self->client, NPU_NOWHERE, 1));
	ASSERT_EQ(0, npu_client_new_queue(&self->client));
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	close(fd);
}

TEST_HARNESS_MAIN
