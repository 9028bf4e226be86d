"""Name the item of a list in which a field is, such as `participant bank-a`."""

from collections.abc import Iterator

from fedtrain.api.paths import Path
from fedtrain.api.reading.documents import Located


def named_item(document: Located, path: Path) -> str | None:
    """The item that contains a field: the innermost named items of lists, and the policy."""

    def names() -> Iterator[str]:
        for end in range(len(path) - 1, 0, -1):
            name = document.at((*path[:end], "name"))
            if isinstance(path[end - 1], int) and isinstance(name, str) and path[end:] != ("name",):
                yield f"{str(path[end - 2]).removesuffix('s')} {name}"
        if document.at(("kind",)) == "ParticipantPolicy" and path != ("metadata", "name"):
            name = document.at(("metadata", "name"))
            yield f"policy {name}" if isinstance(name, str) else "policy"

    return ", ".join(names()) or None
