// SPDX-License-Identifier: MIT
/*
 * A program on the simulator in the library: what it costs there and here.
 * Started by tests/bench/models, which reads the lines "NAME NUMBER".
 *
 *	model_bench run MACHINE PROGRAM    all figures but the peak
 *	model_bench empty MACHINE          the same for a job of one NOP
 *	model_bench pair MACHINE PROGRAM   what a job takes of one session, and of two
 *					   at the same time, in threads of their own
 *	model_bench once MACHINE PROGRAM   one inference, and no more
 *	model_bench peak MACHINE PROGRAM   likewise; prints the memory it took
 *	model_bench host                   multiply-accumulates of the host's dot products
 *
 * Wall times: windows of WINDOW_NS, in each the median and the tenth percentile
 * of single inferences; printed is the median window. The start is the time from
 * posix_spawn() of "once" to its end, the median of STARTS.
 */
#include "fill.h"
#include "peak.h"
#include "tnp_image.h"

#include <tinynpu.h>

#include <err.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define WINDOWS 7
#define WINDOW_NS 300000000
#define STARTS 11
#define MAX_SAMPLES (1u << 20)

extern char **environ;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The value below which @percent of them lie; sorts them. */
static uint64_t percentile(uint64_t *values, size_t count, unsigned int percent)
{
	qsort(values, count, sizeof(values[0]), compare);
	return values[(count - 1) * percent / 100];
}

/* --- Sessions ---------------------------------------------------------------- */

static struct tinynpu_program *open_program(const char *path)
{
	struct tinynpu_program *program;
	struct tinynpu_error error;

	if (tinynpu_program_open(path, &program, &error))
		errx(1, "%s", error.text);
	return program;
}

static struct tinynpu_program *empty_program(void)
{
	struct tinynpu_program *program;
	struct tinynpu_error error;
	struct tnp_image image;
	uint8_t *file;
	size_t size;

	tnp_image_init(&image);
	image.sections[TNP_COMMANDS].size = NPU_CMD_SIZE;
	tnp_commands(&image)[0] = (union npu_cmd){
		.nop = { .hdr.op = NPU_OP_NOP, .cycles = 1 },
	};
	file = tnp_image_build(&image, 1, &size);
	if (tinynpu_program_read(file, size, "empty", &program, &error))
		errx(1, "%s", error.text);
	free(file);
	return program;
}

static struct tinynpu_device *open_device(const char *machine)
{
	struct tinynpu_device *device;
	struct tinynpu_error error;

	if (tinynpu_device_open("sim", machine, &device, &error))
		errx(1, "%s", error.text);
	return device;
}

static struct tinynpu_session *create_session(struct tinynpu_device *device,
					      struct tinynpu_program *program)
{
	struct tinynpu_session *session;
	struct tinynpu_error error;

	if (tinynpu_session_create(device, program, &session, &error))
		errx(1, "%s", error.text);
	fill_inputs(program, session);
	return session;
}

/* Takes the program over. */
static struct tinynpu_session *open_session(const char *machine,
					    struct tinynpu_program *program)
{
	struct tinynpu_device *device = open_device(machine);
	struct tinynpu_session *session = create_session(device, program);

	tinynpu_device_close(device);
	tinynpu_program_close(program);
	return session;
}

static void run(struct tinynpu_session *session)
{
	struct tinynpu_error error;

	if (tinynpu_session_run(session, &error))
		errx(1, "%s", error.text);
}

/* --- Figures ----------------------------------------------------------------- */

static void print_stats(struct tinynpu_session *session)
{
	struct tinynpu_stats stats;

	tinynpu_session_stats(session, &stats, sizeof(stats));
	printf("cycles %llu\n", (unsigned long long)stats.cycles);
	printf("energy_fj %llu\n", (unsigned long long)stats.energy_fj);
	printf("macs %llu\n", (unsigned long long)stats.mac_ops);
}

static void print_walls(struct tinynpu_session *session)
{
	uint64_t medians[WINDOWS], tenths[WINDOWS];
	uint64_t *samples = calloc(MAX_SAMPLES, sizeof(*samples));
	size_t i;

	if (!samples)
		err(1, "memory");
	for (i = 0; i < WINDOWS; i++) {
		uint64_t start = now_ns(), before = start, after;
		size_t count = 0;

		do {
			run(session);
			after = now_ns();
			samples[count++] = after - before;
			before = after;
		} while (after - start < WINDOW_NS && count < MAX_SAMPLES);
		medians[i] = percentile(samples, count, 50);
		tenths[i] = percentile(samples, count, 10);
	}
	free(samples);
	printf("wall_ns %llu\n", (unsigned long long)
	       percentile(medians, WINDOWS, 50));
	printf("wall_tenth_ns %llu\n", (unsigned long long)
	       percentile(tenths, WINDOWS, 50));
}

