// SPDX-License-Identifier: MIT
/*
 * Products of matrices: what BATCH_MATMUL's shapes mean, and the part of pass
 * 'l' that brings them, and fully connected layers whose weights are computed,
 * into the one form that the planner knows. That form has pictures of rows: the
 * matrices of all batches one below the other, rows as pixels.
 */
#include <errno.h>
#include <string.h>

#include "pass.h"

/* Matrices [..., rows, columns]: batches as they are, or as rows of a picture. */
static bool is_rows(const struct tnc_tensor *t)
{
	return t->rank == 4 && t->shape[0] == 1 && t->shape[2] == 1;
}

/*
 * In a picture of rows a batch is not seen: the second input has as many as its
 * rows make up, and the first one has its own, or one for all. Pictures that are
 * batches of single rows mean the same either way.
 */
static bool shape_of_rows(const struct tnc *c, const struct tnc_op *op,
			  struct tnc_matmul *s)
{
	const struct tnc_tensor *a = tnc_op_input(c, op, 0);
	const struct tnc_tensor *b = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int rows;

	if (!is_rows(a) || !is_rows(b) || !is_rows(out) ||
	    (op->mode & TNC_MODE_ADJOINT_A))
		return false;
	s->k = a->shape[3];
	s->n = out->shape[3];
	rows = op->mode & TNC_MODE_ADJOINT_B ? s->n : s->k;
	if (b->shape[3] != (op->mode & TNC_MODE_ADJOINT_B ? s->k : s->n) ||
	    b->shape[1] % rows)
		return false;
	s->dims = 1;
	s->b_dim[0] = b->shape[1] / rows;
	if (out->shape[1] % s->b_dim[0])
		return false;
	s->m = out->shape[1] / s->b_dim[0];
	s->a_dim[0] = a->shape[1] == s->m ? 1 : s->b_dim[0];
	return (int64_t)s->a_dim[0] * s->m == a->shape[1];
}

static void need_dim(struct tnc *c, const char *what, int is, int must)
{
	if (is != must)
		tnc_error(c, -EINVAL, "%s are %d, must be %d", what, is, must);
}

/* Needs: an operator whose tensors exist. Returns only if their shapes fit. */
struct tnc_matmul tnc_matmul_of(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *a = tnc_op_input(c, op, 0);
	const struct tnc_tensor *b = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	bool adjoint_a = op->mode & TNC_MODE_ADJOINT_A;
	bool adjoint_b = op->mode & TNC_MODE_ADJOINT_B;
	struct tnc_matmul s = { 0 };
	int rank;

	if (shape_of_rows(c, op, &s))
		return s;
	if (a->rank < 2 || b->rank < 2)
		tnc_error(c, -EINVAL, "matrices of %d and %d dimensions",
			  a->rank, b->rank);
	rank = a->rank > b->rank ? a->rank : b->rank;
	if (out->rank != rank)
		tnc_error(c, -EINVAL, "output has %d dimensions, needs %d",
			  out->rank, rank);
	s.m = a->shape[a->rank - (adjoint_a ? 1 : 2)];
	s.k = a->shape[a->rank - (adjoint_a ? 2 : 1)];
	s.n = b->shape[b->rank - (adjoint_b ? 2 : 1)];
	need_dim(c, "the second input's rows",
		 b->shape[b->rank - (adjoint_b ? 1 : 2)], s.k);
	need_dim(c, "the output's rows", out->shape[rank - 2], s.m);
	need_dim(c, "the output's columns", out->shape[rank - 1], s.n);
	s.dims = rank - 2;
	for (int d = 0; d < s.dims; d++) {
		int x = tnc_tensor_dim(a, rank, d);
		int y = tnc_tensor_dim(b, rank, d);

		if (x != y && x != 1 && y != 1)
			tnc_error(c, -EINVAL,
				  "batches of %d and %d in dimension %d", x, y,
				  d);
		need_dim(c, "the output's batches", out->shape[d],
			 x == 1 ? y : x);
		s.a_dim[d] = x;
		s.b_dim[d] = y;
	}
	return s;
}

int64_t tnc_matmul_batches(const struct tnc_matmul *s)
{
	int64_t batches = 1;

	for (int d = 0; d < s->dims; d++)
		batches *= s->a_dim[d] > s->b_dim[d] ? s->a_dim[d] :
						       s->b_dim[d];
	return batches;
}

/* Which matrix of an input, whose batches are @dim, batch @batch takes. */
int64_t tnc_matmul_index(const struct tnc_matmul *s, const int32_t *dim,
			 int64_t batch)
{
	int64_t index = 0, step = 1;

	for (int d = s->dims - 1; d >= 0; d--) {
		int size = s->a_dim[d] > s->b_dim[d] ? s->a_dim[d] :
						       s->b_dim[d];

		if (dim[d] > 1)
			index += batch % size * step;
		step *= dim[d];
		batch /= size;
	}
	return index;
}

/* --- Pass 'l' ---------------------------------------------------------------- */

static int64_t matrices(const struct tnc_matmul *s, const int32_t *dim)
{
	int64_t count = 1;

	for (int d = 0; d < s->dims; d++)
		count *= dim[d];
	return count;
}

/* A new operator before number @at that makes input @index of it. */
struct tnc_op *tnc_insert_before(struct tnc *c, int at, int index,
				 enum tnc_op_kind kind)
{
	struct tnc_op *op = tnc_op_append(c, kind), *user = c->op[at];
	struct tnc_tensor *out = tnc_tensor_new(c, tnc_op_input(c, user,
								index));

