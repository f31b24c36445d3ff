// SPDX-License-Identifier: MIT
/*
 * What the driver's calls cost, in the guest: runs each phase of the table below
 * many times between marks (marks.h), whose instructions QEMU's plugin counts,
 * and prints what the phase did to device and interrupts. Started by
 * tests/bench/run, which reads the lines
 *
 *	phase NAME JOBS WARM RUNS TICKS READS WRITES DOORBELLS INTERRUPTS TAKEN
 *
 * JOBS are done in each of WARM + RUNS runs; TICKS is the median of the time
 * stamp counter's differences over a run; the other figures are sums over all
 * runs: accesses to BAR0, doorbell writes and interrupts by the device's own
 * counters, and interrupts that the kernel took. Then a line "end".
 */
#include "marks.h"
#include "userq.h"

#include <err.h>
#include <glob.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <sys/syscall.h>

#define WARM 20
#define RUNS 101
#define DEPTH 32
#define SECTOR 512
#define LOOPS 1000

/* The disks answer at once, or when the reader sleeps already. */
enum { FAST, SLOW, NULL_BLK, NVME, DISKS };

static const char *const disk_paths[DISKS] = {
	"/dev/vda", "/dev/vdb", "/dev/nullb0", "/dev/nvme0n1",
};

struct bench {
	struct npu_client client;
	char state_path[256]; /* the driver's debugfs file */
	__u32 syncobj; /* a timeline */
	__u64 point; /* the last one submitted */
	struct npu_userq userq;
	struct npu_job job; /* for it */
	int disks[DISKS];
	aio_context_t aio;
	__u8 *sectors; /* DEPTH of them */
};

struct counters {
	unsigned long reads, writes, doorbells, interrupts, taken;
};

/* --- Phases: each run passes all marks, in order ----------------------------- */

static void run_nothing(struct bench *b)
{
	bench_mark(BENCH_BEGIN);
	bench_mark(BENCH_MIDDLE);
	bench_mark(BENCH_END);
}

/* 2 x LOOPS + 1 instructions, by which the method is checked. */
static void run_loop(struct bench *b)
{
	bench_mark(BENCH_BEGIN);
	asm volatile("mov %0, %%ecx\n"
		     "1: dec %%ecx\n"
		     "jnz 1b\n"
		     :
		     : "i"(LOOPS)
		     : "ecx", "cc");
	bench_mark(BENCH_MIDDLE);
	bench_mark(BENCH_END);
}

static void run_null_ioctl(struct bench *b)
{
	static struct drm_version version;
	int ret;

	bench_mark(BENCH_BEGIN);
	ret = ioctl(b->client.fd, DRM_IOCTL_VERSION, &version);
	bench_mark(BENCH_MIDDLE);
	bench_mark(BENCH_END);
	if (ret)
		err(1, "DRM_IOCTL_VERSION");
}

/* Submits @count jobs, each with a point of the timeline; waits for the last. */
static void run_jobs(struct bench *b, unsigned int count)
{
	struct drm_tnpu_sync out = { .handle = b->syncobj };
	struct drm_tnpu_submit job = {
		.queue = b->client.queue,
		.commands = NPU_COMMANDS,
		.command_count = 1,
		.out_syncs = (uintptr_t)&out,
		.out_sync_count = 1,
	};
	struct drm_syncobj_timeline_wait wait = {
		.handles = (uintptr_t)&b->syncobj,
		.points = (uintptr_t)&b->point,
		.timeout_nsec = npu_patience_end(),
		.count_handles = 1,
	};
	unsigned int i;
	int ret = 0;

	bench_mark(BENCH_BEGIN);
	for (i = 0; i < count; i++) {
		out.point = ++b->point;
		ret |= ioctl(b->client.fd, DRM_IOCTL_TNPU_SUBMIT, &job);
	}
	bench_mark(BENCH_MIDDLE);
	ret |= ioctl(b->client.fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &wait);
	bench_mark(BENCH_END);
	if (ret)
		err(1, "a job of %u", count);
}

static void run_job(struct bench *b)
{
	run_jobs(b, 1);
}

static void run_many_jobs(struct bench *b)
{
	run_jobs(b, DEPTH);
}

/* Likewise on the user-mode queue; waits by its eventfd. */
static void run_user_jobs(struct bench *b, unsigned int count)
{
	unsigned int i;
	int ret;

	bench_mark(BENCH_BEGIN);
	for (i = 0; i < count; i++)
		npu_userq_put(&b->userq, &b->job);
	npu_userq_ring(&b->userq);
	bench_mark(BENCH_MIDDLE);
	ret = npu_userq_wait(&b->userq, b->userq.submitted);
	bench_mark(BENCH_END);
	if (ret)
		errx(1, "a job of %u on a user-mode queue: %s", count,
		     strerror(-ret));
}

static void run_user_job(struct bench *b)
{
	run_user_jobs(b, 1);
}

