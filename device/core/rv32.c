// SPDX-License-Identifier: MIT
/*
 * The controller's processor: fetch, decode and execute in one step, traps
 * and machine-mode CSRs. Called by core.c; see rv32.h for the choices made.
 */
#include "rv32_translate.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum {
	CSR_MSTATUS = 0x300,
	CSR_MISA = 0x301,
	CSR_MIE = 0x304,
	CSR_MTVEC = 0x305,
	CSR_MSTATUSH = 0x310,
	CSR_MCOUNTINHIBIT = 0x320,
	CSR_MHPMEVENT3 = 0x323,
	CSR_MHPMEVENT31 = 0x33f,
	CSR_MSCRATCH = 0x340,
	CSR_MEPC = 0x341,
	CSR_MCAUSE = 0x342,
	CSR_MTVAL = 0x343,
	CSR_MIP = 0x344,
	CSR_MCYCLE = 0xb00,
	CSR_MINSTRET = 0xb02,
	CSR_MHPMCOUNTER3 = 0xb03,
	CSR_MHPMCOUNTER31 = 0xb1f,
	CSR_MCYCLEH = 0xb80,
	CSR_MINSTRETH = 0xb82,
	CSR_MHPMCOUNTER3H = 0xb83,
	CSR_MHPMCOUNTER31H = 0xb9f,
	CSR_CYCLE = 0xc00,
	CSR_TIME = 0xc01,
	CSR_INSTRET = 0xc02,
	CSR_CYCLEH = 0xc80,
	CSR_TIMEH = 0xc81,
	CSR_INSTRETH = 0xc82,
	CSR_MVENDORID = 0xf11,
	CSR_MCONFIGPTR = 0xf15,
};

#define INSN_ECALL 0x00000073u
#define INSN_EBREAK 0x00100073u
#define INSN_MRET 0x30200073u
#define INSN_WFI 0x10500073u

/*
 * One instruction on its way: @insn in 32-bit form, @raw as it was fetched
 * (for mtval), @next the address behind it, which jumps replace.
 */
struct step {
	uint32_t insn;
	uint32_t raw;
	uint32_t link;
	uint32_t next;
};

static inline uint32_t rs1(const struct rv32 *cpu, uint32_t insn)
{
	return cpu->x[(insn >> 15) & 31];
}

static inline uint32_t rs2(const struct rv32 *cpu, uint32_t insn)
{
	return cpu->x[(insn >> 20) & 31];
}

void rv32_trap(struct rv32 *cpu, uint32_t cause, uint32_t value)
{
	uint32_t base = cpu->mtvec & ~3u;

	cpu->mepc = cpu->pc;
	cpu->mcause = cause;
	cpu->mtval = value;
	cpu->mstatus = cpu->mstatus & RV32_MSTATUS_MIE ? RV32_MSTATUS_MPIE : 0;
	if ((cpu->mtvec & 1) && (cause & RV32_CAUSE_INTERRUPT))
		base += 4 * (cause & ~RV32_CAUSE_INTERRUPT);
	cpu->pc = base;
}

static bool fail(struct rv32 *cpu, uint32_t cause, uint32_t value)
{
	rv32_trap(cpu, cause, value);
	return false;
}

static inline bool fail_illegal(struct rv32 *cpu, const struct step *step)
{
	return fail(cpu, RV32_ILLEGAL, step->raw);
}

static bool load_raw(struct rv32 *cpu, const struct rv32_bus *bus,
		     uint32_t address, uint32_t size, uint32_t *value)
{
	uint32_t offset;

	*value = 0;
	if (rv32_in_tcm(bus, address, size, &offset)) {
		memcpy(value, bus->tcm + offset, size);
		return true;
	}
	if (bus->load(bus->opaque, address, size, value))
		return fail(cpu, RV32_LOAD_ACCESS, address);
	return true;
}

static inline bool load(struct rv32 *cpu, const struct rv32_bus *bus,
			struct step *step)
{
	uint32_t address = rs1(cpu, step->insn) + rv32_imm_i(step->insn);
	uint32_t *dest = &cpu->x[rv32_rd(step->insn)];
	uint32_t kind = rv32_funct3(step->insn);
	uint32_t offset, value;

