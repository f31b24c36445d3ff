// SPDX-License-Identifier: MIT
/*
 * VPROG: programs by hand, random programs against an interpreter of the
 * manual's table in the plainest form, every rule of the checks broken alone,
 * and any bytes as a program.
 */
#include "engine.h"
#include "formulas.h"
#include "kernels/kernels.h"
#include "vec_lanes.h"

#include <npu/cost.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CMD npu_cmd_vprog
#define OFFSET(member) __builtin_offsetof(struct CMD, member)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define IMM NPU_VPROG_IMMEDIATE
#define BIG_SRAM (512u * 1024)
#define PROGRAM 0x40000u /* where programs lie */
#define TABLE 512u /* where in the block the tables begin */
#define BLOCK 4096u
#define BOUNDS(min, max) ((uint16_t)(min) | (uint32_t)(max) << 16)
#define ENTRIES(offset, count) ((offset) + (count) * 65536u - 65536u)

/* --- The manual's table, lane by lane ---------------------------------------- */

struct ref {
	const struct npu_cmd_vprog *cmd;
	const uint8_t *sram;
	const struct npu_vinsn *insn;
	int32_t (*r)[NPU_VPROG_REGISTERS]; /* of each lane */
};

static int64_t ref_element(const uint8_t *at, uint8_t type)
{
	switch (type) {
	case NPU_TYPE_S8:
		return (int8_t)at[0];
	case NPU_TYPE_U8:
		return at[0];
	case NPU_TYPE_S16:
		return (int16_t)(at[0] | at[1] << 8);
	}
	return (int32_t)(at[0] | at[1] << 8 | at[2] << 16 |
			 (uint32_t)at[3] << 24);
}

static uint32_t ref_place(const struct ref *ref, unsigned int operand, int y,
			  int x, int k)
{
	const struct npu_surface *s = &(&ref->cmd->a)[operand];
	uint32_t size = npu_type_size((&ref->cmd->a_type)[operand]);

	if (ref->cmd->flags >> operand & 1)
		k = 0;
	return s->addr + y * s->row_pitch + x * s->pixel_pitch + k * size;
}

static float ref_float(int32_t bits)
{
	union {
		int32_t bits;
		float value;
	} u = { .bits = bits };

	return u.value;
}

static int32_t ref_bits(float value)
{
	union {
		float value;
		int32_t bits;
	} u = { .value = value };

	return isnan(value) ? 0x7fc00000 : u.bits;
}

static int64_t ref_limit(int64_t x, int64_t min, int64_t max)
{
	return x < min ? min : x > max ? max : x;
}

static int32_t ref_binary(unsigned int op, int32_t a, int32_t b)
{
	int64_t x = a, y = b, bits = ref_limit(b, 0, 31);

	switch (op) {
	case NPU_VOP_ADD: return ref_wrap(x + y);
	case NPU_VOP_SUB: return ref_wrap(x - y);
	case NPU_VOP_MUL: return ref_wrap(x * y);
	case NPU_VOP_MIN: return x < y ? a : b;
	case NPU_VOP_MAX: return x < y ? b : a;
	case NPU_VOP_AND: return a & b;
	case NPU_VOP_OR: return a | b;
	case NPU_VOP_XOR: return a ^ b;
	case NPU_VOP_SHL: return ref_wrap(x * (1ll << bits));
	case NPU_VOP_SHR: return (int32_t)floor((double)x / (1ll << bits));
	case NPU_VOP_RDIVP: return ref_rdivp(a, (int)bits);
	case NPU_VOP_SRDHM: return ref_srdhm(a, b);
	case NPU_VOP_DIV: return y ? ref_wrap(x / y) : 0;
	case NPU_VOP_EQ: return x == y;
	case NPU_VOP_NE: return x != y;
	case NPU_VOP_LT: return x < y;
	case NPU_VOP_LE: return x <= y;
	case NPU_VOP_FADD: return ref_bits(ref_float(a) + ref_float(b));
	case NPU_VOP_FSUB: return ref_bits(ref_float(a) - ref_float(b));
	case NPU_VOP_FMUL: return ref_bits(ref_float(a) * ref_float(b));
	case NPU_VOP_FDIV: return ref_bits(ref_float(a) / ref_float(b));
	}
	fail_msg("operation %u", op);
	return 0;
}

static int ref_clz(int32_t x)
{
	int zeros = 0;

	while (zeros < 32 && !((uint32_t)x >> (31 - zeros) & 1))
		zeros++;
	return zeros;
}

static int32_t ref_add(int32_t x, int32_t y)
{
	return ref_wrap((int64_t)x + y);
}

/* Constants as fractions of 2^31 */
static int32_t ref_constant(double x)
{
	return (int32_t)lround(x * 2147483648.0);
}

