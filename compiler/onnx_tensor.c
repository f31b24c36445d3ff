// SPDX-License-Identifier: MIT
/*
 * Constants of an ONNX model, and new tensors of the graph. A constant's
 * elements lie in the file raw, or as numbers of a wider type.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "onnx.h"

enum { FLOAT16 = 10, FLOAT64 = 11, BFLOAT16 = 16 };

/*
 * Names of ONNX's element types, and which of them the graph has. Floats of other
 * widths are computed with, and handed over, as float32.
 */
static const struct {
	const char *name;
	int type;
} types[] = {
	{ "undefined", -1 },
	{ "float32", TNC_FLOAT32 },
	{ "uint8", TNC_UINT8 },
	{ "int8", TNC_INT8 },
	{ "uint16", -1 },
	{ "int16", TNC_INT16 },
	{ "int32", TNC_INT32 },
	{ "int64", TNC_INT64 },
	{ "string", -1 },
	{ "bool", TNC_BOOL },
	{ "float16", TNC_FLOAT32 },
	{ "float64", TNC_FLOAT32 },
	{ "uint32", -1 },
	{ "uint64", -1 },
	{ "complex64", -1 },
	{ "complex128", -1 },
	{ "bfloat16", TNC_FLOAT32 },
	{ "float8e4m3fn", -1 },
	{ "float8e4m3fnuz", -1 },
	{ "float8e5m2", -1 },
	{ "float8e5m2fnuz", -1 },
	{ "uint4", -1 },
	{ "int4", -1 },
	{ "float4e2m1", -1 },
};

enum tnc_type tnc_onnx_type(struct tnc_onnx *im, const char *name, int type)
{
	if (type <= 0 || type >= TNC_ARRAY_SIZE(types))
		tnc_error(im->c, -EINVAL, "value \"%s\" has unknown type %d",
			  name, type);
	if (types[type].type < 0)
		tnc_error(im->c, -EOPNOTSUPP,
			  "value \"%s\" has unsupported type %s", name,
			  types[type].name);
	return types[type].type;
}

/* A new tensor of the graph with a sound shape. */
int tnc_onnx_new(struct tnc_onnx *im, enum tnc_type type, int rank,
		 const int32_t *shape)
{
	struct tnc_tensor *t;

	if (rank > TNC_RANK_MAX)
		tnc_error(im->c, -EOPNOTSUPP,
			  "%d dimensions, at most %d are supported", rank,
			  TNC_RANK_MAX);
	t = tnc_tensor_add(im->c, im->c->tensors);
	t->type = type;
	t->rank = rank;
	for (int i = 0; i < rank; i++)
		t->shape[i] = shape[i];
	tnc_tensor_check_shape(im->c, t);
	return t->id;
}

/* A new tensor of the shape of another. */
int tnc_onnx_like(struct tnc_onnx *im, int id, enum tnc_type type)
{
	const struct tnc_tensor *t = im->c->tensor[id];

	return tnc_onnx_new(im, type, t->rank, t->shape);
}

static int new_constant(struct tnc_onnx *im, enum tnc_type type, int rank,
			const int32_t *shape, const void *value)
{
	int id = tnc_onnx_new(im, type, rank, shape);
	struct tnc_tensor *t = im->c->tensor[id];

	t->data = tnc_alloc(im->c, 1, tnc_tensor_bytes(t));
	memcpy(t->data, value, tnc_tensor_bytes(t));
	return id;
}

int tnc_onnx_floats(struct tnc_onnx *im, int rank, const int32_t *shape,
		    const float *value)
{
	return new_constant(im, TNC_FLOAT32, rank, shape, value);
}

int tnc_onnx_float(struct tnc_onnx *im, float value)
{
	return new_constant(im, TNC_FLOAT32, 0, NULL, &value);
}

/* A single integer, or truth value, of any such type. */
int tnc_onnx_integer(struct tnc_onnx *im, enum tnc_type type, int64_t value)
{
	int id = tnc_onnx_new(im, type, 0, NULL);
	struct tnc_tensor *t = im->c->tensor[id];

	t->data = tnc_alloc(im->c, 1, sizeof(value));
	memcpy(t->data, &value, tnc_type_info[type].size);
	return id;
}

int tnc_onnx_int32s(struct tnc_onnx *im, int rank, const int32_t *shape,
		    const int32_t *value)
{
	return new_constant(im, TNC_INT32, rank, shape, value);
}

int tnc_onnx_int64s(struct tnc_onnx *im, int rank, const int32_t *shape,
		    const int64_t *value)
{
	return new_constant(im, TNC_INT64, rank, shape, value);
}

/* Element @index of a constant, whatever its type. */
float tnc_onnx_float_of(const struct tnc_tensor *t, int64_t index)
{
	float value;

	if (t->type != TNC_FLOAT32)
		return tnc_onnx_int_of(t, index);
	memcpy(&value, t->data + index * 4, 4);
	return value;
}

int32_t tnc_onnx_int_of(const struct tnc_tensor *t, int64_t index)
{
	const uint8_t *at = t->data + index * tnc_type_info[t->type].size;
	int64_t wide;
	int32_t value;

	switch (t->type) {
	case TNC_INT8:
		return (int8_t)*at;
	case TNC_INT32:
		memcpy(&value, at, 4);
		return value;
	case TNC_INT64:
		memcpy(&wide, at, 8);
		return wide > INT32_MAX ? INT32_MAX :
		       wide < INT32_MIN ? INT32_MIN : wide;
	case TNC_UINT8:
	case TNC_BOOL:
		return *at;
	default:
		return 0;
	}
}

