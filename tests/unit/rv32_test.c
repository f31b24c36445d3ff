// SPDX-License-Identifier: MIT
/*
 * The controller's processor, instruction by instruction: operands, results
 * computed here from the manual's words, traps, interrupts and encodings. The
 * last test asks the GNU assembler, if it is there, for a second opinion on
 * every encoding used here.
 */
#include "rv32.h"
#include "rv32_asm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define TCM_BASE 0x10000000u
#define TCM_SIZE 0x20000u
#define KEPT (TCM_BASE + 2 * RV32_DECODED) /* decoded below, not above */
#define CODE (TCM_BASE + 0x1000u)
#define DATA (TCM_BASE + 0x8000u)
#define HANDLER (TCM_BASE + 0x400u)
#define MMIO 0x40000000u
#define MMIO_SIZE 0x100u
#define STOPPER (MMIO + 0x80u)	/* a store there ends the slice */

/* Who executes what can be translated. */
enum mode { WHOEVER_DOES, INTERPRETER, TRANSLATOR };

static enum mode mode;

/* The linker's --wrap has the processor's mprotect() be this one. */
static uint32_t refused_every; /* so many calls, or none if 0 */
static uint32_t protections;

int __real_mprotect(void *at, size_t size, int protection);
int __wrap_mprotect(void *at, size_t size, int protection);
int __wrap_mprotect(void *at, size_t size, int protection)
{
	if (refused_every && ++protections % refused_every == 0)
		return -1;
	return __real_mprotect(at, size, protection);
}

static struct board {
	struct rv32 cpu;
	struct rv32_bus bus;
	uint8_t tcm[TCM_SIZE];
	uint8_t mmio[MMIO_SIZE];
	uint32_t accesses;
	uint64_t time;
} board;

static int mmio_load(void *opaque, uint32_t address, unsigned int size,
		     uint32_t *value)
{
	board.accesses++;
	if (address - MMIO >= MMIO_SIZE || address % size)
		return -1;
	*value = 0;
	memcpy(value, board.mmio + (address - MMIO), size);
	return 0;
}

static int mmio_store(void *opaque, uint32_t address, unsigned int size,
		      uint32_t value)
{
	board.accesses++;
	if (address - MMIO >= MMIO_SIZE || address % size)
		return -1;
	if (address == STOPPER)
		board.cpu.must_stop = true;
	memcpy(board.mmio + (address - MMIO), &value, size);
	return 0;
}

static uint64_t read_time(void *opaque)
{
	return board.time;
}

static int setup(void **state)
{
	rv32_free(&board.cpu);
	memset(&board, 0, sizeof(board));
	board.cpu.is_interpreted = mode == INTERPRETER;
	board.cpu.is_eager = mode == TRANSLATOR;
	rv32_reset(&board.cpu, CODE);
	board.cpu.mtvec = HANDLER;
	board.bus = (struct rv32_bus){
		.tcm = board.tcm,
		.tcm_base = TCM_BASE,
		.tcm_size = TCM_SIZE,
		.load = mmio_load,
		.store = mmio_store,
		.time = read_time,
	};
	return 0;
}

static void put32(uint32_t address, uint32_t value)
{
	memcpy(board.tcm + (address - TCM_BASE), &value, 4);
	rv32_forget(&board.cpu, address - TCM_BASE, 4);
}

static uint32_t get32(uint32_t address)
{
	uint32_t value;

	memcpy(&value, board.tcm + (address - TCM_BASE), 4);
	return value;
}

/* Execute one instruction at CODE. */
static void step(uint32_t insn)
{
	board.cpu.pc = CODE;
	put32(CODE, insn);
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 1), 1);
}

static void assert_no_trap(void)
{
	assert_int_equal(board.cpu.mcause, 0);
	assert_int_not_equal(board.cpu.pc, HANDLER);
}

static void assert_trap(uint32_t cause, uint32_t epc, uint32_t value)
{
	assert_int_equal(board.cpu.mcause, cause);
	assert_int_equal(board.cpu.mepc, epc);
	assert_int_equal(board.cpu.mtval, value);
	assert_int_equal(board.cpu.pc, HANDLER);
	board.cpu.mcause = 0;
}

/* --- Arithmetic --------------------------------------------------------- */

static const uint32_t corners[] = {
	0, 1, 2, 5, 31, 32, 33, 0x7f, 0x80, 0xffff, 0x8000, 0x12345678,
	0x55555555, 0xaaaaaaaa, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001,
	0xfffffffe, 0xffffffff,
};

static uint32_t sem_add(uint32_t a, uint32_t b) { return a + b; }
static uint32_t sem_sub(uint32_t a, uint32_t b) { return a - b; }
static uint32_t sem_and(uint32_t a, uint32_t b) { return a & b; }
static uint32_t sem_or(uint32_t a, uint32_t b) { return a | b; }
static uint32_t sem_xor(uint32_t a, uint32_t b) { return a ^ b; }
static uint32_t sem_sltu(uint32_t a, uint32_t b) { return a < b ? 1 : 0; }
static uint32_t sem_mul(uint32_t a, uint32_t b) { return a * b; }

/* Signed order without signed types: flip the sign bits. */
static uint32_t sem_slt(uint32_t a, uint32_t b)
{
	return (a ^ 0x80000000u) < (b ^ 0x80000000u);
}

static uint32_t sem_sll(uint32_t a, uint32_t b)
{
	uint64_t wide = a;
	uint32_t i;

	for (i = 0; i < b % 32; i++)
		wide *= 2;
	return (uint32_t)wide;
}

static uint32_t sem_srl(uint32_t a, uint32_t b)
{
	uint32_t i;

	for (i = 0; i < b % 32; i++)
		a /= 2;
	return a;
}

static uint32_t sem_sra(uint32_t a, uint32_t b)
{
	uint32_t i;

	for (i = 0; i < b % 32; i++)
		a = a / 2 | (a & 0x80000000u);
	return a;
}

/* Schoolbook on 16-bit halves, corrected for signs as the manual implies. */
static uint32_t sem_mulhu(uint32_t a, uint32_t b)
{
	uint32_t al = a & 0xffff, ah = a >> 16, bl = b & 0xffff, bh = b >> 16;
	uint32_t low = al * bl, mid1 = ah * bl, mid2 = al * bh;
	uint32_t carry = (low >> 16) + (mid1 & 0xffff) + (mid2 & 0xffff);

	return ah * bh + (mid1 >> 16) + (mid2 >> 16) + (carry >> 16);
}

static uint32_t sem_mulhsu(uint32_t a, uint32_t b)
{
	return sem_mulhu(a, b) - (a >> 31 ? b : 0);
}

static uint32_t sem_mulh(uint32_t a, uint32_t b)
{
	return sem_mulhsu(a, b) - (b >> 31 ? a : 0);
}

static uint32_t sem_divu(uint32_t a, uint32_t b)
{
	return b ? a / b : 0xffffffff;
}

static uint32_t sem_remu(uint32_t a, uint32_t b)
{
	return b ? a % b : a;
}

static uint32_t magnitude(uint32_t a)
{
	return a >> 31 ? -a : a;
}

/* On magnitudes; -2^31 / -1 comes out as -2^31, as it has to. */
static uint32_t sem_div(uint32_t a, uint32_t b)
{
	uint32_t q;

	if (!b)
		return 0xffffffff;
	q = magnitude(a) / magnitude(b);
	return (a ^ b) >> 31 ? -q : q;
}

static uint32_t sem_rem(uint32_t a, uint32_t b)
{
	uint32_t r;

	if (!b)
		return a;
	r = magnitude(a) % magnitude(b);
	return a >> 31 ? -r : r;
}

