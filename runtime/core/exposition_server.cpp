// Prometheus over libmicrohttpd, driven by the stage's own loop. The only file that includes it.
#include "runtime/core/exposition_server.h"

#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <utility>

#include "runtime/core/handle.h"

namespace gala::detail {
namespace {

using Daemon = Handle<MHD_Daemon, MHD_stop_daemon>;
using Response = Handle<MHD_Response, MHD_destroy_response>;
using AddressList = Handle<addrinfo, ::freeaddrinfo>;

constexpr std::size_t max_clients = 64;
constexpr std::size_t max_clients_per_address = 16;
/// The library accepts some connections at once before the oldest ones are gone.
constexpr unsigned accept_limit = 2 * max_clients;
constexpr int backlog = 128;
/// Request line and headers together; a longer request gets status 431 or 414.
constexpr std::size_t max_request_bytes = 8192;
/// What the clients get at most before the stage has its turn again.
constexpr int rounds_per_answer = 16;

constexpr std::string_view not_found = "only GET /metrics is answered here\n";

Response make_response(std::string_view text) {
  // The library takes a pointer to non-const, which it copies from.
  Response response(MHD_create_response_from_buffer(text.size(), const_cast<char*>(text.data()),
                                                    MHD_RESPMEM_MUST_COPY));
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE,
                          "text/plain; version=0.0.4; charset=utf-8");
  MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONNECTION, "close");
  return response;
}

/// Not where the kernel was started without it.
bool has_ipv6() {
  return static_cast<bool>(FileDescriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)));
}

