// SPDX-License-Identifier: MIT
/*
 * Dumps of a device that hung or crashed. What is in a section is a table here,
 * from which both the text and the JSON are made.
 */
#include "dump.h"

#include <npu/dump.h>
#include <npu/job.h>
#include <npu/ring.h>

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* --- What there is --------------------------------------------------------- */

enum format {
	DECIMAL,
	HEX,
	TEXT, /* bytes up to a NUL */
};

/* A field of a record; an array of numbers has a field for each. */
struct field {
	const char *name;
	size_t offset;
	size_t size;
	enum format format;
	const char *const *words; /* what its values mean, if they do */
	size_t word_count;
};

#define SIZE_OF(type, member) sizeof(((struct type *)0)->member)
#define FIELD_AS(label, type, member, as, names, count)               \
	{                                                             \
		.name = label,                                        \
		.offset = offsetof(struct type, member),              \
		.size = SIZE_OF(type, member), .format = as,          \
		.words = names, .word_count = count,                  \
	}
#define FIELD(type, member, as) FIELD_AS(#member, type, member, as, NULL, 0)
#define WORD(type, member, names)                    \
	FIELD_AS(#member, type, member, DECIMAL, names, \
		 sizeof(names) / sizeof(*(names)))

static const char *const fw_states[] = {
	[NPU_FW_NONE] = "none", [NPU_FW_STARTING] = "starting",
	[NPU_FW_READY] = "ready", [NPU_FW_REFUSED] = "refused",
	[NPU_FW_CRASHED] = "crashed",
};

static const char *const queue_statuses[] = { "ok", "banned" };
static const char *const queue_reasons[] = { "none", "fault", "timeout",
					     "reset" };

static const char *const faults[] = {
	[NPU_FAULT_NONE] = "none", [NPU_FAULT_OPCODE] = "opcode",
	[NPU_FAULT_RESERVED] = "reserved", [NPU_FAULT_FIELD] = "field",
	[NPU_FAULT_SRAM] = "sram", [NPU_FAULT_OVERLAP] = "overlap",
	[NPU_FAULT_REGION] = "region", [NPU_FAULT_PAGE_READ] = "page read",
	[NPU_FAULT_PAGE_WRITE] = "page write", [NPU_FAULT_BUS] = "bus",
	[NPU_FAULT_HAZARD] = "hazard", [NPU_FAULT_WORK] = "work",
	[NPU_FAULT_CONTEXT] = "context", [NPU_FAULT_DECODE] = "decode",
	[NPU_FAULT_INDEX] = "index",
};

static const char *const admin_ops[] = {
	[NPU_ADMIN_PING] = "ping",
	[NPU_ADMIN_CONTEXT_SET] = "context set",
	[NPU_ADMIN_CONTEXT_CLEAR] = "context clear",
	[NPU_ADMIN_INVALIDATE] = "invalidate",
	[NPU_ADMIN_QUEUE_CREATE] = "queue create",
	[NPU_ADMIN_QUEUE_DESTROY] = "queue destroy",
	[NPU_ADMIN_QUEUE_PROGRESS] = "queue progress",
	[NPU_ADMIN_JOB_STOP] = "job stop",
	[NPU_ADMIN_LOG_LEVEL] = "log level",
	[NPU_ADMIN_COUNTERS] = "counters",
	[NPU_ADMIN_JOB_CANCEL] = "job cancel",
	[NPU_ADMIN_USER_QUEUE_CREATE] = "user queue create",
	[NPU_ADMIN_QUEUE_WORK] = "queue work",
	[NPU_ADMIN_QUEUE_RESET] = "queue reset",
	[NPU_ADMIN_CORE_RESET] = "core reset",
};

static const char *const event_types[] = {
	[NPU_EVENT_ADMIN_DONE] = "admin done",
	[NPU_EVENT_JOB_DONE] = "job done",
	[NPU_EVENT_USER_WAKE] = "user wake",
	[NPU_EVENT_USER_HALT] = "user halt",
	[NPU_EVENT_CORE_RESET] = "core reset",
};

#define RUNG(label, i) \
	FIELD_AS(label, npu_dump_device, rungs[i], DECIMAL, NULL, 0)

