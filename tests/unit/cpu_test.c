// SPDX-License-Identifier: MIT
/*
 * Operators on the CPU: results computed by hand or by loops of another kind,
 * refusals; and of each operator that runs many damaged copies, of which those
 * that pass the check run in memory that ends where their tensors end.
 */
#include "../../libtinynpu/cpu/cpu.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INPUTS 20

/* An operator with room for its parts. */
struct sample {
	struct cpu_op op;
	struct cpu_tensor out;
	struct cpu_tensor in[INPUTS];
	const struct cpu_tensor *list[INPUTS];
	union cpu_word attr[16];
};

#define I(n) ((union cpu_word){ .i = (n) })
#define F(x) ((union cpu_word){ .f = (x) })
#define NO_BOUNDS F(-INFINITY), F(INFINITY)
#define SHAPE(...) ((const uint32_t[]){ __VA_ARGS__, 0 })
#define SCALAR ((const uint32_t[]){ 0 })

static void set_tensor(struct cpu_tensor *t, uint32_t dtype,
		       const uint32_t *shape, const void *data)
{
	*t = (struct cpu_tensor){ .dtype = dtype, .data = (void *)data };
	while (shape[t->rank]) {
		t->shape[t->rank] = shape[t->rank];
		t->rank++;
	}
	assert_null(cpu_tensor_init(t));
}

static void set_output(struct sample *s, uint32_t dtype, const uint32_t *shape,
		       void *out)
{
	set_tensor(&s->out, dtype, shape, NULL);
	s->out.data = out;
}

static void begin(struct sample *s, uint32_t kind, uint32_t dtype,
		  const uint32_t *shape, void *out)
{
	memset(s, 0, sizeof(*s));
	s->op = (struct cpu_op){
		.kind = kind, .out = &s->out, .in = s->list, .attr = s->attr
	};
	set_output(s, dtype, shape, out);
}

static void add_input(struct sample *s, uint32_t dtype, const uint32_t *shape,
		      const void *data)
{
	uint32_t i = s->op.inputs++;

	if (shape) {
		set_tensor(&s->in[i], dtype, shape, data);
		s->list[i] = &s->in[i];
	}
}

static void add_attrs(struct sample *s, uint32_t count,
		      const union cpu_word *attr)
{
	memcpy(s->attr, attr, count * sizeof(*attr));
	s->op.attrs = count;
}

#define ATTRS(s, ...) \
	add_attrs(s, sizeof((const union cpu_word[]){ __VA_ARGS__ }) / 4, \
		  (const union cpu_word[]){ __VA_ARGS__ })

static const char *try(struct sample *s)
{
	const char *bad = cpu_op_check(&s->op);
	void *scratch;

	if (bad)
		return bad;
	scratch = aligned_alloc(64, (cpu_op_scratch(&s->op) + 64) & ~63ull);
	bad = cpu_op_run(&s->op, scratch);
	free(scratch);
	return bad;
}

static uint32_t seed = 1;

