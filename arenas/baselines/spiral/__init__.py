"""SPIRAL: one language model plays every seat of several games against itself, turn by turn.

After Liu et al., "SPIRAL: Self-play on zero-sum games incentivizes reasoning via multi-agent
multi-turn reinforcement learning" (2025, arXiv:2506.24119). One model has all seats. A seat's
return belongs to every token that it sampled in the match, less what that seat of that game usually
gets (role-conditioned advantage estimation, `arenas.rollout.advantages`). The update is REINFORCE
with the clipped ratio of PPO (Schulman et al., "Proximal Policy Optimization Algorithms", 2017),
summed over the tokens of a reply and averaged over replies, so that long replies are neither
diluted nor preferred. An illegal reply forfeits the match. What this adds, each an option:

- `--kl` pays KL(policy || average) at every sampled token. The average is that of the weights that
  are trained and moves by `--average-rate` each iteration. **It is what is measured, saved and
  played.** Published SPIRAL has neither (`--kl 0 --average-rate 1`, the defaults for models that
  are loaded), and in games of hidden information such updates go in circles round the equilibrium;
  `ppo_selfplay.py` says why this settles them, with sources.
- `--advantage grpo` takes the seat's mean over `--group-size` matches of the same deal as baseline;
  `--advantage none` keeps one baseline for all seats, the ablation of role conditioning.
- `--pool-share` of the matches are against frozen snapshots of the average, the learner sitting in
  every seat equally often. From a frozen turn nothing is learnt.

`--model tiny` builds a transformer of about 0.2 million weights and a tokenizer from the games' own
texts. It has read nothing, so it first imitates, for `--warmup` updates, how random legal moves are
spelled, which teaches the format of replies and nothing about which move is good (`--warmup 0`
leaves the format to forfeits too). Where random play never gets as far as some seat, `--imitate`
names a scripted player to imitate. `--no-rules` leaves the rules out of its prompts, which it could
not follow and which are most of their tokens. `--model ORG/NAME` or a folder is a pretrained one,
trained in the same way, whole or by adapters (`--lora RANK`), in one process on the devices that it
is put on.

    arenas train KuhnPoker-v0 --algo spiral --model tiny --out runs/kuhn-spiral
    arenas train KuhnPoker-v0 TicTacToe-v0 --algo spiral --model Qwen/Qwen3-0.6B --lora 32

Learning can collapse without an error: replies shrink to nothing, every match ends in a forfeit or
a draw, one seat takes all. Each is measured in every iteration, and said aloud when it begins.

To be read in this order: settings (`config.py`), the games (`games.py`), the model and what its
words are made of (`model.py`, `speaking.py`), what it says of choices that were made and what it
learns from them (`reading.py`, `learning.py`), the run (`training.py`), its health and results
(`health.py`, `measuring.py`, `report.py`), the command (`command_line.py`).
"""

# Asked for by name where they are missing, which transformers does not do.
import torch  # noqa: F401
from tokenizers import Tokenizer  # noqa: F401

from arenas.baselines.spiral.command_line import command

__all__ = ["command"]
