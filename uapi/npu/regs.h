/* SPDX-License-Identifier: MIT */
/*
 * The machine's registers: what the host sees in its BARs, what the controller
 * sees in its address space, and the firmware image that the boot ROM accepts.
 * The manual (uapi/README.md) says what each does; this file gives the numbers.
 */
#ifndef NPU_REGS_H
#define NPU_REGS_H

#include <npu/types.h>

/* PCI identity. The ids are from the range that QEMU leaves to experiments. */
#define NPU_PCI_VENDOR_ID 0x1b36
#define NPU_PCI_DEVICE_ID 0x7e01
#define NPU_PCI_CLASS 0x1200 /* processing accelerator */

#define NPU_BAR_REGS 0
#define NPU_BAR_DOORBELLS 2
#define NPU_BAR_MSIX 4
#define NPU_BAR_REGS_SIZE 0x10000
#define NPU_DOORBELL_STRIDE 0x1000
#define NPU_BAR_DOORBELLS_SIZE (NPU_MAX_DOORBELLS * NPU_DOORBELL_STRIDE)

#define NPU_MAX_CORES 4
#define NPU_MAX_DOORBELLS 64
#define NPU_MAX_CONTEXTS 64
#define NPU_MAX_VECTORS 8

/* --- Host registers: BAR0, 32 bits each ------------------------------- */

#define NPU_REG_ID 0x000
#define NPU_ID_MAGIC 0x55504e54 /* "TNPU" */
#define NPU_REG_VERSION 0x004 /* major << 16 | minor */
#define NPU_REG_CORES 0x008
#define NPU_REG_MACS 0x00c /* per core and cycle */
#define NPU_REG_SRAM_SIZE 0x010 /* bytes per core */
#define NPU_REG_CLOCK_KHZ 0x014
#define NPU_REG_SRAM_BW 0x018 /* bytes per cycle */
#define NPU_REG_SRAM_LATENCY 0x01c /* cycles */
#define NPU_REG_MEM_BW 0x020 /* bytes per cycle */
#define NPU_REG_MEM_LATENCY 0x024 /* cycles */
#define NPU_REG_TCM_SIZE 0x028 /* bytes */
#define NPU_REG_DOORBELLS 0x02c
#define NPU_REG_CONTEXTS 0x030
#define NPU_REG_VECTORS 0x034
#define NPU_REG_MODE 0x038
#define NPU_MODE_RESTRICTED (1u << 0)
#define NPU_REG_CONFIG_END 0x040

#define NPU_REG_CTRL 0x100
#define NPU_CTRL_RESET (1u << 0)
#define NPU_CTRL_BOOT (1u << 1)
#define NPU_REG_BOOT_STATUS 0x104 /* NPU_BOOT_* | NPU_REFUSED_* << 8 */
#define NPU_REG_IMAGE_LO 0x108
#define NPU_REG_IMAGE_HI 0x10c
#define NPU_REG_IMAGE_SIZE 0x110
#define NPU_REG_ARG_LO 0x118
#define NPU_REG_ARG_HI 0x11c

#define NPU_REG_SCRATCH(n) (0x180 + 4 * (n)) /* firmware writes, host reads */
#define NPU_SCRATCH_COUNT 16

/* Counts of what the host did, for measurements and for tests of silence. */
#define NPU_REG_COUNT_READS 0x200
#define NPU_REG_COUNT_WRITES 0x204
#define NPU_REG_COUNT_DOORBELLS 0x208
#define NPU_REG_COUNT_INTERRUPTS 0x20c

/* States of the boot ROM, NPU_REG_BOOT_STATUS[7:0] */
enum npu_boot_state {
	NPU_BOOT_RESET = 0, /* waits for NPU_CTRL_BOOT */
	NPU_BOOT_LOADING = 1,
	NPU_BOOT_RUNNING = 2,
	NPU_BOOT_REFUSED = 3, /* reason in bits 15:8 */
};

/* Why the boot ROM refused, NPU_REG_BOOT_STATUS[15:8] */
enum npu_boot_refusal {
	NPU_REFUSED_NONE = 0,
	NPU_REFUSED_DMA = 1, /* the image could not be read */
	NPU_REFUSED_SIZE = 2, /* shorter than its header, or sizes disagree */
	NPU_REFUSED_MAGIC = 3,
	NPU_REFUSED_VERSION = 4, /* header version or hardware version */
	NPU_REFUSED_PLACE = 5, /* load address, size or entry not in the TCM */
	NPU_REFUSED_DIGEST = 6,
};

/* --- The firmware image ----------------------------------------------- */

#define NPU_IMAGE_MAGIC 0x57465054 /* "TPFW" */
#define NPU_IMAGE_HEADER_VERSION 1
#define NPU_IMAGE_MAX_SIZE (256 * 1024)
#define NPU_IMAGE_DIGEST_SIZE 32

