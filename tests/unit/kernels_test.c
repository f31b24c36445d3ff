// SPDX-License-Identifier: MIT
/*
 * The units' inner loops, each kind that this processor can run, on random shapes
 * against plain loops. Needs no library, so that it is easily built for other
 * processors, too (tests/check-neon). TAP.
 */
#include "fixed_point.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 400
#define MAX_PIXELS 9
#define MAX_CHANNELS 48
#define MAX_ROWS 3
#define MAX_ROW_DEPTH 40
#define CANARY 0x5a

static uint64_t seed;

/* Knuth's MMIX generator; its high half is good. */
static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 32) % below);
}

static int32_t any_between(int32_t low, int32_t high)
{
	return low + (int32_t)any((uint32_t)(high - low) + 1);
}

static void fill(void *bytes, size_t size)
{
	uint8_t *byte = bytes;

	while (size--)
		*byte++ = (uint8_t)any(256);
}

/* A fresh allocation, so that sanitizers see what is beyond. */
static void *need(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		abort();
	return memory;
}

/* --- Dot products ------------------------------------------------------------------ */

/* A product's shape and what goes into it, as values. */
struct product {
	struct kernel_dot dot;
	int8_t *values; /* of a window: rows of row_step */
	uint32_t window; /* of such */
	int32_t zero;
	void *operands;
	const void *windows[MAX_PIXELS];
	int8_t *weights;
};

static void make_product(struct product *p, const struct kernels *k)
{
	struct kernel_dot *dot = &p->dot;
	uint32_t blocks, i;

	*dot = (struct kernel_dot){
		.pixels = 1 + any(MAX_PIXELS),
		.rows = 1 + any(MAX_ROWS),
		.row_depth = 4 * (1 + any(MAX_ROW_DEPTH / 4)),
		.channels = 1 + any(MAX_CHANNELS),
	};
	dot->row_step = dot->row_depth + any(20);
	dot->first = 4 * any(3);
	dot->depth = dot->first + dot->rows * dot->row_depth + 4 * any(3);
	blocks = (dot->channels + KERNEL_BLOCK - 1) / KERNEL_BLOCK;
	dot->sum_pitch = KERNEL_BLOCK * (blocks + any(2));
	p->window = dot->rows * dot->row_step;
	p->zero = any_between(-128, 127);
	p->values = need(dot->pixels * p->window);
	fill(p->values, dot->pixels * p->window);
	p->operands = need(dot->pixels * p->window * k->operand_size);
	k->make_operand(p->operands, p->values, dot->pixels * p->window,
			p->zero);
	for (i = 0; i < dot->pixels; i++)
		p->windows[i] = (uint8_t *)p->operands +
				i * p->window * k->operand_size;
	p->weights = need(dot->channels * dot->depth);
	fill(p->weights, dot->channels * dot->depth);
	dot->windows = p->windows;
	dot->weights = p->weights;
}

static void free_product(struct product *p)
{
	free(p->values);
	free(p->operands);
	free(p->weights);
}

static int32_t operand(const struct product *p, const struct kernels *k,
		       uint32_t pixel, uint32_t row, uint32_t i)
{
	int32_t value = p->values[pixel * p->window + row * p->dot.row_step + i];

	return k->is_unsigned ? value + 128 : value - p->zero;
}

/* Depth @d of channel @c: in blocks of 16, or of what is left, four bytes each. */
static int32_t weight(const struct product *p, uint32_t c, uint32_t d)
{
	uint32_t first = c & ~(KERNEL_BLOCK - 1u);
	uint32_t n = p->dot.channels - first;

	if (n > KERNEL_BLOCK)
		n = KERNEL_BLOCK;
	return p->weights[first * p->dot.depth + d / 4 * 4 * n +
			  4 * (c - first) + d % 4];
}

static int32_t expect_sum(const struct product *p, const struct kernels *k,
			  uint32_t pixel, uint32_t c)
{
	uint32_t d = p->dot.first, r, i;
	int32_t sum = 0;

	for (r = 0; r < p->dot.rows; r++)
		for (i = 0; i < p->dot.row_depth; i++)
			sum += operand(p, k, pixel, r, i) * weight(p, c, d++);
	return sum;
}

