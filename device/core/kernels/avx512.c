// SPDX-License-Identifier: MIT
/*
 * The loops for x86 processors with AVX-512 and its dot products of bytes
 * (VNNI). These multiply unsigned by signed bytes: operands are values + 128.
 * One instruction adds four products to the sum of each channel of a block.
 */
#ifdef __x86_64__
#include "avx512.h"

/* Sums that stay in registers: of so many pixels and blocks, at most 24. */
#define TILE_PIXELS 12
#define TILE_BLOCKS 4

static bool is_supported(void)
{
	return __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vnni") &&
	       __builtin_cpu_supports("bmi2");
}

AVX512 static void make_operand(void *operand, const int8_t *values,
				uint32_t count, int32_t zero)
{
	const __m512i sign = _mm512_set1_epi8((char)0x80);
	uint8_t *to = operand;
	uint32_t i;

	(void)zero;
	for (i = 0; i + 64 <= count; i += 64)
		_mm512_storeu_si512(to + i, _mm512_xor_si512(
			_mm512_loadu_si512(values + i), sign));
	if (i < count) {
		__mmask64 mask = _bzhi_u64(~0ull, count - i);

		_mm512_mask_storeu_epi8(to + i, mask, _mm512_xor_si512(
			_mm512_maskz_loadu_epi8(mask, values + i), sign));
	}
}

AVX512 KERNEL_INLINE __m512i load_operand(const uint8_t *x)
{
	int32_t four;

	memcpy(&four, x, sizeof(four));
	return _mm512_set1_epi32(four);
}

/*
 * @pixels from @p on, @blocks of @n channels from channel @c on. @mask has the
 * low @n bits set.
 */
AVX512 KERNEL_INLINE void tile(const struct kernel_dot *dot, uint32_t p,
			       uint32_t pixels, uint32_t c, uint32_t blocks,
			       uint32_t n, __mmask16 mask)
{
	const int8_t *w = generic_weights(dot, c, n);
	const size_t next = (size_t)KERNEL_BLOCK * dot->depth;
	int32_t *sums = dot->sums + (size_t)p * dot->sum_pitch + c;
	__m512i sum[TILE_PIXELS][TILE_BLOCKS];
	const uint8_t *x[TILE_PIXELS];
	uint32_t r, k, i, b;

	for (i = 0; i < pixels; i++) {
		x[i] = dot->windows[p + i];
		for (b = 0; b < blocks; b++)
			sum[i][b] = dot->first ? _mm512_loadu_si512(
				sums + i * dot->sum_pitch +
				b * KERNEL_BLOCK) : _mm512_setzero_si512();
	}
	for (r = 0; r < dot->rows; r++) {
		for (k = 0; k < dot->row_depth; k += 4, w += 4 * n) {
			__m512i weights[TILE_BLOCKS];

			for (b = 0; b < blocks; b++)
				weights[b] = _mm512_maskz_loadu_epi32(
					mask, w + b * next);
			for (i = 0; i < pixels; i++) {
				__m512i v = load_operand(x[i] + k);

				for (b = 0; b < blocks; b++)
					sum[i][b] = _mm512_dpbusd_epi32(
						sum[i][b], v, weights[b]);
			}
		}
		for (i = 0; i < pixels; i++)
			x[i] += dot->row_step;
	}
	for (i = 0; i < pixels; i++)
		for (b = 0; b < blocks; b++)
			_mm512_storeu_si512(sums + i * dot->sum_pitch +
						    b * KERNEL_BLOCK,
					    sum[i][b]);
}

/* All pixels: @most at a time, which is even, then what is left of them. */
AVX512 KERNEL_INLINE void tiles(const struct kernel_dot *dot, uint32_t most,
				uint32_t c, uint32_t blocks, uint32_t n,
				__mmask16 mask)
{
	uint32_t p = 0;

	for (; p + most <= dot->pixels; p += most)
		tile(dot, p, most, c, blocks, n, mask);
	if (most > 8 && p + 8 <= dot->pixels) {
		tile(dot, p, 8, c, blocks, n, mask);
		p += 8;
	}
	if (p + 4 <= dot->pixels) {
		tile(dot, p, 4, c, blocks, n, mask);
		p += 4;
	}
	if (p + 2 <= dot->pixels) {
		tile(dot, p, 2, c, blocks, n, mask);
		p += 2;
	}
	if (p < dot->pixels)
		tile(dot, p, 1, c, blocks, n, mask);
}

