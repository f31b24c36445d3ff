// SPDX-License-Identifier: MIT
/*
 * The reader of program files: what it tells of a good one, and that a bad one
 * is refused with a reason, however it is bad.
 */
#include "tnp_image.h"

#include <tinynpu.h>

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct tnp_image *fresh(void)
{
	static struct tnp_image image;

	tnp_image_init(&image);
	return &image;
}

static struct tnp_image *fresh_with_cpu(void)
{
	struct tnp_image *image = fresh();

	tnp_image_add_cpu(image);
	return image;
}

static int read_image(struct tnp_image *image, bool is_sealed,
		      struct tinynpu_program **program,
		      struct tinynpu_error *error)
{
	size_t size;
	uint8_t *file = tnp_image_build(image, is_sealed, &size);
	int err = tinynpu_program_read(file, size, "test.tnp", program, error);

	free(file);
	return err;
}

static struct tinynpu_program *read_good(struct tnp_image *image)
{
	struct tinynpu_program *program = NULL;
	struct tinynpu_error error = { "" };

	if (read_image(image, true, &program, &error))
		fail_msg("%s", error.text);
	return program;
}

/* --- A good one ------------------------------------------------------------ */

static void test_a_program_tells_what_it_is(void **state)
{
	struct tinynpu_program *program = read_good(fresh());
	struct tinynpu_program_info info;

	tinynpu_program_info(program, &info, sizeof(info));
	assert_int_equal(info.inputs, 1);
	assert_int_equal(info.outputs, 1);
	assert_int_equal(info.commands, 2);
	assert_int_equal(info.layers, 1);
	assert_int_equal(info.version, 0x20001);
	assert_int_equal(info.sram_size, TNP_TENSOR_BYTES);
	assert_int_equal(info.constants_size, 8);
	assert_int_equal(info.scratch_size, 100);
	assert_string_equal(info.source, "model=test\n");
	tinynpu_program_close(program);
}

static void test_tensors_are_found_by_index_and_name(void **state)
{
	struct tinynpu_program *program = read_good(fresh());
	struct tinynpu_tensor_info info;

	assert_int_equal(tinynpu_program_find(program, "output"), 1);
	assert_int_equal(tinynpu_program_find(program, "out"), -ENOENT);
	assert_int_equal(tinynpu_program_tensor(program, 1, &info,
						sizeof(info)), 0);
	assert_string_equal(info.name, "output");
	assert_int_equal(info.dtype, TINYNPU_INT8);
	assert_int_equal(info.rank, 3);
	assert_int_equal(info.shape[2], 12);
	assert_int_equal(info.size, TNP_TENSOR_BYTES);
	assert_true(info.scale == 0.5f);
	assert_int_equal(info.zero_point, -3);
	assert_int_equal(info.is_output, 1);
	assert_int_equal(tinynpu_program_tensor(program, 2, &info,
						sizeof(info)), -ENOENT);
	tinynpu_program_close(program);
}

static void test_layers_own_commands(void **state)
{
	struct tinynpu_program *program = read_good(fresh());
	struct tinynpu_layer_info info;

	assert_int_equal(tinynpu_program_layer(program, 0, &info,
					       sizeof(info)), 0);
	assert_string_equal(info.name, "op 0 COPY 'output'");
	assert_int_equal(info.commands, 2);
	assert_int_equal(tinynpu_program_layer_of(program, 1), 0);
	assert_int_equal(tinynpu_program_layer_of(program, 2), -ENOENT);
	assert_int_equal(tinynpu_program_layer(program, 1, &info,
					       sizeof(info)), -ENOENT);
	tinynpu_program_close(program);
}

static void test_an_old_caller_gets_what_it_knows(void **state)
{
	struct tinynpu_program *program = read_good(fresh());
	uint32_t few[4] = { 0, 0, 77, 77 };

	tinynpu_program_info(program, (void *)few, 8);
	assert_int_equal(few[0], 1);
	assert_int_equal(few[2], 77);
	tinynpu_program_close(program);
}

static void test_a_newer_minor_version_is_read(void **state)
{
	struct tnp_image *image = fresh();

	tnp_info(image)->minor = NPU_PROGRAM_MINOR + 1;
	image->sections[TNP_INFO].size += 16;
	tinynpu_program_close(read_good(image));
}

