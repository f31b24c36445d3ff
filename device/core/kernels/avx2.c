// SPDX-License-Identifier: MIT
/*
 * The loops for x86 processors with AVX2. Operands are int16: a multiply-add of
 * 16 of them with 16 widened weights gives sums of two, for four channels.
 */
#ifdef __x86_64__
#include "avx2.h"

/* Sums that stay in registers: of so many pixels, or so many fours of channels. */
#define TILE_PIXELS 6
#define TILE_VECTORS 4

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
	__m256i *at = (__m256i *)sums, sum;
	__m256 l = _mm256_castsi256_ps(low), h = _mm256_castsi256_ps(high);

	sum = _mm256_add_epi32(
		_mm256_castps_si256(_mm256_shuffle_ps(l, h, 0x88)),
		_mm256_castps_si256(_mm256_shuffle_ps(l, h, 0xdd)));
	sum = _mm256_permute4x64_epi64(sum, _MM_SHUFFLE(3, 1, 2, 0));
	if (!is_first)
		sum = _mm256_add_epi32(_mm256_loadu_si256(at), sum);
	_mm256_storeu_si256(at, sum);
}

/* Sums of a tile; it is of so many pixels, and vectors of four channels each. */
struct tile {
	__m256i sum[TILE_PIXELS][TILE_VECTORS];
};

/*
 * Each pixel's four operands from @k on, times their weights: added to the sums, which
 * they are if @is_first.
 */
AVX2 KERNEL_INLINE void tile_step(struct tile *tile, const int16_t *const *x,
				  uint32_t k, uint32_t pixels, const int8_t *w,
				  uint32_t vectors, bool is_first)
{
	__m256i weights[TILE_VECTORS];
	uint32_t i, v;

	for (v = 0; v < vectors; v++)
		weights[v] = load_weights(w + 16 * v);
	for (i = 0; i < pixels; i++) {
		__m256i four = load_operand(x[i] + k);

		for (v = 0; v < vectors; v++) {
			__m256i two = _mm256_madd_epi16(four, weights[v]);

			tile->sum[i][v] = is_first ? two : _mm256_add_epi32(
				tile->sum[i][v], two);
		}
	}
}

/*
 * @pixels from @p on, @vectors of four channels each of a block of @n, from channel @c
 * on.
 */
AVX2 KERNEL_INLINE void tile(const struct kernel_dot *dot, uint32_t p,
			     uint32_t pixels, uint32_t c, uint32_t vectors,
			     uint32_t n)
{
	const int8_t *w = generic_weights(dot, c & ~(KERNEL_BLOCK - 1), n) +
			  4 * (c & (KERNEL_BLOCK - 1));
	int32_t *sums = dot->sums + (size_t)p * dot->sum_pitch + c;
	const int16_t *x[TILE_PIXELS];
	uint32_t r = 0, k, i, v;
	struct tile tile;

	for (i = 0; i < pixels; i++)
		x[i] = dot->windows[p + i];
	tile_step(&tile, x, 0, pixels, w, vectors, true);
	w += 4 * n;
	k = 4;
	do {
		for (; k < dot->row_depth; k += 4, w += 4 * n)
			tile_step(&tile, x, k, pixels, w, vectors, false);
		for (i = 0; i < pixels; i++)
			x[i] += dot->row_step;
		k = 0;
	} while (++r < dot->rows);
	for (i = 0; i < pixels; i++, sums += dot->sum_pitch)
		for (v = 0; v < vectors; v += 2)
			put_sums(sums + 4 * v, !dot->first, tile.sum[i][v],
				 tile.sum[i][v + 1]);
}

/* Many pixels share weights, few share operands. */
AVX2 KERNEL_INLINE void tiles(const struct kernel_dot *dot, uint32_t c,
			      uint32_t n)
{
	const uint32_t vectors = n / 4;
	uint32_t p = 0, v;

	for (; p + TILE_PIXELS <= dot->pixels; p += TILE_PIXELS)
		for (v = 0; v < vectors; v += 2)
			tile(dot, p, TILE_PIXELS, c + 4 * v, 2, n);
	for (; p + 2 <= dot->pixels; p += 2)
		tile(dot, p, 2, c, vectors, n);
	if (p < dot->pixels)
		tile(dot, p, 1, c, vectors, n);
}