	memmove(&c->op[at + 1], &c->op[at],
		(c->ops - 1 - at) * sizeof(*c->op));
	c->op[at] = op;
	op->origin = user->origin;
	op->source = user->source;
	tnc_op_add_input(c, op, user->input[index]);
	op->output = out->id;
	user->input[index] = out->id;
	return op;
}

/* The first input with rows where it has columns. */
static void insert_transpose(struct tnc *c, int at)
{
	struct tnc_op *user = c->op[at];
	struct tnc_op *op = tnc_insert_before(c, at, 0, TNC_TRANSPOSE);
	struct tnc_tensor *out = tnc_op_output(c, op);
	int rank = out->rank, rows = out->shape[rank - 2];

	out->shape[rank - 2] = out->shape[rank - 1];
	out->shape[rank - 1] = rows;
	for (int d = 0; d < rank - 2; d++)
		tnc_list_append(c, &op->list[0], d);
	tnc_list_append(c, &op->list[0], rank - 1);
	tnc_list_append(c, &op->list[0], rank - 2);
	user->mode &= ~TNC_MODE_ADJOINT_A;
}

/* An input that repeats matrices in some dimensions, in others not. */
static void insert_broadcast(struct tnc *c, int at, int index)
{
	const struct tnc_tensor *product = tnc_op_output(c, c->op[at]);
	struct tnc_op *op = tnc_insert_before(c, at, index, TNC_BROADCAST_TO);
	struct tnc_tensor *out = tnc_op_output(c, op);
	int rank = product->rank;
	int rows = out->shape[out->rank - 2], columns = out->shape[out->rank - 1];

	out->rank = rank;
	memcpy(out->shape, product->shape, sizeof(out->shape));
	out->shape[rank - 2] = rows;
	out->shape[rank - 1] = columns;
}

/* Before the pass: what BATCH_MATMULs need that other operators do. */
void tnc_legalise_matmul_inputs(struct tnc *c)
{
	for (int i = 0; i < c->ops; i++) {
		struct tnc_matmul s;
		int64_t a, b;

		if (c->op[i]->kind != TNC_BATCH_MATMUL)
			continue;
		if (c->op[i]->mode & TNC_MODE_ADJOINT_A)
			insert_transpose(c, i++);
		s = tnc_matmul_of(c, c->op[i]);
		a = matrices(&s, s.a_dim);
		b = matrices(&s, s.b_dim);
		if (a > 1 && a < tnc_matmul_batches(&s))
			insert_broadcast(c, i++, 0);
		if (b > 1 && b < tnc_matmul_batches(&s))
			insert_broadcast(c, i++, 1);
	}
}

/* One constant matrix for all rows: weights of a convolution, o x k. */
static void to_conv(struct tnc *c, struct tnc_op *op,
		    const struct tnc_matmul *s)
{
	const struct tnc_tensor *b = tnc_op_input(c, op, 1);
	const uint8_t *from = tnc_tensor_root(c, b->id)->data;
	bool adjoint = op->mode & TNC_MODE_ADJOINT_B;
	struct tnc_tensor *filter = tnc_tensor_new(c, b);
	struct tnc_factor *factor = tnc_alloc(c, s->n, sizeof(*factor));

	filter->rank = 4;
	memcpy(filter->shape, (int32_t[]){ s->n, 1, 1, s->k }, 16);
	filter->data = tnc_alloc(c, s->n, s->k);
	for (int64_t o = 0; o < s->n; o++) {
		factor[o] = op->factor[0];
		for (int64_t k = 0; k < s->k; k++)
			filter->data[o * s->k + k] =
				from[adjoint ? o * s->k + k : k * s->n + o];
	}
	op->input[1] = filter->id;
	op->factor = factor;
	op->factors = s->n;
	op->mode &= ~TNC_MODE_ADJOINT_B;
	op->kind = TNC_CONV_2D;
}

/* Leaves pictures of rows, or a convolution. */
void tnc_legalise_matmul(struct tnc *c, struct tnc_op *op)
{
	struct tnc_matmul s = tnc_matmul_of(c, op);
	const struct tnc_tensor *b = tnc_op_input(c, op, 1);
	bool adjoint = op->mode & TNC_MODE_ADJOINT_B;

	op->input[0] = tnc_matrix_view(c, op->input[0], s.k, false);
	op->output = tnc_matrix_view(c, op->output, s.n, true);
	if (tnc_tensor_root(c, b->id)->data && matrices(&s, s.b_dim) == 1)
		to_conv(c, op, &s);
	else
		op->input[1] = tnc_matrix_view(c, op->input[1],
					       adjoint ? s.k : s.n, false);
}

/* Weights that somebody computes: a product with their transpose. */
void tnc_matmul_of_fully_connected(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *weights = tnc_op_input(c, op, 1);

	op->input[0] = tnc_matrix_view(c, op->input[0], weights->shape[1],
				       false);
	op->output = tnc_matrix_view(c, op->output, weights->shape[0], true);
	op->input[1] = tnc_matrix_view(c, op->input[1], weights->shape[1],
				       false);
	op->mode |= TNC_MODE_ADJOINT_B;
	op->kind = TNC_BATCH_MATMUL;
}
