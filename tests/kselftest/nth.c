// SPDX-License-Identifier: MIT
/*
 * The n-th allocation fails, for every n, in each ioctl, in open(), in each request
 * over netlink, when what is below /sys is read, and in probe: that is ENOMEM or makes
 * no difference, and nothing remains. Needs a kernel with CONFIG_FAILSLAB,
 * CONFIG_FAIL_PAGE_ALLOC and CONFIG_FAULT_INJECTION_STACKTRACE_FILTER.
 * NTH_STEP is how many n to go on by in probe, which takes long; the default is 1.
 * Those that the driver itself asks for are all tried, whatever it is.
 */
#include "calls.h"
#include "genl.h"

#include "kselftest_harness.h"

#include <dirent.h>
#include <glob.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define FAULTS "/sys/kernel/debug/"
#define DRIVER "/sys/bus/pci/drivers/tinynpu/"
#define NTH_MAX 20000 /* more than anything allocates */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text));
	ret = ret < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * The kernel takes no notice when register_irq_proc() can't make an entry, and warns
 * when it is to be removed with the interrupt. So there alone nothing fails.
 */
static int spare_irq_procs(void)
{
	unsigned long long addr, begin = 0, end = 0;
	FILE *file = fopen("/proc/kallsyms", "r");
	char name[256], text[32];
	int i, ret = 0;

	if (!file)
		return -errno;
	while (!end && fscanf(file, "%llx %*c %255s%*[^\n]", &addr, name) == 2) {
		if (!strcmp(name, "register_irq_proc"))
			begin = addr;
		else if (begin && addr > begin)
			end = addr;
	}
	fclose(file);
	for (i = 0; i < 4 && !ret; i++) {
		static const char *const files[] = {
			FAULTS "failslab/reject-start",
			FAULTS "failslab/reject-end",
			FAULTS "fail_page_alloc/reject-start",
			FAULTS "fail_page_alloc/reject-end",
		};

		snprintf(text, sizeof(text), "%#llx", i % 2 ? end : begin);
		ret = end ? write_file(files[i], text) : -ENOENT;
	}
	return ret;
}

/* Allocations that may wait fail, too, and nothing is logged of it. */
static int set_up_faults(void)
{
	static const char *const files[][2] = {
		{ FAULTS "failslab/ignore-gfp-wait", "N" },
		{ FAULTS "failslab/verbose", "0" },
		{ FAULTS "fail_page_alloc/ignore-gfp-wait", "N" },
		{ FAULTS "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ FAULTS "fail_page_alloc/min-order", "0" },
		{ FAULTS "fail_page_alloc/verbose", "0" },
	};
	int i, ret = 0;

	for (i = 0; i < sizeof(files) / sizeof(files[0]) && !ret; i++)
		ret = write_file(files[i][0], files[i][1]);
	return ret ? ret : spare_irq_procs();
}

FIXTURE(nth)
{
	int fail; /* /proc/self/fail-nth, of this thread */
};

FIXTURE_SETUP(nth)
{
	self->fail = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->fail < 0 || set_up_faults())
		SKIP(return, "needs root, CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC, stack filter");
}

FIXTURE_TEARDOWN(nth)
{
	if (self->fail >= 0)
		close(self->fail);
}

static void let_fail(int fail, unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fail, text, length, 0) != length)
		abort();
}

/* Whether one has failed; from now on none does. */
static bool has_failed(int fail)
{
	char text[16] = "";

	if (pread(fail, text, sizeof(text) - 1, 0) <= 0)
		abort();
	let_fail(fail, 0);
	return !atoi(text);
}

/* One call with the n-th allocation failing; whether there was one in @failed. */
static int call_failing(struct calls_world *world, const struct calls_row *row,
			int fail, unsigned int n, bool *failed)
{
	__u8 args[256];
	int ret = row->prepare(world, args);

	if (ret)
		return ret;
	let_fail(fail, n);
	ret = ioctl(world->client.fd, row->request, args) ? -errno : 0;
	*failed = has_failed(fail);
	calls_sweep(world);
	return ret;
}

TEST_F_TIMEOUT(nth, each_ioctl_says_so, 900)
{
	struct calls_world world;
	unsigned int i, n;
	bool failed;
	int ret;

	ASSERT_EQ(0, calls_open(&world));
	for (i = 0; i < CALLS_COUNT_ALL; i++) {
		const struct calls_row *row = &calls_table[i];

		failed = true;
		for (n = 1; failed && n < NTH_MAX; n++) {
			ret = call_failing(&world, row, self->fail, n, &failed);
			if (ret != -ENOMEM || !failed)
				EXPECT_EQ(-row->error, ret)
					TH_LOG("%s, allocation %u", row->name,
					       n);
		}
		EXPECT_FALSE(failed);
		TH_LOG("%s: %u allocations", row->name, n - 2);
	}
	EXPECT_EQ(0, npu_run_command(&world.client, npu_nop(1)));
	calls_close(&world);
}