AVX2 static void dot(const struct kernel_dot *dot)
{
	uint32_t c;

	for (c = 0; c < dot->channels; c += KERNEL_BLOCK) {
		uint32_t n = generic_block(dot->channels, c);

		if (n == KERNEL_BLOCK)
			tiles(dot, c, KERNEL_BLOCK);
		else if (n == KERNEL_BLOCK / 2)
			tiles(dot, c, KERNEL_BLOCK / 2);
		else
			generic_dot_block(dot, c, n);
	}
}

/* @sum, of four that are to be added up, and @count operands. */
AVX2 KERNEL_INLINE __m128i add_row(__m128i sum, const int16_t *x, uint32_t count)
{
	const __m256i ones = _mm256_set1_epi16(1);
	const __m128i one = _mm256_castsi256_si128(ones);
	__m256i wide = _mm256_setzero_si256();
	uint32_t k = 0;

	for (; k + 16 <= count; k += 16)
		wide = _mm256_add_epi32(wide, _mm256_madd_epi16(
			_mm256_loadu_si256((const __m256i *)(x + k)), ones));
	for (; k + 4 <= count; k += 4)
		sum = _mm_add_epi32(sum, _mm_madd_epi16(
			_mm_loadl_epi64((const __m128i *)(x + k)), one));
	for (; k < count; k++)
		sum = _mm_add_epi32(sum, _mm_cvtsi32_si128(x[k]));
	sum = _mm_add_epi32(sum, _mm256_castsi256_si128(wide));
	return _mm_add_epi32(sum, _mm256_extracti128_si256(wide, 1));
}

AVX2 static void add_cells(const struct kernel_dot *dot, int32_t *cells)
{
	uint32_t p, r;

	for (p = 0; p < dot->pixels; p++) {
		const int16_t *x = dot->windows[p];
		__m128i sum = _mm_cvtsi32_si128(cells[p]);

		for (r = 0; r < dot->rows; r++, x += dot->row_step)
			sum = add_row(sum, x, dot->row_depth);
		sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
		sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
		cells[p] = _mm_cvtsi128_si32(sum);
	}
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

/* Channels of a vector of sums, and vectors whose results are packed at a time. */
#define LANES 8
#define ROUND 4

/* Whose results are put somewhere else first at a time. */
#define SOME_PIXELS 8

enum scaling { ANY, MERGED, CUT, FLOAT };

/* What is added to sums; nothing to avx2_wide.c's, which has no offsets for them. */
enum addends { NOTHING, OFFSETS, CELLS };

/* The factors of eight channels, those that the scaling wants. */
struct factors {
	__m256i offset, weight_zero;
	struct merged merged;
	__m256i mult, left, right;
	__m256 factor;
};

/* The output stage of one or two such vectors. */
struct output {
	size_t pitch, step;
	uint32_t vectors;
	enum scaling scaling;
	enum addends addends;
	struct factors factors[2];
	__m256i zero;
	__m256 low, high; /* of scaled sums, as float */
	__m256i min, max; /* of bytes */
};

AVX2 KERNEL_INLINE struct factors load_factors(const struct kernel_output *o,
					       uint32_t c, enum scaling scaling,
					       enum addends addends)
{
	struct factors f;

	if (addends != NOTHING)
		f.offset = load(o->offset + c);
	if (addends == CELLS)
		f.weight_zero = load(o->weight_zero + c);
	if (scaling == FLOAT) {
		f.factor = _mm256_loadu_ps(o->factor + c);
	} else if (scaling == ANY) {
		f.mult = load(o->mult + c);
		f.left = load(o->left + c);
		f.right = load(o->right + c);
	} else {
		f.merged = load_merged(o, c);
	}
	return f;
}

/* Eight sums with all that is added to them. @cell: of their pixel */
AVX2 KERNEL_INLINE __m256i add_addends(__m256i x, int32_t cell,
				       const struct factors *f,
				       enum addends addends)
{
	if (addends != NOTHING)
		x = _mm256_add_epi32(x, f->offset);
	if (addends == CELLS)
		x = _mm256_sub_epi32(x, _mm256_mullo_epi32(
			_mm256_set1_epi32(cell), f->weight_zero));
	return x;
}

AVX2 KERNEL_INLINE __m256i scale_float(__m256i sums, __m256 factor,
				       const struct output *output)
{
	__m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), factor);

	x = _mm256_max_ps(x, output->low); /* not a number: low */
	x = _mm256_min_ps(x, output->high);
	x = _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	return _mm256_add_epi32(_mm256_cvttps_epi32(x), output->zero);
}

