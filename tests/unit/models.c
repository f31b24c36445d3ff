// SPDX-License-Identifier: MIT
/* Finds and reads the published models; see models.h. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "models.h"

static void path_of(char path[MODELS_PATH_MAX], const char *model,
		    const char *name)
{
	const char *root = getenv("MODELS");

	snprintf(path, MODELS_PATH_MAX, "%s/%s/%s",
		 root ? root : "../shared/models", model, name);
}

int models_have(const char *model)
{
	char path[MODELS_PATH_MAX];

	path_of(path, model, "manifest.json");
	return access(path, R_OK) == 0;
}

struct model_file models_read(const char *model, const char *name)
{
	struct model_file file = { 0 };
	char path[MODELS_PATH_MAX];
	FILE *f;
	long size;

	path_of(path, model, name);
	f = fopen(path, "rb");
	if (!f)
		return file;
	if (!fseek(f, 0, SEEK_END) && (size = ftell(f)) > 0) {
		rewind(f);
		file.bytes = malloc(size);
		if (file.bytes)
			file.size = fread(file.bytes, 1, size, f);
	}
	fclose(f);
	return file;
}

void models_free(struct model_file *file)
{
	free(file->bytes);
	*file = (struct model_file){ 0 };
}

json_t *models_manifest(const char *model)
{
	char path[MODELS_PATH_MAX];

	path_of(path, model, "manifest.json");
	return json_load_file(path, 0, NULL);
}
