// SPDX-License-Identifier: MIT
/*
 * Devices, contexts and their buffers of the simulator, and the table of
 * functions by which the library reaches it.
 */
#include "jobs.h"
#include "options.h"
#include "sim.h"

#include "../../libtinynpu/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PRIORITY 1
#define WATCHDOG_NS 2000000000ull
#define PAGE_BYTES 4096

static int sim_device_open(const char *options, void **device,
			   struct tinynpu_error *error)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	int err;

	err = sim_options_parse(options, &machine, error);
	if (err)
		return err;
	return sim_board_create(&machine, (struct sim_board **)device, error);
}

static void sim_device_close(void *device)
{
	sim_board_destroy(device);
}

static void sim_device_info(void *device, struct tinynpu_device_info *info)
{
	const struct sim_board *board = device;
	const struct npu_machine *m = &board->machine;
	const struct npu_image_header *image = (const void *)sim_firmware;

	*info = (struct tinynpu_device_info){
		.backend = "sim",
		.name = "simulator",
		.hw_version = NPU_HW_VERSION_MAJOR << 16 |
			      NPU_HW_VERSION_MINOR,
		.firmware_abi = board->init->abi,
		.cores = m->cores,
		.macs = m->macs,
		.sram_size = m->sram_size,
		.clock_khz = m->clock_khz,
		.sram_bw = m->sram_bw,
		.sram_latency = m->sram_latency,
		.mem_bw = m->mem_bw,
		.mem_latency = m->mem_latency,
		.job_timeout_ms = WATCHDOG_NS / 1000000,
		.restricted = m->restricted,
	};
	memcpy(info->firmware, image->name, sizeof(info->firmware) - 1);
}

static void sim_device_trace(void *device, tinynpu_trace_fn fn, void *opaque)
{
	struct sim_board *board = device;

	turn_take(&board->turn);
	sim_board_trace(board, fn, opaque);
	turn_give(&board->turn);
}

/* --- Contexts -------------------------------------------------------------- */

static int attach(struct sim_context *ctx, uint64_t ring_bus,
		  struct tinynpu_error *error)
{
	uint64_t number = ctx->queue + 1;
	uint64_t set[7] = { number, ctx->root };
	uint64_t clear[7] = { number };
	struct npu_admin_queue create = {
		.queue = ctx->queue,
		.context = number,
		.priority = PRIORITY,
		.entries = SIM_RING_ENTRIES,
		.ring = ring_bus,
		.watchdog_ns = WATCHDOG_NS,
	};
	uint64_t args[7];
	int err;

	err = sim_board_admin(ctx->board, NPU_ADMIN_CONTEXT_SET, set, error);
	if (err)
		return err;
	memcpy(args, &create, sizeof(create));
	err = sim_board_admin(ctx->board, NPU_ADMIN_QUEUE_CREATE, args, error);
	if (err)
		sim_board_admin(ctx->board, NPU_ADMIN_CONTEXT_CLEAR, clear,
				NULL);
	return err;
}

/* Makes the context known to the board; what it allocates the caller frees. */
static int join_board(struct sim_context *ctx, struct tinynpu_error *error)
{
	struct sim_board *board = ctx->board;
	uint64_t ring_bus;

	while (ctx->queue < SIM_CONTEXTS && board->contexts[ctx->queue])
		ctx->queue++;
	if (ctx->queue == SIM_CONTEXTS)
		return tinynpu_error_set(error, -ENOSPC,
			"simulator: all %d contexts are in use", SIM_CONTEXTS);
	board->contexts[ctx->queue] = ctx;
	sim_board_calm(board);
	ctx->ring = sim_memory_alloc(&board->memory, sizeof(*ctx->ring), ctx,
				     &ring_bus);
	if (!ctx->ring ||
	    !sim_memory_alloc(&board->memory, PAGE_BYTES, ctx, &ctx->root))
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	return attach(ctx, ring_bus, error);
}

static void leave_board(struct sim_context *ctx)
{
	struct sim_board *board = ctx->board;

	sim_board_calm(board);
	sim_memory_free_owned(&board->memory, ctx);
	if (ctx->queue < SIM_CONTEXTS)
		board->contexts[ctx->queue] = NULL;
}

static int sim_context_create(void *device, void **context,
			      struct tinynpu_error *error)
{
	struct sim_context *ctx;
	int err;

	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	ctx->board = device;
	ctx->event_fd = -1;
	turn_take(&ctx->board->turn);
	err = join_board(ctx, error);
	if (err)
		leave_board(ctx);
	turn_give(&ctx->board->turn);
	if (err)
		free(ctx);
	else
		*context = ctx;
	return err;
}