static int32_t ref_log(int32_t x)
{
	double root = sqrt(sqrt(2));
	int32_t half_root = ref_constant(sqrt(.5));
	int zeros_a = ref_clz(x), zeros_b = ref_clz(ref_srdhm(x, half_root)) - 1;
	int32_t r_a, r_b, r, power_a, power_b, power, p, q, qq, num, den;

	if (x <= 0)
		return 0;
	r_a = ref_srdhm(ref_rescale(x, zeros_a - 1), half_root);
	r_a = ref_rescale(r_a, 1);
	r_b = ref_rescale(x, zeros_b);
	r = r_a < r_b ? r_a : r_b;
	power_a = (12 - zeros_a) * 33554432 + 8388608;
	power_b = (12 - zeros_b) * 33554432 - 8388608;
	power = power_a > power_b ? power_a : power_b;
	p = (int32_t)(((int64_t)r + ref_constant(1 / root) + 1) / 2);
	q = 2 * (r - ref_constant(1 / root));
	qq = ref_srdhm(q, q);
	num = ref_srdhm(q, r) + ref_srdhm(ref_srdhm(q, qq),
					  ref_constant(11 / 240. * root));
	den = ref_add(ref_constant(2 / root - root), q);
	den = ref_add(den, ref_srdhm(ref_constant(root / 20), qq));
	den = ref_add(ref_srdhm(p, den),
		      ref_srdhm(ref_constant(root / 4), q));
	return ref_rescale(ref_add(ref_srdhm(power, ref_constant(log(2))),
				   ref_srdhm(ref_rescale(num, -6),
					     ref_inverse(den))), 1);
}

static int32_t ref_rsqrt(int32_t a, int *shift)
{
	int32_t x = 1 << 28;
	int i;

	*shift = 0;
	if (a <= 1)
		return INT32_MAX;
	for (*shift = 11; a >= 1 << 29; ++*shift)
		a /= 4;
	for (; a < 1 << 27; --*shift)
		a *= 4;
	for (i = 0; i < 5; i++) {
		int32_t cube = ref_srdhm(ref_srdhm(x, x), x);
		int32_t more = ref_srdhm(3 << 27, x);
		int32_t less = ref_srdhm(ref_rdivp(a / 2, 1),
					 ref_rescale(cube, 6));

		x = ref_rescale(more - less, 3);
	}
	x = ref_srdhm(x, ref_constant(sqrt(.5)));
	for (; *shift < 0; ++*shift)
		x = ref_wrap(2ll * x);
	return x;
}

static int32_t ref_unary(unsigned int op, int32_t x)
{
	int shift;

	switch (op) {
	case NPU_VOP_ABS: return ref_wrap(llabs(x));
	case NPU_VOP_CLZ: return ref_clz(x);
	case NPU_VOP_ITOF: return ref_bits((float)x);
	case NPU_VOP_FTOI:
		return isnan(ref_float(x)) ? 0 :
			(int32_t)ref_limit((int64_t)rint(fmax(-1e10,
				fmin(1e10, ref_float(x)))), INT32_MIN,
				INT32_MAX);
	case NPU_VOP_EXP: return ref_exp(x < 0 ? x : 0);
	case NPU_VOP_LOG: return ref_log(x);
	case NPU_VOP_RECIP: return ref_inverse(x < 0 ? 0 : x);
	case NPU_VOP_RSQRT: return ref_rsqrt(x, &shift);
	case NPU_VOP_RSQRT_SHIFT:
		ref_rsqrt(x, &shift);
		return shift;
	}
	fail_msg("operation %u", op);
	return 0;
}

static int32_t ref_entry(const struct ref *ref, const struct npu_vinsn *insn,
			 uint8_t type, int64_t index)
{
	uint32_t at = ref->cmd->program + (insn->imm & 0xffff);

	return (int32_t)ref_element(ref->sram + at +
				    index * npu_type_size(type), type);
}

static int32_t ref_table(const struct ref *ref, const struct npu_vinsn *insn,
			 int32_t x)
{
	int64_t last = insn->imm >> 16, unit = 1ll << insn->src2, i, base;

	x = (int32_t)ref_limit(x, 0, insn->op == NPU_VOP_INTERP ? last * unit :
								  last);
	if (insn->op == NPU_VOP_LUT8)
		return ref_entry(ref, insn, NPU_TYPE_S8, x);
	if (insn->op == NPU_VOP_LUT16)
		return ref_entry(ref, insn, NPU_TYPE_S16, x);
	if (insn->op == NPU_VOP_LUT32)
		return ref_entry(ref, insn, NPU_TYPE_S32, x);
	i = ref_limit(x / unit, 0, last - 1);
	base = ref_entry(ref, insn, NPU_TYPE_S16, i);
	return ref_wrap(base * unit + (x - i * unit) *
			(ref_entry(ref, insn, NPU_TYPE_S16, i + 1) - base));
}

