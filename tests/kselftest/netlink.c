// SPDX-License-Identifier: MIT
/*
 * The generic netlink family, spoken to without a library: what it says of devices,
 * cores and clients, whom it lets ask, what it refuses, and what it tells by itself.
 */
#include "npu.h"

#include "kselftest_harness.h"

#include <drm/tinynpu_netlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define BUFFER 16384

struct request {
	struct nlmsghdr header;
	struct genlmsghdr generic;
	char attrs[256];
};

/* An answer's messages are handed over one by one; other than 0 ends it. */
typedef int (*take_fn)(const struct nlmsghdr *header, void *arg);

FIXTURE(netlink)
{
	struct npu_client client;
	__u32 id;
	int fd;
	int family;
	__u32 group;
};

/* --- Messages ----------------------------------------------------------------- */

static void put(struct request *request, __u16 type, const void *data, __u16 size)
{
	struct nlattr *attr = (void *)((char *)request +
				       NLMSG_ALIGN(request->header.nlmsg_len));

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + size;
	memcpy((char *)attr + NLA_HDRLEN, data, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) +
				    NLA_ALIGN(attr->nla_len);
}

static struct request make(int family, __u8 command, __u16 flags)
{
	return (struct request){
		.header = {
			.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
			.nlmsg_type = family,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
			.nlmsg_seq = 1,
		},
		.generic = { .cmd = command, .version = 1 },
	};
}

/* The attribute's data, of at least @size bytes, or NULL. */
static const void *find(const struct nlmsghdr *header, __u16 type, __u16 size)
{
	const char *at = (const char *)NLMSG_DATA(header) + GENL_HDRLEN;
	const char *end = (const char *)header + header->nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const void *)at;

		if ((attr->nla_type & NLA_TYPE_MASK) == type &&
		    attr->nla_len >= NLA_HDRLEN + size)
			return at + NLA_HDRLEN;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

static __u64 number(const struct nlmsghdr *header, __u16 type, __u16 size)
{
	const void *data = find(header, type, size);
	__u64 value = 0;

	if (!data)
		return UINT64_MAX;
	memcpy(&value, data, size);
	return value;
}

/* 0, or what the kernel answers with, or what @take returned. */
static int talk(int fd, struct request *request, take_fn take, void *arg)
{
	static _Thread_local char buffer[BUFFER];
	const struct nlmsghdr *header;
	int ret = 0;
	ssize_t size;

	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		size = recv(fd, buffer, sizeof(buffer), 0);
		if (size < 0)
			return -errno;
		header = (const void *)buffer;
		for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
			if (header->nlmsg_type == NLMSG_ERROR)
				return *(const int *)NLMSG_DATA(header) ?: ret;
			if (header->nlmsg_type == NLMSG_DONE)
				return ret;
			if (take && !ret)
				ret = take(header, arg);
		}
	}
}

static int take_family(const struct nlmsghdr *header, void *arg)
{
	FIXTURE_DATA(netlink) *self = arg;
	const char *groups = find(header, CTRL_ATTR_MCAST_GROUPS, 0);
	const char *group = groups ? groups + NLA_HDRLEN : NULL;
	int i;

	self->family = number(header, CTRL_ATTR_FAMILY_ID, 2);
	for (i = 0; group && i < 2; i++) {
		const struct nlattr *attr = (const void *)group;

		if (attr->nla_type == CTRL_ATTR_MCAST_GRP_ID)
			memcpy(&self->group, group + NLA_HDRLEN, 4);
		group += NLA_ALIGN(attr->nla_len);
	}
	return 0;
}

static int find_family(FIXTURE_DATA(netlink) *self)
{
	struct request request = make(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);

	put(&request, CTRL_ATTR_FAMILY_NAME, TNPU_NETLINK_FAMILY,
	    sizeof(TNPU_NETLINK_FAMILY));
	return talk(self->fd, &request, take_family, self);
}

