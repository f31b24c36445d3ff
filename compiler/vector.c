// SPDX-License-Identifier: MIT
/*
 * Writes and reads programs of the vector unit; see vector.h.
 */
#include <errno.h>
#include <string.h>

#include "vector.h"

const struct tnc_tensor *tnc_vector_block(const struct tnc *c,
					  const struct tnc_op *op)
{
	return tnc_op_input(c, op, op->inputs - 1);
}

static struct npu_vinsn insn_at(const struct tnc_tensor *block, int index)
{
	struct npu_vinsn insn;

	memcpy(&insn, block->data + index * sizeof(insn), sizeof(insn));
	return insn;
}

/* Instructions, the store among them; the verifier sees to it that there is one. */
int tnc_vector_count(const struct tnc_tensor *block)
{
	int i = 0;

	while (insn_at(block, i).op != NPU_VOP_STORE)
		i++;
	return i + 1;
}

int tnc_vector_steps(const struct tnc_tensor *block)
{
	int count = tnc_vector_count(block);
	struct npu_vinsn insn[NPU_VPROG_MAX];

	memcpy(insn, block->data, count * sizeof(*insn));
	return npu_vprog_steps(insn, count);
}

/* What one command may do is limited in these, per element. */
int tnc_vector_work(const struct tnc_tensor *block)
{
	return tnc_vector_count(block) + tnc_vector_steps(block);
}

bool tnc_vector_reduces(const struct tnc_tensor *block)
{
	for (int i = 0; i < tnc_vector_count(block); i++)
		if (insn_at(block, i).op >= NPU_VOP_RSUM)
			return true;
	return false;
}

/* Channels that the program works on: those of its largest operand. */
int tnc_vector_lanes(const struct tnc *c, const struct tnc_op *op)
{
	int lanes = tnc_op_output(c, op)->shape[3];

	for (int i = 0; i + 1 < op->inputs; i++)
		if (tnc_op_input(c, op, i)->shape[3] > lanes)
			lanes = tnc_op_input(c, op, i)->shape[3];
	return lanes;
}

void tnc_vector_add(struct tnc_vector *v, enum npu_vop op, int dst, int src1,
		    int src2, int32_t imm)
{
	if (v->count == NPU_VPROG_MAX)
		tnc_error(v->c, -EINVAL, "a program of more than %d steps",
			  NPU_VPROG_MAX);
	v->insn[v->count++] = (struct npu_vinsn){ op, dst, src1, src2, imm };
}

void tnc_vector_load(struct tnc_vector *v, int dst, int input, int zero)
{
	tnc_vector_add(v, NPU_VOP_LOAD, dst, input, 0, -zero);
}

/* A negative factor is that of the negative value. */
void tnc_vector_scale(struct tnc_vector *v, int dst, int src,
		      struct tnc_factor factor)
{
	int32_t multiplier = factor.multiplier;

	tnc_vector_add(v, NPU_VOP_SCALE, dst, src, (uint8_t)factor.shift,
		       multiplier < 0 ? -multiplier : multiplier);
	if (multiplier < 0)
		tnc_vector_imm(v, NPU_VOP_MUL, dst, dst, -1);
}

void tnc_vector_clamp(struct tnc_vector *v, int dst, int src, int min, int max)
{
	tnc_vector_add(v, NPU_VOP_CLAMP, dst, src, 0,
		       (uint16_t)min | (uint32_t)max << 16);
}

/* Adds a table; returns the immediate that names it. */
uint32_t tnc_vector_table(struct tnc_vector *v, const void *entries, int count,
			  int size)
{
	int at = v->table_size;

	if (at + count * size > TNC_VECTOR_TABLES)
		tnc_error(v->c, -EINVAL, "tables of more than %d bytes",
			  TNC_VECTOR_TABLES);
	memcpy(v->table + at, entries, count * size);
	v->table_size = (at + count * size + 3) & ~3;
	return at | (uint32_t)(count - 1) << 16;
}

