// SPDX-License-Identifier: MIT
/*
 * What the verifier asks of operators that become programs of the vector unit,
 * and of those programs. Called by verify.c alone.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "vector.h"
#include "verify.h"

#define BLOCK_MAX 65532
#define SIGMOID_SCALE_MAX 2.666f /* of int16: the multiplier has 15 bits */

static void need_quantised(struct tnc *c, const struct tnc_tensor *t)
{
	tnc_place_tensor(c, t->id);
	if (t->type != TNC_INT8 && t->type != TNC_INT16)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported %s, must be int8 or int16",
			  tnc_type_info[t->type].name);
	if (t->quant.count != 1)
		tnc_error(c, -EINVAL, "has %d scales, needs 1",
			  t->quant.count);
	tnc_place_tensor(c, -1);
}

/* Types that the vector unit loads and stores. */
static void need_loadable(struct tnc *c, const struct tnc_tensor *t)
{
	tnc_place_tensor(c, t->id);
	if (!tnc_vector_has(t->type))
		tnc_error(c, -EOPNOTSUPP, "unsupported %s",
			  tnc_type_info[t->type].name);
	tnc_place_tensor(c, -1);
}

static void need_type(struct tnc *c, const struct tnc_tensor *t,
		      enum tnc_type type)
{
	tnc_place_tensor(c, t->id);
	if (t->type != type)
		tnc_error(c, -EOPNOTSUPP, "unsupported %s, must be %s",
			  tnc_type_info[t->type].name,
			  tnc_type_info[type].name);
	tnc_place_tensor(c, -1);
}

/* Dimensions of all inputs are those of the output, or 1 and repeated. */
static void need_broadcast(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int rank = 0;

	for (int i = 0; i < op->inputs; i++)
		if (tnc_op_input(c, op, i)->rank > rank)
			rank = tnc_op_input(c, op, i)->rank;
	tnc_need_rank(c, out, rank);
	for (int d = 0; d < out->rank; d++) {
		int size = 1;

		for (int i = 0; i < op->inputs; i++) {
			int x = tnc_tensor_dim(tnc_op_input(c, op, i),
					       out->rank, d);

			if (x != 1 && size != 1 && x != size)
				tnc_error(c, -EINVAL,
					  "dimension %d is %d of one input, %d of another",
					  d, size, x);
			size = x == 1 ? size : x;
		}
		tnc_need_size(c, out, d, size);
	}
}

static void refuse(struct tnc *c, const char *what)
{
	tnc_error(c, -EOPNOTSUPP, "unsupported %s", what);
}

static void verify_sigmoid(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_quant *out = &tnc_op_output(c, op)->quant;

	if (in->type == TNC_INT16 &&
	    (in->quant.scale[0] > SIGMOID_SCALE_MAX ||
	     fabsf(out->scale[0] * 32768 - 1) > 1e-3f))
		refuse(c, "scale of int16");
	if (in->type == TNC_INT8 && op->kind == TNC_LOGISTIC &&
	    out->zero_point[0] != -128)
		refuse(c, "zero point, must be -128");
}

static void verify_factor(struct tnc *c, struct tnc_factor factor)
{
	if (factor.shift > 30 || factor.shift < -31 ||
	    factor.multiplier == INT32_MIN)
		refuse(c, "ratio of scales");
}

/* Factors that the operator's arithmetic has no meaning for. */
static void verify_factors(struct tnc *c, const struct tnc_op *op)
{
	struct tnc_factor factor[3];

	tnc_op_factors(c, op, factor);
	for (int i = 0; i < tnc_op_factor_count(c, op); i++)
		verify_factor(c, factor[i]);
}

/* Entries of the reference's table that are infinite mean nothing. */
static void verify_exp(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	float greatest = expf(in->quant.scale[0] * INT16_MAX) /
			 tnc_op_output(c, op)->quant.scale[0];

	if (in->type == TNC_INT16 && !(greatest < FLT_MAX / 2))
		refuse(c, "scale of int16");
}

void tnc_verify_unary(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	float swish;

	need_quantised(c, in);
	need_quantised(c, out);
	tnc_need_same_type(c, in, out);
	tnc_need_rank(c, out, in->rank);
	need_broadcast(c, op);
	if (!tnc_ref_has_unary(op->kind, in->type))
		tnc_error(c, -EOPNOTSUPP, "unsupported %s",
			  tnc_type_info[in->type].name);
	if (op->kind == TNC_LOGISTIC || op->kind == TNC_TANH)
		verify_sigmoid(c, op);
	if (op->kind == TNC_EXP)
		verify_exp(c, op);
	verify_factors(c, op);
	swish = (1.0f / 128.0f) * in->quant.scale[0] / out->quant.scale[0];
	if (op->kind == TNC_HARD_SWISH &&
	    (tnc_factor_of(swish).shift > 0 || in->quant.scale[0] > 100))
		refuse(c, "ratio of scales");
}

/* Both sides' types and scales, as far as there are any. */
void tnc_verify_quantize(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	need_loadable(c, in);
	need_loadable(c, out);
	if (in->type == TNC_BOOL || out->type == TNC_BOOL)
		refuse(c, "bool");
	if (in->quant.count != 1 || out->quant.count != 1)
		tnc_error(c, -EINVAL, "needs one scale on each side");
	tnc_need_rank(c, out, in->rank);
	need_broadcast(c, op);
	verify_factors(c, op);
}

