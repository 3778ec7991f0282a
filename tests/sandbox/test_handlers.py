"""Handlers other than fetch, methods called between workers, ctx.exports, and what compatibility flags change."""

from __future__ import annotations

import json
from itertools import count

import pytest

from sandbox import Bundle, Sandbox, WorkerKey, compatibility
from sandbox.errors import BundleInvalid, HostelError, WorkerThrew
from sandbox.http import Request, Response
from sandbox.sandbox import Worker
from sandbox.worker.target import Program, Target

NUMBERS = count()


async def load(box: Sandbox, source: str, *flags: str, date: str = "2025-06-01", **env: str) -> Worker:
    return await box.load(f"w{next(NUMBERS)}", Bundle.js(source, compatibility_date=date, compatibility_flags=flags, env=env))


async def said(box: Sandbox, expression: str, *flags: str, date: str = "2025-06-01", head: str = "") -> str:
    source = f"{head}; export default {{ fetch(request, env, ctx) {{ return new Response(String({expression})); }} }};"
    return await (await (await load(box, source, *flags, date=date)).fetch("http://example.com/")).text()


class TestScheduled:
    async def test_is_given_its_time(self, box: Sandbox) -> None:
        worker = await load(
            box,
            """
            let seen;
            export default {
              async scheduled(controller, env, ctx) {
                seen = [controller.cron, controller.scheduledTime, env.NAME];
                if (controller.cron === "once") controller.noRetry();
                if (controller.cron === "bad") throw new RangeError("no such time");
              },
              fetch: () => Response.json(seen),
            };
            """,
            NAME="n",
        )
        assert await worker.scheduled(cron="*/5 * * * *", time_ms=1_700_000_000_000) == {"noRetry": False}
        assert json.loads(await (await worker.fetch("http://a.test/")).text()) == ["*/5 * * * *", 1_700_000_000_000, "n"]
        assert await worker.scheduled(cron="once") == {"noRetry": True}
        with pytest.raises(WorkerThrew) as caught:
            await worker.scheduled(cron="bad")
        assert caught.value.detail["exception"] == "RangeError"

    async def test_of_a_class(self, box: Sandbox) -> None:
        source = (
            'import { WorkerEntrypoint } from "cloudflare:workers"; let at;'
            "export default class extends WorkerEntrypoint { scheduled(c) { at = c.cron; } fetch() { return new Response(at); } }"
        )
        worker = await load(box, source)
        await worker.scheduled(cron="1 2 3 4 5")
        assert await (await worker.fetch("http://a.test/")).text() == "1 2 3 4 5"

    async def test_of_a_worker_that_has_none(self, box: Sandbox) -> None:
        worker = await load(box, "export default { fetch: () => new Response() };")
        with pytest.raises(WorkerThrew, match="threw"):
            await worker.scheduled()


class TestQueue:
    MESSAGES = tuple({"id": f"m{n}", "timestamp": 1000 * n, "attempts": n, "body": {"n": n}} for n in range(1, 5))

    async def test_decisions(self, box: Sandbox) -> None:
        worker = await load(
            box,
            """
            export default {
              queue(batch) {
                const [a, b, c] = batch.messages;
                if (batch.queue !== "jobs" || !(a.timestamp instanceof Date) || a.body.n !== a.attempts) throw new Error("wrong");
                a.ack();
                a.retry();
                b.retry({ delaySeconds: 30 });
                b.ack();
                batch.retryAll({ delaySeconds: 5 });
                batch.ackAll();
                c.ack();
              },
            };
            """,
        )
        assert (await worker.queue("jobs", self.MESSAGES))["messages"] == [
            {"id": "m1", "ack": True},
            {"id": "m2", "ack": False, "delaySeconds": 30},
            {"id": "m3", "ack": True},
            {"id": "m4", "ack": False, "delaySeconds": 5},
        ]

    async def test_returning_acknowledges_all(self, box: Sandbox) -> None:
        worker = await load(box, "export default { async queue() {} };")
        assert all(message["ack"] for message in (await worker.queue("q", self.MESSAGES))["messages"])

    async def test_a_delay_has_bounds(self, box: Sandbox) -> None:
        worker = await load(box, "export default { queue(batch) { batch.messages[0].retry({ delaySeconds: 43201 }); } };")
        with pytest.raises(WorkerThrew):
            await worker.queue("q", self.MESSAGES)


