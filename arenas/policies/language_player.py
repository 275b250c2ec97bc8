"""The player `language:PATH`: a saved language model by name, loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from arenas.core.game import Game

if TYPE_CHECKING:
    from arenas.policies.language import LanguagePolicy


def yes_or_no(text: str) -> bool:
    """Reads "yes" or "no".

    Raises:
        ValueError: it is neither.
    """
    if text not in ("yes", "no"):
        raise ValueError(text)
    return text == "yes"


_KINDS: dict[str, Any] = {
    "moves": str,
    "history": yes_or_no,
    "rules": yes_or_no,
    "temperature": float,
    "top_p": float,
    "top_k": int,
    "max_tokens": int,
    "stop": str,
    "device": str,
    "dtype": str,
}


def language_player(game: Game[Any], argument: str) -> LanguagePolicy:
    """The player `language:PATH?NAME=VALUE&...`, as in `language:runs/model?moves=scored`.

    PATH is a folder that `save_pretrained` wrote, model and tokenizer, or a name on the hub. Names:
    `moves` (free, constrained, labels, scored), `history` and `rules` (yes or no), `temperature`,
    `top_p`, `top_k`, `max_tokens`, `stop` (any number of times), `device` and `dtype`.

    Raises:
        ValueError: there is no path, or a name or value is wrong.
        ImportError: the extra `language` is not installed.
        OSError: there is no such model.
    """
    path, _, query = argument.partition("?")
    if not path:
        raise ValueError("player 'language' needs a model: language:PATH or language:ORG/NAME")
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _KINDS:
            known = ", ".join(_KINDS)
            raise ValueError(f"player 'language' takes no {name!r}; there are: {known}")
        try:
            read = _KINDS[name](value)
        except ValueError:
            kind = _KINDS[name].__name__
            raise ValueError(f"player 'language': {name}={value!r} is no {kind}") from None
        given[name] = (*given.get(name, ()), read) if name == "stop" else read
    try:
        from arenas.policies.language import LanguagePolicy, Sampling
    except ImportError as error:
        raise ImportError(
            f"player 'language' needs more packages ({error.name} is missing): "
            "pip install 'selfplay-arenas[language]'"
        ) from None
    model = {
        option: given.pop(name)
        for name, option in (("device", "device_map"), ("dtype", "dtype"))
        if name in given
    }
    options = {name: given.pop(name) for name in ("moves", "history", "rules") if name in given}
    return LanguagePolicy.load(path, model_options=model, sampling=Sampling(**given), **options)
