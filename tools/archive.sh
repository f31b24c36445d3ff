# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# What the scripts share that fetch from the Debian archive: where the cache
# is, and an apt of our own that knows Debian's archive alone, with sources,
# whatever else /etc/apt names. Nothing here changes the machine. Sourced by
# tools/setup, tools/fetch-kernel, tools/vm, device/qemu/build and others.

CACHE=${TINYNPU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tinynpu}

# say MESSAGE: progress, on stderr, since stdout carries results.
say() {
	printf '  %s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# take_lock NAME: one script at a time does NAME; held until the script ends.
take_lock() {
	mkdir -p "$CACHE"
	exec 9>"$CACHE/$1.lock"
	flock -n 9 && return
	say "waiting for another process ($1)"
	flock 9
}

# archive_uri PATTERN DEFAULT: the machine's own mirror whose path matches.
archive_uri() {
	local uri
	uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
			/etc/apt/sources.list.d/*.sources 2>/dev/null |
		sed 's/#.*//' |
		grep -oE "[a-z+]+:/[^] ]*/$1(/[0-9]{8}T[0-9]{6}Z)?/?( |\$)" |
		head -n 1)
	printf '%s\n' "${uri:-$2}"
}

# archive_sources: a sources.list of Debian alone.
archive_sources() {
	local codename keyring main security
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	main=$(archive_uri debian http://deb.debian.org/debian)
	security=$(archive_uri debian-security \
		http://deb.debian.org/debian-security)
	for type in deb deb-src; do
		echo "$type [signed-by=$keyring] $main $codename main"
		echo "$type [signed-by=$keyring] $main $codename-updates main"
		echo "$type [signed-by=$keyring] $security $codename-security main"
	done
	echo "deb [signed-by=$keyring] $main $codename-backports main"
}

# archive_apt COMMAND [ARG...]: COMMAND (apt-get, apt-cache) on that list.
archive_apt() {
	local command=$1
	shift
	"$command" \
		-o Dir::Etc::SourceList="$CACHE/apt/sources.list" \
		-o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$CACHE/apt/lists" \
		-o Dir::Cache="$CACHE/apt/cache" \
		-o APT::Sandbox::User=root \
		-o Acquire::Retries=3 \
		-o Acquire::Languages=none \
		"$@"
}

# archive_update: refresh the lists, at most once an hour.
archive_update() {
	local stamp=$CACHE/apt/updated
	mkdir -p "$CACHE/apt/lists/partial" "$CACHE/apt/cache/archives/partial"
	if [ -n "$(find "$stamp" -mmin -60 2>/dev/null)" ]; then
		return
	fi
	archive_sources >"$CACHE/apt/sources.list"
	say "reading Debian's package lists"
	archive_apt apt-get -qq update >&2 || die "Debian's archive: apt-get update failed"
	touch "$stamp"
}

# archive_get DIR PACKAGE...: download .deb files into DIR.
archive_get() {
	local dir=$1
	shift
	archive_update
	say "downloading $*"
	(cd "$dir" && archive_apt apt-get -qq download "$@" >&2) ||
		die "cannot download $*"
}

# extract_vmlinux BZIMAGE: the ELF kernel inside, on stdout. The boot protocol's
# header says where the compressed payload is; its last 4 bytes are a length.
extract_vmlinux() {
	local setup_sects offset length
	setup_sects=$(od -An -tu1 -j $((0x1f1)) -N 1 "$1")
	offset=$(od -An -tu4 -j $((0x248)) -N 4 "$1")
	length=$(od -An -tu4 -j $((0x24c)) -N 4 "$1")
	dd if="$1" status=none bs=64K iflag=skip_bytes,count_bytes \
			skip=$(((setup_sects + 1) * 512 + offset)) \
			count=$((length - 4)) |
		zstd -dc
}

# kernel_modules KERNEL NAME...: files of these modules of a kernel in the cache
# and of what they need, in loading order.
kernel_modules() {
	local kernel=$1 release=${1##*/linux-} name
	shift
	for name; do
		modprobe -d "$kernel" -S "$release" --show-depends "$name" ||
			die "kernel $release has no module $name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}
