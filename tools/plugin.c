// SPDX-License-Identifier: MIT
/* Plugins: shared objects with functions of custom operators. */
#include "plugin.h"

#include "tool.h"

#include <dlfcn.h>

int plugin_load(const char *path, struct tinynpu_program *program,
		void **handle)
{
	const struct tinynpu_custom *custom;

	*handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!*handle)
		return tool_complain(TOOL_UNUSABLE, "--plugin: %s", dlerror());
	custom = dlsym(*handle, "tinynpu_customs");
	if (!custom)
		return tool_complain(TOOL_UNUSABLE,
				     "--plugin: %s: no tinynpu_customs", path);
	/* What the program has no use for is no mistake. */
	for (; custom->name; custom++)
		tinynpu_program_set_custom(program, custom->name, custom->fn,
					   custom->data, NULL);
	return TOOL_OK;
}

void plugin_unload(void *handle)
{
	if (handle)
		dlclose(handle);
}
