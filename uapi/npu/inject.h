/* SPDX-License-Identifier: MIT */
/*
 * Error injection: registers by which a machine that allows it is made to fail,
 * so that drivers and firmware can be tested. Section 15 of the manual says what
 * each kind does and what a driver has to make of it.
 */
#ifndef NPU_INJECT_H
#define NPU_INJECT_H

#include <npu/types.h>

/*
 * The kinds: constant, and the name that people use, in the syntax
 *
 *	KIND[:COUNT[:AFTER[:PARAM]]]
 *
 * COUNT: how often it is to happen (1); AFTER: how many occasions pass before (0);
 * PARAM: as the kind says (0).
 */
#define NPU_INJECT_KINDS(X)                         \
	X(IRQ_DROP, "irq-drop")                     \
	X(IRQ_TWICE, "irq-twice")                   \
	X(IRQ_SPURIOUS, "irq-spurious")             \
	X(EVENT_LATE, "event-late")                 \
	X(EVENT_NEVER, "event-never")               \
	X(EVENT_TWICE, "event-twice")               \
	X(EVENT_GARBAGE, "event-garbage")           \
	X(RING_TAIL, "ring-tail")                   \
	X(COMMAND_GARBAGE, "command-garbage")       \
	X(DMA_CORE, "dma-core")                     \
	X(DMA_CONTROLLER, "dma-controller")         \
	X(FW_TRAP, "fw-trap")                       \
	X(FW_HANG, "fw-hang")                       \
	X(DEAD, "dead")                             \
	X(HOT, "hot")

enum npu_inject_kind {
#define X(constant, name) NPU_INJECT_##constant,
	NPU_INJECT_KINDS(X)
#undef X
	NPU_INJECT_COUNT
};

/* Registers of BAR0. Zero, and without effect, where injection is not allowed. */
#define NPU_REG_INJECT 0x300
#define NPU_INJECT_MAGIC 0x4a4e4954 /* "TINJ" */
#define NPU_REG_INJECT_KIND 0x304
#define NPU_REG_INJECT_COUNT 0x308
#define NPU_REG_INJECT_AFTER 0x30c
#define NPU_REG_INJECT_PARAM 0x310
#define NPU_REG_INJECT_ARM 0x314 /* 1: arm KIND; 0: disarm all */
/* Of the event ring, for the errors of events: bus addresses, kept by resets. */
#define NPU_REG_INJECT_RING_LO 0x318
#define NPU_REG_INJECT_RING_HI 0x31c
#define NPU_REG_INJECT_RING_SHAPE 0x320 /* bytes of an entry | entries << 16 */
#define NPU_REG_INJECT_TAIL_LO 0x324 /* of the 32 bits that count writes */
#define NPU_REG_INJECT_TAIL_HI 0x328
#define NPU_REG_INJECT_HEAD_LO 0x32c /* and of those that count reads */
#define NPU_REG_INJECT_HEAD_HI 0x330
#define NPU_REG_INJECT_LEFT(kind) (0x340 + 8 * (kind)) /* still to happen */
#define NPU_REG_INJECT_DONE(kind) (0x344 + 8 * (kind)) /* happened so far */
#define NPU_REG_INJECT_END 0x400

#define NPU_INJECT_FOREVER 0xffffffffu /* PARAM of DEAD: no reset helps */

#endif
