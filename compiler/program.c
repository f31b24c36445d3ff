// SPDX-License-Identifier: MIT
/*
 * Writes the program file: an ELF64 object with the sections of npu/program.h,
 * made with libelf in an anonymous file.
 */
#include <errno.h>
#include <inttypes.h>
#include <libelf.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan.h"

#define SECTIONS_MAX 18
#define DEFAULT_ALIGN 8

struct section {
	const char *name;
	const void *bytes;
	size_t size;
	size_t align;
};

/* Text that grows; offset 0 is the empty string. */
struct names {
	char *text;
	size_t size;
	size_t room;
};

struct writer {
	struct tnc *c;
	const struct tnc_program *program;
	struct names names;
	struct section section[SECTIONS_MAX];
	uint32_t section_name[SECTIONS_MAX];
	int sections;
};

static void section_add(struct writer *w, const char *name, const void *bytes,
			size_t size, size_t align)
{
	w->section[w->sections++] = (struct section){ name, bytes, size,
						      align };
}

static uint32_t name_add(struct writer *w, const char *text)
{
	struct names *n = &w->names;
	size_t length = strlen(text) + 1;
	uint32_t offset = n->size;

	if (n->size + length > n->room) {
		size_t room = 2 * (n->room + length);
		char *grown = tnc_alloc(w->c, room, 1);

		if (n->size)
			memcpy(grown, n->text, n->size);
		n->text = grown;
		n->room = room;
	}
	memcpy(n->text + offset, text, length);
	tnc_make_printable(n->text + offset);
	n->size += length;
	return offset;
}

static void digest(size_t size, const uint8_t *bytes,
		   uint8_t out[NPU_PROGRAM_DIGEST_SIZE])
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, size, bytes);
	sha256_digest(&sha, NPU_PROGRAM_DIGEST_SIZE, out);
}

/* The first version of the machine that has all that the commands use. */
static int hw_minor(const struct tnc_program *pr)
{
	for (int i = 0; i < pr->cmds; i++)
		if (tnc_estimate_unit(pr->cmd[i].hdr.op) == NPU_UNIT_MAC &&
		    pr->cmd[i].conv.format & NPU_CONV_ADD)
			return NPU_HW_MINOR_CONV_ADD;
	return pr->buffer_used ? NPU_HW_MINOR_WEIGHT_BUFFER : 0;
}

static void add_info(struct writer *w, const uint8_t *model, size_t size)
{
	const struct npu_machine *m = &w->c->options.machine;
	const struct tnc_program *pr = w->program;
	struct npu_program_info *info = tnc_alloc(w->c, 1, sizeof(*info));

	*info = (struct npu_program_info){
		.magic = NPU_PROGRAM_MAGIC,
		.major = NPU_PROGRAM_MAJOR,
		.minor = NPU_PROGRAM_MINOR,
		.hw_major = NPU_HW_VERSION_MAJOR,
		.hw_minor = hw_minor(pr),
		.weight_buffer = npu_div_up(pr->buffer_used, 16),
		.inputs = w->c->inputs.count,
		.outputs = w->c->outputs.count,
		.sram_size = pr->sram_used,
		.macs = m->macs,
		.clock_khz = m->clock_khz,
		.sram_bw = m->sram_bw,
		.sram_latency = m->sram_latency,
		.mem_bw = m->mem_bw,
		.mem_latency = m->mem_latency,
		.scratch_size = pr->scratch_size,
		.cycles = pr->estimate.cycles,
		.energy_fj = pr->estimate.energy_fj,
		.mac_ops = pr->estimate.mac_ops,
	};
	digest(size, model, info->model_digest);
	section_add(w, NPU_SECTION_INFO, info, sizeof(*info), DEFAULT_ALIGN);
}

static const uint16_t dtypes[TNC_TYPES] = {
	[TNC_INT8] = NPU_DTYPE_INT8,	 [TNC_INT32] = NPU_DTYPE_INT32,
	[TNC_UINT8] = NPU_DTYPE_UINT8,	 [TNC_INT16] = NPU_DTYPE_INT16,
	[TNC_INT64] = NPU_DTYPE_INT64,	 [TNC_BOOL] = NPU_DTYPE_BOOL,
	[TNC_FLOAT32] = NPU_DTYPE_FLOAT32,
};

static void fill_tensor(struct writer *w, const struct tnc_tensor *t,
			struct npu_program_tensor *to)
{
	*to = (struct npu_program_tensor){
		.name = name_add(w, t->name),
		.dtype = dtypes[t->type],
		.rank = t->rank,
		.size = tnc_tensor_bytes(t),
	};
	for (int i = 0; i < t->rank; i++)
		to->shape[i] = t->shape[i];
	if (t->quant.count) {
		memcpy(&to->scale, &t->quant.scale[0], sizeof(to->scale));
		to->zero_point = t->quant.zero_point[0];
	}
}

