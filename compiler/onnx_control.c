// SPDX-License-Identifier: MIT
/*
 * ONNX's graphs within graphs: If, Loop and Scan. A loop whose number of turns is
 * known is written out, others stay; of a condition that is not known both branches
 * are computed, which is the same, as nothing but the chosen result is seen.
 */
#include <errno.h>
#include <string.h>

#include "onnx_ops.h"
#include "pass.h"

#define TURNS_MAX 10000	/* of a loop that is written out */
#define OPS_MAX 4096	/* likewise */

static const Onnx__GraphProto *body_of(struct tnc_onnx *im, const char *name)
{
	const Onnx__GraphProto *graph = tnc_onnx_attr_graph(im, name);

	if (!graph)
		tnc_error(im->c, -EINVAL, "has no attribute \"%s\"", name);
	return graph;
}

/* --- If -------------------------------------------------------------------- */

static int choose(struct tnc_onnx *im, int condition, int yes, int no)
{
	const struct tnc_tensor *a = tnc_onnx_tensor(im, yes);
	const struct tnc_tensor *b = tnc_onnx_tensor(im, no);
	bool fits = a->rank == b->rank && a->type == b->type;
	int out;

	for (int d = 0; fits && d < a->rank; d++)
		fits = a->shape[d] == b->shape[d];
	if (!fits)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: results of branches differ in shape");
	out = tnc_onnx_like(im, yes, a->type);
	tnc_onnx_tensor(im, out)->quant = a->quant;
	tnc_onnx_op(im, TNC_SELECT, out, 3, condition, yes, no);
	return out;
}

void tnc_onnx_if(struct tnc_onnx *im, int kind)
{
	static const char *const names[] = { "then_branch", "else_branch" };
	int condition = tnc_onnx_input(im, 0), count = im->node->n_output;
	const struct tnc_tensor *t = tnc_onnx_tensor(im, condition);
	int *result[2];

	if (t->type != TNC_BOOL || tnc_tensor_elements(t) != 1)
		tnc_error(im->c, -EINVAL, "the condition is no bool");
	if (t->rank)
		condition = tnc_onnx_reshape(im, condition, 0, NULL);
	for (int i = 0; i < 2; i++) {
		const Onnx__GraphProto *graph = body_of(im, names[i]);

		result[i] = tnc_alloc(im->c, count + 1, sizeof(int));
		if (!t->data || i == !t->data[0])
			tnc_onnx_subgraph(im, graph, NULL, 0, result[i], count);
	}
	for (int i = 0; i < count; i++) {
		if (t->data)
			tnc_onnx_output(im, i, result[!t->data[0]][i]);
		else
			tnc_onnx_output(im, i, choose(im, condition,
						      result[0][i],
						      result[1][i]));
	}
}

/* --- Loop ------------------------------------------------------------------ */

enum outlook { ENDS, GOES_ON, UNKNOWN };

static enum outlook truth_of(struct tnc_onnx *im, int id)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);

	if (t->type != TNC_BOOL || tnc_tensor_elements(t) != 1)
		tnc_error(im->c, -EINVAL, "the condition is no bool");
	return !t->data ? UNKNOWN : t->data[0] ? GOES_ON : ENDS;
}

/* A loop, or a scan, while it is written out. */
struct turns {
	struct tnc_onnx *im;
	const Onnx__GraphProto *body;
	int states;		/* what goes from turn to turn */
	int lists;		/* what each turn adds to a list */
	int *argument;
	int arguments;
	int *result;
	int **list;		/* by list: an entry for each turn */
};

static void turns_create(struct turns *t, int limit)
{
	struct tnc *c = t->im->c;

	t->argument = tnc_alloc(c, t->arguments + 1, sizeof(int));
	t->result = tnc_alloc(c, t->states + t->lists + 2, sizeof(int));
	t->list = tnc_alloc(c, t->lists + 1, sizeof(*t->list));
	for (int i = 0; i < t->lists; i++)
		t->list[i] = tnc_alloc(c, limit + 1, sizeof(int));
}

