// SPDX-License-Identifier: MIT
/*
 * `tinynpu vm`: becomes the script tools/vm, which boots the virtual machine. It
 * needs the source tree and what is built in it (module, firmware, QEMU), so it
 * is looked for above the directory in which this program lies.
 */
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* @directory with @name below it. */
static bool is_script(char *path, size_t size, const char *directory,
		      const char *name)
{
	return snprintf(path, size, "%s/%s", directory, name) < size &&
	       !access(path, X_OK);
}

static bool find_script(char *path, size_t size)
{
	char directory[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", directory,
				  sizeof(directory) - 1);
	char *slash;

	if (length < 0)
		return false;
	directory[length] = '\0';
	slash = strrchr(directory, '/');
	if (!slash)
		return false;
	*slash = '\0';
	while ((slash = strrchr(directory, '/'))) {
		*slash = '\0';
		if (is_script(path, size, directory, "tools/vm"))
			return true;
	}
	return false;
}

int command_vm(int argc, char **argv)
{
	char path[PATH_MAX];

	if (!find_script(path, sizeof(path)))
		return tool_complain(TOOL_FAILED,
			"vm: works only with a tinynpu that lies in its source tree");
	argv[0] = path;
	execv(path, argv);
	return tool_complain(TOOL_FAILED, "%s: %m", path);
}
