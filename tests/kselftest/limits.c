// SPDX-License-Identifier: MIT
/*
 * Limits of clock and power, and what heat does: set over generic netlink, kept by the
 * firmware, told in events. Each test leaves the device without limits.
 */
#include "genl.h"
#include "npu.h"

#include "kselftest_harness.h"

#include <fcntl.h>
#include <npu/power.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define PATIENCE_MS (NPU_PATIENCE_S * 1000)

FIXTURE(limits)
{
	struct npu_client client;
	__u32 id;
	__u32 clock_khz; /* the machine's */
	struct genl genl;
	int throttles, powers; /* sockets, for events of one kind each */
	char buffer[GENL_BUFFER];
};

#define SELF FIXTURE_DATA(limits) *self

/* --- Questions and orders --------------------------------------------------------- */

struct power {
	__u32 clock_khz, throttle, power_cap, clock_limit;
	__s32 temperature;
	char name[32];
};

static int take_power(const struct nlmsghdr *header, void *arg)
{
	struct power *power = arg;

	*power = (struct power){
		.clock_khz = genl_number(header,
					 TNPU_A_DEVICE_CURRENT_CLOCK_KHZ, 4),
		.throttle = genl_number(header, TNPU_A_DEVICE_THROTTLE, 4),
		.power_cap = genl_number(header, TNPU_A_DEVICE_POWER_CAP, 4),
		.clock_limit = genl_number(header, TNPU_A_DEVICE_CLOCK_LIMIT, 4),
		.temperature = genl_number(header, TNPU_A_DEVICE_TEMPERATURE, 4),
	};
	snprintf(power->name, sizeof(power->name), "%s",
		 (const char *)genl_find(header, TNPU_A_DEVICE_NAME, 1));
	return 0;
}

static int get_power(SELF, struct power *power)
{
	struct genl_request request = genl_make(self->genl.family,
						TNPU_CMD_DEVICE_GET, 0);

	genl_put(&request, TNPU_A_DEVICE_ID, &self->id, 4);
	return genl_talk(self->genl.fd, &request, take_power, power);
}

/* An attribute of 0 is left out. */
static int set(int fd, int family, __u32 id, int attr, __u32 value)
{
	struct genl_request request = genl_make(family, TNPU_CMD_DEVICE_SET, 0);

	genl_put(&request, TNPU_A_DEVICE_ID, &id, 4);
	if (attr)
		genl_put(&request, attr, &value, 4);
	return genl_talk(fd, &request, NULL, NULL);
}

static int set_cap(SELF, __u32 power_uw)
{
	return set(self->genl.fd, self->genl.family, self->id,
		   TNPU_A_DEVICE_POWER_CAP, power_uw);
}

static int set_clock(SELF, __u32 khz)
{
	return set(self->genl.fd, self->genl.family, self->id,
		   TNPU_A_DEVICE_CLOCK_LIMIT, khz);
}

/* The next event of that kind on the device; NULL: there is none in time. */
static const struct nlmsghdr *next_event(SELF, int fd, int command,
					 int timeout_ms)
{
	const struct nlmsghdr *event;

	do {
		event = genl_next_event(fd, timeout_ms, self->buffer);
	} while (event && (genl_command(event) != command ||
			   genl_number(event, TNPU_A_EVENT_DEVICE, 4) != self->id));
	return event;
}

static const struct nlmsghdr *next_throttle(SELF, int timeout_ms)
{
	return next_event(self, self->throttles, TNPU_CMD_THROTTLE_NTF,
			  timeout_ms);
}

/* Reasons of what was before may still be there. */
static bool has_reason(const struct nlmsghdr *event, __u32 reason)
{
	return event && (genl_number(event, TNPU_A_EVENT_THROTTLE, 4) & reason);
}

static const struct nlmsghdr *next_power(SELF)
{
	return next_event(self, self->powers, TNPU_CMD_POWER_NTF, PATIENCE_MS);
}

