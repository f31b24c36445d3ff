/* SPDX-License-Identifier: GPL-2.0-only */
/* What a developer may want to see of the device. */
#ifndef TNPU_DEBUGFS_H
#define TNPU_DEBUGFS_H

struct tnpu_device;

#ifdef CONFIG_DEBUG_FS
void tnpu_debugfs_init(struct tnpu_device *tdev);
#else
static inline void tnpu_debugfs_init(struct tnpu_device *tdev)
{
}
#endif

#endif
