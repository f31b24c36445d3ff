/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TNPU_INJECT_H
#define TNPU_INJECT_H

struct tnpu_device;

void tnpu_inject_prepare(struct tnpu_device *tdev);
void tnpu_inject_init(struct tnpu_device *tdev);

#endif
