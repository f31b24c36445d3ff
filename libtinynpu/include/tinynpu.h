/* SPDX-License-Identifier: MIT */
/*
 * libtinynpu: run compiled programs (.tnp) on a TinyNPU, a real one behind
 * /dev/accel or the simulator that lives in the library. The same binary runs
 * on both, with the same results, modelled cycles and energy.
 *
 *	struct tinynpu_device *device;
 *	struct tinynpu_program *program;
 *	struct tinynpu_session *session;
 *	struct tinynpu_error error;
 *
 *	if (tinynpu_device_open(NULL, NULL, &device, &error) ||
 *	    tinynpu_program_open("model.tnp", &program, &error) ||
 *	    tinynpu_session_create(device, program, &session, &error))
 *		errx(1, "%s", error.text);
 *	memcpy(tinynpu_session_tensor(session, 0), input, input_size);
 *	if (tinynpu_session_run(session, &error))
 *		errx(1, "%s", error.text);
 *
 * Results: functions return 0 or a negative errno. Those that take a struct
 * tinynpu_error also write one line that says what and where, if the pointer is
 * not NULL; on success they leave it alone.
 *
 * Structs that functions fill in come with their size: a library that knows
 * more members than the application fills only those that the application has;
 * one that knows fewer clears the rest.
 *
 * Threads: the library keeps no global state. Devices and programs may be used
 * by any number of threads at the same time. Calls on one session are carried
 * out one after the other; who shares a session between threads has to keep
 * them from writing its tensors while a job runs.
 *
 * Lifetime: a session holds its device and program, so they may be closed in
 * any order. After fork() the child must not use the parent's objects.
 */
#ifndef TINYNPU_H
#define TINYNPU_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tinynpu_device;
struct tinynpu_program;
struct tinynpu_session;

#define TINYNPU_ERROR_TEXT 512

/**
 * struct tinynpu_error - why a function failed
 * @text: one line without a newline, NUL-terminated
 */
struct tinynpu_error {
	char text[TINYNPU_ERROR_TEXT];
};

/**
 * tinynpu_version() - the library's version, "major.minor.patch"
 */
const char *tinynpu_version(void);

/* --- Devices --------------------------------------------------------------- */

/**
 * struct tinynpu_device_info - a device and its machine
 * @backend: "drm" or "sim"
 * @name: "/dev/accel/accel0", or "simulator"
 * @firmware: version text of the firmware that it runs
 * @hw_version: of the machine, major << 16 | minor
 * @firmware_abi: protocol between firmware and its host
 * @cores: number of cores; a job runs on one
 * @macs: multipliers per core
 * @sram_size: bytes per core
 * @clock_khz: modelled clock
 * @sram_bw: bytes per cycle
 * @sram_latency: cycles
 * @mem_bw: bytes per cycle
 * @mem_latency: cycles
 * @job_timeout_ms: a job without progress for so long is ended
 * @reset_count: recoveries of the device since it came up
 * @restricted: 1: its array is as slow as others publish theirs
 */
struct tinynpu_device_info {
	char backend[16];
	char name[64];
	char firmware[32];
	uint32_t hw_version;
	uint32_t firmware_abi;
	uint32_t cores;
	uint32_t macs;
	uint32_t sram_size;
	uint32_t clock_khz;
	uint32_t sram_bw;
	uint32_t sram_latency;
	uint32_t mem_bw;
	uint32_t mem_latency;
	uint32_t job_timeout_ms;
	uint32_t reset_count;
	uint32_t restricted;
};

/**
 * tinynpu_device_next() - find devices behind /dev/accel
 * @after: the number of the last one found, or -1
 *
 * Return: the number N, above @after, of the next /dev/accel/accelN that is a
 * TinyNPU; -ENODEV if there is none.
 */
int tinynpu_device_next(int after);

