// SPDX-License-Identifier: MIT
/*
 * ONNX's Einsum of one or two tensors: letters name dimensions. Of two, those of
 * both that the result has are batches, those that it lacks are summed over by a
 * product of matrices; what only one has and the result lacks is summed before.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "onnx_ops.h"

#define LETTERS 52

/* A tensor whose dimensions have letters. */
struct term {
	int id;
	int rank;
	char letter[TNC_RANK_MAX];
};

static int place_of(const struct term *t, char letter)
{
	for (int d = 0; d < t->rank; d++)
		if (t->letter[d] == letter)
			return d;
	return -1;
}

/* Reads letters up to a comma or an arrow. */
static const char *read_term(struct tnc_onnx *im, const char *text,
			     struct term *t)
{
	for (; *text && *text != ',' && *text != '-'; text++) {
		if (*text == ' ')
			continue;
		if (!isalpha((unsigned char)*text))
			tnc_error(im->c, -EOPNOTSUPP,
				  "unsupported equation: '%c'", *text);
		if (t->rank == TNC_RANK_MAX || place_of(t, *text) >= 0)
			tnc_error(im->c, -EOPNOTSUPP,
				  "unsupported equation: '%c' stands there twice",
				  *text);
		t->letter[t->rank++] = *text;
	}
	return text;
}

/* Without an arrow: the letters that occur once, in their order. */
static void implied_result(const struct term *in, int inputs, struct term *out)
{
	for (int l = 'A'; l <= 'z'; l++) {
		int count = 0;

		for (int i = 0; i < inputs; i++)
			count += place_of(&in[i], l) >= 0;
		if (count == 1 && out->rank < TNC_RANK_MAX)
			out->letter[out->rank++] = l;
	}
}

static int read_equation(struct tnc_onnx *im, struct term *in, struct term *out)
{
	const char *text = tnc_onnx_attr_string(im, "equation", "");
	int inputs = im->node->n_input;

	if (inputs < 1 || inputs > 2)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: %d inputs", inputs);
	for (int i = 0; i < inputs; i++) {
		text = read_term(im, text, &in[i]);
		in[i].id = tnc_onnx_input(im, i);
		if (in[i].rank != tnc_onnx_tensor(im, in[i].id)->rank)
			tnc_error(im->c, -EINVAL,
				  "equation has %d dimensions for input %d of %d",
				  in[i].rank, i,
				  tnc_onnx_tensor(im, in[i].id)->rank);
		if (i + 1 < inputs && *text++ != ',')
			tnc_error(im->c, -EINVAL, "equation has too few inputs");
	}
	if (!*text)
		implied_result(in, inputs, out);
	else if (strncmp(text, "->", 2) || *read_term(im, text + 2, out))
		tnc_error(im->c, -EINVAL, "equation goes on with \"%.16s\"",
			  text);
	return inputs;
}

/* Sums over what neither @other nor the result has. */
static void sum_own(struct tnc_onnx *im, struct term *t,
		    const struct term *other, const struct term *out)
{
	bool axes[TNC_RANK_MAX] = { false }, any = false;
	int rank = 0;

	for (int d = 0; d < t->rank; d++) {
		axes[d] = place_of(out, t->letter[d]) < 0 &&
			  (!other || place_of(other, t->letter[d]) < 0);
		any |= axes[d];
	}
	if (!any)
		return;
	t->id = tnc_onnx_reduce(im, TNC_SUM, t->id, axes, false);
	for (int d = 0; d < t->rank; d++)
		if (!axes[d])
			t->letter[rank++] = t->letter[d];
	t->rank = rank;
}

/* Puts the dimensions into the order of @letters, all of which there are. */
static void reorder(struct tnc_onnx *im, struct term *t, const char *letters)
{
	int perm[TNC_RANK_MAX];
	bool is_same = true;

	for (int d = 0; d < t->rank; d++) {
		perm[d] = place_of(t, letters[d]);
		is_same &= perm[d] == d;
	}
	if (!is_same)
		t->id = tnc_onnx_transpose(im, t->id, perm);
	memcpy(t->letter, letters, t->rank);
}

