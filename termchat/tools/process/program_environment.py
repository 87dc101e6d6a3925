"""The environment of programs that a tool runs: without secrets, and without anything that asks or pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from termchat.core.redact import Redactor, url_secrets
from termchat.tools.builtin.secret_places import holds_secret

# A name with such a word is dropped; AUTHOR, PWD and KEYBOARD are none.
_SECRET_NAME = re.compile(
    r"(?:^|[_A-Z])(?:API_?KEYS?|TOKENS?|SECRETS?|PASSW(?:OR)?D|PASSPHRASE|CREDENTIALS?|COOKIES?|SIGNATURE)"
    r"|(?:^|_)(?:AUTH|PAT|PASS|DSN|KEYS?)(?:_|$)|(?<=_)PWD$|KEY(?:_ID|_FILE|_PATH)?$|AUTHORIZATION",
    re.IGNORECASE,
)

# Vendors and clouds, agents that act with the user's keys, servers of the session, and other terminals.
_DROPPED = re.compile(
    r"TERMCHAT_|OPENAI_|ANTHROPIC_|CLAUDE|GEMINI_|GOOGLE_|GCLOUD_|CLOUDSDK_|AWS_|AZURE_|ARM_|CODEX_|VAULT_|CONSUL_"
    r"|SSH_|GPG_|DBUS_|DOCKER_|KUBECONFIG|VSCODE_|WSL_INTEROP|TMUX|STY$|SCREEN|I3SOCK|SWAYSOCK|NVIM|EMACS|KITTY_"
    r"|DISPLAY$|WAYLAND_|XAUTHORITY$|ICEAUTHORITY$|SESSION_MANAGER$|BROWSER$|SUDO_"
    # a shell would run or obey these before the command
    r"|BASH_ENV$|BASH_FUNC_|ENV$|SHELLOPTS$|BASHOPTS$|CDPATH$|IFS$|PS4$|PROMPT_COMMAND$|GLOBIGNORE$|ZDOTDIR$|OLDPWD$"
    r"|GIT_(?!AUTHOR_|COMMITTER_|SSL_)"
    r"|LD_(?:PRELOAD|AUDIT)$|PYTHONSTARTUP$|PYTHONINSPECT$|LESSOPEN$|LESSCLOSE$"
)

_QUIET = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "MANPAGER": "cat",
    "SYSTEMD_PAGER": "",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_NO_INPUT": "1",
}


def program_environment(given: Mapping[str, str], cwd: Path, added: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a program.

    given   the environment of termchat
    cwd     the directory that the program starts in
    added   variables that win over all others
    """
    redactor = Redactor()
    kept = {name: value for name, value in given.items() if not _is_secret(name, value, redactor)}
    kept.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    return {**kept, **_QUIET, "PWD": str(cwd), **added}


def _is_secret(name: str, value: str, redactor: Redactor) -> bool:
    if _DROPPED.match(name) or _SECRET_NAME.search(name):
        return True
    return bool(redactor.find(value)) or holds_secret(value) or any(url_secrets(value))
