// SPDX-License-Identifier: MIT
/*
 * Part of pass 'l': operators on bytes whose arithmetic is ONNX Runtime's: float32,
 * in the order that ref_onnx.c states. What has one input is a table.
 */
#include <string.h>

#include "lower.h"

/* What the model's bytes are more than the graph's. */
static int offset_of(const struct tnc_op *op)
{
	return op->mode & TNC_MODE_UNSIGNED ? 128 : 0;
}

static int32_t bits_of(float value)
{
	int32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Rounds the float in register 0 and stores it, less what bytes lack. */
static void finish(struct lowering *l)
{
	tnc_vector_add(&l->v, NPU_VOP_FTOI, 0, 0, 0, 0);
	tnc_vector_add(&l->v, NPU_VOP_STORE, 0, 0, 0, -offset_of(l->op));
}

static void lower_sum(struct lowering *l)
{
	struct tnc_ref_onnx_sum s = tnc_ref_onnx_sum(l->v.c, l->op);
	struct tnc_vector *v = &l->v;

	for (int i = 0; i < 2; i++) {
		tnc_vector_load(v, i + 1, i, -s.offset);
		tnc_vector_add(v, NPU_VOP_ITOF, i + 1, i + 1, 0, 0);
	}
	tnc_vector_add(v, NPU_VOP_CONST, 0, 0, 0, bits_of(s.fixed));
	tnc_vector_imm(v, NPU_VOP_FMA, 0, 2, bits_of(s.ratio[1]));
	tnc_vector_imm(v, NPU_VOP_FMA, 0, 1, bits_of(s.ratio[0]));
	finish(l);
}

static void lower_product(struct lowering *l)
{
	const struct tnc_quant *a = &l->in->quant, *b = &l->other->quant;
	float ratio = a->scale[0] * b->scale[0] / l->out->quant.scale[0];
	struct tnc_vector *v = &l->v;

	tnc_vector_load(v, 0, 0, l->in_zero);
	tnc_vector_load(v, 1, 1, l->other_zero);
	tnc_vector_add(v, NPU_VOP_MUL, 0, 0, 1, 0);
	tnc_vector_add(v, NPU_VOP_ITOF, 0, 0, 0, 0);
	tnc_vector_imm(v, NPU_VOP_FMUL, 0, 0, bits_of(ratio));
	tnc_vector_imm(v, NPU_VOP_FADD, 0, 0,
		       bits_of((float)(l->out_zero + offset_of(l->op))));
	finish(l);
}

/* The larger of the floats in registers 1 and 2, or the smaller, to register 0. */
static void choose(struct tnc_vector *v, bool is_max)
{
	tnc_vector_add(v, NPU_VOP_FSUB, 0, 1, 2, 0);
	tnc_vector_imm(v, NPU_VOP_LT, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_SELECT, 0, is_max ? 2 : 1, is_max ? 1 : 2, 0);
}

/* Between dequantisation and quantisation. */
static void lower_plain(struct lowering *l)
{
	const struct tnc_tensor *in[] = { l->in, l->other };
	const int zero[] = { l->in_zero, l->other_zero };
	struct tnc_vector *v = &l->v;

	for (int i = 0; i < 2; i++) {
		tnc_vector_load(v, i + 1, i, zero[i]);
		tnc_vector_add(v, NPU_VOP_ITOF, i + 1, i + 1, 0, 0);
		tnc_vector_imm(v, NPU_VOP_FMUL, i + 1, i + 1,
			       bits_of(in[i]->quant.scale[0]));
	}
	if (l->op->kind == TNC_SUB || l->op->kind == TNC_DIV)
		tnc_vector_add(v, l->op->kind == TNC_SUB ? NPU_VOP_FSUB :
							   NPU_VOP_FDIV,
			       0, 1, 2, 0);
	else
		choose(v, l->op->kind == TNC_MAXIMUM);
	tnc_vector_imm(v, NPU_VOP_FDIV, 0, 0, bits_of(l->out->quant.scale[0]));
	tnc_vector_add(v, NPU_VOP_FTOI, 0, 0, 0, 0);
	tnc_vector_clamp(v, 0, 0, INT16_MIN, INT16_MAX);
	tnc_vector_add(v, NPU_VOP_STORE, 0, 0, 0, l->out_zero);
}

static void lower_table(struct lowering *l)
{
	int8_t table[256];

	tnc_ref_onnx_table(l->v.c, l->op, table);
	tnc_lower_put_table(l, table);
}

tnc_lowering *tnc_lower_onnx(enum tnc_op_kind kind)
{
	switch (kind) {
	case TNC_ADD:
		return lower_sum;
	case TNC_MUL:
		return lower_product;
	case TNC_SUB:
	case TNC_DIV:
	case TNC_MAXIMUM:
	case TNC_MINIMUM:
		return lower_plain;
	case TNC_MEAN:
		return NULL;
	default:
		return lower_table;
	}
}
