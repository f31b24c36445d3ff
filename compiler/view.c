// SPDX-License-Identifier: MIT
/*
 * Pass 'v': views.
 *
 * Needs: a legal graph.
 * Leaves: where addressing can say it, no copy. A tensor that is only moved
 * becomes a view: its elements lie among those of another one, at an offset and
 * with strides of their own. What a CONCATENATION joins, or a PAD surrounds, is
 * written to its place at once; what a SLICE or a TRANSPOSE takes is read where
 * it is. What is left of them are copies and margins to fill.
 */
#include <string.h>

#include "move.h"
#include "pass.h"
#include "view.h"

/* The layout of all bytes of a tensor in a row. */
static void dense(const struct tnc_tensor *t, struct tnc_layout *layout)
{
	int64_t stride = tnc_type_info[t->type].size;

	for (int d = t->rank - 1; d >= 0; d--) {
		layout->stride[d] = stride;
		stride *= t->shape[d];
	}
}

struct tnc_layout tnc_layout_of(const struct tnc_tensor *t)
{
	struct tnc_layout layout = { .rank = t->rank };

	memcpy(layout.shape, t->shape, sizeof(layout.shape));
	if (t->is_view) {
		layout.offset = t->offset;
		memcpy(layout.stride, t->stride, sizeof(layout.stride));
	} else {
		dense(t, &layout);
	}
	return layout;
}

/* Drops dimensions of one element, and makes one of such as lie back to back. */
static void simplify(struct tnc_layout *l)
{
	int rank = 0;

	for (int d = 0; d < l->rank; d++) {
		if (l->shape[d] == 1)
			continue;
		if (rank && l->stride[rank - 1] ==
				    l->shape[d] * l->stride[d]) {
			l->shape[rank - 1] *= l->shape[d];
			l->stride[rank - 1] = l->stride[d];
			continue;
		}
		l->shape[rank] = l->shape[d];
		l->stride[rank++] = l->stride[d];
	}
	l->rank = rank;
}

/*
 * The layout of @to, which has the same elements as @from in the same order, but
 * another shape. False if no strides can say it. @size is that of an element.
 */
bool tnc_layout_reshape(const struct tnc_layout *from, int size,
			const struct tnc_tensor *to, struct tnc_layout *layout)
{
	struct tnc_layout left = *from;
	int64_t stride = size;
	int d;

	simplify(&left);
	*layout = (struct tnc_layout){ .rank = to->rank,
				       .offset = from->offset };
	memcpy(layout->shape, to->shape, sizeof(layout->shape));
	for (d = to->rank - 1; d >= 0; d--) {
		int last = left.rank - 1;

		if (to->shape[d] == 1) {
			layout->stride[d] = stride;
			continue;
		}
		if (left.shape[last] % to->shape[d])
			return false;
		layout->stride[d] = left.stride[last];
		left.shape[last] /= to->shape[d];
		left.stride[last] *= to->shape[d];
		stride = left.stride[last];
		left.rank -= left.shape[last] == 1;
	}
	return true;
}

/* Can a command of the MAC or VEC unit address it? @size is an element's. */
bool tnc_layout_is_surface(const struct tnc_layout *l, int size)
{
	return l->rank == 4 && l->shape[0] == 1 &&
	       (l->shape[3] == 1 || l->stride[3] == size) &&
	       (l->shape[2] == 1 || l->stride[2] >= 0) &&
	       (l->shape[1] == 1 || l->stride[1] >= 0);
}

static int size_of(const struct tnc_tensor *t)
{
	return tnc_type_info[t->type].size;
}

static int root_of(const struct tnc *c, int id)
{
	return tnc_tensor_root(c, id)->id;
}

static bool names(const struct tnc *c, const struct tnc_list *list, int root)
{
	for (int i = 0; i < list->count; i++)
		if (root_of(c, list->id[i]) == root)
			return true;
	return false;
}

static int reads(const struct tnc *c, const struct tnc_op *op, int root)
{
	int count = 0;

	for (int i = 0; i < op->inputs; i++)
		count += op->input[i] != TNC_INPUT_NONE &&
			 root_of(c, op->input[i]) == root;
	return count;
}

/*
 * Would an operator other than @mover read and write bytes of one owner if those
 * of @from came to @to? A command must not, where they lie between each other.
 */
static bool would_meet(const struct tnc *c, const struct tnc_op *mover,
		       int from, int to)
{
	for (int i = 0; i < c->ops; i++) {
		const struct tnc_op *op = c->op[i];
		int output = root_of(c, op->output);
		int meetings = (output == from ? reads(c, op, to) : 0) +
			       (output == to ? reads(c, op, from) : 0);

		if (meetings > (op == mover))
			return true;
	}
	return false;
}

/* Is a tensor an operand of an operator that computes? */
static bool is_computed_with(const struct tnc *c, int id)
{
	for (int i = 0; i < c->ops; i++) {
		const struct tnc_op *op = c->op[i];

		if (tnc_op_is_move(op))
			continue;
		if (op->output == id)
			return true;
		for (int k = 0; k < op->inputs; k++)
			if (op->input[k] == id)
				return true;
	}
	return false;
}

/* What becomes of the tensors of one owner that moves in with another. */
struct guests {
	const struct tnc_op *mover;
	int root;		/* theirs so far */
	int host;		/* the owner to be */
	struct tnc_layout layout;
	int size;		/* of an element */
};