FIXTURE_SETUP(limits)
{
	struct drm_tnpu_query_device info;
	struct stat stat;

	ASSERT_EQ(0, npu_client_open(&self->client));
	ASSERT_EQ(0, npu_query(self->client.fd, &info));
	ASSERT_EQ(0, fstat(self->client.fd, &stat));
	self->id = minor(stat.st_rdev);
	self->clock_khz = info.clock_khz;
	ASSERT_EQ(0, genl_open(&self->genl));
	self->throttles = genl_listen(self->genl.group);
	self->powers = genl_listen(self->genl.group);
	ASSERT_LE(0, self->throttles);
	ASSERT_LE(0, self->powers);
	if (geteuid())
		SKIP(return, "needs root");
}

FIXTURE_TEARDOWN(limits)
{
	set_cap(self, 0);
	set_clock(self, 0);
	close(self->throttles);
	close(self->powers);
	close(self->genl.fd);
	npu_client_close(&self->client);
}

/* --- Who may set what --------------------------------------------------------------- */

TEST_F(limits, nothing_is_limited_at_first)
{
	struct power power;

	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	ASSERT_EQ(0, get_power(self, &power));
	EXPECT_EQ(0, power.power_cap);
	EXPECT_EQ(0, power.clock_limit);
	EXPECT_EQ(self->clock_khz, power.clock_khz);
	EXPECT_LE(0, power.temperature);
	EXPECT_GT(NPU_TEMP_HOT_MC, power.temperature);
}

TEST_F(limits, what_makes_no_sense_is_refused)
{
	struct genl_request request = genl_make(self->genl.family,
						TNPU_CMD_DEVICE_SET, 0);
	__u32 cap = NPU_POWER_CAP_MIN_UW;
	struct power power;

	genl_put(&request, TNPU_A_DEVICE_POWER_CAP, &cap, 4);
	EXPECT_EQ(-EINVAL, genl_talk(self->genl.fd, &request, NULL, NULL));
	EXPECT_EQ(-EINVAL, set(self->genl.fd, self->genl.family, self->id, 0, 0));
	EXPECT_EQ(-EINVAL, set(self->genl.fd, self->genl.family, self->id,
			       TNPU_A_DEVICE_CORES, 1));
	EXPECT_EQ(-ENODEV, set(self->genl.fd, self->genl.family, 12345,
			       TNPU_A_DEVICE_POWER_CAP, cap));
	EXPECT_EQ(-EINVAL, set_cap(self, NPU_POWER_CAP_MIN_UW - 1));
	EXPECT_EQ(-EINVAL, set_cap(self, NPU_POWER_CAP_MAX_UW + 1));
	ASSERT_EQ(0, get_power(self, &power));
	EXPECT_EQ(0, power.power_cap);
	EXPECT_EQ(0, set_cap(self, NPU_POWER_CAP_MAX_UW));
	ASSERT_EQ(0, get_power(self, &power));
	EXPECT_EQ(NPU_POWER_CAP_MAX_UW, power.power_cap);
	EXPECT_EQ(0, power.clock_limit);
}

TEST_F(limits, who_may_not_set_them)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct genl genl;

		if (setresuid(65534, 65534, 65534) || genl_open(&genl))
			_exit(1);
		_exit(set(genl.fd, genl.family, self->id,
			  TNPU_A_DEVICE_CLOCK_LIMIT, 1) != -EPERM);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* --- What they do --------------------------------------------------------------------- */

