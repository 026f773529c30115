# debian.sh: how scripts make a folder of things, $dir, from Debian's packages. Sourced, not run.

die() { echo "${0##*/}: $2" >&2; exit "$1"; }

need_root() { # REASON
    [ "$(id -u)" = 0 ] || die 2 "needs root, $1; you are $(id -un)"
}

need_debian() {
    [ -e /etc/os-release ] && . /etc/os-release
    [ "${ID:-}" = debian ] || die 3 "needs Debian's packages, and this is ${PRETTY_NAME:-an unknown system}"
}

# Sets $dir, made if need be, and locks it: of two scripts at once the second waits, and finds everything made.
lock_folder() { # FOLDER
    mkdir -p "$1"
    dir=$(cd "$1" && pwd)
    exec 9> "$dir/.lock"
    flock 9
}

# The mirror that this machine has its own Debian from. apt knows it after an update.
debian_mirror() {
    local mirror=${DEBIAN_MIRROR:-}
    [ -n "$mirror" ] || mirror=$(apt_mirror)
    [ -n "$mirror" ] || { apt-get --quiet update >&2 || true; mirror=$(apt_mirror); }
    [ -n "$mirror" ] || die 3 "no Debian mirror in apt's sources; name one in DEBIAN_MIRROR"
    echo "$mirror"
}

apt_mirror() {
    apt-get indextargets --format '$(SITE)' "Codename: $VERSION_CODENAME" 'Component: main' | sed 1q
}

# Packages of this machine. Nothing is asked of the network when they are all there.
install_programs() {
    local missing=() package
    for package; do
        dpkg-query --show --showformat '${db:Status-Status}' "$package" 2> /dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [ ${#missing[@]} != 0 ] || return 0
    apt-get --quiet update || true # other sources than Debian may be out of reach; the installation will tell
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "${missing[@]}" ||
        die 3 "cannot install ${missing[*]} (see above); is the network there?"
}

# make_part NAME FUNCTIONS [FILE...]: $dir/NAME, by the first of FUNCTIONS, which calls the others, unless it is there and
# was made by the same commands from the same FILEs. It gets its name when it is whole.
make_part() {
    local name=$1 functions recipe
    read -ra functions <<< "$2"
    shift 2
    recipe=$(declare -f "${functions[@]}"; [ $# = 0 ] || cat "$@")
    if [ -e "$dir/$name" ] && [ "$recipe" = "$(cat "$dir/$name.recipe" 2> /dev/null)" ]; then return; fi
    # Who works with the parts holds this lock, shared, as long as that takes.
    exec 8> "$dir/.in-use"
    [ ! -e "$dir/$name" ] || flock --nonblock 8 || die 3 "the old $dir/$name is in use: end what runs of it first"
    echo "making $dir/$name"
    rm -rf "$dir/$name.recipe" "${dir:?}/$name" "$dir/$name.partial"* # what an interrupted run left
    "${functions[0]}" "$dir/$name.partial"
    mv "$dir/$name.partial" "$dir/$name"
    echo "$recipe" > "$dir/$name.recipe"
    exec 8>&-
}
