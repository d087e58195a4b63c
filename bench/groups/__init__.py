"""What is measured: each module has run(report, engines, quick)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def taking_part(engines: Iterable[Any], ability: str, *arguments: Any) -> dict[str, Any]:
    """NAME → what ``ability`` of the engine answers, for the engines that have it. Prints who stays away."""
    found = {}
    for engine in engines:
        function: Callable[..., Any] | None = getattr(engine, ability, None)
        if function is None:
            continue
        try:
            found[engine.NAME] = function(*arguments)
        except Exception as error:  # a peer that fails must not end the run, nor go unseen
            print(
                f"ABSENT from {ability}{arguments or ''}: {engine.NAME}: {type(error).__name__}: {error}", flush=True
            )
    return found