static void run_many_user_jobs(struct bench *b)
{
	run_user_jobs(b, DEPTH);
}

/* null_blk leaves the memory alone, the others write zeros. */
static void read_disk(struct bench *b, int which)
{
	ssize_t ret;

	b->sectors[SECTOR - 1] = 1;
	bench_mark(BENCH_BEGIN);
	ret = pread(b->disks[which], b->sectors, SECTOR, 0);
	bench_mark(BENCH_MIDDLE);
	bench_mark(BENCH_END);
	if (ret != SECTOR || b->sectors[SECTOR - 1] != (which == NULL_BLK))
		err(1, "pread");
}

static void run_read(struct bench *b)
{
	read_disk(b, FAST);
}

static void run_slow_read(struct bench *b)
{
	read_disk(b, SLOW);
}

static void run_null_read(struct bench *b)
{
	read_disk(b, NULL_BLK);
}

static void run_nvme_read(struct bench *b)
{
	read_disk(b, NVME);
}

static void read_many(struct bench *b, int disk)
{
	struct iocb requests[DEPTH] = { 0 }, *list[DEPTH];
	struct io_event events[DEPTH];
	long ret, i;

	for (i = 0; i < DEPTH; i++) {
		requests[i].aio_fildes = disk;
		requests[i].aio_lio_opcode = IOCB_CMD_PREAD;
		requests[i].aio_buf = (uintptr_t)(b->sectors + i * SECTOR);
		requests[i].aio_nbytes = SECTOR;
		/* Far apart, so that the kernel can't merge them. */
		requests[i].aio_offset = i * 1024 * 1024;
		list[i] = &requests[i];
	}
	bench_mark(BENCH_BEGIN);
	ret = syscall(SYS_io_submit, b->aio, DEPTH, list);
	bench_mark(BENCH_MIDDLE);
	if (ret == DEPTH)
		ret = syscall(SYS_io_getevents, b->aio, DEPTH, DEPTH, events,
			      NULL);
	bench_mark(BENCH_END);
	if (ret != DEPTH)
		err(1, "asynchronous reads");
}

static void run_many_reads(struct bench *b)
{
	read_many(b, b->disks[FAST]);
}

static void run_many_null_reads(struct bench *b)
{
	read_many(b, b->disks[NULL_BLK]);
}

static void run_many_nvme_reads(struct bench *b)
{
	read_many(b, b->disks[NVME]);
}

static const struct phase {
	const char *name;
	unsigned int jobs;
	void (*run)(struct bench *b);
	const char *interrupts; /* as /proc/interrupts calls them */
	bool is_first; /* runs before the threads that it wakes */
} phases[] = {
	{ "nothing", 1, run_nothing, "tinynpu", false },
	{ "loop", 1, run_loop, "tinynpu", false },
	{ "null-ioctl", 1, run_null_ioctl, "tinynpu", false },
	{ "submit-1", 1, run_job, "tinynpu", false },
	{ "submit-1-first", 1, run_job, "tinynpu", true },
	{ "submit-32", DEPTH, run_many_jobs, "tinynpu", false },
	{ "submit-32-first", DEPTH, run_many_jobs, "tinynpu", true },
	{ "user-1", 1, run_user_job, "tinynpu", false },
	{ "user-32", DEPTH, run_many_user_jobs, "tinynpu", false },
	{ "null-1", 1, run_null_read, "-req.", false },
	{ "null-32", DEPTH, run_many_null_reads, "-req.", false },
	{ "read-1", 1, run_read, "-req.", false },
	{ "read-1-sleeping", 1, run_slow_read, "-req.", false },
	{ "read-32", DEPTH, run_many_reads, "-req.", false },
	{ "nvme-1", 1, run_nvme_read, "nvme", false },
	{ "nvme-32", DEPTH, run_many_nvme_reads, "nvme", false },
};

/* --- Counters ---------------------------------------------------------------- */

/* The number behind @name in a file of lines "name: number". */
static unsigned long number_of(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	if (!line)
		errx(1, "the driver's debugfs does not tell '%s'", name);
	return strtoul(line + strlen(name), NULL, 0);
}

static void read_whole(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t length;

	if (!file)
		err(1, "%s", path);
	length = fread(text, 1, size - 1, file);
	text[length] = 0;
	fclose(file);
}

/* Of one processor: the first number in each line that ends with a name. */
static unsigned long interrupts_taken(const char *name)
{
	char line[256];
	unsigned long sum = 0;
	FILE *file = fopen("/proc/interrupts", "r");

	if (!file)
		err(1, "/proc/interrupts");
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (colon && strstr(colon, name))
			sum += strtoul(colon + 1, NULL, 10);
	}
	fclose(file);
	return sum;
}

static void read_counters(const struct bench *b, const struct phase *phase,
			  struct counters *counters)
{
	char text[4096];

