"""The same upload with another broker: it only wakes the background worker, so nothing else may change."""

from __future__ import annotations

import os

import pytest

from tests.ops.hostel import database, started

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="looks into /proc")


@pytest.mark.parametrize("variable", ["REDIS_URL", "HOSTEL_TEST_AMQP_URL"])
def test_an_upload_is_built_and_served(variable, tmp_path):
    broker = os.environ.get(variable)
    if not broker:
        pytest.skip(f"{variable} names no server")
    with database() as environ, started(tmp_path, CELERY_BROKER_URL=broker, **environ) as hostel:
        assert hostel.upload("mine", 'export default { fetch: () => new Response("mine") };').status == 200
        assert hostel.worker("mine").text == "mine"
        assert not [line for line in hostel.lines if line.startswith("[")], "".join(hostel.lines)
        assert hostel.stop() < 5
