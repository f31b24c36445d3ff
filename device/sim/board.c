// SPDX-License-Identifier: MIT
/*
 * The simulated board: the machine with its memory, booted with the embedded
 * firmware, and the rings that the firmware serves. Made once for each device
 * that is opened.
 *
 * Time is simulated: it creeps while the machine works and jumps to the
 * controller's next timer event when it sleeps, so a job that hangs is timed
 * out at once, and always in the same way.
 */
#include "sim.h"

#include "../../libtinynpu/error.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_INSTRUCTIONS 4096
#define SLICE_NS 1000
#define IDLE_TRIES 200
#define IDLE_PAUSES 16
#define PATIENCE_NS 60000000000ull /* without an awaited event */
#define JOBS_PATIENCE_NS 600000000000ull /* simulated, without any job's end */

/* --- What the machine asks of its host ------------------------------------- */

static void *board_reach(void *opaque, uint64_t address, size_t size,
			 bool is_write)
{
	struct sim_board *board = opaque;

	if (is_write && sim_memory_seal_of(&board->memory, address, size))
		return NULL;
	return sim_memory_at(&board->memory, address, size);
}

static uint64_t board_seal(void *opaque, uint64_t address, size_t size)
{
	struct sim_board *board = opaque;

	return sim_memory_seal_of(&board->memory, address, size);
}

static int board_dma_read(void *opaque, uint64_t address, void *buffer,
			  size_t size)
{
	const void *source = board_reach(opaque, address, size, false);

	if (!source)
		return -1;
	memcpy(buffer, source, size);
	return 0;
}

static int board_dma_write(void *opaque, uint64_t address, const void *buffer,
			   size_t size)
{
	void *target = board_reach(opaque, address, size, true);

	if (!target)
		return -1;
	memcpy(target, buffer, size);
	return 0;
}

/* Whoever runs the machine looks at the event ring after each slice. */
static void board_raise_irq(void *opaque, unsigned int vector)
{
}

static uint64_t board_now_ns(void *opaque)
{
	const struct sim_board *board = opaque;

	return board->now_ns;
}

static void board_sha256(void *opaque, const void *data, size_t size,
			 uint8_t digest[NPU_IMAGE_DIGEST_SIZE])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, size, data);
	sha256_digest(&ctx, NPU_IMAGE_DIGEST_SIZE, digest);
}

static void board_wake(void *opaque)
{
	struct sim_board *board = opaque;

	board->is_woken = true;
}

static void board_unlock(void *opaque)
{
	struct sim_board *board = opaque;

	board->apart++;
	turn_give(&board->turn);
}

static void board_lock(void *opaque)
{
	struct sim_board *board = opaque;

	turn_take(&board->turn);
	board->apart--;
}

static const struct npu_host_ops board_ops = {
	.dma_read = board_dma_read,
	.dma_write = board_dma_write,
	.raise_irq = board_raise_irq,
	.now_ns = board_now_ns,
	.sha256 = board_sha256,
	.wake = board_wake,
	.reach = board_reach,
	.seal = board_seal,
};

/* --- Traces ---------------------------------------------------------------- */

/* The others are nobody's business but ours. */
static const uint32_t trace_kinds[] = {
	[NPU_TRACE_DOORBELL] = TINYNPU_TRACE_DOORBELL,
	[NPU_TRACE_HOST_IRQ] = TINYNPU_TRACE_INTERRUPT,
	[NPU_TRACE_JOB_START] = TINYNPU_TRACE_JOB_START,
	[NPU_TRACE_JOB_END] = TINYNPU_TRACE_JOB_END,
	[NPU_TRACE_COMMAND] = TINYNPU_TRACE_COMMAND,
};

static void board_trace(void *opaque, const struct npu_trace *trace)
{
	struct sim_board *board = opaque;
	struct tinynpu_trace out = {
		.kind = trace->kind < sizeof(trace_kinds) /
					      sizeof(trace_kinds[0]) ?
				trace_kinds[trace->kind] : 0,
		.core = trace->core,
		.unit = trace->unit,
		.command = trace->index,
		.start = trace->start,
		.end = trace->end,
		.instructions = trace->instructions,
		.reads = trace->reads,
		.writes = trace->writes,
	};
	uint32_t i;

	if (!out.kind)
		return;
	for (i = 0; i < trace->reads + trace->writes; i++)
		out.range[i] = (struct tinynpu_trace_range){
			trace->range[i].low, trace->range[i].high };
	board->trace(board->trace_opaque, &out);
}

