// SPDX-License-Identifier: MIT
/*
 * Buffers of user memory: their rules, that the device sees these pages whatever
 * happens to the addresses, and that nothing stays pinned.
 */
#include "npu.h"

#include "kselftest_harness.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define ADDR 0x40000000ull
#define SIZE (16 * NPU_PAGE)

FIXTURE(userptr)
{
	struct npu_client client;
	int fd;
	__u8 *bytes;
	__u64 pinned;
};

/* Pages that are pinned now, in the whole machine; 0 for who is not root. */
static __u64 pinned(void)
{
	/* Else what the processors have counted of late is left out. */
	FILE *file = system("cat /proc/sys/vm/stat_refresh") ?
			     NULL : fopen("/proc/vmstat", "r");
	unsigned long long value, acquired = 0, released = 0;
	char name[64];

	while (file && fscanf(file, "%63s %llu", name, &value) == 2) {
		if (!strcmp(name, "nr_foll_pin_acquired"))
			acquired = value;
		if (!strcmp(name, "nr_foll_pin_released"))
			released = value;
	}
	if (file)
		fclose(file);
	return acquired - released;
}

static __u8 *alloc(__u64 size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

FIXTURE_SETUP(userptr)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
	self->fd = self->client.fd;
	self->bytes = alloc(SIZE);
	ASSERT_NE(MAP_FAILED, self->bytes);
	self->pinned = pinned();
}

FIXTURE_TEARDOWN(userptr)
{
	npu_client_close(&self->client);
}

static int make(int fd, const void *addr, __u64 size, __u32 flags,
		__u32 *handle)
{
	struct drm_tnpu_bo_userptr args = {
		.addr = (uintptr_t)addr, .size = size, .flags = flags,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_TNPU_BO_USERPTR, &args);

	*handle = args.handle;
	return ret;
}

TEST_F(userptr, each_rule_is_kept)
{
	__u8 *bytes = self->bytes;
	int fd = self->fd;
	__u32 handle;

	EXPECT_EQ(-EINVAL, make(fd, bytes, 0, 0, &handle));
	EXPECT_EQ(-EINVAL, make(fd, bytes + 8, NPU_PAGE, 0, &handle));
	EXPECT_EQ(-EINVAL, make(fd, bytes, NPU_PAGE + 8, 0, &handle));
	EXPECT_EQ(-EINVAL, make(fd, bytes, NPU_PAGE, 1, &handle));
	EXPECT_EQ(-EINVAL, make(fd, bytes, NPU_PAGE, 1u << 31, &handle));
	EXPECT_EQ(-EINVAL, make(fd, bytes, DRM_TNPU_MAX_BO_SIZE + NPU_PAGE, 0,
				&handle));
	EXPECT_EQ(-EFAULT, make(fd, NULL, NPU_PAGE, 0, &handle));
	EXPECT_EQ(-EFAULT, make(fd, (void *)-NPU_PAGE, NPU_PAGE, 0, &handle));
	EXPECT_EQ(-EFAULT, make(fd, (void *)-NPU_PAGE, 2 * NPU_PAGE, 0,
				&handle));
	/* The last page is not there. */
	ASSERT_EQ(0, munmap(bytes + SIZE - NPU_PAGE, NPU_PAGE));
	EXPECT_EQ(-EFAULT, make(fd, bytes, SIZE, 0, &handle));
	EXPECT_EQ(self->pinned, pinned());
	EXPECT_EQ(0, make(fd, bytes, SIZE - NPU_PAGE, 0, &handle));
	if (!geteuid())
		EXPECT_EQ(self->pinned + SIZE / NPU_PAGE - 1, pinned());
	ASSERT_EQ(0, npu_bo_close(fd, handle));
	EXPECT_EQ(self->pinned, pinned());
}

TEST_F(userptr, the_device_sees_the_memory)
{
	struct drm_tnpu_bo_info info = { 0 };
	__u64 offset;
	__u32 handle;

	self->bytes[0] = 0x41;
	ASSERT_EQ(0, make(self->fd, self->bytes, SIZE, 0, &handle));
	info.handle = handle;
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_INFO, &info));
	EXPECT_EQ(DRM_TNPU_BO_IS_USERPTR, info.flags);
	EXPECT_EQ(SIZE, info.size);
	ASSERT_EQ(0, npu_map(self->fd, handle, ADDR, SIZE, 0, 0));
	EXPECT_EQ(0x41, npu_peek(&self->client, ADDR));
	EXPECT_EQ(0, npu_poke(&self->client, ADDR + SIZE - 1, 0x42));
	EXPECT_EQ(0x42, self->bytes[SIZE - 1]);
	EXPECT_EQ(-EINVAL, npu_bo_offset(self->fd, handle, &offset));
	/* The mapping keeps the pages, its end gives them back. */
	ASSERT_EQ(0, npu_bo_close(self->fd, handle));
	EXPECT_EQ(0x42, npu_peek(&self->client, ADDR + SIZE - 1));
	if (!geteuid())
		EXPECT_EQ(self->pinned + SIZE / NPU_PAGE, pinned());
	npu_client_close(&self->client);
	EXPECT_EQ(self->pinned, pinned());
}

