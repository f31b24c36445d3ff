// SPDX-License-Identifier: MIT
/*
 * How TensorFlow Lite quantises each kind of operator, and which activations have
 * to share a scale for that. Whether an int8 form can really be had, the verifier
 * says when it is built.
 */
#include "ptq.h"

static const struct tnc_ptq_rule rules[TNC_OP_KINDS] = {
	[TNC_CONV_2D] = { TNC_PTQ_WEIGHTED, 0, 0 },
	[TNC_DEPTHWISE_CONV_2D] = { TNC_PTQ_WEIGHTED, 0, 0 },
	[TNC_TRANSPOSE_CONV] = { TNC_PTQ_WEIGHTED, 0, 0 },
	[TNC_FULLY_CONNECTED] = { TNC_PTQ_WEIGHTED, 0, 0 },
	[TNC_BATCH_MATMUL] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_ADD] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_SUB] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_MUL] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_MAXIMUM] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_MINIMUM] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_SQUARED_DIFFERENCE] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_EQUAL] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_NOT_EQUAL] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_LESS] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_LESS_EQUAL] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_GREATER] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_GREATER_EQUAL] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_SELECT] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_PRELU] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_RELU] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_RELU6] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_RELU_N1_TO_1] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_RELU_0_TO_1] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_LEAKY_RELU] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_ELU] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_HARD_SWISH] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_LOGISTIC] = { TNC_PTQ_OWN, 1.0f / 256, -128 },
	[TNC_TANH] = { TNC_PTQ_OWN, 1.0f / 128, 0 },
	[TNC_GELU] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_EXP] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_LOG] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_SQRT] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_RSQRT] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_SQUARE] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_ABS] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_NEG] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_SOFTMAX] = { TNC_PTQ_OWN, 1.0f / 256, -128 },
	[TNC_LOG_SOFTMAX] = { TNC_PTQ_OWN, 16.0f / 256, 127 },
	[TNC_L2_NORMALIZATION] = { TNC_PTQ_OWN, 1.0f / 128, 0 },
	[TNC_MEAN] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_SUM] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_REDUCE_MAX] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_REDUCE_MIN] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_ARG_MAX] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_ARG_MIN] = { TNC_PTQ_OWN, 0, 0 },
	[TNC_AVERAGE_POOL_2D] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_MAX_POOL_2D] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_RESIZE_BILINEAR] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_RESIZE_NEAREST_NEIGHBOR] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_RESHAPE] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_TRANSPOSE] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_CONCATENATION] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_SLICE] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_PAD] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_MIRROR_PAD] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_TILE] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_BROADCAST_TO] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_REVERSE] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_SPACE_TO_DEPTH] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_DEPTH_TO_SPACE] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_SPACE_TO_BATCH_ND] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_BATCH_TO_SPACE_ND] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_GATHER] = { TNC_PTQ_ALIKE, 0, 0 },
	[TNC_GATHER_ND] = { TNC_PTQ_ALIKE, 0, 0 },
};

static bool is_float(const struct tnc_tensor *t)
{
	return t && t->type == TNC_FLOAT32;
}

/* A product of two activations has no bias that could be an int32 constant. */
static bool is_weighted(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *bias = tnc_op_input(c, op, 2);

	return tnc_op_input(c, op, 1)->data && (!bias || bias->data);
}

struct tnc_ptq_rule tnc_ptq_rule_of(const struct tnc *c,
				    const struct tnc_op *op)
{
	struct tnc_ptq_rule rule = rules[op->kind];
	bool has_float = is_float(tnc_op_output(c, op));

	for (int i = 0; i < op->inputs; i++)
		has_float |= is_float(tnc_op_input(c, op, i));
	if (!has_float)
		rule.form = TNC_PTQ_NONE;
	if (rule.form == TNC_PTQ_WEIGHTED && !is_weighted(c, op))
		rule.form = tnc_op_input(c, op, 2) ? TNC_PTQ_NONE : TNC_PTQ_OWN;
	return rule;
}

/* The tensor that stands for the group of @id. */
int tnc_ptq_first(const struct tnc_ptq *p, int id)
{
	while (p->tensor[id].group != id)
		id = p->tensor[id].group;
	return id;
}

/* Do all values of @t lie in the fixed range of @fixed? */
static bool covers(const struct tnc_ptq_tensor *fixed,
		   const struct tnc_ptq_tensor *t)
{
	float low = (-128 - fixed->zero_point) * fixed->scale;
	float high = (127 - fixed->zero_point + 1) * fixed->scale;

	return t->low >= low && t->high <= high;
}

/*
 * Gives both the same scale. Where TFLite fixes one, the other follows if its
 * values fit; if not, they stay apart, and one is requantised in between.
 */
static void join(struct tnc_ptq *p, int a, int b)
{
	struct tnc_ptq_tensor *x = &p->tensor[a = tnc_ptq_first(p, a)];
	struct tnc_ptq_tensor *y = &p->tensor[b = tnc_ptq_first(p, b)];

	if (a == b || (x->is_fixed && y->is_fixed) ||
	    (x->is_fixed && !covers(x, y)) || (y->is_fixed && !covers(y, x)))
		return;
	if (y->is_fixed) {
		join(p, b, a);
		return;
	}
	y->group = a;
	if (y->low < x->low)
		x->low = y->low;
	if (y->high > x->high)
		x->high = y->high;
}

static void fix(struct tnc_ptq *p, const struct tnc_op *op,
		const struct tnc_ptq_rule *rule)
{
	struct tnc_ptq_tensor *t = &p->tensor[op->output];

	if (!rule->scale || !t->is_activation)
		return;
	t->is_fixed = true;
	t->scale = rule->scale;
	t->zero_point = rule->zero_point;
}

/* Constants follow the group they are joined with, so they widen its range. */
static void include_constants(struct tnc_ptq *p, const struct tnc_op *op)
{
	struct tnc_ptq_tensor *t = &p->tensor[tnc_ptq_first(p, op->output)];

	for (int i = 0; i < op->inputs; i++) {
		const struct tnc_tensor *from = tnc_op_input(p->c, op, i);
		const float *value;

		if (!is_float(from) || !from->data)
			continue;
		value = (const float *)from->data;
		for (int64_t k = 0; k < tnc_tensor_elements(from); k++) {
			t->low = value[k] < t->low ? value[k] : t->low;
			t->high = value[k] > t->high ? value[k] : t->high;
		}
	}
}

/*
 * Needs: the rules of the real graph's operators and the range of each activation.
 * Leaves: groups of activations that share a scale, and fixed ones.
 */
void tnc_ptq_group(struct tnc_ptq *p)
{
	struct tnc *c = p->c;

	for (int i = 0; i < c->ops; i++)
		fix(p, c->op[i], &p->op[i].rule);
	for (int i = 0; i < c->ops; i++) {
		const struct tnc_op *op = c->op[i];

		if (p->op[i].rule.form != TNC_PTQ_ALIKE ||
		    !p->tensor[op->output].is_activation)
			continue;
		for (int k = 0; k < op->inputs; k++)
			if (op->input[k] != TNC_INPUT_NONE &&
			    p->tensor[op->input[k]].is_activation)
				join(p, op->input[k], op->output);
		if (!p->tensor[tnc_ptq_first(p, op->output)].is_fixed)
			include_constants(p, op);
	}
}
