// SPDX-License-Identifier: MIT
/*
 * A client for the shell scripts beside it:
 *
 *   job N      run N jobs, one after the other
 *   job hang   submit a job that never ends, print "hangs" when it runs, then wait
 *              for it and print how it ended; exit status 0 unless something went
 *              wrong
 *   job user   likewise a job of a user-mode queue, until QUEUE_STATE says an error;
 *              then ring its doorbell
 *   job across  likewise run a job of a user-mode queue, and after a line of input
 *              another one
 *   job bind   likewise a bind that waits for another driver's fence
 *   job wedge  likewise nothing, until a uevent says that a device is wedged
 *   job outlive  likewise as hang; then see that all that the process has of the
 *              device can still be used, and only the device not
 *   job blame  have a long job in each of three queues; print how each ended
 *   job old    see that what old firmware can't do is said to be so
 */
#include "gate.h"
#include "npu.h"
#include "userq.h"

#include <linux/netlink.h>
#include <sys/socket.h>

static int run_jobs(struct npu_client *client, long count)
{
	int ret = 0;
	__u8 i = 1;

	for (; count-- && !ret; i++) {
		ret = npu_run_command(client, npu_fill(0, 0, 64, i));
		if (!ret && npu_data(client)[63] != i)
			ret = -EILSEQ;
	}
	if (ret)
		fprintf(stderr, "job: %s\n", strerror(-ret));
	return ret ? 1 : 0;
}

/* Say that it hangs, then how it ended. */
static int tell(struct npu_client *client, __u32 sync)
{
	int ret;

	puts("hangs");
	fflush(stdout);
	ret = npu_outcome(client->fd, sync);
	printf("ended: %s\n", strerror(-ret));
	return 0;
}

/*
 * Have a job ready that leaves a mark, and then never ends. What it is found to be
 * by the driver depends on whether it has begun.
 */
static volatile __u8 *prepare_hang(struct npu_client *client)
{
	volatile __u8 *mark = npu_data(client);

	*mark = 0;
	npu_commands(client)[0] = npu_fill(0, 0, 1, 1);
	npu_commands(client)[1] = npu_never();
	return mark;
}

static int hang(struct npu_client *client)
{
	struct drm_tnpu_submit job = npu_job(client, 2);
	volatile __u8 *mark = prepare_hang(client);
	__u32 sync = npu_syncobj(client->fd);
	int ret;

	ret = npu_submit_out(client, &job, sync, 0);
	if (ret) {
		fprintf(stderr, "job: submit: %s\n", strerror(-ret));
		return 1;
	}
	/* Bad firmware may end it without. */
	while (!*mark && !npu_is_signalled(client->fd, sync))
		;
	return tell(client, sync);
}

static int hang_user(struct npu_client *client)
{
	struct npu_job job = npu_userq_job(1, 2);
	volatile __u8 *mark = prepare_hang(client);
	struct drm_tnpu_queue_state state;
	struct npu_userq userq;
	struct pollfd poller = { .events = POLLIN };
	int ret = npu_userq_open(&userq, client->fd);

	if (ret) {
		fprintf(stderr, "job: queue: %s\n", strerror(-ret));
		return 1;
	}
	npu_userq_submit(&userq, &job);
	while (!*mark)
		;
	puts("hangs");
	fflush(stdout);
	poller.fd = userq.event;
	poll(&poller, 1, NPU_PATIENCE_S * 1000);
	while (!(ret = npu_queue_state(client->fd, userq.number, &state)))
		;
	*userq.doorbell = 1;
	printf("ended: %s\n", strerror(-ret));
	return 0;
}

static int work_across(struct npu_client *client)
{
	struct npu_job job = npu_userq_job(1, 1);
	struct npu_userq userq;
	int ret = npu_userq_open(&userq, client->fd);

	npu_commands(client)[0] = npu_nop(1);
	if (!ret)
		ret = npu_userq_run(&userq, &job);
	if (ret) {
		fprintf(stderr, "job: queue: %s\n", strerror(-ret));
		return 1;
	}
	puts("hangs");
	fflush(stdout);
	getchar();
	ret = npu_userq_run(&userq, &job);
	printf("ended: %s\n", strerror(-ret));
	return 0;
}