TEST_F(userptr, readonly_memory_is_not_written)
{
	__u32 handle;

	self->bytes[5] = 0x51;
	ASSERT_EQ(0, mprotect(self->bytes, SIZE, PROT_READ));
	EXPECT_EQ(-EFAULT, make(self->fd, self->bytes, SIZE, 0, &handle));
	ASSERT_EQ(0, make(self->fd, self->bytes, SIZE, DRM_TNPU_BO_READONLY,
			  &handle));
	EXPECT_EQ(-EACCES, npu_map(self->fd, handle, ADDR, SIZE, 0, 0));
	ASSERT_EQ(0, npu_map(self->fd, handle, ADDR, SIZE, 0,
			     DRM_TNPU_VM_BIND_READONLY));
	EXPECT_EQ(0x51, npu_peek(&self->client, ADDR + 5));
	EXPECT_EQ(-EFAULT, npu_poke(&self->client, ADDR + 5, 0x52));
	EXPECT_EQ(0x51, self->bytes[5]);
}

TEST_F(userptr, it_cannot_be_exported)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC };

	ASSERT_EQ(0, make(self->fd, self->bytes, SIZE, 0, &prime.handle));
	EXPECT_EQ(-EOPNOTSUPP, npu_ioctl(self->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD,
					 &prime));
}

/* Unmapped, moved, replaced: the device goes on with the pages that it had. */
TEST_F(userptr, addresses_may_change)
{
	__u8 *moved, *target = alloc(SIZE);
	__u32 handle;

	memset(self->bytes, 0x61, SIZE);
	ASSERT_EQ(0, make(self->fd, self->bytes, SIZE, 0, &handle));
	ASSERT_EQ(0, npu_map(self->fd, handle, ADDR, SIZE, 0, 0));
	moved = mremap(self->bytes, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       target);
	ASSERT_EQ(target, moved);
	ASSERT_EQ(self->bytes, mmap(self->bytes, SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				    -1, 0));
	self->bytes[0] = 0x62;
	EXPECT_EQ(0x61, npu_peek(&self->client, ADDR));
	EXPECT_EQ(0, npu_poke(&self->client, ADDR, 0x63));
	EXPECT_EQ(0x63, moved[0]);
	EXPECT_EQ(0x62, self->bytes[0]);
	ASSERT_EQ(0, munmap(moved, SIZE));
	EXPECT_EQ(0x63, npu_peek(&self->client, ADDR));
	EXPECT_EQ(0, npu_poke(&self->client, ADDR, 0x64));
	EXPECT_EQ(0x64, npu_peek(&self->client, ADDR));
	EXPECT_EQ(0x62, self->bytes[0]);
}

TEST_F(userptr, a_child_has_a_copy)
{
	__u32 handle;
	int status;
	pid_t child;

	memset(self->bytes, 0x71, SIZE);
	ASSERT_EQ(0, make(self->fd, self->bytes, SIZE, 0, &handle));
	ASSERT_EQ(0, npu_map(self->fd, handle, ADDR, SIZE, 0, 0));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		self->bytes[0] = 0x72;
		_exit(self->bytes[1] == 0x71 ? 0 : 1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	self->bytes[1] = 0x73; /* no copy on write for the parent */
	EXPECT_EQ(0x71, npu_peek(&self->client, ADDR));
	EXPECT_EQ(0x73, npu_peek(&self->client, ADDR + 1));
}

/* The process that pinned it is gone; who has the file uses it still. */
TEST_F(userptr, its_process_may_exit)
{
	__u32 handle;
	int status;
	pid_t child;

	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		__u8 *bytes = alloc(SIZE);

		memset(bytes, 0x81, SIZE);
		if (make(self->fd, bytes, SIZE, 0, &handle) ||
		    npu_map(self->fd, handle, ADDR, SIZE, 0, 0))
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(0x81, npu_peek(&self->client, ADDR + NPU_PAGE));
	EXPECT_EQ(0, npu_poke(&self->client, ADDR + NPU_PAGE, 0x82));
	EXPECT_EQ(0x82, npu_peek(&self->client, ADDR + NPU_PAGE));
	npu_client_close(&self->client);
	EXPECT_EQ(self->pinned, pinned());
}

static int pin_as_nobody(int fd, __u8 *bytes)
{
	const struct rlimit limit = { 8 * NPU_PAGE, 8 * NPU_PAGE };
	__u32 first, second;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) ||
	    setresuid(65533, 65533, 65533))
		return 1;
	if (make(fd, bytes, 9 * NPU_PAGE, 0, &first) != -ENOMEM)
		return 2;
	if (make(fd, bytes, 5 * NPU_PAGE, 0, &first))
		return 3;
	if (make(fd, bytes, 4 * NPU_PAGE, 0, &second) != -ENOMEM)
		return 4;
	if (make(fd, bytes, 3 * NPU_PAGE, 0, &second) ||
	    npu_bo_close(fd, first) || npu_bo_close(fd, second))
		return 5;
	if (make(fd, bytes, 8 * NPU_PAGE, 0, &first) ||
	    npu_bo_close(fd, first))
		return 6;
	return 0;
}

TEST_F(userptr, pinned_memory_is_limited)
{
	int status;
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root, to give it up");
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(pin_as_nobody(self->fd, self->bytes));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(self->pinned, pinned());
}

TEST_HARNESS_MAIN
