// SPDX-License-Identifier: MIT
/*
 * Reads the text form of a graph: a line is a statement of words separated by
 * blanks, '#' begins a comment, data runs over lines until "end". As untrusted
 * as a model file; errors name the line. Used by tests and by people who write
 * graphs by hand.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define WORD_MAX 64

struct reader {
	struct tnc *c;
	const char *at;		/* NUL-terminated */
	int line;
};

static _Noreturn void fail(const struct reader *r, const char *expected)
{
	int length = strcspn(r->at, "\n");

	tnc_error(r->c, -EINVAL, "line %d: expected %s at \"%.*s\"", r->line,
		  expected, length < 40 ? length : 40, r->at);
}

static void skip_blanks(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\t')
		r->at++;
	if (*r->at == '#')
		r->at += strcspn(r->at, "\n");
}

/* Moves past blanks and empty lines; false at the end of the text. */
static bool next_statement(struct reader *r)
{
	skip_blanks(r);
	while (*r->at == '\n') {
		r->at++;
		r->line++;
		skip_blanks(r);
	}
	return *r->at;
}

static bool accept(struct reader *r, const char *text)
{
	size_t length = strlen(text);

	if (strncmp(r->at, text, length))
		return false;
	r->at += length;
	return true;
}

static void expect(struct reader *r, const char *text)
{
	if (!accept(r, text))
		fail(r, text);
}

static void end_of_line(struct reader *r)
{
	skip_blanks(r);
	if (*r->at && *r->at != '\n')
		fail(r, "the end of the line");
}

static void read_word(struct reader *r, char word[WORD_MAX])
{
	int length = 0;

	skip_blanks(r);
	while (isalnum((uint8_t)r->at[length]) || r->at[length] == '_')
		length++;
	if (!length || length >= WORD_MAX)
		fail(r, "a word");
	memcpy(word, r->at, length);
	word[length] = 0;
	r->at += length;
}

static int read_int(struct reader *r)
{
	char *end;
	long value;

	if (!isdigit((uint8_t)*r->at) && *r->at != '-')
		fail(r, "a number");
	errno = 0;
	value = strtol(r->at, &end, 10);
	if (end == r->at || errno || value < INT_MIN || value > INT_MAX)
		fail(r, "a number of 32 bits");
	r->at = end;
	return value;
}

static float read_float(struct reader *r)
{
	char *end;
	float value;

	if (!isdigit((uint8_t)*r->at) && *r->at != '-')
		fail(r, "a number");
	value = strtof(r->at, &end);
	r->at = end;
	return value;
}

static int read_id(struct reader *r)
{
	skip_blanks(r);
	expect(r, "%");
	return read_int(r);
}

static int hex_digit(struct reader *r)
{
	int digit = (uint8_t)*r->at;

	if (!isxdigit(digit))
		fail(r, "a hexadecimal digit");
	r->at++;
	return isdigit(digit) ? digit - '0' : tolower(digit) - 'a' + 10;
}

static const char *read_string(struct reader *r)
{
	char *text = tnc_alloc(r->c, strcspn(r->at, "\n") + 1, 1);
	int length = 0;

	expect(r, "\"");
	while (*r->at != '"') {
		if (!*r->at || *r->at == '\n')
			fail(r, "a closing quote");
		if (accept(r, "\\x")) {
			text[length] = hex_digit(r) << 4;
			text[length++] |= hex_digit(r);
		} else {
			text[length++] = *r->at++;
		}
	}
	r->at++;
	return text;
}

static void read_shape(struct reader *r, struct tnc_tensor *t)
{
	skip_blanks(r);
	expect(r, "[");
	while (!accept(r, "]")) {
		if (t->rank == TNC_RANK_MAX)
			fail(r, "fewer dimensions");
		if (t->rank)
			expect(r, ",");
		t->shape[t->rank++] = read_int(r);
	}
}

