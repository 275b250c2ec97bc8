"""A person at the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arenas.core.game import Game, IllegalMove, Move
from arenas.core.policy import Policy, Reply, Turn

HELP = "Type a move, or: moves (what is legal), rules (how it is played), quit."


class Quit(Exception):
    """The person asked to leave."""


class HumanPolicy(Policy):
    """Shows each turn and reads a move from standard input until a legal one is typed.

    Raises:
        ValueError: it was given an argument.
    """

    name = "human"

    def __init__(self, game: Game[Any] | None = None, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player 'human' takes no argument, got {argument!r}")
        self._greeted = False

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        """Asks for each turn's move.

        Raises:
            Quit: the person typed quit, or the input ended.
            KeyboardInterrupt: the person pressed Ctrl-C.
        """
        return [Reply(self._ask(turn)) for turn in turns]

    def _ask(self, turn: Turn) -> Move:
        if not self._greeted:
            print(HELP, flush=True)
            self._greeted = True
        print(f"\n{turn.told}", flush=True)
        while True:
            try:
                typed = input(f"{turn.agent}> ").strip()
            except EOFError:
                raise Quit from None
            if typed in ("quit", "exit"):
                raise Quit
            if typed in ("help", "?", ""):
                print(HELP, flush=True)
            elif typed == "moves":
                print(self._moves(turn), flush=True)
            elif typed == "rules":
                print(turn.game.brief(turn.seat), flush=True)
            else:
                try:
                    return turn.parse(typed)
                except IllegalMove as error:
                    print(f"That is not possible: {error}", flush=True)

    def _moves(self, turn: Turn) -> str:
        legal = turn.legal
        if legal is None:
            return turn.game.brief(turn.seat)
        return " ".join(turn.format(move) for move in legal)
