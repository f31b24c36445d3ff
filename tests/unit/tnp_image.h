/* SPDX-License-Identifier: MIT */
/*
 * Program files made by hand for tests: each section's content can be changed
 * before the file is put together with a right digest.
 */
#ifndef TNP_IMAGE_H
#define TNP_IMAGE_H

#include <npu/cpu.h>
#include <npu/isa.h>
#include <npu/program.h>

#include <stddef.h>

enum tnp_section {
	TNP_INFO,
	TNP_COMMANDS,
	TNP_CONSTANTS,
	TNP_TENSORS,
	TNP_NAMES,
	TNP_LINES,
	TNP_LAYERS,
	TNP_SOURCE,
	TNP_SEGMENTS,
	TNP_CPU_OPS,
	TNP_CPU_TENSORS,
	TNP_CPU_WORDS,
	TNP_VARIABLES,
	TNP_DIGEST,
	TNP_SECTIONS
};

#define TNP_SECTION_ROOM 512
#define TNP_TENSOR_BYTES 96

struct tnp_image {
	struct {
		char name[24]; /* empty: leave the section out */
		uint32_t size;
		_Alignas(8) uint8_t data[TNP_SECTION_ROOM];
	} sections[TNP_SECTIONS];
};

/*
 * A valid program: input "input" int8 [1, 8, 12] and an output "output" of the
 * same shape, to which it is copied by way of the SRAM.
 */
void tnp_image_init(struct tnp_image *image);

/*
 * Makes it one of three segments: -input to scratch on the CPU, a copy within
 * scratch on the device, the absolute value of that to output on the CPU.
 */
void tnp_image_add_cpu(struct tnp_image *image);

/*
 * Makes it give out what it got in the run before, and at first bytes that count
 * up from one.
 */
void tnp_image_add_variables(struct tnp_image *image);

/* The file; malloc()ed. The digest is computed if @is_sealed. */
uint8_t *tnp_image_build(struct tnp_image *image, int is_sealed, size_t *size);

/* Typed views of the sections */
struct npu_program_info *tnp_info(struct tnp_image *image);
union npu_cmd *tnp_commands(struct tnp_image *image);
struct npu_program_tensor *tnp_tensors(struct tnp_image *image);
struct npu_program_line *tnp_lines(struct tnp_image *image);
struct npu_program_layer *tnp_layers(struct tnp_image *image);
struct npu_program_segment *tnp_segments(struct tnp_image *image);
struct npu_cpu_op *tnp_cpu_ops(struct tnp_image *image);
struct npu_cpu_tensor *tnp_cpu_tensors(struct tnp_image *image);
npu_le32 *tnp_cpu_words(struct tnp_image *image);

#endif
