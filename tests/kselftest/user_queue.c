// SPDX-License-Identifier: MIT
/*
 * User-mode queues: jobs go to the device without a system call, and whatever a
 * process does to its ring, its doorbell or itself hurts nobody else.
 */
#include "userq.h"

#include "kselftest_harness.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

#define TIMEOUT_S 300
#define PROCESSES 4

FIXTURE(user_queue)
{
	struct npu_client client;
	struct npu_client other; /* has to be well, whatever happens */
	struct npu_userq userq;
};

FIXTURE_SETUP(user_queue)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
	ASSERT_EQ(0, npu_client_open(&self->other));
	ASSERT_EQ(0, npu_userq_open(&self->userq, self->client.fd));
	npu_commands(&self->client)[0] = npu_nop(1);
}

FIXTURE_TEARDOWN(user_queue)
{
	EXPECT_EQ(0, npu_run_command(&self->other, npu_nop(1)));
	npu_userq_close(&self->userq);
	npu_client_close(&self->client);
	npu_client_close(&self->other);
}

/* --- Jobs -------------------------------------------------------------------- */

TEST_F_TIMEOUT(user_queue, jobs_run_without_a_call, TIMEOUT_S)
{
	struct npu_job job = npu_userq_job(7, 1);
	__u32 i;

	for (i = 1; i <= 3 * NPU_RING_ENTRIES; i++) {
		npu_commands(&self->client)[0] = npu_fill(0, 0, 64, i);
		npu_result(&self->client)->status = NPU_JOB_PENDING;
		npu_userq_submit(&self->userq, &job);
		while (self->userq.ring->completed != i)
			;
		ASSERT_EQ((__u8)i, npu_data(&self->client)[63]);
		ASSERT_EQ(NPU_JOB_OK, npu_result(&self->client)->status);
	}
}

TEST_F_TIMEOUT(user_queue, a_full_ring_is_worked_off_in_order, TIMEOUT_S)
{
	struct npu_job job = npu_userq_job(7, 1);
	struct drm_tnpu_queue_state state;
	__u32 i, round;

	for (i = 0; i < NPU_RING_ENTRIES; i++)
		npu_commands(&self->client)[i] = npu_fill(0, i, 2, i + 1);
	for (round = 1; round <= 4; round++) {
		for (i = 0; i < NPU_RING_ENTRIES; i++) {
			job.commands = NPU_COMMANDS + 64 * i;
			npu_userq_put(&self->userq, &job);
		}
		npu_userq_ring(&self->userq);
		ASSERT_EQ(0, npu_userq_wait(&self->userq,
					    round * NPU_RING_ENTRIES));
		for (i = 0; i < NPU_RING_ENTRIES; i++)
			ASSERT_EQ(i + 1, npu_data(&self->client)[i]);
	}
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->userq.number,
				     &state));
	EXPECT_EQ(DRM_TNPU_QUEUE_OK, state.status);
	EXPECT_EQ(4 * NPU_RING_ENTRIES, state.completed);
	EXPECT_EQ(state.completed, state.submitted);
	EXPECT_LT(0, state.cycles);
	EXPECT_LT(0, state.energy_fj);
}

TEST_F_TIMEOUT(user_queue, a_job_is_cancelled_by_its_cookie, TIMEOUT_S)
{
	struct npu_job job = npu_userq_job(0x1234567890abcdefull, 1);
	struct drm_tnpu_job_cancel cancel = {
		.queue = self->userq.number, .job = job.cookie,
	};
	int fd = self->client.fd;
	__u32 place = 0;

	npu_commands(&self->client)[0] = npu_never();
	npu_userq_submit(&self->userq, &job);
	self->userq.ring->jobs[place].flags = NPU_JOB_CANCEL;
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_TNPU_JOB_CANCEL, &cancel));
	EXPECT_EQ(0, npu_userq_wait(&self->userq, 1));
	EXPECT_EQ(NPU_JOB_CANCELLED, npu_result(&self->client)->status);
	npu_commands(&self->client)[0] = npu_nop(1);
	EXPECT_EQ(0, npu_userq_run(&self->userq, &job));
	EXPECT_EQ(0, npu_ioctl(fd, DRM_IOCTL_TNPU_JOB_CANCEL, &cancel));
	cancel.job = 0;
	EXPECT_EQ(-ENOENT, npu_ioctl(fd, DRM_IOCTL_TNPU_JOB_CANCEL, &cancel));
}

