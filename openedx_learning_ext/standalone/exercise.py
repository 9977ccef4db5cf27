"""
Exercises of the default host: one question, its options, and what an answer is worth.

A page shows what is to be done at or below one block, on its own, so that a campus can frame it. Each form carries a
seal that says to whom it was shown: whoever was shown an exercise may answer it, and nobody else from the same browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.shortcuts import render
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from openedx_learning_ext.standalone import models, scores
from openedx_learning_ext.standalone.middleware import content_security_policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse
    from opaque_keys.edx.keys import UsageKey

PAGE = "openedx_learning_ext/standalone/exercise.html"


@dataclass(frozen=True, slots=True)
class Exercise:
    """One question; an option is known by its place."""

    block: models.Block
    question: str
    options: tuple[str, ...]
    right: frozenset[int]
    points: float

    @classmethod
    def of(cls, block: models.Block) -> Exercise | None:
        """Return the exercise that a block is, or ``None``."""
        if not block.content:
            return None
        content = block.content
        return cls(
            block=block,
            question=content["question"],
            options=tuple(content["options"]),
            right=frozenset(content["right"]),
            points=block.weight or 0.0,
        )

    @property
    def takes_several(self) -> bool:
        """Tell whether more than one option is right."""
        return len(self.right) > 1

    def share_for(self, chosen: frozenset[int]) -> float:
        """Return which share of the points a choice is worth: a wrong option takes back what a right one gave."""
        return max(0, len(chosen & self.right) - len(chosen - self.right)) / len(self.right)


class AnswerForm(forms.Form):
    """The options of one exercise, to choose from."""

    def __init__(self, exercise: Exercise, data: Any = None) -> None:
        """Offer one choice or several, as the exercise asks for."""
        super().__init__(data, auto_id=f"id_{exercise.block.pk}_%s")
        choices = [(str(place), option) for place, option in enumerate(exercise.options)]
        missing = {"required": _("Choose an answer first.")}
        if exercise.takes_several:
            several = forms.MultipleChoiceField(choices=choices, error_messages=missing)
            several.widget = forms.CheckboxSelectMultiple(choices=choices)
            self.fields["option"] = several
        else:
            self.fields["option"] = forms.ChoiceField(
                choices=choices, widget=forms.RadioSelect, error_messages=missing
            )

    @property
    def chosen(self) -> frozenset[int]:
        """Return the places of the options that were chosen."""
        chosen = self.cleaned_data["option"]
        return frozenset(int(place) for place in ([chosen] if isinstance(chosen, str) else chosen))


@dataclass(frozen=True, slots=True)
class Task:
    """An exercise as one person sees it: with the score so far and, once answered, the share that answer is worth."""

    exercise: Exercise
    form: AnswerForm
    seal: str
    score: models.Score | None
    share: float | None = None

    @property
    def usage_id(self) -> str:
        """Return the key of the block as text."""
        return str(self.exercise.block.usage_key)

    @property
    def is_right(self) -> bool:
        """Tell whether the answer just given is the right one."""
        return self.share == 1

    @property
    def verdict(self) -> str:
        """Return what the person is told about the answer just given; nothing before one."""
        if self.share is None:
            return ""
        return _("That is right.") if self.is_right else _("That is not all right yet. You may answer again.")


def seal(user_id: int, usage_key: UsageKey) -> str:
    """Return what a form carries to say to whom it was shown, and on the page of which block."""
    meaning = f"{user_id}|{usage_key}"
    return salted_hmac("openedx_learning_ext.standalone.exercise", meaning, algorithm="sha256").hexdigest()


def is_sealed(value: str, user_id: int, usage_key: UsageKey) -> bool:
    """Tell whether a form was shown to this person on the page of this block."""
    return constant_time_compare(value, seal(user_id, usage_key))


def tasks(user_id: int, shown: models.Block, blocks: Iterable[models.Block]) -> list[Task]:
    """Return what there is to do among some blocks on the page of ``shown``; one query, however many they are."""
    exercises = [found for found in map(Exercise.of, blocks) if found is not None]
    found = scores.of_blocks(user_id=user_id, usage_keys=[each.block.usage_key for each in exercises])
    mark = seal(user_id, shown.usage_key)
    return [Task(each, AnswerForm(each), mark, found.get(each.block.usage_key)) for each in exercises]


def answer(user_id: int, task: Task, data: Any) -> Task:
    """
    Return the task answered, with the new score stored and announced; with the reasons in its form when it was not.

    An answer counts until the next one, also when that is worth less.
    """
    form = AnswerForm(task.exercise, data)
    if not form.is_valid():
        return Task(task.exercise, form, task.seal, task.score)
    share = task.exercise.share_for(form.chosen)
    points = task.exercise.points
    score = scores.store(user_id=user_id, block=task.exercise.block, earned=share * points, possible=points)
    return Task(task.exercise, form, task.seal, score, share)


def page(request: HttpRequest, shown: models.Block, to_do: list[Task]) -> HttpResponse:
    """Return the page of a block on its own; it may stand in anybody's frame. With a wrong form its status is 422."""
    wrong = any(task.form.errors for task in to_do)
    response = render(request, PAGE, {"shown": shown, "tasks": to_do}, status=422 if wrong else 200)
    return frameable(response)


def frameable(response: HttpResponse) -> HttpResponse:
    """Return the response as one that may stand in anybody's frame: whoever has a launch link has their own page."""
    response.xframe_options_exempt = True
    response.headers["Content-Security-Policy"] = content_security_policy(framed_by="*")
    return response
