/* SPDX-License-Identifier: MIT */
/*
 * The encoder of the streams that DMA_DECODE reads: bytes and how they are laid
 * out in, the shortest stream out that it finds. Private to the compiler and
 * its tests.
 */
#ifndef TNC_CODE_H
#define TNC_CODE_H

#include <stdbool.h>

#include <npu/code.h>

struct tnc_arena;

/** struct tnc_coded - a stream, and the fields of the command that decodes it */
struct tnc_coded {
	uint8_t *bytes;
	uint32_t size;
	uint8_t palette;
	struct npu_code_section section[NPU_CODE_SECTIONS];
};

/* What encoding costs by table and value; made once. */
struct tnc_coder;

/* Each returns NULL or false when the arena is exhausted. */
const struct tnc_coder *tnc_coder_create(struct tnc_arena *arena);

/**
 * tnc_encode() - code some bytes
 * @coder: from tnc_coder_create()
 * @arena: where scratch memory and the stream come from
 * @bytes: as many as the sections say
 * @coded: its sections are given, the rest is filled in. A size of 0 means that
 *	there are too few bytes for a stream
 */
bool tnc_encode(const struct tnc_coder *coder, struct tnc_arena *arena,
		const uint8_t *bytes, struct tnc_coded *coded);

#endif
