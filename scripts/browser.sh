#!/usr/bin/env bash
# browser.sh: Debian's Chromium and a font, for the tests of pages, unless it is there. As root.
set -euo pipefail
command -v chromium > /dev/null && exit
apt-get --quiet update || true # other sources than Debian may be out of reach; the installation will tell
DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends chromium fonts-dejavu-core
