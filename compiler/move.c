// SPDX-License-Identifier: MIT
/*
 * What operators that move bytes come to: boxes of elements that have strides on
 * both sides, and then transfers as the DMA unit has them, three dimensions of
 * runs. Used by pass 'v' to see which are left, and by the planner.
 */
#include <errno.h>
#include <string.h>

#include <npu/isa.h>

#include "move.h"
#include "view.h"

/*
 * TILE and the like split dimensions in two; one more is within an element, and one
 * may be too long to be counted.
 */
#define BOX_DIMS (2 * TNC_RANK_MAX + 2)
#define COUNT_MAX 65535
#define MOVES_MAX 100000

struct box_dim {
	int64_t size;
	int64_t from;		/* strides in bytes */
	int64_t to;
};

/* Elements of an input that go to the output, or that are filled. */
struct box {
	int input;		/* or -1 */
	int64_t from;		/* offsets in bytes */
	int64_t to;
	int dims;
	struct box_dim dim[BOX_DIMS];
};

struct mover {
	struct tnc *c;
	const struct tnc_op *op;
	struct tnc_moves *moves;
	struct tnc_layout in;	/* of input 0 */
	struct tnc_layout out;
	int size;		/* of an element */
	uint8_t fill;
	int filler;		/* input that is repeated, or -1: @fill will do */
};

/* --- Boxes to transfers --------------------------------------------------- */

/* Drops what is of one element, and joins what lies back to back on both sides. */
static void join(struct box *b)
{
	int dims = 0;

	for (int d = 0; d < b->dims; d++) {
		struct box_dim *last = dims ? &b->dim[dims - 1] : NULL;
		const struct box_dim *dim = &b->dim[d];

		if (dim->size == 1)
			continue;
		if (last && last->to == dim->size * dim->to &&
		    last->from == dim->size * dim->from) {
			last->size *= dim->size;
			last->from = dim->from;
			last->to = dim->to;
			continue;
		}
		b->dim[dims++] = *dim;
	}
	b->dims = dims;
}

/* The dimension whose bytes are contiguous on both sides comes last. */
static uint32_t take_run(struct box *b)
{
	uint32_t run = 1;

	for (int d = b->dims - 1; d >= 0; d--) {
		if (b->dim[d].to != 1 ||
		    (b->input >= 0 && b->dim[d].from != 1))
			continue;
		run = b->dim[d].size;
		b->dims--;
		memmove(&b->dim[d], &b->dim[d + 1],
			(b->dims - d) * sizeof(b->dim[0]));
		break;
	}
	return run;
}

static void append(struct mover *m, const struct tnc_move *move)
{
	struct tnc_moves *list = m->moves;

	if (list->count == MOVES_MAX)
		tnc_error(m->c, -ENOSPC, "more than %d transfers", MOVES_MAX);
	list->move = tnc_grow(m->c, list->move, list->count, &list->room,
			      sizeof(*list->move));
	list->move[list->count++] = *move;
}

/* Can the DMA unit step through the dimension? */
static bool is_regular(const struct box_dim *dim)
{
	return dim->from >= 0 && dim->to >= 0 && dim->size <= COUNT_MAX &&
	       dim->from <= UINT32_MAX && dim->to <= UINT32_MAX;
}

/*
 * Three dimensions for one command, the longest that it can step through; those
 * that are left are walked command by command.
 */
static void split(struct box *b, uint32_t run, struct tnc_move *move,
		  struct box *outer)
{
	uint64_t bytes = run;
	int taken = 0;

	*outer = *b;
	outer->dims = 0;
	while (taken < 3) {
		int longest = -1;

		for (int d = 0; d < b->dims; d++)
			if (is_regular(&b->dim[d]) &&
			    bytes * b->dim[d].size <= NPU_MAX_CMD_BYTES &&
			    (longest < 0 ||
			     b->dim[d].size > b->dim[longest].size))
				longest = d;
		if (longest < 0)
			break;
		bytes *= b->dim[longest].size;
		move->n[taken] = b->dim[longest].size;
		move->from_stride[taken] = b->dim[longest].from;
		move->to_stride[taken++] = b->dim[longest].to;
		b->dims--;
		memmove(&b->dim[longest], &b->dim[longest + 1],
			(b->dims - longest) * sizeof(b->dim[0]));
	}
	for (int d = 0; d < b->dims; d++)
		outer->dim[outer->dims++] = b->dim[d];
}

