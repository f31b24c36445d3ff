// SPDX-License-Identifier: MIT
/*
 * A session's loops: condition and body have sessions of their own on the same
 * device, and the loop's values lie in the body's inputs from turn to turn.
 */
#include "cpu/cpu.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int session_loops_init(struct tinynpu_session *session,
		       struct tinynpu_error *error)
{
	const struct tinynpu_program *prog = session->program;
	int err = 0, part;
	uint32_t i;

	if (!prog->loop_count)
		return 0;
	session->loops = calloc(prog->loop_count, sizeof(*session->loops));
	if (!session->loops)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	for (i = 0; !err && i < prog->loop_count; i++)
		for (part = 0; !err && part < NPU_LOOP_PARTS; part++) {
			struct tinynpu_session **inner =
				&session->loops[i].part[part];

			err = tinynpu_session_create(session->device,
						     prog->loops[i].part[part],
						     inner, error);
			if (!err)
				(*inner)->outer = session;
		}
	if (err)
		session_loops_fini(session);
	return err;
}

void session_loops_fini(struct tinynpu_session *session)
{
	uint32_t i;
	int part;

	for (i = 0; session->loops && i < session->program->loop_count; i++)
		for (part = 0; part < NPU_LOOP_PARTS; part++)
			tinynpu_session_destroy(session->loops[i].part[part]);
	free(session->loops);
	session->loops = NULL;
}

void session_loops_reset(struct tinynpu_session *session)
{
	uint32_t i;

	for (i = 0; i < session->program->loop_count; i++)
		session->loops[i].is_done = false;
}

/* Nobody is told of a part that does not run now: the next turn sees the flag. */
void session_loops_cancel(struct tinynpu_session *session)
{
	uint32_t i;
	int part;

	for (i = 0; i < session->program->loop_count; i++)
		for (part = 0; part < NPU_LOOP_PARTS; part++)
			tinynpu_session_cancel(session->loops[i].part[part],
					       NULL);
}

static const struct tinynpu_session *outermost(const struct tinynpu_session *s)
{
	while (s->outer)
		s = s->outer;
	return s;
}

static bool is_cancelled(const struct tinynpu_session *session)
{
	return atomic_load(&outermost(session)->is_cancelled);
}

static int count_turn(struct tinynpu_session *session,
		      struct tinynpu_error *error)
{
	while (session->outer)
		session = session->outer;
	if (session->turns == NPU_CPU_MAX_TURNS)
		return tinynpu_error_set(error, -ELOOP,
			"the loop has not ended after %u turns", session->turns);
	session->turns++;
	return 0;
}

/* What the part's jobs took is what the run took. */
static int run_part(struct tinynpu_session *session,
		    struct tinynpu_session *part, struct tinynpu_error *error)
{
	int err = tinynpu_session_run(part, error);
	const struct tinynpu_stats *from = &part->stats;
	struct tinynpu_stats *to = &session->stats;

	to->commands += from->commands;
	to->cycles += from->cycles;
	to->energy_fj += from->energy_fj;
	to->mac_ops += from->mac_ops;
	to->sram_read += from->sram_read;
	to->sram_written += from->sram_written;
	to->mem_read += from->mem_read;
	to->mem_written += from->mem_written;
	to->busy_dma += from->busy_dma;
	to->busy_mac += from->busy_mac;
	to->busy_vec += from->busy_vec;
	to->latency_ns += from->latency_ns;
	return err;
}

/* Tensors of @from, number @first and on, to those of @to from its first on. */
static void copy_values(const struct tinynpu_session *from, uint32_t first,
			const struct tinynpu_session *to)
{
	uint32_t i, count = to->program->info->inputs;

	for (i = 0; i < count; i++)
		memcpy(to->memory.tensors[i].map,
		       from->memory.tensors[first + i].map,
		       to->program->tensors[i].size);
}

static int turn(struct tinynpu_session *session, struct session_loop *loop,
		bool *goes_on, struct tinynpu_error *error)
{
	struct tinynpu_session *condition = loop->part[NPU_LOOP_CONDITION];
	struct tinynpu_session *body = loop->part[NPU_LOOP_BODY];
	uint32_t values = body->program->info->inputs;
	int err;

	if (is_cancelled(session))
		return tinynpu_error_set(error, -ECANCELED,
					 "the run was cancelled");
	copy_values(body, 0, condition);
	err = run_part(session, condition, error);
	if (err)
		return err;
	*goes_on = *(const char *)condition->memory.tensors[values].map;
	if (!*goes_on)
		return 0;
	err = count_turn(session, error);
	if (!err)
		err = run_part(session, body, error);
	if (!err)
		copy_values(body, values, body);
	return err;
}

int session_loop_run(struct tinynpu_session *session, const struct cpu_op *op,
		     struct tinynpu_error *error)
{
	struct session_loop *loop =
		&session->loops[op->attr[NPU_CPU_LOOP_NUMBER].i];
	const struct backend_buffer *value =
		loop->part[NPU_LOOP_BODY]->memory.tensors;
	uint32_t result = op->attr[NPU_CPU_LOOP_RESULT].i, i;
	bool goes_on = !loop->is_done;
	int err = 0;

	for (i = 0; !loop->is_done && i < op->inputs; i++)
		memcpy(value[i].map, op->in[i]->data,
		       op->in[i]->elements *
			       cpu_element_bytes(op->in[i]->dtype));
	while (!err && goes_on)
		err = turn(session, loop, &goes_on, error);
	if (err)
		return err;
	loop->is_done = true;
	memcpy(op->out->data, value[result].map,
	       op->out->elements * cpu_element_bytes(op->out->dtype));
	return 0;
}
