// SPDX-License-Identifier: MIT
/*
 * Elements of any type, walks over tensors with strides, and windows: what
 * kernels share.
 */
#include "kernels.h"

int64_t cpu_load(const struct cpu_tensor *t, uint64_t index)
{
	switch (t->dtype) {
	case NPU_DTYPE_INT8:
		return ((const int8_t *)t->data)[index];
	case NPU_DTYPE_UINT8:
		return ((const uint8_t *)t->data)[index];
	case NPU_DTYPE_INT16:
		return ((const int16_t *)t->data)[index];
	case NPU_DTYPE_INT32:
		return ((const int32_t *)t->data)[index];
	case NPU_DTYPE_INT64:
		return ((const int64_t *)t->data)[index];
	default: /* bool: any byte but 0 is true */
		return ((const uint8_t *)t->data)[index] != 0;
	}
}

void cpu_store(const struct cpu_tensor *t, uint64_t index, int64_t value)
{
	switch (t->dtype) {
	case NPU_DTYPE_INT16:
		((int16_t *)t->data)[index] = value;
		return;
	case NPU_DTYPE_INT32:
		((int32_t *)t->data)[index] = value;
		return;
	case NPU_DTYPE_INT64:
		((int64_t *)t->data)[index] = value;
		return;
	case NPU_DTYPE_BOOL:
		((uint8_t *)t->data)[index] = value != 0;
		return;
	default:
		((uint8_t *)t->data)[index] = value;
	}
}

void cpu_type_range(uint32_t dtype, int64_t *low, int64_t *high)
{
	static const struct {
		int64_t low, high;
	} ranges[] = {
		[NPU_DTYPE_INT8] = { INT8_MIN, INT8_MAX },
		[NPU_DTYPE_UINT8] = { 0, UINT8_MAX },
		[NPU_DTYPE_INT16] = { INT16_MIN, INT16_MAX },
		[NPU_DTYPE_INT32] = { INT32_MIN, INT32_MAX },
		[NPU_DTYPE_INT64] = { INT64_MIN, INT64_MAX },
		[NPU_DTYPE_BOOL] = { 0, 1 },
	};

	*low = ranges[dtype].low;
	*high = ranges[dtype].high;
}

/* --- Walks ----------------------------------------------------------------- */

bool cpu_broadcast_strides(const struct cpu_tensor *t,
			   const struct cpu_tensor *out,
			   int64_t stride[MAX_RANK])
{
	int64_t step = 1;
	uint32_t i;

	if (t->rank > out->rank)
		return false;
	for (i = 0; i < out->rank; i++) {
		uint32_t at = out->rank - 1 - i;
		uint32_t length = i < t->rank ? t->shape[t->rank - 1 - i] : 1;

		if (length != 1 && length != out->shape[at])
			return false;
		stride[at] = length == 1 ? 0 : step;
		step *= length;
	}
	return true;
}

/* Dense strides are those of a tensor that is not repeated. */
void cpu_walk_init(struct cpu_walk *walk, const struct cpu_tensor *shape)
{
	uint32_t i;

	*walk = (struct cpu_walk){ .rank = shape->rank };
	for (i = 0; i < shape->rank; i++)
		walk->shape[i] = shape->shape[i];
	cpu_broadcast_strides(shape, shape, walk->stride[0]);
}

bool cpu_walk_next_row(struct cpu_walk *walk)
{
	uint32_t i, k;

	for (i = walk->rank > 1 ? walk->rank - 1 : 0; i-- > 0;) {
		for (k = 0; k < WALK_OPERANDS; k++)
			walk->at[k] += walk->stride[k][i];
		if (++walk->index[i] < walk->shape[i])
			return true;
		for (k = 0; k < WALK_OPERANDS; k++)
			walk->at[k] -= walk->stride[k][i] * walk->shape[i];
		walk->index[i] = 0;
	}
	return false;
}

/* --- Windows --------------------------------------------------------------- */

const char *cpu_window_init(struct cpu_window *w, const struct cpu_tensor *in,
			    const struct cpu_tensor *out,
			    const union cpu_word *attr)
{
	uint32_t i;

	if (in->rank != 4 || out->rank != 4)
		return "no pictures";
	if (in->shape[0] != out->shape[0])
		return "batches differ";
	for (i = 0; i < 4; i++)
		if (attr[i].i < 1)
			return "a stride or dilation below 1";
	if (attr[4].i < 0 || attr[5].i < 0)
		return "negative padding";
	*w = (struct cpu_window){
		.batch = in->shape[0],
		.in_h = in->shape[1],
		.in_w = in->shape[2],
		.in_c = in->shape[3],
		.out_h = out->shape[1],
		.out_w = out->shape[2],
		.out_c = out->shape[3],
		.stride_h = attr[0].i,
		.stride_w = attr[1].i,
		.dilation_h = attr[2].i,
		.dilation_w = attr[3].i,
		.pad_top = attr[4].i,
		.pad_left = attr[5].i,
	};
	return NULL;
}
