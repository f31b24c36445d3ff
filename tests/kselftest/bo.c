// SPDX-License-Identifier: MIT
/*
 * Buffers: their limits, their content, who can map them, how they are shared.
 */
#include "npu.h"

#include "kselftest_harness.h"

FIXTURE(bo)
{
	int fd;
	int other;
};

FIXTURE_SETUP(bo)
{
	self->fd = npu_open();
	self->other = npu_open();
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other, 0);
}

FIXTURE_TEARDOWN(bo)
{
	close(self->fd);
	close(self->other);
}

TEST_F(bo, sizes_have_limits)
{
	__u32 handle;

	EXPECT_EQ(-EINVAL, npu_bo_create(self->fd, 0, &handle));
	EXPECT_EQ(-EINVAL, npu_bo_create(self->fd, DRM_TNPU_MAX_BO_SIZE + 1,
					 &handle));
	EXPECT_EQ(-EINVAL, npu_bo_create(self->fd, UINT64_MAX, &handle));
	EXPECT_EQ(0, npu_bo_create(self->fd, DRM_TNPU_MAX_BO_SIZE, &handle));
	EXPECT_EQ(0, npu_bo_close(self->fd, handle));
	EXPECT_EQ(0, npu_bo_create(self->fd, 1, &handle));
}

TEST_F(bo, flags_are_refused)
{
	struct drm_tnpu_bo_create create = { .size = 4096, .flags = 2 };
	struct drm_tnpu_bo_mmap_offset offset = { .flags = 1 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_CREATE,
				     &create));
	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &offset.handle));
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_MMAP_OFFSET,
				     &offset));
	create.flags = DRM_TNPU_BO_IMPORTED;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_CREATE,
				     &create));
	create.flags = 1u << 31;
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_CREATE,
				     &create));
}

/* Also memory that somebody else has just filled and given back. */
TEST_F(bo, memory_is_zeroed)
{
	const __u64 size = 1 << 20;
	__u32 handle;
	__u64 i, round, *words;

	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, npu_bo_create(self->fd, size, &handle));
		words = npu_bo_mmap(self->fd, handle, size);
		ASSERT_NE(MAP_FAILED, words);
		for (i = 0; i < size / 8; i++)
			ASSERT_EQ(0, words[i]);
		memset(words, 0x5a, size);
		ASSERT_EQ(0, munmap(words, size));
		ASSERT_EQ(0, npu_bo_close(self->fd, handle));
	}
}

TEST_F(bo, sizes_are_rounded_up_to_pages)
{
	__u32 handle;
	__u64 offset;
	__u8 *bytes;

	ASSERT_EQ(0, npu_bo_create(self->fd, 4097, &handle));
	bytes = npu_bo_mmap(self->fd, handle, 8192);
	ASSERT_NE(MAP_FAILED, bytes);
	bytes[8191] = 1;
	ASSERT_EQ(0, npu_bo_offset(self->fd, handle, &offset));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 12288, PROT_READ, MAP_SHARED, self->fd,
				   offset));
}

TEST_F(bo, the_content_stays_while_it_is_mapped)
{
	__u32 handle;
	__u8 *bytes;

	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &handle));
	bytes = npu_bo_mmap(self->fd, handle, 4096);
	ASSERT_NE(MAP_FAILED, bytes);
	memset(bytes, 7, 4096);
	ASSERT_EQ(0, npu_bo_close(self->fd, handle));
	EXPECT_EQ(7, bytes[0]);
	EXPECT_EQ(7, bytes[4095]);
}

TEST_F(bo, unknown_handles_are_refused)
{
	__u32 handle;
	__u64 offset;

	EXPECT_EQ(-ENOENT, npu_bo_offset(self->fd, 0, &offset));
	EXPECT_EQ(-ENOENT, npu_bo_offset(self->fd, 12345, &offset));
	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &handle));
	EXPECT_EQ(-ENOENT, npu_bo_offset(self->other, handle, &offset));
	ASSERT_EQ(0, npu_bo_close(self->fd, handle));
	EXPECT_EQ(-ENOENT, npu_bo_offset(self->fd, handle, &offset));
}