CALLEE = """
import { WorkerEntrypoint } from "cloudflare:workers";
class Base extends WorkerEntrypoint { inherited() { return "base"; } }
export default class extends Base {
  secret = () => "own";
  add(a, b) { return a + b; }
  async echo(value) { await null; return value; }
  props() { return this.ctx.props; }
  named() { return this.env.NAME; }
  fail() { throw new RangeError("too far"); }
  nothing() {}
  big() { return "x".repeat(2 ** 21); }
  many() { return () => 1; }
  fetch() { return new Response("fetched"); }
}
export class Other extends WorkerEntrypoint { who() { return "other"; } }
export const plain = { fetch: () => new Response("plain") };
"""


async def between(box: Sandbox, expression: str) -> object:
    """What `expression` is in a worker that is bound to CALLEE as API."""
    callee = await load(box, CALLEE, NAME="callee")
    caller = Bundle.js(
        f"export default {{ async fetch(request, env) {{ try {{ return Response.json([await ({expression})]); }} "
        "catch (e) { return Response.json(`${e.name}: ${e.message}`); } } };",
        compatibility_date="2025-06-01",
    )
    caller = Bundle(caller.main, caller.modules, env=({"type": "service", "name": "API", "service": "callee"},))

    async def source() -> Program:
        return Program(caller)

    async def service(request: Request) -> Response:
        return await box.dispatch(callee.target, request)

    target = Target(WorkerKey("local", f"caller{next(NUMBERS)}", "1"), source, services={"API": service})
    return json.loads(await (await box.dispatch(target, Request("GET", "http://a.test/"))).text())


class TestMethods:
    @pytest.mark.parametrize(
        ("expression", "answer"),
        [
            ("env.API.add(1, 2)", [3]),
            ("env.API.inherited()", ["base"]),
            ("env.API.named()", ["callee"]),
            ("env.API.nothing()", [None]),
            ("env.API.echo({ a: [1, { b: null }] })", [{"a": [1, {"b": None}]}]),
            ("env.API.echo(new Map([[1, new Set([2])]])).then((m) => [...m.get(1)])", [[2]]),
            ("env.API.echo(new Uint8Array([1, 2])).then((b) => [b instanceof Uint8Array, b.length])", [[True, 2]]),
            ("env.API.echo(new Date(5)).then((d) => d.getTime())", [5]),
            ("Promise.all([env.API.add(1, 1), env.API.add(2, 2)])", [[2, 4]]),
            ("env.API.fetch('http://x/').then((r) => r.text())", ["fetched"]),
            ("env.API.props()", [{}]),
            ("typeof env.API.then", ["undefined"]),
            ("env.API.fail()", "RangeError: too far"),
            ("env.API.gone()", 'TypeError: The RPC receiver does not implement the method "gone".'),
            ("env.API.secret()", 'TypeError: The RPC receiver does not implement the method "secret".'),
            ("env.API.toString()", ["[object Fetcher]"]),
            ("env.API.hasOwnProperty('x')", [False]),
        ],
    )
    async def test_answers(self, box: Sandbox, expression: str, answer: object) -> None:
        assert await between(box, expression) == answer

    @pytest.mark.parametrize(
        "expression", ["env.API.echo(() => 1)", "env.API.many()", "env.API.big()", "env.API.echo('x'.repeat(2 ** 21))"]
    )
    async def test_what_does_not_cross(self, box: Sandbox, expression: str) -> None:
        found = await between(box, expression)
        assert isinstance(found, str)
        assert found.startswith(("DataCloneError", "RangeError"))

    async def test_dynamic_workers_have_methods(self, box: Sandbox) -> None:
        bundle = Bundle(
            "w.js",
            Bundle.js(
                "export default { async fetch(request, env) { const stub = env.LOADER.load({ compatibilityDate: '2025-06-01', mainModule: 'm.js', "
                f"modules: {{ 'm.js': {json.dumps(CALLEE)} }} }}); "
                "const other = stub.getEntrypoint('Other', { props: {} });"
                "return Response.json([await stub.getEntrypoint().add(2, 3), await other.who()]); } };",
                name="w.js",
            ).modules,
            env=({"type": "worker_loader", "name": "LOADER"},),
        )
        worker = await box.load(f"w{next(NUMBERS)}", bundle)
        assert json.loads(await (await worker.fetch("http://a.test/")).text()) == [5, "other"]


