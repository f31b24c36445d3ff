// SPDX-License-Identifier: MIT
/*
 * Random operators that multiply with weights, in every format: int8 and int16
 * activations, weights with zero points, TensorFlow Lite's and ONNX Runtime's
 * factors. What is compiled for random machines is what the reference executor
 * computes. Graphs are chains of two or three operators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiled.h"
#include "graphs.h"

enum form { INT8, INT16, INT16_NARROW, ONNX, FORMS };

struct maker {
	uint64_t seed;
	FILE *tensors;		/* text before and after the operators */
	FILE *ops;
	int ids;
	double unit;		/* product of the matrices' scales */
	enum form form;
};

struct map {
	int id;
	int h, w, c;
};

static int random_in(struct maker *m, int least, int most)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) +
		  1442695040888963407;
	return least + (m->seed >> 33) % (most - least + 1);
}

/* Often powers of two for ONNX: so that there are halves to round. */
static double random_scale(struct maker *m)
{
	if (m->form == ONNX && random_in(m, 0, 2))
		return 1.0 / (1 << random_in(m, 3, 8));
	return random_in(m, 20, 1000) / 10000.0;
}

static void data(struct maker *m, int id, int bytes)
{
	fprintf(m->ops, "data %%%d\n", id);
	for (int i = 0; i < bytes; i++)
		fprintf(m->ops, "%02x%s", random_in(m, 0, 255),
			i % 32 == 31 ? "\n" : "");
	fputs("\nend\n", m->ops);
}

static bool is_int16(const struct maker *m)
{
	return m->form == INT16 || m->form == INT16_NARROW;
}

/* Scales such that most results of a layer are not clamped. */
static struct map activation(struct maker *m, int h, int w, int c)
{
	double scale = is_int16(m) ? random_scale(m) / 50 :
				     random_scale(m) * 4;

	fprintf(m->tensors,
		"tensor %%%d %s [1,%d,%d,%d] q=[%.9g:%d] name=\"m%d\"\n",
		m->ids, is_int16(m) ? "int16" : "int8", h, w, c, scale,
		is_int16(m) ? 0 : random_in(m, -128, 127), m->ids);
	return (struct map){ m->ids++, h, w, c };
}

/* @channels: of them dimension @axis has so many. @zeros: may there be any? */
static int weights(struct maker *m, const char *shape, int bytes, int axis,
		   int channels, bool zeros)
{
	int scales = random_in(m, 0, 2) && !zeros ? channels : 1;

	if (m->form == ONNX)
		zeros = true;
	fprintf(m->tensors, "const %%%d int8 [%s] axis=%d q=[", m->ids, shape,
		axis);
	for (int i = 0; i < scales; i++)
		fprintf(m->tensors, "%s%.9g:%d", i ? " " : "",
			random_scale(m) / 32,
			zeros ? random_in(m, -128, 127) : 0);
	fprintf(m->tensors, "] name=\"w%d\"\n", m->ids);
	data(m, m->ids, bytes);
	return m->ids++;
}

/* A bias of 16 bits, wide where sums are. */
static void bias(struct maker *m, int channels)
{
	int size = m->form == INT16 ? 8 : 4;

	if (m->form != INT16_NARROW && !random_in(m, 0, 4))
		return;
	fprintf(m->ops, " %%%d", m->ids);
	fprintf(m->tensors, "const %%%d int%d [%d] q=[1:0] name=\"b%d\"\n",
		m->ids, 8 * size, channels, m->ids);
	fprintf(m->tensors, "data %%%d\n", m->ids++);
	for (int i = 0; i < channels; i++) {
		fprintf(m->tensors, "%02x%02x", random_in(m, 0, 255),
			random_in(m, 0, 255));
		for (int k = 2; k < size; k++)
			fputs("00", m->tensors);
		fputs("\n", m->tensors);
	}
	fputs("end\n", m->tensors);
}

static void finish(struct maker *m)
{
	static const char *const acts[] = { "none", "relu", "relu6",
					    "relu_n1_to_1" };

	fprintf(m->ops, " act=%s%s\n", acts[random_in(m, 0, 3)],
		m->form == ONNX ? " mode=onnx" : "");
}

