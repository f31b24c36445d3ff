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

struct code {
	unsigned long long begin, end;
};

/* Where a function is; it ends where the next one begins. */
static int find_code(const char *function, struct code *code)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long long addr;
	char name[256];
	int i;

	if (!file)
		return -errno;
	*code = (struct code){ .end = ULLONG_MAX };
	for (i = 0; i < 2; i++) { /* those of modules are in no order */
		while (fscanf(file, "%llx %*c %255s%*[^\n]", &addr, name) == 2) {
			if (!strcmp(name, function))
				code->begin = addr;
			else if (code->begin && addr > code->begin &&
				 addr < code->end)
				code->end = addr;
		}
		rewind(file);
	}
	fclose(file);
	return code->begin ? 0 : -ENOENT;
}

/* Sets what is to be known of a failing allocation's callers, for both kinds. */
static int set_filter(const char *key, const struct code *code)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc" };
	char path[128], text[32];
	int i, ret = 0;

	for (i = 0; i < 4 && !ret; i++) {
		snprintf(path, sizeof(path), FAULTS "%s/%s-%s", kinds[i / 2], key,
			 i % 2 ? "end" : "start");
		snprintf(text, sizeof(text), "%#llx",
			 i % 2 ? code->end : code->begin);
		ret = write_file(path, text);
	}
	return ret;
}

/* Nothing fails below this function, nor is it counted; it can be one only. */
static int spare(const char *function)
{
	struct code code;
	int ret = find_code(function, &code);

	return ret ? ret : set_filter("reject", &code);
}

/*
 * The kernel takes no notice when register_irq_proc() can't make an entry, and warns
 * when it is to be removed with the interrupt. So there nothing fails.
 */
