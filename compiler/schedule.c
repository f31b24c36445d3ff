// SPDX-License-Identifier: MIT
/*
 * From a legal graph to the best program found. The first plan takes tiles as
 * large as fit, which costs the fewest commands and bytes. Smaller ones let the
 * units overlap: the array can begin before all of a layer's weights are there,
 * and the vector unit before all of a map. Where that pays is found by trying, as
 * the estimate is exact: first one cut for all operators, then windows instead of
 * maps that SRAM has no room for, then, from the last operator to the first, another
 * cut for each, then neighbours that take turns, and at last loads that come later,
 * more bands of what comes in, and fewer weights in SRAM.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "pass.h"
#include "plan.h"

/* Steps that all plans of a search together may have, which bounds its time. */
#define WORK_MAX 240000
#define ROLL_WORK_MAX 600000 /* of those with windows */
#define LAST_WORK_MAX 24000 /* of each that looks for a little more */

/*
 * What is found depends on what is tried first, and no order is the best for all
 * models. The first way is the usual one; whoever takes the time goes all.
 */
static const struct way {
	uint64_t scale;	/* of these steps */
	int rounds;	/* as long as they gain */
	bool is_eager;	/* to find a little more before operators are cut one by one */
} ways[] = {
	{ .scale = 1, .rounds = 1 },
	{ .scale = 1, .rounds = 1, .is_eager = true },
	{ .scale = 50, .rounds = 4 },
	{ .scale = 50, .rounds = 4, .is_eager = true },
};

/* Operators that take turns though what is between them is whole. */
#define WHOLE_CHAIN_MAX 8

/* Operators behind a chain whose weights may be loaded later. */
#define LATE_MAX 8

/* One that is too long to fit may do so again where an operator makes less. */
#define UNFIT_MAX 4

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
	const struct way *way;
	struct tnc_hint *hint;	/* by operator */
	bool *is_spilled;	/* likewise, of the best plan: is its output? */
	bool *would_spill;	/* likewise, of the last one */
	double cost;		/* of the best plan so far */
	uint64_t best_work;	/* steps that it took to find it */
	uint64_t last_work;	/* likewise, of the last one */
	uint64_t work;
	bool fits;		/* the last plan does */
};

static uint64_t most_work(const struct search *s)
{
	return WORK_MAX * s->way->scale;
}

/* Of one that looks for a little more, and began when @work had been done. */
static bool may_go_on(const struct search *s, uint64_t work)
{
	return s->work - work <= LAST_WORK_MAX * s->way->scale;
}

/* Which outputs are moved to memory though only operators look at them? */
static void note_spilled(struct search *s, const struct tnc_plan *plan)
{
	for (int i = 0; i < s->c->ops; i++) {
		const struct tnc_map *map =
			&plan->map[plan->map_of[s->c->op[i]->output]];

		s->would_spill[i] = !map->is_resident && map->output < 0;
	}
}

/*
 * What the hints as they are cost: cycles x energy^2, so that a little time is not
 * bought with much energy. INFINITY if that does not fit.
 */
static double try_hints(struct search *s)
{
	struct tnc_arena_mark mark = tnc_arena_mark(s->c->arena);
	struct tnc_program program = { 0 };
	double cost = INFINITY;
	struct tnc_plan plan;

	if (tnc_plan_make(&plan, s->c, s->hint)) {
		note_spilled(s, &plan);
		tnc_emit(&plan, &program);
		tnc_estimate(&plan, &program);
		cost = (double)program.estimate.cycles *
		       (double)program.estimate.energy_fj *
		       (double)program.estimate.energy_fj;
	}
	s->fits = cost != INFINITY;
	s->last_work = plan.work;
	s->work += plan.work;
	tnc_arena_rewind(s->c->arena, mark);
	return cost;
}

/* Is the plan with the hints as they are the best so far? */
static bool is_better(struct search *s)
{
	double cost = try_hints(s);
	bool *spilled = s->would_spill;

	if (cost >= s->cost)
		return false;
	s->cost = cost;
	s->best_work = s->last_work;
	s->would_spill = s->is_spilled;
	s->is_spilled = spilled;
	return true;
}

