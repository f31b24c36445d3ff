// SPDX-License-Identifier: MIT
/*
 * Files that end at a bad moment: processes killed in mid-job, files closed with
 * jobs under way, files that live on in another process. Afterwards nothing is
 * left: no memory, no queue, no address space, no reference of the module.
 */
#include "npu.h"

#include "kselftest_harness.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define TIMEOUT_S 600
#define BIG (16ull << 20)
#define SLACK (2ull << 20) /* what others may allocate meanwhile */
#define ROUNDS 1000

FIXTURE(lifetime)
{
	__u64 shmem;
	__u64 references;
};

/* A number in a file: behind @key, or the first. UINT64_MAX if there is none. */
static __u64 read_number(const char *path, const char *key)
{
	unsigned long long value = UINT64_MAX;
	FILE *file = fopen(path, "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)))
			continue;
		sscanf(line + strlen(key), "%llu", &value);
		break;
	}
	if (file)
		fclose(file);
	return value;
}

static __u64 shmem_bytes(void)
{
	return read_number("/proc/meminfo", "Shmem:") << 10;
}

static __u64 module_references(void)
{
	return read_number("/sys/module/tinynpu/refcnt", "");
}

/* One more job: the device works, and time for others to finish has passed. */
static int is_device_well(void)
{
	struct npu_client client;
	int ret = npu_client_open(&client);

	if (ret)
		return ret;
	ret = npu_run_command(&client, npu_nop(1));
	npu_client_close(&client);
	return ret;
}

FIXTURE_SETUP(lifetime)
{
	ASSERT_EQ(0, is_device_well());
	self->shmem = shmem_bytes();
	self->references = module_references();
	ASSERT_NE(UINT64_MAX, self->references);
}

/* What was released last may take some jobs' time to be gone. */
FIXTURE_TEARDOWN(lifetime)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		EXPECT_EQ(0, is_device_well());
		if (module_references() <= self->references &&
		    shmem_bytes() <= self->shmem + SLACK)
			break;
	}
	EXPECT_EQ(self->references, module_references());
	EXPECT_LE(shmem_bytes(), self->shmem + SLACK);
}

/* A buffer of BIG bytes that is really there, also for the device. */
static int use_memory(const struct npu_client *client)
{
	__u32 handle;
	void *bytes;
	int ret;

	ret = npu_bo_create(client->fd, BIG, &handle);
	if (ret)
		return ret;
	bytes = npu_bo_mmap(client->fd, handle, BIG);
	if (bytes == MAP_FAILED)
		return -errno;
	memset(bytes, 1, BIG);
	munmap(bytes, BIG);
	return npu_map(client->fd, handle, 1ull << 32, BIG, 0, 0);
}

/* A job that never ends, and some that wait behind it. */
static int submit_hang(const struct npu_client *client)
{
	struct drm_tnpu_submit job = npu_job(client, 1);
	__u32 sync = npu_syncobj(client->fd);
	int ret = 0;
	int i;

	npu_commands(client)[0] = npu_never();
	for (i = 1; i <= 5 && !ret; i++)
		ret = npu_submit_out(client, &job, sync, i);
	return ret;
}

/* In a process of its own: be in the middle of something, tell, wait. */
static void be_busy(int ready, bool does_hang)
{
	struct npu_client client;
	char c = 0;

	if (npu_client_open(&client) || use_memory(&client))
		_exit(1);
	if (does_hang && submit_hang(&client))
		_exit(2);
	if (write(ready, &c, 1) != 1)
		_exit(3);
	/* Jobs without end, but each of them short. */
	while (!does_hang)
		if (npu_run_command(&client, npu_fill(0, 0, 0x10000, 1)))
			_exit(4);
	for (;;)
		pause();
}

static int kill_when_busy(bool does_hang)
{
	int ready[2], status;
	pid_t child;
	char c;

	if (pipe(ready))
		return -1;
	child = fork();
	if (!child)
		be_busy(ready[1], does_hang);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		return -2;
	close(ready[0]);
	if (kill(child, SIGKILL) || waitpid(child, &status, 0) != child)
		return -3;
	return WIFSIGNALED(status) ? 0 : -4;
}

TEST_F_TIMEOUT(lifetime, killed_while_jobs_run, TIMEOUT_S)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, kill_when_busy(false));
		ASSERT_EQ(0, is_device_well());
	}
}

TEST_F_TIMEOUT(lifetime, killed_while_a_job_hangs, TIMEOUT_S)
{
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, kill_when_busy(true));
		ASSERT_EQ(0, is_device_well());
	}
}

