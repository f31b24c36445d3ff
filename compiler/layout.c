// SPDX-License-Identifier: MIT
/*
 * Pass 't': take transpositions away.
 *
 * Needs: a sound graph.
 * Leaves: the same results. A TRANSPOSE moves down, through every operator that
 * may as well compute before it, until it meets another one; the two become one,
 * or none. One that moves no element is a RESHAPE; one in front of a fully
 * connected layer is an order of its weights. Of the transpositions that the
 * import of ONNX puts around operators on pictures, only those at the interface
 * remain in ordinary networks.
 */
#include <string.h>

#include "pass.h"

struct layout {
	struct tnc *c;
	int tensors;		/* those that the graph had before */
	int known;		/* how many of the new ones @by has besides */
	struct tnc_op **by;	/* the TRANSPOSE or RESHAPE that writes it */
	struct tnc_op **turned;	/* the last TRANSPOSE that reads it */
	int *same;		/* the tensor that is read instead */
	struct tnc_op **op;	/* the new list */
	int ops;
	int room;
};

/* How an operator behind a TRANSPOSE may change places with it. */
enum way {
	STAYS,
	ELEMENTS,	/* each element on its own, inputs repeated */
	AXIS,		/* inputs of one shape but for dimension op->axis */
	LISTS,		/* lists with an entry for each dimension */
	REDUCES,	/* a list of dimensions that go */
	PICKS,		/* places along dimension op->axis, in a list */
};

static enum way way_of(const struct tnc *c, const struct tnc_op *op)
{
	unsigned int attrs = tnc_op_info[op->kind].attrs;

	if (attrs & TNC_IS_BINARY)
		return ELEMENTS;
	switch (op->kind) {
	case TNC_CONCATENATION:
		return AXIS;
	case TNC_SLICE:
	case TNC_PAD:
	case TNC_MIRROR_PAD:
		return LISTS;
	case TNC_MEAN:
	case TNC_SUM:
	case TNC_REDUCE_MAX:
	case TNC_REDUCE_MIN:
	case TNC_REDUCE_PROD:
		return REDUCES;
	case TNC_GATHER:
		return !op->list[0].count &&
		       tnc_op_input(c, op, 1)->rank == 1 ? PICKS : STAYS;
	case TNC_QUANTIZE:
		return op->inputs == 1 && tnc_op_output(c, op)->quant.count == 1 ?
			       ELEMENTS : STAYS;
	case TNC_RELU:
	case TNC_RELU6:
	case TNC_RELU_N1_TO_1:
	case TNC_RELU_0_TO_1:
	case TNC_LEAKY_RELU:
	case TNC_ELU:
	case TNC_HARD_SWISH:
	case TNC_HARD_SIGMOID:
	case TNC_LOGISTIC:
	case TNC_TANH:
	case TNC_GELU:
	case TNC_SOFTPLUS:
	case TNC_EXP:
	case TNC_LOG:
	case TNC_SQRT:
	case TNC_RSQRT:
	case TNC_SQUARE:
	case TNC_ABS:
	case TNC_NEG:
	case TNC_ERF:
	case TNC_FLOOR:
	case TNC_CEIL:
	case TNC_ROUND:
		return ELEMENTS;
	default:
		return STAYS;
	}
}

static void keep(struct layout *l, struct tnc_op *op)
{
	l->op = tnc_grow(l->c, l->op, l->ops, &l->room, sizeof(*l->op));
	l->op[l->ops++] = op;
	if (op->output < l->known &&
	    (op->kind == TNC_TRANSPOSE || op->kind == TNC_RESHAPE))
		l->by[op->output] = op;
	if (op->kind == TNC_TRANSPOSE && op->input[0] < l->tensors)
		l->turned[op->input[0]] = op;
}

static struct tnc_op *writer(const struct layout *l, int id,
			     enum tnc_op_kind kind)
{
	struct tnc_op *op = id >= 0 && id < l->known ? l->by[id] : NULL;