static void sim_context_destroy(void *context)
{
	struct sim_context *ctx = context;
	struct sim_board *board = ctx->board;
	uint64_t queue[7] = { ctx->queue };
	uint64_t number[7] = { ctx->queue + 1 };

	turn_take(&board->turn);
	if (!board->is_lost) {
		sim_board_admin(board, NPU_ADMIN_QUEUE_DESTROY, queue, NULL);
		sim_board_admin(board, NPU_ADMIN_CONTEXT_CLEAR, number, NULL);
	}
	leave_board(ctx);
	turn_give(&board->turn);
	if (ctx->event_fd >= 0)
		close(ctx->event_fd);
	free(ctx);
}

static int sim_buffer_create(void *context, struct backend_buffer *buffer,
			     struct tinynpu_error *error)
{
	struct sim_context *ctx = context;
	uint64_t bus;
	int err = 0;

	turn_take(&ctx->board->turn);
	sim_board_calm(ctx->board);
	buffer->map = sim_memory_alloc(&ctx->board->memory, buffer->size_bytes,
				       ctx, &bus);
	if (!buffer->map ||
	    sim_pagetable_map(ctx, buffer->address, bus, buffer->size_bytes,
			      !buffer->is_readonly))
		err = tinynpu_error_set(error, -ENOMEM, "out of memory");
	else
		buffer->handle = bus / PAGE_BYTES;
	turn_give(&ctx->board->turn);
	return err;
}

/* Where the process has the memory; from a file it is ours to unmap. */
static int map_source(const struct backend_source *source, uint64_t bytes,
		      void **map, struct tinynpu_error *error)
{
	int err;

	*map = source->memory;
	if (!*map)
		*map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    source->fd, source->offset);
	if (*map != MAP_FAILED)
		return 0;
	err = -errno;
	return tinynpu_error_set(error, err, "mapping a file: %s",
				 strerrordesc_np(-err));
}

/* Puts memory at the buffer's address; the machine forgets what was there. */
static int rebind(struct sim_context *ctx, const struct backend_buffer *buffer,
		  uint64_t bus, uint64_t bytes, struct tinynpu_error *error)
{
	uint64_t range[7] = { ctx->queue + 1, buffer->address, bytes };

	/* Its tables are there, so that nothing can be missing. */
	sim_pagetable_map(ctx, buffer->address, bus, bytes,
			  !buffer->is_readonly);
	return sim_board_admin(ctx->board, NPU_ADMIN_INVALIDATE, range, error);
}

static int sim_buffer_replace(void *context, struct backend_buffer *buffer,
			      const struct backend_source *source,
			      struct tinynpu_error *error)
{
	struct sim_context *ctx = context;
	uint64_t bytes = (buffer->size_bytes + PAGE_BYTES - 1) &
			 ~(uint64_t)(PAGE_BYTES - 1);
	uint64_t bus;
	void *map;
	int err;

	err = map_source(source, bytes, &map, error);
	if (err)
		return err;
	turn_take(&ctx->board->turn);
	sim_board_calm(ctx->board);
	bus = sim_memory_add(&ctx->board->memory, map, bytes, ctx,
			     source->memory);
	err = bus ? rebind(ctx, buffer, bus, bytes, error) :
		    tinynpu_error_set(error, -ENOMEM, "out of memory");
	if (!err) {
		sim_board_calm(ctx->board);
		sim_memory_free(&ctx->board->memory,
				(uint64_t)buffer->handle * PAGE_BYTES);
		buffer->handle = bus / PAGE_BYTES;
		buffer->map = map;
	}
	turn_give(&ctx->board->turn);
	if (!bus && !source->memory)
		munmap(map, bytes);
	return err;
}

static void sim_buffer_seal(void *context, const struct backend_buffer *buffer)
{
	struct sim_context *ctx = context;

	turn_take(&ctx->board->turn);
	sim_board_calm(ctx->board);
	sim_memory_seal(&ctx->board->memory,
			(uint64_t)buffer->handle * PAGE_BYTES);
	turn_give(&ctx->board->turn);
}

static int sim_buffer_export(void *context, const struct backend_buffer *buffer,
			     struct tinynpu_error *error)
{
	return tinynpu_error_set(error, -EOPNOTSUPP,
		"the simulator's memory is the process's: there is no dma-buf");
}

const struct backend backend_sim = {
	.name = "sim",
	.device_open = sim_device_open,
	.device_close = sim_device_close,
	.device_info = sim_device_info,
	.device_trace = sim_device_trace,
	.context_create = sim_context_create,
	.context_destroy = sim_context_destroy,
	.buffer_create = sim_buffer_create,
	.buffer_seal = sim_buffer_seal,
	.buffer_replace = sim_buffer_replace,
	.buffer_export = sim_buffer_export,
	.submit = sim_submit,
	.wait = sim_wait,
	.cancel = sim_cancel,
	.end = sim_end,
	.fd = sim_fd,
};
