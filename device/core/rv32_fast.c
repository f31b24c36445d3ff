// SPDX-License-Identifier: MIT
/*
 * The frequent instructions, as long as nothing traps: by translations where there are
 * any, else by the decoded entries. All others, whatever fails, and code that lies too
 * far up in TCM are left to rv32.c, which can do these, too. Called by rv32_run().
 *
 * Each instruction ends with jumps of its own to the next one's code, from which
 * the host's processor learns what usually follows.
 */
#include "rv32_decode.h"
#include "rv32_translate.h"

#include <stdatomic.h>
#include <string.h>

static bool refuse(struct rv32 *cpu, uint32_t cause, uint32_t address)
{
	rv32_trap(cpu, cause, address);
	cpu->cycles_ahead++;
	return false;
}

/* How many bytes loads and stores are of. */
static const uint8_t access_bytes[] = {
	[LB] = 1, [LH] = 2, [LW] = 4, [LBU] = 1, [LHU] = 2,
	[SB] = 1, [SH] = 2, [SW] = 4,
};

/* Of the instruction at cpu->pc. False: it was refused, which is a trap. */
static inline bool access_bus(struct rv32 *cpu, const struct rv32_bus *bus,
			      const struct rv32_decoded *d, enum fast_op op)
{
	uint32_t address = cpu->x[d->rs1] + d->imm + bus->tcm_base;
	uint32_t size = access_bytes[op], mask = UINT32_MAX >> (32 - 8 * size);
	uint32_t value = 0;

	if (op >= SB)
		return !bus->store(bus->opaque, address, size,
				   cpu->x[d->rs2] & mask) ||
		       refuse(cpu, RV32_STORE_ACCESS, address);
	if (bus->load(bus->opaque, address, size, &value))
		return refuse(cpu, RV32_LOAD_ACCESS, address);
	value &= mask;
	if (op == LB)
		value = (uint32_t)(int8_t)value;
	else if (op == LH)
		value = (uint32_t)(int16_t)value;
	cpu->x[d->rd] = value;
	return true;
}

/* The place of an entry, as an address. */
static inline uint32_t pc_of(const struct rv32 *cpu, const struct rv32_bus *bus,
			     const struct rv32_decoded *d)
{
	return bus->tcm_base + 2 * (uint32_t)(d - cpu->decoded);
}

/* The load or store at @d, with @left steps to go; as access_bus() says. */
static inline bool access_at(struct rv32 *cpu, const struct rv32_bus *bus,
			     const struct rv32_decoded *d, uint32_t left,
			     uint32_t *counted)
{
	cpu->minstret += *counted - left; /* whom it reaches may ask */
	*counted = left;
	cpu->pc = pc_of(cpu, bus, d);
	return access_bus(cpu, bus, d, rv32_whole_op(d->op));
}

/* Beyond the last word of TCM: whether it begins in that word. */
static bool is_across(const struct rv32 *cpu, const struct rv32_bus *bus,
		      const struct rv32_decoded *d)
{
	return cpu->x[d->rs1] + d->imm < bus->tcm_size;
}

static bool must_leave(const struct rv32 *cpu)
{
	return cpu->must_stop || ((cpu->mip & cpu->mie) &&
				  (cpu->mstatus & RV32_MSTATUS_MIE));
}

#if RV32_TRANSLATES
/* What whoever has called the translation finds. */
static __attribute__((noinline)) bool
leave(struct rv32 *cpu, uint32_t place, uint32_t left, enum rv32_end end)
{
	struct rv32_position *position = cpu->code->position;

	position->place = place;
	position->left = left;
	position->end = end;
	return true;
}

bool rv32_access(struct rv32 *cpu, uint32_t place, uint32_t left)
{
	const struct rv32_code *code = cpu->code;
	const struct rv32_decoded *d = &cpu->decoded[place];

	if (is_across(cpu, code->bus, d))
		return leave(cpu, place, left, RV32_STOPS);
	if (!access_at(cpu, code->bus, d, left, &code->position->counted))
		return leave(cpu, place, left, RV32_TRAPPED);
	if (must_leave(cpu) || code->is_dropped)
		return leave(cpu, place + (rv32_is_compressed(d->op) ? 1 : 2),
			     left - 1, RV32_LEAVES);
	return false;
}
#endif

/* From a place that is translated, as long as that is true of the next one, too. */
static void run_translations(struct rv32 *cpu, const struct rv32_bus *bus,
			     struct rv32_position *position)
{
	do
		rv32_run_translated(cpu, bus, position);
	while (position->end == RV32_GOES_ON && position->left &&
	       rv32_is_translated(cpu, bus, position->place));
}

#define A cpu->x[d->rs1]
#define B cpu->x[d->rs2]
#define PC pc_of(cpu, bus, d)

/*
 * Where a jump with a condition goes is predicted from far more of what came before
 * than where a computed one goes; firmware's rounds are longer than processors
 * remember of these. So the most frequent are asked for by name.
 */