static struct map conv(struct maker *m, struct map in)
{
	bool is_dw = in.c <= 40 && random_in(m, 0, 1);
	int kh = random_in(m, 1, 4), kw = random_in(m, 1, 4);
	int stride = random_in(m, 1, 2), dilation = random_in(m, 1, 2);
	int multiplier = random_in(m, 1, 3);
	int c = is_dw ? in.c * multiplier : random_in(m, 1, 70);
	char shape[64];
	struct map out;
	int w;

	snprintf(shape, sizeof(shape), "%d,%d,%d,%d", is_dw ? 1 : c, kh, kw,
		 is_dw ? c : in.c);
	w = weights(m, shape, kh * kw * c * (is_dw ? 1 : in.c), is_dw ? 3 : 0,
		    c, false);
	out = activation(m, (in.h + stride - 1) / stride,
			 (in.w + stride - 1) / stride, c);
	fprintf(m->ops, "%s %%%d = %%%d %%%d",
		is_dw ? "depthwise_conv_2d" : "conv_2d", out.id, in.id, w);
	bias(m, c);
	fprintf(m->ops, " stride=%dx%d dilation=%dx%d pad=same", stride,
		stride, dilation, dilation);
	finish(m);
	return out;
}

static struct map fully_connected(struct maker *m, struct map in)
{
	int channels = random_in(m, 1, 90);
	struct map out = activation(m, in.h, in.w, channels);
	char shape[64];
	int w;

	snprintf(shape, sizeof(shape), "%d,%d", channels, in.c);
	w = weights(m, shape, channels * in.c, 0, channels,
		    random_in(m, 0, 1));
	fprintf(m->ops, "fully_connected %%%d = %%%d %%%d", out.id, in.id, w);
	bias(m, channels);
	finish(m);
	return out;
}

static char *make_graph(struct maker *m, size_t *size)
{
	char *ops = NULL, *text = NULL;
	size_t ops_size;
	struct map map;
	int in;

	m->ids = 0;
	m->tensors = open_memstream(&text, size);
	m->ops = open_memstream(&ops, &ops_size);
	fputs("tnc 1\nmodel \"random\"\n", m->tensors);
	map = activation(m, random_in(m, 1, 24), random_in(m, 1, 24),
			 random_in(m, 1, 40));
	in = map.id;
	for (int i = random_in(m, 1, 2); i > 0; i--)
		map = conv(m, map);
	map = fully_connected(m, map);
	fclose(m->ops);
	fprintf(m->tensors, "input %%%d\n%soutput %%%d\n", in, ops, map.id);
	fclose(m->tensors);
	free(ops);
	return text;
}

static struct npu_machine random_machine(struct maker *m)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;

	machine.sram_size = 1024 * random_in(m, 16, 64);
	machine.macs = 32 << random_in(m, 0, 5);
	machine.mem_bw = random_in(m, 1, 16);
	machine.sram_bw = random_in(m, 1, 32);
	machine.mem_latency = random_in(m, 0, 500);
	return machine;
}

static void compare_graphs(enum form form)
{
	struct maker m = { .seed = 20261125 + form, .form = form };

	for (int i = 0; i < GRAPHS; i++) {
		struct npu_machine machine = random_machine(&m);
		size_t size;
		char *text = make_graph(&m, &size);

		compiled_compare(text, size, &machine);
		free(text);
	}
}

static void test_int8(void **state)
{
	compare_graphs(INT8);
}

static void test_int16(void **state)
{
	compare_graphs(INT16);
}

static void test_int16_with_narrow_sums(void **state)
{
	compare_graphs(INT16_NARROW);
}

static void test_onnx(void **state)
{
	compare_graphs(ONNX);
}

/* --- Products of two tensors ------------------------------------------------ */

/* Matrices in their batches, as text. */
struct matrices {
	char shape[64];
	int elements;
};

static struct matrices matrices(const int *batch, int dims, int rows,
				int columns)
{
	struct matrices m = { .elements = rows * columns };
	int at = 0;

	for (int d = 0; d < dims; d++) {
		at += snprintf(m.shape + at, sizeof(m.shape) - at, "%d,",
			       batch[d]);
		m.elements *= batch[d];
	}
	snprintf(m.shape + at, sizeof(m.shape) - at, "%d,%d", rows, columns);
	return m;
}