static bool test_dot(const struct kernels *k)
{
	struct product p;
	int32_t *sums, *before;
	bool is_right = true;
	uint32_t i, c, count;

	make_product(&p, k);
	count = p.dot.pixels * p.dot.sum_pitch;
	sums = need(count * sizeof(*sums));
	before = need(count * sizeof(*sums));
	fill(before, count * sizeof(*sums));
	memcpy(sums, before, count * sizeof(*sums));
	p.dot.sums = sums;
	k->dot(&p.dot);
	for (i = 0; i < p.dot.pixels; i++)
		for (c = 0; c < p.dot.channels; c++) {
			uint32_t at = i * p.dot.sum_pitch + c;
			int32_t want = expect_sum(&p, k, i, c);

			if (p.dot.first)
				want = fixed_add(before[at], want);
			is_right &= sums[at] == want;
		}
	free(sums);
	free(before);
	free_product(&p);
	return is_right;
}

static bool test_add_cells(const struct kernels *k)
{
	int32_t cells[MAX_PIXELS], want[MAX_PIXELS];
	struct product p;
	uint32_t i, r, d;

	make_product(&p, k);
	p.dot.row_depth -= any(4);
	fill(cells, sizeof(cells));
	memcpy(want, cells, sizeof(cells));
	for (i = 0; i < p.dot.pixels; i++)
		for (r = 0; r < p.dot.rows; r++)
			for (d = 0; d < p.dot.row_depth; d++)
				want[i] = fixed_add(want[i],
						    operand(&p, k, i, r, d));
	k->add_cells(&p.dot, cells);
	free_product(&p);
	return !memcmp(cells, want, sizeof(cells));
}

/* --- DWCONV ------------------------------------------------------------------------- */

#define MAX_COLUMNS 24
#define MAX_PAIRS 2

/* Rows of cells, and of taps, of 16 channels each. */
struct depthwise {
	struct kernel_taps taps;
	int8_t cells[2 * MAX_PAIRS][MAX_COLUMNS * KERNEL_BLOCK];
	int8_t weights[2 * MAX_PAIRS][MAX_COLUMNS * KERNEL_BLOCK];
	int16_t mixed_cells[MAX_PAIRS * MAX_COLUMNS * 2 * KERNEL_BLOCK];
	int16_t mixed_weights[MAX_PAIRS * MAX_COLUMNS * 2 * KERNEL_BLOCK];
	int32_t zero;
};

static void mix(const struct kernels *k, int16_t *to,
		int8_t rows[][MAX_COLUMNS * KERNEL_BLOCK], uint32_t pairs,
		uint32_t columns, int32_t zero)
{
	uint32_t i;

	for (i = 0; i < pairs; i++)
		k->interleave(&(struct kernel_rows){
			.to = to + i * columns * 2 * KERNEL_BLOCK,
			.upper = rows[2 * i],
			.lower = rows[2 * i + 1],
			.upper_step = KERNEL_BLOCK,
			.lower_step = KERNEL_BLOCK,
			.columns = columns,
			.zero = zero,
		});
}

static int32_t expect_taps(const struct depthwise *d, uint32_t pixel,
			   uint32_t c)
{
	const struct kernel_taps *taps = &d->taps;
	int32_t sum = 0;
	uint32_t r, t;

	for (r = 0; r < 2 * taps->pairs; r++)
		for (t = 0; t < taps->taps; t++) {
			uint32_t column = pixel * taps->pixel_step +
					  t * taps->tap_step;

			sum += (d->cells[r][column * KERNEL_BLOCK + c] - d->zero) *
			       d->weights[r][t * KERNEL_BLOCK + c];
		}
	return sum;
}

