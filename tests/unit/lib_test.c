// SPDX-License-Identifier: MIT
/*
 * The library as its users see it: from a program file to a result, its
 * lifetimes, its threads and what it says when something is wrong. On the
 * simulator, or on the backend that the command line names.
 */
#include "tnp_image.h"

#include <npu/job.h>

#include <tinynpu.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *backend = "sim";

static struct tinynpu_program *make_program(struct tnp_image *image)
{
	struct tinynpu_program *program = NULL;
	struct tinynpu_error error = { "" };
	size_t size;
	uint8_t *file = tnp_image_build(image, 1, &size);

	if (tinynpu_program_read(file, size, "test.tnp", &program, &error))
		fail_msg("%s", error.text);
	free(file);
	return program;
}

static struct tinynpu_program *copy_program(void)
{
	struct tnp_image image;

	tnp_image_init(&image);
	return make_program(&image);
}

static struct tinynpu_session *make_session(struct tinynpu_device *device,
					    struct tinynpu_program *program)
{
	struct tinynpu_session *session = NULL;
	struct tinynpu_error error = { "" };

	if (tinynpu_session_create(device, program, &session, &error))
		fail_msg("%s", error.text);
	return session;
}

/* A session of @image's program, which is its only holder. */
static struct tinynpu_session *session_of(struct tinynpu_device *device,
					  struct tnp_image *image)
{
	struct tinynpu_program *program = make_program(image);
	struct tinynpu_session *session = make_session(device, program);

	tinynpu_program_close(program);
	return session;
}

static void fill(uint8_t *bytes, unsigned int seed)
{
	int i;

	for (i = 0; i < TNP_TENSOR_BYTES; i++)
		bytes[i] = seed + 13 * i;
}

static int open_device(void **state)
{
	return tinynpu_device_open(backend, NULL, (void *)state, NULL);
}

static int close_device(void **state)
{
	tinynpu_device_close(*state);
	return 0;
}

/* --- Running --------------------------------------------------------------- */

static void test_a_program_runs(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *session = make_session(*state, program);
	uint8_t *input = tinynpu_session_tensor(session, 0);
	uint8_t *output = tinynpu_session_tensor(session, 1);
	struct tinynpu_stats stats;

	assert_null(tinynpu_session_tensor(session, 2));
	fill(input, 1);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	assert_memory_equal(input, output, TNP_TENSOR_BYTES);
	tinynpu_session_stats(session, &stats, sizeof(stats));
	assert_int_equal(stats.jobs, 1);
	assert_int_equal(stats.commands, 2);
	assert_int_equal(stats.sram_written, TNP_TENSOR_BYTES);
	assert_int_equal(stats.mem_written, TNP_TENSOR_BYTES);
	assert_true(stats.cycles > 0);
	assert_true(stats.energy_fj > 0);
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
}

static void test_runs_repeat_to_the_cycle(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *session = make_session(*state, program);
	struct tinynpu_stats first, again;

	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	tinynpu_session_stats(session, &first, sizeof(first));
	fill(tinynpu_session_tensor(session, 0), 5);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	tinynpu_session_stats(session, &again, sizeof(again));
	assert_int_equal(first.cycles, again.cycles);
	assert_int_equal(first.energy_fj, again.energy_fj);
	assert_int_equal(again.jobs, 2);
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
}

static void test_submit_and_wait(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *session = make_session(*state, program);
	struct pollfd poller = { .events = POLLIN };
	int i;

	assert_int_equal(tinynpu_session_wait(session, 0, NULL), -EINVAL);
	poller.fd = tinynpu_session_fd(session);
	assert_true(poller.fd >= 0);
	for (i = 0; i < 5; i++) {
		fill(tinynpu_session_tensor(session, 0), i);
		assert_int_equal(tinynpu_session_submit(session, NULL), 0);
		assert_int_equal(tinynpu_session_submit(session, NULL), -EBUSY);
		assert_int_equal(poll(&poller, 1, -1), 1);
		assert_int_equal(tinynpu_session_wait(session, 0, NULL), 0);
		assert_int_equal(poll(&poller, 1, 0), 0);
		assert_memory_equal(tinynpu_session_tensor(session, 0),
				    tinynpu_session_tensor(session, 1),
				    TNP_TENSOR_BYTES);
	}
	assert_int_equal(tinynpu_session_wait(session, -1, NULL), -EINVAL);
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
}

static void test_a_session_keeps_what_it_needs(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_device *device;
	struct tinynpu_session *session;

	assert_int_equal(tinynpu_device_open(backend, "", &device, NULL), 0);
	session = make_session(device, program);
	tinynpu_device_close(device);
	tinynpu_program_close(program);
	fill(tinynpu_session_tensor(session, 0), 8);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	assert_memory_equal(tinynpu_session_tensor(session, 0),
			    tinynpu_session_tensor(session, 1),
			    TNP_TENSOR_BYTES);
	tinynpu_session_destroy(session);
}

static void test_null_may_be_given_back(void **state)
{
	tinynpu_device_close(NULL);
	tinynpu_program_close(NULL);
	tinynpu_session_destroy(NULL);
}

/* --- What goes wrong ------------------------------------------------------- */

