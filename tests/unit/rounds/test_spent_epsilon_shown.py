"""Epsilon is shown with all that it depends on, and `ledger verify` checks the count of draws."""

import json
from dataclasses import replace
from typing import Any

import pytest
from markupsafe import escape
from rounds_coordinator import Coordinator
from rounds_world import FACTS, World, a_spec

from fedtrain.contracts import names
from fedtrain.contracts.as_json import as_json
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import Releases
from fedtrain.contracts.records import Manifest, Plan
from fedtrain.ledger.verify import verify
from fedtrain.privacy.accounting import AccountingError, Release, epsilon
from fedtrain.results.model_card import model_card
from fedtrain.results.privacy_facts import privacy_facts
from fedtrain.results.report import report
from fedtrain.results.report.figures import privacy_figures
from fedtrain.results.series import points
from fedtrain.results.status import first_lines, rounds_table
from fedtrain.results.summary import summarise
from fedtrain.results.tracking.tracker import settings
from fedtrain.rounds import spent_epsilon
from fedtrain.rounds.privacy_forecast import privacy_forecast

TERMS = (
    "at delta 1e-05; protects all data of one participant (one participant's update replaced by zeros, in every "
    "round); participants trust the hub with their updates; accountant: exact Gaussian"
)

IN_SHORT = "delta 1e-05, unit Participant, update zeroed, hub trusted, exact Gaussian"


def private(**fields: Any) -> dict[str, Any]:
    return {
        "unit": "Participant",
        "budget": {"epsilon": 8, "delta": 1e-5},
        "noise": {"type": "Multiplier", "multiplier": 1.0},
        "clipping": {"type": "Fixed", "norm": 1.0},
    } | fields


def halted(**fields: Any) -> World:
    world = World(a_spec(2, rounds=5, privacy=private(**fields)))
    assert Coordinator(world).drive().phase == "Halted"
    return world


def test_a_summary_has_the_loss_by_round_and_of_the_run() -> None:
    summary = summarise(halted().open())
    assert (summary.phase, summary.rounds_done) == ("Halted", 2)
    assert summary.message.startswith("the privacy budget is exhausted")
    assert [round.epsilon for round in summary.rounds] == pytest.approx([0, 4.377, 6.573], abs=1e-3)
    assert summary.privacy is not None
    assert summary.privacy.text == f"epsilon 6.57 of 8 {TERMS}"
    assert summary.privacy.ratio == pytest.approx(2 / 10**0.5)
    assert as_json(summary)["privacy"]["delta"] == 1e-5


def test_the_trust_depends_on_who_clips_and_who_adds_the_noise() -> None:
    clipped = summarise(halted(clipping=SHARED["clipping"]).open()).privacy
    shared = summarise(halted(**SHARED).open()).privacy
    assert clipped is not None
    assert shared is not None
    assert "participants trust the hub with their clipped updates, and to add the noise" in clipped.text
    assert clipped.towards_hub is None
    assert "participants trust all but one of a round's participants to add their shares" in shared.text
    assert shared.towards_hub == pytest.approx(6.573, abs=1e-3), "with two updates, a share is the whole noise"
    assert shared.epsilon == shared.towards_hub
    assert shared.ratio == pytest.approx(2 / 10**0.5 / 2**0.5), "two shares, each the whole noise"
    assert "epsilon 6.57 of 8 at delta 1e-05; epsilon 6.57 towards the hub; protects" in shared.text


SHARED = {
    "clipping": {"type": "Fixed", "norm": 1.0, "location": "Client"},
    "noise": {"type": "Multiplier", "multiplier": 1.0, "location": "Client"},
}


def test_an_untrusted_hub_sees_the_update_of_each_attempt() -> None:
    """On GPUs, a retried attempt has other values, and so other noise."""
    world = World(a_spec(2, rounds=5, retries=1, privacy=private(**SHARED)))
    coordinator = Coordinator(world)
    coordinator.until("Training")
    coordinator.lose(coordinator.running()[0])
    coordinator.wait(4)
    coordinator.step()
    assert coordinator.drive().phase == "Halted"
    ledger = world.open()
    manifest, plan = ledger.read(names.manifest(2), Manifest), ledger.read(names.plan(2), Plan)
    assert manifest is not None
    assert manifest.privacy is not None
    assert sorted(one.steps for one in manifest.privacy.participants) == [2, 3]
    closed, opened = (spent_epsilon.loss_after(world.spec, manifest, plan=current) for current in (None, plan))
    assert closed is not None
    assert opened is not None
    assert closed.epsilon == opened.epsilon, "no noise is drawn for the sum yet"
    for loss, updates in ((closed, 3), (opened, 4)):
        assert loss.towards_hub == pytest.approx(epsilon({Release(1.0): updates}, 1e-5))
    assert not [found for found in verify(ledger).findings if "privacy" in found.problem]


