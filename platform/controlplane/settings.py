"""Django's settings, made from `controlplane.config`.

Owns what Django needs to be told; whatever an operator can set is in `config` and is read as `settings.HOSTEL` everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.functional import SimpleLazyObject

from controlplane import config, logs, people
from controlplane.database import database
from controlplane.mail import mail
from tenants import keys

HOSTEL: config.Config = config.load()


def _keys() -> keys.KeyRing:
    return keys.load(configured=HOSTEL.secret_key, path=HOSTEL.home / "secret.key")


class _Fallbacks(list[str]):
    """A list, because Django demands one when it reads the settings; what is in it is looked up when it is used."""

    def __iter__(self) -> Iterator[str]:
        """Django's keys from the master keys that only unseal."""
        return iter([HOSTEL_KEYS.derive("django", key_id).hex() for key_id in HOSTEL_KEYS.earlier])


# Lazy, so that reading the settings makes no file.
HOSTEL_KEYS: Any = SimpleLazyObject(_keys)
SECRET_KEY: Any = SimpleLazyObject(lambda: HOSTEL_KEYS.derive("django").hex())
# A replaced master key logs nobody out for as long as it stays on the ring.
SECRET_KEY_FALLBACKS: list[str] = _Fallbacks()
# Who makes a version's image: a dotted path to a tenants.builder.Builder.
HOSTEL_BUILDER = "jobs.builds.JobBuilder"
# How services ask for background work.
HOSTEL_BACKGROUND = "jobs.services.job_enqueue"
# Which Celery application sends what wakes the background workers.
HOSTEL_CELERY_APP = "controlplane.celery.app"

# A stack trace is never an answer: errors are rendered by controlplane.errors in every mode.
DEBUG = False
# Names of workers never reach this server: the gateway sends control-plane hosts only.
ALLOWED_HOSTS = list(HOSTEL.hosts)
CSRF_TRUSTED_ORIGINS = [HOSTEL.origin(host) for host in HOSTEL.hosts]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "tenants",
    "telemetry",
    "flags",
    "rollouts",
    "experiments",
    "jobs",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "api",
    "cfapi",
    # For the script it brings (htmx).
    "django_htmx",
    "ui",
    # Before django-allauth: its templates are ours where we have one.
    "accounts",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "controlplane.middleware.RequestLog",
    "controlplane.middleware.ActingFrom",
    "controlplane.middleware.Rates",
    "controlplane.middleware.ErrorPages",
    "django.middleware.security.SecurityMiddleware",
    "controlplane.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "controlplane.middleware.HumanLimits",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "controlplane.urls"
ASGI_APPLICATION = "controlplane.asgi.application"
# Cloudflare's addresses end without a slash; a redirect would turn an upload into a GET.
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [config.ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": database(HOSTEL.database)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": HOSTEL.redis_url, "KEY_PREFIX": "hostel"}
    if HOSTEL.redis_url
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "counters": people.counters(HOSTEL),
}

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "api.schema.Described",
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.auth.TokenAuthentication", "api.auth.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.auth.HasScope"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Hostel",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    # Words that several resources share, and lists that share a field's name.
    "ENUM_NAME_OVERRIDES": {
        "FlagTypeEnum": "flags.evaluation.result.TYPES",
        "ModuleTypeEnum": "api.serializers.versions.KINDS",
        "LimitNameEnum": "api.serializers.limits.NAMES",
        "LimitLevelEnum": "api.serializers.limits.LEVELS",
        "LogLevelEnum": "api.serializers.telemetry.LEVELS",
        "RolloutStateEnum": "rollouts.models.State.values",
    },
    # From a package, not from somebody else's server.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "PREPROCESSING_HOOKS": ["api.schema.only_native"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "api.schema.add_problem"],
}

AUTH_USER_MODEL = "tenants.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]

# Accounts: signing up, logging in, second factors, single sign-on.
globals().update(people.settings_for(HOSTEL))
globals().update(mail(HOSTEL.email_url, home=HOSTEL.home))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = HOSTEL.email_from or f"hostel@{HOSTEL.base_domain}"

_HTTPS = HOSTEL.public_scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
if _HTTPS:
    # Workers answer at subdomains and could set cookies for this host; a name that begins so, no other host can set.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-hostel", "__Host-csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# The gateway is the only one who reaches this server, and it sets the header itself.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "controlplane.errors.forbidden"
# Uploads have a reader of their own, which obeys HOSTEL_MAX_UPLOAD_BYTES; what Django itself reads is small.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
# Served by controlplane.static, from the packages they come in.
STATIC_URL = "static/"

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logs.configure(level=HOSTEL.log_level, human=HOSTEL.debug)

# Background work. Jobs are rows: a message carries one id and may be lost or come twice.
# (Kombu warns about an address without a host.)
CELERY_BROKER_URL = "hostel://localhost" if HOSTEL.broker_url == "hostel://" else HOSTEL.broker_url
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONSUMER = "jobs.consumer:PatientConsumer"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "hostel"
# The one thing that a process keeps time for: what is due (jobs.schedule) and what is overdue are rows.
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "jobs.sweep", "schedule": HOSTEL.job_sweep_seconds},
}