TEST_F_TIMEOUT(nth, open_says_so, 300)
{
	const char *node = getenv("NPU_NODE") ?: "/dev/accel/accel0";
	struct npu_client client;
	bool failed = true;
	unsigned int n;
	int fd;

	for (n = 1; failed && n < NTH_MAX; n++) {
		let_fail(self->fail, n);
		fd = open(node, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		failed = has_failed(self->fail);
		if (fd >= 0)
			close(fd);
		else
			EXPECT_EQ(-ENOMEM, fd) TH_LOG("allocation %u", n);
		ASSERT_TRUE(failed || fd >= 0);
	}
	ASSERT_EQ(0, npu_client_open(&client));
	EXPECT_EQ(0, npu_run_command(&client, npu_nop(1)));
	npu_client_close(&client);
}

/* The PCI address of the first device that the driver has, or "". */
static void find_bound(char name[NAME_MAX + 1])
{
	DIR *dir = opendir(DRIVER);
	struct dirent *entry;

	*name = 0;
	while (dir && (entry = readdir(dir)))
		if (strchr(entry->d_name, ':') && !*name)
			strcpy(name, entry->d_name);
	if (dir)
		closedir(dir);
}

/* While it sleeps a device is asked nothing; how it wakes up is not the asker's matter. */
static int keep_awake(bool must_be)
{
	char control[PATH_MAX], name[NAME_MAX + 1];

	find_bound(name);
	snprintf(control, sizeof(control), DRIVER "%s/power/control", name);
	return write_file(control, must_be ? "on" : "auto");
}

/* Opens and reads a file: 0 or -errno. */
static int read_once(const char *path)
{
	char text[4096];
	ssize_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	size = read(fd, text, sizeof(text));
	size = size < 0 ? -errno : 0;
	close(fd);
	return size;
}

TEST_F_TIMEOUT(nth, files_say_so, 900)
{
	static const char own[] =
		FAULTS "accel/*:*/{counters,fw_log,fw_state,inject,queues,vms}";
	static const char sensors[] =
		DRIVER "*:*/hwmon/hwmon*/{energy1_input,power1_average}";
	glob_t files;
	size_t i;

	ASSERT_EQ(0, keep_awake(true));
	ASSERT_EQ(0, glob(own, GLOB_BRACE, NULL, &files));
	glob(sensors, GLOB_BRACE | GLOB_APPEND, NULL, &files);
	for (i = 0; i < files.gl_pathc; i++) {
		const char *path = files.gl_pathv[i];
		bool failed = true;
		unsigned int n;
		int ret;

		for (n = 1; failed && n < NTH_MAX; n++) {
			let_fail(self->fail, n);
			ret = read_once(path);
			failed = has_failed(self->fail);
			if (ret != -ENOMEM || !failed)
				EXPECT_EQ(0, ret) TH_LOG("%s, allocation %u",
							 path, n);
		}
		EXPECT_FALSE(failed);
		TH_LOG("%s: %u allocations", path, n - 2);
	}
	globfree(&files);
	EXPECT_EQ(0, keep_awake(false));
}

/* A request over netlink: the attribute that names the device, if any, and another. */
static const struct request_row {
	const char *name;
	__u8 command;
	__u16 flags, device, attr;
} requests[] = {
	{ "device-get", TNPU_CMD_DEVICE_GET, 0, TNPU_A_DEVICE_ID },
	{ "all of device-get", TNPU_CMD_DEVICE_GET, NLM_F_DUMP },
	{ "engine-get", TNPU_CMD_ENGINE_GET, NLM_F_DUMP, TNPU_A_ENGINE_DEVICE },
	{ "client-get", TNPU_CMD_CLIENT_GET, NLM_F_DUMP, TNPU_A_CLIENT_DEVICE },
	{ "device-set", TNPU_CMD_DEVICE_SET, 0, TNPU_A_DEVICE_ID,
	  TNPU_A_DEVICE_CLOCK_LIMIT },
};

/*
 * On a socket of its own, since an answer may be left there: without memory to confirm
 * it the socket has an error instead. With neither it would be waited for in vain.
 */
static int request_failing(const struct genl *genl, const struct request_row *row,
			   __u32 id, int fail, unsigned int n, bool *failed)
{
	const struct timeval patience = { .tv_sec = NPU_PATIENCE_S };
	struct genl_request request =
		genl_make(genl->family, row->command, row->flags);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	const __u32 none = 0;
	int ret;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return -errno;
	if (row->device)
		genl_put(&request, row->device, &id, sizeof(id));
	if (row->attr)
		genl_put(&request, row->attr, &none, sizeof(none));
	let_fail(fail, n);
	ret = genl_talk(fd, &request, NULL, NULL);
	*failed = has_failed(fail);
	close(fd);
	return ret;
}

/* Somebody listens to events, which need memory, too. */
TEST_F_TIMEOUT(nth, each_request_says_so, 900)
{
	struct npu_client client;
	struct genl genl = {};
	struct stat stat;
	unsigned int i, n;
	bool failed;
	int events, ret;

	ASSERT_EQ(0, npu_client_open(&client));
	ASSERT_EQ(0, fstat(client.fd, &stat));
	ASSERT_EQ(0, genl_open(&genl));
	events = genl_listen(genl.group);
	ASSERT_LE(0, events);
	ASSERT_EQ(0, keep_awake(true));
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		failed = true;
		for (n = 1; failed && n < NTH_MAX; n++) {
			ret = request_failing(&genl, &requests[i],
					      minor(stat.st_rdev), self->fail, n,
					      &failed);
			if ((ret != -ENOMEM && ret != -ENOBUFS) || !failed)
				EXPECT_EQ(0, ret) TH_LOG("%s, allocation %u",
							 requests[i].name, n);
		}
		EXPECT_FALSE(failed);
		TH_LOG("%s: %u allocations", requests[i].name, n - 2);
	}
	EXPECT_EQ(0, keep_awake(false));
	EXPECT_EQ(0, npu_run_command(&client, npu_nop(1)));
	close(events);
	close(genl.fd);
	npu_client_close(&client);
}

