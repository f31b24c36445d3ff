// SPDX-License-Identifier: MIT
/*
 * Everything at once, at random but repeatable: address spaces, binds that wait for
 * jobs, jobs that wait for binds, cancellations, destruction, by threads of one
 * file and by processes that are killed. Calls may fail as documented; in the end
 * the device works.
 */
#include "npu.h"

#include "kselftest_harness.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define ADDR 0x40000000ull
#define PAGES 1024 /* of the buffer: two large leaves */
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

/**
 * struct churner - one who does random things
 * @client: with the file's buffer at NPU_BASE in address space 0
 * @handle: of a buffer of PAGES
 * @vm: where it binds; 0 or one of its own
 * @queue: for its jobs, in address space 0
 * @sync: timeline of what it has submitted
 * @point: last one on it
 * @seed: of the next random number
 * @error: of a call that must not fail so
 */
struct churner {
	struct npu_client *client;
	__u32 handle;
	__u32 vm;
	__u32 queue;
	__u32 sync;
	__u64 point;
	__u32 seed;
	int error;
};

static __u32 roll(struct churner *churner, __u32 sides)
{
	churner->seed = churner->seed * 1664525u + 1013904223u;
	return (churner->seed >> 8) % sides;
}

/* Chains a call to the last one, half of the time. */
static void chain(struct churner *churner, struct drm_tnpu_sync *in,
		  __u32 *in_count, struct drm_tnpu_sync *out)
{
	*in = (struct drm_tnpu_sync){ .handle = churner->sync,
				      .point = churner->point };
	*in_count = churner->point && roll(churner, 2);
	*out = (struct drm_tnpu_sync){ .handle = churner->sync,
				       .point = churner->point + 1 };
}

static int do_bind(struct churner *churner)
{
	struct drm_tnpu_sync in, out;
	__u32 first = roll(churner, PAGES), count = roll(churner, PAGES) + 1;
	struct drm_tnpu_vm_bind bind = {
		.op = roll(churner, 3) ? DRM_TNPU_VM_BIND_MAP :
					 DRM_TNPU_VM_BIND_UNMAP,
		.flags = DRM_TNPU_VM_BIND_ASYNC,
		.vm = churner->vm,
		.addr = ADDR + first * NPU_PAGE,
		.in_syncs = (uintptr_t)&in,
		.out_syncs = (uintptr_t)&out,
		.out_sync_count = 1,
	};
	int ret;

	if (count > PAGES - first)
		count = PAGES - first;
	bind.size = count * NPU_PAGE;
	if (bind.op == DRM_TNPU_VM_BIND_MAP) {
		bind.handle = churner->handle;
		/* Congruent, so that leaves may be large, or not at all. */
		bind.bo_offset = roll(churner, 2) ? first * NPU_PAGE : 0;
	}
	chain(churner, &in, &bind.in_sync_count, &out);
	ret = npu_ioctl(churner->client->fd, DRM_IOCTL_TNPU_VM_BIND, &bind);
	churner->point += !ret;
	return ret;
}

static int do_submit(struct churner *churner)
{
	struct drm_tnpu_submit job = npu_job(churner->client, 1);
	struct drm_tnpu_sync in, out;
	int ret;

	job.queue = churner->queue;
	job.result = 0;
	job.in_syncs = (uintptr_t)&in;
	job.out_syncs = (uintptr_t)&out;
	job.out_sync_count = 1;
	chain(churner, &in, &job.in_sync_count, &out);
	ret = npu_submit(churner->client, &job);
	churner->point += !ret;
	return ret;
}

static int do_cancel(struct churner *churner)
{
	struct drm_tnpu_job_cancel cancel = { .queue = churner->queue };
	struct drm_tnpu_queue_state state;
	int ret;

	ret = npu_queue_state(churner->client->fd, churner->queue, &state);
	if (ret || !state.submitted)
		return ret;
	cancel.job = state.submitted - roll(churner, 4) % state.submitted;
	ret = npu_ioctl(churner->client->fd, DRM_IOCTL_TNPU_JOB_CANCEL,
			&cancel);
	return ret == -EALREADY ? 0 : ret;
}

static int do_new_queue(struct churner *churner)
{
	int ret = npu_queue_destroy(churner->client->fd, churner->queue);

	return ret ? ret : npu_queue_create(churner->client->fd, 0,
					    &churner->queue);
}

static int do_new_vm(struct churner *churner)
{
	int ret;

	if (!churner->vm)
		return 0;
	ret = npu_vm_destroy(churner->client->fd, churner->vm);
	return ret ? ret : npu_vm_create(churner->client->fd, &churner->vm);
}

static int do_wait(struct churner *churner)
{
	return churner->point ? npu_wait(churner->client->fd, churner->sync,
					 churner->point) : 0;
}

static int churn_once(struct churner *churner)
{
	__u32 what = roll(churner, 100);

	if (what < 45)
		return do_bind(churner);
	if (what < 80)
		return do_submit(churner);
	if (what < 90)
		return do_cancel(churner);
	if (what < 93)
		return do_new_queue(churner);
	if (what < 96)
		return do_new_vm(churner);
	return do_wait(churner);
}

static int churner_init(struct churner *churner)
{
	int fd = churner->client->fd;
	int ret;

	ret = npu_bo_create(fd, PAGES * NPU_PAGE, &churner->handle);
	if (!ret)
		ret = npu_queue_create(fd, 0, &churner->queue);
	if (!ret && churner->seed % 2)
		ret = npu_vm_create(fd, &churner->vm);
	churner->sync = npu_syncobj(fd);
	return ret ? ret : churner->sync ? 0 : -ENOMEM;
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
