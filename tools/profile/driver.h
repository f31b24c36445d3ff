/* SPDX-License-Identifier: MIT */
/* What the kernel's driver does meanwhile. */
#ifndef PROFILE_DRIVER_H
#define PROFILE_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#define DRIVER_PATH_SIZE 96
#define DRIVER_JOBS_MOST 256

/* By CLOCK_MONOTONIC, ns, as exact as the kernel prints: to the microsecond. */
struct driver_job {
	uint64_t number; /* the driver's */
	uint64_t queued; /* SUBMIT took it */
	uint64_t run; /* it is in the firmware's ring */
	uint64_t done; /* its fence is signalled */
};

struct driver_times {
	unsigned int queue;
	uint32_t count;
	struct driver_job job[DRIVER_JOBS_MOST];
};

struct driver_trace {
	char path[DRIVER_PATH_SIZE];
};

/**
 * driver_trace_start() - have the driver's tracepoints write
 * @trace: for driver_trace_stop()
 *
 * Return: false if this process may not, or there is no tracefs; nothing is left.
 */
bool driver_trace_start(struct driver_trace *trace);

/**
 * driver_trace_stop() - take what they wrote of this process's jobs
 * @trace: was started
 * @times: of zeros; filled in
 */
void driver_trace_stop(struct driver_trace *trace, struct driver_times *times);

#endif
