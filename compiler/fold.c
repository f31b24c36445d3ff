// SPDX-License-Identifier: MIT
/*
 * Pass 'f': fold constants.
 *
 * Needs: a sound graph.
 * Leaves: no operator whose inputs are all constant and which the reference
 * executor has, and no operator or tensor that nothing needs. Results of folded
 * operators are constants, computed with the reference arithmetic.
 */
#include "pass.h"

/* Is the operator's result known already? */
static bool is_foldable(const struct tnc *c, const struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		if (op->input[i] != TNC_INPUT_NONE &&
		    !tnc_tensor_root(c, op->input[i])->data)
			return false;
	return op->inputs && op->kind != TNC_WHILE && tnc_ref_has(c, op);
}

static void fold(struct tnc *c, struct tnc_op *op)
{
	struct tnc_tensor *out = tnc_op_output(c, op);

	tnc_ref_op(c, op);
	out->data = out->value;
	out->value = NULL;
}

static void drop(struct tnc *c, int index)
{
	c->ops--;
	for (int i = index; i < c->ops; i++)
		c->op[i] = c->op[i + 1];
}

/* Of an operator that has not been verified yet. */
static void fold_now(struct tnc *c, struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		if (tnc_op_input(c, op, i))
			tnc_verify_tensor(c, tnc_op_input(c, op, i));
	tnc_verify_tensor(c, tnc_op_output(c, op));
	tnc_verify_op(c, op);
	fold(c, op);
}

/*
 * For importers: computes the graph's last operator at once, if its inputs are
 * constants, as operators behind it may need its result as an attribute. Its
 * tensors have not been verified yet.
 */
void tnc_fold_op(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	if (out->data || !is_foldable(c, op))
		return;
	fold_now(c, op);
	for (int i = c->ops - 1; i >= 0; i--)
		if (c->op[i] == op)
			drop(c, i);
}

/* Likewise the operators from @first on, whatever their types. */
void tnc_fold_all(struct tnc *c, int first)
{
	int kept = first;

	for (int i = first; i < c->ops; i++) {
		struct tnc_op *op = c->op[i];

		if (!tnc_op_output(c, op)->data && is_foldable(c, op))
			fold_now(c, op);
		else
			c->op[kept++] = op;
	}
	c->ops = kept;
}

/* The same for shapes, counters and conditions only: weights can wait. */
void tnc_fold_shape(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	if (out->type == TNC_INT32 || out->type == TNC_INT64 ||
	    out->type == TNC_BOOL)
		tnc_fold_op(c, op);
}

void tnc_pass_fold(struct tnc *c)
{
	int kept = 0;

	for (int i = 0; i < c->ops; i++) {
		if (is_foldable(c, c->op[i]))
			fold(c, c->op[i]);
		else
			c->op[kept++] = c->op[i];
	}
	c->ops = kept;
	tnc_drop_unused(c);
}
