// SPDX-License-Identifier: MIT
/*
 * The one way out of a compilation that fails: a message that begins with the
 * place (file, operator, tensor), and a jump to the entry point.
 */
#include <stdarg.h>
#include <stdio.h>

#include "ir.h"

void tnc_place_op(struct tnc *c, const struct tnc_op *op)
{
	c->at_op = op->source;
	c->at_op_name = tnc_op_title(op);
	c->at_tensor = -1;
}

void tnc_place_tensor(struct tnc *c, int id)
{
	c->at_tensor = id;
}

void tnc_place_none(struct tnc *c)
{
	c->at_op = -1;
	c->at_tensor = -1;
}

static size_t add(struct tnc *c, size_t used, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static size_t add(struct tnc *c, size_t used, const char *format, ...)
{
	size_t room = sizeof(c->error.text) - used;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(c->error.text + used, room, format, args);
	va_end(args);
	if (length < 0)
		return used;
	return (size_t)length < room ? used + length : used + room - 1;
}

_Noreturn void tnc_error(struct tnc *c, int status, const char *format, ...)
{
	size_t used = add(c, 0, "%.200s: ", c->options.name);
	va_list args;

	if (c->at_op >= 0)
		used = add(c, used, "operator %d (%.64s): ", c->at_op,
			   c->at_op_name);
	if (c->at_tensor >= 0)
		used = add(c, used, "tensor %d: ", c->at_tensor);
	c->why = c->error.text + used;
	va_start(args, format);
	vsnprintf(c->error.text + used, sizeof(c->error.text) - used, format,
		  args);
	va_end(args);
	tnc_make_printable(c->error.text);
	c->status = status;
	longjmp(c->on_error, 1);
}

/* The error of another graph is that of this one, and names its own place. */
_Noreturn void tnc_error_pass(struct tnc *c, int status,
			      const struct tnc_error *error)
{
	tnc_place_none(c);
	c->error = *error;
	c->why = c->error.text;
	c->status = status;
	longjmp(c->on_error, 1);
}
