// SPDX-License-Identifier: MIT
/*
 * The simulated board through the library's backend interface: jobs made by
 * hand, what they may reach, how they end, and several at a time.
 */
#include "../../device/sim/sim.h"
#include "../../libtinynpu/backend.h"

#include <npu/isa.h>
#include <npu/regs.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COMMANDS_VA 0x100000
#define REGIONS_VA 0x200000
#define RESULT_VA 0x300000
#define SOURCE_VA 0x400000
#define TARGET_VA 0x500000
#define SEALED_VA 0x600000
#define NOWHERE_VA 0x700000
#define BYTES 10000 /* three pages, the last one partly */

/* A context with the buffers that every job below uses. */
struct client {
	void *context;
	union npu_cmd *commands;
	struct npu_region *regions;
	struct npu_job_result *result;
	uint8_t *source;
	uint8_t *target;
};

static void *add_buffer(struct client *client, uint64_t address, uint64_t size,
			bool is_readonly)
{
	struct backend_buffer buffer = {
		.address = address,
		.size_bytes = size,
		.is_readonly = is_readonly,
	};

	assert_int_equal(backend_sim.buffer_create(client->context, &buffer,
						   NULL), 0);
	return buffer.map;
}

static void client_create(struct client *client, void *device)
{
	assert_int_equal(backend_sim.context_create(device, &client->context,
						    NULL), 0);
	client->commands = add_buffer(client, COMMANDS_VA, 4096, true);
	client->regions = add_buffer(client, REGIONS_VA, 4096, true);
	client->result = add_buffer(client, RESULT_VA, 4096, false);
	client->source = add_buffer(client, SOURCE_VA, BYTES, true);
	client->target = add_buffer(client, TARGET_VA, BYTES, false);
	client->regions[0] = (struct npu_region){ SOURCE_VA, BYTES };
	client->regions[1] = (struct npu_region){ TARGET_VA, BYTES };
}

static void client_destroy(struct client *client)
{
	backend_sim.context_destroy(client->context);
}

static union npu_cmd copy(uint8_t from, uint8_t to, uint32_t run)
{
	return (union npu_cmd){ .copy = {
		.hdr = { .op = NPU_OP_DMA_COPY },
		.src_region = from,
		.dst_region = to,
		.n = { 1, 1, 1 },
		.run = run,
	} };
}

static union npu_cmd nop(uint32_t cycles)
{
	return (union npu_cmd){ .nop = { .hdr = { .op = NPU_OP_NOP },
					 .cycles = cycles } };
}

/* Waits for a command that never comes. */
static union npu_cmd hang(void)
{
	union npu_cmd cmd = nop(1);

	cmd.hdr.flags = NPU_CMD_WAIT(NPU_UNIT_MAC);
	cmd.hdr.wait[NPU_UNIT_MAC] = 1;
	return cmd;
}

static void submit(struct client *client, uint32_t count, bool is_waited)
{
	struct backend_job job = {
		.commands = COMMANDS_VA,
		.regions = REGIONS_VA,
		.result = RESULT_VA,
		.command_count = count,
		.region_count = 2,
	};

	client->result->status = NPU_JOB_PENDING;
	assert_int_equal(backend_sim.submit(client->context, &job, is_waited,
					    NULL), 0);
}

static uint32_t run(struct client *client, uint32_t count)
{
	submit(client, count, true);
	assert_int_equal(backend_sim.wait(client->context, BACKEND_FOREVER,
					  NULL), 0);
	return client->result->status;
}

/* Copy the source to the target by way of the SRAM. */
static uint32_t run_copy(struct client *client)
{
	client->commands[0] = copy(0, NPU_REGION_SRAM, BYTES);
	client->commands[1] = copy(NPU_REGION_SRAM, 1, BYTES);
	return run(client, 2);
}

static void fill(struct client *client, unsigned int seed)
{
	size_t i;

	for (i = 0; i < BYTES; i++)
		client->source[i] = seed + i * 7 + i / 251;
}

static int open_device(void **state)
{
	return backend_sim.device_open("", state, NULL);
}

static int open_four_cores(void **state)
{
	return backend_sim.device_open("cores=4", state, NULL);
}

static int close_device(void **state)
{
	backend_sim.device_close(*state);
	return 0;
}

/* --- What a job does ------------------------------------------------------- */

static void test_a_job_runs_and_is_counted(void **state)
{
	struct client client;

	client_create(&client, *state);
	client.commands[0] = nop(1000);
	assert_int_equal(run(&client, 1), NPU_JOB_OK);
	assert_int_equal(client.result->commands, 1);
	assert_true(client.result->cycles >= 1000);
	assert_int_equal(client.result->busy[NPU_UNIT_VEC], 1000);
	client_destroy(&client);
}

