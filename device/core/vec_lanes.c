// SPDX-License-Identifier: MIT
/*
 * The instructions of VPROG, a loop each; see vec_lanes.h. All are defined for
 * all values. Loops are plain, for the C compiler to vectorise.
 */
#include "vec_lanes.h"

#include "fixed_functions.h"
#include "kernels/kernels.h"

#include <stddef.h>
#include <string.h>

#define MAX_SHIFT 31
#define NAN_BITS 0x7fc00000u

static uint32_t amount(int32_t bits)
{
	return bits < 0 ? 0 : bits > MAX_SHIFT ? MAX_SHIFT : (uint32_t)bits;
}

static int32_t common_bits(int32_t x, int32_t y)
{
	return x & y;
}

static int32_t divide(int32_t x, int32_t y)
{
	return y == 0 ? 0 : y == -1 ? fixed_sub(0, x) : x / y;
}

static float to_float(int32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* There is one NaN: what its other bits are differs between hosts. */
static int32_t from_float(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return (int32_t)(value != value ? NAN_BITS : bits);
}

/*
 * To the nearest, halves to even, saturating; NaN is 0. A double has no bits
 * left for a fraction next to 1.5 x 2^52.
 */
static int32_t float_to_int(float value)
{
	const double least = INT32_MIN, most = INT32_MAX, magic = 0x1.8p52;
	double x = value;

	if (value != value)
		return 0;
	x = x < least ? least : x > most ? most : x;
	return (int32_t)((x + magic) - magic);
}

/*
 * a x b + c, rounded once. The product is exact as a double; their sum is rounded
 * to odd there, which leaves enough for rounding it again to a float.
 */
static float multiply_add(float a, float b, float c)
{
	double product = (double)a * b, sum = product + c;
	double other = sum - product;
	double error = (product - (sum - other)) + (c - other);
	uint64_t bits;

	memcpy(&bits, &sum, sizeof(bits));
	if (error != 0 && sum - sum == 0 && !(bits & 1)) {
		bits += (error > 0) == (sum > 0) ? 1 : -1;
		memcpy(&sum, &bits, sizeof(sum));
	}
	return (float)sum;
}

#define BINARY(name, result)                                                 \
	static void name(int32_t *restrict to, const int32_t *restrict a,    \
			 const int32_t *restrict b, uint32_t count)          \
	{                                                                    \
		uint32_t i;                                                  \
									     \
		for (i = 0; i < count; i++) {                                \
			int32_t x = a[i], y = b[i];                          \
									     \
			to[i] = result;                                      \
		}                                                            \
	}

BINARY(binary_add, fixed_add(x, y))
BINARY(binary_sub, fixed_sub(x, y))
BINARY(binary_mul, (int32_t)((uint32_t)x * (uint32_t)y))
BINARY(binary_min, x < y ? x : y)
BINARY(binary_max, x > y ? x : y)
BINARY(binary_and, common_bits(x, y))
BINARY(binary_or, x | y)
BINARY(binary_xor, x ^ y)
BINARY(binary_shl, fixed_shift_left(x, amount(y)))
BINARY(binary_shr, x >> amount(y))
BINARY(binary_rdivp, fixed_shift_right(x, amount(y)))
BINARY(binary_srdhm, fixed_high_mul(x, y))
BINARY(binary_div, divide(x, y))
BINARY(binary_eq, x == y)
BINARY(binary_ne, x != y)
BINARY(binary_lt, x < y)
BINARY(binary_le, x <= y)
BINARY(binary_fadd, from_float(to_float(x) + to_float(y)))
BINARY(binary_fsub, from_float(to_float(x) - to_float(y)))
BINARY(binary_fmul, from_float(to_float(x) * to_float(y)))
BINARY(binary_fdiv, from_float(to_float(x) / to_float(y)))

#define UNARY(name, result)                                                  \
	static void name(int32_t *restrict to, const int32_t *restrict a,    \
			 uint32_t count)                                     \
	{                                                                    \
		uint32_t i;                                                  \
									     \
		for (i = 0; i < count; i++) {                                \
			int32_t x = a[i];                                    \
									     \
			to[i] = result;                                      \
		}                                                            \
	}

UNARY(unary_abs, x < 0 ? fixed_sub(0, x) : x)
UNARY(unary_clz, (int32_t)fixed_leading_zeros(x))
UNARY(unary_itof, from_float((float)x))
UNARY(unary_ftoi, float_to_int(to_float(x)))

/* Dear ones are computed once where neighbours are equal: after reductions. */
#define DEAR(name, result)                                                   \
	static void name(int32_t *restrict to, const int32_t *restrict a,    \
			 uint32_t count)                                     \
	{                                                                    \
		uint32_t i;                                                  \
									     \
		for (i = 0; i < count; i++) {                                \
			int32_t x = a[i];                                    \
									     \
			to[i] = i && x == a[i - 1] ? to[i - 1] : result;     \
		}                                                            \
	}

DEAR(unary_exp, fixed_exp_negative(x < 0 ? x : 0))
DEAR(unary_log, fixed_log(x))
DEAR(unary_recip, fixed_reciprocal(x > 0 ? x : 0))
DEAR(unary_rsqrt, fixed_rsqrt(x).mult)
DEAR(unary_rsqrt_shift, fixed_rsqrt(x).shift)

static void scale(int32_t *restrict to, const int32_t *restrict a,
		  const struct npu_vinsn *insn, uint32_t count)
{
	struct fixed_scale factor = fixed_scale(insn->imm, (int8_t)insn->src2);
	uint32_t i;

	for (i = 0; i < count; i++)
		to[i] = fixed_rescale(a[i], &factor);
}

static void clamp(int32_t *restrict to, const int32_t *restrict a,
		  const struct npu_vinsn *insn, uint32_t count)
{
	int32_t min = (int16_t)insn->imm, max = (int16_t)(insn->imm >> 16);
	uint32_t i;

	for (i = 0; i < count; i++)
		to[i] = a[i] < min ? min : a[i] > max ? max : a[i];
}

static int32_t within(int32_t x, int32_t last)
{
	return x < 0 ? 0 : x > last ? last : x;
}

static int32_t entry16(const uint8_t *table, int32_t index)
{
	int16_t entry;

	memcpy(&entry, table + 2 * index, sizeof(entry));
	return entry;
}

static void table8(int32_t *restrict to, const int32_t *restrict a,
		   const uint8_t *table, int32_t last, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		to[i] = (int8_t)table[within(a[i], last)];
}

static void table16(int32_t *restrict to, const int32_t *restrict a,
		    const uint8_t *table, int32_t last, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		to[i] = entry16(table, within(a[i], last));
}

static void table32(int32_t *restrict to, const int32_t *restrict a,
		    const uint8_t *table, int32_t last, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		memcpy(&to[i], table + 4 * within(a[i], last), sizeof(to[i]));
}

static void interpolate(int32_t *restrict to, const int32_t *restrict a,
			const uint8_t *table, int32_t last, uint32_t bits,
			uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		int32_t x = within(a[i], last << bits);
		int32_t index = x >> bits == last ? last - 1 : x >> bits;
		int32_t base = entry16(table, index);
		uint32_t slope = (uint32_t)(entry16(table, index + 1) - base);
		uint32_t rest = (uint32_t)(x - (index << bits));

		to[i] = fixed_add(fixed_shift_left(base, bits),
				  (int32_t)(rest * slope));
	}
}

