// SPDX-License-Identifier: MIT
/*
 * Programs that urgent jobs may interrupt: the points are there where they were
 * asked for, nothing in SRAM is needed behind them, and a program that takes turns
 * with others, losing SRAM each time, gives the same bytes and counts the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <npu/isa.h>
#include <tinynpu.h>

#include "compiler/tnc.h"
#include "models.h"

#define SESSIONS 3
#define RUNS 3

struct board {
	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_program_info info;
	struct tinynpu_session *sessions[SESSIONS];
};

/* At this clock a slice of the firmware is a thousand cycles. */
static void open_board(struct board *board, const char *model,
		       uint64_t yield_cycles)
{
	struct model_file file = models_read(model, "model.tflite");
	struct tinynpu_error error = { "" };
	struct tnc_options options;
	struct tnc_error why = { "" };
	size_t size;
	void *bytes;

	tnc_options_init(&options);
	options.machine.clock_khz = 1000;
	options.yield_cycles = yield_cycles;
	if (tnc_compile(file.bytes, file.size, &options, &bytes, &size, &why))
		fail_msg("%s", why.text);
	models_free(&file);
	if (tinynpu_device_open("sim", "clock=1000000", &board->device,
				&error) ||
	    tinynpu_program_read(bytes, size, model, &board->program, &error))
		fail_msg("%s", error.text);
	free(bytes);
	tinynpu_program_info(board->program, &board->info,
			     sizeof(board->info));
	for (int i = 0; i < SESSIONS; i++)
		if (tinynpu_session_create(board->device, board->program,
					   &board->sessions[i], &error))
			fail_msg("%s", error.text);
}

static void close_board(struct board *board)
{
	for (int i = 0; i < SESSIONS; i++)
		tinynpu_session_destroy(board->sessions[i]);
	tinynpu_program_close(board->program);
	tinynpu_device_close(board->device);
}

static uint32_t count_marks(const struct board *board)
{
	const union npu_cmd *cmds =
		(const void *)tinynpu_program_commands(board->program);
	uint32_t marks = 0;

	for (uint32_t i = 0; i < board->info.commands; i++)
		marks += !!(cmds[i].hdr.flags & NPU_CMD_SRAM_DEAD);
	return marks;
}

static void *tensor(const struct board *board, int session, uint32_t index,
		    size_t *size)
{
	struct tinynpu_tensor_info info;

	tinynpu_program_tensor(board->program, index, &info, sizeof(info));
	*size = info.size;
	return tinynpu_session_tensor(board->sessions[session], index);
}

static void fill_inputs(const struct board *board, int session)
{
	for (uint32_t i = 0; i < board->info.inputs; i++) {
		size_t size;
		uint8_t *bytes = tensor(board, session, i, &size);

		for (size_t k = 0; k < size; k++)
			bytes[k] = (k * 31 + session * 97) ^ k >> 7;
	}
}

static void check_counts(const struct board *board, int session)
{
	struct tinynpu_stats stats;

	tinynpu_session_stats(board->sessions[session], &stats, sizeof(stats));
	assert_int_equal(stats.cycles, board->info.cycles);
	assert_int_equal(stats.energy_fj, board->info.energy_fj);
	assert_int_equal(stats.commands, board->info.commands);
}

/* All sessions at the same time; their first outputs are as @expected. */
static void run_together(const struct board *board, uint8_t **expected)
{
	struct tinynpu_error error = { "" };
	uint8_t *output;
	size_t size;

	for (int i = 0; i < SESSIONS; i++) {
		output = tensor(board, i, board->info.inputs, &size);
		memset(output, 0x55, size);
		if (tinynpu_session_submit(board->sessions[i], &error))
			fail_msg("%s", error.text);
	}
	for (int i = 0; i < SESSIONS; i++) {
		if (tinynpu_session_wait(board->sessions[i], 60000000000,
					 &error))
			fail_msg("%s", error.text);
		check_counts(board, i);
		output = tensor(board, i, board->info.inputs, &size);
		assert_memory_equal(output, expected[i], size);
	}
}

static void take_turns(const char *model, uint64_t yield_cycles)
{
	struct tinynpu_error error = { "" };
	uint8_t *expected[SESSIONS];
	struct board board;
	uint8_t *output;
	size_t size;

	open_board(&board, model, yield_cycles);
	for (int i = 0; i < SESSIONS; i++) {
		fill_inputs(&board, i);
		if (tinynpu_session_run(board.sessions[i], &error))
			fail_msg("%s", error.text);
		check_counts(&board, i);
		output = tensor(&board, i, board.info.inputs, &size);
		expected[i] = malloc(size);
		memcpy(expected[i], output, size);
	}
	for (int i = 0; i < RUNS; i++)
		run_together(&board, expected);
	for (int i = 0; i < SESSIONS; i++)
		free(expected[i]);
	close_board(&board);
}

static void programs_take_turns(void **state)
{
	static const struct {
		const char *model;
		uint64_t yield_cycles;
	} cases[] = {
		{ "kws01", 3000 }, { "vww01", 10000 }, { "ic01", 10000 },
		{ "ad01", 20000 }, { "mnist_lstm", 2000 },
		{ "mnv2_160", 50000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (models_have(cases[i].model))
			take_turns(cases[i].model, cases[i].yield_cycles);
}

static void points_are_as_close_as_asked(void **state)
{
	static const uint64_t limits[] = { 200000, 40000 };
	struct board board;
	uint32_t marks, before = 1;

	if (!models_have("mnv2_160"))
		skip();
	for (int i = 0; i < 2; i++) {
		open_board(&board, "mnv2_160", limits[i]);
		marks = count_marks(&board);
		assert_true(marks > before);
		assert_true(marks * limits[i] * 2 >= board.info.cycles);
		before = marks;
		close_board(&board);
	}
}

static void without_being_asked_nothing_is_given_up(void **state)
{
	struct board board;

	if (!models_have("vww01"))
		skip();
	open_board(&board, "vww01", 0);
	assert_int_equal(count_marks(&board), 1); /* the first command */
	close_board(&board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_take_turns),
		cmocka_unit_test(points_are_as_close_as_asked),
		cmocka_unit_test(without_being_asked_nothing_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
