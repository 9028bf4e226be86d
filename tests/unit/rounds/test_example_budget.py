"""`privacy.unit: Example`: noise and budget of each participant, from its own number of rows."""

import re
from typing import Any

import pytest
from rounds_coordinator import Coordinator
from rounds_world import FACTS, World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.privacy_blocks import ExampleNoise
from fedtrain.contracts.records import Manifest, Plan
from fedtrain.contracts.tasks import Train
from fedtrain.ledger.verify import verify
from fedtrain.privacy.accounting import Poisson, Release, epsilon
from fedtrain.results.model_card import model_card
from fedtrain.results.summary import summarise
from fedtrain.rounds.privacy_forecast import privacy_forecast

DELTA = 1e-5
RATES = {"a": 32 / 500, "b": 32 / 2000}


def private(multiplier: float | None = None, budget: float = 8.0, **fields: Any) -> dict[str, Any]:
    noise = {"type": "Budget"} if multiplier is None else {"type": "Multiplier", "multiplier": multiplier}
    return {
        "unit": "Example",
        "budget": {"epsilon": budget, "delta": DELTA},
        "noise": noise,
        "clipping": {"type": "Fixed", "norm": 0.5},
    } | fields


def a_world(privacy: dict[str, Any], rows: dict[str, int] | None = None, **fields: Any) -> World:
    """Batches of 32, two steps a round."""
    spec = a_spec(2, partitioning={"strategy": "All"}, privacy=privacy, **fields)
    return World(spec, samples=rows or {"a": 500, "b": 2000})


def spent(manifest: Manifest) -> dict[str, int]:
    assert manifest.privacy is not None
    return {one.participant: one.steps for one in manifest.privacy.participants}


def noises(world: World, round: int) -> dict[str, ExampleNoise | None]:
    plan = world.open().read(names.plan(round), Plan)
    assert plan is not None
    return {member.participant: member.example_noise for member in plan.members}


def test_each_participant_gets_the_noise_with_which_its_rows_spend_the_budget() -> None:
    world = a_world(private(), rounds=3)
    assert Coordinator(world).drive().phase == "Succeeded"
    planned = noises(world, 1)
    for who, rate in RATES.items():
        noise = planned[who]
        assert noise is not None
        assert (noise.probability, noise.batch, noise.steps, noise.bound) == (rate, 32, 2, 0.5)
        assert epsilon({Release(noise.multiplier, Poisson(rate)): 6}, DELTA) == pytest.approx(8.0, rel=1e-3)
    assert spent(world.manifests()[-1]) == {"a": 6, "b": 6}
    assert not [found for found in verify(world.open()).findings if "privacy" in found.problem]


def test_the_task_says_how_to_sample_clip_and_noise() -> None:
    coordinator = Coordinator(a_world(private(1.0, testingSeed=3)))
    coordinator.until("Training")
    for key in coordinator.running():
        work = getattr(coordinator.orders[key], "work", None)
        if isinstance(work, Train):
            assert work.example_noise == noises(coordinator.world, 1)[key.who]
            assert work.testing_seed == 3


def test_a_participant_whose_budget_is_exhausted_sits_out_and_the_others_continue() -> None:
    """Each of 500 rows is sampled four times as often as each of 2000. The budget of a is just below three rounds: with
    another sampling rate, a third round would seem to fit."""
    one, budget = (epsilon({Release(0.7, Poisson(RATES["a"])): steps}, DELTA) for steps in (4, 6))
    world = a_world(private(0.7, budget=budget * 0.999), rounds=4, minimum=1)
    assert Coordinator(world).drive().phase == "Succeeded"
    assert spent(world.manifests()[-1]) == {"a": 4, "b": 8}
    assert list(noises(world, 3)) == ["b"]
    plan = world.open().read(names.plan(3), Plan)
    assert plan is not None
    assert plan.absent[0].reason.startswith(
        f"its privacy budget is exhausted: epsilon {one:.4g} is spent, 2 more steps"
    )


