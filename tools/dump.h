/* SPDX-License-Identifier: MIT */
/*
 * Dumps of a device that hung or crashed (npu/dump.h): recognising and printing
 * them, whatever is in them. Called by inspect.c.
 */
#ifndef DUMP_H
#define DUMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Whether a file is a dump, good or not. */
bool dump_is_one(const void *bytes, size_t size);

/* What is wrong with it, or NULL. */
const char *dump_find_fault(const void *bytes, size_t size);

/* Both take dumps with which nothing is wrong. */
void dump_print(const void *bytes, FILE *out);
json_t *dump_json(const void *bytes);

#endif