/* Tables lie behind the instructions, wherever those end. */
static void move_tables(struct tnc_vector *v)
{
	for (int i = 0; i < v->count; i++)
		if (v->insn[i].op >= NPU_VOP_LUT8 &&
		    v->insn[i].op <= NPU_VOP_INTERP)
			v->insn[i].imm += v->count * sizeof(v->insn[0]);
}

/* The operator becomes the program, whose last step stores. */
void tnc_vector_finish(struct tnc_vector *v, struct tnc_op *op)
{
	struct tnc *c = v->c;
	size_t bytes = v->count * sizeof(v->insn[0]);
	struct tnc_tensor *block = tnc_tensor_new(c, tnc_op_output(c, op));

	move_tables(v);
	block->type = TNC_UINT8;
	block->quant = (struct tnc_quant){ 0 };
	block->rank = 1;
	block->shape[0] = bytes + v->table_size;
	block->data = tnc_alloc(c, 1, block->shape[0]);
	memcpy(block->data, v->insn, bytes);
	memcpy(block->data + bytes, v->table, v->table_size);
	tnc_op_add_input(c, op, block->id);
	op->kind = TNC_VECTOR;
	op->mode = 0;
	op->factors = 0;
	for (int i = 0; i < TNC_LISTS; i++)
		op->list[i].count = 0;
}

static const char *name_of(unsigned int op, enum npu_vform *form)
{
	switch (op) {
#define NAME(name, code, kind, steps, text) \
	case NPU_VOP_##name:                \
		*form = kind;               \
		return text;
		NPU_VOPS(NAME)
#undef NAME
	}
	return NULL;
}

static void print_operands(const struct npu_vinsn *i, enum npu_vform form,
			   FILE *to)
{
	int32_t imm = (int32_t)i->imm;

	switch (form) {
	case NPU_VFORM_LOAD:
		fprintf(to, "r%u, input %u, %d", i->dst, i->src1, imm);
		break;
	case NPU_VFORM_STORE:
		fprintf(to, "r%u, %d", i->src1, imm);
		break;
	case NPU_VFORM_CONST:
		fprintf(to, "r%u, %d", i->dst, imm);
		break;
	case NPU_VFORM_UNARY:
	case NPU_VFORM_REDUCE:
		fprintf(to, "r%u, r%u", i->dst, i->src1);
		break;
	case NPU_VFORM_BINARY:
	case NPU_VFORM_SELECT:
		if (i->src2 == NPU_VPROG_IMMEDIATE)
			fprintf(to, "r%u, r%u, %d", i->dst, i->src1, imm);
		else
			fprintf(to, "r%u, r%u, r%u", i->dst, i->src1, i->src2);
		break;
	case NPU_VFORM_SCALE:
		fprintf(to, "r%u, r%u, %d:%d", i->dst, i->src1, imm,
			(int8_t)i->src2);
		break;
	case NPU_VFORM_CLAMP:
		fprintf(to, "r%u, r%u, %d..%d", i->dst, i->src1, (int16_t)imm,
			(int16_t)(i->imm >> 16));
		break;
	case NPU_VFORM_TABLE:
	case NPU_VFORM_INTERP:
		fprintf(to, "r%u, r%u, %u entries at %u", i->dst, i->src1,
			(i->imm >> 16) + 1, i->imm & UINT16_MAX);
		break;
	}
}

/* The instructions as comments, a line each. */
void tnc_vector_print(const struct tnc_tensor *block, FILE *to)
{
	int size = block && block->data && block->type == TNC_UINT8 &&
		   block->rank == 1 ? block->shape[0] : 0;

	for (int i = 0; (i + 1) * 8 <= size && i < NPU_VPROG_MAX; i++) {
		struct npu_vinsn insn = insn_at(block, i);
		enum npu_vform form = NPU_VFORM_STORE;
		const char *name = name_of(insn.op, &form);

		if (!name)
			return;
		fprintf(to, "#   %s ", name);
		print_operands(&insn, form, to);
		putc('\n', to);
		if (insn.op == NPU_VOP_STORE)
			return;
	}
}
