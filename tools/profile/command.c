// SPDX-License-Identifier: MIT
/*
 * `tinynpu profile`: where the time and the energy of an inference go. One
 * inference on the simulator, told as a table, and in files as they are asked for.
 */
#include "profile.h"

#include "../fill.h"
#include "../known.h"
#include "../model.h"
#include "../plugin.h"
#include "../tool.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_INPUTS 62

enum { KEY_SIM = 0x100, KEY_BACKEND, KEY_DEVICE, KEY_PLUGIN, KEY_FORM };

static const struct argp_option options[] = {
	{ "input", 'i', "FILE", 0,
	  "A raw little-endian tensor, once for each input of the model (without: "
	  "pseudo-random bytes)", 0 },
	{ "plugin", KEY_PLUGIN, "FILE", 0,
	  "A shared object with the functions of custom operators", 0 },
	{ "output", 'o', "DIR", 0,
	  "Write all of the following into DIR: report.html, report.svg, "
	  "trace.json and profile.json", 1 },
	{ "html", KEY_FORM, "FILE", 0, "A page with charts and tables", 1 },
	{ "svg", KEY_FORM + 1, "FILE", 0, "The charts as one picture", 1 },
	{ "perfetto", KEY_FORM + 2, "FILE", 0,
	  "A trace in time, for https://ui.perfetto.dev", 1 },
	{ "json", KEY_FORM + 3, "FILE", 0, "All that is known, for programs", 1 },
	{ "sim", KEY_SIM, "TEXT", 0,
	  "The simulated machine: a128, a256 or a512, and properties such as "
	  "cores=2,macs=256,sram=64K", 2 },
	{ "backend", KEY_BACKEND, "NAME", 0,
	  "sim (default), or drm: take times of the driver on a device behind "
	  "/dev/accel, too; the simulator then is that device's like", 2 },
	{ "device", KEY_DEVICE, "N", 0, "/dev/accel/accelN (implies drm)", 2 },
	{ 0 },
};

