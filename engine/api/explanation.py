"""A stored decision, sorted for people: by action, what was read, what each rule said, and the facts."""

from __future__ import annotations

from typing import Any

from engine.api.wire import Body
from engine.describe import describe

_NOT_MATCHED = "not matched"


def explanation(body: Body) -> dict[str, Any]:
    """Explains a decision from its stored body, as `engine.report.decision_body` makes it.

    Returns:
        {"rule", "rulesDigest", "warnings", "interpretation", "actions": [{"action", "summary", "words",
        "assumed", "rules", "changes", "facts", "route"}]}; without rules where the text alone decided.
    """
    read, decision = body.get("interpretation", {}), body.get("decision", {})
    actions = body.get("actions") or read.get("actions", ())
    return {
        "rule": body.get("rule", ""),
        "rulesDigest": body.get("rulesDigest", ""),
        "warnings": list(body.get("warnings", ())),
        "interpretation": dict(read),
        "actions": [
            {
                "action": dict(action),
                "summary": describe(action),
                "words": dict(_at(read.get("words", ()), index)),
                "assumed": _of(read.get("assumed", ()), index),
                "rules": [
                    {**step, "matched": step["outcome"] != _NOT_MATCHED, "decided": _decided(decision, step)}
                    for step in _of(decision.get("trace", ()), index)
                ],
                "changes": _of(decision.get("changes", ()), index),
                "facts": dict(_at(body.get("facts", ()), index)),
                "route": dict(_at(decision.get("routes", ()), index)),
            }
            for index, action in enumerate(actions)
        ],
    }


def _decided(decision: Body, step: Body) -> bool:
    """Tells whether a step decided the intent, or, where nothing stops it, where its action goes."""
    if decision["rule"]:
        by_this = (step["rule"], step["action"]) == (decision["rule"], decision["action"])
        return by_this and (step["outcome"] == "error" or step["effect"] in (decision["verdict"], "set"))
    route = _at(decision["routes"], step["action"])
    return step["rule"] == route.get("rule") and (step["outcome"], step["effect"]) == ("effect", "execute")


def _of(entries: Any, index: int) -> list[dict[str, Any]]:
    """Returns the entries about one action."""
    return [dict(entry) for entry in entries if entry["action"] == index]


def _at(entries: Any, index: int) -> Body:
    """Returns what stands at the place of an action; empty where nothing does."""
    found: Body = entries[index] if index < len(entries) else {}
    return found