/* Entries of a list "[a:b a:b]" whose opening bracket has been read. */
static int count_pairs(const struct reader *r)
{
	const char *at = r->at;
	int count = 0;

	for (; *at && *at != ']' && *at != '\n'; at++)
		count += *at == ':';
	return count;
}

static void read_quant(struct reader *r, struct tnc_quant *q)
{
	int room = count_pairs(r);

	q->count = 0;
	q->scale = tnc_alloc(r->c, room + 1, sizeof(float));
	q->zero_point = tnc_alloc(r->c, room + 1, sizeof(int32_t));
	while (!accept(r, "]")) {
		skip_blanks(r);
		if (q->count == room)
			fail(r, "scale:zero_point");
		q->scale[q->count] = read_float(r);
		expect(r, ":");
		q->zero_point[q->count++] = read_int(r);
	}
}

static void read_offset(struct reader *r, struct tnc_tensor *t)
{
	t->is_view = true;
	t->offset = read_int(r);
}

static void read_strides(struct reader *r, struct tnc_tensor *t)
{
	for (int d = 0; d < t->rank; d++) {
		if (d)
			expect(r, ",");
		t->stride[d] = read_int(r);
	}
}

static void read_tensor(struct reader *r, bool is_const)
{
	struct tnc_tensor *t = tnc_tensor_add(r->c, read_id(r));
	char word[WORD_MAX];
	int type = 0;

	read_word(r, word);
	while (type < TNC_TYPES && strcmp(word, tnc_type_info[type].name))
		type++;
	if (type == TNC_TYPES)
		fail(r, "a type before this");
	t->type = type;
	read_shape(r, t);
	tnc_tensor_check_shape(r->c, t);
	for (;;) {
		skip_blanks(r);
		if (accept(r, "axis="))
			t->quant.axis = read_int(r);
		else if (accept(r, "q=["))
			read_quant(r, &t->quant);
		else if (accept(r, "alias="))
			t->alias = read_id(r);
		else if (accept(r, "at="))
			read_offset(r, t);
		else if (accept(r, "strides="))
			read_strides(r, t);
		else if (accept(r, "name="))
			t->name = read_string(r);
		else
			break;
	}
	if (is_const)
		t->data = tnc_alloc(r->c, 1, tnc_tensor_bytes(t));
	end_of_line(r);
}

static void read_data(struct reader *r)
{
	struct tnc_tensor *t = tnc_tensor_get(r->c, read_id(r));
	size_t count = 0;

	if (!t || !t->data)
		fail(r, "data of a constant before this");
	while (next_statement(r) && !accept(r, "end")) {
		if (count == tnc_tensor_bytes(t))
			fail(r, "\"end\"");
		t->data[count] = hex_digit(r) << 4;
		t->data[count++] |= hex_digit(r);
	}
	if (count != tnc_tensor_bytes(t))
		fail(r, "more data");
	end_of_line(r);
}

static struct tnc_hw read_hw(struct reader *r)
{
	struct tnc_hw hw;

	hw.h = read_int(r);
	expect(r, "x");
	hw.w = read_int(r);
	return hw;
}

static void read_pad(struct reader *r, struct tnc_op *op)
{
	for (int i = 0; i < TNC_PAD_EXPLICIT; i++) {
		if (accept(r, tnc_pad_name[i])) {
			op->pad = i;
			return;
		}
	}
	op->pad = TNC_PAD_EXPLICIT;
	op->pads.top = read_int(r);
	expect(r, ",");
	op->pads.left = read_int(r);
	expect(r, ",");
	op->pads.bottom = read_int(r);
	expect(r, ",");
	op->pads.right = read_int(r);
}

static void read_act(struct reader *r, struct tnc_op *op)
{
	char word[WORD_MAX];

	read_word(r, word);
	for (int i = 0; i < TNC_ACT_CLAMP; i++) {
		if (!strcmp(word, tnc_act_name[i])) {
			op->act = i;
			return;
		}
	}
	fail(r, "an activation before this");
}

