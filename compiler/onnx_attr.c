// SPDX-License-Identifier: MIT
/*
 * Attributes of an ONNX node. Each that a node has must be one that its
 * operator asks for: what nobody reads would change the result unseen.
 */
#include <errno.h>
#include <string.h>

#include "onnx.h"

#define ATTRS_MAX 64
#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static const Onnx__AttributeProto *find(struct tnc_onnx *im, const char *name)
{
	const Onnx__NodeProto *node = im->node;

	if (node->n_attribute > ATTRS_MAX)
		tnc_error(im->c, -EINVAL, "%zu attributes", node->n_attribute);
	for (size_t i = 0; i < node->n_attribute; i++) {
		const Onnx__AttributeProto *a = node->attribute[i];

		if (!a->name || strcmp(a->name, name))
			continue;
		if (a->ref_attr_name)
			tnc_error(im->c, -EOPNOTSUPP,
				  "unsupported: attribute \"%s\" of a function",
				  name);
		im->seen |= UINT64_C(1) << i;
		return a;
	}
	return NULL;
}

/* Very old files have no type: then it is what is asked for. */
static const Onnx__AttributeProto *
find_typed(struct tnc_onnx *im, const char *name, int type, bool is_there)
{
	const Onnx__AttributeProto *a = find(im, name);

	if (a && a->has_type && a->type && a->type != type)
		tnc_error(im->c, -EINVAL, "attribute \"%s\" is of type %d, not %d",
			  name, a->type, type);
	if (!a && is_there)
		tnc_error(im->c, -EINVAL, "has no attribute \"%s\"", name);
	return a;
}

bool tnc_onnx_has_attr(struct tnc_onnx *im, const char *name)
{
	return find(im, name) != NULL;
}

int64_t tnc_onnx_attr_int(struct tnc_onnx *im, const char *name, int64_t absent)
{
	const Onnx__AttributeProto *a = find_typed(im, name, TYPE(INT), false);

	return a ? a->i : absent;
}

float tnc_onnx_attr_float(struct tnc_onnx *im, const char *name, float absent)
{
	const Onnx__AttributeProto *a = find_typed(im, name, TYPE(FLOAT),
						   false);

	return a ? a->f : absent;
}

const char *tnc_onnx_attr_string(struct tnc_onnx *im, const char *name,
				 const char *absent)
{
	const Onnx__AttributeProto *a = find_typed(im, name, TYPE(STRING),
						   false);

	if (!a)
		return absent;
	return tnc_strndup(im->c, a->s.data ? (const char *)a->s.data : "",
			   a->s.len);
}

struct tnc_onnx_ints tnc_onnx_attr_ints(struct tnc_onnx *im, const char *name)
{
	const Onnx__AttributeProto *a = find_typed(im, name, TYPE(INTS), false);

	if (!a || a->n_ints > TNC_TENSORS_MAX)
		return (struct tnc_onnx_ints){ 0, NULL };
	return (struct tnc_onnx_ints){ a->n_ints, a->ints };
}

/* Returns how many floats lie at *@at. */
int tnc_onnx_attr_floats(struct tnc_onnx *im, const char *name,
			 const float **at)
{
	const Onnx__AttributeProto *a = find_typed(im, name, TYPE(FLOATS),
						   false);

	if (!a || a->n_floats > TNC_TENSORS_MAX)
		return 0;
	*at = a->floats;
	return a->n_floats;
}

const Onnx__TensorProto *tnc_onnx_attr_tensor(struct tnc_onnx *im,
					      const char *name)
{
	const Onnx__AttributeProto *a = find_typed(im, name, TYPE(TENSOR),
						   false);

	return a ? a->t : NULL;
}

/* Returns how many strings lie at *@at. */
int tnc_onnx_attr_strings(struct tnc_onnx *im, const char *name,
			  const ProtobufCBinaryData **at)
{
	const Onnx__AttributeProto *a = find_typed(im, name, TYPE(STRINGS),
						   false);

	if (!a || a->n_strings > TNC_INPUTS_MAX)
		return 0;
	*at = a->strings;
	return a->n_strings;
}

const Onnx__GraphProto *tnc_onnx_attr_graph(struct tnc_onnx *im,
					    const char *name)
{
	const Onnx__AttributeProto *a = find_typed(im, name, TYPE(GRAPH), false);

	return a ? a->g : NULL;
}

/* An attribute for which there is only one value that is supported. */
void tnc_onnx_need_int(struct tnc_onnx *im, const char *name, int64_t value)
{
	int64_t is = tnc_onnx_attr_int(im, name, value);

	if (is != value)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported %s of %lld", name,
			  (long long)is);
}

void tnc_onnx_check_attrs(struct tnc_onnx *im)
{
	for (size_t i = 0; i < im->node->n_attribute; i++)
		if (i >= ATTRS_MAX || !(im->seen & UINT64_C(1) << i))
			tnc_error(im->c, -EOPNOTSUPP,
				  "unsupported attribute \"%s\"",
				  im->node->attribute[i]->name ?
					  im->node->attribute[i]->name : "");
}
