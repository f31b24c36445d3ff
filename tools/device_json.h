/* SPDX-License-Identifier: MIT */
/* A device for --json. */
#ifndef DEVICE_JSON_H
#define DEVICE_JSON_H

#include <jansson.h>

struct tinynpu_device_info;

/* What the device is, as an object; the caller's. */
json_t *device_json(const struct tinynpu_device_info *info);

#endif
