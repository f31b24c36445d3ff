/* SPDX-License-Identifier: MIT */
/*
 * The driver's generic netlink family, spoken to without a library. A program that
 * includes this calls genl_open() first.
 */
#ifndef NPU_SELFTEST_GENL_H
#define NPU_SELFTEST_GENL_H

#include <drm/tinynpu_netlink.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GENL_BUFFER 16384

struct genl_request {
	struct nlmsghdr header;
	struct genlmsghdr generic;
	char attrs[256];
};

/* An answer's messages are handed over one by one; other than 0 ends it. */
typedef int (*genl_take_fn)(const struct nlmsghdr *header, void *arg);

struct genl {
	int fd;
	int family;
	__u32 group;
};

static inline void genl_put(struct genl_request *request, __u16 type,
			    const void *data, __u16 size)
{
	struct nlattr *attr = (void *)((char *)request +
				       NLMSG_ALIGN(request->header.nlmsg_len));

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + size;
	memcpy((char *)attr + NLA_HDRLEN, data, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) +
				    NLA_ALIGN(attr->nla_len);
}

static inline struct genl_request genl_make(int family, __u8 command,
					    __u16 flags)
{
	return (struct genl_request){
		.header = {
			.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
			.nlmsg_type = family,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
			.nlmsg_seq = 1,
		},
		.generic = { .cmd = command, .version = 1 },
	};
}

/* The attribute's data, of at least @size bytes, or NULL. */
static inline const void *genl_find(const struct nlmsghdr *header, __u16 type,
				    __u16 size)
{
	const char *at = (const char *)NLMSG_DATA(header) + GENL_HDRLEN;
	const char *end = (const char *)header + header->nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const void *)at;

		if ((attr->nla_type & NLA_TYPE_MASK) == type &&
		    attr->nla_len >= NLA_HDRLEN + size)
			return at + NLA_HDRLEN;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

static inline __u64 genl_number(const struct nlmsghdr *header, __u16 type,
				__u16 size)
{
	const void *data = genl_find(header, type, size);
	__u64 value = 0;

	if (!data)
		return UINT64_MAX;
	memcpy(&value, data, size);
	return value;
}

/* 0, or what the kernel answers with, or what @take returned. */
static inline int genl_talk(int fd, struct genl_request *request,
			    genl_take_fn take, void *arg)
{
	static _Thread_local char buffer[GENL_BUFFER];
	const struct nlmsghdr *header;
	int ret = 0;
	ssize_t size;

	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		size = recv(fd, buffer, sizeof(buffer), 0);
		if (size < 0)
			return -errno;
		header = (const void *)buffer;
		for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
			if (header->nlmsg_type == NLMSG_ERROR ||
			    header->nlmsg_type == NLMSG_DONE)
				return *(const int *)NLMSG_DATA(header) ?: ret;
			if (take && !ret)
				ret = take(header, arg);
		}
	}
}

static inline int genl_take_family(const struct nlmsghdr *header, void *arg)
{
	struct genl *genl = arg;
	const char *groups = genl_find(header, CTRL_ATTR_MCAST_GROUPS, 0);
	const char *group = groups ? groups + NLA_HDRLEN : NULL;
	int i;

	genl->family = genl_number(header, CTRL_ATTR_FAMILY_ID, 2);
	for (i = 0; group && i < 2; i++) {
		const struct nlattr *attr = (const void *)group;

		if (attr->nla_type == CTRL_ATTR_MCAST_GRP_ID)
			memcpy(&genl->group, group + NLA_HDRLEN, 4);
		group += NLA_ALIGN(attr->nla_len);
	}
	return 0;
}

static inline int genl_find_family(struct genl *genl)
{
	struct genl_request request = genl_make(GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
						0);

	genl_put(&request, CTRL_ATTR_FAMILY_NAME, TNPU_NETLINK_FAMILY,
		 sizeof(TNPU_NETLINK_FAMILY));
	return genl_talk(genl->fd, &request, genl_take_family, genl);
}

/* A socket that hears events; unbound ones would not. */
static inline int genl_listen(__u32 group)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What the message is, as the family counts. */
static inline int genl_command(const struct nlmsghdr *header)
{
	return ((const struct genlmsghdr *)NLMSG_DATA(header))->cmd;
}

/* The next message of the group on @fd, in @buffer; NULL: there is none in time. */
static inline const struct nlmsghdr *genl_next_event(int fd, int timeout_ms,
						     char buffer[GENL_BUFFER])
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	if (poll(&poller, 1, timeout_ms) != 1 ||
	    recv(fd, buffer, GENL_BUFFER, 0) < 0)
		return NULL;
	return (const void *)buffer;
}

/* A socket, and the numbers of the family and of its group. 0 or -errno. */
static inline int genl_open(struct genl *genl)
{
	int ret;

	genl->fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	ret = genl->fd < 0 ? -errno : genl_find_family(genl);
	return ret ?: genl->family && genl->group ? 0 : -ENOENT;
}

#endif
