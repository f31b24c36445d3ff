// SPDX-License-Identifier: MIT
/*
 * Error injection in the machine: each kind at its occasion, not before and not
 * more often than ordered. The agent of board.h plays the firmware, its mailbox is
 * the init block, too.
 */
#include "board.h"

#include <npu/inject.h>
#include <npu/ring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define INIT(member) (NPU_WINDOW_BASE + (uint32_t)offsetof(struct npu_init, member))
#define CORE(reg) (NPU_CORE_BASE(0) + (reg))
#define ROOT_LO (NPU_MMU_BASE + NPU_MMU_ROOT_LO(1))

static const struct npu_machine machine = NPU_MACHINE_DEFAULT;

static int setup(void **state)
{
	board_make(&machine);
	return 0;
}

static int setup_agent(void **state)
{
	const uint32_t init = (uint32_t)BOARD_BASE + AT_MAILBOX;

	setup(state);
	assert_null(npu_core_inject(board.core, "on"));
	board_write(NPU_REG_INJECT_RING_LO, (uint32_t)BOARD_BASE + AT_DATA);
	board_write(NPU_REG_INJECT_RING_SHAPE,
		    sizeof(struct npu_event) | NPU_EVENT_ENTRIES << 16);
	board_write(NPU_REG_INJECT_TAIL_LO,
		    init + offsetof(struct npu_init, event_tail));
	board_write(NPU_REG_INJECT_HEAD_LO,
		    init + offsetof(struct npu_init, event_head));
	board_boot_agent();
	return 0;
}

static int teardown(void **state)
{
	board_free();
	return 0;
}

static void arm(enum npu_inject_kind kind, uint32_t count, uint32_t after,
		uint32_t param)
{
	board_write(NPU_REG_INJECT_KIND, kind);
	board_write(NPU_REG_INJECT_COUNT, count);
	board_write(NPU_REG_INJECT_AFTER, after);
	board_write(NPU_REG_INJECT_PARAM, param);
	board_write(NPU_REG_INJECT_ARM, 1);
}

static void assert_happened(enum npu_inject_kind kind, uint32_t count)
{
	assert_int_equal(board_read(NPU_REG_INJECT_LEFT(kind)), 0);
	assert_int_equal(board_read(NPU_REG_INJECT_DONE(kind)), count);
}

/* --- Orders --------------------------------------------------------------------- */

static void test_who_did_not_ask_has_none(void **state)
{
	uint32_t reg;

	arm(NPU_INJECT_DEAD, 1, 0, 0);
	for (reg = NPU_REG_INJECT; reg < NPU_REG_INJECT_END; reg += 4)
		assert_int_equal(board_read(reg), 0);
	assert_int_equal(board_read(NPU_REG_ID), NPU_ID_MAGIC);
}

static void test_lists(void **state)
{
	static const char *const good[] = {
		"on", "dead:0", "irq-drop", "irq-drop:1:2:3+fw-hang",
		"dead:4294967295:1",
	};
	static const char *const bad[] = {
		"", "off", "dead:", "dead:x", "dead:1:2:3:4", "dead:4294967296",
		"dead+", "+dead", "irq", "irq-drop,dead", "on+dead", "dead:-1",
	};
	uint32_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_null(npu_core_inject(board.core, good[i]));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_non_null(npu_core_inject(board.core, bad[i]));
	assert_null(npu_core_inject(board.core, "irq-drop:7:9+dead:0"));
	assert_int_equal(board_read(NPU_REG_INJECT), NPU_INJECT_MAGIC);
	assert_int_equal(board_read(NPU_REG_INJECT_LEFT(NPU_INJECT_IRQ_DROP)),
			 7);
}

