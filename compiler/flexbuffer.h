/* SPDX-License-Identifier: MIT */
/* Options of custom operators in TFLite files. Private to the compiler. */
#ifndef TNC_FLEXBUFFER_H
#define TNC_FLEXBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The number called @name in a buffer that is a map. False if there is none, or
 * the buffer is damaged on the way to it.
 */
bool tnc_flexbuffer_find(const uint8_t *data, size_t size, const char *name,
			 double *value);

#endif
