"""One schema for both sides."""

from pathlib import Path

from gristmill.server._typescript import typescript

CLIENT = Path(__file__).parents[2] / "extension/src/schema.ts"


def test_the_clients_types_are_those_of_the_server() -> None:
    assert CLIENT.read_text() == typescript(), (
        "python -m gristmill.server._typescript > extension/src/schema.ts"
    )