static void test_orders_are_replaced_and_taken_back(void **state)
{
	const uint32_t left = NPU_REG_INJECT_LEFT(NPU_INJECT_FW_TRAP);

	arm(NPU_INJECT_FW_TRAP, 5, 1000000, 0);
	arm(NPU_INJECT_FW_TRAP, 3, 1000000, 0);
	assert_int_equal(board_read(left), 3);
	arm(NPU_INJECT_COUNT, 1, 0, 0);
	board_write(NPU_REG_INJECT_ARM, 2);
	assert_int_equal(board_read(left), 3);
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	board_run();
	assert_int_equal(board_read(left), 3);
	board_write(NPU_REG_INJECT_ARM, 0);
	assert_int_equal(board_read(left), 0);
}

/* --- Interrupts ------------------------------------------------------------------- */

static void raise_irq(void)
{
	board_poke(NPU_SYS_BASE + NPU_SYS_HOST_IRQ, 3);
}

static void test_irq_drop(void **state)
{
	arm(NPU_INJECT_IRQ_DROP, 2, 1, 0);
	raise_irq();
	assert_int_equal(board.interrupts[3], 1);
	raise_irq();
	raise_irq();
	assert_int_equal(board.interrupts[3], 1);
	raise_irq();
	assert_int_equal(board.interrupts[3], 2);
	assert_happened(NPU_INJECT_IRQ_DROP, 2);
}

static void test_irq_twice(void **state)
{
	arm(NPU_INJECT_IRQ_TWICE, 1, 0, 0);
	raise_irq();
	assert_int_equal(board.interrupts[3], 2);
	raise_irq();
	assert_int_equal(board.interrupts[3], 3);
}

static void test_irq_spurious(void **state)
{
	arm(NPU_INJECT_IRQ_SPURIOUS, 50, 0, 0);
	assert_int_equal(board_run(), NPU_CORE_FOREVER);
	assert_int_equal(board.interrupts[NPU_VECTOR_EVENTS], 50);
}

/* --- Events ----------------------------------------------------------------------- */

/* The firmware writes event @number with an id, and publishes it. */
static void publish(uint32_t number)
{
	board_poke(NPU_ATU_BASE + NPU_ATU_BASE_LO(1),
		   (uint32_t)(BOARD_BASE + AT_DATA));
	board_poke(NPU_ATU_BASE + NPU_ATU_LIMIT(1), NPU_WINDOW_SIZE);
	board_poke(NPU_ATU_BASE + NPU_ATU_CTRL(1), NPU_ATU_ENABLE);
	board_poke(NPU_WINDOW(1) + number * (uint32_t)sizeof(struct npu_event) +
			   (uint32_t)offsetof(struct npu_event, id),
		   100 + number);
	board_poke(INIT(event_tail), number + 1);
}

static const struct npu_init *init_block(void)
{
	return (void *)(board.memory + AT_MAILBOX);
}

static uint64_t id_at(uint32_t slot)
{
	const struct npu_event *events = (void *)(board.memory + AT_DATA);

	return events[slot].id;
}

static void test_event_never(void **state)
{
	arm(NPU_INJECT_EVENT_NEVER, 1, 1, 0);
	publish(0);
	publish(1);
	assert_int_equal(init_block()->event_tail, 1);
	publish(2);
	publish(3);
	assert_int_equal(init_block()->event_tail, 3);
	assert_int_equal(id_at(0), 100);
	assert_int_equal(id_at(1), 102);
	assert_int_equal(id_at(2), 103);
}

static void test_event_twice(void **state)
{
	arm(NPU_INJECT_EVENT_TWICE, 1, 0, 0);
	publish(0);
	assert_int_equal(init_block()->event_tail, 2);
	publish(1);
	assert_int_equal(init_block()->event_tail, 3);
	assert_int_equal(id_at(0), 100);
	assert_int_equal(id_at(1), 100);
	assert_int_equal(id_at(2), 101);
}

/* What the driver has read is, to the firmware, what it has written. */
static void test_the_head_is_shifted_back(void **state)
{
	struct npu_init *init = (void *)(board.memory + AT_MAILBOX);

	arm(NPU_INJECT_EVENT_TWICE, 1, 0, 0);
	publish(0);
	init->event_head = 2;
	assert_int_equal(board_peek(INIT(event_head)), 1);
}

