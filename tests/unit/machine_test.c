// SPDX-License-Identifier: MIT
/*
 * The machine from outside: boot and its refusals, the host's registers, the
 * controller's registers and windows (through the agent of board.h), jobs with
 * each fault at its exact place, order and hazards, and the timeline to the
 * cycle, computed here by hand from the manual's rules.
 */
#include "board.h"
#include "rv32_asm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct npu_machine two_cores = {
	.cores = 2, .macs = 128, .sram_size = 64 * 1024, .clock_khz = 200000,
	.sram_bw = 8, .sram_latency = 32, .mem_bw = 1, .mem_latency = 64,
};

static int setup(void **state)
{
	board_make(&two_cores);
	return 0;
}

static int setup_shown(void **state)
{
	board_shows_memory = true;
	setup(state);
	board_shows_memory = false;
	return 0;
}

static int teardown(void **state)
{
	board_free();
	return 0;
}

static int setup_agent(void **state)
{
	setup(state);
	board_boot_agent();
	return 0;
}

static int setup_agent_shown(void **state)
{
	setup_shown(state);
	board_boot_agent();
	return 0;
}

/* --- Boot ------------------------------------------------------------------------ */

static const uint32_t spin[] = { 0x0000006f, 0x0000006f };
#define SPIN_IMAGE (sizeof(struct npu_image_header) + sizeof(spin))

static void test_sizes(void **state)
{
	struct npu_machine bad = two_cores;
	uint64_t memory[8];

	assert_in_range(npu_core_size(&two_cores), 2 * 64 * 1024, 20 << 20);
	bad.cores = 5;
	assert_int_equal(npu_core_size(&bad), 0);
	assert_null(npu_core_init(memory, &bad, NULL, NULL));
	bad = two_cores;
	bad.sram_size = 1 << 30;
	assert_int_equal(npu_core_size(&bad), 0);
}

static uint32_t refusal(uint32_t status)
{
	assert_int_equal(status & 0xff, NPU_BOOT_REFUSED);
	return status >> 8;
}

static void test_boot_refuses_bad_headers(void **state)
{
	struct npu_image_header good, *header;
	uint32_t i;
#define BAD(member, bad_value, why) \
	{ offsetof(struct npu_image_header, member), \
	  sizeof(good.member), bad_value, why }
	const struct {
		uint32_t offset, size, value;
		enum npu_boot_refusal why;
	} rows[] = {
		BAD(magic, 0, NPU_REFUSED_MAGIC),
		BAD(header_version, 0, NPU_REFUSED_VERSION),
		BAD(header_version, 2, NPU_REFUSED_VERSION),
		BAD(hw_major, 2, NPU_REFUSED_VERSION),
		BAD(image_size, SPIN_IMAGE - 4, NPU_REFUSED_SIZE),
		BAD(image_size, SPIN_IMAGE + 4, NPU_REFUSED_SIZE),
		BAD(image_size, 0, NPU_REFUSED_SIZE),
		BAD(reserved, 1, NPU_REFUSED_VERSION),
		BAD(load_addr, NPU_TCM_BASE + 2, NPU_REFUSED_PLACE),
		BAD(load_addr, NPU_TCM_BASE - 4, NPU_REFUSED_PLACE),
		BAD(load_addr, NPU_TCM_BASE + NPU_TCM_SIZE - 0x1000,
		    NPU_REFUSED_PLACE),
		BAD(load_addr, NPU_TCM_BASE + NPU_TCM_SIZE + 4,
		    NPU_REFUSED_PLACE),
		BAD(load_addr, 0xfffffffc, NPU_REFUSED_PLACE),
		BAD(memory_size, 4, NPU_REFUSED_PLACE),
		BAD(memory_size, NPU_TCM_SIZE + 4, NPU_REFUSED_PLACE),
		BAD(memory_size, 0xffffffff, NPU_REFUSED_PLACE),
		BAD(entry, NPU_TCM_BASE + 1, NPU_REFUSED_PLACE),
		BAD(entry, NPU_TCM_BASE - 2, NPU_REFUSED_PLACE),
		BAD(entry, NPU_TCM_BASE + sizeof(spin), NPU_REFUSED_PLACE),
		BAD(entry, 0, NPU_REFUSED_PLACE),
	};

	header = board_make_image(spin, sizeof(spin));
	good = *header;
	for (i = 0; i < COUNT(rows); i++) {
		board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
		*header = good;
		memcpy((uint8_t *)header + rows[i].offset, &rows[i].value,
		       rows[i].size);
		if (header->image_size == SPIN_IMAGE)
			board_seal_image();
		assert_int_equal(refusal(board_boot_image(SPIN_IMAGE)),
				 rows[i].why);
	}
}

static void test_boot_refuses_sizes_and_dma(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 95, NPU_IMAGE_MAX_SIZE + 1,
					  0xffffffff };
	uint32_t i;

	board_make_image(spin, sizeof(spin));
	for (i = 0; i < COUNT(sizes); i++) {
		board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
		assert_int_equal(refusal(board_boot_image(sizes[i])),
				 NPU_REFUSED_SIZE);
	}
	assert_int_equal(board.dmas, 0);

	/* A header without payload has no place for its entry. */
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	board_make_image(spin, 0);
	assert_int_equal(refusal(board_boot_image(96)), NPU_REFUSED_PLACE);

	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	board_write(NPU_REG_IMAGE_SIZE, 96);
	board_write(NPU_REG_CTRL, NPU_CTRL_BOOT);
	board_run();
	assert_int_equal(refusal(board_read(NPU_REG_BOOT_STATUS)),
			 NPU_REFUSED_DMA);
}

static void test_boot_refuses_any_flipped_bit(void **state)
{
	uint8_t *image = board.memory + AT_IMAGE;
	uint32_t bit;

	board_make_image(spin, sizeof(spin));
	for (bit = 0; bit < 8 * SPIN_IMAGE; bit++) {
		board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
		image[bit / 8] ^= 1 << bit % 8;
		refusal(board_boot_image(SPIN_IMAGE));
		image[bit / 8] ^= 1 << bit % 8;
	}
	/* The digest has a code of its own. */
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	image[SPIN_IMAGE - 1] ^= 1;
	assert_int_equal(refusal(board_boot_image(SPIN_IMAGE)),
			 NPU_REFUSED_DIGEST);
	image[SPIN_IMAGE - 1] ^= 1;
	/* A refused machine waits for a reset. */
	assert_int_equal(refusal(board_boot_image(SPIN_IMAGE)),
			 NPU_REFUSED_DIGEST);
}

/*
 * Writes what boot left: x1..x31 or-ed, mstatus, mie, the end of the TCM's
 * memory, and ARG, to scratch registers.
 */
static void test_boot_leaves_a_clean_state(void **state)
{
	uint32_t code[80], n = 0, i;
	struct npu_image_header *header;

	for (i = 2; i < 32; i++)
		code[n++] = asm_r(0, 6, 1, 1, i);
	code[n++] = asm_lui(2, NPU_SYS_BASE);
	code[n++] = asm_sw(1, 2, NPU_SYS_SCRATCH(0));
	code[n++] = asm_csr(2, 1, 0x300, 0);
	code[n++] = asm_sw(1, 2, NPU_SYS_SCRATCH(1));
	code[n++] = asm_csr(2, 1, 0x304, 0);
	code[n++] = asm_sw(1, 2, NPU_SYS_SCRATCH(2));
	code[n++] = asm_lui(3, NPU_TCM_BASE + 0x4000);
	code[n++] = asm_lw(1, 3, 4 * 70);
	code[n++] = asm_sw(1, 2, NPU_SYS_SCRATCH(3));
	code[n++] = asm_lw(1, 2, NPU_SYS_ARG_LO);
	code[n++] = asm_sw(1, 2, NPU_SYS_SCRATCH(4));
	code[n++] = ASM_WFI;
	header = board_make_image(code, 4 * n);
	header->load_addr = NPU_TCM_BASE + 0x4000;
	header->entry = NPU_TCM_BASE + 0x4000;
	board_seal_image();
	assert_int_equal(board_boot_image(sizeof(*header) + 4 * n),
			 NPU_BOOT_RUNNING);
	assert_int_equal(board_read(NPU_REG_SCRATCH(0)), 0);
	assert_int_equal(board_read(NPU_REG_SCRATCH(1)), 0x1800);
	assert_int_equal(board_read(NPU_REG_SCRATCH(2)), 0);
	assert_int_equal(board_read(NPU_REG_SCRATCH(3)), 0);
	assert_int_equal(board_read(NPU_REG_SCRATCH(4)),
			 BOARD_BASE + AT_MAILBOX);
}

static void test_image_of_the_largest_size(void **state)
{
	static uint8_t payload[NPU_IMAGE_MAX_SIZE - 96];
	struct npu_image_header *header;

	memcpy(payload, (uint32_t[]){ ASM_WFI }, 4);
	header = board_make_image(payload, sizeof(payload));
	header->memory_size = NPU_TCM_SIZE;
	board_seal_image();
	assert_int_equal(board_boot_image(NPU_IMAGE_MAX_SIZE),
			 NPU_BOOT_RUNNING);
}

/* --- The host's registers ------------------------------------------------------- */

static void test_identification(void **state)
{
	static const struct {
		uint32_t reg, value;
	} rows[] = {
		{ NPU_REG_ID, 0x55504e54 }, { NPU_REG_VERSION, 0x10004 },
		{ NPU_REG_CORES, 2 }, { NPU_REG_MACS, 128 },
		{ NPU_REG_SRAM_SIZE, 65536 }, { NPU_REG_CLOCK_KHZ, 200000 },
		{ NPU_REG_SRAM_BW, 8 }, { NPU_REG_SRAM_LATENCY, 32 },
		{ NPU_REG_MEM_BW, 1 }, { NPU_REG_MEM_LATENCY, 64 },
		{ NPU_REG_TCM_SIZE, 262144 }, { NPU_REG_DOORBELLS, 64 },
		{ NPU_REG_CONTEXTS, 64 }, { NPU_REG_VECTORS, 8 },
		{ NPU_REG_MODE, 0 },
	};
	uint32_t i;

	for (i = 0; i < COUNT(rows); i++) {
		board_write(rows[i].reg, ~0u);
		assert_int_equal(board_read(rows[i].reg), rows[i].value);
		assert_int_equal(board_peek(NPU_SYS_BASE + NPU_SYS_CONFIG +
					    rows[i].reg), rows[i].value);
	}
}

static void test_accesses_that_are_none(void **state)
{
	uint32_t offset, size;

	for (size = 0; size < 16; size++) {
		if (size == 4)
			continue;
		assert_int_equal(npu_core_mmio_read(board.core, NPU_REG_ID,
						    size), 0);
		npu_core_mmio_write(board.core, NPU_REG_ARG_LO, 5, size);
	}
	for (offset = 1; offset < 4; offset++) {
		assert_int_equal(board_read(NPU_REG_ID + offset), 0);
		board_write(NPU_REG_ARG_LO + offset, 5);
	}
	assert_int_equal(board_read(NPU_REG_ARG_LO),
			 BOARD_BASE + AT_MAILBOX);
	for (offset = 0x210; offset < NPU_BAR_REGS_SIZE; offset += 4) {
		board_write(offset, ~0u);
		assert_int_equal(board_read(offset), 0);
	}
	assert_int_equal(npu_core_mmio_read(board.core, 1ull << 40, 4), 0);
	npu_core_doorbell(board.core, NPU_MAX_DOORBELLS);
	npu_core_doorbell(board.core, ~0u);
	assert_int_equal(board_read(NPU_REG_BOOT_STATUS), NPU_BOOT_RUNNING);
}

