"""A bad version on its way to its visitors, which takes itself back.

    make serve                                     # in another terminal
    python examples/rollout/bad_version.py         # --rate 40 --failing 0.05 …

Uploads a worker that answers well and a version of it that fails in a share of its requests, sends traffic, starts a rollout in stages, and
prints what happens as it happens. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

GOOD = "export default { async fetch() { await new Promise(r => setTimeout(r, 5)); %s return new Response('v%d'); } };"
FAILS = "if (Math.random() < %r) throw new Error('checkout is broken');"


class Hostel:
    """The native API and a worker's host, over one address."""

    def __init__(self, demo: dict[str, str], worker: str) -> None:
        """Read where it is from what `make serve` has written."""
        address = urlsplit(demo["gateway_base"])
        self._at = (address.hostname or "localhost", address.port or 80)
        self._token, self._host = demo["api_token"], f"{worker}.{demo['tenant']}.localhost"

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """One call; the document."""
        connection = http.client.HTTPConnection(*self._at, timeout=60)
        headers = {"Host": "localhost", "Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            sys.exit(f"{method} {path}: {response.status} {text.decode()}")
        return json.loads(text)

    def visit(self) -> str:
        """One visitor's request: `v1`, `v2`, or the status of an error."""
        connection = http.client.HTTPConnection(*self._at, timeout=60)
        try:
            connection.request("GET", "/", headers={"Host": self._host})
            response = connection.getresponse()
            text = response.read().decode()
            return text if response.status == http.HTTPStatus.OK else str(response.status)
        except OSError as error:
            return type(error).__name__
        finally:
            connection.close()


class Visitors(threading.Thread):
    """Visitors who come `rate` times a second, at random moments."""

    def __init__(self, hostel: Hostel, rate: float) -> None:
        """Not coming yet."""
        super().__init__(daemon=True)
        self._hostel, self._rate = hostel, rate
        self.leave = threading.Event()
        self.seen: Counter[str] = Counter()

    def run(self) -> None:
        """Come until told to leave."""
        chance = random.Random()  # noqa: S311 - traffic
        while not self.leave.wait(chance.expovariate(self._rate)):
            self.seen[self._hostel.visit()] += 1


def main() -> None:
    """Upload, send traffic, roll out, watch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", default="var/demo.json", help="what `make serve` has written")
    parser.add_argument("--worker", default="shop")
    parser.add_argument("--rate", type=float, default=20, help="visitors a second")
    parser.add_argument("--old-failing", type=float, default=0.009, help="share of requests in which the old version fails")
    parser.add_argument("--failing", type=float, default=0.031, help="share of requests in which the new one does")
    parser.add_argument("--stage", type=int, default=600, help="seconds of each stage")
    parser.add_argument("--minimum", type=int, default=50)
    parser.add_argument("--before", type=float, default=20, help="seconds of traffic before the rollout starts")
    parser.add_argument("--give-up", type=float, default=1_800, help="seconds to wait for an end")
    options = parser.parse_args()
    hostel = Hostel(json.loads(Path(options.demo).read_text()), options.worker)

    upload(hostel, options.worker, 1, options.old_failing, deploy=True)
    version = upload(hostel, options.worker, 2, options.failing, deploy=False)
    # Four threads, so that one slow answer holds nobody up.
    visitors = [Visitors(hostel, options.rate / 4) for _ in range(4)]
    for each in visitors:
        each.start()
    time.sleep(options.before)

    started = time.monotonic()
    stages = [{"percent": percent, "seconds": options.stage} for percent in (10, 25, 50)]
    plan = {
        "stages": [*stages, {"percent": 100}],
        "guards": [
            {"metric": "errors", "action": "rollback", "minimum": options.minimum},
            {"metric": "wall_p95", "action": "pause", "minimum": options.minimum, "margin": 50},
        ],
    }
    rollout = hostel.api("POST", f"/workers/{options.worker}/rollouts", {"version": version, "message": "a new checkout", **plan})
    watch(hostel, f"/workers/{options.worker}/rollouts/{rollout['id']}", started, options.give_up)
    for each in visitors:
        each.leave.set()
    seen: Counter[str] = sum((each.seen for each in visitors), Counter())
    live = hostel.api("GET", f"/workers/{options.worker}/deployments")["items"][0]
    print("visitors got", dict(sorted(seen.items())))
    print("live now:", ", ".join(f"{entry['percentage']:g} % {entry['version'][:8]}" for entry in live["versions"]))


def upload(hostel: Hostel, worker: str, number: int, failing: float, *, deploy: bool) -> str:
    """A version that fails in a share of its requests; its id."""
    body = {"main_module": "worker.js", "modules": [{"name": "worker.js", "content": GOOD % (FAILS % failing, number)}]}
    made = hostel.api("POST", f"/workers/{worker}/versions?deploy={str(deploy).lower()}", body)
    return str(made["id"])


def watch(hostel: Hostel, path: str, started: float, give_up: float) -> None:
    """Print each line of the timeline when it appears, and every half a minute what the first guard sees."""
    told, said = 0, started
    while True:
        found = hostel.api("GET", path)
        for line in found["timeline"][told:]:
            say(started, line["text"])
        told = len(found["timeline"])
        if found["ended"]:
            return
        if time.monotonic() - started > give_up:
            sys.exit(f"nothing has happened in {give_up:g} s: {found['holding'] or found['verdict']}")
        if time.monotonic() - said >= 30:  # noqa: PLR2004 - half a minute
            said = time.monotonic()
            say(started, found["holding"] or found["guards"][0].get("sentence", ""))
        time.sleep(0.5)


def say(started: float, text: str) -> None:
    """A line with the time since the start."""
    seconds = time.monotonic() - started
    print(f"{int(seconds // 60):3}:{seconds % 60:04.1f}  {text}", flush=True)


main()
