// SPDX-License-Identifier: MIT
/*
 * Checks a program of VPROG, instruction by instruction: registers that were
 * written before, inputs that are there, tables that lie within the block,
 * nothing but zero in what a form does not use. What passes can be executed
 * without a further look. Called by vec_program.c.
 */
#include "dma_memo.h"
#include "vec_program.h"

#include <string.h>

#define FIRST_INFO 64 /* FAULT_INFO of a byte of the block: behind the command's */

bool vec_program_form(unsigned int op, enum npu_vform *form)
{
	switch (op) {
#define FORM(name, code, kind, steps, text) \
	case NPU_VOP_##name:                \
		*form = kind;               \
		return true;
		NPU_VOPS(FORM)
#undef FORM
	}
	return false;
}

/* The fault of an instruction's member. */
static int bad(struct unit_ctx *ctx, uint32_t index, uint32_t offset)
{
	return unit_fault_field(ctx, FIRST_INFO +
				index * (uint32_t)sizeof(struct npu_vinsn) +
				offset);
}

#define BAD(ctx, index, member) \
	bad(ctx, index, __builtin_offsetof(struct npu_vinsn, member))

/* What the instructions so far have done. */
struct progress {
	const struct npu_cmd_vprog *cmd;
	uint32_t written; /* registers, a bit each */
	uint32_t loaded; /* inputs, likewise */
	uint32_t reductions;
};

static bool is_readable(const struct progress *p, uint8_t number)
{
	return number < NPU_VPROG_REGISTERS && p->written >> number & 1;
}

/* A register or, with NPU_VPROG_IMMEDIATE, the immediate. */
static int check_second(struct unit_ctx *ctx, const struct progress *p,
			const struct npu_vinsn *insn, uint32_t i)
{
	if (insn->src2 == NPU_VPROG_IMMEDIATE)
		return 0;
	if (!is_readable(p, insn->src2))
		return BAD(ctx, i, src2);
	return insn->imm ? BAD(ctx, i, imm) : 0;
}

static uint32_t entry_size(unsigned int op)
{
	return op == NPU_VOP_LUT8 ? 1 : op == NPU_VOP_LUT32 ? 4 : 2;
}

static int check_table(struct unit_ctx *ctx, const struct progress *p,
		       const struct npu_vinsn *insn, uint32_t i)
{
	uint32_t offset = insn->imm & UINT16_MAX, last = insn->imm >> 16;
	uint32_t size = entry_size(insn->op);

	if (offset % size || offset < p->cmd->count * sizeof(*insn) ||
	    offset + (last + 1) * size > p->cmd->program_size)
		return BAD(ctx, i, imm);
	if (insn->op != NPU_VOP_INTERP)
		return insn->src2 ? BAD(ctx, i, src2) : 0;
	if (insn->src2 < 1 || insn->src2 > 15)
		return BAD(ctx, i, src2);
	return last ? 0 : BAD(ctx, i, imm);
}

static uint8_t input_type(const struct npu_cmd_vprog *cmd, uint32_t input)
{
	const uint8_t types[] = { cmd->a_type, cmd->b_type, cmd->c_type };

	return types[input];
}

static int check_load(struct unit_ctx *ctx, struct progress *p,
		      const struct npu_vinsn *insn, uint32_t i)
{
	if (insn->src1 >= VEC_PROGRAM_INPUTS || !input_type(p->cmd, insn->src1))
		return BAD(ctx, i, src1);
	p->loaded |= 1u << insn->src1;
	return insn->src2 ? BAD(ctx, i, src2) : 0;
}

static int check_scale(struct unit_ctx *ctx, const struct npu_vinsn *insn,
		       uint32_t i)
{
	int8_t shift = (int8_t)insn->src2;

	if (shift < -31 || shift > 30)
		return BAD(ctx, i, src2);
	return insn->imm > INT32_MAX ? BAD(ctx, i, imm) : 0;
}

