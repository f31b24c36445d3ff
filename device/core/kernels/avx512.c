// SPDX-License-Identifier: MIT
/*
 * The loops for x86 processors with AVX-512 and its dot products of bytes
 * (VNNI). These multiply unsigned by signed bytes: operands are values + 128.
 * One instruction adds four products to the sum of each channel of a block.
 */
#ifdef __x86_64__
#include "generic.h"

#include <immintrin.h>

#define AVX512 __attribute__((target( \
	"avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))

/* Sums that stay in registers: this many pixels, two blocks of channels. */
#define TILE_PIXELS 8
#define TILE_BLOCKS 2

static int is_supported(void)
{
	return __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vnni");
}

AVX512 static void make_operand(void *operand, const int8_t *values,
				uint32_t count)
{
	uint8_t *bytes = operand;
	uint32_t i;

	for (i = 0; i < count; i++)
		bytes[i] = (uint8_t)values[i] ^ 0x80;
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
	const uint8_t *x = (const uint8_t *)dot->operands +
			   (size_t)p * dot->count;
	int32_t *sums = dot->sums + (size_t)p * dot->sum_pitch + c;
	__m512i sum[TILE_PIXELS][TILE_BLOCKS];
	uint32_t k, i, b;

	for (i = 0; i < pixels; i++)
		for (b = 0; b < blocks; b++)
			sum[i][b] = _mm512_loadu_si512(
				sums + i * dot->sum_pitch + b * KERNEL_BLOCK);
	for (k = 0; k < dot->count; k += 4, w += 4 * n) {
		__m512i weights[TILE_BLOCKS];

		for (b = 0; b < blocks; b++)
			weights[b] = _mm512_maskz_loadu_epi32(mask,
							      w + b * next);
		for (i = 0; i < pixels; i++) {
			__m512i v = load_operand(x + i * dot->count + k);

			for (b = 0; b < blocks; b++)
				sum[i][b] = _mm512_dpbusd_epi32(sum[i][b], v,
								weights[b]);
		}
	}
	for (i = 0; i < pixels; i++)
		for (b = 0; b < blocks; b++)
			_mm512_storeu_si512(sums + i * dot->sum_pitch +
						    b * KERNEL_BLOCK,
					    sum[i][b]);
}

AVX512 KERNEL_INLINE void tiles(const struct kernel_dot *dot, uint32_t c,
				uint32_t blocks, uint32_t n, __mmask16 mask)
{
	uint32_t p = 0;

	for (; p + TILE_PIXELS <= dot->pixels; p += TILE_PIXELS)
		tile(dot, p, TILE_PIXELS, c, blocks, n, mask);
	for (; p + 4 <= dot->pixels; p += 4)
		tile(dot, p, 4, c, blocks, n, mask);
	for (; p + 2 <= dot->pixels; p += 2)
		tile(dot, p, 2, c, blocks, n, mask);
	for (; p < dot->pixels; p++)
		tile(dot, p, 1, c, blocks, n, mask);
}

AVX512 static void dot(const struct kernel_dot *dot)
{
	uint32_t c = 0;

	for (; c + 2 * KERNEL_BLOCK <= dot->channels; c += 2 * KERNEL_BLOCK)
		tiles(dot, c, 2, KERNEL_BLOCK, 0xffff);
	for (; c < dot->channels; c += KERNEL_BLOCK) {
		uint32_t n = generic_block(dot->channels, c);

		if (n == KERNEL_BLOCK)
			tiles(dot, c, 1, KERNEL_BLOCK, 0xffff);
		else
			tiles(dot, c, 1, n, (__mmask16)((1u << n) - 1));
	}
}

AVX512 static void taps(const struct kernel_taps *taps)
{
	generic_taps(taps);
}

AVX512 static void output(int8_t *out, const int32_t *sums,
			  const struct kernel_output *output)
{
	generic_output(out, sums, output);
}

const struct kernels npu_kernels_avx512 = {
	.name = "avx512vnni",
	.is_supported = is_supported,
	.operand_size = sizeof(uint8_t),
	.make_operand = make_operand,
	.dot = dot,
	.taps = taps,
	.output = output,
};
#endif