static void read_clamp(struct reader *r, struct tnc_op *op)
{
	op->act = TNC_ACT_CLAMP;
	op->clamp_min = read_int(r);
	expect(r, "..");
	op->clamp_max = read_int(r);
}

static void read_factors(struct reader *r, struct tnc_op *op)
{
	int room = count_pairs(r);

	op->factors = 0;
	op->factor = tnc_alloc(r->c, room + 1, sizeof(*op->factor));
	while (!accept(r, "]")) {
		skip_blanks(r);
		if (op->factors == room)
			fail(r, "multiplier:shift");
		op->factor[op->factors].multiplier = read_int(r);
		expect(r, ":");
		op->factor[op->factors++].shift = read_int(r);
	}
}

/* Returns TNC_OP_KINDS when there is no such operator. */
static int kind_of(const char *word)
{
	int kind = 0;

	while (kind < TNC_OP_KINDS && strcmp(word, tnc_op_info[kind].name))
		kind++;
	return kind;
}

static void read_origin(struct reader *r, struct tnc_op *op)
{
	char word[WORD_MAX];
	int kind;

	read_word(r, word);
	kind = kind_of(word);
	if (kind == TNC_OP_KINDS)
		fail(r, "an operator before this");
	op->origin = kind;
}

static void read_mode(struct reader *r, struct tnc_op *op)
{
	char word[WORD_MAX];

	do {
		int i = 0;

		read_word(r, word);
		while (i < TNC_MODE_BITS && strcmp(word, tnc_mode_name[i]))
			i++;
		if (i == TNC_MODE_BITS)
			fail(r, "a mode before this");
		op->mode |= 1u << i;
	} while (accept(r, "+"));
}

/* One of the operator's lists, if that is what comes. */
static bool read_list(struct reader *r, struct tnc_op *op)
{
	for (int i = 0; i < TNC_LISTS; i++) {
		const char *name = tnc_op_info[op->kind].list[i];
		size_t length = name ? strlen(name) : 0;

		if (!name || strncmp(r->at, name, length) ||
		    r->at[length] != '=')
			continue;
		r->at += length + 1;
		op->list[i].count = 0;
		do
			tnc_list_append(r->c, &op->list[i], read_int(r));
		while (accept(r, ","));
		return true;
	}
	return false;
}

static bool read_attr(struct reader *r, struct tnc_op *op, unsigned int attrs)
{
	if ((attrs & TNC_HAS_STRIDE) && accept(r, "stride="))
		op->stride = read_hw(r);
	else if ((attrs & TNC_HAS_DILATION) && accept(r, "dilation="))
		op->dilation = read_hw(r);
	else if ((attrs & TNC_HAS_WINDOW) && accept(r, "window="))
		op->window = read_hw(r);
	else if ((attrs & TNC_HAS_PAD) && accept(r, "pad="))
		read_pad(r, op);
	else if ((attrs & TNC_HAS_ACT) && accept(r, "act="))
		read_act(r, op);
	else if ((attrs & TNC_HAS_ACT) && accept(r, "clamp="))
		read_clamp(r, op);
	else if ((attrs & TNC_HAS_BETA) && accept(r, "beta="))
		op->beta = read_float(r);
	else if ((attrs & TNC_HAS_REQUANT) && accept(r, "factors=["))
		read_factors(r, op);
	else if ((attrs & TNC_HAS_ALPHA) && accept(r, "alpha="))
		op->alpha = read_float(r);
	else if ((attrs & TNC_HAS_AXIS) && accept(r, "axis="))
		op->axis = read_int(r);
	else if (accept(r, "mode="))
		read_mode(r, op);
	else if (op->kind == TNC_CUSTOM && accept(r, "name="))
		op->custom = read_string(r);
	else if (accept(r, "origin="))
		read_origin(r, op);
	else if (accept(r, "source="))
		op->source = read_int(r);
	else
		return read_list(r, op);
	return true;
}