static void test_event_garbage(void **state)
{
	arm(NPU_INJECT_EVENT_GARBAGE, 1, 0, 0);
	publish(0);
	publish(1);
	assert_int_equal(init_block()->event_tail, 2);
	assert_int_not_equal(id_at(0), 100);
	assert_int_equal(id_at(1), 101);
}

static void test_event_late(void **state)
{
	board.now = 1000;
	arm(NPU_INJECT_EVENT_LATE, 1, 0, 7);
	publish(0);
	publish(1);
	assert_int_equal(init_block()->event_tail, 0);
	assert_int_equal(board_run(), 8000);
	board.now = 8000;
	board_run();
	assert_int_equal(init_block()->event_tail, 2);
	assert_int_equal(board.interrupts[NPU_VECTOR_EVENTS], 1);
}

static void test_ring_tail(void **state)
{
	arm(NPU_INJECT_RING_TAIL, 1, 0, 0);
	publish(0);
	assert_int_equal(init_block()->event_tail, 0x80000001);
	publish(1);
	assert_int_equal(init_block()->event_tail, 2);
}

/* --- Memory ----------------------------------------------------------------------- */

static void test_dma_controller(void **state)
{
	const uint32_t window1 = NPU_ATU_BASE + NPU_ATU_FAULT(1);
	uint32_t i, faults = 0;

	publish(0);
	/* The agent's own accesses to its mailbox are occasions, too. */
	arm(NPU_INJECT_DMA_CONTROLLER, 1, 3, 0);
	for (i = 0; i < 4; i++)
		if (board_load(NPU_WINDOW(1), 4, NULL) == UINT32_MAX)
			faults++;
	assert_int_equal(faults, 1);
	assert_int_equal(board_peek(window1), NPU_FAULT_BUS);
	assert_happened(NPU_INJECT_DMA_CONTROLLER, 1);
}

/* A job of two commands that do nothing; returns its core's state. */
static uint32_t run_job(void)
{
	union npu_cmd *commands = (void *)(board.memory + AT_COMMANDS);

	commands[0].nop = (struct npu_cmd_nop){ .hdr.op = NPU_OP_NOP, .cycles = 1 };
	commands[1] = commands[0];
	board_poke(ROOT_LO, (BOARD_BASE + AT_ROOT) | NPU_MMU_ROOT_VALID);
	board_poke(CORE(NPU_CORE_CONTEXT), 1);
	board_poke(CORE(NPU_CORE_CMD_LO), AT_COMMANDS);
	board_poke(CORE(NPU_CORE_CMD_COUNT), 2);
	board_poke(CORE(NPU_CORE_REGION_LO), AT_REGIONS);
	board_poke(CORE(NPU_CORE_REGION_COUNT), 1);
	board_poke(CORE(NPU_CORE_CTRL), NPU_CORE_START);
	return board_peek(CORE(NPU_CORE_STATUS));
}

static void test_dma_core(void **state)
{
	arm(NPU_INJECT_DMA_CORE, 1, 2, 0); /* regions, command, command */
	assert_int_equal(run_job(), NPU_CORE_FAULTED);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_CODE)), NPU_FAULT_BUS);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_CMD)), 1);
	assert_int_equal(board_peek64(CORE(NPU_CORE_FAULT_ADDR_LO)),
			 AT_COMMANDS + NPU_CMD_SIZE);
	assert_int_equal(run_job(), NPU_CORE_DONE);
}

static void test_command_garbage(void **state)
{
	arm(NPU_INJECT_COMMAND_GARBAGE, 1, 1, 0);
	assert_int_equal(run_job(), NPU_CORE_FAULTED);
	assert_int_equal(board_peek(CORE(NPU_CORE_FAULT_CMD)), 1);
	assert_int_equal(run_job(), NPU_CORE_DONE);
}

