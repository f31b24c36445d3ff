// SPDX-License-Identifier: MIT
/*
 * The built firmware image on the machine: boot, handshake, jobs that end in
 * each possible way, and what a crash leaves behind. Time is the test's own: it
 * jumps to the controller's timer whenever the machine sleeps.
 */
#include "npu_core.h"

#include <npu/isa.h>
#include <npu/ring.h>

#include <nettle/sha2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BUS 0x880000000ull
#define MEMORY_SIZE 0x400000u
#define INIT 0x1000u /* offsets in memory */
#define ADMIN 0x2000u
#define LOG 0x8000u
#define EVENTS 0x10000u
#define QUEUES 0x100000u
#define TABLES 0x180000u /* root, middle, and leaves of 2 MiB from address 0 */
#define IMAGE 0x200000u
#define DATA 0x300000u /* seen by contexts from address 0 */
#define DATA_SIZE 0x100000u

#define COMMANDS 0x0 /* addresses in the context */
#define REGIONS 0x4000u
#define RESULT 0x8000u
#define WATCHDOG_NS 1000000000ull

static uint8_t memory[MEMORY_SIZE];
static uint64_t now;
static uint32_t irqs;
static void *core_memory;
static struct npu_core *core;
static struct npu_init *const init = (void *)(memory + INIT);
static uint32_t seq, queue_tail;

/* --- The board ------------------------------------------------------------------------ */

static void *at(uint64_t address, size_t size)
{
	if (address < BUS || address - BUS > MEMORY_SIZE - size)
		return NULL;
	return memory + (address - BUS);
}

static int dma_read(void *opaque, uint64_t address, void *buffer, size_t size)
{
	void *place = at(address, size);

	if (place)
		memcpy(buffer, place, size);
	return place ? 0 : -1;
}

static int dma_write(void *opaque, uint64_t address, const void *buffer,
		     size_t size)
{
	void *place = at(address, size);

	if (place)
		memcpy(place, buffer, size);
	return place ? 0 : -1;
}

static void raise_irq(void *opaque, unsigned int vector)
{
	assert_int_equal(vector, NPU_VECTOR_EVENTS);
	irqs++;
}

static uint64_t now_ns(void *opaque)
{
	return now;
}

static void sha256(void *opaque, const void *data, size_t size,
		   uint8_t digest[NPU_IMAGE_DIGEST_SIZE])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, size, data);
	sha256_digest(&ctx, NPU_IMAGE_DIGEST_SIZE, digest);
}

static void wake(void *opaque)
{
}

static const struct npu_host_ops ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
	.raise_irq = raise_irq,
	.now_ns = now_ns,
	.sha256 = sha256,
	.wake = wake,
};

static uint32_t scratch(uint32_t n)
{
	return npu_core_mmio_read(core, NPU_REG_SCRATCH(n), 4);
}

static void set_reg(uint32_t reg, uint32_t value)
{
	npu_core_mmio_write(core, reg, value, 4);
}

/* Until nothing but a doorbell can wake it, or there is an unread event. */
static void run(void)
{
	uint64_t until;
	uint32_t i;

	for (i = 0; i < 100000; i++) {
		if (npu_core_run(core, 1000, &until) == NPU_CORE_BUSY) {
			now += 1000;
			continue;
		}
		if (init->event_tail != init->event_head)
			return;
		if (until == NPU_CORE_FOREVER)
			return;
		if (until > now)
			now = until;
	}
	fail_msg("the machine never rests");
}

static const char *image_file = FIRMWARE_IMAGE;
static uint32_t driver_abi_max = NPU_RING_ABI_MAX;

static uint32_t load_image(void)
{
	FILE *file = fopen(image_file, "rb");
	size_t size;

	assert_non_null(file);
	size = fread(memory + IMAGE, 1, NPU_IMAGE_MAX_SIZE, file);
	fclose(file);
	assert_in_range(size, sizeof(struct npu_image_header),
			NPU_IMAGE_MAX_SIZE);
	return size;
}

