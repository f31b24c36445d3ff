// SPDX-License-Identifier: GPL-2.0-only
/*
 * Energy and power for the kernel's hardware monitoring: what the cores have used
 * for jobs, by the machine's model. Reading wakes nobody up. Called by tnpu_drv.c.
 */
#include "tnpu_hwmon.h"

#include <linux/err.h>
#include <linux/hwmon.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>

#include "tnpu_device.h"
#include "tnpu_telemetry.h"

#define TNPU_FJ_PER_UJ (1000ull * 1000 * 1000)
#define TNPU_HWMON_SPAN_NS NSEC_PER_SEC

/* The cores' energy at a time of the kernel's clock. */
struct tnpu_hwmon_point {
	u64 time_ns;
	u64 energy_fj;
};

/**
 * struct tnpu_hwmon - what power is computed from
 * @tdev: device
 * @lock: guards the rest
 * @last: read a second ago or longer, unless nobody has asked for so long
 * @next: what @last will be
 */
struct tnpu_hwmon {
	struct tnpu_device *tdev;
	struct mutex lock; /* the rest */
	struct tnpu_hwmon_point last;
	struct tnpu_hwmon_point next;
};

static int tnpu_hwmon_sample(struct tnpu_hwmon *hwmon,
			     struct tnpu_hwmon_point *now)
{
	struct tnpu_device *tdev = hwmon->tdev;
	struct tnpu_sample *sample;
	unsigned int i;
	int idx, ret;

	sample = kmalloc(sizeof(*sample), GFP_KERNEL);
	if (!sample)
		return -ENOMEM;
	ret = -ENODEV;
	if (drm_dev_enter(&tdev->drm, &idx)) {
		ret = tnpu_telemetry_read(tdev, sample);
		drm_dev_exit(idx);
	}
	now->time_ns = ktime_get_ns();
	now->energy_fj = 0;
	for (i = 0; i < NPU_MAX_CORES && !ret; i++)
		now->energy_fj += sample->core[i].energy_fj;
	kfree(sample);
	return ret;
}

/* A femtojoule in a nanosecond is a microwatt. */
static long tnpu_hwmon_power_uw(struct tnpu_hwmon *hwmon,
				const struct tnpu_hwmon_point *now)
{
	u64 span_ns, energy_fj;

	mutex_lock(&hwmon->lock);
	if (now->time_ns - hwmon->next.time_ns >= TNPU_HWMON_SPAN_NS) {
		hwmon->last = hwmon->next;
		hwmon->next = *now;
	}
	span_ns = now->time_ns - hwmon->last.time_ns;
	energy_fj = now->energy_fj - hwmon->last.energy_fj;
	mutex_unlock(&hwmon->lock);
	return span_ns ? div64_u64(energy_fj, span_ns) : 0;
}

static umode_t tnpu_hwmon_is_visible(const void *data,
				     enum hwmon_sensor_types type, u32 attr,
				     int channel)
{
	return 0444;
}

static int tnpu_hwmon_read(struct device *dev, enum hwmon_sensor_types type,
			   u32 attr, int channel, long *value)
{
	struct tnpu_hwmon *hwmon = dev_get_drvdata(dev);
	struct tnpu_hwmon_point now;
	int ret = tnpu_hwmon_sample(hwmon, &now);

	if (ret)
		return ret;
	if (type == hwmon_energy)
		*value = div64_u64(now.energy_fj, TNPU_FJ_PER_UJ);
	else
		*value = tnpu_hwmon_power_uw(hwmon, &now);
	return 0;
}

static const struct hwmon_ops tnpu_hwmon_ops = {
	.is_visible = tnpu_hwmon_is_visible,
	.read = tnpu_hwmon_read,
};

static const struct hwmon_channel_info *const tnpu_hwmon_channels[] = {
	HWMON_CHANNEL_INFO(power, HWMON_P_AVERAGE),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT),
	NULL
};

static const struct hwmon_chip_info tnpu_hwmon_chip = {
	.ops = &tnpu_hwmon_ops,
	.info = tnpu_hwmon_channels,
};

/**
 * tnpu_hwmon_init() - offer the sensors
 * @tdev: device that is up; they end with the PCI device
 *
 * Return: 0 or -errno.
 */
int tnpu_hwmon_init(struct tnpu_device *tdev)
{
	struct device *parent = tdev->drm.dev, *dev;
	struct tnpu_hwmon *hwmon;

	hwmon = devm_kzalloc(parent, sizeof(*hwmon), GFP_KERNEL);
	if (!hwmon)
		return -ENOMEM;
	hwmon->tdev = tdev;
	mutex_init(&hwmon->lock);
	hwmon->last.time_ns = ktime_get_ns();
	hwmon->next = hwmon->last;
	dev = devm_hwmon_device_register_with_info(parent, "tinynpu", hwmon,
						   &tnpu_hwmon_chip, NULL);
	return PTR_ERR_OR_ZERO(dev);
}