/* A transfer for each place in the dimensions that are left. */
static void append_all(struct mover *m, const struct box *outer,
		       const struct tnc_move *move)
{
	int64_t at[BOX_DIMS] = { 0 };
	int d;

	do {
		struct tnc_move now = *move;
		int64_t from = outer->from, to = outer->to;

		for (d = 0; d < outer->dims; d++) {
			from += at[d] * outer->dim[d].from;
			to += at[d] * outer->dim[d].to;
		}
		now.from = from;
		now.to = to;
		append(m, &now);
		for (d = outer->dims - 1; d >= 0; d--) {
			if (++at[d] < outer->dim[d].size)
				break;
			at[d] = 0;
		}
	} while (d >= 0);
}

/* A dimension that is longer than can be counted, or -1; there is no room for two. */
static int uncounted(const struct box *b)
{
	for (int d = 0; d < b->dims; d++)
		if (b->dim[d].size > COUNT_MAX)
			return d;
	return -1;
}

/* Makes two of dimension @d; what does not fit them becomes @rest. */
static void cut(struct box *b, int d, struct box *rest)
{
	struct box_dim *dim = &b->dim[d];
	int64_t turns = dim->size / COUNT_MAX;

	*rest = *b;
	rest->dim[d].size = dim->size % COUNT_MAX;
	rest->from += turns * COUNT_MAX * dim->from;
	rest->to += turns * COUNT_MAX * dim->to;
	b->dim[b->dims++] = (struct box_dim){
		turns, COUNT_MAX * dim->from, COUNT_MAX * dim->to
	};
	dim->size = COUNT_MAX;
}

static void add_runs(struct mover *m, struct box b, uint32_t run, int64_t at)
{
	int long_dim = uncounted(&b);
	struct box rest;
	struct tnc_move move = {
		.input = b.input,
		.value = m->fill,
		.run = run,
		.n = { 1, 1, 1 },
	};
	struct box outer;

	if (long_dim >= 0) {
		cut(&b, long_dim, &rest);
		if (rest.dim[long_dim].size)
			add_runs(m, rest, run, at);
	}
	b.from += at;
	b.to += at;
	split(&b, run, &move, &outer);
	append_all(m, &outer, &move);
}

/* Nothing has to be done where the bytes are in their place already. */
static bool is_in_place(const struct mover *m, const struct box *b)
{
	if (b->input < 0 || b->from != b->to ||
	    tnc_tensor_root(m->c, m->op->input[b->input]) !=
		    tnc_tensor_root(m->c, m->op->output))
		return false;
	for (int d = 0; d < b->dims; d++)
		if (b->dim[d].from != b->dim[d].to)
			return false;
	return true;
}

static void add_box(struct mover *m, struct box *b)
{
	uint32_t run, rest;

	if (b->input < 0 && m->filler >= 0) {
		b->input = m->filler;
		b->from = 0;
	}
	b->dim[b->dims++] = (struct box_dim){ m->size, 1, 1 };
	join(b);
	if (is_in_place(m, b))
		return;
	run = take_run(b);
	rest = run % NPU_MAX_CMD_BYTES;
	/* A run longer than a command may move takes several. */
	for (uint32_t at = 0; at + NPU_MAX_CMD_BYTES <= run;
	     at += NPU_MAX_CMD_BYTES)
		add_runs(m, *b, NPU_MAX_CMD_BYTES, at);
	if (rest)
		add_runs(m, *b, rest, run - rest);
}

/* --- Operators to boxes --------------------------------------------------- */