static int32_t ref_reduce(const struct ref *ref, const struct npu_vinsn *insn)
{
	int32_t best = 0, sum = 0, x, most;
	int k;

	for (k = 0; k < ref->cmd->channels; k++) {
		x = ref->r[k][insn->src1];
		most = ref->r[best][insn->src1];
		sum = ref_add(sum, x);
		if (insn->op == NPU_VOP_RMIN || insn->op == NPU_VOP_ARGMIN)
			best = x < most ? k : best;
		else
			best = x > most ? k : best;
	}
	if (insn->op == NPU_VOP_RSUM)
		return sum;
	return insn->op == NPU_VOP_ARGMAX || insn->op == NPU_VOP_ARGMIN ?
		best : ref->r[best][insn->src1];
}

static void ref_store(const struct ref *ref, const struct npu_vinsn *insn,
		      uint8_t *result, int y, int x, int k)
{
	static const int64_t min[] = { 0, INT8_MIN, INT16_MIN, INT32_MIN, 0 };
	static const int64_t max[] = { 0, INT8_MAX, INT16_MAX, INT32_MAX, 255 };
	uint8_t type = ref->cmd->ofm_type;
	int64_t v = ref_limit(ref_add(ref->r[k][insn->src1],
				      (int32_t)insn->imm), min[type],
			      max[type]);
	uint32_t i;

	if (ref->cmd->flags & NPU_VPROG_OFM_ONE && k)
		return;
	for (i = 0; i < npu_type_size(type); i++)
		result[ref_place(ref, 3, y, x, k) + i] = (uint8_t)(v >> 8 * i);
}

/* What an instruction that neither loads, stores nor reduces gives a lane. */
static int32_t ref_lane(const struct ref *ref, const struct npu_vinsn *insn,
			const int32_t *r)
{
	int32_t a = r[insn->src1], imm = (int32_t)insn->imm;
	int32_t b = insn->src2 < NPU_VPROG_REGISTERS ? r[insn->src2] : imm;

	switch (insn->op) {
	case NPU_VOP_CONST:
		return imm;
	case NPU_VOP_SELECT:
		return r[insn->dst] ? a : b;
	case NPU_VOP_FMA:
		return ref_bits(fmaf(ref_float(a), ref_float(b),
				     ref_float(r[insn->dst])));
	case NPU_VOP_SCALE:
		return ref_scale(a, insn->imm, (int8_t)insn->src2);
	case NPU_VOP_CLAMP:
		return (int32_t)ref_limit(a, (int16_t)imm, (int16_t)(imm >> 16));
	case NPU_VOP_LUT8:
	case NPU_VOP_LUT16:
	case NPU_VOP_LUT32:
	case NPU_VOP_INTERP:
		return ref_table(ref, insn, a);
	}
	if (insn->op >= NPU_VOP_ABS)
		return ref_unary(insn->op, a);
	return ref_binary(insn->op, a, b);
}

static void ref_insn(const struct ref *ref, const struct npu_vinsn *insn,
		     uint8_t *result, int y, int x)
{
	int32_t whole = 0;
	int k;

	if (insn->op >= NPU_VOP_RSUM)
		whole = ref_reduce(ref, insn);
	for (k = 0; k < ref->cmd->channels; k++) {
		int32_t *r = ref->r[k];

		if (insn->op == NPU_VOP_STORE)
			ref_store(ref, insn, result, y, x, k);
		else if (insn->op == NPU_VOP_LOAD)
			r[insn->dst] = ref_wrap((int32_t)insn->imm + ref_element(
				ref->sram + ref_place(ref, insn->src1, y, x, k),
				(&ref->cmd->a_type)[insn->src1]));
		else if (insn->op >= NPU_VOP_RSUM)
			r[insn->dst] = whole;
		else
			r[insn->dst] = ref_lane(ref, insn, r);
	}
}

static void ref_vprog(const struct npu_cmd_vprog *cmd, const uint8_t *sram,
		      uint8_t *result)
{
	static int32_t registers[UINT16_MAX][NPU_VPROG_REGISTERS];
	struct npu_vinsn insn[NPU_VPROG_MAX];
	struct ref ref = { cmd, sram, insn, registers };
	int y, x, i;

	memcpy(insn, sram + cmd->program, cmd->count * sizeof(insn[0]));
	for (y = 0; y < cmd->height; y++)
		for (x = 0; x < cmd->width; x++)
			for (i = 0; i < cmd->count; i++)
				ref_insn(&ref, &insn[i], result, y, x);
}

/* --- Programs ------------------------------------------------------------------ */

/* 2 x 3 pixels of 4 int8 to int8, one input; the program is put into SRAM. */
static union npu_cmd command(struct engine *e, const struct npu_vinsn *insn,
			     uint32_t count)
{
	union npu_cmd cmd = { .vprog = {
		.hdr.op = NPU_OP_VPROG,
		.a = { .addr = 0, .row_pitch = 12, .pixel_pitch = 4 },
		.ofm = { .addr = 256, .row_pitch = 12, .pixel_pitch = 4 },
		.height = 2, .width = 3, .channels = 4,
		.a_type = NPU_TYPE_S8, .ofm_type = NPU_TYPE_S8,
		.program = PROGRAM, .program_size = BLOCK,
		.count = (uint8_t)count,
		.steps = (npu_le16)npu_vprog_steps(insn, count),
	} };

	memcpy(e->ctx.sram + PROGRAM, insn, count * sizeof(*insn));
	return cmd;
}