static const struct alu_row {
	const char *name;
	uint32_t funct7, funct3;
	uint32_t (*semantic)(uint32_t a, uint32_t b);
} alu_rows[] = {
	{ "add", 0x00, 0, sem_add },	{ "sub", 0x20, 0, sem_sub },
	{ "sll", 0x00, 1, sem_sll },	{ "slt", 0x00, 2, sem_slt },
	{ "sltu", 0x00, 3, sem_sltu },	{ "xor", 0x00, 4, sem_xor },
	{ "srl", 0x00, 5, sem_srl },	{ "sra", 0x20, 5, sem_sra },
	{ "or", 0x00, 6, sem_or },	{ "and", 0x00, 7, sem_and },
	{ "mul", 0x01, 0, sem_mul },	{ "mulh", 0x01, 1, sem_mulh },
	{ "mulhsu", 0x01, 2, sem_mulhsu }, { "mulhu", 0x01, 3, sem_mulhu },
	{ "div", 0x01, 4, sem_div },	{ "divu", 0x01, 5, sem_divu },
	{ "rem", 0x01, 6, sem_rem },	{ "remu", 0x01, 7, sem_remu },
};

static void test_register_operations(void **state)
{
	const struct alu_row *row;
	uint32_t i, j, a, b;

	for (row = alu_rows; row < alu_rows + COUNT(alu_rows); row++) {
		for (i = 0; i < COUNT(corners); i++) {
			for (j = 0; j < COUNT(corners); j++) {
				a = corners[i];
				b = corners[j];
				board.cpu.x[7] = a;
				board.cpu.x[29] = b;
				step(asm_r(row->funct7, row->funct3, 13, 7,
					   29));
				assert_no_trap();
				assert_int_equal(board.cpu.x[13],
						 row->semantic(a, b));
				assert_int_equal(board.cpu.x[7], a);
				assert_int_equal(board.cpu.x[29], b);
				assert_int_equal(board.cpu.pc, CODE + 4);
			}
		}
	}
}

static void test_register_operations_alias(void **state)
{
	const struct alu_row *row;

	for (row = alu_rows; row < alu_rows + COUNT(alu_rows); row++) {
		board.cpu.x[5] = 0x87654321;
		board.cpu.x[6] = 0x00001234;
		step(asm_r(row->funct7, row->funct3, 5, 5, 6));
		assert_int_equal(board.cpu.x[5],
				 row->semantic(0x87654321, 0x1234));
		board.cpu.x[5] = 0x87654321;
		step(asm_r(row->funct7, row->funct3, 5, 6, 5));
		assert_int_equal(board.cpu.x[5],
				 row->semantic(0x1234, 0x87654321));
		step(asm_r(row->funct7, row->funct3, 0, 5, 6));
		assert_int_equal(board.cpu.x[0], 0);
		step(asm_r(row->funct7, row->funct3, 9, 0, 6));
		assert_int_equal(board.cpu.x[9], row->semantic(0, 0x1234));
	}
}

static const uint32_t immediates[] = {
	0, 1, 2, 7, 31, 2047, (uint32_t)-1, (uint32_t)-2, (uint32_t)-2048,
};

static void test_immediate_operations(void **state)
{
	static const struct alu_row rows[] = {
		{ "addi", 0, 0, sem_add }, { "slti", 0, 2, sem_slt },
		{ "sltiu", 0, 3, sem_sltu }, { "xori", 0, 4, sem_xor },
		{ "ori", 0, 6, sem_or }, { "andi", 0, 7, sem_and },
	};
	const struct alu_row *row;
	uint32_t i, j;

	for (row = rows; row < rows + COUNT(rows); row++) {
		for (i = 0; i < COUNT(corners); i++) {
			for (j = 0; j < COUNT(immediates); j++) {
				board.cpu.x[30] = corners[i];
				step(asm_i(0x13, row->funct3, 31, 30,
					   immediates[j]));
				assert_no_trap();
				assert_int_equal(board.cpu.x[31],
						 row->semantic(corners[i],
							       immediates[j]));
			}
		}
	}
}

static void test_immediate_shifts(void **state)
{
	static const struct alu_row rows[] = {
		{ "slli", 0, 1, sem_sll }, { "srli", 0, 5, sem_srl },
		{ "srai", 0x20, 5, sem_sra },
	};
	const struct alu_row *row;
	uint32_t i, shift;

	for (row = rows; row < rows + COUNT(rows); row++) {
		for (i = 0; i < COUNT(corners); i++) {
			for (shift = 0; shift < 32; shift++) {
				board.cpu.x[1] = corners[i];
				step(asm_i(0x13, row->funct3, 2, 1,
					   row->funct7 << 5 | shift));
				assert_no_trap();
				assert_int_equal(board.cpu.x[2],
						 row->semantic(corners[i],
							       shift));
			}
		}
	}
}

static void test_upper_immediates(void **state)
{
	uint32_t i, value;

	for (i = 0; i < COUNT(corners); i++) {
		value = corners[i] & 0xfffff000;
		step(asm_lui(17, value));
		assert_int_equal(board.cpu.x[17], value);
		step(asm_auipc(18, value));
		assert_int_equal(board.cpu.x[18], CODE + value);
	}
	step(asm_lui(0, 0x1000));
	step(asm_auipc(0, 0x1000));
	assert_int_equal(board.cpu.x[0], 0);
	assert_no_trap();
}

/* --- Jumps and branches ---------------------------------------------------- */

static bool sem_eq(uint32_t a, uint32_t b) { return !(a - b); }
static bool sem_ne(uint32_t a, uint32_t b) { return a - b; }
static bool sem_lt(uint32_t a, uint32_t b) { return sem_slt(a, b); }
static bool sem_ge(uint32_t a, uint32_t b) { return !sem_slt(a, b); }
static bool sem_ltu(uint32_t a, uint32_t b) { return a < b; }
static bool sem_geu(uint32_t a, uint32_t b) { return !(a < b); }

static void test_branches(void **state)
{
	static const struct {
		uint32_t funct3;
		bool (*is_taken)(uint32_t a, uint32_t b);
	} rows[] = {
		{ 0, sem_eq }, { 1, sem_ne }, { 4, sem_lt },
		{ 5, sem_ge }, { 6, sem_ltu }, { 7, sem_geu },
	};
	static const uint32_t offsets[] = { 2, 8, 4094, (uint32_t)-2,
					    (uint32_t)-4096, 0x554, 0 };
	uint32_t r, i, j, k, expected;

	for (r = 0; r < COUNT(rows); r++) {
		for (i = 0; i < COUNT(corners); i++) {
			for (j = 0; j < COUNT(corners); j++) {
				k = (i + j) % COUNT(offsets);
				board.cpu.x[11] = corners[i];
				board.cpu.x[22] = corners[j];
				step(asm_branch(rows[r].funct3, 11, 22,
						offsets[k]));
				expected = rows[r].is_taken(corners[i],
							    corners[j]) ?
					CODE + offsets[k] : CODE + 4;
				assert_int_equal(board.cpu.pc, expected);
			}
		}
	}
	assert_int_equal(board.cpu.mcause, 0);
}

static void test_jumps(void **state)
{
	static const uint32_t offsets[] = { 0, 2, 2048, 0xffffe, 0x5a5a4,
					    (uint32_t)-2, (uint32_t)-0x100000 };
	uint32_t i;

	for (i = 0; i < COUNT(offsets); i++) {
		step(asm_jal(1, offsets[i]));
		assert_int_equal(board.cpu.pc, CODE + offsets[i]);
		assert_int_equal(board.cpu.x[1], CODE + 4);
	}
	step(asm_jal(0, 16));
	assert_int_equal(board.cpu.x[0], 0);

	board.cpu.x[4] = 0x20000001;
	step(asm_jalr(5, 4, 2047));
	assert_int_equal(board.cpu.pc, 0x20000800);
	assert_int_equal(board.cpu.x[5], CODE + 4);
	step(asm_jalr(4, 4, (uint32_t)-2048));
	assert_int_equal(board.cpu.pc, 0x1ffff800);
	assert_int_equal(board.cpu.x[4], CODE + 4);
	assert_int_equal(board.cpu.mcause, 0);
}