/* With a dimension of 1 in front of @axis. */
static int as_entry(struct tnc_onnx *im, int id, int axis)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int32_t shape[TNC_RANK_MAX + 1];

	if (axis > t->rank || t->rank == TNC_RANK_MAX)
		tnc_error(im->c, -EINVAL, "axis %d of %d dimensions", axis,
			  t->rank + 1);
	for (int d = 0; d <= t->rank; d++)
		shape[d] = d < axis ? t->shape[d] :
			   d > axis ? t->shape[d - 1] : 1;
	return tnc_onnx_reshape(im, id, t->rank + 1, shape);
}

static void put_list(struct turns *t, int index, int turns, int axis)
{
	int *entry = t->list[index];

	if (!turns)
		tnc_error(t->im->c, -EOPNOTSUPP, "unsupported: an empty list");
	for (int i = 0; i < turns; i++)
		entry[i] = as_entry(t->im, entry[i], axis);
	tnc_onnx_output(t->im, t->states + index,
			turns == 1 ? entry[0] :
				     tnc_onnx_join(t->im, entry, turns, axis));
}

/* The most turns there may be; -1: that is not known, or too many. */
static int64_t limit_of(struct tnc_onnx *im)
{
	const struct tnc_tensor *t;
	int64_t limit;

	if (!tnc_onnx_has_input(im, 0))
		return TURNS_MAX + 1;
	t = tnc_onnx_tensor(im, tnc_onnx_input(im, 0));
	if (!t->data)
		return -1;
	if (t->type != TNC_INT64 || tnc_tensor_elements(t) != 1)
		tnc_error(im->c, -EINVAL, "the number of turns is no int64");
	limit = tnc_tensor_integer(t, 0);
	if (limit < 0)
		return 0;
	return limit <= TURNS_MAX ? limit : -1;
}

/*
 * Returns how many turns were written out, or -1: not all could be. What each turn
 * leaves is in @t.
 */
static int write_out(struct turns *t, int64_t limit)
{
	struct tnc_onnx *im = t->im;
	enum outlook outlook = GOES_ON;
	int first = im->c->ops, turn;

	if (tnc_onnx_has_input(im, 1))
		outlook = truth_of(im, tnc_onnx_input(im, 1));
	for (turn = 0; turn < limit && outlook == GOES_ON; turn++) {
		if (turn == TURNS_MAX || im->c->ops - first > OPS_MAX)
			return -1;
		t->argument[0] = tnc_onnx_integer(im, TNC_INT64, turn);
		t->argument[1] = tnc_onnx_integer(im, TNC_BOOL, true);
		tnc_onnx_subgraph(im, t->body, t->argument, t->arguments,
				  t->result, 1 + t->states + t->lists);
		outlook = truth_of(im, t->result[0]);
		memcpy(t->argument + 2, t->result + 1, t->states * sizeof(int));
		for (int i = 0; i < t->lists; i++)
			t->list[i][turn] = t->result[1 + t->states + i];
	}
	return outlook == UNKNOWN && turn < limit ? -1 : turn;
}

static void begin_loop(struct turns *t)
{
	struct tnc_onnx *im = t->im;

	t->states = im->node->n_input > 2 ? im->node->n_input - 2 : 0;
	t->lists = im->node->n_output - t->states;
	t->arguments = t->states + 2;
	if (t->lists < 0)
		tnc_error(im->c, -EINVAL, "%d states, but %zu outputs",
			  t->states, im->node->n_output);
}

