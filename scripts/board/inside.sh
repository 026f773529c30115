#!/usr/bin/env bash
# inside.sh machine|network: what runs in a board's namespaces. start.sh calls it as the board's first process, with its
# options in the environment: dir, board, board_name, qemu, port, adb_port, cpu, cores, tmp_size, without.
set -euo pipefail
: "${dir:?}" "${board:?}" "${board_name:?}" "${qemu:?}" "${port:?}" "${cpu:?}" "${cores:?}" "${tmp_size:?}"
: "${adb_port?}" "${without?}"
root=$board/mount/root
relay=$board/mount/relay # sockets between the machine's network and the board's: files that both see

machine() {
    make_disk
    make_devices
    make_sysfs
    install_packages
    register_qemu
    unshare --net bash "$0" network &
    servers=$!
    until [ -e "$relay/ready" ]; do
        kill -0 "$servers" 2> /dev/null || exit 1
        sleep 0.05
    done
    socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,nodelay" "UNIX-CONNECT:$relay/ssh" &
    if [ -n "$adb_port" ]; then
        socat "TCP-LISTEN:$adb_port,bind=127.0.0.1,reuseaddr,fork,nodelay" "UNIX-CONNECT:$relay/adb" &
    fi
    for number in $port $adb_port; do until listens "$number"; do sleep 0.05; done; done
    echo "ssh://root@127.0.0.1:$port"
    echo "ssh -F $board/ssh_config $board_name"
    [ -z "$adb_port" ] || echo "adb connect 127.0.0.1:$adb_port"
    wait "$servers"
    exit 1
}

# The aarch64 Debian as the lower layer, and a disk of its own for what is written: lost when the board ends.
make_disk() {
    mount -t tmpfs -o "size=$tmp_size" tmpfs "$board/mount"
    mkdir "$board/mount/upper" "$board/mount/work" "$root" "$relay"
    # relative paths: commas and colons would be separators
    (cd "$dir" && at=boards/$board_name/mount &&
        mount -t overlay -o "lowerdir=root,upperdir=$at/upper,workdir=$at/work,userxattr" overlay "$root")
    mkdir -p "$root/data/local/tmp" # where adb's shells have their TMPDIR
    for folder in tmp root home run data/local/tmp; do mount -t tmpfs -o "size=$tmp_size" tmpfs "$root/$folder"; done
    chmod 1777 "$root/tmp"
    chmod 700 "$root/root"
    mount -t proc proc "$root/proc"
    echo "$board_name" > "$root/proc/sys/kernel/hostname"
    echo "$board_name" > "$root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$board_name" > "$root/etc/hosts"
    install --mode=600 "$board/host_key" "$root/etc/dropbear/host_key"
    install --mode=600 "$board/id_ed25519.pub" "$root/etc/dropbear/authorized_keys"
}

make_devices() {
    mount -t tmpfs -o mode=755,size=1M tmpfs "$root/dev"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
    mount -t tmpfs -o "mode=1777,size=$tmp_size" tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    for each in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${each%:*}" "$root/dev/${each#*:}"; done
}

# All that the board's /sys has: plain files, which tests write to (echo powersave > …/scaling_governor). kHz, and
# thousandths of a degree.
make_sysfs() {
    local sys=$root/sys folder index last=$((cores - 1))
    mount -t tmpfs -o size=1M tmpfs "$sys"
    for ((index = 0; index < cores; index++)); do
        folder=$sys/devices/system/cpu/cpu$index/cpufreq
        mkdir -p "$folder"
        echo performance > "$folder/scaling_governor"
        echo 'performance powersave ondemand schedutil' > "$folder/scaling_available_governors"
        for file in cpuinfo_min_freq scaling_min_freq; do echo 600000 > "$folder/$file"; done
        for file in cpuinfo_max_freq scaling_max_freq cpuinfo_cur_freq scaling_cur_freq; do
            echo 2400000 > "$folder/$file"
        done
    done
    for file in possible present online; do
        if [ "$last" = 0 ]; then echo 0; else echo "0-$last"; fi > "$sys/devices/system/cpu/$file"
    done
    mkdir -p "$sys/class/thermal/thermal_zone0" "$sys/firmware/devicetree/base"
    echo cpu-thermal > "$sys/class/thermal/thermal_zone0/type"
    echo 45000 > "$sys/class/thermal/thermal_zone0/temp"
    printf 'Emulated %s\0' "$cpu" > "$sys/firmware/devicetree/base/model"
    printf 'qemu-user,%s\0' "$cpu" > "$sys/firmware/devicetree/base/compatible"
}

install_packages() {
    local packages=$root/usr/local/lib/python3.13/dist-packages entry
    mkdir -p "$packages" "$root/opt/site"
    mount --bind -o ro "$dir/site" "$root/opt/site"
    for entry in "$dir"/site/*; do
        case "$without $(basename "$entry")" in
        *numpy*\ * | *runtimes*\ onnxruntime* | *runtimes*\ executorch*) ;;
        *) ln -s "/opt/site/$(basename "$entry")" "$packages" ;;
        esac
    done
    case $without in *python*) rm -rf "$root"/usr/bin/python3* "$root"/usr/lib/python3* ;; esac
}

# In the board's user namespace only, and gone with it. F: qemu is opened now, as the board's root has none.
register_qemu() {
    local magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    mkdir "$board/mount/binfmt"
    mount -t binfmt_misc binfmt_misc "$board/mount/binfmt" || {
        echo "no binfmt_misc in a user namespace: that needs Linux 6.7 or newer, and this is $(uname -r)" >&2
        exit 1
    }
    printf ':board:M::%s:%s:%s:POCF' "$magic" "$mask" "$qemu" > "$board/mount/binfmt/register"
}

listens() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# A network with nothing in it but the board. nodelay, here and above: with Nagle's algorithm each of ssh's windows of
# 24 kB would wait 40 ms for an acknowledgement.
network() {
    ip link set lo up
    # dropbear -e hands its environment on, QEMU_CPU with it; without a word of it qemu has all that it knows of
    local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    enter=(env -i PATH="$path" HOME=/root LANG=C.UTF-8 QEMU_CPU="$cpu" chroot "$root")
    "${enter[@]}" /usr/sbin/dropbear -F -E -e -s -r /etc/dropbear/host_key -D /etc/dropbear -p 127.0.0.1:22 &
    if [ -n "$adb_port" ]; then "${enter[@]}" /usr/lib/android-sdk/platform-tools/adbd & fi
    for number in 22 ${adb_port:+5555}; do
        until listens "$number"; do
            for server in $(jobs -p); do kill -0 "$server"; done
            sleep 0.05
        done
    done
    socat "UNIX-LISTEN:$relay/ssh,fork" TCP:127.0.0.1:22,nodelay &
    if [ -n "$adb_port" ]; then socat "UNIX-LISTEN:$relay/adb,fork" TCP:127.0.0.1:5555,nodelay & fi
    for server in ssh ${adb_port:+adb}; do until [ -S "$relay/$server" ]; do sleep 0.05; done; done
    touch "$relay/ready"
    wait -n # as soon as one server ends, the board does
    exit 1
}

"$1"
