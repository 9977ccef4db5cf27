"""Who learns at the campus. It knows them by ids of its own; what the other side knows of them is told at a launch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Learner:
    """Somebody who is enrolled in the campus's course."""

    learner_id: str
    user_id: str
    given: str = field(repr=False)
    family: str = field(repr=False)
    email: str = field(repr=False)

    @property
    def name(self) -> str:
        """Return the whole name."""
        return f"{self.given} {self.family}"


# The addresses are those of accounts here, so that both sides mean the same two people.
LEARNERS = {
    learner.learner_id: learner
    for learner in (
        Learner("ada", "campus-1001", "Ada", "Lindqvist", "ada@example.org"),
        Learner("bob", "campus-1002", "Bob", "Okafor", "bob@example.org"),
    )
}
