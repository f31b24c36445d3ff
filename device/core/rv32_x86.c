// SPDX-License-Identifier: MIT
/*
 * Firmware's instructions as those of x86-64. A translation is a trace: a line of
 * instructions that goes on behind branches, in case they aren't taken, and at the
 * targets of jumps. All guest registers stay in struct rv32, all accesses are checked
 * against the bounds of TCM. What lies beyond is rv32_access()'s, which is called;
 * whatever else is out of the ordinary leaves the trace in front of the instruction,
 * for rv32_fast.c to execute it. A trace is entered only with steps enough for all of
 * it; who leaves it early gets the others back.
 *
 * Registers of the host: rbx the processor, r12 TCM, r13d the last offset of a word
 * there, ebp the steps left, r14 rv32_code, r15 its text; eax, ecx and edx within an
 * instruction, edx the place where a way out is.
 *
 * Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
 */
#include "rv32_translate.h"

#if RV32_TRANSLATES

#include "rv32_decode.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define TEXT_SIZE (256u << 10)
#define TRACE_MAX 24		 /* instructions */
#define TRACE_SIZE 4096u	 /* more bytes than those can take */

#define IS_LEFT (1u << 31) /* of a place: it is the interpreter's */

/* What is in text: the way out, the way in, traces. */
#define WAY_OUT 0
#define WAY_IN 32
#define TRACES 128

enum host_register { EAX, ECX };

/* Opcodes with a register and a guest register in memory, or an immediate. */
enum { OP_ADD = 0x03, OP_OR = 0x0b, OP_AND = 0x23, OP_SUB = 0x2b, OP_XOR = 0x33,
       OP_CMP = 0x3b, OP_STORE = 0x89, OP_LOAD = 0x8b };

/* Of conditional jumps and SETcc. */
enum condition { BELOW = 2, ABOVE_OR_EQUAL = 3, EQUAL = 4, NOT_EQUAL = 5, ABOVE = 7,
		 LESS = 12, GREATER_OR_EQUAL = 13 };

enum way {
	TO_PLACE,	/* where the guest goes on, translated or not */
	TO_INTERPRETER,	/* which has to do what is at that place */
	TO_BUS,		/* and back, behind the instruction */
};

/* A jump out of the trace, whose target is written behind it. */
struct way_out {
	enum way way;
	uint32_t place;
	uint32_t done;		/* steps, of those of the trace */
	uint8_t *jump;		/* its 32-bit displacement */
	uint8_t *behind;	/* where the trace goes on */
};

struct trace {
	struct rv32_code *code;
	uint8_t *at;
	uint32_t steps;
	uint32_t held;		/* guest register whose value is in eax, or 0 */
	struct way_out ways[2 * TRACE_MAX + 1];
	uint32_t way_count;
};

/* --- Bytes ----------------------------------------------------------------------- */

static void put(struct trace *trace, const void *bytes, size_t size)
{
	memcpy(trace->at, bytes, size);
	trace->at += size;
}

