// SPDX-License-Identifier: MIT
/*
 * The log: lines of text in a ring in the driver's memory. Anybody calls it.
 */
#include "fw.h"
#include "io.h"

#define LINE_SIZE 160

/* A line in the making; what does not fit is cut off. */
struct line {
	char text[LINE_SIZE];
	uint32_t used;
};

static void add_char(struct line *line, char c)
{
	if (line->used < LINE_SIZE - 1) /* keep one for the newline */
		line->text[line->used++] = c;
}

static void add_text(struct line *line, const char *text)
{
	while (*text)
		add_char(line, *text++);
}

/* @base is 10 or 16; at least @width digits. */
static void add_number(struct line *line, uint64_t value, uint32_t base,
		       uint32_t width)
{
	char digits[20];
	uint32_t n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value || n < width);
	while (n)
		add_char(line, digits[--n]);
}

static void add_format(struct line *line, const char *format,
		       const uint64_t *values, uint32_t count)
{
	for (; *format; format++) {
		if (*format != '%' || !count) {
			add_char(line, *format);
			continue;
		}
		format++;
		add_number(line, *values++, *format == 'x' ? 16 : 10, 1);
		count--;
	}
}

static void add_head(struct line *line, enum npu_log_level level)
{
	static const char *const names[] = { "error", "info", "debug" };
	uint64_t ms = io_time_ns() / 1000000;

	add_char(line, '[');
	add_number(line, ms / 1000, 10, 1);
	add_char(line, '.');
	add_number(line, ms % 1000, 10, 3);
	add_text(line, "] ");
	add_text(line, names[level]);
	add_text(line, ": ");
}

/* See log_print(). */
void log_write(struct fw *fw, enum npu_log_level level, const char *format,
	       const uint64_t *values, uint32_t count)
{
	struct line line = { .used = 0 };
	uint32_t i;

	if (level > fw->log_level)
		return;
	add_head(&line, level);
	add_format(&line, format, values, count);
	line.text[line.used++] = '\n';
	for (i = 0; i < line.used; i++)
		io_write8(NPU_WINDOW(FW_WINDOW_LOG) +
				  (fw->log_tail + i) % NPU_LOG_SIZE,
			  line.text[i]);
	fw->log_tail += line.used;
	io_fence(); /* the reader's between tail and text */
	io_write32(FW_INIT(log_tail), fw->log_tail);
}
