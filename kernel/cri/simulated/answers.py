"""What simulated containers answer when they are asked: a port that is checked, a command."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Answers(Generic[Answer]):
    """Rows of answers by subject (a container or a Pod) and question: each is given once, the last
    one of a row for ever."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, Hashable], list[Answer]] = {}

    def script(self, subject: str, question: Hashable, answers: Iterable[Answer]) -> None:
        """Replace the row of a subject and a question. Raises `ValueError` for an empty one."""
        row = list(answers)
        if not row:
            raise ValueError("a script needs at least one answer")
        self._rows[subject, question] = row

    def take(self, subjects: Iterable[str], question: Hashable) -> Answer | None:
        """The next answer of the first subject that has a row; None where none has."""
        for subject in subjects:
            row = self._rows.get((subject, question))
            if row is not None:
                return row.pop(0) if len(row) > 1 else row[0]
        return None