static void add_tensors(struct writer *w)
{
	struct tnc *c = w->c;
	int count = c->inputs.count + c->outputs.count;
	struct npu_program_tensor *table = tnc_alloc(c, count, sizeof(*table));

	for (int i = 0; i < count; i++) {
		int id = i < c->inputs.count ?
			c->inputs.id[i] :
			c->outputs.id[i - c->inputs.count];

		fill_tensor(w, c->tensor[id], &table[i]);
	}
	section_add(w, NPU_SECTION_TENSORS, table, count * sizeof(*table),
		    DEFAULT_ALIGN);
}

/* "CONV_2D", or "CONV_2D + op 4 ADD" */
static int print_titles(const struct tnc_op *op, char *text, size_t size)
{
	if (!op->sum)
		return snprintf(text, size, "%s", tnc_op_title(op));
	return snprintf(text, size, "%s + op %d %s", tnc_op_title(op),
			op->sum->source, tnc_op_title(op->sum));
}

/* "op 3 CONV_2D 'conv1/Relu'" */
void tnc_program_name_layers(struct tnc *c, struct tnc_op *const *op,
			     int count, struct tnc_program *program)
{
	program->layers = count;
	program->layer_name = tnc_alloc(c, count + 1, sizeof(char *));
	if (!program->layer)
		program->layer = tnc_alloc(c, count + 1,
					   sizeof(*program->layer));
	for (int i = 0; i < count; i++) {
		char text[320], titles[100];
		int length;

		print_titles(op[i], titles, sizeof(titles));
		length = snprintf(text, sizeof(text), "op %d %s '%.200s'",
				  op[i]->source, titles,
				  tnc_op_output(c, op[i])->name);
		program->layer_name[i] = tnc_strndup(c, text, length);
		program->layer[i].op = op[i]->source;
	}
}

static void add_layers(struct writer *w)
{
	const struct tnc_program *pr = w->program;
	struct npu_program_line *line;
	int lines = 0;

	for (int i = 0; i < pr->layers; i++)
		pr->layer[i].name = name_add(w, pr->layer_name[i]);
	line = tnc_alloc(w->c, pr->cmds + 1, sizeof(*line));
	for (int i = 0; i < pr->cmds; i++)
		if (pr->cmd_op[i] >= 0 &&
		    (i == 0 || pr->cmd_op[i] != pr->cmd_op[i - 1]))
			line[lines++] = (struct npu_program_line){
				i, pr->cmd_op[i]
			};
	section_add(w, NPU_SECTION_LINES, line, lines * sizeof(*line),
		    DEFAULT_ALIGN);
	section_add(w, NPU_SECTION_LAYERS, pr->layer,
		    pr->layers * sizeof(*pr->layer), DEFAULT_ALIGN);
}

static void add_loops(struct writer *w)
{
	const struct tnc_program *pr = w->program;

	if (!pr->loops)
		return;
	section_add(w, NPU_SECTION_LOOPS, pr->loop,
		    pr->loops * sizeof(*pr->loop), DEFAULT_ALIGN);
	section_add(w, NPU_SECTION_LOOP_PROGRAMS, pr->loop_program,
		    pr->loop_bytes, NPU_CMD_SIZE);
}

/* Only programs that have operators on the CPU need to say it. */
static void add_segments(struct writer *w)
{
	const struct tnc_program *pr = w->program;

	if (!pr->segments)
		return;
	section_add(w, NPU_SECTION_SEGMENTS, pr->segment,
		    pr->segments * sizeof(*pr->segment), DEFAULT_ALIGN);
	section_add(w, NPU_SECTION_CPU_OPS, pr->cpu_op,
		    pr->cpu_ops * sizeof(*pr->cpu_op), DEFAULT_ALIGN);
	section_add(w, NPU_SECTION_CPU_TENSORS, pr->cpu_tensor,
		    pr->cpu_tensors * sizeof(*pr->cpu_tensor), DEFAULT_ALIGN);
	section_add(w, NPU_SECTION_CPU_WORDS, pr->cpu_word,
		    pr->cpu_words * sizeof(*pr->cpu_word), DEFAULT_ALIGN);
}

/* Where the file lies says nothing of the model: its last part is its name. */
static void add_source(struct writer *w)
{
	const struct npu_machine *m = &w->c->options.machine;
	const char *path = w->c->options.name, *slash = strrchr(path, '/');
	char *name = tnc_strndup(w->c, slash ? slash + 1 : path, 200);
	char *text = tnc_alloc(w->c, 1024, 1);
	int length;

	tnc_make_printable(name);
	length = snprintf(text, 1024,
			  "compiler=%s\nmodel=%s\nmacs=%u\nsram=%u\n"
			  "clock_khz=%u\nsram_bw=%u\nsram_latency=%u\n"
			  "mem_bw=%u\nmem_latency=%u\n%s"
			  "weights=%" PRIu64 "\nweights_stored=%" PRIu64 "\n"
			  "sram_live=%" PRIu64 "\nscratch_live=%" PRIu64 "\n",
			  TNC_VERSION, name, m->macs,
			  m->sram_size, m->clock_khz, m->sram_bw,
			  m->sram_latency, m->mem_bw, m->mem_latency,
			  m->restricted ? "restricted=1\n" : "",
			  w->program->weights_size,
			  w->program->weights_stored,
			  w->program->sram_live, w->program->scratch_live);
	section_add(w, NPU_SECTION_SOURCE, text, length, DEFAULT_ALIGN);
}

