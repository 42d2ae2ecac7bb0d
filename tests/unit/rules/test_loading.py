"""Rules from files: what is read, in which order, and how each mistake is told with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rules
from documents import DocumentError

BookOf = Callable[..., rules.RuleBook]

HEAD = "apiVersion: conductor-watch/v1\nkind: RuleSet\nmetadata: {name: mine}\n"


def one_rule(when: str, match: str = "{}", then: str = "{refuse: no}") -> str:
    rule = f"  - name: one\n    match: {match}\n    when: {when}\n    then: {then}\n"
    return f"{HEAD}vars: {{cap: 10, none: []}}\nrules:\n{rule}"


def problems_of(book: BookOf, *texts: str, **options: bool) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        book(*texts, **options)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("when", "column", "message"),
    [
        ("action.replcas > 3", 18, "action has no field 'replcas'; did you mean 'replicas'?"),
        ("acton.target == 'a'", 11, "'acton' is not known here; did you mean 'action'?"),
        ("action.target > 3", 25, "'>' does not take (string, int)"),
        ("action.target", 11, "a condition has to be true or false, this is string"),
        ("action.replicas > 3", 18, "action.replicas may be absent; ask first: has(action.replicas) && …"),
        ("intent.maxReplicas > 3", 18, "intent.maxReplicas may be absent"),
        ("intent.labels.tier == 'x'", 25, "intent.labels.tier may be absent"),
        ("vars.kap > 3", 16, "vars has no field 'kap'; did you mean 'cap'?"),
        ("facts.kind == 3", 22, "'==' does not take (string, int)"),
        (
            "action.intent_type == 'scalling'",
            33,
            "action.intent_type is never 'scalling'; did you mean 'scaling'?",
        ),
        ("intent.source in ['web']", 29, "intent.source is never 'web'"),
        ("facts.containers.exists(c, c.cpuRequestMilli > 3)", 40, "c.cpuRequestMilli may be absent"),
        ("has(action.resources) && has(action.resources.quota.memry)", 39, "no 'memry' here; there are cpu"),
        ("action.target.like(3)", 29, "'like' does not take (string, int)"),
        ("settings.nothing == ''", 20, "settings has no field 'nothing'"),
    ],
)
def test_an_expression_is_checked_when_it_loads(
    when: str, column: int, message: str, book: BookOf, tmp_path: Path
) -> None:
    (problem,) = problems_of(book, one_rule(when))[:1]
    first, excerpt, caret = problem.split("\n")
    assert first.startswith(f"{tmp_path}/0.yaml:8:{column}: rules[0].when: ")
    assert message in first
    assert excerpt.strip() == f"when: {when}"
    assert caret.index("^") == column + 3


@pytest.mark.parametrize(
    ("when", "match"),
    [
        ("has(action.replicas) && action.replicas > vars.cap", "{}"),
        ("!has(action.replicas) || action.replicas > vars.cap", "{}"),
        ("has(action.replicas) ? action.replicas > 3 : false", "{}"),
        ("action.replicas > vars.cap", "{intentTypes: [scaling]}"),
        ("'tier' in intent.labels && intent.labels.tier == 'x'", "{}"),
        ("has(intent.labels.tier) && intent.labels['tier'] == 'x'", "{}"),
        ("facts.namespaceLabels.exists(l, facts.namespaceLabels[l] == 'x')", "{}"),
        ("facts.replicas > 3", "{}"),
        ("now > timestamp('2026-01-01T00:00:00Z') && now.getHours('Europe/Berlin') > 3", "{}"),
        ("has(history.lastCompletedAt) && now - history.lastCompletedAt < duration('1h')", "{}"),
    ],
)
def test_a_guarded_field_may_be_read(when: str, match: str, book: BookOf) -> None:
    assert len(book(one_rule(f'"{when}"', match)).rules) == 1


def test_what_a_condition_makes_sure_of_holds_in_the_effects(book: BookOf) -> None:
    guarded = one_rule("has(action.replicas)", then='{refuse: "not ${action.replicas}"}')
    assert book(guarded).rules
    bare = one_rule("action.target == 'a'", then='{refuse: "not ${action.replicas}"}')
    assert "action.replicas may be absent" in problems_of(book, bare)[0]


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ('{refuse: "${action.target"}', "this ${ has no closing }"),
        ('{refuse: "${action.targt}"}', "action has no field 'targt'"),
        ("{set: {replcas: 3}}", "action has no field 'replcas'"),
        ("{set: {replicas: many}}", "has to be a whole number, this is a text"),
        ('{set: {replicas: "${action.target}"}}', "has to be a whole number, this is a text"),
        ("{set: {autoscale: {min: 3}}}", "action.autoscale has no field 'min'"),
        ("{set: {autoscale: 3}}", "has to be a map"),
        ("{set: {network_policy.ports: {port: 3}}}", "has to be a list"),
        ("{set: {namespace: other}}", "namespace cannot be set: the facts of the action belong to it"),
        ("{set: {replicas.more: 3}}", "action.replicas has no field 'more'"),
        ("{execute: {}}", "chooses nothing"),
        ("{}", "has no effect"),
        ("{priority: 11}", "a priority is 0 to 10"),
        ('{priority: "${action.target}"}', "has to be a whole number"),
        ("{hold: {}}", "give either"),
        ("{retry: {schedule: [5min], limit: 3}}", "'5min' is no duration: write 30s, 5m, 2h or 1d"),
        ("{execute: {repository: Edge_1}}", "'Edge_1' is no name: lower-case letters, digits and dashes"),
        ("{hold: {window: {cron: 0 2 * *, duration: 1h}}}", "has 4 fields"),
        ("{hold: {window: {cron: 0 2 * * *, duration: 1h, timezone: Mars}}}", "is no time zone"),
        ("{hold: {window: {cron: 0 2 * * *, duration: 1 hour}}}", "'1 hour' is no duration such as"),
        ('{hold: {window: {cron: "${action.target}", duration: 1h}}}', "only vars can be read here"),
        ('{hold: {window: {cron: "${vars.cap}", duration: 1h}}}', "'10' has 1 fields"),
        ("{refuse: '${" + "(" * 900 + "'}", "this ${ has no closing }"),
        ("{set: {settings.A: '" + "${1}" * 300 + "'}}", "longer than 1000 characters"),
        ("{refuse: no, mode: warn}", "unknown field 'mode'"),
    ],
)
def test_a_wrong_effect_is_told(then: str, message: str, book: BookOf) -> None:
    assert message in problems_of(book, one_rule("vars.cap > 1", then=then))[0]


def test_an_expression_over_several_lines_is_told_by_its_own_line(book: BookOf, tmp_path: Path) -> None:
    lines = ["|", "action.target.like('a*') // a comment", "&& cpuMilli('1') > 3", "&& facts.knd == 'x'"]
    when = "\n      ".join(lines)
    (problem, *_) = problems_of(book, one_rule(when))
    assert problem.startswith(f"{tmp_path}/0.yaml:8:11: rules[0].when: facts has no field 'knd'")
    assert "\n    && facts.knd == 'x'\n             ^\n" in problem
    assert book(one_rule(when.replace("knd", "kind"))).rules


def test_every_problem_of_every_file_is_told_at_once(book: BookOf) -> None:
    broken = one_rule("action.x == 1 || action.y == 2")
    found = problems_of(book, broken, HEAD + "rulez: []\n", "kind: [", "kind: Rules\n")
    assert [problem.split(": ")[0].rsplit("/")[-1] for problem in found] == [
        "0.yaml:8:18",
        "0.yaml:8:35",
        "1.yaml:4:8",
        "2.yaml:2:1",
        "3.yaml:1:7",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "rules:\n- name: a\n  name: b\n", "stands twice"),
        (HEAD + "vars: &a {x: 1}\ndisable: *a\n", "aliases are not read"),
        (HEAD + "rules:\n\t- name: a\n", "indent with spaces, not tabs"),
        (HEAD + "vars: {a-b: 3}\n", "'a-b' is no name of a var"),
        (HEAD + "rules: [{name: a, mode: off, then: {refuse: no}}]\n", "enforce"),
        (HEAD + "rules: [{name: a, when: yes, then: {refuse: no}}]\n", "'yes' is not known here"),
        (HEAD + "rules: [{name: a, when: true, then: {refuse: no}}]\n", "Input should be a valid string"),
        (HEAD + "rules: [{name: a, match: {intentTypes: [scalin]}, then: {refuse: no}}]\n", "no intent type"),
        (HEAD + "rules: [{name: a, match: {namespaces: []}, then: {refuse: no}}]\n", "at least 1 item"),
        (
            HEAD + "rules: [{name: a, match: {priority: {atLeast: 8, atMost: 2}}, then: {refuse: no}}]\n",
            "no priority",
        ),
        (HEAD + "disable: [default/replicas]\n", "there is no rule 'default/replicas'"),
        (HEAD.replace("mine", "default"), "is the name of the shipped rules"),
        (HEAD + 'vars: {maxReplicas: "many"}\n', "has to be of the type of the shipped value, 100"),
        (HEAD + "vars: {protectedNamespaces: kube-system}\n", "has to be of the type of the shipped value"),
        (HEAD + "vars: {protectedNamespaces: [1]}\n", "has to be of the type of the shipped value"),
        ("x" * 1_100_000, "larger than"),
    ],
)
def test_bad_input_is_told_with_its_place(text: str, message: str, book: BookOf) -> None:
    (problem, *_) = problems_of(book, text, with_defaults=True)
    assert message in problem
    assert "0.yaml:" in problem


def test_a_var_that_a_function_cannot_take_is_told_when_it_loads(book: BookOf) -> None:
    found = problems_of(book, HEAD + "vars: {maxMemory: 256 GB}\n", with_defaults=True)
    assert "vars.maxMemory is not of the form asked for: '256 GB' is no quantity" in found[0]


def test_a_file_that_is_no_utf8_is_told(tmp_path: Path, schema: dict[str, Any]) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(HEAD.encode() + b"# \xe9\n")
    with pytest.raises(DocumentError, match="not UTF-8"):
        rules.load([file], schema)


def test_a_path_that_is_not_there_is_told(tmp_path: Path, schema: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match=r"nothing\.yaml:1:1: cannot be read: No such file"):
        rules.load([tmp_path / "nothing.yaml"], schema)


@pytest.mark.parametrize(
    "when",
    [
        "(" * 400 + "true" + ")" * 400,
        "!" * 999 + "true",
        " && ".join(["true"] * 5000),
        "+".join(["1"] * 400) + " > 1",
        "[1].all(a, [1].all(b, [1].all(c, true)))",
        "[" * 100 + "]" * 100 + " == []",
        "'" + "a" * 2000 + "' == ''",
    ],
    ids=["brackets", "nots", "ands", "sum", "macros", "lists", "text"],
)
def test_an_expression_that_is_too_large_is_refused_or_harmless(when: str, book: BookOf) -> None:
    try:
        loaded = book(one_rule(f'"{when}"'))
    except DocumentError as error:
        assert "one.yaml" not in str(error)
        assert all(len(problem.message) < 3000 for problem in error.problems)
    else:
        assert len(loaded.rules) == 1


def test_two_rules_of_one_name_are_refused_naming_both(book: BookOf, tmp_path: Path) -> None:
    (problem, *_) = problems_of(book, one_rule("vars.cap > 1"), one_rule("vars.cap > 1"))
    found = "\n".join(problems_of(book, one_rule("vars.cap > 1"), one_rule("vars.cap > 1")))
    assert f"there is a rule 'mine/one' at {tmp_path}/0.yaml:6:11 already" in found
    assert f"vars.cap: is also set at {tmp_path}/0.yaml:4:13" in found
    assert problem.startswith(f"{tmp_path}/1.yaml")


def test_the_users_rules_come_before_the_shipped_ones_in_path_order(book: BookOf) -> None:
    first = HEAD + "rules: [{name: b, then: {refuse: no}, match: {namespaces: [x]}}]\n"
    second = first.replace("mine", "other")
    loaded = book(first, second, with_defaults=True)
    assert [rule.id for rule in loaded.rules[:3]] == ["mine/b", "other/b", "default/protected-namespaces"]


def test_a_folder_is_read_in_the_order_of_names_without_hidden_files(
    tmp_path: Path, schema: dict[str, Any]
) -> None:
    for name in ("b.yaml", "a.yml", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).write_text(
            HEAD.replace("mine", name[0]) + "rules: [{name: x, when: 1 < 2, then: {warn: w}}]\n"
        )
    (tmp_path / "..data").mkdir()
    loaded = rules.load([tmp_path], schema, with_defaults=False)
    assert [rule.id for rule in loaded.rules] == ["a/x", "b/x"]


def test_kinds_that_others_read_may_stand_beside_rules(book: BookOf) -> None:
    assert book("apiVersion: conductor-watch/v1\nkind: Lexicon\n").rules == ()


def test_a_disabled_rule_does_not_apply_and_changes_the_digest(book: BookOf) -> None:
    everything = book(HEAD, with_defaults=True)
    fewer = book(HEAD + "disable: [default/replicas-cap]\n", with_defaults=True)
    assert {rule.id for rule in everything.rules} - {rule.id for rule in fewer.rules} == {
        "default/replicas-cap"
    }
    assert everything.digest != fewer.digest


def test_the_digest_follows_the_meaning_not_the_text(book: BookOf) -> None:
    text = one_rule("vars.cap > 3")
    assert book(text).digest == book("# a comment\n" + text.replace("{cap: 10,", "{ cap:   10,")).digest
    assert book(text).digest != book(text.replace("> 3", "> 4")).digest
    assert book(text).digest != book(text.replace("cap: 10", "cap: 11")).digest


def test_a_users_var_wins_over_the_shipped_one(book: BookOf) -> None:
    assert book(HEAD + "vars: {maxReplicas: 7}\n", with_defaults=True).vars["maxReplicas"] == 7


@pytest.mark.parametrize(
    ("rules_text", "message"),
    [
        ("[{name: a, then: {refuse: no}}, {name: b, then: {warn: w}}]", "mine/b: is never reached: mine/a"),
        (
            (
                "[{name: a, match: {intentTypes: [scaling, deployment]}, then: {refuse: no}},"
                " {name: b, match: {intentTypes: [scaling], namespaces: [x]}, then: {warn: w}}]"
            ),
            "mine/b: is never reached: mine/a",
        ),
        (
            "[{name: a, when: 1 > 2, then: {refuse: no}}]",
            "the clause `1 > 2` is always false, so the rule has no",
        ),
        (
            "[{name: a, when: 2 > 1, then: {warn: no}}]",
            "the clause `2 > 1` is always true, so the clause says",
        ),
        (
            "[{name: a, when: 1 / 0 > 1, then: {warn: no}}]",
            "its condition always fails: 1 / 0 > 1: divide by zero",
        ),
    ],
)
def test_lint_warns_of_what_is_probably_not_meant(rules_text: str, message: str, book: BookOf) -> None:
    (warning,) = book(f"{HEAD}rules: {rules_text}\n").warnings
    assert message in str(warning)


@pytest.mark.parametrize(
    "rules_text",
    [
        "[{name: a, mode: warn, then: {refuse: no}}, {name: b, then: {warn: w}}]",
        "[{name: a, match: {namespaces: [x]}, then: {refuse: no}}, {name: b, then: {warn: w}}]",
        "[{name: a, when: action.target == 'x', then: {refuse: no}}, {name: b, then: {warn: w}}]",
    ],
)
def test_lint_is_silent_where_a_later_rule_is_reached(rules_text: str, book: BookOf) -> None:
    assert book(f"{HEAD}rules: {rules_text}\n").warnings == ()


def test_a_window_that_reads_a_var_uses_it(book: BookOf) -> None:
    assert (
        book(HEAD + "vars: {restartCron: 0 2 * * *, restartDuration: 2h}\n", with_defaults=True).warnings
        == ()
    )


def test_lint_warns_of_a_var_that_nothing_reads(book: BookOf) -> None:
    (warning,) = book(HEAD + "vars: {maxReplica: 3}\n", with_defaults=True).warnings
    assert "vars.maxReplica: no rule reads this var" in str(warning)


BOUNDS = rules.Bounds(frozenset({"directory"}), "directory", "main", repositories=frozenset({"main", "edge"}))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("executor: porch", "chooses the executor porch; the settings allow directory (bounds.executors)"),
        (
            "repository: lab",
            "chooses the repository lab; the settings allow edge, main (bounds.repositories)",
        ),
        ("lifecycle: Published", "chooses Published; the settings allow Proposed at most"),
    ],
)
def test_a_choice_beyond_the_settings_is_found_when_it_loads(
    choice: str, message: str, tmp_path: Path, schema: dict[str, Any]
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(f"{HEAD}rules:\n  - name: one\n    then: {{execute: {{{choice}}}}}\n")
    with pytest.raises(DocumentError) as caught:
        rules.load([file], schema, bounds=BOUNDS)
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.field) == (6, "rules[0].then.execute")
    assert problem.message.startswith(message)
    assert rules.load([file], schema).rules[0].execute is not None


def test_a_choice_within_the_settings_loads(tmp_path: Path, schema: dict[str, Any]) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(f"{HEAD}rules:\n  - {{name: one, then: {{execute: {{repository: edge}}}}}}\n")
    assert rules.load([file], schema, bounds=BOUNDS).rules[0].id == "mine/one"