static uint32_t prepare(void)
{
	const struct npu_machine machine = NPU_MACHINE_DEFAULT;

	memset(memory, 0, sizeof(memory));
	now = 1000000;
	irqs = seq = queue_tail = 0;
	npu_core_fini(core);
	free(core_memory);
	assert_int_equal(posix_memalign(&core_memory, NPU_CORE_ALIGN,
					npu_core_size(&machine)), 0);
	core = npu_core_init(core_memory, &machine, &ops, NULL);
	assert_non_null(core);
	*init = (struct npu_init){
		.magic = NPU_INIT_MAGIC,
		.abi_min = NPU_RING_ABI_MIN,
		.abi_max = driver_abi_max,
		.admin_ring = BUS + ADMIN,
		.event_ring = BUS + EVENTS,
		.log = BUS + LOG,
		.event_armed = 1,
	};
	return load_image();
}

static uint32_t boot(uint32_t size)
{
	set_reg(NPU_REG_IMAGE_LO, (uint32_t)(BUS + IMAGE));
	set_reg(NPU_REG_IMAGE_HI, (BUS + IMAGE) >> 32);
	set_reg(NPU_REG_IMAGE_SIZE, size);
	set_reg(NPU_REG_ARG_LO, (uint32_t)(BUS + INIT));
	set_reg(NPU_REG_ARG_HI, (BUS + INIT) >> 32);
	set_reg(NPU_REG_CTRL, NPU_CTRL_BOOT);
	run();
	assert_int_equal(npu_core_mmio_read(core, NPU_REG_BOOT_STATUS, 4),
			 NPU_BOOT_RUNNING);
	return scratch(NPU_FW_SCRATCH_STATE);
}

/* --- The driver ------------------------------------------------------------------------ */

static struct npu_event take_event(void)
{
	struct npu_event *events = (void *)(memory + EVENTS);

	assert_int_not_equal(init->event_tail, init->event_head);
	return events[init->event_head++ % NPU_EVENT_ENTRIES];
}

static struct npu_event next_event(void)
{
	run();
	return take_event();
}

static uint32_t admin(uint32_t op, const void *args, uint32_t size)
{
	struct npu_admin_cmd *ring = (void *)(memory + ADMIN);
	struct npu_admin_cmd cmd = { .op = op, .seq = ++seq };
	struct npu_event event;

	memcpy(cmd.args, args, size);
	ring[init->admin_tail++ % NPU_ADMIN_ENTRIES] = cmd;
	if (init->admin_armed)
		npu_core_doorbell(core, NPU_DOORBELL_ADMIN);
	event = next_event();
	assert_int_equal(event.type, NPU_EVENT_ADMIN_DONE);
	assert_int_equal(event.id, seq);
	return event.status;
}

static void map_data(void)
{
	uint64_t *root = (void *)(memory + TABLES);
	uint64_t *middle = root + 512;
	uint64_t *leaves = middle + 512;
	uint32_t i;

	root[0] = (BUS + TABLES + 0x1000) >> 12 << 10 | 1;
	middle[0] = (BUS + TABLES + 0x2000) >> 12 << 10 | 1;
	for (i = 0; i < DATA_SIZE / 4096; i++)
		leaves[i] = (BUS + DATA + 4096 * i) >> 12 << 10 | 7;
}

static void create_queue(void)
{
	const struct npu_admin_queue queue = {
		.queue = 5, .context = 2, .entries = 8, .ring = BUS + QUEUES,
		.watchdog_ns = WATCHDOG_NS,
	};

	memset(memory + QUEUES, 0, sizeof(struct npu_queue_ring));
	queue_tail = 0;
	assert_int_equal(admin(NPU_ADMIN_QUEUE_CREATE, &queue, sizeof(queue)),
			 NPU_ADMIN_OK);
}

static void start(void)
{
	const uint64_t context[] = { 2, BUS + TABLES };

	assert_int_equal(boot(prepare()), NPU_FW_READY);
	map_data();
	assert_int_equal(admin(NPU_ADMIN_CONTEXT_SET, context,
			       sizeof(context)), NPU_ADMIN_OK);
	create_queue();
}

static union npu_cmd nop(uint32_t cycles)
{
	return (union npu_cmd){ .nop = { .hdr.op = NPU_OP_NOP,
					 .cycles = cycles } };
}

static struct npu_event run_job(const union npu_cmd *cmds, uint32_t count)
{
	struct npu_queue_ring *ring = (void *)(memory + QUEUES);
	struct npu_event event;

