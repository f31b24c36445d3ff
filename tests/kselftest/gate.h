/* SPDX-License-Identifier: MIT */
/*
 * A gate: a fence of another driver that stays unsignalled until the test opens
 * it, or for ten seconds. It is vgem's, which has fences for such tests; they
 * are attached to a buffer, and the buffer's fences made a syncobj's. One for longer
 * is sw_sync's, where the kernel has that.
 */
#ifndef NPU_SELFTEST_GATE_H
#define NPU_SELFTEST_GATE_H

#include "npu.h"

#include <linux/dma-buf.h>

/* vgem's interface, whose header libdrm does not install. */
struct gate_vgem_attach {
	__u32 handle;
	__u32 flags; /* 1: of a writer */
	__u32 fence;
	__u32 pad;
};

struct gate_vgem_signal {
	__u32 fence;
	__u32 flags;
};

#define GATE_IOCTL_VGEM_ATTACH \
	DRM_IOWR(DRM_COMMAND_BASE + 1, struct gate_vgem_attach)
#define GATE_IOCTL_VGEM_SIGNAL \
	DRM_IOW(DRM_COMMAND_BASE + 2, struct gate_vgem_signal)

/* sw_sync's interface, which has no header. */
#define GATE_SW_SYNC "/sys/kernel/debug/sync/sw_sync"

struct gate_sw_sync_create {
	__u32 value;
	char name[32];
	__s32 fence;
};

#define GATE_IOCTL_SW_SYNC_CREATE _IOWR('W', 0, struct gate_sw_sync_create)
#define GATE_IOCTL_SW_SYNC_INC _IOW('W', 1, __u32)

/**
 * struct gate - a fence to be signalled by the test
 * @fd: vgem's file
 * @handle: a buffer there
 * @dma_buf: the buffer, exported
 * @fence: vgem's number of the fence
 * @timeline: sw_sync's, or negative
 * @value: of the timeline when the gate is open
 */
struct gate {
	int fd;
	__u32 handle;
	int dma_buf;
	__u32 fence;
	int timeline;
	__u32 value;
};

static inline bool gate_is_vgem(int fd)
{
	char name[16] = "";
	struct drm_version version = {
		.name = name, .name_len = sizeof(name) - 1,
	};

	return !npu_ioctl(fd, DRM_IOCTL_VERSION, &version) &&
	       !strcmp(name, "vgem");
}

/* vgem's device, or -ENODEV. */
static inline int gate_open_vgem(void)
{
	char path[32];
	int i, fd;

	if (system("modprobe -q vgem"))
		return -ENODEV;
	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (gate_is_vgem(fd))
			return fd;
		close(fd);
	}
	return -ENODEV;
}

/* A buffer of @size bytes, and it exported; 0 or -errno. */
static inline int gate_create(struct gate *gate, __u32 size)
{
	struct drm_mode_create_dumb dumb = {
		.height = 1, .width = size, .bpp = 8,
	};
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret;

	*gate = (struct gate){
		.fd = gate_open_vgem(), .dma_buf = -1,
		.timeline = -1,
	};
	if (gate->fd < 0)
		return gate->fd;
	ret = npu_ioctl(gate->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);
	if (ret)
		return ret;
	prime.handle = dumb.handle;
	gate->handle = dumb.handle;
	ret = npu_ioctl(gate->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	gate->dma_buf = prime.fd;
	return ret;
}

/* A gate that stays shut however slow the machine is, if possible; 0 or -errno. */
static inline int gate_create_lasting(struct gate *gate)
{
	int timeline = open(GATE_SW_SYNC, O_RDWR | O_CLOEXEC);

	if (timeline < 0)
		return gate_create(gate, NPU_PAGE);
	*gate = (struct gate){
		.fd = -1, .dma_buf = -1, .timeline = timeline,
	};
	return 0;
}

static inline void gate_destroy(struct gate *gate)
{
	if (gate->dma_buf >= 0)
		close(gate->dma_buf);
	if (gate->fd >= 0)
		close(gate->fd);
	if (gate->timeline >= 0)
		close(gate->timeline);
}

/* The fence as it is now, as a file; or -errno. */
static inline int gate_to_file(const struct gate *gate)
{
	struct dma_buf_export_sync_file export = {
		.flags = DMA_BUF_SYNC_RW, .fd = -1,
	};
	struct gate_sw_sync_create create = { .value = gate->value };
	int ret;

	if (gate->timeline >= 0) {
		ret = npu_ioctl(gate->timeline, GATE_IOCTL_SW_SYNC_CREATE,
				&create);
		return ret ? ret : create.fence;
	}
	ret = npu_ioctl(gate->dma_buf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE,
			&export);
	return ret ? ret : export.fd;
}

/* Have the fence, as it is now, be that of a syncobj. */
static inline int gate_to_syncobj(const struct gate *gate, int fd,
				  __u32 syncobj)
{
	struct drm_syncobj_handle import = {
		.handle = syncobj,
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
	};
	int ret;

	import.fd = gate_to_file(gate);
	if (import.fd < 0)
		return import.fd;
	ret = npu_ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import);
	close(import.fd);
	return ret;
}

/* From now on @syncobj of file @fd waits for gate_open(). */
static inline int gate_shut(struct gate *gate, int fd, __u32 syncobj)
{
	struct gate_vgem_attach attach = {
		.handle = gate->handle, .flags = 1,
	};
	int ret;

	gate->value++;
	if (gate->timeline >= 0)
		return gate_to_syncobj(gate, fd, syncobj);
	ret = npu_ioctl(gate->fd, GATE_IOCTL_VGEM_ATTACH, &attach);
	if (ret)
		return ret;
	gate->fence = attach.fence;
	return gate_to_syncobj(gate, fd, syncobj);
}

static inline int gate_open(struct gate *gate)
{
	struct gate_vgem_signal signal = { .fence = gate->fence };
	__u32 one = 1;

	if (gate->timeline >= 0)
		return npu_ioctl(gate->timeline, GATE_IOCTL_SW_SYNC_INC, &one);
	return npu_ioctl(gate->fd, GATE_IOCTL_VGEM_SIGNAL, &signal);
}

#endif
