// SPDX-License-Identifier: MIT
/*
 * The loops for x86 processors with AVX2. Operands are int16: a multiply-add of
 * 16 of them with 16 widened weights gives sums of two, for four channels.
 */
#ifdef __x86_64__
#include "generic.h"

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* Channels whose sums stay in registers, for up to six pixels. */
#define TILE_CHANNELS 8
#define TILE_PIXELS 6

static bool is_supported(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

AVX2 static void make_operand(void *operand, const int8_t *values,
			      uint32_t count, int32_t zero)
{
	generic_widen(operand, values, count, zero);
}

AVX2 KERNEL_INLINE __m256i load_weights(const int8_t *w)
{
	return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));
}

AVX2 KERNEL_INLINE __m256i load_operand(const int16_t *x)
{
	int64_t four;

	memcpy(&four, x, sizeof(four));
	return _mm256_set1_epi64x(four);
}

/* Eight channels' pairs of sums, four channels in each of @low and @high. */
AVX2 KERNEL_INLINE void put_sums(int32_t *sums, bool is_first, __m256i low,
				 __m256i high)
{
	__m256i *at = (__m256i *)sums;
	__m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high),
					       _MM_SHUFFLE(3, 1, 2, 0));

	if (!is_first)
		sum = _mm256_add_epi32(_mm256_loadu_si256(at), sum);
	_mm256_storeu_si256(at, sum);
}

/* @pixels from @p on, eight channels of a block of @n from channel @c on. */
AVX2 KERNEL_INLINE void tile(const struct kernel_dot *dot, uint32_t p,
			     uint32_t pixels, uint32_t c, uint32_t n)
{
	const int8_t *w = generic_weights(dot, c & ~(KERNEL_BLOCK - 1), n) +
			  4 * (c & (KERNEL_BLOCK - 1));
	__m256i low[TILE_PIXELS], high[TILE_PIXELS];
	const int16_t *x[TILE_PIXELS];
	uint32_t r, k, i;

	for (i = 0; i < pixels; i++) {
		x[i] = dot->windows[p + i];
		low[i] = high[i] = _mm256_setzero_si256();
	}
	for (r = 0; r < dot->rows; r++) {
		for (k = 0; k < dot->row_depth; k += 4, w += 4 * n) {
			__m256i w_low = load_weights(w);
			__m256i w_high = load_weights(w + 16);

			for (i = 0; i < pixels; i++) {
				__m256i v = load_operand(x[i] + k);

				low[i] = _mm256_add_epi32(
					low[i], _mm256_madd_epi16(v, w_low));
				high[i] = _mm256_add_epi32(
					high[i], _mm256_madd_epi16(v, w_high));
			}
		}
		for (i = 0; i < pixels; i++)
			x[i] += dot->row_step;
	}
	for (i = 0; i < pixels; i++)
		put_sums(dot->sums + (p + i) * dot->sum_pitch + c, !dot->first,
			 low[i], high[i]);
}

AVX2 KERNEL_INLINE void tiles(const struct kernel_dot *dot, uint32_t c,
			      uint32_t n)
{
	uint32_t p = 0;

	for (; p + TILE_PIXELS <= dot->pixels; p += TILE_PIXELS)
		tile(dot, p, TILE_PIXELS, c, n);
	for (; p + 2 <= dot->pixels; p += 2)
		tile(dot, p, 2, c, n);
	for (; p < dot->pixels; p++)
		tile(dot, p, 1, c, n);
}

AVX2 static void dot(const struct kernel_dot *dot)
{
	uint32_t c;

	for (c = 0; c < dot->channels; c += KERNEL_BLOCK) {
		uint32_t n = generic_block(dot->channels, c);

		if (n == KERNEL_BLOCK) {
			tiles(dot, c, KERNEL_BLOCK);
			tiles(dot, c + TILE_CHANNELS, KERNEL_BLOCK);
		} else if (n == TILE_CHANNELS) {
			tiles(dot, c, TILE_CHANNELS);
		} else {
			generic_dot_pixels(dot, c, n);
		}
	}
}

AVX2 static void add_cells(const struct kernel_dot *dot, int32_t *cells)
{
	generic_add_cells(dot, cells);
}