static bool same_hint(const struct tnc_hint *a, const struct tnc_hint *b)
{
	return a->channels == b->channels && a->rows == b->rows &&
	       a->joins == b->joins && a->rolls == b->rolls &&
	       a->follows == b->follows && a->in_sram == b->in_sram &&
	       a->late == b->late;
}

/* The hints as they are belong to the best plan so far: so no need to plan it again. */
static void try_hint(struct search *s, int op, struct tnc_hint hint)
{
	struct tnc_hint before = s->hint[op];

	if (s->cost != INFINITY && same_hint(&hint, &before)) {
		s->work += s->best_work;
		return;
	}
	s->hint[op] = hint;
	s->hint[op].yields = before.yields;
	if (!is_better(s))
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

	s->cost = INFINITY;
	for (int i = 0; i < TNC_ARRAY_SIZE(hints); i++) {
		if (s->work > most_work(s))
			break;
		set_all(s, hints[i]);
		if (is_better(s))
			best = hints[i];
	}
	set_all(s, best);
}

static bool has_weights(const struct search *s, int op)
{
	return s->c->geometry[op].has_weights;
}

/* The operator's weights where they are not yet: in SRAM or its buffer. */
static void try_place(struct search *s, int op)
{
	struct tnc_hint hint = s->hint[op];

	if (!has_weights(s, op))
		return;
	hint.in_sram = hint.in_sram ? 0 : INT_MAX;
	try_hint(s, op, hint);
}

/*
 * The weight buffer is small: what it has no room for yet is not loaded early. Of
 * the last operators weights may lie in SRAM instead, from where they are read again.
 */
static void search_places(struct search *s)
{
	int op, best = s->c->ops;
	uint64_t work = s->work;

	for (op = s->c->ops - 1; op >= 0 && s->work <= most_work(s); op--) {
		if (!has_weights(s, op))
			continue;
		s->hint[op].in_sram = INT_MAX;
		if (is_better(s))
			best = op;
	}
	while (++op < best)
		s->hint[op].in_sram = 0;
	s->work = work;
}

static void search_each(struct search *s)
{
	for (int op = s->c->ops - 1; op >= 0; op--) {
		if (s->hint[op].rolls)
			continue;
		for (int i = 0; i < TNC_ARRAY_SIZE(hints); i++) {
			if (s->work > most_work(s))
				return;
			try_hint(s, op, hints[i]);
		}
		try_place(s, op);
	}
}

/*
 * Lets operators take turns, band by band: the first one's input can then come
 * in while the others work, and the vector unit works beside the array.
 */
static bool try_chain(struct search *s, int first, int count,
		      struct tnc_hint hint)
{
	struct tnc_hint before[TNC_CHAIN_MAX];

	memcpy(before, s->hint + first, count * sizeof(*before));
	for (int i = 0; i < count; i++) {
		s->hint[first + i] = hint;
		s->hint[first + i].joins = i > 0;
	}
	if (is_better(s))
		return true;
	memcpy(s->hint + first, before, count * sizeof(*before));
	return false;
}

static bool rolls(const struct search *s, int first, int count)
{
	for (int i = first; i < first + count; i++)
		if (s->hint[i].rolls)
			return true;
	return false;
}

/*
 * Lets @count operators from @first on take turns, with bands of 1 to 8 rows of the
 * first one's output and windows of all kinds between them. Whether that gains
 * anything; @fits: whether SRAM has room for any.
 */
static bool try_windows(struct search *s, int first, int count, bool *fits)
{
	int height = tnc_op_output(s->c, s->c->op[first])->shape[1];
	bool gains = false;

	*fits = false;
	for (int i = 0; i < 16 && s->work < ROLL_WORK_MAX * s->way->scale; i++) {
		struct tnc_hint hint = {
			.rows = npu_div_up(height, 1 << i / 4),
			.rolls = i % 2 ? TNC_ROLL_PLACE : TNC_ROLL_TURNS,
			.follows = i / 2 % 2,
		};

		if (try_chain(s, first, count, hint))
			gains = true;
		if (s->fits)
			*fits = true;
	}
	return gains;
}