#define PUT(trace, ...)                                        \
	put(trace, (const uint8_t[]){ __VA_ARGS__ },           \
	    sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void put32(struct trace *trace, uint32_t value)
{
	put(trace, &value, 4);
}

static void put_displacement(uint8_t *field, const uint8_t *target)
{
	int32_t displacement = (int32_t)(target - (field + 4));

	memcpy(field, &displacement, 4);
}

/* --- Pieces of instructions ------------------------------------------------------ */

static bool is_zero(uint32_t guest)
{
	return guest == 0 || guest == RV32_SINK;
}

/* An operation of a host register with a guest's, or its store. */
static void with_guest(struct trace *trace, uint8_t opcode, enum host_register host,
		       uint32_t guest)
{
	PUT(trace, opcode, 0x43 | host << 3, 4 * guest);
}

static void load_guest(struct trace *trace, enum host_register host, uint32_t guest)
{
	if (host == EAX && guest && trace->held == guest)
		return;
	with_guest(trace, OP_LOAD, host, guest);
	if (host == EAX)
		trace->held = 0;
}

/* The result in eax. */
static void store_result(struct trace *trace, uint32_t guest)
{
	with_guest(trace, OP_STORE, EAX, guest);
	trace->held = guest;
}

static void store_constant(struct trace *trace, uint32_t guest, uint32_t value)
{
	if (is_zero(guest))
		return;
	PUT(trace, 0xc7, 0x43, 4 * guest);
	put32(trace, value);
	if (trace->held == guest)
		trace->held = 0;
}

/* An operation of eax with an immediate. */
static void with_immediate(struct trace *trace, uint8_t opcode, uint32_t value)
{
	if (opcode == OP_ADD && !value)
		return;
	PUT(trace, opcode + 2); /* that of eax and an immediate */
	put32(trace, value);
}

static struct way_out *jump_out(struct trace *trace, enum condition condition,
				enum way way, uint32_t place, uint32_t done)
{
	struct way_out *out = &trace->ways[trace->way_count++];

	PUT(trace, 0x0f, 0x80 | condition);
	*out = (struct way_out){ way, place, done, trace->at, NULL };
	put32(trace, 0);
	return out;
}

/* To the host's code for the place in edx, whose start is in eax. */
static void jump_to_start(struct trace *trace)
{
	PUT(trace, 0x4c, 0x01, 0xf8);	/* add rax, r15 */
	PUT(trace, 0xff, 0xe0);		/* jmp rax */
}

static void jump_to(struct trace *trace, const uint8_t *target)
{
	PUT(trace, 0xe9);
	put32(trace, 0);
	put_displacement(trace->at - 4, target);
}

static void go_to(struct trace *trace, uint32_t place)
{
	uint32_t start = trace->code->starts[place];

	if (start) {
		jump_to(trace, trace->code->text + start);
		return;
	}
	PUT(trace, 0xba); /* mov edx, place */
	put32(trace, place);
	PUT(trace, 0x41, 0x8b, 0x86); /* mov eax, [r14 + 4 * place] */
	put32(trace, 4 * place);
	jump_to_start(trace);
}

/* --- Instructions ---------------------------------------------------------------- */

enum shape { ARITHMETIC, SHIFT, COMPARISON, PRODUCT, CONSTANT };

/* Those that compute. With an immediate: from ADDI on. */
static const struct computation {
	enum shape shape;
	uint8_t code;		/* opcode, its extension, or condition */
} computations[] = {
	[ADD] = { ARITHMETIC, OP_ADD },	 [ADDI] = { ARITHMETIC, OP_ADD },
	[SUB] = { ARITHMETIC, OP_SUB },
	[XOR] = { ARITHMETIC, OP_XOR },	 [XORI] = { ARITHMETIC, OP_XOR },
	[OR] = { ARITHMETIC, OP_OR },	 [ORI] = { ARITHMETIC, OP_OR },
	[AND] = { ARITHMETIC, OP_AND },	 [ANDI] = { ARITHMETIC, OP_AND },
	[SLL] = { SHIFT, 4 },		 [SLLI] = { SHIFT, 4 },
	[SRL] = { SHIFT, 5 },		 [SRLI] = { SHIFT, 5 },
	[SRA] = { SHIFT, 7 },		 [SRAI] = { SHIFT, 7 },
	[SLT] = { COMPARISON, LESS },	 [SLTI] = { COMPARISON, LESS },
	[SLTU] = { COMPARISON, BELOW },	 [SLTIU] = { COMPARISON, BELOW },
	[MUL] = { PRODUCT, 0 },
	[LUI] = { CONSTANT, 0 },
};

static void with_operand(struct trace *trace, uint8_t opcode, enum fast_op op,
			 const struct rv32_decoded *d)
{
	if (op >= ADDI)
		with_immediate(trace, opcode, d->imm);
	else
		with_guest(trace, opcode, EAX, d->rs2);
}

static void shift(struct trace *trace, uint8_t extension, enum fast_op op,
		  const struct rv32_decoded *d)
{
	if (op >= ADDI) {
		PUT(trace, 0xc1, 0xc0 | extension << 3, d->imm & 31);
		return;
	}
	load_guest(trace, ECX, d->rs2);
	PUT(trace, 0xd3, 0xc0 | extension << 3); /* by cl, modulo 32 as well */
}

static void compute(struct trace *trace, enum fast_op op, const struct rv32_decoded *d)
{
	const struct computation *how = &computations[op];

	if (how->shape == CONSTANT)
		store_constant(trace, d->rd, d->imm);
	if (how->shape == CONSTANT || is_zero(d->rd))
		return;
	load_guest(trace, EAX, d->rs1);
	switch (how->shape) {
	case ARITHMETIC:
		with_operand(trace, how->code, op, d);
		break;
	case SHIFT:
		shift(trace, how->code, op, d);
		break;
	case COMPARISON:
		with_operand(trace, OP_CMP, op, d);
		PUT(trace, 0x0f, 0x90 | how->code, 0xc0); /* setcc al */
		PUT(trace, 0x0f, 0xb6, 0xc0);		  /* movzx eax, al */
		break;
	case PRODUCT:
		PUT(trace, 0x0f, 0xaf, 0x43, 4 * d->rs2); /* imul eax, [] */
		break;
	case CONSTANT:
		break;
	}
	store_result(trace, d->rd);
}

/* Its offset in TCM is in eax from now on, unless it is not in there. */
static struct way_out *find_access(struct trace *trace, const struct rv32_decoded *d,
				   uint32_t place)
{
	load_guest(trace, EAX, d->rs1);
	trace->held = 0;
	with_immediate(trace, OP_ADD, d->imm);
	PUT(trace, 0x44, 0x39, 0xe8); /* cmp eax, r13d */
	return jump_out(trace, ABOVE, TO_BUS, place, trace->steps);
}

static void load(struct trace *trace, enum fast_op op, const struct rv32_decoded *d,
		 uint32_t place)
{
	static const uint8_t extending[] = {
		[LB] = 0xbe, [LH] = 0xbf, [LBU] = 0xb6, [LHU] = 0xb7,
	};
	struct way_out *bus = find_access(trace, d, place);

	if (op == LW)
		PUT(trace, 0x41, 0x8b, 0x04, 0x04); /* mov eax, [r12 + rax] */
	else
		PUT(trace, 0x41, 0x0f, extending[op], 0x04, 0x04);
	if (!is_zero(d->rd))
		with_guest(trace, OP_STORE, EAX, d->rd);
	bus->behind = trace->at;
}

/* What has been decoded at the offset in eax is the interpreter's to change. */
static void leave_if_decoded(struct trace *trace, uint32_t place)
{
	PUT(trace, 0x3b, 0x83); /* cmp eax, code_high */
	put32(trace, offsetof(struct rv32, code_high));
	PUT(trace, 0x73, 15);		/* jae, behind all this */
	PUT(trace, 0x8d, 0x50, 4);	/* lea edx, [rax + 4] */
	PUT(trace, 0x3b, 0x93);		/* cmp edx, code_low */
	put32(trace, offsetof(struct rv32, code_low));
	jump_out(trace, ABOVE, TO_INTERPRETER, place, trace->steps);
}

static void store(struct trace *trace, enum fast_op op, const struct rv32_decoded *d,
		  uint32_t place)
{
	struct way_out *bus = find_access(trace, d, place);

	leave_if_decoded(trace, place);
	load_guest(trace, ECX, d->rs2);
	if (op == SH)
		PUT(trace, 0x66);
	PUT(trace, 0x41, op == SB ? 0x88 : 0x89, 0x0c, 0x04); /* mov [r12 + rax], */
	bus->behind = trace->at;
}

static void branch(struct trace *trace, enum fast_op op, const struct rv32_decoded *d,
		   uint32_t place)
{
	static const uint8_t conditions[] = {
		[BEQ] = EQUAL, [BNE] = NOT_EQUAL, [BLT] = LESS,
		[BGE] = GREATER_OR_EQUAL, [BLTU] = BELOW, [BGEU] = ABOVE_OR_EQUAL,
	};

	load_guest(trace, EAX, d->rs1);
	trace->held = d->rs1;
	with_guest(trace, OP_CMP, EAX, d->rs2);
	jump_out(trace, conditions[op], TO_PLACE, place + d->imm, trace->steps + 1);
}

static uint32_t link_of(const struct rv32_bus *bus, const struct rv32_decoded *d,
			uint32_t place)
{
	return bus->tcm_base + 2 * place + (rv32_is_compressed(d->op) ? 2 : 4);
}

static void jump_register(struct trace *trace, const struct rv32_bus *bus,
			  const struct rv32_decoded *d, uint32_t place)
{
	load_guest(trace, EAX, d->rs1);
	trace->held = 0;
	with_immediate(trace, OP_ADD, d->imm - bus->tcm_base);
	PUT(trace, 0xd1, 0xe8); /* shr eax, 1 */
	with_immediate(trace, OP_CMP, RV32_DECODED);
	jump_out(trace, ABOVE_OR_EQUAL, TO_INTERPRETER, place, trace->steps);
	store_constant(trace, d->rd, link_of(bus, d, place));
	PUT(trace, 0x89, 0xc2);		     /* mov edx, eax */
	PUT(trace, 0x41, 0x8b, 0x04, 0x86); /* mov eax, [r14 + 4 * rax] */
	jump_to_start(trace);
}

static void fence(struct trace *trace)
{
	PUT(trace, 0x0f, 0xae, 0xf0); /* mfence */
}

/* --- Traces ---------------------------------------------------------------------- */

/* One instruction, but for jumps by a register. */
static void translate_one(struct trace *trace, const struct rv32_bus *bus,
			  const struct rv32_decoded *d, uint32_t place)
{
	enum fast_op op = rv32_whole_op(d->op);

	if (op <= LUI)
		compute(trace, op, d);
	else if (op <= LHU)
		load(trace, op, d, place);
	else if (op <= SW)
		store(trace, op, d, place);
	else if (op <= BGEU)
		branch(trace, op, d, place);
	else if (op == JAL)
		store_constant(trace, d->rd, link_of(bus, d, place));
	else if (op == FENCE)
		fence(trace);
}

/* What is decoded at @place, if it can be translated. */
static const struct rv32_decoded *find_insn(struct rv32 *cpu,
					    const struct rv32_bus *bus,
					    uint32_t place)
{
	struct rv32_decoded *d = &cpu->decoded[place];

	if (d->op == NEW)
		rv32_decode(cpu, bus, d);
	return d->op == OTHER ? NULL : d;
}

static uint32_t place_behind(const struct rv32_decoded *d, uint32_t place)
{
	if (rv32_whole_op(d->op) == JAL)
		return place + d->imm;
	return place + (rv32_is_compressed(d->op) ? 1 : 2);
}

static void note_source(struct rv32_code *code, uint32_t place)
{
	if (code->low == code->high || place < code->low)
		code->low = place;
	if (place + 2 > code->high)
		code->high = place + 2;
}

/* The instructions from @place on. */
static void translate_line(struct trace *trace, struct rv32 *cpu,
			   const struct rv32_bus *bus, uint32_t place)
{
	const struct rv32_decoded *d;

	while (trace->steps < TRACE_MAX && (d = find_insn(cpu, bus, place))) {
		note_source(trace->code, place);
		if (rv32_whole_op(d->op) == JALR) {
			jump_register(trace, bus, d, place);
			trace->steps++;
			return;
		}
		translate_one(trace, bus, d, place);
		trace->steps++;
		place = place_behind(d, place);
	}
	go_to(trace, place);
}

static void give_back(struct trace *trace, uint32_t steps)
{
	if (steps)
		PUT(trace, 0x83, 0xc5, steps); /* add ebp, steps */
}

static void leave_at(struct trace *trace, uint32_t place)
{
	PUT(trace, 0xba); /* mov edx, place */
	put32(trace, place | IS_LEFT);
	jump_to(trace, trace->code->text + WAY_OUT);
}

/* rv32_access(cpu, place, left); true: it has been the last one here. */
static void call_access(struct trace *trace, const struct way_out *way)
{
	PUT(trace, 0x48, 0x89, 0xdf);	/* mov rdi, rbx */
	PUT(trace, 0xbe);		/* mov esi, place */
	put32(trace, way->place);
	PUT(trace, 0x8d, 0x55, trace->steps - way->done); /* lea edx, [rbp + steps] */
	PUT(trace, 0x41, 0xff, 0x96);	/* call [r14 + ...] */
	put32(trace, offsetof(struct rv32_code, access));
	PUT(trace, 0x84, 0xc0);		/* test al, al */
	PUT(trace, 0x0f, 0x84);		/* jz */
	put32(trace, 0);
	put_displacement(trace->at - 4, way->behind);
	jump_to(trace, trace->code->text + WAY_OUT);
}

static void translate_ways_out(struct trace *trace)
{
	uint32_t i;

	for (i = 0; i < trace->way_count; i++) {
		const struct way_out *way = &trace->ways[i];

		put_displacement(way->jump, trace->at);
		if (way->way == TO_BUS) {
			call_access(trace, way);
			continue;
		}
		give_back(trace, trace->steps - way->done);
		if (way->way == TO_PLACE)
			go_to(trace, way->place);
		else
			leave_at(trace, way->place);
	}
}

/* Back to whom the way in was called by. */
static void put_way_out(struct trace *trace)
{
	PUT(trace, 0x89, 0xd0);			    /* mov eax, edx */
	PUT(trace, 0x48, 0xc1, 0xe5, 32);	    /* shl rbp, 32 */
	PUT(trace, 0x48, 0x09, 0xe8);		    /* or rax, rbp */
	PUT(trace, 0x48, 0x83, 0xc4, 8);	    /* add rsp, 8 */
	PUT(trace, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c);
	PUT(trace, 0x5d, 0x5b, 0xc3); /* pop r15, .., rbp, rbx; ret */
}

/*
 * Arguments in rdi, rsi, edx, ecx, r8, r9 are the processor, TCM, its last word's
 * offset, the steps, rv32_code, and where to start.
 */
static void put_way_in(struct trace *trace)
{
	PUT(trace, 0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57);
	PUT(trace, 0x48, 0x83, 0xec, 8);	/* sub rsp, 8 */
	PUT(trace, 0x48, 0x89, 0xfb);	/* mov rbx, rdi */
	PUT(trace, 0x49, 0x89, 0xf4);	/* mov r12, rsi */
	PUT(trace, 0x41, 0x89, 0xd5);	/* mov r13d, edx */
	PUT(trace, 0x89, 0xcd);		/* mov ebp, ecx */
	PUT(trace, 0x4d, 0x89, 0xc6);	/* mov r14, r8 */
	PUT(trace, 0x4c, 0x8d, 0x3d);	/* lea r15, text */
	put32(trace, 0);
	put_displacement(trace->at - 4, trace->code->text);
	PUT(trace, 0x41, 0xff, 0xe1);	/* jmp r9 */
}

typedef uint64_t way_in(struct rv32 *cpu, uint8_t *tcm, uint32_t last_word,
			uint32_t left, struct rv32_code *code, const uint8_t *start);

_Static_assert(offsetof(struct rv32, x) == 0 && 4 * RV32_SINK <= 128,
	       "guest registers are reached by displacements of a byte");
_Static_assert(offsetof(struct rv32_code, starts) == 0, "r14 is the code's");

static bool allow(struct rv32_code *code, int protection)
{
	return !mprotect(code->text, TEXT_SIZE, protection);
}

void rv32_code_drop(struct rv32_code *code)
{
	uint32_t size = code->high - code->low;

	/* Arrivals are counted where nothing could be translated, too. */
	memset(code->starts + code->low, 0, size * sizeof(*code->starts));
	memset(code->arrivals, 0, sizeof(code->arrivals));
	code->low = 0;
	code->high = 0;
	code->used = TRACES;
	code->is_dropped = true;
}

static bool put_ways(struct rv32_code *code)
{
	struct trace out = { .code = code, .at = code->text + WAY_OUT };
	struct trace in = { .code = code, .at = code->text + WAY_IN };

	put_way_out(&out);
	put_way_in(&in);
	return allow(code, PROT_READ | PROT_EXEC);
}

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void rv32_code_close(struct rv32 *cpu)
{
	if (!cpu->code)
		return;
	munmap(cpu->code->text, TEXT_SIZE);
	munmap(cpu->code, sizeof(*cpu->code));
	cpu->code = NULL;
}

void rv32_code_open(struct rv32 *cpu)
{
	uint8_t *text = map(TEXT_SIZE);
	struct rv32_code *code = text ? map(sizeof(*code)) : NULL;

	cpu->is_interpreted = true;
	if (!code) {
		if (text)
			munmap(text, TEXT_SIZE);
		return;
	}
	code->text = text;
	code->access = rv32_access;
	code->used = TRACES;
	cpu->code = code;
	if (put_ways(code))
		cpu->is_interpreted = false;
	else
		rv32_code_close(cpu);
}

void rv32_translate(struct rv32 *cpu, const struct rv32_bus *bus, uint32_t place)
{
	struct rv32_code *code = cpu->code;
	struct trace trace = { .code = code };
	uint8_t *steps;

	if (!find_insn(cpu, bus, place))
		return;
	if (code->used + TRACE_SIZE > TEXT_SIZE)
		rv32_code_drop(code);
	if (!allow(code, PROT_READ | PROT_WRITE))
		return;
	trace.at = code->text + code->used;
	PUT(&trace, 0x83, 0xed, 0); /* sub ebp, steps; less than none are none */
	steps = trace.at - 1;
	jump_out(&trace, BELOW, TO_INTERPRETER, place, 0);
	code->starts[place] = code->used;
	translate_line(&trace, cpu, bus, place);
	*steps = trace.steps;
	translate_ways_out(&trace);
	code->used = trace.at - code->text;
	if (!allow(code, PROT_READ | PROT_EXEC))
		rv32_code_drop(code);
}

void rv32_run_translated(struct rv32 *cpu, const struct rv32_bus *bus,
			 struct rv32_position *position)
{
	struct rv32_code *code = cpu->code;
	way_in *enter = (way_in *)(code->text + WAY_IN);
	uint64_t end;

	code->bus = bus;
	code->position = position;
	code->is_dropped = false;
	position->end = RV32_GOES_ON;
	end = enter(cpu, bus->tcm, bus->tcm_size - 4, position->left, code,
		    code->text + code->starts[position->place]);
	if (position->end != RV32_GOES_ON)
		return;
	position->place = (uint32_t)end & ~IS_LEFT;
	position->left = end >> 32;
	if (end & IS_LEFT)
		position->end = RV32_STOPS;
}

#endif