static __u64 fdinfo_cycles(int fd)
{
	unsigned long long cycles = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "drm-cycles-npu: %llu", &cycles);
	if (file)
		fclose(file);
	return cycles;
}

TEST_F_TIMEOUT(user_queue, fdinfo_counts_its_cycles, TIMEOUT_S)
{
	struct npu_job job = npu_userq_job(1, 1);
	struct drm_tnpu_queue_state state;
	int fd = self->client.fd;
	__u64 cycles;
	int i;

	EXPECT_EQ(0, fdinfo_cycles(fd));
	npu_commands(&self->client)[0] = npu_nop(100000);
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, npu_userq_run(&self->userq, &job));
	cycles = fdinfo_cycles(fd);
	EXPECT_LE(5 * 100000, cycles);
	ASSERT_EQ(0, npu_queue_state(fd, self->userq.number, &state));
	EXPECT_EQ(cycles, state.cycles);
	ASSERT_EQ(0, npu_userq_run(&self->userq, &job));
	ASSERT_EQ(0, npu_queue_destroy(fd, self->userq.number));
	EXPECT_EQ(cycles / 5 * 6, fdinfo_cycles(fd));
}

/* --- Rules of the calls -------------------------------------------------------- */

TEST_F(user_queue, bad_arguments_are_refused)
{
	const struct drm_tnpu_queue_create good =
		npu_userq_args(self->userq.event);
	struct drm_tnpu_queue_create bad[] = {
		good, good, good, good, good, good, good, good,
	};
	unsigned int i;

	bad[0].entries = 0;
	bad[1].entries = 1;
	bad[2].entries = 48;
	bad[3].entries = 128;
	bad[4].ring += 64;
	bad[5].ring = (1ull << 38) - NPU_PAGE;
	bad[6].pad = 1;
	bad[7].flags = DRM_TNPU_QUEUE_EVENT_FD; /* then there is no ring */
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, npu_ioctl(self->client.fd,
					     DRM_IOCTL_TNPU_QUEUE_CREATE,
					     &bad[i]))
			TH_LOG("case %u", i);
}

TEST_F(user_queue, the_kinds_of_queues_are_told_apart)
{
	struct drm_tnpu_submit job = npu_job(&self->client, 1);
	struct drm_tnpu_queue_map map = { .queue = self->client.queue };
	int fd = self->client.fd;

	job.queue = self->userq.number;
	EXPECT_EQ(-EINVAL, npu_submit(&self->client, &job));
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_MAP, &map));
	map.queue = 99;
	EXPECT_EQ(-ENOENT, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_MAP, &map));
	map.queue = self->userq.number;
	map.flags = 1;
	EXPECT_EQ(-EINVAL, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_MAP, &map));
}

