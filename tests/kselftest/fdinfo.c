// SPDX-License-Identifier: MIT
/*
 * /proc/PID/fdinfo/FD has the keys of the kernel's drm-usage-stats.rst, and they
 * follow what the file does.
 */
#include "npu.h"

#include "kselftest_harness.h"

FIXTURE(fdinfo)
{
	struct npu_client client;
	char text[4096];
};

FIXTURE_SETUP(fdinfo)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
}

FIXTURE_TEARDOWN(fdinfo)
{
	npu_client_close(&self->client);
}

static void read_fdinfo(int fd, char text[4096])
{
	char path[64];
	FILE *file;
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	if (file) {
		size = fread(text, 1, 4095, file);
		fclose(file);
	}
	text[size] = 0;
}

/* What stands behind "KEY:", or NULL. */
static const char *find(const char *text, const char *key)
{
	size_t length = strlen(key);

	while (text) {
		if (!strncmp(text, key, length) && text[length] == ':')
			return text + length + 1 + strspn(text + length + 1,
							  " \t");
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return NULL;
}

/* A number of bytes, with its unit; UINT64_MAX if the key is not there. */
static __u64 find_bytes(const char *text, const char *key)
{
	const char *value = find(text, key);
	char unit[8] = "";
	unsigned long long number;

	if (!value || sscanf(value, "%llu %7s", &number, unit) < 1)
		return UINT64_MAX;
	if (!strcmp(unit, "KiB"))
		return number << 10;
	if (!strcmp(unit, "MiB"))
		return number << 20;
	return number;
}

static __u64 find_number(const char *text, const char *key)
{
	const char *value = find(text, key);

	return value ? strtoull(value, NULL, 10) : UINT64_MAX;
}

TEST_F(fdinfo, the_device_and_client_are_named)
{
	const char *value;

	read_fdinfo(self->client.fd, self->text);
	value = find(self->text, "drm-driver");
	ASSERT_NE(NULL, value);
	EXPECT_EQ(0, strncmp(value, "tinynpu\n", 8));
	EXPECT_NE(UINT64_MAX, find_number(self->text, "drm-client-id"));
	value = find(self->text, "drm-pdev");
	ASSERT_NE(NULL, value);
	EXPECT_EQ(':', value[4]);
	EXPECT_EQ(':', value[7]);
	EXPECT_EQ('.', value[10]);
}

TEST_F(fdinfo, clients_have_different_ids)
{
	struct npu_client other;
	__u64 id;

	ASSERT_EQ(0, npu_client_open(&other));
	read_fdinfo(self->client.fd, self->text);
	id = find_number(self->text, "drm-client-id");
	read_fdinfo(other.fd, self->text);
	EXPECT_NE(id, find_number(self->text, "drm-client-id"));
	npu_client_close(&other);
}

TEST_F(fdinfo, engine_time_is_the_jobs_cycles)
{
	struct drm_tnpu_query_device info;
	struct drm_tnpu_queue_state state;
	__u64 ns;
	int i;

	ASSERT_EQ(0, npu_query(self->client.fd, &info));
	read_fdinfo(self->client.fd, self->text);
	EXPECT_EQ(0, find_number(self->text, "drm-engine-npu"));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(200000)));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->client.queue,
				     &state));
	read_fdinfo(self->client.fd, self->text);
	EXPECT_EQ(state.cycles, find_number(self->text, "drm-cycles-npu"));
	ns = state.cycles * 1000000 / info.clock_khz;
	EXPECT_EQ(ns, find_number(self->text, "drm-engine-npu"));
	EXPECT_GE(ns, 5 * 200000ull * 1000000 / info.clock_khz);
	EXPECT_EQ((__u64)info.clock_khz,
		  find_number(self->text, "drm-maxfreq-npu"));
}

/* Time of queues that are gone is not forgotten. */
TEST_F(fdinfo, engine_time_survives_queues)
{
	__u64 before;

	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(100000)));
	read_fdinfo(self->client.fd, self->text);
	before = find_number(self->text, "drm-cycles-npu");
	ASSERT_EQ(0, npu_client_new_queue(&self->client));
	read_fdinfo(self->client.fd, self->text);
	EXPECT_EQ(before, find_number(self->text, "drm-cycles-npu"));
	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(100000)));
	read_fdinfo(self->client.fd, self->text);
	EXPECT_EQ(2 * before, find_number(self->text, "drm-cycles-npu"));
}

TEST_F(fdinfo, memory_is_counted)
{
	const __u64 size = 4 << 20;
	__u64 total;
	__u32 handle;
	void *bytes;

	read_fdinfo(self->client.fd, self->text);
	total = find_bytes(self->text, "drm-total-memory");
	ASSERT_NE(UINT64_MAX, total);
	EXPECT_LE(NPU_BUFFER_SIZE, total);
	ASSERT_EQ(0, npu_bo_create(self->client.fd, size, &handle));
	bytes = npu_bo_mmap(self->client.fd, handle, size);
	ASSERT_NE(MAP_FAILED, bytes);
	memset(bytes, 1, size);
	read_fdinfo(self->client.fd, self->text);
	EXPECT_EQ(total + size, find_bytes(self->text, "drm-total-memory"));
	EXPECT_EQ(total + size, find_bytes(self->text, "drm-resident-memory"));
	ASSERT_EQ(0, munmap(bytes, size));
	ASSERT_EQ(0, npu_bo_close(self->client.fd, handle));
	read_fdinfo(self->client.fd, self->text);
	EXPECT_EQ(total, find_bytes(self->text, "drm-total-memory"));
}

/* It is the process's, and stays where it is. */
TEST_F(fdinfo, user_memory_is_counted)
{
	const __u64 size = 1 << 20;
	struct drm_tnpu_bo_userptr args = { .size = size };
	__u64 resident;
	void *bytes;

	bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, bytes);
	read_fdinfo(self->client.fd, self->text);
	resident = find_bytes(self->text, "drm-resident-memory");
	args.addr = (uintptr_t)bytes;
	ASSERT_EQ(0, npu_ioctl(self->client.fd, DRM_IOCTL_TNPU_BO_USERPTR,
			       &args));
	read_fdinfo(self->client.fd, self->text);
	EXPECT_EQ(resident + size,
		  find_bytes(self->text, "drm-resident-memory"));
	ASSERT_EQ(0, npu_bo_close(self->client.fd, args.handle));
	read_fdinfo(self->client.fd, self->text);
	EXPECT_EQ(resident, find_bytes(self->text, "drm-resident-memory"));
}

TEST_HARNESS_MAIN