/**
 * struct npu_image_header - the head of a firmware image
 * @magic: NPU_IMAGE_MAGIC
 * @header_version: NPU_IMAGE_HEADER_VERSION; another one is refused
 * @hw_major: NPU_HW_VERSION_MAJOR that the image is made for
 * @image_size: bytes of header and payload; what the host announces in
 *	NPU_REG_IMAGE_SIZE must be the same
 * @load_addr: where in the TCM the payload goes, a multiple of 4
 * @entry: the first instruction, even, inside the payload
 * @memory_size: bytes of TCM from @load_addr that the firmware uses, payload,
 *	bss and stack together; what the payload does not fill is cleared
 * @abi_min: lowest version of npu/ring.h that the firmware speaks
 * @abi_max: highest such version
 * @name: version text, NUL-terminated
 * @digest: SHA-256 of the whole image with this field taken as zeros
 */
struct npu_image_header {
	npu_le32 magic;
	npu_le16 header_version;
	npu_le16 hw_major;
	npu_le32 image_size;
	npu_le32 load_addr;
	npu_le32 entry;
	npu_le32 memory_size;
	npu_le16 abi_min;
	npu_le16 abi_max;
	npu_le32 reserved;
	uint8_t name[32];
	uint8_t digest[NPU_IMAGE_DIGEST_SIZE];
};

NPU_ASSERT_SIZE(struct npu_image_header, 96);
NPU_ASSERT_OFFSET(struct npu_image_header, digest, 64);

/* --- The controller's address space ------------------------------------ */

#define NPU_TCM_BASE 0x10000000u
#define NPU_TCM_SIZE 0x40000u
#define NPU_SYS_BASE 0x40000000u
#define NPU_MMU_BASE 0x40010000u
#define NPU_ATU_BASE 0x40020000u
#define NPU_CORE_BASE(n) (0x40100000u + (n) * 0x1000u)
#define NPU_WINDOW_BASE 0xc0000000u

/* System registers, at NPU_SYS_BASE */
#define NPU_SYS_TIME_LO 0x00 /* nanoseconds; reading LO latches HI */
#define NPU_SYS_TIME_HI 0x04
#define NPU_SYS_TIMECMP_LO 0x08 /* machine timer interrupt at TIME >= TIMECMP */
#define NPU_SYS_TIMECMP_HI 0x0c
#define NPU_SYS_IRQ_PENDING 0x10 /* NPU_IRQ_*; levels, cleared at the source */
#define NPU_SYS_IRQ_ENABLE 0x14
#define NPU_SYS_DOORBELL_LO 0x18 /* pending doorbell pages, write 1 to clear */
#define NPU_SYS_DOORBELL_HI 0x1c
#define NPU_SYS_HOST_IRQ 0x20 /* write n: raise MSI-X vector n */
#define NPU_SYS_ARG_LO 0x28
#define NPU_SYS_ARG_HI 0x2c
/* Since version 1.2: section 17 of the manual. Reading METER_NS_LO measures. */
#define NPU_SYS_OPP 0x30 /* operating point of all cores, below NPU_OPP_COUNT */
#define NPU_SYS_TEMP 0x34 /* of the die, thousandths of a degree Celsius */
#define NPU_SYS_METER_NS_LO 0x38 /* since power-on; likewise the next */
#define NPU_SYS_METER_NS_HI 0x3c
#define NPU_SYS_METER_FJ_LO 0x40 /* of jobs that left their cores, and idle ones */
#define NPU_SYS_METER_FJ_HI 0x44
#define NPU_SYS_IDLE_FJ_LO 0x48 /* of cores without jobs alone */
#define NPU_SYS_IDLE_FJ_HI 0x4c
#define NPU_SYS_OPP_KHZ(n) (0x50 + 4 * (n)) /* clocks of the points; read only */
#define NPU_SYS_SCRATCH(n) (0x80 + 4 * (n))
#define NPU_SYS_CONFIG 0x100 /* the host's 0x000..0x03f, read only */

#define NPU_IRQ_DOORBELL (1u << 0)
#define NPU_IRQ_CORE(n) (1u << (8 + (n)))

/*
 * MMU, at NPU_MMU_BASE: a context is an address space and its number is its
 * ASID in the TLB.
 */
