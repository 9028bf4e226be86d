"""Everything that shows epsilon names what it depends on. With a testing seed, it says that the run is not private."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, get_args

import pytest
from fedtrain_operator.coordinator.privacy_metrics import PrivacyMetrics
from fedtrain_operator.coordinator.status import of as status_of
from fedtrain_operator.kube.cache import Cache
from prometheus_client import CollectorRegistry, generate_latest
from rounds_coordinator import Coordinator
from rounds_world import FACTS, World, a_spec

from fedtrain.api.crd.document import definition
from fedtrain.api.crd.kinds import EPSILON, KINDS
from fedtrain.api.model import InitialFrom
from fedtrain.api.privacy import Privacy
from fedtrain.api.privacy_terms import terms_of
from fedtrain.manifests.privacy_ledger import Unit
from fedtrain.privacy.terms import TRUST_PROMISE, terms_of_unit
from fedtrain.results.model_card import model_card
from fedtrain.results.report import report
from fedtrain.results.report.content import content
from fedtrain.results.report.telemetry import ReportTelemetry
from fedtrain.results.series import points
from fedtrain.results.status import first_lines
from fedtrain.results.summary import summarise
from fedtrain.rounds.clock import RoundClock
from fedtrain.rounds.privacy_forecast import privacy_forecast

NOT_PRIVATE = re.compile("NOT PRIVATE|not private")


def private(unit: str, **fields: Any) -> dict[str, Any]:
    return {
        "unit": unit,
        "budget": {"epsilon": 8, "delta": 1e-5},
        "noise": {"type": "Multiplier", "multiplier": 1.0 if unit == "Participant" else 0.55},
        "clipping": {"type": "Fixed", "norm": 1.0},
    } | fields


@cache
def shown(unit: str, testing_seed: int | None = None) -> Mapping[str, str]:
    """What shows epsilon of a run that its budget ends, by place."""
    partitioning = {"strategy": "All"} if unit == "Example" else None
    seed = {} if testing_seed is None else {"testingSeed": testing_seed}
    spec = a_spec(2, rounds=9, privacy=private(unit, **seed), partitioning=partitioning)
    world = World(spec, samples={"a": 300, "b": 300})
    coordinator = Coordinator(world)
    decision = coordinator.drive()
    assert decision.phase == "Halted", decision
    summary, spec = summarise(world.open()), world.spec
    body = {"metadata": {"name": "demo", "namespace": "hub", "uid": "1", "generation": 1, "resourceVersion": "1"}}
    status = status_of({**body, "status": {}}, decision, coordinator.look(), (), RoundClock(3, 1, 0.0), (), 0.0)
    trainings = Cache()
    trainings.put({**body, "status": status})
    registry = CollectorRegistry()
    registry.register(PrivacyMetrics(trainings))
    section = report(summary, None).split("<h2>Privacy</h2>")[1].split("</section>")[0]
    return {
        "message": decision.message,
        "status": str({name: status["privacy"][name] for name in ("epsilon", "delta", "unit", "relation", "trust")})
        + str(status["privacy"]["accountant"]),
        "kubectl get": status["privacy"]["summary"],
        "metrics": "\n".join(
            line for line in generate_latest(registry).decode().splitlines() if line.startswith("fedtrain_privacy_")
        ),
        "fedtrain status": "\n".join(line for line in first_lines(summary) if line.startswith("privacy:")),
        "report": re.sub("(?s)<svg.*?</svg>", "", section),
        "model card": model_card(summary, summary.recorded[-1], "demo").split("## Privacy")[1].split("## ")[0],
        "tracker": " ".join(point.metric for point in points(summary) if "epsilon" in point.metric),
        "forecast": "\n".join(privacy_forecast(spec, FACTS, {"a": 300, "b": 300})),
    }


WORDS = {
    "Participant": ("1e-05", "participant", "zero", "hub", "exact.Gaussian"),
    "Example": ("1e-05", "row|Example", "added.or.removed", "adds(.the)?.noise", "PLD"),
}
"""Delta, unit, neighbouring relation, trust, accountant."""


@pytest.mark.parametrize("unit", get_args(Unit))
def test_every_place_that_shows_epsilon_names_its_terms(unit: str) -> None:
    for place, text in shown(unit).items():
        assert re.search("psilon|^[0-9]", text), place
        for word in WORDS[unit]:
            assert re.search(word, text, re.IGNORECASE), (place, word, text)


@pytest.mark.parametrize("unit", get_args(Unit))
def test_every_place_says_that_a_run_with_a_testing_seed_is_not_private(unit: str) -> None:
    for place, text in shown(unit, testing_seed=3).items():
        if place in ("metrics", "tracker"):
            assert text == "", "no epsilon"
            continue
        assert NOT_PRIVATE.search(text), place
        assert ".." not in re.sub(r"\.\.\.", "", text), place
        if place != "message":
            assert not re.search("epsilon [0-9]|[0-9] of 8", text), (place, text)


@pytest.mark.parametrize("unit", get_args(Unit))
def test_the_report_has_epsilon_and_signal_to_noise_by_round(unit: str) -> None:
    section = shown(unit)["report"]
    of = "signal to noise of a step&#39;s gradient by round" if unit == "Example" else "signal to noise by round"
    assert re.search(r"epsilon by round, of 8 \(delta 1e-05, .*: 0 after round 0, [0-9.]+ after round 1", section)
    assert re.search(rf"{of}: [0-9.]+ in round 1", section), section
    signal = "mean gradient of a step" if unit == "Example" else "mean update"
    assert re.search(rf"<dt>signal to noise</dt><dd>the .*{signal}", section)


def test_forecast_and_model_card_say_that_the_initial_adapter_is_not_counted() -> None:
    world = World(a_spec(2, rounds=1, privacy=private("Participant")))
    Coordinator(world).drive()
    summary, spec = summarise(world.open()), world.spec
    adapter = spec.model.adapter.model_copy(update={"initial_from": InitialFrom(uri="/x", digest=f"sha256:{64 * '0'}")})
    later = spec.model_copy(update={"model": spec.model.model_copy(update={"adapter": adapter})})
    for one, said in ((spec, False), (later, True)):
        card = model_card(replace(summary, spec=one), summary.recorded[-1], "demo")
        for text in (card, " ".join(privacy_forecast(one, FACTS))):
            assert ("is not in this epsilon. If it used the same data, add its epsilon and delta" in text) is said


def test_kubectl_get_has_a_column_with_epsilon_and_its_terms() -> None:
    training = next(kind for kind in KINDS if kind.name == "FederatedTraining")
    columns = definition(training)["spec"]["versions"][0]["additionalPrinterColumns"]
    (column,) = (one for one in columns if one["name"] == "Epsilon")
    assert column == {
        "name": "Epsilon",
        "type": "string",
        "jsonPath": ".status.privacy.summary",
        "description": EPSILON,
    }, "and no priority: kubectl shows columns with one only with -o wide"
    for word in ("delta", "unit", "neighbouring relation", "trusted", "accountant"):
        assert word in EPSILON


@pytest.mark.parametrize(
    ("clipping", "noise", "trust"),
    [
        ("Server", "Server", "hub trusted"),
        ("Client", "Server", "hub trusted with clipped updates"),
        ("Client", "Client", "all but one participant trusted"),
    ],
)
def test_the_terms_name_whom_each_mode_trusts(clipping: str, noise: str, trust: str) -> None:
    block = private("Participant", clipping={"type": "Fixed", "norm": 1.0, "location": clipping})
    block["noise"]["location"] = noise
    found = terms_of(Privacy.model_validate(block)).in_short
    assert found == f"delta 1e-05, unit Participant, update zeroed, {trust}, exact Gaussian"
    assert "promised noise trusted" in terms_of_unit("Participant", 1e-5, TRUST_PROMISE).in_short


def test_the_page_has_the_terms_of_the_status() -> None:
    world = World(a_spec(2, rounds=1, privacy=private("Participant")))
    Coordinator(world).drive()
    summary = summarise(world.open())
    assert summary.privacy is not None
    facts = dict(content(summary, None, ReportTelemetry())["privacy_facts"])
    for name in ("protected", "neighbouring relation", "trust", "accountant"):
        assert facts[name] in summary.privacy.text
    assert f"at delta {facts['delta']};" in summary.privacy.text