static void test_counts(void **state)
{
	uint32_t reads, i;

	for (i = 0; i < 4; i++)
		board_write(NPU_REG_COUNT_READS + 4 * i, 77);
	board.interrupts[3] = 0;
	reads = board_read(NPU_REG_COUNT_READS);
	assert_int_equal(board_read(NPU_REG_COUNT_READS), reads + 1);
	assert_int_equal(board_read(NPU_REG_COUNT_WRITES), 2);
	board_write(NPU_REG_SCRATCH(0), 1);
	assert_int_equal(board_read(NPU_REG_COUNT_WRITES), 3);
	assert_int_equal(board_read(NPU_REG_SCRATCH(0)), 0);
	board_poke(NPU_SYS_BASE + NPU_SYS_HOST_IRQ, 3);
	board_poke(NPU_SYS_BASE + NPU_SYS_HOST_IRQ, 7);
	board_poke(NPU_SYS_BASE + NPU_SYS_HOST_IRQ, 8);
	board_poke(NPU_SYS_BASE + NPU_SYS_HOST_IRQ, 0xffffffff);
	assert_int_equal(board.interrupts[3], 1);
	assert_int_equal(board.interrupts[7], 1);
	assert_int_equal(board_read(NPU_REG_COUNT_INTERRUPTS), 2);
	assert_int_equal(board_read(NPU_REG_COUNT_DOORBELLS), 4);
	/* They survive a reset; nothing else does. */
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	assert_int_equal(board_read(NPU_REG_COUNT_DOORBELLS), 4);
}

static void test_reset_is_visible_at_once(void **state)
{
	board_poke(NPU_SYS_BASE + NPU_SYS_SCRATCH(2), 0x1234);
	assert_int_equal(board_read(NPU_REG_SCRATCH(2)), 0x1234);
	npu_core_doorbell(board.core, 5);
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	assert_int_equal(board_read(NPU_REG_BOOT_STATUS), NPU_BOOT_RESET);
	assert_int_equal(board_read(NPU_REG_SCRATCH(2)), 0);
	assert_int_equal(board_read(NPU_REG_ARG_LO), 0);
	board_write(NPU_REG_CTRL, NPU_CTRL_BOOT);
	assert_int_equal(board_read(NPU_REG_BOOT_STATUS), NPU_BOOT_LOADING);
	/* A reset takes back the boot. */
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	assert_int_equal(board_read(NPU_REG_BOOT_STATUS), NPU_BOOT_RESET);
	board.dmas = 0;
	assert_int_equal(board_run(), NPU_CORE_FOREVER);
	assert_int_equal(board.dmas, 0);
	assert_int_equal(board_read(NPU_REG_BOOT_STATUS), NPU_BOOT_RESET);

	board_boot_agent();
	assert_int_equal(board_peek(NPU_SYS_BASE + NPU_SYS_DOORBELL_LO), 0);
	assert_int_equal(board_peek(NPU_SYS_BASE + NPU_SYS_SCRATCH(2)), 0);
}

static void test_boot_latches_and_ignores_a_second(void **state)
{
	uint32_t size = board_make_image(spin, sizeof(spin))->image_size;
	uint32_t i;
	uint64_t until;

	board_write(NPU_REG_IMAGE_LO, BOARD_BASE);
	board_write(NPU_REG_IMAGE_SIZE, size);
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET | NPU_CTRL_BOOT);
	board_write(NPU_REG_IMAGE_SIZE, 1);
	board_write(NPU_REG_CTRL, NPU_CTRL_BOOT);
	assert_int_equal(npu_core_run(board.core, 10, &until), NPU_CORE_BUSY);
	assert_int_equal(board_read(NPU_REG_BOOT_STATUS), NPU_BOOT_RUNNING);
	board_write(NPU_REG_CTRL, NPU_CTRL_BOOT);
	for (i = 0; i < 3; i++)
		npu_core_run(board.core, 10, &until);
	assert_int_equal(board_read(NPU_REG_BOOT_STATUS), NPU_BOOT_RUNNING);
}

static uint32_t status_in_dma, dmas_after_reset;

static void reset_in_dma(struct board *b)
{
	if (status_in_dma != ~0u) {
		dmas_after_reset++;
		return;
	}
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	status_in_dma = board_read(NPU_REG_BOOT_STATUS);
}

static void test_reset_waits_for_dma_on_its_way(void **state)
{
	uint32_t size = board_make_image(spin, sizeof(spin))->image_size;

	status_in_dma = ~0u;
	dmas_after_reset = 0;
	board.on_dma = reset_in_dma;
	assert_int_equal(board_boot_image(size), NPU_BOOT_RESET);
	assert_int_equal(status_in_dma, NPU_BOOT_LOADING);
	assert_int_equal(dmas_after_reset, 0);
}

/* The runner of a board with two threads, until it is told to end. */
static _Atomic bool must_end;

static void *runner(void *opaque)
{
	uint64_t until;

	while (!must_end)
		npu_core_run(board.core, 100, &until);
	return NULL;
}

/* Firmware that never stops reading memory through a window. */
static uint32_t make_reader(void)
{
	const uint32_t code[] = {
		asm_lui(1, NPU_ATU_BASE),
		asm_lui(2, (uint32_t)BOARD_BASE),
		asm_sw(2, 1, NPU_ATU_BASE_LO(0)),
		asm_lui(2, NPU_WINDOW_SIZE),
		asm_sw(2, 1, NPU_ATU_LIMIT(0)),
		asm_addi(2, 0, NPU_ATU_ENABLE),
		asm_sw(2, 1, NPU_ATU_CTRL(0)),
		asm_lui(3, NPU_WINDOW(0)),
		asm_lw(4, 3, 0),
		asm_jal(0, (uint32_t)-4),
	};

	return board_make_image(code, sizeof(code))->image_size;
}

static void test_host_thread_resets_a_busy_machine(void **state)
{
	uint32_t round, i, dmas, size = make_reader();
	pthread_t thread;

	must_end = false;
	assert_int_equal(pthread_create(&thread, NULL, runner, NULL), 0);
	for (round = 0; round < 200; round++) {
		board_write(NPU_REG_IMAGE_LO, BOARD_BASE + AT_IMAGE);
		board_write(NPU_REG_IMAGE_SIZE, size);
		board_write(NPU_REG_CTRL, NPU_CTRL_BOOT);
		while (board_read(NPU_REG_BOOT_STATUS) == NPU_BOOT_LOADING)
			npu_core_doorbell(board.core, round % 64);
		assert_int_equal(board_read(NPU_REG_BOOT_STATUS),
				 NPU_BOOT_RUNNING);
		dmas = board.dmas;
		while (board.dmas - dmas < round)
			;
		board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
		while (board_read(NPU_REG_BOOT_STATUS) != NPU_BOOT_RESET)
			;
		/* From here on there is no DMA. */
		dmas = board.dmas;
		for (i = 0; i < 200; i++)
			assert_int_equal(board_read(NPU_REG_SCRATCH(0)), 0);
		assert_int_equal(board.dmas, dmas);
	}
	must_end = true;
	pthread_join(thread, NULL);
}

static void test_function_level_reset(void **state)
{
	board_poke(NPU_SYS_BASE + NPU_SYS_SCRATCH(0), 1);
	npu_core_doorbell(board.core, 9);
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET | NPU_CTRL_BOOT);
	npu_core_reset(board.core);
	assert_int_equal(board_read(NPU_REG_BOOT_STATUS), NPU_BOOT_RESET);
	assert_int_equal(board_read(NPU_REG_SCRATCH(0)), 0);
	assert_int_equal(board_run(), NPU_CORE_FOREVER);
	board_boot_agent();
	assert_int_equal(board_peek(NPU_SYS_BASE + NPU_SYS_DOORBELL_LO), 0);
}

static void test_wakes(void **state)
{
	board.wakes = 0;
	npu_core_doorbell(board.core, 3);
	assert_int_equal(board.wakes, 1);
	npu_core_doorbell(board.core, 3);
	assert_int_equal(board.wakes, 1);
	board_write(NPU_REG_ARG_LO, 3);
	assert_int_equal(board.wakes, 1);
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	assert_int_equal(board.wakes, 2);
}

/* --- The controller's registers ------------------------------------------------- */

#define SYS(reg) (NPU_SYS_BASE + (reg))
#define MMU(reg) (NPU_MMU_BASE + (reg))
#define ATU(reg) (NPU_ATU_BASE + (reg))
#define CORE(reg) (NPU_CORE_BASE(0) + (reg))

static void test_registers_keep_what_they_should(void **state)
{
	static const struct {
		uint32_t address, mask;
	} rows[] = {
		{ SYS(NPU_SYS_TIMECMP_LO), ~0u },
		{ SYS(NPU_SYS_TIMECMP_HI), ~0u },
		{ SYS(NPU_SYS_SCRATCH(0)), ~0u },
		{ SYS(NPU_SYS_SCRATCH(15)), ~0u },
		{ MMU(NPU_MMU_ROOT_LO(0)), ~0u },
		{ MMU(NPU_MMU_ROOT_HI(63)), ~0u },
		{ MMU(NPU_MMU_INV_ADDR_LO), ~0u },
		{ MMU(NPU_MMU_INV_ADDR_HI), ~0u },
		{ MMU(NPU_MMU_INV_SIZE_LO), ~0u },
		{ MMU(NPU_MMU_INV_SIZE_HI), ~0u },
		{ ATU(NPU_ATU_BASE_LO(15)), ~0u },
		{ ATU(NPU_ATU_BASE_HI(15)), ~0u },
		{ ATU(NPU_ATU_CTRL(15)), ~0u },
		{ ATU(NPU_ATU_FAULT(15)), 0 },
		{ CORE(NPU_CORE_CONTEXT), ~0u },
		{ CORE(NPU_CORE_CMD_LO), ~0u },
		{ CORE(NPU_CORE_CMD_HI), ~0u },
		{ CORE(NPU_CORE_CMD_COUNT), ~0u },
		{ CORE(NPU_CORE_REGION_LO), ~0u },
		{ CORE(NPU_CORE_REGION_HI), ~0u },
		{ CORE(NPU_CORE_REGION_COUNT), ~0u },
		{ CORE(NPU_CORE_SLICE), ~0u },
		{ CORE(NPU_CORE_SLOT), ~0u },
		{ NPU_CORE_BASE(1) + NPU_CORE_CONTEXT, ~0u },
	};
	uint32_t i;

	for (i = 0; i < COUNT(rows); i++) {
		board_poke(rows[i].address, 0x5a5a5a5a);
		assert_int_equal(board_peek(rows[i].address),
				 0x5a5a5a5a & rows[i].mask);
		board_poke(rows[i].address, 0xa5a5a5a5);
		assert_int_equal(board_peek(rows[i].address),
				 0xa5a5a5a5 & rows[i].mask);
	}
	board_poke(ATU(NPU_ATU_LIMIT(3)), 0x1234);
	assert_int_equal(board_peek(ATU(NPU_ATU_LIMIT(3))), 0x1234);
	board_poke(ATU(NPU_ATU_LIMIT(3)), 0xffffffff);
	assert_int_equal(board_peek(ATU(NPU_ATU_LIMIT(3))), NPU_WINDOW_SIZE);
}

