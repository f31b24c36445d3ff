// SPDX-License-Identifier: MIT
/*
 * Reads FlexBuffers, in which TFLite models keep the options of custom operators: a
 * map of names to numbers, written from its end backwards. Every offset is checked
 * against the buffer.
 */
#include <string.h>

#include "flexbuffer.h"

enum {
	TYPE_INT = 1,
	TYPE_UINT = 2,
	TYPE_FLOAT = 3,
	TYPE_INDIRECT_INT = 6,
	TYPE_INDIRECT_FLOAT = 8,
	TYPE_MAP = 9,
	TYPE_BOOL = 26,
};

#define TO_DIRECT (TYPE_INDIRECT_INT - TYPE_INT)

struct flex {
	const uint8_t *data;
	size_t size;
};

/* A type and the width of what it stands for share a byte. */
static int type_of(uint8_t packed)
{
	return packed >> 2;
}

static size_t width_of(uint8_t packed)
{
	return (size_t)1 << (packed & 3);
}

static bool load(const struct flex *f, size_t at, size_t width,
		 uint64_t *value)
{
	if (width != 1 && width != 2 && width != 4 && width != 8)
		return false;
	if (at > f->size || width > f->size - at)
		return false;
	*value = 0;
	memcpy(value, f->data + at, width);
	return true;
}

/* Offsets count backwards from where they stand. */
static bool follow(const struct flex *f, size_t at, size_t width, size_t *to)
{
	uint64_t offset;

	if (!load(f, at, width, &offset) || offset > at)
		return false;
	*to = at - offset;
	return true;
}

static bool number(const struct flex *f, size_t at, size_t width,
		   uint8_t packed, double *value)
{
	int type = type_of(packed);
	uint64_t bits;
	double wide;
	float narrow;

	if (type >= TYPE_INDIRECT_INT && type <= TYPE_INDIRECT_FLOAT) {
		if (!follow(f, at, width, &at))
			return false;
		width = width_of(packed);
		type -= TO_DIRECT;
	}
	if (!load(f, at, width, &bits))
		return false;
	memcpy(&wide, &bits, sizeof(wide));
	memcpy(&narrow, &bits, sizeof(narrow));
	switch (type) {
	case TYPE_INT:
		*value = (int64_t)(bits << (64 - 8 * width)) >>
			 (64 - 8 * width);
		return true;
	case TYPE_UINT:
	case TYPE_BOOL:
		*value = bits;
		return true;
	case TYPE_FLOAT:
		*value = width == 8 ? wide : narrow;
		return width >= 4;
	default:
		return false;
	}
}

/* A map: before its values stand where its names are, their width, the count. */
struct map {
	size_t at, width, count;
	size_t names, name_width;
};

static bool find_map(const struct flex *f, struct map *m)
{
	uint64_t count, name_width;
	size_t root_width, root;
	uint8_t packed;

	if (f->size < 3)
		return false;
	root_width = f->data[f->size - 1];
	packed = f->data[f->size - 2];
	if (root_width > f->size - 2 || type_of(packed) != TYPE_MAP)
		return false;
	root = f->size - 2 - root_width;
	m->width = width_of(packed);
	if (!follow(f, root, root_width, &m->at) || m->at < 3 * m->width)
		return false;
	if (!load(f, m->at - m->width, m->width, &count) ||
	    !load(f, m->at - 2 * m->width, m->width, &name_width) ||
	    !follow(f, m->at - 3 * m->width, m->width, &m->names))
		return false;
	if (count > f->size || name_width > 8)
		return false;
	m->count = count;
	m->name_width = name_width;
	return true;
}

static bool is_name(const struct flex *f, size_t at, const char *name)
{
	size_t length = strlen(name) + 1;

	return at <= f->size && length <= f->size - at &&
	       !memcmp(f->data + at, name, length);
}

bool tnc_flexbuffer_find(const uint8_t *data, size_t size, const char *name,
			 double *value)
{
	struct flex f = { data, size };
	struct map m;
	size_t at;

	if (!find_map(&f, &m))
		return false;
	for (size_t i = 0; i < m.count; i++) {
		uint64_t packed;

		if (!follow(&f, m.names + i * m.name_width, m.name_width, &at))
			return false;
		if (!is_name(&f, at, name))
			continue;
		return load(&f, m.at + m.count * m.width + i, 1, &packed) &&
		       number(&f, m.at + i * m.width, m.width, packed, value);
	}
	return false;
}
