// SPDX-License-Identifier: MIT
/* How functions of the library and its backends hand over errors and structs. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tinynpu_error_set(struct tinynpu_error *error, int code,
		      const char *format, ...)
{
	va_list args;

	if (error) {
		va_start(args, format);
		vsnprintf(error->text, sizeof(error->text), format, args);
		va_end(args);
	}
	return code;
}

void tinynpu_info_copy(void *to, size_t to_size, const void *from,
		       size_t from_size)
{
	size_t known = to_size < from_size ? to_size : from_size;

	memcpy(to, from, known);
	memset((char *)to + known, 0, to_size - known);
}
