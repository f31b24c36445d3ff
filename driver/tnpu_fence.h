/* SPDX-License-Identifier: GPL-2.0-only */
/* Fences: what others wait for, be it a job or a change of an address space. */
#ifndef TNPU_FENCE_H
#define TNPU_FENCE_H

#include <linux/dma-fence.h>
#include <linux/spinlock.h>

/**
 * struct tnpu_fence - the end of a job or of a bind
 * @base: fence
 * @lock: of @base
 */
struct tnpu_fence {
	struct dma_fence base;
	spinlock_t lock; /* of base */
};

struct tnpu_fence *tnpu_fence_alloc(void);
void tnpu_fence_init(struct tnpu_fence *fence, u64 context, u64 seqno);
void tnpu_fence_put(struct tnpu_fence *fence);

#endif
