"""How mail is sent: as Django does, trusting one authority more where the configuration names one."""

from __future__ import annotations

import ssl

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend
from django.utils.functional import cached_property


class Backend(EmailBackend):
    """A mail server, whose certificate is looked at."""

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """Trust the machine's authorities, and the configured one."""
        context = ssl.create_default_context()
        if own := getattr(settings, "COLLECTOR_MAIL_CA", ""):
            context.load_verify_locations(own)
        return context
