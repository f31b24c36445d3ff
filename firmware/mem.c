// SPDX-License-Identifier: MIT
/*
 * What the compiler calls without being asked: copying and filling memory.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict dest, const void *restrict src, size_t size);
void *memset(void *dest, int value, size_t size);

void *memcpy(void *restrict dest, const void *restrict src, size_t size)
{
	uint8_t *to = dest;
	const uint8_t *from = src;

	while (size--)
		*to++ = *from++;
	return dest;
}

void *memset(void *dest, int value, size_t size)
{
	uint8_t *to = dest;

	while (size--)
		*to++ = value;
	return dest;
}
