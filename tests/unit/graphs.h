/* SPDX-License-Identifier: MIT */
/*
 * How many random graphs a test tries. Sanitizers look for wrong accesses, which
 * a fifth of them shows as well, and take five times as long.
 */
#ifndef TESTS_UNIT_GRAPHS_H
#define TESTS_UNIT_GRAPHS_H

#ifdef __SANITIZE_ADDRESS__
#define GRAPHS 40
#else
#define GRAPHS 200
#endif

#endif
