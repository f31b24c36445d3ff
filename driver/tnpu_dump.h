/* SPDX-License-Identifier: GPL-2.0-only */
/* The device coredump: what is left of a device that hung or crashed. */
#ifndef TNPU_DUMP_H
#define TNPU_DUMP_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct tnpu_device;

/**
 * struct tnpu_dump - where a dump is taken
 * @buffer: NPU_DUMP_MAX_SIZE bytes, there from the start: recovery may not allocate
 * @size: used so far; this and the next belong to who has made @state BUSY
 * @section_count: sections in @buffer
 * @state: FREE, BUSY or FULL
 * @hang: not NULL: a job hung, says this sentence, and a dump is wanted
 * @work: hands a dump over to devcoredump
 */
struct tnpu_dump {
	void *buffer;
	u32 size;
	u32 section_count;
	atomic_t state;
	const char *hang;
	struct work_struct work;
};

int tnpu_dump_init(struct tnpu_device *tdev);
void tnpu_dump_take(struct tnpu_device *tdev, const char *why);
void tnpu_dump_request(struct tnpu_device *tdev, const char *why);
void tnpu_dump_flush(struct tnpu_device *tdev);

#endif