static void test_a_faulting_program_hurts_only_itself(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *good = make_session(*state, program), *bad;
	struct tinynpu_error error;
	struct tinynpu_fault fault;
	struct tnp_image image;

	tnp_image_init(&image);
	tnp_commands(&image)[1].copy.dst = 1;
	bad = session_of(*state, &image);
	assert_int_equal(tinynpu_session_run(bad, &error), -EFAULT);
	assert_non_null(strstr(error.text, "command 1 (DMA) of op 0 COPY"));
	tinynpu_session_fault(bad, &fault, sizeof(fault));
	assert_int_equal(fault.code, NPU_FAULT_REGION);
	assert_int_equal(fault.command, 1);
	assert_string_equal(fault.name, "beyond its region");
	assert_int_equal(tinynpu_session_run(bad, &error), -ECANCELED);
	assert_non_null(strstr(error.text, "earlier job"));
	assert_int_equal(tinynpu_session_run(good, NULL), 0);
	tinynpu_session_fault(good, &fault, sizeof(fault));
	assert_int_equal(fault.code, 0);
	tinynpu_session_destroy(bad);
	tinynpu_session_destroy(good);
	tinynpu_program_close(program);
}

static void test_inputs_and_constants_are_not_written(void **state)
{
	static const int regions[] = { NPU_REGION_CONSTANTS,
				       NPU_REGION_TENSORS };
	int i;

	for (i = 0; i < 2; i++) {
		struct tinynpu_session *session;
		struct tinynpu_fault fault;
		struct tnp_image image;

		tnp_image_init(&image);
		tnp_commands(&image)[1].copy.dst_region = regions[i];
		tnp_commands(&image)[1].copy.run = 8;
		session = session_of(*state, &image);
		assert_int_equal(tinynpu_session_run(session, NULL), -EFAULT);
		tinynpu_session_fault(session, &fault, sizeof(fault));
		assert_string_equal(fault.name, "page not writable");
		tinynpu_session_destroy(session);
	}
}

static void test_a_program_that_hangs_is_ended(void **state)
{
	struct tinynpu_session *session;
	struct tinynpu_error error;
	struct tnp_image image;

	tnp_image_init(&image);
	tnp_commands(&image)[0].hdr.flags = NPU_CMD_WAIT(NPU_UNIT_VEC);
	tnp_commands(&image)[0].hdr.wait[NPU_UNIT_VEC] = 1;
	session = session_of(*state, &image);
	assert_int_equal(tinynpu_session_run(session, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "progress"));
	tinynpu_session_destroy(session);
}

static void test_too_little_sram_is_said_at_once(void **state)
{
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_error error;
	struct tnp_image image;

	tnp_image_init(&image);
	tnp_info(&image)->sram_size = 256 * 1024 + 1;
	program = make_program(&image);
	assert_int_equal(tinynpu_session_create(*state, program, &session,
						&error), -ENOSPC);
	assert_non_null(strstr(error.text, "262145 bytes of SRAM"));
	assert_non_null(strstr(error.text, " has 262144"));
	tinynpu_program_close(program);
}

static void test_a_missing_device_is_said(void **state)
{
	struct tinynpu_device *device;
	struct tinynpu_error error;

	assert_int_equal(tinynpu_device_open("fpga", NULL, &device, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "fpga"));
	assert_int_equal(tinynpu_device_open("drm", "device=255", &device,
					     &error), -ENOENT);
	assert_non_null(strstr(error.text, "/dev/accel/accel255"));
	assert_int_equal(tinynpu_device_open("drm", "cores=1", &device,
					     &error), -EINVAL);
	assert_non_null(strstr(error.text, "cores=1"));
}

/* --- Threads --------------------------------------------------------------- */

struct worker {
	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_session *shared;
	unsigned int seed;
	const char *complaint;
};

static void *run_many_times(void *opaque)
{
	struct worker *worker = opaque;
	struct tinynpu_session *session;
	unsigned int i;

	if (tinynpu_session_create(worker->device, worker->program, &session,
				   NULL)) {
		worker->complaint = "no session";
		return NULL;
	}
	for (i = 0; i < 100 && !worker->complaint; i++) {
		fill(tinynpu_session_tensor(session, 0), worker->seed + i);
		if (tinynpu_session_run(session, NULL) ||
		    tinynpu_session_run(worker->shared, NULL))
			worker->complaint = "a job failed";
		else if (memcmp(tinynpu_session_tensor(session, 0),
				tinynpu_session_tensor(session, 1),
				TNP_TENSOR_BYTES))
			worker->complaint = "bytes differ";
	}
	tinynpu_session_destroy(session);
	return NULL;
}

static void test_threads_share_a_device_and_a_session(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *shared = make_session(*state, program);
	struct worker workers[4] = { 0 };
	struct tinynpu_stats stats;
	pthread_t threads[4];
	int i;

	for (i = 0; i < 4; i++) {
		workers[i] = (struct worker){ *state, program, shared, 31 * i,
					      NULL };
		assert_int_equal(pthread_create(&threads[i], NULL,
						run_many_times, &workers[i]),
				 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		if (workers[i].complaint)
			fail_msg("%s", workers[i].complaint);
	}
	tinynpu_session_stats(shared, &stats, sizeof(stats));
	assert_int_equal(stats.jobs, 400);
	tinynpu_session_destroy(shared);
	tinynpu_program_close(program);
}

#define DEVICE_TEST(f) cmocka_unit_test_setup_teardown(f, open_device, close_device)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(test_a_program_runs),
		DEVICE_TEST(test_runs_repeat_to_the_cycle),
		DEVICE_TEST(test_submit_and_wait),
		cmocka_unit_test(test_a_session_keeps_what_it_needs),
		cmocka_unit_test(test_null_may_be_given_back),
		DEVICE_TEST(test_a_faulting_program_hurts_only_itself),
		DEVICE_TEST(test_inputs_and_constants_are_not_written),
		DEVICE_TEST(test_a_program_that_hangs_is_ended),
		DEVICE_TEST(test_too_little_sram_is_said_at_once),
		cmocka_unit_test(test_a_missing_device_is_said),
		DEVICE_TEST(test_threads_share_a_device_and_a_session),
	};

	if (argc > 1)
		backend = argv[1];
	return cmocka_run_group_tests_name("lib", tests, NULL, NULL);
}
