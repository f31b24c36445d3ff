// SPDX-License-Identifier: MIT
/*
 * DETECTION_POSTPROCESS: boxes of a detector decoded from their anchors, of
 * those that overlap the best ones kept. TensorFlow Lite's custom operator; one
 * of its four outputs each, since an operator writes one tensor.
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

enum { BOXES, CLASSES, SCORES, COUNT, OUTPUTS };

#define BOX 4 /* coordinates */

struct detector {
	int32_t which, max_detections, max_classes, per_class;
	bool is_regular; /* each class on its own */
	int32_t classes;
	float score_threshold, overlap_threshold;
	float scale[BOX]; /* y, x, height, width */
	int64_t boxes, columns; /* of the scores, background included */
};

static struct detector detector_of(const struct cpu_op *op)
{
	const union cpu_word *attr = op->attr;
	struct detector d = {
		.which = attr[0].i,
		.max_detections = attr[1].i,
		.max_classes = attr[2].i,
		.per_class = attr[3].i,
		.is_regular = attr[4].i,
		.classes = attr[5].i,
		.score_threshold = attr[6].f,
		.overlap_threshold = attr[7].f,
		.scale = { attr[8].f, attr[9].f, attr[10].f, attr[11].f },
		.boxes = op->in[0]->shape[1],
		.columns = op->in[1]->shape[2],
	};

	return d;
}

static const char *check(const struct cpu_op *op)
{
	const struct cpu_tensor *codes = op->in[0], *scores = op->in[1];
	const struct cpu_tensor *anchors = op->in[2];
	uint64_t each = op->attr[0].i == BOXES ? BOX : 1, rows;
	struct detector d;

	if (!is_float(codes) || !is_float(scores) || !is_float(anchors) ||
	    !is_float(op->out))
		return "not of this type";
	if (codes->rank != 3 || scores->rank != 3 || anchors->rank != 2 ||
	    codes->shape[0] != 1 || scores->shape[0] != 1 ||
	    codes->shape[1] != scores->shape[1] ||
	    codes->shape[1] != anchors->shape[0] || codes->shape[2] < BOX ||
	    anchors->shape[1] != BOX)
		return "shapes do not fit";
	d = detector_of(op);
	if (d.which < 0 || d.which >= OUTPUTS)
		return "no such output";
	if (d.max_detections < 1 || d.max_classes < 1 || d.per_class < 1 ||
	    d.classes < 1 || d.columns - d.classes < 0 ||
	    d.columns - d.classes > 1)
		return "numbers of detections or classes";
	if (!(d.scale[0] > 0) || !(d.scale[1] > 0) || !(d.scale[2] > 0) ||
	    !(d.scale[3] > 0))
		return "scales";
	rows = d.which == COUNT ? 1 : d.is_regular ? d.max_detections :
	       (uint64_t)d.max_detections *
	       (d.max_classes < d.classes ? d.max_classes : d.classes);
	if (op->out->elements != rows * each)
		return "shape of the output";
	if ((uint64_t)d.boxes > NPU_CPU_MAX_WORK / scores->elements ||
	    (uint64_t)d.max_classes > NPU_CPU_MAX_WORK / scores->elements)
		return "too much work";
	return NULL;
}

/* --- Memory ---------------------------------------------------------------- */

struct found {
	float score;
	int32_t box, label;
};

struct memory {
	float (*box)[BOX]; /* y and x of the first corner, of the second */
	struct found *candidate; /* of one class, or all */
	struct found *best; /* so far: max_detections and per_class */
};

static uint64_t best_room(const struct detector *d)
{
	uint64_t kept = d->per_class < d->boxes ? d->per_class : d->boxes;
	uint64_t most = (uint64_t)d->boxes * d->classes;

	return (d->max_detections < most ? d->max_detections : most) + kept;
}

static uint64_t scratch(const struct cpu_op *op)
{
	struct detector d = detector_of(op);

	return d.boxes * (BOX * sizeof(float) + sizeof(struct found)) +
	       best_room(&d) * sizeof(struct found);
}

static struct memory memory_of(const struct detector *d, void *scratch)
{
	struct memory m = { .box = scratch };

	m.candidate = (struct found *)(m.box + d->boxes);
	m.best = m.candidate + d->boxes;
	return m;
}

/* --- Boxes ----------------------------------------------------------------- */

static void decode(const struct cpu_op *op, const struct detector *d,
		   float (*box)[BOX])
{
	const float *code = op->in[0]->data, *anchor = op->in[2]->data;
	int64_t i;

	for (i = 0; i < d->boxes; i++) {
		double y = (double)code[0] / d->scale[0] * anchor[2] + anchor[0];
		double x = (double)code[1] / d->scale[1] * anchor[3] + anchor[1];
		float half_h = 0.5 * exp((double)code[2] / d->scale[2]) *
			       anchor[2];
		float half_w = 0.5 * exp((double)code[3] / d->scale[3]) *
			       anchor[3];

		box[i][0] = (float)y - half_h;
		box[i][1] = (float)x - half_w;
		box[i][2] = (float)y + half_h;
		box[i][3] = (float)x + half_w;
		code += op->in[0]->shape[2];
		anchor += BOX;
	}
}

static float area(const float *box)
{
	return (box[2] - box[0]) * (box[3] - box[1]);
}

/* What two boxes share, of what both cover. */
static float overlap(const float *a, const float *b)
{
	float low_y = fmaxf(a[0], b[0]), low_x = fmaxf(a[1], b[1]);
	float high_y = fminf(a[2], b[2]), high_x = fminf(a[3], b[3]);
	float common = fmaxf(high_y - low_y, 0) * fmaxf(high_x - low_x, 0);

	if (!(area(a) > 0) || !(area(b) > 0))
		return 0;
	return common / (area(a) + area(b) - common);
}