/* All of the output; nothing comes from anywhere yet. */
static struct box whole(const struct mover *m, int input)
{
	struct box b = {
		.input = input,
		.from = input < 0 ? 0 : m->in.offset,
		.to = m->out.offset,
		.dims = m->out.rank,
	};

	for (int d = 0; d < b.dims; d++)
		b.dim[d] = (struct box_dim){ m->out.shape[d], 0,
					     m->out.stride[d] };
	return b;
}

static void move_slice(struct mover *m)
{
	struct box b = whole(m, 0);

	for (int d = 0; d < b.dims; d++) {
		b.from += m->op->list[0].id[d] * m->in.stride[d];
		b.dim[d].from = m->op->list[1].id[d] * m->in.stride[d];
	}
	add_box(m, &b);
}

static void move_transpose(struct mover *m)
{
	struct box b = whole(m, 0);

	for (int d = 0; d < b.dims; d++)
		b.dim[d].from = m->in.stride[m->op->list[0].id[d]];
	add_box(m, &b);
}

static void move_reverse(struct mover *m)
{
	struct box b = whole(m, 0);
	const struct tnc_list *axes = &m->op->list[0];

	for (int d = 0; d < b.dims; d++)
		b.dim[d].from = m->in.stride[d];
	for (int i = 0; i < axes->count; i++) {
		int d = axes->id[i];

		b.from += (m->in.shape[d] - 1) * m->in.stride[d];
		b.dim[d].from = -m->in.stride[d];
	}
	add_box(m, &b);
}

static void move_broadcast(struct mover *m)
{
	struct box b = whole(m, 0);
	int new = m->out.rank - m->in.rank;

	for (int d = 0; d < m->in.rank; d++)
		if (m->in.shape[d] > 1)
			b.dim[new + d].from = m->in.stride[d];
	add_box(m, &b);
}

static void move_tile(struct mover *m)
{
	struct box b = whole(m, 0);

	b.dims = 0;
	for (int d = 0; d < m->out.rank; d++) {
		int size = m->in.shape[d];

		b.dim[b.dims++] = (struct box_dim){
			m->out.shape[d] / size, 0, size * m->out.stride[d],
		};
		b.dim[b.dims++] = (struct box_dim){
			size, m->in.stride[d], m->out.stride[d],
		};
	}
	add_box(m, &b);
}

static void move_concatenation(struct mover *m)
{
	int64_t begin = 0;

	for (int i = 0; i < m->op->inputs; i++) {
		const struct tnc_tensor *t = tnc_op_input(m->c, m->op, i);
		struct tnc_layout in = tnc_layout_of(t);
		struct box b = whole(m, i);

		b.from = in.offset;
		b.to += begin * m->out.stride[m->op->axis];
		for (int d = 0; d < b.dims; d++) {
			b.dim[d].size = in.shape[d];
			b.dim[d].from = in.stride[d];
		}
		begin += in.shape[m->op->axis];
		add_box(m, &b);
	}
}

/* The margin before or behind the input in dimension @d. */
static void add_margin(struct mover *m, int d, int64_t first, int64_t count)
{
	struct box b = whole(m, -1);

	if (!count)
		return;
	for (int k = 0; k < d; k++) {
		b.dim[k].size = m->in.shape[k];
		b.to += m->op->list[0].id[k] * m->out.stride[k];
	}
	b.dim[d].size = count;
	b.to += first * m->out.stride[d];
	add_box(m, &b);
}

static void move_pad(struct mover *m)
{
	const int *before = m->op->list[0].id, *after = m->op->list[1].id;
	struct box b = whole(m, 0);

	for (int d = 0; d < m->out.rank; d++) {
		add_margin(m, d, 0, before[d]);
		add_margin(m, d, m->out.shape[d] - after[d], after[d]);
		b.to += before[d] * m->out.stride[d];
		b.dim[d].size = m->in.shape[d];
		b.dim[d].from = m->in.stride[d];
	}
	add_box(m, &b);
}

