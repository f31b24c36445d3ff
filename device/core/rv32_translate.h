/* SPDX-License-Identifier: MIT */
/*
 * What firmware executes most as the host's own instructions, where there is a
 * translator for the host (rv32_x86.c) and memory may be executed. Anywhere else, and
 * for all that is not translated, rv32_fast.c goes on as it would without. Nobody but
 * the files of the processor includes it.
 */
#ifndef NPU_RV32_TRANSLATE_H
#define NPU_RV32_TRANSLATE_H

#include "rv32_insn.h"

enum rv32_end {
	RV32_GOES_ON,	/* at a place, whoever executes it */
	RV32_STOPS,	/* in front of what only the interpreter does */
	RV32_LEAVES,	/* somebody has to look after interrupts, or what was changed */
	RV32_TRAPPED,	/* the step counts, but did nothing else */
};

/* Where execution is. */
struct rv32_position {
	uint32_t place;		/* entry of rv32::decoded */
	uint32_t left;		/* steps */
	uint32_t counted;	/* those left when minstret was right */
	enum rv32_end end;
};

#if defined(__x86_64__) && defined(__linux__)
#define RV32_TRANSLATES 1

/* From so many arrivals on a place is worth a translation. */
#define RV32_HOT 48

/* Places, and the two behind the last; see rv32::decoded. */
#define RV32_PLACES (RV32_DECODED + 2)

/* All that is translated; it ends as a whole, when its bytes change or it is full. */
struct rv32_code {
	uint32_t starts[RV32_PLACES];	/* in @text; 0: not translated */
	uint8_t arrivals[RV32_PLACES];	/* counted up to 255 */
	uint32_t low, high;		/* places it was made of */
	uint32_t used;			/* bytes of @text */
	uint8_t *text;			/* never both writable and executable */
	bool is_dropped;		/* since it was entered last */

	/* What rv32_access() is called with, beside its arguments. */
	bool (*access)(struct rv32 *cpu, uint32_t place, uint32_t left);
	const struct rv32_bus *bus;
	struct rv32_position *position;
};

/* Sets cpu->code, or cpu->is_interpreted if the host does not allow it. */
void rv32_code_open(struct rv32 *cpu);
void rv32_code_close(struct rv32 *cpu);

/* Forget everything. */
void rv32_code_drop(struct rv32_code *code);

/* What begins at @place, as far as it can be translated; nothing may be all of it. */
void rv32_translate(struct rv32 *cpu, const struct rv32_bus *bus, uint32_t place);

/* From a place on which is translated, up to what isn't, or as far as steps are left. */
void rv32_run_translated(struct rv32 *cpu, const struct rv32_bus *bus,
			 struct rv32_position *position);

/*
 * rv32_fast.c: the load or store at @place, beyond TCM, with @left steps to go. False:
 * what follows is next. True: cpu->code->position says what.
 */
bool rv32_access(struct rv32 *cpu, uint32_t place, uint32_t left);

/* Somebody arrives at @place: whether they can go on in a translation. */
static inline bool rv32_is_translated(struct rv32 *cpu, const struct rv32_bus *bus,
				      uint32_t place)
{
	struct rv32_code *code = cpu->code;

	if (!code)
		return false;
	if (!code->starts[place] && code->arrivals[place] < 255 &&
	    ++code->arrivals[place] == (cpu->is_eager ? 1 : RV32_HOT))
		rv32_translate(cpu, bus, place);
	return code->starts[place];
}

/* What lies in these places has changed. */
static inline void rv32_code_forget(struct rv32 *cpu, uint32_t low, uint32_t high)
{
	struct rv32_code *code = cpu->code;

	if (code && low < code->high && high > code->low)
		rv32_code_drop(code);
}

#else
#define RV32_TRANSLATES 0

static inline void rv32_code_open(struct rv32 *cpu)
{
	cpu->is_interpreted = true;
}

static inline void rv32_code_close(struct rv32 *cpu)
{
}

static inline bool rv32_is_translated(struct rv32 *cpu, const struct rv32_bus *bus,
				      uint32_t place)
{
	return false;
}

static inline void rv32_run_translated(struct rv32 *cpu, const struct rv32_bus *bus,
				       struct rv32_position *position)
{
}

static inline void rv32_code_forget(struct rv32 *cpu, uint32_t low, uint32_t high)
{
}

#endif

#endif
