"""The one HTTP entry: every request comes in here and goes to a worker or to the control plane.

    asgi.py         the application granian serves
    application.py  one request: host -> control plane, worker or page
    hosts.py        the Host header (pure)          routes.py   host -> worker, cached, checked against the epoch
    headers.py      headers in and out (pure)       bodies.py   request bodies and the visitor's departure
    worker.py       a request to a worker           respond.py  its response, byte for byte
    targets.py      which version, what to run      directory.py the database, asked from threads
    origin.py       who asks, behind which proxies  assembly.py  the parts of a process
    proxy.py        a request to the control plane  pages.py    an error as a page or as JSON
    admin.py        the process's own socket        stats.py    what it has counted
    health.py       whether it can serve            drain.py    taking it out of service

Must not write anything to the database, nor run anything of a tenant itself: the sandbox does.
"""