/* The files; KEY_FORM is the first one's. */
static const struct form {
	const char *name; /* in the directory of --output */
	int (*write)(const struct profile *profile, FILE *out);
} forms[] = {
	{ "report.html", profile_write_html },
	{ "report.svg", profile_write_svg },
	{ "trace.json", profile_write_perfetto },
	{ "profile.json", profile_write_json },
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

struct profiler {
	const char *inputs[MAX_INPUTS];
	uint32_t input_count;
	const char *machine;
	bool is_driven; /* by the kernel's driver */
	char node[32]; /* which device that is, as the library wants it */
	const char *plugin; /* of custom operators, or NULL */
	void *plugin_handle;
	const char *directory;
	const char *files[FORMS];
	struct known known;

	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_device *driven; /* and what runs there */
	struct tinynpu_session *driven_session;
	struct profile profile;
};

static void set_backend(struct argp_state *state, const char *name)
{
	struct profiler *profiler = state->input;

	if (strcmp(name, "drm") && strcmp(name, "sim"))
		argp_error(state, "no backend '%s': it is drm or sim", name);
	profiler->is_driven = !strcmp(name, "drm");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct profiler *profiler = state->input;

	if (key >= KEY_FORM && key < KEY_FORM + (int)FORMS) {
		profiler->files[key - KEY_FORM] = arg;
		return 0;
	}
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &profiler->known;
		return 0;
	case 'i':
		if (profiler->input_count == MAX_INPUTS)
			argp_error(state, "more than %d inputs", MAX_INPUTS);
		profiler->inputs[profiler->input_count++] = arg;
		return 0;
	case 'o':
		profiler->directory = arg;
		return 0;
	case KEY_SIM:
		profiler->machine = arg;
		return 0;
	case KEY_PLUGIN:
		profiler->plugin = arg;
		return 0;
	case KEY_BACKEND:
		set_backend(state, arg);
		return 0;
	case KEY_DEVICE:
		profiler->is_driven = true;
		snprintf(profiler->node, sizeof(profiler->node), "device=%s",
			 arg);
		return 0;
	case ARGP_KEY_ARG:
		if (profiler->profile.path)
			argp_error(state, "one model at a time");
		profiler->profile.path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!profiler->profile.path)
			argp_error(state, "needs MODEL or PROGRAM");
		if (profiler->is_driven && profiler->machine)
			argp_error(state, "--sim goes with the simulator only");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* --- Inputs ---------------------------------------------------------------- */

static int read_input(const struct profiler *profiler,
		      struct tinynpu_session *session, uint32_t index)
{
	const char *path = profiler->inputs[index];
	struct tinynpu_tensor_info tensor;
	void *bytes;
	size_t size;
	int err;

	tinynpu_program_tensor(profiler->program, index, &tensor,
			       sizeof(tensor));
	err = tool_read_file(path, &bytes, &size);
	if (err)
		return tool_file_status(err);
	if (size == tensor.size)
		memcpy(tinynpu_session_tensor(session, index), bytes, size);
	else
		err = tool_complain(TOOL_UNUSABLE,
			"%s: %zu bytes, but input %u has %llu", path, size,
			index, (unsigned long long)tensor.size);
	free(bytes);
	return err;
}

static int set_inputs(const struct profiler *profiler,
		      struct tinynpu_session *session)
{
	uint32_t wanted = profiler->profile.info.inputs, i;
	int status = TOOL_OK;

	if (!profiler->input_count) {
		fill_inputs(profiler->program, session);
		return TOOL_OK;
	}
	if (profiler->input_count != wanted)
		return tool_complain(TOOL_UNUSABLE,
			"%s: %u inputs, but --input was given %u times",
			profiler->profile.path, wanted, profiler->input_count);
	for (i = 0; !status && i < wanted; i++)
		status = read_input(profiler, session, i);
	return status;
}

/* --- Files ----------------------------------------------------------------- */

static int write_file(const struct profile *profile, const struct form *form,
		      const char *path)
{
	FILE *file = fopen(path, "we");
	int err;

	if (!file)
		return tool_complain(TOOL_FAILED, "%s: %m", path);
	errno = 0;
	err = form->write(profile, file) ? ENOMEM : 0;
	if (ferror(file))
		err = errno ? errno : EIO;
	if (fclose(file) && !err)
		err = errno;
	if (!err)
		return TOOL_OK;
	tool_remove_file(path);
	return tool_complain(TOOL_FAILED, "%s: %s", path, strerror(err));
}

static int write_into_directory(const struct profiler *profiler)
{
	int status = TOOL_OK;
	char *path;
	size_t i;

	if (mkdir(profiler->directory, 0777) && errno != EEXIST)
		return tool_complain(TOOL_FAILED, "%s: %m",
				     profiler->directory);
	for (i = 0; !status && i < FORMS; i++) {
		if (asprintf(&path, "%s/%s", profiler->directory,
			     forms[i].name) < 0)
			return tool_complain(TOOL_FAILED, "out of memory");
		status = write_file(&profiler->profile, &forms[i], path);
		free(path);
	}
	return status;
}

static int write_files(const struct profiler *profiler)
{
	int status = TOOL_OK;
	size_t i;

	if (profiler->directory)
		status = write_into_directory(profiler);
	for (i = 0; !status && i < FORMS; i++)
		if (profiler->files[i])
			status = write_file(&profiler->profile, &forms[i],
					    profiler->files[i]);
	return status;
}

/* --- The whole ------------------------------------------------------------- */

static int open_device(const char *backend, const char *options,
		       struct tinynpu_device **device)
{
	struct tinynpu_error error;
	int err = tinynpu_device_open(backend, options, device, &error);

	if (err)
		return tool_complain(err == -EINVAL ? TOOL_UNUSABLE :
						      TOOL_FAILED,
				     "%s", error.text);
	return TOOL_OK;
}

/* The simulator, or also a device and then a simulator that is like it. */
static int open_devices(struct profiler *profiler)
{
	struct profile *p = &profiler->profile;
	struct npu_machine m;
	char like[192];
	int status;

	if (!profiler->is_driven) {
		status = open_device("sim", profiler->machine, &profiler->device);
		if (!status)
			tinynpu_device_info(profiler->device, &p->device,
					    sizeof(p->device));
		return status;
	}
	status = open_device("drm", profiler->node, &profiler->driven);
	if (status)
		return status;
	tinynpu_device_info(profiler->driven, &p->device, sizeof(p->device));
	m = model_machine(&p->device);
	snprintf(like, sizeof(like),
		 "macs=%u,sram=%u,clock=%llu,sram-bw=%u,sram-latency=%u,"
		 "mem-bw=%u,mem-latency=%u,restricted=%u", m.macs, m.sram_size,
		 m.clock_khz * 1000ull, m.sram_bw, m.sram_latency, m.mem_bw,
		 m.mem_latency, m.restricted);
	return open_device("sim", like, &profiler->device);
}

static int load(struct profiler *profiler)
{
	struct profile *p = &profiler->profile;
	int status;

	p->machine = model_machine(&p->device);
	status = model_load(p->path, &p->machine, p->device.hw_version,
			    &profiler->known, &profiler->program);
	if (status)
		return status;
	p->program = profiler->program;
	tinynpu_program_info(p->program, &p->info, sizeof(p->info));
	profile_set_title(p);
	if (!p->info.commands)
		return tool_complain(TOOL_UNUSABLE,
			"%s: nothing of it runs on the machine", p->path);
	if (p->info.loops)
		return tool_complain(TOOL_UNUSABLE,
			"%s: it has loops whose end depends on what they compute",
			p->path);
	if (profiler->plugin)
		return plugin_load(profiler->plugin, profiler->program,
				   &profiler->plugin_handle);
	return TOOL_OK;
}

static int bind(const struct profiler *profiler, struct tinynpu_device *device,
		struct tinynpu_session **session)
{
	struct tinynpu_error error;
	int err = tinynpu_session_create(device, profiler->program, session,
					 &error);

	if (err)
		return tool_complain(err == -ENOSPC || err == -EOPNOTSUPP ||
						     err == -ENOSYS ?
					     TOOL_UNUSABLE : TOOL_FAILED,
				     "%s: %s", profiler->profile.path,
				     error.text);
	return set_inputs(profiler, *session);
}

static int record_all(struct profiler *profiler)
{
	struct profile *p = &profiler->profile;
	int status;

	status = bind(profiler, profiler->device, &profiler->session);
	if (!status)
		status = profile_record(p, profiler->device, profiler->session);
	if (status || !profiler->is_driven)
		return status;
	status = bind(profiler, profiler->driven, &profiler->driven_session);
	if (!status)
		status = profile_drive(p, profiler->driven_session);
	return status;
}

static int work_out(struct profile *profile)
{
	profile_find_path(profile);
	profile_sum_layers(profile);
	if (profile_map_sram(profile))
		return tool_complain(TOOL_FAILED, "out of memory");
	return TOOL_OK;
}

int command_profile(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{ &known_argp, 0, NULL, 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.children = children,
		.options = options,
		.parser = parse,
		.args_doc = "MODEL|PROGRAM",
		.doc = "Run one inference on the simulator and show where its time "
		       "and energy go: operators with what they are bound by and "
		       "how far they are from the machine's roofline.",
	};
	struct profiler profiler = { .input_count = 0 };
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &profiler);
	status = open_devices(&profiler);
	if (!status)
		status = load(&profiler);
	if (!status)
		status = record_all(&profiler);
	if (!status)
		status = work_out(&profiler.profile);
	if (!status)
		status = write_files(&profiler);
	if (!status)
		profile_print(&profiler.profile, stdout);
	profile_free(&profiler.profile);
	tinynpu_session_destroy(profiler.driven_session);
	tinynpu_session_destroy(profiler.session);
	tinynpu_program_close(profiler.program);
	tinynpu_device_close(profiler.driven);
	tinynpu_device_close(profiler.device);
	plugin_unload(profiler.plugin_handle);
	known_free(&profiler.known);
	return status;
}