static void test_no_constants_and_no_layers_are_fine(void **state)
{
	struct tnp_image *image = fresh();

	image->sections[TNP_CONSTANTS].size = 0;
	image->sections[TNP_LAYERS].size = 0;
	image->sections[TNP_LINES].size = 0;
	tinynpu_program_close(read_good(image));
}

/* --- Bad ones -------------------------------------------------------------- */

static void test_a_newer_major_version_is_refused(void **state)
{
	struct tnp_image *image = fresh();
	struct tinynpu_program *program;
	struct tinynpu_error error;

	tnp_info(image)->major = NPU_PROGRAM_MAJOR + 1;
	assert_int_equal(read_image(image, true, &program, &error),
			 -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "version 3.1"));
	tnp_info(image)->major = NPU_PROGRAM_MAJOR;
	tnp_info(image)->hw_major = 9;
	assert_int_equal(read_image(image, true, &program, &error),
			 -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "version 9"));
}

static void test_a_changed_byte_breaks_the_digest(void **state)
{
	struct tnp_image *image = fresh();
	struct tinynpu_program *program;
	struct tinynpu_error error;

	tinynpu_program_close(read_good(image));
	image->sections[TNP_COMMANDS].data[70] ^= 1;
	assert_int_equal(read_image(image, false, &program, &error), -EINVAL);
	assert_non_null(strstr(error.text, "digest"));
}

static void set_name_size(struct tnp_image *i)
{
	i->sections[TNP_NAMES].size--;
}

static void set_info_short(struct tnp_image *i)
{
	i->sections[TNP_INFO].size = 104;
}

static void set_magic(struct tnp_image *i)
{
	tnp_info(i)->magic++;
}

static void set_inputs(struct tnp_image *i)
{
	tnp_info(i)->inputs = 2;
}

static void set_inputs_wrap(struct tnp_image *i)
{
	tnp_info(i)->inputs = -1;
	tnp_info(i)->outputs = 3;
}

static void set_clock(struct tnp_image *i)
{
	tnp_info(i)->clock_khz = 0;
}

static void set_scratch(struct tnp_image *i)
{
	tnp_info(i)->scratch_size = 1ull << 33;
}

static void set_no_commands(struct tnp_image *i)
{
	i->sections[TNP_COMMANDS].size = 0;
}

static void set_half_command(struct tnp_image *i)
{
	i->sections[TNP_COMMANDS].size = 96;
}

static void set_tensor_name(struct tnp_image *i)
{
	tnp_tensors(i)->name = 999;
}

static void set_dtype(struct tnp_image *i)
{
	tnp_tensors(i)->dtype = 8;
}

static void set_dtype_none(struct tnp_image *i)
{
	tnp_tensors(i)->dtype = 0;
}

static void set_rank(struct tnp_image *i)
{
	tnp_tensors(i)->rank = 9;
}

static void set_shape(struct tnp_image *i)
{
	tnp_tensors(i)[1].shape[0] = 2;
}

static void set_shape_zero(struct tnp_image *i)
{
	tnp_tensors(i)[1].shape[0] = 0;
}

static void set_shape_huge(struct tnp_image *i)
{
	memset(tnp_tensors(i)->shape, 0xff, 32);
	tnp_tensors(i)->rank = 8;
}

static void set_scale(struct tnp_image *i)
{
	tnp_tensors(i)->scale = 0x7fc00000;
}

static void set_scale_negative(struct tnp_image *i)
{
	tnp_tensors(i)->scale = 0xbf000000;
}

static void set_layer_name(struct tnp_image *i)
{
	tnp_layers(i)->name = 999;
}

static void set_line_layer(struct tnp_image *i)
{
	tnp_lines(i)->layer = 1;
}

static void set_line_command(struct tnp_image *i)
{
	tnp_lines(i)->command = 2;
}

static void set_line_order(struct tnp_image *i)
{
	i->sections[TNP_LINES].size = 16;
}

static void set_first_name(struct tnp_image *i)
{
	i->sections[TNP_NAMES].data[0] = 'x';
}

static void set_control(struct tnp_image *i)
{
	i->sections[TNP_NAMES].data[3] = 27;
}

static void set_utf8(struct tnp_image *i)
{
	i->sections[TNP_NAMES].data[3] = 0xc0;
}