	return op && op->kind == kind ? op : NULL;
}

static const int *perm_of(const struct tnc_op *op)
{
	return op->list[0].id;
}

/* An operator of its own from @in to @out, after the last one kept. */
static void append(struct layout *l, const struct tnc_op *like,
		   enum tnc_op_kind kind, int in, int out, const int *perm)
{
	struct tnc_op *op = tnc_op_append(l->c, kind);

	op->source = like->source;
	op->output = out;
	tnc_op_add_input(l->c, op, in);
	for (int d = 0; perm && d < l->c->tensor[in]->rank; d++)
		tnc_list_append(l->c, &op->list[0], perm[d]);
	keep(l, op);
}

static bool is_output(const struct tnc *c, int id)
{
	for (int i = 0; i < c->outputs.count; i++)
		if (c->outputs.id[i] == id)
			return true;
	return false;
}

/* Does @perm leave the order of all dimensions that are more than 1? */
static bool moves_nothing(const struct tnc_tensor *in, const int *perm)
{
	int last = -1;

	for (int d = 0; d < in->rank; d++) {
		if (in->shape[perm[d]] == 1)
			continue;
		if (perm[d] < last)
			return false;
		last = perm[d];
	}
	return true;
}

static bool same_tensor(const struct tnc_tensor *a, const struct tnc_tensor *b)
{
	return a->rank == b->rank && a->quant.count == 1 &&
	       b->quant.count == 1 &&
	       a->quant.scale[0] == b->quant.scale[0] &&
	       a->quant.zero_point[0] == b->quant.zero_point[0] &&
	       !memcmp(a->shape, b->shape, a->rank * sizeof(*a->shape));
}

static bool without_quant(const struct tnc_tensor *a, const struct tnc_tensor *b)
{
	return a->rank == b->rank && !a->quant.count && !b->quant.count &&
	       !memcmp(a->shape, b->shape, a->rank * sizeof(*a->shape));
}

/* The tensor before a RESHAPE, or the tensor itself. */
static int before_reshape(const struct layout *l, int id)
{
	const struct tnc_op *op = writer(l, id, TNC_RESHAPE);

	return op ? op->input[0] : id;
}

/* From @in to @out with no element moved: nothing, if that can be. */
static void reshape(struct layout *l, const struct tnc_op *like, int in, int out)
{
	const struct tnc_tensor *from, *to = l->c->tensor[out];

	in = before_reshape(l, in);
	from = l->c->tensor[in];
	if (!is_output(l->c, out) &&
	    (same_tensor(from, to) || without_quant(from, to)))
		l->same[out] = in;
	else
		append(l, like, TNC_RESHAPE, in, out, NULL);
}

/* From @in to @out, a tensor that the graph had before. */
static void move_to(struct layout *l, const struct tnc_op *like, int in, int out,
		    const int *perm)
{
	if (moves_nothing(l->c->tensor[in], perm))
		reshape(l, like, in, out);
	else
		append(l, like, TNC_TRANSPOSE, in, out, perm);
}

static void transpose(struct layout *l, struct tnc_op *op)
{
	const struct tnc_op *before = writer(l, op->input[0], TNC_TRANSPOSE);
	int perm[TNC_RANK_MAX], in = op->input[0];
	int rank = tnc_op_output(l->c, op)->rank;

	for (int d = 0; d < rank; d++)
		perm[d] = perm_of(op)[d];
	if (before) {
		for (int d = 0; d < rank; d++)
			perm[d] = perm_of(before)[perm_of(op)[d]];
		in = before->input[0];
	}
	move_to(l, op, in, op->output, perm);
}

/* The shape that @perm makes @shape from. */
static void unpermute(const int32_t *shape, int rank, const int *perm,
		      int32_t *before)
{
	for (int d = 0; d < rank; d++)
		before[perm[d]] = shape[d];
}

