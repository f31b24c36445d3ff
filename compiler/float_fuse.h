/* SPDX-License-Identifier: MIT */
/* What float_fold.c and float_fuse.c, the pass 'n', share. */
#ifndef TNC_FLOAT_FUSE_H
#define TNC_FLOAT_FUSE_H

#include "pass.h"

/* By tensor: the operator that writes it, and how many read it. */
struct tnc_writers {
	struct tnc_op **op;
	int *reads;
};

void tnc_float_fuse(struct tnc *c, const struct tnc_writers *w,
		    struct tnc_op *op);

#endif