/**
 * tinynpu_device_open() - open a device
 * @backend: "drm", "sim", or NULL: the first device behind /dev/accel if there
 *	is one, else the simulator
 * @options: NULL, or words separated by commas. "drm": device=N for accelN.
 *	"sim": the machine to build, from a preset (a128, a256, a512) and single
 *	properties: cores=1..4, macs=32..1024 (a power of two), sram=BYTES,
 *	clock=HZ, sram-bw= and mem-bw= (bytes per cycle), sram-latency= and
 *	mem-latency= (cycles), restricted=1 (as slow as others' arrays), ambient=
 *	(degrees Celsius), thermal-resistance= (K/W); numbers may end in K, M or G,
 *	which mean powers of 1024 for bytes and of 1000 for Hz. "" and NULL are the
 *	same. With a NULL @backend options name the simulator's
 *	machine and are not used for a real device.
 * @device: set: the device, to be closed with tinynpu_device_close()
 * @error: may be NULL
 *
 * Each simulator that is opened is a machine of its own.
 *
 * Errors: -ENODEV (no such device), -EINVAL (bad backend or options), -EACCES,
 * -EPROTO (the device does not speak our version), -ENOMEM, -EIO (the machine
 * did not start).
 */
int tinynpu_device_open(const char *backend, const char *options,
			struct tinynpu_device **device,
			struct tinynpu_error *error);

/**
 * tinynpu_device_close() - give a device back; its sessions keep it open
 * @device: may be NULL
 */
void tinynpu_device_close(struct tinynpu_device *device);

/**
 * tinynpu_device_info() - ask what a device is
 * @device: the device
 * @info: filled in
 * @size: sizeof(*info)
 */
void tinynpu_device_info(struct tinynpu_device *device,
			 struct tinynpu_device_info *info, size_t size);

/* --- Traces ---------------------------------------------------------------- */

enum tinynpu_trace_kind {
	TINYNPU_TRACE_JOB_START = 1,
	TINYNPU_TRACE_JOB_END = 2,
	TINYNPU_TRACE_COMMAND = 3, /* has been executed */
	TINYNPU_TRACE_DOORBELL = 4, /* the firmware has seen one */
	TINYNPU_TRACE_INTERRUPT = 5, /* the firmware has raised one */
};

#define TINYNPU_TRACE_RANGES 6

/**
 * struct tinynpu_trace_range - a part of a core's SRAM
 * @low: the first byte
 * @high: the byte behind the last one
 */
struct tinynpu_trace_range {
	uint32_t low;
	uint32_t high;
};

/**
 * struct tinynpu_trace - something that happened in the machine
 * @kind: enum tinynpu_trace_kind
 * @core: of the job
 * @unit: of the command: 0 DMA, 1 MAC, 2 VEC
 * @command: its index in the job
 * @start: modelled cycle of the job in which it starts
 * @end: likewise, ends; of a job's end: all cycles of the job
 * @instructions: that the firmware has executed since the machine was made
 * @reads: how many of @range the command reads, the first ones
 * @writes: likewise it writes, those that follow
 * @range: parts of the SRAM
 *
 * Later versions may have more kinds, and more members at the end.
 */
struct tinynpu_trace {
	uint32_t kind;
	uint32_t core;
	uint32_t unit;
	uint32_t command;
	uint64_t start;
	uint64_t end;
	uint64_t instructions;
	uint32_t reads;
	uint32_t writes;
	struct tinynpu_trace_range range[TINYNPU_TRACE_RANGES];
};

/**
 * typedef tinynpu_trace_fn - is told of what happens
 * @opaque: as given to tinynpu_device_trace()
 * @trace: valid during the call
 *
 * Called by whichever thread drives the machine, one at a time. It must not call
 * the library.
 */
typedef void (*tinynpu_trace_fn)(void *opaque,
				 const struct tinynpu_trace *trace);

/**
 * tinynpu_device_trace() - be told of all that the simulator's machine does
 * @device: the device
 * @fn: is told from now on; NULL: nobody is, which costs nothing
 * @opaque: for @fn
 * @error: may be NULL
 *
 * When it returns @fn that was there before is not running and will not be called.
 *
 * Errors: -EOPNOTSUPP (the device is not a simulator).
 */
int tinynpu_device_trace(struct tinynpu_device *device, tinynpu_trace_fn fn,
			 void *opaque, struct tinynpu_error *error);

/* --- Programs -------------------------------------------------------------- */