	memcpy(memory + DATA + COMMANDS, cmds, count * sizeof(*cmds));
	memset(memory + DATA + RESULT, 0, sizeof(struct npu_job_result));
	ring->jobs[queue_tail % 8] = (struct npu_job){
		.cookie = 0x1234500000000ull + queue_tail,
		.commands = COMMANDS,
		.regions = REGIONS,
		.result = RESULT,
		.command_count = count,
	};
	ring->tail = ++queue_tail;
	if (ring->armed)
		npu_core_doorbell(core, NPU_DOORBELL_QUEUE(5));
	event = next_event();
	assert_int_equal(event.type, NPU_EVENT_JOB_DONE);
	assert_int_equal(event.queue, 5);
	assert_int_equal(event.id, 0x1234500000000ull + queue_tail - 1);
	return event;
}

static const struct npu_job_result *result(void)
{
	return (void *)(memory + DATA + RESULT);
}

/* --- Tests ------------------------------------------------------------------------------- */

static void the_image_boots(void **state)
{
	assert_int_equal(boot(prepare()), NPU_FW_READY);
	assert_int_equal(init->abi, NPU_RING_ABI_MAX);
	assert_int_equal(init->admin_armed, 1);
	assert_non_null(memmem(memory + LOG, 100, "protocol 3, 1 cores\n", 20));
	assert_int_equal(admin(NPU_ADMIN_PING, "", 0), NPU_ADMIN_OK);
	assert_int_equal(irqs, 1);
}

static void the_firmware_refuses_other_protocols(void **state)
{
	uint32_t size = prepare();

	init->abi_min = init->abi_max = NPU_RING_ABI_MAX + 1;
	assert_int_equal(boot(size), NPU_FW_REFUSED);
	assert_int_equal(scratch(NPU_FW_SCRATCH_REASON), NPU_FW_REFUSAL_ABI);
}

static void the_firmware_refuses_a_missing_init_block(void **state)
{
	uint32_t size = prepare();

	init->magic = 0;
	assert_int_equal(boot(size), NPU_FW_REFUSED);
	assert_int_equal(scratch(NPU_FW_SCRATCH_REASON), NPU_FW_REFUSAL_INIT);
}

static void jobs_run(void **state)
{
	const union npu_cmd cmds[] = { nop(100), nop(200) };
	struct npu_event event;
	uint32_t i;

	start();
	for (i = 0; i < 20; i++) {
		event = run_job(cmds, 2);
		assert_int_equal(event.status, NPU_JOB_OK);
		assert_int_equal(result()->status, NPU_JOB_OK);
		assert_int_equal(result()->commands, 2);
		assert_true(result()->cycles > 300);
		assert_int_equal(event.cycles, result()->cycles);
		assert_int_equal(event.energy_fj, result()->energy_fj);
	}
	assert_int_equal(init->jobs_done, 20);
}

static void a_fault_has_its_place(void **state)
{
	union npu_cmd cmds[] = { nop(1), nop(1) };
	struct npu_event event;

	start();
	cmds[1].hdr.op = 0xee;
	event = run_job(cmds, 2);
	assert_int_equal(event.status, NPU_JOB_FAULT);
	assert_int_equal(event.fault_code, NPU_FAULT_OPCODE);
	assert_int_equal(event.fault_cmd, 1);
	assert_int_equal(result()->status, NPU_JOB_FAULT);
	assert_int_equal(result()->commands, 1);
}

static void a_job_that_waits_for_ever_is_timed_out(void **state)
{
	const uint64_t queue = 5;
	union npu_cmd cmds[] = { nop(1), nop(1) };
	struct npu_event event;
	uint64_t before;

	start();
	cmds[1].hdr.flags = NPU_CMD_WAIT(NPU_UNIT_MAC);
	cmds[1].hdr.wait[NPU_UNIT_MAC] = 1;
	before = now;
	event = run_job(cmds, 2);
	assert_int_equal(event.status, NPU_JOB_TIMEOUT);
	assert_int_equal(result()->status, NPU_JOB_TIMEOUT);
	assert_int_equal(result()->commands, 1);
	assert_in_range(now - before, WATCHDOG_NS, 2 * WATCHDOG_NS);
	assert_true(init->heartbeat >= 10);
	assert_int_equal(admin(NPU_ADMIN_QUEUE_DESTROY, &queue, 8),
			 NPU_ADMIN_OK);
	create_queue();
	cmds[1].hdr.flags = 0;
	assert_int_equal(run_job(cmds, 1).status, NPU_JOB_OK);
}

