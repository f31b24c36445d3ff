// SPDX-License-Identifier: MIT
/*
 * Pass 'f': fold constants.
 *
 * Needs: a sound graph.
 * Leaves: no operator whose inputs are all constant, and no operator or tensor
 * that nothing needs. Results of folded operators are constants, computed with
 * the reference arithmetic.
 */
#include "pass.h"

static bool is_constant(struct tnc *c, const struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		if (!tnc_tensor_root(c, op->input[i])->data)
			return false;
	return true;
}

static void fold(struct tnc *c)
{
	int kept = 0;

	for (int i = 0; i < c->ops; i++) {
		struct tnc_op *op = c->op[i];
		struct tnc_tensor *out = tnc_op_output(c, op);

		if (!is_constant(c, op)) {
			c->op[kept++] = op;
			continue;
		}
		tnc_ref_op(c, op);
		out->data = out->value;
		out->value = NULL;
	}
	c->ops = kept;
}

void tnc_pass_fold(struct tnc *c)
{
	fold(c);
	tnc_drop_unused(c);
}