/* --- DWCONV ---------------------------------------------------------------- */

/*
 * Sixteen channels, widened; quarters in the order 0 2 1 3, which unpacking
 * within 128 bits brings back to 0 1 2 3.
 */
AVX2 KERNEL_INLINE __m256i load_cells(const int8_t *x, __m256i zero)
{
	__m256i wide = _mm256_cvtepi8_epi16(
		_mm_loadu_si128((const __m128i *)x));

	return _mm256_permute4x64_epi64(_mm256_sub_epi16(wide, zero),
					_MM_SHUFFLE(3, 1, 2, 0));
}

AVX2 static void interleave(const struct kernel_rows *rows)
{
	const __m256i zero = _mm256_set1_epi16((int16_t)rows->zero);
	const int8_t *upper = rows->upper, *lower = rows->lower;
	__m256i *to = (__m256i *)rows->to;
	uint32_t i;

	for (i = 0; i < rows->columns; i++) {
		__m256i u = load_cells(upper, zero);
		__m256i l = load_cells(lower, zero);

		_mm256_storeu_si256(to++, _mm256_unpacklo_epi16(u, l));
		_mm256_storeu_si256(to++, _mm256_unpackhi_epi16(u, l));
		upper += rows->upper_step;
		lower += rows->lower_step;
	}
}

AVX2 KERNEL_INLINE __m256i multiply_add(__m256i sum, const __m256i *x,
					const __m256i *w)
{
	return _mm256_add_epi32(sum,
				_mm256_madd_epi16(_mm256_loadu_si256(x),
						  _mm256_loadu_si256(w)));
}

AVX2 KERNEL_INLINE void taps_of(const struct kernel_taps *taps, uint32_t pairs,
				uint32_t count)
{
	uint32_t p, i, t;

	for (p = 0; p < taps->pixels; p++) {
		__m256i *sums = (__m256i *)(taps->sums + p * KERNEL_BLOCK);
		const __m256i *w = (const __m256i *)taps->weights;
		__m256i low = _mm256_setzero_si256(), high = low;

		if (!taps->is_first) {
			low = _mm256_loadu_si256(sums);
			high = _mm256_loadu_si256(sums + 1);
		}
		for (i = 0; i < pairs; i++) {
			const __m256i *x = (const __m256i *)taps->cells +
					   2 * (i * taps->columns +
						p * taps->pixel_step);

			for (t = 0; t < count; t++, w += 2) {
				low = multiply_add(low, x, w);
				high = multiply_add(high, x + 1, w + 1);
				x += 2 * taps->tap_step;
			}
		}
		_mm256_storeu_si256(sums, low);
		_mm256_storeu_si256(sums + 1, high);
	}
}

/* 3 x 3 is by far the most frequent: unrolled. */
AVX2 static void taps(const struct kernel_taps *taps)
{
	if (taps->pairs == 2 && taps->taps == 3)
		taps_of(taps, 2, 3);
	else
		taps_of(taps, taps->pairs, taps->taps);
}

/* --- Output ------------------------------------------------------------------ */

AVX2 KERNEL_INLINE __m256i load(const int32_t *from)
{
	return _mm256_loadu_si256((const __m256i *)from);
}

/*
 * generic_output_block() for eight channels. Even and odd products are 64 bits
 * wide; of the odd ones the wanted bits are shifted up to where they belong.
 */
AVX2 KERNEL_INLINE __m256i rescale(__m256i x, __m256i mult, __m256i left,
				   __m256i right)
{
	const __m256i half = _mm256_set1_epi64x(1 << 30);
	const __m256i one = _mm256_set1_epi32(1);
	__m256i even, odd, mask, limit;

	x = _mm256_sllv_epi32(x, left);
	even = _mm256_add_epi64(_mm256_mul_epi32(x, mult), half);
	odd = _mm256_add_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32),
						_mm256_srli_epi64(mult, 32)),
			       half);
	x = _mm256_blend_epi32(_mm256_srli_epi64(even, 31),
			       _mm256_slli_epi64(odd, 1), 0xaa);
	mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
	limit = _mm256_sub_epi32(_mm256_srli_epi32(mask, 1),
				 _mm256_srai_epi32(x, 31));
	return _mm256_sub_epi32(_mm256_srav_epi32(x, right),
				_mm256_cmpgt_epi32(_mm256_and_si256(x, mask),
						   limit));
}

