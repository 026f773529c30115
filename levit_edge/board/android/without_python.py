"""Measuring what may have no Python: on an Android device the demo app can do what the agent does elsewhere."""

from levit_edge.benchmark.measurement import Measurement
from levit_edge.board.android.app import PACKAGE, app_is_installed, is_android, measure_in_app
from levit_edge.board.measure import BenchmarkSettings, measure
from levit_edge.board.session import Progress
from levit_edge.board.transports.adb import AdbTransport
from levit_edge.board.transports.transport import Transport
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import NoPythonError

__all__ = ["measure_by_agent_or_app"]


def measure_by_agent_or_app(
    bundle: Bundle, transport: Transport, settings: BenchmarkSettings, progress: Progress | None = None
) -> Measurement:
    """Measure by the agent; where an Android device has no Python, by the demo app.

    Raises:
        BoardError: see `measure` and `measure_in_app`.
        BundleError: see `measure`.
        NoPythonError: there is neither Python nor the app.
    """
    try:
        return measure(bundle, transport, settings, progress)
    except NoPythonError as error:
        if not isinstance(transport, AdbTransport) or not is_android(transport.device):
            raise
        if not app_is_installed(transport.device):
            raise NoPythonError(
                f"{error} Without Python the demo app {PACKAGE} could measure, but it is not installed either:"
                " android_demo/README.md says how to build it."
            ) from error
        return measure_in_app(bundle, transport.device, settings, progress)
