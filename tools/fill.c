// SPDX-License-Identifier: MIT
/* Inputs for who has none; called by bench.c and profile. */
#include "fill.h"

void fill_inputs(const struct tinynpu_program *program,
		 struct tinynpu_session *session)
{
	struct tinynpu_program_info info;
	struct tinynpu_tensor_info tensor;
	uint32_t i, state = 1;
	uint64_t j;

	tinynpu_program_info(program, &info, sizeof(info));
	for (i = 0; i < info.inputs; i++) {
		uint8_t *bytes = tinynpu_session_tensor(session, i);

		tinynpu_program_tensor(program, i, &tensor, sizeof(tensor));
		for (j = 0; j < tensor.size; j++) {
			state = state * 1664525 + 1013904223;
			bytes[j] = state >> 24;
		}
	}
}
