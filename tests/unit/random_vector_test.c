// SPDX-License-Identifier: MIT
/*
 * Random graphs of operators that become programs of the vector unit, on random
 * machines: what the compiled program computes in the simulator is what the
 * reference executor computes. Shapes of any rank, inputs that are repeated,
 * constants among them, every type that an operator takes.
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

/* Types of an operator's tensors, each one letter: b w i u ? see type_name(). */
struct kind {
	const char *name;
	const char *in;		/* of each input */
	const char *out;
	const char *attrs;
};

struct maker {
	uint64_t seed;
	FILE *tensors;
	FILE *ops;
	FILE *inputs;
	int ids;
};

struct shape {
	int rank;
	int dim[RANK_MAX];
};

static int random_in(struct maker *m, int least, int most)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) +
		  1442695040888963407;
	return least + (m->seed >> 33) % (most - least + 1);
}

static const char *type_name(char type)
{
	switch (type) {
	case 'b': return "int8";
	case 'w': return "int16";
	case 'i': return "int32";
	case 'u': return "uint8";
	default: return "bool";
	}
}

static int type_size(char type)
{
	return type == 'i' ? 4 : type == 'w' ? 2 : 1;
}

static void write_shape(FILE *to, const struct shape *s)
{
	for (int i = 0; i < s->rank; i++)
		fprintf(to, "%s%d", i ? "," : "", s->dim[i]);
}

/* Scales of int16 are smaller: about the same range of values. */
static void write_quant(struct maker *m, const char *name, char type,
			bool is_output)
{
	double scale = random_in(m, 20, 1000) / 10000.0;
	int zero = random_in(m, -128, 127);

	if (type == 'i' || type == '?')
		return;
	if (type == 'w') {
		scale /= 200;
		zero = 0;
	}
	if (type == 'u')
		zero += 128;
	if (is_output && !strcmp(name, "logistic")) {
		scale = type == 'b' ? 1 / 256. : 1 / 32768.;
		zero = type == 'b' ? -128 : 0;
	}
	if (is_output && !strcmp(name, "tanh")) {
		scale = type == 'b' ? 1 / 128. : 1 / 32768.;
		zero = 0;
	}
	if (!is_output && type == 'w' && random_in(m, 0, 3) == 0)
		scale = 1 / 4096. / random_in(m, 1, 2) * random_in(m, 1, 2);
	fprintf(m->tensors, " q=[%.9g:%d]", scale, zero);
}

static void write_data(struct maker *m, const struct shape *s, char type)
{
	int bytes = type_size(type);

	for (int i = 0; i < s->rank; i++)
		bytes *= s->dim[i];
	fprintf(m->ops, "data %%%d\n", m->ids);
	for (int i = 0; i < bytes; i++)
		fprintf(m->ops, "%02x%s", random_in(m, 0, type == '?' ? 1 : 255),
			i % 32 == 31 ? "\n" : "");
	fputs("\nend\n", m->ops);
}

static int tensor(struct maker *m, const char *name, const struct shape *s,
		  char type, bool is_output)
{
	bool is_const = !is_output && m->ids && random_in(m, 0, 3) == 0;

	fprintf(m->tensors, "%s %%%d %s [", is_const ? "const" : "tensor",
		m->ids, type_name(type));
	write_shape(m->tensors, s);
	fputs("]", m->tensors);
	write_quant(m, name, type, is_output);
	fprintf(m->tensors, " name=\"t%d\"\n", m->ids);
	if (is_const)
		write_data(m, s, type);
	else if (!is_output)
		fprintf(m->inputs, "input %%%d\n", m->ids);
	return m->ids++;
}

static struct shape random_shape(struct maker *m)
{
	struct shape s = { .rank = random_in(m, 1, RANK_MAX) };
	int left = random_in(m, 0, 4) ? 3000 : 30000;

	for (int i = 0; i < s.rank; i++) {
		s.dim[i] = random_in(m, 0, 3) ? random_in(m, 1, 24) : 1;
		if (s.dim[i] > left)
			s.dim[i] = 1;
		left /= s.dim[i];
	}
	if (random_in(m, 0, 2) == 0)
		s.dim[s.rank - 1] *= random_in(m, 1, left);
	return s;
}

/*
 * Some dimensions of an input are 1, in which it is repeated: the first ones,
 * some, or all; leading ones may be left out.
 */
