// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: what devices are and do, who uses them, and what
 * happens to them. The spec says what each attribute is (uapi/netlink).
 *
 * A device is found by the number of its node for as long as it is bound. Events
 * are sent from where fences are signalled, and under spinlocks: nothing waits.
 */
#include "tnpu_netlink.h"

#include <linux/err.h>
#include <linux/idr.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/tinynpu_netlink.h>
#include <net/genetlink.h>

#include "tnpu_device.h"
#include "tnpu_drv.h"
#include "tnpu_queue.h"
#include "tnpu_telemetry.h"
#include "tnpu_userq.h"

static_assert((int)TNPU_RESET_WEDGED == (int)TNPU_RUNG_WEDGED);
static_assert((int)TNPU_STATE_GONE == (int)TNPU_GONE);
static_assert((int)TNPU_THROTTLE_CLOCK == (int)NPU_THROTTLE_CLOCK);

/* Devices by the number of their node. */
static DEFINE_XARRAY(devices);
static struct genl_family family;

enum {
	TNPU_GROUP_EVENTS,
};

static const struct genl_multicast_group groups[] = {
	[TNPU_GROUP_EVENTS] = { .name = TINYNPU_MCGRP_EVENTS },
};

/* A message, or an item of a dump, that is being written. */
struct tnpu_message {
	struct sk_buff *skb;
	void *head;
};

static int tnpu_message_end(struct tnpu_message *message, int error)
{
	if (error)
		genlmsg_cancel(message->skb, message->head);
	else
		genlmsg_end(message->skb, message->head);
	return error;
}

static u32 tnpu_netlink_id(const struct tnpu_device *tdev)
{
	return tdev->drm.accel->index;
}

/* A device that is bound, from *@id on, with a reference; or NULL. */
static struct tnpu_device *tnpu_netlink_find(unsigned long *id,
					     unsigned long last)
{
	struct tnpu_device *tdev;

	xa_lock(&devices);
	tdev = xa_find(&devices, id, last, XA_PRESENT);
	if (tdev)
		drm_dev_get(&tdev->drm);
	xa_unlock(&devices);
	return tdev;
}

/* --- Devices ---------------------------------------------------------------- */

static u32 tnpu_netlink_count_clients(struct tnpu_device *tdev)
{
	u32 count;

	mutex_lock(&tdev->drm.filelist_mutex);
	count = list_count_nodes(&tdev->drm.filelist);
	mutex_unlock(&tdev->drm.filelist_mutex);
	return count;
}

static int tnpu_netlink_put_resets(struct sk_buff *skb,
				   struct tnpu_device *tdev)
{
	struct nlattr *nest;
	unsigned int i;

	for (i = 0; i < TNPU_RUNG_COUNT; i++) {
		nest = nla_nest_start(skb, TNPU_A_DEVICE_RESETS);
		if (!nest || nla_put_u32(skb, TNPU_A_RESET_RUNG, i) ||
		    nla_put_u32(skb, TNPU_A_RESET_COUNT,
				atomic_read(&tdev->recovery.rungs[i])))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int tnpu_netlink_put_config(struct sk_buff *skb,
				   struct tnpu_device *tdev)
{
	const struct tnpu_config *config = &tdev->config;

	if (nla_put_u32(skb, TNPU_A_DEVICE_ID, tnpu_netlink_id(tdev)) ||
	    nla_put_string(skb, TNPU_A_DEVICE_NAME, dev_name(tdev->drm.dev)) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_STATE, READ_ONCE(tdev->state)) ||
	    nla_put_string(skb, TNPU_A_DEVICE_FIRMWARE, tdev->fw.name) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_CORES, config->cores) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_MACS, config->macs) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_SRAM_SIZE, config->sram_size) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_CLOCK_KHZ, config->clock_khz))
		return -EMSGSIZE;
	return 0;
}

static int tnpu_netlink_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, 0);
}

static int tnpu_netlink_put_work(struct sk_buff *skb, struct tnpu_device *tdev,
				 const struct tnpu_sample *sample)
{
	struct tnpu_work work = {};
	unsigned int i;

	for (i = 0; i < tdev->config.cores; i++)
		tnpu_telemetry_add(&work, &sample->core[i]);
	if (tnpu_netlink_put_u64(skb, TNPU_A_DEVICE_TIME_NS, sample->time_ns) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_CLIENTS,
			tnpu_netlink_count_clients(tdev)) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_DEVICE_JOBS, work.jobs) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_DEVICE_FAULTS, work.faults) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_DEVICE_TIMEOUTS, work.timeouts) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_DEVICE_CANCELLED,
				 work.cancelled) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_DEVICE_PREEMPTIONS,
				 work.preemptions) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_RECOVERIES,
			READ_ONCE(tdev->recoveries)))
		return -EMSGSIZE;
	return 0;
}

