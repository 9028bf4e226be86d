"""Progress in the log of a pod or a worker: a line when a phase begins, and one for each tenth of its steps."""

import logging

log = logging.getLogger("fedtrain.trainer")


class ProgressLog:
    """A Progress. Losses are not logged: with differential privacy they would be published without noise."""

    def __init__(self) -> None:
        self._shown: tuple[str, int] = ("", 0)

    def __call__(self, phase: str, step: int, steps: int, loss: float | None = None) -> None:
        tenth = 10 * step // steps if steps else 0
        if (phase, tenth) == self._shown:
            return
        self._shown = (phase, tenth)
        if step:
            log.info("%s: step %d of %d", phase, step, steps)
        else:
            log.info("%s", phase)