/* Constant @id of a shape that, transposed by @perm, is what it is now. */
static int constant_before(struct layout *l, int id, int rank, const int *perm)
{
	const struct tnc_tensor *t = l->c->tensor[id];
	const struct tnc_tensor *root = tnc_tensor_root(l->c, id);
	int size = tnc_type_info[t->type].size;
	int32_t shape[TNC_RANK_MAX], at[TNC_RANK_MAX] = { 0 };
	int64_t step[TNC_RANK_MAX], elements = tnc_tensor_elements(t);
	struct tnc_tensor *new = tnc_tensor_new(l->c, t);

	for (int d = 0; d < rank; d++)
		shape[d] = tnc_tensor_dim(t, rank, d);
	new->rank = rank;
	unpermute(shape, rank, perm, new->shape);
	new->data = tnc_alloc(l->c, elements, size);
	for (int d = 0; d < rank; d++) {
		step[d] = size;
		for (int k = perm[d] + 1; k < rank; k++)
			step[d] *= new->shape[k];
	}
	for (int64_t i = 0; i < elements; i++) {
		int64_t to = 0;

		for (int d = 0; d < rank; d++)
			to += at[d] * step[d];
		memcpy(new->data + to, root->data + i * size, size);
		for (int d = rank - 1; d >= 0 && ++at[d] == shape[d]; d--)
			at[d] = 0;
	}
	return new->id;
}

/* The tensor that @perm would make @id from, if another transposition made it. */
static int turned_back(const struct layout *l, int id, const int *perm, int rank)
{
	const struct tnc_op *op = id >= 0 && id < l->tensors ? l->turned[id] :
							       NULL;

	if (!op || tnc_op_output(l->c, op)->rank != rank)
		return -1;
	for (int d = 0; d < rank; d++)
		if (perm_of(op)[perm[d]] != d)
			return -1;
	return op->output;
}

/*
 * The inputs that @op would read before the transposition: what the same one was
 * made from, or constants in another order. NULL: there is something else. Those
 * from @moved on are not looked at.
 */
static int *inputs_before(struct layout *l, const struct tnc_op *op,
			  const struct tnc_op *move, int moved)
{
	int *id = tnc_alloc(l->c, op->inputs, sizeof(*id));
	int rank = tnc_op_output(l->c, move)->rank;

	for (int i = moved; i < op->inputs; i++)
		id[i] = op->input[i];
	for (int i = 0; i < moved; i++) {
		const struct tnc_op *by = writer(l, op->input[i],
						 TNC_TRANSPOSE);
		const struct tnc_tensor *t = tnc_op_input(l->c, op, i);

		if (!t || (t->quant.count > 1 && tnc_tensor_elements(t) > 1))
			return NULL;
		if (by && t->rank == rank &&
		    !memcmp(perm_of(by), perm_of(move), rank * sizeof(int)))
			id[i] = by->input[0];
		else if (turned_back(l, op->input[i], perm_of(move), rank) >= 0)
			id[i] = turned_back(l, op->input[i], perm_of(move),
					    rank);
		else if (tnc_tensor_elements(t) == 1 && t->rank <= 1)
			id[i] = op->input[i];
		else if (tnc_tensor_root(l->c, t->id)->data && t->rank <= rank)
			id[i] = constant_before(l, op->input[i], rank,
						perm_of(move));
		else
			return NULL;
	}
	return id;
}

/* The operator reads @id and writes a tensor that is transposed behind it. */
static void swap(struct layout *l, struct tnc_op *op, const int *id,
		    const int *perm)
{
	struct tnc_tensor *out = tnc_op_output(l->c, op);
	struct tnc_tensor *before = tnc_tensor_new(l->c, out);

	unpermute(out->shape, out->rank, perm, before->shape);
	for (int i = 0; i < op->inputs; i++)
		op->input[i] = id[i];
	op->output = before->id;
	keep(l, op);
	move_to(l, op, before->id, out->id, perm);
}