/* Sums with all that is added to them. */
AVX2 KERNEL_INLINE __m256i load_sums(const struct kernel_output *o,
				     const int32_t *sums, uint32_t p,
				     uint32_t c)
{
	__m256i x = _mm256_add_epi32(load(sums + c), load(o->offset + c));

	if (!o->cells)
		return x;
	return _mm256_sub_epi32(
		x, _mm256_mullo_epi32(_mm256_set1_epi32(o->cells[p]),
				      load(o->weight_zero + c)));
}

AVX2 KERNEL_INLINE __m256i scale_float(const struct kernel_output *o,
				       __m256i sums, uint32_t c)
{
	const __m256 low = _mm256_set1_ps((float)(o->min - o->zero));
	const __m256 high = _mm256_set1_ps((float)(o->max - o->zero));
	__m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(sums),
				 _mm256_loadu_ps(o->factor + c));

	x = _mm256_max_ps(x, low); /* not a number: low */
	x = _mm256_min_ps(x, high);
	x = _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	return _mm256_add_epi32(_mm256_cvttps_epi32(x),
				_mm256_set1_epi32(o->zero));
}

AVX2 KERNEL_INLINE __m256i output_half(const struct kernel_output *o,
				       const int32_t *sums, uint32_t p,
				       uint32_t c)
{
	__m256i x = load_sums(o, sums, p, c);

	if (o->factor)
		return scale_float(o, x, c);
	x = rescale(x, load(o->mult + c), load(o->left + c),
		    load(o->right + c));
	x = _mm256_add_epi32(x, _mm256_set1_epi32(o->zero));
	x = _mm256_max_epi32(x, _mm256_set1_epi32(o->min));
	return _mm256_min_epi32(x, _mm256_set1_epi32(o->max));
}

AVX2 KERNEL_INLINE void output_block(const struct kernel_output *o,
				     int8_t *out, const int32_t *sums,
				     uint32_t p, uint32_t c)
{
	uint32_t n = generic_block(o->channels, c);
	__m256i words = _mm256_packs_epi32(output_half(o, sums, p, c),
					   output_half(o, sums, p, c + 8));
	__m128i bytes, tail;

	words = _mm256_permute4x64_epi64(words, _MM_SHUFFLE(3, 1, 2, 0));
	bytes = _mm_packs_epi16(_mm256_castsi256_si128(words),
				_mm256_extracti128_si256(words, 1));
	if (n == KERNEL_BLOCK) {
		_mm_storeu_si128((__m128i *)(out + c), bytes);
	} else if (n == KERNEL_BLOCK / 2) {
		_mm_storel_epi64((__m128i *)(out + c), bytes);
	} else {
		_mm_storeu_si128(&tail, bytes);
		memcpy(out + c, &tail, n);
	}
}

AVX2 static void output(const struct kernel_output *output)
{
	const int32_t *sums = output->sums;
	int8_t *out = output->out;
	uint32_t p, c;

	for (p = 0; p < output->pixels; p++) {
		for (c = 0; c < output->channels; c += KERNEL_BLOCK)
			output_block(output, out, sums, p, c);
		sums += output->sum_pitch;
		out += output->out_step;
	}
}

/* For each element the number of those set before it. */
AVX2 KERNEL_INLINE __m256i rank(__m256i is_set)
{
	const __m256i high = _mm256_set_epi64x(-1, -1, 0, 0);
	__m256i one = _mm256_srli_epi32(is_set, 31), sum, carry;

	sum = _mm256_add_epi32(one, _mm256_slli_si256(one, 4));
	sum = _mm256_add_epi32(sum, _mm256_slli_si256(sum, 8));
	carry = _mm256_permutevar8x32_epi32(sum, _mm256_set1_epi32(3));
	sum = _mm256_add_epi32(sum, _mm256_and_si256(carry, high));
	return _mm256_sub_epi32(sum, one);
}