/* Results that clamped to bytes are as if they had been clamped here. */
AVX2 KERNEL_INLINE __m256i scale(__m256i sums, const struct factors *f,
				 const struct output *output)
{
	if (output->scaling == FLOAT)
		return scale_float(sums, f->factor, output);
	if (output->scaling == ANY)
		return _mm256_add_epi32(rescale(sums, f->mult, f->left,
						f->right), output->zero);
	return merged_scale(sums, &f->merged, output->scaling == CUT);
}

/* Results as bytes, one vector's behind the other's. */
AVX2 KERNEL_INLINE __m256i pack(const __m256i *x, const struct output *output)
{
	const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
	__m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(x[0], x[1]),
					   _mm256_packs_epi32(x[2], x[3]));

	bytes = _mm256_max_epi8(bytes, output->min);
	bytes = _mm256_min_epi8(bytes, output->max);
	return _mm256_permutevar8x32_epi32(bytes, order);
}

/* One or two vectors' bytes. */
AVX2 KERNEL_INLINE void store(int8_t *out, uint32_t vectors, __m128i bytes)
{
	if (vectors == 2)
		_mm_storeu_si128((__m128i *)out, bytes);
	else
		_mm_storel_epi64((__m128i *)out, bytes);
}

/* At most as many pixels as fill a round. */
AVX2 KERNEL_INLINE void output_pixels(const struct output *output, int8_t *out,
				      const int32_t *sums, const int32_t *cells,
				      uint32_t pixels)
{
	const uint32_t vectors = output->vectors, all = pixels * vectors;
	__m256i x[ROUND], bytes;
	uint32_t i;

#pragma GCC unroll 4
	for (i = 0; i < ROUND; i++) {
		uint32_t p = i / vectors, v = i % vectors;

		if (i >= all) {
			x[i] = x[0];
			continue;
		}
		x[i] = load(sums + p * output->pitch + LANES * v);
		x[i] = add_addends(x[i], output->addends == CELLS ? cells[p] : 0,
				   &output->factors[v], output->addends);
		x[i] = scale(x[i], &output->factors[v], output);
	}
	bytes = pack(x, output);
#pragma GCC unroll 4
	for (i = 0; i < all; i += vectors, out += output->step) {
		__m128i half = i < 2 ? _mm256_castsi256_si128(bytes) :
				       _mm256_extracti128_si256(bytes, 1);

		store(out, vectors, i % 2 ? _mm_unpackhi_epi64(half, half) :
					    half);
	}
}

AVX2 KERNEL_INLINE void output_channels(const struct kernel_output *o,
					int8_t *out, uint32_t c, uint32_t vectors,
					enum scaling scaling,
					enum addends addends)
{
	const uint32_t round = ROUND / vectors, pixels = o->pixels;
	const int32_t *sums = o->sums + c, *cells = o->cells;
	struct output output = {
		.pitch = o->sum_pitch,
		.step = o->out_step,
		.vectors = vectors,
		.scaling = scaling,
		.addends = addends,
		.zero = _mm256_set1_epi32(o->zero),
		.low = _mm256_set1_ps((float)(o->min - o->zero)),
		.high = _mm256_set1_ps((float)(o->max - o->zero)),
		.min = _mm256_set1_epi8((char)o->min),
		.max = _mm256_set1_epi8((char)o->max),
	};
	uint32_t p = 0, v;

	for (v = 0; v < vectors; v++)
		output.factors[v] = load_factors(o, c + LANES * v, scaling,
						 addends);
	for (; p + round <= pixels; p += round) {
		output_pixels(&output, out, sums, cells, round);
		if (addends == CELLS)
			cells += round;
		sums += round * output.pitch;
		out += round * output.step;
	}
	for (; p < pixels; p++) {
		output_pixels(&output, out, sums, cells, 1);
		if (addends == CELLS)
			cells++;
		sums += output.pitch;
		out += output.step;
	}
}

/* Making factors fit for being merged takes as long as scaling two pixels. */
AVX2 KERNEL_INLINE void output_scaled(const struct kernel_output *o, int8_t *out,
				      uint32_t c, uint32_t vectors,
				      enum addends addends)
{
	if (o->factor)
		output_channels(o, out, c, vectors, FLOAT, addends);
	else if (o->pixels <= 2 || !can_merge(o, c) ||
		 !can_merge(o, c + LANES * (vectors - 1)))
		output_channels(o, out, c, vectors, ANY, addends);
	else if (o->min >= o->zero)
		output_channels(o, out, c, vectors, CUT, addends);
	else
		output_channels(o, out, c, vectors, MERGED, addends);
}

