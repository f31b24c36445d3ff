/* SPDX-License-Identifier: MIT */
/*
 * What the files of pass 'u' share: operators that stand for one of the model,
 * @from, and are called as it was. Pictures are tensors [1, rows, columns,
 * channels]. Tensors are named by their numbers.
 */
#ifndef TNC_UNROLL_H
#define TNC_UNROLL_H

#include "ir.h"

/* A tensor like @like of another shape. */
int tnc_unroll_tensor(struct tnc *c, const struct tnc_tensor *like,
		      const int32_t *shape, int rank);

/* A picture of the rows and columns of @like, of the type of @type. */
int tnc_unroll_picture(struct tnc *c, int like, const struct tnc_tensor *type,
		       int channels);

/* An operator of one input so far, or none. */
struct tnc_op *tnc_unroll_append(struct tnc *c, const struct tnc_op *from,
				 enum tnc_op_kind kind, int input, int output);

int tnc_unroll_reshape(struct tnc *c, const struct tnc_op *from, int input,
		       const int32_t *shape, int rank);

/* @size indices of dimension @axis, from @begin on. */
int tnc_unroll_slice(struct tnc *c, const struct tnc_op *from, int input,
		     int axis, int begin, int size);

/* Every pixel of @input times weights, each channel with a factor of its own. */
int tnc_unroll_pointwise(struct tnc *c, const struct tnc_op *from, int input,
			 int weights, int bias, struct tnc_factor *factor,
			 const struct tnc_tensor *type);

/* unroll_lstm.c: @out and @cells have the same inputs; one may be NULL. */
void tnc_unroll_lstm(struct tnc *c, const struct tnc_op *out,
		     const struct tnc_op *cells);

#endif