/* --- Loads and stores ------------------------------------------------------- */

static void test_loads(void **state)
{
	static const struct {
		uint32_t funct3, bytes, expected;
	} rows[] = {
		{ 0, 0x123456f0, 0xfffffff0 }, { 0, 0xffffff7f, 0x7f },
		{ 1, 0x1234f678, 0xfffff678 }, { 1, 0xffff7fff, 0x7fff },
		{ 2, 0x89abcdef, 0x89abcdef }, { 4, 0x123456f0, 0xf0 },
		{ 5, 0x1234f678, 0xf678 },
	};
	uint32_t i, place;

	for (i = 0; i < COUNT(rows); i++) {
		/* Misaligned places work in TCM. */
		for (place = 0; place < 4; place++) {
			put32(DATA + place, rows[i].bytes);
			board.cpu.x[20] = DATA + place + 100;
			step(asm_load(rows[i].funct3, 21, 20, (uint32_t)-100));
			assert_int_equal(board.cpu.x[21], rows[i].expected);
		}
		memcpy(board.mmio + 8, &rows[i].bytes, 4);
		board.cpu.x[20] = MMIO;
		step(asm_load(rows[i].funct3, 20, 20, 8));
		assert_int_equal(board.cpu.x[20], rows[i].expected);
		step(asm_load(rows[i].funct3, 0, 20, 0));
		assert_int_equal(board.cpu.x[0], 0);
		board.cpu.mcause = 0;
	}
	assert_int_equal(board.accesses, 2 * COUNT(rows));
}

static void test_stores(void **state)
{
	static const struct {
		uint32_t funct3, expected;
	} rows[] = { { 0, 0x555555ef }, { 1, 0x5555cdef }, { 2, 0x89abcdef } };
	uint32_t i, place, value;

	board.cpu.x[9] = 0x89abcdef;
	for (i = 0; i < COUNT(rows); i++) {
		for (place = 0; place < 4; place++) {
			put32(DATA + place, 0x55555555);
			board.cpu.x[8] = DATA + place - 2047;
			step(asm_store(rows[i].funct3, 9, 8, 2047));
			assert_int_equal(get32(DATA + place),
					 rows[i].expected);
		}
		memset(board.mmio, 0x55, sizeof(board.mmio));
		board.cpu.x[8] = MMIO + 4 + 2048;
		step(asm_store(rows[i].funct3, 9, 8, (uint32_t)-2048));
		memcpy(&value, board.mmio + 4, 4);
		assert_int_equal(value, rows[i].expected);
	}
	assert_no_trap();
}

static void test_access_faults(void **state)
{
	static const uint32_t bad[] = {
		0, MMIO - 4, MMIO + MMIO_SIZE, TCM_BASE - 4,
		TCM_BASE + TCM_SIZE, 0xfffffffc, MMIO + 1, MMIO + 2,
		TCM_BASE + TCM_SIZE - 2, TCM_BASE - 1, 0xffffffff,
	};
	uint32_t i;

	board.cpu.x[3] = 0x1234;
	for (i = 0; i < COUNT(bad); i++) {
		board.cpu.x[4] = bad[i];
		step(asm_lw(3, 4, 0));
		assert_trap(RV32_LOAD_ACCESS, CODE, bad[i]);
		assert_int_equal(board.cpu.x[3], 0x1234);
		step(asm_sw(3, 4, 0));
		assert_trap(RV32_STORE_ACCESS, CODE, bad[i]);
	}
	/* The last bytes of TCM can be reached, each with its own size. */
	board.cpu.x[4] = TCM_BASE + TCM_SIZE;
	step(asm_load(0, 5, 4, (uint32_t)-1));
	step(asm_load(1, 5, 4, (uint32_t)-2));
	step(asm_load(2, 5, 4, (uint32_t)-4));
	step(asm_store(0, 5, 4, (uint32_t)-1));
	step(asm_store(1, 5, 4, (uint32_t)-2));
	step(asm_store(2, 5, 4, (uint32_t)-4));
	assert_no_trap();
}

static void test_fetch_faults(void **state)
{
	board.cpu.pc = 0;
	rv32_run(&board.cpu, &board.bus, 1);
	assert_trap(RV32_FETCH_ACCESS, 0, 0);

	board.cpu.pc = MMIO;
	rv32_run(&board.cpu, &board.bus, 1);
	assert_trap(RV32_FETCH_ACCESS, MMIO, MMIO);
	assert_int_equal(board.accesses, 0);

	/* The second half of an instruction beyond the end. */
	put32(TCM_BASE + TCM_SIZE - 4, 0x00130001);
	board.cpu.pc = TCM_BASE + TCM_SIZE - 2;
	rv32_run(&board.cpu, &board.bus, 1);
	assert_trap(RV32_FETCH_ACCESS, TCM_BASE + TCM_SIZE - 2,
		    TCM_BASE + TCM_SIZE);
	board.cpu.pc = TCM_BASE + TCM_SIZE - 4;
	rv32_run(&board.cpu, &board.bus, 1);
	assert_int_equal(board.cpu.pc, TCM_BASE + TCM_SIZE - 2);
}

/* --- CSRs ---------------------------------------------------------------------- */

enum {
	MSTATUS = 0x300, MISA = 0x301, MIE = 0x304, MTVEC = 0x305,
	MSCRATCH = 0x340, MEPC = 0x341, MCAUSE = 0x342, MTVAL = 0x343,
	MIP = 0x344, MCYCLE = 0xb00, MINSTRET = 0xb02, MCYCLEH = 0xb80,
	MINSTRETH = 0xb82, CYCLE = 0xc00, TIME = 0xc01, INSTRET = 0xc02,
	CYCLEH = 0xc80, TIMEH = 0xc81, INSTRETH = 0xc82,
};

static uint32_t csr_value(uint32_t csr)
{
	step(asm_csr(2, 12, csr, 0));
	return board.cpu.x[12];
}

static void test_csr_fields(void **state)
{
	static const struct {
		uint32_t csr, writable, fixed;
	} rows[] = {
		{ MSTATUS, 0x00000088, 0x00001800 },
		{ 0x310, 0, 0 },
		{ MISA, 0, 0x40001104 },
		{ MIE, 0x00000888, 0 },
		{ MTVEC, 0xfffffffd, 0 },
		{ MSCRATCH, 0xffffffff, 0 },
		{ MEPC, 0xfffffffe, 0 },
		{ MCAUSE, 0xffffffff, 0 },
		{ MTVAL, 0xffffffff, 0 },
		{ MIP, 0, 0 },
		{ 0x320, 0, 0 }, { 0x323, 0, 0 }, { 0x33f, 0, 0 },
		{ 0xb03, 0, 0 }, { 0xb1f, 0, 0 }, { 0xb83, 0, 0 },
		{ 0xb9f, 0, 0 },
	};
	uint32_t i, csr;

	for (i = 0; i < COUNT(rows); i++) {
		csr = rows[i].csr;
		board.cpu.x[10] = 0xffffffff;
		step(asm_csr(1, 0, csr, 10));
		assert_int_equal(csr_value(csr),
				 rows[i].writable | rows[i].fixed);
		board.cpu.x[10] = 0;
		step(asm_csr(1, 11, csr, 10));
		assert_int_equal(board.cpu.x[11],
				 rows[i].writable | rows[i].fixed);
		assert_int_equal(csr_value(csr), rows[i].fixed);
	}
}

