/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is shared with the firmware: the init block, the admin ring, the event
 * ring and the log, and the calls that wait for answers.
 */
#ifndef TNPU_RING_H
#define TNPU_RING_H

#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <npu/ring.h>

struct drm_printer;
struct tnpu_device;

/**
 * struct tnpu_ring - memory shared with the firmware
 * @init: init block
 * @init_dma: its bus address
 * @admin: commands for the firmware
 * @admin_dma: bus address of @admin
 * @events: answers and ended jobs
 * @events_dma: bus address of @events
 * @log: text
 * @log_dma: bus address of @log
 * @lock: guards what follows, except @event_head
 * @is_open: the firmware takes commands
 * @admin_tail: commands written
 * @calls: commands that have not been answered
 * @in_flight: how many those are
 * @seq: number of the last command
 * @space: wakes who waits for a place in @admin
 * @event_head: events read; of the interrupt's thread, or of who disabled it
 */
struct tnpu_ring {
	struct npu_init *init;
	dma_addr_t init_dma;
	struct npu_admin_cmd *admin;
	dma_addr_t admin_dma;
	struct npu_event *events;
	dma_addr_t events_dma;
	char *log;
	dma_addr_t log_dma;

	spinlock_t lock; /* what follows, but event_head */
	bool is_open;
	u32 admin_tail;
	struct list_head calls;
	u32 in_flight;
	u32 seq;
	wait_queue_head_t space;

	u32 event_head;
};

#define TNPU_ADMIN_ARGS 7
#define TNPU_ADMIN_RESULTS 3

int tnpu_ring_init(struct tnpu_device *tdev);
void tnpu_ring_prepare(struct tnpu_device *tdev);
int tnpu_ring_open(struct tnpu_device *tdev);
void tnpu_ring_abort(struct tnpu_device *tdev);
void tnpu_ring_drain(struct tnpu_device *tdev);
int tnpu_ring_send(struct tnpu_device *tdev, enum npu_admin_op op,
		   const __le64 args[TNPU_ADMIN_ARGS],
		   u64 results[TNPU_ADMIN_RESULTS]);
int tnpu_ring_call(struct tnpu_device *tdev, enum npu_admin_op op, u64 arg0,
		   u64 arg1, u64 arg2, u64 results[TNPU_ADMIN_RESULTS]);
void tnpu_ring_print_log(struct tnpu_device *tdev, struct drm_printer *p);
irqreturn_t tnpu_ring_irq(int irq, void *data);
irqreturn_t tnpu_ring_irq_thread(int irq, void *data);

#endif
