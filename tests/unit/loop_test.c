// SPDX-License-Identifier: MIT
/*
 * Loops whose end depends on what they compute: from the graph's text to runs in the
 * simulator, beside the reference executor. Loops within loops, with operators of the
 * machine, custom ones and none; loops that never end; a run that is cancelled.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/tnc.h"
#include <tinynpu.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define VALUES 8

/* A counter, its limit, and numbers. */
#define INTERFACE                                  \
	"tensor %0 int32 [1] name=\"counter\"\n"   \
	"tensor %1 int32 [1] name=\"limit\"\n"     \
	"tensor %2 int8 [1,8] q=[0.5:-3] name=\"x\"\n"

#define INPUTS "input %0\ninput %1\ninput %2\n"

/* While the counter is below the limit. */
#define BELOW                                                    \
	"tnc 1\n" INTERFACE "tensor %3 bool [1] name=\"less\"\n" \
	INPUTS "less %3 = %0 %1 source=0\noutput %3\n"

/* The counter is one more; %5: the new numbers. */
#define COUNTING                                                        \
	"tnc 1\n" INTERFACE "const %3 int32 [1] name=\"one\"\n"         \
	"tensor %4 int32 [1] name=\"next\"\n"                           \
	"tensor %5 int8 [1,8] q=[0.5:-3] name=\"y\"\n" INPUTS           \
	"add %4 = %0 %3 act=none source=1\n"

#define COUNTED "output %4\noutput %1\noutput %5\ndata %3\n01000000\nend\n"

/* By the machine: a layer of weights. */
#define LAYER                                                                \
	COUNTING "const %6 int8 [8,8] q=[0.0625:0] name=\"w\"\n"             \
	"fully_connected %5 = %2 %6 act=none source=2\n" COUNTED             \
	"data %6\n"                                                          \
	"10e01008f01020f8 0810e8f8101008f0 f018101008e01008 10f0f81010e80810\n" \
	"f8101010e0f00820 1010f81808e810f0 08f010e010f81810 181008f8f0100810\n" \
	"end\n"

/* By a function of the user's. */
#define USERS COUNTING "custom %5 = %2 result=0,1 name=\"Step\" source=2\n" COUNTED

/* The counter stays. */
#define STANDSTILL                                                  \
	"tnc 1\n" INTERFACE INPUTS                                  \
	"tensor %3 int8 [1,8] q=[0.5:-3] name=\"y\"\n"              \
	"add %3 = %2 %2 act=none source=0\n"                        \
	"output %0\noutput %1\noutput %3\n"

#define RESULTS                                                \
	"tensor %10 int32 [1] name=\"turns\"\n"                \
	"tensor %11 int8 [1,8] q=[0.5:-3] name=\"z\"\n"        \
	INPUTS "while %11 = %0 %1 %2 loop=0 result=2 source=0\n" \
	"while %10 = %0 %1 %2 loop=0 result=0 source=0\n"      \
	"output %10\noutput %11\n"

static void put_loop(FILE *to, const char *condition, const char *body)
{
	fprintf(to, "loop %zu %zu\n", strlen(condition), strlen(body));
	fputs(condition, to);
	fputs(body, to);
}

static char *model_of(const char *condition, const char *body, size_t *size)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, size);

	fputs("tnc 1\nmodel \"loop\"\n" INTERFACE, to);
	put_loop(to, condition, body);
	fputs(RESULTS, to);
	fclose(to);
	return text;
}

/* A program in the simulator, and the graph beside it. */
struct both {
	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tnc_graph *graph;
};

static void read_program(struct both *b, const char *text, size_t size)
{
	struct tinynpu_error error;
	struct tnc_options options;
	struct tnc_error why;
	size_t bytes;
	void *program;

	tnc_options_init(&options);
	options.machine.sram_size = 16 * 1024;
	if (tnc_compile(text, size, &options, &program, &bytes, &why))
		fail_msg("%s", why.text);
	if (tinynpu_program_read(program, bytes, "loop", &b->program, &error))
		fail_msg("%s", error.text);
	free(program);
	if (tnc_graph_open(text, size, &options, &b->graph, &why))
		fail_msg("%s", why.text);
}

static void start(struct both *b)
{
	struct tinynpu_error error;

	if (tinynpu_device_open("sim", NULL, &b->device, &error) ||
	    tinynpu_session_create(b->device, b->program, &b->session, &error))
		fail_msg("%s", error.text);
}

static void open_both(struct both *b, const char *condition, const char *body)
{
	size_t size;
	char *text = model_of(condition, body, &size);

	read_program(b, text, size);
	free(text);
}

static void close_both(struct both *b)
{
	tinynpu_session_destroy(b->session);
	tinynpu_program_close(b->program);
	tinynpu_device_close(b->device);
	tnc_graph_close(b->graph);
}

