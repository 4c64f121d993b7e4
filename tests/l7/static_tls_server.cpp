// An HTTP server with OpenSSL linked into it: /fail is answered with 500, each request takes as
// many µs as it asks for (us=).
//   static_tls_server PORT CERTIFICATE KEY
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

const std::string body(300, 'x');

std::chrono::microseconds work_of(const std::string& request) {
  const auto at = request.find("us=");
  return std::chrono::microseconds(at == std::string::npos ? 0 : std::atoi(&request[at + 3]));
}

std::string answer_to(const std::string& request) {
  const bool fails = request.rfind("GET /fail?", 0) == 0;
  return "HTTP/1.1 " + std::string(fails ? "500 Internal Server Error" : "200 OK") +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Answers the requests of one connection until there are no more.
void converse(SSL_CTX* context, int socket) {
  SSL* session = SSL_new(context);
  SSL_set_fd(session, socket);
  std::string data;
  char part[4096];
  int got = SSL_accept(session) == 1 ? 1 : 0;
  while (got > 0) {
    const auto end = data.find("\r\n\r\n");
    if (end == std::string::npos) {
      got = SSL_read(session, part, sizeof(part));
      data.append(part, static_cast<std::size_t>(got > 0 ? got : 0));
      continue;
    }
    std::this_thread::sleep_for(work_of(data));
    const std::string answer = answer_to(data);
    data.erase(0, end + 4);
    got = SSL_write(session, answer.data(), static_cast<int>(answer.size()));
  }
  SSL_free(session);
  ::close(socket);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_file(context, argv[2], SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) != 1) {
    return 1;
  }
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener, 64) != 0) {
    return 1;
  }
  for (int socket = ::accept(listener, nullptr, nullptr); socket >= 0;
       socket = ::accept(listener, nullptr, nullptr)) {
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    std::thread(converse, context, socket).detach();
  }
  return 0;
}