static const struct field device_fields[] = {
	FIELD(npu_dump_device, why, TEXT),
	FIELD(npu_dump_device, time_ns, DECIMAL),
	FIELD(npu_dump_device, name, TEXT),
	FIELD(npu_dump_device, kernel, TEXT),
	FIELD(npu_dump_device, driver, TEXT),
	FIELD(npu_dump_device, hw_version, HEX),
	FIELD(npu_dump_device, cores, DECIMAL),
	FIELD(npu_dump_device, macs, DECIMAL),
	FIELD(npu_dump_device, sram_size, DECIMAL),
	FIELD(npu_dump_device, clock_khz, DECIMAL),
	FIELD(npu_dump_device, recoveries, DECIMAL),
	RUNG("job_stops", 0),
	RUNG("queue_resets", 1),
	RUNG("core_resets", 2),
	RUNG("firmware_restarts", 3),
	RUNG("function_resets", 4),
	RUNG("wedged", 5),
};

static const struct field firmware_fields[] = {
	FIELD(npu_dump_firmware, name, TEXT),
	FIELD(npu_dump_firmware, image_size, DECIMAL),
	FIELD(npu_dump_firmware, abi, DECIMAL),
	WORD(npu_dump_firmware, state, fw_states),
	FIELD(npu_dump_firmware, mcause, HEX),
	FIELD(npu_dump_firmware, mepc, HEX),
	FIELD(npu_dump_firmware, mtval, HEX),
	FIELD(npu_dump_firmware, ra, HEX),
	FIELD(npu_dump_firmware, sp, HEX),
};

static const struct field register_fields[] = {
	FIELD(npu_dump_register, offset, HEX),
	FIELD(npu_dump_register, value, HEX),
};

static const struct field ring_fields[] = {
	FIELD(npu_dump_rings, admin_head, DECIMAL),
	FIELD(npu_dump_rings, admin_tail, DECIMAL),
	FIELD(npu_dump_rings, admin_armed, DECIMAL),
	FIELD(npu_dump_rings, event_head, DECIMAL),
	FIELD(npu_dump_rings, event_tail, DECIMAL),
	FIELD(npu_dump_rings, event_armed, DECIMAL),
	FIELD(npu_dump_rings, log_tail, DECIMAL),
	FIELD(npu_dump_rings, heartbeat, DECIMAL),
	FIELD(npu_dump_rings, jobs_done, DECIMAL),
};

static const struct field admin_fields[] = {
	FIELD(npu_admin_cmd, seq, DECIMAL),
	WORD(npu_admin_cmd, op, admin_ops),
	FIELD_AS("arg0", npu_admin_cmd, args[0], HEX, NULL, 0),
	FIELD_AS("arg1", npu_admin_cmd, args[1], HEX, NULL, 0),
	FIELD_AS("arg2", npu_admin_cmd, args[2], HEX, NULL, 0),
};

static const struct field event_fields[] = {
	WORD(npu_event, type, event_types),
	FIELD(npu_event, queue, DECIMAL),
	FIELD(npu_event, status, DECIMAL),
	FIELD(npu_event, id, HEX),
	FIELD(npu_event, core, DECIMAL),
	WORD(npu_event, fault_code, faults),
	FIELD(npu_event, fault_cmd, DECIMAL),
	FIELD(npu_event, fault_addr, HEX),
};

static const struct field queue_fields[] = {
	FIELD(npu_dump_queue, slot, DECIMAL),
	FIELD(npu_dump_queue, context, DECIMAL),
	FIELD(npu_dump_queue, priority, DECIMAL),
	FIELD(npu_dump_queue, flags, HEX),
	WORD(npu_dump_queue, status, queue_statuses),
	WORD(npu_dump_queue, reason, queue_reasons),
	FIELD(npu_dump_queue, submitted, DECIMAL),
	FIELD(npu_dump_queue, completed, DECIMAL),
	FIELD(npu_dump_queue, ring_head, DECIMAL),
	FIELD(npu_dump_queue, ring_tail, DECIMAL),
	FIELD(npu_dump_queue, job, DECIMAL),
	FIELD(npu_dump_queue, cookie, HEX),
	FIELD(npu_dump_queue, command_count, DECIMAL),
	FIELD(npu_dump_queue, commands_done, DECIMAL),
	FIELD(npu_dump_queue, fault_job, DECIMAL),
	WORD(npu_dump_queue, fault_code, faults),
	FIELD(npu_dump_queue, fault_unit, DECIMAL),
	FIELD(npu_dump_queue, fault_cmd, DECIMAL),
	FIELD(npu_dump_queue, fault_info, HEX),
	FIELD(npu_dump_queue, fault_addr, HEX),
};