static void set_c1(struct tnp_image *i)
{
	i->sections[TNP_NAMES].data[2] = 0xc2;
	i->sections[TNP_NAMES].data[3] = 0x9b;
}

static void set_surrogate(struct tnp_image *i)
{
	memcpy(i->sections[TNP_NAMES].data + 2, "\xed\xa0\x80", 3);
}

static void set_source(struct tnp_image *i)
{
	i->sections[TNP_SOURCE].data[3] = 7;
}

static void set_source_nul(struct tnp_image *i)
{
	i->sections[TNP_SOURCE].data[3] = 0;
}

static void set_twice(struct tnp_image *i)
{
	strcpy(i->sections[TNP_LINES].name, NPU_SECTION_LAYERS);
}

static void set_digest_size(struct tnp_image *i)
{
	i->sections[TNP_DIGEST].size = 16;
}

static void test_each_broken_rule_is_named(void **state)
{
	static const struct {
		void (*set)(struct tnp_image *image);
		const char *complaint;
	} cases[] = {
		{ set_name_size, ".npu.names" },
		{ set_info_short, ".npu.info" },
		{ set_magic, "magic" },
		{ set_inputs, "2 inputs" },
		{ set_inputs_wrap, "inputs" },
		{ set_clock, "clock" },
		{ set_scratch, "scratch" },
		{ set_no_commands, "no commands" },
		{ set_half_command, ".npu.commands" },
		{ set_tensor_name, "tensor 0: name" },
		{ set_dtype, "tensor 0: unknown type 8" },
		{ set_dtype_none, "tensor 0: unknown type 0" },
		{ set_rank, "tensor 0: rank 9" },
		{ set_shape, "tensor 1: 96 bytes" },
		{ set_shape_zero, "tensor 1: empty" },
		{ set_shape_huge, "tensor 0: empty or too large" },
		{ set_scale, "tensor 0: scale" },
		{ set_scale_negative, "tensor 0: scale" },
		{ set_layer_name, "layer 0" },
		{ set_line_layer, "line 0: no layer 1" },
		{ set_line_command, "line 0: command 2" },
		{ set_line_order, "line 1: command 0" },
		{ set_first_name, "begin and end" },
		{ set_control, "byte 3" },
		{ set_utf8, "byte 3" },
		{ set_c1, "byte 2" },
		{ set_surrogate, "byte 2" },
		{ set_source, "byte 3" },
		{ set_source_nul, "NUL at byte 3" },
		{ set_twice, "twice" },
		{ set_digest_size, ".npu.digest" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tnp_image *image = fresh();
		struct tinynpu_program *program;
		struct tinynpu_error error = { "" };

		cases[i].set(image);
		assert_int_equal(read_image(image, true, &program, &error),
				 -EINVAL);
		if (!strstr(error.text, cases[i].complaint) ||
		    strncmp(error.text, "test.tnp: ", 10))
			fail_msg("case %zu: '%s' lacks '%s'", i, error.text,
				 cases[i].complaint);
	}
}

static void set_cpu_kind(struct tnp_image *i)
{
	tnp_cpu_ops(i)->kind = NPU_CPU_KINDS;
}

static void set_cpu_attrs(struct tnp_image *i)
{
	tnp_cpu_ops(i)->attrs = 2;
}

static void set_cpu_inputs_many(struct tnp_image *i)
{
	tnp_cpu_ops(i)->inputs = NPU_CPU_MAX_INPUTS + 1;
}

static void set_cpu_first(struct tnp_image *i)
{
	tnp_cpu_ops(i)[1].first = 8;
}

static void set_cpu_layer(struct tnp_image *i)
{
	tnp_cpu_ops(i)->layer = 1;
}

static void set_cpu_operand(struct tnp_image *i)
{
	tnp_cpu_words(i)[1] = 4;
}

static void set_cpu_no_output(struct tnp_image *i)
{
	tnp_cpu_words(i)[0] = NPU_CPU_ABSENT;
}

static void set_cpu_no_input(struct tnp_image *i)
{
	tnp_cpu_words(i)[1] = NPU_CPU_ABSENT;
}

static void set_cpu_function(struct tnp_image *i)
{
	tnp_cpu_words(i)[2] = NPU_CPU_UNARY_COUNT;
}

static void set_cpu_writes_input(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[1].region = NPU_REGION_TENSORS;
}

static void set_cpu_writes_constants(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[1].region = NPU_REGION_CONSTANTS;
	tnp_cpu_tensors(i)[1].shape[1] = 1;
	tnp_cpu_tensors(i)[1].shape[2] = 8;
}

static void set_cpu_overlap(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[2].region = NPU_REGION_TENSORS + 1;
	tnp_cpu_tensors(i)[2].offset = 0;
}

static void set_cpu_offset(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[2].offset = TNP_TENSOR_BYTES + 1;
}

static void set_cpu_offset_wraps(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[2].offset = -1ull;
}

static void set_cpu_unaligned(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[3].dtype = NPU_DTYPE_INT16;
	tnp_cpu_tensors(i)[3].shape[1] = 1;
	tnp_cpu_tensors(i)[3].offset = 1;
}

static void set_cpu_region(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[0].region = NPU_REGION_TENSORS + 2;
}

static void set_cpu_dtype(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[0].dtype = 0;
}

static void set_cpu_rank(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[0].rank = 9;
}

static void set_cpu_quant(struct tnp_image *i)
{
	tnp_cpu_tensors(i)[0].quant = 11;
}

static void set_cpu_scale(struct tnp_image *i)
{
	tnp_cpu_words(i)[10] = 0;
}

static void set_cpu_missing(struct tnp_image *i)
{
	i->sections[TNP_CPU_OPS].name[0] = '\0';
}

static void set_segment_unit(struct tnp_image *i)
{
	tnp_segments(i)[1].unit = 3;
}

static void set_segment_gap(struct tnp_image *i)
{
	tnp_segments(i)[2].first = 0;
}

static void set_segment_long(struct tnp_image *i)
{
	tnp_segments(i)[1].count = 3;
}

static void set_segment_empty(struct tnp_image *i)
{
	tnp_segments(i)[1].count = 0;
}

static void set_segment_short(struct tnp_image *i)
{
	tnp_segments(i)[1].count = 1;
}

static void set_no_segments(struct tnp_image *i)
{
	i->sections[TNP_SEGMENTS].size = 0;
}

static void test_each_broken_rule_of_the_cpu_is_named(void **state)
{
	static const struct {
		void (*set)(struct tnp_image *image);
		const char *complaint;
	} cases[] = {
		{ set_cpu_kind, "CPU operator 0 (unknown): no such" },
		{ set_cpu_attrs, "CPU operator 0 (UNARY): wrong number" },
		{ set_cpu_inputs_many, "CPU operator 0: beyond the words" },
		{ set_cpu_first, "CPU operator 1: beyond the words" },
		{ set_cpu_layer, "CPU operator 0: no layer 1" },
		{ set_cpu_operand, "CPU operator 0: no tensor 4" },
		{ set_cpu_no_output, "CPU operator 0: no tensor" },
		{ set_cpu_no_input, "CPU operator 0 (UNARY): an input" },
		{ set_cpu_function, "CPU operator 0 (UNARY): no such" },
		{ set_cpu_writes_input, "CPU operator 0: writes region 2" },
		{ set_cpu_writes_constants, "CPU operator 0 (UNARY)" },
		{ set_cpu_overlap, "CPU operator 1: operands overlap" },
		{ set_cpu_offset, "CPU tensor 2: not within region 1" },
		{ set_cpu_offset_wraps, "CPU tensor 2: not within region 1" },
		{ set_cpu_unaligned, "CPU tensor 3: not within region 3" },
		{ set_cpu_region, "CPU tensor 0: not within region 4" },
		{ set_cpu_dtype, "CPU tensor 0: unknown type" },
		{ set_cpu_rank, "CPU tensor 0: rank" },
		{ set_cpu_quant, "CPU tensor 0: scales beyond" },
		{ set_cpu_scale, "CPU tensor 0: a scale" },
		{ set_cpu_missing, "segment 0" },
		{ set_segment_unit, "segment 1: unit 3" },
		{ set_segment_gap, "segment 2: 1 from 0" },
		{ set_segment_long, "segment 1: 3 from 0" },
		{ set_segment_empty, "segment 1: 0 from 0" },
		{ set_segment_short, "leave something out" },
		{ set_no_segments, "leave something out" },
	};
	size_t i;

	tinynpu_program_close(read_good(fresh_with_cpu()));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tnp_image *image = fresh_with_cpu();
		struct tinynpu_program *program;
		struct tinynpu_error error = { "" };

		cases[i].set(image);
		assert_int_equal(read_image(image, true, &program, &error),
				 -EINVAL);
		if (!strstr(error.text, cases[i].complaint))
			fail_msg("case %zu: '%s' lacks '%s'", i, error.text,
				 cases[i].complaint);
	}
}

