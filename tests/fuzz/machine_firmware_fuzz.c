// SPDX-License-Identifier: MIT
/*
 * Firmware of random instructions and a host that pokes registers: whatever
 * they do, each call of npu_core_run() ends, and the machine keeps to the
 * memory it was given (the sanitizers look) and to the host's functions.
 *
 * An input is 32 bytes of what the host does, then the image: raw, if the first
 * bit says so, otherwise code behind a prologue that leaves the addresses of
 * registers and windows in x8..x15, opens a window and a context, and goes on
 * behind whatever traps.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/board.h"
#include "tests/unit/rv32_asm.h"

#include <stdlib.h>
#include <string.h>

#define HOST_BYTES 32
#define PAYLOAD_AT (AT_IMAGE + sizeof(struct npu_image_header))

static uint32_t put_set(uint32_t *code, uint32_t n, uint32_t reg,
			uint32_t value)
{
	uint32_t low = value & 0xfff;

	code[n++] = asm_lui(reg, value + (low & 0x800 ? 0x1000 : 0));
	code[n++] = asm_addi(reg, reg, low);
	return n;
}

static uint32_t put_store(uint32_t *code, uint32_t n, uint32_t base,
			  uint32_t offset, uint32_t value)
{
	n = put_set(code, n, 5, value);
	code[n++] = asm_sw(5, base, offset);
	return n;
}

/* Behind an instruction of either length: the low bits of it tell. */
static uint32_t put_handler(uint32_t *code, uint32_t n)
{
	code[n++] = asm_csr(2, 5, 0x341, 0);
	code[n++] = asm_addi(5, 5, 2);
	code[n++] = asm_csr(1, 0, 0x341, 5);
	code[n++] = 0x30200073;
	return n;
}

static uint32_t put_prologue(uint32_t *code)
{
	static const uint32_t bases[] = {
		NPU_SYS_BASE, NPU_MMU_BASE, NPU_ATU_BASE, NPU_CORE_BASE(0),
		NPU_CORE_BASE(1), NPU_WINDOW(0), NPU_WINDOW(1),
		NPU_TCM_BASE + 0x2000,
	};
	uint32_t n = 0, i;

	code[n++] = asm_jal(0, 4 * 5);
	n = put_handler(code, n);
	n = put_set(code, n, 5, NPU_TCM_BASE + 4);
	code[n++] = asm_csr(1, 0, 0x305, 5);
	for (i = 0; i < sizeof(bases) / sizeof(*bases); i++)
		n = put_set(code, n, 8 + i, bases[i]);
	n = put_store(code, n, 9, NPU_MMU_ROOT_LO(1),
		      (uint32_t)(BOARD_BASE + AT_ROOT) | NPU_MMU_ROOT_VALID);
	n = put_store(code, n, 10, NPU_ATU_BASE_LO(0), BOARD_BASE);
	n = put_store(code, n, 10, NPU_ATU_LIMIT(0), NPU_WINDOW_SIZE);
	n = put_store(code, n, 10, NPU_ATU_CTRL(0), NPU_ATU_ENABLE);
	n = put_store(code, n, 10, NPU_ATU_LIMIT(1), NPU_WINDOW_SIZE);
	n = put_store(code, n, 10, NPU_ATU_CTRL(1),
		      NPU_ATU_ENABLE | NPU_ATU_TRANSLATE | NPU_ATU_CONTEXT(1));
	for (i = 0; i < 2; i++) {
		n = put_store(code, n, 11 + i, NPU_CORE_CONTEXT, 1);
		n = put_store(code, n, 11 + i, NPU_CORE_CMD_LO, AT_COMMANDS);
		n = put_store(code, n, 11 + i, NPU_CORE_CMD_COUNT, 8);
		n = put_store(code, n, 11 + i, NPU_CORE_REGION_LO, AT_REGIONS);
		n = put_store(code, n, 11 + i, NPU_CORE_REGION_COUNT, 1);
	}
	return 4 * n;
}

static uint32_t put_image(const uint8_t *data, size_t size, bool is_raw)
{
	uint8_t payload[4096 + 1024];
	uint32_t prologue = put_prologue((uint32_t *)payload);

	if (size > 4096)
		size = 4096;
	if (is_raw) {
		memcpy(board.memory + AT_IMAGE, data, size);
		return size;
	}
	memcpy(payload + prologue, data, size);
	board_make_image(payload, prologue + size);
	return sizeof(struct npu_image_header) + prologue + size;
}

static void put_commands(void)
{
	union npu_cmd *cmd = (union npu_cmd *)(board.memory + AT_COMMANDS);
	struct npu_region *region = (void *)(board.memory + AT_REGIONS);
	uint32_t i;

	*region = (struct npu_region){ AT_DATA, 0x1000 };
	for (i = 0; i < 8; i++)
		cmd[i] = (union npu_cmd){
			.fill = { .hdr.op = NPU_OP_DMA_FILL,
				  .dst = 64 * i, .value = i,
				  .n = { 1, 1, 1 }, .run = 64 } };
}

/* What else a host may do between two slices. */
static void disturb(uint8_t byte, uint32_t round)
{
	uint32_t reg = 4 * (byte >> 2) * (round % 4 + 1);

	switch (byte & 3) {
	case 0:
		board.now += 1u << (byte >> 3);
		break;
	case 1:
		npu_core_doorbell(board.core, byte >> 2);
		break;
	case 2:
		npu_core_mmio_read(board.core, reg, 4);
		break;
	case 3:
		npu_core_mmio_write(board.core, reg, byte * 0x01010101u, 4);
		break;
	}
}

static void set_up(void)
{
	const struct npu_machine machine = {
		.cores = 2, .macs = 32, .sram_size = 16 * 1024,
		.clock_khz = 200000, .sram_bw = 8, .sram_latency = 32,
		.mem_bw = 1, .mem_latency = 64,
	};

	board_make(&machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t tables[AT_COMMANDS - AT_ROOT];
	uint64_t until;
	uint32_t i;

	if (size < HOST_BYTES)
		return -1;
	if (!board.core) {
		set_up();
		memcpy(tables, board.memory + AT_ROOT, sizeof(tables));
	}
	memcpy(board.memory + AT_ROOT, tables, sizeof(tables));
	put_commands();
	npu_core_reset(board.core);
	board.now = 0;
	board_write(NPU_REG_IMAGE_LO, BOARD_BASE + AT_IMAGE);
	board_write(NPU_REG_IMAGE_SIZE,
		    put_image(data + HOST_BYTES, size - HOST_BYTES,
			      data[0] & 1));
	board_write(NPU_REG_CTRL, NPU_CTRL_BOOT);
	for (i = 0; i < 2 * HOST_BYTES; i++) {
		npu_core_run(board.core, 100, &until);
		disturb(data[i % HOST_BYTES], i);
	}
	return 0;
}
