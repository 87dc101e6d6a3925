"""Pause the garbage collector while modules are imported, and resume it once the SDK is loaded.

The collector takes a third of the time of an SDK's import and causes all of its long pauses, although imported
modules cannot be collected.
"""

from __future__ import annotations

import gc


def pause() -> None:
    """Disable the collector until `resume` is called."""
    gc.disable()


def resume() -> None:
    """Enable the collector; what has been imported by now is left out of all later collections."""
    gc.freeze()
    gc.enable()
