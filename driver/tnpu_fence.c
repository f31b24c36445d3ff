// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fences of jobs and binds. Allocated when everything may still fail, initialised
 * at the point of no return, signalled by whoever ends what they stand for. They
 * refer to nothing that can go away but this module, of which each holds a
 * reference.
 */

#include "tnpu_fence.h"

#include <linux/module.h>
#include <linux/slab.h>

static const char *tnpu_fence_driver_name(struct dma_fence *fence)
{
	return "tinynpu";
}

static const char *tnpu_fence_timeline_name(struct dma_fence *fence)
{
	return "job";
}

static void tnpu_fence_release(struct dma_fence *fence)
{
	dma_fence_free(fence);
	module_put(THIS_MODULE);
}

static const struct dma_fence_ops tnpu_fence_ops = {
	.get_driver_name = tnpu_fence_driver_name,
	.get_timeline_name = tnpu_fence_timeline_name,
	.release = tnpu_fence_release,
};

/**
 * tnpu_fence_alloc() - get the memory of a fence
 *
 * Return: a fence for tnpu_fence_init() and tnpu_fence_put(), or NULL.
 */
struct tnpu_fence *tnpu_fence_alloc(void)
{
	return kzalloc(sizeof(struct tnpu_fence), GFP_KERNEL);
}

/**
 * tnpu_fence_init() - make it a fence, which has to be signalled
 * @fence: from tnpu_fence_alloc()
 * @context: timeline
 * @seqno: its number there
 */
void tnpu_fence_init(struct tnpu_fence *fence, u64 context, u64 seqno)
{
	__module_get(THIS_MODULE); /* until tnpu_fence_release() */
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &tnpu_fence_ops, &fence->lock, context,
		       seqno);
}

/**
 * tnpu_fence_put() - give a reference up
 * @fence: fence, initialised or not
 */
void tnpu_fence_put(struct tnpu_fence *fence)
{
	if (fence->base.ops)
		dma_fence_put(&fence->base);
	else
		kfree(fence);
}