void sim_board_trace(struct sim_board *board, tinynpu_trace_fn fn,
		     void *opaque)
{
	board->trace = fn;
	board->trace_opaque = opaque;
	board->ops.trace = fn ? board_trace : NULL;
}

/* --- Running --------------------------------------------------------------- */

void sim_board_lose(struct sim_board *board, const char *why)
{
	unsigned int i;

	if (!board->is_lost)
		snprintf(board->lost_why, sizeof(board->lost_why), "%s", why);
	board->is_lost = true;
	for (i = 0; i < SIM_CONTEXTS; i++) {
		struct npu_event event = {
			.type = NPU_EVENT_JOB_DONE,
			.queue = i,
			.status = NPU_JOB_RESET,
		};

		if (board->contexts[i])
			sim_job_done(board, &event);
	}
}

/* Returns whether there were any. */
static bool take_events(struct sim_board *board)
{
	struct npu_init *init = board->init;
	bool is_any = init->event_head != init->event_tail;

	while (init->event_head != init->event_tail) {
		const struct npu_event *event =
			&board->events[init->event_head % NPU_EVENT_ENTRIES];

		if (event->type == NPU_EVENT_ADMIN_DONE)
			board->admin_answer = *event;
		else if (event->type == NPU_EVENT_JOB_DONE)
			sim_job_done(board, event);
		init->event_head++;
	}
	return is_any;
}

void sim_board_tell(struct sim_board *board)
{
	if (!board->idlers)
		return;
	pthread_mutex_lock(&board->turn.lock);
	pthread_cond_broadcast(&board->told);
	pthread_mutex_unlock(&board->turn.lock);
}

/* Let others have their turn for a moment. */
static void step_aside(struct sim_board *board)
{
	unsigned int i;

	turn_give(&board->turn);
	for (i = 0; i < IDLE_PAUSES; i++)
		turn_pause();
	turn_take(&board->turn);
}

/* Until somebody tells of news. */
static void sleep_idly(struct sim_board *board)
{
	board->idlers++;
	pthread_mutex_lock(&board->turn.lock);
	turn_give_locked(&board->turn);
	pthread_cond_wait(&board->told, &board->turn.lock);
	pthread_mutex_unlock(&board->turn.lock);
	turn_take(&board->turn);
	board->idlers--;
}

/* Others have to get on first; mostly that takes them but a moment. */
static void await_others(struct sim_board *board, struct sim_driver *driver)
{
	if (driver->tries++ < IDLE_TRIES) {
		step_aside(board);
		return;
	}
	sleep_idly(board);
	driver->tries = 0;
}

void sim_board_calm(struct sim_board *board)
{
	board->quiet_wanted++;
	while (board->apart)
		step_aside(board);
	board->quiet_wanted--;
	sim_board_tell(board);
}

bool sim_board_step(struct sim_board *board, struct sim_driver *driver)
{
	struct npu_share *share = &driver->share;
	enum npu_core_next next;
	bool has_events;

	if (board->quiet_wanted) {
		await_others(board, driver);
		return true;
	}
	board->is_woken = false;
	next = npu_core_share(board->core, SLICE_INSTRUCTIONS, share);
	has_events = take_events(board);
	if (has_events || share->ran_controller)
		sim_board_tell(board);
	if (next == NPU_CORE_ELSEWHERE && !has_events) {
		await_others(board, driver);
		return true;
	}
	driver->tries = 0;
	board->now_ns += SLICE_NS;
	/* After an event there may be nothing to wait for: no time passes then. */
	if (next == NPU_CORE_BUSY || board->is_woken || has_events)
		return true;
	if (share->until_ns == NPU_CORE_FOREVER)
		return false;
	if (share->until_ns > board->now_ns)
		board->now_ns = share->until_ns;
	return true;
}