static void set_inputs(struct both *b, int32_t counter, int32_t limit,
		       const int8_t *x)
{
	memcpy(tinynpu_session_tensor(b->session, 0), &counter, 4);
	memcpy(tinynpu_session_tensor(b->session, 1), &limit, 4);
	memcpy(tinynpu_session_tensor(b->session, 2), x, VALUES);
}

/* Returns how many cycles the program took. */
static uint64_t compare(struct both *b, int32_t counter, int32_t limit,
			int32_t wanted)
{
	static const int8_t x[VALUES] = { 9, -40, 100, 3, -128, 127, 0, 55 };
	const void *in[] = { &counter, &limit, x };
	struct tinynpu_stats stats;
	struct tinynpu_error error;
	struct tnc_error why;
	int8_t z[VALUES];
	int32_t turns;
	void *out[] = { &turns, z };

	set_inputs(b, counter, limit, x);
	if (tinynpu_session_run(b->session, &error))
		fail_msg("%s", error.text);
	if (tnc_graph_run(b->graph, in, out, &why))
		fail_msg("%s", why.text);
	assert_int_equal(turns, wanted);
	assert_memory_equal(tinynpu_session_tensor(b->session, 3), &turns, 4);
	assert_memory_equal(tinynpu_session_tensor(b->session, 4), z, VALUES);
	if (counter >= limit)
		assert_memory_equal(z, x, VALUES);
	tinynpu_session_stats(b->session, &stats, sizeof(stats));
	return stats.cycles;
}

/* --- Loops that end -------------------------------------------------------- */

static void test_turns(void **state)
{
	struct tinynpu_program_info info;
	uint64_t none, one;
	struct both b;

	open_both(&b, BELOW, LAYER);
	start(&b);
	tinynpu_program_info(b.program, &info, sizeof(info));
	assert_int_equal(info.loops, 1);
	none = compare(&b, 5, 5, 5);
	one = compare(&b, -1, 0, 0) - none;
	assert_true(one > 0);
	assert_int_equal(compare(&b, 0, 7, 7), none + 7 * one);
	assert_int_equal(compare(&b, 100, 0, 100), none);
	assert_int_equal(compare(&b, 0, 300, 300), none + 300 * one);
	close_both(&b);
}

/* Each turn of the outer loop has as many inner ones as the counter says. */
static void test_loops_within_loops(void **state)
{
	char *body = NULL;
	size_t size;
	struct both b;
	FILE *to = open_memstream(&body, &size);

	fputs(COUNTING "const %6 int32 [1] name=\"zero\"\n", to);
	put_loop(to, BELOW, LAYER);
	fputs("while %5 = %6 %0 %2 loop=0 result=2 source=3\n" COUNTED
	      "data %6\n00000000\nend\n", to);
	fclose(to);
	open_both(&b, BELOW, body);
	start(&b);
	compare(&b, 0, 6, 6);
	compare(&b, 3, 5, 5);
	compare(&b, 3, 1, 3);
	close_both(&b);
	free(body);
}

static int step(const struct tinynpu_custom_call *call)
{
	const int8_t *x = call->input[0]->data;
	int8_t *y = call->output->data;

	for (int i = 0; i < VALUES; i++)
		y[i] = x[(i + 1) % VALUES] ^ 1;
	++*(int *)call->data;
	return 0;
}

static void test_custom_operators(void **state)
{
	static const int8_t x[VALUES] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const int8_t z[VALUES] = { 3, 4, 5, 6, 7, 8, 1, 2 };
	struct tinynpu_error error;
	int calls = 0;
	struct both b;

	open_both(&b, BELOW, USERS);
	assert_string_equal(tinynpu_program_custom(b.program, 0), "Step");
	assert_null(tinynpu_program_custom(b.program, 1));
	assert_int_equal(tinynpu_program_set_custom(b.program, "Step", step,
						    &calls, &error), 0);
	start(&b);
	set_inputs(&b, 0, 2, x);
	if (tinynpu_session_run(b.session, &error))
		fail_msg("%s", error.text);
	assert_memory_equal(tinynpu_session_tensor(b.session, 4), z, VALUES);
	assert_int_equal(calls, 2);
	close_both(&b);
}

/* --- Loops that do not ------------------------------------------------------ */

static void test_a_loop_without_end(void **state)
{
	static const int8_t x[VALUES];
	int32_t counter = 0, limit = 1, turns;
	const void *in[] = { &counter, &limit, x };
	int8_t z[VALUES];
	void *out[] = { &turns, z };
	struct tinynpu_error error;
	struct tnc_error why;
	struct both b;

	open_both(&b, BELOW, STANDSTILL);
	start(&b);
	assert_int_equal(tnc_graph_run(b.graph, in, out, &why), -ELOOP);
	assert_non_null(strstr(why.text, "has not ended after 65536 turns"));
	set_inputs(&b, 0, 1, x);
	assert_int_equal(tinynpu_session_run(b.session, &error), -ELOOP);
	assert_string_equal(error.text,
		"op 0 WHILE 'z': the loop has not ended after 65536 turns");
	close_both(&b);
}

