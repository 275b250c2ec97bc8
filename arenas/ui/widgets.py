"""What a window presses, slides and types: one widget for each field of a form.

A frame is drawn anew whenever something happened. While it is drawn, a `Stage` notes where a press
or a turn of the wheel does what, so that what is seen and what reacts are the same boxes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

from arenas.core.canvas import (
    BLUE,
    EDGE,
    FAINT,
    MARKED,
    SHADE,
    WHITE,
    Box,
    Canvas,
    cut,
    pitch,
    width_of,
    wrap,
)
from arenas.core.controls import Choice, Field, Number, Text
from arenas.core.picture import INK, load_pygame
from arenas.ui.editor import Editor, EditorError

TEXT, SMALL = 17, 14
"""Heights of text in the window."""

At = tuple[int, int]


class Press(NamedTuple):
    """A box that reacts to the left button.

    Attributes:
        box: where.
        do: what happens, given the point.
        drags: it also happens while the pointer moves with the button held.
        name: what stands there, or the reply that it sends.
    """

    box: Box
    do: Callable[[At], None]
    drags: bool = False
    name: str = ""


class Stage:
    """A frame in the making: a canvas, and the boxes that react.

    Args:
        canvas: of the window.
        pointer: where the mouse is.
    """

    def __init__(self, canvas: Canvas, pointer: At) -> None:
        self.canvas = canvas
        self.pointer = pointer
        self.presses: list[Press] = []
        self.wheels: list[tuple[Box, Callable[[int], None]]] = []

    def press(
        self, box: Box, do: Callable[[At], None], drags: bool = False, name: str = ""
    ) -> None:
        """Notes a box that reacts; later ones lie above earlier ones."""
        self.presses.append(Press(box, do, drags, name))

    def button(
        self,
        box: Box,
        label: str,
        do: Callable[[], None],
        key: str = "",
        chosen: bool = False,
        size: int = TEXT,
        name: str = "",
    ) -> None:
        """A button, with the name of its key; a chosen one is filled."""
        over = box.holds(self.pointer)
        self.canvas.fill(box, BLUE if chosen else MARKED if over else SHADE, 6)
        self.canvas.frame(box, BLUE if chosen or over else EDGE, 1, 6)
        named = f"{label}  [{key}]" if key else label
        colour = WHITE if chosen else INK
        self.canvas.write(named, box.inset(4)._replace(y=box.y, h=box.h), size, colour, "middle")
        self.press(box, lambda at: do(), name=name or label)

    def pressed(self, at: At) -> Press | None:
        """What lies uppermost at a point."""
        return next((press for press in reversed(self.presses) if press.box.holds(at)), None)

    def turned(self, at: At, steps: int) -> bool:
        """Turns the wheel at a point; False if nothing there reacts."""
        for box, do in reversed(self.wheels):
            if box.holds(at):
                do(steps)
                return True
        return False


class Widget(ABC):
    """A field being filled.

    Attributes:
        value: what stands in it.
    """

    value: Any

    @abstractmethod
    def height(self, width: int) -> int:
        """Pixels that it takes at a width."""

    def least(self, width: int) -> int:
        """Pixels that will do where there is little room."""
        return self.height(width)

    @abstractmethod
    def draw(self, stage: Stage, box: Box, focus: bool, take: Callable[[], None]) -> None:
        """Draws it; `take` gives it the keyboard."""

    def key(self, event: Any) -> bool:
        """Takes a key; False if it is none of its own."""
        return False

    def type(self, text: str) -> None:
        """Takes typed text."""

    def tick(self) -> bool:
        """Looks after what goes on by itself; True if it is to be drawn anew."""
        return False


def widget_of(field: Field) -> Widget:
    """The widget of a field."""
    if isinstance(field, Number):
        return Slider(field)
    return Chooser(field) if isinstance(field, Choice) else Typing(field)


def _label(stage: Stage, box: Box, label: str, focus: bool) -> None:
    stage.canvas.write(label, box, SMALL, BLUE if focus else FAINT)


class Slider(Widget):
    """A whole number: dragged, turned by the wheel or the arrow keys, or typed."""

    def __init__(self, field: Number) -> None:
        self.field = field
        self.value: int = field.start
        self._typed = ""

    def height(self, width: int) -> int:
        return 42 if self.field.note else 26

    def least(self, width: int) -> int:
        return 26

    def draw(self, stage: Stage, box: Box, focus: bool, take: Callable[[], None]) -> None:
        canvas, field = stage.canvas, self.field
        line, note = box.top(26)
        shown = self._typed or field.say(self.value)
        widest = max(width_of(field.say(end), TEXT) for end in (field.low, field.high))
        value = Box(line.x + line.w - widest - 2, line.y, widest + 2, line.h)
        canvas.write(shown, value, TEXT, INK, "right")
        label = line._replace(w=min(line.w * 2 // 5, max(56, width_of(field.label, SMALL) + 4)))
        _label(stage, label, field.label, focus)
        if note.h >= pitch(SMALL) - 2:
            canvas.write(field.note, note, SMALL, FAINT)
        x = label.x + label.w + 10
        rail = Box(x, line.y + 11, max(20, value.x - x - 12), 4)
        canvas.fill(rail, EDGE, 2)
        zero, knob = self._place(rail, max(field.low, min(0, field.high))), self._place(rail)
        canvas.fill(Box(min(zero, knob), rail.y, abs(knob - zero) + 1, 4), BLUE, 2)
        canvas.pen.line(canvas.surface, FAINT, (zero, rail.y - 4), (zero, rail.y + 7))
        canvas.pen.circle(canvas.surface, BLUE if focus else INK, (knob, rail.y + 2), 7)

        def slide(at: At) -> None:
            take()
            share = (at[0] - rail.x) / rail.w
            self._set(field.low + round(share * (field.high - field.low)))

        stage.press(Box(rail.x - 8, line.y, rail.w + 16, line.h), slide, drags=True)
        stage.wheels.append((box, lambda steps: self._set(self.value + steps)))

    def _place(self, rail: Box, value: int | None = None) -> int:
        span = max(1, self.field.high - self.field.low)
        value = self.value if value is None else value
        return rail.x + (value - self.field.low) * rail.w // span

    def _set(self, value: int) -> None:
        self.value, self._typed = max(self.field.low, min(self.field.high, value)), ""

    def key(self, event: Any) -> bool:
        pygame = load_pygame()
        step = {pygame.K_LEFT: -1, pygame.K_DOWN: -1, pygame.K_RIGHT: 1, pygame.K_UP: 1}
        if event.key in step:
            self._set(self.value + step[event.key])
        elif event.key == pygame.K_BACKSPACE:
            self._typed = (self._typed or str(self.value))[:-1] or "0"
            self._read()
        else:
            return False
        return True

    def type(self, text: str) -> None:
        if text.isdigit() or text in "+-":
            self._typed = (self._typed + text)[:10]
            self._read()

    def _read(self) -> None:
        if self._typed.lstrip("+-").isdigit():
            typed = int(self._typed)
            if self.field.low <= typed <= self.field.high:
                self.value = typed


class Chooser(Widget):
    """One of several: side by side where they are few and short, else a list that scrolls."""

    def __init__(self, field: Choice) -> None:
        self.field = field
        self.value: str = field.start or field.options[0][0]
        self._first = 0

    def _few(self, width: int) -> bool:
        longest = max(width_of(label, TEXT) for _, label in self.field.options) + 24
        return len(self.field.options) * longest <= width

    def height(self, width: int) -> int:
        if self._few(width):
            return 50
        return 20 + pitch(TEXT) * min(12, len(self.field.options)) + 6 + self._below(width)

    def least(self, width: int) -> int:
        return min(self.height(width), 20 + 3 * pitch(TEXT) + 6 + self._below(width))

    def _below(self, width: int) -> int:
        """The height of what is chosen in full, where the list would cut it."""
        cut_off = any(width_of(label, TEXT) > width - 22 for _, label in self.field.options)
        return 2 * pitch(SMALL) + 4 if cut_off else 0

    def draw(self, stage: Stage, box: Box, focus: bool, take: Callable[[], None]) -> None:
        head, rest = box.top(18, 2)
        _label(stage, head, self.field.label, focus)
        if self._few(box.w):
            for option, place in zip(
                self.field.options, rest.columns(len(self.field.options), 6), strict=True
            ):
                self._option(stage, place, option, take)
            return
        below = self._below(box.w)
        lines, full = rest.top(rest.h - below, 4)
        self._list(stage, lines, focus, take)
        if below:
            label = dict(self.field.options)[self.value]
            stage.canvas.paragraph(label, full, SMALL)

    def _option(
        self, stage: Stage, box: Box, option: tuple[str, str], take: Callable[[], None]
    ) -> None:
        def choose() -> None:
            take()
            self.value = option[0]

        stage.button(box, option[1], choose, chosen=self.value == option[0])

    def _list(self, stage: Stage, box: Box, focus: bool, take: Callable[[], None]) -> None:
        canvas, options, high = stage.canvas, self.field.options, pitch(TEXT)
        canvas.fill(box, WHITE, 4)
        canvas.frame(box, BLUE if focus else EDGE, 1, 4)
        inside = box.inset(3)
        room = max(1, inside.h // high)
        self._room = room
        self._first = max(0, min(self._first, len(options) - room))
        for row, (value, label) in enumerate(options[self._first : self._first + room]):
            place = Box(inside.x, inside.y + row * high, inside.w - 10, high)
            if value == self.value:
                canvas.fill(place, BLUE, 3)
            elif place.holds(stage.pointer):
                canvas.fill(place, MARKED, 3)
            colour = WHITE if value == self.value else INK
            canvas.write(label, place.inset(3)._replace(y=place.y, h=place.h), TEXT, colour)

            def choose(at: At, value: str = value) -> None:
                take()
                self.value = value

            stage.press(place, choose)
        if len(options) > room:
            long = max(12, inside.h * room // len(options))
            y = inside.y + (inside.h - long) * self._first // (len(options) - room)
            canvas.fill(Box(inside.x + inside.w - 6, y, 6, long), EDGE, 3)

        def scroll(steps: int) -> None:
            self._first -= 3 * steps

        stage.wheels.append((box, scroll))

    def key(self, event: Any) -> bool:
        pygame = load_pygame()
        page = getattr(self, "_room", 1)
        step = {
            pygame.K_UP: -1,
            pygame.K_LEFT: -1,
            pygame.K_DOWN: 1,
            pygame.K_RIGHT: 1,
            pygame.K_PAGEUP: -page,
            pygame.K_PAGEDOWN: page,
        }.get(event.key)
        if step is None:
            return False
        values = [value for value, _ in self.field.options]
        now = max(0, min(len(values) - 1, values.index(self.value) + step))
        self.value = values[now]
        # What is chosen stays in sight.
        self._first = min(max(self._first, now - page + 1), now)
        return True


class Typing(Widget):
    """A line, or a box of several that `$EDITOR` opens; both are typed into at their end."""

    def __init__(self, field: Text) -> None:
        self.field = field
        self.value: str = field.start
        self.trouble = ""
        self._editor = Editor(field.suffix)

    def height(self, width: int) -> int:
        return 50 if self.field.rows == 1 else 26 + pitch(SMALL) * min(8, self.field.rows) + 6

    def least(self, width: int) -> int:
        return 50 if self.field.rows == 1 else 26 + 2 * pitch(SMALL) + 12

    def draw(self, stage: Stage, box: Box, focus: bool, take: Callable[[], None]) -> None:
        head, rest = box.top(18, 2)
        if self.field.rows > 1:
            edit = Box(head.x + head.w - 130, head.y - 1, 130, 22)
            head, rest = head._replace(w=head.w - 136), rest._replace(y=rest.y + 4, h=rest.h - 4)
        _label(stage, head, self.trouble or self.field.label, focus)
        stage.canvas.fill(rest, WHITE, 4)
        stage.canvas.frame(rest, BLUE if focus else EDGE, 1, 4)
        inside = rest.inset(6)
        if self.field.rows == 1:
            self._line(stage, inside._replace(y=rest.y, h=rest.h), focus)
        else:
            lines = wrap(self.value, inside.w, SMALL)
            stage.canvas.list(lines, inside, SMALL, "last" if focus else "first")
            editing = "In your editor" if self._editor.is_open else "Edit in $EDITOR"
            stage.button(edit, editing, self.edit)
        stage.press(rest, lambda at: take())

    def _line(self, stage: Stage, box: Box, focus: bool) -> None:
        """The end of the line while it is typed, its beginning otherwise."""
        shown = self.value
        if focus:
            while width_of(shown + "|", TEXT) > box.w:
                shown = shown[max(1, len(shown) // 20) :]
            shown += "|"
        stage.canvas.write(cut(shown, box.w, TEXT), box, TEXT)

    def type(self, text: str) -> None:
        self.value = (self.value + text)[: self.field.max_chars]

    def key(self, event: Any) -> bool:
        pygame = load_pygame()
        if event.key == pygame.K_BACKSPACE:
            word = event.mod & pygame.KMOD_CTRL
            self.value = self.value.rpartition(" ")[0] if word else self.value[:-1]
        elif event.key == pygame.K_RETURN and self.field.rows > 1:
            if event.mod & pygame.KMOD_CTRL:
                return False
            self.type("\n")
        else:
            return False
        return True

    def edit(self) -> None:
        """Opens the text in `$VISUAL` or `$EDITOR`; the window goes on meanwhile."""
        try:
            self._editor.open(self.value)
            self.trouble = ""
        except EditorError as error:
            self.trouble = str(error)

    def tick(self) -> bool:
        try:
            text = self._editor.done()
        except EditorError as error:
            self.trouble = str(error)
            return True
        if text is not None:
            self.value = text[: self.field.max_chars]
        return text is not None
