/* SPDX-License-Identifier: MIT */
/* The simulated machine's configuration from text. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <npu/cost.h>

struct tinynpu_error;

/**
 * sim_options_parse() - a machine from text, see tinynpu_device_open()
 * @options: the text
 * @machine: changed as the text says
 * @error: may be NULL
 *
 * Return: 0, or -EINVAL if the text or the resulting machine is wrong.
 */
int sim_options_parse(const char *options, struct npu_machine *machine,
		      struct tinynpu_error *error);

#endif
