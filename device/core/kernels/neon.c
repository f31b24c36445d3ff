// SPDX-License-Identifier: MIT
/*
 * The loops for 64-bit Arm processors: with the dot products of bytes (FEAT_DotProd)
 * and without, where operands are int16 and four products of a channel are summed up
 * side by side. What compilers turn into vectors by themselves is left to them.
 */
#ifdef __aarch64__
#include "generic.h"

#include <arm_neon.h>
#include <sys/auxv.h>

#define DOT __attribute__((target("arch=armv8.2-a+dotprod")))
#define HAS_DOT (1ul << 20) /* HWCAP_ASIMDDP */

/* Pixels of a tile whose sums stay in registers. */
#define TILE_PIXELS 4
#define NARROW_PIXELS 2
#define QUADS (KERNEL_BLOCK / 4)

static bool is_supported(void)
{
	return true;
}

static bool has_dot(void)
{
	return getauxval(AT_HWCAP) & HAS_DOT;
}

/* --- Dot products of int16 ------------------------------------------------------ */

static void make_operand(void *operand, const int8_t *values, uint32_t count,
			 int32_t zero)
{
	generic_widen(operand, values, count, zero);
}

/* Sums of four channels, each of four side by side. */
KERNEL_INLINE int32x4_t gather(const int32x4_t *four)
{
	return vpaddq_s32(vpaddq_s32(four[0], four[1]),
			  vpaddq_s32(four[2], four[3]));
}

KERNEL_INLINE void put_sums(int32_t *sums, bool is_first, int32x4_t sum)
{
	if (!is_first)
		sum = vaddq_s32(vld1q_s32(sums), sum);
	vst1q_s32(sums, sum);
}

/* @pixels from @p on, four channels of a block of @n from channel @c on. */
KERNEL_INLINE void narrow_tile(const struct kernel_dot *dot, uint32_t p,
			       uint32_t pixels, uint32_t c, uint32_t n)
{
	const int8_t *w = generic_weights(dot, c & ~(KERNEL_BLOCK - 1u), n) +
			  4 * (c & (KERNEL_BLOCK - 1));
	int32x4_t sum[NARROW_PIXELS][4];
	const int16_t *x[NARROW_PIXELS];
	uint32_t r, k, i, q;

	for (i = 0; i < pixels; i++) {
		x[i] = dot->windows[p + i];
		for (q = 0; q < 4; q++)
			sum[i][q] = vdupq_n_s32(0);
	}
	for (r = 0; r < dot->rows; r++) {
		for (k = 0; k < dot->row_depth; k += 4, w += 4 * n) {
			int8x16_t bytes = vld1q_s8(w);
			int16x8_t low = vmovl_s8(vget_low_s8(bytes));
			int16x8_t high = vmovl_high_s8(bytes);

			for (i = 0; i < pixels; i++) {
				int16x4_t v = vld1_s16(x[i] + k);
				int16x8_t both = vcombine_s16(v, v);

				sum[i][0] = vmlal_s16(sum[i][0], v,
						      vget_low_s16(low));
				sum[i][1] = vmlal_high_s16(sum[i][1], both, low);
				sum[i][2] = vmlal_s16(sum[i][2], v,
						      vget_low_s16(high));
				sum[i][3] = vmlal_high_s16(sum[i][3], both, high);
			}
		}
		for (i = 0; i < pixels; i++)
			x[i] += dot->row_step;
	}
	for (i = 0; i < pixels; i++)
		put_sums(dot->sums + (size_t)(p + i) * dot->sum_pitch + c,
			 !dot->first, gather(sum[i]));
}

static void dot_narrow(const struct kernel_dot *dot)
{
	uint32_t c, p, n;

	for (c = 0; c < dot->channels; c += 4) {
		n = generic_block(dot->channels, c & ~(KERNEL_BLOCK - 1u));
		if (n % 4) {
			generic_dot_block(dot, c, n);
			c += KERNEL_BLOCK - 4;
			continue;
		}
		for (p = 0; p + NARROW_PIXELS <= dot->pixels; p += NARROW_PIXELS)
			narrow_tile(dot, p, NARROW_PIXELS, c, n);
		for (; p < dot->pixels; p++)
			narrow_tile(dot, p, 1, c, n);
	}
}

static void add_cells(const struct kernel_dot *dot, int32_t *cells)
{
	generic_add_cells(dot, cells);
}

/* --- Dot products of bytes ------------------------------------------------------- */

/* Operands are values + 128, as others take them; here they become values again. */
static void make_bytes(void *operand, const int8_t *values, uint32_t count,
		       int32_t zero)
{
	uint8_t *to = operand;
	uint32_t i;

	(void)zero;
	for (i = 0; i < count; i++)
		to[i] = (uint8_t)(values[i] + 128);
}

