"""Versions and deployments through the Cloudflare-compatible API."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tenants.models import Worker
from tests.cfapi.conftest import Api
from tests.cfapi.forms import Field, body, content_type, metadata, module

SCRIPT = "/workers/scripts/hello"


@pytest.fixture
def two(api: Api) -> tuple[str, str]:
    """The ids of two versions; the first one is deployed."""
    api.deploy()
    first = api.get(f"{SCRIPT}/versions").result["items"][0]["id"]
    return first, api.add_version(annotations={"workers/message": "two", "workers/tag": "t2"}).result["id"]


class TestVersions:
    def test_uploading_one_deploys_nothing(self, api: Api, two: tuple[str, str]) -> None:
        assert [entry["id"] for entry in api.get(f"{SCRIPT}/versions").result["items"]] == [two[1], two[0]]
        deployments = api.get(f"{SCRIPT}/deployments").result["deployments"]
        assert [entry["versions"][0]["version_id"] for entry in deployments] == [two[0]]

    def test_one(self, api: Api, two: tuple[str, str]) -> None:
        version = api.get(f"{SCRIPT}/versions/{two[1]}").result
        assert version["number"] == 2
        assert version["annotations"] == {"workers/triggered_by": "upload", "workers/message": "two", "workers/tag": "t2"}
        assert version["resources"]["script"]["handlers"] == ["fetch"]
        assert version["resources"]["script_runtime"]["compatibility_date"]

    def test_the_client_is_told_apart(self, api: Api) -> None:
        api.put(SCRIPT, data=body([metadata(), module()]), kind=content_type(), headers={"User-Agent": "wrangler/4.86.0"})
        api.add_version()
        items = api.get(f"{SCRIPT}/versions").result["items"]
        assert [item["metadata"]["source"] for item in items] == ["api", "wrangler"]

    def test_of_a_worker_that_is_not_there(self, api: Api) -> None:
        for reply in (api.add_version(), api.get(f"{SCRIPT}/versions"), api.get(f"{SCRIPT}/deployments")):
            assert (reply.status, reply.error["code"]) == (404, 10007)

    @pytest.mark.parametrize("version", [str(uuid4()), "latest", "0"])
    def test_one_that_is_not_there(self, api: Api, two: tuple[str, str], version: str) -> None:
        reply = api.get(f"{SCRIPT}/versions/{version}")
        assert (reply.status, reply.error["detail"]["code"]) == (404, "version_not_found")

    def test_pages_but_not_of_the_deployable_ones(self, api: Api, two: tuple[str, str]) -> None:
        reply = api.get(f"{SCRIPT}/versions?page=2&per_page=1")
        assert [entry["id"] for entry in reply.result["items"]] == [two[0]]
        assert reply.envelope["result_info"]["total_count"] == 2
        assert api.get(f"{SCRIPT}/versions?page=3&per_page=1").result["items"] == []
        assert len(api.get(f"{SCRIPT}/versions?deployable=true").result["items"]) == 2

    def test_deriving_the_next_one_by_a_merge_patch(self, api: Api) -> None:
        bindings = [{"type": "plain_text", "name": "KEEP", "text": "1"}, {"type": "secret_text", "name": "DROP", "text": "x"}]
        api.deploy(bindings=bindings)
        patch = {"env": {"VS": {"type": "secret_text", "text": "vvv"}, "DROP": None}, "annotations": {"workers/message": "m"}}
        made = api.patch("/workers/workers/hello/versions/latest", patch, kind="application/merge-patch+json").result
        assert made["resources"]["bindings"] == [{"type": "plain_text", "name": "KEEP", "text": "1"}, {"type": "secret_text", "name": "VS"}]
        assert made["annotations"]["workers/message"] == "m"
        live = api.get(f"{SCRIPT}/deployments").result["deployments"][0]["versions"][0]["version_id"]
        assert live != made["id"]

    @pytest.mark.parametrize("patch", [[], {"env": []}, {"env": {"A": 1}}, {"annotations": {"workers/message": 1}}])
    def test_bad_merge_patches(self, api: Api, patch: Any) -> None:
        api.deploy()
        reply = api.patch("/workers/workers/hello/versions/latest", patch)
        assert (reply.status, reply.error["detail"]["code"]) == (400, "body_invalid")


class TestDeployments:
    def test_a_split(self, api: Api, two: tuple[str, str]) -> None:
        shares = [{"version_id": two[0], "percentage": 66.67}, {"version_id": two[1], "percentage": 33.33}]
        made = api.post(
            f"{SCRIPT}/deployments", {"strategy": "percentage", "versions": shares, "annotations": {"workers/message": "canary"}}
        )
        assert made.status == 200
        newest = api.get(f"{SCRIPT}/deployments").result["deployments"][0]
        assert newest["id"] == made.result["id"]
        assert newest["annotations"]["workers/message"] == "canary"
        assert sorted(newest["versions"], key=lambda share: -share["percentage"]) == shares
        assert api.get(f"{SCRIPT}/deployments/{newest['id']}").result == newest

    @pytest.mark.parametrize("deployment", [str(uuid4()), "latest"])
    def test_one_that_is_not_there(self, api: Api, two: tuple[str, str], deployment: str) -> None:
        reply = api.get(f"{SCRIPT}/deployments/{deployment}")
        assert (reply.status, reply.error["detail"]["code"]) == (404, "deployment_not_found")

    @pytest.mark.parametrize(
        "shares",
        [
            None,
            [],
            {},
            ["x"],
            [{}],
            [{"version_id": 1, "percentage": 100}],
            [{"version_id": "FIRST"}],
            [{"version_id": "FIRST", "percentage": "100"}],
            [{"version_id": "FIRST", "percentage": True}],
            [{"version_id": "FIRST", "percentage": 99}],
            [{"version_id": "FIRST", "percentage": 100.001}],
            [{"version_id": "FIRST", "percentage": -1}, {"version_id": "SECOND", "percentage": 101}],
            [{"version_id": "FIRST", "percentage": 50}, {"version_id": "FIRST", "percentage": 50}],
            [{"version_id": "nonsense", "percentage": 100}],
            [{"version_id": "FIRST", "percentage": 1e308}],
        ],
    )
    def test_bad_splits_change_nothing(self, api: Api, two: tuple[str, str], shares: Any) -> None:
        if isinstance(shares, list):
            names = {"FIRST": two[0], "SECOND": two[1]}
            shares = [
                {**share, "version_id": names.get(share["version_id"], share["version_id"])} if "version_id" in share else share
                for share in shares
            ]
        before = api.get(f"{SCRIPT}/deployments").result
        reply = api.post(f"{SCRIPT}/deployments", {"strategy": "percentage", "versions": shares})
        assert (reply.status, reply.error["detail"]["code"]) == (400, "deployment_invalid")
        assert reply.error["detail"]["field"].startswith("versions")
        assert api.get(f"{SCRIPT}/deployments").result == before

    def test_a_version_of_another_worker(self, api: Api, two: tuple[str, str]) -> None:
        api.deploy("other")
        theirs = api.get("/workers/scripts/other/versions").result["items"][0]["id"]
        reply = api.post(f"{SCRIPT}/deployments", {"strategy": "percentage", "versions": [{"version_id": theirs, "percentage": 100}]})
        assert (reply.status, reply.error["detail"]["code"]) == (404, "version_not_found")

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
    def test_bad_bodies(self, api: Api, two: tuple[str, str], data: bytes) -> None:
        reply = api.post(f"{SCRIPT}/deployments", data=data)
        assert (reply.status, reply.error["code"], reply.error["detail"]["code"]) == (400, 10026, "body_invalid")


class TestSettings:
    def test_all_of_them(self, api: Api) -> None:
        api.deploy(tags=["a"], observability={"enabled": True}, compatibility_flags=["nodejs_compat"], limits={"cpu_ms": 50})
        found = api.get(f"{SCRIPT}/settings").result
        assert found["tags"] == ["a"]
        assert found["observability"] == {"enabled": True}
        assert found["compatibility_flags"] == ["nodejs_compat"]
        assert found["limits"] == {"cpu_ms": 50}
        assert found["bindings"] == []

    def test_changing_bindings_makes_a_version_and_serves_it(self, api: Api) -> None:
        api.deploy(bindings=[{"type": "secret_text", "name": "S", "text": "s"}, {"type": "json", "name": "J", "json": [1]}])
        # As wrangler 4.86 does for `secret bulk`: what is there is named without its content.
        bindings = [{"type": "secret_text", "name": "S"}, {"type": "json", "name": "J"}, {"type": "secret_text", "name": "N", "text": "n"}]
        settings = Field("settings", '{"bindings": ' + str(bindings).replace("'", '"') + "}", filename="settings")
        reply = api.patch(f"{SCRIPT}/settings", fields=[settings])
        assert reply.result["bindings"] == [
            {"type": "secret_text", "name": "S"},
            {"type": "json", "name": "J", "json": [1]},
            {"type": "secret_text", "name": "N"},
        ]
        versions = api.get(f"{SCRIPT}/versions").result["items"]
        assert len(versions) == 2
        assert api.get(f"{SCRIPT}/deployments").result["deployments"][0]["versions"][0]["version_id"] == versions[0]["id"]

    def test_changing_tags_makes_none(self, api: Api) -> None:
        api.deploy()
        assert api.patch(f"{SCRIPT}/settings", fields=[Field("settings", '{"tags": ["x"]}')]).result["tags"] == ["x"]
        assert len(api.get(f"{SCRIPT}/versions").result["items"]) == 1

    def test_script_settings(self, api: Api) -> None:
        api.deploy()
        changed = api.patch(f"{SCRIPT}/script-settings", {"observability": {"enabled": False}, "tags": ["cf:service=hello"]})
        assert changed.result["tags"] == ["cf:service=hello"]
        assert api.get(f"{SCRIPT}/script-settings").result == changed.result

    def test_tail_workers(self, api: Api) -> None:
        api.deploy()
        path = f"{SCRIPT}/script-settings"
        for bad in ([{"service": "t"}], [{"service": "hello"}], [{"service": "-"}], [{}], [{"service": "t"}] * 11):
            refused = api.patch(path, {"tail_consumers": bad})
            assert refused.error["detail"]["code"] == "setting_invalid", bad
        Worker.objects.create(tenant=Worker.objects.get(name="hello").tenant, name="t")
        assert api.patch(path, {"tail_consumers": [{"service": "t"}]}).result["tail_consumers"] == [{"service": "t"}]
        assert api.patch(path, {"tail_consumers": []}).result["tail_consumers"] is None

    def test_the_subdomain_follows(self, api: Api) -> None:
        api.deploy()
        path = f"{SCRIPT}/subdomain"
        assert api.post(path, {"enabled": True}).result == {"enabled": True, "previews_enabled": True}
        assert api.post(path, {"enabled": True, "previews_enabled": False}).result == {"enabled": True, "previews_enabled": False}
        assert api.delete(path).result == {"enabled": False, "previews_enabled": False}
        assert api.get(path).result == {"enabled": False, "previews_enabled": False}
        assert api.post(path, {}).error["detail"]["field"] == "enabled"

    def test_the_address_is_the_gateways(self, api: Api) -> None:
        api.deploy()
        subdomain = api.get("/workers/workers/hello").result["subdomain"]
        assert subdomain["url"].startswith("http://hello.")
        assert f".{api.tenant.slug}.localhost" in subdomain["url"]
        assert api.get("/workers/subdomain").result == {"subdomain": api.tenant.slug}
