// SPDX-License-Identifier: MIT
/*
 * Part of pass 'l': programs that look at a whole row of channels before they
 * know the result for one: normalisations, and the index of the greatest. And EXP of
 * int16, which has a table of lines like theirs.
 */
#include <math.h>

#include "lower.h"

/*
 * LOG_SOFTMAX: to register 3 the sum of what registers 0, the elements, less 1, the
 * greatest one, are powers of; then 0 is the difference, and 2 that in Q5.26.
 */
void tnc_lower_log_sum(struct tnc_vector *v, const struct tnc_ref_log_softmax *s)
{
	tnc_vector_add(v, NPU_VOP_SUB, 0, 0, 1, 0);
	tnc_vector_scale(v, 2, 0, s->scale);
	tnc_vector_add(v, NPU_VOP_EXP, 3, 2, 0, 0);
	tnc_vector_imm(v, NPU_VOP_RDIVP, 3, 3, 12);
	tnc_vector_imm(v, NPU_VOP_LT, 4, 0, s->diff_min);
	tnc_vector_imm(v, NPU_VOP_EQ, 4, 4, 0);
	tnc_vector_imm(v, NPU_VOP_SELECT, 4, 3, 0);
	tnc_vector_add(v, NPU_VOP_RSUM, 3, 4, 0, 0);
}

/* To register 4 the result of registers 0, 2 and 3 as they are then. */
void tnc_lower_log_share(struct tnc_vector *v,
			 const struct tnc_ref_log_softmax *s)
{
	tnc_vector_add(v, NPU_VOP_LOG, 3, 3, 0, 0);
	tnc_vector_imm(v, NPU_VOP_ADD, 4, 3, INT32_MIN);
	tnc_vector_scale(v, 4, 4, s->reverse);
	tnc_vector_imm(v, NPU_VOP_MAX, 4, 4, s->diff_min - 1);
	tnc_vector_add(v, NPU_VOP_SUB, 2, 2, 3, 0);
	tnc_vector_imm(v, NPU_VOP_RDIVP, 2, 2, 22);
	tnc_vector_imm(v, NPU_VOP_ADD, 2, 2, 127);
	tnc_vector_add(v, NPU_VOP_LT, 4, 4, 0, 0);
	tnc_vector_imm(v, NPU_VOP_SELECT, 4, 2, -128);
}

void tnc_lower_log_softmax(struct lowering *l)
{
	struct tnc_ref_log_softmax s = tnc_ref_log_softmax_of(l->in);
	struct tnc_vector *v = &l->v;

	tnc_vector_load(v, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_RMAX, 1, 0, 0, 0);
	tnc_lower_log_sum(v, &s);
	tnc_lower_log_share(v, &s);
	tnc_vector_add(v, NPU_VOP_STORE, 0, 4, 0, 0);
}

/* Register 0 over the root of register 1, in units of 1/128. */
void tnc_lower_by_root(struct tnc_vector *v)
{
	tnc_vector_add(v, NPU_VOP_RSQRT, 2, 1, 0, 0);
	tnc_vector_add(v, NPU_VOP_RSQRT_SHIFT, 3, 1, 0, 0);
	/* To the right, less the 7 bits of the result: may be to the left. */
	tnc_vector_imm(v, NPU_VOP_ADD, 3, 3, -7);
	tnc_vector_imm(v, NPU_VOP_MUL, 4, 3, -1);
	tnc_vector_add(v, NPU_VOP_SHL, 0, 0, 4, 0);
	tnc_vector_add(v, NPU_VOP_SRDHM, 0, 0, 2, 0);
	tnc_vector_add(v, NPU_VOP_RDIVP, 0, 0, 3, 0);
}

void tnc_lower_l2_normalization(struct lowering *l)
{
	struct tnc_vector *v = &l->v;

	tnc_vector_load(v, 0, 0, l->in_zero);
	tnc_vector_add(v, NPU_VOP_MUL, 1, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_RSUM, 1, 1, 0, 0);
	tnc_lower_by_root(v);
	tnc_vector_add(v, NPU_VOP_STORE, 0, 0, 0, 0);
}