/* Execute; SRAM has to be what the reference makes of it. */
static void compare(struct engine *e, const union npu_cmd *cmd)
{
	uint32_t size = e->ctx.sram_size;
	uint8_t *result = malloc(size);

	assert_non_null(result);
	memcpy(result, e->ctx.sram, size);
	ref_vprog(&cmd->vprog, e->ctx.sram, result);
	engine_run(e, cmd);
	assert_memory_equal(e->ctx.sram, result, size);
	free(result);
}

static int setup(void **state)
{
	return engine_setup(state) || engine_setup_sram(*state, BIG_SRAM);
}

/* The manual's worked example. */
static void test_rescale_by_hand(void **state)
{
	static const struct npu_vinsn insn[] = {
		{ NPU_VOP_LOAD, 0, 0, 0, (npu_le32)-3 },
		{ NPU_VOP_SCALE, 0, 0, 2, 1 << 30 },
		{ NPU_VOP_STORE, 0, 0, 0, (npu_le32)-1 },
	};
	struct engine *e = *state;
	union npu_cmd cmd = command(e, insn, COUNT(insn));

	memset(e->ctx.sram, 10, 24);
	e->ctx.sram[5] = 127;
	e->ctx.sram[23] = 0x80;
	engine_run(e, &cmd);
	assert_int_equal(cmd.vprog.steps, 1);
	assert_int_equal((int8_t)e->ctx.sram[256], 13);
	assert_int_equal((int8_t)e->ctx.sram[256 + 5], 127);
	assert_int_equal((int8_t)e->ctx.sram[256 + 23], -128);
}

/* The index of each pixel's greatest element, as int32. */
static void test_argmax_by_hand(void **state)
{
	static const struct npu_vinsn insn[] = {
		{ NPU_VOP_LOAD, 1, 0, 0, 0 },
		{ NPU_VOP_ARGMAX, 1, 1, 0, 0 },
		{ NPU_VOP_STORE, 0, 1, 0, 0 },
	};
	static const int8_t cells[24] = {
		1, 2, 3, 4, 4, 4, 3, 0, -1, -9, -1, -2,
		-128, -128, -128, -128, 0, 7, 7, 6, 5, 0, 0, 9,
	};
	struct engine *e = *state;
	union npu_cmd cmd = command(e, insn, COUNT(insn));

	cmd.vprog.ofm_type = NPU_TYPE_S32;
	cmd.vprog.flags = NPU_VPROG_OFM_ONE;
	memcpy(e->ctx.sram, cells, sizeof(cells));
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 256,
			    ((int32_t[]){ 3, 0, 0, 0, 1, 3 }), 24);
}

/* (3 - 2) / 4 of the way from -100 to 20: -70, in quarters -280. */
static void test_interpolation_by_hand(void **state)
{
	static const struct npu_vinsn insn[] = {
		{ NPU_VOP_LOAD, 1, 0, 0, 0 },
		{ NPU_VOP_INTERP, 2, 1, 2, ENTRIES(TABLE, 3) },
		{ NPU_VOP_STORE, 0, 2, 0, 0 },
	};
	static const int16_t table[] = { 300, -100, 20 };
	static const int8_t cells[] = { 5, -7, 0, 4, 8, 127, 7, 1 };
	struct engine *e = *state;
	union npu_cmd cmd = command(e, insn, COUNT(insn));

	cmd.vprog.ofm_type = NPU_TYPE_S16;
	cmd.vprog.ofm.pixel_pitch = 8;
	cmd.vprog.ofm.row_pitch = 24;
	memcpy(e->ctx.sram + PROGRAM + TABLE, table, sizeof(table));
	memcpy(e->ctx.sram, cells, sizeof(cells));
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram + 256,
			    ((int16_t[]){ -280, 1200, 1200, -400, 80, 80, -40,
					  800 }), 16);
}

static void near(double x, double y, double error)
{
	if (fabs(x - y) > error)
		fail_msg("%g is not near %g", x, y);
}

/* The functions are what their names say. */
static void test_functions_are_near_the_real_ones(void **state)
{
	int i, shift;

	for (i = 1; i < 2000; i++) {
		double x = i * i * 0.5;
		int32_t raw = (int32_t)(x * 524288 / 1000);
		int32_t n = i * i * 7 + 2;
		int32_t mult = ref_rsqrt(n, &shift);

		near(ref_log(raw) / 67108864., log(raw / 524288.), 1e-3);
		near(ldexp(mult, -31 - shift), 1 / sqrt(n), 1e-3 / sqrt(n));
		near(ref_exp(-i * 30000) / 2147483648.,
		     exp(-i * 30000 / 67108864.), 1e-6);
		near(ref_inverse(i * 1000000) / 2147483648.,
		     1 / (1 + i * 1000000 / 2147483648.), 1e-6);
	}
}