/*
 * One block of 16 or 8 channels: here loads of operands are what takes time.
 * Eight operands at a time go to even and odd sums of each channel, which are
 * added in the end. @tail: four operands of each row are over.
 */
struct halves {
	__m512i low, high; /* weights or sums; of 8 channels only @low */
};

AVX512 KERNEL_INLINE struct halves load_halves(const int8_t *w, uint32_t n,
					       bool is_tail)
{
	const __m512i pairs = _mm512_set_epi32(15, 7, 14, 6, 13, 5, 12, 4, 11,
					       3, 10, 2, 9, 1, 8, 0);
	__m512i even = _mm512_maskz_loadu_epi32(
		n == 8 && is_tail ? 0xff : 0xffff, w);
	__m512i odd = _mm512_setzero_si512();

	if (n == 8)
		return (struct halves){ .low = _mm512_permutexvar_epi32(pairs,
									even) };
	if (!is_tail)
		odd = _mm512_loadu_si512(w + 4 * n);
	return (struct halves){ .low = _mm512_unpacklo_epi32(even, odd),
				.high = _mm512_unpackhi_epi32(even, odd) };
}

AVX512 KERNEL_INLINE void add_halves(struct halves *sums, uint32_t pixels,
				     uint32_t n, const uint8_t *const *x,
				     uint32_t k, const int8_t *w, bool is_tail)
{
	struct halves weights = load_halves(w, n, is_tail);
	uint32_t i;

	for (i = 0; i < pixels; i++) {
		uint64_t eight = 0;
		__m512i v;

		memcpy(&eight, x[i] + k, is_tail ? 4 : 8);
		v = _mm512_set1_epi64((int64_t)eight);
		sums[i].low = _mm512_dpbusd_epi32(sums[i].low, v, weights.low);
		if (n == 16)
			sums[i].high = _mm512_dpbusd_epi32(sums[i].high, v,
							   weights.high);
	}
}

AVX512 KERNEL_INLINE void put_halves(int32_t *to, bool is_first, uint32_t n,
				     const struct halves *s)
{
	__m512i sum;

	if (n == 8) {
		sum = _mm512_add_epi32(s->low, _mm512_srli_epi64(s->low, 32));
		sum = _mm512_castsi256_si512(_mm512_cvtepi64_epi32(sum));
	} else {
		__m512 low = _mm512_castsi512_ps(s->low);
		__m512 high = _mm512_castsi512_ps(s->high);

		sum = _mm512_add_epi32(
			_mm512_castps_si512(_mm512_shuffle_ps(low, high, 0x88)),
			_mm512_castps_si512(_mm512_shuffle_ps(low, high, 0xdd)));
	}
	if (!is_first)
		sum = _mm512_add_epi32(sum, _mm512_loadu_si512(to));
	_mm512_storeu_si512(to, sum);
}

AVX512 KERNEL_INLINE void narrow_tile(const struct kernel_dot *dot, uint32_t p,
				      uint32_t pixels, uint32_t c, uint32_t n)
{
	const int8_t *w = generic_weights(dot, c, n);
	const uint32_t whole = dot->row_depth & ~7u;
	struct halves sums[TILE_PIXELS];
	const uint8_t *x[TILE_PIXELS];
	uint32_t r, k, i;

	for (i = 0; i < pixels; i++) {
		x[i] = dot->windows[p + i];
		sums[i].low = sums[i].high = _mm512_setzero_si512();
	}
	for (r = 0; r < dot->rows; r++) {
		for (k = 0; k < whole; k += 8, w += 8 * n)
			add_halves(sums, pixels, n, x, k, w, false);
		if (whole != dot->row_depth) {
			add_halves(sums, pixels, n, x, k, w, true);
			w += 4 * n;
		}
		for (i = 0; i < pixels; i++)
			x[i] += dot->row_step;
	}
	for (i = 0; i < pixels; i++)
		put_halves(dot->sums + (size_t)(p + i) * dot->sum_pitch + c,
			   !dot->first, n, &sums[i]);
}

