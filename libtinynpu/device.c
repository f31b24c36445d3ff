// SPDX-License-Identifier: MIT
/*
 * Devices: which backend serves one, and how long it lives. Finds the nodes of
 * /dev/accel that are TinyNPUs by the driver that sysfs names, without opening
 * any.
 */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRIVER_NAME "tinynpu"
#define ACCEL_MINORS 256

static const struct backend *const backends[] = { &backend_drm, &backend_sim };

const char *tinynpu_version(void)
{
	return TINYNPU_VERSION;
}

/* Whether accelN is there and bound to our driver. */
static bool is_tinynpu(int number)
{
	char path[64], target[PATH_MAX];
	const char *driver;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device/driver",
		 number);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	driver = strrchr(target, '/');
	return driver && !strcmp(driver + 1, DRIVER_NAME);
}

int tinynpu_device_next(int after)
{
	int number;

	for (number = after < 0 ? 0 : after + 1; number < ACCEL_MINORS; number++)
		if (is_tinynpu(number))
			return number;
	return -ENODEV;
}

static const struct backend *find_backend(const char *name)
{
	size_t i;

	if (!name)
		return tinynpu_device_next(-1) >= 0 ? &backend_drm :
						      &backend_sim;
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return NULL;
}

int tinynpu_device_open(const char *backend, const char *options,
			struct tinynpu_device **device,
			struct tinynpu_error *error)
{
	struct tinynpu_device *dev;
	int err;

	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	dev->references = 1;
	dev->backend = find_backend(backend);
	if (!dev->backend) {
		err = tinynpu_error_set(error, -EINVAL,
					"no backend '%s': it is drm or sim",
					backend);
		goto err_free;
	}
	if (!options || (!backend && dev->backend == &backend_drm))
		options = "";
	err = dev->backend->device_open(options, &dev->handle, error);
	if (err)
		goto err_free;
	*device = dev;
	return 0;

err_free:
	free(dev);
	return err;
}

struct tinynpu_device *tinynpu_device_get(struct tinynpu_device *device)
{
	atomic_fetch_add(&device->references, 1);
	return device;
}

void tinynpu_device_close(struct tinynpu_device *device)
{
	if (!device || atomic_fetch_sub(&device->references, 1) != 1)
		return;
	device->backend->device_close(device->handle);
	free(device);
}

void tinynpu_device_info(struct tinynpu_device *device,
			 struct tinynpu_device_info *info, size_t size)
{
	struct tinynpu_device_info all = { 0 };

	device->backend->device_info(device->handle, &all);
	tinynpu_info_copy(info, size, &all, sizeof(all));
}

int tinynpu_device_trace(struct tinynpu_device *device, tinynpu_trace_fn fn,
			 void *opaque, struct tinynpu_error *error)
{
	if (!device->backend->device_trace)
		return tinynpu_error_set(error, -EOPNOTSUPP,
			"only the simulator tells what its machine does");
	device->backend->device_trace(device->handle, fn, opaque);
	return 0;
}