static struct shape repeated(struct maker *m, const struct shape *full)
{
	struct shape s = *full;
	int first = random_in(m, 0, s.rank), how = random_in(m, 0, 3);

	for (int i = 0; i < s.rank; i++)
		if (how == 1 || (how == 2 && i < first) ||
		    (how == 3 && i >= first))
			s.dim[i] = 1;
	while (s.rank > 1 && s.dim[0] == 1 && random_in(m, 0, 1)) {
		memmove(s.dim, s.dim + 1, --s.rank * sizeof(s.dim[0]));
	}
	return s;
}

static char *make_graph(struct maker *m, const struct kind *kind, size_t *size)
{
	char *ops = NULL, *text = NULL, *inputs = NULL;
	size_t ops_size, inputs_size;
	struct shape full = random_shape(m);
	int in[3], count = strlen(kind->in), whole = random_in(m, 0, count - 1);
	int out;

	m->ids = 0;
	m->tensors = open_memstream(&text, size);
	m->ops = open_memstream(&ops, &ops_size);
	m->inputs = open_memstream(&inputs, &inputs_size);
	fputs("tnc 1\n", m->tensors);
	for (int i = 0; i < count; i++) {
		struct shape s = i == whole || count == 1 ? full :
							    repeated(m, &full);

		in[i] = tensor(m, kind->name, &s, kind->in[i], false);
	}
	out = tensor(m, kind->name, &full, kind->out[0], true);
	fprintf(m->ops, "%s %%%d =", kind->name, out);
	for (int i = 0; i < count; i++)
		fprintf(m->ops, " %%%d", in[i]);
	fprintf(m->ops, "%s\n", kind->attrs);
	fprintf(m->ops, "output %%%d\n", out);
	fclose(m->ops);
	fclose(m->inputs);
	fprintf(m->tensors, "%s%s", inputs, ops);
	fclose(m->tensors);
	free(ops);
	free(inputs);
	return text;
}

static void test_kind(struct maker *m, const struct kind *kind)
{
	for (int i = 0; i < GRAPHS; i++) {
		struct npu_machine machine = NPU_MACHINE_DEFAULT;
		size_t size;
		char *text = make_graph(m, kind, &size);

		machine.sram_size = 1024 * (random_in(m, 0, 2) ? 16 :
					    random_in(m, 16, 96));
		machine.macs = 32 << random_in(m, 0, 5);
		machine.mem_bw = random_in(m, 1, 16);
		machine.sram_bw = random_in(m, 1, 32);
		compiled_compare(text, size, &machine);
		free(text);
	}
}

static void test_kinds(const struct kind *kinds, int count)
{
	struct maker m = { .seed = 20261125 };

	for (int i = 0; i < count; i++)
		test_kind(&m, &kinds[i]);
}

#define TEST_KINDS(kinds) test_kinds(kinds, sizeof(kinds) / sizeof((kinds)[0]))

static void test_tables(void **state)
{
	static const struct kind kinds[] = {
		{ "relu", "b", "b", "" },
		{ "relu6", "b", "b", "" },
		{ "relu_n1_to_1", "b", "b", "" },
		{ "relu_0_to_1", "b", "b", "" },
		{ "leaky_relu", "b", "b", " alpha=0.3" },
		{ "leaky_relu", "b", "b", " alpha=-0.7" },
		{ "elu", "b", "b", " alpha=1" },
		{ "hard_swish", "b", "b", "" },
		{ "hard_sigmoid", "b", "b", " alpha=0.2 beta=0.5" },
		{ "logistic", "b", "b", "" },
		{ "tanh", "b", "b", "" },
		{ "gelu", "b", "b", "" },
		{ "gelu", "b", "b", " mode=approximate" },
		{ "softplus", "b", "b", "" },
		{ "exp", "b", "b", "" },
		{ "log", "b", "b", "" },
		{ "sqrt", "b", "b", "" },
		{ "rsqrt", "b", "b", "" },
		{ "square", "b", "b", "" },
		{ "abs", "b", "b", "" },
		{ "neg", "b", "b", "" },
		{ "sign", "b", "b", "" },
		{ "sin", "b", "b", "" },
		{ "cos", "b", "b", "" },
		{ "erf", "b", "b", "" },
		{ "floor", "b", "b", "" },
		{ "ceil", "b", "b", "" },
		{ "round", "b", "b", "" },
	};

	TEST_KINDS(kinds);
}

