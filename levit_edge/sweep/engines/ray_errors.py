"""What Ray's errors say, in words for people."""

import re
from collections.abc import Iterator

from levit_edge.errors import SweepError

__all__ = ["EXPECTED", "GO_ON", "death_of", "lost", "node_in", "unusable"]

EXPECTED = (
    "Expected the head's address and port, ray://host:10001 for Ray's client server or host:6379 in RAY_ADDRESS; "
    "`ray status` on the head says whether it runs."
)
GO_ON = "What is done is kept: the same command goes on with it."
HELP_WITH_TOKENS = "If it takes a token: RAY_AUTH_MODE=token, with the token in RAY_AUTH_TOKEN or ~/.ray/auth_token."
LONGEST_REASON = 300
_NODE = re.compile(r"\bnode ID: ([0-9a-f]{8,})", re.IGNORECASE)


def lost(cluster: str, error: Exception) -> SweepError:
    """The error of a cluster that is gone."""
    why = f" ({_first_line(error)})" if str(error) else ""
    return SweepError(f"the connection to {cluster} is lost{why}. {GO_ON}")


def node_in(error: Exception) -> str | None:
    """The ID of the node that an error names."""
    named = _NODE.search(str(error))
    return named[1] if named else None


def death_of(error: Exception) -> str:
    """Why a Ray task has no outcome, from its `RayError`."""
    import ray.exceptions as of_ray

    match error:
        case of_ray.NodeDiedError() | of_ray.LocalRayletDiedError():
            return "its node died"
        case of_ray.OutOfMemoryError():
            return "killed by Ray, as its node ran out of memory"
        case of_ray.WorkerCrashedError():
            return "its Ray worker died, often for want of memory"
        case _:
            return f"Ray could not run it: {_first_line(error)}"


def unusable(error: Exception) -> str:
    """Why Ray cannot be connected to, without its tracebacks, and what helps."""
    chain = list(_chain(error))
    said = [str(each).strip() for each in chain]
    if mismatch := next((text for text in said if "ersion mismatch" in text), None):
        return f"{' '.join(mismatch.split())} Install the same versions of Ray and Python here and there."
    if any("auth" in type(each).__name__.lower() for each in chain):
        return f"it wants a token. {HELP_WITH_TOKENS}"
    last = said[0].splitlines()[-1] if said[0] else type(error).__name__
    return f"{last[:LONGEST_REASON].rstrip('.')}. {EXPECTED} {HELP_WITH_TOKENS}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
