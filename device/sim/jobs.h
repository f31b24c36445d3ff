/* SPDX-License-Identifier: MIT */
/* Jobs of the simulated board, see struct backend. */
#ifndef SIM_JOBS_H
#define SIM_JOBS_H

#include "../../libtinynpu/backend.h"

int sim_submit(void *context, const struct backend_job *job, bool is_waited,
	       struct tinynpu_error *error);
int sim_wait(void *context, int64_t deadline_ns, struct tinynpu_error *error);
int sim_cancel(void *context, struct tinynpu_error *error);
int sim_end(void *context, struct backend_end *end,
	    struct tinynpu_error *error);
int sim_fd(void *context);

#endif
