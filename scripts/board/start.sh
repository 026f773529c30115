#!/usr/bin/env bash
# start.sh DIR [OPTION...]: one emulated aarch64 board, until Ctrl-C or TERM. DIR is what setup.sh made. As root.
#
#   --name NAME         board1; its keys, ssh_config and log are in DIR/boards/NAME
#   --port PORT         2222: where its ssh server listens, on 127.0.0.1
#   --adb PORT          its adbd listens too, on 127.0.0.1
#   --cpu CPU           cortex-a76; any that qemu-aarch64 knows
#   --cores N           1: how many its /sys speaks of
#   --tmp-size SIZE     1G: of each folder that can be written; 4M makes a board whose disk is soon full
#   --without-python    no Python
#   --without-numpy     Python without any packages
#   --without-runtimes  numpy, but neither onnxruntime nor ExecuTorch
#
# Prints the board's address when it answers. The board is a process tree in namespaces of its own: users (where
# binfmt_misc hands aarch64 programs to qemu, unseen by the rest of the machine), mounts, processes and network (the board
# reaches nothing but itself). It ends with this script, however that ends, and leaves nothing but DIR/boards/NAME.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

die() { echo "start.sh: $2" >&2; exit "$1"; }

main() {
    export board_name=board1 port=2222 adb_port='' cpu=cortex-a76 cores=1 tmp_size=1G without=''
    local target=
    while [ $# != 0 ]; do
        case $1 in
        --name | --port | --adb | --cpu | --cores | --tmp-size)
            [ $# -ge 2 ] || die 2 "$1 needs a value"
            set_option "$1" "$2"
            shift
            ;;
        --without-python | --without-numpy | --without-runtimes) without="$without ${1#--without-}" ;;
        -*) die 2 "unknown option $1; those there are stand at the top of $here/start.sh" ;;
        *) [ -z "$target" ] || die 2 "one folder, not '$target' and '$1'"; target=$1 ;;
        esac
        shift
    done
    [ -n "$target" ] || die 2 "usage: start.sh DIR [OPTION...]"
    [ "$(id -u)" = 0 ] || die 2 "needs root; you are $(id -un)"
    [ -d "$target" ] || die 3 "$target is not there: run $here/setup.sh $target"
    export dir && dir=$(cd "$target" && pwd)
    exec 7> "$dir/.in-use"
    flock --shared 7 # setup.sh replaces nothing while the board runs
    for part in qemu root site; do
        [ -e "$dir/$part" ] || die 3 "$dir/$part is not there: run $here/setup.sh $dir"
    done
    export board=$dir/boards/$board_name qemu=$dir/qemu/usr/bin/qemu-aarch64
    cpus=$( ("$qemu" -cpu help || true) | tail -n +2 | xargs) # its status is 1
    [[ " $cpus " == *" $cpu "* ]] || die 2 "qemu has no processor $cpu; it has: $cpus"
    for each in $port $adb_port; do
        ! (exec 3<> "/dev/tcp/127.0.0.1/$each") 2> /dev/null || die 3 "port $each is taken on 127.0.0.1"
    done
    mkdir -p "$board/mount"
    exec 8> "$board/.lock"
    flock --nonblock 8 || die 3 "$board_name runs already; --name starts another"
    make_keys
    run
}

set_option() { # OPTION VALUE
    case $1 in
    --port | --adb | --cores) [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || die 2 "$1 $2 is not a number that can be meant" ;;
    --name) [[ $2 =~ ^[A-Za-z0-9-]+$ ]] || die 2 "--name $2: letters, digits and hyphens only" ;;
    --tmp-size) [[ $2 =~ ^[1-9][0-9]*[KMG]$ ]] || die 2 "--tmp-size $2: a number and K, M or G" ;;
    esac
    case $1 in
    --name) board_name=$2 ;;
    --port) port=$2 ;;
    --adb) adb_port=$2 ;;
    --cpu) cpu=$2 ;;
    --cores) cores=$2 ;;
    --tmp-size) tmp_size=$2 ;;
    esac
}

# The user's and the board's keys, and an ssh_config that trusts just these. It speaks of the board by its name and by its
# address, and of nothing else, so that those of several boards can be put into one file.
make_keys() {
    [ -e "$board/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C "$board_name" -f "$board/id_ed25519"
    local public_key dropbearkey=("$qemu" -L "$dir/root" "$dir/root/usr/bin/dropbearkey" -f "$board/host_key")
    [ -e "$board/host_key" ] || "${dropbearkey[@]}" -t ed25519 > /dev/null 2>&1
    public_key=$("${dropbearkey[@]}" -y | awk '/^ssh-/ { print $1, $2 }')
    echo "[127.0.0.1]:$port $public_key" > "$board/known_hosts"
    cat > "$board/ssh_config" << END
Host $board_name
    HostName 127.0.0.1
    Port $port
Match host 127.0.0.1 exec "test %p = $port"
    User root
    IdentityFile "$board/id_ed25519"
    IdentitiesOnly yes
    UserKnownHostsFile "$board/known_hosts"
    StrictHostKeyChecking yes
END
}

run() {
    # pdeathsig: the board also ends when this script is killed. Twice, as gaining capabilities clears it.
    # shellcheck disable=SC2016 # the inner bash has the identifiers only once they are mapped, and starts anew with them
    setpriv --pdeathsig KILL unshare --user --mount --pid --ipc --uts --fork bash -c \
        'until read -r _ < /proc/self/uid_map; do sleep 0.02; done
        exec setpriv --pdeathsig KILL setsid bash "$0" machine' "$here/inside.sh" 2> "$board/log" &
    sandbox=$!
    trap 'stop; exit 0' INT TERM HUP
    trap stop EXIT
    until [ "$(readlink "/proc/$sandbox/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do
        kill -0 "$sandbox" 2> /dev/null || die 3 "this machine gives no namespaces: $(cat "$board/log")"
        sleep 0.02
    done
    for map in uid_map gid_map; do echo 0 0 4294967295 > "/proc/$sandbox/$map"; done
    until first=$(pgrep --parent "$sandbox"); do sleep 0.02; done
    echo "$first" > "$board/pid"
    wait "$sandbox" || die 3 "$board_name ended: $(tail -n 3 "$board/log")"
}

# The first process of the board takes all others with it, and is reaped when they are gone.
stop() {
    trap '' INT TERM HUP
    trap - EXIT
    kill -KILL "$(pgrep --parent "$sandbox")" 2> /dev/null || true
    wait "$sandbox" 2> /dev/null || true
    rm -f "$board/pid"
}

main "$@"