/* All elements of a constant of integers. */
struct tnc_onnx_ints tnc_onnx_ints_of(struct tnc_onnx *im, int id)
{
	const struct tnc_tensor *t = im->c->tensor[id];
	int64_t count = tnc_tensor_elements(t);
	int64_t *value;

	if (!t->data || (t->type != TNC_INT64 && t->type != TNC_INT32))
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: value \"%s\" must be a constant of integers",
			  t->name);
	value = tnc_alloc(im->c, count, sizeof(*value));
	for (int64_t i = 0; i < count; i++) {
		if (t->type == TNC_INT64)
			memcpy(&value[i], t->data + i * 8, 8);
		else
			value[i] = tnc_onnx_int_of(t, i);
	}
	return (struct tnc_onnx_ints){ count, value };
}

static void need_count(struct tnc_onnx *im, const struct tnc_tensor *t,
		       const char *name, size_t count)
{
	if ((int64_t)count != tnc_tensor_elements(t))
		tnc_error(im->c, -EINVAL,
			  "value \"%s\" has %zu elements, its shape needs %lld",
			  name, count, (long long)tnc_tensor_elements(t));
}

/* Numbers that the file holds as int32, from 8 bits to 32. */
static void narrow(struct tnc_onnx *im, struct tnc_tensor *t,
		   const Onnx__TensorProto *from, const char *name)
{
	size_t size = tnc_type_info[t->type].size;

	need_count(im, t, name, from->n_int32_data);
	t->data = tnc_alloc(im->c, 1, tnc_tensor_bytes(t));
	for (size_t i = 0; i < from->n_int32_data; i++)
		memcpy(t->data + i * size, &from->int32_data[i], size);
}

/* IEEE 754 half to single precision. */
static float from_half(uint16_t half)
{
	int exponent = half >> 10 & 31, mantissa = half & 1023;
	float value;

	if (exponent == 31)
		value = mantissa ? NAN : INFINITY;
	else if (exponent)
		value = ldexpf(1024 + mantissa, exponent - 25);
	else
		value = ldexpf(mantissa, -24);
	return half >> 15 ? -value : value;
}

static float from_brain(uint16_t brain)
{
	uint32_t bits = (uint32_t)brain << 16;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Floats of another width, raw or as numbers of a wider type. */
static void import_floats(struct tnc_onnx *im, struct tnc_tensor *t,
			  const Onnx__TensorProto *from, const char *name)
{
	bool is_double = from->data_type == FLOAT64;
	size_t size = is_double ? sizeof(double) : sizeof(uint16_t);
	size_t count = from->has_raw_data ? from->raw_data.len / size :
		       is_double ? from->n_double_data : from->n_int32_data;
	float *to;

	need_count(im, t, name, count);
	t->data = tnc_alloc(im->c, 1, tnc_tensor_bytes(t));
	to = (float *)t->data;
	for (size_t i = 0; i < count; i++) {
		uint16_t narrow = 0;
		double wide = 0;

		if (from->has_raw_data)
			memcpy(is_double ? (void *)&wide : &narrow,
			       from->raw_data.data + i * size, size);
		else if (is_double)
			wide = from->double_data[i];
		else
			narrow = from->int32_data[i];
		to[i] = is_double ? wide :
			from->data_type == FLOAT16 ? from_half(narrow) :
						     from_brain(narrow);
	}
}

/* The tree of the file lives as long as the graph: where it can, data stays. */
static void import_data(struct tnc_onnx *im, struct tnc_tensor *t,
			const Onnx__TensorProto *from, const char *name)
{
	if (from->data_type == FLOAT16 || from->data_type == FLOAT64 ||
	    from->data_type == BFLOAT16) {
		import_floats(im, t, from, name);
		return;
	}
	if (from->has_raw_data) {
		if (from->raw_data.len != tnc_tensor_bytes(t))
			tnc_error(im->c, -EINVAL,
				  "value \"%s\" has %zu bytes, its shape needs %zu",
				  name, from->raw_data.len,
				  tnc_tensor_bytes(t));
		t->data = from->raw_data.data;
	} else if (t->type == TNC_FLOAT32) {
		need_count(im, t, name, from->n_float_data);
		t->data = (uint8_t *)from->float_data;
	} else if (t->type == TNC_INT64) {
		need_count(im, t, name, from->n_int64_data);
		t->data = (uint8_t *)from->int64_data;
	} else {
		narrow(im, t, from, name);
	}
}

int tnc_onnx_constant(struct tnc_onnx *im, const Onnx__TensorProto *from,
		      const char *name)
{
	int32_t shape[TNC_RANK_MAX];
	struct tnc_tensor *t;
	int id;

	if (from->n_external_data ||
	    (from->has_data_location && from->data_location))
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: value \"%s\" lies in another file (external data)",
			  name);
	if (from->segment)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: value \"%s\" comes in segments", name);
	if (from->n_dims > TNC_RANK_MAX)
		tnc_error(im->c, -EOPNOTSUPP,
			  "value \"%s\" has %zu dimensions, at most %d are supported",
			  name, from->n_dims, TNC_RANK_MAX);
	for (size_t i = 0; i < from->n_dims; i++) {
		if (from->dims[i] < 1 || from->dims[i] > TNC_DIM_MAX)
			tnc_error(im->c, -EINVAL,
				  "dimension %zu of value \"%s\" is %lld", i,
				  name, (long long)from->dims[i]);
		shape[i] = from->dims[i];
	}
	id = tnc_onnx_new(im, tnc_onnx_type(im, name, from->data_type),
			  from->n_dims, shape);
	t = im->c->tensor[id];
	t->name = tnc_strndup(im->c, name, strlen(name));
	import_data(im, t, from, name);
	return id;
}
