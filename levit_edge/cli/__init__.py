"""The `levit-edge` command: one file per subcommand; each parses, calls the library and prints."""

import signal
import sys
from pathlib import PurePath

# Some tenths of a second from here `levit_edge.cli.main.main` answers a Ctrl-C itself; until then one ends the command
# without a traceback. Whoever imports this into another program keeps what they have: there argv[0] is neither.
is_command = [PurePath(each).name for each in sys.argv[:1]] in (["levit-edge"], ["-m"])
if is_command and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