KERNEL_INLINE int8x16_t load_bytes(const uint8_t *x)
{
	uint32_t four;

	memcpy(&four, x, sizeof(four));
	return vreinterpretq_s8_u32(vdupq_n_u32(four ^ 0x80808080));
}

/* Four depths of @n channels, zeros behind them. */
KERNEL_INLINE void load_block(int8x16_t weights[QUADS], const int8_t *w,
			      uint32_t n)
{
	int8_t whole[4 * KERNEL_BLOCK] = { 0 };
	uint32_t q;

	if (n < KERNEL_BLOCK) {
		memcpy(whole, w, 4 * n);
		w = whole;
	}
	for (q = 0; q < QUADS; q++)
		weights[q] = vld1q_s8(w + 16 * q);
}

/*
 * @pixels from @p on, a block of @n channels from channel @c on. The sum of all
 * weights times 128 makes up for what the operands lack.
 */
DOT KERNEL_INLINE void tile(const struct kernel_dot *dot, uint32_t p,
			    uint32_t pixels, uint32_t c, uint32_t n)
{
	const int8x16_t ones = vdupq_n_s8(1);
	const int8_t *w = generic_weights(dot, c, n);
	int32x4_t sum[TILE_PIXELS][QUADS], all[QUADS];
	const uint8_t *x[TILE_PIXELS];
	uint32_t r, k, i, q;

	for (q = 0; q < QUADS; q++)
		all[q] = vdupq_n_s32(0);
	for (i = 0; i < pixels; i++) {
		x[i] = dot->windows[p + i];
		for (q = 0; q < QUADS; q++)
			sum[i][q] = vdupq_n_s32(0);
	}
	for (r = 0; r < dot->rows; r++) {
		for (k = 0; k < dot->row_depth; k += 4, w += 4 * n) {
			int8x16_t weights[QUADS];

			load_block(weights, w, n);
			for (q = 0; q < QUADS; q++)
				all[q] = vdotq_s32(all[q], weights[q], ones);
			for (i = 0; i < pixels; i++)
				for (q = 0; q < QUADS; q++)
					sum[i][q] = vdotq_s32(
						sum[i][q], weights[q],
						load_bytes(x[i] + k));
		}
		for (i = 0; i < pixels; i++)
			x[i] += dot->row_step;
	}
	for (i = 0; i < pixels; i++)
		for (q = 0; q < QUADS; q++)
			put_sums(dot->sums + (size_t)(p + i) * dot->sum_pitch +
					 c + 4 * q,
				 !dot->first,
				 vaddq_s32(sum[i][q], vshlq_n_s32(all[q], 7)));
}

DOT static void dot_bytes(const struct kernel_dot *dot)
{
	uint32_t c, p, n;

	for (c = 0; c < dot->channels; c += KERNEL_BLOCK) {
		n = generic_block(dot->channels, c);
		for (p = 0; p + TILE_PIXELS <= dot->pixels; p += TILE_PIXELS)
			tile(dot, p, TILE_PIXELS, c, n);
		for (; p < dot->pixels; p++)
			tile(dot, p, 1, c, n);
	}
}

static void add_byte_cells(const struct kernel_dot *dot, int32_t *cells)
{
	uint32_t p, r, k;

	for (p = 0; p < dot->pixels; p++) {
		const uint8_t *x = dot->windows[p];

		for (r = 0; r < dot->rows; r++, x += dot->row_step) {
			uint32_t sum = 0;

			for (k = 0; k < dot->row_depth; k++)
				sum += x[k];
			cells[p] = fixed_add(cells[p], (int32_t)sum);
		}
	}
}

/* --- DWCONV ---------------------------------------------------------------------- */

static void interleave(const struct kernel_rows *rows)
{
	generic_interleave(rows);
}

KERNEL_INLINE int32x4_t multiply_add(int32x4_t sum, int16x8_t x, int16x8_t w,
				     bool is_high)
{
	return is_high ? vmlal_high_s16(sum, x, w) :
			 vmlal_s16(sum, vget_low_s16(x), vget_low_s16(w));
}

/* What a pair of rows adds to the sums of a pixel. */
KERNEL_INLINE void add_taps(int32x4_t sum[QUADS], const int16_t *x,
			    const int16_t *w, uint32_t taps, uint32_t tap_step)
{
	uint32_t t, q;

	for (t = 0; t < taps; t++) {
		for (q = 0; q < 2 * QUADS; q++)
			sum[q % QUADS] = multiply_add(
				sum[q % QUADS], vld1q_s16(x + q / 2 * 8),
				vld1q_s16(w + q / 2 * 8), q % 2);
		x += 2 * KERNEL_BLOCK * tap_step;
		w += 2 * KERNEL_BLOCK;
	}
}