/* Only allocations below code between those, so many calls deep, count. */
static int count_below(unsigned long long begin, unsigned long long end,
		       int slab_depth, int page_depth)
{
	static const char *const files[] = {
		FAULTS "failslab/require-start",
		FAULTS "fail_page_alloc/require-start",
		FAULTS "failslab/require-end",
		FAULTS "fail_page_alloc/require-end",
		FAULTS "failslab/stacktrace-depth",
		FAULTS "fail_page_alloc/stacktrace-depth",
	};
	const unsigned long long values[] = {
		begin, begin, end, end, slab_depth, page_depth,
	};
	char text[32];
	int i, ret = 0;

	for (i = 0; i < 6 && !ret; i++) {
		snprintf(text, sizeof(text), "%llu", values[i]);
		ret = write_file(files[i], text);
	}
	return ret;
}

/*
 * Only allocations that the driver asks for, by itself or through few others: those
 * for which it has error paths of its own. Nor does that get as far as what the
 * kernel does not survive: Linux 6.12 takes the error of drm_sysfs_minor_alloc() for
 * a device that is to be put.
 */
static int count_near(void)
{
	unsigned long long addr, begin = ULLONG_MAX, end = 0;
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], type;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "[tinynpu]") ||
		    sscanf(line, "%llx %c", &addr, &type) != 2 ||
		    (type != 't' && type != 'T'))
			continue;
		begin = addr < begin ? addr : begin;
		end = addr > end ? addr : end;
	}
	fclose(file);
	return end ? count_below(begin, end, 5, 9) : -ENOENT;
}

static int count_all(void)
{
	return count_below(0, ULLONG_MAX, 32, 32);
}

/* Binds the device anew with each @step-th allocation failing; says of how many. */
static void probe_failing(struct __test_metadata *_metadata,
			  FIXTURE_DATA(nth) *self, unsigned int step)
{
	int bind = open(DRIVER "bind", O_WRONLY | O_CLOEXEC);
	char name[NAME_MAX + 1];
	bool failed = true;
	unsigned int n;
	ssize_t ret;

	find_bound(name);
	ASSERT_NE(0, *name);
	ASSERT_LE(0, bind);
	ASSERT_LT(0, step);
	for (n = 1; failed && n < NTH_MAX; n += step) {
		ASSERT_EQ(0, write_file(DRIVER "unbind", name));
		let_fail(self->fail, n);
		ret = write(bind, name, strlen(name));
		if (ret < 0)
			ret = -errno;
		failed = has_failed(self->fail);
		if (ret < 0) {
			EXPECT_TRUE(failed);
			/* The PCI core says EINVAL if it can't map a BAR. */
			if (ret != -EINVAL)
				EXPECT_EQ(-ENOMEM, ret)
					TH_LOG("allocation %u", n);
			ASSERT_EQ(0, write_file(DRIVER "bind", name));
		}
	}
	TH_LOG("probe: %u allocations", n);
	close(bind);
}

static int run_a_job(void)
{
	struct npu_client client;
	int ret = npu_client_open(&client);

	if (ret)
		return ret;
	ret = npu_run_command(&client, npu_nop(1));
	npu_client_close(&client);
	return ret;
}

TEST_F_TIMEOUT(nth, probe_says_so, 3600)
{
	probe_failing(_metadata, self, atoi(getenv("NTH_STEP") ?: "1"));
	EXPECT_EQ(0, run_a_job());
}

TEST_F_TIMEOUT(nth, probe_says_so_of_each_that_it_asks_for, 3600)
{
	ASSERT_EQ(0, count_near());
	probe_failing(_metadata, self, 1);
	EXPECT_EQ(0, count_all());
	EXPECT_EQ(0, run_a_job());
}

TEST_HARNESS_MAIN
