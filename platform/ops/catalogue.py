"""Every command there is.

Owns their names, arguments and help; docs/cli.md shows the same and a test compares them. Must not import what commands need (ops.cli loads
that when one is asked for).
"""

from __future__ import annotations

from ops.cli import Argument, Command, argument

GROUPS = {
    "version": "compare, try, restore and keep versions of workers",
    "backup": "make, check and restore backups",
    "audit": "check the record of what was done",
    "keys": "replace the master key",
    "tenant": "make, stop, export and delete tenants",
    "token": "make and revoke API tokens",
    "limits": "see and change what a tenant may use",
    "rollouts": "take versions to visitors in stages, and stop that",
    "plan": "see plans and who is on them",
    "flags": "see and switch feature flags, also while the control plane is down",
    "experiments": "compare the variants of flags, and have flags choose versions",
    "user": "make people who can log in",
}
_TENANT = argument("tenant", help="the tenant's slug or account id")
_WORKER = argument("worker", help="the worker's name, namespace:name for one in a namespace")
_VERSION = argument("--version", help="its number or id; the one with the largest share where it is not given")


def _named(name: str, text: str, **options: object) -> Argument:
    return argument(name, help=text, **options)


_FLAG = _named("flag", "the flag's key")
_ENVIRONMENT = _named("--environment", "production, unless another one is named", default="production")
_EXPERIMENT = _named("experiment", "the experiment's key")
_WHY = _named("--reason", "why, for the audit log")

