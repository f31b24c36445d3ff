// SPDX-License-Identifier: MIT
/*
 * The simulated machine's configuration from text, like "a256,sram=64K". The
 * library uses it for tinynpu_device_open(), the tools for what they compile
 * for.
 */
#include "options.h"

#include "../../libtinynpu/error.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES 64

static const struct preset {
	const char *name;
	struct npu_machine machine;
} presets[] = {
	{ "a128",
	  { .cores = 1, .macs = 128, .sram_size = 256 * 1024,
	    .clock_khz = 200000, .sram_bw = 8, .sram_latency = 32,
	    .mem_bw = 1, .mem_latency = 64, NPU_MACHINE_SURROUNDINGS } },
	{ "a256",
	  { .cores = 1, .macs = 256, .sram_size = 256 * 1024,
	    .clock_khz = 200000, .sram_bw = 8, .sram_latency = 32,
	    .mem_bw = 1, .mem_latency = 64, NPU_MACHINE_SURROUNDINGS } },
	{ "a512",
	  { .cores = 1, .macs = 512, .sram_size = 512 * 1024,
	    .clock_khz = 1000000, .sram_bw = 16, .sram_latency = 32,
	    .mem_bw = 12, .mem_latency = 500, NPU_MACHINE_SURROUNDINGS } },
};

static const struct property {
	const char *name;
	size_t offset; /* of the member in struct npu_machine */
	unsigned int thousand; /* what K means */
	unsigned int unit; /* what the member counts in */
} properties[] = {
	{ "cores", offsetof(struct npu_machine, cores), 1000, 1 },
	{ "macs", offsetof(struct npu_machine, macs), 1000, 1 },
	{ "sram", offsetof(struct npu_machine, sram_size), 1024, 1 },
	{ "clock", offsetof(struct npu_machine, clock_khz), 1000, 1000 },
	{ "sram-bw", offsetof(struct npu_machine, sram_bw), 1000, 1 },
	{ "sram-latency", offsetof(struct npu_machine, sram_latency), 1000, 1 },
	{ "mem-bw", offsetof(struct npu_machine, mem_bw), 1000, 1 },
	{ "mem-latency", offsetof(struct npu_machine, mem_latency), 1000, 1 },
	{ "restricted", offsetof(struct npu_machine, restricted), 1000, 1 },
	{ "ambient", offsetof(struct npu_machine, ambient_c), 1000, 1 },
	{ "thermal-resistance",
	  offsetof(struct npu_machine, thermal_resistance), 1000, 1 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A number with an optional K, M or G that fits the member. */
static bool parse_number(const char *text, const struct property *property,
			 uint32_t *number)
{
	static const char suffixes[] = "KMG";
	unsigned long long value;
	const char *suffix;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end) {
		suffix = memchr(suffixes, *end & ~0x20, strlen(suffixes));
		if (!suffix || end[1])
			return false;
		do {
			if (__builtin_mul_overflow(value, property->thousand,
						   &value))
				return false;
		} while (suffix-- > suffixes);
	}
	if (value % property->unit || value / property->unit > UINT32_MAX)
		return false;
	*number = value / property->unit;
	return true;
}

static int parse_property(const char *word, struct npu_machine *machine,
			  struct tinynpu_error *error)
{
	size_t name_length = strcspn(word, "=");
	size_t i;

	for (i = 0; i < COUNT(properties); i++) {
		const struct property *property = &properties[i];
		uint32_t *member =
			(uint32_t *)((char *)machine + property->offset);

		if (strlen(property->name) != name_length ||
		    strncmp(property->name, word, name_length))
			continue;
		if (!word[name_length] ||
		    !parse_number(word + name_length + 1, property, member))
			return tinynpu_error_set(error, -EINVAL,
				"machine: '%s' is not %s=NUMBER", word,
				property->name);
		return 0;
	}
	return tinynpu_error_set(error, -EINVAL,
		"machine: unknown word '%s': a128, a256, a512, cores=, macs=, "
		"sram=, clock=, sram-bw=, sram-latency=, mem-bw=, mem-latency=, "
		"restricted=, ambient= or thermal-resistance=",
		word);
}

static int parse_word(const char *word, struct npu_machine *machine,
		      struct tinynpu_error *error)
{
	size_t i;

	for (i = 0; i < COUNT(presets); i++) {
		if (!strcmp(presets[i].name, word)) {
			*machine = presets[i].machine;
			return 0;
		}
	}
	return parse_property(word, machine, error);
}

int sim_options_parse(const char *options, struct npu_machine *machine,
		      struct tinynpu_error *error)
{
	const char *wrong;
	char word[WORD_BYTES];
	int err;

	while (*options) {
		size_t length = strcspn(options, ",");

		if (length >= sizeof(word))
			return tinynpu_error_set(error, -EINVAL,
				"machine: '%.40s...' is too long", options);
		memcpy(word, options, length);
		word[length] = '\0';
		err = parse_word(word, machine, error);
		if (err)
			return err;
		options += length;
		options += *options == ',';
	}
	wrong = npu_machine_check(machine);
	return wrong ? tinynpu_error_set(error, -EINVAL, "machine: %s", wrong) :
		       0;
}
