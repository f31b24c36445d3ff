/* SPDX-License-Identifier: MIT */
/*
 * What the library asks of a way to a machine: "drm" (drm.c), the kernel's
 * driver, and "sim" (device/sim), the machine in the process. Only device.c,
 * session.c and tests call through it.
 *
 * A device is a machine. A context is an address space of it with one queue,
 * and owns the buffers that are bound there; nothing that a job of one context
 * does can reach another. A context runs one job at a time.
 */
#ifndef TINYNPU_BACKEND_H
#define TINYNPU_BACKEND_H

#include "tinynpu.h"

#include <npu/job.h>

#include <stdbool.h>

#define BACKEND_PAGE_SIZE 4096
#define BACKEND_VA_END (1ull << 38)

#define BACKEND_FOREVER INT64_MAX

/**
 * struct backend_buffer - zeroed memory of a context
 * @address: where the device sees it, a multiple of the page size
 * @size_bytes: at least 1
 * @is_readonly: the device can't write it
 * @map: set: where the process sees it, until the context is destroyed
 * @handle: set: the backend's name of it
 */
struct backend_buffer {
	uint64_t address;
	uint64_t size_bytes;
	bool is_readonly;
	void *map;
	uint32_t handle;
};

/**
 * struct backend_source - memory of others, in whole pages
 * @memory: of the process, or NULL: of a file
 * @fd: the file, a dma-buf or what else can be mapped
 * @offset: in the file, a multiple of the page size
 */
struct backend_source {
	void *memory;
	int fd;
	uint64_t offset;
};

/**
 * struct backend_job - a job; addresses are the context's
 * @commands: multiple of NPU_COMMAND_ALIGN
 * @regions: of struct npu_region[], multiple of NPU_REGION_TABLE_ALIGN
 * @result: for struct npu_job_result, multiple of NPU_RESULT_ALIGN
 * @command_count: 1..NPU_MAX_COMMANDS
 * @region_count: 0..NPU_MAX_REGIONS
 */
struct backend_job {
	uint64_t commands;
	uint64_t regions;
	uint64_t result;
	uint32_t command_count;
	uint32_t region_count;
};

/**
 * struct backend_end - how a job ended
 * @status: enum npu_job_status, neither NPU_JOB_PENDING nor NPU_JOB_OK
 * @fault_code: enum npu_fault; the others as struct npu_job_result has them
 */
struct backend_end {
	uint32_t status;
	uint32_t fault_code;
	uint32_t fault_unit;
	uint32_t fault_cmd;
	uint32_t fault_info;
	uint64_t fault_addr;
};

/**
 * struct backend - the functions; all return 0 or a negative errno and tell why
 * @name: as in tinynpu_device_open()
 * @device_open: see tinynpu_device_open(); @options is never NULL
 * @device_close: no context is left
 * @device_info: fill in everything; any thread
 * @device_trace: see tinynpu_device_trace(); NULL: it has none. Any thread
 * @context_create: any thread
 * @context_destroy: cancels the job that still runs and frees the buffers; no
 *	other call on this context runs or will
 * @buffer_create: make and bind a buffer; @buffer is not kept. The context is
 *	not yet used by another thread
 * @buffer_seal: nobody writes the buffer any more; NULL: that makes no difference. The
 *	context is not yet used by another thread
 * @buffer_replace: have a buffer be memory of others, from now on; no job runs.
 *	@buffer then says so, unless it fails
 * @buffer_export: a dma-buf of a buffer, or -EOPNOTSUPP
 * @submit: start a job; none is running. @is_waited: the caller calls wait
 *	without a limit next, and wants no thread to be woken for it
 * @wait: until the job has ended or CLOCK_MONOTONIC reaches @deadline_ns;
 *	-EAGAIN if it has not, -EIO if the device is lost. Not by two threads
 * @cancel: end the job that runs, if one does, as NPU_JOB_CANCELLED. Any thread,
 *	also beside wait
 * @end: how the job ended that was waited for last, if its result record does
 *	not say NPU_JOB_OK
 * @fd: see tinynpu_session_fd()
 */
struct backend {
	const char *name;
	int (*device_open)(const char *options, void **device,
			   struct tinynpu_error *error);
	void (*device_close)(void *device);
	void (*device_info)(void *device, struct tinynpu_device_info *info);
	void (*device_trace)(void *device, tinynpu_trace_fn fn, void *opaque);
	int (*context_create)(void *device, void **context,
			      struct tinynpu_error *error);
	void (*context_destroy)(void *context);
	int (*buffer_create)(void *context, struct backend_buffer *buffer,
			     struct tinynpu_error *error);
	void (*buffer_seal)(void *context, const struct backend_buffer *buffer);
	int (*buffer_replace)(void *context, struct backend_buffer *buffer,
			      const struct backend_source *source,
			      struct tinynpu_error *error);
	int (*buffer_export)(void *context, const struct backend_buffer *buffer,
			     struct tinynpu_error *error);
	int (*submit)(void *context, const struct backend_job *job,
		      bool is_waited, struct tinynpu_error *error);
	int (*wait)(void *context, int64_t deadline_ns,
		    struct tinynpu_error *error);
	int (*cancel)(void *context, struct tinynpu_error *error);
	int (*end)(void *context, struct backend_end *end,
		   struct tinynpu_error *error);
	int (*fd)(void *context);
};

extern const struct backend backend_drm;
extern const struct backend backend_sim;

#endif
