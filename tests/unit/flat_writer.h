/* SPDX-License-Identifier: MIT */
/*
 * A FlatBuffer writer that goes forward, for tests: tables first, what they refer
 * to after them, and each reference filled in when its target is written.
 */
#ifndef TESTS_UNIT_FLAT_WRITER_H
#define TESTS_UNIT_FLAT_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct out {
	uint8_t *bytes;
	size_t size;
	size_t room;
};

/* A field of a table: its number, bytes (0: absent), and value. */
struct field {
	int number;
	int size;
	uint64_t value;
};

/* Returns where it is. */
size_t put(struct out *o, uint64_t value, int size);
void align(struct out *o, int to);

/* Makes the reference stored at @at lead to the end of what is written. */
void refer(struct out *o, size_t at);

/* Writes a table that @from refers to; @at gets where each field is. */
void table(struct out *o, size_t from, const struct field *fields, int count,
	   size_t *at);

#endif