/* Products and sums that two roundings would get wrong now and then. */
static void test_multiply_add(void **state)
{
	static const struct npu_vinsn insn[] = {
		{ NPU_VOP_LOAD, 0, 0, 0, 0 },
		{ NPU_VOP_LOAD, 1, 1, 0, 0 },
		{ NPU_VOP_LOAD, 2, 2, 0, 0 },
		{ NPU_VOP_FMA, 2, 0, 1, 0 },
		{ NPU_VOP_STORE, 0, 2, 0, 0 },
	};
	struct engine *e = *state;
	union npu_cmd cmd = command(e, insn, COUNT(insn));
	struct npu_cmd_vprog *v = &cmd.vprog;
	int i, k;

	v->height = v->width = 1;
	v->channels = 1000;
	v->a_type = v->b_type = v->c_type = v->ofm_type = NPU_TYPE_S32;
	for (i = 0; i < 4; i++)
		(&v->a)[i] = (struct npu_surface){ 4096 * i, 0, 0 };
	for (k = 0; k < 50; k++) {
		float *x = (float *)e->ctx.sram;

		for (i = 0; i < 3 * 1024; i++)
			x[i] = ldexpf((float)engine_between(-(1 << 24), 1 << 24),
				      engine_between(-30, k % 2 ? -20 : 100));
		compare(e, &cmd);
	}
}

/* --- Random programs --------------------------------------------------------------- */

static const struct {
	uint8_t op;
	enum npu_vform form;
} all[] = {
#define ROW(name, code, form, steps, text) { code, form },
	NPU_VOPS(ROW)
#undef ROW
};

static struct npu_vinsn random_insn(uint32_t written)
{
	uint32_t kind = engine_between(2, COUNT(all) - 1);
	struct npu_vinsn insn = {
		.op = all[kind].op,
		.dst = (uint8_t)engine_between(0, 7),
		.src1 = (uint8_t)engine_between(0, written),
	};

	switch (all[kind].form) {
	case NPU_VFORM_CONST:
		insn.src1 = 0;
		insn.imm = engine_random();
		break;
	case NPU_VFORM_SELECT:
	case NPU_VFORM_BINARY:
		insn.src2 = (uint8_t)engine_between(0, written);
		if (engine_random() % 2) {
			insn.src2 = IMM;
			insn.imm = engine_random() % 2 ? engine_random() :
				(uint32_t)engine_between(-40, 40);
		}
		break;
	case NPU_VFORM_SCALE:
		insn.src2 = (uint8_t)engine_between(-31, 30);
		insn.imm = engine_random() >> 1;
		break;
	case NPU_VFORM_CLAMP:
		insn.imm = BOUNDS(engine_between(-32768, 0),
				  engine_between(0, 32767));
		break;
	case NPU_VFORM_INTERP:
		insn.src2 = (uint8_t)engine_between(1, 15);
		insn.imm = ENTRIES(TABLE, engine_between(2, 512));
		break;
	case NPU_VFORM_TABLE:
		insn.imm = ENTRIES(TABLE, engine_between(1, 512));
		break;
	default:
		break;
	}
	return insn;
}

static struct npu_surface random_surface(uint32_t addr, uint32_t w,
					 uint32_t bytes, bool may_repeat)
{
	uint32_t pixel = bytes + (engine_random() % 3 ? 0 :
				  engine_between(1, 9));
	uint32_t row = w * pixel +
		       (engine_random() % 3 ? 0 : engine_between(1, 9));

	if (may_repeat && engine_random() % 4 == 0)
		row = 0;
	if (may_repeat && engine_random() % 4 == 0)
		pixel = 0;
	return (struct npu_surface){ addr + engine_between(0, 3), (npu_le16)row,
				     (npu_le16)pixel };
}

/* Loads of all inputs, anything, and a store. */
static uint32_t random_program(struct npu_vinsn *insn)
{
	uint32_t count = (uint32_t)engine_between(4, 24), i;
	uint32_t reductions = 0;

	for (i = 0; i < 8; i++)
		insn[i] = (struct npu_vinsn){ NPU_VOP_LOAD, (uint8_t)i,
					      (uint8_t)(i % 3), 0,
					      engine_random() % 4 ? 0 :
					      engine_random() };
	for (; i < count + 7; i++) {
		do
			insn[i] = random_insn(7);
		while (insn[i].op >= NPU_VOP_RSUM && reductions >= 4);
		reductions += insn[i].op >= NPU_VOP_RSUM;
	}
	insn[i++] = (struct npu_vinsn){
		NPU_VOP_STORE, 0, (uint8_t)engine_between(0, 7), 0,
		engine_random() % 4 ? 0 : engine_random(),
	};
	return i;
}

