#!/usr/bin/env bash
# setup.sh DIR [--counting] [--peers]: what emulated aarch64 boards are made of, in DIR. Debian on x86-64, as root.
#
#   DIR/qemu    qemu-aarch64 of Debian 13; Debian 12's crashes when it imports onnxruntime
#   DIR/root    a small aarch64 Debian 13: Python, an ssh server, adbd
#   DIR/site    the board's Python packages: onnxruntime, ExecuTorch's runtime, numpy
#   DIR/qemu-10.0.13/build    with --counting: a qemu with plugins, of which libinsn.so counts instructions
#   DIR/peers   with --peers: the other engines' packages that benchmarks.arm counts
#
# Takes a minute or two and 0.4 GB; --counting 5 to 10 minutes more. What is whole is kept: run it again after an
# interruption. DEBIAN_MIRROR names another mirror than the one this machine has.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
counting_qemu=10.0.13

. "$here/../debian.sh"

main() {
    local counting='' peers='' target=''
    while [ $# != 0 ]; do
        case $1 in
        --counting) counting=yes ;;
        --peers) peers=yes ;;
        -*) die 2 "unknown option $1; usage: setup.sh DIR [--counting] [--peers]" ;;
        *) [ -z "$target" ] || die 2 "one folder, not '$target' and '$1'"; target=$1 ;;
        esac
        shift
    done
    [ -n "$target" ] || die 2 "usage: setup.sh DIR [--counting] [--peers]"
    check_machine
    lock_folder "$target"
    install_programs mmdebstrap arch-test debian-archive-keyring python3-venv socat iproute2 openssh-client adb
    make_part tools make_tools
    make_part qemu make_qemu
    make_part root make_root
    make_part site "make_site unpack_wheels" "$here/requirements.txt" "$dir/root.recipe"
    if [ -n "$counting" ]; then
        install_programs build-essential dpkg-dev libglib2.0-dev pkg-config xz-utils
        make_part "qemu-$counting_qemu" make_counting_qemu
    fi
    [ -z "$peers" ] || make_part peers "make_peers unpack_wheels" "$here/peers-requirements.txt"
    echo "ready: $dir"
}

check_machine() {
    need_root "to install packages and to unpack an aarch64 Debian"
    [ "$(uname -m)" = x86_64 ] || die 3 "emulates ARM on x86-64, and this machine is $(uname -m)"
    need_debian
}

require_space() { # MEBIBYTES
    local free
    free=$(($(df --output=avail --block-size=1M "$dir" | tail -n 1)))
    [ "$free" -ge "$1" ] || die 3 "$dir has $free MiB free, needs $1"
}

# Only unpacks: nothing is executed at installation, which would be emulated and take minutes. apt checks signatures.
unpack_debian() { # FOLDER ARCHITECTURE PACKAGES
    local mirror
    mirror=$(debian_mirror)
    mmdebstrap --quiet --mode=root --variant=extract --arch="$2" --include="$3" trixie "$1" "$mirror" ||
        die 3 "cannot unpack Debian 13 from $mirror (see above); is the network there?"
}

make_tools() { # a pip of our own, also where Python's is kept from installing
    python3 -m venv "$1"
}

make_qemu() {
    require_space 1000
    unpack_debian "$1.all" amd64 qemu-user
    install -D "$1.all/usr/bin/qemu-aarch64" "$1/usr/bin/qemu-aarch64"
    rm -r "$1.all" # 30 other processors
    "$1/usr/bin/qemu-aarch64" --version | grep -q ' version 10\.' || die 3 "the mirror has another qemu than 10"
}

