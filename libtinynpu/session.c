// SPDX-License-Identifier: MIT
/*
 * Sessions: a program in the memory of a device. Lays out the session's address
 * space (commands, constants, region table, result record, scratch memory and
 * each tensor, with an unmapped page between any two) and fills it.
 */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ADDRESS 0x100000 /* below: unmapped, so that 0 faults */

static uint64_t round_up_page(uint64_t size)
{
	return (size + BACKEND_PAGE_SIZE - 1) & ~(uint64_t)(BACKEND_PAGE_SIZE - 1);
}

/* Makes @buffer at *next and moves *next behind it and a page. */
static int place(struct tinynpu_session *session, struct backend_buffer *buffer,
		 uint64_t size_bytes, bool is_readonly, uint64_t *next,
		 struct tinynpu_error *error)
{
	if (!size_bytes)
		return 0;
	buffer->address = *next;
	buffer->size_bytes = size_bytes;
	buffer->is_readonly = is_readonly;
	*next += round_up_page(size_bytes) + BACKEND_PAGE_SIZE;
	if (*next > BACKEND_VA_END)
		return tinynpu_error_set(error, -ENOSPC,
			"the program's memory exceeds the address space");
	return session->device->backend->buffer_create(session->context, buffer,
						       error);
}

static int place_all(struct tinynpu_session *session,
		     struct tinynpu_error *error)
{
	const struct tinynpu_program *prog = session->program;
	struct session_memory *memory = &session->memory;
	uint64_t next = FIRST_ADDRESS;
	uint32_t i;
	int err;

	err = place(session, &memory->commands,
		    (uint64_t)prog->command_count * 64, true, &next, error);
	if (!err)
		err = place(session, &memory->constants, prog->constants_size,
			    true, &next, error);
	if (!err)
		err = place(session, &memory->regions,
			    NPU_MAX_REGIONS * sizeof(struct npu_region), true,
			    &next, error);
	if (!err)
		err = place(session, &memory->result,
			    sizeof(struct npu_job_result), false, &next, error);
	if (!err)
		err = place(session, &memory->scratch, prog->info->scratch_size,
			    false, &next, error);
	if (!err)
		err = place(session, &memory->variables, prog->variables_size,
			    false, &next, error);
	for (i = 0; !err && i < prog->tensor_count; i++)
		err = place(session, &memory->tensors[i], prog->tensors[i].size,
			    i < prog->info->inputs, &next, error);
	return err;
}

static void set_region(struct npu_region *region,
		       const struct backend_buffer *buffer)
{
	region->base = buffer->address;
	region->size = buffer->size_bytes;
}

static void seal(struct tinynpu_session *session,
		 const struct backend_buffer *buffer)
{
	const struct backend *backend = session->device->backend;

	if (backend->buffer_seal && buffer->size_bytes)
		backend->buffer_seal(session->context, buffer);
}

static void fill(struct tinynpu_session *session)
{
	const struct tinynpu_program *prog = session->program;
	struct session_memory *memory = &session->memory;
	struct npu_region *regions = memory->regions.map;
	uint32_t i;

	if (prog->command_count)
		memcpy(memory->commands.map, prog->commands,
		       memory->commands.size_bytes);
	if (prog->constants_size)
		memcpy(memory->constants.map, prog->constants,
		       prog->constants_size);
	seal(session, &memory->commands);
	seal(session, &memory->constants);
	set_region(&regions[NPU_REGION_CONSTANTS], &memory->constants);
	set_region(&regions[NPU_REGION_SCRATCH], &memory->scratch);
	for (i = 0; i < prog->tensor_count; i++)
		set_region(&regions[NPU_REGION_TENSORS + i],
			   &memory->tensors[i]);
	if (prog->variables_size)
		set_region(&regions[NPU_REGION_VARIABLES(prog->tensor_count)],
			   &memory->variables);
	session_reset_variables(session);
}

void session_reset_variables(struct tinynpu_session *session)
{
	const struct tinynpu_program *prog = session->program;

	if (prog->variables_size)
		memcpy(session->memory.variables.map, prog->variables,
		       prog->variables_size);
}

/* Whether the device can run the program at all. */
static int check_fit(const struct tinynpu_device_info *info,
		     const struct tinynpu_program *prog,
		     struct tinynpu_error *error)
{
	if (prog->info->hw_major != info->hw_version >> 16 ||
	    prog->info->hw_minor > (info->hw_version & 0xffff))
		return tinynpu_error_set(error, -EOPNOTSUPP,
			"the program is for version %u.%u of the machine, %s has %u.%u",
			prog->info->hw_major, prog->info->hw_minor, info->name,
			info->hw_version >> 16, info->hw_version & 0xffff);
	if (prog->info->sram_size > info->sram_size)
		return tinynpu_error_set(error, -ENOSPC,
			"the program needs %u bytes of SRAM, %s has %u: compile it for that",
			prog->info->sram_size, info->name, info->sram_size);
	if (16 * prog->info->weight_buffer > NPU_WEIGHT_BUFFER * info->macs)
		return tinynpu_error_set(error, -ENOSPC,
			"the program needs %u bytes of weight buffer, %s has %u",
			16 * prog->info->weight_buffer, info->name,
			NPU_WEIGHT_BUFFER * info->macs);
	return 0;
}

int tinynpu_session_create(struct tinynpu_device *device,
			   struct tinynpu_program *program,
			   struct tinynpu_session **session,
			   struct tinynpu_error *error)
{
	struct tinynpu_device_info info;
	struct tinynpu_session *new;
	int err;

