// SPDX-License-Identifier: GPL-2.0-only
/*
 * Energy, power and temperature for the kernel's hardware monitoring, by the machine's
 * model, and the power cap. Reading and writing wakes nobody up. Called by tnpu_drv.c.
 */
#include "tnpu_hwmon.h"

#include <linux/err.h>
#include <linux/hwmon.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <npu/power.h>

#include "tnpu_device.h"
#include "tnpu_telemetry.h"

#define TNPU_FJ_PER_UJ (1000ull * 1000 * 1000)
#define TNPU_HWMON_SPAN_NS NSEC_PER_SEC

/* The device at a time of the kernel's clock. */
struct tnpu_hwmon_point {
	u64 time_ns;
	u64 energy_fj;
	s32 temperature_mc;
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
	int idx, ret;

	sample = kmalloc(sizeof(*sample), GFP_KERNEL);
	if (!sample)
		return -ENOMEM;
	ret = -ENODEV;
	if (drm_dev_enter(&tdev->drm, &idx)) {
		ret = tnpu_telemetry_read(tdev, sample);
		drm_dev_exit(idx);
	}
	if (!ret)
		*now = (struct tnpu_hwmon_point){
			.time_ns = ktime_get_ns(),
			.energy_fj = sample->energy_fj,
			.temperature_mc = sample->temperature_mc,
		};
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
	const struct tnpu_hwmon *hwmon = data;
	bool is_old = !tnpu_limits_are_there(hwmon->tdev);

	if (type == hwmon_power && attr == hwmon_power_cap)
		return is_old ? 0 : 0644;
	if (type == hwmon_energy ||
	    (type == hwmon_power && attr == hwmon_power_average))
		return 0444;
	return is_old ? 0 : 0444;
}

/* What does not change by itself; false: it does. */
static bool tnpu_hwmon_read_limit(struct tnpu_hwmon *hwmon,
				  enum hwmon_sensor_types type, u32 attr,
				  long *value)
{
	if (type == hwmon_power && attr == hwmon_power_cap)
		*value = READ_ONCE(hwmon->tdev->limits.power_cap_uw);
	else if (type == hwmon_power && attr == hwmon_power_cap_min)
		*value = NPU_POWER_CAP_MIN_UW;
	else if (type == hwmon_power && attr == hwmon_power_cap_max)
		*value = NPU_POWER_CAP_MAX_UW;
	else if (type == hwmon_temp && attr == hwmon_temp_max)
		*value = NPU_TEMP_HOT_MC;
	else if (type == hwmon_temp && attr == hwmon_temp_crit)
		*value = NPU_TEMP_CRITICAL_MC;
	else
		return false;
	return true;
}

static int tnpu_hwmon_read(struct device *dev, enum hwmon_sensor_types type,
			   u32 attr, int channel, long *value)
{
	struct tnpu_hwmon *hwmon = dev_get_drvdata(dev);
	struct tnpu_hwmon_point now;
	int ret;

	if (tnpu_hwmon_read_limit(hwmon, type, attr, value))
		return 0;
	ret = tnpu_hwmon_sample(hwmon, &now);
	if (ret)
		return ret;
	if (type == hwmon_energy)
		*value = div64_u64(now.energy_fj, TNPU_FJ_PER_UJ);
	else if (type == hwmon_temp)
		*value = now.temperature_mc;
	else
		*value = tnpu_hwmon_power_uw(hwmon, &now);
	return 0;
}

/* The power cap: the nearest that is possible, or none. */
static int tnpu_hwmon_write(struct device *dev, enum hwmon_sensor_types type,
			    u32 attr, int channel, long value)
{
	struct tnpu_hwmon *hwmon = dev_get_drvdata(dev);
	struct tnpu_device *tdev = hwmon->tdev;
	u32 cap_uw = 0;
	int idx, ret;

	if (value)
		cap_uw = clamp_t(long, value, NPU_POWER_CAP_MIN_UW,
				 NPU_POWER_CAP_MAX_UW);
	if (!drm_dev_enter(&tdev->drm, &idx))
		return -ENODEV;
	ret = tnpu_limits_set(tdev, &cap_uw, NULL);
	drm_dev_exit(idx);
	return ret;
}

static const struct hwmon_ops tnpu_hwmon_ops = {
	.is_visible = tnpu_hwmon_is_visible,
	.read = tnpu_hwmon_read,
	.write = tnpu_hwmon_write,
};

static const struct hwmon_channel_info *const tnpu_hwmon_channels[] = {
	HWMON_CHANNEL_INFO(power, HWMON_P_AVERAGE | HWMON_P_CAP |
			   HWMON_P_CAP_MIN | HWMON_P_CAP_MAX),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT),
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_MAX | HWMON_T_CRIT),
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
