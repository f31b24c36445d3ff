/* SPDX-License-Identifier: MIT */
/*
 * What libFuzzer calls: every tests/fuzz/NAME_fuzz.c includes this and defines
 * LLVMFuzzerTestOneInput(), which returns 0 (or -1 to keep the input out of
 * the corpus) and lets the sanitizers or abort() report a finding.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