enum tinynpu_dtype {
	TINYNPU_INT8 = 1,
	TINYNPU_UINT8 = 2,
	TINYNPU_INT16 = 3,
	TINYNPU_INT32 = 4,
	TINYNPU_FLOAT32 = 5,
	TINYNPU_INT64 = 6,
	TINYNPU_BOOL = 7,
};

#define TINYNPU_MAX_RANK 8

/**
 * struct tinynpu_tensor_info - an input or output of a program
 * @name: UTF-8 without control characters; lives as long as the program
 * @dtype: enum tinynpu_dtype
 * @rank: number of entries in @shape
 * @shape: outermost dimension first; elements lie dense, the last dimension's
 *	side by side, little-endian
 * @size: bytes
 * @scale: real value = @scale x (stored value - @zero_point)
 * @zero_point: see @scale
 * @is_output: 0 for an input
 */
struct tinynpu_tensor_info {
	const char *name;
	uint32_t dtype;
	uint32_t rank;
	uint32_t shape[TINYNPU_MAX_RANK];
	uint64_t size;
	float scale;
	int32_t zero_point;
	uint32_t is_output;
	uint32_t reserved;
};

/**
 * struct tinynpu_program_info - what a program is and needs
 * @inputs: tensors 0 .. @inputs - 1 are its inputs
 * @outputs: tensors @inputs .. @inputs + @outputs - 1 are its outputs
 * @commands: number of commands
 * @layers: operators of the source model, see tinynpu_program_layer()
 * @version: of the file's format, major << 16 | minor
 * @hw_major: major version of the machine that it is for
 * @sram_size: bytes of SRAM that it needs
 * @macs: of the machine for which it was compiled; likewise the next five
 * @weight_buffer: bytes of it that it needs
 * @constants_size: bytes of weights and tables
 * @scratch_size: bytes of memory for intermediate results
 * @cycles: estimate for that machine, which counts exactly this
 * @energy_fj: likewise, femtojoules
 * @mac_ops: multiplications that the model asks for
 * @model_digest: SHA-256 of the source model's file
 * @source: text, key=value lines: where the program comes from; lives as long
 *	as the program
 * @segments: jobs of the device and runs of operators on the CPU, one after the
 *	other
 * @cpu_ops: operators on the CPU; what they cost is not in the estimate
 * @variables_size: bytes that a session may keep from one run to the next
 * @loops: whose end depends on what they compute; the estimate has none of their
 *	turns, what a run counts has all
 * @hw_minor: version of the machine, behind @hw_major, that it needs at least
 */
struct tinynpu_program_info {
	uint32_t inputs;
	uint32_t outputs;
	uint32_t commands;
	uint32_t layers;
	uint32_t version;
	uint32_t hw_major;
	uint32_t sram_size;
	uint32_t macs;
	uint32_t clock_khz;
	uint32_t sram_bw;
	uint32_t sram_latency;
	uint32_t mem_bw;
	uint32_t mem_latency;
	uint32_t weight_buffer;
	uint64_t constants_size;
	uint64_t scratch_size;
	uint64_t cycles;
	uint64_t energy_fj;
	uint64_t mac_ops;
	uint8_t model_digest[32];
	const char *source;
	uint32_t segments;
	uint32_t cpu_ops;
	uint64_t variables_size;
	uint32_t loops;
	uint32_t hw_minor;
};

/**
 * struct tinynpu_layer_info - an operator of the source model
 * @name: what it is, like "op 3 CONV_2D 'conv1/Relu'"; lives as long as the
 *	program
 * @op: its index in the source model
 * @commands: how many commands carry it out
 * @mac_ops: multiplications
 * @mac_busy: cycles in which the unit works for it; likewise the next two
 * @cpu_ops: how many operators on the CPU carry it out
 */
struct tinynpu_layer_info {
	const char *name;
	uint32_t op;
	uint32_t commands;
	uint64_t mac_ops;
	uint64_t mac_busy;
	uint64_t dma_busy;
	uint64_t vec_busy;
	uint32_t cpu_ops;
	uint32_t reserved;
};

