/* SPDX-License-Identifier: MIT */
/*
 * Programs of the vector unit. A vector operator reads up to three pictures and,
 * last, a constant of bytes: the block of npu/isa.h, instructions up to the
 * store, then tables. Inputs may have one row, column or channel for all.
 * Private to the compiler.
 */
#ifndef TNC_VECTOR_H
#define TNC_VECTOR_H

#include <npu/isa.h>

#include "ir.h"

#define TNC_VECTOR_TABLES 8192

/* A program that is being written. */
struct tnc_vector {
	struct tnc *c;
	struct npu_vinsn insn[NPU_VPROG_MAX];
	int count;
	uint8_t table[TNC_VECTOR_TABLES];
	int table_size;
};

/* Types that programs load and store. */
static inline bool tnc_vector_has(enum tnc_type type)
{
	return type != TNC_INT64 && type != TNC_FLOAT32;
}

/* vector.c: what a block says */
const struct tnc_tensor *tnc_vector_block(const struct tnc *c,
					  const struct tnc_op *op);
int tnc_vector_count(const struct tnc_tensor *block);
int tnc_vector_steps(const struct tnc_tensor *block);
int tnc_vector_work(const struct tnc_tensor *block);
bool tnc_vector_reduces(const struct tnc_tensor *block);
void tnc_vector_print(const struct tnc_tensor *block, FILE *to);
int tnc_vector_lanes(const struct tnc *c, const struct tnc_op *op);

/* vector.c: writing one; @v starts with only its @c set */
void tnc_vector_add(struct tnc_vector *v, enum npu_vop op, int dst, int src1,
		    int src2, int32_t imm);
void tnc_vector_load(struct tnc_vector *v, int dst, int input, int zero);
void tnc_vector_scale(struct tnc_vector *v, int dst, int src,
		      struct tnc_factor factor);
void tnc_vector_clamp(struct tnc_vector *v, int dst, int src, int min, int max);
uint32_t tnc_vector_table(struct tnc_vector *v, const void *entries, int count,
			  int size);
void tnc_vector_finish(struct tnc_vector *v, struct tnc_op *op);

/* An operation whose second operand is a number. */
static inline void tnc_vector_imm(struct tnc_vector *v, enum npu_vop op,
				  int dst, int src, int32_t imm)
{
	tnc_vector_add(v, op, dst, src, NPU_VPROG_IMMEDIATE, imm);
}

/* lower.c: pass 'l' asks it of each operator; false: it stays as it is */
bool tnc_lower(struct tnc *c, struct tnc_op *op);
bool tnc_lower_has(const struct tnc *c, const struct tnc_op *op);

/* lower_shape.c: inputs and output as pictures, some of them repeated */
void tnc_lower_elementwise(struct tnc *c, struct tnc_op *op);
void tnc_lower_matrix(struct tnc *c, struct tnc_op *op);

#endif
