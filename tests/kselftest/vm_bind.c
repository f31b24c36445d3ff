// SPDX-License-Identifier: MIT
/*
 * VM_BIND: every rule of the struct, and what the device sees afterwards. The
 * device is asked with jobs that copy a byte from or to an address.
 */
#include "npu.h"

#include "kselftest_harness.h"

#include <sys/sysinfo.h>

#define ADDR 0x40000000ull
#define SIZE (16 * NPU_PAGE)

FIXTURE(vm_bind)
{
	struct npu_client client;
	__u32 handle;
	__u8 *bytes;
};

FIXTURE_SETUP(vm_bind)
{
	unsigned int i;

	ASSERT_EQ(0, npu_client_open(&self->client));
	ASSERT_EQ(0, npu_bo_create(self->client.fd, SIZE, &self->handle));
	self->bytes = npu_bo_mmap(self->client.fd, self->handle, SIZE);
	ASSERT_NE(MAP_FAILED, self->bytes);
	for (i = 0; i < SIZE / NPU_PAGE; i++)
		memset(self->bytes + i * NPU_PAGE, i + 1, NPU_PAGE);
}

FIXTURE_TEARDOWN(vm_bind)
{
	npu_client_close(&self->client);
}

static int bind(int fd, struct drm_tnpu_vm_bind args)
{
	return npu_ioctl(fd, DRM_IOCTL_TNPU_VM_BIND, &args);
}

TEST_F(vm_bind, each_rule_of_map_is_kept)
{
	const struct drm_tnpu_vm_bind good = {
		.op = DRM_TNPU_VM_BIND_MAP, .handle = self->handle,
		.addr = ADDR, .size = NPU_PAGE,
	};
	struct drm_tnpu_vm_bind bad;
	int fd = self->client.fd;

#define REFUSED(error, change) do {		\
		bad = good;			\
		change;				\
		EXPECT_EQ(-(error), bind(fd, bad));	\
	} while (0)

	REFUSED(EINVAL, bad.op = 2);
	REFUSED(EINVAL, bad.flags = 4);
	REFUSED(EINVAL, bad.flags = 1u << 31);
	REFUSED(ENOENT, bad.vm = 1);
	REFUSED(EINVAL, bad.in_syncs = 8);
	REFUSED(EINVAL, bad.out_syncs = 8);
	REFUSED(EINVAL, bad.in_sync_count = 1);
	REFUSED(EINVAL, bad.out_sync_count = 1);
	REFUSED(EINVAL, bad.addr += 1);
	REFUSED(EINVAL, bad.addr += NPU_PAGE / 2);
	REFUSED(EINVAL, bad.size = 0);
	REFUSED(EINVAL, bad.size += 1);
	REFUSED(EINVAL, bad.bo_offset = 1);
	REFUSED(EINVAL, bad.bo_offset = SIZE);
	REFUSED(EINVAL, bad.size = SIZE + NPU_PAGE);
	REFUSED(EINVAL, bad.bo_offset = -NPU_PAGE);
	REFUSED(EINVAL, bad.addr = 1ull << DRM_TNPU_VA_BITS);
	REFUSED(EINVAL, (bad.addr = (1ull << DRM_TNPU_VA_BITS) - NPU_PAGE,
			 bad.size = 2 * NPU_PAGE));
	REFUSED(EINVAL, bad.addr = -NPU_PAGE);
	REFUSED(ENOENT, bad.handle = 0);
	REFUSED(ENOENT, bad.handle = 4711);
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR));
	EXPECT_EQ(0, bind(fd, good));
	EXPECT_EQ(1, npu_peek(&self->client, ADDR));
#undef REFUSED
}