/* Let the machine work at the jobs for a slice. */
static void drive(struct sim_board *board, struct sim_driver *driver)
{
	bool goes_on = sim_board_step(board, driver);

	if (board->jobs && (!goes_on || board->now_ns - board->last_end_ns >
						JOBS_PATIENCE_NS))
		sim_board_lose(board, "the firmware does not end its jobs");
}

void sim_board_drive(struct sim_board *board, struct sim_driver *driver,
		     bool (*is_over)(const void *what), const void *what)
{
	driver->tries = 0;
	while (!is_over(what) && board->drivers == board->machine.cores)
		sleep_idly(board);
	board->drivers++;
	while (!is_over(what)) {
		drive(board, driver);
		turn_pass(&board->turn);
	}
	board->drivers--;
	/* Somebody may have slept, or wait for the job that this thread was at. */
	sim_board_tell(board);
}

static bool is_answered(const struct sim_board *board)
{
	return board->admin_answer.type == NPU_EVENT_ADMIN_DONE &&
	       board->admin_answer.id == board->admin_seq;
}

int sim_board_admin(struct sim_board *board, enum npu_admin_op op,
		    const uint64_t args[7], struct tinynpu_error *error)
{
	uint64_t limit_ns = board->now_ns + PATIENCE_NS;
	struct sim_driver driver = { .tries = 0 };
	struct npu_admin_cmd *cmd;

	while (board->is_in_admin)
		await_others(board, &driver);
	board->is_in_admin = true;
	cmd = &board->admin[board->init->admin_tail % NPU_ADMIN_ENTRIES];
	*cmd = (struct npu_admin_cmd){ .op = op, .seq = ++board->admin_seq };
	memcpy(cmd->args, args, sizeof(cmd->args));
	board->init->admin_tail++;
	if (board->init->admin_armed)
		npu_core_doorbell(board->core, NPU_DOORBELL_ADMIN);
	while (!board->is_lost && !is_answered(board))
		if ((!sim_board_step(board, &driver) && !is_answered(board)) ||
		    board->now_ns > limit_ns)
			sim_board_lose(board, "no answer from the firmware");
	board->is_in_admin = false;
	sim_board_tell(board);
	if (board->is_lost)
		return tinynpu_error_set(error, -EIO, "simulator: %s",
					 board->lost_why);
	if (board->admin_answer.status != NPU_ADMIN_OK)
		return tinynpu_error_set(error, -EIO,
			"simulator: firmware refused command %d: status %u", op,
			board->admin_answer.status);
	return 0;
}

/* --- Boot ------------------------------------------------------------------ */

static uint32_t read_reg(struct sim_board *board, uint64_t offset)
{
	return npu_core_mmio_read(board->core, offset, 4);
}

static void write_reg(struct sim_board *board, uint64_t offset, uint32_t value)
{
	npu_core_mmio_write(board->core, offset, value, 4);
}

static int alloc_rings(struct sim_board *board, uint64_t *init_bus)
{
	uint64_t admin_bus, events_bus, log_bus;
	void *log;

	board->init = sim_memory_alloc(&board->memory, sizeof(*board->init),
				       board, init_bus);
	board->admin = sim_memory_alloc(&board->memory,
					NPU_ADMIN_ENTRIES *
						sizeof(*board->admin),
					board, &admin_bus);
	board->events = sim_memory_alloc(&board->memory,
					 NPU_EVENT_ENTRIES *
						 sizeof(*board->events),
					 board, &events_bus);
	log = sim_memory_alloc(&board->memory, NPU_LOG_SIZE, board, &log_bus);
	if (!board->init || !board->admin || !board->events || !log)
		return -ENOMEM;
	*board->init = (struct npu_init){
		.magic = NPU_INIT_MAGIC,
		.abi_min = NPU_RING_ABI_MIN,
		.abi_max = NPU_RING_ABI_MAX,
		.admin_ring = admin_bus,
		.event_ring = events_bus,
		.log = log_bus,
	};
	return 0;
}

