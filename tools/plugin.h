/* SPDX-License-Identifier: MIT */
/* Plugins with functions of custom operators. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <tinynpu.h>

/**
 * plugin_load() - give a program the functions of a plugin
 * @path: the shared object; without a slash it is looked for as libraries are
 * @program: the program
 * @handle: set, also on failure: for plugin_unload()
 *
 * Return: an enum tool_exit; what is wrong was said.
 */
int plugin_load(const char *path, struct tinynpu_program *program,
		void **handle);

/**
 * plugin_unload() - forget a plugin that no session uses any more
 * @handle: may be NULL
 */
void plugin_unload(void *handle);

#endif
