// SPDX-License-Identifier: MIT
/*
 * Depthwise convolution for x86 processors with AVX2, eight lanes at a time: bytes
 * of two cells are interleaved and widened, so that one multiply-add of 16 bits adds
 * what both have under their taps. Mostly these are cells of two rows:
 *
 *	rows		a0 a1 a2 ... | b0 b1 b2 ...
 *	pairs		a0 b0  a1 b1  a2 b2 ... a7 b7
 *
 * Of three rows the third one's cells are paired with their neighbours to the right,
 * which takes five multiply-adds for nine taps. Sums are in the order of lanes.
 */
#ifdef __x86_64__
#include "avx2.h"

#define LANES 8
#define ROW_PAIRS (KERNEL_WIDE_ROWS / 2)

/* Bytes of mixed weights from a pair of rows to the next, and to the next tap. */
#define PAIR_WEIGHTS (2 * KERNEL_WIDE)
#define TAP_WEIGHTS (KERNEL_WIDE_ROWS * KERNEL_WIDE)

AVX2 KERNEL_INLINE void put_cell(uint8_t *to, const int8_t *from, uint32_t size)
{
	const __m128i sign = _mm_set1_epi8((char)0x80);
	uint32_t i = 0;

	for (; i + 16 <= size; i += 16)
		_mm_storeu_si128((__m128i *)(to + i), _mm_xor_si128(
			_mm_loadu_si128((const __m128i *)(from + i)), sign));
	for (; i + 8 <= size; i += 8)
		_mm_storel_epi64((__m128i *)(to + i), _mm_xor_si128(
			_mm_loadl_epi64((const __m128i *)(from + i)), sign));
	for (; i < size; i++)
		to[i] = (uint8_t)(from[i] ^ 0x80);
}

AVX2 KERNEL_INLINE void put_cells_of(const struct kernel_cells *c,
				     uint32_t size)
{
	const int8_t *from = c->from;
	uint8_t *to = c->to;
	uint32_t i;

	for (i = 0; i < c->count; i++) {
		put_cell(to, from, size);
		from += c->step;
		to += c->pitch;
	}
}

AVX2 static void put_cells(const struct kernel_cells *c)
{
	if (c->size == 64)
		put_cells_of(c, 64);
	else if (c->size == 32)
		put_cells_of(c, 32);
	else if (c->size == 16)
		put_cells_of(c, 16);
	else
		put_cells_of(c, c->size);
}

static void order(int32_t *to, const int32_t *from)
{
	memcpy(to, from, KERNEL_WIDE * sizeof(*to));
}

static void spread_weights(int8_t *to, const int8_t *const *from,
			   uint32_t count, uint32_t cell)
{
	uint32_t i;

	memset(to, 0, KERNEL_WIDE);
	for (i = 0; i + KERNEL_BLOCK <= count; i += KERNEL_BLOCK)
		memcpy(to + i, from[i / KERNEL_BLOCK], KERNEL_BLOCK);
	if (i < count)
		memcpy(to + i, from[i / KERNEL_BLOCK], count - i);
	for (i = cell; i < KERNEL_WIDE; i += cell)
		memcpy(to + i, to, cell);
}

AVX2 static bool subtract(int8_t *weights, int8_t *rest, const int8_t *zero,
			  bool *has_rest)
{
	int32_t some = 0, most = 0;
	uint32_t i;

	for (i = 0; i < KERNEL_WIDE; i++) {
		int32_t all = weights[i] - zero[i], fits = all, left;

		fits = fits > INT8_MIN ? fits : INT8_MIN;
		fits = fits < INT8_MAX ? fits : INT8_MAX;
		left = all - fits;
		weights[i] = (int8_t)fits;
		rest[i] = (int8_t)left;
		some |= left;
		most = left > most ? left : most;
	}
	*has_rest |= some != 0;
	return most <= INT8_MAX;
}

AVX2 KERNEL_INLINE void mix_rows(int8_t *to, const int8_t *from)
{
	uint32_t i;

	for (i = 0; i < KERNEL_WIDE; i += 16, to += 32) {
		__m128i a = _mm_loadu_si128((const __m128i *)(from + i));
		__m128i b = _mm_loadu_si128(
			(const __m128i *)(from + KERNEL_WIDE + i));

		_mm_storeu_si128((__m128i *)to, _mm_unpacklo_epi8(a, b));
		_mm_storeu_si128((__m128i *)(to + 16), _mm_unpackhi_epi8(a, b));
	}
}

AVX2 static void mix_weights(int8_t *to, const int8_t *from)
{
	mix_rows(to, from);
	mix_rows(to + PAIR_WEIGHTS, from + 2 * KERNEL_WIDE);
}

/* --- Sums ---------------------------------------------------------------------- */

/*
 * Sixteen bytes in both halves, of which eight are lanes: widening them is then a
 * matter of each half by itself, which takes a third of the time.
 */
AVX2 KERNEL_INLINE __m256i load_lanes(const uint8_t *from)
{
	return _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)from));
}

