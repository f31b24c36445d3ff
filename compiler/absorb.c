// SPDX-License-Identifier: MIT
/*
 * Pass 'a': absorb padding.
 *
 * Needs: a sound graph.
 * Leaves: no PAD before a convolution whose own padding can do the same, unless
 * somebody else needs its result, too.
 */
#include "pass.h"

static const struct tnc_op *writer_of(const struct tnc *c, int tensor)
{
	for (int i = 0; i < c->ops; i++)
		if (c->op[i]->output == tensor)
			return c->op[i];
	return NULL;
}

/* Does it add rows and columns that stand for zero, and nothing else? */
static bool is_zero_border(const struct tnc *c, const struct tnc_op *pad)
{
	const struct tnc_tensor *out = tnc_op_output(c, pad);
	const struct tnc_tensor *value = tnc_op_input(c, pad, 1);

	if (pad->kind != TNC_PAD || out->rank != 4 || out->quant.count != 1 ||
	    tnc_op_input(c, pad, 0)->quant.count != 1)
		return false;
	for (int i = 0; i < TNC_LISTS; i++)
		if (pad->list[i].id[0] || pad->list[i].id[3])
			return false;
	if (tnc_op_input(c, pad, 0)->quant.scale[0] != out->quant.scale[0] ||
	    tnc_op_input(c, pad, 0)->quant.zero_point[0] !=
		    out->quant.zero_point[0])
		return false;
	return !value || (out->type == TNC_INT8 &&
			  (int8_t)value->data[0] == out->quant.zero_point[0]);
}

static void absorb(const struct tnc *c, struct tnc_op *op)
{
	const struct tnc_op *pad = writer_of(c, op->input[0]);
	struct tnc_hw window = tnc_op_window(c, op);
	struct tnc_pads pads = tnc_op_pads(c, op);

	if (!pad || !is_zero_border(c, pad))
		return;
	pads.top += pad->list[0].id[1];
	pads.left += pad->list[0].id[2];
	pads.bottom += pad->list[1].id[1];
	pads.right += pad->list[1].id[2];
	/* A window has to reach the picture. */
	if (pads.top > (window.h - 1) * op->dilation.h ||
	    pads.bottom > (window.h - 1) * op->dilation.h ||
	    pads.left > (window.w - 1) * op->dilation.w ||
	    pads.right > (window.w - 1) * op->dilation.w)
		return;
	op->input[0] = pad->input[0];
	op->pad = TNC_PAD_EXPLICIT;
	op->pads = pads;
}

void tnc_pass_absorb(struct tnc *c)
{
	for (int i = 0; i < c->ops; i++)
		if (c->op[i]->kind == TNC_CONV_2D ||
		    c->op[i]->kind == TNC_DEPTHWISE_CONV_2D)
			absorb(c, c->op[i]);
	tnc_drop_unused(c);
}
