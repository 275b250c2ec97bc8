"""A small game on the kernel of propose and solve: hide a number, then find it."""

from __future__ import annotations

import numpy as np

from arenas.core.spaces import TextSpace
from arenas.kernels.propose_solve import Check, Grade, Noted, ProposeSolve, Submitted
from arenas.kernels.tool_calls import Argument, Tool, Toolbox, named, quoted

TOOLS = (
    Tool("ask", "whether the number is at least n", (Argument("n", "number", 99, 3),)),
    Tool(
        "submit",
        "hide or find a number; the hint is shown to solvers",
        (Argument("n", "number", 99, 5), Argument("hint", "text", 40, "small")),
    ),
)


class HideAndFind(ProposeSolve):
    """The proposer hides a number below a limit that is drawn; solvers ask and then find it."""

    def __init__(
        self,
        solvers=4,
        pay="one-minus",
        invalid=0.0,
        order="parallel",
        turns=3,
        given=None,
        wages=(0.0, 1.0),
    ):
        self.turns = turns
        self.wages = list(wages)
        self.box = Toolbox(TOOLS)
        super().__init__(
            name="HideAndFind",
            version="1",
            observation_space=self.space(),
            action_space=TextSpace(400, self.reply_examples()),
            solvers=solvers,
            pay=pay,
            invalid=invalid,
            wages=tuple(wages),
            turns=(2, turns),
            order=order,
            given=given,
        )

    @staticmethod
    def space():
        from gymnasium import spaces

        return spaces.Box(0, 127, (3,), np.int8)

    def begin(self, rng):
        return 10 + rng.below(10)

    def act(self, state, seat, move):
        if move["tool"] == "submit":
            return Submitted((move["n"], move["hint"]))
        secret = state.goal if seat == 0 else state.task
        return Noted((move["n"], move["n"] <= secret))

    def validate(self, state, proposal):
        number, hint = proposal
        checks = [Check("below the limit", number < state.goal, f"{number} is not")]
        if checks[-1].passed:
            checks.append(Check("hidden", str(number) not in hint, f"the hint says {number}"))
        checks = tuple(
            check._replace(reason="" if check.passed else check.reason) for check in checks
        )
        return checks, number if checks[-1].passed else None

    def grade(self, state, seat, answer):
        return Grade(answer[0] == state.task, answer[0])

    def take(self, given):
        if not isinstance(given, dict):
            raise ValueError("a given proposal is an object")
        return given["limit"], (given["n"], given["hint"])

    def evidence(self, state):
        return {"hidden": state.task}

    def resample_task(self, state, seat, rng):
        return state

    def legal(self, state, seat):
        return None

    def check(self, state, seat, move):
        self.box.check(move)

    def sample(self, state, seat, rng):
        tool = rng.choice(TOOLS).example()
        return {**tool, "n": rng.below(12)}

    def parse(self, state, seat, text):
        return self.box.read(text, self.spec.max_reply_chars)

    def format(self, state, seat, move):
        return self.box.format(move)

    def grammar(self, state, seat):
        return self.box.grammar()

    def reply_examples(self):
        return tuple(Toolbox(TOOLS).format(tool.example()) for tool in TOOLS)

    def view(self, state, seat):
        part = state.parts[seat]
        return np.array([1 + (seat > 0), part.turns, state.goal if seat == 0 else 0], np.int8)

    def brief(self, seat):
        return f"You are a {self.spec.roles[seat]}.\n{self.box.describe()}"

    def tell(self, state, seat):
        if not self.movers(state):
            return self.ending(state, seat)
        if seat == 0:
            return f"Hide a number below {state.goal}."
        if state.proposing:
            return "Wait for the number."
        return "\n".join([self.hint(state), *map(self.note, state.parts[seat].notes)])

    def tell_new(self, state, seat):
        notes = state.parts[seat].notes
        return self.note(notes[-1]) if notes and self.movers(state) else self.tell(state, seat)

    def hint(self, state):
        _, hint = state.parts[0].answer
        return f"Find the number. The hint, {named(hint)}:\n{quoted(hint)}"

    def note(self, note):
        return f"At least {note[0]}: {'yes' if note[1] else 'no'}."
