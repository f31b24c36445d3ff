// SPDX-License-Identifier: MIT
/*
 * Part of pass 'l': products of matrices of int16, which the array does not have, as
 * programs of the vector unit. The elements of the first matrix are a x 256 + b, b from
 * -128 on: sums of a and of b times the second matrix have 32 bits each. A third program
 * scales what they make up, a number of 40 bits, as the reference kernels scale 64.
 */
#include <string.h>

#include "lower.h"
#include "pass.h"

/* A product, whose operators come at @at. */
struct wide {
	struct tnc *c;
	struct tnc_op *op;
	struct tnc_matmul s;
	int at;
};

/* --- Programs -------------------------------------------------------------- */

static void high_sum(struct tnc_vector *v)
{
	tnc_vector_load(v, 0, 0, -128);
	tnc_vector_imm(v, NPU_VOP_SHR, 0, 0, 8);
}

static void low_sum(struct tnc_vector *v)
{
	tnc_vector_load(v, 0, 0, -128);
	tnc_vector_imm(v, NPU_VOP_AND, 0, 0, 255);
	tnc_vector_imm(v, NPU_VOP_ADD, 0, 0, -128);
}

/*
 * Registers 0 x 256 + 1 times @multiplier: to 2 x 2^24 + 3 x 2^8, what is below 2^8
 * being of no account; 3 has 16 bits.
 */
static void multiply(struct tnc_vector *v, int multiplier)
{
	tnc_vector_imm(v, NPU_VOP_SHR, 2, 1, 8);
	tnc_vector_add(v, NPU_VOP_ADD, 0, 0, 2, 0);
	tnc_vector_imm(v, NPU_VOP_AND, 1, 1, 255);
	tnc_vector_imm(v, NPU_VOP_MUL, 1, 1, multiplier);
	tnc_vector_imm(v, NPU_VOP_SHR, 1, 1, 8);
	tnc_vector_imm(v, NPU_VOP_SHR, 2, 0, 16);
	tnc_vector_imm(v, NPU_VOP_MUL, 2, 2, multiplier);
	tnc_vector_imm(v, NPU_VOP_AND, 0, 0, UINT16_MAX);
	tnc_vector_imm(v, NPU_VOP_MUL, 0, 0, multiplier);
	tnc_vector_imm(v, NPU_VOP_AND, 3, 0, UINT16_MAX);
	tnc_vector_add(v, NPU_VOP_ADD, 3, 3, 1, 0);
	tnc_vector_imm(v, NPU_VOP_SHR, 0, 0, 16);
	tnc_vector_add(v, NPU_VOP_ADD, 2, 2, 0, 0);
	tnc_vector_imm(v, NPU_VOP_SHR, 0, 3, 16);
	tnc_vector_add(v, NPU_VOP_ADD, 2, 2, 0, 0);
	tnc_vector_imm(v, NPU_VOP_AND, 3, 3, UINT16_MAX);
}

/* Register 2 x 2^16 + 3 over 2^@shift, rounded, to 2: at least where int16 has room. */
static void shift_right(struct tnc_vector *v, int shift)
{
	if (shift > 16) {
		tnc_vector_imm(v, NPU_VOP_ADD, 2, 2, 1 << (shift - 17));
		tnc_vector_imm(v, NPU_VOP_SHR, 2, 2, shift - 16);
		return;
	}
	tnc_vector_imm(v, NPU_VOP_MAX, 2, 2, INT16_MIN - 1);
	tnc_vector_imm(v, NPU_VOP_MIN, 2, 2, INT16_MAX + 1);
	tnc_vector_imm(v, NPU_VOP_SHL, 2, 2, 16 - shift);
	tnc_vector_imm(v, NPU_VOP_ADD, 3, 3, 1 << (shift - 1));
	tnc_vector_imm(v, NPU_VOP_SHR, 3, 3, shift);
	tnc_vector_add(v, NPU_VOP_ADD, 2, 2, 3, 0);
}

static void scale(struct tnc_vector *v, struct wide *w)
{
	struct tnc_factor factor;
	int min, max;

	tnc_op_factors(w->c, w->op, &factor);
	tnc_op_clamp(w->c, w->op, &min, &max);
	tnc_vector_load(v, 0, 0, 0);
	tnc_vector_load(v, 1, 1, 0);
	multiply(v, factor.multiplier < 0x7fff0000 ?
			    (factor.multiplier + (1 << 15)) >> 16 : 0x7fff);
	shift_right(v, 15 - factor.shift - 8);
	tnc_vector_clamp(v, 0, 2, min, max);
	tnc_vector_add(v, NPU_VOP_STORE, 0, 0, 0, 0);
}

/* --- Operators ------------------------------------------------------------- */

static struct tnc_op *add_op(struct wide *w, enum tnc_op_kind kind)
{
	struct tnc *c = w->c;
	struct tnc_op *op = tnc_op_append(c, kind);

	memmove(&c->op[w->at + 1], &c->op[w->at],
		(c->ops - 1 - w->at) * sizeof(*c->op));
	c->op[w->at++] = op;
	op->origin = w->op->origin;
	op->source = w->op->source;
	return op;
}

static int view(struct wide *w, int id, int rows, int columns, int channels)
{
	return tnc_picture_view(w->c, id, (int32_t[]){ 1, rows, columns,
						       channels }, false);
}