static union npu_cmd random_command(struct engine *e, uint32_t h, uint32_t w,
				    uint32_t c)
{
	struct npu_vinsn insn[NPU_VPROG_MAX];
	uint32_t count = random_program(insn), i;
	union npu_cmd cmd = command(e, insn, count);
	struct npu_cmd_vprog *v = &cmd.vprog;
	bool is_in_place = engine_random() % 4 == 0;

	v->height = (npu_le16)h;
	v->width = (npu_le16)w;
	v->channels = (npu_le16)c;
	v->flags = is_in_place || engine_random() % 2 ? 0 :
							engine_random() & 15;
	for (i = 0; i < 4; i++) {
		uint8_t type = (uint8_t)engine_between(1, 4);
		uint32_t bytes = (v->flags >> i & 1 ? 1 : c) *
				 npu_type_size(type);

		(&v->a_type)[i] = type;
		(&v->a)[i] = random_surface(0x10000 * i, w, bytes, i < 3);
	}
	if (is_in_place) {
		v->a_type = v->ofm_type;
		v->a = v->ofm;
	}
	return cmd;
}

static void test_multiply_add_of_all_loops(void **state)
{
	static const int32_t some[] = { 0, INT32_MIN, 1, 0x00800000, 0x3f800000,
					0x7f7fffff, 0x7f800000, -0x00800000,
					0x7fc00001, 0x7f800001, -1, 0x4b000001 };
	int32_t a[67], b[67], c[67], to[67], expected;
	const struct kernels *const *k;
	uint32_t round, i;

	for (round = 0; round < 2000; round++) {
		for (i = 0; i < COUNT(a); i++) {
			bool is_near = engine_random() % 4;

			a[i] = some[engine_random() % COUNT(some)];
			a[i] = is_near ? (int32_t)engine_random() : a[i];
			b[i] = (int32_t)engine_random();
			c[i] = some[engine_random() % COUNT(some)];
			c[i] = is_near ? (int32_t)engine_random() : c[i];
		}
		for (k = npu_kernels_all; *k; k++) {
			if (!(*k)->is_supported())
				continue;
			lanes_multiply_add(*k, to, c, a, b, COUNT(a));
			for (i = 0; i < COUNT(a); i++) {
				float x, y, z;

				memcpy(&x, &a[i], 4);
				memcpy(&y, &b[i], 4);
				memcpy(&z, &c[i], 4);
				x = fmaf(x, y, z);
				memcpy(&expected, &x, 4);
				if (x != x)
					expected = 0x7fc00000;
				assert_int_equal(to[i], expected);
			}
		}
	}
}

static void test_random_programs(void **state)
{
	struct engine *e = *state;
	uint32_t i;

	for (i = 0; i < 2000; i++) {
		union npu_cmd cmd = random_command(e, engine_between(1, 4),
						   engine_between(1, 30),
						   engine_between(1, 40));

		engine_randomise(e->ctx.sram, 2000);
		compare(e, &cmd);
	}
}

/* Rows that are gone over in parts, once for each reduction. */
static void test_long_rows(void **state)
{
	struct engine *e = *state;
	uint32_t i;

	for (i = 0; i < 200; i++) {
		union npu_cmd cmd = random_command(e, engine_between(1, 2),
						   engine_between(1, 2),
						   engine_between(500, 1600));

		compare(e, &cmd);
	}
}

/* --- What is refused ---------------------------------------------------------------- */

static union npu_cmd small_command(struct engine *e)
{
	static const struct npu_vinsn insn[] = {
		{ NPU_VOP_LOAD, 0, 0, 0, 0 },
		{ NPU_VOP_CONST, 1, 0, 0, 5 },
		{ NPU_VOP_ADD, 1, 0, 1, 0 },
		{ NPU_VOP_SELECT, 1, 0, IMM, 9 },
		{ NPU_VOP_SCALE, 2, 1, 3, 77 },
		{ NPU_VOP_CLAMP, 2, 2, 0, BOUNDS(-3, 3) },
		{ NPU_VOP_LUT8, 3, 2, 0, ENTRIES(TABLE, 256) },
		{ NPU_VOP_INTERP, 3, 2, 4, ENTRIES(TABLE, 256) },
		{ NPU_VOP_ABS, 3, 2, 0, 0 },
		{ NPU_VOP_LUT16, 3, 2, 0, ENTRIES(TABLE, 256) },
		{ NPU_VOP_LUT32, 3, 2, 0, ENTRIES(TABLE, 256) },
		{ NPU_VOP_RSUM, 3, 3, 0, 0 },
		{ NPU_VOP_STORE, 0, 3, 0, 0 },
	};

	return command(e, insn, COUNT(insn));
}

