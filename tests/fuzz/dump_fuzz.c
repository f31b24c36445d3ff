// SPDX-License-Identifier: MIT
/*
 * Dumps of a device, from anybody: what is accepted is printed in both forms. An
 * input is read as a file; and as the sections behind a good head.
 */
#include "tests/fuzz/fuzz.h"

#include "tools/dump.h"

#include <npu/dump.h>

#include <stdlib.h>
#include <string.h>

static void try_file(const void *file, size_t size)
{
	static FILE *nowhere;
	char *text;
	json_t *json;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (!nowhere)
		abort();
	if (dump_find_fault(file, size))
		return;
	dump_print(file, nowhere);
	json = dump_json(file);
	text = json_dumps(json, 0);
	if (!text) /* not UTF-8, say */
		abort();
	free(text);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct npu_dump head = {
		.magic = NPU_DUMP_MAGIC,
		.version = NPU_DUMP_VERSION,
	};
	uint8_t *file;

	try_file(data, size);
	if (!size)
		return 0;
	head.section_count = data[0] % 16;
	head.size = sizeof(head) + size - 1;
	file = malloc(head.size);
	if (!file)
		return 0;
	memcpy(file, &head, sizeof(head));
	memcpy(file + sizeof(head), data + 1, size - 1);
	try_file(file, head.size);
	free(file);
	return 0;
}
