"""Order among threads that work on different blocks of the same updates."""

from queue import SimpleQueue


class PassStopped(Exception):
    """Another thread failed; its error is the one to report."""


class Turns:
    """Digests and norms need an update's blocks front to back, while different threads work on neighbouring blocks.
    The thread of block b waits for the thread of block b - 1 before each update, and lets the thread of block b + 1
    continue after it: all threads work at the same time, on different updates.

    A block starts only when the previous one is done with `lead` updates (1 up to the number of updates). A thread that
    is delayed for a moment then does not delay the next one."""

    def __init__(self, blocks: int, lead: int) -> None:
        self._passed: list[SimpleQueue[bool]] = [SimpleQueue() for _ in range(blocks + 1)]
        self._lead = lead

    def wait(self, block: int, update: int) -> None:
        """Wait until the previous block is done with `update`. Call it for each update, in order. Raises
        PassStopped."""
        if block == 0 or 0 < update < self._lead:
            return
        for _ in range(self._lead if update == 0 else 1):
            if not self._passed[block].get():
                raise PassStopped

    def done(self, block: int) -> None:
        """The block is done with an update."""
        self._passed[block + 1].put(True)

    def stop(self, block: int) -> None:
        """The block's thread has failed."""
        self._passed[block + 1].put(False)
