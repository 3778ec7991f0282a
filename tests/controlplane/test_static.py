"""Style sheets and scripts: kept for a while, asked for again by their tag, compressed for whoever says so."""

from __future__ import annotations

import gzip

PATH = "/static/ui/tokens.css"


def test_whoever_says_so_gets_it_compressed(client):
    plain, packed = client.get(PATH), client.get(PATH, headers={"accept-encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 2
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_a_tag_that_is_known_brings_nothing(client):
    tag = client.get(PATH).headers["ETag"]
    for headers in ({}, {"accept-encoding": "gzip"}):
        assert client.get(PATH, headers={"if-none-match": tag, **headers}).status_code == 304


def test_what_nobody_has(client):
    assert client.get("/static/none.css").status_code == 404
    assert client.get("/static/../settings.py").status_code == 404