static void test_bytes_go_through_memory_and_sram(void **state)
{
	struct client client;

	client_create(&client, *state);
	fill(&client, 3);
	assert_int_equal(run_copy(&client), NPU_JOB_OK);
	assert_memory_equal(client.source, client.target, BYTES);
	client_destroy(&client);
}

static void test_the_same_job_costs_the_same_again(void **state)
{
	struct npu_job_result first;
	struct client client;

	client_create(&client, *state);
	fill(&client, 5);
	assert_int_equal(run_copy(&client), NPU_JOB_OK);
	first = *client.result;
	assert_int_equal(run_copy(&client), NPU_JOB_OK);
	assert_memory_equal(&first, client.result, sizeof(first));
	client_destroy(&client);
}

/* --- What the machine tells of it ------------------------------------------ */

struct seen {
	struct tinynpu_trace trace[16];
	size_t count;
};

static void see(void *opaque, const struct tinynpu_trace *trace)
{
	struct seen *seen = opaque;

	if (seen->count < 16)
		seen->trace[seen->count] = *trace;
	seen->count++;
}

static void test_a_trace_tells_each_command(void **state)
{
	static const uint32_t kinds[] = {
		TINYNPU_TRACE_DOORBELL, TINYNPU_TRACE_JOB_START,
		TINYNPU_TRACE_COMMAND, TINYNPU_TRACE_COMMAND,
		TINYNPU_TRACE_JOB_END,
	};
	struct seen seen = { .count = 0 };
	const struct tinynpu_trace *t = seen.trace;
	struct client client;
	size_t i;

	client_create(&client, *state);
	fill(&client, 5);
	backend_sim.device_trace(*state, see, &seen);
	assert_int_equal(run_copy(&client), NPU_JOB_OK);
	backend_sim.device_trace(*state, NULL, NULL);
	assert_true(seen.count >= 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(t[i].kind, kinds[i]);
		assert_true(!i || t[i].instructions >= t[i - 1].instructions);
	}
	assert_true(t[1].instructions > t[0].instructions);
	assert_int_equal(t[2].writes, 1);
	assert_int_equal(t[2].range[0].high - t[2].range[0].low, BYTES);
	assert_int_equal(t[3].command, 1);
	assert_int_equal(t[3].reads, 1);
	assert_int_equal(t[3].start, t[2].end);
	assert_int_equal(t[4].end, client.result->cycles);
	i = seen.count;
	assert_int_equal(run_copy(&client), NPU_JOB_OK);
	assert_int_equal(seen.count, i);
	client_destroy(&client);
}

/* --- What a job may reach -------------------------------------------------- */

static void expect_fault(struct client *client, uint32_t code, uint64_t address)
{
	struct backend_end end;

	assert_int_equal(backend_sim.end(client->context, &end, NULL), 0);
	assert_int_equal(end.status, NPU_JOB_FAULT);
	assert_int_equal(end.fault_code, code);
	assert_int_equal(end.fault_addr, address);
	assert_int_equal(client->result->fault_code, code);
	assert_int_equal(client->result->fault_addr, address);
}

static void test_a_missing_page_is_reported_by_address(void **state)
{
	struct client client, other;

	client_create(&client, *state);
	client_create(&other, *state);
	fill(&other, 9);
	client.regions[0] = (struct npu_region){ NOWHERE_VA + 40, BYTES };
	assert_int_equal(run_copy(&client), NPU_JOB_FAULT);
	expect_fault(&client, NPU_FAULT_PAGE_READ, NOWHERE_VA + 40);
	assert_int_equal(run_copy(&other), NPU_JOB_OK);
	assert_memory_equal(other.source, other.target, BYTES);
	client_destroy(&client);
	client_destroy(&other);
}

static void test_the_page_behind_a_buffer_is_missing(void **state)
{
	struct client client;

	client_create(&client, *state);
	client.regions[0].size = 4 * 4096;
	client.commands[0] = copy(0, NPU_REGION_SRAM, 4 * 4096);
	assert_int_equal(run(&client, 1), NPU_JOB_FAULT);
	expect_fault(&client, NPU_FAULT_PAGE_READ, SOURCE_VA + 3 * 4096);
	client_destroy(&client);
}

