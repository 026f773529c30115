#!/usr/bin/env bash
# node.sh: Debian's Node.js and npm, for the tests of the web demo, unless both are there. As root.
set -euo pipefail
command -v node > /dev/null && command -v npm > /dev/null && exit
apt-get --quiet update || true # other sources than Debian may be out of reach; the installation will tell
DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends nodejs npm
