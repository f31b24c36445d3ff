// SPDX-License-Identifier: MIT
/*
 * Prints commands: a line each, with the text that NPU_OPS gives the command
 * and every field of its layout, from one table. Used by `tinynpu inspect` and
 * by dumps.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <npu/isa.h>

#include "tnc.h"

enum form { UNSIGNED, SIGNED, HEX, SURFACE };

struct field {
	const char *name;
	uint8_t offset;
	uint8_t size;
	uint8_t form;
};

#define FIELD(layout, name, form)                                    \
	{ #name, offsetof(struct layout, name),                      \
	  sizeof(((struct layout *)0)->name), form }

static const struct field npu_cmd_nop_fields[] = {
	FIELD(npu_cmd_nop, cycles, UNSIGNED),
	{ 0 },
};

static const struct field npu_cmd_copy_fields[] = {
	FIELD(npu_cmd_copy, src_region, UNSIGNED),
	FIELD(npu_cmd_copy, src, HEX),
	FIELD(npu_cmd_copy, dst_region, UNSIGNED),
	FIELD(npu_cmd_copy, dst, HEX),
	FIELD(npu_cmd_copy, run, UNSIGNED),
	FIELD(npu_cmd_copy, n[0], UNSIGNED),
	FIELD(npu_cmd_copy, n[1], UNSIGNED),
	FIELD(npu_cmd_copy, n[2], UNSIGNED),
	FIELD(npu_cmd_copy, src_stride[0], UNSIGNED),
	FIELD(npu_cmd_copy, src_stride[1], UNSIGNED),
	FIELD(npu_cmd_copy, src_stride[2], UNSIGNED),
	FIELD(npu_cmd_copy, dst_stride[0], UNSIGNED),
	FIELD(npu_cmd_copy, dst_stride[1], UNSIGNED),
	FIELD(npu_cmd_copy, dst_stride[2], UNSIGNED),
	{ 0 },
};

static const struct field npu_cmd_fill_fields[] = {
	FIELD(npu_cmd_fill, dst_region, UNSIGNED),
	FIELD(npu_cmd_fill, dst, HEX),
	FIELD(npu_cmd_fill, value, UNSIGNED),
	FIELD(npu_cmd_fill, run, UNSIGNED),
	FIELD(npu_cmd_fill, n[0], UNSIGNED),
	FIELD(npu_cmd_fill, n[1], UNSIGNED),
	FIELD(npu_cmd_fill, n[2], UNSIGNED),
	FIELD(npu_cmd_fill, dst_stride[0], UNSIGNED),
	FIELD(npu_cmd_fill, dst_stride[1], UNSIGNED),
	FIELD(npu_cmd_fill, dst_stride[2], UNSIGNED),
	{ 0 },
};

static const struct field npu_cmd_gather_fields[] = {
	FIELD(npu_cmd_gather, src_region, UNSIGNED),
	FIELD(npu_cmd_gather, src, HEX),
	FIELD(npu_cmd_gather, dst_region, UNSIGNED),
	FIELD(npu_cmd_gather, dst, HEX),
	FIELD(npu_cmd_gather, index_region, UNSIGNED),
	FIELD(npu_cmd_gather, index, HEX),
	FIELD(npu_cmd_gather, index_size, UNSIGNED),
	FIELD(npu_cmd_gather, rows, UNSIGNED),
	FIELD(npu_cmd_gather, run, UNSIGNED),
	FIELD(npu_cmd_gather, n[0], UNSIGNED),
	FIELD(npu_cmd_gather, n[1], UNSIGNED),
	FIELD(npu_cmd_gather, n[2], UNSIGNED),
	FIELD(npu_cmd_gather, src_stride[0], UNSIGNED),
	FIELD(npu_cmd_gather, src_stride[1], UNSIGNED),
	FIELD(npu_cmd_gather, src_stride[2], UNSIGNED),
	FIELD(npu_cmd_gather, dst_stride[0], UNSIGNED),
	FIELD(npu_cmd_gather, dst_stride[1], UNSIGNED),
	FIELD(npu_cmd_gather, dst_stride[2], UNSIGNED),
	{ 0 },
};

#define SECTION(i)                                                \
	FIELD(npu_cmd_decode, section[i].bytes, UNSIGNED),        \
	FIELD(npu_cmd_decode, section[i].rows, UNSIGNED),         \
	FIELD(npu_cmd_decode, section[i].width, UNSIGNED),        \
	FIELD(npu_cmd_decode, section[i].unit, UNSIGNED)

static const struct field npu_cmd_decode_fields[] = {
	FIELD(npu_cmd_decode, src_region, UNSIGNED),
	FIELD(npu_cmd_decode, src, HEX),
	FIELD(npu_cmd_decode, dst, HEX),
	FIELD(npu_cmd_decode, coded, UNSIGNED),
	FIELD(npu_cmd_decode, palette, UNSIGNED),
	SECTION(0),
	SECTION(1),
	SECTION(2),
	SECTION(3),
	{ 0 },
};

static const struct field npu_cmd_conv_fields[] = {
	FIELD(npu_cmd_conv, ifm, SURFACE),
	FIELD(npu_cmd_conv, ofm, SURFACE),
	FIELD(npu_cmd_conv, second, SURFACE),
	FIELD(npu_cmd_conv, weights, HEX),
	FIELD(npu_cmd_conv, ifm_h, UNSIGNED),
	FIELD(npu_cmd_conv, ifm_w, UNSIGNED),
	FIELD(npu_cmd_conv, ifm_c, UNSIGNED),
	FIELD(npu_cmd_conv, ofm_h, UNSIGNED),
	FIELD(npu_cmd_conv, ofm_w, UNSIGNED),
	FIELD(npu_cmd_conv, ofm_c, UNSIGNED),
	FIELD(npu_cmd_conv, kernel_h, UNSIGNED),
	FIELD(npu_cmd_conv, kernel_w, UNSIGNED),
	FIELD(npu_cmd_conv, stride_y, UNSIGNED),
	FIELD(npu_cmd_conv, stride_x, UNSIGNED),
	FIELD(npu_cmd_conv, dilation_y, UNSIGNED),
	FIELD(npu_cmd_conv, dilation_x, UNSIGNED),
	FIELD(npu_cmd_conv, pad_top, UNSIGNED),
	FIELD(npu_cmd_conv, pad_left, UNSIGNED),
	FIELD(npu_cmd_conv, ifm_zp, SIGNED),
	FIELD(npu_cmd_conv, ofm_zp, SIGNED),
	FIELD(npu_cmd_conv, act_min, SIGNED),
	FIELD(npu_cmd_conv, act_max, SIGNED),
	FIELD(npu_cmd_conv, format, HEX),
	FIELD(npu_cmd_conv, multiplier, UNSIGNED),
	{ 0 },
};

static const struct field npu_cmd_pool_fields[] = {
	FIELD(npu_cmd_pool, ifm, SURFACE),
	FIELD(npu_cmd_pool, ofm, SURFACE),
	FIELD(npu_cmd_pool, ifm_h, UNSIGNED),
	FIELD(npu_cmd_pool, ifm_w, UNSIGNED),
	FIELD(npu_cmd_pool, channels, UNSIGNED),
	FIELD(npu_cmd_pool, ofm_h, UNSIGNED),
	FIELD(npu_cmd_pool, ofm_w, UNSIGNED),
	FIELD(npu_cmd_pool, kernel_h, UNSIGNED),
	FIELD(npu_cmd_pool, kernel_w, UNSIGNED),
	FIELD(npu_cmd_pool, stride_y, UNSIGNED),
	FIELD(npu_cmd_pool, stride_x, UNSIGNED),
	FIELD(npu_cmd_pool, pad_top, UNSIGNED),
	FIELD(npu_cmd_pool, pad_left, UNSIGNED),
	FIELD(npu_cmd_pool, act_min, SIGNED),
	FIELD(npu_cmd_pool, act_max, SIGNED),
	FIELD(npu_cmd_pool, flags, HEX),
	{ 0 },
};

static const struct field npu_cmd_binary_fields[] = {
	FIELD(npu_cmd_binary, a, SURFACE),
	FIELD(npu_cmd_binary, b, SURFACE),
	FIELD(npu_cmd_binary, ofm, SURFACE),
	FIELD(npu_cmd_binary, height, UNSIGNED),
	FIELD(npu_cmd_binary, width, UNSIGNED),
	FIELD(npu_cmd_binary, channels, UNSIGNED),
	FIELD(npu_cmd_binary, a_zp, SIGNED),
	FIELD(npu_cmd_binary, b_zp, SIGNED),
	FIELD(npu_cmd_binary, ofm_zp, SIGNED),
	FIELD(npu_cmd_binary, left_shift, UNSIGNED),
	FIELD(npu_cmd_binary, a_mult, UNSIGNED),
	FIELD(npu_cmd_binary, b_mult, UNSIGNED),
	FIELD(npu_cmd_binary, ofm_mult, UNSIGNED),
	FIELD(npu_cmd_binary, a_shift, SIGNED),
	FIELD(npu_cmd_binary, b_shift, SIGNED),
	FIELD(npu_cmd_binary, ofm_shift, SIGNED),
	FIELD(npu_cmd_binary, act_min, SIGNED),
	FIELD(npu_cmd_binary, act_max, SIGNED),
	{ 0 },
};

static const struct field npu_cmd_softmax_fields[] = {
	FIELD(npu_cmd_softmax, ifm, HEX),
	FIELD(npu_cmd_softmax, ofm, HEX),
	FIELD(npu_cmd_softmax, ifm_pitch, UNSIGNED),
	FIELD(npu_cmd_softmax, ofm_pitch, UNSIGNED),
	FIELD(npu_cmd_softmax, rows, UNSIGNED),
	FIELD(npu_cmd_softmax, depth, UNSIGNED),
	FIELD(npu_cmd_softmax, mult, UNSIGNED),
	FIELD(npu_cmd_softmax, diff_min, SIGNED),
	FIELD(npu_cmd_softmax, shift, UNSIGNED),
	{ 0 },
};

static const struct field npu_cmd_vprog_fields[] = {
	FIELD(npu_cmd_vprog, a, SURFACE),
	FIELD(npu_cmd_vprog, b, SURFACE),
	FIELD(npu_cmd_vprog, c, SURFACE),
	FIELD(npu_cmd_vprog, ofm, SURFACE),
	FIELD(npu_cmd_vprog, program, HEX),
	FIELD(npu_cmd_vprog, program_size, UNSIGNED),
	FIELD(npu_cmd_vprog, height, UNSIGNED),
	FIELD(npu_cmd_vprog, width, UNSIGNED),
	FIELD(npu_cmd_vprog, channels, UNSIGNED),
	FIELD(npu_cmd_vprog, steps, UNSIGNED),
	FIELD(npu_cmd_vprog, count, UNSIGNED),
	FIELD(npu_cmd_vprog, flags, HEX),
	FIELD(npu_cmd_vprog, a_type, UNSIGNED),
	FIELD(npu_cmd_vprog, b_type, UNSIGNED),
	FIELD(npu_cmd_vprog, c_type, UNSIGNED),
	FIELD(npu_cmd_vprog, ofm_type, UNSIGNED),
	{ 0 },
};

static const struct field npu_cmd_resize_fields[] = {
	FIELD(npu_cmd_resize, ifm, SURFACE),
	FIELD(npu_cmd_resize, ofm, SURFACE),
	FIELD(npu_cmd_resize, ifm_h, UNSIGNED),
	FIELD(npu_cmd_resize, ifm_w, UNSIGNED),
	FIELD(npu_cmd_resize, channels, UNSIGNED),
	FIELD(npu_cmd_resize, ofm_h, UNSIGNED),
	FIELD(npu_cmd_resize, ofm_w, UNSIGNED),
	FIELD(npu_cmd_resize, full_h, UNSIGNED),
	FIELD(npu_cmd_resize, full_w, UNSIGNED),
	FIELD(npu_cmd_resize, ifm_y, UNSIGNED),
	FIELD(npu_cmd_resize, ifm_x, UNSIGNED),
	FIELD(npu_cmd_resize, ofm_y, UNSIGNED),
	FIELD(npu_cmd_resize, ofm_x, UNSIGNED),
	FIELD(npu_cmd_resize, flags, HEX),
	FIELD(npu_cmd_resize, type, UNSIGNED),
	FIELD(npu_cmd_resize, scale_y, HEX),
	FIELD(npu_cmd_resize, scale_x, HEX),
	{ 0 },
};

static const struct op {
	uint8_t code;
	const char *text;
	const struct field *fields;
} ops[] = {
#define X(name, code, unit, layout, text) { code, text, layout##_fields },
	NPU_OPS(X)
#undef X
};

static uint64_t unsigned_at(const uint8_t *bytes, int size)
{
	uint64_t value = 0;

	for (int i = size - 1; i >= 0; i--)
		value = value << 8 | bytes[i];
	return value;
}

static int64_t signed_at(const uint8_t *bytes, int size)
{
	int unused = 64 - 8 * size;

	return (int64_t)(unsigned_at(bytes, size) << unused) >> unused;
}

static void print_field(const struct field *f, const uint8_t *cmd, FILE *to)
{
	const uint8_t *at = cmd + f->offset;

	fprintf(to, " %s=", f->name);
	switch ((enum form)f->form) {
	case UNSIGNED:
		fprintf(to, "%" PRIu64, unsigned_at(at, f->size));
		break;
	case SIGNED:
		fprintf(to, "%" PRId64, signed_at(at, f->size));
		break;
	case HEX:
		fprintf(to, "%#" PRIx64, unsigned_at(at, f->size));
		break;
	case SURFACE:
		fprintf(to, "%#" PRIx64 "/%" PRIu64 "/%" PRIu64,
			unsigned_at(at, 4), unsigned_at(at + 4, 2),
			unsigned_at(at + 6, 2));
		break;
	}
}

static void print_header(const struct npu_cmd_hdr *hdr, FILE *to)
{
	static const char *const units[] = { "dma", "mac", "vec" };

	for (int u = 0; u < NPU_UNIT_COUNT; u++)
		if (hdr->flags & NPU_CMD_WAIT(u))
			fprintf(to, " wait_%s=%u", units[u], hdr->wait[u]);
	if (hdr->flags & NPU_CMD_SRAM_DEAD)
		fputs(" dead", to);
}

static void print_command(const uint8_t *bytes, FILE *to)
{
	struct npu_cmd_hdr hdr;

	memcpy(&hdr, bytes, sizeof(hdr));
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (ops[i].code != hdr.op)
			continue;
		fputs(ops[i].text, to);
		print_header(&hdr, to);
		for (const struct field *f = ops[i].fields; f->name; f++)
			print_field(f, bytes, to);
		putc('\n', to);
		return;
	}
	fprintf(to, "unknown command %#x\n", hdr.op);
}

void tnc_disassemble(const void *commands, size_t count, size_t first,
		     FILE *to)
{
	const uint8_t *bytes = commands;

	for (size_t i = 0; i < count; i++) {
		fprintf(to, "%6zu  ", first + i);
		print_command(bytes + i * NPU_CMD_SIZE, to);
	}
}
