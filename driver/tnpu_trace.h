/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: a job's way from SUBMIT to its end, faults, recoveries, and clocks.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tinynpu

#if !defined(TNPU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TNPU_TRACE_H

#include <linux/tracepoint.h>

#include "tnpu_device.h"
#include "tnpu_job.h"
#include "tnpu_queue.h"

DECLARE_EVENT_CLASS(tnpu_job,
		    TP_PROTO(const struct tnpu_job *job),
		    TP_ARGS(job),
		    TP_STRUCT__entry(__field(u32, queue)
				     __field(u64, number)
				     __field(u64, cookie)
				     __field(int, error)
				     ),
		    TP_fast_assign(__entry->queue = job->queue->slot;
				   __entry->number = job->number;
				   __entry->cookie =
					le64_to_cpu(job->entry.cookie);
				   __entry->error = job->error;
				   ),
		    TP_printk("queue=%u job=%llu cookie=%llu error=%d",
			      __entry->queue, __entry->number, __entry->cookie,
			      __entry->error)
);

/* SUBMIT took it */
DEFINE_EVENT(tnpu_job, tnpu_job_queue,
	     TP_PROTO(const struct tnpu_job *job),
	     TP_ARGS(job)
);

/* it is written into the ring */
DEFINE_EVENT(tnpu_job, tnpu_job_run,
	     TP_PROTO(const struct tnpu_job *job),
	     TP_ARGS(job)
);

/* its fence is signalled */
DEFINE_EVENT(tnpu_job, tnpu_job_done,
	     TP_PROTO(const struct tnpu_job *job),
	     TP_ARGS(job)
);

TRACE_EVENT(tnpu_job_fault,
	    TP_PROTO(const struct tnpu_queue *queue, u32 status),
	    TP_ARGS(queue, status),
	    TP_STRUCT__entry(__field(u32, queue)
			     __field(u64, number)
			     __field(u32, status)
			     __field(u32, code)
			     __field(u32, unit)
			     __field(u32, command)
			     __field(u32, info)
			     __field(u64, addr)
			     ),
	    TP_fast_assign(__entry->queue = queue->slot;
			   __entry->number = queue->state.fault_job;
			   __entry->status = status;
			   __entry->code = queue->state.fault_code;
			   __entry->unit = queue->state.fault_unit;
			   __entry->command = queue->state.fault_cmd;
			   __entry->info = queue->state.fault_info;
			   __entry->addr = queue->state.fault_addr;
			   ),
	    TP_printk("queue=%u job=%llu status=%u code=%u unit=%u command=%u info=%#x addr=%#llx",
		      __entry->queue, __entry->number, __entry->status,
		      __entry->code, __entry->unit, __entry->command,
		      __entry->info, __entry->addr)
);

/* a rung of the ladder (enum tnpu_rung) was climbed; with an error in vain */
TRACE_EVENT(tnpu_recovery,
	    TP_PROTO(const struct tnpu_device *tdev, u32 rung, int error),
	    TP_ARGS(tdev, rung, error),
	    TP_STRUCT__entry(__field(u32, recoveries)
			     __field(u32, rung)
			     __field(int, error)
			     ),
	    TP_fast_assign(__entry->recoveries = tdev->recoveries;
			   __entry->rung = rung;
			   __entry->error = error;
			   ),
	    TP_printk("recoveries=%u rung=%u error=%d", __entry->recoveries,
		      __entry->rung, __entry->error)
);

/* reasons to be slower (NPU_THROTTLE_*) have come or gone */
TRACE_EVENT(tnpu_throttle,
	    TP_PROTO(const struct tnpu_device *tdev, u32 throttle,
		     u32 clock_khz, s32 temperature_mc),
	    TP_ARGS(tdev, throttle, clock_khz, temperature_mc),
	    TP_STRUCT__entry(__field(u32, device)
			     __field(u32, throttle)
			     __field(u32, clock_khz)
			     __field(s32, temperature_mc)
			     ),
	    TP_fast_assign(__entry->device = tdev->drm.accel->index;
			   __entry->throttle = throttle;
			   __entry->clock_khz = clock_khz;
			   __entry->temperature_mc = temperature_mc;
			   ),
	    TP_printk("device=%u throttle=%#x clock_khz=%u temperature_mc=%d",
		      __entry->device, __entry->throttle, __entry->clock_khz,
		      __entry->temperature_mc)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tnpu_trace
#include <trace/define_trace.h>