AVX512 KERNEL_INLINE void narrow_tiles(const struct kernel_dot *dot, uint32_t c,
				       uint32_t n)
{
	uint32_t p = 0;

	for (; p + TILE_PIXELS <= dot->pixels; p += TILE_PIXELS)
		narrow_tile(dot, p, TILE_PIXELS, c, n);
	for (; p + 4 <= dot->pixels; p += 4)
		narrow_tile(dot, p, 4, c, n);
	for (; p < dot->pixels; p++)
		narrow_tile(dot, p, 1, c, n);
}

AVX512 static void dot(const struct kernel_dot *dot)
{
	uint32_t c = 0;

	for (; c + 4 * KERNEL_BLOCK <= dot->channels; c += 4 * KERNEL_BLOCK)
		tiles(dot, 6, c, 4, KERNEL_BLOCK, 0xffff);
	for (; c + 2 * KERNEL_BLOCK <= dot->channels; c += 2 * KERNEL_BLOCK)
		tiles(dot, 12, c, 2, KERNEL_BLOCK, 0xffff);
	for (; c < dot->channels; c += KERNEL_BLOCK) {
		uint32_t n = generic_block(dot->channels, c);

		if (n == KERNEL_BLOCK)
			narrow_tiles(dot, c, KERNEL_BLOCK);
		else if (n == 8)
			narrow_tiles(dot, c, 8);
		else
			tiles(dot, 12, c, 1, n, (__mmask16)((1u << n) - 1));
	}
}

/* Sums of bytes, in any order. */
AVX512 KERNEL_INLINE __m512i add_bytes(__m512i sum, __m512i bytes)
{
	return _mm512_dpbusd_epi32(sum, bytes, _mm512_set1_epi8(1));
}

AVX512 static void add_cells(const struct kernel_dot *dot, int32_t *cells)
{
	const uint32_t whole = dot->row_depth & ~63u;
	const __mmask64 rest = _bzhi_u64(~0ull, dot->row_depth & 63);
	uint32_t p, r, k;

	for (p = 0; p < dot->pixels; p++) {
		const uint8_t *x = dot->windows[p];
		__m512i sum = _mm512_setzero_si512();

		for (r = 0; r < dot->rows; r++, x += dot->row_step) {
			for (k = 0; k < whole; k += 64)
				sum = add_bytes(sum, _mm512_loadu_si512(x + k));
			sum = add_bytes(sum, _mm512_maskz_loadu_epi8(rest,
								     x + k));
		}
		cells[p] = fixed_add(cells[p], _mm512_reduce_add_epi32(sum));
	}
}

/* --- DWCONV ---------------------------------------------------------------- */

AVX512 KERNEL_INLINE __m512i load_cells(const int8_t *x)
{
	return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)x));
}

AVX512 static void interleave(const struct kernel_rows *rows)
{
	const __m512i zero = _mm512_set1_epi16((int16_t)rows->zero);
	const int8_t *upper = rows->upper, *lower = rows->lower;
	int16_t *to = rows->to;
	uint32_t i;

	for (i = 0; i < rows->columns; i++) {
		__m512i both = _mm512_mask_blend_epi16(
			0xaaaaaaaa, load_cells(upper),
			_mm512_slli_epi32(load_cells(lower), 16));

		_mm512_storeu_si512(to, _mm512_sub_epi16(both, zero));
		to += 2 * KERNEL_BLOCK;
		upper += rows->upper_step;
		lower += rows->lower_step;
	}
}

AVX512 KERNEL_INLINE void taps_of(const struct kernel_taps *taps,
				  uint32_t pairs, uint32_t count)
{
	const uint32_t cell = 2 * KERNEL_BLOCK;
	uint32_t p, i, t;

	for (p = 0; p < taps->pixels; p++) {
		int32_t *sums = taps->sums + p * KERNEL_BLOCK;
		const int16_t *w = taps->weights;
		__m512i sum = taps->is_first ? _mm512_setzero_si512() :
					       _mm512_loadu_si512(sums);

		for (i = 0; i < pairs; i++) {
			const int16_t *x = taps->cells +
					   (i * taps->columns +
					    p * taps->pixel_step) * cell;

			for (t = 0; t < count; t++, w += cell) {
				sum = _mm512_dpwssd_epi32(
					sum, _mm512_loadu_si512(x),
					_mm512_loadu_si512(w));
				x += cell * taps->tap_step;
			}
		}
		_mm512_storeu_si512(sums, sum);
	}
}