static int tnpu_netlink_put_power(struct sk_buff *skb, struct tnpu_device *tdev,
				  const struct tnpu_sample *sample)
{
	const struct tnpu_limits *limits = &tdev->limits;

	if (tnpu_netlink_put_u64(skb, TNPU_A_DEVICE_ENERGY_FJ,
				 sample->energy_fj) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_CURRENT_CLOCK_KHZ,
			sample->clock_khz) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_THROTTLE, sample->throttle) ||
	    nla_put_s32(skb, TNPU_A_DEVICE_TEMPERATURE,
			sample->temperature_mc) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_POWER_CAP,
			READ_ONCE(limits->power_cap_uw)) ||
	    nla_put_u32(skb, TNPU_A_DEVICE_CLOCK_LIMIT,
			READ_ONCE(limits->clock_khz)))
		return -EMSGSIZE;
	return 0;
}

static int tnpu_netlink_put_device(struct tnpu_message *message,
				   struct tnpu_device *tdev)
{
	struct sk_buff *skb = message->skb;
	struct tnpu_sample *sample;
	int ret;

	sample = kmalloc(sizeof(*sample), GFP_KERNEL);
	if (!sample)
		return tnpu_message_end(message, -ENOMEM);
	ret = tnpu_telemetry_read(tdev, sample);
	if (!ret)
		ret = tnpu_netlink_put_config(skb, tdev);
	if (!ret)
		ret = tnpu_netlink_put_work(skb, tdev, sample);
	if (!ret)
		ret = tnpu_netlink_put_resets(skb, tdev);
	if (!ret)
		ret = tnpu_netlink_put_power(skb, tdev, sample);
	kfree(sample);
	return tnpu_message_end(message, ret);
}

/* The device that a request names, for tnpu_netlink_exit(); or an ERR_PTR. */
static struct tnpu_device *tnpu_netlink_enter(struct genl_info *info, int *idx)
{
	struct tnpu_device *tdev;
	unsigned long id;

	if (GENL_REQ_ATTR_CHECK(info, TNPU_A_DEVICE_ID))
		return ERR_PTR(-EINVAL);
	id = nla_get_u32(info->attrs[TNPU_A_DEVICE_ID]);
	tdev = tnpu_netlink_find(&id, id);
	if (!tdev)
		return ERR_PTR(-ENODEV);
	if (drm_dev_enter(&tdev->drm, idx))
		return tdev;
	drm_dev_put(&tdev->drm);
	return ERR_PTR(-ENODEV);
}

static void tnpu_netlink_exit(struct tnpu_device *tdev, int idx)
{
	drm_dev_exit(idx);
	drm_dev_put(&tdev->drm);
}

static int tnpu_netlink_device_get(struct sk_buff *request,
				   struct genl_info *info)
{
	struct tnpu_message message;
	struct tnpu_device *tdev;
	int ret, idx;

	tdev = tnpu_netlink_enter(info, &idx);
	if (IS_ERR(tdev))
		return PTR_ERR(tdev);
	ret = -ENOMEM;
	message.skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!message.skb)
		goto exit;
	message.head = genlmsg_put_reply(message.skb, info, &family, 0,
					 TNPU_CMD_DEVICE_GET);
	ret = tnpu_netlink_put_device(&message, tdev);
	if (ret)
		nlmsg_free(message.skb);
	else
		ret = genlmsg_reply(message.skb, info);
exit:
	tnpu_netlink_exit(tdev, idx);
	return ret;
}

/* CAP_SYS_ADMIN in the first user namespace: the device is everybody's. */
static int tnpu_netlink_device_set(struct sk_buff *request,
				   struct genl_info *info)
{
	struct nlattr *cap = info->attrs[TNPU_A_DEVICE_POWER_CAP];
	struct nlattr *clock = info->attrs[TNPU_A_DEVICE_CLOCK_LIMIT];
	u32 power_cap_uw = cap ? nla_get_u32(cap) : 0;
	u32 clock_khz = clock ? nla_get_u32(clock) : 0;
	struct tnpu_device *tdev;
	int ret, idx;

