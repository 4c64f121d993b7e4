// Prometheus over a ZeroMQ STREAM socket.
#include "runtime/core/exposition_server.h"

#include <fmt/format.h>

#include <map>
#include <utility>
#include <zmq.hpp>

namespace gala::detail {
namespace {

/// A client that sends more than this without ending its request is cut off.
constexpr std::size_t max_request_bytes = 8192;
constexpr std::size_t max_clients = 64;

std::string respond(std::string_view request, std::string_view text) {
  const bool known = request.starts_with("GET /metrics ") || request.starts_with("GET / ");
  const std::string_view body = known ? text : "only GET /metrics is answered here\n";
  return fmt::format(
      "HTTP/1.0 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      known ? "200 OK" : "404 Not Found", body.size(), body);
}

}  // namespace

struct ExpositionServer::State {
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::stream};
  /// What each connection has sent so far, by routing id.
  std::map<std::string, std::string> requests;

  void send(const std::string& client, const std::string& bytes) {
    socket.send(zmq::buffer(client), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
    socket.send(zmq::buffer(bytes), zmq::send_flags::dontwait);
  }
};

Result<ExpositionServer> ExpositionServer::listen(const std::string& address) {
  auto state = std::make_unique<State>();
  try {
    state->socket.set(zmq::sockopt::linger, 500);
    state->socket.bind("tcp://" + address);
  } catch (const zmq::error_t& error) {
    return fail("metrics = \"" + address + "\": cannot listen there (" + error.what() +
                "); write \"127.0.0.1:9470\" with a port that no other process has");
  }
  return ExpositionServer(std::move(state));
}

ExpositionServer::ExpositionServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
ExpositionServer::ExpositionServer(ExpositionServer&&) noexcept = default;
ExpositionServer& ExpositionServer::operator=(ExpositionServer&&) noexcept = default;
ExpositionServer::~ExpositionServer() = default;

int ExpositionServer::descriptor() const { return state_->socket.get(zmq::sockopt::fd); }

void ExpositionServer::answer(const std::string& text) {
  try {
    // Asking for the events re-arms the descriptor, which is edge-triggered.
    while ((state_->socket.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0) {
      zmq::message_t id;
      zmq::message_t part;
      if (!state_->socket.recv(id, zmq::recv_flags::dontwait) ||
          !state_->socket.recv(part, zmq::recv_flags::dontwait)) {
        return;
      }
      const std::string client = id.to_string();
      if (part.size() == 0) {  // connected or disconnected
        state_->requests.erase(client);
        continue;
      }
      std::string& request = state_->requests[client];
      request += part.to_string_view();
      const bool complete = request.find("\r\n\r\n") != std::string::npos;
      const bool hopeless =
          request.size() > max_request_bytes || state_->requests.size() > max_clients;
      if (complete) {
        state_->send(client, respond(request, text));
      }
      if (complete || hopeless) {
        state_->requests.erase(client);
        state_->send(client, "");  // closes the connection
      }
    }
  } catch (const zmq::error_t&) {
    // The client went away while it was answered: nothing is owed to it.
    return;
  }
}

}  // namespace gala::detail
