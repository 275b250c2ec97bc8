"""The worlds by the name that the option `scenes` gives them, each made once a process."""

from __future__ import annotations

from functools import cache

from arenas.games.spy.world import World

SOURCES = ("objects", "charts", "words", "folder")


@cache
def make_world(
    scenes: str, edits: tuple[str, ...] | None = None, folder: str | None = None
) -> World:
    """The world of an option's value.

    Args:
        scenes: one of `SOURCES`.
        edits: how objects of the spy's scene may differ; None for every way.
        folder: of scenes="folder".

    Raises:
        ValueError: the folder holds no pairs of pictures.
    """
    world: World
    if scenes == "objects":
        from arenas.games.spy.objects import EDITS, ObjectWorld

        world = ObjectWorld(edits or EDITS)
    elif scenes == "charts":
        from arenas.games.spy.charts import ChartWorld

        world = ChartWorld()
    elif scenes == "words":
        from arenas.games.spy.words import WordWorld

        world = WordWorld()
    else:
        from arenas.games.spy.folder import FolderWorld

        world = FolderWorld(folder or "")
    world.made_by = (make_world, (scenes, edits, folder))
    return world
