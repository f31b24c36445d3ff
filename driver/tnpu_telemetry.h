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
 * @clock_khz: of the cores then, or 0
 * @throttle: why it was less than it could be, NPU_THROTTLE_*
 * @temperature_mc: of the die then
 * @last_idle_fj: energy of cores without jobs, as the firmware said last
 * @idle_before_fj: what it had said last before each restart, in sum
 * @last: likewise, of the cores' jobs
 * @before: as @idle_before_fj
 */
struct tnpu_telemetry {
	struct mutex lock; /* the rest */
	u32 boots;
	u64 time_ns;
	u32 is_busy;
	u32 clock_khz;
	u32 throttle;
	s32 temperature_mc;
	u64 last_idle_fj;
	u64 idle_before_fj;
	struct tnpu_work last[NPU_MAX_CORES];
	struct tnpu_work before[NPU_MAX_CORES];
};

/**
 * struct tnpu_sample - the cores' work at a time
 * @time_ns: which, by the machine's clock
 * @is_busy: cores that have a job, a bit each
 * @clock_khz: of the cores; 0 if the firmware does not say, nor the next two
 * @throttle: NPU_THROTTLE_*
 * @temperature_mc: of the die
 * @energy_fj: of all cores since the device was bound, those without jobs included
 * @core: work of each since then
 */
struct tnpu_sample {
	u64 time_ns;
	u32 is_busy;
	u32 clock_khz;
	u32 throttle;
	s32 temperature_mc;
	u64 energy_fj;
	struct tnpu_work core[NPU_MAX_CORES];
};

int tnpu_telemetry_init(struct tnpu_device *tdev);
void tnpu_telemetry_add(struct tnpu_work *sum, const struct tnpu_work *work);
void tnpu_telemetry_keep(struct tnpu_device *tdev);
int tnpu_telemetry_read(struct tnpu_device *tdev, struct tnpu_sample *sample);

#endif