static void test_addresses_without_register(void **state)
{
	static const uint32_t missing[] = {
		0, 0x0fffffff & ~3u, NPU_TCM_BASE + NPU_TCM_SIZE,
		SYS(0x24), SYS(0x60), SYS(0xc0), SYS(0x140), SYS(0xffc),
		MMU(0x008), MMU(0x400), MMU(0x814), MMU(0x828),
		ATU(0x14), ATU(0x200), CORE(0x0c), CORE(0xa0), CORE(0xd8),
		NPU_CORE_BASE(2), NPU_CORE_BASE(3), NPU_CORE_BASE(4),
		NPU_WINDOW_BASE - 4, NPU_WINDOW(NPU_WINDOW_COUNT), 0xfffffffc,
	};
	static const uint32_t read_only[] = {
		SYS(NPU_SYS_TIME_LO), SYS(NPU_SYS_IRQ_PENDING),
		SYS(NPU_SYS_ARG_LO), SYS(NPU_SYS_CONFIG),
		MMU(NPU_MMU_TLB_HITS), CORE(NPU_CORE_STATUS),
		CORE(NPU_CORE_CYCLES), CORE(NPU_CORE_FAULT_CODE),
		CORE(NPU_CORE_NEXT), CORE(NPU_CORE_CLOCK),
		SYS(NPU_SYS_TEMP), SYS(NPU_SYS_METER_FJ_LO),
	};
	uint32_t i, size, trap;

	for (i = 0; i < COUNT(missing); i++) {
		board_load(missing[i], 4, &trap);
		assert_int_equal(trap, 5);
		board_store(missing[i], 4, 0, &trap);
		assert_int_equal(trap, 7);
	}
	for (i = 0; i < COUNT(read_only); i++) {
		board_peek(read_only[i]);
		board_store(read_only[i], 4, 0, &trap);
		assert_int_equal(trap, 7);
	}
	for (size = 1; size < 4; size++) {
		board_load(SYS(NPU_SYS_TIME_LO), size & ~1u ? 2 : 1, &trap);
		assert_int_equal(trap, 5);
		board_store(SYS(NPU_SYS_TIMECMP_LO), size & ~1u ? 2 : 1, 0,
			    &trap);
		assert_int_equal(trap, 7);
		board_load(SYS(NPU_SYS_TIMECMP_LO) + size, 4, &trap);
		assert_int_equal(trap, 5);
		board_store(SYS(NPU_SYS_TIMECMP_LO) + size, 4, 0, &trap);
		assert_int_equal(trap, 7);
	}
}

static void test_time(void **state)
{
	board.now = 0x123456789abcdef0;
	assert_int_equal(board_peek(SYS(NPU_SYS_TIME_LO)), 0x9abcdef0);
	board.now = UINT64_MAX - 5;
	assert_int_equal(board_peek(SYS(NPU_SYS_TIME_HI)), 0x12345678);
	assert_int_equal(board_peek(SYS(NPU_SYS_TIME_LO)), 0xfffffffa);
	assert_int_equal(board_peek(SYS(NPU_SYS_TIME_HI)), 0xffffffff);
}

/* Waits with the timer's interrupt enabled, then writes the time it woke. */
static void test_timer(void **state)
{
	const uint32_t code[] = {
		asm_lui(2, NPU_SYS_BASE),
		asm_addi(1, 0, 0x80),
		asm_csr(1, 0, 0x304, 1),	/* mie: MTIE */
		ASM_WFI,
		asm_lui(1, 0x1000),
		asm_sw(1, 2, NPU_SYS_TIMECMP_LO),
		asm_sw(0, 2, NPU_SYS_TIMECMP_HI),
		ASM_WFI,
		asm_lw(1, 2, NPU_SYS_TIME_LO),
		asm_sw(1, 2, NPU_SYS_SCRATCH(0)),
		asm_csr(1, 0, 0x304, 0),
		ASM_WFI,
	};
	uint64_t until;

	board_make_image(code, sizeof(code));
	board_boot_image(sizeof(code) + sizeof(struct npu_image_header));
	/* After reset it never comes: all ones. */
	assert_int_equal(board_run(), NPU_CORE_FOREVER);
	board.now = UINT64_MAX;
	assert_int_equal(npu_core_run(board.core, 1, &until), NPU_CORE_BUSY);
	board.now = 100;
	assert_int_equal(board_run(), 0x1000);
	board.now = 0xfff;
	assert_int_equal(board_run(), 0x1000);
	assert_int_equal(board_read(NPU_REG_SCRATCH(0)), 0);
	board.now = 0x1000;
	assert_int_equal(board_run(), NPU_CORE_FOREVER);
	assert_int_equal(board_read(NPU_REG_SCRATCH(0)), 0x1000);
}

static void test_doorbells_and_interrupts(void **state)
{
	board_poke(SYS(NPU_SYS_IRQ_ENABLE), 0x301);
	assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)), 0);
	board.is_never_idle = true;
	npu_core_doorbell(board.core, 1);
	npu_core_doorbell(board.core, 31);
	npu_core_doorbell(board.core, 32);
	npu_core_doorbell(board.core, 63);
	assert_int_equal(board_peek(SYS(NPU_SYS_DOORBELL_LO)), 0x80000002);
	assert_int_equal(board_peek(SYS(NPU_SYS_DOORBELL_HI)), 0x80000001);
	assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)),
			 NPU_IRQ_DOORBELL);
	board_poke(SYS(NPU_SYS_DOORBELL_LO), 2);
	board_poke(SYS(NPU_SYS_DOORBELL_HI), 0xffffffff);
	assert_int_equal(board_peek(SYS(NPU_SYS_DOORBELL_LO)), 0x80000000);
	assert_int_equal(board_peek(SYS(NPU_SYS_DOORBELL_HI)), 0);
	board_poke(SYS(NPU_SYS_DOORBELL_LO), 0x80000000);
	board.is_never_idle = false;
	assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)), 0);
}

/* --- Windows ---------------------------------------------------------------------- */

static void open_window(uint32_t n, uint64_t base, uint32_t limit,
			uint32_t ctrl)
{
	board_poke(ATU(NPU_ATU_BASE_LO(n)), base);
	board_poke(ATU(NPU_ATU_BASE_HI(n)), base >> 32);
	board_poke(ATU(NPU_ATU_LIMIT(n)), limit);
	board_poke(ATU(NPU_ATU_CTRL(n)), ctrl);
}

static void open_context(uint32_t context, uint32_t root)
{
	board_poke(MMU(NPU_MMU_ROOT_LO(context)),
		   (BOARD_BASE + root) | NPU_MMU_ROOT_VALID);
	board_poke(MMU(NPU_MMU_ROOT_HI(context)), (BOARD_BASE + root) >> 32);
}

static uint32_t *data(uint32_t offset)
{
	return (uint32_t *)(board.memory + AT_DATA + offset);
}

static void test_window_to_the_bus(void **state)
{
	*data(0x10) = 0x89abcdef;
	open_window(5, BOARD_BASE + AT_DATA, 0x20, NPU_ATU_ENABLE);
	assert_int_equal(board_peek(NPU_WINDOW(5) + 0x10), 0x89abcdef);
	assert_int_equal(board_load(NPU_WINDOW(5) + 0x11, 1, NULL), 0xcd);
	assert_int_equal(board_load(NPU_WINDOW(5) + 0x12, 2, NULL), 0x89ab);
	board_poke(NPU_WINDOW(5) + 0x14, 0x11111111);
	board_store(NPU_WINDOW(5) + 0x15, 1, 0xffffff22, NULL);
	board_store(NPU_WINDOW(5) + 0x16, 2, 0xffff3344, NULL);
	assert_int_equal(*data(0x14), 0x33442211);
	assert_int_equal(board_peek(ATU(NPU_ATU_FAULT(5))), 0);
}

static void test_window_to_a_context(void **state)
{
	open_context(1, AT_ROOT);
	/* Two pages of the context, the other way round. */
	((uint64_t *)(board.memory + AT_LEAF))[0x80] =
		(BOARD_BASE + AT_DATA + 0x1000) >> 12 << 10 | 7;
	((uint64_t *)(board.memory + AT_LEAF))[0x81] =
		(BOARD_BASE + AT_DATA) >> 12 << 10 | 7;
	*data(0) = 0xaaaaaaaa;
	*data(0x1000) = 0xbbbbbbbb;
	open_window(2, AT_DATA, 0x2000, NPU_ATU_ENABLE | NPU_ATU_TRANSLATE |
					NPU_ATU_CONTEXT(1));
	assert_int_equal(board_peek(NPU_WINDOW(2)), 0xbbbbbbbb);
	assert_int_equal(board_peek(NPU_WINDOW(2) + 0x1000), 0xaaaaaaaa);
	board_poke(NPU_WINDOW(2) + 0x1004, 0xcccccccc);
	assert_int_equal(*data(4), 0xcccccccc);
}

static void test_window_refusals(void **state)
{
	const uint32_t on = NPU_ATU_ENABLE;
	const uint32_t through = on | NPU_ATU_TRANSLATE | NPU_ATU_CONTEXT(1);
	const struct {
		uint64_t base;
		uint32_t limit, ctrl, offset, size;
		enum npu_fault load, store;
	} rows[] = {
		{ BOARD_BASE, 64, 0, 0, 4, NPU_FAULT_REGION, NPU_FAULT_REGION },
		{ BOARD_BASE, 64, on, 64, 1, NPU_FAULT_REGION,
		  NPU_FAULT_REGION },
		{ BOARD_BASE, 62, on, 60, 4, NPU_FAULT_REGION,
		  NPU_FAULT_REGION },
		{ BOARD_BASE, 0, on, 0, 1, NPU_FAULT_REGION, NPU_FAULT_REGION },
		{ BOARD_BASE, 3, on, 0xffffc, 4, NPU_FAULT_REGION,
		  NPU_FAULT_REGION },
		{ BOARD_BASE, 64, on, 2, 4, NPU_FAULT_FIELD, NPU_FAULT_FIELD },
		{ BOARD_BASE, 64, on, 1, 2, NPU_FAULT_FIELD, NPU_FAULT_FIELD },
		{ BOARD_BASE + 1, 64, on, 0, 4, NPU_FAULT_FIELD,
		  NPU_FAULT_FIELD },
		{ 0, 64, on, 0, 4, NPU_FAULT_BUS, NPU_FAULT_BUS },
		{ UINT64_MAX - 3, 64, on, 0, 4, NPU_FAULT_BUS, NPU_FAULT_BUS },
		{ BOARD_SIZE, 64, through, 0, 4, NPU_FAULT_PAGE_READ,
		  NPU_FAULT_PAGE_WRITE },
		{ AT_READ_ONLY, 64, through, 0, 4, 0, NPU_FAULT_PAGE_WRITE },
		{ 0, 64, through ^ NPU_ATU_CONTEXT(3), 0, 4, NPU_FAULT_CONTEXT,
		  NPU_FAULT_CONTEXT },
		{ 0, 64, through | 0xffffff00, 0, 4, NPU_FAULT_CONTEXT,
		  NPU_FAULT_CONTEXT },
	};
	uint32_t i, ones, trap, address;

	open_context(1, AT_ROOT);
	for (i = 0; i < COUNT(rows); i++) {
		open_window(4, rows[i].base, rows[i].limit, rows[i].ctrl);
		address = NPU_WINDOW(4) + rows[i].offset;
		ones = rows[i].size == 4 ? ~0u : (1 << 8 * rows[i].size) - 1;
		if (rows[i].load)
			assert_int_equal(board_load(address, rows[i].size,
						    &trap), ones);
		assert_int_equal(board_peek(ATU(NPU_ATU_FAULT(4))),
				 rows[i].load);
		/* The first reason stays until it is written. */
		board_store(address, rows[i].size, 0x77777777, &trap);
		assert_int_equal(trap, 0);
		if (rows[i].load)
			assert_int_equal(board_peek(ATU(NPU_ATU_FAULT(4))),
					 rows[i].load);
		board_poke(ATU(NPU_ATU_FAULT(4)), 1);
		board_store(address, rows[i].size, 0x77777777, &trap);
		assert_int_equal(board_peek(ATU(NPU_ATU_FAULT(4))),
				 rows[i].store);
		board_poke(ATU(NPU_ATU_FAULT(4)), ~0u);
		assert_int_equal(board_peek(ATU(NPU_ATU_FAULT(4))), 0);
	}
	for (i = 0; i < BOARD_SIZE; i += 4)
		assert_int_not_equal(*(uint32_t *)(board.memory + i),
				     0x77777777);
}

