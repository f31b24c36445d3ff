// SPDX-License-Identifier: MIT
/*
 * QUERY: sizes are negotiated, values make sense, everything else is refused.
 */
#include "npu.h"

#include "kselftest_harness.h"

FIXTURE(device)
{
	int fd;
};

FIXTURE_SETUP(device)
{
	self->fd = npu_open();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(device)
{
	close(self->fd);
}

static int query(int fd, __u32 kind, void *data, __u32 *size)
{
	struct drm_tnpu_query args = {
		.kind = kind, .size = *size, .data = (uintptr_t)data,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_TNPU_QUERY, &args);

	*size = args.size;
	return ret;
}

TEST_F(device, values_make_sense)
{
	struct drm_tnpu_query_device info;

	ASSERT_EQ(0, npu_query(self->fd, &info));
	EXPECT_EQ(1, info.hw_version >> 16);
	EXPECT_EQ(3, info.firmware_abi);
	EXPECT_GE(info.cores, 1);
	EXPECT_LE(info.cores, 4);
	EXPECT_GE(info.macs, 32);
	EXPECT_GE(info.sram_size, NPU_SRAM_MIN);
	EXPECT_LE(info.sram_size, NPU_SRAM_MAX);
	EXPECT_GE(info.clock_khz, 1000);
	EXPECT_GE(info.mem_bw, 1);
	EXPECT_GE(info.sram_bw, 1);
	EXPECT_EQ(DRM_TNPU_VA_BITS, info.va_bits);
	EXPECT_EQ(DRM_TNPU_PAGE_SIZE, info.page_size);
	EXPECT_EQ(DRM_TNPU_MAX_QUEUES, info.max_queues);
	EXPECT_EQ(3, info.max_priority);
	EXPECT_GT(info.job_timeout_ms, 0);
	EXPECT_NE(NULL, memchr(info.firmware_name, 0,
			       sizeof(info.firmware_name)));
	EXPECT_NE(0, info.firmware_name[0]);
	EXPECT_EQ(0, info.restricted);
}

TEST_F(device, without_a_buffer_the_size_is_told)
{
	__u32 size = 0;

	ASSERT_EQ(0, query(self->fd, DRM_TNPU_QUERY_DEVICE, NULL, &size));
	EXPECT_EQ(sizeof(struct drm_tnpu_query_device), size);
}

TEST_F(device, a_smaller_buffer_gets_the_beginning)
{
	struct drm_tnpu_query_device info;
	__u32 size = 12;
	__u8 part[16];

	ASSERT_EQ(0, npu_query(self->fd, &info));
	memset(part, 0xa5, sizeof(part));
	ASSERT_EQ(0, query(self->fd, DRM_TNPU_QUERY_DEVICE, part, &size));
	EXPECT_EQ(sizeof(info), size);
	EXPECT_EQ(0, memcmp(part, &info, 12));
	EXPECT_EQ(0xa5, part[12]);
	EXPECT_EQ(0xa5, part[15]);
}

TEST_F(device, the_rest_of_a_larger_buffer_is_cleared)
{
	struct {
		struct drm_tnpu_query_device info;
		__u8 rest[16];
		__u8 guard;
	} buffer;
	__u32 size = offsetof(typeof(buffer), guard);
	int i;

	memset(&buffer, 0xa5, sizeof(buffer));
	ASSERT_EQ(0, query(self->fd, DRM_TNPU_QUERY_DEVICE, &buffer, &size));
	EXPECT_EQ(sizeof(buffer.info), size);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(0, buffer.rest[i]);
	EXPECT_EQ(0xa5, buffer.guard);
}

TEST_F(device, a_shorter_struct_counts_as_extended_by_zeros)
{
	struct {
		__u32 kind;
		__u32 size;
	} args = { DRM_TNPU_QUERY_DEVICE, 0 };

	ASSERT_EQ(0, npu_ioctl(self->fd,
			       DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_QUERY,
					typeof(args)), &args));
	EXPECT_EQ(sizeof(struct drm_tnpu_query_device), args.size);
}

TEST_F(device, unknown_kinds_are_refused)
{
	__u32 size = 0;

	EXPECT_EQ(-EINVAL, query(self->fd, 1, NULL, &size));
	EXPECT_EQ(-EINVAL, query(self->fd, UINT32_MAX, NULL, &size));
}

TEST_F(device, bad_pointers_are_refused)
{
	__u32 size = sizeof(struct drm_tnpu_query_device);

	EXPECT_EQ(-EFAULT, query(self->fd, DRM_TNPU_QUERY_DEVICE, (void *)8,
				 &size));
	EXPECT_EQ(-EFAULT, npu_ioctl(self->fd, DRM_IOCTL_TNPU_QUERY,
				     (void *)8));
}

TEST_F(device, unknown_calls_are_refused)
{
	__u64 arg[16] = { 0 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd,
				     DRM_IOWR(DRM_COMMAND_BASE + 0x20,
					      typeof(arg)), arg));
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd,
				     DRM_IOWR(DRM_COMMAND_BASE + 0x3f,
					      typeof(arg)), arg));
}

/* As programs have them that were built with the first version of the header. */
TEST_F(device, shorter_structs_mean_what_they_meant)
{
	struct {
		__u32 priority, flags, queue, pad;
	} create = { 0 };
	struct {
		__u32 op, flags, handle, pad;
		__u64 addr, size, bo_offset;
	} bind = { .addr = NPU_BASE, .size = NPU_BUFFER_SIZE };
	struct {
		__u32 queue, flags;
		__u64 commands, regions, result;
		__u32 command_count, region_count;
		__u64 in_syncs, out_syncs;
		__u32 in_sync_count, out_sync_count;
	} submit = { .commands = NPU_COMMANDS, .regions = NPU_REGIONS,
		     .result = NPU_RESULT, .command_count = 1 };
	struct drm_tnpu_sync out = { .handle = npu_syncobj(self->fd) };
	struct npu_client client = { .fd = self->fd };

	ASSERT_EQ(0, npu_bo_create(self->fd, NPU_BUFFER_SIZE, &bind.handle));
	client.buffer = npu_bo_mmap(self->fd, bind.handle, NPU_BUFFER_SIZE);
	ASSERT_NE(MAP_FAILED, client.buffer);
	npu_commands(&client)[0] = npu_nop(1);
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOW(DRM_COMMAND_BASE +
						 DRM_TNPU_VM_BIND,
						 typeof(bind)), &bind));
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOWR(DRM_COMMAND_BASE +
						  DRM_TNPU_QUEUE_CREATE,
						  typeof(create)), &create));
	submit.queue = create.queue;
	submit.out_syncs = (uintptr_t)&out;
	submit.out_sync_count = 1;
	EXPECT_EQ(0, npu_ioctl(self->fd, DRM_IOW(DRM_COMMAND_BASE +
						 DRM_TNPU_SUBMIT,
						 typeof(submit)), &submit));
	EXPECT_EQ(0, npu_outcome(self->fd, out.handle));
	EXPECT_EQ(NPU_JOB_OK, npu_result(&client)->status);
}

TEST_F(device, who_has_no_privilege_gets_low_priorities)
{
	struct drm_tnpu_query_device info;

	if (geteuid())
		SKIP(return, "needs root, to give it up");
	ASSERT_EQ(0, seteuid(65534));
	ASSERT_EQ(0, npu_query(self->fd, &info));
	EXPECT_EQ(1, info.max_priority);
	ASSERT_EQ(0, seteuid(0));
}

TEST_HARNESS_MAIN