TEST_F(user_queue, only_its_own_doorbell_can_be_mapped)
{
	struct drm_tnpu_queue_map map = { .queue = self->userq.number };
	int fd = self->client.fd;
	__u64 page;

	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_MAP, &map));
	for (page = 0; page < 66; page++)
		if (page * NPU_PAGE != map.offset)
			EXPECT_EQ(MAP_FAILED,
				  mmap(NULL, NPU_PAGE, PROT_WRITE, MAP_SHARED,
				       fd, page * NPU_PAGE));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, NPU_PAGE, PROT_WRITE, MAP_SHARED,
				   self->other.fd, map.offset));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, NPU_PAGE, PROT_WRITE, MAP_PRIVATE, fd,
				   map.offset));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * NPU_PAGE, PROT_WRITE, MAP_SHARED,
				   fd, map.offset));
	EXPECT_EQ(MAP_FAILED, mremap((void *)self->userq.doorbell, NPU_PAGE,
				     2 * NPU_PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(0, *self->userq.doorbell);
}

TEST_F_TIMEOUT(user_queue, a_doorbell_may_move, TIMEOUT_S)
{
	struct npu_job job = npu_userq_job(7, 1);
	void *place = mmap(NULL, NPU_PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	ASSERT_NE(MAP_FAILED, place);
	ASSERT_EQ(0, npu_userq_run(&self->userq, &job));
	ASSERT_EQ(place, mremap((void *)self->userq.doorbell, NPU_PAGE,
				NPU_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place));
	self->userq.doorbell = place;
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, npu_userq_run(&self->userq, &job));
}

TEST_F(user_queue, it_counts_as_a_queue)
{
	struct drm_tnpu_queue_create create =
		npu_userq_args(self->userq.event);
	int queues = 2; /* the client has a kernel queue, too */
	int ret;

	while (!(ret = npu_ioctl(self->client.fd, DRM_IOCTL_TNPU_QUEUE_CREATE,
				 &create)))
		queues++;
	EXPECT_EQ(-EMFILE, ret);
	EXPECT_EQ(DRM_TNPU_MAX_QUEUES, queues);
}

TEST_F(user_queue, high_priorities_need_a_privilege)
{
	struct drm_tnpu_queue_create create =
		npu_userq_args(self->userq.event);

	if (geteuid())
		SKIP(return, "needs root, to give it up");
	create.priority = 2;
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(-EACCES, npu_ioctl(self->client.fd,
				     DRM_IOCTL_TNPU_QUEUE_CREATE, &create));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(0, npu_ioctl(self->client.fd, DRM_IOCTL_TNPU_QUEUE_CREATE,
			       &create));
}

/* --- Hostile rings ------------------------------------------------------------- */

#define ENTRY(member) offsetof(struct npu_queue_ring, jobs[0].member)

static const struct {
	const char *what;
	size_t offset;
	__u32 value;
	__u32 code;
	__u32 info;
} bad_rings[] = {
	{ "a tail too far ahead", offsetof(struct npu_queue_ring, tail),
	  NPU_RING_ENTRIES + 1, NPU_FAULT_FIELD, 7 },
	{ "a tail behind", offsetof(struct npu_queue_ring, tail), UINT32_MAX,
	  NPU_FAULT_FIELD, 7 },
	{ "misaligned commands", ENTRY(commands), NPU_COMMANDS + 8,
	  NPU_FAULT_FIELD, 1 },
	{ "commands nowhere", ENTRY(commands) + 4, 0x20, NPU_FAULT_PAGE_READ,
	  0 },
	{ "no commands", ENTRY(command_count), 0, NPU_FAULT_FIELD, 2 },
	{ "too many commands", ENTRY(command_count), UINT32_MAX,
	  NPU_FAULT_FIELD, 2 },
	{ "misaligned regions", ENTRY(regions), NPU_REGIONS + 8,
	  NPU_FAULT_FIELD, 3 },
	{ "too many regions", ENTRY(region_count), 65, NPU_FAULT_FIELD, 4 },
	{ "a misaligned result", ENTRY(result), NPU_RESULT + 4,
	  NPU_FAULT_FIELD, 5 },
	{ "a result nowhere", ENTRY(result) + 4, 0x20, NPU_FAULT_PAGE_WRITE,
	  0 },
	{ "no cookie", ENTRY(cookie), 0, NPU_FAULT_FIELD, 6 },
	{ "unknown flags", ENTRY(flags), 1u << 31, NPU_FAULT_FIELD, 8 },
	{ "a reserved byte", ENTRY(reserved), 1, NPU_FAULT_RESERVED, 44 },
};

/* A queue of the client's again, after the last one was halted. */
static int reopen(struct npu_client *client, struct npu_userq *userq)
{
	int ret = npu_queue_destroy(client->fd, userq->number);

	if (ret)
		return ret;
	npu_userq_close(userq);
	ret = npu_unmap(client->fd, NPU_RING, NPU_RING_SIZE);
	return ret ? ret : npu_userq_open(userq, client->fd);
}

TEST_F_TIMEOUT(user_queue, a_bad_ring_halts_its_queue_only, TIMEOUT_S)
{
	struct npu_job job = npu_userq_job(1, 1);
	struct drm_tnpu_queue_state state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_rings); i++) {
		npu_userq_put(&self->userq, &job);
		memcpy((__u8 *)self->userq.ring + bad_rings[i].offset,
		       &bad_rings[i].value, 4);
		npu_userq_ring(&self->userq);
		EXPECT_EQ(-ECANCELED, npu_userq_wait(&self->userq, 1))
			TH_LOG("%s", bad_rings[i].what);
		ASSERT_EQ(0, npu_queue_state(self->client.fd,
					     self->userq.number, &state));
		EXPECT_EQ(DRM_TNPU_QUEUE_BANNED, state.status);
		EXPECT_EQ(DRM_TNPU_REASON_FAULT, state.reason);
		EXPECT_EQ(bad_rings[i].code, state.fault_code)
			TH_LOG("%s", bad_rings[i].what);
		EXPECT_EQ(bad_rings[i].info, state.fault_info)
			TH_LOG("%s", bad_rings[i].what);
		EXPECT_EQ(0, npu_run_command(&self->other, npu_nop(1)));
		ASSERT_EQ(0, reopen(&self->client, &self->userq));
	}
}

