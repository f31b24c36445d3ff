// SPDX-License-Identifier: MIT
/*
 * The board of board.h. Linked into machine_test and the machine's fuzzers.
 */
#include "board.h"
#include "rv32_asm.h"

#include <assert.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

struct board board;
bool board_shows_memory;

/* --- The host's services ------------------------------------------------------ */

static uint8_t *reach(uint64_t address, size_t size)
{
	uint64_t offset = address - BOARD_BASE;

	board.dmas++;
	if (board.on_dma)
		board.on_dma(&board);
	if (offset >= BOARD_SIZE || size > BOARD_SIZE - offset ||
	    (board.refused && offset / 4096 == board.refused / 4096))
		return NULL;
	return board.memory + offset;
}

static int dma_read(void *opaque, uint64_t address, void *buffer, size_t size)
{
	uint8_t *from = reach(address, size);

	if (!from)
		return -1;
	memcpy(buffer, from, size);
	return 0;
}

static int dma_write(void *opaque, uint64_t address, const void *buffer,
		     size_t size)
{
	uint8_t *to = reach(address, size);

	if (!to)
		return -1;
	memcpy(to, buffer, size);
	return 0;
}

static void raise_irq(void *opaque, unsigned int vector)
{
	assert(vector < NPU_MAX_VECTORS);
	board.interrupts[vector]++;
}

static uint64_t now_ns(void *opaque)
{
	return board.now;
}

static void sha256(void *opaque, const void *data, size_t size,
		   uint8_t digest[NPU_IMAGE_DIGEST_SIZE])
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, size, data);
	sha256_digest(&sha, NPU_IMAGE_DIGEST_SIZE, digest);
}

static void wake(void *opaque)
{
	board.wakes++;
}

static void trace(void *opaque, const struct npu_trace *trace)
{
	if (trace->kind != NPU_TRACE_COMMAND)
		return;
	board.commands_traced++;
	board.last_start = trace->start;
	board.last_end = trace->end;
}

static void *show(void *opaque, uint64_t address, size_t size, bool is_write)
{
	return reach(address, size);
}

static struct npu_host_ops ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
	.raise_irq = raise_irq,
	.now_ns = now_ns,
	.sha256 = sha256,
	.wake = wake,
	.trace = trace,
};

/* --- Life -------------------------------------------------------------------- */

static void put_tables(uint32_t root, uint32_t leaf, uint32_t rights)
{
	uint64_t *tables = (uint64_t *)(board.memory + root);
	uint64_t *leaves = (uint64_t *)(board.memory + leaf);
	uint64_t page;

	tables[0] = (BOARD_BASE + root + 0x1000) >> 12 << 10 | 1;
	tables[512] = (BOARD_BASE + leaf) >> 12 << 10 | 1;
	for (page = 0; page < BOARD_SIZE / 4096; page++)
		leaves[page] = ((BOARD_BASE >> 12) + page) << 10 | rights;
	leaves[AT_READ_ONLY / 4096] &= ~4ull;
}

void board_make(const struct npu_machine *machine)
{
	size_t size = npu_core_size(machine);

	memset(&board, 0, sizeof(board));
	assert(size);
	board.memory = aligned_alloc(4096, BOARD_SIZE);
	size = (size + NPU_CORE_ALIGN - 1) & ~(size_t)(NPU_CORE_ALIGN - 1);
	board.memory_of_core = aligned_alloc(NPU_CORE_ALIGN, size);
	assert(board.memory && board.memory_of_core);
	memset(board.memory, 0, BOARD_SIZE);
	memset(board.memory_of_core, 0xa5, size);
	put_tables(AT_ROOT, AT_LEAF, 7);
	put_tables(AT_ROOT2, AT_LEAF2, 7);
	ops.reach = board_shows_memory ? show : NULL;
	board.core = npu_core_init(board.memory_of_core, machine, &ops, &board);
	assert(board.core);
}

void board_free(void)
{
	npu_core_fini(board.core);
	free(board.memory);
	free(board.memory_of_core);
	memset(&board, 0, sizeof(board));
}

