// SPDX-License-Identifier: MIT
/* Options of custom operators: a map made by hand in two widths, damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/flexbuffer.h"

#define ROOM 256

static size_t put(uint8_t *to, size_t at, uint64_t value, size_t width)
{
	memcpy(to + at, &value, width);
	return at + width;
}

static uint64_t float_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* { "a": -3, "bc": 0.5, "d": true } with values of @width bytes. */
static size_t make_map(uint8_t *to, size_t width)
{
	int width_code = width == 8 ? 3 : width == 4 ? 2 : 1;
	size_t names, map, at = 0, a = 0, bc = 2, d = 5;

	memcpy(to, "a\0bc\0d", 7);
	at = put(to, 7, 3, 1);
	names = at;
	at = put(to, at, at - a, 1);
	at = put(to, at, at - bc, 1);
	at = put(to, at, at - d, 1);
	at = put(to, at, at - names, width);
	at = put(to, at, 1, width);
	at = put(to, at, 3, width);
	map = at;
	at = put(to, at, -3, width);
	at = put(to, at, width == 4 ? float_bits(0.5f) : 0x3fe0000000000000,
		 width);
	at = put(to, at, 1, width);
	at = put(to, at, 1 << 2 | width_code, 1);
	at = put(to, at, 3 << 2 | width_code, 1);
	at = put(to, at, 26 << 2, 1);
	at = put(to, at, at - map, 1);
	at = put(to, at, 9 << 2 | width_code, 1);
	return put(to, at, 1, 1);
}

static void test_numbers_are_found_by_name(void **state)
{
	for (size_t width = 4; width <= 8; width += 4) {
		uint8_t bytes[ROOM] = { 0 };
		size_t size = make_map(bytes, width);
		double value = 0;

		assert_true(tnc_flexbuffer_find(bytes, size, "a", &value));
		assert_true(value == -3);
		assert_true(tnc_flexbuffer_find(bytes, size, "bc", &value));
		assert_true(value == 0.5);
		assert_true(tnc_flexbuffer_find(bytes, size, "d", &value));
		assert_true(value == 1);
		assert_false(tnc_flexbuffer_find(bytes, size, "b", &value));
		assert_false(tnc_flexbuffer_find(bytes, size, "e", &value));
	}
}

/* In memory of its own size, so that a read beyond it is seen. */
static void try_bytes(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	double value;

	memcpy(copy, bytes, size);
	tnc_flexbuffer_find(copy, size, "bc", &value);
	free(copy);
}

static void test_damage_does_no_harm(void **state)
{
	uint8_t bytes[ROOM] = { 0 };
	size_t size = make_map(bytes, 4);

	for (size_t at = 0; at < size; at++) {
		uint8_t old = bytes[at];

		for (int value = 0; value < 256; value++) {
			bytes[at] = value;
			try_bytes(bytes, size);
		}
		bytes[at] = old;
	}
	for (size_t length = 0; length < size; length++) {
		try_bytes(bytes, length);
		try_bytes(bytes + length, size - length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_found_by_name),
		cmocka_unit_test(test_damage_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
