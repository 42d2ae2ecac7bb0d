"""`parse` shows how one text is read; `eval` scores the reading of labelled texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.output import Exit, emit, output_option, table

if TYPE_CHECKING:
    from rich.console import Console

    from nlp import Reader, Reading

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")


def lexicon_option() -> Any:
    """Adds `--lexicon FILE`, which may be given several times."""
    return click.option(
        "--lexicon",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Lexicon files of one's own, besides the shipped one.",
    )


@click.command("parse")
@click.argument("text")
@click.option("-n", "--namespace", default="default", show_default=True, help="The intent's own namespace.")
@click.option("--target-namespace", help="spec.targetNamespace.")
@lexicon_option()
@output_option
def parse_command(
    text: str, namespace: str, target_namespace: str | None, lexicon: tuple[Path, ...], output: str
) -> int:
    """Shows how TEXT is read: its actions, the words each field comes from, what is assumed."""
    from nlp import in_namespace  # noqa: PLC0415 - spaCy takes a second to load

    reading = load_reader(lexicon).read(text)
    resolution = in_namespace(reading, namespace, target_namespace)
    body = {**reading.to_json(), "namespaced": [dict(action) for action in resolution.actions]}
    body["assumed"] = [item.to_json() for item in resolution.assumed]
    if resolution.refusal:
        body["refusal"] = resolution.refusal.to_json()
    emit(output, "Reading", body, lambda out: _show(out, reading, body))
    return Exit.NEGATIVE if resolution.refusal else Exit.OK


def load_reader(lexicon: tuple[Path, ...]) -> Reader:
    """Loads the grammar, with lexicon files of the user's own."""
    from nlp import Reader as NlpReader  # noqa: PLC0415 - spaCy takes a second to load

    return NlpReader.load(lexicon)


def _show(out: Console, reading: Reading, body: Mapping[str, Any]) -> None:
    from rich.text import Text as RichText  # noqa: PLC0415 - only for people

    actions = reading.actions or reading.understood
    text, marks = RichText(reading.text), [" "] * len(reading.text)
    rows: list[list[Any]] = []
    resolved = body["namespaced"] or [action.fields for action in actions]
    for index, (action, fields) in enumerate(zip(actions, resolved, strict=False)):
        for number, (field, value) in enumerate(_leaves(fields)):
            colour = _COLOURS[number % len(_COLOURS)]
            spans = action.words.get(field, ())
            for span in spans:
                text.stylize(f"bold {colour}", span.start, span.end)
                marks[span.start : span.end] = "─" * (span.end - span.start)
            why = _why(body["assumed"], index, field)
            words = RichText(" … ".join(span.text for span in spans) or why, style=colour if spans else "dim")
            rows.append([str(index + 1) if not number else "", field, str(value), words])
    for span, _ in reading.ignored:
        text.stylize("dim", span.start, span.end)
    refusal = body.get("refusal")
    for unread in refusal["unread"] if refusal else ():
        text.stylize("bold white on red", unread["start"], unread["end"])
        marks[unread["start"] : unread["end"]] = "^" * (unread["end"] - unread["start"])
    out.print(text)
    out.print("".join(marks).rstrip(), style="dim")
    if rows:
        out.print(table("", ["action", "field", "value", "from the words, or assumed"], rows))
    if refusal:
        out.print(f"[bold red]Refused: {refusal['reason']}.[/] ", end="")
        out.print(refusal["message"], markup=False)
        for suggestion in refusal["suggestions"]:
            out.print(RichText(f"  try: {suggestion}", style="green"))


def _why(assumed: list[dict[str, Any]], action: int, field: str) -> str:
    found = [item["why"] for item in assumed if item["action"] == action and item["field"] == field]
    return f"assumed: {found[0]}" if found else ""


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Lists the values of an action by dotted path, as `network_policy.ports[0].port`."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


@click.command("eval")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--strict", is_flag=True, help="Fail on any wrong action.")
@click.option("--min-exact", type=float, default=0.0, help="Fail below this percentage of exact readings.")
@click.option("--predictions", type=click.Path(path_type=Path), help="Write each reading as a line of JSON.")
@click.option("--differences/--no-differences", default=True, help="List what was read otherwise.")
@lexicon_option()
@output_option
def eval_command(
    file: Path,
    strict: bool,
    min_exact: float,
    predictions: Path | None,
    differences: bool,
    lexicon: tuple[Path, ...],
    output: str,
) -> int:
    """Scores the reading of FILE, a line of JSON for each labelled text."""
    from nlp import evaluation  # noqa: PLC0415 - spaCy takes a second to load

    examples = evaluation.load_examples(file)
    reader = load_reader(lexicon)
    if predictions is not None:
        lines = evaluation.predictions(examples, reader)
        predictions.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    score = evaluation.score(examples, reader)
    emit(output, "Score", score.to_json(), lambda out: _show_score(out, score, differences=differences))
    exact = 100 * score.exact / max(1, score.total)
    return Exit.NEGATIVE if (strict and score.wrong_actions) or exact < min_exact else Exit.OK


def _show_score(out: Console, score: Score, *, differences: bool) -> None:
    def row(name: str, part: Any) -> list[str]:
        return [
            name,
            *(str(value) for value in (part.total, part.exact)),
            f"{part.percent_exact:.1f} %",
            *(str(value) for value in (part.wrong_actions, part.needless_refusals, part.wrong_reasons)),
        ]

    columns = ["type", "texts", "exact", "", "wrong actions", "needless refusals", "other reasons"]
    rows = [row(name, part) for name, part in score.by_type.items()]
    out.print(table("Reading of labelled texts", columns, [*rows, row("all", score)]))
    if not differences:
        return
    for difference in score.differences:
        out.print(f"{difference.id}: {difference.text}", style="bold", markup=False)
        out.print(f"  expected {difference.expected}", markup=False)
        out.print(f"  read     {difference.found}", markup=False)
