// SPDX-License-Identifier: MIT
/*
 * The library as its users see it: from a program file to a result, its
 * lifetimes, its threads and what it says when something is wrong. On the
 * simulator, or on the backend that the command line names.
 */
#include "session.h"
#include "tnp_image.h"

#include <npu/job.h>

#include <tinynpu.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
	struct tinynpu_device_info info;
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
	tinynpu_device_info(*state, &info, sizeof(info));
	assert_int_equal(stats.latency_ns,
			 stats.cycles * 1000000 / info.clock_khz);
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

/* --- Memory of others ---------------------------------------------------------- */

#define PAGE 4096

static uint8_t *pages(int protection)
{
	uint8_t *map = mmap(NULL, PAGE, protection,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(map != MAP_FAILED);
	return map;
}

static void test_tensors_lie_in_the_users_memory(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *session = make_session(*state, program);
	uint8_t *in = pages(PROT_READ | PROT_WRITE);
	uint8_t *out = pages(PROT_READ | PROT_WRITE);
	int i;

	for (i = 0; i < 4; i++) {
		fill(in, i);
		/* Inputs need not be writable. */
		assert_int_equal(mprotect(in, PAGE, PROT_READ), 0);
		assert_int_equal(tinynpu_session_use_memory(session, 0, in,
							    PAGE, NULL), 0);
		assert_int_equal(tinynpu_session_use_memory(session, 1, out,
							    PAGE, NULL), 0);
		assert_ptr_equal(tinynpu_session_tensor(session, 0), in);
		assert_ptr_equal(tinynpu_session_tensor(session, 1), out);
		memset(out, 0xee, PAGE);
		assert_int_equal(tinynpu_session_run(session, NULL), 0);
		assert_memory_equal(in, out, TNP_TENSOR_BYTES);
		assert_int_equal(out[TNP_TENSOR_BYTES], 0xee);
		assert_int_equal(mprotect(in, PAGE, PROT_READ | PROT_WRITE), 0);
	}
	tinynpu_session_destroy(session);
	fill(out, 9);
	munmap(in, PAGE);
	munmap(out, PAGE);
	tinynpu_program_close(program);
}

static void test_unfit_memory_is_refused(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *session = make_session(*state, program);
	uint8_t *own = tinynpu_session_tensor(session, 0);
	uint8_t *page = pages(PROT_READ | PROT_WRITE);

	assert_int_equal(tinynpu_session_use_memory(session, 0, NULL, PAGE,
						    NULL), -EINVAL);
	assert_int_equal(tinynpu_session_use_memory(session, 0, page + 64, PAGE,
						    NULL), -EINVAL);
	assert_int_equal(tinynpu_session_use_memory(session, 0, page, PAGE - 1,
						    NULL), -EINVAL);
	assert_int_equal(tinynpu_session_use_memory(session, 0, page, 0,
						    NULL), -EINVAL);
	assert_int_equal(tinynpu_session_use_memory(session, 2, page, PAGE,
						    NULL), -ENOENT);
	assert_int_equal(tinynpu_session_use_fd(session, 0, -1, 0, NULL),
			 -EBADF);
	assert_int_equal(tinynpu_session_export(session, 2, NULL), -ENOENT);
	assert_int_equal(tinynpu_session_submit(session, NULL), 0);
	assert_int_equal(tinynpu_session_use_memory(session, 0, page, PAGE,
						    NULL), -EBUSY);
	assert_int_equal(tinynpu_session_wait(session, -1, NULL), 0);
	assert_ptr_equal(tinynpu_session_tensor(session, 0), own);
	fill(own, 3);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	assert_memory_equal(own, tinynpu_session_tensor(session, 1),
			    TNP_TENSOR_BYTES);
	tinynpu_session_destroy(session);
	munmap(page, PAGE);
	tinynpu_program_close(program);
}

static void count_commands(void *opaque, const struct tinynpu_trace *trace)
{
	uint64_t *count = opaque;

	if (trace->kind == TINYNPU_TRACE_COMMAND)
		(*count)++;
}

/* Of a machine in the process, that is. */
static void test_traces_are_the_simulators(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *session = make_session(*state, program);
	struct tinynpu_stats stats;
	uint64_t count = 0;
	int err;

	err = tinynpu_device_trace(*state, count_commands, &count, NULL);
	assert_int_equal(err, strcmp(backend, "sim") ? -EOPNOTSUPP : 0);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	tinynpu_session_stats(session, &stats, sizeof(stats));
	assert_int_equal(count, err ? 0 : stats.commands);
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
}

/* What one session puts out is what another takes in, without a copy. */
static void test_a_dma_buf_joins_two_sessions(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *first = make_session(*state, program);
	struct tinynpu_session *second = make_session(*state, program);
	uint8_t *input = tinynpu_session_tensor(first, 0);
	int fd, i;

	fd = tinynpu_session_export(first, 1, NULL);
	if (fd == -EOPNOTSUPP && !strcmp(backend, "sim")) {
		/* Any memory that can be mapped does there. */
		fd = memfd_create("tensor", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fd, PAGE), 0);
		assert_int_equal(tinynpu_session_use_fd(first, 1, fd, 0, NULL),
				 0);
	}
	assert_true(fd >= 0);
	assert_int_equal(tinynpu_session_use_fd(second, 0, fd, 64, NULL),
			 -EINVAL);
	assert_int_equal(tinynpu_session_use_fd(second, 0, fd, PAGE, NULL),
			 -EINVAL);
	for (i = 0; i < 20; i++) /* again and again, as frames come */
		assert_int_equal(tinynpu_session_use_fd(second, 0, fd, 0, NULL),
				 0);
	close(fd);
	for (i = 0; i < 3; i++) {
		fill(input, i);
		assert_int_equal(tinynpu_session_run(first, NULL), 0);
		assert_int_equal(tinynpu_session_run(second, NULL), 0);
		assert_memory_equal(input, tinynpu_session_tensor(second, 1),
				    TNP_TENSOR_BYTES);
	}
	tinynpu_session_destroy(first);
	assert_int_equal(tinynpu_session_run(second, NULL), 0);
	assert_memory_equal(tinynpu_session_tensor(second, 0),
			    tinynpu_session_tensor(second, 1),
			    TNP_TENSOR_BYTES);
	tinynpu_session_destroy(second);
	tinynpu_program_close(program);
}

