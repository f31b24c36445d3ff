// SPDX-License-Identifier: MIT
/*
 * ONNX operators that nobody here knows: a user's function computes them, if the
 * model says of what type and shape their results are. Its options are the node's
 * own bytes.
 */
#include <errno.h>
#include <string.h>

#include "onnx_ops.h"

#define OPTIONS_MAX 65536

static const Onnx__ValueInfoProto *find_info(Onnx__ValueInfoProto *const *info,
					     size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (info[i]->name && !strcmp(info[i]->name, name))
			return info[i];
	return NULL;
}

/* A tensor as the model describes value @name; TNC_INPUT_NONE if it does not. */
static int described(struct tnc_onnx *im, const char *name)
{
	const Onnx__GraphProto *g = im->graph;
	const Onnx__ValueInfoProto *info =
		find_info(g->value_info, g->n_value_info, name);
	const Onnx__TypeProto__Tensor *type;
	int32_t shape[TNC_RANK_MAX];

	if (!info)
		info = find_info(g->output, g->n_output, name);
	if (!info || !info->type || info->type->value_case !=
				    ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return TNC_INPUT_NONE;
	type = info->type->tensor_type;
	if (!type || !type->shape || type->shape->n_dim > TNC_RANK_MAX)
		return TNC_INPUT_NONE;
	for (size_t d = 0; d < type->shape->n_dim; d++)
		shape[d] = tnc_onnx_dim(im, name, d, type->shape->dim[d]);
	return tnc_onnx_new(im, tnc_onnx_type(im, name, type->elem_type),
			    type->shape->n_dim, shape);
}

static const char *full_name(struct tnc_onnx *im)
{
	const char *domain = im->node->domain ? im->node->domain : "";
	const char *type = im->node->op_type;
	size_t length = strlen(domain) + strlen(type) + 2;
	char *name = tnc_alloc(im->c, length, 1);

	snprintf(name, length, "%s%s%s", domain, *domain ? ":" : "", type);
	return name;
}

/* Returns whether the model says enough of it. */
bool tnc_onnx_custom(struct tnc_onnx *im)
{
	const Onnx__NodeProto *node = im->node;
	size_t size = onnx__node_proto__get_packed_size(node);
	int *out = tnc_alloc(im->c, node->n_output + 1, sizeof(*out));
	uint8_t *options;

	if (size > OPTIONS_MAX || node->n_input > TNC_INPUTS_MAX)
		return false;
	for (size_t i = 0; i < node->n_output; i++) {
		out[i] = tnc_onnx_has_output(im, i) ?
			described(im, node->output[i]) : -1;
		if (out[i] == TNC_INPUT_NONE && tnc_onnx_has_output(im, i))
			return false;
	}
	options = tnc_alloc(im->c, size + 1, 1);
	onnx__node_proto__pack(node, options);
	for (size_t i = 0; i < node->n_output; i++) {
		struct tnc_op *op;

		if (!tnc_onnx_has_output(im, i))
			continue;
		op = tnc_onnx_op(im, TNC_CUSTOM, out[i], 0);
		op->custom = full_name(im);
		for (size_t k = 0; k < node->n_input; k++)
			tnc_op_add_input(im->c, op,
					 tnc_onnx_has_input(im, k) ?
						 tnc_onnx_input(im, k) :
						 TNC_INPUT_NONE);
		for (size_t k = 0; k < size; k++)
			tnc_list_append(im->c, &op->list[0], options[k]);
		tnc_list_append(im->c, &op->list[1], i);
		tnc_list_append(im->c, &op->list[1], node->n_output);
		tnc_onnx_output(im, i, out[i]);
	}
	return node->n_output > 0;
}