/* A kind of section: one record, or as many as fit. */
struct kind {
	const char *name;
	bool is_list;
	size_t record;
	const struct field *fields;
	size_t field_count;
};

#define KIND(label, list, type, table)                             \
	{                                                          \
		.name = label, .is_list = list,                    \
		.record = sizeof(struct type), .fields = table,    \
		.field_count = sizeof(table) / sizeof(*(table)),   \
	}

static const struct kind kinds[] = {
	[NPU_DUMP_DEVICE] = KIND("device", false, npu_dump_device,
				 device_fields),
	[NPU_DUMP_FIRMWARE] = KIND("firmware", false, npu_dump_firmware,
				   firmware_fields),
	[NPU_DUMP_REGISTERS] = KIND("registers", true, npu_dump_register,
				    register_fields),
	[NPU_DUMP_RINGS] = KIND("rings", false, npu_dump_rings, ring_fields),
	[NPU_DUMP_ADMIN] = KIND("admin", true, npu_admin_cmd, admin_fields),
	[NPU_DUMP_EVENTS] = KIND("events", true, npu_event, event_fields),
	[NPU_DUMP_QUEUES] = KIND("queues", true, npu_dump_queue, queue_fields),
	[NPU_DUMP_LOG] = { .name = "log" },
};

/* --- Reading ----------------------------------------------------------------- */

struct section {
	const struct kind *kind; /* NULL: not known */
	const uint8_t *bytes;
	size_t size;
};

static void read_head(const void *bytes, struct npu_dump *head)
{
	memcpy(head, bytes, sizeof(*head));
}

/* The section at @offset, which is moved behind it; false: there is none. */
static bool next_section(const void *bytes, size_t size, size_t *offset,
			 struct section *section)
{
	struct npu_dump_section head;

	if (size - *offset < sizeof(head))
		return false;
	memcpy(&head, (const uint8_t *)bytes + *offset, sizeof(head));
	*offset += sizeof(head);
	if (head.size > size - *offset || head.size % 8)
		return false;
	section->bytes = (const uint8_t *)bytes + *offset;
	section->size = head.size;
	section->kind = NULL;
	if (head.kind < sizeof(kinds) / sizeof(*kinds) && kinds[head.kind].name)
		section->kind = &kinds[head.kind];
	*offset += head.size;
	return true;
}

bool dump_is_one(const void *bytes, size_t size)
{
	static const uint8_t magic[] = { 'T', 'N', 'P', 'U',
					 'D', 'U', 'M', 'P' };

	return size >= sizeof(magic) && !memcmp(bytes, magic, sizeof(magic));
}

const char *dump_find_fault(const void *bytes, size_t size)
{
	struct npu_dump head;
	struct section section;
	size_t offset = sizeof(head);
	uint32_t i;

	if (!dump_is_one(bytes, size))
		return "it is no dump";
	if (size < sizeof(head))
		return "it is cut off";
	read_head(bytes, &head);
	if (head.version != NPU_DUMP_VERSION)
		return "it has another version of the format";
	if (head.size != size)
		return "it has not the size that it says";
	for (i = 0; i < head.section_count; i++) {
		if (!next_section(bytes, size, &offset, &section))
			return "a section is cut off";
		if (section.kind && !section.kind->is_list &&
		    section.size < section.kind->record)
			return "a section is too short";
	}
	return offset == size ? NULL : "there is something behind its sections";
}

static uint64_t read_number(const uint8_t *record, const struct field *field)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < field->size; i++)
		value |= (uint64_t)record[field->offset + i] << 8 * i;
	return value;
}

