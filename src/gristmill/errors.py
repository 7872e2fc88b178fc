"""Every error a user can meet.

    GristmillError
    ├── Invalid        the input is wrong: settings, notebook, parameter, request
    ├── NotFound       a project, step, run, model, version or file does not exist
    ├── Conflict       somebody else was faster, or state does not allow it
    ├── Forbidden      the actor may not do this, or proof does not hold
    ├── GateFailed     a gate failed or was INCONCLUSIVE
    ├── StepFailed     a notebook raised, timed out or lost its kernel
    ├── Waiting        people have to decide first
    ├── Unavailable    a service, kernel or tool is missing or does not answer
    └── Cancelled      the user stopped it

One record for all faces: `{code, message, hint}`. `code` is stable and dotted, `message` says
what is wrong and where, `hint` what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class GristmillError(Exception):
    """An error with a code, a message and a hint.

    Parameters
    ----------
    code
        Stable and dotted.
    message
        What is wrong, and where.
    hint
        What to do next, or "".

    Attributes
    ----------
    exit_code
        What the command line exits with.
    status
        What REST replies with.
    """

    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 500

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.message, self.hint))

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]" + (f"\n  {self.hint}" if self.hint else "")

    def record(self) -> dict[str, str]:
        """The error as every surface shows it."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


def _rebuild(cls: type[GristmillError], code: str, message: str, hint: str) -> GristmillError:
    return cls(code, message, hint=hint)


class Invalid(GristmillError):
    """The input is wrong: settings, notebook, parameter or request."""

    exit_code = 2
    status = 422


class NotFound(GristmillError):
    """A project, step, run, model, version or file does not exist."""

    exit_code = 3
    status = 404


class Conflict(GristmillError):
    """Somebody else was faster, or the state does not allow it."""

    exit_code = 4
    status = 409


class Forbidden(GristmillError):
    """The actor may not do this, or proof does not hold."""

    exit_code = 5
    status = 403


class GateFailed(GristmillError):
    """A gate failed or was INCONCLUSIVE."""

    exit_code = 6
    status = 409


class StepFailed(GristmillError):
    """A notebook raised, timed out or lost its kernel."""

    exit_code = 1
    status = 500


class Waiting(GristmillError):
    """People have to decide first."""

    exit_code = 8
    status = 409


class Unavailable(GristmillError):
    """A service, kernel or tool is missing or does not answer."""

    exit_code = 7
    status = 503


class Cancelled(GristmillError):
    """The user stopped it."""

    exit_code = 130
    status = 409
