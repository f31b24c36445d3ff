// SPDX-License-Identifier: MIT
/* Outputs as classes, see classes.h. */
#include "classes.h"

#include "tool.h"

#include <stdlib.h>
#include <string.h>

int labels_load(struct labels *labels, const char *path)
{
	char *bytes, *line, *rest;
	size_t size;
	int err;

	*labels = (struct labels){ 0 };
	err = tool_read_file(path, (void **)&bytes, &size);
	if (err)
		return tool_file_status(err);
	labels->text = strndup(bytes, size);
	free(bytes);
	/* at most a label each byte, and one behind the last newline */
	labels->lines = calloc(size + 1, sizeof(char *));
	if (!labels->text || !labels->lines) {
		labels_free(labels);
		return tool_complain(TOOL_FAILED, "%s: out of memory", path);
	}
	rest = labels->text;
	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (rest || *line)
			labels->lines[labels->count++] = line;
	}
	return TOOL_OK;
}

void labels_free(struct labels *labels)
{
	free(labels->lines);
	free(labels->text);
	*labels = (struct labels){ 0 };
}

const char *labels_name(const struct labels *labels, uint64_t class)
{
	if (class >= labels->count || !*labels->lines[class])
		return NULL;
	return labels->lines[class];
}

static double element(const struct tinynpu_tensor_info *info,
		      const void *tensor, uint64_t i)
{
	double stored;

	switch (info->dtype) {
	case TINYNPU_INT8:
		stored = ((const int8_t *)tensor)[i];
		break;
	case TINYNPU_INT16:
		stored = ((const int16_t *)tensor)[i];
		break;
	case TINYNPU_INT32:
		stored = ((const int32_t *)tensor)[i];
		break;
	case TINYNPU_INT64:
		stored = ((const int64_t *)tensor)[i];
		break;
	case TINYNPU_FLOAT32:
		return ((const float *)tensor)[i];
	default:
		stored = ((const uint8_t *)tensor)[i];
	}
	return info->scale ? (stored - info->zero_point) * info->scale : stored;
}

size_t classes_rank(const struct tinynpu_tensor_info *info, const void *tensor,
		    struct class *best, size_t count)
{
	uint64_t elements = 1, i;
	size_t used = 0, at;

	for (i = 0; i < info->rank; i++)
		elements *= info->shape[i];
	for (i = 0; i < elements; i++) {
		struct class new = { i, element(info, tensor, i) };

		at = used;
		while (at > 0 && best[at - 1].value < new.value)
			at--;
		if (at == count)
			continue;
		if (used < count)
			used++;
		memmove(&best[at + 1], &best[at],
			(used - at - 1) * sizeof(*best));
		best[at] = new;
	}
	return used;
}
