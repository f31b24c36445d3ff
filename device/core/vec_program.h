/* SPDX-License-Identifier: MIT */
/*
 * What vec_program.c and vec_verify.c know of each other.
 */
#ifndef NPU_VEC_PROGRAM_H
#define NPU_VEC_PROGRAM_H

#include "unit.h"

#define VEC_PROGRAM_INPUTS 3

/* The form of an instruction; false: there is none of this code. */
bool vec_program_form(unsigned int op, enum npu_vform *form);

/*
 * Check the program of a command whose fields and ranges have been checked. 0,
 * or -1 with NPU_FAULT_FIELD: a member's offset in the command, or 64 + that of
 * a byte in the block.
 */
int vec_program_verify(struct unit_ctx *ctx, const struct npu_cmd_vprog *cmd);

#endif