COMMANDS: tuple[Command, ...] = (
    Command(
        "serve",
        "ops.commands.start:serve",
        "start everything and keep it running",
        (_named("--verbose", "show every line of every process", action="store_true"),),
        needs="settings",
        answers=False,
    ),
    Command(
        "prepare",
        "ops.commands.start:prepare",
        "bring the database and the demo tenant up to date",
        details="One step of `serve`, which waits for what it says.",
        needs="settings",
        answers=False,
    ),
    Command(
        "env",
        "ops.commands.start:env",
        "print shell exports for curl, wrangler and Alchemy",
        details='Use it as eval "$(hostel env)". They are the demo tenant\'s.',
        needs="settings",
        answers=False,
    ),
    Command(
        "commands",
        "ops.commands.start:commands",
        "print the command line of each process, for another supervisor",
        needs="settings",
        answers=False,
    ),
    Command(
        "docs",
        "ops.commands.start:docs",
        "write the tables of docs/ that the code knows best",
        needs="settings",
        answers=False,
    ),
    Command(
        "doctor",
        "ops.commands.doctor:examine",
        "look everything over and say what to do",
        (_named("--deep", "also read every blob and verify the audit log", action="store_true"),),
        details="Settings, home, disk, clock, kernel, port, database, schema, keys, content, images, Redis, broker, jobs, gateways. "
        "Changes nothing. Exit code 1 where something does not work.",
        needs="settings",
    ),
    Command(
        "migrate",
        "ops.commands.schema:migrate",
        "bring the database's schema up to date",
        (_named("--check", "change nothing; exit code 1 where something is missing", action="store_true"),),
        details="Safe beside a running Hostel and on several machines at once: one migrates, the others wait for it.",
    ),
    Command(
        "reload",
        "ops.commands.processes:reload",
        "have a running Hostel use what is installed now, without missing a request",
        (_named("--timeout", "seconds to wait for the new gateway processes", type=float, default=120.0, metavar="SECONDS"),),
        details="Gateway processes are replaced one by one, the others start again. Settings stay as they are.",
        needs="settings",
    ),
    Command(
        "drain",
        "ops.commands.processes:drain",
        "take this machine's gateway processes out of service",
        (
            _named(
                "--grace", "seconds for which they still serve while /readyz says no already", type=float, default=0.0, metavar="SECONDS"
            ),
            _named("--timeout", "seconds to wait for what is under way", type=float, default=60.0, metavar="SECONDS"),
            _named("--process", "only the process of this id; may be given several times", type=int, action="append", metavar="PID"),
            _named("--undo", "serve again", action="store_true"),
        ),
        details="New requests are refused, those under way are finished. Exit code 1 where some have not ended in time.",
        needs="settings",
    ),
    Command(
        "backup create",
        "ops.commands.backups:create",
        "write a backup of everything",
        (
            _named("file", "the archive to make: .tar, or .tar.gz to compress it; it must not exist"),
            _named(
                "--with-key",
                "also the key that tenants' secrets are sealed with: whoever has the archive can then read them",
                action="store_true",
            ),
        ),
        details="Safe while Hostel serves: the database is copied as it is at one moment, and no content is removed meanwhile.",
    ),
    Command(
        "backup verify",
        "ops.commands.backups:verify",
        "check every byte of a backup",
        (_named("file", "the archive"),),
    ),
    Command(
        "backup restore",
        "ops.commands.backups:restore",
        "make this home and database what a backup holds",
        (
            _named("file", "the archive"),
            _named("--force", "replace what is here", action="store_true"),
            _named("--without-key", "go on although the key of its secrets is not here", action="store_true"),
        ),
        details="Refused while Hostel runs in this home, and where tenants or people are in the database. Everything is checked first.",
    ),
    Command(
        "audit verify",
        "ops.commands.audit:verify",
        "check that the audit log was not changed",
        (
            _named("--tenant", "one tenant's log only: slug or account id"),
            _named(
                "--heads", "a file that an earlier --json run has written: each end in it must still be part of its chain", metavar="FILE"
            ),
        ),
        details="Exit code 1 where a chain is broken. Keep the ends it prints elsewhere: with them, cutting a log short shows, too.",
    ),
    Command("keys status", "ops.commands.keys:status", "say which master key seals, and which others are still needed"),
    Command(
        "keys rotate",
        "ops.commands.keys:rotate",
        "seal everything with the first master key",
        details="Put a new key before the old one, restart Hostel, run this, then take the old one off. Safe while Hostel runs, and to be "
        "repeated.",
    ),
    Command(
        "tenant create",
        "ops.commands.tenants:create",
        "make a tenant",
        (
            _named("slug", "a DNS label: workers answer at {worker}.{slug}.{base domain}"),
            _named("--name", "as people read it; the slug where it is not given", default=""),
            _named("--owner", "address of the user who will own it", metavar="EMAIL"),
            _named("--account-id", "32 hex digits, for a tenant that moves here; a new one where it is not given", metavar="ID"),
        ),
    ),
    Command("tenant list", "ops.commands.tenants:show_all", "list every tenant"),
    Command("tenant show", "ops.commands.tenants:show", "show one tenant and what it has", (_TENANT,)),
    Command(
        "tenant suspend",
        "ops.commands.tenants:suspend",
        "stop serving a tenant's workers",
        (_TENANT, _named("--reason", "told to the tenant", required=True)),
        details="Visitors get a page that says so, from the next request on; nothing is deleted.",
    ),
    Command("tenant resume", "ops.commands.tenants:resume", "serve a suspended tenant again", (_TENANT,)),
    Command(
        "tenant export",
        "ops.commands.tenants:export",
        "write everything of a tenant into an archive",
        (
            _TENANT,
            _named("file", "the archive to make (.tar); it must not exist"),
            _named("--with-secrets", "also the secrets, sealed with a key that is shown once", action="store_true"),
        ),
        details="The archive holds code, versions, settings, deployments and the audit log, and needs no Hostel to be read.",
    ),
    Command(
        "tenant secrets",
        "ops.commands.tenants:secrets",
        "open the secrets of an export",
        (_named("file", "an archive made with --with-secrets"),),
        details="The key is read from standard input.",
    ),
    Command(
        "tenant delete",
        "ops.commands.tenants:delete",
        "stop a tenant now and erase it later",
        (
            _TENANT,
            _named("--reason", "told to the tenant until then", default=""),
            _named("--after", "the grace period: a number and m, h or d; HOSTEL_TENANT_GRACE_DAYS where it is not given", metavar="SPAN"),
            _named("--now", "erase it at once; nothing brings it back", action="store_true"),
            _named("--confirm", "the tenant's slug once more; --now needs it", default="", metavar="SLUG"),
        ),
        details="Gateways stop serving it from the next request on. `hostel tenant resume` calls a deletion off until it has been erased.",
    ),
    Command(
        "token create",
        "ops.commands.tokens:create",
        "make an API token and show it, this once",
        (
            _named("--tenant", "whose it is: slug or account id; without it, and with --operator, an operator's"),
            _named("--operator", "a token of the platform instead of a tenant", action="store_true"),
            _named("--name", "what it is for", required=True),
            _named("--scope", "what it may do; may be given several times", action="append", default=[], metavar="SCOPE"),
            _named("--expires", "when it ends: a number and m, h or d (30d), or a date (2027-01-31)"),
        ),
    ),
    Command(
        "token list",
        "ops.commands.tokens:show_all",
        "list a tenant's tokens, or the operators'",
        (_named("--tenant", "slug or account id; operators' tokens where it is not given"),),
    ),
    Command(
        "token revoke",
        "ops.commands.tokens:revoke",
        "end a token at once",
        (_named("token", "its id, or its first characters (hst_…) where only one token begins so"),),
    ),
    Command(
        "limits show",
        "ops.commands.limits:show",
        "show the limits that apply and where each comes from",
        (_TENANT, _named("--worker", "of this worker's newest version")),
    ),
    Command(
        "limits set",
        "ops.commands.limits:change",
        "override limits of a tenant or of one of its workers",
        (
            _TENANT,
            _named("limits", "name=value, such as cpu_ms=50", nargs="+", metavar="name=value"),
            _named("--reason", "shown to the tenant", required=True),
            _named("--worker", "of this worker only"),
            _named("--expires", "when it ends by itself: a number and m, h or d (30d), or a date (2027-01-31)"),
        ),
        details="An override stands in the plan's place, up to the platform's own value. Gateways obey within a second.",
    ),
    Command(
        "limits clear",
        "ops.commands.limits:clear",
        "take overrides back",
        (_TENANT, _named("names", "limits whose overrides end", nargs="+", metavar="name"), _named("--worker", "of this worker only")),
    ),
    Command("experiments list", "ops.commands.experiments:listed", "list a tenant's experiments", (_TENANT,)),
    Command("experiments results", "ops.commands.experiments:results", "say what an experiment has found so far", (_TENANT, _EXPERIMENT)),
    Command("experiments start", "ops.commands.experiments:start", "begin to count", (_TENANT, _EXPERIMENT)),
    Command(
        "experiments stop",
        "ops.commands.experiments:stop",
        "count no more; the flag goes on as it is",
        (_TENANT, _EXPERIMENT, _named("--outcome", "what was decided, and why", default="")),
    ),
    Command(
        "experiments attach",
        "ops.commands.experiments:attach",
        "have a flag choose which version of a worker answers",
        (
            _TENANT,
            _named("worker", "the worker's name"),
            _FLAG,
            _ENVIRONMENT,
            _named(
                "--targeting",
                "where targeting keys are looked for: version-key, ip, cookie:NAME, header:NAME or query:NAME; may be given several times",
                action="append",
                metavar="PLACE",
            ),
        ),
        details="Where the flag does not choose, the deployment does. Gateways obey within a second.",
    ),
    Command(
        "experiments detach",
        "ops.commands.experiments:detach",
        "leave a worker's versions to its deployment again",
        (_TENANT, _named("worker", "the worker's name")),
    ),
    Command(
        "version list",
        "ops.commands.versions:show_all",
        "list a worker's versions, what each serves and why it is kept",
        (_TENANT, _WORKER, _named("--most", "how many, the newest first", type=int, default=50, metavar="N")),
    ),
    Command(
        "version diff",
        "ops.commands.versions:diff",
        "show what one version has otherwise than another",
        (_TENANT, _WORKER, _named("before", "a version's number or id"), _named("after", "a version's number or id")),
    ),
    Command(
        "version run",
        "ops.commands.versions:run",
        "send one request to a version, deployed or not",
        (
            _TENANT,
            _WORKER,
            _VERSION,
            _named("--method", "GET where it is not given", default="GET"),
            _named("--url", "a path, or an absolute URL", default="/"),
            _named("--header", "'Name: value'; may be given several times", action="append"),
            _named("--body", "its text", default=""),
        ),
        details="Needs a running gateway on this machine. It is nobody's traffic. Exit code 1 where the worker has not answered.",
    ),
    Command(
        "version test",
        "ops.commands.versions:test",
        "run a worker's request tests against a version",
        (_TENANT, _WORKER, _VERSION),
        details="Needs a running gateway on this machine. Exit code 1 where a test fails.",
    ),
    Command(
        "version restore",
        "ops.commands.versions:restore",
        "make a new version of what an earlier one was",
        (
            _TENANT,
            _WORKER,
            _named("version", "a version's number or id"),
            _named("--deploy", "give it all of the traffic", action="store_true"),
            _named("--original-secrets", "secrets as they were, not as they are", action="store_true"),
        ),
    ),
    Command(
        "version rollback",
        "ops.commands.versions:rollback",
        "deploy again what an earlier deployment had: code and configuration",
        (
            _TENANT,
            _WORKER,
            _named("--to", "the id of an earlier deployment; the latest with other shares where it is not given", metavar="ID"),
            _named("--reason", "for the audit log", default=""),
            _named("--preview", "change nothing: say where it would lead, and what is not as it was", action="store_true"),
        ),
    ),
    Command(
        "version pin",
        "ops.commands.versions:pin",
        "keep a version whatever the worker's retention policy says",
        (
            _TENANT,
            _WORKER,
            _named("version", "a version's number or id"),
            _named("--reason", "why", default=""),
            _named("--undo", "let it go as others do", action="store_true"),
        ),
    ),
    Command(
        "version prune",
        "ops.commands.versions:prune",
        "remove the versions that workers' retention policies let go",
        (
            _named("--tenant", "with --worker: slug or account id"),
            _named("--worker", "change nothing: show what the policy of this worker would remove"),
        ),
        details="The background worker does the same every hour.",
    ),
    Command(
        "flags list",
        "ops.commands.flags:listed",
        "list a tenant's feature flags and what they serve",
        (_TENANT, _ENVIRONMENT, _named("--search", "part of the key or the description")),
    ),
    Command("flags show", "ops.commands.flags:show", "show one flag in every environment", (_TENANT, _FLAG)),
    Command(
        "flags create",
        "ops.commands.flags:create",
        "make a boolean flag, switched off everywhere",
        (_TENANT, _FLAG, _named("--description", "what it is for")),
    ),
    Command("flags on", "ops.commands.flags:switch_on", "switch a flag on", (_TENANT, _FLAG, _ENVIRONMENT, _WHY)),
    Command("flags off", "ops.commands.flags:switch_off", "switch a flag off", (_TENANT, _FLAG, _ENVIRONMENT, _WHY)),
    Command(
        "flags kill",
        "ops.commands.flags:kill",
        "switch a flag off at once, in every environment unless one is named",
        (_TENANT, _FLAG, _named("--environment", "in this one only"), _WHY),
        details="Needs the database and nothing else. Every gateway obeys within a second; what was there is kept for `flags restore`.",
    ),
    Command(
        "flags restore",
        "ops.commands.flags:restore",
        "take the kill switch back",
        (_TENANT, _FLAG, _named("--environment", "in this one only"), _WHY),
    ),
    Command(
        "flags evaluate",
        "ops.commands.flags:evaluate",
        "evaluate a flag as somebody, and show what decided",
        (_TENANT, _FLAG, _ENVIRONMENT, _named("--context", 'JSON, such as {"targetingKey": "user-1", "plan": "pro"}', default="{}")),
    ),
    Command(
        "flags stale",
        "ops.commands.flags:stale",
        "list flags that could go",
        (_TENANT, _named("--days", "unchanged for so many", type=int, default=30)),
    ),
    Command(
        "rollouts start",
        "ops.commands.rollouts:start",
        "take a version to its visitors in stages",
        (
            _TENANT,
            _named("worker", "the worker's name"),
            _named("version", "its number (42, v42) or id"),
            _named("--stage", "percent:duration:gate, such as 10:5m or 50:1h:approval; may be given several times", action="append"),
            _named(
                "--plan", "a JSON file with stages, guards and false_alarm, as the API takes them; - for standard input", metavar="FILE"
            ),
            _named("--message", "what it is about", default=""),
        ),
        details="Without a plan: 1, 10 and 50 % for ten minutes each, then all; error rate, p95 of wall and CPU time watched.",
    ),
    Command(
        "rollouts status",
        "ops.commands.rollouts:status",
        "show a worker's rollout, a tenant's, or all that are under way",
        (_named("tenant", "the tenant's slug or account id", nargs="?"), _named("worker", "the worker's name", nargs="?")),
    ),
    *(
        Command(
            f"rollouts {verb}",
            f"ops.commands.rollouts:{verb}",
            text,
            (_TENANT, _named("worker", "the worker's name"), _named("--reason", "kept in the audit log", **options)),
        )
        for verb, text, options in (
            ("pause", "stop a rollout's clock; guards go on watching", {"default": ""}),
            ("resume", "go on with a paused rollout", {"default": ""}),
            ("approve", "let the next stage begin", {"default": ""}),
            ("abort", "end a rollout and deploy what was live before", {"required": True}),
        )
    ),
    Command(
        "rollouts freeze",
        "ops.commands.rollouts:freeze",
        "let no rollout start or go on",
        (
            _named("--tenant", "of this tenant only: slug or account id"),
            _named("--reason", "told to the tenants"),
            _named("--lift", "let them go on", action="store_true"),
        ),
        details="What takes a version back, by a guard or by hand, is never frozen.",
    ),
    Command("plan list", "ops.commands.limits:plans", "list the plans and who is on them"),
    Command(
        "plan set",
        "ops.commands.limits:plan_of_tenant",
        "put a tenant on a plan",
        (
            _TENANT,
            _named("plan", "the plan's name", nargs="?"),
            _named("--default", "whichever plan is the default one", action="store_true"),
        ),
    ),
    Command(
        "user create",
        "ops.commands.users:create",
        "make a person who can log in",
        (
            _named("email", "the address, which is also the log-in name"),
            _named("--name", "as others read it", default=""),
            _named("--operator", "opens the operators' pages", action="store_true"),
            _named("--password-stdin", "read the password from standard input; without it one is made and shown", action="store_true"),
        ),
    ),
)