	if (!netlink_capable(request, CAP_SYS_ADMIN))
		return -EPERM;
	if (!cap && !clock)
		return -EINVAL;
	tdev = tnpu_netlink_enter(info, &idx);
	if (IS_ERR(tdev))
		return PTR_ERR(tdev);
	ret = tnpu_limits_set(tdev, cap ? &power_cap_uw : NULL,
			      clock ? &clock_khz : NULL);
	tnpu_netlink_exit(tdev, idx);
	return ret;
}

/* --- Dumps ------------------------------------------------------------------- */

/**
 * struct tnpu_dump_state - how far a dump is
 * @device: number of the device at which it goes on
 * @item: what of that device was dumped: cores, or the last client's number
 */
struct tnpu_dump_state {
	unsigned long device;
	u64 item;
};

static_assert(sizeof(struct tnpu_dump_state) <=
	      sizeof_field(struct netlink_callback, ctx));

typedef int (*tnpu_dump_fn)(struct sk_buff *skb, struct netlink_callback *cb,
			    struct tnpu_device *tdev,
			    struct tnpu_dump_state *state);

static bool tnpu_dump_begin_item(struct tnpu_message *message,
				 struct sk_buff *skb,
				 struct netlink_callback *cb, u8 cmd)
{
	message->skb = skb;
	message->head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				    cb->nlh->nlmsg_seq, &family, NLM_F_MULTI,
				    cmd);
	return message->head;
}

/*
 * One device after the other, all or the one that attribute @filter names. An item
 * that finds no room begins the next part of the dump.
 */
static int tnpu_netlink_dump(struct sk_buff *skb, struct netlink_callback *cb,
			     int filter, tnpu_dump_fn dump)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs;
	struct tnpu_dump_state *state = (void *)cb->ctx;
	unsigned long last = ULONG_MAX;
	struct tnpu_device *tdev;
	int ret = 0, idx;

	if (filter && attrs[filter]) {
		last = nla_get_u32(attrs[filter]);
		state->device = max(state->device, last);
	}
	while (!ret) {
		tdev = tnpu_netlink_find(&state->device, last);
		if (!tdev)
			return skb->len;
		if (drm_dev_enter(&tdev->drm, &idx)) {
			ret = dump(skb, cb, tdev, state);
			drm_dev_exit(idx);
		}
		drm_dev_put(&tdev->drm);
		if (!ret) {
			state->device++;
			state->item = 0;
		}
	}
	return ret == -EMSGSIZE && skb->len ? skb->len : ret;
}

static int tnpu_dump_device(struct sk_buff *skb, struct netlink_callback *cb,
			    struct tnpu_device *tdev,
			    struct tnpu_dump_state *state)
{
	struct tnpu_message message;

	if (!tnpu_dump_begin_item(&message, skb, cb, TNPU_CMD_DEVICE_GET))
		return -EMSGSIZE;
	return tnpu_netlink_put_device(&message, tdev);
}

static int tnpu_netlink_device_dump(struct sk_buff *skb,
				    struct netlink_callback *cb)
{
	return tnpu_netlink_dump(skb, cb, 0, tnpu_dump_device);
}

static int tnpu_netlink_put_engine(struct tnpu_message *message,
				   struct tnpu_device *tdev,
				   const struct tnpu_sample *sample, u32 core)
{
	const struct tnpu_work *work = &sample->core[core];
	struct sk_buff *skb = message->skb;
	int ret = 0;

	if (nla_put_u32(skb, TNPU_A_ENGINE_DEVICE, tnpu_netlink_id(tdev)) ||
	    nla_put_u32(skb, TNPU_A_ENGINE_CORE, core) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_ENGINE_BUSY_NS, work->busy_ns) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_ENGINE_CYCLES, work->cycles) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_ENGINE_ENERGY_FJ,
				 work->energy_fj) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_ENGINE_JOBS, work->jobs) ||
	    nla_put_u32(skb, TNPU_A_ENGINE_IS_BUSY,
			!!(sample->is_busy & BIT(core))))
		ret = -EMSGSIZE;
	return tnpu_message_end(message, ret);
}