TEST_F(vm_bind, each_rule_of_unmap_is_kept)
{
	const struct drm_tnpu_vm_bind good = {
		.op = DRM_TNPU_VM_BIND_UNMAP, .addr = ADDR, .size = NPU_PAGE,
	};
	struct drm_tnpu_vm_bind bad;
	int fd = self->client.fd;

#define REFUSED(change) do {			\
		bad = good;			\
		change;				\
		EXPECT_EQ(-EINVAL, bind(fd, bad));	\
	} while (0)

	ASSERT_EQ(0, npu_map(fd, self->handle, ADDR, SIZE, 0, 0));
	REFUSED(bad.flags = DRM_TNPU_VM_BIND_READONLY);
	REFUSED(bad.handle = self->handle);
	REFUSED(bad.flags = 1u << 31);
	REFUSED(bad.in_syncs = 8);
	REFUSED(bad.out_sync_count = 1);
	REFUSED(bad.addr += 8);
	REFUSED(bad.size = 0);
	REFUSED(bad.size -= 1);
	REFUSED(bad.bo_offset = NPU_PAGE);
	REFUSED(bad.addr = 1ull << DRM_TNPU_VA_BITS);
	REFUSED(bad.size = -NPU_PAGE);
	EXPECT_EQ(1, npu_peek(&self->client, ADDR));
	EXPECT_EQ(0, bind(fd, good));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR));
#undef REFUSED
}

TEST_F(vm_bind, the_whole_address_space_can_be_used)
{
	const __u64 last = (1ull << DRM_TNPU_VA_BITS) - NPU_PAGE;
	int fd = self->client.fd;

	ASSERT_EQ(0, npu_map(fd, self->handle, 0, NPU_PAGE, 0, 0));
	ASSERT_EQ(0, npu_map(fd, self->handle, last, NPU_PAGE, NPU_PAGE, 0));
	EXPECT_EQ(1, npu_peek(&self->client, 0));
	EXPECT_EQ(2, npu_peek(&self->client, last + NPU_PAGE - 1));
	ASSERT_EQ(0, npu_unmap(fd, 0, 1ull << DRM_TNPU_VA_BITS));
	ASSERT_EQ(0, npu_map(fd, self->client.handle, NPU_BASE,
			     NPU_BUFFER_SIZE, 0, 0));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, 0));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, last));
}

TEST_F(vm_bind, a_part_can_be_unmapped)
{
	int fd = self->client.fd;

	ASSERT_EQ(0, npu_map(fd, self->handle, ADDR, SIZE, 0, 0));
	ASSERT_EQ(0, npu_unmap(fd, ADDR + 4 * NPU_PAGE, 2 * NPU_PAGE));
	EXPECT_EQ(4, npu_peek(&self->client, ADDR + 4 * NPU_PAGE - 1));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR + 4 * NPU_PAGE));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR + 6 * NPU_PAGE - 1));
	EXPECT_EQ(7, npu_peek(&self->client, ADDR + 6 * NPU_PAGE));
	ASSERT_EQ(0, npu_unmap(fd, ADDR - NPU_PAGE, 2 * NPU_PAGE));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR));
	EXPECT_EQ(2, npu_peek(&self->client, ADDR + NPU_PAGE));
	ASSERT_EQ(0, npu_unmap(fd, ADDR + 15 * NPU_PAGE, SIZE));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR + 15 * NPU_PAGE));
	EXPECT_EQ(15, npu_peek(&self->client, ADDR + 14 * NPU_PAGE));
}

TEST_F(vm_bind, nothing_can_be_unmapped)
{
	EXPECT_EQ(0, npu_unmap(self->client.fd, NPU_NOWHERE, SIZE));
	EXPECT_EQ(0, npu_unmap(self->client.fd, NPU_NOWHERE, SIZE));
}

TEST_F(vm_bind, a_mapping_replaces_what_was_there)
{
	int fd = self->client.fd;

	ASSERT_EQ(0, npu_map(fd, self->handle, ADDR, SIZE, 0, 0));
	EXPECT_EQ(6, npu_peek(&self->client, ADDR + 5 * NPU_PAGE));
	ASSERT_EQ(0, npu_map(fd, self->handle, ADDR + 5 * NPU_PAGE, NPU_PAGE,
			     9 * NPU_PAGE, 0));
	EXPECT_EQ(5, npu_peek(&self->client, ADDR + 4 * NPU_PAGE));
	EXPECT_EQ(10, npu_peek(&self->client, ADDR + 5 * NPU_PAGE));
	EXPECT_EQ(7, npu_peek(&self->client, ADDR + 6 * NPU_PAGE));
}