static void test_a_readonly_buffer_is_not_written(void **state)
{
	struct client client;

	client_create(&client, *state);
	fill(&client, 1);
	client.commands[0] = copy(NPU_REGION_SRAM, 0, 64);
	assert_int_equal(run(&client, 1), NPU_JOB_FAULT);
	expect_fault(&client, NPU_FAULT_PAGE_WRITE, SOURCE_VA);
	assert_int_equal(client.source[0], 1);
	client_destroy(&client);
}

/* A buffer that the device may write by the page table; neither it nor we can. */
static void test_a_sealed_buffer_is_written_by_nobody(void **state)
{
	struct backend_buffer buffer = { .address = SEALED_VA,
					 .size_bytes = BYTES };
	struct client client;
	int pipe_fd[2];

	client_create(&client, *state);
	assert_int_equal(backend_sim.buffer_create(client.context, &buffer,
						   NULL), 0);
	memset(buffer.map, 5, BYTES);
	backend_sim.buffer_seal(client.context, &buffer);
	client.regions[1] = (struct npu_region){ SEALED_VA, BYTES };
	client.commands[0] = copy(1, NPU_REGION_SRAM, BYTES);
	client.commands[1] = copy(NPU_REGION_SRAM, 1, 64);
	assert_int_equal(run(&client, 2), NPU_JOB_FAULT);
	assert_int_equal(client.result->commands, 1);
	expect_fault(&client, NPU_FAULT_BUS, SEALED_VA);
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(write(pipe_fd[1], "x", 1), 1);
	assert_int_equal(read(pipe_fd[0], buffer.map, 1), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(*(uint8_t *)buffer.map, 5);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	client_destroy(&client);
}

static void test_contexts_see_their_own_memory_at_one_address(void **state)
{
	struct client a, b;

	client_create(&a, *state);
	client_create(&b, *state);
	fill(&a, 11);
	fill(&b, 77);
	assert_int_equal(run_copy(&a), NPU_JOB_OK);
	assert_int_equal(run_copy(&b), NPU_JOB_OK);
	assert_memory_equal(a.source, a.target, BYTES);
	assert_memory_equal(b.source, b.target, BYTES);
	client_destroy(&a);
	client_destroy(&b);
}

static void test_sram_keeps_nothing_for_the_next_context(void **state)
{
	static const uint8_t zeros[BYTES];
	struct client a, b;

	client_create(&a, *state);
	client_create(&b, *state);
	fill(&a, 13);
	memset(b.target, 0xff, BYTES);
	assert_int_equal(run_copy(&a), NPU_JOB_OK);
	b.commands[0] = copy(NPU_REGION_SRAM, 1, BYTES);
	assert_int_equal(run(&b, 1), NPU_JOB_OK);
	assert_memory_equal(b.target, zeros, BYTES);
	client_destroy(&a);
	client_destroy(&b);
}

static void test_freed_memory_is_out_of_reach(void **state)
{
	struct client a, b;

	client_create(&a, *state);
	fill(&a, 13);
	assert_int_equal(run_copy(&a), NPU_JOB_OK);
	client_destroy(&a);
	client_create(&b, *state); /* the same context of the machine */
	assert_int_equal(b.source[1], 0);
	fill(&b, 17);
	assert_int_equal(run_copy(&b), NPU_JOB_OK);
	assert_memory_equal(b.source, b.target, BYTES);
	client_destroy(&b);
}

/* --- How a job ends -------------------------------------------------------- */

static void test_a_job_that_hangs_is_timed_out(void **state)
{
	struct client client, other;
	struct backend_end end;

	client_create(&client, *state);
	client_create(&other, *state);
	client.commands[0] = hang();
	assert_int_equal(run(&client, 1), NPU_JOB_TIMEOUT);
	assert_int_equal(backend_sim.end(client.context, &end, NULL), 0);
	assert_int_equal(end.status, NPU_JOB_TIMEOUT);
	assert_int_equal(run_copy(&other), NPU_JOB_OK);
	client_destroy(&client);
	client_destroy(&other);
}

static void test_an_unknown_command_is_refused(void **state)
{
	struct client client;

	client_create(&client, *state);
	client.commands[0] = nop(1);
	client.commands[1] = (union npu_cmd){ .hdr = { .op = 0xee } };
	assert_int_equal(run(&client, 2), NPU_JOB_FAULT);
	assert_int_equal(client.result->fault_code, NPU_FAULT_OPCODE);
	assert_int_equal(client.result->fault_cmd, 1);
	client_destroy(&client);
}

static void test_a_context_can_go_while_its_job_runs(void **state)
{
	struct client client, other;

	client_create(&client, *state);
	client_create(&other, *state);
	client.commands[0] = hang();
	submit(&client, 1, false);
	client_destroy(&client);
	assert_int_equal(run_copy(&other), NPU_JOB_OK);
	client_destroy(&other);
}

static void test_a_wait_can_end_before_the_job(void **state)
{
	struct client client;

	client_create(&client, *state);
	client.commands[0] = nop(1);
	submit(&client, 1, true); /* nobody drives it yet */
	assert_int_equal(backend_sim.wait(client.context, 0, NULL), -EAGAIN);
	assert_int_equal(client.result->status, NPU_JOB_PENDING);
	assert_int_equal(backend_sim.wait(client.context, BACKEND_FOREVER,
					  NULL), 0);
	assert_int_equal(client.result->status, NPU_JOB_OK);
	client_destroy(&client);
}

static void test_a_lost_board_ends_all_jobs(void **state)
{
	struct sim_board *board = *state;
	struct backend_job job = { .commands = COMMANDS_VA };
	struct tinynpu_error error;
	struct backend_end end;
	struct client client;
	void *other;

	client_create(&client, board);
	submit(&client, 1, true);
	turn_take(&board->turn);
	sim_board_lose(board, "lost by the test");
	turn_give(&board->turn);
	assert_int_equal(backend_sim.wait(client.context, BACKEND_FOREVER,
					  NULL), 0);
	assert_int_equal(backend_sim.end(client.context, &end, NULL), 0);
	assert_int_equal(end.status, NPU_JOB_RESET);
	assert_int_equal(backend_sim.submit(client.context, &job, true, &error),
			 -EIO);
	assert_non_null(strstr(error.text, "lost by the test"));
	assert_int_equal(backend_sim.context_create(board, &other, &error),
			 -EIO);
	client_destroy(&client);
}

static void test_contexts_run_out_and_come_back(void **state)
{
	void *contexts[NPU_MAX_CONTEXTS];
	struct tinynpu_error error;
	int count = 0, err, i;

	for (;;) {
		err = backend_sim.context_create(*state, &contexts[count],
						 &error);
		if (err)
			break;
		count++;
		assert_true(count < NPU_MAX_CONTEXTS);
	}
	assert_int_equal(err, -ENOSPC);
	assert_non_null(strstr(error.text, "in use"));
	backend_sim.context_destroy(contexts[--count]);
	assert_int_equal(backend_sim.context_create(*state, &contexts[count++],
						    NULL), 0);
	for (i = 0; i < count; i++)
		backend_sim.context_destroy(contexts[i]);
}

/* --- Several at a time ----------------------------------------------------- */

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, timeout_ms) == 1;
}

