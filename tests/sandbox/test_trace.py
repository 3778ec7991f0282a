"""Trace context is read strictly, and what is made is valid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Bundle, InvocationRecord, Request, Sandbox, Target
from sandbox.http import Response
from sandbox.trace import begin, onward

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_span_is_made_under_the_one_that_is_named() -> None:
    trace = begin(f"00-{TRACE}-{SPAN}-01".encode())
    assert (trace.trace_id, trace.parent_id, trace.flags) == (TRACE, SPAN, "01")
    assert trace.span_id not in (SPAN, "0" * 16)
    child = trace.child()
    assert (child.trace_id, child.parent_id) == (TRACE, trace.span_id)


def test_later_versions_may_say_more() -> None:
    assert begin(f"cc-{TRACE}-{SPAN}-01-what-the-future-holds".encode()).trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        "",
        "-",
    ],
)
def test_what_is_not_valid_begins_a_trace_of_its_own(header: str) -> None:
    trace = begin(header.encode())
    assert trace.trace_id != TRACE
    assert trace.parent_id == ""


@given(st.binary(max_size=80))
def test_whatever_is_given_what_is_made_can_be_read(header: bytes) -> None:
    made = begin(header)
    assert begin(made.header).trace_id == made.trace_id


def test_a_guest_may_name_a_span_itself() -> None:
    trace = begin()
    assert onward(trace, [(b"Traceparent", b"its own")]) == [(b"Traceparent", b"its own")]
    assert onward(trace, [(b"a", b"1")]) == [(b"a", b"1"), (b"traceparent", trace.header)]


async def test_the_record_and_the_next_worker_are_of_the_same_trace(box: Sandbox) -> None:
    seen: list[Request] = []

    async def other(request: Request) -> Response:
        seen.append(request)
        return Response(200, "", [], b"other")

    source = "export default { async fetch(request, env) { const r = await env.API.fetch('http://api/', {method: 'POST', body: 'abc'}); return new Response(await r.text() + request.headers.get('traceparent')); } }"
    worker = await box.load("traced", replace(Bundle.js(source), env=({"type": "service", "name": "API", "service": "other"},)))
    records: list[InvocationRecord] = []
    target: Target = worker.target
    target.services, target.on_finish = {"API": other}, records.append
    trace = begin(f"00-{TRACE}-{SPAN}-01".encode())
    body = "x" * 10
    response = await box.dispatch(
        target, Request("POST", "http://a/?q", [(b"traceparent", trace.header)], body.encode(), id="one", trace=trace)
    )
    text = await response.text()
    assert text == "other" + trace.header.decode()
    (record,) = records
    assert (record.trace_id, record.span_id, record.parent_id, record.request_id) == (*trace[:3], "one")
    assert (record.request_bytes, record.response_bytes, record.egress_bytes, record.subrequests) == (10, len(text), 0, 1)
    assert (record.event, record.method, record.url, record.depth) == ("fetch", "POST", "http://a/?q", 0)
    (request,) = seen
    assert request.id == "one"
    assert request.trace is not None
    assert (request.trace.trace_id, request.trace.parent_id) == (TRACE, trace.span_id)
    assert dict(request.headers)[b"traceparent"] == request.trace.header