/* --- Variables -------------------------------------------------------------- */

/* Runs with an input made of @seed; the output is then what? */
static void run_delay(struct tinynpu_session *session, unsigned int seed,
		      const uint8_t *expected)
{
	fill(tinynpu_session_tensor(session, 0), seed);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	assert_memory_equal(tinynpu_session_tensor(session, 1), expected,
			    TNP_TENSOR_BYTES);
}

static void test_variables_are_kept_on_request(void **state)
{
	uint8_t begin[TNP_TENSOR_BYTES], before[TNP_TENSOR_BYTES];
	struct tinynpu_session *session;
	struct tnp_image image;

	for (int i = 0; i < TNP_TENSOR_BYTES; i++)
		begin[i] = i + 1;
	tnp_image_init(&image);
	tnp_image_add_variables(&image);
	session = session_of(*state, &image);
	run_delay(session, 1, begin);
	run_delay(session, 2, begin);
	tinynpu_session_keep_state(session, 1);
	fill(before, 2);
	run_delay(session, 3, before);
	fill(before, 3);
	run_delay(session, 4, before);
	assert_int_equal(tinynpu_session_reset_state(session, NULL), 0);
	run_delay(session, 5, begin);
	fill(before, 5);
	run_delay(session, 6, before);
	assert_int_equal(tinynpu_session_submit(session, NULL), 0);
	assert_int_equal(tinynpu_session_reset_state(session, NULL), -EBUSY);
	assert_int_equal(tinynpu_session_wait(session, -1, NULL), 0);
	tinynpu_session_keep_state(session, 0);
	run_delay(session, 7, begin);
	tinynpu_session_destroy(session);
}