static void select_lanes(int32_t *restrict to, const int32_t *restrict is_first,
			 const int32_t *restrict a, const int32_t *restrict b,
			 uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		to[i] = is_first[i] ? a[i] : b[i];
}

void lanes_multiply_add(const struct kernels *kernels, int32_t *restrict to,
			const int32_t *restrict c, const int32_t *restrict a,
			const int32_t *restrict b, uint32_t count)
{
	uint32_t i;

	if (kernels->multiply_add) {
		kernels->multiply_add(to, c, a, b, count, (int32_t)NAN_BITS);
		return;
	}
	for (i = 0; i < count; i++)
		to[i] = from_float(multiply_add(to_float(a[i]), to_float(b[i]),
						to_float(c[i])));
}

static void multiply_add_lanes(int32_t *restrict to, const int32_t *restrict c,
			       const int32_t *restrict a,
			       const int32_t *restrict b, uint32_t count)
{
	lanes_multiply_add(npu_kernels_best(), to, c, a, b, count);
}

/* The loops of the forms BINARY and UNARY; the others are called by name. */
static const struct vop {
	void (*binary)(int32_t *restrict to, const int32_t *restrict a,
		       const int32_t *restrict b, uint32_t count);
	void (*unary)(int32_t *restrict to, const int32_t *restrict a,
		      uint32_t count);
} vops[UINT8_MAX + 1] = {
	[NPU_VOP_ADD] = { .binary = binary_add },
	[NPU_VOP_SUB] = { .binary = binary_sub },
	[NPU_VOP_MUL] = { .binary = binary_mul },
	[NPU_VOP_MIN] = { .binary = binary_min },
	[NPU_VOP_MAX] = { .binary = binary_max },
	[NPU_VOP_AND] = { .binary = binary_and },
	[NPU_VOP_OR] = { .binary = binary_or },
	[NPU_VOP_XOR] = { .binary = binary_xor },
	[NPU_VOP_SHL] = { .binary = binary_shl },
	[NPU_VOP_SHR] = { .binary = binary_shr },
	[NPU_VOP_RDIVP] = { .binary = binary_rdivp },
	[NPU_VOP_SRDHM] = { .binary = binary_srdhm },
	[NPU_VOP_DIV] = { .binary = binary_div },
	[NPU_VOP_EQ] = { .binary = binary_eq },
	[NPU_VOP_NE] = { .binary = binary_ne },
	[NPU_VOP_LT] = { .binary = binary_lt },
	[NPU_VOP_LE] = { .binary = binary_le },
	[NPU_VOP_FADD] = { .binary = binary_fadd },
	[NPU_VOP_FSUB] = { .binary = binary_fsub },
	[NPU_VOP_FMUL] = { .binary = binary_fmul },
	[NPU_VOP_FDIV] = { .binary = binary_fdiv },
	[NPU_VOP_ABS] = { .unary = unary_abs },
	[NPU_VOP_CLZ] = { .unary = unary_clz },
	[NPU_VOP_ITOF] = { .unary = unary_itof },
	[NPU_VOP_FTOI] = { .unary = unary_ftoi },
	[NPU_VOP_EXP] = { .unary = unary_exp },
	[NPU_VOP_LOG] = { .unary = unary_log },
	[NPU_VOP_RECIP] = { .unary = unary_recip },
	[NPU_VOP_RSQRT] = { .unary = unary_rsqrt },
	[NPU_VOP_RSQRT_SHIFT] = { .unary = unary_rsqrt_shift },
};