TEST_F(limits, a_limited_clock_is_told_and_runs_jobs)
{
	const struct nlmsghdr *event;
	struct power power;

	ASSERT_EQ(0, set_clock(self, self->clock_khz / 2));
	event = next_power(self);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(self->clock_khz / 2,
		  genl_number(event, TNPU_A_EVENT_CLOCK_LIMIT, 4));
	EXPECT_EQ(0, genl_number(event, TNPU_A_EVENT_POWER_CAP, 4));
	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1000)));
	EXPECT_EQ(500, npu_result(&self->client)->clock_permille);
	do {
		event = next_throttle(self, PATIENCE_MS);
		ASSERT_NE(NULL, event);
	} while (!has_reason(event, TNPU_THROTTLE_CLOCK));
	EXPECT_EQ(self->clock_khz / 2,
		  genl_number(event, TNPU_A_EVENT_CURRENT_CLOCK_KHZ, 4));
	ASSERT_EQ(0, get_power(self, &power));
	EXPECT_EQ(self->clock_khz / 2, power.clock_khz);
	EXPECT_TRUE(power.throttle & TNPU_THROTTLE_CLOCK);
	ASSERT_EQ(0, set_clock(self, 0));
	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1000)));
	EXPECT_EQ(0, npu_result(&self->client)->clock_permille);
}

/* Writes @text to a file of the device in debugfs; false: it is not there. */
static bool write_debugfs(SELF, const char *file, const char *text)
{
	char path[128];
	struct power power;
	bool is_written;
	int fd;

	if (get_power(self, &power))
		return false;
	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/%s",
		 power.name, file);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return false;
	is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return is_written;
}

TEST_F(limits, they_outlast_a_recovery)
{
	ASSERT_EQ(0, set_clock(self, self->clock_khz / 4));
	if (!write_debugfs(self, "recover", "3"))
		SKIP(return, "needs debugfs");
	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1000)));
	EXPECT_EQ(250, npu_result(&self->client)->clock_permille);
}

/*
 * A job that moves 6.4 MB, which costs a millijoule: with the least cap the next has to
 * wait, and both end.
 */
TEST_F(limits, a_power_cap_holds_jobs_back_but_not_for_ever)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 100);
	const struct nlmsghdr *event;
	int i;

	for (i = 0; i < 100; i++)
		npu_commands(&self->client)[i] =
			npu_copy(NPU_REGION_SRAM, 0, 0, 0, 0x10000);
	ASSERT_EQ(0, set_cap(self, NPU_POWER_CAP_MIN_UW));
	do {
		ASSERT_EQ(0, npu_run(&self->client, &job));
		event = next_throttle(self, 0);
	} while (!has_reason(event, TNPU_THROTTLE_POWER));
	ASSERT_EQ(0, set_cap(self, 0));
	do {
		event = next_throttle(self, PATIENCE_MS);
		ASSERT_NE(NULL, event);
	} while (genl_number(event, TNPU_A_EVENT_THROTTLE, 4));
}

TEST_F(limits, heat_is_told_and_passes)
{
	const struct nlmsghdr *event;

	if (!write_debugfs(self, "inject", "hot:1000000:0:90000"))
		SKIP(return, "the device allows no errors to be injected");
	do {
		ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1000)));
		event = next_throttle(self, 0);
	} while (!has_reason(event, TNPU_THROTTLE_TEMPERATURE));
	EXPECT_EQ(90000, genl_number(event, TNPU_A_EVENT_TEMPERATURE, 4));
	EXPECT_GT(self->clock_khz,
		  genl_number(event, TNPU_A_EVENT_CURRENT_CLOCK_KHZ, 4));
	ASSERT_TRUE(write_debugfs(self, "inject", "none"));
	do {
		event = next_throttle(self, PATIENCE_MS);
		ASSERT_NE(NULL, event);
	} while (genl_number(event, TNPU_A_EVENT_THROTTLE, 4));
	EXPECT_EQ(self->clock_khz,
		  genl_number(event, TNPU_A_EVENT_CURRENT_CLOCK_KHZ, 4));
}

TEST_F(limits, sleep_is_told)
{
	const struct nlmsghdr *event;

	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	do {
		event = next_power(self);
		ASSERT_NE(NULL, event);
	} while (genl_number(event, TNPU_A_EVENT_STATE, 4) != TNPU_STATE_ASLEEP);
	ASSERT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
	event = next_power(self);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(TNPU_STATE_UP, genl_number(event, TNPU_A_EVENT_STATE, 4));
}

TEST_HARNESS_MAIN