/// Listens on one address; `::` takes IPv4 clients, too. False leaves the reason in errno.
bool listen_on(const FileDescriptor& socket, const addrinfo& address, bool everywhere) {
  const int on = 1;
  const int off = 0;
  return socket && ::setsockopt(socket.value(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
         (!everywhere || address.ai_family != AF_INET6 ||
          ::setsockopt(socket.value(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0) &&
         ::bind(socket.value(), address.ai_addr, address.ai_addrlen) == 0 &&
         ::listen(socket.value(), backlog) == 0;
}

Result<FileDescriptor> listening_socket(const std::string& address) {
  const auto refuse = [&](std::string_view cause) {
    return fail("metrics = \"" + address + "\": cannot listen there (" + std::string(cause) +
                "); write \"127.0.0.1:9470\" with a port that no other process has");
  };
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
    return refuse("it is no \"host:port\"");
  }
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  const bool everywhere = host == "*";
  addrinfo hints{};
  hints.ai_family = !everywhere ? AF_UNSPEC : has_ipv6() ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(everywhere ? nullptr : host.c_str(), address.c_str() + colon + 1,
                                   &hints, &found);
  if (failed != 0) {
    return refuse(::gai_strerror(failed));
  }
  const AddressList addresses(found);
  int error = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    FileDescriptor socket(::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (listen_on(socket, *one, everywhere)) {
      return socket;
    }
    error = errno;
  }
  return refuse(std::strerror(error));
}

std::string numeric_address(const sockaddr* address) {
  char text[NI_MAXHOST] = "";
  const socklen_t size =
      address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  ::getnameinfo(address, size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
  return text;
}

/// A connection from its acceptance until the library has closed it.
struct Client {
  MHD_Connection* connection = nullptr;
  /// The library's; valid as long as this entry stands.
  int socket = -1;
  std::string address;
  BootTime accepted;
  bool shut = false;
};

/// All connections, in the order of their acceptance.
class Clients {
 public:
  void add(MHD_Connection* connection) {
    const auto ask = [&](MHD_ConnectionInfoType what) {
      return MHD_get_connection_info(connection, what);
    };
    clients_.push_back({connection, ask(MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                        numeric_address(ask(MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr), now_,
                        false});
    const std::string& address = clients_.back().address;
    shut_oldest_beyond(max_clients_per_address,
                       [&](const Client& client) { return client.address == address; });
    shut_oldest_beyond(max_clients, [](const Client&) { return true; });
  }

  void remove(const MHD_Connection* connection) {
    std::erase_if(clients_, [&](const Client& client) { return client.connection == connection; });
  }

  void advance(BootTime now) {
    now_ = now;
    for (Client& client : clients_) {
      if (now - client.accepted >= ExpositionServer::max_age) {
        shut(client);
      }
    }
  }

 private:
  /// The library sees a socket that ended and closes it.
  static void shut(Client& client) {
    if (!client.shut) {
      client.shut = true;
      ::shutdown(client.socket, SHUT_RDWR);
    }
  }

  template <class Counts>
  void shut_oldest_beyond(std::size_t limit, Counts&& counts) {
    const auto open = [&](const Client& client) { return !client.shut && counts(client); };
    if (static_cast<std::size_t>(std::ranges::count_if(clients_, open)) > limit) {
      shut(*std::ranges::find_if(clients_, open));
    }
  }

  std::list<Client> clients_;
  BootTime now_;
};

}  // namespace

struct ExpositionServer::State {
  Clients clients;
  Response metrics = make_response("");
  Response refusal = make_response(not_found);
  /// Last: it is stopped before what it uses goes away.
  Daemon daemon;

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* /*version*/, const char* /*upload*/,
                               std::size_t* /*upload_size*/, void** /*request*/) {
    const State& state = *static_cast<State*>(self);
    const std::string_view path = url;
    const std::string_view verb = method;
    const bool known = (path == "/metrics" || path == "/") &&
                       (verb == MHD_HTTP_METHOD_GET || verb == MHD_HTTP_METHOD_HEAD);
    // Queued before any body of the request is read, the answer also ends the connection.
    return MHD_queue_response(connection, known ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND,
                              known ? state.metrics.get() : state.refusal.get());
  }

  static void on_connection(void* self, MHD_Connection* connection, void** /*socket*/,
                            MHD_ConnectionNotificationCode code) {
    Clients& clients = static_cast<State*>(self)->clients;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      clients.add(connection);
    } else {
      clients.remove(connection);
    }
  }
};

Result<ExpositionServer> ExpositionServer::listen(const std::string& address) {
  FileDescriptor socket = TRY(listening_socket(address));
  auto state = std::make_unique<State>();
  state->daemon.reset(MHD_start_daemon(
      MHD_USE_EPOLL, 0, nullptr, nullptr, &State::on_request, state.get(), MHD_OPTION_LISTEN_SOCKET,
      socket.value(), MHD_OPTION_CONNECTION_LIMIT, accept_limit, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      max_request_bytes, MHD_OPTION_NOTIFY_CONNECTION, &State::on_connection, state.get(),
      MHD_OPTION_END));
  if (!state->daemon) {
    return fail("metrics = \"" + address + "\": the HTTP server does not start (" +
                std::strerror(errno) + "); leave `metrics` out to run without it");
  }
  socket.release();  // now the server's
  return ExpositionServer(std::move(state));
}

ExpositionServer::ExpositionServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
ExpositionServer::ExpositionServer(ExpositionServer&&) noexcept = default;
ExpositionServer& ExpositionServer::operator=(ExpositionServer&&) noexcept = default;
ExpositionServer::~ExpositionServer() = default;

void ExpositionServer::publish(std::string_view text) {
  // Who reads the text before keeps it: responses are counted references.
  state_->metrics = make_response(text);
}

int ExpositionServer::descriptor() const {
  return MHD_get_daemon_info(state_->daemon.get(), MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

Duration ExpositionServer::quiet_time() const {
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  if (MHD_get_timeout(state_->daemon.get(), &milliseconds) == MHD_NO) {
    return max_age;
  }
  return std::min<Duration>(max_age, std::chrono::milliseconds{milliseconds});
}

void ExpositionServer::answer(BootTime now) {
  state_->clients.advance(now);
  for (int round = 0; round < rounds_per_answer; ++round) {
    MHD_run(state_->daemon.get());
    if (quiet_time() > Duration{0}) {
      return;
    }
  }
}

}  // namespace gala::detail
