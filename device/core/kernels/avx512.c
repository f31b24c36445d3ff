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

static bool is_supported(void)
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
			sum[i][b] = dot->first ? _mm512_loadu_si512(
				sums + i * dot->sum_pitch +
				b * KERNEL_BLOCK) : _mm512_setzero_si512();
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

/*
 * The factors of sixteen channels. Even and odd products are 64 bits wide; of
 * the odd ones the wanted bits are shifted up to where they belong.
 */
struct scale {
	__m512i offset, even, odd, left, right, mask, half_mask;
};

AVX512 KERNEL_INLINE struct scale load_scale(const struct kernel_output *o,
					     uint32_t c)
{
	const __m512i one = _mm512_set1_epi32(1);
	struct scale s = {
		.offset = _mm512_loadu_si512(o->offset + c),
		.even = _mm512_loadu_si512(o->mult + c),
		.left = _mm512_loadu_si512(o->left + c),
		.right = _mm512_loadu_si512(o->right + c),
	};

	s.odd = _mm512_srli_epi64(s.even, 32);
	s.mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, s.right), one);
	s.half_mask = _mm512_srli_epi32(s.mask, 1);
	return s;
}

AVX512 KERNEL_INLINE __m512i rescale(__m512i x, const struct scale *s)
{
	const __m512i half = _mm512_set1_epi64(1 << 30);
	__m512i even, odd, limit;
	__mmask16 is_up;

	x = _mm512_sllv_epi32(_mm512_add_epi32(x, s->offset), s->left);
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

AVX512 static void output(const struct kernel_output *o)
{
	const __m512i zero = _mm512_set1_epi32(o->zero);
	const __m512i min = _mm512_set1_epi32(o->min);
	const __m512i max = _mm512_set1_epi32(o->max);
	uint32_t p, c;

	for (c = 0; c < o->channels; c += KERNEL_BLOCK) {
		uint32_t n = generic_block(o->channels, c);
		__mmask16 mask = (__mmask16)((1u << n) - 1);
		struct scale s = load_scale(o, c);
		const int32_t *sums = o->sums + c;
		int8_t *out = o->out + c;

		for (p = 0; p < o->pixels; p++) {
			__m512i x = rescale(_mm512_loadu_si512(sums), &s);

			x = _mm512_add_epi32(x, zero);
			x = _mm512_min_epi32(_mm512_max_epi32(x, min), max);
			_mm512_mask_cvtepi32_storeu_epi8(out, mask, x);
			sums += o->sum_pitch;
			out += o->out_step;
		}
	}
}

/* The gathers rule here; wider ones are no faster. */
static void decode(struct kernel_decode *decode)
{
	npu_kernels_avx2.decode(decode);
}

const struct kernels npu_kernels_avx512 = {
	.name = "avx512vnni",
	.is_supported = is_supported,
	.operand_size = sizeof(uint8_t),
	.make_operand = make_operand,
	.dot = dot,
	.interleave = interleave,
	.taps = taps,
	.output = output,
	.decode = decode,
};
#endif
