"""Feature flags: the list, a new one, segments and layers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from cfapi.paging import page_of
from experiments import selectors as experiments
from flags import selectors, services
from flags.models import Flag, FlagState
from ui import flagforms
from ui.page import TenantPage

_PER_PAGE = 50
# Longer lists of stale flags say nothing more.
_FINDINGS = 200


class FlagPage(TenantPage):
    """What these pages share."""

    place = "flags"
    read_scope = "flags:read"
    write_scope = "flags:write"


class Flags(FlagPage):
    """`/t/{tenant}/flags`: every flag, and in a sentence what it serves where."""

    template = "ui/flags/list.html"
    title = "Flags"
    api = "/api/v1/flags"

    def context(self) -> dict[str, Any]:
        """One page of flags with their states: four queries, however many there are."""
        query = self.request.GET.get("q", "").strip()[:200]
        found = page_of(self.request, selectors.flag_list(tenant=self.tenant, search=query), per_page=_PER_PAGE, render_all=list)
        flags: list[Flag] = list(found.items)
        states = selectors.flag_states(flags=flags)
        environments = selectors.environment_list(tenant=self.tenant)
        rows = [(flag, [cell(state) for state in states[flag.pk]]) for flag in flags]
        return {"query": query, "found": found, "rows": rows, "environments": environments, "first": environments[0].name}


class FlagNew(FlagPage):
    """`/t/{tenant}/flags/new`."""

    template = "ui/flags/new.html"
    title = "New flag"
    actions = ("create",)
    read_scope = "flags:write"
    api = "/api/v1/flags"

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list."""
        return [("Flags", self.url("flags"))]

    def context(self) -> dict[str, Any]:
        """The types, each with an example of its variants."""
        return {"types": _TYPES}

    def do_create(self) -> HttpResponseBase:
        """Make it, and go on to what it serves."""
        kind, key, text = self.field("type") or "boolean", self.field("key"), self.field("variants")
        variants = flagforms.variants_of(text) if text else None
        services.flag_create(
            tenant=self.tenant, key=key, type=kind, variants=variants, description=self.field("description"), actor=self.actor
        )
        self.say(f"Made {key}. It is off in every environment: say here who gets what, then switch it on.")
        first = selectors.environment_list(tenant=self.tenant)[0].name
        return self.go("flag", flag=key, environment=first)


class Segments(FlagPage):
    """`/t/{tenant}/segments`: groups of people, and layers."""

    template = "ui/flags/segments.html"
    title = "Segments and layers"
    actions = ("create", "change", "remove", "layer", "unlayer")
    api = "/api/v1/flag-segments"

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list."""
        return [("Flags", self.url("flags"))]

    def context(self) -> dict[str, Any]:
        """Segments with their words, layers with their slices."""
        segments = [
            {"row": row, "sentence": selectors.segment_sentence(row), "rule": flagforms.of_segment(row.when)}
            for row in selectors.segment_list(tenant=self.tenant)[:_FINDINGS]
        ]
        layers = [(row, selectors.layer_shares(layer=row)) for row in selectors.layer_list(tenant=self.tenant)]
        choices = [choice for choice in flagforms.CHOICES if choice[0] not in {flagforms.SEGMENT, flagforms.NOT_SEGMENT}]
        return {"segments": segments, "layers": layers, "choices": choices, "new": flagforms.of_segment(None)}

    def do_create(self) -> None:
        """Make a segment."""
        key = self.field("key")
        when = flagforms.condition_of(posted(self.request))
        services.segment_create(tenant=self.tenant, key=key, when=when, description=self.field("description"), actor=self.actor)
        self.say(f"Made the segment {key}.")

    def do_change(self) -> None:
        """Change a segment for every flag that names it."""
        key = self.field("key")
        services.segment_update(
            tenant=self.tenant,
            key=key,
            when=flagforms.condition_of(posted(self.request)),
            description=self.field("description"),
            expected=self.revision,
            actor=self.actor,
        )
        self.say(f"Changed the segment {key}; every flag that names it follows within a second.")

    def do_remove(self) -> None:
        """Remove a segment that no flag names."""
        key = self.field("key")
        services.segment_delete(tenant=self.tenant, key=key, actor=self.actor)
        self.say(f"Removed the segment {key}.")

    def do_layer(self) -> None:
        """Make a layer."""
        key = self.field("key")
        services.layer_create(tenant=self.tenant, key=key, description=self.field("description"), actor=self.actor)
        self.say(f"Made the layer {key}. Flags join it on their own pages.")

    def do_unlayer(self) -> None:
        """Remove a layer that no flag is in."""
        key = self.field("key")
        services.layer_delete(tenant=self.tenant, key=key, actor=self.actor)
        self.say(f"Removed the layer {key}.")


class StaleFlags(FlagPage):
    """`/t/{tenant}/flags/stale`: flags that could go."""

    template = "ui/flags/stale.html"
    title = "Flags that could go"
    api = "/api/v1/flag-report"

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list."""
        return [("Flags", self.url("flags"))]

    def context(self) -> dict[str, Any]:
        """Findings, and of how many days."""
        text = self.request.GET.get("days", "30")
        days = min(int(text), 3_650) if text.isascii() and text.isdigit() and len(text) < 6 else 30  # noqa: PLR2004 - digits
        days = max(days, 1)
        used = experiments.flag_uses(tenant=self.tenant, days=days)
        return {"findings": selectors.stale_flags(tenant=self.tenant, days=days, used=used)[:_FINDINGS], "days": days}


def posted(request: HttpRequest) -> dict[str, str]:
    """What a form has sent, the last value of each field."""
    return {name: values[-1] for name, values in request.POST.lists() if values and isinstance(values[-1], str)}


def cell(state: FlagState) -> dict[str, Any]:
    """A state in a list: dot, word, sentence (without the word), and the bar of a split."""
    kind, word = ("bad", "Killed") if state.killed else ("ok", "On") if state.enabled else ("idle", "Off")
    sentence = selectors.sentence_of(state).removeprefix(f"{word}: ")
    shares = state.document["serve"].get("split", ()) if state.enabled and not state.killed else ()
    bar = [(share["variant"], round(share["percentage"] * 100)) for share in shares]
    return {"state": state, "kind": kind, "word": word, "sentence": f"{sentence[:1].upper()}{sentence[1:]}", "bar": bar}


_TYPES = (
    ("boolean", "On or off", "A switch. It has the variants on and off.", ""),
    ("string", "Text", "One text of several.", 'blue = "#0000ff"\nred = "#ff0000"'),
    ("number", "Number", "One number of several.", "few = 10\nmany = 50"),
    ("json", "JSON", "An object or a list.", 'plain = {"columns": 1}\nwide = {"columns": 3}'),
    (
        "version",
        "Version of a worker",
        "Visitors are sent to one version of a worker before it runs.",
        'new = {"worker": "shop", "version": "…"}',
    ),
)
