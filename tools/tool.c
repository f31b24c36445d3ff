// SPDX-License-Identifier: MIT
/* What the subcommands of `tinynpu` share, see tool.h. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int tool_complain(int status, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("tinynpu: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

int tool_file_status(int err)
{
	return err == -ENOMEM || err == -EIO ? TOOL_FAILED : TOOL_UNUSABLE;
}

static int read_all(int fd, char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, bytes + done, size - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -EIO;
		if (n > 0)
			done += n;
	}
	return 0;
}

int tool_read_file(const char *path, void **bytes, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (fd < 0 || fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (!err) {
		*size = st.st_size;
		*bytes = malloc(st.st_size ? st.st_size : 1);
		err = *bytes ? read_all(fd, *bytes, *size) : -ENOMEM;
		if (err)
			free(*bytes);
	}
	if (fd >= 0)
		close(fd);
	if (err)
		tool_complain(0, "%s: %s", path, strerror(-err));
	return err;
}

struct tool_text tool_count(uint64_t count)
{
	struct tool_text out;
	char digits[24];
	size_t length, i, used = 0;

	length = snprintf(digits, sizeof(digits), "%llu",
			  (unsigned long long)count);
	for (i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			out.text[used++] = ',';
		out.text[used++] = digits[i];
	}
	out.text[used] = '\0';
	return out;
}

/* A value with three digits and the largest unit that leaves it above 1. */
static struct tool_text with_unit(double value, double step,
				  const char *const *units, int last)
{
	struct tool_text out;
	int unit = 0, decimals;

	while (unit < last && value >= step * 0.9995) {
		value /= step;
		unit++;
	}
	decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	if (!unit && value == (uint64_t)value)
		decimals = 0;
	snprintf(out.text, sizeof(out.text), "%.*f %s", decimals, value,
		 units[unit]);
	return out;
}

struct tool_text tool_bytes(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB" };

	return with_unit(bytes, 1024, units, 3);
}

struct tool_text tool_energy(uint64_t energy_fj)
{
	static const char *const units[] = { "fJ", "pJ", "nJ", "uJ", "mJ", "J" };

	return with_unit(energy_fj, 1000, units, 5);
}

struct tool_text tool_time(uint64_t time_ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };

	return with_unit(time_ns, 1000, units, 3);
}

uint64_t tool_cycles_ns(uint64_t cycles, uint32_t clock_khz)
{
	return (uint64_t)((long double)cycles * 1000000 / clock_khz);
}

void tool_tensor_type(const struct tinynpu_tensor_info *info, char *text,
		      size_t size)
{
	static const char *const names[] = {
		[TINYNPU_INT8] = "int8",    [TINYNPU_UINT8] = "uint8",
		[TINYNPU_INT16] = "int16",  [TINYNPU_INT32] = "int32",
		[TINYNPU_FLOAT32] = "float32", [TINYNPU_INT64] = "int64",
		[TINYNPU_BOOL] = "bool",
	};
	uint32_t i;
	int used;

	/* the library lets no other types pass */
	used = snprintf(text, size, "%s [", names[info->dtype]);
	for (i = 0; i < info->rank && used < size; i++)
		used += snprintf(text + used, size - used, "%s%u",
				 i ? ", " : "", info->shape[i]);
	if (used < size)
		snprintf(text + used, size - used, "]");
}

void tool_remove_file(const char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISREG(st.st_mode))
		unlink(path);
}

bool tool_is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && S_ISREG(x.st_mode) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
