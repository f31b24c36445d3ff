// SPDX-License-Identifier: MIT
/*
 * The reference executor's loops: the graphs of condition and body, run turn by turn.
 */
#include <errno.h>
#include <string.h>

#include <npu/cpu.h>

#include "ref.h"

void tnc_ref_loops_reset(struct tnc *c)
{
	for (int i = 0; i < c->loops; i++)
		c->loop[i].is_done = false;
	if (!c->outer)
		c->turns = 0;
}

static size_t bytes_of(const struct tnc *body, int value)
{
	return tnc_tensor_bytes(body->tensor[body->inputs.id[value]]);
}

static void begin(struct tnc *c, struct tnc_loop *loop, const struct tnc_op *op)
{
	const struct tnc *body = loop->part[TNC_LOOP_BODY];

	if (!loop->value) {
		loop->value = tnc_alloc(c, op->inputs, sizeof(*loop->value));
		loop->next = tnc_alloc(c, op->inputs, sizeof(*loop->next));
		for (int i = 0; i < op->inputs; i++) {
			loop->value[i] = tnc_alloc(c, 1, bytes_of(body, i));
			loop->next[i] = tnc_alloc(c, 1, bytes_of(body, i));
		}
	}
	for (int i = 0; i < op->inputs; i++)
		memcpy(loop->value[i], tnc_ref_value(c, op->input[i]),
		       bytes_of(body, i));
}

static void count_turn(struct tnc *c)
{
	struct tnc *whole = c;

	while (whole->outer)
		whole = whole->outer;
	if (whole->turns++ == NPU_CPU_MAX_TURNS)
		tnc_error(c, -ELOOP, "the loop has not ended after %u turns",
			  NPU_CPU_MAX_TURNS);
}

static void run_part(struct tnc *c, const struct tnc_loop *loop,
		     enum tnc_loop_part part, void *const *out)
{
	struct tnc *inner = loop->part[part];

	if (setjmp(inner->on_error))
		tnc_error_pass(c, inner->status, &inner->error);
	tnc_ref_run(inner, (const void *const *)loop->value, out);
}

static bool goes_on(struct tnc *c, const struct tnc_loop *loop)
{
	uint8_t truth;
	void *out = &truth;

	run_part(c, loop, TNC_LOOP_CONDITION, &out);
	return truth;
}

static void turn(struct tnc *c, struct tnc_loop *loop)
{
	uint8_t **made = loop->next;

	run_part(c, loop, TNC_LOOP_BODY, (void *const *)made);
	loop->next = loop->value;
	loop->value = made;
}

void tnc_ref_loop(struct tnc *c, const struct tnc_op *op)
{
	struct tnc_loop *loop = &c->loop[op->list[0].id[0]];
	int result = op->list[1].id[0];

	if (!loop->is_done) {
		begin(c, loop, op);
		while (goes_on(c, loop)) {
			count_turn(c);
			turn(c, loop);
		}
		loop->is_done = true;
	}
	memcpy(tnc_op_output(c, op)->value, loop->value[result],
	       bytes_of(loop->part[TNC_LOOP_BODY], result));
}
