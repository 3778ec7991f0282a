"""The dialects of the clients, and what is refused by name."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfapi import errors
from cfapi.jsonbody import DEPTH, parse_json, read_json
from cfapi.metadata import Judged, judge
from cfapi.multipart import PartLimits, read_parts
from cfapi.upload import MODULE_KINDS, ReadUpload, read_upload
from sandbox.bundle import ModuleKind
from tests.cfapi.forms import HELLO, Field, alchemy_metadata, body, content_type, metadata, module


def read(*fields: Field, kind: str | None = None) -> ReadUpload:
    parts = read_parts(io.BytesIO(body(fields)), content_type=kind or content_type(), content_length=None, limits=PartLimits())
    return read_upload(parts)


def judged(**values: Any) -> Judged:
    return judge(read(metadata(**values), module()), inherit_strict=True)


NPM = [
    Field("metadata[main_module]", "index.js"),
    Field("metadata[compatibility_date]", "2026-01-01"),
    Field("metadata[bindings][][type]", "plain_text"),
    Field("metadata[bindings][][name]", "A"),
    Field("metadata[bindings][][text]", "true"),
    Field("metadata[bindings][][type]", "worker_loader"),
    Field("metadata[bindings][][name]", "LOADER"),
    Field("metadata[compatibility_flags][]", "nodejs_compat"),
    Field("metadata[compatibility_flags][]", "b"),
    Field("metadata[logpush]", "false"),
    Field("metadata[limits][cpu_ms]", "50"),
    Field("files[]", HELLO, filename="index.js", content_type="application/javascript+module"),
]


class TestDialects:
    @pytest.mark.parametrize(
        "fields",
        [
            [metadata(), module()],
            [module(), metadata()],
            [module(), alchemy_metadata("")],
            [module(), alchemy_metadata("blob")],
            [metadata(), Field("files", HELLO, filename="index.js", content_type="application/javascript+module")],
            [metadata(), Field("files[0]", HELLO, filename="index.js", content_type="application/javascript+module")],
        ],
        ids=["wrangler", "metadata last", "alchemy on bun", "alchemy on node", "PyPI SDK", "PyPI SDK, numbered"],
    )
    def test_one_upload_in_every_dialect(self, fields: Sequence[Field]) -> None:
        found = read(*fields)
        assert found.metadata["main_module"] == "index.js"
        assert [(item.name, item.kind, item.content) for item in found.modules] == [("index.js", ModuleKind.JS, HELLO.encode())]

    def test_the_npm_sdk_spells_metadata_in_brackets(self) -> None:
        found = read(*NPM, kind="application/javascript")
        assert found.metadata == {
            "main_module": "index.js",
            "compatibility_date": "2026-01-01",
            "bindings": [{"type": "plain_text", "name": "A", "text": "true"}, {"type": "worker_loader", "name": "LOADER"}],
            "compatibility_flags": ["nodejs_compat", "b"],
            "logpush": False,
            "limits": {"cpu_ms": 50},
        }
        assert found.modules[0].name == "index.js"

    def test_modules_keep_order_directories_and_types(self) -> None:
        found = read(
            metadata(),
            module(),
            module("./0a1b-a.txt", "TEXT", "text/plain"),
            module("sub/deep/b.bin", b"\x00\x01", "application/octet-stream"),
            module("c.wasm", b"\x00asm\x01\x00\x00\x00", "application/wasm"),
            module("d.json", "{}", "application/json"),
            module("index.js.map", "{}", "application/source-map"),
        )
        assert [(item.name, item.kind) for item in found.modules] == [
            ("index.js", ModuleKind.JS),
            ("./0a1b-a.txt", ModuleKind.TEXT),
            ("sub/deep/b.bin", ModuleKind.DATA),
            ("c.wasm", ModuleKind.WASM),
            ("d.json", ModuleKind.JSON),
            ("index.js.map", None),
        ]


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "error", "field"),
        [
            ([module()], errors.MetadataMissing, "metadata"),
            ([metadata(), metadata(), module()], errors.MetadataInvalid, "metadata"),
            ([metadata(), Field("metadata[main_module]", "x"), module()], errors.MetadataInvalid, "metadata"),
            ([Field("metadata", "[1]"), module()], errors.MetadataInvalid, "metadata"),
            ([Field("metadata", ""), module()], errors.MetadataInvalid, "metadata"),
            ([Field("metadata", b"\xff{}"), module()], errors.MetadataInvalid, "metadata"),
            ([Field("metadata", '{"a": "\\u0000"}'), module()], errors.MetadataInvalid, "metadata"),
            ([Field("metadata", '{"a": "\\ud800"}'), module()], errors.MetadataInvalid, "metadata"),
            ([Field("metadata", '{"a": NaN}'), module()], errors.MetadataInvalid, "metadata"),
            ([Field("metadata", "[" * 100_000), module()], errors.MetadataInvalid, "metadata"),
            ([Field("metadata", "9" * 5_000), module()], errors.MetadataInvalid, "metadata"),
            ([metadata(), module("x.cjs", "", "application/javascript")], errors.CommonJsUnsupported, "modules.type"),
            ([metadata(), module("x.py", "", "text/x-python")], errors.PythonUnsupported, "modules.type"),
            ([metadata(), module("x.exe", "", "application/x-msdownload")], errors.ModuleTypeUnknown, "modules.type"),
            ([metadata(), Field("x.js", HELLO)], errors.ModuleTypeUnknown, "modules.type"),
            ([metadata(), module(), module()], errors.ModuleDuplicate, "modules"),
            ([metadata(), module("a.js"), module("./a.js")], errors.ModuleDuplicate, "modules"),
            ([Field("metadata", '{"body_part": "x.js"}'), module("x.js", "", "application/javascript")], errors.ServiceWorkerUnsupported, "metadata.body_part"),
        ],
    )  # fmt: skip
    def test_by_name(self, fields: Sequence[Field], error: type[errors.UploadInvalid], field: str) -> None:
        with pytest.raises(error) as caught:
            read(*fields)
        assert caught.value.detail["field"] == field

    @pytest.mark.parametrize(
        "name", ["", "../x", "a/../../x", "/etc/passwd", "a\x00b", "a\nb", "x" * 600, "é" * 300, "node:fs", "..", "a\x7f"]
    )
    def test_hostile_module_names(self, name: str) -> None:
        with pytest.raises(errors.ModuleNameInvalid) as caught:
            read(metadata(), module(name))
        assert caught.value.detail["field"] == "modules.name"

    def test_bad_json_is_placed(self) -> None:
        with pytest.raises(errors.MetadataInvalid) as caught:
            read(Field("metadata", '{"main_module":\n  "index.js",,}'), module())
        assert (caught.value.detail["line"], caught.value.detail["column"]) == (2, 14)

    @pytest.mark.parametrize(
        "name", ["metadata[", "metadata[]", "metadata[a]b", "metadata[a][b", "metadata[][a]", "metadata" + "[a]" * 7, "metadata[a\x00]"]
    )
    def test_bad_brackets(self, name: str) -> None:
        with pytest.raises(errors.MetadataInvalid):
            read(Field(name, "x"), module())

    @pytest.mark.parametrize(
        ("first", "second"),
        [("[a]", "[a]"), ("[a]", "[a][b]"), ("[a][]", "[a][b]"), ("[a][b]", "[a][]"), ("[a][b]", "[a]"), ("[a][][b]", "[a][][b][c]")],
    )
    def test_contradicting_brackets(self, first: str, second: str) -> None:
        with pytest.raises(errors.MetadataInvalid):
            read(Field("metadata" + first, "x"), Field("metadata" + second, "x"), module())


class TestMetadata:
    def test_everything_that_is_used(self) -> None:
        found = judged(
            bindings=[{"type": "json", "name": "J", "json": {"a": 1}}],
            keep_bindings=["secret_text"],
            compatibility_date="2026-01-01",
            compatibility_flags=["nodejs_compat"],
            limits={"cpu_ms": 50},
            annotations={"workers/message": "second", "workers/tag": "v2", "workers/alias": None},
            tags=["t"],
            observability={"enabled": True},
            logpush=False,
        )
        assert found.upload.main_module == "index.js"
        assert found.upload.bindings == ({"type": "json", "name": "J", "json": {"a": 1}},)
        assert found.upload.keep_bindings == ("secret_text",)
        assert found.upload.compatibility_date == "2026-01-01"
        assert found.upload.limits == {"cpu_ms": 50}
        assert (found.upload.message, found.upload.tag) == ("second", "v2")
        assert found.settings.tags == ["t"]
        assert found.settings.observability == {"enabled": True}
        assert found.settings.logpush is False
        assert found.messages == ()

    def test_empty_migrations_of_alchemy_are_fine(self) -> None:
        empty: dict[str, list[str]] = {
            key: [] for key in ("new_classes", "deleted_classes", "renamed_classes", "transferred_classes", "new_sqlite_classes")
        }
        assert judged(migrations=empty).settings.migration_tag is None
        assert judged(migrations={"new_tag": "v1", "steps": []}).settings.migration_tag == "v1"

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("migrations", {"new_sqlite_classes": ["A"]}),
            ("migrations", {"new_tag": "v1", "steps": [{"new_classes": ["A"]}]}),
            ("assets", {"jwt": "a.b.c"}),
            ("containers", [{"class_name": "A"}]),
            ("exports", {"A": {}}),
            ("streaming_tail_consumers", [{"service": "tailer"}]),
        ],
    )
    def test_what_hostel_cannot_do_is_refused_by_name(self, key: str, value: Any) -> None:
        with pytest.raises(errors.FeatureUnsupported) as caught:
            judged(**{key: value})
        assert caught.value.detail["feature"] == key

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("main_module", 1),
            ("main_module", ""),
            ("bindings", {}),
            ("bindings", ["x"]),
            ("keep_bindings", "secret_text"),
            ("compatibility_date", 20260101),
            ("compatibility_flags", [1]),
            ("limits", [1]),
            ("annotations", {"workers/message": 1}),
            ("tags", "t"),
            ("logpush", "yes"),
            ("observability", True),
        ],
    )
    def test_wrong_types_are_named(self, key: str, value: Any) -> None:
        with pytest.raises(errors.MetadataInvalid) as caught:
            judged(**{key: value})
        assert caught.value.detail["field"] == f"metadata.{key}"

    def test_what_has_no_effect_is_said(self) -> None:
        assert judged(placement={"mode": "smart"}, code_update_strategy={"mode": "deferred"}).messages == ()
        assert judged(from_the_future=1).messages == ("metadata.from_the_future is not known to Hostel and has no effect.",)
        assert "logpush" in judged(logpush=True).messages[0]


class TestJson:
    def test_depth(self) -> None:
        def deep(levels: int) -> bytes:
            return b"[" * levels + b"]" * levels

        assert parse_json(deep(DEPTH), error=errors.BodyInvalid)
        with pytest.raises(errors.BodyInvalid):
            parse_json(deep(DEPTH + 1), error=errors.BodyInvalid)

    def test_size(self) -> None:
        assert read_json(io.BytesIO(b'"aa"'), limit=4) == "aa"
        with pytest.raises(errors.BodyTooLarge):
            read_json(io.BytesIO(b'"aaa"'), limit=4)

    @given(st.binary(max_size=200))
    def test_noise(self, data: bytes) -> None:
        try:
            json.dumps(parse_json(data, error=errors.BodyInvalid)).encode()
        except errors.BodyInvalid as error:
            assert error.message  # noqa: PT017 - both outcomes are right


bracketed = st.lists(
    st.tuples(st.lists(st.sampled_from(["", "a", "b", "bindings", "name"]), min_size=1, max_size=6), st.text(max_size=5)), max_size=12
)


@given(bracketed, st.lists(st.sampled_from([*MODULE_KINDS, "a/b", ""]), max_size=4))
def test_any_fields_give_an_upload_or_a_documented_error(fields: list[tuple[list[str], str]], kinds: list[str]) -> None:
    sent = [Field("metadata" + "".join(f"[{key}]" for key in path), value.encode("utf-8", "replace")) for path, value in fields]
    try:
        judge(read(*sent, *(module(f"{at}.js", "", kind) for at, kind in enumerate(kinds))), inherit_strict=False)
    except (errors.UploadInvalid, errors.FeatureUnsupported) as error:
        assert 400 <= error.status < 500  # noqa: PT017 - both outcomes are right


class TestTypeScript:
    @pytest.mark.parametrize("kind", ["application/typescript", "text/typescript", "application/javascript+module"])
    def test_is_a_script(self, kind: str) -> None:
        found = read(Field("metadata", '{"main_module": "index.ts"}'), module("index.ts", "const a: 1 = 1", kind))
        assert [(entry.name, entry.kind, entry.content_type) for entry in found.modules] == [("index.ts", ModuleKind.JS, kind)]

    def test_its_name_says_what_it_is(self) -> None:
        with pytest.raises(errors.ModuleTypeUnknown) as caught:
            read(metadata(), module("index.js", HELLO, "application/typescript"))
        assert caught.value.detail["field"] == "modules.name"
