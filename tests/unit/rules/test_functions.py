"""The functions that expressions have beyond CEL's own."""

from __future__ import annotations

import pytest

from rules.functions import cpu_milli, image_registry, image_tag, like, memory_bytes, prefix_length


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


def test_a_glob_stands_for_a_whole_text_and_case_counts() -> None:
    assert like("oran-east", "oran-*")
    assert not like("my-oran-east", "oran-*")
    assert not like("ORAN-east", "oran-*")
    assert like("core/amf", "core/*")