TEST_F_TIMEOUT(user_queue, a_ring_that_is_unmapped_is_a_page_fault, TIMEOUT_S)
{
	struct drm_tnpu_queue_state state;
	struct npu_job job = npu_userq_job(1, 1);
	struct pollfd poller = { .fd = self->userq.event, .events = POLLIN };

	ASSERT_EQ(0, npu_userq_run(&self->userq, &job));
	ASSERT_EQ(0, npu_unmap(self->client.fd, NPU_RING, NPU_RING_SIZE));
	npu_userq_put(&self->userq, &job);
	*self->userq.doorbell = 1;
	ASSERT_EQ(1, poll(&poller, 1, NPU_PATIENCE_S * 1000));
	/* The wake of the first job may come before that. */
	do {
		ASSERT_EQ(0, npu_queue_state(self->client.fd,
					     self->userq.number, &state));
	} while (state.status == DRM_TNPU_QUEUE_OK);
	EXPECT_EQ(DRM_TNPU_REASON_FAULT, state.reason);
	EXPECT_EQ(NPU_FAULT_PAGE_READ, state.fault_code);
	EXPECT_EQ(NPU_RING, state.fault_addr);
	EXPECT_EQ(1, state.completed);
}

TEST_F_TIMEOUT(user_queue, a_readonly_ring_is_a_page_fault, TIMEOUT_S)
{
	struct drm_tnpu_queue_create create =
		npu_userq_args(self->userq.event);
	struct drm_tnpu_queue_state state;
	int fd = self->client.fd;

	create.ring += 0x100000;
	ASSERT_EQ(0, npu_map(fd, self->userq.handle, create.ring,
			     NPU_RING_SIZE, 0, DRM_TNPU_VM_BIND_READONLY));
	ASSERT_EQ(0, npu_ioctl(fd, DRM_IOCTL_TNPU_QUEUE_CREATE, &create));
	do {
		ASSERT_EQ(0, npu_queue_state(fd, create.queue, &state));
	} while (state.status == DRM_TNPU_QUEUE_OK);
	EXPECT_EQ(NPU_FAULT_PAGE_WRITE, state.fault_code);
	EXPECT_EQ(create.ring, state.fault_addr);
}

TEST_F_TIMEOUT(user_queue, a_stuck_job_is_timed_out, TIMEOUT_S)
{
	struct npu_job job = npu_userq_job(9, 1);
	struct drm_tnpu_queue_state state;

	npu_commands(&self->client)[0] = npu_never();
	EXPECT_EQ(-ECANCELED, npu_userq_run(&self->userq, &job));
	EXPECT_EQ(1, self->userq.ring->completed);
	EXPECT_EQ(NPU_JOB_TIMEOUT, self->userq.ring->status);
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->userq.number,
				     &state));
	EXPECT_EQ(DRM_TNPU_QUEUE_BANNED, state.status);
	EXPECT_EQ(DRM_TNPU_REASON_TIMEOUT, state.reason);
	EXPECT_EQ(9, state.fault_job);
}

/* --- Doorbells and processes --------------------------------------------------- */

TEST_F_TIMEOUT(user_queue, a_doorbell_of_a_dead_queue_is_harmless, TIMEOUT_S)
{
	struct npu_userq next;
	struct npu_job job = npu_userq_job(1, 1);
	int i;

	*self->userq.doorbell = 1;
	ASSERT_EQ(0, npu_queue_destroy(self->client.fd, self->userq.number));
	ASSERT_EQ(0, npu_unmap(self->client.fd, NPU_RING, NPU_RING_SIZE));
	/* The next queue has the same slot, but not this mapping's doorbell. */
	ASSERT_EQ(0, npu_userq_open(&next, self->client.fd));
	npu_userq_put(&next, &job);
	for (i = 0; i < 1000; i++)
		*self->userq.doorbell = 1;
	ASSERT_EQ(0, npu_run_command(&self->other, npu_nop(1)));
	EXPECT_EQ(0, next.ring->completed);
	npu_userq_ring(&next);
	EXPECT_EQ(0, npu_userq_wait(&next, 1));
	npu_userq_close(&next);
}

static pid_t start(void (*body)(struct npu_userq *userq),
		   struct npu_userq *userq)
{
	pid_t pid = fork();

	if (!pid) {
		body(userq);
		_exit(0);
	}
	return pid;
}

