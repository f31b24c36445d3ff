/* SPDX-License-Identifier: GPL-2.0-only */
/* What cores, clients and queues have done, as the firmware counts it. */
#ifndef TNPU_COUNTERS_H
#define TNPU_COUNTERS_H

#include <linux/mutex.h>
#include <npu/ring.h>

struct tnpu_device;

/**
 * struct tnpu_counters - where the firmware writes its counters
 * @lock: guards @memory; taken before reset_sem
 * @memory: shared with the firmware
 * @dma: its bus address
 */
struct tnpu_counters {
	struct mutex lock; /* memory */
	struct npu_counters *memory;
	dma_addr_t dma;
};

int tnpu_counters_init(struct tnpu_device *tdev);
int tnpu_counters_peek(struct tnpu_device *tdev, struct npu_counters *counters);
int tnpu_counters_read(struct tnpu_device *tdev, struct npu_counters *counters);

#endif
