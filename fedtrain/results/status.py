"""The tables of `fedtrain status`."""

from fedtrain.contracts.headline_metric import headline, hub_measures, loss_text, own_measures
from fedtrain.plurals import several
from fedtrain.results.chance import labels_note
from fedtrain.results.held_out_rows import metric_warning
from fedtrain.results.kept_adapter import metric_texts, rollback_texts
from fedtrain.results.mix_table import mix_table
from fedtrain.results.run_summary import ParticipantRound, RoundSummary, RunSummary
from fedtrain.results.tables import Table, legend
from fedtrain.results.words import count, duration, short, size

_SHOWN_ROUNDS = 20
_TRAINED = "samples processed, with repeats"
_VALIDATION = "after the participant's training, on its own validation rows"
_NOT_SENT = "not sent with privacy.unit Example"


def first_lines(summary: RunSummary) -> list[str]:
    """Return the state of the run in a few lines."""
    model = summary.spec.model
    lines = [
        f"{summary.namespace}/{summary.name}: {summary.phase}, {summary.rounds_done} of "
        f"{several(summary.rounds_of, 'round')}",
        *(text for text in (summary.message, summary.damage) if text),
        f"base {model.base}{f' @ {model.revision}' if model.revision else ''}, LoRA rank {model.adapter.rank}, "
        f"{several(len(summary.spec.participants), 'participant')}, {summary.spec.aggregation.strategy}",
        f"ledger {summary.url}",
    ]
    lines += [text for text in (labels_note(summary), metric_warning(summary)) if text]
    if summary.privacy is not None:
        lines.append(f"privacy: {summary.privacy.text}")
    if summary.adapter:
        lines.append(f"adapter {short(summary.adapter)} ({size(summary.adapter_bytes)})")
    return lines


def rollback_lines(summary: RunSummary) -> list[str]:
    """Return why rounds of the table were rolled back, a line each."""
    return rollback_texts(summary.rounds[-_SHOWN_ROUNDS:])


def tables(summary: RunSummary) -> list[Table]:
    """Return the table of rounds, with a mix the data sets, and the participants of the newest round that has some."""
    found = [rounds_table(summary)] if summary.rounds else []
    mix = mix_table(summary)
    found += [mix] if mix is not None else []
    current = next((round for round in reversed(summary.rounds) if round.participants or round.absent), None)
    if current is not None:
        found.append(participants_table(summary, current))
    return found


def rounds_table(summary: RunSummary, shown: int = _SHOWN_ROUNDS) -> Table:
    """Return the last `shown` rounds. The column `time` appears if the local runner recorded it."""
    measures = hub_measures(summary.spec)
    timed = any(round.wall_seconds is not None for round in summary.rounds[-shown:])
    rows: list[tuple[str, ...]] = []
    for round in summary.rounds[-shown:]:
        rows.append(
            (
                str(round.number),
                round.outcome,
                _counted(round),
                count(sum(one.trained or 0 for one in round.updates)),
                loss_text(round.train_loss),
                *metric_texts(round, measures),
                *((_epsilon(summary, round),) if summary.privacy else ()),
                *((duration(round.wall_seconds),) if timed else ()),
            )
        )
    left_out = len(summary.rounds) - len(rows)
    title = "rounds" if left_out == 0 else f"rounds (last {len(rows)} of {len(summary.rounds)})"
    if any(round.rejected for round in summary.rounds[-shown:]):
        title += " (in parentheses: of an adapter that was rejected)"
    epsilon = (f"epsilon (delta {summary.privacy.delta:g})",) if summary.privacy else ()
    metrics = tuple(measure.name for measure in measures)
    head = ("round", "outcome", "updates", "trained", "train loss", *metrics, *epsilon, *(("time",) if timed else ()))
    meanings = {
        "updates": "accepted, of those planned",
        "trained": _TRAINED,
        "train loss": _NOT_SENT if summary.spec.example_privacy else "mean over the accepted updates",
        **({", ".join(metrics): "the adapter after the round, on the hub's held-out rows"} if metrics else {}),
        **dict.fromkeys(epsilon, "spent by the end of the round"),
    }
    return Table(title, head, tuple(rows), left=2, legend=legend(meanings))


def _epsilon(summary: RunSummary, round: RoundSummary) -> str:
    """The privacy loss up to a round, under the terms of the line `privacy:`."""
    if summary.privacy is not None and not summary.privacy.private:
        return "not private"
    return "–" if summary.privacy is None or round.epsilon is None else f"{round.epsilon:.3g}"


def participants_table(summary: RunSummary, round: RoundSummary) -> Table:
    measure = headline(own_measures(summary.spec))
    rows: list[tuple[str, ...]] = []
    for one in round.participants:
        training = one.execution.seconds.get("training") if one.execution else None
        received = (measure.text(one.received.get(measure.name)),) if measure else ()
        rows.append(
            (
                one.participant,
                state_text(one),
                count(one.trained),
                loss_text(one.train_loss),
                loss_text(one.validation_loss),
                *received,
                duration(training),
                size(one.bytes),
            )
        )
    planned = {one.participant for one in round.participants}
    out = [absent for absent in round.absent if absent.participant not in planned]
    empty = ("–",) * (5 + bool(measure))
    rows += [(absent.participant, f"Absent: {absent.reason}", *empty) for absent in out]
    names = (f"{measure.name} received",) if measure else ()
    head = ("participant", "state", "trained", "train loss", "val. loss", *names, "training", "sent")
    meanings = {
        "trained": _TRAINED,
        **({"train loss, val. loss": _NOT_SENT} if summary.spec.example_privacy else {"val. loss": _VALIDATION}),
        **dict.fromkeys(names, "the adapter that it received, on the same rows"),
        "training": "time of its steps",
        "sent": "size of its update",
    }
    return Table(f"round {round.number}", head, tuple(rows), left=2, legend=legend(meanings))


def state_text(one: ParticipantRound) -> str:
    """`Aggregated (attempt 2)`, `Quarantined: why`."""
    attempt = f" (attempt {one.attempt})" if one.attempt > 1 else ""
    return f"{one.state}{attempt}" + (f": {one.reason}" if one.reason else "")


def _counted(round: RoundSummary) -> str:
    """`3/4` updates of planned participants."""
    if not round.participants:
        return "–"
    return f"{len(round.updates)}/{len(round.participants)}"
