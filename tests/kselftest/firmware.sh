#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Bad firmware: missing, truncated, of another version, damaged, crashing. Each
# time the probe fails with a line that says why, and later a good image works.

# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source-path=SCRIPTDIR source=driver.sh
. "$(dirname "$0")/driver.sh"

path_file=/sys/module/firmware_class/parameters/path
file=tinynpu.bin
header_size=96
digest_at=64

for dir in "$(<"$path_file")" "/lib/firmware/updates/$(uname -r)" \
		/lib/firmware/updates "/lib/firmware/$(uname -r)" /lib/firmware; do
	[ -z "$dir" ] || [ ! -e "$dir/$file" ] || break
done
[ -e "$dir/$file" ] || skip_all "needs the firmware $file"

work=$(mktemp -d)
old_path=$(<"$path_file")
clean_up() {
	# An empty write would change nothing.
	printf '%s' "${old_path:-/}" >"$path_file"
	rm -rf "$work"
}
trap clean_up EXIT
cp "$dir/$file" "$work/good"
size=$(stat -c %s "$work/good")
mkdir "$work/images"
printf '%s' "$work/images" >"$path_file"
image=$work/images/$file

# put OFFSET BYTE...: change bytes of the image, given in hexadecimal.
put() {
	local offset=$1 bytes
	shift
	bytes=$(printf '\\x%s' "$@")
	printf '%b' "$bytes" |
		dd of="$image" bs=1 seek="$offset" conv=notrunc status=none
}

# flip OFFSET: change all bits of a byte.
flip() {
	local byte
	byte=$(od -An -tu1 -j "$1" -N 1 "$image")
	put "$1" "$(printf '%02x' $((byte ^ 255)))"
}

# The digest is right again: it is taken with its own field as zeros.
put_digest() {
	local digest bytes=() i
	for ((i = 0; i < 32; i++)); do bytes+=(00); done
	put "$digest_at" "${bytes[@]}"
	digest=$(sha256sum <"$image")
	bytes=()
	for ((i = 0; i < 64; i += 2)); do bytes+=("${digest:i:2}"); done
	put "$digest_at" "${bytes[@]}"
}

use_good_image() {
	cp "$work/good" "$image"
}

truncate_to() {
	truncate -s "$1" "$image"
}

# The firmware's first instructions set up traps; behind them, nonsense.
put_crash() {
	local entry load
	load=$(od -An -tu4 -j 12 -N 4 "$image")
	entry=$(od -An -tu4 -j 16 -N 4 "$image")
	put $((header_size + entry - load + 20)) 00 00 00 00 00 00 00 00
	put_digest
}

# fails_saying TEXT: the driver does not take the device and says why.
fails_saying() {
	local status=0
	mark_log
	load || return
	if is_bound; then
		echo "the device was bound"
		status=1
	fi
	said "$1" || status=1
	unload && return "$status"
}

# refused NAME TEXT COMMAND...: COMMAND spoils a good image.
refused() {
	local title=$1 text=$2
	shift 2
	use_good_image
	"$@"
	check "$title" fails_saying "$text"
}

works() {
	use_good_image
	load && is_bound && run_jobs 10 && unload
}

# Nowhere at all: the system's own directory is covered for the moment.
missing() {
	local status
	mount -t tmpfs -o mode=755 hidden /lib/firmware || return
	rm -f "$image"
	fails_saying "firmware $file cannot be loaded: -ENOENT"
	status=$?
	umount /lib/firmware
	return "$status"
}

unload 2>/dev/null
check "missing" missing
refused "shorter than a header" "has 50 bytes" truncate_to 50
refused "only a header" "its size is wrong" truncate_to "$header_size"
refused "truncated" "its size is wrong" truncate_to $((size - 1))
refused "too long" "its size is wrong" truncate_to $((size + 4))
refused "far too long" "which cannot be right" truncate_to 300000
refused "not an image" "it is not a firmware image" flip 0
refused "another header version" "it is made for other hardware" put 4 02
refused "another hardware version" "it is made for other hardware" put 6 02
refused "beyond the memory" "does not fit into the controller's memory" \
	put 20 ff ff ff 7f
refused "a damaged header" "it is damaged (digest)" flip 32
refused "a damaged payload" "it is damaged (digest)" flip $((size - 1))
refused "a damaged digest" "it is damaged (digest)" flip 95
refused "firmware that crashes" "firmware crashed: mcause 0x2" put_crash
check "a good image works" works
mark_log
printf '%s' "${old_path:-/}" >"$path_file"
check "the system's own works" load
check "and runs jobs" run_jobs 10
finish
