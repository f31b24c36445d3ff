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
	uint32_t word = 0x01010101u * (uint8_t)value;
	uint8_t *to = dest;

	for (; size && (uintptr_t)to % sizeof(word); size--)
		*to++ = value;
	for (; size >= sizeof(word); size -= sizeof(word)) {
		*(uint32_t *)to = word;
		to += sizeof(word);
	}
	while (size--)
		*to++ = value;
	return dest;
}
