"""What pages are made of, without a server: words, plots, comparisons, the gallery, the explanation of routes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants import selectors, services
from tenants.actor import Actor
from tenants.differences import hunks
from tenants.models import Tenant
from tenants.selectors.explain import host_of
from tests.conftest import script
from ui import compare, gallery, plots, words
from ui.templatetags import hostel

SYSTEM = Actor.system()
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class TestWords:
    @pytest.mark.parametrize(
        ("seconds", "said"),
        [(0, "just now"), (5, "5 s ago"), (-90, "in 1 min"), (7_300, "2 h ago"), (86_400 * 3, "3 d ago"), (86_400 * 60, "2026-09-23")],
    )
    def test_times(self, seconds: int, said: str) -> None:
        assert words.relative(NOW - timedelta(seconds=seconds), NOW) == said

    @given(st.floats(0, 1e18))
    def test_numbers_stay_short(self, value: float) -> None:
        for write in (words.compact, words.size, words.micros):
            assert 1 <= len(write(value)) <= 16

    def test_a_part_of_one(self) -> None:
        assert [words.share(value) for value in (None, 0, 0.0004, 0.125, 1)] == ["\N{EN DASH}", "0 %", "0.04 %", "12 %", "100 %"]


class TestTags:
    @given(
        st.text(max_size=50),
        st.lists(st.tuples(st.text(max_size=5), st.integers(0, 10_000)), max_size=5),
        st.lists(st.floats(0, 1e9), max_size=60),
    )
    def test_what_tenants_write_is_never_markup(self, text: str, entries: list[tuple[str, int]], values: list[float]) -> None:
        safe = "".join(each for each in text if each.isprintable())
        entries = [("".join(each for each in name if each.isprintable()), weight) for name, weight in entries]
        for made in (hostel.status("ok", safe), hostel.split(entries), hostel.spark(values, safe)):
            ET.fromstring(made)
            assert "style=" not in made.replace(str(safe), "")


class TestPlots:
    SPAN = plots.span_of("1h", 1_000_000_000.0)[1]
    COUNT = plots.Shown("part-0", "ok", lambda point: point["n"], words.compact)

    def drawn(self, values: dict[int, float], *, stacked: bool = True) -> plots.Plot:
        found: dict[str, Any] = {
            "series": [{"at": self.SPAN.start + minute * 60, "n": value} for minute, value in values.items()],
            "totals": {"n": sum(values.values())},
        }
        return plots.plot("n", "N", [self.COUNT], found, span=self.SPAN, now=1_000_000_000.0, stacked=stacked)

    def test_every_step_is_there_and_only_the_last_is_unfinished(self) -> None:
        made = self.drawn({0: 1, 30: 4})
        assert len(made.slots) == 60
        assert [slot.unfinished for slot in made.slots] == [False] * 59 + [True]
        assert (made.slots[30].bars, made.slots[1].bars) == ([("part-0", 0.0, 100.0)], [])
        assert len(made.rows) == 2

    def test_a_line_breaks_where_nothing_happened(self) -> None:
        made = self.drawn({0: 1, 1: 2, 5: 3}, stacked=False)
        assert len(made.lines[0][1]) == 2

    @given(st.dictionaries(st.integers(0, 59), st.floats(0, 1e12), max_size=60))
    def test_nothing_leaves_the_box(self, values: dict[int, float]) -> None:
        for slot in self.drawn(values).slots:
            for _, y, height in slot.bars:
                assert y >= -1.01
                assert y + height <= 100.01

    def test_nothing(self) -> None:
        assert self.drawn({}).empty

    @pytest.mark.parametrize("name", [*plots.RANGES, "", "nonsense"])
    def test_ranges_are_whole_steps_up_to_now(self, name: str) -> None:
        _, span = plots.span_of(name, 1_000_000_000.0)
        assert span.end > 1_000_000_000.0 - 1
        assert (span.end - span.start) % span.step == 0
        assert (span.end - span.start) // span.step <= 400


@pytest.mark.django_db(transaction=True)
class TestComparing:
    def two(self, tenant: Tenant, before: Any, after: Any) -> tuple[Any, Any]:
        made = [
            services.version_upload(tenant=tenant, worker_name="w", upload=each, actor=SYSTEM, source="tests", deploy=True).version
            for each in (before, after)
        ]
        return made[0], made[1]

    def diff(self, tenant: Tenant, before: Any, after: Any) -> Any:
        return selectors.version_diff(tenant=tenant, worker=before.worker, before=before.pk, after=after.pk)

    def test_programs_and_everything_else(self, tenant: Tenant) -> None:
        old = "export default { fetch() {\n  return new Response('a');\n} };\n"
        secret = [{"type": "secret_text", "name": "K", "text": "one"}, {"type": "plain_text", "name": "V", "text": "x"}]
        other = [{"type": "secret_text", "name": "K", "text": "two"}, {"type": "json", "name": "J", "json": {"a": 1}}]
        before, after = self.two(tenant, script(old, bindings=secret), script(old.replace("'a'", "'b'") + "// more\n", bindings=other))
        diff = self.diff(tenant, before, after)
        (found,) = compare.modules(diff)
        assert (found.how, found.added, found.removed) == ("changed", 2, 1)
        kinds = [line.kind for line in found.lines]
        # The last one is what follows the last line break.
        assert kinds == ["same", "changed", "same", "added", "same"]
        names = {field.name: (field.before, field.after) for field in compare.fields(before, after, diff)}
        assert set(names) == {"env.J", "env.K", "env.V"}
        assert "one" not in str(names["env.K"])
        assert "another value" in names["env.K"][1]

    def test_the_same_is_nothing(self, tenant: Tenant) -> None:
        before, after = self.two(
            tenant, script("export default { fetch() {} };"), script("export default { fetch() {} };", message="again")
        )
        diff = self.diff(tenant, before, after)
        assert (compare.modules(diff), compare.fields(before, after, diff)) == ([], [])

    def test_flags_it_asks_for(self, tenant: Tenant) -> None:
        code = "export default { async fetch(r, env) { return Response.json(await env.FLAGS.getBooleanValue('KEY', false)) } };"
        flags = [{"type": "flags", "name": "FLAGS", "environment": "production"}]
        before, after = self.two(tenant, *(script(code.replace("KEY", key), bindings=flags) for key in ("old-checkout", "new-checkout")))
        (found,) = compare.fields(before, after, self.diff(tenant, before, after))
        assert (found.name, found.before, found.after) == ("flags it asks for", "old-checkout", "new-checkout")

    @given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
    def test_lines_of_both_sides_are_those_that_differ(self, left: list[str], right: list[str]) -> None:
        found = list(compare._lines(hunks(left, right)[0]))
        for numbers in ([line.left for line in found if line.left], [line.right for line in found if line.right]):
            assert numbers == sorted(set(numbers))
        # Whatever is not shown is the same on both sides.
        shown = {line.left for line in found}, {line.right for line in found}
        rest = [[text for at, text in enumerate(side, 1) if at not in seen] for side, seen in zip((left, right), shown, strict=True)]
        assert rest[0] == rest[1]
        for line in found:
            if line.kind == "same":
                assert line.before == line.after
            if line.left is not None:
                assert left[line.left - 1] == line.before
            if line.right is not None:
                assert right[line.right - 1] == line.after


@pytest.mark.django_db(transaction=True)
class TestGallery:
    @pytest.mark.parametrize("template", gallery.TEMPLATES, ids=lambda each: each.key)
    def test_every_template_can_be_deployed(self, tenant: Tenant, template: gallery.Template) -> None:
        upload = script(template.source, bindings=list(template.bindings))
        made = services.version_upload(tenant=tenant, worker_name=template.key, upload=upload, actor=SYSTEM, source="tests", deploy=True)
        assert "fetch" in made.version.handlers
        assert template.source.startswith("// ")


class TestHosts:
    @pytest.mark.parametrize(
        ("typed", "host"),
        [
            ("https://Shop.example.com:8443/a?b#c", "shop.example.com"),
            ("shop.example.com.", "shop.example.com"),
            ("http://user:pass@shop.example.com/", "shop.example.com"),
            ("", ""),
        ],
    )
    def test_what_is_typed(self, typed: str, host: str) -> None:
        assert host_of(typed) == host

    @given(st.text(max_size=300))
    def test_anything(self, typed: str) -> None:
        assert len(host_of(typed)) <= 253


@pytest.mark.django_db(transaction=True)
class TestRoutes:
    @pytest.fixture
    def shop(self, tenant: Tenant, other_tenant: Tenant) -> Tenant:
        for owner in (tenant, other_tenant):
            services.version_upload(
                tenant=owner, worker_name="shop", upload=script("export default { fetch() {} };"), actor=SYSTEM, source="tests", deploy=True
            )
            services.domain_add(tenant=owner, worker_name="shop", hostname=f"{owner.slug}.example.com", actor=SYSTEM)
        return tenant

    @pytest.mark.parametrize(
        ("url", "worker", "decides"),
        [
            ("https://shop.acme.localhost/cart", "shop", 1),
            ("acme.example.com", "shop", 3),
            ("globex.example.com", None, None),
            ("shop.globex.localhost", None, None),
            ("nobody.acme.localhost", None, None),
            ("localhost", None, 0),
            ("", None, None),
        ],
    )
    def test_the_rule_that_wins_is_the_gateways(self, shop: Tenant, url: str, worker: str | None, decides: int | None) -> None:
        found = selectors.route_explain(tenant=shop, url=url)
        assert found.worker == worker
        assert next((index for index, rule in enumerate(found.rules) if rule.decides), None) == decides
        assert sum(rule.decides for rule in found.rules) <= 1
        assert "globex" not in " ".join(rule.why for rule in found.rules) or "globex" in url
