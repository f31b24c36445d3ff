/* SPDX-License-Identifier: MIT */
/*
 * TinyNPU: the interface of the DRM accel driver, /dev/accel/accelN.
 *
 * An open file is a client with an address space, number 0, and as many more as
 * it creates. It creates buffers, binds them at addresses of its choice, creates
 * queues and submits jobs to them. Everything ends with the file. Synchronisation
 * is explicit: timeline or binary syncobjs. Unknown flags and non-zero padding are
 * refused with EINVAL; a struct that is shorter than the kernel's is taken as
 * zero-extended, and of one that is longer only the kernel's part is looked at.
 *
 * Errors that several calls share: EFAULT (bad pointer), EINVAL (a rule of the
 * struct is broken), ENOENT (no such handle), ENOMEM, ENODEV (device is gone),
 * EIO (device is lost after failed recovery), EINTR (signal; call again).
 */
#ifndef _UAPI_TINYNPU_ACCEL_H_
#define _UAPI_TINYNPU_ACCEL_H_

#ifdef __KERNEL__
#include <drm/drm.h>
#elif __has_include("drm/drm.h")
#include <drm/drm.h>
#else
#include <drm.h> /* libdrm's, by pkg-config */
#endif

#if defined(__cplusplus)
extern "C" {
#endif

#define DRM_TNPU_QUERY 0x00
#define DRM_TNPU_BO_CREATE 0x01
#define DRM_TNPU_BO_MMAP_OFFSET 0x02
#define DRM_TNPU_VM_BIND 0x03
#define DRM_TNPU_QUEUE_CREATE 0x04
#define DRM_TNPU_QUEUE_DESTROY 0x05
#define DRM_TNPU_QUEUE_STATE 0x06
#define DRM_TNPU_SUBMIT 0x07
#define DRM_TNPU_VM_CREATE 0x08
#define DRM_TNPU_VM_DESTROY 0x09
#define DRM_TNPU_BO_INFO 0x0a
#define DRM_TNPU_BO_USERPTR 0x0b
#define DRM_TNPU_JOB_CANCEL 0x0c
#define DRM_TNPU_QUEUE_MAP 0x0d

#define DRM_TNPU_PAGE_SIZE 4096
#define DRM_TNPU_VA_BITS 38 /* addresses are below 1 << this */
#define DRM_TNPU_MAX_BO_SIZE (1ull << 32)
#define DRM_TNPU_MAX_QUEUES 16 /* per file; the device has 63 */
#define DRM_TNPU_MAX_SYNCS 64 /* per array */
#define DRM_TNPU_MAX_VMS 16 /* per file, besides number 0 */
#define DRM_TNPU_MAX_BINDS 1024 /* that wait, per address space */

/* What DRM_TNPU_QUERY answers */
enum drm_tnpu_query_kind {
	/** @DRM_TNPU_QUERY_DEVICE: struct drm_tnpu_query_device */
	DRM_TNPU_QUERY_DEVICE = 0,
};

/**
 * struct drm_tnpu_query - ask for a struct of facts
 * @kind: enum drm_tnpu_query_kind
 * @size: bytes at @data; set to the size of the kernel's struct. The smaller
 *	of both is copied, the rest of a larger buffer is cleared.
 * @data: user pointer, or 0 to learn the size
 */
struct drm_tnpu_query {
	__u32 kind;
	__u32 size;
	__u64 data;
};

/**
 * struct drm_tnpu_query_device - the machine
 * @hw_version: major << 16 | minor
 * @firmware_abi: version of the protocol that driver and firmware agreed on
 * @cores: number of cores; a job runs on one
 * @macs: multipliers per core
 * @sram_size: bytes per core
 * @clock_khz: modelled clock
 * @sram_bw: bytes per cycle
 * @sram_latency: cycles
 * @mem_bw: bytes per cycle
 * @mem_latency: cycles
 * @va_bits: addresses are below 1 << this
 * @page_size: granule of DRM_TNPU_VM_BIND
 * @max_queues: per file
 * @max_priority: highest priority that this file may ask for
 * @job_timeout_ms: a job without progress for so long is ended
 * @reset_count: recoveries of the device since it was probed
 * @firmware_name: version text, NUL-terminated
 * @max_vms: address spaces per file, besides number 0
 * @max_user_queues: of all files of one user; the administrator's limit
 * @max_deadline_ms: of queues, the administrator's limit; 0: none
 * @restricted: 1: the machine's array is as slow as others publish theirs; else 0
 */
struct drm_tnpu_query_device {
	__u32 hw_version;
	__u32 firmware_abi;
	__u32 cores;
	__u32 macs;
	__u32 sram_size;
	__u32 clock_khz;
	__u32 sram_bw;
	__u32 sram_latency;
	__u32 mem_bw;
	__u32 mem_latency;
	__u32 va_bits;
	__u32 page_size;
	__u32 max_queues;
	__u32 max_priority;
	__u32 job_timeout_ms;
	__u32 reset_count;
	__u8 firmware_name[32];
	__u32 max_vms;
	__u32 max_user_queues;
	__u32 max_deadline_ms;
	__u32 restricted;
};

/* Of BO_CREATE: the CPU's mappings are write-combined, else they are cached */
#define DRM_TNPU_BO_WC (1 << 0)
/* Of BO_USERPTR: the device may not write */
#define DRM_TNPU_BO_READONLY (1 << 1)
/* Told by BO_INFO: where the memory is from, if not from BO_CREATE */
#define DRM_TNPU_BO_IMPORTED (1 << 8)
#define DRM_TNPU_BO_IS_USERPTR (1 << 9)

/**
 * struct drm_tnpu_bo_create - create a buffer of zeroed memory
 * @size: bytes, at least 1, rounded up to pages; at most DRM_TNPU_MAX_BO_SIZE
 * @flags: DRM_TNPU_BO_WC
 * @handle: set: GEM handle. Close it with DRM_IOCTL_GEM_CLOSE; share it with
 *	DRM_IOCTL_PRIME_HANDLE_TO_FD.
 *
 * DRM_IOCTL_PRIME_FD_TO_HANDLE makes a buffer of a dma-buf of another device.
 * The driver waits until its exporter has the memory in place, but neither for
 * fences that readers and writers have attached, nor does it attach any for jobs:
 * make syncobjs of the former with DMA_BUF_IOCTL_EXPORT_SYNC_FILE, and attach the
 * latter with DMA_BUF_IOCTL_IMPORT_SYNC_FILE.
 */
struct drm_tnpu_bo_create {
	__u64 size;
	__u32 flags;
	__u32 handle;
};

/**
 * struct drm_tnpu_bo_mmap_offset - where to mmap() a buffer
 * @handle: GEM handle
 * @flags: 0
 * @offset: set: offset for mmap() of the device's file
 *
 * EINVAL also for a buffer that is user memory, and thus mapped.
 */
struct drm_tnpu_bo_mmap_offset {
	__u32 handle;
	__u32 flags;
	__u64 offset;
};

/**
 * struct drm_tnpu_bo_info - ask what a buffer is
 * @handle: GEM handle
 * @flags: 0; set: DRM_TNPU_BO_*
 * @size: set: bytes
 */
struct drm_tnpu_bo_info {
	__u32 handle;
	__u32 flags;
	__u64 size;
};

/**
 * struct drm_tnpu_bo_userptr - make a buffer of memory of the calling process
 * @addr: first address, a multiple of the CPU's page size
 * @size: bytes, likewise, not 0; at most DRM_TNPU_MAX_BO_SIZE
 * @flags: DRM_TNPU_BO_READONLY, for memory that the process may only read
 * @handle: set: GEM handle
 *
 * The pages are pinned, and count as locked memory of the user, until the buffer
 * and its mappings are gone: the device sees these pages, whatever happens to the
 * addresses (munmap(), mremap()) or the process (fork(): they stay the parent's;
 * exit). VM_BIND of a buffer that is READONLY has to say READONLY, too (EACCES).
 * It can't be exported (EOPNOTSUPP).
 *
 * Errors: EFAULT (not memory, not writable, or of a file that can't be pinned),
 * ENOMEM (also: beyond RLIMIT_MEMLOCK without CAP_IPC_LOCK, or more than half of
 * the machine's memory). After an error nothing is pinned.
 */
struct drm_tnpu_bo_userptr {
	__u64 addr;
	__u64 size;
	__u32 flags;
	__u32 handle;
};

/**
 * struct drm_tnpu_sync - a syncobj, at a point
 * @handle: syncobj
 * @flags: 0
 * @point: of a timeline; 0 for a binary one
 */
struct drm_tnpu_sync {
	__u32 handle;
	__u32 flags;
	__u64 point;
};

#define DRM_TNPU_VM_BIND_MAP 0
#define DRM_TNPU_VM_BIND_UNMAP 1

#define DRM_TNPU_VM_BIND_READONLY (1 << 0) /* to the device */
#define DRM_TNPU_VM_BIND_ASYNC (1 << 1) /* don't wait until it is made */

/**
 * struct drm_tnpu_vm_bind - map or unmap a range of addresses
 * @op: DRM_TNPU_VM_BIND_MAP or _UNMAP
 * @flags: DRM_TNPU_VM_BIND_ASYNC; of MAP also DRM_TNPU_VM_BIND_READONLY
 * @handle: of MAP: GEM handle; of UNMAP: 0
 * @vm: number of the address space
 * @addr: first address, a multiple of the page size
 * @size: bytes, likewise, not 0; @addr + @size at most 1 << va_bits
 * @bo_offset: of MAP: first byte of the buffer, likewise; of UNMAP: 0
 * @in_syncs: of ASYNC: user pointer: struct drm_tnpu_sync[] to wait for
 * @out_syncs: of ASYNC: user pointer: struct drm_tnpu_sync[] to signal
 * @in_sync_count: 0 to DRM_TNPU_MAX_SYNCS
 * @out_sync_count: likewise
 *
 * MAP replaces what was mapped in the range. UNMAP may cover any part of one or
 * more mappings, or none. A mapping keeps its buffer. The first one of a buffer
 * pins its memory: ENOMEM if the buffer is larger than half of the machine's.
 *
 * Binds of an address space are made in the order of their calls, each when its
 * in-syncs have signalled. Its out-syncs signal, or without ASYNC the call
 * returns, when the device uses the new state; jobs that still run may fault on
 * what is gone. Whatever is wrong with a bind is said by the call; later only the
 * device can fail it: EIO, ENODEV, or ECANCELED if the address space is destroyed.
 * Errors: ENOSPC (DRM_TNPU_MAX_BINDS wait already).
 *
 * Leaves of page tables have 2 MiB where @addr and the memory's bus address are
 * multiples of that and the memory is contiguous.
 */
struct drm_tnpu_vm_bind {
	__u32 op;
	__u32 flags;
	__u32 handle;
	__u32 vm;
	__u64 addr;
	__u64 size;
	__u64 bo_offset;
	__u64 in_syncs;
	__u64 out_syncs;
	__u32 in_sync_count;
	__u32 out_sync_count;
};

/**
 * struct drm_tnpu_vm_create - create an empty address space
 * @flags: 0
 * @vm: set: its number in this file, not 0
 *
 * Errors: EMFILE (DRM_TNPU_MAX_VMS).
 */
struct drm_tnpu_vm_create {
	__u32 flags;
	__u32 vm;
};

/**
 * struct drm_tnpu_vm_destroy - end an address space with all its mappings
 * @vm: its number; 0, the file's own, can't be destroyed
 * @pad: 0
 *
 * Binds that have not been made end with ECANCELED. Errors: EBUSY (a queue uses
 * it).
 */
struct drm_tnpu_vm_destroy {
	__u32 vm;
	__u32 pad;
};

#define DRM_TNPU_QUEUE_EVENT_FD (1 << 0) /* event_fd is one */
#define DRM_TNPU_QUEUE_USER (1 << 1) /* a user-mode queue: ring and entries */

/**
 * struct drm_tnpu_queue_create - create a queue of jobs
 * @priority: 0 (least urgent) to 3; above 1 needs CAP_SYS_NICE (EACCES)
 * @flags: DRM_TNPU_QUEUE_EVENT_FD, DRM_TNPU_QUEUE_USER
 * @queue: set: number of the queue in this file
 * @vm: number of the address space that its jobs work in
 * @deadline_ms: a job that has run for so long is ended, with or without
 *	progress; at most max_deadline_ms of QUERY (EINVAL). 0: that limit
 * @event_fd: an eventfd (EBADF, EINVAL if it is not), to be polled: each job that
 *	ends, well or not, adds 1 to it, after its fence is signalled. 0 without
 *	DRM_TNPU_QUEUE_EVENT_FD
 * @entries: of USER: jobs that the ring holds, a power of two, 2 to 64; else 0
 * @pad: 0
 * @ring: of USER: address of its struct npu_queue_ring (npu/queue.h), a multiple
 *	of the page size; else 0
 *
 * With USER the process itself writes jobs into the ring, which is mapped in @vm
 * and zero, and rings a doorbell that DRM_TNPU_QUEUE_MAP tells where to map. The
 * hardware manual says how ("User-mode queues"). SUBMIT to such a queue says
 * EINVAL. It counts as any other queue does, and is banned after a bad job or for
 * a bad ring. Its eventfd gets 1 when it wakes the process, and when it is banned
 * or the device is gone.
 *
 * Errors: EMFILE (this file's limit, or the user's, whose files are counted
 * together: max_user_queues of QUERY, for who has not CAP_SYS_RESOURCE), ENOSPC
 * (the device's limit), EOPNOTSUPP (a deadline or USER, with old firmware).
 */
struct drm_tnpu_queue_create {
	__u32 priority;
	__u32 flags;
	__u32 queue;
	__u32 vm;
	__u32 deadline_ms;
	__s32 event_fd;
	__u32 entries;
	__u32 pad;
	__u64 ring;
};

/**
 * struct drm_tnpu_queue_map - ask where a user-mode queue's doorbell is
 * @queue: its number
 * @flags: 0
 * @offset: set: offset for mmap() of the device's file, of one page, shared: a
 *	32-bit write at its start rings
 *
 * The mapping is not inherited by fork(). When the queue or the device is gone it
 * is memory that nobody looks at. EINVAL also for a queue of the other kind.
 */
struct drm_tnpu_queue_map {
	__u32 queue;
	__u32 flags;
	__u64 offset;
};

/**
 * struct drm_tnpu_queue_destroy - end a queue and all that it holds
 * @queue: its number
 * @pad: 0
 *
 * Jobs that have not ended end with ECANCELED in their fences.
 */
struct drm_tnpu_queue_destroy {
	__u32 queue;
	__u32 pad;
};

enum drm_tnpu_queue_status {
	/** @DRM_TNPU_QUEUE_OK: takes jobs */
	DRM_TNPU_QUEUE_OK = 0,
	/** @DRM_TNPU_QUEUE_BANNED: a job of it failed; SUBMIT says ECANCELED */
	DRM_TNPU_QUEUE_BANNED = 1,
};

enum drm_tnpu_queue_reason {
	/** @DRM_TNPU_REASON_NONE: all is well */
	DRM_TNPU_REASON_NONE = 0,
	/** @DRM_TNPU_REASON_FAULT: guilty: a command was refused, see the fault */
	DRM_TNPU_REASON_FAULT = 1,
	/** @DRM_TNPU_REASON_TIMEOUT: guilty: a job made no progress, or ran too long */
	DRM_TNPU_REASON_TIMEOUT = 2,
	/** @DRM_TNPU_REASON_RESET: innocent: a job ran when the device had to be reset */
	DRM_TNPU_REASON_RESET = 3,
};

/**
 * struct drm_tnpu_queue_state - what became of a queue
 * @queue: its number
 * @status: set: enum drm_tnpu_queue_status
 * @reason: set: enum drm_tnpu_queue_reason
 * @fault_code: set: enum npu_fault of the hardware manual
 * @fault_unit: set: 0 DMA, 1 MAC, 2 VEC, 3 fetch
 * @fault_cmd: set: index of the command; of a timeout: how many had finished
 * @fault_info: set: as the manual says for the code
 * @pad: 0
 * @fault_addr: set: likewise; of page faults the exact address
 * @fault_job: set: number of the job on this queue, from 1
 * @submitted: set: jobs submitted so far
 * @completed: set: jobs ended so far, well or not
 * @cycles: set: sum over ended jobs
 * @energy_fj: set: sum over ended jobs
 *
 * Of a user-mode queue @fault_job is the job's cookie; @submitted is @completed,
 * since only the process knows better; sums include the running job. The call asks
 * the firmware, and has the device recovered if there is no answer: who has waited
 * for long should call it. After a recovery such a queue goes on if it had no job
 * running, else it is banned with DRM_TNPU_REASON_RESET.
 */
struct drm_tnpu_queue_state {
	__u32 queue;
	__u32 status;
	__u32 reason;
	__u32 fault_code;
	__u32 fault_unit;
	__u32 fault_cmd;
	__u32 fault_info;
	__u32 pad;
	__u64 fault_addr;
	__u64 fault_job;
	__u64 submitted;
	__u64 completed;
	__u64 cycles;
	__u64 energy_fj;
};

/**
 * struct drm_tnpu_submit - submit one job
 * @queue: number of the queue
 * @flags: 0
 * @commands: address of the commands, a multiple of 64
 * @regions: address of the region table (struct npu_region of the manual), a
 *	multiple of 16
 * @result: address for struct npu_job_result, a multiple of 8, or 0
 * @command_count: 1 to 1 << 24
 * @region_count: 0 to 64
 * @in_syncs: user pointer: struct drm_tnpu_sync[] to wait for
 * @out_syncs: user pointer: struct drm_tnpu_sync[] to signal
 * @in_sync_count: 0 to DRM_TNPU_MAX_SYNCS
 * @out_sync_count: likewise
 * @job: set: number of the job on its queue, from 1
 *
 * Jobs of a queue run in order. The addresses are of the queue's address space
 * and are looked at by the device only. Errors: ECANCELED (queue is banned).
 */
struct drm_tnpu_submit {
	__u32 queue;
	__u32 flags;
	__u64 commands;
	__u64 regions;
	__u64 result;
	__u32 command_count;
	__u32 region_count;
	__u64 in_syncs;
	__u64 out_syncs;
	__u32 in_sync_count;
	__u32 out_sync_count;
	__u64 job;
};

/**
 * struct drm_tnpu_job_cancel - end one job
 * @queue: number of its queue
 * @pad: 0
 * @job: its number there; of a user-mode queue its cookie, once its entry says
 *	NPU_JOB_CANCEL
 *
 * Whether it waits or runs, its fence ends with ECANCELED, when those of the jobs
 * before it have ended; one that was about to end may still end otherwise. The
 * queue goes on. Errors: ENOENT (no such queue, or there was no such job yet),
 * EALREADY (the job has ended), EOPNOTSUPP (old firmware).
 */
struct drm_tnpu_job_cancel {
	__u32 queue;
	__u32 pad;
	__u64 job;
};

#define DRM_IOCTL_TNPU_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_QUERY, struct drm_tnpu_query)
#define DRM_IOCTL_TNPU_BO_CREATE                       \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_BO_CREATE, \
		 struct drm_tnpu_bo_create)
