/* SPDX-License-Identifier: MIT */
/*
 * The machine, as its hosts see it (device/qemu, device/sim): a controller, an
 * MMU and one to four cores behind a register bank and doorbells. This is the
 * only header of device/core that a host may include.
 *
 * Memory: the host asks for a size and hands over that much memory; all state, TCM
 * and SRAM included, lives there. Beside it the machine maps pages for firmware that it
 * has translated, where it can, which npu_core_fini() gives back.
 *
 * Threads: one thread at a time, the runner, calls npu_core_run(); or several do
 * that share a lock, see npu_core_share(). Any thread
 * may at any time, also while the runner is inside npu_core_run(), call
 *	npu_core_mmio_read(), npu_core_mmio_write() and npu_core_doorbell():
 * they touch nothing but C11 atomics, take no lock, wait for nobody and return
 * at once. What a write starts is done by the runner: the write posts it and
 * calls the host's wake(). npu_core_init() and npu_core_reset() must not run at
 * the same time as any other function of the same machine.
 *
 * Ordering: a write or doorbell is a release, what the runner does because of
 * it comes after an acquire; what firmware writes to a scratch register is a
 * release and reading it an acquire. Memory shared with the machine by DMA is
 * ordered by the host's dma_read() and dma_write(), which are at least as
 * strong as plain accesses by the runner; the machine puts a release before
 * raise_irq() and an acquire before it hands a doorbell to the controller.
 *
 * Time: modelled cycles depend on the jobs alone and never on now_ns(), which
 * feeds the controller's timer and nothing else.
 *
 * Trust: nobody but the host is trusted. Whatever is written to registers or
 * found in memory (image, commands, page tables), the machine touches only its
 * own memory and calls only the host's functions, and each npu_core_run() ends
 * after a bounded amount of work.
 */
#ifndef NPU_CORE_H
#define NPU_CORE_H

#include <npu/cost.h>
#include <npu/job.h>
#include <npu/regs.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NPU_CORE_ALIGN 64 /* of the memory for npu_core_init() */

struct npu_core;

enum npu_trace_kind {
	NPU_TRACE_BOOT,		/* code: enum npu_boot_refusal */
	NPU_TRACE_RESET,	/* of the whole machine */
	NPU_TRACE_DOORBELL,	/* index: page; seen by the controller */
	NPU_TRACE_HOST_IRQ,	/* index: vector */
	NPU_TRACE_WINDOW,	/* index: window; code: enum npu_fault; address */
	NPU_TRACE_JOB_START,	/* core; index: context; address: commands */
	NPU_TRACE_JOB_END,	/* core; code: enum npu_core_state */
	NPU_TRACE_COMMAND,	/* core, unit; index: command; code: enum npu_op */
	NPU_TRACE_FAULT,	/* core, unit; index: command; code, address */
};

#define NPU_TRACE_RANGES 6

/* From the first byte to the one behind the last. */
struct npu_trace_range {
	uint32_t low;
	uint32_t high;
};

/**
 * struct npu_trace - something that happened in the machine
 * @kind: enum npu_trace_kind, which says what of the rest is used
 * @core: number of the core
 * @unit: enum npu_fault_unit
 * @code: as the kind says
 * @index: as the kind says
 * @address: as the kind says
 * @start: NPU_TRACE_COMMAND: modelled cycle of the job in which it starts
 * @end: cycle in which it ends; NPU_TRACE_JOB_END: cycles of the job
 * @instructions: that the controller has executed so far
 * @reads: NPU_TRACE_COMMAND: how many of @range it reads, the first ones
 * @writes: likewise it writes, the ones behind
 * @range: of SRAM
 */
struct npu_trace {
	enum npu_trace_kind kind;
	uint32_t core;
	uint32_t unit;
	uint32_t code;
	uint32_t index;
	uint64_t address;
	uint64_t start;
	uint64_t end;
	uint64_t instructions;
	uint32_t reads;
	uint32_t writes;
	struct npu_trace_range range[NPU_TRACE_RANGES];
};

