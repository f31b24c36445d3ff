/* SPDX-License-Identifier: MIT */
/*
 * What the loops for AVX2 share: the scaling of eight sums at a time.
 */
#ifndef NPU_KERNELS_AVX2_H
#define NPU_KERNELS_AVX2_H

#include "generic.h"

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 KERNEL_INLINE __m256i load(const int32_t *from)
{
	return _mm256_loadu_si256((const __m256i *)from);
}

/* --- Any factors -------------------------------------------------------------- */

/*
 * generic_rescale() for eight channels. Even and odd products are 64 bits wide;
 * of the odd ones the wanted bits are shifted up to where they belong.
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

/* --- Factors that networks have ------------------------------------------------ */

/*
 * Where nothing is shifted to the left, both roundings are one. With the first
 * one's y = floor((x * mult + 2^30) / 2^31) the result before it is clamped is
 * floor((y + 2^(right - 1)) / 2^right) + zero, that is
 *
 *	floor((x * mult + add) / 2^(right + 31)),
 *	add = 2^30 + 2^(right + 30) + zero * 2^(right + 31)
 *
 * With a negative y, halves go down: add is less by 2^31. So it may be for each
 * negative x, since where its y is 0 the result is zero with either. Where what is
 * below the zero point is cut off, as after a ReLU, it makes no difference at all.
 *
 * The low halves of 64-bit sums are shifted out in any case: high ones are put side
 * by side, and what is left of the shift is done to eight of them at a time.
 */
struct merged {
	__m256i even, odd; /* factors */
	__m256i even_add, odd_add;
	__m256i shift; /* of high halves */
};

#define MERGED_MAX_RIGHT 22 /* so far the zero point's shift leaves 64 bits */

/* Whether that is so for eight channels. */
AVX2 KERNEL_INLINE bool can_merge(const struct kernel_output *o, uint32_t c)
{
	__m256i right = load(o->right + c), left = load(o->left + c), bad;

	bad = _mm256_cmpgt_epi32(_mm256_set1_epi32(1), right);
	bad = _mm256_or_si256(bad, _mm256_cmpgt_epi32(
		right, _mm256_set1_epi32(MERGED_MAX_RIGHT)));
	bad = _mm256_or_si256(bad, left);
	return _mm256_testz_si256(bad, bad);
}

/* The addend of products whose shift is @right. */
AVX2 KERNEL_INLINE __m256i merged_add(__m256i right, int32_t zero)
{
	const __m256i half = _mm256_set1_epi64x(1 << 30);
	const __m256i more = _mm256_set1_epi64x((2ll * zero + 1) * (1 << 30));

	return _mm256_add_epi64(_mm256_sllv_epi64(more, right), half);
}

AVX2 KERNEL_INLINE struct merged load_merged(const struct kernel_output *o,
					     uint32_t c)
{
	__m256i right = load(o->right + c), even = load(o->mult + c);
	__m256i even_right = _mm256_and_si256(
		right, _mm256_set1_epi64x(UINT32_MAX));

	return (struct merged){
		.even = even,
		.odd = _mm256_srli_epi64(even, 32),
		.even_add = merged_add(even_right, o->zero),
		.odd_add = merged_add(_mm256_srli_epi64(right, 32), o->zero),
		.shift = _mm256_sub_epi32(right, _mm256_set1_epi32(1)),
	};
}

/* @x: sums in the low halves. @is_cut: see above */
AVX2 KERNEL_INLINE __m256i merged_product(__m256i x, __m256i mult, __m256i add,
					  bool is_cut)
{
	const __m256i sign = _mm256_set1_epi64x(1ll << 31);
	__m256i sum = _mm256_add_epi64(_mm256_mul_epi32(x, mult), add);

	return is_cut ? sum :
			_mm256_sub_epi64(sum, _mm256_and_si256(x, sign));
}

/* Results of eight sums before they are clamped. */
AVX2 KERNEL_INLINE __m256i merged_scale(__m256i x, const struct merged *m,
					bool is_cut)
{
	__m256i even = merged_product(x, m->even, m->even_add, is_cut);
	__m256i odd = merged_product(_mm256_srli_epi64(x, 32), m->odd,
				     m->odd_add, is_cut);

	even = _mm256_srli_epi64(even, 32);
	return _mm256_srav_epi32(_mm256_blend_epi32(even, odd, 0xaa), m->shift);
}

#endif
