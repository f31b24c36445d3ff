/* SPDX-License-Identifier: MIT */
/* One way to say what went wrong, for the library and its backends. */
#ifndef TINYNPU_ERROR_H
#define TINYNPU_ERROR_H

#include "tinynpu.h"

/**
 * tinynpu_error_set() - write an error's text
 * @error: may be NULL
 * @code: a negative errno
 * @format: of printf()
 *
 * Return: @code, so that a function can end with it.
 */
__attribute__((format(printf, 3, 4)))
int tinynpu_error_set(struct tinynpu_error *error, int code,
		      const char *format, ...);

/* Hand a struct to a caller who knows @to_size bytes of it. */
void tinynpu_info_copy(void *to, size_t to_size, const void *from,
		       size_t from_size);

#endif