static bool test_taps(const struct kernels *k)
{
	struct depthwise *d = need(sizeof(*d));
	int32_t sums[MAX_PIXELS * KERNEL_BLOCK], before[MAX_PIXELS * KERNEL_BLOCK];
	bool is_right = true;
	uint32_t i, c;

	fill(d, sizeof(*d));
	d->zero = any_between(-128, 127);
	d->taps = (struct kernel_taps){
		.sums = sums,
		.is_first = any(2),
		.cells = d->mixed_cells,
		.weights = d->mixed_weights,
		.pixels = 1 + any(6),
		.pixel_step = 1 + any(2),
		.taps = 1 + any(4),
		.tap_step = 1 + any(2),
		.pairs = 1 + any(MAX_PAIRS),
	};
	d->taps.columns = (d->taps.pixels - 1) * d->taps.pixel_step +
			  (d->taps.taps - 1) * d->taps.tap_step + 1;
	mix(k, d->mixed_cells, d->cells, d->taps.pairs, d->taps.columns, d->zero);
	mix(k, d->mixed_weights, d->weights, d->taps.pairs, d->taps.taps, 0);
	fill(before, sizeof(before));
	memcpy(sums, before, sizeof(sums));
	k->taps(&d->taps);
	for (i = 0; i < d->taps.pixels; i++)
		for (c = 0; c < KERNEL_BLOCK; c++) {
			int32_t want = expect_taps(d, i, c);
			uint32_t at = i * KERNEL_BLOCK + c;

			if (!d->taps.is_first)
				want = fixed_add(want, before[at]);
			is_right &= sums[at] == want;
		}
	free(d);
	return is_right;
}

/* --- DWCONV by lanes ---------------------------------------------------------------- */

#define MAX_STEPS 4
#define ROW_BYTES (KERNEL_WIDE * (MAX_STEPS + 4)) /* a step too many at each end */
#define MAX_OFFSET (2 * KERNEL_WIDE)

/* Rows of cells, and weights for each tap and lane. */
struct lanes {
	struct kernel_lanes lanes;
	uint32_t channels;
	uint32_t cell;
	uint32_t offsets[KERNEL_WIDE_TAPS];
	int8_t cells[KERNEL_WIDE_ROWS][ROW_BYTES];
	uint8_t operands[KERNEL_WIDE_ROWS][ROW_BYTES];
	int8_t weights[KERNEL_WIDE_TAPS][KERNEL_WIDE_ROWS * KERNEL_WIDE];
	int8_t mixed[KERNEL_WIDE_TAPS][KERNEL_WIDE_ROWS * KERNEL_WIDE];
	int32_t bias[KERNEL_WIDE], ordered_bias[KERNEL_WIDE];
	int32_t sums[MAX_STEPS * KERNEL_WIDE];
};

/* Neighbouring columns as far as there is room, or any. */
static void choose_offsets(struct lanes *l)
{
	uint32_t step = l->cell << any(2), t;
	bool is_random = any(2);

	for (t = 0; t < KERNEL_WIDE_TAPS; t++) {
		l->offsets[t] = t * step;
		if (is_random || t * step > MAX_OFFSET)
			l->offsets[t] = l->cell *
					any(MAX_OFFSET / l->cell + 1);
	}
}

/* Weights of channels at random places, in blocks of 16; zeros below the last row. */
static bool spread(struct lanes *l, const struct kernels *k)
{
	const int8_t *blocks[KERNEL_WIDE / KERNEL_BLOCK];
	int8_t from[KERNEL_WIDE];
	bool is_right = true;
	uint32_t t, r, i;

	for (t = 0; t < l->lanes.taps; t++) {
		for (r = 0; r < l->lanes.row_count; r++) {
			int8_t *to = l->weights[t] + r * KERNEL_WIDE;

			fill(from, sizeof(from));
			for (i = 0; i < KERNEL_WIDE / KERNEL_BLOCK; i++)
				blocks[i] = from + i * KERNEL_BLOCK;
			k->wide->spread_weights(to, blocks, l->channels,
						l->cell);
			for (i = 0; i < KERNEL_WIDE; i++)
				is_right &= to[i] == (i % l->cell < l->channels ?
							      from[i % l->cell] :
							      0);
		}
		memset(l->weights[t] + r * KERNEL_WIDE, 0,
		       (KERNEL_WIDE_ROWS - r) * KERNEL_WIDE);
		k->wide->mix_weights(l->mixed[t], l->weights[t]);
	}
	return is_right;
}

