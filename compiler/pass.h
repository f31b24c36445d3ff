/* SPDX-License-Identifier: MIT */
/* The passes over the graph, and what runs them. Private to the compiler. */
#ifndef TNC_PASS_H
#define TNC_PASS_H

#include "ir.h"

/* In their order; each file says what it needs and what it leaves. */
void tnc_pass_layout(struct tnc *c);
void tnc_pass_fold(struct tnc *c);
void tnc_pass_merge(struct tnc *c);
void tnc_pass_quantise(struct tnc *c);
void tnc_pass_state(struct tnc *c);
void tnc_pass_partition(struct tnc *c);
void tnc_pass_unroll(struct tnc *c);
void tnc_pass_absorb(struct tnc *c);
void tnc_pass_expand(struct tnc *c);
void tnc_pass_legalise(struct tnc *c);
void tnc_pass_depth(struct tnc *c);
void tnc_pass_view(struct tnc *c);
void tnc_pass_fuse(struct tnc *c);

/* fuse.c: for the verifier, and for the schedule */
bool tnc_fuse_can(const struct tnc *c, int number);
void tnc_fuse_join(struct tnc *c);

/* unsigned.c: between an importer and the verifier */
void tnc_make_signed(struct tnc *c);

/* fold.c: for the importers */
void tnc_fold_op(struct tnc *c, struct tnc_op *op);
void tnc_fold_shape(struct tnc *c, struct tnc_op *op);
void tnc_fold_all(struct tnc *c, int first);

/* legalise.c, broadcast.c, matmul*.c: parts of the pass */
int tnc_picture_view(struct tnc *c, int id, const int32_t shape[4],
		     bool is_output);
int tnc_matrix_view(struct tnc *c, int id, int depth, bool is_output);
void tnc_legalise_broadcast(struct tnc *c, struct tnc_op *op);
void tnc_legalise_matmul_inputs(struct tnc *c);
void tnc_legalise_wide_matmul(struct tnc *c);
struct tnc_op *tnc_insert_before(struct tnc *c, int at, int index,
				 enum tnc_op_kind kind);

/* lower_shape.c: the largest one of @of that is at most @most */
int tnc_largest_divisor(int32_t of, int most);

/* lower_reduce.c, lower_long.c: likewise */
void tnc_legalise_reductions(struct tnc *c);
void tnc_legalise_long_rows(struct tnc *c);
int tnc_lower_windows(struct tnc *c, int at, const int64_t shape[3],
		      struct tnc_hw window);
int tnc_lower_long_arg(struct tnc *c, int at, int64_t length);
int tnc_lower_long_reduction(struct tnc *c, int at, int64_t length);
void tnc_legalise_matmul(struct tnc *c, struct tnc_op *op);
void tnc_matmul_of_fully_connected(struct tnc *c, struct tnc_op *op);

/* partition.c */
const char *tnc_refusal_of(const struct tnc *c, const struct tnc_op *op);
bool tnc_partition_is_real(const struct tnc_op *op);
bool tnc_partition_is_bias(const struct tnc *c, const struct tnc_op *op,
			   int index);
void tnc_partition_print(struct tnc *c, FILE *to);

/* pass.c: those of the model, up to its partition, and those of a segment */
void tnc_pass_run(struct tnc *c, char letter);
void tnc_pass_run_quantising(struct tnc *c);
void tnc_pass_run_first(struct tnc *c);
void tnc_pass_run_rest(struct tnc *c);
void tnc_dump(struct tnc *c, char letter);

#endif