/* --- Order ----------------------------------------------------------------- */

/* Higher scores first, among equal ones the first box. */
static bool is_before(const struct found *a, const struct found *b)
{
	return a->score > b->score ||
	       (a->score == b->score && a->box < b->box);
}

static void sift(struct found *heap, int64_t root, int64_t count)
{
	int64_t child;

	while ((child = 2 * root + 1) < count) {
		struct found moved = heap[root];

		if (child + 1 < count &&
		    is_before(&heap[child], &heap[child + 1]))
			child++;
		if (!is_before(&moved, &heap[child]))
			return;
		heap[root] = heap[child];
		heap[child] = moved;
		root = child;
	}
}

static void sort(struct found *found, int64_t count)
{
	int64_t i;

	for (i = count / 2; i-- > 0;)
		sift(found, i, count);
	for (i = count; i-- > 1;) {
		struct found last = found[0];

		found[0] = found[i];
		found[i] = last;
		sift(found, 0, i);
	}
}

/* Keeps the best of @count sorted ones that don't overlap a kept one, at most
 * @most. Returns how many; they come first. */
static int64_t suppress(const struct detector *d, const struct memory *m,
			struct found *found, int64_t count, int64_t most)
{
	int64_t kept = 0, i, k;

	for (i = 0; i < count && kept < most; i++) {
		for (k = 0; k < kept; k++)
			if (overlap(m->box[found[k].box], m->box[found[i].box]) >
			    d->overlap_threshold)
				break;
		if (k == kept)
			found[kept++] = found[i];
	}
	return kept;
}

/* --- The two ways to choose ------------------------------------------------ */

static const float *scores_of(const struct cpu_op *op,
			      const struct detector *d, int64_t box)
{
	return (const float *)op->in[1]->data + box * d->columns +
	       (d->columns - d->classes);
}

static void put(const struct cpu_op *op, const struct detector *d,
		const struct memory *m, int64_t row, const struct found *found)
{
	float *out = op->out->data;

	switch (d->which) {
	case BOXES:
		memcpy(out + row * BOX, m->box[found->box],
		       sizeof(m->box[0]));
		break;
	case CLASSES:
		out[row] = found->label;
		break;
	case SCORES:
		out[row] = found->score;
		break;
	}
}

/* The best class of those behind @last in order, of all if that is -1. */
static int32_t next_class(const float *scores, int32_t classes, int32_t last)
{
	int32_t best = -1, i;

	for (i = 0; i < classes; i++) {
		bool is_behind = last < 0 || scores[i] < scores[last] ||
				 (scores[i] == scores[last] && i > last);

		if (is_behind && (best < 0 || scores[i] > scores[best]))
			best = i;
	}
	return best < 0 ? 0 : best;
}

/* By each box's best class; then its next ones come along. */
static int64_t choose_fast(const struct cpu_op *op, const struct detector *d,
			   const struct memory *m)
{
	int32_t each = d->max_classes < d->classes ? d->max_classes :
						     d->classes;
	int64_t count = 0, kept, i;
	int32_t rank;

	for (i = 0; i < d->boxes; i++) {
		const float *scores = scores_of(op, d, i);
		int32_t label = next_class(scores, d->classes, -1);

		if (scores[label] >= d->score_threshold)
			m->candidate[count++] = (struct found){
				scores[label], i, label
			};
	}
	sort(m->candidate, count);
	kept = suppress(d, m, m->candidate, count, d->max_detections);
	for (i = 0; i < kept; i++) {
		const float *scores = scores_of(op, d, m->candidate[i].box);

		struct found found = { .box = m->candidate[i].box,
				       .label = -1 };

		for (rank = 0; rank < each; rank++) {
			found.label = next_class(scores, d->classes,
						 found.label);
			found.score = scores[found.label];
			put(op, d, m, i * each + rank, &found);
		}
	}
	return kept * each;
}

/* Class by class, keeping the best of all. */
static int64_t choose_regular(const struct cpu_op *op,
			      const struct detector *d, const struct memory *m)
{
	int64_t best = 0, count, kept, i;
	int32_t label;

	for (label = 0; label < d->classes; label++) {
		count = 0;
		for (i = 0; i < d->boxes; i++) {
			float score = scores_of(op, d, i)[label];

			if (score >= d->score_threshold)
				m->candidate[count++] = (struct found){
					score, i, label
				};
		}
		sort(m->candidate, count);
		kept = suppress(d, m, m->candidate, count, d->per_class);
		memcpy(m->best + best, m->candidate, kept * sizeof(*m->best));
		best += kept;
		sort(m->best, best);
		if (best > d->max_detections)
			best = d->max_detections;
	}
	for (i = 0; i < best; i++)
		put(op, d, m, i, &m->best[i]);
	return best;
}

static const char *run(const struct cpu_op *op, void *scratch)
{
	struct detector d = detector_of(op);
	struct memory m = memory_of(&d, scratch);
	int64_t count;

	decode(op, &d, m.box);
	memset(op->out->data, 0, op->out->elements * sizeof(float));
	count = d.is_regular ? choose_regular(op, &d, &m) :
			       choose_fast(op, &d, &m);
	if (d.which == COUNT)
		*(float *)op->out->data = count;
	return NULL;
}

const struct cpu_kernel cpu_detection_postprocess = {
	.check = check,
	.scratch = scratch,
	.run = run,
};