static void test_bad_commands(void **state)
{
	static const struct engine_bad bad[] = {
		ENGINE_BAD(CMD, program, PROGRAM + 2, FIELD),
		ENGINE_BAD(CMD, program_size, 7, FIELD),
		ENGINE_BAD(CMD, program_size, 103, FIELD),
		ENGINE_BAD(CMD, height, 0, FIELD),
		ENGINE_BAD(CMD, width, 0, FIELD),
		ENGINE_BAD(CMD, channels, 0, FIELD),
		ENGINE_BAD(CMD, steps, 0, FIELD),
		ENGINE_BAD(CMD, steps, 100, FIELD),
		ENGINE_BAD(CMD, count, 0, FIELD),
		ENGINE_BAD(CMD, count, 33, FIELD),
		ENGINE_BAD(CMD, flags, 16, FIELD),
		ENGINE_BAD(CMD, flags, NPU_VPROG_B_ONE, FIELD),
		ENGINE_BAD(CMD, a_type, 5, FIELD),
		ENGINE_BAD(CMD, a_type, 0, FIELD),
		ENGINE_BAD(CMD, b_type, 1, FIELD),
		ENGINE_BAD(CMD, c_type, 4, FIELD),
		ENGINE_BAD(CMD, ofm_type, 0, FIELD),
		ENGINE_BAD(CMD, ofm_type, 5, FIELD),
		ENGINE_BAD(CMD, b.addr, 1, FIELD),
		ENGINE_BAD(CMD, c.addr, 1, FIELD),
		ENGINE_BAD(CMD, ofm.pixel_pitch, 3, FIELD),
		ENGINE_BAD(CMD, ofm.row_pitch, 11, FIELD),
	};
	struct engine *e = *state;
	union npu_cmd cmd = small_command(e), other;
	uint32_t i;

	for (i = 0; i < COUNT(bad); i++) {
		struct engine_bad one = bad[i];

		if (one.offset == OFFSET(a_type) && !one.value)
			one.info = OFFSET(a);
		other = cmd;
		other.vprog.a.addr = 1;
		engine_refuse_all(e, &other, &one, 1);
	}
	engine_refuse_reserved(e, &cmd, OFFSET(reserved), 4);
}

/* A byte of the program set to a value, and the member that is named. */
static void test_bad_programs(void **state)
{
	static const struct {
		uint8_t insn, byte, value, member;
	} bad[] = {
		{ 0, 0, 0xff, 0 }, /* no such code */
		{ 0, 0, NPU_VOP_STORE, 0 }, /* not last */
		{ 12, 0, NPU_VOP_ABS, 0 }, /* last, but no store */
		{ 12, 1, 1, 1 }, { 12, 2, 4, 2 }, { 12, 3, 1, 3 },
		{ 0, 1, 8, 1 }, { 0, 2, 1, 2 }, { 0, 2, 3, 2 }, { 0, 3, 1, 3 },
		{ 1, 2, 1, 2 }, { 1, 3, 1, 3 },
		{ 2, 2, 2, 2 }, { 2, 3, 2, 3 }, { 2, 3, 8, 3 }, { 2, 4, 1, 4 },
		{ 3, 1, 4, 1 }, { 3, 3, 5, 3 },
		{ 4, 3, 31, 3 }, { 4, 3, 0xe0, 3 }, { 4, 7, 0x80, 4 },
		{ 5, 3, 1, 3 }, { 5, 5, 0x7f, 4 },
		{ 6, 3, 1, 3 }, { 6, 5, 0, 4 }, { 6, 7, 0x80, 4 },
		{ 7, 3, 0, 3 }, { 7, 3, 16, 3 }, { 7, 4, 1, 4 }, { 7, 7, 8, 4 },
		{ 8, 3, 1, 3 }, { 8, 6, 1, 4 },
		{ 9, 4, 1, 4 }, { 10, 4, 2, 4 }, { 10, 7, 4, 4 },
		{ 11, 2, 4, 2 }, { 11, 3, 1, 3 }, { 11, 4, 1, 4 },
	};
	struct engine *e = *state;
	union npu_cmd cmd = small_command(e);
	uint32_t i;

	for (i = 0; i < COUNT(bad); i++) {
		uint8_t *byte = e->ctx.sram + PROGRAM + 8 * bad[i].insn +
				bad[i].byte;
		uint8_t old = *byte;

		engine_run(e, &cmd);
		*byte = bad[i].value;
		engine_refuse(e, &cmd, NPU_FAULT_FIELD,
			      64 + 8 * bad[i].insn + bad[i].member);
		*byte = old;
	}
	/* An INTERP of one entry; a fifth reduction */
	memset(e->ctx.sram + PROGRAM + 8 * 7 + 6, 0, 2);
	engine_refuse(e, &cmd, NPU_FAULT_FIELD, 64 + 8 * 7 + 4);
	cmd = small_command(e);
	for (i = 6; i < 11; i++)
		memcpy(e->ctx.sram + PROGRAM + 8 * i,
		       &(struct npu_vinsn){ NPU_VOP_RMAX, 3, 2, 0, 0 }, 8);
	engine_refuse(e, &cmd, NPU_FAULT_FIELD, 64 + 8 * 10);
}