static int spare_irq_procs(void)
{
	return spare("register_irq_proc");
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

/* How many there would have to be until one fails; 0: none will, or one has failed. */
static unsigned int left_to_fail(int fail)
{
	char text[16] = "";

	if (pread(fail, text, sizeof(text) - 1, 0) <= 0)
		abort();
	return atoi(text);
}

/* Whether one has failed; from now on none does. */
static bool has_failed(int fail)
{
	unsigned int left = left_to_fail(fail);

	let_fail(fail, 0);
	return !left;
}

/*
 * Which one is to fail after the @n-th. Where that made no difference it may have been
 * somebody's who asks once in a while, and have hidden another: so once again.
 */
static unsigned int next_to_fail(unsigned int n, bool made_no_difference, bool *again)
{
	*again = made_no_difference && !*again;
	return *again ? n : n + 1;
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
	bool failed, again = false;
	int ret;

	ASSERT_EQ(0, calls_open(&world));
	for (i = 0; i < CALLS_COUNT_ALL; i++) {
		const struct calls_row *row = &calls_table[i];

		failed = true;
		for (n = 1; failed && n < NTH_MAX;
		     n = next_to_fail(n, failed && ret != -ENOMEM, &again)) {
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
	bool failed = true, again = false;
	unsigned int n;
	int fd;

	for (n = 1; failed && n < NTH_MAX;
	     n = next_to_fail(n, failed && fd >= 0, &again)) {
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
	struct npu_client client; /* whose queue and address space they tell of */
	glob_t files;
	size_t i;

	ASSERT_EQ(0, npu_client_open(&client));
	ASSERT_EQ(0, keep_awake(true));
	ASSERT_EQ(0, glob(own, GLOB_BRACE, NULL, &files));
	glob(sensors, GLOB_BRACE | GLOB_APPEND, NULL, &files);
	for (i = 0; i < files.gl_pathc; i++) {
		const char *path = files.gl_pathv[i];
		bool failed = true, again = false;
		unsigned int n;
		int ret;

		for (n = 1; failed && n < NTH_MAX;
		     n = next_to_fail(n, failed && !ret, &again)) {
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
	npu_client_close(&client);
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
	bool failed, again = false;
	int events, ret;

	ASSERT_EQ(0, npu_client_open(&client));
	ASSERT_EQ(0, fstat(client.fd, &stat));
	ASSERT_EQ(0, genl_open(&genl));
	events = genl_listen(genl.group);
	ASSERT_LE(0, events);
	ASSERT_EQ(0, keep_awake(true));
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		failed = true;
		for (n = 1; failed && n < NTH_MAX;
		     n = next_to_fail(n, failed && !ret, &again)) {
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

/* Only allocations below that code count, so many calls deep. */
static int count_below(const struct code *code, int slab_depth, int page_depth)
{
	char text[32];
	int ret = set_filter("require", code);

	snprintf(text, sizeof(text), "%d", slab_depth);
	ret = ret ?: write_file(FAULTS "failslab/stacktrace-depth", text);
	snprintf(text, sizeof(text), "%d", page_depth);
	return ret ?: write_file(FAULTS "fail_page_alloc/stacktrace-depth", text);
}

/*
 * Only allocations that the driver asks for, by itself or through few others: those
 * for which it has error paths of its own.
 */
static int count_near(void)
{
	struct code driver = { .begin = ULLONG_MAX };
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long long addr;
	char line[512], type;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "[tinynpu]") ||
		    sscanf(line, "%llx %c", &addr, &type) != 2 ||
		    (type != 't' && type != 'T'))
			continue;
		driver.begin = addr < driver.begin ? addr : driver.begin;
		driver.end = addr > driver.end ? addr : driver.end;
	}
	fclose(file);
	return driver.end ? count_below(&driver, 5, 9) : -ENOENT;
}

static int count_all(void)
{
	const struct code all = { .end = ULLONG_MAX };

	return count_below(&all, 32, 32);
}

/* The device's name, and the file that binds it. */
struct probe {
	char name[NAME_MAX + 1];
	int bind;
};

static int probe_open(struct probe *probe)
{
	find_bound(probe->name);
	probe->bind = open(DRIVER "bind", O_WRONLY | O_CLOEXEC);
	return probe->bind < 0 ? -errno : *probe->name ? 0 : -ENODEV;
}

static int unbind(const struct probe *probe)
{
	return write_file(DRIVER "unbind", probe->name);
}

static int bind_failing(const struct probe *probe, int fail, unsigned int n)
{
	ssize_t ret;

	let_fail(fail, n);
	ret = write(probe->bind, probe->name, strlen(probe->name));
	return ret < 0 ? -errno : 0;
}

/* What the PCI core is asked for; each includes those before it. */
enum core_part { CORE_MAPS, CORE_CLAIMS, CORE_VECTORS };

/* Without memory it can't map a BAR, takes it for claimed, has or finds no vectors. */
static bool is_of_core(int ret, enum core_part part)
{
	return ret == -EINVAL || (part >= CORE_CLAIMS && ret == -EBUSY) ||
	       (part >= CORE_VECTORS && (ret == -ENOSPC || ret == -ENODEV));
}

/*
 * Has each @step-th allocation of probe fail, from the @n-th to the @last. It says
 * ENOMEM, or what the PCI core says as far as @part. Where the device was not bound
 * that is tried next. Returns which would be the next one.
 */
static unsigned int probe_failing(struct __test_metadata *_metadata, int fail,
				  unsigned int n, unsigned int last, unsigned int step,
				  enum core_part part)
{
	bool failed = true, is_bound = true;
	struct probe probe;
	int ret;

	ASSERT_EQ(0, probe_open(&probe));
	for (; failed && n <= last; n += step) {
		if (is_bound)
			ASSERT_EQ(0, unbind(&probe));
		ret = bind_failing(&probe, fail, n);
		is_bound = !ret;
		failed = has_failed(fail);
		ASSERT_TRUE(failed || is_bound);
		if (ret && !is_of_core(ret, part))
			EXPECT_EQ(-ENOMEM, ret) TH_LOG("allocation %u", n);
	}
	if (!is_bound)
		ASSERT_EQ(0, bind_failing(&probe, fail, 0));
	close(probe.bind);
	return n;
}

/* Of how many allocations binding consists; none fails. */
static unsigned int count_probe(struct __test_metadata *_metadata, int fail)
{
	struct probe probe;
	unsigned int left;

	ASSERT_EQ(0, probe_open(&probe));
	ASSERT_EQ(0, unbind(&probe));
	ASSERT_EQ(0, bind_failing(&probe, fail, NTH_MAX));
	left = left_to_fail(fail);
	let_fail(fail, 0);
	close(probe.bind);
	return NTH_MAX - left;
}

/*
 * The number of an allocation behind which DRM has made the device: of those before it
 * some are outside of the driver's probe, the others are DRM's. As some outside come
 * afterwards it is not the first such, but still before the interrupt's.
 */
static unsigned int count_until_drm_is_done(struct __test_metadata *_metadata, int fail)
{
	struct code drm;
	unsigned int count;

	ASSERT_EQ(0, spare("tnpu_pci_probe"));
	count = count_probe(_metadata, fail);
	ASSERT_EQ(0, spare("drm_sysfs_minor_alloc"));
	ASSERT_EQ(0, find_code("__devm_drm_dev_alloc", &drm));
	ASSERT_EQ(0, count_below(&drm, 32, 32));
	count += count_probe(_metadata, fail);
	ASSERT_EQ(0, count_all());
	return count;
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

/*
 * Linux 6.12 does not survive two of the allocations: it takes the error of
 * drm_sysfs_minor_alloc() for a device that is to be put. That is passed over while
 * DRM makes the device, and register_irq_proc() afterwards.
 */
TEST_F_TIMEOUT(nth, probe_says_so, 3600)
{
	unsigned int step = atoi(getenv("NTH_STEP") ?: "1");
	unsigned int last, n;

	ASSERT_LT(0, step);
	last = count_until_drm_is_done(_metadata, self->fail);
	n = probe_failing(_metadata, self->fail, 1, last, step, CORE_CLAIMS);
	ASSERT_EQ(0, spare_irq_procs());
	n = probe_failing(_metadata, self->fail, n, NTH_MAX, step, CORE_VECTORS);
	TH_LOG("probe: %u allocations, DRM has made the device by the %u-th", n, last);
	EXPECT_GT(NTH_MAX, n);
	EXPECT_EQ(0, run_a_job());
}

TEST_F_TIMEOUT(nth, probe_says_so_of_each_that_it_asks_for, 3600)
{
	unsigned int n;

	ASSERT_EQ(0, count_near());
	n = probe_failing(_metadata, self->fail, 1, NTH_MAX, 1, CORE_MAPS);
	EXPECT_EQ(0, count_all());
	TH_LOG("probe: %u allocations of the driver's", n - 2);
	EXPECT_EQ(0, run_a_job());
}

TEST_HARNESS_MAIN
