"""Where things are kept on this machine."""

import os
import sys
from pathlib import Path


def user_cache() -> Path:
    """The user's cache directory, by the rules of the platform: on Linux XDG_CACHE_HOME where it is absolute, or ~/.cache.

    Raises RuntimeError where there is no home directory.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    given = os.environ.get("XDG_CACHE_HOME", "")
    return Path(given) if os.path.isabs(given) else Path.home() / ".cache"
