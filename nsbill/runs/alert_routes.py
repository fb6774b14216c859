"""The routes of alerts, as ``[routes.NAME]`` of the schedule's file says them: by e-mail, to a webhook, into a file.

A secret never stands in the file: the route names the ``NSBILL_…`` variable of the environment that holds it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from nsbill.runs.redaction import names_a_secret

__all__ = ["AlertRoute", "EmailRoute", "FileRoute", "WebhookRoute"]


def _variable(name: str) -> str:
    if name and not (name.startswith("NSBILL_") and name.isidentifier() and name == name.upper()):
        raise ValueError("a secret is named by a variable of the environment such as NSBILL_SMTP_PASSWORD")
    if name and not names_a_secret(name):
        raise ValueError(
            "its name has to say that it is a secret, so that runs are searched for it: with PASSWORD, TOKEN, SECRET or WEBHOOK in it"
        )
    return name


def _address(text: str) -> str:
    name, sign, host = text.partition("@")
    if not (name and sign and host) or "@" in host or not text.isprintable() or " " in text:
        raise ValueError(f"{text!r} is no e-mail address such as finance@example.com")
    return text


Variable = Annotated[str, AfterValidator(_variable)]
Address = Annotated[str, AfterValidator(_address)]


class _Route(BaseModel):
    """What every route says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    timeout_seconds: int = Field(20, ge=1, le=300, description="How long the other side may take")


class EmailRoute(_Route):
    """E-mail by SMTP."""

    kind: Literal["email"]
    host: str = Field(min_length=1, description="Host of the mail server")
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls (port 587), tls (port 465), or none: only for a server on this machine"
    )
    sender: Address = Field(alias="from", description="Address that the message comes from")
    to: tuple[Address, ...] = Field(min_length=1, strict=False, description="Addresses that it goes to")
    user: str = Field("", description="Name to sign in with; empty: without signing in")
    password_variable: Variable = Field("", description="Variable that holds the password")
    ca_file: str = Field("", description="PEM file of the authority that signed the server's certificate, if private")

    @model_validator(mode="after")
    def _password_goes_with_a_name_and_never_in_the_clear(self) -> Self:
        if bool(self.user) != bool(self.password_variable):
            raise ValueError("user and password_variable go together")
        if self.user and self.security == "none":
            raise ValueError("a password is not sent without TLS; set security to starttls or tls")
        return self


class WebhookRoute(_Route):
    """JSON to a URL, in the form of Slack's incoming webhooks, which Mattermost and others take too."""

    kind: Literal["webhook"]
    url_variable: Variable = Field("", description="Variable that holds the URL; a URL that lets in whoever has it")
    url: str = Field("", description="The URL itself, when it is no secret")

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if bool(self.url) == bool(self.url_variable):
            raise ValueError("give url_variable (or url, when it is no secret), one of them")
        if self.url:
            parts = urlsplit(self.url)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError("url begins with https:// and names a host")
            if parts.password:
                raise ValueError(
                    "a password stands in url; put the whole URL into a variable, and name it: url_variable"
                )
        return self


class FileRoute(_Route):
    """A line of JSON at the end of a file."""

    kind: Literal["file"]
    path: str = Field(min_length=1, description="The file; a relative path begins at the schedule's folder")


AlertRoute = Annotated[EmailRoute | WebhookRoute | FileRoute, Field(discriminator="kind")]
"""Any route; ``kind`` says which."""
