// SPDX-License-Identifier: MIT
/*
 * The boot ROM: fetch a firmware image, check it, place it in the TCM. The
 * image is read once, into memory that nobody else can reach, and checked
 * there. Called by core.c when the host asks for it.
 */
#include "machine.h"

#include <string.h>

static bool has_right_version(const struct npu_image_header *header)
{
	return header->header_version == NPU_IMAGE_HEADER_VERSION &&
	       header->hw_major == NPU_HW_VERSION_MAJOR;
}

static bool is_placed_well(const struct npu_image_header *header,
			   uint32_t payload)
{
	uint32_t place = header->load_addr - NPU_TCM_BASE;

	if (header->load_addr % 4 || place > NPU_TCM_SIZE ||
	    header->memory_size > NPU_TCM_SIZE - place ||
	    payload > header->memory_size)
		return false;
	return !(header->entry & 1) &&
	       header->entry - header->load_addr < payload;
}

static bool has_right_digest(struct npu_core *core, uint32_t size)
{
	struct npu_image_header *header = (void *)core->image;
	uint8_t announced[NPU_IMAGE_DIGEST_SIZE];
	uint8_t digest[NPU_IMAGE_DIGEST_SIZE];

	memcpy(announced, header->digest, sizeof(announced));
	memset(header->digest, 0, sizeof(header->digest));
	core->ops->sha256(core->opaque, core->image, size, digest);
	return !memcmp(announced, digest, sizeof(digest));
}

static enum npu_boot_refusal check(struct npu_core *core, uint32_t size)
{
	const struct npu_image_header *header = (void *)core->image;

	if (header->magic != NPU_IMAGE_MAGIC)
		return NPU_REFUSED_MAGIC;
	if (!has_right_version(header))
		return NPU_REFUSED_VERSION;
	if (header->image_size != size)
		return NPU_REFUSED_SIZE;
	if (header->reserved)
		return NPU_REFUSED_VERSION;
	if (!is_placed_well(header, size - sizeof(*header)))
		return NPU_REFUSED_PLACE;
	if (!has_right_digest(core, size))
		return NPU_REFUSED_DIGEST;
	return NPU_REFUSED_NONE;
}

enum npu_boot_refusal boot_image(struct npu_core *core, uint64_t address,
				 uint32_t size)
{
	const struct npu_image_header *header = (void *)core->image;
	enum npu_boot_refusal refusal;
	uint8_t *place;

	if (size < sizeof(*header) || size > sizeof(core->image))
		return NPU_REFUSED_SIZE;
	if (machine_dma_read(core, address, core->image, size))
		return NPU_REFUSED_DMA;
	refusal = check(core, size);
	if (refusal)
		return refusal;
	place = core->tcm + (header->load_addr - NPU_TCM_BASE);
	memset(place, 0, header->memory_size);
	memcpy(place, header + 1, size - sizeof(*header));
	rv32_reset(&core->cpu, header->entry);
	return NPU_REFUSED_NONE;
}
