// SPDX-License-Identifier: MIT
/* What the user knows of a model's inputs: constants, and sizes with names. */
#include "known.h"

#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_CONSTANT = 0x300,
	KEY_DIM,
};

static const struct argp_option options[] = {
	{ "constant", KEY_CONSTANT, "NAME=FILE", 0,
	  "An input of an ONNX model that is known, such as a shape: its raw "
	  "little-endian elements; may be repeated", 2 },
	{ "dim", KEY_DIM, "NAME=N", 0,
	  "A size of an ONNX model's inputs that has a name instead of a value; "
	  "may be repeated", 2 },
	{ 0 },
};

/* The name before '=', owned by the caller. */
static char *name_of(struct argp_state *state, const char *option,
		     const char *text, size_t count)
{
	const char *end = strchr(text, '=');
	char *name;

	if (!end || end == text)
		argp_error(state, "--%s: '%s' is not NAME=...", option, text);
	if (count == KNOWN_MAX)
		argp_error(state, "--%s: at most %d", option, KNOWN_MAX);
	name = strndup(text, end - text);
	if (!name)
		argp_failure(state, TOOL_FAILED, ENOMEM, "--%s", option);
	return name;
}

static void add_constant(struct argp_state *state, const char *text)
{
	struct known *known = state->input;
	struct tnc_constant *k = &known->constants[known->constants_count];
	void *data;

	k->name = name_of(state, "constant", text, known->constants_count);
	if (tool_read_file(strchr(text, '=') + 1, &data, &k->size))
		exit(TOOL_UNUSABLE);
	k->data = data;
	known->constants_count++;
}

static void add_dim(struct argp_state *state, const char *text)
{
	struct known *known = state->input;
	struct tnc_dim *dim = &known->dims[known->dims_count];
	const char *value;
	char *end;

	dim->name = name_of(state, "dim", text, known->dims_count);
	value = strchr(text, '=') + 1;
	dim->size = strtol(value, &end, 10);
	if (*end || end == value || dim->size < 1)
		argp_error(state, "--dim: '%s' is no size", value);
	known->dims_count++;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case KEY_CONSTANT:
		add_constant(state, arg);
		return 0;
	case KEY_DIM:
		add_dim(state, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp known_argp = { .options = options, .parser = parse };

void known_apply(const struct known *known, struct tnc_options *options)
{
	options->constants = known->constants;
	options->constants_count = known->constants_count;
	options->dims = known->dims;
	options->dims_count = known->dims_count;
}

void known_free(struct known *known)
{
	for (size_t i = 0; i < known->constants_count; i++) {
		free((void *)known->constants[i].name);
		free((void *)known->constants[i].data);
	}
	for (size_t i = 0; i < known->dims_count; i++)
		free((void *)known->dims[i].name);
}
