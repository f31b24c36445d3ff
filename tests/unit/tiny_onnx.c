// SPDX-License-Identifier: MIT
/* Writes small ONNX models for tests; see tiny_onnx.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tiny_onnx.h"

/* Protocol buffers' kinds of fields. */
enum { VARINT, FIXED64, LENGTH, FIXED32 = 5 };

/* Fields of onnx.proto. */
enum {
	MODEL_IR_VERSION = 1,
	MODEL_GRAPH = 7,
	MODEL_OPSET = 8,
	GRAPH_NODE = 1,
	GRAPH_NAME = 2,
	GRAPH_INITIALIZER = 5,
	GRAPH_INPUT = 11,
	GRAPH_OUTPUT = 12,
	GRAPH_VALUE = 13,
	OPSET_DOMAIN = 1,
	OPSET_VERSION = 2,
	NODE_INPUT = 1,
	NODE_OUTPUT = 2,
	NODE_OP = 4,
	NODE_ATTRIBUTE = 5,
	NODE_DOMAIN = 7,
	ATTR_NAME = 1,
	ATTR_F = 2,
	ATTR_I = 3,
	ATTR_S = 4,
	ATTR_GRAPH = 6,
	ATTR_FLOATS = 7,
	ATTR_INTS = 8,
	ATTR_STRINGS = 9,
	ATTR_TYPE = 20,
	TENSOR_DIMS = 1,
	TENSOR_TYPE = 2,
	TENSOR_FLOATS = 4,
	TENSOR_INT32S = 5,
	TENSOR_INT64S = 7,
	TENSOR_NAME = 8,
	TENSOR_RAW = 9,
	TENSOR_LOCATION = 14,
	VALUE_NAME = 1,
	VALUE_TYPE = 2,
};

struct message {
	uint8_t bytes[TINY_ONNX_MAX / 4];
	size_t size;
};

static void put(struct message *m, const void *bytes, size_t size)
{
	assert_true(size <= sizeof(m->bytes) - m->size);
	memcpy(m->bytes + m->size, bytes, size);
	m->size += size;
}

static void put_varint(struct message *m, uint64_t value)
{
	do {
		uint8_t byte = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);

		put(m, &byte, 1);
		value >>= 7;
	} while (value);
}

static void put_int(struct message *m, int field, int64_t value)
{
	put_varint(m, field << 3 | VARINT);
	put_varint(m, value);
}

static void put_bytes(struct message *m, int field, const void *bytes,
		      size_t size)
{
	put_varint(m, field << 3 | LENGTH);
	put_varint(m, size);
	put(m, bytes, size);
}

static void put_text(struct message *m, int field, const char *text)
{
	put_bytes(m, field, text, strlen(text));
}

static void put_message(struct message *m, int field, const struct message *in)
{
	put_bytes(m, field, in->bytes, in->size);
}

static void put_float(struct message *m, int field, float value)
{
	put_varint(m, field << 3 | FIXED32);
	put(m, &value, 4);
}

