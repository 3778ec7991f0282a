"""TypeScript and JSX: what becomes of them, where errors are said to be, and what is refused."""

from __future__ import annotations

import pytest

from sandbox import Bundle, HostelError, Module, ModuleKind, Sandbox, WorkerKey
from sandbox.errors import InvocationError, StartupFailed
from sandbox.http import Request
from sandbox.limits import Limits
from sandbox.worker.record import InvocationRecord
from sandbox.worker.target import Program, Target

WORKER = """\
// The first line is a comment.
import type { Greeting } from "./types";
import { greet, type Named } from "./lib/greet";

interface Env {
  NAME: string;
}

export enum Mood { Glad = "glad", Sad = "sad" }

namespace Inner {
  export const answer = 42;
}

class Point {
  constructor(private readonly x: number, public y?: number) {}
  get sum(): number { return this.x + (this.y ?? 0); }
}

const identity = <T,>(value: T): T => value;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url) as URL;
    if (url.pathname === "/throw") {
      const message: string = "here";
      throw new TypeError(message!);
    }
    const named = { name: env.NAME } satisfies Named;
    const value = identity<number>(new Point(1, 2).sum) + Inner.answer;
    return new Response(`${greet(named)} ${value} ${Mood.Glad}`);
  },
};
"""
GREET = """\
export type Named = {
  name: string;
};

export function greet({ name }: Named): string {
  if (name === "") {
    throw new Error("nobody" as string);
  }
  return `hello ${name}`;
}
"""


def bundle(name: str = "Ada", **more: str) -> Bundle:
    files = {"src/index.ts": WORKER, "src/lib/greet.ts": GREET, **more}
    modules = tuple(Module(path, ModuleKind.JS, text.encode()) for path, text in files.items())
    return Bundle("src/index.ts", modules, env=({"type": "plain_text", "name": "NAME", "text": name},))


async def ask(box: Sandbox, code: Bundle, path: str) -> tuple[str, list[InvocationRecord]]:
    records: list[InvocationRecord] = []

    async def source() -> Program:
        return Program(code)

    target = Target(WorkerKey("t", "w", "1"), source, Limits(), on_finish=records.append)
    try:
        response = await box.dispatch(target, Request("GET", f"http://example.com{path}"))
        return await response.text(), records
    except InvocationError as error:
        return error.code, records


async def test_types_are_taken_away(box: Sandbox) -> None:
    text, _ = await ask(box, bundle(), "/")
    assert text == "hello Ada 45 glad"


async def test_stacks_name_the_authors_lines(box: Sandbox) -> None:
    text, records = await ask(box, bundle(), "/throw")
    assert text == "worker_exception"
    (thrown,) = records[0].exceptions
    assert (thrown.name, thrown.message) == ("TypeError", "here")
    assert "src/index.ts:27:" in thrown.stack.splitlines()[0]


async def test_also_in_modules_that_are_imported(box: Sandbox) -> None:
    _, records = await ask(box, bundle(name=""), "/")
    lines = records[0].exceptions[0].stack.splitlines()
    assert "src/lib/greet.ts:7:" in lines[0]
    assert "src/index.ts:31:" in lines[1]


async def test_logs_name_them_too(box: Sandbox) -> None:
    code = Bundle(
        "a.ts",
        (
            Module(
                "a.ts",
                ModuleKind.JS,
                b"interface A { b: string }\ntype C = A;\n\nexport default {\n  fetch(r: Request) {\n    console.error(new Error('x'));\n"
                b"    return new Response('y');\n  },\n};\n",
            ),
        ),
    )
    _, records = await ask(box, code, "/")
    assert "a.ts:6:" in records[0].logs[0].message


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("const a: string = 'x';\nexport default {\n  fetch( {}\n};", (4, 1)),
        ("let x = ;", (1, 9)),
        ("interface A {\n  b: ;\n}", (2, 6)),
        ("// one\nfunction f() {\n  `${", (3, 3)),
        ("export default {\n", (1, 17)),
        ("const s = 'ü'; const t: = 1;", (1, 25)),
        ("const x: number = 1;\nreturn 2;\n", (2, 1)),
        ("let a: number = 1;\n\nlet a: string = 'x';", (3, 5)),
    ],
)
async def test_a_syntax_error_has_its_place(box: Sandbox, source: str, place: tuple[int, int]) -> None:
    with pytest.raises(StartupFailed) as caught:
        await box.build(Bundle("w.ts", (Module("w.ts", ModuleKind.JS, source.encode()),)))
    error = caught.value
    assert (error.code, error.file) == ("script_syntax_error", "w.ts")
    assert (error.line, error.column) == place