static void test_csr_instructions(void **state)
{
	board.cpu.mscratch = 0xf0f0f0f0;
	board.cpu.x[10] = 0x000000ff;
	step(asm_csr(2, 11, MSCRATCH, 10));
	assert_int_equal(board.cpu.x[11], 0xf0f0f0f0);
	assert_int_equal(board.cpu.mscratch, 0xf0f0f0ff);
	step(asm_csr(3, 11, MSCRATCH, 10));
	assert_int_equal(board.cpu.mscratch, 0xf0f0f000);
	step(asm_csr(1, 10, MSCRATCH, 10));
	assert_int_equal(board.cpu.mscratch, 0xff);
	assert_int_equal(board.cpu.x[10], 0xf0f0f000);
	step(asm_csr(5, 11, MSCRATCH, 21));
	assert_int_equal(board.cpu.mscratch, 21);
	step(asm_csr(6, 11, MSCRATCH, 10));
	assert_int_equal(board.cpu.mscratch, 31);
	step(asm_csr(7, 11, MSCRATCH, 1));
	assert_int_equal(board.cpu.mscratch, 30);
	assert_int_equal(board.cpu.x[11], 31);
	step(asm_csr(1, 0, MSCRATCH, 0));
	assert_int_equal(board.cpu.mscratch, 0);
	assert_int_equal(board.cpu.x[0], 0);
	assert_no_trap();
}

static void test_csr_illegal(void **state)
{
	static const uint32_t missing[] = { 0x000, 0x100, 0x180, 0x302, 0x303,
					    0x306, 0x345, 0x3a0, 0x7b0, 0xb01,
					    0xc03, 0xf10, 0xf16, 0xfff };
	static const uint32_t read_only[] = { CYCLE, TIME, INSTRET, CYCLEH,
					      TIMEH, INSTRETH, 0xf11, 0xf12,
					      0xf13, 0xf14, 0xf15 };
	uint32_t i, insn, kind;

	for (i = 0; i < COUNT(missing); i++) {
		insn = asm_csr(2, 3, missing[i], 0);
		step(insn);
		assert_trap(RV32_ILLEGAL, CODE, insn);
	}
	for (i = 0; i < COUNT(read_only); i++) {
		csr_value(read_only[i]);
		assert_no_trap();
		/* A write is one by its operands, not by its value. */
		for (kind = 1; kind < 8; kind++) {
			if (kind == 4)
				continue;
			insn = asm_csr(kind, 3, read_only[i], 5);
			step(insn);
			assert_trap(RV32_ILLEGAL, CODE, insn);
		}
		insn = asm_csr(1, 3, read_only[i], 0);
		step(insn);
		assert_trap(RV32_ILLEGAL, CODE, insn);
		step(asm_csr(3, 3, read_only[i], 0));
		step(asm_csr(6, 3, read_only[i], 0));
		step(asm_csr(7, 3, read_only[i], 0));
		assert_no_trap();
	}
}

static void write_csr(uint32_t csr, uint32_t value)
{
	board.cpu.x[15] = value;
	step(asm_csr(1, 0, csr, 15));
}

static void test_counters(void **state)
{
	uint32_t before = csr_value(MINSTRET);

	step(ASM_NOP);
	step(ASM_ECALL);
	assert_int_equal(csr_value(MINSTRET), before + 2);
	assert_int_equal(csr_value(MCYCLE), before + 4);
	assert_int_equal(csr_value(INSTRET), before + 4);
	assert_int_equal(csr_value(CYCLE), before + 6);

	/* What is written is what the next instruction reads. */
	write_csr(MINSTRET, 100);
	assert_int_equal(csr_value(MINSTRET), 100);
	write_csr(MCYCLEH, 5);
	write_csr(MCYCLE, 0xffffffff);
	assert_int_equal(csr_value(MCYCLE), 0xffffffff);
	assert_int_equal(csr_value(CYCLEH), 6);
	write_csr(MINSTRETH, 7);
	assert_int_equal(csr_value(INSTRETH), 7);
	assert_int_equal(csr_value(MINSTRETH), 7);
	write_csr(MINSTRET, 0);
	assert_int_equal(csr_value(MINSTRET), 0);
	assert_int_equal(csr_value(MINSTRETH), 7);

	board.time = 0x1122334455667788ull;
	assert_int_equal(csr_value(TIME), 0x55667788);
	assert_int_equal(csr_value(TIMEH), 0x11223344);
	board.bus.time = NULL;
	assert_int_equal(csr_value(TIME), 0);
}

/* --- Traps and interrupts --------------------------------------------------- */

static void test_exceptions(void **state)
{
	step(ASM_ECALL);
	assert_trap(RV32_ECALL, CODE, 0);
	step(ASM_EBREAK);
	assert_trap(RV32_BREAKPOINT, CODE, CODE);
	step(0x9002);	/* c.ebreak */
	assert_trap(RV32_BREAKPOINT, CODE, CODE);
	step(0xffffffff);
	assert_trap(RV32_ILLEGAL, CODE, 0xffffffff);
	step(0x12340000);	/* the compressed half alone is reported */
	assert_trap(RV32_ILLEGAL, CODE, 0);

	/* Exceptions go to the base also when interrupts are vectored. */
	board.cpu.mtvec = HANDLER | 1;
	step(ASM_ECALL);
	assert_trap(RV32_ECALL, CODE, 0);
}

static void test_trap_saves_and_mret_restores(void **state)
{
	board.cpu.mstatus = RV32_MSTATUS_MIE;
	step(ASM_ECALL);
	assert_int_equal(board.cpu.mstatus, RV32_MSTATUS_MPIE);
	step(ASM_ECALL);
	assert_int_equal(board.cpu.mstatus, 0);

	board.cpu.mepc = CODE + 0x20;
	board.cpu.mstatus = RV32_MSTATUS_MPIE;
	step(ASM_MRET);
	assert_int_equal(board.cpu.pc, CODE + 0x20);
	assert_int_equal(board.cpu.mstatus,
			 RV32_MSTATUS_MPIE | RV32_MSTATUS_MIE);
	board.cpu.mstatus = 0;
	step(ASM_MRET);
	assert_int_equal(board.cpu.mstatus, RV32_MSTATUS_MPIE);
}

static void test_interrupts(void **state)
{
	static const struct {
		uint32_t pending, enabled, cause;
	} rows[] = {
		{ 0x800, 0x800, 11 }, { 0x080, 0x080, 7 },
		{ 0x008, 0x008, 3 }, { 0x888, 0x888, 11 },
		{ 0x088, 0x888, 3 }, { 0x880, 0x080, 7 },
		{ 0x888, 0x088, 3 }, { 0x800, 0x088, 0 },
		{ 0x000, 0x888, 0 },
	};
	uint32_t i, expected;

	for (i = 0; i < COUNT(rows); i++) {
		setup(NULL);
		board.cpu.mtvec = HANDLER | 1;
		board.cpu.mie = rows[i].enabled;
		rv32_set_irq(&board.cpu, rows[i].pending, true);
		assert_int_equal(csr_value(MIP), rows[i].pending);

		/* Not without MIE. */
		step(ASM_NOP);
		assert_int_equal(board.cpu.pc, CODE + 4);

		put32(HANDLER + 4 * rows[i].cause, asm_addi(1, 0, 77));
		board.cpu.mstatus = RV32_MSTATUS_MIE;
		step(ASM_NOP);
		expected = rows[i].cause ? HANDLER + 4 * rows[i].cause + 4 :
					   CODE + 4;
		assert_int_equal(board.cpu.pc, expected);
		if (!rows[i].cause)
			continue;
		assert_int_equal(board.cpu.x[1], 77);
		assert_int_equal(board.cpu.mcause,
				 RV32_CAUSE_INTERRUPT | rows[i].cause);
		assert_int_equal(board.cpu.mepc, CODE);
		assert_int_equal(board.cpu.mtval, 0);
		assert_int_equal(board.cpu.mstatus, RV32_MSTATUS_MPIE);
	}
}