TEST_F(bo, foreign_offsets_cannot_be_mapped)
{
	__u32 handle;
	__u64 offset;

	ASSERT_EQ(0, npu_bo_create(self->fd, 4096, &handle));
	ASSERT_EQ(0, npu_bo_offset(self->fd, handle, &offset));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
				   self->other, offset));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd,
				   offset + (1ull << 40)));
}

TEST_F(bo, info_tells_size_and_kind)
{
	struct drm_tnpu_bo_create create = { .size = 5000 };
	struct drm_tnpu_bo_info info = { .handle = 1, .flags = 1 };

	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_CREATE, &create));
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_INFO, &info));
	info = (struct drm_tnpu_bo_info){ .handle = create.handle };
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_INFO, &info));
	EXPECT_EQ(8192, info.size);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(create.handle, info.handle);
	EXPECT_EQ(-ENOENT, npu_ioctl(self->other, DRM_IOCTL_TNPU_BO_INFO,
				     &info));
	create.flags = DRM_TNPU_BO_WC;
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_CREATE, &create));
	info.handle = create.handle;
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_INFO, &info));
	EXPECT_EQ(DRM_TNPU_BO_WC, info.flags);
	info = (struct drm_tnpu_bo_info){ .handle = 4711 };
	EXPECT_EQ(-ENOENT, npu_ioctl(self->fd, DRM_IOCTL_TNPU_BO_INFO, &info));
}

/* Its pages change their attribute and back: ten times, and used each time. */
TEST_F(bo, write_combined_memory_is_shared_with_the_device)
{
	struct drm_tnpu_bo_create create = { .size = 1 << 16,
					     .flags = DRM_TNPU_BO_WC };
	struct npu_client client;
	__u32 *words;
	int i;

	ASSERT_EQ(0, npu_client_open(&client));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, npu_ioctl(client.fd, DRM_IOCTL_TNPU_BO_CREATE,
				       &create));
		words = npu_bo_mmap(client.fd, create.handle, create.size);
		ASSERT_NE(MAP_FAILED, words);
		EXPECT_EQ(0, words[4096]);
		words[0] = 0x01010101 * (i + 1);
		ASSERT_EQ(0, npu_map(client.fd, create.handle, 0x40000000,
				     create.size, 0, 0));
		EXPECT_EQ(i + 1, npu_peek(&client, 0x40000000));
		EXPECT_EQ(0, npu_poke(&client, 0x40000100, 0x77));
		EXPECT_EQ(0x77, words[0x40]);
		ASSERT_EQ(0, npu_unmap(client.fd, 0x40000000, create.size));
		ASSERT_EQ(0, munmap(words, create.size));
		ASSERT_EQ(0, npu_bo_close(client.fd, create.handle));
	}
	npu_client_close(&client);
}

TEST_F(bo, a_dma_buf_shares_the_memory)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	__u8 *here, *there;
	__u32 handle;

	ASSERT_EQ(0, npu_bo_create(self->fd, 8192, &handle));
	here = npu_bo_mmap(self->fd, handle, 8192);
	ASSERT_NE(MAP_FAILED, here);
	prime.handle = handle;
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD,
			       &prime));
	ASSERT_EQ(0, npu_ioctl(self->other, DRM_IOCTL_PRIME_FD_TO_HANDLE,
			       &prime));
	close(prime.fd);
	there = npu_bo_mmap(self->other, prime.handle, 8192);
	ASSERT_NE(MAP_FAILED, there);
	here[5000] = 99;
	EXPECT_EQ(99, there[5000]);
	ASSERT_EQ(0, npu_bo_close(self->fd, handle));
	EXPECT_EQ(99, there[5000]);
}

TEST_HARNESS_MAIN
