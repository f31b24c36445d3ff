// SPDX-License-Identifier: MIT
/*
 * The command `tinynpu`: finds the subcommand and hands over to it. Each has a
 * file of its own.
 */
#include "tool.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} subcommands[] = {
	{ "compile", command_compile, "turn a model into a program" },
	{ "run", command_run, "run a model or a program" },
	{ "bench", command_bench, "measure how long a model takes here" },
	{ "profile", command_profile, "show where time and energy go" },
	{ "inspect", command_inspect, "show what is in a program" },
	{ "info", command_info, "show the devices" },
	{ "top", command_top, "show how busy they are, and with whose jobs" },
	{ "events", command_events, "print what happens to them as it happens" },
	{ "limit", command_limit, "limit their power and clock" },
	{ "vm", command_vm, "boot a virtual machine that has the device" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char *list_subcommands(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t size, i;
	FILE *out;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	out = open_memstream(&list, &size);
	if (!out)
		return (char *)text;
	fputs("Commands:\n", out);
	for (i = 0; i < COUNT(subcommands); i++)
		fprintf(out, "  %-10s %s\n", subcommands[i].name,
			subcommands[i].help);
	fputs("\n`tinynpu COMMAND --help' tells more of each.\n\n"
	      "Exit status: 0; 1 if the device, a job or the system failed; 2 "
	      "upon bad usage or a file that can't be used, such as a model "
	      "with an unsupported operator.", out);
	fclose(out);
	return list;
}

static int run_subcommand(int argc, char **argv)
{
	char name[64];
	size_t i;

	for (i = 0; i < COUNT(subcommands); i++) {
		if (strcmp(subcommands[i].name, argv[0]))
			continue;
		snprintf(name, sizeof(name), "tinynpu %s", argv[0]);
		argv[0] = name;
		return subcommands[i].run(argc, argv);
	}
	return tool_complain(TOOL_UNUSABLE,
			     "no command '%s': see tinynpu --help", argv[0]);
}

/* Everything from the first argument on is the subcommand's. */
static error_t parse(int key, char *arg, struct argp_state *state)
{
	int *status = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		*status = run_subcommand(state->argc - state->next + 1,
					 state->argv + state->next - 1);
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_version(FILE *out, struct argp_state *state)
{
	fprintf(out, "tinynpu %s\n", tinynpu_version());
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "COMMAND [ARG...]",
		.doc = "Compile and run neural networks for a TinyNPU.\v",
		.help_filter = list_subcommands,
	};
	int status = TOOL_OK;

	argp_err_exit_status = TOOL_UNUSABLE;
	argp_program_version_hook = print_version;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &status);
	if (fflush(stdout) || ferror(stdout))
		return tool_complain(TOOL_FAILED, "standard output: %m");
	return status;
}
