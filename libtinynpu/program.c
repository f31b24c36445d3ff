// SPDX-License-Identifier: MIT
/*
 * Programs: reads a .tnp file, which comes from outside and is trusted in
 * nothing. libelf finds the sections; every offset, size, count and string is
 * checked here before anything uses it, then the digest. Once read a program
 * does not change.
 */
#include "cpu/cpu.h"
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <math.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HW_MAJOR 1 /* commands that we know how to hand over */
#define MAX_FILE_BYTES (1ull << 32)
#define MAX_REGION_BYTES (1ull << 32) /* of a buffer behind a region */
#define COMMAND_BYTES 64
#define SECTION_PREFIX ".npu."

/* --- Sections -------------------------------------------------------------- */

struct section {
	const void *data;
	uint64_t size;
	size_t index; /* in the section header table; 0 if there is none */
};

/*
 * The name and place of a section, checked against the file. Returns a positive
 * number for a section that is not ours.
 */
static int read_header(const struct reader *r, size_t index, const char **name,
		       struct section *section)
{
	Elf_Scn *scn = elf_getscn(r->elf, index);
	size_t strings;
	GElf_Shdr header;

	if (!scn || !gelf_getshdr(scn, &header) ||
	    elf_getshdrstrndx(r->elf, &strings))
		return malformed(r, "section %zu has no readable header", index);
	*name = elf_strptr(r->elf, strings, header.sh_name);
	if (!*name)
		return malformed(r, "section %zu has no readable name", index);
	if (strncmp(*name, SECTION_PREFIX, strlen(SECTION_PREFIX)))
		return 1;
	if (header.sh_type != SHT_PROGBITS)
		return malformed(r, "section %s is not PROGBITS", *name);
	if (header.sh_offset > r->prog->size_bytes ||
	    header.sh_size > r->prog->size_bytes - header.sh_offset)
		return malformed(r, "section %s reaches beyond the file", *name);
	if (header.sh_offset % 8)
		return malformed(r, "section %s is not 8-aligned", *name);
	section->data = r->prog->bytes + header.sh_offset;
	section->size = header.sh_size;
	section->index = index;
	return 0;
}

/* Leaves index 0 if there is no such section. */
static int look_for_section(const struct reader *r, const char *wanted,
			    struct section *found)
{
	size_t count, i;

	*found = (struct section){ 0 };
	if (elf_getshdrnum(r->elf, &count))
		return malformed(r, "section header table is unreadable");
	for (i = 1; i < count; i++) {
		struct section section;
		const char *name;
		int err = read_header(r, i, &name, &section);

		if (err < 0)
			return err;
		if (err || strcmp(name, wanted))
			continue;
		if (found->index)
			return malformed(r, "section %s is there twice", wanted);
		*found = section;
	}
	return 0;
}

static int find_section(const struct reader *r, const char *wanted,
			struct section *found)
{
	int err = look_for_section(r, wanted, found);

	if (!err && !found->index)
		err = malformed(r, "section %s is missing", wanted);
	return err;
}

static int take_records(const struct reader *r, const char *wanted,
			const struct section *section, size_t record_size,
			uint64_t max_count, const void **data, uint32_t *count)
{
	if (section->size % record_size)
		return malformed(r, "section %s: %llu bytes are no multiple of %zu",
				 wanted, (unsigned long long)section->size,
				 record_size);
	if (section->size / record_size > max_count)
		return malformed(r, "section %s: more than %llu entries", wanted,
				 (unsigned long long)max_count);
	*data = section->data;
	*count = section->size / record_size;
	return 0;
}

int reader_find_records(const struct reader *r, const char *wanted,
			size_t record_size, uint64_t max_count,
			const void **data, uint32_t *count)
{
	struct section section;
	int err = look_for_section(r, wanted, &section);

	if (err)
		return err;
	return take_records(r, wanted, &section, record_size, max_count, data,
			    count);
}

/* As reader_find_records(), of a section that has to be there. */
static int find_array(const struct reader *r, const char *wanted,
		      size_t record_size, uint64_t max_count, const void **data,
		      uint32_t *count)
{
	struct section section;
	int err = find_section(r, wanted, &section);

	if (err)
		return err;
	return take_records(r, wanted, &section, record_size, max_count, data,
			    count);
}