static void *cancel(void *arg)
{
	struct both *b = arg;

	tinynpu_session_cancel(b->session, NULL);
	return NULL;
}

/* Cancelled in whatever turn: the run ends, and the session can be used again. */
static void test_cancel(void **state)
{
	static const int8_t x[VALUES];
	struct tinynpu_error error;
	struct both b;

	open_both(&b, BELOW, STANDSTILL);
	start(&b);
	for (int i = 0; i < 20; i++) {
		pthread_t thread;
		int err;

		set_inputs(&b, 0, 1, x);
		assert_int_equal(tinynpu_session_submit(b.session, &error), 0);
		assert_int_equal(pthread_create(&thread, NULL, cancel, &b), 0);
		err = tinynpu_session_wait(b.session, -1, &error);
		pthread_join(thread, NULL);
		assert_true(err == -ECANCELED || err == -ELOOP);
		if (err == -ELOOP)
			break;
		set_inputs(&b, 1, 1, x);
		if (tinynpu_session_run(b.session, &error))
			fail_msg("%s", error.text);
	}
	close_both(&b);
}

/* --- What is refused -------------------------------------------------------- */

static void refuse(const char *condition, const char *body, const char *what)
{
	struct tnc_options options;
	struct tnc_error error;
	size_t size, program_size;
	char *text = model_of(condition, body, &size);
	void *program;

	tnc_options_init(&options);
	assert_int_not_equal(tnc_compile(text, size, &options, &program,
					 &program_size, &error), 0);
	if (!strstr(error.text, what))
		fail_msg("\"%s\" instead of \"%s\"", error.text, what);
	free(text);
}

static void test_refusals(void **state)
{
	static const char state_in_body[] =
		COUNTING "tensor %6 int8 [1,8] q=[0.5:-3] name=\"kept\"\n"
		"variable %6 = %5\nadd %5 = %2 %6 act=none source=2\n" COUNTED;

	refuse("tnc 1\n" INTERFACE INPUTS "output %0\n", LAYER, "is no bool");
	refuse(LAYER, LAYER, "is no bool");
	refuse(BELOW, BELOW, "loop of 3 values");
	refuse(BELOW, "tnc 1\n" INTERFACE INPUTS
	       "output %1\noutput %2\noutput %2\n", "value 1 of a loop changes");
	refuse(BELOW, state_in_body, "a variable in a loop");
	refuse("tnc 2\n", LAYER, "loop 0 condition: line 2: expected tnc 1");
	refuse(BELOW, "tnc 1\nloop 9 999999\n", "more text of a loop");
}

/* Whatever byte of the program is another one: it is read no more, or runs. */
static void test_damaged_programs(void **state)
{
	struct tinynpu_program *read;
	struct tinynpu_error error;
	struct tnc_options options;
	struct tnc_error why;
	size_t size, bytes;
	char *text = model_of(BELOW, LAYER, &size);
	char *program, *damaged;

	tnc_options_init(&options);
	if (tnc_compile(text, size, &options, (void **)&program, &bytes, &why))
		fail_msg("%s", why.text);
	damaged = malloc(bytes);
	for (size_t at = 0; at < bytes; at += 13) {
		memcpy(damaged, program, bytes);
		damaged[at] ^= 0x41;
		if (!tinynpu_program_read(damaged, bytes, "damaged", &read,
					  &error))
			tinynpu_program_close(read);
	}
	for (size_t less = 1; less < bytes; less += 101)
		if (!tinynpu_program_read(program, bytes - less, "damaged",
					  &read, &error))
			tinynpu_program_close(read);
	free(damaged);
	free(program);
	free(text);
}

/* Memory that runs out anywhere is an error, and nothing is lost. */
static void test_allocations(void **state)
{
	size_t size, bytes;
	char *text = model_of(BELOW, LAYER, &size);
	struct tnc_options options;
	struct tnc_error error;
	void *program;
	int status;

	tnc_options_init(&options);
	options.fail_allocation = 1;
	while ((status = tnc_compile(text, size, &options, &program, &bytes,
				     &error))) {
		assert_int_equal(status, -ENOMEM);
		options.fail_allocation += 7;
	}
	assert_true(options.fail_allocation > 300);
	free(program);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_loops_within_loops),
		cmocka_unit_test(test_custom_operators),
		cmocka_unit_test(test_a_loop_without_end),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_damaged_programs),
		cmocka_unit_test(test_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