/* From dimension @d on: what is before, inside and behind the input. */
static void mirror(struct mover *m, const struct box *so_far, int d)
{
	int before, after, size, skip;
	struct box b = *so_far;

	if (d == m->out.rank) {
		add_box(m, &b);
		return;
	}
	before = m->op->list[0].id[d];
	after = m->op->list[1].id[d];
	size = m->in.shape[d];
	skip = !(m->op->mode & TNC_MODE_SYMMETRIC);
	b.dim[d] = (struct box_dim){ before, -m->in.stride[d],
				     m->out.stride[d] };
	b.from += (before - 1 + skip) * m->in.stride[d];
	if (before)
		mirror(m, &b, d + 1);
	b.dim[d] = (struct box_dim){ size, m->in.stride[d], m->out.stride[d] };
	b.from = so_far->from;
	b.to += before * m->out.stride[d];
	mirror(m, &b, d + 1);
	b.dim[d] = (struct box_dim){ after, -m->in.stride[d],
				     m->out.stride[d] };
	b.from += (size - 1 - skip) * m->in.stride[d];
	b.to += size * m->out.stride[d];
	if (after)
		mirror(m, &b, d + 1);
}

static void move_mirror_pad(struct mover *m)
{
	struct box b = whole(m, 0);

	mirror(m, &b, 0);
}

/*
 * A block of @wide's pixels is a pixel of @deep: dimensions are batch, rows,
 * columns, rows of a block, its columns, channels.
 */
static void block_dims(const struct mover *m, const struct tnc_layout *wide,
		       const struct tnc_layout *deep, int64_t stride[2][6],
		       int64_t size[6])
{
	int block = m->op->list[0].id[0];
	int64_t channels = wide->shape[3], element = deep->stride[3];
	bool is_inner = m->op->mode & TNC_MODE_ONNX;

	memcpy(size, (int64_t[]){ wide->shape[0], deep->shape[1],
				  deep->shape[2], block, block, channels },
	       6 * sizeof(*size));
	memcpy(stride[0], (int64_t[]){ wide->stride[0],
				       block * wide->stride[1],
				       block * wide->stride[2],
				       wide->stride[1], wide->stride[2],
				       wide->stride[3] },
	       6 * sizeof(*size));
	memcpy(stride[1], (int64_t[]){ deep->stride[0], deep->stride[1],
				       deep->stride[2],
				       block * (is_inner ? 1 : channels) *
					       element,
				       (is_inner ? 1 : channels) * element,
				       (is_inner ? block * block : 1) *
					       element },
	       6 * sizeof(*size));
}

static void move_depth(struct mover *m)
{
	bool is_deeper = m->op->kind == TNC_SPACE_TO_DEPTH;
	int64_t stride[2][6], size[6];
	struct box b = whole(m, 0);

	block_dims(m, is_deeper ? &m->in : &m->out,
		   is_deeper ? &m->out : &m->in, stride, size);
	b.dims = 6;
	for (int d = 0; d < 6; d++)
		b.dim[d] = (struct box_dim){ size[d], stride[!is_deeper][d],
					     stride[is_deeper][d] };
	add_box(m, &b);
}

/*
 * Place @place of the blocks: its batches on the side of many, every so-maniest
 * row and column on the other one, as far as that has them.
 */