static int open_elf(struct reader *r)
{
	GElf_Ehdr header;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return tinynpu_error_set(r->error, -EIO, "libelf is too old");
	r->elf = elf_memory(r->prog->bytes, r->prog->size_bytes);
	if (!r->elf || elf_kind(r->elf) != ELF_K_ELF ||
	    gelf_getclass(r->elf) != ELFCLASS64 || !gelf_getehdr(r->elf, &header))
		return malformed(r, "not a program: no ELF64 header");
	if (header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_type != ET_EXEC || header.e_machine != EM_NONE ||
	    header.e_phnum)
		return malformed(r, "not a program: an ELF file of another kind");
	return 0;
}

/* --- Digest ---------------------------------------------------------------- */

static void add_to_digest(struct sha256_ctx *ctx, const char *name,
			  const struct section *section)
{
	npu_le64 size = section->size;

	sha256_update(ctx, strlen(name) + 1, (const uint8_t *)name);
	sha256_update(ctx, sizeof(size), (const uint8_t *)&size);
	sha256_update(ctx, section->size, section->data);
}

static int check_digest(const struct reader *r)
{
	uint8_t digest[NPU_PROGRAM_DIGEST_SIZE];
	struct section expected;
	struct sha256_ctx ctx;
	size_t count, i;
	int err;

	err = find_section(r, NPU_SECTION_DIGEST, &expected);
	if (err)
		return err;
	if (expected.size != sizeof(digest))
		return malformed(r, "section %s: not %zu bytes",
				 NPU_SECTION_DIGEST, sizeof(digest));
	sha256_init(&ctx);
	if (elf_getshdrnum(r->elf, &count))
		return malformed(r, "section header table is unreadable");
	for (i = 1; i < count; i++) {
		struct section section;
		const char *name;

		err = read_header(r, i, &name, &section);
		if (err < 0)
			return err;
		if (!err && i != expected.index)
			add_to_digest(&ctx, name, &section);
	}
	sha256_digest(&ctx, sizeof(digest), digest);
	if (memcmp(digest, expected.data, sizeof(digest)))
		return malformed(r, "damaged: the digest does not match");
	return 0;
}

/* --- Names ----------------------------------------------------------------- */

static int read_names(const struct reader *r)
{
	struct section section;
	int err = find_section(r, NPU_SECTION_NAMES, &section);
	const unsigned char *names = section.data;
	uint64_t i = 0;

	if (err)
		return err;
	if (!section.size || names[0] || names[section.size - 1])
		return malformed(r, "section %s has to begin and end with a NUL",
				 NPU_SECTION_NAMES);
	while (i < section.size) {
		size_t length = names[i] ? npu_text_length(names + i) : 1;

		if (!length)
			return malformed(r, "section %s: no printable UTF-8 at byte %llu",
					 NPU_SECTION_NAMES,
					 (unsigned long long)i);
		i += length;
	}
	r->prog->names = section.data;
	r->prog->names_size = section.size;
	return 0;
}

/* --- Contents -------------------------------------------------------------- */

static int read_info(const struct reader *r)
{
	const struct npu_program_info *info;
	struct section section;
	int err = find_section(r, NPU_SECTION_INFO, &section);

	if (err)
		return err;
	if (section.size < sizeof(*info))
		return malformed(r, "section %s is too short", NPU_SECTION_INFO);
	info = section.data;
	if (info->magic != NPU_PROGRAM_MAGIC)
		return malformed(r, "not a program: wrong magic number");
	if (info->major != NPU_PROGRAM_MAJOR)
		return tinynpu_error_set(r->error, -EOPNOTSUPP,
			"%s: format version %u.%u, but this library reads %u.x",
			r->name, info->major, info->minor, NPU_PROGRAM_MAJOR);
	if (info->hw_major != HW_MAJOR)
		return tinynpu_error_set(r->error, -EOPNOTSUPP,
			"%s: made for version %u of the machine, not %u",
			r->name, info->hw_major, HW_MAJOR);
	if (!info->clock_khz)
		return malformed(r, "a machine without a clock");
	if (info->scratch_size > MAX_REGION_BYTES)
		return malformed(r, "%llu bytes of scratch memory",
				 (unsigned long long)info->scratch_size);
	r->prog->info = info;
	return 0;
}