/* 3 x 3 is by far the most frequent: its weights stay in registers. */
AVX512 static void taps_3x3(const struct kernel_taps *taps)
{
	const uint32_t cell = 2 * KERNEL_BLOCK;
	const size_t tap = (size_t)cell * taps->tap_step;
	const size_t lower = (size_t)cell * taps->columns;
	const size_t step = (size_t)cell * taps->pixel_step;
	const int16_t *x = taps->cells;
	int32_t *sums = taps->sums;
	__m512i w[6];
	uint32_t i, p;

	for (i = 0; i < 6; i++)
		w[i] = _mm512_loadu_si512(taps->weights + i * cell);
	for (p = 0; p < taps->pixels; p++, x += step, sums += KERNEL_BLOCK) {
		__m512i a = _mm512_setzero_si512(), b = a;

		for (i = 0; i < 3; i++) {
			a = _mm512_dpwssd_epi32(
				a, _mm512_loadu_si512(x + i * tap), w[i]);
			b = _mm512_dpwssd_epi32(
				b, _mm512_loadu_si512(x + lower + i * tap),
				w[3 + i]);
		}
		_mm512_storeu_si512(sums, _mm512_add_epi32(a, b));
	}
}

AVX512 static void taps(const struct kernel_taps *taps)
{
	if (taps->pairs == 2 && taps->taps == 3 && taps->is_first)
		taps_3x3(taps);
	else
		taps_of(taps, taps->pairs, taps->taps);
}

/* --- Output ------------------------------------------------------------------ */

/* What is added to sums of sixteen channels, and subtracted from them. */
struct addend {
	const int32_t *cells; /* NULL: nothing */
	__m512i offset, weight_zero;
};

AVX512 KERNEL_INLINE struct addend load_addend(const struct kernel_output *o,
					       uint32_t c)
{
	struct addend a = {
		.cells = o->cells,
		.offset = _mm512_loadu_si512(o->offset + c),
	};

	if (o->cells)
		a.weight_zero = _mm512_loadu_si512(o->weight_zero + c);
	return a;
}

AVX512 KERNEL_INLINE __m512i load_sums(const int32_t *sums, uint32_t p,
				       const struct addend *a)
{
	__m512i x = _mm512_add_epi32(_mm512_loadu_si512(sums), a->offset);

	if (!a->cells)
		return x;
	return _mm512_sub_epi32(x, _mm512_mullo_epi32(
		_mm512_set1_epi32(a->cells[p]), a->weight_zero));
}

AVX512 KERNEL_INLINE void store_block(int8_t *out, uint32_t n, __m128i bytes)
{
	if (n == KERNEL_BLOCK)
		_mm_storeu_si128((__m128i *)out, bytes);
	else
		_mm_mask_storeu_epi8(out, (__mmask16)((1u << n) - 1), bytes);
}

AVX512 static void output_scaled(const struct kernel_output *o, uint32_t c)
{
	const uint32_t n = generic_block(o->channels, c);
	const struct addend a = load_addend(o, c);
	const struct scale s = load_scale(o, c);
	const int32_t *sums = o->sums + c;
	int8_t *out = o->out + c;
	uint32_t p;

	for (p = 0; p < o->pixels; p++) {
		__m512i x = rescale(load_sums(sums, p, &a), &s);

		store_block(out, n, _mm512_cvtepi32_epi8(x));
		sums += o->sum_pitch;
		out += o->out_step;
	}
}

AVX512 KERNEL_INLINE void output_merged(const struct kernel_output *o,
					uint32_t c, bool is_cut)
{
	const uint32_t n = generic_block(o->channels, c);
	const __m128i min = _mm_set1_epi8((char)o->min);
	const __m128i max = _mm_set1_epi8((char)o->max);
	const struct addend a = load_addend(o, c);
	const struct merged m = load_merged(o, c);
	const int32_t *sums = o->sums + c;
	int8_t *out = o->out + c;
	uint32_t p;

	for (p = 0; p < o->pixels; p++) {
		__m512i x = merged_scale(load_sums(sums, p, &a), &m, is_cut);
		__m128i bytes = _mm512_cvtsepi32_epi8(x);

		store_block(out, n, _mm_min_epi8(_mm_max_epi8(bytes, min),
						 max));
		sums += o->sum_pitch;
		out += o->out_step;
	}
}

