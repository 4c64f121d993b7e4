// Edges over real sockets: order, limits, counted losses, refusal of a second owner and of garbage.
#include "runtime/core/link.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <zmq.hpp>

#include "runtime/core/batch.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RunDirectory {
 public:
  RunDirectory()
      : path_(std::filesystem::temp_directory_path() /
              ("gala-link-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~RunDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

Edge edge(Delivery delivery, std::int64_t queue) {
  Edge result;
  result.from = "producer";
  result.port = "records";
  result.to = "consumer";
  result.delivery = delivery;
  result.queue = queue;
  return result;
}

Links::Options producer_options(const RunDirectory& directory, const Edge& to) {
  return {directory.path(), "producer", {}, {to}, {"records"}};
}

Links::Options consumer_options(const RunDirectory& directory, const Edge& from) {
  return {directory.path(), "consumer", {from}, {}, {}};
}

Outgoing message(std::uint64_t value) {
  Batch batch;
  const auto column = batch.add_column("value", wire::ColumnKind::integer);
  batch.column(column).add(value);
  return {"records", wire::MessageType::records, "t", to_records(batch, "p.t", {}, false)};
}

void send(Links& links, std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t value = from; value < to; ++value) {
    links.send(message(value), current_instant(), [] { return false; });
  }
}

std::uint64_t value_of(const Frame& frame) {
  const auto* records = flatbuffers::GetRoot<wire::Records>(frame.payload.data());
  return TableView(records->columns(), records->rows()).find("value").integer(0);
}

/// Everything that arrives until `wanted` values are there or two seconds have passed.
std::vector<std::uint64_t> receive(Links& links, std::size_t wanted) {
  std::vector<std::uint64_t> values;
  const auto deadline = current_instant().boot + 2s;
  while (values.size() < wanted && current_instant().boot < deadline) {
    EXPECT_TRUE(links.wait({}, 20ms));
    links.receive(64, [&](const Frame& frame) { values.push_back(value_of(frame)); });
  }
  return values;
}

TEST(Links, DeliverInOrderWhicheverSideStartsFirst) {
  const RunDirectory directory;
  auto producer = Links::open(producer_options(directory, edge(Delivery::drop, 1000)));
  ASSERT_TRUE(producer) << producer.error().what;
  send(*producer, 0, 100);  // nobody listens yet
  auto consumer = Links::open(consumer_options(directory, edge(Delivery::drop, 1000)));
  ASSERT_TRUE(consumer) << consumer.error().what;
  const auto values = receive(*consumer, 100);
  ASSERT_EQ(values.size(), 100u);
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  EXPECT_EQ(consumer->in_counts(0).missing, 0u);
}

TEST(Links, CountWhatDoesNotFitTheQueue) {
  const RunDirectory directory;
  auto producer = Links::open(producer_options(directory, edge(Delivery::drop, 10)));
  ASSERT_TRUE(producer);
  send(*producer, 0, 500);
  const EdgeCounts& counts = producer->out_counts(0);
  EXPECT_EQ(counts.offered, 500u);
  EXPECT_GT(counts.dropped_full, 0u);
  EXPECT_EQ(counts.offered, counts.sent + counts.dropped_full);
}

TEST(Links, ContinueTheCountWhenTheConsumerComesBack) {
  const RunDirectory directory;
  auto producer = Links::open(producer_options(directory, edge(Delivery::drop, 1000)));
  ASSERT_TRUE(producer);
  {
    auto first = Links::open(consumer_options(directory, edge(Delivery::drop, 1000)));
    ASSERT_TRUE(first);
    send(*producer, 0, 10);
    ASSERT_EQ(receive(*first, 10).size(), 10u);
  }
  send(*producer, 10, 20);
  auto second = Links::open(consumer_options(directory, edge(Delivery::drop, 1000)));
  ASSERT_TRUE(second);
  send(*producer, 20, 30);
  const auto values = receive(*second, 20);
  const EdgeCounts& in = second->in_counts(0);
  EXPECT_EQ(values.empty() ? 0 : values.back(), 29u);
  EXPECT_EQ(in.last_sequence, 30u);
  EXPECT_EQ(in.received + in.missing, 30u);
}

// The library serves no process that was forked after its sockets were opened: there it refuses
// each call. The parent sees the child's counts, which lie in a shared file.
TEST(Links, CountWhatTheLibraryRefusesToSend) {
  const RunDirectory directory;
  auto producer = Links::open(producer_options(directory, edge(Delivery::drop, 10)));
  ASSERT_TRUE(producer);
  const EdgeCounts& counts = producer->out_counts(0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto deadline = current_instant().boot + 2s;
    while (counts.dropped_error < 3 && current_instant().boot < deadline) {
      send(*producer, 0, 1);
    }
    ::_exit(producer->complaints().empty() ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "no complaint";
  EXPECT_GE(counts.dropped_error, 3u);
  EXPECT_EQ(counts.offered, counts.sent + counts.dropped_full + counts.dropped_error);
}

// A process that is killed while an edge waits has a message in its hands.
TEST(Links, CountWhatAKilledProducerHeld) {
  const RunDirectory directory;
  const Edge waiting = edge(Delivery::block, 2);
  const pid_t child = ::fork();
  if (child == 0) {
    auto producer = Links::open(producer_options(directory, waiting));
    for (std::uint64_t value = 0; producer && value < 10; ++value) {
      producer->send(message(value), current_instant(), [] {
        ::_exit(7);
        return false;
      });
    }
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 7) << "the edge has to wait for its consumer";
  const auto producer = Links::open(producer_options(directory, waiting));
  ASSERT_TRUE(producer);
  const EdgeCounts& counts = producer->out_counts(0);
  EXPECT_EQ(counts.dropped_killed, 1u);
  EXPECT_EQ(counts.offered, counts.sent + counts.dropped_killed);
}

// The consumer's library ends the connection of whoever sends more, with all that is under way.
TEST(Links, CountWhatIsTooLargeForTheConsumer) {
  const RunDirectory directory;
  auto producer = Links::open(producer_options(directory, edge(Delivery::drop, 10)));
  auto consumer = Links::open(consumer_options(directory, edge(Delivery::drop, 10)));
  ASSERT_TRUE(producer && consumer);
  producer->send({"records", wire::MessageType::records, "t",
                  std::vector<std::uint8_t>(max_payload_bytes + 8)},
                 current_instant(), [] { return false; });
  send(*producer, 7, 8);
  EXPECT_EQ(receive(*consumer, 1), std::vector<std::uint64_t>{7});
  EXPECT_EQ(producer->out_counts(0).dropped_error, 1u);
  EXPECT_EQ(producer->out_counts(0).sent, 1u);
  EXPECT_EQ(consumer->in_counts(0).missing, 0u);
  EXPECT_THAT(producer->complaints(), ElementsAre(HasSubstr("beyond the limit of 67108864")));
}

// A recording is sent at its own times, and what a stranger sends has any.
TEST(Links, KnowNoLagOfAMessageFromTheFuture) {
  const RunDirectory directory;
  auto producer = Links::open(producer_options(directory, edge(Delivery::drop, 10)));
  auto consumer = Links::open(consumer_options(directory, edge(Delivery::drop, 10)));
  ASSERT_TRUE(producer && consumer);
  for (const BootTime at : {current_instant().boot + 1h, BootTime{Duration::min()}}) {
    Outgoing early = message(1);
    early.at = Instant{at, WallTime{}};
    producer->send(std::move(early), current_instant(), [] { return false; });
    ASSERT_EQ(receive(*consumer, 1).size(), 1u);
    EXPECT_EQ(consumer->in_lag(0), Duration{0});
  }
}

TEST(Links, RefuseASecondOwnerOfAnEndpoint) {
  const RunDirectory directory;
  const auto first = Links::open(consumer_options(directory, edge(Delivery::drop, 10)));
  ASSERT_TRUE(first);
  const auto second = Links::open(consumer_options(directory, edge(Delivery::drop, 10)));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().what, HasSubstr("in use by another process"));
}

TEST(Links, BlockUntilToldToStop) {
  const RunDirectory directory;
  auto producer = Links::open(producer_options(directory, edge(Delivery::block, 2)));
  ASSERT_TRUE(producer);
  int waits = 0;
  for (std::uint64_t value = 0; value < 10; ++value) {
    producer->send(message(value), current_instant(), [&] { return ++waits % 3 != 0; });
  }
  const EdgeCounts& counts = producer->out_counts(0);
  EXPECT_GT(counts.waited_ns, 0u);
  EXPECT_GT(counts.dropped_stopping, 0u);
  EXPECT_EQ(counts.offered, counts.sent + counts.dropped_stopping);
}

TEST(Links, KeepGarbageOutAndCountIt) {
  const RunDirectory directory;
  auto consumer = Links::open(consumer_options(directory, edge(Delivery::drop, 10)));
  ASSERT_TRUE(consumer);
  zmq::context_t context;
  zmq::socket_t stranger(context, zmq::socket_type::push);
  stranger.connect(edge_endpoint(directory.path(), edge(Delivery::drop, 10)));
  stranger.send(zmq::str_buffer("hello"), zmq::send_flags::none);
  stranger.send(zmq::str_buffer("topic"), zmq::send_flags::sndmore);
  stranger.send(zmq::str_buffer("header"), zmq::send_flags::sndmore);
  stranger.send(zmq::str_buffer("payload"), zmq::send_flags::none);
  const auto deadline = current_instant().boot + 2s;
  while (consumer->in_counts(0).invalid < 2 && current_instant().boot < deadline) {
    EXPECT_TRUE(consumer->wait({}, 20ms));
    consumer->receive(64, [](const Frame&) { FAIL() << "garbage was handed on"; });
  }
  EXPECT_EQ(consumer->in_counts(0).invalid, 2u);
  EXPECT_THAT(consumer->complaints(),
              ElementsAre(AllOf(HasSubstr("producer.records"), HasSubstr("header of 6 bytes"))));
  EXPECT_TRUE(std::filesystem::exists(directory.path() + "/rejected/consumer.0"));
}

// An error that is taken for an interruption makes a loop that turns for nothing.
TEST(Links, TellAnErrorOfWaitingFromAnInterruption) {
  const RunDirectory directory;
  auto links = Links::open(consumer_options(directory, edge(Delivery::drop, 10)));
  ASSERT_TRUE(links);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const auto nothing = links->wait({ends[0]}, 5ms);
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());

  struct sigaction noted{};
  noted.sa_handler = [](int) {};
  struct sigaction before{};
  ::sigaction(SIGALRM, &noted, &before);
  const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 20'000}};
  ::setitimer(ITIMER_REAL, &soon, nullptr);
  const auto interrupted = links->wait({ends[0]}, 10s);
  ::sigaction(SIGALRM, &before, nullptr);
  ASSERT_TRUE(interrupted) << interrupted.error().what;
  EXPECT_TRUE(interrupted->empty());

  ::close(ends[1]);
  const auto left = links->wait({ends[0]}, 10s);
  ASSERT_TRUE(left);
  EXPECT_EQ(*left, std::vector<int>{ends[0]}) << "its reader learns that the other end is gone";

  ::close(ends[0]);
  const auto closed = links->wait({ends[0]}, 10s);
  ASSERT_FALSE(closed);
  EXPECT_THAT(closed.error().what, HasSubstr("is not open"));
}

TEST(Links, AStalledTapCostsTheEdgeNothing) {
  const RunDirectory directory;
  auto producer = Links::open(producer_options(directory, edge(Delivery::drop, 10'000)));
  auto consumer = Links::open(consumer_options(directory, edge(Delivery::drop, 10'000)));
  ASSERT_TRUE(producer && consumer);
  zmq::context_t context;
  zmq::socket_t tap(context, zmq::socket_type::sub);  // subscribes and never reads
  tap.set(zmq::sockopt::rcvhwm, 1);
  tap.set(zmq::sockopt::subscribe, "");
  tap.connect(tap_endpoint(directory.path(), "producer", "records"));
  send(*producer, 0, 5000);
  EXPECT_EQ(receive(*consumer, 5000).size(), 5000u);
  EXPECT_EQ(producer->out_counts(0).dropped_full, 0u);
}

}  // namespace
}  // namespace gala
