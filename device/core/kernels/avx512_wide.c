// SPDX-License-Identifier: MIT
/*
 * Depthwise convolution for x86 processors with AVX-512, 64 lanes at a time. Of
 * four rows of taps, bytes are interleaved so that one dot product of four adds
 * what all four rows have under one column of taps:
 *
 *	rows		a0 a1 a2 ... | b0 b1 b2 ... | c0 ... | d0 ...
 *	vector 0	a0 b0 c0 d0  a1 b1 c1 d1  a2 b2 c2 d2  a3 b3 c3 d3
 *	vector 1	a4 b4 c4 d4  ...
 *
 * That takes two unpacks for a vector. These work within 128 bits: vector j has
 * lanes 4j to 4j + 3 of each 16, which is the order of sums and of all that is
 * there for each lane. Packing results to bytes brings it back.
 */
#ifdef __x86_64__
#include "avx512.h"

/* Vectors of four interleaved rows. */
struct mixed {
	__m512i v[4];
};

AVX512 KERNEL_INLINE struct mixed mix(__m512i a, __m512i b, __m512i c,
				      __m512i d)
{
	__m512i low_ab = _mm512_unpacklo_epi8(a, b);
	__m512i high_ab = _mm512_unpackhi_epi8(a, b);
	__m512i low_cd = _mm512_unpacklo_epi8(c, d);
	__m512i high_cd = _mm512_unpackhi_epi8(c, d);

	return (struct mixed){ {
		_mm512_unpacklo_epi16(low_ab, low_cd),
		_mm512_unpackhi_epi16(low_ab, low_cd),
		_mm512_unpacklo_epi16(high_ab, high_cd),
		_mm512_unpackhi_epi16(high_ab, high_cd),
	} };
}

/* Kept in a register, so that it is not loaded for each use. */
AVX512 KERNEL_INLINE __m512i load_once(const uint8_t *from)
{
	__m512i x = _mm512_loadu_si512(from);

	__asm__("" : "+v"(x));
	return x;
}

AVX512 KERNEL_INLINE struct mixed load_mixed(const uint8_t *const *rows,
					     size_t at)
{
	return mix(load_once(rows[0] + at), load_once(rows[1] + at),
		   load_once(rows[2] + at), load_once(rows[3] + at));
}

AVX512 static void put_cells(const struct kernel_cells *c)
{
	const __m512i sign = _mm512_set1_epi8((char)0x80);
	const __mmask64 load = _bzhi_u64(~0ull, c->size);
	const __mmask64 store = _bzhi_u64(~0ull, c->pitch);
	const int8_t *from = c->from;
	uint8_t *to = c->to;
	uint32_t i;

	for (i = 0; i < c->count; i++) {
		__m512i x = _mm512_maskz_loadu_epi8(load, from);

		_mm512_mask_storeu_epi8(to, store, _mm512_xor_si512(x, sign));
		from += c->step;
		to += c->pitch;
	}
}

/* Whole parts of 128 bits of four vectors change places. */
AVX512 static void order(int32_t *to, const int32_t *from)
{
	__m512i a = _mm512_loadu_si512(from);
	__m512i b = _mm512_loadu_si512(from + 16);
	__m512i c = _mm512_loadu_si512(from + 32);
	__m512i d = _mm512_loadu_si512(from + 48);
	__m512i low_ab = _mm512_shuffle_i32x4(a, b, 0x44);
	__m512i high_ab = _mm512_shuffle_i32x4(a, b, 0xee);
	__m512i low_cd = _mm512_shuffle_i32x4(c, d, 0x44);
	__m512i high_cd = _mm512_shuffle_i32x4(c, d, 0xee);

	_mm512_storeu_si512(to, _mm512_shuffle_i32x4(low_ab, low_cd, 0x88));
	_mm512_storeu_si512(to + 16,
			    _mm512_shuffle_i32x4(low_ab, low_cd, 0xdd));
	_mm512_storeu_si512(to + 32,
			    _mm512_shuffle_i32x4(high_ab, high_cd, 0x88));
	_mm512_storeu_si512(to + 48,
			    _mm512_shuffle_i32x4(high_ab, high_cd, 0xdd));
}

/* Block @i of the channels, zeros behind the last. */
AVX512 KERNEL_INLINE __m128i load_block(const int8_t *const *from, uint32_t i,
					uint32_t count)
{
	uint32_t first = i * KERNEL_BLOCK;
	uint32_t left = count > first ? count - first : 0;

	return _mm_maskz_loadu_epi8((__mmask16)_bzhi_u32(0xffff, left),
				    from[i]);
}

AVX512 KERNEL_INLINE __m256i load_two_blocks(const int8_t *const *from,
					     uint32_t i, uint32_t count)
{
	return _mm256_inserti128_si256(
		_mm256_castsi128_si256(load_block(from, i, count)),
		load_block(from, i + 1, count), 1);
}

