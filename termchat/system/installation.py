"""The command that installs an extra: optional packages, beside the termchat that runs."""

from __future__ import annotations

from termchat.core.sanitize import Safe, safe_line


def install_command(extra: str) -> Safe:
    """Return the command that installs an extra beside this termchat; it takes milliseconds.

    It names the interpreter: the `pip` of the path may be that of another environment. The environments that uv makes,
    also for `uv run`, `uv tool` and pipx, have no pip. A termchat from a directory is installed from there again.

    extra   the name of an extra of pyproject.toml, or several with commas between them
    """
    import shlex
    import sys
    from importlib.metadata import distributions

    python = sys.executable or "python3"
    has_pip = any(distributions(name="pip"))
    installer = (python, "-m", "pip", "install") if has_pip else ("uv", "pip", "install", "--python", python)
    return safe_line(shlex.join((*installer, *_requirement(extra))))


def _requirement(extra: str) -> tuple[str, ...]:
    """Return the arguments that name termchat with an extra, by the origin that the installer recorded (PEP 610)."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from pathlib import Path
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        origin = json.loads(distribution("termchat").read_text("direct_url.json") or "{}")
        directory, options = url2pathname(urlsplit(str(origin["url"])).path), origin["dir_info"]
        if Path(directory, "pyproject.toml").is_file():
            return (*(("-e",) if options.get("editable") else ()), f"{directory}[{extra}]")
    except (PackageNotFoundError, OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # from an index, or a record that says nothing
    return (f"termchat[{extra}]",)