def test_the_round_that_fewer_can_afford_than_it_needs_never_starts() -> None:
    one = epsilon({Release(0.7, Poisson(RATES["a"])): 4}, DELTA)
    world = a_world(private(0.7, budget=one * 1.01), rounds=4)
    decision = Coordinator(world).drive()
    assert decision.phase == "Halted"
    assert decision.message.startswith("a: its privacy budget is exhausted")
    assert decision.message.count("delta 1e-05, unit Example") == 1
    assert world.open().names("rounds/0003/") == []


def test_a_participant_without_rows_is_not_one_that_can_afford_the_next_round() -> None:
    one = epsilon({Release(0.7, Poisson(RATES["a"])): 4}, DELTA)
    spec = a_spec(3, rounds=4, minimum=2, partitioning={"strategy": "All"}, privacy=private(0.7, budget=one * 1.01))
    decision = Coordinator(World(spec, samples={"a": 500, "b": 2000, "c": 0})).drive()
    assert decision.phase == "Halted"
    assert decision.message.startswith("a: its privacy budget is exhausted")


def test_each_attempt_that_was_issued_counts_and_none_is_granted_beyond_the_budget() -> None:
    one = epsilon({Release(0.7, Poisson(RATES["a"])): 4}, DELTA)
    world = a_world(private(0.7, budget=one * 1.01), rounds=4, minimum=1, retries=5)
    coordinator = Coordinator(world)
    for _ in range(2):  # two attempts of a, two rounds' worth
        coordinator.until("Training")
        key = next(key for key in coordinator.running() if key.who == "a")
        coordinator.lose(key)
        coordinator.wait(4)
        coordinator.step()
    assert coordinator.drive().phase == "Succeeded"
    first = world.manifests()[1]
    assert spent(first) == {"a": 4, "b": 2}
    assert first.absent[0].reason.startswith("no further attempt fits into its privacy budget")
    assert first.absent[0].code == "BudgetExhausted"
    assert not [found for found in verify(world.open()).findings if "privacy" in found.problem]


def test_verify_finds_a_manifest_that_forgets_steps() -> None:
    world = a_world(private(1.0), rounds=1)
    Coordinator(world).drive()
    newest = world.manifests()[-1]
    assert newest.privacy is not None
    forged = newest.model_copy(update={"privacy": newest.privacy.model_copy(update={"participants": ()})})
    world.store.objects[f"default/demo/{names.manifest(1)}"] = canonical(forged)
    assert any("releases of participants" in found.problem for found in verify(world.open()).findings)


def test_epsilon_is_shown_for_each_participant_with_its_terms() -> None:
    world = a_world(private(1.0), rounds=2)
    Coordinator(world).drive()
    summary = summarise(world.open())
    found = {who: epsilon({Release(1.0, Poisson(rate)): 4}, DELTA) for who, rate in RATES.items()}
    assert summary.privacy is not None
    assert summary.privacy.epsilon == found["a"]
    assert summary.privacy.text == (
        f"epsilon {found['a']:.3g} of 8 at delta 1e-05; protects one row of one participant (one training row of one "
        "participant added or removed; the number of rows is public); each participant adds the noise "
        "itself; accountant: PLD, rows sampled independently in each step; "
        f"by participant: a {found['a']:.3g}, b {found['b']:.3g}"
    )
    card = model_card(summary, summary.rounds[-1], "adapter")
    assert f"| epsilon by participant | a {found['a']:.3g}, b {found['b']:.3g} |" in card


def test_a_testing_seed_shows_no_epsilon() -> None:
    world = a_world(private(1.0, testingSeed=3), rounds=1)
    Coordinator(world).drive()
    loss = summarise(world.open()).privacy
    assert loss is not None
    assert loss.text.startswith("NOT PRIVATE")
    assert (loss.epsilon, loss.participants) == (None, {})