/* Eight lanes of two cells, lane by lane. */
AVX2 KERNEL_INLINE __m256i pair(__m256i a, __m256i b)
{
	const __m256i widen = _mm256_setr_epi8(
		0, -1, 1, -1, 2, -1, 3, -1, 4, -1, 5, -1, 6, -1, 7, -1,
		8, -1, 9, -1, 10, -1, 11, -1, 12, -1, 13, -1, 14, -1, 15, -1);

	return _mm256_shuffle_epi8(_mm256_unpacklo_epi8(a, b), widen);
}

AVX2 KERNEL_INLINE __m256i load_pair(const uint8_t *a, const uint8_t *b)
{
	return pair(load_lanes(a), load_lanes(b));
}

AVX2 KERNEL_INLINE __m256i load_weights(const int8_t *from)
{
	return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from));
}

AVX2 KERNEL_INLINE __m256i add_pair(__m256i sum, __m256i x, __m256i w)
{
	return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
}

AVX2 KERNEL_INLINE void put_sums(int32_t *to, __m256i sums)
{
	_mm256_storeu_si256((__m256i *)to, sums);
}

/* Eight lanes of each step, from lane @lane on. */
AVX2 KERNEL_INLINE void add_lanes(const struct kernel_lanes *l, uint32_t lane,
				  uint32_t pairs)
{
	__m256i w[KERNEL_WIDE_TAPS][ROW_PAIRS];
	const int32_t *from = (l->is_first ? l->bias : l->sums) + lane;
	int32_t *sums = l->sums + lane;
	uint32_t i, t, r;

	for (t = 0; t < l->taps; t++)
		for (r = 0; r < pairs; r++)
			w[t][r] = load_weights(l->weights + t * TAP_WEIGHTS +
					       r * PAIR_WEIGHTS + 2 * lane);
	for (i = 0; i < l->steps; i++, sums += KERNEL_WIDE) {
		size_t at = (size_t)i * KERNEL_WIDE + lane;
		__m256i sum = load(from);

		for (t = 0; t < l->taps; t++)
			for (r = 0; r < pairs; r++)
				sum = add_pair(sum, load_pair(
					l->rows[2 * r] + at + l->offsets[t],
					l->rows[2 * r + 1] + at +
						l->offsets[t]), w[t][r]);
		put_sums(sums, sum);
		if (!l->is_first)
			from += KERNEL_WIDE;
	}
}

/* All but the most frequent kernels. */
AVX2 static void add_any(const struct kernel_lanes *l)
{
	uint32_t lane;

	for (lane = 0; lane < KERNEL_WIDE; lane += LANES) {
		if (l->row_count <= 2)
			add_lanes(l, lane, 1);
		else
			add_lanes(l, lane, 2);
	}
}

/* The weights of three rows and columns of taps for eight lanes. */
struct weights_3x3 {
	__m256i upper[3]; /* of two rows */
	__m256i left; /* of the third row, two columns */
	__m256i right;
};

AVX2 KERNEL_INLINE struct weights_3x3 load_3x3(const int8_t *from)
{
	struct weights_3x3 w;
	__m256i third[3];
	uint32_t t;

	for (t = 0; t < 3; t++, from += TAP_WEIGHTS) {
		w.upper[t] = load_weights(from);
		third[t] = load_weights(from + PAIR_WEIGHTS);
	}
	w.left = _mm256_blend_epi16(third[0], _mm256_slli_epi32(third[1], 16),
				    0xaa);
	w.right = _mm256_blend_epi16(third[2], _mm256_setzero_si256(), 0xaa);
	return w;
}

/*
 * Three neighbouring columns, and the next two of the third row's as pairs with their
 * neighbours: each round has the place of its column that is over taken by a new one.
 */
struct slide {
	const uint8_t *rows[3]; /* where the next column is */
	__m256i upper[3];
	__m256i third[3];
	__m256i last; /* of the third row */
};

/* Sums of eight lanes at @at, whose first column is @first in the slide. */
AVX2 KERNEL_INLINE __m256i slide_on(struct slide *s, size_t at, uint32_t first,
				    const struct weights_3x3 *w, __m256i sum)
{
	const uint32_t second = (first + 1) % 3, third = (first + 2) % 3;
	__m256i next = load_lanes(s->rows[2] + at);

	s->upper[third] = load_pair(s->rows[0] + at, s->rows[1] + at);
	s->third[third] = pair(s->last, next);
	s->last = next;
	sum = add_pair(sum, s->upper[first], w->upper[0]);
	sum = add_pair(sum, s->third[first], w->left);
	sum = add_pair(sum, s->upper[second], w->upper[1]);
	sum = add_pair(sum, s->third[third], w->right);
	return add_pair(sum, s->upper[third], w->upper[2]);
}

/*
 * Eight lanes from @lane on, and those that are @step further on, again and again,
 * where each one's columns are two of those before it.
 */