static int hang_bind(struct npu_client *client)
{
	struct drm_tnpu_sync in = { .handle = npu_syncobj(client->fd) };
	struct drm_tnpu_sync out = { .handle = npu_syncobj(client->fd) };
	struct drm_tnpu_vm_bind bind = {
		.op = DRM_TNPU_VM_BIND_UNMAP,
		.flags = DRM_TNPU_VM_BIND_ASYNC,
		.addr = NPU_BASE,
		.size = NPU_BUFFER_SIZE,
		.in_syncs = (uintptr_t)&in,
		.out_syncs = (uintptr_t)&out,
		.in_sync_count = 1,
		.out_sync_count = 1,
	};
	struct gate gate;
	int ret;

	ret = gate_create_lasting(&gate);
	if (!ret)
		ret = gate_shut(&gate, client->fd, in.handle);
	if (!ret)
		ret = npu_ioctl(client->fd, DRM_IOCTL_TNPU_VM_BIND, &bind);
	if (ret) {
		fprintf(stderr, "job: bind: %s\n", strerror(-ret));
		return 1;
	}
	return tell(client, out.handle);
}

/* The value of WEDGED in a uevent of an accel device, or NULL. */
static const char *find_wedged(const char *event, size_t size)
{
	const char *wedged = NULL, *text, *end = event + size;
	bool is_accel = false;

	for (text = event; text < end; text += strlen(text) + 1) {
		if (!strcmp(text, "SUBSYSTEM=accel"))
			is_accel = true;
		if (!strncmp(text, "WEDGED=", 7))
			wedged = text + 7;
	}
	return is_accel ? wedged : NULL;
}

static int wait_wedged(struct npu_client *client)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);
	const char *how = NULL;
	char event[8192];
	ssize_t size;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror("job: uevents");
		return 1;
	}
	puts("hangs");
	fflush(stdout);
	while (!how) {
		size = recv(fd, event, sizeof(event) - 1, 0);
		if (size < 0)
			return 1;
		event[size] = '\0';
		how = find_wedged(event, size);
	}
	printf("ended: %s\n", how);
	return 0;
}

/* What a process may have of a device. */
struct things {
	__u32 handle;
	__u8 *fresh; /* never touched before */
	__u8 *shared; /* the dma-buf's mapping */
	int dma_buf;
	struct npu_userq userq;
};

static int collect_things(struct npu_client *client, struct things *things)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = npu_bo_create(client->fd, NPU_PAGE, &things->handle);

	prime.handle = things->handle;
	if (!ret)
		ret = npu_ioctl(client->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD,
				&prime);
	if (ret)
		return ret;
	things->dma_buf = prime.fd;
	things->fresh = npu_bo_mmap(client->fd, things->handle, NPU_PAGE);
	things->shared = mmap(NULL, NPU_PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED, prime.fd, 0);
	if (things->fresh == MAP_FAILED || things->shared == MAP_FAILED)
		return -ENOMEM;
	return npu_userq_open(&things->userq, client->fd);
}

/* The device is gone; nothing here may end in a signal. */
static const char *find_loss(struct npu_client *client, struct things *things)
{
	struct drm_tnpu_submit job = npu_job(client, 1);
	struct drm_tnpu_query_device info;
	__u32 handle;

	things->fresh[1] = 7;
	if (things->shared[1] != 7)
		return "the memory is not the dma-buf's";
	*npu_data(client) = 9;
	*things->userq.doorbell = 1;
	if (npu_query(client->fd, &info) != -ENODEV ||
	    npu_submit(client, &job) != -ENODEV ||
	    npu_bo_create(client->fd, NPU_PAGE, &handle) != -ENODEV ||
	    npu_queue_destroy(client->fd, client->queue) != -ENODEV)
		return "a call does not say that the device is gone";
	close(client->fd);
	close(things->dma_buf);
	things->shared[2] = 8;
	if (things->fresh[2] != 8 || *npu_data(client) != 9)
		return "the memory is gone with the file";
	return NULL;
}

