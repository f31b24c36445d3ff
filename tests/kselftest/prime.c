// SPDX-License-Identifier: MIT
/*
 * Memory of others: vgem's and udmabuf's buffers used by the device, ours used by
 * them, and how such buffers are synchronised.
 */
#include "gate.h"
#include "npu.h"

#include "kselftest_harness.h"

#include <linux/udmabuf.h>
#include <poll.h>

#define ADDR 0x40000000ull
#define PAGES 8
#define SIZE (PAGES * NPU_PAGE)

FIXTURE(prime)
{
	struct npu_client client;
	struct gate vgem;
	int fd;
};

FIXTURE_SETUP(prime)
{
	self->vgem = (struct gate){ .fd = -1, .dma_buf = -1, .timeline = -1 };
	ASSERT_EQ(0, npu_client_open(&self->client));
	self->fd = self->client.fd;
}

FIXTURE_TEARDOWN(prime)
{
	npu_client_close(&self->client);
	gate_destroy(&self->vgem);
}

static int import(int fd, int dma_buf, __u32 *handle)
{
	struct drm_prime_handle prime = { .fd = dma_buf };
	int ret = npu_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);

	*handle = prime.handle;
	return ret;
}

static int export(int fd, __u32 handle, int *dma_buf)
{
	struct drm_prime_handle prime = {
		.handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR, .fd = -1,
	};
	int ret = npu_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);

	*dma_buf = prime.fd;
	return ret;
}

/* A dma-buf of @size bytes of a memfd, or -errno; the memory is at *bytes. */
static int udmabuf(__u64 size, __u8 **bytes)
{
	struct udmabuf_create create = { .size = size,
					 .flags = UDMABUF_FLAGS_CLOEXEC };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd = -1, memfd;

	if (dev < 0)
		return -errno;
	memfd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (memfd >= 0 && !ftruncate(memfd, size) &&
	    !fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK)) {
		*bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			      memfd, 0);
		create.memfd = memfd;
		fd = ioctl(dev, UDMABUF_CREATE, &create);
	}
	fd = fd < 0 ? -errno : fd;
	close(memfd);
	close(dev);
	return fd;
}

static int info_flags(int fd, __u32 handle, __u64 *size)
{
	struct drm_tnpu_bo_info info = { .handle = handle };
	int ret = npu_ioctl(fd, DRM_IOCTL_TNPU_BO_INFO, &info);

	*size = info.size;
	return ret ? ret : (int)info.flags;
}

/* The device reads and writes what the CPU sees as @bytes. */
#define EXPECT_SHARED(bytes) do {					\
		(bytes)[0] = 0x11;					\
		(bytes)[SIZE - 1] = 0x22;				\
		EXPECT_EQ(0x11, npu_peek(&self->client, ADDR));		\
		EXPECT_EQ(0x22, npu_peek(&self->client, ADDR + SIZE - 1)); \
		EXPECT_EQ(0, npu_poke(&self->client, ADDR + NPU_PAGE, 0x33)); \
		EXPECT_EQ(0x33, (bytes)[NPU_PAGE]);			\
	} while (0)

TEST_F(prime, memory_of_udmabuf)
{
	__u32 handle;
	__u8 *bytes;
	__u64 size;
	int dma_buf;

	dma_buf = udmabuf(SIZE, &bytes);
	if (dma_buf < 0)
		SKIP(return, "needs udmabuf");
	ASSERT_EQ(0, import(self->fd, dma_buf, &handle));
	close(dma_buf);
	EXPECT_EQ(DRM_TNPU_BO_IMPORTED, info_flags(self->fd, handle, &size));
	EXPECT_EQ(SIZE, size);
	ASSERT_EQ(0, npu_map(self->fd, handle, ADDR, SIZE, 0, 0));
	EXPECT_SHARED(bytes);
	EXPECT_EQ(-EINVAL, npu_map(self->fd, handle, ADDR, SIZE + NPU_PAGE, 0,
				   0));
	/* The mapping keeps the memory. */
	ASSERT_EQ(0, npu_bo_close(self->fd, handle));
	EXPECT_SHARED(bytes);
	ASSERT_EQ(0, npu_unmap(self->fd, ADDR, SIZE));
	EXPECT_EQ(-EFAULT, npu_peek(&self->client, ADDR));
	EXPECT_EQ(0x33, bytes[NPU_PAGE]);
}

TEST_F(prime, memory_of_vgem)
{
	__u32 handle;
	__u8 *bytes;
	__u64 size;

	if (gate_create(&self->vgem, SIZE))
		SKIP(return, "needs vgem");
	bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		     self->vgem.dma_buf, 0);
	ASSERT_NE(MAP_FAILED, bytes);
	ASSERT_EQ(0, import(self->fd, self->vgem.dma_buf, &handle));
	EXPECT_EQ(DRM_TNPU_BO_IMPORTED, info_flags(self->fd, handle, &size));
	EXPECT_EQ(SIZE, size);
	ASSERT_EQ(0, npu_map(self->fd, handle, ADDR, SIZE, 0, 0));
	EXPECT_SHARED(bytes);
	/* The same buffer again is the same handle. */
	ASSERT_EQ(0, import(self->fd, self->vgem.dma_buf, &handle));
	ASSERT_EQ(0, npu_bo_close(self->fd, handle));
	EXPECT_EQ(-EINVAL, npu_bo_close(self->fd, handle));
	EXPECT_SHARED(bytes);
}

