// One edge against the raw primitive: batched observations through Links and the same bytes through
// a plain libzmq PUSH/PULL, sender and receiver in processes of their own, interleaved in one run.
//   edge_throughput [messages] [rounds]   → one JSON object on standard output
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "runtime/core/batch.h"
#include "runtime/core/link.h"

namespace {

using gala::Batch;
using gala::Edge;
using gala::Frame;
using gala::Links;
using Clock = std::chrono::steady_clock;

constexpr std::size_t rows_per_message = 128;
constexpr int queue = 1000;

/// What the assembler sends for 128 connections: an id, three labels, eight metrics.
std::vector<std::uint8_t> observations() {
  Batch batch;
  const auto id = batch.add_column("entity_id", gala::wire::ColumnKind::text);
  std::vector<std::size_t> metrics;
  for (int i = 0; i < 8; ++i) {
    metrics.push_back(
        batch.add_column("metric" + std::to_string(i), gala::wire::ColumnKind::number));
  }
  for (std::size_t row = 0; row < rows_per_message; ++row) {
    batch.column(id).add("0123456789abcdef_tcp_link_" + std::to_string(1000 + row) + "_server");
    for (const std::size_t metric : metrics) {
      batch.column(metric).add(static_cast<double>(row * metric));
    }
  }
  return gala::to_observations(batch, "tcp_link", "tcp_stats", {"m", 1, 2, 0, 0});
}

/// Forks `sender`; times `receiver` until it has seen everything.
double seconds(const std::function<void()>& sender, const std::function<void()>& receiver) {
  const pid_t child = ::fork();
  if (child == 0) {
    sender();
    ::_exit(0);
  }
  const auto began = Clock::now();
  receiver();
  const double elapsed = std::chrono::duration<double>(Clock::now() - began).count();
  ::waitpid(child, nullptr, 0);
  return elapsed;
}

double raw(const std::string& endpoint, const std::vector<std::uint8_t>& payload, int messages) {
  return seconds(
      [&] {
        zmq::context_t context;
        zmq::socket_t push(context, zmq::socket_type::push);
        push.set(zmq::sockopt::sndhwm, queue);
        push.connect(endpoint);
        for (int i = 0; i < messages; ++i) {
          push.send(zmq::buffer(payload), zmq::send_flags::none);
        }
        push.set(zmq::sockopt::linger, -1);
      },
      [&] {
        zmq::context_t context;
        zmq::socket_t pull(context, zmq::socket_type::pull);
        pull.set(zmq::sockopt::rcvhwm, queue);
        pull.bind(endpoint);
        zmq::message_t message;
        for (int i = 0; i < messages; ++i) {
          static_cast<void>(pull.recv(message, zmq::recv_flags::none));
        }
      });
}

double edge(const std::string& directory, const std::vector<std::uint8_t>& payload, int messages) {
  Edge one;
  one.from = "producer";
  one.port = "observations";
  one.to = "consumer";
  one.delivery = gala::Delivery::block;
  one.queue = queue;
  return seconds(
      [&] {
        auto links = Links::open({directory, "producer", {}, {one}, {"observations"}});
        for (int i = 0; i < messages; ++i) {
          links->send({"observations", gala::wire::MessageType::observations, "tcp_link", payload},
                      gala::current_instant(), [] { return true; });
        }
        links->close(std::chrono::seconds{10});
      },
      [&] {
        auto links = Links::open({directory, "consumer", {one}, {}, {}});
        for (std::size_t received = 0; received < static_cast<std::size_t>(messages);) {
          links->wait({}, std::chrono::seconds{1});
          received += links->receive(64, [](const Frame&) {});
        }
      });
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int messages = argc > 1 ? std::atoi(argv[1]) : 20'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  const auto directory =
      std::filesystem::temp_directory_path() / ("gala-edge-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const auto payload = observations();
  std::vector<double> raw_seconds;
  std::vector<double> edge_seconds;
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    raw_seconds.push_back(raw("ipc://" + (directory / "raw").string(), payload, messages));
    edge_seconds.push_back(edge(directory.string(), payload, messages));
    ratios.push_back(raw_seconds.back() / edge_seconds.back());
  }
  std::filesystem::remove_all(directory);
  const double megabytes = static_cast<double>(payload.size()) * messages / 1e6;
  const double rows = static_cast<double>(rows_per_message) * messages;
  fmt::print(
      "{{\"message_bytes\":{},\"messages\":{},\"rounds\":{},\"raw_mb_per_s\":{:.0f},"
      "\"edge_mb_per_s\":{:.0f},\"edge_rows_per_s\":{:.0f},\"ratio_median\":{:.3f},"
      "\"ratio_min\":{:.3f},\"ratio_max\":{:.3f}}}\n",
      payload.size(), messages, rounds, megabytes / median(raw_seconds),
      megabytes / median(edge_seconds), rows / median(edge_seconds), median(ratios),
      *std::min_element(ratios.begin(), ratios.end()),
      *std::max_element(ratios.begin(), ratios.end()));
  return 0;
}