/**
 * tinynpu_program_open() - read a program file
 * @path: the file
 * @program: set: the program, to be closed with tinynpu_program_close()
 * @error: may be NULL
 *
 * Everything in the file is checked, its digest included.
 *
 * Errors: those of open() and read(), -EINVAL (malformed), -EOPNOTSUPP (format
 * version is too new, or the machine another), -ENOMEM.
 */
int tinynpu_program_open(const char *path, struct tinynpu_program **program,
			 struct tinynpu_error *error);

/**
 * tinynpu_program_read() - read a program from memory
 * @bytes: the file's content, copied
 * @size: bytes
 * @name: what messages call it
 * @program: set, as by tinynpu_program_open()
 * @error: may be NULL
 *
 * Errors: as tinynpu_program_open(), the file's aside.
 */
int tinynpu_program_read(const void *bytes, size_t size, const char *name,
			 struct tinynpu_program **program,
			 struct tinynpu_error *error);

/**
 * tinynpu_program_close() - give a program back; its sessions keep it
 * @program: may be NULL
 */
void tinynpu_program_close(struct tinynpu_program *program);

/**
 * tinynpu_program_info() - ask what a program is
 * @program: the program
 * @info: filled in
 * @size: sizeof(*info)
 */
void tinynpu_program_info(const struct tinynpu_program *program,
			  struct tinynpu_program_info *info, size_t size);

/**
 * tinynpu_program_tensor() - describe an input or output
 * @program: the program
 * @index: inputs first, then outputs, each in the model's order
 * @info: filled in
 * @size: sizeof(*info)
 *
 * Errors: -ENOENT (no such tensor).
 */
int tinynpu_program_tensor(const struct tinynpu_program *program,
			   unsigned int index, struct tinynpu_tensor_info *info,
			   size_t size);

/**
 * tinynpu_program_find() - find a tensor by its name
 * @program: the program
 * @name: as in struct tinynpu_tensor_info
 *
 * Return: the tensor's index, or -ENOENT.
 */
int tinynpu_program_find(const struct tinynpu_program *program,
			 const char *name);

/**
 * tinynpu_program_layer() - describe an operator of the source model
 * @program: the program
 * @index: below @layers of struct tinynpu_program_info
 * @info: filled in
 * @size: sizeof(*info)
 *
 * Errors: -ENOENT (no such layer).
 */
int tinynpu_program_layer(const struct tinynpu_program *program,
			  unsigned int index, struct tinynpu_layer_info *info,
			  size_t size);

/**
 * tinynpu_program_commands() - the commands, 64 bytes each
 * @program: the program, which owns them
 *
 * How many: @commands of struct tinynpu_program_info.
 */
const void *tinynpu_program_commands(const struct tinynpu_program *program);

/**
 * tinynpu_program_layer_of() - which operator a command is from
 * @program: the program
 * @command: its index
 *
 * Return: a layer's index, or -ENOENT if the program does not say.
 */
int tinynpu_program_layer_of(const struct tinynpu_program *program,
			     uint32_t command);

/* --- Custom operators ------------------------------------------------------ */

/**
 * struct tinynpu_custom_tensor - an operand of a custom operator
 * @dtype: enum tinynpu_dtype
 * @rank: number of entries in @shape
 * @shape: outermost dimension first
 * @data: elements, dense and little-endian, aligned to their size
 * @size: bytes
 * @quants: 0 (no quantisation), 1, or the length of dimension @quant_axis
 * @scale: @quants of them: real value = scale x (stored value - zero point)
 * @zero_point: likewise
 * @quant_axis: of the channels, if @quants is more than 1
 */
struct tinynpu_custom_tensor {
	uint32_t dtype;
	uint32_t rank;
	uint32_t shape[TINYNPU_MAX_RANK];
	void *data;
	uint64_t size;
	uint32_t quants;
	uint32_t quant_axis;
	const float *scale;
	const int32_t *zero_point;
};

