"""A run's summary for files that are passed on: its messages name no folder of the machine that ran it."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fedtrain.results.public_text import public_run, public_text
from fedtrain.results.run_summary import ParticipantRound, RoundSummary, RunSummary


def public_summary(summary: RunSummary) -> RunSummary:
    """Return the summary with short paths in the address of the run and in all messages. `spec` stays as it is."""
    folders: list[Path] = []
    if summary.url.startswith("file:"):
        folders.append(Path(url2pathname(urlsplit(summary.url).path)).parents[2])

    def text(message: str) -> str:
        return public_text(message, folders)

    def one(participant: ParticipantRound) -> ParticipantRound:
        retried = tuple(text(reason) for reason in participant.retried)
        return replace(participant, reason=text(participant.reason), retried=retried)

    def of(round: RoundSummary) -> RoundSummary:
        absent = tuple(missing.model_copy(update={"reason": text(missing.reason)}) for missing in round.absent)
        participants = tuple(one(participant) for participant in round.participants)
        return replace(round, reason=text(round.reason), participants=participants, absent=absent)

    return replace(
        summary,
        url=public_run(summary.url),
        message=text(summary.message),
        damage=text(summary.damage),
        failures=tuple(replace(failure, message=text(failure.message)) for failure in summary.failures),
        rounds=tuple(of(round) for round in summary.rounds),
    )