/* What the value of a field is called, or NULL. */
static const char *find_word(const struct field *field, uint64_t value)
{
	return value < field->word_count ? field->words[value] : NULL;
}

/* Bytes up to a NUL as printable text, which the caller frees. */
static char *copy_text(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; i < size && bytes[i]; i++)
		text[i] = (bytes[i] >= ' ' && bytes[i] <= '~') ||
			  bytes[i] == '\n' ? bytes[i] : '?';
	text[i] = '\0';
	return text;
}

/* --- For people ------------------------------------------------------------ */

static void print_value(const uint8_t *record, const struct field *field,
			FILE *out)
{
	uint64_t value = field->format == TEXT ? 0 : read_number(record, field);
	const char *word = find_word(field, value);
	char *text;

	if (field->format == TEXT) {
		text = copy_text(record + field->offset, field->size);
		fputs(text ? text : "?", out);
		free(text);
	} else if (word) {
		fputs(word, out);
	} else {
		fprintf(out, field->format == HEX ? "%#" PRIx64 : "%" PRIu64,
			value);
	}
}

/* A record of its own has a line for each field, one of many has one line. */
static void print_record(const struct kind *kind, const uint8_t *record,
			 FILE *out)
{
	size_t i;

	for (i = 0; i < kind->field_count; i++) {
		const struct field *field = &kind->fields[i];

		fprintf(out, kind->is_list ? "%s%s " : "%s%-18s ",
			kind->is_list && i ? ", " : "  ", field->name);
		print_value(record, field, out);
		if (!kind->is_list)
			fputc('\n', out);
	}
	if (kind->is_list)
		fputc('\n', out);
}

static void print_log(const struct section *section, FILE *out)
{
	char *text = copy_text(section->bytes, section->size);
	char *line, *rest = text;

	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			fprintf(out, "  %s\n", line);
	free(text);
}

static void print_section(const struct section *section, FILE *out)
{
	const struct kind *kind = section->kind;
	size_t i;

	fprintf(out, "%s\n", kind->name);
	if (!kind->fields)
		print_log(section, out);
	else if (!kind->is_list)
		print_record(kind, section->bytes, out);
	else
		for (i = 0; i < section->size / kind->record; i++)
			print_record(kind, section->bytes + i * kind->record,
				     out);
}

void dump_print(const void *bytes, FILE *out)
{
	struct npu_dump head;
	struct section section;
	size_t offset = sizeof(head);

	read_head(bytes, &head);
	while (next_section(bytes, head.size, &offset, &section))
		if (section.kind)
			print_section(&section, out);
}

/* --- For programs ---------------------------------------------------------- */

static json_t *text_json(const uint8_t *bytes, size_t size)
{
	char *text = copy_text(bytes, size);
	json_t *json = json_string(text ? text : "");

	free(text);
	return json;
}

static json_t *record_json(const struct kind *kind, const uint8_t *record)
{
	json_t *json = json_object();
	size_t i;

	for (i = 0; i < kind->field_count; i++) {
		const struct field *field = &kind->fields[i];

		json_object_set_new(json, field->name,
			field->format == TEXT ?
				text_json(record + field->offset, field->size) :
				json_integer(read_number(record, field)));
	}
	return json;
}

static json_t *section_json(const struct section *section)
{
	const struct kind *kind = section->kind;
	json_t *list;
	size_t i;

	if (!kind->fields)
		return text_json(section->bytes, section->size);
	if (!kind->is_list)
		return record_json(kind, section->bytes);
	list = json_array();
	for (i = 0; i < section->size / kind->record; i++)
		json_array_append_new(list,
			record_json(kind, section->bytes + i * kind->record));
	return list;
}

json_t *dump_json(const void *bytes)
{
	json_t *json = json_object();
	struct npu_dump head;
	struct section section;
	size_t offset = sizeof(head);

	read_head(bytes, &head);
	while (next_section(bytes, head.size, &offset, &section))
		if (section.kind)
			json_object_set_new(json, section.kind->name,
					    section_json(&section));
	return json;
}
