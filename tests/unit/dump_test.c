// SPDX-License-Identifier: MIT
/* Dumps of a device: what is said of a good one, and what is wrong with bad ones. */
#include "../../tools/dump.h"

#include <npu/dump.h>
#include <npu/ring.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
	uint8_t bytes[4096];
	size_t size;
	uint16_t sections;
} file;

static void begin(void)
{
	memset(&file, 0, sizeof(file));
	file.size = sizeof(struct npu_dump);
}

static void add(uint32_t kind, const void *bytes, uint32_t size)
{
	struct npu_dump_section head = { .kind = kind, .size = size };

	memcpy(file.bytes + file.size, &head, sizeof(head));
	memcpy(file.bytes + file.size + sizeof(head), bytes, size);
	file.size += sizeof(head) + size;
	file.sections++;
}

static void end(void)
{
	struct npu_dump head = {
		.magic = NPU_DUMP_MAGIC,
		.version = NPU_DUMP_VERSION,
		.section_count = file.sections,
		.size = file.size,
	};

	memcpy(file.bytes, &head, sizeof(head));
}

/* The manual's worked example, after a crash. */
static void make_example(void)
{
	const struct npu_dump_device device = {
		.cores = 2, .rungs = { 1, 2, 3, 4, 5, 6 },
		.name = "0000:01:00.0", .why = "a job\x1b timed out",
	};
	const struct npu_dump_firmware fw = {
		.name = "tinynpu 1.0", .state = NPU_FW_CRASHED, .mcause = 5,
		.mepc = 0x10000042,
	};
	const struct npu_dump_queue queues[] = {
		{ .slot = 1 },
		{ .slot = 3, .flags = NPU_DUMP_QUEUE_GUILTY, .status = 1,
		  .reason = 2, .fault_cmd = 1, .fault_addr = 1ull << 40 },
	};
	const struct npu_event events[] = {
		{ .type = NPU_EVENT_JOB_DONE, .queue = 3, .status = 3 },
		{ .type = 999 },
	};

	begin();
	add(NPU_DUMP_DEVICE, &device, sizeof(device));
	add(NPU_DUMP_FIRMWARE, &fw, sizeof(fw));
	add(NPU_DUMP_QUEUES, queues, sizeof(queues));
	add(NPU_DUMP_EVENTS, events, sizeof(events));
	add(99, "unknown!", 8);
	add(NPU_DUMP_LOG, "[0.001] one\ntwo\377\0", 16);
	end();
}

/* The dump as text; the caller frees it. */
static char *print(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	dump_print(file.bytes, out);
	fclose(out);
	return text;
}

static void people_read_what_happened(void **state)
{
	static const char *const lines[] = {
		"  why                a job? timed out\n",
		"  wedged             6\n",
		"  state              crashed\n",
		"  mcause             0x5\n",
		"  mepc               0x10000042\n",
		"slot 3, context 0, priority 0, flags 0x2, status banned, reason timeout",
		"fault_addr 0x10000000000\n",
		"  type job done, queue 3, status 3",
		"  type 999, queue 0",
		"log\n  [0.001] one\n  two?\n",
	};
	char *text;
	size_t i;

	make_example();
	assert_null(dump_find_fault(file.bytes, file.size));
	text = print();
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_non_null(strstr(text, lines[i]));
	free(text);
}

static void programs_read_numbers(void **state)
{
	json_t *json, *queue;

	make_example();
	json = dump_json(file.bytes);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(json, "device"), "wedged")), 6);
	assert_int_equal(json_array_size(json_object_get(json, "queues")), 2);
	queue = json_array_get(json_object_get(json, "queues"), 1);
	assert_int_equal(json_integer_value(json_object_get(queue, "slot")), 3);
	assert_int_equal(json_integer_value(json_object_get(queue,
							    "fault_addr")),
			 1ll << 40);
	assert_string_equal(json_string_value(json_object_get(json, "log")),
			    "[0.001] one\ntwo?");
	json_decref(json);
}

/* A longer record than this reader knows is read; a shorter one is not. */
static void records_may_grow_but_not_shrink(void **state)
{
	struct {
		struct npu_dump_rings rings;
		uint64_t more;
	} longer = { .rings.heartbeat = 7 };
	char *text;

	begin();
	add(NPU_DUMP_RINGS, &longer, sizeof(longer));
	end();
	assert_null(dump_find_fault(file.bytes, file.size));
	text = print();
	assert_non_null(strstr(text, "  heartbeat          7\n"));
	free(text);
	begin();
	add(NPU_DUMP_RINGS, &longer, sizeof(longer.rings) - 8);
	end();
	assert_string_equal(dump_find_fault(file.bytes, file.size),
			    "a section is too short");
}

static void bad_files_are_refused(void **state)
{
	static const struct {
		size_t offset;
		uint8_t value;
		const char *fault;
	} cases[] = {
		{ 0, 'X', "it is no dump" },
		{ 8, 2, "it has another version of the format" },
		{ 10, 7, "a section is cut off" },
		{ 10, 5, "there is something behind its sections" },
		{ 12, 1, "it has not the size that it says" },
		{ 20, 1, "a section is cut off" }, /* not a multiple of 8 */
		{ 23, 0xff, "a section is cut off" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		make_example();
		file.bytes[cases[i].offset] = cases[i].value;
		assert_string_equal(dump_find_fault(file.bytes, file.size),
				    cases[i].fault);
	}
	make_example();
	for (i = 0; i < file.size; i++)
		assert_non_null(dump_find_fault(file.bytes, i));
	assert_string_equal(dump_find_fault(file.bytes, 12), "it is cut off");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_read_what_happened),
		cmocka_unit_test(programs_read_numbers),
		cmocka_unit_test(records_may_grow_but_not_shrink),
		cmocka_unit_test(bad_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