def test_there_is_no_epsilon_towards_the_hub_if_delta_does_not_cover_the_reach_of_a_share() -> None:
    """With z = 1 and 26 participants, 1.8e-4 of the outputs of a share have no neighbour."""
    few, many = (
        spent_epsilon.loss_of(a_spec(count, minimum=count, privacy=private(**SHARED)), {Release(1.0): 1}, None)
        for count in (10, 26)
    )
    assert few is not None
    assert many is not None
    assert few.towards_hub == pytest.approx(epsilon({Release(1 / 3): 1}, 1e-5))
    assert many.towards_hub is None
    assert "no epsilon towards the hub, because the shares of the noise are too small for this delta" in many.text
    assert many.hub_text == "none, because the shares of the noise are too small for this delta"


def test_a_model_card_has_the_epsilon_towards_a_hub_that_is_not_trusted() -> None:
    trusted, shared = (summarise(one.open()) for one in (halted(), halted(**SHARED)))
    assert "| epsilon towards the hub | 6.57 |" in model_card(shared, shared.rounds[-1], "adapter")
    assert "towards the hub" not in model_card(trusted, trusted.rounds[-1], "adapter")


def test_the_report_shows_epsilon_and_signal_to_noise_by_round() -> None:
    summary = summarise(halted().open())
    assert summary.rounds[0].signal_to_noise is None
    assert summary.rounds[1].signal_to_noise == pytest.approx(1 / 10**0.5), "bound 1 over noise 1 on each of 10 values"
    found = privacy_figures(summary)
    assert [figure.alt for figure in found] == [
        f"epsilon by round, of 8 ({IN_SHORT}): 0 after round 0, 4.38 after round 1 and 6.57 after round 2",
        "signal to noise by round: 0.316 in round 1 and 0.632 in round 2",
    ]
    assert privacy_figures(summarise(halted(testingSeed=1, budget={"epsilon": 8, "delta": 1e-5}).open())) == []


def test_status_and_model_card_name_the_terms() -> None:
    summary = summarise(halted().open())
    assert f"privacy: epsilon 6.57 of 8 {TERMS}" in first_lines(summary)
    table = rounds_table(summary)
    assert table.head[-1] == "epsilon (delta 1e-05)"
    assert [row[-1] for row in table.rows] == ["0", "4.38", "6.57"]
    card = model_card(summary, summary.round(2), "demo")
    section = card.split("## Privacy")[1].split("## Training")[0]
    for term in ("6.573 (budget 8)", "1e-05", "all data of one participant", "replaced by zeros", "trust the hub"):
        assert term in section
    assert "exact Gaussian" in section


def test_report_and_model_card_explain_epsilon_with_the_same_facts() -> None:
    summary = summarise(halted().open())
    html, card = report(summary, None), model_card(summary, summary.round(2), "demo")
    for name, value in privacy_facts(summary):
        assert f"<dt>{name}</dt><dd>{escape(value)}</dd>" in html
        assert f"| {name} | {value} |" in card
    for text, page in ((html, "report"), (card, "card")):
        assert "limit how much they reveal about all data of one participant, and smaller is safer" in text
        assert f"Losses, row counts and metrics in this {page} were not protected by noise." in text
    assert "NOT PRIVATE" in report(summarise(halted(testingSeed=3).open()), None)


def test_what_is_not_sent_with_unit_example_is_not_said_to_be() -> None:
    summary = summarise(halted().open())
    rows = a_spec(2, rounds=5, privacy=private(unit="Example"), partitioning={"strategy": "All"})
    for one, sent, losses in (
        (summary, "adapter weights, row counts, losses and metrics", "train loss: mean over the accepted updates."),
        (
            replace(summary, spec=rows),
            "noisy adapter weights and row counts",
            "train loss: not sent with privacy.unit Example.",
        ),
    ):
        assert f"; {sent} were exchanged." in model_card(one, one.round(2), "demo")
        assert losses in rounds_table(one).legend


def test_the_axis_of_signal_to_noise_has_plain_numbers() -> None:
    (drawn,) = (figure.svg for figure in privacy_figures(summarise(halted().open())) if "signal" in figure.alt)
    assert "times" not in drawn
    assert "10^" not in drawn


def test_tables_and_trackers_name_the_terms() -> None:
    summary = summarise(halted().open())
    found = {point.metric: point.value for point in points(summary) if "epsilon" in point.metric}
    assert found == {
        "epsilon.delta-1e-05.unit-Participant.update-zeroed.hub-trusted.exact-Gaussian": pytest.approx(6.573, abs=1e-3)
    }
    assert settings(summary)["privacy"] == TERMS.removeprefix("at ")
    seeded = summarise(halted(testingSeed=3).open())
    assert not [point for point in points(seeded) if "epsilon" in point.metric]
    assert str(settings(seeded)["privacy"]).startswith("NOT PRIVATE")


def test_a_draw_of_an_open_round_counts() -> None:
    world = World(a_spec(2, rounds=1, privacy=private()))
    coordinator = Coordinator(world)
    coordinator.until("Aggregating")
    world.draw(1, 1, 1.0)
    summary = summarise(world.open())
    assert summary.privacy is not None
    assert summary.privacy.epsilon == pytest.approx(4.377, abs=1e-3)


