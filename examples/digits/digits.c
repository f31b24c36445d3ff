// SPDX-License-Identifier: MIT
/*
 * Recognises handwritten digits: loads the program once, turns each picture into
 * the input tensor, runs it, and prints a table with the picture in it. This is
 * what `make run` shows.
 *
 *	digits PROGRAM LABELS PICTURE.png...
 */
#include <err.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tinynpu.h>

#define SIDE 8 /* pixels, of a picture */
#define LINES (SIDE / 2) /* of text; two rows of pixels share one */
#define CLASSES 10
#define LABEL_BYTES 32

static char labels[CLASSES][LABEL_BYTES];

struct network {
	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_device_info machine;
	struct tinynpu_tensor_info input;
	struct tinynpu_tensor_info output;
};

struct answer {
	int class;
	double probability;
	struct tinynpu_stats stats;
};

static void network_open(struct network *net, const char *path)
{
	struct tinynpu_error error;

	if (tinynpu_device_open(NULL, NULL, &net->device, &error) ||
	    tinynpu_program_open(path, &net->program, &error) ||
	    tinynpu_session_create(net->device, net->program, &net->session,
				   &error))
		errx(1, "%s", error.text);
	tinynpu_device_info(net->device, &net->machine, sizeof(net->machine));
	if (tinynpu_program_tensor(net->program, 0, &net->input,
				   sizeof(net->input)) ||
	    tinynpu_program_tensor(net->program, 1, &net->output,
				   sizeof(net->output)) ||
	    net->input.size != SIDE * SIDE || net->output.size != CLASSES)
		errx(2, "%s: not a program for digits", path);
}

static void network_close(struct network *net)
{
	tinynpu_session_destroy(net->session);
	tinynpu_program_close(net->program);
	tinynpu_device_close(net->device);
}

static void read_labels(const char *path)
{
	FILE *file = fopen(path, "r");
	int i;

	if (!file)
		err(2, "%s", path);
	for (i = 0; i < CLASSES; i++) {
		if (!fgets(labels[i], LABEL_BYTES, file))
			errx(2, "%s: fewer than %d labels", path, CLASSES);
		labels[i][strcspn(labels[i], "\n")] = '\0';
	}
	fclose(file);
}

/* Gray, 0 is paper and 255 is ink. */
static void read_picture(const char *path, uint8_t pixels[SIDE * SIDE])
{
	png_image png = { .version = PNG_IMAGE_VERSION };

	if (!png_image_begin_read_from_file(&png, path))
		errx(2, "%s: %s", path, png.message);
	png.format = PNG_FORMAT_GRAY;
	if (png.width != SIDE || png.height != SIDE)
		errx(2, "%s: not %d x %d pixels", path, SIDE, SIDE);
	if (!png_image_finish_read(&png, NULL, pixels, 0, NULL))
		errx(2, "%s: %s", path, png.message);
}

static struct answer recognise(struct network *net,
			       const uint8_t pixels[SIDE * SIDE])
{
	int8_t *input = tinynpu_session_tensor(net->session, 0);
	const int8_t *output = tinynpu_session_tensor(net->session, 1);
	struct answer answer = { 0 };
	struct tinynpu_error error;
	int i;

	for (i = 0; i < SIDE * SIDE; i++)
		input[i] = lround(pixels[i] / 255.0 / net->input.scale) +
			   net->input.zero_point;
	if (tinynpu_session_run(net->session, &error))
		errx(1, "%s", error.text);
	for (i = 1; i < CLASSES; i++)
		if (output[i] > output[answer.class])
			answer.class = i;
	answer.probability = net->output.scale *
		(output[answer.class] - net->output.zero_point);
	tinynpu_session_stats(net->session, &answer.stats,
			      sizeof(answer.stats));
	return answer;
}

/* Two rows of pixels as a line of text, SIDE columns wide. */
static void draw_line(const uint8_t *rows, bool is_utf8)
{
	static const char *const halves[] = { " ", "▀", "▄", "█" };
	static const char shades[] = " .:-=+*#%@";
	int x;

	for (x = 0; x < SIDE; x++) {
		int upper = rows[x], lower = rows[SIDE + x];

		if (is_utf8)
			fputs(halves[(upper > 96) + 2 * (lower > 96)], stdout);
		else
			putchar(shades[(upper + lower) * 9 / 510]);
	}
}

/* What the name says is written: ..._labelX.png; NULL if it says nothing. */
static const char *written(const char *path)
{
	const char *label = strstr(path, "_label");
	int i;

	for (i = 0; label && i < CLASSES; i++)
		if (!strncmp(label + 6, labels[i], strlen(labels[i])))
			return labels[i];
	return NULL;
}

static bool print_row(const char *path, const uint8_t *pixels, bool is_utf8,
		      const struct answer *answer)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *label = written(name);
	bool is_right = !label || !strcmp(label, labels[answer->class]);
	int line;

	for (line = 0; line < LINES; line++) {
		fputs("  ", stdout);
		draw_line(pixels + 2 * SIDE * line, is_utf8);
		if (line == LINES / 2 - 1)
			printf("   %-15s  %5s   %8.1f %%   %7.1f us  %6.2f uJ  %7.1f us",
			       name, labels[answer->class],
			       100 * answer->probability,
			       answer->stats.latency_ns / 1e3,
			       answer->stats.energy_fj / 1e9,
			       answer->stats.wall_ns / 1e3);
		if (line == LINES / 2 && !is_right)
			printf("   %15s  wrong: it is a %s", "", label);
		putchar('\n');
	}
	putchar('\n');
	return is_right;
}

int main(int argc, char **argv)
{
	struct answer answer = { 0 };
	struct network net;
	int i, right = 0;
	bool is_utf8;

	if (argc < 4)
		errx(2, "usage: digits PROGRAM LABELS PICTURE.png...");
	setlocale(LC_CTYPE, "");
	is_utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	read_labels(argv[2]);
	network_open(&net, argv[1]);
	printf("\n  picture    file             digit  probability"
	       "    latency     energy       wall\n\n");
	for (i = 3; i < argc; i++) {
		uint8_t pixels[SIDE * SIDE];

		read_picture(argv[i], pixels);
		answer = recognise(&net, pixels);
		right += print_row(argv[i], pixels, is_utf8, &answer);
	}
	printf("  %d of %d are right. Each took %llu modelled cycles on the %s:\n"
	       "  %u MACs per cycle at %g MHz, %u KiB of SRAM, firmware '%s'.\n"
	       "  Latency and energy are the machine's, wall time is this computer's.\n\n",
	       right, argc - 3, (unsigned long long)answer.stats.cycles,
	       net.machine.name, net.machine.macs, net.machine.clock_khz / 1e3,
	       net.machine.sram_size / 1024, net.machine.firmware);
	network_close(&net);
	return 0;
}