FIXTURE_SETUP(netlink)
{
	struct stat stat;

	ASSERT_EQ(0, npu_client_open(&self->client));
	ASSERT_EQ(0, fstat(self->client.fd, &stat));
	self->id = minor(stat.st_rdev);
	self->fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, find_family(self));
	ASSERT_LT(0, self->family);
	ASSERT_LT(0, self->group);
}

FIXTURE_TEARDOWN(netlink)
{
	close(self->fd);
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
	const char *name = find(header, TNPU_A_DEVICE_NAME, 1);

	*device = (struct device){
		.id = number(header, TNPU_A_DEVICE_ID, 4),
		.cores = number(header, TNPU_A_DEVICE_CORES, 4),
		.macs = number(header, TNPU_A_DEVICE_MACS, 4),
		.clock_khz = number(header, TNPU_A_DEVICE_CLOCK_KHZ, 4),
		.state = number(header, TNPU_A_DEVICE_STATE, 4),
		.jobs = number(header, TNPU_A_DEVICE_JOBS, 8),
		.clients = number(header, TNPU_A_DEVICE_CLIENTS, 4),
		.recoveries = number(header, TNPU_A_DEVICE_RECOVERIES, 4),
	};
	snprintf(device->name, sizeof(device->name), "%s", name ? name : "");
	return 0;
}

static int get_device(FIXTURE_DATA(netlink) *self, struct device *device)
{
	struct request request = make(self->family, TNPU_CMD_DEVICE_GET, 0);

	put(&request, TNPU_A_DEVICE_ID, &self->id, 4);
	return talk(self->fd, &request, take_device, device);
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
	struct request request = make(self->family, TNPU_CMD_ENGINE_GET,
				      NLM_F_DUMP);
	struct device device;
	int count = 0;

	ASSERT_EQ(0, get_device(self, &device));
	put(&request, TNPU_A_ENGINE_DEVICE, &self->id, 4);
	ASSERT_EQ(0, talk(self->fd, &request, count_items, &count));
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
	const char *comm = find(header, TNPU_A_CLIENT_COMM, 1);

	if (number(header, TNPU_A_CLIENT_PID, 4) != client->pid)
		return 0;
	client->found++;
	client->cycles = number(header, TNPU_A_CLIENT_CYCLES, 8);
	client->queues = number(header, TNPU_A_CLIENT_QUEUES, 4);
	client->memory = number(header, TNPU_A_CLIENT_MEMORY, 8);
	snprintf(client->comm, sizeof(client->comm), "%s", comm ? comm : "");
	return 0;
}

static int dump_clients(int fd, int family, struct client *client)
{
	struct request request = make(family, TNPU_CMD_CLIENT_GET, NLM_F_DUMP);

	return talk(fd, &request, take_client, client);
}

