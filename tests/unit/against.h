/* SPDX-License-Identifier: MIT */
/*
 * For tests: does a compiled graph compute what the reference executor computes?
 */
#ifndef TESTS_UNIT_AGAINST_H
#define TESTS_UNIT_AGAINST_H

#include <stddef.h>
#include <stdint.h>

#include "compiler/tnc.h"

/* A number from @least to @most; @seed is the state of the sequence. */
int against_random(uint64_t *seed, int least, int most);

/* Machines of all sizes, from 16 KiB of SRAM on. */
struct npu_machine against_machine(uint64_t *seed);

/*
 * Compiles the text of a graph, runs it in the simulator and in the reference
 * executor on the same random inputs, and fails the test, showing the text, if
 * one output byte differs.
 */
void against_reference(const char *text, size_t size,
		       const struct npu_machine *machine, uint64_t *seed);

/*
 * Likewise @runs times in a stream that keeps its state, twice, reset in between,
 * and then without keeping it.
 */
void against_stream(const char *text, size_t size,
		    const struct npu_machine *machine, int runs,
		    uint64_t *seed);

#endif