/* --- Two sessions at the same time --------------------------------------------- */

struct runner {
	struct tinynpu_session *session;
	pthread_barrier_t *start;
	uint64_t begin, end;
	size_t jobs;
};

/* By its own clock: who waits for it may be late. */
static void *run_window(void *opaque)
{
	struct runner *runner = opaque;

	run(runner->session);
	pthread_barrier_wait(runner->start);
	runner->begin = now_ns();
	do {
		run(runner->session);
		runner->jobs++;
		runner->end = now_ns();
	} while (runner->end - runner->begin < WINDOW_NS);
	return NULL;
}

/* Nanoseconds per job of so many sessions. */
static uint64_t time_sessions(struct tinynpu_session *sessions[], size_t count)
{
	struct runner runners[2] = { { 0 } };
	uint64_t begin = UINT64_MAX, end = 0;
	pthread_barrier_t start;
	pthread_t threads[2];
	size_t jobs = 0, i;

	pthread_barrier_init(&start, NULL, count);
	for (i = 0; i < count; i++) {
		runners[i].session = sessions[i];
		runners[i].start = &start;
		if (pthread_create(&threads[i], NULL, run_window, &runners[i]))
			errx(1, "no thread");
	}
	for (i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		jobs += runners[i].jobs;
		begin = runners[i].begin < begin ? runners[i].begin : begin;
		end = runners[i].end > end ? runners[i].end : end;
	}
	pthread_barrier_destroy(&start);
	return (end - begin) / jobs;
}

static void measure_pair(const char *machine, const char *path)
{
	struct tinynpu_program *program = open_program(path);
	struct tinynpu_device *device = open_device(machine);
	struct tinynpu_session *sessions[2];
	uint64_t alone[WINDOWS], together[WINDOWS];
	size_t i;

	for (i = 0; i < 2; i++)
		sessions[i] = create_session(device, program);
	for (i = 0; i < WINDOWS; i++) {
		alone[i] = time_sessions(sessions, 1);
		together[i] = time_sessions(sessions, 2);
	}
	printf("alone_ns %llu\n", (unsigned long long)
	       percentile(alone, WINDOWS, 50));
	printf("together_ns %llu\n", (unsigned long long)
	       percentile(together, WINDOWS, 50));
	for (i = 0; i < 2; i++)
		tinynpu_session_destroy(sessions[i]);
	tinynpu_device_close(device);
	tinynpu_program_close(program);
}

static void print_start(char *self, char *machine, char *path)
{
	char *args[] = { self, "once", machine, path, NULL };
	uint64_t took[STARTS];
	int i, status, ret;
	pid_t child;

	for (i = 0; i < STARTS; i++) {
		uint64_t start = now_ns();

		ret = posix_spawn(&child, self, NULL, NULL, args, environ);
		if (ret)
			errx(1, "%s: %s", self, strerror(ret));
		if (waitpid(child, &status, 0) != child || status)
			errx(1, "an inference on its own failed");
		took[i] = now_ns() - start;
	}
	printf("start_ns %llu\n", (unsigned long long)
	       percentile(took, STARTS, 50));
}

/* Of this process since it was started. */
static void print_peak(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long kib;
	char line[256];

	if (!file)
		err(1, "/proc/self/status");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %lu kB", &kib) == 1)
			printf("peak_kib %lu\n", kib);
	fclose(file);
}

/* Nothing where that isn't known. */
static void print_host(void)
{
	struct peak peak;

	if (!peak_measure(&peak))
		return;
	printf("macs_per_us %.0f\n", 1000 * peak.macs_per_ns);
	printf("has_vnni %d\n", !strcmp(peak.instruction, "vpdpbusd"));
}

static void measure(struct tinynpu_session *session)
{
	run(session);
	print_stats(session);
	print_walls(session);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	bool is_empty = !strcmp(mode, "empty");
	struct tinynpu_session *session;

	if (argc == 2 && !strcmp(mode, "host")) {
		print_host();
		return 0;
	}
	if (argc != (is_empty ? 3 : 4))
		errx(2, "usage: model_bench run|once|peak|pair MACHINE PROGRAM\n"
			"       model_bench empty MACHINE\n"
			"       model_bench host");
	if (!strcmp(mode, "pair")) {
		measure_pair(argv[2], argv[3]);
		return 0;
	}
	session = open_session(argv[2], is_empty ? empty_program() :
						   open_program(argv[3]));
	if (!strcmp(mode, "run") || is_empty)
		measure(session);
	else
		run(session);
	if (!strcmp(mode, "run"))
		print_start(argv[0], argv[2], argv[3]);
	if (!strcmp(mode, "peak"))
		print_peak();
	tinynpu_session_destroy(session);
	return 0;
}