async def test_what_throws_at_the_top_has_its_place(box: Sandbox) -> None:
    source = b"interface A {\n  b: 1;\n}\n\nconst fail = (): never => {\n  throw new RangeError('top' as string);\n};\nfail();\n"
    with pytest.raises(StartupFailed) as caught:
        await box.build(Bundle("w.ts", (Module("w.ts", ModuleKind.JS, source),)))
    assert (caught.value.code, caught.value.file, caught.value.line) == ("script_top_level_threw", "w.ts", 6)


async def test_an_import_that_is_missing_has_its_place(box: Sandbox) -> None:
    with pytest.raises(StartupFailed) as caught:
        await box.build(
            Bundle("w.ts", (Module("w.ts", ModuleKind.JS, b"type A = 1;\nimport { b } from './gone';\nexport default { b };"),))
        )
    assert (caught.value.code, caught.value.file, caught.value.line) == ("module_not_found", "w.ts", 2)


RUNTIME = b"export const jsx = (tag, props) => typeof tag === 'function' ? tag(props) : `<${tag}>${[props.children].flat().join('')}</${tag}>`;\nexport const jsxs = jsx;\n"


@pytest.mark.parametrize("ending", ["jsx", "tsx"])
async def test_jsx(box: Sandbox, ending: str) -> None:
    source = (
        "/** @jsxImportSource ./html */\nconst Item = ({ children }) => <li>{children}</li>;\n"
        "export default { fetch() { return new Response(<ul><Item>one</Item><Item>two</Item></ul>); } };"
    )
    code = Bundle(
        f"w.{ending}", (Module(f"w.{ending}", ModuleKind.JS, source.encode()), Module("html/jsx-runtime.js", ModuleKind.JS, RUNTIME))
    )
    text, _ = await ask(box, code, "/")
    assert text == "<ul><li>one</li><li>two</li></ul>"


@pytest.mark.parametrize("imported", ["./b", "./b.js", "./b.ts", "b.ts"])
async def test_how_typescript_names_its_modules(box: Sandbox, imported: str) -> None:
    code = Bundle(
        "a.ts",
        (
            Module("a.ts", ModuleKind.JS, f"import {{ b }} from '{imported}'; export default {{ fetch: () => new Response(b) }};".encode()),
            Module("b.ts", ModuleKind.JS, b"export const b: string = 'b';"),
        ),
    )
    assert (await ask(box, code, "/"))[0] == "b"


async def test_plain_javascript_does_not_name_them_so(box: Sandbox) -> None:
    code = Bundle(
        "a.js", (Module("a.js", ModuleKind.JS, b"import './b'; export default {};"), Module("b.ts", ModuleKind.JS, b"export const b = 1;"))
    )
    with pytest.raises(StartupFailed) as caught:
        await box.build(code)
    assert caught.value.code == "module_not_found"


@pytest.mark.parametrize("source", ["(" * 50_000, "[" * 200_000, "a" * (8 * 1024 * 1024 + 1)])
async def test_hostile_sources_are_refused(box: Sandbox, source: str) -> None:
    with pytest.raises(HostelError) as caught:
        await box.build(Bundle("w.ts", (Module("w.ts", ModuleKind.JS, source.encode()),)))
    assert caught.value.code == "script_transform_exceeded"


async def test_dynamic_workers_are_not_transformed(box: Sandbox) -> None:
    with pytest.raises(StartupFailed):
        await box.build(Bundle("w.ts", (Module("w.ts", ModuleKind.JS, b"const a: string = 'x'; export default {};"),), transforms=False))