/* In one run of the controller: what a window shows follows its registers. */
static void test_window_follows_its_registers(void **state)
{
	const uint32_t a = BOARD_BASE + AT_DATA;
	const uint32_t program[] = {
		asm_lui(1, NPU_ATU_BASE), asm_lui(2, NPU_WINDOW(0)),
		asm_lui(3, a), asm_lui(4, a + 0x1000), asm_lui(5, 0x1000),
		asm_lui(6, NPU_SYS_BASE), asm_addi(7, 0, 4),
		asm_addi(8, 0, NPU_ATU_ENABLE),
		asm_sw(3, 1, NPU_ATU_BASE_LO(0)), asm_sw(5, 1, NPU_ATU_LIMIT(0)),
		asm_sw(8, 1, NPU_ATU_CTRL(0)),
		asm_lw(10, 2, 0), asm_lw(10, 2, 4),
		asm_sw(10, 2, 8), asm_sw(10, 2, 12),
		asm_sw(4, 1, NPU_ATU_BASE_LO(0)), asm_lw(11, 2, 4),
		asm_sw(7, 1, NPU_ATU_LIMIT(0)), asm_lw(12, 2, 4),
		asm_sw(5, 1, NPU_ATU_LIMIT(0)), asm_lw(13, 2, 4),
		asm_sw(0, 1, NPU_ATU_CTRL(0)), asm_lw(14, 2, 4),
		asm_sw(10, 6, NPU_SYS_SCRATCH(0)),
		asm_sw(11, 6, NPU_SYS_SCRATCH(1)),
		asm_sw(12, 6, NPU_SYS_SCRATCH(2)),
		asm_sw(13, 6, NPU_SYS_SCRATCH(3)),
		asm_sw(14, 6, NPU_SYS_SCRATCH(4)), ASM_WFI,
	};
	const uint32_t expected[] = { 0xaaaa, 0xbbbb, ~0u, 0xbbbb, ~0u };
	uint32_t i;

	*data(4) = 0xaaaa;
	*data(0x1004) = 0xbbbb;
	board_make_image(program, sizeof(program));
	board_boot_image(sizeof(struct npu_image_header) + sizeof(program));
	board_run();
	for (i = 0; i < COUNT(expected); i++)
		assert_int_equal(board_read(NPU_REG_SCRATCH(i)), expected[i]);
	assert_int_equal(*data(8), 0xaaaa);
	assert_int_equal(*data(12), 0xaaaa);
}

static void test_mmu_registers(void **state)
{
	uint64_t *leaf = (uint64_t *)(board.memory + AT_LEAF) + AT_DATA / 4096;
	uint32_t misses;

	open_context(1, AT_ROOT);
	open_window(2, AT_DATA, 0x1000, NPU_ATU_ENABLE | NPU_ATU_TRANSLATE |
					NPU_ATU_CONTEXT(1));
	*data(0) = 0x1111;
	*data(0x1000) = 0x2222;
	assert_int_equal(board_peek(NPU_WINDOW(2)), 0x1111);
	misses = board_peek(MMU(NPU_MMU_TLB_MISSES));
	*leaf += 1 << 10;
	assert_int_equal(board_peek(NPU_WINDOW(2)), 0x1111);
	assert_int_equal(board_peek(MMU(NPU_MMU_TLB_HITS)), 1);
	assert_int_equal(board_peek(MMU(NPU_MMU_TLB_MISSES)), misses);

	/* Another context, another range: nothing happens. */
	board_poke(MMU(NPU_MMU_INV_CMD), NPU_MMU_INV_CONTEXT | 2 << 8);
	board_poke(MMU(NPU_MMU_INV_ADDR_LO), AT_DATA + 0x1000);
	board_poke(MMU(NPU_MMU_INV_SIZE_LO), 0x1000);
	board_poke(MMU(NPU_MMU_INV_CMD), NPU_MMU_INV_RANGE | 1 << 8);
	board_poke(MMU(NPU_MMU_INV_CMD), 77);
	assert_int_equal(board_peek(NPU_WINDOW(2)), 0x1111);
	board_poke(MMU(NPU_MMU_INV_ADDR_LO), AT_DATA);
	board_poke(MMU(NPU_MMU_INV_CMD), NPU_MMU_INV_RANGE | 1 << 8);
	assert_int_equal(board_peek(NPU_WINDOW(2)), 0x2222);
	*leaf -= 1 << 10;
	board_poke(MMU(NPU_MMU_INV_CMD), NPU_MMU_INV_CONTEXT | 1 << 8);
	assert_int_equal(board_peek(NPU_WINDOW(2)), 0x1111);
	*leaf += 1 << 10;
	board_poke(MMU(NPU_MMU_INV_CMD), NPU_MMU_INV_ALL);
	assert_int_equal(board_peek(NPU_WINDOW(2)), 0x2222);
}

/* --- Jobs --------------------------------------------------------------------------- */

static union npu_cmd *command(uint32_t index)
{
	return (union npu_cmd *)(board.memory + AT_COMMANDS) + index;
}

static struct npu_region *region(uint32_t index)
{
	return (struct npu_region *)(board.memory + AT_REGIONS) + index;
}

static void put_nop(uint32_t index, uint32_t cycles)
{
	*command(index) = (union npu_cmd){
		.nop = { .hdr.op = NPU_OP_NOP, .cycles = cycles } };
}

static void put_copy(uint32_t index, uint8_t src_region, uint32_t src,
		     uint8_t dst_region, uint32_t dst, uint32_t size)
{
	*command(index) = (union npu_cmd){
		.copy = {
			.hdr.op = NPU_OP_DMA_COPY,
			.src = src, .src_region = src_region,
			.dst = dst, .dst_region = dst_region,
			.n = { 1, 1, 1 }, .run = size,
		} };
}

/* A 1-pixel maximum: reads and writes @size bytes with the VEC unit. */
static void put_pool(uint32_t index, uint32_t from, uint32_t to,
		     uint32_t size)
{
	*command(index) = (union npu_cmd){
		.pool = {
			.hdr.op = NPU_OP_POOL_MAX,
			.ifm = { from, size, size }, .ofm = { to, size, size },
			.ifm_h = 1, .ifm_w = 1, .channels = size,
			.ofm_h = 1, .ofm_w = 1,
			.kernel_h = 1, .kernel_w = 1,
			.stride_y = 1, .stride_x = 1,
			.act_min = (npu_le16)-128, .act_max = 127,
		} };
}

static void wait_for(uint32_t index, enum npu_unit unit, uint16_t count)
{
	command(index)->hdr.flags |= NPU_CMD_WAIT(unit);
	command(index)->hdr.wait[unit] = count;
}

/* Registers of a job in @context on @core: @count commands, 2 regions. */
static void put_job(uint32_t core, uint32_t context, uint32_t count)
{
	uint32_t base = NPU_CORE_BASE(core);

	*region(0) = (struct npu_region){ AT_DATA, 0x10000 };
	*region(1) = (struct npu_region){ AT_DATA + 0x10000, 0x1000 };
	board_poke(base + NPU_CORE_CONTEXT, context);
	board_poke(base + NPU_CORE_CMD_LO, AT_COMMANDS);
	board_poke(base + NPU_CORE_CMD_HI, 0);
	board_poke(base + NPU_CORE_CMD_COUNT, count);
	board_poke(base + NPU_CORE_REGION_LO, AT_REGIONS);
	board_poke(base + NPU_CORE_REGION_HI, 0);
	board_poke(base + NPU_CORE_REGION_COUNT, 2);
}

static enum npu_core_state start(uint32_t core)
{
	uint32_t base = NPU_CORE_BASE(core);

	board_poke(base + NPU_CORE_CTRL, NPU_CORE_START);
	return board_peek(base + NPU_CORE_STATUS);
}

static enum npu_core_state run_job(uint32_t count)
{
	put_job(0, 1, count);
	return start(0);
}

static int setup_job(void **state)
{
	setup_agent(state);
	open_context(1, AT_ROOT);
	open_context(2, AT_ROOT2);
	return 0;
}

static int setup_job_shown(void **state)
{
	setup_agent_shown(state);
	open_context(1, AT_ROOT);
	open_context(2, AT_ROOT2);
	return 0;
}

static void assert_fault(enum npu_fault code, enum npu_fault_unit unit,
			 uint32_t cmd, uint32_t info, uint64_t addr)
{
	assert_int_equal(board_peek(CORE(NPU_CORE_STATUS)), NPU_CORE_FAULTED);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_CODE)), code);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_UNIT)), unit);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_CMD)), cmd);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_INFO)), info);
	assert_int_equal(board_peek64(CORE(NPU_CORE_FAULT_ADDR_LO)), addr);
}

static void test_job_moves_data(void **state)
{
	uint32_t i;

	for (i = 0; i < 1000; i++)
		*data(4 * i) = 7 * i;
	put_copy(0, 0, 0, NPU_REGION_SRAM, 0x100, 4000);
	put_copy(1, NPU_REGION_SRAM, 0x100, 1, 96, 4000);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_memory_equal(data(0x10000 + 96), data(0), 4000);
	assert_int_equal(*data(0x10000 + 92), 0);
	assert_int_equal(*data(0x10000 + 4096), 0);
	assert_int_equal(board_peek(CORE(NPU_CORE_COMMANDS)), 2);
	assert_int_equal(board_peek(CORE(NPU_CORE_RETIRED(NPU_UNIT_DMA))), 2);
	assert_int_equal(board_peek(CORE(NPU_CORE_RETIRED(NPU_UNIT_VEC))), 0);
	assert_int_equal(board_peek64(CORE(NPU_CORE_MEM_READ)),
			 4000 + 2 * 64);
	assert_int_equal(board_peek64(CORE(NPU_CORE_MEM_WRITTEN)), 4000);
	assert_int_equal(board_peek64(CORE(NPU_CORE_SRAM_READ)), 4000);
	assert_int_equal(board_peek64(CORE(NPU_CORE_SRAM_WRITTEN)), 4000);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_CODE)), 0);
	assert_int_equal(board.commands_traced, 2);
}

static void test_interrupt_at_the_end(void **state)
{
	put_nop(0, 1);
	put_job(1, 1, 1);
	assert_int_equal(start(1), NPU_CORE_DONE);
	assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)),
			 NPU_IRQ_CORE(1));
	/* A new start leaves the event of the old until it is acknowledged. */
	assert_int_equal(start(1), NPU_CORE_DONE);
	board_poke(NPU_CORE_BASE(1) + NPU_CORE_CTRL, NPU_CORE_ACK);
	assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)), 0);
	assert_int_equal(board_peek(NPU_CORE_BASE(1) + NPU_CORE_STATUS),
			 NPU_CORE_DONE);
	/* Faults and stops raise it too, a reset does not. */
	put_nop(0, 0);
	assert_int_equal(start(1), NPU_CORE_FAULTED);
	assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)),
			 NPU_IRQ_CORE(1));
	board_poke(NPU_CORE_BASE(1) + NPU_CORE_CTRL, NPU_CORE_RESET);
	assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)), 0);
	assert_int_equal(board_peek(NPU_CORE_BASE(1) + NPU_CORE_STATUS),
			 NPU_CORE_IDLE);
	assert_int_equal(board_peek(NPU_CORE_BASE(1) + NPU_CORE_CMD_LO), 0);
}

