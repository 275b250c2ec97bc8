"""The controls of a turn as a panel: buttons, forms, their fields, what the keyboard does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from arenas.core.canvas import EDGE, Box, width_of
from arenas.core.controls import Button, Controls
from arenas.core.picture import load_pygame
from arenas.ui.widgets import SMALL, TEXT, Stage, Typing, Widget, widget_of

COLUMN = 245
"""Least width of a field."""

_ROW, _GAP = 32, 8


class Panel:
    """The controls of one turn, half filled in.

    Args:
        controls: what can be done.
        send: called with a reply.
        fill: called with a form's name and values.
    """

    def __init__(
        self,
        controls: Controls,
        send: Callable[[str], None],
        fill: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.controls = controls
        self._send = send
        self._fill = fill
        self._widgets = [[widget_of(field) for field in form.fields] for form in controls.forms]
        self._beside = [button for button in controls.buttons if button.area is None]
        self.form = 0
        self.focus: Widget | None = None
        self._scrolled = 0

    # -- what it does --------------------------------------------------------------------------

    @property
    def widgets(self) -> list[Widget]:
        """The fields of the form that is open."""
        return self._widgets[self.form] if self._widgets else []

    @property
    def typing(self) -> bool:
        """Whether letters belong to a line that is being typed."""
        return isinstance(self.focus, Typing)

    def open(self, number: int) -> None:
        """Opens a form."""
        self.form, self.focus, self._scrolled = number, None, 0

    def submit(self) -> None:
        """Sends the form that is open."""
        if self.controls.forms:
            form = self.controls.forms[self.form]
            values = [widget.value for widget in self.widgets]
            names = [field.name for field in form.fields]
            self._fill(form.name, dict(zip(names, values, strict=True)))

    def key(self, event: Any) -> bool:
        """Takes a key: of the field that has the keyboard, of a button, or to go on or send."""
        pygame = load_pygame()
        if self.focus is not None and self.focus.key(event):
            return True
        if event.key == pygame.K_TAB and self.widgets:
            step = -1 if event.mod & pygame.KMOD_SHIFT else 1
            now = self.widgets.index(self.focus) + step if self.focus in self.widgets else 0
            self.focus = self.widgets[now % len(self.widgets)]
        elif event.key in (pygame.K_RETURN, pygame.K_KP_ENTER) and self.controls.forms:
            self.submit()
        elif event.key == pygame.K_ESCAPE and self.focus is not None:
            self.focus = None
        elif not self.typing and (button := self.button_of(event)) is not None:
            self._send(button.reply)
        else:
            return False
        return True

    def button_of(self, event: Any) -> Button | None:
        """The button of a key."""
        name = load_pygame().key.name(event.key)
        return next((each for each in self.controls.buttons if each.key and each.key == name), None)

    def tick(self) -> bool:
        """Looks after fields that go on by themselves; True if something changed."""
        ticks = [widget.tick() for widgets in self._widgets for widget in widgets]
        return any(ticks)

    # -- how it looks --------------------------------------------------------------------------

    def height(self, width: int) -> int:
        """Pixels that it takes at a width, where there is room."""
        return self._flow(Box(0, 0, width, 0), 1.0, None)

    def least(self, width: int) -> int:
        """Pixels that will do: lists and boxes of text are low then."""
        return self._flow(Box(0, 0, width, 0), 0.0, None)

    def draw(self, stage: Stage, box: Box) -> int:
        """Draws it, and gives the height that it takes.

        What does not fit even when it is low is reached by the wheel.
        """
        sizes = (1.0, 0.75, 0.5, 0.25, 0.0)
        heights = [self._flow(Box(0, 0, box.w, 0), size, None) for size in sizes]
        fitting = [pair for pair in zip(sizes, heights, strict=True) if pair[1] <= box.h]
        size, high = fitting[0] if fitting else (0.0, heights[-1])
        over = max(0, high - box.h)
        self._scrolled = max(0, min(self._scrolled, over))
        surface, before = stage.canvas.surface, len(stage.presses)
        surface.set_clip(box)
        if over:

            def scroll(steps: int) -> None:
                self._scrolled -= 24 * steps

            stage.wheels.append((box, scroll))
        shown = Box(box.x, box.y - self._scrolled, box.w - 10 * bool(over), box.h)
        self._flow(shown, size, stage)
        surface.set_clip(None)
        stage.presses[before:] = [
            press._replace(box=Box(*load_pygame().Rect(press.box).clip(box)))
            for press in stage.presses[before:]
        ]
        if over:
            long = box.h * box.h // high
            y = box.y + (box.h - long) * self._scrolled // over
            stage.canvas.fill(Box(box.x + box.w - 6, y, 6, long), EDGE, 3)
        return min(high, box.h)

    def _flow(self, box: Box, size: float, stage: Stage | None) -> int:
        """Places everything from the top of a box, drawing it on a stage; gives the height.

        Fields are as high as they like for size 1, as low as will do for size 0.
        """
        y = box.y
        y = self._row(box, y, stage, [(b.label, b.key, self._sender(b)) for b in self._beside], -1)
        if len(self.controls.forms) > 1:
            names = [form.name[:1].upper() + form.name[1:] for form in self.controls.forms]
            openers = [(name, "", self._opener(i)) for i, name in enumerate(names)]
            y = self._row(box, y, stage, openers, self.form)
        if self.controls.forms:
            y = self._fields(box, y, size, stage)
            send = self.controls.forms[self.form].send
            y = self._row(box, y, stage, [(send, "enter", self.submit)], -1)
        hint = self._on_picture()
        if hint:
            if stage is not None:
                stage.canvas.list([hint], Box(box.x, y, box.w, 2 * SMALL + 8), SMALL)
            y += 2 * SMALL + 8
        return y - box.y

    def _row(
        self,
        box: Box,
        y: int,
        stage: Stage | None,
        buttons: list[tuple[str, str, Callable[[], None]]],
        chosen: int,
    ) -> int:
        """Buttons side by side, in as many rows as they need."""
        x = box.x
        for number, (label, key, do) in enumerate(buttons):
            long = width_of(f"{label}  [{key}]" if key else label, TEXT) + 24
            width = min(box.w, max(64, long))
            if x > box.x and x + width > box.x + box.w:
                x, y = box.x, y + _ROW + _GAP // 2
            if stage is not None:
                name = f"form {label}" if chosen >= 0 else ""
                at = Box(x, y, width, _ROW)
                stage.button(at, label, do, key, number == chosen, name=name)
            x += width + _GAP
        return y + _ROW + _GAP if buttons else y

    def _fields(self, box: Box, y: int, size: float, stage: Stage | None) -> int:
        columns = max(1, min(len(self.widgets), (box.w + _GAP) // (COLUMN + _GAP)))
        width = (box.w - (columns - 1) * 2 * _GAP) // columns
        for start in range(0, len(self.widgets), columns):
            row = self.widgets[start : start + columns]
            # A field alone in its row has all of it.
            wide = box.w if len(row) == 1 else width
            highs = []
            for widget in row:
                least = widget.least(wide)
                highs.append(least + round(size * (widget.height(wide) - least)))
            high = max(highs)
            for place, widget in enumerate(row):
                at = Box(box.x + place * (wide + 2 * _GAP), y, wide, highs[place])
                if stage is not None:
                    widget.draw(stage, at, widget is self.focus, self._taker(widget))
            y += high + _GAP
        return y

    def _on_picture(self) -> str:
        """What is pressed on the picture rather than here."""
        there = [button for button in self.controls.buttons if button.area is not None]
        if not there:
            return ""
        keys = ", ".join(
            f"{button.key} {button.label}" if button.key != button.label else button.key
            for button in there
            if button.key
        )
        return "Press on the picture" + (f", or a key: {keys}" if keys else "")

    def _sender(self, button: Button) -> Callable[[], None]:
        return lambda: self._send(button.reply)

    def _opener(self, number: int) -> Callable[[], None]:
        return lambda: self.open(number)

    def _taker(self, widget: Widget) -> Callable[[], None]:
        def take() -> None:
            self.focus = widget

        return take