uint32_t board_read(uint32_t reg)
{
	return npu_core_mmio_read(board.core, reg, 4);
}

void board_write(uint32_t reg, uint32_t value)
{
	npu_core_mmio_write(board.core, reg, value, 4);
}

uint64_t board_run(void)
{
	uint64_t until;
	uint32_t i;

	for (i = 0; i < 1000000; i++)
		if (npu_core_run(board.core, 1000, &until) == NPU_CORE_WAIT)
			return until;
	abort();
}

/* --- Boot --------------------------------------------------------------------- */

struct npu_image_header *board_make_image(const void *payload, uint32_t size)
{
	struct npu_image_header *header = (void *)(board.memory + AT_IMAGE);

	*header = (struct npu_image_header){
		.magic = NPU_IMAGE_MAGIC,
		.header_version = NPU_IMAGE_HEADER_VERSION,
		.hw_major = NPU_HW_VERSION_MAJOR,
		.image_size = sizeof(*header) + size,
		.load_addr = NPU_TCM_BASE,
		.entry = NPU_TCM_BASE,
		.memory_size = size + 0x1000,
	};
	memcpy(header + 1, payload, size);
	board_seal_image();
	return header;
}

void board_seal_image(void)
{
	struct npu_image_header *header = (void *)(board.memory + AT_IMAGE);
	uint8_t digest[NPU_IMAGE_DIGEST_SIZE];

	memset(header->digest, 0, sizeof(header->digest));
	sha256(NULL, header, header->image_size, digest);
	memcpy(header->digest, digest, sizeof(digest));
}

uint32_t board_boot_image(uint32_t size)
{
	board_write(NPU_REG_IMAGE_LO, (uint32_t)(BOARD_BASE + AT_IMAGE));
	board_write(NPU_REG_IMAGE_HI, (BOARD_BASE + AT_IMAGE) >> 32);
	board_write(NPU_REG_IMAGE_SIZE, size);
	board_write(NPU_REG_ARG_LO, (uint32_t)(BOARD_BASE + AT_MAILBOX));
	board_write(NPU_REG_ARG_HI, (BOARD_BASE + AT_MAILBOX) >> 32);
	board_write(NPU_REG_CTRL, NPU_CTRL_BOOT);
	board_run();
	return board_read(NPU_REG_BOOT_STATUS);
}

/*
 * x8: system registers, x9: the mailbox in window 0, x10: the entry at work.
 * The kinds of access are served by a chain of comparisons, each access being
 * the only instruction that may trap; the handler notes it and goes on behind.
 */
enum { RES = 5, SYS = 8, BOX = 9, ENTRY = 10, KIND = 11, ADDR = 12, VAL = 13,
       WANT = 14 };

struct program {
	uint32_t words[128];
	uint32_t count;
};

static void put(struct program *p, uint32_t word)
{
	p->words[p->count++] = word;
}

/* if (kind == want) { access; goto next; } with next at word @next. */
static void put_access(struct program *p, uint32_t want, uint32_t access,
		       uint32_t next)
{
	put(p, asm_addi(WANT, 0, want));
	put(p, asm_branch(1, KIND, WANT, 12));
	put(p, access);
	put(p, asm_jal(0, 4 * next - 4 * p->count));
}

static void agent_setup(struct program *p, uint32_t handler)
{
	put(p, asm_lui(SYS, NPU_SYS_BASE));
	put(p, asm_lui(RES, NPU_ATU_BASE));
	put(p, asm_lw(VAL, SYS, NPU_SYS_ARG_LO));
	put(p, asm_sw(VAL, RES, NPU_ATU_BASE_LO(0)));
	put(p, asm_lui(VAL, NPU_WINDOW_SIZE));
	put(p, asm_sw(VAL, RES, NPU_ATU_LIMIT(0)));
	put(p, asm_addi(VAL, 0, NPU_ATU_ENABLE));
	put(p, asm_sw(VAL, RES, NPU_ATU_CTRL(0)));
	put(p, asm_sw(VAL, SYS, NPU_SYS_IRQ_ENABLE));	/* DOORBELL */
	put(p, asm_auipc(RES, 0));
	put(p, asm_addi(RES, RES, 4 * (handler - 9)));
	put(p, asm_csr(1, 0, 0x305, RES));	/* mtvec */
	put(p, asm_lui(RES, 0x1000));
	put(p, asm_addi(RES, RES, (uint32_t)-0x800));
	put(p, asm_csr(1, 0, 0x304, RES));	/* mie: MEIE */
}

