#!/usr/bin/env bash
# node.sh: Debian's Node.js, for the unit tests of the web demo, unless one is there. As root.
set -euo pipefail
command -v node > /dev/null && exit
apt-get --quiet update || true # other sources than Debian may be out of reach; the installation will tell
DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends nodejs
