/* SPDX-License-Identifier: MIT */
/*
 * Reading a FlatBuffer that nobody vouches for: tables, fields, vectors and
 * strings, each access checked against the file's size. Used by the TFLite
 * importer. Errors name the offset in the file and what was being read.
 */
#ifndef TNC_FLATBUFFER_H
#define TNC_FLATBUFFER_H

#include "ir.h"

struct tnc_fb {
	struct tnc *c;
	const uint8_t *data;
	size_t size;
};

/* A table; @at is 0 for one that is absent. */
struct tnc_fb_table {
	const struct tnc_fb *fb;
	size_t at;
	size_t vtable;
	size_t vtable_size;
	size_t size;
};

/* A vector or string of @count elements from offset @at; may be empty. */
struct tnc_fb_vector {
	const struct tnc_fb *fb;
	size_t at;
	size_t count;
	size_t element;
};

struct tnc_fb_table tnc_fb_root(const struct tnc_fb *fb, const char *what);

/* Scalar fields by field number, with the schema's default. */
int tnc_fb_i8(const struct tnc_fb_table *t, int field, int absent);
int32_t tnc_fb_i32(const struct tnc_fb_table *t, int field, int32_t absent);
uint64_t tnc_fb_u64(const struct tnc_fb_table *t, int field);
float tnc_fb_f32(const struct tnc_fb_table *t, int field, float absent);

/* Fields that refer to something else; absent gives an empty one. */
struct tnc_fb_table tnc_fb_sub(const struct tnc_fb_table *t, int field,
			       const char *what);
struct tnc_fb_vector tnc_fb_vector(const struct tnc_fb_table *t, int field,
				   size_t element, const char *what);

/* Elements of a vector; the index must be below its count. */
int32_t tnc_fb_at_i32(const struct tnc_fb_vector *v, size_t index);
int64_t tnc_fb_at_i64(const struct tnc_fb_vector *v, size_t index);
float tnc_fb_at_f32(const struct tnc_fb_vector *v, size_t index);
struct tnc_fb_table tnc_fb_at_table(const struct tnc_fb_vector *v,
				    size_t index, const char *what);

#endif
