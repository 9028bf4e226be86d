"""Progress in the log of a pod or a worker: a line when a phase begins, and one for each tenth of its steps."""

import logging

from fedtrain_trainer.log_tail import Local

log = logging.getLogger("fedtrain.trainer")


class ProgressLog:
    """A Progress. Losses stay in the participant's own log: with differential privacy, a tail of the log would publish
    them without noise."""

    def __init__(self) -> None:
        self._shown: tuple[str, int] = ("", 0)

    def __call__(self, phase: str, step: int, steps: int, loss: float | None = None) -> None:
        tenth = 10 * step // steps if steps else 0
        if (phase, tenth) == self._shown:
            return
        self._shown = (phase, tenth)
        if step:
            log.info(
                "%s: step %d of %d%s", phase, step, steps, Local("" if loss is None else f", mean loss {loss:.4f}")
            )
        else:
            log.info("%s", phase)
