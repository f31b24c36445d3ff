// SPDX-License-Identifier: MIT
/*
 * Random graphs of operators on rows and along axes, of resizing and of pools of
 * int16, on random machines: what the compiled program computes in the simulator
 * is what the reference executor computes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiled.h"
#include "graphs.h"

#define RANK_MAX 5

static uint64_t seed;

static int random_in(int least, int most)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return least + (seed >> 33) % (most - least + 1);
}

struct shape {
	int rank;
	int dim[RANK_MAX];
};

static struct shape random_shape(int rank_min)
{
	struct shape s = { .rank = random_in(rank_min, RANK_MAX) };
	int left = 4000;

	for (int i = 0; i < s.rank; i++) {
		s.dim[i] = random_in(0, 3) ? random_in(1, 17) : 1;
		if (s.dim[i] > left)
			s.dim[i] = 1;
		left /= s.dim[i];
	}
	if (left > 1 && random_in(0, 3) == 0)
		s.dim[s.rank - 1] *= random_in(1, left < 90 ? left : 90);
	return s;
}

static char *shape_text(const struct shape *s)
{
	static char text[4][64];
	static int next;
	char *to = text[next++ % 4];
	int length = 0;

	to[0] = 0;
	for (int i = 0; i < s->rank; i++)
		length += snprintf(to + length, 64 - length, "%s%d",
				   i ? "," : "", s->dim[i]);
	return to;
}

/* With so many KiB of SRAM. */
static void run_with(int sram, const char *in, const char *in_quant,
		     const char *out, const char *out_quant, const char *op)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	char text[1024];
	int size = snprintf(text, sizeof(text),
			    "tnc 1\n"
			    "tensor %%0 %s %s name=\"x\"\n"
			    "tensor %%1 %s %s name=\"y\"\n"
			    "input %%0\n%s\noutput %%1\n",
			    in, in_quant, out, out_quant, op);

	machine.sram_size = 1024 * sram;
	machine.macs = 32 << random_in(0, 5);
	machine.mem_bw = random_in(1, 16);
	compiled_compare(text, size, &machine);
}

static void run(const char *in, const char *in_quant, const char *out,
		const char *out_quant, const char *op)
{
	run_with(random_in(0, 2) ? 16 : random_in(16, 64), in, in_quant, out,
		 out_quant, op);
}

static char *quant(double scale, int zero)
{
	static char text[4][64];
	static int next;
	char *to = text[next++ % 4];

	snprintf(to, 64, "q=[%.9g:%d]", scale, zero);
	return to;
}

static char *random_quant(bool is_wide)
{
	return quant(random_in(20, 1000) / (is_wide ? 2e6 : 1e4),
		     is_wide ? 0 : random_in(-128, 127));
}

static char *typed(const char *type, const struct shape *s)
{
	static char text[4][80];
	static int next;
	char *to = text[next++ % 4];

	snprintf(to, 80, "%s [%s]", type, shape_text(s));
	return to;
}

/* A row of the last dimension to another. */
static void test_rows(void **state)
{
	static const struct {
		const char *type, *quant, *op;
	} kinds[] = {
		{ "int16", "q=[3.0517578125e-05:0]", "softmax %1 = %0 beta=1" },
		{ "int16", "q=[3.0517578125e-05:0]",
		  "softmax %1 = %0 beta=0.3" },
		{ "int8", "q=[0.0625:127]", "log_softmax %1 = %0" },
		{ "int8", "q=[0.0078125:0]", "l2_normalization %1 = %0" },
	};

	seed = 1;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (int i = 0; i < GRAPHS; i++) {
			struct shape s = random_shape(1);
			bool is_wide = !strcmp(kinds[k].type, "int16");

			run(typed(kinds[k].type, &s), random_quant(is_wide),
			    typed(kinds[k].type, &s), kinds[k].quant,
			    kinds[k].op);
		}
	}
}