static int add_tensor(struct wide *w, enum tnc_type type, int rows, int columns,
		      int channels)
{
	struct tnc_tensor *t = tnc_tensor_new(w->c, tnc_op_output(w->c, w->op));

	t->rank = 4;
	memcpy(t->shape, (int32_t[]){ 1, rows, columns, channels },
	       4 * sizeof(*t->shape));
	if (type != t->type)
		t->quant.count = 0;
	t->type = type;
	return t->id;
}

/* Matrix number @index of an input that has @rows in each. */
static int matrix(struct wide *w, int input, int index, int rows)
{
	int64_t all = tnc_tensor_elements(tnc_op_input(w->c, w->op, input)) /
		      w->s.k;
	int id = view(w, w->op->input[input], all, 1, w->s.k);
	struct tnc_tensor *out;
	struct tnc_op *op;

	if (all == rows)
		return id;
	op = add_op(w, TNC_SLICE);
	tnc_op_add_input(w->c, op, id);
	out = tnc_tensor_new(w->c, w->c->tensor[id]);
	out->shape[1] = rows;
	op->output = out->id;
	for (int d = 0; d < 4; d++) {
		tnc_list_append(w->c, &op->list[0], d == 1 ? index * rows : 0);
		tnc_list_append(w->c, &op->list[1], 1);
	}
	return out->id;
}

/* @rows x n sums of products with the halves of the first matrix. */
static int add_sums(struct wide *w, void (*half)(struct tnc_vector *v), int a,
		    int b, int rows)
{
	struct tnc_op *op = add_op(w, TNC_VECTOR);
	struct tnc_vector v = { .c = w->c };

	tnc_op_add_input(w->c, op, a);
	tnc_op_add_input(w->c, op, b);
	op->output = add_tensor(w, TNC_INT32, rows, w->s.n, 1);
	half(&v);
	tnc_vector_load(&v, 1, 1, 0);
	tnc_vector_add(&v, NPU_VOP_MUL, 0, 0, 1, 0);
	tnc_vector_add(&v, NPU_VOP_RSUM, 0, 0, 0, 0);
	tnc_vector_add(&v, NPU_VOP_STORE, 0, 0, 0, 0);
	tnc_vector_finish(&v, op);
	return view(w, op->output, rows, 1, w->s.n);
}

static void add_product(struct wide *w, int a, int b, int rows, int output)
{
	struct tnc_vector v = { .c = w->c };
	struct tnc_op *op;
	int high, low;

	b = view(w, b, 1, w->s.n, w->s.k);
	high = add_sums(w, high_sum, a, b, rows);
	low = add_sums(w, low_sum, a, b, rows);
	op = add_op(w, TNC_VECTOR);
	tnc_op_add_input(w->c, op, high);
	tnc_op_add_input(w->c, op, low);
	op->output = output;
	scale(&v, w);
	tnc_vector_finish(&v, op);
}

/* The second matrix with rows where it has columns, before all else. */
static void turn(struct wide *w)
{
	struct tnc_op *op = tnc_insert_before(w->c, w->at++, 1, TNC_TRANSPOSE);
	struct tnc_tensor *out = tnc_op_output(w->c, op);
	int rank = out->rank, rows = out->shape[rank - 2];

	out->shape[rank - 2] = out->shape[rank - 1];
	out->shape[rank - 1] = rows;
	for (int d = 0; d < rank - 2; d++)
		tnc_list_append(w->c, &op->list[0], d);
	tnc_list_append(w->c, &op->list[0], rank - 1);
	tnc_list_append(w->c, &op->list[0], rank - 2);
}

/* A product for each batch, and what joins them. */
static void add_batches(struct wide *w, int64_t batches, int output)
{
	int m = w->s.m, n = w->s.n;
	struct tnc_op *join;
	int *part = tnc_alloc(w->c, batches, sizeof(*part));

	for (int i = 0; i < batches; i++) {
		int a = matrix(w, 0, i, m), b = matrix(w, 1, i, n);

		part[i] = add_tensor(w, TNC_INT16, m, 1, n);
		add_product(w, a, b, m, part[i]);
	}
	join = add_op(w, TNC_CONCATENATION);
	for (int i = 0; i < batches; i++)
		tnc_op_add_input(w->c, join, part[i]);
	join->axis = 1;
	join->output = output;
}

static bool is_wide(const struct tnc *c, const struct tnc_op *op)
{
	return op->kind == TNC_BATCH_MATMUL &&
	       tnc_op_input(c, op, 1)->type == TNC_INT16;
}

/*
 * Before the pass. Needs: inputs that have a matrix for each batch, or one for all.
 * Leaves: no such product.
 */
void tnc_legalise_wide_matmul(struct tnc *c)
{
	for (int i = 0; i < c->ops; i++) {
		struct wide w = { .c = c, .op = c->op[i], .at = i };
		int64_t batches, rows;
		int output;

		if (!is_wide(c, w.op))
			continue;
		w.s = tnc_matmul_of(c, w.op);
		batches = tnc_matmul_batches(&w.s);
		rows = batches * w.s.m;
		if (!(w.op->mode & TNC_MODE_ADJOINT_B))
			turn(&w);
		output = tnc_picture_view(c, w.op->output, (int32_t[]){
			1, rows, 1, w.s.n }, true);
		if (tnc_tensor_elements(tnc_op_input(c, w.op, 1)) ==
		    (int64_t)w.s.n * w.s.k)
			add_product(&w, matrix(&w, 0, 0, rows),
				    matrix(&w, 1, 0, w.s.n), rows, output);
		else
			add_batches(&w, batches, output);
		c->ops--;
		memmove(&c->op[w.at], &c->op[w.at + 1],
			(c->ops - w.at) * sizeof(*c->op));
		i = w.at - 1;
	}
}
