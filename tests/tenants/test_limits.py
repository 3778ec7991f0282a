"""Limits through the layers: only ever lower, and each says where it comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import BundleInvalid
from sandbox.limits import Limits
from tenants.limits import effective

overrides = st.dictionaries(st.sampled_from(sorted(Limits().as_dict())), st.integers(1, 2**40), max_size=4)


@given(overrides, overrides, overrides)
def test_each_layer_only_lowers(tenant, worker, version):
    found = effective(tenant=tenant, worker=worker, version=version)
    for name, value in found.limits.as_dict().items():
        asked = [Limits().as_dict()[name], *(layer[name] for layer in (tenant, worker, version) if name in layer)]
        assert value == min(asked)
        layers = {"platform": Limits().as_dict(), "tenant": tenant, "worker": worker, "version": version}
        # The first layer that has the value is the one that set it.
        assert found.sources[name] == next(source for source, layer in layers.items() if layer.get(name) == value)


def test_the_platforms_own_may_differ_from_the_built_in_ones(settings):
    settings.HOSTEL = replace(settings.HOSTEL, limits={"cpu_ms": 5_000})
    assert effective(tenant={}).limits.cpu_ms == 5_000
    assert effective(tenant={"cpu_ms": 9_000}).sources["cpu_ms"] == "platform"


@pytest.mark.parametrize("bad", [{"cpu": 1}, {"cpu_ms": 0}, {"cpu_ms": -1}, {"cpu_ms": "1"}, {"cpu_ms": True}, {"cpu_ms": 1.5}])
def test_bad_ones_are_named(bad):
    with pytest.raises(BundleInvalid) as refused:
        effective(tenant={}, version=bad)
    assert refused.value.detail["field"] == f"limits.{next(iter(bad))}"
