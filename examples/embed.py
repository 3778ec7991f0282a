"""The sandbox without a platform: run a worker from ten lines of Python.

python examples/embed.py
"""

import asyncio

from sandbox import Bundle, Limits, Sandbox

WORKER = """
export default {
  async fetch(request, env) {
    return Response.json({ hello: env.NAME, path: new URL(request.url).pathname });
  },
};
"""


async def main() -> None:
    """Load a worker under limits and ask it something, twice."""
    async with Sandbox() as box:
        worker = await box.load("hello", Bundle.js(WORKER, env={"NAME": "world"}), limits=Limits(cpu_ms=50))
        for path in ("/first", "/second"):
            response = await worker.fetch(f"http://example.com{path}")
            print(response.status, response.start, await response.text())


asyncio.run(main())
