"""Labels of the hub's held-out rows that no participant trains: the metric counts them as wrong in each round."""

from collections.abc import Sequence

from fedtrain.data.label_spellings import LabelSpellings, as_label
from fedtrain.plurals import form, several


def unlearned_labels(hub: LabelSpellings, participants: Sequence[LabelSpellings]) -> str | None:
    """Return a warning with the place of the first such row, and no value; None if there is none, or if the answers are
    not labels. `participants`: of all their rows, because rare labels may be among those that were not read."""
    together = LabelSpellings.together(participants)
    if not together.likely:
        return None
    learned = {as_label(text) for text in together.found}
    lacking = [rows for text, rows in hub.found.items() if as_label(text) not in learned]
    if not lacking:
        return None
    count, (_, first) = sum(rows for rows, _ in lacking), lacking[0]
    return (
        f"evaluation.hub: {several(count, 'row')} {form(count, 'has', 'have')} an answer that no participant's rows "
        f"have (first: {first}), so no adapter learns it. Correct the answer, or remove the "
        f"{form(count, 'row', 'rows')}."
    )