static void test_registers_of_a_job(void **state)
{
	static const struct {
		uint32_t reg, value, info;
	} rows[] = {
		{ NPU_CORE_CMD_LO, AT_COMMANDS + 32, 1 },
		{ NPU_CORE_CMD_LO, AT_COMMANDS + 1, 1 },
		{ NPU_CORE_CMD_COUNT, 0, 2 },
		{ NPU_CORE_CMD_COUNT, NPU_MAX_COMMANDS + 1, 2 },
		{ NPU_CORE_CMD_COUNT, 0xffffffff, 2 },
		{ NPU_CORE_REGION_LO, AT_REGIONS + 8, 3 },
		{ NPU_CORE_REGION_COUNT, 65, 4 },
		{ NPU_CORE_REGION_COUNT, 0xffffffff, 4 },
	};
	uint32_t i;

	put_nop(0, 1);
	for (i = 0; i < COUNT(rows); i++) {
		put_job(0, 1, 1);
		board_poke(CORE(rows[i].reg), rows[i].value);
		start(0);
		assert_fault(NPU_FAULT_FIELD, NPU_FAULT_UNIT_FETCH, 0,
			     rows[i].info, 0);
	}
	put_job(0, 3, 1);
	start(0);
	assert_fault(NPU_FAULT_CONTEXT, NPU_FAULT_UNIT_FETCH, 0, 0, 0);
	put_job(0, 0xffffffff, 1);
	start(0);
	assert_fault(NPU_FAULT_CONTEXT, NPU_FAULT_UNIT_FETCH, 0, 0, 0);
	/* 64 regions are fine, none is as well, and a good job after all. */
	put_job(0, 1, 1);
	board_poke(CORE(NPU_CORE_REGION_COUNT), 64);
	assert_int_equal(start(0), NPU_CORE_DONE);
	board_poke(CORE(NPU_CORE_REGION_COUNT), 0);
	assert_int_equal(start(0), NPU_CORE_DONE);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_CODE)), 0);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_INFO)), 0);
}

static void unmap(uint32_t offset)
{
	((uint64_t *)(board.memory + AT_LEAF))[offset / 4096] = 0;
	board_poke(MMU(NPU_MMU_INV_CMD), NPU_MMU_INV_ALL);
}

static void test_fetch_faults(void **state)
{
	const uint32_t last = BOARD_SIZE - 0x1000;
	uint32_t i;

	put_job(0, 1, 1);
	unmap(AT_REGIONS);
	start(0);
	assert_fault(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_FETCH, 0, 0,
		     AT_REGIONS);

	/* A table that begins on a good page and goes on on a bad one. */
	board_poke(CORE(NPU_CORE_REGION_LO), AT_REGIONS - 16);
	start(0);
	assert_fault(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_FETCH, 0, 0,
		     AT_REGIONS);
	board_poke(CORE(NPU_CORE_REGION_COUNT), 1);
	put_nop(0, 1);
	assert_int_equal(start(0), NPU_CORE_DONE);

	/* Commands that run out of their page: the exact one. */
	for (i = 0; i < 64; i++)
		*(union npu_cmd *)(board.memory + last + 64 * i) = *command(0);
	board_poke(CORE(NPU_CORE_CMD_LO), last);
	board_poke(CORE(NPU_CORE_CMD_COUNT), 100);
	start(0);
	assert_fault(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_FETCH, 64, 0,
		     BOARD_SIZE);
	assert_int_equal(board_peek(CORE(NPU_CORE_COMMANDS)), 64);

	board_poke(CORE(NPU_CORE_CMD_HI), 0x12345678);
	start(0);
	assert_fault(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_FETCH, 0, 0,
		     0x12345678ull << 32 | last);

	board.refused = last;
	board_poke(CORE(NPU_CORE_CMD_HI), 0);
	start(0);
	assert_fault(NPU_FAULT_BUS, NPU_FAULT_UNIT_FETCH, 0, 0, last);
	board.refused = AT_LEAF;
	board_poke(MMU(NPU_MMU_INV_CMD), NPU_MMU_INV_ALL);
	start(0);
	assert_fault(NPU_FAULT_BUS, NPU_FAULT_UNIT_FETCH, 0, 0,
		     AT_REGIONS - 16);
}

static void test_opcodes(void **state)
{
	bool is_known[256] = { false };
	uint32_t op;

#define KNOWN(name, code, unit, layout, text) is_known[code] = true;
	NPU_OPS(KNOWN)
#undef KNOWN
	put_nop(0, 1);
	for (op = 0; op < 256; op++) {
		if (is_known[op])
			continue;
		put_nop(1, 1);
		command(1)->hdr.op = op;
		run_job(2);
		assert_fault(NPU_FAULT_OPCODE, NPU_FAULT_UNIT_FETCH, 1, op, 0);
	}
}

static void test_header_flags(void **state)
{
	uint32_t bit;

	for (bit = 4; bit < 8; bit++) {
		put_nop(0, 1);
		command(0)->hdr.flags = 1 << bit;
		run_job(1);
		assert_fault(NPU_FAULT_RESERVED, NPU_FAULT_UNIT_VEC, 0, 1, 0);
	}
	put_nop(0, 1);
	command(0)->hdr.flags = NPU_CMD_SRAM_DEAD;
	command(0)->hdr.wait[0] = 99;	/* counts only with its flag */
	assert_int_equal(run_job(1), NPU_CORE_DONE);
}

/* What is known of a command counts for the same bytes and regions only. */
static void test_commands_met_before_are_checked(void **state)
{
	uint64_t cycles;

	put_copy(0, 0, 0, NPU_REGION_SRAM, 0, 400);
	put_pool(1, 0, 512, 256);
	wait_for(1, NPU_UNIT_DMA, 1);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	cycles = board_peek64(CORE(NPU_CORE_CYCLES));
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), cycles);

	/* Smaller regions; then others again, and on another core. */
	put_job(0, 1, 2);
	region(0)->size = 399;
	start(0);
	assert_fault(NPU_FAULT_REGION, NPU_FAULT_UNIT_DMA, 0, 0, 399);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), cycles);
	put_job(1, 1, 2);
	region(0)->size = 399;
	assert_int_equal(start(1), NPU_CORE_FAULTED);
	put_job(0, 1, 2);
	board_poke(CORE(NPU_CORE_REGION_COUNT), 0);
	start(0);
	assert_fault(NPU_FAULT_REGION, NPU_FAULT_UNIT_DMA, 0, 0, 0);

	/* Other bytes at the same place, and then the first again. */
	command(1)->pool.stride_y = 0;
	run_job(2);
	assert_fault(NPU_FAULT_FIELD, NPU_FAULT_UNIT_VEC, 1,
		     offsetof(struct npu_cmd_pool, stride_y), 0);
	command(1)->pool.stride_y = 1;
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	put_pool(1, 0, 512, 128);
	wait_for(1, NPU_UNIT_DMA, 1);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_in_range(board_peek64(CORE(NPU_CORE_CYCLES)), 1, cycles - 1);
	command(1)->hdr.flags = 0;
	run_job(2);
	assert_fault(NPU_FAULT_HAZARD, NPU_FAULT_UNIT_VEC, 1, 0, 0);
}

static void test_memory_faults(void **state)
{
	struct npu_region wide = { AT_DATA, UINT64_MAX };
	const uint32_t hole = 0x4000;

	unmap(AT_DATA + hole);
	put_nop(0, 1);
	put_copy(1, 0, hole - 100, NPU_REGION_SRAM, 0, 200);
	run_job(2);
	assert_fault(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_DMA, 1, 0,
		     AT_DATA + hole);
	put_copy(1, NPU_REGION_SRAM, 0, 0, hole + 8, 200);
	run_job(2);
	assert_fault(NPU_FAULT_PAGE_WRITE, NPU_FAULT_UNIT_DMA, 1, 0,
		     AT_DATA + hole + 8);

	/* Beyond the region: found before anything is moved. */
	*data(0x10000) = 0x55555555;
	put_copy(1, NPU_REGION_SRAM, 0, 1, 0xf00, 0x101);
	run_job(2);
	assert_fault(NPU_FAULT_REGION, NPU_FAULT_UNIT_DMA, 1, 1, 0x1000);
	put_copy(1, 2, 0, NPU_REGION_SRAM, 0, 4);
	run_job(2);
	assert_fault(NPU_FAULT_REGION, NPU_FAULT_UNIT_DMA, 1, 2, 0);
	put_copy(1, 0, 0, NPU_REGION_SRAM, 65536 - 3, 4);
	run_job(2);
	assert_fault(NPU_FAULT_SRAM, NPU_FAULT_UNIT_DMA, 1, 0, 65536);
	assert_int_equal(*data(0x10000), 0x55555555);

	/* A region that says it is everything: the page table has the word. */
	put_job(0, 1, 2);
	*region(0) = wide;
	put_copy(1, 0, 0x80000000, NPU_REGION_SRAM, 0, 4);
	start(0);
	assert_fault(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_DMA, 1, 0,
		     AT_DATA + 0x80000000ull);
	region(0)->base = UINT64_MAX - 1;
	put_copy(1, 0, 0, NPU_REGION_SRAM, 0, 4);
	start(0);
	assert_fault(NPU_FAULT_PAGE_READ, NPU_FAULT_UNIT_DMA, 1, 0,
		     UINT64_MAX - 1);

	/* Read-only pages and a bus that refuses. */
	region(0)->base = AT_READ_ONLY;
	put_copy(1, NPU_REGION_SRAM, 0, 0, 64, 4);
	start(0);
	assert_fault(NPU_FAULT_PAGE_WRITE, NPU_FAULT_UNIT_DMA, 1, 0,
		     AT_READ_ONLY + 64);
	board.refused = AT_READ_ONLY;
	put_copy(1, 0, 64, NPU_REGION_SRAM, 0, 4);
	start(0);
	assert_fault(NPU_FAULT_BUS, NPU_FAULT_UNIT_DMA, 1, 0,
		     AT_READ_ONLY + 64);
}

static void test_fault_ends_one_job_only(void **state)
{
	put_nop(0, 0);
	run_job(1);
	assert_fault(NPU_FAULT_FIELD, NPU_FAULT_UNIT_VEC, 0, 8, 0);
	put_nop(0, 1);
	put_job(1, 2, 1);
	assert_int_equal(start(1), NPU_CORE_DONE);
	assert_fault(NPU_FAULT_FIELD, NPU_FAULT_UNIT_VEC, 0, 8, 0);
	assert_int_equal(run_job(1), NPU_CORE_DONE);
}

static void test_sram_is_cleared_between_contexts(void **state)
{
	*data(0) = 0x12345678;
	put_copy(0, 0, 0, NPU_REGION_SRAM, 0x8000, 4);
	assert_int_equal(run_job(1), NPU_CORE_DONE);

	/* Another job of the same context finds it. */
	put_copy(0, NPU_REGION_SRAM, 0x8000, 0, 0x100, 4);
	assert_int_equal(run_job(1), NPU_CORE_DONE);
	assert_int_equal(*data(0x100), 0x12345678);

	/* One of another context does not, nor does the first after it. */
	put_job(0, 2, 1);
	assert_int_equal(start(0), NPU_CORE_DONE);
	assert_int_equal(*data(0x100), 0);
	*data(0x100) = 1;
	assert_int_equal(run_job(1), NPU_CORE_DONE);
	assert_int_equal(*data(0x100), 0);
}

