// SPDX-License-Identifier: MIT
/*
 * Functions that converters spell out in basic operators, found again: GELU and
 * layer normalisation. As one operator each is exact where its parts would be
 * rounded one by one. Only the last operator changes; the others go when nothing else
 * needs them. Part of pass 'n'.
 */
#include <math.h>

#include "float_fuse.h"

struct match {
	const struct tnc *c;
	const struct tnc_writers *w;
};

/* The operator that writes @id, if it is of that kind and nothing but that. */
static const struct tnc_op *find(const struct match *m, int id,
				 enum tnc_op_kind kind)
{
	const struct tnc_op *op = id == TNC_INPUT_NONE ? NULL : m->w->op[id];

	return op && op->kind == kind && op->act == TNC_ACT_NONE ? op : NULL;
}

static bool is_constant(const struct match *m, int id, double expected)
{
	const struct tnc_tensor *t = m->c->tensor[id];

	return t->data && t->type == TNC_FLOAT32 &&
	       tnc_tensor_elements(t) == 1 &&
	       fabs(*(const float *)t->data - expected) < 1e-4 * fabs(expected);
}

/* @id is written by @kind of the constant and something: that; else -1. */
static int other(const struct match *m, int id, enum tnc_op_kind kind,
		 double constant)
{
	const struct tnc_op *op = find(m, id, kind);

	for (int i = 0; op && i < 2; i++)
		if (is_constant(m, op->input[i], constant))
			return op->input[!i];
	return -1;
}

static bool is_cube(const struct match *m, int id, int x)
{
	const struct tnc_op *op = find(m, id, TNC_POW);

	if (op)
		return op->input[0] == x && is_constant(m, op->input[1], 3);
	op = find(m, id, TNC_MUL);
	for (int i = 0; op && i < 2; i++) {
		const struct tnc_op *square = find(m, op->input[i], TNC_MUL);

		if (op->input[!i] == x && square && square->input[0] == x &&
		    square->input[1] == x)
			return true;
	}
	return false;
}

/* x + 0.044715 x^3 */
static bool is_cubic(const struct match *m, int id, int x)
{
	const struct tnc_op *op = find(m, id, TNC_ADD);
	int cube;

	for (int i = 0; op && i < 2; i++) {
		cube = other(m, op->input[i], TNC_MUL, 0.044715);
		if (op->input[!i] == x && cube >= 0 && is_cube(m, cube, x))
			return true;
	}
	return false;
}

/* 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)), or 1 + erf(x / sqrt(2)) */
static bool is_bell(const struct match *m, int id, int x, bool *approximate)
{
	int inner = other(m, id, TNC_ADD, 1);
	const struct tnc_op *tanh_op = inner < 0 ? NULL : find(m, inner, TNC_TANH);
	const struct tnc_op *erf_op = inner < 0 ? NULL : find(m, inner, TNC_ERF);
	int cubic;

	*approximate = tanh_op;
	if (tanh_op) {
		cubic = other(m, tanh_op->input[0], TNC_MUL, 0.7978845608);
		return cubic >= 0 && is_cubic(m, cubic, x);
	}
	return erf_op && (other(m, erf_op->input[0], TNC_MUL, M_SQRT1_2) == x ||
			  other(m, erf_op->input[0], TNC_DIV, M_SQRT2) == x);
}

/* (x / 2) times that, or x times half of that */
static bool fuse_gelu(const struct match *m, struct tnc_op *op)
{
	bool is_approximate;

	if (op->kind != TNC_MUL || op->act != TNC_ACT_NONE)
		return false;
	for (int i = 0; i < 2; i++) {
		int x = other(m, op->input[i], TNC_MUL, 0.5);
		int bell = op->input[!i];

		if (x < 0 || !is_bell(m, bell, x, &is_approximate)) {
			x = op->input[i];
			bell = other(m, op->input[!i], TNC_MUL, 0.5);
		}
		if (bell < 0 || !is_bell(m, bell, x, &is_approximate))
			continue;
		op->kind = op->origin = TNC_GELU;
		op->mode = is_approximate ? TNC_MODE_APPROXIMATE : 0;
		op->inputs = 1;
		op->input[0] = x;
		return true;
	}
	return false;
}

