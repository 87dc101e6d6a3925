"""The batch endpoints of OpenAI, OpenRouter, Anthropic and Gemini.

A test sets a `BatchPlan` per batch, or `default`; every request for its status, or for
the list, moves a batch one state on. `lose` drops
the connection at a step. `paid` counts the answers by the text of the last user message: nothing may be paid twice.
"""

from __future__ import annotations

from tests.gateway.batches.plan import CANCELLED, EXPIRED, BatchPlan, Ended
from tests.gateway.batches.service import BatchService

__all__ = ["CANCELLED", "EXPIRED", "BatchPlan", "BatchService", "Ended"]
