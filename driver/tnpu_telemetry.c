// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work of the cores over all starts of the firmware, which counts from zero after
 * each. Called by tnpu_netlink.c.
 */
#include "tnpu_telemetry.h"

#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <drm/drm_managed.h>

#include "tnpu_counters.h"
#include "tnpu_device.h"

int tnpu_telemetry_init(struct tnpu_device *tdev)
{
	return drmm_mutex_init(&tdev->drm, &tdev->telemetry.lock);
}

static struct tnpu_work tnpu_telemetry_convert(const struct npu_work *work)
{
	return (struct tnpu_work){
		.busy_ns = le64_to_cpu(work->busy_ns),
		.cycles = le64_to_cpu(work->cycles),
		.energy_fj = le64_to_cpu(work->energy_fj),
		.jobs = le64_to_cpu(work->jobs),
		.faults = le32_to_cpu(work->faults),
		.timeouts = le32_to_cpu(work->timeouts),
		.cancelled = le32_to_cpu(work->cancelled),
		.preemptions = le32_to_cpu(work->preemptions),
	};
}

/**
 * tnpu_telemetry_add() - add up
 * @sum: this much, and
 * @work: this much more
 */
void tnpu_telemetry_add(struct tnpu_work *sum, const struct tnpu_work *work)
{
	sum->busy_ns += work->busy_ns;
	sum->cycles += work->cycles;
	sum->energy_fj += work->energy_fj;
	sum->jobs += work->jobs;
	sum->faults += work->faults;
	sum->timeouts += work->timeouts;
	sum->cancelled += work->cancelled;
	sum->preemptions += work->preemptions;
}

/* What start @boots of the firmware has counted. */
static void tnpu_telemetry_take_locked(struct tnpu_telemetry *telemetry,
				       u32 boots,
				       const struct npu_counters *counters)
{
	unsigned int i;

	if (telemetry->boots != boots)
		telemetry->idle_before_fj += telemetry->last_idle_fj;
	telemetry->last_idle_fj = le64_to_cpu(counters->idle_fj);
	for (i = 0; i < NPU_MAX_CORES; i++) {
		if (telemetry->boots != boots)
			tnpu_telemetry_add(&telemetry->before[i],
					   &telemetry->last[i]);
		telemetry->last[i] =
			tnpu_telemetry_convert(&counters->core[i]);
	}
	telemetry->boots = boots;
	telemetry->time_ns = le64_to_cpu(counters->time_ns);
	telemetry->clock_khz = le32_to_cpu(counters->clock_khz);
	telemetry->throttle = le32_to_cpu(counters->throttle);
	telemetry->temperature_mc = le32_to_cpu(counters->temperature_mc);
	telemetry->is_busy = 0;
	for (i = 0; i < NPU_MAX_CORES; i++)
		if (counters->running[i])
			telemetry->is_busy |= BIT(i);
}

/* Asks the firmware, which has to be awake. */
static int tnpu_telemetry_ask(struct tnpu_device *tdev)
{
	struct tnpu_telemetry *telemetry = &tdev->telemetry;
	struct npu_counters *counters;
	u32 boots;

	counters = kmalloc(sizeof(*counters), GFP_KERNEL);
	if (!counters)
		return -ENOMEM;
	mutex_lock(&telemetry->lock);
	boots = READ_ONCE(tdev->boots);
	/* Should it be restarted meanwhile, they are those of the next start. */
	if (!tnpu_counters_peek(tdev, counters) &&
	    boots == READ_ONCE(tdev->boots))
		tnpu_telemetry_take_locked(telemetry, boots, counters);
	mutex_unlock(&telemetry->lock);
	kfree(counters);
	return 0;
}

/**
 * tnpu_telemetry_keep() - remember what has been counted
 * @tdev: device that is about to sleep; its reset_sem is not held
 */
void tnpu_telemetry_keep(struct tnpu_device *tdev)
{
	tnpu_telemetry_ask(tdev);
}

/**
 * tnpu_telemetry_read() - what the cores have done since the device was bound
 * @tdev: device, inside drm_dev_enter()
 * @sample: set
 *
 * If the firmware can't be asked, or sleeps, this is as of the last time.
 *
 * Return: 0 or -ENOMEM.
 */
int tnpu_telemetry_read(struct tnpu_device *tdev, struct tnpu_sample *sample)
{
	struct tnpu_telemetry *telemetry = &tdev->telemetry;
	int is_awake = pm_runtime_get_if_active(tdev->drm.dev);
	unsigned int i;
	int ret = 0;

	if (is_awake) /* or nobody knows */
		ret = tnpu_telemetry_ask(tdev);
	if (is_awake > 0)
		pm_runtime_put(tdev->drm.dev);
	if (ret)
		return ret;
	mutex_lock(&telemetry->lock);
	sample->time_ns = telemetry->time_ns;
	sample->is_busy = telemetry->is_busy;
	sample->clock_khz = telemetry->clock_khz;
	sample->throttle = telemetry->throttle;
	sample->temperature_mc = telemetry->temperature_mc;
	sample->energy_fj = telemetry->idle_before_fj + telemetry->last_idle_fj;
	for (i = 0; i < NPU_MAX_CORES; i++) {
		sample->core[i] = telemetry->before[i];
		tnpu_telemetry_add(&sample->core[i], &telemetry->last[i]);
		sample->energy_fj += sample->core[i].energy_fj;
	}
	mutex_unlock(&telemetry->lock);
	return 0;
}