static void permute_list(struct tnc *c, struct tnc_list *list, const int *perm)
{
	int entry[TNC_RANK_MAX];

	for (int d = 0; d < list->count; d++)
		entry[perm[d]] = list->id[d];
	memcpy(list->id, entry, list->count * sizeof(*entry));
}

/*
 * Dimensions that go, by their numbers before the transposition. If they leave
 * altogether, those that stay may be in another order.
 */
static void swap_reduction(struct layout *l, struct tnc_op *op,
			   const struct tnc_op *move)
{
	const struct tnc_tensor *in = tnc_op_input(l->c, op, 0);
	const int *perm = perm_of(move);
	bool goes[TNC_RANK_MAX] = { false };
	int place[TNC_RANK_MAX], rest[TNC_RANK_MAX], count = 0, left = 0;
	bool keeps = tnc_op_output(l->c, op)->rank == in->rank;

	for (int i = 0; i < op->list[0].count; i++)
		goes[perm[op->list[0].id[i]]] = true;
	for (int d = 0; d < in->rank; d++)
		if (!goes[d])
			place[d] = left++;
	left = 0;
	for (int d = 0; d < in->rank; d++)
		if (!goes[perm[d]])
			rest[left++] = place[perm[d]];
	for (int d = 0; d < in->rank; d++)
		if (goes[d])
			op->list[0].id[count++] = d;
	swap(l, op, &move->input[0], keeps ? perm : rest);
}

static bool swaps(struct layout *l, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(l->c, op);
	const struct tnc_op *move = NULL;
	enum way way = way_of(l->c, op);
	int *id;

	for (int i = 0; i < op->inputs && !move; i++)
		move = writer(l, op->input[i], TNC_TRANSPOSE);
	if (!move || way == STAYS || out->quant.count > 1)
		return false;
	if (way == REDUCES) {
		swap_reduction(l, op, move);
		return true;
	}
	if (out->rank != tnc_op_output(l->c, move)->rank)
		return false;
	id = inputs_before(l, op, move, way == PICKS ? 1 : op->inputs);
	if (!id)
		return false;
	if (way == AXIS || way == PICKS)
		op->axis = perm_of(move)[op->axis];
	for (int i = 0; i < TNC_LISTS && way == LISTS; i++)
		permute_list(l->c, &op->list[i], perm_of(move));
	swap(l, op, id, perm_of(move));
	return true;
}

/* Numbers of the dimensions that are more than 1. */
static int large_dims(const struct tnc_tensor *t, int *dim)
{
	int count = 0;

	for (int d = 0; d < t->rank; d++)
		if (t->shape[d] != 1)
			dim[count++] = d;
	return count;
}

/*
 * A RESHAPE that only takes or gives dimensions of 1 comes before a TRANSPOSE as
 * well as behind it.
 */
static bool swaps_reshape(struct layout *l, struct tnc_op *op)
{
	const struct tnc_op *move = writer(l, op->input[0], TNC_TRANSPOSE);
	struct tnc_tensor *out = tnc_op_output(l->c, op), *before;
	const struct tnc_tensor *in;
	int from[TNC_RANK_MAX], to[TNC_RANK_MAX], perm[TNC_RANK_MAX];
	int count;

	if (!move)
		return false;
	in = tnc_op_output(l->c, move);
	count = large_dims(in, from);
	if (large_dims(out, to) != count)
		return false;
	for (int k = 0; k < count; k++)
		if (in->shape[from[k]] != out->shape[to[k]])
			return false;
	before = tnc_tensor_new(l->c, out);
	for (int d = 0; d < out->rank; d++)
		perm[d] = d;
	/* Large dimension k comes as many-th as its source does. */
	for (int k = 0; k < count; k++) {
		int rank = 0;

		for (int j = 0; j < count; j++)
			rank += perm_of(move)[from[j]] <
				perm_of(move)[from[k]];
		perm[to[k]] = to[rank];
	}
	unpermute(out->shape, out->rank, perm, before->shape);
	append(l, op, TNC_RESHAPE, before_reshape(l, move->input[0]),
	       before->id, NULL);
	move_to(l, op, before->id, out->id, perm);
	return true;
}