/* Long rows: in parts on the machine. */
static void test_long_rows(void **state)
{
	seed = 2;
	run("int16 [3,2000]", "q=[0.001:0]", "int16 [3,2000]",
	    "q=[3.0517578125e-05:0]", "softmax %1 = %0 beta=1");
	run("int8 [2,4000]", "q=[0.05:3]", "int8 [2,4000]", "q=[0.0625:127]",
	    "log_softmax %1 = %0");
	run("int8 [3,1,3000]", "q=[0.05:3]", "int8 [3,1,3000]",
	    "q=[0.0078125:0]", "l2_normalization %1 = %0");
	run("int32 [7,1500]", "", "int32 [7]", "", "arg_min %1 = %0 axis=1");
}

/* Longer than the SRAM: prime lengths, and such as can be divided; many are equal. */
static void test_rows_in_parts(void **state)
{
	static const struct {
		const char *in, *quant, *out, *out_quant, *op;
		int size;
	} kinds[] = {
		{ "int8", NULL, "int8", "q=[0.00390625:-128]",
		  "softmax %1 = %0 beta=1", 1 },
		{ "int16", NULL, "int16", "q=[3.0517578125e-05:0]",
		  "softmax %1 = %0 beta=0.7", 2 },
		{ "int8", NULL, "int8", "q=[0.0625:127]",
		  "log_softmax %1 = %0", 1 },
		{ "int8", NULL, "int8", "q=[0.0078125:0]",
		  "l2_normalization %1 = %0", 1 },
		{ "int8", NULL, "int32", "", "arg_max %1 = %0 axis=1", 1 },
		{ "int16", NULL, "int32", "", "arg_min %1 = %0 axis=1", 2 },
		{ "int32", "", "int32", "", "arg_max %1 = %0 axis=1", 4 },
		{ "uint8", "", "int32", "", "arg_min %1 = %0 axis=1", 1 },
	};
	static const int lengths[] = { 20011, 32000, 50257, 65535, 16384 };

	seed = 9;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (int i = 0; i < 15; i++) {
			int length = i < 5 ? lengths[i] : random_in(14000, 30000);
			int rows = random_in(1, 3);
			bool is_row = !strcmp(kinds[k].in, kinds[k].out) &&
				      kinds[k].size < 4;
			char in[64], out[64];

			length = kinds[k].op[1] == '2' && length > 32768 ?
					 32768 : length;
			snprintf(in, sizeof(in), "%s [%d,%d]", kinds[k].in,
				 rows, length);
			snprintf(out, sizeof(out), "%s [%d,%d]", kinds[k].out,
				 rows, is_row ? length : 1);
			run(in, kinds[k].quant ? kinds[k].quant :
				random_quant(kinds[k].size == 2),
			    out, kinds[k].out_quant, kinds[k].op);
		}
	}
}

/* More elements than fit the SRAM, some of them in a prime number of rows. */
static void test_long_reductions(void **state)
{
	static const struct {
		const char *in, *out, *axes;
	} shapes[] = {
		{ "[1,100,100,3]", "[1]", "1,2,3" },
		{ "[1,112,112,5]", "[1,5]", "1,2" },
		{ "[3,50000]", "[3]", "1" },
		{ "[2,97,89,2]", "[2,1,1,2]", "1,2" },
		{ "[2,20011]", "[2]", "1" },
		{ "[1,5003,3]", "[1,3]", "1" },
		{ "[2,80,96,7]", "[2,7]", "1,2" },
	};
	static const char *const kinds[] = { "mean", "sum", "reduce_max",
					     "reduce_min" };

	seed = 8;
	for (int i = 0; i < 56; i++) {
		bool is_wide = i / 28;
		char in[64], out[64], op[64], *q = random_quant(is_wide);

		snprintf(in, sizeof(in), "%s %s", is_wide ? "int16" : "int8",
			 shapes[i % 7].in);
		snprintf(out, sizeof(out), "%s %s", is_wide ? "int16" : "int8",
			 shapes[i % 7].out);
		snprintf(op, sizeof(op), "%s %%1 = %%0 axes=%s",
			 kinds[i / 7 % 4], shapes[i % 7].axes);
		run(in, q, out, q, op);
	}
	run("int8 [1,100,100,3]", "q=[0.5:7]", "int8 [1,3]", "q=[0.4:-5]",
	    "mean %1 = %0 axes=1,2 mode=onnx");
	run("int32 [2,20011]", "", "int32 [2]", "", "sum %1 = %0 axes=1");
}