static int tnpu_dump_engines(struct sk_buff *skb, struct netlink_callback *cb,
			     struct tnpu_device *tdev,
			     struct tnpu_dump_state *state)
{
	struct tnpu_message message;
	struct tnpu_sample *sample;
	int ret;

	sample = kmalloc(sizeof(*sample), GFP_KERNEL);
	if (!sample)
		return -ENOMEM;
	ret = tnpu_telemetry_read(tdev, sample);
	for (; !ret && state->item < tdev->config.cores; state->item++) {
		ret = -EMSGSIZE;
		if (tnpu_dump_begin_item(&message, skb, cb,
					 TNPU_CMD_ENGINE_GET))
			ret = tnpu_netlink_put_engine(&message, tdev, sample,
						      state->item);
		if (ret)
			break;
	}
	kfree(sample);
	return ret;
}

static int tnpu_netlink_engine_dump(struct sk_buff *skb,
				    struct netlink_callback *cb)
{
	return tnpu_netlink_dump(skb, cb, TNPU_A_ENGINE_DEVICE,
				 tnpu_dump_engines);
}

/* --- Clients ------------------------------------------------------------------ */

static u64 tnpu_netlink_memory_of(struct drm_file *file)
{
	struct drm_gem_object *obj;
	u64 size = 0;
	int handle;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, handle)
		size += obj->size;
	spin_unlock(&file->table_lock);
	return size;
}

static u32 tnpu_netlink_queues_of(struct tnpu_file *tfile)
{
	struct tnpu_queue *queue;
	unsigned long number;
	u32 count = 0;

	xa_lock(&tfile->queues);
	xa_for_each(&tfile->queues, number, queue)
		count++;
	xa_unlock(&tfile->queues);
	return count;
}

/* Who opened the file, as the reader of the dump may know him. */
static int tnpu_netlink_put_process(struct sk_buff *skb, struct drm_file *file)
{
	struct task_struct *task;
	char comm[TASK_COMM_LEN] = "";
	struct pid *pid;
	pid_t number;

	rcu_read_lock();
	pid = rcu_dereference(file->pid);
	number = pid_vnr(pid);
	task = number ? pid_task(pid, PIDTYPE_TGID) : NULL;
	if (task)
		get_task_comm(comm, task);
	rcu_read_unlock();
	if (nla_put_u32(skb, TNPU_A_CLIENT_PID, number) ||
	    nla_put_string(skb, TNPU_A_CLIENT_COMM, comm))
		return -EMSGSIZE;
	return 0;
}

static int tnpu_netlink_put_client(struct tnpu_message *message,
				   struct tnpu_device *tdev,
				   struct drm_file *file)
{
	struct tnpu_file *tfile = file->driver_priv;
	struct sk_buff *skb = message->skb;
	int ret = 0;

	if (nla_put_u32(skb, TNPU_A_CLIENT_DEVICE, tnpu_netlink_id(tdev)) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_CLIENT_ID, file->client_id) ||
	    tnpu_netlink_put_process(skb, file) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_CLIENT_CYCLES,
				 atomic64_read(&tfile->cycles)) ||
	    nla_put_u32(skb, TNPU_A_CLIENT_QUEUES,
			tnpu_netlink_queues_of(tfile)) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_CLIENT_MEMORY,
				 tnpu_netlink_memory_of(file)))
		ret = -EMSGSIZE;
	return tnpu_message_end(message, ret);
}

/* The newest come first in the list, and the highest numbers: down from there. */
static int tnpu_dump_clients(struct sk_buff *skb, struct netlink_callback *cb,
			     struct tnpu_device *tdev,
			     struct tnpu_dump_state *state)
{
	const u64 before = state->item;
	struct tnpu_message message;
	struct drm_file *file;
	int ret = 0;

	tnpu_userq_refresh_all(tdev);
	mutex_lock(&tdev->drm.filelist_mutex);
	list_for_each_entry(file, &tdev->drm.filelist, lhead) {
		if (before && file->client_id >= before)
			continue;
		ret = -EMSGSIZE;
		if (tnpu_dump_begin_item(&message, skb, cb,
					 TNPU_CMD_CLIENT_GET))
			ret = tnpu_netlink_put_client(&message, tdev, file);
		if (ret)
			break;
		state->item = file->client_id;
	}
	mutex_unlock(&tdev->drm.filelist_mutex);
	return ret;
}

static int tnpu_netlink_client_dump(struct sk_buff *skb,
				    struct netlink_callback *cb)
{
	return tnpu_netlink_dump(skb, cb, TNPU_A_CLIENT_DEVICE,
				 tnpu_dump_clients);
}