static void a_readonly_result_is_a_fault(void **state)
{
	const uint64_t invalidate[] = { 2 };
	uint64_t *leaves = (void *)(memory + TABLES + 0x2000);
	const union npu_cmd cmds[] = { nop(1) };
	struct npu_event event;

	start();
	leaves[RESULT / 4096] &= ~4ull;
	assert_int_equal(admin(NPU_ADMIN_INVALIDATE, invalidate, 8),
			 NPU_ADMIN_OK);
	event = run_job(cmds, 1);
	assert_int_equal(event.status, NPU_JOB_FAULT);
	assert_int_equal(event.fault_code, NPU_FAULT_PAGE_WRITE);
	assert_int_equal(event.fault_unit, NPU_FAULT_UNIT_FETCH);
	assert_int_equal(event.fault_addr, RESULT);
	assert_int_equal(result()->status, NPU_JOB_PENDING);
}

/* --- Versions of the protocol ------------------------------------------------------------- */

/*
 * Where either side speaks version 1 only: jobs run, and what version 2 has more
 * is refused as what it is to firmware of version 1.
 */
static void assert_protocol_1(void)
{
	const uint64_t counters[] = { BUS + DATA, 4096 };
	const uint64_t cancel[] = { 5, 1 };
	struct npu_admin_queue queue = {
		.queue = 6, .context = 2, .entries = 8,
		.ring = BUS + QUEUES + 0x4000, .watchdog_ns = WATCHDOG_NS,
		.deadline_ns = 1,
	};
	const union npu_cmd cmds[] = { nop(100) };

	start();
	assert_int_equal(init->abi, 1);
	assert_non_null(memmem(memory + LOG, 100, "protocol 1, 1 cores\n", 20));
	assert_int_equal(admin(NPU_ADMIN_PING, "", 0), NPU_ADMIN_OK);
	assert_int_equal(admin(NPU_ADMIN_COUNTERS, counters, 16),
			 NPU_ADMIN_BAD_OP);
	assert_int_equal(admin(NPU_ADMIN_JOB_CANCEL, cancel, 16),
			 NPU_ADMIN_BAD_OP);
	assert_int_equal(admin(NPU_ADMIN_QUEUE_CREATE, &queue, sizeof(queue)),
			 NPU_ADMIN_BAD_ARG);
	queue.deadline_ns = 0;
	assert_int_equal(admin(NPU_ADMIN_QUEUE_CREATE, &queue, sizeof(queue)),
			 NPU_ADMIN_OK);
	assert_int_equal(run_job(cmds, 1).status, NPU_JOB_OK);
}

static void this_firmware_serves_an_old_driver(void **state)
{
	driver_abi_max = 1;
	assert_protocol_1();
}

static void old_firmware_serves_this_driver(void **state)
{
	const struct npu_image_header *header = (void *)(memory + IMAGE);

	image_file = FIRMWARE_ABI1;
	assert_protocol_1();
	assert_int_equal(header->abi_max, 1);
}

static void old_firmware_refuses_a_newer_driver(void **state)
{
	uint32_t size;

	image_file = FIRMWARE_ABI1;
	size = prepare();
	init->abi_min = 2;
	assert_int_equal(boot(size), NPU_FW_REFUSED);
	assert_int_equal(scratch(NPU_FW_SCRATCH_REASON), NPU_FW_REFUSAL_ABI);
}

static int use_this_version(void **state)
{
	image_file = FIRMWARE_IMAGE;
	driver_abi_max = NPU_RING_ABI_MAX;
	return 0;
}

/* --- Preemption ---------------------------------------------------------------------------- */

#define LONG_JOB 300 /* commands */
#define URGENT 0xa000u /* address of the urgent job's command */

static void put_job(uint32_t queue, uint32_t commands, uint32_t count,
		    uint32_t result)
{
	struct npu_queue_ring *ring =
		(void *)(memory + QUEUES + (queue - 5) * 0x4000);

	ring->jobs[ring->tail % 8] = (struct npu_job){
		.cookie = queue, .commands = commands, .regions = REGIONS,
		.result = result, .command_count = count,
	};
	ring->tail++;
	if (ring->armed)
		npu_core_doorbell(core, NPU_DOORBELL_QUEUE(queue));
}

/* Some slices of work, or until there is an event. */
static void work(uint32_t slices, bool is_until_event)
{
	uint64_t until;

	while (slices-- && !(is_until_event &&
			     init->event_tail != init->event_head))
		npu_core_run(core, 100, &until);
}

