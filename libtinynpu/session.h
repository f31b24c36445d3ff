/* SPDX-License-Identifier: MIT */
/* A session's inside, shared by session.c (its memory) and job.c (its jobs). */
#ifndef TINYNPU_SESSION_H
#define TINYNPU_SESSION_H

#include "internal.h"

#include <pthread.h>

/*
 * The memory of a session, in the order of its addresses. All lies in a context
 * of its own, so that a hostile program reaches nothing but this.
 */
struct session_memory {
	struct backend_buffer commands;
	struct backend_buffer constants; /* unless the program has none */
	struct backend_buffer regions;
	struct backend_buffer result;
	struct backend_buffer scratch; /* unless the program needs none */
	struct backend_buffer tensors[NPU_PROGRAM_MAX_TENSORS];
};

struct tinynpu_session {
	struct tinynpu_device *device; /* reference */
	struct tinynpu_program *program; /* reference */
	void *context; /* of the device's backend, owned */
	struct session_memory memory; /* fixed once created */

	pthread_mutex_t lock; /* held by each call; guards all below */
	bool is_submitted; /* a job that nobody has waited for */
	bool is_failed; /* a job ended badly: there will be no other */
	int64_t submitted_ns;
	struct tinynpu_stats stats;
	struct backend_end end; /* of the last job */
};

#endif
