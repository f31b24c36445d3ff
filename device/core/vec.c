// SPDX-License-Identifier: MIT
/*
 * The VEC unit: finds the command. The machine (job.c) calls npu_vec_check()
 * and npu_vec_execute().
 */
#include "vec.h"

#include "operands.h"

#define NOP_MAX_CYCLES (1u << 24)

static const struct operand_range nop_ranges[] = {
	OPERAND_RANGE(npu_cmd_nop, cycles, 1, NOP_MAX_CYCLES),
};

static int nop_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access)
{
	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_nop, reserved))
		return -1;
	return operands_check_ranges(ctx, cmd, nop_ranges,
				     OPERAND_ARRAY_SIZE(nop_ranges));
}

static void nop_execute(uint8_t *sram, const union npu_cmd *cmd)
{
}

static const struct vec_op {
	int (*check)(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access);
	void (*execute)(uint8_t *sram, const union npu_cmd *cmd);
} vec_ops[UINT8_MAX + 1] = {
	[NPU_OP_NOP] = { nop_check, nop_execute },
	[NPU_OP_POOL_AVG] = { vec_pool_check, vec_pool_execute },
	[NPU_OP_POOL_MAX] = { vec_pool_check, vec_pool_execute },
	[NPU_OP_ADD] = { vec_binary_check, vec_binary_execute },
	[NPU_OP_SUB] = { vec_binary_check, vec_binary_execute },
	[NPU_OP_MUL] = { vec_binary_check, vec_binary_execute },
	[NPU_OP_MAX] = { vec_binary_check, vec_binary_execute },
	[NPU_OP_MIN] = { vec_binary_check, vec_binary_execute },
	[NPU_OP_SOFTMAX] = { vec_softmax_check, vec_softmax_execute },
	[NPU_OP_VPROG] = { vec_program_check, vec_program_execute },
	[NPU_OP_RESIZE] = { vec_resize_check, vec_resize_execute },
};

int npu_vec_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		  struct unit_access *access)
{
	const struct vec_op *op = &vec_ops[cmd->hdr.op];

	if (!op->check)
		return unit_fault(ctx, NPU_FAULT_OPCODE, cmd->hdr.op, 0);
	return op->check(ctx, cmd, access);
}

int npu_vec_execute(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	vec_ops[cmd->hdr.op].execute(ctx->sram, cmd);
	return 0;
}
