"""Records in the terminal."""

from __future__ import annotations

import asyncio

import pytest
from click.testing import CliRunner
from test_watch import written

from arenas.cli import app
from arenas.ui.watch.replay import load


def test_the_terminal_steps_jumps_and_shows_what_seats_saw(tmp_path):
    pytest.importorskip("textual")
    from textual.widgets import Static

    from arenas.ui.watch.terminal import Watch

    replay = load(written(tmp_path / "r", "KuhnPoker-v0", ["nash", "random"], seed=4), 1)

    async def drive():
        watch = Watch(replay)
        async with watch.run_test(size=(100, 30)) as pilot:

            def told():
                return str(watch.query_one("#told", Static).render())

            await pilot.pause()
            assert told().strip() == replay.steps[0].shown.strip()
            await pilot.press("right")
            assert watch.step == 1
            await pilot.press("v")
            assert told().strip() == replay.steps[1].told[0].strip()
            await pilot.press("end")
            assert watch.step == len(replay.steps) - 1
            assert f"{replay.record.rewards[0]:+g}" in str(
                watch.query_one("#head", Static).render()
            )
            await pilot.press("home", "plus", "plus", "space")
            while watch.timer is not None:
                await pilot.pause(0.02)
            assert watch.step == len(replay.steps) - 1
            await pilot.press("e")
            assert '"chips"' in told()
            await pilot.press("q")

    asyncio.run(drive())


def test_into_a_pipe_the_match_is_printed(tmp_path):
    file = written(tmp_path / "r", "KuhnPoker-v0", ["nash", "random"])
    output = CliRunner().invoke(app, ["watch", str(file)]).output
    replay = load(file, 1)
    for step in replay.steps:
        assert step.shown in output
        for act in step.acts:
            assert f"{replay.game.spec.agents[act.seat]} {act.said}" in output