static void test_sessions_have_variables_of_their_own(void **state)
{
	uint8_t before[TNP_TENSOR_BYTES];
	struct tinynpu_session *session[2];
	struct tinynpu_program_info info;
	struct tinynpu_program *program;
	struct tnp_image image;

	tnp_image_init(&image);
	tnp_image_add_variables(&image);
	program = make_program(&image);
	tinynpu_program_info(program, &info, sizeof(info));
	assert_int_equal(info.variables_size, TNP_TENSOR_BYTES);
	for (int i = 0; i < 2; i++) {
		session[i] = make_session(*state, program);
		tinynpu_session_keep_state(session[i], 1);
		fill(tinynpu_session_tensor(session[i], 0), i);
		assert_int_equal(tinynpu_session_run(session[i], NULL), 0);
	}
	for (int i = 0; i < 2; i++) {
		fill(before, i);
		run_delay(session[i], 9, before);
		tinynpu_session_destroy(session[i]);
	}
	tinynpu_program_close(program);
}

/* --- Segments -------------------------------------------------------------- */

/* What the program with operators on the CPU makes of the input: |-x|. */
static void assert_absolute(struct tinynpu_session *session)
{
	const int8_t *in = tinynpu_session_tensor(session, 0);
	const int8_t *out = tinynpu_session_tensor(session, 1);

	for (int i = 0; i < TNP_TENSOR_BYTES; i++)
		assert_int_equal(out[i], (int8_t)abs(in[i]));
}

static void init_cpu_image(struct tnp_image *image)
{
	tnp_image_init(image);
	tnp_image_add_cpu(image);
}

/* Only operators on the CPU: the second reads what the first wrote. */
static void leave_out_commands(struct tnp_image *image)
{
	tnp_segments(image)[0].count = 2;
	image->sections[TNP_SEGMENTS].size = sizeof(*tnp_segments(image));
	image->sections[TNP_COMMANDS].size = 0;
	image->sections[TNP_LINES].size = 0;
	tnp_cpu_words(image)[6] = 1;
}

/* Operators on the CPU between two jobs of one command each. */
static void split_job(struct tnp_image *image)
{
	static const struct npu_program_segment segments[] = {
		{ .unit = NPU_SEGMENT_JOB, .count = 1 },
		{ .unit = NPU_SEGMENT_CPU, .count = 2 },
		{ .unit = NPU_SEGMENT_JOB, .first = 1, .count = 1 },
	};

	memcpy(tnp_segments(image), segments, sizeof(segments));
}

static void test_segments_run_in_order(void **state)
{
	struct tinynpu_program_info info;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_stats stats;
	struct tnp_image image;

	for (int has_commands = 0; has_commands < 2; has_commands++) {
		init_cpu_image(&image);
		if (!has_commands)
			leave_out_commands(&image);
		program = make_program(&image);
		tinynpu_program_info(program, &info, sizeof(info));
		assert_int_equal(info.segments, has_commands ? 3 : 1);
		assert_int_equal(info.cpu_ops, 2);
		session = make_session(*state, program);
		for (int i = 0; i < 3; i++) {
			fill(tinynpu_session_tensor(session, 0), i);
			assert_int_equal(tinynpu_session_run(session, NULL), 0);
			assert_absolute(session);
		}
		tinynpu_session_stats(session, &stats, sizeof(stats));
		assert_int_equal(stats.jobs, 3);
		assert_int_equal(stats.commands, has_commands ? 2 : 0);
		tinynpu_session_destroy(session);
		tinynpu_program_close(program);
	}
}

/* Operators on the CPU look where the tensor lies, too. */
static void test_segments_use_the_users_memory(void **state)
{
	uint8_t *in = pages(PROT_READ | PROT_WRITE);
	uint8_t *out = pages(PROT_READ | PROT_WRITE);
	struct tinynpu_session *session;
	struct tnp_image image;

	init_cpu_image(&image);
	session = session_of(*state, &image);
	assert_int_equal(tinynpu_session_use_memory(session, 0, in, PAGE,
						    NULL), 0);
	assert_int_equal(tinynpu_session_use_memory(session, 1, out, PAGE,
						    NULL), 0);
	fill(in, 6);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	assert_absolute(session);
	assert_ptr_equal(tinynpu_session_tensor(session, 1), out);
	tinynpu_session_destroy(session);
	munmap(in, PAGE);
	munmap(out, PAGE);
}