/* Scales whose exponents use the whole range. */
static void test_softmax_of_large_scales(void **state)
{
	static const double scales[] = { 1, 20, 31, 33, 400 };

	seed = 3;
	for (int i = 0; i < 5; i++)
		run("int8 [5,30]", quant(scales[i], 0), "int8 [5,30]",
		    "q=[0.00390625:-128]", "softmax %1 = %0 beta=1");
}

/* As many classes as a language model has words; sums that leave their format. */
static void test_softmax_of_long_rows(void **state)
{
	static const char huge[] = "int8 [1,300007]";

	seed = 5;
	run_with(16, "int8 [2,5000]", "q=[0.05:3]", "int8 [2,5000]",
		 "q=[0.00390625:-128]", "softmax %1 = %0 beta=1");
	run_with(64, "int8 [1,30000]", "q=[0.1:0]", "int8 [1,30000]",
		 "q=[0.00390625:-128]", "softmax %1 = %0 beta=1");
	run_with(128, "int8 [1,60000]", "q=[0.0001:0]", "int8 [1,60000]",
		 "q=[0.00390625:-128]", "softmax %1 = %0 beta=1");
	run_with(16, huge, "q=[0.05:3]", huge, "q=[0.00390625:-128]",
		 "softmax %1 = %0 beta=1");
}

static void test_arg(void **state)
{
	static const char *const types[] = { "int8", "int16", "int32",
					     "uint8" };

	seed = 4;
	for (int i = 0; i < 2 * GRAPHS; i++) {
		struct shape s = random_shape(1), out = s;
		const char *type = types[random_in(0, 3)];
		bool is_plain = type[3] == '3' || type[0] == 'u';
		int axis = random_in(0, s.rank - 1);
		char op[64];

		snprintf(op, sizeof(op), "%s %%1 = %%0 axis=%d",
			 i % 2 ? "arg_max" : "arg_min", axis);
		if (random_in(0, 1)) {
			out.dim[axis] = 1;
		} else {
			out.rank--;
			memmove(out.dim + axis, out.dim + axis + 1,
				(out.rank - axis) * sizeof(int));
		}
		run(typed(type, &s), is_plain ? "" :
		    random_quant(!strcmp(type, "int16")), typed("int32", &out),
		    "", op);
	}
}

/* Any axes, kept as 1 or not. */
static void reduction(const char *kind, const char *type, bool scales,
		      bool is_onnx)
{
	struct shape s = random_shape(1), out = { 0 };
	bool is_kept = random_in(0, 1), is_wide = !strcmp(type, "int16");
	int mask = random_in(1, (1 << s.rank) - 1), length;
	char op[128], *in_quant = random_quant(is_wide);
	const char *out_quant = scales ? random_quant(is_wide) : in_quant;

	if (!strcmp(type, "bool") || !strcmp(type, "int32"))
		out_quant = in_quant = "";
	length = snprintf(op, sizeof(op), "%s %%1 = %%0 axes=", kind);
	for (int d = 0, first = 1; d < s.rank; d++) {
		if (!(mask >> d & 1) || is_kept)
			out.dim[out.rank++] = mask >> d & 1 ? 1 : s.dim[d];
		if (mask >> d & 1) {
			length += snprintf(op + length, sizeof(op) - length,
					   "%s%d", first ? "" : ",", d);
			first = 0;
		}
	}
	if (is_onnx)
		strcat(op, " mode=onnx");
	run(typed(type, &s), in_quant, typed(type, &out), out_quant, op);
}

