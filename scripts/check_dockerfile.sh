#!/usr/bin/env bash
# Execute the RUN steps of the Dockerfile's cpu image in a bare Debian root, without a container engine, and make a song
# there as the image's user:   sudo scripts/check_dockerfile.sh [FOLDER]
# Needs root, debootstrap, and the network that pip and apt use here. The wheel is built by this machine's Python (PYTHON).
# BIND="/folder ..." shows folders of this machine in the root, for a package index or wheels that lie on its disk.
# What differs from the image: Debian's own Python 3.11 in place of the one of the image python:*-slim.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
fail() { echo "check_dockerfile: $*" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || fail "must be root, for debootstrap and chroot"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt install debootstrap"

root=${1:-$(mktemp -d)}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
[ -e "$root/bin/bash" ] ||
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$root" "$mirror"
read -r -a shown <<<"${BIND:-}"
trap 'for folder in proc "${shown[@]}"; do umount "$root/$folder" 2>/dev/null || true; done' EXIT
mount -t proc proc "$root/proc"
for folder in "${shown[@]}"; do mkdir -p "$root/$folder" && mount --bind "$folder" "$root/$folder"; done
cp /etc/resolv.conf "$root/etc/resolv.conf"
# What this machine trusts, the root trusts too.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
# Where pip of this machine finds packages, so does that of the root.
for file in /etc/pip.conf "$HOME/.config/pip/pip.conf"; do [ ! -e "$file" ] || cp "$file" "$root/etc/pip.conf"; done
ln -sf python3 "$root/usr/bin/python"

"${PYTHON:-python3}" -m pip wheel --quiet --no-deps --wheel-dir "$root/wheels" .
cp constraints.txt "$root/tmp/constraints.txt"
index=$(sed -n '/AS cpu$/,/^FROM/s/^ARG TORCH_INDEX=//p' Dockerfile)
# The RUN steps of the stage, each with its continued lines, exactly as they stand there.
sed -n '/AS cpu$/,/^FROM .* AS cuda$/p' Dockerfile | awk '
    /^RUN / { running = 1; sub(/^RUN /, "( ") }
    running { end = $0 !~ /\\$/; print $0 (end ? " )" : ""); if (end) running = 0 }
' >"$root/tmp/steps.sh"
grep -q . "$root/tmp/steps.sh" || fail "no RUN steps were found"
env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root TORCH_INDEX="${TORCH_INDEX:-$index}" \
    PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 chroot "$root" /bin/bash -euxo pipefail /tmp/steps.sh
chroot "$root" /usr/bin/env -i PATH=/opt/songbloom/bin:/usr/bin:/bin HOME=/home/songbloom setpriv --reuid 10001 \
    --regid 10001 --clear-groups --no-new-privs sh -c \
    'cd && songbloom doctor && songbloom generate --lyrics "[verse] City lights." --duration 2 --preset draft --out s.flac'
echo "the RUN steps of the cpu image work in $root"
