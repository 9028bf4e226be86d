"""Every interleaving of crashes and of lost, doubled, late and bad tasks ends in a sound ledger.

Two coordinators with executors of their own share a ledger. Tasks fail, hang, die without a record, leave a record
without its file, write when they should be gone, or write twice; coordinators decide on what they saw long ago and
die between any two actions; the run is suspended, fails, and is resumed. Then the faults stop, and the run must end.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rounds_audit import audit_chain, audit_claim
from rounds_coordinator import Coordinator, drive
from rounds_world import Flaw, World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.records import Plan
from fedtrain.contracts.run_end import End, Failure
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.rounds.decision import FINISHED, STOPPED, TERMINAL
from fedtrain.rounds.snapshot import TaskKey

WHICH = st.integers(0, 1)
PICK = st.integers(0, 7)
FLAWS: st.SearchStrategy[Flaw] = st.sampled_from(("", "", "poison", "poison", "no file", "short file"))
PARTITIONINGS = (
    {"strategy": "FixedSize", "fixedSize": {"samples": 4}},
    {"strategy": "FixedSize", "fixedSize": {"samples": 7}, "onExhausted": "Clip"},
    {"strategy": "Percentage", "percentage": {"percent": 60.0}, "onExhausted": "Idle"},
    {"strategy": "All"},
)


class RoundsMachine(RuleBasedStateMachine):
    @initialize(
        participants=st.integers(1, 3),
        minimum=st.none() | st.integers(1, 2),
        rounds=st.integers(1, 3),
        retries=st.integers(0, 2),
        below=st.sampled_from(("Fail", "Skip")),
        hub=st.booleans(),
        measured=st.booleans(),
        partitioning=st.sampled_from(PARTITIONINGS),
        samples=st.lists(st.sampled_from((20, 20, 20, 9, 1, 0)), min_size=3, max_size=3),
        progress=st.sampled_from((0, 4, 8, 12, 20)),
        flaws=st.lists(FLAWS, max_size=3),
        ending=st.sampled_from(("fair", "hanging", "together")),
    )
    def begin(
        self,
        participants: int,
        minimum: int | None,
        rounds: int,
        retries: int,
        below: str,
        hub: bool,
        measured: bool,
        partitioning: dict[str, object],
        samples: list[int],
        progress: int,
        flaws: list[Flaw],
        ending: str,
    ) -> None:
        spec = a_spec(
            participants,
            rounds=rounds,
            minimum=min(minimum, participants) if minimum else None,
            retries=retries,
            below=below,
            hub=hub,
            measured=measured,
            partitioning=partitioning,
        )
        self.world = World(spec, dict(zip("abc", samples, strict=True)))
        self.coordinators = [Coordinator(self.world), Coordinator(self.world)]
        self.ending = ending
        self.audited = [0, 0]
        self.objects = 0
        self.coordinators[0].work_on(progress, flaws)

    # The coordinators.

    @rule(which=WHICH)
    def look(self, which: int) -> None:
        self.coordinators[which].look()

    @rule(which=WHICH)
    def act(self, which: int) -> None:
        """On what it saw last, however long ago."""
        self.coordinators[which].act()

    @rule(which=WHICH, survives=st.integers(0, 3), keep_elapsed=st.booleans())
    def act_and_die(self, which: int, survives: int, keep_elapsed: bool) -> None:
        """It dies after `survives` actions."""
        self.coordinators[which].act(actions=survives)
        self.coordinators[which].crash(keep_elapsed=keep_elapsed)

    @rule(which=WHICH, steps=st.integers(1, 20), flaws=st.lists(FLAWS, max_size=4))
    def work_on(self, which: int, steps: int, flaws: list[Flaw]) -> None:
        """So many steps in which all tasks end, the first to train with these flaws: trouble comes late in runs too."""
        self.coordinators[which].work_on(steps, flaws)

    @rule(seconds=st.sampled_from((0.5, 2.0, 2.0, 40.0, 101.0)))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds
        for coordinator in self.coordinators:
            coordinator.pass_time(seconds)

    @rule(which=WHICH, who=st.sampled_from("abc"))
    def miss_or_send_heartbeats(self, which: int, who: str) -> None:
        silent = self.coordinators[which].silent
        if silent.pop(who, None) is None:
            silent[who] = "2025-06-01T12:00:00Z"

    @rule(which=WHICH, who=st.sampled_from("abc"))
    def delete_or_create_the_namespace(self, which: int, who: str) -> None:
        refusing = self.coordinators[which].refusing
        if refusing.pop(who, None) is None:
            refusing[who] = '404 NotFound: namespaces "at-bank" not found'

    # The user.

    @rule(which=WHICH)
    def suspend_for_a_while(self, which: int) -> None:
        coordinator = self.coordinators[which]
        coordinator.suspended = True
        phase = coordinator.step().phase
        assert phase in STOPPED
        assert phase in FINISHED or not coordinator.orders  # at the end of a run, tasks with a record end by themselves
        coordinator.wait(1000.0)
        coordinator.suspended = False

    @precondition(lambda self: self.failed())
    @rule()
    def go_on(self) -> None:
        for coordinator in self.coordinators:
            coordinator.go_on()

    def failed(self) -> bool:
        acknowledged = self.coordinators[0].acknowledged
        return self.world.ledger.read(names.failure(acknowledged + 1), Failure) is not None

    # The tasks.

    @property
    def running(self) -> list[tuple[Coordinator, TaskKey]]:
        return [(coordinator, key) for coordinator in self.coordinators for key in coordinator.running()]

    @precondition(lambda self: self.running)
    @rule(pick=PICK, flaw=FLAWS)
    def finish(self, pick: int, flaw: Flaw) -> None:
        coordinator, key = self.running[pick % len(self.running)]
        coordinator.finish(key, flaw)

    @precondition(lambda self: self.running)
    @rule(pick=PICK, retryable=st.booleans())
    def lose(self, pick: int, retryable: bool) -> None:
        coordinator, key = self.running[pick % len(self.running)]
        coordinator.lose(key, retryable=retryable)

    @precondition(lambda self: self.running)
    @rule(pick=PICK)
    def vanish(self, pick: int) -> None:
        coordinator, key = self.running[pick % len(self.running)]
        coordinator.vanish(key)

    @precondition(lambda self: self.running)
    @rule(pick=PICK, flaw=FLAWS)
    def write_and_linger(self, pick: int, flaw: Flaw) -> None:
        """It has written its record, and runs on."""
        coordinator, key = self.running[pick % len(self.running)]
        self.world.execute(key, coordinator.orders[key], flaw)

    @precondition(lambda self: any(coordinator.strays for coordinator in self.coordinators))
    @rule(pick=PICK, flaw=FLAWS)
    def stray(self, pick: int, flaw: Flaw) -> None:
        """A task that was cancelled or lost writes all the same."""
        strays = [stray for coordinator in self.coordinators for stray in coordinator.strays]
        self.world.execute(*strays[-1 - pick % len(strays)], flaw)

    # What must hold.

    @invariant()
    def the_ledger_is_sound(self) -> None:
        for index, coordinator in enumerate(self.coordinators):
            for snapshot, claim in coordinator.claims[self.audited[index] :]:
                audit_claim(self.world, snapshot, claim)
            self.audited[index] = len(coordinator.claims)
        if self.objects != len(self.world.store.objects):
            self.objects = len(self.world.store.objects)
            audit_chain(self.world)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        for coordinator in self.coordinators:
            coordinator.snapshot = None
            coordinator.refusing.clear()
        driven = self.coordinators if self.ending == "together" else self.coordinators[:1]
        last = drive(driven, hanging=self.ending == "hanging")
        # What was left behind may fail it a few times more: every one of these failures uses up some of it.
        for _ in range(12):
            self.the_ledger_is_sound()
            assert last.phase in TERMINAL
            if last.phase == "Succeeded" or self.hopeless():
                break
            for coordinator in driven:
                coordinator.go_on()
            last = drive(driven)
        if last.phase == "Failed":
            assert last.message
            assert self.hopeless(), last.message
        else:
            assert self.world.ledger.read(names.END, End) is not None
            assert any(manifest.outcome == "Committed" for manifest in self.world.manifests())

    def hopeless(self) -> bool:
        """Whether no further try can help: too little data, or nothing left to commit."""
        spec, manifests = self.world.spec, self.world.manifests()
        if len(manifests) > spec.rounds.count:
            return all(manifest.outcome != "Committed" for manifest in manifests)
        plan = self.world.ledger.read(names.plan(len(manifests)), Plan)
        if plan is not None:
            return len(plan.members) < spec.minimum
        counted = [self.world.ledger.read(names.preflight(p.name), Preflight) for p in spec.participants]
        return sum(found is None or found.samples > 0 for found in counted) < spec.minimum


TestRoundsMachine = RoundsMachine.TestCase
TestRoundsMachine.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
