/* SPDX-License-Identifier: MIT */
/*
 * The instructions of VPROG on lanes: what an instruction does to some hundred
 * int32 at a time. vec_program.c walks over a command's pixels and calls these
 * for programs that it has checked.
 */
#ifndef NPU_VEC_LANES_H
#define NPU_VEC_LANES_H

#include <npu/isa.h>

#define LANES 512

/*
 * An instruction writes to the spare buffer, which then becomes the register:
 * operands and result never alias, so the loops vectorise.
 */
struct lanes {
	int32_t *registers[NPU_VPROG_REGISTERS];
	int32_t *spare;
	int32_t buffers[NPU_VPROG_REGISTERS + 1][LANES];
	int32_t immediate[LANES];
};

void lanes_init(struct lanes *lanes);

/* An instruction that computes lane by lane, on @count lanes. */
void lanes_compute(struct lanes *lanes, const struct npu_vinsn *insn,
		   enum npu_vform form, const uint8_t *block, uint32_t count);

/* Elements of SRAM to lanes, plus @add; and lanes to elements, saturating. */
void lanes_load(int32_t *to, const uint8_t *from, enum npu_type type,
		int32_t add, uint32_t count);
void lanes_store(uint8_t *to, const int32_t *from, enum npu_type type,
		 int32_t add, uint32_t count);

/* Of float32: a x b + c, rounded once, with loops that a test chooses. */
struct kernels;
void lanes_multiply_add(const struct kernels *kernels, int32_t *restrict to,
			const int32_t *restrict c, const int32_t *restrict a,
			const int32_t *restrict b, uint32_t count);

void lanes_fill(int32_t *to, int32_t value, uint32_t count);

/* A reduction of a row that comes in pieces, from @index 0 on. */
struct lanes_reduction {
	int32_t value;
	uint32_t index; /* of the value, for ARGMAX and ARGMIN */
};

void lanes_reduce(struct lanes_reduction *r, unsigned int op,
		  const int32_t *from, uint32_t index, uint32_t count);
int32_t lanes_reduced(const struct lanes_reduction *r, unsigned int op);

#endif