	if (kind == 2 && rv32_in_tcm(bus, address, 4, &offset)) {
		memcpy(dest, bus->tcm + offset, 4);
		return true;
	}
	if (kind == 3 || kind > 5)
		return fail_illegal(cpu, step);
	if (!load_raw(cpu, bus, address, 1u << (kind & 3), &value))
		return false;
	if (kind == 0)
		value = (uint32_t)(int8_t)value;
	else if (kind == 1)
		value = (uint32_t)(int16_t)value;
	else if (kind == 4)
		value = (uint8_t)value;
	else if (kind == 5)
		value = (uint16_t)value;
	*dest = value;
	return true;
}

static inline bool store(struct rv32 *cpu, const struct rv32_bus *bus,
			 struct step *step)
{
	uint32_t address = rs1(cpu, step->insn) + rv32_imm_s(step->insn);
	uint32_t value = rs2(cpu, step->insn);
	uint32_t size = 1u << (rv32_funct3(step->insn) & 3);
	uint32_t offset;

	if (rv32_funct3(step->insn) > 2)
		return fail_illegal(cpu, step);
	if (rv32_in_tcm(bus, address, size, &offset)) {
		memcpy(bus->tcm + offset, &value, size);
		rv32_forget(cpu, offset, size);
		return true;
	}
	if (size < 4)
		value &= (1u << (8 * size)) - 1;
	if (bus->store(bus->opaque, address, size, value))
		return fail(cpu, RV32_STORE_ACCESS, address);
	return true;
}

static inline bool branch(struct rv32 *cpu, struct step *step)
{
	uint32_t a = rs1(cpu, step->insn);
	uint32_t b = rs2(cpu, step->insn);
	bool is_taken;

	switch (rv32_funct3(step->insn)) {
	case 0:
		is_taken = a == b;
		break;
	case 1:
		is_taken = a != b;
		break;
	case 4:
		is_taken = (int32_t)a < (int32_t)b;
		break;
	case 5:
		is_taken = (int32_t)a >= (int32_t)b;
		break;
	case 6:
		is_taken = a < b;
		break;
	case 7:
		is_taken = a >= b;
		break;
	default:
		return fail_illegal(cpu, step);
	}
	if (is_taken)
		step->next = cpu->pc + rv32_imm_b(step->insn);
	return true;
}

static inline bool jump_register(struct rv32 *cpu, struct step *step)
{
	if (rv32_funct3(step->insn))
		return fail_illegal(cpu, step);
	step->next = (rs1(cpu, step->insn) + rv32_imm_i(step->insn)) & ~1u;
	cpu->x[rv32_rd(step->insn)] = step->link;
	return true;
}

/* What OP and OP-IMM share; @is_alternate: subtract, or shift in the sign. */
static inline uint32_t alu(uint32_t kind, uint32_t a, uint32_t b,
			   bool is_alternate)
{
	switch (kind) {
	case 0:
		return is_alternate ? a - b : a + b;
	case 1:
		return a << (b & 31);
	case 2:
		return (int32_t)a < (int32_t)b;
	case 3:
		return a < b;
	case 4:
		return a ^ b;
	case 5:
		if (is_alternate)
			return (uint32_t)((int32_t)a >> (b & 31));
		return a >> (b & 31);
	case 6:
		return a | b;
	default:
		return a & b;
	}
}

static inline bool op_imm(struct rv32 *cpu, struct step *step)
{
	uint32_t kind = rv32_funct3(step->insn);
	uint32_t funct7 = step->insn >> 25;
	bool is_alternate = kind == 5 && funct7 == 0x20;

	if ((kind == 1 || kind == 5) && funct7 && !is_alternate)
		return fail_illegal(cpu, step);
	cpu->x[rv32_rd(step->insn)] = alu(kind, rs1(cpu, step->insn),
				     rv32_imm_i(step->insn), is_alternate);
	return true;
}

static uint32_t divide(uint32_t kind, uint32_t a, uint32_t b)
{
	bool is_signed = !(kind & 1);
	bool is_remainder = kind & 2;

	if (!b)
		return is_remainder ? a : UINT32_MAX;
	if (!is_signed)
		return is_remainder ? a % b : a / b;
	if (a == 0x80000000u && b == UINT32_MAX)
		return is_remainder ? 0 : a;
	return (uint32_t)(is_remainder ? (int32_t)a % (int32_t)b :
					 (int32_t)a / (int32_t)b);
}