/* Register @reg, an int16, through a table of 513 entries. */
static void look_up(struct tnc_vector *v, int reg, const int16_t *table)
{
	tnc_vector_clamp(v, reg, reg, INT16_MIN, INT16_MAX);
	tnc_vector_imm(v, NPU_VOP_ADD, reg, reg, 32768);
	tnc_vector_add(v, NPU_VOP_INTERP, reg, reg, 7,
		       tnc_vector_table(v, table, 513, 2));
	tnc_vector_imm(v, NPU_VOP_ADD, reg, reg, 64);
	tnc_vector_imm(v, NPU_VOP_SHR, reg, reg, 7);
}

/* Of int16: register 0 becomes the exponential of what it is less than register 1. */
void tnc_lower_wide_exp(struct tnc_vector *v, struct tnc_factor factor)
{
	int16_t exps[513], inverses[513];

	tnc_ref_softmax_tables(exps, inverses);
	tnc_vector_add(v, NPU_VOP_SUB, 0, 0, 1, 0);
	tnc_vector_scale(v, 0, 0, factor);
	tnc_vector_imm(v, NPU_VOP_ADD, 0, 0, INT16_MAX);
	look_up(v, 0, exps);
}

/* Register 0 over the sum in register 1. */
void tnc_lower_wide_share(struct tnc_vector *v)
{
	int16_t exps[513], inverses[513];

	tnc_ref_softmax_tables(exps, inverses);
	/* The sum, normalised, as 1 + x; what is shifted out is rounded. */
	tnc_vector_add(v, NPU_VOP_CLZ, 2, 1, 0, 0);
	tnc_vector_imm(v, NPU_VOP_ADD, 3, 2, -1);
	tnc_vector_add(v, NPU_VOP_SHL, 3, 1, 3, 0);
	tnc_vector_imm(v, NPU_VOP_SHR, 3, 3, 13);
	tnc_vector_imm(v, NPU_VOP_ADD, 3, 3, 1);
	tnc_vector_imm(v, NPU_VOP_SHR, 3, 3, 1);
	tnc_vector_imm(v, NPU_VOP_ADD, 3, 3, -(3 << 15));
	look_up(v, 3, inverses);
	tnc_vector_add(v, NPU_VOP_MUL, 0, 0, 3, 0);
	/* 31 less the zeros, which are at most 31 */
	tnc_vector_imm(v, NPU_VOP_XOR, 2, 2, 31);
	tnc_vector_add(v, NPU_VOP_RDIVP, 0, 0, 2, 0);
}

/* Of int16; that of int8 is a command of its own. */
void tnc_lower_softmax(struct lowering *l)
{
	struct tnc_vector *v = &l->v;

	tnc_vector_load(v, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_RMAX, 1, 0, 0, 0);
	tnc_lower_wide_exp(v, l->factor[0]);
	tnc_vector_add(v, NPU_VOP_RSUM, 1, 0, 0, 0);
	tnc_lower_wide_share(v);
	tnc_vector_add(v, NPU_VOP_STORE, 0, 0, 0, 0);
}

/* Of int16 there are too many for a table. */
void tnc_lower_exp(struct lowering *l)
{
	int16_t exps[513];

	tnc_ref_lines(l->in->quant.scale[0], 0, l->out->quant.scale[0], expf,
		      exps);
	tnc_vector_load(&l->v, 0, 0, 0);
	look_up(&l->v, 0, exps);
	tnc_vector_add(&l->v, NPU_VOP_STORE, 0, 0, 0, 0);
}

void tnc_lower_arg(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, 0);
	tnc_vector_add(&l->v, l->op->kind == TNC_ARG_MAX ? NPU_VOP_ARGMAX :
							   NPU_VOP_ARGMIN,
		       0, 0, 0, 0);
	tnc_vector_add(&l->v, NPU_VOP_STORE, 0, 0, 0, 0);
}

enum npu_vop tnc_lower_reducer(enum tnc_op_kind kind)
{
	switch (kind) {
	case TNC_MEAN:
	case TNC_SUM:
		return NPU_VOP_RSUM;
	case TNC_REDUCE_MAX:
	case TNC_REDUCE_ANY:
		return NPU_VOP_RMAX;
	default:
		return NPU_VOP_RMIN;
	}
}

/* Or the sum of what has no scale. */
void tnc_lower_extreme(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, 0);
	tnc_vector_add(&l->v, tnc_lower_reducer(l->op->kind), 0, 0, 0, 0);
	tnc_vector_add(&l->v, NPU_VOP_STORE, 0, 0, 0, 0);
}