/**
 * struct npu_host_ops - what the machine asks of its host
 * @dma_read: copy @size bytes from bus address @address; 0, or non-zero if any
 *	of them can't be read (then @buffer's content does not matter)
 * @dma_write: likewise, to the bus; after a failure some bytes may be written
 * @raise_irq: send MSI-X vector @vector, below NPU_MAX_VECTORS
 * @now_ns: monotonic time
 * @sha256: digest of @size bytes
 * @wake: there is work for npu_core_run(); must be remembered if the runner is
 *	not waiting just then. Called by the thread that wrote
 * @reach: where the host has @size bytes at bus address @address, to be read or
 *	written, or NULL as dma_read() and dma_write() would refuse them; stays so
 *	until npu_core_run() returns. May be NULL: then everything goes through those
 *	two. A host that has it lets no other thread write NPU_CTRL_RESET while the
 *	runner is inside
 * @seal: a number that is given to these bytes for as long as nobody can change them,
 *	the machine included, and to no others ever; or 0. With @reach; may be NULL
 * @unlock: for npu_core_share() alone, else NULL: others may call it now
 * @lock: likewise: and no more from here on
 * @trace: may be NULL; may change between two npu_core_run()
 *
 * All but @wake are called by the runner, from within npu_core_run(). None may
 * call back into the machine, except that @dma_read and @dma_write may end in
 * the machine's own registers and doorbells.
 */
struct npu_host_ops {
	int (*dma_read)(void *opaque, uint64_t address, void *buffer,
			size_t size);
	int (*dma_write)(void *opaque, uint64_t address, const void *buffer,
			 size_t size);
	void (*raise_irq)(void *opaque, unsigned int vector);
	uint64_t (*now_ns)(void *opaque);
	void (*sha256)(void *opaque, const void *data, size_t size,
		       uint8_t digest[NPU_IMAGE_DIGEST_SIZE]);
	void (*wake)(void *opaque);
	void *(*reach)(void *opaque, uint64_t address, size_t size,
		       bool is_write);
	uint64_t (*seal)(void *opaque, uint64_t address, size_t size);
	void (*unlock)(void *opaque);
	void (*lock)(void *opaque);
	void (*trace)(void *opaque, const struct npu_trace *trace);
};

/**
 * npu_core_size() - how much memory a machine needs
 * @machine: its configuration, which npu_machine_check() accepts
 *
 * Return: bytes, to be aligned to NPU_CORE_ALIGN; 0 if @machine is not valid.
 */
size_t npu_core_size(const struct npu_machine *machine);

/**
 * npu_core_init() - make a machine, as after power-on
 * @memory: npu_core_size() bytes aligned to NPU_CORE_ALIGN, any content; the
 *	host owns it and may free it after npu_core_fini()
 * @machine: configuration, copied
 * @ops: kept, not copied: must outlive the machine
 * @opaque: handed to every function of @ops
 *
 * Return: the machine, at @memory; NULL if @machine is not valid.
 */
struct npu_core *npu_core_init(void *memory,
			       const struct npu_machine *machine,
			       const struct npu_host_ops *ops, void *opaque);

/**
 * npu_core_fini() - the end of a machine, whose memory is the host's alone again
 * @core: the machine; nothing of it may run any more. NULL: nothing happens
 */
void npu_core_fini(struct npu_core *core);

/**
 * npu_core_reset() - everything as after npu_core_init(), but for COUNT_*
 * @core: the machine; nothing else of it may run. For function-level reset and
 *	the like; a reset by NPU_CTRL_RESET comes through npu_core_mmio_write()
 */
void npu_core_reset(struct npu_core *core);

/**
 * npu_core_reset_function() - as a write of NPU_CTRL_RESET, for function-level reset
 * @core: the machine; any thread. The only thing that a dead one notices
 */