/* A word of the weight buffer to data: the bias of a sum of nothing. */
static void put_look(uint32_t index)
{
	command(index)->conv = (struct npu_cmd_conv){
		.hdr = { .op = NPU_OP_CONV },
		.ifm.addr = 0x100,
		.ofm.addr = 0x200,
		.weights = NPU_WEIGHT_BASE,
		.ifm_h = 1, .ifm_w = 1, .ifm_c = 1,
		.ofm_h = 1, .ofm_w = 1, .ofm_c = 1,
		.kernel_h = 1, .kernel_w = 1,
		.stride_y = 1, .stride_x = 1,
		.dilation_y = 1, .dilation_x = 1,
		.format = NPU_CONV_OFM32,
	};
	put_copy(index + 1, NPU_REGION_SRAM, 0x200, 0, 0x100, 4);
	command(index + 1)->hdr.flags = NPU_CMD_WAIT(NPU_UNIT_MAC);
	command(index + 1)->hdr.wait[NPU_UNIT_MAC] = 1;
}

static void test_weight_buffer_is_cleared_between_contexts(void **state)
{
	*data(0) = 0x12345678;
	put_copy(0, 0, 0, NPU_REGION_SRAM, NPU_WEIGHT_BASE, 4);
	assert_int_equal(run_job(1), NPU_CORE_DONE);
	put_look(0);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_int_equal(*data(0x100), 0x12345678);
	put_job(0, 2, 2);
	assert_int_equal(start(0), NPU_CORE_DONE);
	assert_int_equal(*data(0x100), 0);
}

/* 192 bytes for each of 128 multipliers. */
static void test_weight_buffer_ends_with_the_multipliers(void **state)
{
	put_copy(0, 0, 0, NPU_REGION_SRAM, NPU_WEIGHT_BASE + 192 * 128 - 4, 4);
	assert_int_equal(run_job(1), NPU_CORE_DONE);
	command(0)->copy.dst++;
	run_job(1);
	assert_fault(NPU_FAULT_SRAM, NPU_FAULT_UNIT_DMA, 0, 0,
		     NPU_WEIGHT_BASE + 192 * 128);
}

/* What the MAC unit reads there has to be there. */
static void test_hazards_of_the_weight_buffer(void **state)
{
	put_copy(0, 0, 0, NPU_REGION_SRAM, NPU_WEIGHT_BASE + 8, 4);
	put_look(1);
	run_job(3);
	assert_fault(NPU_FAULT_HAZARD, NPU_FAULT_UNIT_MAC, 1, 0,
		     NPU_WEIGHT_BASE + 8);
}

static void test_sram_is_cleared_with_the_context(void **state)
{
	uint32_t round;

	for (round = 0; round < 2; round++) {
		*data(0) = 0x12345678;
		put_copy(0, 0, 0, NPU_REGION_SRAM, 0x8000, 4);
		assert_int_equal(run_job(1), NPU_CORE_DONE);
		/* The number may have a new owner, the core a new life. */
		if (round)
			open_context(1, AT_ROOT);
		else
			board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_RESET);
		put_copy(0, NPU_REGION_SRAM, 0x8000, 0, 0x100, 4);
		*data(0x100) = 1;
		assert_int_equal(run_job(1), NPU_CORE_DONE);
		assert_int_equal(*data(0x100), 0);
	}
}

static void test_cores_have_their_own(void **state)
{
	*data(0) = 0x11111111;
	put_copy(0, 0, 0, NPU_REGION_SRAM, 0, 4);
	put_job(0, 1, 1);
	start(0);
	*data(0) = 0x22222222;
	put_job(1, 1, 1);
	start(1);
	put_copy(0, NPU_REGION_SRAM, 0, 0, 0, 4);
	start(0);
	assert_int_equal(*data(0), 0x11111111);
	start(1);
	assert_int_equal(*data(0), 0x22222222);
}

/* --- Order -------------------------------------------------------------------------- */

static void test_deadlock_lasts_until_stopped(void **state)
{
	put_nop(0, 5);
	put_nop(1, 5);
	wait_for(1, NPU_UNIT_DMA, 1);
	assert_int_equal(run_job(2), NPU_CORE_RUNNING);
	/* It costs nothing: the machine waits although the job runs. */
	assert_int_equal(board_run(), NPU_CORE_FOREVER);
	assert_int_equal(board_peek(CORE(NPU_CORE_COMMANDS)), 1);
	assert_int_equal(start(0), NPU_CORE_RUNNING);

	board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_STOP);
	assert_int_equal(board_peek(CORE(NPU_CORE_STATUS)), NPU_CORE_STOPPED);
	assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)),
			 NPU_IRQ_CORE(0));
	assert_int_equal(board_peek(CORE(NPU_CORE_COMMANDS)), 1);
	/* What does not run is not stopped. */
	board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_ACK);
	board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_STOP);
	assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)), 0);
	/* And the core is as good as new. */
	put_nop(1, 5);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
}

static void test_deadlock_ends_with_core_reset(void **state)
{
	put_nop(0, 5);
	wait_for(0, NPU_UNIT_MAC, 1);
	assert_int_equal(run_job(1), NPU_CORE_RUNNING);
	board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_RESET);
	assert_int_equal(board_peek(CORE(NPU_CORE_STATUS)), NPU_CORE_IDLE);
	put_nop(0, 5);
	assert_int_equal(run_job(1), NPU_CORE_DONE);
}

static void test_stop_between_commands(void **state)
{
	uint64_t until;
	uint32_t i;

	for (i = 0; i < 512; i++)
		put_nop(i, 1);
	put_job(0, 1, 512);
	/* Ring for the start, run a little, ring for the stop. */
	*(struct board_access *)(board.memory + AT_MAILBOX) =
		(struct board_access){ 0x14, CORE(NPU_CORE_CTRL),
				       NPU_CORE_START, 0 };
	npu_core_doorbell(board.core, 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(npu_core_run(board.core, 100, &until),
				 NPU_CORE_BUSY);
	*(struct board_access *)(board.memory + AT_MAILBOX) =
		(struct board_access){ 0x14, CORE(NPU_CORE_CTRL),
				       NPU_CORE_STOP, 0 };
	npu_core_doorbell(board.core, 0);
	board_run();
	assert_int_equal(board_peek(CORE(NPU_CORE_STATUS)), NPU_CORE_STOPPED);
	assert_in_range(board_peek(CORE(NPU_CORE_COMMANDS)), 90, 110);
}

static void test_reset_in_mid_job(void **state)
{
	uint32_t i;

	for (i = 0; i < 512; i++)
		put_nop(i, 1);
	put_job(0, 1, 512);
	*(struct board_access *)(board.memory + AT_MAILBOX) =
		(struct board_access){ 0x14, CORE(NPU_CORE_CTRL),
				       NPU_CORE_START, 0 };
	npu_core_doorbell(board.core, 0);
	for (i = 0; i < 10; i++) {
		uint64_t until;

		npu_core_run(board.core, 100, &until);
	}
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	board.dmas = 0;
	assert_int_equal(board_run(), NPU_CORE_FOREVER);
	assert_int_equal(board.dmas, 0);
	board_boot_agent();
	assert_int_equal(board_peek(CORE(NPU_CORE_STATUS)), NPU_CORE_IDLE);
	assert_int_equal(board_peek(MMU(NPU_MMU_ROOT_LO(1))), 0);
	assert_int_equal(board_peek(CORE(NPU_CORE_COMMANDS)), 0);
}

/* --- Preemption --------------------------------------------------------------------- */

#define BLOCKS 24

static void mark(uint32_t index)
{
	command(index)->hdr.flags |= NPU_CMD_SRAM_DEAD;
}

/*
 * Blocks of four commands on all three units' ways, each with a mark; two take
 * turns in SRAM, so that the next load overlaps what the last block still does.
 */
static uint32_t put_blocks(void)
{
	uint32_t i, at, next = 0;

	for (i = 0; i < BLOCKS; i++) {
		at = i % 2 * 0x800;
		put_copy(next, 0, 0x100 * i, NPU_REGION_SRAM, at, 200);
		if (i > 1)
			wait_for(next, NPU_UNIT_VEC, 2 * i - 2);
		mark(next++);
		put_pool(next, at, at + 0x400, 200);
		wait_for(next++, NPU_UNIT_DMA, 2 * i + 1);
		put_nop(next++, 100 + i);
		put_copy(next, NPU_REGION_SRAM, at + 0x400, 0,
			 0x8000 + 0x100 * i, 200);
		wait_for(next++, NPU_UNIT_VEC, 2 * i + 1);
	}
	return next;
}

struct core_counts {
	uint32_t words[(NPU_CORE_BUSY(NPU_UNIT_COUNT) -
			NPU_CORE_RETIRED(0)) / 4];
};

static struct core_counts core_counts(uint32_t core)
{
	struct core_counts counts;
	uint32_t i;

	for (i = 0; i < COUNT(counts.words); i++)
		counts.words[i] = board_peek(NPU_CORE_BASE(core) +
					     NPU_CORE_RETIRED(0) + 4 * i);
	return counts;
}

/* Another context's job, after which the core's SRAM is not as it was. */
static void run_stranger(uint32_t core)
{
	put_nop(500, 7);
	put_job(core, 2, 1);
	board_poke(NPU_CORE_BASE(core) + NPU_CORE_CMD_LO,
		   AT_COMMANDS + 500 * NPU_CMD_SIZE);
	board_poke(NPU_CORE_BASE(core) + NPU_CORE_SLOT, 0);
	assert_int_equal(start(core), NPU_CORE_DONE);
}

static enum npu_core_state resume(uint32_t core, uint32_t slot)
{
	uint32_t base = NPU_CORE_BASE(core);

	board_poke(base + NPU_CORE_SLOT, slot);
	board_poke(base + NPU_CORE_CTRL, NPU_CORE_RESUME);
	return board_peek(base + NPU_CORE_STATUS);
}

/* Runs a job in pieces, on both cores in turn; returns the core of the end. */
static uint32_t run_in_pieces(uint32_t count, uint32_t slice,
			      uint32_t *preemptions)
{
	enum npu_core_state state;
	uint32_t core = 0, last = 0, base;

	board_poke(CORE(NPU_CORE_SLICE), slice);
	board_poke(NPU_CORE_BASE(1) + NPU_CORE_SLICE, slice);
	board_poke(CORE(NPU_CORE_SLOT), 63);
	put_job(0, 1, count);
	state = start(0);
	for (*preemptions = 0; state == NPU_CORE_PREEMPTED; ++*preemptions) {
		base = NPU_CORE_BASE(core);
		assert_true(board_peek(base + NPU_CORE_NEXT) > last);
		last = board_peek(base + NPU_CORE_NEXT);
		assert_int_equal(board_peek(base + NPU_CORE_COMMANDS), last);
		assert_true(command(last)->hdr.flags & NPU_CMD_SRAM_DEAD);
		run_stranger(core);
		core = !core;
		state = resume(core, 63);
	}
	assert_int_equal(state, NPU_CORE_DONE);
	return core;
}

static void test_a_job_in_pieces_counts_as_in_one(void **state)
{
	static const uint32_t slices[] = { 1, 1500, 4000 };
	uint32_t count, core, preemptions, least = BLOCKS, i;
	struct core_counts whole, pieces;
	uint8_t result[BLOCKS * 0x100];

	for (i = 0; i < BLOCKS * 0x100 / 4; i++)
		*data(4 * i) = 0x01020304 * i;
	count = put_blocks();
	assert_int_equal(run_in_pieces(count, 0, &preemptions), 0);
	assert_int_equal(preemptions, 0);
	whole = core_counts(0);
	memcpy(result, data(0x8000), sizeof(result));
	for (i = 0; i < COUNT(slices); i++) {
		memset(data(0x8000), 0, sizeof(result));
		core = run_in_pieces(count, slices[i], &preemptions);
		pieces = core_counts(core);
		assert_memory_equal(&pieces, &whole, sizeof(whole));
		assert_memory_equal(data(0x8000), result, sizeof(result));
		assert_true(preemptions && preemptions < least);
		least = preemptions;
		if (slices[i] == 1)
			assert_int_equal(preemptions, BLOCKS - 1);
	}
}

/* Order is judged as if there had been no preemption in between. */
static void test_hazards_outlast_preemption(void **state)
{
	uint32_t pieces;

	for (pieces = 0; pieces < 2; pieces++) {
		put_copy(0, 0, 0, NPU_REGION_SRAM, 0, 100);
		put_nop(1, 1);
		mark(1);
		put_pool(2, 0x400, 90, 20);
		board_poke(CORE(NPU_CORE_SLICE), pieces);
		if (run_job(3) == NPU_CORE_PREEMPTED)
			resume(0, 0);
		else
			assert_false(pieces);
		assert_fault(NPU_FAULT_HAZARD, NPU_FAULT_UNIT_VEC, 2, 0, 90);
	}
}

static void test_each_turn_gets_a_job_further(void **state)
{
	uint32_t i;

	for (i = 0; i < 5; i++) {
		put_nop(i, 1);
		mark(i);
	}
	board_poke(CORE(NPU_CORE_SLICE), 1);
	assert_int_equal(run_job(5), NPU_CORE_PREEMPTED);
	for (i = 1; i < 5; i++) {
		assert_int_equal(board_peek(CORE(NPU_CORE_NEXT)), i);
		assert_int_equal(board_peek(SYS(NPU_SYS_IRQ_PENDING)),
				 NPU_IRQ_CORE(0));
		board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_ACK);
		assert_int_equal(resume(0, 0), i < 4 ? NPU_CORE_PREEMPTED :
						       NPU_CORE_DONE);
	}
	assert_int_equal(board_peek(CORE(NPU_CORE_NEXT)), 0);
}