static void test_ranges(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_command(e);

	engine_run(e, &cmd);
	assert_int_equal(e->access.read_count, 2);
	assert_int_equal(e->access.reads[0].high, 24);
	assert_int_equal(e->access.reads[1].low, PROGRAM);
	assert_int_equal(e->access.reads[1].high, PROGRAM + BLOCK);
	assert_int_equal(e->access.writes[0].low, 256);
	assert_int_equal(e->access.writes[0].high, 256 + 24);
	cmd.vprog.program = BIG_SRAM - BLOCK + 4;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd = small_command(e);
	cmd.vprog.a.addr = BIG_SRAM - 23;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	cmd = small_command(e);
	cmd.vprog.ofm.addr = 23;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP, OFFSET(a));
	cmd.vprog.ofm.addr = 0; /* in place, of one size */
	engine_run(e, &cmd);
	cmd = small_command(e);
	cmd.vprog.flags = NPU_VPROG_OFM_ONE;
	cmd.vprog.ofm.addr = 0;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP, OFFSET(a));
	cmd = small_command(e);
	cmd.vprog.ofm.addr = PROGRAM - 23;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP, OFFSET(program));
}

/* 13 instructions of 11 steps: 2^26 / 24 elements at most */
static void test_too_much_work(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_command(e);

	assert_int_equal(cmd.vprog.steps + cmd.vprog.count, 24);
	cmd.vprog.a.row_pitch = cmd.vprog.a.pixel_pitch = 0;
	cmd.vprog.flags = NPU_VPROG_OFM_ONE;
	cmd.vprog.ofm = (struct npu_surface){ 0x20000, 43, 1 };
	cmd.vprog.height = 1;
	cmd.vprog.width = 43;
	cmd.vprog.channels = 65027;
	assert_int_equal(engine_check(e, &cmd), 0);
	cmd.vprog.channels = 65028;
	engine_refuse(e, &cmd, NPU_FAULT_WORK, 0);
}

static void test_cost(void **state)
{
	const struct npu_machine m = NPU_MACHINE_DEFAULT;
	struct npu_cost cost;
	union npu_cmd cmd = small_command(*state);

	/* 24 elements of 11 steps on 8 lanes: 33; 24 + 4096 + 24 bytes by 8 */
	npu_cost(&m, &cmd, &cost);
	assert_int_equal(cost.steps, 24 * 11);
	assert_int_equal(cost.sram_read, 24 + BLOCK);
	assert_int_equal(cost.sram_written, 24);
	assert_int_equal(cost.requants, 24);
	assert_int_equal(cost.cycles, 8 + 32 + (24 + BLOCK + 24) / 8);
	cmd.vprog.flags = NPU_VPROG_A_ONE | NPU_VPROG_OFM_ONE;
	cmd.vprog.ofm_type = NPU_TYPE_S32;
	cmd.vprog.a.row_pitch = 0;
	npu_cost(&m, &cmd, &cost);
	assert_int_equal(cost.sram_read, 3 + BLOCK);
	assert_int_equal(cost.sram_written, 6 * 4);
}

/* Any bytes, and programs changed in a few places: safe, whatever comes. */
static void test_hostile_programs(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = small_command(e);
	uint8_t *block = e->ctx.sram + PROGRAM;
	uint32_t i, changes, passed = 0;

	engine_torture(e, &cmd, 20000);
	for (i = 0; i < 30000; i++) {
		cmd = random_command(e, 1, 3, engine_between(1, 20));
		for (changes = engine_between(1, 3); changes; changes--)
			block[engine_between(0, 8 * cmd.vprog.count - 1)] =
				engine_random() % 2 ? engine_between(0, 8) :
						      engine_random();
		cmd.vprog.steps = (npu_le16)npu_vprog_steps(
			(struct npu_vinsn *)block, cmd.vprog.count);
		cmd.vprog.program_size = engine_between(256, BLOCK);
		if (engine_check(e, &cmd))
			continue;
		engine_execute(e, &cmd);
		passed++;
	}
	assert_true(passed > 300);
	for (i = 0; i < 20000; i++) {
		engine_randomise(block, 256);
		cmd.vprog.count = engine_between(1, 3);
		engine_check(e, &cmd);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rescale_by_hand),
		TEST(test_argmax_by_hand),
		TEST(test_interpolation_by_hand),
		TEST(test_functions_are_near_the_real_ones),
		TEST(test_multiply_add),
		TEST(test_multiply_add_of_all_loops),
		TEST(test_random_programs),
		TEST(test_long_rows),
		TEST(test_bad_commands),
		TEST(test_bad_programs),
		TEST(test_ranges),
		TEST(test_too_much_work),
		TEST(test_cost),
		TEST(test_hostile_programs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vprog", tests, NULL, NULL);
}