AVX512 static void spread_weights(int8_t *to, const int8_t *const *from,
				  uint32_t count, uint32_t cell)
{
	__m512i all;

	if (cell == 8)
		all = _mm512_broadcastq_epi64(load_block(from, 0, count));
	else if (cell == 16)
		all = _mm512_broadcast_i32x4(load_block(from, 0, count));
	else if (cell == 32)
		all = _mm512_broadcast_i64x4(load_two_blocks(from, 0, count));
	else
		all = _mm512_inserti64x4(
			_mm512_castsi256_si512(load_two_blocks(from, 0, count)),
			load_two_blocks(from, 2, count), 1);
	_mm512_storeu_si512(to, all);
}

AVX512 static bool subtract(int8_t *weights, int8_t *rest, const int8_t *zero,
			    bool *has_rest)
{
	__m512i w = _mm512_loadu_si512(weights);
	__m512i z = _mm512_loadu_si512(zero);
	__m512i fits = _mm512_subs_epi8(w, z); /* -128 to 127 */
	__m512i left = _mm512_sub_epi8(_mm512_sub_epi8(w, z), fits);
	__mmask64 is_negative = _mm512_movepi8_mask(left);
	__mmask64 is_below = _mm512_cmplt_epi8_mask(w, z);

	_mm512_storeu_si512(weights, fits);
	_mm512_storeu_si512(rest, left);
	*has_rest |= _mm512_test_epi8_mask(left, left) != 0;
	/* A rest of 128 has become -128. */
	return !(is_negative & ~is_below);
}

AVX512 static void mix_weights(int8_t *to, const int8_t *from)
{
	struct mixed m = mix(_mm512_loadu_si512(from),
			     _mm512_loadu_si512(from + KERNEL_WIDE),
			     _mm512_loadu_si512(from + 2 * KERNEL_WIDE),
			     _mm512_loadu_si512(from + 3 * KERNEL_WIDE));
	uint32_t j;

	for (j = 0; j < 4; j++)
		_mm512_storeu_si512(to + j * KERNEL_WIDE, m.v[j]);
}

/* --- Sums ---------------------------------------------------------------------- */

/* All but the most frequent kernels. */
AVX512 static void add_any(const struct kernel_lanes *l)
{
	const int32_t *from = l->is_first ? l->bias : l->sums;
	int32_t *sums = l->sums;
	uint32_t i, j, t;

	for (i = 0; i < l->steps; i++, sums += KERNEL_WIDE) {
		const int8_t *w = l->weights;
		__m512i s[4];

		for (j = 0; j < 4; j++)
			s[j] = _mm512_loadu_si512(from + 16 * j);
		for (t = 0; t < l->taps; t++, w += 4 * KERNEL_WIDE) {
			struct mixed x = load_mixed(
				l->rows, (size_t)i * KERNEL_WIDE +
						 l->offsets[t]);

			for (j = 0; j < 4; j++)
				s[j] = _mm512_dpbusd_epi32(
					s[j], x.v[j], _mm512_loadu_si512(
						w + j * KERNEL_WIDE));
		}
		for (j = 0; j < 4; j++)
			_mm512_storeu_si512(sums + 16 * j, s[j]);
		if (!l->is_first)
			from += KERNEL_WIDE;
	}
}

AVX512 KERNEL_INLINE void put_3(int32_t *sums, const int32_t *bias,
				const struct mixed *a, const struct mixed *b,
				const struct mixed *c, const __m512i *w)
{
	uint32_t j;

	for (j = 0; j < 4; j++) {
		__m512i s = _mm512_loadu_si512(bias + 16 * j);

		s = _mm512_dpbusd_epi32(s, a->v[j], w[j]);
		s = _mm512_dpbusd_epi32(s, b->v[j], w[4 + j]);
		s = _mm512_dpbusd_epi32(s, c->v[j], w[8 + j]);
		_mm512_storeu_si512(sums + 16 * j, s);
	}
}

/*
 * Three columns of taps: weights stay in registers. @is_sliding: each step's
 * columns are two of the step before.
 */
AVX512 KERNEL_INLINE void add_3(const struct kernel_lanes *l, bool is_sliding)
{
	const uint8_t *rows[4] = { l->rows[0], l->rows[1], l->rows[2],
				   l->rows[3] };
	const size_t zero = l->offsets[0], one = l->offsets[1];
	const size_t two = l->offsets[2];
	const size_t end = (size_t)l->steps * KERNEL_WIDE;
	const int32_t *bias = l->bias;
	int32_t *sums = l->sums;
	struct mixed a = load_mixed(rows, zero), b = load_mixed(rows, one), c;
	__m512i w[12];
	size_t at;
	uint32_t i;

	for (i = 0; i < 12; i++)
		w[i] = _mm512_loadu_si512(l->weights + i * KERNEL_WIDE);
	for (at = 0; at < end; at += KERNEL_WIDE, sums += KERNEL_WIDE) {
		c = load_mixed(rows, at + two);
		put_3(sums, bias, &a, &b, &c, w);
		if (is_sliding) {
			a = b;
			b = c;
		} else {
			a = load_mixed(rows, at + KERNEL_WIDE + zero);
			b = load_mixed(rows, at + KERNEL_WIDE + one);
		}
	}
}