static void ring_once(struct npu_userq *userq)
{
	*userq->doorbell = 1;
}

TEST_F(user_queue, a_child_does_not_inherit_the_doorbell)
{
	int status;
	pid_t pid = start(ring_once, &self->userq);

	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void be_busy(struct npu_userq *userq)
{
	struct npu_client client;
	struct npu_job job = npu_userq_job(1, 1);

	if (npu_client_open(&client) || npu_userq_open(userq, client.fd))
		_exit(1);
	npu_commands(&client)[0] = npu_nop(1000);
	for (;;) {
		if (userq->submitted - userq->ring->completed < 32)
			npu_userq_put(userq, &job);
		*userq->doorbell = 1;
	}
}

/* Doorbells and jobs without end don't keep others from what is theirs. */
TEST_F_TIMEOUT(user_queue, a_storm_starves_nobody, TIMEOUT_S)
{
	struct npu_userq userq;
	pid_t pid = start(be_busy, &userq);
	int status, i;

	ASSERT_LT(0, pid);
	for (i = 0; i < 50; i++)
		EXPECT_EQ(0, npu_run_command(&self->other, npu_nop(1)));
	EXPECT_EQ(0, npu_client_new_queue(&self->other));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void run_own_jobs(struct npu_userq *userq)
{
	struct npu_client client;
	struct npu_job job = npu_userq_job(1, 1);
	__u32 i;

	if (npu_client_open(&client) || npu_userq_open(userq, client.fd))
		_exit(1);
	for (i = 1; i <= 100; i++) {
		__u8 value = getpid() + i;

		npu_commands(&client)[0] =
			npu_fill(0, 0, NPU_DATA_SIZE, value);
		if (npu_userq_run(userq, &job))
			_exit(2);
		if (npu_data(&client)[0] != value ||
		    npu_data(&client)[NPU_DATA_SIZE - 1] != value)
			_exit(3);
	}
}

TEST_F_TIMEOUT(user_queue, owners_work_side_by_side, TIMEOUT_S)
{
	struct npu_userq userq;
	pid_t pids[PROCESSES];
	int i, status;

	for (i = 0; i < PROCESSES; i++)
		pids[i] = start(run_own_jobs, &userq);
	for (i = 0; i < PROCESSES; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

/* --- Recovery and removal ------------------------------------------------------ */

static int write_text(const char *pattern, const char *text)
{
	ssize_t length = strlen(text);
	glob_t found;
	int fd, ret = 0;

	if (glob(pattern, 0, NULL, &found))
		return -ENOENT;
	fd = open(found.gl_pathv[0], O_WRONLY);
	globfree(&found);
	if (fd < 0 || write(fd, text, length) != length)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

#define RECOVER "/sys/kernel/debug/accel/*:*/recover"

TEST_F_TIMEOUT(user_queue, an_idle_queue_survives_a_recovery, TIMEOUT_S)
{
	struct npu_job job = npu_userq_job(1, 1);
	struct drm_tnpu_queue_state state;

	ASSERT_EQ(0, npu_userq_run(&self->userq, &job));
	ASSERT_EQ(0, write_text(RECOVER, "1"));
	EXPECT_EQ(0, npu_userq_run(&self->userq, &job));
	ASSERT_EQ(0, npu_queue_state(self->client.fd, self->userq.number,
				     &state));
	EXPECT_EQ(DRM_TNPU_QUEUE_OK, state.status);
	EXPECT_EQ(2, self->userq.ring->completed);
}

TEST_F_TIMEOUT(user_queue, a_running_job_is_lost_in_a_recovery, TIMEOUT_S)
{
	struct npu_job job = npu_userq_job(1, 1);
	struct drm_tnpu_queue_state state;

	npu_commands(&self->client)[0] = npu_never();
	npu_userq_submit(&self->userq, &job);
	while (!self->userq.ring->head)
		;
	ASSERT_EQ(0, write_text(RECOVER, "1"));
	EXPECT_EQ(-ECANCELED, npu_userq_wait(&self->userq, 1));
	EXPECT_EQ(NPU_JOB_RESET, self->userq.ring->status);
	do {
		ASSERT_EQ(0, npu_queue_state(self->client.fd,
					     self->userq.number, &state));
	} while (state.status == DRM_TNPU_QUEUE_OK);
	EXPECT_EQ(DRM_TNPU_REASON_RESET, state.reason);
}

TEST_HARNESS_MAIN