/* --- Events ------------------------------------------------------------------- */

/* Begins an event of the device; false: nobody listens, or there is no memory. */
static bool tnpu_netlink_begin_event(struct tnpu_message *message,
				     const struct tnpu_device *tdev, u8 cmd)
{
	if (!genl_has_listeners(&family, &init_net, TNPU_GROUP_EVENTS))
		return false;
	message->skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	if (!message->skb)
		return false;
	message->head = genlmsg_put(message->skb, 0, 0, &family, 0, cmd);
	if (message->head &&
	    !nla_put_u32(message->skb, TNPU_A_EVENT_DEVICE,
			 tnpu_netlink_id(tdev)) &&
	    !nla_put_string(message->skb, TNPU_A_EVENT_NAME,
			    dev_name(tdev->drm.dev)))
		return true;
	nlmsg_free(message->skb);
	return false;
}

static void tnpu_netlink_send(struct tnpu_message *message, int error)
{
	if (tnpu_message_end(message, error))
		nlmsg_free(message->skb);
	else
		genlmsg_multicast(&family, message->skb, 0, TNPU_GROUP_EVENTS,
				  GFP_ATOMIC);
}

/**
 * tnpu_netlink_tell_fault_locked() - a job has not ended well
 * @queue: whose state tells of it; tnpu_device.job_lock is held
 * @status: how it ended
 */
void tnpu_netlink_tell_fault_locked(const struct tnpu_queue *queue, u32 status)
{
	const struct drm_tnpu_queue_state *state = &queue->state;
	struct drm_file *file = queue->tfile->file;
	struct tnpu_message message;
	struct sk_buff *skb;
	int error = 0;
	pid_t pid;

	if (!tnpu_netlink_begin_event(&message, queue->tdev,
				      TNPU_CMD_FAULT_NTF))
		return;
	skb = message.skb;
	rcu_read_lock();
	pid = pid_nr(rcu_dereference(file->pid));
	rcu_read_unlock();
	if (tnpu_netlink_put_u64(skb, TNPU_A_EVENT_CLIENT, file->client_id) ||
	    nla_put_u32(skb, TNPU_A_EVENT_PID, pid) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_EVENT_JOB, state->fault_job) ||
	    nla_put_u32(skb, TNPU_A_EVENT_STATUS, status) ||
	    nla_put_u32(skb, TNPU_A_EVENT_CODE, state->fault_code) ||
	    nla_put_u32(skb, TNPU_A_EVENT_UNIT, state->fault_unit) ||
	    nla_put_u32(skb, TNPU_A_EVENT_COMMAND, state->fault_cmd) ||
	    tnpu_netlink_put_u64(skb, TNPU_A_EVENT_ADDR, state->fault_addr))
		error = -EMSGSIZE;
	tnpu_netlink_send(&message, error);
}

/**
 * tnpu_netlink_tell_reset() - a rung of recovery was climbed
 * @tdev: device
 * @rung: which one
 * @error: 0, or -errno why it did not help
 */
void tnpu_netlink_tell_reset(struct tnpu_device *tdev, u32 rung, int error)
{
	struct tnpu_message message;
	int ret = 0;

	if (!tnpu_netlink_begin_event(&message, tdev, TNPU_CMD_RESET_NTF))
		return;
	if (nla_put_u32(message.skb, TNPU_A_EVENT_RUNG, rung) ||
	    nla_put_s32(message.skb, TNPU_A_EVENT_ERROR, error))
		ret = -EMSGSIZE;
	tnpu_netlink_send(&message, ret);
}

/**
 * tnpu_netlink_tell_throttle() - reasons to be slower have come or gone
 * @tdev: device
 * @throttle: those there are, NPU_THROTTLE_*
 * @clock_khz: of the cores
 * @temperature_mc: of the die
 */
void tnpu_netlink_tell_throttle(struct tnpu_device *tdev, u32 throttle,
				u32 clock_khz, s32 temperature_mc)
{
	struct tnpu_message message;
	int ret = 0;

	if (!tnpu_netlink_begin_event(&message, tdev, TNPU_CMD_THROTTLE_NTF))
		return;
	if (nla_put_u32(message.skb, TNPU_A_EVENT_CURRENT_CLOCK_KHZ,
			clock_khz) ||
	    nla_put_u32(message.skb, TNPU_A_EVENT_THROTTLE, throttle) ||
	    nla_put_s32(message.skb, TNPU_A_EVENT_TEMPERATURE, temperature_mc))
		ret = -EMSGSIZE;
	tnpu_netlink_send(&message, ret);
}

