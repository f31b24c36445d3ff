// SPDX-License-Identifier: GPL-2.0-only
/*
 * Error injection: section 15 of the hardware manual. The file in debugfs is there
 * only if the device allows it.
 */
#include "tnpu_inject.h"

#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <npu/inject.h>

#include "tnpu_device.h"
#include "tnpu_power.h"

#define TNPU_INJECT_TEXT 64 /* bytes of the longest order, and more */
#define TNPU_INJECT_FIELDS 4

static const char *const names[NPU_INJECT_COUNT] = {
#define X(constant, name) \
	[NPU_INJECT_##constant] = name,
	NPU_INJECT_KINDS(X)
#undef X
};

static int tnpu_inject_show(struct seq_file *m, void *unused)
{
	struct tnpu_device *tdev = m->private;
	unsigned int i;
	int idx, ret;

	ret = tnpu_power_enter(tdev, &idx);
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		seq_printf(m, "%s: %u left, %u done\n", names[i],
			   tnpu_device_read(tdev, NPU_REG_INJECT_LEFT(i)),
			   tnpu_device_read(tdev, NPU_REG_INJECT_DONE(i)));
	tnpu_power_exit(tdev, idx);
	return 0;
}

/* The registers' values from KIND[:COUNT[:AFTER[:PARAM]]]. */
static int tnpu_inject_parse(char *text, u32 values[TNPU_INJECT_FIELDS])
{
	const char *field = strsep(&text, ":");
	unsigned int i;
	int ret;

	ret = match_string(names, ARRAY_SIZE(names), field);
	if (ret < 0)
		return -EINVAL;
	values[0] = ret;
	for (i = 1; text; i++) {
		if (i == TNPU_INJECT_FIELDS)
			return -EINVAL;
		field = strsep(&text, ":");
		ret = kstrtou32(field, 10, &values[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int tnpu_inject_order(struct tnpu_device *tdev, char *text)
{
	static DEFINE_MUTEX(lock); /* an order is several registers */
	u32 values[TNPU_INJECT_FIELDS] = { 0, 1, 0, 0 };
	bool is_end = !strcmp(text, "none");
	int ret, idx;

	ret = is_end ? 0 : tnpu_inject_parse(text, values);
	if (ret)
		return ret;
	ret = tnpu_power_enter(tdev, &idx);
	if (ret)
		return ret;
	scoped_guard(mutex, &lock) {
		tnpu_device_write(tdev, NPU_REG_INJECT_KIND, values[0]);
		tnpu_device_write(tdev, NPU_REG_INJECT_COUNT, values[1]);
		tnpu_device_write(tdev, NPU_REG_INJECT_AFTER, values[2]);
		tnpu_device_write(tdev, NPU_REG_INJECT_PARAM, values[3]);
		tnpu_device_write(tdev, NPU_REG_INJECT_ARM, !is_end);
	}
	tnpu_power_exit(tdev, idx);
	return 0;
}

static ssize_t tnpu_inject_write(struct file *file, const char __user *from,
				 size_t size, loff_t *offset)
{
	struct tnpu_device *tdev = file_inode(file)->i_private;
	char text[TNPU_INJECT_TEXT];
	int ret;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, size))
		return -EFAULT;
	text[size] = '\0';
	ret = tnpu_inject_order(tdev, strim(text));
	return ret ?: size;
}

static int tnpu_inject_open(struct inode *inode, struct file *file)
{
	return single_open(file, tnpu_inject_show, inode->i_private);
}

static const struct file_operations tnpu_inject_fops = {
	.owner = THIS_MODULE,
	.open = tnpu_inject_open,
	.read = seq_read,
	.write = tnpu_inject_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static bool tnpu_inject_is_allowed(struct tnpu_device *tdev)
{
	return tnpu_device_read(tdev, NPU_REG_INJECT) == NPU_INJECT_MAGIC;
}

static void tnpu_inject_tell_address(struct tnpu_device *tdev, u32 reg,
				     dma_addr_t base, size_t offset)
{
	u64 address = base + offset;

	tnpu_device_write(tdev, reg, lower_32_bits(address));
	tnpu_device_write(tdev, reg + 4, upper_32_bits(address));
}

/**
 * tnpu_inject_prepare() - tell the machine which memory errors of events concern
 * @tdev: device that is in reset, its rings are there
 */
void tnpu_inject_prepare(struct tnpu_device *tdev)
{
	dma_addr_t init = tdev->ring.init_dma;

	if (!tnpu_inject_is_allowed(tdev))
		return;
	tnpu_inject_tell_address(tdev, NPU_REG_INJECT_RING_LO,
				 le64_to_cpu(tdev->ring.init->event_ring), 0);
	tnpu_device_write(tdev, NPU_REG_INJECT_RING_SHAPE,
			  sizeof(struct npu_event) | NPU_EVENT_ENTRIES << 16);
	tnpu_inject_tell_address(tdev, NPU_REG_INJECT_TAIL_LO, init,
				 offsetof(struct npu_init, event_tail));
	tnpu_inject_tell_address(tdev, NPU_REG_INJECT_HEAD_LO, init,
				 offsetof(struct npu_init, event_head));
}

/**
 * tnpu_inject_init() - offer the file if errors may be injected
 * @tdev: device that is not registered yet
 *
 * A write of KIND[:COUNT[:AFTER[:PARAM]]] arms an error, "none" disarms all; what
 * is read tells of each kind how often it will happen, and how often it has.
 */
void tnpu_inject_init(struct tnpu_device *tdev)
{
	if (tnpu_inject_is_allowed(tdev))
		debugfs_create_file("inject", 0600, tdev->drm.debugfs_root,
				    tdev, &tnpu_inject_fops);
}
