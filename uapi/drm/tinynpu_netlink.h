/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/tinynpu.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_TINYNPU_H
#define _UAPI_LINUX_TINYNPU_H

#define TNPU_NETLINK_FAMILY	"tinynpu"
#define TNPU_NETLINK_VERSION	1

/**
 * enum tnpu_device_state - What can be done with a device.
 * @TNPU_STATE_STARTING: Nothing at the moment, it is being recovered.
 * @TNPU_STATE_UP: Everything.
 * @TNPU_STATE_ASLEEP: Nothing until somebody needs it, or the system wakes up.
 * @TNPU_STATE_LOST: Nothing until it is bound anew, as recovery failed.
 * @TNPU_STATE_GONE: Nothing any more, it was removed.
 */
enum tnpu_device_state {
	TNPU_STATE_STARTING,
	TNPU_STATE_UP,
	TNPU_STATE_ASLEEP,
	TNPU_STATE_LOST,
	TNPU_STATE_GONE,
};

/**
 * enum tnpu_reset_rung - What was reset, the least first.
 * @TNPU_RESET_JOB: A job was taken off its core.
 * @TNPU_RESET_QUEUE: A queue was emptied.
 * @TNPU_RESET_CORE: A core was reset.
 * @TNPU_RESET_FIRMWARE: The firmware was started anew.
 * @TNPU_RESET_FUNCTION: The PCI function was reset.
 * @TNPU_RESET_WEDGED: The device was given up.
 */
enum tnpu_reset_rung {
	TNPU_RESET_JOB,
	TNPU_RESET_QUEUE,
	TNPU_RESET_CORE,
	TNPU_RESET_FIRMWARE,
	TNPU_RESET_FUNCTION,
	TNPU_RESET_WEDGED,
};

enum tnpu_device_attr {
	TNPU_A_DEVICE_ID = 1,
	TNPU_A_DEVICE_NAME,
	TNPU_A_DEVICE_STATE,
	TNPU_A_DEVICE_FIRMWARE,
	TNPU_A_DEVICE_CORES,
	TNPU_A_DEVICE_MACS,
	TNPU_A_DEVICE_SRAM_SIZE,
	TNPU_A_DEVICE_CLOCK_KHZ,
	TNPU_A_DEVICE_TIME_NS,
	TNPU_A_DEVICE_CLIENTS,
	TNPU_A_DEVICE_JOBS,
	TNPU_A_DEVICE_FAULTS,
	TNPU_A_DEVICE_TIMEOUTS,
	TNPU_A_DEVICE_CANCELLED,
	TNPU_A_DEVICE_PREEMPTIONS,
	TNPU_A_DEVICE_RECOVERIES,
	TNPU_A_DEVICE_RESETS,

	__TNPU_A_DEVICE_MAX,
	TNPU_A_DEVICE_MAX = (__TNPU_A_DEVICE_MAX - 1)
};

enum tnpu_reset_attr {
	TNPU_A_RESET_RUNG = 1,
	TNPU_A_RESET_COUNT,

	__TNPU_A_RESET_MAX,
	TNPU_A_RESET_MAX = (__TNPU_A_RESET_MAX - 1)
};

enum tnpu_engine_attr {
	TNPU_A_ENGINE_DEVICE = 1,
	TNPU_A_ENGINE_CORE,
	TNPU_A_ENGINE_BUSY_NS,
	TNPU_A_ENGINE_CYCLES,
	TNPU_A_ENGINE_ENERGY_FJ,
	TNPU_A_ENGINE_JOBS,
	TNPU_A_ENGINE_IS_BUSY,

	__TNPU_A_ENGINE_MAX,
	TNPU_A_ENGINE_MAX = (__TNPU_A_ENGINE_MAX - 1)
};

enum tnpu_client_attr {
	TNPU_A_CLIENT_DEVICE = 1,
	TNPU_A_CLIENT_ID,
	TNPU_A_CLIENT_PID,
	TNPU_A_CLIENT_COMM,
	TNPU_A_CLIENT_CYCLES,
	TNPU_A_CLIENT_QUEUES,
	TNPU_A_CLIENT_MEMORY,

	__TNPU_A_CLIENT_MAX,
	TNPU_A_CLIENT_MAX = (__TNPU_A_CLIENT_MAX - 1)
};

enum tnpu_event_attr {
	TNPU_A_EVENT_DEVICE = 1,
	TNPU_A_EVENT_NAME,
	TNPU_A_EVENT_CLIENT,
	TNPU_A_EVENT_PID,
	TNPU_A_EVENT_JOB,
	TNPU_A_EVENT_STATUS,
	TNPU_A_EVENT_CODE,
	TNPU_A_EVENT_UNIT,
	TNPU_A_EVENT_COMMAND,
	TNPU_A_EVENT_ADDR,
	TNPU_A_EVENT_RUNG,
	TNPU_A_EVENT_ERROR,

	__TNPU_A_EVENT_MAX,
	TNPU_A_EVENT_MAX = (__TNPU_A_EVENT_MAX - 1)
};

enum tnpu_netlink_cmd {
	TNPU_CMD_DEVICE_GET = 1,
	TNPU_CMD_ENGINE_GET,
	TNPU_CMD_CLIENT_GET,
	TNPU_CMD_FAULT_NTF,
	TNPU_CMD_RESET_NTF,

	__TNPU_CMD_MAX,
	TNPU_CMD_MAX = (__TNPU_CMD_MAX - 1)
};

#define TINYNPU_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_TINYNPU_H */
