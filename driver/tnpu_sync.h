/* SPDX-License-Identifier: GPL-2.0-only */
/* Syncobjs that an ioctl names: what to wait for, what to signal. */
#ifndef TNPU_SYNC_H
#define TNPU_SYNC_H

#include <linux/types.h>

struct dma_fence;
struct drm_file;
struct tnpu_out_sync;

/**
 * struct tnpu_outs - syncobjs to signal
 * @syncs: they and what is needed to signal them, or NULL
 * @count: how many
 */
struct tnpu_outs {
	struct tnpu_out_sync *syncs;
	u32 count;
};

int tnpu_sync_find_ins(struct drm_file *file, u64 pointer, u32 count,
		       int (*add)(void *priv, struct dma_fence *fence),
		       void *priv);
int tnpu_sync_find_outs(struct drm_file *file, u64 pointer, u32 count,
			struct tnpu_outs *outs);
void tnpu_sync_push_outs(struct tnpu_outs *outs, struct dma_fence *fence);
void tnpu_sync_free_outs(struct tnpu_outs *outs);

#endif