static void test_interrupt_levels(void **state)
{
	board.cpu.mie = RV32_IRQ_ALL;
	board.cpu.mstatus = RV32_MSTATUS_MIE;
	rv32_set_irq(&board.cpu, RV32_IRQ_TIMER, true);
	rv32_set_irq(&board.cpu, RV32_IRQ_TIMER, false);
	rv32_set_irq(&board.cpu, 1u << 5, true);
	step(ASM_NOP);
	assert_no_trap();

	/* Direct mode; the level stays until the source takes it back. */
	put32(HANDLER, ASM_MRET);
	put32(CODE, ASM_NOP);
	board.cpu.pc = CODE;
	rv32_set_irq(&board.cpu, RV32_IRQ_TIMER, true);
	rv32_run(&board.cpu, &board.bus, 10);
	assert_int_equal(board.cpu.pc, CODE);
	rv32_set_irq(&board.cpu, RV32_IRQ_TIMER, false);
	rv32_run(&board.cpu, &board.bus, 1);
	assert_int_equal(board.cpu.pc, CODE + 4);
}

static void test_interrupt_enabled_by_csr_is_taken_next(void **state)
{
	board.cpu.mie = RV32_IRQ_EXTERNAL;
	rv32_set_irq(&board.cpu, RV32_IRQ_EXTERNAL, true);
	put32(HANDLER, ASM_NOP);
	board.cpu.pc = CODE;
	put32(CODE, asm_csr(6, 0, MSTATUS, 8));
	rv32_run(&board.cpu, &board.bus, 2);
	assert_int_equal(board.cpu.mepc, CODE + 4);
	assert_int_equal(board.cpu.pc, HANDLER + 4);
}

static void test_wfi(void **state)
{
	put32(CODE, ASM_WFI);
	put32(CODE + 4, asm_addi(1, 1, 1));
	put32(CODE + 8, ASM_WFI);
	board.cpu.mie = RV32_IRQ_TIMER;
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 10), 1);
	assert_true(rv32_is_asleep(&board.cpu));
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 10), 0);

	/* One that is not enabled does not wake. */
	rv32_set_irq(&board.cpu, RV32_IRQ_EXTERNAL, true);
	assert_true(rv32_is_asleep(&board.cpu));
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 10), 0);

	/* Without MIE an enabled one wakes, and no trap is taken. */
	rv32_set_irq(&board.cpu, RV32_IRQ_TIMER, true);
	assert_false(rv32_is_asleep(&board.cpu));
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 1), 1);
	assert_int_equal(board.cpu.x[1], 1);

	/* With MIE the handler returns behind the WFI. */
	board.cpu.mstatus = RV32_MSTATUS_MIE;
	put32(HANDLER, ASM_NOP);
	board.cpu.pc = CODE;
	rv32_set_irq(&board.cpu, RV32_IRQ_TIMER, false);
	rv32_run(&board.cpu, &board.bus, 10);
	rv32_set_irq(&board.cpu, RV32_IRQ_TIMER, true);
	rv32_run(&board.cpu, &board.bus, 1);
	assert_int_equal(board.cpu.mepc, CODE + 4);

	/* A pending one makes WFI a no-operation. */
	board.cpu.mstatus = 0;
	board.cpu.pc = CODE;
	rv32_run(&board.cpu, &board.bus, 2);
	assert_int_equal(board.cpu.pc, CODE + 8);
}

static void test_fences_do_nothing(void **state)
{
	step(ASM_FENCE);
	step(0x8330000f);	/* fence.tso */
	step(0x0100000f);	/* pause */
	step(0x0ff28f8f);	/* reserved fields are ignored */
	step(ASM_FENCE_I);
	step(0xfff5128f);
	assert_no_trap();
	assert_int_equal(board.cpu.pc, CODE + 4);
}

/* Each store hits an instruction that was executed before, whole or by half. */
static void test_code_that_changes_itself(void **state)
{
	static const struct {
		uint32_t place, kind, value, expected;
	} rows[] = {
		{ 16, 2, 0x00700093, 7 },	/* addi x1, x0, 7 */
		{ 18, 1, 0x0080, 8 },		/* its upper half */
		{ 19, 0, 0x02, 32 },		/* its last byte */
		{ 14, 2, 0x01130001, 0 },	/* its lower half: addi x2 */
		{ 16, 0, 0x13, 0 },		/* addi x0, x0, 16 */
	};
	uint32_t i;

	for (i = 0; i < COUNT(rows); i++) {
		put32(CODE, asm_store(rows[i].kind, 3, 4, 0));
		put32(CODE + 4, asm_addi(1, 0, 0));
		put32(CODE + 8, asm_addi(0, 0, 0));
		put32(CODE + 12, 0x00010001);	/* twice c.nop */
		put32(CODE + 16, asm_addi(1, 0, 16));
		board.cpu.x[3] = 0;
		board.cpu.x[4] = DATA;
		board.cpu.pc = CODE;
		assert_int_equal(rv32_run(&board.cpu, &board.bus, 6), 6);
		assert_int_equal(board.cpu.x[1], 16);
		board.cpu.x[3] = rows[i].value;
		board.cpu.x[4] = CODE + rows[i].place;
		board.cpu.pc = CODE;
		assert_int_equal(rv32_run(&board.cpu, &board.bus, 6), 6);
		assert_int_equal(board.cpu.pc, CODE + 20);
		assert_int_equal(board.cpu.x[1], rows[i].expected);
	}
}

/* Where instructions are no longer kept decoded, and on the way there and back. */
static void test_code_on_both_sides(void **state)
{
	uint32_t i;

	put32(KEPT - 12, asm_branch(0, 0, 0, 16));	/* to KEPT + 4 */
	put32(KEPT - 8, asm_addi(1, 1, 1));
	put32(KEPT - 4, asm_addi(1, 1, 1));
	put32(KEPT, asm_jal(5, 12));			/* to KEPT + 12 */
	put32(KEPT + 4, asm_branch(0, 0, 0, (uint32_t)-12));
	put32(KEPT + 12, asm_jalr(6, 7, 0));
	board.cpu.x[7] = KEPT - 12;
	for (i = 0; i < 3; i++) {
		board.cpu.pc = KEPT - 12;
		board.cpu.x[1] = 0;
		assert_int_equal(rv32_run(&board.cpu, &board.bus, 6), 6);
		assert_int_equal(board.cpu.pc, KEPT - 12);
		assert_int_equal(board.cpu.x[1], 2);
		assert_int_equal(board.cpu.x[5], KEPT + 4);
		assert_int_equal(board.cpu.x[6], KEPT + 16);
	}
	assert_no_trap();
}

static void test_budget_and_stop(void **state)
{
	uint32_t i;

	for (i = 0; i < 10; i++)
		put32(CODE + 4 * i, asm_addi(1, 1, 1));
	board.cpu.pc = CODE;
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 0), 0);
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 7), 7);
	assert_int_equal(board.cpu.x[1], 7);

	put32(CODE + 4, asm_sw(1, 2, 0));
	board.cpu.x[2] = STOPPER;
	board.cpu.pc = CODE;
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 7), 2);
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 3), 3);

	/* Nothing at all works at address 0: it traps for ever, in bounds. */
	rv32_reset(&board.cpu, 0);
	assert_int_equal(rv32_run(&board.cpu, &board.bus, 1000), 1000);
	assert_int_equal(board.cpu.cycles_ahead, 1000);
	assert_int_equal(board.cpu.minstret, 0);
}

/* --- A program --------------------------------------------------------------- */

#define ROUNDS 200

