// SPDX-License-Identifier: MIT
/*
 * Products of float32 matrices. Columns of the second one are taken in panels
 * that lie side by side in memory, and rows of the first four at a time: then
 * every sum is its own lane, so that nothing has to be reordered to be fast.
 */
#include "kernels.h"

#include <string.h>

#define ROWS 4

typedef float lanes __attribute__((vector_size(16)));

#define LANES (sizeof(lanes) / sizeof(float))
#define PARTS (CPU_PANEL / LANES)

/* Columns [first, first + CPU_PANEL) of b, zeros beyond the last. */
static void fill_panel(const struct cpu_product *p, int64_t first,
		       float *panel)
{
	int64_t n, k, count = p->columns - first;

	if (count > CPU_PANEL)
		count = CPU_PANEL;
	for (n = 0; n < CPU_PANEL; n++) {
		const float *from = p->b + (first + n) * p->b_column;

		for (k = 0; k < p->depth; k++)
			panel[k * CPU_PANEL + n] =
				n < count ? from[k * p->b_depth] : 0;
	}
}

static void store(const struct cpu_product *p, int64_t row, int64_t first,
		  const float *sums)
{
	float *out = p->out + row * p->out_row + first;
	int64_t n, count = p->columns - first;

	if (count > CPU_PANEL)
		count = CPU_PANEL;
	for (n = 0; n < count; n++) {
		float bias = p->bias ? p->bias[first + n] : 0;

		out[n] = clamp(sums[n] + bias, p->low, p->high);
	}
}

static void four_rows(const struct cpu_product *p, int64_t row, int64_t first,
		      const float *panel)
{
	const float *a = p->a + row * p->a_row;
	lanes sum[ROWS][PARTS] = { 0 };
	float sums[CPU_PANEL];
	int64_t k;
	int r, i;

	for (k = 0; k < p->depth; k++, panel += CPU_PANEL, a += p->a_depth) {
		lanes b[PARTS];

		memcpy(b, panel, sizeof(b));
		for (r = 0; r < ROWS; r++)
			for (i = 0; i < PARTS; i++)
				sum[r][i] += a[r * p->a_row] * b[i];
	}
	for (r = 0; r < ROWS; r++) {
		memcpy(sums, sum[r], sizeof(sums));
		store(p, row + r, first, sums);
	}
}

static void one_row(const struct cpu_product *p, int64_t row, int64_t first,
		    const float *panel)
{
	const float *a = p->a + row * p->a_row;
	float sums[CPU_PANEL] = { 0 };
	int64_t k;
	int i;

	for (k = 0; k < p->depth; k++, panel += CPU_PANEL, a += p->a_depth)
		for (i = 0; i < CPU_PANEL; i++)
			sums[i] += *a * panel[i];
	store(p, row, first, sums);
}

void cpu_product(const struct cpu_product *p, float *panel)
{
	int64_t first, row;

	for (first = 0; first < p->columns; first += CPU_PANEL) {
		fill_panel(p, first, panel);
		for (row = 0; row + ROWS <= p->rows; row += ROWS)
			four_rows(p, row, first, panel);
		for (; row < p->rows; row++)
			one_row(p, row, first, panel);
	}
}

/* --- MATMUL ---------------------------------------------------------------- */

/* Attributes: 1 where a or b is transposed, bounds. */
struct matmul {
	int64_t rows, columns, depth;
	int64_t batches; /* of the output */
};

/* Dimension @back from the end, 1 beyond the first. */
static int64_t dim(const struct cpu_tensor *t, uint32_t back)
{
	return back < t->rank ? t->shape[t->rank - 1 - back] : 1;
}

static struct matmul sizes(const struct cpu_op *op)
{
	struct matmul m = {
		.rows = dim(op->out, 1),
		.columns = dim(op->out, 0),
		.depth = dim(op->in[0], op->attr[0].i ? 1 : 0),
	};

	m.batches = op->out->elements / (m.rows * m.columns);
	return m;
}

/* The batches of @t are those of the output, or repeated. */
static bool has_batches(const struct cpu_tensor *t,
			const struct cpu_tensor *out)
{
	uint32_t back;

	for (back = 2; back < MAX_RANK; back++)
		if (dim(t, back) != 1 && dim(t, back) != dim(out, back))
			return false;
	return true;
}

static const char *check(const struct cpu_op *op)
{
	const struct cpu_tensor *a = op->in[0], *b = op->in[1];
	const struct cpu_tensor *bias = input(op, 2), *out = op->out;
	struct matmul m = sizes(op);

	if (!is_float(a) || !is_float(b) || !is_float(out) ||
	    (bias && !is_float(bias)))
		return "not of this type";
	if (dim(a, op->attr[0].i ? 0 : 1) != m.rows ||
	    dim(b, op->attr[1].i ? 0 : 1) != m.depth ||
	    dim(b, op->attr[1].i ? 1 : 0) != m.columns ||
	    !has_batches(a, out) || !has_batches(b, out))
		return "shapes do not fit";
	if (bias && bias->elements != m.columns)
		return "length of the bias";
	if (!are_bounds(op->attr[2], op->attr[3]))
		return "bounds";
	if (m.depth > NPU_CPU_MAX_WORK / out->elements)
		return "too much work";
	return NULL;
}

static uint64_t scratch(const struct cpu_op *op)
{
	return sizes(op).depth * CPU_PANEL * sizeof(float);
}

/* Where the matrix for batch @batch of the output begins. */
static const float *matrix(const struct cpu_tensor *t,
			   const struct cpu_tensor *out, int64_t batch)
{
	int64_t offset = 0, step = dim(t, 0) * dim(t, 1);
	uint32_t back;

	for (back = 2; back < out->rank; back++) {
		int64_t length = dim(out, back);

		if (dim(t, back) != 1)
			offset += batch % length * step;
		step *= dim(t, back);
		batch /= length;
	}
	return (const float *)t->data + offset;
}

static const char *run(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *a = op->in[0], *b = op->in[1];
	struct matmul m = sizes(op);
	struct cpu_product p = {
		.bias = floats(op, 2),
		.rows = m.rows,
		.columns = m.columns,
		.depth = m.depth,
		.a_row = op->attr[0].i ? 1 : m.depth,
		.a_depth = op->attr[0].i ? m.rows : 1,
		.b_column = op->attr[1].i ? m.depth : 1,
		.b_depth = op->attr[1].i ? 1 : m.columns,
		.out_row = m.columns,
		.low = op->attr[2].f,
		.high = op->attr[3].f,
	};
	int64_t batch;

	for (batch = 0; batch < m.batches; batch++) {
		p.a = matrix(a, op->out, batch);
		p.b = matrix(b, op->out, batch);
		p.out = (float *)op->out->data +
			batch * m.rows * m.columns;
		cpu_product(&p, scratch);
	}
	return NULL;
}

const struct cpu_kernel cpu_matmul = {
	.check = check,
	.scratch = scratch,
	.run = run,
};
