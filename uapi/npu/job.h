/* SPDX-License-Identifier: MIT */
/*
 * A job as its owner sees it: the table of regions that its commands name and
 * the record that tells how it ended. Both are in the owner's own memory; the
 * kernel never looks at either.
 */
#ifndef NPU_JOB_H
#define NPU_JOB_H

#include <npu/types.h>

#define NPU_MAX_REGIONS 64
#define NPU_MAX_COMMANDS (1u << 24) /* per job */
#define NPU_COMMAND_ALIGN 64 /* of the commands' address */
#define NPU_REGION_TABLE_ALIGN 16
#define NPU_RESULT_ALIGN 8
#define NPU_WEIGHT_BUFFER 192 /* bytes of weight buffer per multiplier */

/**
 * struct npu_region - a range of memory that commands name by its index
 * @base: address in the job's address space
 * @size: bytes; an access has to lie within, whole
 */
struct npu_region {
	npu_le64 base;
	npu_le64 size;
};

NPU_ASSERT_SIZE(struct npu_region, 16);

/* How a job ended */
enum npu_job_status {
	NPU_JOB_PENDING = 0, /* not ended; what a submitter writes beforehand */
	NPU_JOB_OK = 1,
	NPU_JOB_FAULT = 2, /* a command was refused: see the fault */
	NPU_JOB_TIMEOUT = 3, /* no command finished within the limit */
	NPU_JOB_CANCELLED = 4, /* never started, or stopped with its queue */
	NPU_JOB_RESET = 5, /* lost in a reset that somebody else caused */
};

/* Why a command, or the fetch of one, was refused */
enum npu_fault {
	NPU_FAULT_NONE = 0,
	NPU_FAULT_OPCODE = 1, /* no such command */
	NPU_FAULT_RESERVED = 2, /* a reserved field or flag is not zero */
	NPU_FAULT_FIELD = 3, /* a field out of its range; info: byte offset */
	NPU_FAULT_SRAM = 4, /* beyond the SRAM; addr: SRAM address */
	NPU_FAULT_OVERLAP = 5, /* operands overlap that must not */
	NPU_FAULT_REGION = 6, /* no such region, or beyond it; addr: offset */
	NPU_FAULT_PAGE_READ = 7, /* no readable page; addr: address */
	NPU_FAULT_PAGE_WRITE = 8, /* no writable page; addr: address */
	NPU_FAULT_BUS = 9, /* the bus refused; addr: address */
	NPU_FAULT_HAZARD = 10, /* not ordered behind command number info */
	NPU_FAULT_WORK = 11, /* more work in one command than allowed */
	NPU_FAULT_CONTEXT = 12, /* the job's context has no page table */
	NPU_FAULT_DECODE = 13, /* no coded stream; addr: offset in the region */
	NPU_FAULT_INDEX = 14, /* no such row; info: which index, addr: the index */
	NPU_FAULT_COUNT
};

/* Where it happened */
enum npu_fault_unit {
	NPU_FAULT_UNIT_DMA = 0,
	NPU_FAULT_UNIT_MAC = 1,
	NPU_FAULT_UNIT_VEC = 2,
	NPU_FAULT_UNIT_FETCH = 3, /* commands or the region table */
};

/**
 * struct npu_job_result - written to the job's memory when it has ended
 * @status: enum npu_job_status, written last
 * @core: the core that ran it
 * @clock_permille: its clock, of the machine's, on average; 0: all of it
 * @fault_code: enum npu_fault
 * @fault_unit: enum npu_fault_unit
 * @fault_cmd: index of the refused command; of NPU_JOB_TIMEOUT: @commands
 * @fault_info: as enum npu_fault says
 * @fault_addr: as enum npu_fault says
 * @commands: commands that finished
 * @cycles: from the first fetch to the end of the last command
 * @energy_fj: femtojoules
 * @mac_ops: multiplications of the MAC unit that the model asked for
 * @sram_read: bytes that the units read from SRAM
 * @sram_written: likewise, written
 * @mem_read: bytes read from memory, commands included
 * @mem_written: likewise, written
 * @busy: cycles in which the DMA, MAC and VEC unit worked
 */
struct npu_job_result {
	npu_le32 status;
	npu_le16 core;
	npu_le16 clock_permille;
	npu_le32 fault_code;
	npu_le32 fault_unit;
	npu_le32 fault_cmd;
	npu_le32 fault_info;
	npu_le64 fault_addr;
	npu_le64 commands;
	npu_le64 cycles;
	npu_le64 energy_fj;
	npu_le64 mac_ops;
	npu_le64 sram_read;
	npu_le64 sram_written;
	npu_le64 mem_read;
	npu_le64 mem_written;
	npu_le64 busy[3];
};

NPU_ASSERT_SIZE(struct npu_job_result, 120);

#endif
