// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints' code; tnpu_trace.h says what they are. */

#include "tnpu_device.h"
#include "tnpu_job.h"
#include "tnpu_queue.h"

#define CREATE_TRACE_POINTS
#include "tnpu_trace.h"
