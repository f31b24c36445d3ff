// SPDX-License-Identifier: MIT
/*
 * Prints compiler/OPERATORS.md: for each kind of operator and each type what runs
 * it. Nothing is known here of that: a graph of one operator is compiled, and the
 * compiler says where it runs and why. The script `check` beside it compares.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ir.h"

#define INPUTS_MAX 20

/*
 * What an operand is: written before its shape. The activation's type is that of
 * the column.
 */
enum role {
	ACTIVATION = 'x',
	WEIGHTS = 'w',		/* constant, int8 beside integers */
	BIAS = 'b',		/* constant, int32 beside int8, int64 beside int16 */
	INDICES = 'i',		/* int32 */
	CONDITION = 'c',	/* bool */
	BYTES = 'u',		/* uint8 */
	REAL = 'f',		/* float32 */
	STATE = 's',		/* int16 beside integers */
	TIMES = 't',		/* likewise, constant */
	LEFT_OUT = '-',
};

/* Operands as "role,dimensions", the first one the output. */
static const struct sample {
	enum tnc_op_kind kind;
	const char *operands;
	const char *attributes;
	const char *quant;	/* of an int8 output, where it is prescribed; */
	const char *quant16;	/* likewise of int16 */
} samples[] = {
#define PLAIN "x1,4,5,6 x1,4,5,6"
#define TWO "x1,4,5,6 x1,4,5,6 x1,4,5,6"
#define COMPARED "c1,4,5,6 x1,4,5,6 x1,4,5,6"
#define CONV "stride=1x1 dilation=1x1 pad=same act=none"
#define POOL "stride=2x2 window=2x2 pad=valid act=none"
#define ACT "act=none"
#define Q(kind, operands, attributes, quant) \
	{ TNC_##kind, operands, attributes, quant, "0.000030517578125:0" }
#define S(kind, operands, attributes) Q(kind, operands, attributes, NULL)
	S(CONV_2D, "x1,4,5,8 x1,4,5,6 w8,3,3,6 b8", CONV),
	S(DEPTHWISE_CONV_2D, "x1,4,5,6 x1,4,5,6 w1,3,3,6 b6", CONV),
	S(TRANSPOSE_CONV, "x1,8,10,8 x1,4,5,6 w8,2,2,6",
	  "stride=2x2 pad=valid act=none"),
	S(FULLY_CONNECTED, "x2,8 x2,6 w8,6 b8", ACT),
	S(BATCH_MATMUL, "x1,4,6 x1,4,5 x1,5,6", ACT),
	S(ADD, TWO, ACT),
	S(SUB, TWO, ACT),
	S(MUL, TWO, ACT),
	S(DIV, TWO, ACT),
	S(MAXIMUM, TWO, ACT),
	S(MINIMUM, TWO, ACT),
	S(SQUARED_DIFFERENCE, TWO, ACT),
	S(POW, TWO, ""),
	S(FLOOR_DIV, TWO, ""),
	S(FLOOR_MOD, TWO, ""),
	S(EQUAL, COMPARED, ""),
	S(NOT_EQUAL, COMPARED, ""),
	S(LESS, COMPARED, ""),
	S(LESS_EQUAL, COMPARED, ""),
	S(GREATER, COMPARED, ""),
	S(GREATER_EQUAL, COMPARED, ""),
	S(LOGICAL_AND, "c4 c4 c4", ""),
	S(LOGICAL_OR, "c4 c4 c4", ""),
	S(LOGICAL_NOT, "c4 c4", ""),
	S(SELECT, "x1,4,5,6 c1,4,5,6 x1,4,5,6 x1,4,5,6", ""),
	S(PRELU, "x1,4,5,6 x1,4,5,6 w1,1,6", ""),
	S(RELU, PLAIN, ""),
	S(RELU6, PLAIN, ""),
	S(RELU_N1_TO_1, PLAIN, ""),
	S(RELU_0_TO_1, PLAIN, ""),
	S(CLIP, PLAIN, ""),
	S(LEAKY_RELU, PLAIN, "alpha=0.125"),
	S(ELU, PLAIN, "alpha=1"),
	S(HARD_SWISH, PLAIN, ""),
	S(HARD_SIGMOID, PLAIN, "alpha=0.25 beta=0.5"),
	Q(LOGISTIC, PLAIN, "", "0.00390625:-128"),
	Q(TANH, PLAIN, "", "0.0078125:0"),
	S(GELU, PLAIN, ""),
	S(SOFTPLUS, PLAIN, ""),
	S(EXP, PLAIN, ""),
	S(LOG, PLAIN, ""),
	S(SQRT, PLAIN, ""),
	S(RSQRT, PLAIN, ""),
	S(SQUARE, PLAIN, ""),
	S(ABS, PLAIN, ""),
	S(NEG, PLAIN, ""),
	S(SIGN, PLAIN, ""),
	S(SIN, PLAIN, ""),
	S(COS, PLAIN, ""),
	S(ERF, PLAIN, ""),
	S(FLOOR, PLAIN, ""),
	S(CEIL, PLAIN, ""),
	S(ROUND, PLAIN, ""),
	Q(QUANTIZE, PLAIN, "", "0.25:5"),
	S(DEQUANTIZE, "f1,4,5,6 x1,4,5,6", ""),
	S(DYNAMIC_QUANTIZE, "u1,4,5,6 f1,4,5,6", "result=0"),
	S(CONV_INTEGER, "i1,4,5,8 x1,4,5,6 w8,3,3,6",
	  "stride=1x1 dilation=1x1 pad=same"),
	S(MATMUL_INTEGER, "i4,6 x4,5 w5,6", ""),
	S(CAST, "i1,4,5,6 x1,4,5,6", ""),
	Q(SOFTMAX, "x2,6 x2,6", "beta=1", "0.00390625:-128"),
	Q(LOG_SOFTMAX, "x2,6 x2,6", "", "0.0625:127"),
	Q(L2_NORMALIZATION, "x2,6 x2,6", "", "0.0078125:0"),
	S(LAYER_NORM, "x2,6 x2,6 f6 f6", "axis=1 alpha=0.001"),
	S(MEAN, "x1,6 x1,4,5,6", "axes=1,2"),
	S(SUM, "x1,6 x1,4,5,6", "axes=1,2"),
	S(REDUCE_MAX, "x1,6 x1,4,5,6", "axes=1,2"),
	S(REDUCE_MIN, "x1,6 x1,4,5,6", "axes=1,2"),
	S(REDUCE_PROD, "x1,6 x1,4,5,6", "axes=1,2"),
	S(REDUCE_ANY, "c1 c6", "axes=0"),
	S(REDUCE_ALL, "c1 c6", "axes=0"),
	S(ARG_MAX, "i2 x2,6", "axis=1"),
	S(ARG_MIN, "i2 x2,6", "axis=1"),
	S(CUMSUM, "x2,6 x2,6", "axis=1"),
	S(AVERAGE_POOL_2D, "x1,2,3,6 x1,4,6,6", POOL),
	S(MAX_POOL_2D, "x1,2,3,6 x1,4,6,6", POOL),
	S(L2_POOL_2D, "x1,2,3,6 x1,4,6,6", POOL),
	S(RESIZE_BILINEAR, "x1,8,10,6 x1,4,5,6", ""),
	S(RESIZE_NEAREST_NEIGHBOR, "x1,8,10,6 x1,4,5,6", ""),
	S(RESHAPE, "x1,120 x1,4,5,6", ""),
	S(TRANSPOSE, "x1,5,4,6 x1,4,5,6", "perm=0,2,1,3"),
	S(CONCATENATION, "x1,4,5,12 x1,4,5,6 x1,4,5,6", "axis=3 act=none"),
	S(SLICE, "x1,2,5,6 x1,4,5,6", "begin=0,1,0,0 step=1,1,1,1"),
	S(PAD, "x1,6,7,6 x1,4,5,6", "before=0,1,1,0 after=0,1,1,0"),
	S(MIRROR_PAD, "x1,6,7,6 x1,4,5,6",
	  "before=0,1,1,0 after=0,1,1,0"),
	S(TILE, "x1,8,5,6 x1,4,5,6", ""),
	S(BROADCAST_TO, "x1,4,5,6 x1,1,1,6", ""),
	S(REVERSE, "x1,4,5,6 x1,4,5,6", "axes=1"),
	S(SPACE_TO_DEPTH, "x1,2,3,24 x1,4,6,6", "block=2"),
	S(DEPTH_TO_SPACE, "x1,4,6,6 x1,2,3,24", "block=2"),
	S(SPACE_TO_BATCH_ND, "x4,2,3,6 x1,4,6,6",
	  "block=2,2 before=0,0"),
	S(BATCH_TO_SPACE_ND, "x1,4,6,6 x4,2,3,6",
	  "block=2,2 before=0,0"),
	S(GATHER, "x3,6 x5,6 i3", "axis=0 batch_dims=0"),
	S(GATHER_ND, "x3,6 x5,6 i3,1", ""),
	S(SCATTER_ND, "x5,6 i3,1 x3,6", ""),
	S(ONE_HOT, "x3,5 i3 i x x", "axis=1"),
	S(TOPK_VALUES, "x2,3 x2,6", ""),
	S(TOPK_INDICES, "i2,3 x2,6", ""),
	S(SVDF, "x1,4 x1,6 w8,6 t8,3 - s1,24", "act=none rank=2"),
	S(SVDF_STATE, "s1,24 x1,6 w8,6 t8,3 - s1,24", "rank=2"),
	S(LSTM, "x1,2,4 x1,2,6 w4,6 w4,6 w4,6 w4,6 w4,4 w4,4 w4,4 w4,4 "
	  "- - - b4 b4 b4 b4 - - x1,4 s1,4", ""),
	S(LSTM_CELL, "s1,4 x1,2,6 w4,6 w4,6 w4,6 w4,6 w4,4 w4,4 w4,4 "
	  "w4,4 - - - b4 b4 b4 b4 - - x1,4 s1,4", ""),
	S(DETECTION_POSTPROCESS, "f1,2,4 x1,3,4 x1,3,3 x3,4",
	  "words=0,2,1,100,0,2,1050253722,1056964608,1092616192,1092616192,"
	  "1084227584,1084227584"),
	S(CUSTOM, "x1,6 x1,6", "result=0,1 name=\"a user's\""),
};

static const struct column {
	const char *name;
	const char *quant;	/* NULL: none */
} columns[] = {
	{ "int8", "0.5:-3" }, { "uint8", "0.5:7" }, { "int16", "0.001:0" },
	{ "int32", NULL },    { "float32", NULL }, { "bool", NULL },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* --- Graphs of one operator ------------------------------------------------ */

/* One graph being written. */
struct graph {
	FILE *to;
	FILE *data;
	const struct column *column;
	const struct sample *sample;
	char inputs[256];
	int tensors;
};

/* Bytes of the element, to fill constants. */
static int size_of(const char *type)
{
	for (int i = 0; i < TNC_TYPES; i++)
		if (!strcmp(tnc_type_info[i].name, type))
			return tnc_type_info[i].size;
	return 0;
}

static const char *type_of(const struct graph *g, enum role role)
{
	bool is_float = !strcmp(g->column->name, "float32");

	switch (role) {
	case ACTIVATION:
		return g->column->name;
	case WEIGHTS:
		return is_float ? "float32" : g->column->quant ? "int8" :
								 "int32";
	case BIAS:
		return is_float ? "float32" :
		       !strcmp(g->column->name, "int16") ? "int64" : "int32";
	case INDICES:
		return "int32";
	case CONDITION:
		return "bool";
	case STATE:
	case TIMES:
		return is_float ? "float32" : "int16";
	case BYTES:
		return "uint8";
	default:
		return "float32";
	}
}

static const char *quant_of(const struct graph *g, enum role role)
{
	if (role == WEIGHTS && g->column->quant)
		return "0.01:0";
	if ((role == STATE || role == TIMES) && g->column->quant)
		return "0.00048828125:0";
	if (role != ACTIVATION)
		return NULL;
	if (!g->tensors && g->sample->quant &&
	    !strcmp(g->column->name, "int8"))
		return g->sample->quant;
	if (!g->tensors && g->sample->quant &&
	    !strcmp(g->column->name, "int16"))
		return g->sample->quant16;
	return g->column->quant;
}

static long elements_of(const char *shape)
{
	long elements = 1;

	while (*shape) {
		elements *= strtol(shape, (char **)&shape, 10);
		shape += *shape == ',';
	}
	return elements;
}

/* @operand is its role and its shape. Returns its number, -1 if it is left out. */
static int write_tensor(struct graph *g, const char *operand)
{
	enum role role = *operand++;
	const char *type, *quant;
	bool is_constant = role == WEIGHTS || role == BIAS || role == TIMES;

	if (role == LEFT_OUT)
		return -1;
	type = type_of(g, role);
	quant = quant_of(g, role);
	fprintf(g->to, "%s %%%d %s [%s]", is_constant ? "const" : "tensor",
		g->tensors, type, operand);
	if (quant)
		fprintf(g->to, " q=[%s]", quant);
	fprintf(g->to, " name=\"\"\n");
	if (is_constant) {
		fprintf(g->data, "data %%%d\n", g->tensors);
		for (long i = elements_of(operand) * size_of(type); i > 0; i--)
			fputs(i % 64 ? "00" : "00\n", g->data);
		fputs("\nend\n", g->data);
	} else if (g->tensors) {
		snprintf(g->inputs + strlen(g->inputs),
			 sizeof(g->inputs) - strlen(g->inputs), "input %%%d\n",
			 g->tensors);
	}
	return g->tensors++;
}

static char *write_graph(const struct sample *sample,
			 const struct column *column)
{
	char *text = NULL, *data = NULL, *rest = strdup(sample->operands);
	struct graph g = { .column = column, .sample = sample };
	size_t size, data_size;
	char op[256] = "", *place = NULL;

	g.to = open_memstream(&text, &size);
	g.data = open_memstream(&data, &data_size);
	fputs("tnc 1\nmodel \"\"\n", g.to);
	for (char *word = strtok_r(rest, " ", &place); word;
	     word = strtok_r(NULL, " ", &place)) {
		int id = write_tensor(&g, word);
		size_t used = strlen(op);

		if (id < 0)
			snprintf(op + used, sizeof(op) - used, " -");
		else
			snprintf(op + used, sizeof(op) - used,
				 id ? " %%%d" : "%%%d =", id);
	}
	fclose(g.data);
	fprintf(g.to, "%s%s %s %s source=0\noutput %%0\n%s", g.inputs,
		tnc_op_info[sample->kind].name, op, sample->attributes, data);
	fclose(g.to);
	free(data);
	free(rest);
	return text;
}

/* --- The table ------------------------------------------------------------- */

/* Where it runs; @why gets the reason why not on the machine. */
static const char *place_of(const char *text, char why[TNC_ERROR_TEXT])
{
	struct tnc_options options;
	struct tnc_error error;
	char *partition = NULL, *colon;
	size_t length, size;
	void *program;
	int status;

	tnc_options_init(&options);
	options.name = "graph";
	options.partition_to = open_memstream(&partition, &length);
	status = tnc_compile(text, strlen(text), &options, &program, &size,
			     &error);
	fclose(options.partition_to);
	free(program);
	why[0] = '\0';
	colon = strstr(status ? error.text : partition, "': ");
	if (colon)
		snprintf(why, TNC_ERROR_TEXT, "%.*s",
			 (int)strcspn(colon + 3, "\n"), colon + 3);
	free(partition);
	return status == -EINVAL ? "?" : status ? "" : colon ? "CPU" : "machine";
}

/* Where no operand has the column's type there is one column alone. */
static bool has_column(const struct sample *sample, const struct column *column)
{
	struct graph g = { .column = column, .sample = sample };

	return strchr(sample->operands, ACTIVATION) ||
	       !strcmp(type_of(&g, sample->operands[0]), column->name);
}

static void print_row(const struct sample *sample, bool shows_graph)
{
	char why[TNC_ERROR_TEXT], first[TNC_ERROR_TEXT] = "";

	printf("| %s |", tnc_op_info[sample->kind].title);
	for (size_t i = 0; i < COLUMNS; i++) {
		char *text = write_graph(sample, &columns[i]);
		bool has = has_column(sample, &columns[i]);

		if (shows_graph && has)
			fputs(text, stderr);
		printf(" %s |", has ? place_of(text, why) : "");
		if (!i && has)
			snprintf(first, sizeof(first), "%s", why);
		free(text);
	}
	printf(" %s |\n", strcmp(first, "integers, not quantised") &&
			 strcmp(first, "float32") ? first : "");
}

int main(int argc, char **argv)
{
	printf("# What runs where\n\n"
	       "Made by `tests/operators/check --update`; do not edit. A graph of "
	       "each operator was\ncompiled for the default machine: *machine* is "
	       "where it runs there, *CPU* where the\nlibrary computes it, on float "
	       "numbers if they are quantised; nothing means neither,\n*?* that the "
	       "operator has no such type. The last column is what the compiler said "
	       "of int8.\nLarger shapes, other scales or attributes may be refused by "
	       "the machine: `tinynpu\ncompile` says what of a model runs on the CPU, "
	       "and why.\n\nQuantised uint8 tensors of a model have become int8 when "
	       "its file has been read; the\ncolumn uint8 is about what operators "
	       "see beyond that.\n\n| operator |");
	for (size_t i = 0; i < COLUMNS; i++)
		printf(" %s |", columns[i].name);
	printf(" why |\n| --- |");
	for (size_t i = 0; i <= COLUMNS; i++)
		printf(" --- |");
	printf("\n");
	for (int kind = 0; kind < TNC_OP_KINDS; kind++) {
		int i = 0;

		/* what a pass makes of others, and what runs other programs */
		if (kind == TNC_VECTOR || kind == TNC_WHILE)
			continue;
		while (i < TNC_ARRAY_SIZE(samples) && samples[i].kind != kind)
			i++;
		if (i == TNC_ARRAY_SIZE(samples)) {
			fprintf(stderr, "%s has no sample in tests/operators/table.c\n",
				tnc_op_info[kind].title);
			return 1;
		}
		print_row(&samples[i], argc > 1 &&
			  !strcmp(argv[1], tnc_op_info[kind].title));
	}
	return 0;
}
