/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device as the rest of the driver sees it: its state, its parts, and how it
 * is started, recovered and stopped.
 */
#ifndef TNPU_DEVICE_H
#define TNPU_DEVICE_H

#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <drm/drm_device.h>
#include <drm/gpu_scheduler.h>
#include <npu/regs.h>

#include "tnpu_counters.h"
#include "tnpu_dump.h"
#include "tnpu_fw.h"
#include "tnpu_limits.h"
#include "tnpu_recover.h"
#include "tnpu_ring.h"
#include "tnpu_telemetry.h"

struct tnpu_queue;

/**
 * enum tnpu_state - what can be done with the device
 * @TNPU_STARTING: not yet, or not at the moment: it is being recovered
 * @TNPU_UP: everything
 * @TNPU_ASLEEP: not at the moment: nobody needs it, or the system sleeps
 * @TNPU_LOST: nothing any more, recovery failed; ioctls say EIO
 * @TNPU_GONE: nothing any more, it was removed; ioctls say ENODEV
 */
enum tnpu_state {
	TNPU_STARTING,
	TNPU_UP,
	TNPU_ASLEEP,
	TNPU_LOST,
	TNPU_GONE,
};

/* The machine's dimensions, as the registers of the same names say. */
struct tnpu_config {
	u32 version;
	u32 cores;
	u32 macs;
	u32 sram_size;
	u32 clock_khz;
	u32 sram_bw;
	u32 sram_latency;
	u32 mem_bw;
	u32 mem_latency;
	u32 mode;
	u32 doorbells;
	u32 contexts;
};

/**
 * struct tnpu_slot - one of the queues that the firmware can have
 * @sched: hands over the jobs of the queue. It belongs to the slot, not to the
 *	queue, and lives as long as the device, since jobs that were cancelled
 *	before their dependencies signalled refer to it for a while.
 * @queue: the queue that the firmware knows under this slot's number, or NULL
 * @is_taken: somebody has this slot
 * @name: of @sched
 */
struct tnpu_slot {
	struct drm_gpu_scheduler sched;
	struct tnpu_queue *queue;
	bool is_taken;
	char name[16];
};

/**
 * struct tnpu_context - one of the device's address spaces
 * @root: bus address of its root table
 * @is_taken: somebody has it; guarded by job_lock
 * @is_set: the firmware knows @root; guarded by reset_sem
 */
struct tnpu_context {
	dma_addr_t root;
	bool is_taken;
	bool is_set;
};

/**
 * struct tnpu_device - a TinyNPU
 *
 * Order of locks: tnpu_vm.lock, buffers' reservations, tnpu_vm.pt_lock,
 * tnpu_queue.submit_lock, reset_sem, job_lock, ring.lock. Signalling fences needs
 * pt_lock (binds), reset_sem (recovery) and job_lock, so nothing may be allocated
 * under these that could wait for fences.
 *
 * @drm: the DRM device
 * @regs: BAR 0
 * @doorbells: BAR 2
 * @irq: interrupt of the event ring; enabled while the firmware runs
 * @config: what the machine is
 * @fw: firmware image
 * @ring: memory shared with the firmware, and who waits for its answers
 * @boots: how often the firmware was started
 * @counters: where the firmware tells what it has done
 * @telemetry: what it has done since the device was bound
 * @limits: of power and clock
 * @reset_sem: held for reading by who talks to the firmware, together with the
 *	change of @contexts or @slots that goes with it; held for writing while
 *	the device is brought to what @contexts and @slots say
 * @state: written with @reset_sem (for writing) and @job_lock held
 * @recoveries: finished recoveries, including those that failed
 * @recovery: how it is recovered
 * @dump: what is left of a hang or a crash, for devcoredump
 * @reset_wq: ordered; runs timeout handlers and recoveries
 * @sched_wq: ordered; runs the schedulers
 * @contexts: address spaces
 * @slots: queues
 * @job_lock: guards the queues' jobs, states and rings; see struct tnpu_queue
 * @jobs: all jobs that have not ended, by the lower half of their cookies
 * @generation: upper half of the last job's cookie, so that none is used twice
 * @progress: rises when any job is seen to make progress; guarded by @job_lock
 * @vms_lock: guards @vms
 * @vms: all address spaces
 * @users_lock: guards @users and what they have
 * @users: who has files
 * @bind_wq: makes binds, which signal fences
 * @clean_wq: frees what they leave behind
 */
struct tnpu_device {
	struct drm_device drm;
	void __iomem *regs;
	void __iomem *doorbells;
	int irq;
	struct tnpu_config config;
	struct tnpu_fw fw;
	struct tnpu_ring ring;
	u32 boots;
	struct tnpu_counters counters;
	struct tnpu_telemetry telemetry;
	struct tnpu_limits limits;

	struct rw_semaphore reset_sem;
	enum tnpu_state state;
	u32 recoveries;
	struct tnpu_recovery recovery;
	struct tnpu_dump dump;
	struct workqueue_struct *reset_wq;
	struct workqueue_struct *sched_wq;

	struct tnpu_context contexts[NPU_MAX_CONTEXTS];
	struct tnpu_slot slots[NPU_MAX_QUEUES];
	spinlock_t job_lock; /* jobs, queues, slots, contexts' is_taken */
	struct xarray jobs;
	atomic_t generation;
	u64 progress;

	struct mutex vms_lock; /* vms */
	struct list_head vms;
	spinlock_t users_lock; /* users */
	struct list_head users;
	struct workqueue_struct *bind_wq;
	struct workqueue_struct *clean_wq;
};

static inline struct tnpu_device *to_tnpu_device(struct drm_device *drm)
{
	return container_of(drm, struct tnpu_device, drm);
}

u32 tnpu_device_read(struct tnpu_device *tdev, u32 reg);
void tnpu_device_write(struct tnpu_device *tdev, u32 reg, u32 value);
void tnpu_device_ring_doorbell(struct tnpu_device *tdev, u32 doorbell);

int tnpu_device_init(struct tnpu_device *tdev);
int tnpu_device_start(struct tnpu_device *tdev);
int tnpu_device_halt(struct tnpu_device *tdev);
int tnpu_device_bring_up(struct tnpu_device *tdev);
void tnpu_device_set_state(struct tnpu_device *tdev, enum tnpu_state state);
void tnpu_device_give_up(struct tnpu_device *tdev, enum tnpu_state state,
			 int error);
void tnpu_device_remove(struct tnpu_device *tdev);
int tnpu_device_enter(struct tnpu_device *tdev, int *idx);
void tnpu_device_exit(int idx);

#endif
