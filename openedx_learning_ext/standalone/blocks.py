"""How the blocks of a course of the default host hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openedx_learning_ext.core.host import ports
from openedx_learning_ext.standalone import models

if TYPE_CHECKING:
    from opaque_keys.edx.keys import UsageKey


def with_its_course(usage_key: UsageKey) -> tuple[models.Block, list[models.Block]]:
    """
    Return a block and all blocks of its course, in one query.

    In another letter case a key is another block.

    Raises:
        BlockNotFound: there is no such block.
    """
    rows = list(models.Block.objects.filter(course_key=usage_key.course_key).order_by("id"))
    block = next((row for row in rows if row.usage_key == usage_key), None)
    if block is None:
        raise ports.BlockNotFound(f"no block {usage_key}")
    return block, rows


def subtree(usage_key: UsageKey) -> tuple[models.Block, list[models.Block]]:
    """
    Return a block and those below it, each once, parents before their children, in one query.

    Raises:
        BlockNotFound: there is no such block.
    """
    block, rows = with_its_course(usage_key)
    children: dict[int | None, list[models.Block]] = {}
    for row in rows:
        children.setdefault(row.parent_id, []).append(row)
    below: list[models.Block] = []
    waiting = children.pop(block.pk, [])[::-1]
    while waiting:
        row = waiting.pop()
        if row.pk != block.pk:  # An administrator may have put blocks in a circle.
            below.append(row)
            waiting += reversed(children.pop(row.pk, []))
    return block, below