TEST_F(netlink, a_client_is_found_by_its_process)
{
	struct client before = { .pid = getpid() }, after = before;

	ASSERT_EQ(0, dump_clients(self->fd, self->family, &before));
	EXPECT_EQ(1, before.found);
	EXPECT_EQ(1, before.queues);
	EXPECT_EQ(NPU_BUFFER_SIZE, before.memory);
	EXPECT_STREQ("netlink", before.comm);
	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1000)));
	ASSERT_EQ(0, dump_clients(self->fd, self->family, &after));
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

		EXPECT_EQ(0, dump_clients(self->fd, self->family, &client));
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
	EXPECT_EQ(0, dump_clients(self->fd, self->family, &client));
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
			status = dump_clients(self->fd, self->family, &client);
		_exit(status || client.found != 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* --- Refusals -------------------------------------------------------------------- */

TEST_F(netlink, a_device_that_is_not_there)
{
	struct request request = make(self->family, TNPU_CMD_DEVICE_GET, 0);
	__u32 id = 12345;
	int count = 0;

	put(&request, TNPU_A_DEVICE_ID, &id, 4);
	EXPECT_EQ(-ENODEV, talk(self->fd, &request, NULL, NULL));
	request = make(self->family, TNPU_CMD_CLIENT_GET, NLM_F_DUMP);
	put(&request, TNPU_A_CLIENT_DEVICE, &id, 4);
	EXPECT_EQ(0, talk(self->fd, &request, count_items, &count));
	EXPECT_EQ(0, count);
}

TEST_F(netlink, questions_that_are_none)
{
	struct request request = make(self->family, TNPU_CMD_DEVICE_GET, 0);
	__u64 wide = self->id;

	EXPECT_EQ(-EINVAL, talk(self->fd, &request, NULL, NULL));
	put(&request, TNPU_A_DEVICE_ID, &self->id, 2);
	EXPECT_GT(0, talk(self->fd, &request, NULL, NULL));
	request = make(self->family, TNPU_CMD_DEVICE_GET, 0);
	put(&request, TNPU_A_DEVICE_ID, &self->id, 4);
	put(&request, TNPU_A_DEVICE_CORES, &wide, 4);
	EXPECT_EQ(-EINVAL, talk(self->fd, &request, NULL, NULL));
	request = make(self->family, TNPU_CMD_DEVICE_GET, 0);
	put(&request, TNPU_A_DEVICE_ID, &self->id, 4);
	((struct nlattr *)request.attrs)->nla_len = 100;
	EXPECT_GT(0, talk(self->fd, &request, NULL, NULL));
	request = make(self->family, TNPU_CMD_ENGINE_GET, 0);
	EXPECT_EQ(-EOPNOTSUPP, talk(self->fd, &request, NULL, NULL));
	request = make(self->family, TNPU_CMD_FAULT_NTF, 0);
	EXPECT_EQ(-EOPNOTSUPP, talk(self->fd, &request, NULL, NULL));
	request = make(self->family, 200, NLM_F_DUMP);
	EXPECT_EQ(-EOPNOTSUPP, talk(self->fd, &request, NULL, NULL));
}

/* --- Events ---------------------------------------------------------------------- */

/* A socket that hears events; unbound ones would not. */
static int listen_to(__u32 group)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The next message of the group on @fd, in @buffer; NULL: there is none in time. */
static const struct nlmsghdr *next_event(int fd, char buffer[BUFFER])
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	if (poll(&poller, 1, NPU_PATIENCE_S * 1000) != 1 ||
	    recv(fd, buffer, BUFFER, 0) < 0)
		return NULL;
	return (const void *)buffer;
}

TEST_F(netlink, a_fault_is_told)
{
	struct drm_tnpu_queue_state state;
	const struct nlmsghdr *event;
	char buffer[BUFFER];
	int fd = listen_to(self->group);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	ASSERT_EQ(-EFAULT, npu_poke(&self->client, NPU_NOWHERE, 1));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->client.queue,
				     &state));
	do {
		event = next_event(fd, buffer);
		ASSERT_NE(NULL, event);
	} while (number(event, TNPU_A_EVENT_PID, 4) != getpid());
	EXPECT_EQ(TNPU_CMD_FAULT_NTF,
		  ((struct genlmsghdr *)NLMSG_DATA(event))->cmd);
	EXPECT_EQ(self->id, number(event, TNPU_A_EVENT_DEVICE, 4));
	EXPECT_EQ(NPU_JOB_FAULT, number(event, TNPU_A_EVENT_STATUS, 4));
	EXPECT_EQ(state.fault_code, number(event, TNPU_A_EVENT_CODE, 4));
	EXPECT_EQ(state.fault_unit, number(event, TNPU_A_EVENT_UNIT, 4));
	EXPECT_EQ(state.fault_cmd, number(event, TNPU_A_EVENT_COMMAND, 4));
	EXPECT_EQ(state.fault_addr, number(event, TNPU_A_EVENT_ADDR, 8));
	EXPECT_EQ(state.fault_job, number(event, TNPU_A_EVENT_JOB, 8));
	close(fd);
}

/* Who does not read loses events, and nothing else happens. */
TEST_F(netlink, a_reader_who_sleeps)
{
	int fd = listen_to(self->group);
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