AVX512 static void output_float(const struct kernel_output *o, uint32_t c)
{
	const uint32_t n = generic_block(o->channels, c);
	const struct addend a = load_addend(o, c);
	const __m512 factor = _mm512_loadu_ps(o->factor + c);
	const __m512 low = _mm512_set1_ps((float)(o->min - o->zero));
	const __m512 high = _mm512_set1_ps((float)(o->max - o->zero));
	const __m512i zero = _mm512_set1_epi32(o->zero);
	const int32_t *sums = o->sums + c;
	int8_t *out = o->out + c;
	uint32_t p;

	for (p = 0; p < o->pixels; p++) {
		__m512i x = scale_float(load_sums(sums, p, &a), factor, low,
					high);

		store_block(out, n, _mm512_cvtepi32_epi8(
			_mm512_add_epi32(x, zero)));
		sums += o->sum_pitch;
		out += o->out_step;
	}
}

AVX512 static void output(const struct kernel_output *o)
{
	uint32_t c;

	for (c = 0; c < o->channels; c += KERNEL_BLOCK)
		if (o->factor)
			output_float(o, c);
		else if (!can_merge(o, c))
			output_scaled(o, c);
		else if (o->min >= o->zero)
			output_merged(o, c, true);
		else
			output_merged(o, c, false);
}

/* --- Sums of two tensors ------------------------------------------------------- */

AVX512 KERNEL_INLINE struct scale load_term(const struct kernel_term *t)
{
	const __m512i one = _mm512_set1_epi32(1);
	struct scale s = {
		.even = _mm512_set1_epi32(t->mult),
		.odd = _mm512_set1_epi32(t->mult),
		.left = _mm512_set1_epi32((int32_t)t->left),
		.right = _mm512_set1_epi32((int32_t)t->right),
		.zero = _mm512_set1_epi32(t->zero),
	};

	s.mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, s.right), one);
	s.half_mask = _mm512_srli_epi32(s.mask, 1);
	return s;
}

AVX512 KERNEL_INLINE __m512i term(const int8_t *x, __mmask16 mask,
				  const struct scale *s)
{
	__m512i wide = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, x));

	return rescale_sums(_mm512_sub_epi32(wide, s->zero), s);
}

AVX512 static void sum(const struct kernel_sum *sum)
{
	const struct scale a = load_term(&sum->a), b = load_term(&sum->b);
	uint32_t i;

	for (i = 0; i < sum->count; i += KERNEL_BLOCK) {
		__mmask16 mask = (__mmask16)_bzhi_u32(
			0xffff, generic_block(sum->count, i));
		__m512i x = term(sum->x + i, mask, &a);
		__m512i y = term(sum->y + i, mask, &b);

		x = sum->is_difference ? _mm512_sub_epi32(x, y) :
					 _mm512_add_epi32(x, y);
		_mm512_mask_storeu_epi32(sum->sums + i, mask, x);
	}
}

/* The gathers rule here; wider ones are no faster. */
static void decode(struct kernel_decode *decode)
{
	npu_kernels_avx2.decode(decode);
}

/* Memory rules here. */
static void multiply_add(int32_t *to, const int32_t *c, const int32_t *a,
			 const int32_t *b, uint32_t count, int32_t nan)
{
	npu_kernels_avx2.multiply_add(to, c, a, b, count, nan);
}

const struct kernels npu_kernels_avx512 = {
	.name = "avx512vnni",
	.is_supported = is_supported,
	.operand_size = sizeof(uint8_t),
	.is_unsigned = true,
	.make_operand = make_operand,
	.dot = dot,
	.add_cells = add_cells,
	.interleave = interleave,
	.taps = taps,
	.output = output,
	.decode = decode,
	.multiply_add = multiply_add,
	.sum = sum,
	.wide = &npu_kernels_avx512_wide,
};
#endif
