/* SPDX-License-Identifier: GPL-2.0-only */
/* What the cores have done since the device was bound. */
#ifndef TNPU_TELEMETRY_H
#define TNPU_TELEMETRY_H

#include <linux/mutex.h>
#include <npu/regs.h>

struct tnpu_device;

/* Work of a core or of several, as struct npu_work says. */
struct tnpu_work {
	u64 busy_ns;
	u64 cycles;
	u64 energy_fj;
	u64 jobs;
	u64 faults;
	u64 timeouts;
	u64 cancelled;
	u64 preemptions;
};

/**
 * struct tnpu_telemetry - work over all starts of the firmware
 * @lock: guards the rest
 * @boots: start of which @last is
 * @time_ns: the machine's clock when that was read
 * @is_busy: cores that had a job then, a bit each
 * @last: what the firmware said last
 * @before: what it had said last before each restart, in sum
 */
struct tnpu_telemetry {
	struct mutex lock; /* the rest */
	u32 boots;
	u64 time_ns;
	u32 is_busy;
	struct tnpu_work last[NPU_MAX_CORES];
	struct tnpu_work before[NPU_MAX_CORES];
};

/**
 * struct tnpu_sample - the cores' work at a time
 * @time_ns: which, by the machine's clock
 * @is_busy: cores that have a job, a bit each
 * @core: work of each since the device was bound
 */
struct tnpu_sample {
	u64 time_ns;
	u32 is_busy;
	struct tnpu_work core[NPU_MAX_CORES];
};

int tnpu_telemetry_init(struct tnpu_device *tdev);
void tnpu_telemetry_add(struct tnpu_work *sum, const struct tnpu_work *work);
void tnpu_telemetry_keep(struct tnpu_device *tdev);
int tnpu_telemetry_read(struct tnpu_device *tdev, struct tnpu_sample *sample);

#endif