void npu_core_reset_function(struct npu_core *core);

/**
 * npu_core_inject() - allow that errors are injected, and arm some
 * @core: the machine, before anything else is done with it
 * @list: "on" for none, or as section 15 of the manual says
 *
 * Return: NULL, or what is wrong with @list.
 */
const char *npu_core_inject(struct npu_core *core, const char *list);

/**
 * npu_core_mmio_read() - read a register of BAR0
 * @core: the machine; any thread
 * @offset: byte offset in the BAR
 * @size: of the access in bytes; anything but 4, or a misaligned offset, reads
 *	as zero
 *
 * From the write that asks for a reset NPU_REG_BOOT_STATUS reads NPU_BOOT_RESET,
 * or NPU_BOOT_LOADING for as long as the one dma_read() or dma_write() lasts that
 * the runner may be in; there is no further one of the old run.
 *
 * Return: the value; zero where there is no register.
 */
uint64_t npu_core_mmio_read(struct npu_core *core, uint64_t offset,
			    unsigned int size);

/**
 * npu_core_mmio_write() - write a register of BAR0
 * @core: the machine; any thread
 * @offset: byte offset in the BAR
 * @value: what to write
 * @size: of the access in bytes; anything but 4, a misaligned offset, and
 *	offsets without a writable register change nothing
 */
void npu_core_mmio_write(struct npu_core *core, uint64_t offset,
			 uint64_t value, unsigned int size);

/**
 * npu_core_doorbell() - a write, of any value and size, to a doorbell page
 * @core: the machine; any thread
 * @page: byte offset in BAR2 / NPU_DOORBELL_STRIDE; others are ignored
 */
void npu_core_doorbell(struct npu_core *core, unsigned int page);

enum npu_core_next {
	NPU_CORE_BUSY,	/* there is more to do: call again */
	NPU_CORE_WAIT,	/* nothing to do before wake() or the time given */
	NPU_CORE_ELSEWHERE, /* npu_core_share(): nothing before another returns */
};

/* *until_ns when only wake() can end the wait. */
#define NPU_CORE_FOREVER UINT64_MAX

/**
 * npu_core_run() - let the machine work for a while
 * @core: the machine; one thread at a time
 * @budget: how many instructions of the controller at most, at least 1; beside
 *	them each core that has a job executes at most one command
 * @until_ns: set if the result is NPU_CORE_WAIT: the time by now_ns() at which
 *	the controller's timer wants to go on, or NPU_CORE_FOREVER
 *
 * A wait ends also when wake() was called after npu_core_run() was entered.
 *
 * Return: what to do next.
 */
enum npu_core_next npu_core_run(struct npu_core *core, uint32_t budget,
				uint64_t *until_ns);

/**
 * struct npu_share - what npu_core_share() and its thread tell each other
 * @own: the core that the thread worked for last, at first 0; it goes on with that
 *	one if it can, so that a core's memory stays near a processor
 * @ran_controller: set: others may find something new to do
 * @until_ns: set, as of npu_core_run()
 */
struct npu_share {
	uint32_t own;
	bool ran_controller;
	uint64_t until_ns;
};

/**
 * npu_core_share() - npu_core_run() for one of several threads
 * @core: the machine; the host has unlock() and lock()
 * @budget: as there
 * @share: of this thread
 *
 * All threads call it with the host's lock. Within it the machine gives that lock
 * away while it executes a command of a core, and others may come in and take care
 * of other cores. The controller runs only while no core is in that state; if it
 * has something to do nobody starts another command until it has run. Without the
 * lock the machine calls reach() and seal() alone; what these say must not change
 * meanwhile.
 * Hosts without reach() keep the lock.
 *
 * Return: what to do next.
 */
enum npu_core_next npu_core_share(struct npu_core *core, uint32_t budget,
				  struct npu_share *share);

#endif