static bool is_readable(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	return poll(&pollfd, 1, 0) == 1;
}

/* vgem has the buffer, while file and handle that it is from are gone. */
TEST_F(prime, our_memory_at_vgem)
{
	int dma_buf, other = npu_open();
	__u32 handle;
	__u8 *bytes;

	if (gate_create(&self->vgem, NPU_PAGE))
		SKIP(return, "needs vgem");
	ASSERT_EQ(0, npu_bo_create(other, SIZE, &handle));
	ASSERT_EQ(0, export(other, handle, &dma_buf));
	ASSERT_EQ(0, import(self->vgem.fd, dma_buf, &self->vgem.handle));
	ASSERT_EQ(0, import(self->fd, dma_buf, &handle));
	close(other);
	bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dma_buf,
		     0);
	ASSERT_NE(MAP_FAILED, bytes);
	ASSERT_EQ(0, npu_map(self->fd, handle, ADDR, SIZE, 0, 0));
	ASSERT_EQ(0, npu_bo_close(self->fd, handle));
	EXPECT_SHARED(bytes);
	/* A fence that vgem attaches is the buffer's, and seen by all. */
	EXPECT_TRUE(is_readable(dma_buf, POLLIN));
	ASSERT_EQ(0, gate_shut(&self->vgem, self->fd, npu_syncobj(self->fd)));
	EXPECT_FALSE(is_readable(dma_buf, POLLIN));
	ASSERT_EQ(0, gate_open(&self->vgem));
	EXPECT_TRUE(is_readable(dma_buf, POLLIN));
	ASSERT_EQ(0, npu_unmap(self->fd, ADDR, SIZE));
	EXPECT_EQ(0x33, bytes[NPU_PAGE]);
	close(dma_buf);
}

/* What vgem's writer has attached becomes a syncobj that a job waits for. */
TEST_F(prime, a_job_waits_for_what_is_attached)
{
	struct drm_tnpu_sync in = { .handle = npu_syncobj(self->fd) };
	struct drm_tnpu_sync out = { .handle = npu_syncobj(self->fd) };
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	struct drm_tnpu_queue_state state;
	__u32 handle;

	if (gate_create(&self->vgem, SIZE))
		SKIP(return, "needs vgem");
	ASSERT_EQ(0, import(self->fd, self->vgem.dma_buf, &handle));
	ASSERT_EQ(0, npu_map(self->fd, handle, ADDR, SIZE, 0, 0));
	ASSERT_EQ(0, gate_shut(&self->vgem, self->fd, in.handle));
	npu_commands(&self->client)[0] = npu_nop(1);
	job.in_syncs = (uintptr_t)&in;
	job.out_syncs = (uintptr_t)&out;
	job.in_sync_count = 1;
	job.out_sync_count = 1;
	ASSERT_EQ(0, npu_submit(&self->client, &job));
	EXPECT_FALSE(is_readable(self->vgem.dma_buf, POLLIN));
	ASSERT_EQ(0, npu_queue_state(self->fd, self->client.queue, &state));
	EXPECT_EQ(0, state.completed);
	ASSERT_EQ(0, gate_open(&self->vgem));
	EXPECT_EQ(0, npu_outcome(self->fd, out.handle));
}

/* And a job's fence is attached, so that others wait for the job. */
TEST_F(prime, others_wait_for_a_job)
{
	struct dma_buf_import_sync_file attach = { .flags = DMA_BUF_SYNC_WRITE };
	struct drm_syncobj_handle sync_file = {
		.handle = npu_syncobj(self->fd),
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	struct pollfd pollfd = { .events = POLLIN };

	if (gate_create(&self->vgem, SIZE))
		SKIP(return, "needs vgem");
	npu_commands(&self->client)[0] = npu_never();
	ASSERT_EQ(0, npu_submit_out(&self->client, &job, sync_file.handle, 0));
	ASSERT_EQ(0, npu_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD,
			       &sync_file));
	attach.fd = sync_file.fd;
	ASSERT_EQ(0, npu_ioctl(self->vgem.dma_buf,
			       DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &attach));
	EXPECT_FALSE(is_readable(self->vgem.dma_buf, POLLIN));
	ASSERT_EQ(0, npu_queue_destroy(self->fd, self->client.queue));
	pollfd.fd = self->vgem.dma_buf;
	EXPECT_EQ(1, poll(&pollfd, 1, NPU_PATIENCE_S * 1000));
	close(sync_file.fd);
}

TEST_F(prime, foreign_files_are_refused)
{
	__u32 handle;

	EXPECT_EQ(-EINVAL, import(self->fd, self->fd, &handle));
	EXPECT_EQ(-EBADF, import(self->fd, -1, &handle));
}

TEST_HARNESS_MAIN
