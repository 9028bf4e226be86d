"""Fields whose words decide what is protected, and against whom. Similar spelling does not say which one is meant."""

from collections.abc import Mapping, Sequence

from fedtrain.api.similar_words import plain_form

_MEANINGS: Mapping[frozenset[str], Mapping[str, str]] = {
    frozenset(("Participant", "Example")): {
        "Example": "protects each row; several rows of one person are not protected together",
        "Participant": "protects all data of one participant together",
    },
    frozenset(("Server", "Client")): {
        "Server": "the hub does it, and sees the updates before",
        "Client": "each participant does it, before its update leaves",
    },
}
"""What each word means, by the words of the field."""


def is_guarantee(choices: Sequence[str]) -> bool:
    """Whether another word of the field would change the guarantee."""
    return frozenset(choices) in _MEANINGS


def same_word(word: str, choices: Sequence[str]) -> str | None:
    """Return the choice that is the word in another spelling of capitals, dashes and blanks; None if there is none."""
    return next((one for one in choices if plain_form(one) == plain_form(word)), None)


def explained_choices(choices: Sequence[str]) -> str:
    """The words, each with its meaning."""
    return " or ".join(f"`{word}` ({meaning})" for word, meaning in _MEANINGS[frozenset(choices)].items())