class TestExports:
    async def test_a_worker_calls_itself(self, box: Sandbox) -> None:
        source = """
          import { WorkerEntrypoint } from "cloudflare:workers";
          export class Admin extends WorkerEntrypoint {
            who(x) { return [this.ctx.props.role ?? "nobody", x]; }
            fetch() { return new Response("admin"); }
          }
          export default {
            async fetch(request, env, ctx) {
              const { Admin } = ctx.exports;
              return Response.json([await Admin.who(1), await Admin({ props: { role: "boss" } }).who(2), await (await Admin.fetch("http://x/")).text(),
                Object.keys(ctx.exports).sort()]);
            },
          };
        """
        worker = await load(box, source, date="2025-11-17")
        found = json.loads(await (await worker.fetch("http://a.test/")).text())
        assert found == [["nobody", 1], ["boss", 2], "admin", ["Admin", "default"]]

    async def test_it_cannot_go_on_for_ever(self, box: Sandbox) -> None:
        source = "export default { async fetch(r, e, ctx) { return ctx.exports.default.fetch(r); } };"
        worker = await load(box, source, "enable_ctx_exports")
        with pytest.raises(HostelError):
            await worker.fetch("http://a.test/")


NAVIGATOR = "globalThis.navigator === undefined"
LANGUAGE = "globalThis.navigator?.language"
VALUE_ARGUMENT = "urlsearchparams_delete_has_value_arg"
SEARCH = "new URLSearchParams('a=1&a=2').has('a', '3')"
IMPORTED = 'import { env as imported } from "cloudflare:workers"'


class TestFlags:
    @pytest.mark.parametrize(
        ("expression", "names", "dates", "answers"),
        [
            (NAVIGATOR, "global_navigator no_global_navigator", "2022-03-20 2022-03-21", ("true", "false")),
            (LANGUAGE, "enable_navigator_language disable_navigator_language", "2025-05-18 2025-05-19", ("undefined", "en")),
            (SEARCH, f"{VALUE_ARGUMENT} no_{VALUE_ARGUMENT}", "2023-06-30 2023-07-01", ("true", "false")),
            ("Object.keys(ctx.exports)", "enable_ctx_exports disable_ctx_exports", "2025-11-16 2025-11-17", ("", "default")),
            ("typeof process", "nodejs_compat no_nodejs_compat no_nodejs_compat_v2", "2026-08-03 2026-08-04", ("undefined", "object")),
        ],
    )
    async def test_both_ends(self, box: Sandbox, expression: str, names: str, dates: str, answers: tuple[str, str]) -> None:
        (flag, *opposite), (before, since), (without, with_it) = names.split(), dates.split(), answers
        assert await said(box, expression, date=before) == without
        assert await said(box, expression, flag, date=before) == with_it
        assert await said(box, expression, *opposite, date=since) == without
        assert await said(box, expression, date=since) == with_it

    async def test_the_environment_may_be_kept_from_imports(self, box: Sandbox) -> None:
        for flags, answer in (((), "v"), (("disallow_importable_env",), "undefined")):
            worker = await load(box, f"{IMPORTED}; export default {{ fetch: () => new Response(String(imported.KEY)) }};", *flags, KEY="v")
            assert await (await worker.fetch("http://a.test/")).text() == answer

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (("no_such_flag",), "No such compatibility flag: no_such_flag"),
            (("nodejs_compat", "no_nodejs_compat"), "mutually contradictory"),
        ],
    )
    def test_what_is_refused(self, flags: tuple[str, ...], message: str) -> None:
        with pytest.raises(BundleInvalid, match=message) as caught:
            compatibility.check(flags)
        assert caught.value.detail["field"] == "compatibility_flags"

    async def test_flags_without_effect_are_taken(self, box: Sandbox) -> None:
        assert await said(box, "1", "url_standard", "experimental", "python_workers") == "1"