/**
 * tnpu_netlink_tell_power() - a device sleeps or wakes, or its limits were set
 * @tdev: device
 */
void tnpu_netlink_tell_power(struct tnpu_device *tdev)
{
	struct tnpu_message message;
	int ret = 0;

	if (!tnpu_netlink_begin_event(&message, tdev, TNPU_CMD_POWER_NTF))
		return;
	if (nla_put_u32(message.skb, TNPU_A_EVENT_STATE,
			READ_ONCE(tdev->state)) ||
	    nla_put_u32(message.skb, TNPU_A_EVENT_POWER_CAP,
			READ_ONCE(tdev->limits.power_cap_uw)) ||
	    nla_put_u32(message.skb, TNPU_A_EVENT_CLOCK_LIMIT,
			READ_ONCE(tdev->limits.clock_khz)))
		ret = -EMSGSIZE;
	tnpu_netlink_send(&message, ret);
}

/* --- The family ---------------------------------------------------------------- */

static const struct nla_policy device_policy[] = {
	[TNPU_A_DEVICE_ID] = { .type = NLA_U32 },
};

static const struct nla_policy device_set_policy[] = {
	[TNPU_A_DEVICE_ID] = { .type = NLA_U32 },
	[TNPU_A_DEVICE_POWER_CAP] = { .type = NLA_U32 },
	[TNPU_A_DEVICE_CLOCK_LIMIT] = { .type = NLA_U32 },
};

static const struct nla_policy engine_policy[] = {
	[TNPU_A_ENGINE_DEVICE] = { .type = NLA_U32 },
};

static const struct nla_policy client_policy[] = {
	[TNPU_A_CLIENT_DEVICE] = { .type = NLA_U32 },
};

static const struct genl_split_ops ops[] = {
	{
		.cmd = TNPU_CMD_DEVICE_GET,
		.doit = tnpu_netlink_device_get,
		.policy = device_policy,
		.maxattr = TNPU_A_DEVICE_ID,
		.flags = GENL_CMD_CAP_DO,
	}, {
		.cmd = TNPU_CMD_DEVICE_GET,
		.dumpit = tnpu_netlink_device_dump,
		.flags = GENL_CMD_CAP_DUMP,
	}, {
		.cmd = TNPU_CMD_ENGINE_GET,
		.dumpit = tnpu_netlink_engine_dump,
		.policy = engine_policy,
		.maxattr = TNPU_A_ENGINE_DEVICE,
		.flags = GENL_CMD_CAP_DUMP,
	}, {
		.cmd = TNPU_CMD_CLIENT_GET,
		.dumpit = tnpu_netlink_client_dump,
		.policy = client_policy,
		.maxattr = TNPU_A_CLIENT_DEVICE,
		.flags = GENL_CMD_CAP_DUMP,
	}, {
		.cmd = TNPU_CMD_DEVICE_SET,
		.doit = tnpu_netlink_device_set,
		.policy = device_set_policy,
		.maxattr = TNPU_A_DEVICE_CLOCK_LIMIT,
		.flags = GENL_CMD_CAP_DO,
	},
};

static struct genl_family family __ro_after_init = {
	.name = TNPU_NETLINK_FAMILY,
	.version = TNPU_NETLINK_VERSION,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.split_ops = ops,
	.n_split_ops = ARRAY_SIZE(ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

int tnpu_netlink_register(void)
{
	return genl_register_family(&family);
}

void tnpu_netlink_unregister(void)
{
	genl_unregister_family(&family);
}

/**
 * tnpu_netlink_add() - let a device be found
 * @tdev: device that is registered
 *
 * Return: 0 or -ENOMEM.
 */
int tnpu_netlink_add(struct tnpu_device *tdev)
{
	return xa_insert(&devices, tnpu_netlink_id(tdev), tdev, GFP_KERNEL);
}

/**
 * tnpu_netlink_remove() - let it be found no more
 * @tdev: device
 */
void tnpu_netlink_remove(struct tnpu_device *tdev)
{
	xa_erase(&devices, tnpu_netlink_id(tdev));
}