static void move_block(struct mover *m, int place)
{
	bool to_many = m->op->kind == TNC_SPACE_TO_BATCH_ND;
	const struct tnc_layout *many = to_many ? &m->out : &m->in;
	const struct tnc_layout *wide = to_many ? &m->in : &m->out;
	int64_t many_at = many->offset, wide_at = wide->offset;
	struct box b = { .input = 0, .dims = many->rank };
	int rest = place;

	for (int d = many->rank - 1; d > 0; d--) {
		int dims = m->op->list[0].count;
		int64_t block = d <= dims ? m->op->list[0].id[d - 1] : 1;
		/* Where in the wide one the first element would lie. */
		int64_t begin = rest % block -
				(d <= dims ? m->op->list[1].id[d - 1] : 0);
		int64_t first = begin < 0 ? (-begin + block - 1) / block : 0;
		int64_t end = wide->shape[d] <= begin ? 0 :
			      (wide->shape[d] - begin + block - 1) / block;
		int64_t wide_stride = block * wide->stride[d];

		if (end > many->shape[d])
			end = many->shape[d];
		if (end <= first)
			return;
		many_at += first * many->stride[d];
		wide_at += (begin + first * block) * wide->stride[d];
		b.dim[d] = (struct box_dim){
			end - first, to_many ? wide_stride : many->stride[d],
			to_many ? many->stride[d] : wide_stride,
		};
		rest /= block;
	}
	many_at += (int64_t)place * wide->shape[0] * many->stride[0];
	b.dim[0] = (struct box_dim){
		wide->shape[0], to_many ? wide->stride[0] : many->stride[0],
		to_many ? many->stride[0] : wide->stride[0],
	};
	b.from = to_many ? wide_at : many_at;
	b.to = to_many ? many_at : wide_at;
	add_box(m, &b);
}

static void move_batch(struct mover *m)
{
	int places = 1;

	if (m->op->kind == TNC_SPACE_TO_BATCH_ND) {
		struct box b = whole(m, -1);

		add_box(m, &b);
	}
	for (int i = 0; i < m->op->list[0].count; i++)
		places *= m->op->list[0].id[i];
	for (int place = 0; place < places; place++)
		move_block(m, place);
}

/* Indices from @first on that are as far apart as the first two. */
static int progression(const int64_t *index, int first, int end)
{
	int count = 1;

	while (first + count < end &&
	       (count == 1 || index[first + count] -
				      index[first + count - 1] ==
			      index[first + 1] - index[first]))
		count++;
	return count;
}

/*
 * Indices @first to @first + @count, of one row of the indices' last dimension,
 * whose elements lie @at bytes from the output's first one.
 */
static void add_gathered(struct mover *m, const int64_t *index, int count,
			 int64_t at, int rank)
{
	int axis = m->op->axis, last = axis + rank - 1;
	struct box b = whole(m, 0);

	b.to += at;
	b.from += index[0] * m->in.stride[axis];
	b.dims = 0;
	for (int d = 0; d < axis; d++)
		b.dim[b.dims++] = (struct box_dim){
			m->in.shape[d], m->in.stride[d], m->out.stride[d]
		};
	if (count > 1)
		b.dim[b.dims++] = (struct box_dim){
			count, (index[1] - index[0]) * m->in.stride[axis],
			m->out.stride[last]
		};
	for (int d = axis + 1; d < m->in.rank; d++)
		b.dim[b.dims++] = (struct box_dim){
			m->in.shape[d], m->in.stride[d],
			m->out.stride[d + rank - 1]
		};
	add_box(m, &b);
}

static void gather_constant(struct mover *m, const struct tnc_tensor *t)
{
	int64_t count = tnc_tensor_elements(t);
	int64_t *index = tnc_alloc(m->c, count, sizeof(*index));
	int row = t->rank ? t->shape[t->rank - 1] : 1;
	int axis = m->op->axis;

	for (int64_t i = 0; i < count; i++)
		index[i] = tnc_tensor_integer(t, i);
	for (int64_t first = 0; first < count;) {
		int64_t at = 0, rest = first, end = (first / row + 1) * row;
		int n = progression(index, first, end);

		for (int d = t->rank - 1; d >= 0; d--) {
			at += rest % t->shape[d] * m->out.stride[axis + d];
			rest /= t->shape[d];
		}
		add_gathered(m, index + first, n, at, t->rank);
		first += n;
	}
}

/* A dimension around rows that are chosen: strides in bytes on all three sides. */
struct turn {
	int64_t size;
	int64_t from;
	int64_t to;
	int64_t list;
};

/* Dimensions of a gather whose indices are computed, outermost first. */
struct gathering {
	struct turn turn[3 * TNC_RANK_MAX];
	int turns;
	int64_t run;		/* bytes of a row that are contiguous */
};