/* Over all sections before this one: see npu/program.h. */
static void add_digest(struct writer *w)
{
	uint8_t *out = tnc_alloc(w->c, 1, NPU_PROGRAM_DIGEST_SIZE);
	struct sha256_ctx sha;

	sha256_init(&sha);
	for (int i = 0; i < w->sections; i++) {
		const struct section *s = &w->section[i];
		npu_le64 size = s->size;

		sha256_update(&sha, strlen(s->name) + 1,
			      (const uint8_t *)s->name);
		sha256_update(&sha, sizeof(size), (const uint8_t *)&size);
		sha256_update(&sha, s->size, s->bytes);
	}
	sha256_digest(&sha, NPU_PROGRAM_DIGEST_SIZE, out);
	section_add(w, NPU_SECTION_DIGEST, out, NPU_PROGRAM_DIGEST_SIZE,
		    DEFAULT_ALIGN);
}

static bool elf_section(Elf *elf, const struct section *s, uint32_t name,
			uint32_t type)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *data = scn ? elf_newdata(scn) : NULL;
	Elf64_Shdr *header = scn ? elf64_getshdr(scn) : NULL;

	if (!data || !header)
		return false;
	data->d_buf = (void *)s->bytes;
	data->d_size = s->size;
	data->d_align = s->align;
	data->d_type = ELF_T_BYTE;
	header->sh_name = name;
	header->sh_type = type;
	header->sh_addralign = s->align;
	return true;
}

/* The table of section names, itself the last section. */
static void add_section_names(struct writer *w)
{
	struct names saved = w->names;

	w->names = (struct names){ 0 };
	name_add(w, "");
	for (int i = 0; i < w->sections; i++)
		w->section_name[i] = name_add(w, w->section[i].name);
	w->section_name[w->sections] = name_add(w, ".shstrtab");
	section_add(w, ".shstrtab", w->names.text, w->names.size, 1);
	w->names = saved;
}

static bool elf_write(struct writer *w, Elf *elf)
{
	Elf64_Ehdr *header = elf64_newehdr(elf);

	if (!header)
		return false;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_type = ET_EXEC;
	header->e_machine = EM_NONE;
	header->e_version = EV_CURRENT;
	header->e_shstrndx = w->sections;
	for (int i = 0; i < w->sections; i++) {
		uint32_t type = i == w->sections - 1 ? SHT_STRTAB :
						       SHT_PROGBITS;

		if (!elf_section(elf, &w->section[i], w->section_name[i],
				 type))
			return false;
	}
	return elf_update(elf, ELF_C_WRITE) >= 0;
}

static int read_back(int fd, void **bytes, size_t *size)
{
	struct stat st;
	size_t done = 0;
	ssize_t n = 1;

	if (fstat(fd, &st))
		return -errno;
	*bytes = malloc(st.st_size);
	if (!*bytes)
		return -ENOMEM;
	while (done < (size_t)st.st_size && n > 0) {
		n = pread(fd, (char *)*bytes + done, st.st_size - done, done);
		if (n > 0)
			done += n;
	}
	if (done == (size_t)st.st_size) {
		*size = done;
		return 0;
	}
	free(*bytes);
	*bytes = NULL;
	return -EIO;
}

static int write_elf(struct writer *w, void **bytes, size_t *size)
{
	int fd = memfd_create("program", MFD_CLOEXEC);
	int status = -EIO;
	Elf *elf;

	if (fd < 0)
		return -errno;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	if (elf && elf_write(w, elf))
		status = 0;
	if (elf)
		elf_end(elf);
	if (!status)
		status = read_back(fd, bytes, size);
	close(fd);
	return status;
}

/* Nothing in here may jump out while a file is open: all memory comes first. */
void tnc_program_write(struct tnc *c, const struct tnc_program *program,
		       const uint8_t *model, size_t model_size, void **bytes,
		       size_t *size)
{
	struct writer w = { .c = c, .program = program };
	int status;

	name_add(&w, "");
	add_info(&w, model, model_size);
	section_add(&w, NPU_SECTION_COMMANDS, program->cmd,
		    program->cmds * sizeof(*program->cmd), NPU_CMD_SIZE);
	section_add(&w, NPU_SECTION_CONSTANTS, program->constants,
		    program->constants_size, NPU_CMD_SIZE);
	if (program->variables_size)
		section_add(&w, NPU_SECTION_VARIABLES, program->variables,
			    program->variables_size, NPU_CMD_SIZE);
	add_tensors(&w);
	add_layers(&w);
	add_segments(&w);
	add_loops(&w);
	section_add(&w, NPU_SECTION_NAMES, w.names.text, w.names.size,
		    DEFAULT_ALIGN);
	add_source(&w);
	add_digest(&w);
	add_section_names(&w);
	status = write_elf(&w, bytes, size);
	if (status)
		tnc_error(c, status, "program file: %s", strerror(-status));
}
