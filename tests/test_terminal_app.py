"""Live matches in the terminal, by keys, buttons and forms."""

from __future__ import annotations

import asyncio

import pytest

import arenas
from arenas.ui.session import Session

pytest.importorskip("textual")

from textual.widgets import Button, Input, Static

from arenas.ui.terminal_app import Play


def text(app, name):
    return str(app.query_one(f"#{name}", Static).render())


async def until(pilot, condition, seconds=20.0):
    """Waits until something is true of the application."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError("nothing came of it")


def played(game_id, vs, seat, drive, **settings):
    """Runs the application on a match while `drive(app, pilot)` acts; returns the session."""

    async def run():
        app = Play(session, seat)
        async with app.run_test(size=(120, 40)) as pilot:
            await drive(app, pilot)

    with Session(game_id, vs, people=(seat,), seed=7, **settings) as session:
        asyncio.run(run())
    return session


def test_a_match_is_played_by_buttons_to_its_end():
    async def drive(app, pilot):
        while not app.session.over:
            await until(pilot, lambda: app.session.over or app.session.snapshot(0).my_turn)
            await until(pilot, lambda: app.session.over or len(app.query(".buttons Button")) > 0)
            if not app.session.over:
                before = app.session.snapshot(0).version
                app.query(".buttons Button").first(Button).press()
                await until(pilot, lambda: app.session.snapshot(0).version != before)  # noqa: B023
                await pilot.pause()
        await until(pilot, lambda: "over" in text(app, "head"))
        assert text(app, "told").strip() == app.session.snapshot(0).farewell.strip()

    record = played("TicTacToe-v0", "exact", 0, drive).match_record()
    assert record.rewards[0] <= 0
    assert record.problems(arenas.make_game("TicTacToe-v0")) == []


def test_keys_press_buttons_and_the_log_says_what_happened():
    async def drive(app, pilot):
        await until(pilot, lambda: app.shown_controls and app.shown_controls.buttons)
        app.set_focus(None)
        button = next(each for each in app.shown_controls.buttons if each.key)
        await pilot.press(button.key)
        await until(pilot, lambda: "player_0" in text(app, "log"))

    played("KuhnPoker-v0", "nash", 0, drive, options={"hands": 1})


def test_what_makes_no_move_is_explained_and_costs_nothing():
    async def drive(app, pilot):
        await until(pilot, lambda: len(app.query(Input)) > 2)
        first, second, *_ = (each for each in app.query(Input) if each.type == "integer")
        first.focus()
        await pilot.press("enter")
        await until(pilot, lambda: "an offer gives something" in text(app, "message"))
        assert app.session.snapshot(0).my_turn
        first.value, second.value = "-1", "2"
        await pilot.press("enter")
        await until(pilot, lambda: "Offer: 1" in text(app, "log"))
        assert text(app, "message") == ""

    played("Negotiation-v0", "greedy", 0, drive)


def test_rules_and_hints_are_a_key_away():
    async def drive(app, pilot):
        await until(pilot, lambda: len(app.query(".buttons Button")) > 0)
        await pilot.press("f1")
        brief = app.session.snapshot(0).brief.strip()
        await until(pilot, lambda: text(app, "told").strip() == brief)
        await pilot.press("f2")
        await until(pilot, lambda: "Hint" in text(app, "message"))

    played("TicTacToe-v0", "random", 0, drive)


def test_a_kitchen_runs_on_by_its_clock_and_takes_keys():
    async def drive(app, pilot):
        app.set_focus(None)
        await until(pilot, lambda: app.session.snapshot(0).step >= 4)
        await pilot.press("left")
        await until(pilot, lambda: app.session.over)

    session = played("Overcooked-v0", "random", 0, drive, options={"horizon": 30}, tick=0.05)
    moves = [turn["move"] for turn in session.match_record().turns if turn["seat"] == 0]
    assert len(moves) == 30
    assert len(set(moves)) == 2