/* A long job with marks, interrupted by @count urgent ones; its event. */
static struct npu_event run_interrupted(uint32_t count)
{
	union npu_cmd *cmds = (void *)(memory + DATA + COMMANDS);
	struct npu_event event;
	uint32_t i;

	for (i = 0; i < LONG_JOB; i++) {
		cmds[i] = nop(10 + i);
		if (i % 10 == 0)
			cmds[i].hdr.flags = NPU_CMD_SRAM_DEAD;
	}
	*(union npu_cmd *)(memory + DATA + URGENT) = nop(7);
	put_job(5, COMMANDS, LONG_JOB, RESULT);
	for (i = 0; i < count; i++) {
		work(30, false);
		put_job(6, URGENT, 1, 0);
		work(UINT32_MAX, true);
		event = take_event();
		assert_int_equal(event.queue, 6);
		assert_int_equal(event.status, NPU_JOB_OK);
	}
	event = next_event();
	assert_int_equal(event.queue, 5);
	assert_int_equal(event.status, NPU_JOB_OK);
	return event;
}

static void a_preempted_jobs_record_is_the_same(void **state)
{
	const struct npu_counters *counters = (void *)(memory + DATA + 0x20000);
	const uint64_t args[] = { BUS + DATA + 0x20000, sizeof(*counters) };
	const struct npu_admin_queue urgent = {
		.queue = 6, .context = 2, .priority = 3, .entries = 8,
		.ring = BUS + QUEUES + 0x4000, .watchdog_ns = WATCHDOG_NS,
	};
	struct npu_job_result whole;
	struct npu_event event;

	start();
	assert_int_equal(admin(NPU_ADMIN_QUEUE_CREATE, &urgent,
			       sizeof(urgent)), NPU_ADMIN_OK);
	event = run_interrupted(0);
	whole = *result();
	assert_int_equal(event.cycles, whole.cycles);
	memset(memory + DATA + RESULT, 0, sizeof(whole));
	event = run_interrupted(4);
	assert_int_equal(event.cycles, whole.cycles);
	assert_int_equal(event.energy_fj, whole.energy_fj);
	assert_memory_equal(result(), &whole, sizeof(whole));
	assert_int_equal(admin(NPU_ADMIN_COUNTERS, args, sizeof(args)),
			 NPU_ADMIN_OK);
	assert_int_equal(counters->queue[5].preemptions, 4);
	assert_int_equal(counters->queue[5].cycles, 2 * whole.cycles);
	assert_int_equal(counters->queue[5].jobs, 2);
	assert_int_equal(counters->queue[6].jobs, 4);
	assert_int_equal(counters->core[0].jobs, 6);
}

/* An illegal instruction where start.S calls main(). */
static void a_crash_leaves_a_record(void **state)
{
	struct npu_image_header *header = (void *)(memory + IMAGE);
	uint32_t size = prepare();
	uint32_t call = header->entry - header->load_addr + 20;

	memset(memory + IMAGE + sizeof(*header) + call, 0, 8);
	memset(header->digest, 0, sizeof(header->digest));
	sha256(NULL, header, size, header->digest);
	assert_int_equal(boot(size), NPU_FW_CRASHED);
	assert_int_equal(scratch(NPU_FW_SCRATCH_MCAUSE), 2);
	assert_int_equal(scratch(NPU_FW_SCRATCH_MEPC), header->entry + 20);
	assert_int_equal(scratch(NPU_FW_SCRATCH_SP), NPU_TCM_BASE + 4096);
}

static int free_machine(void **state)
{
	free(core_memory);
	core_memory = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_image_boots),
		cmocka_unit_test(the_firmware_refuses_other_protocols),
		cmocka_unit_test(the_firmware_refuses_a_missing_init_block),
		cmocka_unit_test(jobs_run),
		cmocka_unit_test(a_fault_has_its_place),
		cmocka_unit_test(a_job_that_waits_for_ever_is_timed_out),
		cmocka_unit_test(a_readonly_result_is_a_fault),
		cmocka_unit_test_teardown(this_firmware_serves_an_old_driver,
					  use_this_version),
		cmocka_unit_test_teardown(old_firmware_serves_this_driver,
					  use_this_version),
		cmocka_unit_test_teardown(old_firmware_refuses_a_newer_driver,
					  use_this_version),
		cmocka_unit_test(a_preempted_jobs_record_is_the_same),
		cmocka_unit_test(a_crash_leaves_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, free_machine);
}