	tinynpu_device_info(device, &info, sizeof(info));
	err = check_fit(&info, program, error);
	if (err)
		return err;
	new = calloc(1, sizeof(*new));
	if (!new)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	pthread_mutex_init(&new->lock, NULL);
	new->poll_fd = -1;
	new->done_fd = -1;
	new->clock_khz = info.clock_khz;
	new->device = tinynpu_device_get(device);
	new->program = tinynpu_program_get(program);
	err = device->backend->context_create(device->handle, &new->context,
					      error);
	if (err)
		goto err_free;
	err = place_all(new, error);
	if (err)
		goto err_context;
	err = session_cpu_init(new, error);
	if (err)
		goto err_context;
	err = session_loops_init(new, error);
	if (err)
		goto err_cpu;
	fill(new);
	*session = new;
	return 0;

err_cpu:
	session_cpu_fini(new);
err_context:
	device->backend->context_destroy(new->context);
err_free:
	tinynpu_program_close(new->program);
	tinynpu_device_close(new->device);
	pthread_mutex_destroy(&new->lock);
	free(new);
	return err;
}

void tinynpu_session_destroy(struct tinynpu_session *session)
{
	if (!session)
		return;
	session_loops_fini(session);
	session->device->backend->context_destroy(session->context);
	session_cpu_fini(session);
	if (session->poll_fd >= 0)
		close(session->poll_fd);
	if (session->done_fd >= 0)
		close(session->done_fd);
	tinynpu_program_close(session->program);
	tinynpu_device_close(session->device);
	pthread_mutex_destroy(&session->lock);
	free(session);
}

void tinynpu_session_keep_state(struct tinynpu_session *session, int keep)
{
	pthread_mutex_lock(&session->lock);
	session->keeps_state = keep;
	pthread_mutex_unlock(&session->lock);
}

int tinynpu_session_reset_state(struct tinynpu_session *session,
				struct tinynpu_error *error)
{
	int err = 0;

	pthread_mutex_lock(&session->lock);
	if (session->is_submitted)
		err = tinynpu_error_set(error, -EBUSY,
					"a job has not been waited for yet");
	else
		session_reset_variables(session);
	pthread_mutex_unlock(&session->lock);
	return err;
}

void *tinynpu_session_tensor(struct tinynpu_session *session,
			     unsigned int index)
{
	if (index >= session->program->tensor_count)
		return NULL;
	return session->memory.tensors[index].map;
}

/* --- Memory of others -------------------------------------------------------- */

/* The tensor, if its memory may be changed now. */
static int find_idle(struct tinynpu_session *session, unsigned int index,
		     struct backend_buffer **buffer, struct tinynpu_error *error)
{
	if (index >= session->program->tensor_count)
		return tinynpu_error_set(error, -ENOENT, "no tensor %u", index);
	if (session->is_submitted)
		return tinynpu_error_set(error, -EBUSY,
					 "a job has not been waited for yet");
	*buffer = &session->memory.tensors[index];
	return 0;
}

static int replace(struct tinynpu_session *session, unsigned int index,
		   const struct backend_source *source,
		   struct tinynpu_error *error)
{
	struct backend_buffer *buffer = NULL;
	int err;

	pthread_mutex_lock(&session->lock);
	err = find_idle(session, index, &buffer, error);
	if (!err)
		err = session->device->backend->buffer_replace(
			session->context, buffer, source, error);
	if (!err && session->program->cpu.op_count)
		session_cpu_place(session);
	pthread_mutex_unlock(&session->lock);
	return err;
}

int tinynpu_session_use_memory(struct tinynpu_session *session,
			       unsigned int index, void *memory, size_t size,
			       struct tinynpu_error *error)
{
	const struct backend_source source = { .memory = memory, .fd = -1 };

	if (!memory || (uintptr_t)memory % BACKEND_PAGE_SIZE ||
	    size % BACKEND_PAGE_SIZE ||
	    (index < session->program->tensor_count &&
	     size < session->program->tensors[index].size))
		return tinynpu_error_set(error, -EINVAL,
			"memory for tensor %u has to be whole pages, and enough",
			index);
	return replace(session, index, &source, error);
}

int tinynpu_session_use_fd(struct tinynpu_session *session, unsigned int index,
			   int fd, uint64_t offset, struct tinynpu_error *error)
{
	const struct backend_source source = { .fd = fd, .offset = offset };
	off_t size = lseek(fd, 0, SEEK_END);
	uint64_t bytes = index < session->program->tensor_count ?
		round_up_page(session->program->tensors[index].size) : 0;

	if (size < 0) {
		int err = -errno;

		return tinynpu_error_set(error, err, "no memory: %s",
					 strerrordesc_np(-err));
	}
	if (offset % BACKEND_PAGE_SIZE || bytes > (uint64_t)size ||
	    offset > size - bytes)
		return tinynpu_error_set(error, -EINVAL,
			"a file for tensor %u has to have whole pages, and enough",
			index);
	return replace(session, index, &source, error);
}

int tinynpu_session_export(struct tinynpu_session *session, unsigned int index,
			   struct tinynpu_error *error)
{
	const struct backend *backend = session->device->backend;
	int fd = -ENOENT;

	pthread_mutex_lock(&session->lock);
	if (index < session->program->tensor_count)
		fd = backend->buffer_export(session->context,
					    &session->memory.tensors[index],
					    error);
	else
		tinynpu_error_set(error, -ENOENT, "no tensor %u", index);
	pthread_mutex_unlock(&session->lock);
	return fd;
}
