/* SPDX-License-Identifier: GPL-2.0-only */
/* Users, and how much of the device each may have. */
#ifndef TNPU_USER_H
#define TNPU_USER_H

#include <linux/types.h>

struct tnpu_device;
struct tnpu_user;

extern unsigned int tnpu_user_max_queues;

struct tnpu_user *tnpu_user_get(struct tnpu_device *tdev);
void tnpu_user_put(struct tnpu_device *tdev, struct tnpu_user *user);
int tnpu_user_take_queue(struct tnpu_device *tdev, struct tnpu_user *user);
void tnpu_user_leave_queue(struct tnpu_device *tdev, struct tnpu_user *user);

#endif