static int type_number(const char *name)
{
	static const char *const names[] = {
		"undefined", "f32", "u8", "i8", "u16", "i16", "i32", "i64",
		"string", "bool", "f16", "f64",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return i;
	return atoi(name);
}

static int64_t put_dims(struct message *m, const char *dims)
{
	int64_t count = 1;
	char *end;

	if (!strcmp(dims, "-"))
		return 1;
	for (;; dims = end + 1) {
		int64_t size = strtoll(dims, &end, 10);

		put_int(m, TENSOR_DIMS, size);
		count *= size;
		if (*end != ',')
			return count;
	}
}

static void put_raw(struct message *raw, int type, double value)
{
	float f = value;
	int64_t i = value;

	if (type == 1)
		put(raw, &f, 4);
	else if (type == 11)
		put(raw, &value, 8);
	else if (type == 10)
		put(raw, &i, 2); /* its bits */
	else
		put(raw, &i, type == 7 ? 8 : type == 6 ? 4 : 1);
}

static void put_typed(struct message *m, int type, double value)
{
	if (type == 1)
		put_float(m, TENSOR_FLOATS, value);
	else
		put_int(m, type == 7 ? TENSOR_INT64S : TENSOR_INT32S, value);
}

static void add_constant(struct message *graph, const char *how,
			 const char *name, const char *type, const char *dims,
			 const char *values)
{
	static struct message m, raw;
	int number = type_number(type);
	double value = 0;
	int64_t count;

	m.size = raw.size = 0;
	count = put_dims(&m, dims);
	put_int(&m, TENSOR_TYPE, number);
	put_text(&m, TENSOR_NAME, name);
	for (int64_t i = 0; values && i < count; i++) {
		char *end = (char *)values;

		if (*values)
			value = strtod(values, &end);
		if (*how == 't')
			put_typed(&m, number, value);
		else
			put_raw(&raw, number, value);
		values = *end == ',' ? end + 1 : end;
	}
	if (*how == 'c')
		put_message(&m, TENSOR_RAW, &raw);
	if (*how == 's')
		put_bytes(&m, TENSOR_RAW, "four", 4);
	if (*how == 'e')
		put_int(&m, TENSOR_LOCATION, 1);
	put_message(graph, GRAPH_INITIALIZER, &m);
}

static void add_value(struct message *graph, int field, const char *name,
		      const char *type, char *dims)
{
	static struct message value, outer, tensor, shape, dim;
	char *rest, *word;

	value.size = outer.size = tensor.size = shape.size = 0;
	put_text(&value, VALUE_NAME, name);
	if (type) {
		for (word = strtok_r(dims, ",", &rest); word && *word != '-';
		     word = strtok_r(NULL, ",", &rest)) {
			dim.size = 0;
			if (*word >= 'a')
				put_text(&dim, 2, word);
			else
				put_int(&dim, 1, strtoll(word, NULL, 10));
			put_message(&shape, 1, &dim);
		}
		put_int(&tensor, 1, type_number(type));
		put_message(&tensor, 2, &shape);
		put_message(&outer, 1, &tensor);
		put_message(&value, VALUE_TYPE, &outer);
	}
	put_message(graph, field, &value);
}

/* A graph that is an attribute. */
struct inner {
	char name[32];
	struct message graph;
};

static struct inner inners[8];
static int inner_count;

static void put_graph(struct message *m, const char *name)
{
	for (int i = 0; i < inner_count; i++)
		if (!strcmp(inners[i].name, name)) {
			put_message(m, ATTR_GRAPH, &inners[i].graph);
			put_int(m, ATTR_TYPE, 5);
			return;
		}
	fail_msg("no graph \"%s\"", name);
}

static void put_strings(struct message *m, char *list)
{
	char *rest, *word;

	for (word = strtok_r(list, "[',]", &rest); word;
	     word = strtok_r(NULL, "[',]", &rest))
		put_text(m, ATTR_STRINGS, word);
	put_int(m, ATTR_TYPE, 8);
}

static void add_attribute(struct message *node, char *text)
{
	static struct message m;
	char *value = strchr(text, '='), *end;
	bool is_list, is_float;

	assert_non_null(value);
	*value++ = 0;
	m.size = 0;
	put_text(&m, ATTR_NAME, text);
	is_list = *value == '[';
	is_float = strchr(value, 'f') && *value != '\'';
	if (*value == '\'') {
		put_bytes(&m, ATTR_S, value + 1, strlen(value) - 2);
		put_int(&m, ATTR_TYPE, 3);
	} else if (*value == '@') {
		put_graph(&m, value + 1);
	} else if (!strncmp(value, "['", 2)) {
		put_strings(&m, value);
	} else {
		value += is_list;
		while (*value && *value != ']') {
			if (is_float)
				put_float(&m, is_list ? ATTR_FLOATS : ATTR_F,
					  strtof(value, &end));
			else
				put_int(&m, is_list ? ATTR_INTS : ATTR_I,
					strtoll(value, &end, 10));
			value = end + strspn(end, "f,");
		}
		put_int(&m, ATTR_TYPE, (is_float ? 1 : 2) + (is_list ? 5 : 0));
	}
	put_message(node, NODE_ATTRIBUTE, &m);
}

static void put_names(struct message *node, int field, char *names)
{
	char *rest, *name;

	for (name = strtok_r(names, ",", &rest); name;
	     name = strtok_r(NULL, ",", &rest))
		put_text(node, field, *name == '-' ? "" : name);
}

static void add_node(struct message *graph, char **word, int words)
{
	static struct message node;
	char *domain = strchr(word[1], '@');

	node.size = 0;
	if (domain)
		*domain++ = 0;
	put_names(&node, NODE_INPUT, word[2]);
	put_names(&node, NODE_OUTPUT, word[3]);
	put_text(&node, NODE_OP, word[1]);
	for (int i = 4; i < words; i++)
		add_attribute(&node, word[i]);
	if (domain)
		put_text(&node, NODE_DOMAIN, domain);
	put_message(graph, GRAPH_NODE, &node);
}

static void add_opset(struct message *model, char **word, int words)
{
	static struct message m;

	m.size = 0;
	put_text(&m, OPSET_DOMAIN, words > 2 ? word[2] : "");
	put_int(&m, OPSET_VERSION, atoll(word[1]));
	put_message(model, MODEL_OPSET, &m);
}

static void add_statement(struct message *model, struct message *graph,
			  char *text)
{
	char *word[16] = { 0 }, *rest;
	int words = 0;

	for (char *w = strtok_r(text, " \n\t", &rest); w && words < 16;
	     w = strtok_r(NULL, " \n\t", &rest))
		word[words++] = w;
	if (!words)
		return;
	if (!strcmp(word[0], "opset"))
		add_opset(model, word, words);
	else if (!strcmp(word[0], "input"))
		add_value(graph, GRAPH_INPUT, word[1], word[2], word[3]);
	else if (!strcmp(word[0], "output"))
		add_value(graph, GRAPH_OUTPUT, word[1], word[2], word[3]);
	else if (!strcmp(word[0], "value"))
		add_value(graph, GRAPH_VALUE, word[1], word[2], word[3]);
	else if (!strcmp(word[0], "node"))
		add_node(graph, word, words);
	else if (!strcmp(word[0], "const") || !strcmp(word[0], "typed") ||
		 !strcmp(word[0], "external") || !strcmp(word[0], "short"))
		add_constant(graph, word[0], word[1], word[2], word[3],
			     word[4]);
	else
		fail_msg("what is \"%s\"?", word[0]);
}

/* The graph that a statement belongs to, which may begin or end one. */
static struct message *inner_graph(struct message *now, struct message *outer,
				   char *statement)
{
	statement += strspn(statement, " \n\t");
	if (!strncmp(statement, "graph ", 6)) {
		struct inner *inner = &inners[inner_count++];

		snprintf(inner->name, sizeof(inner->name), "%s", statement + 6);
		inner->graph.size = 0;
		*statement = 0;
		return &inner->graph;
	}
	if (strcmp(statement, "end"))
		return now;
	*statement = 0;
	return outer;
}

size_t tiny_onnx_write(const char *text, uint8_t bytes[TINY_ONNX_MAX])
{
	static struct message model, graph;
	char *copy = strdup(text), *rest;
	struct message *now = &graph;

	inner_count = 0;
	model.size = graph.size = 0;
	put_int(&model, MODEL_IR_VERSION, 8);
	put_text(&graph, GRAPH_NAME, "tiny");
	for (char *s = strtok_r(copy, ";", &rest); s;
	     s = strtok_r(NULL, ";", &rest)) {
		now = inner_graph(now, &graph, s);
		add_statement(&model, now, s);
	}
	put_message(&model, MODEL_GRAPH, &graph);
	free(copy);
	memcpy(bytes, model.bytes, model.size);
	return model.size;
}