void lanes_init(struct lanes *lanes)
{
	uint32_t i;

	for (i = 0; i < NPU_VPROG_REGISTERS; i++)
		lanes->registers[i] = lanes->buffers[i];
	lanes->spare = lanes->buffers[NPU_VPROG_REGISTERS];
}

void lanes_fill(int32_t *to, int32_t value, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		to[i] = value;
}

static void look_up(int32_t *to, const int32_t *a, const struct npu_vinsn *insn,
		    const uint8_t *block, uint32_t count)
{
	const uint8_t *table = block + (insn->imm & UINT16_MAX);
	int32_t last = (int32_t)(insn->imm >> 16);

	switch (insn->op) {
	case NPU_VOP_LUT8:
		table8(to, a, table, last, count);
		break;
	case NPU_VOP_LUT16:
		table16(to, a, table, last, count);
		break;
	case NPU_VOP_LUT32:
		table32(to, a, table, last, count);
		break;
	case NPU_VOP_INTERP:
		interpolate(to, a, table, last, insn->src2, count);
		break;
	}
}

/* The second operand of an instruction that may have an immediate for it. */
static const int32_t *second(struct lanes *lanes, const struct npu_vinsn *insn,
			     uint32_t count)
{
	if (insn->src2 != NPU_VPROG_IMMEDIATE)
		return lanes->registers[insn->src2];
	lanes_fill(lanes->immediate, (int32_t)insn->imm, count);
	return lanes->immediate;
}

void lanes_compute(struct lanes *lanes, const struct npu_vinsn *insn,
		   enum npu_vform form, const uint8_t *block, uint32_t count)
{
	int32_t *to = lanes->spare, *old = lanes->registers[insn->dst];
	const int32_t *a = lanes->registers[insn->src1];

	switch (form) {
	case NPU_VFORM_CONST:
		lanes_fill(to, (int32_t)insn->imm, count);
		break;
	case NPU_VFORM_UNARY:
		vops[insn->op].unary(to, a, count);
		break;
	case NPU_VFORM_BINARY:
		vops[insn->op].binary(to, a, second(lanes, insn, count), count);
		break;
	case NPU_VFORM_SELECT:
		(insn->op == NPU_VOP_FMA ? multiply_add_lanes : select_lanes)(
			to, old, a, second(lanes, insn, count), count);
		break;
	case NPU_VFORM_SCALE:
		scale(to, a, insn, count);
		break;
	case NPU_VFORM_CLAMP:
		clamp(to, a, insn, count);
		break;
	case NPU_VFORM_TABLE:
	case NPU_VFORM_INTERP:
		look_up(to, a, insn, block, count);
		break;
	case NPU_VFORM_LOAD:
	case NPU_VFORM_STORE:
	case NPU_VFORM_REDUCE:
		return; /* these need to know where lanes come from */
	}
	lanes->registers[insn->dst] = to;
	lanes->spare = old;
}

