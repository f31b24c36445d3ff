// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users: files of one are counted together, so that nobody can have all of the
 * device's queues, and with them its contexts, by opening it often. A file is
 * its opener's, wherever it is passed on to.
 */

#include "tnpu_user.h"

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "tnpu_device.h"

unsigned int tnpu_user_max_queues = 48;
module_param_named(max_user_queues, tnpu_user_max_queues, uint, 0644);
MODULE_PARM_DESC(max_user_queues,
		 "Queues of one user without CAP_SYS_RESOURCE, of the device's 63");

/**
 * struct tnpu_user - who has files of a device
 * @link: in tnpu_device.users; this and all below guarded by users_lock
 * @uid: who it is
 * @files: how many files
 * @queues: how many queues in these
 */
struct tnpu_user {
	struct list_head link;
	kuid_t uid;
	u32 files;
	u32 queues;
};

static struct tnpu_user *tnpu_user_find_locked(struct tnpu_device *tdev,
					       kuid_t uid)
{
	struct tnpu_user *user;

	list_for_each_entry(user, &tdev->users, link)
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/**
 * tnpu_user_get() - count one more file of the calling task's user
 * @tdev: device
 *
 * Return: the user, for tnpu_user_put(), or NULL.
 */
struct tnpu_user *tnpu_user_get(struct tnpu_device *tdev)
{
	kuid_t uid = current_uid();
	struct tnpu_user *user, *new;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	spin_lock(&tdev->users_lock);
	user = tnpu_user_find_locked(tdev, uid);
	if (!user) {
		user = new;
		new = NULL;
		user->uid = uid;
		list_add(&user->link, &tdev->users);
	}
	user->files++;
	spin_unlock(&tdev->users_lock);
	kfree(new);
	return user;
}

void tnpu_user_put(struct tnpu_device *tdev, struct tnpu_user *user)
{
	bool is_last;

	spin_lock(&tdev->users_lock);
	is_last = !--user->files;
	if (is_last)
		list_del(&user->link);
	spin_unlock(&tdev->users_lock);
	if (is_last)
		kfree(user);
}

/**
 * tnpu_user_take_queue() - count one more queue
 * @tdev: device
 * @user: whose it is
 *
 * Return: 0 (tnpu_user_leave_queue() ends it), or -EMFILE.
 */
int tnpu_user_take_queue(struct tnpu_device *tdev, struct tnpu_user *user)
{
	u32 max = READ_ONCE(tnpu_user_max_queues);
	int ret = 0;

	if (capable(CAP_SYS_RESOURCE))
		max = U32_MAX;
	spin_lock(&tdev->users_lock);
	if (user->queues >= max)
		ret = -EMFILE;
	else
		user->queues++;
	spin_unlock(&tdev->users_lock);
	return ret;
}

void tnpu_user_leave_queue(struct tnpu_device *tdev, struct tnpu_user *user)
{
	spin_lock(&tdev->users_lock);
	user->queues--;
	spin_unlock(&tdev->users_lock);
}