static void add_turn(struct gathering *g, int64_t size, int64_t from,
		     int64_t to, int64_t list)
{
	struct turn *last = g->turns ? &g->turn[g->turns - 1] : NULL;

	if (size == 1)
		return;
	if (last && last->from == size * from && last->to == size * to &&
	    last->list == size * list) {
		*last = (struct turn){ last->size * size, from, to, list };
		return;
	}
	g->turn[g->turns++] = (struct turn){ size, from, to, list };
}

/* What is behind the axis: the inner dimensions that are dense are the run. */
static void add_row(struct mover *m, struct gathering *g, int shift)
{
	int d = m->in.rank;

	g->run = m->size;
	while (d > m->op->axis + 1 && m->in.stride[d - 1] == g->run &&
	       m->out.stride[d - 1 + shift] == g->run)
		g->run *= m->in.shape[--d];
	for (int k = m->op->axis + 1; k < d; k++)
		add_turn(g, m->in.shape[k], m->in.stride[k],
			 m->out.stride[k + shift], 0);
}

/* A command for each turn of the dimensions that are not @taken into it. */
static void put_gather(struct mover *m, const struct gathering *g, int at,
		       const struct tnc_move *move, unsigned int taken)
{
	if (at == g->turns) {
		append(m, move);
		return;
	}
	if (taken & 1u << at) {
		put_gather(m, g, at + 1, move, taken);
		return;
	}
	for (int64_t i = 0; i < g->turn[at].size; i++) {
		struct tnc_move next = *move;

		next.from += i * g->turn[at].from;
		next.to += i * g->turn[at].to;
		next.indices.from += i * g->turn[at].list;
		put_gather(m, g, at + 1, &next, taken);
	}
}

static bool fits(const struct tnc_move *move, const struct turn *turn)
{
	uint64_t bytes = (uint64_t)move->run * move->n[0] * move->n[1] *
			 move->n[2];

	return turn->from >= 0 && turn->to >= 0 && turn->from <= UINT32_MAX &&
	       turn->to <= UINT32_MAX && turn->size <= COUNT_MAX &&
	       bytes * turn->size <= NPU_MAX_CMD_BYTES;
}

/*
 * Makes the longest turn whose step in the list is @list dimension @dim of the
 * command, if there is one that fits. Returns its bit, or 0. Along dimension 0 the
 * table stays where it is.
 */
static unsigned int take_turn(const struct gathering *g, int64_t list, int dim,
			      struct tnc_move *move)
{
	const struct turn *best = NULL;

	for (int i = 0; i < g->turns; i++) {
		const struct turn *turn = &g->turn[i];

		if (turn->list == list && (dim || !turn->from) &&
		    fits(move, turn) && (!best || turn->size > best->size))
			best = turn;
	}
	if (!best)
		return 0;
	move->n[dim] = best->size;
	move->to_stride[dim] = best->to;
	if (dim)
		move->from_stride[dim] = best->from;
	return 1u << (best - g->turn);
}

/* Indices that are not known: a command chooses the rows when it runs. */
static void gather_computed(struct mover *m, const struct tnc_tensor *t)
{
	struct tnc_layout list = tnc_layout_of(t);
	int axis = m->op->axis, size = tnc_type_info[t->type].size;
	int batches = m->op->list[0].count ? m->op->list[0].id[0] : 0;
	struct gathering g = { .turns = 0 };
	struct tnc_move move = {
		.from = m->in.offset,
		.to = m->out.offset,
		.n = { 1, 1, 1 },
		.from_stride = { m->in.stride[axis] },
		.indices = { 1, size, list.offset, m->in.shape[axis] },
	};
	unsigned int taken;

	if (m->in.stride[axis] < 0 || m->in.stride[axis] > UINT32_MAX)
		tnc_error(m->c, -EOPNOTSUPP,
			  "unsupported: rows chosen from the end to the begin");
	for (int d = 0; d < axis; d++)
		add_turn(&g, m->in.shape[d], m->in.stride[d], m->out.stride[d],
			 d < batches ? list.stride[d] : 0);
	for (int d = batches; d < t->rank; d++)
		add_turn(&g, t->shape[d], 0, m->out.stride[axis + d - batches],
			 list.stride[d]);
	add_row(m, &g, t->rank - batches - 1);
	if (g.run > NPU_MAX_CMD_BYTES)
		tnc_error(m->c, -EOPNOTSUPP, "unsupported: a row of %lld bytes",
			  (long long)g.run);
	move.run = g.run;
	taken = take_turn(&g, size, 0, &move);
	taken |= take_turn(&g, 0, 1, &move);
	taken |= take_turn(&g, (int64_t)size * move.n[0], 2, &move);
	put_gather(m, &g, 0, &move, taken);
}

