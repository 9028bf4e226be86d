"""A scrape reads loops and caches in a thread of its own while the event loop changes them."""

import asyncio
import threading

import pytest
from fedtrain_operator.coordinator.metrics import TrainingMetrics
from fedtrain_operator.coordinator.progress import Progress
from fedtrain_operator.coordinator.refusals import Refusals
from fedtrain_operator.kube import loops as loops_module
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.client import Cluster
from fedtrain_operator.kube.loops import Loops, Next
from fedtrain_operator.kube.metrics import OperatorMetrics
from prometheus_client import CollectorRegistry, generate_latest

from fedtrain.manifests.kinds import Ref


class _Interrupted(loops_module._Loop):  # pyright: ignore[reportPrivateUsage]
    """A loop at whose read the event loop's thread gets its turn, and adds an object."""

    def __getattribute__(self, name: str) -> object:
        if name in ("since", "passed") and threading.current_thread().name == "scrape":
            turns.put()
        return super().__getattribute__(name)


class _Turns:
    def __init__(self) -> None:
        self.loops: Loops | None = None
        self.count = 0

    def put(self) -> None:
        assert self.loops is not None
        known = self.loops._loops  # pyright: ignore[reportPrivateUsage]
        self.count += 1
        name = Ref("hub", f"added-{self.count}")
        adding = threading.Thread(target=lambda: known.setdefault(name, _Interrupted(asyncio.Event())))
        adding.start()
        adding.join()


turns = _Turns()


async def never(ref: Ref) -> Next:
    return Next()


def test_objects_that_appear_during_a_scrape_do_not_break_it() -> None:
    loops = turns.loops = Loops("training", never, 60.0)
    known = loops._loops  # pyright: ignore[reportPrivateUsage]
    known |= {Ref("hub", f"t-{n}"): _Interrupted(asyncio.Event()) for n in range(3)}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(OperatorMetrics(Cluster(lambda: pytest.fail("no request")), {"coordinator": loops}))
    text: list[bytes] = []
    scrape = threading.Thread(target=lambda: text.append(generate_latest(registry)), name="scrape")
    scrape.start()
    scrape.join()
    assert turns.count > 0
    assert b"fedtrain_objects" in text[0]


class _Training:
    def __init__(self, since: float | None, *refused: str) -> None:
        self.progress, self.refusals = Progress(since, 0.0), Refusals()
        for who in refused:
            self.refusals.note(who, "create its task", ApiError(403, "Forbidden", "no"), 0.0)


def test_the_oldest_lack_of_progress_and_refused_participants_are_counted_over_all_trainings() -> None:
    trainings = {
        Ref("hub", "moves"): _Training(90.0),
        Ref("hub", "stands"): _Training(40.0, "bank-a", "bank-b"),
        Ref("hub", "ended"): _Training(None, "bank-b"),
    }
    found = {family.name: family.samples[0].value for family in TrainingMetrics(trainings, lambda: 100.0).collect()}
    assert found == {"fedtrain_training_no_progress_seconds": 60.0, "fedtrain_refused_participants": 3}
