/* SPDX-License-Identifier: MIT */
/*
 * For tests: compiles a model, runs it in the simulator and hands out results,
 * so that they can be compared with the reference executor and with goldens.
 */
#ifndef TESTS_UNIT_COMPILED_H
#define TESTS_UNIT_COMPILED_H

#include <stddef.h>
#include <stdint.h>

#include "compiler/tnc.h"

struct compiled;

struct compiled *compiled_create(const void *model, size_t size,
				 const char *name,
				 const struct npu_machine *machine);
struct compiled *compiled_create_with(const void *model, size_t size,
				      const struct tnc_options *options);
void compiled_destroy(struct compiled *compiled);

/*
 * Runs once; fails the test on any error or when the estimate is not exact, which that
 * of a program with loops can't be.
 */
void compiled_run(struct compiled *compiled, const void *const *inputs);

/*
 * Compiles a graph in text form for a machine and runs it on random inputs: its
 * outputs have to be those of the reference executor, byte for byte.
 */
void compiled_compare(const char *text, size_t size,
		      const struct npu_machine *machine);

/* Whether variables keep their values between runs; and back to initial ones. */
void compiled_keep_state(struct compiled *compiled, int keep);
void compiled_reset_state(struct compiled *compiled);

const void *compiled_output(struct compiled *compiled, int index);
uint64_t compiled_cycles(const struct compiled *compiled);

#endif