static void test_the_descriptor_tells_the_end(void **state)
{
	struct client client;
	int fd, i;

	client_create(&client, *state);
	fill(&client, 21);
	fd = backend_sim.fd(client.context);
	assert_true(fd >= 0);
	for (i = 0; i < 3; i++) {
		assert_false(is_readable(fd, 0));
		client.commands[0] = copy(0, 1, BYTES);
		submit(&client, 1, false);
		assert_true(is_readable(fd, -1));
		assert_int_equal(backend_sim.wait(client.context, 0, NULL), 0);
		assert_int_equal(client.result->status, NPU_JOB_OK);
	}
	assert_int_equal(backend_sim.fd(client.context), fd);
	client_destroy(&client);
}

static void test_a_late_descriptor_knows_the_end(void **state)
{
	struct client client;
	int fd;

	client_create(&client, *state);
	client.commands[0] = nop(1);
	submit(&client, 1, false);
	fd = backend_sim.fd(client.context);
	assert_true(is_readable(fd, -1));
	assert_int_equal(backend_sim.wait(client.context, BACKEND_FOREVER,
					  NULL), 0);
	assert_false(is_readable(fd, 0));
	client_destroy(&client);
}

static void *copy_many_times(void *device)
{
	uint64_t cycles[2] = { 0 };
	struct client client;
	int i;

	client_create(&client, device);
	for (i = 0; i < 200; i++) {
		fill(&client, i + (uintptr_t)&client);
		memset(client.target, 0, BYTES);
		if (i % 3) {
			if (run_copy(&client) != NPU_JOB_OK)
				return "a job failed";
		} else {
			client.commands[0] = copy(0, 1, BYTES);
			submit(&client, 1, false);
			if (backend_sim.wait(client.context, BACKEND_FOREVER,
					     NULL) ||
			    client.result->status != NPU_JOB_OK)
				return "a submitted job failed";
		}
		if (memcmp(client.source, client.target, BYTES))
			return "bytes differ";
		if (cycles[!(i % 3)] &&
		    client.result->cycles != cycles[!(i % 3)])
			return "cycles differ";
		cycles[!(i % 3)] = client.result->cycles;
	}
	client_destroy(&client);
	return NULL;
}

