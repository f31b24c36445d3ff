// SPDX-License-Identifier: MIT
/*
 * The loops for x86 processors with AVX2. Operands are int16: a multiply-add of
 * 16 of them with 16 widened weights gives sums of two, for four channels.
 */
#ifdef __x86_64__
#include "generic.h"

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* Channels whose sums stay in registers, for up to four pixels. */
#define TILE_CHANNELS 8
#define TILE_PIXELS 4

static int is_supported(void)
{
	return __builtin_cpu_supports("avx2");
}

AVX2 static void make_operand(void *operand, const int8_t *values,
			      uint32_t count)
{
	generic_widen(operand, values, count);
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

/* Add eight channels' pairs of sums, four channels in each of @low and @high. */
AVX2 KERNEL_INLINE void add_sums(int32_t *sums, __m256i low, __m256i high)
{
	__m256i *at = (__m256i *)sums;
	__m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high),
					       _MM_SHUFFLE(3, 1, 2, 0));

	_mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), sum));
}

/* @pixels from @p on, eight channels of a block of @n from channel @c on. */
AVX2 KERNEL_INLINE void tile(const struct kernel_dot *dot, uint32_t p,
			     uint32_t pixels, uint32_t c, uint32_t n)
{
	const int8_t *w = generic_weights(dot, c & ~(KERNEL_BLOCK - 1), n) +
			  4 * (c & (KERNEL_BLOCK - 1));
	const int16_t *x = (const int16_t *)dot->operands +
			   (size_t)p * dot->count;
	__m256i low[TILE_PIXELS], high[TILE_PIXELS];
	uint32_t k, i;

	for (i = 0; i < pixels; i++)
		low[i] = high[i] = _mm256_setzero_si256();
	for (k = 0; k < dot->count; k += 4, w += 4 * n) {
		__m256i w_low = load_weights(w), w_high = load_weights(w + 16);

		for (i = 0; i < pixels; i++) {
			__m256i v = load_operand(x + i * dot->count + k);

			low[i] = _mm256_add_epi32(
				low[i], _mm256_madd_epi16(v, w_low));
			high[i] = _mm256_add_epi32(
				high[i], _mm256_madd_epi16(v, w_high));
		}
	}
	for (i = 0; i < pixels; i++)
		add_sums(dot->sums + (p + i) * dot->sum_pitch + c, low[i],
			 high[i]);
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

AVX2 static void taps(const struct kernel_taps *taps)
{
	generic_taps(taps);
}

AVX2 static void output(int8_t *out, const int32_t *sums,
			const struct kernel_output *output)
{
	generic_output(out, sums, output);
}

const struct kernels npu_kernels_avx2 = {
	.name = "avx2",
	.is_supported = is_supported,
	.operand_size = sizeof(int16_t),
	.make_operand = make_operand,
	.dot = dot,
	.taps = taps,
	.output = output,
};
#endif