AVX512 static void add(const struct kernel_lanes *l)
{
	if (l->taps != 3 || !l->is_first)
		add_any(l);
	else if (l->offsets[0] == 0 && l->offsets[1] == KERNEL_WIDE &&
		 l->offsets[2] == 2 * KERNEL_WIDE)
		add_3(l, true);
	else
		add_3(l, false);
}

/* --- Output -------------------------------------------------------------------- */

/* Results of a step, which fit 16 bits or may be cut to these, as bytes. */
AVX512 KERNEL_INLINE __m512i pack(const __m512i *x)
{
	return _mm512_packs_epi16(_mm512_packs_epi32(x[0], x[1]),
				  _mm512_packs_epi32(x[2], x[3]));
}

AVX512 static void output_scaled(const struct kernel_output *o,
				 __mmask64 mask, __mmask64 last)
{
	struct scale s[4];
	uint32_t p, j;

	for (j = 0; j < 4; j++)
		s[j] = load_scale(o, 16 * j);
	for (p = 0; p < o->pixels; p++) {
		const int32_t *sums = o->sums + p * KERNEL_WIDE;
		__m512i x[4];

		for (j = 0; j < 4; j++)
			x[j] = rescale(_mm512_loadu_si512(sums + 16 * j),
				       &s[j]);
		_mm512_mask_storeu_epi8(o->out + (size_t)p * o->out_step,
					p + 1 < o->pixels ? mask : last,
					pack(x));
	}
}

AVX512 KERNEL_INLINE void output_merged(const struct kernel_output *o,
					__mmask64 mask, __mmask64 last,
					bool is_cut)
{
	const __m512i min = _mm512_set1_epi8((char)o->min);
	const __m512i max = _mm512_set1_epi8((char)o->max);
	struct merged m[4];
	uint32_t p, j;

	for (j = 0; j < 4; j++)
		m[j] = load_merged(o, 16 * j);
	for (p = 0; p < o->pixels; p++) {
		const int32_t *sums = o->sums + p * KERNEL_WIDE;
		__m512i x[4], bytes;

		for (j = 0; j < 4; j++)
			x[j] = merged_scale(_mm512_loadu_si512(sums + 16 * j),
					    &m[j], is_cut);
		bytes = _mm512_max_epi8(pack(x), min);
		_mm512_mask_storeu_epi8(o->out + (size_t)p * o->out_step,
					p + 1 < o->pixels ? mask : last,
					_mm512_min_epi8(bytes, max));
	}
}

AVX512 static void output_float(const struct kernel_output *o, __mmask64 mask,
				__mmask64 last)
{
	const __m512 low = _mm512_set1_ps((float)(o->min - o->zero));
	const __m512 high = _mm512_set1_ps((float)(o->max - o->zero));
	const __m512i zero = _mm512_set1_epi32(o->zero);
	__m512 factor[4];
	uint32_t p, j;

	for (j = 0; j < 4; j++)
		factor[j] = _mm512_loadu_ps(o->factor + 16 * j);
	for (p = 0; p < o->pixels; p++) {
		const int32_t *sums = o->sums + p * KERNEL_WIDE;
		__m512i x[4];

		for (j = 0; j < 4; j++)
			x[j] = _mm512_add_epi32(
				scale_float(_mm512_loadu_si512(sums + 16 * j),
					    factor[j], low, high), zero);
		_mm512_mask_storeu_epi8(o->out + (size_t)p * o->out_step,
					p + 1 < o->pixels ? mask : last,
					pack(x));
	}
}

AVX512 static void output_row(const struct kernel_output *o, __mmask64 mask,
			      __mmask64 last)
{
	if (o->factor)
		output_float(o, mask, last);
	else if (!can_merge(o, 0) || !can_merge(o, 16) || !can_merge(o, 32) ||
		 !can_merge(o, 48))
		output_scaled(o, mask, last);
	else if (o->min >= o->zero)
		output_merged(o, mask, last, true);
	else
		output_merged(o, mask, last, false);
}

/* What lies side by side is one row. */
AVX512 static void output(const struct kernel_output *output,
			  const struct kernel_lines *lines)
{
	const __mmask64 mask = _bzhi_u64(~0ull, lines->count);
	const __mmask64 last = _bzhi_u64(~0ull, lines->last);
	struct kernel_output row = *output;
	uint32_t rows = lines->rows, i;

	if (lines->last == lines->count &&
	    lines->row_step == (size_t)row.pixels * row.out_step) {
		row.pixels *= rows;
		rows = 1;
	}
	for (i = 0; i < rows; i++) {
		output_row(&row, mask, last);
		row.out += lines->row_step;
		row.sums += (size_t)row.pixels * KERNEL_WIDE;
	}
}

const struct kernel_wide npu_kernels_avx512_wide = {
	.put_cells = put_cells,
	.order = order,
	.spread_weights = spread_weights,
	.subtract = subtract,
	.mix_weights = mix_weights,
	.add = add,
	.output = output,
};
#endif
