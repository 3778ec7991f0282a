"""Files that nothing here can run: everything they name is there, and is called what they call it."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane import config
from ops import cli
from ops.catalogue import COMMANDS, GROUPS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SETTINGS = {item.metadata["env"] for item in config.settings_fields()}
PARSER = cli.parser(COMMANDS, GROUPS)
ADDRESSES = ("/healthz", "/readyz")


def understood(words: list[str]) -> None:
    """A command line of ours is one that can be typed."""
    if Path(words[0]).name == "hostel":
        PARSER.parse_args(words[1:])


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


def kind(name: str) -> list[dict[str, Any]]:
    return [document for document in documents() if document["kind"] == name]


class TestDockerfile:
    def lines(self, word: str) -> list[str]:
        joined = DOCKERFILE.replace("\\\n", " ")
        return [line.removeprefix(f"{word} ") for line in joined.splitlines() if line.startswith(f"{word} ")]

    def test_what_is_copied_is_there(self):
        for line in self.lines("COPY"):
            if "--from=" not in line:
                *sources, _ = [word for word in line.split() if not word.startswith("--")]
                for source in sources:
                    assert (ROOT / source).exists(), source

    def test_every_package_is_in_the_image(self):
        copied = {line.split()[-1].rstrip("/") for line in self.lines("COPY")}
        with (ROOT / "pyproject.toml").open("rb") as file:
            packages = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        for package in packages:
            assert package.split("/")[0] in copied, package
        assert {"manage.py", "templates", "examples"} <= {
            name.removeprefix("./") for line in self.lines("COPY") for name in line.split()
        } | copied

    def test_nothing_that_is_copied_is_ignored(self):
        ignored = (ROOT / ".dockerignore").read_text().split()
        assert not {line.split()[0].rstrip("/") for line in self.lines("COPY")} & set(ignored)

    def test_programs_and_commands_exist(self):
        (command,) = self.lines("CMD")
        understood(json.loads(command))
        for run in self.lines("RUN"):
            for module in re.findall(r"-m ([a-z.]+)", run):
                path = module.replace(".", "/")
                path = path if path.startswith("sandbox") else f"platform/{path}"
                assert module == "compileall" or (ROOT / f"{path}.py").exists(), module
            for script in re.findall(r"-I ([\w./]+\.py)", run):
                assert (ROOT / script).exists(), script

    def test_settings_are_settings(self):
        (line,) = self.lines("ENV")
        assert set(re.findall(r"(HOSTEL_\w+)=", line)) <= SETTINGS

    def test_it_is_not_root_and_listens_where_it_says(self):
        assert self.lines("USER") == ["hostel"]
        assert self.lines("EXPOSE") == [str(config.Config.__dataclass_fields__["port"].default)]
        (check,) = self.lines("HEALTHCHECK")
        assert any(address in check for address in ADDRESSES)


class TestCompose:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]

    def test_it_builds_the_image_that_is_here(self):
        for name in ("single", "full"):
            build = self.services[name]["build"]
            assert (DEPLOY / build["context"] / build["dockerfile"]).exists()

    def test_settings_are_settings_and_services_are_there(self):
        for service in self.services.values():
            assert {name for name in service.get("environment", {}) if not name.startswith("POSTGRES_")} <= SETTINGS
            assert set(service.get("depends_on", {})) <= set(self.services)

    def test_volumes_are_declared_and_go_where_the_image_has_them(self):
        whole = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
        (declared,) = re.findall(r"^VOLUME (\[.*\])", DOCKERFILE, re.MULTILINE)
        for name, service in self.services.items():
            mounts = [volume.split(":") for volume in service.get("volumes", [])]
            assert {volume for volume, _ in mounts} <= set(whole["volumes"])
            if name in ("single", "full"):
                assert [target for _, target in mounts] == json.loads(declared)

    def test_it_is_locked_down_and_not_open_to_the_world(self):
        for name in ("single", "full"):
            service = self.services[name]
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
            assert all(port.startswith("127.0.0.1:") for port in service["ports"])


class TestKubernetes:
    def pod(self) -> dict[str, Any]:
        (deployment,) = kind("Deployment")
        return deployment["spec"]["template"]["spec"]

    def test_settings_are_settings(self):
        for found in kind("ConfigMap"):
            assert set(found["data"]) <= SETTINGS
            assert all(isinstance(value, str) for value in found["data"].values())
        literals = re.findall(r"--from-literal=(\w+)", (DEPLOY / "kubernetes.yaml").read_text())
        assert literals
        assert set(literals) <= SETTINGS

    def test_the_settings_are_valid_together(self, monkeypatch):
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)
        for name, value in kind("ConfigMap")[0]["data"].items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DATABASE_URL", "postgres://u@db/hostel")
        monkeypatch.setenv("HOSTEL_SECRET_KEY", "k" * 44)
        found = config.load()
        assert [said for said in config.warnings(found) if "no setting" not in said] == []

    def test_commands_exist(self):
        pod = self.pod()
        for container in (*pod["initContainers"], *pod["containers"]):
            understood(container["command"])
            understood(container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["none"]))

    def test_probes_ask_what_is_answered_as_the_control_planes_host(self):
        (container,) = self.pod()["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["path"] in ADDRESSES
            assert asked["httpHeaders"] == [{"name": "Host", "value": "localhost"}]
            assert asked["port"] in [port["name"] for port in container["ports"]]

    def test_volumes_fit(self):
        pod = self.pod()
        names = {volume["name"] for volume in pod["volumes"]}
        for container in (*pod["initContainers"], *pod["containers"]):
            assert {mount["name"] for mount in container["volumeMounts"]} <= names
            assert container["securityContext"]["readOnlyRootFilesystem"]
        mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        # What several machines share (docs/operations.md), and where the image keeps the rest.
        assert mounts["/var/lib/hostel/blobs"] == mounts["/var/lib/hostel/staging"] == "shared"
        for variable in ("HOSTEL_HOME", "HOSTEL_GUEST_CACHE"):
            (place,) = re.findall(rf"{variable}=(\S+)", DOCKERFILE)
            assert place in mounts

    def test_a_pod_ends_later_than_its_drain(self):
        pod = self.pod()
        words = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        drained = sum(float(words[words.index(option) + 1]) for option in ("--grace", "--timeout"))
        assert pod["terminationGracePeriodSeconds"] > drained

    def test_labels_and_ports_meet(self):
        labels = kind("Deployment")[0]["spec"]["template"]["metadata"]["labels"]
        assert kind("Service")[0]["spec"]["selector"] == labels
        assert kind("PodDisruptionBudget")[0]["spec"]["selector"]["matchLabels"] == labels
        for rule in kind("Ingress")[0]["spec"]["rules"]:
            backend = rule["http"]["paths"][0]["backend"]["service"]
            assert backend["port"]["name"] in [port["name"] for port in kind("Service")[0]["spec"]["ports"]]


class TestSystemd:
    @pytest.fixture
    def unit(self) -> configparser.ConfigParser:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string((DEPLOY / "hostel.service").read_text())
        return parser

    def test_what_it_starts_exists(self, unit):
        words = unit["Service"]["ExecStart"].split()
        assert words[0] == f"{unit['Service']['WorkingDirectory']}/.venv/bin/hostel"
        understood(words)
        assert "$MAINPID" in unit["Service"]["ExecReload"]
        assert "-HUP" in unit["Service"]["ExecReload"]

    def test_settings_are_settings(self, unit):
        assert set(re.findall(r"(HOSTEL_\w+)=", unit["Service"]["Environment"])) <= SETTINGS

    def test_the_home_is_the_one_it_may_write_to(self, unit):
        home = dict(word.split("=") for word in unit["Service"]["Environment"].split())["HOSTEL_HOME"]
        assert home == f"/var/lib/{unit['Service']['StateDirectory']}"
