// SPDX-License-Identifier: MIT
/*
 * Everything at once, at random but repeatable: address spaces, binds that wait for
 * jobs, jobs that wait for binds, cancellations, destruction, by threads of one
 * file and by processes that are killed. Calls may fail as documented; in the end
 * the device works.
 */
#include "churn.h"

#include "kselftest_harness.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define THREADS 4
#define PROCESSES 6
#define ROUNDS 400

FIXTURE(churn)
{
	struct npu_client client;
};

FIXTURE_SETUP(churn)
{
	ASSERT_EQ(0, npu_client_open(&self->client));
}

FIXTURE_TEARDOWN(churn)
{
	npu_client_close(&self->client);
}

static void *churn(void *arg)
{
	struct churner *churner = arg;
	int i;

	churner->error = churner_init(churner);
	for (i = 0; i < ROUNDS && !churner->error; i++)
		churner->error = churn_once(churner);
	if (!churner->error)
		churner->error = do_wait(churner);
	return NULL;
}

TEST_F_TIMEOUT(churn, threads_of_one_file, NPU_PATIENCE_S)
{
	struct churner churners[THREADS] = { 0 };
	pthread_t threads[THREADS];
	int i;

	npu_commands(&self->client)[0] = npu_nop(1);
	for (i = 0; i < THREADS; i++) {
		churners[i].client = &self->client;
		churners[i].seed = i;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, churn,
					    &churners[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, churners[i].error);
	}
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

/* Goes on until it is killed. */
static void churn_for_ever(__u32 seed)
{
	struct npu_client client;
	struct churner churner = { .client = &client, .seed = seed };

	if (npu_client_open(&client) || churner_init(&churner))
		_exit(1);
	npu_commands(&client)[0] = npu_nop(1);
	while (!churn_once(&churner))
		;
	_exit(2);
}

TEST_F_TIMEOUT(churn, processes_are_killed, NPU_PATIENCE_S)
{
	pid_t children[PROCESSES];
	int i, round, status;

	npu_commands(&self->client)[0] = npu_nop(1);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < PROCESSES; i++) {
			children[i] = fork();
			ASSERT_GE(children[i], 0);
			if (!children[i])
				churn_for_ever(10 * round + i);
		}
		/* As long as it takes for some jobs among theirs. */
		for (i = 0; i < 60; i++)
			ASSERT_EQ(0, npu_run_command(&self->client,
						     npu_nop(1)));
		for (i = 0; i < PROCESSES; i++) {
			ASSERT_EQ(0, kill(children[i], SIGKILL));
			ASSERT_EQ(children[i], waitpid(children[i], &status,
						       0));
			EXPECT_TRUE(WIFSIGNALED(status));
		}
	}
	EXPECT_EQ(0, npu_run_command(&self->client, npu_nop(1)));
}

TEST_HARNESS_MAIN