/* Numbers of Marsaglia's xorshift, stored, read again by bytes and summed up. */
static uint32_t put_program(void)
{
	const uint32_t program[] = {
		asm_addi(9, 0, 13), asm_addi(10, 0, 17), asm_addi(11, 0, 5),
		asm_r(0, 1, 6, 2, 9), asm_r(0, 4, 2, 2, 6),   /* x2 ^= x2 << 13 */
		asm_r(0, 5, 6, 2, 10), asm_r(0, 4, 2, 2, 6),  /* x2 ^= x2 >> 17 */
		asm_r(0, 1, 6, 2, 11), asm_r(0, 4, 2, 2, 6),  /* x2 ^= x2 << 5 */
		asm_sw(2, 3, 0), asm_load(4, 4, 3, 1), asm_load(1, 7, 3, 2),
		asm_r(0, 0, 5, 5, 4), asm_r(0x20, 0, 5, 5, 7), /* + byte - half */
		asm_r(0, 0, 5, 6, 5),			       /* + x2 << 5 */
		asm_r(0, 3, 6, 5, 2), asm_r(0, 0, 5, 5, 6),    /* + (x5 < x2) */
		asm_r(0, 2, 6, 5, 2), asm_r(0, 0, 5, 5, 6),    /* with signs */
		asm_r(1, 0, 8, 2, 5), asm_r(0x20, 5, 8, 8, 11), /* x2 * x5 >> 5 */
		asm_r(0, 6, 5, 5, 8), asm_r(0, 7, 5, 5, 2),    /* | x8, & x2 */
		asm_addi(3, 3, 4), asm_addi(1, 1, (uint32_t)-1),
		asm_branch(1, 1, 0, (uint32_t)-4 * 22), asm_jal(12, 0),
	};
	uint32_t i;

	for (i = 0; i < COUNT(program); i++)
		put32(CODE + 4 * i, program[i]);
	return CODE + 4 * (COUNT(program) - 1);
}

static uint32_t program_result(uint32_t seed)
{
	uint32_t x = seed, sum = 0, last, i;

	for (i = 0; i < ROUNDS; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		last = x << 5;
		x ^= last;
		sum += x >> 8 & 0xff;
		sum -= (uint32_t)(int16_t)(x >> 16);
		sum += last;
		sum += sum < x;
		sum += sem_slt(sum, x);
		sum = (sum | (uint32_t)((int32_t)(x * sum) >> 5)) & x;
	}
	return sum;
}

/* However its steps are dealt out. */
static void run_programs(void)
{
	uint32_t seed, end = put_program(), steps;

	for (seed = 1; seed < 60; seed++) {
		memset(board.cpu.x, 0, sizeof(board.cpu.x));
		board.cpu.x[1] = ROUNDS;
		board.cpu.x[2] = seed;
		board.cpu.x[3] = DATA;
		board.cpu.pc = CODE;
		board.cpu.minstret = 0;
		for (steps = 0; board.cpu.pc != end;)
			steps += rv32_run(&board.cpu, &board.bus, seed);
		assert_int_equal(board.cpu.x[5], program_result(seed));
		assert_int_equal(board.cpu.minstret, steps);
		assert_in_range(steps, 3 + ROUNDS * 23, 2 + ROUNDS * 23 + seed);
	}
}

static void test_a_program(void **state)
{
	run_programs();
}

/* Where the system lets nobody execute what was written, now and then or never. */
static void test_refused_translations(void **state)
{
	for (refused_every = 1; refused_every < 5; refused_every++) {
		protections = 0;
		setup(NULL);
		run_programs();
	}
	refused_every = 0;
#ifdef __x86_64__
	assert_true(mode == INTERPRETER || protections);
#endif
}

/* --- Encodings ------------------------------------------------------------------- */

static bool is_legal_alu(uint32_t funct3, uint32_t funct7)
{
	if (funct7 == 0x20)
		return funct3 == 0 || funct3 == 5;
	return funct7 < 2;
}

static bool is_legal_imm(uint32_t funct3, uint32_t funct7)
{
	if (funct3 == 1)
		return funct7 == 0;
	if (funct3 == 5)
		return funct7 == 0 || funct7 == 0x20;
	return true;
}

/* By the opcode map of the manual; CSR instructions are tested apart. */
static bool is_legal(uint32_t insn)
{
	uint32_t funct3 = insn >> 12 & 7;
	uint32_t funct7 = insn >> 25;

	switch (insn & 0x7f) {
	case 0x37: case 0x17: case 0x6f:
		return true;
	case 0x67:
		return funct3 == 0;
	case 0x63:
		return funct3 != 2 && funct3 != 3;
	case 0x03:
		return funct3 != 3 && funct3 < 6;
	case 0x23:
		return funct3 < 3;
	case 0x13:
		return is_legal_imm(funct3, funct7);
	case 0x33:
		return is_legal_alu(funct3, funct7);
	case 0x0f:
		return funct3 < 2;
	}
	return false;
}

static bool is_reported_illegal(uint32_t insn)
{
	bool is_illegal;

	board.cpu.mcause = 0;
	board.cpu.mepc = 0;
	step(insn);
	is_illegal = board.cpu.mcause == RV32_ILLEGAL;
	if (is_illegal) {
		assert_int_equal(board.cpu.mepc, CODE);
		assert_int_equal(board.cpu.mtval,
				 (insn & 3) == 3 ? insn : insn & 0xffff);
	}
	return is_illegal;
}

static void test_opcode_map(void **state)
{
	uint32_t op, funct3, funct7, insn;

	for (op = 3; op < 0x80; op += 4) {
		if (op == 0x73)
			continue;
		for (funct3 = 0; funct3 < 8; funct3++) {
			for (funct7 = 0; funct7 < 128; funct7++) {
				insn = funct7 << 25 | funct3 << 12 | op |
				       21 << 20 | 9 << 15 | 6 << 7;
				assert_int_equal(is_reported_illegal(insn),
						 !is_legal(insn));
			}
		}
	}
}

static void test_system_map(void **state)
{
	static const uint32_t good[] = { 0x000, 0x001, 0x302, 0x105 };
	uint32_t imm, i;
	bool is_good;

	for (imm = 0; imm < 4096; imm++) {
		is_good = false;
		for (i = 0; i < COUNT(good); i++)
			is_good |= imm == good[i];
		assert_int_equal(is_reported_illegal(imm << 20 | 0x73),
				 !is_good);
		board.cpu.is_waiting = false;
		/* No register fields in them. */
		assert_true(is_reported_illegal(imm << 20 | 0xf3));
		assert_true(is_reported_illegal(imm << 20 | 0x8073));
		assert_true(is_reported_illegal(imm << 20 | 0x4073));
	}
}

/*
 * The compressed instructions as the manual's tables draw them. Registers are
 * named by where their field is; imm is the immediate's layout; text is for the
 * assembler, with d, s, t for registers and i for the immediate.
 */
enum reg { X0, X1, SP, RD, RS2, RDS, RS1S };

enum { NZIMM = 1, NZRD = 2, NOTSP = 4, NZRS2 = 8, UNSIGNED = 16, HINTRD = 32,
       HINTIMM = 64, ZRS2 = 128 };

