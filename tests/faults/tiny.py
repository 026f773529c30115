"""`levit-edge` with one more size, `tiny`: python -m tests.faults.tiny quantize --checkpoint tiny.pth …"""

import signal


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as levit_edge.cli does for the real command
    from levit_edge.model.config import CONFIGS
    from tests.faults.tiny_levit import TINY

    CONFIGS[TINY.name] = TINY
    from levit_edge.cli.main import main as levit_edge

    levit_edge()


if __name__ == "__main__":
    main()
