// SPDX-License-Identifier: MIT
/*
 * Coded streams: whatever they are, decoding reads nothing behind them, writes
 * as many bytes as it was told, and faults if it faults by a code of its own.
 * And the other way round: what the compiler's encoder makes of any bytes in any
 * layout decodes to them.
 *
 * An input is a byte of options, one for the palette, 32 for the sections, and
 * the stream, or the bytes to encode.
 */
#include "tests/fuzz/fuzz.h"

#include "compiler/code.h"
#include "compiler/ir.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define OPT_ENCODE 1 /* the input is what is to be encoded */
#define OPT_RAW 2 /* fields are as the input has them, not tamed */
#define HEAD (2 + NPU_CODE_SECTIONS * sizeof(struct npu_code_section))
#define BYTES_MAX (1u << 16) /* decoded ones */
#define ARENA_LIMIT ((size_t)256 << 20)

struct memory {
	const uint8_t *bytes;
	size_t size;
};

static int read_memory(void *opaque, uint64_t address, void *buffer,
		       uint32_t size, bool is_write, struct unit_fault *fault)
{
	const struct memory *memory = opaque;

	if (is_write || size > memory->size || address > memory->size - size)
		abort();
	memcpy(buffer, memory->bytes + address, size);
	return 0;
}

static void tame(struct npu_code_section *section)
{
	uint32_t i;

	for (i = 0; i < NPU_CODE_SECTIONS; i++) {
		struct npu_code_section *s = &section[i];

		s->bytes = i && (s->bytes & 1) ? 0 : s->bytes % 5000 + 1;
		if (!s->bytes) {
			memset(s, 0, (NPU_CODE_SECTIONS - i) * sizeof(*s));
			break;
		}
		s->rows %= 200;
		s->width = s->width % NPU_CODE_WIDTH_MAX + 1;
		s->unit = 1u << s->unit % 3;
	}
}

/* Runs the command; on the heap everything is as long as it has to be. */
static int run(const union npu_cmd *cmd, const uint8_t *stream, size_t size,
	       uint8_t *result)
{
	uint64_t bytes = npu_decode_bytes(&cmd->decode);
	struct memory memory = { stream, size };
	struct npu_region region = { 0, size };
	struct unit_access access = { 0 };
	struct unit_ctx ctx = {
		.sram = result,
		.sram_size = bytes,
		.regions = &region,
		.region_count = 1,
		.memory = read_memory,
		.opaque = &memory,
	};

	if (npu_dma_check(&ctx, cmd, &access))
		return -1;
	if (access.write_count != 1 || access.writes[0].high > bytes)
		abort();
	if (!npu_dma_execute(&ctx, cmd))
		return 0;
	if (ctx.fault.code != NPU_FAULT_DECODE || ctx.fault.addr > size)
		abort();
	return -1;
}

static void decode(union npu_cmd *cmd, const uint8_t *data, size_t size)
{
	uint8_t *stream = malloc(size), *result;
	uint64_t bytes = npu_decode_bytes(&cmd->decode);

	cmd->decode.coded = size;
	result = bytes <= BYTES_MAX ? malloc(bytes) : NULL;
	if (stream && result) {
		memcpy(stream, data, size);
		run(cmd, stream, size, result);
	}
	free(stream);
	free(result);
}

/* @data over and over, to as many bytes as the sections have. */
static uint8_t *repeated(const uint8_t *data, size_t size, size_t bytes)
{
	uint8_t *to = malloc(bytes);
	size_t i;

	for (i = 0; to && i < bytes; i++)
		to[i] = size ? data[i % size] : 0;
	return to;
}

static void encode(union npu_cmd *cmd, const uint8_t *data, size_t size)
{
	struct tnc_arena *arena = tnc_arena_create(ARENA_LIMIT, 0);
	size_t bytes = npu_decode_bytes(&cmd->decode);
	uint8_t *plain = repeated(data, size, bytes), *result = malloc(bytes);
	struct tnc_coded coded = { 0 };

	memcpy(coded.section, cmd->decode.section, sizeof(coded.section));
	if (!arena || !plain || !result ||
	    !tnc_encode(tnc_coder_create(arena), arena, plain, &coded))
		abort();
	if (coded.size) {
		cmd->decode.coded = coded.size;
		cmd->decode.palette = coded.palette;
		if (run(cmd, coded.bytes, coded.size, result) ||
		    memcmp(plain, result, bytes))
			abort();
	}
	tnc_arena_destroy(arena);
	free(plain);
	free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union npu_cmd cmd = { .hdr.op = NPU_OP_DMA_DECODE };

	if (size < HEAD)
		return -1;
	cmd.decode.palette = data[1];
	memcpy(cmd.decode.section, data + 2, sizeof(cmd.decode.section));
	if (!(data[0] & OPT_RAW) || (data[0] & OPT_ENCODE)) {
		tame(cmd.decode.section);
		cmd.decode.palette = data[1] % NPU_CODE_PALETTE_MAX + 1;
	}
	if (data[0] & OPT_ENCODE)
		encode(&cmd, data + HEAD, size - HEAD);
	else
		decode(&cmd, data + HEAD, size - HEAD);
	return 0;
}
