"""Missing participants: the example of the message lists the participants of the policies in the files."""

import re
from collections.abc import Iterator, Sequence

from fedtrain.api.base import DNS_LABEL_PATTERN
from fedtrain.api.examples import PARTICIPANTS
from fedtrain.api.paths import Path
from fedtrain.api.reading.documents import Located
from fedtrain.api.reading.flow_style import flow
from fedtrain.api.reading.list_errors import LONGEST_LIST


def with_names_of_policies(fix: str, path: Path, documents: Sequence[Located]) -> str:
    """Return the fix of `participants` with the names of the policies in its example, at most as many as a message
    shows; the fix as it is without policies."""
    if path != ("spec", "participants"):
        return fix
    participants = [{"name": name} for name in dict.fromkeys(_names(documents))]
    while len(flow(participants)) > LONGEST_LIST:
        participants.pop()
    return fix.replace(PARTICIPANTS, flow(participants)) if participants else fix


def _names(documents: Sequence[Located]) -> Iterator[str]:
    """Yield the valid names of the policies."""
    for document in documents:
        name = document.at(("metadata", "name"))
        is_policy = document.at(("kind",)) == "ParticipantPolicy"
        if is_policy and isinstance(name, str) and re.fullmatch(DNS_LABEL_PATTERN, name):
            yield name