static int outlive(struct npu_client *client)
{
	struct things things = { 0 };
	int ret = collect_things(client, &things);
	const char *loss;

	if (ret) {
		fprintf(stderr, "job: things: %s\n", strerror(-ret));
		return 1;
	}
	ret = hang(client);
	if (ret)
		return ret;
	loss = find_loss(client, &things);
	if (loss)
		fprintf(stderr, "job: %s\n", loss);
	return loss ? 1 : 0;
}

/* Firmware that does not execute them has time for all three. */
static int blame(struct npu_client *client)
{
	struct drm_tnpu_queue_state state;
	__u32 queues[3] = { client->queue }, syncs[3];
	struct drm_tnpu_submit job;
	int ret = 0;
	int i;

	for (i = 0; i < 1024; i++)
		npu_commands(client)[i] = npu_nop(1);
	for (i = 0; i < 3 && !ret; i++) {
		if (i)
			ret = npu_queue_create(client->fd, 0, &queues[i]);
		client->queue = queues[i];
		job = npu_job(client, 1024);
		syncs[i] = npu_syncobj(client->fd);
		if (!ret)
			ret = npu_submit_out(client, &job, syncs[i], 0);
	}
	for (i = 0; i < 3 && !ret; i++) {
		int end = npu_outcome(client->fd, syncs[i]);

		ret = npu_queue_state(client->fd, queues[i], &state);
		printf("%d: %s, reason %u\n", i, strerror(-end), state.reason);
	}
	if (ret)
		fprintf(stderr, "job: blame: %s\n", strerror(-ret));
	return ret ? 1 : 0;
}

/* A deadline, and cancelling one job. */
static int try_old(struct npu_client *client)
{
	struct drm_tnpu_queue_create create = { .deadline_ms = 1000 };
	struct drm_tnpu_queue_create user = {
		.flags = DRM_TNPU_QUEUE_USER,
		.entries = NPU_RING_ENTRIES,
		.ring = NPU_RING,
	};
	struct drm_tnpu_job_cancel cancel = { .queue = client->queue,
					      .job = 1 };
	int ret = npu_run_command(client, npu_nop(1));

	if (!ret && npu_ioctl(client->fd, DRM_IOCTL_TNPU_QUEUE_CREATE,
			      &create) != -EOPNOTSUPP)
		ret = -EILSEQ;
	if (!ret && npu_ioctl(client->fd, DRM_IOCTL_TNPU_QUEUE_CREATE,
			      &user) != -EOPNOTSUPP)
		ret = -EILSEQ;
	if (!ret && npu_ioctl(client->fd, DRM_IOCTL_TNPU_JOB_CANCEL,
			      &cancel) != -EOPNOTSUPP)
		ret = -EILSEQ;
	if (ret)
		fprintf(stderr, "job: old firmware: %s\n", strerror(-ret));
	return ret ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct npu_client client;
	int ret;

	if (argc != 2) {
		fprintf(stderr,
			"usage: job N|hang|user|across|bind|wedge|outlive|blame|old\n");
		return 2;
	}
	ret = npu_client_open(&client);
	if (ret) {
		fprintf(stderr, "job: open: %s\n", strerror(-ret));
		return 1;
	}
	if (!strcmp(argv[1], "hang"))
		return hang(&client);
	if (!strcmp(argv[1], "user"))
		return hang_user(&client);
	if (!strcmp(argv[1], "across"))
		return work_across(&client);
	if (!strcmp(argv[1], "bind"))
		return hang_bind(&client);
	if (!strcmp(argv[1], "wedge"))
		return wait_wedged(&client);
	if (!strcmp(argv[1], "outlive"))
		return outlive(&client);
	if (!strcmp(argv[1], "blame"))
		return blame(&client);
	if (!strcmp(argv[1], "old"))
		return try_old(&client);
	return run_jobs(&client, strtol(argv[1], NULL, 10));
}