static void post(uint32_t address, uint32_t value)
{
	*(struct board_access *)(board.memory + AT_MAILBOX) =
		(struct board_access){ 0x14, address, value, 0 };
	npu_core_doorbell(board.core, 0);
}

static void test_a_running_job_makes_way(void **state)
{
	uint64_t until;
	uint32_t i;

	for (i = 0; i < 512; i++) {
		put_nop(i, 1);
		if (i % 32 == 0)
			mark(i);
	}
	put_job(0, 1, 512);
	post(CORE(NPU_CORE_CTRL), NPU_CORE_START);
	for (i = 0; i < 100; i++)
		assert_int_equal(npu_core_run(board.core, 100, &until),
				 NPU_CORE_BUSY);
	post(CORE(NPU_CORE_SLICE), 1);
	board_run();
	assert_int_equal(board_peek(CORE(NPU_CORE_STATUS)),
			 NPU_CORE_PREEMPTED);
	assert_int_equal(board_peek(CORE(NPU_CORE_NEXT)), 128);
	/* Stopping it comes too late; resumed it can go to its end. */
	board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_STOP);
	assert_int_equal(board_peek(CORE(NPU_CORE_STATUS)),
			 NPU_CORE_PREEMPTED);
	board_poke(CORE(NPU_CORE_SLICE), 0);
	assert_int_equal(resume(0, 0), NPU_CORE_DONE);
}

static void test_slots_that_keep_no_job(void **state)
{
	put_nop(0, 1);
	put_nop(1, 1);
	mark(1);
	put_job(0, 1, 2);
	board_poke(CORE(NPU_CORE_SLOT), NPU_CORE_SLOTS);
	start(0);
	assert_fault(NPU_FAULT_FIELD, NPU_FAULT_UNIT_FETCH, 0, 5, 0);
	resume(0, UINT32_MAX);
	assert_fault(NPU_FAULT_FIELD, NPU_FAULT_UNIT_FETCH, 0, 5, 0);
	resume(0, 3);
	assert_fault(NPU_FAULT_FIELD, NPU_FAULT_UNIT_FETCH, 0, 5, 0);

	board_poke(CORE(NPU_CORE_SLICE), 1);
	assert_int_equal(start(0), NPU_CORE_PREEMPTED);
	assert_int_equal(resume(0, 3), NPU_CORE_DONE);
	resume(0, 3); /* it was emptied */
	assert_fault(NPU_FAULT_FIELD, NPU_FAULT_UNIT_FETCH, 0, 5, 0);

	/* The context is looked at anew. */
	assert_int_equal(start(0), NPU_CORE_PREEMPTED);
	board_poke(MMU(NPU_MMU_ROOT_LO(1)), 0);
	resume(0, 3);
	assert_fault(NPU_FAULT_CONTEXT, NPU_FAULT_UNIT_FETCH, 1, 0, 0);

	/* A reset of the core leaves slots, one of the machine does not. */
	open_context(1, AT_ROOT);
	assert_int_equal(start(0), NPU_CORE_PREEMPTED);
	board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_RESET);
	assert_int_equal(resume(0, 3), NPU_CORE_DONE);
	board_poke(CORE(NPU_CORE_SLICE), 1);
	assert_int_equal(run_job(2), NPU_CORE_PREEMPTED);
	npu_core_reset(board.core);
	board_boot_agent();
	open_context(1, AT_ROOT);
	resume(0, 3);
	assert_fault(NPU_FAULT_FIELD, NPU_FAULT_UNIT_FETCH, 0, 5, 0);
}

/* --- Hazards ------------------------------------------------------------------------ */

static void test_hazards(void **state)
{
	static const struct {
		uint32_t vec_from, vec_to, dma_from, dma_to;
		bool is_load;		/* DMA memory to SRAM, else back */
		bool is_hazard;
		uint32_t addr;
	} rows[] = {
		/* The DMA's write and what VEC reads or writes */
		{ 0x100, 0x200, 0, 0x100, true, true, 0x100 },
		{ 0x10f, 0x200, 0, 0x100, true, true, 0x10f },
		{ 0x110, 0x200, 0, 0x100, true, false, 0 },
		{ 0x0f0, 0x200, 0, 0x100, true, false, 0 },
		{ 0x0f1, 0x200, 0, 0x100, true, true, 0x100 },
		{ 0x300, 0x108, 0, 0x100, true, true, 0x108 },
		{ 0x300, 0x110, 0, 0x100, true, false, 0 },
		/* The DMA's read and what VEC writes; two reads don't matter */
		{ 0x300, 0x100, 0x100, 0, false, true, 0x100 },
		{ 0x300, 0x0f1, 0x100, 0, false, true, 0x100 },
		{ 0x300, 0x110, 0x100, 0, false, false, 0 },
		{ 0x100, 0x300, 0x100, 0, false, false, 0 },
	};
	uint32_t i, order;

	for (i = 0; i < COUNT(rows); i++) {
		for (order = 0; order < 2; order++) {
			put_pool(order, rows[i].vec_from, rows[i].vec_to, 16);
			if (rows[i].is_load)
				put_copy(!order, 0, 0, NPU_REGION_SRAM,
					 rows[i].dma_to, 16);
			else
				put_copy(!order, NPU_REGION_SRAM,
					 rows[i].dma_from, 0, 0, 16);
			if (!rows[i].is_hazard) {
				assert_int_equal(run_job(2), NPU_CORE_DONE);
				continue;
			}
			run_job(2);
			assert_fault(NPU_FAULT_HAZARD, order ?
					     NPU_FAULT_UNIT_VEC :
					     NPU_FAULT_UNIT_DMA,
				     1, 0, rows[i].addr);
			/* With a wait it is in order. */
			wait_for(1, order ? NPU_UNIT_DMA : NPU_UNIT_VEC, 1);
			assert_int_equal(run_job(2), NPU_CORE_DONE);
		}
	}
}

static void test_hazard_ranges_hold_gaps(void **state)
{
	/* Two rows of 4 bytes, 64 apart; VEC works between them. */
	put_copy(0, 0, 0, NPU_REGION_SRAM, 0x100, 4);
	command(0)->copy.n[0] = 2;
	command(0)->copy.src_stride[0] = 4;
	command(0)->copy.dst_stride[0] = 64;
	put_pool(1, 0x110, 0x200, 16);
	run_job(2);
	assert_fault(NPU_FAULT_HAZARD, NPU_FAULT_UNIT_VEC, 1, 0, 0x110);
	put_pool(1, 0x144, 0x200, 16);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
}

static void test_hazard_names_the_first_culprit(void **state)
{
	put_copy(0, 0, 0, NPU_REGION_SRAM, 0x400, 16);
	put_copy(1, 0, 0, NPU_REGION_SRAM, 0x100, 16);
	put_copy(2, 0, 0, NPU_REGION_SRAM, 0x108, 4);
	put_copy(3, 0, 0, NPU_REGION_SRAM, 0x100, 16);
	put_pool(4, 0x108, 0x200, 16);
	run_job(5);
	assert_fault(NPU_FAULT_HAZARD, NPU_FAULT_UNIT_VEC, 4, 1, 0x108);
	/* Behind the first of them, the second is. */
	wait_for(4, NPU_UNIT_DMA, 2);
	run_job(5);
	assert_fault(NPU_FAULT_HAZARD, NPU_FAULT_UNIT_VEC, 4, 2, 0x108);
	wait_for(4, NPU_UNIT_DMA, 3);
	run_job(5);
	assert_fault(NPU_FAULT_HAZARD, NPU_FAULT_UNIT_VEC, 4, 3, 0x108);
	wait_for(4, NPU_UNIT_DMA, 4);
	assert_int_equal(run_job(5), NPU_CORE_DONE);
}

static void test_order_is_transitive(void **state)
{
	/* DMA 0 writes; VEC 1 waits for it; DMA 2 waits for VEC 1 and so on. */
	put_copy(0, 0, 0, NPU_REGION_SRAM, 0x100, 16);
	put_pool(1, 0x100, 0x200, 16);
	wait_for(1, NPU_UNIT_DMA, 1);
	put_pool(2, 0x100, 0x300, 16);	/* behind 1, hence behind 0 */
	put_copy(3, NPU_REGION_SRAM, 0x300, 0, 0, 16);
	wait_for(3, NPU_UNIT_VEC, 2);
	put_copy(4, 0, 0, NPU_REGION_SRAM, 0x200, 16);	/* behind 3 and 1 */
	assert_int_equal(run_job(5), NPU_CORE_DONE);
	wait_for(3, NPU_UNIT_VEC, 1);
	run_job(5);
	assert_fault(NPU_FAULT_HAZARD, NPU_FAULT_UNIT_DMA, 3, 2, 0x300);
}

static void test_order_by_queue_depth(void **state)
{
	uint32_t i, count;

	/*
	 * DMA 0 writes what the last VEC command reads, without a wait. Once 17
	 * DMA commands are issued, the first has finished.
	 */
	for (count = 15; count <= 18; count++) {
		for (i = 0; i < count; i++)
			put_copy(i, 0, 0, NPU_REGION_SRAM, 0x100 + 64 * i,
				 16);
		put_pool(count, 0x100, 0x8000, 16);
		if (count >= 17) {
			assert_int_equal(run_job(count + 1), NPU_CORE_DONE);
			continue;
		}
		run_job(count + 1);
		assert_fault(NPU_FAULT_HAZARD, NPU_FAULT_UNIT_VEC, count, 0,
			     0x100);
	}
}

