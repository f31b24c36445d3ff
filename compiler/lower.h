/* SPDX-License-Identifier: MIT */
/* What the files that write programs share. Private to lower*.c. */
#ifndef TNC_LOWER_H
#define TNC_LOWER_H

#include "ref.h"
#include "vector.h"

/* What most programs need to know of their operator. */
struct lowering {
	struct tnc_vector v;
	struct tnc_op *op;
	const struct tnc_tensor *in, *other, *out;
	int in_zero, other_zero, out_zero;
	struct tnc_factor factor[3];
	int min, max;		/* of the output */
};

/* Writes a program. */
typedef void tnc_lowering(struct lowering *l);

/* lower.c: bytes to bytes by a table */
void tnc_lower_put_table(struct lowering *l, const int8_t table[256]);

/* lower_onnx.c: how operators of ONNX's arithmetic do it, or NULL */
tnc_lowering *tnc_lower_onnx(enum tnc_op_kind kind);

/* lower_rows.c: programs over the channels of each pixel */
void tnc_lower_log_sum(struct tnc_vector *v, const struct tnc_ref_log_softmax *s);
void tnc_lower_log_share(struct tnc_vector *v,
			 const struct tnc_ref_log_softmax *s);
void tnc_lower_log_softmax(struct lowering *l);
void tnc_lower_by_root(struct tnc_vector *v);
void tnc_lower_l2_normalization(struct lowering *l);
void tnc_lower_wide_exp(struct tnc_vector *v, struct tnc_factor factor);
void tnc_lower_wide_share(struct tnc_vector *v);
void tnc_lower_softmax(struct lowering *l);
void tnc_lower_exp(struct lowering *l);
void tnc_lower_arg(struct lowering *l);
enum npu_vop tnc_lower_reducer(enum tnc_op_kind kind);
void tnc_lower_extreme(struct lowering *l);

/* lower_reduce.c: an operator's window, side by side; a constant of one value */
void tnc_lower_set_window(struct tnc *c, struct tnc_op *op, struct tnc_hw window);
int tnc_lower_constant(struct tnc *c, enum tnc_type type, int rank,
		       const int32_t *shape, int value);

/* lower_reduce.c: operators along axes; false: not its business */
bool tnc_lower_is_reduction(const struct tnc *c, const struct tnc_op *op);
bool tnc_lower_reduction(struct tnc *c, struct tnc_op *op);

#endif
