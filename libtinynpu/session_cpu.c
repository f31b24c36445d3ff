// SPDX-License-Identifier: MIT
/*
 * A session's operators on the CPU: their tensors in the session's memory, and
 * runs of them. Everything was checked when the program was read.
 */
#include "cpu/cpu.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_ALIGN 64

static char *map_of(const struct tinynpu_session *session, uint32_t region)
{
	const struct session_memory *m = &session->memory;

	if (region == NPU_REGION_CONSTANTS)
		return m->constants.map;
	if (region == NPU_REGION_SCRATCH)
		return m->scratch.map;
	if (region == NPU_REGION_VARIABLES(session->program->tensor_count))
		return m->variables.map;
	return m->tensors[region - NPU_REGION_TENSORS].map;
}

void session_cpu_place(struct tinynpu_session *session)
{
	const struct program_cpu *from = &session->program->cpu;
	uint32_t i;

	for (i = 0; i < from->tensor_count; i++) {
		const struct npu_cpu_tensor *record = &from->records[i];

		session->cpu.tensors[i].data =
			map_of(session, record->region) + record->offset;
	}
}

int session_cpu_init(struct tinynpu_session *session,
		     struct tinynpu_error *error)
{
	const struct program_cpu *from = &session->program->cpu;
	struct session_cpu *cpu = &session->cpu;
	int err;

	if (!from->op_count)
		return 0;
	cpu->tensors = calloc(from->tensor_count, sizeof(*cpu->tensors));
	cpu->in = calloc(from->inputs_most + 1, sizeof(const void *));
	if (from->scratch_size &&
	    posix_memalign(&cpu->scratch, SCRATCH_ALIGN, from->scratch_size))
		cpu->scratch = NULL;
	if (!cpu->tensors || !cpu->in ||
	    (from->scratch_size && !cpu->scratch)) {
		session_cpu_fini(session);
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	}
	memcpy(cpu->tensors, from->tensors,
	       from->tensor_count * sizeof(*cpu->tensors));
	session_cpu_place(session);
	err = session_custom_init(session, error);
	if (err)
		session_cpu_fini(session);
	return err;
}

void session_cpu_fini(struct tinynpu_session *session)
{
	session_custom_fini(session);
	free(session->cpu.tensors);
	free(session->cpu.in);
	free(session->cpu.scratch);
}

static int fail(const struct tinynpu_session *session, uint32_t index, int err,
		const char *why, struct tinynpu_error *error)
{
	const struct tinynpu_program *prog = session->program;

	return tinynpu_error_set(error, err, "%s: %s",
		prog->names + prog->layers[prog->cpu.ops[index].layer].name,
		why);
}

int session_cpu_run(struct tinynpu_session *session,
		    const struct npu_program_segment *segment,
		    struct tinynpu_error *error)
{
	const struct tinynpu_program *prog = session->program;
	struct session_cpu *cpu = &session->cpu;
	uint32_t i;

	for (i = segment->first; i < segment->first + segment->count; i++) {
		struct cpu_op op = tinynpu_program_cpu_op(prog, cpu->tensors, i,
							  cpu->in);
		struct tinynpu_error inner;
		const char *bad = NULL;
		int err = -EFAULT;

		if (op.kind == NPU_CPU_CUSTOM) {
			if (session_custom_run(session, &op))
				bad = "its function failed";
		} else if (op.kind == NPU_CPU_LOOP) {
			err = session_loop_run(session, &op, &inner);
			if (err)
				bad = inner.text;
		} else {
			bad = cpu_op_run(&op, cpu->scratch);
		}
		if (bad)
			return fail(session, i, err, bad, error);
	}
	return 0;
}
