/* SPDX-License-Identifier: MIT */
/*
 * What the files of the verifier share: demands on an operator's tensors, and
 * one function per kind of operator. Each returns only if all is well.
 */
#ifndef TNC_VERIFY_H
#define TNC_VERIFY_H

#include "ir.h"

/* verify_ops.c: demands */
void tnc_need_activation(struct tnc *c, const struct tnc_tensor *t);
void tnc_need_rank(struct tnc *c, const struct tnc_tensor *t, int rank);
void tnc_need_size(struct tnc *c, const struct tnc_tensor *t, int dim,
		   int64_t size);
void tnc_need_same_type(struct tnc *c, const struct tnc_tensor *a,
			const struct tnc_tensor *b);
void tnc_need_broadcast(struct tnc *c, const struct tnc_op *op);
void tnc_need_reduction(struct tnc *c, const struct tnc_op *op);
void tnc_need_same_quant(struct tnc *c, const struct tnc_tensor *a,
			 const struct tnc_tensor *b);

/* verify_ops.c: operators that compute */
void tnc_verify_window(struct tnc *c, const struct tnc_op *op);
void tnc_verify_conv(struct tnc *c, const struct tnc_op *op);
void tnc_verify_depthwise(struct tnc *c, const struct tnc_op *op);
void tnc_verify_transpose_conv(struct tnc *c, const struct tnc_op *op);
void tnc_verify_fully_connected(struct tnc *c, const struct tnc_op *op);
void tnc_verify_batch_matmul(struct tnc *c, const struct tnc_op *op);
void tnc_verify_pool(struct tnc *c, const struct tnc_op *op);
void tnc_verify_softmax(struct tnc *c, const struct tnc_op *op);

/* verify_vector.c: operators that become programs of the vector unit */
void tnc_verify_unary(struct tnc *c, const struct tnc_op *op);
void tnc_verify_quantize(struct tnc *c, const struct tnc_op *op);
void tnc_verify_cast(struct tnc *c, const struct tnc_op *op);
void tnc_verify_comparison(struct tnc *c, const struct tnc_op *op);
void tnc_verify_logical(struct tnc *c, const struct tnc_op *op);
void tnc_verify_select(struct tnc *c, const struct tnc_op *op);
void tnc_verify_prelu(struct tnc *c, const struct tnc_op *op);
void tnc_verify_arithmetic(struct tnc *c, const struct tnc_op *op);
void tnc_verify_vector(struct tnc *c, const struct tnc_op *op);


/* verify_rows.c */
void tnc_verify_log_softmax(struct tnc *c, const struct tnc_op *op);
void tnc_verify_l2_normalization(struct tnc *c, const struct tnc_op *op);
void tnc_verify_softmax16(struct tnc *c, const struct tnc_op *op);
void tnc_verify_reduction(struct tnc *c, const struct tnc_op *op);
void tnc_verify_arg(struct tnc *c, const struct tnc_op *op);
void tnc_verify_resize(struct tnc *c, const struct tnc_op *op);

/* verify_ops.c, verify_move.c: operators that move bytes */
void tnc_verify_reshape(struct tnc *c, const struct tnc_op *op);
void tnc_verify_transpose(struct tnc *c, const struct tnc_op *op);
void tnc_verify_concatenation(struct tnc *c, const struct tnc_op *op);
void tnc_verify_gather(struct tnc *c, const struct tnc_op *op);
void tnc_verify_slice(struct tnc *c, const struct tnc_op *op);
void tnc_verify_pad(struct tnc *c, const struct tnc_op *op);
void tnc_verify_mirror_pad(struct tnc *c, const struct tnc_op *op);
void tnc_verify_tile(struct tnc *c, const struct tnc_op *op);
void tnc_verify_broadcast_to(struct tnc *c, const struct tnc_op *op);
void tnc_verify_reverse(struct tnc *c, const struct tnc_op *op);
void tnc_verify_space_to_depth(struct tnc *c, const struct tnc_op *op);
void tnc_verify_depth_to_space(struct tnc *c, const struct tnc_op *op);
void tnc_verify_space_to_batch(struct tnc *c, const struct tnc_op *op);
void tnc_verify_batch_to_space(struct tnc *c, const struct tnc_op *op);

/* verify_sequence.c: operators with a state */
void tnc_verify_lstm(struct tnc *c, const struct tnc_op *op);
void tnc_verify_lstm_cell(struct tnc *c, const struct tnc_op *op);
void tnc_verify_svdf(struct tnc *c, const struct tnc_op *op);
void tnc_verify_svdf_state(struct tnc *c, const struct tnc_op *op);

#endif