static void test_reductions(void **state)
{
	static const struct {
		const char *kind, *type;
		bool scales, is_onnx;
	} kinds[] = {
		{ "mean", "int8", true, false },
		{ "mean", "int8", true, true },
		{ "mean", "int16", true, false },
		{ "sum", "int8", true, false },
		{ "sum", "int16", true, false },
		{ "sum", "int32", false, false },
		{ "reduce_max", "int8", false, false },
		{ "reduce_min", "int8", false, false },
		{ "reduce_max", "int16", false, false },
		{ "reduce_min", "int16", false, false },
		{ "reduce_any", "bool", false, false },
		{ "reduce_all", "bool", false, false },
	};

	seed = 5;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (int i = 0; i < GRAPHS; i++)
			reduction(kinds[k].kind, kinds[k].type, kinds[k].scales,
				  kinds[k].is_onnx);
}

static void test_resize(void **state)
{
	static const char *const modes[] = { "", " mode=align_corners",
					     " mode=half_pixel" };

	seed = 6;
	for (int i = 0; i < 2 * GRAPHS; i++) {
		int c = random_in(1, 20);
		int n = random_in(0, 3) ? 1 : random_in(2, 3);
		struct shape in = { 4, { n, random_in(1, 40), random_in(1, 40),
					 c } };
		struct shape out = { 4, { n, random_in(1, 60),
					  random_in(1, 60), c } };
		bool is_wide = random_in(0, 2) == 0;
		const char *type = is_wide ? "int16" : "int8";
		char *q = random_quant(is_wide), op[64];

		snprintf(op, sizeof(op), "%s %%1 = %%0%s",
			 i % 2 ? "resize_bilinear" : "resize_nearest_neighbor",
			 modes[random_in(0, 2)]);
		run(typed(type, &in), q, typed(type, &out), q, op);
	}
}

static void test_wide_pools(void **state)
{
	seed = 7;
	for (int i = 0; i < GRAPHS; i++) {
		int c = random_in(1, 20), h = random_in(1, 30);
		int w = random_in(1, 30), kh = random_in(1, h < 6 ? h : 6);
		int kw = random_in(1, w < 6 ? w : 6);
		struct shape in = { 4, { 1, h, w, c } };
		struct shape out = { 4, { 1, h - kh + 1, w - kw + 1, c } };
		char *q = random_quant(true), op[128];

		snprintf(op, sizeof(op),
			 "%s %%1 = %%0 stride=1x1 window=%dx%d pad=valid act=%s",
			 i % 2 ? "max_pool_2d" : "average_pool_2d", kh, kw,
			 random_in(0, 1) ? "none" : "relu6");
		run(typed("int16", &in), q, typed("int16", &out), q, op);
	}
}

/* Of all of a picture: no command has such a window. */
static void test_whole_pools(void **state)
{
	static const struct {
		int h, w, c;
	} sizes[] = {
		{ 128, 128, 1 }, { 1, 300, 5 }, { 300, 1, 3 }, { 130, 127, 2 },
		{ 256, 256, 1 }, { 17, 401, 3 },
	};

	seed = 10;
	for (int i = 0; i < 48; i++) {
		int h = sizes[i % 6].h, w = sizes[i % 6].w;
		bool is_wide = i / 6 % 2;
		struct shape in = { 4, { 1, h, w, sizes[i % 6].c } };
		struct shape out = { 4, { 1, 1, 1, sizes[i % 6].c } };
		const char *type = is_wide ? "int16" : "int8";
		char *q = random_quant(is_wide), op[128];

		snprintf(op, sizeof(op),
			 "%s %%1 = %%0 stride=1x1 window=%dx%d pad=valid act=%s",
			 i / 12 % 2 ? "max_pool_2d" : "average_pool_2d", h, w,
			 i < 24 ? "none" : "relu");
		run_with(16, typed(type, &in), q, typed(type, &out), q, op);
	}
	run("int8 [1,90,300,2]", "q=[0.5:3]", "int8 [1,1,1,2]", "q=[0.5:3]",
	    "average_pool_2d %1 = %0 stride=400x400 window=400x400 pad=same act=none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long_rows),
		cmocka_unit_test(test_rows_in_parts),
		cmocka_unit_test(test_long_reductions),
		cmocka_unit_test(test_softmax_of_large_scales),
		cmocka_unit_test(test_softmax_of_long_rows),
		cmocka_unit_test(test_arg),
		cmocka_unit_test(test_reductions),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_wide_pools),
		cmocka_unit_test(test_whole_pools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