static void test_segments_run_while_others_wait(void **state)
{
	struct tinynpu_session *session;
	struct tnp_image image;
	struct pollfd poller = { .events = POLLIN };
	int err;

	for (int has_commands = 0; has_commands < 2; has_commands++) {
		init_cpu_image(&image);
		if (!has_commands)
			leave_out_commands(&image);
		session = session_of(*state, &image);
		poller.fd = tinynpu_session_fd(session);
		assert_true(poller.fd >= 0);
		assert_int_equal(tinynpu_session_fd(session), poller.fd);
		for (int i = 0; i < 3; i++) {
			fill(tinynpu_session_tensor(session, 0), i);
			assert_int_equal(tinynpu_session_submit(session, NULL),
					 0);
			do {
				assert_int_equal(poll(&poller, 1, -1), 1);
				err = tinynpu_session_wait(session, 0, NULL);
			} while (err == -EAGAIN);
			assert_int_equal(err, 0);
			assert_int_equal(poll(&poller, 1, 0), 0);
			assert_absolute(session);
		}
		tinynpu_session_destroy(session);
	}
}

static void test_statistics_and_faults_are_of_all_segments(void **state)
{
	struct tinynpu_session *session;
	struct tinynpu_stats whole, split;
	struct tinynpu_fault fault;
	struct tnp_image image;

	init_cpu_image(&image);
	session = session_of(*state, &image);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	tinynpu_session_stats(session, &whole, sizeof(whole));
	tinynpu_session_destroy(session);
	split_job(&image);
	session = session_of(*state, &image);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	tinynpu_session_stats(session, &split, sizeof(split));
	assert_int_equal(split.commands, whole.commands);
	assert_int_equal(split.mem_written, whole.mem_written);
	assert_true(split.cycles >= whole.cycles);
	tinynpu_session_destroy(session);
	tnp_commands(&image)[1].copy.dst = 1000;
	session = session_of(*state, &image);
	assert_int_equal(tinynpu_session_run(session, NULL), -EFAULT);
	tinynpu_session_fault(session, &fault, sizeof(fault));
	assert_int_equal(fault.command, 1);
	tinynpu_session_destroy(session);
}

static void test_an_index_out_of_range_ends_the_run(void **state)
{
	/* output[i] = scratch[index], whose bytes are the input's negatives */
	static const npu_le32 words[] = { 3, 2, 1, 0, 0 };
	struct tinynpu_session *session;
	struct tinynpu_error error;
	struct tnp_image image;
	int8_t *input;

	init_cpu_image(&image);
	tnp_cpu_ops(&image)[1].kind = NPU_CPU_GATHER;
	tnp_cpu_ops(&image)[1].inputs = 2;
	tnp_cpu_ops(&image)[1].attrs = 2;
	memcpy(tnp_cpu_words(&image) + 5, words, sizeof(words));
	for (int i = 0; i < 4; i++) {
		tnp_cpu_tensors(&image)[i].quants = 0;
		tnp_cpu_tensors(&image)[i].rank = 1;
		tnp_cpu_tensors(&image)[i].shape[0] = 4;
	}
	tnp_cpu_tensors(&image)[1].dtype = NPU_DTYPE_INT32;
	tnp_cpu_tensors(&image)[3].region = NPU_REGION_TENSORS + 1;
	tnp_cpu_ops(&image)[0].kind = NPU_CPU_CAST;
	tnp_cpu_ops(&image)[0].attrs = 0;
	session = session_of(*state, &image);
	input = tinynpu_session_tensor(session, 0);
	memcpy(input, "\0\1\2\3", 4);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	input[2] = 4;
	assert_int_equal(tinynpu_session_run(session, &error), -EFAULT);
	assert_string_equal(error.text,
			    "op 0 COPY 'output': an index out of range");
	assert_int_equal(tinynpu_session_run(session, &error), -ECANCELED);
	tinynpu_session_destroy(session);
}