def test_a_run_with_a_testing_seed_is_called_not_private_everywhere() -> None:
    summary = summarise(halted(testingSeed=3).open())
    assert summary.privacy is not None
    assert summary.privacy.spent == "not private (testingSeed)"
    assert any(line.startswith("privacy: NOT PRIVATE") for line in first_lines(summary))
    assert {row[-1] for row in rounds_table(summary).rows} == {"not private"}
    card = model_card(summary, summary.round(2), "demo")
    assert "NOT PRIVATE" in card
    assert "| epsilon |" not in card
    assert [line for line in card.splitlines() if "epsilon" in line and "NOT PRIVATE" not in line] == []
    assert "NOT PRIVATE" in privacy_forecast(summary.spec, FACTS)[0]


def test_an_epsilon_that_cannot_be_computed_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    world = halted()

    def fails(*arguments: object) -> float:
        raise AccountingError("install it")

    monkeypatch.setattr(spent_epsilon, "epsilon", fails)
    summary = summarise(world.open())
    assert summary.privacy is not None
    assert summary.privacy.text.startswith("epsilon unknown (install it) at delta")
    assert summary.privacy.spent == "unknown"


def test_a_run_without_privacy_shows_none() -> None:
    spec = a_spec(2)
    assert privacy_forecast(spec, FACTS) == ()
    assert spent_epsilon.loss_of(spec, {}, None) is None


def _findings(world: World) -> list[str]:
    found = verify(world.open()).findings
    return [str(finding) for finding in found if "spend" in str(finding) or "privacy" in str(finding)]


def _edit(world: World, name: str, record: Manifest) -> None:
    world.store.replace(f"default/demo/{name}", canonical(record))


def test_verify_accepts_the_count_of_a_sound_run() -> None:
    assert _findings(halted()) == []


def test_verify_finds_a_manifest_that_forgets_a_draw() -> None:
    world = halted()
    manifest = world.manifests()[2]
    assert manifest.privacy is not None
    forgot = manifest.privacy.model_copy(update={"spent": (Releases(multiplier=1.0, count=1),)})
    _edit(world, names.manifest(2), manifest.model_copy(update={"privacy": forgot}))
    assert any("count of noise draws" in finding for finding in _findings(world))


def test_verify_finds_a_spend_that_was_deleted_or_changed() -> None:
    world = halted()
    world.store.delete(f"default/demo/{names.spend(1, 1)}")
    assert any("spend-1.json" in finding and "missing" in finding for finding in _findings(world))
    world = halted()
    world.store.delete(f"default/demo/{names.spend(1, 1)}")
    other = Spend(run_id=world.run.run_id, round=1, k=1, multiplier=1.0, seed="1" * 64)
    world.store.create(f"default/demo/{names.spend(1, 1)}", canonical(other))
    assert any("is not the record that" in finding for finding in _findings(world))


def test_seeds_are_in_no_summary_or_finding() -> None:
    world = halted()
    seed = "0" * 64
    assert seed not in json.dumps(as_json(summarise(world.open())), default=str).replace("blake3:" + seed, "")
    assert seed not in repr(Coordinator(world).look())


def test_the_forecast_says_what_the_budget_allows_and_warns_of_noise() -> None:
    spec = a_spec(4, rounds=20, privacy=private(noise={"type": "Budget"}))
    facts = FACTS.model_copy(update={"adapter_parameters": 58_000})
    cost, noise = privacy_forecast(spec, facts)
    assert cost == f"Privacy after 20 rounds with noise multiplier 2.684: epsilon 8 of 8 {TERMS}."
    assert "162 times as large as the largest possible mean update (4 participants, about 58,000" in noise
    assert "with about 647 participants, the noise is only as large as the update" in noise
    assert "aggregation.merge: FreezeA divides the noise by about 1.4; half of adapter.rank divides it by 1.4" in noise
    assert "a quarter of rounds.count divides it by 2" in noise
    assert (
        "privacy.unit: Example, which protects rows instead of participants, divides it by 8 in a step of 32" in noise
    )


def test_the_forecast_says_when_the_run_will_end() -> None:
    spec = a_spec(4, rounds=20, privacy=private())
    cost, end, unknown = privacy_forecast(spec, None)
    assert cost.startswith("Privacy after 2 rounds with noise multiplier 1: epsilon 6.57 of 8")
    assert end == (
        f"The budget allows 2 of 20 rounds, then the run halts. The whole run would spend epsilon 28.4 ({IN_SHORT}). "
        "Set `noise.multiplier: 2.69`, enough for all rounds, or `noise: {type: Budget}`, which finds it."
    )
    assert "not known here" in unknown


def test_the_forecast_of_a_good_ratio_does_not_warn() -> None:
    spec = a_spec(4, rounds=1, privacy=private(noise={"type": "Budget"}))
    lines = privacy_forecast(spec, FACTS)
    assert lines[-1].startswith("The mean update may be 2.")
    assert not any("Warning" in line for line in lines)