static void read_op(struct reader *r, int kind)
{
	struct tnc_op *op = tnc_op_append(r->c, kind);

	op->output = read_id(r);
	skip_blanks(r);
	expect(r, "=");
	skip_blanks(r);
	while (*r->at == '%' || *r->at == '-') {
		if (op->inputs == tnc_op_info[kind].inputs_max)
			fail(r, "fewer inputs");
		tnc_op_add_input(r->c, op, accept(r, "-") ? TNC_INPUT_NONE :
							    read_id(r));
		skip_blanks(r);
	}
	while (read_attr(r, op, tnc_op_info[kind].attrs))
		skip_blanks(r);
	end_of_line(r);
}

static void read_variable(struct reader *r)
{
	int read = read_id(r), kept, init = TNC_INPUT_NONE;

	skip_blanks(r);
	expect(r, "=");
	kept = read_id(r);
	skip_blanks(r);
	if (accept(r, "init="))
		init = read_id(r);
	tnc_variable_append(r->c, read, kept, init);
	end_of_line(r);
}

/* Another graph's text. */
struct inner {
	const char *text;
	size_t size;
};

static void read_inner(struct tnc *part, void *from)
{
	const struct inner *inner = from;

	tnc_text_read(part, inner->text, inner->size);
}

/* The bytes of condition and body, then both, each a text of its own. */
static void read_loop(struct reader *r)
{
	int loop = tnc_loop_add(r->c);
	size_t size[TNC_LOOP_PARTS];

	for (int i = 0; i < TNC_LOOP_PARTS; i++) {
		int bytes;

		skip_blanks(r);
		bytes = read_int(r);
		if (bytes < 0)
			fail(r, "a size");
		size[i] = bytes;
	}
	end_of_line(r);
	expect(r, "\n");
	r->line++;
	for (int i = 0; i < TNC_LOOP_PARTS; i++) {
		struct inner inner = { r->at, size[i] };

		if (strnlen(r->at, size[i]) < size[i])
			fail(r, "more text of a loop");
		tnc_loop_read(r->c, loop, i, read_inner, &inner);
		for (size_t k = 0; k < size[i]; k++)
			r->line += *r->at++ == '\n';
	}
	tnc_loop_verify(r->c, loop);
}

static void read_statement(struct reader *r)
{
	struct tnc *c = r->c;
	char word[WORD_MAX];

	read_word(r, word);
	if (!strcmp(word, "tensor") || !strcmp(word, "const")) {
		read_tensor(r, word[0] == 'c');
	} else if (!strcmp(word, "model")) {
		skip_blanks(r);
		c->model_name = read_string(r);
		end_of_line(r);
	} else if (!strcmp(word, "input")) {
		tnc_list_append(c, &c->inputs, read_id(r));
		end_of_line(r);
	} else if (!strcmp(word, "output")) {
		tnc_list_append(c, &c->outputs, read_id(r));
		end_of_line(r);
	} else if (!strcmp(word, "variable")) {
		read_variable(r);
	} else if (!strcmp(word, "data")) {
		read_data(r);
	} else if (!strcmp(word, "loop")) {
		read_loop(r);
	} else {
		if (kind_of(word) == TNC_OP_KINDS)
			tnc_error(c, -EINVAL, "line %d: unknown word \"%s\"",
				  r->line, word);
		read_op(r, kind_of(word));
	}
}

/* Needs: nothing. Leaves: a graph that the verifier has yet to judge. */
void tnc_text_read(struct tnc *c, const char *text, size_t size)
{
	struct reader r = { .c = c, .line = 2 };

	r.at = tnc_strndup(c, text, size);
	expect(&r, TNC_TEXT_MAGIC);
	while (next_statement(&r))
		read_statement(&r);
}
