"""Requests to the API server for one participant: their errors are noted for it, and stop nothing else."""

import asyncio
from collections.abc import Awaitable, Callable

from fedtrain_operator.coordinator.refusals import HUB, Refusals
from fedtrain_operator.kube.api_error import ApiError

PATIENCE_SECONDS = 10.0
"""A namespace's admission webhook may hang; the pass must not."""
AT_ONCE = 16


class Requests:
    """The requests of one pass, by participant (`HUB` for the hub's own). After an error of one, its further requests
    wait for the next try."""

    def __init__(self, refusals: Refusals, steady: Callable[[], float]) -> None:
        self._refusals = refusals
        self._steady = steady
        self._began = steady()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._answered: set[str] = set()
        self.refused: set[str] = set()
        """Participants that have had an error in this pass, or wait because of an earlier one."""

    async def attempt(self, who: str, request: str, send: Callable[[], Awaitable[None]]) -> bool:
        """Whether the API server has done it. `request` in words, such as `create its task`."""
        if self._refusals.waits(who, self._steady()):
            self.refused.add(who)
            return False
        try:
            async with self._room, asyncio.timeout(PATIENCE_SECONDS):
                await send()
        except TimeoutError:
            error = ApiError(0, "Timeout", f"no answer within {PATIENCE_SECONDS:.0f} s")
        except ApiError as refusal:
            error = refusal
        else:
            self._answered.add(who)
            self._refusals.succeeded(who, request)
            return True
        self._refusals.note(who, request, error, self._steady())
        self.refused.add(who)
        return False

    @property
    def hub_is_refused(self) -> bool:
        return HUB in self.refused

    def settle(self) -> None:
        """Forgets the refusals of those that had no error in this pass and those that need no request any more."""
        for who in self._answered - self.refused:
            self._refusals.clear(who)
        self._refusals.expire(self._began)