AVX2 KERNEL_INLINE void slide_3x3(const struct kernel_lanes *l, uint32_t lane,
				  size_t step)
{
	const struct weights_3x3 w = load_3x3(l->weights + 2 * lane);
	const size_t end = (size_t)l->steps * KERNEL_WIDE;
	const uint8_t *a = l->rows[0] + lane, *b = l->rows[1] + lane;
	const uint8_t *c = l->rows[2] + lane;
	const __m256i bias = load(l->bias + lane);
	struct slide s = {
		.rows = { l->rows[0] + 2 * step, l->rows[1] + 2 * step,
			  l->rows[2] + 3 * step },
		.upper = { load_pair(a, b), load_pair(a + step, b + step) },
		.third = { load_pair(c, c + step),
			   load_pair(c + step, c + 2 * step) },
		.last = load_lanes(c + 2 * step),
	};
	int32_t *sums = l->sums;
	size_t at = lane;

	for (; at + 2 * step < end; at += 3 * step) {
		put_sums(sums + at, slide_on(&s, at, 0, &w, bias));
		put_sums(sums + at + step,
			 slide_on(&s, at + step, 1, &w, bias));
		put_sums(sums + at + 2 * step,
			 slide_on(&s, at + 2 * step, 2, &w, bias));
	}
	if (at < end)
		put_sums(sums + at, slide_on(&s, at, 0, &w, bias));
	if (at + step < end)
		put_sums(sums + at + step,
			 slide_on(&s, at + step, 1, &w, bias));
}

/* Eight lanes of each step, from lane @lane on, wherever its columns are. */
AVX2 KERNEL_INLINE void add_3x3(const struct kernel_lanes *l, uint32_t lane)
{
	const struct weights_3x3 w = load_3x3(l->weights + 2 * lane);
	const size_t zero = l->offsets[0], one = l->offsets[1];
	const size_t two = l->offsets[2];
	const size_t end = (size_t)l->steps * KERNEL_WIDE;
	const uint8_t *a = l->rows[0], *b = l->rows[1], *c = l->rows[2];
	const __m256i bias = load(l->bias + lane);
	int32_t *sums = l->sums;
	size_t at;

	for (at = lane; at < end; at += KERNEL_WIDE) {
		__m256i left = load_pair(c + at + zero, c + at + one);
		__m256i right = _mm256_cvtepu8_epi32(_mm_loadl_epi64(
			(const __m128i *)(c + at + two)));
		__m256i sum = add_pair(bias, left, w.left);

		sum = add_pair(sum, load_pair(a + at + zero, b + at + zero),
			       w.upper[0]);
		sum = add_pair(sum, load_pair(a + at + one, b + at + one),
			       w.upper[1]);
		sum = add_pair(sum, load_pair(a + at + two, b + at + two),
			       w.upper[2]);
		put_sums(sums + at, add_pair(sum, right, w.right));
	}
}

AVX2 static void add(const struct kernel_lanes *l)
{
	const uint32_t *offsets = l->offsets, step = offsets[1];
	bool is_sliding = !offsets[0] && step && KERNEL_WIDE % step == 0 &&
			  step % LANES == 0 && offsets[2] == 2 * step;
	uint32_t lane;

	if (l->taps != 3 || l->row_count != 3 || !l->is_first) {
		add_any(l);
		return;
	}
	for (lane = 0; is_sliding && lane < step; lane += LANES)
		slide_3x3(l, lane, step);
	for (lane = 0; !is_sliding && lane < KERNEL_WIDE; lane += LANES)
		add_3x3(l, lane);
}

/* --- Output -------------------------------------------------------------------- */

/* As of all other sums, since these are in the order of lanes. */
static void output_steps(const struct kernel_output *row, uint32_t first,
			 uint32_t steps, uint32_t bytes)
{
	struct kernel_output stage = *row;

	if (!steps)
		return;
	stage.offset = NULL;
	stage.cells = NULL;
	stage.out += (size_t)first * row->out_step;
	stage.sums += (size_t)first * KERNEL_WIDE;
	stage.pixels = steps;
	stage.channels = bytes;
	npu_kernels_avx2.output(&stage);
}

static void output(const struct kernel_output *output,
		   const struct kernel_lines *lines)
{
	struct kernel_output row = *output;
	uint32_t steps = row.pixels, i;

	if (lines->last == lines->count &&
	    lines->row_step == (size_t)steps * row.out_step) {
		output_steps(&row, 0, lines->rows * steps, lines->count);
		return;
	}
	for (i = 0; i < lines->rows; i++) {
		output_steps(&row, 0, steps - 1, lines->count);
		output_steps(&row, steps - 1, 1, lines->last);
		row.out += lines->row_step;
		row.sums += (size_t)steps * KERNEL_WIDE;
	}
}

const struct kernel_wide npu_kernels_avx2_wide = {
	.put_cells = put_cells,
	.order = order,
	.spread_weights = spread_weights,
	.subtract = subtract,
	.mix_weights = mix_weights,
	.add = add,
	.output = output,
};
#endif
