// SPDX-License-Identifier: MIT
/*
 * Program files. An input is read as a file; and as a list of changes to a good
 * program's sections, which is then sealed with a right digest, so that the
 * checks behind the digest see something. Of what is accepted everything is
 * looked at, as the tools do.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/tnp_image.h"

#include <tinynpu.h>

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT (1u << 20)
#define CHANGE 4 /* bytes: section, offset in two, value */

static void look_around(struct tinynpu_program *program)
{
	struct tinynpu_program_info info;
	struct tinynpu_tensor_info tensor;
	struct tinynpu_layer_info layer;
	size_t text = 0;
	unsigned int i;

	tinynpu_program_info(program, &info, sizeof(info));
	text += strlen(info.source);
	for (i = 0; !tinynpu_program_tensor(program, i, &tensor,
					    sizeof(tensor)); i++) {
		text += strlen(tensor.name);
		if (tinynpu_program_find(program, tensor.name) > (int)i)
			abort();
	}
	for (i = 0; !tinynpu_program_layer(program, i, &layer, sizeof(layer));
	     i++)
		text += strlen(layer.name);
	for (i = 0; i < info.commands; i++)
		if (tinynpu_program_layer_of(program, i) >= (int)info.layers)
			abort();
	if (text > MAX_TEXT)
		abort();
}

/* Reads; a refusal has to say something that begins with the name. */
static void try_file(const void *file, size_t size)
{
	struct tinynpu_program *program;
	struct tinynpu_error error = { "" };

	if (!tinynpu_program_read(file, size, "fuzz", &program, &error)) {
		look_around(program);
		tinynpu_program_close(program);
	} else if (strncmp(error.text, "fuzz: ", 6)) {
		abort();
	}
}

/* A byte of a section, or where the section ends. */
static void change(struct tnp_image *image, const uint8_t *what)
{
	unsigned int section = what[0] % TNP_DIGEST;
	unsigned int at = (what[1] | what[2] << 8) % TNP_SECTION_ROOM;

	if (what[0] & 0x80)
		image->sections[section].size = at;
	else
		image->sections[section].data[at] = what[3];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tnp_image image;
	size_t file_size, i;
	uint8_t *file;

	try_file(data, size);
	tnp_image_init(&image);
	tnp_image_add_cpu(&image);
	for (i = 0; i + CHANGE <= size; i += CHANGE)
		change(&image, data + i);
	file = tnp_image_build(&image, 1, &file_size);
	try_file(file, file_size);
	free(file);
	return 0;
}
