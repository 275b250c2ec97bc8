"""Our Kuhn poker in TextArena's own loop, learnt there; TextArena's liar's dice as an arena."""

import random
import re
import sys
from collections import defaultdict

import textarena

import arenas
from arenas.adapters.textarena import register_games


class Learner(textarena.Agent):
    """Replies what has paid most so far after the same words, or with odds `explore` anything."""

    def __init__(self, explore):
        self.explore = explore
        self.paid = defaultdict(lambda: (0.0, 0))  # (words, reply) -> mean chips, times
        self.said = []

    def __call__(self, observation):
        words = observation.rsplit("[GAME]", 1)[1]
        replies = re.findall(r"\[\w+\]", words)
        reply = max(replies, key=lambda each: self.paid[words, each][0])
        if random.random() < self.explore:
            reply = random.choice(replies)
        self.said.append((words, reply))
        return reply

    def learn(self, chips):
        for each in self.said:
            mean, times = self.paid[each]
            self.paid[each] = mean + (chips - mean) / (times + 1), times + 1
        self.said.clear()


random.seed(0)
register_games()
env, learner, won = textarena.make("arenas/KuhnPoker-v0"), Learner(explore=0.1), []
hands = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
for hand in range(hands):
    mine, over = hand % 2, False
    agents = {mine: learner, 1 - mine: Learner(explore=1)}
    env.reset(num_players=2, seed=hand)
    while not over:
        seat, observation = env.get_observation()
        over, _ = env.step(agents[seat](observation))
    won.append(env.close()[0][mine])
    learner.learn(won[-1])
third = hands // 3
for name, part in (("first", won[:third]), ("last", won[-third:])):
    print(f"{name} third: {sum(part) / third:+.3f} chips a hand")

options = {"env_id": "LiarsDice-v0-small", "players": 3}
records = list(arenas.play_matches("TextArena-v0", ["random"] * 3, n=5, options=options))
game = arenas.make_game("TextArena-v0", **options)
print("rewards in liar's dice:", [record.rewards for record in records])
print("records refused:", sum(bool(record.problems(game)) for record in records))
