"""Deviations of real servers from the vendors' documentation, one name each."""

from __future__ import annotations

from enum import Enum, auto


class Quirk(Enum):
    """A deviation of a server. Renderers ignore quirks of other protocols."""

    # all protocols
    NO_USAGE = auto()
    UNKNOWN_EVENTS = auto()

    # chat: reasoning
    REASONING_KEY = auto()  # delta.reasoning instead of delta.reasoning_content
    REASONING_BOTH = auto()  # both keys with the same text
    REASONING_DETAILS = auto()  # delta.reasoning with delta.reasoning_details, signed
    THINK_TAGS = auto()  # <think> in the text

    # chat: chunks
    CONTENT_PARTS = auto()  # delta.content is a list of parts
    NULL_CHOICES = auto()  # a chunk with "choices": null
    EMPTY_CHOICES_FIRST = auto()  # a first chunk without choices
    NULL_DELTA = auto()  # a choice with "delta": null
    ODD_FRAMES = auto()  # frames that are null, a number, a list
    EMPTY_DATA = auto()  # an empty data line
    BLANK_FINISH = auto()  # "finish_reason": "" until the last chunk
    USAGE_EVERYWHERE = auto()  # on every chunk
    USAGE_WITH_FINISH = auto()  # on the chunk with the finish reason, requested or not
    NO_DONE = auto()

    # chat: tool calls
    CALLS_INTERLEAVED = auto()  # fragments of parallel calls alternate (Responses too)
    CALL_NO_INDEX = auto()
    CALL_NULL_INDEX = auto()
    CALL_TEXT_INDEX = auto()  # "0"
    CALL_SAME_INDEX = auto()  # every call has index 0
    CALL_ID_BLANK = auto()  # "" in later fragments
    CALL_ID_NUMBER = auto()
    CALL_NAME_REPEATED = auto()
    CALL_NAME_BLANK = auto()  # "" in later fragments
    CALL_NULL_ARGUMENTS = auto()  # null in the first fragment
    CALL_DICT_ARGUMENTS = auto()
    CALL_NULL_FUNCTION = auto()  # a fragment with "function": null
    CALL_LEGACY = auto()  # delta.function_call
    CALL_SIGNED = auto()  # extra_content.google.thought_signature
    CALL_FINISH_STOP = auto()  # "stop" despite calls

    # responses
    NO_PART_ADDED = auto()  # text deltas without content_part.added
    NO_ENCRYPTED = auto()  # reasoning items without encrypted_content
    ENCRYPTED_EARLY = auto()  # a first, unfinished encrypted_content in output_item.added
    REASONING_TEXT = auto()  # reasoning_text.delta instead of a summary
    CUT_OUTPUT = auto()  # the terminal event has an empty output list

    # anthropic
    NO_BLOCK_START = auto()
    INPUT_IN_START = auto()  # the whole tool input in content_block_start, no delta
    NULL_USAGE = auto()
    PINGS = auto()
    INDEX_GAPS = auto()
    NO_EVENT_LINE = auto()

    # gemini
    CALLS_TOGETHER = auto()  # parallel calls in one chunk
    SIGNED_TEXT = auto()  # text signature on the last chunk of text instead of an empty last part
    UNSIGNED_CALLS = auto()
    NO_CALL_IDS = auto()
    PROMPT_BLOCKED = auto()  # no candidates, prompt feedback
    NULL_CANDIDATES = auto()  # a chunk with "candidates": null