static uint32_t multiply_divide(uint32_t kind, uint32_t a, uint32_t b)
{
	switch (kind) {
	case 0:
		return a * b;
	case 1:
		return (uint64_t)((int64_t)(int32_t)a * (int32_t)b) >> 32;
	case 2:
		return (uint64_t)((int64_t)(int32_t)a * (int64_t)b) >> 32;
	case 3:
		return (uint64_t)a * b >> 32;
	default:
		return divide(kind, a, b);
	}
}

static inline bool op_register(struct rv32 *cpu, struct step *step)
{
	uint32_t kind = rv32_funct3(step->insn);
	uint32_t funct7 = step->insn >> 25;
	uint32_t a = rs1(cpu, step->insn);
	uint32_t b = rs2(cpu, step->insn);
	uint32_t value;

	if (funct7 == 0)
		value = alu(kind, a, b, false);
	else if (funct7 == 1)
		value = multiply_divide(kind, a, b);
	else if (funct7 == 0x20 && (kind == 0 || kind == 5))
		value = alu(kind, a, b, true);
	else
		return fail_illegal(cpu, step);
	cpu->x[rv32_rd(step->insn)] = value;
	return true;
}

static bool is_zero_csr(uint32_t csr)
{
	static const struct {
		uint16_t first, last;
	} ranges[] = {
		{ CSR_MSTATUSH, CSR_MSTATUSH },
		{ CSR_MCOUNTINHIBIT, CSR_MCOUNTINHIBIT },
		{ CSR_MHPMEVENT3, CSR_MHPMEVENT31 },
		{ CSR_MHPMCOUNTER3, CSR_MHPMCOUNTER31 },
		{ CSR_MHPMCOUNTER3H, CSR_MHPMCOUNTER31H },
		{ CSR_MVENDORID, CSR_MCONFIGPTR },
	};
	uint32_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (csr >= ranges[i].first && csr <= ranges[i].last)
			return true;
	return false;
}

static uint64_t read_time(const struct rv32_bus *bus)
{
	return bus->time ? bus->time(bus->opaque) : 0;
}

static uint64_t mcycle(const struct rv32 *cpu)
{
	return cpu->minstret + cpu->cycles_ahead;
}

static bool csr_read(const struct rv32 *cpu, const struct rv32_bus *bus,
		     uint32_t csr, uint32_t *value)
{
	switch (csr) {
	case CSR_MSTATUS:
		*value = cpu->mstatus | RV32_MSTATUS_MPP;
		return true;
	case CSR_MISA:
		*value = RV32_MISA;
		return true;
	case CSR_MIE:
		*value = cpu->mie;
		return true;
	case CSR_MTVEC:
		*value = cpu->mtvec;
		return true;
	case CSR_MSCRATCH:
		*value = cpu->mscratch;
		return true;
	case CSR_MEPC:
		*value = cpu->mepc;
		return true;
	case CSR_MCAUSE:
		*value = cpu->mcause;
		return true;
	case CSR_MTVAL:
		*value = cpu->mtval;
		return true;
	case CSR_MIP:
		*value = cpu->mip;
		return true;
	case CSR_MCYCLE:
	case CSR_CYCLE:
		*value = (uint32_t)mcycle(cpu);
		return true;
	case CSR_MCYCLEH:
	case CSR_CYCLEH:
		*value = (uint32_t)(mcycle(cpu) >> 32);
		return true;
	case CSR_MINSTRET:
	case CSR_INSTRET:
		*value = (uint32_t)cpu->minstret;
		return true;
	case CSR_MINSTRETH:
	case CSR_INSTRETH:
		*value = (uint32_t)(cpu->minstret >> 32);
		return true;
	case CSR_TIME:
		*value = (uint32_t)read_time(bus);
		return true;
	case CSR_TIMEH:
		*value = (uint32_t)(read_time(bus) >> 32);
		return true;
	}
	*value = 0;
	return is_zero_csr(csr);
}

