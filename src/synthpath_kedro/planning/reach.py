"""Whether a host answers."""

import threading
import urllib.error
import urllib.request
from functools import cache

_SECONDS = 5.0


@cache
def is_reachable(address: str) -> bool:
    """Whether anything answers at ``address``, a URL, within seconds; asked once per address."""
    answers: list[bool] = []
    # In a thread: looking up a name can take longer than any timeout.
    thread = threading.Thread(target=lambda: answers.append(_answers(address)), daemon=True)
    thread.start()
    thread.join(2 * _SECONDS)
    return answers == [True]


def _answers(address: str) -> bool:
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 - https addresses of our own
    try:
        urllib.request.urlopen(request, timeout=_SECONDS).close()  # noqa: S310
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True
