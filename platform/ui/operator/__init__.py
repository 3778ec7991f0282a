"""The operator console: pages for whoever runs the platform.

    fleet.py       how the house is, in one sentence and in charts
    neighbours.py  who uses most of it, and slowing them down
    tenants.py     tenants: what they use and may, exceptions, suspending, looking at one as its members do
    plans.py       what groups of tenants are granted
    watching.py    security, system, webhooks that fail
    audit.py       everything that was done, and the proof of it

Background jobs have their pages in `jobs.pages`: this app knows nothing of jobs. Must not hold rules: pages call services and selectors.
"""
