"""The functions that expressions have beyond CEL's own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rules.book import Globs
from rules.expressions import Compiler, EvaluationError, ExpressionError
from rules.functions import cpu_milli, image_registry, image_tag, memory_bytes, prefix_length
from rules.shapes import Member, Record, value_shape
from rules.snapshot import Json


@pytest.mark.parametrize(
    ("quantity", "milli"),
    [("500m", 500), ("2", 2000), ("1.5", 1500), ("0.0001", 1), ("2k", 2_000_000), ("0", 0)],
)
def test_cpu_is_counted_in_thousandths_of_a_core(quantity: str, milli: int) -> None:
    assert cpu_milli(quantity) == milli


@pytest.mark.parametrize(
    ("quantity", "count"),
    [("1Ki", 1024), ("4Gi", 4 * 1024**3), ("1.5M", 1_500_000), ("1500m", 2), ("7", 7)],
)
def test_memory_is_counted_in_bytes(quantity: str, count: int) -> None:
    assert memory_bytes(quantity) == count


@pytest.mark.parametrize("text", ["", "-1", "4 Gi", "4gi", "1e3", "Gi", "4Gi\n"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        memory_bytes(text)


@pytest.mark.parametrize(
    ("image", "registry", "tag"),
    [
        ("amf", "docker.io", "latest"),
        ("oai/amf:2.1", "docker.io", "2.1"),
        ("localhost/amf", "localhost", "latest"),
        ("nexus3.o-ran-sc.org:10002/ric-app:1.0", "nexus3.o-ran-sc.org:10002", "1.0"),
        ("registry:5000/amf", "registry:5000", "latest"),
        ("core/ausf@sha256:9f86", "docker.io", ""),
        ("ghcr.io/oai/cu-cp:2024.w10@sha256:9f86", "ghcr.io", "2024.w10"),
    ],
)
def test_an_image_tells_its_registry_and_tag(image: str, registry: str, tag: str) -> None:
    assert (image_registry(image), image_tag(image)) == (registry, tag)


@pytest.mark.parametrize(
    ("cidr", "bits"), [("0.0.0.0/0", 0), ("10.1.2.3/8", 8), ("10.0.0.1", 32), ("2001:db8::/32", 32)]
)
def test_a_range_tells_how_many_bits_it_fixes(cidr: str, bits: int) -> None:
    assert prefix_length(cidr) == bits


@pytest.mark.parametrize(
    ("glob", "fits", "not_fits"),
    [
        ("oran-*", "oran-east", "my-oran-east"),
        ("core/*", "core/amf", "Core/amf"),
        ("s?f", "smf", "sf"),
        ("v1.2", "v1.2", "v1x2"),
        ("a|b", "a|b", "a"),
        ("[a](+)^$\\{}", "[a](+)^$\\{}", "a"),
        ("*", "two\nlines", None),
        ("", "", "x"),
    ],
)
def test_a_glob_stands_for_a_whole_text(
    glob: str, fits: str, not_fits: str | None, expression: Callable[[str], bool]
) -> None:
    assert Globs.of(["nothing", glob]).fit(fits)
    assert expression(f"{json.dumps(fits)}.like({json.dumps(glob)})")
    if not_fits is not None:
        assert not Globs.of(["nothing", glob]).fit(not_fits)
        assert not expression(f"{json.dumps(not_fits)}.like({json.dumps(glob)})")


@pytest.fixture(scope="module")
def expression() -> Callable[[str], bool]:
    values: dict[str, Json] = {"limit": "4Gi", "globs": ["a*", "b*"], "sizes": ["1Gi", "4 Gi"]}
    members = {name: Member(value_shape(value)) for name, value in values.items()}
    compiler = Compiler({"vars": Record("vars", members)}, {"vars": values})
    scope = compiler.scope({"vars": values})
    return lambda text: compiler.compile(text)[0].holds(scope)


@pytest.mark.parametrize(
    "text",
    [
        'memoryBytes("1Gi") + memoryBytes("1024Mi") == memoryBytes("2Gi")',
        'cpuMilli ( "500m" ) < cpuMilli("0.6") && "x".like( "x" )',
        '["a", "b"].all(x, x.like("?")) && !["a", "bc"].all(x, x.like("?"))',
        'imageRegistry("ghcr.io/" + "a:1").like("ghcr*") && imageTag("like(") == "latest"',
        '"cpuMilli(1)".like("cpuMilli(*)") && memoryBytes("4Gi") > 4000000000',
        'imageTag(imageTag("a:b:c")) == "c" || true',
        '"für \\"x\\"".like(\'für "*"\')',
    ],
)
def test_functions_work_wherever_they_stand(text: str, expression: Callable[[str], bool]) -> None:
    assert expression(text)


def test_an_argument_of_another_form_fails_saying_so(expression: Callable[[str], bool]) -> None:
    with pytest.raises(EvaluationError, match="'4 Gi' is no quantity"):
        expression("vars.sizes.all(s, memoryBytes(s) > 3)")
    assert expression('vars.sizes.all(s, memoryBytes(s) > 3) || "x".like("x")')
    assert expression("vars.sizes.exists(s, memoryBytes(s) > 3)")


@pytest.mark.parametrize("text", ['cpuMilli("4 Gi") > 3', "'a' == 'a' && prefixLength('ten') > 3"])
def test_an_argument_that_is_known_is_tried_when_the_expression_loads(
    text: str, expression: Callable[[str], bool]
) -> None:
    with pytest.raises(ExpressionError) as caught:
        expression(text)
    assert caught.value.findings[0].offset == text.index("(")


def test_more_arguments_than_are_kept_still_evaluate(expression: Callable[[str], bool]) -> None:
    assert all(expression(f"cpuMilli('{number}') == {number * 1000}") for number in range(1100))