/* Until the firmware has made up its mind; returns its state. */
static uint32_t await_firmware(struct sim_board *board)
{
	uint64_t limit_ns = board->now_ns + PATIENCE_NS;
	struct sim_driver driver = { .tries = 0 };
	uint32_t state;

	do {
		bool goes_on = sim_board_step(board, &driver);

		state = read_reg(board, NPU_REG_SCRATCH(NPU_FW_SCRATCH_STATE));
		if (!goes_on || board->now_ns > limit_ns)
			break;
	} while (state == NPU_FW_NONE || state == NPU_FW_STARTING);
	return state;
}

static int boot(struct sim_board *board, struct tinynpu_error *error)
{
	size_t image_size = sim_firmware_end - sim_firmware;
	uint64_t image_bus, init_bus;
	uint32_t state;
	void *image;

	image = sim_memory_alloc(&board->memory, image_size, sim_firmware,
				 &image_bus);
	if (!image || alloc_rings(board, &init_bus))
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	memcpy(image, sim_firmware, image_size);
	write_reg(board, NPU_REG_IMAGE_LO, image_bus);
	write_reg(board, NPU_REG_IMAGE_HI, image_bus >> 32);
	write_reg(board, NPU_REG_IMAGE_SIZE, image_size);
	write_reg(board, NPU_REG_ARG_LO, init_bus);
	write_reg(board, NPU_REG_ARG_HI, init_bus >> 32);
	write_reg(board, NPU_REG_CTRL, NPU_CTRL_BOOT);
	state = await_firmware(board);
	sim_memory_free_owned(&board->memory, sim_firmware);
	if (state != NPU_FW_READY)
		return tinynpu_error_set(error, -EIO,
			"simulator: firmware did not start: boot status 0x%x, state %u, reason %u",
			read_reg(board, NPU_REG_BOOT_STATUS), state,
			read_reg(board,
				 NPU_REG_SCRATCH(NPU_FW_SCRATCH_REASON)));
	return 0;
}

/* --- Life ------------------------------------------------------------------ */

static void init_locks(struct sim_board *board)
{
	pthread_condattr_t attr;

	turn_init(&board->turn);
	pthread_cond_init(&board->work, NULL);
	pthread_cond_init(&board->told, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&board->done, &attr);
	pthread_condattr_destroy(&attr);
}

static void free_board(struct sim_board *board)
{
	pthread_cond_destroy(&board->done);
	pthread_cond_destroy(&board->told);
	pthread_cond_destroy(&board->work);
	turn_fini(&board->turn);
	sim_memory_fini(&board->memory);
	npu_core_fini(board->core);
	free(board->core_memory);
	free(board);
}

int sim_board_create(const struct npu_machine *machine,
		     struct sim_board **board, struct tinynpu_error *error)
{
	size_t size = npu_core_size(machine);
	struct sim_board *new;
	int err;

	new = calloc(1, sizeof(*new));
	if (!new)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	init_locks(new);
	sim_memory_init(&new->memory);
	new->machine = *machine;
	new->ops = board_ops;
	if (machine->cores > 1) {
		new->ops.unlock = board_unlock;
		new->ops.lock = board_lock;
	}
	if (posix_memalign(&new->core_memory, NPU_CORE_ALIGN, size)) {
		new->core_memory = NULL;
		err = tinynpu_error_set(error, -ENOMEM, "out of memory");
		goto err_free;
	}
	new->core = npu_core_init(new->core_memory, machine, &new->ops, new);
	if (!new->core) {
		err = tinynpu_error_set(error, -EINVAL,
			"simulator: no machine of this configuration");
		goto err_free;
	}
	err = boot(new, error);
	if (err)
		goto err_free;
	*board = new;
	return 0;

err_free:
	free_board(new);
	return err;
}

void sim_board_destroy(struct sim_board *board)
{
	unsigned int i;

	pthread_mutex_lock(&board->turn.lock);
	board->is_stopping = true;
	pthread_cond_broadcast(&board->work);
	pthread_mutex_unlock(&board->turn.lock);
	for (i = 0; i < board->worker_count; i++)
		pthread_join(board->workers[i].thread, NULL);
	free_board(board);
}
