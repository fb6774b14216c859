"""benchmarks: they run, measure all three ways, and print one JSON object a line; the figures are the machine's."""

from __future__ import annotations

import json

import pytest

from benchmarks import billing, search_load

FIELDS: dict[str, type | tuple[type, ...]] = {
    "benchmark": str,
    "way": str,
    "slots": int,
    "latency_ms": int,
    "unit": str,
    "done": int,
    "sampled": (int, type(None)),
    "requests": int,
    "refused": int,
    "refused_percent": float,
    "seconds": float,
    "per_second": float,
    "ratio_to_limit": float,
    "cpu_ms_per_request": float,
    "peak_mb_before": int,
    "peak_mb": int,
    "slots_found": (int, type(None)),
}


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    out = capsys.readouterr().out
    results: list[dict[str, object]] = [json.loads(line) for line in out.splitlines()]
    for result in results:
        assert result.keys() == FIELDS.keys()
        assert all(isinstance(result[name], kind) for name, kind in FIELDS.items()), result
    return results


def test_billing_is_measured_beside_a_loop_and_a_pool(capsys: pytest.CaptureFixture[str]) -> None:
    assert billing.main(["--slots", "6", "--latency-ms", "20", "--orders", "60", "--json"]) == 0
    nsbill, loop, pool = printed(capsys)
    assert [nsbill["way"], loop["way"], pool["way"]] == ["nsbill", "serial loop", "thread pool that knows of 6 slots"]
    assert {result["done"] for result in (nsbill, loop, pool)} == {60}
    assert (loop["sampled"], loop["requests"], pool["requests"]) == (20, 20, 60)
    assert int(str(nsbill["requests"])) >= 60
    assert 1 <= int(str(nsbill["slots_found"])) <= 20
    for result in (nsbill, loop, pool):
        seconds, at_the_limit = float(str(result["seconds"])), 60 * 0.02 / 6
        assert result["ratio_to_limit"] == pytest.approx(at_the_limit / seconds, rel=0.1)


def test_loading_a_search_is_measured_beside_a_loop_and_a_pool(capsys: pytest.CaptureFixture[str]) -> None:
    assert search_load.main(["--rows", "1500", "--slots", "3", "--latency-ms", "20"]) == 0
    out = capsys.readouterr().out
    assert "3 slots, 20 ms a request: at most 150.0 requests a second" in out
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["nsbill", "serial", "thread"]
    assert "scaled up from" in out
