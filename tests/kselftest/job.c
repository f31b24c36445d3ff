// SPDX-License-Identifier: MIT
/*
 * A client for the shell scripts beside it:
 *
 *   job N      run N jobs, one after the other
 *   job hang   submit a job that never ends, print "hangs", then wait for it and
 *              print how it ended; exit status 0 unless something went wrong
 */
#include "npu.h"

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

static int hang(struct npu_client *client)
{
	struct drm_tnpu_submit job = npu_job(client, 1);
	__u32 sync = npu_syncobj(client->fd);
	int ret;

	npu_commands(client)[0] = npu_never();
	ret = npu_submit_out(client, &job, sync, 0);
	if (ret) {
		fprintf(stderr, "job: submit: %s\n", strerror(-ret));
		return 1;
	}
	puts("hangs");
	fflush(stdout);
	ret = npu_outcome(client->fd, sync);
	printf("ended: %s\n", strerror(-ret));
	return 0;
}

int main(int argc, char **argv)
{
	struct npu_client client;
	int ret;

	if (argc != 2) {
		fprintf(stderr, "usage: job N | job hang\n");
		return 2;
	}
	ret = npu_client_open(&client);
	if (ret) {
		fprintf(stderr, "job: open: %s\n", strerror(-ret));
		return 1;
	}
	if (!strcmp(argv[1], "hang"))
		return hang(&client);
	return run_jobs(&client, strtol(argv[1], NULL, 10));
}