/**
 * struct tinynpu_custom_call - what a custom operator's function is asked for
 * @name: the operator's, as in the model
 * @options: bytes that the model has for it: of TensorFlow Lite the custom options
 *	(a FlexBuffer, as a rule), of ONNX the node as it is in the file (NodeProto)
 * @options_size: bytes of them, maybe 0
 * @result: which output to compute, from 0; @output is that one
 * @results: how many outputs the operator has in the model
 * @inputs: number of entries in @input
 * @input: operands, of which NULL ones are left out; only to be read
 * @output: to be written whole; overlaps no input
 * @data: as given to tinynpu_program_set_custom()
 *
 * All pointers are valid during the call only.
 */
struct tinynpu_custom_call {
	const char *name;
	const void *options;
	size_t options_size;
	uint32_t result;
	uint32_t results;
	uint32_t inputs;
	uint32_t reserved;
	const struct tinynpu_custom_tensor *const *input;
	const struct tinynpu_custom_tensor *output;
	void *data;
};

/**
 * typedef tinynpu_custom_fn - computes one output of a custom operator
 * @call: which, and of what
 *
 * Called during a run, in a thread that waits for it or that polls for it, once for
 * each output that the program uses. Sessions run side by side, so it has to be
 * thread-safe; it must not call functions of the session.
 *
 * Return: 0, or a negative errno that ends the run with -EFAULT.
 */
typedef int (*tinynpu_custom_fn)(const struct tinynpu_custom_call *call);

/**
 * struct tinynpu_custom - a custom operator's function, as a plugin lists it
 * @name: the operator's
 * @fn: computes it
 * @data: for @fn
 *
 * A plugin for `tinynpu run --plugin` is a shared object that defines
 * `const struct tinynpu_custom tinynpu_customs[]`, ended by a NULL name. It needs
 * nothing of the library but this header.
 */
struct tinynpu_custom {
	const char *name;
	tinynpu_custom_fn fn;
	void *data;
};

/**
 * tinynpu_program_custom() - which custom operators a program needs
 * @program: the program
 * @index: from 0
 *
 * Return: a name that lives as long as the program; NULL: there are no more.
 */
const char *tinynpu_program_custom(const struct tinynpu_program *program,
				   unsigned int index);

/**
 * tinynpu_program_set_custom() - bring the function of a custom operator
 * @program: the program
 * @name: the operator's
 * @fn: computes it
 * @data: for @fn; has to live as long as sessions of the program
 * @error: may be NULL
 *
 * Holds for sessions that are created afterwards: those of a program that lacks a
 * function can't be. Compiled programs are data, so no function can come with one.
 *
 * Errors: -ENOENT (the program has no such operator).
 */
int tinynpu_program_set_custom(struct tinynpu_program *program,
			       const char *name, tinynpu_custom_fn fn,
			       void *data, struct tinynpu_error *error);

/* --- Sessions -------------------------------------------------------------- */

/**
 * tinynpu_session_create() - bind a program to a device
 * @device: the device
 * @program: the program
 * @session: set: the session, to be destroyed with tinynpu_session_destroy()
 * @error: may be NULL
 *
 * A session owns memory for the program and each of its tensors, an address
 * space of the device and a queue. A program that was compiled for other
 * bandwidths or another clock runs, only its estimate does not hold.
 *
 * Errors: -ENOSPC (the program needs more SRAM than the device has, or the
 * device has no room for another session), -EOPNOTSUPP (another major version
 * of the machine), -ENOSYS (a custom operator without a function), -ENOMEM, -EIO.
 */
int tinynpu_session_create(struct tinynpu_device *device,
			   struct tinynpu_program *program,
			   struct tinynpu_session **session,
			   struct tinynpu_error *error);

/**
 * tinynpu_session_destroy() - end a session; a job that still runs is cancelled
 * @session: may be NULL; no other call may use it any more
 */
void tinynpu_session_destroy(struct tinynpu_session *session);

/**
 * tinynpu_session_tensor() - where a tensor lies
 * @session: the session
 * @index: as for tinynpu_program_tensor()
 *
 * The memory is the device's own: nothing is copied. It is zero at first and
 * keeps its content between jobs. Write inputs before a job is submitted, read
 * outputs after it has ended.
 *
 * Return: the tensor's bytes, valid as long as the session, or until the tensor lies
 * elsewhere; NULL if there is no such tensor.
 */
