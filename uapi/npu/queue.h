/* SPDX-License-Identifier: MIT */
/*
 * The memory of a queue of jobs, which its submitter fills and the firmware
 * empties. Of a kernel queue the submitter is the driver; of a user-mode queue
 * it is the process, and the ring lies in its own address space. The order of
 * accesses is that of npu/ring.h's opening comment.
 */
#ifndef NPU_QUEUE_H
#define NPU_QUEUE_H

#include <npu/types.h>

#define NPU_QUEUE_ENTRIES_MAX 64 /* powers of two from 2 */

/**
 * struct npu_job - an entry of a queue's ring
 * @cookie: names the job in events; never 0
 * @commands: address of the commands in the queue's context
 * @regions: address of the region table (npu/job.h)
 * @result: address for struct npu_job_result, or 0
 * @command_count: 1..NPU_MAX_COMMANDS
 * @region_count: 0..NPU_MAX_REGIONS
 * @flags: NPU_JOB_CANCEL; may change until the job is taken
 */
struct npu_job {
	npu_le64 cookie;
	npu_le64 commands;
	npu_le64 regions;
	npu_le64 result;
	npu_le32 command_count;
	npu_le32 region_count;
	npu_le32 flags;
	uint8_t reserved[20];
};

NPU_ASSERT_SIZE(struct npu_job, 64);
NPU_ASSERT_OFFSET(struct npu_job, flags, 40);

#define NPU_JOB_CANCEL (1 << 0) /* it is not run, and ends as cancelled */

/**
 * struct npu_queue_ring - the memory of one queue
 *
 * Written by the submitter:
 * @tail: jobs written so far, modulo 2^32
 * @wake_armed: of a user-mode queue: a number that was not there before means:
 *	wake me, once, when @completed is @wake_at or more; 0: don't
 * @wake_at: modulo 2^32
 *
 * Written by the firmware:
 * @head: jobs taken so far, modulo 2^32
 * @armed: not 0: ring the queue's doorbell for new jobs
 * @completed: of a user-mode queue: jobs ended so far. The lower half is written
 *	first, so what a reader sees is never more than the truth
 * @status: likewise: why it is halted, enum npu_job_status; 0: it is not
 *
 * @jobs: entry i is at i modulo the queue's entries
 */
struct npu_queue_ring {
	npu_le32 tail;
	npu_le32 wake_armed;
	npu_le32 wake_at;
	uint8_t reserved0[52];
	npu_le32 head;
	npu_le32 armed;
	npu_le64 completed;
	npu_le32 status;
	uint8_t reserved1[44];
	struct npu_job jobs[NPU_QUEUE_ENTRIES_MAX];
};

NPU_ASSERT_OFFSET(struct npu_queue_ring, head, 64);
NPU_ASSERT_OFFSET(struct npu_queue_ring, completed, 72);
NPU_ASSERT_OFFSET(struct npu_queue_ring, jobs, 128);

#endif