#define WHOLE(name) if (op == name) goto do_##name;
#define HALF(name) if (op == name + COMPRESSED) goto do_compressed_##name;
#define FREQUENT(X) X(LW) X(SW) X(ADDI)

#define GO                          \
	do {                        \
		uint32_t op = d->op; \
		FREQUENT(WHOLE)     \
		FREQUENT(HALF)      \
		goto *labels[op];   \
	} while (0)
#define GO_ON(entries)          \
	do {                    \
		d += (entries); \
		if (!--left)    \
			goto out; \
		GO;             \
	} while (0)
#define ARRIVE_AT(entries)      \
	do {                    \
		d += (entries); \
		if (!--left)    \
			goto out; \
		goto arrive;    \
	} while (0)

/* Each instruction appears twice below: whole and compressed, which is a constant. */
#define CASES(name, ...)                       \
	do_##name: {                           \
		const int size = 2;            \
		__VA_ARGS__;                   \
	}                                      \
	do_compressed_##name: {                \
		const int size = 1;            \
		__VA_ARGS__;                   \
	}

#define COMPUTE(name, value) CASES(name, {      \
	uint32_t a = A, b = B;                  \
	(void)a;                                \
	(void)b;                                \
	cpu->x[d->rd] = (uint32_t)(value);      \
	GO_ON(size);                            \
})

#define LOAD(name, type) CASES(name, {          \
	uint32_t offset = A + d->imm;           \
	type value;                             \
	if (offset > last_word)                 \
		goto beyond;                    \
	memcpy(&value, tcm + offset, sizeof(value)); \
	cpu->x[d->rd] = (uint32_t)value;        \
	GO_ON(size);                            \
})

#define STORE(name, type) CASES(name, {         \
	uint32_t offset = A + d->imm;           \
	type value = (type)B;                   \
	if (offset > last_word)                 \
		goto beyond;                    \
	memcpy(tcm + offset, &value, sizeof(value)); \
	if (offset < cpu->code_high && offset + 4 > cpu->code_low) \
		rv32_forget(cpu, offset, sizeof(value)); \
	GO_ON(size);                            \
})

#define BRANCH(name, is_taken) CASES(name, {    \
	uint32_t a = A, b = B;                  \
	if (is_taken)                           \
		ARRIVE_AT((int32_t)d->imm);     \
	GO_ON(size);                            \
})

#define LABEL(name, ...) [name] = &&do_##name, \
	[name + COMPRESSED] = &&do_compressed_##name,

uint32_t rv32_run_fast(struct rv32 *cpu, const struct rv32_bus *bus,
		       uint32_t max_steps)
{
	static const void *const labels[] = {
		[NEW] = &&do_new, [OTHER] = &&out,
		COMPUTING(LABEL) LOADING(LABEL) STORING(LABEL) BRANCHING(LABEL)
		LABEL(JAL) LABEL(JALR) LABEL(FENCE) LABEL(FENCE_LIGHT)
	};
	struct rv32_position position = { .counted = max_steps };
	uint32_t left = max_steps, place, link;
	const uint32_t last_word = bus->tcm_size - 4;
	uint8_t *const tcm = bus->tcm;
	struct rv32_decoded *d;

	place = (cpu->pc - bus->tcm_base) / 2;
	if (place >= RV32_DECODED)
		return 0;
	d = &cpu->decoded[place];

arrive:
	position.place = d - cpu->decoded;
	if (!rv32_is_translated(cpu, bus, position.place))
		GO;
	position.left = left;
	run_translations(cpu, bus, &position);
	d = &cpu->decoded[position.place];
	left = position.left;
	if (position.end == RV32_TRAPPED)
		return max_steps - left + 1;
	if (!left || position.end == RV32_LEAVES)
		goto out;
	GO;

do_new:
	rv32_decode(cpu, bus, d);
	GO;

	COMPUTING(COMPUTE)
	LOADING(LOAD)
	STORING(STORE)
	BRANCHING(BRANCH)
	CASES(FENCE, atomic_thread_fence(memory_order_seq_cst); GO_ON(size))
	CASES(FENCE_LIGHT, atomic_thread_fence(memory_order_acq_rel);
	      GO_ON(size))
	CASES(JAL, cpu->x[d->rd] = PC + 2 * size; ARRIVE_AT((int32_t)d->imm))
	CASES(JALR, place = (A + d->imm - bus->tcm_base) / 2;
	      if (place >= RV32_DECODED) goto out;
	      link = PC + 2 * size;
	      cpu->x[d->rd] = link;
	      ARRIVE_AT(&cpu->decoded[place] - d))

beyond:
	if (is_across(cpu, bus, d))
		goto out;
	if (!access_at(cpu, bus, d, left, &position.counted))
		return max_steps - left + 1;
	d += rv32_is_compressed(d->op) ? 1 : 2;
	if (--left && !must_leave(cpu))
		goto arrive;
out:
	cpu->pc = PC;
	cpu->minstret += position.counted - left;
	return max_steps - left;
}
