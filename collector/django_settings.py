"""Django's settings that no configuration changes; collector/boot.py lays the configuration over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

SECRET_KEY = ""  # collector/boot.py: a file of the collector's own; Django refuses to sign anything with an empty one
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "[::1]", "localhost"]
ROOT_URLCONF = "collector.urls"
WSGI_APPLICATION = "collector.wsgi.application"
DATABASES: dict[str, dict[str, Any]] = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "collector.parties",
    "collector.intake",
    "collector.statements",
    "collector.fleet",
    "collector.certificates",
    "collector.foreign",
    "collector.units",
    "collector.trade",
    "collector.effect",
    "collector.today",
    "collector.selling",
    "collector.api",
    "collector.background",
    "collector.notices",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "collector.fleet.metrics.Measured",
    "django.middleware.security.SecurityMiddleware",
    "collector.headers.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "collector.parties.languages.Languages",
    "collector.parties.doors.Doors",
    "collector.problems.Problems",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "collector.parties.doors.navigation",
                "django.template.context_processors.i18n",
            ],
            "builtins": ["collector.certificates.templatetags.shown"],
        },
    }
]

# People
AUTH_USER_MODEL = "parties.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", **more}
    for name, more in (
        ("UserAttributeSimilarityValidator", {"OPTIONS": {"user_attributes": ("login", "name", "email")}}),
        ("MinimumLengthValidator", {"OPTIONS": {"min_length": 10}}),
        ("CommonPasswordValidator", {}),
    )
]
EMAIL_BACKEND = "collector.parties.mail.Backend"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "collector.parties.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = "login"
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = {  # a town's offices may all come from one address; a person is guessed at from many
    "login": "300/m/ip",
    "login_failed": "100/10m/ip,5/5m/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RATE_LIMITS = {"webauthn_login": "300/m/ip"}
MFA_TOTP_TOLERANCE = 1  # a code of the last half minute: telephones' clocks are off by seconds
MFA_TOTP_ISSUER = "benchwipe"
MFA_FORMS = {"add_webauthn": "collector.parties.adapter.AddPasskey"}
MFA_ADAPTER = "collector.parties.adapter.SecondFactor"
CACHES = {"default": {"BACKEND": "collector.parties.limits.Limits"}}  # counts attempts to sign in, and nothing else
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_NAME = "benchwipe_session"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "benchwipe_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "collector.problems.csrf_failure"

# Languages
LANGUAGE_CODE = "en"
LANGUAGE_COOKIE_NAME = "benchwipe_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGES = [("da", "Dansk"), ("en", "English")]
LOCALE_PATHS = [HERE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Copenhagen"

# What browsers get
STATIC_URL = "/static/"
STATICFILES_DIRS = [HERE / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

LOGGING_CONFIG = None  # collector/cli.py sets logging up, one way for every process
SILENCED_SYSTEM_CHECKS: list[str] = []
