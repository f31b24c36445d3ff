/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between QEMU 7.2, which the device is written for first, and
 * newer versions up to 10.x. Included by tinynpu.c alone.
 */
#ifndef TINYNPU_COMPAT_H
#define TINYNPU_COMPAT_H

#if __has_include("hw/pci/pci_device.h")
#include "hw/pci/pci_device.h"
#else
#include "hw/pci/pci.h"
#endif

#if __has_include("system/runstate.h")
#include "system/runstate.h"
#else
#include "sysemu/runstate.h"
#endif

#if __has_include("hw/core/qdev-properties.h")
#include "hw/core/qdev-properties.h"
#else
#include "hw/qdev-properties.h"
#endif

/* Since 10.0 property lists are const and have no end mark. */
#if QEMU_VERSION_MAJOR >= 10
#define TINYNPU_PROPERTIES static const Property
#define TINYNPU_PROPERTIES_END
#else
#define TINYNPU_PROPERTIES static Property
#define TINYNPU_PROPERTIES_END DEFINE_PROP_END_OF_LIST(),
#endif

/* Since 10.1 what class_init is handed is const. */
#if QEMU_VERSION_MAJOR > 10 || \
    (QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR >= 1)
typedef const void *TinyNPUClassData;
#else
typedef void *TinyNPUClassData;
#endif

/* Since 9.2 a function sets the reset handler of before "resettable". */
#if QEMU_VERSION_MAJOR < 9 || \
    (QEMU_VERSION_MAJOR == 9 && QEMU_VERSION_MINOR < 2)
static inline void device_class_set_legacy_reset(DeviceClass *dc,
                                                 void (*reset)(DeviceState *))
{
    dc->reset = reset;
}
#endif

#endif