@pytest.mark.parametrize(
    ("rows", "privacy", "reason"),
    [
        (
            {"a": 200_000, "b": 2000},
            private(1.0),
            "delta is 1e-05, but must be less than 1 / 200000. Set it to 1e-07 or less",
        ),
        ({"a": 500, "b": 2000}, private(0.5, budget=1.0), "one round (2 steps) costs epsilon"),
        (
            {"a": 500, "b": 2000},
            private(budget=1e-6),
            "above 1000, which leaves nothing of the updates. Raise epsilon to at least ",
        ),
        (
            {"a": 1, "b": 2000},
            private(1.0),
            "it has 1 training row, and the noise that hides a row leaves",
        ),
    ],
)
def test_a_budget_that_cannot_be_met_ends_the_run_with_the_reason(
    rows: dict[str, int], privacy: dict[str, Any], reason: str
) -> None:
    decision = Coordinator(a_world(privacy, rows)).drive()
    assert decision.phase == "Failed"
    assert re.match("a(, b)?: its privacy budget cannot be met: ", decision.message)
    assert ".;" not in decision.message
    assert reason in decision.message


def test_the_forecast_names_each_participants_noise_and_the_rounds_it_affords() -> None:
    one = epsilon({Release(0.7, Poisson(RATES["a"])): 4}, DELTA)
    spec = a_world(private(0.7, budget=one * 1.01), rounds=4).spec
    lines = privacy_forecast(spec, FACTS, {"a": 500, "b": 2000})
    assert "rounding is not in this epsilon. Set `training.precision: FP32`" in lines[1]
    lines = (lines[0], *lines[2:])
    assert "by participant: a" in lines[0]
    assert "a: noise multiplier 0.7, 2 steps a round with 32 of 500 rows on average" in lines[1]
    assert "The budget of a allows 2 of 4 rounds; it sits out the rest." in lines
    assert lines[-1].startswith("The mean gradient of a step may be 14.5 times as large as the noise on it (32 rows a")
    assert privacy_forecast(spec, FACTS) == (
        "Privacy: the epsilon of each participant depends on the number of its training rows, which is not known here. "
        "`fedtrain plan` counts them.",
    )


def test_the_forecast_warns_of_noise_that_exceeds_a_steps_gradient_and_says_what_helps() -> None:
    facts = FACTS.model_copy(update={"adapter_parameters": 10_000})
    lines = privacy_forecast(a_world(private(1.0)).spec, facts, {"a": 500, "b": 2000})
    assert lines[-1] == (
        "Warning: the noise on a step's mean gradient is up to 3.12 times as large as the largest possible gradient "
        "(32 rows a step, about 10,000 trained values). It averages out over many steps only. What helps: "
        "training.batchSize: 100 makes the noise only as large as the gradient (noise multiplier 1); "
        "aggregation.merge: FreezeA divides "
        "the noise by about 1.4; half of adapter.rank divides it by 1.4; more rows."
    )


@pytest.mark.parametrize(
    ("values", "batch", "advice"),
    [
        (400_000, 20, "training.batchSize: 60, all training rows of b, makes it "),
        (400_000, 60, "not a larger training.batchSize: a step has all 60 training rows of b; "),
        (1_000, 20, "training.batchSize: "),
    ],
    ids=["all rows", "no more rows", "enough rows"],
)
def test_the_forecast_advises_a_batch_that_the_rows_allow(values: int, batch: int, advice: str) -> None:
    """With the noise that the larger batch needs: the forecast of the advised batch agrees."""

    def forecast(batch: int) -> str:
        changed = spec.model_copy(update={"training": spec.training.model_copy(update={"batch_size": batch})})
        return privacy_forecast(changed, facts, {"b": 60})[-1]

    facts, spec = FACTS.model_copy(update={"adapter_parameters": values}), a_world(private(), rounds=1).spec
    before, helps, advised = forecast(batch).partition(f"What helps: {advice}")
    assert helps, before
    if advice.endswith("makes it "):
        assert f"is up to {advised.partition(' ')[0]} times as large" in forecast(60)
    elif advice == "training.batchSize: ":
        assert advised.split()[1:4] == ["makes", "the", "noise"]
        assert forecast(int(advised.split()[0])).startswith("The mean gradient of a step may be ")