static void make_lanes(struct lanes *l, const struct kernels *k)
{
	uint32_t r, i;

	fill(l, sizeof(*l));
	l->cell = 8u << any(4);
	l->channels = l->cell / 2 + 1 + any(l->cell / 2);
	choose_offsets(l);
	l->lanes = (struct kernel_lanes){
		.sums = l->sums,
		.is_first = any(4),
		.bias = l->ordered_bias,
		.row_count = any(2) ? 3 : 1 + any(KERNEL_WIDE_ROWS),
		.taps = any(2) ? 3 : 1 + any(KERNEL_WIDE_TAPS),
		.offsets = l->offsets,
		.weights = l->mixed[0],
		.steps = 1 + any(MAX_STEPS),
	};
	for (r = 0; r < KERNEL_WIDE_ROWS; r++) {
		l->lanes.rows[r] = l->operands[r];
		k->wide->put_cells(&(struct kernel_cells){
			.to = l->operands[r],
			.from = l->cells[r],
			.step = l->cell,
			.size = l->channels,
			.pitch = l->cell,
			.count = ROW_BYTES / l->cell,
		});
	}
	for (i = l->cell; i < KERNEL_WIDE; i++)
		l->bias[i] = l->bias[i - l->cell];
	k->wide->order(l->ordered_bias, l->bias);
}

static int32_t expect_lane(const struct lanes *l, uint32_t at)
{
	int32_t sum = 0;
	uint32_t t, r;

	for (t = 0; t < l->lanes.taps; t++)
		for (r = 0; r < l->lanes.row_count; r++)
			sum += (l->cells[r][at + l->offsets[t]] + 128) *
			       l->weights[t][r * KERNEL_WIDE + at % KERNEL_WIDE];
	return sum;
}

/* Sums of a step are compared in the loops' own order. */
static bool test_lanes(const struct kernels *k)
{
	struct lanes *l = need(sizeof(*l));
	int32_t before[MAX_STEPS * KERNEL_WIDE], want[KERNEL_WIDE];
	int32_t ordered[KERNEL_WIDE];
	uint32_t i, lane;
	bool is_right;

	make_lanes(l, k);
	is_right = spread(l, k);
	memcpy(before, l->sums, sizeof(before));
	k->wide->add(&l->lanes);
	for (i = 0; i < l->lanes.steps; i++) {
		uint32_t at = i * KERNEL_WIDE;

		for (lane = 0; lane < KERNEL_WIDE; lane++)
			want[lane] = expect_lane(l, at + lane);
		k->wide->order(ordered, want);
		for (lane = 0; lane < KERNEL_WIDE; lane++)
			is_right &= l->sums[at + lane] ==
				    fixed_add(ordered[lane],
					      l->lanes.is_first ?
						      l->ordered_bias[lane] :
						      before[at + lane]);
	}
	free(l);
	return is_right;
}

/* --- Output --------------------------------------------------------------------------- */

#define MAX_LANES (MAX_CHANNELS + KERNEL_BLOCK)

struct stage {
	struct kernel_output output;
	int32_t sums[MAX_PIXELS * MAX_LANES], cells[MAX_PIXELS];
	int32_t weight_zero[MAX_LANES], offset[MAX_LANES], mult[MAX_LANES];
	int32_t left[MAX_LANES], right[MAX_LANES];
	float factor[MAX_LANES];
	int8_t out[MAX_PIXELS * 2 * MAX_LANES];
};

#define VECTOR_LANES 8 /* of the narrowest loops that treat usual factors apart */

/*
 * As networks have them, in most vectors: no shifts to the left; and factors of few
 * bits, which leave many sums half way between two results.
 */