	read_whole(b->state_path, text, sizeof(text));
	*counters = (struct counters){
		.reads = number_of(text, "register reads: "),
		.writes = number_of(text, "register writes: "),
		.doorbells = number_of(text, "doorbells: "),
		.interrupts = number_of(text, "interrupts: "),
		.taken = interrupts_taken(phase->interrupts),
	};
}

static void subtract(struct counters *from, const struct counters *what)
{
	from->reads -= what->reads;
	from->writes -= what->writes;
	from->doorbells -= what->doorbells;
	from->interrupts -= what->interrupts;
	from->taken -= what->taken;
}

/* --- Measuring --------------------------------------------------------------- */

static unsigned long long ticks(void)
{
	return __builtin_ia32_rdtsc();
}

static int compare(const void *a, const void *b)
{
	unsigned long long x = *(const unsigned long long *)a;
	unsigned long long y = *(const unsigned long long *)b;

	return (x > y) - (x < y);
}

static unsigned long long run_phase(struct bench *b, const struct phase *phase)
{
	static unsigned long long took[RUNS];
	unsigned int i;

	for (i = 0; i < WARM + RUNS; i++) {
		unsigned long long start = ticks();

		phase->run(b);
		if (i >= WARM)
			took[i - WARM] = ticks() - start;
	}
	qsort(took, RUNS, sizeof(took[0]), compare);
	return took[RUNS / 2];
}

/* Real-time processes run before what they wake, until they wait themselves. */
static void set_first(bool is_first)
{
	struct sched_param param = { .sched_priority = is_first ? 1 : 0 };

	if (sched_setscheduler(0, is_first ? SCHED_FIFO : SCHED_OTHER, &param))
		err(1, "sched_setscheduler");
}

static void measure(struct bench *b, const struct phase *phase)
{
	struct counters before, between, after;
	unsigned long long median;

	set_first(phase->is_first);
	/* What reading the counters counts itself is in both differences. */
	read_counters(b, phase, &before);
	read_counters(b, phase, &between);
	median = run_phase(b, phase);
	read_counters(b, phase, &after);
	set_first(false);
	subtract(&after, &between);
	subtract(&between, &before);
	subtract(&after, &between);
	printf("phase %s %u %u %u %llu %lu %lu %lu %lu %lu\n", phase->name,
	       phase->jobs, WARM, RUNS, median, after.reads, after.writes,
	       after.doorbells, after.interrupts, after.taken);
}

/* --- Setting up -------------------------------------------------------------- */

static void open_disks(struct bench *b)
{
	int i;

	for (i = 0; i < DISKS; i++) {
		b->disks[i] = open(disk_paths[i], O_RDONLY | O_DIRECT);
		if (b->disks[i] < 0)
			err(1, "%s", disk_paths[i]);
	}
	if (syscall(SYS_io_setup, DEPTH, &b->aio))
		err(1, "io_setup");
	b->sectors = aligned_alloc(NPU_PAGE, DEPTH * SECTOR);
	if (!b->sectors)
		err(1, "memory");
	memset(b->sectors, 1, DEPTH * SECTOR);
}

static void open_device(struct bench *b)
{
	glob_t found;
	int ret = npu_client_open(&b->client);

	if (ret)
		errx(1, "no TinyNPU: %s", strerror(-ret));
	npu_commands(&b->client)[0] = npu_nop(1);
	ret = npu_userq_open(&b->userq, b->client.fd);
	if (ret)
		errx(1, "no user-mode queue: %s", strerror(-ret));
	b->job = npu_userq_job(1, 1);
	b->job.regions = 0;
	b->job.region_count = 0;
	b->job.result = 0;
	b->syncobj = npu_syncobj(b->client.fd);
	if (!b->syncobj)
		err(1, "no syncobj");
	if (glob("/sys/kernel/debug/accel/*:*/fw_state", 0, NULL, &found))
		errx(1, "the driver has no debugfs");
	snprintf(b->state_path, sizeof(b->state_path), "%s",
		 found.gl_pathv[0]);
	globfree(&found);
}

/* What was measured were jobs, all of them, that ended well. */
static void check_jobs(const struct bench *b, __u32 queue, __u64 jobs)
{
	struct drm_tnpu_queue_state state;
	int ret = npu_queue_state(b->client.fd, queue, &state);

	if (ret)
		errx(1, "queue state: %s", strerror(-ret));
	if (state.status != DRM_TNPU_QUEUE_OK || state.completed != jobs)
		errx(1, "%llu of %llu jobs are done, status %u",
		     (unsigned long long)state.completed,
		     (unsigned long long)jobs, state.status);
}

int main(void)
{
	struct bench b = { 0 };
	unsigned int i;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		err(1, "mlockall");
	open_device(&b);
	open_disks(&b);
	for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		measure(&b, &phases[i]);
	check_jobs(&b, b.client.queue, b.point);
	check_jobs(&b, b.userq.number, b.userq.submitted);
	printf("end\n");
	npu_client_close(&b.client);
	return 0;
}