/* The immediate of a CLAMP: two int16. */
static int check_bounds(struct unit_ctx *ctx, const struct npu_vinsn *insn,
			uint32_t i)
{
	if (insn->src2)
		return BAD(ctx, i, src2);
	return (int16_t)insn->imm > (int16_t)(insn->imm >> 16) ?
		       BAD(ctx, i, imm) : 0;
}

static int check_unary(struct unit_ctx *ctx, const struct npu_vinsn *insn,
		       uint32_t i)
{
	if (insn->src2)
		return BAD(ctx, i, src2);
	return insn->imm ? BAD(ctx, i, imm) : 0;
}

/* What differs from form to form; dst and src1 have been looked at. */
static int check_form(struct unit_ctx *ctx, struct progress *p,
		      const struct npu_vinsn *insn, enum npu_vform form,
		      uint32_t i)
{
	switch (form) {
	case NPU_VFORM_LOAD:
		return check_load(ctx, p, insn, i);
	case NPU_VFORM_STORE:
	case NPU_VFORM_CONST:
		return insn->src2 ? BAD(ctx, i, src2) : 0;
	case NPU_VFORM_REDUCE:
		if (++p->reductions > NPU_VPROG_REDUCTIONS)
			return BAD(ctx, i, op);
		return check_unary(ctx, insn, i);
	case NPU_VFORM_UNARY:
		return check_unary(ctx, insn, i);
	case NPU_VFORM_SELECT:
		if (!is_readable(p, insn->dst))
			return BAD(ctx, i, dst);
		return check_second(ctx, p, insn, i);
	case NPU_VFORM_BINARY:
		return check_second(ctx, p, insn, i);
	case NPU_VFORM_SCALE:
		return check_scale(ctx, insn, i);
	case NPU_VFORM_CLAMP:
		return check_bounds(ctx, insn, i);
	case NPU_VFORM_TABLE:
	case NPU_VFORM_INTERP:
		return check_table(ctx, p, insn, i);
	}
	return 0;
}

static int check_insn(struct unit_ctx *ctx, struct progress *p,
		      const struct npu_vinsn *insn, uint32_t i)
{
	bool is_last = i + 1 == p->cmd->count;
	enum npu_vform form;

	if (!vec_program_form(insn->op, &form) ||
	    (form == NPU_VFORM_STORE) != is_last)
		return BAD(ctx, i, op);
	if (is_last ? insn->dst != 0 : insn->dst >= NPU_VPROG_REGISTERS)
		return BAD(ctx, i, dst);
	if (form == NPU_VFORM_CONST ? insn->src1 != 0 :
	    form != NPU_VFORM_LOAD && !is_readable(p, insn->src1))
		return BAD(ctx, i, src1);
	if (check_form(ctx, p, insn, form, i))
		return -1;
	p->written |= 1u << insn->dst;
	return 0;
}

int vec_program_verify(struct unit_ctx *ctx, const struct npu_cmd_vprog *cmd)
{
	struct progress p = { .cmd = cmd };
	struct npu_vinsn insn[NPU_VPROG_MAX];
	const struct unit_range place = {
		.low = cmd->program,
		.high = cmd->program + cmd->count * (uint32_t)sizeof(insn[0]),
	};
	uint32_t i;

	dma_memo_pay(ctx, &place);
	memcpy(insn, ctx->sram + cmd->program, cmd->count * sizeof(insn[0]));
	for (i = 0; i < cmd->count; i++)
		if (check_insn(ctx, &p, &insn[i], i))
			return -1;
	/* An input that nobody loads would make hazards of nothing. */
	for (i = 0; i < VEC_PROGRAM_INPUTS; i++)
		if (input_type(cmd, i) && !(p.loaded >> i & 1))
			return unit_fault_field(ctx,
				__builtin_offsetof(struct npu_cmd_vprog,
						   a_type) + i);
	if (cmd->steps != npu_vprog_steps(insn, cmd->count))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_vprog, steps);
	return 0;
}