static void test_threads_do_not_mix(void **state)
{
	pthread_t threads[4];
	void *complaint;
	int i;

	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						copy_many_times, *state), 0);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &complaint);
		assert_null(complaint);
	}
}

static void test_bad_options_are_named(void **state)
{
	static const struct {
		const char *options, *complaint;
	} cases[] = {
		{ "cores=5", "cores" },	    { "macs=100", "macs" },
		{ "sram=1", "sram" },	    { "sram=64X", "sram=64X" },
		{ "a1024", "a1024" },	    { "sram", "sram" },
		{ "clock=1500", "clock" },  { "=", "'='" },
		{ "sram=", "sram=" },	    { "mem-bw=0", "mem-bw" },
		{ "sram=64 ", "sram=64 " }, { "macs=-32", "macs=-32" },
		{ "sram=99999999999999999999", "sram=999" },
		{ "restricted=2", "restricted" },
	};
	struct tinynpu_error error;
	void *device;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(backend_sim.device_open(cases[i].options,
							 &device, &error),
				 -EINVAL);
		assert_non_null(strstr(error.text, cases[i].complaint));
	}
}

static void test_options_make_the_machine(void **state)
{
	struct tinynpu_device_info info;
	void *device;

	assert_int_equal(backend_sim.device_open(
		"a512,cores=2,sram=64K,clock=1G,mem-latency=7,restricted=1",
		&device, NULL), 0);
	backend_sim.device_info(device, &info);
	assert_int_equal(info.cores, 2);
	assert_int_equal(info.macs, 512);
	assert_int_equal(info.sram_size, 65536);
	assert_int_equal(info.clock_khz, 1000000);
	assert_int_equal(info.mem_bw, 12);
	assert_int_equal(info.mem_latency, 7);
	assert_int_equal(info.restricted, 1);
	backend_sim.device_close(device);
}

#define DEVICE_TEST(f) cmocka_unit_test_setup_teardown(f, open_device, close_device)
/* Again where threads work side by side. */
#define CORES_TEST(f) { #f "_cores", f, open_four_cores, close_device, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(test_a_job_runs_and_is_counted),
		DEVICE_TEST(test_bytes_go_through_memory_and_sram),
		DEVICE_TEST(test_the_same_job_costs_the_same_again),
		DEVICE_TEST(test_a_trace_tells_each_command),
		DEVICE_TEST(test_a_missing_page_is_reported_by_address),
		DEVICE_TEST(test_the_page_behind_a_buffer_is_missing),
		DEVICE_TEST(test_a_readonly_buffer_is_not_written),
		DEVICE_TEST(test_a_sealed_buffer_is_written_by_nobody),
		DEVICE_TEST(test_contexts_see_their_own_memory_at_one_address),
		DEVICE_TEST(test_sram_keeps_nothing_for_the_next_context),
		DEVICE_TEST(test_freed_memory_is_out_of_reach),
		DEVICE_TEST(test_a_job_that_hangs_is_timed_out),
		DEVICE_TEST(test_an_unknown_command_is_refused),
		DEVICE_TEST(test_a_context_can_go_while_its_job_runs),
		DEVICE_TEST(test_a_wait_can_end_before_the_job),
		DEVICE_TEST(test_a_lost_board_ends_all_jobs),
		DEVICE_TEST(test_contexts_run_out_and_come_back),
		DEVICE_TEST(test_the_descriptor_tells_the_end),
		DEVICE_TEST(test_a_late_descriptor_knows_the_end),
		DEVICE_TEST(test_threads_do_not_mix),
		CORES_TEST(test_a_missing_page_is_reported_by_address),
		CORES_TEST(test_sram_keeps_nothing_for_the_next_context),
		CORES_TEST(test_freed_memory_is_out_of_reach),
		CORES_TEST(test_a_job_that_hangs_is_timed_out),
		CORES_TEST(test_a_context_can_go_while_its_job_runs),
		CORES_TEST(test_a_wait_can_end_before_the_job),
		CORES_TEST(test_a_lost_board_ends_all_jobs),
		CORES_TEST(test_contexts_run_out_and_come_back),
		CORES_TEST(test_threads_do_not_mix),
		cmocka_unit_test(test_bad_options_are_named),
		cmocka_unit_test(test_options_make_the_machine),
	};

	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
