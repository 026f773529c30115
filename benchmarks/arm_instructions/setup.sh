#!/usr/bin/env bash
# setup.sh DIR: everything that `python -m benchmarks.arm_instructions --emulator DIR` needs, in DIR. Debian, as root.
# Takes about 10 minutes and 1 GB. What is there already is kept, so that an interrupted run can be started again.
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "$0: needs root, to install packages and unpack an aarch64 Debian" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
qemu=10.0.13
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' | head -n 1)}

apt-get install --quiet --yes --no-install-recommends \
    mmdebstrap arch-test build-essential dpkg-dev libglib2.0-dev pkg-config python3-venv xz-utils

# An aarch64 Debian to run in: only unpacked, nothing of it is executed at installation.
if [ ! -e "$dir/root/usr/bin/python3.13" ]; then
    rm -rf "$dir/root"
    mmdebstrap --mode=root --variant=extract --arch=arm64 --include=python3,libgomp1,libstdc++6 trixie "$dir/root" "$mirror"
    [ -e "$dir/root/lib" ] || ln -s usr/lib "$dir/root/lib"
    # One processor: without these, ExecuTorch counts the machine's own and starts as many threads.
    mkdir -p "$dir/root/sys/devices/system/cpu/cpu0"
    for file in possible present online; do echo 0 > "$dir/root/sys/devices/system/cpu/$file"; done
fi

# The runtimes' aarch64 wheels, unpacked. executorch-numpy-runtime is ExecuTorch's runtime without torch.
if [ ! -e "$dir/site/onnxruntime" ]; then
    platforms=(--platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64)
    python3 -m pip download --quiet --no-deps --only-binary=:all: "${platforms[@]}" --python-version 3.13 \
        --implementation cp --abi cp313 --abi abi3 --abi none --dest "$dir/wheels" \
        onnxruntime==1.31.1 executorch-numpy-runtime==1.4.0 numpy flatbuffers protobuf packaging
    for wheel in "$dir"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$dir/site"; done
fi

# Debian's qemu-user is built without plugins, and plugins count the instructions.
build=$dir/qemu-$qemu/build
if [ ! -e "$build/qemu-aarch64" ]; then
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial" "$dir/source"
    echo "deb-src [trusted=yes] $mirror trixie main" > "$dir/apt/sources.list"
    options=(-o "Dir::Etc::sourcelist=$dir/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$dir/apt/lists" -o "Dir::Cache=$dir/apt/cache")
    apt-get "${options[@]}" --quiet update
    (cd "$dir/source" && apt-get "${options[@]}" --quiet --download-only source qemu)
    archives=("$dir"/source/qemu_"$qemu"*.orig.tar.xz)
    [ -e "${archives[0]}" ] || { echo "$0: the mirror has another qemu than $qemu: $(ls "$dir/source")" >&2; exit 3; }
    rm -rf "$dir/qemu-$qemu" && mkdir "$dir/qemu-$qemu"
    tar --extract --xz --file "${archives[0]}" --directory "$dir/qemu-$qemu" --strip-components 1
    python3 -m venv "$dir/meson"
    "$dir/meson/bin/pip" install --quiet --disable-pip-version-check meson ninja pycotap
    mkdir -p "$build" && cd "$build"
    PATH=$dir/meson/bin:$PATH ../configure --python="$dir/meson/bin/python3" --disable-download \
        --target-list=aarch64-linux-user --enable-plugins --disable-install-blobs --disable-system --disable-tools \
        --disable-docs --disable-werror --disable-gnutls --disable-libvduse --disable-vhost-user
    PATH=$dir/meson/bin:$PATH ninja qemu-aarch64 tests/tcg/plugins/libinsn.so
fi
echo "ready: $dir"
