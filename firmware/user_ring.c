// SPDX-License-Identifier: MIT
/*
 * User-mode queues: what differs from other queues. Their rings are memory of a
 * process, which is reached through its context and may be gone, read-only or
 * rewritten at any moment; jobs' ends are told there, and the driver hears only
 * of a wish to be woken, and of the queue's end. Called by sched.c and admin.c;
 * jobs are taken by ring.c, as from any ring.
 */
#include "fw.h"
#include "io.h"

/* Begin where the ring says: at zero, or where a restart came in between. */
void user_ring_open(struct fw_queue *queue)
{
	queue_show(queue);
	queue->head = io_read32(FW_RING(head));
	queue->completed = io_read64(FW_RING(completed));
	queue->is_lost = queue->head != (uint32_t)queue->completed;
	io_write32(FW_RING(armed), 0);
}

/* Why a queue halts whose ring can't be used any more. */
void user_ring_blame(const struct fw_queue *queue,
		     struct npu_job_result *result)
{
	if (queue->is_lost) {
		*result = (struct npu_job_result){ .status = NPU_JOB_RESET };
	} else if (queue->fault) {
		result->fault_code = queue->fault;
		result->fault_info = 0;
		result->fault_addr = queue->ring;
	}
}

static bool is_well(const struct npu_job_result *result)
{
	return result->status == NPU_JOB_OK ||
	       result->status == NPU_JOB_CANCELLED;
}

/* Tell the owner in the ring, which is shown. */
static void write_end(struct fw_queue *queue, struct npu_job_result *result)
{
	if (queue->head - (uint32_t)queue->completed == 1)
		queue->completed++;
	if (!is_well(result))
		io_write32(FW_RING(status), result->status);
	io_fence(); /* the owner's between completed and the rest */
	io_write64(FW_RING(completed), queue->completed);
	queue->fault = window_take_fault(FW_WINDOW_QUEUE);
	if (!queue->fault || !is_well(result))
		return;
	result->status = NPU_JOB_FAULT;
	result->fault_unit = NPU_FAULT_UNIT_FETCH;
	user_ring_blame(queue, result);
}

/* Whether the owner, since it was woken last, asked to be woken by now. */
static bool take_wish(struct fw_queue *queue)
{
	uint32_t armed = io_read32(FW_RING(wake_armed));
	uint32_t at;

	if (!armed || armed == queue->wake_seen)
		return false;
	io_fence(); /* the owner's between wake_at and wake_armed */
	at = io_read32(FW_RING(wake_at));
	if (window_take_fault(FW_WINDOW_QUEUE) ||
	    (int32_t)((uint32_t)queue->completed - at) < 0)
		return false;
	queue->wake_seen = armed;
	return true;
}

/*
 * A job has ended, or the ring is found to be unusable; there is room for an
 * event. A ring that can't be written is a fault of a job that was well.
 */
void user_ring_end(struct fw *fw, uint32_t index, uint64_t cookie,
		   struct npu_job_result *result)
{
	struct fw_queue *queue = &fw->queues[index];
	struct npu_event event = {
		.type = NPU_EVENT_USER_WAKE,
		.queue = index,
		.status = NPU_JOB_OK,
		.id = queue->completed,
	};

	queue_show(queue);
	write_end(queue, result);
	if (!is_well(result)) {
		event.type = NPU_EVENT_USER_HALT;
		event.status = result->status;
		event.id = cookie;
		event.fault_addr = result->fault_addr;
		event.fault_cmd = result->fault_cmd;
		event.fault_info = result->fault_info;
		event.fault_code = result->fault_code;
		event.fault_unit = result->fault_unit;
		event.core = result->core;
		event_put(fw, &event, true);
		return;
	}
	io_fence(); /* the owner's between wake_armed and completed */
	if (take_wish(queue))
		event_put(fw, &event, true);
}
