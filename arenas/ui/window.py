"""A match in a window: mouse and keyboard, the picture, the controls, what was said and done.

The window never waits for the match. A thread of its own looks at the session and draws the
picture; each frame takes the last look that there is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from itertools import cycle
from typing import Any

from arenas.core.canvas import (
    BAD,
    BLUE,
    FAINT,
    GOOD,
    MARKED,
    ORANGE,
    SEATS,
    SHADE,
    Box,
    Canvas,
    Line,
    pitch,
    width_of,
    wrap,
)
from arenas.core.controls import Area, Button, Controls
from arenas.core.game import IllegalMove
from arenas.core.picture import DRAWING, INK, PAPER
from arenas.core.screen import paint, video
from arenas.ui.layout import GAP, TAB_ROW, arrange, folded
from arenas.ui.panel import Panel
from arenas.ui.session import NotYourTurn, Session
from arenas.ui.snapshot import Snapshot
from arenas.ui.watcher import Watcher
from arenas.ui.widgets import SMALL, TEXT, At, Press, Stage

SIZE = (1280, 720)
"""Of a fresh window, in pixels."""

FRAMES = 30
"""Most frames a second."""

TABS = (("Move", "m"), ("Picture", "p"), ("History", "l"), ("Told", "t"), ("Rules", "r"))
MOVE, PICTURE, HISTORY, TOLD, RULES = range(len(TABS))
"""What the panel shows; `PICTURE` folds it up, so that the picture has the window."""


class Window:
    """Shows matches to one person and sends what it does; one match after another.

    Args:
        opened: makes a session, and a fresh one for each further match; the window starts and
            closes it.
        seat: the person's.
        size: of the window at first.

    Raises:
        NoScreen: there is no display, or no pygame.
    """

    def __init__(
        self, opened: Callable[[], Session], seat: int, size: tuple[int, int] = SIZE
    ) -> None:
        self._pygame = video()
        self._window = self._pygame.display.set_mode(size, self._pygame.RESIZABLE)
        self._opened = opened
        self.seat = seat
        self.closed = False
        self.tab = 0
        self.message = ""
        self.won: list[float] = []
        self.matches = 0
        self.stage: Stage | None = None
        self._drag: Press | None = None
        self._begin()

    def run(self) -> None:
        """Shows matches until the person closes the window."""
        clock = self._pygame.time.Clock()
        try:
            while not self.closed:
                self.step(self._pygame.event.get())
                clock.tick(FRAMES)
        finally:
            self.close()

    def close(self) -> None:
        """Closes the session and the window; calling it again does nothing."""
        self.closed = True
        self._watcher.stop()
        self.session.close()
        self._pygame.display.quit()

    # -- matches -------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.session = session = self._opened()
        self.shown: Snapshot | None = None
        self.panel = Panel(Controls(), self._send, self._fill)
        self._areas: dict[str, Area] = {}
        self._needs: dict[int, int] = {}
        self._held: list[str] = []
        self._back, self._dirty = 0, True
        self.message = ""
        self._pygame.display.set_caption(session.game_id)
        session.start()
        self._watcher = Watcher(session, self.seat)

    def again(self) -> None:
        """Goes on to a further match once this one is over; the score is kept."""
        if self.shown is not None and self.shown.over:
            self._watcher.stop()
            self.session.close()
            self._begin()

    @property
    def has_hints(self) -> bool:
        """Whether there is an exact player to ask."""
        return self._watcher.hints

    # -- frames --------------------------------------------------------------------------------

    def step(self, events: Iterable[Any]) -> bool:
        """One frame: takes events, sends what follows from them, and draws if anything changed.

        Returns:
            Whether the window shows all that it has seen; if not, the next frame will.
        """
        latest = self._watcher.latest
        if latest is not None and latest is not self.shown:
            self._take(latest)
        if self._watcher.failure and self.message != self._watcher.failure:
            self.message, self._dirty = self._watcher.failure, True
        for event in events:
            self._hear(event)
            if self.closed:
                return True
        self._dirty = self.panel.tick() or self._dirty
        # Games draw in the other thread with the same fonts.
        if self._dirty and DRAWING.acquire(timeout=0.02):
            try:
                self._draw()
                self._dirty = False
            finally:
                DRAWING.release()
            self._pygame.display.flip()
        return not self._dirty and self._watcher.latest is self.shown

    def _take(self, snapshot: Snapshot) -> None:
        before, self.shown, self._dirty = self.shown, snapshot, True
        if snapshot.controls != self.panel.controls:
            self.panel = Panel(snapshot.controls, self._send, self._fill)
        if before is None or snapshot.step != before.step:
            if snapshot.tick is None:
                self.message = ""
            if self._held and snapshot.my_turn:
                self._send(self._held[-1])
        for button in snapshot.controls.buttons:
            if button.stays and button.area is not None:
                self._areas[button.reply] = button.area
        if snapshot.over and not (before and before.over):
            self.matches += 1
            totals = self.won or [0.0] * len(snapshot.totals)
            self.won = [a + b for a, b in zip(totals, snapshot.totals, strict=True)]

    # -- what is heard -------------------------------------------------------------------------

    def _hear(self, event: Any) -> None:
        pygame = self._pygame
        self._dirty = True
        if event.type == pygame.QUIT:
            self.closed = True
        elif event.type in (pygame.VIDEORESIZE, pygame.WINDOWSIZECHANGED):
            self._window = pygame.display.get_surface()
            self._needs.clear()
        elif event.type == pygame.KEYDOWN:
            self._key(event)
        elif event.type == pygame.KEYUP:
            name = pygame.key.name(event.key)
            gone = [b.reply for b in self.panel.controls.buttons if b.key == name]
            self._held = [reply for reply in self._held if reply not in gone]
        elif event.type == pygame.TEXTINPUT:
            if self.panel.focus is not None:
                self.panel.focus.type(event.text)
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            self._press(event.pos)
        elif event.type == pygame.MOUSEBUTTONUP:
            self._drag = None
        elif event.type == pygame.MOUSEMOTION and self._drag is not None:
            self._drag.do(event.pos)
        elif event.type == pygame.MOUSEWHEEL and self.stage is not None:
            at = getattr(event, "pos", None) or pygame.mouse.get_pos()
            self.stage.turned(at, event.y)

    def _press(self, at: At) -> None:
        press = self.stage.pressed(at) if self.stage is not None else None
        if press is None:
            self.panel.focus = None
            return
        press.do(at)
        self._drag = press if press.drags else None

    def _key(self, event: Any) -> None:
        pygame = self._pygame
        button = None if self.panel.typing else self.panel.button_of(event)
        if button is not None and self.shown is not None and self.shown.tick is not None:
            self._held = [*(reply for reply in self._held if reply != button.reply), button.reply]
        if self.panel.key(event) or self.panel.typing:
            return
        name = pygame.key.name(event.key)
        tabs = {key: number for number, (_, key) in enumerate(TABS)}
        if name in tabs:
            self._turn(tabs[name])
        elif name == "h":
            self.hint()
        elif name == "n":
            self.again()
        elif name == "q" and event.mod & pygame.KMOD_CTRL:
            self.closed = True

    def _fold(self, at: At) -> None:
        self._turn(MOVE if self.tab == PICTURE else PICTURE)

    def _turn(self, tab: int) -> None:
        self.tab, self._back = tab, 0

    # -- what is done --------------------------------------------------------------------------

    def _send(self, reply: str) -> None:
        self._do(lambda: self.session.reply(self.seat, reply))

    def _fill(self, form: str, values: dict[str, Any]) -> None:
        self._do(lambda: self.session.fill(self.seat, form, values))

    def _do(self, act: Callable[[], None]) -> None:
        self._dirty = True
        try:
            act()
            self.message = ""
        except NotYourTurn as error:
            self.message = str(error)
        except IllegalMove as error:
            self.message = f"That is not possible: {error}"

    def hint(self) -> None:
        """Asks the game's exact player, in a thread; what it says is shown when it comes."""
        if not self.has_hints:
            self.message, self._dirty = "There is no exact player of this game to ask", True
            return
        self.message, self._dirty = "The exact player thinks ...", True
        threading.Thread(target=self._ask, args=(self.session,), name="hint", daemon=True).start()

    def _ask(self, session: Session) -> None:
        try:
            said = f"An exact player: {session.hint(self.seat)}"
        except (NotYourTurn, ValueError) as error:
            said = str(error)
        if session is self.session:
            self.message, self._dirty = said, True

    # -- how it looks --------------------------------------------------------------------------

    def _draw(self) -> None:
        pygame = self._pygame
        window = pygame.display.get_surface()
        window.fill(PAPER)
        canvas, pointer = Canvas(window), pygame.mouse.get_pos()
        stage = self.stage = Stage(canvas, pointer)
        shown = self.shown
        if shown is None:
            canvas.write(self.message or "The match begins ...", canvas.box, 22, FAINT, "middle")
            return
        picture = shown.picture
        size = picture.shape[1], picture.shape[0]
        if self.tab == PICTURE:
            places = folded(window.get_size())
        else:
            places = arrange(window.get_size(), size, self._need)
        place = paint(window, picture, places.picture)
        self._on_picture(stage, shown, place, place.w / size[0])
        self._bar(stage, places.bar, shown)
        self._side(stage, places.panel, shown)
        self._foot(stage, places.foot, shown)

    def _need(self, width: int) -> int:
        """The height that controls have needed so far, so that parts do not jump about."""
        need = self.panel.least(width)
        self._needs[width] = max(need, self._needs.get(width, 0))
        return self._needs[width]

    def _on_picture(self, stage: Stage, shown: Snapshot, place: Box, scale: float) -> None:
        def scaled(area: Area) -> Box:
            x, y, w, h = area
            left, top, right, bottom = (round(n * scale) for n in (x, y, x + w, y + h))
            return Box(place.x + left, place.y + top, right - left, bottom - top)

        # What is no control folds the panel up, and down again.
        stage.press(place, self._fold)
        if shown.log and (area := self._areas.get(f"[{shown.log[-1][1]}]")) is not None:
            stage.canvas.frame(scaled(area).inset(2), ORANGE, 3, 4)
        for button in shown.controls.buttons:
            if button.area is not None:
                box = scaled(button.area)
                if box.holds(stage.pointer):
                    stage.canvas.frame(box, BLUE, 3, 4)
                stage.press(box, partial(self._pressed, button), name=button.reply)

    def _pressed(self, button: Button, at: At) -> None:
        self._send(button.reply)

    def _bar(self, stage: Stage, box: Box, shown: Snapshot) -> None:
        """Who plays, the score so far, and whose turn it is."""
        canvas = stage.canvas
        canvas.fill(box, SHADE)
        inside = Box(box.x + GAP, box.y, box.w - 2 * GAP, box.h)
        status, colour = self._status(shown)
        taken = canvas.write(status, inside, TEXT + 1, colour, "right")
        rest = inside._replace(w=max(0, inside.w - taken - 2 * GAP))
        before = self.won if self.won and not shown.over else [0.0] * len(shown.agents)
        now = self.won if shown.over and self.won else shown.totals
        totals = [a + b for a, b in zip(before, now, strict=True)]
        names = ["you" if s == self.seat else name for s, name in enumerate(shown.names)]
        scores = list(zip(shown.agents, names, totals, strict=True))
        for form in ("{0} ({1}) {2:+g}", "{0} {2:+g}"):
            parts = [form.format(*score) for score in scores]
            if sum(width_of(part, SMALL + 1) + 2 * GAP for part in parts) <= rest.w:
                break
        else:
            parts = [form.format(*scores[self.seat])]
        for seat, part in enumerate(parts):
            colour = SEATS[(seat if len(parts) > 1 else self.seat) % len(SEATS)]
            used = canvas.write(part, rest, SMALL + 1, colour)
            rest = rest.left(used, 2 * GAP)[1]

    def _status(self, shown: Snapshot) -> tuple[str, tuple[int, int, int]]:
        if shown.over:
            return ("The match broke off", BAD) if shown.failure else ("The match is over", GOOD)
        if shown.tick is not None:
            return f"Step {shown.step // len(shown.agents)}", INK
        if shown.my_turn:
            return "Your move", BLUE
        who = ", ".join(shown.agents[seat] for seat in shown.awaited[:3])
        return f"{who} to move" if who else "Your move is played", FAINT

    def _side(self, stage: Stage, box: Box, shown: Snapshot) -> None:
        canvas = stage.canvas
        canvas.fill(box, (253, 253, 251), 6)
        canvas.frame(box)
        inside = box.inset(GAP)
        tabs, inside = inside.top(TAB_ROW - 6, GAP)
        for number, (name, _) in enumerate(TABS):
            place, tabs = tabs.left(width_of(name, SMALL) + 14, 3)
            turn = partial(self._turn, number)
            stage.button(place, name, turn, "", number == self.tab, SMALL)
        if self.tab == PICTURE:
            return
        if self.tab == HISTORY:
            self._read(stage, inside, self._log(shown) or [Line(shown.told)], "last")
        elif self.tab in (TOLD, RULES):
            told = shown.told if self.tab == TOLD else shown.brief
            self._read(stage, inside, [Line(told)], "first")
        elif shown.over:
            self._end(stage, inside, shown)
        elif shown.my_turn:
            used = self.panel.draw(stage, inside)
            self._recent(stage, inside.top(used, GAP)[1], shown)
        else:
            head, rest = inside.top(pitch(TEXT), GAP // 2)
            canvas.write("Wait: it is not your turn", head, TEXT - 1, FAINT)
            self._recent(stage, rest, shown)

    def _log(self, shown: Snapshot) -> list[Line]:
        colours = dict(zip(shown.agents, cycle(SEATS), strict=False))
        return [Line(f"{agent}: {what}", colours[agent]) for agent, what in shown.log]

    def _recent(self, stage: Stage, box: Box, shown: Snapshot) -> None:
        """The end of the log, where there is room below the controls."""
        if box.h >= 4 * pitch(SMALL) and shown.log:
            head, rest = box.top(pitch(SMALL), 4)
            stage.canvas.write("Before", head, SMALL, FAINT)
            stage.canvas.list(self._log(shown)[-20:], rest, SMALL + 1, "last")

    def _read(self, stage: Stage, box: Box, lines: list[Line], keep: str) -> None:
        """Lines to read, which the wheel scrolls."""
        size = TEXT - 1
        wrapped = [
            line._replace(text=part) for line in lines for part in wrap(line.text, box.w, size)
        ]
        room = max(1, box.h // pitch(size))
        self._back = max(0, min(self._back, len(wrapped) - room))
        start = self._back if keep == "first" else max(0, len(wrapped) - room - self._back)
        end = start + room
        part = wrapped[start:end]
        # What lies out of sight is said.
        if start:
            part[0] = Line(f"… {start + 1} lines before", FAINT)
        if end < len(wrapped):
            part[-1] = Line(f"… {len(wrapped) - end + 1} lines more: turn the wheel", FAINT)
        stage.canvas.list(part, box, size)

        def scroll(steps: int) -> None:
            self._back += 3 * (-steps if keep == "first" else steps)

        stage.wheels.append((box, scroll))

    def _end(self, stage: Stage, box: Box, shown: Snapshot) -> None:
        """How it ended, the score of all matches, and the way to the next."""
        lines = [Line(shown.failure, BAD)] if shown.failure else []
        lines += [Line(shown.farewell)] if shown.farewell else []
        if self.matches > 1:
            parts = zip(shown.agents, self.won, strict=True)
            score = ", ".join(f"{agent} {won:+g}" for agent, won in parts)
            lines.append(Line(f"After {self.matches} matches: {score}", FAINT))
        button, rest = box.top(34, GAP)
        stage.button(button._replace(w=min(button.w, 200)), "New match", self.again, "n")
        stage.canvas.list(lines, rest, TEXT)

    def _foot(self, stage: Stage, box: Box, shown: Snapshot) -> None:
        """What went wrong or what was hinted, else what the keys do."""
        canvas = stage.canvas
        inside = Box(box.x + GAP, box.y, box.w - 2 * GAP, box.h)
        if self.message:
            canvas.fill(box, MARKED)
            canvas.write(self.message, inside, TEXT - 1)
            return
        canvas.fill(box, SHADE)
        keys = [f"{key} {name.lower()}" for name, key in TABS]
        keys += ["h hint"] if self.has_hints else []
        keys += ["n new match"] if shown.over else []
        canvas.write("Keys: " + ", ".join([*keys, "ctrl-q quits"]), inside, SMALL, FAINT)
