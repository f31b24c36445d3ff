// SPDX-License-Identifier: MIT
/*
 * Whose turn it is: clients get equal shares of the machine however many queues
 * they have and however long their jobs are, an urgent job does not wait for the
 * end of a long one, and a job that was interrupted tells the same as one that
 * was not. The device is taken to have one core.
 */
#include "gate.h"
#include "npu.h"

#include "kselftest_harness.h"

#include <glob.h>
#include <sys/wait.h>

#define TIMEOUT_S 600

/* What a client of the first test does, in a process of its own. */
struct load {
	__u32 queues;
	__u32 commands; /* of a job */
	__u32 cycles; /* of a command */
	__u32 jobs; /* on each queue; more than there is time for */
};

static const struct load loads[] = {
	{ .queues = 1, .commands = 400, .cycles = 50, .jobs = 2600 },
	{ .queues = 4, .commands = 1000, .cycles = 50, .jobs = 300 },
	{ .queues = 3, .commands = 1000, .cycles = 200, .jobs = 120 },
};

#define LOADS 3
#define WATCHED 700 /* jobs of the first client; with the others over 1,000 */

/* The parent's view: its files are the children's, too. */
struct party {
	struct npu_client client;
	__u32 queues[8];
	__u32 timelines[8];
	__u32 gate;
};

static int open_party(struct party *party, const struct load *load)
{
	__u32 i;
	int ret = npu_client_open(&party->client);

	for (i = 0; i < load->commands && !ret; i++)
		npu_commands(&party->client)[i] = npu_nop(load->cycles);
	for (i = 0; i < load->queues && !ret; i++) {
		party->timelines[i] = npu_syncobj(party->client.fd);
		ret = npu_queue_create(party->client.fd, 0, &party->queues[i]);
	}
	party->gate = npu_syncobj(party->client.fd);
	return ret;
}

/* In the child: submit all that waits behind the gate. */
static int submit_load(const struct party *party, const struct load *load)
{
	struct drm_tnpu_sync in = { .handle = party->gate };
	struct drm_tnpu_submit job = npu_job(&party->client, load->commands);
	__u32 i, q;
	int ret;

	job.result = 0;
	for (i = 0; i < load->jobs; i++) {
		job.in_syncs = (uintptr_t)&in;
		job.in_sync_count = i == 0;
		for (q = 0; q < load->queues; q++) {
			job.queue = party->queues[q];
			ret = npu_submit_out(&party->client, &job,
					     party->timelines[q], i + 1);
			if (ret)
				return 1;
		}
	}
	return 0;
}

/* What the firmware has counted for a context that is in use. */
struct account {
	int context; /* -1: none yet */
	unsigned long long cycles;
	unsigned long long jobs;
};

/* Of @accounts, each of another context, that of @context; NULL: it is full. */
static struct account *account_of(struct account *accounts, int context)
{
	int i;

	for (i = 0; i < LOADS; i++)
		if (accounts[i].context < 0 || accounts[i].context == context)
			return &accounts[i];
	return NULL;
}