void *tinynpu_session_tensor(struct tinynpu_session *session,
			     unsigned int index);

/**
 * tinynpu_session_use_memory() - have a tensor lie in memory of the process
 * @session: the session
 * @index: as for tinynpu_program_tensor()
 * @memory: multiple of 4096; until the session is destroyed, or the tensor lies
 *	elsewhere, it stays mapped there, and the tensor's bytes are its first ones
 * @size: multiple of 4096, at least the tensor's size
 * @error: may be NULL
 *
 * Nothing is copied, now or later. Outputs may be written up to the end of the
 * tensor, inputs are not written by the device and may be read-only. With a real
 * device the memory is pinned, and counts as locked (RLIMIT_MEMLOCK).
 *
 * What tinynpu_session_tensor() said before is not valid any more.
 *
 * Errors: -ENOENT (no such tensor), -EBUSY (a run has not been waited for), -EINVAL
 * (not whole pages, or too small), -EFAULT (no such memory), -ENOMEM.
 */
int tinynpu_session_use_memory(struct tinynpu_session *session,
			       unsigned int index, void *memory, size_t size,
			       struct tinynpu_error *error);

/**
 * tinynpu_session_use_fd() - have a tensor lie in memory behind a descriptor
 * @session: the session
 * @index: as for tinynpu_program_tensor()
 * @fd: a dma-buf, of a camera or of another session, for example; with the
 *	simulator also what else can be mapped. It may be closed afterwards
 * @offset: where the tensor begins, a multiple of 4096
 * @error: may be NULL
 *
 * Nothing is copied. Who else uses the memory has to be waited for before a run is
 * submitted, and has to wait for the run.
 *
 * Errors: as tinynpu_session_use_memory(), and those of mmap().
 */
int tinynpu_session_use_fd(struct tinynpu_session *session, unsigned int index,
			   int fd, uint64_t offset,
			   struct tinynpu_error *error);

/**
 * tinynpu_session_export() - share the memory of a tensor as a dma-buf
 * @session: the session
 * @index: as for tinynpu_program_tensor()
 * @error: may be NULL
 *
 * Return: a descriptor, which the caller closes; it keeps the memory, longer than
 * the session, too. Or -ENOENT (no such tensor), -EOPNOTSUPP (the simulator's
 * memory, or memory that is not the session's own), -EMFILE, -ENOMEM.
 */
int tinynpu_session_export(struct tinynpu_session *session, unsigned int index,
			   struct tinynpu_error *error);

/**
 * tinynpu_session_keep_state() - whether variables outlive a run
 * @session: the session
 * @keep: 0, as at first: each run begins with the initial values of the model's
 *	variables (states of LSTM and SVDF, for example); else each run goes on with
 *	what the one before left
 *
 * Concerns runs that are submitted from now on.
 */
void tinynpu_session_keep_state(struct tinynpu_session *session, int keep);

/**
 * tinynpu_session_reset_state() - give variables their initial values again
 * @session: the session
 * @error: may be NULL
 *
 * What a new stream begins with in a session that keeps its state.
 *
 * Errors: -EBUSY (a run has not been waited for yet).
 */
int tinynpu_session_reset_state(struct tinynpu_session *session,
				struct tinynpu_error *error);

/**
 * tinynpu_session_run() - run the program once: submit and wait
 * @session: the session
 * @error: may be NULL
 *
 * Errors: as tinynpu_session_submit() and tinynpu_session_wait().
 */
int tinynpu_session_run(struct tinynpu_session *session,
			struct tinynpu_error *error);

/**
 * tinynpu_session_submit() - start the program and return
 * @session: the session
 * @error: may be NULL
 *
 * Operators on the CPU that come first run before it returns.
 *
 * Errors: -EBUSY (a job has not been waited for yet), -ECANCELED (an earlier
 * job failed: make a new session), -ENODEV (the device is gone), -EIO, -ENOMEM.
 */
int tinynpu_session_submit(struct tinynpu_session *session,
			   struct tinynpu_error *error);