static float float_of(npu_le32 bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static int check_tensor(const struct reader *r, uint32_t index)
{
	const struct npu_program_tensor *t = &r->prog->tensors[index];
	uint64_t size = cpu_element_bytes(t->dtype);
	float scale = float_of(t->scale);
	unsigned int i;

	if (t->name >= r->prog->names_size)
		return malformed(r, "tensor %u: name beyond the names", index);
	if (!size)
		return malformed(r, "tensor %u: unknown type %u", index, t->dtype);
	if (t->rank > NPU_PROGRAM_MAX_RANK)
		return malformed(r, "tensor %u: rank %u", index, t->rank);
	for (i = 0; i < t->rank; i++) {
		/* both factors are below 2^33: no overflow */
		size *= t->shape[i];
		if (!size || size > MAX_REGION_BYTES)
			return malformed(r, "tensor %u: empty or too large",
					 index);
	}
	if (size != t->size)
		return malformed(r, "tensor %u: %llu bytes, but its shape has %llu",
				 index, (unsigned long long)t->size,
				 (unsigned long long)size);
	if (!isfinite(scale) || scale < 0)
		return malformed(r, "tensor %u: scale is no positive number",
				 index);
	return 0;
}

static int read_tensors(const struct reader *r)
{
	struct tinynpu_program *prog = r->prog;
	uint32_t i;
	int err;

	err = find_array(r, NPU_SECTION_TENSORS,
			 sizeof(struct npu_program_tensor),
			 NPU_PROGRAM_MAX_TENSORS,
			 (const void **)&prog->tensors, &prog->tensor_count);
	if (err)
		return err;
	if ((uint64_t)prog->info->inputs + prog->info->outputs !=
	    prog->tensor_count)
		return malformed(r, "%u inputs and %u outputs, but %u tensors",
				 prog->info->inputs, prog->info->outputs,
				 prog->tensor_count);
	for (i = 0; !err && i < prog->tensor_count; i++)
		err = check_tensor(r, i);
	return err;
}

static int read_layers(const struct reader *r)
{
	struct tinynpu_program *prog = r->prog;
	uint32_t i;
	int err;

	err = find_array(r, NPU_SECTION_LAYERS,
			 sizeof(struct npu_program_layer), INT32_MAX,
			 (const void **)&prog->layers, &prog->layer_count);
	if (err)
		return err;
	for (i = 0; i < prog->layer_count; i++)
		if (prog->layers[i].name >= prog->names_size)
			return malformed(r, "layer %u: name beyond the names", i);
	err = find_array(r, NPU_SECTION_LINES, sizeof(struct npu_program_line),
			 NPU_MAX_COMMANDS, (const void **)&prog->lines,
			 &prog->line_count);
	if (err)
		return err;
	for (i = 0; i < prog->line_count; i++) {
		const struct npu_program_line *line = &prog->lines[i];

		if (line->layer >= prog->layer_count)
			return malformed(r, "line %u: no layer %u", i,
					 line->layer);
		if (line->command >= prog->command_count ||
		    (i && line->command <= line[-1].command))
			return malformed(r, "line %u: command %u out of order", i,
					 line->command);
	}
	return 0;
}

static int read_source(const struct reader *r)
{
	struct section section;
	int err = find_section(r, NPU_SECTION_SOURCE, &section);
	const unsigned char *text = section.data;
	uint64_t i = 0;

	if (err)
		return err;
	r->prog->source = strndup(section.size ? section.data : "",
				  section.size);
	if (!r->prog->source)
		return tinynpu_error_set(r->error, -ENOMEM, "out of memory");
	/* the copy ends with a NUL, which no character goes across */
	text = (const unsigned char *)r->prog->source;
	while (text[i]) {
		size_t length = text[i] == '\n' ? 1 : npu_text_length(text + i);

		if (!length)
			return malformed(r, "section %s: no printable UTF-8 at byte %llu",
					 NPU_SECTION_SOURCE,
					 (unsigned long long)i);
		i += length;
	}
	if (i != section.size)
		return malformed(r, "section %s: a NUL at byte %llu",
				 NPU_SECTION_SOURCE, (unsigned long long)i);
	return 0;
}

/* Optional; the region takes the place of one more tensor. */
static int read_variables(const struct reader *r)
{
	struct tinynpu_program *prog = r->prog;
	struct section section;
	int err = look_for_section(r, NPU_SECTION_VARIABLES, &section);

	if (err || !section.size)
		return err;
	if (prog->tensor_count == NPU_PROGRAM_MAX_TENSORS)
		return malformed(r, "variables, and as many as %u tensors",
				 prog->tensor_count);
	prog->variables = section.data;
	prog->variables_size = section.size;
	return 0;
}

static int read_all(struct reader *r)
{
	struct tinynpu_program *prog = r->prog;
	struct section constants;
	int err;

	err = open_elf(r);
	if (!err)
		err = read_info(r);
	if (!err)
		err = check_digest(r);
	if (!err)
		err = find_array(r, NPU_SECTION_COMMANDS, COMMAND_BYTES,
				 NPU_MAX_COMMANDS, &prog->commands,
				 &prog->command_count);
	if (!err)
		err = reader_find_records(r, NPU_SECTION_SEGMENTS,
					  sizeof(struct npu_program_segment),
					  NPU_MAX_COMMANDS,
					  (const void **)&prog->segments,
					  &prog->segment_count);
	if (!err && !prog->command_count && !prog->segment_count)
		err = malformed(r, "no commands");
	if (!err)
		err = find_section(r, NPU_SECTION_CONSTANTS, &constants);
	if (!err) {
		prog->constants = constants.data;
		prog->constants_size = constants.size;
		err = read_names(r);
	}
	if (!err)
		err = read_tensors(r);
	if (!err)
		err = read_variables(r);
	if (!err)
		err = read_layers(r);
	if (!err)
		err = reader_read_loops(r);
	if (!err)
		err = reader_read_cpu(r);
	if (!err)
		err = program_custom_init(r->prog, r->error);
	if (!err)
		err = read_source(r);
	elf_end(r->elf);
	return err;
}

/* --- The public side ------------------------------------------------------- */

/* Takes over @bytes, which malloc() made, also when it fails. */
static int program_adopt(char *bytes, size_t size_bytes, const char *name,
			 unsigned int depth, struct tinynpu_program **program,
			 struct tinynpu_error *error)
{
	struct reader r = { .name = name, .error = error, .depth = depth };
	int err;

	r.prog = calloc(1, sizeof(*r.prog));
	if (!r.prog) {
		free(bytes);
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	}
	r.prog->references = 1;
	pthread_mutex_init(&r.prog->custom_lock, NULL);
	r.prog->bytes = bytes;
	r.prog->size_bytes = size_bytes;
	err = read_all(&r);
	if (err)
		tinynpu_program_close(r.prog);
	else
		*program = r.prog;
	return err;
}

int program_read_inner(const void *bytes, size_t size, const char *name,
		       unsigned int depth, struct tinynpu_program **program,
		       struct tinynpu_error *error)
{
	char *copy;

	if (!size)
		return tinynpu_error_set(error, -EINVAL, "%s: empty", name);
	copy = malloc(size);
	if (!copy)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	memcpy(copy, bytes, size);
	return program_adopt(copy, size, name, depth, program, error);
}

int tinynpu_program_read(const void *bytes, size_t size, const char *name,
			 struct tinynpu_program **program,
			 struct tinynpu_error *error)
{
	return program_read_inner(bytes, size, name, 0, program, error);
}

/* Reads what fstat() announced; a file that shrinks meanwhile is an error. */
static int read_file(int fd, const char *path, char **bytes, size_t *size,
		     struct tinynpu_error *error)
{
	size_t done = 0;
	struct stat st;

	if (fstat(fd, &st))
		return tinynpu_error_set(error, -errno, "%s: %m", path);
	if (!S_ISREG(st.st_mode))
		return tinynpu_error_set(error, -EINVAL, "%s: not a file", path);
	if (!st.st_size || st.st_size > MAX_FILE_BYTES)
		return tinynpu_error_set(error, -EINVAL, "%s: %s", path,
					 st.st_size ? "too large" : "empty");
	*bytes = malloc(st.st_size);
	if (!*bytes)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	while (done < st.st_size) {
		ssize_t n = read(fd, *bytes + done, st.st_size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int err = n ? -errno : -EIO;

			free(*bytes);
			return tinynpu_error_set(error, err, "%s: %s", path,
						 n ? strerrordesc_np(-err) :
						     "it shrank");
		}
		done += n;
	}
	*size = done;
	return 0;
}

int tinynpu_program_open(const char *path, struct tinynpu_program **program,
			 struct tinynpu_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t size = 0;
	char *bytes = NULL;
	int err;

	if (fd < 0)
		return tinynpu_error_set(error, -errno, "%s: %m", path);
	err = read_file(fd, path, &bytes, &size, error);
	close(fd);
	return err ? err : program_adopt(bytes, size, path, 0, program, error);
}

struct tinynpu_program *tinynpu_program_get(struct tinynpu_program *program)
{
	atomic_fetch_add(&program->references, 1);
	return program;
}

void tinynpu_program_close(struct tinynpu_program *program)
{
	if (!program || atomic_fetch_sub(&program->references, 1) != 1)
		return;
	program_custom_fini(program);
	program_loops_fini(program);
	pthread_mutex_destroy(&program->custom_lock);
	free(program->cpu.tensors);
	free(program->source);
	free(program->bytes);
	free(program);
}

void tinynpu_program_info(const struct tinynpu_program *program,
			  struct tinynpu_program_info *info, size_t size)
{
	const struct npu_program_info *file = program->info;
	struct tinynpu_program_info all = {
		.inputs = file->inputs,
		.outputs = file->outputs,
		.commands = program->command_count,
		.layers = program->layer_count,
		.version = (uint32_t)file->major << 16 | file->minor,
		.hw_major = file->hw_major,
		.sram_size = file->sram_size,
		.macs = file->macs,
		.clock_khz = file->clock_khz,
		.sram_bw = file->sram_bw,
		.sram_latency = file->sram_latency,
		.mem_bw = file->mem_bw,
		.mem_latency = file->mem_latency,
		.weight_buffer = 16 * file->weight_buffer,
		.constants_size = program->constants_size,
		.scratch_size = file->scratch_size,
		.cycles = file->cycles,
		.energy_fj = file->energy_fj,
		.mac_ops = file->mac_ops,
		.source = program->source,
		.segments = program->segment_count ? program->segment_count : 1,
		.cpu_ops = program->cpu.op_count,
		.variables_size = program->variables_size,
		.loops = program->loop_count,
		.hw_minor = file->hw_minor,
	};

	memcpy(all.model_digest, file->model_digest, sizeof(all.model_digest));
	tinynpu_info_copy(info, size, &all, sizeof(all));
}

int tinynpu_program_tensor(const struct tinynpu_program *program,
			   unsigned int index, struct tinynpu_tensor_info *info,
			   size_t size)
{
	struct tinynpu_tensor_info all = { 0 };
	const struct npu_program_tensor *file;

	if (index >= program->tensor_count)
		return -ENOENT;
	file = &program->tensors[index];
	all.name = program->names + file->name;
	all.dtype = file->dtype;
	all.rank = file->rank;
	memcpy(all.shape, file->shape, sizeof(all.shape));
	all.size = file->size;
	all.scale = float_of(file->scale);
	all.zero_point = (int32_t)file->zero_point;
	all.is_output = index >= program->info->inputs;
	tinynpu_info_copy(info, size, &all, sizeof(all));
	return 0;
}

int tinynpu_program_find(const struct tinynpu_program *program,
			 const char *name)
{
	uint32_t i;

	for (i = 0; i < program->tensor_count; i++)
		if (!strcmp(program->names + program->tensors[i].name, name))
			return i;
	return -ENOENT;
}

const void *tinynpu_program_commands(const struct tinynpu_program *program)
{
	return program->commands;
}

/* The last line that begins at or before @command, or -1. */
static int64_t find_line(const struct tinynpu_program *program,
			 uint32_t command)
{
	int64_t low = -1, high = program->line_count;

	while (high - low > 1) {
		int64_t middle = (low + high) / 2;

		if (program->lines[middle].command <= command)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int tinynpu_program_layer_of(const struct tinynpu_program *program,
			     uint32_t command)
{
	int64_t line = find_line(program, command);

	if (line < 0 || command >= program->command_count)
		return -ENOENT;
	return program->lines[line].layer;
}

int tinynpu_program_layer(const struct tinynpu_program *program,
			  unsigned int index, struct tinynpu_layer_info *info,
			  size_t size)
{
	struct tinynpu_layer_info all = { 0 };
	const struct npu_program_layer *file;
	uint32_t i;

	if (index >= program->layer_count)
		return -ENOENT;
	file = &program->layers[index];
	all.name = program->names + file->name;
	all.op = file->op;
	all.mac_ops = file->mac_ops;
	all.mac_busy = file->mac_busy;
	all.dma_busy = file->dma_busy;
	all.vec_busy = file->vec_busy;
	for (i = 0; i < program->line_count; i++) {
		uint32_t end = i + 1 < program->line_count ?
			program->lines[i + 1].command : program->command_count;

		if (program->lines[i].layer == index)
			all.commands += end - program->lines[i].command;
	}
	for (i = 0; i < program->cpu.op_count; i++)
		all.cpu_ops += program->cpu.ops[i].layer == index;
	tinynpu_info_copy(info, size, &all, sizeof(all));
	return 0;
}
