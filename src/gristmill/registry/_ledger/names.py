"""Names and texts that people bring to the ledger: one spelling a name, nothing that hides."""

from __future__ import annotations

import unicodedata

from gristmill.errors import Invalid

HIDING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
OVERRIDES = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def canonical_actor(name: str) -> str:
    """The one spelling of a person's name, by which the ledger, roles and keys know them.

    Compatibility forms are replaced (Unicode NFKC), spaces collapsed; an address is in lower case.

    Parameters
    ----------
    name
        As git, the environment or a caller gives it.

    Returns
    -------
    str
        The same for each spelling of one name.

    Raises
    ------
    Invalid
        `text.control`, for a character that terminals and screens do not show; `actor.name`, for
        an empty name.
    """
    for character in name.strip():
        if unicodedata.category(character) in HIDING:
            raise _control("The name", character)
    plain = " ".join(unicodedata.normalize("NFKC", name).split())
    if not plain:
        raise Invalid(
            "actor.name",
            "Whoever acts has no name.",
            hint="`git config user.email you@example.org` sets it.",
        )
    return plain.casefold() if "@" in plain else plain


def require_printable(text: str, what: str) -> None:
    """Refuse what would hide a text or steer a terminal that shows it.

    Parameters
    ----------
    text
        One or more lines.
    what
        Which text it is, for the error.

    Raises
    ------
    Invalid
        `text.control`, for a control character other than a line's end or a tab, and for one that
        turns the direction of writing.
    """
    for character in text:
        hidden = unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t"
        if hidden or character in OVERRIDES:
            raise _control(what, character)


def _control(what: str, character: str) -> Invalid:
    return Invalid(
        "text.control",
        f"{what} has the character U+{ord(character):04X}, which screens do not show.",
        hint="Type the text anew, without control characters.",
    )
