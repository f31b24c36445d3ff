/* SPDX-License-Identifier: MIT */
/* Operators of the graph as the library's CPU operators. Private to the compiler. */
#ifndef TNC_CPU_H
#define TNC_CPU_H

#include "../libtinynpu/cpu/cpu.h"
#include "ir.h"

#define TNC_CPU_WORDS 16	/* but of custom operators */

/* @op points into the rest, so it must not be copied. */
struct tnc_cpu_op {
	struct cpu_op op;
	struct cpu_tensor out;
	struct cpu_tensor *in;
	const struct cpu_tensor **input;
	int *id;		/* the inputs' tensors in the graph */
	union cpu_word *attr;
};

/* cpu.c */
bool tnc_cpu_is(const struct tnc *c, const struct tnc_op *op);
const char *tnc_cpu_init(struct tnc *c, const struct tnc_op *op, bool is_real,
			 struct tnc_cpu_op *to);
void tnc_cpu_verify(struct tnc *c, const struct tnc_op *op, bool is_real);
void tnc_cpu_run(struct tnc *c, const struct tnc_op *op);

/* cpu_attr.c */
bool tnc_cpu_has(enum tnc_op_kind kind);
bool tnc_cpu_is_function(enum tnc_op_kind kind);
int tnc_cpu_words(const struct tnc_op *op);
const char *tnc_cpu_set(const struct tnc *c, const struct tnc_op *op,
			struct tnc_cpu_op *to);

#endif