#define LOAD(name, type)                                                    \
	static void name(int32_t *restrict to, const uint8_t *restrict from, \
			 int32_t add, uint32_t count)                       \
	{                                                                   \
		uint32_t i;                                                 \
									    \
		for (i = 0; i < count; i++) {                               \
			type element;                                       \
									    \
			memcpy(&element, from + i * sizeof(element),        \
			       sizeof(element));                            \
			to[i] = fixed_add(element, add);                    \
		}                                                           \
	}

LOAD(load_s8, int8_t)
LOAD(load_s16, int16_t)
LOAD(load_s32, int32_t)
LOAD(load_u8, uint8_t)

#define STORE(name, type, min, max)                                         \
	static void name(uint8_t *restrict to, const int32_t *restrict from, \
			 int32_t add, uint32_t count)                       \
	{                                                                   \
		uint32_t i;                                                 \
									    \
		for (i = 0; i < count; i++) {                               \
			int32_t x = fixed_add(from[i], add);                \
			type element = (type)(x < (min) ? (min) :           \
					      x > (max) ? (max) : x);       \
									    \
			memcpy(to + i * sizeof(element), &element,          \
			       sizeof(element));                            \
		}                                                           \
	}

STORE(store_s8, int8_t, INT8_MIN, INT8_MAX)
STORE(store_s16, int16_t, INT16_MIN, INT16_MAX)
STORE(store_s32, int32_t, INT32_MIN, INT32_MAX)
STORE(store_u8, uint8_t, 0, UINT8_MAX)

static const struct {
	void (*load)(int32_t *restrict to, const uint8_t *restrict from,
		     int32_t add, uint32_t count);
	void (*store)(uint8_t *restrict to, const int32_t *restrict from,
		      int32_t add, uint32_t count);
} types[NPU_TYPE_COUNT] = {
	[NPU_TYPE_S8] = { load_s8, store_s8 },
	[NPU_TYPE_S16] = { load_s16, store_s16 },
	[NPU_TYPE_S32] = { load_s32, store_s32 },
	[NPU_TYPE_U8] = { load_u8, store_u8 },
};

void lanes_load(int32_t *to, const uint8_t *from, enum npu_type type,
		int32_t add, uint32_t count)
{
	types[type].load(to, from, add, count);
}

void lanes_store(uint8_t *to, const int32_t *from, enum npu_type type,
		 int32_t add, uint32_t count)
{
	types[type].store(to, from, add, count);
}

static int32_t sum(const int32_t *from, uint32_t count)
{
	int32_t total = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		total = fixed_add(total, from[i]);
	return total;
}

/* -1 in @sign turns the smallest into the greatest: ~x falls as x rises. */
static int32_t greatest(const int32_t *from, int32_t sign, uint32_t count)
{
	int32_t most = from[0] ^ sign;
	uint32_t i;

	for (i = 1; i < count; i++)
		most = (from[i] ^ sign) > most ? from[i] ^ sign : most;
	return most ^ sign;
}

static uint32_t first_of(const int32_t *from, int32_t value)
{
	uint32_t i = 0;

	while (from[i] != value)
		i++;
	return i;
}

void lanes_reduce(struct lanes_reduction *r, unsigned int op,
		  const int32_t *from, uint32_t index, uint32_t count)
{
	int32_t sign = op == NPU_VOP_RMIN || op == NPU_VOP_ARGMIN ? -1 : 0;
	int32_t value;

	if (op == NPU_VOP_RSUM) {
		value = sum(from, count);
		r->value = index ? fixed_add(r->value, value) : value;
		return;
	}
	value = greatest(from, sign, count);
	if (index && (value ^ sign) <= (r->value ^ sign))
		return;
	r->value = value;
	r->index = index + first_of(from, value);
}

int32_t lanes_reduced(const struct lanes_reduction *r, unsigned int op)
{
	return op == NPU_VOP_ARGMAX || op == NPU_VOP_ARGMIN ?
		       (int32_t)r->index : r->value;
}