/* A byte of each of eight lanes, as 32-bit elements. */
AVX2 KERNEL_INLINE __m256i decode_half(const struct kernel_decode *d,
				       const uint32_t *tables, __m256i *state,
				       const uint8_t **words)
{
	const __m256i all = _mm256_set1_epi32(-1);
	__m256i x = *state, slot, bits, value, is_short, word;

	slot = _mm256_and_si256(x, _mm256_set1_epi32(1023));
	slot = _mm256_add_epi32(slot,
				_mm256_loadu_si256((const void *)tables));
	slot = _mm256_i32gather_epi32((const int *)d->slots, slot, 4);
	bits = _mm256_srli_epi32(slot, 29);
	x = _mm256_mullo_epi32(
		_mm256_and_si256(slot, _mm256_set1_epi32(2047)),
		_mm256_srli_epi32(x, KERNEL_SLOT_BITS));
	x = _mm256_add_epi32(x, _mm256_and_si256(
		_mm256_srli_epi32(slot, 11), _mm256_set1_epi32(1023)));
	value = _mm256_andnot_si256(_mm256_sllv_epi32(all, bits), x);
	value = _mm256_add_epi32(value, _mm256_srli_epi32(slot, 21));
	x = _mm256_srlv_epi32(x, bits);
	is_short = _mm256_cmpeq_epi32(_mm256_srli_epi32(x, 16),
				      _mm256_setzero_si256());
	word = _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)*words));
	word = _mm256_permutevar8x32_epi32(word, rank(is_short));
	word = _mm256_or_si256(_mm256_slli_epi32(x, 16), word);
	*state = _mm256_blendv_epi8(x, word, is_short);
	*words += 2 * __builtin_popcount(_mm256_movemask_ps(
		_mm256_castsi256_ps(is_short)));
	return _mm256_and_si256(value, _mm256_set1_epi32(255));
}

AVX2 static void decode(struct kernel_decode *d)
{
	__m256i low = _mm256_loadu_si256((const void *)d->state);
	__m256i high = _mm256_loadu_si256((const void *)(d->state + 8));
	uint32_t step = KERNEL_LANES % d->period;

	for (; d->rounds && d->words <= d->last; d->rounds--) {
		const uint32_t *tables = d->tables + d->place;
		__m256i a = decode_half(d, tables, &low, &d->words);
		__m256i b = decode_half(d, tables + 8, &high, &d->words);
		__m256i two = _mm256_permute4x64_epi64(
			_mm256_packus_epi32(a, b), 0xd8);

		_mm_storeu_si128((void *)d->out, _mm_packus_epi16(
			_mm256_castsi256_si128(two),
			_mm256_extracti128_si256(two, 1)));
		d->out += KERNEL_LANES;
		d->place += step;
		if (d->place >= d->period)
			d->place -= d->period;
	}
	_mm256_storeu_si256((void *)d->state, low);
	_mm256_storeu_si256((void *)(d->state + 8), high);
}

__attribute__((target("avx2,fma"))) static void
multiply_add_floats(int32_t *to, const int32_t *c, const int32_t *a,
		    const int32_t *b, uint32_t count, int32_t nan)
{
	const __m256 one_nan = _mm256_castsi256_ps(_mm256_set1_epi32(nan));
	const __m256i lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
	uint32_t i;

	for (i = 0; i < count; i += 8) {
		__m256i mask = _mm256_cmpgt_epi32(
			_mm256_set1_epi32((int32_t)(count - i)), lanes);
		__m256 sum = _mm256_fmadd_ps(
			_mm256_maskload_ps((const float *)a + i, mask),
			_mm256_maskload_ps((const float *)b + i, mask),
			_mm256_maskload_ps((const float *)c + i, mask));

		sum = _mm256_blendv_ps(sum, one_nan,
				       _mm256_cmp_ps(sum, sum, _CMP_UNORD_Q));
		_mm256_maskstore_ps((float *)to + i, mask, sum);
	}
}

const struct kernels npu_kernels_avx2 = {
	.name = "avx2",
	.is_supported = is_supported,
	.operand_size = sizeof(int16_t),
	.make_operand = make_operand,
	.dot = dot,
	.add_cells = add_cells,
	.interleave = interleave,
	.taps = taps,
	.output = output,
	.decode = decode,
	.multiply_add = multiply_add_floats,
};
#endif