static const struct c_row {
	uint16_t mask, match;
	uint32_t op, funct3, funct7;
	enum reg rd, rs1, rs2;
	const char *imm;
	uint32_t rules;
	const char *text;
} c_rows[] = {
	{ 0xe003, 0x0000, 0x13, 0, 0, RDS, SP, X0, "5:4 9:6 2 3@12",
	  NZIMM | UNSIGNED, "c.addi4spn d,sp,i" },
	{ 0xe003, 0x4000, 0x03, 2, 0, RDS, RS1S, X0, "5:3@12 2 6@6", UNSIGNED,
	  "c.lw d,i(s)" },
	{ 0xe003, 0xc000, 0x23, 2, 0, X0, RS1S, RDS, "5:3@12 2 6@6", UNSIGNED,
	  "c.sw t,i(s)" },
	{ 0xe003, 0x0001, 0x13, 0, 0, RD, RD, X0, "5@12 4:0@6",
	  HINTRD | HINTIMM, "c.addi d,i" },
	{ 0xe003, 0x2001, 0x6f, 0, 0, X1, X0, X0,
	  "11 4 9:8 10 6 7 3:1 5@12", 0, "c.jal .+i" },
	{ 0xe003, 0x4001, 0x13, 0, 0, RD, X0, X0, "5@12 4:0@6", HINTRD,
	  "c.li d,i" },
	{ 0xef83, 0x6101, 0x13, 0, 0, SP, SP, X0, "9@12 4 6 8:7 5@6", NZIMM,
	  "c.addi16sp sp,i" },
	{ 0xe003, 0x6001, 0x37, 0, 0, RD, X0, X0, "17@12 16:12@6",
	  NZIMM | NOTSP | HINTRD, "c.lui d,i" },
	{ 0xfc03, 0x8001, 0x13, 5, 0x00, RS1S, RS1S, X0, "4:0@6",
	  UNSIGNED | HINTIMM, "c.srli d,i" },
	{ 0xfc03, 0x8401, 0x13, 5, 0x20, RS1S, RS1S, X0, "4:0@6",
	  UNSIGNED | HINTIMM, "c.srai d,i" },
	{ 0xec03, 0x8801, 0x13, 7, 0, RS1S, RS1S, X0, "5@12 4:0@6", 0,
	  "c.andi d,i" },
	{ 0xfc63, 0x8c01, 0x33, 0, 0x20, RS1S, RS1S, RDS, NULL, 0,
	  "c.sub d,t" },
	{ 0xfc63, 0x8c21, 0x33, 4, 0, RS1S, RS1S, RDS, NULL, 0, "c.xor d,t" },
	{ 0xfc63, 0x8c41, 0x33, 6, 0, RS1S, RS1S, RDS, NULL, 0, "c.or d,t" },
	{ 0xfc63, 0x8c61, 0x33, 7, 0, RS1S, RS1S, RDS, NULL, 0, "c.and d,t" },
	{ 0xe003, 0xa001, 0x6f, 0, 0, X0, X0, X0,
	  "11 4 9:8 10 6 7 3:1 5@12", 0, "c.j .+i" },
	{ 0xe003, 0xc001, 0x63, 0, 0, X0, RS1S, X0, "8 4:3@12 7:6 2:1 5@6", 0,
	  "c.beqz s,.+i" },
	{ 0xe003, 0xe001, 0x63, 1, 0, X0, RS1S, X0, "8 4:3@12 7:6 2:1 5@6", 0,
	  "c.bnez s,.+i" },
	{ 0xf003, 0x0002, 0x13, 1, 0, RD, RD, X0, "4:0@6",
	  UNSIGNED | HINTRD | HINTIMM, "c.slli d,i" },
	{ 0xe003, 0x4002, 0x03, 2, 0, RD, SP, X0, "5@12 4:2 7:6@6",
	  UNSIGNED | NZRD, "c.lwsp d,i(sp)" },
	{ 0xf003, 0x8002, 0x67, 0, 0, X0, RD, X0, NULL, NZRD | ZRS2,
	  "c.jr s" },
	{ 0xf003, 0x8002, 0x33, 0, 0, RD, X0, RS2, NULL, NZRS2 | HINTRD,
	  "c.mv d,t" },
	{ 0xffff, 0x9002, 0x73, 0, 0, X0, X0, X1, NULL, 0, "c.ebreak" },
	{ 0xf003, 0x9002, 0x67, 0, 0, X1, RD, X0, NULL, NZRD | ZRS2,
	  "c.jalr s" },
	{ 0xf003, 0x9002, 0x33, 0, 0, RD, RD, RS2, NULL, NZRS2 | HINTRD,
	  "c.add d,t" },
	{ 0xe003, 0xc002, 0x23, 2, 0, X0, SP, RS2, "5:2 7:6@12", UNSIGNED,
	  "c.swsp t,i(sp)" },
};

struct c_fields {
	uint32_t rd, rs1, rs2, imm;
	bool is_hint;
};

static uint32_t c_register(uint16_t insn, enum reg reg)
{
	const uint32_t values[] = {
		[X0] = 0, [X1] = 1, [SP] = 2, [RD] = insn >> 7 & 31,
		[RS2] = insn >> 2 & 31, [RDS] = 8 + (insn >> 2 & 7),
		[RS1S] = 8 + (insn >> 7 & 7),
	};

	return values[reg];
}

static bool c_matches(const struct c_row *row, uint16_t insn,
		      struct c_fields *fields)
{
	if ((insn & row->mask) != row->match)
		return false;
	*fields = (struct c_fields){
		.rd = c_register(insn, row->rd),
		.rs1 = c_register(insn, row->rs1),
		.rs2 = c_register(insn, row->rs2),
	};
	if (row->imm)
		fields->imm = row->rules & UNSIGNED ?
			layout_get_unsigned(insn, row->imm) :
			layout_get(insn, row->imm);
	if (((row->rules & NZIMM) && !fields->imm) ||
	    ((row->rules & NOTSP) && fields->rd == 2) ||
	    ((row->rules & NZRD) && !c_register(insn, RD)) ||
	    ((row->rules & NZRS2) && !c_register(insn, RS2)) ||
	    ((row->rules & ZRS2) && c_register(insn, RS2)))
		return false;
	fields->is_hint = ((row->rules & HINTRD) && !fields->rd) ||
			  ((row->rules & HINTIMM) && !fields->imm);
	return true;
}

static const struct c_row *c_find(uint16_t insn, struct c_fields *fields)
{
	const struct c_row *row;

	for (row = c_rows; row < c_rows + COUNT(c_rows); row++)
		if (c_matches(row, insn, fields))
			return row;
	return NULL;
}

static uint32_t c_expected(const struct c_row *row,
			   const struct c_fields *f)
{
	switch (row->op) {
	case 0x6f:
		return asm_jal(f->rd, f->imm);
	case 0x63:
		return asm_branch(row->funct3, f->rs1, 0, f->imm);
	case 0x23:
		return asm_sw(f->rs2, f->rs1, f->imm);
	case 0x33:
		return asm_r(row->funct7, row->funct3, f->rd, f->rs1, f->rs2);
	case 0x37:
		return asm_lui(f->rd, f->imm);
	case 0x73:
		return ASM_EBREAK;
	}
	return asm_i(row->op, row->funct3, f->rd, f->rs1,
		     f->imm | row->funct7 << 5);
}

static void test_compressed_expand(void **state)
{
	const struct c_row *row;
	struct c_fields fields;
	uint32_t insn;

	for (insn = 0; insn < 0x10000; insn++) {
		if ((insn & 3) == 3)
			continue;
		row = c_find(insn, &fields);
		assert_int_equal(rv32_expand(insn),
				 row ? c_expected(row, &fields) : 0);
	}
}

static void test_compressed_execute(void **state)
{
	/* c.jal +16: the link is two bytes on */
	step(0x2801);
	assert_int_equal(board.cpu.pc, CODE + 16);
	assert_int_equal(board.cpu.x[1], CODE + 2);
	/* c.jalr x5 */
	board.cpu.x[5] = CODE + 0x101;
	step(0x9282);
	assert_int_equal(board.cpu.pc, CODE + 0x100);
	assert_int_equal(board.cpu.x[1], CODE + 2);
	/* c.li x10, -1; hints and c.nop do nothing but go on */
	step(0x557d);
	assert_int_equal(board.cpu.x[10], 0xffffffff);
	assert_int_equal(board.cpu.pc, CODE + 2);
	step(0x0001);
	step(0x0005);
	step(0x4005);
	assert_int_equal(board.cpu.x[0], 0);
	assert_int_equal(board.cpu.pc, CODE + 2);
	assert_no_trap();

	/* A 32-bit instruction at an odd halfword */
	put32(CODE, 0x00930001);
	put32(CODE + 4, 0x00010070);	/* addi x1, x0, 7: 0x00700093 */
	board.cpu.pc = CODE;
	rv32_run(&board.cpu, &board.bus, 3);
	assert_int_equal(board.cpu.x[1], 7);
	assert_int_equal(board.cpu.pc, CODE + 8);
}

/* --- The second opinion ------------------------------------------------------ */