/* Channels from @c on; the first one of the first pixel's to @out. */
AVX2 KERNEL_INLINE void output_vectors(const struct kernel_output *o, int8_t *out,
				       uint32_t c, uint32_t vectors)
{
	if (o->cells)
		output_scaled(o, out, c, vectors, CELLS);
	else if (o->offset)
		output_scaled(o, out, c, vectors, OFFSETS);
	else
		output_scaled(o, out, c, vectors, NOTHING);
}

/* Two vectors, of which @n channels are wanted, by way of some other place. */
AVX2 static void output_some(const struct kernel_output *o, uint32_t c,
			     uint32_t n)
{
	int8_t some[SOME_PIXELS * KERNEL_BLOCK];
	struct kernel_output part = *o;
	uint32_t p, i;

	part.out_step = KERNEL_BLOCK;
	for (p = 0; p < o->pixels; p += part.pixels) {
		part.pixels = o->pixels - p < SOME_PIXELS ? o->pixels - p :
							    SOME_PIXELS;
		part.sums = o->sums + (size_t)p * o->sum_pitch;
		part.cells = o->cells ? o->cells + p : NULL;
		output_vectors(&part, some, c, 2);
		for (i = 0; i < part.pixels; i++)
			memcpy(o->out + (size_t)(p + i) * o->out_step + c,
			       some + i * KERNEL_BLOCK, n);
	}
}

AVX2 static void output(const struct kernel_output *o)
{
	uint32_t c;

	for (c = 0; c < o->channels; c += KERNEL_BLOCK) {
		uint32_t n = generic_block(o->channels, c);

		if (n == KERNEL_BLOCK)
			output_vectors(o, o->out + c, c, 2);
		else if (n == LANES)
			output_vectors(o, o->out + c, c, 1);
		else
			output_some(o, c, n);
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

/* --- Sums of two tensors ------------------------------------------------------- */

struct term {
	__m256i zero, mult, left, right;
};

AVX2 KERNEL_INLINE struct term load_term(const struct kernel_term *t)
{
	return (struct term){
		.zero = _mm256_set1_epi32(t->zero),
		.mult = _mm256_set1_epi32(t->mult),
		.left = _mm256_set1_epi32((int32_t)t->left),
		.right = _mm256_set1_epi32((int32_t)t->right),
	};
}

/* Eight elements. */
AVX2 KERNEL_INLINE __m256i term_of(const int8_t *x, const struct term *t)
{
	__m256i wide = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)x));

	return rescale(_mm256_sub_epi32(wide, t->zero), t->mult, t->left,
		       t->right);
}

AVX2 KERNEL_INLINE void sum8(int32_t *to, const int8_t *x, const int8_t *y,
			     const struct term *a, const struct term *b,
			     bool is_difference)
{
	__m256i left = term_of(x, a), right = term_of(y, b);

	left = is_difference ? _mm256_sub_epi32(left, right) :
			       _mm256_add_epi32(left, right);
	_mm256_storeu_si256((__m256i *)to, left);
}

AVX2 KERNEL_INLINE void sums_of(const struct kernel_sum *sum, bool is_difference)
{
	const struct term a = load_term(&sum->a), b = load_term(&sum->b);
	uint32_t i = 0, rest = sum->count % LANES;
	int8_t x[LANES] = { 0 }, y[LANES] = { 0 };
	int32_t sums[LANES];

	for (; i + LANES <= sum->count; i += LANES)
		sum8(sum->sums + i, sum->x + i, sum->y + i, &a, &b,
		     is_difference);
	if (!rest)
		return;
	memcpy(x, sum->x + i, rest);
	memcpy(y, sum->y + i, rest);
	sum8(sums, x, y, &a, &b, is_difference);
	memcpy(sum->sums + i, sums, rest * sizeof(*sums));
}

AVX2 static void sum(const struct kernel_sum *sum)
{
	if (sum->is_difference)
		sums_of(sum, true);
	else
		sums_of(sum, false);
}

/* --- Floats -------------------------------------------------------------------- */

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
	.sum = sum,
	.wide = &npu_kernels_avx2_wide,
};
#endif