/*
 * A counter written is what the next instruction reads: take back the one
 * that this instruction is about to add.
 */
static uint64_t write_counter(uint64_t counter, uint32_t value, bool is_high)
{
	uint64_t low = is_high ? (uint32_t)counter : value;
	uint64_t high = is_high ? value : counter >> 32;

	return (high << 32 | low) - 1;
}

static void write_mcycle(struct rv32 *cpu, uint32_t value, bool is_high)
{
	cpu->cycles_ahead = write_counter(mcycle(cpu), value, is_high) -
			    cpu->minstret;
}

static void write_minstret(struct rv32 *cpu, uint32_t value, bool is_high)
{
	uint64_t cycles = mcycle(cpu);

	cpu->minstret = write_counter(cpu->minstret, value, is_high);
	cpu->cycles_ahead = cycles - cpu->minstret;
}

/* Writes to read-only fields are ignored; csr_read() knows the CSR exists. */
static void csr_write(struct rv32 *cpu, uint32_t csr, uint32_t value)
{
	switch (csr) {
	case CSR_MSTATUS:
		cpu->mstatus = value & (RV32_MSTATUS_MIE | RV32_MSTATUS_MPIE);
		break;
	case CSR_MIE:
		cpu->mie = value & RV32_IRQ_ALL;
		break;
	case CSR_MTVEC:
		cpu->mtvec = value & ~2u;
		break;
	case CSR_MSCRATCH:
		cpu->mscratch = value;
		break;
	case CSR_MEPC:
		cpu->mepc = value & ~1u;
		break;
	case CSR_MCAUSE:
		cpu->mcause = value;
		break;
	case CSR_MTVAL:
		cpu->mtval = value;
		break;
	case CSR_MCYCLE:
	case CSR_MCYCLEH:
		write_mcycle(cpu, value, csr == CSR_MCYCLEH);
		break;
	case CSR_MINSTRET:
	case CSR_MINSTRETH:
		write_minstret(cpu, value, csr == CSR_MINSTRETH);
		break;
	}
}

static bool csr_access(struct rv32 *cpu, const struct rv32_bus *bus,
		       struct step *step)
{
	uint32_t csr = step->insn >> 20;
	uint32_t kind = rv32_funct3(step->insn);
	uint32_t source = (step->insn >> 15) & 31;
	uint32_t operand = kind & 4 ? source : cpu->x[source];
	bool is_write = (kind & 3) == 1 || source;
	uint32_t old;

	if (is_write && csr >> 10 == 3)
		return fail_illegal(cpu, step);
	if (!csr_read(cpu, bus, csr, &old))
		return fail_illegal(cpu, step);
	if ((kind & 3) == 2)
		operand = old | operand;
	else if ((kind & 3) == 3)
		operand = old & ~operand;
	if (is_write)
		csr_write(cpu, csr, operand);
	cpu->x[rv32_rd(step->insn)] = old;
	return true;
}

static bool system(struct rv32 *cpu, const struct rv32_bus *bus,
		   struct step *step)
{
	if (rv32_funct3(step->insn) & 3)
		return csr_access(cpu, bus, step);
	switch (step->insn) {
	case INSN_ECALL:
		return fail(cpu, RV32_ECALL, 0);
	case INSN_EBREAK:
		return fail(cpu, RV32_BREAKPOINT, cpu->pc);
	case INSN_MRET:
		step->next = cpu->mepc;
		cpu->mstatus = RV32_MSTATUS_MPIE |
			       (cpu->mstatus & RV32_MSTATUS_MPIE ?
				RV32_MSTATUS_MIE : 0);
		return true;
	case INSN_WFI:
		cpu->is_waiting = true;
		return true;
	}
	return fail_illegal(cpu, step);
}

/* The step of all other instructions can stay in registers of the host. */
static bool system_apart(struct rv32 *cpu, const struct rv32_bus *bus,
			 struct step *step)
{
	struct step copy = *step;
	bool is_done = system(cpu, bus, &copy);

	step->next = copy.next;
	return is_done;
}

static inline bool execute(struct rv32 *cpu, const struct rv32_bus *bus,
			   struct step *step)
{
	uint32_t insn = step->insn;