make_root() {
    require_space 1000
    local packages=(
        python3 python3-venv ca-certificates libgomp1 libstdc++6
        dropbear-bin openssh-sftp-server adbd
        base-files bash coreutils dash findutils grep gzip hostname libc-bin procps sed tar util-linux
    )
    unpack_debian "$1" arm64 "$(IFS=, && echo "${packages[*]}")"
    rm "$1/etc/resolv.conf" # this machine's
    # What the packages' installation scripts would have done.
    mkdir -p "$1/etc/dropbear"
    printf '%s\n' root:x:0:0:root:/root:/bin/bash nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin > "$1/etc/passwd"
    printf '%s\n' root:x:0: tty:x:5: nogroup:x:65534: > "$1/etc/group"
    printf '%s\n' 'root:*:19000::::::' > "$1/etc/shadow"
    printf '%s\n' /bin/sh /bin/bash > "$1/etc/shells"
    cat "$1"/usr/share/ca-certificates/mozilla/*.crt > "$1/etc/ssl/certs/ca-certificates.crt" # pip starts with these only
    # One processor, for programs in qemu without a board: ExecuTorch would count the machine's own and start as many
    # threads. A board gets a /sys of its own.
    mkdir -p "$1/sys/devices/system/cpu/cpu0"
    for file in possible present online; do echo 0 > "$1/sys/devices/system/cpu/$file"; done
    emulated_python "$1" -m compileall -q -x '/(test|idlelib)/' -s "$1" -p / "$1/usr/lib/python3.13"
}

# Python modules are compiled here once and not, emulated, by every board. (This machine's variables may forbid it.)
emulated_python() { # ROOT ARGUMENT...
    local root=$1
    shift
    env -i "$dir/qemu/usr/bin/qemu-aarch64" -cpu cortex-a76 -L "$root" -E PYTHONHOME="$root/usr" \
        ${site:+-E PYTHONPATH="$site"} "$root/usr/bin/python3.13" "$@"
}

make_site() {
    require_space 500
    unpack_wheels "$1" "$here/requirements.txt" "the board's Python packages"
    site=$1 emulated_python "$dir/root" -c 'import numpy, onnxruntime, executorch_numpy_runtime'
}

# Without what these packages require: site has numpy, and no more is needed to run a file.
make_peers() {
    require_space 500
    unpack_wheels "$1" "$here/peers-requirements.txt" "the other engines' packages"
}

unpack_wheels() { # FOLDER REQUIREMENTS WHAT
    local wheels=$1.wheels wheel
    rm -rf "$wheels"
    "$dir/tools/bin/python" -m pip download --quiet --disable-pip-version-check \
        --no-deps --require-hashes --only-binary=:all: \
        --platform manylinux_2_35_aarch64 --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
        --platform manylinux2014_aarch64 \
        --python-version 3.13 --implementation cp --abi cp313 --abi abi3 --abi none \
        --dest "$wheels" --requirement "$2" ||
        die 3 "cannot fetch $3 (see above); is the network there?"
    for wheel in "$wheels"/*.whl; do python3 -m zipfile -e "$wheel" "$1"; done
    rm -r "$wheels"
}

# Debian's qemu is built without plugins.
make_counting_qemu() {
    require_space 2500
    local lists=$1.apt source=$1.source options archives mirror
    mirror=$(debian_mirror)
    rm -rf "$lists" "$source"
    mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial" "$source/build"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$lists/sources.list"
    options=(-o "Dir::Etc::sourcelist=$lists/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$lists/lists" -o "Dir::Cache=$lists/cache")
    (
        cd "$lists" && apt-get "${options[@]}" --quiet update &&
            apt-get "${options[@]}" --quiet --download-only source qemu
    ) ||
        die 3 "cannot fetch qemu's source from $mirror (see above); is the network there?"
    archives=("$lists"/qemu_"$counting_qemu"*.orig.tar.xz)
    [ -e "${archives[0]}" ] || die 3 "the mirror has another qemu than $counting_qemu: $(ls "$lists")"
    tar --extract --xz --file "${archives[0]}" --directory "$source" --strip-components 1
    "$dir/tools/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        --requirement "$here/build-requirements.txt" ||
        die 3 "cannot fetch meson and ninja (see above); is the network there?"
    (
        cd "$source/build" && export PATH=$dir/tools/bin:$PATH
        ../configure --python="$dir/tools/bin/python3" --disable-download --target-list=aarch64-linux-user \
            --enable-plugins --disable-install-blobs --disable-system --disable-tools --disable-docs --disable-werror \
            --disable-gnutls --disable-libvduse --disable-vhost-user
        ninja qemu-aarch64 tests/tcg/plugins/libinsn.so
        for file in qemu-aarch64 tests/tcg/plugins/libinsn.so; do install -D "$file" "$1/build/$file"; done
    )
    rm -r "$lists" "$source"
}

main "$@"
