"""One mail, by the server of [mail]. Its head holds nothing that a station wrote as it came."""

from __future__ import annotations

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage

from collector.notices.posting import Outcome
from collector.parties.invitations import mail_is_set_up
from collector.text import visible

LONGEST_TOLD = 120


def send(address: str, identifier: str, subject: str, body: str) -> Outcome:
    """Send a mail. The same message has the same Message-ID at every try."""
    if not mail_is_set_up():
        return Outcome(False, "no mail server is configured: [mail] host and sender")
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    headers = {
        "Message-ID": f"<{identifier}@{domain}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: nobody's absence note answers it
        "X-Auto-Response-Suppress": "All",
    }
    try:
        mail = EmailMessage(visible(subject, 200), body, settings.DEFAULT_FROM_EMAIL, [address], headers=headers)
        return Outcome(mail.send() == 1, "the mail server took it")
    except smtplib.SMTPResponseException as error:
        return _said(error.smtp_code, error.smtp_error)
    except smtplib.SMTPRecipientsRefused as error:
        return _said(*next(iter(error.recipients.values()), (0, b"")))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return Outcome(False, visible(f"{type(error).__name__}: {error}", LONGEST_TOLD))


def _said(code: int, words: bytes | str) -> Outcome:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return Outcome(False, visible(f"the mail server said {code} {text}", LONGEST_TOLD))