/*
 * The chain from @first on that gains most if what passes between its operators
 * stays in SRAM as windows; returns how long it is.
 */
static int search_roll(struct search *s, int first)
{
	int found = 1, unfit = 0;

	for (int count = 2; count <= TNC_CHAIN_MAX &&
			    first + count <= s->c->ops; count++) {
		bool fits;

		if (tnc_op_is_move(s->c->op[first + count - 1]))
			break;
		if (try_windows(s, first, count, &fits))
			found = count;
		unfit = fits ? 0 : unfit + 1;
		if (unfit == UNFIT_MAX)
			break;
	}
	return found;
}

/* Instead of maps that SRAM has no room for, windows. */
static void search_rolls(struct search *s)
{
	uint64_t work = s->work;

	for (int first = 0; first < s->c->ops; first++)
		if (s->is_spilled[first])
			first += search_roll(s, first) - 1;
	s->work = work;
}

static void search_chains(struct search *s)
{
	for (int first = 0; first < s->c->ops; first++)
		for (int count = 2; count <= WHOLE_CHAIN_MAX; count++)
			for (int rows = 4; rows <= 16; rows *= 2) {
				if (s->work > most_work(s) ||
				    first + count > s->c->ops)
					return;
				if (!rolls(s, first, count))
					try_chain(s, first, count,
						  (struct tnc_hint){
							  .rows = rows });
			}
}

/*
 * Rows that move from window to window wait for the loads that were issued before. So
 * weights for what comes behind a chain may better be loaded later, which holds for
 * all that follow them, too: hence one operator, whichever gains most.
 */
static bool search_late(struct search *s)
{
	uint64_t work = s->work;
	int left = 0, found = -1, best = 0;

	for (int op = 0; op < s->c->ops; op++, left--) {
		if (s->hint[op].rolls)
			left = LATE_MAX;
		if (left <= 0 || !has_weights(s, op))
			continue;
		for (int late = 1; late <= 8 && may_go_on(s, work); late *= 2) {
			s->hint[op].late = late;
			if (is_better(s)) {
				found = op;
				best = late;
			}
		}
		s->hint[op].late = 0;
	}
	if (found >= 0)
		s->hint[found].late = best;
	s->work = work;
	return found >= 0;
}

static bool reads_inputs(const struct search *s, int op)
{
	for (int i = 0; i < s->c->inputs.count; i++)
		if (s->c->op[op]->input[0] == s->c->inputs.id[i])
			return true;
	return false;
}

/* What waits for the model's input to come in can begin with few rows of it. */
static void search_first_rows(struct search *s)
{
	uint64_t work = s->work;

	for (int op = 0; op < s->c->ops; op++) {
		if (!reads_inputs(s, op) || s->hint[op].rolls)
			continue;
		for (int rows = 5; rows <= 8 && may_go_on(s, work); rows++) {
			struct tnc_hint hint = s->hint[op];

			hint.rows = rows;
			try_hint(s, op, hint);
		}
	}
	s->work = work;
}

/* Fewer weights in SRAM: what comes last has room in the weight buffer by then. */
static void search_shares(struct search *s)
{
	uint64_t work = s->work;

	for (int op = s->c->ops - 1; op >= 0; op--) {
		int channels = s->c->geometry[op].out_c;

		if (!s->hint[op].in_sram || s->hint[op].rolls)
			continue;
		for (int i = 0; i < TNC_ARRAY_SIZE(hints); i++)
			for (int quarters = 1; quarters < 4; quarters++) {
				struct tnc_hint hint = hints[i];

				hint.in_sram = channels * quarters / 4;
				if (hint.in_sram && may_go_on(s, work))
					try_hint(s, op, hint);
			}
	}
	s->work = work;
}

/*
 * Fetches of commands are paid by the next transfer. If the last load is issued
 * early, that is the store of the result, for which everything waits.
 */
static void search_last_load(struct search *s)
{
	int op = s->c->ops - 1;

	while (op >= 0 && !has_weights(s, op))
		op--;
	for (int late = 1; op >= 0 && late <= 8; late *= 2) {
		struct tnc_hint hint = s->hint[op];

		hint.late = late;
		try_hint(s, op, hint);
	}
}

