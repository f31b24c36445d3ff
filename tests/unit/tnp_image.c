// SPDX-License-Identifier: MIT
/* Program files made by hand for tests, see tnp_image.h. */
#include "tnp_image.h"

#include <elf.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

static const char names[] = "\0input\0output\0op 0 COPY 'output'";
static const char section_names[] = ".shstrtab";

struct npu_program_info *tnp_info(struct tnp_image *image)
{
	return (void *)image->sections[TNP_INFO].data;
}

union npu_cmd *tnp_commands(struct tnp_image *image)
{
	return (void *)image->sections[TNP_COMMANDS].data;
}

struct npu_program_tensor *tnp_tensors(struct tnp_image *image)
{
	return (void *)image->sections[TNP_TENSORS].data;
}

struct npu_program_line *tnp_lines(struct tnp_image *image)
{
	return (void *)image->sections[TNP_LINES].data;
}

struct npu_program_layer *tnp_layers(struct tnp_image *image)
{
	return (void *)image->sections[TNP_LAYERS].data;
}

struct npu_program_segment *tnp_segments(struct tnp_image *image)
{
	return (void *)image->sections[TNP_SEGMENTS].data;
}

struct npu_cpu_op *tnp_cpu_ops(struct tnp_image *image)
{
	return (void *)image->sections[TNP_CPU_OPS].data;
}

struct npu_cpu_tensor *tnp_cpu_tensors(struct tnp_image *image)
{
	return (void *)image->sections[TNP_CPU_TENSORS].data;
}

npu_le32 *tnp_cpu_words(struct tnp_image *image)
{
	return (void *)image->sections[TNP_CPU_WORDS].data;
}

static void set_section(struct tnp_image *image, enum tnp_section section,
			const char *name, const void *data, size_t size)
{
	strcpy(image->sections[section].name, name);
	image->sections[section].size = size;
	if (data)
		memcpy(image->sections[section].data, data, size);
}

static union npu_cmd copy_command(uint8_t from, uint8_t to)
{
	return (union npu_cmd){ .copy = {
		.hdr = { .op = NPU_OP_DMA_COPY },
		.src_region = from,
		.dst_region = to,
		.n = { 1, 1, 1 },
		.run = TNP_TENSOR_BYTES,
	} };
}

static void init_tensors(struct tnp_image *image)
{
	struct npu_program_tensor *tensors = tnp_tensors(image);
	int i;

	for (i = 0; i < 2; i++)
		tensors[i] = (struct npu_program_tensor){
			.name = i ? 7 : 1,
			.dtype = NPU_DTYPE_INT8,
			.rank = 3,
			.shape = { 1, 8, 12 },
			.size = TNP_TENSOR_BYTES,
			.scale = 0x3f000000, /* 0.5 */
			.zero_point = (uint32_t)-3,
		};
}

void tnp_image_init(struct tnp_image *image)
{
	memset(image, 0, sizeof(*image));
	set_section(image, TNP_INFO, NPU_SECTION_INFO, NULL,
		    sizeof(struct npu_program_info));
	*tnp_info(image) = (struct npu_program_info){
		.magic = NPU_PROGRAM_MAGIC,
		.major = NPU_PROGRAM_MAJOR,
		.minor = NPU_PROGRAM_MINOR,
		.hw_major = 1,
		.inputs = 1,
		.outputs = 1,
		.sram_size = TNP_TENSOR_BYTES,
		.macs = 128,
		.clock_khz = 200000,
		.sram_bw = 8,
		.mem_bw = 1,
		.scratch_size = 100,
	};
	set_section(image, TNP_COMMANDS, NPU_SECTION_COMMANDS, NULL, 128);
	tnp_commands(image)[0] = copy_command(NPU_REGION_TENSORS,
					      NPU_REGION_SRAM);
	tnp_commands(image)[1] = copy_command(NPU_REGION_SRAM,
					      NPU_REGION_TENSORS + 1);
	set_section(image, TNP_CONSTANTS, NPU_SECTION_CONSTANTS, "weights", 8);
	set_section(image, TNP_TENSORS, NPU_SECTION_TENSORS, NULL,
		    2 * sizeof(struct npu_program_tensor));
	init_tensors(image);
	set_section(image, TNP_NAMES, NPU_SECTION_NAMES, names, sizeof(names));
	set_section(image, TNP_LINES, NPU_SECTION_LINES, NULL,
		    sizeof(struct npu_program_line));
	set_section(image, TNP_LAYERS, NPU_SECTION_LAYERS, NULL,
		    sizeof(struct npu_program_layer));
	tnp_layers(image)->name = 14;
	set_section(image, TNP_SOURCE, NPU_SECTION_SOURCE, "model=test\n", 11);
	set_section(image, TNP_DIGEST, NPU_SECTION_DIGEST, NULL,
		    NPU_PROGRAM_DIGEST_SIZE);
}

