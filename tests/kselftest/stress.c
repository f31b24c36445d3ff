// SPDX-License-Identifier: MIT
/*
 * For as long as one likes: processes that use the device at random, as churn.h has
 * it, close it and open it again, and are killed, while the device is made to fail
 * at random, if it allows that. Nothing that was submitted may be left without an
 * end, and nothing of anybody may be left in the driver.
 *
 *	stress [-t SECONDS] [-s SEED]
 */
#include "churn.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define PROCESSES 8
#define CALLS 500 /* of a process between open and close, at most */
/* So rarely that the driver does not give the device up. */
#define INJECT_EVERY_S 12
#define TEXT 65536

/* How a process of the test ends. */
enum {
	END_OK = 0,
	END_LOST = 3, /* what it waited for never came */
	END_BROKEN = 4, /* no file could be opened */
};

/* What the device survives, if need be with a reset of its function. */
static const char *const errors[] = {
	"irq-drop:3", "irq-twice:20", "irq-spurious:100", "event-late:3:0:30000",
	"event-never:1:20", "event-twice:2:5", "event-garbage:1:30",
	"ring-tail:1:10", "command-garbage:3:10", "dma-core:3:20",
	"dma-controller:1:200", "fw-trap:1:50", "fw-hang:1:50", "dead:1:100",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static _Atomic bool *must_end; /* shared with the processes */
static char debug[128]; /* the device's directory in debugfs, or "" */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* --- The processes -------------------------------------------------------------- */

/* Calls may fail in any way; only what is waited for has to come. */
static int use_device(__u32 seed)
{
	struct npu_client client;
	struct churner churner = { .client = &client, .seed = seed };
	__u32 calls = roll(&churner, CALLS);
	int ret;

	ret = npu_client_open(&client);
	if (ret)
		return ret == -EIO ? END_OK : END_BROKEN;
	ret = churner_init(&churner);
	npu_commands(&client)[0] = npu_nop(1 + roll(&churner, 5000));
	while (!ret && calls-- && !*must_end)
		ret = churn_once(&churner);
	if (ret != -ETIME && churner.sync)
		ret = do_wait(&churner);
	npu_client_close(&client);
	return ret == -ETIME ? END_LOST : END_OK;
}

static pid_t start_process(__u32 seed)
{
	pid_t pid = fork();
	int end = END_OK;

	if (pid)
		return pid;
	while (end == END_OK && !*must_end)
		end = use_device(seed++);
	_exit(end);
}

/* 0 unless the process says that something was lost. */
static int reap(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL ? 0 : -EPROTO;
	return WEXITSTATUS(status);
}

/* --- What is left ------------------------------------------------------------------ */

static void find_debugfs(void)
{
	char link[64], path[256];
	struct stat stat;
	ssize_t size;
	int fd = npu_open();

	if (fd < 0 || fstat(fd, &stat))
		return;
	close(fd);
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device",
		 major(stat.st_rdev), minor(stat.st_rdev));
	size = readlink(link, path, sizeof(path) - 1);
	if (size < 0)
		return;
	path[size] = '\0';
	snprintf(debug, sizeof(debug), "/sys/kernel/debug/accel/%s",
		 strrchr(path, '/') + 1);
	if (access(debug, R_OK | X_OK))
		debug[0] = '\0';
}

static void read_file(const char *name, char text[TEXT])
{
	char path[256];
	FILE *file;

	text[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", debug, name);
	file = fopen(path, "r");
	if (!file)
		return;
	text[fread(text, 1, TEXT - 1, file)] = '\0';
	fclose(file);
}

/* The driver's queues and address spaces, as text. */
static void describe(char text[2 * TEXT])
{
	read_file("queues", text);
	read_file("vms", text + strlen(text));
}

/* What files leave behind goes soon after them. */
static bool is_as_before(const char before[2 * TEXT])
{
	static char now[2 * TEXT];
	double end = now_s() + NPU_PATIENCE_S;

	do {
		describe(now);
		if (!strcmp(before, now))
			return true;
	} while (now_s() < end);
	printf("# before:\n%s# now:\n%s", before, now);
	return false;
}

static bool inject(const char *order)
{
	char path[256];
	FILE *file;
	bool is_taken;

	snprintf(path, sizeof(path), "%s/inject", debug);
	file = debug[0] ? fopen(path, "w") : NULL;
	if (!file)
		return false;
	is_taken = fputs(order, file) >= 0;
	return !fclose(file) && is_taken;
}

/* --- The test ---------------------------------------------------------------------- */

/* Kill some, have errors happen, for so long. 0, or what @reap said. */
static int disturb(pid_t pids[PROCESSES], struct churner *random, double seconds)
{
	double end = now_s() + seconds, next_error = now_s() + 2;
	unsigned int killed = 0, injected = 0;
	int i, ret = 0;

	while (!ret && now_s() < end) {
		poll(NULL, 0, 20 + roll(random, 400));
		i = roll(random, PROCESSES);
		kill(pids[i], SIGKILL);
		ret = reap(pids[i]);
		pids[i] = start_process(random->seed);
		killed++;
		if (now_s() < next_error)
			continue;
		injected += inject(errors[roll(random, COUNT(errors))]);
		next_error += INJECT_EVERY_S;
	}
	printf("# %u processes killed, %u errors injected\n", killed, injected);
	return ret;
}

static int stress(double seconds, __u32 seed)
{
	static char before[2 * TEXT];
	struct churner random = { .seed = seed };
	pid_t pids[PROCESSES];
	struct npu_client client;
	int i, ret, end;

	describe(before);
	for (i = 0; i < PROCESSES; i++)
		pids[i] = start_process(roll(&random, 1 << 24));
	ret = disturb(pids, &random, seconds);
	inject("none");
	*must_end = true;
	for (i = 0; i < PROCESSES; i++) {
		end = reap(pids[i]);
		ret = ret ? ret : end;
	}
	if (ret)
		printf("# a process ended with %d\n", ret);
	if (!is_as_before(before))
		ret = -EBUSY;
	/* An error that was under way may hit one more. */
	for (i = 0; i < 2; i++) {
		end = npu_client_open(&client);
		if (!end) {
			end = npu_run_command(&client, npu_nop(1));
			npu_client_close(&client);
		}
	}
	if (end)
		printf("# the device does not work: %s\n", strerror(-end));
	return ret ? ret : end;
}

int main(int argc, char **argv)
{
	double seconds = 20;
	__u32 seed = time(NULL);
	int option, ret;

	while ((option = getopt(argc, argv, "t:s:")) != -1) {
		if (option == 't')
			seconds = atof(optarg);
		else if (option == 's')
			seed = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	must_end = mmap(NULL, NPU_PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (must_end == MAP_FAILED)
		return 1;
	find_debugfs();
	printf("TAP version 13\n1..1\n# seed %u\n", seed);
	fflush(stdout);
	ret = stress(seconds, seed);
	printf("%s 1 stress: nothing is lost, nothing is left\n",
	       ret ? "not ok" : "ok");
	return ret ? 1 : 0;
}
