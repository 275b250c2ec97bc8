"""TicTacToe (noughts and crosses) on boards of 3x3 to 7x7; see README.md in this folder."""

from arenas.games.tictactoe.game import TicTacToe

__all__ = ["TicTacToe"]