/* A file of the driver in debugfs; NULL: there is none, or it is root's alone. */
static FILE *debug_file(const char *name)
{
	char pattern[64];
	FILE *file = NULL;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/accel/*/%s",
		 name);
	if (!glob(pattern, 0, NULL, &found)) {
		file = fopen(found.gl_pathv[0], "r");
		globfree(&found);
	}
	return file;
}

/* Only contexts that have queues are in use. */
static bool find_contexts(struct account *accounts)
{
	FILE *list = debug_file("queues");
	struct account *account;
	char line[256];
	int i, context;

	for (i = 0; i < LOADS; i++)
		accounts[i] = (struct account){ .context = -1 };
	if (!list)
		return false;
	while (fgets(line, sizeof(line), list)) {
		if (sscanf(line, "queue %*u: context %d,", &context) != 1)
			continue;
		account = account_of(accounts, context);
		if (account)
			account->context = context;
	}
	fclose(list);
	return accounts[LOADS - 1].context >= 0;
}

/* All at one moment: who is asked later has got more. */
static bool read_accounts(struct account *accounts)
{
	FILE *list = debug_file("counters");
	unsigned long long cycles, jobs;
	struct account *account;
	char line[256];
	int context;

	while (list && fgets(line, sizeof(line), list)) {
		if (sscanf(line,
			   "context %d: %*u ns busy, %llu cycles, %*u fJ, %llu jobs",
			   &context, &cycles, &jobs) != 3)
			continue;
		account = account_of(accounts, context);
		if (account) {
			account->cycles = cycles;
			account->jobs = jobs;
		}
	}
	return list && !fclose(list);
}

static bool all_children_did_it(void)
{
	bool is_well = true;
	int i, status;

	for (i = 0; i < LOADS; i++)
		if (wait(&status) < 0 || status)
			is_well = false;
	return is_well;
}

FIXTURE(fair)
{
	struct party parties[LOADS];
};

FIXTURE_SETUP(fair)
{
}

FIXTURE_TEARDOWN(fair)
{
	int i;

	for (i = 0; i < LOADS; i++)
		npu_client_close(&self->parties[i].client);
}

TEST_F_TIMEOUT(fair, clients_get_equal_shares, TIMEOUT_S)
{
	struct party *parties = self->parties;
	struct account accounts[LOADS];
	__u64 total = 0, jobs = 0;
	struct gate gate;
	int i;

	ASSERT_EQ(0, gate_create(&gate, NPU_PAGE));
	for (i = 0; i < LOADS; i++) {
		ASSERT_EQ(0, open_party(&parties[i], &loads[i]));
		if (!i)
			ASSERT_EQ(0, gate_shut(&gate, parties[i].client.fd,
					       parties[i].gate));
		ASSERT_EQ(0, gate_to_syncobj(&gate, parties[i].client.fd,
					     parties[i].gate));
	}
	if (!find_contexts(accounts))
		SKIP(return, "needs root and debugfs");
	for (i = 0; i < LOADS; i++)
		if (!fork())
			_exit(submit_load(&parties[i], &loads[i]));
	ASSERT_TRUE(all_children_did_it());
	ASSERT_EQ(0, gate_open(&gate));
	ASSERT_EQ(0, npu_wait(parties[0].client.fd, parties[0].timelines[0],
			      WATCHED));
	ASSERT_TRUE(read_accounts(accounts));
	for (i = 0; i < LOADS; i++) {
		total += accounts[i].cycles;
		jobs += accounts[i].jobs;
	}
	ASSERT_LE(1000, jobs);
	for (i = 0; i < LOADS; i++) {
		TH_LOG("context %d: %llu of %llu cycles", accounts[i].context,
		       accounts[i].cycles, total);
		EXPECT_LE(total * 9 / 10, accounts[i].cycles * LOADS);
		EXPECT_GE(total * 11 / 10, accounts[i].cycles * LOADS);
		EXPECT_GT(loads[i].queues * loads[i].jobs, accounts[i].jobs);
	}
	gate_destroy(&gate);
}

/* --- Preemption --------------------------------------------------------------- */

#define LONG_JOB (NPU_BASE + 0x1000000) /* address of its commands */
#define LONG_COMMANDS 0x8000u
#define TRIES 200

FIXTURE(preempt)
{
	struct npu_client idler;
	struct npu_client urgent;
	__u32 sync;
};

/* A long job: its first command shows that it runs, many may be its last. */
FIXTURE_SETUP(preempt)
{
	const __u64 size = LONG_COMMANDS * NPU_CMD_SIZE;
	union npu_cmd *commands;
	__u32 i, handle;

	ASSERT_EQ(0, npu_client_open(&self->idler));
	ASSERT_EQ(0, npu_bo_create(self->idler.fd, size, &handle));
	ASSERT_EQ(0, npu_map(self->idler.fd, handle, LONG_JOB, size, 0, 0));
	commands = npu_bo_mmap(self->idler.fd, handle, size);
	ASSERT_NE(MAP_FAILED, commands);
	ASSERT_EQ(0, npu_client_open(&self->urgent));
	ASSERT_EQ(0, npu_queue_destroy(self->urgent.fd, self->urgent.queue));
	ASSERT_EQ(0, npu_queue_create(self->urgent.fd, 3,
				      &self->urgent.queue));
	self->sync = npu_syncobj(self->idler.fd);
	commands[0] = npu_fill(0, 0, 1, 1);
	for (i = 1; i < LONG_COMMANDS; i++) {
		commands[i] = npu_nop(i);
		if (i % 4 == 0)
			commands[i].hdr.flags |= NPU_CMD_SRAM_DEAD;
	}
	munmap(commands, size);
}

FIXTURE_TEARDOWN(preempt)
{
	npu_client_close(&self->idler);
	npu_client_close(&self->urgent);
}

static int start_long_job(FIXTURE_DATA(preempt) *self, __u64 point)
{
	struct drm_tnpu_submit job = npu_job(&self->idler, LONG_COMMANDS);
	volatile __u8 *mark = npu_data(&self->idler);
	int ret;

	job.commands = LONG_JOB;
	*mark = 0;
	memset((void *)npu_result(&self->idler), 0,
	       sizeof(struct npu_job_result));
	ret = npu_submit_out(&self->idler, &job, self->sync, point);
	while (!ret && !*mark)
		if (npu_result(&self->idler)->status && !*mark)
			ret = -EILSEQ; /* it ended without having run */
	return ret;
}

TEST_F_TIMEOUT(preempt, an_urgent_job_overtakes_a_running_one, TIMEOUT_S)
{
	__u32 i, overtaken = 0;

	for (i = 1; i <= TRIES && !overtaken; i++) {
		ASSERT_EQ(0, start_long_job(self, i));
		ASSERT_EQ(0, npu_run_command(&self->urgent, npu_nop(1)));
		if (npu_result(&self->idler)->status == NPU_JOB_PENDING)
			overtaken++;
		ASSERT_EQ(0, npu_wait(self->idler.fd, self->sync, i));
	}
	EXPECT_EQ(1, overtaken);
}

TEST_F_TIMEOUT(preempt, what_was_interrupted_tells_the_same, TIMEOUT_S)
{
	struct npu_job_result alone;
	__u32 i, k;

	ASSERT_EQ(0, start_long_job(self, 1));
	ASSERT_EQ(0, npu_wait(self->idler.fd, self->sync, 1));
	alone = *(struct npu_job_result *)npu_result(&self->idler);
	ASSERT_EQ(NPU_JOB_OK, alone.status);
	ASSERT_EQ(LONG_COMMANDS, alone.commands);
	for (i = 2; i <= 20; i++) {
		ASSERT_EQ(0, start_long_job(self, i));
		for (k = 0; k < 3; k++)
			ASSERT_EQ(0, npu_run_command(&self->urgent,
						     npu_nop(k + 1)));
		ASSERT_EQ(0, npu_wait(self->idler.fd, self->sync, i));
		ASSERT_EQ(0, memcmp(&alone,
				    (void *)npu_result(&self->idler),
				    sizeof(alone)));
	}
}

TEST_HARNESS_MAIN
