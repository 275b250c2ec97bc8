"""A live match in the terminal with keys, buttons and forms; works over ssh.

`terminal.play` is the same a line at a time, for pipes and for terminals that can do no more.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text as Styled
from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, HorizontalGroup, VerticalGroup, VerticalScroll
from textual.events import Key
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Footer, Input, Label, Select, Static, TextArea

from arenas.core.controls import Choice, Controls, Field, Form, Number, Text
from arenas.core.game import IllegalMove
from arenas.ui.session import NotYourTurn, Session

SHOWN_LINES = 200


class Play(App[None]):
    """The application; `run()` shows it until the person leaves.

    Args:
        session: the match; it is started here and closed by whoever made it.
        seat: the person's.
    """

    CSS = """
    #head { height: auto; padding: 0 1; background: $boost; }
    #told-box { width: 3fr; padding: 0 1; }
    #log-box { width: 2fr; padding: 0 1; border-left: solid $primary; }
    #message { height: auto; padding: 0 1; color: $warning; }
    #controls { height: auto; max-height: 50%; padding: 0 1; }
    .buttons { height: auto; layout: grid; grid-size: 6; grid-rows: 3; }
    .form { height: auto; }
    .field { width: 1fr; height: auto; min-width: 12; }
    TextArea { height: 10; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("f1", "rules", "rules"),
        ("f2", "hint", "hint"),
        ("ctrl+q", "quit", "leave"),
    ]

    class Changed(Message):
        """The match has changed."""

    def __init__(self, session: Session, seat: int) -> None:
        super().__init__()
        self.session = session
        self.seat = seat
        self.shown_controls: Controls | None = None
        self.shows_rules = False
        self.waiting = False

    def compose(self) -> ComposeResult:
        """Head, situation and log side by side, a line for messages, controls, keys."""
        yield Static(id="head")
        with Horizontal():
            with VerticalScroll(id="told-box"):
                yield Static(id="told")
            with VerticalScroll(id="log-box"):
                yield Static(id="log")
        yield Static(id="message")
        yield VerticalScroll(id="controls")
        yield Footer()

    async def on_mount(self) -> None:
        """Starts the match."""
        self.title = f"{self.session.game.spec.name}"
        self.session.listen(self._announce)
        self.session.start()
        await self._show()

    def _announce(self) -> None:
        # Called from any thread while the session waits, so it does no more than this.
        if not self.waiting:
            self.waiting = True
            self.post_message(self.Changed())

    @on(Changed)
    async def changed(self) -> None:
        """Shows the match as it is now."""
        self.waiting = False
        await self._show()

    async def _show(self) -> None:
        now = self.session.snapshot(self.seat)
        scores = ", ".join(
            f"{agent} ({name}) {total:+g}"
            for agent, name, total in zip(now.agents, now.names, now.totals, strict=True)
        )
        if now.over:
            turn = now.failure or "The match is over. Ctrl+Q leaves."
        elif now.my_turn:
            turn = "Your turn."
        else:
            turn = f"{', '.join(now.agents[seat] for seat in now.awaited)} to move."
        self.query_one("#head", Static).update(
            Styled(f"{self.title}, you are {now.agents[self.seat]}. {turn}\n{scores}")
        )
        told = now.brief if self.shows_rules else now.farewell or now.told
        self.query_one("#told", Static).update(Styled(told))
        lines = Styled("\n").join(
            Styled.assemble((f"{who} ", "bold"), what) for who, what in now.log[-SHOWN_LINES:]
        )
        self.query_one("#log", Static).update(lines)
        self.query_one("#log-box").scroll_end(animate=False)
        if now.controls != self.shown_controls:
            self.shown_controls = now.controls
            await self._put_controls(now.controls)

    async def _put_controls(self, controls: Controls) -> None:
        box = self.query_one("#controls")
        await box.remove_children()
        if controls.buttons:
            labels = [
                Button(f"{each.label} ({each.key})" if each.key else each.label, name=str(number))
                for number, each in enumerate(controls.buttons)
            ]
            await box.mount(VerticalGroup(*labels, classes="buttons"))
        for form in controls.forms:
            await box.mount(_Entry(form))
        if controls.forms and not controls.buttons:
            box.query(Input).first().focus() if box.query(Input) else None

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Plays what a button stands for, or sends the form that it belongs to."""
        entry = next((each for each in event.button.ancestors if isinstance(each, _Entry)), None)
        if entry is not None:
            self._send(entry)
        elif self.shown_controls is not None and event.button.name is not None:
            self._reply(self.shown_controls.buttons[int(event.button.name)].reply)

    @on(Input.Submitted)
    def entered(self, event: Input.Submitted) -> None:
        """Sends the form in which Enter was pressed."""
        self._send(next(each for each in event.input.ancestors if isinstance(each, _Entry)))

    def on_key(self, event: Key) -> None:
        """Plays the button that a key stands for, unless it is being typed somewhere."""
        if isinstance(self.focused, Input | TextArea | Select) or self.shown_controls is None:
            return
        for each in self.shown_controls.buttons:
            if each.key and each.key == event.key:
                event.stop()
                event.prevent_default()
                self._reply(each.reply)
                return

    def action_rules(self) -> None:
        """Shows the rules in place of the situation, or no longer."""
        self.shows_rules = not self.shows_rules
        self.post_message(self.Changed())

    def action_hint(self) -> None:
        """Says what an exact player would do."""
        try:
            self._say(f"Hint: {self.session.hint(self.seat)}")
        except (NotYourTurn, ValueError) as error:
            self._say(str(error))

    def _send(self, entry: _Entry) -> None:
        try:
            self.session.fill(self.seat, entry.form.name, entry.values())
            self._say("")
        except (NotYourTurn, IllegalMove) as error:
            self._say(str(error))

    def _reply(self, text: str) -> None:
        try:
            self.session.reply(self.seat, text)
            self._say("")
        except (NotYourTurn, IllegalMove) as error:
            self._say(str(error))

    def _say(self, message: str) -> None:
        self.query_one("#message", Static).update(Styled(message))


class _Entry(VerticalGroup):
    """A form with its button."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.inputs = {field.name: _widget(field) for field in form.fields}
        fields = (
            VerticalGroup(Label(_label(field)), self.inputs[field.name], classes="field")
            for field in form.fields
        )
        super().__init__(HorizontalGroup(*fields), Button(form.send), classes="form")

    def values(self) -> dict[str, Any]:
        """What stands in the fields now.

        Raises:
            IllegalMove: a number is none.
        """
        found: dict[str, Any] = {}
        for field in self.form.fields:
            widget = self.inputs[field.name]
            if isinstance(widget, TextArea):
                found[field.name] = widget.text
            elif isinstance(widget, Select | Input):
                found[field.name] = widget.value
            if isinstance(field, Number):
                try:
                    found[field.name] = int(found[field.name] or field.start)
                except ValueError:
                    raise IllegalMove(f"{field.label}: a whole number is needed") from None
        return found


def _label(field: Field) -> str:
    if isinstance(field, Number):
        note = f", {field.note}" if field.note else ""
        return f"{field.label} ({field.low} to {field.high}{note})"
    return field.label


def _widget(field: Field) -> Widget:
    match field:
        case Number():
            return Input(str(field.start), type="integer", compact=True)
        case Choice():
            options = [(label, value) for value, label in field.options]
            start = field.start or field.options[0][0]
            return Select(options, value=start, allow_blank=False, compact=True)
        case Text():
            if field.rows > 1:
                return TextArea(field.start)
            return Input(field.start, max_length=field.max_chars, placeholder=field.label)
