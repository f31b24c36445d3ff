// SPDX-License-Identifier: MIT
/* Writes FlatBuffers for tests; see flat_writer.h. */
#include <assert.h>
#include <string.h>

#include "flat_writer.h"

size_t put(struct out *o, uint64_t value, int size)
{
	size_t at = o->size;

	assert(o->size + size <= o->room);
	for (int i = 0; i < size; i++)
		o->bytes[o->size++] = value >> (8 * i);
	return at;
}

void align(struct out *o, int to)
{
	while (o->size % to)
		put(o, 0, 1);
}

void refer(struct out *o, size_t at)
{
	uint32_t distance;

	align(o, 4);
	distance = o->size - at;
	memcpy(o->bytes + at, &distance, 4);
}

void table(struct out *o, size_t from, const struct field *fields, int count,
	   size_t *at)
{
	size_t vtable, start;
	int numbers = 0;

	for (int i = 0; i < count; i++)
		if (fields[i].number >= numbers)
			numbers = fields[i].number + 1;
	align(o, 4);
	vtable = put(o, 4 + 2 * numbers, 2);
	put(o, 0, 2);
	for (int i = 0; i < numbers; i++)
		put(o, 0, 2);
	align(o, 4);
	refer(o, from);
	start = put(o, o->size - vtable, 4);
	for (int i = 0; i < count; i++) {
		if (!fields[i].size)
			continue;
		align(o, fields[i].size);
		at[i] = put(o, fields[i].value, fields[i].size);
		o->bytes[vtable + 4 + 2 * fields[i].number] = at[i] - start;
	}
	o->bytes[vtable + 2] = o->size - start;
}