/* Weights for inputs that come in the order before a transposition. */
static int weights_before(struct layout *l, int weights, const struct tnc_op *move)
{
	const struct tnc_tensor *t = l->c->tensor[weights];
	const struct tnc_tensor *to = tnc_op_output(l->c, move);
	struct tnc_tensor view = *t, *new;
	int32_t rows = t->shape[0];
	int perm[TNC_RANK_MAX], id;

	/* As a tensor: outputs, then the dimensions of one picture. */
	view.rank = to->rank;
	memcpy(view.shape, to->shape, to->rank * sizeof(*to->shape));
	view.shape[0] = rows;
	view.quant.count = 0;
	new = tnc_tensor_new(l->c, &view);
	new->data = t->data;
	memcpy(perm, perm_of(move), to->rank * sizeof(*perm));
	id = constant_before(l, new->id, to->rank, perm);
	new = l->c->tensor[id];
	new->rank = 2;
	new->shape[0] = rows;
	new->shape[1] = t->shape[1];
	new->quant = t->quant;
	return id;
}

/* A fully connected layer of a whole transposed picture. */
static bool reorders_weights(struct layout *l, struct tnc_op *op)
{
	const struct tnc_op *flat, *move;
	const struct tnc_tensor *picture, *in;
	struct tnc_tensor *new;

	if (op->kind != TNC_FULLY_CONNECTED)
		return false;
	in = tnc_op_input(l->c, op, 0);
	flat = writer(l, op->input[0], TNC_RESHAPE);
	move = flat ? writer(l, flat->input[0], TNC_TRANSPOSE) : NULL;
	if (!move || !tnc_op_input(l->c, op, 1)->data || perm_of(move)[0])
		return false;
	picture = tnc_op_output(l->c, move);
	if (in->rank != 2 || in->shape[0] != picture->shape[0] ||
	    tnc_op_input(l->c, op, 1)->shape[1] != in->shape[1])
		return false;
	new = tnc_tensor_new(l->c, in);
	append(l, op, TNC_RESHAPE, before_reshape(l, move->input[0]), new->id,
	       NULL);
	op->input[0] = new->id;
	op->input[1] = weights_before(l, op->input[1], move);
	keep(l, op);
	return true;
}

static void visit(struct layout *l, struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		if (op->input[i] >= 0 && op->input[i] < l->tensors)
			op->input[i] = l->same[op->input[i]];
	if (op->kind == TNC_TRANSPOSE) {
		transpose(l, op);
		return;
	}
	if (op->kind == TNC_RESHAPE) {
		if (swaps_reshape(l, op))
			return;
		reshape(l, op, op->input[0], op->output);
		return;
	}
	if (!swaps(l, op) && !reorders_weights(l, op))
		keep(l, op);
}

void tnc_pass_layout(struct tnc *c)
{
	struct layout l = { .c = c, .tensors = c->tensors };
	struct tnc_op **op = c->op;
	int ops = c->ops;

	/* Most operators make one tensor, or none. */
	l.known = c->tensors + 2 * c->ops;
	l.by = tnc_alloc(c, l.known + 1, sizeof(*l.by));
	l.turned = tnc_alloc(c, c->tensors + 1, sizeof(*l.turned));
	l.same = tnc_alloc(c, c->tensors + 1, sizeof(*l.same));
	for (int i = 0; i < c->tensors; i++)
		l.same[i] = i;
	/* What is made from here on goes through the new list. */
	c->op = NULL;
	c->ops = 0;
	c->ops_room = 0;
	for (int i = 0; i < ops; i++)
		visit(&l, op[i]);
	c->op = l.op;
	c->ops = l.ops;
	c->ops_room = l.room;
	tnc_drop_unused(c);
}
