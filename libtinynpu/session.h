/* SPDX-License-Identifier: MIT */
/*
 * A session's inside, shared by session.c (its memory), session_cpu.c (its
 * operators on the CPU), custom.c (those of its user's), session_loop.c (its loops)
 * and job.c (its jobs).
 */
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
	struct backend_buffer variables; /* likewise */
	struct backend_buffer tensors[NPU_PROGRAM_MAX_TENSORS];
};

/* A loop's programs, in sessions of their own. */
struct session_loop {
	struct tinynpu_session *part[NPU_LOOP_PARTS]; /* owned */
	bool is_done; /* in this run: the results are the body's inputs */
};

/* What runs operators on the CPU; all NULL if there are none. */
struct session_cpu {
	struct cpu_tensor *tensors; /* owned: the program's, with their data */
	const struct cpu_tensor **in; /* owned: room for inputs of one operator */
	void *scratch; /* owned */
	/* Of a program with custom operators, all owned: */
	struct program_custom *customs; /* as they were; names are the program's */
	struct tinynpu_custom_tensor *custom_operands; /* of one operator */
	const struct tinynpu_custom_tensor **custom_in; /* likewise */
};

struct tinynpu_session {
	struct tinynpu_device *device; /* reference */
	struct tinynpu_program *program; /* reference */
	void *context; /* of the device's backend, owned */
	uint32_t clock_khz; /* of the device */
	struct session_memory memory; /* fixed once created, but for tensors */
	struct session_loop *loops; /* owned: as many as the program has */
	struct tinynpu_session *outer; /* whose loop this is part of, or NULL */
	atomic_bool is_cancelled; /* the run, by any thread */

	pthread_mutex_t lock; /* held by each call; guards all below */
	struct session_cpu cpu;
	int poll_fd; /* of programs with operators on the CPU, or -1 */
	int done_fd; /* readable: nothing is left but to be waited for */
	bool is_submitted; /* a run that nobody has waited for */
	bool is_job_running; /* segment number @segment - 1, on the device */
	bool keeps_state; /* of variables, from one run to the next */
	bool is_failed; /* a run ended badly: there will be no other */
	uint32_t segment; /* the next one of the run */
	int cpu_status; /* 0, or how an operator on the CPU failed */
	struct tinynpu_error cpu_error; /* what it said */
	uint32_t turns; /* of all loops in the run, if there is no @outer */
	int64_t submitted_ns;
	struct tinynpu_stats stats; /* summed up over the segments of a run */
	struct backend_end end; /* of the last job */
};

/* Gives variables what they begin with; no run may be on its way. */
void session_reset_variables(struct tinynpu_session *session);

struct cpu_op;

/* session_loop.c */
int session_loops_init(struct tinynpu_session *session,
		       struct tinynpu_error *error);
void session_loops_fini(struct tinynpu_session *session);
/* Before each run. */
void session_loops_reset(struct tinynpu_session *session);
/* Without the session's lock. */
void session_loops_cancel(struct tinynpu_session *session);
/* -ELOOP: too many turns; else how a run of its programs ended. */
int session_loop_run(struct tinynpu_session *session, const struct cpu_op *op,
		     struct tinynpu_error *error);

/* custom.c */
int session_custom_init(struct tinynpu_session *session,
			struct tinynpu_error *error);
void session_custom_fini(struct tinynpu_session *session);
/* 0, or what the function said. */
int session_custom_run(struct tinynpu_session *session,
		       const struct cpu_op *op);

/* session_cpu.c */
int session_cpu_init(struct tinynpu_session *session,
		     struct tinynpu_error *error);
/* Tells the operators where the session's memory is. */
void session_cpu_place(struct tinynpu_session *session);
void session_cpu_fini(struct tinynpu_session *session);

/* -EFAULT if an operator finds an input that it can't use; of loops more. */
int session_cpu_run(struct tinynpu_session *session,
		    const struct npu_program_segment *segment,
		    struct tinynpu_error *error);

#endif
