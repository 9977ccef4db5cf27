"""
A tool's outcome message: verified, then stored; the reply says what happened (LTI 1.1, section 6).

The order of work is: size, past due, parse, OAuth, replay, user, action. Parsing comes before the sender is known,
because a reply carries the message's id; that is safe with the parser of ``core.lti.xml``.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import unquote

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction

from openedx_learning_ext.core import privacy
from openedx_learning_ext.core.lti import outcomes as messages
from openedx_learning_ext.core.lti import xml
from openedx_learning_ext.core.lti.errors import LtiError
from openedx_learning_ext.core.lti.oauth import SignedMessage
from openedx_learning_ext.lti_consumer import oauth
from openedx_learning_ext.lti_consumer.oauth import SignedRequest

log = logging.getLogger(__name__)

UNKNOWN_ID = "unknown"


def parse_grade_xml_body(body: str | bytes) -> tuple[str, str, float | None, str]:
    """
    Return (message identifier, sourcedid, score, action) of an outcome message, such as
    ``("id", "course:link:user", 0.5, "replaceResultRequest")``; the score is ``None`` where none is replaced.

    Raises:
        LtiError: the body is no such message; the text says why.
    """
    request = messages.parse_request(body)
    return request.message_identifier, request.sourced_id, request.score, request.action


class UserNotFound(Exception):
    """The sourcedid stands for nobody who can have a score here."""


class OutcomeService:
    """
    The outcomes service of one block: any object with the attributes an LTI XBlock has.

    Asked of it: ``accept_grades_past_due``, ``is_past_due`` (grace included), ``lti_provider_key_secret``,
    ``outcome_service_url``, ``runtime.get_real_user(id)``, ``max_score()`` and
    ``set_user_module_score(user, score, max_score)`` with the score from 0 to 1 as sent. Optional, and each missing one
    costs what it gives:

    * ``accept_oauth(parameters)`` raises ``LtiError`` for a foreign consumer key, a stale timestamp or a used nonce.
      Without it **replays are not noticed**;
    * ``get_user_module_score(user)`` -> (score, maximum) and ``clear_user_module_score(user)`` serve reading and
      deleting, which are answered ``unsupported`` otherwise;
    * ``find_user(sourced_id)`` resolves a whole sourcedid, instead of what follows its last colon;
    * ``takes_outcomes``, when false, has every authentic message answered ``unsupported``;
    * ``log_id`` names the block in log lines;
    * ``atomic()`` returns the transaction in which nonce and effect stand, for a block that keeps its scores elsewhere
      than in the default database.
    """

    def __init__(self, xblock: Any) -> None:
        """Serve this block."""
        self.xblock = xblock
        #: Whether the last message handled could not be read or was not authentic.
        self.was_refused = False

    def handle_request(self, request: SignedRequest) -> str:
        """
        Return the XML reply to a message, having done what it asks; success is answered after the commit only.
        (Inside a transaction of the caller's own, that one's commit is still to come.)

        The same message a second time is refused, when the block notices replays; the same score in a fresh message is
        success again. A refusal changes nothing but that the message's nonce is used. An error of ours takes the nonce
        back with everything else, so that the same message may come again.
        """
        self.was_refused = False
        if len(request.body) > xml.DEFAULT_LIMITS.max_bytes:
            return self._refuse(f"Request body XML parsing error: {xml.TOO_LARGE}", "too_large")
        parsed: messages.OutcomeRequest | None = None
        try:
            if self._is_past_due():
                parsed = self._read_request_only(request.body)
                if parsed is None:
                    return self._refuse_late(request)
            try:
                parsed = parsed or messages.parse_request(request.body)
            except LtiError as error:
                reason, body = messages.echo(str(error)), messages.echo(request.body)
                return self._refuse(f"Request body XML parsing error: {reason} {body}", error.code)
            return self._answer(request, parsed)
        except Exception as error:  # noqa: BLE001  # a tool is never shown an HTML page of ours
            log.error("outcome message failed\n%s", privacy.trace_of(error))
            return _failure("The request has failed.", parsed.message_identifier if parsed else UNKNOWN_ID, parsed)

    def _is_past_due(self) -> bool:
        if self.xblock.accept_grades_past_due:
            return False
        # A property in some releases of the LTI XBlock, a method in others.
        past_due = self.xblock.is_past_due
        return bool(past_due() if callable(past_due) else past_due)

    @staticmethod
    def _read_request_only(body: bytes) -> messages.OutcomeRequest | None:
        """Return a well-formed read, which may go on after the deadline; ``None`` for everything else."""
        try:
            parsed = messages.parse_request(body)
        except LtiError:
            return None
        return parsed if parsed.operation == messages.READ else None

    def _refuse_late(self, request: SignedRequest) -> str:
        """Answer a message after the deadline; only a forged or unreadable one counts as refused."""
        try:
            messages.parse_request(request.body)
            self._verify(request)
        except LtiError as error:
            self._log_refusal(error.code)
        return _failure("Grade is past due", UNKNOWN_ID)

    def _answer(self, request: SignedRequest, parsed: messages.OutcomeRequest) -> str:
        try:
            message = self._verify(request)
        except LtiError as error:
            return self._refuse_oauth(error, parsed)
        try:
            return self._accept_and_act(message, parsed)
        except OperationalError:
            # A deadlock, or a lock that was not to be had in time. All is rolled back, the nonce too: once more.
            if connections[DEFAULT_DB_ALIAS].in_atomic_block:
                raise
            return self._accept_and_act(message, parsed)

    def _verify(self, request: SignedRequest) -> SignedMessage:
        try:
            key, secret = self.xblock.lti_provider_key_secret
        except LtiError:
            key, secret = "", ""  # a passport that cannot be read is none
        return oauth.read_verified(request, secret if key else "", self.xblock.outcome_service_url)

    def _accept_and_act(self, message: SignedMessage, parsed: messages.OutcomeRequest) -> str:
        with getattr(self.xblock, "atomic", transaction.atomic)():
            try:
                self._accept_oauth(message)
            except LtiError as error:
                return self._refuse_oauth(error, parsed)
            return self._act(parsed)

    def _accept_oauth(self, message: SignedMessage) -> None:
        accept = getattr(self.xblock, "accept_oauth", None)
        if accept is not None:
            accept(message.parameters)

    def _act(self, parsed: messages.OutcomeRequest) -> str:
        if not getattr(self.xblock, "takes_outcomes", True):
            return _unsupported(parsed)
        try:
            user = self._find_user(parsed.sourced_id)
        except UserNotFound:
            return _failure("User not found.", parsed.message_identifier, parsed)
        if parsed.operation == messages.REPLACE:
            self.xblock.set_user_module_score(user, parsed.score, self.xblock.max_score())
            sourced_id = messages.echo(parsed.sourced_id)
            return _success(parsed, f"Score for {sourced_id} is now {parsed.score}")
        if parsed.operation == messages.READ and hasattr(self.xblock, "get_user_module_score"):
            score, maximum = self.xblock.get_user_module_score(user)
            known = score is not None and bool(maximum)
            return _success(parsed, "Result read", score / maximum if known else None)
        if parsed.operation == messages.DELETE and hasattr(self.xblock, "clear_user_module_score"):
            self.xblock.clear_user_module_score(user)
            return _success(parsed, "Result deleted")
        return _unsupported(parsed)

    def _find_user(self, sourced_id: str) -> Any:
        find = getattr(self.xblock, "find_user", None)
        if find is not None:
            user = find(sourced_id)
        else:
            user_part = unquote(sourced_id.rpartition(":")[2])
            user = self.xblock.runtime.get_real_user(user_part) if user_part else None
        if user is None or not getattr(user, "is_active", True):
            raise UserNotFound
        return user

    def _refuse(self, description: str, code: str) -> str:
        self._log_refusal(code)
        return _failure(description, UNKNOWN_ID)

    def _log_refusal(self, code: str) -> None:
        self.was_refused = True
        log.info("outcome message refused: %s (%s)", code, getattr(self.xblock, "log_id", "a block"))

    def _refuse_oauth(self, error: LtiError, parsed: messages.OutcomeRequest) -> str:
        self._log_refusal(error.code)
        return _failure(f"OAuth verification error: {error}", parsed.message_identifier, parsed)


def _reply(
    code_major: str,
    description: str,
    identifier: str,
    parsed: messages.OutcomeRequest | None,
    score: float | None = None,
) -> str:
    operation = parsed.operation if parsed else ""
    ref = parsed.message_identifier if parsed else ""
    return messages.build_reply(messages.OutcomeReply(code_major, description, identifier, ref, operation, score))


def _failure(description: str, identifier: str, parsed: messages.OutcomeRequest | None = None) -> str:
    return _reply(messages.FAILURE, description, identifier, parsed)


def _success(parsed: messages.OutcomeRequest, description: str, score: float | None = None) -> str:
    return _reply(messages.SUCCESS, description, parsed.message_identifier, parsed, score)


def _unsupported(parsed: messages.OutcomeRequest) -> str:
    description = "Target does not support the requested operation."
    return _reply(messages.UNSUPPORTED, description, parsed.message_identifier, parsed)


__all__ = ["OutcomeService", "UserNotFound", "parse_grade_xml_body"]