static void move_gather(struct mover *m)
{
	const struct tnc_tensor *t = tnc_op_input(m->c, m->op, 1);

	if (!t->data)
		gather_computed(m, t);
	else if (m->op->list[0].count && m->op->list[0].id[0])
		tnc_error(m->c, -EOPNOTSUPP,
			  "unsupported: constant indices for each batch");
	else
		gather_constant(m, t);
}

static void (*const move_kind[TNC_OP_KINDS])(struct mover *m) = {
	[TNC_TRANSPOSE] = move_transpose,
	[TNC_CONCATENATION] = move_concatenation,
	[TNC_SLICE] = move_slice,
	[TNC_PAD] = move_pad,
	[TNC_MIRROR_PAD] = move_mirror_pad,
	[TNC_TILE] = move_tile,
	[TNC_BROADCAST_TO] = move_broadcast,
	[TNC_REVERSE] = move_reverse,
	[TNC_SPACE_TO_DEPTH] = move_depth,
	[TNC_DEPTH_TO_SPACE] = move_depth,
	[TNC_SPACE_TO_BATCH_ND] = move_batch,
	[TNC_BATCH_TO_SPACE_ND] = move_batch,
	[TNC_GATHER] = move_gather,
};

/* What margins are filled with: one byte where all of an element are alike. */
static void choose_fill(struct mover *m)
{
	const struct tnc_tensor *out = tnc_op_output(m->c, m->op);
	const struct tnc_tensor *value = tnc_op_input(m->c, m->op, 1);
	bool is_given = m->op->kind == TNC_PAD && value;

	m->filler = -1;
	if (is_given) {
		m->fill = value->data[0];
		for (int i = 1; i < m->size; i++)
			if (value->data[i] != m->fill)
				m->filler = 1;
	} else if (m->size == 1 && out->quant.count) {
		m->fill = out->quant.zero_point[0];
	}
}

/* The transfers that the operator comes to, in any order, none twice. */
void tnc_moves_of(struct tnc *c, const struct tnc_op *op,
		  struct tnc_moves *moves)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct mover m = {
		.c = c,
		.op = op,
		.moves = moves,
		.in = tnc_layout_of(tnc_op_input(c, op, 0)),
		.out = tnc_layout_of(out),
		.size = tnc_type_info[out->type].size,
	};

	choose_fill(&m);
	tnc_place_op(c, op);
	move_kind[op->kind](&m);
	tnc_place_none(c);
}

int tnc_move_count(struct tnc *c, const struct tnc_op *op)
{
	struct tnc_arena_mark mark = tnc_arena_mark(c->arena);
	struct tnc_moves moves = { 0 };

	tnc_moves_of(c, op, &moves);
	tnc_arena_rewind(c->arena, mark);
	return moves.count;
}

/* How many of the inputs the transfers read. */
int tnc_move_inputs(struct tnc *c, const struct tnc_op *op)
{
	struct mover m = {
		.c = c,
		.op = op,
		.size = tnc_type_info[tnc_op_output(c, op)->type].size,
	};

	if (op->kind == TNC_GATHER)
		return tnc_op_input(c, op, 1)->data ? 1 : 2;
	if (op->kind != TNC_PAD)
		return op->inputs;
	choose_fill(&m);
	return m.filler < 0 ? 1 : 2;
}
