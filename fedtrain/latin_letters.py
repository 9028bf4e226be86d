"""Words in the letters of names: a to z."""

import unicodedata

_SPELLINGS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "œ": "oe", "þ": "th", "ð": "d"}
    | {"đ": "d", "ł": "l", "ı": "i"}
)
"""As the languages that have these letters write them without."""


def latin_letters(text: str) -> str:
    """Return the text in lower case, without accents. Characters that no Latin letter stands for remain.

    >>> latin_letters("Klinikum Süd"), latin_letters("Ålesund"), latin_letters("Émile")
    ('klinikum sued', 'aalesund', 'emile')
    """
    spelt = unicodedata.normalize("NFC", text.lower()).translate(_SPELLINGS)
    return "".join(one for one in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(one))