/* The operand of a mean over the last dimension; else -1. */
static int mean_of(const struct match *m, int id)
{
	const struct tnc_op *op = find(m, id, TNC_MEAN);

	if (!op || op->list[0].count != 1 ||
	    op->list[0].id[0] != tnc_op_input(m->c, op, 0)->rank - 1)
		return -1;
	return op->input[0];
}

/* One value for each element of the last dimension of @x. */
static bool is_along(const struct match *m, int id, int x)
{
	const struct tnc_tensor *t = m->c->tensor[id], *of = m->c->tensor[x];

	return t->data && t->type == TNC_FLOAT32 && of->rank &&
	       tnc_tensor_elements(t) == of->shape[of->rank - 1];
}

/* rsqrt(mean((x - mean)^2) + epsilon): @epsilon, or false */
static bool is_deviation(const struct match *m, int id, int x, int mean,
			 float *epsilon)
{
	const struct tnc_op *root = find(m, id, TNC_RSQRT), *sum, *square;
	int squares;

	sum = root ? find(m, root->input[0], TNC_ADD) : NULL;
	for (int i = 0; sum && i < 2; i++) {
		const struct tnc_tensor *t = m->c->tensor[sum->input[i]];

		if (!t->data || t->type != TNC_FLOAT32 ||
		    tnc_tensor_elements(t) != 1)
			continue;
		*epsilon = *(const float *)t->data;
		squares = mean_of(m, sum->input[!i]);
		square = squares < 0 ? NULL :
			 find(m, squares, TNC_SQUARED_DIFFERENCE);
		return square && square->input[0] == x &&
		       square->input[1] == mean;
	}
	return false;
}

/*
 * With factor = gamma x deviation: x x factor + (beta - mean x factor), as Keras writes
 * it. @product is the first term, @rest the other one.
 */
static bool fuse_norm(const struct match *m, struct tnc_op *op,
		      const struct tnc_op *product, const struct tnc_op *rest)
{
	const struct tnc_op *shift, *factor;
	float epsilon;

	shift = product && rest ? find(m, rest->input[1], TNC_MUL) : NULL;
	for (int i = 0; shift && i < 4; i++) {
		int x = product->input[i & 1], mean = shift->input[i >> 1];
		int factor_id = product->input[!(i & 1)];
		int gamma;

		factor = find(m, factor_id, TNC_MUL);
		if (!factor || shift->input[!(i >> 1)] != factor_id ||
		    mean_of(m, mean) != x || !is_along(m, rest->input[0], x))
			continue;
		gamma = factor->input[!is_along(m, factor->input[0], x)];
		if (!is_along(m, gamma, x) ||
		    !is_deviation(m, factor->input[factor->input[0] == gamma],
				  x, mean, &epsilon))
			continue;
		op->kind = op->origin = TNC_LAYER_NORM;
		op->input[0] = x;
		op->input[1] = gamma;
		op->axis = m->c->tensor[x]->rank - 1;
		op->alpha = epsilon;
		return true;
	}
	return false;
}

static void fuse_layer_norm(struct tnc *c, const struct match *m,
			    struct tnc_op *op)
{
	const struct tnc_op *rest;

	if (op->kind != TNC_ADD || op->act != TNC_ACT_NONE)
		return;
	for (int i = 0; i < 2; i++) {
		rest = find(m, op->input[!i], TNC_SUB);
		if (!fuse_norm(m, op, find(m, op->input[i], TNC_MUL), rest))
			continue;
		tnc_op_add_input(c, op, rest->input[0]);
		return;
	}
}

/* Rewrites the operator if it is the last one of such a function. */
void tnc_float_fuse(struct tnc *c, const struct tnc_writers *w,
		    struct tnc_op *op)
{
	struct match m = { c, w };

	if (tnc_op_output(c, op)->type != TNC_FLOAT32)
		return;
	if (!fuse_gelu(&m, op))
		fuse_layer_norm(c, &m, op);
}
