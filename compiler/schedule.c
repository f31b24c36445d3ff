// SPDX-License-Identifier: MIT
/*
 * From a legal graph to the best program found. The first plan takes tiles as
 * large as fit, which costs the fewest commands and bytes. Smaller ones let the
 * units overlap: the array can begin before all of a layer's weights are there,
 * and the vector unit before all of a map. Where that pays is found by trying, as
 * the estimate is exact: first one cut for all operators, then, from the last
 * operator to the first, another for each, then neighbours that take turns.
 */
#include <errno.h>
#include <string.h>

#include "plan.h"

/* Steps that all plans together may have: bounds the time of the search. */
#define WORK_MAX 60000

static const struct tnc_hint hints[] = {
	{ 0 },
	{ .channels = 64 },
	{ .channels = 32 },
	{ .channels = 16 },
	{ .rows = 2 },
	{ .rows = 4 },
};

struct search {
	struct tnc *c;
	struct tnc_hint *hint;	/* by operator */
	uint64_t cycles;	/* of the best plan so far */
	uint64_t work;
};

/* Cycles with the hints as they are; UINT64_MAX when that does not fit. */
static uint64_t try_hints(struct search *s)
{
	struct tnc_arena_mark mark = tnc_arena_mark(s->c->arena);
	struct tnc_program program = { 0 };
	uint64_t cycles = UINT64_MAX;
	struct tnc_plan plan;

	if (tnc_plan_make(&plan, s->c, s->hint)) {
		tnc_emit(&plan, &program);
		tnc_estimate(&plan, &program);
		cycles = program.estimate.cycles;
	}
	s->work += plan.work;
	tnc_arena_rewind(s->c->arena, mark);
	return cycles;
}

static void try_hint(struct search *s, int op, struct tnc_hint hint)
{
	struct tnc_hint before = s->hint[op];
	uint64_t cycles;

	s->hint[op] = hint;
	cycles = try_hints(s);
	if (cycles < s->cycles)
		s->cycles = cycles;
	else
		s->hint[op] = before;
}

static void set_all(struct search *s, struct tnc_hint hint)
{
	for (int op = 0; op < s->c->ops; op++)
		s->hint[op] = hint;
}

static void search_one_for_all(struct search *s)
{
	struct tnc_hint best = { 0 };

	s->cycles = UINT64_MAX;
	for (int i = 0; i < TNC_ARRAY_SIZE(hints); i++) {
		uint64_t cycles;

		if (s->work > WORK_MAX)
			break;
		set_all(s, hints[i]);
		cycles = try_hints(s);
		if (cycles < s->cycles) {
			s->cycles = cycles;
			best = hints[i];
		}
	}
	set_all(s, best);
}

static void search_each(struct search *s)
{
	for (int op = s->c->ops - 1; op >= 0; op--) {
		for (int i = 0; i < TNC_ARRAY_SIZE(hints); i++) {
			if (s->work > WORK_MAX)
				return;
			try_hint(s, op, hints[i]);
		}
	}
}

/*
 * Lets operators take turns, band by band: the first one's input can then come
 * in while the others work, and the vector unit works beside the array.
 */
static void try_chain(struct search *s, int first, int count, int rows)
{
	struct tnc_hint before[TNC_CHAIN_MAX];
	uint64_t cycles;

	memcpy(before, s->hint + first, count * sizeof(*before));
	for (int i = 0; i < count; i++)
		s->hint[first + i] = (struct tnc_hint){
			.rows = rows,
			.joins = i > 0,
		};
	cycles = try_hints(s);
	if (cycles < s->cycles)
		s->cycles = cycles;
	else
		memcpy(s->hint + first, before, count * sizeof(*before));
}

static void search_chains(struct search *s)
{
	for (int first = 0; first < s->c->ops; first++)
		for (int count = 2; count <= TNC_CHAIN_MAX; count++)
			for (int rows = 4; rows <= 16; rows *= 2) {
				if (s->work > WORK_MAX ||
				    first + count > s->c->ops)
					return;
				try_chain(s, first, count, rows);
			}
}

/*
 * Fetches of commands are paid by the next transfer. If the last load is issued
 * early, that is the store of the result, for which everything waits.
 */
static void search_last_load(struct search *s)
{
	int op = s->c->ops - 1;

	while (op >= 0 && !tnc_geometry_of(s->c, s->c->op[op]).has_weights)
		op--;
	for (int late = 1; op >= 0 && late <= 8; late *= 2) {
		struct tnc_hint hint = s->hint[op];

		hint.late = late;
		try_hint(s, op, hint);
	}
}

/* Returns only if there is a command for each operator, and within its limits. */
void tnc_schedule_check(struct tnc *c)
{
	for (int i = 0; i < c->ops; i++) {
		struct tnc_geometry g;

		tnc_place_op(c, c->op[i]);
		if (!tnc_emit_has(c->op[i]))
			tnc_error(c, -EOPNOTSUPP, "unsupported operator %s",
				  tnc_op_title(c->op[i]));
		g = tnc_geometry_of(c, c->op[i]);
		tnc_geometry_check(c, c->op[i], &g);
	}
	tnc_place_none(c);
}

/* Needs: a legal graph. Leaves it alone; returns a program. */
struct tnc_program *tnc_schedule(struct tnc *c)
{
	struct search s = { .c = c };
	struct tnc_program *program = tnc_alloc(c, 1, sizeof(*program));
	struct tnc_plan plan;

	tnc_schedule_check(c);
	tnc_dead_find(c);
	s.hint = tnc_alloc(c, c->ops + 1, sizeof(*s.hint));
	search_one_for_all(&s);
	search_each(&s);
	search_chains(&s);
	search_last_load(&s);
	if (!tnc_plan_make(&plan, c, s.hint))
		tnc_plan_does_not_fit(&plan);
	tnc_emit(&plan, program);
	tnc_estimate(&plan, program);
	tnc_live(&plan, program);
	tnc_pack(&plan, program);
	tnc_program_name_layers(c, c->op, c->ops, program);
	return program;
}