TEST_F_TIMEOUT(lifetime, closed_with_jobs_under_way, TIMEOUT_S)
{
	struct npu_client client;
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, npu_client_open(&client));
		ASSERT_EQ(0, use_memory(&client));
		ASSERT_EQ(0, submit_hang(&client));
		npu_client_close(&client);
		ASSERT_EQ(0, is_device_well());
	}
}

/* In a process of its own: come with jobs and go again, @rounds times. */
static void come_and_go(int rounds)
{
	struct drm_tnpu_submit job;
	struct npu_client client;
	__u32 sync;
	int i, n;

	for (i = 0; i < rounds; i++) {
		if (npu_client_open(&client))
			_exit(1);
		sync = npu_syncobj(client.fd);
		npu_commands(&client)[0] = i & 1 ? npu_never() : npu_nop(1);
		job = npu_job(&client, 1);
		for (n = 1; n <= 5 + i % 7; n++)
			if (npu_submit_out(&client, &job, sync, n))
				_exit(2);
		npu_client_close(&client);
	}
	_exit(0);
}

/* Queues take each other's places while jobs are on their way to them. */
TEST_F_TIMEOUT(lifetime, several_come_and_go_at_once, TIMEOUT_S)
{
	int status, i;

	for (i = 0; i < 3; i++) {
		pid_t child = fork();

		ASSERT_GE(child, 0);
		if (!child)
			come_and_go(100);
	}
	for (i = 0; i < 3; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(0, WEXITSTATUS(status));
	}
}

/* Syncobjs keep fences, and fences outlive their file. */
TEST_F_TIMEOUT(lifetime, a_fence_outlives_its_file, TIMEOUT_S)
{
	struct drm_syncobj_handle handle = { 0 };
	struct drm_tnpu_submit job;
	struct npu_client client;
	int fd = npu_open();

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, npu_client_open(&client));
	handle.handle = npu_syncobj(client.fd);
	npu_commands(&client)[0] = npu_never();
	job = npu_job(&client, 1);
	ASSERT_EQ(0, npu_submit_out(&client, &job, handle.handle, 0));
	ASSERT_EQ(0, npu_ioctl(client.fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD,
			       &handle));
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &handle));
	close(handle.fd);
	npu_client_close(&client);
	EXPECT_EQ(-ECANCELED, npu_outcome(fd, handle.handle));
	close(fd);
}

/* Each file takes an address space; the device has 64. */
TEST_F_TIMEOUT(lifetime, address_spaces_come_back, TIMEOUT_S)
{
	struct npu_client clients[60];
	int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 60; i++) {
			ASSERT_EQ(0, npu_client_open(&clients[i]));
			ASSERT_EQ(0, npu_run_command(&clients[i], npu_nop(1)));
		}
		for (i = 0; i < 60; i++)
			npu_client_close(&clients[i]);
	}
}

static int send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { .iov_base = control, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* A process opens the device, hands the file over, and ends. */
TEST_F_TIMEOUT(lifetime, a_file_lives_on_in_another_process, TIMEOUT_S)
{
	struct npu_client client = { .buffer = MAP_FAILED };
	int sockets[2], status;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(npu_client_open(&client) ||
		      npu_run_command(&client, npu_nop(1)) ||
		      send_fd(sockets[1], client.fd));
	client.fd = receive_fd(sockets[0]);
	ASSERT_GE(client.fd, 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	ASSERT_EQ(0, npu_unmap(client.fd, NPU_BASE, NPU_BUFFER_SIZE));
	ASSERT_EQ(0, npu_client_prepare(&client));
	EXPECT_EQ(0, npu_run_command(&client, npu_fill(0, 0, 1, 9)));
	EXPECT_EQ(9, npu_data(&client)[0]);
	npu_client_close(&client);
	close(sockets[0]);
	close(sockets[1]);
}

/* Two processes use one file, as after any fork. */
TEST_F_TIMEOUT(lifetime, a_file_is_shared_after_fork, TIMEOUT_S)
{
	struct npu_client client;
	int status, i;
	pid_t child;

	ASSERT_EQ(0, npu_client_open(&client));
	child = fork();
	ASSERT_GE(child, 0);
	for (i = 0; i < 50; i++)
		if (npu_run_command(&client, npu_nop(1)))
			break;
	if (!child)
		_exit(i != 50);
	EXPECT_EQ(50, i);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	npu_client_close(&client);
}

TEST_HARNESS_MAIN