static void test_each_missing_section_is_named(void **state)
{
	int i;

	for (i = 0; i < TNP_SECTIONS; i++) {
		struct tnp_image *image = fresh();
		struct tinynpu_program *program;
		struct tinynpu_error error;
		char name[24];

		strcpy(name, image->sections[i].name);
		if (!name[0]) /* one that may be missing */
			continue;
		image->sections[i].name[0] = '\0';
		assert_int_equal(read_image(image, true, &program, &error),
				 -EINVAL);
		assert_non_null(strstr(error.text, name));
		assert_non_null(strstr(error.text, "missing"));
	}
}

static void test_other_elf_files_are_refused(void **state)
{
	static const struct {
		size_t offset;
		uint8_t value;
	} cases[] = {
		{ EI_CLASS, ELFCLASS32 },
		{ EI_DATA, ELFDATA2MSB },
		{ offsetof(Elf64_Ehdr, e_type), ET_DYN },
		{ offsetof(Elf64_Ehdr, e_machine), EM_X86_64 },
		{ offsetof(Elf64_Ehdr, e_phnum), 1 },
		{ offsetof(Elf64_Ehdr, e_shoff) + 7, 0xff },
		{ offsetof(Elf64_Ehdr, e_shstrndx), 0xf0 },
		{ 0, 0 },
	};
	struct tinynpu_program *program;
	struct tinynpu_error error;
	size_t size, i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *file = tnp_image_build(fresh(), 1, &size);

		file[cases[i].offset] = cases[i].value;
		assert_int_equal(tinynpu_program_read(file, size, "x", &program,
						      &error), -EINVAL);
		assert_int_equal(strncmp(error.text, "x: ", 3), 0);
		free(file);
	}
}

