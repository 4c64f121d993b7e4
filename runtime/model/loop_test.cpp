// The end of a stage that has more to do than there is time. It stands here and not in core, since
// a stage's context has a model.
#include "runtime/core/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "runtime/core/batch.h"
#include "runtime/core/stage_memory.h"
#include "runtime/model/model.h"

namespace gala::detail {
namespace {

using namespace std::chrono_literals;

BootTime now() { return current_instant().boot; }

/// Works on each message for a while, and is done with the first one.
class SlowStage final : public AnyStage {
 public:
  Result<> start(Instant) override { return {}; }
  void handle(const Frame&, Outbox&) override {
    ++handled;
    for (const BootTime begin = now(); now() - begin < 20ms;) {
    }
  }
  void tick(Instant, Outbox&) override {}
  std::vector<int> descriptors() override { return {}; }
  void on_readable(Instant, Outbox&) override {}
  void drain(Instant at, Outbox&) override { drained = at.boot; }
  bool finished() override {
    if (handled > 0 && done == BootTime{}) {
      done = now();
    }
    return handled > 0;
  }
  void report(SelfReport&) const override {}
  [[nodiscard]] bool remembers() const override { return false; }
  [[nodiscard]] std::vector<std::uint8_t> save() const override { return {}; }
  Result<> load(std::span<const std::uint8_t>) override { return {}; }

  std::size_t handled = 0;
  BootTime done;
  BootTime drained;
};

Outgoing message() {
  Batch batch;
  batch.column(batch.add_column("value", wire::ColumnKind::integer)).add(std::uint64_t{1});
  return {"records", wire::MessageType::records, "t", to_records(batch, "p.t", {}, false)};
}

class LoopTest : public testing::Test {
 protected:
  LoopTest() {
    // Socket paths are limited to 107 bytes.
    std::string pattern = "/tmp/gala-loop-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    edge_.from = "producer";
    edge_.port = "records";
    edge_.to = "slow";
    edge_.delivery = Delivery::drop;
    edge_.queue = 10'000;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &signals_);
  }
  ~LoopTest() override {
    // The loop keeps its signals blocked.
    ::pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
    std::filesystem::remove_all(directory_);
  }
  LoopTest(const LoopTest&) = delete;
  LoopTest& operator=(const LoopTest&) = delete;

  std::string directory_;
  Edge edge_;
  Model model_;

 private:
  sigset_t signals_{};
};

// Messages for ten seconds of work have arrived when the stage ends.
TEST_F(LoopTest, LeavesTimeForTheDrainWhateverHasArrived) {
  auto producer = Links::open({directory_, "producer", {}, {edge_}, {"records"}});
  ASSERT_TRUE(producer) << producer.error().what;
  for (int i = 0; i < 500; ++i) {
    producer->send(message(), current_instant(), [] { return false; });
  }
  SlowStage stage;
  const LoopOptions options{{model_, "m1", "test", "slow", 1s, directory_, ""},
                            {},
                            {directory_, "slow", {edge_}, {}, {}},
                            0s,
                            ""};
  ASSERT_EQ(run_loop(stage, options), 0);
  EXPECT_GT(stage.handled, 1U);
  EXPECT_LT(stage.handled, 500U);
  EXPECT_LT(stage.drained - stage.done, 600ms) << "the rest of its time is the stage's";
  EXPECT_LT(now() - stage.done, 2s);
}

/// Is done at once and has learned something.
class LearnedStage final : public AnyStage {
 public:
  Result<> start(Instant) override { return {}; }
  void handle(const Frame&, Outbox&) override {}
  void tick(Instant, Outbox&) override {}
  std::vector<int> descriptors() override { return {}; }
  void on_readable(Instant, Outbox&) override {}
  void drain(Instant, Outbox&) override {}
  bool finished() override { return true; }
  void report(SelfReport&) const override {}
  [[nodiscard]] bool remembers() const override { return true; }
  [[nodiscard]] std::vector<std::uint8_t> save() const override { return {1, 2, 3}; }
  Result<> load(std::span<const std::uint8_t>) override { return {}; }
};

// A training holds the memory while it works, and writes it at its end.
TEST_F(LoopTest, LeavesAMemoryAloneThatAnotherProcessKeeps) {
  const std::string path = memory_path(directory_, "slow");
  const LoopOptions options{{model_, "m1", "test", "slow", 1s, directory_, ""},
                            {},
                            {directory_, "slow", {}, {}, {}},
                            0s,
                            ""};
  LearnedStage stage;
  {
    const auto training = claim_memory(path);
    ASSERT_TRUE(training) << training.error().what;
    ASSERT_EQ(run_loop(stage, options), 0);
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  ASSERT_EQ(run_loop(stage, options), 0);
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace gala::detail
