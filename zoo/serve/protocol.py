"""uvicorn's HTTP/1.1 with what it lacks: limits on the head of a request, and no end of the body where an upgrade is offered."""

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MOST_HEAD = 2**16  # bytes of a request's line and headers
HEAD_WITHIN = 30.0  # seconds from the first byte of a head to its end
UPGRADES = (b"upgrade", b"http2-settings", b"connection")  # headers that offer another protocol


class HeadTooLarge(Exception):
    """A request's line and headers are larger than allowed."""


class Protocol(HttpToolsProtocol):
    """One connection.

    A client may offer to go on in another protocol, as Java's HttpClient does with HTTP/2; we go on in this one. The parser would
    take what follows the head for that other protocol: such a request is parsed again without the offer.
    """

    def connection_made(self, transport):
        self._head, self._kept, self._offers, self._late, self._waiting = 0, 0, False, None, None
        self._ask, self._call_off = getattr(self.app, "ask", None), None
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc):
        self._head_is_there()
        if self._call_off is not None:
            self._call_off()
        super().connection_lost(exc)

    def data_received(self, data):
        self._unset_keepalive_if_required()
        self._kept += len(data)  # the parser keeps what is not a whole header yet
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as offer:
                if self.parser.get_method() == b"CONNECT":
                    return self._refuse(400)
                data = self._without_offer() + data[offer.args[0] :]
            except httptools.HttpParserCallbackError as error:
                return self._refuse(431 if isinstance(error.__context__, HeadTooLarge) else 400)
            except httptools.HttpParserError:
                return self._refuse(400)
        self._go_on()
        if self._kept > MOST_HEAD:
            self._refuse(431)

    def on_message_begin(self):
        self._head, self._offers = 0, False
        super().on_message_begin()
        if self._late is None:
            self._expect_head()

    def on_url(self, url):
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name, value):
        self._kept = 0
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self):
        self._kept = 0
        self._head_is_there()
        self._offers = self.parser.should_upgrade()
        if not self._offers:
            super().on_headers_complete()

    def on_body(self, body):
        self._kept = 0
        if not self._offers:
            super().on_body(body)

    def on_message_complete(self):
        self._kept = 0
        if not self._offers:
            super().on_message_complete()
            self._go_shortly()

    def _start_asgi_task(self, cycle, app):
        """Waits for the body, if it comes with the head: a request that is whole may be answered at once."""
        if self._ask is None or not cycle.more_body or self.expect_100_continue:
            super()._start_asgi_task(cycle, app)
        else:
            self._waiting = cycle, app

    def _go_on(self):
        """Gives a request to the application in the usual way."""
        if self._waiting is not None:
            (cycle, app), self._waiting = self._waiting, None
            super()._start_asgi_task(cycle, app)

    def _go_shortly(self):
        """Answers a whole request past ASGI, if the application can."""
        if self._waiting is None:
            return
        (cycle, _), waiting, self._waiting = self._waiting, self._waiting, None

        def respond(code, content):
            self._call_off = None
            self._respond(cycle, code, content)

        call_off = None if self.flow.write_paused else self._ask(self, cycle.scope, cycle.body, respond)
        if call_off is None:
            self._waiting = waiting
            self._go_on()
        elif not cycle.response_complete:
            self._call_off = call_off

    def _respond(self, cycle, code, content):
        head = [STATUS_LINE[code], *(b"%s: %s\r\n" % pair for pair in self.server_state.default_headers)]
        if not cycle.keep_alive:
            head.append(b"connection: close\r\n")
        head.append(b"content-length: %d\r\ncontent-type: application/json\r\n\r\n" % len(content))
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join(head) + content)
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _without_offer(self):
        """The head of the request that offered an upgrade, without the offer, for a parser that begins again."""
        head = [self.parser.get_method() + b" " + self.url + b" HTTP/" + self.parser.get_http_version().encode()]
        head += [name + b": " + value for name, value in self.headers if name not in UPGRADES]
        if not self.parser.should_keep_alive():
            head.append(b"connection: close")
        self.parser = httptools.HttpRequestParser(self)
        return b"\r\n".join([*head, b"", b""])

    def _count(self, size):
        self._head += size
        if self._head > MOST_HEAD:
            raise HeadTooLarge

    def _expect_head(self):
        self._late = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def _head_is_there(self):
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, code):
        if self.cycle is not None and not self.cycle.response_complete:
            return self.transport.close()  # in the middle of another answer
        reason = {400: "Bad Request", 431: "Request Header Fields Too Large"}[code]
        text = f'{{"error": "{reason}"}}'
        head = f"HTTP/1.1 {code} {reason}\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\nconnection: close"
        self.transport.write(f"{head}\r\n\r\n{text}".encode())
        self.transport.close()