/* An input of the model, a constant, or what an operator makes of an input. */
static int operand(struct maker *m, const struct matrices *t)
{
	int kind = random_in(m, 0, 2), zero = random_in(m, -128, 127);
	const char *type = is_int16(m) ? "int16" : "int8";
	double scale = random_scale(m);

	if (is_int16(m))
		zero = 0;
	m->unit *= scale;
	fprintf(m->tensors, "%s %%%d %s [%s] q=[%.9g:%d] name=\"t%d\"\n",
		kind ? "tensor" : "const", m->ids, type, t->shape, scale, zero,
		m->ids);
	if (!kind) {
		data(m, m->ids, t->elements * (is_int16(m) ? 2 : 1));
		return m->ids++;
	}
	fprintf(m->ops, "input %%%d\n", m->ids++);
	if (kind == 1)
		return m->ids - 1;
	fprintf(m->tensors, "tensor %%%d %s [%s] q=[%.9g:%d] name=\"s%d\"\n",
		m->ids, type, t->shape, scale, zero, m->ids);
	fprintf(m->ops, "maximum %%%d = %%%d %%%d act=none\n", m->ids,
		m->ids - 1, m->ids - 1);
	return m->ids++;
}

static int result(struct maker *m, const struct matrices *t)
{
	if (is_int16(m)) {
		fprintf(m->tensors,
			"tensor %%%d int16 [%s] q=[%.9g:0] name=\"y\"\n",
			m->ids, t->shape, m->unit *
				(1 << random_in(m, 6, 24)) *
				random_in(m, 100, 199) / 100);
		return m->ids++;
	}
	fprintf(m->tensors, "tensor %%%d int8 [%s] q=[%.9g:%d] name=\"y\"\n",
		m->ids, t->shape, random_scale(m) * 40,
		random_in(m, -128, 127));
	return m->ids++;
}

static int batch_matmul(struct maker *m)
{
	int rows = random_in(m, 1, 40), depth = random_in(m, 1, 60);
	int columns = random_in(m, 1, 50), dims = random_in(m, 0, 3);
	bool adjoint_a = !random_in(m, 0, 3), adjoint_b = random_in(m, 0, 1);
	int a_batch[3], b_batch[3], batch[3], a, b, out;
	struct matrices t;

	for (int d = 0; d < dims; d++) {
		batch[d] = random_in(m, 1, 3);
		a_batch[d] = random_in(m, 0, 3) ? batch[d] : 1;
		b_batch[d] = random_in(m, 0, 3) || a_batch[d] < batch[d] ?
				     batch[d] : 1;
	}
	t = adjoint_a ? matrices(a_batch, dims, depth, rows) :
			matrices(a_batch, dims, rows, depth);
	a = operand(m, &t);
	t = adjoint_b ? matrices(b_batch, dims, columns, depth) :
			matrices(b_batch, dims, depth, columns);
	b = operand(m, &t);
	t = matrices(batch, dims, rows, columns);
	out = result(m, &t);
	fprintf(m->ops, "batch_matmul %%%d = %%%d %%%d act=none", out, a, b);
	if (adjoint_a || adjoint_b || m->form == ONNX)
		fprintf(m->ops, " mode=%s%s%s%s%s",
			adjoint_a ? "adjoint_a" : "",
			adjoint_a && adjoint_b ? "+" : "",
			adjoint_b ? "adjoint_b" : "",
			(adjoint_a || adjoint_b) && m->form == ONNX ? "+" : "",
			m->form == ONNX ? "onnx" : "");
	fputs("\n", m->ops);
	return out;
}

/* A fully connected layer whose weights are computed. */
static int computed_weights(struct maker *m)
{
	int rows = random_in(m, 1, 40), depth = random_in(m, 1, 200);
	int channels = random_in(m, 1, 90);
	struct matrices in = matrices(NULL, 0, rows, depth);
	struct matrices w = matrices(NULL, 0, channels, depth);
	struct matrices t = matrices(NULL, 0, rows, channels);
	int a = operand(m, &in), b = operand(m, &w), out = result(m, &t);

	fprintf(m->ops, "fully_connected %%%d = %%%d %%%d", out, a, b);
	bias(m, channels);
	finish(m);
	return out;
}