TEST_F(vm_bind, a_page_can_be_mapped_many_times)
{
	int fd = self->client.fd;
	__u64 i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, npu_map(fd, self->handle, ADDR + i * SIZE,
				     NPU_PAGE, 3 * NPU_PAGE, 0));
	ASSERT_EQ(0, npu_poke(&self->client, ADDR, 0xee));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0xee, npu_peek(&self->client, ADDR + i * SIZE));
	EXPECT_EQ(0xee, self->bytes[3 * NPU_PAGE]);
}

TEST_F(vm_bind, readonly_keeps_the_device_from_writing)
{
	int fd = self->client.fd;

	ASSERT_EQ(0, npu_map(fd, self->handle, ADDR, SIZE, 0,
			     DRM_TNPU_VM_BIND_READONLY));
	EXPECT_EQ(1, npu_peek(&self->client, ADDR));
	EXPECT_EQ(-EFAULT, npu_poke(&self->client, ADDR, 0xee));
	EXPECT_EQ(1, self->bytes[0]);
	ASSERT_EQ(0, npu_map(fd, self->handle, ADDR, NPU_PAGE, 0, 0));
	EXPECT_EQ(0, npu_poke(&self->client, ADDR, 0xee));
	EXPECT_EQ(0xee, self->bytes[0]);
	EXPECT_EQ(-EFAULT, npu_poke(&self->client, ADDR + NPU_PAGE, 0xee));
	EXPECT_EQ(2, self->bytes[NPU_PAGE]);
}

TEST_F(vm_bind, a_mapping_keeps_its_buffer)
{
	int fd = self->client.fd;

	ASSERT_EQ(0, npu_map(fd, self->handle, ADDR, SIZE, 0, 0));
	ASSERT_EQ(0, munmap(self->bytes, SIZE));
	ASSERT_EQ(0, npu_bo_close(fd, self->handle));
	EXPECT_EQ(16, npu_peek(&self->client, ADDR + SIZE - 1));
}

/* Regions of 2 MiB and 1 GiB may be large leaves of the page table. */
TEST_F(vm_bind, large_buffers_are_seen_whole)
{
	const __u64 size = 8ull << 20, addr = 1ull << 30;
	int fd = self->client.fd;
	__u32 handle;
	__u8 *bytes;
	__u64 at;

	ASSERT_EQ(0, npu_bo_create(fd, size, &handle));
	bytes = npu_bo_mmap(fd, handle, size);
	ASSERT_NE(MAP_FAILED, bytes);
	for (at = 0; at < size; at += NPU_PAGE)
		bytes[at] = at / NPU_PAGE % 251;
	ASSERT_EQ(0, npu_map(fd, handle, addr, size, 0, 0));
	for (at = 0; at < size; at += 97 * NPU_PAGE)
		EXPECT_EQ(at / NPU_PAGE % 251, npu_peek(&self->client, addr + at));
	ASSERT_EQ(0, npu_unmap(fd, addr + (3ull << 20), NPU_PAGE));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, addr + (3ull << 20)));
	at = (3ull << 20) + NPU_PAGE;
	EXPECT_EQ(at / NPU_PAGE % 251, npu_peek(&self->client, addr + at));
}

/* What the driver's tables hold, of all address spaces; root may ask. */
static bool count_leaves(__u64 *pages, __u64 *large)
{
	FILE *list = popen("cat /sys/kernel/debug/accel/*/vms", "r");
	unsigned long long p, l;
	char line[256];

	*pages = *large = 0;
	while (list && fgets(line, sizeof(line), list)) {
		if (sscanf(strstr(line, "wait, ") ?: "",
			   "wait, %llu leaves of 4 KiB, %llu", &p, &l) != 2)
			continue;
		*pages += p;
		*large += l;
	}
	return list && !pclose(list);
}

#define LARGE (2ull << 20)

