"""A recorded match in the terminal: a step at a time, as text; works over ssh."""

from __future__ import annotations

import json
from typing import ClassVar

from rich.markup import escape
from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer
from textual.widgets import Footer, Label, ListItem, ListView, Static

from arenas.ui.watch.replay import Act, Replay

SPEEDS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Steps a second."""


class Watch(App[None]):
    """The application; `run()` shows it."""

    CSS = """
    #head { height: auto; padding: 0 1; background: $boost; }
    #state { width: 3fr; padding: 0 1; }
    #log { width: 2fr; border-left: solid $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("left", "move(-1)", "back"),
        ("right", "move(1)", "on"),
        ("home", "jump(0)", "start"),
        ("end", "jump(-1)", "end"),
        ("space", "run", "play/pause"),
        ("plus", "faster(1)", "faster"),
        ("minus", "faster(-1)", "slower"),
        ("v", "view", "next viewpoint"),
        ("e", "evidence", "evidence"),
        ("q", "quit", "quit"),
    ]

    def __init__(self, replay: Replay) -> None:
        super().__init__()
        self.replay = replay
        self.step = 0
        self.viewpoints: list[int | None] = [None, *range(replay.game.spec.seats)]
        self.viewpoint = 0
        self.speed = 2
        self.shows_evidence = False
        self.timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """Head, state and log side by side, keys."""
        yield Static(id="head")
        with Horizontal():
            with VerticalScroll(id="state"):
                yield Static(id="told")
            items = (ListItem(Label(self._line(n))) for n in range(len(self.replay.steps)))
            yield ListView(*items, id="log", initial_index=0)
        yield Footer()

    def on_mount(self) -> None:
        """Shows the start."""
        self.title = self.replay.title
        self._show()

    def action_move(self, by: int) -> None:
        """Goes some steps on, or back."""
        self._pause()
        self._go(self.step + by)

    def action_jump(self, step: int) -> None:
        """Goes to a step; -1 is the last."""
        self._pause()
        self._go(step if step >= 0 else len(self.replay.steps) - 1)

    def action_run(self) -> None:
        """Plays on by itself, or stops doing so."""
        if self.timer is not None:
            self._pause()
        else:
            self.timer = self.set_interval(1 / SPEEDS[self.speed], lambda: self._go(self.step + 1))

    def action_faster(self, by: int) -> None:
        """Changes the speed."""
        self.speed = max(0, min(len(SPEEDS) - 1, self.speed + by))
        if self.timer is not None:
            self._pause()
            self.action_run()
        self._show()

    def action_view(self) -> None:
        """Shows what the next seat saw, or the onlooker."""
        self.viewpoint = (self.viewpoint + 1) % len(self.viewpoints)
        self._show()

    def action_evidence(self) -> None:
        """Shows the evidence in place of the state, or no longer."""
        self.shows_evidence = not self.shows_evidence
        self._show()

    @on(ListView.Highlighted)
    def chosen(self, event: ListView.Highlighted) -> None:
        """Goes where the log's cursor went."""
        index = event.list_view.index
        if index is not None and index != self.step:
            self._go(index)

    def _pause(self) -> None:
        if self.timer is not None:
            self.timer.stop()
            self.timer = None

    def _go(self, step: int) -> None:
        self.step = max(0, min(len(self.replay.steps) - 1, step))
        if self.step == len(self.replay.steps) - 1:
            self._pause()
        self._show()

    def _show(self) -> None:
        replay, seat = self.replay, self.viewpoints[self.viewpoint]
        step = replay.steps[self.step]
        verdict = "; ".join(replay.problems)
        names = [replay.player(s) for s in range(replay.game.spec.seats)]
        rewards = ", ".join(f"{n} {t:+g}" for n, t in zip(names, step.totals, strict=True))
        head = Text(f"{replay.title}   step {self.step} of {len(replay.steps) - 1}   ")
        head.append(
            f"not verified: {verdict}" if verdict else "verified", "red" if verdict else "green"
        )
        head.append(f"\n{rewards}   seen by {'an onlooker' if seat is None else names[seat]}")
        head.append(f"   {SPEEDS[self.speed]:g} steps a second")
        self.query_one("#head", Static).update(head)
        told = step.shown if seat is None else step.told[seat]
        if self.shows_evidence:
            told = json.dumps(replay.record.evidence, indent=2, ensure_ascii=False)
        self.query_one("#told", Static).update(Text(told))
        self.query_one("#log", ListView).index = self.step

    def _line(self, number: int) -> str:
        acts = self.replay.steps[number].acts
        return "\n".join(escape(words(self.replay, act)) for act in acts) or "start"


def words(replay: Replay, act: Act) -> str:
    """One submission in a line or two."""
    line = f"{replay.game.spec.agents[act.seat]} {act.said}"
    if act.illegal is not None:
        line += f"\n  illegal: {act.illegal}"
    if act.played is not None:
        line += f"\n  played instead: {act.played}"
    return line


def transcript(replay: Replay) -> str:
    """The whole match as text, for pipes."""
    lines = [replay.title, ""]
    for step in replay.steps:
        lines += [words(replay, act) for act in step.acts]
        lines += ["", step.shown, ""]
    lines.append(f"{replay.record.reason}: rewards {list(replay.steps[-1].totals)}")
    return "\n".join(lines)