void tnp_image_add_cpu(struct tnp_image *image)
{
	static const struct npu_program_segment segments[] = {
		{ .unit = NPU_SEGMENT_CPU, .count = 1 },
		{ .unit = NPU_SEGMENT_JOB, .count = 2 },
		{ .unit = NPU_SEGMENT_CPU, .first = 1, .count = 1 },
	};
	static const struct npu_cpu_op ops[] = {
		{ .kind = NPU_CPU_UNARY, .inputs = 1, .attrs = 3 },
		{ .kind = NPU_CPU_UNARY, .inputs = 1, .attrs = 3, .first = 5 },
	};
	/* output, input, attributes of each; scale (0.5) and zero point */
	static const npu_le32 words[] = {
		1, 0, NPU_CPU_NEG, 0, 0, 3, 2, NPU_CPU_ABS, 0, 0, 0x3f000000, 0,
	};
	static const npu_le32 regions[] = {
		NPU_REGION_TENSORS, NPU_REGION_SCRATCH, NPU_REGION_SCRATCH,
		NPU_REGION_TENSORS + 1,
	};
	struct npu_cpu_tensor *tensors = tnp_cpu_tensors(image);
	int i;

	set_section(image, TNP_SEGMENTS, NPU_SECTION_SEGMENTS, segments,
		    sizeof(segments));
	set_section(image, TNP_CPU_OPS, NPU_SECTION_CPU_OPS, ops, sizeof(ops));
	set_section(image, TNP_CPU_WORDS, NPU_SECTION_CPU_WORDS, words,
		    sizeof(words));
	set_section(image, TNP_CPU_TENSORS, NPU_SECTION_CPU_TENSORS, NULL,
		    4 * sizeof(*tensors));
	for (i = 0; i < 4; i++)
		tensors[i] = (struct npu_cpu_tensor){
			.dtype = NPU_DTYPE_INT8,
			.rank = 3,
			.shape = { 1, 8, 12 },
			.region = regions[i],
			.quants = 1,
			.quant = 10,
		};
	tensors[2].offset = TNP_TENSOR_BYTES;
	tnp_info(image)->scratch_size = 2 * TNP_TENSOR_BYTES;
	tnp_commands(image)[0].copy.src_region = NPU_REGION_SCRATCH;
	tnp_commands(image)[1].copy.dst_region = NPU_REGION_SCRATCH;
	tnp_commands(image)[1].copy.dst = TNP_TENSOR_BYTES;
}

void tnp_image_add_variables(struct tnp_image *image)
{
	uint8_t begin[TNP_TENSOR_BYTES];

	for (int i = 0; i < TNP_TENSOR_BYTES; i++)
		begin[i] = i + 1;
	set_section(image, TNP_VARIABLES, NPU_SECTION_VARIABLES, begin,
		    sizeof(begin));
	tnp_commands(image)[0] = copy_command(NPU_REGION_VARIABLES(2),
					      NPU_REGION_TENSORS + 1);
	tnp_commands(image)[1] = copy_command(NPU_REGION_TENSORS,
					      NPU_REGION_VARIABLES(2));
}

static void seal(struct tnp_image *image)
{
	struct sha256_ctx ctx;
	npu_le64 size;
	int i;

	sha256_init(&ctx);
	for (i = 0; i < TNP_SECTIONS; i++) {
		const char *name = image->sections[i].name;

		size = image->sections[i].size;
		if (i == TNP_DIGEST || strncmp(name, ".npu.", 5))
			continue;
		sha256_update(&ctx, strlen(name) + 1, (const uint8_t *)name);
		sha256_update(&ctx, sizeof(size), (const uint8_t *)&size);
		sha256_update(&ctx, size, image->sections[i].data);
	}
	sha256_digest(&ctx, NPU_PROGRAM_DIGEST_SIZE,
		      image->sections[TNP_DIGEST].data);
}

/* Room for the header, each section and its name and header */
#define FILE_ROOM (sizeof(Elf64_Ehdr) + (TNP_SECTIONS + 2) *            \
		   (TNP_SECTION_ROOM + sizeof(Elf64_Shdr) + 32))

uint8_t *tnp_image_build(struct tnp_image *image, int is_sealed, size_t *size)
{
	Elf64_Shdr headers[TNP_SECTIONS + 2] = { 0 };
	char strings[TNP_SECTIONS * 24 + 32] = "";
	uint8_t *file = calloc(1, FILE_ROOM);
	Elf64_Ehdr *header = (Elf64_Ehdr *)file;
	size_t at = sizeof(*header), used = 1, count = 1;
	int i;

	if (is_sealed)
		seal(image);
	for (i = 0; i < TNP_SECTIONS; i++) {
		if (!image->sections[i].name[0])
			continue;
		headers[count].sh_name = used;
		headers[count].sh_type = SHT_PROGBITS;
		headers[count].sh_offset = at;
		headers[count++].sh_size = image->sections[i].size;
		strcpy(strings + used, image->sections[i].name);
		used += strlen(strings + used) + 1;
		memcpy(file + at, image->sections[i].data,
		       image->sections[i].size);
		at += (image->sections[i].size + 7) & ~7u;
	}
	headers[count].sh_name = used;
	strcpy(strings + used, section_names);
	used += sizeof(section_names);
	headers[count].sh_type = SHT_STRTAB;
	headers[count].sh_offset = at;
	headers[count++].sh_size = used;
	memcpy(file + at, strings, used);
	at += (used + 7) & ~(size_t)7;
	memcpy(file + at, headers, count * sizeof(headers[0]));
	*header = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_NONE,
		.e_version = EV_CURRENT,
		.e_shoff = at,
		.e_ehsize = sizeof(*header),
		.e_shentsize = sizeof(headers[0]),
		.e_shnum = count,
		.e_shstrndx = count - 1,
	};
	*size = at + count * sizeof(headers[0]);
	return file;
}
