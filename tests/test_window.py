"""The window, driven by events that a person would make, without a display."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import arenas
from arenas.cli import app
from arenas.core.canvas import Box
from arenas.core.controls import Choice, Form, Number, Text
from arenas.core.policy import Policy, Reply
from arenas.core.rng import Rng
from arenas.ui.layout import arrange
from arenas.ui.session import Session
from arenas.ui.widgets import Press, Typing, widget_of

pygame = pytest.importorskip("pygame")
from arenas.ui.window import MOVE, PICTURE, TABS, Window  # noqa: E402

SIZES = ((1280, 720), (800, 600))
PATIENCE = 120.0
"""Seconds after which a test gives up; machines may be busy."""


@pytest.fixture
def opened() -> Iterator[Callable[..., Window]]:
    """Makes windows and closes them."""
    windows: list[Window] = []

    def make(game: Any, players: Any, seat: int = 0, seed: int = 3, **more: Any) -> Window:
        size = more.pop("size", SIZES[0])
        new = Window(lambda: Session(game, players, (seat,), seed, **more), seat, size)
        windows.append(new)
        wait(new, lambda: new.shown is not None)
        return new

    yield make
    for window in windows:
        window.close()


def wait(window: Window, ready: Callable[[], bool]) -> None:
    """Frames until something holds and all of it is shown."""
    end = monotonic() + PATIENCE
    while not (window.step([]) and ready()):
        assert monotonic() < end, f"in vain: {window.message}"
        sleep(0.001)


def turn(window: Window) -> bool:
    return window.shown is not None and (window.shown.my_turn or window.shown.over)


def key(window: Window, code: int, mod: int = 0) -> None:
    window.step([pygame.event.Event(pygame.KEYDOWN, key=code, mod=mod, unicode="")])
    window.step([pygame.event.Event(pygame.KEYUP, key=code, mod=mod)])


def write(window: Window, text: str) -> None:
    window.step([pygame.event.Event(pygame.TEXTINPUT, text=text)])


def click(window: Window, at: tuple[int, int]) -> None:
    wait(window, lambda: True)
    window.step([pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=at)])
    window.step([pygame.event.Event(pygame.MOUSEBUTTONUP, button=1, pos=at)])


def press(window: Window, name: str) -> None:
    """Presses what has a name."""
    wait(window, lambda: True)
    assert window.stage is not None
    found = [each for each in window.stage.presses if each.name == name]
    assert found, f"no {name!r} among {[each.name for each in window.stage.presses]}"
    click(window, found[-1].box.middle)


def fill(window: Window, form: Form, number: int, rng: Rng) -> None:
    """Fills a form by keyboard and sends it; sliders go down and up in turn."""
    if len(window.panel.controls.forms) > 1:
        press(window, f"form {form.name[:1].upper()}{form.name[1:]}")
    for place, field in enumerate(form.fields):
        key(window, pygame.K_TAB)
        assert window.panel.focus is window.panel.widgets[place]
        if isinstance(field, Number):
            key(window, (pygame.K_LEFT, pygame.K_RIGHT)[place % 2])
        elif isinstance(field, Choice):
            for _ in range(rng.below(3)):
                key(window, pygame.K_DOWN)
        else:
            write(window, rng.choice(("river", "a town", "There is a cube.")))
    key(window, pygame.K_RETURN, pygame.KMOD_CTRL)


def act(window: Window, rng: Rng) -> None:
    """A random button or form of the turn."""
    controls = window.panel.controls
    number = rng.below(len(controls.buttons) + len(controls.forms))
    if number >= len(controls.buttons):
        form = number - len(controls.buttons)
        fill(window, controls.forms[form], form, rng)
        return
    button = controls.buttons[number]
    if button.key and rng.below(2):
        key(window, pygame.key.key_code(button.key))
    else:
        press(window, button.reply if button.area else button.label)


MATCHES: list[tuple[str, str, int, dict[str, Any]]] = [
    ("KuhnPoker-v0", "nash", 1, {"hands": 2}),
    ("TicTacToe-v0", "exact", 0, {}),
    ("TicTacToe-v0", "scripted", 1, {"size": 7, "win_length": 3}),
    ("Negotiation-v0", "scripted", 0, {"turns": 6}),
    ("Spy-v0", "scripted", 0, {"players": 3, "rounds": 1}),
    ("Spy-v0", "random", 1, {"players": 3, "rounds": 1, "clues": "free"}),
    (
        "DeepSearch-v0",
        "random",
        1,
        {"documents": 200, "solvers": 2, "turns": 3, "moves": "numbered"},
    ),
    ("DeepSearch-v0", "random", 0, {"documents": 200, "solvers": 2, "turns": 3}),
]
BUGS = {"projects": ["tablet"], "solvers": 4}


def play_through(window: Window, seed: int) -> None:
    rng = Rng(seed)
    for _ in range(300):
        wait(window, lambda: turn(window))
        assert window.shown is not None
        if window.shown.over:
            break
        step = window.shown.step
        act(window, rng)
        # What was refused has its reason below.
        wait(window, lambda step=step: bool(window.message) or window.shown.step > step)
    assert window.shown.over
    assert not window.shown.failure


@pytest.mark.parametrize(
    ("game", "others", "seat", "options"), MATCHES, ids=lambda value: str(value)[:24]
)
def test_matches_are_played_through_by_mouse_and_keyboard(
    opened: Callable[..., Window], game: str, others: str, seat: int, options: dict[str, Any]
) -> None:
    window = opened(game, others, seat, options=options, size=SIZES[seat % 2])
    play_through(window, 5)
    assert window.session.match_record().problems(window.session.game) == []


@pytest.mark.slow  # tests of a project are run in the sandbox
def test_a_bug_is_made_in_the_window(opened: Callable[..., Window]) -> None:
    play_through(opened("BugRepair-v0", "random", 0, options=BUGS), 1)


def test_the_kitchen_goes_on_and_hears_keys_that_are_held(opened: Callable[..., Window]) -> None:
    window = opened("Overcooked-v0", "scripted", 0, options={"horizon": 24}, tick=0.1)
    down = {"key": pygame.K_LEFT, "mod": 0, "unicode": ""}
    window.step([pygame.event.Event(pygame.KEYDOWN, **down)])
    wait(window, lambda: window.shown.step > 20)
    window.step([pygame.event.Event(pygame.KEYUP, key=pygame.K_LEFT, mod=0)])
    wait(window, lambda: window.shown.over)
    record = window.session.match_record()
    moves = [turn["text"] for turn in record.turns if turn["seat"] == 0]
    assert moves.count("[west]") >= 3
    assert moves.count("[stay]") >= 3
    assert record.problems(window.session.game) == []


class Slow(Policy):
    """Thinks until it is let go."""

    name = "slow"

    def __init__(self) -> None:
        self.go = threading.Event()

    def act(self, turns: Any) -> list[Reply]:
        self.go.wait(PATIENCE)
        return [Reply(turn.sample()) for turn in turns]


def test_a_late_agent_keeps_nobody_waiting(opened: Callable[..., Window]) -> None:
    slow = Slow()
    window = opened("TicTacToe-v0", slow, 1)
    try:
        for tab in range(len(TABS)):
            press(window, TABS[tab][0])
            assert window.tab == tab
        key(window, pygame.K_m)
        assert window.tab == MOVE
        assert not window.shown.my_turn
        click(window, (300, 300))
        assert window.shown.step == 0
    finally:
        slow.go.set()
    wait(window, lambda: window.shown.my_turn)


def test_a_kitchen_with_a_late_agent_goes_on(opened: Callable[..., Window]) -> None:
    slow = Slow()
    game = arenas.make_game("Overcooked-v0", horizon=10)
    window = opened(game, slow, 0, tick=0.02, game_id="Overcooked-v0")
    try:
        wait(window, lambda: window.shown.over)
    finally:
        slow.go.set()
    moves = [turn["text"] for turn in window.session.match_record().turns if turn["seat"] == 1]
    assert moves == ["[stay]"] * 10


# -- what is seen ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1280, 720), (800, 600), (500, 400), (1920, 500)])
@pytest.mark.parametrize("need", [0, 200, 430, 900])
@pytest.mark.parametrize("picture", [(320, 336), (880, 580), (520, 564)])
def test_parts_of_a_window_do_not_overlap(
    size: tuple[int, int], need: int, picture: tuple[int, int]
) -> None:
    places = arrange(size, picture, lambda width: need)
    window = Box(0, 0, *size)
    parts = [places.bar, places.picture, places.panel, places.foot]
    rects = [pygame.Rect(part) for part in parts]
    for number, rect in enumerate(rects):
        assert pygame.Rect(window).contains(rect)
        assert not any(rect.colliderect(other) for other in rects[number + 1 :])


WHOLE = [
    ("KuhnPoker-v0", 0, {"players": 4}),
    ("TicTacToe-v0", 0, {"size": 7}),
    ("Negotiation-v0", 0, {}),
    ("Negotiation-v0", 0, {"preset": "eight", "players": 4, "turns": 8}),
    ("Spy-v0", 0, {"players": 8, "rounds": 1}),
    ("DeepSearch-v0", 0, {"documents": 200}),
]


@pytest.mark.parametrize(("game", "seat", "options"), WHOLE, ids=lambda value: str(value)[:24])
@pytest.mark.parametrize("size", SIZES)
def test_all_that_can_be_pressed_is_in_sight(
    opened: Callable[..., Window], game: str, seat: int, options: dict[str, Any], size: Any
) -> None:
    window = opened(game, "random", seat, options=options, size=size)
    wait(window, lambda: turn(window))
    screen = pygame.Rect(0, 0, *size)
    for number in range(max(1, len(window.panel.controls.forms))):
        window.panel.open(number)
        key(window, pygame.K_F12)
        wait(window, lambda: True)
        names = [each.name for each in window.stage.presses]
        for button in window.panel.controls.buttons:
            assert (button.reply if button.area else button.label) in names
        for form in window.panel.controls.forms[number : number + 1]:
            assert form.send in names
        for each in window.stage.presses:
            assert screen.contains(each.box), each
            assert each.box.w >= 10
            assert each.box.h >= 10
        _apart(window.stage.presses)


def _apart(presses: list[Press]) -> None:
    """Buttons of the panel do not lie on each other."""
    buttons = [pygame.Rect(each.box) for each in presses if each.name]
    for number, one in enumerate(buttons):
        assert not any(one.colliderect(other) for other in buttons[number + 1 :])


def test_a_window_of_another_size_is_drawn_anew(opened: Callable[..., Window]) -> None:
    window = opened("TicTacToe-v0", "random", 0)
    wait(window, lambda: turn(window))
    for size in ((640, 480), (1500, 900), (300, 200)):
        pygame.display.set_mode(size, pygame.RESIZABLE)
        window.step([pygame.event.Event(pygame.VIDEORESIZE, size=size, w=size[0], h=size[1])])
        wait(window, lambda: True)
        drawn = pygame.surfarray.array3d(pygame.display.get_surface())
        assert drawn.shape[:2] == size
        assert len(np.unique(drawn[::5, ::5].reshape(-1, 3), axis=0)) > 10


def test_the_picture_unfolds_when_it_is_pressed(opened: Callable[..., Window]) -> None:
    window = opened("Negotiation-v0", "scripted", 0, size=SIZES[1])
    wait(window, lambda: turn(window))
    click(window, (200, 300))
    assert window.tab == PICTURE
    click(window, (400, 300))
    assert window.tab == MOVE


def test_the_last_move_is_marked(opened: Callable[..., Window]) -> None:
    window = opened("TicTacToe-v0", "exact", 0)
    wait(window, lambda: turn(window))
    before = pygame.surfarray.array3d(pygame.display.get_surface())
    press(window, "[4]")
    wait(window, lambda: window.shown.my_turn and window.shown.step == 2)
    after = pygame.surfarray.array3d(pygame.display.get_surface())
    marks = [(np.abs(each - (230, 159, 0)).sum(2) == 0).sum() for each in (before, after)]
    assert marks[0] == 0
    assert marks[1] > 500


# -- what is said and asked ------------------------------------------------------------------------


def test_a_hint_comes_from_an_exact_player(opened: Callable[..., Window]) -> None:
    window = opened("KuhnPoker-v0", "nash", 0)
    wait(window, lambda: window.shown.my_turn and window.has_hints)
    key(window, pygame.K_h)
    wait(window, lambda: "An exact player: " in window.message)
    assert "%" in window.message
    other = opened("Spy-v0", "random", 0)
    wait(other, lambda: turn(other))
    key(other, pygame.K_h)
    assert "no exact player" in other.message


def test_what_is_refused_is_told_and_changes_nothing(opened: Callable[..., Window]) -> None:
    window = opened("Negotiation-v0", "scripted", 0)
    wait(window, lambda: turn(window))
    step = window.shown.step
    press(window, "Offer")
    assert "move two sliders" in window.message
    assert window.session.snapshot(0).step == step


def test_further_matches_add_to_the_score(opened: Callable[..., Window]) -> None:
    window = opened("KuhnPoker-v0", "random", 0)
    for match in (1, 2):
        play_through(window, match)
        assert window.matches == match
        if match == 1:
            first = window.won
            key(window, pygame.K_n)
            wait(window, lambda: window.shown is not None and not window.shown.over)
    assert len(window.won) == 2
    assert sum(window.won) == 0.0
    assert window.won != first or window.shown.totals == (0.0, 0.0)


def test_sliders_are_dragged_turned_and_typed(opened: Callable[..., Window]) -> None:
    window = opened("Negotiation-v0", "scripted", 0, options={"preset": "two", "talk": False})
    wait(window, lambda: turn(window))
    first = window.panel.widgets[0]
    rail = next(each for each in window.stage.presses if each.drags).box
    down = {"button": 1, "pos": (rail.x + 1, rail.y + 5)}
    window.step([pygame.event.Event(pygame.MOUSEBUTTONDOWN, **down)])
    assert first.value == -10
    pos = (rail.x + rail.w - 1, rail.y + 5)
    window.step([pygame.event.Event(pygame.MOUSEMOTION, pos=pos, rel=(1, 0), buttons=(1, 0, 0))])
    window.step([pygame.event.Event(pygame.MOUSEBUTTONUP, button=1, pos=pos)])
    assert first.value == first.field.high
    for letter in "-7":
        write(window, letter)
    assert first.value == -7
    wheel = {"x": 0, "y": 2, "pos": rail.middle}
    window.step([pygame.event.Event(pygame.MOUSEWHEEL, **wheel)])
    assert first.value == -5


def test_an_editor_opens_text_of_several_rows(monkeypatch: Any, tmp_path: Any) -> None:
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys; f = open(sys.argv[1], 'a'); f.write(sys.argv[1][-5:] + ' edited')"
    )
    field = widget_of(Text("diff", "A diff", 1_000, 8, "start ", ".diff"))
    assert isinstance(field, Typing)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    field.edit()
    assert "Set $EDITOR" in field.trouble
    monkeypatch.setenv("EDITOR", f"{tmp_path}/nowhere")
    field.edit()
    assert "No such file" in field.trouble
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    field.edit()
    end = monotonic() + PATIENCE
    while not field.tick():
        assert monotonic() < end
        sleep(0.01)
    assert field.value == "start .diff edited"
    assert field.trouble == ""


def test_a_broken_game_is_told_and_the_window_stays(
    opened: Callable[..., Window], monkeypatch: Any
) -> None:
    game = arenas.make_game("TicTacToe-v0")
    monkeypatch.setattr(game, "draw", lambda *_: 1 / 0)
    window = Window(lambda: Session(game, "random", (0,), 1, game_id="TicTacToe-v0"), 0)
    wait(window, lambda: bool(window.message))
    assert "ZeroDivisionError" in window.message
    window.close()


# -- environments and the command line -------------------------------------------------------------


def test_environments_show_matches_in_a_window() -> None:
    env = arenas.make("TicTacToe-v0", render_mode="human")
    env.reset(seed=1)
    env.step(4)
    surface = pygame.display.get_surface()
    assert surface is not None
    before = pygame.surfarray.array3d(surface)
    env.step(0)
    assert not np.array_equal(before, pygame.surfarray.array3d(pygame.display.get_surface()))
    assert pygame.display.get_caption()[0] == env.name
    env.close()
    assert pygame.display.get_surface() is None
    env.close()


@pytest.mark.parametrize("without", ["pygame", "display"])
def test_without_a_window_environments_print(without: str) -> None:
    program = (
        "import sys, os\n"
        + ("sys.modules['pygame'] = None\n" if without == "pygame" else "")
        + "os.environ['SDL_VIDEODRIVER'] = 'nowhere'\n"
        "import arenas\n"
        "env = arenas.make('TicTacToe-v0', render_mode='human')\n"
        "env.reset(seed=1); env.step(4); env.close()\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "X" in run.stdout


def test_the_command_opens_a_window_or_says_why_not(monkeypatch: Any) -> None:
    monkeypatch.setattr(Window, "run", lambda window: (play_through(window, 1), window.close()))
    line = ["play", "KuhnPoker-v0", "--vs", "nash", "--seed", "5", "--ui", "window"]
    said = CliRunner().invoke(app, line)
    assert said.exit_code == 0, said.output
    assert "--seed 5 deals this again" in said.output
    pygame.display.quit()
    monkeypatch.setenv("SDL_VIDEODRIVER", "nowhere")
    said = CliRunner().invoke(app, line)
    assert said.exit_code != 0
    assert "--ui terminal" in said.output
    assert "Traceback" not in said.output