static void agent_handler(struct program *p)
{
	put(p, asm_csr(2, RES, 0x342, 0));	/* mcause */
	put(p, asm_addi(RES, RES, 1));
	put(p, asm_sw(RES, ENTRY, 12));
	put(p, asm_csr(2, RES, 0x341, 0));	/* mepc */
	put(p, asm_addi(RES, RES, 4));
	put(p, asm_csr(1, 0, 0x341, RES));
	put(p, ASM_MRET);
}

void board_boot_agent(void)
{
	enum { LOOP = 15, SERVE = 19, NEXT = 23 + 24, HANDLER = NEXT + 3 };
	struct program p = { .count = 0 };
	uint32_t size;

	agent_setup(&p, HANDLER);
	assert(p.count == LOOP);
	put(&p, ASM_WFI);
	put(&p, asm_addi(VAL, 0, 1));
	put(&p, asm_sw(VAL, SYS, NPU_SYS_DOORBELL_LO));
	put(&p, asm_lui(ENTRY, NPU_WINDOW_BASE));
	assert(p.count == SERVE);
	put(&p, asm_lw(KIND, ENTRY, 0));
	put(&p, asm_branch(0, KIND, 0, 4 * LOOP - 4 * p.count));
	put(&p, asm_lw(ADDR, ENTRY, 4));
	put(&p, asm_lw(VAL, ENTRY, 8));
	put_access(&p, 1, asm_load(4, VAL, ADDR, 0), NEXT);
	put_access(&p, 2, asm_load(5, VAL, ADDR, 0), NEXT);
	put_access(&p, 4, asm_load(2, VAL, ADDR, 0), NEXT);
	put_access(&p, 0x11, asm_store(0, VAL, ADDR, 0), NEXT);
	put_access(&p, 0x12, asm_store(1, VAL, ADDR, 0), NEXT);
	put_access(&p, 0x14, asm_store(2, VAL, ADDR, 0), NEXT);
	assert(p.count == NEXT);
	put(&p, asm_sw(VAL, ENTRY, 8));
	put(&p, asm_sw(0, ENTRY, 0));
	put(&p, asm_jal(0, 4 * LOOP - 4 * p.count));
	assert(p.count == HANDLER);
	agent_handler(&p);

	size = 4 * p.count;
	board_make_image(p.words, size);
	size += sizeof(struct npu_image_header);
	assert(board_boot_image(size) == NPU_BOOT_RUNNING);
}

/* --- What the agent does ----------------------------------------------------- */

static uint32_t ask(uint32_t kind, uint32_t address, uint32_t value,
		    uint32_t *trap)
{
	struct board_access *box = (void *)(board.memory + AT_MAILBOX);
	uint64_t until;

	*box = (struct board_access){ kind, address, value, 0 };
	npu_core_doorbell(board.core, 0);
	if (board.is_never_idle)
		npu_core_run(board.core, 200, &until);
	else
		board_run();
	assert(!box->kind);
	if (trap)
		*trap = box->trap ? box->trap - 1 : 0;
	else
		assert(!box->trap);
	return box->value;
}

uint32_t board_load(uint32_t address, uint32_t size, uint32_t *trap)
{
	return ask(size, address, 0xdeadbeef, trap);
}

void board_store(uint32_t address, uint32_t size, uint32_t value,
		 uint32_t *trap)
{
	ask(0x10 | size, address, value, trap);
}

uint32_t board_peek(uint32_t address)
{
	return board_load(address, 4, NULL);
}

void board_poke(uint32_t address, uint32_t value)
{
	board_store(address, 4, value, NULL);
}

uint64_t board_peek64(uint32_t address)
{
	return (uint64_t)board_peek(address + 4) << 32 | board_peek(address);
}
