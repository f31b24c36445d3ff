// SPDX-License-Identifier: MIT
/*
 * A FlatBuffer table begins with a signed offset back to its vtable; the
 * vtable holds its own size, the table's size, and for each field its offset
 * in the table, 0 when absent. Vectors and sub-tables are reached through
 * unsigned offsets relative to where they are stored. Every such number is
 * checked here before it is used; there is no recursion, so depth is bounded
 * by the caller's code.
 */
#include <errno.h>
#include <string.h>

#include "flatbuffer.h"

#define VTABLE_HEADER 4
#define FIELD_SIZE 2

static const uint8_t *bytes_at(const struct tnc_fb *fb, size_t at, size_t size,
			       const char *what)
{
	if (at > fb->size || size > fb->size - at)
		tnc_error(fb->c, -EINVAL,
			  "offset %#zx: %s needs %zu bytes, but the file ends at %#zx",
			  at, what, size, fb->size);
	return fb->data + at;
}

static uint16_t u16_at(const struct tnc_fb *fb, size_t at, const char *what)
{
	const uint8_t *p = bytes_at(fb, at, 2, what);

	return p[0] | p[1] << 8;
}

static uint32_t u32_at(const struct tnc_fb *fb, size_t at, const char *what)
{
	const uint8_t *p = bytes_at(fb, at, 4, what);

	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t u64_at(const struct tnc_fb *fb, size_t at, const char *what)
{
	uint64_t low = u32_at(fb, at, what);

	return low | (uint64_t)u32_at(fb, at + 4, what) << 32;
}

static float f32_at(const struct tnc_fb *fb, size_t at, const char *what)
{
	uint32_t bits = u32_at(fb, at, what);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Where the reference stored at @at leads to. */
static size_t follow(const struct tnc_fb *fb, size_t at, const char *what)
{
	uint32_t distance = u32_at(fb, at, what);

	if (distance == 0 || distance > fb->size - at)
		tnc_error(fb->c, -EINVAL,
			  "offset %#zx: reference to %s leads outside the file",
			  at, what);
	return at + distance;
}

static struct tnc_fb_table table_at(const struct tnc_fb *fb, size_t at,
				    const char *what)
{
	struct tnc_fb_table t = { .fb = fb, .at = at };
	int64_t vtable = (int64_t)at - (int32_t)u32_at(fb, at, what);

	if (vtable < 0 || vtable > (int64_t)fb->size)
		tnc_error(fb->c, -EINVAL,
			  "offset %#zx: vtable of %s lies outside the file",
			  at, what);
	t.vtable = vtable;
	t.vtable_size = u16_at(fb, t.vtable, what);
	t.size = u16_at(fb, t.vtable + FIELD_SIZE, what);
	if (t.vtable_size < VTABLE_HEADER || t.vtable_size % FIELD_SIZE ||
	    t.size < 4)
		tnc_error(fb->c, -EINVAL,
			  "offset %#zx: vtable of %s has impossible sizes %zu, %zu",
			  t.vtable, what, t.vtable_size, t.size);
	bytes_at(fb, t.vtable, t.vtable_size, what);
	bytes_at(fb, t.at, t.size, what);
	return t;
}

struct tnc_fb_table tnc_fb_root(const struct tnc_fb *fb, const char *what)
{
	return table_at(fb, follow(fb, 0, what), what);
}

/* Offset of a field in the file, or 0 when the table does not have it. */
static size_t field_at(const struct tnc_fb_table *t, int field, size_t size)
{
	size_t entry = VTABLE_HEADER + (size_t)field * FIELD_SIZE;
	size_t offset;

	if (!t->at || entry + FIELD_SIZE > t->vtable_size)
		return 0;
	offset = u16_at(t->fb, t->vtable + entry, "vtable entry");
	if (!offset)
		return 0;
	if (offset < 4 || offset + size > t->size)
		tnc_error(t->fb->c, -EINVAL,
			  "offset %#zx: field %d lies outside its table of %zu bytes",
			  t->at, field, t->size);
	return t->at + offset;
}

int tnc_fb_i8(const struct tnc_fb_table *t, int field, int absent)
{
	size_t at = field_at(t, field, 1);

	return at ? (int8_t)*bytes_at(t->fb, at, 1, "field") : absent;
}

int32_t tnc_fb_i32(const struct tnc_fb_table *t, int field, int32_t absent)
{
	size_t at = field_at(t, field, 4);

	return at ? (int32_t)u32_at(t->fb, at, "field") : absent;
}

uint64_t tnc_fb_u64(const struct tnc_fb_table *t, int field)
{
	size_t at = field_at(t, field, 8);

	return at ? u64_at(t->fb, at, "field") : 0;
}

float tnc_fb_f32(const struct tnc_fb_table *t, int field, float absent)
{
	size_t at = field_at(t, field, 4);

	return at ? f32_at(t->fb, at, "field") : absent;
}

struct tnc_fb_table tnc_fb_sub(const struct tnc_fb_table *t, int field,
			       const char *what)
{
	size_t at = field_at(t, field, 4);

	if (!at)
		return (struct tnc_fb_table){ .fb = t->fb };
	return table_at(t->fb, follow(t->fb, at, what), what);
}

struct tnc_fb_vector tnc_fb_vector(const struct tnc_fb_table *t, int field,
				   size_t element, const char *what)
{
	struct tnc_fb_vector v = { .fb = t->fb, .element = element };
	size_t at = field_at(t, field, 4);
	size_t start, room;

	if (!at)
		return v;
	start = follow(t->fb, at, what);
	v.count = u32_at(t->fb, start, what);
	v.at = start + 4;
	room = (t->fb->size - v.at) / element;
	if (v.count > room)
		tnc_error(t->fb->c, -EINVAL,
			  "offset %#zx: %s has %zu elements of %zu bytes, room is for %zu",
			  start, what, v.count, element, room);
	return v;
}

int32_t tnc_fb_at_i32(const struct tnc_fb_vector *v, size_t index)
{
	return u32_at(v->fb, v->at + index * 4, "element");
}

int64_t tnc_fb_at_i64(const struct tnc_fb_vector *v, size_t index)
{
	return u64_at(v->fb, v->at + index * 8, "element");
}

float tnc_fb_at_f32(const struct tnc_fb_vector *v, size_t index)
{
	return f32_at(v->fb, v->at + index * 4, "element");
}

struct tnc_fb_table tnc_fb_at_table(const struct tnc_fb_vector *v,
				    size_t index, const char *what)
{
	return table_at(v->fb, follow(v->fb, v->at + index * 4, what), what);
}