static int random_below(int n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static union cpu_word random_word(void)
{
	static const float reals[] = { 0, 1, -1, INFINITY, -INFINITY, NAN,
				       1e-30f, 1e30f, 0.5f };

	if (random_below(3))
		return (union cpu_word){ .i = random_below(5) - 1 };
	if (random_below(2))
		return (union cpu_word){ .f = reals[random_below(9)] };
	return (union cpu_word){ .i = random_below(2) ? INT32_MAX : INT32_MIN };
}

static void change_tensor(struct cpu_tensor *t)
{
	uint32_t *length = &t->shape[random_below(NPU_PROGRAM_MAX_RANK)];

	switch (random_below(4)) {
	case 0:
		t->dtype = 1 + random_below(7);
		break;
	case 1:
		t->rank = random_below(6);
		break;
	default:
		*length += random_below(5) - 2;
	}
	for (int i = 0; i < t->rank; i++)
		if (t->shape[i] - 1 > 8)
			t->shape[i] = 1;
}

static void change(struct sample *s)
{
	uint32_t i = random_below(s->op.inputs);

	switch (random_below(4)) {
	case 0:
		change_tensor(&s->out);
		break;
	case 1:
		change_tensor(&s->in[i]);
		break;
	case 2:
		s->list[i] = NULL;
		break;
	default:
		s->attr[random_below(16)] = random_word();
	}
}

/* Gives @t memory that ends with it, with what @data has for it. */
static int copy_data(struct cpu_tensor *t, const struct cpu_tensor *from)
{
	uint64_t bytes = from->elements * cpu_element_bytes(from->dtype);
	uint64_t wanted;

	t->data = NULL;
	if (cpu_tensor_init(t))
		return -1;
	wanted = t->elements * cpu_element_bytes(t->dtype);
	t->data = calloc(1, wanted);
	if (from->data)
		memcpy(t->data, from->data, bytes < wanted ? bytes : wanted);
	return 0;
}

/*
 * An operator like @good, but for a few changes: if the check lets it pass, no
 * byte beyond its tensors may be touched, which the sanitizer sees.
 */
static void run_mutant(const struct sample *good)
{
	struct sample s = *good;
	int is_bad = 0;

	s.op.out = &s.out;
	s.op.in = s.list;
	s.op.attr = s.attr;
	for (int i = 0; i < s.op.inputs; i++)
		s.list[i] = good->list[i] ? &s.in[i] : NULL;
	for (int i = 1 + random_below(4); i > 0; i--)
		change(&s);
	for (int i = 0; i < s.op.inputs; i++)
		is_bad |= s.list[i] && copy_data(&s.in[i], &good->in[i]);
	is_bad |= copy_data(&s.out, &(struct cpu_tensor){ 0 });
	if (!is_bad)
		try(&s);
	for (int i = 0; i < s.op.inputs; i++)
		if (s.list[i])
			free(s.in[i].data);
	free(s.out.data);
}

static void run(struct sample *s)
{
	const char *bad = try(s);

	if (bad)
		fail_msg("%s: %s", cpu_op_name(s->op.kind), bad);
	for (int i = 0; i < 2000; i++)
		run_mutant(s);
}

static void assert_floats(const float *found, const float *wanted, int count)
{
	for (int i = 0; i < count; i++)
		if (!(fabsf(found[i] - wanted[i]) <=
		      1e-5f * fmaxf(1, fabsf(wanted[i]))))
			fail_msg("element %d: %g, not %g", i, found[i],
				 wanted[i]);
}

#define FLOATS(found, ...) \
	assert_floats(found, (const float[]){ __VA_ARGS__ }, \
		      sizeof((const float[]){ __VA_ARGS__ }) / 4)

#define F32 NPU_DTYPE_FLOAT32
#define I32 NPU_DTYPE_INT32
#define I8 NPU_DTYPE_INT8
#define U8 NPU_DTYPE_UINT8
#define BOOL NPU_DTYPE_BOOL

/* --- Conversions ----------------------------------------------------------- */

static void test_quantize_rounds_as_asked_and_clamps(void **state)
{
	static const float in[6] = { 0.25f, -0.25f, 0.75f, 1000, -1000, NAN };
	static const float scale = 0.5f;
	static const int32_t zero = 3;
	struct sample s;
	int8_t out[6];

	for (int rounding = 0; rounding < 2; rounding++) {
		begin(&s, NPU_CPU_QUANTIZE, I8, SHAPE(6), out);
		s.out.quants = 1;
		s.out.scale = &scale;
		s.out.zero_point = &zero;
		add_input(&s, F32, SHAPE(6), in);
		ATTRS(&s, I(rounding), I(0));
		run(&s);
		assert_int_equal(out[0], rounding == NPU_CPU_HALF_AWAY ? 4 : 3);
		assert_int_equal(out[1], rounding == NPU_CPU_HALF_AWAY ? 2 : 3);
		assert_int_equal(out[2], 5);
		assert_int_equal(out[3], 127);
		assert_int_equal(out[4], -128);
		assert_int_equal(out[5], 3);
	}
}

static void test_dequantize_takes_scales_of_an_axis(void **state)
{
	static const uint8_t in[4] = { 10, 20, 30, 40 };
	static const float scale[2] = { 0.5f, 2 };
	static const uint8_t zero[2] = { 10, 20 };
	struct sample s;
	float out[4];

	begin(&s, NPU_CPU_DEQUANTIZE, F32, SHAPE(2, 2), out);
	add_input(&s, U8, SHAPE(2, 2), in);
	add_input(&s, F32, SHAPE(2), scale);
	add_input(&s, U8, SHAPE(2), zero);
	ATTRS(&s, I(1));
	run(&s);
	FLOATS(out, 0, 0, 10, 40);
	ATTRS(&s, I(0));
	run(&s);
	FLOATS(out, 0, 5, 20, 40);
}

static void test_dynamic_quantize_spans_all_values(void **state)
{
	static const float in[6] = { 0, 2, -3, -2.5f, 1.34f, 0.5f };
	static const uint8_t wanted[6] = { 153, 255, 0, 26, 221, 179 };
	struct sample s;
	uint8_t out[6], zero;
	float scale;

	begin(&s, NPU_CPU_DYNAMIC_QUANTIZE, U8, SHAPE(6), out);
	add_input(&s, F32, SHAPE(6), in);
	ATTRS(&s, I(0));
	run(&s);
	assert_memory_equal(out, wanted, 6);
	set_output(&s, F32, SCALAR, &scale);
	ATTRS(&s, I(1));
	run(&s);
	FLOATS(&scale, 0.0196078438f);
	set_output(&s, U8, SCALAR, &zero);
	ATTRS(&s, I(2));
	run(&s);
	assert_int_equal(zero, 153);
}

static void test_casts_truncate(void **state)
{
	static const float in[4] = { 1.9f, -1.9f, NAN, 1e30f };
	struct sample s;
	int64_t out[4];

	begin(&s, NPU_CPU_CAST, NPU_DTYPE_INT64, SHAPE(4), out);
	add_input(&s, F32, SHAPE(4), in);
	run(&s);
	assert_int_equal(out[0], 1);
	assert_int_equal(out[1], -1);
	assert_int_equal(out[2], 0);
	assert_true(out[3] == INT64_MAX);
}

/* --- Element by element ---------------------------------------------------- */

static const struct {
	enum npu_cpu_unary function;
	float a, b, x, wanted;
} unaries[] = {
	{ NPU_CPU_CLAMP, 0, 6, 7, 6 },
	{ NPU_CPU_LEAKY_RELU, 0.1f, 0, -2, -0.2f },
	{ NPU_CPU_ELU, 1, 0, -1, -0.632120559f },
	{ NPU_CPU_SELU, 1.67326f, 1.0507f, -1, -1.11132754f },
	{ NPU_CPU_HARD_SWISH, 0, 0, 1, 0.666666667f },
	{ NPU_CPU_HARD_SIGMOID, 0.2f, 0.5f, 1, 0.7f },
	{ NPU_CPU_LOGISTIC, 0, 0, 1, 0.731058579f },
	{ NPU_CPU_SILU, 0, 0, 1, 0.731058579f },
	{ NPU_CPU_TANH, 0, 0, 0.5f, 0.462117157f },
	{ NPU_CPU_GELU, 0, 0, 1, 0.841344746f },
	{ NPU_CPU_GELU_TANH, 0, 0, 1, 0.841191991f },
	{ NPU_CPU_SOFTPLUS, 0, 0, 1, 1.31326169f },
	{ NPU_CPU_MISH, 0, 0, 1, 0.865098388f },
	{ NPU_CPU_ERF, 0, 0, 0.5f, 0.520499878f },
	{ NPU_CPU_EXP, 0, 0, 1, 2.71828183f },
	{ NPU_CPU_LOG, 0, 0, 2, 0.693147181f },
	{ NPU_CPU_RSQRT, 0, 0, 4, 0.5f },
	{ NPU_CPU_SIGN, 0, 0, -7, -1 },
	{ NPU_CPU_ROUND, 0, 0, 2.5f, 2 },
	{ NPU_CPU_FLOOR, 0, 0, -2.5f, -3 },
	{ NPU_CPU_CEIL, 0, 0, -2.5f, -2 },
	{ NPU_CPU_ATANH, 0, 0, 0.5f, 0.549306144f },
	{ NPU_CPU_SOFTSIGN, 0, 0, -1, -0.5f },
	{ NPU_CPU_RECIPROCAL, 0, 0, 4, 0.25f },
	{ NPU_CPU_SQUARE, 0, 0, -3, 9 },
	{ NPU_CPU_NEG, 0, 0, -3, 3 },
	{ NPU_CPU_COS, 0, 0, 1, 0.540302306f },
};

static void test_functions_of_one_element(void **state)
{
	struct sample s;
	float out;

	for (int i = 0; i < sizeof(unaries) / sizeof(unaries[0]); i++) {
		begin(&s, NPU_CPU_UNARY, F32, SCALAR, &out);
		add_input(&s, F32, SCALAR, &unaries[i].x);
		ATTRS(&s, I(unaries[i].function), F(unaries[i].a),
		      F(unaries[i].b));
		run(&s);
		FLOATS(&out, unaries[i].wanted);
	}
}

static const struct {
	enum npu_cpu_binary function;
	float x, y, wanted;
} binaries[] = {
	{ NPU_CPU_ADD, 7, -2, 5 },	 { NPU_CPU_SUB, 7, -2, 9 },
	{ NPU_CPU_MUL, 7, -2, -14 },	 { NPU_CPU_POW, 3, 4, 81 },
	{ NPU_CPU_MAXIMUM, 7, -2, 7 },	 { NPU_CPU_MINIMUM, 7, -2, -2 },
	{ NPU_CPU_SQUARED_DIFFERENCE, 7, -2, 81 },
	{ NPU_CPU_FLOOR_DIV, 7, -2, -4 }, { NPU_CPU_FLOOR_MOD, 7, -2, -1 },
	{ NPU_CPU_TRUNC_MOD, 7, -2, 1 },
};

static void test_functions_of_two_elements(void **state)
{
	struct sample s;

	for (int i = 0; i < sizeof(binaries) / sizeof(binaries[0]); i++) {
		int32_t x = binaries[i].x, y = binaries[i].y, whole;
		float real;

		begin(&s, NPU_CPU_BINARY, F32, SCALAR, &real);
		add_input(&s, F32, SCALAR, &binaries[i].x);
		add_input(&s, F32, SCALAR, &binaries[i].y);
		ATTRS(&s, I(binaries[i].function), NO_BOUNDS);
		run(&s);
		FLOATS(&real, binaries[i].wanted);
		set_output(&s, I32, SCALAR, &whole);
		set_tensor(&s.in[0], I32, SCALAR, &x);
		set_tensor(&s.in[1], I32, SCALAR, &y);
		run(&s);
		assert_int_equal(whole, binaries[i].wanted);
	}
}

static void test_inputs_are_repeated(void **state)
{
	static const float column[2] = { 10, 20 }, row[3] = { 1, 2, 3 };
	struct sample s;
	float out[6];
	uint8_t is[6];

	begin(&s, NPU_CPU_BINARY, F32, SHAPE(2, 3), out);
	add_input(&s, F32, SHAPE(2, 1), column);
	add_input(&s, F32, SHAPE(3), row);
	ATTRS(&s, I(NPU_CPU_ADD), F(-INFINITY), F(22));
	run(&s);
	FLOATS(out, 11, 12, 13, 21, 22, 22);
	set_output(&s, BOOL, SHAPE(2, 3), is);
	set_tensor(&s.in[0], F32, SHAPE(2, 1), row);
	ATTRS(&s, I(NPU_CPU_GREATER_EQUAL), NO_BOUNDS);
	run(&s);
	assert_memory_equal(is, "\1\0\0\1\1\0", 6);
}

static void test_select_takes_one_or_the_other(void **state)
{
	static const uint8_t condition[2] = { 1, 0 };
	static const int32_t x[4] = { 1, 2, 3, 4 }, y = 9;
	struct sample s;
	int32_t out[4];

	begin(&s, NPU_CPU_SELECT, I32, SHAPE(2, 2), out);
	add_input(&s, BOOL, SHAPE(2, 1), condition);
	add_input(&s, I32, SHAPE(2, 2), x);
	add_input(&s, I32, SCALAR, &y);
	run(&s);
	assert_memory_equal(out, ((int32_t[]){ 1, 2, 9, 9 }), 16);
}

/* --- Movement -------------------------------------------------------------- */

static const uint8_t bytes[24] = { 0,  1,  2,  3,  4,  5,  6,  7,
				   8,  9,  10, 11, 12, 13, 14, 15,
				   16, 17, 18, 19, 20, 21, 22, 23 };

#define MOVES(s, kind, from, to, ...) \
	do { \
		begin(s, kind, U8, to, out); \
		add_input(s, U8, from, bytes); \
		ATTRS(s, __VA_ARGS__); \
		run(s); \
	} while (0)

static void test_elements_are_moved(void **state)
{
	uint8_t out[24];
	struct sample s;

	MOVES(&s, NPU_CPU_TRANSPOSE, SHAPE(2, 3), SHAPE(3, 2), I(1), I(0));
	assert_memory_equal(out, "\0\3\1\4\2\5", 6);
	MOVES(&s, NPU_CPU_SLICE, SHAPE(3, 4), SHAPE(2, 2), I(2), I(0), I(-2),
	      I(3));
	assert_memory_equal(out, "\10\13\0\3", 4);
	MOVES(&s, NPU_CPU_PAD, SHAPE(2, 2), SHAPE(3, 4), I(NPU_CPU_PAD_CONSTANT),
	      I(0), I(1));
	assert_memory_equal(out, "\0\0\1\0\0\2\3\0\0\0\0\0", 12);
	MOVES(&s, NPU_CPU_PAD, SHAPE(4), SHAPE(8), I(NPU_CPU_PAD_REFLECT), I(2));
	assert_memory_equal(out, "\2\1\0\1\2\3\2\1", 8);
	MOVES(&s, NPU_CPU_PAD, SHAPE(4), SHAPE(8), I(NPU_CPU_PAD_SYMMETRIC),
	      I(2));
	assert_memory_equal(out, "\1\0\0\1\2\3\3\2", 8);
	MOVES(&s, NPU_CPU_PAD, SHAPE(4), SHAPE(8), I(NPU_CPU_PAD_EDGE), I(2));
	assert_memory_equal(out, "\0\0\0\1\2\3\3\3", 8);
	MOVES(&s, NPU_CPU_SPACE_TO_DEPTH, SHAPE(1, 2, 4, 1), SHAPE(1, 1, 2, 4),
	      I(2));
	assert_memory_equal(out, "\0\1\4\5\2\3\6\7", 8);
	MOVES(&s, NPU_CPU_DEPTH_TO_SPACE, SHAPE(1, 1, 2, 4), SHAPE(1, 2, 4, 1),
	      I(2), I(0));
	assert_memory_equal(out, "\0\1\4\5\2\3\6\7", 8);
	MOVES(&s, NPU_CPU_DEPTH_TO_SPACE, SHAPE(1, 1, 1, 8), SHAPE(1, 2, 2, 2),
	      I(2), I(1));
	assert_memory_equal(out, "\0\4\1\5\2\6\3\7", 8);
	MOVES(&s, NPU_CPU_SPACE_TO_BATCH, SHAPE(1, 2, 3, 1), SHAPE(4, 1, 2, 1),
	      I(2), I(2), I(0), I(1));
	assert_memory_equal(out, "\0\1\0\2\0\4\3\5", 8);
	MOVES(&s, NPU_CPU_BATCH_TO_SPACE, SHAPE(4, 1, 2, 1), SHAPE(1, 2, 3, 1),
	      I(2), I(2), I(0), I(1));
	assert_memory_equal(out, "\2\1\3\6\5\7", 6);
}

static void test_elements_are_repeated_and_joined(void **state)
{
	uint8_t out[24];
	struct sample s;

	begin(&s, NPU_CPU_TILE, U8, SHAPE(4, 4), out);
	add_input(&s, U8, SHAPE(2, 2), bytes);
	run(&s);
	assert_memory_equal(out, "\0\1\0\1\2\3\2\3\0\1\0\1\2\3\2\3", 16);
	begin(&s, NPU_CPU_CONCATENATION, U8, SHAPE(2, 3), out);
	add_input(&s, U8, SHAPE(2, 1), bytes);
	add_input(&s, U8, SHAPE(2, 2), bytes + 4);
	ATTRS(&s, I(1));
	run(&s);
	assert_memory_equal(out, "\0\4\5\1\6\7", 6);
}

static void test_indices_are_checked(void **state)
{
	static const int32_t good[2] = { 2, -1 }, bad[2] = { 3, 0 };
	static const int16_t small[2] = { -3, 1 };
	static const int64_t pairs[4] = { 0, 1, 2, 0 };
	uint8_t out[24];
	struct sample s;

	begin(&s, NPU_CPU_GATHER, U8, SHAPE(2, 2), out);
	add_input(&s, U8, SHAPE(2, 3), bytes);
	add_input(&s, I32, SHAPE(2), good);
	ATTRS(&s, I(1), I(0));
	run(&s);
	assert_memory_equal(out, "\2\2\5\5", 4);
	s.in[1].data = (void *)bad;
	assert_non_null(try(&s));
	begin(&s, NPU_CPU_GATHER, U8, SHAPE(2, 2), out);
	add_input(&s, U8, SHAPE(2, 3), bytes);
	add_input(&s, NPU_DTYPE_INT16, SHAPE(2), small);
	ATTRS(&s, I(1), I(0));
	run(&s);
	assert_memory_equal(out, "\0\1\3\4", 4);
	begin(&s, NPU_CPU_GATHER_ND, U8, SHAPE(2, 2), out);
	add_input(&s, U8, SHAPE(3, 2, 2), bytes);
	add_input(&s, NPU_DTYPE_INT64, SHAPE(2, 2), pairs);
	ATTRS(&s, I(0));
	run(&s);
	assert_memory_equal(out, "\2\3\10\11", 4);
}

static void test_what_is_scattered_adds_up(void **state)
{
	static const int32_t indices[3] = { 2, 0, 2 };
	static const float in[6] = { 1, 2, 3, 4, 10, 20 };
	struct sample s;
	float out[8];

	begin(&s, NPU_CPU_SCATTER_ND, F32, SHAPE(4, 2), out);
	add_input(&s, I32, SHAPE(3, 1), indices);
	add_input(&s, F32, SHAPE(3, 2), in);
	run(&s);
	FLOATS(out, 3, 4, 0, 0, 11, 22, 0, 0);
}

static void test_one_hot(void **state)
{
	static const int32_t indices[3] = { 1, -1, 7 };
	uint8_t out[24];
	struct sample s;

	begin(&s, NPU_CPU_ONE_HOT, U8, SHAPE(3, 2), out);
	add_input(&s, I32, SHAPE(3), indices);
	add_input(&s, U8, SCALAR, bytes + 5);
	add_input(&s, U8, SCALAR, bytes + 1);
	ATTRS(&s, I(1));
	run(&s);
	assert_memory_equal(out, "\1\5\1\5\1\1", 6);
}

/* --- Order and reduction --------------------------------------------------- */

static void test_order(void **state)
{
	static const float in[6] = { 3, 9, 1, 9, 5, 1 };
	float values[2], sums[6];
	int32_t indices[3];
	struct sample s;

	begin(&s, NPU_CPU_TOPK, F32, SHAPE(2), values);
	add_input(&s, F32, SHAPE(6), in);
	ATTRS(&s, I(0), I(0), I(1));
	run(&s);
	FLOATS(values, 9, 9);
	set_output(&s, I32, SHAPE(3), indices);
	ATTRS(&s, I(0), I(1), I(0));
	run(&s);
	assert_memory_equal(indices, ((int32_t[]){ 2, 5, 0 }), 12);
	begin(&s, NPU_CPU_ARG, I32, SHAPE(1), indices);
	add_input(&s, F32, SHAPE(6), in);
	ATTRS(&s, I(1), I(0), I(0));
	run(&s);
	assert_int_equal(indices[0], 1);
	ATTRS(&s, I(1), I(0), I(1));
	run(&s);
	assert_int_equal(indices[0], 3);
	begin(&s, NPU_CPU_CUMSUM, F32, SHAPE(2, 3), sums);
	add_input(&s, F32, SHAPE(2, 3), in);
	ATTRS(&s, I(1), I(1), I(1));
	run(&s);
	FLOATS(sums, 10, 1, 0, 6, 1, 0);
}

static void test_reductions(void **state)
{
	static const float in[8] = { 1, 2, 3, 4, 5, 6, 7, -8 };
	static const struct {
		int32_t function;
		float first;
	} cases[] = {
		{ NPU_CPU_REDUCE_SUM, 14 },  { NPU_CPU_REDUCE_MEAN, 3.5f },
		{ NPU_CPU_REDUCE_PROD, 60 }, { NPU_CPU_REDUCE_MAX, 6 },
		{ NPU_CPU_REDUCE_MIN, 1 },   { NPU_CPU_REDUCE_L1, 14 },
		{ NPU_CPU_REDUCE_SUM_SQUARE, 66 },
		{ NPU_CPU_REDUCE_L2, 8.12403840f },
		{ NPU_CPU_REDUCE_LOG_SUM_EXP, 6.33141397f },
	};
	struct sample s;
	float out[2];

	for (int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* of [2, 2, 2] the first and the last dimension */
		begin(&s, NPU_CPU_REDUCE, F32, SHAPE(2), out);
		add_input(&s, F32, SHAPE(2, 2, 2), in);
		ATTRS(&s, I(cases[i].function), I(5));
		run(&s);
		FLOATS(out, cases[i].first);
	}
}

/* --- Windows and products -------------------------------------------------- */

static float *random_floats(int count)
{
	float *values = malloc(count * sizeof(*values));

	for (int i = 0; i < count; i++)
		values[i] = (random_below(2001) - 1000) / 500.0f;
	return values;
}

/* A convolution's value, straight from its definition. */
static float conv_at(const struct sample *s, int y, int x, int o)
{
	const struct cpu_tensor *in = &s->in[0], *w = &s->in[1];
	int depth = w->shape[3], group = o / (s->out.shape[3] / s->attr[6].i);
	double sum = ((const float *)s->in[2].data)[o];

	for (int ky = 0; ky < w->shape[1]; ky++)
	for (int kx = 0; kx < w->shape[2]; kx++)
	for (int c = 0; c < depth; c++) {
		int iy = y * s->attr[0].i + ky * s->attr[2].i - s->attr[4].i;
		int ix = x * s->attr[1].i + kx * s->attr[3].i - s->attr[5].i;

		if (iy < 0 || ix < 0 || iy >= in->shape[1] || ix >= in->shape[2])
			continue;
		sum += (double)((const float *)in->data)[
			(iy * in->shape[2] + ix) * in->shape[3] +
			group * depth + c] *
		       ((const float *)w->data)[
			((o * w->shape[1] + ky) * w->shape[2] + kx) * depth + c];
	}
	return sum;
}

static void test_convolutions_are_their_definition(void **state)
{
	for (int round = 0; round < 60; round++) {
		int groups = 1 + random_below(3);
		int in_c = groups * (1 + random_below(9));
		int out_c = groups * (1 + random_below(11));
		int h = 1 + random_below(12), w = 1 + random_below(12);
		int kh = 1 + random_below(3), kw = 1 + random_below(4);
		int depth = in_c / groups;
		float *in = random_floats(h * w * in_c), *out;
		float *weights = random_floats(out_c * kh * kw * depth);
		float *bias = random_floats(out_c);
		struct sample s;

		out = malloc(h * w * out_c * sizeof(*out));
		begin(&s, NPU_CPU_CONV, F32, SHAPE(1, h, w, out_c), out);
		add_input(&s, F32, SHAPE(1, h, w, in_c), in);
		add_input(&s, F32, SHAPE(out_c, kh, kw, depth), weights);
		add_input(&s, F32, SHAPE(out_c), bias);
		ATTRS(&s, I(1 + random_below(2)), I(1 + random_below(2)),
		      I(1 + random_below(2)), I(1 + random_below(2)),
		      I(random_below(3)), I(random_below(3)), I(groups),
		      NO_BOUNDS);
		run(&s);
		for (int i = 0; i < h * w * out_c; i++)
			FLOATS(out + i, conv_at(&s, i / out_c / w,
						i / out_c % w, i % out_c));
		free(in);
		free(weights);
		free(bias);
		free(out);
	}
}

static void test_depthwise_and_transposed_convolutions(void **state)
{
	static const float in[4] = { 1, 2, 3, 4 }, bias = 0.5f;
	static const float weights[4] = { 1, 10, 100, 1000 };
	struct sample s;
	float out[9];

	begin(&s, NPU_CPU_DEPTHWISE_CONV, F32, SHAPE(1, 1, 1, 2), out);
	add_input(&s, F32, SHAPE(1, 2, 2, 1), in);
	add_input(&s, F32, SHAPE(1, 1, 2, 2), weights);
	ATTRS(&s, I(1), I(1), I(1), I(1), I(0), I(0), F(0), F(1000));
	run(&s);
	FLOATS(out, 201, 1000);
	begin(&s, NPU_CPU_TRANSPOSE_CONV, F32, SHAPE(1, 3, 3, 1), out);
	add_input(&s, F32, SHAPE(1, 2, 2, 1), in);
	add_input(&s, F32, SHAPE(1, 2, 2, 1), weights);
	add_input(&s, F32, SHAPE(1), &bias);
	ATTRS(&s, I(1), I(1), I(0), I(0), NO_BOUNDS);
	run(&s);
	FLOATS(out, 1.5f, 12.5f, 20.5f, 103.5f, 1234.5f, 2040.5f, 300.5f,
	       3400.5f, 4000.5f);
}

/* Attributes say how a and b lie; both are taken as [batch, rows, columns]. */
static void test_products_are_their_definition(void **state)
{
	for (int round = 0; round < 60; round++) {
		int m = 1 + random_below(9), n = 1 + random_below(20);
		int k = 1 + random_below(30), ta = random_below(2);
		int tb = random_below(2), batches = 1 + random_below(3);
		float *a = random_floats(batches * m * k);
		float *b = random_floats(k * n);
		float *out = malloc(batches * m * n * sizeof(*out));
		struct sample s;

		begin(&s, NPU_CPU_MATMUL, F32, SHAPE(batches, m, n), out);
		add_input(&s, F32, SHAPE(batches, ta ? k : m, ta ? m : k), a);
		add_input(&s, F32, SHAPE(tb ? n : k, tb ? k : n), b);
		ATTRS(&s, I(ta), I(tb), NO_BOUNDS);
		run(&s);
		for (int i = 0; i < batches * m * n; i++) {
			int row = i / n % m, column = i % n;
			double sum = 0;

			for (int d = 0; d < k; d++)
				sum += (double)a[i / n / m * m * k +
					(ta ? d * m + row : row * k + d)] *
				       b[tb ? column * k + d : d * n + column];
			FLOATS(out + i, sum);
		}
		free(a);
		free(b);
		free(out);
	}
}

static void test_products_of_bytes(void **state)
{
	static const uint8_t a[4] = { 11, 7, 10, 6 }, zero_a = 12;
	static const uint8_t b[4] = { 1, 4, 2, 5 }, zero_b = 0, zero = 200;
	static const float one = 1, half = 0.5f;
	struct sample s;
	int32_t sums[4];
	uint8_t out[4];

	begin(&s, NPU_CPU_MATMUL_INTEGER, I32, SHAPE(2, 2), sums);
	add_input(&s, U8, SHAPE(2, 2), a);
	add_input(&s, U8, SHAPE(2, 2), b);
	add_input(&s, U8, SCALAR, &zero_a);
	add_input(&s, U8, SCALAR, &zero_b);
	run(&s);
	assert_memory_equal(sums, ((int32_t[]){ -11, -29, -14, -38 }), 16);
	set_output(&s, U8, SHAPE(2, 2), out);
	add_input(&s, F32, SCALAR, &one);
	add_input(&s, F32, SCALAR, &half);
	add_input(&s, F32, SCALAR, &one);
	add_input(&s, U8, SCALAR, &zero);
	run(&s);
	/* -5.5 and -14.5 go to the even neighbour */
	assert_memory_equal(out, ((uint8_t[]){ 194, 186, 193, 181 }), 4);
}

static void test_pools(void **state)
{
	static const float in[4] = { 1, 2, 3, -4 };
	static const float wanted[][4] = {
		{ 0.5f, -1, -0.5f, -4 },
		{ 0.5f, -0.5f, -0.25f, -1 },
		{ 3, 2, 3, -4 },
		{ 2.73861279f, 3.16227766f, 3.53553391f, 4 },
	};
	struct sample s;
	float out[4];

	for (int function = 0; function < NPU_CPU_POOL_COUNT; function++) {
		begin(&s, NPU_CPU_POOL, F32, SHAPE(1, 2, 2, 1), out);
		add_input(&s, F32, SHAPE(1, 2, 2, 1), in);
		ATTRS(&s, I(function), I(2), I(2), I(1), I(1), I(1), I(1), I(0),
		      I(0), I(1), I(1), NO_BOUNDS);
		run(&s);
		assert_floats(out, wanted[function], 4);
	}
}

static void test_resize(void **state)
{
	static const float in[4] = { 1, 2, 3, 4 };
	struct sample s;
	float out[16];

	begin(&s, NPU_CPU_RESIZE, F32, SHAPE(1, 1, 4, 1), out);
	add_input(&s, F32, SHAPE(1, 2, 2, 1), in);
	ATTRS(&s, I(NPU_CPU_RESIZE_NEAREST), I(NPU_CPU_ASYMMETRIC),
	      I(NPU_CPU_NEAREST_FLOOR), F(0), F(0));
	run(&s);
	FLOATS(out, 1, 1, 2, 2);
	ATTRS(&s, I(NPU_CPU_RESIZE_BILINEAR), I(NPU_CPU_HALF_PIXEL), I(0), F(0),
	      F(0));
	run(&s);
	FLOATS(out, 2, 2.25f, 2.75f, 3);
	ATTRS(&s, I(NPU_CPU_RESIZE_BILINEAR), I(NPU_CPU_ALIGN_CORNERS), I(0),
	      F(0), F(0));
	run(&s);
	FLOATS(out, 1, 1.33333333f, 1.66666667f, 2);
}

/* --- Rows ------------------------------------------------------------------ */

static void test_normalisations(void **state)
{
	static const float in[4] = { 1, 2, 3, 4 };
	struct sample s;
	float out[4];

	begin(&s, NPU_CPU_SOFTMAX, F32, SHAPE(2, 2), out);
	add_input(&s, F32, SHAPE(2, 2), in);
	ATTRS(&s, I(0), F(1), I(0));
	run(&s);
	FLOATS(out, 0.119202922f, 0.119202922f, 0.880797078f, 0.880797078f);
	ATTRS(&s, I(1), F(1), I(1));
	run(&s);
	FLOATS(out, -1.31326169f, -0.313261688f, -1.31326169f, -0.313261688f);
	begin(&s, NPU_CPU_L2_NORMALIZATION, F32, SHAPE(2, 2), out);
	add_input(&s, F32, SHAPE(2, 2), in);
	ATTRS(&s, F(1e-6f));
	run(&s);
	FLOATS(out, 0.447213595f, 0.894427191f, 0.6f, 0.8f);
	begin(&s, NPU_CPU_LAYER_NORM, F32, SHAPE(2, 2), out);
	add_input(&s, F32, SHAPE(2, 2), in);
	add_input(&s, F32, SHAPE(2), in);
	ATTRS(&s, I(1), F(0));
	run(&s);
	FLOATS(out, -1, 2, -1, 2);
}

static void test_lstm_gives_output_and_state(void **state)
{
	static const float in[2] = { 1, -1 }, weight = 0.5f, start = 0.25f;
	float out[2], left, output = start, cell = start;
	struct sample s;

	begin(&s, NPU_CPU_LSTM, F32, SHAPE(1, 2, 1), out);
	add_input(&s, F32, SHAPE(1, 2, 1), in);
	for (int i = 1; i < 20; i++)
		add_input(&s, F32, i <= 8 || i >= 18 ? SHAPE(1, 1) : NULL,
			  i >= 18 ? &start : &weight);
	ATTRS(&s, I(0), F(0), I(0));
	run(&s);
	for (int i = 0; i < 2; i++) {
		float x = 0.5f * in[i] + 0.5f * output;
		float gate = 1 / (1 + expf(-x));

		cell = gate * cell + gate * tanhf(x);
		output = gate * tanhf(cell);
		FLOATS(out + i, output);
	}
	set_output(&s, F32, SHAPE(1, 1), &left);
	ATTRS(&s, I(0), F(0), I(1));
	run(&s);
	FLOATS(&left, cell);
}

static void test_svdf_gives_output_and_state(void **state)
{
	static const float in = 2, feature = 3, times[3] = { 1, 10, 100 };
	static const float memory[3] = { 1, 2, 3 };
	float out, left[3];
	struct sample s;

	begin(&s, NPU_CPU_SVDF, F32, SHAPE(1, 1), &out);
	add_input(&s, F32, SHAPE(1, 1), &in);
	add_input(&s, F32, SHAPE(1, 1), &feature);
	add_input(&s, F32, SHAPE(1, 3), times);
	add_input(&s, F32, NULL, NULL);
	add_input(&s, F32, SHAPE(1, 3), memory);
	ATTRS(&s, I(1), I(0), NO_BOUNDS);
	run(&s);
	FLOATS(&out, 632);
	set_output(&s, F32, SHAPE(1, 3), left);
	ATTRS(&s, I(1), I(1), NO_BOUNDS);
	run(&s);
	FLOATS(left, 2, 3, 6);
}

/* Two boxes on one place and one elsewhere: two are left. */
static void test_detections_that_overlap_are_dropped(void **state)
{
	static const float codes[12] = { 0 };
	static const float anchors[12] = { 0.5f, 0.5f, 1, 1,
					   0.5f, 0.6f, 1, 1,
					   5,	 5,    2, 2 };
	static const float scores[9] = { 0, 0.6f, 0.1f, 0, 0.9f, 0.2f,
					 0, 0.1f, 0.8f };
	static const int lengths[] = { 8, 2, 2, 1 };
	static const float wanted[][8] = {
		{ 0, 0.1f, 1, 1.1f, 4, 4, 6, 6 }, { 0, 1 }, { 0.9f, 0.8f }, { 2 }
	};
	struct sample s;
	float out[8];

	for (int regular = 0; regular < 2; regular++)
	for (int which = 0; which < 4; which++) {
		begin(&s, NPU_CPU_DETECTION_POSTPROCESS, F32,
		      SHAPE(1, lengths[which]), out);
		add_input(&s, F32, SHAPE(1, 3, 4), codes);
		add_input(&s, F32, SHAPE(1, 3, 3), scores);
		add_input(&s, F32, SHAPE(3, 4), anchors);
		ATTRS(&s, I(which), I(2), I(1), I(100), I(regular), I(2),
		      F(0.3f), F(0.5f), F(10), F(10), F(5), F(5));
		run(&s);
		assert_floats(out, wanted[which], lengths[which]);
	}
}

/* --- Refusals -------------------------------------------------------------- */

static void test_what_can_not_be_is_refused(void **state)
{
	struct cpu_tensor t = { .dtype = 99 };
	struct sample s;
	float out[4];

	assert_non_null(cpu_tensor_init(&t));
	t = (struct cpu_tensor){ .dtype = F32, .rank = 9 };
	assert_non_null(cpu_tensor_init(&t));
	t = (struct cpu_tensor){ .dtype = F32, .rank = 2,
				 .shape = { 1 << 16, 1 << 17 } };
	assert_non_null(cpu_tensor_init(&t));
	t = (struct cpu_tensor){ .dtype = F32, .rank = 1 };
	assert_non_null(cpu_tensor_init(&t));
	begin(&s, NPU_CPU_RESHAPE, F32, SHAPE(4), out);
	add_input(&s, F32, SHAPE(3), out);
	assert_string_equal(try(&s), "input and output differ");
	add_input(&s, F32, SHAPE(4), out);
	assert_string_equal(try(&s), "wrong number of inputs");
	s.op.kind = 0;
	assert_string_equal(try(&s), "no such operator");
	s.op.kind = NPU_CPU_BINARY;
	assert_string_equal(try(&s), "wrong number of attributes");
	s.list[1] = NULL;
	ATTRS(&s, I(0), NO_BOUNDS);
	assert_string_equal(try(&s), "an input is missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantize_rounds_as_asked_and_clamps),
		cmocka_unit_test(test_dequantize_takes_scales_of_an_axis),
		cmocka_unit_test(test_dynamic_quantize_spans_all_values),
		cmocka_unit_test(test_casts_truncate),
		cmocka_unit_test(test_functions_of_one_element),
		cmocka_unit_test(test_functions_of_two_elements),
		cmocka_unit_test(test_inputs_are_repeated),
		cmocka_unit_test(test_select_takes_one_or_the_other),
		cmocka_unit_test(test_elements_are_moved),
		cmocka_unit_test(test_elements_are_repeated_and_joined),
		cmocka_unit_test(test_indices_are_checked),
		cmocka_unit_test(test_what_is_scattered_adds_up),
		cmocka_unit_test(test_one_hot),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_reductions),
		cmocka_unit_test(test_convolutions_are_their_definition),
		cmocka_unit_test(test_depthwise_and_transposed_convolutions),
		cmocka_unit_test(test_products_are_their_definition),
		cmocka_unit_test(test_products_of_bytes),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_normalisations),
		cmocka_unit_test(test_lstm_gives_output_and_state),
		cmocka_unit_test(test_svdf_gives_output_and_state),
		cmocka_unit_test(test_detections_that_overlap_are_dropped),
		cmocka_unit_test(test_what_can_not_be_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
