// SPDX-License-Identifier: GPL-2.0-only
/*
 * Syncobjs in arrays of user space, for SUBMIT and VM_BIND. Everything that can
 * fail comes first; tnpu_sync_push_outs() can't.
 */

#include "tnpu_sync.h"

#include <linux/dma-fence-chain.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <drm/drm_file.h>
#include <drm/drm_syncobj.h>
#include <drm/tinynpu_accel.h>

/**
 * struct tnpu_out_sync - a syncobj to signal
 * @syncobj: with a reference
 * @chain: for timelines, else NULL; used up when it is pushed
 * @point: on the timeline
 */
struct tnpu_out_sync {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	u64 point;
};

static struct drm_tnpu_sync *tnpu_sync_copy(u64 pointer, u32 count)
{
	struct drm_tnpu_sync *syncs;
	u32 i;

	if (!count)
		return NULL;
	syncs = memdup_array_user(u64_to_user_ptr(pointer), count,
				  sizeof(*syncs));
	if (IS_ERR(syncs))
		return syncs;
	for (i = 0; i < count; i++) {
		if (syncs[i].flags) {
			kfree(syncs);
			return ERR_PTR(-EINVAL);
		}
	}
	return syncs;
}

/**
 * tnpu_sync_find_ins() - find the fences that syncobjs hold
 * @file: whose they are
 * @pointer: user pointer to struct drm_tnpu_sync[]
 * @count: how many, bounded by the caller
 * @add: takes the reference of a fence, even if it fails
 * @priv: its argument
 *
 * Return: 0 or -errno; what was added before stays.
 */
int tnpu_sync_find_ins(struct drm_file *file, u64 pointer, u32 count,
		       int (*add)(void *priv, struct dma_fence *fence),
		       void *priv)
{
	struct drm_tnpu_sync *syncs;
	struct dma_fence *fence;
	int ret = 0;
	u32 i;

	syncs = tnpu_sync_copy(pointer, count);
	if (IS_ERR(syncs))
		return PTR_ERR(syncs);
	for (i = 0; i < count && !ret; i++) {
		ret = drm_syncobj_find_fence(file, syncs[i].handle,
					     syncs[i].point, 0, &fence);
		if (!ret)
			ret = add(priv, fence);
	}
	kfree(syncs);
	return ret;
}

static int tnpu_sync_find_out(struct drm_file *file,
			      const struct drm_tnpu_sync *sync,
			      struct tnpu_out_sync *out)
{
	out->syncobj = drm_syncobj_find(file, sync->handle);
	if (!out->syncobj)
		return -ENOENT;
	out->point = sync->point;
	if (!out->point)
		return 0;
	out->chain = dma_fence_chain_alloc();
	return out->chain ? 0 : -ENOMEM;
}

/**
 * tnpu_sync_find_outs() - find syncobjs, and all that is needed to signal them
 * @file: whose they are
 * @pointer: user pointer to struct drm_tnpu_sync[]
 * @count: how many, bounded by the caller
 * @outs: set, for tnpu_sync_free_outs() even after an error
 *
 * Return: 0 or -errno.
 */
int tnpu_sync_find_outs(struct drm_file *file, u64 pointer, u32 count,
			struct tnpu_outs *outs)
{
	struct drm_tnpu_sync *syncs;
	int ret = 0;
	u32 i;

	*outs = (struct tnpu_outs){};
	syncs = tnpu_sync_copy(pointer, count);
	if (IS_ERR_OR_NULL(syncs))
		return PTR_ERR_OR_ZERO(syncs);
	outs->syncs = kcalloc(count, sizeof(*outs->syncs), GFP_KERNEL);
	if (outs->syncs)
		outs->count = count;
	else
		ret = -ENOMEM;
	for (i = 0; i < count && !ret; i++)
		ret = tnpu_sync_find_out(file, &syncs[i], &outs->syncs[i]);
	kfree(syncs);
	return ret;
}

/**
 * tnpu_sync_push_outs() - have the syncobjs stand for a fence
 * @outs: syncobjs
 * @fence: that will be signalled
 */
void tnpu_sync_push_outs(struct tnpu_outs *outs, struct dma_fence *fence)
{
	struct tnpu_out_sync *out;
	u32 i;

	for (i = 0; i < outs->count; i++) {
		out = &outs->syncs[i];
		if (out->chain)
			drm_syncobj_add_point(out->syncobj, out->chain, fence,
					      out->point);
		else
			drm_syncobj_replace_fence(out->syncobj, fence);
		out->chain = NULL;
	}
}

void tnpu_sync_free_outs(struct tnpu_outs *outs)
{
	u32 i;

	for (i = 0; i < outs->count; i++) {
		dma_fence_chain_free(outs->syncs[i].chain);
		if (outs->syncs[i].syncobj)
			drm_syncobj_put(outs->syncs[i].syncobj);
	}
	kfree(outs->syncs);
}
