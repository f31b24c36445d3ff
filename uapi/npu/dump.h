/* SPDX-License-Identifier: MIT */
/*
 * The dump of a device that did not react or crashed, as the driver leaves it in
 * devcoredump and `tinynpu inspect` reads it: a header, then sections. It has
 * what driver and firmware knew of each other, but nothing of what jobs compute:
 * neither commands nor data.
 *
 * Readers skip sections that they don't know, and ignore what stands behind the
 * part of a record that they know; a record that is shorter is an error.
 */
#ifndef NPU_DUMP_H
#define NPU_DUMP_H

#include <npu/types.h>

#define NPU_DUMP_MAGIC 0x504d554455504e54ull /* "TNPUDUMP" */
#define NPU_DUMP_VERSION 1 /* another one is refused */
#define NPU_DUMP_MAX_SIZE 0x10000

/**
 * struct npu_dump - the head of a dump
 * @magic: NPU_DUMP_MAGIC
 * @version: NPU_DUMP_VERSION
 * @section_count: sections that follow, one behind the other
 * @size: bytes of all, this one included
 */
struct npu_dump {
	npu_le64 magic;
	npu_le16 version;
	npu_le16 section_count;
	npu_le32 size;
};

NPU_ASSERT_SIZE(struct npu_dump, 16);

enum npu_dump_kind {
	NPU_DUMP_DEVICE = 1, /* struct npu_dump_device */
	NPU_DUMP_FIRMWARE = 2, /* struct npu_dump_firmware */
	NPU_DUMP_REGISTERS = 3, /* struct npu_dump_register, as many as fit */
	NPU_DUMP_RINGS = 4, /* struct npu_dump_rings */
	NPU_DUMP_ADMIN = 5, /* struct npu_admin_cmd, the last is the newest */
	NPU_DUMP_EVENTS = 6, /* struct npu_event, likewise */
	NPU_DUMP_QUEUES = 7, /* struct npu_dump_queue, as many as fit */
	NPU_DUMP_LOG = 8, /* the firmware's last lines, filled up with NULs */
};

/**
 * struct npu_dump_section - the head of a section
 * @kind: enum npu_dump_kind
 * @size: bytes that follow, a multiple of 8
 */
struct npu_dump_section {
	npu_le32 kind;
	npu_le32 size;
};

NPU_ASSERT_SIZE(struct npu_dump_section, 8);

/**
 * struct npu_dump_device - which device, and why there is a dump
 * @time_ns: since 1970
 * @hw_version: major << 16 | minor; likewise the next, as the registers say
 * @cores: number of cores
 * @macs: multipliers per core
 * @sram_size: bytes per core
 * @clock_khz: modelled clock
 * @recoveries: before this one
 * @rungs: how often the driver has climbed each rung of its ladder: job stop, queue
 *	reset, core reset, firmware restart, function reset, wedged
 * @name: of the PCI device, NUL-terminated; likewise the next
 * @driver: version
 * @kernel: version
 * @why: a sentence
 */
struct npu_dump_device {
	npu_le64 time_ns;
	npu_le32 hw_version;
	npu_le32 cores;
	npu_le32 macs;
	npu_le32 sram_size;
	npu_le32 clock_khz;
	npu_le32 recoveries;
	npu_le32 rungs[6];
	uint8_t name[32];
	uint8_t driver[32];
	uint8_t kernel[64];
	uint8_t why[64];
};

NPU_ASSERT_SIZE(struct npu_dump_device, 248);

/**
 * struct npu_dump_firmware - the firmware, and its crash record
 * @name: version text, NUL-terminated
 * @image_size: bytes
 * @abi: version of npu/ring.h
 * @state: enum npu_fw_state; all ones if the device is dead
 * @mcause: of the trap, if it crashed; likewise the next
 * @mepc: where
 * @mtval: what
 * @ra: who had called
 * @sp: with which stack
 */
struct npu_dump_firmware {
	uint8_t name[32];
	npu_le32 image_size;
	npu_le32 abi;
	npu_le32 state;
	npu_le32 mcause;
	npu_le32 mepc;
	npu_le32 mtval;
	npu_le32 ra;
	npu_le32 sp;
};

NPU_ASSERT_SIZE(struct npu_dump_firmware, 64);

/**
 * struct npu_dump_register - a register of BAR 0
 * @offset: where
 * @value: what was read
 */
struct npu_dump_register {
	npu_le32 offset;
	npu_le32 value;
};

NPU_ASSERT_SIZE(struct npu_dump_register, 8);

/**
 * struct npu_dump_rings - struct npu_init, both sides of it
 * @admin_head: commands that the firmware has taken
 * @admin_tail: that the driver has written
 * @admin_armed: the firmware's flag
 * @event_head: events that the driver has read
 * @event_tail: that the firmware has written
 * @event_armed: the driver's flag
 * @log_tail: bytes of log
 * @heartbeat: the firmware's
 * @jobs_done: since boot
 */
struct npu_dump_rings {
	npu_le32 admin_head;
	npu_le32 admin_tail;
	npu_le32 admin_armed;
	npu_le32 event_head;
	npu_le32 event_tail;
	npu_le32 event_armed;
	npu_le32 log_tail;
	npu_le32 heartbeat;
	npu_le64 jobs_done;
};

NPU_ASSERT_SIZE(struct npu_dump_rings, 40);

#define NPU_DUMP_QUEUE_USER (1u << 0) /* a user-mode queue */
#define NPU_DUMP_QUEUE_GUILTY (1u << 1) /* its job is why there is a dump */
#define NPU_DUMP_QUEUE_ON_DEVICE (1u << 2) /* the firmware knows it */

/**
 * struct npu_dump_queue - a queue, and the job that is its first
 * @slot: its number for the firmware
 * @context: its address space
 * @priority: 0 is the least urgent
 * @flags: NPU_DUMP_QUEUE_*
 * @status: enum drm_tnpu_queue_status
 * @reason: enum drm_tnpu_queue_reason
 * @fault_code: enum npu_fault of the job that got it banned; likewise the next
 * @fault_unit: enum npu_fault_unit
 * @fault_cmd: index of the command
 * @fault_info: as the manual says for the code
 * @fault_addr: likewise
 * @fault_job: number of that job on the queue
 * @submitted: jobs so far
 * @completed: that have ended
 * @ring_head: jobs that the firmware has taken from the ring
 * @ring_tail: that the driver has written
 * @job: number of the first job that has not ended; 0: none. Likewise the next
 * @cookie: its name for the firmware
 * @command_count: its commands
 * @commands_done: that had finished when last looked at
 */
struct npu_dump_queue {
	npu_le32 slot;
	npu_le32 context;
	npu_le32 priority;
	npu_le32 flags;
	npu_le32 status;
	npu_le32 reason;
	npu_le32 fault_code;
	npu_le32 fault_unit;
	npu_le32 fault_cmd;
	npu_le32 fault_info;
	npu_le64 fault_addr;
	npu_le64 fault_job;
	npu_le64 submitted;
	npu_le64 completed;
	npu_le32 ring_head;
	npu_le32 ring_tail;
	npu_le64 job;
	npu_le64 cookie;
	npu_le32 command_count;
	npu_le32 commands_done;
};

NPU_ASSERT_SIZE(struct npu_dump_queue, 104);

#endif