static bool can_move_in(struct tnc *c, const struct guests *g)
{
	struct tnc_layout layout;

	for (int i = 0; i < c->tensors; i++) {
		const struct tnc_tensor *t = c->tensor[i];

		if (!t || root_of(c, i) != g->root)
			continue;
		if (t->is_view || t->quant.count > 1)
			return false;
		if (!tnc_layout_reshape(&g->layout, g->size, t, &layout))
			return false;
		if (is_computed_with(c, i) &&
		    !tnc_layout_is_surface(&layout, g->size))
			return false;
	}
	return !would_meet(c, g->mover, g->root, g->host);
}

static void move_in(struct tnc *c, const struct guests *g)
{
	bool *is_guest = tnc_alloc(c, c->tensors, sizeof(*is_guest));
	struct tnc_layout layout;

	for (int i = 0; i < c->tensors; i++)
		is_guest[i] = c->tensor[i] && root_of(c, i) == g->root;
	for (int i = 0; i < c->tensors; i++) {
		struct tnc_tensor *t = c->tensor[i];

		if (!is_guest[i])
			continue;
		tnc_layout_reshape(&g->layout, g->size, t, &layout);
		t->alias = g->host;
		t->is_view = true;
		t->offset = layout.offset;
		memcpy(t->stride, layout.stride, sizeof(t->stride));
	}
}

static bool is_variable(const struct tnc *c, int root)
{
	for (int i = 0; i < c->variables; i++)
		if (root_of(c, c->variable[i].read) == root ||
		    root_of(c, c->variable[i].kept) == root)
			return true;
	return false;
}

/* Bytes of its own, that nobody outside the graph looks at. */
static bool is_inner(const struct tnc *c, int root)
{
	for (int i = 0; i < c->variables; i++)
		if (root_of(c, c->variable[i].read) == root ||
		    root_of(c, c->variable[i].kept) == root)
			return false;
	return !c->tensor[root]->data && !names(c, &c->inputs, root) &&
	       !names(c, &c->outputs, root) && !is_variable(c, root);
}

/* Has input @index written where the output of the operator wants it. */
static void write_in_place(struct tnc *c, const struct tnc_op *op, int index,
			   const int64_t *begin)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, index);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct guests g = {
		.mover = op,
		.root = root_of(c, in->id),
		.host = root_of(c, out->id),
		.layout = tnc_layout_of(out),
		.size = size_of(in),
	};

	if (in->is_view || g.root == g.host || !is_inner(c, g.root))
		return;
	for (int d = 0; d < in->rank; d++)
		g.layout.offset += begin[d] * g.layout.stride[d];
	memcpy(g.layout.shape, in->shape, sizeof(in->shape));
	if (can_move_in(c, &g))
		move_in(c, &g);
}

static void join_in_place(struct tnc *c, const struct tnc_op *op)
{
	int64_t begin[TNC_RANK_MAX] = { 0 };

	for (int i = 0; i < op->inputs; i++) {
		write_in_place(c, op, i, begin);
		begin[op->axis] += tnc_op_input(c, op, i)->shape[op->axis];
	}
}

static void surround_in_place(struct tnc *c, const struct tnc_op *op)
{
	int64_t begin[TNC_RANK_MAX];

	for (int d = 0; d < op->list[0].count; d++)
		begin[d] = op->list[0].id[d];
	write_in_place(c, op, 0, begin);
}

/* Where the output of a SLICE or TRANSPOSE lies in the input. */
static struct tnc_layout part_of(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_layout in = tnc_layout_of(tnc_op_input(c, op, 0));
	struct tnc_layout part = in;

	for (int d = 0; d < out->rank; d++) {
		if (op->kind == TNC_TRANSPOSE) {
			part.stride[d] = in.stride[op->list[0].id[d]];
		} else {
			part.offset += op->list[0].id[d] * in.stride[d];
			part.stride[d] = op->list[1].id[d] * in.stride[d];
		}
		part.shape[d] = out->shape[d];
	}
	return part;
}

/* Has all readers of the output read the input where it is. */
static void read_in_place(struct tnc *c, const struct tnc_op *op)
{
	struct guests g = {
		.mover = op,
		.root = root_of(c, op->output),
		.host = root_of(c, op->input[0]),
		.layout = part_of(c, op),
		.size = size_of(tnc_op_output(c, op)),
	};

	if (c->tensor[op->output]->is_view || g.root == g.host ||
	    !is_inner(c, g.root) || c->tensor[g.host]->data)
		return;
	for (int d = 0; d < g.layout.rank; d++)
		if (g.layout.shape[d] > 1 && g.layout.stride[d] < 0)
			return;
	if (can_move_in(c, &g))
		move_in(c, &g);
}

void tnc_pass_view(struct tnc *c)
{
	int kept = 0;

	for (int i = c->ops - 1; i >= 0; i--) {
		if (c->op[i]->kind == TNC_CONCATENATION)
			join_in_place(c, c->op[i]);
		else if (c->op[i]->kind == TNC_PAD)
			surround_in_place(c, c->op[i]);
	}
	for (int i = 0; i < c->ops; i++)
		if (c->op[i]->kind == TNC_SLICE ||
		    c->op[i]->kind == TNC_TRANSPOSE)
			read_in_place(c, c->op[i]);
	for (int i = 0; i < c->ops; i++)
		if (!tnc_op_is_move(c->op[i]) || tnc_move_count(c, c->op[i]))
			c->op[kept++] = c->op[i];
	c->ops = kept;
	tnc_drop_unused(c);
}
