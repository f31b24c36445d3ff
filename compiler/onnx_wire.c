// SPDX-License-Identifier: MIT
/*
 * From the bytes of an ONNX file to protobuf-c's tree of structs. protobuf-c
 * says only that a message is bad, recurses as deep as the file wants and takes
 * what memory it asks for. So the bytes are walked first: every tag, length
 * and nesting is checked, and an error names its offset. What then is unpacked
 * lies in the compilation's arena, within a budget for the size of the file.
 */
#include <errno.h>
#include <string.h>

#include "onnx_wire.h"

/* A model nests 5 deep, each control flow operator adds 4. */
#define DEPTH_MAX 32
/* The tree may take so many times the bytes of the file, and this besides. */
#define BUDGET_FACTOR 10
#define BUDGET_MORE ((size_t)4 << 20)
#define MODEL_GRAPH 7

struct wire {
	struct tnc *c;		/* NULL: nobody wants to know what is wrong */
	const uint8_t *data;
	bool is_bad;
};

struct field {
	uint32_t number;
	int type;
	size_t tag_at;
	size_t at;		/* of what is inside, where there is a length */
	size_t length;
};

static void bad(struct wire *w, size_t at, const char *what)
{
	if (w->c)
		tnc_error(w->c, -EINVAL, "offset 0x%zx: %s", at, what);
	w->is_bad = true;
}

static uint64_t varint(struct wire *w, size_t *at, size_t end)
{
	size_t start = *at;
	uint64_t value = 0;

	for (int shift = 0; shift < 70; shift += 7) {
		uint8_t byte;

		if (*at >= end)
			break;
		byte = w->data[(*at)++];
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	bad(w, start, "a number does not end");
	return 0;
}

/* Reads one field, all of it; the next one begins at *@at. */
static struct field next_field(struct wire *w, size_t *at, size_t end)
{
	struct field f = { .tag_at = *at };
	uint64_t tag = varint(w, at, end), length = 0;

	f.number = tag >> 3;
	f.type = tag & 7;
	f.at = *at;
	if (tag >> 3 == 0 || tag >> 3 >= 1 << 29) {
		bad(w, f.tag_at, "there is no such field");
		return f;
	}
	switch (f.type) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		varint(w, at, end);
		return f;
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		length = 8;
		break;
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		length = varint(w, at, end);
		f.at = *at;
		break;
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		length = 4;
		break;
	default:
		bad(w, f.tag_at, "unknown kind of field");
		return f;
	}
	if (length > end - *at) {
		bad(w, f.tag_at, "a field goes beyond what it lies in");
		length = end - *at;
	}
	f.length = length;
	*at += length;
	return f;
}

static int wire_type(const ProtobufCFieldDescriptor *d)
{
	switch (d->type) {
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return PROTOBUF_C_WIRE_TYPE_32BIT;
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return PROTOBUF_C_WIRE_TYPE_64BIT;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
	default:
		return PROTOBUF_C_WIRE_TYPE_VARINT;
	}
}

/* Numbers of a list may lie in one field, one after the other. */
static void check_packed(struct wire *w, const struct field *f, int type)
{
	size_t at = f->at, end = f->at + f->length;
	size_t size = type == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8;

	if (type != PROTOBUF_C_WIRE_TYPE_VARINT && f->length % size)
		bad(w, f->tag_at, "a list ends within a number");
	while (type == PROTOBUF_C_WIRE_TYPE_VARINT && at < end)
		varint(w, &at, end);
}

/*
 * Checks a message. One that lies in another at most once must not come twice:
 * protobuf-c would merge the two, which no writer of models asks for.
 */
static void check_message(struct wire *w, const ProtobufCMessageDescriptor *d,
			  size_t at, size_t end, int depth)
{
	uint64_t seen = 0;

	if (depth > DEPTH_MAX)
		bad(w, at, "messages are nested too deep");
	while (at < end) {
		struct field f = next_field(w, &at, end);
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field(d, f.number);
		unsigned int bit;

		if (!field)
			continue;
		bit = field - d->fields;
		if (f.type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
		    field->label == PROTOBUF_C_LABEL_REPEATED &&
		    wire_type(field) != f.type)
			check_packed(w, &f, wire_type(field));
		else if (f.type != wire_type(field))
			bad(w, f.tag_at, "a field is of the wrong kind");
		if (field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (field->label != PROTOBUF_C_LABEL_REPEATED &&
		    (seen & UINT64_C(1) << bit))
			bad(w, f.tag_at, "a field occurs twice");
		seen |= UINT64_C(1) << bit;
		check_message(w, field->descriptor, f.at, f.at + f.length,
			      depth + 1);
	}
}

/* Could this be an ONNX file at all? Looks at its outermost fields only. */
bool tnc_onnx_detect(const uint8_t *data, size_t size)
{
	struct wire w = { NULL, data, false };
	bool has_graph = false;
	size_t at = 0;

	/* A TensorFlow Lite file may begin with any byte. */
	if (size >= 8 && !memcmp(data + 4, "TFL3", 4))
		return false;
	/* Nearly all begin with the version of the format, a small number. */
	if (size >= 2 && data[0] == 0x08 && data[1] > 0 && data[1] < 0x80)
		return true;
	while (at < size && !w.is_bad) {
		struct field f = next_field(&w, &at, size);

		has_graph |= f.number == MODEL_GRAPH &&
			     f.type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
	}
	return has_graph && !w.is_bad;
}

struct budget {
	struct tnc_arena *arena;
	size_t left;
	bool is_spent;
};

static void *budget_alloc(void *data, size_t size)
{
	struct budget *b = data;

	if (size > b->left) {
		b->is_spent = true;
		return NULL;
	}
	b->left -= size;
	return tnc_arena_alloc(b->arena, size);
}

/* The arena is freed as a whole. */
static void budget_free(void *data, void *memory)
{
}

const Onnx__ModelProto *tnc_onnx_unpack(struct tnc *c, const uint8_t *data,
					size_t size)
{
	struct wire w = { c, data, false };
	struct budget b = { c->arena, BUDGET_MORE, false };
	ProtobufCAllocator allocator = { budget_alloc, budget_free, &b };
	Onnx__ModelProto *model;

	check_message(&w, &onnx__model_proto__descriptor, 0, size, 0);
	if (size > SIZE_MAX / (2 * BUDGET_FACTOR))
		tnc_error(c, -ENOMEM, "file of %zu bytes", size);
	b.left += size * BUDGET_FACTOR;
	model = onnx__model_proto__unpack(&allocator, size, data);
	if (model)
		return model;
	if (b.is_spent)
		tnc_error(c, -ENOMEM,
			  "reading it takes more than %d times its size",
			  BUDGET_FACTOR);
	tnc_error(c, -ENOMEM, "out of memory for the file's messages");
}
