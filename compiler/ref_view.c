// SPDX-License-Identifier: MIT
/*
 * The reference executor on graphs that pass 'v' has been over: each view has a
 * value of its own, dense, which is taken from its owner's before an operator
 * reads it and put there after one has written it. Called by ref.c.
 */
#include <string.h>

#include "ref.h"
#include "view.h"

static uint8_t *value_of(struct tnc *c, struct tnc_tensor *t)
{
	if (!t->value)
		t->value = tnc_alloc(c, 1, tnc_tensor_bytes(t));
	return t->value;
}

/* Copies element by element between the view's value and its owner's. */
static void transfer(struct tnc *c, struct tnc_tensor *view, bool is_write)
{
	struct tnc_tensor *root = c->tensor[tnc_tensor_root(c, view->id)->id];
	uint8_t *all = root->data ? root->data : value_of(c, root);
	int64_t elements = tnc_tensor_elements(view);
	int size = tnc_type_info[view->type].size;
	struct tnc_layout layout = tnc_layout_of(view);
	uint8_t *own = value_of(c, view);

	for (int64_t i = 0; i < elements; i++, own += size) {
		uint8_t *at = all + layout.offset;
		int64_t rest = i;

		for (int d = view->rank - 1; d >= 0; d--) {
			at += rest % view->shape[d] * layout.stride[d];
			rest /= view->shape[d];
		}
		memcpy(is_write ? at : own, is_write ? own : at, size);
	}
}

void tnc_ref_read_views(struct tnc *c, const struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		if (tnc_op_input(c, op, i) && tnc_op_input(c, op, i)->is_view)
			transfer(c, tnc_op_input(c, op, i), false);
}

void tnc_ref_write_view(struct tnc *c, const struct tnc_op *op)
{
	if (tnc_op_output(c, op)->is_view)
		transfer(c, tnc_op_output(c, op), true);
}