void tnc_verify_cast(struct tnc *c, const struct tnc_op *op)
{
	need_loadable(c, tnc_op_input(c, op, 0));
	need_loadable(c, tnc_op_output(c, op));
	tnc_need_rank(c, tnc_op_output(c, op), tnc_op_input(c, op, 0)->rank);
	need_broadcast(c, op);
}

void tnc_verify_comparison(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *a = tnc_op_input(c, op, 0);

	need_loadable(c, a);
	tnc_need_same_type(c, a, tnc_op_input(c, op, 1));
	need_type(c, tnc_op_output(c, op), TNC_BOOL);
	need_broadcast(c, op);
	if (a->type != TNC_INT8)
		return;
	need_quantised(c, a);
	need_quantised(c, tnc_op_input(c, op, 1));
	if (a->quant.scale[0] >= 1 ||
	    tnc_op_input(c, op, 1)->quant.scale[0] >= 1)
		refuse(c, "comparison of scales of 1 and more");
}

void tnc_verify_logical(struct tnc *c, const struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		need_type(c, tnc_op_input(c, op, i), TNC_BOOL);
	need_type(c, tnc_op_output(c, op), TNC_BOOL);
	need_broadcast(c, op);
}

void tnc_verify_select(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	need_type(c, tnc_op_input(c, op, 0), TNC_BOOL);
	need_loadable(c, out);
	tnc_need_same_type(c, tnc_op_input(c, op, 1), out);
	tnc_need_same_type(c, tnc_op_input(c, op, 2), out);
	need_broadcast(c, op);
}

void tnc_verify_prelu(struct tnc *c, const struct tnc_op *op)
{
	need_quantised(c, tnc_op_input(c, op, 0));
	need_quantised(c, tnc_op_input(c, op, 1));
	need_quantised(c, tnc_op_output(c, op));
	tnc_need_same_type(c, tnc_op_input(c, op, 0), tnc_op_output(c, op));
	need_type(c, tnc_op_input(c, op, 1), TNC_INT8);
	need_broadcast(c, op);
	verify_factors(c, op);
}

/*
 * Sums and their like of int8 and int16, all of one type, and of plain int32;
 * MAXIMUM and MINIMUM compare elements as they are, of any type and scale.
 */
void tnc_verify_arithmetic(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	bool is_selection = op->kind == TNC_MAXIMUM || op->kind == TNC_MINIMUM;

	for (int i = 0; i < op->inputs; i++) {
		tnc_need_same_type(c, tnc_op_input(c, op, i), out);
		if (out->type != TNC_INT32 && !is_selection)
			need_quantised(c, tnc_op_input(c, op, i));
	}
	need_loadable(c, out);
	if (out->type != TNC_INT32 && !is_selection)
		need_quantised(c, out);
	if (op->act != TNC_ACT_NONE && op->act != TNC_ACT_CLAMP)
		need_quantised(c, out);
	need_broadcast(c, op);
}

/* An instruction of a known code; true: it is the store. */
static bool verify_insn(struct tnc *c, const uint8_t *at)
{
	struct npu_vinsn insn;

	memcpy(&insn, at, sizeof(insn));
	switch (insn.op) {
#define KNOWN(name, code, form, steps, text) case NPU_VOP_##name:
		NPU_VOPS(KNOWN)
#undef KNOWN
		return insn.op == NPU_VOP_STORE;
	}
	tnc_error(c, -EINVAL, "a program with instruction %#x", insn.op);
}

static void verify_block(struct tnc *c, const struct tnc_tensor *block)
{
	int size = block->rank == 1 ? block->shape[0] : 0, at = 0;

	need_type(c, block, TNC_UINT8);
	if (!block->data || size % 4 || size > BLOCK_MAX)
		tnc_error(c, -EINVAL, "a program must be constant bytes");
	do {
		if (at + (int)sizeof(struct npu_vinsn) > size ||
		    at == NPU_VPROG_MAX * sizeof(struct npu_vinsn))
			tnc_error(c, -EINVAL, "a program that does not end");
		at += sizeof(struct npu_vinsn);
	} while (!verify_insn(c, block->data + at - sizeof(struct npu_vinsn)));
}

void tnc_verify_vector(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int lanes;

	verify_block(c, tnc_vector_block(c, op));
	tnc_need_rank(c, out, 4);
	tnc_need_size(c, out, 0, 1);
	need_loadable(c, out);
	for (int i = 0; i + 1 < op->inputs; i++) {
		tnc_need_rank(c, tnc_op_input(c, op, i), 4);
		need_loadable(c, tnc_op_input(c, op, i));
	}
	lanes = tnc_vector_lanes(c, op);
	if (out->shape[3] != 1)
		tnc_need_size(c, out, 3, lanes);
	for (int i = 0; i + 1 < op->inputs; i++)
		for (int d = 0; d < 4; d++)
			if (tnc_op_input(c, op, i)->shape[d] != 1)
				tnc_need_size(c, tnc_op_input(c, op, i), d,
					      d == 3 ? lanes : out->shape[d]);
}