/* Memory that is contiguous has leaves of 2 MiB, split when a part goes. */
TEST_F(vm_bind, leaves_are_large_where_memory_allows)
{
	__u64 before, after, none, pages, addr = 1ull << 30;
	int fd = self->client.fd;
	__u32 handle;
	__u8 *bytes;

	if (!count_leaves(&before, &none))
		SKIP(return, "needs root and debugfs");
	ASSERT_EQ(0, npu_bo_create(fd, 8 * LARGE, &handle));
	bytes = npu_bo_mmap(fd, handle, 8 * LARGE);
	ASSERT_NE(MAP_FAILED, bytes);
	bytes[3 * LARGE] = 0x31;
	bytes[3 * LARGE + NPU_PAGE] = 0x32;
	ASSERT_EQ(0, npu_map(fd, handle, addr, 8 * LARGE, 0, 0));
	ASSERT_TRUE(count_leaves(&pages, &after));
	EXPECT_EQ(8 * LARGE, (after - none) * LARGE +
			     (pages - before) * NPU_PAGE);
	if (after - none < 8)
		SKIP(return, "memory is not contiguous");

	EXPECT_EQ(0x31, npu_peek(&self->client, addr + 3 * LARGE));
	ASSERT_EQ(0, npu_unmap(fd, addr + 3 * LARGE, NPU_PAGE));
	ASSERT_TRUE(count_leaves(&pages, &after));
	EXPECT_EQ(7, after - none);
	EXPECT_EQ(511, pages - before);
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, addr + 3 * LARGE));
	EXPECT_EQ(0x32, npu_peek(&self->client, addr + 3 * LARGE + NPU_PAGE));
	EXPECT_EQ(0, npu_peek(&self->client, addr + 4 * LARGE - 1));

	/* Mapped again as a whole, the table of pages is not needed. */
	ASSERT_EQ(0, npu_map(fd, handle, addr + 3 * LARGE, LARGE, 3 * LARGE,
			     0));
	ASSERT_TRUE(count_leaves(&pages, &after));
	EXPECT_EQ(8, after - none);
	EXPECT_EQ(before, pages);
	EXPECT_EQ(0x31, npu_peek(&self->client, addr + 3 * LARGE));

	/* Addresses that are not multiples of 2 MiB. */
	ASSERT_EQ(0, npu_map(fd, handle, addr + NPU_PAGE, 4 * LARGE, 0, 0));
	EXPECT_EQ(0x31, npu_peek(&self->client, addr + 3 * LARGE + NPU_PAGE));
	ASSERT_TRUE(count_leaves(&pages, &after));
	EXPECT_EQ(3, after - none);
	ASSERT_EQ(0, npu_unmap(fd, addr, 8 * LARGE));
	ASSERT_TRUE(count_leaves(&pages, &after));
	EXPECT_EQ(none, after);
	EXPECT_EQ(before, pages);
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, addr + 7 * LARGE));
}

TEST_F(vm_bind, address_spaces_are_apart)
{
	struct npu_client other;

	ASSERT_EQ(0, npu_client_open(&other));
	ASSERT_EQ(0, npu_map(self->client.fd, self->handle, ADDR, SIZE, 0, 0));
	EXPECT_EQ(1, npu_peek(&self->client, ADDR));
	EXPECT_EQ(-EFAULT, npu_peek(&other, ADDR));
	EXPECT_EQ(-ENOENT, npu_map(other.fd, 999, ADDR, SIZE, 0, 0));
	npu_client_close(&other);
}

/* Refused at once, instead of when all other processes have been killed. */
TEST_F(vm_bind, buffers_beyond_memory_are_refused)
{
	struct sysinfo info;
	__u64 half, size;
	__u32 handle;

	ASSERT_EQ(0, sysinfo(&info));
	half = (__u64)info.totalram * info.mem_unit / 2;
	size = half - half % NPU_PAGE + NPU_PAGE;
	if (size > DRM_TNPU_MAX_BO_SIZE)
		SKIP(return, "half of the memory is more than a buffer may have");
	ASSERT_EQ(0, npu_bo_create(self->client.fd, size, &handle));
	EXPECT_EQ(-ENOMEM, npu_map(self->client.fd, handle, ADDR, NPU_PAGE, 0,
				   0));
	EXPECT_EQ(0, npu_map(self->client.fd, self->handle, ADDR, SIZE, 0, 0));
	EXPECT_EQ(1, npu_peek(&self->client, ADDR));
}

TEST_HARNESS_MAIN