static void make_usual_factors(struct stage *s)
{
	bool is_usual = true;
	uint32_t i;

	for (i = 0; i < MAX_LANES; i++) {
		if (i % VECTOR_LANES == 0)
			is_usual = any(4);
		if (!is_usual)
			continue;
		s->mult[i] = (int32_t)(4 + any(4)) << 28;
		s->left[i] = 0;
		s->right[i] = any_between(1, 22);
	}
}

/* Sums are small now and then, so that not all results are bounds. */
static void make_stage(struct stage *s)
{
	const uint32_t bits = any(31);
	uint32_t i;

	fill(s, sizeof(*s));
	for (i = 0; i < MAX_PIXELS * MAX_LANES; i++)
		s->sums[i] >>= bits;
	for (i = 0; i < MAX_LANES; i++) {
		s->weight_zero[i] = any_between(-128, 127);
		s->offset[i] >>= bits;
		s->mult[i] &= INT32_MAX;
		s->left[i] = any(4) ? 0 : (int32_t)any(31);
		s->right[i] = s->left[i] ? 0 : (int32_t)any(32);
		s->factor[i] = any(50) ? ldexpf((float)any_between(-999, 999),
						-(int)any(30)) : NAN;
	}
	if (any(2))
		make_usual_factors(s);
	for (i = 0; i < MAX_PIXELS; i++)
		s->cells[i] = any_between(-100000, 100000);
	s->output = (struct kernel_output){
		.out = s->out,
		.sums = s->sums,
		.sum_pitch = MAX_LANES,
		.pixels = 1 + any(MAX_PIXELS),
		.channels = 1 + any(MAX_CHANNELS),
		.cells = any(2) ? s->cells : NULL,
		.weight_zero = s->weight_zero,
		.offset = s->offset,
		.factor = any(3) ? NULL : s->factor,
		.mult = s->mult,
		.left = s->left,
		.right = s->right,
		.zero = any_between(-128, 127),
		.min = any_between(-128, 0),
		.max = any_between(1, 127),
	};
	/* Where a ReLU cuts off, and next to it. */
	if (any(2) && s->output.min > -128)
		s->output.zero = s->output.min + any_between(-1, 1);
	s->output.out_step = s->output.channels + any(30);
	memset(s->out, CANARY, sizeof(s->out));
}

static int32_t scaled(const struct stage *s, int32_t sum, uint32_t c)
{
	const struct kernel_output *o = &s->output;
	float low = (float)(o->min - o->zero), high = (float)(o->max - o->zero);
	const struct fixed_scale scale = {
		.mult = s->mult[c],
		.left = (uint32_t)s->left[c],
		.right = (uint32_t)s->right[c],
	};
	float x;

	if (!o->factor)
		return fixed_add(fixed_rescale(sum, &scale), o->zero);
	x = (float)sum * s->factor[c];
	x = x > low ? x : low;
	x = x < high ? x : high;
	return (int32_t)lrintf(x) + o->zero;
}

static bool test_output(const struct kernels *k)
{
	struct stage *s = need(sizeof(*s));
	const struct kernel_output *o = &s->output;
	bool is_right = true;
	uint32_t p, c;

	make_stage(s);
	k->output(o);
	for (p = 0; p < o->pixels; p++) {
		const int8_t *out = s->out + p * o->out_step;

		for (c = 0; c < o->channels; c++) {
			int32_t sum = fixed_add(s->sums[p * MAX_LANES + c],
						s->offset[c]);

			if (o->cells)
				sum = (int32_t)((uint32_t)sum -
						(uint32_t)s->cells[p] *
							(uint32_t)s->weight_zero[c]);
			sum = scaled(s, sum, c);
			sum = sum > o->min ? sum : o->min;
			sum = sum < o->max ? sum : o->max;
			is_right &= out[c] == sum;
		}
		for (; c < o->out_step; c++)
			is_right &= out[c] == CANARY;
	}
	free(s);
	return is_right;
}

