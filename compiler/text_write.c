// SPDX-License-Identifier: MIT
/*
 * Writes the text form of a graph. README.md describes it; text_read.c reads
 * it back, and what it read prints the same again.
 */
#include <ctype.h>

#include "text.h"
#include "vector.h"

const char *const tnc_pad_name[] = {
	[TNC_PAD_SAME] = "same",
	[TNC_PAD_VALID] = "valid",
};

const char *const tnc_act_name[] = {
	[TNC_ACT_NONE] = "none",
	[TNC_ACT_RELU] = "relu",
	[TNC_ACT_RELU_N1_TO_1] = "relu_n1_to_1",
	[TNC_ACT_RELU6] = "relu6",
};

static void write_string(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\' || !isprint((uint8_t)*text))
			fprintf(to, "\\x%02x", (uint8_t)*text);
		else
			putc(*text, to);
	}
	putc('"', to);
}

static void write_quant(const struct tnc_quant *q, FILE *to)
{
	if (!q->count)
		return;
	if (q->count > 1)
		fprintf(to, " axis=%d", q->axis);
	fputs(" q=[", to);
	for (int i = 0; i < q->count; i++)
		fprintf(to, "%s%.9g:%d", i ? " " : "", q->scale[i],
			q->zero_point[i]);
	fputs("]", to);
}

static void write_tensor(const struct tnc_tensor *t, FILE *to)
{
	fprintf(to, "%s %%%d %s [", t->data ? "const" : "tensor", t->id,
		tnc_type_info[t->type].name);
	for (int i = 0; i < t->rank; i++)
		fprintf(to, "%s%d", i ? "," : "", t->shape[i]);
	fputs("]", to);
	write_quant(&t->quant, to);
	if (t->alias >= 0)
		fprintf(to, " alias=%%%d", t->alias);
	if (t->is_view)
		fprintf(to, " at=%lld", (long long)t->offset);
	for (int i = 0; t->is_view && i < t->rank; i++)
		fprintf(to, "%s%lld", i ? "," : " strides=",
			(long long)t->stride[i]);
	fputs(" name=", to);
	write_string(to, t->name);
	putc('\n', to);
}

static void write_attrs(const struct tnc_op *op, FILE *to)
{
	unsigned int attrs = tnc_op_info[op->kind].attrs;

	if (attrs & TNC_HAS_STRIDE)
		fprintf(to, " stride=%dx%d", op->stride.h, op->stride.w);
	if (attrs & TNC_HAS_DILATION)
		fprintf(to, " dilation=%dx%d", op->dilation.h, op->dilation.w);
	if (attrs & TNC_HAS_WINDOW)
		fprintf(to, " window=%dx%d", op->window.h, op->window.w);
	if (attrs & TNC_HAS_PAD) {
		if (op->pad == TNC_PAD_EXPLICIT)
			fprintf(to, " pad=%d,%d,%d,%d", op->pads.top,
				op->pads.left, op->pads.bottom,
				op->pads.right);
		else
			fprintf(to, " pad=%s", tnc_pad_name[op->pad]);
	}
	if (attrs & TNC_HAS_ACT) {
		if (op->act == TNC_ACT_CLAMP)
			fprintf(to, " clamp=%d..%d", op->clamp_min,
				op->clamp_max);
		else
			fprintf(to, " act=%s", tnc_act_name[op->act]);
	}
	if (attrs & TNC_HAS_BETA)
		fprintf(to, " beta=%.9g", op->beta);
	if (attrs & TNC_HAS_ALPHA)
		fprintf(to, " alpha=%.9g", op->alpha);
	if (attrs & TNC_HAS_AXIS)
		fprintf(to, " axis=%d", op->axis);
	if (op->factors) {
		fputs(" factors=[", to);
		for (int i = 0; i < op->factors; i++)
			fprintf(to, "%s%d:%d", i ? " " : "",
				op->factor[i].multiplier, op->factor[i].shift);
		fputs("]", to);
	}
}

/* name=1,2,3 for each list that is not empty. */
static void write_lists(const struct tnc_op *op, FILE *to)
{
	for (int i = 0; i < TNC_LISTS; i++) {
		const struct tnc_list *list = &op->list[i];

		for (int k = 0; k < list->count; k++) {
			if (k)
				putc(',', to);
			else
				fprintf(to, " %s=",
					tnc_op_info[op->kind].list[i]);
			fprintf(to, "%d", list->id[k]);
		}
	}
}

static void write_mode(const struct tnc_op *op, FILE *to)
{
	char before = '=';

	if (op->mode)
		fputs(" mode", to);
	for (int i = 0; i < TNC_MODE_BITS; i++) {
		if (!(op->mode & 1u << i))
			continue;
		fprintf(to, "%c%s", before, tnc_mode_name[i]);
		before = '+';
	}
}

static void write_op(const struct tnc_op *op, FILE *to)
{
	fprintf(to, "%s %%%d =", tnc_op_info[op->kind].name, op->output);
	for (int i = 0; i < op->inputs; i++) {
		if (op->input[i] == TNC_INPUT_NONE)
			fputs(" -", to);
		else
			fprintf(to, " %%%d", op->input[i]);
	}
	write_attrs(op, to);
	write_lists(op, to);
	write_mode(op, to);
	if (op->custom) {
		fputs(" name=", to);
		write_string(to, op->custom);
	}
	if (op->origin != op->kind)
		fprintf(to, " origin=%s", tnc_op_info[op->origin].name);
	fprintf(to, " source=%d\n", op->source);
}

static void write_variable(const struct tnc_variable *v, FILE *to)
{
	fprintf(to, "variable %%%d = %%%d", v->read, v->kept);
	if (v->init != TNC_INPUT_NONE)
		fprintf(to, " init=%%%d", v->init);
	putc('\n', to);
}

static void write_data(const struct tnc_tensor *t, FILE *to)
{
	size_t bytes = tnc_tensor_bytes(t);

	fprintf(to, "data %%%d", t->id);
	for (size_t i = 0; i < bytes; i++)
		fprintf(to, "%s%02x", i % 32 ? "" : "\n  ", t->data[i]);
	fputs("\nend\n", to);
}

void tnc_text_write(const struct tnc *c, FILE *to)
{
	fputs("tnc 1\nmodel ", to);
	write_string(to, c->model_name);
	putc('\n', to);
	for (int i = 0; i < c->tensors; i++)
		if (c->tensor[i])
			write_tensor(c->tensor[i], to);
	for (int i = 0; i < c->inputs.count; i++)
		fprintf(to, "input %%%d\n", c->inputs.id[i]);
	for (int i = 0; i < c->variables; i++)
		write_variable(&c->variable[i], to);
	for (int i = 0; i < c->loops; i++)
		tnc_loop_write_text(&c->loop[i], to);
	for (int i = 0; i < c->ops; i++) {
		write_op(c->op[i], to);
		if (c->op[i]->kind == TNC_VECTOR)
			tnc_vector_print(tnc_vector_block(c, c->op[i]), to);
	}
	for (int i = 0; i < c->outputs.count; i++)
		fprintf(to, "output %%%d\n", c->outputs.id[i]);
	for (int i = 0; i < c->tensors; i++)
		if (c->tensor[i] && c->tensor[i]->data)
			write_data(c->tensor[i], to);
}