static void compare_products(enum form form, int (*make)(struct maker *m))
{
	struct maker m = { .seed = 7 + form, .form = form };

	for (int i = 0; i < GRAPHS; i++) {
		struct npu_machine machine = random_machine(&m);
		char *ops = NULL, *text = NULL;
		size_t ops_size, size;
		int spare, out;

		m.ids = 0;
		m.unit = 1;
		m.tensors = open_memstream(&text, &size);
		m.ops = open_memstream(&ops, &ops_size);
		fputs("tnc 1\nmodel \"random\"\n", m.tensors);
		/* So that there is an input, whatever the operands are. */
		spare = result(&m, &(struct matrices){ "1,1", 1 });
		out = make(&m);
		fclose(m.ops);
		fprintf(m.tensors, "input %%%d\n%soutput %%%d\n", spare, ops,
			out);
		fclose(m.tensors);
		compiled_compare(text, size, &machine);
		free(ops);
		free(text);
	}
}

static void test_batch_matmul(void **state)
{
	compare_products(INT8, batch_matmul);
}

static void test_batch_matmul_int16(void **state)
{
	compare_products(INT16, batch_matmul);
}

/* As deep as can be, and all elements of one matrix the least there is. */
static void test_deep_batch_matmul_int16(void **state)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	fputs("tnc 1\n"
	      "const %0 int16 [3,508] q=[0.01:0] name=\"a\"\n"
	      "tensor %1 int16 [508,4] q=[0.01:0] name=\"b\"\n"
	      "tensor %2 int16 [3,4] q=[5:0] name=\"y\"\n"
	      "input %1\n"
	      "batch_matmul %2 = %0 %1 act=none\n"
	      "output %2\n"
	      "data %0\n", to);
	for (int i = 0; i < 3 * 508; i++)
		fputs(i % 16 == 15 ? "0080\n" : "0080", to);
	fputs("\nend\n", to);
	fclose(to);
	machine.sram_size = NPU_SRAM_MIN;
	compiled_compare(text, size, &machine);
	free(text);
}

static void test_batch_matmul_onnx(void **state)
{
	compare_products(ONNX, batch_matmul);
}

static void test_computed_weights(void **state)
{
	compare_products(INT8, computed_weights);
}

/*
 * Operators may take turns, band by band. A product can't: all of its second
 * matrix has to be there, and a band must not reach from batch to batch.
 */
static void test_products_take_no_turns(void **state)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %0 int8 [2,59,21] q=[0.05:3] name=\"a\"\n"
		"tensor %1 int8 [2,21,54] q=[0.05:-2] name=\"b\"\n"
		"tensor %2 int8 [2,21,54] q=[0.05:-2] name=\"b2\"\n"
		"tensor %3 int8 [2,59,54] q=[0.7:1] name=\"y\"\n"
		"tensor %4 int8 [2,59,54] q=[0.7:1] name=\"y2\"\n"
		"input %0\n"
		"input %1\n"
		"maximum %2 = %1 %1 act=none\n"
		"batch_matmul %3 = %0 %2 act=none\n"
		"maximum %4 = %3 %3 act=none\n"
		"output %4\n";
	struct npu_machine machine = NPU_MACHINE_DEFAULT;

	/* Where turns would pay. */
	machine.macs = 64;
	machine.mem_bw = 32;
	machine.mem_latency = 153;
	machine.sram_bw = 18;
	compiled_compare(text, strlen(text), &machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_int8),
		cmocka_unit_test(test_int16),
		cmocka_unit_test(test_int16_with_narrow_sums),
		cmocka_unit_test(test_onnx),
		cmocka_unit_test(test_batch_matmul),
		cmocka_unit_test(test_batch_matmul_int16),
		cmocka_unit_test(test_deep_batch_matmul_int16),
		cmocka_unit_test(test_batch_matmul_onnx),
		cmocka_unit_test(test_computed_weights),
		cmocka_unit_test(test_products_take_no_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