/* Where the best plan so far would best make way for other jobs. */
static bool *find_yields(struct search *s, uint64_t cycles)
{
	bool *yields = tnc_alloc(s->c, s->c->ops + 1, sizeof(*yields));
	struct tnc_arena_mark mark = tnc_arena_mark(s->c->arena);
	struct tnc_program program = { 0 };
	struct tnc_plan plan;

	if (tnc_plan_make(&plan, s->c, s->hint)) {
		tnc_emit(&plan, &program);
		tnc_estimate(&plan, &program);
		tnc_yield_find(&plan, &program, cycles, yields);
	}
	tnc_arena_rewind(s->c->arena, mark);
	return yields;
}

/* Those that fit are kept. */
static void add_yields(struct search *s, uint64_t cycles)
{
	const bool *yields = find_yields(s, cycles);

	for (int op = 0; op < s->c->ops; op++) {
		if (!yields[op])
			continue;
		s->hint[op].yields = true;
		if (try_hints(s) == INFINITY)
			s->hint[op].yields = false;
	}
}

/*
 * What is in memory between them makes the program longer: so once more, where they
 * are half as far again as asked by now. Then tiles are cut anew for what has changed.
 */
static void search_yields(struct search *s)
{
	add_yields(s, s->c->options.yield_cycles);
	add_yields(s, s->c->options.yield_cycles * 3 / 2);
	s->cost = try_hints(s);
	s->best_work = s->last_work;
	s->work = 0;
	search_each(s);
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

/* All plans of a search need these. */
static void find_geometries(struct tnc *c)
{
	struct tnc_geometry *g = tnc_alloc(c, c->ops + 1, sizeof(*g));

	for (int i = 0; i < c->ops; i++) {
		g[i] = tnc_geometry_of(c, c->op[i]);
		tnc_geometry_check(c, c->op[i], &g[i]);
	}
	c->geometry = g;
}

/* Leaves: the best hints of those that it tries, and what they cost. */
static void search(struct search *s)
{
	double before;

	search_one_for_all(s);
	search_places(s);
	search_rolls(s);
	if (s->way->is_eager) {
		search_late(s);
		search_shares(s);
	}
	for (int round = 0; round < s->way->rounds; round++) {
		before = s->cost;
		search_each(s);
		search_chains(s);
		if (search_late(s))
			search_each(s);
		search_first_rows(s);
		search_shares(s);
		if (s->cost == before)
			break;
	}
	search_last_load(s);
}

static struct search search_start(struct tnc *c, const struct way *way)
{
	return (struct search){
		.c = c,
		.way = way,
		.hint = tnc_alloc(c, c->ops + 1, sizeof(struct tnc_hint)),
		.is_spilled = tnc_alloc(c, c->ops + 1, sizeof(bool)),
		.would_spill = tnc_alloc(c, c->ops + 1, sizeof(bool)),
	};
}

static struct search search_all_ways(struct tnc *c)
{
	int count = c->options.is_thorough ? TNC_ARRAY_SIZE(ways) : 1;
	struct search best = search_start(c, &ways[0]);

	search(&best);
	for (int i = 1; i < count; i++) {
		struct search s = search_start(c, &ways[i]);

		search(&s);
		if (s.cost < best.cost)
			best = s;
	}
	return best;
}

/* Needs: a legal graph, which it uses up. Returns a program. */
struct tnc_program *tnc_schedule(struct tnc *c)
{
	struct search s;
	struct tnc_program *program = tnc_alloc(c, 1, sizeof(*program));
	struct tnc_plan plan;

	tnc_schedule_check(c);
	tnc_fuse_join(c);
	tnc_dead_find(c);
	tnc_trim_find(c);
	find_geometries(c);
	tnc_recall_start(c);
	s = search_all_ways(c);
	if (c->options.yield_cycles)
		search_yields(&s);
	if (!tnc_plan_make(&plan, c, s.hint))
		tnc_plan_does_not_fit(&plan);
	tnc_emit(&plan, program);
	tnc_estimate(&plan, program);
	tnc_live(&plan, program);
	tnc_pack(&plan, program);
	tnc_program_name_layers(c, c->op, c->ops, program);
	return program;
}
