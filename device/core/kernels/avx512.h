/* SPDX-License-Identifier: MIT */
/*
 * What the loops for AVX-512 share: the scaling of sixteen sums at a time.
 */
#ifndef NPU_KERNELS_AVX512_H
#define NPU_KERNELS_AVX512_H

#include "generic.h"

#include <immintrin.h>

#define AVX512 __attribute__((target( \
	"avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,bmi2")))

/* --- Any factors -------------------------------------------------------------- */

/*
 * The factors of sixteen channels. Even and odd products are 64 bits wide; of
 * the odd ones the wanted bits are shifted up to where they belong.
 */
struct scale {
	__m512i even, odd, left, right, mask, half_mask, zero, min, max;
};

AVX512 KERNEL_INLINE struct scale load_scale(const struct kernel_output *o,
					     uint32_t c)
{
	const __m512i one = _mm512_set1_epi32(1);
	struct scale s = {
		.even = _mm512_loadu_si512(o->mult + c),
		.left = _mm512_loadu_si512(o->left + c),
		.right = _mm512_loadu_si512(o->right + c),
		.zero = _mm512_set1_epi32(o->zero),
		.min = _mm512_set1_epi32(o->min),
		.max = _mm512_set1_epi32(o->max),
	};

	s.odd = _mm512_srli_epi64(s.even, 32);
	s.mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, s.right), one);
	s.half_mask = _mm512_srli_epi32(s.mask, 1);
	return s;
}

/* Sixteen sums, scaled. */
AVX512 KERNEL_INLINE __m512i rescale_sums(__m512i x, const struct scale *s)
{
	const __m512i half = _mm512_set1_epi64(1 << 30);
	__m512i even, odd, limit;
	__mmask16 is_up;

	x = _mm512_sllv_epi32(x, s->left);
	even = _mm512_add_epi64(_mm512_mul_epi32(x, s->even), half);
	odd = _mm512_add_epi64(_mm512_mul_epi32(_mm512_srli_epi64(x, 32),
						s->odd), half);
	x = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31),
				    _mm512_slli_epi64(odd, 1));
	limit = _mm512_sub_epi32(s->half_mask, _mm512_srai_epi32(x, 31));
	is_up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(x, s->mask), limit);
	x = _mm512_srav_epi32(x, s->right);
	return _mm512_mask_add_epi32(x, is_up, x, _mm512_set1_epi32(1));
}

/* Results of sixteen sums. */
AVX512 KERNEL_INLINE __m512i rescale(__m512i x, const struct scale *s)
{
	x = _mm512_add_epi32(rescale_sums(x, s), s->zero);
	return _mm512_min_epi32(_mm512_max_epi32(x, s->min), s->max);
}

/* --- Factors that networks have ------------------------------------------------ */

/*
 * Where nothing is shifted to the left, both roundings are one. With the first
 * one's y = floor((x * mult + 2^30) / 2^31) the result before it is clamped is
 * floor((y + 2^(right - 1)) / 2^right) + zero, that is
 *
 *	floor((x * mult + add) / 2^(right + 31)),
 *	add = 2^30 + 2^(right + 30) + zero * 2^(right + 31)
 *
 * With a negative y, halves go down: add is less by 2^31. Where what is below the
 * zero point is cut off, as after a ReLU, that makes no difference.
 *
 * Even products are shifted to the low half of 64 bits, odd ones to the high.
 */
struct merged {
	__m512i even, odd; /* factors */
	__m512i even_add, odd_add;
	__m512i even_shift, odd_shift;
};

#define MERGED_MAX_RIGHT 22 /* so far the zero point's shift leaves 64 bits */

AVX512 KERNEL_INLINE bool can_merge(const struct kernel_output *o, uint32_t c)
{
	__m512i right = _mm512_loadu_si512(o->right + c);
	__m512i left = _mm512_loadu_si512(o->left + c);
	__m512i last = _mm512_set1_epi32(MERGED_MAX_RIGHT - 1);
	__m512i from_one = _mm512_sub_epi32(right, _mm512_set1_epi32(1));

	return !_mm512_test_epi32_mask(left, left) &&
	       !_mm512_cmpgt_epu32_mask(from_one, last);
}

/* The addend of products whose shift is @right. */
AVX512 KERNEL_INLINE __m512i merged_add(__m512i right, int32_t zero)
{
	const __m512i half = _mm512_set1_epi64(1 << 30);
	__m512i zeros = _mm512_sllv_epi64(
		_mm512_set1_epi64((int64_t)zero * (1ll << 31)), right);

	return _mm512_add_epi64(_mm512_add_epi64(
		_mm512_sllv_epi64(half, right), half), zeros);
}

AVX512 KERNEL_INLINE struct merged load_merged(const struct kernel_output *o,
					       uint32_t c)
{
	__m512i right = _mm512_loadu_si512(o->right + c);
	__m512i odd_right = _mm512_srli_epi64(right, 32);
	__m512i even_right = _mm512_and_si512(
		right, _mm512_set1_epi64(UINT32_MAX));
	struct merged m = {
		.even = _mm512_loadu_si512(o->mult + c),
		.even_add = merged_add(even_right, o->zero),
		.odd_add = merged_add(odd_right, o->zero),
		.even_shift = _mm512_add_epi64(even_right,
					       _mm512_set1_epi64(31)),
		.odd_shift = _mm512_sub_epi64(odd_right, _mm512_set1_epi64(1)),
	};

	m.odd = _mm512_srli_epi64(m.even, 32);
	return m;
}

AVX512 KERNEL_INLINE __m512i merged_sum(__m512i product, __m512i add,
					bool is_cut)
{
	const __m512i limit = _mm512_set1_epi64(-(1 << 30));
	__m512i sum = _mm512_add_epi64(product, add);

	if (is_cut)
		return sum;
	return _mm512_mask_sub_epi64(
		sum, _mm512_cmplt_epi64_mask(product, limit), sum,
		_mm512_set1_epi64(1ll << 31));
}

/* Results of sixteen sums before they are clamped. @is_cut: see above */
AVX512 KERNEL_INLINE __m512i merged_scale(__m512i x, const struct merged *m,
					  bool is_cut)
{
	__m512i even = _mm512_mul_epi32(x, m->even);
	__m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(x, 32), m->odd);

	even = _mm512_srav_epi64(merged_sum(even, m->even_add, is_cut),
				 m->even_shift);
	odd = _mm512_srav_epi64(merged_sum(odd, m->odd_add, is_cut),
				m->odd_shift);
	return _mm512_mask_blend_epi32(0xaaaa, even, odd);
}

/* --- float32 ------------------------------------------------------------------- */

/* Results of sixteen sums before the zero point is added. */
AVX512 KERNEL_INLINE __m512i scale_float(__m512i x, __m512 factor, __m512 low,
					 __m512 high)
{
	__m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(x), factor);

	v = _mm512_min_ps(_mm512_max_ps(v, low), high); /* no number: low */
	return _mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEAREST_INT |
					   _MM_FROUND_NO_EXC);
}

#endif
