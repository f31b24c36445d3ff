// SPDX-License-Identifier: MIT
/*
 * Makes a firmware image (npu/regs.h) of the linked firmware: mkimage -o OUT
 * ELF. Runs on the host, called by the build.
 */
#include <npu/regs.h>
#include <npu/ring.h>

#include <argp.h>
#include <err.h>
#include <fcntl.h>
#include <gelf.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fw.h"

struct arguments {
	const char *input;
	const char *output;
	long abi_max;
};

struct image {
	uint8_t bytes[NPU_IMAGE_MAX_SIZE];
	uint32_t load_addr;
	uint32_t payload_size;
	uint32_t memory_size;
	uint32_t entry;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'o':
		arguments->output = arg;
		return 0;
	case 'a':
		arguments->abi_max = strtol(arg, NULL, 0);
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->input)
			argp_usage(state);
		arguments->input = arg;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->input || !arguments->output ||
		    arguments->abi_max < NPU_RING_ABI_MIN ||
		    arguments->abi_max > NPU_RING_ABI_MAX)
			argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* The firmware is one loadable segment: take it. */
static void take_segment(Elf *elf, const GElf_Phdr *phdr, const char *name,
			 struct image *image)
{
	size_t size;
	const char *bytes = elf_rawfile(elf, &size);

	if (image->memory_size)
		errx(1, "%s: more than one loadable segment", name);
	if (!bytes || phdr->p_offset > size ||
	    phdr->p_filesz > size - phdr->p_offset)
		errx(1, "%s: the segment is not in the file", name);
	if (phdr->p_filesz >
	    sizeof(image->bytes) - sizeof(struct npu_image_header))
		errx(1, "%s: the segment is too large", name);
	memcpy(image->bytes + sizeof(struct npu_image_header),
	       bytes + phdr->p_offset, phdr->p_filesz);
	image->load_addr = phdr->p_paddr;
	image->payload_size = (phdr->p_filesz + 3) & ~3u;
	image->memory_size = (phdr->p_memsz + 3) & ~3u;
}

static void read_elf(const char *name, struct image *image)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	GElf_Ehdr ehdr;
	GElf_Phdr phdr;
	Elf *elf;
	int i;

	if (fd < 0)
		err(1, "%s", name);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || !gelf_getehdr(elf, &ehdr))
		errx(1, "%s: %s", name, elf_errmsg(-1));
	if (ehdr.e_machine != EM_RISCV || ehdr.e_type != ET_EXEC)
		errx(1, "%s: not a RISC-V executable", name);
	for (i = 0; i < ehdr.e_phnum; i++) {
		if (!gelf_getphdr(elf, i, &phdr))
			errx(1, "%s: %s", name, elf_errmsg(-1));
		if (phdr.p_type == PT_LOAD)
			take_segment(elf, &phdr, name, image);
	}
	if (!image->memory_size)
		errx(1, "%s: no loadable segment", name);
	image->entry = ehdr.e_entry;
	elf_end(elf);
	close(fd);
}

static void write_header(struct image *image, uint16_t abi_max)
{
	struct npu_image_header header = {
		.magic = NPU_IMAGE_MAGIC,
		.header_version = NPU_IMAGE_HEADER_VERSION,
		.hw_major = NPU_HW_VERSION_MAJOR,
		.image_size = sizeof(header) + image->payload_size,
		.load_addr = image->load_addr,
		.entry = image->entry,
		.memory_size = image->memory_size,
		.abi_min = NPU_RING_ABI_MIN,
		.abi_max = abi_max,
		.name = FW_NAME,
	};
	struct sha256_ctx sha256;

	memcpy(image->bytes, &header, sizeof(header));
	sha256_init(&sha256);
	sha256_update(&sha256, header.image_size, image->bytes);
	sha256_digest(&sha256, sizeof(header.digest),
		      image->bytes +
			      offsetof(struct npu_image_header, digest));
}

static void write_image(const char *name, const struct image *image)
{
	size_t size = sizeof(struct npu_image_header) + image->payload_size;
	FILE *file = fopen(name, "wb");

	if (!file || fwrite(image->bytes, 1, size, file) != size ||
	    fclose(file))
		err(1, "%s", name);
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "output", 'o', "FILE", 0, "Write the image here", 0 },
		{ "abi-max", 'a', "VERSION", 0,
		  "The highest protocol that it speaks", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "ELF",
		.doc = "Makes a TinyNPU firmware image of a linked firmware.",
	};
	static struct image image;
	struct arguments arguments = { .abi_max = FW_ABI_MAX };

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	read_elf(arguments.input, &image);
	write_header(&image, arguments.abi_max);
	write_image(arguments.output, &image);
	return 0;
}