static void test_every_prefix_is_refused(void **state)
{
	struct tinynpu_program *program;
	struct tinynpu_error error;
	size_t size, length;
	uint8_t *file = tnp_image_build(fresh(), 1, &size);

	for (length = 0; length < size; length++) {
		uint8_t *prefix = malloc(length ? length : 1);

		memcpy(prefix, file, length);
		assert_int_equal(tinynpu_program_read(prefix, length, "x",
						      &program, &error),
				 -EINVAL);
		assert_int_equal(strncmp(error.text, "x: ", 3), 0);
		free(prefix);
	}
	free(file);
}

/* What a reader of a program that was accepted may touch. */
static void look_around(struct tinynpu_program *program)
{
	struct tinynpu_program_info info;
	struct tinynpu_tensor_info tensor;
	struct tinynpu_layer_info layer;
	size_t sum = 0;
	unsigned int i;

	tinynpu_program_info(program, &info, sizeof(info));
	sum += strlen(info.source);
	for (i = 0; i < info.inputs + info.outputs; i++) {
		assert_int_equal(tinynpu_program_tensor(program, i, &tensor,
							sizeof(tensor)), 0);
		sum += strlen(tensor.name);
	}
	for (i = 0; i < info.layers; i++) {
		assert_int_equal(tinynpu_program_layer(program, i, &layer,
						       sizeof(layer)), 0);
		sum += strlen(layer.name);
	}
	for (i = 0; i < info.commands; i++)
		sum += tinynpu_program_layer_of(program, i) >= 0;
	assert_true(sum < TNP_SECTIONS * TNP_SECTION_ROOM);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static uint8_t odd_byte(uint32_t *seed, uint8_t old)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff };
	uint32_t random = next_random(seed);

	switch (random % 3) {
	case 0:
		return odd[random / 3 % sizeof(odd)];
	case 1:
		return old ^ 1u << random / 3 % 8;
	default:
		return random / 3;
	}
}