	switch (insn & 0x7f) {
	case 0x03:
		return load(cpu, bus, step);
	case 0x0f:
		/* In order and without a cache, but its memory has others. */
		atomic_thread_fence(memory_order_seq_cst);
		return rv32_funct3(insn) < 2 || fail_illegal(cpu, step);
	case 0x13:
		return op_imm(cpu, step);
	case 0x17:
		cpu->x[rv32_rd(insn)] = cpu->pc + (insn & 0xfffff000);
		return true;
	case 0x23:
		return store(cpu, bus, step);
	case 0x33:
		return op_register(cpu, step);
	case 0x37:
		cpu->x[rv32_rd(insn)] = insn & 0xfffff000;
		return true;
	case 0x63:
		return branch(cpu, step);
	case 0x67:
		return jump_register(cpu, step);
	case 0x6f:
		step->next = cpu->pc + rv32_imm_j(insn);
		cpu->x[rv32_rd(insn)] = step->link;
		return true;
	case 0x73:
		return system_apart(cpu, bus, step);
	}
	return fail_illegal(cpu, step);
}

static inline bool fetch(struct rv32 *cpu, const struct rv32_bus *bus,
			 struct step *step)
{
	uint32_t offset;
	uint16_t half;

	if (!rv32_in_tcm(bus, cpu->pc, 2, &offset))
		return fail(cpu, RV32_FETCH_ACCESS, cpu->pc);
	memcpy(&half, bus->tcm + offset, 2);
	if ((half & 3) != 3) {
		step->raw = half;
		step->insn = rv32_expand(half);
		step->link = cpu->pc + 2;
	} else {
		if (!rv32_in_tcm(bus, cpu->pc, 4, &offset))
			return fail(cpu, RV32_FETCH_ACCESS, cpu->pc + 2);
		memcpy(&step->raw, bus->tcm + offset, 4);
		step->insn = step->raw;
		step->link = cpu->pc + 4;
	}
	step->next = step->link;
	return true;
}

/* Priority as the privileged manual has it: external, software, timer. */
static void take_interrupt(struct rv32 *cpu, uint32_t pending)
{
	uint32_t cause = 7;

	if (pending & RV32_IRQ_EXTERNAL)
		cause = 11;
	else if (pending & RV32_IRQ_SOFTWARE)
		cause = 3;
	rv32_trap(cpu, RV32_CAUSE_INTERRUPT | cause, 0);
}

static inline void one_step(struct rv32 *cpu, const struct rv32_bus *bus)
{
	struct step step;

	if (fetch(cpu, bus, &step) && execute(cpu, bus, &step)) {
		cpu->pc = step.next;
		cpu->x[0] = 0;
		cpu->minstret++;
	} else {
		cpu->cycles_ahead++;
	}
}

void rv32_reset(struct rv32 *cpu, uint32_t pc)
{
	rv32_forget(cpu, cpu->code_low, cpu->code_high - cpu->code_low);
	memset(cpu, 0, offsetof(struct rv32, decoded));
	cpu->pc = pc;
}

void rv32_free(struct rv32 *cpu)
{
	rv32_code_close(cpu);
}

void rv32_set_irq(struct rv32 *cpu, uint32_t irqs, bool is_high)
{
	rv32_set_irqs(cpu, irqs, is_high ? irqs : 0);
}

bool rv32_is_asleep(const struct rv32 *cpu)
{
	return cpu->is_waiting && !(cpu->mip & cpu->mie);
}

uint32_t rv32_run(struct rv32 *cpu, const struct rv32_bus *bus,
		  uint32_t max_steps)
{
	uint32_t pending, steps = 0, taken;

	if (!cpu->code && !cpu->is_interpreted)
		rv32_code_open(cpu);
	cpu->must_stop = false;
	while (steps < max_steps && !cpu->must_stop) {
		pending = cpu->mip & cpu->mie;
		if (cpu->is_waiting && !pending)
			break;
		cpu->is_waiting = false;
		if (pending && (cpu->mstatus & RV32_MSTATUS_MIE))
			take_interrupt(cpu, pending);
		taken = rv32_run_fast(cpu, bus, max_steps - steps);
		if (!taken) {
			one_step(cpu, bus);
			taken = 1;
		}
		steps += taken;
	}
	return steps;
}