static void test_int16(void **state)
{
	static const struct kind kinds[] = {
		{ "relu", "w", "w", "" },
		{ "relu6", "w", "w", "" },
		{ "relu_n1_to_1", "w", "w", "" },
		{ "leaky_relu", "w", "w", " alpha=0.3" },
		{ "leaky_relu", "w", "w", " alpha=-0.7" },
		{ "logistic", "w", "w", "" },
		{ "tanh", "w", "w", "" },
		{ "abs", "w", "w", "" },
		{ "rsqrt", "w", "w", "" },
		{ "exp", "w", "w", "" },
		{ "add", "ww", "w", " act=none" },
		{ "sub", "ww", "w", " act=relu" },
		{ "mul", "ww", "w", " act=relu6" },
		{ "maximum", "ww", "w", " act=none" },
		{ "minimum", "ww", "w", " act=none" },
		{ "squared_difference", "ww", "w", " act=none" },
		{ "prelu", "wb", "w", "" },
	};

	TEST_KINDS(kinds);
}

static void test_types(void **state)
{
	static const struct kind kinds[] = {
		{ "quantize", "b", "b", "" },
		{ "quantize", "b", "w", "" },
		{ "quantize", "w", "b", "" },
		{ "quantize", "w", "w", "" },
		{ "quantize", "u", "b", "" },
		{ "quantize", "b", "u", "" },
		{ "cast", "b", "i", "" },
		{ "cast", "i", "b", "" },
		{ "cast", "i", "w", "" },
		{ "cast", "w", "u", "" },
		{ "cast", "i", "?", "" },
		{ "cast", "?", "b", "" },
		{ "cast", "u", "i", "" },
	};

	TEST_KINDS(kinds);
}

static void test_comparisons(void **state)
{
	static const struct kind kinds[] = {
		{ "equal", "bb", "?", "" },
		{ "not_equal", "bb", "?", "" },
		{ "less", "bb", "?", "" },
		{ "less_equal", "bb", "?", "" },
		{ "greater", "bb", "?", "" },
		{ "greater_equal", "bb", "?", "" },
		{ "equal", "??", "?", "" },
		{ "not_equal", "ii", "?", "" },
		{ "less", "ii", "?", "" },
		{ "greater_equal", "ww", "?", "" },
		{ "logical_and", "??", "?", "" },
		{ "logical_or", "??", "?", "" },
		{ "logical_not", "?", "?", "" },
		{ "select", "?bb", "b", "" },
		{ "select", "?ww", "w", "" },
		{ "select", "?ii", "i", "" },
		{ "select", "???", "?", "" },
	};

	TEST_KINDS(kinds);
}

static void test_arithmetic(void **state)
{
	static const struct kind kinds[] = {
		{ "squared_difference", "bb", "b", " act=none" },
		{ "prelu", "bb", "b", "" },
		{ "maximum", "bb", "b", " act=none" },
		{ "minimum", "bb", "b", " act=none" },
		{ "add", "ii", "i", " act=none" },
		{ "sub", "ii", "i", " act=none" },
		{ "mul", "ii", "i", " act=none" },
		{ "maximum", "ii", "i", " act=none" },
		{ "minimum", "uu", "u", " act=none" },
		{ "squared_difference", "ii", "i", " act=none" },
		{ "relu", "i", "i", "" },
		{ "relu6", "i", "i", "" },
		{ "relu_n1_to_1", "i", "i", "" },
		{ "relu_0_to_1", "i", "i", "" },
		{ "abs", "i", "i", "" },
		{ "neg", "i", "i", "" },
		{ "sign", "i", "i", "" },
		{ "square", "i", "i", "" },
	};

	TEST_KINDS(kinds);
}

static void test_onnx(void **state)
{
	static const struct kind kinds[] = {
		{ "add", "bb", "b", " act=none mode=onnx" },
		{ "add", "bb", "b", " act=none mode=onnx+unsigned" },
		{ "mul", "bb", "b", " act=none mode=onnx" },
		{ "mul", "bb", "b", " act=none mode=onnx+unsigned" },
		{ "logistic", "b", "b", " mode=onnx" },
		{ "leaky_relu", "b", "b", " alpha=0.3 mode=onnx" },
	};

	TEST_KINDS(kinds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_int16),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_onnx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