#define NPU_MMU_ROOT_LO(ctx) (0x10 * (ctx)) /* table's bus address | VALID */
#define NPU_MMU_ROOT_HI(ctx) (0x10 * (ctx) + 4)
#define NPU_MMU_ROOT_VALID (1u << 0)
#define NPU_MMU_INV_ADDR_LO 0x800
#define NPU_MMU_INV_ADDR_HI 0x804
#define NPU_MMU_INV_SIZE_LO 0x808
#define NPU_MMU_INV_SIZE_HI 0x80c
#define NPU_MMU_INV_CMD 0x810 /* NPU_MMU_INV_* | context << 8; done at once */
#define NPU_MMU_INV_ALL 1
#define NPU_MMU_INV_CONTEXT 2
#define NPU_MMU_INV_RANGE 3
#define NPU_MMU_TLB_HITS 0x820
#define NPU_MMU_TLB_MISSES 0x824

/*
 * Address translation unit: windows through which the controller's loads and
 * stores reach memory. Window n is at NPU_WINDOW(n).
 */
#define NPU_WINDOW_COUNT 16
#define NPU_WINDOW_SIZE 0x100000u
#define NPU_WINDOW(n) (NPU_WINDOW_BASE + (n) * NPU_WINDOW_SIZE)
#define NPU_ATU_BASE_LO(n) (0x20 * (n))
#define NPU_ATU_BASE_HI(n) (0x20 * (n) + 0x04)
#define NPU_ATU_LIMIT(n) (0x20 * (n) + 0x08) /* bytes, up to NPU_WINDOW_SIZE */
#define NPU_ATU_CTRL(n) (0x20 * (n) + 0x0c)
#define NPU_ATU_FAULT(n) (0x20 * (n) + 0x10) /* sticky; write clears */
#define NPU_ATU_ENABLE (1u << 0)
#define NPU_ATU_TRANSLATE (1u << 1) /* base is an address of the context */
#define NPU_ATU_CONTEXT(ctx) ((ctx) << 8)

/* One core, at NPU_CORE_BASE(n) */
#define NPU_CORE_CTRL 0x00 /* NPU_CORE_* below, write only */
#define NPU_CORE_START (1u << 0)
#define NPU_CORE_STOP (1u << 1) /* before the next command */
#define NPU_CORE_RESET (1u << 2) /* at once; SRAM is cleared */
#define NPU_CORE_ACK (1u << 3) /* clears the core's interrupt */
#define NPU_CORE_RESUME (1u << 4) /* go on with the job in NPU_CORE_SLOT */
#define NPU_CORE_STATUS 0x04 /* enum npu_core_state */
#define NPU_CORE_CONTEXT 0x08
#define NPU_CORE_CMD_LO 0x10
#define NPU_CORE_CMD_HI 0x14
#define NPU_CORE_CMD_COUNT 0x18
#define NPU_CORE_REGION_LO 0x20
#define NPU_CORE_REGION_HI 0x24
#define NPU_CORE_REGION_COUNT 0x28
#define NPU_CORE_SLICE 0x2c /* cycles until the job may be preempted; 0: never */
#define NPU_CORE_SLOT 0x30 /* which of the slots keeps the job meanwhile */
#define NPU_CORE_SLOTS 64 /* of the machine, for all cores */
#define NPU_CORE_NEXT 0x34 /* PREEMPTED: command to go on with; read only */
/* Since version 1.2 */
#define NPU_CORE_GATE 0x38 /* enum npu_core_gate; in force at once */
#define NPU_CORE_CLOCK 0x3c /* the job's on average, permille; read only */

/* Of the job that runs or ran last; 64-bit ones as LO, HI. Read only. */
#define NPU_CORE_RETIRED(unit) (0x40 + 4 * (unit))
#define NPU_CORE_COMMANDS 0x4c /* finished commands of all units */
#define NPU_CORE_CYCLES 0x50
#define NPU_CORE_ENERGY_FJ 0x58
#define NPU_CORE_MAC_OPS 0x60
#define NPU_CORE_SRAM_READ 0x68 /* bytes */
#define NPU_CORE_SRAM_WRITTEN 0x70
#define NPU_CORE_MEM_READ 0x78
#define NPU_CORE_MEM_WRITTEN 0x80
#define NPU_CORE_BUSY(unit) (0x88 + 8 * (unit)) /* cycles */

#define NPU_CORE_FAULT_CODE 0xc0 /* enum npu_fault */
#define NPU_CORE_FAULT_UNIT 0xc4
#define NPU_CORE_FAULT_CMD 0xc8 /* index in the job */
#define NPU_CORE_FAULT_INFO 0xcc
#define NPU_CORE_FAULT_ADDR_LO 0xd0
#define NPU_CORE_FAULT_ADDR_HI 0xd4

enum npu_core_state {
	NPU_CORE_IDLE = 0,
	NPU_CORE_RUNNING = 1,
	NPU_CORE_DONE = 2, /* the last command finished */
	NPU_CORE_FAULTED = 3, /* see the fault registers */
	NPU_CORE_STOPPED = 4, /* by NPU_CORE_STOP */
	NPU_CORE_PREEMPTED = 5, /* the job waits in its slot */
};

#endif
