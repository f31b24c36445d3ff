/* SPDX-License-Identifier: MIT */
/*
 * Where the elements of a tensor lie among the bytes of the tensor that owns
 * them. Private to the compiler.
 */
#ifndef TNC_VIEW_H
#define TNC_VIEW_H

#include "ir.h"

/* Element (i0, i1, ...) lies at offset + i0 * stride[0] + ..., in bytes. */
struct tnc_layout {
	int rank;
	int32_t shape[TNC_RANK_MAX];
	int64_t stride[TNC_RANK_MAX];
	int64_t offset;
};

struct tnc_layout tnc_layout_of(const struct tnc_tensor *t);
bool tnc_layout_reshape(const struct tnc_layout *from, int size,
			const struct tnc_tensor *to,
			struct tnc_layout *layout);
bool tnc_layout_is_surface(const struct tnc_layout *layout, int size);

#endif