/* Results of the first @count lanes of a step, and nothing up to the next step's. */
static bool is_step_right(const struct stage *s, const int8_t *out,
			  const int32_t *sums, uint32_t count)
{
	bool is_right = true;
	uint32_t lane;

	for (lane = 0; lane < count; lane++) {
		int32_t x = scaled(s, sums[lane], lane);

		x = x > s->output.min ? x : s->output.min;
		x = x < s->output.max ? x : s->output.max;
		is_right &= out[lane] == x;
	}
	for (; lane < s->output.out_step; lane++)
		is_right &= out[lane] == CANARY;
	return is_right;
}

/* The stage's factors and sums in the loops' own order. */
static struct kernel_output order_stage(struct stage *s, struct stage *to,
					const struct kernels *k)
{
	struct kernel_output o = s->output;
	uint32_t i;

	for (i = 0; i < MAX_PIXELS; i++)
		k->wide->order(to->sums + i * KERNEL_WIDE,
			       s->sums + i * KERNEL_WIDE);
	k->wide->order(to->mult, s->mult);
	k->wide->order(to->left, s->left);
	k->wide->order(to->right, s->right);
	k->wide->order((int32_t *)to->factor, (int32_t *)s->factor);
	o.sums = to->sums;
	o.mult = to->mult;
	o.left = to->left;
	o.right = to->right;
	o.factor = o.factor ? to->factor : NULL;
	return o;
}

static bool test_lines(const struct kernels *k)
{
	struct stage *s = need(sizeof(*s)), *ordered = need(sizeof(*s));
	struct kernel_lines lines = { .rows = 1 + any(3) };
	struct kernel_output o;
	bool is_right = true;
	uint32_t y, x;

	make_stage(s);
	lines.count = 1 + any(KERNEL_WIDE);
	lines.last = any(2) ? lines.count : 1 + any(lines.count);
	s->output.sum_pitch = s->output.channels = KERNEL_WIDE;
	s->output.pixels = 1 + any(MAX_PIXELS / 3);
	s->output.out_step = lines.count + any(20);
	lines.row_step = s->output.pixels * s->output.out_step +
			 (any(2) ? any(20) : 0);
	o = order_stage(s, ordered, k);
	k->wide->output(&o, &lines);
	for (y = 0; y < lines.rows; y++)
		for (x = 0; x < o.pixels; x++)
			is_right &= is_step_right(
				s, s->out + y * lines.row_step + x * o.out_step,
				s->sums + (y * o.pixels + x) * KERNEL_WIDE,
				x + 1 < o.pixels ? lines.count : lines.last);
	free(s);
	free(ordered);
	return is_right;
}

/* --- All --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool (*run)(const struct kernels *k);
	bool is_wide; /* for loops that have these */
} tests[] = {
	{ "dot products", test_dot, false },
	{ "sums of cells", test_add_cells, false },
	{ "taps", test_taps, false },
	{ "lanes", test_lanes, true },
	{ "output stage", test_output, false },
	{ "output stage of lanes", test_lines, true },
};

#define COUNT (sizeof(tests) / sizeof(tests[0]))

/* The round that fails first, or ROUNDS. */
static uint32_t first_failure(size_t test, const struct kernels *k)
{
	uint32_t round;

	for (round = 0; round < ROUNDS; round++) {
		seed = round;
		if (!tests[test].run(k))
			break;
	}
	return round;
}

int main(void)
{
	const struct kernels *const *k;
	uint32_t number = 0, round;
	bool has_failed = false;
	size_t i;

	for (k = npu_kernels_all; *k; k++) {
		if (!(*k)->is_supported())
			continue;
		for (i = 0; i < COUNT; i++) {
			if (tests[i].is_wide && !(*k)->wide)
				continue;
			round = first_failure(i, *k);
			printf("%sok %u - %s: %s\n",
			       round == ROUNDS ? "" : "not ", ++number,
			       (*k)->name, tests[i].name);
			if (round == ROUNDS)
				continue;
			printf("# round %u\n", round);
			has_failed = true;
		}
	}
	printf("1..%u\n", number);
	return has_failed;
}
