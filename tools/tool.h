/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands of `tinynpu` share: exit statuses, how they complain,
 * and how figures are written for people.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include <tinynpu.h>

/* What `tinynpu` exits with; --help says it, too. */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_FAILED = 1, /* the device, a job or the system */
	TOOL_UNUSABLE = 2, /* bad usage, or a file that can't be used */
};

/*
 * The subcommands: main() with argv[0] = "tinynpu NAME". They return an enum
 * tool_exit.
 */
int command_bench(int argc, char **argv);
int command_compile(int argc, char **argv);
int command_events(int argc, char **argv);
int command_limit(int argc, char **argv);
int command_info(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_profile(int argc, char **argv);
int command_run(int argc, char **argv);
int command_top(int argc, char **argv);
int command_vm(int argc, char **argv);

/**
 * tool_complain() - write a line "tinynpu: ..." to standard error
 *
 * Return: @status, so that a function can end with it.
 */
__attribute__((format(printf, 2, 3)))
int tool_complain(int status, const char *format, ...);

/* The exit status for a file that could not be used because of @err. */
int tool_file_status(int err);

/*
 * Read a whole regular file. 0, or a negative errno with a complaint. The
 * caller frees @bytes.
 */
int tool_read_file(const char *path, void **bytes, size_t *size);

/* Remove what was half written; devices and pipes stay. */
void tool_remove_file(const char *path);

/* Whether two paths name one regular file, which is there. */
bool tool_is_same_file(const char *a, const char *b);

/* A figure as text, passed by value: tool_bytes(n).text */
struct tool_text {
	char text[32];
};

struct tool_text tool_count(uint64_t count); /* 1,234,567 */
struct tool_text tool_bytes(uint64_t bytes); /* 12.3 KiB */
struct tool_text tool_energy(uint64_t energy_fj); /* 12.3 uJ */
struct tool_text tool_time(uint64_t time_ns); /* 12.3 ms */

/* Nanoseconds that so many cycles take at a clock. */
uint64_t tool_cycles_ns(uint64_t cycles, uint32_t clock_khz);

/* "int8 [1, 8, 8, 1]" for a tensor; the caller's buffer */
void tool_tensor_type(const struct tinynpu_tensor_info *info, char *text,
		      size_t size);

#endif
