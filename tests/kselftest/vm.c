// SPDX-License-Identifier: MIT
/*
 * Address spaces of a file: their limits, that they are apart, who keeps them.
 */
#include "npu.h"

#include "kselftest_harness.h"

#define ADDR 0x40000000ull

FIXTURE(vm)
{
	struct npu_client client;
	int fd;
};

FIXTURE_SETUP(vm)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
	self->fd = self->client.fd;
}

FIXTURE_TEARDOWN(vm)
{
	npu_client_close(&self->client);
}

static int map_in(int fd, __u32 vm, __u32 handle, __u64 addr, __u64 size)
{
	struct drm_tnpu_vm_bind bind = {
		.op = DRM_TNPU_VM_BIND_MAP, .handle = handle, .vm = vm,
		.addr = addr, .size = size,
	};

	return npu_ioctl(fd, DRM_IOCTL_TNPU_VM_BIND, &bind);
}

static int queue_in(int fd, __u32 vm, __u32 *queue)
{
	struct drm_tnpu_queue_create create = { .vm = vm };
	int ret = npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &create);

	*queue = create.queue;
	return ret;
}

TEST_F(vm, each_rule_is_kept)
{
	struct drm_tnpu_vm_create create = { .flags = 1 };
	struct drm_tnpu_vm_destroy destroy = { .pad = 1 };

	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_TNPU_VM_CREATE,
				     &create));
	ASSERT_EQ(0, npu_vm_create(self->fd, &destroy.vm));
	EXPECT_NE(0, destroy.vm);
	EXPECT_EQ(-EINVAL, npu_ioctl(self->fd, DRM_IOCTL_TNPU_VM_DESTROY,
				     &destroy));
	EXPECT_EQ(-EINVAL, npu_vm_destroy(self->fd, 0));
	EXPECT_EQ(-ENOENT, npu_vm_destroy(self->fd, destroy.vm + 1));
	EXPECT_EQ(0, npu_vm_destroy(self->fd, destroy.vm));
	EXPECT_EQ(-ENOENT, npu_vm_destroy(self->fd, destroy.vm));
}

TEST_F(vm, a_file_has_so_many)
{
	__u32 vms[DRM_TNPU_MAX_VMS], more;
	struct drm_tnpu_query_device info;
	int i;

	ASSERT_EQ(0, npu_query(self->fd, &info));
	EXPECT_EQ(DRM_TNPU_MAX_VMS, info.max_vms);
	for (i = 0; i < DRM_TNPU_MAX_VMS; i++)
		ASSERT_EQ(0, npu_vm_create(self->fd, &vms[i]));
	EXPECT_EQ(-EMFILE, npu_vm_create(self->fd, &more));
	ASSERT_EQ(0, npu_vm_destroy(self->fd, vms[3]));
	EXPECT_EQ(0, npu_vm_create(self->fd, &more));
	EXPECT_EQ(-EMFILE, npu_vm_create(self->fd, &more));
}

/* One address, two spaces, two buffers: each queue sees its own. */
TEST_F(vm, they_are_apart)
{
	__u32 handle, queue, vm, first = self->client.queue;
	int fd = self->fd;

	ASSERT_EQ(0, npu_vm_create(fd, &vm));
	ASSERT_EQ(0, queue_in(fd, vm, &queue));
	/* Commands and data at the same place, and a page more in this one. */
	ASSERT_EQ(0, map_in(fd, vm, self->client.handle, NPU_BASE,
			    NPU_BUFFER_SIZE));
	ASSERT_EQ(0, npu_bo_create(fd, NPU_PAGE, &handle));
	ASSERT_EQ(0, map_in(fd, vm, handle, ADDR, NPU_PAGE));
	npu_regions(&self->client)[0] = (struct npu_region){ ADDR, NPU_PAGE };
	self->client.queue = queue;
	EXPECT_EQ(0, npu_run_command(&self->client, npu_fill(0, 0, 64, 1)));
	self->client.queue = first;
	EXPECT_EQ(-EFAULT, npu_run_command(&self->client,
					   npu_fill(0, 0, 64, 1)));
}

TEST_F(vm, it_stays_while_a_queue_uses_it)
{
	__u32 vm, queue;

	ASSERT_EQ(0, npu_vm_create(self->fd, &vm));
	ASSERT_EQ(0, map_in(self->fd, vm, self->client.handle, NPU_BASE,
			    NPU_BUFFER_SIZE));
	ASSERT_EQ(0, queue_in(self->fd, vm, &queue));
	EXPECT_EQ(-EBUSY, npu_vm_destroy(self->fd, vm));
	ASSERT_EQ(0, npu_queue_destroy(self->fd, self->client.queue));
	self->client.queue = queue;
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	ASSERT_EQ(0, npu_queue_destroy(self->fd, queue));
	EXPECT_EQ(0, npu_vm_destroy(self->fd, vm));
	EXPECT_EQ(-ENOENT, queue_in(self->fd, vm, &queue));
	EXPECT_EQ(-ENOENT, map_in(self->fd, vm, self->client.handle, NPU_BASE,
				  NPU_BUFFER_SIZE));
}

/* Fifty in turn take one number of the device; nobody sees another's memory. */
TEST_F(vm, a_new_one_is_empty)
{
	__u32 vm, queue, handle;
	int i;

	ASSERT_EQ(0, npu_queue_destroy(self->fd, self->client.queue));
	ASSERT_EQ(0, npu_bo_create(self->fd, NPU_PAGE, &handle));
	npu_regions(&self->client)[0] = (struct npu_region){ ADDR, NPU_PAGE };
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, npu_vm_create(self->fd, &vm));
		ASSERT_EQ(0, map_in(self->fd, vm, self->client.handle, NPU_BASE,
				    NPU_BUFFER_SIZE));
		if (!(i % 2))
			ASSERT_EQ(0, map_in(self->fd, vm, handle, ADDR,
					    NPU_PAGE));
		ASSERT_EQ(0, queue_in(self->fd, vm, &queue));
		self->client.queue = queue;
		EXPECT_EQ(i % 2 ? -EFAULT : 0,
			  npu_run_command(&self->client,
					  npu_fill(0, 0, 64, 1)));
		ASSERT_EQ(0, npu_queue_destroy(self->fd, queue));
		ASSERT_EQ(0, npu_vm_destroy(self->fd, vm));
	}
}

TEST_F(vm, numbers_are_of_one_file)
{
	int other = npu_open();
	__u32 vm, queue;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, npu_vm_create(self->fd, &vm));
	EXPECT_EQ(-ENOENT, npu_vm_destroy(other, vm));
	EXPECT_EQ(-ENOENT, queue_in(other, vm, &queue));
	close(other);
}

TEST_HARNESS_MAIN
