"""What nginx passes requests on to: slow, chunked, streaming and switching replies.

  web_server.py PORT"""
import http.server
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        word = self.path.split("/")[2]
        if word in ("slow", "later"):
            time.sleep(int(self.path.rsplit("/", 1)[1]) / 1e6)
            self.answer(b"slow")
        elif word == "chunked":
            self.stream("text/plain", (b"chunk %d;" % number for number in range(20)))
        elif word == "events":
            self.stream("text/event-stream", self.events())
        elif word == "socket":
            self.talk_otherwise()
        else:
            self.answer(b"what", 404)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(b"stored")

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, content_type, pieces):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def events():
        for number in range(4):
            time.sleep(0.05)
            yield b"data: %d\n\n" % number

    def talk_otherwise(self):
        """After the switch: whatever comes goes back."""
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.close_connection = True
        while data := self.connection.recv(4096):
            self.connection.sendall(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