/**
 * tinynpu_session_wait() - wait for the submitted job
 * @session: the session
 * @timeout_ns: how long at most; 0 only looks, negative means for ever
 * @error: may be NULL
 *
 * Where a program goes on with operators on the CPU when the device is done, they
 * run in here, whatever @timeout_ns says; then what follows on the device starts.
 *
 * Errors: -EAGAIN (it has not ended within @timeout_ns: wait again), -EINVAL
 * (nothing was submitted); then how the job ended: -EFAULT (a command was
 * refused, see tinynpu_session_fault(), or an operator on the CPU got an index
 * out of range), -ETIMEDOUT (it made no progress and was
 * ended), -ECANCELED, -EIO (the device was reset or lost).
 */
int tinynpu_session_wait(struct tinynpu_session *session, int64_t timeout_ns,
			 struct tinynpu_error *error);

/**
 * tinynpu_session_cancel() - end the run that was submitted
 * @session: the session, which another thread may be waiting for
 * @error: may be NULL
 *
 * Does not wait: that is tinynpu_session_wait()'s task, which says -ECANCELED then,
 * unless the run had ended before. What it has written is undefined. The session
 * takes further runs. Without a run nothing happens.
 *
 * Errors: -EOPNOTSUPP (driver or firmware too old), -EIO.
 */
int tinynpu_session_cancel(struct tinynpu_session *session,
			   struct tinynpu_error *error);

/**
 * tinynpu_session_fd() - a file descriptor to poll for the submitted job
 * @session: the session, which owns the descriptor
 *
 * It becomes readable (POLLIN) when the job has ended, or when the device is done
 * and operators on the CPU are next. Do not read it; call tinynpu_session_wait(),
 * after which it is not readable any more; -EAGAIN then means: poll again.
 *
 * Return: always the same descriptor; or -EMFILE, -ENOSYS (kernel too old).
 */
int tinynpu_session_fd(struct tinynpu_session *session);

/**
 * struct tinynpu_stats - what the last job cost the device
 * @jobs: that this session has run so far
 * @commands: that finished
 * @cycles: modelled, from the first fetch to the end of the last command
 * @energy_fj: modelled, femtojoules
 * @mac_ops: multiplications that the model asked for
 * @sram_read: bytes that the units read from SRAM; likewise the next three
 * @busy_dma: cycles in which the DMA unit worked; likewise the next two
 * @wall_ns: from submission until its end was seen
 * @core: that ran it
 * @reserved: zero
 * @latency_ns: modelled: @cycles at the clock that the core had meanwhile, which may
 *	be less than the device's
 */
struct tinynpu_stats {
	uint64_t jobs;
	uint64_t commands;
	uint64_t cycles;
	uint64_t energy_fj;
	uint64_t mac_ops;
	uint64_t sram_read;
	uint64_t sram_written;
	uint64_t mem_read;
	uint64_t mem_written;
	uint64_t busy_dma;
	uint64_t busy_mac;
	uint64_t busy_vec;
	uint64_t wall_ns;
	uint32_t core;
	uint32_t reserved;
	uint64_t latency_ns;
};

/**
 * tinynpu_session_stats() - figures of the last job that ended
 * @session: the session
 * @stats: filled in; zeros before the first job
 * @size: sizeof(*stats)
 */
void tinynpu_session_stats(struct tinynpu_session *session,
			   struct tinynpu_stats *stats, size_t size);

/**
 * struct tinynpu_fault - why a job was refused
 * @code: enum npu_fault of the hardware manual; 0: there was no fault
 * @unit: 0 DMA, 1 MAC, 2 VEC, 3 fetch
 * @command: index of the refused command
 * @info: as the manual says for the code
 * @address: likewise; of page faults the exact address
 * @name: the code in words, a constant string
 */
struct tinynpu_fault {
	uint32_t code;
	uint32_t unit;
	uint32_t command;
	uint32_t info;
	uint64_t address;
	const char *name;
};

/**
 * tinynpu_session_fault() - the fault of the last job that ended
 * @session: the session
 * @fault: filled in
 * @size: sizeof(*fault)
 */
void tinynpu_session_fault(struct tinynpu_session *session,
			   struct tinynpu_fault *fault, size_t size);

#ifdef __cplusplus
}
#endif

#endif
