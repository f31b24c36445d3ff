/* SPDX-License-Identifier: MIT */
/* Inputs for who has none. */
#ifndef FILL_H
#define FILL_H

#include <tinynpu.h>

/* Pseudo-random bytes, always the same ones, in all inputs of a session. */
void fill_inputs(const struct tinynpu_program *program,
		 struct tinynpu_session *session);

#endif