/* --- The controller, and the whole ------------------------------------------------- */

static bool is_awake(void)
{
	struct board_access *box = (void *)(board.memory + AT_MAILBOX);

	*box = (struct board_access){ 4, NPU_SYS_BASE, 0, 0 };
	npu_core_doorbell(board.core, 0);
	board_run();
	return !box->kind;
}

static void test_fw_hang(void **state)
{
	assert_true(is_awake());
	arm(NPU_INJECT_FW_HANG, 1, 0, 0);
	assert_false(is_awake());
	assert_false(is_awake());
	assert_happened(NPU_INJECT_FW_HANG, 1);
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	board_run();
	board_boot_agent();
	assert_true(is_awake());
}

/* The agent's handler goes on behind the place of the trap: into the next one. */
static void test_fw_trap(void **state)
{
	uint64_t until;

	arm(NPU_INJECT_FW_TRAP, 1, 1, 0);
	assert_true(is_awake());
	npu_core_doorbell(board.core, 0);
	assert_int_equal(npu_core_run(board.core, 100, &until), NPU_CORE_BUSY);
	assert_int_equal(npu_core_run(board.core, 100, &until), NPU_CORE_BUSY);
	assert_happened(NPU_INJECT_FW_TRAP, 1);
}

static void assert_dead(void)
{
	board.dmas = 0;
	memset(board.interrupts, 0, sizeof(board.interrupts));
	board_write(NPU_REG_CTRL, NPU_CTRL_RESET);
	assert_false(is_awake());
	assert_int_equal(board_read(NPU_REG_ID), UINT32_MAX);
	assert_int_equal(npu_core_mmio_read(board.core, 0, 2), 0xffff);
	assert_true(npu_core_mmio_read(board.core, 0, 8) == UINT64_MAX);
	assert_int_equal(board.dmas, 0);
	assert_int_equal(board.interrupts[0], 0);
}

static void test_dead(void **state)
{
	arm(NPU_INJECT_DEAD, 1, 2, 1);
	assert_int_equal(board_read(NPU_REG_ID), NPU_ID_MAGIC);
	board_write(NPU_REG_IMAGE_SIZE, 0);
	assert_dead();
	npu_core_reset_function(board.core);
	assert_dead();
	npu_core_reset_function(board.core);
	board_run();
	assert_int_equal(board_read(NPU_REG_BOOT_STATUS), NPU_BOOT_RESET);
	board_boot_agent();
	assert_true(is_awake());
	assert_happened(NPU_INJECT_DEAD, 1);
}

static void test_dead_for_ever(void **state)
{
	uint32_t i;

	arm(NPU_INJECT_DEAD, 1, 0, NPU_INJECT_FOREVER);
	for (i = 0; i < 1000; i++)
		npu_core_reset_function(board.core);
	assert_dead();
}

#define WITH_AGENT(test) \
	cmocka_unit_test_setup_teardown(test, setup_agent, teardown)

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(test_who_did_not_ask_has_none, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
	WITH_AGENT(test_orders_are_replaced_and_taken_back),
	WITH_AGENT(test_irq_drop),
	WITH_AGENT(test_irq_twice),
	WITH_AGENT(test_irq_spurious),
	WITH_AGENT(test_event_never),
	WITH_AGENT(test_event_twice),
	WITH_AGENT(test_the_head_is_shifted_back),
	WITH_AGENT(test_event_garbage),
	WITH_AGENT(test_event_late),
	WITH_AGENT(test_ring_tail),
	WITH_AGENT(test_dma_controller),
	WITH_AGENT(test_dma_core),
	WITH_AGENT(test_command_garbage),
	WITH_AGENT(test_fw_hang),
	WITH_AGENT(test_fw_trap),
	WITH_AGENT(test_dead),
	WITH_AGENT(test_dead_for_ever),
};

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("inject", tests, NULL, NULL);
}