static void test_waits_count_modulo(void **state)
{
	/* 70,000 commands of one unit: the count has wrapped. */
	uint32_t page, i, chunk = AT_READ_ONLY - 0x1000;
	uint64_t *leaves = (uint64_t *)(board.memory + AT_LEAF2);
	uint64_t *tables = (uint64_t *)(board.memory + AT_ROOT2);

	/* Context 2: every page of 4 MiB shows the same 64 NOPs. */
	for (page = 0; page < 512; page++)
		leaves[page] = (BOARD_BASE + chunk) >> 12 << 10 | 3;
	for (page = 0; page < 4; page++)
		tables[512 + page] = tables[512];
	for (i = 0; i < 64; i++) {
		put_nop(0, 1);
		wait_for(0, NPU_UNIT_VEC, 0);
		command(0)->hdr.flags = 0;
		*(union npu_cmd *)(board.memory + chunk + 64 * i) =
			*command(0);
	}
	/* Each page's last waits for what was finished long ago: 0. */
	((union npu_cmd *)(board.memory + chunk))[63].hdr.flags =
		NPU_CMD_WAIT(NPU_UNIT_DMA);
	put_job(0, 2, 70000);
	board_poke(CORE(NPU_CORE_REGION_COUNT), 0);
	board_poke(CORE(NPU_CORE_CMD_LO), 0);
	assert_int_equal(start(0), NPU_CORE_DONE);
	assert_int_equal(board_peek(CORE(NPU_CORE_COMMANDS)), 70000);
	assert_int_equal(board_peek(CORE(NPU_CORE_RETIRED(NPU_UNIT_VEC))),
			 70000);
}

/* --- Time ---------------------------------------------------------------------------- */

/*
 * By hand: memory latency 64, 64 cycles per fetch, DMA latency 64 (or 32 within
 * SRAM) when idle, 1 byte per cycle from memory, 8 to SRAM.
 */
static void test_timeline_of_nops(void **state)
{
	put_nop(0, 100);
	assert_int_equal(run_job(1), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), 64 + 64 + 100);
	assert_int_equal(board_peek64(CORE(NPU_CORE_BUSY(NPU_UNIT_VEC))), 100);
	assert_int_equal(board.last_start, 128);
	assert_int_equal(board.last_end, 228);

	put_nop(1, 10);		/* fetched at 192, the unit is free at 228 */
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), 238);
	put_nop(0, 5);		/* ends at 133, long before 192 */
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), 202);
	assert_int_equal(board_peek64(CORE(NPU_CORE_BUSY(NPU_UNIT_VEC))), 15);
}

static void test_timeline_of_dma(void **state)
{
	/* Starts at 128; latency 64, 1000 bytes as 1008, the fetch's 64. */
	put_copy(0, 0, 0, NPU_REGION_SRAM, 0, 1000);
	assert_int_equal(run_job(1), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)),
			 128 + 64 + 1008 + 64);
	assert_int_equal(board_peek64(CORE(NPU_CORE_MEM_READ)), 1008 + 64);

	/* The second is back to back: no latency, its own fetch's 64. */
	put_copy(1, 0, 0, NPU_REGION_SRAM, 0, 160);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)),
			 1264 + 160 + 64);
	assert_int_equal(board_peek64(CORE(NPU_CORE_BUSY(NPU_UNIT_DMA))),
			 1264 - 128 + 224);

	/* Within SRAM: 32 + 2 x 80 bytes at 8 per cycle, nothing stolen. */
	put_copy(0, NPU_REGION_SRAM, 0, NPU_REGION_SRAM, 0x1000, 80);
	assert_int_equal(run_job(1), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), 128 + 32 + 20);
}

/* Fetches hold up only a DMA unit that works: here until 128 + 64 + 16 + 64. */
static void test_timeline_of_fetches(void **state)
{
	uint32_t i;

	put_copy(0, 0, 0, NPU_REGION_SRAM, 0, 16);
	for (i = 1; i < 10; i++)
		put_nop(i, 10);
	put_copy(10, 0, 0, NPU_REGION_SRAM, 0, 16);
	assert_int_equal(run_job(11), NPU_CORE_DONE);
	/* Fetched at 768; before 272 began those of three NOPs. */
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)),
			 768 + 64 + 16 + 64 + 3 * 64);
}

static void test_timeline_of_waits(void **state)
{
	/* DMA ends at 1264; VEC, fetched at 192, waits for it. */
	put_copy(0, 0, 0, NPU_REGION_SRAM, 0, 1000);
	put_nop(1, 50);
	wait_for(1, NPU_UNIT_DMA, 1);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), 1314);
	/* Without the wait it is done long before. */
	put_nop(1, 50);
	assert_int_equal(run_job(2), NPU_CORE_DONE);
	assert_int_equal(board.last_start, 192);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)), 1264);
}

static void test_timeline_of_a_full_queue(void **state)
{
	uint32_t i;

	/*
	 * 17 NOPs of 1000: the 17th is fetched when the first ends, at 1128;
	 * the DMA command behind it 64 later although its unit is idle.
	 */
	for (i = 0; i < 17; i++)
		put_nop(i, 1000);
	put_copy(17, NPU_REGION_SRAM, 0, NPU_REGION_SRAM, 0x1000, 80);
	assert_int_equal(run_job(18), NPU_CORE_DONE);
	/* The 16th is fetched at 64 + 16 x 64 = 1088. */
	assert_int_equal(board.last_start, 1152 + 64);
	assert_int_equal(board_peek64(CORE(NPU_CORE_CYCLES)),
			 128 + 17 * 1000);
}

static void test_energy(void **state)
{
	/*
	 * A NOP of 100 in 228 cycles at 200 MHz = 1140 ns: the fetch's 64 bytes
	 * at 163,000 fJ, and 64 + 24 KiB leaking 82 nW, whole fJ, each.
	 */
	put_nop(0, 100);
	assert_int_equal(run_job(1), NPU_CORE_DONE);
	assert_int_equal(board_peek64(CORE(NPU_CORE_ENERGY_FJ)),
			 64 * 163000 + 88 * (1140 * 82 / 1000));
}

static void test_equal_jobs_cost_the_same(void **state)
{
	uint64_t cycles, energy;

	put_copy(0, 0, 0, NPU_REGION_SRAM, 0, 1000);
	put_pool(1, 0x100, 0x2000, 64);
	wait_for(1, NPU_UNIT_DMA, 1);
	run_job(2);
	cycles = board_peek64(CORE(NPU_CORE_CYCLES));
	energy = board_peek64(CORE(NPU_CORE_ENERGY_FJ));
	board.now += 123456789;
	board_poke(MMU(NPU_MMU_INV_CMD), NPU_MMU_INV_ALL);
	put_job(1, 2, 2);
	assert_int_equal(start(1), NPU_CORE_DONE);
	assert_int_equal(board_peek64(NPU_CORE_BASE(1) + NPU_CORE_CYCLES),
			 cycles);
	assert_int_equal(board_peek64(NPU_CORE_BASE(1) + NPU_CORE_ENERGY_FJ),
			 energy);
}

#define TEST(name, before) cmocka_unit_test_setup_teardown(name, before, teardown)

/* Once more, on a host that shows its memory. */
#define AGAIN(name, before) { #name "_shown", name, before, teardown, NULL }

static const struct CMUnitTest tests[] = {
	TEST(test_sizes, setup),
	TEST(test_boot_refuses_bad_headers, setup),
	TEST(test_boot_refuses_sizes_and_dma, setup),
	TEST(test_boot_refuses_any_flipped_bit, setup),
	TEST(test_boot_leaves_a_clean_state, setup),
	TEST(test_image_of_the_largest_size, setup),
	TEST(test_boot_latches_and_ignores_a_second, setup),
	TEST(test_reset_waits_for_dma_on_its_way, setup),
	TEST(test_host_thread_resets_a_busy_machine, setup),
	TEST(test_timer, setup),
	TEST(test_identification, setup_agent),
	TEST(test_accesses_that_are_none, setup_agent),
	TEST(test_counts, setup_agent),
	TEST(test_reset_is_visible_at_once, setup_agent),
	TEST(test_function_level_reset, setup_agent),
	TEST(test_wakes, setup_agent),
	TEST(test_registers_keep_what_they_should, setup_agent),
	TEST(test_addresses_without_register, setup_agent),
	TEST(test_time, setup_agent),
	TEST(test_doorbells_and_interrupts, setup_agent),
	TEST(test_window_to_the_bus, setup_agent),
	TEST(test_window_to_a_context, setup_agent),
	TEST(test_window_refusals, setup_agent),
	TEST(test_window_follows_its_registers, setup),
	TEST(test_mmu_registers, setup_agent),
	TEST(test_job_moves_data, setup_job),
	TEST(test_interrupt_at_the_end, setup_job),
	TEST(test_registers_of_a_job, setup_job),
	TEST(test_fetch_faults, setup_job),
	TEST(test_opcodes, setup_job),
	TEST(test_header_flags, setup_job),
	TEST(test_memory_faults, setup_job),
	TEST(test_commands_met_before_are_checked, setup_job),
	TEST(test_fault_ends_one_job_only, setup_job),
	TEST(test_sram_is_cleared_between_contexts, setup_job),
	TEST(test_weight_buffer_is_cleared_between_contexts, setup_job),
	TEST(test_weight_buffer_ends_with_the_multipliers, setup_job),
	TEST(test_hazards_of_the_weight_buffer, setup_job),
	TEST(test_sram_is_cleared_with_the_context, setup_job),
	TEST(test_cores_have_their_own, setup_job),
	TEST(test_deadlock_lasts_until_stopped, setup_job),
	TEST(test_deadlock_ends_with_core_reset, setup_job),
	TEST(test_stop_between_commands, setup_job),
	TEST(test_reset_in_mid_job, setup_job),
	TEST(test_a_job_in_pieces_counts_as_in_one, setup_job),
	TEST(test_hazards_outlast_preemption, setup_job),
	TEST(test_each_turn_gets_a_job_further, setup_job),
	TEST(test_a_running_job_makes_way, setup_job),
	TEST(test_slots_that_keep_no_job, setup_job),
	TEST(test_hazards, setup_job),
	TEST(test_hazard_ranges_hold_gaps, setup_job),
	TEST(test_hazard_names_the_first_culprit, setup_job),
	TEST(test_order_is_transitive, setup_job),
	TEST(test_order_by_queue_depth, setup_job),
	TEST(test_waits_count_modulo, setup_job),
	TEST(test_timeline_of_nops, setup_job),
	TEST(test_timeline_of_dma, setup_job),
	TEST(test_timeline_of_fetches, setup_job),
	TEST(test_timeline_of_waits, setup_job),
	TEST(test_timeline_of_a_full_queue, setup_job),
	TEST(test_energy, setup_job),
	TEST(test_equal_jobs_cost_the_same, setup_job),

	AGAIN(test_boot_refuses_sizes_and_dma, setup_shown),
	AGAIN(test_window_to_the_bus, setup_agent_shown),
	AGAIN(test_window_to_a_context, setup_agent_shown),
	AGAIN(test_window_refusals, setup_agent_shown),
	AGAIN(test_window_follows_its_registers, setup_shown),
	AGAIN(test_job_moves_data, setup_job_shown),
	AGAIN(test_fetch_faults, setup_job_shown),
	AGAIN(test_memory_faults, setup_job_shown),
	AGAIN(test_reset_in_mid_job, setup_job_shown),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
