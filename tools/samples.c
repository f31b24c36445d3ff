// SPDX-License-Identifier: MIT
/* Inputs for a model that is not compiled yet; see samples.h. */
#include "samples.h"

#include "../compiler/tnc.h"
#include "image.h"
#include "tool.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SAMPLES ((size_t)1 << 20)

static bool ends_with(const char *path, const char *end)
{
	size_t length = strlen(path), tail = strlen(end);

	return length >= tail && !strcmp(path + length - tail, end);
}

/* Room for one more inference; NULL if there is none. */
static void **next_sample(struct samples *samples)
{
	void **grown = NULL;

	if (samples->count < MAX_SAMPLES)
		grown = reallocarray(samples->tensor,
				     (samples->count + 1) * samples->inputs,
				     sizeof(*grown));
	if (!grown)
		return NULL;
	samples->tensor = grown;
	grown += samples->count * samples->inputs;
	memset(grown, 0, samples->inputs * sizeof(*grown));
	samples->count++;
	return grown;
}

/* Takes the next inference out of @bytes; returns how many those are, 0: none. */
static size_t take(struct samples *samples, const struct tnc_graph *graph,
		   const char *bytes)
{
	void **tensor = next_sample(samples);
	size_t at = 0;

	for (size_t i = 0; tensor && i < samples->inputs; i++) {
		struct tnc_tensor_info info;

		tnc_graph_input(graph, i, &info);
		tensor[i] = malloc(info.size_bytes);
		if (!tensor[i])
			return 0;
		memcpy(tensor[i], bytes + at, info.size_bytes);
		at += info.size_bytes;
	}
	return at;
}

static size_t bytes_of_one(const struct tnc_graph *graph)
{
	struct tnc_tensor_info info;
	size_t bytes = 0;

	for (int i = 0; i < tnc_graph_inputs(graph); i++) {
		tnc_graph_input(graph, i, &info);
		bytes += info.size_bytes;
	}
	return bytes;
}

static int add_raw(struct samples *samples, const struct tnc_graph *graph,
		   const char *path)
{
	size_t one = bytes_of_one(graph), size, at;
	int status = TOOL_OK;
	void *bytes;
	int err = tool_read_file(path, &bytes, &size);

	if (err)
		return tool_file_status(err);
	if (!size || size % one)
		status = tool_complain(TOOL_UNUSABLE,
			"%s: %zu bytes are no multiple of the inputs of an inference, %zu bytes",
			path, size, one);
	for (at = 0; !status && at < size; at += one)
		if (!take(samples, graph, (char *)bytes + at))
			status = tool_complain(TOOL_FAILED,
					       "%s: out of memory", path);
	free(bytes);
	return status;
}

static uint32_t dtype_of(const char *type)
{
	if (!strcmp(type, "float32"))
		return TINYNPU_FLOAT32;
	if (!strcmp(type, "int8"))
		return TINYNPU_INT8;
	return !strcmp(type, "uint8") ? TINYNPU_UINT8 : 0;
}

static int add_picture(struct samples *samples, const struct tnc_graph *graph,
		       const char *path)
{
	struct tinynpu_tensor_info info = { .name = "input" };
	struct tnc_tensor_info from;
	void **tensor;

	tnc_graph_input(graph, 0, &from);
	if (samples->inputs != 1 || from.rank > TINYNPU_MAX_RANK)
		return tool_complain(TOOL_UNUSABLE,
			"%s: the model's input is no picture", path);
	info.dtype = dtype_of(from.type);
	info.rank = from.rank;
	info.size = from.size_bytes;
	info.scale = from.scale;
	info.zero_point = from.zero_point;
	for (int i = 0; i < from.rank; i++)
		info.shape[i] = from.shape[i];
	tensor = next_sample(samples);
	if (tensor)
		*tensor = malloc(info.size);
	if (!tensor || !*tensor)
		return tool_complain(TOOL_FAILED, "%s: out of memory", path);
	return image_load(path, &info, *tensor);
}

static int add_file(struct samples *samples, const struct tnc_graph *graph,
		    const char *path)
{
	return ends_with(path, ".png") ? add_picture(samples, graph, path) :
					 add_raw(samples, graph, path);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In the order of their names. */
static int add_directory(struct samples *samples, const struct tnc_graph *graph,
			 const char *path)
{
	struct dirent **names;
	int count = scandir(path, &names, is_visible, alphasort);
	int status = TOOL_OK;

	if (count < 0)
		return tool_complain(TOOL_UNUSABLE, "%s: %m", path);
	if (!count)
		status = tool_complain(TOOL_UNUSABLE, "%s: nothing in it", path);
	for (int i = 0; i < count; i++) {
		char *file;

		if (!status && asprintf(&file, "%s/%s", path,
					names[i]->d_name) >= 0) {
			status = add_file(samples, graph, file);
			free(file);
		}
		free(names[i]);
	}
	free(names);
	return status;
}

int samples_add(struct samples *samples, const struct tnc_graph *graph,
		const char *path)
{
	struct stat st;

	samples->inputs = tnc_graph_inputs(graph);
	if (stat(path, &st))
		return tool_complain(TOOL_UNUSABLE, "%s: %m", path);
	if (S_ISDIR(st.st_mode))
		return add_directory(samples, graph, path);
	return add_file(samples, graph, path);
}

void samples_free(struct samples *samples)
{
	for (size_t i = 0; i < samples->inputs * samples->count; i++)
		free(samples->tensor[i]);
	free(samples->tensor);
	*samples = (struct samples){ 0 };
}
