// SPDX-License-Identifier: MIT
/*
 * What the kernel's driver does with an inference, from its tracepoints: when it took
 * each job, when it gave it to the firmware, and when it heard of its end. Needs an
 * instance of tracefs of its own, which root may make; nobody else's traces notice.
 */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSTANCES "/sys/kernel/tracing/instances"

static bool write_text(const struct driver_trace *trace, const char *name,
		       const char *text)
{
	char path[DRIVER_PATH_SIZE + 64];
	int fd;
	bool is_written;

	snprintf(path, sizeof(path), "%s/%s", trace->path, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return is_written;
}

bool driver_trace_start(struct driver_trace *trace)
{
	snprintf(trace->path, sizeof(trace->path), INSTANCES "/tinynpu-%d",
		 (int)getpid());
	if (mkdir(trace->path, 0700))
		return false;
	if (write_text(trace, "trace_clock", "mono") &&
	    write_text(trace, "events/tinynpu/enable", "1") &&
	    write_text(trace, "tracing_on", "1"))
		return true;
	rmdir(trace->path);
	return false;
}

/* --- Lines such as "  name-12 [000] d..1. 3.141592: tnpu_job_run: queue=0 job=1 ..." */

struct event {
	int pid;
	uint64_t ns;
	char name[32];
	unsigned int queue;
	unsigned long long job;
};

static bool parse_event(const char *line, struct event *event)
{
	const char *name = strstr(line, ": tnpu_job_"), *cpu = strstr(line, " [");
	const char *pid = cpu, *time = name;
	unsigned long long seconds, micros;

	if (!name || !cpu || cpu > name)
		return false;
	while (pid > line && pid[-1] == ' ')
		pid--;
	while (pid > line && pid[-1] >= '0' && pid[-1] <= '9')
		pid--;
	while (time > line && time[-1] != ' ')
		time--;
	if (sscanf(time, "%llu.%6llu", &seconds, &micros) != 2 ||
	    sscanf(name, ": %31[a-z_]: queue=%u job=%llu", event->name,
		   &event->queue, &event->job) != 3)
		return false;
	event->pid = atoi(pid);
	event->ns = seconds * 1000000000 + micros * 1000;
	return true;
}

static struct driver_job *find_job(struct driver_times *times, uint64_t job)
{
	uint32_t i;

	for (i = 0; i < times->count; i++)
		if (times->job[i].number == job)
			return &times->job[i];
	return NULL;
}

/* Our queue is that of the first job that this process gave to the driver. */
static void take_event(struct driver_times *times, const struct event *event)
{
	struct driver_job *job;

	if (!times->count && (strcmp(event->name, "tnpu_job_queue") ||
			      event->pid != getpid()))
		return;
	if (!times->count)
		times->queue = event->queue;
	if (event->queue != times->queue)
		return;
	job = find_job(times, event->job);
	if (!job && !strcmp(event->name, "tnpu_job_queue") &&
	    times->count < DRIVER_JOBS_MOST) {
		job = &times->job[times->count++];
		*job = (struct driver_job){ .number = event->job,
					    .queued = event->ns };
	} else if (job && !strcmp(event->name, "tnpu_job_run")) {
		job->run = event->ns;
	} else if (job && !strcmp(event->name, "tnpu_job_done")) {
		job->done = event->ns;
	}
}

void driver_trace_stop(struct driver_trace *trace, struct driver_times *times)
{
	char path[DRIVER_PATH_SIZE + 64], *line = NULL;
	struct event event;
	size_t size = 0;
	FILE *file;

	write_text(trace, "tracing_on", "0");
	snprintf(path, sizeof(path), "%s/trace", trace->path);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) > 0)
		if (parse_event(line, &event))
			take_event(times, &event);
	free(line);
	if (file)
		fclose(file);
	rmdir(trace->path);
}