/* What letters are for in a product. */
struct roles {
	char batch[TNC_RANK_MAX], sum[TNC_RANK_MAX], own[2][TNC_RANK_MAX];
	int batches, sums, owns[2];
};

static void find_roles(const struct term *in, const struct term *out,
		       struct roles *r)
{
	for (int i = 0; i < 2; i++)
		for (int d = 0; d < in[i].rank; d++) {
			char l = in[i].letter[d];
			bool is_both = place_of(&in[!i], l) >= 0;

			if (!is_both)
				r->own[i][r->owns[i]++] = l;
			else if (!i && place_of(out, l) >= 0)
				r->batch[r->batches++] = l;
			else if (!i)
				r->sum[r->sums++] = l;
		}
}

static int size_of(struct tnc_onnx *im, const struct term *in, char letter)
{
	int size = 0;

	for (int i = 0; i < 2; i++) {
		int d = place_of(&in[i], letter), own;

		if (d < 0)
			continue;
		own = tnc_onnx_tensor(im, in[i].id)->shape[d];
		if (size && own != size)
			tnc_error(im->c, -EINVAL, "'%c' is %d and %d", letter,
				  size, own);
		size = own;
	}
	return size;
}

/* [batches, rows, sum] or, as the second factor, [batches, sum, columns]. */
static int matrix(struct tnc_onnx *im, const struct term *in, int which,
		  const struct roles *r)
{
	struct term t = in[which];
	char letters[TNC_RANK_MAX * 3];
	int32_t shape[3] = { 1, 1, 1 };
	int n = 0, row = which ? 2 : 1, column = which ? 1 : 2;

	for (int i = 0; i < r->batches; i++)
		shape[0] *= size_of(im, in, letters[n++] = r->batch[i]);
	for (int part = 0; part < 2; part++) {
		bool is_sum = part != which;
		const char *from = is_sum ? r->sum : r->own[which];
		int count = is_sum ? r->sums : r->owns[which];

		for (int i = 0; i < count; i++)
			shape[is_sum ? column : row] *=
				size_of(im, in, letters[n++] = from[i]);
	}
	reorder(im, &t, letters);
	return tnc_onnx_reshape(im, t.id, 3, shape);
}

static struct term multiply(struct tnc_onnx *im, const struct term *in,
			    const struct term *out)
{
	struct roles r = { .batches = 0 };
	struct term result = { .rank = 0 };
	struct tnc_quant none = { 0 };
	int32_t shape[TNC_RANK_MAX];

	find_roles(in, out, &r);
	if (r.batches + r.owns[0] + r.owns[1] > TNC_RANK_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: more than %d dimensions",
			  TNC_RANK_MAX);
	for (int i = 0; i < r.batches; i++)
		result.letter[result.rank++] = r.batch[i];
	for (int which = 0; which < 2; which++)
		for (int i = 0; i < r.owns[which]; i++)
			result.letter[result.rank++] = r.own[which][i];
	for (int d = 0; d < result.rank; d++)
		shape[d] = size_of(im, in, result.letter[d]);
	result.id = tnc_onnx_product(im, matrix(im, in, 0, &r),
				     matrix(im, in, 1, &r), TNC_FLOAT32, none,
				     none);
	result.id = tnc_onnx_reshape(im, result.id, result.rank, shape);
	return result;
}

void tnc_onnx_einsum(struct tnc_onnx *im, int kind)
{
	struct term in[2] = { { .rank = 0 } }, out = { .rank = 0 };
	int inputs = read_equation(im, in, &out);

	for (int d = 0; d < out.rank; d++)
		if (place_of(&in[0], out.letter[d]) < 0 &&
		    place_of(&in[1], out.letter[d]) < 0)
			tnc_error(im->c, -EINVAL, "no input has '%c'",
				  out.letter[d]);
	for (int i = 0; i < inputs; i++)
		sum_own(im, &in[i], inputs == 2 ? &in[!i] : NULL, &out);
	if (inputs == 2)
		in[0] = multiply(im, in, &out);
	reorder(im, &in[0], out.letter);
	tnc_onnx_output(im, 0, in[0].id);
}
