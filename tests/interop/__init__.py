"""Tests against servers of other projects: `pytest -m interop`, deselected otherwise.

Each test installs its server into a folder of the temporary directory, which later runs reuse, never into the
project's environment; starts it on a free loopback port; and ends it by its process id. If a server cannot be
installed, its tests are skipped with the reason.

    support.py       installs, starts and ends servers; opens sessions and runs one-shot processes
    test_aimock.py   @copilotkit/aimock (npm), all four protocols, and its chaos flags
    test_litellm.py  the LiteLLM proxy with mock responses
    test_xterm.py    xterm.js, the terminal of VS Code, by xterm_terminal.mjs
    test_acp_client.py   the TypeScript SDK of the Agent Client Protocol, by acp_client.mjs
    test_llama.py    llama-cpp-python with a random model of 120 kB, written by tiny_model.py
    test_serve_clients.py   llm (pip), Claude Code and Codex (npm) as clients of `termchat serve`
"""