/* Changes to the file: mostly to what libelf reads, as the digest stops others. */
static void test_5000_changed_files_do_no_harm(void **state)
{
	uint32_t seed = 1;
	int round, changes;

	for (round = 0; round < 5000; round++) {
		struct tinynpu_program *program;
		struct tinynpu_error error = { "" };
		size_t size;
		uint8_t *file = tnp_image_build(fresh(), 1, &size);

		for (changes = 1 + round % 4; changes; changes--) {
			size_t at = next_random(&seed) % size;

			if (round % 2) /* the section headers are at the end */
				at = size - 1 - at % 700;
			file[at] = odd_byte(&seed, file[at]);
		}
		if (!tinynpu_program_read(file, size, "x", &program, &error)) {
			look_around(program);
			tinynpu_program_close(program);
		} else {
			assert_int_equal(strncmp(error.text, "x: ", 3), 0);
		}
		free(file);
	}
}

/* Changes to contents, with a digest that is right. */
static void test_5000_changed_contents_do_no_harm(void **state)
{
	uint32_t seed = 2;
	int round, changes, accepted = 0;

	for (round = 0; round < 5000; round++) {
		struct tnp_image *image = fresh_with_cpu();
		struct tinynpu_program *program;
		struct tinynpu_error error = { "" };

		tnp_image_add_variables(image);
		for (changes = 1 + round % 3; changes; changes--) {
			int section = next_random(&seed) % TNP_DIGEST;
			uint32_t at = next_random(&seed) %
				      image->sections[section].size;
			uint8_t *byte = &image->sections[section].data[at];

			if (next_random(&seed) % 8)
				*byte = odd_byte(&seed, *byte);
			else
				image->sections[section].size = at + 1;
		}
		if (!read_image(image, true, &program, &error)) {
			look_around(program);
			tinynpu_program_close(program);
			accepted++;
		} else {
			assert_int_equal(strncmp(error.text, "test.tnp: ", 10),
					 0);
		}
	}
	assert_in_range(accepted, 1, 4999);
}

/* --- Files ----------------------------------------------------------------- */

static void test_a_file_is_opened_by_path(void **state)
{
	char path[] = "/tmp/program_test_XXXXXX";
	struct tinynpu_program *program;
	struct tinynpu_error error;
	int fd = mkstemp(path);
	size_t size;
	uint8_t *file = tnp_image_build(fresh(), 1, &size);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file, size), size);
	assert_int_equal(tinynpu_program_open(path, &program, &error), 0);
	tinynpu_program_close(program);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(tinynpu_program_open(path, &program, &error), -EINVAL);
	assert_non_null(strstr(error.text, "empty"));
	close(fd);
	unlink(path);
	free(file);
}

static void test_what_is_no_file_is_refused(void **state)
{
	struct tinynpu_program *program;
	struct tinynpu_error error;

	assert_int_equal(tinynpu_program_open("/nonexistent/x", &program,
					      &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/x"));
	assert_int_equal(tinynpu_program_open("/", &program, &error), -EINVAL);
	assert_int_equal(tinynpu_program_open("/dev/null", &program, NULL),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_program_tells_what_it_is),
		cmocka_unit_test(test_tensors_are_found_by_index_and_name),
		cmocka_unit_test(test_layers_own_commands),
		cmocka_unit_test(test_an_old_caller_gets_what_it_knows),
		cmocka_unit_test(test_a_newer_minor_version_is_read),
		cmocka_unit_test(test_no_constants_and_no_layers_are_fine),
		cmocka_unit_test(test_a_newer_major_version_is_refused),
		cmocka_unit_test(test_a_changed_byte_breaks_the_digest),
		cmocka_unit_test(test_each_broken_rule_is_named),
		cmocka_unit_test(test_each_broken_rule_of_the_cpu_is_named),
		cmocka_unit_test(test_each_missing_section_is_named),
		cmocka_unit_test(test_other_elf_files_are_refused),
		cmocka_unit_test(test_every_prefix_is_refused),
		cmocka_unit_test(test_5000_changed_files_do_no_harm),
		cmocka_unit_test(test_5000_changed_contents_do_no_harm),
		cmocka_unit_test(test_a_file_is_opened_by_path),
		cmocka_unit_test(test_what_is_no_file_is_refused),
	};

	return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