#define DRM_IOCTL_TNPU_BO_MMAP_OFFSET                       \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_BO_MMAP_OFFSET, \
		 struct drm_tnpu_bo_mmap_offset)
#define DRM_IOCTL_TNPU_VM_BIND \
	DRM_IOW(DRM_COMMAND_BASE + DRM_TNPU_VM_BIND, struct drm_tnpu_vm_bind)
#define DRM_IOCTL_TNPU_QUEUE_CREATE                       \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_QUEUE_CREATE, \
		 struct drm_tnpu_queue_create)
#define DRM_IOCTL_TNPU_QUEUE_DESTROY                      \
	DRM_IOW(DRM_COMMAND_BASE + DRM_TNPU_QUEUE_DESTROY, \
		struct drm_tnpu_queue_destroy)
#define DRM_IOCTL_TNPU_QUEUE_STATE                       \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_QUEUE_STATE, \
		 struct drm_tnpu_queue_state)
#define DRM_IOCTL_TNPU_SUBMIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_SUBMIT, struct drm_tnpu_submit)
#define DRM_IOCTL_TNPU_VM_CREATE                       \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_VM_CREATE, \
		 struct drm_tnpu_vm_create)
#define DRM_IOCTL_TNPU_VM_DESTROY                      \
	DRM_IOW(DRM_COMMAND_BASE + DRM_TNPU_VM_DESTROY, \
		struct drm_tnpu_vm_destroy)
#define DRM_IOCTL_TNPU_BO_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_BO_INFO, struct drm_tnpu_bo_info)
#define DRM_IOCTL_TNPU_BO_USERPTR                       \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_BO_USERPTR, \
		 struct drm_tnpu_bo_userptr)
#define DRM_IOCTL_TNPU_JOB_CANCEL                      \
	DRM_IOW(DRM_COMMAND_BASE + DRM_TNPU_JOB_CANCEL, \
		struct drm_tnpu_job_cancel)
#define DRM_IOCTL_TNPU_QUEUE_MAP                       \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_TNPU_QUEUE_MAP, \
		 struct drm_tnpu_queue_map)

#if defined(__cplusplus)
}
#endif

#endif
