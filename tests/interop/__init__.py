"""Servers that nobody here wrote: `pytest -m interop`, deselected otherwise.

Each is installed by its test, into a folder of the temporary directory that is kept from run to run, never into the
project's own environment; started on a free loopback port; and ended by its own process id. Where one cannot be
installed its tests are skipped, with the reason.

    support.py       installing, starting, ending; talks over the real engine, and scripts as processes
    test_aimock.py   @copilotkit/aimock (npm), all four protocols, and its chaos
    test_litellm.py  the LiteLLM proxy with mock responses
    test_llama.py    llama-cpp-python with a random model of 120 kB, which tiny_model.py makes
"""
