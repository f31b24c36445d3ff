// SPDX-License-Identifier: MIT
/*
 * Pass 's': state.
 *
 * Needs: a sound graph.
 * Leaves: no variable that keeps what another one had: copies of it. So the
 * values that variables are given at the end of a run are not among those that
 * this overwrites.
 */
#include "pass.h"

/* Does a variable other than @index begin as the tensor? */
static bool is_read(const struct tnc *c, int root, int index)
{
	for (int i = 0; i < c->variables; i++)
		if (i != index &&
		    tnc_tensor_root(c, c->variable[i].read)->id == root)
			return true;
	return false;
}

static int append_copy(struct tnc *c, int id)
{
	struct tnc_op *op = tnc_op_append(c, TNC_SLICE);

	tnc_op_add_input(c, op, id);
	for (int d = 0; d < c->tensor[id]->rank; d++) {
		tnc_list_append(c, &op->list[0], 0);
		tnc_list_append(c, &op->list[1], 1);
	}
	op->output = tnc_tensor_new(c, c->tensor[id])->id;
	return op->output;
}

void tnc_pass_state(struct tnc *c)
{
	for (int i = 0; i < c->variables; i++) {
		struct tnc_variable *v = &c->variable[i];

		if (is_read(c, tnc_tensor_root(c, v->kept)->id, i))
			v->kept = append_copy(c, v->kept);
	}
}