/* Inputs: most turns, condition, states; the body's: number, condition, states. */
void tnc_onnx_loop(struct tnc_onnx *im, int kind)
{
	struct turns t = { .im = im, .body = body_of(im, "body") };
	int64_t limit = limit_of(im);
	int ops = im->c->ops, loops = im->c->loops, turns = -1;

	begin_loop(&t);
	if (limit >= 0) {
		turns_create(&t, limit);
		for (int i = 0; i < t.states; i++)
			t.argument[2 + i] = tnc_onnx_input(im, 2 + i);
		turns = write_out(&t, limit);
	}
	if (turns < 0 && t.lists)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: a list whose length depends on what a loop computes");
	if (turns < 0) {
		im->c->ops = ops;
		im->c->loops = loops;
		tnc_onnx_keep_loop(im, t.body, t.states);
		return;
	}
	for (int i = 0; i < t.states; i++)
		tnc_onnx_output(im, i, t.argument[2 + i]);
	for (int i = 0; i < t.lists; i++)
		put_list(&t, i, turns, 0);
}

/* --- Scan ------------------------------------------------------------------ */

static int64_t entry_of(struct tnc_onnx *im, const char *name, int index)
{
	struct tnc_onnx_ints list = tnc_onnx_attr_ints(im, name);

	return index < list.count ? list.at[index] : 0;
}

/* Place @turn of scan input @index, counted from either end. */
static int scanned(struct tnc_onnx *im, int id, int index, int turn, int turns)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int axis = tnc_onnx_axis(im, entry_of(im, "scan_input_axes", index),
				 t->rank);
	int32_t shape[TNC_RANK_MAX];
	int rank = 0;

	if (t->shape[axis] != turns)
		tnc_error(im->c, -EINVAL, "%d places of one input, %d of another",
			  t->shape[axis], turns);
	if (entry_of(im, "scan_input_directions", index))
		turn = turns - 1 - turn;
	for (int d = 0; d < t->rank; d++)
		if (d != axis)
			shape[rank++] = t->shape[d];
	return tnc_onnx_reshape(im, tnc_onnx_slice(im, id, axis, turn, 1), rank,
				shape);
}

/* How many turns there are: the places of the first input that is scanned. */
static int turns_of(struct tnc_onnx *im, int id)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int turns = t->shape[tnc_onnx_axis(
		im, entry_of(im, "scan_input_axes", 0), t->rank)];

	if (turns > TURNS_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: %d turns, at most %d",
			  turns, TURNS_MAX);
	return turns;
}

void tnc_onnx_scan(struct tnc_onnx *im, int kind)
{
	struct turns t = { .im = im, .body = body_of(im, "body") };
	int inputs = im->node->n_input, turns;
	int64_t scans = tnc_onnx_attr_int(im, "num_scan_inputs", 0);

	if (im->opset < 9)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported before opset 9");
	if (scans < 1 || scans > inputs)
		tnc_error(im->c, -EINVAL, "%lld inputs of %d are scanned",
			  (long long)scans, inputs);
	t.states = inputs - scans;
	t.lists = im->node->n_output - t.states;
	t.arguments = inputs;
	if (t.lists < 0)
		tnc_error(im->c, -EINVAL, "%d states, but %zu outputs", t.states,
			  im->node->n_output);
	turns = turns_of(im, tnc_onnx_input(im, t.states));
	turns_create(&t, turns);
	for (int i = 0; i < t.states; i++)
		t.argument[i] = tnc_onnx_input(im, i);
	for (int turn = 0; turn < turns; turn++) {
		for (int i = 0; i < scans; i++)
			t.argument[t.states + i] = scanned(
				im, tnc_onnx_input(im, t.states + i), i, turn,
				turns);
		tnc_onnx_subgraph(im, t.body, t.argument, t.arguments, t.result,
				  t.states + t.lists);
		memcpy(t.argument, t.result, t.states * sizeof(int));
		for (int i = 0; i < t.lists; i++) {
			bool is_back = entry_of(im, "scan_output_directions", i);

			t.list[i][is_back ? turns - 1 - turn : turn] =
				t.result[t.states + i];
		}
	}
	for (int i = 0; i < t.states; i++)
		tnc_onnx_output(im, i, t.argument[i]);
	for (int i = 0; i < t.lists; i++) {
		int rank = tnc_onnx_tensor(im, t.list[i][0])->rank + 1;

		put_list(&t, i, turns, tnc_onnx_axis(
			im, entry_of(im, "scan_output_axes", i), rank));
	}
}