static void taps(const struct kernel_taps *t)
{
	const uint32_t cell = 2 * KERNEL_BLOCK;
	int32x4_t sum[QUADS];
	uint32_t p, i, q;

	for (p = 0; p < t->pixels; p++) {
		int32_t *sums = t->sums + p * KERNEL_BLOCK;

		for (q = 0; q < QUADS; q++)
			sum[q] = t->is_first ? vdupq_n_s32(0) :
					       vld1q_s32(sums + 4 * q);
		for (i = 0; i < t->pairs; i++)
			add_taps(sum,
				 t->cells + (i * t->columns +
					     p * t->pixel_step) * cell,
				 t->weights + i * t->taps * cell, t->taps,
				 t->tap_step);
		for (q = 0; q < QUADS; q++)
			vst1q_s32(sums + 4 * q, sum[q]);
	}
}

/* --- Output ----------------------------------------------------------------------- */

/*
 * generic_rescale() of four channels. The instruction for the product rounds as it
 * does, as none is -2^31; that for the shift rounds halves up, which is away from
 * zero for negative ones that are made one less.
 */
KERNEL_INLINE int32x4_t rescale(int32x4_t x, int32x4_t mult, int32x4_t left,
				int32x4_t right)
{
	int32x4_t down = vnegq_s32(right);

	x = vqrdmulhq_s32(vshlq_s32(x, left), mult);
	x = vqaddq_s32(x, vshrq_n_s32(vandq_s32(x, down), 31));
	return vrshlq_s32(x, down);
}

KERNEL_INLINE int32x4_t scale_float(const struct kernel_output *o,
				    int32x4_t sums, uint32_t c)
{
	float32x4_t x = vmulq_f32(vcvtq_f32_s32(sums), vld1q_f32(o->factor + c));

	/* not a number: the lower bound */
	x = vmaxnmq_f32(x, vdupq_n_f32((float)(o->min - o->zero)));
	x = vminnmq_f32(x, vdupq_n_f32((float)(o->max - o->zero)));
	return vaddq_s32(vcvtnq_s32_f32(x), vdupq_n_s32(o->zero));
}

KERNEL_INLINE int32x4_t output_quad(const struct kernel_output *o,
				    const int32_t *sums, uint32_t p, uint32_t c)
{
	int32x4_t x = vaddq_s32(vld1q_s32(sums + c), vld1q_s32(o->offset + c));

	if (o->cells)
		x = vmlsq_s32(x, vdupq_n_s32(o->cells[p]),
			      vld1q_s32(o->weight_zero + c));
	if (o->factor)
		return scale_float(o, x, c);
	x = rescale(x, vld1q_s32(o->mult + c), vld1q_s32(o->left + c),
		    vld1q_s32(o->right + c));
	x = vaddq_s32(x, vdupq_n_s32(o->zero));
	x = vmaxq_s32(x, vdupq_n_s32(o->min));
	return vminq_s32(x, vdupq_n_s32(o->max));
}

KERNEL_INLINE void output_block(const struct kernel_output *o, int8_t *out,
				const int32_t *sums, uint32_t p, uint32_t c)
{
	int16x8_t low = vcombine_s16(
		vmovn_s32(output_quad(o, sums, p, c)),
		vmovn_s32(output_quad(o, sums, p, c + 4)));
	int16x8_t high = vcombine_s16(
		vmovn_s32(output_quad(o, sums, p, c + 8)),
		vmovn_s32(output_quad(o, sums, p, c + 12)));
	int8_t bytes[KERNEL_BLOCK];

	vst1q_s8(bytes, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
	memcpy(out + c, bytes, generic_block(o->channels, c));
}

static void output(const struct kernel_output *o)
{
	const int32_t *sums = o->sums;
	int8_t *out = o->out;
	uint32_t p, c;

	for (p = 0; p < o->pixels; p++) {
		for (c = 0; c < o->channels; c += KERNEL_BLOCK)
			output_block(o, out, sums, p, c);
		sums += o->sum_pitch;
		out += o->out_step;
	}
}

static void decode(struct kernel_decode *d)
{
	generic_decode(d);
}

const struct kernels npu_kernels_neon = {
	.name = "neon",
	.is_supported = is_supported,
	.operand_size = sizeof(int16_t),
	.make_operand = make_operand,
	.dot = dot_narrow,
	.add_cells = add_cells,
	.interleave = interleave,
	.taps = taps,
	.output = output,
	.decode = decode,
};

const struct kernels npu_kernels_neon_dot = {
	.name = "neon-dot",
	.is_supported = has_dot,
	.operand_size = 1,
	.is_unsigned = true,
	.make_operand = make_bytes,
	.dot = dot_bytes,
	.add_cells = add_byte_cells,
	.interleave = interleave,
	.taps = taps,
	.output = output,
	.decode = decode,
};
#endif