/* Sections of the CPU with changes: what is accepted runs, or says why not. */
static void test_damaged_segments_do_no_harm(void **state)
{
	unsigned int seed = 1, runs = 0;

	for (int round = 0; round < 3000; round++) {
		struct tinynpu_program *program;
		struct tinynpu_session *session;
		struct tnp_image image;
		uint8_t *file;
		size_t size;

		init_cpu_image(&image);
		for (int i = 0; i <= round % 3; i++) {
			int section = TNP_SEGMENTS + rand_r(&seed) % 4;
			uint32_t *word = (uint32_t *)image.sections[section].data;

			word += rand_r(&seed) %
				(image.sections[section].size / 4);
			*word = rand_r(&seed) % 4 ? rand_r(&seed) % 13 :
						    rand_r(&seed);
		}
		file = tnp_image_build(&image, 1, &size);
		if (!tinynpu_program_read(file, size, "x", &program, NULL)) {
			session = make_session(*state, program);
			tinynpu_session_run(session, NULL);
			tinynpu_session_destroy(session);
			tinynpu_program_close(program);
			runs++;
		}
		free(file);
	}
	assert_true(runs > 100);
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

/* Its first command waits for one that never comes. */
static void hang(struct tnp_image *image)
{
	tnp_image_init(image);
	tnp_commands(image)[0].hdr.flags = NPU_CMD_WAIT(NPU_UNIT_VEC);
	tnp_commands(image)[0].hdr.wait[NPU_UNIT_VEC] = 1;
}

static void test_a_program_that_hangs_is_ended(void **state)
{
	struct tinynpu_session *session;
	struct tinynpu_error error;
	struct tnp_image image;

	hang(&image);
	session = session_of(*state, &image);
	assert_int_equal(tinynpu_session_run(session, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "progress"));
	tinynpu_session_destroy(session);
}

static int cancel_hang(struct tinynpu_session *session)
{
	assert_int_equal(tinynpu_session_submit(session, NULL), 0);
	assert_int_equal(tinynpu_session_cancel(session, NULL), 0);
	return tinynpu_session_wait(session, -1, NULL);
}

/* In the simulator the watchdog may be faster: its time is not ours. */
static void test_a_run_is_cancelled_and_the_session_goes_on(void **state)
{
	struct tinynpu_session *session;
	struct tnp_image image;
	int i, err, cancelled = 0;

	for (i = 0; i < 20; i++) {
		hang(&image);
		session = session_of(*state, &image);
		do {
			err = cancel_hang(session);
			cancelled += err == -ECANCELED;
		} while (err == -ECANCELED && ++i < 20);
		assert_true(err == -ECANCELED || err == -ETIMEDOUT);
		tinynpu_session_destroy(session);
	}
	assert_true(cancelled > 0);
}

/* A request that is late ends the next run, which it has not marked as its own. */
static int cancel_hang_late(struct tinynpu_session *session)
{
	assert_int_equal(tinynpu_session_submit(session, NULL), 0);
	assert_int_equal(session->device->backend->cancel(session->context, NULL), 0);
	return tinynpu_session_wait(session, -1, NULL);
}

static void test_a_late_request_fails_no_session(void **state)
{
	struct tinynpu_session *session;
	struct tnp_image image;
	int i, err, cancelled = 0;

	for (i = 0; i < 20 && cancelled < 3; i++) {
		hang(&image);
		session = session_of(*state, &image);
		err = cancel_hang_late(session);
		assert_true(err == -ECANCELED || err == -ETIMEDOUT);
		if (err == -ECANCELED) {
			cancelled++;
			assert_int_equal(tinynpu_session_submit(session, NULL), 0);
			assert_int_equal(tinynpu_session_cancel(session, NULL), 0);
		}
		tinynpu_session_destroy(session);
	}
	assert_int_equal(cancelled, 3);
}

static void *cancel_many_times(void *session)
{
	int i;

	for (i = 0; i < 1000; i++)
		assert_int_equal(tinynpu_session_cancel(session, NULL), 0);
	return NULL;
}

/* Each run ends once, well or cancelled, whatever the moment. */
static void test_another_thread_cancels(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *session = make_session(*state, program);
	pthread_t thread;
	int i, err;

	assert_int_equal(pthread_create(&thread, NULL, cancel_many_times,
					session), 0);
	for (i = 0; i < 200; i++) {
		err = tinynpu_session_run(session, NULL);
		assert_true(!err || err == -ECANCELED);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(tinynpu_session_run(session, NULL), 0);
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
}

static void test_cancelling_without_a_run_does_nothing(void **state)
{
	struct tinynpu_program *program = copy_program();
	struct tinynpu_session *session = make_session(*state, program);
	int i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(tinynpu_session_cancel(session, NULL), 0);
		fill(tinynpu_session_tensor(session, 0), i);
		assert_int_equal(tinynpu_session_run(session, NULL), 0);
		assert_memory_equal(tinynpu_session_tensor(session, 0),
				    tinynpu_session_tensor(session, 1),
				    TNP_TENSOR_BYTES);
	}
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
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

/* 192 bytes for each of 128 multipliers. */
static void test_too_small_a_weight_buffer_is_said(void **state)
{
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_error error;
	struct tnp_image image;

	tnp_image_init(&image);
	tnp_info(&image)->weight_buffer = 192 * 128 / 16;
	program = make_program(&image);
	assert_int_equal(tinynpu_session_create(*state, program, &session,
						&error), 0);
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
	tnp_info(&image)->weight_buffer++;
	program = make_program(&image);
	assert_int_equal(tinynpu_session_create(*state, program, &session,
						&error), -ENOSPC);
	assert_non_null(strstr(error.text, "24592 bytes of weight buffer"));
	assert_non_null(strstr(error.text, " has 24576"));
	tinynpu_program_close(program);
}

static void test_too_old_a_machine_is_said(void **state)
{
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_device_info info;
	struct tinynpu_error error;
	struct tnp_image image;
	char text[64];

	tinynpu_device_info(*state, &info, sizeof(info));
	tnp_image_init(&image);
	tnp_info(&image)->hw_minor = info.hw_version & 0xffff;
	program = make_program(&image);
	assert_int_equal(tinynpu_session_create(*state, program, &session,
						&error), 0);
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
	tnp_info(&image)->hw_minor++;
	program = make_program(&image);
	assert_int_equal(tinynpu_session_create(*state, program, &session,
						&error), -EOPNOTSUPP);
	snprintf(text, sizeof(text), "for version 1.%u of the machine",
		 (info.hw_version & 0xffff) + 1);
	assert_non_null(strstr(error.text, text));
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
		DEVICE_TEST(test_tensors_lie_in_the_users_memory),
		DEVICE_TEST(test_unfit_memory_is_refused),
		DEVICE_TEST(test_traces_are_the_simulators),
		DEVICE_TEST(test_a_dma_buf_joins_two_sessions),
		DEVICE_TEST(test_segments_use_the_users_memory),
		DEVICE_TEST(test_variables_are_kept_on_request),
		DEVICE_TEST(test_sessions_have_variables_of_their_own),
		DEVICE_TEST(test_segments_run_in_order),
		DEVICE_TEST(test_segments_run_while_others_wait),
		DEVICE_TEST(test_statistics_and_faults_are_of_all_segments),
		DEVICE_TEST(test_an_index_out_of_range_ends_the_run),
		DEVICE_TEST(test_damaged_segments_do_no_harm),
		DEVICE_TEST(test_a_faulting_program_hurts_only_itself),
		DEVICE_TEST(test_inputs_and_constants_are_not_written),
		DEVICE_TEST(test_a_program_that_hangs_is_ended),
		DEVICE_TEST(test_a_run_is_cancelled_and_the_session_goes_on),
		DEVICE_TEST(test_a_late_request_fails_no_session),
		DEVICE_TEST(test_another_thread_cancels),
		DEVICE_TEST(test_cancelling_without_a_run_does_nothing),
		DEVICE_TEST(test_too_little_sram_is_said_at_once),
		DEVICE_TEST(test_too_small_a_weight_buffer_is_said),
		DEVICE_TEST(test_too_old_a_machine_is_said),
		cmocka_unit_test(test_a_missing_device_is_said),
		DEVICE_TEST(test_threads_share_a_device_and_a_session),
	};

	if (argc > 1)
		backend = argv[1];
	return cmocka_run_group_tests_name("lib", tests, NULL, NULL);
}