#define AS "riscv64-unknown-elf-as"
#define OBJCOPY "riscv64-unknown-elf-objcopy"

static void emit_compressed(FILE *text, const struct c_row *row,
			    const struct c_fields *f)
{
	const char *at;
	uint32_t imm = row->op == 0x37 ? f->imm >> 12 & 0xfffff : f->imm;

	for (at = row->text; *at; at++) {
		/* Operands stand behind the blank. */
		if (!memchr(row->text, ' ', at - row->text) ||
		    (at[0] == 's' && at[1] == 'p'))
			fputc(*at, text);
		else if (*at == 'd')
			fprintf(text, "x%u", f->rd);
		else if (*at == 's')
			fprintf(text, "x%u", f->rs1);
		else if (*at == 't')
			fprintf(text, "x%u", f->rs2);
		else if (*at == 'i')
			fprintf(text, "%d", (int32_t)imm);
		else if (*at != 'p' || at[-1] != 's')
			fputc(*at, text);
		else
			fputc('p', text);
	}
	fputc('\n', text);
}

static void emit_all_compressed(FILE *text, FILE *words)
{
	const struct c_row *row;
	struct c_fields fields;
	uint32_t insn;

	for (insn = 0; insn < 0x10000; insn++) {
		uint16_t half = insn;

		if ((insn & 3) == 3)
			continue;
		row = c_find(insn, &fields);
		if (!row || fields.is_hint)
			continue;
		emit_compressed(text, row, &fields);
		fwrite(&half, 2, 1, words);
	}
}

static void emit_word(FILE *words, uint32_t word)
{
	fwrite(&word, 4, 1, words);
}

static void emit_with_immediate(FILE *text, FILE *words, int imm)
{
	static const char *const loads[] = { "lb", "lh", "lw", NULL, "lbu",
					     "lhu" };
	static const char *const stores[] = { "sb", "sh", "sw" };
	static const char *const branches[] = { "beq", "bne", NULL, NULL,
						"blt", "bge", "bltu", "bgeu" };
	uint32_t i;

	fprintf(text, "addi x3,x4,%d\nxori x31,x1,%d\n", imm, imm);
	emit_word(words, asm_addi(3, 4, imm));
	emit_word(words, asm_i(0x13, 4, 31, 1, imm));
	for (i = 0; i < COUNT(loads); i++) {
		if (!loads[i])
			continue;
		fprintf(text, "%s x9,%d(x17)\n", loads[i], imm);
		emit_word(words, asm_load(i, 9, 17, imm));
	}
	for (i = 0; i < COUNT(stores); i++) {
		fprintf(text, "%s x9,%d(x17)\n", stores[i], imm);
		emit_word(words, asm_store(i, 9, 17, imm));
	}
	for (i = 0; i < COUNT(branches); i++) {
		if (!branches[i])
			continue;
		fprintf(text, "%s x2,x21,.+%d\n", branches[i], 2 * imm);
		emit_word(words, asm_branch(i, 2, 21, 2 * imm));
	}
	fprintf(text, "jal x9,.+%d\njalr x7,%d(x8)\n", 512 * imm, imm);
	emit_word(words, asm_jal(9, 512 * imm));
	emit_word(words, asm_jalr(7, 8, imm));
}

static void emit_full(FILE *text, FILE *words)
{
	static const char *const csrs[] = { NULL, "csrrw", "csrrs", "csrrc",
					    NULL, "csrrwi", "csrrsi",
					    "csrrci" };
	uint32_t i;

	for (i = 0; i < COUNT(alu_rows); i++) {
		fprintf(text, "%s x13,x7,x29\n", alu_rows[i].name);
		emit_word(words, asm_r(alu_rows[i].funct7, alu_rows[i].funct3,
				       13, 7, 29));
	}
	for (i = 0; i < COUNT(immediates); i++)
		emit_with_immediate(text, words, (int)immediates[i]);
	for (i = 0; i < COUNT(csrs); i++) {
		if (!csrs[i])
			continue;
		fprintf(text, i < 4 ? "%s x5,0x344,x6\n" : "%s x5,0x344,6\n",
			csrs[i]);
		emit_word(words, asm_csr(i, 5, 0x344, 6));
	}
	fprintf(text, "lui x6,0xabcde\nauipc x7,0x12345\n");
	emit_word(words, asm_lui(6, 0xabcde000));
	emit_word(words, asm_auipc(7, 0x12345000));
	fprintf(text, "slli x1,x2,31\nsrli x1,x2,31\nsrai x1,x2,31\n");
	emit_word(words, asm_i(0x13, 1, 1, 2, 31));
	emit_word(words, asm_i(0x13, 5, 1, 2, 31));
	emit_word(words, asm_i(0x13, 5, 1, 2, 0x400 | 31));
	fprintf(text, "ecall\nebreak\nmret\nwfi\nfence\nfence.i\nnop\n");
	emit_word(words, ASM_ECALL);
	emit_word(words, ASM_EBREAK);
	emit_word(words, ASM_MRET);
	emit_word(words, ASM_WFI);
	emit_word(words, ASM_FENCE);
	emit_word(words, ASM_FENCE_I);
	emit_word(words, ASM_NOP);
}

static int shell(const char *dir, const char *format)
{
	char command[1024];

	snprintf(command, sizeof(command), format, dir, dir, dir, dir);
	return system(command);
}

static FILE *open_in(const char *dir, const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	return file;
}

static void test_assembler_agrees(void **state)
{
	char dir[] = "/tmp/rv32_test.XXXXXX";
	FILE *text, *words;
	int failed;

	if (system("command -v " AS " >/dev/null"))
		skip();
	assert_non_null(mkdtemp(dir));
	text = open_in(dir, "a.s");
	words = open_in(dir, "expected");
	fputs(".option norelax\n.option norvc\n", text);
	emit_full(text, words);
	fputs(".option rvc\n", text);
	emit_all_compressed(text, words);
	fclose(text);
	fclose(words);
	failed = shell(dir, AS " -march=rv32imc_zicsr_zifencei -mabi=ilp32"
			    " -o %s/a.o %s/a.s && " OBJCOPY
			    " -O binary -j .text %s/a.o %s/a.bin");
	if (!failed)
		failed = shell(dir, "cmp %s/a.bin %s/expected");
	shell(dir, "rm -r %s");
	assert_int_equal(failed, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_register_operations),
		TEST(test_register_operations_alias),
		TEST(test_immediate_operations),
		TEST(test_immediate_shifts),
		TEST(test_upper_immediates),
		TEST(test_branches),
		TEST(test_jumps),
		TEST(test_loads),
		TEST(test_stores),
		TEST(test_access_faults),
		TEST(test_fetch_faults),
		TEST(test_csr_fields),
		TEST(test_csr_instructions),
		TEST(test_csr_illegal),
		TEST(test_counters),
		TEST(test_exceptions),
		TEST(test_trap_saves_and_mret_restores),
		TEST(test_interrupts),
		TEST(test_interrupt_levels),
		TEST(test_interrupt_enabled_by_csr_is_taken_next),
		TEST(test_wfi),
		TEST(test_fences_do_nothing),
		TEST(test_code_that_changes_itself),
		TEST(test_code_on_both_sides),
		TEST(test_budget_and_stop),
		TEST(test_a_program),
		TEST(test_refused_translations),
		TEST(test_opcode_map),
		TEST(test_system_map),
		TEST(test_compressed_expand),
		TEST(test_compressed_execute),
		TEST(test_assembler_agrees),
	};

	static const char *const names[] = {
		[WHOEVER_DOES] = "rv32",
		[INTERPRETER] = "rv32, interpreted",
		[TRANSLATOR] = "rv32, translated",
	};
	int failed = 0;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	for (mode = WHOEVER_DOES; mode <= TRANSLATOR; mode++)
		failed += cmocka_run_group_tests_name(names[mode], tests, NULL,
						      NULL);
	return failed;
}
